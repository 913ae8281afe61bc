"""GeoParquet, row group by row group."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.formats.agreement import agreed_crs
from gis.ingest.formats.arrow import BatchPlace, columns_of, shapes_of
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    from gis.ingest.rejects import Rejects

#: What a column of geometry is in if its metadata do not say (GeoParquet 1.1).
_DEFAULT_CRS = "OGC:CRS84"


class ParquetSource:
    """The rows of a GeoParquet file; made by :func:`open_parquet`."""

    def __init__(
        self,
        facts: SourceFacts,
        file: Any,  # noqa: ANN401 - a ParquetFile
        geometry: str | None,
        files: SteadyFiles,
        rejects: "Rejects",
    ) -> None:
        self._facts = facts
        self._file = file
        self._geometry = geometry
        self._files = files
        self._rejects = rejects

    @property
    def facts(self) -> SourceFacts:
        """What is known before reading."""
        return self._facts

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order."""
        import pyarrow as pa

        path, names = self._facts.path, {name: name for name in self._facts.columns}
        wanted = [*names, *([] if self._geometry is None else [self._geometry])]
        first = 1
        try:
            for batch in self._file.iter_batches(batch_size=size, columns=wanted):
                if not batch.num_rows:
                    continue
                place = BatchPlace(first, self._rejects)
                columns = columns_of(batch, names, place)
                shapes = None
                if self._geometry is not None:
                    shapes = shapes_of(batch.column(self._geometry), place)
                yield RowBatch(first, columns, shapes)
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            self._files.check()
            msg = f"{path}: reading stopped after row {first - 1} ({error})."
            raise DataSourceError(
                msg,
                remedy="The file is damaged: export or copy it again.",
                file=str(path),
                row=first,
            ) from error
        self._files.check()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def open_parquet(path: Path, options: SourceOptions, rejects: "Rejects") -> ParquetSource:
    """Open a GeoParquet file; see :func:`gis.ingest.formats.open_source`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = SteadyFiles(path)
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        msg = f"{path}: the file cannot be read as GeoParquet ({error})."
        raise DataSourceError(
            msg,
            remedy="It may be truncated or another format: export or copy it again.",
            file=str(path),
        ) from error
    try:
        facts, geometry = _facts(path, options, file)
    except BaseException:
        file.close()
        raise
    return ParquetSource(facts, file, geometry, files, rejects)


def _facts(path: Path, options: SourceOptions, file: Any) -> tuple[SourceFacts, str | None]:  # noqa: ANN401 - a ParquetFile
    """Return what the file says of itself, and its column of geometry."""
    geo = _metadata(path, file)
    geometry, crs = None, None
    kinds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if geo is None and options.spatial:
        msg = f"{path}: the file is Parquet, but no GeoParquet: it does not say its geometry."
        raise InvalidInputError(
            msg, remedy="Export it as GeoParquet, or as CSV with coordinates.", file=str(path)
        )
    if geo is not None:
        geometry = str(geo["primary_column"])
        about = _about(path, geo, geometry, file.schema_arrow.names)
        kinds = tuple(about.get("geometry_types", ()))
        if options.spatial:
            crs, notes = agreed_crs(_declared_crs(about), options.crs, path)
    hidden = {geometry, *_covering(geo)}
    columns = tuple(name for name in file.schema_arrow.names if name not in hidden)
    rows = int(file.metadata.num_rows)
    extra = {"geometry_types": kinds}
    facts = SourceFacts(path, "GeoParquet", None, crs, columns, rows, notes=notes, extra=extra)
    return facts, geometry if options.spatial else None


def _metadata(path: Path, file: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a ParquetFile
    """Return the ``geo`` metadata; ``None``: there are none."""
    text = (file.schema_arrow.metadata or {}).get(b"geo")
    if text is None:
        return None
    try:
        geo = json.loads(text)
        if isinstance(geo["columns"], dict) and isinstance(geo["primary_column"], str):
            return dict(geo)
    except (ValueError, KeyError, TypeError):
        pass
    msg = f"{path}: the file's GeoParquet metadata are broken."
    raise DataSourceError(msg, remedy="Export it again.", file=str(path))


def _about(path: Path, geo: dict[str, Any], name: str, columns: list[str]) -> dict[str, Any]:
    about = geo["columns"].get(name)
    if not isinstance(about, dict) or name not in columns:
        msg = f"{path}: the file has no column {name!r}, which it says its geometry is in."
        raise DataSourceError(msg, remedy="Export it again.", file=str(path))
    if about.get("encoding", "WKB") != "WKB":
        msg = f"{path}: its geometry is encoded as {about['encoding']!r}; only WKB is read."
        raise InvalidInputError(
            msg, remedy="Export it with geometry as WKB, which is usual.", file=str(path)
        )
    return about


def _declared_crs(about: dict[str, Any]) -> str | None:
    """Return a column's system: by default lon, lat of WGS 84; null says that it is not known."""
    if "crs" not in about:
        return _DEFAULT_CRS
    crs = about["crs"]
    return crs if crs is None or isinstance(crs, str) else json.dumps(crs)


def _covering(geo: dict[str, Any] | None) -> set[str]:
    """Return the columns that only hold bounding boxes of the geometry."""
    covering = set()
    for about in () if geo is None else geo["columns"].values():
        for corner in about.get("covering", {}).get("bbox", {}).values():
            covering.add(str(corner[0]))
    return covering
