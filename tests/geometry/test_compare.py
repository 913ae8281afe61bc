"""Two plans over the same ground: what is said of the difference, against naive reckoning."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting import CellGraph, evaluate
from gis.districting.compare import compare, subgraph
from gis.errors import InvalidInputError

pytestmark = pytest.mark.geometry


def board(width: int, height: int, households: list[int], communities: int = 1) -> CellGraph:
    """Squares of 100 m in rows; communities are equal strips from west to east."""
    size = width * height
    x, y = np.arange(size) % width, np.arange(size) // width
    home = x * communities // width
    pairs = [
        (i, j)
        for i in range(size)
        for j in range(size)
        if abs(int(x[i]) - int(x[j])) + abs(int(y[i]) - int(y[j])) == 1
    ]
    source, target = np.array(pairs).T
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    vertices = (np.column_stack((x, y))[:, None, :] + corner).reshape(-1, 2) * 100.0
    return CellGraph(
        indptr=np.r_[0, np.cumsum(np.bincount(source, minlength=size))],
        indices=target,
        border_m=np.full(len(source), 100.0),
        barrier_class=(source + target) % 3,
        households=np.array(households),
        area_m2=np.full(size, 1e4),
        outer_border_m=100.0 * (4 - np.bincount(source, minlength=size)),
        x_m=x * 100.0,
        y_m=y * 100.0,
        community=home,
        residents=2 * np.array(households),
        vertex_indptr=4 * np.arange(size + 1),
        vertex_x_m=vertices[:, 0],
        vertex_y_m=vertices[:, 1],
    )


def read(drawing: str) -> np.ndarray:
    """Return the grid of each square of a drawing: a is 0, b is 1, a dot is none."""
    letters = "".join(drawing.split())
    return np.array([-1 if one == "." else ord(one) - ord("a") for one in letters])


@st.composite
def two_plans(draw: st.DrawFn) -> tuple[CellGraph, np.ndarray, np.ndarray]:
    width, height = draw(st.sampled_from([(2, 2), (4, 2), (4, 3), (6, 2)]))
    size = width * height
    people = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))
    graph = board(width, height, people, communities=draw(st.sampled_from([1, 2])))
    plans = []
    for offset in (0, draw(st.sampled_from([0, 2]))):
        part = draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size))
        grid = np.array(part)
        # A grid lies in one community.
        plans.append(np.where(grid < 0, -1, grid + offset + 10 * graph.community))
    return graph, plans[0], plans[1]


def most_that_can_stay(graph: CellGraph, old: np.ndarray, new: np.ndarray) -> int:
    """Return by trying everything how many households can stay with one heir for each grid."""
    olds, news = sorted(set(old[old >= 0])), sorted(set(new[new >= 0]))
    longer = [*olds, *([-2] * len(news))]
    best = 0
    for chosen in set(permutations(longer, len(news))):
        stay = sum(
            int(graph.households[(old == a) & (new == b)].sum())
            for a, b in zip(chosen, news, strict=True)
        )
        best = max(best, stay)
    return best


@settings(max_examples=50)
@given(two_plans())
def test_everything_that_is_said_is_what_one_counts(
    plans: tuple[CellGraph, np.ndarray, np.ndarray],
):
    graph, old, new = plans
    if (old < 0).all() or (new < 0).all():
        return
    found = compare(graph, old, new)
    both = (old >= 0) & (new >= 0)
    heirs = {value: key for key, value in found.continues.items()}
    assert len(heirs) == len(found.continues)  # nobody has two heirs
    for i in range(graph.size):
        stays = both[i] and found.continues.get(int(new[i])) == old[i]
        assert found.moved[i] == (both[i] and not stays)
    assert found.households_moved == graph.households[found.moved].sum()
    assert found.residents_moved == 2 * found.households_moved
    assert found.households_compared == graph.households[both].sum()
    assert sorted(c.grid for c in found.changes if c.grid >= 0) == sorted(set(new[new >= 0]))
    assert sorted(c.previous for c in found.changes if c.previous >= 0) == sorted(
        set(old[old >= 0])
    )
    for change in found.changes:
        mine, its = new == change.grid, old == change.previous
        if change.grid >= 0:
            assert change.households_after == graph.households[mine].sum()
            assert change.households_in == graph.households[mine & both & ~its].sum()
        if change.previous >= 0:
            assert change.households_before == graph.households[its].sum()
            assert change.households_out == graph.households[its & both & ~mine].sum()
        assert (change.fate == "kept") == (
            change.grid >= 0 and change.previous >= 0 and bool((mine == its).all())
        )
        assert (change.fate == "new") == (change.previous < 0)
        assert (change.fate in {"merged", "dissolved"}) == (change.grid < 0)
    moved_in = sum(c.households_in for c in found.changes if c.previous >= 0)
    moved_in += sum(people for c in found.changes if c.previous < 0 for _, people in c.sources)
    assert moved_in == found.households_moved


@pytest.mark.slow
@settings(max_examples=50)
@given(two_plans())
def test_as_many_stay_as_can(plans: tuple[CellGraph, np.ndarray, np.ndarray]):
    graph, old, new = plans
    if (old < 0).all() or (new < 0).all():
        return
    apart = np.where(new >= 0, new + 100, -1)  # no id says what goes on
    found = compare(graph, old, apart)
    stays = found.households_compared - found.households_moved
    assert stays == most_that_can_stay(graph, old, apart)


@settings(max_examples=50)
@given(two_plans())
def test_measures_are_those_of_the_ground_that_has_grids(
    plans: tuple[CellGraph, np.ndarray, np.ndarray],
):
    graph, old, _ = plans
    has = old >= 0
    if not has.any():
        return
    part = subgraph(graph, has)
    whole = evaluate(graph, np.where(has, old, 1000 + graph.community))
    own = evaluate(part, old[has])
    rows = np.isin(whole.grid, own.grid)
    for name in ("households", "area_m2", "perimeter_m", "polsby_popper", "reock", "pieces"):
        assert np.allclose(getattr(whole, name)[rows], getattr(own, name)), name


@settings(max_examples=25)
@given(two_plans())
def test_the_way_back_moves_as_many_and_swaps_the_borders(
    plans: tuple[CellGraph, np.ndarray, np.ndarray],
):
    graph, old, new = plans
    if (old < 0).all() or (new < 0).all():
        return
    there, back = compare(graph, old, new), compare(graph, new, old)
    assert there.households_moved == back.households_moved
    assert there.border_added_m == back.border_removed_m
    assert there.border_removed_m == back.border_added_m


@pytest.mark.parametrize(
    ("before", "after", "fates"),
    [
        ("aabb aabb", "aabb aabb", {0: "kept", 1: "kept"}),
        ("aabb aabb", "aaab aaab", {0: "grown", 1: "shrunk"}),
        ("aabb aabb", "aaab abbb", {0: "exchanged", 1: "exchanged"}),
        ("aaaa bbbb", "aaac bbbc", {0: "shrunk", 1: "shrunk", 2: "new"}),
        ("aaaa aaaa", "aabb aabb", {0: "split", 1: "new"}),
        ("aabb aabb", "aaaa aaaa", {0: "grown", 1: "merged"}),
        ("aacb aacb", "aaab aabb", {0: "grown", 1: "grown", 2: "dissolved"}),
        ("aa.. aa..", "aabb aabb", {0: "kept", 1: "new"}),
        ("aabb aabb", "aa.. aa..", {0: "kept", 1: "dissolved"}),
    ],
)
def test_what_became_of_each_grid(before: str, after: str, fates: dict[int, str]):
    found = compare(board(4, 2, [1] * 8), read(before), read(after))
    told = {max(change.grid, change.previous): change.fate for change in found.changes}
    assert told == fates


def test_an_id_that_goes_on_is_believed_before_households_are_counted():
    graph = board(4, 1, [1, 5, 1, 1])
    found = compare(graph, read("aabb"), read("abbb"))
    assert found.continues == {0: 0, 1: 1}
    assert found.households_moved == 5
    other = compare(graph, read("aabb"), read("cddd"))
    assert other.continues == {3: 0}  # the larger part of a; b has no heir left
    assert other.households_moved == 3


def test_empty_land_is_matched_by_its_cells():
    graph = board(4, 1, [0, 0, 0, 0])
    found = compare(graph, read("aaab"), read("ccdd"))
    assert found.continues == {2: 0, 3: 1}
    assert {c.fate for c in found.changes} == {"shrunk", "grown"}
    assert found.households_moved == 0
    assert found.moved.tolist() == [False, False, True, False]


@pytest.mark.parametrize("wrong", [np.zeros(3, int), np.zeros(4), np.zeros((2, 2), int)])
def test_an_array_that_does_not_fit_is_named(wrong: np.ndarray):
    graph, right = board(4, 1, [1] * 4), read("aabb")
    with pytest.raises(InvalidInputError, match="after has shape"):
        compare(graph, right, wrong)
    with pytest.raises(InvalidInputError, match="before has shape"):
        compare(graph, wrong, right)
