"""Buildings that stand on one another: the same footprint twice, or many on one spot."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gis.ingest.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.ingest.audit.ground import Ground

#: Counts that are summed over buildings: people of a duplicate are counted twice.
COUNTS = ("households", "residents", "elderly", "children", "low_income_households")
#: Facts that must not contradict each other if duplicates are to be made one.
FACTS = ("name", "address", "quarter_id", "floors", "use", "source_id", *COUNTS)
#: Facts that say nothing: what the contract fills in.
_NO_FACT = {"use": "residential"}
#: Footprints are the same to this length, m.
_SAME_M = 0.01


def buildings_duplicated(ground: "Ground") -> "Iterator[Finding]":
    """Yield one finding for each group of buildings that stand on one another.

    Two are of a group if intersection over union of their footprints reaches the option, or if
    their middles lie on one spot; 500 buildings on one spot are one finding.
    """
    if not ground.has("buildings"):
        return
    for rows in groups(ground):
        shapes = ground.valid("buildings")[rows]
        union = shapely.union_all(shapes)
        kept = keeper(ground, rows)
        same = identical(shapes)
        counts = ground.numbers("buildings", "households")[rows]
        counted = int(np.nansum(counts))
        most = int(np.nanmax(counts)) if np.isfinite(counts).any() else 0
        yield Finding(
            "building_duplicated",
            "buildings",
            ground.ids("buildings")[rows].tolist(),
            union,
            size_m2=float(shapely.area(shapes).sum() - shapely.area(union)),
            severity="error" if counted > most else "warning",
            fixable=same and kept is not None,
            detail={
                "what": "same_footprint" if same else "one_spot",
                "buildings": len(rows),
                "households": counted,
                "most_households": most,
                "kept": None if kept is None else str(ground.ids("buildings")[kept]),
            },
        )


def groups(ground: "Ground") -> list["NDArray[np.intp]"]:
    """Return the rows of each group of buildings on one another, each ascending."""
    shapes = ground.valid("buildings")
    present = np.flatnonzero(~shapely.is_empty(shapes))
    cell = _spots(shapes[present], ground.options.stack_m)
    # One of each spot stands for all of it: 500 on one spot would be 125,000 pairs.
    _, first = np.unique(cell, return_index=True)
    heads = present[first]
    left, right = _near_twins(shapes[heads], ground.options.duplicate_iou)
    order = np.argsort(cell[first])
    assert (order == np.arange(len(first))).all(), "spots are numbered in order"
    joined = coo_array((np.ones(len(left)), (left, right)), shape=(len(heads), len(heads)))
    _, label = connected_components(joined, directed=False)
    owner = label[cell]
    by_group = np.argsort(owner, kind="stable")
    sizes = np.bincount(owner)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    found = [
        np.sort(present[by_group[bounds[g] : bounds[g + 1]]])
        for g in np.flatnonzero(sizes > 1).tolist()
    ]
    return sorted(found, key=lambda rows: int(rows[0]))


def keeper(ground: "Ground", rows: "NDArray[np.intp]") -> int | None:
    """Return the row of a group that has every fact that another has; ``None``: none has.

    Ties go to the lowest key, so the same ground keeps the same row.
    """
    values = {name: _facts(ground, name, rows) for name in FACTS}
    known = np.sum([[value is not None for value in column] for column in values.values()], axis=0)
    ids = ground.ids("buildings")[rows]
    best = min(range(len(rows)), key=lambda i: (-int(known[i]), str(ids[i])))
    for column in values.values():
        mine = column[best]
        if any(value is not None and value != mine for value in column):
            return None
    return int(rows[best])


def identical(shapes: "Geometries") -> bool:
    """Return whether all footprints are the same to a centimetre."""
    first = shapes[0]
    if not bool((np.abs(shapely.bounds(shapes) - shapely.bounds(first)) <= _SAME_M).all()):
        return False
    return bool((shapely.hausdorff_distance(shapes, first) <= _SAME_M).all())


def _facts(ground: "Ground", name: str, rows: "NDArray[np.intp]") -> list[Any]:
    if name in COUNTS:
        counts = ground.numbers("buildings", name)[rows]
        return [None if np.isnan(v) or v == 0 else int(v) for v in counts.tolist()]
    column = ground.column("buildings", name)[rows].tolist()
    return [None if value == _NO_FACT.get(name) else value for value in column]


def _spots(shapes: "Geometries", stack_m: float) -> "NDArray[np.intp]":
    """Return the number of the spot of each footprint's middle: middles within reach share it."""
    middles = shapely.get_coordinates(shapely.centroid(shapes))
    size = max(stack_m, 1e-6)
    squares, owner = np.unique(np.floor(middles / size), axis=0, return_inverse=True)
    pairs = cKDTree(squares).query_pairs(1.5, output_type="ndarray")
    joined = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(squares),) * 2)
    _, label = connected_components(joined, directed=False)
    spots = np.asarray(label[owner.ravel()], dtype=np.intp)
    _, numbered = np.unique(spots, return_inverse=True)
    return np.asarray(numbered, dtype=np.intp)


def _near_twins(shapes: "Geometries", iou: float) -> tuple["NDArray[np.intp]", "NDArray[np.intp]"]:
    """Return pairs of footprints that are the same but for ``iou``, each pair once."""
    left, right = shapely.STRtree(shapes).query(shapes)
    first = left < right
    left, right = left[first], right[first]
    area = shapely.area(shapes)
    small, large = np.minimum(area[left], area[right]), np.maximum(area[left], area[right])
    alike = small >= iou * large
    left, right = left[alike], right[alike]
    alike = _box_iou(shapely.bounds(shapes), left, right) >= iou * 0.5
    left, right = left[alike], right[alike]
    common = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    union = area[left] + area[right] - common
    twins = common >= iou * union
    return left[twins], right[twins]


def _box_iou(
    bounds: "NDArray[np.float64]", left: "NDArray[np.intp]", right: "NDArray[np.intp]"
) -> "NDArray[np.float64]":
    low = np.maximum(bounds[left, :2], bounds[right, :2])
    high = np.minimum(bounds[left, 2:], bounds[right, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    size = np.prod(bounds[:, 2:] - bounds[:, :2], axis=1)
    union = size[left] + size[right] - common
    out = np.zeros(len(left))
    np.divide(common, union, out=out, where=union > 0)
    return out
