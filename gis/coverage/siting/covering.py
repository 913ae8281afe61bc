"""The fewest stations with everyone within the radius (location set covering)."""

from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.answer import Answer, Ground
from gis.coverage.siting.median import Median
from gis.coverage.siting.result import Served, Swap
from gis.coverage.siting.search import Search, next_swaps
from gis.coverage.siting.table import Prices, Rows, table_of

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Floats, Ints
    from gis.coverage.siting.run import Run


def solve_covering(ground: Ground, run: "Run") -> Answer:
    """Return the fewest new stations with everyone who can be reached within the radius.

    A station costs 1, a row of demand left out more than all stations together. So where the
    limits leave somebody out, the fewest rows are left out, and the answer says so: its objective
    and bound are then those rows.
    """
    rows, rules = ground.rows, ground.rules
    alike = Rows(rows.demand, rows.period, np.ones(len(rows.demand)), rows.people)
    missed = float(rules.size + 1)
    stands = ground.problem.candidates.stands
    every = np.ones(len(stands))
    table = table_of(alike, ground.pairs, rules, stands, Prices(np.zeros_like, missed, every))

    def told(cost: float, least: float) -> None:
        # Told as stations; while somebody is left out there is no answer yet.
        cost, least = cost + table.constant, least + table.constant
        run.tell(cost if cost < missed else np.nan, least if least < missed else np.nan)

    median = Median(table, rules, run, told)
    best = median.solve()
    cost = best.cost + table.constant
    left_out = int(cost // missed)
    least = best.least + table.constant
    served = Served.by(ground.pairs, ground.open_with(best.chosen))
    bound = np.floor(least / missed) if left_out else min(least, cost)
    return Answer(
        chosen=best.chosen,
        served=served,
        objective=float(left_out or cost),
        bound=float(bound),
        proven=best.proven,
        swaps=_swaps(ground, median, best.chosen, missed),
        infeasible=left_out > 0,
    )


def _swaps(ground: Ground, median: Median, chosen: "Ints", missed: float) -> tuple[Swap, ...]:
    """Return the exchanges that leave out the fewest rows, and among those the shortest walks."""
    rules, run, table = ground.rules, median.run, median.table
    _, _, changed = median.search.changes(chosen)
    cost = changed + median.search.total(chosen) + table.constant
    walk = _walk(ground, run, chosen)
    fits = rules.exchangeable(chosen)
    rank = np.empty(cost.size, dtype=np.int64)
    rank[np.lexsort((walk.ravel(), cost.ravel()))] = np.arange(cost.size)
    best = next_swaps(rank.reshape(cost.shape), fits, run.options.swaps)
    covered = median.search.total(chosen) + table.constant < missed
    out = []
    for j, s in best:
        left_out = cost[j, s] // missed
        if covered and left_out:
            break  # everyone is reached now: an exchange that loses somebody is no other answer
        value = float(left_out) if not covered else float(cost[j, s])
        out.append(Swap(int(rules.site[chosen[s]]), int(rules.site[j]), value))
    return tuple(out)


def _walk(ground: Ground, run: "Run", chosen: "Ints") -> "Floats":
    """Return how exchanges change the weighted sum of costs, shape (m, p)."""
    stands = ground.problem.candidates.stands
    prices = Prices(lambda cost: cost, ground.problem.penalty, np.zeros(len(stands)))
    table = table_of(ground.rows, ground.pairs, ground.rules, stands, prices)
    _, _, changed = Search(table, ground.rules, run).changes(chosen)
    return changed.astype(np.float64)
