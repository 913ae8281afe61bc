"""Runs of coverage, their indicators, and the rows behind them."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.params import Day
from api.schemas.codes import Service
from api.schemas.coverage import ROUNDED, Area, Method, Speed

Threshold = Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)]
_FEW = 8


class RunRequest(BaseModel):
    """What a run of coverage is to measure; what is left out is usual."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"services": ["canteen", "any"], "metres": [500], "minutes": [15]}]
        },
    )

    as_of: Day | None = Field(
        None, description="The day whose stations and grids count; today if it is left out."
    )
    services: list[Service | Literal["any"]] = Field(
        default_factory=list,
        max_length=_FEW,
        description="Empty: any, and each that some station offers on the spot.",
    )
    metres: list[Threshold] = Field(default=[500], max_length=_FEW, description="Of the way.")
    minutes: list[Threshold] = Field(default=[15], max_length=_FEW, description="At the speed.")
    speed: Speed = "adult"
    method: Method | None = Field(None, description="Null: on foot if there are roads.")


class RunFacts(BaseModel):
    """A run of coverage: what was measured, when, on which data."""

    id: UUID
    as_of: date = Field(description="The day that it speaks of.")
    made_at: AwareDatetime
    method: Method
    data_version: str = Field(description="Fingerprint of the data it was measured on.")
    network_id: UUID | None = Field(description="The stored walking network; null: none.")
    network: str | None = Field(description="Version of the walking network; null: none.")
    services: list[str]
    metres: list[float]
    minutes: list[float]
    speed: Speed


class RunsAnswer(BaseModel):
    """The newest runs, newest first."""

    runs: list[RunFacts]


class PastValue(BaseModel):
    """The value of the same indicator before."""

    as_of: date
    value: float
    change: float | None = Field(description="The value now less the value then.")


class IndicatorFacts(BaseModel):
    """An indicator of an area."""

    indicator: str = Field(examples=["households_covered:canteen_500_m"])
    area_kind: Area
    area_id: UUID
    code: str | None = Field(description="Of the grid or community; null: it is gone.")
    name: str | None
    community_id: UUID | None
    value: float | None = Field(description="Null: nothing to divide by, not known, or withheld.")
    target: float | None = Field(description="Null: no target is published.")
    gap: float | None = Field(description="What is missing to the target; 0: it is reached.")
    unit: str | None = Field(examples=["share"])
    source: str | None = Field(description="Where the target comes from.")
    numerator: float | None
    denominator: float | None
    suppressed: bool = Field(description="Withheld: it is, or would reveal, a small count.")
    month: PastValue | None = Field(description="About a month before; null: not known.")
    year: PastValue | None = Field(description="About a year before; null: not known.")


class PageLink(BaseModel):
    """Another page of the same list."""

    rel: Literal["self", "next"]
    href: str = Field(examples=["/v1/indicators?limit=1000&offset=1000"])
    type: Literal["application/json"] = "application/json"


class IndicatorsAnswer(BaseModel):
    """A page of the indicators of a run."""

    run: RunFacts
    total: int = Field(description="Indicators that match, on all pages.")
    indicators: list[IndicatorFacts]
    rounded_to: int | None = Field(None, description=ROUNDED)
    links: list[PageLink]


class EvidenceRow(BaseModel):
    """A row behind a number."""

    layer: str = Field(examples=["buildings"])
    id: UUID
    name: str | None
    counted: bool = Field(description="It is counted; else it is only what is divided by.")
    amount: float | None = Field(description="What it adds; null: withheld.")
    suppressed: bool
    station_id: UUID | None = Field(description="Of a building: the nearest station on the day.")
    distance_m: float | None = Field(description="Along the way, or of the straight line.")
    walk_minutes: float | None
    reason: str | None = Field(description="Why no station is reached.")


class EvidenceAnswer(BaseModel):
    """A page of the rows behind a number."""

    run: RunFacts
    current: bool = Field(
        description="True: measured on the same data as the number; else the rows of today."
    )
    total: int = Field(description="Rows on all pages.")
    rows: list[EvidenceRow]
    links: list[PageLink]
