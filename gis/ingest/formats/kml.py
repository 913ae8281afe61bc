"""KML, placemark by placemark: folders are layers, extended data columns.

Read by its own small reader: GDAL makes underscores of every character of a column's name that is
not ASCII, so that two Chinese columns become one, and holds the whole file in memory.
"""

import xml.etree.ElementTree as ET  # nosec B405
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.formats.agreement import agreed_crs
from gis.ingest.formats.sniffing import KML, check_content
from gis.ingest.formats.steady import SteadyFiles
from gis.ingest.formats.textual import Utf8Copy
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    from gis.ingest.rejects import Rejects

#: What holds placemarks and may have a name.
_CONTAINERS = frozenset({"Document", "Folder"})
#: Elements of a placemark that are columns of their own.
_PLAIN = {"name": "Name", "description": "description", "address": "address"}
_SHAPES = frozenset({"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry"})


@dataclass(slots=True)
class KmlLayer:
    """What is known of a folder after a first look at the whole file."""

    name: str
    rows: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)


class KmlSource:
    """The placemarks of one folder; made by :func:`open_kml`."""

    def __init__(
        self,
        facts: SourceFacts,
        file: Path,
        files: SteadyFiles,
        stack: ExitStack,
        rejects: "Rejects",
    ) -> None:
        self._facts = facts
        self._file = file
        self._files = files
        self._stack = stack
        self._rejects = rejects

    @property
    def facts(self) -> SourceFacts:
        """What is known before reading."""
        return self._facts

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the placemarks in order."""
        waiting: list[_Row] = []
        first = 1
        for layer, placemark in _placemarks(self._file, self._facts.path):
            if layer != self._facts.layer:
                continue
            waiting.append(_row(placemark))
            if len(waiting) == size:
                yield self._batch(waiting, first)
                first, waiting = first + len(waiting), []
        if waiting:
            yield self._batch(waiting, first)
        self._files.check()

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()

    def _batch(self, rows: "list[_Row]", first: int) -> RowBatch:
        import pandas as pd

        columns = {
            name: pd.Series([values.get(name) for values, _, _ in rows], dtype=object)
            for name in self._facts.columns
        }
        shapes = np.full(len(rows), None, dtype=object)
        shapes[:] = [shape for _, shape, _ in rows]
        batch = RowBatch(first, pd.DataFrame(columns, index=pd.RangeIndex(len(rows))), shapes)
        with self._rejects.batch(batch.numbers):
            self._rejects.add(
                np.array([bool(fault) for _, _, fault in rows]),
                "geometry",
                [values["Name"] for values, _, _ in rows],
                [fault for _, _, fault in rows],
                "Draw it again, or leave the placemark out.",
                code="broken_geometry",
            )
        return batch


#: Values of a placemark, its geometry, and what is wrong with that.
_Row = tuple[dict[str, str | None], Any, str]


def _row(placemark: ET.Element) -> _Row:
    try:
        return _values(placemark), _shape(placemark), ""
    except ValueError as error:
        return _values(placemark), None, f"is broken ({error})"


def open_kml(path: Path, options: SourceOptions, rejects: "Rejects") -> KmlSource:
    """Open a folder of a KML file; see :func:`gis.ingest.formats.open_source`."""
    check_content(path, KML)
    with ExitStack() as stack:
        files = SteadyFiles(path)
        copy = stack.enter_context(Utf8Copy(path, options.encoding, KML))
        layer = _chosen(path, kml_layers(copy.file, path), options)
        crs = None
        notes: tuple[str, ...] = ()
        if options.spatial:
            crs, notes = agreed_crs("EPSG:4326", options.crs, path)
        facts = SourceFacts(
            path,
            KML.name,
            layer.name,
            crs,
            tuple(layer.columns),
            layer.rows,
            copy.codec,
            (*copy.notes, *notes),
        )
        return KmlSource(facts, copy.file, files, stack.pop_all(), rejects)
    raise AssertionError


def kml_layers(file: Path, path: Path) -> list[KmlLayer]:
    """Return the folders of a KML file that have placemarks, having read all of it.

    Parameters
    ----------
    file
        The file, in UTF-8.
    path
        What errors name.

    Raises
    ------
    gis.errors.DataSourceError
        It is no well-formed XML.
    """
    layers: dict[str, KmlLayer] = {}
    for name, placemark in _placemarks(file, path):
        layer = layers.setdefault(name, KmlLayer(name))
        layer.rows += 1
        layer.columns.update(dict.fromkeys(_values(placemark)))
        layer.kinds[next((_tag(e) for e in placemark if _tag(e) in _SHAPES), "")] += 1
    return list(layers.values())


def _chosen(path: Path, layers: list[KmlLayer], options: SourceOptions) -> KmlLayer:
    by_name = {layer.name: layer for layer in layers}
    listed = ", ".join(by_name) or "none"
    if options.layer is not None:
        if options.layer not in by_name:
            msg = f"{path}: there is no layer {options.layer!r}."
            raise InvalidInputError(msg, remedy=f"It has: {listed}.", file=str(path))
        return by_name[options.layer]
    if options.preferred_layer in by_name:
        return by_name[options.preferred_layer]
    if len(layers) == 1:
        return layers[0]
    if not layers:
        msg = f"{path}: the file has no placemarks."
        raise InvalidInputError(msg, remedy="Export it again with them.", file=str(path))
    msg = f"{path}: the file has {len(layers)} layers"
    called = f" and none is called {options.preferred_layer!r}" if options.preferred_layer else ""
    raise InvalidInputError(
        f"{msg}{called}.",
        remedy=f"Say which with --table: {listed}.",
        file=str(path),
    )


def _tag(element: ET.Element) -> str:
    """Return an element's name without its namespace, which differs between versions."""
    return element.tag.rsplit("}", 1)[-1]


