"""What solvers are given and give back, before it is told in the caller's words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.rules import Rules
from gis.coverage.siting.table import pairs_of, rows_of

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Bools, Ints, SitingProblem
    from gis.coverage.siting.result import Flows, Served, Swap
    from gis.coverage.siting.table import Pairs, Rows


@dataclass(frozen=True, eq=False)
class Ground:
    """A problem, taken apart.

    Parameters
    ----------
    problem
        As it was asked.
    rules
        The candidates that may be chosen, and what sets of them must keep.
    rows
        Demand that weighs something.
    pairs
        Who can be served where at all, within the radius if there is one.
    reachable
        Rows that some station or some candidate that may be chosen reaches, shape (r,).
    """

    problem: "SitingProblem"
    rules: Rules
    rows: "Rows"
    pairs: "Pairs"
    reachable: "Bools"

    @classmethod
    def of(cls, problem: "SitingProblem", within: float | None) -> "Ground":
        """Return the ground of a problem, with pairs up to a cost."""
        rules, rows = Rules.of(problem), rows_of(problem)
        may = problem.candidates.stands.copy()
        may[rules.site] = True
        pairs = pairs_of(problem, rows, within)
        if not may.all():
            pairs = pairs.where(may[pairs.candidate])
        return cls(problem, rules, rows, pairs, np.diff(pairs.start) > 0)

    def open_with(self, chosen: "Ints") -> "Bools":
        """Return which candidates of the problem are open, given rows of the rules to open."""
        is_open = self.problem.candidates.stands.copy()
        is_open[self.rules.site[chosen]] = True
        return is_open


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What a solver found.

    Parameters
    ----------
    chosen
        Rows of the rules, ascending.
    served
        The station of each row of the ground.
    objective, bound
        In the units of the objective.
    proven
        Whether both are equal but for rounding.
    swaps
        The next best ones.
    infeasible
        Whether not everyone can be served who should be.
    flows
        Who goes where, if stations have limited room.
    unserved
        Rows with people for whom there is no room, shape (r,), if stations have limited room.
    """

    chosen: "Ints"
    served: "Served"
    objective: float
    bound: float
    proven: bool
    swaps: "tuple[Swap, ...]"
    infeasible: bool = False
    flows: "Flows | None" = None
    unserved: "Bools | None" = None
