"""Where lines meet: shared vertices, ends that touch, and crossings on one level."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from gis.geometry.crs import Geometries
    from gis.network.graph import Bools, Floats, Ints

Noding = Literal["auto", "vertices", "crossings"]

#: Vertices nearer than this are one place.
PLACE_M = 0.01
#: An end that meets nothing touches another end, or a line on the ground, within this.
TOUCH_M = 1.0
#: An end that meets other ends lies on a line within this.
_ON_M = 0.05
#: From this share of crossings without a vertex among all meetings, lines were drawn without
#: vertices where they meet.
CROSSING_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Strokes:
    """Vertices of lines, line by line and in order along each.

    Parameters
    ----------
    xy
        ``(v, 2)`` metres.
    line
        ``(v,)``: position of the line, ascending.
    along_m
        ``(v,)``: metres from the start of the line.
    """

    xy: "Floats"
    line: "Ints"
    along_m: "Floats"

    @property
    def ends(self) -> "tuple[Ints, Ints]":
        """Positions of the first and the last vertex of each line that has any."""
        first = np.flatnonzero(np.r_[True, self.line[1:] != self.line[:-1]][: len(self.line)])
        last = np.r_[first[1:] - 1, len(self.line) - 1][: len(first)]
        return first, last

    @property
    def place(self) -> "Ints":
        """``(v,)``: vertices at one place have one number."""
        return self.place_with(np.empty((0, 2)))[0]

    def place_with(self, xy: "Floats") -> "tuple[Ints, Ints]":
        """Return the place of each vertex, and of further points that are vertices."""
        key = np.round(np.concatenate([self.xy, xy]) / PLACE_M).astype(np.int64)
        order = np.lexsort((key[:, 1], key[:, 0]))
        new = np.ones(len(order), dtype=bool)
        new[1:] = (key[order][1:] != key[order][:-1]).any(axis=1)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.cumsum(new) - 1
        return place[: len(self.xy)], place[len(self.xy) :]


@dataclass(frozen=True, eq=False)
class Noded:
    """Strokes that share a vertex wherever they meet, and how they were found to meet."""

    strokes: Strokes
    rule: str
    shared_vertices: int
    touching_ends: int
    crossings: int


def strokes_of(lines: "Geometries") -> Strokes:
    """Return the vertices of lines in metres, without those that repeat the one before."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    return _in_order(xy, line.astype(np.int64))


def _in_order(xy: "Floats", line: "Ints") -> Strokes:
    key = np.round(xy / PLACE_M).astype(np.int64)
    fresh = np.ones(len(xy), dtype=bool)
    fresh[1:] = (line[1:] != line[:-1]) | (key[1:] != key[:-1]).any(axis=1)
    xy, line = xy[fresh], line[fresh]
    # A line of one place only is no line.
    alone = np.bincount(line)[line] < 2 if len(line) else np.zeros(0, dtype=bool)
    xy, line = xy[~alone], line[~alone]
    step = np.zeros(len(xy))
    step[1:] = np.where(line[1:] == line[:-1], np.hypot(*(xy[1:] - xy[:-1]).T), 0.0)
    total = np.cumsum(step)
    start = np.searchsorted(line, line) if len(line) else np.zeros(0, dtype=np.int64)
    return Strokes(xy, line, total - total[start] if len(line) else total)


def lines_of(strokes: Strokes, count: int) -> "Geometries":
    """Return ``count`` lines; those without vertices are ``None``."""
    out = np.full(count, None, dtype=object)
    if len(strokes.xy):
        shapely.linestrings(strokes.xy, indices=strokes.line, out=out)
    return out


def with_vertices(strokes: Strokes, line: "Ints", xy: "Floats", along_m: "Floats") -> Strokes:
    """Return strokes with more vertices, each on its line at ``along_m``."""
    if len(line) == 0:
        return strokes
    both = np.concatenate([strokes.line, line])
    order = np.lexsort(
        (
            np.r_[np.zeros(len(strokes.line)), np.ones(len(line))],
            np.concatenate([strokes.along_m, along_m]),
            both,
        )
    )
    return _in_order(np.concatenate([strokes.xy, xy])[order], both[order])


def stretches(strokes: Strokes, begin: "Ints", end: "Ints") -> "Geometries":
    """Return the lines between pairs of vertices of one stroke."""
    count = end - begin + 1
    of = np.repeat(np.arange(len(begin)), count)
    vertex = (
        np.repeat(begin, count) + np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    )
    if len(of) == 0:
        return np.empty(0, dtype=object)
    return np.asarray(shapely.linestrings(strokes.xy[vertex], indices=of), dtype=object)


