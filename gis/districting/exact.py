"""The exact search: proves of a small piece of ground that it has a plan within the band, or none.

The ground is swept from one end, and then from every node in turn: whether a plan exists is often
decided in one corner, and seen at once by a sweep that begins there.
"""

from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.districting.exact_search import Ground, LimitError, Parts, Search
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis.districting.graph import Ints

#: Parts grown at most, in the search for a plan within the band, and again for the nearest one.
#: On 60 nodes all of it took 4 s.
LIMIT = 200_000


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
    given = _Given.of((households, indptr, indices), (minimum, maximum), fixed)
    return _first(_Sweeps(given), limit)


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
    given = _Given.of((households, indptr, indices), (minimum, maximum), fixed)
    sweeps = _Sweeps(given)
    first = _first(sweeps, limit)
    if first.label is not None:
        return first
    found, bound = _nearest(sweeps, first.bound - given.surplus, limit)
    bound += given.surplus
    if found is None:
        return ExactAnswer(first.verdict, None, -1, bound, sweeps.steps)
    missed = found.missed + given.surplus
    # A plan within the band may turn up though the first search had reached its limit.
    verdict: Verdict = first.verdict if missed else "feasible"
    return ExactAnswer(verdict, given.label_of(found.parts), missed, bound, sweeps.steps)


def _first(sweeps: "_Sweeps", limit: int) -> ExactAnswer:
    """Return whether there is a plan within the band, and the plan."""
    given = sweeps.given
    if given.surplus:
        return ExactAnswer("infeasible", None, -1, given.surplus, 0)
    found, proven = sweeps.within(0, limit)
    if found is not None:
        return ExactAnswer("feasible", given.label_of(found.parts), 0, 0, sweeps.steps)
    return ExactAnswer("infeasible" if proven else "unknown", None, -1, int(proven), sweeps.steps)


