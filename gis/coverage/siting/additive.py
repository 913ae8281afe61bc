"""Objectives that are sums over people: most within a radius, least mean cost, and mixtures."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.answer import Answer, Ground
from gis.coverage.siting.covers import better_sites
from gis.coverage.siting.median import Cheapest, Median
from gis.coverage.siting.result import Served, Swap
from gis.coverage.siting.search import Search, next_swaps
from gis.coverage.siting.table import Prices, table_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import Bools, Floats, SitingOptions, SitingProblem
    from gis.coverage.siting.rules import Rules
    from gis.coverage.siting.run import Run
    from gis.coverage.siting.table import Table


def solve_additive(ground: Ground, run: "Run") -> Answer:
    """Return the cheapest set of sites by the prices of the objective, with its bound."""
    problem, rules = ground.problem, ground.rules
    prices = _prices(ground, run.options)
    table = table_of(ground.rows, ground.pairs, rules, problem.candidates.stands, prices)
    reachable = float(ground.rows.weight[ground.reachable].sum())

    def objective(units: float) -> float:
        price = (units + table.constant) / table.scale
        return reachable - price if run.options.objective == "mclp" else price

    best = best_of(
        table, rules, run, lambda cost, least: run.tell(objective(cost), objective(least))
    )
    is_open = ground.open_with(best.chosen)
    served = Served.by(ground.pairs, is_open)
    value = _value(ground, prices, served, is_open)
    if run.options.objective == "mclp":
        value = float(ground.rows.weight[np.isfinite(served.cost)].sum())
    _, _, changed = Search(table, rules, run).changes(best.chosen)
    swaps = next_swaps(changed, rules.exchangeable(best.chosen), run.options.swaps)
    return Answer(
        chosen=best.chosen,
        served=served,
        objective=value,
        bound=value if best.proven else objective(best.least),
        proven=best.proven,
        swaps=tuple(
            Swap(
                int(rules.site[best.chosen[s]]),
                int(rules.site[j]),
                objective(best.cost + int(changed[j, s])),
            )
            for j, s in swaps
        ),
    )


def best_of(
    table: "Table", rules: "Rules", run: "Run", told: "Callable[[float, float], None]"
) -> Cheapest:
    """Return the cheapest set; sites that another one is as good as everywhere are left out."""
    left = better_sites(table) if rules.only_count else np.ones(rules.size, dtype=bool)
    if left.all():
        return Median(table, rules, run, told).solve()
    none = np.zeros(rules.size, dtype=bool)
    fewer, _ = rules.reduced(none, ~left)
    best = Median(table.reduced(none, left), fewer, run, told).solve()
    return replace(best, chosen=np.flatnonzero(left)[best.chosen])


def _value(ground: Ground, prices: Prices, served: Served, is_open: "Bools") -> float:
    """Return what people pay, and what is opened, in the units of the objective."""
    weight, some = ground.rows.weight, np.isfinite(served.cost)
    missed = ground.reachable & ~some
    new = is_open & ~ground.problem.candidates.stands
    return float(
        weight[some] @ prices.unit(served.cost[some])
        + weight[missed].sum() * prices.missed
        + prices.opening[new].sum()
    )


def _prices(ground: Ground, options: "SitingOptions") -> Prices:
    free = np.zeros(ground.problem.candidates.number)
    if options.objective == "mclp":
        return Prices(np.zeros_like, 1.0, free)
    if options.objective == "p_median":
        # A cost above the penalty is no worse than not being reached.
        penalty = ground.problem.penalty
        return Prices(lambda cost: np.minimum(cost, penalty), penalty, free)
    return _mixed(ground, options)


def _mixed(ground: Ground, options: "SitingOptions") -> Prices:
    """Return the prices of a mix: each term 0 … 1, weighted, over the sum of the weights."""
    radius = options.radius
    assert radius is not None
    total = sum(options.mix.values())
    people = max(float(ground.rows.weight[ground.reachable].sum()), 1e-300)
    uncovered = options.mix.get("uncovered", 0.0) / total / people
    walk = options.mix.get("walk", 0.0) / total / people
    penalty = ground.problem.penalty

    def unit(cost: "Floats") -> "Floats":
        return uncovered * (cost > radius) + walk * np.minimum(cost / penalty, 1.0)

    opening = options.mix.get("sites", 0.0) / total * _share_of_limit(ground.problem)
    return Prices(unit, uncovered + walk, opening)


def _share_of_limit(problem: "SitingProblem") -> "Floats":
    """Return what each candidate takes of the budget, or else of the count."""
    limits, candidates = problem.limits, problem.candidates
    if limits.budget and candidates.site_cost is not None:
        return candidates.site_cost / limits.budget
    count = limits.count or candidates.number
    return np.full(candidates.number, 1.0 / count)
