"""Other people's ways of drawing grids, each as its users would run it on a graph of units.

A method takes the units of one community, the number of grids and a seed, and returns a label for
each unit. Wangge is not imported here, and each library only by the method that needs it: some of
them cannot live in one process (OR-Tools after HiGHS, for one).
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drawings.units import MINIMUM, TARGET, Floats, Ints, Units

if TYPE_CHECKING:
    import geopandas as gpd
    from gerrychain import Graph, Partition
    from libpysal.weights import W
    from pygeoda.gda import geodaGpd
    from pygeoda.weights import Weight
    from spopt.BaseClass import BaseSpOptHeuristicSolver

Bools = NDArray[np.bool_]
Draw = Callable[[Units, int, int], Ints]


@dataclass(frozen=True)
class Peer:
    """A method with the name it has in the table and the packages whose versions matter."""

    title: str
    draw: Draw
    packages: tuple[str, ...]
    #: Whether it is given the whole city at once, and so knows nothing of community lines.
    whole_city: bool = False


class FailedError(Exception):
    """A method found no drawing; the text goes into the table."""


# ---- graph partitioning ----------------------------------------------------------------------


def edge_weights(units: Units) -> Ints:
    """Return the weighted borders as the whole numbers of at least 1 that partitioners want."""
    return np.maximum(1, np.rint(10 * units.cost_m)).astype(np.int64)


def metis(units: Units, count: int, seed: int, *, recursive: bool = False, **settings: int) -> Ints:
    import pymetis

    found = pymetis.part_graph(
        count,
        pymetis.CSRAdjacency(units.indptr, units.indices),
        vweights=units.households,
        eweights=edge_weights(units),
        recursive=recursive,
        # METIS seeds C's generator, to which 0 and 1 are the same.
        options=pymetis.Options(seed=seed + 1, **settings),
    )
    return np.array(found.vertex_part)


def kahip(units: Units, count: int, seed: int, *, mode: int) -> Ints:
    from kahip import kaffpa

    arrays = (units.households, units.indptr, edge_weights(units), units.indices)
    weights, rows, borders, neighbours = (array.tolist() for array in arrays)
    _, part = kaffpa(weights, rows, borders, neighbours, count, 0.1, True, seed, mode)
    return np.array(part)


# ---- spanning trees --------------------------------------------------------------------------

#: Grids of 300–500 of 400 households.
EPSILON = 0.25
#: Trees that are tried for each cut, and partitions begun anew where none of them will do.
TREES, RESTARTS = 1000, 100


def gerrychain_tree(units: Units, count: int, seed: int) -> Ints:
    graph = _gerrychain_graph(units)
    return _in_order(units, _tree_partition(graph, units, count, seed))


def gerrychain_recom(units: Units, count: int, seed: int, *, steps: int) -> Ints:
    """ReCom in short bursts of ten steps, for little deviation and weighted border together."""
    from gerrychain import Partition
    from gerrychain.constraints import contiguous
    from gerrychain.optimization import SingleMetricOptimizer
    from gerrychain.proposals import recom
    from gerrychain.tree import bipartition_tree
    from gerrychain.updaters import Tally, cut_edges

    graph = _gerrychain_graph(units)
    original = graph.original_nx_node_id_for_internal_node_id
    cost = {
        frozenset(edge): metres
        for *edge, metres in zip(
            units.source.tolist(), units.indices.tolist(), units.cost_m.tolist(), strict=True
        )
    }

    def worse(partition: "Partition") -> float:
        border = sum(cost[frozenset(map(original, edge))] for edge in partition["cut_edges"])
        away = sum((people - TARGET) ** 2 for people in partition["people"].values())
        return border / 100 + away / 5000

    chain = SingleMetricOptimizer(
        proposal_fn=partial(
            recom,
            pop_col="people",
            pop_target=units.households.sum() / count,
            epsilon=EPSILON,
            node_repeats=1,
            bipartition_tree_fn=partial(
                bipartition_tree, max_attempts=100, allow_pair_reselection=True
            ),
        ),
        constraints=[contiguous],
        initial_state=Partition(
            graph,
            _tree_partition(graph, units, count, seed),
            updaters={"people": Tally("people", alias="people"), "cut_edges": cut_edges},
        ),
        optimization_metric_fn=worse,
        maximize=False,
        rng=seed,
    )
    for _ in chain.short_bursts(10, steps // 10):
        pass
    best = chain.best_part
    return _in_order(units, {original(node): best.assignment[node] for node in best.graph.nodes})


def _gerrychain_graph(units: Units) -> "Graph":
    import networkx as nx
    from gerrychain import Graph

    graph = nx.Graph()
    for unit, people in enumerate(units.households.tolist()):
        graph.add_node(unit, people=people)
    graph.add_edges_from(zip(units.source.tolist(), units.indices.tolist(), strict=True))
    return Graph.from_networkx(graph)


def _tree_partition(graph: "Graph", units: Units, count: int, seed: int) -> dict[int, int]:
    """Return a first partition; begin again where the last grids cannot be cut, as users do."""
    from gerrychain.partition.initial_partition_generators import (
        PopulationBalanceError,
        recursive_tree_part,
    )
    from gerrychain.tree import bipartition_tree

    cut = partial(bipartition_tree, max_attempts=TREES)
    ideal = units.households.sum() / count
    for again in range(RESTARTS):
        with suppress(RuntimeError, PopulationBalanceError):
            return recursive_tree_part(
                graph,
                list(range(count)),
                ideal,
                "people",
                EPSILON,
                bipartition_tree_fn=cut,
                rng=seed + 1000 * again,
            )
    raise FailedError(f"no partition by trees in {RESTARTS} tries of {TREES} trees a cut")


def _in_order(units: Units, found: dict[int, int]) -> Ints:
    return np.array([found[unit] for unit in range(units.size)])


# ---- regionalisation -------------------------------------------------------------------------


def spopt_max_p(units: Units, _count: int, seed: int) -> Ints:
    from spopt.region import MaxPHeuristic

    np.random.seed(seed)  # noqa: NPY002 - it draws from numpy's global state
    settings = {"max_iterations_construction": 20, "max_iterations_sa": 5}
    places, neighbours = _places(units), _neighbours(units)
    return _solved(MaxPHeuristic(places, neighbours, ["x", "y"], "people", MINIMUM, 2, **settings))


def spopt_k_means(units: Units, count: int, seed: int) -> Ints:
    from spopt.region import RegionKMeansHeuristic

    points = np.c_[units.x_m, units.y_m]
    return _solved(RegionKMeansHeuristic(points, count, _neighbours(units), seed=seed))


def spopt_skater(units: Units, count: int, _seed: int) -> Ints:
    """SKATER, whose floor counts units: half of the mean."""
    from spopt.region import Skater

    settings = {"n_clusters": count, "floor": units.size // (2 * count), "islands": "ignore"}
    return _solved(Skater(_places(units), _neighbours(units), ["x", "y"], **settings))


def spopt_ward(units: Units, count: int, _seed: int) -> Ints:
    from spopt.region import WardSpatial

    return _solved(WardSpatial(_places(units), _neighbours(units), ["x", "y"], n_clusters=count))


def _solved(model: "BaseSpOptHeuristicSolver") -> Ints:
    model.solve()
    return np.array(model.labels_)


def _places(units: Units) -> "gpd.GeoDataFrame":
    import geopandas as gpd

    people = units.households.astype(float)
    columns = {"x": units.x_m, "y": units.y_m, "people": people}
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(units.x_m, units.y_m))


def _neighbours(units: Units) -> "W":
    from libpysal.weights import W

    rows = np.split(units.indices, units.indptr[1:-1])
    return W({unit: row.tolist() for unit, row in enumerate(rows)}, silence_warnings=True)


def pygeoda_max_p(units: Units, _count: int, seed: int) -> Ints:
    from pygeoda import maxp_greedy

    places, neighbours = _geoda(units)
    found = maxp_greedy(
        neighbours,
        places[["x", "y"]],
        places["people"],
        MINIMUM,
        iterations=20,
        random_seed=seed,
    )
    return np.array(found["Clusters"])


def pygeoda_skater(units: Units, count: int, seed: int) -> Ints:
    from pygeoda import skater

    places, neighbours = _geoda(units)
    # With the minimum itself as bound, it often cannot cut as many grids.
    bound = {"bound_variable": places["people"], "min_bound": 250}
    found = skater(count, neighbours, places[["x", "y"]], random_seed=seed, **bound)
    return np.array(found["Clusters"])


def _geoda(units: Units) -> tuple["geodaGpd", "Weight"]:
    import pygeoda

    lines = [f"0 {units.size} units id"]
    for unit, row in enumerate(np.split(units.indices, units.indptr[1:-1])):
        lines += [f"{unit} {len(row)}", " ".join(map(str, row.tolist()))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "neighbours.gal"
        file.write_text("\n".join(lines) + "\n", encoding="ascii")
        neighbours = pygeoda.read_gal(str(file), [str(unit) for unit in range(units.size)])
    return pygeoda.open(_places(units)), neighbours


# ---- points and integer programs -------------------------------------------------------------


def k_means_constrained(units: Units, count: int, seed: int) -> Ints:
    """k-means of 360–440 points: a point is a household, a unit goes where most of its own are."""
    from k_means_constrained import KMeansConstrained

    points = np.repeat(np.arange(units.size), np.maximum(units.households, 1))
    mean = len(points) / count
    model = KMeansConstrained(
        count,
        size_min=int(0.9 * mean),
        size_max=int(np.ceil(1.1 * mean)),
        n_init=1,
        max_iter=30,
        random_state=seed,
    )
    label = model.fit_predict(np.c_[units.x_m, units.y_m][points])
    votes = np.zeros((units.size, count), dtype=np.int64)
    np.add.at(votes, (points, label), 1)
    return votes.argmax(axis=1)


#: Grids that a unit may go to, rounds of moving the centres, seconds for each integer program.
CANDIDATES, ROUNDS, MIP_SECONDS = 8, 3, 40.0


def hess(units: Units, count: int, seed: int) -> Ints:
    """Hess et al. (1965): units to centres by an integer program, centres moved, and again.

    It begins with METIS's centres; grids have 90–110 % of the mean; the sum of households ×
    squared distance is least. Contiguity is no part of the model.
    """
    label = metis(units, count, seed, ufactor=30, contig=1)
    for _ in range(ROUNDS):
        people = np.maximum(np.bincount(label, units.households, count), 1)
        centres = [
            np.bincount(label, units.households * axis, count) / people
            for axis in (units.x_m, units.y_m)
        ]
        label = _assigned(units, np.stack(centres, axis=1))
    return label


def _assigned(units: Units, centres: Floats) -> Ints:
    away = ((np.c_[units.x_m, units.y_m][:, None] - centres) ** 2).sum(axis=2)
    near = min(CANDIDATES, len(centres))
    grid = np.argsort(away, axis=1, kind="stable")[:, :near].ravel()
    unit = np.repeat(np.arange(units.size), near)
    cost = (units.households[unit] + 1) * away[unit, grid] / 1e4
    chosen = _solve(units, unit, grid, cost, len(centres))
    label = np.full(units.size, -1)
    label[unit[chosen]] = grid[chosen]
    return label


def _solve(units: Units, unit: Ints, grid: Ints, cost: Floats, count: int) -> Bools:
    """Return which pairs of ``unit`` and ``grid`` the integer program chooses."""
    import highspy

    mean = units.households.sum() / count
    one, many = np.ones(units.size), np.ones(count)
    pairs = len(unit)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = pairs, units.size + count
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(pairs), np.ones(pairs)
    model.row_lower_ = np.r_[one, 0.9 * mean * many]
    model.row_upper_ = np.r_[one, 1.1 * mean * many]
    model.integrality_ = [highspy.HighsVarType.kInteger] * pairs
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = 2 * np.arange(pairs + 1, dtype=np.int32)
    matrix.index_ = np.c_[unit, units.size + grid].ravel().astype(np.int32)
    matrix.value_ = np.c_[np.ones(pairs), units.households[unit]].ravel().astype(float)
    solver = highspy.Highs()
    for name, value in {
        "output_flag": False,
        "threads": 1,
        "time_limit": MIP_SECONDS,
        "mip_rel_gap": 1e-3,
    }.items():
        solver.setOptionValue(name, value)
    solver.passModel(model)
    solver.run()
    if solver.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise FailedError("the integer program has no solution that it found in time")
    return np.array(solver.getSolution().col_value) > 0.5


_METIS = ("pymetis",)
_GERRYCHAIN = ("gerrychain", "networkx", "rustworkx")
_SPOPT = ("spopt", "libpysal", "scikit-learn")
_TIGHT = partial(metis, ufactor=100, contig=1, niter=100)

PEERS = {
    "metis": Peer("METIS k-way, ufactor 30", partial(metis, ufactor=30, contig=1), _METIS),
    "metis-100": Peer("METIS k-way, ufactor 100", _TIGHT, _METIS),
    "metis-city": Peer("METIS k-way, ufactor 100, whole city", _TIGHT, _METIS, whole_city=True),
    "metis-recursive": Peer(
        "METIS recursive, ufactor 30", partial(metis, ufactor=30, recursive=True), _METIS
    ),
    "kahip-fast": Peer("KaHIP fast", partial(kahip, mode=0), ("kahip",)),
    "kahip-eco": Peer("KaHIP eco", partial(kahip, mode=1), ("kahip",)),
    "kahip-strong": Peer("KaHIP strong", partial(kahip, mode=2), ("kahip",)),
    "gerrychain-tree": Peer("GerryChain, recursive tree", gerrychain_tree, _GERRYCHAIN),
    "gerrychain-recom-1k": Peer(
        "GerryChain, ReCom, 1,000 steps", partial(gerrychain_recom, steps=1000), _GERRYCHAIN
    ),
    "gerrychain-recom-5k": Peer(
        "GerryChain, ReCom, 5,000 steps", partial(gerrychain_recom, steps=5000), _GERRYCHAIN
    ),
    "spopt-max-p": Peer("spopt max-p", spopt_max_p, _SPOPT),
    "spopt-k-means": Peer("spopt region k-means", spopt_k_means, _SPOPT),
    "spopt-skater": Peer("spopt SKATER", spopt_skater, _SPOPT),
    "spopt-ward": Peer("spopt spatial Ward", spopt_ward, _SPOPT),
    "pygeoda-max-p": Peer("pygeoda max-p, greedy", pygeoda_max_p, ("pygeoda",)),
    "pygeoda-skater": Peer("pygeoda SKATER", pygeoda_skater, ("pygeoda",)),
    "k-means-constrained": Peer(
        "k-means-constrained", k_means_constrained, ("k-means-constrained", "ortools")
    ),
    "hess": Peer("Hess model, METIS's centres, HiGHS", hess, ("highspy", "pymetis")),
}
