"""Solving a region: starts, refinement, and what is tried where grids are left out of the band."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.districting.annealing import HOUSEHOLDS
from gis.districting.exact import nearest_partition
from gis.districting.infeasible import shortfall
from gis.districting.partition import bridged, metis_labels, repair, with_count
from gis.districting.search import ROUND, Clock, Search

if TYPE_CHECKING:
    from gis.districting.graph import Ints
    from gis.districting.options import DrawOptions
    from gis.districting.region import Region

#: Further searches for a plan within the band where the first one found none, how much hotter they
#: are, and the proposals of one at most: what a long one does not find, a longer one hardly does.
_RESCUES, _RESCUE_HEAT, _RESCUE_MOST = 6, 5.0, 8_000_000
#: Share of the budget that goes into starts.
_STARTS = 0.2
#: Nodes up to which an exact search is made before a region is said to have no plan in the band.
EXACT_NODES = 60
#: Temperature, as a share of a fresh drawing's, at which a current plan is improved at a stability
#: of one half.
_WARM = 0.07


@dataclass(frozen=True, eq=False)
class Order:
    """One region to be drawn, as a process of its own can be told.

    Parameters
    ----------
    region
        The ground.
    options
        The drawing's options.
    moves
        Budget of proposals.
    seconds
        Its share of the time limit, or ``None``.
    """

    region: "Region"
    options: "DrawOptions"
    moves: int
    seconds: float | None


@dataclass(frozen=True, eq=False)
class Solution:
    """Grids of a region.

    Parameters
    ----------
    label
        Grid of each node, 0 and up.
    origin
        For each grid the current one that it continues, or -1.
    stopped
        Whether it was ended early.
    """

    label: "Ints"
    origin: list[int]
    stopped: bool


def budget_of(region: "Region", options: "DrawOptions", nodes: int) -> int:
    """Return the proposals for a region of a plan of ``nodes`` nodes."""
    effort = options.effort
    per_node = max(effort.moves_per_node, effort.least_moves // max(1, nodes))
    return region.size * min(per_node, effort.most_moves_per_node)


def solve(order: Order, wanted: Callable[[], bool] | None = None) -> Solution:
    """Return the best grids found for a region.

    Parameters
    ----------
    order
        What is to be drawn.
    wanted
        Asked now and then; ``False`` ends the search with the best so far.
    """
    region, options = order.region, order.options
    end = None if order.seconds is None else time.monotonic() + order.seconds
    clock = Clock(end, wanted)
    sequence = np.random.SeedSequence([options.seed, int(region.cells[0])])
    rng = np.random.default_rng(sequence)
    count = min(options.wanted_count(region.total), region.size)
    if options.preset == "metis":
        first = metis_labels(region, count, _seed(rng))
        if len(set(first)) == 1:
            first, _ = with_count(region, first, count)
        label = np.unique(first, return_inverse=True)[1].astype(np.int64)
        return Solution(label, [-1] * int(label.max() + 1), stopped=False)
    known = bool((region.current >= 0).any())
    if known and (_is_mostly_known(region, options) or bool(region.frozen.any())):
        best = _warm(order, count, rng, clock)
    else:
        best = _fresh(order, count, rng, clock)
        best = _rescued(order, best, count, rng, clock)
        if known:
            best.origin = _successors(region, best.label, best.count)
    return Solution(best.label.copy(), best.origin, clock.stopped)


def _is_mostly_known(region: "Region", options: "DrawOptions") -> bool:
    """Return whether a drawing is to begin with the current plan: not if that is mostly open."""
    people = region.nodes[:, HOUSEHOLDS]
    return options.stability > 0 and 2 * people[region.current >= 0].sum() >= people.sum()


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 1))


def _lost(region: "Region", options: "DrawOptions") -> int:
    """Return households that are out of range in every plan.

    Those of buildings above the maximum, or those that no number of grids can take in.
    """
    short = shortfall(region.total, options.minimum, options.maximum)
    single = sum(max(0, people - options.maximum) for people in region.households)
    return max(single, short.missed if short is not None else 0)


def _start(order: Order, count: int, rng: np.random.Generator, *, by_tree: bool = False) -> Search:
    region = order.region
    first = [0] * region.size
    if not by_tree:
        first = repair(region, metis_labels(region, count, _seed(rng)))
    label, _ = with_count(region, first, count)
    return Search(region, label, order.options, _seed(rng))


def _fresh(order: Order, count: int, rng: np.random.Generator, clock: Clock) -> Search:
    """Return the best of several short searches, heated up again as long as the budget lasts."""
    effort, round_ = order.options.effort, ROUND * order.region.size
    many = max(1, int(order.moves / round_ * _STARTS))
    first = round_ if order.moves >= 2 * round_ else order.moves
    best: Search | None = None
    for _ in range(many):
        search = _start(order, count, rng)
        search.refine(first, clock, effort.hot, effort.hot)
        best = search if best is None else min((best, search), key=Search.rank)
        if clock.stopped:
            return best
    assert best is not None
    if order.moves > many * first:
        best.refine(order.moves - many * first, clock, effort.again, effort.again)
    return best


def _rescued(
    order: Order, best: Search, count: int, rng: np.random.Generator, clock: Clock
) -> Search:
    """Return a plan within the band if one can be found, else the nearest to it.

    Where quarters are large against a grid, few arrangements fit the band, and between them lie
    none that do: searches follow that are so hot that grids may leave the band on the way, and on
    small ground an exact one.
    """
    region, options = order.region, order.options
    lost = _lost(region, options)
    counts = _counts_to_try(options, region, count)
    for attempt in range(_RESCUES):
        if clock.stopped or best.out_of_range() <= lost:
            return best
        # Every other round starts from tree cuts: on ground like a comb single moves are stuck.
        by_tree = attempt // len(counts) % 2 == 0
        search = _start(order, counts[attempt % len(counts)], rng, by_tree=by_tree)
        hot = _RESCUE_HEAT * options.effort.hot
        search.refine(min(order.moves, _RESCUE_MOST), clock, hot, hot)
        best = min((best, search), key=Search.rank)
    return _or_exact(order, best, rng, clock)


def _or_exact(order: Order, best: Search, rng: np.random.Generator, clock: Clock) -> Search:
    """Return the better of a search and, on small ground that misses the band, an exact one."""
    missed = best.out_of_range() > _lost(order.region, order.options) or not best.whole()
    if not missed or order.region.size > EXACT_NODES or clock.over():
        return best
    exact = _exactly(order, rng, clock)
    return best if exact is None else min((best, exact), key=Search.rank)


def _counts_to_try(options: "DrawOptions", region: "Region", count: int) -> list[int]:
    """Return the wanted number of grids and its neighbours that can be in the band."""
    feasible = options.feasible_counts(region.total)
    more = [k for k in (count + 1, count - 1) if k in feasible and 0 < k <= region.size]
    return [count, *more]


def _exactly(order: Order, rng: np.random.Generator, clock: Clock) -> Search | None:
    """Return what the exact search finds, refined as far as that keeps it within the band."""
    region, options = order.region, order.options
    joined = region.joined
    indptr = np.concatenate(
        ([0], np.cumsum(np.bincount(region.source[joined], minlength=region.size)))
    )
    band = options.minimum, options.maximum
    fixed = np.where(region.frozen, region.current, -1)
    given = region.nodes[:, 0], indptr, region.target[joined], *band
    answer = nearest_partition(*given, fixed=fixed)
    if answer.label is None:
        return None
    label = np.unique(answer.label, return_inverse=True)[1]
    search = Search(region, label, options, _seed(rng), _origins(region, label))
    plain, missed = search.label.copy(), search.out_of_range()
    warm = _WARM * options.effort.hot
    search.refine(min(order.moves, _RESCUE_MOST), clock, warm, warm)
    if search.out_of_range() > missed:
        return Search(region, plain, options, _seed(rng), search.origin)
    return search


def _origins(region: "Region", label: "Ints") -> list[int]:
    """Return for each grid the current one of its locked nodes, or of most of its households."""
    origin = _successors(region, label, int(label.max()) + 1)
    for v in np.flatnonzero(region.frozen).tolist():
        old = int(region.current[v])
        origin = [-1 if o == old else o for o in origin]
        origin[label[v]] = old
    return origin


def _successors(region: "Region", label: "Ints", count: int) -> list[int]:
    """Return for each grid the current one it continues, so that most households stay, or -1."""
    from scipy.optimize import linear_sum_assignment

    known = region.current >= 0
    if not known.any():
        return [-1] * count
    old, position = np.unique(region.current[known], return_inverse=True)
    shared = np.zeros((count, len(old)))
    # A grid without households is continued where its nodes are.
    np.add.at(shared, (label[known], position), region.nodes[known, 0] + 1e-6)
    new, before = linear_sum_assignment(-shared)
    origin = [-1] * count
    for grid, was in zip(new.tolist(), before.tolist(), strict=True):
        if shared[grid, was] > 0:
            origin[grid] = int(old[was])
    return origin


def _warm(order: Order, count: int, rng: np.random.Generator, clock: Clock) -> Search:
    """Return grids that start from the current plan and keep what they can of it."""
    region, options = order.region, order.options
    first = repair(region, bridged(region, repair(region, region.current.tolist())))
    grids = len(set(first))
    feasible = options.feasible_counts(region.total)
    wanted = grids if grids in feasible else count
    heat = _WARM * options.effort.hot * (1 - options.stability) / max(options.stability, 0.01)
    # Gently first; hotter, and with other numbers of grids, only if that leaves the band.
    near, hot = _near(wanted, grids, feasible), options.effort.hot
    tries = [(wanted, heat), (wanted, 8 * heat), *((k, 4 * heat) for k in near)]
    tries += [(k, hot * more) for more in (1.0, _RESCUE_HEAT) for k in (wanted, *near)]
    lost = _lost(region, options)
    best: Search | None = None
    for number, begin in tries:
        if best is not None and number > region.size:
            continue
        label, origin = with_count(region, first, max(1, number))
        search = Search(region, label, options, _seed(rng), origin)
        if options.stability < 1 or search.out_of_range() > lost:
            search.mend(order.moves, clock, begin)
        best = search if best is None else min((best, search), key=Search.rank)
        if clock.stopped or best.out_of_range() <= lost:
            break
    assert best is not None
    return _or_exact(order, best, rng, clock)


def _near(wanted: int, grids: int, feasible: range) -> list[int]:
    """Return other numbers of grids within the band, the nearest to today's first."""
    return [k for k in (wanted + 1, wanted - 1, grids) if k in feasible and k not in (0, wanted)]
