"""What bars the way on foot: rivers, railways and walls, and the gates of walled quarters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.geometry.crs import to_projected
from gis.network.graph import Walls
from gis.network.noding import PLACE_M, Strokes, lines_of, on_vertices, with_vertices

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj

    from gis.geometry.crs import Geometries
    from gis.network.contracting import Pieces
    from gis.network.graph import Bools, Floats, Ints

#: A crossing opens the nearest road that meets a barrier within this distance of it,
CROSSING_REACH_M = 25.0
#: and every road that does so within this distance.
CROSSING_AT_M = 5.0
#: A stretch that stays within this of the outline of a quarter runs along it, outside.
ALONG_M = 2.5
#: Sides of a barrier are told this far from where a road meets it.
_ASIDE_M = 0.5
#: A road that leaves within this angle (radians) of a barrier runs along it.
_ALONG_ANGLE = 0.05
_OPENED_BY = {"water": ("bridge", "underpass", "level_crossing"), "lines": ("gate",)}


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Walls of all kinds in metres, and the open crossings that lead through them.

    Parameters
    ----------
    walls
        Rivers and railways, walls, gated quarters, and gates.
    over
        Places where rivers and railways can be crossed.
    quarter_row
        Row of the quarters that each gated quarter has.
    """

    walls: Walls
    over: "Geometries"
    quarter_row: "Ints"


def obstacles_of(
    barriers: "gpd.GeoDataFrame | None",
    crossings: "gpd.GeoDataFrame | None",
    quarters: "gpd.GeoDataFrame | None",
    crs: "pyproj.CRS",
) -> Obstacles:
    """Return what bars the way, in metres; an arterial road bars nobody on foot."""
    kind = _column(barriers, "barrier_class")
    lines = _projected(barriers, crs)
    gated = np.flatnonzero(np.asarray(_column(quarters, "gated"), dtype=bool))
    passed = np.asarray(_column(crossings, "open_to_walkers"), dtype=bool)
    how = _column(crossings, "kind")[passed]
    points = _projected(crossings, crs)[passed]
    walls = Walls(
        water=lines[np.isin(kind, ("river", "railway"))],
        lines=lines[kind == "wall"],
        quarters=_projected(quarters, crs)[gated],
        gates=points[np.isin(how, _OPENED_BY["lines"])],
    )
    return Obstacles(walls, points[np.isin(how, _OPENED_BY["water"])], gated)


def _column(frame: "gpd.GeoDataFrame | None", name: str) -> "Geometries":
    return np.empty(0, dtype=object) if frame is None else frame[name].to_numpy(dtype=object)


def _projected(frame: "gpd.GeoDataFrame | None", crs: "pyproj.CRS") -> "Geometries":
    if frame is None or len(frame) == 0:
        return np.empty(0, dtype=object)
    return to_projected(frame.geometry.to_numpy(), crs)


@dataclass(frozen=True, eq=False)
class Meetings:
    """Places where lines meet barriers.

    Parameters
    ----------
    line, along_m, xy
        The line, metres along it, and the place.
    """

    line: "Ints"
    along_m: "Floats"
    xy: "Floats"

    def where(self, which: "Bools") -> "Meetings":
        """Return some of them."""
        return Meetings(self.line[which], self.along_m[which], self.xy[which])


def meetings(strokes: Strokes, bound: "Bools", barriers: "Geometries") -> Meetings:
    """Return where the bound lines cross, touch, reach or leave barriers.

    Parameters
    ----------
    strokes
        The lines.
    bound
        Per line: it is on the ground, so barriers bar it.
    barriers
        Lines in metres.
    """
    lines = lines_of(strokes, len(bound))
    rows = np.flatnonzero(bound & ~shapely.is_missing(lines))
    at, barrier = shapely.STRtree(barriers).query(lines[rows], predicate="intersects")
    line = rows[at]
    order = np.lexsort((barrier, line))
    line, barrier = line[order], barrier[order]
    parts, of = shapely.get_parts(
        shapely.intersection(lines[line], barriers[barrier]), return_index=True
    )
    dots, dot_of = shapely.get_coordinates(parts), np.repeat(of, shapely.get_num_coordinates(parts))
    line = line[dot_of]
    along = np.asarray(
        shapely.line_locate_point(lines[line], shapely.points(dots)), dtype=float
    ).reshape(len(line))
    xy, along = on_vertices(strokes, line, dots, along, 2 * PLACE_M)
    return Meetings(line, along, xy)


