"""The exact search: proves of a small piece of ground that it has a plan within the band, or none.

Sets of nodes are whole numbers, one bit a node, numbered in a sweep over the ground (Cuthill and
McKee, 1969). The part of the lowest node left is grown in every way that keeps it connected; what
is left then falls apart into pieces, each searched alone and remembered. Two bounds cut the search
short: how far a piece's households are from any sum of parts within the band, and what the
branches at a cut vertex leave to the part that holds it.
"""

from collections import deque
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gis.districting.graph import Ints

#: Parts grown at most, in the search for a plan within the band, and again for the nearest one.
LIMIT = 50_000


Verdict = Literal["feasible", "infeasible", "unknown"]


@dataclass(frozen=True, eq=False)
class ExactAnswer:
    """What the exact search found out.

    Parameters
    ----------
    verdict
        ``feasible``: ``label`` is a plan within the band. ``infeasible``: there is none.
        ``unknown``: the search reached its limit before it knew.
    label
        Part per node: the plan, or where none is within the band the nearest that was found;
        ``None`` if none was. A part with fixed nodes has their label; the others have the lowest
        whole numbers left, in the order of their first nodes.
    out_of_range
        Households of ``label`` below the minimum and above the maximum, summed over its parts; -1
        without one.
    bound
        No plan has fewer: ``out_of_range == bound`` proves that ``label`` is the nearest.
    steps
        Parts that were grown.
    """

    verdict: Verdict
    label: "Ints | None"
    out_of_range: int
    bound: int
    steps: int


def feasible_partition(
    households: "Sequence[int] | Ints",
    indptr: "Sequence[int] | Ints",
    indices: "Sequence[int] | Ints",
    minimum: int,
    maximum: int,
    *,
    fixed: "Sequence[int] | Ints | None" = None,
    limit: int = LIMIT,
) -> ExactAnswer:
    """Return a partition into connected parts within the band, or prove that there is none.

    Parameters
    ----------
    households
        Households per node, at least 0.
    indptr, indices
        Neighbours of each node in compressed rows, in both directions: joined borders only.
    minimum, maximum
        Households of a part, both included.
    fixed
        Label per node, -1 for none: nodes of one label lie in one part, those of two in two.
    limit
        Parts grown at most: the same limit gives the same answer on any machine.

    Returns
    -------
    An answer with a label only where it is feasible.

    Raises
    ------
    gis.errors.InvalidInputError
        If the band is empty or an array does not fit.
    """
    ground = _ground_of(households, indptr, indices, (minimum, maximum), fixed)
    return _first(_Search(ground, limit))


def nearest_partition(
    households: "Sequence[int] | Ints",
    indptr: "Sequence[int] | Ints",
    indices: "Sequence[int] | Ints",
    minimum: int,
    maximum: int,
    *,
    fixed: "Sequence[int] | Ints | None" = None,
    limit: int = LIMIT,
) -> ExactAnswer:
    """Return the partition into connected parts with the fewest households out of range.

    Parameters
    ----------
    households, indptr, indices, minimum, maximum, fixed
        As in :func:`feasible_partition`, which is asked first.
    limit
        Parts grown at most in each of the two searches.

    Returns
    -------
    An answer whose label, where it has one, is a plan in every case; it is proven to be the
    nearest where ``out_of_range == bound``.

    Raises
    ------
    gis.errors.InvalidInputError
        If the band is empty or an array does not fit.
    """
    ground = _ground_of(households, indptr, indices, (minimum, maximum), fixed)
    search = _Search(ground, limit)
    first = _first(search)
    if first.label is not None:
        return first
    search.steps = 0
    found, bound = _nearest(search, first.bound - ground.surplus)
    steps = first.steps + search.steps
    bound += ground.surplus
    if found is None:
        return ExactAnswer(first.verdict, None, -1, bound, steps)
    missed = found[0] + ground.surplus
    # A plan within the band may turn up though the first search had reached its limit.
    verdict: Verdict = first.verdict if missed else "feasible"
    return ExactAnswer(verdict, _labels(ground, found[1]), missed, bound, steps)


class _LimitError(Exception):
    """The search has grown as many parts as it may."""


@dataclass(frozen=True, eq=False)
class _Ground:
    """Nodes in the order of the sweep; sets of them are whole numbers, bit ``i`` for node ``i``.

    Parameters
    ----------
    order
        Node of the caller per bit.
    households
        Per bit, at most the maximum: what a single node has above it is in ``surplus``.
    near
        Neighbours per bit.
    groups
        Sets of nodes fixed in one part, and the label of each.
    """

    order: list[int]
    households: list[int]
    near: list[int]
    minimum: int
    maximum: int
    surplus: int
    groups: dict[int, int]

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


