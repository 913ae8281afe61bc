"""Blocks merged to parts of about equal households: contiguous and the same each time."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

#: Any fixed number: METIS is seeded so that the same blocks give the same communities.
SEED = 20_200_611
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
        count = max(1, min(round(households[rows].sum() / community_size), len(rows)))
        own = _cut(households[rows], borders[rows][:, rows].tocsr(), count)
        part[rows] = own + first
        first += int(own.max()) + 1
    return part


def _cut(households: "NDArray[np.int64]", borders: "csr_matrix", count: int) -> "NDArray[np.int64]":
    if count == 1:
        return np.zeros(len(households), dtype=np.int64)
    import pymetis

    _, part = pymetis.part_graph(
        count,
        xadj=borders.indptr.astype(np.int64),
        adjncy=borders.indices.astype(np.int64),
        vweights=(households * _HOUSEHOLD + 1).tolist(),
        eweights=borders.data.astype(np.int64).tolist(),
        options=pymetis.Options(seed=SEED, contig=True, ufactor=50, ncuts=8, niter=30),
        recursive=False,
    )
    whole = make_contiguous(np.asarray(part, dtype=np.int64), households, borders)
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)


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
