"""Rings that cross themselves, and rings that run the wrong way round."""

import re
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.ingest.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.ingest.audit.ground import Ground
    from gis.ingest.audit.options import AuditOptions

AREAS = ("divisions", "communities", "quarters", "buildings", "grids")
#: Layers whose ring order may be mended: a grid's polygon follows from its cells.
ORIENTED = ("divisions", "communities", "quarters", "buildings")
_PLACE = re.compile(r"\[(-?[\d.e+]+) (-?[\d.e+]+)\]")


def invalid_rings(ground: "Ground") -> "Iterator[Finding]":
    """Yield a finding for each area that is invalid, at the place of its first fault."""
    for layer in AREAS:
        if not ground.has(layer):
            continue
        shapes, ids = ground.shapes(layer), ground.ids(layer)
        bad = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes))
        if not len(bad):
            continue
        changes = repair_change_m2(shapes[bad], ground.valid(layer)[bad])
        fixable = may_repair(shapes[bad], ground.valid(layer)[bad], ground.options)
        for row, change, safe in zip(bad.tolist(), changes, fixable, strict=True):
            reason = str(shapely.is_valid_reason(shapes[row]))
            yield Finding(
                "invalid_ring",
                layer,
                [ids[row]],
                _place(reason, shapes[row]),
                size_m2=float(shapely.area(ground.valid(layer)[row])),
                fixable=bool(safe) and layer in ORIENTED,
                detail={"reason": reason.partition("[")[0], "change_m2": round(float(change), 3)},
            )


def ring_order(ground: "Ground") -> "Iterator[Finding]":
    """Yield one finding per layer for the areas whose rings do not run as RFC 7946 says."""
    for layer in ORIENTED:
        if not ground.has(layer):
            continue
        shapes = ground.shapes(layer)
        turned = np.flatnonzero(runs_wrong(shapes))
        if len(turned):
            points = shapely.point_on_surface(ground.valid(layer)[turned])
            yield Finding(
                "ring_order",
                layer,
                ground.ids(layer)[turned].tolist(),
                shapely.MultiPoint(points[~shapely.is_empty(points)].tolist()),
                fixable=True,
                detail={"rows": len(turned)},
            )


def runs_wrong(shapes: "Geometries") -> "NDArray[np.bool_]":
    """Return whether an outer ring runs clockwise or a hole counter-clockwise, shape (n,).

    Of a ring that crosses itself nobody can say so: it is not counted.
    """
    wrong = np.zeros(len(shapes), dtype=bool)
    present = np.flatnonzero(shapely.is_valid(shapes) & ~shapely.is_empty(shapes))
    parts, owner = shapely.get_parts(shapes[present], return_index=True)
    outer = shapely.get_exterior_ring(parts)
    clockwise = ~shapely.is_ccw(outer) & ~shapely.is_missing(outer)
    wrong[present[owner[clockwise]]] = True
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    for part in holed.tolist():
        holes = np.asarray(parts[part].interiors, dtype=object)
        if shapely.is_ccw(holes).any():
            wrong[present[owner[part]]] = True
    return wrong


def repair_change_m2(before: "Geometries", after: "Geometries") -> "NDArray[np.float64]":
    """Return by how much making a ring valid changes its area, m², shape (n,).

    The area of a ring that crosses itself is what its line encloses with its sign, so lobes that
    cancel out count: a bow tie has none, and its repair changes all of it.
    """
    return np.asarray(np.abs(shapely.area(after) - shapely.area(before)), dtype=float)


def may_repair(
    before: "Geometries", after: "Geometries", options: "AuditOptions"
) -> "NDArray[np.bool_]":
    """Return whether a repair keeps an area what it was, shape (n,)."""
    change = repair_change_m2(before, after)
    limit = np.minimum(options.repair_m2, options.repair_share * shapely.area(after))
    areal = np.isin(
        shapely.get_type_id(after),
        [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON],
    )
    return np.asarray(areal & (change <= limit) & ~shapely.is_empty(after), dtype=bool)


def _place(reason: str, shape: shapely.Geometry) -> shapely.Geometry:
    """Return the point that GEOS names, or one of the ring's own."""
    found = _PLACE.search(reason)
    if found:
        return shapely.Point(float(found[1]), float(found[2]))
    coordinates = shapely.get_coordinates(shape)
    finite = coordinates[np.isfinite(coordinates).all(axis=1)]
    return shapely.Point(finite[0]) if len(finite) else shapely.Point()
