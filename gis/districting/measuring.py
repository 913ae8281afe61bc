"""Compiled measures of grids: one row of a table per grid, worked out from the cells it holds.

All of it is one module because compiled functions that call each other must be
(:mod:`gis.districting.compiled`). Each row is summed afresh over its cells in ascending order, so
an edit leaves exactly the numbers that measuring the whole plan would give.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gis.districting.compiled import compiled

if TYPE_CHECKING:
    from gis.districting.graph import Bools, Floats, Ints

#: Minimum, target and maximum of a grid, households.
Band = tuple[int, int, int]
#: Of basic grids: count, share in range, mean and largest deviation; grids in pieces; metres of
#: border by class; mean Polsby-Popper and Reock; rows without cells, which count in nothing else.
Summary = tuple[int, float, float, int, int, tuple[float, float, float, float], float, float, int]

#: What :func:`check` says of a move: no cell changes its row, or what forbids it.
IDLE, UNKNOWN, ABROAD, FIXED = 1, 2, 3, 4
#: Squared distances this close are one: far above rounding, far below what can be measured.
_SAME = 1 + 1e-13
#: Points that carry a circle are exchanged a dozen times; this only bounds rounding in a circle.
_EXCHANGES = 1000


class Cells(NamedTuple):
    """Arrays of a :class:`~gis.districting.graph.CellGraph`, complete; ``joined`` is per edge."""

    indptr: "Ints"
    indices: "Ints"
    border_m: "Floats"
    barrier_class: "Ints"
    joined: "Bools"
    households: "Ints"
    residents: "Ints"
    dedicated: "Bools"
    area_m2: "Floats"
    outer_border_m: "Floats"
    vertex_indptr: "Ints"
    vertex_x_m: "Floats"
    vertex_y_m: "Floats"


class Rows(NamedTuple):
    """Measures per grid, as in :class:`~gis.districting.plan.PlanMeasures`, and number of cells.

    ``border_m`` is by barrier class (4 columns), metres.
    """

    cells: "Ints"
    dedicated: "Bools"
    households: "Ints"
    residents: "Ints"
    area_m2: "Floats"
    perimeter_m: "Floats"
    polsby_popper: "Floats"
    reock: "Floats"
    pieces: "Ints"
    barrier_inside_m: "Floats"
    in_range: "Bools"
    border_m: "Floats"


class Places(NamedTuple):
    """Where cells are: their row, and pools of cells of which a row is a part.

    Parameters
    ----------
    label
        Row of each cell.
    pool
        Pool of each cell: all cells of one grid are in one pool.
    start, order
        Cells of pool ``i``, ascending, are ``order[start[i]:start[i + 1]]``.
    scratch
        Two whole numbers per cell, of no meaning between calls.
    """

    label: "Ints"
    pool: "Ints"
    start: "Ints"
    order: "Ints"
    scratch: "Ints"


@compiled
def _root(parent: "Ints", cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@compiled
def _merge(cells: Cells, places: Places, members: "Ints") -> int:
    """Join cells over borders that join, and all borders where nobody lives; return the joins."""
    parent, people = places.scratch
    row = places.label[members[0]]
    joins = 0
    for u in members:
        for edge in range(cells.indptr[u], cells.indptr[u + 1]):
            v = cells.indices[edge]
            if v > u or places.label[v] != row:
                continue
            if cells.joined[edge] or people[u] == 0 or people[v] == 0:
                a, b = _root(parent, u), _root(parent, v)
                if a != b:
                    parent[a] = b
                    joins += 1
    return joins


@compiled
def _pieces(cells: Cells, places: Places, members: "Ints") -> int:
    """Return the number of connected pieces of a grid.

    A piece where nobody lives belongs to the piece that it touches, be there a wall between.
    """
    if len(members) == 0:
        return 0
    parent, people = places.scratch
    for u in members:
        parent[u], people[u] = u, 1
    pieces = len(members) - _merge(cells, places, members)
    if pieces == 1:
        return 1
    for u in members:
        people[u] = 0
    for u in members:
        people[_root(parent, u)] += cells.households[u]
    for u in members:
        people[u] = people[_root(parent, u)]
    return pieces - _merge(cells, places, members)


@compiled
def _carry(x: "Floats", y: "Floats", held: "Ints", size: int) -> tuple[float, float, float, int]:
    """Return centre, squared radius and carriers of the smallest circle of up to four points.

    The last point held is one of the carriers. Of the circles through it and one or two others,
    that whose farthest point is nearest: no tolerance decides, so points in line, at one place or
    on one circle need no care.
    """
    best_x, best_y, best = 0.0, 0.0, math.inf
    first, second = 0, -1
    last = held[size - 1]
    px, py = x[last], y[last]
    for i in range(size - 1):
        ax, ay = x[held[i]] - px, y[held[i]] - py
        for j in range(-1, i):
            if j < 0:
                cx, cy = ax / 2, ay / 2
            else:
                bx, by = x[held[j]] - px, y[held[j]] - py
                cross = 2 * (ax * by - ay * bx)
                if cross == 0:
                    continue
                aa, bb = ax * ax + ay * ay, bx * bx + by * by
                cx, cy = (by * aa - ay * bb) / cross, (ax * bb - bx * aa) / cross
            cx, cy = cx + px, cy + py
            reach = 0.0
            for k in range(size):
                reach = max(reach, (x[held[k]] - cx) ** 2 + (y[held[k]] - cy) ** 2)
            if reach < best:
                best_x, best_y, best = cx, cy, reach
                first, second = i, j
    kept = held[first]
    other = held[second] if second >= 0 else last
    held[0], held[1], held[2] = kept, last, other
    return best_x, best_y, best, 2 if second < 0 else 3


@compiled
def enclosing_radius(x: "Floats", y: "Floats") -> float:
    """Return the radius of the smallest circle around points, metres; 0 for none or one.

    The circle of a few points grows by the point farthest outside until none is.

    Source: Gärtner (1999), Fast and robust smallest enclosing balls (the choice of the pivot).
    """
    if len(x) == 0:
        return 0.0
    # Far from zero, rounding of the centre would be larger than that of the points.
    x, y = x - x[0], y - y[0]
    held = np.zeros(4, dtype=np.int64)
    size = 1
    centre_x, centre_y, reach = 0.0, 0.0, 0.0
    best = math.inf
    for _ in range(_EXCHANGES):
        far, farthest = 0, -1.0
        for i in range(len(x)):
            distance = (x[i] - centre_x) ** 2 + (y[i] - centre_y) ** 2
            if distance > farthest:
                far, farthest = i, distance
        best = min(best, farthest)
        if farthest <= reach * _SAME:
            break
        held[size] = far
        centre_x, centre_y, reach, size = _carry(x, y, held, size + 1)
    return math.sqrt(best)


@compiled
def _radius(cells: Cells, members: "Ints") -> float:
    """Return the radius of the smallest circle around the vertices of cells, metres."""
    count = 0
    for u in members:
        count += cells.vertex_indptr[u + 1] - cells.vertex_indptr[u]
    x, y = np.empty(count), np.empty(count)
    at = 0
    for u in members:
        for vertex in range(cells.vertex_indptr[u], cells.vertex_indptr[u + 1]):
            x[at], y[at] = cells.vertex_x_m[vertex], cells.vertex_y_m[vertex]
            at += 1
    return enclosing_radius(x, y)


@compiled
def _members(places: Places, row: int, pool: int) -> "Ints":
    """Return the cells of a row, ascending."""
    cells = places.order[places.start[pool] : places.start[pool + 1]]
    out = np.empty(len(cells), dtype=np.int64)
    count = 0
    for u in cells:
        if places.label[u] == row:
            out[count] = u
            count += 1
    return out[:count]


@compiled
def _add_borders(cells: Cells, rows: Rows, label: "Ints", row: int, members: "Ints") -> None:
    """Sum borders with other grids, by class and all, and barriers inside."""
    cut, inside = 0.0, 0.0
    rows.border_m[row] = 0
    for u in members:
        for edge in range(cells.indptr[u], cells.indptr[u + 1]):
            kind = cells.barrier_class[edge]
            if label[cells.indices[edge]] != row:
                cut += cells.border_m[edge]
                rows.border_m[row, kind] += cells.border_m[edge]
            elif kind >= 2:
                inside += cells.border_m[edge]
    rows.perimeter_m[row] += cut
    rows.barrier_inside_m[row] = inside / 2


@compiled
def _measure(
    cells: Cells, rows: Rows, places: Places, row: int, members: "Ints", band: Band
) -> None:
    """Work out one row; one without cells is all zero."""
    households, residents, area, outer, dedicated = 0, 0, 0.0, 0.0, False
    for u in members:
        households += cells.households[u]
        residents += cells.residents[u]
        area += cells.area_m2[u]
        outer += cells.outer_border_m[u]
        dedicated |= cells.dedicated[u]
    rows.cells[row] = len(members)
    rows.dedicated[row] = dedicated
    rows.households[row] = households
    rows.residents[row] = residents
    rows.in_range[row] = band[0] <= households <= band[2]
    rows.area_m2[row] = area
    rows.perimeter_m[row] = outer
    _add_borders(cells, rows, places.label, row, members)
    perimeter, radius = rows.perimeter_m[row], _radius(cells, members)
    # As gis.geometry.measures has them: NaN without a perimeter, without a radius.
    rows.polsby_popper[row] = 4 * math.pi * area / perimeter**2 if perimeter > 0 else math.nan
    rows.reock[row] = area / (math.pi * radius**2) if radius > 0 else math.nan
    rows.pieces[row] = _pieces(cells, places, members)


@compiled
def _summary(rows: Rows, band: Band) -> Summary:
    count, hits, total, worst, torn, gone = 0, 0, 0, 0, 0, 0
    compact, disc = 0.0, 0.0
    border = np.zeros(4)
    for row in range(len(rows.cells)):
        if rows.cells[row] == 0:
            gone += 1
            continue
        border += rows.border_m[row]
        torn += rows.pieces[row] > 1
        if rows.dedicated[row]:
            continue
        count += 1
        hits += rows.in_range[row]
        deviation = abs(rows.households[row] - band[1])
        total += deviation
        worst = max(worst, deviation)
        compact += rows.polsby_popper[row]
        disc += rows.reock[row]
    # A border is in the rows of both its grids.
    lengths = (border[0] / 2, border[1] / 2, border[2] / 2, border[3] / 2)
    if count == 0:
        return 0, 1.0, 0.0, 0, torn, lengths, math.nan, math.nan, gone
    share, mean = hits / count, total / count
    return count, share, mean, worst, torn, lengths, compact / count, disc / count, gone


@compiled
def measure_all(cells: Cells, rows: Rows, places: Places, band: Band) -> Summary:
    """Work out every row, where each pool of ``places`` is one row, and what they add up to."""
    for row in range(len(rows.cells)):
        members = places.order[places.start[row] : places.start[row + 1]]
        _measure(cells, rows, places, row, members, band)
    return _summary(rows, band)


@compiled
def check(places: Places, fixed: "Bools", moved: "Ints", row: int, pool: int) -> tuple[int, int]:
    """Return what is to be said of a move of cells to a row of a pool, 0 for nothing, and the cell.

    ``row`` is -1 for a new row, ``pool`` -1 for that of the first cell.
    """
    idle = True
    for u in moved:
        if u < 0 or u >= len(fixed):
            return UNKNOWN, u
        if pool < 0:
            pool = places.pool[u]
        if places.pool[u] != pool:
            return ABROAD, u
        if places.label[u] != row:
            idle = False
            if fixed[u]:
                return FIXED, u
    return (IDLE if idle else 0), -1


@compiled
def change(
    cells: Cells, rows: Rows, places: Places, moved: "Ints", wanted: "Ints", band: Band
) -> Summary:
    """Put cells into the rows wanted, work out the rows that changed, and what all add up to."""
    old = places.label[moved]
    for i in range(len(moved)):
        places.label[moved[i]] = wanted[i]
        # Marks a row that must be worked out, which takes the mark away.
        rows.cells[old[i]] = rows.cells[wanted[i]] = -1
    for i in range(len(moved)):
        pool = places.pool[moved[i]]
        for row in (old[i], wanted[i]):
            if rows.cells[row] < 0:
                _measure(cells, rows, places, row, _members(places, row, pool), band)
    return _summary(rows, band)


@compiled
def joinable(
    cells: Cells, rows: Rows, places: Places, fixed: "Bools", row: int, pool: int
) -> "Ints":
    """Return the cells beside a row that can join it without more pieces here or where they are."""
    label = places.label
    around = places.order[places.start[pool] : places.start[pool + 1]]
    found = np.empty(len(around), dtype=np.int64)
    count = 0
    for u in around:
        home = label[u]
        beside = False
        for edge in range(cells.indptr[u], cells.indptr[u + 1]):
            beside |= cells.joined[edge] and label[cells.indices[edge]] == row
        if home == row or fixed[u] or not beside:
            continue
        label[u] = row
        here = _pieces(cells, places, _members(places, row, pool))
        there = _pieces(cells, places, _members(places, home, pool))
        label[u] = home
        if here <= rows.pieces[row] and there <= rows.pieces[home]:
            found[count] = u
            count += 1
    return found[:count]
