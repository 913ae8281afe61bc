"""What every reader gives: the rows of one layer of a file, batch by batch, as they are there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.geometry.source_crs import SourceCrs

#: Rows of a batch: enough for vectorised work, little enough for constant memory.
BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a file is to be opened; what is ``None`` the reader finds out.

    Parameters
    ----------
    layer
        Layer, sheet or file inside the file.
    preferred_layer
        The layer to take if ``layer`` is not given and the file has one of this name.
    crs
        What the caller declares the coordinates to be in.
    encoding
        Encoding of text: ``utf-8``, ``gbk``, ``gb18030``.
    header_rows
        Rows of a sheet's or CSV file's header.
    spatial
        Whether geometry is wanted; without it a file need not say a reference system.
    """

    layer: str | None = None
    preferred_layer: str = ""
    crs: "SourceCrs | None" = None
    encoding: str | None = None
    header_rows: int | None = None
    spatial: bool = True


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows in the order of the file.

    Parameters
    ----------
    first_row
        Number of the first of them; row 1 is the first row of data.
    columns
        Attributes under their names in the file; values as read, text where it has no types.
    geometry
        Geometries in the source's system, one for each row; ``None``: the file has none.
    row_numbers
        Numbers of the rows as people see them in the program they keep the file in (the row of a
        worksheet, with its titles and headers counted); ``None``: they are counted from
        ``first_row``. Reports name rows by :attr:`numbers`.
    """

    first_row: int
    columns: "pd.DataFrame"
    geometry: "NDArray[Any] | None" = None
    row_numbers: "NDArray[np.int64] | None" = None

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def numbers(self) -> "NDArray[np.int64]":
        """Return the number of each row, as reports name it; shape (n,)."""
        if self.row_numbers is not None:
            return self.row_numbers
        return np.arange(self.first_row, self.first_row + len(self), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of an opened layer before its rows are read.

    Parameters
    ----------
    path
        The file.
    format
        Name of the format, as people know it.
    layer
        Layer inside the file; ``None`` where the format has no layers.
    crs
        System of the coordinates; ``None``: there are none.
    columns
        Names of the attribute columns.
    rows
        Number of rows, if it is known without reading them.
    encoding
        Encoding that text is read in, for formats that do not fix it.
    notes
        What was found out, mended or assumed on opening; each is said to people.
    xy
        Columns that the geometry was made of, where it stood in columns.
    """

    path: Path
    format: str
    layer: str | None
    crs: "SourceCrs | None"
    columns: tuple[str, ...]
    rows: int | None = None
    encoding: str | None = None
    notes: tuple[str, ...] = ()
    xy: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


class RowSource(Protocol):
    """An opened layer of a file.

    ``batches`` may be called once; reading holds one batch in memory at a time. A fault of the file
    that shows only on reading (cut off, a broken record, bytes of another encoding) is a
    :class:`gis.errors.DataSourceError` that names the row. A value of a coordinate column that is
    no number goes to the ``rejects`` that the source was opened with.
    """

    @property
    def facts(self) -> SourceFacts:
        """What is known before reading."""

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order."""

    def close(self) -> None:
        """Let go of the file, and of anything unpacked from it."""
