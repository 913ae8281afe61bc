"""The fewest sites that cover all rows, none limited in number.

What dominance leaves falls into parts. In each, a search with weighted rows finds a cover, values
of the rows bound what any cover takes and fix sites, and HiGHS is asked for a smaller one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import block_array, csc_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from gis.coverage.siting.bounds import Relaxation
from gis.coverage.siting.cover_kernels import search_covers
from gis.coverage.siting.covers import Cover, needed
from gis.coverage.siting.highs import Program, solve_program
from gis.coverage.siting.rules import Rules
from gis.coverage.siting.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.bounds import Bound
    from gis.coverage.siting.problem import Ints
    from gis.coverage.siting.run import Run

#: Rounds of the bound, work of the search in pairs looked at, and nodes of HiGHS, for each part.
_ROUNDS, _WORK, _NODES = 600, 1e8, 5_000
#: The search looks at the clock this often.
_TURNS = 30


@dataclass(frozen=True, eq=False)
class Fewest:
    """A cover, and how few sites any can have.

    Parameters
    ----------
    chosen
        Sites, ascending.
    least
        No cover has fewer.
    """

    chosen: "Ints"
    least: int


def fewest_sites(cover: Cover, run: "Run", told: "Callable[[float, float], None]") -> Fewest:
    """Return a cover of as few sites as can be found, with a bound.

    Parameters
    ----------
    cover
        Who covers what.
    run
        Says when to stop, and how much effort to make.
    told
        Called with the sites of the best cover and the bound whenever one is better.
    """
    if len(cover.rows[0]) == 1:
        return Fewest(np.empty(0, dtype=np.int64), 0)
    rows, sites = needed(cover, np.zeros(len(cover.sites[0]) - 1))
    core, number = cover.part(rows, sites), np.flatnonzero(sites)
    part_of_row, part_of_site = _parts(core)
    size = np.bincount(part_of_site)
    alone = number[size[part_of_site] == 1]
    parts = []
    for mark in np.flatnonzero(size > 1).tolist():
        own = part_of_site == mark
        parts.append(_Part(core.part(part_of_row == mark, own), number[own], run))
    fixed = len(alone)

    def tell() -> None:
        told(fixed + sum(one.cost for one in parts), fixed + sum(one.least for one in parts))

    tell()
    for part in parts:
        part.solve(tell)
    chosen = np.concatenate([alone, *(one.number[one.best] for one in parts)])
    return Fewest(np.sort(chosen), fixed + sum(one.least for one in parts))


def _parts(cover: Cover) -> "tuple[Ints, Ints]":
    """Return a part per row and per site: those of different parts have nothing in common."""
    matrix = cover.matrix
    _, part = connected_components(block_array([[None, matrix], [matrix.T, None]]), directed=False)
    return part[: matrix.shape[0]], part[matrix.shape[0] :]


class _Part:
    """Sites that hang together.

    Parameters
    ----------
    cover
        Rows and sites of this part.
    number
        Of each site in the whole, shape (m,).
    run
        Says when to stop.
    """

    def __init__(self, cover: Cover, number: "Ints", run: "Run") -> None:
        self.cover, self.number, self.run = cover, number, run
        n, m = len(cover.rows[0]) - 1, len(number)
        self._state = (
            *(np.zeros(m, dtype=bool), np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)),
            *(np.ones(m, dtype=bool), np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)),
            *(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)),
        )
        self.best = np.zeros(m, dtype=bool)
        self.least = 1
        seed = 1 + run.options.seed % (2**31 - 2)
        self._memory = np.array([seed, 0, 1, 1, -1])
        self._search(1)

    @property
    def cost(self) -> int:
        """Sites of the best cover."""
        return int(self.best.sum())

    def solve(self, tell: "Callable[[], None]") -> None:
        """Improve the cover and the bound as far as the effort goes."""
        if self.cost <= self.least or self.run.over():
            return
        effort = self.run.options.effort
        relaxation = self._relaxation()
        relaxation.improve(
            lambda: self.cost, round(_ROUNDS * effort), lambda _: not self.run.over()
        )
        self._bounded(relaxation.least, tell)
        length = np.diff(self.cover.rows[0])
        looks = float(length @ length) / len(self.number)
        steps = 1 + int(_WORK * effort / (3 * looks + len(self.number)) / _TURNS)
        for _ in range(_TURNS):
            if self.cost <= self.least or self.run.over():
                break
            before = self.cost
            self._search(steps)
            self.run.moves += steps
            if self.cost < before:
                tell()
        if self.cost > self.least and not self.run.over():
            self._program(relaxation.bound(), tell)

    def _search(self, steps: int) -> None:
        self._memory[2:4] = steps, self.least
        search_covers(self.cover.rows, self.cover.sites, self._state, self.best, self._memory)

    def _bounded(self, least: float, tell: "Callable[[], None]") -> None:
        if least > self.least:
            self.least = int(min(least, self.cost))
            tell()

    def _relaxation(self) -> Relaxation:
        """Return the relaxation in which a row that is not covered costs as much as a site."""
        start, site = self.cover.rows
        n, m = len(start) - 1, len(self.number)
        table = Table(
            np.ones(n, dtype=np.int64),
            start,
            site.astype(np.int32),
            np.zeros(len(site), dtype=np.int64),
            np.ones(m, dtype=np.int64),
            1.0,
            whole=True,
            constant=0,
        )
        rules = Rules(self.number, m, np.zeros(m), np.inf, np.zeros(m), 0.0, None)
        # A row is worth its share of the largest site that covers it: nobody is overpaid.
        size = np.diff(self.cover.sites[0])[site]
        return Relaxation(table, rules, 1.0 / np.maximum.reduceat(size, start[:-1]))

    def _program(self, bound: "Bound", tell: "Callable[[], None]") -> None:
        """Ask HiGHS for a cover of fewer sites, among the sites that one can have."""
        goal = self.cost - 1
        opened, closed = bound.open_for_sure(goal), bound.closed_for_sure(goal)
        done = self.cover.matrix @ opened > 0
        left = ~opened & ~closed
        matrix = self.cover.matrix[np.flatnonzero(~done)][:, np.flatnonzero(left)]
        if (np.diff(matrix.indptr) == 0).any():  # a row lost all of its sites
            self._bounded(self.cost, tell)
            return
        rest = Cover.of(csr_array(matrix))
        rows, sites = needed(rest, np.zeros(matrix.shape[1]))
        left[left] = sites
        taken = int(opened.sum())
        solved = solve_program(
            _smaller(rest.part(rows, sites), self.least - taken, goal - taken),
            self.run,
            nodes=max(1, round(_NODES * self.run.options.effort)),
            apart=0.999,
            told=lambda _, least: self._bounded(_rounded(least + taken), tell),
        )
        if solved.values is not None:
            found = opened.copy()
            found[np.flatnonzero(left)[solved.values > 0.5]] = True
            self.best = found
            tell()
        proven = solved.state in ("optimal", "infeasible")
        self._bounded(self.cost if proven else _rounded(solved.bound + taken), tell)


def _rounded(least: float) -> float:
    """Return a bound rounded up to whole sites; HiGHS says infinity where there are none."""
    return float(np.ceil(least - 1e-6))


def _smaller(cover: Cover, least: int, most: int) -> Program:
    """Return the program of the covers of some size."""
    n, m = len(cover.rows[0]) - 1, len(cover.sites[0]) - 1
    return Program(
        np.ones(m),
        np.ones(m),
        np.ones(m, dtype=bool),
        csc_array(vstack([cover.matrix, csr_array(np.ones((1, m)))])),
        np.append(np.ones(n), float(least)),
        np.append(np.full(n, np.inf), float(most)),
    )