def _placemarks(file: Path, path: Path) -> Iterator[tuple[str, ET.Element]]:
    """Yield each placemark with the name of its folder, letting go of it afterwards."""
    inside: list[ET.Element] = []
    try:
        with file.open("rb") as stream:
            # check_content refused document types, so that there are no entities to expand
            for event, element in ET.iterparse(stream, events=("start", "end")):  # noqa: S314 - see above  # nosec B314
                if event == "start":
                    inside.append(element)
                    continue
                inside.pop()
                if _tag(element) == "Placemark":
                    yield _folder(inside, path.stem), element
                    inside[-1].remove(element)
    except ET.ParseError as error:
        msg = f"{path}: the file cannot be read as KML ({error})."
        raise DataSourceError(
            msg, remedy="It may be truncated: export or copy it again.", file=str(path)
        ) from error


def _folder(inside: list[ET.Element], default: str) -> str:
    """Return the name of the innermost folder, of the document, or the file's."""
    for element in reversed(inside):
        if _tag(element) in _CONTAINERS:
            name = next((e.text for e in element if _tag(e) == "name"), None)
            if name and name.strip():
                return name.strip()
    return default


def _values(placemark: ET.Element) -> dict[str, str | None]:
    """Return the columns of a placemark; extended data may not take the place of its name."""
    values: dict[str, str | None] = {"Name": None}
    for element in placemark:
        column = _PLAIN.get(_tag(element))
        if column is not None:
            values[column] = _text(element)
    for element in placemark.iter():
        if _tag(element) not in {"Data", "SimpleData"}:
            continue
        name = element.get("name", "").strip()
        holder = next((e for e in element if _tag(e) == "value"), element)
        if name:
            values[name if name not in _PLAIN.values() else f"{name}_2"] = _text(holder)
    return values


def _text(element: ET.Element) -> str | None:
    return (element.text or "").strip() or None


def _shape(placemark: ET.Element) -> Any:  # noqa: ANN401 - a geometry or None
    found = next((element for element in placemark if _tag(element) in _SHAPES), None)
    return None if found is None else _geometry(found)


def _geometry(element: ET.Element) -> Any:  # noqa: ANN401 - a geometry
    kind = _tag(element)
    if kind == "MultiGeometry":
        return _collected([_geometry(part) for part in element if _tag(part) in _SHAPES])
    if kind == "Polygon":
        rings: dict[str, list[Any]] = {"outerBoundaryIs": [], "innerBoundaryIs": []}
        for side in element:
            for ring in side:
                if _tag(side) in rings:
                    rings[_tag(side)].append(_ring(ring))
        if not rings["outerBoundaryIs"]:
            msg = "a polygon without an outer boundary"
            raise ValueError(msg)
        return shapely.Polygon(rings["outerBoundaryIs"][0], rings["innerBoundaryIs"])
    if kind == "Point":
        return shapely.Point(_coordinates(element)[0])
    return _ring(element) if kind == "LinearRing" else shapely.LineString(_coordinates(element))


def _ring(element: ET.Element) -> Any:  # noqa: ANN401 - a ring
    return shapely.LinearRing(_coordinates(element))


def _collected(parts: list[Any]) -> Any:  # noqa: ANN401 - a geometry
    """Return parts as one geometry, of their own kind where they are of one."""
    if len(parts) == 1:
        return parts[0]
    kinds = {part.geom_type for part in parts}
    many: dict[str, Any] = {
        "Polygon": shapely.MultiPolygon,
        "LineString": shapely.MultiLineString,
        "Point": shapely.MultiPoint,
    }
    make = many.get(kinds.pop()) if len(kinds) == 1 else None
    return shapely.GeometryCollection(parts) if make is None else make(parts)


def _coordinates(element: ET.Element) -> "np.typing.NDArray[np.float64]":
    """Return lon, lat of an element's points, shape (n, 2), heights left out.

    Raises
    ------
    ValueError
        It has none, or one that is no number.
    """
    text = next((e.text for e in element.iter() if _tag(e) == "coordinates"), None) or ""
    points = [part.split(",")[:2] for part in text.split()]
    if not points or any(len(point) != 2 for point in points):
        msg = f"coordinates {text.strip()[:40]!r}"
        raise ValueError(msg)
    return np.array(points, dtype=float)
