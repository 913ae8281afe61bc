"""Audits of the ground, and what they found."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.params import Day
from api.schemas.codes import OneOf
from api.schemas.geojson import Link
from gis.ingest.audit.kinds import KINDS, SEVERITIES
from gis.layers.registry import LAYER_BY_NAME

FindingKind = Annotated[str, OneOf(tuple(KINDS))]
Severity = Annotated[str, OneOf(SEVERITIES)]
AuditedLayer = Annotated[str, OneOf((*LAYER_BY_NAME, "grids"))]


class AuditOrder(BaseModel):
    """What is to be audited; what is left out is everything."""

    layers: Annotated[list[AuditedLayer], Field(min_length=1, max_length=20)] | None = Field(
        None, description="Only what rows of these layers can have brought about."
    )
    plan_id: UUID | None = Field(
        None, description="The plan whose grids are audited; null: those in effect."
    )
    on_day: Day | None = Field(None, description="As of this day; null: today.")

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"layers": ["communities", "buildings"]}]}
    )


class AuditAnswer(BaseModel):
    """An audit that was made."""

    id: UUID
    at: AwareDatetime
    principal: str
    import_no: int | None = Field(description="The import that it followed.")
    options: dict[str, float | list[str]] | None = Field(
        description="Limits in metres and square metres; within: keys of the communities that it "
        "kept to, if it was not of all."
    )
    counts: dict[str, int] = Field(
        description="Findings by kind.", examples=[{"overlap_between_communities": 1}]
    )


class AuditsAnswer(BaseModel):
    """Audits, newest first."""

    audits: list[AuditAnswer]


class FindingFacts(BaseModel):
    """A fault of the ground."""

    kind: FindingKind
    severity: Severity
    layer: str = Field(examples=["communities"])
    row_ids: list[str] = Field(description="Keys of the rows concerned.")
    size_m2: float | None
    length_m: float | None
    fixable: bool = Field(description="Whether `wangge audit --fix` mends it.")
    detail: dict[str, Any] | None = Field(
        description="Facts by kind: codes, width_m, buildings and households at stake, …"
    )


class FindingFeature(BaseModel):
    """A finding at its place."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any] | None = Field(description="Of any type; null: it has no place.")
    properties: FindingFacts


class FindingFeatures(BaseModel):
    """A page of findings, the worst first."""

    type: Literal["FeatureCollection"]
    numberReturned: int = Field(ge=0)  # noqa: N815 - the name that OGC API Features gives it
    links: list[Link]
    features: list[FindingFeature]
