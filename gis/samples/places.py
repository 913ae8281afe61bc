"""Plots without households: mall, offices, market, campus, hospital, works, park, building site."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import affinity

from gis.samples.footprints import Footprint
from gis.samples.shapes import box, inset, polygons, rectangle_axes

if TYPE_CHECKING:
    from collections.abc import Callable

#: What each kind of place is for, as a building's use.
PLACE_USES = {
    "mall": "commercial",
    "offices": "office",
    "market": "commercial",
    "campus": "education",
    "hospital": "health",
    "works": "industrial",
    "park": "public",
    "building_site": "other",
}
#: Places that get a dedicated grid (专属网格).
DEDICATED_PLACES = ("market", "campus")


def build_place(kind: str, plot: shapely.Polygon, rng: np.random.Generator) -> list[Footprint]:
    """Return the buildings of a place; all lie inside ``plot`` and do not overlap."""
    inner = inset(plot, 9.0)
    shapes = _BUILDERS[kind](inner, rng) if inner.area > 400 else []
    kept: list[Footprint] = []
    taken: list[shapely.Polygon] = []
    for shape, floors, label in shapes:
        clear = inner.covers(shape) and all(shape.distance(other) > 4.0 for other in taken)
        if clear:
            taken.append(shape)
            doorway = shape.exterior.interpolate(float(rng.uniform(0, 1)), normalized=True)
            kept.append(Footprint(shape, PLACE_USES[kind], floors, entrance=doorway, label=label))
    return kept


_Shapes = list[tuple[shapely.Polygon, int, str]]


def _frame(inner: shapely.Polygon) -> tuple["Callable[[Any], Any]", float, float]:
    """Return a map from a box around the origin to the plot's own axes, and the plot's sides."""
    along, across, length, breadth = rectangle_axes(inner)
    if along[0] * across[1] < along[1] * across[0]:
        across = -across
    centre = inner.centroid

    def place(shape: Any) -> Any:  # noqa: ANN401 - same type out
        matrix = [along[0], across[0], along[1], across[1], centre.x, centre.y]
        return affinity.affine_transform(shape, matrix)

    return place, length, breadth


def _mall(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    shapes: _Shapes = []
    for grow in (0.40, 0.36, 0.32, 0.28, 0.24, 0.20, 0.16):
        a, b = length * grow, breadth * grow
        hall = shapely.Polygon(
            [(-a, -b), (a, -b), (a, b * 0.35), (a * 0.72, b), (-a * 0.55, b), (-a, b * 0.55)]
        )
        wing = box(-a * 0.2, -b * 1.05, a * 0.5, b * 0.4)
        shapes.append((place(polygons(shapely.union(hall, wing))[0]), 6, "mall"))
    for x in (-0.40, -0.34, 0.34, 0.40):
        tower = box(length * x - 13, -13, 26, 26)
        shapes.append((place(tower), int(rng.integers(20, 28)), "office tower"))
    return shapes


def _offices(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    out: _Shapes = []
    for x in np.arange(-length / 2 + 20, length / 2 - 16, 44):
        for y in np.arange(-breadth / 2 + 18, breadth / 2 - 14, 46):
            width, depth = rng.uniform(26, 36), rng.uniform(22, 30)
            tower = affinity.translate(box(-width / 2, -depth / 2, width, depth), x, y)
            out.append((place(tower), int(rng.integers(9, 28)), "office"))
    return out


def _market(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    out: _Shapes = []
    for y in np.arange(-breadth / 2 + 2, breadth / 2 - 18, 27):
        for x, width in ((-length * 0.46, length * 0.43), (length * 0.03, length * 0.41)):
            for shrink in (1.0, 0.8, 0.6):
                hall = box(x, y, width * shrink, float(rng.uniform(17, 21)))
                out.append((place(hall), 2, "market hall"))
    return out


def _campus(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    comb = shapely.union_all([box(0, 0, 64, 12), *(box(x, -30, 12, 30.5) for x in (0, 26, 52))])
    out: _Shapes = []
    for x, y in ((-0.44, 0.20), (-0.40, 0.08), (-0.34, 0.12)):
        comb_there = affinity.translate(comb, length * x, breadth * y)
        out.append((place(comb_there), 5, "teaching building"))
    stock = [(44, 26, 2, "gymnasium"), (52, 13, 6, "dormitory"), (36, 15, 4, "laboratory")]
    for width, depth, floors, label in [*stock, *stock]:
        x, y = rng.uniform(-0.46, 0.1), rng.uniform(-0.46, 0.30)
        out.append((place(box(length * x, breadth * y, width, depth)), floors, label))
    return out


def _hospital(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    aitch = shapely.union_all([box(-32, -24, 16, 48), box(16, -24, 16, 48), box(-17, -8, 34, 16)])
    out: _Shapes = []
    for x in (-0.12, 0.0, 0.12):
        out.append((place(affinity.translate(aitch, length * x, 0)), 12, "ward block"))
    for _ in range(6):
        x, y = rng.uniform(-0.46, 0.3), rng.uniform(-0.46, 0.3)
        wing = box(length * x, breadth * y, rng.uniform(24, 40), rng.uniform(14, 18))
        out.append((place(wing), int(rng.integers(3, 7)), "clinic"))
    return out


def _works(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    out: _Shapes = []
    for x in np.arange(-length / 2 + 3, length / 2 - 24, 48):
        for y in np.arange(-breadth / 2 + 3, breadth / 2 - 16, 32):
            shed = box(x, y, rng.uniform(24, 42), rng.uniform(15, 24))
            out.append((place(shed), int(rng.integers(1, 3)), "shed"))
    return out


def _park(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    out: _Shapes = []
    for _ in range(3):
        x, y = rng.uniform(-0.35, 0.35, 2)
        pavilion = shapely.Point(length * x, breadth * y).buffer(rng.uniform(4, 7), quad_segs=2)
        out.append((place(pavilion), 1, "pavilion"))
    return out


def _building_site(inner: shapely.Polygon, rng: np.random.Generator) -> _Shapes:
    place, length, breadth = _frame(inner)
    hut = box(-length * rng.uniform(0.2, 0.4), -breadth * 0.35, 30, 7)
    return [(place(hut), 2, "site office")]


_BUILDERS: dict[str, "Callable[[shapely.Polygon, np.random.Generator], _Shapes]"] = {
    "mall": _mall,
    "offices": _offices,
    "market": _market,
    "campus": _campus,
    "hospital": _hospital,
    "works": _works,
    "park": _park,
    "building_site": _building_site,
}
