"""The search under the exact answer: one sweep over a small piece of ground, depth first.

Sets of nodes are whole numbers, one bit a node, numbered in a sweep over the ground. The part of
the lowest node left is grown in every way that keeps it connected; what it leaves falls apart into
pieces, each searched alone and remembered.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class LimitError(Exception):
    """The search has grown as many parts as it may."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground in the order of a sweep; sets of nodes are whole numbers, bit ``i`` for the ith.

    Parameters
    ----------
    order
        Node of the caller per bit.
    households
        Per bit.
    near
        Neighbours per bit.
    groups
        Sets of nodes that are fixed in one part.
    """

    order: list[int]
    households: list[int]
    near: list[int]
    minimum: int
    maximum: int
    groups: list[int]

    @property
    def whole(self) -> int:
        """The set of all nodes."""
        return (1 << len(self.order)) - 1

    def people(self, nodes: int) -> int:
        """Return the households of a set."""
        total = 0
        while nodes:
            low = nodes & -nodes
            total += self.households[low.bit_length() - 1]
            nodes ^= low
        return total

    def around(self, nodes: int) -> int:
        """Return the neighbours of a set, members among them."""
        out = 0
        while nodes:
            low = nodes & -nodes
            out |= self.near[low.bit_length() - 1]
            nodes ^= low
        return out

    def pieces(self, nodes: int) -> list[int]:
        """Return the connected pieces of a set, in the order of their lowest nodes."""
        out = []
        while nodes:
            piece = fresh = nodes & -nodes
            while fresh:
                fresh = self.around(fresh) & nodes & ~piece
                piece |= fresh
            out.append(piece)
            nodes &= ~piece
        return out

    def miss(self, people: int) -> int:
        """Return how far households are from any sum of parts within the band."""
        parts = max(1, -(-people // self.maximum))
        short = parts * self.minimum - people
        return max(0, min(short, people - (parts - 1) * self.maximum if parts > 1 else short))

    def out_of_range(self, people: int) -> int:
        """Return how far the households of one part are from the band."""
        return max(0, self.minimum - people, people - self.maximum)


#: Households out of range, and the parts as sets.
Parts = tuple[int, tuple[int, ...]]


class Search:
    """A depth-first search with a memory: pieces of ground met again are not searched again."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.limit = 0
        self.steps = 0
        #: The whole plan with the fewest households out of range so far.
        self.best: Parts | None = None
        self._least: dict[int, int] = {}
        self._known: dict[int, Parts] = {}
        self._labelled = 0
        for group in ground.groups:
            self._labelled |= group

    def least(self) -> int:
        """Return a number of households that any plan has out of range.

        It is seen at single nodes: a star has too much at its middle in any plan.
        """
        ground = self.ground
        return sum(
            max(
                self.at_least(piece),
                *(
                    self._lost(ground.pieces(piece ^ 1 << v), piece, ground.households[v])
                    for v in range(piece.bit_length())
                    if piece >> v & 1
                ),
            )
            for piece in ground.pieces(ground.whole)
        )

    def partition(self, budget: int) -> Parts | None:
        """Return the nearest plan with at most ``budget`` households out of range, or ``None``."""
        return self._all(self.ground.pieces(self.ground.whole), budget)

    def _all(self, pieces: list[int], budget: int) -> Parts | None:
        """Return the best parts of separate pieces within a common budget, or ``None``."""
        if any(0 < group & piece < group for group in self.ground.groups for piece in pieces):
            return None
        least = {piece: self.at_least(piece) for piece in pieces}
        total = sum(least.values())
        parts: tuple[int, ...] = ()
        for piece in sorted(pieces, key=int.bit_count):
            if total > budget:
                return None
            got = self._one(piece, budget - total + least[piece])
            if got is None:
                return None
            total += got[0] - least[piece]
            parts += got[1]
        return (total, parts) if total <= budget else None

    def _one(self, piece: int, budget: int) -> Parts | None:
        """Return the best parts of one connected piece within a budget, or ``None``."""
        least = self.at_least(piece)
        known = self._known.get(piece)
        if known is not None or least > budget:
            return known if known is not None and known[0] <= budget else None
        found = None
        low = piece & -piece
        people = self.ground.households[low.bit_length() - 1]
        for part, missed, pieces in self._grown(piece, low, people, 0, budget):
            if missed > budget:
                continue
            rest = self._all(pieces, budget - missed)
            if rest is None:
                continue
            found = (missed + rest[0], (part, *rest[1]))
            budget = found[0] - 1
            if piece == self.ground.whole and (self.best is None or found[0] < self.best[0]):
                self.best = found
            if found[0] <= least:
                break
        self._least[piece] = budget + 1
        if found is not None:
            self._known[piece] = found
        return found

    def _grown(
        self, piece: int, part: int, people: int, passed: int, budget: int
    ) -> "Iterator[tuple[int, int, list[int]]]":
        """Yield every connected part of a piece that holds ``part`` and nothing ``passed`` over.

        With each part come the households that it has out of range and the pieces that it leaves.
        Parts are grown to the middle of the band before they are tried.
        """
        self.steps += 1
        if self.steps > self.limit:
            raise LimitError
        ground = self.ground
        barred = self._barred(part, passed)
        if barred is None:
            return
        pieces = ground.pieces(piece & ~part)
        more = ground.around(part) & piece & ~(part | passed | barred)
        lost = self._lost(pieces, more, people)
        if lost > budget:
            return
        fits = all(group & part in (0, group) for group in ground.groups)
        first = 2 * people >= ground.minimum + ground.maximum
        if fits and first:
            yield part, ground.out_of_range(people), pieces
        while more:
            low = more & -more
            more ^= low
            total = people + ground.households[low.bit_length() - 1]
            if total <= ground.maximum + budget:
                yield from self._grown(piece, part | low, total, passed, budget)
            passed |= low
        if fits and not first:
            yield part, ground.out_of_range(people), pieces

    def _lost(self, pieces: list[int], more: int, people: int) -> int:
        """Return what is out of range at least, however a part with ``people`` is grown.

        Pieces that the part may not grow into are left as they are. Each other one leaves to the
        part what does not fit into parts of its own, or pays as much.
        """
        lost, held = 0, people
        for piece in pieces:
            if piece & more:
                held += self._left_over(piece)
            else:
                lost += self.at_least(piece)
        return lost + max(0, held - self.ground.maximum)

    def _barred(self, part: int, passed: int) -> int | None:
        """Return the nodes fixed in other parts, or ``None`` if a node of this one was passed."""
        if not part & self._labelled:
            return 0
        own = [group for group in self.ground.groups if group & part]
        if len(own) > 1 or own[0] & passed:
            return None
        return self._labelled & ~own[0]

    def at_least(self, piece: int) -> int:
        """Return a number of households that any parts of a piece have out of range."""
        least = self._least.get(piece)
        if least is None:
            least = self._least[piece] = self.ground.miss(self.ground.people(piece))
        return least

    def _left_over(self, branch: int) -> int:
        people = self.ground.people(branch)
        return min(people, self.ground.miss(people))
