"""Refinement in machine code: annealing of single moves and swaps that keeps every grid whole.

A move hands one node to a neighbouring grid; a swap also takes one back; a chain hands one node on
for another, wherever on the borders of the grid these lie. What a move costs is computed from the
sums of the two grids and the borders of the node alone. Costs are whole numbers, and every random
choice comes from one 64-bit state, so the same input gives the same grids.

Sources: Kirkpatrick, Gelatt and Vecchi (1983), Optimization by simulated annealing; contiguity kept
as in Openshaw and Rao (1995), Algorithms for reengineering 1991 Census geography; chains as in
Glover (1996), Ejection chains, reference structures and alternating path methods; the generator is
SplitMix64 of Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators.
"""

from math import log
from typing import Any

import numpy as np

from gis.districting.compiled import compiled_loop
from gis.districting.graph import Floats, Ints
from gis.districting.net import Bench, Grids, Net, Prices, Words

Part = tuple[int, int, int]

#: Columns of ``Net.nodes`` and ``Grids.sums``: households, area in dm², border in dm (of a node
#: the border with anything outside the region, of a grid its perimeter), area × x, area × y and
#: second moment in metres, what else is to be shared evenly, number of nodes.
HOUSEHOLDS, AREA, PERIMETER, MOMENT_X, MOMENT_Y, MOMENT_2, LOAD, NODES = range(8)
#: Proposals between two steps of the temperature.
STEP = 256
#: Steps of the walk on which a swap looks for the node that comes back.
_REACH = 3


def grids_of(net: Net, prices: Prices, label: Ints, count: int) -> Grids:
    """Return the grids that labels 0 … ``count`` - 1 make; the labels are copied."""
    sums, cost = np.zeros((count, 8), dtype=np.int64), np.zeros(count, dtype=np.int64)
    grids = Grids(np.array(label, dtype=np.int64), sums, cost)
    _fill(net, prices, grids)
    return grids


