"""Which grids a building that is split between its staircases lies in, and what is told of it."""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.plan import PlanException

if TYPE_CHECKING:
    from gis.districting.graph import CellGraph, Ints


def primary_grids(origin: "Ints", grid: "Ints", households: "Ints") -> "Ints":
    """Return the grid of each old cell: the one with most of its households, then the lowest id.

    Parameters
    ----------
    origin
        Old cell of each new one, ascending, every old cell at least once.
    grid, households
        Of each new cell.
    """
    pairs, inverse = np.unique(np.column_stack((origin, grid)), axis=0, return_inverse=True)
    held = np.bincount(inverse.ravel(), households, len(pairs))
    order = np.lexsort((pairs[:, 1], -held, pairs[:, 0]))
    first = order[np.flatnonzero(np.diff(pairs[order, 0], prepend=-1))]
    return np.asarray(pairs[first, 1], dtype=np.int64)


def split_told(graph: "CellGraph", origin: "Ints", grid: "Ints") -> tuple[PlanException, ...]:
    """Return an exception for each building that lies in several grids, in order of cell.

    Parameters
    ----------
    graph
        The graph of :func:`split_buildings`, on which the plan was drawn.
    origin
        Old cell of each of its cells.
    grid
        Grid of each of its cells.
    """
    primary = primary_grids(origin, grid, graph.households)
    out = []
    for cell in np.unique(origin[grid != primary[origin]]).tolist():
        parts = np.flatnonzero(origin == cell)
        out.append(
            PlanException(
                "building_split",
                int(graph.community[parts[0]]),
                int(primary[cell]),
                int(graph.households[parts].sum()),
                count=len(np.unique(grid[parts])),
                cells=(cell,),
                unit=None
                if graph.unit is None or graph.unit[parts[0]] < 0
                else int(graph.unit[parts[0]]),
            )
        )
    return tuple(out)
