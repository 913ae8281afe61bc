"""Districting: cells and their borders in, grids out; pure, without I/O.

The names of this package are loaded when they are first asked for; none of those below brings in
pandas or geopandas. Frames are turned into a graph by :mod:`gis.districting.frames`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gis.districting.draw import draw_grids
    from gis.districting.editing import PlanState
    from gis.districting.graph import CellGraph
    from gis.districting.measure import evaluate
    from gis.districting.options import PRESETS, DrawOptions, Locks, Weights
    from gis.districting.plan import GridTrace, Origin, Plan, PlanException, PlanMeasures

__all__ = [
    "PRESETS",
    "CellGraph",
    "DrawOptions",
    "GridTrace",
    "Locks",
    "Origin",
    "Plan",
    "PlanException",
    "PlanMeasures",
    "PlanState",
    "Weights",
    "draw_grids",
    "evaluate",
]

_HOME = {
    "draw_grids": "draw",
    "evaluate": "measure",
    "PlanState": "editing",
    "CellGraph": "graph",
    **dict.fromkeys(("PRESETS", "DrawOptions", "Locks", "Weights"), "options"),
    **dict.fromkeys(("GridTrace", "Origin", "Plan", "PlanException", "PlanMeasures"), "plan"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
