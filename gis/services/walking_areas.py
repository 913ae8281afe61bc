"""What is reached on foot, drawn: isochrones, catchments of stations, and gaps with their people.

All are drawn from one field of walking costs on the network of the place, and agree with the
verdicts of the buildings: a footprint lies inside or outside as its building's walk says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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

    from gis.network import Snapped
    from gis.services.walking import Places, WalkingGround

#: Minutes that are drawn where nobody says how far.
USUAL_MINUTES = (5.0, 10.0, 15.0)
#: Equivalent metres beyond which nobody is taken to walk.
FARTHEST_M = 20_000.0
#: Gaps smaller than this in which nobody lives are not shown.
SMALLEST_GAP_M2 = 500.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one walks.

    Parameters
    ----------
    minutes
        Limits in minutes at the speed; of neither these nor metres: 5, 10 and 15 minutes.
    metres
        Limits in metres on level pavement.
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
        if max(self.limits_m) > FARTHEST_M:
            raise InvalidInputError(
                f"A walk of {max(self.limits_m):,.0f} m is longer than {FARTHEST_M:,.0f} m.",
                remedy="Give fewer minutes or metres.",
                field="minutes" if self.minutes else "metres",
            )

    @property
    def speed(self) -> float:
        """Metres per second."""
        return SPEEDS[self.group] if self.speed_m_s is None else self.speed_m_s

    @property
    def limits_m(self) -> list[float]:
        """Metres on level pavement, in growing order, each once."""
        minutes = self.minutes or (() if self.metres else USUAL_MINUTES)
        return sorted({*self.metres, *(one * 60 * self.speed for one in minutes)})

    def told(self, limits_m: "NDArray[np.float64] | float") -> "dict[str, NDArray[np.float64]]":
        """Return the columns that say how far a limit is: metres, and minutes at the speed."""
        limits = np.asarray(limits_m, dtype=float)
        return {
            "distance_m": limits.round(2),
            "walk_minutes": (limits / (60 * self.speed)).round(1),
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
        By place, then by limit: ``station_id`` (None: of several, or a point), ``distance_m``,
        ``walk_minutes``, ``area_m2``, ``buildings``, ``households`` and the MultiPolygon in
        EPSG:4326.
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

    limits = reach.limits_m
    bounds = _bounds(ground, places, limits[-1])
    cells = ground.field_ground.window(bounds)
    rows = _buildings_in(ground, bounds)
    buildings = ground.buildings.iloc[rows]
    walk = nearest(ground.graph, ground.homes.take(rows), places)
    cost = pd.Series(walk.cost_m, index=buildings.index)
    if cells.shape[0] and cells.shape[1]:
        field_ = walk_field(ground.graph, cells, places)
        frame = isochrones(field_, limits, ground.crs, buildings=buildings, cost_m=cost)
    else:  # no place of the raster is near
        frame = _nothing(limits)
    near = walk.cost_m[:, None] <= np.array(limits)
    households = buildings["households"].to_numpy(dtype=np.int64)
    told = frame.assign(
        station_id=station_id,
        buildings=near.sum(axis=0),
        households=households @ near,
        **reach.told(frame["limit_m"].to_numpy()),
    )
    columns = ["station_id", "distance_m", "walk_minutes", "area_m2", "buildings", "households"]
    return told[[*columns, "geometry"]]


def _nothing(limits: list[float]) -> "gpd.GeoDataFrame":
    import geopandas as gpd

    empty = [shapely.MultiPolygon()] * len(limits)
    return gpd.GeoDataFrame({"limit_m": limits, "area_m2": 0.0}, geometry=empty, crs="EPSG:4326")


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
        ``station_id``, ``name``, ``distance_m``, ``walk_minutes`` (the limit), ``area_m2``, the
        counts of :data:`gis.coverage.shares.PEOPLE` (nothing withheld) and the area in EPSG:4326;
        they do not overlap.
    """
    limit = reach.limits_m[-1]
    mask = serving.to_numpy(dtype=bool)
    walk = nearest(ground.graph, ground.homes, ground.doors, mask)
    cells = walk_field(ground.graph, ground.field_ground, ground.doors, mask)
    found = catchments(cells, limit, ground.crs, buildings=ground.buildings, walk=walk)
    stations = ground.stations.iloc[found["station"].to_numpy(dtype=np.int64)]
    told = found.drop(columns="station").assign(
        station_id=stations["id"].to_numpy(),
        name=stations["name"].to_numpy(),
        **reach.told(np.full(len(found), limit)),
    )
    first = ["station_id", "name", "distance_m", "walk_minutes"]
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
        ``distance_m``, ``walk_minutes``, ``area_m2``, the counts of people (nothing withheld) and
        the area in EPSG:4326; most households first.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such community.
    """
    import pandas as pd

    limit = asked.reach.limits_m[-1]
    mask = serving.to_numpy(dtype=bool)
    walk = nearest(ground.graph, ground.homes, ground.doors, mask)
    buildings, inside = _of_community(ground, asked.community)
    found = walking_gaps(
        _outline(ground, asked.community),
        walk_field(ground.graph, ground.field_ground, ground.doors, mask),
        limit,
        ground.crs,
        buildings=buildings,
        cost_m=pd.Series(walk.cost_m[inside], index=buildings.index),
        minimum_area_m2=asked.smallest_m2,
    )
    return found.assign(**asked.reach.told(np.full(len(found), limit)))


def gap_areas_in_line(
    places: "Places", serving: "pd.Series[bool]", asked: GapQuestion
) -> "gpd.GeoDataFrame":
    """Return the ground outside of every serving station's circle; as :func:`gap_areas_on_foot`."""
    limit = asked.reach.limits_m[-1]
    buildings, _ = _of_community(places, asked.community)
    found = gap_polygons(
        _outline(places, asked.community),
        places.stations.geometry[serving.to_numpy(dtype=bool)].to_numpy(),
        limit,
        places.crs,
        buildings=buildings,
        minimum_area_m2=asked.smallest_m2,
    )
    return found.assign(**asked.reach.told(np.full(len(found), limit)))


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
