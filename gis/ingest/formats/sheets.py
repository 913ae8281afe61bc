"""Excel workbooks: one sheet as a table, whatever stands above, below and between its rows.

Titles and headers of several rows are found (:mod:`gis.ingest.formats.headers`), merged cells of
the data are filled down, sums and signatures below are left out; each is said in the notes. Rows
are numbered as the spreadsheet shows them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.formats.cell_faults import cell_faults, column_letters, uncompressed_bytes
from gis.ingest.formats.coordinates import PointMaker, place_of
from gis.ingest.formats.headers import (
    MOST_HEADER_ROWS,
    SEARCHED_ROWS,
    Header,
    Merge,
    find_header,
    is_blank,
    is_footer,
    is_sum,
)
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from python_calamine import CalamineSheet, CalamineWorkbook

    from gis.ingest.rejects import Rejects

#: A workbook that unpacks to more is refused before it fills the memory.
MOST_BYTES = 2 << 30
#: Rows that a note names; more are counted.
_NAMED_ROWS = 5
#: Columns whose numbers are amounts: one over several rows belongs to none of them.
_AMOUNT = re.compile(
    r"户数|人数|人口|数量|总数|户$|人$|老年|儿童|低保|面积|"
    r"\b(households|residents|persons|people|elderly|children|count|area|area_m2)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Sheet:
    """A sheet as it was found.

    Attributes
    ----------
    left
        Number of the first used column, from 0; cells and merges are counted from there.
    """

    name: str
    cells: "CalamineSheet"
    left: int
    merges: list[Merge]
    header: Header

    @property
    def first_row(self) -> int:
        """Number of the first row below the header, from 0."""
        return self.header.first + self.header.rows


@dataclass(slots=True)
class _Said:
    """What is noted while the rows are read."""

    blank: int = 0
    left_out: list[tuple[int, str]] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Return the sentences."""
        notes = [
            f"{name}: merged cells filled down over {count} rows"
            for name, count in self.filled.items()
        ]
        if self.left_out:
            named = ", ".join(f"{row} ({text})" for row, text in self.left_out[:_NAMED_ROWS])
            more = len(self.left_out) - _NAMED_ROWS
            tail = f" and {more} more" if more > 0 else ""
            notes.append(f"rows that are sums or remarks left out: {named}{tail}")
        if self.blank:
            notes.append(f"{self.blank} rows without any value left out")
        return notes


