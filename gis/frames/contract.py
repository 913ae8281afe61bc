"""What a layer's frame must look like: columns, dtypes, units, CRS; checked at every door.

A contract turns a frame that is nearly right into one that is exactly right (column order, dtypes,
defaults), and refuses one that is not, naming the row, the field and the remedy.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import numpy as np

from gis.errors import CrsMismatchError, GeometryError, InvalidInputError
from gis.frames.uuids import uuid_texts

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

#: Namespace of the ids that are derived from a source and its own id.
WANGGE_NAMESPACE = UUID("6f1d9a52-8a43-5d0b-9d9e-0f5c2f3c9a10")
#: How many offending rows an error names.
NAMED_ROWS = 5

#: Characters that no text of a layer may hold (tab, line feed and carriage return may).
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

Kind = Literal["str", "int", "float", "bool", "date", "datetime", "json", "list"]


class Unit(StrEnum):
    """Units of measurement of a column."""

    METRE = "m"
    SQUARE_METRE = "m2"
    COUNT = "count"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame contract.

    Parameters
    ----------
    name
        Column name.
    kind
        Value type; dates are ``datetime.date``, datetimes are time-zone aware.
    doc
        One line for docs/layers.md.
    required
        Whether a value must be present in every row.
    default
        Value for a missing column or a missing value (only if not ``None``).
    choices
        The allowed values, if they are closed.
    minimum
        The smallest allowed number.
    unit
        Unit of measurement.
    """

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: object = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    unit: Unit = Unit.NONE


