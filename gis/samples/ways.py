"""The noded network of streets, lanes and paths, the barriers, and where these can be crossed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.ops import substring

from gis.samples.layout import RAIL_HALF_M, RIVER_WIDTH_M, Street
from gis.samples.shapes import GRID_M, lines

if TYPE_CHECKING:
    from gis.samples.city import City

#: Shorter dead ends are overshoots of the drawing.
SHORTEST_END_M = 1.5
_RANK = {"arterial": 0, "collector": 1, "local": 2, "service": 3, "path": 4}


@dataclass(frozen=True, slots=True)
class Way:
    """A stretch between two junctions."""

    line: shapely.LineString
    key: str
    road_class: str
    bridge: bool = False
    tunnel: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """A place where a barrier can be passed."""

    point: shapely.Point
    kind: str
    key: str
    open_to_walkers: bool = True


def node_ways(city: "City") -> list[Way]:
    """Return streets, lanes and paths as stretches that meet at their ends only."""
    parts = [way for street in city.layout.streets for way in _over_and_under(city, street)]
    for block in city.blocks:
        lanes = [*block.lanes, *(lane for q in block.quarters for lane in q.lanes)]
        parts += [Way(lane.line, "", lane.road_class) for lane in lanes]
    noded = shapely.union_all([way.line for way in parts], grid_size=GRID_M)
    edges = [e for e in shapely.get_parts(noded) if e.length > 0.05]
    tree = shapely.STRtree([way.line for way in parts])
    out = []
    for edge in _without_short_ends(edges):
        middle = edge.interpolate(0.5, normalized=True)
        near = tree.query(middle, predicate="dwithin", distance=0.2)
        if len(near) == 0:
            near = tree.query_nearest(middle)
        best = min((parts[int(k)] for k in near), key=lambda w: (_RANK[w.road_class], w.key))
        out.append(Way(edge, best.key, best.road_class, best.bridge, best.tunnel))
    return out


def _without_short_ends(edges: list[shapely.LineString]) -> list[shapely.LineString]:
    ends = np.round([[e.coords[0], e.coords[-1]] for e in edges], 2)
    keys, place = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    degree = np.bincount(place.ravel(), minlength=len(keys))[place.ravel()].reshape(-1, 2)
    return [
        edge
        for edge, ends_of in zip(edges, degree, strict=True)
        if edge.length >= SHORTEST_END_M or ends_of.min() > 1
    ]


def _over_and_under(city: "City", street: Street) -> list[Way]:
    """Cut a street where it is on a bridge or in an underpass."""
    layout = city.layout
    line = street.line
    spans: list[tuple[float, float, str]] = []
    if _crosses(street, layout.river):
        spans += _spans(line, layout.river.buffer(RIVER_WIDTH_M / 2 + 6), "bridge")
    if street.road_class == "arterial" and _crosses(street, layout.railway):
        spans += _spans(line, layout.railway.buffer(RAIL_HALF_M + 8), "tunnel")
    out: list[Way] = []
    at = 0.0
    for start, end, kind in [*sorted(spans), (line.length, line.length, "")]:
        if start - at > 0.5:
            out.append(Way(_stretch(line, at, start), street.key, street.road_class))
        if end > start:
            part = _stretch(line, start, end)
            bridge, tunnel = kind == "bridge", kind == "tunnel"
            out.append(Way(part, street.key, street.road_class, bridge, tunnel))
        at = end
    return out


def _stretch(line: shapely.LineString, start: float, end: float) -> shapely.LineString:
    return shapely.LineString(substring(line, start, end).coords)


def _spans(
    line: shapely.LineString, corridor: shapely.Polygon, kind: str
) -> list[tuple[float, float, str]]:
    """Return from and to which metre ``line`` is in the corridor."""
    out = []
    for part in lines(line.intersection(corridor), 1.0):
        ends = sorted(line.project(shapely.Point(part.coords[k])) for k in (0, -1))
        out.append((ends[0], ends[1], kind))
    return out


def _crosses(street: Street, line: shapely.LineString) -> bool:
    return bool(street.line.crosses(line))


def find_crossings(city: "City") -> list[Crossing]:
    """Return bridges, the underpass, the level crossing, and the gates of quarters."""
    layout = city.layout
    out: list[Crossing] = []
    for street in layout.streets:
        for line, kind in ((layout.river, "bridge"), (layout.railway, "rail")):
            meeting = street.line.intersection(line)
            for point in shapely.get_parts(meeting):
                if point.geom_type != "Point":
                    continue
                over = "underpass" if street.road_class == "arterial" else "level_crossing"
                out.append(Crossing(point, over if kind == "rail" else kind, street.key))
    for block in city.blocks:
        for quarter in block.quarters:
            out += [Crossing(g.point, "gate", "", g.open_to_walkers) for g in quarter.gates]
    return out


def find_barriers(city: "City") -> list[tuple[shapely.LineString, str, str]]:
    """Return lines with their class and key: river, railway, arterials, walls of quarters."""
    layout = city.layout
    out = [(layout.river, "river", "river"), (layout.railway, "railway", "railway")]
    out += [(s.line, "arterial", s.key) for s in layout.streets if s.road_class == "arterial"]
    for block in city.blocks:
        walls = [q.ground.exterior for q in block.quarters if q.gated]
        out += [(shapely.LineString(wall.coords), "wall", "") for wall in walls]
    return out
