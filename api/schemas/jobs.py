"""Uploads, imports and jobs: what is sent and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.params import Day

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=200)]


class UploadAnswer(BaseModel):
    """A file that was received."""

    id: UUID
    filename: str
    size: int = Field(description="Bytes.")
    sha256: str


class NewImport(BaseModel):
    """What is to become of an uploaded file."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "upload_id": "3f0c7c1e-5a3e-4a50-9a51-1f3c2b8d9e10",
                    "layer": "buildings",
                    "crs": "EPSG:4490",
                    "columns": {"户数": "households"},
                }
            ]
        },
    )

    upload_id: UUID = Field(description="Of the file.")
    what: Literal["layer", "file", "hotline"] = Field(
        "layer",
        description="One layer; every layer that the mapping makes of the file; a 12345 export.",
    )
    layer: Name | None = Field(None, description="Of `layer`: which.", examples=["buildings"])
    mapping_upload_id: UUID | None = Field(None, description="An uploaded mapping file (TOML).")
    columns: dict[Name, Name] = Field(
        default_factory=dict, description="Column of the file to field of the layer."
    )
    accept_proposal: bool = Field(
        default=False,
        description="Take columns for what they look like, where no mapping is given or known.",
    )
    table: Name | None = Field(None, description="Layer, sheet or file inside the file.")
    crs: Name | None = Field(None, description="EPSG code, gcj02 or bd09.", examples=["gcj02"])
    encoding: Name | None = Field(None, examples=["gbk"])
    header_rows: int | None = Field(None, ge=1, le=10)
    source: Name | None = Field(None, description="Name of the data set; else the file's.")
    update: bool = Field(
        default=False, description="Another delivery of the layer: compared with what stands."
    )
    preview: bool = Field(default=False, description="Only say what an update would do.")
    match: Literal["auto", "id", "source_id", "geometry"] = "auto"
    reach: Literal["auto", "all", "communities", "none"] = "auto"
    as_of: Day | None = Field(None, description="First day without what is gone; today.")
    skip_rejects: bool = Field(default=False, description="Leave out rows that cannot be taken.")
    accept_shift: Annotated[str, Field(min_length=8, max_length=500)] | None = Field(
        None, description="Why the coordinates are right although they seem shifted."
    )


class JobAnswer(BaseModel):
    """A job: how far it is and what came of it."""

    id: UUID
    kind: str
    status: JobStatus
    principal: str
    step: str | None
    done: float | None
    total: float | None
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    report: dict[str, Any] | None
    error: dict[str, Any] | None
    waiting_for: Literal["worker"] | None = Field(
        description="Of a queued job: no worker was seen for a minute; start one: `wangge worker`."
    )


class JobLineAnswer(BaseModel):
    """A line of a job's log."""

    at: datetime
    level: Literal["info", "warning", "error"]
    message: str


class JobsAnswer(BaseModel):
    """The newest jobs, newest first."""

    jobs: list[JobAnswer]


class JobLogAnswer(BaseModel):
    """A job's log, oldest first."""

    lines: list[JobLineAnswer]


class ImportAnswer(BaseModel):
    """An import on the record."""

    number: int
    name: str
    mode: Literal["load", "update", "fix"]
    principal: str
    rows: dict[str, int]
    imported_at: datetime
    job_id: UUID | None
    undone_at: datetime | None
    undone_by: str | None
    report: dict[str, Any] | None


class ImportsAnswer(BaseModel):
    """The newest imports, newest first."""

    imports: list[ImportAnswer]


class UndoAnswer(BaseModel):
    """What was taken back."""

    number: int
    name: str
    mode: str
    imported_at: datetime
    deleted: dict[str, int]
    restored: dict[str, int]
    unfit_plans: list[UUID] = Field(description="Plans that do not fit what is there now.")
