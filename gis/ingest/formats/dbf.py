"""The parts of a shapefile before GDAL sees them: whole, of one length, in which encoding.

GDAL is then told that the text is Latin 1, which maps each byte to one character and back; what
the bytes mean is decided here, where all of them were looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import DataSourceError
from gis.ingest.formats.encodings import TextEncoding, TextEvidence, decode_cut, feed_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What GDAL is told, so that no byte is changed.
BYTE_PRESERVING = "ISO-8859-1"
#: Longest name of a field, in bytes.
_NAME_BYTES = 10
#: Magic number of .shp and .shx files, in their first four bytes.
_SHP_MAGIC = 9994
_SHP_HEADER = 100
_SHX_RECORD = 8
#: Code pages by the language byte of a DBF's header, where programs in China write it.
_LANGUAGE_BYTES = {0x4D: "936", 0x7A: "936", 0x4F: "950", 0x78: "950", 0x03: "1252"}
#: Records that are looked at at once.
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class DbfField:
    """A field of a DBF: its name in bytes, its type, and where it stands in a record."""

    name: bytes
    kind: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class DbfHeader:
    """What the header of a DBF says."""

    path: Path
    records: int
    header_bytes: int
    record_bytes: int
    language: int
    fields: tuple[DbfField, ...]


def shapefile_parts(path: Path) -> dict[str, Path]:
    """Return the files of a shapefile by suffix (``.shp``, ``.dbf``, ``.shx``, ``.prj``, ``.cpg``).

    Raises
    ------
    gis.errors.DataSourceError
        The .dbf or the .shx is missing.
    """
    stem = path.stem.lower()
    parts = {
        other.suffix.lower(): other
        for other in sorted(path.parent.iterdir())
        if other.stem.lower() == stem
        and other.suffix.lower() in {".dbf", ".shx", ".prj", ".cpg", ".shp"}
    }
    parts[".shp"] = path
    for suffix, holds in ((".dbf", "attributes"), (".shx", "index")):
        if suffix not in parts:
            msg = f"{path}: there is no {path.stem}{suffix} beside it, which holds the {holds}."
            raise DataSourceError(
                msg,
                remedy="Copy all files of the shapefile (.shp, .shx, .dbf, .prj), or zip them.",
                file=str(path),
            )
    return parts


def check_lengths(parts: dict[str, Path]) -> DbfHeader:
    """Return the header of the DBF, the lengths of the three files being what they say.

    Raises
    ------
    gis.errors.DataSourceError
        A file is cut off, is something else, or they disagree on the number of rows.
    """
    for suffix in (".shp", ".shx"):
        _check_shp(parts[suffix])
    header = dbf_header(parts[".dbf"])
    shapes = (parts[".shx"].stat().st_size - _SHP_HEADER) // _SHX_RECORD
    if shapes != header.records:
        path = parts[".shp"]
        msg = (
            f"{path}: the parts do not belong together: the .shx has {shapes} shapes, "
            f"the .dbf {header.records} rows."
        )
        raise DataSourceError(msg, remedy="Copy all its files again.", file=str(path))
    return header


def _check_shp(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_SHP_HEADER)
    if len(head) < _SHP_HEADER or int.from_bytes(head[:4], "big") != _SHP_MAGIC:
        msg = f"{path}: this is no part of a shapefile: its header is missing."
        raise DataSourceError(msg, remedy="Export or copy it again.", file=str(path))
    declared = 2 * int.from_bytes(head[24:28], "big")
    if size < declared:
        msg = f"{path}: the file is cut off: its header says {declared} bytes, it has {size}."
        raise DataSourceError(msg, remedy="Export or copy it again.", file=str(path))


def dbf_header(path: Path) -> DbfHeader:
    """Return what the header of a DBF says, all its records being there.

    Raises
    ------
    gis.errors.DataSourceError
        The file is cut off, or no DBF.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(32)
        header_bytes = int.from_bytes(head[8:10], "little")
        record_bytes = int.from_bytes(head[10:12], "little")
        if len(head) < 32 or header_bytes < 33 or record_bytes < 1:
            msg = f"{path}: this is no DBF: its header is missing."
            raise DataSourceError(msg, remedy="Export or copy it again.", file=str(path))
        body = stream.read(header_bytes - 32)
    records = int.from_bytes(head[4:8], "little")
    declared = header_bytes + records * record_bytes
    if size < declared:
        whole = max(0, size - header_bytes) // record_bytes
        msg = (
            f"{path}: the file is cut off: its header says {records} rows of {record_bytes} bytes "
            f"({declared} bytes), it has {size} and ends in row {whole + 1}."
        )
        raise DataSourceError(msg, remedy="Export or copy it again.", file=str(path), row=whole + 1)
    return DbfHeader(path, records, header_bytes, record_bytes, head[29], _fields(body))