def _ground_of(
    households: Any,  # noqa: ANN401 - array-like
    indptr: Any,  # noqa: ANN401 - array-like
    indices: Any,  # noqa: ANN401 - array-like
    band: tuple[int, int],
    fixed: Any,  # noqa: ANN401 - array-like
) -> _Ground:
    people, rows, near, label = (
        _whole_numbers(name, value)
        for name, value in (
            ("households", households),
            ("indptr", indptr),
            ("indices", indices),
            ("fixed", np.full(len(households), -1) if fixed is None else fixed),
        )
    )
    n = len(people)
    if not 0 < band[0] <= band[1]:
        msg = f"The band {band[0]} ≤ {band[1]} households is not one."
        raise InvalidInputError(msg, remedy="Give 0 < minimum <= maximum.")
    if len(rows) != n + 1 or len(label) != n or rows[-1] != len(near):
        msg = f"{n} nodes do not fit {len(rows)} row pointers and {len(label)} fixed labels."
        raise InvalidInputError(msg, remedy="Give n + 1 row pointers and n labels.")
    if min([*people, *near, 0]) < 0 or max([*near, -1]) >= n:
        msg = "Households are negative or a neighbour does not exist."
        raise InvalidInputError(msg, remedy="Give households and neighbours of at least 0.")
    joined = [near[a:b] for a, b in pairwise(rows)]
    order = _sweep(joined)
    bit = {v: i for i, v in enumerate(order)}
    groups: dict[int, int] = {}
    for v, each in enumerate(label):
        if each >= 0:
            groups[each] = groups.get(each, 0) | 1 << bit[v]
    return _Ground(
        order=order,
        households=[min(people[v], band[1]) for v in order],
        near=[sum(1 << bit[u] for u in joined[v]) for v in order],
        minimum=band[0],
        maximum=band[1],
        surplus=sum(max(0, each - band[1]) for each in people),
        groups=groups,
    )


def _whole_numbers(name: str, value: Any) -> list[int]:  # noqa: ANN401 - array-like
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        msg = f"{name} has shape {array.shape} and type {array.dtype}."
        raise InvalidInputError(msg, remedy="Give a row of whole numbers.", field=name)
    return [int(v) for v in array.tolist()]


def _sweep(joined: list[list[int]]) -> list[int]:
    """Return the nodes in Cuthill and McKee's order, from an end of each piece of ground."""
    order: list[int] = []
    left = set(range(len(joined)))
    while left:
        end = min(left, key=lambda v: (len(joined[v]), v))
        for _ in range(3):
            end = _breadth_first(joined, end)[-1]
        order += _breadth_first(joined, end)
        left.difference_update(order)
    return order


def _breadth_first(joined: list[list[int]], start: int) -> list[int]:
    order, seen, queue = [], {start}, deque([start])
    while queue:
        v = queue.popleft()
        order.append(v)
        for u in sorted(joined[v], key=lambda u: (len(joined[u]), u)):
            if u not in seen:
                seen.add(u)
                queue.append(u)
    return order


#: Households out of range, and the parts.
_Found = tuple[int, tuple[int, ...]]


