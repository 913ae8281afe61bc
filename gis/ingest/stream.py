"""One layer of a file as frames that keep its contract, batch by batch, in constant memory.

What grows with the file is sixteen bytes a row, by which a key that appears twice is found.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.ingest.checks import AxisWatch, check_column, check_geometries, single_parts
from gis.ingest.formats import open_source
from gis.ingest.keys import RowIds
from gis.ingest.mapping import apply_mapping
from gis.ingest.rejects import Rejects
from gis.ingest.reservoir import Reservoir
from gis.ingest.rows import BATCH_ROWS, RowBatch, RowSource, SourceFacts, SourceOptions
from gis.ingest.steady import SteadyFile

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import FrameContract

_SAMPLE_SEED = 20_240_501


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """How a layer is to be read.

    Parameters
    ----------
    options
        How the file is to be opened.
    mapping
        From the file's columns to the fields of the layer.
    source
        Short name of the data set, used in derived ids; empty: the file's name.
    within
        The ground the rows should lie on, a polygon in EPSG:4326: exchanged lon and lat are found
        by it.
    timezone
        IANA name of the zone of times that name none; ``None``: such times are refused.
    checks
        Whether each value is checked; ``False`` leaves it to the database.
    skip_rejects
        Whether rows that cannot be taken are left out, instead of the whole file.
    batch_rows
        Rows of a batch.
    """

    options: SourceOptions = field(default_factory=SourceOptions)
    mapping: Mapping[str, str] | None = None
    source: str = ""
    within: Any = None
    timezone: str | None = None
    checks: bool = True
    skip_rejects: bool = False
    batch_rows: int = BATCH_ROWS


def open_layer(path: Path, contract: "FrameContract", order: ReadOrder) -> "LayerStream":
    """Open one layer of a file for reading as frames of a contract.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, truncated or unreadable.
    gis.errors.CrsMismatchError
        No CRS, an unknown one, or contradictory ones.
    gis.errors.InvalidInputError
        There is no such layer or column, or the suffix is unknown.
    """
    rejects = Rejects()
    file = SteadyFile.of(path)
    source = open_source(path, order.options, rejects)
    return LayerStream(file, contract, order, source, rejects)


class LayerStream:
    """An opened layer of a file; a context manager.

    Attributes
    ----------
    facts
        What was known of the layer before it was read.
    rejects
        Faults found so far.
    row_numbers
        Numbers in the file of the rows of the frame that was yielded last, shape (n,).
    """

    def __init__(
        self,
        file: SteadyFile,
        contract: "FrameContract",
        order: ReadOrder,
        source: RowSource,
        rejects: Rejects,
    ) -> None:
        self.contract = contract
        self.order = order
        self.rejects = rejects
        self.facts: SourceFacts = source.facts
        self.row_numbers = np.empty(0, dtype=np.int64)
        self._file = file
        self._source = source
        self._where = str(file.path)
        self._ids = RowIds(contract, order.source or file.path.stem)
        self._axes = AxisWatch(self._where, order.within)
        self._reservoir = Reservoir(np.random.default_rng(_SAMPLE_SEED))
        self._read = self._taken = 0
        self._not_used: dict[str, None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file's content and of what is made of it.

        Not of its name, so that a copy of it is known.
        """
        parts = (
            self._file.digest(),
            self.contract.name,
            self.facts.layer,
            sorted(self.order.mapping.items()) if self.order.mapping else None,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @property
    def sample(self) -> "NDArray[np.float64]":
        """Lon and lat of up to 20,000 rows yielded so far, each with the same chance."""
        return self._reservoir.points

    def frames(self) -> Iterator[Any]:
        """Yield the rows as frames of the contract, in the order of the file; once.

        Once a row cannot be taken, the rest is checked and no more is yielded, unless such rows
        are to be left out.

        Raises
        ------
        gis.ingest.rejects.RejectedRowsError
            After the last row: at least one cannot be taken; ``rejects`` names every fault.
        gis.errors.CrsMismatchError
            Lon and lat are exchanged.
        gis.errors.DataSourceError
            The file is cut off, broken, or changed while it was read.
        gis.errors.InvalidInputError
            The file has no rows, or the mapping names a column that is not there.
        """
        for batch in self._source.batches(self.order.batch_rows):
            frame = self._conformed(batch)
            if frame is not None and len(frame):
                self._taken += len(frame)
                yield frame
            del frame
        self._file.require_steady()
        self._axes.raise_if_exchanged()
        if not self._read:
            msg = f"{self._where}: the file has no rows."
            raise InvalidInputError(
                msg, remedy="Export it again with its features.", file=self._where
            )
        if not self.order.skip_rejects:
            self.rejects.raise_if_any(self._where, self._read)

    def report(self) -> dict[str, object]:
        """Return what is to be said of the reading, as JSON can hold it."""
        return {
            "file": self.facts.path.name,
            "format": self.facts.format,
            "layer": self.facts.layer,
            "rows": self._taken,
            "rows_left_out": self.rejects.refused_rows,
            "source_crs": None if self.facts.crs is None else self.facts.crs.name,
            "encoding": self.facts.encoding,
            "columns_not_used": list(self._not_used),
            "notes": list(self.facts.notes),
        }

    def _conformed(self, batch: RowBatch) -> Any:  # noqa: ANN401 - a frame, or None
        numbers = batch.numbers
        first = not self._read
        self._read += len(batch)
        columns = apply_mapping(batch.columns, self.order.mapping, self.contract.names, self._where)
        with self.rejects.batch(numbers):
            columns = self._ids.of(columns, batch.geometry, self.rejects)
            data = self._values(columns)
            geometry = self._geometry(batch, numbers)
        if first:
            self._axes.raise_if_exchanged()
        names = self.contract.names
        self._not_used.update(dict.fromkeys(str(name) for name in columns if name not in names))
        bad = self.rejects.refused(numbers)
        if self.rejects.rows and not self.order.skip_rejects:
            return None
        frame = _frame(data, geometry, len(batch))
        if bad.any():
            frame, numbers = frame[~bad].reset_index(drop=True), numbers[~bad]
        self.row_numbers = numbers
        if geometry is not None:
            self._reservoir.add(frame.geometry.to_numpy())
        return self.contract.conform(frame, source=self._where)

    def _values(self, columns: "pd.DataFrame") -> dict[str, Any]:
        import pandas as pd

        data: dict[str, Any] = {}
        for column in self.contract.columns:
            if column.name in columns:
                data[column.name] = check_column(columns[column.name], column, self.rejects)
            elif column.required and column.default is None:
                absent = pd.Series([None] * len(columns), dtype=object)
                data[column.name] = check_column(absent, column, self.rejects)
        for name, _ in self.contract.extra_geometries:
            if name in columns:
                data[name] = _from_wkt(columns[name].to_numpy(dtype=object), name, self.rejects)
        return data

    def _geometry(self, batch: RowBatch, numbers: "NDArray[np.int64]") -> "NDArray[Any] | None":
        """Return the geometries in EPSG:4326, without heights and collections of one part."""
        kinds = self.contract.geometry
        if not kinds:
            return None
        geometry = batch.geometry
        if geometry is None:
            geometry = np.full(len(batch), None, dtype=object)
        geometry = np.asarray(shapely.force_2d(geometry), dtype=object)
        crs = self.facts.crs
        if crs is not None and crs.in_degrees:
            self._axes.add(geometry, numbers)
        if crs is not None:
            geometry = crs.to_lonlat(geometry)
        geometry = single_parts(geometry, kinds)
        required = self.contract.geometry_required
        check_geometries(geometry, kinds, self.rejects, required=required)
        return geometry


def _frame(data: dict[str, Any], geometry: "NDArray[Any] | None", count: int) -> Any:  # noqa: ANN401 - a frame or geo frame
    import pandas as pd

    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in data.items()},
        index=pd.RangeIndex(count),
    )
    if geometry is None:
        return frame
    import geopandas as gpd

    return gpd.GeoDataFrame(frame, geometry=geometry, crs="EPSG:4326")


def _from_wkt(values: "NDArray[Any]", name: str, rejects: Rejects) -> "NDArray[Any]":
    text = np.array([value if isinstance(value, str) else None for value in values], dtype=object)
    geometry = np.asarray(shapely.from_wkt(text, on_invalid="ignore"), dtype=object)
    bad = shapely.is_missing(geometry) & (text != None)  # noqa: E711 - elementwise
    rejects.add(
        bad, name, values, "is no geometry in WKT", "Write it as POINT (lon lat).", code="not_wkt"
    )
    return geometry
