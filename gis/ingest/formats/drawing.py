"""DXF drawings: closed lines become polygons, and the texts that stand in them their names.

A drawing has no rows. What it has are outlines and, drawn over them, texts; a person sees that
"3幢" is the name of the building it stands in. It is read as a whole, because a text may come
anywhere before or after its outline.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.ingest.formats.agreement import agreed_crs
from gis.ingest.formats.arrow import BatchPlace, columns_of, shapes_of
from gis.ingest.formats.encodings import GB18030, UTF8, TextEncoding, encoding_of_file
from gis.ingest.formats.sniffing import DXF, check_content
from gis.ingest.formats.steady import steady
from gis.ingest.formats.vector import opened
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.ingest.rejects import Rejects

#: A line whose ends are nearer than this is meant to be closed: 1 mm, in metres and in degrees.
_CLOSED_M, _CLOSED_DEGREES = 1e-3, 1e-8
#: Columns of a drawing, and GDAL's names of them.
_COLUMNS = {"Layer": "layer", "Text": "text", "EntityHandle": "handle"}
#: Where a drawing says its code page and its version; from AC1021 (2007) on text is UTF-8.
_CODE_PAGE = re.compile(rb"\$DWGCODEPAGE\s+3\s+(\S+)")
_VERSION = re.compile(rb"\$ACADVER\s+1\s+AC(\d{4})")
_UTF8_SINCE = 1021
_HEAD_BYTES = 64 << 10
_GDAL_NAMES = {UTF8: "UTF-8", "utf-8-sig": "UTF-8", GB18030: "GB18030"}
#: A character by its number, as programs write it that their code page lacks.
_ESCAPE = re.compile(r"\\U\+([0-9A-Fa-f]{4})")


@dataclass(frozen=True, slots=True)
class DrawingSource:
    """The outlines, lines and points of a drawing."""

    facts: SourceFacts
    columns: "pd.DataFrame"
    geometry: "NDArray[Any]"

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order."""
        for start in range(0, len(self.columns), size):
            rows = slice(start, start + size)
            columns = self.columns.iloc[rows].reset_index(drop=True)
            yield RowBatch(start + 1, columns, self.geometry[rows])

    def close(self) -> None:
        """Nothing is held open."""


def open_drawing(path: Path, options: SourceOptions, rejects: "Rejects") -> DrawingSource:
    """Open a DXF drawing; see :func:`gis.ingest.formats.open_source`.

    ``options.layer`` is a layer of the drawing; without it all are read, and column ``layer`` says
    which each row is of.
    """
    check_content(path, DXF)
    crs, notes = agreed_crs(None, options.crs, path)
    tolerance = _CLOSED_DEGREES if crs.in_degrees else _CLOSED_M
    with steady(path):
        encoding = drawing_encoding(path, options.encoding)
        columns, shapes, said = _entities(path, encoding, rejects)
    shapes, closed = _closed(shapes, tolerance)
    columns, shapes, labelled = _labelled(columns, shapes, _layer_mask(path, columns, options))
    notes += (*encoding.notes, *said, *closed, *labelled)
    names = tuple(_COLUMNS.values())
    facts = SourceFacts(
        path, DXF.name, options.layer, crs, names, len(columns), encoding.codec, notes
    )
    return DrawingSource(facts, columns, shapes)