def _fields(body: bytes) -> tuple[DbfField, ...]:
    fields, start = [], 1  # the first byte of a record says whether it is deleted
    for at in range(0, len(body) - 31, 32):
        piece = body[at : at + 32]
        if piece[:1] == b"\r":
            break
        kind, width = chr(piece[11]), piece[16]
        if kind == "C":
            width += piece[17] << 8  # wide text fields keep the rest of their width there
        fields.append(DbfField(piece[:11].split(b"\0", 1)[0], kind, start, width))
        start += width
    return tuple(fields)


def dbf_encoding(header: DbfHeader, cpg: Path | None, declared: str | None) -> TextEncoding:
    """Return the encoding of a DBF's names and text, having looked at all of them.

    Parameters
    ----------
    header
        Its header.
    cpg
        The .cpg file beside it, if any.
    declared
        Encoding that a person declared.

    Raises
    ------
    gis.errors.DataSourceError
        Text does not fit the declared encoding, or none that is known; names row and field.
    """
    evidence = TextEvidence(str(header.path), declared, _claim(header, cpg))
    names = [field.name for field in header.fields]
    feed_values(evidence, names, lambda number: f"the name of field {number + 1}", _NAME_BYTES)
    shown = [name.decode("ascii", "replace").replace("\ufffd", "?") for name in names]
    texts = [(f, name) for f, name in zip(header.fields, shown, strict=True) if f.kind == "C"]
    for first, records in _records(header):
        for number, (field, name) in enumerate(texts):
            cells = records[:, field.start : field.start + field.width]
            rows = np.flatnonzero((cells >= 0x80).any(axis=1))
            if not len(rows):
                continue
            values = [_value(cell) for cell in cells[rows]]
            label = name if "?" not in name else f"{number + 1} of the text fields"
            feed_values(evidence, values, _place(first + rows, label), field.width)
    return evidence.decide()


def _claim(header: DbfHeader, cpg: Path | None) -> tuple[str, str] | None:
    if cpg is not None:
        with cpg.open("rb") as stream:
            text = stream.read(64).decode("ascii", "replace").strip("\ufeff\ufffd \t\r\n\0")
        if text:
            return text, ".cpg"
    page = _LANGUAGE_BYTES.get(header.language)
    return None if page is None else (f"code page {page}", "header of the .dbf")


def _place(rows: "NDArray[np.int64]", label: str) -> Any:  # noqa: ANN401 - a function of a number
    def place(number: int) -> str:
        return f"row {rows[number] + 1}, field '{label}'"

    return place


def _value(cell: "NDArray[np.uint8]") -> bytes:
    return cell.tobytes().split(b"\0", 1)[0].rstrip(b" ")


def _records(header: DbfHeader) -> Iterator[tuple[int, "NDArray[np.uint8]"]]:
    """Yield the number of the first record and records as bytes, shape (n, record bytes)."""
    with header.path.open("rb") as stream:
        stream.seek(header.header_bytes)
        for first in range(0, header.records, _CHUNK):
            count = min(_CHUNK, header.records - first)
            data = stream.read(count * header.record_bytes)
            rows = len(data) // header.record_bytes
            flat = np.frombuffer(data, dtype=np.uint8, count=rows * header.record_bytes)
            yield first, flat.reshape(rows, header.record_bytes)


def decoded_names(names: list[str], codec: str) -> tuple[list[str], tuple[str, ...]]:
    """Return names of fields from what GDAL made of them, each once, and notes on those changed."""
    out: list[str] = []
    notes = []
    for name in names:
        text = decode_cut(name.encode("latin-1"), codec)
        unique, number = text, 2
        while unique in out:
            unique, number = f"{text}_{number}", number + 1
        if unique != text:
            notes.append(f"two fields are called {text!r}: one is read as {unique!r}")
        out.append(unique)
    return out, tuple(notes)


def decode_text(array: Any, codec: str) -> "NDArray[Any]":  # noqa: ANN401 - an Arrow array of text
    """Return text from what GDAL made of its bytes; ``None`` where there is none."""
    values = array.to_numpy(zero_copy_only=False)
    given = np.array([value is not None for value in values], dtype=bool)
    texts = values[given].tolist()
    raw = "\0".join(texts)  # no value holds a NUL: it ends the text of a field
    if raw.isascii():
        return np.asarray(values, dtype=object)
    block = raw.encode("latin-1")
    try:
        decoded = block.decode(codec).split("\0")
    except UnicodeDecodeError:  # some value is cut amid a character
        decoded = [decode_cut(value, codec) for value in block.split(b"\0")]
    out = np.full(len(values), None, dtype=object)
    out[given] = decoded
    return out
