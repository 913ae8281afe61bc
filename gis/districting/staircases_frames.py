"""The ground with the cells of large buildings cut between staircases: frames in, frames out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.districting.frames import WHOLE, shares_of_buildings
from gis.districting.plan import NOTES, PlanException, Saying
from gis.districting.polygons import match_neighbours
from gis.districting.staircases import Division, Stairs, divide
from gis.districting.staircases_told import split_told
from gis.frames import stable_ids
from gis.geometry.crs import to_lonlat, to_projected

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyproj
    from shapely.geometry.base import BaseGeometry

    from gis.districting.cells import CellFrames
    from gis.districting.frames import KeyedGraph
    from gis.districting.graph import CellGraph, Floats, Ints


@dataclass(frozen=True, eq=False)
class SplitGround:
    """Cells of which the large ones are parts.

    Parameters
    ----------
    frames
        All cells: whole ones as they were, and the parts in place of those that are split.
    parts, borders, building_cells
        What of it is new: the parts with ``part_of``, the borders of parts, and the shares of
        buildings on parts.
    """

    frames: "CellFrames"
    parts: "gpd.GeoDataFrame"
    borders: "pd.DataFrame"
    building_cells: "pd.DataFrame"


def split_ground(
    frames: "CellFrames",
    keyed: "KeyedGraph",
    buildings: "gpd.GeoDataFrame",
    units: "pd.DataFrame",
    maximum: int,
    *,
    crs: "pyproj.CRS",
) -> "SplitGround | None":
    """Return the ground with every building above ``maximum`` cut between its staircases.

    Where a staircase stands is not known: along the long axis of the building each is taken to
    have an equal slice, from the western (or southern) end in the order given. Households go by
    staircase as they are recorded, evenly where none are. A building stays whole if fewer than two
    of its staircases are known, if people live in another building on its cell, or if a part of
    its ground would not hang together.

    Parameters
    ----------
    frames, keyed, buildings
        The ground, its graph, and the buildings that stand on it.
    units
        By the contract ``UNITS``, those of a building in their order along it.
    maximum
        Most households of a grid.
    crs
        Projected CRS in metres.

    Returns
    -------
    The new ground, or ``None`` where nothing is split. The keys of parts depend only on the cell,
    the names of staircases and their households.
    """
    position = {cell: i for i, cell in enumerate(keyed.cell_ids)}
    lived = _Lived(frames, buildings, position, keyed.graph)
    stairs = _stairs_of(units, lived.sole(maximum))
    if not stairs:
        return None
    polygons = to_projected(frames.cells.geometry.to_numpy(), crs)
    footprints = to_projected(buildings.geometry.to_numpy(), crs)
    count = np.zeros(keyed.graph.size, dtype=np.int64)
    count[list(stairs)] = [len(one.names) for one in stairs.values()]
    known = Stairs(
        count,
        {cell: one.households for cell, one in stairs.items()},
        {cell: footprints[one.building] for cell, one in stairs.items()},
    )
    division = divide(keyed.graph, known, maximum, polygons.tolist())
    if not division.parts:
        return None
    made = _Made(frames, polygons, division, stairs, crs)
    cells, parts = made.cells()
    borders, new_borders = made.borders(cells["id"].to_numpy())
    links, new_links = made.building_cells(lived, parts)
    ground = with_corners(replace(frames, cells=cells, borders=borders, building_cells=links))
    return SplitGround(ground, parts, new_borders, new_links)


def with_corners(frames: "CellFrames") -> "CellFrames":
    """Return the cells with the corners that parts have on the line of their neighbours.

    Stored cells stay as they were built, and a cut ends between two corners of a neighbour; edges
    have to match for cells to be joined.
    """
    pairs = frames.building_cells
    if "share_of" not in pairs or not (pairs["share_of"] > 1).any():
        return frames
    cells = frames.cells
    is_part = cells["id"].isin(set(pairs.loc[pairs["share_of"] > 1, "cell_id"])).to_numpy()
    geometries = np.array(cells.geometry.to_numpy(), dtype=object)
    tree = shapely.STRtree(geometries)
    near = np.unique(tree.query(geometries[is_part], predicate="intersects")[1])
    geometries[near] = match_neighbours(geometries[near])
    return replace(frames, cells=cells.set_geometry(geometries, crs=cells.crs))


def told_splits(
    frames: "CellFrames", graph: "CellGraph", grid: "Ints"
) -> tuple[PlanException, ...]:
    """Return an exception for each building whose parts lie in several grids.

    Parameters
    ----------
    frames, graph
        The ground with its parts, and its graph.
    grid
        Grid of each cell.
    """
    origin = _origin(frames)
    return () if origin is None else split_told(graph, origin, grid)


def told_whole(
    exceptions: tuple[PlanException, ...], frames: "CellFrames", *, wanted: bool
) -> tuple[PlanException, ...]:
    """Return exceptions that say what else may be done with a building above the maximum.

    Parameters
    ----------
    exceptions
        Of a drawing.
    frames
        The ground that it was drawn on.
    wanted
        Whether large buildings were to be split: then it is said why one was not.
    """
    if not wanted:
        return exceptions
    pairs = frames.building_cells
    parts = set(pairs.loc[pairs["share_of"] > 1, "cell_id"]) if "share_of" in pairs else set()
    ids = frames.cells["id"].to_numpy()

    def noted(one: PlanException) -> PlanException:
        if one.kind != "building_above_maximum":
            return one
        note = "one_staircase" if ids[one.cells[0]] in parts else "not_split"
        return replace(one, note=Saying(NOTES[note], {}))

    return tuple(noted(one) for one in exceptions)


def _origin(frames: "CellFrames") -> "Ints | None":
    """Return a number for each cell, which the parts of one building have in common."""
    pairs = frames.building_cells
    if "share_of" not in pairs or not (pairs["share_of"] > 1).any():
        return None
    shares = pairs[pairs["share_of"] > 1]
    building = dict(zip(shares["cell_id"], shares["building_id"], strict=True))
    keys = [building.get(cell, cell) for cell in frames.cells["id"]]
    number: dict[str, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Staircases:
    """The staircases of one building, in their order along it."""

    building: int
    names: tuple[str, ...]
    households: tuple[int, ...]


class _Lived:
    """Which buildings stand on which cell, and who lives there."""

    def __init__(
        self,
        frames: "CellFrames",
        buildings: "gpd.GeoDataFrame",
        position: dict[str, int],
        graph: "CellGraph",
    ) -> None:
        self.buildings = buildings
        self.shares = shares_of_buildings(buildings, frames.building_cells, position)
        self.graph = graph

    def sole(self, maximum: int) -> dict[str, tuple[int, int]]:
        """Return, by the key of each too large building that is alone, its cell and its row."""
        graph, shares = self.graph, self.shares
        households = np.asarray(self.buildings["households"], dtype=np.int64)[shares.building]
        lived = households > 0
        alone = np.bincount(shares.cell[lived], minlength=graph.size)[shares.cell] == 1
        large = lived & alone & (households > maximum)
        if graph.dedicated is not None:
            large &= graph.dedicated[shares.cell] < 0
        ids = self.buildings["id"].to_numpy()
        rows = zip(shares.building[large].tolist(), shares.cell[large].tolist(), strict=True)
        return {str(ids[building]): (cell, building) for building, cell in rows}

    def others(self, cell: int) -> "Ints":
        """Return the rows of the buildings on a cell in which nobody lives."""
        on = self.shares.building[self.shares.cell == cell]
        return np.asarray(on[np.asarray(self.buildings["households"])[on] == 0])


def _stairs_of(
    units: "pd.DataFrame", sole: Mapping[str, tuple[int, int]]
) -> dict[int, _Staircases]:
    """Return the staircases of each cell whose building has two or more of them."""
    found = {}
    own = units[units["building_id"].isin(set(sole))]
    for building, rows in own.groupby("building_id", sort=True):
        if len(rows) < 2:
            continue
        cell, row = sole[str(building)]
        found[cell] = _Staircases(
            row,
            tuple(str(name) for name in rows["name"]),
            tuple(int(number) for number in rows["households"]),
        )
    return dict(sorted(found.items()))


@dataclass(frozen=True, eq=False)
class _Made:
    """A division on its way into frames."""

    old: "CellFrames"
    polygons: Any
    division: Division
    stairs: Mapping[int, _Staircases]
    crs: "pyproj.CRS"

    def cells(self) -> "tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]":
        """Return all cells in the order of the new graph, and the parts alone."""
        graph, origin = self.division.graph, self.division.origin
        cells = self.old.cells.iloc[origin].reset_index(drop=True)
        shapes = np.array(cells.geometry.to_numpy(), dtype=object)
        ids, part_of = cells["id"].to_numpy(dtype=object).copy(), np.full(len(cells), None, object)
        for cell, parts in self.division.parts.items():
            rows = np.flatnonzero(origin == cell)
            part_of[rows] = ids[rows]
            version = str(self.old.cells["data_version"].iloc[cell])
            ids[rows] = stable_ids(version, "cells", self._keys(cell))
            shapes[rows] = _as_stored(
                parts, self.polygons[cell], self.old.cells.geometry.iloc[cell], self.crs
            )
        new = np.isin(origin, list(self.division.parts))
        area = cells["area_m2"].to_numpy(dtype=float).copy()
        area[new] = shapely.area(to_projected(shapes[new], self.crs))
        outer = np.where(new, graph.outer_border_m, cells["outer_border_m"])
        cells = cells.assign(id=ids, part_of=part_of, area_m2=area, outer_border_m=outer)
        cells = cells.set_geometry(shapes, crs=cells.crs)
        return cells, cells[new].reset_index(drop=True)

    def _keys(self, cell: int) -> list[str]:
        base = str(self.old.cells["id"].iloc[cell])
        return [
            f"{base}:{start}-{end}/{whole}:{'|'.join(names)}"
            for start, end, whole, names in self._shares(cell)
        ]

    def _shares(self, cell: int) -> list[tuple[int, int, int, tuple[str, ...]]]:
        """Return the share of each part of a cell, and the names of its staircases."""
        people = self.division.graph.households[self.division.origin == cell]
        ends = np.cumsum(people).tolist()
        last = np.cumsum(self.division.stairs[cell]).tolist()
        names = self.stairs[cell].names
        return [
            (start, end, ends[-1], names[a:b])
            for start, end, a, b in zip([0, *ends], ends, [0, *last], last, strict=False)
        ]

    def borders(self, ids: Any) -> "tuple[pd.DataFrame, pd.DataFrame]":  # noqa: ANN401 - an array of keys
        """Return all borders, and those of parts alone."""
        import pandas as pd

        graph = self.division.graph
        one = np.flatnonzero(graph.source < graph.indices)
        a, b = ids[graph.source[one]], ids[graph.indices[one]]
        smaller = a < b
        frame = pd.DataFrame(
            {
                "cell_a": np.where(smaller, a, b),
                "cell_b": np.where(smaller, b, a),
                "border_m": graph.border_m[one],
                "barrier_class": graph.barrier_class[one],
                "passable": graph.open_edge[one],
            }
        )
        new = np.isin(self.division.origin, list(self.division.parts))
        fresh = new[graph.source[one]] | new[graph.indices[one]]
        return frame, frame[fresh].reset_index(drop=True)

    def building_cells(
        self, lived: _Lived, parts: "gpd.GeoDataFrame"
    ) -> "tuple[pd.DataFrame, pd.DataFrame]":
        """Return which share of which building is on which cell, and of the parts alone."""
        import pandas as pd

        keys = lived.buildings["id"].to_numpy()
        rows: list[dict[str, Any]] = []
        for cell in self.division.parts:
            own = parts[parts["part_of"] == self.old.cells["id"].iloc[cell]]
            ids, house = own["id"].tolist(), self.stairs[cell].building
            rows += [
                {
                    "building_id": keys[house],
                    "cell_id": part,
                    "share_from": start,
                    "share_to": end,
                    "share_of": whole,
                    "units": list(names),
                }
                for part, (start, end, whole, names) in zip(ids, self._shares(cell), strict=True)
            ]
            for other in lived.others(cell).tolist():
                at = shapely.point_on_surface(lived.buildings.geometry.iloc[other])
                near = int(np.argmin(shapely.distance(own.geometry.to_numpy(), at)))
                rows.append(
                    {"building_id": keys[other], "cell_id": ids[near], **WHOLE, "units": None}
                )
        new = pd.DataFrame(rows)
        gone = set(parts["part_of"])
        kept = self.old.building_cells[~self.old.building_cells["cell_id"].isin(gone)]
        kept = kept.assign(**{name: usual for name, usual in WHOLE.items() if name not in kept})
        kept = kept.assign(units=None) if "units" not in kept else kept
        return pd.concat([kept, new], ignore_index=True), new


def _as_stored(
    parts: "list[BaseGeometry]",
    cell_m: "BaseGeometry",
    cell: "BaseGeometry",
    crs: "pyproj.CRS",
) -> Any:  # noqa: ANN401 - an array of polygons
    """Return parts in EPSG:4326 with the very corners of the stored cell, cuts ending on its line.

    Parameters
    ----------
    parts, cell_m
        The parts and their cell, metres.
    cell
        The cell as it is stored.
    crs
        Projected CRS in metres.
    """
    lonlat = to_lonlat(np.array(parts, dtype=object), crs)
    metres = shapely.get_coordinates(cell_m)
    corner = dict(zip(map(tuple, metres.tolist()), shapely.get_coordinates(cell), strict=True))
    flat: Floats = shapely.get_coordinates(lonlat)
    line: Any = shapely.boundary(cell)
    for i, at in enumerate(map(tuple, shapely.get_coordinates(parts).tolist())):
        if at in corner:
            flat[i] = corner[at]
        else:
            along = shapely.line_locate_point(line, shapely.Point(flat[i]))
            flat[i] = shapely.get_coordinates(shapely.line_interpolate_point(line, along))[0]
    return shapely.set_coordinates(lonlat, flat)
