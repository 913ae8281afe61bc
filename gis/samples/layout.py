"""The ground plan of the sample city: river, railway, arterials, and streets that cut it to blocks.

The great lines are drawn once in units of the city's size, jittered and mirrored by the seed; the
ground between them is then split again and again by bent streets until blocks have a usual size.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.samples.shapes import (
    GRID_M,
    cut,
    lines,
    polygons,
    rectangle_axes,
    rng_for,
    roundness,
    smooth,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Published area of the modelled subdistrict per household: 1.19 km² for 13,600.
AREA_M2_PER_HOUSEHOLD = 1.19e6 / 13_600
RIVER_WIDTH_M = 34.0
#: Ground kept free on each side of the water: embankment and path.
BANK_M = 13.0
#: Half width of the railway's fenced ground.
RAIL_HALF_M = 14.0
#: Carriageway and pavements, from building line to building line.
WIDTH_M = {"arterial": 42.0, "collector": 24.0, "local": 13.0}
#: A smaller city has narrower great streets, down to this share of the usual width.
NARROWEST = 0.6

_OUTLINE = (
    (-0.60, 0.39),
    (-0.42, 0.44),
    (-0.16, 0.41),
    (0.10, 0.46),
    (0.36, 0.43),
    (0.60, 0.47),
    (0.645, 0.28),
    (0.59, 0.04),
    (0.63, -0.20),
    (0.56, -0.45),
    (0.34, -0.42),
    (0.08, -0.46),
    (-0.18, -0.43),
    (-0.55, -0.49),
    (-0.66, 0.0),
)
_RIVER = (
    (-0.31, 0.60),
    (-0.285, 0.42),
    (-0.26, 0.28),
    (-0.35, 0.16),
    (-0.45, 0.04),
    (-0.43, -0.10),
    (-0.37, -0.20),
    (-0.44, -0.34),
    (-0.42, -0.60),
)
_RAILWAY = ((-0.80, -0.33), (-0.42, -0.265), (-0.10, -0.225), (0.25, -0.245), (0.80, -0.155))
_STREETS = {
    "arterial_ew": (
        "arterial",
        ((-0.85, 0.0), (-0.42, 0.035), (-0.05, -0.03), (0.28, 0.025), (0.85, -0.02)),
    ),
    "arterial_ns": (
        "arterial",
        ((0.09, 0.70), (0.13, 0.27), (0.07, 0.0), (0.15, -0.22), (0.10, -0.70)),
    ),
    "collector_ew": (
        "collector",
        ((-0.85, 0.215), (-0.35, 0.25), (-0.08, 0.225), (0.13, 0.25), (0.85, 0.21)),
    ),
    "collector_ns": (
        "collector",
        ((-0.10, 0.70), (-0.155, 0.25), (-0.11, 0.0), (-0.17, -0.24), (-0.14, -0.70)),
    ),
}

_DIAGONAL = ((0.04, -0.04), (0.24, 0.13), (0.36, 0.18), (0.50, 0.30))


@dataclass(frozen=True, slots=True)
class Street:
    """A street before it is noded: its centre line, class, and width between building lines."""

    key: str
    road_class: str
    line: shapely.LineString
    width_m: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The ground plan in local metres.

    Attributes
    ----------
    faces
        Blocks out to the centre lines; they tile the region and are noded.
    plots
        For each face, what is left between the streets, the river and the railway.
    streets
        Every street, named by key.
    river, railway
        Centre lines, clipped to the region.
    """

    region: shapely.Polygon
    faces: tuple[shapely.Polygon, ...]
    plots: tuple[shapely.Polygon, ...]
    streets: tuple[Street, ...]
    river: shapely.LineString
    railway: shapely.LineString


