"""Least-time walks from many places to the nearest of many stations.

Each station is one more node, whose arcs lead onto the network on both sides of the place where
it was snapped; so no walk leads through a station. One search from all stations at once
(:func:`scipy.sparse.csgraph.dijkstra`, ``min_only``) serves all places.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

    from gis.geometry.crs import Geometries
    from gis.network.graph import Bools, Floats, Ints, WalkGraph
    from gis.network.snapping import Snapped

#: Metres per second on level pavement.
SPEEDS = {"adult": 1.2, "elderly": 0.8, "frail": 0.65}
#: Reason why a place that is on the network reaches no station.
NO_STATION_REACHABLE = "no_station_reachable"
#: Stations that are searched from at once for a table of pairs: bounds its memory.
_BATCH = 64


@dataclass(frozen=True, eq=False)
class Walk:
    """The nearest station of each place.

    Parameters
    ----------
    station
        ``(k,)``: row of the station; -1: none can be reached.
    distance_m
        ``(k,)``: metres along the walk that takes the least time, with both legs to the network;
        NaN where none can be reached.
    cost_m
        ``(k,)``: metres on level pavement that take as long; NaN where none can be reached.
    """

    station: "Ints"
    distance_m: "Floats"
    cost_m: "Floats"


@dataclass(frozen=True, eq=False)
class PairTable:
    """Places and stations within a limit of each other, by station, then by place.

    Parameters
    ----------
    origin, station
        ``(p,)``: rows.
    distance_m, cost_m
        ``(p,)``: as those of a :class:`Walk`.
    """

    origin: "Ints"
    station: "Ints"
    distance_m: "Floats"
    cost_m: "Floats"

    def __len__(self) -> int:
        return len(self.origin)


def minutes(cost_m: "ArrayLike", speed_m_s: float) -> "Floats":
    """Return how many minutes it takes to walk equivalent metres.

    Examples
    --------
    >>> float(minutes(720.0, SPEEDS["adult"]))
    10.0
    """
    if not 0 < speed_m_s < np.inf:
        msg = f"A walking speed of {speed_m_s} m/s leads nowhere."
        raise InvalidInputError(msg, remedy="Give metres per second.", field="speed_m_s")
    return np.asarray(cost_m, dtype=float) / (60.0 * speed_m_s)


def unreached(origins: "Snapped", walk: Walk) -> "Geometries":
    """Return for each place why it reaches no station, ``None`` where it does.

    ``no_road_within_reach``, ``roads_behind_barrier`` or ``no_station_reachable``: none serves, or
    none is on a part of the network that is connected with the place.
    """
    out = origins.reason
    out[(origins.edge >= 0) & (walk.station < 0)] = NO_STATION_REACHABLE
    return out


@dataclass(frozen=True, eq=False)
class Seeded:
    """The arcs of a graph with one more row for each station that is on the network.

    Parameters
    ----------
    graph
        The graph, of ``n`` nodes.
    matrix
        Costs, ``(n + s, n + s)``; columns ascend in each row.
    length_m
        Metres of each stored arc.
    rows
        ``(s,)``: row of each station that is on the network.
    """

    graph: "WalkGraph"
    matrix: csr_matrix
    length_m: "Floats"
    rows: "Ints"

    @cached_property
    def level(self) -> bool:
        """A metre costs a metre everywhere."""
        return bool((self.graph.edge_cost_m == self.graph.edge_length_m).all())

    @cached_property
    def _keys(self) -> "Ints":
        """Row and column of each stored arc as one ascending number."""
        size = self.matrix.shape[0]
        row = np.repeat(np.arange(size), np.diff(self.matrix.indptr))
        return np.asarray(row * size + self.matrix.indices, dtype=np.int64)

    def lengths(self, previous: "Ints", cost: "Floats") -> "Floats":
        """Return metres along the tree of walks that leads to each node; infinite: none does."""
        if self.level:
            return cost
        size = self.matrix.shape[0]
        reached = np.flatnonzero(previous >= 0)
        before = previous[reached].astype(np.int64)
        total = np.zeros(size)
        total[reached] = self.length_m[np.searchsorted(self._keys, before * size + reached)]
        up = np.arange(size)
        up[reached] = before
        while len(reached):  # each round doubles how far up the tree the sums reach
            higher = up[up[reached]]
            total[reached] += total[up[reached]]
            go_on = higher != up[reached]
            up[reached] = higher
            reached = reached[go_on]
        total[~np.isfinite(cost)] = np.inf
        return total


def seeded(graph: "WalkGraph", stations: "Snapped") -> Seeded:
    """Return the arcs of the graph with rows for stations."""
    arcs, size = graph.arcs, graph.nodes
    rows = np.flatnonzero(stations.edge >= 0)
    edge, along = stations.edge[rows], stations.along_m[rows]
    part = np.column_stack([along, graph.edge_length_m[edge] - along])
    node = np.column_stack([graph.edge_from[edge], graph.edge_to[edge]])
    # On a ring both arcs lead to its one node: the shorter way counts.
    ring = node[:, 0] == node[:, 1]
    part[ring] = part[ring].min(axis=1, keepdims=True)
    flip = node[:, 0] > node[:, 1]
    node[flip], part[flip] = node[flip, ::-1], part[flip, ::-1]
    length = part + stations.access_m[rows, None]
    cost = part * graph.edge_factor[edge, None] + stations.access_m[rows, None]
    keep = np.column_stack([np.ones(len(rows), dtype=bool), ~ring])
    indptr = np.concatenate([arcs.indptr, arcs.indptr[-1] + np.cumsum(keep.sum(axis=1))])
    matrix = csr_matrix(
        (
            np.concatenate([arcs.cost_m, cost[keep]]),
            np.concatenate([arcs.indices, node[keep].astype(np.int32)]),
            indptr.astype(np.int32),
        ),
        shape=(size + len(rows), size + len(rows)),
    )
    return Seeded(graph, matrix, np.concatenate([arcs.length_m, length[keep]]), rows)


def nearest(
    graph: "WalkGraph",
    origins: "Snapped",
    stations: "Snapped",
    serving: "ArrayLike | None" = None,
) -> Walk:
    """Return the station that each place reaches in the least time.

    Parameters
    ----------
    graph
        The network.
    origins, stations
        Places on it.
    serving
        ``(s,)``: which stations count; by default all.
    """
    return nearest_sets(graph, origins, stations, [_mask(stations, serving)])[0]


def nearest_sets(
    graph: "WalkGraph", origins: "Snapped", stations: "Snapped", masks: "ArrayLike"
) -> list[Walk]:
    """Return the nearest station of each place for several sets of stations.

    Parameters
    ----------
    graph, origins, stations
        As for :func:`nearest`.
    masks
        ``(j, s)``: which stations count in each set; equal sets are searched once and share their
        answer.

    Raises
    ------
    gis.errors.InvalidInputError
        The masks have another number of stations.
    """
    sets = np.atleast_2d(np.asarray(masks, dtype=bool))
    if sets.shape[1:] != (len(stations),):
        msg = f"masks has shape {sets.shape} for {len(stations)} stations."
        raise InvalidInputError(msg, remedy="Pass a row of one value per station.", field="masks")
    distinct, which = np.unique(sets, axis=0, return_inverse=True)
    rows = seeded(graph, stations)
    ends = _Ends.of(graph, origins)
    walks = [_nearest(rows, ends, origins, stations, mask) for mask in distinct]
    return [walks[i] for i in which.ravel()]


def node_distances(
    graph: "WalkGraph", stations: "Snapped", serving: "ArrayLike | None" = None
) -> "Floats":
    """Return ``(n,)`` equivalent metres from each node to its nearest station, infinite: none.

    The legs of the stations are counted. A station in the middle of an edge is nearer to places on
    that edge than by either node.
    """
    return _tree(seeded(graph, stations), _mask(stations, serving))[1]


def _mask(stations: "Snapped", serving: "ArrayLike | None") -> "Bools":
    if serving is None:
        return np.ones(len(stations), dtype=bool)
    mask = np.asarray(serving, dtype=bool)
    if mask.shape != (len(stations),):
        msg = f"serving has shape {mask.shape} for {len(stations)} stations."
        raise InvalidInputError(msg, remedy="Pass one value per station.", field="serving")
    return mask


@dataclass(frozen=True, eq=False)
class _Ends:
    """Places on the network, and the way from each to both ends of its edge.

    ``row`` is ascending in ``edge``, so that the places of an edge are together.
    """

    row: "Ints"
    edge: "Ints"
    node: "Ints"
    part_m: "Floats"
    factor: "Floats"
    access_m: "Floats"

    @classmethod
    def of(cls, graph: "WalkGraph", origins: "Snapped") -> "_Ends":
        row = np.argsort(origins.edge, kind="stable")
        row = row[np.searchsorted(origins.edge[row], 0) :]
        edge, along = origins.edge[row], origins.along_m[row]
        return cls(
            row,
            edge,
            np.stack([graph.edge_from[edge], graph.edge_to[edge]]),
            np.stack([along, graph.edge_length_m[edge] - along]),
            graph.edge_factor[edge],
            origins.access_m[row],
        )

    def take(self, chosen: "Ints") -> "_Ends":
        return _Ends(
            self.row[chosen],
            self.edge[chosen],
            self.node[:, chosen],
            self.part_m[:, chosen],
            self.factor[chosen],
            self.access_m[chosen],
        )

    def over(self, cost: "Floats", length: "Floats") -> "tuple[Floats, Floats, Ints]":
        """Return cost and length by the better end, without the leg, and the node of that end."""
        costs = cost[self.node] + self.part_m * self.factor
        second = costs[1] < costs[0]
        node = np.where(second, self.node[1], self.node[0])
        part = np.where(second, self.part_m[1], self.part_m[0])
        return np.where(second, costs[1], costs[0]), length[node] + part, node


def _tree(rows: Seeded, serving: "Bools") -> "tuple[Ints, Floats, Floats]":
    """Return for each node the nearest station, the cost and the length of the way."""
    nodes = rows.graph.nodes
    used = np.flatnonzero(serving[rows.rows])
    station = np.full(nodes, -1, dtype=np.int64)
    if len(used) == 0:
        nothing = np.full(nodes, np.inf)
        return station, nothing, nothing
    cost, previous, source = dijkstra(
        rows.matrix, directed=True, indices=nodes + used, return_predecessors=True, min_only=True
    )
    length = rows.lengths(previous, cost)
    reached = source[:nodes] >= nodes
    station[reached] = rows.rows[source[:nodes][reached] - nodes]
    return station, cost[:nodes], length[:nodes]


def _nearest(
    rows: Seeded, ends: _Ends, origins: "Snapped", stations: "Snapped", serving: "Bools"
) -> Walk:
    station, cost, length = _tree(rows, serving)
    best_cost, best_length, node = ends.over(cost, length)
    best = station[node]
    for here, other, metres in _on_one_edge(ends, stations, serving):
        access = stations.access_m[other]
        direct = metres * ends.factor[here] + access
        nearer = direct < best_cost[here]
        to = here[nearer]
        best[to], best_cost[to] = other[nearer], direct[nearer]
        best_length[to] = metres[nearer] + access[nearer]
    count = len(origins)
    out = Walk(np.full(count, -1, dtype=np.int64), np.full(count, np.nan), np.full(count, np.nan))
    ok = np.isfinite(best_cost)
    to = ends.row[ok]
    out.station[to] = best[ok]
    out.cost_m[to] = best_cost[ok] + ends.access_m[ok]
    out.distance_m[to] = best_length[ok] + ends.access_m[ok]
    return out


def _on_one_edge(
    ends: _Ends, stations: "Snapped", serving: "Bools"
) -> "Iterator[tuple[Ints, Ints, Floats]]":
    """Yield places (positions in ``ends``), stations on the same edge, and the metres between.

    Each place comes once at a time, as often as there are stations on its edge.
    """
    rows = np.flatnonzero((stations.edge >= 0) & serving)
    rows = rows[np.argsort(stations.edge[rows], kind="stable")]
    low = np.searchsorted(stations.edge[rows], ends.edge)
    count = np.searchsorted(stations.edge[rows], ends.edge, side="right") - low
    for rank in range(int(count.max(initial=0))):
        here = np.flatnonzero(count > rank)
        other = rows[low[here] + rank]
        yield here, other, np.abs(ends.part_m[0, here] - stations.along_m[other])


def within(
    graph: "WalkGraph",
    origins: "Snapped",
    stations: "Snapped",
    limit_m: float,
    *,
    by: Literal["cost", "distance"] = "cost",
) -> PairTable:
    """Return every pair of a place and a station that are within a limit of each other.

    Parameters
    ----------
    graph, origins, stations
        As for :func:`nearest`.
    limit_m
        Greatest equivalent metres, or metres along the walk that takes the least time.
    by
        Which of the two.

    Raises
    ------
    gis.errors.InvalidInputError
        The limit is not a positive number.
    """
    if not 0 < limit_m < np.inf:
        msg = f"A limit of {limit_m} m holds no pairs that can be said."
        raise InvalidInputError(msg, remedy="Give a positive number of metres.", field="limit_m")
    # A walk of that many metres costs at most so much.
    worst = 1.0 if by == "cost" else float(graph.edge_factor.max(initial=1.0))
    rows = seeded(graph, stations)
    ends = _Ends.of(graph, origins)
    found: list[tuple[Ints, Ints, Floats, Floats]] = []
    for start in range(0, len(rows.rows), _BATCH):
        used = np.arange(start, min(start + _BATCH, len(rows.rows)))
        found += _pairs(rows, ends, stations, used, limit_m * worst)
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    origin, station, metres, cost = (np.concatenate(c) for c in zip(nothing, *found, strict=True))
    keep = (cost if by == "cost" else metres) <= limit_m
    return PairTable(origin[keep], station[keep], metres[keep], cost[keep])


def _pairs(
    rows: Seeded, ends: _Ends, stations: "Snapped", used: "Ints", limit_m: float
) -> "Iterator[tuple[Ints, Ints, Floats, Floats]]":
    """Yield places, station, metres and cost within a limit, station by station."""
    graph = rows.graph
    costs, before = dijkstra(
        rows.matrix,
        directed=True,
        indices=graph.nodes + used,
        return_predecessors=True,
        limit=limit_m,
    )
    for i, cost, previous in zip(used, costs, before, strict=True):
        row, length = int(rows.rows[i]), rows.lengths(previous, cost)
        reached = np.isfinite(cost[graph.edge_from]) | np.isfinite(cost[graph.edge_to])
        reached[stations.edge[row]] = True
        near = ends.take(np.flatnonzero(reached[ends.edge]))
        total, metres, _ = near.over(cost, length)
        same = near.edge == stations.edge[row]
        gap = np.abs(near.part_m[0] - stations.along_m[row])
        direct = gap * near.factor + stations.access_m[row]
        shorter = same & (direct < total)
        total = np.where(shorter, direct, total) + near.access_m
        metres = np.where(shorter, gap + stations.access_m[row], metres) + near.access_m
        keep = np.flatnonzero(total <= limit_m)
        keep = keep[np.argsort(near.row[keep])]
        yield near.row[keep], np.full(len(keep), row), metres[keep], total[keep]
