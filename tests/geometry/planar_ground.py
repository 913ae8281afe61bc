"""Random planar ground, and two ways to know its best plans that share nothing with the engine."""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import Delaunay

from gis.districting import CellGraph

BAND = (300, 500)


class Ground(NamedTuple):
    """Nodes with their households, and who is joined to whom in compressed rows."""

    households: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    xy: np.ndarray

    @property
    def source(self):
        return np.repeat(np.arange(len(self.households)), np.diff(self.indptr))


def joined(pairs, households, xy=None) -> Ground:
    """Return the ground of these joints."""
    n = len(households)
    both = sorted({(a, b) for a, b in pairs} | {(b, a) for a, b in pairs})
    rows = np.array(both, dtype=np.int64).reshape(-1, 2)
    indptr = np.r_[0, np.cumsum(np.bincount(rows[:, 0], minlength=n))]
    spots = np.column_stack((np.arange(n) * 50.0, np.zeros(n))) if xy is None else xy
    return Ground(np.array(households, dtype=np.int64), indptr, rows[:, 1], spots)


def random_ground(rng: np.random.Generator, n: int, thin: float, households: Any) -> Ground:
    """Return Delaunay's triangulation of random points, in one piece, thinned towards a tree."""
    spots = rng.random((n, 2)) * 50 * n**0.5
    if n < 4:
        return joined([(i, i + 1) for i in range(n - 1)], households, spots)
    corners = Delaunay(spots).simplices
    pairs = {tuple(sorted((int(t[i - 1]), int(t[i])))) for t in corners for i in range(3)}
    edges = np.array(sorted(pairs))
    weight = rng.random(len(edges)) + 0.01
    tree = minimum_spanning_tree(coo_array((weight, edges.T), (n, n))).nonzero()
    kept = {tuple(sorted(map(int, pair))) for pair in zip(*tree, strict=True)}
    kept |= {(int(a), int(b)) for a, b in edges[rng.random(len(edges)) >= thin]}
    return joined(sorted(kept), households, spots)


def graph_of_ground(ground: Ground, **more: Any) -> CellGraph:
    """Return the cells of a ground: 50 m squares with borders of 40 m as far as graphs go."""
    n, m = len(ground.households), len(ground.indices)
    facts = {
        "border_m": np.full(m, 40.0),
        "barrier_class": np.zeros(m, dtype=int),
        "area_m2": np.full(n, 2500.0),
        "outer_border_m": np.full(n, 20.0),
        "community": np.zeros(n, dtype=int),
    }
    x, y = ground.xy.T
    facts |= {"households": ground.households, "x_m": x, "y_m": y}
    return CellGraph(indptr=ground.indptr, indices=ground.indices, **(facts | more))


def out_of_range(people, band=BAND):
    """Return how far households of parts are from the band."""
    return np.maximum(0, np.maximum(band[0] - people, people - band[1]))


def pieces_of(ground: Ground, label) -> int:
    """Return the number of connected pieces of all parts."""
    parent = list(range(len(label)))

    def root(v: int) -> int:
        while parent[v] != v:
            v = parent[v]
        return v

    for a, b in zip(ground.source.tolist(), ground.indices.tolist(), strict=True):
        if label[a] == label[b]:
            parent[root(a)] = root(b)
    return len({root(v) for v in range(len(label))})


def fewest_by_exhaustion(ground: Ground, fixed=None, most=None, band=BAND) -> int | None:
    """Return the fewest households out of range of any plan, by trying all sets of nodes.

    ``most`` leaves out parts that have more than that out of range; ``None`` if there is no plan.
    """
    n = len(ground.households)
    masks = np.arange(1 << n)
    bits = masks[:, None] >> np.arange(n) & 1
    near = np.zeros(n, dtype=np.int64)
    np.bitwise_or.at(near, ground.source, 1 << ground.indices)
    flood = masks & -masks
    for _ in range(n):
        reach = np.bitwise_or.reduce(np.where(flood[:, None] >> np.arange(n) & 1, near, 0), axis=1)
        flood |= reach & masks
    cost = out_of_range(bits @ ground.households, band).astype(float)
    cost[flood != masks] = np.inf
    for each in set(() if fixed is None else fixed[fixed >= 0].tolist()):
        own = sum(1 << i for i in range(n) if fixed[i] == each)
        others = sum(1 << i for i in range(n) if fixed[i] not in (-1, each))
        cost[(masks & own > 0) & ((masks & own != own) | (masks & others > 0))] = np.inf
    if most is not None:
        cost[cost > most] = np.inf
    best = np.full(1 << n, np.inf)
    best[0] = 0
    parts = np.flatnonzero(np.isfinite(cost) & (masks > 0))
    # A part is added to sets of nodes above its lowest one, for which all is known already.
    for part in sorted(parts.tolist(), key=lambda part: -(part & -part)):
        low = part & -part
        rest = masks[(masks & part == 0) & (masks & (2 * low - 1) == 0)]
        best[part | rest] = np.minimum(best[part | rest], cost[part] + best[rest])
    return None if np.isinf(best[-1]) else int(best[-1])


def has_plan_by_milp(ground: Ground, band=BAND) -> bool:
    """Return whether there is a plan within the band, by mixed-integer programming.

    Each node is the root of a part or hands its households, and those that it was handed, to one
    neighbour; a root holds as many as the band allows. Nodes without households hand over a little
    too, so that they cannot go round in circles.
    """
    n, m = len(ground.households), len(ground.indices)
    source, target = ground.source, ground.indices
    low, high = band[0], band[1] + 0.5
    amount = ground.households + 0.4 / n
    # Columns: an edge is used, what flows over it, a node is a root, what it holds.
    used, flow, root, held = 0, m, 2 * m, 2 * m + n
    rows, bounds = [], []

    def row(terms: Any, least: float, most: float) -> None:
        rows.extend((len(bounds), column, factor) for column, factor in terms)
        bounds.append((least, most))

    for v in range(n):
        out, into = np.flatnonzero(source == v), np.flatnonzero(target == v)
        row([(root + v, 1), *((used + e, 1) for e in out)], 1, 1)
        terms = [*((flow + e, 1) for e in out), *((flow + e, -1) for e in into)]
        row([*terms, (held + v, 1)], amount[v], amount[v])
        row([(held + v, 1), (root + v, -high)], -np.inf, 0)
        row([(held + v, 1), (root + v, -low)], 0, np.inf)
    for e in range(m):
        row([(flow + e, 1), (used + e, -high)], -np.inf, 0)
    index, column, factor = (np.array(v) for v in zip(*rows, strict=True))
    size = 2 * m + 2 * n
    matrix = coo_array((factor, (index, column)), (len(bounds), size)).tocsr()
    top = np.full(size, np.inf)
    top[used:flow] = top[root:held] = 1
    answer = milp(
        np.zeros(size),
        constraints=LinearConstraint(matrix, *np.array(bounds).T),
        bounds=Bounds(np.zeros(size), top),
        integrality=top == 1,
    )
    assert answer.status in (0, 2), answer.message
    return answer.status == 0
