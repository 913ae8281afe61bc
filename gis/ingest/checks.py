"""Checks of values and geometries, row by row: every fault of a file is found, not the first."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import CrsMismatchError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import Column
    from gis.ingest.rejects import Rejects

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0", "是"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0", "否"})
#: Share of rows beyond the poles from which a whole file counts as swapped.
SWAPPED_SHARE = 0.5


def check_column(values: "pd.Series[Any]", column: "Column", rejects: "Rejects") -> Any:  # noqa: ANN401 - a Series
    """Return a column's values as its kind, with faults added to ``rejects``.

    Text (from CSV) becomes numbers, truth values, lists and JSON. A missing value stays missing;
    the contract fills in its default.
    """
    array = values.to_numpy(dtype=object)
    missing = np.array([value is None or value != value for value in array], dtype=bool)  # noqa: PLR0124 - NaN, NaT
    if column.required and column.default is None:
        rejects.add(missing, column.name, array, "has no value", column.doc, code="missing")
    converters = {
        "int": _number,
        "float": _number,
        "bool": _truth,
        "date": _time,
        "datetime": _time,
        "json": _json,
        "list": _list,
        "str": _text,
    }
    return converters[column.kind](array, missing, column, rejects)


def _text(
    array: "NDArray[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "NDArray[Any]":
    if column.choices:
        known = np.array([str(value) in column.choices for value in array], dtype=bool)
        remedy = f"Use one of: {', '.join(column.choices)}."
        rejects.add(
            ~missing & ~known,
            column.name,
            array,
            "has a value that is not known",
            remedy,
            code="unknown_code",
        )
    return array


def _number(
    array: "NDArray[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "NDArray[Any]":
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(array, dtype=object), errors="coerce").to_numpy(dtype=float)
    bad = ~missing & ~np.isfinite(numbers)
    rejects.add(bad, column.name, array, "is not a finite number", column.doc, code="not_a_number")
    fine = ~missing & ~bad
    if column.kind == "int":
        part = fine & (np.where(fine, numbers, 0.0) % 1 != 0)
        rejects.add(part, column.name, array, "is not a whole number", column.doc, code="not_whole")
    if column.minimum is not None:
        low = fine & (np.where(fine, numbers, column.minimum) < column.minimum)
        rejects.add(
            low,
            column.name,
            array,
            f"is below {column.minimum:g}",
            column.doc,
            code="below_minimum",
        )
    out = numbers.astype(object)
    out[missing] = None
    return np.asarray(out, dtype=object)


def _truth(
    array: "NDArray[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "NDArray[Any]":
    text = [str(value).lower() for value in array]
    known = np.array([word in _TRUE or word in _FALSE for word in text], dtype=bool)
    rejects.add(
        ~missing & ~known,
        column.name,
        array,
        "is not true or false",
        "Write true or false.",
        code="not_true_or_false",
    )
    truth = np.array([word in _TRUE for word in text], dtype=object)
    truth[missing] = None
    return truth


def _time(
    array: "NDArray[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "NDArray[Any]":
    import pandas as pd

    out = np.full(len(array), None, dtype=object)
    bad, naive = (np.zeros(len(array), dtype=bool) for _ in range(2))
    for row in np.flatnonzero(~missing).tolist():
        try:
            stamp = pd.Timestamp(array[row])
        except (ValueError, TypeError):
            bad[row] = True
            continue
        out[row] = stamp
        naive[row] = column.kind == "datetime" and stamp.tzinfo is None
    word, remedy = ("date", "Use YYYY-MM-DD.") if column.kind == "date" else ("time", _ISO)
    rejects.add(bad, column.name, array, f"is not a {word}", remedy, code="not_a_time")
    rejects.add(naive, column.name, array, "has no time zone", _ISO, code="no_time_zone")
    return out


_ISO = "Use ISO 8601 with a zone, for example 2026-05-01T08:30:00+08:00."


def _json(
    array: "NDArray[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "NDArray[Any]":
    out = np.array(array, dtype=object)
    bad = np.zeros(len(array), dtype=bool)
    for row in np.flatnonzero(~missing).tolist():
        if isinstance(array[row], str):
            try:
                out[row] = json.loads(array[row])
            except json.JSONDecodeError:
                bad[row] = True
    rejects.add(bad, column.name, array, "is not JSON", column.doc, code="not_json")
    return out


def _list(
    array: "NDArray[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "NDArray[Any]":
    del missing, column, rejects  # any text is a list of one
    out = np.array(array, dtype=object)
    for row, value in enumerate(array):
        if isinstance(value, str):
            out[row] = [part.strip() for part in value.split(";") if part.strip()]
    return out


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
    out = np.array(geometry, dtype=object)
    out[lone] = shapely.get_geometry(out[lone], 0)
    return out


def check_geometries(
    geometry: "NDArray[Any]",
    kinds: tuple[str, ...],
    rejects: "Rejects",
    *,
    required: bool,
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
    """
    field = "geometry"
    absent = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    shown = [None if value is None else value.geom_type for value in geometry]
    if required:
        rejects.add(
            absent,
            field,
            shown,
            "is missing or empty",
            "Draw it or leave the row out.",
            code="no_geometry",
        )
    wrong = ~absent & np.array([name not in kinds for name in shown], dtype=bool)
    rejects.add(
        wrong,
        field,
        shown,
        "is of the wrong type",
        f"Use {' or '.join(kinds)}.",
        code="wrong_geometry_type",
    )
    bounds = np.where(absent[:, None], 0.0, shapely.bounds(geometry))
    inside = (np.abs(bounds[:, [0, 2]]) <= 180).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= 90).all(
        axis=1
    )
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    finite = np.ones(len(geometry), dtype=bool)
    finite[owner[~np.isfinite(xy).all(axis=1)]] = False
    off = ~absent & ~(inside & finite)
    places = [str(tuple(bounds[row].tolist())) if off[row] else "" for row in range(len(off))]
    rejects.add(
        off,
        field,
        places,
        "lies outside the world",
        "Check the CRS, and that all are finite.",
        code="off_the_globe",
    )
    check = ~absent & ~off & ~wrong
    invalid = check & ~shapely.is_valid(geometry)
    reasons = [""] * len(geometry)
    for row in np.flatnonzero(invalid).tolist():
        reasons[row] = f"is invalid: {shapely.is_valid_reason(geometry[row])}"
    rejects.add(
        invalid,
        field,
        shown,
        reasons,
        "Redraw the ring so that it does not cross itself.",
        code="invalid_ring",
    )
