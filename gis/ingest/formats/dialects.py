"""How a file of delimited text is written: its encoding, delimiter and header."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gis.errors import DataSourceError
from gis.ingest.formats.encodings import TextEncoding, encoding_of_file
from gis.ingest.formats.headers import SEARCHED_ROWS, find_header

if TYPE_CHECKING:
    from gis.ingest.formats.headers import Header
    from gis.ingest.rows import SourceOptions

DELIMITERS = (",", "\t", ";", "|")
#: Characters at the start of a file in which delimiter and header are looked for.
_HEAD_CHARACTERS = 1 << 18


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file of delimited text is written.

    Parameters
    ----------
    encoding
        Encoding of its bytes.
    delimiter
        What stands between two fields.
    header
        Its header.
    head_bytes
        Length of titles and header in bytes of UTF-8: the rows begin behind them.
    """

    encoding: TextEncoding
    delimiter: str
    header: "Header"
    head_bytes: int

    @property
    def names(self) -> list[str]:
        """Names of the columns; one without a name is called after its place."""
        names = self.header.names
        return [name or f"column {place}" for place, name in enumerate(names, start=1)]


def sniff_dialect(path: Path, options: "SourceOptions") -> Dialect:
    """Return how a file is written.

    Raises
    ------
    gis.errors.DataSourceError
        It is in no encoding that is known, or not in the declared one.
    gis.errors.InvalidInputError
        It has no header.
    """
    encoding = text_encoding(path, options.encoding)
    with path.open(encoding=encoding.codec, newline="") as stream:
        text = stream.read(_HEAD_CHARACTERS)
    if "\x00" in text:
        msg = f"{path}: the file is no text (it holds zero bytes)."
        raise DataSourceError(msg, remedy="Save it as CSV UTF-8.", file=str(path))
    delimiter = sniff_delimiter(text, "\t" if path.suffix.lower() == ".tsv" else ",")
    rows, ends = _first_rows(text, delimiter)
    header = find_header(rows, str(path), header_rows=options.header_rows)
    end = ends[header.first + header.rows - 1]
    head = text[:end].removeprefix("\ufeff")
    return Dialect(encoding, delimiter, header, len(head.encode()))


def text_encoding(path: Path, declared: str | None) -> TextEncoding:
    """Return the encoding of a file of text; all its bytes are looked at.

    UTF-16 is known by its zero bytes too, where it has no byte order mark.

    Raises
    ------
    gis.errors.DataSourceError
        The bytes do not fit the declared encoding, or none that is known.
    """
    if declared is None:
        with path.open("rb") as stream:
            declared = _wide_encoding(stream.read(4096))
    encoding = encoding_of_file(path, declared)
    if encoding.codec == "utf-8" and _starts_with(path, codecs.BOM_UTF8):
        return replace(encoding, codec="utf-8-sig")
    return encoding


def _starts_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def _wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 without a byte mark, told by the zero bytes of ASCII characters in it."""
    if b"\x00" not in head or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) * 4 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def sniff_delimiter(text: str, usual: str = ",") -> str:
    """Return the delimiter that cuts the most of the first rows into equally many fields.

    Parameters
    ----------
    text
        The start of a file.
    usual
        What to take if none does, or two do it equally well.
    """
    best, best_score = usual, (0.0, 0)
    for delimiter in (usual, *(sign for sign in DELIMITERS if sign != usual)):
        counts = [len(row) for row in _first_rows(text, delimiter)[0] if row]
        if not counts:
            continue
        common = max(sorted(set(counts)), key=counts.count)
        if common < 2:
            common = max(counts)  # titles above the table may be the most of the first rows
        score = (counts.count(common) / len(counts) if common > 1 else 0.0, common)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _first_rows(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Return the first rows, and where in the text each of them ends."""
    text = text.removeprefix("\ufeff")
    rows: list[list[str]] = []
    ends: list[int] = []
    stream = _CountedLines(text)
    try:
        for row in csv.reader(stream, delimiter=delimiter):
            rows.append(row)
            ends.append(stream.position)
            if len(rows) > SEARCHED_ROWS:
                break
    except csv.Error:
        pass  # a field longer than the module takes: the rows before it are enough
    return rows, ends


class _CountedLines:
    """The lines of a text, with the place up to which they have been taken."""

    def __init__(self, text: str) -> None:
        self._stream = io.StringIO(text, newline="")
        self.position = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            self.position += len(line)
            yield line
