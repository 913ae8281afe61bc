"""Who is how far on foot from the nearest open station, and why where there is none.

The walk that takes the least time is meant: ``cost_m`` are the metres on level pavement that take
as long, ``distance_m`` the metres of that walk with both legs to the network. So the nearest
station is the same at every speed. The straight line stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.spatial import KDTree

from gis.coverage.scenarios import HoursContext, Scenario, in_service_on, open_at
from gis.coverage.verdicts import (
    NO_OPEN_STATION,
    THRESHOLDS_M,
    building_locations,
    check_threshold,
    lonlat_array,
)
from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected
from gis.network.paths import path
from gis.network.snapping import REACH_M, snap, snap_buildings
from gis.network.walking import (
    NO_STATION_REACHABLE,
    SPEEDS,
    Walk,
    minutes,
    nearest_sets,
    unreached,
    within,
)

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd
    import pandas as pd
    import pyproj
    from numpy.typing import ArrayLike, NDArray

    from gis.network.graph import WalkGraph
    from gis.network.paths import WalkPath
    from gis.network.snapping import Snapped
    from gis.network.walking import PairTable

#: Minutes of the life circle and its inner rings.
THRESHOLDS_MIN = (5.0, 10.0, 15.0)
#: A station can be reached, but not within the limit that was asked with.
BEYOND_LIMIT = "beyond_limit"
#: Stations serve, but none of them is within reach of a road.
NO_STATION_ON_NETWORK = "no_station_on_network"
#: Straight lines shorter than this say nothing about a detour.
_COMPARABLE_M = 10.0
REASONS = (
    NO_OPEN_STATION,
    "no_road_within_reach",
    "roads_behind_barrier",
    NO_STATION_ON_NETWORK,
    NO_STATION_REACHABLE,
    BEYOND_LIMIT,
)


@dataclass(frozen=True, eq=False)
class WalkedGround:
    """Buildings and stations on a walking network: snapped once, asked many times.

    Parameters
    ----------
    graph
        The network.
    buildings
        ``id`` of each building on the caller's index.
    stations
        ``id`` of each station on the caller's index.
    doors, spots
        Where they are on the network, in the same order.
    straight_lonlat
        Longitude and latitude of buildings, ``(k, 2)``, and of stations, ``(s, 2)``, for straight
        lines that stand beside no walk.
    """

    graph: "WalkGraph"
    buildings: "pd.Series[str]"
    stations: "pd.Series[str]"
    doors: "Snapped"
    spots: "Snapped"
    straight_lonlat: "tuple[NDArray[np.float64], NDArray[np.float64]]" = field(repr=False)

    @property
    def stations_off_network(self) -> list[str]:
        """Keys of the stations that no road is near: in a river, beyond the roads."""
        return list(self.stations[self.spots.edge < 0])

    def straight(
        self, mask: "NDArray[np.bool_]"
    ) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
        """Return the station nearest to each building in a straight line, and the metres.

        The line begins where the walk does, at the entrance or at the place of the outline that the
        leg leaves from, and is measured on the plane of the network: no walk is shorter.

        Parameters
        ----------
        mask
            ``(s,)``: which stations count.

        Returns
        -------
        row, metres
            ``(k,)`` each; -1 and NaN where none counts.
        """
        rows = np.flatnonzero(mask)
        if len(rows) == 0:
            nobody = np.full(len(self.doors), -1, dtype=np.int64)
            return nobody, np.full(len(self.doors), np.nan)
        metres, nearest = KDTree(self.spots.from_xy_m[rows]).query(self.doors.from_xy_m)
        return rows[nearest], metres

    def walks(self, masks: "ArrayLike") -> list[Walk]:
        """Return the nearest stations for sets of serving ones, ``(j, s)``; equal sets once."""
        sets = np.asarray(masks, dtype=bool)
        if len(self.stations) == 0:  # nothing to search from
            nothing = np.full(len(self.doors), np.nan)
            nobody = np.full(len(self.doors), -1, dtype=np.int64)
            return [Walk(nobody, nothing, nothing)] * len(sets)
        return nearest_sets(self.graph, self.doors, self.spots, sets)

    def pairs(self, limit_m: float, *, by: Literal["cost", "distance"] = "cost") -> "PairTable":
        """Return buildings and stations within equivalent or walked metres of each other."""
        return within(self.graph, self.doors, self.spots, limit_m, by=by)

    def way(self, building_id: str, station_id: str) -> "WalkPath":
        """Return the walk from a building to a station, its line in metres of the network's CRS.

        Raises
        ------
        gis.errors.InvalidInputError
            One of them is not on this ground.
        gis.errors.NotFoundError
            No road is near one of them, or no way leads from the one to the other.
        """
        rows = [
            _row(self.buildings, building_id, "building"),
            _row(self.stations, station_id, "station"),
        ]
        return path(self.graph, self.doors, self.spots, *rows)


def walked_ground(
    graph: "WalkGraph",
    buildings: "gpd.GeoDataFrame",
    stations: "gpd.GeoDataFrame",
    crs: "pyproj.CRS",
    *,
    reach_m: float = REACH_M,
) -> WalkedGround:
    """Put buildings and stations onto a walking network.

    Parameters
    ----------
    graph
        The network, in metres of ``crs``.
    buildings, stations
        In EPSG:4326, with ``id``; buildings with or without ``entrance``.
    crs
        Projected CRS in metres.
    reach_m
        Longest leg from a door to a road.
    """
    xy = lonlat_array(to_projected(stations.geometry.to_numpy(), crs))
    return WalkedGround(
        graph,
        buildings["id"],
        stations["id"],
        snap_buildings(graph, buildings, crs, reach_m=reach_m),
        snap(graph, xy, reach_m=reach_m),
        (lonlat_array(building_locations(buildings)), lonlat_array(stations.geometry)),
    )


@dataclass(frozen=True, slots=True)
class WalkOptions:
    """How walks are judged.

    Parameters
    ----------
    thresholds_m
        Radii in metres along the walk.
    thresholds_min
        Minutes at the speed of ``group``.
    group
        Whose speed the minutes' verdicts are at; a key of ``speeds_m_s``.
    speeds_m_s
        Metres per second on level pavement, by group.
    limit_m
        Equivalent metres beyond which no station is named; ``None``: no limit.

    Raises
    ------
    gis.errors.InvalidInputError
        A threshold or the limit is not positive, or the group has no speed.
    """

    thresholds_m: Sequence[float] = THRESHOLDS_M
    thresholds_min: Sequence[float] = THRESHOLDS_MIN
    group: str = "adult"
    speeds_m_s: Mapping[str, float] = field(default_factory=lambda: dict(SPEEDS))
    limit_m: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        limits = () if self.limit_m is None else (self.limit_m,)
        for threshold in (*self.thresholds_m, *self.thresholds_min, *limits):
            check_threshold(threshold)
        if self.group not in self.speeds_m_s:
            msg = f"No walking speed is known for the group {self.group!r}."
            raise InvalidInputError(
                msg, remedy=f"Use one of {', '.join(self.speeds_m_s)}.", field="group"
            )

    @property
    def speed_m_s(self) -> float:
        """Speed of the group."""
        return self.speeds_m_s[self.group]


def walking_verdicts(
    ground: WalkedGround,
    serving: "pd.Series[bool]",
    options: WalkOptions | None = None,
) -> "pd.DataFrame":
    """Return the nearest serving station of each building on foot, or the reason why none is.

    Parameters
    ----------
    ground
        Buildings and stations on the network.
    serving
        Whether each station counts, on the index of the stations: :func:`open_at` for a moment,
        :func:`serving_on` for a day.
    options
        Thresholds, speeds and limit.

    Returns
    -------
    pandas.DataFrame
        Index of the buildings. ``station_id`` (or None), ``distance_m``, ``cost_m`` (or NaN),
        ``minutes_{group}`` for each speed, ``reason`` (one of :data:`REASONS`, or None),
        ``within_{r}_m`` by metres of the walk, ``within_{t}_min`` at the group's speed; and beside
        them ``straight_station_id`` and ``straight_m``, by :meth:`WalkedGround.straight`, and
        ``detour``: the walk by the straight line, NaN where either is missing or the line is under
        10 m.

    Raises
    ------
    gis.errors.InvalidInputError
        ``serving`` is not on the index of the stations.
    """
    return walking_verdict_sets(ground, [serving], options)[0]


def walking_verdict_sets(
    ground: WalkedGround,
    servings: "Sequence[pd.Series[bool]]",
    options: WalkOptions | None = None,
) -> "list[pd.DataFrame]":
    """Return :func:`walking_verdicts` for several sets of stations; equal sets are walked once."""
    masks = [_mask(ground, serving) for serving in servings]
    if not masks:
        return []
    walks = ground.walks(np.vstack(masks))
    made: dict[bytes, pd.DataFrame] = {}
    for mask, walk in zip(masks, walks, strict=True):
        if mask.tobytes() not in made:
            made[mask.tobytes()] = _verdicts(ground, mask, walk, options or WalkOptions())
    return [made[mask.tobytes()] for mask in masks]


def serving_on(
    stations: "pd.DataFrame",
    station_services: "pd.DataFrame",
    service: str | None,
    day: "date",
) -> "pd.Series[bool]":
    """Return whether each station offers a service on the spot on a day, whatever its hours.

    Planned stations count from their first day, closed ones until their last: coverage as of a
    day to come, or of one that is past.

    Parameters
    ----------
    stations, station_services
        Frames of these contracts.
    service
        Code of the service; ``None``: any.
    day
        The day where the stations are.
    """
    offers = on_the_spot(station_services)
    if service is not None:
        offers = offers[offers["service"] == service]
    return stations["id"].isin(offers["station_id"]) & in_service_on(stations, day)


def serving_at(
    stations: "pd.DataFrame",
    station_services: "pd.DataFrame",
    scenario: Scenario,
    context: HoursContext,
) -> "pd.Series[bool]":
    """Return whether each station is known to be open at a moment for a service on the spot.

    As :func:`gis.coverage.scenarios.open_at`, without the services that only travel.
    """
    return open_at(stations, on_the_spot(station_services), scenario, context)


def on_the_spot(station_services: "pd.DataFrame") -> "pd.DataFrame":
    """Return the services that people can walk to: all but those that only travel."""
    if "mode" not in station_services:
        return station_services
    return station_services[station_services["mode"] != "delivery"]


def _verdicts(
    ground: WalkedGround, mask: "NDArray[np.bool_]", walk: Walk, options: WalkOptions
) -> "pd.DataFrame":
    import pandas as pd

    reason = _reasons(ground, mask, walk)
    beyond = np.zeros(len(reason), dtype=bool)
    if options.limit_m is not None:
        beyond = walk.cost_m > options.limit_m
        reason[beyond] = BEYOND_LIMIT
    found = (walk.station >= 0) & ~beyond
    distance = np.where(found, walk.distance_m, np.nan)
    cost = np.where(found, walk.cost_m, np.nan)
    index = ground.buildings.index
    data: dict[str, Any] = {
        "station_id": _names(ground, np.where(found, walk.station, -1)),
        "distance_m": distance,
        "cost_m": cost,
    }
    data |= {f"minutes_{g}": minutes(cost, speed) for g, speed in options.speeds_m_s.items()}
    data["reason"] = pd.Series(reason, index=index, dtype=object)
    data |= {f"within_{r:g}_m": distance <= r for r in options.thresholds_m}
    own = minutes(cost, options.speed_m_s)
    data |= {f"within_{t:g}_min": own <= t for t in options.thresholds_min}
    station, straight = ground.straight(mask)
    data["straight_station_id"] = _names(ground, station)
    data["straight_m"] = straight
    data["detour"] = np.divide(
        distance, straight, out=np.full(len(distance), np.nan), where=straight >= _COMPARABLE_M
    )
    return pd.DataFrame(data, index=index)


def _reasons(ground: WalkedGround, mask: "NDArray[np.bool_]", walk: Walk) -> "NDArray[np.object_]":
    """Return why each building has no station, ``None`` where it has."""
    reason: NDArray[np.object_] = unreached(ground.doors, walk)
    if not mask.any():
        reason[:] = NO_OPEN_STATION
    elif (ground.spots.edge[mask] < 0).all():
        reason[reason == NO_STATION_REACHABLE] = NO_STATION_ON_NETWORK
    return reason


def _names(ground: WalkedGround, rows: "NDArray[np.int64]") -> "pd.Series[str]":
    import pandas as pd

    names = np.full(len(rows), None, dtype=object)
    names[rows >= 0] = ground.stations.to_numpy(dtype=object)[rows[rows >= 0]]
    return pd.Series(names, index=ground.buildings.index, dtype=object)


def _mask(ground: WalkedGround, serving: "pd.Series[bool]") -> "NDArray[np.bool_]":
    if not serving.index.equals(ground.stations.index):
        msg = "serving is not on the index of the stations."
        raise InvalidInputError(msg, remedy="Pass one value per station.", field="serving")
    return serving.to_numpy(dtype=bool)


def _row(ids: "pd.Series[str]", wanted: str, what: str) -> int:
    rows = np.flatnonzero((ids == wanted).to_numpy())
    if len(rows) == 0:
        msg = f"There is no {what} {wanted} on this ground."
        raise InvalidInputError(msg, remedy=f"Use the id of a {what}.", field=f"{what}_id")
    return int(rows[0])
