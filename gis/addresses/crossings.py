"""Where named roads meet."""

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Pair = tuple[str, str]


def find_crossings(
    keys: "Sequence[str]",
    lines: "NDArray[np.object_]",
    *,
    near_miss_m: float,
    same_place_m: float,
) -> dict[Pair, "NDArray[np.float64]"]:
    """Return the places where pieces of roads with different names meet.

    Parameters
    ----------
    keys
        Key of the road's name for each piece.
    lines
        Lines of the pieces in a projected CRS, metres.
    near_miss_m
        Pieces that end this near to each other meet as well: drawn carriageways often stop short.
    same_place_m
        Meeting points of one pair of roads that are this near to their centre are one crossing.

    Returns
    -------
    dict
        By the two keys in the order of the alphabet: points, shape (k, 2), in the CRS of the lines.
    """
    if len(lines) < 2:
        return {}
    tree = shapely.STRtree(lines)
    first, second = tree.query(lines, predicate="dwithin", distance=near_miss_m)
    names = np.asarray(keys, dtype=object)
    apart = (first < second) & (names[first] != names[second])
    first, second = first[apart], second[apart]
    if not len(first):
        return {}
    points, of_pair = _meeting_points(lines[first], lines[second])
    found: dict[Pair, list[NDArray[np.float64]]] = {}
    for point, i in zip(points, of_pair, strict=True):
        a, b = names[first[i]], names[second[i]]
        found.setdefault((min(a, b), max(a, b)), []).append(point)
    return {
        pair: merge_points(np.array(sorted(map(tuple, found[pair]))), same_place_m=same_place_m)[0]
        for pair in sorted(found)
    }


def _meeting_points(
    one: "NDArray[np.object_]", other: "NDArray[np.object_]"
) -> tuple["NDArray[np.float64]", "NDArray[np.intp]"]:
    """Return each point where the lines of a pair meet, or the middle of their gap; and the pair.

    Lines that run together meet in the middle of what they share.
    """
    common = shapely.intersection(one, other)
    meeting = np.where(shapely.is_empty(common), shapely.shortest_line(one, other), common)
    parts, of_pair = shapely.get_parts(meeting, return_index=True)
    return shapely.get_coordinates(shapely.centroid(parts)), of_pair


def merge_points(
    points: "NDArray[np.float64]", *, same_place_m: float
) -> tuple["NDArray[np.float64]", "NDArray[np.intp]"]:
    """Merge points that are near to each other, in their order.

    Parameters
    ----------
    points
        Shape (n, 2), metres.
    same_place_m
        A point joins the first group whose centre is this near.

    Returns
    -------
    tuple
        The centres, shape (k, 2), and the group of each point, shape (n,).
    """
    groups: list[list[int]] = []
    of_point = np.zeros(len(points), dtype=np.intp)
    for i, point in enumerate(points):
        for g, members in enumerate(groups):
            centre = points[members].mean(axis=0)
            if np.hypot(*(point - centre)) <= same_place_m:
                members.append(i)
                of_point[i] = g
                break
        else:
            of_point[i] = len(groups)
            groups.append([i])
    return np.array([points[members].mean(axis=0) for members in groups]).reshape(-1, 2), of_point
