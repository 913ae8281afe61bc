"""One layer of a file as a whole: all rows in order, or none and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gis.errors import InvalidInputError
from gis.frames import FrameContract
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.rejects import Rejects
from gis.ingest.rows import RowBatch, SourceFacts, SourceOptions
from gis.ingest.stream import ReadOrder, open_layer


@dataclass(frozen=True)
class ReadResult:
    """A layer that was read.

    Parameters
    ----------
    frame
        Conforming to the contract, in EPSG:4326 where it has geometry.
    report
        File, layer, rows, source CRS, columns that were not used.
    """

    frame: Any
    report: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def read_layer(
    path: Path,
    contract: FrameContract,
    *,
    layer: str | None = None,
    crs: str | None = None,
    mapping: Mapping[str, str] | None = None,
    source: str = "",
    within: Any = None,  # noqa: ANN401 - a shapely polygon or None
) -> ReadResult:
    """Return one layer of a file as a frame of its contract.

    Parameters
    ----------
    path
        A .gpkg, .geojson, .json or .csv file (UTF-8, with or without byte order mark; coordinates
        in columns lon and lat or a synonym, or in a column wkt).
    contract
        The layer's contract.
    layer
        Layer of a GeoPackage; None: the one called as the contract, else the only one.
    crs
        What to take the coordinates for if the file does not say; required for CSV with
        coordinates. GeoJSON is WGS 84 (RFC 7946) unless its old ``crs`` member says otherwise.
    mapping
        File's column → field of the contract.
    source
        Short name of the data set, used in derived ids; empty: the file's name.
    within
        The ground the rows should lie on, in EPSG:4326: exchanged lon and lat are found by it.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, truncated or unreadable.
    gis.errors.CrsMismatchError
        No CRS, an unknown one, contradictory ones, or lon and lat exchanged.
    gis.ingest.rejects.RejectedRowsError
        At least one row cannot be taken; its ``rejects`` names every fault.
    gis.errors.InvalidInputError
        The file has no rows or no such layer or column, or its suffix is unknown.
    """
    import pandas as pd

    options = SourceOptions(
        layer=layer,
        crs=None if crs is None else SourceCrs.parse(crs, str(path)),
        spatial=bool(contract.geometry),
        preferred_layer=contract.name,
    )
    order = ReadOrder(options, mapping=mapping, source=source, within=within)
    with open_layer(path, contract, order) as stream:
        frames = list(stream.frames())
        frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        return ReadResult(frame, MappingProxyType(stream.report()))


def read_rows(path: Path, options: SourceOptions, rejects: Rejects) -> tuple[RowBatch, SourceFacts]:
    """Return all rows of one layer of a file at once; errors as of the formats.

    Raises
    ------
    gis.errors.InvalidInputError
        The file has no rows.
    """
    import pandas as pd

    source = open_source(path, options, rejects)
    try:
        batches = list(source.batches())
    finally:
        source.close()
    if not batches:
        msg = f"{path}: the file has no rows."
        raise InvalidInputError(msg, remedy="Export it again with its features.", file=str(path))
    columns = pd.concat([batch.columns for batch in batches], ignore_index=True)
    shapes = [batch.geometry for batch in batches if batch.geometry is not None]
    return RowBatch(1, columns, np.concatenate(shapes) if shapes else None), source.facts
