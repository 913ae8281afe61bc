"""Siting: where the next stations should go, with a proof of how good the answer is."""

from gis.coverage.siting.problem import (
    OBJECTIVES,
    Candidates,
    CostTable,
    Limits,
    SitingOptions,
    SitingProblem,
    equity_of_groups,
)
from gis.coverage.siting.result import Flows, SitingResult, Swap
from gis.coverage.siting.run import SitingProgress
from gis.coverage.siting.solve import solve_siting

__all__ = [
    "OBJECTIVES",
    "Candidates",
    "CostTable",
    "Flows",
    "Limits",
    "SitingOptions",
    "SitingProblem",
    "SitingProgress",
    "SitingResult",
    "Swap",
    "equity_of_groups",
    "solve_siting",
]
