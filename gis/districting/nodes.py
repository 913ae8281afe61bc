"""Nodes: cells with their units contracted, so that a quarter moves as one."""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.ground import components

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints


def nodes_of(
    graph: "CellGraph", joined: "Bools", maximum: int, frozen: "Bools", current: "Ints"
) -> "Ints":
    """Return the node of each cell: a unit is one node, any other cell is a node of its own.

    A unit in several pieces (over ``joined`` edges) becomes one node per piece. A piece that holds
    more than ``maximum`` households, or whose cells are locked in different grids, is left as its
    cells: it has to be split. The locked cells of a node are all in one grid of ``current``; its
    other cells may be elsewhere, so a node's grid is that of its locked cells.

    Parameters
    ----------
    graph
        The cells.
    joined
        Per edge: whether a grid may extend over it.
    maximum
        Largest number of households of a grid.
    frozen
        Per cell: it must stay in its current grid.
    current
        Per cell the current grid, -1 for none.

    Returns
    -------
    Numbers 0 … count - 1, shape (cells,), in the order of each node's first cell.
    """
    size = graph.size
    cell = np.arange(size, dtype=np.int64)
    if graph.unit is None or not size:
        return cell
    source, target, unit = graph.source, graph.indices, graph.unit
    same = joined & (unit[source] >= 0) & (unit[source] == unit[target])
    same &= graph.community[source] == graph.community[target]
    count, piece = components(size, source[same], target[same])
    too_large = np.bincount(piece, graph.households, count) > maximum
    low = np.full(count, np.iinfo(np.int64).max)
    high = np.full(count, -1)
    np.minimum.at(low, piece[frozen], current[frozen])
    np.maximum.at(high, piece[frozen], current[frozen])
    divided = too_large | (low < high)
    key = np.where(divided[piece], count + cell, piece)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    # Numbered by first cell, so that the order does not depend on how pieces were found.
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]
