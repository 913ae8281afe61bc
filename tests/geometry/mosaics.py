"""Grounds to measure plans on: triangles over random points, squares drawn in letters, and walls.

Corners are whole metres far from zero, as projected coordinates are, and neighbours share them
exactly: what is measured by shapely on the polygons needs no tolerance but rounding.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from hypothesis import assume
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from gis.districting import CellGraph, PlanMeasures

EAST, NORTH = 500_000, 3_500_000


@dataclass(frozen=True)
class Mosaic:
    """A graph with the polygons it was made of."""

    graph: CellGraph
    polygons: list[shapely.Polygon]


def mosaic(rings: list[list[tuple[int, int]]], **columns: object) -> Mosaic:
    """Return the graph of polygons that share whole sides; ``columns`` as of a CellGraph.

    ``barrier`` and ``walls`` give the class and the passability of a border by its number, in the
    order of its first cell.
    """
    rings = [[(EAST + x, NORTH + y) for x, y in ring] for ring in rings]
    owners: dict[frozenset[tuple[int, int]], list[int]] = {}
    for cell, ring in enumerate(rings):
        for side in sides(ring):
            owners.setdefault(side, []).append(cell)
    borders: dict[tuple[int, int], float] = {}
    outer = np.zeros(len(rings))
    for side, cells in owners.items():
        (x0, y0), (x1, y1) = side
        length = float(np.hypot(x1 - x0, y1 - y0))
        if len(cells) == 1:
            outer[cells[0]] += length
        else:
            pair = (min(cells), max(cells))
            borders[pair] = borders.get(pair, 0.0) + length
    barrier, walls = columns.pop("barrier", ()), columns.pop("walls", ())
    kind = {pair: pick(barrier, i, 0) for i, pair in enumerate(sorted(borders))}
    closed = {pair: pick(walls, i, 0) for i, pair in enumerate(sorted(borders))}
    near = sorted([*borders, *((b, a) for a, b in borders)])
    polygons = [shapely.Polygon(ring) for ring in rings]
    middles = shapely.get_coordinates(shapely.centroid(polygons))
    n = len(rings)
    graph = CellGraph(
        indptr=np.r_[0, np.cumsum(np.bincount([a for a, _ in near], minlength=n))],
        indices=np.array([b for _, b in near], dtype=int),
        border_m=[borders[min(p), max(p)] for p in near],
        barrier_class=[kind[min(p), max(p)] for p in near],
        passable=[not closed[min(p), max(p)] for p in near],
        area_m2=shapely.area(polygons),
        outer_border_m=outer,
        x_m=middles[:, 0],
        y_m=middles[:, 1],
        vertex_indptr=np.r_[0, np.cumsum([len(ring) for ring in rings])],
        vertex_x_m=[x for ring in rings for x, _ in ring],
        vertex_y_m=[y for ring in rings for _, y in ring],
        **{"households": np.full(n, 40), "community": np.zeros(n, dtype=int)} | columns,
    )
    return Mosaic(graph, polygons)


def sides(ring: list[tuple[int, int]]) -> Iterable[frozenset[tuple[int, int]]]:
    return (frozenset(pair) for pair in zip(ring, [*ring[1:], ring[0]], strict=True))


def pick(values, at: int, default: int) -> int:
    return values[at % len(values)] if len(values) else default


def squares(drawing: str, side: int = 50, **columns: object) -> tuple[Mosaic, np.ndarray]:
    """Return a mosaic of the squares that have a letter, and the letters as numbers."""
    lines = drawing.split()
    spots = [(r, c) for r, line in enumerate(lines) for c, s in enumerate(line) if s != "."]
    around = ((0, 0), (1, 0), (1, -1), (0, -1))
    rings = [[((c + x) * side, (y - r) * side) for x, y in around] for r, c in spots]
    return mosaic(rings, **columns), np.array([ord(lines[r][c]) for r, c in spots])


@st.composite
def mosaics(draw: st.DrawFn) -> Mosaic:
    """Draw a triangulation, or a town of squares with gaps, with everything a graph can have."""
    if draw(st.booleans()):
        spot = st.tuples(st.integers(0, 400), st.integers(0, 400))
        points = np.array(draw(st.lists(spot, min_size=4, max_size=14, unique=True)))
        flat = points - points[0]
        assume(np.linalg.matrix_rank(flat) == 2)
        rings = [[tuple(p) for p in points[t].tolist()] for t in Delaunay(points).simplices]
        assume(all(shapely.Polygon(ring).area > 0 for ring in rings))
        assume(valid_coverage(rings))
    else:
        width = draw(st.integers(1, 6))
        rows = draw(
            st.lists(st.text("AAA.", min_size=width, max_size=width), min_size=1, max_size=4)
        )
        assume(any("A" in row for row in rows))
        made = squares(" ".join(rows))[0]
        shift = np.array([EAST, NORTH])
        rings = [
            [tuple(p) for p in (np.array(q.exterior.coords[:-1]) - shift).astype(int).tolist()]
            for q in made.polygons
        ]
    n = len(rings)
    east = np.array([np.mean([x for x, _ in ring]) for ring in rings])
    per_cell = st.lists(st.integers(0, 250), min_size=n, max_size=n)
    few = {"min_size": 1, "max_size": 12}
    return mosaic(
        rings,
        households=draw(per_cell),
        residents=draw(st.none() | per_cell),
        community=(east > draw(st.integers(0, 400))).astype(int),
        barrier=draw(st.lists(st.sampled_from([0, 1, 2, 3]), **few)),
        walls=draw(st.lists(st.sampled_from([0, 0, 0, 1]), **few)),
    )


def valid_coverage(rings: list[list[tuple[int, int]]]) -> bool:
    """Whether every side that two triangles have in common is a whole side of both."""
    return bool(shapely.coverage_is_valid([shapely.Polygon(ring) for ring in rings]))


@st.composite
def labels(draw: st.DrawFn, graph: CellGraph, most: int = 4) -> np.ndarray:
    """Draw a grid for each cell, in pieces or not: even ids in one community, odd in the other."""
    count = graph.size
    picked = draw(st.lists(st.integers(0, most - 1), min_size=count, max_size=count))
    return 2 * np.array(picked) + graph.community


def same(one: PlanMeasures, other: PlanMeasures) -> bool:
    """Whether two measures are equal to the last bit."""
    names = one.__dataclass_fields__
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=kind(one, name) == "f")
        for name in names
    )


def kind(measures: PlanMeasures, name: str) -> str:
    return np.asarray(getattr(measures, name)).dtype.kind
