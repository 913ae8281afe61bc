"""Delimited text (CSV, TSV, Excel's "Unicode text"), read in constant memory.

The bytes decide the encoding, the first lines the delimiter and the header; then the rows come as
blocks of bytes, each parsed at once. Nothing is ever decoded with replacement characters.
"""

import codecs
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gis.defusing import is_defused, restore
from gis.errors import DataSourceError
from gis.ingest.formats.coordinates import PointMaker, place_of
from gis.ingest.formats.dialects import Dialect, sniff_dialect
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyarrow import csv as arrow_csv

    from gis.ingest.rejects import Rejects

#: Bytes that are parsed at once; also the longest row.
BLOCK_BYTES = 4 << 20
_SHOWN_DELIMITERS = {"\t": "tab"}
_LOST = "\ufffd"


class DelimitedSource:
    """The rows of a file of delimited text."""

    def __init__(
        self, path: Path, dialect: Dialect, options: SourceOptions, rejects: "Rejects"
    ) -> None:
        self._path, self._dialect, self._rejects = path, dialect, rejects
        self._steady = SteadyFiles(path)
        self._names = dialect.names
        self._defused = is_defused(path)
        place = place_of(self._names, options, path, "a CSV file")
        self._points = None if place is None else PointMaker(place, options.crs, rejects)
        used = () if place is None else place.columns
        self._blank_rows = 0
        self._damaged = False
        self._facts = SourceFacts(
            path,
            "CSV",
            None,
            options.crs,
            tuple(name for name in self._names if name not in used),
            encoding=dialect.encoding.codec,
            notes=self._opening_notes(options),
            xy=used,
            extra={"delimiter": dialect.delimiter},
        )

    def _opening_notes(self, options: SourceOptions) -> tuple[str, ...]:
        encoding, header = self._dialect.encoding, self._dialect.header
        notes = list(encoding.notes)
        if not notes and options.encoding is None and encoding.codec not in {"utf-8", "utf-8-sig"}:
            notes.append(f"the text is {encoding.shown}: read as such")
        if self._dialect.delimiter != ",":
            shown = _SHOWN_DELIMITERS.get(self._dialect.delimiter, self._dialect.delimiter)
            notes.append(f"fields are separated by {shown}")
        if header.titles:
            notes.append(f"rows above the header left out: {'; '.join(header.titles)}")
        if header.rows > 1:
            notes.append(f"the header has {header.rows} rows; their names are joined with '_'")
        if self._defused:
            notes.append("an export of ours: apostrophes that defuse formulas were taken off")
        return (*notes, *header.notes)

    @property
    def facts(self) -> SourceFacts:
        """What is known; its notes grow while the rows are read."""
        notes = list(self._facts.notes)
        if self._points is not None:
            notes += self._points.notes
        if self._blank_rows:
            notes.append(f"{self._blank_rows} rows without any value left out")
        return replace(self._facts, notes=tuple(notes))

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order; row 1 is the first one below the header.

        Raises
        ------
        gis.errors.DataSourceError
            The file changed while it was read, or a row is longer than :data:`BLOCK_BYTES`.
        """
        reader = _Reader(self._path, self._dialect, self._names)
        try:
            for columns, numbers in reader.blocks():
                self._reject_ragged(reader)
                self._damaged |= reader.is_damaged
                for start in range(0, len(columns), size):
                    rows = slice(start, start + size)
                    part = columns.iloc[rows].reset_index(drop=True)
                    if self._defused:
                        part = part.map(restore, na_action="ignore")
                    yield from self._batch(part, numbers[rows])
            self._reject_ragged(reader)
        finally:
            reader.close()
        self._steady.check()

    def _batch(self, columns: "pd.DataFrame", numbers: "NDArray[np.int64]") -> Iterator[RowBatch]:
        columns, numbers = self._without_blank(columns, numbers)
        if not len(columns):
            return
        if self._damaged:
            self._reject_lost(columns, numbers)
        if self._points is None:
            yield RowBatch(int(numbers[0]), columns, None, numbers)
            return
        geometry = self._points.make(columns, numbers)
        rest = columns.drop(columns=list(self._points.place.columns))
        yield RowBatch(int(numbers[0]), rest, geometry, numbers)

    def _without_blank(
        self, columns: "pd.DataFrame", numbers: "NDArray[np.int64]"
    ) -> tuple["pd.DataFrame", "NDArray[np.int64]"]:
        """Leave out rows of empty fields, which spreadsheets write below a table."""
        blank = np.ones(len(columns), dtype=bool)
        for name in columns:
            blank &= columns[name].isna().to_numpy(dtype=bool)
            if not blank.any():
                return columns, numbers
        self._blank_rows += int(blank.sum())
        return columns[~blank].reset_index(drop=True), numbers[~blank]

    def _reject_lost(self, columns: "pd.DataFrame", numbers: "NDArray[np.int64]") -> None:
        """Reject rows whose text an earlier program has damaged."""
        for name in columns:
            lost = columns[name].str.contains(_LOST, regex=False, na=False).to_numpy(dtype=bool)
            if lost.any():
                with self._rejects.batch(numbers):
                    self._rejects.add(
                        lost,
                        str(name),
                        columns[name].to_numpy(dtype=object),
                        f"holds the sign {_LOST}: an earlier conversion lost characters",
                        "Export it again from where the text is whole, in UTF-8.",
                        code="lost_text",
                    )

    def _reject_ragged(self, reader: "_Reader") -> None:
        """Reject the rows that have more or fewer fields than the header."""
        for number, found, text in reader.take_ragged():
            with self._rejects.batch(np.array([number], dtype=np.int64)):
                self._rejects.add(
                    np.ones(1, dtype=bool),
                    "",
                    [text],
                    f"has {found} fields where the header has {len(self._names)}",
                    "Give every row as many fields as the header has; quote a field with a comma.",
                    code="ragged_row",
                )

    def close(self) -> None:
        """Nothing is held open between two blocks."""


def open_delimited(path: Path, options: SourceOptions, rejects: "Rejects") -> DelimitedSource:
    """Open a file of delimited text; see :func:`gis.ingest.formats.open_source`."""
    return DelimitedSource(path, sniff_dialect(path, options), options, rejects)


class _Utf8Stream(io.RawIOBase):
    """The rows of a file as UTF-8, whatever it is in; a bad byte is an error, never a mark."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        super().__init__()
        self._file: BinaryIO = path.open("rb")
        self._skip = dialect.head_bytes
        codec = dialect.encoding.codec
        self._decoder = None
        if codec == "utf-8-sig":
            self._skip += len(codecs.BOM_UTF8)
        elif codec != "utf-8":
            self._decoder = codecs.getincrementaldecoder(codec)("strict")
        self._left = b""
        self._done = False
        self.is_damaged = False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        while not self._left and not self._done:
            self._left = self._next(len(buffer))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _next(self, size: int) -> bytes:
        block = self._file.read(size)
        self._done = not block
        if self._decoder is not None:
            block = self._decoder.decode(block, final=self._done).encode()
            block = block.removeprefix(codecs.BOM_UTF8) if self._skip else block
        if self._skip:
            skipped = min(self._skip, len(block))
            self._skip -= skipped
            block = block[skipped:]
        self.is_damaged = self.is_damaged or _LOST.encode() in block
        return block


