"""Drawing: regions are partitioned by METIS, repaired, refined, and told as a plan."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.districting.explain import Tracing, traces_of
from gis.districting.ground import components, ground_of
from gis.districting.infeasible import exceptions_of, feasible_of
from gis.districting.lineage import lineage_of, moved_households, outcomes_of
from gis.districting.measure import evaluate
from gis.districting.nodes import nodes_of
from gis.districting.numbering import draw_order
from gis.districting.options import DrawOptions, Locks
from gis.districting.parallel import processes_for, solve_all
from gis.districting.plan import Plan
from gis.districting.region import Task, region_of
from gis.districting.solve import Order, Solution, budget_of
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints

#: Told now and then: cells done, cells in all. ``False`` ends the refinement.
Progress = Callable[[int, int], bool | None]

#: Numbers up to which every grid id is exact wherever it goes.
_LARGEST_ID = 2**53


def draw_grids(
    graph: "CellGraph",
    options: DrawOptions | None = None,
    current: Any = None,  # noqa: ANN401 - array-like
    locked: Locks | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Return a plan of contiguous grids, each within one community, near the target.

    Parameters
    ----------
    graph
        The cells; dedicated ones become grids of their own.
    options
        Band, preset, weights, seed and time limit.
    current
        Current grid per cell, -1 for none: the drawing starts from it and keeps what it can.
    locked
        Cells and grids of ``current`` that stay.
    progress
        Told cells done and cells in all: after each piece of ground, and within one as its search
        goes on where all are drawn in this process. ``False`` ends the refinement with the best so
        far.

    Raises
    ------
    gis.errors.InvalidInputError
        If ``current`` or ``locked`` do not fit the graph.
    """
    options = options or DrawOptions()
    before = _current(graph, current)
    if options.preset == "metis" and locked is not None and locked.cells is not None:
        msg = "The bare partition keeps no locked cells."
        raise InvalidInputError(msg, remedy="Use another preset, or lock whole grids.")
    frozen, fixed = _locked(graph, before, locked or Locks())
    ground = ground_of(_without(graph, fixed), options.minimum)
    label, kept = _fixed_labels(graph, before, fixed)
    free = label < 0
    apart = ground.joined & (free[graph.source] == free[graph.indices])
    node = nodes_of(graph, apart, options.maximum, frozen | fixed, before)
    task = Task(graph, options, ground.joined, before, frozen | fixed, node)
    regions, loose = _regions(graph, ground.joined, free)
    orders = _orders(task, regions)
    stopped = False
    for order, solution in zip(orders, _solved(orders, task, progress), strict=True):
        label[order.region.cells] = len(kept) + solution.label[order.region.node]
        kept += solution.origin
        stopped |= solution.stopped
    attached = _attach(task, label, loose, kept, fixed)
    _settle_claims(task, label, kept)
    grid = _with_ids(graph, label, kept, before)
    measures = evaluate(graph, grid, options)
    joins = (*ground.joins,)
    tracing = Tracing(node, ground.joined, frozen, fixed)
    outcomes = outcomes_of(graph, before, grid)
    return Plan(
        grid=grid,
        measures=measures,
        exceptions=exceptions_of(graph, options, grid, measures, tracing, (joins, attached)),
        lineage=lineage_of(graph, before, grid),
        trace=traces_of(graph, options, grid, measures, tracing),
        stopped=stopped,
        feasible=feasible_of(graph, options, grid, measures),
        outcomes=outcomes,
        moved_households=moved_households(outcomes),
    )


def _current(graph: "CellGraph", current: Any) -> "Ints":  # noqa: ANN401 - array-like
    if current is None:
        return np.full(graph.size, -1, dtype=np.int64)
    array = np.asarray(current)
    if array.shape != (graph.size,) or array.dtype.kind not in "iu":
        msg = f"current has shape {array.shape}; the graph has {graph.size} cells."
        raise InvalidInputError(msg, remedy="Give one whole number per cell.", field="current")
    if len(array) and int(array.max()) > _LARGEST_ID:
        msg = f"Current grid {int(array.max())} has too large a number."
        raise InvalidInputError(msg, remedy=f"Number up to {_LARGEST_ID}.", field="current")
    array = array.astype(np.int64)
    has = array >= 0
    ids, first = np.unique(array[has], return_index=True)
    home = graph.community[has][first]
    crossing = home[np.searchsorted(ids, array[has])] != graph.community[has]
    if crossing.any():
        bad = int(array[has][np.flatnonzero(crossing)[0]])
        msg = f"Current grid {bad} crosses a community line."
        raise InvalidInputError(msg, remedy="Split it at the line.", field="current", value=bad)
    return array


