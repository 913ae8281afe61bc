"""From the roads of a place to its walking graph."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gis.geometry.crs import to_projected
from gis.network import barring
from gis.network.contracting import Pieces, chains_of, cut, ends_of, longest_of, vertices_of
from gis.network.factors import WalkFactors
from gis.network.graph import GraphReport, WalkGraph
from gis.network.islands import links_of
from gis.network.noding import Noding, Strokes, node, stretches, with_lines, with_vertices

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj

    from gis.geometry.crs import Geometries
    from gis.network.graph import Bools, Floats, Ints, Ints32

#: Classes of road that lead through a walled quarter as if it had no walls.
THROUGH_ROADS = ("motorway", "arterial", "collector")


@dataclass(frozen=True, eq=False)
class _Ways:
    """Walkable roads, and links that were added behind them.

    Parameters
    ----------
    row
        Row of the roads, -1 for a link.
    factor
        Cost of a metre.
    ground
        It is on no bridge and in no tunnel.
    bound
        Walls of quarters bar it: it is on the ground and no through road.
    """

    row: "Ints"
    factor: "Floats"
    ground: "Bools"
    bound: "Bools"

    def with_links(self, count: int) -> "_Ways":
        """Return the ways with links on level ground behind them."""
        yes = np.ones(count, dtype=bool)
        return _Ways(
            np.concatenate([self.row, np.full(count, -1)]),
            np.concatenate([self.factor, np.ones(count)]),
            np.concatenate([self.ground, yes]),
            np.concatenate([self.bound, yes]),
        )


@dataclass(frozen=True, eq=False)
class _Parted:
    """Pieces whose nodes are parted where something bars the way."""

    pieces: Pieces
    quarter: "Ints"
    barred: int
    walled: "Bools"


def build_walk_graph(
    roads: "gpd.GeoDataFrame",
    crs: "pyproj.CRS",
    *,
    barriers: "gpd.GeoDataFrame | None" = None,
    crossings: "gpd.GeoDataFrame | None" = None,
    quarters: "gpd.GeoDataFrame | None" = None,
    factors: WalkFactors = WalkFactors(),  # noqa: B008 - frozen
    noding: Noding = "auto",
) -> WalkGraph:
    """Return the walking graph of a place; the rules are in docs/network.md.

    Parameters
    ----------
    roads, barriers, crossings, quarters
        Frames of their contracts, in EPSG:4326. Roads that are not walkable are left out; the
        others can be walked in both directions.
    crs
        A projected CRS in metres.
    factors
        How much slower one walks on steps and soft ground.
    noding
        How lines meet that cross without a vertex in common: ``vertices``: not; ``crossings``:
        they do if both are on the ground; ``auto``: as the roads are drawn for the most part.

    Returns
    -------
    WalkGraph
        Its ``report`` says what was found. Without walkable roads it has no nodes.

    Raises
    ------
    gis.errors.CrsMismatchError
        The CRS is not projected in metres.
    """
    rows = np.flatnonzero(np.asarray(roads["walkable"], dtype=bool))
    chosen = roads.iloc[rows]
    lines = to_projected(chosen.geometry.to_numpy(), crs)
    ground = ~np.asarray(chosen["bridge"], dtype=bool) & ~np.asarray(chosen["tunnel"], dtype=bool)
    through = np.asarray(chosen["road_class"].isin(THROUGH_ROADS), dtype=bool)
    ways = _Ways(rows, factors.of(chosen), ground, ground & ~through)
    obstacles = barring.obstacles_of(barriers, crossings, quarters, crs)
    noded = node(lines, ground, noding)
    strokes, shut_xy = barring.barred_places(noded.strokes, ground, obstacles)
    strokes, cut_xy = barring.outline_places(strokes, ways.bound, obstacles.walls.quarters)
    parted = _parted(strokes, ways, obstacles, shut_xy, cut_xy)
    walls = barring.with_gaps(obstacles.walls, parted.walled)
    links = links_of(strokes, parted.pieces, parted.quarter, ground, walls)
    if len(links.line):
        strokes = with_vertices(strokes, links.meets, links.xy, links.along_m)
        strokes = with_lines(strokes, links.line, len(ways.row))
        ways = ways.with_links(len(links.line))
        parted = _parted(strokes, ways, obstacles, shut_xy, cut_xy)
    graph = _contracted(strokes, parted, ways)
    report = GraphReport(
        roads=len(roads),
        walkable_roads=len(rows),
        noding=noded.rule,
        shared_vertices=noded.shared_vertices,
        touching_ends=noded.touching_ends,
        crossings=noded.crossings,
        length_m=float(graph.edge_length_m.sum()),
        components=int(graph.component.max(initial=-1)) + 1,
        largest_component_share=_share(graph),
        barred=parted.barred,
        islands_joined=len(links.line),
        islands_left=links.left,
        quarters_without_gates=tuple(obstacles.quarter_row[~parted.walled].tolist()),
    )
    return replace(graph, walls=walls, crs=crs.to_string(), report=report)


def _parted(
    strokes: Strokes, ways: _Ways, obstacles: barring.Obstacles, shut_xy: "Floats", cut_xy: "Floats"
) -> _Parted:
    """Cut strokes where they meet, and part the nodes where something bars the way.

    Walls of quarters part what lies on both sides of the places ``cut_xy``.
    """
    place, marked = strokes.place_with(np.concatenate([shut_xy, cut_xy]))
    shut = marked[: len(shut_xy)]
    is_node = np.bincount(place)[place] > 1 if len(place) else np.zeros(0, dtype=bool)
    first, last = strokes.ends
    is_node[first] = is_node[last] = True
    is_node |= np.isin(place, marked)
    begin, end = cut(strokes.line, is_node)
    line = strokes.line[begin]
    stretch = stretches(strokes, begin, end)
    quarter = barring.quarter_of(stretch, ways.bound[line], obstacles.walls.quarters)
    kind = np.column_stack([ways.factor[line], ways.ground[line], quarter])
    kind = np.unique(kind, axis=0, return_inverse=True)[1].ravel() if len(kind) else line
    pieces = Pieces(begin, end, place[begin], place[end], kind)
    xy = np.zeros((int(place.max(initial=-1)) + 1, 2))
    xy[place] = strokes.xy
    gated = barring.gate_sides(
        pieces, quarter, xy, obstacles.walls.gates, len(obstacles.walls.quarters)
    )
    side = _line_sides(pieces, stretch, shut, xy, obstacles)
    node = np.column_stack([pieces.start, pieces.end]).ravel()
    parts = np.column_stack([node, side, gated.side])
    ends = np.unique(parts, axis=0, return_inverse=True)[1].reshape(-1, 2)
    pieces = replace(pieces, start=ends[:, 0], end=ends[:, 1])
    # Quarters that are not walled are not told apart from what is around them.
    number = np.r_[np.where(gated.walled, np.cumsum(gated.walled) - 1, -1), -1]
    return _Parted(pieces, number[quarter], len(np.unique(shut)) + gated.parted, gated.walled)


def _line_sides(
    pieces: Pieces,
    stretch: "Geometries",
    shut: "Ints",
    xy: "Floats",
    obstacles: barring.Obstacles,
) -> "Ints":
    """Return on which side of rivers, railways and walls each end of a piece leaves its node."""
    node = np.column_stack([pieces.start, pieces.end]).ravel()
    out = np.zeros(len(node), dtype=np.int64)
    barred = np.unique(shut)
    ends = np.flatnonzero(np.isin(node, barred))
    if len(ends) == 0:
        return out
    ends = ends[np.argsort(node[ends], kind="stable")]
    lines = stretch[ends >> 1]
    step = np.minimum(0.5, shapely.length(lines) / 2)
    aside = shapely.line_interpolate_point(lines, np.where(ends & 1, -step, step))
    at = np.searchsorted(barred, node[ends])
    walls = np.concatenate([obstacles.walls.water, obstacles.walls.lines])
    out[ends] = barring.sides(xy[barred], at, shapely.get_coordinates(aside), walls)
    return out


def _contracted(strokes: Strokes, parted: _Parted, ways: _Ways) -> WalkGraph:
    """Return the graph of pieces joined where nothing is decided, with components numbered."""
    pieces = parted.pieces
    chains = chains_of(pieces)
    vertex, edge = vertices_of(chains, pieces)
    start, end = ends_of(chains, pieces)
    lines = np.empty(0, dtype=object)
    if len(vertex):
        lines = np.asarray(shapely.linestrings(strokes.xy[vertex], indices=edge), dtype=object)
    length = np.asarray(shapely.length(lines), dtype=float)
    main = longest_of(chains, strokes.along_m[pieces.last] - strokes.along_m[pieces.first])
    way = strokes.line[pieces.first[main]]
    used = np.unique(np.concatenate([start, end]), return_inverse=True)[1]
    number = np.asarray(used.ravel(), dtype=np.int32)
    edge_from, edge_to = number[: len(start)], number[len(start) :]
    node_xy = np.zeros((int(number.max(initial=-1)) + 1, 2))
    node_xy[edge_from] = shapely.get_coordinates(shapely.get_point(lines, 0))
    node_xy[edge_to] = shapely.get_coordinates(shapely.get_point(lines, -1))
    return WalkGraph(
        node_xy_m=node_xy,
        edge_from=edge_from,
        edge_to=edge_to,
        edge_length_m=length,
        edge_cost_m=length * ways.factor[way],
        edge_line=lines,
        edge_road=ways.row[way],
        component=_components(len(node_xy), edge_from, edge_to, length),
        edge_open=ways.ground[way],
        edge_quarter=parted.quarter[main].astype(np.int32),
    )


def _components(nodes: int, edge_from: "Ints32", edge_to: "Ints32", length_m: "Floats") -> "Ints":
    """Return the connected piece of each node, numbered by length, the longest first."""
    matrix = coo_matrix((np.ones(len(edge_from)), (edge_from, edge_to)), shape=(nodes, nodes))
    count, label = connected_components(matrix, directed=False)
    total = np.bincount(label[edge_from], length_m, count)
    rank = np.empty(count, dtype=np.int64)
    rank[np.lexsort((np.arange(count), -total))] = np.arange(count)
    return np.asarray(rank[label], dtype=np.int64)


def _share(graph: WalkGraph) -> float:
    """Return the share of the length that is in the largest component."""
    if graph.edges == 0:
        return 0.0
    largest = graph.component[graph.edge_from] == 0
    return float(graph.edge_length_m[largest].sum() / graph.edge_length_m.sum())
