"""Rows of a frame in PostgreSQL's binary COPY format, column by column.

Each column becomes one or two Arrow arrays of bytes, a length and a value for each row; joined row
by row they are the stream. No text is written or parsed, so nothing is quoted, and no text can be
taken for NULL.

Source: PostgreSQL documentation, "COPY", Binary Format, and the receive functions of its types. A
geometry goes as plain WKB: PostGIS gives it the SRID that its column declares.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from geoalchemy2 import Geography, Geometry
from sqlalchemy.dialects import postgresql as pg

from gis.errors import InvalidInputError
from gis.frames.uuids import canonical_uuids

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray
    from sqlalchemy import Column

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
#: PostgreSQL counts days and microseconds from the first of January 2000.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAYS = 10_957
_EPOCH_US = _EPOCH_DAYS * 86_400_000_000
_NULL = np.array([-1], dtype=">i4").tobytes()
#: Of a value whose length does not vary, before its bytes.
_LENGTH_BYTES = 4
_TEXT_OID = 25

#: Arrow arrays of bytes that follow each other in each row.
Parts = list["pa.LargeBinaryArray"]


class UnfitValueError(InvalidInputError):
    """A value that a column of the database cannot hold.

    Attributes
    ----------
    row
        Position of the row in the frame, the first is 0.
    column, value, kind
        Where it stands, what stands there, and the type that it should be of.
    """

    def __init__(self, row: int, column: str, value: object, kind: str) -> None:
        self.row, self.column, self.value, self.kind = row, column, value, kind
        super().__init__(
            f"Row {row + 1}, field '{column}': {str(value)[:80]!r} is no {kind}.",
            remedy="Mend the value, or import the file with its checks, which name every fault.",
            row=row + 1,
            field=column,
        )


def encode_rows(frame: "pd.DataFrame", columns: "Sequence[Column[Any]]") -> bytes:
    """Return a frame's rows as a complete binary COPY stream.

    Parameters
    ----------
    frame
        Columns named as in the table; geometries in the CRS that their column declares.
    columns
        The table's columns, in the order of the COPY statement.

    Raises
    ------
    UnfitValueError
        A value is not of its column's kind, naming the first such row.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    count = np.array([len(columns)], dtype=">i2").tobytes()
    parts: list[Any] = [pa.scalar(count, pa.large_binary())]
    for column in columns:
        parts += _parts(frame[column.name], column)
    rows = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    ends = np.frombuffer(rows.buffers()[1], dtype=np.int64)[: len(rows) + 1]
    content = memoryview(rows.buffers()[2])[ends[0] : ends[-1]]
    return b"".join([HEADER, content, TRAILER])


def _parts(values: "pd.Series[Any]", column: "Column[Any]") -> Parts:
    encoder = _encoder(column)
    try:
        return encoder(values, column)
    except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
        kind = str(column.type.compile(pg.dialect())).lower()  # type: ignore[no-untyped-call]
        for row in range(len(values)):
            try:
                encoder(values.iloc[row : row + 1], column)
            except (ValueError, TypeError, OverflowError, ArithmeticError):
                raise UnfitValueError(row, column.name, values.iloc[row], kind) from error
        raise


def _encoder(column: "Column[Any]") -> "Callable[[pd.Series[Any], Column[Any]], Parts]":
    for kind, encoder in _ENCODERS:
        if isinstance(column.type, kind):
            return encoder
    msg = f"{column.table.name}.{column.name}: no binary form of {column.type!r} is known."
    raise TypeError(msg)


# -- Values of one length ----------------------------------------------------------------------


def _arrow(values: "pd.Series[Any]", kind: "pa.DataType") -> Any:  # noqa: ANN401 - an Arrow array
    """Return values as one Arrow array of a type; NaN and NaT are null."""
    import pyarrow as pa

    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(kind)


def _fixed(array: Any, dtype: str) -> Parts:  # noqa: ANN401 - an Arrow array of numbers
    """Return numbers with their length before them; of a null only the length, -1."""
    numbers = array.fill_null(array.type.to_pandas_dtype()(0)).to_numpy(zero_copy_only=False)
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    return [_cells(numbers.astype(dtype), missing)]