def _nearest(sweeps: "_Sweeps", bound: int, limit: int) -> "tuple[_Found | None, int]":
    """Return the nearest plan that was found, and what no plan is below."""
    given, end = sweeps.given, sweeps.steps + limit
    worst = sum(given.households) + given.minimum * len(given.households)
    best: _Found | None = None
    budget = max(bound, sweeps.least())
    while bound <= worst and sweeps.steps < end and (best is None or bound < best.missed):
        found, proven = sweeps.within(budget, limit // 4)
        if found is not None:
            best = found
            bound = found.missed if proven else bound
        elif proven:
            bound = budget + 1
        # Outwards in great steps until there is a plan, then between it and what is proven.
        budget = 2 * budget + 1 if best is None else (bound + best.missed) // 2
    return best, bound


@dataclass(frozen=True, eq=False)
class _Given:
    """What was asked, checked.

    Parameters
    ----------
    households
        Per node, at most the maximum: what single nodes have above it is in ``surplus``, since a
        part with such a node has that much above in any plan.
    joined
        Neighbours per node.
    groups
        Nodes by the label they are fixed in.
    """

    households: list[int]
    joined: list[list[int]]
    minimum: int
    maximum: int
    surplus: int
    groups: dict[int, list[int]]

    @staticmethod
    def of(graph: tuple[Any, Any, Any], band: tuple[int, int], fixed: Any) -> "_Given":  # noqa: ANN401 - array-like
        """Return the question with its arrays as lists."""
        names = ("households", "indptr", "indices")
        people, rows, near = map(_whole_numbers, names, graph)
        n = len(people)
        label = [-1] * n if fixed is None else _whole_numbers("fixed", fixed)
        if not 0 < band[0] <= band[1]:
            msg = f"The band {band[0]} ≤ {band[1]} households is not one."
            raise InvalidInputError(msg, remedy="Give 0 < minimum <= maximum.")
        if len(rows) != n + 1 or len(label) != n or rows[-1] != len(near):
            msg = f"{n} nodes do not fit {len(rows)} row pointers and {len(label)} fixed labels."
            raise InvalidInputError(msg, remedy="Give n + 1 row pointers and n labels.")
        if min([*people, *near, 0]) < 0 or max([*near, -1]) >= n:
            msg = "Households are negative or a neighbour does not exist."
            raise InvalidInputError(msg, remedy="Give households and neighbours of at least 0.")
        groups: dict[int, list[int]] = {}
        for v, each in enumerate(label):
            if each >= 0:
                groups.setdefault(each, []).append(v)
        return _Given(
            households=[min(each, band[1]) for each in people],
            joined=[near[a:b] for a, b in pairwise(rows)],
            minimum=band[0],
            maximum=band[1],
            surplus=sum(max(0, each - band[1]) for each in people),
            groups=groups,
        )

    def swept(self, start: int | None) -> "Ground":
        """Return the ground numbered in Cuthill and McKee's order from a node, or from an end."""
        order: list[int] = [] if start is None else self._outwards(start)
        left = set(range(len(self.joined))).difference(order)
        while left:
            end = min(left, key=lambda v: (len(self.joined[v]), v))
            for _ in range(3):
                end = self._outwards(end)[-1]
            order += self._outwards(end)
            left.difference_update(order)
        bit = {v: 1 << i for i, v in enumerate(order)}
        return Ground(
            order=order,
            households=[self.households[v] for v in order],
            near=[sum(bit[u] for u in self.joined[v]) for v in order],
            minimum=self.minimum,
            maximum=self.maximum,
            groups=[sum(bit[v] for v in group) for group in self.groups.values()],
        )

    def _outwards(self, start: int) -> list[int]:
        """Return the nodes breadth first; of equally near ones those with few neighbours first."""
        order, seen = [start], {start}
        for v in order:
            for u in sorted(self.joined[v], key=lambda u: (len(self.joined[u]), u)):
                if u not in seen:
                    seen.add(u)
                    order.append(u)
        return order

    def label_of(self, parts: "Sequence[Sequence[int]]") -> "Ints":
        """Return a label per node: the fixed one, or the lowest left in order of first nodes."""
        label = np.full(len(self.households), -1, dtype=np.int64)
        for each, group in self.groups.items():
            label[group] = each
        free = (each for each in count() if each not in self.groups)
        for part in sorted(map(sorted, parts)):
            own = int(label[part].max())
            label[part] = own if own >= 0 else next(free)
        return label


def _whole_numbers(name: str, value: Any) -> list[int]:  # noqa: ANN401 - array-like
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        msg = f"{name} has shape {array.shape} and type {array.dtype}."
        raise InvalidInputError(msg, remedy="Give a row of whole numbers.", field=name)
    return [int(v) for v in array.tolist()]


@dataclass(frozen=True, slots=True)
class _Found:
    """A plan: households out of range, and the parts as lists of the caller's nodes."""

    missed: int
    parts: list[list[int]]


class _Sweeps:
    """Searches of one ground from several ends: where one is lost, another may see it at once."""

    def __init__(self, given: _Given) -> None:
        self.given = given
        self._searches: dict[int | None, Search] = {}

    @property
    def steps(self) -> int:
        """Parts grown so far."""
        return sum(search.steps for search in self._searches.values())

    def least(self) -> int:
        """Return a number of households that any plan has out of range."""
        return self._from(None).least()

    def within(self, budget: int, limit: int) -> tuple[_Found | None, bool]:
        """Return the best plan with at most ``budget`` out of range, and whether that is proven.

        It may also be proven that there is none. A long sweep from an end comes first, then a short
        and a long one from each node.
        """
        n = max(1, len(self.given.households))
        turns: list[tuple[int | None, int]] = [(None, limit // 10)]
        for share in (limit // (10 * n), 8 * limit // (10 * n)):
            turns += [(start, share) for start in range(n)]
        best: _Found | None = None
        for start, share in turns:
            search = self._from(start)
            search.limit = search.steps + share
            try:
                found = search.partition(budget)
            except LimitError:
                found = search.best
                if found is not None and found[0] <= budget:
                    best, budget = self._told(search, found), found[0] - 1
                if budget >= 0:
                    continue
            else:
                best = best if found is None else self._told(search, found)
            return best, True
        return best, False

    def _from(self, start: int | None) -> "Search":
        if start not in self._searches:
            self._searches[start] = Search(self.given.swept(start))
        return self._searches[start]

    @staticmethod
    def _told(search: "Search", found: "Parts") -> _Found:
        order = search.ground.order
        parts = [[v for i, v in enumerate(order) if part >> i & 1] for part in found[1]]
        return _Found(found[0], parts)