@compiled_loop
def _random(state: Words) -> Any:  # noqa: ANN401 - 64 bits, which have no type in plain Python
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled_loop
def _below(state: Words, limit: int) -> int:
    return int(np.int64(((_random(state) >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)))


@compiled_loop
def _uniform(state: Words) -> float:
    """Return a number above 0 and up to 1."""
    return (float(_random(state) >> np.uint64(11)) + 1.0) / 9007199254740992.0


@compiled_loop
def _price(net: Net, prices: Prices, sums: Ints, at: Part, perimeter: int) -> int:
    """Return what a grid costs by itself with a node more (sign 1) or less (-1), or as it is (0).

    ``at`` is the grid, the node and the sign.
    """
    g, v, sign = at
    nodes = net.nodes
    area = float(sums[g, AREA] + sign * nodes[v, AREA])
    x = float(sums[g, MOMENT_X] + sign * nodes[v, MOMENT_X])
    y = float(sums[g, MOMENT_Y] + sign * nodes[v, MOMENT_Y])
    # Area is in dm², moments in metres.
    inertia = float(sums[g, MOMENT_2] + sign * nodes[v, MOMENT_2]) - (x * x + y * y) * 100.0 / area
    off = float(sums[g, LOAD] + sign * nodes[v, LOAD]) - prices.mean_load
    points = prices.shape * float(perimeter) * float(perimeter) / area
    points += prices.dispersion * inertia / (area * area) + prices.load * off * off
    people = prices.people[sums[g, HOUSEHOLDS] + sign * nodes[v, HOUSEHOLDS]]
    return int(people + np.int64(points + 0.5))


@compiled_loop
def _fill(net: Net, prices: Prices, grids: Grids) -> None:
    grids.sums[:] = 0
    for v in range(len(grids.label)):
        grid = grids.label[v]
        for j in range(8):
            grids.sums[grid, j] += net.nodes[v, j]
        for e in range(net.indptr[v], net.indptr[v + 1]):
            if grids.label[net.target[e]] != grid:
                grids.sums[grid, PERIMETER] += net.border[e]
    for grid in range(len(grids.cost)):
        grids.cost[grid] = 0
        if grids.sums[grid, NODES]:
            perimeter = grids.sums[grid, PERIMETER]
            grids.cost[grid] = _price(net, prices, grids.sums, (grid, 0, 0), perimeter)


@compiled_loop
def total_cost(net: Net, prices: Prices, grids: Grids) -> int:
    """Return the cost of all grids, their borders and what has left home, in tenths of a point."""
    cost = 0
    for grid in range(len(grids.cost)):
        cost += grids.cost[grid]
    for v in range(len(grids.label)):
        grid = grids.label[v]
        if net.home[v] >= 0 and net.home[v] != grid:
            cost += prices.change * net.nodes[v, HOUSEHOLDS]
        for e in range(net.indptr[v], net.indptr[v + 1]):
            if net.target[e] > v:
                cost += net.held[e] if grids.label[net.target[e]] == grid else net.cut[e]
    return cost


@compiled_loop
def _weigh(net: Net, prices: Prices, grids: Grids, bench: Bench, at: Part) -> int:
    """Return the change of cost if a node goes to a grid, and note what becomes of both grids.

    ``at`` is the node, the grid and the row of the notes.
    """
    v, b, row = at
    a = grids.label[v]
    sums = grids.sums
    outer_a = sums[a, PERIMETER] - net.nodes[v, PERIMETER]
    outer_b = sums[b, PERIMETER] + net.nodes[v, PERIMETER]
    change = 0
    for e in range(net.indptr[v], net.indptr[v + 1]):
        grid, length = grids.label[net.target[e]], net.border[e]
        if grid == a:
            outer_a += length
            outer_b += length
            change += net.cut[e] - net.held[e]
        elif grid == b:
            outer_a -= length
            outer_b -= length
            change += net.held[e] - net.cut[e]
        else:
            outer_a -= length
            outer_b += length
    home = net.home[v]
    if home >= 0:
        away = np.int64(home != b) - np.int64(home != a)
        change += prices.change * net.nodes[v, HOUSEHOLDS] * away
    trial = bench.trial
    trial[row, 0] = _price(net, prices, sums, (a, v, -1), outer_a)
    trial[row, 1] = _price(net, prices, sums, (b, v, 1), outer_b)
    trial[row, 2], trial[row, 3] = outer_a, outer_b
    return int(change + trial[row, 0] + trial[row, 1] - grids.cost[a] - grids.cost[b])


@compiled_loop
def _move(net: Net, grids: Grids, bench: Bench, at: Part) -> None:
    """Move a node to a grid as :func:`_weigh` has noted it."""
    v, b, row = at
    a, out = grids.label[v], bench.trial
    for j in range(8):
        grids.sums[a, j] -= net.nodes[v, j]
        grids.sums[b, j] += net.nodes[v, j]
    grids.cost[a], grids.cost[b] = out[row, 0], out[row, 1]
    grids.sums[a, PERIMETER], grids.sums[b, PERIMETER] = out[row, 2], out[row, 3]
    grids.label[v] = b


@compiled_loop
def _around(net: Net, grids: Grids, bench: Bench, v: int) -> int:
    """Mark the neighbours of ``v`` in its grid, queue the first of them and return how many."""
    bench.stamp[0] += 1
    stamp, many = bench.stamp[0], 0
    for e in range(net.indptr[v], net.indptr[v + 1]):
        u = net.target[e]
        if net.joined[e] and grids.label[u] == grids.label[v]:
            if many == 0:
                bench.queue[0] = u
            many += 1
            bench.mark[u] = -stamp
    return many


@compiled_loop
def _leaves_whole(net: Net, grids: Grids, bench: Bench, v: int) -> bool:
    """Return whether the grid of ``v`` stays in one piece, and not empty, without it."""
    missing = _around(net, grids, bench, v)
    if missing < 2:
        return bool(missing == 1)
    grid, stamp, mark, queue = grids.label[v], bench.stamp[0], bench.mark, bench.queue
    mark[v] = mark[queue[0]] = stamp
    missing -= 1
    head, tail = 0, 1
    while head < tail:
        x = queue[head]
        head += 1
        for e in range(net.indptr[x], net.indptr[x + 1]):
            u = net.target[e]
            if mark[u] == stamp or grids.label[u] != grid or not net.joined[e]:
                continue
            if mark[u] == -stamp:
                missing -= 1
                if missing == 0:
                    return True
            mark[u] = stamp
            queue[tail] = u
            tail += 1
    return False


@compiled_loop
def _comes_back(net: Net, grids: Grids, bench: Bench, v: int, a: int) -> int:
    """Return a node near ``v`` that may leave its grid for ``a``, or -1."""
    w = v
    for _ in range(1 + _below(bench.random, _REACH)):
        first = net.indptr[w]
        w = net.target[first + _below(bench.random, net.indptr[w + 1] - first)]
    b = grids.label[v]
    if w == v or grids.label[w] != b or net.frozen[w] or grids.sums[b, NODES] == 1:
        return -1
    for e in range(net.indptr[w], net.indptr[w + 1]):
        if net.joined[e] and grids.label[net.target[e]] == a:
            return w
    return -1


@compiled_loop
def _single(
    net: Net, prices: Prices, grids: Grids, bench: Bench, v: int, b: int, patience: float
) -> int:
    change = _weigh(net, prices, grids, bench, (v, b, 0))
    if change > patience or not _leaves_whole(net, grids, bench, v):
        return 0
    _move(net, grids, bench, (v, b, 0))
    return change


@compiled_loop
def _swap(
    net: Net, prices: Prices, grids: Grids, bench: Bench, v: int, b: int, patience: float
) -> int:
    """Move ``v`` to ``b`` and, if that pays, a node of ``b`` the other way."""
    a = grids.label[v]
    change = _weigh(net, prices, grids, bench, (v, b, 0))
    if not _leaves_whole(net, grids, bench, v):
        return 0
    _move(net, grids, bench, (v, b, 0))
    w = _comes_back(net, grids, bench, v, a)
    if w >= 0:
        more = _weigh(net, prices, grids, bench, (w, a, 1))
        if change + more <= patience and _leaves_whole(net, grids, bench, w):
            _move(net, grids, bench, (w, a, 1))
            return change + more
    if change <= patience:
        return change
    _weigh(net, prices, grids, bench, (v, a, 1))
    _move(net, grids, bench, (v, a, 1))
    return 0


@compiled_loop
def anneal(
    net: Net,
    prices: Prices,
    grids: Grids,
    bench: Bench,
    heat: Floats,
    first: int,
    moves: int,
) -> int:
    """Propose ``moves`` moves from the ``first`` on; return the change of cost.

    Parameters
    ----------
    net, prices, grids, bench
        The region; ``grids`` is changed in place. No grid falls apart or vanishes.
    heat
        First temperature in tenths of a point, factor by which it falls every :data:`STEP`
        proposals, and share of proposals that are swaps.
    first, moves
        Number of the first proposal and how many follow: a search may be made in pieces.
    """
    cost, borders = 0, len(net.target)
    temperature = heat[0] * heat[1] ** (first // STEP)
    swaps = np.int64(heat[2] * 65536)
    for number in range(first, first + moves):
        if number % STEP == 0:
            temperature = heat[0] * heat[1] ** (number // STEP)
        e = _below(bench.random, borders)
        v = net.source[e]
        a, b = grids.label[v], grids.label[net.target[e]]
        if a == b or not net.joined[e] or net.frozen[v] or grids.sums[a, NODES] == 1:
            continue
        patience = -temperature * log(_uniform(bench.random))
        if _below(bench.random, 65536) < swaps:
            cost += _swap(net, prices, grids, bench, v, b, patience)
        else:
            cost += _single(net, prices, grids, bench, v, b, patience)
    return cost


@compiled_loop
def descend(net: Net, prices: Prices, grids: Grids, bench: Bench, sweeps: int) -> int:
    """Make moves that pay until none is left, ``sweeps`` times round; return the change of cost."""
    cost = 0
    for _ in range(sweeps):
        before = cost
        for e in range(len(net.target)):
            v = net.source[e]
            a, b = grids.label[v], grids.label[net.target[e]]
            if a == b or not net.joined[e] or net.frozen[v] or grids.sums[a, NODES] == 1:
                continue
            cost += _single(net, prices, grids, bench, v, b, -1.0)
        if cost == before:
            break
    return cost


@compiled_loop
def _repeats(net: Net, grids: Grids, v: int, e: int) -> bool:
    """Return whether a border of ``v`` before ``e`` leads to the same grid."""
    for f in range(net.indptr[v], e):
        if net.joined[f] and grids.label[net.target[f]] == grids.label[net.target[e]]:
            return True
    return False


@compiled_loop
def _walk(net: Net, grids: Grids, bench: Bench, v: int, link: int) -> int:
    """Note the nodes of the grid of ``v``, itself first, and return how many they are."""
    bench.stamp[0] += 1
    stamp, walk, grid = bench.stamp[0], bench.walk, grids.label[v]
    bench.mark[v], walk[link, 0] = stamp, v
    head, tail = 0, 1
    while head < tail:
        x = walk[link, head]
        head += 1
        for e in range(net.indptr[x], net.indptr[x + 1]):
            u = net.target[e]
            if net.joined[e] and grids.label[u] == grid and bench.mark[u] != stamp:
                bench.mark[u], walk[link, tail] = stamp, u
                tail += 1
    return tail


@compiled_loop
def _next(net: Net, grids: Grids, bench: Bench, link: int) -> int:
    """Return the next border over which a chain can leave the grid it came to, or -1."""
    at = bench.place
    while at[link, 0] < at[link, 1]:
        w = bench.walk[link, at[link, 0]]
        e = max(at[link, 2], net.indptr[w])
        end = net.indptr[w] if net.frozen[w] else net.indptr[w + 1]
        while e < end:
            out = grids.label[net.target[e]] != grids.label[w] and net.joined[e]
            if out and not _repeats(net, grids, w, e):
                at[link, 2] = e + 1
                return int(e)
            e += 1
        at[link, 0] += 1
        at[link, 2] = 0
    return -1


@compiled_loop
def _goes_on(net: Net, prices: Prices, grids: Grids, bench: Bench, at: Part, links: int) -> bool:
    """Weigh one move more, note the chain if it is the best, and return whether it may go on.

    ``at`` is the node, the grid and the number of moves before.
    """
    v, b, link = at
    chain = bench.chain
    change = _weigh(net, prices, grids, bench, at) + (chain[link - 1, 3] if link else 0)
    last = link + 1 == links
    if (last and change >= bench.least[0]) or not _leaves_whole(net, grids, bench, v):
        return False
    chain[link, 0], chain[link, 1], chain[link, 2], chain[link, 3] = v, grids.label[v], b, change
    if change < bench.least[0]:
        bench.least[0], bench.least[1] = change, link + 1
        for i in range(link + 1):
            bench.best[i, 0], bench.best[i, 1] = chain[i, 0], chain[i, 2]
    return not last


@compiled_loop
def _chains_from(
    net: Net, prices: Prices, grids: Grids, bench: Bench, first: int, links: int
) -> None:
    """Try every chain that begins over the border ``first``; the grids are left as they were."""
    link, e, place = 0, first, bench.place
    while True:
        v, b = net.source[e], grids.label[net.target[e]]
        if _goes_on(net, prices, grids, bench, (v, b, link), links):
            _move(net, grids, bench, (v, b, link))
            link += 1
            # The node itself is the first of its grid, and does not move again.
            place[link, 0], place[link, 1] = 1, _walk(net, grids, bench, v, link)
            place[link, 2] = 0
        e = -1 if link == 0 else _next(net, grids, bench, link)
        while e < 0:
            if link == 0:
                return
            link -= 1
            back = bench.chain[link, 0], bench.chain[link, 1], link
            _weigh(net, prices, grids, bench, back)
            _move(net, grids, bench, back)
            e = -1 if link == 0 else _next(net, grids, bench, link)


@compiled_loop
def _begins(net: Net, grids: Grids, e: int) -> bool:
    """Return whether a chain can begin over a border, where no earlier one begins alike."""
    v = net.source[e]
    other = grids.label[v] != grids.label[net.target[e]]
    return bool(other and net.joined[e] and not net.frozen[v] and not _repeats(net, grids, v, e))


@compiled_loop
def _make_best(net: Net, prices: Prices, grids: Grids, bench: Bench) -> int:
    change = bench.least[0]
    for i in range(bench.least[1]):
        v, b = bench.best[i, 0], bench.best[i, 1]
        _weigh(net, prices, grids, bench, (v, b, 0))
        _move(net, grids, bench, (v, b, 0))
    bench.least[0] = bench.least[1] = 0
    return int(change)


@compiled_loop
def relieve(net: Net, prices: Prices, grids: Grids, bench: Bench, grid: int, links: int) -> int:
    """Make the best chain of moves that begins in a grid or comes to it first, if one pays.

    Each move goes on from the grid that the one before came to; there are ``links`` at most.
    Returns the change of cost.
    """
    for e in range(len(net.target)):
        near = grids.label[net.source[e]] == grid or grids.label[net.target[e]] == grid
        if near and _begins(net, grids, e):
            _chains_from(net, prices, grids, bench, e, links)
    return _make_best(net, prices, grids, bench)


@compiled_loop
def exchange(net: Net, prices: Prices, grids: Grids, bench: Bench, first: int, after: int) -> int:
    """Make the best move or chain of two over each border from ``first`` on, where one pays.

    Returns the change of cost.
    """
    cost = 0
    for e in range(first, after):
        if _begins(net, grids, e):
            _chains_from(net, prices, grids, bench, e, 2)
            cost += _make_best(net, prices, grids, bench)
    return cost
