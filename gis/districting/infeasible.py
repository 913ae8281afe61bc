"""What a plan could not meet: grids out of the band, torn quarters, joined ground."""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.plan import PlanException

if TYPE_CHECKING:
    from gis.districting.graph import CellGraph, Ints
    from gis.districting.options import DrawOptions
    from gis.districting.plan import PlanMeasures


def exceptions_of(
    graph: "CellGraph",
    grid: "Ints",
    options: "DrawOptions",
    measures: "PlanMeasures",
    joins: "tuple[tuple[Ints, ...], list[Ints]]",
) -> tuple[PlanException, ...]:
    """Return what a planner must know, by community and grid.

    Parameters
    ----------
    graph, grid, options, measures
        The plan.
    joins
        Cells joined over impassable borders, and cells given to the nearest grid.
    """
    found = _counts(graph, grid, options, measures)
    found += _bands(graph, grid, options, measures)
    found += _units(graph, grid)
    for cell in np.flatnonzero(graph.households > options.maximum).tolist():
        found.append(
            PlanException(
                "building_above_maximum",
                int(graph.community[cell]),
                int(grid[cell]),
                int(graph.households[cell]),
                options.maximum,
                cells=(cell,),
            )
        )
    found += _joins(graph, grid, joins)
    return tuple(
        sorted(found, key=lambda e: (e.community, e.grid is not None, e.grid or 0, e.kind, e.cells))
    )


def _joins(
    graph: "CellGraph", grid: "Ints", joins: "tuple[tuple[Ints, ...], list[Ints]]"
) -> list[PlanException]:
    """Tell of households joined over impassable borders, and once per grid of its islets."""
    out = []
    for cells in joins[0]:
        households = int(graph.households[cells].sum())
        if households:
            where = int(graph.community[cells[0]]), int(grid[cells[0]])
            out.append(
                PlanException("impassable_join", *where, households, cells=(*cells.tolist(),))
            )
    islets: dict[tuple[int, int], list[int]] = {}
    for cells in joins[1]:
        where = int(graph.community[cells[0]]), int(grid[cells[0]])
        islets.setdefault(where, []).extend(cells.tolist())
    out += [
        PlanException("noncontiguous_ground", *where, cells=tuple(sorted(found)))
        for where, found in islets.items()
    ]
    return out


def _counts(
    graph: "CellGraph", grid: "Ints", options: "DrawOptions", measures: "PlanMeasures"
) -> list[PlanException]:
    dedicated = measures.dedicated[np.searchsorted(measures.grid, grid)]
    out = []
    for community in np.unique(graph.community).tolist():
        cells = (graph.community == community) & ~dedicated
        households = int(graph.households[cells].sum())
        feasible = [k for k in options.feasible_counts(households) if k > 0]
        if cells.any() and not feasible:
            count = len(np.unique(grid[cells]))
            out.append(PlanException("no_feasible_count", community, None, households, count=count))
    return out


def _bands(
    graph: "CellGraph", grid: "Ints", options: "DrawOptions", measures: "PlanMeasures"
) -> list[PlanException]:
    ids, first = np.unique(grid, return_index=True)
    out = []
    for i in np.flatnonzero(~measures.in_range & ~measures.dedicated).tolist():
        households = int(measures.households[i])
        below = households < options.minimum
        out.append(
            PlanException(
                "below_minimum" if below else "above_maximum",
                int(graph.community[first[i]]),
                int(ids[i]),
                households,
                options.minimum if below else options.maximum,
            )
        )
    return out


def _units(graph: "CellGraph", grid: "Ints") -> list[PlanException]:
    if graph.unit is None:
        return []
    lived = (graph.unit >= 0) & (graph.households > 0)
    if graph.dedicated is not None:
        lived &= graph.dedicated < 0
    rows = np.unique(
        np.column_stack((graph.community[lived], graph.unit[lived], grid[lived])), axis=0
    )
    pairs, count = np.unique(rows[:, :2], axis=0, return_counts=True)
    out = []
    for (community, unit), number in zip(pairs.tolist(), count.tolist(), strict=True):
        if number > 1:
            cells = np.flatnonzero((graph.unit == unit) & (graph.community == community))
            households = int(graph.households[cells].sum())
            out.append(
                PlanException(
                    "quarter_split",
                    community,
                    None,
                    households,
                    count=number,
                    cells=tuple(cells.tolist()),
                    unit=unit,
                )
            )
    return out
