"""Areas of coverage: isochrones, catchments and gaps, with what they were drawn from."""

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas.codes import Service
from api.schemas.coverage import ROUNDED, Calendar, Method, Speed
from api.schemas.features import PeopleCounts
from api.schemas.geojson import MultiPolygonGeometry

P = TypeVar("P", bound=BaseModel)


class _Limit(BaseModel):
    unit: Literal["m", "min"] = Field(
        description="What the limit is in: metres along the walk, or minutes, which count steps "
        "and surface too."
    )
    distance_m: float = Field(
        description="The limit in metres; of minutes, what is walked in them on level pavement."
    )
    walk_minutes: float = Field(
        description="The limit in minutes at the speed; of metres, what they take on the level."
    )
    area_m2: float


class IsochroneFacts(_Limit):
    """What is reached within a limit."""

    station_id: UUID | None = Field(description="Null: of several stations, or of a point.")
    buildings: int = Field(description="Buildings within the limit.")
    households: int = Field(description="Their households.")


class CatchmentFacts(_Limit, PeopleCounts):
    """The ground that belongs to a station, and who lives there."""

    station_id: UUID
    name: str | None


class GapFacts(_Limit, PeopleCounts):
    """Ground that no station reaches, and who lives there."""


class Area(BaseModel, Generic[P]):
    """An area and its facts."""

    type: Literal["Feature"]
    geometry: MultiPolygonGeometry
    properties: P


class Areas(BaseModel, Generic[P]):
    """Areas, and what they were drawn from."""

    type: Literal["FeatureCollection"]
    numberReturned: int = Field(ge=0)  # noqa: N815 - the name that OGC API Features gives it
    service: Service | None = Field(description="Null: any service, or stations that were named.")
    at: AwareDatetime | None = Field(description="The moment; null: hours are left out.")
    day: date | None = Field(description="The local day; null: stations or a point were named.")
    method: Method
    speed: Speed
    speed_m_s: float = Field(description="Metres per second on level pavement.")
    network: str | None = Field(
        description="Version of the walking network; null: none was needed."
    )
    calendar: Calendar | None = Field(
        description="Unverified: the holidays of that year are not known; null: nothing hangs on "
        "hours."
    )
    stations_serving: int = Field(description="Stations that count.")
    stations_unknown: int = Field(
        description="Stations with the service whose hours nobody has stated; they do not count."
    )
    stations_off_network: list[UUID] = Field(
        description="Stations that count, though no road is near: nobody can walk to them."
    )
    buildings_off_network: int | None = Field(
        description="Buildings that no road is near: they reach nothing. Null: no network was "
        "needed."
    )
    reason: str | None = Field(
        description="Why nothing is reached: no_station_offers, none_open, hours_unknown, "
        "no_road_within_reach or roads_behind_barrier."
    )
    rounded_to: int | None = Field(description=ROUNDED)
    features: list[Area[P]]


class Isochrones(Areas[IsochroneFacts]):
    """Isochrones (等时圈); each holds those of smaller limits."""


class Catchments(Areas[CatchmentFacts]):
    """Catchments (服务范围), which do not overlap."""


class Gaps(Areas[GapFacts]):
    """Gaps (盲区), those with most households first."""

    area_m2: Annotated[float, Field(description="Of all of them.")]