def _cells(values: "NDArray[Any]", missing: "NDArray[np.bool_] | None") -> Any:  # noqa: ANN401 - an Arrow array
    """Return values of one length, shape (n,), each behind its length."""
    width = values.dtype.itemsize
    cells = np.empty(len(values), dtype=[("length", ">i4"), ("value", values.dtype)])
    cells["length"] = width
    cells["value"] = values
    if missing is None or not missing.any():
        return _binary(np.full(len(values), _LENGTH_BYTES + width), cells.tobytes())
    cells["length"][missing] = -1
    kept = np.ones((len(values), _LENGTH_BYTES + width), dtype=bool)
    kept[missing, _LENGTH_BYTES:] = False
    flat = cells.view(np.uint8).reshape(len(values), -1)[kept]
    return _binary(kept.sum(axis=1), flat.tobytes())


def _binary(lengths: "NDArray[np.int64]", data: bytes) -> Any:  # noqa: ANN401 - an Arrow array
    import pyarrow as pa

    ends = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(lengths), buffers)


def _integers(values: "pd.Series[Any]", column: "Column[Any]") -> Parts:
    import pyarrow as pa

    if isinstance(column.type, sa.SmallInteger):
        return _fixed(_arrow(values, pa.int16()), ">i2")
    if isinstance(column.type, sa.BigInteger):
        return _fixed(_arrow(values, pa.int64()), ">i8")
    return _fixed(_arrow(values, pa.int32()), ">i4")


