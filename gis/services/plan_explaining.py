"""Why the grids of a plan are as they are, whoever drew or edited them."""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting import Plan
from gis.districting.explain import Tracing, traces_of
from gis.districting.ground import ground_of
from gis.districting.infeasible import exceptions_of, feasible_of
from gis.districting.nodes import nodes_of

if TYPE_CHECKING:
    from gis.districting import CellGraph, DrawOptions, PlanMeasures
    from gis.districting.graph import Bools, Ints


def explained(
    graph: "CellGraph", grid: "Ints", options: "DrawOptions", measures: "PlanMeasures"
) -> Plan:
    """Return a plan as if it had just been drawn: with exceptions, feasible counts and traces.

    Quarters that lie in several grids are looked at building by building: somebody has split them.

    Parameters
    ----------
    graph, grid
        The cells, and the grid of each.
    options
        Target and band.
    measures
        Measures of the plan.
    """
    joined = ground_of(graph, options.minimum)
    nothing = np.zeros(graph.size, dtype=bool)
    node = nodes_of(graph, joined.joined, options.maximum, _split(graph, grid), grid)
    tracing = Tracing(node, joined.joined, nothing, nothing)
    return Plan(
        grid=grid,
        measures=measures,
        exceptions=exceptions_of(graph, options, grid, measures, tracing, ((*joined.joins,), [])),
        trace=traces_of(graph, options, grid, measures, tracing),
        feasible=feasible_of(graph, options, grid, measures),
    )


def _split(graph: "CellGraph", grid: "Ints") -> "Bools":
    """Return which cells belong to a quarter that lies in several grids."""
    if graph.unit is None:
        return np.zeros(graph.size, dtype=bool)
    unit = graph.unit + 1
    low = np.full(int(unit.max(initial=0)) + 1, np.iinfo(np.int64).max)
    high = np.full(len(low), -1)
    np.minimum.at(low, unit, grid)
    np.maximum.at(high, unit, grid)
    split: Bools = (graph.unit >= 0) & (low < high)[unit]
    return split
