"""Answers about coverage: who reaches what, by which measure, and how sure it is."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.codes import OneOf, Service
from api.schemas.features import PeopleCounts
from api.schemas.geojson import Link, PointGeometry, Position
from gis.coverage.shares import PEOPLE

Method = Literal["walking", "straight_line"]
Speed = Literal["adult", "elderly", "frail"]
Area = Literal["grid", "community", "subdistrict"]
Count = Annotated[str, OneOf(PEOPLE)]
Calendar = Literal["verified", "unverified"]
#: How answers tell that counts of people are rounded.
ROUNDED = (
    "Counts of people are multiples of this, shares are of these, and of fewer than twice as many "
    "people nothing is told; null: they are not rounded."
)


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
    rounded_to: int | None = Field(None, description=ROUNDED)


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


class VerdictFacts(PeopleCounts):
    """A building, the station it reaches, or why it reaches none."""

    name: str | None
    community_id: UUID | None
    community_code: str | None
    grid_code: str | None = Field(description="By the plan in effect on the day.")
    covered: bool = Field(description="Within the threshold that was asked with.")
    station_id: UUID | None
    station_name: str | None
    distance_m: float | None = Field(description="Along the walk; or in a straight line.")
    walk_minutes: float | None = Field(description="At the speed of the answer.")
    straight_m: float | None = Field(description="To the nearest in a straight line.")
    detour: float | None = Field(description="Walk by straight line.")
    reason: str | None = Field(description="Why there is none.", examples=["no_station_reachable"])


class PlacedOrNot(BaseModel):
    """A building: where one goes in, or without a geometry if that was asked."""

    type: Literal["Feature"]
    id: UUID
    geometry: PointGeometry | None
    properties: VerdictFacts


class Verdicts(Measured):
    """A page of buildings with their verdicts, in the order of their keys."""

    type: Literal["FeatureCollection"]
    numberReturned: int = Field(ge=0)  # noqa: N815 - the name that OGC API Features gives it
    numberMatched: int = Field(ge=0)  # noqa: N815 - as above
    threshold: float
    unit: Literal["m", "min"]
    links: list[Link]
    features: list[PlacedOrNot]


class WeekHour(BaseModel):
    """An hour of the week."""

    moment: AwareDatetime
    day: date
    hour: int = Field(ge=0, le=23)
    of_rest: bool = Field(description="A Saturday, a Sunday or a holiday; not a make-up workday.")
    stations_open: int
    stations_unknown: int
    covered: Counts
    share: SharesOfCounts
    suppressed: list[str]


class WeekGap(BaseModel):
    """A part of the week against office hours; shares are of households."""

    part: Literal["office", "evening", "weekend"]
    hours: int = Field(description="Hours of this week that belong to it.")
    mean_share: float | None
    least_share: float | None
    least_at: AwareDatetime | None
    never: int | None = Field(description="Households that are covered in no hour of it.")
    gap: float | None = Field(
        description="Mean share of office hours less that of the part; below 0: more are covered "
        "in the part than in office hours."
    )


class WeekAnswer(BaseModel):
    """Who is within reach in each of the 168 hours of a week."""

    service: Service | None
    monday: date
    method: Method
    speed: Speed
    speed_m_s: float
    network: str | None
    calendar: Calendar
    threshold: float
    unit: Literal["m", "min"]
    counts: Counts
    distinct_sets: int = Field(description="Different sets of open stations in the week.")
    rounded_to: int | None = Field(None, description=ROUNDED)
    gaps: list[WeekGap]
    hours: list[WeekHour] = Field(min_length=168, max_length=168)


class LineGeometry(BaseModel):
    """A way."""

    type: Literal["LineString"]
    coordinates: list[Position] = Field(min_length=2)


class WayFacts(BaseModel):
    """The walk to a station."""

    station_id: UUID
    station_name: str
    distance_m: float
    walk_minutes: float
    straight_m: float = Field(description="Between the ends of the walk.")
    detour: float | None
    method: Literal["walking"]
    speed: Speed
    speed_m_s: float
    network: str
    at: AwareDatetime | None
    day: date
    calendar: Calendar | None = Field(description="Null: the station was named.")


class WayAnswer(BaseModel):
    """The walk from a place to a station."""

    type: Literal["Feature"]
    geometry: LineGeometry
    properties: WayFacts


class RoomFacts(BaseModel):
    """A station and who goes there; counts are null where withheld."""

    station_id: UUID
    name: str
    room: int | None = Field(description="People it takes a day; null: no limit is stated.")
    people: int | None = Field(description="Who go there.")
    free: int | None
    nearest_to: int | None = Field(description="People for whom it is the nearest.")
    sent_on: int | None = Field(description="Of these, who go elsewhere or nowhere.")
    taken_in: int | None = Field(description="Who go there though another is nearer.")


class Spill(BaseModel):
    """People who find their nearest station full and go on to another."""

    from_station_id: UUID
    to_station_id: UUID
    people: int | None
    mean_further_min: float
    most_further_min: float


class LeftOut(BaseModel):
    """People who find no room."""

    reason: Literal["no_station_within_limit", "no_room"]
    people: int | None


class CapacityAnswer(Measured):
    """Who goes where when stations take only so many."""

    count: str
    share: float
    limit_min: float
    demand: int | None = Field(description="People who want the service.")
    placed: int | None = Field(description="Of these, people who find room within the limit.")
    mean_minutes: float | None = Field(description="Walk of those who are placed.")
    gap_m: float = Field(
        description="Metres walked by all, less the proven least; 0: no way is shorter."
    )
    left_out: list[LeftOut]
    stations: list[RoomFacts]
    spill: list[Spill] = Field(description="Most people first.")


class Variant(BaseModel):
    """Shares under another speed or reach; null where withheld, or where speed does not matter."""

    threshold: float
    unit: Literal["m", "min"]
    variant: Literal["as_asked", "slower", "faster", "nearer", "farther"]
    limit_m: float = Field(description="Metres of the walk; equivalent metres for minutes.")
    share: SharesOfCounts
    change: SharesOfCounts = Field(description="Against as_asked, from -1 to 1.")


class SensitivityAnswer(Measured):
    """How much the shares hang on speed (±20 %) and on metres (±100)."""

    variants: list[Variant]


class AccessArea(BaseModel):
    """Access of the people of an area."""

    id: UUID | None
    code: str | None
    name: str | None
    people: int | None
    access: float | None = Field(description="Mean over people; null: nobody wants the service.")
    without: float | None = Field(description="Share of people with no station in reach.")


class AccessStation(BaseModel):
    """A station and how many want it."""

    station_id: UUID
    name: str
    capacity: float
    wanted: float | None = Field(description="People who want it, weighted; null: withheld.")


class AccessAnswer(Measured):
    """How much of the stations' capacity falls to a person."""

    model: str
    decay: str
    count: str
    share: float
    limit_min: float
    scale: str = Field(description="What access is told in.")
    without_capacity: list[UUID] = Field(
        description="Stations that serve and state no capacity; left out."
    )
    areas: list[AccessArea]
    stations: list[AccessStation]


class DeliveryWay(BaseModel):
    """People who are served in one way."""

    served: Literal["both", "walking", "delivery", "none"]
    counts: Counts
    share: SharesOfCounts
    suppressed: list[str]


class DeliveryAnswer(Measured):
    """Who can walk to a service, to whom it comes, and both together."""

    limit_min: float = Field(description="Farthest walk.")
    stations_delivering: int
    means: list[DeliveryWay]