def _doubles(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    import pyarrow as pa

    return _fixed(_arrow(values, pa.float64()), ">f8")


def _booleans(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    import pyarrow as pa

    return _fixed(_arrow(values, pa.bool_()).cast(pa.int8()), ">i1")


def _dates(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    import pyarrow as pa
    import pyarrow.compute as pc

    days = _arrow(values, pa.date32()).cast(pa.int32())
    return _fixed(pc.subtract_checked(days, pa.scalar(_EPOCH_DAYS, pa.int32())), ">i4")


def _moments(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(values):
        values = pd.to_datetime(values, utc=True, format="ISO8601")
    missing = values.isna().to_numpy(dtype=bool)
    utc = values.dt.tz_localize("UTC") if values.dt.tz is None else values.dt.tz_convert("UTC")
    moments = utc.dt.as_unit("us").astype("int64").to_numpy()
    return [_cells((moments - np.where(missing, 0, _EPOCH_US)).astype(">i8"), missing)]


def _uuids(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    texts = values.to_numpy(dtype=object)
    missing = values.isna().to_numpy(dtype=bool)
    keys = np.zeros((len(texts), 16), dtype=np.uint8)
    keys[~missing] = _uuid_bytes(texts[~missing])
    return [_cells(keys.view("V16")[:, 0], missing)]


def _uuid_bytes(texts: "NDArray[Any]") -> "NDArray[np.uint8]":
    """Return UUIDs in any form that ``uuid.UUID`` takes as their bytes, shape (n, 16)."""
    plain = canonical_uuids(texts)
    if plain is not None:
        return plain
    found = b"".join(UUID(str(value)).bytes for value in texts)
    return np.frombuffer(found, dtype=np.uint8).reshape(-1, 16)


# -- Values of any length ----------------------------------------------------------------------


def _variable(array: Any, before: "NDArray[np.int64] | int" = 0) -> Parts:  # noqa: ANN401 - an Arrow array of bytes or text
    """Return the lengths, -1 for null, and the bytes; ``before``: bytes put between, by row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    data = array.cast(pa.large_binary())
    lengths = pc.binary_length(data).fill_null(-1).to_numpy(zero_copy_only=False) + before
    if array.null_count:
        data = data.fill_null(b"")
    head = _binary(np.full(len(lengths), _LENGTH_BYTES), lengths.astype(">i4").tobytes())
    return [head, data]


def _texts(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    import pyarrow as pa

    try:
        array = _arrow(values, pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # not only text
        array = pa.array(
            values.astype(object).map(str, na_action="ignore"), pa.large_string(), from_pandas=True
        )
    return _variable(array)


def _json(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    return _blobs(values, lambda value: b"\x01" + json.dumps(value, ensure_ascii=False).encode())


def _bytes(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    return _blobs(values, _whole)


def _whole(value: Any) -> bytes:  # noqa: ANN401 - bytes, or what can be read as such
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(value)
    return bytes(value)


def _lists(values: "pd.Series[Any]", _: "Column[Any]") -> Parts:
    return _blobs(values, _list)


def _list(items: Any) -> bytes:  # noqa: ANN401 - anything that can be gone through
    texts = [None if item is None else str(item).encode() for item in items]
    head = [1, any(text is None for text in texts), _TEXT_OID, len(texts), 1]
    if not texts:
        head = [0, 0, _TEXT_OID]
    content = [_NULL if text is None else _int4(len(text)) + text for text in texts]
    return b"".join([np.array(head, dtype=">i4").tobytes(), *content])


def _ranges(values: "pd.Series[Any]", column: "Column[Any]") -> Parts:
    bound = _day if isinstance(column.type, pg.DATERANGE) else _moment
    return _blobs(values, lambda value: _range(value, bound))


def _range(text: str, bound: Callable[[str], bytes]) -> bytes:
    """Return a range written as ``[a,b)``, with or without ends, as the server receives it."""
    if text == "empty":
        return b"\x01"
    if len(text) < 3 or text[0] not in "[(" or text[-1] not in ")]":
        raise ValueError(text)
    lower, upper = text[1:-1].split(",")
    flags = 0x02 * (text[0] == "[" and bool(lower)) + 0x04 * (text[-1] == "]" and bool(upper))
    flags += 0x08 * (not lower) + 0x10 * (not upper)
    ends = [bound(end) for end in (lower, upper) if end]
    return bytes([flags]) + b"".join(_int4(len(end)) + end for end in ends)


def _day(text: str) -> bytes:
    return _int4(date.fromisoformat(text.strip()).toordinal() - _EPOCH.date().toordinal())


def _moment(text: str) -> bytes:
    moment = datetime.fromisoformat(text.strip())
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return microseconds.to_bytes(8, "big", signed=True)


def _int4(number: int) -> bytes:
    return number.to_bytes(4, "big", signed=True)


def _blobs(values: "pd.Series[Any]", encode: Callable[[Any], bytes]) -> Parts:
    import pyarrow as pa

    array = values.to_numpy(dtype=object)
    blobs = [None if _is_absent(value) else encode(value) for value in array]
    return _variable(pa.array(blobs, pa.large_binary()))


def _is_absent(value: object) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


# -- Geometries --------------------------------------------------------------------------------

_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
#: A collection of one polygon, before the polygon.
_ONE_POLYGON = b"\x01" + np.array([6, 1], dtype="<u4").tobytes()


def _geometries(values: "pd.Series[Any]", column: "Column[Any]") -> Parts:
    import pyarrow as pa
    import shapely

    array = np.array(values.to_numpy(), dtype=object)
    array[values.isna().to_numpy(dtype=bool)] = None
    kinds = shapely.get_type_id(array)
    if len(array) and (kinds == shapely.GeometryType.POINT).all():
        return [_cells(_points(array), None)]
    blobs = pa.array(
        np.asarray(shapely.to_wkb(array, output_dimension=2, byte_order=1), dtype=object),
        pa.large_binary(),
    )
    alone = kinds == shapely.GeometryType.POLYGON
    if not (alone.any() and str(column.type.geometry_type).upper() == "MULTIPOLYGON"):  # type: ignore[attr-defined] # a Geometry
        return _variable(blobs)
    head, content = _variable(blobs, alone * len(_ONE_POLYGON))
    around = np.where(alone, len(_ONE_POLYGON), 0)
    return [head, _binary(around, _ONE_POLYGON * int(alone.sum())), content]


def _points(points: "NDArray[Any]") -> "NDArray[Any]":
    import shapely

    out = np.empty(len(points), dtype=_POINT)
    out["order"], out["kind"] = 1, 1
    out["x"], out["y"] = shapely.get_x(points), shapely.get_y(points)
    return out


#: From the special to the general: the first that fits is taken.
_ENCODERS: tuple[tuple[Any, Callable[..., Parts]], ...] = (
    (Geometry, _geometries),
    (Geography, _geometries),
    (pg.JSONB, _json),
    (sa.ARRAY, _lists),
    (pg.TSTZRANGE, _ranges),
    (pg.DATERANGE, _ranges),
    (sa.Uuid, _uuids),
    (sa.Boolean, _booleans),
    (sa.Integer, _integers),
    (sa.Float, _doubles),
    (sa.DateTime, _moments),
    (sa.Date, _dates),
    (sa.Text, _texts),
    (sa.LargeBinary, _bytes),
)