def draw_layout(households: int, seed: int) -> Layout:
    """Return the ground plan for a city of ``households``, the same for the same seed."""
    rng = rng_for(seed, 1)
    great = _great_lines(rng, households * AREA_M2_PER_HOUSEHOLD)
    region = great["region"]
    narrow = float(np.clip(np.sqrt(region.area / 1.19e6), NARROWEST, 1.0))
    streets = [replace(s, width_m=round(s.width_m * narrow, 1)) for s in great["streets"]]
    linework = [region.boundary, great["river"], great["railway"], *(s.line for s in streets)]
    for face in _faces(linework, region):
        streets += _split(face, rng, len(streets))
    linework += [street.line for street in streets]
    faces = _faces(linework, region)
    faces.sort(key=lambda f: (-round(f.centroid.y), round(f.centroid.x)))
    river, railway = (_inside(great[name], region, 3.0) for name in ("river", "railway"))
    kept_off = shapely.union(river.buffer(RIVER_WIDTH_M / 2 + 5.0), railway.buffer(6.0))
    streets = [part for street in streets for part in _clip(street, region, kept_off)]
    corridors = [shapely.buffer(s.line, s.width_m / 2) for s in streets]
    corridors += [river.buffer(RIVER_WIDTH_M / 2 + BANK_M), railway.buffer(RAIL_HALF_M)]
    taken = shapely.union_all(corridors)
    plots = tuple(
        max(shapely.get_parts(face.difference(taken)), key=shapely.area) for face in faces
    )
    return Layout(region, tuple(faces), plots, tuple(streets), river, railway)


def _great_lines(rng: np.random.Generator, area_m2: float) -> dict[str, Any]:
    mirror = np.array([1.0 if rng.random() < 0.5 else -1.0, 1.0])
    lean = rng.uniform(0.05, 0.16) * (1 if rng.random() < 0.5 else -1)
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])

    def drawn(points: Any, spread: float) -> "NDArray[Any]":  # noqa: ANN401 - control points
        control = np.asarray(points, dtype=float)
        moved = (control + rng.normal(0, spread, control.shape)) * mirror
        return np.asarray(moved @ turn)

    outline = drawn(_OUTLINE, 0.014)
    ring = smooth(np.vstack([outline, outline[:1]]), 2)
    outer = shapely.Polygon(ring)
    river = shapely.LineString(smooth(drawn(_RIVER, 0.014), 4))
    railway = shapely.LineString(smooth(drawn(_RAILWAY, 0.012), 4))
    parts = {
        key: (road_class, shapely.LineString(smooth(drawn(points, 0.016), 3)))
        for key, (road_class, points) in _STREETS.items()
    }
    region = _region(outer, river, parts["arterial_ew"][1])
    scale = np.sqrt(area_m2 / region.area)

    def grown(geometry: Any) -> Any:  # noqa: ANN401 - same type out
        return shapely.transform(geometry, lambda xy: np.round(xy * scale, 2))

    region = grown(region)
    streets = [
        Street(key, road_class, grown(line), WIDTH_M[road_class])
        for key, (road_class, line) in parts.items()
    ]
    streets.append(
        _diagonal(streets, grown(river), region, grown(shapely.LineString(drawn(_DIAGONAL, 0.01))))
    )
    return {
        "region": region,
        "river": grown(river),
        "railway": grown(railway),
        "streets": [*streets, *_edge_streets(region, grown(river), streets)],
    }


def _diagonal(
    streets: list[Street],
    river: shapely.LineString,
    region: shapely.Polygon,
    line: shapely.LineString,
) -> Street:
    """Return the slanting old street, clipped to the ground between the great streets."""
    faces = _faces([region.boundary, river, *(s.line for s in streets)], region)
    middle = line.interpolate(0.5, normalized=True)
    face = min(faces, key=middle.distance)
    bent = shapely.LineString(np.round(smooth(shapely.get_coordinates(line), 3), 2))
    inside = max(lines(bent.intersection(face.buffer(0.3))), key=shapely.length)
    return Street("diagonal", "local", inside, WIDTH_M["local"] + 3.0)


def _region(
    outer: shapely.Polygon, river: shapely.LineString, arterial: shapely.LineString
) -> shapely.Polygon:
    """Leave out the ground beyond the river and south of the arterial: there the line is water."""
    faces = _faces([outer.boundary, river, arterial], outer, grid=1e-6)
    corner = _beyond_river(faces, river, arterial)
    kept = [face for face in faces if face is not corner]
    return shapely.Polygon(polygons(shapely.coverage_union_all(kept))[0].exterior)


def _beyond_river(
    faces: list[shapely.Polygon], river: shapely.LineString, arterial: shapely.LineString
) -> shapely.Polygon:
    """Return the face on the far side of the river from the middle, south of the arterial."""
    middle = arterial.interpolate(0.5, normalized=True)
    far = [f for f in faces if shapely.LineString([f.centroid, middle]).intersects(river)]
    return min(far, key=lambda f: f.centroid.y)


