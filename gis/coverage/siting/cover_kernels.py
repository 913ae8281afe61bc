"""Inner loops of covers in machine code; all in one module, because some call each other.

A cover is kept twice: by rows of demand, ``start`` (n + 1,) into ``site``, and by sites, ``begin``
(m + 1,) into ``row``. Each row has a site.
"""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.compiled import compiled

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Bools, Floats, Ints

    #: Where each row (site) begins, and its sites (rows).
    Lists = tuple[Ints, Ints]
    #: Per site: chosen, worth, step of its last change, whether it may be added again.
    #: Per row: its weight, times covered, its place among the bare rows; then the bare rows.
    State = tuple[Bools, Ints, Ints, Bools, Ints, Ints, Ints, Ints]


@compiled
def least_rows(rows: "Lists", sites: "Lists", order: "Ints") -> "Bools":
    """Return the rows that hold no other row; of equal ones the first in ``order``, by length.

    A row that is kept is filed under the rarest of its sites: whoever holds it has that one too.
    """
    start, site = rows
    begin = sites[0]
    n, m = len(start) - 1, len(begin) - 1
    seen = np.full(m, -1, dtype=np.int64)
    head = np.full(m, -1, dtype=np.int64)
    after = np.full(n, -1, dtype=np.int64)
    keep = np.zeros(n, dtype=np.bool_)
    for r in order:
        rarest = site[start[r]]
        for k in range(start[r], start[r + 1]):
            j = site[k]
            seen[j] = r
            if begin[j + 1] - begin[j] < begin[rarest + 1] - begin[rarest]:
                rarest = j
        holds = False
        for k in range(start[r], start[r + 1]):
            other = head[site[k]]
            while other >= 0 and not holds:
                holds = True
                for q in range(start[other], start[other + 1]):
                    if seen[site[q]] != r:
                        holds = False
                        break
                other = after[other]
            if holds:
                break
        if not holds:
            keep[r] = True
            after[r] = head[rarest]
            head[rarest] = r
    return keep


@compiled
def _rivals(rows: "Lists", begin: "Ints", cost: "Floats", c: int, r: int, others: "Ints") -> int:
    """List the sites of a row that may have all rows of site ``c``; return how many they are."""
    start, site = rows
    size, left = begin[c + 1] - begin[c], 0
    for k in range(start[r], start[r + 1]):
        j = site[k]
        larger = begin[j + 1] - begin[j] - size
        # Of two alike the first stays; a site is no rival of its own.
        if larger >= 0 and (larger > 0 or cost[j] < cost[c] or j < c) and cost[j] <= cost[c]:
            others[left] = j
            left += 1
    return left


@compiled
def best_sites(rows: "Lists", sites: "Lists", cost: "Floats") -> "Bools":
    """Return the sites whose rows no other site has at no more cost; of equal ones the first."""
    start, site = rows
    begin, row = sites
    m = len(begin) - 1
    keep = np.zeros(m, dtype=np.bool_)
    mark = np.full(m, -1, dtype=np.int64)
    others = np.empty(m, dtype=np.int64)
    for c in range(m):
        if begin[c] == begin[c + 1]:
            continue
        of_c = row[begin[c] : begin[c + 1]]
        shortest = of_c[np.argmin(start[of_c + 1] - start[of_c])]
        left = _rivals(rows, begin, cost, c, shortest, others)
        for k in range(begin[c], begin[c + 1]):
            if not left:
                break
            for q in range(start[row[k]], start[row[k] + 1]):
                mark[site[q]] = k
            had, left = left, 0
            for q in range(had):
                if mark[others[q]] == k:
                    others[left] = others[q]
                    left += 1
        keep[c] = left == 0
    return keep


