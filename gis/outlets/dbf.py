"""DBF tables (dBASE III), written record by record in any encoding.

GDAL can write them too, but cuts values between the bytes of a character, counts nothing of it and
depends on the converters that the machine's C library happens to have.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from gis.errors import InvalidInputError
from gis.frames import Column

MAX_TEXT_BYTES = 254
#: Language drivers that old programs go by; newer ones read the .cpg file.
_LANGUAGE_DRIVERS = {"gbk": 0x4D}
#: Programs address records by signed 32-bit offsets.
MAX_FILE_BYTES = 2**31 - 1
_UUID_BYTES = 36
#: The widest number that programs still read as a whole one.
_INT_DIGITS = 18


@dataclass(frozen=True, slots=True)
class DbfField:
    """A field of a DBF file.

    Parameters
    ----------
    name, short
        Full name, and name in the file.
    type
        ``C`` text, ``N`` number or ``D`` date.
    width, decimals
        Bytes of a value, and how many of them are decimals.
    whole
        Whether part of a value would be nothing: it is left out instead of cut.
    """

    name: str
    short: str
    type: str
    width: int
    decimals: int = 0
    whole: bool = False


def dbf_field(column: Column, short: str, *, whole: bool = False) -> DbfField:
    """Return the field that a column becomes; ``whole`` for text that must not be cut."""
    if column.kind == "int":
        return DbfField(column.name, short, "N", _INT_DIGITS)
    if column.kind == "float":
        return DbfField(column.name, short, "N", 24, 15)
    if column.kind == "date":
        return DbfField(column.name, short, "D", 8)
    whole = whole or column.kind in {"json", "list"}
    return DbfField(column.name, short, "C", _text_width(column), whole=whole)


def _text_width(column: Column) -> int:
    """Return the bytes that a text may need; narrower where all values are known to be short."""
    if column.kind == "bool":
        return len("false")
    if column.kind == "datetime":
        return len("2026-01-01T00:00:00.000000+08:00")
    if column.choices:
        return max(len(choice) for choice in column.choices)
    if column.name == "id" or (column.name.endswith("_id") and column.name != "source_id"):
        return _UUID_BYTES
    return MAX_TEXT_BYTES


class DbfWriter:
    """A DBF file that is being written; the number of records is filled in at the end."""

    def __init__(self, path: Path, fields: Sequence[DbfField], encoding: str) -> None:
        """Begin a file."""
        self.path, self.fields, self.encoding = path, tuple(fields), encoding
        self.count = 0
        self.record_bytes = 1 + sum(field.width for field in fields)
        self.header_bytes = 32 + 32 * len(self.fields) + 1
        #: Values that were changed, by full name and what happened to them.
        self.lost: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Self:
        """Open the file and write its header."""
        self._file = self.path.open("wb")
        self._file.write(self._header())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the number of records and close the file."""
        try:
            if kind is None:
                self._file.write(b"\x1a")
                self._file.seek(0)
                self._file.write(self._header())
        finally:
            self._file.close()

    def write(self, columns: Sequence[Sequence[object]]) -> None:
        """Add records, given column by column in the order of the fields.

        Raises
        ------
        gis.errors.InvalidInputError
            The file would grow beyond the two gigabytes that programs can read.
        """
        coded = [
            [self._coded(value, field) for value in values]
            for field, values in zip(self.fields, columns, strict=True)
        ]
        rows = [b" " + b"".join(row) for row in zip(*coded, strict=True)]
        self.count += len(rows)
        if self.header_bytes + self.count * self.record_bytes > MAX_FILE_BYTES:
            raise InvalidInputError(
                f"{self.path.name}: a Shapefile holds no more than 2 GB, and this one needs more.",
                remedy="Write a GeoPackage, or fewer communities at once.",
                file=self.path.name,
            )
        self._file.write(b"".join(rows))

    def _coded(self, value: object, field: DbfField) -> bytes:
        if value is None:
            return b" " * field.width
        if isinstance(value, date):
            return f"{value:%Y%m%d}".rjust(8, "0").encode("ascii")
        if field.type == "N":
            return self._number(repr(value), field)
        return self._text(str(value), field)

    def _number(self, digits: str, field: DbfField) -> bytes:
        if len(digits) > field.width:  # part of a number would be another number
            self.lost[field.name, "left_out"] += 1
            digits = ""
        return digits.rjust(field.width).encode("ascii")

    def _text(self, text: str, field: DbfField) -> bytes:
        try:
            raw = text.encode(self.encoding)
        except UnicodeEncodeError:
            self.lost[field.name, "not_in_encoding"] += 1
            raw = text.encode(self.encoding, "replace")
        if len(raw) > field.width and field.whole:
            self.lost[field.name, "left_out"] += 1
            raw = b""
        elif len(raw) > field.width:
            self.lost[field.name, "cut"] += 1
            # What is left of a character that was cut through is dropped.
            raw = raw[: field.width].decode(self.encoding, "ignore").encode(self.encoding)
        return raw.ljust(field.width)

    def _header(self) -> bytes:
        driver = _LANGUAGE_DRIVERS.get(self.encoding, 0)
        # A fixed day of change: the same rows give the same file.
        head = struct.pack(
            "<BBBBIHH16xBB2x",
            3,
            100,
            1,
            1,
            self.count,
            self.header_bytes,
            self.record_bytes,
            0,
            driver,
        )
        fields = b"".join(
            struct.pack(
                "<11sc4xBB14x",
                field.short.encode(self.encoding),
                field.type.encode("ascii"),
                field.width,
                field.decimals,
            )
            for field in self.fields
        )
        return head + fields + b"\r"
