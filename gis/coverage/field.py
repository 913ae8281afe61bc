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
    from numpy.typing import ArrayLike, NDArray

    from gis.network.graph import WalkGraph

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Side of a square of the raster.
CELL_M = 25.0
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
    """

    x_m: "Floats"
    y_m: "Floats"
    places: Snapped
    cell_m: float
    reach_m: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y_m), len(self.x_m)

    def window(self, bounds_m: tuple[float, float, float, float]) -> "FieldGround":
        """Return the part of the ground that holds west, south, east, north in metres."""
        west, south, east, north = bounds_m
        columns = slice(*np.searchsorted(self.x_m, [west, east + self.cell_m]).tolist())
        rows = slice(*np.searchsorted(self.y_m, [south, north + self.cell_m]).tolist())
        chosen = np.arange(len(self.places)).reshape(self.shape)[rows, columns].ravel()
        places = _taken(self.places, chosen)
        return FieldGround(self.x_m[columns], self.y_m[rows], places, self.cell_m, self.reach_m)


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

        ``(r, c - 1)``, ``(r - 1, c)`` and ``(r - 1, c - 1)`` equivalent metres. Where two places
        get onto one edge, or onto two that meet, the place half-way gets onto it between them: on
        either side of a road the cost is not the mean of both but less. NaN elsewhere.
        """
        low, high, every = slice(None, -1), slice(1, None), slice(None)
        rising = self._half_way((low, low), (high, high))
        falling = self._half_way((high, low), (low, high))
        return (
            self._half_way((every, low), (every, high)),
            self._half_way((low, every), (high, every)),
            np.fmin(rising, falling),
        )

    def _half_way(self, a: tuple[slice, slice], b: tuple[slice, slice]) -> "Floats":
        """Return the cost half-way between places, along the edge that both get onto."""
        shape, places = self.ground.shape, self.ground.places
        edge = places.edge.reshape(shape)
        foot = places.xy_m.reshape(*shape, 2)
        cost = self.cost_m - places.access_m.reshape(shape)
        at = np.stack(np.meshgrid(self.ground.x_m, self.ground.y_m), axis=2)
        leg = (at[a] + at[b] - foot[a] - foot[b]) / 2
        out = (cost[a] + cost[b]) / 2 + np.hypot(leg[..., 0], leg[..., 1])
        return np.where(self._joined(edge[a], edge[b]), out, np.nan)

    def _joined(self, one: "Ints", other: "Ints") -> "NDArray[np.bool_]":
        """Return where two edges are the same or meet."""
        if self.graph.edges == 0:
            return np.zeros(one.shape, dtype=bool)
        nodes = np.column_stack([self.graph.edge_from, self.graph.edge_to])
        mine, theirs = nodes[one][..., :, None], nodes[other][..., None, :]
        return np.asarray((one >= 0) & (other >= 0) & (mine == theirs).any(axis=(-2, -1)))

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
    return FieldGround(x, y, snap(graph, xy, reach_m=reach_m), cell_m, reach_m)


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


def _bounds(graph: "WalkGraph", scope_m: shapely.Geometry | None, reach_m: float) -> "Floats":
    if scope_m is not None and not shapely.is_empty(scope_m):
        return np.asarray(shapely.bounds(scope_m))
    if graph.edges == 0:
        return np.zeros(4)
    bounds = shapely.total_bounds(graph.edge_line)
    return np.asarray(bounds + np.array([-reach_m, -reach_m, reach_m, reach_m]))


def _taken(places: Snapped, rows: "Ints") -> Snapped:
    return Snapped(*(getattr(places, name)[rows] for name in Snapped.__dataclass_fields__))