@compiled
def _flip(rows: "Lists", sites: "Lists", state: "State", bare: int, j: int) -> int:
    """Open a site or close it; return how many rows are bare.

    What a site is worth is the weight of the rows that it covers alone, or would.
    """
    start, site = rows
    begin, row = sites
    chosen, worth, _, may, weight, times, place, left = state
    change = -1 if chosen[j] else 1
    chosen[j] = change > 0
    for k in range(begin[j], begin[j + 1]):
        r = row[k]
        times[r] += change
        if change > 0 and times[r] == 1:
            bare -= 1
            place[left[bare]] = place[r]
            left[place[r]] = left[bare]
        elif change < 0 and times[r] == 0:
            place[r] = bare
            left[bare] = r
            bare += 1
        # Bare or no longer so: everyone gains or loses it. Twice or no longer so: the other one.
        all_of_them = times[r] == (1 if change > 0 else 0)
        one_of_them = times[r] == (2 if change > 0 else 1)
        for q in range(start[r], start[r + 1]):
            i = site[q]
            if i != j:
                may[i] = True
                if all_of_them or (one_of_them and chosen[i]):
                    worth[i] -= change * weight[r]
    if change < 0:
        may[j] = False
    return bare


@compiled
def _cheapest(state: "State", tabu: int) -> int:
    """Return the chosen site that is worth least, of equal ones the one that stands longest."""
    chosen, worth, changed = state[0], state[1], state[2]
    best = -1
    for j in range(len(chosen)):
        if chosen[j] and j != tabu:
            less = best < 0 or worth[j] < worth[best]
            if less or (worth[j] == worth[best] and changed[j] < changed[best]):
                best = j
    return best


@compiled
def _dearest(rows: "Lists", state: "State", r: int) -> int:
    """Return the site of a row that is worth most among those that may be added."""
    start, site = rows
    worth, changed, may = state[1], state[2], state[3]
    best = -1
    for k in range(start[r], start[r + 1]):
        j = site[k]
        if best < 0 or (may[j] and not may[best]):
            best = j
        elif may[j] == may[best]:
            more = worth[j] > worth[best]
            if more or (worth[j] == worth[best] and changed[j] < changed[best]):
                best = j
    return best


@compiled
def _begin(rows: "Lists", sites: "Lists", state: "State", greedy: int) -> int:
    """List the bare rows, and cover them by greedy choice if asked; return how many are bare."""
    start, site = rows
    chosen, worth, _, _, weight, times, place, left = state
    bare = 0
    for r in range(len(times)):
        if times[r] == 0:
            place[r] = bare
            left[bare] = r
            bare += 1
    if greedy:
        for r in range(len(times)):
            for k in range(start[r], start[r + 1]):
                worth[site[k]] += weight[r]
        while bare:
            best = int(np.argmax(np.where(chosen, -1, worth)))
            bare = _flip(rows, sites, state, bare, best)
    return bare


@compiled
def search_covers(
    rows: "Lists", sites: "Lists", state: "State", best: "Bools", memory: "Ints"
) -> None:
    """Look for covers of fewer sites: one less, then exchanges for a row that is bare.

    Rows gain weight with each step in which they stay bare (Gao, Weise and Li 2015). ``best`` is
    the smallest cover so far; ``memory`` holds the state of the random numbers, the steps so far,
    how many more are to be done, how many sites are enough, and the site that came last.
    """
    start, site = rows
    chosen, worth, changed, _, weight, _, _, left = state
    bare = _begin(rows, sites, state, memory[1] == 0)
    for _ in range(memory[2]):
        while bare == 0:
            best[:] = chosen
            if best.sum() <= memory[3]:
                return
            j = _cheapest(state, -1)
            bare = _flip(rows, sites, state, bare, j)
            changed[j] = memory[1]
        j = _cheapest(state, memory[4])
        if j >= 0:
            bare = _flip(rows, sites, state, bare, j)
            changed[j] = memory[1]
        memory[0] = memory[0] * 48271 % 2147483647
        j = _dearest(rows, state, left[memory[0] % bare])
        bare = _flip(rows, sites, state, bare, j)
        changed[j] = memory[1]
        memory[4] = j
        for r in left[:bare]:
            weight[r] += 1
            for k in range(start[r], start[r + 1]):
                worth[site[k]] += 1
        memory[1] += 1
    if bare == 0:
        best[:] = chosen
