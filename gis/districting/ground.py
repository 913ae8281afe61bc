"""Ground that can be drawn on: which borders join cells, and the connected pieces they leave."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints


@dataclass(frozen=True, eq=False)
class Ground:
    """How the cells of a graph hang together.

    Parameters
    ----------
    joined
        Per edge: whether a grid may extend over it.
    joins
        Pieces that were joined over an impassable border, each as the positions of its cells.
    """

    joined: "Bools"
    joins: tuple["Ints", ...]


def components(size: int, source: "Ints", target: "Ints") -> tuple[int, "Ints"]:
    """Return the number of connected components and the component of each of ``size`` nodes."""
    matrix = coo_matrix((np.ones(len(source), dtype=np.int8), (source, target)), shape=(size, size))
    count, label = connected_components(matrix, directed=False)
    return int(count), label.astype(np.int64)


def ground_of(graph: "CellGraph", minimum: int) -> Ground:
    """Return which edges join cells of one community.

    A grid extends over passable borders only. A piece of a community that can be reached over
    impassable borders only and holds fewer than ``minimum`` households could not be a grid: it is
    joined to the neighbour with the weakest, then longest border, and named.

    Parameters
    ----------
    graph
        The cells.
    minimum
        Smallest number of households of a grid.
    """
    source, target = graph.source, graph.indices
    allowed = graph.community[source] == graph.community[target]
    if graph.dedicated is not None:
        allowed &= graph.dedicated[source] == graph.dedicated[target]
    joined = allowed & graph.open_edge
    joins: list[Ints] = []
    if joined.sum() == allowed.sum():
        return Ground(joined, ())
    candidates = np.flatnonzero(allowed & ~joined)
    while True:
        count, piece = components(graph.size, source[joined], target[joined])
        households = np.bincount(piece, graph.households, count)
        a, b = piece[source[candidates]], piece[target[candidates]]
        open_ = (a != b) & (households[a] < minimum)
        if not open_.any():
            return Ground(joined, tuple(joins))
        edges, a, b = candidates[open_], a[open_], b[open_]
        # The piece with the fewest households first, over its weakest, then longest border.
        pair = a * count + b
        _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
        length = np.bincount(inverse, graph.border_m[edges])
        weakest = np.full(len(first), 9)
        np.minimum.at(weakest, inverse, graph.barrier_class[edges])
        best = np.lexsort((b[first], -length, weakest, a[first], households[a[first]]))[0]
        chosen = inverse == best
        cells = np.flatnonzero(piece == a[first[best]])
        joins.append(cells)
        # Only the longest of these borders is opened, in both directions.
        edge = edges[chosen][np.argmax(graph.border_m[edges[chosen]])]
        u, v = source[edge], target[edge]
        joined |= ((source == u) & (target == v)) | ((source == v) & (target == u))


def pieces_of_grids(graph: "CellGraph", joined: "Bools", label: "Ints", count: int) -> "Ints":
    """Return the number of connected pieces of each of ``count`` grids (``label`` per cell).

    A piece where nobody lives belongs to the piece that it touches, be there a wall between.
    """
    source, target = graph.source, graph.indices
    within = label[source] == label[target]
    same = joined & within
    number, piece = components(graph.size, source[same], target[same])
    empty = np.bincount(piece, graph.households, number) == 0
    same |= within & (empty[piece[source]] | empty[piece[target]])
    _, piece = components(graph.size, source[same], target[same])
    first = np.unique(piece, return_index=True)[1]
    return np.bincount(label[first], minlength=count).astype(np.int64)
