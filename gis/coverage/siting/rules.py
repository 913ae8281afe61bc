"""What a set of new stations must keep: count, budget, floor area, spacing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array, vstack
from scipy.spatial import cKDTree

from gis.coverage.siting.highs import Program, solve_program
from gis.errors import InfeasiblePlanError

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Bools, Floats, Ints, SitingProblem
    from gis.coverage.siting.run import Run

#: Steps by which the price of the budget is found, each halving its range.
_BISECTIONS = 40
_TINY = 1e-9


def why_none(problem: "SitingProblem") -> str:
    """Return which limits new candidates break by themselves, and how many do, as a sentence."""
    candidates, limits = problem.candidates, problem.limits
    new = ~candidates.stands
    broken = []
    if candidates.floor_m2 is not None:
        small = int((new & (candidates.floor_m2 < limits.least_floor_m2)).sum())
        broken.append((small, f"have less than {limits.least_floor_m2:,g} m² of floor area"))
    if candidates.site_cost is not None and limits.budget is not None:
        dear = int((new & (candidates.site_cost > limits.budget)).sum())
        broken.append((dear, f"cost more than the budget of {limits.budget:,g}"))
    near = _near(problem)
    if near is not None:
        close = int((new & near[:, candidates.stands].any(axis=1)).sum())
        broken.append((close, f"are within {limits.spacing_m:,g} m of a station that stands"))
    told = "; ".join(f"{count:,} {what}" for count, what in broken if count)
    return f"No candidate keeps the limits by itself: of {new.sum():,} new ones {told or 'none'}."


@dataclass(frozen=True, eq=False)
class Rules:
    """The limits, for the ``m`` candidates that may be chosen at all; sets are arrays of rows.

    Parameters
    ----------
    site
        Candidate of the problem per row, shape (m,).
    count
        Stations at most.
    cost, budget
        Their costs and the limit of the sum; ``budget`` may be infinite.
    floor, total_floor
        Floor areas and the least sum.
    conflict
        Whether two are too near each other, shape (m, m); ``None``: no two are.
    """

    site: "Ints"
    count: int
    cost: "Floats"
    budget: float
    floor: "Floats"
    total_floor: float
    conflict: "Bools | None"

    @classmethod
    def of(cls, problem: "SitingProblem") -> "Rules":
        """Return the rules of a problem, without candidates that break one by themselves."""
        candidates, limits = problem.candidates, problem.limits
        m = candidates.number
        cost = np.zeros(m) if candidates.site_cost is None else candidates.site_cost
        floor = np.zeros(m) if candidates.floor_m2 is None else candidates.floor_m2
        budget = np.inf if limits.budget is None else limits.budget
        usable = ~candidates.stands & (floor >= limits.least_floor_m2) & (cost <= budget)
        near = _near(problem)
        if near is not None:
            usable &= ~near[:, candidates.stands].any(axis=1)
        site = np.flatnonzero(usable)
        conflict = None if near is None else near[np.ix_(site, site)]
        count = len(site) if limits.count is None else min(limits.count, len(site))
        return cls(site, count, cost[site], budget, floor[site], limits.total_floor_m2, conflict)

    @property
    def size(self) -> int:
        """Candidates that may be chosen."""
        return len(self.site)

    @property
    def only_count(self) -> bool:
        """Whether nothing but the number is limited."""
        return not np.isfinite(self.budget) and not self.total_floor and self.conflict is None

    def reduced(self, opened: "Bools", closed: "Bools") -> "tuple[Rules, Bools]":
        """Return the rules for what may join the open ones, and which candidates those are."""
        left = ~opened & ~closed
        spent = float(self.cost[opened].sum())
        budget = max(0.0, self.budget - spent)
        left &= self.cost <= budget * (1 + _TINY)
        if self.conflict is not None:
            left &= ~self.conflict[:, opened].any(axis=1)
        rest = Rules(
            self.site[left],
            min(int(left.sum()), max(0, self.count - int(opened.sum()))),
            self.cost[left],
            budget,
            self.floor[left],
            max(0.0, self.total_floor - float(self.floor[opened].sum())),
            None if self.conflict is None else self.conflict[np.ix_(left, left)],
        )
        return rest, left

    @property
    def hopeless(self) -> bool:
        """Whether not even the largest candidates have the floor area together."""
        largest = np.sort(self.floor)[max(0, self.size - self.count) :]
        return bool(largest.sum() < self.total_floor * (1 - _TINY))

    def fits(self, chosen: "Ints") -> bool:
        """Return whether a set keeps all rules."""
        apart = self.conflict is None or not self.conflict[np.ix_(chosen, chosen)].any()
        spent, floor = self.cost[chosen].sum(), self.floor[chosen].sum()
        return bool(
            apart
            and len(chosen) <= self.count
            and spent <= self.budget * (1 + _TINY)
            and floor >= self.total_floor * (1 - _TINY)
        )

    def addable(self, chosen: "Ints") -> "Bools":
        """Return which candidates may join a set, shape (m,)."""
        may = np.full(self.size, len(chosen) < self.count)
        may &= self.cost[chosen].sum() + self.cost <= self.budget * (1 + _TINY)
        if self.conflict is not None:
            may &= ~self.conflict[:, chosen].any(axis=1)
        may[chosen] = False
        return may

    def droppable(self, chosen: "Ints") -> "Bools":
        """Return which members may leave a set, shape (p,)."""
        left = self.floor[chosen].sum() - self.floor[chosen]
        may: Bools = left >= self.total_floor * (1 - _TINY)
        return may

    def exchangeable(self, chosen: "Ints") -> "Bools":
        """Return which candidates may take the place of which members, shape (m, p)."""
        spent = self.cost[chosen].sum() - self.cost[chosen] + self.cost[:, None]
        floor = self.floor[chosen].sum() - self.floor[chosen] + self.floor[:, None]
        may: Bools = (spent <= self.budget * (1 + _TINY)) & (
            floor >= self.total_floor * (1 - _TINY)
        )
        if self.conflict is not None:
            near = self.conflict[:, chosen]
            may &= near.sum(axis=1)[:, None] - near == 0
        may[chosen] = False
        return may

    def least(self, reduced: "Floats") -> "tuple[Floats, float, Floats]":
        """Return the set of least reduced cost, its cost, and the reduced costs it was chosen by.

        Spacing and total floor area are left out, and the budget is priced, so the cost is a lower
        bound for every set that keeps the rules. The set is told as 0 and 1 per candidate.
        """
        if not np.isfinite(self.budget):
            taken = self._lowest(reduced)
            return taken, float(reduced @ taken), reduced
        low, high = 0.0, float((-reduced / np.maximum(self.cost, _TINY)).max(initial=0.0))
        for _ in range(_BISECTIONS):
            price = (low + high) / 2
            taken = self._lowest(reduced + price * self.cost)
            if taken @ self.cost > self.budget:
                low = price
            else:
                high = price
        best = max((0.0, low, high), key=lambda price: self._priced(reduced, price))
        priced = reduced + best * self.cost
        return self._lowest(reduced + high * self.cost), self._priced(reduced, best), priced

    def _priced(self, reduced: "Floats", price: float) -> float:
        priced = reduced + price * self.cost
        return float(priced @ self._lowest(priced)) - price * self.budget

    def _lowest(self, reduced: "Floats") -> "Floats":
        taken = np.zeros(self.size)
        lowest = np.argsort(reduced, kind="stable")[: self.count]
        taken[lowest[reduced[lowest] < 0]] = 1.0
        return taken

    def some_set(self, run: "Run") -> "Ints":
        """Return a set that keeps the rules, with the most floor area.

        Raises
        ------
        gis.errors.InfeasiblePlanError
            If there is none.
        """
        matrix, lower, upper = self.matrix()
        whole = np.ones(self.size, dtype=bool)
        program = Program(-self.floor, np.ones(self.size), whole, csc_array(matrix), lower, upper)
        solved = solve_program(program, run)
        if solved.values is None:
            raise InfeasiblePlanError(
                f"No {self.count} candidates together have {self.total_floor:g} m² of floor area "
                "within the budget and the spacing.",
                remedy="Ask for less floor area, allow more stations, or raise the budget.",
                field="total_floor_m2",
            )
        return np.flatnonzero(solved.values > 0.5)

    def matrix(self) -> "tuple[csr_array, Floats, Floats]":
        """Return the rules as rows of a program over the candidates, with their limits."""
        rows: list[Floats] = [np.ones(self.size)]
        lower, upper = [-np.inf], [float(self.count)]
        if np.isfinite(self.budget):
            rows.append(self.cost)
            lower.append(-np.inf)
            upper.append(self.budget)
        if self.total_floor:
            rows.append(self.floor)
            lower.append(self.total_floor)
            upper.append(np.inf)
        cliques = [] if self.conflict is None else _cliques(self.conflict)
        sizes = np.array([len(one) for one in cliques], dtype=np.int64)
        members = np.concatenate(cliques) if cliques else np.empty(0, dtype=np.int64)
        groups = coo_array(
            (np.ones(len(members)), (np.repeat(np.arange(len(cliques)), sizes), members)),
            shape=(len(cliques), self.size),
        )
        every = csr_array(vstack([csr_array(np.array(rows)), groups]))
        lower += [-np.inf] * len(cliques)
        upper += [1.0] * len(cliques)
        return every, np.array(lower), np.array(upper)


def _near(problem: "SitingProblem") -> "Bools | None":
    """Return which two candidates are nearer than the spacing, or ``None`` if it is not asked."""
    spacing, xy = problem.limits.spacing_m, problem.candidates.xy_m
    if not spacing or xy is None:
        return None
    near = np.zeros((len(xy), len(xy)), dtype=bool)
    pairs = cKDTree(xy).query_pairs(spacing, output_type="ndarray")
    apart = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    a, b = pairs[apart < spacing].T
    near[a, b] = near[b, a] = True
    return near


def _cliques(conflict: "Bools") -> "list[Ints]":
    """Return sets of candidates, of which one at most may be chosen, that hold every conflict.

    One row for a set says more than a row for each of its pairs: the relaxation is tighter.
    """
    left = np.triu(conflict, 1)
    cliques = []
    for a in range(len(conflict)):
        while left[a].any():
            members = [a, int(np.argmax(left[a]))]
            common = conflict[members[0]] & conflict[members[1]]
            while common.any():
                new = int(np.argmax(common))
                members.append(new)
                common &= conflict[new]
            chosen = np.array(members)
            left[np.ix_(chosen, chosen)] = False
            cliques.append(chosen)
    return cliques
