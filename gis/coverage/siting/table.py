"""From a problem to a table of prices: what each row of demand pays at each candidate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.kernels import by_rows, cheapest_first
from gis.coverage.siting.problem import CostTable
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import Bools, Floats, Ints, SitingProblem
    from gis.coverage.siting.rules import Rules

#: Sums of prices stay below this; above 2⁵³ nothing is gained, as floats are no finer.
_MOST = 2.0**53


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of demand that want something: one per row of people and period, none without weight.

    Parameters
    ----------
    demand
        Row of the problem, shape (r,).
    period
        One period of those in which the same candidates serve, shape (r,).
    weight, people
        Weighted and plain people, over all such periods.
    """

    demand: "Ints"
    period: "Ints"
    weight: "Floats"
    people: "Floats"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of rows and candidates in order of the row, then of the candidate.

    Parameters
    ----------
    start
        Where each row begins, shape (r + 1,).
    candidate, cost
        Shape (k,).
    """

    start: "Ints"
    candidate: "Ints"
    cost: "Floats"

    @property
    def row(self) -> "Ints":
        """Row per pair."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def where(self, keep: "Bools") -> "Pairs":
        """Return some of the pairs."""
        before = np.concatenate(([0], np.cumsum(keep)))
        return Pairs(before[self.start], self.candidate[keep], self.cost[keep])

    def least(self, values: "Floats", empty: float) -> "Floats":
        """Return the least of a value per pair for each row, ``empty`` where it has no pairs."""
        out = np.full(len(self.start) - 1, empty)
        some = np.diff(self.start) > 0
        if some.any():
            out[some] = np.minimum.reduceat(values, self.start[:-1][some])
        return out


@dataclass(frozen=True, eq=False)
class Table:
    """Whole prices of rows at the candidates that may be chosen, cheapest first.

    Parameters
    ----------
    base
        What a row pays if nothing is chosen: at a station that stands, or the penalty; shape (r,).
    start, site, price
        The pairs that are cheaper than that; ``site`` counts the rows of the rules.
    opening
        Price of choosing each candidate, shape (m,).
    scale
        Whole units in one unit of the objective.
    whole
        Whether prices were whole before they were scaled, so that a bound can be rounded up.
    constant
        What rows pay that no choice can change, in whole units.
    """

    base: "Ints"
    start: "Ints"
    site: "Ints"
    price: "Ints"
    opening: "Ints"
    scale: float
    whole: bool
    constant: int

    @property
    def arrays(self) -> "tuple[Ints, Ints, Ints, Ints]":
        """What the kernels take."""
        return self.base, self.start, self.site, self.price

    def reduced(self, opened: "Bools", left: "Bools") -> "Table":
        """Return the table of what is left when some sites are open, and all but some others gone.

        Rows stay as they are, and pay no more than at the open sites. The price of having opened
        those is in ``constant``.
        """
        row = np.repeat(np.arange(len(self.base)), np.diff(self.start))
        held = opened[self.site]
        base = self.base.copy()
        # Cheapest first: the first open site of a row is its cheapest.
        rows, first = np.unique(row[held], return_index=True)
        base[rows] = np.minimum(base[rows], self.price[held][first])
        kept = left[self.site] & (self.price < base[row])
        number = np.cumsum(left, dtype=np.int32) - 1
        before = np.concatenate(([0], np.cumsum(kept)))
        return Table(
            base,
            before[self.start],
            number[self.site[kept]].astype(np.int32),
            self.price[kept],
            self.opening[left],
            self.scale,
            self.whole,
            self.constant + int(self.opening[opened].sum()),
        )


def rows_of(problem: "SitingProblem") -> Rows:
    """Return the rows of demand with weight; periods in which the same candidates serve are one."""
    people = problem.people.reshape(len(problem.people), -1)
    serving = problem.candidates.serving
    if serving is None:
        first, kind = np.zeros(1, dtype=np.int64), np.zeros(people.shape[1], dtype=np.int64)
    else:
        _, first, kind = np.unique(serving, axis=1, return_index=True, return_inverse=True)
    summed = np.zeros((len(people), len(first)))
    for period, like in enumerate(kind.ravel().tolist()):
        summed[:, like] += people[:, period]
    weight = summed * problem.equity_of_rows[:, None]
    demand, same = np.nonzero(weight > 0)
    return Rows(demand, first[same], weight[demand, same], summed[demand, same])


def pairs_of(problem: "SitingProblem", rows: Rows, within: float | None = None) -> Pairs:
    """Return the pairs of rows with the candidates that serve them, up to a cost.

    Raises
    ------
    gis.errors.InvalidInputError
        If a pair is given twice.
    """
    table, candidates = problem.costs, problem.candidates
    if within is not None:
        near = table.cost <= within
        table = CostTable(table.demand[near], table.candidate[near], table.cost[near])
    start, order = by_rows(table.demand, table.candidate, len(problem.people), candidates.number)
    candidate, cost = table.candidate[order], table.cost[order]
    _check_once(start, candidate)
    if candidates.serving is None and len(rows.demand) == len(problem.people):
        return Pairs(start, candidate, cost)
    length = np.diff(start)[rows.demand]
    begin = np.concatenate(([0], np.cumsum(length)))
    at = np.arange(begin[-1]) + np.repeat(start[rows.demand] - begin[:-1], length)
    pairs = Pairs(begin, candidate[at], cost[at])
    if candidates.serving is None:
        return pairs
    return pairs.where(candidates.serving[pairs.candidate, np.repeat(rows.period, length)])


