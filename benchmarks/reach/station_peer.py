"""Nearest station on a network by other libraries, in the peers' environment: CASE IN OUT SPENT.

None but pandana knows places, so the others get what a careful user would write: the nearest
straight piece of an edge by a shapely tree, one node before all stations, and both ends of an edge.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely

Given = dict[str, np.ndarray]
#: Farther than any walk in the city.
FARTHEST_M = 100_000.0


def igraph_search(given: Given) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    import igraph

    count = len(given["node_xy"])
    pairs = np.column_stack([given["edge_from"], given["edge_to"]])
    # The node before all stations is there already, without edges.
    graph = igraph.Graph(count + 1, pairs.tolist())
    graph.es["cost"] = given["edge_cost"].tolist()
    edges = graph.ecount()

    def search(node: np.ndarray, cost: np.ndarray) -> np.ndarray:
        graph.add_edges([(count, int(n)) for n in node], {"cost": cost.tolist()})
        found = graph.distances([count], weights="cost")[0][:count]
        graph.delete_edges(range(edges, graph.ecount()))
        return np.array(found)

    return search


def networkit_search(given: Given) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    import networkit

    networkit.setNumberOfThreads(1)
    count = len(given["node_xy"])
    graph = networkit.Graph(count + 1, weighted=True)
    for a, b, w in zip(given["edge_from"], given["edge_to"], given["edge_cost"], strict=True):
        graph.addEdge(int(a), int(b), float(w))

    def search(node: np.ndarray, cost: np.ndarray) -> np.ndarray:
        for n, w in zip(node.tolist(), cost.tolist(), strict=True):
            graph.addEdge(count, n, w)
        run = networkit.distance.Dijkstra(graph, count, storePaths=False)
        run.run()
        found = np.array(run.getDistances(asarray=True))[:count]
        for n in node.tolist():
            graph.removeEdge(count, n)
        return np.where(found > FARTHEST_M, np.inf, found)  # it says the largest number for never

    return search


def rustworkx_search(given: Given) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    import rustworkx

    count = len(given["node_xy"])
    graph = rustworkx.PyGraph(multigraph=True)
    graph.add_nodes_from(range(count + 1))
    rows = (given[name].tolist() for name in ("edge_from", "edge_to", "edge_cost"))
    graph.add_edges_from(list(zip(*rows, strict=True)))

    def search(node: np.ndarray, cost: np.ndarray) -> np.ndarray:
        added = graph.add_edges_from(
            [(count, n, w) for n, w in zip(node.tolist(), cost.tolist(), strict=True)]
        )
        found = rustworkx.dijkstra_shortest_path_lengths(graph, count, float)
        for edge in added:
            graph.remove_edge_from_index(edge)
        out = np.full(count + 1, np.inf)
        out[list(found.keys())] = list(found.values())
        return out[:count]

    return search


SEARCHES = {"igraph": igraph_search, "networkit": networkit_search, "rustworkx": rustworkx_search}


def on_edges(given: Given) -> Callable[[Any], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return a function from points to edge, metres along it and length of the leg."""
    pieces = shapely.linestrings(np.stack([given["piece_start"], given["piece_end"]], axis=1))
    tree = shapely.STRtree(pieces)

    def snap(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points = shapely.points(xy)
        (_, piece), access = tree.query_nearest(points, return_distance=True, all_matches=False)
        along = shapely.line_locate_point(pieces[piece], points) + given["piece_offset"][piece]
        return given["piece_line"][piece], along, access

    return snap


def by_search(case: str, given: Given) -> tuple[Callable[[], np.ndarray], dict[str, float]]:
    search, snap, part = SEARCHES[case](given), on_edges(given), {"search_s": 0.0}
    length, cost = given["edge_length"], given["edge_cost"]
    ends = given["edge_from"], given["edge_to"]
    factor = cost / length

    def answer() -> np.ndarray:
        edge, along, access = snap(given["points"])
        s_edge, s_along, s_access = snap(given["stations"])
        part["search_s"] = -time.process_time()
        node = np.concatenate([ends[0][s_edge], ends[1][s_edge]])
        seed = np.concatenate([s_along, length[s_edge] - s_along]) * np.tile(factor[s_edge], 2)
        seed += np.tile(s_access, 2)
        first = np.full(len(given["node_xy"]), np.inf)
        np.minimum.at(first, node, seed)
        nodes = np.unique(node)
        far = search(nodes, first[nodes])
        part["search_s"] += time.process_time()
        back = far[ends[0][edge]] + along * factor[edge]
        forth = far[ends[1][edge]] + (length[edge] - along) * factor[edge]
        best = np.minimum(back, forth)
        order = np.argsort(edge, kind="stable")
        for e, a, leg in zip(s_edge, s_along, s_access, strict=True):
            same = order[slice(*np.searchsorted(edge, [e, e + 1], sorter=order))]
            best[same] = np.minimum(best[same], np.abs(along[same] - a) * factor[e] + leg)
        return best + access

    return answer, part


def by_pandana(given: Given) -> tuple[Callable[[], np.ndarray], dict[str, float]]:
    import pandana
    import pandas as pd

    x, y = pd.Series(given["node_xy"][:, 0]), pd.Series(given["node_xy"][:, 1])
    rows = (pd.Series(given[name]) for name in ("edge_from", "edge_to"))
    weights = pd.DataFrame({"cost": given["edge_cost"]})
    network = pandana.Network(x, y, *rows, weights, twoway=True)
    part = {"search_s": 0.0}

    def answer() -> np.ndarray:
        points, stations = (
            pd.DataFrame(given[n], columns=["x", "y"]) for n in ("points", "stations")
        )
        node = network.get_node_ids(points["x"], points["y"])
        part["search_s"] = -time.process_time()
        network.set_pois("stations", FARTHEST_M, 1, stations["x"], stations["y"])
        found = network.nearest_pois(FARTHEST_M, "stations", num_pois=1)
        part["search_s"] += time.process_time()
        cost = found[1].reindex(node).to_numpy()
        return np.where(cost < FARTHEST_M, cost, np.inf)

    return answer, part


def main() -> None:
    case, taken, made, spent = sys.argv[1:]
    with np.load(taken) as stored:
        given = dict(stored)
    answer, part = by_pandana(given) if case == "pandana" else by_search(case, given)
    answer()  # what is loaded or made at the first call is not charged
    cpu, wall = time.process_time(), time.perf_counter()
    cost = answer()
    took = (time.process_time() - cpu, time.perf_counter() - wall)
    np.savez(made, cost=cost, **part)
    Path(spent).write_text(json.dumps(took), encoding="utf-8")


if __name__ == "__main__":
    main()
