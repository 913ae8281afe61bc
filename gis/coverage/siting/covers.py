"""Which rows and candidates decide a cover: dropping the others changes no optimum."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Bools
    from gis.coverage.siting.table import Table

#: Pairs of rows that share a candidate, at most, for looking which cover holds which.
_SHARED = 3e7
#: Rounds of dropping rows and candidates: each makes more of the other needless.
_ROUNDS = 3


def better_sites(table: "Table") -> "Bools":
    """Return the sites that no other one is as good as everywhere; of equal ones the first.

    All are returned where rows have more than one price, or where looking would take too long.
    """
    m = len(table.opening)
    every = np.ones(m, dtype=bool)
    start = table.start[:-1]
    row = np.repeat(np.arange(len(start)), np.diff(table.start))
    flat = len(row) and (table.price == table.price[start[row]]).all()
    lengths = np.diff(table.start).astype(np.float64)
    if not flat or (table.opening != table.opening[0]).any() or (lengths**2).sum() > _SHARED:
        return every
    cover = csr_array(
        (np.ones(len(row)), table.site.astype(np.int64), table.start), shape=(len(start), m)
    )
    return ~_held_by_another(csr_array(cover.T))


def needed(cover: csr_array, *, columns: bool) -> "tuple[Bools, Bools]":
    """Return the rows and columns of a cover that decide what covers all of it.

    Parameters
    ----------
    cover
        1 where a candidate (column) covers a row of demand.
    columns
        Whether all candidates cost the same and may stand together, so that one that covers no more
        than another is not needed.
    """
    rows, sites = np.ones(cover.shape[0], dtype=bool), np.ones(cover.shape[1], dtype=bool)
    for _ in range(_ROUNDS):
        part = cover[np.flatnonzero(rows)][:, np.flatnonzero(sites)]
        if float((part.sum(axis=0) ** 2).sum()) > _SHARED:
            break
        before = rows.sum(), sites.sum()
        rows[np.flatnonzero(rows)[_holds_another(part)]] = False
        if columns:
            part = cover[np.flatnonzero(rows)][:, np.flatnonzero(sites)]
            sites[np.flatnonzero(sites)[_held_by_another(csr_array(part.T))]] = False
        if before == (rows.sum(), sites.sum()):
            break
    return rows, sites


def _holds_another(sets: csr_array) -> "Bools":
    """Return which sets (rows) hold all of another one; of equal ones the first holds none."""
    size = np.diff(sets.indptr)
    shared = (sets @ sets.T).tocoo()
    a, b = shared.coords
    whole = (shared.data == size[a]) & ((size[a] < size[b]) | ((size[a] == size[b]) & (a < b)))
    out = np.zeros(sets.shape[0], dtype=bool)
    out[b[whole]] = True
    return out


def _held_by_another(sets: csr_array) -> "Bools":
    """Return which sets (rows) another one holds; of equal ones the first is held by none."""
    size = np.diff(sets.indptr)
    shared = (sets @ sets.T).tocoo()
    a, b = shared.coords
    whole = (shared.data == size[a]) & ((size[a] < size[b]) | ((size[a] == size[b]) & (a > b)))
    out: Bools = size == 0
    out[a[whole]] = True
    return out
