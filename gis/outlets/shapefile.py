"""Shapefile: one per layer and kind of geometry, with short names and a dictionary of them."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from gis.frames import Column, FrameContract
from gis.outlets.dbf import DbfWriter, dbf_field
from gis.outlets.labels import field_label
from gis.outlets.layer import OutLayer
from gis.outlets.short_names import short_names
from gis.outlets.values import one_text, python_values, wkt_texts
from gis.outlets.vector import write_gdal

if TYPE_CHECKING:
    import pandas as pd

    from gis.outlets.about import About
    from gis.outlets.layer import Losses, OutletOptions

#: Families of geometries that one file can hold together.
FAMILIES = {
    "point": ("Point",),
    "multipoint": ("MultiPoint",),
    "line": ("LineString", "MultiLineString", "LinearRing"),
    "polygon": ("Polygon", "MultiPolygon"),
}
_WRITTEN_AS = {
    "point": ("Point",),
    "multipoint": ("MultiPoint",),
    "line": ("LineString",),
    "polygon": ("Polygon", "MultiPolygon"),
}
_ESRI_PROJECTED = "WKT1_ESRI"


def write_shapefile(
    path: Path, layer: OutLayer, options: "OutletOptions", about: "About", losses: "Losses"
) -> None:
    """Write a layer as ``.shp``, ``.shx``, ``.dbf``, ``.cpg`` and, where a code exists, ``.prj``.

    Parameters
    ----------
    path
        Of the .shp file; a layer with several kinds of geometry becomes several files that have
        the kind in their names, a layer without any a lone .dbf file.
    layer, options, about, losses
        What is written, how, what is known of it, and where losses are counted: values longer
        than 254 bytes, characters that the encoding lacks.

    Notes
    -----
    Shifted degrees get no .prj file: each that can be written would call them WGS 84.
    """
    del about  # README.txt and the dictionary stand beside the files
    families = _families(layer.contract)
    if len(families) == 1:
        _write_family(path, layer, families[0], options, losses)
        return
    for family in families:
        own = _only(layer, family)
        if any(len(frame) for frame in own.frames()):
            named = path.with_name(f"{path.stem}_{family or 'table'}.shp")
            _write_family(named, own, family, options, losses)


def _families(contract: FrameContract) -> list[str]:
    """Return the families of geometry that a layer may hold; ``""`` stands for none."""
    if not contract.geometry:
        return [""]
    found = [name for name, kinds in FAMILIES.items() if set(kinds) & set(contract.geometry)]
    return [*found, ""] if len(found) > 1 and not contract.geometry_required else found


def _only(layer: OutLayer, family: str) -> OutLayer:
    """Return the rows of a layer whose geometry is of one family."""
    kinds = FAMILIES.get(family, ())

    def frames() -> "Iterator[pd.DataFrame]":
        for frame in layer.frames():
            shapes = frame["geometry"].to_numpy(dtype=object)
            names = ["" if shape is None else shape.geom_type for shape in shapes]
            wanted = np.isin(names, kinds) if kinds else shapely.is_missing(shapes)
            yield frame[wanted].reset_index(drop=True)

    return replace(layer, frames=frames)


def _write_family(
    path: Path, layer: OutLayer, family: str, options: "OutletOptions", losses: "Losses"
) -> None:
    contract, table = layer.contract, path.with_suffix(".dbf")
    columns = _columns(contract)
    names = dictionary(contract, options)
    own_shapes = {name for name, _ in contract.extra_geometries}
    fields = [dbf_field(c, names[c.name], whole=c.name in own_shapes) for c in columns]
    own = table.with_name(f"{path.stem}.table")
    with DbfWriter(own, fields, options.encoding) as writer:
        if family:
            rows = replace(
                layer, contract=_bare(contract, family), frames=_tee(layer, writer, options)
            )
            limit = {"2GB_LIMIT": "YES"}
            write_gdal(path, rows, options.crs, driver="ESRI Shapefile", options=limit)
        else:
            for frame in layer.frames():
                writer.write(_values(frame, contract, options))
    own.replace(table)  # GDAL's own table holds nothing but numbers
    for suffix in (".cpg", ".prj"):
        with suppress(FileNotFoundError):
            path.with_suffix(suffix).unlink()
    path.with_suffix(".cpg").write_text(options.encoding.upper(), encoding="ascii")
    if family and options.crs.shift == "none":
        text = options.crs.crs.to_wkt(_ESRI_PROJECTED)
        path.with_suffix(".prj").write_text(text, encoding="utf-8")
    for (name, code), count in writer.lost.items():
        losses.add(layer.name, name, code, count)


def _bare(contract: FrameContract, family: str) -> FrameContract:
    """Return a contract of nothing but the geometry and a number, for GDAL."""
    number = Column("row", "int", "Number of the row.")
    return FrameContract(contract.name, (number,), geometry=_WRITTEN_AS[family])


def _tee(layer: OutLayer, writer: DbfWriter, options: "OutletOptions") -> Any:  # noqa: ANN401 - a function that gives frames
    """Return the frames of a layer for GDAL, each written to the table as it passes."""

    def frames() -> "Iterator[pd.DataFrame]":
        for frame in layer.frames():
            writer.write(_values(frame, layer.contract, options))
            yield frame.assign(row=np.arange(len(frame)))

    return frames


def _columns(contract: FrameContract) -> list[Column]:
    """Return the columns of a table: fields, and further geometries as WKT."""
    extra = [Column(name, "str", "WKT, EPSG:4326.") for name, _ in contract.extra_geometries]
    return [*contract.columns, *extra]


def _values(
    frame: "pd.DataFrame", contract: FrameContract, options: "OutletOptions"
) -> list[list[Any]]:
    zone = ZoneInfo(options.timezone)
    shapes = {name for name, _ in contract.extra_geometries}
    out = []
    for column in _columns(contract):
        raw = frame[column.name]
        if column.name in shapes:
            out.append(list(wkt_texts(raw.to_numpy(dtype=object))))
            continue
        values = [one_text(value, column.kind) for value in python_values(raw, column.kind)]
        if column.kind == "datetime":
            values = [None if v is None else v.astimezone(zone).isoformat() for v in values]
        if column.kind == "bool":
            values = [None if v is None else str(v).lower() for v in values]
        out.append(values)
    return out


def dictionary(contract: FrameContract, options: "OutletOptions") -> dict[str, str]:
    """Return the name in the file of each field, within ten bytes of the encoding."""
    shown = {c.name: field_label(c.name, options.headers) for c in _columns(contract)}
    short = short_names(shown.values(), options.encoding)
    return {name: short[label] for name, label in shown.items()}


def dictionary_csv(layers: Sequence[FrameContract], options: "OutletOptions") -> str:
    """Return the dictionary of every layer as CSV: layer, short, full and Chinese name, meaning."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("layer", "short_name", "field", "label_zh", "meaning"))
    for contract in layers:
        names = dictionary(contract, options)
        writer.writerows(
            (contract.name, names[c.name], c.name, field_label(c.name, "zh-CN"), c.doc)
            for c in _columns(contract)
        )
    return text.getvalue()
