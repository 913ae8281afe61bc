"""Siting: what may be asked of it, and what is told."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.params import Day
from api.schemas.codes import OneOf, Service, Tier
from gis.coverage.shares import PEOPLE
from gis.coverage.siting import OBJECTIVES
from gis.network import SPEEDS
from gis.services.siting_order import CANDIDATES_LIMIT, LIMIT_M, MOST_CANDIDATES, SOURCES

Objective = Annotated[str, OneOf(OBJECTIVES)]
Source = Annotated[str, OneOf(SOURCES)]
People = Annotated[str, OneOf(PEOPLE)]
Group = Annotated[str, OneOf(tuple(SPEEDS))]
Part = Literal["office", "evening", "weekend"]
Key = Annotated[str, Field(strict=True, pattern=r"^[^\x00]{1,100}$")]
Words = Annotated[str, Field(strict=True, pattern=r"^[^\x00]{1,500}$")]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Above = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
Metres = Annotated[float, Field(ge=1, le=20_000, allow_inf_nan=False)]
Capacity = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class SitingPlace(BaseModel):
    """A place where a station may stand: lon and lat, or the id of a building or POI."""

    model_config = ConfigDict(extra="forbid")

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    id: UUID | None = None
    name: Words | None = None
    cost: Amount | None = None
    floor_m2: Amount | None = None
    capacity: Capacity | None = None


class Equity(BaseModel):
    """What one person of a group weighs; everyone else weighs 1."""

    model_config = ConfigDict(extra="forbid")

    elderly: Weight | None = None
    children: Weight | None = None
    low_income: Weight | None = None


class Mix(BaseModel):
    """Weights of the objective `mix`."""

    model_config = ConfigDict(extra="forbid")

    uncovered: Weight | None = Field(None, description="Share of people outside the radius.")
    walk: Weight | None = Field(None, description="Mean walk, over twice the farthest.")
    sites: Weight | None = Field(None, description="New stations, over those allowed.")


class SitingWeek(BaseModel):
    """A week over whose hours people are covered."""

    model_config = ConfigDict(extra="forbid")

    monday: Day
    parts: list[Part] = Field(["office", "evening", "weekend"], min_length=1, max_length=3)


class SitingRequest(BaseModel):
    """Where new stations of a service may go, and what a good answer is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "service": "canteen",
                    "objective": "mclp",
                    "count": 2,
                    "candidates": "non_residential",
                    "radius_m": 500,
                    "equity": {"elderly": 2},
                }
            ]
        },
    )

    service: Service
    objective: Objective = "mclp"
    count: Count | None = Field(None, description="New stations at most.")
    budget: Above | None = Field(None, description="What they cost together at most.")
    candidates: Source = Field(
        "buildings",
        description="`vacant` (buildings where nobody lives), `non_residential`, `buildings` (all),"
        " `pois`, or `given` (places).",
    )
    poi_categories: list[Key] = Field(default_factory=list, max_length=100)
    places: list[SitingPlace] = Field(default_factory=list, max_length=CANDIDATES_LIMIT)
    most_candidates: Annotated[int, Field(strict=True, ge=1, le=CANDIDATES_LIMIT)] = Field(
        MOST_CANDIDATES, description="More are thinned out, evenly over the ground."
    )
    fixed: list[Key] = Field(
        default_factory=list,
        max_length=1000,
        description="Keys of candidates that must be among the new stations.",
    )
    forbidden: list[Key] = Field(
        default_factory=list, max_length=CANDIDATES_LIMIT, description="Keys that must not be."
    )
    community: Annotated[str, Field(strict=True, pattern=r"^[0-9]{12}$")] | None = Field(
        None, description="Only its people and candidates count."
    )
    radius_m: Metres | None = Field(None, description="Metres of the walk; 500 if neither is set.")
    radius_min: Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)] | None = Field(
        None, description="Minutes of the walk, instead of metres."
    )
    group: Group = Field("adult", description="Whose speed minutes are at.")
    limit_m: Metres = Field(LIMIT_M, description="Farthest walk, for objectives without a radius.")
    people: People = "residents"
    equity: Equity | None = None
    site_cost: Amount | None = Field(None, description="What a new station costs.")
    capacity: Capacity | None = Field(None, description="People that a new station can serve.")
    existing_capacity: Capacity | None = Field(
        None, description="The same of stations that do not state it."
    )
    floor_m2: Amount | None = Field(
        None, description="Floor of a new station; else that of its building."
    )
    least_floor_m2: Amount = 0.0
    total_floor_m2: Amount = 0.0
    spacing_m: Amount = Field(0.0, description="Straight distance between any two at least.")
    as_of: Day | None = Field(None, description="Day as of which stations count; today.")
    week: SitingWeek | None = None
    opening_hours: Words | None = Field(None, description="Of the new stations; with week.")
    mix: Mix | None = None
    seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 60.0
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = 0
    keep_best: bool = Field(
        default=False, description="When cancelled, keep the best so far instead of nothing."
    )


