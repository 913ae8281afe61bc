"""Edits by hand: cells go from grid to grid, and the measures follow at once."""

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.districting.measure import band_of, cells_of, labels_of, measures_of, places_of, rows_of
from gis.districting.measuring import (
    ABROAD,
    FIXED,
    IDLE,
    UNKNOWN,
    Rows,
    change,
    check,
    joinable,
    measure_all,
)
from gis.districting.options import DrawOptions, Locks
from gis.errors import InfeasiblePlanError, InvalidInputError

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints
    from gis.districting.plan import Plan, PlanMeasures


class PlanState:
    """A plan under edit: what :func:`~gis.districting.evaluate` would say after each move.

    Hard rules are kept: no grid crosses a community line, dedicated and locked ground stays. A grid
    in pieces, out of the band or with part of a quarter is the planner's to allow. One thread at a
    time may use a state.

    Parameters
    ----------
    graph
        The cells.
    plan
        The plan to begin with; it is not changed.
    options
        The band; the usual 300–400–500 by default.
    locked
        Cells and grids of the plan that stay.

    Raises
    ------
    gis.errors.InvalidInputError
        If ``plan`` or ``locked`` do not fit the graph.
    """

    def __init__(
        self,
        graph: "CellGraph",
        plan: "Plan",
        options: DrawOptions | None = None,
        locked: Locks | None = None,
    ) -> None:
        options = options or DrawOptions()
        self._graph, self._band = graph, band_of(options)
        self._cells = cells_of(graph, options.minimum)
        self._ids, label = labels_of(graph, plan.grid)
        count = len(self._ids)
        pool = np.unique(graph.community, return_inverse=True)[1].astype(np.int64)
        self._places = places_of(label, pool, int(pool.max(initial=-1)) + 1)
        #: Ids and communities of the rows, as lists: these are searched and grow faster.
        self._row_ids = self._ids.tolist()
        self._row_pools = pool[np.unique(label, return_index=True)[1]].tolist()
        self._rows = rows_of(count)
        summary = measure_all(self._cells, self._rows, places_of(label, label, count), self._band)
        self._measures = measures_of(self._ids, self._rows, summary)
        self._closed, self._fixed = self._locks(locked or Locks())
        self._past: list[tuple[Ints, Ints]] = []
        self._refused: InfeasiblePlanError | None = None

    @property
    def grid(self) -> "Ints":
        """Id of the grid of each cell now; a copy."""
        return self._ids[self._places.label]

    @property
    def measures(self) -> "PlanMeasures":
        """Measures of the plan now; later moves leave them as they are."""
        return self._measures

    @property
    def refused(self) -> InfeasiblePlanError | None:
        """Why a hard rule forbade the last move, ready to be raised; ``None`` if it was made."""
        return self._refused

    def move(self, cells: Any, grid: int) -> "PlanMeasures":  # noqa: ANN401 - array-like
        """Put cells into a grid and return the measures of the plan.

        A grid that loses its last cell is gone. Cells that are in the grid already stay there; a
        move of such cells only is none, and there is nothing to undo.

        A move over a community line, out of or into what is locked or dedicated is not made: the
        plan and its measures stay, and :attr:`refused` says why. On a page that is a slip of the
        hand, not a failure.

        Parameters
        ----------
        cells
            Positions of cells, all of one community.
        grid
            Id of a grid of that community, or a new one.

        Raises
        ------
        gis.errors.InvalidInputError
            If a cell is unknown, none is given, or the id of a grid is negative.
        """
        moved = _positions(cells)
        if grid < 0:
            msg = f"{grid} is not the id of a grid."
            raise InvalidInputError(msg, remedy="Give 0 or more.", field="grid", value=grid)
        at = bisect_left(self._row_ids, grid)
        new = at == len(self._row_ids) or self._row_ids[at] != grid
        row, pool = (-1, -1) if new else (at, self._row_pools[at])
        said, cell = check(self._places, self._fixed, moved, row, pool)
        self._refused = None
        if said == UNKNOWN:
            msg = f"There is no cell {cell}; the plan has {self._graph.size}."
            raise InvalidInputError(msg, remedy="Give positions of cells.", field="cells")
        if said == IDLE:
            return self._measures
        if said or grid in self._closed:
            self._refused = self._refusal(said, cell, moved, grid)
            return self._measures
        self._past.append((moved, self._ids[self._places.label[moved]]))
        if new:
            self._open(grid, moved)
        wanted = np.empty_like(moved)
        wanted.fill(at)
        return self._change(moved, wanted)

    def undo(self) -> "PlanMeasures":
        """Take the last move back and return the measures of the plan.

        Raises
        ------
        gis.errors.InvalidInputError
            If there is no move to take back.
        """
        if not self._past:
            msg = "There is no move to take back."
            raise InvalidInputError(msg, remedy="Move cells first.")
        self._refused = None
        moved, before = self._past.pop()
        for grid in np.setdiff1d(before, self._ids).tolist():
            self._open(grid, moved)
        return self._change(moved, np.searchsorted(self._ids, before))

    def candidates(self, grid: int) -> "Ints":
        """Return the cells that could join a grid one at a time without tearing any.

        They share a border with it that can be walked, are not fixed, and leave neither the grid
        nor their own in more pieces.

        Raises
        ------
        gis.errors.InvalidInputError
            If there is no such grid.
        """
        if grid in self._closed:
            return np.empty(0, dtype=np.int64)
        row = bisect_left(self._row_ids, grid)
        if row == len(self._row_ids) or self._row_ids[row] != grid:
            msg = f"There is no grid {grid}."
            raise InvalidInputError(msg, remedy="Give a grid of the plan.", field="grid")
        pool = self._row_pools[row]
        return joinable(self._cells, self._rows, self._places, self._fixed, row, pool)

    def _locks(self, locked: Locks) -> "tuple[dict[int, str], Bools]":
        """Return why each closed grid is, and which cells may not leave theirs."""
        closed = dict.fromkeys(self._ids[self._rows.dedicated].tolist(), "dedicated")
        for grid in locked.known(self._ids).tolist():
            closed.setdefault(grid, "locked")
        fixed = np.isin(self.grid, list(closed)) | locked.mask(self._graph.size)
        return closed, fixed

    def _refusal(self, said: int, cell: int, moved: "Ints", grid: int) -> InfeasiblePlanError:
        if said == ABROAD:
            msg = f"Cell {cell} lies in another community than grid {grid}."
            if grid not in self._row_ids:
                msg = f"Cells {int(moved[0])} and {cell} lie in two communities."
            remedy = "A grid lies in one: choose cells and a grid of the same community."
            return InfeasiblePlanError(msg, remedy=remedy, field="cells", row=cell)
        if said != FIXED:
            msg = f"Grid {grid} is {self._closed[grid]}: no cell can join it."
            return InfeasiblePlanError(msg, remedy="Choose another.", field="grid", value=grid)
        home = int(self._ids[self._places.label[cell]])
        why = f"grid {home} is {self._closed[home]}" if home in self._closed else "it is locked"
        msg = f"Cell {cell} cannot leave its grid: {why}."
        return InfeasiblePlanError(msg, remedy="Leave it out.", field="cells", row=cell)

    def _open(self, grid: int, moved: "Ints") -> None:
        """Make an empty row for a new grid in the community of the cells."""
        at = bisect_left(self._row_ids, grid)
        self._row_ids.insert(at, grid)
        self._row_pools.insert(at, int(self._places.pool[moved[0]]))
        self._ids = np.insert(self._ids, at, grid)
        self._rows = Rows._make(np.insert(column, at, 0, axis=0) for column in self._rows)
        self._places.label[self._places.label >= at] += 1

    def _change(self, moved: "Ints", wanted: "Ints") -> "PlanMeasures":
        """Put cells into rows; rows that are left without cells go."""
        summary = change(self._cells, self._rows, self._places, moved, wanted, self._band)
        if summary[-1]:
            self._drop(np.flatnonzero(self._rows.cells == 0))
        self._measures = measures_of(self._ids, self._rows, summary)
        return self._measures

    def _drop(self, empty: "Ints") -> None:
        """Take rows out of the table."""
        for at in empty[::-1].tolist():
            del self._row_ids[at], self._row_pools[at]
        label = self._places.label
        label -= np.searchsorted(empty, label)
        self._ids = np.delete(self._ids, empty)
        self._rows = Rows._make(np.delete(column, empty, axis=0) for column in self._rows)


def _positions(cells: Any) -> "Ints":  # noqa: ANN401 - array-like
    """Return positions of cells as an own array."""
    array = np.array(cells)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        msg = f"Cells to move are a list of positions; got shape {array.shape}, {array.dtype}."
        raise InvalidInputError(msg, remedy="Give one cell or more.", field="cells")
    return array.astype(np.int64, copy=False)
