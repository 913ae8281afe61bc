"""What comes out: the stations, who goes where, how good it is, and what else would do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gis.coverage.siting.problem import Bools, Floats, Ints, SitingProblem
    from gis.coverage.siting.table import Pairs, Rows

#: ``optimal``: none is better (to a billionth). ``gap``: none is better than the bound.
#: ``stopped``: the same, and time or the caller ended the work. ``infeasible``: not everyone can be
#: reached within the limits; the answer leaves the fewest people out, or proves no better.
Proof = Literal["optimal", "gap", "stopped", "infeasible"]


@dataclass(frozen=True, slots=True)
class Swap:
    """Another answer: one new station less, another one instead.

    Parameters
    ----------
    leave, enter
        Candidates of the problem.
    objective
        What it comes to, evaluated exactly.
    """

    leave: int
    enter: int
    objective: float


@dataclass(frozen=True, eq=False)
class Flows:
    """People who go from a row of demand to a station, where stations have limited room.

    Parameters
    ----------
    demand, candidate
        Rows of the problem, shape (k,).
    people
        Whole people, shape (k,).
    """

    demand: "Ints"
    candidate: "Ints"
    people: "Ints"


@dataclass(frozen=True, eq=False, kw_only=True)
class SitingResult:
    """Where the new stations go, with the proof of how good that is.

    Parameters
    ----------
    chosen
        Candidates to open, ascending; those that stand are not among them.
    assignment
        Candidate that serves each row of demand (and period), -1 nobody; shaped as ``people``.
        Where stations have limited room: the one that most of the row's people go to.
    objective
        ``lscp``: new stations. ``mclp``, ``capacitated_mclp``: weighted people within the radius.
        ``p_median``, ``capacitated_p_median``: sum of weighted people times cost. ``p_center``: the
        worst cost. ``mix``: the weighted mean of its terms, 0 … 1.
    bound
        No answer within the limits is better.
    gap
        |objective - bound| / |objective|.
    proof
        Key of what the gap means: ``optimal``, ``gap``, ``stopped``, ``infeasible``.
    seconds, moves
        What it took; a move is one exchange that was weighed.
    stopped
        Whether time or the caller ended the work.
    swaps
        The next best exchanges of one station, best first.
    unreached
        Rows of demand that no open station reaches (in the capacitated: has room for all of) in
        some period with people.
    unreachable
        Those among them that no candidate and no station reaches at all, whatever is chosen.
    measures
        ``people`` (weighted), ``covered`` (weighted people with a station), ``mean_cost`` and
        ``worst_cost`` of those, ``new``, ``spent``, ``floor_m2``.
    flows
        Who goes where, if stations have limited room.
    """

    chosen: "Ints"
    assignment: "Ints"
    objective: float
    bound: float
    gap: float
    proof: Proof
    seconds: float
    moves: int
    stopped: bool
    swaps: tuple[Swap, ...]
    unreached: "Ints"
    unreachable: "Ints"
    measures: "Mapping[str, float]"
    flows: Flows | None = None


@dataclass(frozen=True, eq=False)
class Served:
    """The nearest open station of each row with weight.

    Parameters
    ----------
    candidate
        -1: none, shape (r,).
    cost
        Infinite where there is none.
    """

    candidate: "Ints"
    cost: "Floats"

    @classmethod
    def by(cls, pairs: "Pairs", is_open: "Bools") -> "Served":
        """Return the nearest open station by the pairs of rows; ties go to the lowest number."""
        near = pairs.where(is_open[pairs.candidate])
        cost = near.least(near.cost, np.inf)
        row = near.row
        best = np.flatnonzero(near.cost == cost[row])[::-1]
        candidate = np.full(len(cost), -1)
        candidate[row[best]] = near.candidate[best]
        return cls(candidate, cost)


def assignment_of(problem: "SitingProblem", rows: "Rows", candidate: "Ints") -> "Ints":
    """Return the station of each row and period of the problem, from those of rows with weight."""
    shape = (len(problem.people), int(np.prod(problem.people.shape[1:], dtype=np.int64)))
    out = np.full(shape, -1)
    serving = problem.candidates.serving
    if serving is None:
        out[rows.demand] = candidate[:, None]
    else:
        _, kind = np.unique(serving, axis=1, return_inverse=True)
        kind = kind.ravel()
        for period in range(shape[1]):
            alike = kind[rows.period] == kind[period]
            out[rows.demand[alike], period] = candidate[alike]
        out[problem.people.reshape(shape) == 0] = -1
    return out.reshape(problem.people.shape)


def measures_of(
    problem: "SitingProblem", rows: "Rows", served: Served, chosen: "Ints"
) -> "dict[str, float]":
    """Return what an answer comes to, besides its objective."""
    candidates = problem.candidates
    some = np.isfinite(served.cost)
    covered = float(rows.weight[some].sum())
    walked = float(rows.weight[some] @ served.cost[some])
    cost, floor = candidates.site_cost, candidates.floor_m2
    return {
        "people": float(rows.weight.sum()),
        "covered": covered,
        "mean_cost": walked / covered if covered else 0.0,
        "worst_cost": float(served.cost[some].max(initial=0.0)),
        "new": float(len(chosen)),
        "spent": 0.0 if cost is None else float(cost[chosen].sum()),
        "floor_m2": 0.0 if floor is None else float(floor[chosen].sum()),
    }
