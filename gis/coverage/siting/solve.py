"""Siting from end to end: a problem and options in, stations with their proof out."""

from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.additive import solve_additive
from gis.coverage.siting.answer import Answer, Ground
from gis.coverage.siting.capacitated import solve_capacitated
from gis.coverage.siting.center import solve_center
from gis.coverage.siting.covering import solve_covering
from gis.coverage.siting.problem import CAPACITATED, SitingOptions
from gis.coverage.siting.result import SitingResult, assignment_of, measures_of
from gis.coverage.siting.rules import why_none
from gis.coverage.siting.run import Run, gap_of
from gis.errors import InfeasiblePlanError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import SitingProblem
    from gis.coverage.siting.result import Proof
    from gis.coverage.siting.run import Progress, Stop

_SOLVERS: "dict[str, Callable[[Ground, Run], Answer]]" = {
    "mclp": solve_additive,
    "p_median": solve_additive,
    "mix": solve_additive,
    "lscp": solve_covering,
    "p_center": solve_center,
    "capacitated_p_median": solve_capacitated,
    "capacitated_mclp": solve_capacitated,
}
#: Objectives for which a station beyond the radius is none.
_ONLY_WITHIN = ("lscp", "mclp", "capacitated_mclp")


def solve_siting(
    problem: "SitingProblem",
    options: SitingOptions | None = None,
    progress: "Progress | None" = None,
    stop: "Stop | None" = None,
) -> SitingResult:
    """Return where new stations should go, with a bound that says how good that is.

    Parameters
    ----------
    problem
        People, candidates, costs and limits.
    options
        Objective, radius, time, seed.
    progress
        Called with the objective, the bound and the gap whenever one gets better.
    stop
        Asked now and then; when it says ``True``, the best so far is returned.

    Returns
    -------
    The same for the same problem, options and seed, unless it was stopped.

    Raises
    ------
    gis.errors.InvalidInputError
        If something that the objective needs is missing.
    gis.errors.InfeasiblePlanError
        If no set of candidates keeps the limits.
    """
    options = SitingOptions() if options is None else options
    _check(problem, options)
    run = Run(options, progress, stop)
    within = options.radius if options.objective in _ONLY_WITHIN else None
    ground = Ground.of(problem, within)
    if not ground.rules.size:
        raise InfeasiblePlanError(
            why_none(problem),
            remedy="Give more candidates, or wider limits.",
            field="candidates",
        )
    answer = _SOLVERS[options.objective](ground, run)
    return _result(ground, run, answer)


def _check(problem: "SitingProblem", options: SitingOptions) -> None:
    limits, candidates = problem.limits, problem.candidates
    if options.objective != "lscp" and limits.count is None and limits.budget is None:
        raise InvalidInputError(
            f"{options.objective} needs a number of new stations or a budget.",
            remedy="Give limits.count or limits.budget.",
            field="count",
        )
    if options.objective not in CAPACITATED:
        return
    if candidates.capacity is None or not candidates.capacity.any():
        raise InvalidInputError(
            "The stations have no capacity."
            if candidates.capacity is None
            else "All capacities are 0: nobody can be served.",
            remedy="Give the people that each candidate and each station can serve.",
            field="capacity",
        )
    if problem.people.ndim > 1 or (problem.people != np.rint(problem.people)).any():
        raise InvalidInputError(
            "With capacities, people are whole numbers of one period.",
            remedy="Give whole people per row, and solve one period at a time.",
            field="people",
        )


def _result(ground: Ground, run: Run, answer: Answer) -> SitingResult:
    problem, rows = ground.problem, ground.rows
    chosen = ground.rules.site[answer.chosen]
    missing = answer.served.candidate < 0 if answer.unserved is None else answer.unserved
    gap = gap_of(answer.objective, answer.bound)
    run.tell(answer.objective, answer.bound)
    return SitingResult(
        chosen=chosen,
        assignment=assignment_of(problem, rows, answer.served.candidate),
        objective=answer.objective,
        bound=answer.bound,
        gap=gap,
        proof=_proof(answer, run),
        seconds=run.seconds,
        moves=run.moves,
        stopped=run.stopped,
        swaps=answer.swaps,
        unreached=np.unique(rows.demand[missing]),
        unreachable=np.unique(rows.demand[~ground.reachable]),
        measures=measures_of(problem, rows, answer.served, chosen),
        flows=answer.flows,
    )


def _proof(answer: Answer, run: Run) -> "Proof":
    if answer.infeasible:
        return "infeasible"
    if answer.proven:
        return "optimal"
    return "stopped" if run.stopped else "gap"