def _edge_streets(
    region: shapely.Polygon, river: shapely.LineString, streets: list[Street]
) -> list[Street]:
    """Return the streets along the outer line, where no river or arterial runs already."""
    others = shapely.union_all([river, *(s.line for s in streets)])
    free = region.exterior.difference(others.buffer(4.0))
    # Grown back by what the difference took, so that they end at the great streets.
    free = region.exterior.intersection(free.buffer(4.6))
    classes = ("collector", "local", "collector", "local")
    return [
        Street(f"edge_{k}", classes[k % 4], line, WIDTH_M[classes[k % 4]])
        for k, line in enumerate(_quartered(free))
    ]


def _quartered(free: Any) -> list[shapely.LineString]:  # noqa: ANN401 - lines of any kind
    """Cut long edges at their sharpest places, so that each side has a street name of its own."""
    out: list[shapely.LineString] = []
    for line in lines(free, 40.0):
        xy = shapely.get_coordinates(line)
        headings = np.unwrap(np.arctan2(*np.diff(xy, axis=0).T[::-1]))
        start = 0
        for k in range(1, len(headings)):
            if abs(headings[k] - headings[start]) > 0.9 and k < len(headings) - 3:
                out.append(shapely.LineString(xy[start : k + 1]))
                start = k
        out.append(shapely.LineString(xy[start:]))
    return out


def _faces(
    linework: list[Any], region: shapely.Polygon, grid: float = GRID_M
) -> list[shapely.Polygon]:
    noded = shapely.union_all(linework, grid_size=grid)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    return [face for face in faces if region.contains(face.representative_point())]


def _inside(line: Any, region: shapely.Polygon, margin_m: float) -> shapely.LineString:  # noqa: ANN401 - a line
    """Return the longest part of ``line`` in the region, its edge included."""
    return max(lines(line.intersection(region.buffer(margin_m))), key=shapely.length)


def _clip(street: Street, region: shapely.Polygon, kept_off: shapely.Geometry) -> list[Street]:
    """Keep what is in the region; only the great streets go over the river and the railway."""
    inside = street.line.intersection(region.buffer(0.5))
    parts = lines(inside if street.key in _STREETS else inside.difference(kept_off), 12.0)
    return [Street(street.key, street.road_class, part, street.width_m) for part in parts]


def _split(face: shapely.Polygon, rng: np.random.Generator, first: int) -> list[Street]:
    """Split ``face`` by bent streets until its parts have the size of a block."""
    out: list[Street] = []
    todo = [(face, 0)]
    while todo:
        part, depth = todo.pop(0)
        limit = float(np.clip(rng.lognormal(np.log(31_000), 0.38), 14_000, 60_000))
        if part.area <= limit:
            continue
        found = _try_cut(part, rng)
        if found is None:
            continue
        line, pieces = found
        wide = part.area > 95_000 and depth == 0
        road_class = "collector" if wide else "local"
        width = WIDTH_M[road_class] * float(rng.uniform(0.85, 1.1))
        out.append(Street(f"street_{first + len(out)}", road_class, line, round(width, 1)))
        todo += [(piece, depth + 1) for piece in pieces]
    return out


def _try_cut(
    part: shapely.Polygon, rng: np.random.Generator
) -> tuple[shapely.LineString, list[shapely.Polygon]] | None:
    """Return a bent street across ``part`` that leaves two pieces of good shape."""
    along, across, length, breadth = rectangle_axes(part)
    if length < 1.25 * breadth and rng.random() < 0.5:
        along, across, length, breadth = across, along, breadth, length
    centre = shapely.get_coordinates(shapely.oriented_envelope(part).centroid)[0]
    for _ in range(8):
        angle = rng.normal(0, 0.07)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = centre + along * length * rng.uniform(-0.13, 0.13)
        reach = (turn @ across) * breadth * 0.75
        bend = along * rng.normal(0, 0.035, (2, 1)) * breadth
        control = [middle - reach, middle - reach / 3 + bend[0], middle + reach / 3 + bend[1]]
        line = shapely.LineString(np.round(smooth([*control, middle + reach], 2), 2))
        pieces = cut(part, line)
        good = len(pieces) == 2 and all(p.area > 8_000 and roundness(p) > 0.42 for p in pieces)
        if good:
            # The overshoot makes sure that it is noded with the street it ends at.
            return max(lines(line.intersection(part.buffer(0.3))), key=shapely.length), pieces
    return None
