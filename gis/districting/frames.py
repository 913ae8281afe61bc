"""From frames to the graph that grids are drawn on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.districting.graph import CellGraph
from gis.errors import InvalidInputError, TessellationError
from gis.geometry.crs import to_projected

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyproj

    from gis.districting.cells import CellFrames
    from gis.districting.graph import Ints

#: Columns of ``building_cells`` that say which share of a building a cell holds: all of it.
WHOLE = {"share_from": 0, "share_to": 1, "share_of": 1}


@dataclass(frozen=True, eq=False)
class KeyedGraph:
    """A graph with the keys of what its numbers stand for.

    Parameters
    ----------
    graph
        Cells in the order of the cells frame.
    cell_ids
        Key of each cell.
    community_ids, unit_ids, dedicated_ids
        Key of each number in ``graph.community``, ``graph.unit`` and ``graph.dedicated``.
    """

    graph: CellGraph
    cell_ids: tuple[str, ...]
    community_ids: tuple[str, ...]
    unit_ids: tuple[str, ...]
    dedicated_ids: tuple[str, ...]


def cell_graph(
    frames: "CellFrames",
    buildings: "gpd.GeoDataFrame",
    *,
    quarters: "gpd.GeoDataFrame | None" = None,
    crs: "pyproj.CRS",
    balanced: str | None = None,
) -> KeyedGraph:
    """Return the graph of cells with the people of their buildings.

    A cell belongs to the quarter of its buildings (of the one with most households); open land to
    the quarter that holds most of it. A part of a split cell has its share of the building.

    Parameters
    ----------
    frames
        Cells, borders, buildings' cells and dedicated cells.
    buildings
        By the contract ``BUILDINGS``; a row without a cell is an error.
    quarters
        By the contract ``QUARTERS``: where open land lies.
    crs
        Projected CRS in metres.
    balanced
        Column of ``buildings`` whose counts are to be shared evenly between grids beside
        households: ``elderly``, ``children``, ``low_income_households`` or one of your own.

    Raises
    ------
    gis.errors.TessellationError
        If a building has no cell.
    gis.errors.InvalidInputError
        If a border names a cell that is not there, or ``balanced`` no column.
    """
    cells = frames.cells
    ids = [str(i) for i in cells["id"]]
    position = {cell: i for i, cell in enumerate(ids)}
    polygons = to_projected(cells.geometry.to_numpy(), crs)
    xy = shapely.get_coordinates(shapely.centroid(polygons))
    cells_of_buildings(buildings, frames.building_cells, position)
    held = shares_of_buildings(buildings, frames.building_cells, position)
    if balanced is not None and balanced not in buildings:
        msg = f"Buildings have no column {balanced} to be shared evenly."
        remedy = "Name a column of counts, for example elderly."
        raise InvalidInputError(msg, remedy=remedy, field=balanced)
    people = {
        name: held.by_cell(np.asarray(buildings[name]), len(ids))
        for name in {"households", "residents", balanced} & set(buildings.columns)
    }
    community, community_ids = _numbers([str(c) for c in cells["community_id"]])
    units, unit_ids = _units(buildings.iloc[held.building], held.cell, len(ids))
    _open_land_units(units, unit_ids, polygons, quarters, crs)
    dedicated, dedicated_ids = _dedicated(frames.dedicated, position)
    vertices, owner = shapely.get_coordinates(polygons, return_index=True)
    graph = CellGraph(
        **_edges(frames.borders, position),
        households=people.get("households", np.zeros(len(ids), dtype=np.int64)),
        residents=people.get("residents"),
        balanced=None if balanced is None else people[balanced],
        area_m2=np.asarray(cells["area_m2"], dtype=float),
        outer_border_m=np.asarray(cells["outer_border_m"], dtype=float),
        x_m=xy[:, 0],
        y_m=xy[:, 1],
        community=community,
        unit=units,
        dedicated=dedicated,
        vertex_indptr=np.r_[0, np.cumsum(np.bincount(owner, minlength=len(ids)))],
        vertex_x_m=vertices[:, 0],
        vertex_y_m=vertices[:, 1],
    )
    return KeyedGraph(graph, tuple(ids), community_ids, tuple(unit_ids), dedicated_ids)


def cells_of_buildings(
    buildings: "pd.DataFrame", building_cells: "pd.DataFrame", position: dict[str, int]
) -> "Ints":
    """Return the position of each building's cell.

    Raises
    ------
    gis.errors.TessellationError
        Naming buildings that have no cell.
    """
    cell = dict(
        zip(
            (str(b) for b in building_cells["building_id"]),
            (str(c) for c in building_cells["cell_id"]),
            strict=True,
        )
    )
    ids = [str(b) for b in buildings["id"]]
    out = np.array([position.get(cell.get(b, ""), -1) for b in ids], dtype=np.int64)
    lost = [ids[i] for i in np.flatnonzero(out < 0)]
    if lost:
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        msg = f"No cell, and so no grid, for building {', '.join(lost[:5])}{more}."
        raise TessellationError(
            msg,
            remedy="Build the cells again; a building must lie in a community.",
            buildings=lost[:5],
        )
    return out


@dataclass(frozen=True, eq=False)
class Shares:
    """Which share of which building stands on which cell: arrays of equal length.

    Of n people of a building those from ``n * start // whole`` to ``n * end // whole`` live there,
    so that the sum over its cells is n.

    Parameters
    ----------
    building, cell
        Positions of the building and its cell.
    start, end, whole
        The share; a building on one cell has 0, 1 and 1.
    """

    building: "Ints"
    cell: "Ints"
    start: "Ints"
    end: "Ints"
    whole: "Ints"

    def of(self, counts: "Ints") -> "Ints":
        """Return a count of people of each share, from the counts of buildings."""
        people = counts[self.building].astype(np.int64)
        return np.asarray(people * self.end // self.whole - people * self.start // self.whole)

    def by_cell(self, counts: "Ints", size: int) -> "Ints":
        """Return a count of people of each cell, from the counts of buildings."""
        sums = np.bincount(self.cell, self.of(counts), size)
        return np.asarray(sums.astype(np.int64))


def shares_of_buildings(
    buildings: "pd.DataFrame", building_cells: "pd.DataFrame", position: dict[str, int]
) -> Shares:
    """Return the shares of buildings on cells, in the order of the buildings.

    Parameters
    ----------
    buildings
        Column ``id``.
    building_cells
        ``building_id, cell_id``, and for the parts of split cells ``share_from, share_to,
        share_of``; without these columns every building is whole.
    position
        Position of each cell by its key; other cells and buildings do not count.
    """
    row = {str(key): i for i, key in enumerate(buildings["id"])}
    house = np.array([row.get(str(b), -1) for b in building_cells["building_id"]], dtype=np.int64)
    cell = np.array([position.get(str(c), -1) for c in building_cells["cell_id"]], dtype=np.int64)
    known = np.flatnonzero((house >= 0) & (cell >= 0))
    known = known[np.lexsort((cell[known], house[known]))]
    columns = [
        np.asarray(building_cells[name], dtype=np.int64)[known]
        if name in building_cells
        else np.full(len(known), usual, dtype=np.int64)
        for name, usual in WHOLE.items()
    ]
    return Shares(house[known], cell[known], *columns)


def _numbers(names: list[str]) -> "tuple[Ints, tuple[str, ...]]":
    number: dict[str, int] = {}
    out = [number.setdefault(name, len(number)) for name in names]
    return np.array(out, dtype=np.int64), tuple(number)


def _edges(borders: "pd.DataFrame", position: dict[str, int]) -> dict[str, Any]:
    a = np.array([position.get(str(c), -1) for c in borders["cell_a"]], dtype=np.int64)
    b = np.array([position.get(str(c), -1) for c in borders["cell_b"]], dtype=np.int64)
    if (a < 0).any() or (b < 0).any():
        row = int(np.flatnonzero((a < 0) | (b < 0))[0])
        msg = f"cell_borders: row {row + 1} names a cell that is not there."
        raise InvalidInputError(msg, remedy="Load cells and borders of one data version.", row=row)
    source, target = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.lexsort((target, source))

    def both(name: str) -> Any:  # noqa: ANN401 - an array of the column's type
        return np.tile(np.asarray(borders[name]), 2)[order]

    return {
        "indptr": np.r_[0, np.cumsum(np.bincount(source, minlength=len(position)))],
        "indices": target[order],
        "border_m": both("border_m").astype(float),
        "barrier_class": both("barrier_class").astype(np.int64),
        "passable": both("passable").astype(bool),
    }


def _units(buildings: "gpd.GeoDataFrame", home: "Ints", count: int) -> "tuple[Ints, list[str]]":
    units = np.full(count, -1, dtype=np.int64)
    if "quarter_id" not in buildings:
        return units, []
    named = [str(q) if isinstance(q, str) and q else "" for q in buildings["quarter_id"]]
    quarter, names = _numbers([q for q in named if q])
    rows = np.flatnonzero([bool(q) for q in named])
    households = np.asarray(buildings["households"], dtype=np.int64)[rows]
    # The last one written wins: the building with most households.
    order = np.lexsort((-rows, households))
    units[home[rows[order]]] = quarter[order]
    return units, list(names)


def _open_land_units(
    units: "Ints",
    unit_ids: list[str],
    polygons: Any,  # noqa: ANN401 - an array of geometries
    quarters: "gpd.GeoDataFrame | None",
    crs: "pyproj.CRS",
) -> None:
    """Fill in the quarter of cells that have none but lie in one for the most part."""
    if quarters is None or len(quarters) == 0:
        return
    grounds = shapely.make_valid(to_projected(quarters.geometry.to_numpy(), crs))
    number = {name: i for i, name in enumerate(unit_ids)}
    none = np.flatnonzero(units < 0)
    cell, quarter = shapely.STRtree(grounds).query(polygons[none], predicate="intersects")
    share = shapely.area(shapely.intersection(polygons[none[cell]], grounds[quarter]))
    most = share > 0.5 * shapely.area(polygons[none[cell]])
    ids = [str(i) for i in quarters["id"]]
    for c, q in zip(none[cell[most]].tolist(), quarter[most].tolist(), strict=True):
        # A quarter without buildings is no unit.
        units[c] = number.get(ids[q], -1)


def _dedicated(
    frame: "pd.DataFrame", position: dict[str, int]
) -> "tuple[Ints | None, tuple[str, ...]]":
    if len(frame) == 0:
        return None, ()
    number, names = _numbers([str(a) for a in frame["dedicated_area_id"]])
    out = np.full(len(position), -1, dtype=np.int64)
    for cell, area in zip(frame["cell_id"], number.tolist(), strict=True):
        if str(cell) in position:
            out[position[str(cell)]] = area
    return out, names
