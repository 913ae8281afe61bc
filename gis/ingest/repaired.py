"""Repaired rows of a rejects package, and the file in which they stand in for its own."""

import contextlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.ingest.formats import open_source, require_file
from gis.ingest.rejects import Rejects
from gis.ingest.rejects_package import ADDED_COLUMNS, METADATA, NAMED, ROW, listed, sha256_of
from gis.ingest.rows import BATCH_ROWS, RowBatch, RowSource, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RepairedRows:
    """The rows of a rejects package, repaired or not.

    Parameters
    ----------
    path
        The package.
    numbers
        Number of each row in the file it comes from, shape (n,), ascending.
    columns
        Attributes under the file's own names, in the order of ``numbers``.
    geometry
        Geometries in the file's system; ``None``: the package has none.
    absent
        Numbers of rows that were in the package and are there no more.
    crs
        System of the geometries as the package says it (WKT); ``None``: it says none.
    sha256
        Of the file it comes from; ``None``: not known.
    """

    path: Path
    numbers: "NDArray[np.int64]"
    columns: "pd.DataFrame"
    geometry: "NDArray[Any] | None"
    absent: tuple[int, ...] = ()
    crs: str | None = None
    sha256: str | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def as_dict(self) -> dict[int, dict[str, Any]]:
        """Return the attributes of each row by its number."""
        rows: list[dict[Any, Any]] = self.columns.to_dict("records")
        return dict(zip(self.numbers.tolist(), rows, strict=True))


def read_repaired(path: Path) -> RepairedRows:
    """Return the rows of a rejects package that somebody has worked on.

    Raises
    ------
    gis.errors.DataSourceError
        The package is missing or cannot be read.
    gis.errors.InvalidInputError
        It is no rejects package, a row has no number, or a number appears twice.
    """
    import pyogrio

    require_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what GDAL frets about is read, or is an error
            layer = str(pyogrio.list_layers(path)[0][0])
            info = pyogrio.read_info(path, layer=layer)
            frame = pyogrio.read_dataframe(path, layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, IndexError) as error:
        msg = f"{path}: the file cannot be read as a GeoPackage ({error})."
        raise DataSourceError(msg, remedy="Save it as GeoPackage again.", file=str(path)) from error
    if ROW not in frame:
        msg = f"{path}: field '{ROW}' is missing, so it is no rejects package."
        raise InvalidInputError(
            msg, remedy="Give the package that a refused import wrote.", file=str(path), field=ROW
        )
    numbers = _numbers(frame, path)
    order = np.argsort(numbers, kind="stable")
    facts = json.loads((info.get("layer_metadata") or {}).get(METADATA, "{}"))
    name = getattr(frame, "_geometry_column_name", None)
    geometry = None if name is None else frame[name].to_numpy()[order]
    columns = frame.drop(columns=[*(ADDED_COLUMNS), *([] if name is None else [name])])
    columns = columns.rename(columns=facts.get("columns", {})).iloc[order].reset_index(drop=True)
    columns = columns.astype(object).where(columns.notna(), None)
    absent = sorted(set(_numbers_of(facts.get("rows", []))) - set(numbers.tolist()))
    return RepairedRows(
        path,
        numbers[order],
        columns,
        geometry,
        tuple(absent),
        info.get("crs"),
        facts.get("sha256"),
    )


def open_repaired(
    path: Path,
    options: SourceOptions,
    rejects: Rejects,
    package: Path,
    *,
    drop_absent: bool = False,
) -> "RepairedSource":
    """Open a file whose rejected rows are taken from a package.

    Parameters
    ----------
    path, options, rejects
        As for :func:`gis.ingest.formats.open_source`.
    package
        The repaired package of this file.
    drop_absent
        Leave out the rows that were removed from the package.

    Raises
    ------
    gis.errors.InvalidInputError
        Rows were removed from the package and ``drop_absent`` is not said; or it is the package of
        another file.
    gis.errors.CrsMismatchError
        The package was saved in another system than the file's.
    gis.errors.DataSourceError
        One of them cannot be read.
    """
    repaired = read_repaired(package)
    if repaired.sha256 is not None and repaired.sha256 != sha256_of(path):
        msg = f"{package}: these rows are not of {path.name} as it is now."
        raise InvalidInputError(
            msg,
            remedy="The file changed since, or is another one: import it again for a new package.",
            file=str(package),
        )
    if repaired.absent and not drop_absent:
        absent = repaired.absent
        msg = f"{package}: {len(absent)} rows were removed from it: row {listed(absent)}."
        raise InvalidInputError(
            msg,
            remedy="Put them back, or say that these rows are to be left out.",
            file=str(package),
            rows=list(absent[:NAMED]),
        )
    own = Rejects()
    source = open_source(path, options, own)
    try:
        _require_same_system(source.facts, repaired)
    except CrsMismatchError:
        source.close()
        raise
    return RepairedSource(source, repaired, own, rejects)


