"""A week of coverage on foot: which stations serve in each of its hours, and who reaches them.

Few distinct sets of open stations occur in a week. Each is walked once, and each hour of each
service names its set. Areas are drawn for the sets of one hour, the one that a map opens at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.coverage.accessibility import Pairs, two_step
from gis.coverage.catchments import catchments
from gis.coverage.delivery import delivering_at, delivery_verdicts, travelling
from gis.coverage.field import walk_field
from gis.coverage.gaps import gap_polygons
from gis.coverage.isochrones import isochrones, walking_gaps
from gis.coverage.profiles import HOURS, week_hours
from gis.coverage.scenarios import ANY_SERVICE, Scenario
from gis.coverage.verdicts import nearest_open_station
from gis.network import SPEEDS
from gis.services.coverage_asked import HoursBook, services_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.coverage.field import WalkField
    from gis.network import Walk
    from gis.scope import Scope
    from gis.services.walking import WalkingGround

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Wednesday at 10: the hour that a map opens at.
OPENING_HOUR = 58
#: Minutes of the catchments, at the speed of an adult.
CATCHMENT_MIN = 15
#: Gaps smaller than this in which nobody lives are not shown.
SMALLEST_GAP_M2 = 500.0
Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Delivered:
    """What travels to the household in a week.

    Parameters
    ----------
    hours
        ``(services, 168)``: row of the lists below; -1: nobody travels.
    verdicts
        Per distinct set of delivering stations, as
        :func:`gis.coverage.delivery.delivery_verdicts` returns it.
    """

    hours: "Ints"
    verdicts: "Sequence[pd.DataFrame]"


@dataclass(frozen=True, eq=False)
class WalkingWeek:
    """Who reaches whom in a week.

    Parameters
    ----------
    monday
        Its first day.
    services
        Codes, or ``any``.
    hours
        ``(services, 168)``: the set of stations that serve.
    serving
        ``(sets, stations)``: which stations are in a set.
    walks
        The nearest station of each building on foot, per set.
    straight
        Row of the nearest station in a straight line (-1: none) and its metres (NaN), each
        ``(sets, buildings)``.
    calendar_verified
        Whether the holidays of the week are known.
    """

    monday: date
    services: tuple[str, ...]
    hours: "Ints"
    serving: "Bools"
    walks: "Sequence[Walk]"
    straight: "tuple[Ints, Floats]"
    calendar_verified: bool

    def opening_sets(self, hour: int = OPENING_HOUR) -> list[int]:
        """Return the sets that serve in an hour and hold a station, each once."""
        used = np.unique(self.hours[:, hour])
        return [int(one) for one in used if self.serving[one].any()]


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def read_walking_week(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    services: Sequence[str],
    monday: date,
    timezone: str,
) -> WalkingWeek:
    """Measure every hour of a week for services.

    Raises
    ------
    gis.errors.InvalidInputError
        The day is no Monday, or hours of a station cannot be read.
    """
    book = HoursBook.read(session, scope, timezone)
    masks = np.zeros((len(services), HOURS, len(ground.stations)), dtype=bool)
    verified = True
    offers = ground.station_services
    for row, service in enumerate(services):
        for one in services_of(offers, None if service == ANY_SERVICE else service):
            own = offers[offers["service"] == one]
            week = week_hours(ground.stations, own, one, monday, book.context(one))
            masks[row] |= week.open_stations
            verified &= week.calendar_verified
    flat = masks.reshape(-1, masks.shape[2])
    serving, which = np.unique(flat, axis=0, return_inverse=True)
    places, spots = ground.lonlat
    straight = [nearest_open_station(places, spots, mask) for mask in serving]
    return WalkingWeek(
        monday,
        tuple(services),
        which.reshape(masks.shape[:2]).astype(np.int64),
        serving,
        ground.walked.walks(serving),
        (np.array([index for index, _ in straight]), np.array([metres for _, metres in straight])),
        verified,
    )


def read_deliveries(
    session: "Session", scope: "Scope", ground: "WalkingGround", week: WalkingWeek, timezone: str
) -> Delivered | None:
    """Return what travels to households in the week; ``None``: nothing does."""
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

    if not len(travelling(ground.station_services)):
        return None
    book, zone = HoursBook.read(session, scope, timezone), ZoneInfo(timezone)
    hours = np.full((len(week.services), HOURS), -1, dtype=np.int64)
    row_of: dict[tuple[str, bytes], int] = {}
    verdicts: list[pd.DataFrame] = []
    for row, service in enumerate(week.services):
        if service == ANY_SERVICE or not len(travelling(ground.station_services, service)):
            continue
        for hour in range(HOURS):
            day = week.monday + timedelta(days=hour // 24)
            scenario = Scenario(service, datetime.combine(day, time(hour % 24), zone))
            able = delivering_at(
                ground.stations, ground.station_services, scenario, book.context(service)
            )
            if not able.any():
                continue
            key = (service, able.to_numpy(dtype=bool).tobytes())
            if key not in row_of:
                row_of[key] = len(verdicts)
                verdicts.append(
                    delivery_verdicts(ground.walked, ground.station_services, service, able)
                )
            hours[row, hour] = row_of[key]
    return Delivered(hours, verdicts) if verdicts else None


@dataclass(frozen=True, eq=False)
class WeekAreas:
    """Areas of the sets that serve in one hour.

    Parameters
    ----------
    gaps
        ``set``, ``method``, ``unit``, ``value``, ``speed``, counts of people, geometry.
    isochrones
        ``set``, ``value`` (minutes), ``speed``, geometry.
    catchments
        ``set``, ``station_id``, geometry.
    """

    gaps: "gpd.GeoDataFrame"
    isochrones: "gpd.GeoDataFrame"
    catchments: "gpd.GeoDataFrame"


def draw_areas(
    ground: "WalkingGround",
    week: WalkingWeek,
    *,
    metres: Sequence[int],
    minutes: Sequence[int],
    progress: Progress = lambda _i, _n: None,
) -> WeekAreas:
    """Draw gaps, isochrones and catchments of the sets that serve when a map opens.

    Gaps by metres of the walk are drawn by equivalent metres, and hold the people whose walk is
    longer.
    """
    import geopandas as gpd
    import pandas as pd

    scope = ground.communities.union_all(method="coverage")
    sets = week.opening_sets()
    found: dict[str, list[Any]] = {"gaps": [], "isochrones": [], "catchments": []}
    for at, chosen in enumerate(sets):
        progress(at, len(sets))
        one = _Set(ground, week, chosen, scope)
        found["gaps"] += one.gaps(metres, minutes)
        found["isochrones"] += one.isochrones(minutes)
        found["catchments"].append(one.catchments())
    progress(len(sets), len(sets))

    def joined(name: str) -> "gpd.GeoDataFrame":
        parts = [part for part in found[name] if len(part)]
        if not parts:
            return gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs="EPSG:4326")
        return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")

    return WeekAreas(joined("gaps"), joined("isochrones"), joined("catchments"))


class _Set:
    """The areas of one set of stations, from one field of walking costs."""

    def __init__(
        self, ground: "WalkingGround", week: WalkingWeek, chosen: int, scope: shapely.Geometry
    ) -> None:
        import pandas as pd

        self.ground, self.number, self.scope = ground, chosen, scope
        self.mask, self.walk = week.serving[chosen], week.walks[chosen]
        self.field: WalkField = walk_field(
            ground.graph, ground.field_ground, ground.doors, self.mask
        )
        index = ground.buildings.index
        self.cost, self.distance = (
            pd.Series(values, index=index) for values in (self.walk.cost_m, self.walk.distance_m)
        )

    def gaps(self, metres: Sequence[int], minutes: Sequence[int]) -> list[Any]:
        """Return gaps as the crow flies and by metres, and by minutes at each speed."""
        out = []
        stations = self.ground.stations.geometry.to_numpy()[self.mask]
        for value in metres:
            drawn = gap_polygons(
                self.scope,
                stations,
                value,
                self.ground.crs,
                buildings=self.ground.buildings,
                minimum_area_m2=SMALLEST_GAP_M2,
            )
            out.append(self._named(drawn, "straight", "m", value, None))
            drawn = self._walking_gaps(float(value), self.distance)
            out.append(self._named(drawn, "walking", "m", value, None))
        for group, speed in SPEEDS.items():
            for value in minutes:
                drawn = self._walking_gaps(value * 60 * speed, self.cost)
                out.append(self._named(drawn, "walking", "min", value, group))
        return out

    def _walking_gaps(self, limit_m: float, cost: "pd.Series[float]") -> "gpd.GeoDataFrame":
        return walking_gaps(
            self.scope,
            self.field,
            limit_m,
            self.ground.crs,
            buildings=self.ground.buildings,
            cost_m=cost,
            minimum_area_m2=SMALLEST_GAP_M2,
        )

    def _named(
        self, drawn: "gpd.GeoDataFrame", method: str, unit: str, value: int, speed: str | None
    ) -> "gpd.GeoDataFrame":
        return drawn.assign(set=self.number, method=method, unit=unit, value=value, speed=speed)

    def isochrones(self, minutes: Sequence[int]) -> list[Any]:
        """Return what is reached within minutes at each speed."""
        out = []
        for group, speed in SPEEDS.items():
            limits = [value * 60 * speed for value in minutes]
            drawn = isochrones(
                self.field,
                limits,
                self.ground.crs,
                buildings=self.ground.buildings,
                cost_m=self.cost,
            )
            out.append(drawn.assign(set=self.number, value=list(minutes), speed=group))
        return out

    def catchments(self) -> "gpd.GeoDataFrame":
        """Return the ground of each station."""
        drawn = catchments(
            self.field,
            CATCHMENT_MIN * 60 * SPEEDS["adult"],
            self.ground.crs,
            buildings=self.ground.buildings,
            walk=self.walk,
        )
        ids = self.ground.stations["id"].to_numpy(dtype=object)[drawn["station"].to_numpy()]
        return drawn.assign(set=self.number, station_id=ids)


def places_per_person(ground: "WalkingGround", week: WalkingWeek) -> "dict[str, Floats]":
    """Return the accessibility of each building by service: places a day per resident (2SFCA).

    Given for services of which somebody has stated a capacity; stations within 15 minutes of an
    adult count.
    """
    limit = CATCHMENT_MIN * 60 * SPEEDS["adult"]
    pairs = ground.walked.pairs(limit)
    people = ground.buildings["residents"].to_numpy(dtype=float)
    offers, row_of = ground.station_services, {k: i for i, k in enumerate(ground.stations["id"])}
    out: dict[str, Floats] = {}
    for service in week.services:
        own = offers[(offers["service"] == service) & offers["capacity"].notna()]
        if not len(own):
            continue
        capacity = np.zeros(len(ground.stations))
        rows = [row_of[key] for key in own["station_id"]]
        capacity[rows] = own["capacity"].to_numpy(dtype=float)
        capacity *= week.serving[week.hours[week.services.index(service)]].any(axis=0)
        able = capacity[pairs.station] > 0
        table = Pairs(
            pairs.origin[able].astype(np.int32),
            pairs.station[able].astype(np.int32),
            pairs.cost_m[able],
            len(people),
            len(capacity),
        )
        out[service] = np.where(people > 0, two_step(table, people, capacity).access, np.nan)
    return out
