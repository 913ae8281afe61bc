"""Hand-made towns written as OpenStreetMap XML: metres east and north of a place in Hefei."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import shapely

from gis.geometry.crs import projected_crs, to_lonlat, to_projected

LON, LAT = 117.3, 31.86
CRS = projected_crs(LON, LAT)
ORIGIN = shapely.get_coordinates(to_projected([shapely.Point(LON, LAT)], CRS))[0]

XY = tuple[float, float]


def degrees(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry drawn in the town's metres in EPSG:4326."""
    moved = shapely.transform(geometry, lambda xy: xy + ORIGIN)
    return to_lonlat([moved], CRS)[0]


def metres(geometry: Iterable[shapely.Geometry]) -> np.ndarray:
    """Return geometries of EPSG:4326 in the town's metres."""
    array = to_projected(np.array(list(geometry), dtype=object), CRS)
    return shapely.transform(array, lambda xy: xy - ORIGIN)


class OsmTown:
    """Collects nodes, ways and relations; equal places are one node, as where roads meet."""

    def __init__(self) -> None:
        self._nodes: dict[XY, tuple[int, dict[str, str]]] = {}
        self._ways: list[tuple[int, list[int], dict[str, str]]] = []
        self._relations: list[tuple[int, list[tuple[int, str]], dict[str, str]]] = []

    def node(self, x: float, y: float, **tags: str) -> int:
        key, own = self._nodes.setdefault((x, y), (len(self._nodes) + 1, {}))
        own.update(_tags(tags))
        return key

    def way(self, points: Sequence[XY], **tags: str) -> int:
        key = 1000 + len(self._ways)
        self._ways.append((key, [self.node(x, y) for x, y in points], _tags(tags)))
        return key

    def ring(self, west: float, south: float, width: float, height: float, **tags: str) -> int:
        east, north = west + width, south + height
        return self.way(
            [(west, south), (east, south), (east, north), (west, north), (west, south)], **tags
        )

    def relation(self, members: Sequence[tuple[int, str]], **tags: str) -> int:
        key = 100_000 + len(self._relations)
        self._relations.append((key, list(members), _tags(tags)))
        return key

    def write(self, path: Path) -> Path:
        root = ET.Element("osm", version="0.6")
        places = np.array([shapely.Point(*xy) for xy in self._nodes], dtype=object)
        lonlat = shapely.get_coordinates([degrees(place) for place in places])
        for (lon, lat), (key, tags) in zip(lonlat, self._nodes.values(), strict=True):
            node = ET.SubElement(
                root, "node", id=str(key), version="1", lon=f"{lon:.7f}", lat=f"{lat:.7f}"
            )
            _write_tags(node, tags)
        for key, nodes, tags in self._ways:
            way = ET.SubElement(root, "way", id=str(key), version="1")
            for ref in nodes:
                ET.SubElement(way, "nd", ref=str(ref))
            _write_tags(way, tags)
        for key, members, tags in self._relations:
            relation = ET.SubElement(root, "relation", id=str(key), version="1")
            for ref, role in members:
                ET.SubElement(relation, "member", type="way", ref=str(ref), role=role)
            _write_tags(relation, tags)
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
        return path


def _tags(tags: dict[str, str]) -> dict[str, str]:
    """Return tags with ``__`` read as the colon that Python's names cannot have."""
    return {key.replace("__", ":"): value for key, value in tags.items()}


def _write_tags(element: ET.Element, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        ET.SubElement(element, "tag", k=key, v=value)


def street_town(columns: int = 6, rows: int = 6, floors: int = 6) -> OsmTown:
    """Return a town of blocks of 200 m between streets, four buildings of 40 m × 20 m in each.

    Every third street is a primary road; a building has 48 flats of 100 m².
    """
    town = OsmTown()
    for column in range(columns + 1):
        x = column * 200.0
        kind = "primary" if column % 3 == 0 else "residential"
        town.way([(x, row * 200.0) for row in range(rows + 1)], highway=kind)
    for row in range(rows + 1):
        y = row * 200.0
        kind = "primary" if row % 3 == 0 else "residential"
        town.way([(column * 200.0, y) for column in range(columns + 1)], highway=kind)
    for column in range(columns):
        for row in range(rows):
            for dx, dy in ((30, 30), (130, 30), (30, 130), (130, 130)):
                town.ring(
                    column * 200.0 + dx,
                    row * 200.0 + dy,
                    40,
                    20,
                    building="apartments",
                    building__levels=str(floors),
                )
    return town


def outline(width: float, height: float, west: float = 0.0, south: float = 0.0) -> shapely.Geometry:
    """Return a rectangle of the town in EPSG:4326."""
    return degrees(shapely.box(west, south, west + width, south + height))
