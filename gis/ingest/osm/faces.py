"""Faces: the ground cut along lines, and polygons made of faces again."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.geometry.tessellation import polygonize_noded, shared_segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.tessellation import SharedSegments
    from gis.ingest.osm.ground import Ground


#: Lines that run nearer to the outline than this run along it: else they cut off slivers that
#: belong to no block.
ALONG_OUTLINE_M = 1.0


def cut(ground: "Ground", lines_m: "NDArray[Any]") -> "NDArray[Any]":
    """Return the faces of the ground between its outline and the lines, in metres.

    The faces are fully noded, so they and any unions of them tile the ground exactly.
    """
    shapely.prepare(ground.outline_m)
    near = lines_m[shapely.intersects(ground.outline_m, lines_m)]
    edge = shapely.boundary(ground.outline_m)
    faces = polygonize_noded(np.append(_along(near, edge), edge))
    inside = shapely.intersects(ground.outline_m, shapely.point_on_surface(faces))
    return np.asarray(faces[inside], dtype=object)


def _along(lines_m: "NDArray[Any]", edge_m: Any) -> "NDArray[Any]":  # noqa: ANN401 - a line
    """Return the lines with vertices near the edge moved onto it."""
    xy = shapely.get_coordinates(lines_m)
    segments = segments_of(shapely.get_parts(edge_m))
    points = np.asarray(shapely.points(xy), dtype=object)
    near, segment = shapely.STRtree(segments).query(points, "dwithin", ALONG_OUTLINE_M)
    distance = shapely.distance(points[near], segments[segment])
    order = np.lexsort((segment, distance, near))
    first = order[np.append(True, near[order][1:] != near[order][:-1])] if len(order) else order
    on = shapely.line_interpolate_point(
        segments[segment[first]],
        shapely.line_locate_point(segments[segment[first]], points[near[first]]),
    )
    moved = xy.copy()
    moved[near[first]] = shapely.get_coordinates(on)
    return np.asarray(shapely.set_coordinates(np.array(lines_m, dtype=object), moved), dtype=object)


def segments_of(lines: "NDArray[Any]") -> "NDArray[Any]":
    """Return the lines as pieces of two points: a tree of these is fast where lines are long."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    ends = np.stack([xy[:-1], xy[1:]], axis=1)[line[1:] == line[:-1]]
    return np.asarray(shapely.linestrings(ends), dtype=object)


def locate(faces: "NDArray[Any]", point_m: "NDArray[Any]") -> "NDArray[np.int64]":
    """Return the face each point lies in: the first of two on their border, else the nearest."""
    out = np.full(len(point_m), -1, dtype=np.int64)
    # The query prepares its own side: with the points in the tree that is the large polygons.
    found, rows = shapely.STRtree(point_m).query(faces, predicate="intersects")
    order = np.lexsort((-found, rows))
    out[rows[order]] = found[order]
    # The outline was rounded to the noding grid: a point on it may lie a hair outside.
    lost = np.flatnonzero(out < 0)
    if len(lost):
        out[lost] = shapely.STRtree(faces).nearest(point_m[lost])
    return out


def neighbours(faces: "NDArray[Any]") -> "SharedSegments":
    """Return the segments between two faces, without those on the outer border."""
    shared = shared_segments(faces)
    inner = shared.right >= 0
    return type(shared)(
        shared.left[inner], shared.right[inner], shared.start_xy[inner], shared.end_xy[inner]
    )


def dissolve(faces: "NDArray[Any]", label: "NDArray[np.int64]") -> "NDArray[Any]":
    """Return one polygon for each label 0, 1, …, with every node of the faces' borders kept."""
    count = int(label.max()) + 1 if len(label) else 0
    return np.array(
        [shapely.coverage_union_all(faces[label == number]) for number in range(count)],
        dtype=object,
    )
