"""Record batches as rows: values that the checks can work on, geometries as shapely has them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.ingest.rejects import Rejects

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


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """Where a batch stands in its file, and who takes the faults of its rows."""

    first_row: int
    rejects: "Rejects"

    def refuse(
        self,
        bad: "NDArray[np.bool_]",
        name: str,
        values: Any,  # noqa: ANN401 - an array
        why: tuple[Any, str, str],
    ) -> None:
        """Add a fault for each row where ``bad`` is true; ``why``: reason, remedy, code."""
        if not bad.any():
            return
        numbers = np.arange(self.first_row, self.first_row + len(bad), dtype=np.int64)
        with self.rejects.batch(numbers):
            self.rejects.add(bad, name, values, why[0], why[1], code=why[2])


def columns_of(
    batch: Any,  # noqa: ANN401 - a RecordBatch
    names: dict[str, str],
    place: BatchPlace,
    decode: Decoder | None = None,
) -> "pd.DataFrame":
    """Return columns of a record batch as a frame.

    Text is ``object`` with ``None`` where there is none; whole numbers stay whole beside missing
    ones; times keep their zone. A text with characters that an earlier program lost is a fault of
    its row.

    Parameters
    ----------
    batch
        Record batch.
    names
        Column of the batch → name it gets, in order.
    place
        Number of its first row, and what takes faults.
    decode
        Turns text columns into text; ``None``: they are text.
    """
    import pandas as pd

    data = {}
    for column, name in names.items():
        field = batch.schema.field(column)
        values = _values(batch.column(column), field, decode)
        if values.dtype == object:
            if _may_be_lost(batch.column(column), decode):
                lost = np.array([isinstance(value, str) and LOST in value for value in values])
                place.refuse(lost.astype(bool), name, values, _LOST_WHY)
            values = pd.Series(values, dtype=object)  # else pandas makes text of its own kind of it
        data[name] = values
    return pd.DataFrame(data, index=pd.RangeIndex(batch.num_rows), copy=False)


_LOST_WHY = (
    "has lost characters (U+FFFD): an earlier program read it in the wrong encoding",
    "Export it again from the original, in UTF-8 or GBK.",
    "lost_text",
)
_SHAPE_REMEDY = "Repair it, or convert it to straight lines, and export it again."


def _may_be_lost(array: Any, decode: Decoder | None) -> bool:  # noqa: ANN401 - an Arrow array
    """Return whether values have to be looked at one by one; of plain text the bytes tell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if decode is not None or not plain:
        return True
    return bool(pc.any(pc.match_substring(array, LOST)).as_py())


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


def shapes_of(
    array: Any,  # noqa: ANN401 - an Arrow array
    place: BatchPlace,
    straightened: Callable[[], "NDArray[Any]"] | None = None,
) -> "NDArray[Any]":
    """Return a column of WKB as geometries; ``None`` where there is none, or a broken one.

    Parameters
    ----------
    array
        Column of WKB.
    place
        Takes broken geometries as faults of their rows.
    straightened
        Reads the same rows again with curves as straight lines, as WKB; ``None``: geometries with
        curves are faults too.
    """
    import pyarrow as pa
    import shapely

    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    wkb = array.to_numpy(zero_copy_only=False)
    try:
        shapes = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    except NotImplementedError:  # curves: they are told apart by their numbers
        wkb = wkb if straightened is None else straightened()
        shapes = np.array([None] * len(wkb), dtype=object)
        plain = np.array([value is None or _kind(value) not in _CURVES for value in wkb])
        shapes[plain] = shapely.from_wkb(wkb[plain], on_invalid="ignore")
    lost = shapely.is_missing(shapes) & np.array([value is not None for value in wkb], dtype=bool)
    if lost.any():
        kinds = [None if value is None else _CURVES.get(_kind(value)) for value in wkb]
        why = ["cannot be read" if kind is None else f"is a {kind}" for kind in kinds]
        place.refuse(lost, "geometry", kinds, (why, _SHAPE_REMEDY, "broken_geometry"))
    return shapes


def _kind(wkb: bytes) -> int:
    """Return the number of a geometry's kind, whatever its dimensions."""
    order: Any = "little" if wkb[:1] == b"\x01" else "big"
    return (int.from_bytes(wkb[1:5], order) & 0xFFFF) % 1000
