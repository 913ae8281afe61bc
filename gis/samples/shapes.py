"""Small geometric tools of the sample city; everything is in metres on a plane."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import affinity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Snap rounding of the linework: one centimetre.
GRID_M = 0.01


def rng_for(seed: int, *key: int) -> np.random.Generator:
    """Return a generator of its own for ``key``, so that one part never disturbs another."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def smooth(points: "Sequence[Sequence[float]] | NDArray[Any]", rounds: int = 3) -> "NDArray[Any]":
    """Round the corners of a polyline by Chaikin's scheme, keeping both ends.

    Parameters
    ----------
    points
        Control points, shape (n, 2).
    rounds
        How often each corner is cut.
    """
    line = np.asarray(points, dtype=float)
    for _ in range(rounds):
        first, second = line[:-1], line[1:]
        cut = np.empty((2 * len(first), 2))
        cut[0::2] = 0.75 * first + 0.25 * second
        cut[1::2] = 0.25 * first + 0.75 * second
        line = np.vstack([line[:1], cut[1:-1], line[-1:]])
    return line


def box(x: float, y: float, width: float, depth: float) -> shapely.Polygon:
    """Return the rectangle with its lower left corner at (x, y)."""
    return shapely.box(x, y, x + width, y + depth)


def polygons(geometry: Any, min_area: float = 0.0) -> list[shapely.Polygon]:  # noqa: ANN401 - any geometry
    """Return the polygons in ``geometry`` of at least ``min_area`` m², largest first."""
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon"]
    return sorted((p for p in parts if p.area >= min_area), key=lambda p: -p.area)


def _plain(geometry: Any) -> Any:  # noqa: ANN401 - same type out
    """Leave out points that hardly matter: mitres at very short sides divide by zero."""
    return geometry.simplify(0.05)


def inset(polygon: shapely.Polygon, distance_m: float) -> shapely.Polygon:
    """Return the largest part of ``polygon`` that is ``distance_m`` inside its edge."""
    parts = polygons(_plain(polygon).buffer(-distance_m, join_style="mitre"))
    return parts[0] if parts else shapely.Polygon()


def without_spurs(polygon: shapely.Polygon, width_m: float) -> shapely.Polygon:
    """Return ``polygon`` without its parts that are narrower than ``width_m``."""
    core = _plain(polygon.buffer(-width_m / 2))
    opened = core.buffer(width_m / 2, join_style="mitre").intersection(polygon)
    parts = polygons(opened)
    return parts[0] if parts else polygon


def lines(geometry: Any, min_length: float = 0.0) -> list[shapely.LineString]:  # noqa: ANN401 - any geometry
    """Return the lines in ``geometry``, merged, of at least ``min_length`` m."""
    strings = [p for p in shapely.get_parts(geometry) if p.geom_type == "LineString"]
    merged = shapely.line_merge(shapely.multilinestrings(strings)) if strings else None
    return [p for p in shapely.get_parts(merged) if p.length >= min_length] if merged else []


def rectangle_axes(polygon: shapely.Polygon) -> tuple["NDArray[Any]", "NDArray[Any]", float, float]:
    """Return the unit vectors and lengths of the long and short side of the oriented envelope."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(polygon))
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    a, b = float(np.hypot(*first)), float(np.hypot(*second))
    if a >= b:
        return first / a, second / b, a, b
    return second / b, first / a, b, a


def roundness(polygon: shapely.Polygon) -> float:
    """Return 4π·area / perimeter², one for a disc (Polsby–Popper)."""
    return float(4 * np.pi * polygon.area / polygon.length**2)


def cut(polygon: shapely.Polygon, line: shapely.LineString) -> list[shapely.Polygon]:
    """Return the parts of ``polygon`` on the two sides of ``line``."""
    edges = shapely.union_all([polygon.boundary, line], grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    return [face for face in faces if polygon.contains(face.representative_point())]


def turned(geometry: Any, degrees: float, origin: shapely.Point) -> Any:  # noqa: ANN401 - same type out
    """Return ``geometry`` turned counter-clockwise about ``origin``."""
    return affinity.rotate(geometry, degrees, origin=origin)
