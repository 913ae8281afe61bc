"""Proofs about a plan before it is stored: nothing that fails them may be written."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.districting.cells import ground_m
from gis.districting.frames import WHOLE, cells_of_buildings
from gis.districting.polygons import grid_polygons, match_neighbours
from gis.errors import TessellationError
from gis.geometry.crs import to_projected
from gis.geometry.tessellation import check_tessellation

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyproj

    from gis.districting.cells import CellFrames

_REDRAW = "Draw the plan again on the current cells."


def verify_plan(
    communities: "gpd.GeoDataFrame",
    frames: "CellFrames",
    buildings: "pd.DataFrame",
    cell_grids: "pd.DataFrame",
    *,
    crs: "pyproj.CRS",
    in_pieces: Collection[str] = (),
) -> "gpd.GeoSeries":
    """Return the grid polygons of a plan, after proving that it is whole.

    Proved, per community and on the geometry as it is stored: grids tile it (the three tests of
    :func:`gis.geometry.tessellation.tessellation_problems`), each lies in one community, each is
    one piece, and every building lies in exactly one grid. Where grids of neighbouring communities
    meet, each has the corners of the other.

    Parameters
    ----------
    communities
        The communities that the plan covers.
    frames
        Their cells.
    buildings
        Their buildings, column ``id``.
    cell_grids
        ``cell_id, grid_id`` of the plan.
    crs
        Projected CRS in metres.
    in_pieces
        Grids that are known to be in pieces, because their ground is.

    Raises
    ------
    gis.errors.TessellationError
        Naming the community, grid or building, and what to do.
    """
    ids = [str(i) for i in frames.cells["id"]]
    position = {cell: i for i, cell in enumerate(ids)}
    labels = _labels(ids, position, cell_grids)
    cells_of_buildings(buildings, frames.building_cells, position)
    _one_cell_each(frames.building_cells)
    home = np.array([str(c) for c in frames.cells["community_id"]], dtype=object)
    _nested(labels, home)
    polygons = grid_polygons(frames.cells, labels)
    polygons[:] = match_neighbours(polygons.to_numpy())
    first = np.unique(labels, return_index=True)[1]
    _whole(polygons, in_pieces)
    stored = to_projected(polygons.to_numpy(), crs)
    for community, ground in zip(communities["id"], communities.geometry, strict=True):
        mine = stored[home[first] == str(community)]
        check_tessellation(
            mine, ground_m(ground, crs), f"Community {community}, by its {len(mine)} grids,"
        )
    return polygons


def _labels(
    ids: list[str], position: dict[str, int], cell_grids: "pd.DataFrame"
) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    labels = np.full(len(ids), "", dtype=object)
    for cell, grid in zip(cell_grids["cell_id"], cell_grids["grid_id"], strict=True):
        i = position.get(str(cell))
        if i is None:
            msg = f"Grid {grid} has a cell {cell} that is not one of these communities."
            raise TessellationError(msg, remedy=_REDRAW, grid=str(grid), cell=str(cell))
        if labels[i]:
            msg = f"Cell {cell} is in the grids {labels[i]} and {grid}."
            raise TessellationError(msg, remedy=_REDRAW, grid=str(grid), cell=str(cell))
        labels[i] = str(grid)
    lost = [ids[i] for i in np.flatnonzero(labels == "")]
    if lost:
        msg = f"{len(lost)} cells have no grid, the first is {lost[0]}."
        raise TessellationError(msg, remedy=_REDRAW, cell=lost[0])
    return labels


def _one_cell_each(building_cells: "pd.DataFrame") -> None:
    """Raise unless each building is in one cell, or its shares in several are all of it."""
    pairs = building_cells.assign(
        **{name: usual for name, usual in WHOLE.items() if name not in building_cells}
    )
    held = (pairs["share_to"] - pairs["share_from"]) / pairs["share_of"]
    sums = held.groupby(pairs["building_id"].astype(str)).sum()
    wrong = sums[(sums - 1).abs() > 1e-9]
    if len(wrong):
        building = str(wrong.index[0])
        msg = f"Building {building} is in two cells."
        if wrong.iloc[0] < 1:
            msg = f"Only a share of building {building} is in a cell."
        raise TessellationError(msg, remedy="Build the cells again.", building=building)


def _nested(
    labels: "np.ndarray[tuple[int], np.dtype[np.object_]]",
    home: "np.ndarray[tuple[int], np.dtype[np.object_]]",
) -> None:
    community: dict[str, str] = {}
    for grid, where in zip(labels.tolist(), home.tolist(), strict=True):
        if community.setdefault(grid, where) != where:
            msg = f"Grid {grid} lies in the communities {community[grid]} and {where}."
            raise TessellationError(msg, remedy="Split it at the community line.", grid=grid)


def _whole(polygons: "gpd.GeoSeries", in_pieces: Collection[str]) -> None:
    multi = shapely.get_num_geometries(polygons.to_numpy()) > 1
    for grid in polygons.index[multi]:
        if grid not in in_pieces:
            msg = f"Grid {grid} is in {len(polygons[grid].geoms)} pieces."
            raise TessellationError(
                msg, remedy="Join them, or make each a grid of its own.", grid=str(grid)
            )