@dataclass
class RepairedSource:
    """A source in which repaired rows stand in for the file's own, by their number.

    Parameters
    ----------
    source
        The file.
    repaired
        The rows that stand in; those that are absent are left out.
    own
        The rejects that ``source`` was opened with.
    rejects
        Takes the faults of ``own``, but for those of rows that were repaired or left out.
    """

    source: RowSource
    repaired: RepairedRows
    own: Rejects = field(default_factory=Rejects)
    rejects: Rejects = field(default_factory=Rejects)

    @property
    def facts(self) -> SourceFacts:
        """What is known before reading, with a note on the rows that stand in."""
        note = f"{len(self.repaired)} rows are taken from {self.repaired.path.name}."
        if self.repaired.absent:
            note += f" {len(self.repaired.absent)} rows that it lacks are left out."
        return replace(self.source.facts, notes=(*self.source.facts.notes, note))

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order.

        Raises
        ------
        gis.errors.InvalidInputError
            After the last row: the package has rows that the file has not.
        """
        found = 0
        gone = np.asarray(self.repaired.absent, dtype=np.int64)
        for batch in self.source.batches(size):
            numbers = batch.numbers
            here = np.isin(numbers, self.repaired.numbers)
            out = np.isin(numbers, gone)
            found += int(here.sum())
            changed = self._with_repaired(batch, here) if here.any() else batch
            self._pass_on()
            yield _without(changed, out) if out.any() else changed
        self._pass_on()
        if found < len(self.repaired):
            msg = f"{self.repaired.path}: it has rows that {self.source.facts.path} has not."
            raise InvalidInputError(
                msg, remedy="Give the package of this file.", file=str(self.repaired.path)
            )

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()

    def _with_repaired(self, batch: RowBatch, here: "NDArray[np.bool_]") -> RowBatch:
        place = np.searchsorted(self.repaired.numbers, batch.numbers[here])
        columns = batch.columns.copy()
        for name in columns:
            if name in self.repaired.columns:
                values = columns[name].astype(object).to_numpy(dtype=object).copy()
                values[here] = self.repaired.columns[name].to_numpy(dtype=object)[place]
                columns[name] = _typed_as(values, batch.columns[name])
        geometry = batch.geometry
        if geometry is not None and self.repaired.geometry is not None:
            geometry = np.array(geometry, dtype=object)
            geometry[here] = self.repaired.geometry[place]
        return RowBatch(batch.first_row, columns, geometry, batch.numbers)

    def _pass_on(self) -> None:
        """Pass the source's own faults on, but for rows that do not come from it any more."""
        settled = {*self.repaired.numbers.tolist(), *self.repaired.absent}
        for row, name, value, code, reason, remedy in self.own.rows:
            if row not in settled:
                with self.rejects.batch(np.array([row], dtype=np.int64)):
                    self.rejects.add(np.array([True]), name, [value], reason, remedy, code=code)
        self.rejects.more += self.own.more
        self.own.rows.clear()
        self.own.more = 0


def _typed_as(values: "NDArray[Any]", like: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return values in the type of a column if they fit it, else as they are."""
    import pandas as pd

    out = pd.Series(values, index=like.index, dtype=object)
    with contextlib.suppress(TypeError, ValueError):
        return out.astype(like.dtype)
    return out


def _require_same_system(facts: SourceFacts, repaired: RepairedRows) -> None:
    if facts.crs is None or repaired.crs is None or repaired.geometry is None:
        return
    from pyproj import CRS

    saved = CRS.from_user_input(repaired.crs)
    if not saved.equals(facts.crs.crs, ignore_axis_order=True):
        msg = f"{repaired.path}: it is in {saved.name}, and the file in {facts.crs.name}."
        raise CrsMismatchError(
            msg,
            remedy="Save the package in the system in which it was written.",
            file=str(repaired.path),
        )


def _numbers(frame: "pd.DataFrame", path: Path) -> "NDArray[np.int64]":
    import pandas as pd

    numbers = pd.to_numeric(frame[ROW], errors="coerce")
    if numbers.isna().any():
        msg = f"{path}: {int(numbers.isna().sum())} rows have no number in '{ROW}'."
        raise InvalidInputError(
            msg, remedy="Import new features from a file of their own.", file=str(path), field=ROW
        )
    twice = numbers[numbers.duplicated()].astype("int64").unique().tolist()
    if twice:
        msg = f"{path}: row {listed(twice)} appears twice in '{ROW}'."
        raise InvalidInputError(
            msg,
            remedy="Keep one of them; import the others from a file of their own.",
            file=str(path),
            field=ROW,
        )
    return np.asarray(numbers.astype("int64").to_numpy(), dtype=np.int64)


def _without(batch: RowBatch, out: "NDArray[np.bool_]") -> RowBatch:
    geometry = None if batch.geometry is None else batch.geometry[~out]
    columns = batch.columns[~out].reset_index(drop=True)
    return RowBatch(batch.first_row, columns, geometry, batch.numbers[~out])


def _numbers_of(ranges: list[list[int]]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)