def _locked(graph: "CellGraph", before: "Ints", locked: Locks) -> "tuple[Bools, Bools]":
    """Return which cells may not move, and which are fixed with their whole grid."""
    frozen = locked.mask(graph.size)
    if (frozen & (before < 0)).any():
        cell = int(np.flatnonzero(frozen & (before < 0))[0])
        msg = f"Cell {cell} is locked but has no current grid."
        raise InvalidInputError(msg, remedy="Give it one in current.", field="locked.cells")
    fixed = np.isin(before, locked.known(before))
    _check_dedicated(graph, before, frozen & ~fixed)
    return frozen, fixed


def _check_dedicated(graph: "CellGraph", before: "Ints", frozen: "Bools") -> None:
    """Refuse a lock in a dedicated area whose current grid is more than that area."""
    if graph.dedicated is None:
        return
    for cell in np.flatnonzero(frozen & (graph.dedicated >= 0)).tolist():
        if (graph.dedicated[before == before[cell]] != graph.dedicated[cell]).any():
            raise InvalidInputError(
                f"Cell {cell} is locked in grid {before[cell]}, but lies in a dedicated area, "
                "which is a grid of its own.",
                remedy="Lock the whole grid, or leave the cell free.",
                field="locked.cells",
            )


def _without(graph: "CellGraph", fixed: "Bools") -> "CellGraph":
    """Return the graph in which fixed grids count as dedicated: nothing is drawn over them."""
    from dataclasses import replace

    if not fixed.any():
        return graph
    apart = np.where(fixed, -2, -1) if graph.dedicated is None else graph.dedicated.copy()
    apart[fixed] = -2
    return replace(graph, dedicated=apart)


def _fixed_labels(graph: "CellGraph", before: "Ints", fixed: "Bools") -> "tuple[Ints, list[int]]":
    """Return labels of what is not drawn (-1 elsewhere) and the current id of each label."""
    label = np.full(graph.size, -1, dtype=np.int64)
    kept: list[int] = []
    for grid in np.unique(before[fixed]):
        label[before == grid] = len(kept)
        kept.append(int(grid))
    if graph.dedicated is None:
        return label, kept
    taken: set[int] = set(kept)
    special = (graph.dedicated >= 0) & (label < 0)
    source, target = graph.source, graph.indices
    same = special[source] & special[target]
    same &= graph.dedicated[source] == graph.dedicated[target]
    same &= graph.community[source] == graph.community[target]
    _, piece = components(graph.size, source[same], target[same])
    for each in np.unique(piece[special]):
        cells = np.flatnonzero(piece == each)
        label[cells] = len(kept)
        ids, number = np.unique(before[cells], return_counts=True)
        was = int(ids[np.argmax(number)])
        # A dedicated grid keeps its id only if that grid was nothing else.
        whole = was >= 0 and bool((piece[before == was] == each).all()) and was not in taken
        kept.append(was if whole else -1)
        taken.add(was)
    return label, kept


def _regions(graph: "CellGraph", joined: "Bools", free: "Bools") -> "tuple[list[Ints], list[Ints]]":
    """Return the connected pieces of free ground, with households and without.

    By community, then by first cell.
    """
    source, target = graph.source, graph.indices
    inside = joined & free[source] & free[target]
    count, piece = components(graph.size, source[inside], target[inside])
    order = np.argsort(piece, kind="stable")
    cuts = np.cumsum(np.bincount(piece, minlength=count))[:-1]
    groups = [cells for cells in np.split(order, cuts) if len(cells) and free[cells[0]]]
    groups.sort(key=lambda cells: (int(graph.community[cells[0]]), int(cells[0])))
    people = [graph.households[cells].sum() > 0 for cells in groups]
    lived = [cells for cells, some in zip(groups, people, strict=True) if some]
    return lived, [cells for cells, some in zip(groups, people, strict=True) if not some]


def _orders(task: Task, regions: "list[Ints]") -> list[Order]:
    """Return what is to be solved, each region with its share of the moves and of the time."""
    options = task.options
    found = [region_of(task, cells) for cells in regions]
    nodes = sum(region.size for region in found)
    moves = [budget_of(region, options, nodes) for region in found]
    seconds: list[float | None] = [None] * len(found)
    if options.seconds is not None:
        whole = options.seconds * processes_for(moves, options.workers) / max(1, sum(moves))
        seconds = [min(options.seconds, whole * each) for each in moves]
    return [
        Order(region, options, many, limit)
        for region, many, limit in zip(found, moves, seconds, strict=True)
    ]


