"""Cells of communities: frames in, frames out; the ground that grids are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.districting.blocks import Cuts
from gis.districting.borders import Passages, borders_of
from gis.districting.tessellate import Tessellation, tessellate
from gis.errors import TessellationError
from gis.frames import CELL_BORDERS, CELLS, stable_ids
from gis.geometry.crs import to_lonlat, to_projected
from gis.geometry.tessellation import check_tessellation

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd
    import pandas as pd
    import pyproj
    from numpy.typing import NDArray

    from gis.districting.graph import Ints
    from gis.geometry.crs import Geometries

#: Roads whose middle parts blocks; service ways and paths run inside them.
_CLASS_OF_ROAD = {"motorway": 2, "arterial": 2, "collector": 1, "local": 1}
_CLASS_OF_BARRIER = {"arterial": 2, "river": 3, "railway": 3}
#: A community's line is densified to this before it is projected: a straight line of one system is
#: a curve in the other, 3 mm over 500 m.
_DENSIFY_DEGREES = 0.0005
#: How far rounding to a millimetre in metres can carry a point off the stored line, in degrees.
_ROUNDING_DEGREES = 1.5e-8


@dataclass(frozen=True)
class CellFrames:
    """Cells of one or more communities.

    Parameters
    ----------
    cells
        By the contract ``CELLS``, EPSG:4326.
    borders
        By the contract ``CELL_BORDERS``.
    building_cells
        ``building_id, cell_id`` for every building, also those without a cell of their own.
    dedicated
        ``cell_id, dedicated_area_id`` of the cells that lie in a dedicated area.
    """

    cells: "gpd.GeoDataFrame"
    borders: "pd.DataFrame"
    building_cells: "pd.DataFrame"
    dedicated: "pd.DataFrame"


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What runs through the ground of all communities, in metres."""

    cuts: Cuts
    passages: Passages
    areas: "Geometries"
    area_ids: tuple[str, ...]


def build_cells(  # noqa: PLR0913 - one frame per layer, each by its name
    communities: "gpd.GeoDataFrame",
    buildings: "gpd.GeoDataFrame",
    *,
    quarters: "gpd.GeoDataFrame | None" = None,
    roads: "gpd.GeoDataFrame | None" = None,
    barriers: "gpd.GeoDataFrame | None" = None,
    crossings: "gpd.GeoDataFrame | None" = None,
    dedicated_areas: "gpd.GeoDataFrame | None" = None,
    crs: "pyproj.CRS",
    data_version: str,
    progress: Callable[[int, int], object] | None = None,
) -> CellFrames:
    """Return the cells that tile each community, and their borders.

    Every building gets the ground nearest to it within its block: cells end at the middle of
    streets, at rivers, railways, walls, quarter boundaries and the outlines of dedicated areas.
    Ground farther than 60 m from any building of its block, and blocks without one, are open land.
    A building whose ``community_id`` is empty belongs to the community that holds most of it.

    Parameters
    ----------
    communities, buildings, quarters, roads, barriers, crossings
        Frames by their contracts, EPSG:4326.
    dedicated_areas
        Polygons with ``id``, EPSG:4326.
    crs
        Projected CRS in metres.
    data_version
        Fingerprint of the data, stored with each cell; see :func:`data_version_of`.
    progress
        Told after each community: communities done, communities in all.

    Returns
    -------
    Frames whose ids depend only on the data version, the community and the building.

    Raises
    ------
    gis.errors.TessellationError
        If the cells of a community do not tile it; the community is named.
    """
    import pandas as pd

    around = _surroundings(quarters, roads, barriers, crossings, dedicated_areas, crs)
    ids = [str(i) for i in communities["id"]]
    stored = communities.geometry.to_numpy()
    grounds = to_projected(shapely.segmentize(stored, _DENSIFY_DEGREES), crs)
    grounds = _polygons_only(shapely.make_valid(grounds))
    footprints = to_projected(buildings.geometry.to_numpy(), crs)
    home = _home_of_buildings(buildings, footprints, ids, grounds)
    building_ids = np.asarray(buildings["id"], dtype=object)
    frames: list[tuple[Any, ...]] = []
    for i, community in enumerate(ids):
        rows = np.flatnonzero(home == i)
        local = _clip(around, grounds[i])
        # GEOS copes with lengths of zero; numpy would warn of them.
        with np.errstate(divide="ignore", invalid="ignore"):
            tessellation = tessellate(grounds[i], footprints[rows], local.cuts)
        named = _Community(community, building_ids[rows], data_version, stored[i], crs)
        frames.append(_frames(named, tessellation, local))
        if progress is not None:
            progress(i + 1, len(ids))
    cells, borders, pairs, special = zip(*frames, strict=True) if frames else ((), (), (), ())
    return CellFrames(
        cells=CELLS.conform(pd.concat(cells)) if cells else CELLS.empty(),
        borders=CELL_BORDERS.conform(pd.concat(borders)) if borders else CELL_BORDERS.empty(),
        building_cells=_joined(pairs, ["building_id", "cell_id"]),
        dedicated=_joined(special, ["cell_id", "dedicated_area_id"]),
    )


