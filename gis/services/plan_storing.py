"""Grids of a drawing into the store: numbered, coded, proved whole, and told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np
import shapely
from sqlalchemy import null

from gis.codes import codec
from gis.districting.numbering import sequence_numbers
from gis.districting.polygons import grid_polygons
from gis.districting.verify import verify_plan
from gis.geometry.crs import to_projected
from gis.layers import audit, cells, grids, plan_grids, plans
from gis.services.plan_ground import must_be_draft
from gis.services.plan_records import Legend, drawing_of, measures_of, told

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.districting import Plan, PlanMeasures
    from gis.districting.graph import Floats, Ints
    from gis.scope import Scope
    from gis.services.plan_ground import PlanGround, StoredPlan

#: How grid codes are written where a plan does not say it.
USUAL_CODEC = "unit_grid_15"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A plan on its way into the store.

    Parameters
    ----------
    ground
        What it lies on.
    plan
        The grids by number, their measures, and why they are so.
    start
        The plan that it comes from: a grid whose number is one of that plan's keeps its sequence
        and code, and its key if the same plan is written.
    options
        What the plan keeps of how it was drawn; ``None``: it was edited, and keeps what it has.
    moved
        Further measures.
    """

    ground: "PlanGround"
    plan: "Plan"
    start: "StoredPlan | None" = None
    options: Mapping[str, Any] | None = None
    moved: Mapping[str, int] = field(default_factory=dict)

    @property
    def grid(self) -> "Ints":
        """Number of the grid of each cell."""
        return self.plan.grid

    @property
    def measures(self) -> "PlanMeasures":
        """Measures of the plan."""
        return self.plan.measures


@dataclass(frozen=True, eq=False)
class Written:
    """What was stored: the grids by number, the measures, and the exceptions in words."""

    plan_id: str
    grids: "pd.DataFrame"
    measures: Mapping[str, Any]
    told: tuple[Mapping[str, Any], ...]


def store(
    session: "Session",
    scope: "Scope",
    outcome: Outcome,
    plan_id: str | None,
    version: int | None,
    facts: Mapping[str, Any],
) -> Written:
    """Write a plan, new or in place of what the draft held; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    outcome
        The grids.
    plan_id
        The draft; ``None``: a new plan.
    version
        The version of the draft that the caller saw.
    facts
        Name, kind and division of a new plan.

    Raises
    ------
    gis.errors.StaleVersionError
        Somebody has changed the draft since.
    gis.errors.TessellationError
        The grids do not tile, or a building would be left without one.
    """
    new = plan_id is None
    key = str(uuid4()) if plan_id is None else plan_id
    found = 0
    if not new:
        found = plans.lock_plan(session, scope, key, version)
        must_be_draft(plans.one(session, scope, key))
    named = name_grids(outcome, key)
    frame = _proved(outcome, named)
    measures = measures_of(outcome.measures) | dict(outcome.moved)
    values = _values(outcome, named, measures, key)
    values["drawing"] |= {"version": found + 1, "edited": outcome.options is None}
    if new:
        plans.add_plan(session, scope, {"id": key, **facts, **values})
    else:
        plans.change_plan(session, scope, key, values)
    members = _members(outcome, named, key)
    if outcome.ground.new_parts is not None:
        cells.add_parts(session, scope, outcome.ground.new_parts)
    plan_grids.replace_grids(session, scope, key, plan_grids.NewGrids(frame, *members))
    audit.record(
        session,
        scope,
        audit.Change(
            "edit" if outcome.options is None else "draw", "grid_plans", key, after=measures
        ),
    )
    grids.check_now(session)
    return Written(key, frame, measures, _told(outcome, named))


def _values(
    outcome: Outcome, named: "pd.DataFrame", measures: Mapping[str, Any], plan_id: str
) -> dict[str, Any]:
    keys = dict(zip(named["number"].tolist(), named["id"], strict=True))
    start = outcome.start
    before = {} if start is None else dict(enumerate(start.grids["code"]))
    values: dict[str, Any] = {
        "measures": dict(measures),
        "drawing": drawing_of(outcome.plan, outcome.ground, keys, before),
    }
    if outcome.options is not None:
        # Drawn on the ground as it is today: it fits.
        fits = {"unfit_since": None, "unfit_reasons": null()}
        values |= {"options": dict(outcome.options), "drawn_at": datetime.now(UTC), **fits}
    if start is not None and str(start.row.id) != plan_id:
        values["from_plan_id"] = str(start.row.id)
    return values