def _check_once(start: "Ints", candidate: "Ints") -> None:
    same = np.zeros(len(candidate), dtype=bool)
    same[1:] = candidate[1:] == candidate[:-1]
    same[start[:-1][start[:-1] < len(candidate)]] = False
    if same.any():
        at = int(np.flatnonzero(same)[0])
        row = int(np.searchsorted(start, at, side="right")) - 1
        raise InvalidInputError(
            f"The cost table has demand {row} with candidate {candidate[at]} more than once.",
            remedy="Give each pair once, with its lowest cost.",
            row=row,
            field="cost",
        )


@dataclass(frozen=True, eq=False)
class Prices:
    """How an objective prices a person, and a new station.

    Parameters
    ----------
    unit
        From the cost of pairs to the price of a person.
    missed
        Price of a person whom nobody reaches.
    opening
        Price per candidate of the problem, shape (m,).
    """

    unit: "Callable[[Floats], Floats]"
    missed: float
    opening: "Floats"


def table_of(rows: Rows, pairs: Pairs, rules: "Rules", stands: "Bools", prices: Prices) -> Table:
    """Return the table of prices; rows that pay alike everywhere are merged, exactly.

    Rows that no candidate and no station reaches are left out, whatever they would pay.
    """
    unit = prices.unit(pairs.cost)
    held = np.where(stands[pairs.candidate], unit, prices.missed)
    base = pairs.least(held, prices.missed)
    number = np.full(len(stands), -1)
    number[rules.site] = np.arange(rules.size)
    site = number[pairs.candidate]
    kept = Pairs(pairs.start, site, unit).where((site >= 0) & (unit < base[pairs.row]))
    scale, whole = _scale(rows.weight, (unit, base, prices.opening))
    fixed = (np.diff(pairs.start) > 0) & (np.diff(kept.start) == 0)
    constant = int(np.rint(rows.weight[fixed] * base[fixed] * scale).sum())
    group, first = _same_rows(kept, base)
    weight = np.bincount(group, rows.weight, len(first))
    some = np.diff(kept.start)[first] > 0
    first, weight = first[some], weight[some]
    chosen = np.zeros(len(base), dtype=bool)
    chosen[first] = True
    lengths = np.diff(kept.start)[first]
    kept = kept.where(chosen[kept.row])
    table = Table(
        np.rint(weight * base[first] * scale).astype(np.int64),
        np.concatenate(([0], np.cumsum(lengths))),
        kept.candidate.astype(np.int32),
        np.rint(np.repeat(weight, lengths) * kept.cost * scale).astype(np.int64),
        np.rint(prices.opening[rules.site] * scale).astype(np.int64),
        scale,
        whole,
        constant,
    )
    cheapest_first(table.start, table.site, table.price)
    return table


def _scale(weight: "Floats", factors: "tuple[Floats, ...]") -> tuple[float, bool]:
    """Return by what prices are multiplied to be whole numbers, and whether they are already."""
    most = sum(float(weight.sum()) * float(one.max(initial=0.0)) for one in factors[1:])
    whole = all((np.rint(one) == one).all() for one in (weight, *factors))
    if whole and most < _MOST:
        return 1.0, True
    return float(2.0 ** np.floor(np.log2(_MOST / most))) if most else 1.0, False


def _same_rows(pairs: Pairs, base: "Floats") -> "tuple[Ints, Ints]":
    """Return a group per row, and the first row of each group in ascending order.

    Rows of one group have the same base and the same candidates at the same costs. A fingerprint
    finds them, and each is compared with the first one.
    """
    rows = len(base)
    numbers = np.random.default_rng(0).integers(1, 2**63, pairs.candidate.max(initial=0) + 1)
    marks = numbers.astype(np.uint64)[pairs.candidate]
    marks *= np.uint64(2) * pairs.cost.view(np.uint64) + np.uint64(1)
    marks ^= marks >> np.uint64(31)
    mark = np.zeros(rows, dtype=np.uint64)
    lengths = np.diff(pairs.start)
    some = lengths > 0
    if some.any():
        mark[some] = np.add.reduceat(marks, pairs.start[:-1][some])
    order = np.lexsort((base, lengths, mark))
    same = np.ones(rows, dtype=bool)
    same[:1] = False
    for values in (mark, lengths, base):
        same[1:] &= values[order][1:] == values[order][:-1]
    leader = np.empty(rows, dtype=np.int64)
    leader[order] = order[np.maximum.accumulate(np.where(same, 0, np.arange(rows)))]
    _part(pairs, leader)
    first, group = np.unique(leader, return_inverse=True)
    return group, first


def _part(pairs: Pairs, leader: "Ints") -> None:
    """Make rows that differ from their leader, against all odds, leaders of themselves."""
    own = np.arange(len(leader))
    follows = (leader != own)[pairs.row]
    at = np.flatnonzero(follows)
    row = pairs.row[at]
    other = pairs.start[leader[row]] + at - pairs.start[row]
    differs = (pairs.candidate[at] != pairs.candidate[other]) | (
        pairs.cost[at] != pairs.cost[other]
    )
    leader[row[differs]] = row[differs]
