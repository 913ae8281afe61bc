"""Communities of the sample: blocks joined until each has about 2,300 households.

Their lines run along streets, the river and the railway, because blocks do.
"""

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gis.samples.layout import Layout

HOUSEHOLDS_PER_COMMUNITY = 2_270
#: How strongly two blocks hold together across what lies between them.
HOLD = {"river": 0.01, "railway": 0.02, "arterial": 0.12, "collector": 0.45, "local": 1.0}


def join_blocks(layout: "Layout", households: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return the number of the community of each block, from north to south.

    Parameters
    ----------
    layout
        The ground plan.
    households
        Households of each block, shape (n,).
    """
    count = max(2, round(int(households.sum()) / HOUSEHOLDS_PER_COMMUNITY))
    bonds = _bonds(layout)
    # Ground counts a little too, so that blocks without households join somebody.
    areas = np.array([face.area for face in layout.faces])
    weight = households + 0.15 * areas * households.sum() / areas.sum()
    label = np.arange(len(areas))
    limit = 1.3 * weight.sum() / count
    while len(np.unique(label)) > count:
        label = _join_smallest(label, weight, bonds, limit)
    return _numbered(label, layout.faces)


def _join_smallest(
    label: "NDArray[np.int64]",
    weight: "NDArray[np.float64]",
    bonds: dict[tuple[int, int], float],
    limit: float,
) -> "NDArray[np.int64]":
    """Join the lightest group to the neighbour that it holds to most."""
    total = {int(g): float(weight[label == g].sum()) for g in np.unique(label)}
    for group in sorted(total, key=lambda g: (total[g], g)):
        pull: dict[int, float] = {}
        for (a, b), hold in bonds.items():
            first, second = int(label[a]), int(label[b])
            if first != second and group in (first, second):
                other = second if group == first else first
                pull[other] = pull.get(other, 0.0) + hold
        light = {g: p for g, p in pull.items() if total[g] + total[group] <= limit}
        if light:
            best = max(light, key=lambda g: (light[g] / total[g], -g))
            return np.where(label == group, best, label)
    smallest = min(total, key=lambda g: (total[g], g))
    touching = [
        int(label[b] if label[a] == smallest else label[a])
        for (a, b) in bonds
        if (label[a] == smallest) != (label[b] == smallest)
    ]
    lightest = min(touching, key=lambda g: (total[g], g))
    return np.where(label == smallest, lightest, label)


def _bonds(layout: "Layout") -> dict[tuple[int, int], float]:
    """Return how strongly neighbouring blocks hold together: shared metres times the class."""
    faces = np.array(layout.faces, dtype=object)
    first, second = shapely.STRtree(faces).query(faces, predicate="intersects")
    pairs = [(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b]
    classes = [("river", layout.river), ("railway", layout.railway)]
    classes += [(s.road_class, s.line) for s in layout.streets]
    bonds: dict[tuple[int, int], float] = {}
    for a, b in sorted(pairs):
        border = shapely.intersection(faces[a], faces[b])
        if border.length < 0.01:
            continue
        longest = max(shapely.get_parts(border), key=shapely.length)
        middle = longest.interpolate(0.5, normalized=True)
        near = [name for name, line in classes if line.distance(middle) < 1.0]
        bonds[a, b] = border.length * min((HOLD[name] for name in near), default=1.0)
    return bonds


def _numbered(
    label: "NDArray[np.int64]", faces: "Sequence[shapely.Polygon]"
) -> "NDArray[np.int64]":
    centres = np.array([[f.centroid.x, f.centroid.y] for f in faces])
    areas = np.array([f.area for f in faces])
    middle = {
        int(g): np.average(centres[label == g], axis=0, weights=areas[label == g])
        for g in np.unique(label)
    }
    order = sorted(middle, key=lambda g: (-round(float(middle[g][1])), round(float(middle[g][0]))))
    rank = {g: k for k, g in enumerate(order)}
    return np.array([rank[int(g)] for g in label])
