"""Cut nodes: those without which the grid they are in would fall apart."""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.compiled import compiled

if TYPE_CHECKING:
    from gis.districting.graph import Bools, Ints


@compiled
def cut_nodes(indptr: "Ints", indices: "Ints") -> "Bools":
    """Return which nodes of a graph are cut nodes, by one depth-first search.

    Source: Hopcroft and Tarjan (1973), Algorithm 447: efficient algorithms for graph manipulation.

    Parameters
    ----------
    indptr, indices
        A symmetric graph in compressed rows; it may be in several pieces.

    Returns
    -------
    Shape (nodes,): whether the piece of the node falls apart without it.
    """
    size = len(indptr) - 1
    out = np.zeros(size, dtype=np.bool_)
    seen = np.zeros(size, dtype=np.int64)  # order of discovery from 1, 0 for not yet
    low = np.zeros(size, dtype=np.int64)
    parent = np.full(size, -1, dtype=np.int64)
    cursor = indptr[:-1].copy()
    time = 0
    for root in range(size):
        if seen[root]:
            continue
        time += 1
        seen[root] = low[root] = time
        branches = 0
        v = root
        while v >= 0:
            if cursor[v] < indptr[v + 1]:
                w = indices[cursor[v]]
                cursor[v] += 1
                if not seen[w]:
                    time += 1
                    seen[w] = low[w] = time
                    parent[w] = v
                    branches += v == root
                    v = w
                elif w != parent[v]:
                    low[v] = min(low[v], seen[w])
                continue
            above = parent[v]
            if above >= 0:
                low[above] = min(low[above], low[v])
                if above != root and low[v] >= seen[above]:
                    out[above] = True
            v = above
        out[root] = branches > 1
    return out
