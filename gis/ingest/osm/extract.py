"""One pass over an OpenStreetMap file: tagged points, lines and areas, before any meaning."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.osm.tags import AREA_KEYS, KEYS, Tags

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Told the name of the step and its share of the whole, 0 to 1.
Progress = Callable[[str, float], None]

#: Keys that make a way a line here; other ways are read as areas only.
_LINE_KEYS = ("highway", "railway", "waterway", "barrier")


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one kind: ``ids`` such as ``w123``, their tags and geometries in EPSG:4326."""

    ids: list[str]
    tags: list[Tags]
    geometry: "NDArray[Any]"

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, which: "NDArray[Any]") -> "Features":
        """Return the features of a boolean mask or an array of positions, in that order."""
        rows = np.flatnonzero(which) if np.asarray(which).dtype == bool else np.asarray(which)
        return Features(
            [self.ids[row] for row in rows], [self.tags[row] for row in rows], self.geometry[rows]
        )

    def where(self, test: Callable[[Tags], bool]) -> "Features":
        """Return the features whose tags pass ``test``."""
        return self.take(np.array([test(tags) for tags in self.tags], dtype=bool))


@dataclass(frozen=True, slots=True)
class Extract:
    """Everything a file says that is of use here.

    Parameters
    ----------
    points, lines, areas
        Nodes, ways and areas (closed ways and multipolygon relations).
    extent
        The header's bounding box, else the extent of the features; EPSG:4326.
    broken_buildings
        Ids of building ways and relations that gave no polygon: open, cut by the extract's edge,
        or with rings that cannot be assembled.
    cut_lines
        Number of ways that lost nodes at the extract's edge; their longest part is kept.
    """

    points: Features
    lines: Features
    areas: Features
    extent: Any
    broken_buildings: tuple[str, ...]
    cut_lines: int


@dataclass(slots=True)
class _Gathered:
    ids: list[str] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    wkb: list[bytes] = field(default_factory=list)

    def add(self, key: str, tags: Tags, wkb: bytes) -> None:
        self.ids.append(key)
        self.tags.append(tags)
        self.wkb.append(wkb)

    def features(self) -> Features:
        geometry = shapely.from_wkb(np.array(self.wkb, dtype=object))
        return Features(self.ids, self.tags, geometry)


class _Reader:
    """Sorts the objects of a file into points, lines and areas."""

    def __init__(self) -> None:
        import osmium

        self.points, self.lines, self.areas = _Gathered(), _Gathered(), _Gathered()
        self.buildings_seen: dict[str, None] = {}
        self.cut_lines = 0
        self._wkb = osmium.geom.WKBFactory()
        self._invalid_location = osmium.InvalidLocationError

    def take(self, entity: Any) -> None:  # noqa: ANN401 - an osmium object
        if entity.is_node():
            key = f"n{entity.id}"
            self.points.add(key, dict(entity.tags), bytes.fromhex(self._wkb.create_point(entity)))
        elif entity.is_area():
            self._take_area(entity)
        elif entity.is_way():
            self._take_way(entity)
        elif "building" in entity.tags and entity.tags.get("type") == "multipolygon":
            self.buildings_seen[f"r{entity.id}"] = None

    def _take_area(self, area: Any) -> None:  # noqa: ANN401 - an osmium area
        key = f"{'w' if area.from_way() else 'r'}{area.orig_id()}"
        try:
            wkb = bytes.fromhex(self._wkb.create_multipolygon(area))
        except RuntimeError:  # no ring could be assembled; a building is reported as broken
            return
        self.areas.add(key, dict(area.tags), wkb)

    def _take_way(self, way: Any) -> None:  # noqa: ANN401 - an osmium way
        if "building" in way.tags:
            self.buildings_seen[f"w{way.id}"] = None
        is_line = any(key in way.tags for key in _LINE_KEYS)
        if not is_line and way.tags.get("natural") != "coastline":
            return
        try:
            wkb: bytes | None = bytes.fromhex(self._wkb.create_linestring(way))
        except self._invalid_location:
            self.cut_lines += 1
            wkb = _longest_part(way)
        except RuntimeError:  # a way of fewer than two different places
            wkb = None
        if wkb is not None:
            self.lines.add(f"w{way.id}", dict(way.tags), wkb)


def _longest_part(way: Any) -> bytes | None:  # noqa: ANN401 - an osmium way
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            runs[-1].append((node.lon, node.lat))
        elif runs[-1]:
            runs.append([])
    longest = max(runs, key=len)
    return shapely.to_wkb(shapely.LineString(longest)) if len(set(longest)) > 1 else None


def extract(path: Path) -> Extract:
    """Read a PBF or XML file of OpenStreetMap.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, cut short, or is no OpenStreetMap file.
    gis.errors.InvalidInputError
        The file holds nothing of use.
    """
    if not path.is_file():
        msg = f"{path}: there is no such file."
        raise DataSourceError(msg, remedy="Check the path.", file=str(path))
    if path.stat().st_size == 0:
        msg = f"{path}: the file is empty (0 bytes)."
        raise DataSourceError(msg, remedy="Download or export it again.", file=str(path))
    reader = _Reader()
    try:
        header_box = _read_into(path, reader)
    except RuntimeError as error:
        raise _unreadable(path, str(error)) from error
    points, lines, areas = (
        gathered.features() for gathered in (reader.points, reader.lines, reader.areas)
    )
    everything = np.concatenate([points.geometry, lines.geometry, areas.geometry])
    if not len(everything):
        msg = f"{path}: no building, road or place in this file."
        raise InvalidInputError(msg, remedy="Give an extract with map data.", file=str(path))
    extent = header_box or shapely.box(*shapely.total_bounds(everything))
    assembled = set(areas.ids)
    broken = tuple(key for key in reader.buildings_seen if key not in assembled)
    return Extract(points, lines, areas, extent, broken, reader.cut_lines)


def _read_into(path: Path, reader: _Reader) -> Any:  # noqa: ANN401 - a polygon or None
    import osmium

    entities = (
        osmium.FileProcessor(str(path))
        .with_locations()
        .with_areas(osmium.filter.KeyFilter(*AREA_KEYS))
        .with_filter(osmium.filter.KeyFilter(*KEYS))
    )
    for entity in entities:
        reader.take(entity)
    corners = _corners(entities.header)
    return None if corners is None else shapely.box(*corners)


def header_extent(path: Path) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in degrees as the file's header says, or ``None``.

    Raises
    ------
    gis.errors.DataSourceError
        The file cannot be read.
    """
    import osmium

    try:
        return _corners(osmium.FileProcessor(str(path)).header)
    except RuntimeError as error:
        raise _unreadable(path, str(error)) from error


def _corners(header: Any) -> tuple[float, float, float, float] | None:  # noqa: ANN401 - osmium's
    box = header.box()
    if not box.valid() or box.size() <= 0:
        return None
    low, high = box.bottom_left, box.top_right
    return low.lon, low.lat, high.lon, high.lat


#: What the reader says of a file that ends too early.
_CUT_SHORT = ("unexpected eof", "truncated", "no element found", "unclosed", "premature")


def _unreadable(path: Path, reason: str) -> DataSourceError:
    lowered = reason.lower()
    if any(sign in lowered for sign in _CUT_SHORT):
        msg = f"{path}: the file is truncated ({reason})."
        remedy = "It ends in the middle: download or copy it again, and compare its size."
    else:
        msg = f"{path}: this is no OpenStreetMap file that can be read ({reason})."
        remedy = "Give an .osm.pbf, .osm or .osm.gz file."
    return DataSourceError(msg, remedy=remedy, file=str(path), reason=reason)
