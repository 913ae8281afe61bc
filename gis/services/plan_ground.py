"""The ground of a plan as a graph of cells, and the grids of stored plans on it."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis import frames
from gis.districting import DrawOptions
from gis.districting.cells import CellFrames
from gis.districting.frames import KeyedGraph, cell_graph
from gis.districting.staircases_frames import with_corners
from gis.errors import ConflictError, InvalidInputError, NotFoundError
from gis.layers import grids, plan_grids, plans
from gis.layers.buildings import Building
from gis.layers.cells import NewCells
from gis.layers.communities import Community
from gis.layers.quarters import Quarter
from gis.layers.queries import read_layer, table_of
from gis.services.ground import Ground, deployment_crs, ensure_cells, read_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd
    import pyproj
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.districting.graph import Ints
    from gis.scope import Scope
    from gis.services.ground import Progress

#: Digits of a division's code that name it, by level: province, city, county and so on.
_LEVELS = (2, 4, 6, 9, 12)


@dataclass(frozen=True, eq=False)
class PlanGround:
    """Communities with their cells, and the graph on which plans over them are drawn and measured.

    Parameters
    ----------
    communities, buildings, quarters
        By their contracts; communities in the order of their codes.
    crs
        Projected CRS in metres.
    cells
        The cells that tile the communities.
    keyed
        The graph of the cells; its numbers stand for the keys of the frames.
    new_parts
        Parts of cells that may not be in the store yet, where large buildings are split.
    """

    communities: "gpd.GeoDataFrame"
    buildings: "gpd.GeoDataFrame"
    quarters: "gpd.GeoDataFrame"
    crs: "pyproj.CRS"
    cells: CellFrames
    keyed: KeyedGraph
    new_parts: NewCells | None = None

    @property
    def community_codes(self) -> "Mapping[int, str]":
        """Code of each community by its number in the graph."""
        code = dict(zip(self.communities["id"], self.communities["code"], strict=True))
        return {i: code[key] for i, key in enumerate(self.keyed.community_ids)}


@dataclass(frozen=True, eq=False)
class StoredPlan:
    """A plan of the store with its grids; a grid's number is its row.

    Parameters
    ----------
    row
        The plan.
    grids
        By the contract ``GRIDS`` with counts, in the order of community code and sequence.
    members
        ``cell_id, grid_id``.
    """

    row: "Row[Any]"
    grids: "gpd.GeoDataFrame"
    members: "pd.DataFrame"

    @property
    def options(self) -> DrawOptions:
        """The options that it was drawn with, or the usual ones."""
        return options_from(self.row.options)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.row.name or str(self.row.id)[:8]

    def numbers(self, codes: "list[str] | tuple[str, ...]") -> tuple[int, ...]:
        """Return the numbers of the grids of some codes.

        Raises
        ------
        gis.errors.NotFoundError
            Naming the first code that no grid of the plan has.
        """
        number = {code: i for i, code in enumerate(self.grids["code"])}
        unknown = [code for code in codes if code not in number]
        if unknown:
            raise no_such_grid(self.row, unknown[0])
        return tuple(number[code] for code in codes)


def options_from(stored: "Mapping[str, Any] | None") -> DrawOptions:
    """Return drawing options from what a plan keeps of them; unknown ones are left out."""
    known = {field.name for field in fields(DrawOptions)}
    return DrawOptions(**{k: v for k, v in (stored or {}).items() if k in known})


def read_plan(session: "Session", scope: "Scope", plan_id: str) -> StoredPlan:
    """Return a plan with its grids.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    gis.errors.ConflictError
        It has no grids yet.
    """
    row = plans.one(session, scope, plan_id)
    found = grids.read_grids_of(session, scope, plan_id)
    if not len(found):
        raise no_grids(row)
    return StoredPlan(row, found, plan_grids.read_members(session, scope, plan_id))


def no_grids(row: Any) -> ConflictError:  # noqa: ANN401 - a row of plans
    """Return the error that a plan has no grids."""
    return ConflictError(
        f"Plan {row.name or row.id} has no grids yet.",
        remedy=f"Draw it first: wangge plan draw {str(row.id)[:8]}",
    )


def no_such_grid(row: Any, code: str) -> NotFoundError:  # noqa: ANN401 - a row of plans
    """Return the error that a plan has no grid of a code."""
    return NotFoundError(
        f"Plan {row.name or row.id} has no grid {code}.",
        remedy=f"See its grids: wangge plan evaluate {str(row.id)[:8]}",
    )


def must_be_draft(row: Any) -> None:  # noqa: ANN401 - a row of plans
    """Raise unless a plan may be drawn over.

    Raises
    ------
    gis.errors.ConflictError
        It is not a draft any more: its grids are somebody's.
    """
    if row.status != "draft":
        raise ConflictError(
            f"Plan {row.name or row.id} is {row.status}, no draft: its grids stay as they are.",
            remedy="Draw a new draft from it: wangge plan draw --from PLAN, or "
            "wangge plan rebalance PLAN.",
        )


def current_ground(
    session: "Session", scope: "Scope", scope_code: str, *, progress: "Progress | None" = None
) -> PlanGround:
    """Return the ground of a division as it is today; cells that are out of date are built.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no community in the division.
    """
    ground = Ground(session, scope)
    within = ground.communities["code"].map(lambda code: covers(scope_code, code))
    communities = ground.communities[within].reset_index(drop=True)
    if not len(communities):
        raise InvalidInputError(
            f"There is no community in the division {scope_code}.",
            remedy="Give the code of a division of these communities: wangge plan draw --scope.",
            field="scope_code",
        )
    ensure_cells(session, scope, ground, progress=progress)
    cells = read_cells(session, scope)
    meant = set(communities["id"])
    buildings = ground.buildings[ground.buildings["community_id"].isin(meant)]
    if len(communities) < len(ground.communities):
        cells = _cells_of(cells, meant)
    return _ground(communities, buildings.reset_index(drop=True), ground.quarters, cells)


def ground_of(session: "Session", scope: "Scope", plan: StoredPlan) -> PlanGround:
    """Return the ground of a plan by its own cells, be they current or not."""
    plan_id = str(plan.row.id)
    shapes = plan_grids.read_cells(session, scope, plan_id)
    dedicated = shapes.loc[shapes["dedicated_area_id"].notna(), ["id", "dedicated_area_id"]]
    links = plan_grids.read_building_cells(session, scope, plan_id)
    cells = CellFrames(
        cells=shapes.drop(columns="dedicated_area_id"),
        borders=plan_grids.read_borders(session, scope, plan_id),
        building_cells=links,
        dedicated=dedicated.rename(columns={"id": "cell_id"}).reset_index(drop=True),
    )
    home, house = table_of(Community).c.id, table_of(Building).c.id
    own = sorted(set(shapes["community_id"]))
    communities = read_layer(session, scope, Community, frames.COMMUNITIES, home.in_(own))
    lived = house.in_(links["building_id"].tolist())
    return _ground(
        communities.sort_values("code", ignore_index=True),
        read_layer(session, scope, Building, frames.BUILDINGS, lived),
        read_layer(session, scope, Quarter, frames.QUARTERS),
        with_corners(cells),
    )


def _ground(
    communities: "gpd.GeoDataFrame",
    buildings: "gpd.GeoDataFrame",
    quarters: "gpd.GeoDataFrame",
    cells: CellFrames,
) -> PlanGround:
    crs = deployment_crs(communities)
    keyed = cell_graph(cells, buildings, quarters=quarters, crs=crs)
    return PlanGround(communities, buildings, quarters, crs, cells, keyed)


def _cells_of(cells: CellFrames, communities: set[str]) -> CellFrames:
    """Return the cells of some communities; no border crosses from one to another."""
    own = cells.cells[cells.cells["community_id"].isin(communities)].reset_index(drop=True)
    ids = set(own["id"])

    def among(frame: "pd.DataFrame", column: str) -> "pd.DataFrame":
        return frame[frame[column].isin(ids)].reset_index(drop=True)

    return replace(
        cells,
        cells=own,
        borders=among(cells.borders, "cell_a"),
        building_cells=among(cells.building_cells, "cell_id"),
        dedicated=among(cells.dedicated, "cell_id"),
    )


def labels_on(plan: StoredPlan, ground: PlanGround) -> "Ints":
    """Return the number of the grid of each cell of a ground, -1 where the plan has none.

    A cell that the plan does not know, because the ground has changed since, belongs to the grid
    in which it lies.
    """
    number = {grid: i for i, grid in enumerate(plan.grids["id"])}
    grid_of = dict(zip(plan.members["cell_id"], plan.members["grid_id"], strict=True))
    label = np.array(
        [number.get(grid_of.get(cell, ""), -1) for cell in ground.keyed.cell_ids], dtype=np.int64
    )
    strange = np.flatnonzero(label < 0)
    if len(strange):
        label[strange] = _by_place(plan, ground, strange)
    return label


def _by_place(plan: StoredPlan, ground: PlanGround, cells: "Ints") -> "Ints":
    out = np.full(len(cells), -1, dtype=np.int64)
    points = shapely.point_on_surface(ground.cells.cells.geometry.to_numpy()[cells])
    shapes = plan.grids.geometry.to_numpy()
    cell, grid = shapely.STRtree(shapes).query(points, predicate="intersects")
    home = ground.cells.cells["community_id"].to_numpy()[cells]
    same = home[cell] == plan.grids["community_id"].to_numpy()[grid]
    cell, grid = cell[same], grid[same]
    order = np.lexsort((-grid, cell))  # of two grids that meet there, the first is written last
    out[cell[order]] = grid[order]
    return out


def covers(scope_code: str, community_code: str) -> bool:
    """Return whether a division of 12 digits holds a community.

    Examples
    --------
    >>> covers("340102001000", "340102001004"), covers("340102001000", "340102002001")
    (True, False)
    """
    return community_code.startswith(_head(scope_code))


def common_division(codes: "list[str]") -> str:
    """Return the code of the smallest division that holds all communities, 12 digits.

    Examples
    --------
    >>> common_division(["340102001004", "340102002001"])
    '340102000000'
    """
    for level in reversed(_LEVELS):
        heads = {code[:level] for code in codes}
        if len(heads) == 1:
            return heads.pop().ljust(12, "0")
    return "0" * 12


def _head(code: str) -> str:
    if not code.strip("0"):
        return ""
    return next((code[:n] for n in _LEVELS if not code[n:].strip("0")), code)
