"""Building shapes and how they are laid out on a parcel, in metres.

Rows face about south, as is the practice in China: the parcel is turned by the angle of its rows,
filled with axis-parallel shapes that fit, and turned back.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import affinity
from shapely.ops import substring

from gis.samples.shapes import box, polygons, rectangle_axes, turned

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Pattern:
    """How one kind of quarter is built.

    Parameters
    ----------
    shapes
        Shapes that are tried in each place, in order: ``slab``, ``cross``, ``court``, ``house``.
    floors
        Lowest and highest number of storeys.
    doors_per_floor
        Doors on one storey of one stairwell.
    stair_m
        Length of façade that one stairwell serves; 0: one stairwell for the whole building.
    length_m, depth_m
        Ranges of the footprint's sides.
    gap_m, row_gap_m
        Distances between neighbours in a row and between rows.
    """

    shapes: tuple[str, ...]
    floors: tuple[int, int]
    doors_per_floor: int
    stair_m: float
    length_m: tuple[float, float]
    depth_m: tuple[float, float]
    gap_m: float
    row_gap_m: float
    askew_degrees: float = 0.8
    left_out: float = 0.02


PATTERNS = {
    "walkup": Pattern(("slab",), (5, 6), 2, 14.0, (28, 58), (10.5, 12), 6, 14.5),
    "midrise": Pattern(("slab",), (8, 11), 2, 17.0, (34, 56), (12.5, 14), 9, 22),
    "resettlement": Pattern(("slab",), (11, 18), 4, 25.0, (25, 50), (14, 16), 12, 27),
    "tower": Pattern(("cross",), (24, 33), 6, 0.0, (24, 29), (19, 22), 19, 31),
    "courtyard": Pattern(("court",), (4, 5), 3, 17.0, (32, 44), (32, 38), 8, 12),
    "village": Pattern(("house",), (2, 4), 1, 0.0, (9, 13), (8, 11), 3.2, 4.0, 3.5, 0.09),
}
#: Use, length and depth in metres, and storeys of small buildings inside quarters.
OUTBUILDINGS = (
    ("other", 20.0, 5.0, 1),
    ("other", 12.0, 4.5, 1),
    ("other", 8.0, 6.5, 1),
    ("public", 15.0, 9.0, 2),
    ("education", 26.0, 14.0, 3),
)
#: How many drawings of a parcel are compared.
DRAWINGS = 3


@dataclass(frozen=True, slots=True)
class Footprint:
    """A building before it has people.

    Attributes
    ----------
    doors
        Dwellings; 0 for buildings without households.
    units
        Stairwells.
    entrance
        Point on the outline, or ``None``.
    """

    polygon: shapely.Polygon
    use: str
    floors: int
    doors: int = 0
    units: int = 0
    entrance: shapely.Point | None = None
    label: str = ""


@dataclass(slots=True)
class Layer:
    """What stands on a parcel so far: buildings, and the lanes between rows."""

    buildings: list[Footprint] = field(default_factory=list)
    lanes: list[shapely.LineString] = field(default_factory=list)


def row_angle(parcel: shapely.Polygon, rng: np.random.Generator) -> float:
    """Return the angle of the rows in degrees: along the parcel if that is within 24° of east."""
    along, across, _, _ = rectangle_axes(parcel)
    angles = [np.degrees(np.arctan2(axis[1], axis[0])) for axis in (along, across)]
    folded = [(angle + 90) % 180 - 90 for angle in angles]
    nearest = min(folded, key=abs)
    base = nearest if abs(nearest) < 24 else 0.4 * nearest
    return float(np.clip(base, -24, 24) + rng.normal(0, 1.2))


def fill_rows(
    parcel: shapely.Polygon, pattern: Pattern, rng: np.random.Generator, angle: float
) -> Layer:
    """Fill ``parcel`` with rows of one pattern; everything lies inside it and nothing overlaps.

    Of several drawings the one with the most dwellings is kept.
    """
    drawn = [_fill(parcel, pattern, rng, angle) for _ in range(DRAWINGS)]
    return max(drawn, key=lambda layer: sum(building.doors for building in layer.buildings))


def _fill(
    parcel: shapely.Polygon, pattern: Pattern, rng: np.random.Generator, angle: float
) -> Layer:
    layer = Layer()
    if parcel.is_empty:
        return layer
    origin = parcel.centroid
    ground = turned(parcel, -angle, origin)
    shapely.prepare(ground)
    xmin, ymin, xmax, ymax = ground.bounds
    y = ymin + rng.uniform(0, 6)
    while y < ymax - pattern.depth_m[0]:
        depth = float(rng.uniform(*pattern.depth_m))
        placed = list(_fill_row(ground, pattern, rng, y, depth))
        for shape, units in placed:
            layer.buildings.append(_dwelling(shape, units, pattern, rng, (angle, origin)))
        if placed:
            lane_y = y + depth + min(4.0, pattern.row_gap_m / 2)
            lane = shapely.LineString([(xmin - 50, lane_y), (xmax + 50, lane_y)])
            layer.lanes.append(turned(lane, angle, origin))
        y += depth + pattern.row_gap_m * rng.uniform(0.95, 1.12) if placed else 2.0
    return layer


def _fill_row(
    ground: shapely.Polygon, pattern: Pattern, rng: np.random.Generator, y: float, depth: float
) -> "Iterator[tuple[shapely.Polygon, int]]":
    """Yield shapes with their stairwells along one row, from west to east."""
    for start, end in _free_stretches(ground, y, depth):
        name, room = pattern.shapes[0], pattern.length_m
        if end - start < room[0]:
            continue
        count, length = _share_out(end - start, pattern, rng)
        slack = (end - start - count * length) / max(count - 1, 1)
        x = start + (0.5 * slack if count == 1 else 0.0)
        for _ in range(count):
            shape = _shape(name, x, y, length, depth)
            jitter = rng.normal(0, pattern.askew_degrees)
            askew = affinity.translate(affinity.rotate(shape, jitter), 0, rng.normal(0, 0.25))
            stairs = max(round(length / pattern.stair_m), 1) if pattern.stair_m else 1
            if rng.random() >= pattern.left_out and ground.covers(askew):
                yield askew, stairs * (2 if name == "court" else 1)
            x += length + slack


def _free_stretches(ground: shapely.Polygon, y: float, depth: float) -> list[tuple[float, float]]:
    """Return the intervals of x over which the whole depth of a row is on the ground."""
    xmin, _, xmax, _ = ground.bounds
    free = [(xmin, xmax)]
    for level in (y - 0.6, y + depth / 2, y + depth + 0.6):
        chord = ground.intersection(shapely.LineString([(xmin, level), (xmax, level)]))
        spans = sorted((part.bounds[0], part.bounds[2]) for part in shapely.get_parts(chord))
        free = [(max(a, c), min(b, d)) for a, b in free for c, d in spans if min(b, d) > max(a, c)]
    return [(a + 0.4, b - 0.4) for a, b in free]


def _share_out(room_m: float, pattern: Pattern, rng: np.random.Generator) -> tuple[int, float]:
    """Return how many buildings of which length fill a stretch of a row."""
    shortest, longest = pattern.length_m
    gap = pattern.gap_m * float(rng.uniform(0.95, 1.15))
    if not pattern.stair_m:
        length = float(rng.uniform(shortest, longest))
        count = max(int((room_m + gap) // (length + gap)), 1)
        return count, min(length, room_m)
    wanted = longest * float(rng.uniform(0.72, 1.0))
    count = max(round((room_m + gap) / (wanted + gap)), 1)
    length = (room_m - (count - 1) * gap) / count
    if length < shortest:
        count = max(count - 1, 1)
        length = (room_m - (count - 1) * gap) / count
    return count, min(length, longest)


def _shape(name: str, x: float, y: float, length: float, depth: float) -> shapely.Polygon:
    whole = box(x, y, length, depth)
    if name == "cross":
        waist = box(x + length * 0.28, y - 1.0, length * 0.44, depth + 2.0)
        return polygons(shapely.union(box(x, y + depth * 0.2, length, depth * 0.62), waist))[0]
    if name == "court":
        return polygons(whole.difference(box(x + 10, y + 10, length - 20, depth - 20)))[0]
    return whole


def _dwelling(
    shape: shapely.Polygon,
    units: int,
    pattern: Pattern,
    rng: np.random.Generator,
    frame: tuple[float, shapely.Point],
) -> Footprint:
    angle, origin = frame
    xmin, _, xmax, ymax = shape.bounds
    north = shapely.Point((xmin + xmax) / 2, ymax)
    entrance = shape.exterior.interpolate(shape.exterior.project(north))
    floors = int(rng.integers(pattern.floors[0], pattern.floors[1] + 1))
    return Footprint(
        polygon=turned(shape, angle, origin),
        use="residential",
        floors=floors,
        doors=units * floors * pattern.doors_per_floor,
        units=units,
        entrance=turned(entrance, angle, origin),
    )


def fill_leftover(
    parcel: shapely.Polygon, layer: Layer, rng: np.random.Generator, angle: float
) -> Layer:
    """Put walk-up slabs where a courtyard did not fit, or where nothing did."""
    built = [building.polygon.buffer(9.0) for building in layer.buildings]
    parts = polygons(parcel.difference(shapely.union_all(built)), 500.0)
    more = [fill_rows(part, PATTERNS["walkup"], rng, angle) for part in parts[:4]]
    return Layer(
        [*layer.buildings, *(b for part in more for b in part.buildings)],
        [*layer.lanes, *(lane for part in more for lane in part.lanes)],
    )


def with_outbuildings(
    parcel: shapely.Polygon, layer: Layer, rng: np.random.Generator, angle: float
) -> Layer:
    """Add what stands between houses: sheds for bicycles, a kindergarten, a room for residents."""
    out = list(layer.buildings)
    xmin, ymin, xmax, ymax = parcel.bounds
    wanted = int(rng.integers(1, 5))
    for _ in range(14 * wanted):
        use, width, depth, floors = OUTBUILDINGS[int(rng.integers(len(OUTBUILDINGS)))]
        x, y = rng.uniform(xmin, xmax), rng.uniform(ymin, ymax)
        upright = box(x, y, width * float(rng.uniform(0.8, 1.2)), depth)
        shape = turned(upright, angle + 90 * int(rng.integers(2)), upright.centroid)
        free = parcel.covers(shape) and all(shape.distance(b.polygon) > 5.0 for b in out)
        if free:
            door = shape.exterior.interpolate(float(rng.uniform(0, 1)), normalized=True)
            out.append(Footprint(shape, use, floors, entrance=door, label="outbuilding"))
            wanted -= 1
        if not wanted:
            break
    return Layer(out, layer.lanes)


def with_wings(
    layer: Layer, parcel: shapely.Polygon, rng: np.random.Generator, share: float = 0.12
) -> Layer:
    """Add a wing to some slabs, which makes them L-shaped, where the ground is free."""
    polygons_ = [b.polygon for b in layer.buildings]
    tree = shapely.STRtree(polygons_)
    out: list[Footprint] = []
    taken: list[shapely.Polygon] = []
    for k, building in enumerate(layer.buildings):
        wing = _wing(building.polygon, rng) if rng.random() < share else None
        near = [j for j in tree.query(wing.buffer(6.0)) if j != k] if wing is not None else []
        free = (
            wing is not None
            and parcel.covers(wing)
            and not any(polygons_[j].distance(wing) < 6.0 for j in near)
            and not any(other.distance(wing) < 6.0 for other in taken)
        )
        if free and wing is not None:
            shape = polygons(shapely.union(building.polygon, wing))[0]
            taken.append(wing)
            doors = building.doors + building.floors * 2
            building = Footprint(  # noqa: PLW2901 - the slab with its wing takes its place
                shape, building.use, building.floors, doors, building.units + 1, building.entrance
            )
        out.append(building)
    return Layer(out, layer.lanes)


def _wing(slab: shapely.Polygon, rng: np.random.Generator) -> shapely.Polygon | None:
    """Return a wing on one end of ``slab``, or ``None`` if it is not a plain slab."""
    along, across, length, depth = rectangle_axes(slab)
    if length < 28 or depth > 16 or slab.interiors:
        return None
    centre = shapely.get_coordinates(slab.centroid)[0]
    side, end = (1 if rng.random() < 0.5 else -1), (1 if rng.random() < 0.5 else -1)
    corner = centre + end * along * (length / 2 - 5.5) + side * across * (depth / 2 - 1)
    corners = [
        corner - along * 5.5,
        corner + along * 5.5,
        corner + along * 5.5 + side * across * 13,
        corner - along * 5.5 + side * across * 13,
    ]
    return shapely.Polygon(corners)


def shops_along(
    edge: shapely.LineString, plot: shapely.Polygon, rng: np.random.Generator, depth_m: float = 11.0
) -> list[Footprint]:
    """Line a street with low shops that follow its bends.

    Parameters
    ----------
    edge
        The plot's side on the street.
    plot
        The plot; shops lie inside it.
    """
    out: list[Footprint] = []
    at = float(rng.uniform(4, 14))
    while at < edge.length - 16:
        length = float(rng.uniform(16, 46))
        end = min(at + length, edge.length - 4)
        if end - at < 12:
            break
        if rng.random() < 0.86:
            piece = substring(edge, at, end)
            depth = depth_m * float(rng.uniform(0.75, 1.0))
            band = piece.buffer(depth, cap_style="flat").intersection(plot.buffer(-0.8))
            shapes = polygons(band.simplify(0.4), max(70.0, 0.4 * depth * piece.length))[:1]
            floors = int(rng.integers(1, 4))
            out += [Footprint(shape, "commercial", floors, label="shop") for shape in shapes]
        at = end + float(rng.choice([1.5, 3.0, 9.0], p=[0.55, 0.25, 0.2]))
    return out