def drawing_encoding(path: Path, declared: str | None) -> TextEncoding:
    """Return the encoding of a drawing's text: what the bytes are, then what it claims.

    Raises
    ------
    gis.errors.DataSourceError
        The text does not fit the declared encoding, or none that is known.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(b"AutoCAD Binary DXF"):
        return TextEncoding(declared or GB18030)
    version, page = _VERSION.search(head), _CODE_PAGE.search(head)
    claimed = None
    if page is not None and not (version is not None and int(version[1]) >= _UTF8_SINCE):
        claimed = (page[1].decode("ascii", "replace"), "$DWGCODEPAGE")
    return encoding_of_file(path, declared, claimed)


def _entities(
    path: Path, encoding: TextEncoding, rejects: "Rejects"
) -> tuple["pd.DataFrame", "NDArray[Any]", tuple[str, ...]]:
    """Return the entities of the model; what is on its layouts for printing is left out."""
    import pandas as pd
    import pyarrow as pa

    name = _GDAL_NAMES.get(encoding.codec, encoding.codec.upper())
    with ExitStack() as stack:
        _, reader, said = opened(path, DXF, path, stack, ENCODING=name)
        table = pa.Table.from_batches(list(reader), schema=reader.schema).combine_chunks()
    if not table.num_rows:
        empty = pd.DataFrame({name: [] for name in _COLUMNS.values()}, dtype=object)
        return empty, np.array([], dtype=object), said
    batch = table.to_batches()[0]
    place = BatchPlace(1, rejects)
    columns = columns_of(batch, {**_COLUMNS, "PaperSpace": "paper"}, place)
    shapes = shapes_of(batch.column("wkb_geometry"), place)
    model = ~columns.pop("paper").fillna(value=False).to_numpy(dtype=bool)
    for column in ("layer", "text"):
        columns[column] = _unescaped(columns[column])
    on_point = np.asarray(shapely.get_type_id(shapes) == 0)
    columns.loc[~on_point, "text"] = None  # the name of a hatch's pattern
    if not model.all():
        said += (f"{(~model).sum()} entities on layouts for printing are left out",)
    return columns[model].reset_index(drop=True), shapes[model], said


def _unescaped(values: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    def character(found: re.Match[str]) -> str:
        return chr(int(found[1], 16))

    texts = [_ESCAPE.sub(character, text) if isinstance(text, str) else None for text in values]
    return pd.Series(texts, index=values.index, dtype=object)


def _closed(shapes: "NDArray[Any]", tolerance: float) -> tuple["NDArray[Any]", tuple[str, ...]]:
    """Return closed lines as polygons, and a note on those that were closed."""
    out, mended = np.array(shapes, dtype=object), 0
    lines = np.flatnonzero(
        (shapely.get_type_id(shapes) == 1) & (shapely.get_num_points(shapes) >= 4)
    )
    for row in lines.tolist():
        xy = shapely.get_coordinates(shapes[row])
        gap = float(np.hypot(*(xy[-1] - xy[0])))
        if gap > tolerance:
            continue
        mended += gap > 0
        xy[-1] = xy[0]
        if len(np.unique(xy[:-1], axis=0)) >= 3:
            out[row] = shapely.Polygon(xy)
    note = (f"{mended} lines whose ends were within 1 mm were closed",) if mended else ()
    return out, note


def _layer_mask(path: Path, columns: "pd.DataFrame", options: SourceOptions) -> "NDArray[np.bool_]":
    """Return which entities are of the layer that is asked for."""
    if options.layer is None:
        return np.ones(len(columns), dtype=bool)
    mask = (columns["layer"] == options.layer).to_numpy(dtype=bool)
    if not mask.any():
        names = ", ".join(sorted({str(name) for name in columns["layer"]}))
        msg = f"{path}: the drawing has no layer {options.layer!r}."
        raise InvalidInputError(msg, remedy=f"It has: {names}.", file=str(path))
    return mask


def _labelled(
    columns: "pd.DataFrame", shapes: "NDArray[Any]", wanted: "NDArray[np.bool_]"
) -> tuple["pd.DataFrame", "NDArray[Any]", tuple[str, ...]]:
    """Return the wanted entities, polygons with the texts in them, and notes.

    A text belongs to the smallest polygon that it stands in, and to others of that area (a fill
    over its outline). Texts are rows of their own only where nothing wanted is a polygon.
    """
    import pandas as pd

    is_text = columns["text"].notna().to_numpy(dtype=bool)
    polygon = wanted & np.isin(shapely.get_type_id(shapes), (3, 6))
    if not polygon.any():
        return columns[wanted].reset_index(drop=True), shapes[wanted], ()
    texts, rows = np.flatnonzero(is_text), np.flatnonzero(polygon)
    names: dict[int, list[str]] = {}
    tree = shapely.STRtree(shapes[rows])
    found, hits = tree.query(shapes[texts], predicate="within")
    areas = shapely.area(shapes[rows])
    for text in np.unique(found).tolist():
        inside = hits[found == text]
        smallest = inside[areas[inside] <= areas[inside].min() * (1 + 1e-9)]
        for row in rows[smallest].tolist():
            names.setdefault(row, []).append(" ".join(columns["text"].iloc[texts[text]].split()))
    out = columns.copy()
    labels = [" ".join(names[row]) if row in names else None for row in range(len(columns))]
    out["text"] = pd.Series(labels, index=columns.index, dtype=object)
    keep = wanted & ~is_text
    left = len(texts) - len(np.unique(found))
    notes = [f"{len(texts) - left} texts became names of the outlines that they stand in"]
    if left:
        notes.append(f"{left} texts stand in no outline and are left out")
    return out[keep].reset_index(drop=True), shapes[keep], tuple(notes)