def data_version_of(frames: "Iterable[pd.DataFrame | None]") -> str:
    """Return a fingerprint of frames: the same rows in any order give the same one.

    Geometries count as normalised WKB, other columns as text.

    Parameters
    ----------
    frames
        Frames of one community (or of all), in a fixed order; ``None`` counts as no rows.
    """
    import hashlib

    digest = hashlib.sha256()
    for frame in frames:
        digest.update(b"\x1e")
        if frame is None:
            continue
        columns = sorted(str(name) for name in frame.columns)
        texts = [_texts(frame[name]) for name in columns]
        digest.update("\x1f".join(columns).encode())
        for line in sorted("\x1f".join(row) for row in zip(*texts, strict=True)):
            digest.update(line.encode() + b"\x1d")
    return digest.hexdigest()[:32]


def _texts(column: "pd.Series[Any]") -> list[str]:
    values = column.to_numpy()
    if getattr(column.dtype, "name", "") == "geometry":
        wkb = shapely.to_wkb(shapely.normalize(np.asarray(values, dtype=object)), hex=True)
        return ["" if value is None else str(value) for value in wkb]
    absent = column.isna().tolist()
    return ["" if no else str(v) for v, no in zip(column.tolist(), absent, strict=True)]


@dataclass(frozen=True, eq=False)
class _Community:
    community_id: str
    building_ids: "Geometries"
    data_version: str
    stored: shapely.Geometry
    crs: "pyproj.CRS"


def _frames(named: _Community, made: Tessellation, around: Surroundings) -> tuple[Any, ...]:
    """Return cells, borders, building cells and dedicated cells of one community as frames."""
    import geopandas as gpd
    import pandas as pd

    keys = _keys(named, made)
    ids = np.array(stable_ids(named.data_version, "cells", keys), dtype=object)
    borders = borders_of(made.polygons, around.cuts, around.passages)
    lonlat = _on_the_line(to_lonlat(made.polygons, named.crs), named.stored)
    _prove(named, made, lonlat)
    building = np.full(len(ids), None, dtype=object)
    own = made.building >= 0
    building[own] = named.building_ids[made.building[own]]
    cells = gpd.GeoDataFrame(
        {
            "id": ids,
            "community_id": named.community_id,
            "building_id": building,
            "data_version": named.data_version,
            "area_m2": shapely.area(to_projected(lonlat, named.crs)),  # of what is stored
            "outer_border_m": borders.outer_m,
        },
        geometry=lonlat,
        crs="EPSG:4326",
    )
    a, b = ids[borders.left], ids[borders.right]
    smaller = a < b
    lines = pd.DataFrame(
        {
            "cell_a": np.where(smaller, a, b),
            "cell_b": np.where(smaller, b, a),
            "border_m": borders.border_m,
            "barrier_class": borders.barrier_class,
            "passable": borders.passable,
        }
    )
    pairs = pd.DataFrame({"building_id": named.building_ids, "cell_id": ids[made.cell_of_building]})
    area = _area_of_cells(made.polygons, around)
    inside = np.flatnonzero(area >= 0)
    special = pd.DataFrame(
        {
            "cell_id": ids[inside],
            "dedicated_area_id": [around.area_ids[a] for a in area[inside]],
        }
    )
    return cells, lines, pairs, special


def _on_the_line(cells: "Geometries", community: shapely.Geometry) -> "Geometries":
    """Return the cells with their outer vertices exactly on the stored line of the community.

    Cells are noded on a millimetre in metres, one community at a time. Half a millimetre to either
    side of 200 km of lines made 5 m² of overlaps and gaps between the communities of a city.
    The vertices of a cell that would become invalid stay where they were, and only those.
    """
    from scipy.spatial import KDTree

    line: Any = shapely.boundary(community)
    xy = shapely.get_coordinates(cells)
    noded, place = np.unique(xy, axis=0, return_inverse=True)
    unique = noded.copy()
    shapely.prepare(line)
    near = np.flatnonzero(shapely.dwithin(shapely.points(unique), line, _ROUNDING_DEGREES))
    if not len(near):
        return cells
    spots: Any = shapely.points(unique[near])
    along = shapely.line_locate_point(line, spots)
    spot = shapely.get_coordinates(shapely.line_interpolate_point(line, along))
    # Where a ring begins, the length along all rings is that of the end of the ring before.
    close = np.hypot(*(spot - noded[near]).T) <= 2 * _ROUNDING_DEGREES
    unique[near[close]] = spot[close]
    corners = shapely.get_coordinates(line)
    gap, corner = KDTree(corners).query(unique[near], distance_upper_bound=_ROUNDING_DEGREES)
    at_corner = np.isfinite(gap)
    unique[near[at_corner]] = corners[corner[at_corner]]
    return _moved_where_valid(cells, noded, unique, place.reshape(-1))


