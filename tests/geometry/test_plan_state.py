"""After any moves by hand a plan has the measures that it would have if it were measured anew."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting import CellGraph, DrawOptions, Locks, Plan, PlanState, evaluate
from gis.errors import InfeasiblePlanError, InvalidInputError
from tests.geometry.mosaics import labels, mosaics, same, squares

pytestmark = pytest.mark.geometry

BAND = DrawOptions(target=120, minimum=80, maximum=200)


def plan_of(graph: CellGraph, grid: np.ndarray) -> Plan:
    return Plan(grid=np.asarray(grid), measures=evaluate(graph, grid))


def town(drawing: str, **columns: object) -> tuple[PlanState, CellGraph, np.ndarray]:
    locked = columns.pop("locked", None)
    mosaic, grid = squares(drawing, **columns)
    return PlanState(mosaic.graph, plan_of(mosaic.graph, grid), locked=locked), mosaic.graph, grid


def numbered(drawing: str) -> int:
    return ord(drawing)


class Model:
    """What a plan must be after moves, the slow way: an array and its past."""

    def __init__(self, graph: CellGraph, grid: np.ndarray, locked: Locks) -> None:
        self.graph, self.grid, self.past = graph, grid.copy(), []
        closed = set(locked.grids)
        if graph.dedicated is not None:
            closed |= set(grid[graph.dedicated >= 0].tolist())
        self.closed, self.stays = closed, np.isin(grid, list(closed)) | locked.cells

    def forbids(self, cells: np.ndarray, grid: int) -> bool:
        leaving = cells[self.grid[cells] != grid]
        homes = {*self.graph.community[cells], *self.graph.community[self.grid == grid]}
        return len(homes) > 1 or bool(self.stays[leaving].any()) or grid in self.closed

    def move(self, cells: np.ndarray, grid: int) -> bool:
        if (self.grid[cells] == grid).all():
            return True
        if self.forbids(cells, grid):
            return False
        self.past.append(self.grid.copy())
        self.grid[cells] = grid
        return True


@st.composite
def states(draw: st.DrawFn) -> tuple[PlanState, Model]:
    graph = draw(mosaics()).graph
    grid = draw(labels(graph))
    few = st.lists(st.sampled_from(sorted(set(grid.tolist()))), max_size=1)
    some = st.lists(st.sampled_from([False] * 5 + [True]), min_size=graph.size, max_size=graph.size)
    locked = Locks(cells=np.array(draw(some)), grids=tuple(draw(few)))
    dedicated = np.where(np.isin(grid, draw(few)), 3, -1)
    graph = CellGraph(**{**vars(graph), "dedicated": dedicated})
    return PlanState(graph, plan_of(graph, grid), BAND, locked), Model(graph, grid, locked)


@settings(max_examples=50)
@given(st.data())
def test_moves_leave_what_measuring_anew_would_give(data: st.DataObject):
    state, model = data.draw(states())
    cells = st.lists(st.integers(0, model.graph.size - 1), min_size=1, max_size=4)
    moves = st.tuples(cells, st.integers(0, 10))
    shown = [(state.measures, deepcopy(state.measures))]
    for step in data.draw(st.lists(st.none() | moves, max_size=12)):
        if step is None and model.past:
            model.grid = model.past.pop()
            measures = state.undo()
        elif step is None:
            with pytest.raises(InvalidInputError, match="no move"):
                state.undo()
            continue
        else:
            made = model.move(np.array(step[0]), step[1])
            measures = state.move(step[0], step[1])
            assert (state.refused is None) == made
        assert state.grid.tolist() == model.grid.tolist()
        assert same(measures, evaluate(model.graph, model.grid, BAND))
        assert measures is state.measures
        shown.append((measures, deepcopy(measures)))
    assert all(same(then, kept) for then, kept in shown), "what was shown does not change"


@pytest.mark.slow
@settings(max_examples=25)
@given(st.data())
def test_candidates_are_the_neighbours_whose_move_tears_nothing(data: st.DataObject):
    state, model = data.draw(states())
    graph, before = model.graph, state.measures
    whole = dict(zip(before.grid.tolist(), before.pieces.tolist(), strict=True))
    grid = data.draw(st.sampled_from(before.grid.tolist()))
    found = state.candidates(grid).tolist()
    assert found == sorted(set(found))
    assert same(state.measures, before)
    for cell in range(graph.size):
        home = int(model.grid[cell])
        near = graph.indices[graph.indptr[cell] : graph.indptr[cell + 1]]
        state.move([cell], grid)
        if home == grid or state.refused:
            assert cell not in found
            continue
        after = dict(zip(state.measures.grid.tolist(), state.measures.pieces.tolist(), strict=True))
        state.undo()
        fits = after[grid] <= whole[grid] and after.get(home, 0) <= whole[home]
        fits &= grid in model.grid[near]
        # A cell behind a wall tears nothing where nobody lives, but is not offered.
        assert fits or cell not in found
        assert cell in found or not (fits and graph.passable.all())


def test_a_cell_goes_over_and_comes_back():
    state, graph, grid = town("aabb aabb")
    first = state.measures
    after = state.move([1], numbered("b"))
    assert after.households.tolist() == [120, 200]
    assert state.grid[1] == numbered("b")
    assert grid[1] == numbered("a"), "the plan itself stays"
    assert first.households.tolist() == [160, 160]
    assert same(state.undo(), evaluate(graph, grid))


def test_a_torn_grid_is_told_and_not_refused():
    state, _, _ = town("aaab bbbb")
    after = state.move([1], numbered("b"))
    assert state.refused is None
    assert after.pieces.tolist() == [2, 1]
    assert after.noncontiguous == 1


def test_a_grid_is_split_by_hand_and_vanishes_when_it_is_empty():
    state, _, _ = town("aabb aabb")
    new = state.move([0, 4], 5)
    assert new.grid.tolist() == [5, numbered("a"), numbered("b")]
    assert new.count == 3
    gone = state.move([1, 5], 5)
    assert gone.grid.tolist() == [5, numbered("b")]
    assert state.undo().grid.tolist() == new.grid.tolist()


def test_a_grid_that_vanished_can_be_drawn_again():
    state, graph, grid = town("ab")
    state.move([0], numbered("b"))
    again = state.move([0], numbered("a"))
    assert same(again, evaluate(graph, grid))


def test_a_new_grid_belongs_to_the_community_of_its_cells():
    state, _, _ = town("aacc", community=[0, 0, 1, 1])
    between = numbered("b")
    state.move([0], between)
    state.move([2], between)
    assert state.refused is not None
    assert state.move([1], between).grid.tolist() == [between, numbered("c")]
    assert state.refused is None
    assert state.move([2], between + 5).grid.tolist() == [between, numbered("c"), between + 5]


def test_cells_of_several_grids_go_at_once_and_come_back_to_each():
    state, graph, grid = town("aabbcc aabbcc")
    after = state.move([1, 2, 3, 8, 9], numbered("c"))
    assert after.grid.tolist() == [numbered("a"), numbered("c")]
    assert after.households.tolist() == [120, 360]
    assert same(state.undo(), evaluate(graph, grid))
    assert state.grid.tolist() == grid.tolist()


def test_a_move_that_changes_nothing_is_none():
    state, _, grid = town("aabb")
    assert state.move([0, 1], numbered("a")) is state.measures
    with pytest.raises(InvalidInputError, match="no move to take back"):
        state.undo()
    assert state.grid.tolist() == grid.tolist()


def test_no_cell_crosses_a_community_line():
    state, _, grid = town("aabb", community=[0, 0, 1, 1])
    before = state.measures
    assert state.move([1], numbered("b")) is before
    assert isinstance(state.refused, InfeasiblePlanError)
    assert "Cell 1 lies in another community than grid 98" in str(state.refused)
    assert state.refused.remedy
    assert state.move([1, 2], 7) is before
    assert "Cells 1 and 2 lie in two communities" in str(state.refused)
    assert state.grid.tolist() == grid.tolist()
    state.move([1], 7)
    assert state.refused is None, "a move that is made takes the refusal away"


def test_what_is_locked_or_dedicated_stays():
    locked = Locks(cells=np.array([1, 0, 0, 0, 0, 0], dtype=bool), grids=(numbered("b"),))
    state, _, grid = town("aabbcd", dedicated=[-1, -1, -1, -1, -1, 5], locked=locked)
    for cell, to, why in (
        (0, "c", "Cell 0 cannot leave its grid: it is locked."),
        (2, "a", "Cell 2 cannot leave its grid: grid 98 is locked."),
        (5, "c", "Cell 5 cannot leave its grid: grid 100 is dedicated."),
        (1, "b", "Grid 98 is locked: no cell can join it."),
        (4, "d", "Grid 100 is dedicated: no cell can join it."),
    ):
        state.move([cell], numbered(to))
        assert state.refused is not None
        assert state.refused.message == why
    assert state.grid.tolist() == grid.tolist()
    assert state.candidates(numbered("b")).tolist() == []
    state.move([4], numbered("a"))
    assert state.refused is None, "cells may join the grid of a locked cell"


@pytest.mark.parametrize("cells", [[4], [-1], [], [0.0], [[0]], [True], 0])
def test_cells_that_are_none_are_refused(cells):
    state, _, _ = town("aabb")
    with pytest.raises(InvalidInputError) as told:
        state.move(cells, numbered("a"))
    assert told.value.remedy
    assert told.value.context["field"] == "cells"


def test_grids_that_are_none_are_refused():
    state, _, _ = town("aabb")
    with pytest.raises(InvalidInputError, match="-1 is not the id of a grid"):
        state.move([0], -1)
    with pytest.raises(InvalidInputError, match="There is no grid 7"):
        state.candidates(7)


@pytest.mark.parametrize(
    ("locked", "field"),
    [
        (Locks(grids=(7,)), "locked.grids"),
        (Locks(cells=np.zeros(3, dtype=bool)), "locked.cells"),
        (Locks(cells=np.zeros(4)), "locked.cells"),
    ],
)
def test_locks_that_do_not_fit_are_refused(locked, field):
    with pytest.raises(InvalidInputError) as told:
        town("aabb", locked=locked)
    assert told.value.context["field"] == field


def test_candidates_of_a_drawing():
    state, _, _ = town("aabbb aabcb aabbb")
    # The column beside it, but for its middle, without which b would still be whole around c.
    assert state.candidates(numbered("a")).tolist() == [2, 7, 12]
    assert state.candidates(numbered("c")).tolist() == [3, 7, 9, 13]


def test_a_cell_that_would_wall_off_the_ground_it_joins_is_no_candidate():
    # Nobody lives in the middle, so the wall on its left does not count; with the third it would.
    state, _, _ = town("aab", households=[400, 0, 400], walls=[1, 0])
    assert state.measures.pieces.tolist() == [1, 1]
    assert state.candidates(numbered("a")).tolist() == []
    assert state.move([2], numbered("a")).pieces.tolist() == [2]
