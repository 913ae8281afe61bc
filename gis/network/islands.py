"""Small pieces of network that end just short of another: links that join them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gis.network.barring import crossed
from gis.network.noding import Strokes, lines_of, on_vertices, only, stretches

if TYPE_CHECKING:
    from gis.geometry.crs import Geometries
    from gis.network.contracting import Pieces
    from gis.network.graph import Bools, Floats, Ints, Walls

#: A piece of network shorter than this in all is an island.
ISLAND_M = 500.0
#: An island within this of longer network is joined to it.
LINK_M = 10.0


@dataclass(frozen=True, eq=False)
class Links:
    """Straight links from islands to longer network, and the vertices that they end at.

    Parameters
    ----------
    line
        ``(l,)``: the links.
    meets, along_m, xy
        ``(2l,)``: the stroke that each end is on, metres along it, and the place.
    left
        Number of islands that stay by themselves.
    """

    line: "Geometries"
    meets: "Ints"
    along_m: "Floats"
    xy: "Floats"
    left: int


def links_of(
    strokes: Strokes, pieces: "Pieces", quarter: "Ints", ground: "Bools", walls: "Walls"
) -> Links:
    """Return the shortest link of each island to network that is longer in all.

    An island is joined where it comes within 10 m of such network on the ground, in the same
    walled quarter or both in none, and the link crosses no river, railway or wall.

    Parameters
    ----------
    strokes, pieces
        The network so far.
    quarter
        ``(p,)``: walled quarter of each piece, or -1.
    ground
        Per line.
    walls
        What links must not cross.
    """
    count = len(pieces.first)
    label, total = _islands(strokes, pieces)
    open_ = ground[strokes.line[pieces.first]] if count else np.zeros(0, dtype=bool)
    small = total < ISLAND_M
    lines = stretches(strokes, pieces.first, pieces.last)
    rows = np.flatnonzero(open_ & small[label]) if count else np.zeros(0, dtype=np.int64)
    tree = shapely.STRtree(only(lines, open_))
    at, other = tree.query(lines[rows], predicate="dwithin", distance=LINK_M)
    own = rows[at]
    rank = np.lexsort((np.arange(len(total)), -total)).argsort()
    keep = (rank[label[other]] < rank[label[own]]) & (quarter[own] == quarter[other])
    own, other = own[keep], other[keep]
    links = np.asarray(shapely.shortest_line(lines[own], lines[other]), dtype=object)
    free = ~crossed(links, shapely.STRtree(np.concatenate([walls.water, walls.lines])))
    own, other, links = own[free], other[free], links[free]
    order = np.lexsort((other, own, shapely.length(links), label[own]))
    first = order[np.unique(label[own][order], return_index=True)[1]]
    own, other, links = own[first], other[first], links[first]
    meets = strokes.line[pieces.first[np.concatenate([own, other])]]
    xy = np.concatenate([shapely.get_coordinates(shapely.get_point(links, end)) for end in (0, -1)])
    whole = lines_of(strokes, len(ground))
    along = np.asarray(
        shapely.line_locate_point(whole[meets], shapely.points(xy)), dtype=float
    ).reshape(len(meets))
    xy, along = on_vertices(strokes, meets, xy, along, 0.1)
    ends = np.stack([xy[: len(own)], xy[len(own) :]], axis=1)
    line = np.asarray(shapely.linestrings(ends), dtype=object).reshape(len(own))
    return Links(line, meets, along, xy, int(small.sum()) - len(own))


def _islands(strokes: Strokes, pieces: "Pieces") -> "tuple[Ints, Floats]":
    """Return the connected piece of network that each piece is of, and the length of each."""
    if len(pieces.first) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    size = int(max(pieces.start.max(), pieces.end.max())) + 1
    ones = np.ones(len(pieces.first))
    matrix = coo_matrix((ones, (pieces.start, pieces.end)), shape=(size, size))
    found = connected_components(matrix, directed=False)[1][pieces.start]
    label = np.unique(found, return_inverse=True)[1].ravel().astype(np.int64)
    length = strokes.along_m[pieces.last] - strokes.along_m[pieces.first]
    return label, np.asarray(np.bincount(label, length), dtype=float)
