"""A region: one connected piece of ground as arrays, its units contracted to single nodes."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.districting.graph import sums

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Floats, Ints
    from gis.districting.options import DrawOptions, Weights

#: Costs are whole tenths of a point, lengths decimetres, areas square decimetres: sums of integers
#: are the same in any order, so results do not depend on it.
POINT = 10
DECIMETRE = 10
#: Least area of a node, dm²: a sliver must not divide by nothing.
_LEAST_AREA = 100


@dataclass(frozen=True, eq=False)
class Region:
    """One connected piece of ground, ready to be partitioned.

    Parameters
    ----------
    cells
        Positions of its cells in the graph.
    node
        Node of each of these cells.
    nodes
        Per node, int64: households, area in dm², border with anything outside the region in dm,
        area × x, area × y and area × (x² + y²) plus its own moment in m³, m³ and m⁴ about the
        middle of the region, what else is to be shared evenly, and 1.
    indptr, source, target
        Borders between nodes in compressed rows, both directions.
    border, cut, held
        Per border: length in dm, price of cutting it, price of holding it inside.
    joined
        Per border: whether a grid may extend over it.
    frozen
        Per node: it must stay in its current grid.
    current
        Per node the current grid, -1 for none.
    """

    cells: "Ints"
    node: "Ints"
    nodes: "Ints"
    indptr: "Ints"
    source: "Ints"
    target: "Ints"
    border: "Ints"
    cut: "Ints"
    held: "Ints"
    joined: "Bools"
    frozen: "Bools"
    current: "Ints"

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @cached_property
    def households(self) -> list[int]:
        """Households of each node."""
        people: list[int] = self.nodes[:, 0].tolist()
        return people

    @cached_property
    def total(self) -> int:
        """Households of the region."""
        return int(self.nodes[:, 0].sum())

    @cached_property
    def near(self) -> list[list[int]]:
        """Neighbours of each node over joined borders."""
        target = self.target[self.joined].tolist()
        ends = np.cumsum(np.bincount(self.source[self.joined], minlength=self.size)).tolist()
        return [target[a:b] for a, b in zip([0, *ends], ends, strict=False)]


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
    node
        Node per cell of the whole graph.
    """

    graph: "CellGraph"
    options: "DrawOptions"
    joined: "Bools"
    current: "Ints"
    frozen: "Bools"
    node: "Ints"

    @cached_property
    def source(self) -> "Ints":
        """First cell of each edge."""
        return self.graph.source


def region_of(task: Task, cells: "Ints") -> Region:
    """Return the region of ``cells``, which hold whole nodes."""
    graph = task.graph
    used, node = np.unique(task.node[cells], return_inverse=True)
    count = len(used)
    inside = np.full(graph.size, -1, dtype=np.int64)
    inside[cells] = node
    # Edges that leave the region belong to its outer border.
    own = _edges_of(graph, cells)
    a, b = inside[task.source[own]], inside[graph.indices[own]]
    outward = b < 0
    outer = sums(node, graph.outer_border_m[cells], count)
    outer += sums(a[outward], graph.border_m[own[outward]], count)
    x, y, area = graph.x_m[cells], graph.y_m[cells], graph.area_m2[cells]
    x, y = x - np.round(x.mean()), y - np.round(y.mean())
    frozen = np.zeros(count, dtype=bool)
    np.logical_or.at(frozen, node, task.frozen[cells])
    kept = ~outward & (a != b)
    load = np.zeros(len(cells)) if graph.balanced is None else graph.balanced[cells]
    nodes = (
        sums(node, graph.households[cells], count),
        np.maximum(sums(node, area, count) * DECIMETRE**2, _LEAST_AREA),
        outer * DECIMETRE,
        sums(node, area * x, count),
        sums(node, area * y, count),
        # A cell's own moment is taken as that of a disc of its area.
        np.maximum(sums(node, area * (x**2 + y**2) + area**2 / (2 * np.pi), count), 1),
        sums(node, load, count),
        np.ones(count),
    )
    return Region(
        cells=cells,
        node=node,
        nodes=np.ascontiguousarray(np.round(np.column_stack(nodes)).astype(np.int64)),
        **_borders(task, count, own[kept], a[kept], b[kept]),
        frozen=frozen,
        current=_majority(task, cells, node, count),
    )


def _edges_of(graph: "CellGraph", cells: "Ints") -> "Ints":
    """Return the positions of all edges that begin in ``cells``."""
    first, many = graph.indptr[cells], np.diff(graph.indptr)[cells]
    ends = np.cumsum(many)
    positions: Ints = np.arange(many.sum()) + np.repeat(first - (ends - many), many)
    return positions


def _borders(task: Task, count: int, edges: "Ints", a: "Ints", b: "Ints") -> dict[str, Any]:
    graph = task.graph
    length, barrier = graph.border_m[edges], graph.barrier_class[edges]
    key, inverse = np.unique(a * count + b, return_inverse=True)
    cut, held = prices(task.options.priced)
    many = len(key)

    def whole(values: "Floats") -> "Ints":
        return np.round(np.bincount(inverse, values, many)).astype(np.int64)

    source = key // count
    return {
        "indptr": np.concatenate(([0], np.cumsum(np.bincount(source, minlength=count)))),
        "source": source,
        "target": key % count,
        "border": whole(length * DECIMETRE),
        "cut": whole(length * cut[barrier]),
        "held": whole(length * held[barrier]),
        "joined": np.bincount(inverse, task.joined[edges], many) > 0,
    }


def prices(weights: "Weights") -> "tuple[Floats, Floats]":
    """Return the price per metre of cutting, and of holding inside, by barrier class."""
    cut = np.array(weights.border) * POINT
    held = np.array([0.0, 0.0, 1.0, 1.0]) * weights.arterial_inside * POINT
    return cut, held


def _majority(task: Task, cells: "Ints", node: "Ints", count: int) -> "Ints":
    """Return the grid in which most of each node's households are (then most of its cells).

    A node with locked cells is where these are.
    """
    current, frozen = task.current[cells], task.frozen[cells]
    out = np.full(count, -1, dtype=np.int64)
    has = current >= 0
    if not has.any():
        return out
    pairs, inverse = np.unique(
        np.column_stack((node[has], current[has])), axis=0, return_inverse=True
    )
    inverse = inverse.ravel()
    people = np.bincount(inverse, task.graph.households[cells][has], len(pairs))
    many = np.bincount(inverse, minlength=len(pairs))
    locked = np.bincount(inverse, frozen[has], len(pairs)) > 0
    # The last of each node in this order is its grid.
    order = np.lexsort((-pairs[:, 1], many, people, locked, pairs[:, 0]))
    out[pairs[order, 0]] = pairs[order, 1]
    return out
