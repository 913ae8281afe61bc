"""GeoParquet 1.1: columns for programs, with the reference system as PROJJSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.outlets.values import arrow_batches, arrow_schema

if TYPE_CHECKING:
    from gis.geometry.source_crs import SourceCrs
    from gis.outlets.about import About
    from gis.outlets.layer import Losses, OutLayer, OutletOptions


def write_geoparquet(
    path: Path, layer: "OutLayer", options: "OutletOptions", about: "About", losses: "Losses"
) -> None:
    """Write a layer as GeoParquet, a row group for each batch.

    The key ``wangge`` of the file's metadata says what it is. Shifted degrees have the reference
    system ``null``, which the specification reads as unknown.
    """
    import pyarrow.parquet as pq

    bounds, kinds, count = np.full(4, np.nan), set[str](), 0
    schema = arrow_schema(layer.contract).remove_metadata()
    for at, name in enumerate(schema.names):
        schema = schema.set(at, schema.field(name).remove_metadata())
    # Without arrow's own schema every reader finds the metadata, which are known at the end only.
    with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
        for batch in arrow_batches(layer, options.crs):
            writer.write_batch(batch.cast(schema) if batch.schema != schema else batch)
            count += batch.num_rows
            if layer.contract.geometry and batch.num_rows:
                shapes = shapely.from_wkb(np.array(batch["geometry"].to_pylist(), dtype=object))
                bounds = _joined(bounds, shapely.total_bounds(shapes))
                kinds |= {shape.geom_type for shape in shapes if shape is not None}
        if layer.contract.geometry:
            told = _geo(options.crs, sorted(kinds), bounds)
            writer.add_key_value_metadata({"geo": json.dumps(told)})
        facts = about.facts({layer.name: count}, losses.listed())
        writer.add_key_value_metadata({"wangge": json.dumps(facts, ensure_ascii=False)})


def _joined(first: Any, second: Any) -> Any:  # noqa: ANN401 - four numbers, NaN for none
    return np.concatenate((np.fmin(first[:2], second[:2]), np.fmax(first[2:], second[2:])))


def _geo(crs: "SourceCrs", kinds: list[str], bounds: Any) -> dict[str, Any]:  # noqa: ANN401 - four numbers
    """Return the ``geo`` metadata of GeoParquet 1.1.0."""
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": kinds,
        "crs": None if crs.shift != "none" else crs.crs.to_json_dict(),
    }
    if np.isfinite(bounds).all():
        column["bbox"] = [float(value) for value in bounds]
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
