"""Gaps and overlaps between polygons that should tile their ground, with their sizes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.ingest.audit.options import AuditOptions

#: Borders this near to each other are one, m: what rounding leaves.
_TOUCH_M = 0.01
#: Mitres that keep the corners of what is closed; a sharper notch is filled.
_MITRE = 5.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Ground that several parts claim, or none.

    Parameters
    ----------
    parts
        Positions of the parts that overlap here, or border on it.
    geometry
        All of it, in metres.
    size_m2, width_m
        Area, and the mean width of its widest piece.
    sliver
        Whether it lies within the accuracy of the lines.
    """

    parts: tuple[int, ...]
    geometry: shapely.Geometry
    size_m2: float
    width_m: float
    sliver: bool


def overlaps(parts: "Geometries", options: "AuditOptions") -> list[Piece]:
    """Return the overlaps of each pair of parts; slivers and others of a pair apart.

    Parameters
    ----------
    parts
        Valid polygons in metres, shape (n,).
    options
        Limits.
    """
    if len(parts) < 2 or shapely.coverage_is_valid(parts):
        return []
    # Of a part that lies inside another only the inner one has invalid edges.
    suspect = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(parts)))
    asked, met = shapely.STRtree(parts).query(parts[suspect], predicate="intersects")
    pairs = np.sort(np.column_stack([suspect[asked], met]), axis=1)
    left, right = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0).T
    common = _areal(shapely.intersection(parts[left], parts[right]))
    found: list[Piece] = []
    for i, j, shape in zip(left.tolist(), right.tolist(), common, strict=True):
        found += _pieces((i, j), shape, options)
    return found


def gaps(
    parts: "Geometries",
    options: "AuditOptions",
    *,
    whole: shapely.Geometry | None = None,
    within: shapely.Geometry | None = None,
) -> list[Piece]:
    """Return the ground that no part covers though it should.

    Parameters
    ----------
    parts
        Valid polygons in metres, shape (n,).
    options
        Limits.
    whole
        What the parts should tile: everything of it that they leave is a gap.
    within
        Without a whole: only gaps in here count. Gaps are then holes of the union, and narrow
        ground between at least two parts that is open to the outside.
    """
    if not len(parts):
        return []
    union = union_of(parts)
    if whole is None:
        left = _enclosed(union, options.gap_width_m)
        if within is not None:
            left = shapely.intersection(left, within)
    else:
        left = shapely.difference(whole, union)
    shapes = shapely.get_parts(_areal(np.array([left], dtype=object)))
    if not len(shapes):
        return []
    tree = shapely.STRtree(parts)
    piece, part = tree.query(shapes, predicate="dwithin", distance=_TOUCH_M)
    found: list[Piece] = []
    for i, shape in enumerate(shapes):
        around = tuple(sorted(part[piece == i].tolist()))
        if whole is None and len(around) < 2 and not _is_hole(shape, union):
            continue  # a notch of one part's own line
        found += _pieces(around, shape, options)
    return found


def union_of(parts: "Geometries") -> shapely.Geometry:
    """Return the union of parts, the fast way where they match."""
    if shapely.coverage_is_valid(parts):
        return shapely.coverage_union_all(parts)
    return shapely.union_all(parts)


def mean_width_m(shapes: "Geometries") -> "NDArray[np.float64]":
    """Return twice the area over the perimeter: the width of something long; 0 without any."""
    length = np.asarray(shapely.length(shapes), dtype=float)
    area = np.asarray(shapely.area(shapes), dtype=float)
    out = np.zeros(len(length))
    np.divide(2 * area, length, out=out, where=length > 0)
    return out


def length_m(shape: shapely.Geometry) -> float:
    """Return the length of something long: half its perimeter less its width."""
    return float(shapely.length(shape)) / 2 - float(mean_width_m(np.array([shape]))[0])


def _pieces(
    parts: tuple[int, ...], shape: shapely.Geometry, options: "AuditOptions"
) -> Iterator[Piece]:
    """Yield what is a sliver of a shape and what is more, without what is noise."""
    pieces = shapely.get_parts(shape)
    width, area = mean_width_m(pieces), shapely.area(pieces)
    told = (width >= options.noise_width_m) & (area >= options.noise_m2)
    sliver = (width <= options.sliver_width_m) | (area <= options.sliver_m2)
    kinds: tuple[tuple[Literal[True, False], NDArray[np.bool_]], ...] = (
        (False, told & ~sliver),
        (True, told & sliver),
    )
    for is_sliver, chosen in kinds:
        if chosen.any():
            yield Piece(
                parts,
                shapely.MultiPolygon(pieces[chosen].tolist()),
                float(area[chosen].sum()),
                float(width[chosen].max()),
                is_sliver,
            )


def _areal(shapes: "Geometries") -> "Geometries":
    """Return the areas of each shape as one multipolygon: lines and points have no size."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    nested = shapely.get_type_id(parts) == shapely.GeometryType.MULTIPOLYGON
    if nested.any():
        inner, place = shapely.get_parts(parts, return_index=True)
        parts, owner = inner, owner[place]
    flat = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    out = np.full(len(shapes), shapely.MultiPolygon(), dtype=object)
    if flat.any():
        shapely.multipolygons(parts[flat], indices=owner[flat], out=out)
    return out


def _enclosed(union: shapely.Geometry, width_m: float) -> shapely.Geometry:
    """Return the holes of a union, and the slots in its outline up to a width."""
    half = width_m / 2
    grown = shapely.buffer(union, half, join_style="mitre", mitre_limit=_MITRE)
    closed = shapely.buffer(grown, -half, join_style="mitre", mitre_limit=_MITRE)
    rings = [ring for part in shapely.get_parts(union) for ring in part.interiors]
    holes = shapely.union_all(shapely.polygons(rings)) if rings else shapely.Polygon()
    return shapely.difference(shapely.union(closed, holes), union)


def _is_hole(shape: shapely.Geometry, union: shapely.Geometry) -> bool:
    """Return whether the union lies all around a piece of ground."""
    outline = shapely.get_exterior_ring(shape)
    around = shapely.intersection(outline, shapely.buffer(union, _TOUCH_M))
    return bool(shapely.length(around) >= shapely.length(outline) * 0.999)