class SwapRequest(BaseModel):
    """Which swap of a siting to take."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"rank": 1}]})

    rank: Annotated[int, Field(strict=True, ge=1, le=100)]


class AdoptRequest(BaseModel):
    """How chosen sites become planned stations."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"opens_on": "2027-03-01", "opening_hours": "Mo-Fr 08:00-18:00"}]
        },
    )

    opens_on: Day = Field(description="First day of service.")
    tier: Tier = "community"
    opening_hours: Words | None = Field(None, description="Those of the siting if left out.")


class AdoptAnswer(BaseModel):
    """The stations that were made."""

    stations: list[UUID]


class ProofAnswer(BaseModel):
    """How good it is; no answer within the limits is better than the bound."""

    status: Literal["optimal", "evaluated", "gap", "stopped", "infeasible"]
    counted_in: str = Field(
        description="What the objective counts: people, stations, buildings_left_out, m, min, "
        "people times m or min, or a share."
    )
    objective: float | None = Field(description="Null: withheld because it gives a count away.")
    bound: float | None
    gap: float | None = Field(description="|objective - bound| / |objective|; null: unknown.")
    seconds: float
    moves: int
    stopped: bool = Field(description="Time or somebody's wish has ended it.")


class SitingCandidates(BaseModel):
    """Where stations might have stood."""

    source: Source
    available: int
    weighed: int
    off_network: int = Field(description="Further ones that no road is near.")
    thinned_m: float = Field(
        description="None that was left out is farther from one that was weighed; 0: none was."
    )


class Standing(BaseModel):
    """Stations that offer the service already."""

    stations_serving: int = Field(description="Stations that count, as in /v1/coverage.")
    stations_off_network: list[UUID] = Field(
        description="Those of them that no road is near: nobody can walk to them."
    )


class GroupCovered(BaseModel):
    """Homes or people within reach; null: withheld."""

    total: int | None
    covered: int | None
    share: float | None
    suppressed: bool


class SitingCoverage(BaseModel):
    """Who is within reach, and how far people walk to the nearest station."""

    groups: dict[str, GroupCovered]
    mean_distance_m: float | None
    mean_walk_minutes: float | None


class Placed(BaseModel):
    """People for whom there is room."""

    placed: int | None
    share: float | None
    suppressed: bool


class SiteAnswer(BaseModel):
    """A place where a station may stand."""

    key: str = Field(description="For `fixed` and `forbidden`.")
    kind: Literal["building", "poi", "place"]
    label: str = Field(
        description="What people call it: its name, else its address, else quarter and code."
    )
    name: str | None
    address: str | None
    building_id: UUID | None
    building_code: str | None
    community_code: str | None
    community_name: str | None
    grid_code: str | None
    lon: float
    lat: float
    floor_area_m2: float | None
    floor_stated: bool = Field(
        False,
        description="Whether the floor was stated; else it is the whole building's, footprint "
        "times storeys, and a station made of the site has none.",
    )
    cost: float | None
    capacity: int | None


class ChosenSite(SiteAnswer):
    """A place that was chosen."""

    rank: int
    fixed: bool
    newly_covered: int | None = Field(
        description="People within reach only now, of whom this site is the nearest new one."
    )
    nearest_for: int | None = Field(description="People who have no shorter walk to another.")


class SwapAnswer(BaseModel):
    """One site less, another one instead."""

    rank: int
    leave: str
    enter: SiteAnswer
    objective: float | None
    change: float | None


class HouseAnswer(BaseModel):
    """A building that is left out; null counts are withheld."""

    building_id: UUID
    label: str = Field(description="Its name, else its address, else quarter and code.")
    building_code: str | None
    name: str | None
    address: str | None
    community_code: str | None
    grid_code: str | None
    lon: float
    lat: float
    households: int | None
    residents: int | None
    elderly: int | None
    children: int | None
    low_income_households: int | None
    suppressed: list[str]
    covered_share: float = Field(description="Of the hours that count; 0 without a week.")
    distance_m: float | None = Field(description="Walk to the nearest station; null: none.")
    walk_minutes: float | None
    reason: str | None = Field(description="Why no station is reached.")


class Uncovered(BaseModel):
    """Who is left out."""

    buildings: int
    people: dict[str, int | None]
    named: list[HouseAnswer] = Field(description="Those with most people first.")


class SitingAnswer(BaseModel):
    """What came of a siting."""

    job_id: UUID
    service: Service
    objective: Objective
    asked: int | None = Field(description="Stations asked for; fewer where more gain nothing.")
    method: Literal["walking"]
    network: str = Field(description="Version of the walking network.")
    calendar: Literal["verified", "unverified"]
    as_of: date
    people: People
    radius: float
    unit: Literal["m", "min"]
    group: Group
    week: dict[str, Any] | None
    proof: ProofAnswer
    candidates: SitingCandidates
    standing: Standing
    off_network_names: list[str] = Field(
        description="What the stations that no road is near are called."
    )
    before: SitingCoverage
    after: SitingCoverage
    placed: Placed | None
    sites: list[ChosenSite]
    swaps: list[SwapAnswer]
    uncovered: Uncovered
    infeasible: list[HouseAnswer] = Field(description="Buildings that nothing can reach.")
    steps: dict[str, float]