def _moved_where_valid(
    cells: "Geometries",
    noded: "NDArray[np.float64]",
    wanted: "NDArray[np.float64]",
    place: "NDArray[np.intp]",
) -> "Geometries":
    """Return the cells with each vertex where it is wanted, unless that makes a cell invalid.

    Parameters
    ----------
    cells
        Valid polygons, shape (n,).
    noded, wanted
        The distinct vertices as they are and as they should be, shape (m, 2): cells that share a
        vertex share it afterwards.
    place
        For each coordinate of the cells its distinct vertex.
    """
    owner = shapely.get_coordinates(cells, return_index=True)[1]
    goal = wanted.copy()
    while True:  # each round holds at least one more vertex back, and there are m of them
        moved = shapely.set_coordinates(cells.copy(), goal[place])
        invalid = np.flatnonzero(~shapely.is_valid(moved))
        held = np.unique(place[np.isin(owner, invalid)])
        held = held[(goal[held] != noded[held]).any(axis=1)]
        if not len(held):
            return cells if len(invalid) else moved
        goal[held] = noded[held]


def _keys(named: _Community, made: Tessellation) -> list[str]:
    """Return the key of each cell; open land is counted from north to south, west to east."""
    spots = shapely.get_coordinates(shapely.point_on_surface(made.polygons))
    open_land = np.flatnonzero(made.building < 0)
    order = open_land[np.lexsort((spots[open_land, 0], -spots[open_land, 1]))]
    number = {int(cell): n for n, cell in enumerate(order, start=1)}
    return [
        f"{named.community_id}:{named.building_ids[row] if row >= 0 else f'open{number[cell]}'}"
        for cell, row in enumerate(made.building.tolist())
    ]


def _prove(named: _Community, made: Tessellation, lonlat: "Geometries") -> None:
    """Prove that cells tile their community in metres, and again as they are stored."""
    name = f"Community {named.community_id}"
    ground = ground_m(named.stored, named.crs)
    check_tessellation(made.polygons, ground, name)
    check_tessellation(to_projected(lonlat, named.crs), ground, f"{name} as stored")
    multi = np.flatnonzero(shapely.get_type_id(lonlat) != 3)
    if len(multi) or not shapely.is_valid(lonlat).all():
        msg = f"{name}: a cell is not one valid polygon."
        raise TessellationError(msg, remedy="Report this with the data of the community.")


def ground_m(community: shapely.Geometry, crs: "pyproj.CRS") -> shapely.Geometry:
    """Return a stored community in metres, densified first so that its line does not bend."""
    dense = shapely.segmentize(np.array([community], dtype=object), _DENSIFY_DEGREES)
    projected: shapely.Geometry = to_projected(dense, crs)[0]
    return projected


def _area_of_cells(polygons: "Geometries", around: Surroundings) -> "Ints":
    """Return the dedicated area that holds most of each cell, -1 for none."""
    out = np.full(len(polygons), -1, dtype=np.int64)
    if len(around.areas) == 0 or len(polygons) == 0:
        return out
    cell, area = shapely.STRtree(around.areas).query(polygons, predicate="intersects")
    share = shapely.area(shapely.intersection(polygons[cell], around.areas[area]))
    most = share > 0.5 * shapely.area(polygons[cell])
    out[cell[most]] = area[most]
    return out


def _home_of_buildings(
    buildings: "gpd.GeoDataFrame", footprints: "Geometries", ids: list[str], grounds: "Geometries"
) -> "Ints":
    """Return the position of each building's community, -1 for none of these."""
    position = {community: i for i, community in enumerate(ids)}
    named = buildings["community_id"] if "community_id" in buildings else [None] * len(buildings)
    out = np.array([position.get(str(c), -1) if c is not None and c == c else -2 for c in named])  # noqa: PLR0124 - NaN
    unknown = np.flatnonzero(out == -2)
    if len(unknown) == 0:
        return out.astype(np.int64)
    out[unknown] = -1
    repaired = shapely.make_valid(footprints[unknown])
    row, home = shapely.STRtree(grounds).query(repaired, predicate="intersects")
    share = shapely.area(shapely.intersection(repaired[row], grounds[home]))
    order = np.lexsort((home, -share, row))
    first = np.unique(row[order], return_index=True)[1]
    out[unknown[row[order][first]]] = home[order][first]
    return out.astype(np.int64)