def opened(met: Meetings, crossings: "Geometries") -> "Bools":
    """Return which meetings are open: all within 5 m of a crossing, and those of its next road.

    A crossing that is drawn beside the road belongs to the road whose meeting is the nearest, up
    to 25 m; all meetings of that road within the reach are opened, since wide water has two banks.
    """
    out = np.zeros(len(met.line), dtype=bool)
    if len(out) == 0 or len(crossings) == 0:
        return out
    points = np.asarray(shapely.points(met.xy), dtype=object)
    crossing, at = shapely.STRtree(points).query(crossings, "dwithin", CROSSING_REACH_M)
    gap = shapely.distance(crossings[crossing], points[at])
    order = np.lexsort((met.line[at], gap, crossing))
    crossing, at, gap = crossing[order], at[order], gap[order]
    first = np.ones(len(crossing), dtype=bool)
    first[1:] = crossing[1:] != crossing[:-1]
    road = np.full(len(crossings), -1, dtype=np.int64)
    road[crossing[first]] = met.line[at[first]]
    out[at[(gap <= CROSSING_AT_M) | (met.line[at] == road[crossing])]] = True
    return out


def barred_places(
    strokes: Strokes, bound: "Bools", obstacles: Obstacles
) -> tuple[Strokes, "Floats"]:
    """Return the lines with a vertex wherever a barrier bars one, and those places."""
    walls = obstacles.walls
    shut = []
    for barriers, crossings in ((walls.water, obstacles.over), (walls.lines, walls.gates)):
        if len(barriers):
            met = meetings(strokes, bound, barriers)
            shut.append(met.where(~opened(met, crossings)))
    for met in shut:
        strokes = with_vertices(strokes, met.line, met.xy, met.along_m)
    places = [met.xy for met in shut]
    return strokes, np.concatenate(places) if places else np.empty((0, 2))


def sides(
    place_xy: "Floats", end_place: "Ints", aside_xy: "Floats", barriers: "Geometries"
) -> "Ints":
    """Return on which side of the barriers each end of a piece leaves its place.

    Around a place its barriers go off in rays; the ends between two rays are on one side. Where
    only one ray goes off the barrier ends, and bars nobody. Ends that run along a ray go with the
    side that has more of the others.

    Parameters
    ----------
    place_xy
        ``(b, 2)`` places on barriers.
    end_place
        ``(e,)``: position in ``place_xy`` of each end, ascending.
    aside_xy
        ``(e, 2)``: a point of the piece just beside its end.
    barriers
        Lines in metres.
    """
    out = np.zeros(len(end_place), dtype=np.int64)
    rays = _rays(place_xy, barriers)
    angle = _angles(aside_xy - place_xy[end_place])
    for place in np.unique(end_place).tolist():
        ends = slice(*np.searchsorted(end_place, [place, place + 1]))
        out[ends] = _sectors(angle[ends], rays[place])
    return out


def _rays(place_xy: "Floats", barriers: "Geometries") -> "list[Floats]":
    """Return the angles in which barriers go off from each place, ascending."""
    points = np.asarray(shapely.points(place_xy), dtype=object)
    place, barrier = shapely.STRtree(barriers).query(points, "dwithin", 3 * PLACE_M)
    lines, length = barriers[barrier], shapely.length(barriers[barrier])
    along = np.asarray(shapely.line_locate_point(lines, points[place]), dtype=float)
    ring = shapely.is_closed(lines)
    found: list[list[float]] = [[] for _ in place_xy]
    for shift in (-_ASIDE_M, _ASIDE_M):
        to = along + shift
        there = ring | ((to > -_ASIDE_M / 2) & (to < length + _ASIDE_M / 2))
        to = np.where(ring, np.mod(to, np.maximum(length, 1e-9)), np.clip(to, 0.0, length))
        aside = shapely.get_coordinates(shapely.line_interpolate_point(lines, to))
        angle = _angles(aside - place_xy[place])
        for row in np.flatnonzero(there).tolist():
            found[place[row]].append(float(angle[row]))
    return [_distinct(np.sort(angles)) for angles in found]


def _distinct(angles: "Floats") -> "Floats":
    """Return ascending angles without those that repeat another."""
    if len(angles) < 2:
        return angles
    gap = np.diff(angles, append=angles[0] + 2 * np.pi)
    kept = angles[gap > _ALONG_ANGLE]
    return kept if len(kept) else angles[:1]


def _angles(step: "Floats") -> "Floats":
    return np.asarray(np.mod(np.arctan2(step[:, 1], step[:, 0]), 2 * np.pi))


def _sectors(angle: "Floats", rays: "Floats") -> "Ints":
    """Return the sector between rays of each angle; 0 for all where fewer than two rays part."""
    if len(rays) < 2:
        return np.zeros(len(angle), dtype=np.int64)
    sector = np.searchsorted(rays, angle) % len(rays)
    turn = np.abs(angle[:, None] - rays)
    turn = np.minimum(turn, 2 * np.pi - turn)
    along = turn.min(axis=1) < _ALONG_ANGLE
    free = np.bincount(sector[~along], minlength=len(rays))
    for end in np.flatnonzero(along).tolist():
        # Sector i lies before ray i, and the next one behind it.
        ray = int(turn[end].argmin())
        choices = (ray, (ray + 1) % len(rays))
        sector[end] = max(choices, key=lambda i: (free[i], -i))
    return np.asarray(sector, dtype=np.int64)


