"""Grid polygons: always the union of their cells, so that they tile as exactly as cells do."""

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import ArrayLike

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import geopandas as gpd


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
