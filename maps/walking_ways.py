"""The walking network for the page: edges once, and for each set of stations one byte per node.

From every node the shortest way to the nearest station that serves begins with one of the few
edges at that node. Its rank among them is all that the page needs to follow a building's way, and
to know how far every street is from a station.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maps.blob import Blob, chain_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.network.graph import WalkGraph
    from gis.network.snapping import Snapped
    from maps.walking_data import WalkingMapData, Ways

#: Added to the rank of an edge on which the way ends at a station.
ENDS = 128
#: The rank of a node from which no station can be reached, or that has too many edges to tell.
NO_WAY = 255
#: Lines are simplified by so many metres: less than a pixel at the largest zoom.
_SIMPLIFY_M = 0.4


class _Halves(NamedTuple):
    """Both directions of every edge by node: ``node``, ``edge``, ``other`` and ``rank`` at it."""

    node: "NDArray[np.int64]"
    edge: "NDArray[np.int64]"
    other: "NDArray[np.int64]"
    rank: "NDArray[np.int64]"


def ways_part(
    blob: Blob, data: "WalkingMapData", order: "NDArray[np.int64]", origin: tuple[float, float]
) -> dict[str, Any] | None:
    """Add the network to a page.

    Parameters
    ----------
    blob
        Takes the columns.
    data
        The map's data.
    order
        Order of the page's buildings.
    origin
        Of the page's coordinates.

    Returns
    -------
    dict or None
        Where the columns lie; metres are tenths there. ``None``: the data have no network.
    """
    import pyproj
    import shapely

    from gis.geometry.crs import to_lonlat

    ways = data.ways
    if ways is None:
        return None
    graph = ways.graph
    lines = shapely.simplify(graph.edge_line, _SIMPLIFY_M)
    return {
        "edges": graph.edges,
        "nodes": graph.nodes,
        "from": blob.steps(graph.edge_from),
        "to": blob.steps(graph.edge_to),
        "lines": blob.shapes(to_lonlat(lines, pyproj.CRS(graph.crs)), origin),
        "length": blob.integers(_tenths(graph.edge_length_m)),
        "extra": blob.integers(_tenths(graph.edge_cost_m) - _tenths(graph.edge_length_m)),
        "trees": _trees(blob, ways, data.serving),
        "buildings": _places(blob, ways.buildings, order),
        "stations": _places(blob, ways.stations, np.arange(len(data.stations))),
    }


def first_edges(
    graph: "WalkGraph", stations: "Snapped", serving: "NDArray[np.bool_]"
) -> "NDArray[np.uint8]":
    """Return the edge with which the shortest way from each node begins.

    Parameters
    ----------
    graph
        The network.
    stations
        Where stations join it.
    serving
        Which of them serve, shape (stations,).

    Returns
    -------
    numpy.ndarray
        Rank among the edges at the node (by number of the edge; a ring counts twice), with
        :data:`ENDS` added where the way ends on that edge; :data:`NO_WAY`; shape (nodes,).
    """
    from gis.network.walking import node_distances

    halves = _halves(graph)
    left = node_distances(graph, stations, serving)
    through = graph.edge_cost_m[halves.edge] + left[halves.other]
    # Ways only ever get nearer: with edges of no length two nodes would point at each other.
    through[left[halves.other] >= left[halves.node]] = np.inf
    ending = _to_stations(graph, halves, stations, serving)
    best = np.minimum(through, ending)
    first = np.lexsort((halves.rank, best, halves.node))
    _, at = np.unique(halves.node[first], return_index=True)
    chosen = first[at]
    code = halves.rank[chosen] + np.where(ending[chosen] <= through[chosen], ENDS, 0)
    code[~np.isfinite(best[chosen]) | (halves.rank[chosen] >= ENDS - 1)] = NO_WAY
    out = np.full(graph.nodes, NO_WAY, dtype=np.uint8)
    out[halves.node[chosen]] = code
    return out


def _halves(graph: "WalkGraph") -> _Halves:
    edge = np.tile(np.arange(graph.edges), 2)
    node = np.concatenate([graph.edge_from, graph.edge_to]).astype(np.int64)
    other = np.concatenate([graph.edge_to, graph.edge_from]).astype(np.int64)
    order = np.lexsort((edge, node))
    node, edge, other = node[order], edge[order], other[order]
    starts = np.searchsorted(node, node)
    return _Halves(node, edge, other, np.arange(len(node)) - starts)


def _to_stations(
    graph: "WalkGraph", halves: _Halves, stations: "Snapped", serving: "NDArray[np.bool_]"
) -> "NDArray[np.float64]":
    """Return the cost from each half's node to the nearest station on its edge; else infinite."""
    begin, end = np.full(graph.edges, np.inf), np.full(graph.edges, np.inf)
    rows = np.flatnonzero(serving & (stations.edge >= 0))
    edge, along = stations.edge[rows], stations.along_m[rows]
    factor = graph.edge_cost_m[edge] / np.maximum(graph.edge_length_m[edge], 1e-9)
    access = stations.access_m[rows]
    np.minimum.at(begin, edge, access + along * factor)
    np.minimum.at(end, edge, access + (graph.edge_length_m[edge] - along) * factor)
    forward = graph.edge_from[halves.edge] == halves.node
    ring = graph.edge_from[halves.edge] == graph.edge_to[halves.edge]
    begin, end = begin[halves.edge], end[halves.edge]
    return np.asarray(np.where(ring, np.minimum(begin, end), np.where(forward, begin, end)))


def _trees(blob: Blob, ways: "Ways", serving: "NDArray[np.bool_]") -> list[dict[str, Any]]:
    codes = np.array([first_edges(ways.graph, ways.stations, mask) for mask in serving])
    parents, changes = chain_rows(codes)
    return [
        {"parent": parent, "codes": blob.integers(row)}
        for parent, row in zip(parents, changes, strict=True)
    ]


def _places(blob: Blob, snapped: "Snapped", order: "NDArray[np.int64]") -> dict[str, Any]:
    return {
        "edge": blob.steps(snapped.edge[order]),
        "along": blob.integers(_tenths(snapped.along_m[order])),
        "access": blob.integers(_tenths(snapped.access_m[order])),
    }


def _tenths(metres: "NDArray[np.float64]") -> "NDArray[np.int64]":
    return np.rint(np.nan_to_num(metres) * 10).astype(np.int64)
