"""A boundary file: the one polygon or multipolygon of a place."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.errors import GeometryError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.checks_geometry import check_swapped
from gis.ingest.files import read_rows
from gis.ingest.rejects import Rejects
from gis.ingest.rows import SourceOptions

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon


def read_boundary(
    path: Path, *, layer: str | None = None, crs: str | None = None
) -> "Polygon | MultiPolygon":
    """Return the union of a file's polygons in EPSG:4326.

    Parameters
    ----------
    path
        A .gpkg, .geojson, .json or .csv file (with a column wkt).
    layer, crs
        As for :func:`gis.ingest.files.read_layer`.

    Raises
    ------
    gis.errors.GeometryError
        The file has no polygon, or one that is invalid; the message says where.
    gis.errors.CrsMismatchError
        No CRS, an unknown one, or lon and lat exchanged.
    gis.errors.DataSourceError, gis.errors.InvalidInputError
        The file is missing, empty, truncated, or of an unknown kind.
    """
    where = str(path)
    declared = None if crs is None else SourceCrs.parse(crs, where)
    options = SourceOptions(layer=layer, crs=declared, preferred_layer="boundary")
    rows, facts = read_rows(path, options, Rejects())
    geometry = np.array([] if rows.geometry is None else rows.geometry, dtype=object)
    geometry = shapely.force_2d(geometry)
    polygonal = np.array(
        [g is not None and g.geom_type in {"Polygon", "MultiPolygon"} for g in geometry], dtype=bool
    )
    polygons = geometry[polygonal & ~shapely.is_empty(geometry)]
    if not len(polygons):
        kinds = sorted({g.geom_type for g in geometry if g is not None}) or ["nothing"]
        msg = f"{where}: no polygon in the boundary file; it has {', '.join(kinds)}."
        raise GeometryError(msg, remedy="Give the area that the boundary encloses.", file=where)
    if facts.crs is not None and facts.crs.in_degrees:
        check_swapped(shapely.bounds(polygons)[:, :2], where, None)
    invalid = np.flatnonzero(~shapely.is_valid(polygons))
    if len(invalid):
        reason = shapely.is_valid_reason(polygons[invalid[0]])
        msg = f"{where}: polygon {invalid[0] + 1} of the boundary is invalid ({reason})."
        raise GeometryError(msg, remedy="Redraw the ring there.", file=where, row=invalid[0] + 1)
    assert facts.crs is not None
    union = shapely.union_all(facts.crs.to_lonlat(polygons))
    assert isinstance(union, shapely.Polygon | shapely.MultiPolygon)
    return union
