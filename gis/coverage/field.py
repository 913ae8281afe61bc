"""A field of walking costs: how far the nearest station is, for every place of a raster.

The cost of a place is that of a building at the place: a straight leg to the nearest road, within
the same reach and past the same walls, and from there along the network. One field answers every
radius and every speed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.network.snapping import REACH_M, Snapped, snap
from gis.network.walking import Walk, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from gis.network.graph import WalkGraph

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Side of a square of the raster.
CELL_M = 25.0
#: Nodes so far beyond a limit are looked at too.
_BEYOND_M = 200.0
_LOW, _HIGH, _ALL = slice(None, -1), slice(1, None), slice(None)
#: Pairs of places to the east, to the north, and across four in both ways.
_PAIRS = (
    ((_ALL, _LOW), (_ALL, _HIGH)),
    ((_LOW, _ALL), (_HIGH, _ALL)),
    ((_LOW, _LOW), (_HIGH, _HIGH)),
    ((_HIGH, _LOW), (_LOW, _HIGH)),
)
#: The places that have such a pair.
_PAIRED = ((_ALL, _LOW), (_LOW, _ALL), (_LOW, _LOW), (_LOW, _LOW))
#: More places than this are no field but a mistake in the bounds: 400 MB.
MOST_PLACES = 25_000_000


@dataclass(frozen=True, eq=False)
class FieldGround:
    """Places in rows and columns, and where each gets onto the network; made once per graph.

    Parameters
    ----------
    x_m, y_m
        ``(c,)`` and ``(r,)``: columns from the west and rows from the south, in whole cells, so
        that two grounds of one graph share their places.
    places
        ``(r × c,)``, row by row.
    cell_m
        Metres between two places.
    reach_m
        The longest leg from a place to the network.
    half_legs
        ``(4, r, c)``: legs half-way to the place in the east, to the one in the north, and in the
        middle of the four, between this and the north-east and between the other two. Where two
        places get onto one edge, or onto two that meet, the place half-way gets onto it between
        them; NaN elsewhere.
    """

    x_m: "Floats"
    y_m: "Floats"
    places: Snapped
    cell_m: float
    reach_m: float
    half_legs: "Floats"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y_m), len(self.x_m)

    def window(self, bounds_m: tuple[float, float, float, float]) -> "FieldGround":
        """Return the part of the ground that holds west, south, east, north in metres."""
        west, south, east, north = bounds_m
        columns = slice(*np.searchsorted(self.x_m, [west, east + self.cell_m]).tolist())
        rows = slice(*np.searchsorted(self.y_m, [south, north + self.cell_m]).tolist())

        inside = np.zeros(self.shape, dtype=bool)
        inside[rows, columns] = True
        return FieldGround(
            self.x_m[columns],
            self.y_m[rows],
            self.places.take(np.flatnonzero(inside)),
            self.cell_m,
            self.reach_m,
            self.half_legs[:, rows, columns],
        )


@dataclass(frozen=True, eq=False)
class WalkField:
    """What it costs to walk to the nearest station from each place of a raster.

    Parameters
    ----------
    graph, ground, stations, serving
        What it was made of.
    cost_m
        ``(r, c)`` equivalent metres; NaN where no station can be reached.
    station
        ``(r, c)`` row of the nearest station; -1 where none can be reached.
    """

    graph: "WalkGraph"
    ground: FieldGround
    stations: Snapped
    serving: "NDArray[np.bool_] | None"
    cost_m: "Floats"
    station: "Ints"

    @cached_property
    def between(self) -> "tuple[Floats, Floats, Floats]":
        """Costs half-way to the place in the east, in the north, and in the middle of four.

        On either side of a road the cost is not the mean of both but less. NaN where that is not
        known.
        """
        on_foot = self.cost_m - self.ground.places.access_m.reshape(self.ground.shape)
        east, north, rising, falling = (
            (on_foot[one] + on_foot[other]) / 2 + legs[at]
            for (one, other), at, legs in zip(_PAIRS, _PAIRED, self.ground.half_legs, strict=True)
        )
        return east, north, np.fmin(rising, falling)

    def at(self, xy_m: "ArrayLike") -> Walk:
        """Return the walk from any places, measured as those of the raster are."""
        places = snap(self.graph, xy_m, reach_m=self.ground.reach_m)
        return nearest(self.graph, places, self.stations, self.serving)


def field_ground(
    graph: "WalkGraph",
    *,
    scope_m: shapely.Geometry | None = None,
    cell_m: float = CELL_M,
    reach_m: float = REACH_M,
) -> FieldGround:
    """Return the raster over a network, each place snapped to it.

    Parameters
    ----------
    graph
        The walking network.
    scope_m
        What the raster has to hold, in metres of the graph's CRS; by default all that is within
        reach of the network.
    cell_m
        Metres between two places.
    reach_m
        The longest leg from a place to the network.

    Raises
    ------
    gis.errors.InvalidInputError
        The cell is not positive, or the raster would have more than 25 million places.
    """
    if not 0 < cell_m < np.inf:
        msg = f"A cell of {cell_m} m is no cell."
        raise InvalidInputError(msg, remedy="Pass a positive number of metres.", field="cell_m")
    bounds = _bounds(graph, scope_m, reach_m)
    low, high = np.floor(bounds[:2] / cell_m) - 1, np.ceil(bounds[2:] / cell_m) + 1
    columns, rows = (high - low + 1).astype(np.int64).tolist()
    if rows * columns > MOST_PLACES:
        msg = f"{rows:,} rows and {columns:,} columns of {cell_m:g} m are too many for a field."
        raise InvalidInputError(msg, remedy="Pass a scope, or a larger cell.", field="scope_m")
    x = (low[0] + np.arange(columns)) * cell_m
    y = (low[1] + np.arange(rows)) * cell_m
    xy = np.column_stack([np.tile(x, rows), np.repeat(y, columns)])
    places = snap(graph, xy, reach_m=reach_m)
    legs = _half_legs(graph, places, xy, (rows, columns))
    return FieldGround(x, y, places, cell_m, reach_m, legs)


def walk_field(
    graph: "WalkGraph", ground: FieldGround, stations: Snapped, serving: "ArrayLike | None" = None
) -> WalkField:
    """Return the cost of walking to the nearest station from each place of the ground.

    Parameters
    ----------
    graph, ground
        A network and its raster, from :func:`field_ground`.
    stations
        Where the stations get onto the network.
    serving
        ``(s,)``: which of them count; by default all.
    """
    mask = None if serving is None else np.asarray(serving, dtype=bool)
    walk = nearest(graph, ground.places, stations, mask)
    return WalkField(
        graph,
        ground,
        stations,
        mask,
        walk.cost_m.reshape(ground.shape),
        walk.station.reshape(ground.shape),
    )


def station_fields(
    graph: "WalkGraph", ground: FieldGround, stations: Snapped, limit_m: float
) -> "Iterator[tuple[int, WalkField]]":
    """Yield the row of each station that is on the network, and the field of it alone.

    A field holds no more ground than is within the limit, and its costs are true to a little
    beyond: a border depends on what lies on its other side.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    arcs = graph.arcs
    matrix = csr_array((arcs.cost_m, arcs.indices, arcs.indptr), shape=(graph.nodes, graph.nodes))
    reach = limit_m / min(float(graph.edge_factor.min(initial=1.0)), 1.0) + ground.cell_m
    for row in np.flatnonzero(stations.edge >= 0).tolist():
        one = stations.take(np.array([row]))
        x, y = one.xy_m[0].tolist()
        window = ground.window((x - reach, y - reach, x + reach, y + reach))
        if 0 in window.shape:
            continue
        edge, along, factor = int(one.edge[0]), one.along_m[0], graph.edge_factor[one.edge[0]]
        ends = [int(graph.edge_from[edge]), int(graph.edge_to[edge])]
        first = np.array([along, graph.edge_length_m[edge] - along]) * factor + one.access_m[0]
        node_cost = (
            dijkstra(matrix, indices=ends, limit=limit_m + _BEYOND_M) + first[:, None]
        ).min(axis=0)
        cost = _costs(graph, window.places, node_cost)
        beside = window.places.edge == edge
        straight = np.abs(window.places.along_m[beside] - along) * factor + one.access_m[0]
        cost[beside] = np.minimum(cost[beside], straight + window.places.access_m[beside])
        cost = np.where(np.isfinite(cost), cost, np.nan).reshape(window.shape)
        reached = np.where(np.isnan(cost), -1, 0)
        yield row, WalkField(graph, window, one, None, cost, reached)