class _Reader:
    """Parses block after block, and remembers the rows that do not fit the header."""

    def __init__(self, path: Path, dialect: Dialect, names: list[str]) -> None:
        self._path, self._names = path, names
        self._stream = _Utf8Stream(path, dialect)
        self._delimiter = dialect.delimiter
        self._ragged: list[tuple[int, int, str]] = []
        self._skipped: list[int] = []
        self._next_number = 1

    def close(self) -> None:
        self._stream.close()

    @property
    def is_damaged(self) -> bool:
        """Whether a sign for lost characters stands in what was read so far."""
        return self._stream.is_damaged

    def take_ragged(self) -> list[tuple[int, int, str]]:
        """Return row, number of fields and text of the ragged rows since the last call."""
        taken, self._ragged = self._ragged, []
        return taken

    def blocks(self) -> Iterator[tuple["pd.DataFrame", "NDArray[np.int64]"]]:
        """Yield the rows as text, missing where empty, with their numbers."""
        import pyarrow as pa

        try:
            for block in self._open():
                numbers = self._numbers(block.num_rows)
                yield _as_frame(block, self._names), numbers
        except (pa.ArrowInvalid, UnicodeError) as error:
            if "Empty CSV" in str(error):
                return
            msg = f"{self._path}: the file cannot be read as CSV ({str(error).strip()[:200]})."
            raise DataSourceError(
                msg,
                remedy="Give every row as many fields as the header has, and close every quote.",
                file=str(self._path),
            ) from error

    def _open(self) -> "arrow_csv.CSVStreamingReader":
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        return arrow_csv.open_csv(
            pa.PythonFile(self._stream, mode="r"),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=self._names
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                invalid_row_handler=self._note_ragged,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.string()), strings_can_be_null=False
            ),
        )

    def _note_ragged(self, row: Any) -> str:  # noqa: ANN401 - pyarrow's InvalidRow
        self._skipped.append(int(row.number))
        if row.text.strip(f"{self._delimiter} \t\r\n"):  # else a line of nothing
            self._ragged.append((int(row.number), row.actual_columns, row.text))
        return "skip"

    def _numbers(self, count: int) -> "NDArray[np.int64]":
        """Return the numbers of the next rows, without those that were skipped between them."""
        last = self._next_number + count - 1
        for number in sorted(self._skipped):
            last += number <= last
        numbers = np.arange(self._next_number, last + 1, dtype=np.int64)
        numbers = numbers[~np.isin(numbers, self._skipped)]
        self._next_number = last + 1
        self._skipped = [number for number in self._skipped if number > last]
        return numbers


def _as_frame(block: "pa.RecordBatch", names: list[str]) -> "pd.DataFrame":
    """Return a block of text without blanks around it, missing where nothing is left."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in block.columns:
        text = pc.utf8_trim_whitespace(column)
        columns.append(pc.if_else(pc.equal(pc.binary_length(text), 0), None, text))
    frame: pd.DataFrame = pa.Table.from_arrays(columns, names=names).to_pandas()
    return frame
