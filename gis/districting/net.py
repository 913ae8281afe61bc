"""What compiled refinement works on: a region's arrays, its prices, its grids, working memory."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.districting.graph import Bools, Ints

Words = NDArray[np.uint64]
#: Links of a chain of moves at most.
LINKS = 3


class Net(NamedTuple):
    """Nodes of a region and their borders, in compressed rows.

    Parameters
    ----------
    indptr, source, target
        Row pointer, first and second node of each border, both directions.
    joined
        Whether a grid may extend over the border.
    border, cut, held
        Per border its length in dm, and its price if cut and if held inside a grid.
    nodes
        Shape (nodes, 8): the columns named in this module.
    frozen
        Whether a node must stay where it is.
    home
        Grid that each node leaves at a price, -1 where it may go freely.
    """

    indptr: Ints
    source: Ints
    target: Ints
    joined: Bools
    border: Ints
    cut: Ints
    held: Ints
    nodes: Ints
    frozen: Bools
    home: Ints


class Prices(NamedTuple):
    """What a grid costs by itself, in tenths of a point.

    Parameters
    ----------
    people
        Price of each number of households from 0 to all.
    shape, dispersion, load
        Factors of perimeter² / area, of inertia / area², and of the squared distance of the load
        from ``mean_load``.
    mean_load
        Load that a grid should have.
    change
        Per household that is not at home.
    """

    people: Ints
    shape: float
    dispersion: float
    load: float
    mean_load: float
    change: int


class Grids(NamedTuple):
    """Grids of a region as they are now; changed in place.

    Parameters
    ----------
    label
        Grid of each node.
    sums
        Shape (grids, 8): the columns named in this module.
    cost
        Price of each grid by itself.
    """

    label: Ints
    sums: Ints
    cost: Ints


class Bench(NamedTuple):
    """Working memory of a search; ``random`` holds the state of its random choices.

    Parameters
    ----------
    mark, queue, stamp
        For walks within a grid: mark and queue per node, and the number of the last walk.
    trial
        Shape (links, 4): cost of both grids and their perimeters after each move that is weighed.
    random
        One number of 64 bits.
    walk, place
        Shape (links, nodes): the nodes of the grid that each link of a chain comes from; and
        (links, 3): which of them is tried, how many they are, and its next border.
    chain
        Shape (links, 4): of the chain that is tried the node, the grid it leaves, the grid it joins
        and the change of cost so far.
    best, least
        Shape (links, 2): node and grid of the best chain; and (2,): its change of cost and links.
    """

    mark: Ints
    queue: Ints
    stamp: Ints
    trial: Ints
    random: Words
    walk: Ints
    place: Ints
    chain: Ints
    best: Ints
    least: Ints


def bench_of(size: int, seed: int) -> Bench:
    """Return working memory for a region of ``size`` nodes."""
    return Bench(
        mark=np.zeros(size, dtype=np.int64),
        queue=np.zeros(size, dtype=np.int64),
        stamp=np.zeros(1, dtype=np.int64),
        trial=np.zeros((LINKS, 4), dtype=np.int64),
        random=np.array([seed], dtype=np.uint64),
        walk=np.zeros((LINKS, size), dtype=np.int64),
        place=np.zeros((LINKS, 3), dtype=np.int64),
        chain=np.zeros((LINKS, 4), dtype=np.int64),
        best=np.zeros((LINKS, 2), dtype=np.int64),
        least=np.zeros(2, dtype=np.int64),
    )
