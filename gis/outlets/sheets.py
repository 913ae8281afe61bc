"""Excel: a sheet per layer and one that says what the workbook is, written row by row."""

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gis.errors import InvalidInputError
from gis.outlets.about import About, pairs
from gis.outlets.delimited import coordinate_columns, header
from gis.outlets.labels import about_label, field_label
from gis.outlets.values import table_fields, table_values

if TYPE_CHECKING:
    import pandas as pd
    from openpyxl.cell import WriteOnlyCell

    from gis.frames import FrameContract
    from gis.outlets.layer import Losses, OutLayer, OutletOptions

#: What a sheet and a cell can hold.
MAX_ROWS, MAX_CELL_TEXT = 1_048_576, 32_767
#: Days before this Excel counts wrongly or not at all; they are written as text.
_FIRST_DAY = date(1900, 3, 1)
#: A carriage return does not survive XML; Excel writes it like this, and the pattern itself so.
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_WIDE, _NARROW = 40, 12


class WorkbookOutlet:
    """Layers in one workbook."""

    def __init__(
        self, path: Path, options: "OutletOptions", about: About, losses: "Losses"
    ) -> None:
        """Begin a workbook that keeps no rows in memory."""
        from openpyxl import Workbook

        self.path, self.options, self.about, self.losses = path, options, about, losses
        self.book: Workbook = Workbook(write_only=True)

    def write(self, layer: "OutLayer") -> None:
        """Add a sheet; its header stays in view.

        Raises
        ------
        gis.errors.InvalidInputError
            The layer has more rows than a sheet can hold.
        """
        with self._abandoned_on_error():
            self._write(layer)

    def _write(self, layer: "OutLayer") -> None:
        names = header(layer.contract, self.options)
        sheet = self.book.create_sheet(layer.name)
        sheet.freeze_panes = "A2"
        labels = [field_label(name, self.options.headers) for name in names]
        _set_widths(sheet, layer.contract, labels)
        sheet.append([self._cell(sheet, label, bold=True) for label in labels])
        count = 1
        for frame in layer.frames():
            count += len(frame)
            if count > MAX_ROWS:
                raise InvalidInputError(
                    f"{layer.name} has more than {MAX_ROWS - 1:,} rows; a sheet holds no more.",
                    remedy="Ask for one community or a box, or write CSV or GeoPackage.",
                )
            for row in zip(*self._columns(frame, layer, names), strict=True):
                sheet.append([self._cell(sheet, value) for value in row])

    def finish(self, rows: Mapping[str, int], losses: "Losses") -> None:
        """Add the sheet that says what the workbook is, and save it."""
        facts = self.about.facts(rows, losses.listed())
        language = self.options.language
        sheet = self.book.create_sheet(about_label("about", language))
        sheet.column_dimensions["A"].width = _WIDE
        sheet.column_dimensions["B"].width = 2 * _WIDE
        told = [*pairs(facts, language), ("json", json.dumps(facts, ensure_ascii=False))]
        for label, text in told:
            sheet.append([self._cell(sheet, label, bold=True), self._cell(sheet, text)])
        with self._abandoned_on_error():
            self.book.save(self.path)

    @contextmanager
    def _abandoned_on_error(self) -> Generator[None]:
        """End what writes the sheets if something goes wrong; left open it would complain later."""
        try:
            yield
        except BaseException:
            for sheet in self.book.worksheets:
                with suppress(Exception):  # its file may be closed, or the disk full
                    sheet.close()
            raise

    def _columns(
        self, frame: "pd.DataFrame", layer: "OutLayer", names: Sequence[str]
    ) -> Iterator[list[Any]]:
        zone = ZoneInfo(self.options.timezone)
        for column in table_fields(layer.contract):
            values = table_values(frame, column, layer)
            if column.kind == "datetime":
                # A cell has no time zone; text has.
                values = [None if v is None else v.astimezone(zone).isoformat() for v in values]
            yield self._short(values, layer.name, column.name)
        own = coordinate_columns(frame, layer.contract, self.options)
        for name, values in zip(names[len(names) - len(own) :], own, strict=True):
            # Half a geometry is none: one that is too long is left out.
            lost = [isinstance(v, str) and len(v) > MAX_CELL_TEXT for v in values]
            self.losses.add(layer.name, name, "left_out", sum(lost))
            yield [None if gone else v for gone, v in zip(lost, values, strict=True)]

    def _short(self, values: list[Any], layer: str, name: str) -> list[Any]:
        lost = sum(isinstance(v, str) and len(_escaped(v)) > MAX_CELL_TEXT for v in values)
        self.losses.add(layer, name, "cut", lost)
        if not lost:
            return values
        return [v[:MAX_CELL_TEXT] if isinstance(v, str) else v for v in values]

    def _cell(self, sheet: Any, value: Any, *, bold: bool = False) -> "WriteOnlyCell | Any":  # noqa: ANN401 - openpyxl's sheet and any value
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Font

        if isinstance(value, date):
            return _day(sheet, value)
        if not isinstance(value, str):
            return value
        cell = WriteOnlyCell(sheet, _escaped(value)[:MAX_CELL_TEXT])
        # Text is text, however it begins: "=1+1" is no formula, also after it was edited.
        cell.data_type = "s"
        if value[:1] in {"=", "+", "-", "@"}:
            cell.quotePrefix = True
        if bold:
            cell.font = Font(bold=True)
        return cell


def _day(sheet: Any, value: date) -> Any:  # noqa: ANN401 - openpyxl's sheet, a cell or text
    from openpyxl.cell import WriteOnlyCell

    if value < _FIRST_DAY:
        return value.isoformat()
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = "yyyy-mm-dd"
    return cell


def _escaped(text: str) -> str:
    """Return a text as it stands in a cell: carriage returns escaped, and escapes themselves."""
    return _ESCAPED.sub("_x005F_", text).replace("\r", "_x000D_")


def _set_widths(sheet: Any, contract: "FrameContract", labels: Sequence[str]) -> None:  # noqa: ANN401 - openpyxl's sheet
    from openpyxl.utils import get_column_letter

    kinds = [column.kind for column in table_fields(contract)]
    for at, label in enumerate(labels):
        text = at >= len(kinds) or kinds[at] in {"str", "json", "list"}
        wide = sum(2 if ord(letter) > 0x2E7F else 1 for letter in label) + 2
        least = 24 if text else _NARROW
        sheet.column_dimensions[get_column_letter(at + 1)].width = min(max(wide, least), _WIDE)
