"""What is reached on foot, drawn: isochrones, catchments of stations, and gaps with their people.

All are drawn from one field of walking costs on the network of the place, and agree with the
verdicts of the buildings: a footprint lies inside or outside as its building's walk says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import shapely

from gis.coverage.catchments import catchments
from gis.coverage.field import walk_field
from gis.coverage.gaps import gap_polygons
from gis.coverage.isochrones import isochrones, walking_gaps
from gis.coverage.verdicts import check_threshold
from gis.errors import InvalidInputError, NotFoundError
from gis.geometry.crs import to_lonlat
from gis.network import SPEEDS, nearest

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from gis.network import Snapped, Walk
    from gis.services.walking import Places, WalkingGround

#: Minutes that are drawn where nobody says how far.
USUAL_MINUTES = (5.0, 10.0, 15.0)
#: Equivalent metres beyond which nobody is taken to walk.
FARTHEST_M = 20_000.0
#: Gaps smaller than this in which nobody lives are not shown.
SMALLEST_GAP_M2 = 500.0


class Limit(NamedTuple):
    """A limit of a walk, in metres along it, or in the metres that its minutes are on the level."""

    metres: float
    unit: Literal["m", "min"]

    def of(self, walk: "Walk") -> "NDArray[np.float64]":
        """Return what of each walk the limit is one of."""
        return walk.distance_m if self.unit == "m" else walk.cost_m


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one walks: metres are along the walk, minutes count steps and surface too.

    So they are in every answer about coverage. Between the buildings, whose own walks decide where
    they belong, ground is drawn by the metres that a walk is on level pavement.

    Parameters
    ----------
    minutes
        Limits in minutes at the speed; of neither these nor metres: 5, 10 and 15 minutes.
    metres
        Limits in metres along the walk.
    group
        Whose speed it is; a key of :data:`gis.network.SPEEDS`.
    speed_m_s
        Another speed, metres per second.

    Raises
    ------
    gis.errors.InvalidInputError
        A limit is not positive or is farther than 20 km, the group is unknown, or nobody walks so
        fast or slowly.
    """

    minutes: tuple[float, ...] = ()
    metres: tuple[float, ...] = ()
    group: str = "adult"
    speed_m_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be walked."""
        if self.group not in SPEEDS:
            raise InvalidInputError(
                f"No walking speed is known for the group {self.group!r}.",
                remedy=f"Use one of {', '.join(SPEEDS)}, or give a speed.",
                field="group",
            )
        if not 0.1 <= self.speed <= 5:  # NaN fails as well
            raise InvalidInputError(
                f"Nobody walks at {self.speed_m_s} m/s.",
                remedy="Give metres per second from 0.1 to 5.",
                field="speed_m_s",
            )
        for limit in (*self.minutes, *self.metres):
            check_threshold(limit)
        farthest = self.limits[-1].metres
        if farthest > FARTHEST_M:
            raise InvalidInputError(
                f"A walk of {farthest:,.0f} m is longer than {FARTHEST_M:,.0f} m.",
                remedy="Give fewer minutes or metres.",
                field="minutes" if self.minutes else "metres",
            )

    @property
    def speed(self) -> float:
        """Metres per second."""
        return SPEEDS[self.group] if self.speed_m_s is None else self.speed_m_s

    @property
    def limits(self) -> list["Limit"]:
        """Limits in growing order, each once."""
        minutes = self.minutes or (() if self.metres else USUAL_MINUTES)
        found = {Limit(one, "m") for one in self.metres}
        return sorted(found | {Limit(one * 60 * self.speed, "min") for one in minutes})

    def told(self, limits: "Sequence[Limit]") -> "dict[str, NDArray[Any]]":
        """Return the columns that say how far limits are: unit, metres, minutes at the speed."""
        metres = np.array([one.metres for one in limits], dtype=float)
        return {
            "unit": np.array([one.unit for one in limits], dtype=object),
            "distance_m": metres.round(2),
            "walk_minutes": (metres / (60 * self.speed)).round(1),
        }


@dataclass(frozen=True, eq=False)
class Origins:
    """Where walks begin or end.

    Parameters
    ----------
    places
        On the network.
    station_ids
        Key of the station at each place, ``None`` where there is none.
    """

    places: "Snapped"
    station_ids: Sequence[str | None]

    @property
    def reason(self) -> str | None:
        """Why nothing is reached, if no place is on the network; of the first one."""
        off = self.places.edge < 0
        return str(self.places.reason[0]) if len(off) and off.all() else None


def at_stations(ground: "WalkingGround", station_ids: Sequence[str]) -> Origins:
    """Return stations as origins, in the order given, each once.

    Raises
    ------
    gis.errors.NotFoundError
        One of them is not among the stations.
    """
    wanted = list(dict.fromkeys(station_ids))
    row_of = {key: row for row, key in enumerate(ground.stations["id"])}
    missing = [key for key in wanted if key not in row_of]
    if missing:
        raise NotFoundError(
            f"There is no {missing[0]} among the stations.", remedy="List the stations."
        )
    rows = np.array([row_of[key] for key in wanted], dtype=np.int64)
    return Origins(ground.doors.take(rows), wanted)


def at_point(ground: "WalkingGround", lonlat: tuple[float, float]) -> Origins:
    """Return a point (lon, lat in EPSG:4326) as origin.

    Raises
    ------
    gis.errors.InvalidInputError
        It is not on the globe, or in none of the communities.
    gis.errors.NotFoundError
        No road is within reach of it.
    """
    return Origins(ground.place(*lonlat), [None])


def isochrone_areas(
    ground: "WalkingGround", origins: Origins, reach: Reach, *, each: bool = False
) -> "gpd.GeoDataFrame":
    """Return what is reached from places within limits, holes kept.

    Parameters
    ----------
    ground
        The network with buildings and stations on it; the areas end at the box of the communities.
    origins
        Places; those that are not on the network reach nothing.
    reach
        Limits and speed.
    each
        Each place by itself, so that areas overlap; else what is reached from any of them.

    Returns
    -------
    geopandas.GeoDataFrame
        By place, then by limit: ``station_id`` (None: of several, or a point), ``unit`` of the
        limit, ``distance_m``, ``walk_minutes``, ``area_m2``, ``buildings``, ``households`` and the
        MultiPolygon in EPSG:4326.
    """
    import geopandas as gpd
    import pandas as pd

    parts = []
    if each and origins.station_ids:
        for row in range(len(origins.station_ids)):
            own = origins.places.take(np.array([row], dtype=np.int64))
            parts.append(_reached(ground, own, reach, origins.station_ids[row]))
    else:
        ids = origins.station_ids
        parts.append(_reached(ground, origins.places, reach, ids[0] if len(ids) == 1 else None))
    out: gpd.GeoDataFrame = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")
    return out


def _reached(
    ground: "WalkingGround", places: "Snapped", reach: Reach, station_id: str | None
) -> "gpd.GeoDataFrame":
    import pandas as pd

    limits = reach.limits
    bounds = _bounds(ground, places, limits[-1].metres)
    cells = ground.field_ground.window(bounds)
    rows = _buildings_in(ground, bounds)
    buildings = ground.buildings.iloc[rows]
    walk = nearest(ground.graph, ground.homes.take(rows), places)
    if cells.shape[0] and cells.shape[1]:
        field_ = walk_field(ground.graph, cells, places)
        drawn = [
            isochrones(
                field_,
                [one.metres],
                ground.crs,
                buildings=buildings,
                cost_m=pd.Series(one.of(walk), index=buildings.index),
            )
            for one in limits
        ]
        frame = pd.concat(drawn, ignore_index=True)
    else:  # no place of the raster is near
        frame = _nothing(limits)
    near = np.column_stack([one.of(walk) <= one.metres for one in limits])
    households = buildings["households"].to_numpy(dtype=np.int64)
    told = frame.assign(
        station_id=station_id,
        buildings=near.sum(axis=0),
        households=households @ near,
        **reach.told(limits),
    )
    columns = [
        "station_id",
        "unit",
        "distance_m",
        "walk_minutes",
        "area_m2",
        "buildings",
        "households",
    ]
    return told[[*columns, "geometry"]]


def _nothing(limits: list[Limit]) -> "gpd.GeoDataFrame":
    import geopandas as gpd

    empty = [shapely.MultiPolygon()] * len(limits)
    return gpd.GeoDataFrame({"area_m2": [0.0] * len(empty)}, geometry=empty, crs="EPSG:4326")


def _bounds(
    ground: "WalkingGround", places: "Snapped", limit_m: float
) -> tuple[float, float, float, float]:
    """Return what nobody leaves within a limit: west, south, east, north in metres."""
    least = min(float(ground.graph.edge_factor.min(initial=1.0)), 1.0)
    far = limit_m / least + ground.field_ground.cell_m
    xy = places.xy_m[places.edge >= 0]
    if len(xy) == 0:
        return 0.0, 0.0, 0.0, 0.0
    west, south = xy.min(axis=0) - far
    east, north = xy.max(axis=0) + far
    return float(west), float(south), float(east), float(north)


def _buildings_in(
    ground: "WalkingGround", bounds: tuple[float, float, float, float]
) -> "NDArray[np.int64]":
    """Return the rows of the buildings that meet a box in metres."""
    [box] = to_lonlat(np.array([shapely.box(*bounds)], dtype=object), ground.crs)
    # The box is bent a little in degrees; its envelope holds it.
    found = ground.buildings.sindex.query(shapely.box(*shapely.bounds(box)))
    return np.sort(np.asarray(found, dtype=np.int64))


def catchment_areas(
    ground: "WalkingGround", serving: "pd.Series[bool]", reach: Reach
) -> "gpd.GeoDataFrame":
    """Return the ground that belongs to each serving station because it is the nearest on foot.

    Parameters
    ----------
    ground
        The network with buildings and stations on it.
    serving
        Which stations count, on the index of the stations.
    reach
        Its greatest limit is that of the catchments.

    Returns
    -------
    geopandas.GeoDataFrame
        ``station_id``, ``name``, ``unit``, ``distance_m``, ``walk_minutes`` (the limit),
        ``area_m2``, the counts of :data:`gis.coverage.shares.PEOPLE` (nothing withheld) and the
        area in EPSG:4326; they do not overlap.
    """
    limit = reach.limits[-1]
    mask = serving.to_numpy(dtype=bool)
    walk = nearest(ground.graph, ground.homes, ground.doors, mask)
    walk = replace(walk, cost_m=limit.of(walk))
    cells = walk_field(ground.graph, ground.field_ground, ground.doors, mask)
    found = catchments(cells, limit.metres, ground.crs, buildings=ground.buildings, walk=walk)
    stations = ground.stations.iloc[found["station"].to_numpy(dtype=np.int64)]
    told = found.drop(columns="station").assign(
        station_id=stations["id"].to_numpy(),
        name=stations["name"].to_numpy(),
        **reach.told([limit] * len(found)),
    )
    first = ["station_id", "name", "unit", "distance_m", "walk_minutes"]
    return told[[*first, *(name for name in told if name not in first)]]


@dataclass(frozen=True, slots=True)
class GapQuestion:
    """Which gaps are asked for.

    Parameters
    ----------
    reach
        Its greatest limit counts.
    community
        Code of the community; ``None``: all.
    smallest_m2
        Smaller gaps are left out, unless somebody lives there.
    """

    reach: Reach = field(default_factory=Reach)
    community: str | None = None
    smallest_m2: float = SMALLEST_GAP_M2


def gap_areas_on_foot(
    ground: "WalkingGround", serving: "pd.Series[bool]", asked: GapQuestion
) -> "gpd.GeoDataFrame":
    """Return the ground from which no serving station is within the limit, and who lives there.

    Returns
    -------
    geopandas.GeoDataFrame
        ``unit``, ``distance_m``, ``walk_minutes``, ``area_m2``, the counts of people (nothing
        withheld) and the area in EPSG:4326; most households first. Everyone beyond the limit is
        counted in one gap.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such community.
    """
    import pandas as pd

    limit = asked.reach.limits[-1]
    mask = serving.to_numpy(dtype=bool)
    walk = nearest(ground.graph, ground.homes, ground.doors, mask)
    buildings, inside = _of_community(ground, asked.community)
    found = walking_gaps(
        _outline(ground, asked.community),
        walk_field(ground.graph, ground.field_ground, ground.doors, mask),
        limit.metres,
        ground.crs,
        buildings=buildings,
        cost_m=pd.Series(limit.of(walk)[inside], index=buildings.index),
        minimum_area_m2=asked.smallest_m2,
    )
    return found.assign(**asked.reach.told([limit] * len(found)))


def gap_areas_in_line(
    places: "Places", serving: "pd.Series[bool]", asked: GapQuestion
) -> "gpd.GeoDataFrame":
    """Return the ground outside of every serving station's circle; as :func:`gap_areas_on_foot`."""
    limit = asked.reach.limits[-1]
    buildings, _ = _of_community(places, asked.community)
    found = gap_polygons(
        _outline(places, asked.community),
        places.stations.geometry[serving.to_numpy(dtype=bool)].to_numpy(),
        limit.metres,
        places.crs,
        buildings=buildings,
        minimum_area_m2=asked.smallest_m2,
    )
    return found.assign(**asked.reach.told([limit] * len(found)))


def _outline(places: "Places", community: str | None) -> shapely.Geometry:
    if community is None:
        return shapely.union_all(places.communities.geometry.to_numpy())
    found = places.communities[places.communities["code"] == community]
    if not len(found):
        raise NotFoundError(f"There is no community {community}.", remedy="List the communities.")
    return shapely.union_all(found.geometry.to_numpy())


def _of_community(
    places: "Places", community: str | None
) -> "tuple[gpd.GeoDataFrame, NDArray[np.bool_]]":
    """Return the buildings of a community, or all, and which they are."""
    inside = np.ones(len(places.buildings), dtype=bool)
    if community is not None:
        keys = places.communities.loc[places.communities["code"] == community, "id"]
        inside = places.buildings["community_id"].isin(set(keys)).to_numpy(dtype=bool)
    return places.buildings[inside], inside