def _costs(graph: "WalkGraph", places: Snapped, node_cost: "Floats") -> "Floats":
    """Return what it costs places to walk by a node of their edge, infinite without an edge."""
    out = np.full(len(places), np.inf)
    on = np.flatnonzero(places.edge >= 0)
    edge, along = places.edge[on], places.along_m[on]
    rest = graph.edge_length_m[edge] - along
    factor = graph.edge_factor[edge]
    by = (
        node_cost[graph.edge_from[edge]] + along * factor,
        node_cost[graph.edge_to[edge]] + rest * factor,
    )
    out[on] = np.minimum(*by) + places.access_m[on]
    return out


def _bounds(graph: "WalkGraph", scope_m: shapely.Geometry | None, reach_m: float) -> "Floats":
    if scope_m is not None and not shapely.is_empty(scope_m):
        return np.asarray(shapely.bounds(scope_m))
    if graph.edges == 0:
        return np.zeros(4)
    bounds = shapely.total_bounds(graph.edge_line)
    return np.asarray(bounds + np.array([-reach_m, -reach_m, reach_m, reach_m]))


def _half_legs(
    graph: "WalkGraph", places: Snapped, xy_m: "Floats", shape: tuple[int, int]
) -> "Floats":
    off = (xy_m - places.xy_m).reshape(*shape, 2)
    nodes = np.full((*shape, 2), -1, dtype=np.int64)
    on = places.edge.reshape(shape) >= 0
    edge = places.edge.reshape(shape)[on]
    nodes[on] = np.column_stack([graph.edge_from[edge], graph.edge_to[edge]])

    out = np.full((4, *shape), np.nan)
    for legs, (one, other), at in zip(out, _PAIRS, _PAIRED, strict=True):
        leg = (off[one] + off[other]) / 2
        a, b, c, d = (nodes[side][..., end] for side in (one, other) for end in (0, 1))
        meet = (a >= 0) & ((a == c) | (a == d) | (b == c) | (b == d))
        legs[at] = np.where(meet, np.hypot(leg[..., 0], leg[..., 1]), np.nan)
    return out