@dataclass(frozen=True, slots=True)
class FrameContract:
    """The shape of one layer's frame.

    Parameters
    ----------
    name
        Layer name, plural, as in the database.
    columns
        Columns in order, without the geometry.
    geometry
        Allowed geometry types of the active geometry column ``geometry``; empty: a plain frame.
    geometry_required
        Whether each row must have a geometry.
    extra_geometries
        Further geometry columns and their type, for example an entrance point.
    """

    name: str
    columns: tuple[Column, ...]
    geometry: tuple[str, ...] = ()
    geometry_required: bool = True
    extra_geometries: tuple[tuple[str, str], ...] = ()

    def column(self, name: str) -> Column:
        """Return the column called ``name``."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> list[str]:
        """Names of every column, geometry last."""
        names = [column.name for column in self.columns]
        names += [name for name, _ in self.extra_geometries]
        return [*names, "geometry"] if self.geometry else names

    def empty(self) -> "gpd.GeoDataFrame | pd.DataFrame":
        """Return a frame of this contract with no rows."""
        import pandas as pd

        frame: pd.DataFrame = pd.DataFrame({name: [] for name in self.names})
        if self.geometry:
            import geopandas as gpd

            frame = gpd.GeoDataFrame(frame, geometry="geometry", crs="EPSG:4326")
        return self.conform(frame)

    def conform(self, frame: "pd.DataFrame", *, source: str = "") -> Any:  # noqa: ANN401 - a frame or a geo frame, as the contract says
        """Return a copy of ``frame`` with exactly this contract's columns and dtypes.

        Parameters
        ----------
        frame
            A frame with at least the required columns; the index is dropped.
        source
            File or layer that errors name.

        Raises
        ------
        gis.errors.InvalidInputError
            A column or value is missing, of the wrong type, below its minimum or not a choice.
        gis.errors.CrsMismatchError
            The geometry has no CRS or is not in EPSG:4326.
        gis.errors.GeometryError
            A geometry is missing, empty, invalid, not finite or of another type.
        """
        import pandas as pd

        where = source or self.name
        data: dict[str, Any] = {}
        for column in self.columns:
            data[column.name] = _conform_column(frame, column, where)
        out: pd.DataFrame = pd.DataFrame(data, index=pd.RangeIndex(len(frame)))
        if "id" in data and not out["id"].is_unique:
            row = int(np.flatnonzero(out["id"].duplicated())[0])
            _refuse(where, [row], "id", "appears twice", "Give every feature its own id.")
        if not self.geometry:
            return out
        import geopandas as gpd

        for name, kind in self.extra_geometries:
            values = (
                frame[name].to_numpy() if name in frame else np.full(len(frame), None, dtype=object)
            )
            _check_geometries(values, (kind,), where, name, required=False)
            out[name] = gpd.GeoSeries(values, crs="EPSG:4326")
        if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
            msg = f"{where}: the geometry has no coordinate reference system."
            raise CrsMismatchError(
                msg, remedy="Declare it, for example with --crs EPSG:4490.", file=where
            )
        if frame.crs.to_epsg() != 4326:
            msg = f"{where}: expected EPSG:4326, got {frame.crs.to_string()}."
            raise CrsMismatchError(msg, remedy="Reproject it first.", file=where)
        geometries = frame.geometry.to_numpy()
        _check_geometries(
            geometries, self.geometry, where, "geometry", required=self.geometry_required
        )
        return gpd.GeoDataFrame(out, geometry=geometries, crs="EPSG:4326")


def stable_ids(dataset: str, layer: str, source_ids: Iterable[object]) -> list[str]:
    """Return UUIDs derived from a data set, a layer and the source's own ids (UUID version 5).

    The same input always gives the same keys, so a plan drawn twice is the same plan. They are
    those of :func:`uuid.uuid5`; the bits of all are set at once, which takes a quarter of the time.

    Source: RFC 9562, section 5.5.
    """
    prefix = WANGGE_NAMESPACE.bytes + f"{dataset}\x1f{layer}\x1f".encode()
    names = [prefix + str(key).encode() for key in source_ids]
    digests = b"".join([sha1(name, usedforsecurity=False).digest()[:16] for name in names])
    keys = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16).copy()
    keys[:, 6] = keys[:, 6] & 0x0F | 0x50
    keys[:, 8] = keys[:, 8] & 0x3F | 0x80
    return uuid_texts(keys)


def _refuse(where: str, rows: Sequence[int], field: str, what: str, remedy: str) -> None:
    named = ", ".join(str(row + 1) for row in rows[:NAMED_ROWS])
    more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
    msg = f"{where}: field '{field}' {what} in row {named}{more}."
    raise InvalidInputError(
        msg,
        remedy=remedy,
        file=where,
        field=field,
        rows=[int(row) + 1 for row in rows[:NAMED_ROWS]],
    )


def _conform_column(frame: "pd.DataFrame", column: Column, where: str) -> "pd.Series[Any]":
    import pandas as pd

    if column.name not in frame:
        if column.required and column.default is None and len(frame):
            msg = f"{where}: field '{column.name}' is missing."
            raise InvalidInputError(
                msg, remedy=f"Add it: {column.doc}", file=where, field=column.name
            )
        values: pd.Series[Any] = pd.Series([column.default] * len(frame), dtype=object)
    else:
        values = frame[column.name].reset_index(drop=True).astype(object)
        if column.default is not None:
            values = values.where(values.notna(), column.default)
    missing = values.isna()
    if column.required and missing.any():
        _refuse(where, np.flatnonzero(missing).tolist(), column.name, "has no value", column.doc)
    return _typed(values, missing, column, where)


def _typed(  # noqa: C901 - one branch per kind of value
    values: "pd.Series[Any]", missing: "pd.Series[bool]", column: Column, where: str
) -> "pd.Series[Any]":
    import pandas as pd

    if column.kind in {"json", "list"}:
        return values.where(~missing, None)
    if column.kind in {"int", "float"}:
        return _numbers(values, missing, column, where)
    if column.kind == "bool":
        bad = ~missing & ~values.isin([True, False])
        if bad.any():
            _refuse(
                where, np.flatnonzero(bad).tolist(), column.name, "is not true or false", column.doc
            )
        return values.astype("bool") if not missing.any() else values.astype("boolean")
    if column.kind == "datetime":
        stamps = pd.to_datetime(values, utc=True, errors="coerce")
        bad = stamps.isna() & ~missing
        if bad.any():
            _refuse(
                where,
                np.flatnonzero(bad).tolist(),
                column.name,
                "is not a time",
                "Use ISO 8601 with a zone.",
            )
        return stamps
    if column.kind == "date":
        dates = pd.to_datetime(values, errors="coerce")
        bad = dates.isna() & ~missing
        if bad.any():
            _refuse(
                where, np.flatnonzero(bad).tolist(), column.name, "is not a date", "Use YYYY-MM-DD."
            )
        return dates.dt.date.astype(object).where(~missing, None)
    text = values.map(str, na_action=None).astype(object).where(~missing, None)
    control = ~missing & text.map(lambda value: bool(value and _CONTROL.search(value))).astype(bool)
    if control.any():
        rows = np.flatnonzero(control).tolist()
        _refuse(where, rows, column.name, "holds control characters", "Remove them from the text.")
    if column.choices:
        bad = ~missing & ~text.isin(column.choices)
        if bad.any():
            _refuse(
                where,
                np.flatnonzero(bad).tolist(),
                column.name,
                f"has a value that is not known ({text[bad].iloc[0]!r})",
                f"Use one of: {', '.join(column.choices)}.",
            )
    return text


def _numbers(
    values: "pd.Series[Any]", missing: "pd.Series[bool]", column: Column, where: str
) -> "pd.Series[Any]":
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce")
    bad = (numbers.isna() & ~missing) | ~np.isfinite(numbers.fillna(0).astype(float))
    if column.kind == "int":
        bad |= (numbers.fillna(0).astype(float) % 1) != 0
    if bad.any():
        kind = "a whole number" if column.kind == "int" else "a finite number"
        _refuse(where, np.flatnonzero(bad).tolist(), column.name, f"is not {kind}", column.doc)
    if column.minimum is not None:
        low = numbers.fillna(column.minimum).astype(float) < column.minimum
        if low.any():
            _refuse(
                where,
                np.flatnonzero(low).tolist(),
                column.name,
                f"is below {column.minimum:g}",
                column.doc,
            )
    if column.kind == "float":
        return numbers.astype("float64")
    return numbers.astype("int64") if not missing.any() else numbers.astype("Int64")


def _check_geometries(
    geometries: Any,  # noqa: ANN401 - an object array of geometries
    kinds: tuple[str, ...],
    where: str,
    field: str,
    *,
    required: bool,
) -> None:
    import shapely

    array = np.asarray(geometries, dtype=object)
    absent = shapely.is_missing(array) | (shapely.is_empty(array))
    if required and absent.any():
        _refuse_geometry(
            where,
            np.flatnonzero(absent),
            field,
            "is missing or empty",
            "Draw it or leave the row out.",
        )
    present = np.flatnonzero(~shapely.is_missing(array))
    chosen = array[present]
    names = np.array([geometry.geom_type for geometry in chosen], dtype=object)
    wrong = present[~np.isin(names, kinds)] if len(present) else present
    if len(wrong):
        _refuse_geometry(
            where, wrong, field, f"is a {array[wrong[0]].geom_type}", f"Use {' or '.join(kinds)}."
        )
    bounds = shapely.bounds(chosen)
    outside = ~(
        (bounds[:, 0] >= -180)
        & (bounds[:, 2] <= 180)
        & (bounds[:, 1] >= -90)
        & (bounds[:, 3] <= 90)
    ) & ~shapely.is_empty(chosen)
    if outside.any():
        _refuse_geometry(
            where,
            present[outside],
            field,
            "lies outside the world",
            "Check that coordinates are lon, lat in degrees and finite.",
        )
    invalid = ~shapely.is_valid(chosen)
    if invalid.any():
        reason = shapely.is_valid_reason(chosen[np.flatnonzero(invalid)[0]])
        _refuse_geometry(
            where, present[invalid], field, f"is invalid ({reason})", "Repair the ring."
        )


def _refuse_geometry(where: str, rows: Any, field: str, what: str, remedy: str) -> None:  # noqa: ANN401 - an integer array
    named = ", ".join(str(row + 1) for row in rows[:NAMED_ROWS])
    more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
    msg = f"{where}: {field} {what} in row {named}{more}."
    raise GeometryError(
        msg,
        remedy=remedy,
        file=where,
        field=field,
        rows=[int(row) + 1 for row in rows[:NAMED_ROWS]],
    )
