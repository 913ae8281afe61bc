"""Inner loops of siting in machine code; all in one module, because some call each other.

A table is kept by rows of demand: ``start`` (n + 1,) into ``site`` and ``price``, cheapest first.
Prices are whole numbers, so sums do not depend on their order.
"""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.compiled import compiled

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Floats, Ints


@compiled
def by_rows(row: "Ints", other: "Ints", rows: int, others: int) -> "tuple[Ints, Ints]":
    """Return where each row begins, and the order of pairs by row and then by ``other``."""
    k = len(row)
    begin = np.zeros(others + 1, dtype=np.int64)
    for i in range(k):
        begin[other[i] + 1] += 1
    for j in range(others):
        begin[j + 1] += begin[j]
    first = np.empty(k, dtype=np.int64)
    for i in range(k):
        first[begin[other[i]]] = i
        begin[other[i]] += 1
    start = np.zeros(rows + 1, dtype=np.int64)
    for i in range(k):
        start[row[i] + 1] += 1
    for r in range(rows):
        start[r + 1] += start[r]
    place = start.copy()
    order = np.empty(k, dtype=np.int64)
    for at in range(k):
        i = first[at]
        order[place[row[i]]] = i
        place[row[i]] += 1
    return start, order


@compiled
def cheapest_first(start: "Ints", site: "Ints", price: "Ints") -> None:
    """Sort each row by price, in place; equal prices stay in their order."""
    for r in range(len(start) - 1):
        a, b = start[r], start[r + 1]
        order = np.argsort(price[a:b], kind="mergesort")
        site[a:b] = site[a:b][order]
        price[a:b] = price[a:b][order]


@compiled
def two_nearest(
    table: "tuple[Ints, Ints, Ints, Ints]", slot: "Ints", first: "Ints", second: "Ints"
) -> "Ints":
    """Write the two lowest prices of each row among open sites; return the slot of the lowest.

    ``table`` is base, start, site, price; ``slot`` says per site which open one it is, -1 if
    closed. A row that no open site improves pays its base price and has slot -1.
    """
    base, start, site, price = table
    owner = np.full(len(base), -1, dtype=np.int64)
    for r in range(len(base)):
        first[r] = base[r]
        second[r] = base[r]
        for k in range(start[r], start[r + 1]):
            s = slot[site[k]]
            if s < 0:
                continue
            if owner[r] < 0:
                owner[r] = s
                first[r] = price[k]
            else:
                second[r] = price[k]
                break
    return owner


@compiled
def swap_table(
    table: "tuple[Ints, Ints, Ints, Ints]",
    owner: "Ints",
    first: "Ints",
    second: "Ints",
    shape: "tuple[int, int]",
) -> "tuple[Ints, Ints, Ints]":
    """Return what changes when sites open and close (Whitaker's quantities, from scratch).

    ``gain`` (m,): saved by opening; ``loss`` (p,): lost by closing; ``extra`` (m, p): lost less
    when both happen. Exchanging open slot ``s`` for site ``j`` adds ``loss[s] - gain[j] -
    extra[j, s]``.
    """
    _base, start, site, price = table
    gain = np.zeros(shape[0], dtype=np.int64)
    loss = np.zeros(shape[1], dtype=np.int64)
    extra = np.zeros(shape, dtype=np.int64)
    for r in range(len(owner)):
        s, near, far = owner[r], first[r], second[r]
        if s >= 0:
            loss[s] += far - near
        for k in range(start[r], start[r + 1]):
            c = price[k]
            if c >= far:
                break
            j = site[k]
            if c < near:
                gain[j] += near - c
                if s >= 0:
                    extra[j, s] += far - near
            else:
                extra[j, s] += far - c
    return gain, loss, extra


@compiled
def reduced_costs(
    table: "tuple[Ints, Ints, Ints, Ints]", value: "Floats", reduced: "Floats"
) -> float:
    """Write the reduced cost of each site under prices ``value`` of the rows; return their sum.

    Relaxed is that each row is served once: a site is worth the rows that it serves below their
    value. A value above the base price is taken as the base price, which anyone can have.
    """
    base, start, site, price = table
    reduced[:] = 0.0
    total = 0.0
    for r in range(len(base)):
        value[r] = min(max(value[r], 0.0), base[r])
        total += value[r]
        for k in range(start[r], start[r + 1]):
            if price[k] >= value[r]:
                break
            reduced[site[k]] += price[k] - value[r]
    return total


@compiled
def times_served(
    table: "tuple[Ints, Ints, Ints, Ints]", value: "Floats", taken: "Floats", served: "Floats"
) -> float:
    """Write 1 less the times that the sites taken serve each row; return the sum of squares."""
    base, start, site, price = table
    square = 0.0
    for r in range(len(base)):
        short = 1.0
        for k in range(start[r], start[r + 1]):
            if price[k] >= value[r]:
                break
            short -= taken[site[k]]
        if value[r] >= base[r] and short > 0:
            short = 0.0  # the base price serves it
        served[r] = short
        square += short * short
    return square


@compiled
def worst_of_swaps(
    sites: "tuple[Ints, Ints, Ints]",
    owner: "Ints",
    first: "Ints",
    second: "Ints",
    shape: "tuple[int, int]",
) -> "Ints":
    """Return the highest price of any row after each exchange of slot ``s`` for site ``j``, (m, p).

    ``sites`` are start, row and price of the pairs by site.
    """
    start, row, price = sites
    m, p = shape
    out = np.zeros(shape, dtype=np.int64)
    now = np.empty(len(owner), dtype=np.int64)
    for j in range(m):
        now[:] = second
        for k in range(start[j], start[j + 1]):
            now[row[k]] = min(now[row[k]], price[k])
        kept = np.zeros(p + 1, dtype=np.int64)
        lost = np.zeros(p + 1, dtype=np.int64)
        for r in range(len(owner)):
            s = owner[r]  # -1, of rows that no open site improves, is the last place
            lost[s] = max(lost[s], now[r])
            kept[s] = max(kept[s], min(now[r], first[r]))
        for s in range(p):
            worst = lost[s]
            for other in range(p + 1):
                if other != s:
                    worst = max(worst, kept[other])
            out[j, s] = worst
    return out
