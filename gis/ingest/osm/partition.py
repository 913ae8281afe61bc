"""Blocks merged to parts of about equal households: contiguous and the same each time."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

#: METIS is run with so many fixed seeds, and the best result is taken: the same each time.
SEEDS = range(1, 13)
#: Parts may differ from their mean by this share before balance goes over short borders.
TOLERANCE = 0.1
#: Weight of one household in METIS's integers; an empty block weighs 1.
_HOUSEHOLD = 16


def merge(
    households: "NDArray[np.int64]", borders: "csr_matrix", community_size: int
) -> "NDArray[np.int64]":
    """Return the part of each block, numbered from 0.

    Blocks of each connected piece of ground (an island, say) are cut into about
    ``households / community_size`` parts by METIS, which balances households and minimises the
    weighted border; pieces that it tears off are given to the neighbour they border most. An
    uninhabited piece stays on its own here: see :func:`attach_uninhabited`.

    Parameters
    ----------
    households
        Per block.
    borders
        Symmetric weights of the border of two blocks, positive integers: heavy where they
        should stay together.
    community_size
        Households of a part, about.
    """
    from scipy.sparse.csgraph import connected_components

    _, piece = connected_components(borders, directed=False)
    part = np.zeros(len(households), dtype=np.int64)
    first = 0
    for number in range(int(piece.max()) + 1):
        rows = np.flatnonzero(piece == number)
        count = min(part_count(int(households[rows].sum()), community_size), len(rows))
        own = _cut(households[rows], borders[rows][:, rows].tocsr(), count)
        part[rows] = own + first
        first += int(own.max()) + 1
    return part


def _cut(households: "NDArray[np.int64]", borders: "csr_matrix", count: int) -> "NDArray[np.int64]":
    if count == 1:
        return np.zeros(len(households), dtype=np.int64)
    import pymetis

    graph = pymetis.CSRAdjacency(borders.indptr.astype(np.int64), borders.indices.astype(np.int64))
    candidates = []
    for seed in SEEDS:
        _, part = pymetis.part_graph(
            count,
            graph,
            vweights=(households * _HOUSEHOLD + 1).tolist(),
            eweights=borders.data.astype(np.int64).tolist(),
            options=pymetis.Options(seed=seed, contig=True, ufactor=50, niter=30),
            recursive=False,
        )
        whole = make_contiguous(np.asarray(part, dtype=np.int64), households, borders)
        candidates.append(np.unique(whole, return_inverse=True)[1].astype(np.int64))
    return min(candidates, key=lambda part: _cost(part, households, borders))


def _cost(
    part: "NDArray[np.int64]", households: "NDArray[np.int64]", borders: "csr_matrix"
) -> tuple[int, int]:
    """Return households out of tolerance, and the weighted border between parts."""
    total = np.bincount(part, weights=households)
    excess = np.maximum(np.abs(total - total.mean()) - TOLERANCE * total.mean(), 0).sum()
    each = borders.tocoo()
    return round(excess), int(each.data[part[each.row] != part[each.col]].sum())


def part_count(households: int, community_size: int) -> int:
    """Return how many parts come nearest to the size, as a ratio; at least one.

    Examples
    --------
    >>> part_count(4200, 3000), part_count(4280, 3000)
    (1, 2)
    """
    ratio = households / community_size
    low = int(ratio)
    return max(1, low + int(ratio > (low * (low + 1)) ** 0.5))


def make_contiguous(
    part: "NDArray[np.int64]", households: "NDArray[np.int64]", borders: "csr_matrix"
) -> "NDArray[np.int64]":
    """Return the parts with torn-off pieces given to the neighbour they border most.

    Of a part in several pieces the one with most households stays; each round lowers the number
    of pieces, so it ends.
    """
    from scipy.sparse.csgraph import connected_components

    part = part.copy()
    rows, columns = borders.nonzero()
    while True:
        same = borders.copy()
        same.data = np.where(part[rows] == part[columns], 1, 0)
        same.eliminate_zeros()
        count, piece = connected_components(same, directed=False)
        if count == len(np.unique(part)):
            return part
        weight = np.bincount(piece, weights=households * _HOUSEHOLD + 1, minlength=count)
        of_part = np.zeros(count, dtype=np.int64)
        of_part[piece] = part
        order = np.lexsort((np.arange(count), -weight, of_part))
        torn = order[1:][of_part[order[1:]] == of_part[order[:-1]]]
        smallest = torn[np.lexsort((torn, weight[torn]))[0]]
        members = np.flatnonzero(piece == smallest)
        around = borders[members].tocoo()
        outside = part[around.col] != of_part[smallest]
        by_part = np.bincount(part[around.col[outside]], weights=around.data[outside])
        part[members] = int(by_part.argmax())


def attach_uninhabited(
    part: "NDArray[np.int64]",
    households: "NDArray[np.int64]",
    centre_xy: "NDArray[np.float64]",
) -> "NDArray[np.int64]":
    """Return the parts with those that nobody lives in joined to the nearest inhabited one.

    Only islands and other severed ground are uninhabited parts; nobody needs a path to them.

    Parameters
    ----------
    part, households
        Per block.
    centre_xy
        A point of each block in metres, shape (n, 2).
    """
    total = np.bincount(part, weights=households)
    inhabited = total[part] > 0
    if inhabited.all() or not inhabited.any():
        return part
    from scipy.spatial import cKDTree

    part = part.copy()
    _, nearest = cKDTree(centre_xy[inhabited]).query(centre_xy)
    for number in np.flatnonzero(total == 0):
        members = np.flatnonzero(part == number)
        if len(members):
            part[members] = part[np.flatnonzero(inhabited)[nearest[members[0]]]]
    return np.unique(part, return_inverse=True)[1].astype(np.int64)