def name_grids(outcome: Outcome, plan_id: str) -> "pd.DataFrame":
    """Return the grids by number, with the key, sequence and code that each has in a plan."""
    import pandas as pd

    ground, measures = outcome.ground, outcome.measures
    number = measures.grid
    first = np.unique(outcome.grid, return_index=True)[1]
    home = np.array(ground.keyed.community_ids, dtype=object)[ground.keyed.graph.community[first]]
    old = _survivors(outcome, number, home)
    x, y = _middles(ground, outcome.grid)
    sequence = np.zeros(len(number), dtype=np.int64)
    for community in np.unique(home.astype(str)):
        rows = np.flatnonzero(home == community)
        keys = number[rows].tolist()
        kept = {n: old[n].sequence for n in keys if n in old}
        sequence[rows] = sequence_numbers(x[rows], y[rows], measures.area_m2[rows], keys, kept)
    write = codec(_codec_of(outcome))
    code_of = dict(zip(ground.communities["id"], ground.communities["code"], strict=True))
    same = outcome.start is not None and str(outcome.start.row.id) == plan_id
    names = number.tolist()
    return pd.DataFrame(
        {
            "number": names,
            "id": [old[n].id if same and n in old else str(uuid4()) for n in names],
            "plan_id": plan_id,
            "community_id": home,
            "kind": np.where(measures.dedicated, "dedicated", "basic"),
            "code": [
                old[n].code if n in old else write.encode(code_of[c], int(s))
                for n, c, s in zip(names, home, sequence, strict=True)
            ],
            "sequence": sequence,
            "compactness": measures.polsby_popper,
            "exceptions": _exceptions(outcome, names),
        }
    )


class _Survivor(NamedTuple):
    id: str
    sequence: int
    code: str


def _survivors(outcome: Outcome, number: "Ints", home: Any) -> dict[int, _Survivor]:  # noqa: ANN401 - an array
    """Return the grids of the start by number that go on, in the community where they were."""
    if outcome.start is None:
        return {}
    where = dict(zip(number.tolist(), home, strict=True))
    return {
        n: _Survivor(row.id, int(row.sequence), row.code)
        for n, row in enumerate(outcome.start.grids.itertuples())
        if where.get(n) == row.community_id
    }


def _codec_of(outcome: Outcome) -> str:
    if outcome.options is not None:
        return str(outcome.options.get("codec", USUAL_CODEC))
    known = {} if outcome.start is None else outcome.start.row.options or {}
    return str(known.get("codec", USUAL_CODEC))


def _middles(ground: "PlanGround", grid: "Ints") -> "tuple[Floats, Floats]":
    """Return a projected representative point per grid, in the order of their numbers."""
    polygons = grid_polygons(ground.cells.cells, grid)
    points = shapely.point_on_surface(to_projected(polygons.to_numpy(), ground.crs))
    return shapely.get_x(points), shapely.get_y(points)


def _exceptions(outcome: Outcome, numbers: list[int]) -> list[list[str]]:
    """Return the kinds of the exceptions of each grid."""
    found: dict[int, set[str]] = {n: set() for n in numbers}
    for one in outcome.plan.exceptions:
        if one.grid is not None:
            found[one.grid].add(one.kind)
    return [sorted(found[n]) for n in numbers]


def _proved(outcome: Outcome, named: "pd.DataFrame") -> Any:  # noqa: ANN401 - a geo frame
    """Return the grids with the polygons that follow from their cells, proved to be whole."""
    import geopandas as gpd

    ground = outcome.ground
    polygons = verify_plan(
        ground.communities,
        ground.cells,
        ground.buildings,
        _cell_grids(outcome, named),
        crs=ground.crs,
        in_pieces=set(named.loc[outcome.measures.pieces > 1, "id"]),
    )
    shapes = polygons.loc[named["id"]].to_numpy()
    return gpd.GeoDataFrame(named.drop(columns="number"), geometry=shapes, crs="EPSG:4326")


def _cell_grids(outcome: Outcome, named: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    key = dict(zip(named["number"].tolist(), named["id"], strict=True))
    return pd.DataFrame(
        {
            "plan_id": named["plan_id"].iloc[0],
            "cell_id": list(outcome.ground.keyed.cell_ids),
            "grid_id": [key[n] for n in outcome.grid.tolist()],
        }
    )


def _members(
    outcome: Outcome, named: "pd.DataFrame", plan_id: str
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Return the grid of each cell, and of each building.

    A building is in the grid of the cell it stands on; a split one in that of most of its share,
    then of the lowest code.
    """
    of_cells = _cell_grids(outcome, named)
    links = outcome.ground.cells.building_cells.merge(
        of_cells[["cell_id", "grid_id"]], on="cell_id"
    )
    if "share_of" in links:
        held = (links["share_to"] - links["share_from"]) / links["share_of"]
        code = links["grid_id"].map(dict(zip(named["id"], named["code"], strict=True)))
        sums = held.groupby([links["building_id"], links["grid_id"], code], sort=True).sum()
        ranked = sums.rename("held").rename_axis(["building_id", "grid_id", "code"]).reset_index()
        ranked = ranked.sort_values(["building_id", "held", "code"], ascending=[True, False, True])
        links = ranked.drop_duplicates("building_id")
    return of_cells, links[["building_id", "grid_id"]].assign(plan_id=plan_id)


def _told(outcome: Outcome, named: "pd.DataFrame") -> tuple[Mapping[str, Any], ...]:
    ground = outcome.ground
    keys = dict(zip(named["number"].tolist(), named["id"], strict=True))
    quarters = ground.quarters
    legend = Legend(
        dict(zip(named["id"], named["code"], strict=True)),
        dict(zip(ground.communities["id"], ground.communities["code"], strict=True)),
        dict(zip(quarters["id"], quarters["name"], strict=True)) if len(quarters) else {},
    )
    record = drawing_of(outcome.plan, ground, keys)
    return tuple(told(record, legend)["exceptions"])