def with_lines(strokes: Strokes, lines: "Geometries", number: int) -> Strokes:
    """Return strokes with more lines behind them, numbered from ``number``."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    return _in_order(
        np.concatenate([strokes.xy, xy]), np.concatenate([strokes.line, line + number])
    )


def only(lines: "Geometries", which: "Bools") -> "Geometries":
    """Return lines with ``None`` in place of those that are not meant."""
    out = lines.copy()
    out[~which] = None
    return out


def node(lines: "Geometries", ground: "Bools", rule: Noding = "auto") -> Noded:
    """Return the lines with a vertex in common wherever they meet.

    Vertices at one place are one. An end that meets nothing meets other such ends within 1 m, else
    the nearest line on the ground within 1 m. Lines on the ground that cross without a vertex meet
    by the rule ``crossings``; ``auto`` takes that rule where such crossings are a fifth of all
    meetings or more: whoever draws vertices at junctions means none where there is none.

    Parameters
    ----------
    lines
        ``(k,)`` lines in metres.
    ground
        ``(k,)``: the line is on no bridge and in no tunnel.
    rule
        How to take crossings without a vertex.
    """
    strokes = strokes_of(lines)
    strokes, touching = _touching(strokes, ground)
    shared = _shared(strokes)
    line, xy, along = _crossings(strokes, ground)
    crossings = len(line) // 2
    if rule == "auto":
        often = crossings >= CROSSING_SHARE * (crossings + shared) and crossings > 0
        rule = "crossings" if often else "vertices"
    if rule == "crossings":
        strokes = with_vertices(strokes, line, xy, along)
    return Noded(strokes, rule, shared, touching, crossings)


def _shared(strokes: Strokes) -> int:
    """Return the number of places that several lines have in common."""
    pairs = np.unique(np.column_stack([strokes.place, strokes.line]), axis=0)
    return int((np.bincount(pairs[:, 0]) > 1).sum()) if len(pairs) else 0


def _touching(strokes: Strokes, ground: "Bools") -> tuple[Strokes, int]:
    """Join ends that meet nothing to each other, else to the line on the ground that they touch.

    Ends that meet something already stay where they are; a line that they lie on gets a vertex.
    """
    if len(strokes.line) == 0:
        return strokes, 0
    ends = np.concatenate(strokes.ends)
    loose = _alone(strokes, ends)
    xy = strokes.xy.copy()
    xy[ends[loose]] = _clustered(xy[ends[loose]])
    drawn = int((xy != strokes.xy).any(axis=1).sum())
    strokes = Strokes(xy, strokes.line, strokes.along_m)
    loose = _alone(strokes, ends)
    moved, line, along = _near_ends(strokes, ends[loose], ground, TOUCH_M)
    lines = lines_of(strokes, len(ground))
    at = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], along))
    at, along = on_vertices(strokes, line, at, along)
    fixed, on, on_along = _near_ends(strokes, ends[~loose], ground, _ON_M)
    on_xy = strokes.xy[fixed]
    xy = strokes.xy.copy()
    xy[moved] = at
    strokes = with_vertices(
        Strokes(xy, strokes.line, strokes.along_m),
        np.concatenate([line, on]),
        np.concatenate([at, on_xy]),
        np.concatenate([along, on_along]),
    )
    return strokes, drawn + len(moved) + len(np.unique(on_xy, axis=0))


def _alone(strokes: Strokes, vertices: "Ints") -> "Bools":
    """Return which of the vertices share their place with no other vertex."""
    place = strokes.place
    return np.asarray(np.bincount(place)[place[vertices]] == 1)


def _clustered(xy: "Floats") -> "Floats":
    """Return points with those that are within touch of each other on the first of them."""
    pairs = KDTree(xy).query_pairs(TOUCH_M, output_type="ndarray") if len(xy) else np.empty((0, 2))
    count = len(xy)
    matrix = coo_matrix((np.ones(len(pairs)), pairs.T.astype(np.int64)), shape=(count, count))
    _, group = connected_components(matrix, directed=False)
    _, leader = np.unique(group, return_index=True)
    return np.asarray(xy[leader[group]])


def _near_ends(
    strokes: Strokes, ends: "Ints", ground: "Bools", reach_m: float
) -> "tuple[Ints, Ints, Floats]":
    """Return ends with the nearest line on the ground that they touch, and the metres along it."""
    lines = lines_of(strokes, len(ground))
    points = np.asarray(shapely.points(strokes.xy[ends]), dtype=object)
    end, line = shapely.STRtree(only(lines, ground)).query(points, "dwithin", reach_m)
    # Lines with a vertex at the place of the end have it in common already.
    place = strokes.place
    known = np.unique(strokes.line * len(place) + place)
    apart = ~np.isin(line * len(place) + place[ends[end]], known)
    end, line = end[apart], line[apart]
    gap = shapely.distance(points[end], lines[line])
    order = np.lexsort((line, gap, end))
    end, line = end[order], line[order]
    first = np.ones(len(end), dtype=bool)
    first[1:] = end[1:] != end[:-1]
    end, line = end[first], line[first]
    along = shapely.line_locate_point(lines[line], points[end])
    return ends[end], line, np.asarray(along, dtype=float).reshape(len(line))


def on_vertices(
    strokes: Strokes, line: "Ints", xy: "Floats", along_m: "Floats", reach_m: float = TOUCH_M
) -> "tuple[Floats, Floats]":
    """Return places on lines, moved along the line to its nearest vertex if that is in reach."""
    if len(line) == 0:
        return xy, along_m
    first = np.searchsorted(strokes.line, line)
    last = np.searchsorted(strokes.line, line, side="right") - 1
    span = 2.0 * (strokes.along_m.max() + 1.0)
    key = strokes.line * span + strokes.along_m
    after = np.clip(np.searchsorted(key, line * span + along_m), first, last)
    before = np.clip(after - 1, first, last)
    nearer = np.where(
        np.abs(strokes.along_m[before] - along_m) <= np.abs(strokes.along_m[after] - along_m),
        before,
        after,
    )
    there = np.abs(strokes.along_m[nearer] - along_m) <= reach_m
    return (
        np.where(there[:, None], strokes.xy[nearer], xy),
        np.where(there, strokes.along_m[nearer], along_m),
    )


def _crossings(strokes: Strokes, ground: "Bools") -> "tuple[Ints, Floats, Floats]":
    """Return lines with places where two on the ground cross and have no vertex in common.

    Each crossing is there twice: for the one line, then, in the second half, for the other.
    """
    lines = lines_of(strokes, len(ground))
    tree = shapely.STRtree(only(lines, ground))
    flat = np.flatnonzero(ground & (lines != None))  # noqa: E711 - elementwise
    at, other = tree.query(lines[flat], predicate="intersects")
    left, right = flat[at], other
    pair = left < right
    left, right = left[pair], right[pair]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    met = shapely.intersection(lines[left], lines[right])
    parts, of = shapely.get_parts(met, return_index=True)
    dot = shapely.get_dimensions(parts) == 0
    xy = shapely.get_coordinates(parts[dot])
    left, right = left[of[dot]], right[of[dot]]
    near = [_to_vertices(strokes, lines, line, xy) for line in (left, right)]
    # Both have a vertex here: they share it already, or almost.
    shared = near[0][2] & near[1][2]
    xy = np.where(near[0][2][:, None], near[0][0], near[1][0])
    left, right, xy = left[~shared], right[~shared], xy[~shared]
    return (
        np.concatenate([left, right]),
        np.concatenate([xy, xy]),
        np.concatenate([near[0][1][~shared], near[1][1][~shared]]),
    )


def _to_vertices(
    strokes: Strokes, lines: "Geometries", line: "Ints", xy: "Floats"
) -> "tuple[Floats, Floats, Bools]":
    along = np.asarray(shapely.line_locate_point(lines[line], shapely.points(xy)), dtype=float)
    place, moved = on_vertices(strokes, line, xy, along.reshape(len(line)), 2 * PLACE_M)
    return place, moved, np.asarray((place != xy).any(axis=1) | _at(place, strokes, line))


def _at(xy: "Floats", strokes: Strokes, line: "Ints") -> "Bools":
    """Return which places are vertices of their line already."""
    if len(line) == 0:
        return np.zeros(0, dtype=bool)
    keys = np.round(np.concatenate([strokes.xy, xy]) / PLACE_M).astype(np.int64)
    both = np.column_stack([np.concatenate([strokes.line, line]), keys])
    _, inverse = np.unique(both, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    return np.isin(inverse[len(strokes.line) :], inverse[: len(strokes.line)])
