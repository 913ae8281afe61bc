"""One scorer for all: Wangge's measures, and what must hold checked without them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from drawings.units import CLASS_COST, MAXIMUM, MINIMUM, TARGET, Ints

if TYPE_CHECKING:
    from drawings.instances import Instance

Score = dict[str, float]


def score(instance: "Instance", label: Ints) -> Score:
    """Return the quality of a drawing; ``label`` is the grid of each unit, -1 for none.

    Shapes, borders and households are measured by :func:`gis.districting.evaluate` on the cells.
    Pieces and community lines are counted here, so that a method is not judged by its own code.
    Units without a grid are taken for one grid.
    """
    from gis.districting import DrawOptions, evaluate

    grid = np.unique(label, return_inverse=True)[1][instance.unit]
    # evaluate refuses a grid that crosses a community line, which most peers' do.
    open_city = replace(instance.cells, community=np.zeros(instance.cells.size, dtype=np.int64))
    options = DrawOptions(target=TARGET, minimum=MINIMUM, maximum=MAXIMUM)
    measures = evaluate(open_city, grid, options)
    return {
        "k": measures.count,
        "unassigned": int((np.asarray(label) < 0).sum()),
        "in_band_pct": 100 * measures.share_in_range,
        "mean_dev": measures.mean_deviation,
        "max_dev": measures.max_deviation,
        "noncontiguous": len(torn(instance, label)),
        "crossing": len(crossing(instance, label)),
        "pp": measures.mean_polsby_popper,
        "reock": measures.mean_reock,
        "border_km": measures.border_m / 1000,
        "weighted_km": float(CLASS_COST @ measures.border_by_class_m) / 1000,
        "straddling": int((measures.barrier_inside_m > 0).sum()),
    }


def torn(instance: "Instance", label: Ints) -> Ints:
    """Return the grids that are in more than one piece."""
    units = instance.units
    grid = np.unique(label, return_inverse=True)[1]
    kept = grid[units.source] == grid[units.indices]
    ones = np.ones(int(kept.sum()), dtype=np.int8)
    ends = (units.source[kept], units.indices[kept])
    count, piece = connected_components(coo_matrix((ones, ends), shape=(units.size, units.size)))
    of_piece = np.zeros(count, dtype=np.int64)
    of_piece[piece] = grid
    return np.flatnonzero(np.bincount(of_piece) > 1)


def crossing(instance: "Instance", label: Ints) -> Ints:
    """Return the grids that lie in more than one community."""
    grid = np.unique(label, return_inverse=True)[1]
    pairs = np.unique(np.c_[grid, instance.units.community], axis=0)
    return np.flatnonzero(np.bincount(pairs[:, 0]) > 1)


def moved_pct(households: Ints, before: Ints, after: Ints) -> float:
    """Return the share of households, in %, whose grid is not the heir of the one they had.

    Heirs are matched one to one so that as many households as possible stay.
    """
    from scipy.optimize import linear_sum_assignment

    old = np.unique(before, return_inverse=True)[1]
    new = np.unique(after, return_inverse=True)[1]
    shared = coo_matrix((households, (old, new))).toarray()
    stay = shared[linear_sum_assignment(shared, maximize=True)].sum()
    return float(100 * (1 - stay / households.sum()))
