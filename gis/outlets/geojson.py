"""GeoJSON: RFC 7946 for WGS 84; anything else says so in the file and in its name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from gis.outlets.about import About
from gis.outlets.values import placed, python_values, rounded, wkt_texts

if TYPE_CHECKING:
    import pandas as pd

    from gis.frames import FrameContract
    from gis.geometry.source_crs import SourceCrs
    from gis.outlets.layer import Losses, OutLayer, OutletOptions


def crs_mark(crs: "SourceCrs") -> str:
    """Return what the name of a GeoJSON file must hold for its coordinates; empty for WGS 84.

    Examples
    --------
    >>> from gis.geometry.source_crs import SourceCrs
    >>> crs_mark(SourceCrs.parse("gcj02", "")), crs_mark(SourceCrs.parse("EPSG:4326", ""))
    ('gcj02', '')
    """
    if crs.shift != "none":
        return crs.shift
    code = crs.crs.to_epsg()
    return "" if code == 4326 else f"epsg{code}" if code else "projected"


def write_geojson(
    path: Path, layer: "OutLayer", options: "OutletOptions", about: About, losses: "Losses"
) -> None:
    """Write a layer as a FeatureCollection, feature by feature.

    The foreign member ``wangge`` says what the file is, ``wangge_counts`` how many rows it has. A
    coded system other than WGS 84 also stands in the ``crs`` member of GeoJSON 2008, because
    programs would take the numbers for degrees of WGS 84 without it; shifted degrees have no code.
    """
    del losses  # everything but microseconds of no moment fits
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"type":"FeatureCollection","name":{_json(layer.name)}')
        file.write(_crs_member(options.crs))
        file.write(f',"wangge":{_json(about.facts())},"features":[\n')
        for frame in layer.frames():
            for feature in _features(frame, layer.contract, options.crs):
                file.write(f"{',' if count else ''}{feature}\n")
                count += 1
        file.write(f'],"wangge_counts":{_json({"rows": {layer.name: count}})}}}\n')


def _crs_member(crs: "SourceCrs") -> str:
    mark = crs_mark(crs)
    if not mark.startswith("epsg"):
        return ""
    name = f"urn:ogc:def:crs:EPSG::{mark.removeprefix('epsg')}"
    return f',"crs":{_json({"type": "name", "properties": {"name": name}})}'


def _features(frame: "pd.DataFrame", contract: "FrameContract", crs: "SourceCrs") -> Iterator[str]:
    columns = {c.name: python_values(frame[c.name], c.kind) for c in contract.columns}
    for name, _ in contract.extra_geometries:
        columns[name] = wkt_texts(frame[name].to_numpy(dtype=object))
    shapes: list[str | None] = [None] * len(frame)
    if contract.geometry:
        wound = shapely.orient_polygons(rounded(placed(frame, contract, crs), crs))
        shapes = list(shapely.to_geojson(wound))
    names = list(columns)
    for shape, *row in zip(shapes, *columns.values(), strict=True):
        properties = _json(dict(zip(names, row, strict=True)))
        yield f'{{"type":"Feature","properties":{properties},"geometry":{shape or "null"}}}'


def _json(value: Any) -> str:  # noqa: ANN401 - anything JSON can hold, and dates
    return json.dumps(
        value,
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
        default=lambda moment: moment.isoformat(),
    )