class _Search:
    """A depth-first search with a memory: pieces of ground met again are not searched again."""

    def __init__(self, ground: _Ground, limit: int) -> None:
        self.ground = ground
        self.limit = limit
        self.steps = 0
        #: The whole plan with the fewest households out of range so far.
        self.best: _Found | None = None
        self._least: dict[int, int] = {}
        self._known: dict[int, _Found] = {}
        self._labelled = 0
        for group in ground.groups.values():
            self._labelled |= group

    def partition(self, budget: int) -> _Found | None:
        """Return the nearest plan with at most ``budget`` households out of range, or ``None``."""
        return self._all(self.ground.pieces(self.ground.whole), budget)

    def _all(self, pieces: list[int], budget: int) -> _Found | None:
        """Return the best parts of separate pieces within a common budget, or ``None``."""
        if any(
            0 < group & piece < group for group in self.ground.groups.values() for piece in pieces
        ):
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

    def _one(self, piece: int, budget: int) -> _Found | None:
        """Return the best parts of one connected piece within a budget, or ``None``."""
        least = self.at_least(piece)
        known = self._known.get(piece)
        if known is not None or least > budget:
            return known if known is not None and known[0] <= budget else None
        found = None
        low = piece & -piece
        people = self.ground.households[low.bit_length() - 1]
        for part, missed in self._grown(piece, low, people, 0, budget):
            if missed > budget:
                continue
            rest = self._all(self.ground.pieces(piece & ~part), budget - missed)
            if rest is None:
                continue
            found = (missed + rest[0], (part, *rest[1]))
            budget = found[0] - 1
            if piece == self.ground.whole:
                self.best = found
            if found[0] <= least:
                break
        self._least[piece] = budget + 1
        if found is not None:
            self._known[piece] = found
        return found

    def _grown(
        self, piece: int, part: int, people: int, passed: int, budget: int
    ) -> "Iterator[tuple[int, int]]":
        """Yield every connected part of a piece that holds ``part`` and nothing ``passed`` over.

        With each part comes what it has out of range, at most ``budget``. Parts are grown to the
        middle of the band before they are tried.
        """
        self.steps += 1
        if self.steps > self.limit:
            raise _LimitError
        ground = self.ground
        barred = self._barred(part, passed)
        if barred is None:
            return
        missed = ground.out_of_range(people)
        fits = missed <= budget and all(
            group & part in (0, group) for group in ground.groups.values()
        )
        first = 2 * people >= ground.minimum + ground.maximum
        if fits and first:
            yield part, missed
        more = ground.around(part) & piece & ~part & ~passed & ~barred
        while more:
            low = more & -more
            more ^= low
            total = people + ground.households[low.bit_length() - 1]
            if total <= ground.maximum + budget:
                yield from self._grown(piece, part | low, total, passed, budget)
            passed |= low
        if fits and not first:
            yield part, missed

    def _barred(self, part: int, passed: int) -> int | None:
        """Return the nodes fixed in other parts, or ``None`` if a node of this one was passed."""
        if not part & self._labelled:
            return 0
        own = [group for group in self.ground.groups.values() if group & part]
        if len(own) > 1 or own[0] & passed:
            return None
        return self._labelled & ~own[0]

    def at_least(self, piece: int) -> int:
        """Return a number of households that any parts of a piece have out of range."""
        least = self._least.get(piece)
        if least is None:
            least = self.ground.miss(self.ground.people(piece))
            if self.ground.people(piece) > self.ground.maximum:
                least = max(least, self._at_cuts(piece))
            self._least[piece] = least
        return least

    def _at_cuts(self, piece: int) -> int:
        """Return the largest bound at a node without which the piece falls apart.

        Each branch leaves there what does not fit into parts of its own, or pays as much: so what
        is too much for the part that holds the node is out of range somewhere.
        """
        ground, bound, left = self.ground, 0, piece
        while left:
            low = left & -left
            left ^= low
            node = low.bit_length() - 1
            if not self._may_cut(node, piece):
                continue
            branches = ground.pieces(piece ^ low)
            if len(branches) > 1:
                held = ground.households[node] + sum(self._left_over(b) for b in branches)
                bound = max(bound, held - ground.maximum)
        return bound

    def _left_over(self, branch: int) -> int:
        people = self.ground.people(branch)
        return min(people, self.ground.miss(people))

    def _may_cut(self, node: int, piece: int) -> bool:
        """Return whether the neighbours of a node are joined only by way of others."""
        ring = self.ground.near[node] & piece
        return bool(ring) and len(self.ground.pieces(ring)) > 1


def _first(search: _Search) -> ExactAnswer:
    """Return whether there is a plan within the band, and the plan."""
    if search.ground.surplus:
        return ExactAnswer("infeasible", None, -1, search.ground.surplus, 0)
    try:
        found = search.partition(0)
    except _LimitError:
        return ExactAnswer("unknown", None, -1, 0, search.steps)
    if found is None:
        return ExactAnswer("infeasible", None, -1, 1, search.steps)
    return ExactAnswer("feasible", _labels(search.ground, found[1]), 0, 0, search.steps)


def _nearest(search: _Search, bound: int) -> tuple[_Found | None, int]:
    """Return the nearest plan that was found, and what no plan is below."""
    ground = search.ground
    worst = sum(ground.households) + ground.minimum * len(ground.order)
    budget = max(bound, search.at_least(ground.whole))
    try:
        while bound <= worst:
            found = search.partition(budget)
            if found is not None:
                return found, found[0]
            bound, budget = budget + 1, 2 * budget + 1
    except _LimitError:
        return search.best, bound
    return None, bound


def _labels(ground: _Ground, parts: tuple[int, ...]) -> "Ints":
    """Return a label per node of the caller."""
    nodes = [sorted(v for i, v in enumerate(ground.order) if part >> i & 1) for part in parts]
    taken = {each: part for each, group in ground.groups.items() for part in parts if group & part}
    named = {part: each for each, part in taken.items()}
    free = (each for each in count() if each not in taken)
    label = np.empty(len(ground.order), dtype=np.int64)
    for members, part in sorted(zip(nodes, parts, strict=True)):
        label[members] = named[part] if part in named else next(free)
    return label
