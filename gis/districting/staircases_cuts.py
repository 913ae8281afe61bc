"""Cutting polygons, and borders that run along them, across a long axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from gis.districting.graph import Floats, Ints

#: Shorter pieces of a border are rounding, metres.
LEAST_M = 1e-3
#: Halvings of the search for a cut: 2⁻⁶⁰ of the length of a building.
_HALVINGS = 60


def split_polygon(
    polygon: "BaseGeometry",
    parts: int | Sequence[float],
    footprint: "BaseGeometry | None" = None,
) -> "list[BaseGeometry]":
    """Return a polygon cut across its long axis, from its western (or southern) end.

    Every vertex of the polygon is kept as it is, and neighbouring parts share those of their cut.

    Parameters
    ----------
    polygon
        A polygon in a projected CRS, metres; it may have holes or several parts.
    parts
        The number of parts of equal area, or the share of the area of each.
    footprint
        A polygon whose long axis is taken instead, such as the building on this ground; then it is
        the parts of this that have these areas, and the rest of the ground follows the cuts.

    Raises
    ------
    gis.errors.InvalidInputError
        If the polygon has no area or a part would have none.

    Examples
    --------
    >>> [part.bounds for part in split_polygon(shapely.box(0, 0, 8, 2), 2)]
    [(0.0, 0.0, 4.0, 2.0), (4.0, 0.0, 8.0, 2.0)]
    """
    shares = np.ones(parts) if isinstance(parts, int) else np.asarray(parts, dtype=float)
    if not polygon.area > 0 or not len(shares) or not (shares > 0).all():
        msg = f"A polygon of {polygon.area} m² cannot be split by the shares {shares.tolist()}."
        raise InvalidInputError(msg, remedy="Give a polygon with an area and shares above 0.")
    return cut_across(polygon, shares, footprint).parts()


@dataclass(frozen=True, eq=False)
class Cut:
    """A shape with the lines across it.

    Parameters
    ----------
    shape
        The polygon.
    axis
        Unit vector of its long axis, to the east (or north).
    places
        Positions of the lines along the axis, ascending, metres.
    """

    shape: "BaseGeometry"
    axis: "Floats"
    places: "Floats"

    def parts(self) -> "list[BaseGeometry]":
        """Return the parts of the shape in their order along the axis."""
        noded = shapely.node(shapely.union_all([self.shape.boundary, *self._lines()]))
        pieces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
        inner = shapely.point_on_surface(pieces)
        within = shapely.covers(self.shape, inner)
        home = self.home(shapely.get_coordinates(inner[within]))
        kept = pieces[within]
        return [_joined(kept[home == k]) for k in range(len(self.places) + 1)]

    def lengths(self) -> list[float]:
        """Return the metres of each line that lie in the shape."""
        return [float(shapely.intersection(self.shape, line).length) for line in self._lines()]

    def home(self, points: "Floats") -> "Ints":
        """Return the part, from 0, in whose range along the axis each point lies."""
        return np.searchsorted(self.places, points @ self.axis).astype(np.int64)

    def segments(self, segments: "Floats", length: "Floats") -> "tuple[Floats, Floats, Ints, Ints]":
        """Cut straight segments where the shape is cut.

        Parameters
        ----------
        segments
            Their ends, shape (segments, 2, 2).
        length
            The length of each, shared out among its pieces.

        Returns
        -------
        Per piece its ends, its length, the segment it is of and the part it lies in.
        """
        place = segments @ self.axis
        low, high = place.min(axis=1), place.max(axis=1)
        flat = high - low < LEAST_M
        home = self.home(segments.mean(axis=1))
        bounds = np.r_[-np.inf, self.places, np.inf]
        shares = []
        for k, (least, most) in enumerate(pairwise(bounds.tolist())):
            inside = np.maximum(np.minimum(high, most) - np.maximum(low, least), 0)
            shares.append(np.where(flat, home == k, inside / np.where(flat, 1, high - low)))
        part, row = np.nonzero(np.array(shares) > 0)
        ends = _between(segments[row], place[row], bounds[part], bounds[part + 1])
        return ends, length[row] * np.array(shares)[part, row], row, part

    def _lines(self) -> list[shapely.LineString]:
        """Return lines across the shape, a little longer than it is wide."""
        across = np.array([-self.axis[1], self.axis[0]])
        aside = shapely.get_coordinates(self.shape) @ across
        ends = np.array([[aside.min() - 1], [aside.max() + 1]])
        return [shapely.LineString(place * self.axis + ends * across) for place in self.places]


def cut_across(
    shape: "BaseGeometry", shares: "Floats", footprint: "BaseGeometry | None" = None
) -> Cut:
    """Return where a shape is cut so that each part has its share of the area.

    Parameters
    ----------
    shape
        A polygon with an area.
    shares
        Shares of the area, above 0.
    footprint
        A polygon whose long axis and area are taken instead, as far as it lies in the shape.
    """
    axis = _long_axis(shape if footprint is None else footprint)
    across = np.array([-axis[1], axis[0]])
    divided = shape
    if footprint is not None:
        inside = shapely.intersection(shapely.make_valid(footprint), shape)
        divided = inside if inside.area > 0 else shape
    points = shapely.get_coordinates(divided)
    along, aside = points @ axis, points @ across
    low, high = float(along.min()), float(along.max())
    least, most = float(aside.min()) - 1, float(aside.max()) + 1

    def area_before(place: float) -> float:
        corners = np.array([(low - 1, least), (place, least), (place, most), (low - 1, most)])
        ring = corners[:, :1] * axis + corners[:, 1:] * across
        return float(shapely.intersection(divided, shapely.Polygon(ring)).area)

    places = []
    for wanted in (np.cumsum(shares)[:-1] / shares.sum() * divided.area).tolist():
        left, right = low, high
        for _ in range(_HALVINGS):
            middle = (left + right) / 2
            left, right = (middle, right) if area_before(middle) < wanted else (left, middle)
        places.append((left + right) / 2)
    return Cut(shape, axis, np.array(places))


def _long_axis(shape: "BaseGeometry") -> "Floats":
    """Return the direction of the longer side of the smallest rectangle around a shape."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(shape))[:3]
    sides = np.diff(corners, axis=0)
    length = np.hypot(sides[:, 0], sides[:, 1])
    unit = sides / length[:, None]
    # Of a square the side nearest to east and west is taken, whichever comes first.
    first, second = (
        (round(float(metres), 6), round(abs(float(east)), 6))
        for metres, east in zip(length, unit[:, 0], strict=True)
    )
    axis = unit[0] if first >= second else unit[1]
    # Nearly north and south counts as that: axes of a projection are turned a little.
    towards = axis[0] if abs(axis[0]) > abs(axis[1]) - 1e-9 else axis[1]
    return np.asarray(axis if towards > 0 else -axis)


def _between(segments: "Floats", place: "Floats", least: "Floats", most: "Floats") -> "Floats":
    """Return the piece of each segment between two positions along the axis."""
    step = place[:, 1:] - place[:, :1]
    flat = np.abs(step) < LEAST_M
    bounded = np.clip(place, least[:, None], most[:, None])
    t = np.where(flat, [[0.0, 1.0]], (bounded - place[:, :1]) / np.where(flat, 1, step))
    return np.asarray(segments[:, :1] + t[:, :, None] * (segments[:, 1:] - segments[:, :1]))


def _joined(pieces: Any) -> "BaseGeometry":  # noqa: ANN401 - an array of polygons
    if len(pieces) == 1:
        return pieces[0]  # type: ignore[no-any-return]
    return shapely.coverage_union_all(pieces)
