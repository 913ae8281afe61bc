"""Sequence numbers of grids, by the written rule.

Grids of a community are taken in bands from north to south (band height = √ of the mean grid area),
within a band west to east, ties by y (north first), then by key. A surviving grid keeps its number.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from gis.districting.graph import CellGraph, Ints


def reading_order(
    x_m: ArrayLike, y_m: ArrayLike, areas_m2: ArrayLike, keys: Sequence[object]
) -> "Ints":
    """Return positions of grids in the order in which they are numbered.

    Parameters
    ----------
    x_m, y_m
        Representative point of each grid in a projected CRS.
    areas_m2
        Area of each grid.
    keys
        Key of each grid; breaks the last ties.
    """
    x, y = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)
    if len(x) == 0:
        return np.empty(0, dtype=np.int64)
    height = float(np.sqrt(np.mean(np.asarray(areas_m2, dtype=float))))
    band = np.floor((y.max() - y) / height) if height > 0 else np.zeros(len(x))
    rank = np.empty(len(x), dtype=np.int64)
    rank[sorted(range(len(x)), key=lambda i: str(keys[i]))] = np.arange(len(x))
    return np.lexsort((rank, -y, x, band)).astype(np.int64)


def sequence_numbers(
    x_m: ArrayLike,
    y_m: ArrayLike,
    areas_m2: ArrayLike,
    keys: Sequence[object],
    surviving: Mapping[object, int] | None = None,
) -> "Ints":
    """Return the sequence number of each grid of one community, from 1.

    Parameters
    ----------
    x_m, y_m, areas_m2, keys
        As for :func:`reading_order`.
    surviving
        Number of each surviving grid by key; new grids take the free numbers in order.

    Examples
    --------
    >>> sequence_numbers([0, 1, 0], [1, 1, 0], [1, 1, 1], "abc").tolist()
    [1, 2, 3]
    """
    surviving = surviving or {}
    out = np.zeros(len(keys), dtype=np.int64)
    taken = {surviving[key] for key in keys if key in surviving}
    number = 0
    for i in reading_order(x_m, y_m, areas_m2, keys):
        if keys[i] in surviving:
            out[i] = surviving[keys[i]]
            continue
        number += 1
        while number in taken:
            number += 1
        out[i] = number
    return out


def draw_order(graph: "CellGraph", label: "Ints", count: int) -> list[int]:
    """Return the labels community by community, each in reading order of the centroids."""
    area = np.bincount(label, graph.area_m2, count)
    weight = np.where(area > 0, area, 1)
    x = np.bincount(label, graph.area_m2 * graph.x_m, count) / weight
    y = np.bincount(label, graph.area_m2 * graph.y_m, count) / weight
    used, first = np.unique(label, return_index=True)
    home = graph.community[first]
    out: list[int] = []
    for community in np.unique(home):
        grids = used[home == community]
        order = reading_order(x[grids], y[grids], area[grids], first[home == community].tolist())
        out += grids[order].tolist()
    return out
