"""CSV: for spreadsheets and for programs, with a companion that says what it is."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from gis.defusing import defuse
from gis.outlets.labels import field_label
from gis.outlets.values import placed, rounded, table_fields, table_values, wkt_texts, xy_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from gis.frames import FrameContract
    from gis.outlets.about import About
    from gis.outlets.layer import Losses, OutLayer, OutletOptions


def write_csv(
    path: Path, layer: "OutLayer", options: "OutletOptions", about: "About", losses: "Losses"
) -> None:
    """Write a layer as CSV: UTF-8 with a byte order mark (spreadsheets need it), or GBK.

    Points have two columns of coordinates, other geometries one of WKT. Texts that a spreadsheet
    would run are defused (:mod:`gis.defusing`).
    """
    del about  # it stands in the companion, which is written when the rows are counted
    encoding = "utf-8-sig" if options.encoding == "utf-8" else options.encoding
    names = header(layer.contract, options)
    with path.open("w", encoding=encoding, errors="replace", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(field_label(name, options.headers) for name in names)
        for frame in layer.frames():
            columns = list(text_columns(frame, layer, options))
            if options.encoding != "utf-8":
                _count_lost(layer.name, names, columns, options.encoding, losses)
            writer.writerows(zip(*columns, strict=True))


def header(contract: "FrameContract", options: "OutletOptions") -> list[str]:
    """Return the names of the columns of a table: fields, further geometries, coordinates."""
    names = [column.name for column in table_fields(contract)]
    names += [name for name, _ in contract.extra_geometries]
    if contract.geometry == ("Point",):
        return [*names, *xy_names(options.crs)]
    return [*names, "wkt"] if contract.geometry else names


def coordinate_columns(
    frame: "pd.DataFrame", contract: "FrameContract", options: "OutletOptions"
) -> "list[list[Any]]":
    """Return the columns of coordinates of a table, in the order of :func:`header`."""
    columns: list[list[Any]] = [
        list(wkt_texts(frame[name].to_numpy(dtype=object))) for name, _ in contract.extra_geometries
    ]
    if not contract.geometry:
        return columns
    shapes = rounded(placed(frame, contract, options.crs), options.crs)
    if contract.geometry != ("Point",):
        return [*columns, list(wkt_texts(shapes))]
    xy = np.column_stack((shapely.get_x(shapes), shapely.get_y(shapes)))
    return columns + [[None if v != v else v for v in part.tolist()] for part in xy.T]  # noqa: PLR0124 - NaN


def text_columns(
    frame: "pd.DataFrame", layer: "OutLayer", options: "OutletOptions"
) -> "Iterator[list[Any]]":
    """Yield the columns of a CSV file in the order of :func:`header`."""
    zone = ZoneInfo(options.timezone)
    for column in table_fields(layer.contract):
        values = table_values(frame, column, layer)
        if column.kind == "datetime":
            yield [None if v is None else v.astimezone(zone).isoformat() for v in values]
        elif column.kind == "bool":
            yield [None if v is None else str(v).lower() for v in values]
        else:
            yield [defuse(v) if isinstance(v, str) else v for v in values]
    yield from coordinate_columns(frame, layer.contract, options)


def _count_lost(
    layer: str, names: list[str], columns: "list[list[Any]]", encoding: str, losses: "Losses"
) -> None:
    """Count the texts with characters that the encoding lacks; each becomes a question mark."""
    for name, values in zip(names, columns, strict=True):
        lost = sum(isinstance(v, str) and not fits(v, encoding) for v in values)
        losses.add(layer, name, "not_in_encoding", lost)


def fits(text: str, encoding: str) -> bool:
    """Return whether an encoding has every character of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
