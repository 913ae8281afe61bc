"""Draw a plan of grids, prove it, store it, and put it in effect."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from sqlalchemy.dialects.postgresql import Range

from gis.codes import codec
from gis.districting import DrawOptions, Plan, draw_grids
from gis.districting.frames import KeyedGraph, cell_graph
from gis.districting.numbering import sequence_numbers
from gis.districting.verify import verify_plan
from gis.frames import stable_ids
from gis.geometry.crs import to_projected
from gis.layers import grids, plans
from gis.logs import get_logger
from gis.scope import Action
from gis.services.ground import Ground, ensure_cells, read_cells

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.districting.cells import CellFrames
    from gis.scope import Scope

log = get_logger(__name__)

#: Told what is being done, steps done, steps in all; ``False`` ends the refinement early.
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What is to be drawn.

    Parameters
    ----------
    scope_code
        Code of the division that the plan covers.
    kind
        ``community`` or ``party``.
    name
        Name of the plan, as people say it.
    options
        Target, band, preset, seed.
    codec
        How grid codes are written, by name.
    effective_from
        First day of effect; ``None`` leaves the plan a draft.
    """

    scope_code: str
    kind: str = "community"
    name: str | None = None
    options: DrawOptions = field(default_factory=DrawOptions)
    codec: str = "unit_grid_15"
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class DrawnPlan:
    """A plan that was stored, and what a planner must know of it."""

    plan_id: str
    grids: int
    measures: Mapping[str, Any]
    exceptions: tuple[Mapping[str, Any], ...]
    stopped: bool


def draw_plan(
    session: "Session", scope: "Scope", order: PlanOrder, *, progress: Progress | None = None
) -> DrawnPlan:
    """Draw, prove and store a plan over every community of the scope; the caller commits.

    Raises
    ------
    gis.errors.TessellationError
        If the drawing does not tile or would leave a building without a grid; nothing is stored.
    """
    scope.require_everywhere(Action.WRITE)
    ground = Ground(session, scope)
    ensure_cells(session, scope, ground, progress=_step(progress, "cells"))
    cells = read_cells(session, scope)
    keyed = cell_graph(cells, ground.buildings, quarters=ground.quarters, crs=ground.crs)
    plan = draw_grids(keyed.graph, order.options, progress=_step(progress, "grids"))
    plan_id = str(uuid4())
    named = _name_grids(order, ground, cells, keyed, plan, plan_id)
    polygons = verify_plan(
        ground.communities,
        cells,
        ground.buildings,
        named.cell_grids,
        crs=ground.crs,
        in_pieces=set(named.grids.loc[named.pieces > 1, "id"]),
    )
    stored = named.grids.assign(geometry=polygons.loc[named.grids["id"]].to_numpy())
    told = _told(plan, named, keyed, ground)
    plans.add_plan(
        session,
        scope,
        {
            "id": plan_id,
            "name": order.name,
            "kind": order.kind,
            "scope_code": order.scope_code,
            "options": {k: v for k, v in asdict(order.options).items() if v is not None},
            "measures": _summary(plan),
        },
    )
    grids.store_plan(session, scope, stored, named.cell_grids, _of_buildings(cells, named, plan_id))
    if order.effective_from is not None:
        during = Range(order.effective_from, None)
        plans.put_in_effect(session, scope, plan_id, order.kind, during)
    log.info("plan_drawn", plan=plan_id, kind=order.kind, grids=len(stored), exceptions=len(told))
    return DrawnPlan(plan_id, len(stored), _summary(plan), told, plan.stopped)


@dataclass(frozen=True)
class _Named:
    """Grids with keys, codes and numbers, their cells, and the code of each grid of the drawing."""

    grids: "pd.DataFrame"
    cell_grids: "pd.DataFrame"
    pieces: Any
    code_of: dict[int, str]


