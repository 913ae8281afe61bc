"""The state of a search: grids of one region, their sums, and what a move would cost."""

from typing import TYPE_CHECKING

import numpy as np

from gis.districting.region import POINT

if TYPE_CHECKING:
    from gis.districting.options import DrawOptions
    from gis.districting.region import Region

#: Perimeter is in dm and area in dm², moments in m: this brings both shape terms to one scale.
_DM4_PER_M4 = 10_000
#: The change of a move that would leave a grid without a node: more than anything is worth.
EMPTIES = 1 << 62


class State:
    """Labels of a region's nodes with the sums that a move changes; costs are whole numbers.

    Parameters
    ----------
    region
        The ground.
    label
        Grid of each node, 0 … count - 1.
    count
        Number of grids; each has at least one node.
    options
        Band and weights.
    """

    __slots__ = (
        "area", "change", "count", "disperse", "households", "label", "local", "moment_2",
        "moment_x", "moment_y", "nodes", "origin", "outer", "people_cost", "region", "shape",
    )  # fmt: skip

    def __init__(
        self, region: "Region", label: list[int], count: int, options: "DrawOptions"
    ) -> None:
        self.region = region
        self.label = list(label)
        self.count = count
        weights = options.priced
        self.shape = round(weights.shape * POINT / (4 * np.pi))
        self.disperse = round(weights.dispersion * POINT * 2 * np.pi * _DM4_PER_M4)
        self.change = round(weights.change * POINT)
        self.people_cost = _people_costs(region.total, options)
        self.origin: list[int] = [-1] * count
        self.nodes, self.households, self.area, self.outer = ([0] * count for _ in range(4))
        self.moment_x, self.moment_y, self.moment_2 = ([0] * count for _ in range(3))
        for v, grid in enumerate(self.label):
            self._add(grid, v, 1)
            self.outer[grid] += sum(e[1] for e in region.edges[v] if self.label[e[0]] != grid)
        self.local = [self._grid_cost(g) for g in range(count)]

    def _add(self, grid: int, v: int, sign: int) -> None:
        region = self.region
        self.nodes[grid] += sign
        self.households[grid] += sign * region.households[v]
        self.area[grid] += sign * region.area[v]
        self.outer[grid] += sign * region.outer[v]
        self.moment_x[grid] += sign * region.moment_x[v]
        self.moment_y[grid] += sign * region.moment_y[v]
        self.moment_2[grid] += sign * region.moment_2[v]

    def _grid_cost(self, grid: int) -> int:
        return self._cost(
            self.households[grid],
            self.area[grid],
            self.outer[grid],
            (self.moment_x[grid], self.moment_y[grid], self.moment_2[grid]),
        )

    def _cost(
        self, households: int, area: int, perimeter: int, moments: tuple[int, int, int]
    ) -> int:
        """Return what one grid costs by itself: people, shape, dispersion."""
        x, y, second = moments
        # area is in dm², the moments in m: 100 · second · area − … keeps everything whole.
        inertia = second * area - (x * x + y * y) * 100
        return (
            self.people_cost[households]
            + self.shape * perimeter * perimeter // area
            + self.disperse * inertia // (area * area * area // 100)
        )

    def total(self) -> int:
        """Return the cost of the whole state."""
        cost = sum(self.local)
        region, label = self.region, self.label
        for v, grid in enumerate(label):
            for u, _, cut, held, _ in region.edges[v]:
                if u > v:
                    cost += held if label[u] == grid else cut
            if region.current[v] >= 0 and region.current[v] != self.origin[grid]:
                cost += self.change * region.households[v]
        return cost

    def out_of_range(self, minimum: int, maximum: int) -> int:
        """Return the households by which grids miss the band, summed."""
        return sum(max(0, minimum - h, h - maximum) for h in self.households)

    def delta(self, v: int, b: int) -> tuple[int, int, int, int, int]:
        """Return what moving node ``v`` to grid ``b`` would change.

        Returns
        -------
        The change of the total cost, the new costs of both grids and their new perimeters.
        """
        region, label = self.region, self.label
        a = label[v]
        if self.nodes[a] == 1:
            return EMPTIES, 0, 0, 0, 0
        outer_a = self.outer[a] - region.outer[v]
        outer_b = self.outer[b] + region.outer[v]
        change = 0
        for u, metres, cut, held, _ in region.edges[v]:
            grid = label[u]
            if grid == a:
                outer_a += metres
                outer_b += metres
                change += cut - held
            elif grid == b:
                outer_a -= metres
                outer_b -= metres
                change += held - cut
            else:
                outer_a -= metres
                outer_b += metres
        people, area = region.households[v], region.area[v]
        x, y, second = region.moment_x[v], region.moment_y[v], region.moment_2[v]
        cost_a = self._cost(
            self.households[a] - people,
            self.area[a] - area,
            outer_a,
            (self.moment_x[a] - x, self.moment_y[a] - y, self.moment_2[a] - second),
        )
        cost_b = self._cost(
            self.households[b] + people,
            self.area[b] + area,
            outer_b,
            (self.moment_x[b] + x, self.moment_y[b] + y, self.moment_2[b] + second),
        )
        was = region.current[v]
        if was >= 0 and people:
            change += self.change * people * ((was != self.origin[b]) - (was != self.origin[a]))
        change += cost_a + cost_b - self.local[a] - self.local[b]
        return change, cost_a, cost_b, outer_a, outer_b

    def move(self, v: int, b: int, change: tuple[int, int, int, int, int]) -> None:
        """Move node ``v`` to grid ``b``; ``change`` is the answer of :meth:`delta` for it."""
        a = self.label[v]
        self._add(a, v, -1)
        self._add(b, v, 1)
        _, self.local[a], self.local[b], self.outer[a], self.outer[b] = change
        self.label[v] = b

    def restore(self, label: list[int]) -> None:
        """Go back to earlier labels of the same grids."""
        for v, grid in enumerate(label):
            if self.label[v] != grid:
                self.move(v, grid, self.delta(v, grid))

    def leaves_whole(self, v: int) -> bool:
        """Return whether the grid of ``v`` stays connected, and not empty, without it."""
        label, edges = self.label, self.region.edges
        a = label[v]
        around = [e[0] for e in edges[v] if e[4] and label[e[0]] == a]
        if len(around) <= 1:
            return len(around) == 1
        missing = set(around)
        stack = [around[0]]
        missing.discard(around[0])
        seen = {v, around[0]}
        while stack:
            for e in edges[stack.pop()]:
                u = e[0]
                if label[u] == a and u not in seen and e[4]:
                    if u in missing:
                        missing.discard(u)
                        if not missing:
                            return True
                    seen.add(u)
                    stack.append(u)
        return False


def _people_costs(total: int, options: "DrawOptions") -> list[int]:
    """Return the cost of a grid's households, for every number that can occur."""
    weights = options.priced
    people = np.arange(total + 1, dtype=float)
    off = (people - options.target) * 100 / options.target
    beyond = np.maximum(0, np.maximum(options.minimum - people, people - options.maximum))
    # The first household out of range already costs more than any shape is worth.
    cost = weights.deviation * off**2 + weights.out_of_range * (beyond + 10 * (beyond > 0))
    return [int(c) for c in np.round(cost * POINT).tolist()]
