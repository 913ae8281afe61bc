"""Grid polygons: always the union of their cells, so that they tile as exactly as cells do."""

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely import STRtree

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import geopandas as gpd

    from gis.districting.graph import Floats, Ints
    from gis.geometry.crs import Geometries

#: Lines of neighbouring communities agree within this, 3 mm: twice what rounding parts them by.
SAME_LINE_DEGREES = 3e-8


def grid_polygons(cells: "gpd.GeoDataFrame", grid_labels: ArrayLike) -> "gpd.GeoSeries":
    """Return the polygon of each grid, in the CRS of the cells.

    Edges between grids keep every vertex of the cells, so neighbours match exactly.

    Parameters
    ----------
    cells
        Cells by their contract.
    grid_labels
        Key of the grid of each cell, in the order of ``cells``.

    Returns
    -------
    Polygons (a MultiPolygon where the cells of a grid do not touch), indexed by grid key,
    ascending.

    Raises
    ------
    gis.errors.InvalidInputError
        If there is not one label per cell.
    """
    import geopandas as gpd
    import pandas as pd

    labels = np.asarray(grid_labels)
    if labels.shape != (len(cells),) or pd.isna(labels).any():
        msg = f"{len(cells)} cells, but labels of shape {labels.shape} or with gaps."
        raise InvalidInputError(msg, remedy="Give every cell a grid.", field="grid_labels")
    geometries = cells.geometry.to_numpy()
    keys, group = np.unique(labels, return_inverse=True)
    order = np.argsort(group, kind="stable")
    cuts = np.cumsum(np.bincount(group, minlength=len(keys)))[:-1]
    members = np.split(order, cuts) if len(keys) else []
    unions = [union_of_cells(geometries[each]) for each in members]
    return gpd.GeoSeries(np.array(unions, dtype=object), index=pd.Index(keys), crs=cells.crs)


def union_of_cells(polygons: "np.ndarray[tuple[int], np.dtype[np.object_]]") -> shapely.Geometry:
    """Return the union of edge-matched polygons: a Polygon if they hang together."""
    parts = shapely.get_parts(shapely.coverage_union_all(polygons))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts.tolist())


def match_neighbours(polygons: "Geometries") -> "Geometries":
    """Return polygons with the corners that their neighbours have on a shared line, and they lack.

    Communities are cut into cells one at a time, so a border that ends at the line between two of
    them makes a corner on one side only: ground is shared out exactly, but edges do not match.

    Parameters
    ----------
    polygons
        Polygons and MultiPolygons in EPSG:4326. One that would become invalid stays as it is.
    """
    if not len(polygons):
        return polygons
    # Where a corner a hair off the line would make a polygon invalid, those exactly on it do not.
    for reach in (SAME_LINE_DEGREES, SAME_LINE_DEGREES / 1_000):
        polygons = _matched(polygons, reach)
    return polygons


def _matched(polygons: "Geometries", reach: float) -> "Geometries":
    kind, xy, (ring, *parts) = shapely.to_ragged_array(polygons)
    start = _lone_edges(xy, ring.astype(np.int64))
    spots = np.unique(np.concatenate([xy[start], xy[start + 1]]), axis=0)
    after, spot = _lacking(xy, start, spots, reach)
    if not len(after):
        return polygons
    grown = np.insert(xy, after + 1, spots[spot], axis=0)
    ring = np.append(ring[:-1] + np.searchsorted(np.sort(after), ring[:-1]), len(grown))
    made = shapely.from_ragged_array(kind, grown, (ring, *parts))
    more = shapely.get_num_coordinates(made) > shapely.get_num_coordinates(polygons)
    rows = np.flatnonzero(more & shapely.is_valid(made))
    made = made[rows]
    one = shapely.get_num_geometries(made) == 1
    made[one] = shapely.get_geometry(made[one], 0)
    out = polygons.copy()
    out[rows] = made
    return out


def _lone_edges(xy: "Floats", ring: "Ints") -> "Ints":
    """Return where the edges begin that one polygon has alone; those of two stay as they are."""
    start = np.setdiff1d(np.arange(len(xy) - 1), ring[1:-1] - 1)
    start = start[(xy[start] != xy[start + 1]).any(axis=1)]
    ends = np.column_stack([xy[start], xy[start + 1]])
    swap = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[swap] = ends[swap][:, [2, 3, 0, 1]]
    _, same, count = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(start[count[same.reshape(-1)] == 1], dtype=np.int64)


def _lacking(xy: "Floats", start: "Ints", spots: "Floats", reach: float) -> "tuple[Ints, Ints]":
    """Return after which vertices which spots are to be put in, in the order of the vertices.

    Parameters
    ----------
    xy, start
        Vertices, and those with which an edge begins.
    spots
        Places where an edge that passes has to have a vertex.
    reach
        How near it has to pass, in the unit of the coordinates.
    """
    a, b = xy[start], xy[start + 1]
    lines = np.asarray(shapely.linestrings(np.stack([a, b], axis=1)), dtype=object)
    spot, edge = STRtree(lines).query(shapely.points(spots), predicate="dwithin", distance=reach)
    along, at = b[edge] - a[edge], spots[spot] - a[edge]
    t = (along * at).sum(axis=1) / (along**2).sum(axis=1)
    inside = (t > 0) & (t < 1) & (at != 0).any(axis=1) & (spots[spot] != b[edge]).any(axis=1)
    spot, edge, t = spot[inside], edge[inside], t[inside]
    order = np.lexsort((t, edge))
    return start[edge[order]], spot[order]
