"""Values of a frame as arrow arrays, and as text for formats that know no types."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import CrsMismatchError
from gis.outlets.layer import WITHHELD_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from gis.frames import Column, FrameContract
    from gis.geometry.source_crs import SourceCrs
    from gis.outlets.layer import OutLayer

#: Decimals of coordinates in text: a micrometre of degrees, a tenth of a millimetre of metres.
DEGREE_DECIMALS, METRE_DECIMALS = 11, 4
#: Between the items of a list where there is one text for all; the importer splits there.
LIST_SEPARATOR = "; "


def python_values(values: "pd.Series[Any]", kind: str) -> list[Any]:
    """Return a column as Python's own values, ``None`` where there is none."""
    import pandas as pd

    if kind in {"json", "list"}:
        return [None if _is_missing(value) else value for value in values]
    missing = values.isna().to_numpy(dtype=bool)
    if kind == "datetime":
        stamps = pd.to_datetime(values, utc=True)
        return [
            None if gone else stamp.to_pydatetime(warn=False)
            for stamp, gone in zip(stamps, missing, strict=True)
        ]
    make = {"int": int, "float": float, "bool": bool, "str": str}.get(kind)
    raw = values.to_numpy(dtype=object)
    if make is None:
        return [None if gone else value for value, gone in zip(raw, missing, strict=True)]
    return [None if gone else make(value) for value, gone in zip(raw, missing, strict=True)]


def _is_missing(value: Any) -> bool:  # noqa: ANN401 - lists, dicts, None, NaN
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def one_text(value: Any, kind: str) -> Any:  # noqa: ANN401 - text for lists and JSON, else the value
    """Return lists and JSON as text, anything else as it is."""
    if value is None:
        return None
    if kind == "list":
        return LIST_SEPARATOR.join(str(item) for item in value)
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def arrow_schema(contract: "FrameContract") -> "pa.Schema":
    """Return the arrow types of a contract's columns; geometries are WKB, further ones WKT."""
    import pyarrow as pa

    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "datetime": pa.timestamp("us", "UTC"),
    }
    fields = [pa.field(c.name, types.get(c.kind, pa.string())) for c in contract.columns]
    fields += [pa.field(name, pa.string()) for name, _ in contract.extra_geometries]
    if contract.geometry:
        wkb = {"ARROW:extension:name": "geoarrow.wkb"}
        fields.append(pa.field("geometry", pa.binary(), metadata=wkb))
    return pa.schema(fields)


def arrow_batches(layer: "OutLayer", crs: "SourceCrs") -> "Iterator[pa.RecordBatch]":
    """Yield the rows of a layer as arrow batches of :func:`arrow_schema`, geometries in ``crs``."""
    import pyarrow as pa

    contract = layer.contract
    schema = arrow_schema(contract)
    for frame in layer.frames():
        columns = [_arrow_column(frame, column, schema) for column in contract.columns]
        columns += [
            pa.array(wkt_texts(frame[name].to_numpy(dtype=object)), type=pa.string())
            for name, _ in contract.extra_geometries
        ]
        if contract.geometry:
            shapes = placed(frame, contract, crs)
            blobs = shapely.to_wkb(shapes, output_dimension=2)
            columns.append(pa.array(list(blobs), type=pa.binary()))
        yield pa.record_batch(columns, schema=schema)


def _arrow_column(frame: "pd.DataFrame", column: "Column", schema: "pa.Schema") -> "pa.Array":
    import pyarrow as pa

    values = python_values(frame[column.name], column.kind)
    if column.kind in {"list", "json"}:
        values = [one_text(value, column.kind) for value in values]
    return pa.array(values, type=schema.field(column.name).type)


def placed(frame: "pd.DataFrame", contract: "FrameContract", crs: "SourceCrs") -> "NDArray[Any]":
    """Return the geometries of a frame in a system, all in parts where the layer knows parts."""
    shapes = _transformed(frame["geometry"].to_numpy(dtype=object), contract.name, crs)
    if set(contract.geometry) != {"Polygon", "MultiPolygon"}:
        return shapes
    shapes = shapes.copy()
    single = np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON)
    shapes[single] = shapely.multipolygons(shapes[single], indices=np.arange(len(single)))
    return shapes


def _transformed(shapes: "NDArray[Any]", layer: str, crs: "SourceCrs") -> "NDArray[Any]":
    """Return geometries in a system, or raise if it does not reach where they lie."""
    from pyproj.exceptions import ProjError

    reason = "it does not reach there"
    try:
        out = np.asarray(crs.from_lonlat(shapes), dtype=object)
        if np.isfinite(shapely.get_coordinates(out)).all():
            return out
    except ProjError as error:
        reason = str(error)
    raise CrsMismatchError(
        f"{layer} cannot be written in {crs.name}: {reason}.",
        remedy="Choose a system for this part of the world, for example EPSG:4490.",
        field="crs",
    )


def rounded(shapes: "NDArray[Any]", crs: "SourceCrs") -> "NDArray[Any]":
    """Return geometries with no more decimals than text needs."""
    decimals = DEGREE_DECIMALS if crs.in_degrees else METRE_DECIMALS
    out = shapely.transform(shapes, lambda xy: xy.round(decimals)) if len(shapes) else shapes
    return np.asarray(out, dtype=object)


def wkt_texts(shapes: "NDArray[Any]") -> list[str | None]:
    """Return geometries as WKT with all their decimals."""
    return [None if text is None else str(text) for text in shapely.to_wkt(shapes, -1)]


def table_fields(contract: "FrameContract") -> "list[Column]":
    """Return the columns of a table for people: what is withheld is said in the cell itself."""
    return [c for c in contract.columns if not c.name.endswith(WITHHELD_SUFFIX)]


def table_values(frame: "pd.DataFrame", column: "Column", layer: "OutLayer") -> list[Any]:
    """Return the cells of a column, with the mark in place of what was withheld."""
    values = [one_text(v, column.kind) for v in python_values(frame[column.name], column.kind)]
    flag = column.name + WITHHELD_SUFFIX
    if flag not in frame:
        return values
    hidden = frame[flag].fillna(value=False).to_numpy(dtype=bool)
    return [layer.withheld if gone else v for v, gone in zip(values, hidden, strict=True)]


def xy_names(crs: "SourceCrs") -> "Sequence[str]":
    """Return the names of the two coordinate columns of points."""
    return ("lon", "lat") if crs.in_degrees else ("x", "y")
