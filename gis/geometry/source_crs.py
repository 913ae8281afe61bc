"""What coordinates a source is in: a reference system, or the shifted degrees of web maps."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gis.errors import CrsMismatchError
from gis.geometry import shifts
from gis.geometry.crs import to_lonlat

Shift = Literal["none", "gcj02", "bd09"]
_SHIFT_NAMES: dict[str, Shift] = {
    "gcj02": "gcj02",
    "gcj-02": "gcj02",
    "火星坐标": "gcj02",
    "bd09": "bd09",
    "bd-09": "bd09",
    "bd09ll": "bd09",
    "百度坐标": "bd09",
}
_BACK = {"gcj02": shifts.gcj02_to_wgs84, "bd09": shifts.bd09_to_wgs84}
_THERE = {"gcj02": shifts.wgs84_to_gcj02, "bd09": shifts.wgs84_to_bd09}


@dataclass(frozen=True, slots=True)
class SourceCrs:
    """The coordinates of a source, and the way to EPSG:4326 and back.

    Parameters
    ----------
    crs
        Reference system; of shifted coordinates that of their degrees, EPSG:4326.
    shift
        ``gcj02`` or ``bd09`` if the degrees are shifted.
    """

    crs: pyproj.CRS
    shift: Shift = "none"

    @classmethod
    def parse(cls, text: str, where: str) -> "SourceCrs":
        """Return the system of a declaration: ``EPSG:4490``, ``gcj02``, ``bd09``, WKT, PROJ.

        Raises
        ------
        gis.errors.CrsMismatchError
            It is not known.
        """
        shift = _SHIFT_NAMES.get(text.strip().lower())
        if shift is not None:
            return cls(pyproj.CRS.from_epsg(4326), shift)
        try:
            return cls(pyproj.CRS.from_user_input(text))
        except pyproj.exceptions.CRSError as error:
            raise CrsMismatchError(
                f"{where}: the coordinate reference system {text!r} is not known.",
                remedy="Give an EPSG code, for example EPSG:4490 (CGCS2000) or EPSG:4326 (WGS 84), "
                "or gcj02 or bd09 for the shifted coordinates of web maps.",
                file=where,
                crs=text,
            ) from error

    @property
    def name(self) -> str:
        """Name as people declare it."""
        return self.crs.to_string() if self.shift == "none" else self.shift

    @property
    def in_degrees(self) -> bool:
        """Whether coordinates are lon, lat in degrees."""
        return bool(self.crs.is_geographic)

    def same_as(self, other: "SourceCrs") -> bool:
        """Return whether both mean the same coordinates, the order of axes aside."""
        return self.shift == other.shift and self.crs.equals(other.crs, ignore_axis_order=True)

    def to_lonlat(self, geometries: Any) -> NDArray[np.object_]:  # noqa: ANN401 - anything numpy takes
        """Return geometries of this system in EPSG:4326, lon before lat.

        Raises
        ------
        gis.errors.CrsMismatchError
            A coordinate cannot be brought there.
        """
        array = np.asarray(geometries, dtype=object)
        if self.shift != "none":
            return _moved(array, _BACK[self.shift])
        if self.crs.to_epsg() == 4326:
            return array
        return to_lonlat(array, self.crs)

    def from_lonlat(self, geometries: Any) -> NDArray[np.object_]:  # noqa: ANN401 - anything numpy takes
        """Return geometries of EPSG:4326 in this system, x before y."""
        array = np.asarray(geometries, dtype=object)
        if self.shift != "none":
            return _moved(array, _THERE[self.shift])
        if self.crs.to_epsg() == 4326 or not array.size:
            return array
        transformer = pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)

        def apply(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

        return np.asarray(shapely.transform(array, apply), dtype=object)


def _moved(array: NDArray[np.object_], function: Any) -> NDArray[np.object_]:  # noqa: ANN401 - degrees in, degrees out
    if not array.size:
        return array

    def apply(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(function(xy[:, 0], xy[:, 1]))

    return np.asarray(shapely.transform(array, apply), dtype=object)
