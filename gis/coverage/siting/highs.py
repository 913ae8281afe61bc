"""Integer programs, solved by HiGHS: told while they run, stopped when asked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csc_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import Bools, Floats
    from gis.coverage.siting.run import Run


@dataclass(frozen=True, eq=False)
class Program:
    """Minimise ``cost @ x`` within limits of rows, of columns 0 … ``upper``.

    Parameters
    ----------
    cost, upper
        Per column, shape (c,).
    whole
        Columns that take whole numbers, shape (c,).
    matrix
        Shape (r, c).
    row_lower, row_upper
        Shape (r,).
    """

    cost: "Floats"
    upper: "Floats"
    whole: "Bools"
    matrix: csc_array
    row_lower: "Floats"
    row_upper: "Floats"


@dataclass(frozen=True, eq=False)
class Solved:
    """What came out.

    Parameters
    ----------
    values
        Of the columns; ``None``: nothing was found.
    bound
        No solution costs less.
    state
        ``optimal``, ``infeasible``, or ``limit``: time, nodes or the caller ended it.
    """

    values: "Floats | None"
    bound: float
    state: str


def solve_program(
    program: Program,
    run: "Run",
    *,
    nodes: int = 10_000,
    start: "Floats | None" = None,
    apart: float = 0.0,
    told: "Callable[[float, float], None] | None" = None,
) -> Solved:
    """Solve an integer program as far as time, nodes and the caller allow.

    Parameters
    ----------
    program
        What to solve.
    run
        Says when to stop.
    nodes
        Branch-and-bound nodes at most: the same limit gives the same answer.
    start
        Values of the first columns to begin with.
    apart
        Costs nearer to each other than this are equal.
    told
        Called with the best cost and the bound.
    """
    import highspy

    if not len(program.cost):  # HiGHS has no verdict on a program without columns
        holds = (program.row_lower <= 0).all() and (program.row_upper >= 0).all()
        return Solved(np.empty(0), 0.0, "optimal") if holds else Solved(None, np.inf, "infeasible")
    highs = _solver(highspy)
    for name, value in {
        "output_flag": False,
        "parallel": "off",
        "random_seed": run.options.seed % 2**31,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": max(apart, 1e-9),
        "mip_max_nodes": nodes,
        "time_limit": min(run.left, 1e20),
    }.items():
        highs.setOptionValue(name, value)
    highs.passModel(_model(highspy, program))
    if start is not None:
        columns = np.arange(len(start), dtype=np.int32)
        highs.setSolution(len(start), columns, start)  # HiGHS finds the others

    def look(event: Any) -> None:  # noqa: ANN401 - highspy's event
        # The event of the log is silent while there is no output; this one has the same numbers.
        if told is not None:
            told(event.data_out.mip_primal_bound, event.data_out.mip_dual_bound)
        if run.over():
            event.interrupt()

    highs.cbMipInterrupt += look
    highs.run()
    return _read(highspy, highs)


def _solver(highspy: Any) -> Any:  # noqa: ANN401 - highspy says no types here
    return highspy.Highs()


def _model(highspy: Any, program: Program) -> Any:  # noqa: ANN401 - highspy's model
    rows, columns = program.matrix.shape
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, rows
    model.col_cost_ = program.cost
    model.col_lower_, model.col_upper_ = np.zeros(columns), program.upper
    model.row_lower_ = np.maximum(program.row_lower, -highspy.kHighsInf)
    model.row_upper_ = np.minimum(program.row_upper, highspy.kHighsInf)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = program.matrix.indptr
    model.a_matrix_.index_ = program.matrix.indices
    model.a_matrix_.value_ = program.matrix.data
    kinds = highspy.HighsVarType
    model.integrality_ = [kinds.kInteger if one else kinds.kContinuous for one in program.whole]
    return model


def _read(highspy: Any, highs: Any) -> Solved:  # noqa: ANN401 - highspy's solver
    status, info = highs.getModelStatus(), highs.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.array(highs.getSolution().col_value) if found else None
    if status == highspy.HighsModelStatus.kOptimal:
        return Solved(values, float(info.mip_dual_bound), "optimal")
    if status == highspy.HighsModelStatus.kInfeasible:
        return Solved(None, np.inf, "infeasible")
    return Solved(values, float(info.mip_dual_bound), "limit")
