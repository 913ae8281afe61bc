"""Segments in a grid of squares, in machine code: which is the nearest, and what crosses one.

Its functions call each other and are compiled, so they live in one module.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.geometry.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from gis.geometry.crs import Geometries
    from gis.network.graph import Bools, Floats, Ints

#: Side of a square; segments are cut to this length, so that each lies in few squares.
CELL_M = 60.0
#: A grid has at most this many squares: over sparse ground they are larger.
MOST_CELLS = 4_000_000
#: Areas (m²) of triangles under this do not tell on which side of a segment a corner is.
_DOUBT_M2 = 1e-5


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest places of lines to points.

    Parameters
    ----------
    line
        ``(k,)``: -1 where none is within reach.
    along_m, distance_m
        ``(k,)``: metres along the line, and to it; NaN where none is.
    xy
        ``(k, 2)``: the place; NaN where none is.
    """

    line: "Ints"
    along_m: "Floats"
    distance_m: "Floats"
    xy: "Floats"


@dataclass(frozen=True, eq=False)
class SegmentGrid:
    """Straight pieces of lines, by the squares that they touch.

    Parameters
    ----------
    start_xy, end_xy
        ``(s, 2)`` metres.
    line
        ``(s,)``: position of the line.
    offset_m
        ``(s,)``: metres along the line where the piece starts.
    origin
        West and south edge of the grid.
    cell_m
        Side of a square.
    shape
        Columns and rows.
    indptr, indices
        Pieces of each square, row by row.
    """

    start_xy: "Floats"
    end_xy: "Floats"
    line: "Ints"
    offset_m: "Floats"
    origin: tuple[float, float]
    cell_m: float
    shape: tuple[int, int]
    indptr: "Ints"
    indices: "Ints"

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of the pieces as lines."""
        return shapely.STRtree(self.lines)

    @cached_property
    def lines(self) -> "Geometries":
        """The pieces as lines."""
        ends = np.stack([self.start_xy, self.end_xy], axis=1)
        return np.asarray(shapely.linestrings(ends), dtype=object).reshape(len(ends))

    @cached_property
    def _by_square(self) -> "tuple[Floats, Floats, Ints, Floats]":
        """Start, end, line and offset of the pieces of each square, side by side in memory."""
        at = self.indices
        return self.start_xy[at], self.end_xy[at], self.line[at], self.offset_m[at]

    def nearest(self, xy_m: "Floats", reach_m: "ArrayLike") -> "Nearest":
        """Return the nearest place of any line to each point.

        Parameters
        ----------
        xy_m
            ``(k, 2)``.
        reach_m
            Nothing farther is looked at: one distance, or ``(k,)``.

        Returns
        -------
        Nearest
            Of equally near lines the first.
        """
        count = len(xy_m)
        out = Nearest(
            np.full(count, -1, dtype=np.int64),
            np.full(count, np.nan),
            np.full(count, np.nan),
            np.full((count, 2), np.nan),
        )
        if len(self.line) and len(xy_m):
            _nearest(
                np.ascontiguousarray(xy_m, dtype=np.float64),
                np.broadcast_to(np.asarray(reach_m, dtype=np.float64), len(xy_m)),
                self._by_square,
                (self.origin[0], self.origin[1], self.cell_m, self.shape[0], self.shape[1]),
                self.indptr,
                (out.line, out.along_m, out.distance_m, out.xy),
            )
        return out

    def on_lines(self, xy_m: "Floats", line: "Ints") -> "tuple[Floats, Floats]":
        """Return the place of a line that is nearest to a point, pair by pair.

        Parameters
        ----------
        xy_m
            ``(k, 2)`` points.
        line
            ``(k,)`` lines that are in the grid.

        Returns
        -------
        along_m, xy
            ``(k,)`` metres along the line, and ``(k, 2)``; of equally near places the first.
        """
        along, xy = np.full(len(line), np.nan), np.full((len(line), 2), np.nan)
        if len(line):
            _on_lines(
                np.ascontiguousarray(xy_m, dtype=np.float64),
                np.searchsorted(self.line, line),
                np.searchsorted(self.line, line, side="right"),
                (self.start_xy, self.end_xy, self.offset_m),
                (along, xy),
            )
        return along, xy

    def crossed(self, start_xy: "Floats", end_xy: "Floats") -> "Bools":
        """Return which straight legs meet a piece, ``(k,)``, by the ends of each, ``(k, 2)``.

        A leg that goes by a piece too closely for the machine code to tell is left to GEOS.
        """
        found = np.zeros(len(start_xy), dtype=np.int8)
        if len(self.line) and len(start_xy):
            grid = (self.origin[0], self.origin[1], self.cell_m, self.shape[0], self.shape[1])
            ends = np.ascontiguousarray(np.column_stack([start_xy, end_xy]))
            _crossed(ends, (*self._by_square[:2], self.indptr), grid, found)
            doubt = np.flatnonzero(found < 0)
            legs = shapely.linestrings(ends[doubt].reshape(-1, 2, 2))
            found[doubt] = 0
            found[doubt[self.tree.query(legs, predicate="intersects")[0]]] = 1
        return found > 0


def segment_grid(lines: "Geometries", wanted: "Bools") -> SegmentGrid:
    """Return the grid of the straight pieces of the wanted lines.

    Parameters
    ----------
    lines
        ``(m,)`` lines in metres.
    wanted
        ``(m,)``: which of them to hold.
    """
    chosen = np.flatnonzero(wanted)
    xy, of = shapely.get_coordinates(lines[chosen], return_index=True)
    inner = np.flatnonzero(of[1:] == of[:-1])
    step = xy[inner + 1] - xy[inner]
    length = np.hypot(step[:, 0], step[:, 1])
    travelled = np.zeros(len(xy))
    np.cumsum(np.where(of[1:] == of[:-1], np.hypot(*(xy[1:] - xy[:-1]).T), 0.0), out=travelled[1:])
    start_of = np.searchsorted(of, np.arange(len(chosen)))
    offset = travelled[inner] - travelled[start_of[of[inner]]]
    count = np.maximum(np.ceil(length / CELL_M).astype(np.int64), 1)
    piece = np.repeat(np.arange(len(inner)), count)
    nth = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    begin, end = nth / count[piece], (nth + 1) / count[piece]
    base = xy[inner][piece]
    start_xy = base + step[piece] * begin[:, None]
    end_xy = np.where(
        (nth + 1 == count[piece])[:, None], xy[inner + 1][piece], base + step[piece] * end[:, None]
    )
    line = chosen[of[inner][piece]].astype(np.int64)
    return _gridded(start_xy, end_xy, line, offset[piece] + length[piece] * begin)


def _gridded(start_xy: "Floats", end_xy: "Floats", line: "Ints", offset_m: "Floats") -> SegmentGrid:
    if len(line) == 0:
        nothing = np.empty(0, dtype=np.int64)
        return SegmentGrid(
            start_xy, end_xy, line, offset_m, (0.0, 0.0), CELL_M, (0, 0), nothing, nothing
        )
    low = np.minimum(start_xy, end_xy)
    high = np.maximum(start_xy, end_xy)
    origin = low.min(axis=0)
    size = high.max(axis=0) - origin
    cell = max(CELL_M, float(np.sqrt(max(size[0], CELL_M) * max(size[1], CELL_M) / MOST_CELLS)))
    first = ((low - origin) // cell).astype(np.int64)
    last = ((high - origin) // cell).astype(np.int64)
    columns, rows = (last.max(axis=0) + 1).tolist()
    span = last - first + 1
    count = span[:, 0] * span[:, 1]
    piece = np.repeat(np.arange(len(line)), count)
    nth = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    square = (first[piece, 1] + nth // span[piece, 0]) * columns + (
        first[piece, 0] + nth % span[piece, 0]
    )
    order = np.argsort(square, kind="stable")
    indptr = np.zeros(columns * rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(square, minlength=columns * rows), out=indptr[1:])
    return SegmentGrid(
        np.ascontiguousarray(start_xy),
        np.ascontiguousarray(end_xy),
        line,
        offset_m,
        (float(origin[0]), float(origin[1])),
        cell,
        (columns, rows),
        indptr,
        piece[order],
    )


@compiled
def _nearest(points: Any, reach: Any, pieces: Any, grid: Any, indptr: Any, out: Any) -> None:  # noqa: ANN401 - compiled; arrays and tuples of them
    """Search squares in rings around each point until no farther square can hold a nearer piece."""
    start, end, line, offset = pieces
    west, south, cell, columns, rows = grid
    for k in range(len(points)):
        x, y = points[k, 0], points[k, 1]
        column = int(np.floor((x - west) / cell))
        row = int(np.floor((y - south) / cell))
        inside = min(
            x - west - column * cell,
            (column + 1) * cell - (x - west),
            y - south - row * cell,
            (row + 1) * cell - (y - south),
        )
        best = reach[k] * reach[k]
        best_line, best_along, best_x, best_y = -1, np.nan, np.nan, np.nan
        ring = 0
        while ring == 0 or ((ring - 1) * cell + inside) ** 2 <= best:
            for r in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
                edge_row = r == row - ring or r == row + ring
                stride = 1 if edge_row or ring == 0 else 2 * ring
                for c in range(column - ring, column + ring + 1, stride):
                    if c < 0 or c >= columns:
                        continue
                    for s in range(indptr[r * columns + c], indptr[r * columns + c + 1]):
                        dx, dy = end[s, 0] - start[s, 0], end[s, 1] - start[s, 1]
                        px, py = x - start[s, 0], y - start[s, 1]
                        length2 = dx * dx + dy * dy
                        t = (px * dx + py * dy) / length2 if length2 > 0 else 0.0
                        t = min(max(t, 0.0), 1.0)
                        ex, ey = px - t * dx, py - t * dy
                        d2 = ex * ex + ey * ey
                        if d2 < best or (d2 == best and (best_line < 0 or line[s] < best_line)):
                            best, best_line = d2, line[s]
                            best_along = offset[s] + t * np.sqrt(length2)
                            best_x, best_y = x - ex, y - ey
            ring += 1
        if best_line >= 0:
            out[0][k] = best_line
            out[1][k] = best_along
            out[2][k] = np.sqrt(best)
            out[3][k, 0] = best_x
            out[3][k, 1] = best_y


@compiled
def _on_lines(points: Any, first: Any, last: Any, pieces: Any, out: Any) -> None:  # noqa: ANN401 - compiled; arrays and tuples of them
    """Look at all pieces of the line of each point."""
    start, end, offset = pieces
    for k in range(len(points)):
        best = np.inf
        for s in range(first[k], last[k]):
            dx, dy = end[s, 0] - start[s, 0], end[s, 1] - start[s, 1]
            px, py = points[k, 0] - start[s, 0], points[k, 1] - start[s, 1]
            length2 = dx * dx + dy * dy
            t = (px * dx + py * dy) / length2 if length2 > 0 else 0.0
            t = min(max(t, 0.0), 1.0)
            ex, ey = px - t * dx, py - t * dy
            d2 = ex * ex + ey * ey
            if d2 < best:
                best = d2
                out[0][k] = offset[s] + t * np.sqrt(length2)
                out[1][k, 0] = end[s, 0] if t == 1.0 else start[s, 0] + t * dx
                out[1][k, 1] = end[s, 1] if t == 1.0 else start[s, 1] + t * dy


@compiled
def _crossed(legs: Any, pieces: Any, grid: Any, out: Any) -> None:  # noqa: ANN401 - compiled; arrays and tuples of them
    """Set 1 where a leg surely meets a piece of a square that it may touch, -1 where it may."""
    start, end, indptr = pieces
    west, south, cell, columns, rows = grid
    for k in range(len(legs)):
        ax, ay, bx, by = legs[k]
        left, right = min(ax, bx) - 1e-6, max(ax, bx) + 1e-6
        low, high = min(ay, by) - 1e-6, max(ay, by) + 1e-6
        first = max(int(np.floor((left - west) / cell)), 0)
        last = min(int(np.floor((right - west) / cell)), columns - 1)
        top = min(int(np.floor((high - south) / cell)), rows - 1)
        if first > last:
            continue
        for r in range(max(int(np.floor((low - south) / cell)), 0), top + 1):
            # The squares of a row lie side by side, and so do their pieces.
            row = r * columns
            for s in range(indptr[row + first], indptr[row + last + 1]):
                if out[k] == 1:
                    break
                cx, cy, dx, dy = start[s, 0], start[s, 1], end[s, 0], end[s, 1]
                if max(cx, dx) < left or min(cx, dx) > right:
                    continue
                if max(cy, dy) < low or min(cy, dy) > high:
                    continue
                one = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
                two = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
                three = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
                four = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
                if min(one, two) > _DOUBT_M2 or max(one, two) < -_DOUBT_M2:
                    continue
                if min(three, four) > _DOUBT_M2 or max(three, four) < -_DOUBT_M2:
                    continue
                sure = min(abs(one), abs(two), abs(three), abs(four)) > _DOUBT_M2
                out[k] = 1 if sure else -1
