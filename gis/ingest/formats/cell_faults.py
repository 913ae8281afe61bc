"""Cells of an .xlsx workbook that have no value to read: errors, and formulas never computed.

The fast reader of workbooks gives such cells as empty. A count that is ``#REF!`` must not become no
count, so the sheet's XML is searched for them; it is parsed only where the marks of them occur.
"""

import html
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 20
_SHEET = re.compile(r"<(?:\w+:)?sheet\s([^>]*)>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s([^>]*)>")
_ATTRIBUTE = re.compile(r"([\w:]+)\s*=\s*\"([^\"]*)\"|([\w:]+)\s*=\s*'([^']*)'")
_CELL = re.compile(rb"<c\s([^>]*[^/>])>(.*?)</c>", re.DOTALL)
_PLACE = re.compile(rb"\br=\"([A-Z]{1,3})(\d{1,7})\"")
_VALUE = re.compile(rb"<v[^>/]*>([^<]+)</v>")


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell without a value.

    Parameters
    ----------
    row, column
        Where it is, from 0.
    shown
        What people see there: ``#REF!``; ``""``: a formula that was never computed.
    """

    row: int
    column: int
    shown: str


def cell_faults(path: Path, sheet: str) -> list[CellFault]:
    """Return the faulty cells of a sheet in their order; none where the file is no .xlsx."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        if part is None:
            return []
        with archive.open(part) as stream:
            rows = iter(lambda: stream.read(_CHUNK), b"")
            return [fault for block in _whole_rows(rows) for fault in _faults(block)]


def uncompressed_bytes(path: Path) -> int:
    """Return how long the parts of a zipped file say they are; 0 where it is no zip."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist())


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    names = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return None
    book = archive.read("xl/workbook.xml").decode("utf-8", "strict")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "strict")
    targets = {
        found.get("Id", ""): found.get("Target", "") for found in _attributes(_RELATION, relations)
    }
    for found in _attributes(_SHEET, book):
        if found.get("name") == sheet:
            key = next((value for name, value in found.items() if name.endswith(":id")), "")
            target = posixpath.normpath(posixpath.join("/xl", targets.get(key, ""))).lstrip("/")
            return target if target in names else None
    return None


def _attributes(pattern: re.Pattern[str], text: str) -> Iterator[dict[str, str]]:
    for found in pattern.finditer(text):
        pairs = _ATTRIBUTE.findall(found[1])
        yield {a or c: html.unescape(b or d) for a, b, c, d in pairs}


def _whole_rows(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes in blocks that end at the end of a row."""
    left = b""
    for chunk in chunks:
        left += chunk
        end = left.rfind(b"</row>")
        if end >= 0:
            yield left[:end]
            left = left[end:]
    yield left


def _faults(block: bytes) -> Iterator[CellFault]:
    if b'"e"' not in block and b"<f" not in block:
        return
    for found in _CELL.finditer(block):
        attributes, content = found[1], found[2]
        place = _PLACE.search(attributes)
        if place is None:
            continue
        value = _VALUE.search(content)
        row, column = int(place[2]) - 1, _column_number(place[1].decode())
        if b't="e"' in attributes:
            yield CellFault(row, column, value[1].decode() if value else "#ERROR!")
        elif b"<f" in content and value is None and b't="str"' not in attributes:
            yield CellFault(row, column, "")


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """Return the letters of a column: 0 is A, 26 is AA."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
