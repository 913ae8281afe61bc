"""What coordinates a source is in: a reference system, or the shifted degrees of web maps."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.transformer import TransformerGroup

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
#: Geodetic systems that coincide with WGS 84 within the movement of plates, about a metre.
_LIKE_WGS84 = frozenset({4326, 4979, 4490, 4480})
_PLATES_M = 1.0
#: The projections of 3 and 6 degrees have their origin 500 km east of the meridian.
_ORIGIN_M, _PREFIX_M = 500_000.0, 1_000_000.0


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

    @property
    def accuracy_m(self) -> float:
        """Metres by which positions in EPSG:4326 may be off for the change of datum; NaN: unknown.

        Unknown where no transformation is published, as from Xian 1980, or where the published
        ones do not cover all of the country, as from Beijing 1954: the datum is then left as it
        is. Shifted degrees are as exact as the open formula, which nobody has published officially.
        """
        return _PLATES_M if self.shift != "none" else _accuracy_m(self.crs)

    @property
    def note(self) -> str:
        """What people should know of the change to EPSG:4326; empty: nothing."""
        if not np.isnan(self.accuracy_m):
            return ""
        geodetic = self.crs.geodetic_crs
        datum = self.crs.name if geodetic is None else geodetic.name
        return (
            f"There is no published transformation from {datum} to WGS 84 for the whole country, "
            "so the datum was left as it is: positions may be off by up to about 100 m. Ask for "
            "the data in CGCS2000 (EPSG:4490) if that matters."
        )

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
        try:
            return to_lonlat(array, self.crs)
        except CrsMismatchError as error:
            hint = _prefix_hint(array, self.crs)
            if not hint:
                raise
            raise CrsMismatchError(
                error.message, remedy=hint, **(dict(error.context) | {"crs": self.name})
            ) from error

    def from_lonlat(self, geometries: Any) -> NDArray[np.object_]:  # noqa: ANN401 - anything numpy takes
        """Return geometries of EPSG:4326 in this system, x before y."""
        array = np.asarray(geometries, dtype=object)
        if self.shift != "none":
            return _moved(array, _THERE[self.shift])
        if self.crs.to_epsg() == 4326 or not array.size:
            return array
        transformer = _from_lonlat(self.crs)

        def apply(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

        return np.asarray(shapely.transform(array, apply), dtype=object)


@lru_cache(maxsize=32)
def _from_lonlat(crs: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)


@lru_cache(maxsize=64)
def _accuracy_m(crs: pyproj.CRS) -> float:
    geodetic = crs.geodetic_crs
    if geodetic is not None and geodetic.to_epsg() in _LIKE_WGS84:
        return 0.0 if geodetic.to_epsg() in {4326, 4979} else _PLATES_M
    with warnings.catch_warnings():  # of grids that are not installed: the accuracy is without them
        warnings.simplefilter("ignore")
        ways = TransformerGroup(crs, "EPSG:4326", always_xy=True).transformers
    # A ballpark way, of which the accuracy is negative, is taken wherever no other one covers.
    known = [way.accuracy for way in ways]
    return max(known) if known and min(known) >= 0 else float("nan")


def _prefix_hint(array: NDArray[np.object_], crs: pyproj.CRS) -> str:
    """Return what to do about eastings with a zone number that the system lacks, or the reverse."""
    present = array[~(shapely.is_missing(array) | shapely.is_empty(array))]
    east = shapely.get_coordinates(present)[:, 0]
    east = east[np.isfinite(east)]
    offset = next((p["value"] for p in _parameters(crs) if p["name"] == "False easting"), None)
    if offset is None or not len(east):
        return ""
    zone, middle = int(offset // _PREFIX_M), float(np.median(east))
    found = int(middle // _PREFIX_M)
    if not zone and 13 <= found <= 45:
        return (
            f"The eastings begin with a zone number ({found}), which {crs.to_string()} does not "
            "have: declare the system of that zone with its number, for example EPSG:4527 "
            "(CGCS2000, zone 39)."
        )
    if zone and 0 <= middle < 2 * _ORIGIN_M:
        return (
            f"The eastings lack the zone number ({zone}) that those of {crs.to_string()} begin "
            "with: declare the system of the same meridian without it, for example EPSG:4548 "
            "(CGCS2000, 117° E)."
        )
    return ""


def _parameters(crs: pyproj.CRS) -> list[dict[str, Any]]:
    operation = crs.coordinate_operation
    if operation is None:
        return []
    return [{"name": p.name, "value": p.value} for p in operation.params]


def _moved(array: NDArray[np.object_], function: Any) -> NDArray[np.object_]:  # noqa: ANN401 - degrees in, degrees out
    if not array.size:
        return array

    def apply(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(function(xy[:, 0], xy[:, 1]))

    return np.asarray(shapely.transform(array, apply), dtype=object)
