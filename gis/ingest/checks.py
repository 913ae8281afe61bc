"""Checks of columns and geometries, all rows at once: every fault of a file is found.

A column goes two steps: :func:`check_column` reads its values and names what cannot be read,
:func:`finish_column` fills in defaults and gives it the type of its contract.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import CrsMismatchError
from gis.ingest.values import MendLog, clean_dates, clean_numbers, clean_truth, household_sources

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import Column, FrameContract
    from gis.ingest.rejects import Rejects

#: Share of rows beyond the poles from which a whole file counts as swapped.
SWAPPED_SHARE = 0.5
#: Control characters that no text may hold; tab, line feed and carriage return may stand in it.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
_SPACES = (9, 10, 13)


def check_columns(
    columns: "pd.DataFrame",
    contract: "FrameContract",
    rejects: "Rejects",
    mends: MendLog,
    timezone: str | None = None,
) -> "dict[str, pd.Series[Any]]":
    """Return the columns of a contract that a batch has, as their kinds; see :func:`check_column`.

    A required column that is not there is a fault of every row. Of buildings it is said how their
    households became known, unless the file says so.
    """
    import pandas as pd

    data: dict[str, pd.Series[Any]] = {}
    for column in contract.columns:
        if column.name in columns:
            values = columns[column.name]
        elif column.required and column.default is None:
            values = pd.Series([None] * len(columns), dtype=object)
        else:
            continue
        data[column.name] = check_column(values, column, rejects, mends=mends, timezone=timezone)
    if contract.name == "buildings" and {"households", "households_source"} & {*columns} == {
        "households"
    }:
        counted = clean_numbers(columns["households"], contract.column("households"))
        sources = household_sources(counted)
        data["households_source"] = pd.Series(sources, index=columns.index, dtype=object)
    return data


def typed_columns(
    columns: "pd.DataFrame",
    contract: "FrameContract",
    rejects: "Rejects",
    mends: MendLog,
    timezone: str | None = None,
) -> "dict[str, pd.Series[Any]]":
    """Return the columns of a contract that a batch has, checked only where a database would not.

    Numbers, truth values, codes and keys are left as they are: the database has types and
    constraints for them. Times without a zone, control characters, JSON and lists are read as in
    :func:`check_columns`; what is empty gets its default.
    """
    data: dict[str, pd.Series[Any]] = {}
    for column in contract.columns:
        if column.name not in columns:
            continue
        values = columns[column.name]
        if column.kind in {"str", "int", "float", "bool"}:
            if column.default is not None and values.isna().any():
                default = str(column.default) if _is_text(values) else column.default
                values = values.astype(object).where(values.notna(), default)
            if column.kind == "str":
                values = _arrow_series(values, column.name, rejects)
        else:
            checked = check_column(values, column, rejects, mends=mends, timezone=timezone)
            values = finish_column(checked, column)
        data[column.name] = values
    return data


def _is_text(values: "pd.Series[Any]") -> bool:
    present = values[values.notna()]
    return bool(len(present)) and isinstance(present.iloc[0], str)


def check_column(
    values: "pd.Series[Any]",
    column: "Column",
    rejects: "Rejects",
    *,
    mends: MendLog | None = None,
    timezone: str | None = None,
) -> "pd.Series[Any]":
    """Return a column's values as its kind, with faults added to ``rejects``.

    Parameters
    ----------
    values
        Values as the file has them, one for each row.
    column
        What they should be.
    rejects
        Takes the faults.
    mends
        Takes what was read otherwise than it stands there.
    timezone
        IANA name of the zone of times that name none; ``None``: such times are faults.

    Returns
    -------
    pandas.Series
        Missing where there was nothing or a fault; :func:`finish_column` fills in defaults. Text
        is ``object`` of ``str`` or ``None``.
    """
    if column.kind in _CLEANERS:
        if column.kind in {"date", "datetime"}:
            cleaned = clean_dates(values, column, timezone=timezone)
        else:
            cleaned = _CLEANERS[column.kind](values, column)
        cleaned.reject_faults(column.name, values, rejects)
        if mends is not None:
            mends.add(column.name, cleaned.mends)
        found, missing = cleaned.data, cleaned.missing
    else:
        missing = values.isna().to_numpy(dtype=bool)
        reader = {"str": _text, "json": _json, "list": _list}[column.kind]
        found = reader(values, missing, column, rejects)
    if column.required and column.default is None and missing.any():
        shown = values.to_numpy(dtype=object)
        rejects.add(
            missing, column.name, shown, "has no value", f"Give it. {column.doc}", code="missing"
        )
    return found


_CLEANERS: Mapping[str, Any] = {
    "int": clean_numbers,
    "float": clean_numbers,
    "bool": clean_truth,
    "date": clean_dates,
    "datetime": clean_dates,
}


def finish_column(values: "pd.Series[Any]", column: "Column") -> "pd.Series[Any]":
    """Return checked values as their contract wants them: defaults filled in, of its type.

    The same as :meth:`gis.frames.FrameContract.conform` makes of them, without looking at each
    value again.
    """
    import pandas as pd

    missing = values.isna()
    empty = bool(missing.any())
    if empty and column.default is not None:
        values = values.astype(object).where(~missing, column.default)
        empty = False
    if column.kind == "int":
        return values.astype("Int64" if empty else "int64")
    if column.kind == "float":
        return values.astype("float64")
    if column.kind == "bool":
        return values.astype("boolean" if empty else "bool")
    if column.kind == "datetime":
        return pd.to_datetime(values, utc=True)
    if column.kind == "date":
        values = pd.to_datetime(values).dt.date
    values = values.astype(object)
    return values.where(values.notna(), None) if empty else values


def _text(
    values: "pd.Series[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "pd.Series[Any]":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = values.to_numpy(dtype=object)
    try:
        known = _arrow_text(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # numbers, dates, a mixture
        texts = np.array(
            [None if no else str(v) for v, no in zip(texts, missing, strict=True)], dtype=object
        )
        known = pa.array(texts, pa.large_string())
    _refuse_control(known, column.name, rejects)
    if column.choices:
        chosen = pc.is_in(known, pa.array(column.choices, known.type))
        rejects.add(
            ~missing & ~chosen.to_numpy(zero_copy_only=False),
            column.name,
            texts,
            "has a value that is not known",
            f"Use one of: {', '.join(column.choices)}.",
            code="unknown_code",
        )
    if missing.any():
        texts = texts.copy()
        texts[missing] = None
    return pd.Series(texts, index=values.index, dtype=object)


def _arrow_text(values: "pd.Series[Any]") -> Any:  # noqa: ANN401 - an Arrow array
    import pyarrow as pa

    array = pa.array(values, pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _arrow_series(values: "pd.Series[Any]", name: str, rejects: "Rejects") -> "pd.Series[Any]":
    """Return text as Arrow holds it, so that it is not converted again on its way out.

    Rows with control characters are added to ``rejects``; what is not only text stays as it is.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        known = _arrow_text(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [value if isinstance(value, str) else None for value in values]
        _refuse_control(pa.array(texts, pa.large_string()), name, rejects)
        return values
    _refuse_control(known, name, rejects)
    return pd.Series(pd.arrays.ArrowExtensionArray(known), index=values.index)


def _refuse_control(known: Any, name: str, rejects: "Rejects") -> None:  # noqa: ANN401 - an Arrow array
    """Look at all bytes of the column first, which costs next to nothing, then at the rows."""
    import pyarrow.compute as pc

    content = known.buffers()[2]
    if content is None:
        return
    low = np.frombuffer(content, dtype=np.uint8)
    low = low[low < 0x20]
    if not len(low) or np.isin(low, _SPACES).all():
        return
    found = pc.match_substring_regex(known, _CONTROL).fill_null(False)
    rejects.add(
        found.to_numpy(zero_copy_only=False),
        name,
        [None] * len(known),  # what cannot be seen is not shown
        "holds control characters",
        "Remove them from the text.",
        code="control_characters",
    )


def _json(
    values: "pd.Series[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "pd.Series[Any]":
    array = values.to_numpy(dtype=object)
    bad = np.zeros(len(array), dtype=bool)
    out = np.full(len(array), None, dtype=object)
    for row in np.flatnonzero(~missing).tolist():
        value = array[row]
        try:
            out[row] = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError:
            bad[row] = True
    rejects.add(bad, column.name, array, "is not JSON", column.doc, code="not_json")
    return _objects(out, values)


def _list(
    values: "pd.Series[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "pd.Series[Any]":
    del column, rejects  # any text is a list of one
    out = np.full(len(values), None, dtype=object)
    array = values.to_numpy(dtype=object)
    for row in np.flatnonzero(~missing).tolist():
        value = array[row]
        if isinstance(value, str):
            value = [part.strip() for part in value.split(";") if part.strip()]
        out[row] = value
    return _objects(out, values)


def _objects(array: "NDArray[Any]", like: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(array, index=like.index, dtype=object)


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
