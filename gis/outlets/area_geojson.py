"""Areas that were drawn in memory as GeoJSON text: holes kept, small counts withheld."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames.small_counts import SENSITIVE, withheld

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import geopandas as gpd

#: A centimetre, in degrees: as :func:`gis.layers.queries.as_geojson` writes them.
_GRID_DEG = 1e-7


def area_collection_text(
    areas: "gpd.GeoDataFrame", facts: "Mapping[str, Any]", *, suppress_below: int
) -> str:
    """Return areas as a FeatureCollection of MultiPolygons, wound as RFC 7946 says.

    Parameters
    ----------
    areas
        EPSG:4326; the other columns are the properties. Where there is ``residents``, people are
        counted in them.
    facts
        Members of the collection beside its features.
    suppress_below
        Counts of people from 1 to this less one are null, and so are further ones where the sum
        would give a small one away; ``suppressed`` names them.
    """
    features = ",".join(_features(areas, suppress_below))
    told = json.dumps(
        {"numberReturned": len(areas), **facts}, ensure_ascii=False, default=_plain, allow_nan=False
    )
    return f'{{"type":"FeatureCollection",{told[1:-1]},"features":[{features}]}}'


def _features(areas: "gpd.GeoDataFrame", below: int) -> "Iterator[str]":
    shapes = shapely.set_precision(areas.geometry.to_numpy(), _GRID_DEG)
    texts = shapely.to_geojson(shapely.orient_polygons(_multi(shapes)))
    rows = [
        {str(name): _value(value) for name, value in row.items()}
        for row in areas.drop(columns=areas.geometry.name).to_dict(orient="records")
    ]
    if "residents" in areas:
        _withhold(rows, below)
    for text, row in zip(texts, rows, strict=True):
        told = json.dumps(row, ensure_ascii=False, default=_plain, separators=(",", ":"))
        yield f'{{"type":"Feature","geometry":{text},"properties":{told}}}'


def _multi(shapes: Any) -> Any:  # noqa: ANN401 - an array of areas
    """Return each area as a MultiPolygon; lines and points that rounding leaves are dropped."""
    parts = [
        [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
        for shape in shapes
    ]
    out = np.empty(len(parts), dtype=object)
    out[:] = [shapely.MultiPolygon(own) for own in parts]
    return out


def _withhold(rows: list[dict[str, Any]], below: int) -> None:
    """Take small counts out, in place; the sum of all areas may be known from elsewhere."""
    for row in rows:
        row.setdefault("suppressed", [])
    for name in SENSITIVE if below > 1 else ():
        counts = np.array([row[name] for row in rows], dtype=np.int64)
        hidden = withheld(counts, below)
        for at in np.flatnonzero(hidden):
            rows[at][name] = None
            rows[at]["suppressed"].append(name)


def _value(value: Any) -> Any:  # noqa: ANN401 - a value of a frame
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 2)
    return value


def _plain(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
