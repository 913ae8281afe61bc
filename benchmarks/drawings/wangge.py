"""Wangge's side: a drawing, a drawing after growth, and single edits, on the same units."""

import time
from typing import Any

import numpy as np

from drawings.clocks import Cost, measured
from drawings.scoring import moved_pct
from drawings.units import MAXIMUM, MINIMUM, TARGET, Ints, Units
from gis.districting import CellGraph, DrawOptions, Plan, draw_grids

#: Settings of a drawing: ``preset``, ``weights`` …, as DrawOptions takes them.
Settings = dict[str, Any]
EDITS = 2000


def graph_of(units: Units) -> CellGraph:
    """Return the units as Wangge's graph."""
    names = ("indptr", "indices", "border_m", "barrier_class", "households", "area_m2")
    names += ("outer_border_m", "x_m", "y_m", "community")
    names += ("vertex_indptr", "vertex_x_m", "vertex_y_m")
    return CellGraph(**{name: getattr(units, name) for name in names})


def drawn(units: Units, settings: Settings, seed: int, current: Ints | None = None) -> Plan:
    """Return a drawing."""
    options = DrawOptions(target=TARGET, minimum=MINIMUM, maximum=MAXIMUM, seed=seed, **settings)
    return draw_grids(graph_of(units), options, current=current)


def draw(units: Units, settings: Settings, seed: int, cost: Cost) -> Ints:
    """Draw from nothing; building the graph is inside the clock."""
    with measured(cost):
        plan = drawn(units, settings, seed)
    return plan.grid


def grow(units: Units, settings: Settings, seed: int, cost: Cost) -> Ints:
    """Draw again from the old grids after a tenth more households came to the north-east quarter.

    ``moved_pct`` is the share of all households that change grid; ``floor_pct`` is the share that
    must: those of the additional grids, at the minimum.
    """
    before = drawn(units, settings, seed).grid
    grown = units.grown()
    with measured(cost):
        plan = drawn(grown, settings, seed, current=before)
    total = grown.households.sum()
    more = len(np.unique(plan.grid)) - len(np.unique(before))
    cost["moved_pct"] = moved_pct(grown.households, before, plan.grid)
    cost["floor_pct"] = float(100 * max(0, more) * MINIMUM / total)
    return plan.grid


def edit(units: Units, settings: Settings, seed: int, cost: Cost) -> Ints:
    """Move single units over a border, one after another, with all measures after each.

    ``us_per_edit`` is CPU time; the first edit, which may compile, is not measured.
    """
    from gis.districting import PlanState

    plan = drawn(units, settings, seed)
    state = PlanState(graph_of(units), plan)
    wanted = edits(units, plan.grid)
    moves = [(np.array([unit]), grid) for unit, grid in wanted]
    state.move(*moves[0])
    with measured(cost):
        # The clock of the process is coarse while its CPU seconds are limited.
        start = time.thread_time()
        for cells, grid in moves[1:]:
            state.move(cells, grid)
        spent = time.thread_time() - start
    cost["us_per_edit"] = spent / (len(moves) - 1) * 1e6
    cost["edits"] = len(moves) - 1
    return plan.grid


def edits(units: Units, grid: Ints) -> list[tuple[int, int]]:
    """Return units on a border with the grid across it: every seventh, within a community."""
    here, there = units.source, units.indices
    border = (grid[here] != grid[there]) & (units.community[here] == units.community[there])
    pairs = np.c_[here, grid[there]][border][::7][:EDITS]
    return [(int(unit), int(to)) for unit, to in pairs]


SCENARIOS = {"draw": draw, "grow": grow, "edit": edit}
