"""Plans within the band on 200 cells: how many does each preset miss where one was planted?

Planted: a plan is grown first and households are dealt to its grids, so that a plan within the band
exists; the engine sees only the cells. The set is fixed by its seed. Integer programming is asked
for the same plans, within a limit of branch-and-bound nodes.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from harness import SEED, Stopwatch, machine, parser, start
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from scipy.spatial import Delaunay

from gis.districting import CellGraph, DrawOptions, draw_grids

PRESETS = ("fast", "balanced", "compact", "tight")
CELLS = 200
BAND = (300, 500)
#: Cells of a planted grid, the band its households are dealt from, and whether pairs of its cells
#: are quarters: from ground where a plan is easily found to such where hardly any other exists.
KINDS = {
    "20 cells a grid": (20, (300, 500), False),
    "8 cells a grid": (8, (300, 500), False),
    "4 cells a grid": (4, (300, 500), False),
    "4 cells a grid, nearly full": (4, (490, 500), False),
    "8 cells a grid, nearly empty": (8, (300, 305), False),
    "8 cells a grid, in quarters": (8, (300, 500), True),
}


class Instance(NamedTuple):
    """Cells, and the grids that were planted on them."""

    graph: CellGraph
    planted: np.ndarray


def instance(rng: np.random.Generator, cells: int, kind: str) -> Instance:
    """Return planar ground with a planted plan: grids are grown, households dealt to them."""
    size, dealt, quarters = KINDS[kind]
    spots = rng.random((cells, 2)) * 50 * cells**0.5
    corners = Delaunay(spots).simplices
    sides = np.vstack([corners[:, [i, i - 1]] for i in range(3)])
    pairs = np.unique(np.sort(sides, axis=1), axis=0)
    near: list[list[int]] = [[] for _ in range(cells)]
    for a, b in pairs.tolist():
        near[a].append(b)
        near[b].append(a)
    planted = grown(rng, near, max(1, cells // size))
    households = np.zeros(cells, dtype=np.int64)
    for grid in range(planted.max() + 1):
        inside = np.flatnonzero(planted == grid)
        total = int(rng.integers(dealt[0], dealt[1], endpoint=True))
        households[inside] = rng.multinomial(total, rng.dirichlet(np.full(len(inside), 2.0)))
    unit = paired(near, planted) if quarters else None
    both = np.vstack([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    degree = np.bincount(both[:, 0], minlength=cells)
    graph = CellGraph(
        indptr=np.r_[0, np.cumsum(degree)],
        indices=both[:, 1],
        border_m=np.full(len(both), 30.0),
        barrier_class=both.sum(axis=1) % 3,
        households=households,
        area_m2=np.full(cells, 2500.0),
        outer_border_m=np.maximum(0, 200 - 30.0 * degree),
        x_m=spots[:, 0],
        y_m=spots[:, 1],
        community=np.zeros(cells, dtype=np.int64),
        unit=unit,
    )
    return Instance(graph, planted)


def grown(rng: np.random.Generator, near: list[list[int]], count: int) -> np.ndarray:
    """Return ``count`` connected grids, each grown by one cell in turn where it can be."""
    label = np.full(len(near), -1)
    label[rng.choice(len(near), count, replace=False)] = np.arange(count)
    while (label < 0).any():
        for grid in range(count):
            edge = {v for u in np.flatnonzero(label == grid) for v in near[u] if label[v] < 0}
            if edge:
                label[rng.choice(sorted(edge))] = grid
    return label


def paired(near: list[list[int]], planted: np.ndarray) -> np.ndarray:
    """Return quarters of two neighbouring cells of one planted grid, -1 for cells left over."""
    unit = np.full(len(near), -1)
    for cell, around in enumerate(near):
        mates = [v for v in around if unit[v] < 0 and planted[v] == planted[cell]]
        if unit[cell] < 0 and mates:
            unit[[cell, mates[0]]] = cell
    return unit


def in_band(graph: CellGraph, grid: np.ndarray) -> bool:
    """Return whether every grid is in one piece and in the band, by plain recomputation."""
    for each in np.unique(grid):
        cells = set(np.flatnonzero(grid == each).tolist())
        if not BAND[0] <= graph.households[sorted(cells)].sum() <= BAND[1]:
            return False
        todo = [min(cells)]
        cells.discard(todo[0])
        while todo:
            v = todo.pop()
            fresh = cells.intersection(
                graph.indices[graph.indptr[v] : graph.indptr[v + 1]].tolist()
            )
            cells -= fresh
            todo += fresh
        if cells:
            return False
    if graph.unit is None:
        return True
    named = graph.unit >= 0
    return len(np.unique(graph.unit[named])) == len(
        np.unique(np.column_stack((graph.unit, grid))[named], axis=0)
    )


def programmed(graph: CellGraph, nodes: int) -> str:
    """Return what integer programming says: found, none, or not within its limit of nodes.

    Each cell is the root of a grid or hands its households and all it was handed to a neighbour.
    Cells of one quarter hand over to each other, or not at all.
    """
    n, m = graph.size, len(graph.indices)
    source, target = graph.source, graph.indices
    amount = graph.households + 0.4 / n  # so that empty cells cannot go round in circles
    edge, cell, ones = np.arange(m), np.arange(n), np.ones(m)
    used, flow, root, held = edge, m + edge, 2 * m + cell, 2 * m + n + cell
    blocks = [
        (np.ones(n), np.ones(n), [(source, used, ones), (cell, root, np.ones(n))]),
        (
            amount,
            amount,
            [(source, flow, ones), (target, flow, -ones), (cell, held, np.ones(n))],
        ),
        (np.full(n, -np.inf), np.zeros(n), _times(cell, held, root, -BAND[1] - 0.5)),
        (np.zeros(n), np.full(n, np.inf), _times(cell, held, root, -BAND[0])),
        (np.full(m, -np.inf), np.zeros(m), _times(edge, flow, used, -BAND[1] - 0.5)),
    ]
    rows, columns, factors, low, high, at = [], [], [], [], [], 0
    for least, most, terms in blocks:
        for row, column, factor in terms:
            rows.append(at + row)
            columns.append(column)
            factors.append(factor)
        low.append(least)
        high.append(most)
        at += len(least)
    size = 2 * m + 2 * n
    matrix = coo_array(
        (np.concatenate(factors), (np.concatenate(rows), np.concatenate(columns))), (at, size)
    )
    top = np.full(size, np.inf)
    top[used] = top[root] = 1
    answer = milp(
        np.zeros(size),
        constraints=LinearConstraint(matrix.tocsr(), np.concatenate(low), np.concatenate(high)),
        bounds=Bounds(np.zeros(size), top),
        integrality=top == 1,
        options={"node_limit": nodes},
    )
    return {0: "found", 2: "none"}.get(answer.status, "limit")


def _times(row: np.ndarray, one: np.ndarray, other: np.ndarray, factor: float) -> list:
    return [(row, one, np.ones(len(row))), (row, other, np.full(len(row), factor))]


def contracted(graph: CellGraph) -> CellGraph:
    """Return the graph of quarters: integer programming is given them as single cells."""
    if graph.unit is None:
        return graph
    key = np.where(graph.unit >= 0, graph.unit, np.arange(graph.size) + graph.size)
    node = np.unique(key, return_inverse=True)[1]
    n = node.max() + 1
    pairs = np.unique(np.column_stack((node[graph.source], node[graph.indices])), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    zeros = np.zeros(n)
    return CellGraph(
        indptr=np.r_[0, np.cumsum(np.bincount(pairs[:, 0], minlength=n))],
        indices=pairs[:, 1],
        border_m=np.ones(len(pairs)),
        barrier_class=np.zeros(len(pairs), dtype=int),
        households=np.bincount(node, graph.households).astype(np.int64),
        area_m2=zeros + 1,
        outer_border_m=zeros,
        x_m=zeros,
        y_m=zeros,
        community=zeros.astype(int),
    )


def main() -> None:
    made = parser(__doc__, repeats=3)
    made.add_argument("--cells", type=int, default=CELLS)
    made.add_argument("--presets", default=",".join(PRESETS))
    made.add_argument("--nodes", type=int, default=20, help="limit of integer programming; 0: none")
    options = made.parse_args()
    start(options)
    presets = options.presets.split(",")
    draw_grids(instance(np.random.default_rng(0), 30, next(iter(KINDS))).graph)  # compiled now
    watch, rows = Stopwatch(), []
    for number, kind in enumerate(KINDS):
        for seed in range(options.repeats):
            rng = np.random.default_rng([SEED, number, seed])
            graph, planted = instance(rng, options.cells, kind)
            if not in_band(graph, planted):
                raise SystemExit(f"{kind}, {seed}: what was planted is no plan within the band.")
            for preset in presets:
                with watch.measure():
                    plan = draw_grids(graph, DrawOptions(preset=preset, seed=seed, workers=1))
                fine = in_band(graph, plan.grid)
                if fine != (plan.measures.share_in_range == 1 and not plan.measures.noncontiguous):
                    raise SystemExit(f"{kind}, {preset}, {seed}: measured otherwise by the engine.")
                rows.append((kind, preset, seed, "found" if fine else "missed", watch.last.cpu_s))
            if options.nodes:
                with watch.measure():
                    said = programmed(contracted(graph), options.nodes)
                rows.append((kind, "integer programming", seed, said, watch.last.cpu_s))
        report(kind, rows)
    missed = sum(said == "missed" for *_, said, _ in rows)
    print(
        f"\nPlans that the engine missed: {missed} of {len(KINDS) * options.repeats * len(presets)}"
    )
    if options.json:
        facts = {"machine": machine(), "rows": rows}
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    sys.exit(bool(missed))


def report(kind: str, rows: list[tuple[str, str, int, str, float]]) -> None:
    """Print one kind of instance: by method how many were found, and CPU seconds in the mean."""
    print(f"\n{kind}")
    for method in dict.fromkeys(row[1] for row in rows):
        own = [row for row in rows if row[0] == kind and row[1] == method]
        found = sum(said == "found" for *_, said, _ in own)
        seconds = sum(spent for *_, spent in own) / len(own)
        print(f"  {method:22}{found:4} of {len(own)} found{seconds:9.2f} s CPU", flush=True)


if __name__ == "__main__":
    main()