def _name_grids(
    order: PlanOrder,
    ground: Ground,
    cells: "CellFrames",
    keyed: KeyedGraph,
    plan: Plan,
    plan_id: str,
) -> _Named:
    """Give each grid of the drawing its number within the community, its code and its key."""
    import pandas as pd

    measures = plan.measures
    first = {int(g): int(i) for g, i in zip(*np.unique(plan.grid, return_index=True), strict=True)}
    home = [keyed.community_ids[keyed.graph.community[first[int(g)]]] for g in measures.grid]
    x, y = _middles(cells, plan, ground)
    number = np.zeros(len(home), dtype=np.int64)
    for community in sorted(set(home)):
        rows = np.flatnonzero([c == community for c in home])
        number[rows] = sequence_numbers(
            x[rows], y[rows], measures.area_m2[rows], [int(measures.grid[r]) for r in rows]
        )
    code_of = dict(zip(ground.communities["id"], ground.communities["code"], strict=True))
    write = codec(order.codec)
    codes = [write.encode(code_of[c], int(n)) for c, n in zip(home, number, strict=True)]
    ids = stable_ids(plan_id, "grids", codes)
    key_of = dict(zip(measures.grid.tolist(), ids, strict=True))
    remarks: dict[int, list[str]] = {}
    for remark in plan.exceptions:
        if remark.grid is not None:
            remarks.setdefault(remark.grid, []).append(remark.kind)
    frame = pd.DataFrame(
        {
            "id": ids,
            "plan_id": plan_id,
            "community_id": home,
            "kind": np.where(measures.dedicated, "dedicated", "basic"),
            "code": codes,
            "sequence": number,
            "compactness": measures.polsby_popper,
            "exceptions": [sorted(set(remarks.get(int(g), []))) for g in measures.grid],
        }
    )
    members = pd.DataFrame(
        {
            "plan_id": plan_id,
            "cell_id": list(keyed.cell_ids),
            "grid_id": [key_of[int(g)] for g in plan.grid],
        }
    )
    code_of_grid = dict(zip(measures.grid.tolist(), codes, strict=True))
    return _Named(frame, members, measures.pieces, code_of_grid)


def _middles(cells: "CellFrames", plan: Plan, ground: Ground) -> tuple[Any, Any]:
    """Return a projected representative point per grid, in the order of the measures."""
    import shapely

    from gis.districting.polygons import grid_polygons

    polygons = grid_polygons(cells.cells, plan.grid).loc[plan.measures.grid]
    points = shapely.point_on_surface(to_projected(polygons.to_numpy(), ground.crs))
    return shapely.get_x(points), shapely.get_y(points)


def _of_buildings(cells: "CellFrames", named: _Named, plan_id: str) -> "pd.DataFrame":
    """Return the grid of each building: that of the cell it stands on."""
    links = cells.building_cells.merge(named.cell_grids[["cell_id", "grid_id"]], on="cell_id")
    return links[["building_id", "grid_id"]].assign(plan_id=plan_id)


def _told(
    plan: Plan, named: _Named, keyed: KeyedGraph, ground: Ground
) -> tuple[Mapping[str, Any], ...]:
    code_of = dict(zip(ground.communities["id"], ground.communities["code"], strict=True))
    return tuple(
        {
            "kind": e.kind,
            "community_code": code_of[keyed.community_ids[e.community]],
            "grid_code": None if e.grid is None else named.code_of[e.grid],
            "households": int(e.households),
            "sentence": e.sentence,
        }
        for e in plan.exceptions
    )


def _summary(plan: Plan) -> dict[str, Any]:
    """Return the measures of basic grids as plain numbers."""
    measures = plan.measures
    basic = measures.households[~measures.dedicated]
    return {
        "grids": len(measures.grid),
        "basic_grids": int(measures.count),
        "households": {
            "min": int(basic.min(initial=0) if not len(basic) else basic.min()),
            "mean": round(float(basic.mean()), 1) if len(basic) else 0.0,
            "max": int(basic.max(initial=0)),
        },
        "share_in_range": round(float(measures.share_in_range), 4),
        "mean_deviation": round(float(measures.mean_deviation), 2),
        "noncontiguous": int(measures.noncontiguous),
        "mean_compactness": round(float(measures.mean_polsby_popper), 4),
    }


def _step(progress: Progress | None, name: str) -> Callable[[int, int], Any] | None:
    if progress is None:
        return None
    return lambda done, total: progress(name, done, total)
