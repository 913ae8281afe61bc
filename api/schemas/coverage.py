"""Answers about coverage: who reaches what, by which measure, and how sure it is."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.codes import Service

Method = Literal["walking", "straight_line"]
Speed = Literal["adult", "elderly", "frail"]
Area = Literal["grid", "community", "subdistrict"]
Calendar = Literal["verified", "unverified"]


class Measured(BaseModel):
    """How an answer about coverage was measured."""

    service: Service | None = Field(description="Null: any service.")
    at: AwareDatetime | None = Field(description="The moment; null: a day, hours left out.")
    day: date = Field(description="The local day.")
    method: Method
    speed: Speed
    speed_m_s: float = Field(description="Metres per second on level pavement.")
    network: str | None = Field(
        description="Version of the walking network; null: none was needed."
    )
    calendar: Calendar = Field(description="Unverified: the holidays of that year are not known.")
    stations_serving: int = Field(description="Stations that count.")
    stations_unknown: int = Field(
        description="Stations with the service whose hours nobody has stated; they do not count."
    )
    stations_off_network: list[UUID] = Field(
        description="Stations that count, though no road is near: nobody can walk to them."
    )
    reason: Literal["no_station_offers", "none_open", "hours_unknown"] | None = Field(
        description="Why no station counts."
    )


class Counts(BaseModel):
    """Homes and people; null: withheld because small, or because it would reveal a small count."""

    households: int | None
    residents: int | None
    elderly: int | None
    children: int | None
    low_income_households: int | None


class SharesOfCounts(BaseModel):
    """Shares from 0 to 1; null: withheld, or nobody lives there."""

    households: float | None
    residents: float | None
    elderly: float | None
    children: float | None
    low_income_households: float | None


class WithinThreshold(BaseModel):
    """Who is within a threshold."""

    threshold: float
    unit: Literal["m", "min"]
    covered: Counts
    share: SharesOfCounts
    suppressed: list[str] = Field(description="Counts that are withheld.")


class AreaCoverage(BaseModel):
    """A grid, a community or all of it."""

    id: UUID | None
    code: str | None
    name: str | None
    community_code: str | None
    counts: Counts
    suppressed: list[str] = Field(description="Counts that are withheld.")
    within: list[WithinThreshold]


class NotReached(BaseModel):
    """Buildings that reach no station for one reason."""

    reason: str = Field(examples=["no_station_reachable"])
    buildings: int
    households: int


class CoverageAnswer(Measured):
    """Who is within reach of an open station."""

    per: Area
    areas: list[AreaCoverage]
    not_reached: list[NotReached] = Field(description="Most households first.")
    outside: int = Field(description="Buildings that lie in none of the areas.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "service": "affairs",
                    "at": "2026-05-06T10:00:00+08:00",
                    "day": "2026-05-06",
                    "method": "walking",
                    "speed": "adult",
                    "speed_m_s": 1.2,
                    "network": "network-1-EPSG:32650-0f3a",
                    "calendar": "verified",
                    "stations_serving": 3,
                    "stations_unknown": 0,
                    "stations_off_network": [],
                    "reason": None,
                    "per": "subdistrict",
                    "areas": [],
                    "not_reached": [],
                    "outside": 0,
                }
            ]
        }
    )
