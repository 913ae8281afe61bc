"""The fewest sites that cover all rows: reductions, bounds and proofs against every set."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array

from gis.coverage.siting import (
    Candidates,
    CostTable,
    Limits,
    SitingOptions,
    SitingProblem,
    solve_siting,
)
from gis.coverage.siting.covers import Cover, needed
from gis.coverage.siting.highs import Program, solve_program
from gis.coverage.siting.run import Run
from gis.coverage.siting.set_cover import fewest_sites

pytestmark = pytest.mark.geometry

EXAMPLES = settings(max_examples=40, deadline=None)
LSCP = SitingOptions(objective="lscp", radius=1)


@st.composite
def covers(draw):
    """Draw who covers what: parts without anything in common, rows alike, rows in others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    blocks = [
        rng.random((draw(st.integers(1, 30)), draw(st.integers(1, 7)))) < share
        for share in draw(st.lists(st.sampled_from([0.15, 0.4, 0.8]), min_size=1, max_size=2))
    ]
    n, m = (sum(block.shape[axis] for block in blocks) for axis in (0, 1))
    matrix = np.zeros((n, m), dtype=bool)
    row = site = 0
    for block in blocks:
        matrix[row : row + len(block), site : site + block.shape[1]] = block
        row, site = row + len(block), site + block.shape[1]
    bare = np.flatnonzero(~matrix.any(axis=1))
    matrix[bare, rng.integers(0, m, len(bare))] = True
    return matrix


def fewest(matrix, may=None) -> int:
    """Return how many sites cover all rows, by trying every set."""
    sites = range(matrix.shape[1]) if may is None else np.flatnonzero(may).tolist()
    for k in range(len(sites) + 1):
        for chosen in combinations(sites, k):
            if matrix[:, list(chosen)].any(axis=1).all():
                return k
    raise AssertionError("no set covers all rows")


def problem_of(matrix) -> SitingProblem:
    n, m = matrix.shape
    return SitingProblem(
        people=np.ones(n, dtype=np.int64),
        candidates=Candidates(number=m),
        costs=CostTable.dense(np.where(matrix, 1.0, np.nan)),
        limits=Limits(),
    )


def wide_cover(seed=5, n=80, m=50, share=0.08):
    """Return a random cover without any geometry: the bounds of its parts leave a gap."""
    rng = np.random.default_rng(seed)
    matrix = rng.random((n, m)) < share
    matrix[np.arange(n), rng.integers(0, m, n)] = True
    return matrix


@pytest.mark.slow
@EXAMPLES
@given(covers(), st.sampled_from([0.001, 1.0]))
def test_the_fewest_sites_are_those_of_trying_every_set(matrix, effort):
    told = []
    run = Run(SitingOptions(objective="lscp", radius=1, effort=effort))
    best = fewest_sites(Cover.of(csr_array(matrix)), run, lambda *pair: told.append(pair))
    optimum = fewest(matrix)
    assert matrix[:, best.chosen].any(axis=1).all()
    assert best.least <= optimum <= len(best.chosen)
    if effort == 1:
        assert best.least == optimum == len(best.chosen)
    for cost, least in told:
        assert least <= optimum <= cost
    costs, leasts = zip(*told, strict=True)
    assert list(costs) == sorted(costs, reverse=True)
    assert list(leasts) == sorted(leasts)


@EXAMPLES
@given(covers(), st.integers(0, 2**32))
def test_dropping_rows_and_sites_changes_no_optimum_and_leaves_no_more_to_drop(matrix, seed):
    cost = np.random.default_rng(seed).integers(1, 3, matrix.shape[1]).astype(float)
    rows, sites = needed(Cover.of(csr_array(matrix)), cost)

    def cheapest(part, cost) -> float:
        sets = (c for k in range(len(cost) + 1) for c in combinations(range(len(cost)), k))
        return min(cost[list(s)].sum() for s in sets if part[:, list(s)].any(axis=1).all())

    left = matrix[np.ix_(rows, sites)]
    assert cheapest(left, cost[sites]) == cheapest(matrix, cost)
    inside = (left[:, None] <= left[None]).all(axis=2)
    assert inside.sum() == len(left)  # only in themselves
    inside = (left[:, :, None] <= left[:, None]).all(axis=0)
    inside &= cost[sites][None] <= cost[sites][:, None]
    assert inside.sum() == left.shape[1]
    # What is left covers all; rows alone can be dropped as well.
    rows, sites = needed(Cover.of(csr_array(matrix)), None)
    assert sites.all()
    assert fewest(matrix[rows]) == fewest(matrix)


@pytest.mark.slow
@pytest.mark.parametrize(("dimension", "largest"), [(2, 4), (3, 9)])
def test_lines_of_three_points(dimension, largest):
    # What covers all lines leaves a cap set; the largest of those are known (A090245 of OEIS).
    points = list(np.ndindex(*[3] * dimension))
    number = {point: at for at, point in enumerate(points)}
    lines = set()
    for a, b in combinations(points, 2):
        third = tuple(-(x + y) % 3 for x, y in zip(a, b, strict=True))
        lines.add(frozenset((number[a], number[b], number[third])))
    matrix = np.array(
        [[at in line for at in range(len(points))] for line in sorted(lines, key=sorted)]
    )
    optimum = len(points) - largest
    result = solve_siting(problem_of(matrix), LSCP)
    assert (result.objective, result.bound, result.proof) == (optimum, optimum, "optimal")


def test_bounds_of_highs_are_told_while_it_runs():
    told, cover = [], Cover.of(csr_array(wide_cover()))
    n, m = wide_cover().shape
    program = Program(
        np.ones(m),
        np.ones(m),
        np.ones(m, dtype=bool),
        csc_array(cover.matrix),
        np.ones(n),
        np.full(n, np.inf),
    )
    solved = solve_program(program, Run(LSCP), told=lambda *pair: told.append(pair))
    assert solved.state == "optimal"
    assert told
    assert all(least <= solved.bound + 1e-6 for _, least in told)


@pytest.mark.slow
def test_bounds_never_fall_and_meet_the_objective():
    told = []
    result = solve_siting(problem_of(wide_cover()), LSCP, progress=told.append)
    assert result.proof == "optimal"
    assert [one.bound for one in told] == sorted(one.bound for one in told)
    assert told[-1].bound == told[-1].objective == result.objective


def test_who_stops_gets_the_best_cover_so_far_and_its_bound():
    matrix, calls = wide_cover(), []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > 40

    stopped = solve_siting(problem_of(matrix), LSCP, stop=stop)
    optimum = solve_siting(problem_of(matrix), LSCP).objective
    assert stopped.proof == "stopped"
    assert matrix[:, stopped.chosen].any(axis=1).all()
    assert stopped.bound <= optimum <= stopped.objective == len(stopped.chosen)


def test_the_same_seed_gives_the_same_cover():
    one, other = (solve_siting(problem_of(wide_cover()), LSCP) for _ in range(2))
    assert one.chosen.tolist() == other.chosen.tolist()
    assert one.moves == other.moves
