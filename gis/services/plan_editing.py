"""Changes of a draft by hand: a grid is split, grids are merged, grids are numbered anew."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely

from gis.codes import codec
from gis.districting import DrawOptions, draw_grids, evaluate
from gis.districting.compare import compare, subgraph
from gis.districting.numbering import sequence_numbers
from gis.errors import ConflictError, InfeasiblePlanError, InvalidInputError
from gis.geometry.crs import to_projected
from gis.layers import audit, grids, plan_grids, plans
from gis.services.ground import deployment_crs
from gis.services.plan_explaining import explained
from gis.services.plan_ground import must_be_draft, read_plan
from gis.services.plan_measuring import Measured, measure_plan
from gis.services.plan_splitting import splits_buildings, told_of_buildings
from gis.services.plan_storing import USUAL_CODEC, Outcome, Written, store

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj
    from sqlalchemy.orm import Session

    from gis.districting.graph import CellGraph, Floats, Ints
    from gis.scope import Scope
    from gis.services.plan_ground import StoredPlan

#: What a grid is split between: cells are single buildings, quarters stay whole if they can.
By = Literal["cells", "quarters"]


def split_grid(
    session: "Session",
    scope: "Scope",
    plan_id: str,
    code: str,
    *,
    into: int = 2,
    by: By = "quarters",
    version: int | None = None,
) -> Written:
    """Split a grid of a draft into contiguous ones, as equal as can be; the caller commits.

    The one with most households keeps number and code. Every other grid stays as it is.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    plan_id, code
        The draft, and the grid.
    into
        Number of grids.
    by
        Whether quarters stay whole (``quarters``) or single buildings go where they fit best.
    version
        The version of the draft that the caller saw.

    Raises
    ------
    gis.errors.InfeasiblePlanError
        It cannot be split into so many.
    gis.errors.ConflictError
        The plan is no draft, or the grid is a dedicated one.
    gis.errors.NotFoundError
        There is no such plan or grid.
    """
    measured = _editable(session, scope, plan_id)
    [number] = measured.plan.numbers([code])
    if measured.plan.grids["kind"].iloc[number] == "dedicated":
        raise ConflictError(
            f"Grid {code} is a dedicated one.", remedy="Its area is its ground; change that."
        )
    own = measured.grid == number
    part = _parts(subgraph(measured.ground.keyed.graph, own), code, into, by)
    grid = measured.grid.copy()
    # The part with most households keeps the number; others are new.
    grid[own] = np.where(part == 0, number, measured.grid.max() + part)
    return _stored(session, scope, measured, grid, version)


def _parts(graph: "CellGraph", code: str, into: int, by: By) -> "Ints":
    """Return the part of each cell of a grid, from 0, that with most households first."""
    households = int(graph.households.sum())
    if not 2 <= into <= max(households, 1):
        raise InvalidInputError(
            f"Grid {code} of {households} households cannot be split into {into}.",
            remedy="Give a number of grids from 2 to its households.",
            field="into",
        )
    if by == "cells":
        graph = replace(graph, unit=None)
    drawn = draw_grids(graph, _halves(households, into))
    _, part = np.unique(drawn.grid, return_inverse=True)
    count = int(part.max()) + 1
    pieces = drawn.measures.noncontiguous
    if count != into or pieces or not drawn.measures.households.all():
        buildings = int((graph.households > 0).sum())
        raise InfeasiblePlanError(
            f"Grid {code} cannot be split into {into} contiguous grids in which people live: "
            f"people live on {buildings} of its cells, and "
            + ("a quarter is not divided." if by == "quarters" else "a cell is not divided."),
            remedy="Split it between buildings: --by cells."
            if by == "quarters" and buildings >= into
            else "Leave it whole, or split it into fewer.",
        )
    rank = np.argsort(np.argsort(-drawn.measures.households, kind="stable"), kind="stable")
    return np.asarray(rank[part.ravel()], dtype=np.int64)


def _halves(households: int, into: int) -> DrawOptions:
    """Return options whose band leaves no other number of grids than the wanted one."""
    target = max(1, round(households / into))
    fewest = households // (into + 1) + 1
    most = -(-households // (into - 1)) - 1
    return DrawOptions(
        target=target,
        minimum=min(fewest, target),
        maximum=max(most, target),
        preset="tight",
    )


def merge_grids(
    session: "Session",
    scope: "Scope",
    plan_id: str,
    codes: tuple[str, ...],
    *,
    version: int | None = None,
) -> Written:
    """Merge grids of a draft into the first of them; the caller commits.

    Raises
    ------
    gis.errors.InvalidInputError
        They are not of one community and kind, are fewer than two, or do not touch where one can
        walk.
    gis.errors.ConflictError
        The plan is no draft.
    gis.errors.NotFoundError
        There is no such plan or grid.
    """
    measured = _editable(session, scope, plan_id)
    numbers = measured.plan.numbers(codes)
    if len(set(numbers)) < 2:
        raise InvalidInputError("One grid alone is not merged.", remedy="Name two or more grids.")
    rows = measured.plan.grids.iloc[list(numbers)]
    for column, what in (("community_code", "communities"), ("kind", "kinds")):
        if rows[column].nunique() > 1:
            raise InvalidInputError(
                f"Grids {', '.join(codes)} are of several {what}.",
                remedy="Merge grids of one community and kind.",
            )
    grid = measured.grid.copy()
    grid[np.isin(grid, numbers)] = numbers[0]
    after = evaluate(measured.ground.keyed.graph, grid, measured.plan.options)
    pieces = int(after.pieces[np.flatnonzero(after.grid == numbers[0])[0]])
    if pieces > max(int(measured.measures.pieces[n]) for n in numbers):
        raise InvalidInputError(
            f"Grids {', '.join(codes)} do not touch where one can walk: "
            f"together they would be {pieces} pieces.",
            remedy="Name the grids between them as well.",
        )
    return _stored(session, scope, measured, grid, version)


def _editable(session: "Session", scope: "Scope", plan_id: str) -> Measured:
    plans.require_plan(session, scope, plan_id)
    must_be_draft(plans.one(session, scope, plan_id))
    return measure_plan(session, scope, plan_id)


def _stored(
    session: "Session", scope: "Scope", measured: Measured, grid: "Ints", version: int | None
) -> Written:
    graph, options = measured.ground.keyed.graph, measured.plan.options
    measures = evaluate(graph, grid, options)
    outcome = Outcome(
        measured.ground,
        told_of_buildings(
            explained(graph, grid, options, measures),
            measured.ground,
            split=splits_buildings(measured.plan.row.options),
        ),
        start=measured.plan,
        moved={"households_moved": compare(graph, measured.grid, grid, options).households_moved},
    )
    seen = measured.plan.row.version if version is None else version
    return store(session, scope, outcome, str(measured.plan.row.id), seen, {})


@dataclass(frozen=True, slots=True)
class NewNumber:
    """A grid that gets another number, and with it another code."""

    grid_id: str
    community_code: str
    sequence: int
    code: str
    new_sequence: int
    new_code: str


def new_numbers(
    session: "Session", scope: "Scope", plan_id: str, *, everything: bool = False
) -> tuple[NewNumber, ...]:
    """Return the grids of a plan that the rule of numbering would give another number.

    Grids of a community are taken in bands from north to south, within a band from west to east
    (:mod:`gis.districting.numbering`). A grid that goes on from the plan that this one was drawn
    from keeps its number.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    plan_id
        The plan.
    everything
        Whether grids that go on get another number as well.
    """
    plan = read_plan(session, scope, plan_id)
    kept = set() if everything else _surviving(session, scope, plan)
    known = plan.row.options or {}
    write = codec(str(known.get("codec", USUAL_CODEC)))
    found: list[NewNumber] = []
    crs = deployment_crs(plan.grids)
    for community, own in plan.grids.groupby("community_code", sort=True):
        x, y, area = _places(own, crs)
        numbers = {r.id: int(r.sequence) for r in own.itertuples() if r.id in kept}
        wanted = sequence_numbers(x, y, area, own["id"].tolist(), numbers)
        for row, number in zip(own.itertuples(), wanted.tolist(), strict=True):
            code = row.code if row.id in kept else write.encode(str(community), number)
            if (number, code) != (row.sequence, row.code):
                found.append(
                    NewNumber(row.id, str(community), row.sequence, row.code, number, code)
                )
    return tuple(found)


def renumber(
    session: "Session",
    scope: "Scope",
    plan_id: str,
    *,
    everything: bool = False,
    version: int | None = None,
) -> tuple[NewNumber, ...]:
    """Give the grids of a draft the numbers of :func:`new_numbers`; the caller commits.

    Raises
    ------
    gis.errors.ConflictError
        The plan is no draft.
    gis.errors.StaleVersionError
        Somebody has changed it since.
    """
    plans.lock_plan(session, scope, plan_id, version)
    must_be_draft(plans.one(session, scope, plan_id))
    found = new_numbers(session, scope, plan_id, everything=everything)
    plan_grids.renumber(
        session, scope, plan_id, [(one.grid_id, one.new_sequence, one.new_code) for one in found]
    )
    change = audit.Change(
        "renumber",
        "grid_plans",
        plan_id,
        {one.grid_id: one.code for one in found},
        {one.grid_id: one.new_code for one in found},
    )
    audit.record(session, scope, change)
    grids.check_now(session)
    return found


def _surviving(session: "Session", scope: "Scope", plan: "StoredPlan") -> set[str]:
    """Return the grids that have the code, and some of the cells, of a grid of the plan before."""
    if plan.row.from_plan_id is None:
        return set()
    before = read_plan(session, scope, str(plan.row.from_plan_id))
    code = dict(zip(before.grids["id"], before.grids["code"], strict=True))
    old = before.members.assign(code=before.members["grid_id"].map(code))
    pairs = plan.members.merge(old[["cell_id", "code"]], on="cell_id")
    pairs = pairs.merge(
        plan.grids[["id", "code"]].rename(columns={"id": "grid_id", "code": "own"}), on="grid_id"
    )
    return set(pairs.loc[pairs["code"] == pairs["own"], "grid_id"])


def _places(own: "gpd.GeoDataFrame", crs: "pyproj.CRS") -> "tuple[Floats, Floats, Floats]":
    shapes = to_projected(own.geometry.to_numpy(), crs)
    points = shapely.point_on_surface(shapes)
    return shapely.get_x(points), shapely.get_y(points), shapely.area(shapes)
