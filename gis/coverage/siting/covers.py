"""Which rows and candidates decide a cover: dropping the others changes no optimum."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from gis.coverage.siting.cover_kernels import best_sites, least_rows

if TYPE_CHECKING:
    from gis.coverage.siting.cover_kernels import Lists
    from gis.coverage.siting.problem import Bools, Floats
    from gis.coverage.siting.table import Table

#: Looks at pairs, at most, for sites that another one is as good as: seconds.
_LOOKS = 3e9


@dataclass(frozen=True, eq=False)
class Cover:
    """Which sites cover which rows; each row has one at least.

    Parameters
    ----------
    rows, sites
        The sites of each row, and the rows of each site: where each begins, and which.
    """

    rows: "Lists"
    sites: "Lists"

    @classmethod
    def of(cls, matrix: csr_array) -> "Cover":
        """Return the cover of a matrix that has something where a column covers a row."""
        turned = csr_array(matrix.T)
        return cls(
            (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)),
            (turned.indptr.astype(np.int64), turned.indices.astype(np.int64)),
        )

    @property
    def matrix(self) -> csr_array:
        """The cover as a matrix of ones, shape (n, m)."""
        start, site = self.rows
        shape = (len(start) - 1, len(self.sites[0]) - 1)
        return csr_array((np.ones(len(site)), site, start), shape=shape)

    def part(self, rows: "Bools", sites: "Bools") -> "Cover":
        """Return the cover of some of the rows by some of the sites."""
        return Cover.of(self.matrix[np.flatnonzero(rows)][:, np.flatnonzero(sites)])


def better_sites(table: "Table") -> "Bools":
    """Return the sites that no other one is as good as everywhere; of equal ones the first.

    All are returned where rows have more than one price, or where looking would take too long.
    """
    m = len(table.opening)
    lengths = np.diff(table.start)
    row = np.repeat(np.arange(len(lengths)), lengths)
    flat = len(row) and (table.price == table.price[table.start[:-1]][row]).all()
    if not flat or float(lengths.astype(np.float64) @ lengths) > _LOOKS:
        return np.ones(m, dtype=bool)
    shape = (len(lengths), m)
    cover = Cover.of(csr_array((np.ones(len(row)), table.site, table.start), shape=shape))
    return best_sites(cover.rows, cover.sites, table.opening.astype(np.float64))


def needed(cover: Cover, cost: "Floats | None") -> "tuple[Bools, Bools]":
    """Return the rows and sites that decide what covers all rows, until no more can be dropped.

    Parameters
    ----------
    cover
        Who covers what.
    cost
        Of the sites, shape (m,): one that covers no more than another one that costs no more is
        not needed. ``None``: all sites stay.
    """
    rows = np.ones(len(cover.rows[0]) - 1, dtype=bool)
    sites = np.ones(len(cover.sites[0]) - 1, dtype=bool)
    while True:
        order = np.argsort(np.diff(cover.rows[0]), kind="stable")
        kept = least_rows(cover.rows, cover.sites, order)
        every = np.ones(len(cover.sites[0]) - 1, dtype=bool)
        rows[rows] = kept
        if cost is None:
            return rows, sites
        cover = cover.part(kept, every)
        kept = best_sites(cover.rows, cover.sites, cost[sites])
        sites[sites] = kept
        if kept.all():
            return rows, sites
        cover = cover.part(np.ones(len(cover.rows[0]) - 1, dtype=bool), kept)
