"""Vector formats through GDAL, streamed: what is in memory is one batch of rows."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.formats import dbf
from gis.ingest.formats.agreement import agreed_crs
from gis.ingest.formats.arrow import BatchPlace, Decoder, columns_of, shapes_of, sliced
from gis.ingest.formats.encodings import GB18030, UTF8
from gis.ingest.formats.sniffing import SHAPEFILE, Format, check_content, format_of
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.formats.textual import Utf8Copy
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions
from gis.logs import get_logger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.ingest.rejects import Rejects

log = get_logger(__name__)

#: Longest .prj that makes sense, in bytes.
_MOST_PRJ = 64 << 10
#: Warnings of GDAL that are passed on; more of them say nothing new.
_MOST_WARNINGS = 5


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file made ready for GDAL: what it is to open, and how text is to be read."""

    file: Path
    prj: Path | None = None
    encoding: str | None = None
    codec: str | None = None
    notes: tuple[str, ...] = ()


class VectorSource:
    """A layer that GDAL streams; made by :func:`open_vector`."""

    def __init__(
        self, facts: SourceFacts, stream: "_Stream", files: SteadyFiles, stack: ExitStack
    ) -> None:
        self._facts = facts
        self._stream = stream
        self._files = files
        self._stack = stack

    @property
    def facts(self) -> SourceFacts:
        """What is known before reading; what GDAL warns of while it reads is among its notes."""
        if not self._stream.warned:
            return self._facts
        return replace(self._facts, notes=(*self._facts.notes, *self._stream.warned))

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order."""
        first = 1
        try:
            for batch in sliced(self._stream.batches(first), size):
                yield self._stream.rows(batch, first)
                first += batch.num_rows
        except DataSourceError:
            self._files.check()  # a file written to meanwhile is the cause, and is said first
            raise
        self._files.check()

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()


@dataclass(slots=True)
class _Stream:
    """Record batches of GDAL, and how they become rows."""

    path: Path
    meta: dict[str, Any]
    reader: Any
    names: dict[str, str]
    decode: Decoder | None
    rejects: "Rejects"
    file: Path
    layer: str | None
    curved: bool = False
    warned: dict[str, None] = field(default_factory=dict)

    @property
    def geometry(self) -> str | None:
        name = str(self.meta["geometry_name"] or "wkb_geometry")
        return name if name in self.reader.schema.names else None

    def batches(self, first: int) -> Iterator[Any]:
        import pyarrow as pa

        row = first
        while True:
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    batch = self.reader.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                msg = f"{self.path}: reading stopped after row {row - 1} ({_first_line(error)})."
                raise DataSourceError(
                    msg,
                    remedy="The file is damaged or cut off there: export or copy it again.",
                    file=str(self.path),
                    row=row,
                ) from error
            for text in _said(caught):
                log.info("gdal_warns", file=str(self.path), from_row=row, says=text)
                if len(self.warned) < _MOST_WARNINGS:
                    self.warned.setdefault(f"GDAL says: {text}")
            row += batch.num_rows
            yield batch

    def rows(self, batch: Any, first: int) -> RowBatch:  # noqa: ANN401 - a RecordBatch
        import pyarrow as pa

        place = BatchPlace(first, self.rejects)
        try:
            columns = columns_of(batch, self.names, place, self.decode)
        except pa.ArrowInvalid as error:
            msg = f"{self.path}: text in the rows from {first} on is not UTF-8 ({error})."
            raise DataSourceError(
                msg, remedy="Export it again, in UTF-8.", file=str(self.path), row=first
            ) from error
        name = self.geometry
        if name is None:
            return RowBatch(first, columns)
        again = partial(self._straightened, first, batch.num_rows)
        return RowBatch(first, columns, shapes_of(batch.column(name), place, again))

    def _straightened(self, first: int, count: int) -> "NDArray[Any]":
        """Return geometries as WKB, arcs as lines of many points, which only this reader gives."""
        import pyogrio

        if not self.curved:
            log.info("curves_straightened", file=str(self.path), from_row=first)
            self.curved = True
        read = pyogrio.raw.read(
            self.file, layer=self.layer, columns=[], skip_features=first - 1, max_features=count
        )
        return np.asarray(read[2], dtype=object)


def open_vector(path: Path, options: SourceOptions, rejects: "Rejects") -> VectorSource:
    """Open a layer that GDAL reads; see :func:`gis.ingest.formats.open_source`."""
    form = format_of(path)
    check_content(path, form)
    with ExitStack() as stack:
        parts = dbf.shapefile_parts(path) if form is SHAPEFILE else {"": path}
        files = SteadyFiles(path, parts.values())
        prepared = _prepare(path, form, parts, options, stack)
        layer = _chosen_layer(prepared.file, path, form, options)
        meta, reader, said = opened(
            prepared.file,
            form,
            path,
            stack,
            layer,
            encoding=prepared.encoding,
            read_geometry=options.spatial,
        )
        names, decode, notes = _names_of(meta, prepared)
        stream = _Stream(path, meta, reader, names, decode, rejects, prepared.file, layer)
        crs = None
        if stream.geometry is not None:
            crs, crs_notes = agreed_crs(_own_crs(meta, prepared), options.crs, path)
            notes += crs_notes
        facts = SourceFacts(
            path,
            form.name,
            layer,
            crs,
            tuple(names.values()),
            _rows(prepared, layer, form),
            prepared.codec,
            (*prepared.notes, *said, *notes),
        )
        return VectorSource(facts, stream, files, stack.pop_all())
    raise AssertionError


def _prepare(
    path: Path,
    form: Format,
    parts: dict[str, Path],
    options: SourceOptions,
    stack: ExitStack,
) -> _Prepared:
    if form is SHAPEFILE:
        header = dbf.check_lengths(parts)
        found = dbf.dbf_encoding(header, parts.get(".cpg"), options.encoding)
        file = readable(parts, stack)
        return _Prepared(file, parts.get(".prj"), dbf.BYTE_PRESERVING, found.codec, found.notes)
    if form.is_text:
        copy = stack.enter_context(Utf8Copy(path, options.encoding, form))
        return _Prepared(copy.file, codec=copy.codec, notes=copy.notes)
    return _Prepared(path)


def opened(
    file: Path,
    form: Format,
    path: Path,
    stack: ExitStack,
    layer: str | None = None,
    **how: object,
) -> tuple[dict[str, Any], Any, tuple[str, ...]]:
    """Return what GDAL says of a layer, its record batches, and what GDAL warned of.

    Parameters
    ----------
    file
        What GDAL is given.
    form
        Its format.
    path
        What errors name.
    stack
        Closes the layer.
    layer
        The layer; ``None``: the first.
    how
        ``encoding``, ``read_geometry``, and options of GDAL's driver.

    Raises
    ------
    gis.errors.DataSourceError
        It cannot be read as its format.
    """
    import pyogrio

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            meta, reader = stack.enter_context(
                pyogrio.open_arrow(
                    file,
                    layer=layer,
                    batch_size=BATCH_ROWS,
                    use_pyarrow=True,
                    datetime_as_string=True,
                    **how,
                )
            )
        except (
            pyogrio.errors.DataSourceError,
            pyogrio.errors.DataLayerError,
            IndexError,  # a file without layers
            RuntimeError,
        ) as error:
            raise unreadable(path, form, error) from error
    return meta, reader, _said(caught)


def _said(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    """Return what GDAL warned of, each once."""
    return tuple(dict.fromkeys(_first_line(str(one.message)) for one in caught))[:_MOST_WARNINGS]


def _own_crs(meta: dict[str, Any], prepared: _Prepared) -> str | None:
    """Return what the file says of its system: a code that GDAL found, else its own words.

    GDAL's rewording of a .prj loses what its zone can be recognised by.
    """
    found: str | None = meta["crs"]
    prj = prepared.prj
    if prj is None or (found is not None and found.startswith("EPSG:")):
        return found
    return _prj_text(prj)[0].strip("\ufeff\0 \r\n\t") or None


def _prj_text(prj: Path) -> tuple[str, bool]:
    """Return what a .prj says, and whether it is UTF-8; a local name may be in GBK."""
    with prj.open("rb") as stream:
        data = stream.read(_MOST_PRJ)
    try:
        return data.decode(UTF8), True
    except UnicodeDecodeError:
        return data.decode(GB18030, "replace"), False


def readable(parts: dict[str, Path], stack: ExitStack) -> Path:
    """Return a .shp for GDAL: itself, or a link to it beside a .prj in UTF-8, as pyogrio needs."""
    prj = parts.get(".prj")
    if prj is None or _prj_text(prj)[1]:
        return parts[".shp"]
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wangge-")))
    stem = parts[".shp"].stem
    for suffix, part in parts.items():
        if suffix != ".prj":
            (folder / f"{stem}{suffix}").symlink_to(part.resolve())
    (folder / f"{stem}.prj").write_text(_prj_text(prj)[0], encoding="utf-8")
    return folder / f"{stem}.shp"


def unreadable(path: Path, form: Format, error: Exception) -> DataSourceError:
    """Return the error of a file that is not what its suffix says, or not whole."""
    msg = f"{path}: the file cannot be read as {form.name} ({_first_line(error)})."
    return DataSourceError(
        msg,
        remedy="It may be truncated or another format: export or copy it again.",
        file=str(path),
    )


def _first_line(error: Exception | str) -> str:
    return str(error).split("\n", 1)[0].split("; It might help", 1)[0].strip().rstrip(".")


def _names_of(
    meta: dict[str, Any], prepared: _Prepared
) -> tuple[dict[str, str], Decoder | None, tuple[str, ...]]:
    given = [str(name) for name in meta["fields"]]
    if prepared.encoding is not None and prepared.codec is not None:
        names, notes = dbf.decoded_names(given, prepared.codec)
        decode = partial(dbf.decode_text, codec=prepared.codec)
        return dict(zip(given, names, strict=True)), decode, notes
    return {name: name for name in given}, None, ()


def _rows(prepared: _Prepared, layer: str | None, form: Format) -> int | None:
    """Return the number of rows where the format says it without being read."""
    import pyogrio

    if not form.counts_rows:
        return None
    info = pyogrio.read_info(
        prepared.file, layer=layer, encoding=prepared.encoding, force_feature_count=False
    )
    count = int(info["features"])
    return count if count >= 0 else None


def _chosen_layer(file: Path, path: Path, form: Format, options: SourceOptions) -> str | None:
    """Return the layer to read; ``None`` for a format of one layer without a name."""
    if form.one_layer and options.layer is None:
        return None
    names = layer_names(file, path, form)
    layer, preferred = options.layer, options.preferred_layer
    if layer is not None and layer not in names:
        msg = f"{path}: there is no layer {layer!r}."
        raise InvalidInputError(msg, remedy=f"It has: {', '.join(names)}.", file=str(path))
    if layer is not None:
        return layer
    if preferred in names:
        return preferred
    if len(names) != 1:
        called = f" and none is called {preferred!r}" if preferred else ""
        msg = f"{path}: the file has {len(names)} layers{called}."
        raise InvalidInputError(
            msg, remedy=f"Say which with --table: {', '.join(names) or 'none'}.", file=str(path)
        )
    return names[0]


def layer_names(file: Path, path: Path, form: Format) -> list[str]:
    """Return the names of the layers of a file.

    Raises
    ------
    gis.errors.DataSourceError
        It cannot be read as its format.
    """
    import pyogrio

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said again when the layer is opened
            return [str(name) for name, _ in pyogrio.list_layers(file)]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise unreadable(path, form, error) from error
