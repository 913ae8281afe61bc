"""Where people and stations get onto the network: the nearest place of an edge, with the leg."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected
from gis.network.barring import ALONG_M, CROSSING_AT_M

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    import pyproj
    from numpy.typing import ArrayLike

    from gis.geometry.crs import Geometries
    from gis.network.graph import Bools, Floats, Ints, WalkGraph

    #: Gives the shapes of some rows.
    Shapes = Callable[[Ints], Geometries]

#: Beyond this no road is said to be within reach.
REACH_M = 300.0
#: Reasons why a place is not on the network.
NO_ROAD_WITHIN_REACH = "no_road_within_reach"
ROADS_BEHIND_BARRIER = "roads_behind_barrier"

#: A leg may touch a barrier within this of its ends: a door in a wall, a path along a bank.
_ENDS_M = 0.5
#: Who is within this of the outline of a walled quarter may go to either side.
_ON_OUTLINE_M = 1.0
#: Edges are looked at in widening circles when the nearest one is barred.
_CIRCLES_M = (40.0, 120.0)


@dataclass(frozen=True, eq=False)
class Snapped:
    """Places on edges.

    Parameters
    ----------
    edge
        ``(k,)``: -1 where there is none.
    along_m
        ``(k,)``: metres along the line of the edge; NaN without an edge.
    access_m
        ``(k,)``: metres from the place to the edge, in a straight line; NaN without an edge.
    xy_m
        ``(k, 2)``: the place on the edge; NaN without an edge.
    from_xy_m
        ``(k, 2)``: where the leg starts: the point given, an entrance, the nearest side.
    barred
        ``(k,)``: all edges within reach lie beyond a river or a railway (then ``edge`` is -1), or
        beyond a wall (then the nearest one is taken).
    """

    edge: "Ints"
    along_m: "Floats"
    access_m: "Floats"
    xy_m: "Floats"
    from_xy_m: "Floats"
    barred: "Bools"

    def __len__(self) -> int:
        return len(self.edge)

    def take(self, rows: "Ints") -> "Snapped":
        """Return some of the places."""
        return Snapped(
            self.edge[rows],
            self.along_m[rows],
            self.access_m[rows],
            self.xy_m[rows],
            self.from_xy_m[rows],
            self.barred[rows],
        )

    @property
    def reason(self) -> "Geometries":
        """``(k,)``: why a place is not on the network, else ``None``."""
        out = np.full(len(self.edge), None, dtype=object)
        off = self.edge < 0
        out[off] = np.where(self.barred[off], ROADS_BEHIND_BARRIER, NO_ROAD_WITHIN_REACH)
        return out


def snap(graph: "WalkGraph", xy_m: "ArrayLike", *, reach_m: float = REACH_M) -> Snapped:
    """Return where points get onto the network: the nearest place of an edge on the ground.

    Where the straight leg there crosses a river, a railway or a wall, or leaves or enters a walled
    quarter other than through a gate, the nearest edge is taken for which it does not.

    Parameters
    ----------
    graph
        The network.
    xy_m
        ``(k, 2)`` metres in its CRS.
    reach_m
        Longest leg.

    Raises
    ------
    gis.errors.InvalidInputError
        A point is not finite (rows are named), or the reach is not positive.
    """
    xy = np.asarray(xy_m, dtype=float).reshape(-1, 2)
    bad = np.flatnonzero(~np.isfinite(xy).all(axis=1))
    if len(bad):
        rows = [int(row) + 1 for row in bad[:5]]
        msg = f"The point in row {', '.join(map(str, rows))} is not finite."
        raise InvalidInputError(msg, remedy="Give x and y in metres.", rows=rows)
    _check_reach(reach_m)
    found = graph.segments.nearest(xy, reach_m)
    near = _placed(graph, found.line, found.along_m, found.distance_m, found.xy, xy)

    def shapes(rows: "Ints") -> "Geometries":
        return np.asarray(shapely.points(xy[rows]), dtype=object)

    return _free(graph, shapes, near, reach_m)


def snap_buildings(
    graph: "WalkGraph",
    buildings: "gpd.GeoDataFrame",
    crs: "pyproj.CRS",
    *,
    reach_m: float = REACH_M,
) -> Snapped:
    """Return where people leave each building for the network, as :func:`snap` does for points.

    The leg starts at the entrance, else at the side of the footprint that is nearest to an edge.

    Parameters
    ----------
    graph
        The network.
    buildings
        Buildings in EPSG:4326, with or without the column ``entrance``.
    crs
        The projected CRS of the network.
    reach_m
        Longest leg.
    """
    _check_reach(reach_m)
    shapes = to_projected(buildings.geometry.to_numpy(), crs)
    if "entrance" in buildings:
        doors = to_projected(buildings["entrance"].to_numpy(), crs)
        known = ~(shapely.is_missing(doors) | shapely.is_empty(doors))
        shapes = np.where(known, doors, shapes)
    pieces = graph.segments
    edge = np.full(len(shapes), -1, dtype=np.int64)
    along, access = np.full((2, len(shapes)), np.nan)
    start, end = np.full((2, len(shapes), 2), np.nan)
    drawn = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    start[drawn] = shapely.get_coordinates(shapely.point_on_surface(shapes[drawn]))
    (at, found), distance = pieces.tree.query_nearest(
        shapes[drawn], max_distance=reach_m, return_distance=True, all_matches=False
    )
    rows = drawn[at]
    edge[rows], access[rows] = pieces.line[found], distance
    ends = shapely.get_coordinates(shapely.shortest_line(shapes[rows], pieces.lines[found]))
    start[rows], end[rows] = ends[::2], ends[1::2]
    along[rows] = pieces.offset_m[found] + np.hypot(*(end[rows] - pieces.start_xy[found]).T)
    near = _placed(graph, edge, along, access, end, start)
    return _free(graph, lambda chosen: shapes[chosen], near, reach_m)


def _check_reach(reach_m: float) -> None:
    if not 0 < reach_m < np.inf:
        msg = f"A reach of {reach_m} m leads to no road."
        raise InvalidInputError(msg, remedy="Give a positive number of metres.", field="reach_m")


def _legs(
    graph: "WalkGraph", shapes: "Geometries", at: "Ints", edge: "Ints"
) -> "tuple[Floats, Floats, Floats]":
    """Return the shortest legs from shapes (of positions ``at``) to edges.

    Where each starts, metres along the edge where it ends, and where that is.
    """
    point = (shapely.get_type_id(shapes) == shapely.GeometryType.POINT)[at]
    start, end = np.empty((2, len(at), 2))
    along = np.empty(len(at))
    easy, rest = np.flatnonzero(point), np.flatnonzero(~point)
    start[easy] = shapely.get_coordinates(shapes[at[easy]])
    along[easy], end[easy] = graph.segments.on_lines(start[easy], edge[easy])
    lines = graph.edge_line[edge[rest]]
    legs = shapely.shortest_line(shapes[at[rest]], lines)
    start[rest] = shapely.get_coordinates(shapely.get_point(legs, 0))
    along[rest] = shapely.line_locate_point(lines, shapely.get_point(legs, -1))
    end[rest] = graph.points_along(edge[rest], along[rest])
    return start, along, end


def _placed(
    graph: "WalkGraph",
    edge: "Ints",
    along: "Floats",
    access: "Floats",
    end: "Floats",
    start: "Floats",
) -> Snapped:
    on = np.flatnonzero(edge >= 0)
    along[on] = np.minimum(along[on], graph.edge_length_m[edge[on]])
    return Snapped(edge, along, access, end, start, np.zeros(len(edge), dtype=bool))


def _free(graph: "WalkGraph", shapes: "Shapes", near: Snapped, reach_m: float) -> Snapped:
    """Return the places with those behind a barrier moved to the next edge that is not."""
    # Only a leg that is longer than the way to the next barrier can cross one.
    on = np.flatnonzero(near.edge >= 0)
    walls = graph.wall_segments
    on = on[walls.nearest(near.from_xy_m[on], near.access_m[on] + ALONG_M).line >= 0]
    home = np.full(len(near), -1, dtype=np.int64)
    home[on] = _home(graph, shapes(on))
    wet, walled = _barred(graph, near.from_xy_m[on], near.xy_m[on], near.edge[on], home[on])
    rows = on[wet | walled]
    if len(rows) == 0:
        return near
    near.barred[rows] = True
    fallback = on[wet]
    near.edge[fallback] = -1
    near.along_m[fallback] = near.access_m[fallback] = np.nan
    near.xy_m[fallback] = np.nan
    for circle in (*_CIRCLES_M, reach_m):
        if circle <= reach_m:
            rows = _moved(graph, shapes, near, rows, home, circle)
    return near


def _moved(
    graph: "WalkGraph",
    shapes: "Shapes",
    near: Snapped,
    rows: "Ints",
    home: "Ints",
    circle_m: float,
) -> "Ints":
    """Move places to the nearest edge within a circle that is not barred; return who is left.

    Where only walls are in the way, the nearest edge that lies beyond no water is a fallback.
    """
    own = shapes(rows)
    at, edge = graph.open_tree.query(own, predicate="dwithin", distance=circle_m)
    row = rows[at]
    start, along, end = _legs(graph, own, at, edge)
    wet, walled = _barred(graph, start, end, edge, home[row])
    for fine, is_last in ((~wet, False), (~wet & ~walled, True)):
        chosen = np.flatnonzero(fine & (is_last | (near.edge[row] < 0)))
        access = np.hypot(*(end[chosen] - start[chosen]).T)
        chosen = chosen[np.lexsort((edge[chosen], access, row[chosen]))]
        chosen = chosen[np.unique(row[chosen], return_index=True)[1]]
        to = row[chosen]
        near.edge[to], near.along_m[to] = edge[chosen], along[chosen]
        near.from_xy_m[to], near.xy_m[to] = start[chosen], end[chosen]
        near.access_m[to] = np.hypot(*(end[chosen] - start[chosen]).T)
        if is_last:
            near.barred[to] = False
            return np.setdiff1d(rows, to)
    return rows


def _home(graph: "WalkGraph", shapes: "Geometries") -> "Ints":
    """Return the walled quarter of each place: -1 none, -2 on the outline of one."""
    out = np.full(len(shapes), -1, dtype=np.int64)
    quarters = graph.walls.quarters
    if len(quarters) == 0:
        return out
    points = np.asarray(shapely.point_on_surface(shapes), dtype=object)
    at, quarter = shapely.STRtree(quarters).query(points, predicate="intersects")
    out[at[::-1]] = quarter[::-1]
    edges = shapely.STRtree(np.asarray(shapely.boundary(quarters), dtype=object))
    out[edges.query(points, predicate="dwithin", distance=_ON_OUTLINE_M)[0]] = -2
    return out


def _barred(
    graph: "WalkGraph", start: "Floats", end: "Floats", edge: "Ints", home: "Ints"
) -> "tuple[Bools, Bools]":
    """Return which legs cross a river or a railway, and which cross a wall."""
    walls = graph.walls
    none = np.zeros(len(edge), dtype=bool)
    if len(edge) == 0 or walls.empty:
        return none, none
    ends = _shortened(start, end)
    wet = graph.water_segments.crossed(*ends)
    walled = graph.line_segments.crossed(*ends)
    other = (home != -2) & (home != graph.edge_quarter[edge])
    if len(walls.gates) and other.any():
        rows = np.flatnonzero(other)
        legs = shapely.linestrings(np.stack(ends, axis=1)[rows])
        through = shapely.STRtree(walls.gates).query(
            legs, predicate="dwithin", distance=CROSSING_AT_M
        )[0]
        other[rows[through]] = False
    return wet, walled | other


def _shortened(start: "Floats", end: "Floats") -> "tuple[Floats, Floats]":
    """Return the ends of legs without half a metre at either; those that are shorter are points."""
    step = end - start
    length = np.hypot(step[:, 0], step[:, 1])
    share = np.minimum(_ENDS_M / np.maximum(length, 1e-9), 0.5)[:, None]
    return start + step * share, end - step * share
