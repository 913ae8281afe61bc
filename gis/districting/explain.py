"""Telling a plan: its exceptions, where its households came from, and why each grid ended so."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from gis.districting.plan import GridTrace, Origin, PlanException
from gis.districting.region import Task, region_of
from gis.districting.state import State

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints
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


def lineage_of(graph: "CellGraph", before: "Ints", grid: "Ints") -> tuple[Origin, ...]:
    """Return where the households of each grid were, by grid and previous grid."""
    known = before >= 0
    if not known.any():
        return ()
    pairs, inverse = np.unique(
        np.column_stack((grid[known], before[known])), axis=0, return_inverse=True
    )
    people = np.bincount(inverse.ravel(), graph.households[known], len(pairs)).astype(np.int64)
    return tuple(
        Origin(new, old, number)
        for (new, old), number in zip(pairs.tolist(), people.tolist(), strict=True)
    )


def traces_of(
    task: Task, grid: "Ints", measures: "PlanMeasures", locked: "Bools"
) -> tuple[GridTrace, ...]:
    """Return why each grid ended as it did, in order of grid."""
    graph = task.graph
    label = np.searchsorted(measures.grid, grid)
    source, target = graph.source, graph.indices
    cut = label[source] != label[target]
    count = len(measures.grid)
    key = label[source[cut]] * 4 + graph.barrier_class[cut]
    by_class = np.bincount(key, graph.border_m[cut], count * 4).reshape(count, 4)
    limits, units = _limits(task, label, count)
    first = np.unique(label, return_index=True)[1]
    out = []
    for i, cell in enumerate(first.tolist()):
        fixed: Literal["", "dedicated", "locked"] = ""
        if measures.dedicated[i]:
            fixed = "dedicated"
        elif locked[cell]:
            fixed = "locked"
        households = int(measures.households[i])
        out.append(
            GridTrace(
                grid=int(measures.grid[i]),
                community=int(graph.community[cell]),
                households=households,
                deviation=households - task.options.target,
                fixed=fixed,
                limits=() if fixed else limits[i],
                border_by_class_m=(*(float(v) for v in by_class[i]),),  # type: ignore[arg-type]
                units=units[i],
            )
        )
    return tuple(out)


def _limits(task: Task, label: "Ints", count: int) -> tuple[list[tuple[str, ...]], list[int]]:
    limits: list[tuple[str, ...]] = [()] * count
    units = [0] * count
    order = np.argsort(task.graph.community, kind="stable")
    starts = np.flatnonzero(np.diff(task.graph.community[order])) + 1
    for cells in np.split(order, starts):
        if not len(cells):
            continue
        region = region_of(task, np.sort(cells))
        grids, local = np.unique(label[region.cells], return_inverse=True)
        of_node = np.zeros(region.size, dtype=np.int64)
        of_node[region.node] = local
        state = State(region, of_node.tolist(), len(grids), task.options)
        for g, (why, number) in enumerate(_state_limits(state, task.options)):
            limits[grids[g]], units[grids[g]] = why, number
    return limits, units


def _state_limits(state: State, options: "DrawOptions") -> list[tuple[tuple[str, ...], int]]:
    """Return for each grid what keeps it from the target, by trying every single move."""
    region, label = state.region, state.label
    off = [h - options.target for h in state.households]
    near: list[set[int]] = [set() for _ in range(state.count)]
    torn: list[bool] = [False] * state.count
    dear: list[bool] = [False] * state.count
    for v in range(region.size):
        a = label[v]
        for b in {label[e[0]] for e in region.edges[v] if e[4]} - {a}:
            near[a].add(b)
            people = region.households[v]
            gain = abs(off[a]) + abs(off[b]) - abs(off[a] - people) - abs(off[b] + people)
            if gain > 0 and not region.frozen[v]:
                blocked = torn if not state.leaves_whole(v) else dear
                blocked[a] = blocked[b] = True
    out = []
    for g in range(state.count):
        why: tuple[str, ...] = ()
        if not near[g]:
            why = ("whole_ground",)
        elif off[g] and state.nodes[g] == 1:
            why = ("single_unit",)
        elif off[g]:
            why = ("contiguity",) * torn[g] + ("shape",) * dear[g] or ("size_of_units",)
        out.append((why, state.nodes[g]))
    return out
