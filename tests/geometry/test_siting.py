"""Siting against trying every set of stations; bad input; stopping; repeating."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import coo_array

from gis.coverage.siting import (
    SitingOptions,
    solve_siting,
)
from tests.geometry.siting_ground import (
    allowed_sets,
    best_cost,
    costs_of,
    keeps,
    problems,
    reachable,
)

pytestmark = pytest.mark.geometry

EXAMPLES = settings(max_examples=50)


def weights(problem):
    people = problem.people.reshape(len(problem.people), -1)
    equity = np.ones(len(people)) if problem.equity is None else problem.equity
    return people * equity[:, None]


def covered(problem, options):
    matrix = costs_of(problem, options.radius)
    weight = weights(problem)
    return lambda is_open: weight[np.isfinite(best_cost(matrix, is_open))].sum()


def walked(problem, options):
    matrix, penalty = costs_of(problem), problem.penalty
    weight = weights(problem) * reachable(problem, matrix)
    return lambda is_open: (weight * np.minimum(best_cost(matrix, is_open), penalty)).sum()


def mixed(problem, options):
    matrix, penalty = costs_of(problem), problem.penalty
    weight = weights(problem) * reachable(problem, matrix)
    people = weight.sum() or 1.0
    share = options.mix
    sites = np.full(problem.candidates.number, 1 / problem.limits.count)
    if problem.limits.budget is not None:
        sites = problem.candidates.site_cost / problem.limits.budget

    def value(is_open) -> float:
        cost = best_cost(matrix, is_open)
        new = [j for j in is_open if not problem.candidates.existing[j]]
        return (
            share["uncovered"] * (weight * (cost > options.radius)).sum() / people
            + share["walk"] * (weight * np.minimum(cost, penalty)).sum() / people / penalty
            + share["sites"] * sites[new].sum()
        ) / sum(share.values())

    return value


def prove(problem, options, value, *, most):
    """Solve a problem, and hold everything that the result says against every set there is."""
    standing = np.flatnonzero(problem.candidates.existing).tolist()
    sets = list(allowed_sets(problem))
    if not sets or sets == [[]]:
        return None
    best = (max if most else min)(value(standing + s) for s in sets)
    told = []
    result = solve_siting(problem, options, told.append)
    chosen = result.chosen.tolist()
    assert chosen == sorted(set(chosen))
    assert keeps(problem, chosen)
    assert len(chosen) <= problem.limits.count
    assert result.objective == pytest.approx(value(standing + chosen), rel=1e-9, abs=1e-9)
    assert result.objective == pytest.approx(best, rel=1e-7, abs=1e-9)
    assert result.bound == pytest.approx(best, rel=1e-7, abs=1e-9)
    assert result.proof == "optimal"
    assert not result.stopped
    sign = 1 if most else -1
    assert all(sign * step.bound >= sign * best - 1e-6 * abs(best) - 1e-9 for step in told[1:]), (
        told
    )
    prove_swaps(problem, result, value, most=most)
    return result


def prove_swaps(problem, result, value, *, most):
    """The swaps told are the best of all exchanges of one station."""
    standing = np.flatnonzero(problem.candidates.existing).tolist()
    chosen = result.chosen.tolist()
    free = [j for j in range(problem.candidates.number) if j not in chosen + standing]
    others = [
        value(standing + other)
        for s in range(len(chosen))
        for j in free
        if keeps(problem, other := [*chosen[:s], *chosen[s + 1 :], j])
    ]
    others = sorted(others, reverse=most)[:10]
    assert [s.objective for s in result.swaps] == pytest.approx(others, rel=1e-7, abs=1e-9)
    for swap in result.swaps:
        other = [j for j in chosen if j != swap.leave] + [swap.enter]
        assert value(standing + other) == pytest.approx(swap.objective, rel=1e-7, abs=1e-9)


@EXAMPLES
@given(problems(), st.integers(0, 40))
def test_most_people_within_the_radius(problem, radius):
    options = SitingOptions(objective="mclp", radius=radius)
    result = prove(problem, options, covered(problem, options), most=True)
    if result is not None:
        assert result.measures["covered"] == pytest.approx(result.objective)


@EXAMPLES
@given(problems(periods=True), st.integers(0, 40))
def test_most_people_by_service_and_hour(problem, radius):
    options = SitingOptions(objective="mclp", radius=radius)
    result = prove(problem, options, covered(problem, options), most=True)
    if result is None:
        return
    assert result.assignment.shape == problem.people.shape
    matrix = costs_of(problem, radius)
    row, period = np.nonzero(result.assignment >= 0)
    open_sites = set(result.chosen) | set(np.flatnonzero(problem.candidates.existing))
    assert set(result.assignment[row, period]) <= open_sites
    served = matrix[row, period, result.assignment[row, period]]
    assert (served == best_cost(matrix, sorted(open_sites))[row, period]).all()


@EXAMPLES
@given(problems())
def test_least_mean_walk(problem):
    options = SitingOptions(objective="p_median")
    prove(problem, options, walked(problem, options), most=False)


@EXAMPLES
@given(problems(), st.integers(0, 40), st.tuples(*[st.integers(1, 5)] * 3))
@pytest.mark.slow
def test_a_mix(problem, radius, shares):
    mix = dict(zip(("uncovered", "walk", "sites"), shares, strict=True))
    options = SitingOptions(objective="mix", radius=radius, mix=mix)
    prove(problem, options, mixed(problem, options), most=False)


@EXAMPLES
@given(problems(), st.integers(0, 40), st.booleans())
def test_fewest_stations_with_everyone_within_the_radius(problem, radius, unlimited):
    options = SitingOptions(objective="lscp", radius=radius)
    if unlimited:
        problem = replace(problem, limits=replace(problem.limits, count=None))
    matrix = costs_of(problem, radius)
    wanted = (weights(problem) > 0) & reachable(problem, matrix)
    standing = np.flatnonzero(problem.candidates.existing).tolist()
    sets = list(allowed_sets(problem))
    if not sets or sets == [[]]:
        return

    def out(s) -> int:
        return int((wanted & ~np.isfinite(best_cost(matrix, standing + s))).sum())

    fewest = min(map(out, sets))
    stations = min(len(s) for s in sets if out(s) == fewest)
    result = solve_siting(problem, options)
    chosen = result.chosen.tolist()
    assert keeps(problem, chosen)
    assert out(chosen) == fewest
    assert len(chosen) == stations
    assert result.objective == result.bound == (fewest or stations)
    assert result.proof == ("infeasible" if fewest else "optimal")
    nowhere = (weights(problem) > 0) & ~reachable(problem, matrix)
    assert result.unreachable.tolist() == np.flatnonzero(nowhere.any(axis=1)).tolist()
    left = (weights(problem) > 0) & ~np.isfinite(best_cost(matrix, standing + chosen))
    assert result.unreached.tolist() == np.flatnonzero(left.any(axis=1)).tolist()
    for swap in result.swaps:
        other = [j for j in chosen if j != swap.leave] + [swap.enter]
        assert keeps(problem, other)
        assert swap.objective == (out(other) if fewest else len(other))


@EXAMPLES
@given(problems())
@pytest.mark.slow
def test_least_worst_walk(problem):
    options = SitingOptions(objective="p_center")
    matrix = costs_of(problem)
    asks = (weights(problem) > 0) & reachable(problem, matrix)

    def value(is_open) -> float:
        worst = best_cost(matrix, is_open)[asks].max(initial=0.0)
        return worst if np.isfinite(worst) else problem.penalty

    prove(problem, options, value, most=False)


def placed(problem, matrix, equity, missed):
    """Return the least cost of placing people in a set of stations, as a linear program."""
    n, rows = len(problem.people), np.flatnonzero(reachable(problem, matrix[:, None])[:, 0])

    def value(is_open) -> float:
        at, to = np.nonzero(np.isfinite(matrix[np.ix_(rows, is_open)]))
        cost = equity[rows[at]] * (matrix[rows[at], np.array(is_open, dtype=int)[to]] - missed)
        fixed = (problem.people * equity)[rows].sum() * missed
        if not len(at):
            return fixed
        pairs = np.arange(len(at))
        limits = coo_array(
            (np.ones(2 * len(at)), (np.r_[rows[at], n + to], np.r_[pairs, pairs])),
            shape=(n + len(is_open), len(at)),
        )
        most = np.r_[problem.people, problem.candidates.capacity[is_open]]
        return fixed + linprog(cost, A_ub=limits.tocsr(), b_ub=most).fun

    return value


def prove_room(problem, result):
    """Everyone goes to one open station, within its room; who has none is named."""
    flows = result.flows
    assert flows is not None
    assert (flows.people > 0).all()
    load = np.bincount(flows.candidate, flows.people, problem.candidates.number)
    assert (load <= problem.candidates.capacity).all()
    is_open = problem.candidates.existing.copy()
    is_open[result.chosen] = True
    assert is_open[flows.candidate].all()
    served = np.bincount(flows.demand, flows.people, len(problem.people))
    assert (served <= problem.people).all()
    short = (served < problem.people) & (weights(problem)[:, 0] > 0)
    assert result.unreached.tolist() == np.flatnonzero(short).tolist()


@EXAMPLES
@given(problems(capacitated=True, most_sites=6), st.integers(0, 40))
def test_most_people_with_room(problem, radius):
    options = SitingOptions(objective="capacitated_mclp", radius=radius)
    if not problem.candidates.capacity.any():
        return
    equity = np.ones(len(problem.people)) if problem.equity is None else problem.equity
    matrix = costs_of(problem, radius)[:, 0]
    value = placed(problem, matrix * 0, equity, 1.0)
    reached = weights(problem)[reachable(problem, matrix[:, None])[:, 0]].sum()
    result = prove(problem, options, lambda is_open: reached - value(is_open), most=True)
    if result is not None:
        prove_room(problem, result)


@pytest.mark.slow
@EXAMPLES
@given(problems(capacitated=True, most_sites=6))
def test_least_mean_walk_with_room(problem):
    if not problem.candidates.capacity.any():
        return
    options = SitingOptions(objective="capacitated_p_median")
    equity = np.ones(len(problem.people)) if problem.equity is None else problem.equity
    value = placed(problem, costs_of(problem)[:, 0], equity, problem.penalty)
    result = prove(problem, options, value, most=False)
    if result is not None:
        prove_room(problem, result)
