"""One layer of a file as frames that keep its contract, batch by batch, in constant memory.

What grows with the file is sixteen bytes a row, for a moment twice that, by which a key that
appears twice is found; without checks nothing grows.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.ingest.checks import check_columns, finish_column, typed_columns
from gis.ingest.checks_geometry import AxisWatch, check_geometries, single_parts
from gis.ingest.content import content_digest, parts_of
from gis.ingest.formats import open_source
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.keys import RowIds
from gis.ingest.mapped_rows import AnyMapping, RowMapper
from gis.ingest.mapping import LayerMapping
from gis.ingest.rejects import Rejects
from gis.ingest.repaired import open_repaired
from gis.ingest.reservoir import Reservoir
from gis.ingest.rows import BATCH_ROWS, RowBatch, RowSource, SourceFacts, SourceOptions
from gis.ingest.values import MendLog

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
        From the file's columns to the fields of the layer: names, or all that a mapping file says.
    source
        Short name of the data set, used in derived ids; empty: the file's name.
    within
        The ground the rows should lie on, a polygon in EPSG:4326: exchanged lon and lat are found
        by it.
    timezone
        IANA name of the zone of times that name none; ``None``: such times are refused.
    checks
        Whether values and rings are checked. ``False`` leaves types, codes, ranges and keys that
        appear twice to the database, and takes rings as they are; what no database could refuse
        is checked all the same: a place off the globe, exchanged axes, times without a zone,
        control characters.
    skip_rejects
        Whether rows that cannot be taken are left out, instead of the whole file.
    batch_rows
        Rows of a batch.
    repaired
        A rejects package of the file whose rows stand in for the file's own.
    drop_absent
        Whether rows that were removed from that package are left out.
    """

    options: SourceOptions = field(default_factory=SourceOptions)
    mapping: AnyMapping | None = None
    source: str = ""
    within: Any = None
    timezone: str | None = None
    checks: bool = True
    skip_rejects: bool = False
    batch_rows: int = BATCH_ROWS
    repaired: Path | None = None
    drop_absent: bool = False


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
    if order.repaired is None:
        return LayerStream(
            path, contract, order, open_source(path, order.options, rejects), rejects
        )
    source = open_repaired(
        path, order.options, rejects, order.repaired, drop_absent=order.drop_absent
    )
    return LayerStream(path, contract, order, source, rejects)


