"""The exact search against trying everything, and against mixed-integer programming."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting.exact import feasible_partition, nearest_partition
from gis.errors import InvalidInputError
from tests.geometry.planar_ground import (
    BAND,
    fewest_by_exhaustion,
    has_plan_by_milp,
    joined,
    out_of_range,
    pieces_of,
    random_ground,
)

pytestmark = pytest.mark.geometry

#: How households are spread over nodes: buildings, quarters, parks, towers above the maximum.
SPREADS = {
    "even": lambda rng, n: rng.integers(5, 301, n),
    "small": lambda rng, n: rng.integers(40, 130, n),
    "large": lambda rng, n: rng.integers(120, 480, n),
    "parks": lambda rng, n: np.where(rng.random(n) < 0.3, 0, rng.integers(5, 301, n)),
    "towers": lambda rng, n: np.where(rng.random(n) < 0.1, 700, rng.integers(5, 301, n)),
}


def arguments(ground):
    return ground.households, ground.indptr, ground.indices, *BAND


def prove(ground, answer, fixed=None):
    """Prove that an answer is what it says of itself."""
    people = np.bincount(answer.label, ground.households)[np.unique(answer.label)]
    assert pieces_of(ground, answer.label) == len(people)
    assert out_of_range(people).sum() == answer.out_of_range
    assert answer.bound <= answer.out_of_range
    assert (answer.verdict == "feasible") == (answer.out_of_range == 0)
    if fixed is not None:
        assert (answer.label[fixed >= 0] == fixed[fixed >= 0]).all()
        for each in set(fixed[fixed >= 0].tolist()):
            assert (fixed[answer.label == each] >= 0).any()


@st.composite
def grounds(draw, most):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, most))
    thin = draw(st.sampled_from([0.0, 0.4, 0.8, 1.0]))
    return random_ground(rng, n, thin, SPREADS[draw(st.sampled_from(list(SPREADS)))](rng, n))


@settings(deadline=None, max_examples=40)
@given(grounds(10), st.data())
def test_it_agrees_with_trying_everything(ground, data):
    n = len(ground.households)
    free = st.just(np.full(n, -1))
    some = st.lists(st.sampled_from([-1, -1, -1, 0, 4]), min_size=n, max_size=n).map(np.array)
    fixed = data.draw(free | some)
    fewest = fewest_by_exhaustion(ground, fixed)
    answer = nearest_partition(*arguments(ground), fixed=fixed)
    first = feasible_partition(*arguments(ground), fixed=fixed)
    assert first.verdict == answer.verdict
    if fewest is None:
        assert (answer.verdict, answer.label, answer.out_of_range) == ("infeasible", None, -1)
    else:
        assert answer.out_of_range == answer.bound == fewest
        prove(ground, answer, fixed)
        assert (first.label is None) == (fewest > 0)


@pytest.mark.parametrize("seed", range(6))
def test_on_sixteen_cells_it_finds_a_plan_where_there_is_one(seed):
    rng = np.random.default_rng(seed)
    ground = random_ground(rng, 16, [0.3, 0.9][seed % 2], rng.integers(5, 301, 16))
    there_is = fewest_by_exhaustion(ground, most=0) is not None
    assert (feasible_partition(*arguments(ground)).verdict == "feasible") == there_is


@pytest.mark.parametrize("spread", ["even", "small", "large", "parks"])
@pytest.mark.parametrize(
    ("n", "seeds"),
    [(24, range(3)), pytest.param(40, range(3, 15), marks=pytest.mark.slow)],
)
def test_programming_finds_no_plan_that_it_misses(n, seeds, spread):
    for seed in seeds:
        rng = np.random.default_rng([seed, n])
        ground = random_ground(rng, n, [0.3, 0.9][seed % 2], SPREADS[spread](rng, n))
        answer = feasible_partition(*arguments(ground))
        assert (answer.verdict == "feasible") == has_plan_by_milp(ground)
        assert answer.verdict != "unknown"
        if answer.label is not None:
            prove(ground, answer)


@settings(deadline=None, max_examples=25)
@given(grounds(24), st.randoms())
def test_the_names_of_the_nodes_do_not_matter(ground, random):
    n = len(ground.households)
    new = list(range(n))
    random.shuffle(new)
    pairs = [(new[a], new[b]) for a, b in zip(ground.source, ground.indices, strict=True)]
    renamed = joined(pairs, ground.households[np.argsort(new)])
    one, two = (nearest_partition(*arguments(g)) for g in (ground, renamed))
    if "unknown" not in (one.verdict, two.verdict):
        assert one.verdict == two.verdict
    if one.out_of_range == one.bound and two.out_of_range == two.bound:
        assert one.out_of_range == two.out_of_range


PATH = [(i, i + 1) for i in range(5)]
STAR = [(0, i) for i in range(1, 6)]
COMB = [*PATH, *((i, i + 6) for i in range(6))]


@pytest.mark.parametrize(
    ("pairs", "households", "fewest"),
    [
        ([], [], 0),
        ([], [400], 0),
        ([], [34], 266),
        ([], [0], 300),
        ([], [720], 220),
        ([], [300, 500], 0),  # two islands
        ([], [300, 299], 1),
        ([(0, 1)], [300, 201], 1),
        ([(0, 1)], [300, 299], 1),
        (PATH, [250, 150, 150, 250, 100, 300], 0),
        (PATH, [250, 260, 250, 260, 250, 260], 30),
        (STAR, [100, 300, 300, 300, 300, 400], 0),
        (STAR, [100, 50, 50, 50, 50, 500], 0),
        (STAR, [100, 90, 90, 90, 90, 90], 50),
        (STAR, [0, 290, 290, 290, 290, 290], 50),
        (COMB, [50] * 6 + [300] * 6, 0),
        (COMB, [250] * 6 + [240] * 6, 0),
        (COMB, [250] * 6 + [260] * 6, 60),
    ],
)
def test_what_can_be_seen_by_eye(pairs, households, fewest):
    ground = joined(pairs, households)
    answer = nearest_partition(*arguments(ground))
    assert answer.out_of_range == answer.bound == fewest
    if households:
        prove(ground, answer)


def test_what_is_fixed_stays_and_draws_others_to_it():
    ground = joined([(0, 1), (1, 2), (2, 3)], [200, 200, 200, 200])
    fixed = np.array([-1, 9, 9, -1])
    answer = nearest_partition(*arguments(ground), fixed=fixed)
    prove(ground, answer, fixed)
    # The plan in two halves is forbidden, so an end stays alone or nothing does.
    assert (answer.verdict, answer.out_of_range) == ("infeasible", 200)
    assert feasible_partition(*arguments(ground)).label.tolist() == [0, 0, 1, 1]
    torn = feasible_partition(*arguments(ground), fixed=[7, 5, 7, -1])
    assert (torn.verdict, torn.label) == ("infeasible", None)


def test_a_limit_is_kept_and_says_so():
    rng = np.random.default_rng([1, 60])
    ground = random_ground(rng, 60, 0.3, SPREADS["large"](rng, 60))
    answer = feasible_partition(*arguments(ground), limit=0)
    assert (answer.verdict, answer.label, answer.out_of_range) == ("unknown", None, -1)
    assert answer.bound == 0
    one, two = (nearest_partition(*arguments(ground), limit=600) for _ in range(2))
    # A step beyond the limit is counted when it is refused, in each sweep.
    assert one.steps <= 2 * (600 + 150 + 2 * 61)
    assert (one.verdict, one.bound, one.steps) == (two.verdict, two.bound, two.steps)
    assert np.array_equal(one.label, two.label)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"minimum": 600}, "is not one"),
        ({"minimum": 0}, "is not one"),
        ({"indptr": [0, 1]}, "do not fit"),
        ({"fixed": [1]}, "do not fit"),
        ({"indices": [1, 2]}, "does not exist"),
        ({"indices": [1, -1]}, "does not exist"),
        ({"households": [1, -1]}, "negative"),
        ({"households": [1.5, 1]}, "households has shape"),
        ({"indices": [[1, 0]]}, "indices has shape"),
    ],
)
def test_what_does_not_fit_is_refused(changes, match):
    pair = {"households": [300, 300], "indptr": [0, 1, 2], "indices": [1, 0]}
    band = {"minimum": 300, "maximum": 500}
    assert feasible_partition(**pair, **band).verdict == "feasible"
    for ask in (feasible_partition, nearest_partition):
        with pytest.raises(InvalidInputError, match=match):
            ask(**(pair | band | changes))
