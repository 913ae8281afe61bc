"""Checks of geometries, all rows at once: their kind, their place, their rings, their axes."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import CrsMismatchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.ingest.rejects import Rejects

#: Share of rows beyond the poles from which a whole file counts as swapped.
SWAPPED_SHARE = 0.5


class AxisWatch:
    """Finds out whether the coordinates of a file only make sense with lon and lat exchanged.

    Parameters
    ----------
    where
        File that the error names.
    within
        The ground the rows should lie on, in EPSG:4326; None: only latitudes beyond the poles
        give it away.
    """

    def __init__(self, where: str, within: Any = None) -> None:  # noqa: ANN401 - a polygon or None
        self._where = where
        self._within = within
        self._count = self._beyond = self._as_is = self._exchanged = 0
        self._example: tuple[int, float, float] | None = None
        if within is not None:
            shapely.prepare(within)

    def add(self, geometry: "NDArray[Any]", numbers: "NDArray[np.int64]") -> None:
        """Take geometries in degrees as the file has them, and the numbers of their rows."""
        corners = shapely.bounds(geometry)[:, :2]
        fine = np.isfinite(corners).all(axis=1)
        x, y, numbers = corners[fine, 0], corners[fine, 1], numbers[fine]
        beyond = (np.abs(y) > 90) & (np.abs(y) <= 180) & (np.abs(x) <= 90)
        exchanged = np.zeros(len(x), dtype=bool)
        if self._within is not None:
            self._as_is += int(shapely.intersects_xy(self._within, x, y).sum())
            exchanged = shapely.intersects_xy(self._within, y, x)
        self._count += len(x)
        self._beyond += int(beyond.sum())
        self._exchanged += int(exchanged.sum())
        found = np.flatnonzero(beyond | exchanged)
        if self._example is None and len(found):
            row = found[0]
            self._example = (int(numbers[row]), float(x[row]), float(y[row]))

    def raise_if_exchanged(self) -> None:
        """Raise if it is so for most rows so far.

        Raises
        ------
        gis.errors.CrsMismatchError
            Naming the first point as it is and as it should be.
        """
        half = SWAPPED_SHARE * self._count
        if self._example is None or not (
            self._beyond > half or (self._exchanged > half > self._as_is)
        ):
            return
        row, x, y = self._example
        msg = (
            f"{self._where}: lon and lat are swapped: row {row} says lon {x:g}, "
            f"lat {y:g}, and lies where it should only as lon {y:g}, lat {x:g}."
        )
        raise CrsMismatchError(
            msg,
            remedy="Exchange the two columns, or name them rightly with --column.",
            file=self._where,
            row=row,
        )


def check_swapped(xy: "NDArray[np.float64]", where: str, within: Any) -> None:  # noqa: ANN401 - a polygon or None
    """Raise if points in degrees only make sense exchanged; see :class:`AxisWatch`.

    Parameters
    ----------
    xy
        One point per row: lon, lat in degrees as the file has them, shape (n, 2).
    where
        File that the error names.
    within
        The ground the rows should lie on, in EPSG:4326, or None.

    Raises
    ------
    gis.errors.CrsMismatchError
        Naming the first point as it is and as it should be.
    """
    axes = AxisWatch(where, within)
    axes.add(np.asarray(shapely.points(xy), dtype=object), np.arange(1, len(xy) + 1))
    axes.raise_if_exchanged()


def single_parts(geometry: "NDArray[Any]", kinds: tuple[str, ...]) -> "NDArray[Any]":
    """Return collections of one part as that part, where the contract wants no collection."""
    types = shapely.get_type_id(geometry)
    wanted = [getattr(shapely.GeometryType, kind.upper()) for kind in kinds]
    lone = (types >= shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(geometry) == 1)
    lone &= (types != shapely.GeometryType.GEOMETRYCOLLECTION) & ~np.isin(types, wanted)
    if not lone.any():
        return geometry
    out = np.array(geometry, dtype=object)
    out[lone] = shapely.get_geometry(out[lone], 0)
    return out


def check_geometries(
    geometry: "NDArray[Any]",
    kinds: tuple[str, ...],
    rejects: "Rejects",
    *,
    required: bool,
    valid: bool = True,
) -> None:
    """Add to ``rejects`` geometries that are missing, of another type, off the globe or invalid.

    Parameters
    ----------
    geometry
        In EPSG:4326.
    kinds
        Allowed geometry types.
    rejects
        Takes the faults, with the reason and place of an invalid ring.
    required
        Whether each row must have one.
    valid
        Whether rings are checked, which takes most of the time.
    """
    types = shapely.get_type_id(geometry)
    if kinds == ("Point",) and _are_fine_points(geometry, types):
        return
    absent = (types < 0) | shapely.is_empty(geometry)
    shown = _Kinds(types)
    field = "geometry"
    if required:
        rejects.add(
            absent,
            field,
            shown,
            "is missing or empty",
            "Draw it or leave the row out.",
            code="no_geometry",
        )
    wrong = ~absent & ~np.isin(types, [_TYPE_IDS[kind] for kind in kinds])
    rejects.add(
        wrong,
        field,
        shown,
        "is of the wrong type",
        f"Use {' or '.join(kinds)}.",
        code="wrong_geometry_type",
    )
    off = ~absent & _off_the_globe(geometry)
    rejects.add(
        off,
        field,
        _Bounds(geometry),
        "lies outside the world",
        "Check the CRS, and that all are finite.",
        code="off_the_globe",
    )
    if valid:
        _check_rings(geometry, ~absent & ~off & ~wrong, shown, rejects)


_TYPE_IDS = {
    "Point": 0,
    "LineString": 1,
    "Polygon": 3,
    "MultiPoint": 4,
    "MultiLineString": 5,
    "MultiPolygon": 6,
    "GeometryCollection": 7,
}
_TYPE_NAMES = {number: name for name, number in _TYPE_IDS.items()} | {2: "LinearRing"}


class _Kinds:
    """The kinds of geometries by row, made into words only where they are asked for."""

    def __init__(self, types: "NDArray[np.int32]") -> None:
        self._types = types

    def __getitem__(self, row: int) -> str | None:
        return _TYPE_NAMES.get(int(self._types[row]))


class _Bounds:
    """The bounds of geometries by row, made into words only where they are asked for."""

    def __init__(self, geometry: "NDArray[Any]") -> None:
        self._geometry = geometry

    def __getitem__(self, row: int) -> str:
        return str(tuple(shapely.bounds(self._geometry[row]).tolist()))


def _are_fine_points(geometry: "NDArray[Any]", types: "NDArray[np.int32]") -> bool:
    if not (types == 0).all():
        return False
    x, y = shapely.get_x(geometry), shapely.get_y(geometry)
    return bool(((np.abs(x) <= 180) & (np.abs(y) <= 90)).all())  # NaN fails both


def _off_the_globe(geometry: "NDArray[Any]") -> "NDArray[np.bool_]":
    bounds = shapely.bounds(geometry)
    inside = (np.abs(bounds[:, [0, 2]]) <= 180).all(axis=1)
    inside &= (np.abs(bounds[:, [1, 3]]) <= 90).all(axis=1)
    off = np.array(~inside, dtype=bool)
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        xy, owner = shapely.get_coordinates(geometry, return_index=True)
        off[owner[~np.isfinite(xy).all(axis=1)]] = True
    return off


def _check_rings(
    geometry: "NDArray[Any]", asked: "NDArray[np.bool_]", shown: _Kinds, rejects: "Rejects"
) -> None:
    invalid = asked & ~shapely.is_valid(geometry)
    if not invalid.any():
        return
    reasons = [""] * len(geometry)
    for row in np.flatnonzero(invalid).tolist():
        reasons[row] = f"is invalid: {shapely.is_valid_reason(geometry[row])}"
    rejects.add(
        invalid,
        "geometry",
        shown,
        reasons,
        "Redraw the ring so that it does not cross itself.",
        code="invalid_ring",
    )
