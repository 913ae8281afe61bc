"""People to stations with limited room, at the least cost, in machine code; on its own.

Rows are taken one by one along the cheapest chain of moves: a person goes to a station, somebody of
that one to the next, until there is room. Each step keeps what is placed at least cost (successive
shortest paths on the few stations, not on the many rows).
"""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.compiled import compiled

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Floats, Ints

#: A station that cannot be had; sums of two stay whole numbers of 64 bits.
FAR = 1 << 60


@compiled
def assign(people: "Ints", price: "Ints", room: "Ints", flow: "Ints") -> "Ints":
    """Write who goes where, and return the price of room in each station.

    Parameters
    ----------
    people
        Per row, shape (n,).
    price
        Of a person of a row at each station, the last column for being served nowhere;
        ``FAR`` where a station cannot be had; shape (n, p + 1).
    room
        Of each station, shape (p,).
    flow
        Zeros of shape (n, p + 1), written.

    Returns
    -------
    What one more place in each station would save, shape (p,).
    """
    width = price.shape[1]
    spare = np.empty(width, dtype=np.int64)
    spare[: width - 1] = room
    spare[width - 1] = people.sum()
    # What moving one person costs from one station to another, and whose person that is.
    move = np.full((width, width), FAR, dtype=np.int64)
    mover = np.full((width, width), -1, dtype=np.int64)
    before = np.empty(width, dtype=np.int64)
    for i in range(len(people)):
        left = people[i]
        while left > 0:
            target = _way(price[i], spare, move, before)
            amount = min(left, spare[target])
            at = target
            while before[at] >= 0:
                amount = min(amount, flow[mover[before[at], at], before[at]])
                at = before[at]
            spare[target] -= amount
            left -= amount
            at = target
            while before[at] >= 0:
                came, r = before[at], mover[before[at], at]
                flow[r, came] -= amount
                flow[r, at] += amount
                _arrive(price, r, at, move, mover)
                if flow[r, came] == 0:
                    _leave(price, flow, r, came, move, mover)
                at = came
            flow[i, at] += amount
            _arrive(price, i, at, move, mover)
    return _worth(spare, move)


@compiled
def _way(price: "Ints", spare: "Ints", move: "Ints", before: "Ints") -> int:
    """Return the station with room that is cheapest to get to, and write the way back."""
    width = len(price)
    cost = price.copy()
    before[:] = -1
    target = int(np.argmin(cost))
    if spare[target] > 0:
        return target
    changed = True
    while changed:
        changed = False
        for j in range(width):
            if cost[j] >= FAR or spare[j] > 0:
                continue
            for k in range(width):
                if move[j, k] < FAR and cost[j] + move[j, k] < cost[k]:
                    cost[k] = cost[j] + move[j, k]
                    before[k] = j
                    changed = True
    target = width - 1
    for j in range(width):
        if spare[j] > 0 and cost[j] < cost[target]:
            target = j
    return target


@compiled
def _arrive(price: "Ints", row: int, at: int, move: "Ints", mover: "Ints") -> None:
    """Note that people of a row are at a station and could move on from there."""
    for k in range(price.shape[1]):
        if k != at and price[row, k] < FAR and price[row, k] - price[row, at] < move[at, k]:
            move[at, k] = price[row, k] - price[row, at]
            mover[at, k] = row


@compiled
def _leave(price: "Ints", flow: "Ints", row: int, at: int, move: "Ints", mover: "Ints") -> None:
    """Note that a row has nobody at a station any more: others would move on from there."""
    for k in range(price.shape[1]):
        if mover[at, k] != row:
            continue
        move[at, k] = FAR
        mover[at, k] = -1
        for other in range(len(flow)):
            if flow[other, at] > 0 and price[other, k] < FAR:
                new = price[other, k] - price[other, at]
                if new < move[at, k]:
                    move[at, k] = new
                    mover[at, k] = other


@compiled
def _worth(spare: "Ints", move: "Ints") -> "Ints":
    """Return what a place in each station is worth: the way from there to where there is room."""
    width = len(spare)
    worth = np.where(spare > 0, 0, FAR)
    worth[width - 1] = 0
    changed = True
    while changed:
        changed = False
        for j in range(width):
            for k in range(width):
                if move[j, k] < FAR and worth[k] < FAR and move[j, k] + worth[k] < worth[j]:
                    worth[j] = max(0, move[j, k] + worth[k])
                    changed = True
    return worth[: width - 1]


@compiled
def site_values(
    sites: "tuple[Ints, Ints, Ints]",
    people: "Ints",
    room: "Ints",
    value: "Floats",
    reduced: "Floats",
) -> None:
    """Write what each site is worth when a person of each row is worth ``value``.

    A site takes the people whose price is farthest below their value, as many as it has room for.
    ``sites`` are start, row and price of the pairs by site.
    """
    start, row, price = sites
    for j in range(len(start) - 1):
        total, placed = 0.0, 0
        for k in range(start[j], start[j + 1]):
            r = row[k]
            if price[k] < value[r]:
                total += people[r] * (price[k] - value[r])
                placed += people[r]
        if placed > room[j]:
            total = _filled(sites, people, room[j], value, j, np.empty(0), 0.0)
        reduced[j] = total


@compiled
def short_rows(
    sites: "tuple[Ints, Ints, Ints]",
    people: "Ints",
    room: "Ints",
    value: "Floats",
    taken: "Floats",
    short: "Floats",
) -> None:
    """Take from ``short`` the people of each row that the sites taken serve."""
    for j in range(len(taken)):
        if taken[j]:
            _filled(sites, people, room[j], value, j, short, taken[j])


@compiled
def _filled(
    sites: "tuple[Ints, Ints, Ints]",
    people: "Ints",
    room: int,
    value: "Floats",
    site: int,
    short: "Floats",
    share: float,
) -> float:
    start, row, price = sites
    a, b = start[site], start[site + 1]
    worth = np.empty(b - a)
    at = np.empty(b - a, dtype=np.int64)
    count = 0
    for k in range(a, b):
        below = price[k] - value[row[k]]
        if below < 0:
            worth[count] = below
            at[count] = row[k]
            count += 1
    order = np.argsort(worth[:count], kind="mergesort")
    total, left = 0.0, room
    for k in order:
        amount = min(left, people[at[k]])
        total += amount * worth[k]
        left -= amount
        if len(short):
            short[at[k]] -= amount * share
        if left == 0:
            break
    return total
