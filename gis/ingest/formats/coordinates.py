"""Where a table has its coordinates, and the geometry that they make.

Two columns of numbers, one column of WKT, or one of pairs such as "117.3,31.8".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.errors import CrsMismatchError, InvalidInputError
from gis.ingest.formats.headers import JOINT

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from gis.geometry.source_crs import SourceCrs
    from gis.ingest.rejects import Rejects
    from gis.ingest.rows import SourceOptions

#: Names of the columns, most telling first, as :func:`_plain` leaves them.
LON_NAMES = ("lon", "lng", "long", "longitude", "经度", "东经", "x", "easting", "坐标x", "x坐标")
LAT_NAMES = ("lat", "latitude", "纬度", "北纬", "y", "northing", "坐标y", "y坐标")
WKT_NAMES = ("wkt", "wkt坐标", "geometry", "geom", "wktgeometry", "几何", "空间坐标串")
PAIR_NAMES = (
    *("经纬度", "坐标", "经纬度坐标", "位置坐标", "坐标位置", "地理坐标", "lonlat", "lnglat"),
    *("lon,lat", "lng,lat", "经度,纬度", "x,y", "location", "coordinate", "coordinates", "coords"),
)
#: Pairs with the latitude first.
REVERSED_NAMES = ("纬经度", "latlon", "latlng", "lat,lon", "lat,lng", "纬度,经度")
#: In degrees these names cannot mean anything else; x and y can be north and east.
_PLANE_NAMES = frozenset({"x", "y", "坐标x", "坐标y", "x坐标", "y坐标"})
_UNIT = re.compile(r"[（(\[【].*?[)）\]】]|[°_\s]|wgs-?84|gcj-?02|bd-?09|cgcs2000")
_NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_PAIR = re.compile(rf"^[\[(]?\s*({_NUMBER})\s*[,;、\s]\s*({_NUMBER})\s*[\])]?$")
_REMEDY = "Give decimal degrees, or metres of the declared system."
#: Metres from the equator and along a zone that no other coordinate of China has.
_NORTHING, _EASTING = (1.5e6, 6.2e6), (1e5, 9e5)

Kind = Literal["xy", "wkt", "pair", "reversed"]


@dataclass(frozen=True, slots=True)
class Place:
    """The columns that hold the coordinates.

    Parameters
    ----------
    kind
        What they hold.
    columns
        Their names: x and y, or one.
    """

    kind: Kind
    columns: tuple[str, ...]


def place_of(
    names: Sequence[str], options: "SourceOptions", path: "Path", shown: str
) -> Place | None:
    """Return the columns with coordinates; ``None`` if the caller wants no geometry.

    Parameters
    ----------
    names
        All columns.
    options
        ``spatial`` and ``crs`` are looked at.
    path
        The file.
    shown
        What the file is, for errors: "a CSV file".

    Raises
    ------
    gis.errors.CrsMismatchError
        No reference system is declared: a table does not say it.
    gis.errors.InvalidInputError
        No column has a name that says it holds coordinates.
    """
    if not options.spatial:
        return None
    if options.crs is None:
        msg = f"{path}: {shown} does not say its coordinate reference system."
        raise CrsMismatchError(
            msg,
            remedy="Declare it, for example with --crs EPSG:4326 for lon, lat of WGS 84.",
            file=str(path),
        )
    found = find_place(names)
    if found is None:
        msg = f"{path}: no coordinates among the columns {', '.join(names)}."
        raise InvalidInputError(
            msg,
            remedy="Name them lon and lat (or 经度 and 纬度), or give one column wkt.",
            file=str(path),
        )
    return found


def find_place(names: Sequence[str]) -> Place | None:
    """Return the columns whose names say that they hold coordinates, if there are any.

    Of names in several rows, such as 位置 over 经度 and 纬度, the last part says it too.
    """
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(_plain(name), name)
    return _called(by_name) or _called(_by_last_part(names))


def _by_last_part(names: Sequence[str]) -> dict[str, str]:
    """Return columns by the last part of their name, where only one column has it.

    A lone x or y is left out: grid_x and max_y are no places.
    """
    parts = [(_plain(name.rsplit(JOINT, 1)[-1]), name) for name in names if JOINT in name]
    count = Counter(part for part, _ in parts)
    return {part: name for part, name in parts if count[part] == 1 and part not in _PLANE_NAMES}


def _called(by_name: Mapping[str, str]) -> Place | None:
    x = next((by_name[name] for name in LON_NAMES if name in by_name), None)
    y = next((by_name[name] for name in LAT_NAMES if name in by_name), None)
    if x is not None and y is not None:
        return Place("xy", (x, y))
    kinds: tuple[tuple[Kind, tuple[str, ...]], ...] = (
        ("wkt", WKT_NAMES),
        ("pair", PAIR_NAMES),
        ("reversed", REVERSED_NAMES),
    )
    for kind, words in kinds:
        column = next((by_name[word] for word in words if word in by_name), None)
        if column is not None:
            return Place(kind, (column,))
    return None


def _plain(name: str) -> str:
    return _UNIT.sub("", unicodedata.normalize("NFKC", name).lower())


class PointMaker:
    """Makes the geometry of batch after batch; what x and y mean is decided by the first one.

    Parameters
    ----------
    place
        The columns.
    crs
        What the coordinates are declared to be in.
    rejects
        Takes values that are no coordinates.
    """

    def __init__(self, place: Place, crs: "SourceCrs | None", rejects: "Rejects") -> None:
        self.place = place
        self.notes: list[str] = []
        self._rejects = rejects
        self._may_swap = _may_swap(place, crs)
        self._swapped: bool | None = None

    def make(self, columns: "pd.DataFrame", numbers: "NDArray[np.int64]") -> "NDArray[Any]":
        """Return one geometry for each row of a batch; ``None`` where the cells are empty.

        Parameters
        ----------
        columns
            The batch, with the columns of the place.
        numbers
            Numbers of its rows, as reports name them.
        """
        import shapely

        with self._rejects.batch(numbers):
            if self.place.kind == "wkt":
                return self._from_wkt(columns[self.place.columns[0]])
            if self.place.kind == "xy":
                x, y, empty = self._from_two(columns)
            else:
                x, y, empty = self._from_pairs(columns[self.place.columns[0]])
        if self._is_swapped(x, y, empty):
            x, y = y, x
        geometry = np.asarray(shapely.points(x, y), dtype=object)
        geometry[empty] = None
        return geometry

    def _from_wkt(self, column: "pd.Series[Any]") -> "NDArray[Any]":
        import shapely

        values = column.to_numpy(dtype=object)
        text = np.where(column.notna().to_numpy(dtype=bool), values, np.array(None, dtype=object))
        geometry = np.asarray(shapely.from_wkt(text, on_invalid="ignore"), dtype=object)
        bad = shapely.is_missing(geometry) & column.notna().to_numpy(dtype=bool)
        self._rejects.add(
            bad,
            str(column.name),
            values,
            "is no geometry in WKT",
            "Write it as POINT (lon lat) …",
            code="not_wkt",
        )
        return geometry

    def _from_two(
        self, columns: "pd.DataFrame"
    ) -> tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.bool_]"]:
        values = [to_floats(columns[name]) for name in self.place.columns]
        blank = [columns[name].isna().to_numpy(dtype=bool) for name in self.place.columns]
        empty = blank[0] & blank[1]
        return (
            self._finite(columns[self.place.columns[0]], values[0], empty),
            self._finite(columns[self.place.columns[1]], values[1], empty),
            empty,
        )

    def _finite(
        self,
        column: "pd.Series[Any]",
        values: "NDArray[np.float64]",
        empty: "NDArray[np.bool_]",
    ) -> "NDArray[np.float64]":
        """Return finite numbers; 0 where a row is rejected."""
        bad = ~np.isfinite(values)
        wrong = bad & ~empty
        if wrong.any():
            shown = column.to_numpy(dtype=object)
            why = "is not a finite number"
            self._rejects.add(wrong, str(column.name), shown, why, _REMEDY, code="not_a_number")
        return np.where(bad, 0.0, values) if bad.any() else values

    def _from_pairs(
        self, column: "pd.Series[Any]"
    ) -> tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.bool_]"]:
        text = column.to_numpy(dtype=object)
        empty = column.isna().to_numpy(dtype=bool)
        xy = np.full((len(text), 2), np.nan)
        for row in np.flatnonzero(~empty).tolist():
            found = _PAIR.match(unicodedata.normalize("NFKC", str(text[row])).strip())
            if found is not None:
                xy[row] = float(found[1]), float(found[2])
        bad = ~empty & ~np.isfinite(xy).all(axis=1)
        self._rejects.add(
            bad,
            str(column.name),
            text,
            "is no pair of finite numbers",
            "Write it as 117.3,31.8: lon, lat.",
            code="not_a_number",
        )
        xy[bad | empty] = 0.0
        x, y = xy[:, 0].copy(), xy[:, 1].copy()
        return (x, y, empty) if self.place.kind == "pair" else (y, x, empty)

    def _is_swapped(
        self,
        x: "NDArray[np.float64]",
        y: "NDArray[np.float64]",
        empty: "NDArray[np.bool_]",
    ) -> bool:
        """Return whether x is the northing, as Chinese surveyors write it; says so once."""
        if not self._may_swap:
            return False
        if self._swapped is None and not empty.all():
            north, east = float(np.median(x[~empty])), float(np.median(y[~empty]))
            self._swapped = _NORTHING[0] < north < _NORTHING[1] and _EASTING[0] < east < _EASTING[1]
            if self._swapped:
                first, second = self.place.columns
                self.notes.append(
                    f"{first} holds northings and {second} eastings, as surveyors write them: "
                    "read as such"
                )
        return bool(self._swapped)


def _may_swap(place: Place, crs: "SourceCrs | None") -> bool:
    if place.kind != "xy" or crs is None or crs.in_degrees:
        return False
    operation = crs.crs.coordinate_operation
    if operation is None or "Transverse Mercator" not in operation.method_name:
        return False
    return all(_plain(name) in _PLANE_NAMES for name in place.columns)


def to_floats(column: "pd.Series[Any]") -> "NDArray[np.float64]":
    """Return a column as numbers, NaN where it has none; full-width digits are read as digits."""
    import pandas as pd

    if isinstance(column.dtype, pd.StringDtype):
        import pyarrow as pa
        import pyarrow.compute as pc

        try:  # all at once, if each value is a plain number
            numbers = pc.cast(pa.array(column), pa.float64())
            return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=float)
        except pa.ArrowInvalid:
            pass
    values = pd.Series(column.to_numpy(dtype=object), dtype=object)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float).copy()
    for row in np.flatnonzero(np.isnan(numbers)).tolist():
        if isinstance(values[row], str):
            numbers[row] = _float(unicodedata.normalize("NFKC", values[row]))
    return np.asarray(numbers, dtype=float)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
