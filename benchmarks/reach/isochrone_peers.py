"""Isochrones as others draw them, in the peers' environment: CASE IN OUT SPENT.

Each finds the nodes that are reached from the node nearest to a station, and draws round them. The
network is made beforehand.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

#: GEOS: 0 is the tightest hull, 1 the convex one.
HULL_RATIO = 0.2
#: Metres on either side of a reached street.
BUFFER_M = 50.0

Given = dict[str, np.ndarray]
Draw = Callable[[], np.ndarray]


def streets(given: Given) -> nx.Graph:
    graph = nx.Graph()
    lines = shapely.from_wkb(given["line"].tobytes().decode().split("\n"))
    ends = zip(given["edge_from"].tolist(), given["edge_to"].tolist(), strict=True)
    for (start, end), cost, line in zip(ends, given["edge_cost"].tolist(), lines, strict=True):
        if not graph.has_edge(start, end) or graph.edges[start, end]["cost"] > cost:
            graph.add_edge(start, end, cost=cost, geometry=line)
    return graph


def starts(given: Given) -> tuple[np.ndarray, np.ndarray]:
    leg, node = KDTree(given["node_xy"]).query(given["stations"])
    return node, leg


def hulls(points: list[np.ndarray]) -> np.ndarray:
    spots = gpd.GeoSeries([shapely.MultiPoint(xy) for xy in points])
    return spots.concave_hull(ratio=HULL_RATIO).to_numpy()


def concave_hull(given: Given) -> Draw:
    graph, limit, xy = streets(given), float(given["limit"]), given["node_xy"]

    def draw() -> np.ndarray:
        found = []
        for node, leg in zip(*starts(given), strict=True):
            reached = nx.single_source_dijkstra_path_length(
                graph, int(node), cutoff=limit - leg, weight="cost"
            )
            found.append(xy[list(reached)])
        return hulls(found)

    return draw


def buffered_edges(given: Given) -> Draw:
    graph, limit, xy = streets(given), float(given["limit"]), given["node_xy"]

    def draw() -> np.ndarray:
        out = []
        for node, leg in zip(*starts(given), strict=True):
            part = nx.ego_graph(graph, int(node), radius=limit - leg, distance="cost")
            lines = [line for _, _, line in part.edges(data="geometry")]
            spots = [shapely.Point(xy[one]) for one in part.nodes]
            out.append(gpd.GeoSeries(lines + spots).buffer(BUFFER_M).union_all())
        return np.array(out, dtype=object)

    return draw


def pandana_hull(given: Given) -> Draw:
    import pandana

    xy, limit = given["node_xy"], float(given["limit"])
    frame = pd.DataFrame({"cost": given["edge_cost"]})
    ends = (pd.Series(given[name].astype(np.int64)) for name in ("edge_from", "edge_to"))
    x, y = (pd.Series(column) for column in xy.T)
    network = pandana.Network(x, y, *ends, frame, twoway=True)

    def draw() -> np.ndarray:
        node = network.get_node_ids(*(pd.Series(column) for column in given["stations"].T))
        found = network.nodes_in_range(node.tolist(), limit)
        of = {source: rows.to_numpy() for source, rows in found.groupby("source")["destination"]}
        return hulls([xy[of[one]] for one in node.tolist()])

    return draw


CASES = {
    "networkx, concave hull": concave_hull,
    "networkx, buffered edges": buffered_edges,
    "pandana, concave hull": pandana_hull,
}


def main() -> None:
    case, taken, made, spent = sys.argv[1:]
    with np.load(taken) as given:
        draw = CASES[case](dict(given))
    cpu, wall = time.process_time(), time.perf_counter()
    found = draw()
    took = (time.process_time() - cpu, time.perf_counter() - wall)
    text = "\n".join(shapely.to_wkb(found, hex=True))
    np.savez(made, drawn=np.frombuffer(text.encode(), np.uint8))
    Path(spent).write_text(json.dumps(took), encoding="utf-8")


if __name__ == "__main__":
    main()