def _solved(orders: list[Order], task: Task, progress: Progress | None) -> list[Solution]:
    done = task.graph.size - sum(len(order.region.cells) for order in orders)

    def told(position: int, share: float) -> bool:
        nonlocal done
        cells = len(orders[position].region.cells)
        done += cells if share == 1 else 0
        now = done if share == 1 else done + int(share * cells)
        return progress is None or progress(now, task.graph.size) is not False

    solutions = solve_all(orders, task.options.workers, told)
    if not orders and progress is not None:
        progress(task.graph.size, task.graph.size)
    return solutions


def _attach(
    task: Task, label: "Ints", loose: "list[Ints]", kept: list[int], barred: "Bools"
) -> "list[Ints]":
    """Give ground without households to a neighbour, or to the nearest grid; return the latter.

    Nothing is added to a grid that is locked as a whole (``barred``).
    """
    graph = task.graph
    source, target = graph.source, graph.indices
    far = []
    for cells in loose:
        locked = cells[task.frozen[cells]]
        home = ~barred & (graph.community == graph.community[cells[0]])
        inside = np.zeros(graph.size, dtype=bool)
        inside[cells] = True
        edges = np.flatnonzero(inside[source] & (label[target] >= 0) & home[target])
        settled = np.flatnonzero((label >= 0) & home)
        stays = task.current[cells[0]] >= 0 and task.options.stability > 0
        if len(locked):
            label[cells] = len(kept)
            kept.append(int(task.current[locked[0]]))
            label[locked] = _labels_of_ids(task.current[locked], kept)
        elif len(edges):
            # Ground that touches basic grids was joined to them before: these are dedicated ones.
            # They and basic grids tile the community, each in one piece; of a basic grid this would
            # be a piece apart, and it moves nobody.
            near, which = np.unique(label[target[edges]], return_inverse=True)
            label[cells] = near[np.argmax(np.bincount(which, graph.border_m[edges]))]
        elif len(own := settled[task.current[settled] == task.current[cells[0]]]) and stays:
            label[cells] = label[own[0]]
            far.append(cells)
        elif len(settled):
            x, y = graph.x_m[cells].mean(), graph.y_m[cells].mean()
            away = np.hypot(graph.x_m[settled] - x, graph.y_m[settled] - y)
            label[cells] = label[settled[np.argmin(away)]]
            far.append(cells)
        else:
            label[cells] = len(kept)
            kept.append(-1)
    return far


def _labels_of_ids(ids: "Ints", kept: list[int]) -> "Ints":
    """Return a label for each current id, adding labels for ids that have none."""
    for each in np.unique(ids).tolist():
        if each not in kept:
            kept.append(each)
    return np.array([kept.index(each) for each in ids.tolist()], dtype=np.int64)


def _settle_claims(task: Task, label: "Ints", kept: list[int]) -> None:
    """Leave each current id to one grid: the one with most of its people; locked cells keep it."""
    count = len(kept)
    people = np.bincount(label, task.graph.households, count)
    size = np.bincount(label, minlength=count)
    locked = np.zeros(count, dtype=bool)
    right = task.frozen & (task.current == np.array(kept, dtype=np.int64)[label])
    locked[label[right]] = True
    ids = np.array(kept, dtype=np.int64)
    shares = np.bincount(label[task.current == ids[label]], minlength=count) > 0
    claims: dict[int, list[int]] = {}
    for grid, each in enumerate(kept):
        if each >= 0 and not shares[grid]:
            kept[grid] = -1
        elif each >= 0 and size[grid]:
            claims.setdefault(each, []).append(grid)
    for grids in claims.values():
        best = max(grids, key=lambda g: (locked[g], people[g], size[g], -g))
        for grid in grids:
            if grid != best and not locked[grid]:
                kept[grid] = -1


def _with_ids(graph: "CellGraph", label: "Ints", kept: list[int], before: "Ints") -> "Ints":
    """Return grid ids: surviving grids keep theirs, new ones follow in the order of numbering.

    The id of a grid that is gone is not used again.
    """
    count = len(kept)
    used = np.bincount(label, minlength=count) > 0
    ids = np.array(kept, dtype=np.int64)
    fresh = int(before.max(initial=-1)) + 1
    for grid in draw_order(graph, label, count):
        if ids[grid] < 0 and used[grid]:
            ids[grid] = fresh
            fresh += 1
    return np.asarray(ids[label], dtype=np.int64)
