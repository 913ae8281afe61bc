"""What a run of the demo leaves behind: grids as GeoJSON and a report, both with a schema."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd

#: Decimal places of degrees in GeoJSON: a micrometre. Coarser rounding moves points that lie on the
#: line of another community, and opens slivers there: 52 m² over a city at the usual seven.
DECIMALS = 11
GRID_PROPERTIES = (
    "code",
    "sequence",
    "community",
    "kind",
    "households",
    "residents",
    "elderly",
    "compactness",
    "exceptions",
)


def grids_geojson(grids: "gpd.GeoDataFrame", *, suppress_below: int) -> dict[str, Any]:
    """Return grids as a GeoJSON FeatureCollection (RFC 7946, EPSG:4326).

    Parameters
    ----------
    grids
        Grids with counts and ``community_code``, as ``gis.layers.grids.read_grids`` returns them.
    suppress_below
        Counts of people from 1 to this less one are null.

    Returns
    -------
    dict
        One Polygon feature per grid (a MultiPolygon only where the ground itself is in pieces);
        the schema is docs/schemas/grids.schema.json.
    """
    import shapely

    rounded = shapely.transform(
        grids.geometry.to_numpy(), lambda xy: xy.round(DECIMALS), include_z=False
    )
    features = []
    for row, shape in zip(grids.itertuples(), rounded, strict=True):
        single = (
            shape.geoms[0] if shape.geom_type == "MultiPolygon" and len(shape.geoms) == 1 else shape
        )
        features.append(
            {
                "type": "Feature",
                "geometry": shapely.geometry.mapping(shapely.orient_polygons(single)),
                "properties": {
                    "code": row.code,
                    "sequence": int(row.sequence),
                    "community": row.community_code,
                    "kind": row.kind,
                    "households": int(row.households),
                    "residents": _shown(row.residents, suppress_below),
                    "elderly": _shown(row.elderly, suppress_below),
                    "compactness": round(float(row.compactness), 4),
                    "exceptions": list(row.exceptions or []),
                },
            }
        )
    return {"type": "FeatureCollection", "features": features}


def _shown(count: float, below: int) -> int | None:
    return None if 0 < count < below else int(count)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that the file is whole or not there: beside it first, then renamed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)
