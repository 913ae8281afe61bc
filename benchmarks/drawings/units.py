"""A graph of units as arrays: what every method is given, peers and Wangge alike.

This module needs numpy alone, because the peers' environment has no Wangge.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Households of a grid, and the band.
TARGET, MINIMUM, MAXIMUM = 400, 300, 500
#: What a metre of border costs by class: same block, street, arterial, river or railway.
CLASS_COST = np.array([1.0, 0.5, 0.1, 0.05])


@dataclass(frozen=True)
class Units:
    """Indivisible units (buildings, or whole quarters) with their borders, in compressed rows.

    ``cost_m`` is the length of each border weighted by class; a unit's vertices are those of its
    cells.
    """

    indptr: Ints
    indices: Ints
    border_m: Floats
    cost_m: Floats
    barrier_class: Ints
    households: Ints
    area_m2: Floats
    outer_border_m: Floats
    x_m: Floats
    y_m: Floats
    community: Ints
    vertex_indptr: Ints
    vertex_x_m: Floats
    vertex_y_m: Floats

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.households)

    @property
    def source(self) -> Ints:
        """First unit of each edge."""
        return np.repeat(np.arange(self.size), np.diff(self.indptr))

    @property
    def count(self) -> int:
        """Number of grids that comes nearest to the target."""
        return max(1, round(int(self.households.sum()) / TARGET))

    def save(self, path: Path) -> None:
        """Write the arrays to an ``.npz`` file."""
        np.savez(path, **asdict(self))

    @classmethod
    def open(cls, path: Path) -> "Units":
        """Read what :meth:`save` wrote."""
        with np.load(path) as arrays:
            return cls(**arrays)

    def grown(self) -> "Units":
        """Return the units with a tenth more households, spread over the homes in the north-east.

        The quarter begins at the medians of x and y; the spread is the same each time.
        """
        east = self.x_m > np.quantile(self.x_m, 0.5)
        north = self.y_m > np.quantile(self.y_m, 0.5)
        homes = np.flatnonzero(east & north & (self.households > 0))
        rng = np.random.default_rng(1)
        chosen = rng.choice(homes, int(0.1 * self.households.sum()))
        more = np.bincount(chosen, minlength=self.size)
        return replace(self, households=self.households + more)

    def part(self, ids: Ints) -> "Units":
        """Return the units ``ids`` with the borders among them; other borders become outer ones."""
        place = np.full(self.size, -1)
        place[ids] = np.arange(len(ids))
        first, second = place[self.source], place[self.indices]
        inside = (first >= 0) & (second >= 0)
        left = (first >= 0) & (second < 0)
        lost = np.bincount(first[left], self.border_m[left], len(ids))
        # Edges are in the order of the whole graph, so ids must ascend for the rows to stay sorted.
        degree = np.bincount(first[inside], minlength=len(ids))
        vertices = np.diff(self.vertex_indptr)[ids]
        of_part = np.repeat(place >= 0, np.diff(self.vertex_indptr))
        return Units(
            indptr=_rows(degree),
            indices=second[inside],
            border_m=self.border_m[inside],
            cost_m=self.cost_m[inside],
            barrier_class=self.barrier_class[inside],
            households=self.households[ids],
            area_m2=self.area_m2[ids],
            outer_border_m=self.outer_border_m[ids] + lost,
            x_m=self.x_m[ids],
            y_m=self.y_m[ids],
            community=self.community[ids],
            vertex_indptr=_rows(vertices),
            vertex_x_m=self.vertex_x_m[of_part],
            vertex_y_m=self.vertex_y_m[of_part],
        )


def by_community(units: Units, draw: Callable[[Units], Ints]) -> Ints:
    """Return labels of all units, each community drawn by itself."""
    label = np.zeros(units.size, dtype=np.int64)
    used = 0
    for community in np.unique(units.community):
        ids = np.flatnonzero(units.community == community)
        _, local = np.unique(draw(units.part(ids)), return_inverse=True)
        label[ids] = used + local
        used += int(local.max()) + 1
    return label


def lattice(side: int, households: int = 40) -> Units:
    """Return a square of ``side`` × ``side`` equal units of 40 m, to warm a method up."""
    row, column = np.divmod(np.arange(side * side), side)
    pairs = [
        (u, v)
        for u in range(side * side)
        for v in (u - side, u - 1, u + 1, u + side)
        if 0 <= v < side * side and abs(row[u] - row[v]) + abs(column[u] - column[v]) == 1
    ]
    first, second = np.array(pairs).T
    ends = (row == 0).astype(int) + (row == side - 1) + (column == 0) + (column == side - 1)
    steps_x, steps_y = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
    length = np.full(len(first), 40.0)
    return Units(
        indptr=_rows(np.bincount(first)),
        indices=second,
        border_m=length,
        cost_m=length * CLASS_COST[1],
        barrier_class=np.ones(len(first), dtype=np.int64),
        households=np.full(side * side, households),
        area_m2=np.full(side * side, 1600.0),
        outer_border_m=40.0 * ends,
        x_m=40.0 * column + 20,
        y_m=40.0 * row + 20,
        community=np.zeros(side * side, dtype=np.int64),
        vertex_indptr=4 * np.arange(side * side + 1),
        vertex_x_m=(40.0 * (column[:, None] + steps_x)).ravel(),
        vertex_y_m=(40.0 * (row[:, None] + steps_y)).ravel(),
    )


def _rows(counts: Ints) -> Ints:
    return np.r_[0, np.cumsum(counts)]
