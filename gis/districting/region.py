"""A region: one connected piece of ground as plain lists, its units contracted to single nodes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.districting.graph import sums
from gis.districting.ground import components

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Floats, Ints
    from gis.districting.options import DrawOptions, Weights

#: Costs are whole tenths of a point, lengths decimetres, areas square decimetres: sums of integers
#: are the same in any order, so results do not depend on it.
POINT = 10
DECIMETRE = 10

#: A neighbour: node, border in dm, price of cutting it, price of holding it inside, joined or not.
Edge = tuple[int, int, int, int, bool]


@dataclass(frozen=True, eq=False)
class Region:
    """One connected piece of ground, ready to be partitioned.

    Parameters
    ----------
    cells
        Positions of its cells in the graph.
    node
        Node of each of these cells.
    households, area, outer
        Per node: households, area in dm², border with anything outside the region in dm.
    moment_x, moment_y, moment_2
        Per node: area × x, area × y and area × (x² + y²) plus its own moment, in m³, m³ and m⁴,
        about the middle of the region.
    edges
        Per node its neighbours.
    frozen
        Per node: it must stay in its current grid.
    current
        Per node the current grid, -1 for none.
    """

    cells: "Ints"
    node: "Ints"
    households: list[int]
    area: list[int]
    outer: list[int]
    moment_x: list[int]
    moment_y: list[int]
    moment_2: list[int]
    edges: list[list[Edge]]
    frozen: list[bool]
    current: list[int]

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.households)

    @property
    def total(self) -> int:
        """Households of the region."""
        return sum(self.households)


@dataclass(frozen=True, eq=False)
class Task:
    """What all regions of a drawing share.

    Parameters
    ----------
    graph
        The cells.
    options
        The drawing's options.
    joined
        Per edge whether a grid may extend over it.
    current
        Current grid per cell, -1 for none.
    frozen
        Per cell: it must stay in its current grid.
    """

    graph: "CellGraph"
    options: "DrawOptions"
    joined: "Bools"
    current: "Ints"
    frozen: "Bools"


def region_of(task: Task, cells: "Ints") -> Region:
    """Return the region of ``cells``, with every unit that fits in a grid contracted.

    A unit in several pieces becomes one node per piece; a unit above the maximum, or one whose
    cells are locked in different grids, is left as its cells.
    """
    graph = task.graph
    inside = np.full(graph.size, -1, dtype=np.int64)
    inside[cells] = np.arange(len(cells))
    source, target = inside[graph.source], inside[graph.indices]
    node, count = _contract(task, cells, source, target)
    outward = (source >= 0) & (target < 0)
    outer = sums(node, graph.outer_border_m[cells], count)
    outer += sums(node[source[outward]], graph.border_m[outward], count)
    x, y, area = graph.x_m[cells], graph.y_m[cells], graph.area_m2[cells]
    x, y = x - np.round(x.mean()), y - np.round(y.mean())
    frozen = np.zeros(count, dtype=bool)
    np.logical_or.at(frozen, node, task.frozen[cells])
    return Region(
        cells=cells,
        node=node,
        households=np.bincount(node, graph.households[cells], count).astype(np.int64).tolist(),
        area=_whole(sums(node, area, count) * DECIMETRE**2, 100),
        outer=_whole(outer * DECIMETRE, 0),
        moment_x=_whole(sums(node, area * x, count)),
        moment_y=_whole(sums(node, area * y, count)),
        # A cell's own moment is taken as that of a disc of its area.
        moment_2=_whole(sums(node, area * (x**2 + y**2) + area**2 / (2 * np.pi), count), 1),
        edges=_edges(task, node, count, source, target),
        frozen=frozen.tolist(),
        current=_majority(node, task.current[cells], graph.households[cells], count),
    )


def _whole(values: "Floats", low: int | None = None) -> list[int]:
    whole = np.round(values).astype(np.int64)
    return [int(v) for v in (whole if low is None else np.maximum(whole, low)).tolist()]


def _contract(task: Task, cells: "Ints", source: "Ints", target: "Ints") -> "tuple[Ints, int]":
    graph = task.graph
    n = len(cells)
    if graph.unit is None:
        return np.arange(n), n
    unit = graph.unit[cells].copy()
    for each in np.unique(unit[unit >= 0]):
        members = cells[unit == each]
        torn = task.frozen[members].any() and len(np.unique(task.current[members])) > 1
        if torn or graph.households[members].sum() > task.options.maximum:
            unit[unit == each] = -1
    same = (source >= 0) & (target >= 0) & task.joined
    same &= unit[source] >= 0
    same &= unit[source] == unit[target]
    count, node = components(n, source[same], target[same])
    # Nodes are numbered by their first cell, so that order does not depend on the library.
    _, first, inverse = np.unique(node, return_index=True, return_inverse=True)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(count)
    return rank[inverse], count


def _edges(
    task: Task, node: "Ints", count: int, source: "Ints", target: "Ints"
) -> list[list[Edge]]:
    graph, weights = task.graph, task.options.priced
    kept = (source >= 0) & (target >= 0)
    a, b = node[source[kept]], node[target[kept]]
    length, barrier = graph.border_m[kept], graph.barrier_class[kept]
    joined = task.joined[kept]
    differ = a != b
    a, b, length, barrier, joined = (v[differ] for v in (a, b, length, barrier, joined))
    key, inverse = np.unique(a * count + b, return_inverse=True)
    cut, held = prices(weights)
    metres = np.round(np.bincount(inverse, length, len(key)) * DECIMETRE).astype(np.int64)
    cut_price = np.round(np.bincount(inverse, length * cut[barrier], len(key))).astype(np.int64)
    held_price = np.round(np.bincount(inverse, length * held[barrier], len(key))).astype(np.int64)
    over = np.bincount(inverse, joined, len(key)) > 0
    out: list[list[Edge]] = [[] for _ in range(count)]
    for k, m, c, h, o in zip(
        key.tolist(),
        metres.tolist(),
        cut_price.tolist(),
        held_price.tolist(),
        over.tolist(),
        strict=True,
    ):
        out[k // count].append((k % count, m, c, h, o))
    return out


def prices(weights: "Weights") -> "tuple[Floats, Floats]":
    """Return the price per metre of cutting, and of holding inside, by barrier class."""
    cut = np.array(weights.border) * POINT
    held = np.array([0.0, 0.0, 1.0, 1.0]) * weights.arterial_inside * POINT
    return cut, held


def _majority(node: "Ints", current: "Ints", households: "Ints", count: int) -> list[int]:
    """Return the grid in which most of each node's households are (then most of its cells)."""
    out = [-1] * count
    best = [(-1, -1)] * count
    pairs, inverse = np.unique(np.column_stack((node, current)), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    people = np.bincount(inverse, households, len(pairs)).astype(np.int64).tolist()
    number = np.bincount(inverse, minlength=len(pairs)).tolist()
    for (v, grid), many, some in zip(pairs.tolist(), people, number, strict=True):
        if grid >= 0 and (many, some) > best[v]:
            best[v], out[v] = (many, some), grid
    return out
