"""Siting: bad input is named, work can be stopped, answers repeat, larger towns are proven too."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from gis.coverage.siting import (
    OBJECTIVES,
    Candidates,
    CostTable,
    Limits,
    SitingOptions,
    SitingProblem,
    equity_of_groups,
    solve_siting,
)
from gis.errors import InfeasiblePlanError, InvalidInputError

pytestmark = pytest.mark.geometry


def town(n=60, m=20, *, seed=0, count=4, metric=True):
    rng = np.random.default_rng(seed)
    homes, sites = rng.random((n, 2)) * 1000, rng.random((m, 2)) * 1000
    cost = np.hypot(*(homes[:, None] - sites[None]).transpose(2, 0, 1))
    if not metric:
        cost = rng.integers(1, 1000, (n, m)).astype(float)
    return SitingProblem(
        people=rng.integers(1, 60, n),
        candidates=Candidates(number=m, xy_m=sites, capacity=rng.integers(200, 600, m)),
        costs=CostTable.dense(cost),
        limits=Limits(count=count),
    )


def options(objective, seed=0):
    mix = {"uncovered": 1.0, "walk": 1.0} if objective == "mix" else {}
    return SitingOptions(objective=objective, radius=200, mix=mix, seed=seed)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_same_seed_gives_the_same_answer(objective):
    problem = town()
    one, other = (solve_siting(problem, options(objective, seed=3)) for _ in range(2))
    assert one.chosen.tolist() == other.chosen.tolist()
    assert one.assignment.tolist() == other.assignment.tolist()
    assert (one.objective, one.bound, one.swaps) == (other.objective, other.bound, other.swaps)
    assert one.moves == other.moves


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_order_of_the_cost_table_does_not_matter(objective):
    problem = town(seed=1)
    order = np.random.default_rng(0).permutation(len(problem.costs.cost))
    table = problem.costs
    mixed = CostTable(table.demand[order], table.candidate[order], table.cost[order])
    one = solve_siting(problem, options(objective))
    other = solve_siting(replace(problem, costs=mixed), options(objective))
    assert one.chosen.tolist() == other.chosen.tolist()
    assert (one.objective, one.bound, one.swaps) == (other.objective, other.bound, other.swaps)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_progress_tells_a_gap_that_shrinks_to_that_of_the_answer(objective):
    told = []
    result = solve_siting(town(seed=2), options(objective), told.append)
    gaps = [step.gap for step in told]
    assert gaps == sorted(gaps, reverse=True)
    assert told[-1].objective == result.objective
    assert told[-1].bound == result.bound
    assert gaps[-1] == result.gap
    assert [step.moves for step in told] == sorted(step.moves for step in told)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_stopped_at_once_it_gives_a_set_and_a_bound_that_hold(objective):
    # Costs without any geometry leave a gap that takes work to close.
    problem = town(n=60, m=24, seed=3, count=5, metric=False)
    whole = solve_siting(problem, options(objective))
    result = solve_siting(problem, options(objective), stop=lambda: True)
    assert result.stopped
    assert result.proof in {"stopped", "optimal", "infeasible"}
    assert len(result.chosen) <= 5
    sign = 1 if objective.endswith("mclp") else -1
    if whole.proof != "infeasible":
        assert sign * result.bound >= sign * whole.objective - 1e-6
        assert sign * result.objective <= sign * whole.objective + 1e-6


def test_a_time_limit_ends_the_work():
    problem = town(n=300, m=80, seed=3, count=10, metric=False)
    result = solve_siting(problem, SitingOptions(objective="p_median", seconds=0.0))
    assert result.stopped
    assert result.proof == "stopped"
    assert result.bound < result.objective


def by_milp(problem, radius):
    """Return the most people within a radius by another model and another entry to a solver."""
    cost = np.full((len(problem.people), problem.candidates.number), np.inf)
    cost[problem.costs.demand, problem.costs.candidate] = problem.costs.cost
    n, m = cost.shape
    cover = (cost <= radius).astype(float)
    matrix = np.vstack(
        [np.hstack([-cover, np.eye(n)]), np.hstack([np.ones((1, m)), np.zeros((1, n))])]
    )
    limits = LinearConstraint(matrix, -np.inf, np.r_[np.zeros(n), problem.limits.count])
    kinds = np.r_[np.ones(m), np.zeros(n)]
    objective = np.r_[np.zeros(m), -problem.people.astype(float)]
    return -milp(objective, constraints=limits, bounds=Bounds(0, 1), integrality=kinds).fun


@pytest.mark.parametrize("seed", range(4))
def test_cover_without_geometry_is_as_good_as_integer_programming_says(seed):
    problem = town(n=120, m=40, seed=seed, count=6, metric=False)
    result = solve_siting(problem, SitingOptions(objective="mclp", radius=80))
    assert result.proof == "optimal"
    assert result.objective == round(by_milp(problem, 80))


def test_rows_at_one_place_count_as_one_row():
    problem = town(n=30, seed=4)
    table, n = problem.costs, 30
    twice = SitingProblem(
        people=np.concatenate((problem.people, 2 * problem.people)),
        candidates=problem.candidates,
        costs=CostTable(
            np.concatenate((table.demand, n + table.demand)),
            np.tile(table.candidate, 2),
            np.tile(table.cost, 2),
        ),
        limits=problem.limits,
    )
    for objective in ("mclp", "p_median", "p_center"):
        one = solve_siting(problem, options(objective))
        other = solve_siting(twice, options(objective))
        factor = 1 if objective == "p_center" else 3
        assert other.objective == pytest.approx(factor * one.objective)
        assert one.chosen.tolist() == other.chosen.tolist()


def test_people_whom_nobody_reaches_are_named_and_cost_the_penalty():
    people = np.array([10, 20, 30, 40])
    costs = CostTable.dense([[1, np.nan], [2, np.nan], [np.nan, 5], [np.nan, np.nan]])
    problem = SitingProblem(
        people=people, candidates=Candidates(number=2), costs=costs, limits=Limits(count=1)
    )
    result = solve_siting(problem, SitingOptions(objective="p_median"))
    # 30 people at the penalty, twice the largest cost, either way: the nearer others win.
    assert result.chosen.tolist() == [0]
    assert result.objective == 10 * 1 + 20 * 2 + 30 * 10
    assert result.unreached.tolist() == [2, 3]
    assert result.unreachable.tolist() == [3]
    assert result.assignment.tolist() == [0, 0, -1, -1]
    dear = solve_siting(replace(problem, penalty_cost=100.0), SitingOptions(objective="p_median"))
    assert dear.objective == 10 * 1 + 20 * 2 + 30 * 100
    assert np.isfinite([dear.objective, dear.bound, dear.gap]).all()


def test_a_cover_that_limits_forbid_names_who_is_left_out():
    costs = CostTable.dense(np.where(np.eye(4), 1.0, 9.0))
    problem = SitingProblem(
        people=[5, 0, 7, 8],
        candidates=Candidates(number=4),
        costs=costs,
        limits=Limits(count=2),
    )
    result = solve_siting(problem, SitingOptions(objective="lscp", radius=2))
    assert result.proof == "infeasible"
    assert len(result.unreached) == 1
    assert result.unreached[0] in {0, 2, 3}  # row 1 has no people
    assert result.objective == result.bound == 1
    enough = replace(problem, limits=Limits(count=3))
    assert solve_siting(enough, SitingOptions(objective="lscp", radius=2)).objective == 3


def test_room_for_fewer_than_there_are_is_told():
    problem = town(n=20, m=4, count=2)
    small = replace(problem.candidates, capacity=np.array([0, 30, 40, 10]))
    problem = replace(problem, candidates=small)
    result = solve_siting(problem, SitingOptions(objective="capacitated_p_median"))
    assert result.flows.people.sum() == 70
    assert set(result.chosen) == {1, 2}
    assert len(result.unreached)
    assert np.isfinite([result.objective, result.bound]).all()


def test_stations_that_stand_stay_and_are_not_counted():
    problem = town(seed=5)
    stands = np.zeros(20, dtype=bool)
    stands[[3, 8]] = True
    problem = replace(problem, candidates=replace(problem.candidates, existing=stands))
    result = solve_siting(problem, options("p_median"))
    assert len(result.chosen) == 4
    assert not set(result.chosen) & {3, 8}
    assert set(result.assignment) <= set(result.chosen) | {3, 8}
    assert result.measures["new"] == 4


def test_people_of_groups_weigh_more():
    people = np.array([100.0, 50, 0])
    groups = {"elderly": np.array([20.0, 0, 0]), "child": np.array([10.0, 50, 0])}
    weights = equity_of_groups(people, groups, {"elderly": 3.0, "child": 2.0})
    assert weights.tolist() == [1.5, 2.0, 1.0]
    with pytest.raises(InvalidInputError, match="Row 1 has 50 people of group 'child' among 5"):
        equity_of_groups(np.array([100.0, 5, 0]), groups, {"child": 2.0})
    with pytest.raises(InvalidInputError, match="Group 'rider' weighs 2"):
        equity_of_groups(people, groups, {"rider": 2.0})


GOOD = {
    "people": [1.0, 2.0],
    "candidates": Candidates(number=2),
    "costs": CostTable([0, 1], [0, 1], [1.0, 2.0]),
    "limits": Limits(count=1),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"people": [0, 0]}, "Nobody is to be served"),
        ({"people": [1, -1]}, "Row 1 of people is -1"),
        ({"people": [np.nan, 1]}, "Row 0 of people is nan"),
        ({"people": ["a", "b"]}, "people is no array of numbers"),
        ({"limits": Limits(count=3)}, "3 new stations are asked for, but there are 2 candidates"),
        ({"limits": Limits(budget=3)}, "budget is asked for, but the candidates have no site_cost"),
        ({"limits": Limits(count=1, spacing_m=3)}, "the candidates have no xy_m"),
        ({"limits": Limits(count=1, total_floor_m2=3)}, "the candidates have no floor_m2"),
        ({"costs": CostTable([0, 2], [0, 1], [1, 2])}, "Row 1 of the cost table names demand 2"),
        ({"costs": CostTable([0, 1], [0, -1], [1, 2])}, "Row 1 of the cost table names candidate"),
        ({"equity": [1.0]}, "equity has shape"),
        ({"penalty_cost": 0.0}, "penalty_cost is 0.0"),
        ({"people": np.ones((2, 2, 2))}, "Demand by period"),
        (
            {
                "people": np.ones((2, 3)),
                "candidates": Candidates(number=2, serving=np.ones((2, 2))),
            },
            "3 periods of demand but 2 of serving",
        ),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        SitingProblem(**{**GOOD, **change})
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Candidates(number=0), "There are no candidates"),
        (lambda: Candidates(number=2, capacity=[1, 1.5]), "Row 1 of capacity is 1.5"),
        (lambda: Candidates(number=2, site_cost=[1.0]), "site_cost has shape"),
        (lambda: Limits(count=0), "0 new stations are none"),
        (lambda: Limits(budget=-1), "budget is -1"),
        (lambda: CostTable([0], [0], [np.inf]), "Row 0 of cost is inf"),
        (lambda: CostTable([0, 1], [0], [1.0]), "The cost table has 2 demand rows"),
        (lambda: SitingOptions(objective="best"), "There is no objective 'best'"),
        (lambda: SitingOptions(objective="mclp"), "asks who is within a radius"),
        (lambda: SitingOptions(objective="mix", radius=1, mix={"fun": 1}), "weights of the mix"),
        (lambda: SitingOptions(objective="p_median", effort=0), "effort is 0"),
    ],
)
def test_what_cannot_be_asked_is_named(make, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        make()
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("change", "asked", "error", "message"),
    [
        ({"limits": Limits()}, "p_median", InvalidInputError, "needs a number of new stations"),
        ({}, "capacitated_mclp", InvalidInputError, "The stations have no capacity"),
        (
            {"candidates": Candidates(number=2, capacity=[0, 0])},
            "capacitated_mclp",
            InvalidInputError,
            "All capacities are 0",
        ),
        (
            {"people": [1.5, 2], "candidates": Candidates(number=2, capacity=[4, 4])},
            "capacitated_mclp",
            InvalidInputError,
            "people are whole numbers",
        ),
        (
            {"costs": CostTable([0, 0], [1, 1], [1, 2])},
            "p_median",
            InvalidInputError,
            "demand 0 with candidate 1 more than once",
        ),
        (
            {
                "candidates": Candidates(number=2, floor_m2=[50, 60]),
                "limits": Limits(count=1, least_floor_m2=80),
            },
            "mclp",
            InfeasiblePlanError,
            r"of 2 new ones 2 have less than 80 m² of floor area",
        ),
        (
            {
                "candidates": Candidates(
                    number=2, site_cost=[0, 9], existing=[True, False], xy_m=[[0, 0], [300, 0]]
                ),
                "limits": Limits(budget=8, spacing_m=400),
            },
            "mclp",
            InfeasiblePlanError,
            "of 1 new ones 1 cost more than the budget of 8; 1 are within 400 m of a station",
        ),
        (
            {
                "candidates": Candidates(number=2, floor_m2=[50, 60]),
                "limits": Limits(count=1, total_floor_m2=80),
            },
            "p_median",
            InfeasiblePlanError,
            "No 1 candidates together have 80",
        ),
    ],
)
def test_what_cannot_be_solved_is_named(change, asked, error, message):
    problem = SitingProblem(**{**GOOD, **change})
    with pytest.raises(error, match=message) as caught:
        solve_siting(problem, options(asked))
    assert caught.value.remedy
