"""The ground that is imported: its outline in degrees and metres, and the way between the two."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.geometry.crs import projected_crs, to_lonlat, to_projected

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import CRS


@dataclass(frozen=True)
class Ground:
    """An outline with the projected CRS that is measured in.

    Parameters
    ----------
    outline
        Polygon or multipolygon in EPSG:4326.
    outline_m
        The same in ``crs``, metres.
    crs
        The projected CRS.
    """

    outline: Any
    outline_m: Any
    crs: "CRS"

    @classmethod
    def of(cls, outline: Any) -> "Ground":  # noqa: ANN401 - a polygon or multipolygon
        """Return the ground of an outline in EPSG:4326."""
        crs = projected_crs(*outline.representative_point().coords[0])
        return cls(outline, to_projected([outline], crs)[0], crs)

    def to_metres(self, geometry: "NDArray[Any]") -> "NDArray[Any]":
        """Return geometries of EPSG:4326 in the projected CRS."""
        return to_projected(geometry, self.crs)

    def to_degrees(self, geometry: "NDArray[Any]") -> "NDArray[Any]":
        """Return geometries of the projected CRS in EPSG:4326."""
        return to_lonlat(geometry, self.crs)

    def holds(self, geometry: "NDArray[Any]") -> "NDArray[np.bool_]":
        """Return which geometries of EPSG:4326 touch the outline."""
        shapely.prepare(self.outline)
        return np.asarray(shapely.intersects(self.outline, geometry), dtype=bool)


def require_overlap(outline: Any, extent: Any, where: str) -> float:  # noqa: ANN401 - polygons
    """Return the share of the outline that the data's extent covers.

    Raises
    ------
    gis.errors.InvalidInputError
        They do not meet; the message says how far apart they are.
    """
    shared = outline.intersection(extent).area
    if shared > 0:
        return float(shared / outline.area)
    from pyproj import Geod

    ends = shapely.shortest_line(outline, extent)
    distance_km = Geod(ellps="WGS84").geometry_length(ends) / 1000
    msg = (
        f"{where}: nothing lies in the boundary; the data begin {distance_km:,.1f} km away from it."
    )
    raise InvalidInputError(
        msg,
        remedy="Give the boundary of a place that the file covers (lon, lat in degrees).",
        file=where,
        distance_km=round(distance_km, 1),
    )
