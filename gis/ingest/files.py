"""One layer from a GeoPackage, GeoJSON or CSV file: all rows in order, or none and why."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.frames import FrameContract, stable_ids
from gis.geometry.source_crs import SourceCrs
from gis.ingest.checks import check_column, check_geometries, check_swapped
from gis.ingest.formats import open_source
from gis.ingest.mapping import apply_mapping
from gis.ingest.rejects import Rejects
from gis.ingest.rows import RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


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
    where, rejects = str(path), Rejects()
    rows, facts = read_rows(
        path,
        SourceOptions(
            layer=layer,
            crs=None if crs is None else SourceCrs.parse(crs, where),
            spatial=bool(contract.geometry),
            preferred_layer=contract.name,
        ),
        rejects,
    )
    columns = apply_mapping(rows.columns, mapping, contract.names, where)
    count = len(columns)
    data: dict[str, Any] = {}
    columns = _with_ids(columns, rows, contract, source or path.stem, rejects)
    for column in contract.columns:
        if column.name in columns or (column.required and column.default is None):
            values = _values(columns, column.name, count)
            data[column.name] = check_column(values, column, rejects)
    for name, _ in contract.extra_geometries:
        if name in columns:
            data[name] = _from_wkt(columns[name].to_numpy(dtype=object), name, rejects)
    geometry = _geometry(rows, facts, contract, within, rejects) if contract.geometry else None
    rejects.raise_if_any(where, count)
    frame = contract.conform(_frame(data, geometry, count), source=where)
    return ReadResult(frame, MappingProxyType(_report(facts, frame, columns)))


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


def _values(columns: "pd.DataFrame", name: str, count: int) -> "pd.Series[Any]":
    import pandas as pd

    if name in columns:
        return columns[name]
    return pd.Series([None] * count, dtype=object)


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


def _report(facts: SourceFacts, frame: Any, columns: "pd.DataFrame") -> dict[str, object]:  # noqa: ANN401 - a frame
    return {
        "file": facts.path.name,
        "layer": facts.layer,
        "rows": len(frame),
        "source_crs": None if facts.crs is None else facts.crs.name,
        "columns_not_used": [str(name) for name in columns if name not in frame],
    }


def _with_ids(
    columns: "pd.DataFrame",
    rows: RowBatch,
    contract: FrameContract,
    dataset: str,
    rejects: Rejects,
) -> "pd.DataFrame":
    """Return the columns with an ``id``: the file's UUIDs, else derived from the source's ids.

    A file without ids gets them from the content of its rows, so that the same file read twice
    has the same keys, and a row that moved within it too.
    """
    fields = {column.name for column in contract.columns}
    if "id" not in fields:
        return columns
    own = columns["id"].to_numpy(dtype=object) if "id" in columns else None
    if own is not None and all(_is_uuid(value) for value in own):
        return _refuse_twice(columns, "id", rejects)
    out = columns.copy()
    if "source_id" not in out and own is not None:
        out["source_id"] = own
    if "source_id" in out and not out["source_id"].isna().any():
        out = _refuse_twice(out, "source_id", rejects)
        keys = [str(value) for value in out["source_id"]]
    else:
        keys = _fingerprints(columns, rows)
    out["id"] = stable_ids(dataset, contract.name, keys)
    return out


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def _refuse_twice(columns: "pd.DataFrame", name: str, rejects: Rejects) -> "pd.DataFrame":
    again = columns[name].duplicated().to_numpy(dtype=bool)
    values = columns[name].to_numpy(dtype=object)
    rejects.add(
        again, name, values, "appears twice", "Give every feature its own id.", code="duplicate_id"
    )
    return columns


def _fingerprints(columns: "pd.DataFrame", rows: RowBatch) -> list[str]:
    """Return a digest of each row's content; equal rows are told apart by their order."""
    wkb = [None] * len(columns) if rows.geometry is None else shapely.to_wkb(rows.geometry)
    seen: Counter[str] = Counter()
    keys = []
    for values, shape in zip(columns.itertuples(index=False), wkb, strict=True):
        text = "\x1f".join(str(value) for value in values).encode()
        digest = hashlib.sha256(text + b"\x1e" + (shape or b"")).hexdigest()
        seen[digest] += 1
        keys.append(f"{digest}/{seen[digest]}")
    return keys


def _from_wkt(values: "NDArray[Any]", name: str, rejects: Rejects) -> "NDArray[Any]":
    text = np.array([value if isinstance(value, str) else None for value in values], dtype=object)
    geometry = np.asarray(shapely.from_wkt(text, on_invalid="ignore"), dtype=object)
    bad = shapely.is_missing(geometry) & (text != None)  # noqa: E711 - elementwise
    rejects.add(
        bad, name, values, "is no geometry in WKT", "Write it as POINT (lon lat).", code="not_wkt"
    )
    return geometry


def _geometry(
    rows: RowBatch,
    facts: SourceFacts,
    contract: FrameContract,
    within: Any,  # noqa: ANN401 - a polygon or None
    rejects: Rejects,
) -> "NDArray[Any]":
    """Return the geometries in EPSG:4326, without heights and collections of one part."""
    geometry = rows.geometry
    if geometry is None:
        geometry = np.full(len(rows.columns), None, dtype=object)
    geometry = np.asarray(shapely.force_2d(geometry), dtype=object)
    absent = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    crs = facts.crs
    if crs is not None and crs.in_degrees:
        corners = shapely.bounds(geometry[~absent])[:, :2]
        check_swapped(corners[np.isfinite(corners).all(axis=1)], str(facts.path), within)
    if crs is not None:
        geometry = crs.to_lonlat(geometry)
    geometry = _single(geometry, contract.geometry)
    check_geometries(geometry, contract.geometry, rejects, required=contract.geometry_required)
    return geometry


def _single(geometry: "NDArray[Any]", kinds: tuple[str, ...]) -> "NDArray[Any]":
    """Return collections of one part as that part where the contract wants no collection."""
    out = np.array(geometry, dtype=object)
    for row, value in enumerate(out):
        if (
            value is not None
            and value.geom_type.startswith("Multi")
            and value.geom_type not in kinds
            and len(value.geoms) == 1
        ):
            out[row] = value.geoms[0]
    return out