def outline_places(
    strokes: Strokes, bound: "Bools", quarters: "Geometries"
) -> tuple[Strokes, "Floats"]:
    """Return the lines with a vertex where one meets the outline of a quarter, and those places."""
    met = meetings(strokes, bound, np.asarray(shapely.boundary(quarters), dtype=object))
    return with_vertices(strokes, met.line, met.xy, met.along_m), met.xy


def quarter_of(lines: "Geometries", bound: "Bools", quarters: "Geometries") -> "Ints":
    """Return the gated quarter that each stretch lies in, -1 where in none.

    A stretch is inside if its middle is, and if it leaves the outline by more than 2.5 m: streets
    along a quarter are outside, be they drawn a little within. Of nested quarters the first.
    """
    out = np.full(len(lines), -1, dtype=np.int64)
    rows = np.flatnonzero(bound)
    if len(quarters) == 0 or len(rows) == 0:
        return out
    middle = np.asarray(
        shapely.line_interpolate_point(lines[rows], 0.5, normalized=True), dtype=object
    )
    at, quarter = shapely.STRtree(quarters).query(middle, predicate="intersects")
    edge = shapely.boundary(quarters)[quarter]
    xy, of = shapely.get_coordinates(lines[rows[at]], return_index=True)
    gap = shapely.distance(shapely.points(xy), edge[of])
    deep = np.maximum(shapely.distance(middle[at], edge), _greatest(gap, of, len(at))) > ALONG_M
    at, quarter = at[deep], quarter[deep]
    order = np.lexsort((quarter, at))
    at, quarter = at[order], quarter[order]
    first = np.ones(len(at), dtype=bool)
    first[1:] = at[1:] != at[:-1]
    out[rows[at[first]]] = quarter[first]
    return out


def _greatest(values: "Floats", group: "Ints", count: int) -> "Floats":
    out = np.zeros(count)
    np.maximum.at(out, group, values)
    return out


@dataclass(frozen=True, eq=False)
class Gated:
    """Which quarters are walled for the network, and which ends of pieces their walls part.

    Parameters
    ----------
    side
        ``(2p,)``: ends at one node with different sides are parted.
    walled
        ``(q,)``: an open gate leads into the quarter by a road.
    parted
        Number of nodes that are parted.
    """

    side: "Ints"
    walled: "Bools"
    parted: int


def gate_sides(
    pieces: "Pieces", quarter: "Ints", node_xy: "Floats", gates: "Geometries", count: int
) -> Gated:
    """Return how the walls of quarters part pieces that meet away from open gates.

    A quarter into which no open gate leads by a road is not taken as walled: that no gate was
    mapped is more likely than that nobody gets in.

    Parameters
    ----------
    pieces
        The pieces with their nodes.
    quarter
        ``(p,)``: the quarter that each lies in, or -1.
    node_xy
        ``(n, 2)`` metres.
    gates
        Open gates, points in metres.
    count
        Number of gated quarters.
    """
    if count == 0:
        return Gated(np.zeros(2 * len(quarter), dtype=np.int64), np.zeros(0, dtype=bool), 0)
    end_node = np.column_stack([pieces.start, pieces.end]).ravel()
    label = np.repeat(quarter, 2)
    pairs = np.unique(np.column_stack([end_node, label]), axis=0)
    mixed = np.flatnonzero(np.bincount(pairs[:, 0], minlength=len(node_xy)) > 1)
    entered = pairs[np.isin(pairs[:, 0], mixed) & (pairs[:, 1] >= 0)]
    met = Meetings(np.arange(len(entered)), np.zeros(len(entered)), node_xy[entered[:, 0]])
    open_ = opened(met, gates)
    walled = np.zeros(count, dtype=bool)
    walled[entered[open_, 1]] = True
    opened_nodes = np.unique(entered[open_, 0])
    shut = np.setdiff1d(np.unique(entered[walled[entered[:, 1]], 0]), opened_nodes)
    inside = np.where((label >= 0) & walled[label], label + 1, 0)
    side = np.where(np.isin(end_node, shut), inside, 0)
    return Gated(side, walled, len(shut))


def with_gaps(walls: Walls, walled: "Bools") -> Walls:
    """Return what legs must not cross: walls with gaps at open gates, and quarters with walls."""
    lines = walls.lines
    if len(walls.gates) and len(lines):
        gaps = shapely.union_all(shapely.buffer(walls.gates, CROSSING_AT_M))
        lines = shapely.get_parts(shapely.difference(lines, gaps))
        lines = lines[~shapely.is_empty(lines)]
    return Walls(walls.water, lines, walls.quarters[walled], walls.gates)


def crossed(lines: "Geometries", barriers: shapely.STRtree) -> "Bools":
    """Return which lines meet a barrier."""
    out = np.zeros(len(lines), dtype=bool)
    if len(lines) and len(barriers):
        out[barriers.query(lines, predicate="intersects")[0]] = True
    return out
