"""Two plans over the same ground: who changes grid, and what became of each grid."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.districting.graph import sums
from gis.districting.measure import evaluate
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints
    from gis.districting.options import DrawOptions
    from gis.districting.plan import Fate, PlanMeasures

_PER_CELL = ("households", "area_m2", "x_m", "y_m", "community", "unit", "residents", "dedicated")


@dataclass(frozen=True, slots=True)
class GridChange:
    """What became of a grid.

    Parameters
    ----------
    fate
        Of a grid that goes on: ``kept`` (the same ground), ``grown``, ``shrunk``, ``exchanged``
        (it gave ground away and took some in, lived on or not) or ``split`` (a new grid was made
        mostly of its households). Of one that does not: ``merged`` (most of its households are in
        one other grid) or ``dissolved``. Of one that continues none: ``new``.
    community
        Community of the graph.
    grid
        The grid after, -1 for one that does not go on.
    previous
        The grid before that it continues, -1 if it continues none.
    households_before, households_after
        Of ``previous`` and of ``grid``, 0 without one.
    households_in, households_out
        Households that came from another grid, and that left for another one. What was in no grid
        before counts in neither.
    sources, targets
        Other grids from which households or ground came (before), and to which they went (after),
        with the households: most first.
    """

    fate: "Fate"
    community: int
    grid: int
    previous: int
    households_before: int
    households_after: int
    households_in: int
    households_out: int
    sources: tuple[tuple[int, int], ...]
    targets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class PlanComparison:
    """How a plan differs from the one before it.

    Parameters
    ----------
    before, after
        Measures of both, each on the cells that have a grid in it.
    continues
        The grid before that each grid after continues.
    moved
        Per cell: whether it belongs to another grid than the one that continues its grid before;
        cells that are in one of the plans only have not moved.
    households_moved, residents_moved
        On the cells that moved.
    households_compared
        On the cells that are in both plans.
    changes
        By community, then grids after in the order of their ids, then those that do not go on.
    border_added_m, border_removed_m
        Borders between grids that are new, and that are no more, metres.
    """

    before: "PlanMeasures"
    after: "PlanMeasures"
    continues: dict[int, int]
    moved: "Bools"
    households_moved: int
    residents_moved: int
    households_compared: int
    changes: tuple[GridChange, ...]
    border_added_m: float
    border_removed_m: float


def compare(
    graph: "CellGraph",
    before: Any,  # noqa: ANN401 - array-like
    after: Any,  # noqa: ANN401 - array-like
    options: "DrawOptions | None" = None,
) -> PlanComparison:
    """Return how one plan differs from another.

    A grid after continues the grid before that has its id, if they share a cell; what is left is
    matched, community by community, so that as many households as possible stay where they are
    (linear assignment; among equals, as many cells).

    Parameters
    ----------
    graph
        The cells.
    before, after
        Grid of each cell in the two plans, -1 for none.
    options
        The band in which both are measured; the usual one by default.

    Raises
    ------
    gis.errors.InvalidInputError
        If an array does not fit the graph, or a grid crosses a community line.
    """
    old, new = _checked(graph, before, "before"), _checked(graph, after, "after")
    both = (old >= 0) & (new >= 0)
    flows = _flows(graph, old, new, both)
    continues = _matched(flows)
    heir = _lookup(continues, new)
    moved = both & (heir != old)
    source, target = graph.source, graph.indices
    inside = both[source] & both[target]
    was, is_ = old[source] != old[target], new[source] != new[target]
    return PlanComparison(
        before=evaluate(*_where(graph, old), options),
        after=evaluate(*_where(graph, new), options),
        continues=continues,
        moved=moved,
        households_moved=int(graph.households[moved].sum()),
        residents_moved=0 if graph.residents is None else int(graph.residents[moved].sum()),
        households_compared=int(graph.households[both].sum()),
        changes=_changes(graph, old, new, flows, continues),
        border_added_m=float(graph.border_m[inside & is_ & ~was].sum()) / 2,
        border_removed_m=float(graph.border_m[inside & was & ~is_].sum()) / 2,
    )


def subgraph(graph: "CellGraph", chosen: "Bools") -> "CellGraph":
    """Return the graph of some cells; borders with the others become outer ones."""
    cells = np.flatnonzero(chosen)
    source, target = graph.source, graph.indices
    kept = chosen[source] & chosen[target]
    lost = chosen[source] & ~chosen[target]
    place = np.cumsum(chosen) - 1
    degree = np.bincount(place[source[kept]], minlength=len(cells))
    per_cell: Any = {
        name: None if getattr(graph, name) is None else getattr(graph, name)[cells]
        for name in _PER_CELL
    }
    return replace(
        graph,
        **per_cell,
        **_vertices(graph, cells),
        indptr=np.r_[0, np.cumsum(degree)],
        indices=place[target[kept]],
        border_m=graph.border_m[kept],
        barrier_class=graph.barrier_class[kept],
        passable=None if graph.passable is None else graph.passable[kept],
        outer_border_m=(
            graph.outer_border_m[cells]
            + sums(source[lost], graph.border_m[lost], graph.size)[cells]
        ),
    )


def _vertices(graph: "CellGraph", cells: "Ints") -> Any:  # noqa: ANN401 - fields of a graph
    if graph.vertex_indptr is None or graph.vertex_x_m is None or graph.vertex_y_m is None:
        return {}
    count = np.diff(graph.vertex_indptr)
    mine = np.zeros(graph.size, dtype=bool)
    mine[cells] = True
    chosen = np.repeat(mine, count)
    return {
        "vertex_indptr": np.r_[0, np.cumsum(count[cells])],
        "vertex_x_m": graph.vertex_x_m[chosen],
        "vertex_y_m": graph.vertex_y_m[chosen],
    }


def _where(graph: "CellGraph", grid: "Ints") -> "tuple[CellGraph, Ints]":
    """Return the graph of the cells that have a grid, and their grids."""
    has = grid >= 0
    return (graph, grid) if has.all() else (subgraph(graph, has), grid[has])


def _checked(graph: "CellGraph", grid: Any, name: str) -> "Ints":  # noqa: ANN401 - array-like
    array = np.asarray(grid)
    if array.shape != (graph.size,) or array.dtype.kind not in "iu":
        msg = f"{name} has shape {array.shape}; the graph has {graph.size} cells."
        raise InvalidInputError(msg, remedy="Give one whole number per cell.", field=name)
    return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Flows:
    """Cells in both plans by community, grid before and grid after: ascending, without repeats."""

    community: "Ints"
    old: "Ints"
    new: "Ints"
    households: "Ints"
    cells: "Ints"


def _flows(graph: "CellGraph", old: "Ints", new: "Ints", both: "Bools") -> _Flows:
    rows = np.column_stack((graph.community[both], old[both], new[both]))
    unique, inverse = np.unique(rows, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    people = np.bincount(inverse, graph.households[both], len(unique)).astype(np.int64)
    size = np.bincount(inverse, minlength=len(unique)).astype(np.int64)
    return _Flows(unique[:, 0], unique[:, 1], unique[:, 2], people, size)


def _matched(flows: _Flows) -> dict[int, int]:
    """Return the grid before that each grid after continues."""
    from scipy.optimize import linear_sum_assignment

    same = flows.old == flows.new
    continues = {int(grid): int(grid) for grid in flows.new[same]}
    taken = np.isin(flows.old, list(continues)) | np.isin(flows.new, list(continues))
    # A household counts more than all cells together.
    worth = flows.households * (int(flows.cells.sum()) + 1) + flows.cells
    for community in np.unique(flows.community[~taken]):
        rows = np.flatnonzero(~taken & (flows.community == community))
        olds, row = np.unique(flows.old[rows], return_inverse=True)
        news, column = np.unique(flows.new[rows], return_inverse=True)
        gain = np.zeros((len(olds), len(news)), dtype=np.int64)
        gain[row, column] = worth[rows]
        for i, j in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[i, j]:
                continues[int(news[j])] = int(olds[i])
    return continues


def _lookup(continues: dict[int, int], grid: "Ints") -> "Ints":
    ids, inverse = np.unique(grid, return_inverse=True)
    out = np.array([continues.get(int(one), -1) for one in ids], dtype=np.int64)
    return out[inverse.ravel()]


def _changes(
    graph: "CellGraph", old: "Ints", new: "Ints", flows: _Flows, continues: dict[int, int]
) -> tuple[GridChange, ...]:
    told = _Telling(graph, old, new, flows, continues)
    changes = [told.of_grid(int(grid)) for grid in np.unique(new[new >= 0])]
    goes_on = set(continues.values())
    gone = [int(grid) for grid in np.unique(old[old >= 0]) if int(grid) not in goes_on]
    changes += [told.gone(grid) for grid in gone]
    # A stable sort: grids after, then dissolved ones, in each community.
    return tuple(sorted(changes, key=lambda change: change.community))


class _Telling:
    """Tells what became of each grid."""

    def __init__(
        self,
        graph: "CellGraph",
        old: "Ints",
        new: "Ints",
        flows: _Flows,
        continues: dict[int, int],
    ) -> None:
        self.continues = continues
        self.people_before, self.size_before, self.home_before = _totals(graph, old)
        self.people_after, self.size_after, self.home_after = _totals(graph, new)
        self.came: dict[int, list[tuple[int, int, int]]] = {}
        self.went: dict[int, list[tuple[int, int, int]]] = {}
        for was, is_, people, cells in zip(
            flows.old.tolist(),
            flows.new.tolist(),
            flows.households.tolist(),
            flows.cells.tolist(),
            strict=True,
        ):
            self.came.setdefault(is_, []).append((was, people, cells))
            self.went.setdefault(was, []).append((is_, people, cells))
        fresh = [grid for grid in self.home_after if grid not in continues]
        #: Grids of whose households new ones were mostly made.
        self.parents = {self._main(self.came.get(grid, []), self._after(grid)) for grid in fresh}

    def of_grid(self, grid: int) -> GridChange:
        previous = self.continues.get(grid, -1)
        came = [one for one in self.came.get(grid, []) if one[0] != previous]
        went = [one for one in self.went.get(previous, []) if one[0] != grid]
        return GridChange(
            self._fate(grid, previous, came, went),
            self.home_after[grid],
            grid,
            previous,
            self.people_before.get(previous, 0),
            self.people_after[grid],
            sum(people for _, people, _ in came),
            sum(people for _, people, _ in went),
            _ranked(came),
            _ranked(went),
        )

    def gone(self, grid: int) -> GridChange:
        went = self.went.get(grid, [])
        main = self._main(went, self._before(grid))
        return GridChange(
            "dissolved" if main is None else "merged",
            self.home_before[grid],
            -1,
            grid,
            self.people_before[grid],
            0,
            0,
            sum(people for _, people, _ in went),
            (),
            _ranked(went),
        )

    def _fate(
        self,
        grid: int,
        previous: int,
        came: list[tuple[int, int, int]],
        went: list[tuple[int, int, int]],
    ) -> "Fate":
        if previous < 0:
            return "new"
        if previous in self.parents:
            return "split"
        shared = sum(cells for was, _, cells in self.came[grid] if was == previous)
        gained = bool(came) or self.size_after[grid] > shared
        lost = bool(went) or self.size_before[previous] > shared
        if gained and lost:
            return "exchanged"
        return "grown" if gained else "shrunk" if lost else "kept"

    def _before(self, grid: int) -> tuple[int, int]:
        return self.people_before[grid], self.size_before[grid]

    def _after(self, grid: int) -> tuple[int, int]:
        return self.people_after[grid], self.size_after[grid]

    @staticmethod
    def _main(parts: list[tuple[int, int, int]], total: tuple[int, int]) -> int | None:
        """Return the grid with more than half of the households, or of the cells of empty land."""
        people, cells = total
        for grid, some, size in parts:
            if 2 * some > people if people else 2 * size > cells:
                return grid
        return None


def _totals(
    graph: "CellGraph", grid: "Ints"
) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    """Return households, cells and community of each grid."""
    has = np.flatnonzero(grid >= 0)
    ids, first, inverse = np.unique(grid[has], return_index=True, return_inverse=True)
    names = ids.tolist()
    people = np.bincount(inverse.ravel(), graph.households[has], len(ids)).astype(np.int64)
    size = np.bincount(inverse.ravel(), minlength=len(ids))
    home = graph.community[has[first]]
    return (
        dict(zip(names, people.tolist(), strict=True)),
        dict(zip(names, size.tolist(), strict=True)),
        dict(zip(names, home.tolist(), strict=True)),
    )


def _ranked(parts: list[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    ordered = sorted(parts, key=lambda one: (-one[1], -one[2], one[0]))
    return tuple((grid, people) for grid, people, _ in ordered)