def _polygons_only(geometries: "Geometries") -> "Geometries":
    """Return geometries reduced to their polygons: make_valid may leave lines beside them."""
    return np.array(
        [
            shapely.union_all([p for p in shapely.get_parts(shapely.get_parts(g)) if p.area > 0])
            if g.geom_type == "GeometryCollection"
            else g
            for g in geometries
        ],
        dtype=object,
    )


def _joined(frames: "Iterable[pd.DataFrame]", columns: list[str]) -> "pd.DataFrame":
    import pandas as pd

    some = [frame for frame in frames if len(frame)]
    empty: pd.DataFrame = pd.DataFrame({name: [] for name in columns}, dtype=object)
    return pd.concat(some, ignore_index=True) if some else empty


def _surroundings(
    quarters: "gpd.GeoDataFrame | None",
    roads: "gpd.GeoDataFrame | None",
    barriers: "gpd.GeoDataFrame | None",
    crossings: "gpd.GeoDataFrame | None",
    dedicated_areas: "gpd.GeoDataFrame | None",
    crs: "pyproj.CRS",
) -> Surroundings:
    road = _projected(roads, crs)
    road_class = _codes(roads, "road_class", _CLASS_OF_ROAD)
    under = np.asarray(roads["tunnel"], dtype=bool) if roads is not None else np.empty(0, bool)
    over = np.asarray(roads["bridge"], dtype=bool) if roads is not None else np.empty(0, bool)
    walkable = np.asarray(roads["walkable"], dtype=bool) if roads is not None else np.empty(0, bool)
    barrier = _projected(barriers, crs)
    barrier_class = _codes(barriers, "barrier_class", _CLASS_OF_BARRIER)
    street, arterial, river = (
        np.concatenate([road[(road_class == k) & ~under], barrier[barrier_class == k]])
        for k in range(1, 4)
    )
    walls = barrier[barrier_class == 0]
    areas = _projected(dedicated_areas, crs)
    outline = shapely.boundary(_projected(quarters, crs))
    gated = outline
    if quarters is not None:
        gated = outline[np.asarray(quarters["gated"], dtype=bool)]
    point = _projected(crossings, crs)
    gate = np.zeros(len(point), dtype=bool)
    if crossings is not None:
        point = point[np.asarray(crossings["open_to_walkers"], dtype=bool)]
        kinds = crossings["kind"][np.asarray(crossings["open_to_walkers"], dtype=bool)]
        gate = np.asarray(kinds == "gate")
    bridges = np.concatenate([point[~gate], _meetings(road[(over | under) & walkable], river)])
    nothing = np.empty(0, dtype=object)
    return Surroundings(
        cuts=Cuts(
            (nothing, street, arterial, river),
            np.concatenate([outline, shapely.boundary(areas), walls]),
        ),
        passages=Passages(walls, bridges, point[gate], gated),
        areas=areas,
        area_ids=tuple(str(i) for i in dedicated_areas["id"])
        if dedicated_areas is not None
        else (),
    )


def _projected(frame: "gpd.GeoDataFrame | None", crs: "pyproj.CRS") -> "Geometries":
    if frame is None or len(frame) == 0:
        return np.empty(0, dtype=object)
    return to_projected(frame.geometry.to_numpy(), crs)


def _codes(frame: "gpd.GeoDataFrame | None", column: str, codes: dict[str, int]) -> "Ints":
    if frame is None:
        return np.empty(0, dtype=np.int64)
    return np.array([codes.get(str(value), 0) for value in frame[column]], dtype=np.int64)


def _meetings(ways: "Geometries", barriers: "Geometries") -> "Geometries":
    """Return every place where walkable bridges and tunnels meet rivers and railways."""
    if len(ways) == 0 or len(barriers) == 0:
        return np.empty(0, dtype=object)
    way, barrier = shapely.STRtree(barriers).query(ways, predicate="intersects")
    # A bridge meets the one line around wide water at both banks: each is a place of its own.
    met = shapely.intersection(ways[way], barriers[barrier])
    return np.asarray(shapely.centroid(shapely.get_parts(shapely.get_parts(met))), dtype=object)


def _clip(around: Surroundings, ground: shapely.Geometry) -> Surroundings:
    """Return what of the surroundings is near a community."""
    near = shapely.box(*(shapely.bounds(ground) + np.array([-50, -50, 50, 50])))

    def pick(geometries: "Geometries") -> "Geometries":
        return geometries[shapely.intersects(geometries, near)] if len(geometries) else geometries

    cuts = Cuts(
        (
            around.cuts.by_class[0],
            pick(around.cuts.by_class[1]),
            pick(around.cuts.by_class[2]),
            pick(around.cuts.by_class[3]),
        ),
        pick(around.cuts.soft),
    )
    passages = around.passages
    local = Passages(*(pick(g) for g in vars(passages).values()))
    return Surroundings(cuts, local, around.areas, around.area_ids)
