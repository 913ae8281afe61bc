"""The line of a walk, on demand."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse.csgraph import dijkstra
from shapely.ops import substring

from gis.errors import NotFoundError
from gis.network.walking import seeded as rows_of

if TYPE_CHECKING:
    from gis.network.graph import Floats, WalkGraph
    from gis.network.snapping import Snapped


@dataclass(frozen=True, eq=False)
class WalkPath:
    """A walk: its line in metres with both legs to the network, its length and its cost."""

    line_m: shapely.LineString
    distance_m: float
    cost_m: float


def path(
    graph: "WalkGraph", origin: "Snapped", station: "Snapped", row_o: int = 0, row_s: int = 0
) -> WalkPath:
    """Return the walk from a place to a station that takes the least time.

    Raises
    ------
    gis.errors.NotFoundError
        One of them is not on the network, or they are on parts that are not connected.
    """
    edge, goal = int(origin.edge[row_o]), int(station.edge[row_s])
    if edge < 0 or goal < 0:
        raise NotFoundError("No road is within reach of the place or of the station.")
    one = station.take(np.array([row_s]))
    rows = rows_of(graph, one)
    cost, previous = dijkstra(
        rows.matrix, directed=True, indices=graph.nodes, return_predecessors=True
    )
    along, factor = float(origin.along_m[row_o]), float(graph.edge_factor[edge])
    rest = float(graph.edge_length_m[edge]) - along
    a, b = int(graph.edge_from[edge]), int(graph.edge_to[edge])
    choices = [
        (cost[a] + along * factor, 0),
        (cost[b] + rest * factor, 1),
    ]
    s_along, s_access = float(station.along_m[row_s]), float(station.access_m[row_s])
    if edge == goal:
        choices.append((abs(along - s_along) * factor + s_access, 2))
    best, how = min(choices)
    if not np.isfinite(best):
        raise NotFoundError("The place and the station are on parts that are not connected.")
    parts = [origin.from_xy_m[[row_o]], origin.xy_m[[row_o]]]
    if how == 2:
        parts.append(_part(graph, edge, along, s_along))
    else:
        at = a if how == 0 else b
        parts.append(_part(graph, edge, along, 0.0 if how == 0 else graph.edge_length_m[edge]))
        parts += _edges(graph, one, at, previous)
    parts += [station.xy_m[[row_s]], station.from_xy_m[[row_s]]]
    xy = np.concatenate(parts)
    fresh = np.r_[True, (xy[1:] != xy[:-1]).any(axis=1)]
    xy = xy[fresh] if fresh.sum() > 1 else np.repeat(xy[:1], 2, axis=0)
    line = shapely.LineString(xy)
    return WalkPath(line, line.length, float(best + origin.access_m[row_o]))


def _part(graph: "WalkGraph", edge: int, start: float, end: float) -> "Floats":
    return shapely.get_coordinates(substring(graph.edge_line[edge], start, end))


def _edges(graph: "WalkGraph", one: "Snapped", at: int, previous: "Floats") -> "list[Floats]":
    """Return the coordinates of the way from a node to the station, edge by edge."""
    arcs, parts = graph.arcs, []
    while previous[at] < graph.nodes:
        to = int(previous[at])
        row = slice(arcs.indptr[to], arcs.indptr[to + 1])
        edge = int(arcs.edge[row][np.searchsorted(arcs.indices[row], at)])
        xy = shapely.get_coordinates(graph.edge_line[edge])
        parts.append(xy if graph.edge_from[edge] == at else xy[::-1])
        at = to
    goal, along = int(one.edge[0]), float(one.along_m[0])
    length, factor = float(graph.edge_length_m[goal]), float(graph.edge_factor[goal])
    from_start, from_end = at == graph.edge_from[goal], at == graph.edge_to[goal]
    forward = from_start and not (from_end and (length - along) * factor < along * factor)
    parts.append(_part(graph, goal, 0.0 if forward else length, along))
    return parts