class SheetSource:
    """The rows of one sheet."""

    def __init__(
        self, path: Path, sheet: _Sheet, options: SourceOptions, rejects: "Rejects"
    ) -> None:
        self._path, self._sheet, self._rejects = path, sheet, rejects
        self._steady = SteadyFiles(path)
        self._names = _column_names(sheet)
        place = place_of(self._names, options, path, "a workbook")
        self._points = None if place is None else PointMaker(place, options.crs, rejects)
        self._used = () if place is None else place.columns
        self._said = _Said()
        self._facts = SourceFacts(
            path,
            "Excel",
            sheet.name,
            options.crs,
            tuple(name for name in self._names if name not in self._used),
            notes=self._opening_notes(),
            xy=self._used,
        )

    def _opening_notes(self) -> tuple[str, ...]:
        header = self._sheet.header
        notes = []
        if header.titles:
            notes.append(f"rows above the header left out: {'; '.join(header.titles)}")
        if header.rows > 1:
            notes.append(
                f"the header has {header.rows} rows ({header.first + 1} to "
                f"{header.first + header.rows}); their names are joined with '_'"
            )
        return (*notes, *header.notes)

    @property
    def facts(self) -> SourceFacts:
        """What is known; its notes grow while the rows are read."""
        more = [] if self._points is None else self._points.notes
        return replace(self._facts, notes=(*self._facts.notes, *more, *self._said.notes()))

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order, numbered as the spreadsheet shows them.

        Raises
        ------
        gis.errors.DataSourceError
            The file changed while it was read.
        """
        faults = {(one.row, one.column): one for one in cell_faults(self._path, self._sheet.name)}
        rows = self._rows()
        while taken := list(islice(rows, size)):
            numbers = np.array([number + 1 for number, _ in taken], dtype=np.int64)
            columns = self._frame([cells for _, cells in taken])
            for place in [key for key in faults if key[0] < numbers[-1]]:
                self._reject_cell(faults.pop(place), numbers)
            geometry = None if self._points is None else self._points.make(columns, numbers)
            rest = columns.drop(columns=list(self._used))
            yield RowBatch(int(numbers[0]), rest, geometry, numbers)
        self._steady.check()

    def _frame(self, rows: "list[list[object]]") -> "pd.DataFrame":
        import pandas as pd

        values = np.empty((len(rows), len(self._sheet.header.names)), dtype=object)
        for number, row in enumerate(rows):
            values[number, : len(row)] = row
        frame = pd.DataFrame(values, columns=_all_names(self._sheet), dtype=object)
        return frame[self._names]

    def _reject_cell(self, fault: Any, numbers: "NDArray[np.int64]") -> None:  # noqa: ANN401 - a CellFault
        """Reject the row of a cell that has no value, unless the row was left out anyway."""
        bad = numbers == fault.row + 1
        column = fault.column - self._sheet.left
        names = _all_names(self._sheet)
        if not bad.any() or not 0 <= column < len(names) or names[column] not in self._names:
            return
        reason = "is an error of a formula" if fault.shown else "is a formula without a result"
        with self._rejects.batch(numbers):
            self._rejects.add(
                bad,
                names[column],
                np.full(len(numbers), fault.shown, dtype=object),
                reason,
                f"Open the workbook, mend cell {column_letters(fault.column)}{fault.row + 1}, "
                "and save it.",
                code="formula_error",
            )

    def _rows(self) -> "Iterator[tuple[int, list[object]]]":
        """Yield the rows of data with their numbers from 0; the others are noted."""
        fill = _Fill(self._sheet, self._said, self._reject_shared)
        held: list[tuple[int, list[object]]] = []  # remarks, if no row of data comes any more
        first = self._sheet.first_row
        for number, cells in enumerate(islice(self._sheet.cells.iter_rows(), first, None), first):
            row = [_value(cell) for cell in cells]
            if all(is_blank(cell) for cell in row):
                self._said.blank += 1
            elif is_sum(row):
                self._leave_out(number, row)
            elif is_footer(row):
                held.append((number, row))
            else:
                yield from (fill.row(*one) for one in (*held, (number, row)))
                held.clear()
        for number, row in held:
            self._leave_out(number, row)

    def _leave_out(self, number: int, row: Sequence[object]) -> None:
        text = next(str(cell) for cell in row if not is_blank(cell))
        self._said.left_out.append((number + 1, text[:12]))

    def _reject_shared(self, number: int, name: str, value: object) -> None:
        """Reject a row whose amount is a share of one number over several rows."""
        with self._rejects.batch(np.array([number + 1], dtype=np.int64)):
            self._rejects.add(
                np.ones(1, dtype=bool),
                name,
                [value],
                "is one number over several rows (merged cells)",
                "Write each row's own number: whose share is how large is not said.",
                code="shared_amount",
            )

    def close(self) -> None:
        """Nothing is held open: the sheet is in memory."""


class _Fill:
    """Fills merged cells of the data down."""

    def __init__(
        self, sheet: _Sheet, said: _Said, reject: Callable[[int, str, object], None]
    ) -> None:
        self._names = _all_names(sheet)
        self._said, self._reject = said, reject
        ranges = [one for one in sheet.merges if one[0] >= sheet.first_row and one[2] > one[0]]
        self._starting: dict[int, list[Merge]] = {}
        for one in sorted(ranges):
            self._starting.setdefault(one[0], []).append(one)
        self._running: list[tuple[Merge, object]] = []

    def row(self, number: int, row: list[object]) -> tuple[int, list[object]]:
        """Return a row with the values of the merged cells that reach into it."""
        self._running = [(one, value) for one, value in self._running if one[2] >= number]
        out = list(row)
        for one, value in self._running:
            if one[0] < number and not is_blank(value):
                self._put(number, out, one[1], value)
        for one in self._starting.get(number, []):
            self._running.append((one, row[one[1]] if one[1] < len(row) else None))
        for one, value in self._running:
            if one[0] == number and _is_amount(self._names[one[1]], value):
                self._reject(number, self._names[one[1]], value)
        return number, out

    def _put(self, number: int, row: list[object], column: int, value: object) -> None:
        name = self._names[column]
        if _is_amount(name, value):
            self._reject(number, name, value)
            return
        row[column] = value
        self._said.filled[name] = self._said.filled.get(name, 0) + 1


def _is_amount(name: str, value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and _AMOUNT.search(name) is not None


def open_sheet(path: Path, options: SourceOptions, rejects: "Rejects") -> SheetSource:
    """Open a sheet of an Excel workbook; see :func:`gis.ingest.formats.open_source`.

    The sheet is the one asked for, else the one called as the layer, else the only visible one that
    is not empty.
    """
    book = _open_book(path)
    cells = _choose(book, path, options)
    start = cells.start
    assert start is not None  # a sheet that is chosen has cells
    left = start[1]
    merges = [
        (first[0], first[1] - left, last[0], last[1] - left)
        for first, last in sorted(cells.merged_cell_ranges or [])
    ]
    rows = islice(cells.iter_rows(), SEARCHED_ROWS + MOST_HEADER_ROWS)
    head = [[_value(cell) for cell in row] for row in rows]
    where = f"{path}, sheet {cells.name!r}"
    header = find_header(head, where, header_rows=options.header_rows, merges=merges)
    return SheetSource(path, _Sheet(cells.name, cells, left, merges, header), options, rejects)


def _open_book(path: Path) -> "CalamineWorkbook":
    import python_calamine as calamine

    if uncompressed_bytes(path) > MOST_BYTES:
        msg = f"{path}: the workbook unpacks to more than {MOST_BYTES >> 30} GB."
        raise DataSourceError(msg, remedy="Save the sheet as CSV.", file=str(path))
    try:
        with path.open("rb") as stream:  # the content says what it is, not the suffix
            return calamine.CalamineWorkbook.from_filelike(stream)
    except calamine.PasswordError as error:
        msg = f"{path}: the workbook is protected by a password."
        raise DataSourceError(msg, remedy="Save it without one.", file=str(path)) from error
    except calamine.CalamineError as error:
        with path.open("rb") as stream:
            start = stream.read(512).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
        what = "it is a web page" if start.startswith(b"<") else str(error)
        msg = f"{path}: the file cannot be read as an Excel workbook ({what})."
        raise DataSourceError(
            msg,
            remedy="It may be truncated or another format: open it and save it as .xlsx.",
            file=str(path),
        ) from error


def _choose(book: "CalamineWorkbook", path: Path, options: SourceOptions) -> "CalamineSheet":
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    names = [one.name for one in sheets]
    if options.layer is not None and options.layer not in names:
        msg = f"{path}: there is no sheet {options.layer!r}."
        raise InvalidInputError(msg, remedy=f"It has: {', '.join(names)}.", file=str(path))
    wanted = options.layer or (options.preferred_layer if options.preferred_layer in names else "")
    if wanted:
        names = [wanted]
    elif len(names) > 1:
        names = [one.name for one in sheets if one.visible == SheetVisibleEnum.Visible]
    found = [sheet for name in names if (sheet := book.get_sheet_by_name(name)).start is not None]
    if not found:
        msg = (
            f"{path}: the sheet {wanted!r} is empty."
            if wanted
            else f"{path}: all sheets are empty."
        )
        raise InvalidInputError(msg, remedy="Save the workbook with its rows.", file=str(path))
    if len(found) > 1:
        shown = ", ".join(one.name for one in found)
        msg = f"{path}: the workbook has {len(found)} sheets with content."
        raise InvalidInputError(msg, remedy=f"Say which with --table: {shown}.", file=str(path))
    return found[0]


def _value(cell: Any) -> object:  # noqa: ANN401 - what a cell holds
    """Return a cell's value: whole numbers as such, text without blanks around it."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, time | timedelta):
        return str(cell)
    return cell


def _all_names(sheet: _Sheet) -> list[str]:
    """Return a name for each column; those without one are called after their letters."""
    return [
        name or f"column {column_letters(sheet.left + place)}"
        for place, name in enumerate(sheet.header.names)
    ]


def _column_names(sheet: _Sheet) -> list[str]:
    """Return the names of the columns that have a name or a value."""
    names = _all_names(sheet)
    open_ones = {place for place, name in enumerate(sheet.header.names) if not name}
    if open_ones:
        for row in islice(sheet.cells.iter_rows(), sheet.first_row, None):
            open_ones -= {place for place in open_ones if not is_blank(_value(row[place]))}
            if not open_ones:
                break
    return [name for place, name in enumerate(names) if place not in open_ones]
