"""Record batches as rows: values that the checks can work on, geometries as shapely has them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import DataSourceError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Stands for a character that an earlier program could not read: its text is lost.
LOST = "\ufffd"
#: What the first four bytes after the byte order say of the kind, of kinds with curves.
_CURVES = {8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve"}
_CURVES |= {12: "MultiSurface", 15: "PolyhedralSurface", 16: "TIN"}

#: Turns one text column, as Arrow has it, into its values.
Decoder = Callable[[Any], "NDArray[Any]"]


def sliced(batches: Iterator[Any], size: int) -> Iterator[Any]:
    """Yield record batches of at most ``size`` rows, none empty."""
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def columns_of(
    batch: Any,  # noqa: ANN401 - a RecordBatch
    names: dict[str, str],
    first_row: int,
    path: Path,
    decode: Decoder | None = None,
) -> "pd.DataFrame":
    """Return columns of a record batch as a frame.

    Text is ``object`` with ``None`` where there is none; whole numbers stay whole beside missing
    ones; times keep their zone.

    Parameters
    ----------
    batch
        Record batch.
    names
        Column of the batch → name it gets, in order.
    first_row
        Number of its first row, for errors.
    path
        The file, for errors.
    decode
        Turns text columns into text; ``None``: they are text.

    Raises
    ------
    gis.errors.DataSourceError
        A text is broken; names row and field.
    """
    import pandas as pd

    data = {}
    for column, name in names.items():
        field = batch.schema.field(column)
        values = _values(batch.column(column), field, decode)
        if values.dtype == object:
            _refuse_lost(values, name, first_row, path)
            values = pd.Series(values, dtype=object)  # else pandas makes text of its own kind of it
        data[name] = values
    return pd.DataFrame(data, index=pd.RangeIndex(batch.num_rows), copy=False)


def _values(array: Any, field: Any, decode: Decoder | None) -> Any:  # noqa: ANN401 - Arrow in, numpy or Series out
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_nested(array.type):
        return _objects(array.to_pylist())
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array.validate(full=True)
        text = array.to_numpy(zero_copy_only=False) if decode is None else decode(array)
        is_time = (field.metadata or {}).get(b"GDAL:OGR:type") == b"DateTime"
        return _times(text) if is_time else text
    return array.to_pandas(integer_object_nulls=True)


def _objects(values: list[Any]) -> "NDArray[Any]":
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _times(text: "NDArray[Any]") -> Any:  # noqa: ANN401 - times of one zone as a Series, else objects
    """Return ISO times; of several zones, or some without, each keeps its own."""
    import pandas as pd

    try:
        return pd.to_datetime(pd.Series(text, dtype=object), format="ISO8601")
    except ValueError:
        return _objects([None if value is None else pd.Timestamp(value) for value in text])


def _refuse_lost(values: Any, name: str, first_row: int, path: Path) -> None:  # noqa: ANN401 - objects
    for number, value in enumerate(values):
        if isinstance(value, str) and LOST in value:
            row = first_row + number
            msg = (
                f"{path}: row {row}, field '{name}': the text {value[:40]!r} has lost characters "
                "(U+FFFD): an earlier program read it in the wrong encoding."
            )
            raise DataSourceError(
                msg,
                remedy="Export it again from the original, in UTF-8 or GBK.",
                file=str(path),
                row=row,
                field=name,
            )


def shapes_of(array: Any, first_row: int, path: Path) -> "NDArray[Any]":  # noqa: ANN401 - an Arrow array
    """Return a column of WKB as geometries; ``None`` where there is none.

    Raises
    ------
    gis.errors.DataSourceError
        A geometry is broken or curved; names the row.
    """
    import pyarrow as pa
    import shapely

    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    wkb = array.to_numpy(zero_copy_only=False)
    try:
        shapes = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    except NotImplementedError:  # curves: the rows are looked at one by one to name the first
        shapes = np.array([None] * len(wkb), dtype=object)
        plain = np.array([value is None or _kind(value) not in _CURVES for value in wkb])
        shapes[plain] = shapely.from_wkb(wkb[plain], on_invalid="ignore")
    lost = np.flatnonzero(shapely.is_missing(shapes) & np.array([w is not None for w in wkb]))
    if len(lost):
        row = first_row + int(lost[0])
        kind = _CURVES.get(_kind(wkb[lost[0]]))
        what = "cannot be read" if kind is None else f"is a {kind}, which has curves or solids"
        msg = f"{path}: row {row}: the geometry {what} ({len(lost)} rows of this batch)."
        raise DataSourceError(
            msg,
            remedy="Repair it, or convert it to straight lines, and export it again.",
            file=str(path),
            row=row,
        )
    return shapes


def _kind(wkb: bytes) -> int:
    """Return the number of a geometry's kind, whatever its dimensions."""
    order: Any = "little" if wkb[:1] == b"\x01" else "big"
    return (int.from_bytes(wkb[1:5], order) & 0xFFFF) % 1000
