"""Ground that can be drawn on: which borders join cells, and the connected pieces they leave."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
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
    if joined.sum() == allowed.sum():
        return Ground(joined, ())
    return Ground(joined, tuple(_join(graph, minimum, joined, np.flatnonzero(allowed & ~joined))))


def _join(graph: "CellGraph", minimum: int, joined: "Bools", walls: "Ints") -> "list[Ints]":
    """Open a wall of each small piece, fewest households first; return what was joined.

    ``joined`` is changed in place; ``walls`` are the edges that may be opened, ascending. A piece
    takes over cells and walls of the one that it is joined to or the other way round, whichever is
    the smaller, so that no cell changes hands often.
    """
    source, target = graph.source, graph.indices
    count, piece = components(graph.size, source[joined], target[joined])
    people = [int(many) for many in np.bincount(piece, graph.households, count)]
    cells, around = _grouped(np.arange(graph.size), piece), _grouped(walls, piece[source[walls]])
    around += [walls[:0]] * (count - len(around))
    first = np.array([each[0] for each in cells], dtype=np.int64)
    waiting = [(many, int(first[i]), i) for i, many in enumerate(people) if many < minimum]
    heapify(waiting)
    joins = []
    while waiting:
        many, begins, a = heappop(waiting)
        if people[a] != many or first[a] != begins or not len(cells[a]):
            continue  # it has been joined since
        edges = around[a][piece[target[around[a]]] != a]
        if not len(edges):
            continue
        edge = _weakest(graph, edges, piece[target[edges]], first)
        joins.append(np.sort(cells[a]))
        u, v = source[edge], target[edge]
        row = slice(graph.indptr[v], graph.indptr[v + 1])
        joined[edge] = True
        joined[row] |= target[row] == u
        keep, gone = sorted((a, int(piece[v])), key=lambda i: (-len(cells[i]), i))
        piece[cells[gone]] = keep
        cells[keep] = np.concatenate((cells[keep], cells[gone]))
        around[keep] = np.sort(np.concatenate((around[keep], around[gone])))
        cells[gone] = cells[gone][:0]
        people[keep] += people[gone]
        first[keep] = min(first[keep], first[gone])
        if people[keep] < minimum:
            heappush(waiting, (people[keep], int(first[keep]), keep))
    return joins


def _grouped(values: "Ints", key: "Ints") -> "list[Ints]":
    """Return the values of each key from 0 to the largest, in their order."""
    order = np.argsort(key, kind="stable")
    return np.split(values[order], np.cumsum(np.bincount(key))[:-1])


def _weakest(graph: "CellGraph", edges: "Ints", other: "Ints", first: "Ints") -> int:
    """Return the longest edge of the weakest, then longest border with another piece."""
    pieces, inverse = np.unique(other, return_inverse=True)
    length = np.bincount(inverse, graph.border_m[edges])
    weakest = np.full(len(pieces), 9)
    np.minimum.at(weakest, inverse, graph.barrier_class[edges])
    best = np.lexsort((first[pieces], -length, weakest))[0]
    chosen = edges[inverse == best]
    return int(chosen[np.argmax(graph.border_m[chosen])])
