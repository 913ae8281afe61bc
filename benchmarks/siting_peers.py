"""What others say to a siting problem: ``python siting_peers.py problem.npz model seconds``.

Runs in the environment of the peers (``./run bench-env``), in a process of its own, and prints one
line of JSON: objective, bound, status, CPU seconds of making the model and of solving it. Imports
are not counted.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
import pulp
from scipy.sparse import csc_array, eye_array, hstack, kron, vstack
from spopt.locate import LSCP, MCLP, PCenter, PMedian

#: Models of spopt and what pulp makes of them have no common type.
Model = LSCP | MCLP | PCenter | PMedian


def main(file: str, model: str, seconds: float) -> None:
    warnings.simplefilter("ignore")  # the table is for answers, not for others' deprecations
    with np.load(file) as problem:
        given = {name: problem[name] for name in problem.files}
    make, solve = MODELS[model]
    begun = time.process_time()
    made = make(given)
    built = time.process_time()
    answer = solve(made, seconds)
    answer |= {"build_s": built - begun, "cpu_s": time.process_time() - begun}
    print(json.dumps(answer))


def solved_by_spopt(model: Model, seconds: float) -> dict[str, Any]:
    """Solve a model of spopt by HiGHS through pulp."""
    made = model.solve(pulp.HiGHS(msg=False, timeLimit=seconds))
    proven = made.problem.sol_status == pulp.LpSolutionOptimal
    return {
        "objective": made.problem.objective.value(),
        # Of what is to be most, pulp has made the least of its negative.
        "bound": abs(made.problem.solverModel.getInfo().mip_dual_bound),
        "status": "proven" if proven else "not proven at its limit",
    }


def capacitated(given: dict[str, Any]) -> highspy.Highs:
    """Make the textbook program: people per pair, stations 0 or 1, no row above its people."""
    cost, people, room = given["cost"], given["people"].astype(float), given["capacity"]
    n, m = cost.shape
    pairs = n * m
    rows = kron(eye_array(n), np.ones((1, m)))
    sites = kron(np.ones((1, n)), eye_array(m))
    linked = -np.repeat(people, m)[:, None] * np.tile(np.eye(m), (n, 1))
    matrix = csc_array(
        vstack(
            [
                hstack([rows, csc_array((n, m))]),
                hstack([sites, csc_array(np.diag(-room.astype(float)))]),
                hstack([eye_array(pairs), csc_array(linked)]),
                hstack([csc_array((1, pairs)), np.ones((1, m))]),
            ]
        )
    )
    below = np.full(m + pairs, -highspy.kHighsInf)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = pairs + m, n + m + pairs + 1
    lp.col_cost_ = np.concatenate((cost.ravel(), np.zeros(m)))
    lp.col_lower_ = np.zeros(pairs + m)
    lp.col_upper_ = np.concatenate((np.repeat(people, m), np.ones(m)))
    lp.row_lower_ = np.concatenate((people, below, [0.0]))
    lp.row_upper_ = np.concatenate((people, np.zeros(m + pairs), [float(given["count"])]))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    kinds = highspy.HighsVarType
    lp.integrality_ = [kinds.kContinuous] * pairs + [kinds.kInteger] * m
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(lp)
    return solver


def solved_by_highs(solver: highspy.Highs, seconds: float) -> dict[str, Any]:
    """Solve a program of HiGHS as far as it gets."""
    solver.setOptionValue("time_limit", seconds)
    solver.run()
    info = solver.getInfo()
    return {
        "objective": info.objective_function_value,
        "bound": info.mip_dual_bound,
        "status": solver.modelStatusToString(solver.getModelStatus()),
    }


def mclp(given: dict[str, Any]) -> Model:
    return MCLP.from_cost_matrix(
        given["cost"], given["people"], float(given["radius"]), p_facilities=int(given["count"])
    )


def lscp(given: dict[str, Any]) -> Model:
    return LSCP.from_cost_matrix(given["cost"], float(given["radius"]))


def p_median(given: dict[str, Any]) -> Model:
    return PMedian.from_cost_matrix(
        given["cost"], given["people"], p_facilities=int(given["count"])
    )


def p_center(given: dict[str, Any]) -> Model:
    return PCenter.from_cost_matrix(given["cost"], p_facilities=int(given["count"]))


MODELS: dict[str, tuple[Callable[..., Any], Callable[..., dict[str, Any]]]] = {
    "mclp": (mclp, solved_by_spopt),
    "lscp": (lscp, solved_by_spopt),
    "p_median": (p_median, solved_by_spopt),
    "p_center": (p_center, solved_by_spopt),
    "capacitated_p_median": (capacitated, solved_by_highs),
}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
