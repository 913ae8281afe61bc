"""From noded strokes to a graph: pieces between meetings, joined where nothing is decided."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gis.network.graph import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Pieces:
    """Stretches of strokes between two nodes.

    Parameters
    ----------
    first, last
        ``(p,)``: positions of their first and last vertex.
    start, end
        ``(p,)``: nodes.
    kind
        ``(p,)``: only pieces of one kind are joined.
    """

    first: "Ints"
    last: "Ints"
    start: "Ints"
    end: "Ints"
    kind: "Ints"


@dataclass(frozen=True, eq=False)
class Chains:
    """Pieces in a row, chain by chain.

    Parameters
    ----------
    chain
        ``(p,)``: number of the chain, ascending.
    piece
        ``(p,)``: the pieces in order.
    backward
        ``(p,)``: the piece is walked from its end to its start.
    """

    chain: "Ints"
    piece: "Ints"
    backward: "Bools"


def cut(line: "Ints", is_node: "Bools") -> "tuple[Ints, Ints]":
    """Return first and last vertex of each stretch between two nodes of one line.

    Parameters
    ----------
    line
        ``(v,)``: line of each vertex; the ends of lines must be nodes.
    is_node
        ``(v,)``.
    """
    at = np.flatnonzero(is_node)
    same = line[at[1:]] == line[at[:-1]]
    return at[:-1][same], at[1:][same]


def chains_of(pieces: Pieces) -> Chains:
    """Return pieces joined over nodes where exactly two of one kind meet.

    A ring of such nodes alone keeps one node: the first of its first piece.
    """
    count = len(pieces.first)
    partner = _partners(pieces)
    chain, order, backward = [], [], []
    done = np.zeros(count, dtype=bool)
    heads = [half for half, on in enumerate(partner) if on < 0]
    number = 0
    for head in [*heads, *range(0, 2 * count, 2)]:
        if done[head >> 1]:
            continue
        half = head
        while half >= 0 and not done[half >> 1]:
            done[half >> 1] = True
            chain.append(number)
            order.append(half >> 1)
            backward.append(half & 1)
            half = partner[half ^ 1]
        number += 1
    return Chains(np.array(chain, np.int64), np.array(order, np.int64), np.array(backward, bool))


def _partners(pieces: Pieces) -> list[int]:
    """Return for each end of a piece (2p start, 2p + 1 end) the end that goes on from it, or -1."""
    count = len(pieces.first)
    node = np.column_stack([pieces.start, pieces.end]).ravel()
    order = np.argsort(node, kind="stable")
    degree = np.bincount(node) if count else np.zeros(0, dtype=np.int64)
    head = np.cumsum(degree) - degree
    two = np.flatnonzero(degree == 2)
    a, b = order[head[two]], order[head[two] + 1]
    through = (a >> 1 != b >> 1) & (pieces.kind[a >> 1] == pieces.kind[b >> 1])
    partner = np.full(2 * count, -1, dtype=np.int64)
    partner[a[through]], partner[b[through]] = b[through], a[through]
    return list(map(int, partner))


def vertices_of(chains: Chains, pieces: Pieces) -> "tuple[Ints, Ints]":
    """Return the vertices along each chain and the chain of each of them."""
    first, last = pieces.first[chains.piece], pieces.last[chains.piece]
    begin = np.where(chains.backward, last, first)
    step = np.where(chains.backward, -1, 1)
    count = last - first + 1
    # Where a piece goes on from another its first vertex is there already.
    goes_on = np.zeros(len(chains.chain), dtype=bool)
    goes_on[1:] = chains.chain[1:] == chains.chain[:-1]
    begin, count = begin + step * goes_on, count - goes_on
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(begin, count) + np.repeat(step, count) * nth, np.repeat(chains.chain, count)


def ends_of(chains: Chains, pieces: Pieces) -> "tuple[Ints, Ints]":
    """Return the first and the last node of each chain."""
    number = np.arange(chains.chain[-1] + 1 if len(chains.chain) else 0)
    head = np.searchsorted(chains.chain, number)
    tail = np.searchsorted(chains.chain, number, side="right") - 1
    start = np.where(chains.backward, pieces.end[chains.piece], pieces.start[chains.piece])
    end = np.where(chains.backward, pieces.start[chains.piece], pieces.end[chains.piece])
    return start[head], end[tail]


def longest_of(chains: Chains, length_m: "Floats") -> "Ints":
    """Return the longest piece of each chain, of equally long ones the first."""
    order = np.lexsort((chains.piece, -length_m[chains.piece], chains.chain))
    first = np.ones(len(order), dtype=bool)
    first[1:] = chains.chain[order][1:] != chains.chain[order][:-1]
    return chains.piece[order][first]
