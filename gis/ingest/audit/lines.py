"""Lines between communities that should be one: snapped and cleaned within their accuracy."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.geometry.crs import to_lonlat
from gis.ingest.audit.tiling import gaps, overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.ingest.audit.ground import Ground
    from gis.ingest.audit.tiling import Piece

#: A change below this is none, m².
_NO_CHANGE_M2 = 1e-6


@dataclass(frozen=True)
class MendedLines:
    """Communities with new lines.

    Parameters
    ----------
    shapes
        By row: the new polygon in metres, and the same in EPSG:4326.
    left
        Why lines were left as they are; empty if nothing was.
    """

    shapes: dict[int, tuple[shapely.Geometry, shapely.Geometry]]
    left: list[str] = field(default_factory=list)


def mend_lines(ground: "Ground") -> MendedLines:
    """Return the communities whose slivers can go.

    Gaps that are slivers go to the neighbour with the longer border, overlaps that are slivers are
    taken from all but that one, and vertices within ``snap_m`` become one. Larger overlaps and gaps
    stay as they are: whose homes lie there is for people to decide. Vertices that do not move keep
    the coordinates they are stored with.
    """
    parts = ground.valid("communities")
    pieces = overlaps(parts, ground.options)
    holes = gaps(parts, ground.options)
    specks, whole = _without_specks(parts, ground.options.sliver_m2)
    slivers = [piece for piece in (*pieces, *holes) if piece.sliver]
    if not slivers and not specks:
        return MendedLines({})
    filled = _fill(whole, [hole for hole in holes if hole.sliver])
    cleaned = _clean(filled, [piece for piece in pieces if not piece.sliver], ground)
    named = {row for piece in slivers for row in piece.parts} | specks
    # What a ring that crosses itself means is for people to say; its neighbours are mended.
    named &= set(np.flatnonzero(shapely.is_valid(ground.shapes("communities"))).tolist())
    rows = [row for row in sorted(named) if _moved(parts[row], cleaned[row])]
    after = np.array(parts, dtype=object)
    after[rows] = cleaned[rows]
    lost = _moved_homes(ground, parts, after)
    if lost:
        return MendedLines({}, [lost])
    lonlat = _as_stored(ground, after[rows])
    pairs = zip(after[rows].tolist(), lonlat.tolist(), strict=True)
    return MendedLines(dict(zip(rows, pairs, strict=True)))


def _moved(before: shapely.Geometry, after: shapely.Geometry) -> bool:
    return float(shapely.area(shapely.symmetric_difference(before, after))) > _NO_CHANGE_M2


def _without_specks(parts: "Geometries", sliver_m2: float) -> tuple[set[int], "Geometries"]:
    """Return which communities have detached specks, and all of them without."""
    out = np.array(parts, dtype=object)
    found = set()
    for row in np.flatnonzero(shapely.get_num_geometries(parts) > 1).tolist():
        pieces = shapely.get_parts(parts[row])
        kept = pieces[shapely.area(pieces) > sliver_m2]
        if 0 < len(kept) < len(pieces):
            found.add(row)
            out[row] = shapely.multipolygons(kept)
    return found, out


def _fill(parts: "Geometries", holes: "list[Piece]") -> "Geometries":
    """Return the parts with each small gap given to the neighbour with the longest border."""
    out = np.array(parts, dtype=object)
    for hole in holes:
        if not hole.parts:
            continue
        outline = shapely.buffer(hole.geometry, 0.001)
        around = list(hole.parts)
        length = shapely.length(shapely.intersection(shapely.boundary(out[around]), outline))
        winner = around[int(np.argmax(np.round(length, 3)))]
        out[winner] = shapely.union(out[winner], hole.geometry)
    return out


def _clean(parts: "Geometries", kept: "list[Piece]", ground: "Ground") -> "Geometries":
    """Return the parts as a clean coverage in which the overlaps ``kept`` belong to both still."""
    common = [piece.geometry for piece in kept]
    cut = np.array(parts, dtype=object)
    for piece in kept:
        for row in piece.parts:
            cut[row] = shapely.difference(cut[row], piece.geometry)
    coverage = np.array([*cut.tolist(), *common], dtype=object)
    cleaned = shapely.coverage_clean(  # type: ignore[attr-defined] # newer than the stubs
        coverage, snapping_distance=ground.options.snap_m
    )
    out = np.array(cleaned[: len(parts)], dtype=object)
    for piece, shared in zip(kept, cleaned[len(parts) :].tolist(), strict=True):
        for row in piece.parts:
            out[row] = shapely.union(out[row], shared)
    return out


def _moved_homes(ground: "Ground", before: "Geometries", after: "Geometries") -> str:
    """Return a sentence if a building would go from one community to another."""
    if not ground.has("buildings"):
        return ""
    was, becomes = _owners(ground, before), _owners(ground, after)
    moved = np.flatnonzero((was != becomes) & (was >= 0))
    if not len(moved):
        return ""
    households = int(np.nansum(ground.numbers("buildings", "households")[moved]))
    return (
        f"The lines of the communities were left: mending them would move {len(moved)} buildings "
        f"with {households} households to another community."
    )


def _owners(ground: "Ground", homes: "Geometries") -> "NDArray[np.intp]":
    """Return the community of each building: the one it names if it lies there, else the first."""
    keys = {key: row for row, key in enumerate(ground.ids("communities").tolist())}
    named = np.array([keys.get(key, -1) for key in ground.column("buildings", "community_id")])
    home, building = ground.location_tree().query(homes, predicate="intersects")
    owner = np.full(len(named), -1, dtype=np.intp)
    order = np.argsort(-home, kind="stable")
    owner[building[order]] = home[order]
    own = named[building] == home
    owner[building[own]] = home[own]
    return owner


def _as_stored(ground: "Ground", shapes: "Geometries") -> "Geometries":
    """Return shapes in EPSG:4326; a vertex that was there before gets the degrees it had."""
    stored = shapely.get_coordinates(ground.frame("communities")["geometry"].to_numpy())
    metres = shapely.get_coordinates(ground.shapes("communities"))
    known = {
        (x, y): (lon, lat)
        for (x, y), (lon, lat) in zip(metres.tolist(), stored.tolist(), strict=True)
    }

    def degrees(points: "NDArray[np.float64]") -> "NDArray[np.float64]":
        made = shapely.get_coordinates(to_lonlat(shapely.points(points), ground.crs))
        for place, (x, y) in enumerate(points.tolist()):
            if (x, y) in known:
                made[place] = known[x, y]
        return np.asarray(made, dtype=float)

    lonlat = np.asarray(shapely.transform(shapes, degrees), dtype=object)
    return np.asarray(shapely.orient_polygons(lonlat), dtype=object)