class LayerStream:
    """An opened layer of a file; a context manager.

    Attributes
    ----------
    contract, order
        What the frames are to be, and how the file is read.
    rejects
        Faults found so far.
    row_numbers
        Numbers in the file of the rows of the frame that was yielded last, shape (n,).
    """

    def __init__(
        self,
        path: Path,
        contract: "FrameContract",
        order: ReadOrder,
        source: RowSource,
        rejects: Rejects,
    ) -> None:
        self.contract = contract
        self.order = order
        self.rejects = rejects
        self.row_numbers = np.empty(0, dtype=np.int64)
        self._given: set[str] = set()
        self._path = path
        self._where = str(path)
        self._source = source
        self._files = SteadyFiles(path, parts_of(path))
        self._mapper = RowMapper(order.mapping, contract, self._where)
        self._ids = RowIds(contract, order.source or path.stem, once=order.checks)
        self._axes = AxisWatch(self._where, order.within)
        self._reservoir = Reservoir(np.random.default_rng(_SAMPLE_SEED))
        self._mends = MendLog()
        self._taken = 0

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

    @property
    def facts(self) -> SourceFacts:
        """What is known of the layer; its notes may grow while it is read."""
        return self._source.facts

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content, with that of repaired rows, and of what is made of it.

        Not of its name, so that a copy of it is known.
        """
        mapping = self.order.mapping
        how = mapping if isinstance(mapping, LayerMapping) else sorted((mapping or {}).items())
        repaired = self.order.repaired
        mended = None if repaired is None else content_digest(repaired)
        made = (content_digest(self._path), mended, self.contract.name, self.facts.layer, how)
        self._files.check()
        return hashlib.sha256(repr(made).encode()).hexdigest()

    @property
    def sample(self) -> "NDArray[np.float64]":
        """Lon and lat of up to 20,000 rows yielded so far, each with the same chance."""
        return self._reservoir.points

    def frames(self) -> Iterator[Any]:
        """Yield the rows as frames of the contract, in the order of the file; once.

        Once a row cannot be taken, the rest is checked and no more is yielded, unless such rows
        are to be left out. Without checks a frame lacks the columns that neither the file nor the
        contract has a value for, and the types of the others are the file's.

        Raises
        ------
        gis.ingest.rejects.RejectedRowsError
            After the last row: at least one cannot be taken; ``rejects`` names every fault.
        gis.errors.CrsMismatchError
            Lon and lat are exchanged.
        gis.errors.DataSourceError
            The file is cut off, broken, or changed while it was read.
        gis.errors.InvalidInputError
            The file has no rows, or the mapping names a column that is not there or takes no row.
        """
        size = self.order.batch_rows
        first = True
        for batch in self._mapper.batches(self._source.batches(size), self.facts, size):
            if not len(batch):
                continue
            frame = self._framed(batch)
            if first:
                self._axes.raise_if_exchanged()
            first = False
            if frame is not None and len(frame):
                self._taken += len(frame)
                yield frame
            del frame  # before the next one is made
        self._files.check()
        self._axes.raise_if_exchanged()
        if first:
            self._refuse_nothing()
        if not self.order.skip_rejects:
            self.rejects.raise_if_any(self._where, self._mapper.rows_read)

    @property
    def given(self) -> tuple[str, ...]:
        """Fields of the contract that the rows read so far have a column for."""
        return tuple(name for name in self.contract.names if name in self._given)

    def report(self) -> dict[str, object]:
        """Return what is to be said of the reading, as JSON can hold it."""
        facts = self.facts
        return {
            "file": facts.path.name,
            "format": facts.format,
            "layer": facts.layer,
            "rows": self._taken,
            "rows_read": self._mapper.rows_read,
            "rows_left_out": self.rejects.refused_rows,
            "checked": self.order.checks,
            "source_crs": None if facts.crs is None else facts.crs.name,
            "encoding": facts.encoding,
            "columns_not_used": list(self._mapper.not_used),
            "notes": list(facts.notes),
            "mends": self._mends.notes(),
        }

    def _refuse_nothing(self) -> None:
        what, remedy = "the file has no rows", "Export it again with its features."
        if self._mapper.rows_read:
            what = f"the mapping takes none of the file's {self._mapper.rows_read} rows"
            remedy = "Compare its conditions and its source_layer with the values in the file."
        raise InvalidInputError(f"{self._where}: {what}.", remedy=remedy, file=self._where)

    def _framed(self, batch: RowBatch) -> Any:  # noqa: ANN401 - a frame, or None
        numbers = batch.numbers
        self._given.update(map(str, batch.columns))
        if batch.geometry is not None:
            self._given.add("geometry")
        with self.rejects.batch(numbers):
            columns = self._ids.of(batch.columns, batch.geometry, self.rejects)
            data = self._columns(columns)
            geometry = self._geometry(batch, numbers)
        if self.rejects.rows and not self.order.skip_rejects:
            return None
        bad = self.rejects.refused(numbers)
        if bad.any():
            numbers = numbers[~bad]
            data = {name: values[~bad].reset_index(drop=True) for name, values in data.items()}
            geometry = None if geometry is None else geometry[~bad]
        self.row_numbers = numbers
        if geometry is not None:
            self._reservoir.add(geometry)
        return self._frame(data, geometry, len(numbers))

    def _columns(self, columns: "pd.DataFrame") -> "dict[str, pd.Series[Any]]":
        read = check_columns if self.order.checks else typed_columns
        data = read(columns, self.contract, self.rejects, self._mends, self.order.timezone)
        for name, _ in self.contract.extra_geometries:
            if name in columns:
                data[name] = _from_wkt(columns[name], self.rejects)
        return data

    def _geometry(self, batch: RowBatch, numbers: "NDArray[np.int64]") -> "NDArray[Any] | None":
        """Return the geometries in EPSG:4326, without heights and collections of one part."""
        kinds = self.contract.geometry
        if not kinds:
            return None
        geometry = batch.geometry
        if geometry is None:
            geometry = np.full(len(batch), None, dtype=object)
        if shapely.has_z(geometry).any():
            geometry = np.asarray(shapely.force_2d(geometry), dtype=object)
        crs = self.facts.crs
        if crs is not None and crs.in_degrees:
            self._axes.add(geometry, numbers)
        if crs is not None:
            geometry = crs.to_lonlat(geometry)
        geometry = single_parts(geometry, kinds)
        required = self.contract.geometry_required
        check_geometries(geometry, kinds, self.rejects, required=required, valid=self.order.checks)
        return geometry

    def _frame(
        self,
        data: "dict[str, pd.Series[Any]]",
        geometry: "NDArray[Any] | None",
        count: int,
    ) -> Any:  # noqa: ANN401 - a frame or geo frame
        import pandas as pd

        contract = self.contract
        ready: dict[str, Any] = {}
        for column in contract.columns:
            if column.name in data:
                ready[column.name] = (
                    finish_column(data[column.name], column)
                    if self.order.checks
                    else data[column.name]
                )
            elif self.order.checks or column.default is None:
                nothing = pd.Series(np.full(count, None, dtype=object), dtype=object)
                ready[column.name] = finish_column(nothing, column)
        frame = pd.DataFrame(ready, index=pd.RangeIndex(count), copy=False)
        if geometry is None:
            return frame
        import geopandas as gpd

        for name, _ in contract.extra_geometries:
            shapes = data[name].to_numpy() if name in data else np.full(count, None, dtype=object)
            frame[name] = gpd.GeoSeries(shapes, crs="EPSG:4326")
        return gpd.GeoDataFrame(frame, geometry=geometry, crs="EPSG:4326")


def _from_wkt(values: "pd.Series[Any]", rejects: Rejects) -> "pd.Series[Any]":
    import pandas as pd

    shown = values.to_numpy(dtype=object)
    given = values.notna().to_numpy(dtype=bool)
    geometry = np.full(len(shown), None, dtype=object)
    geometry[given] = shapely.from_wkt(shown[given].astype(str).astype(object), on_invalid="ignore")
    rejects.add(
        given & shapely.is_missing(geometry),
        str(values.name),
        shown,
        "is no geometry in WKT",
        "Write it as POINT (lon lat).",
        code="not_wkt",
    )
    return pd.Series(geometry, index=values.index, dtype=object)
