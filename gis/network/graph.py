"""The walking graph: edges with their lines, and the arcs that shortest paths run on."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.network.segments import SegmentGrid

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Ints32 = NDArray[np.int32]
    Bools = NDArray[np.bool_]


def _no_lines() -> "Geometries":
    return np.empty(0, dtype=object)


@dataclass(frozen=True, eq=False)
class Arcs:
    """Edges in both directions as a sparse matrix by rows, columns ascending in each row.

    Of several edges between the same two nodes the one with the least cost is kept (then the
    shortest, then the first); edges from a node to itself shorten no path and are left out.

    Parameters
    ----------
    indptr, indices
        ``(n + 1,)`` and ``(a,)``: rows and columns.
    cost_m, length_m
        ``(a,)``: equivalent metres, and metres.
    edge
        ``(a,)``: the edge that the arc runs along.
    """

    indptr: "Ints32"
    indices: "Ints32"
    cost_m: "Floats"
    length_m: "Floats"
    edge: "Ints"


@dataclass(frozen=True)
class GraphReport:
    """What was made of the roads.

    Parameters
    ----------
    roads, walkable_roads
        Rows given, and those that a person may walk along.
    noding
        The rule by which lines meet: ``vertices`` or ``crossings`` (see docs/network.md).
    shared_vertices, touching_ends, crossings
        Places where lines met at a vertex of theirs, where an end was joined to another line, and
        where lines of one level cross without a vertex (joined by the rule ``crossings`` only).
    length_m
        Of all edges.
    components
        Number of pieces that are not connected with each other.
    largest_component_share
        Share of the length that is in the largest of them.
    barred
        Places where a road meets a barrier or the wall of a quarter and does not pass.
    islands_joined, islands_left
        Small pieces joined to a neighbour, and left by themselves.
    quarters_without_gates
        Positions of gated quarters that have no open gate: they are not taken as walled.
    """

    roads: int = 0
    walkable_roads: int = 0
    noding: str = "vertices"
    shared_vertices: int = 0
    touching_ends: int = 0
    crossings: int = 0
    length_m: float = 0.0
    components: int = 0
    largest_component_share: float = 0.0
    barred: int = 0
    islands_joined: int = 0
    islands_left: int = 0
    quarters_without_gates: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Walls:
    """What a person cannot walk through, in metres.

    Parameters
    ----------
    water
        Rivers and railways: no way leads through them but the network's.
    lines
        Walls, but for 5 m around open gates.
    quarters
        Polygons of gated quarters.
    gates
        Places of open gates.
    """

    water: "Geometries" = field(default_factory=_no_lines)
    lines: "Geometries" = field(default_factory=_no_lines)
    quarters: "Geometries" = field(default_factory=_no_lines)
    gates: "Geometries" = field(default_factory=_no_lines)

    @property
    def empty(self) -> bool:
        """Nothing bars the way."""
        return not (len(self.water) or len(self.lines) or len(self.quarters))


@dataclass(frozen=True, eq=False)
class WalkGraph:
    """A walking network: nodes where ways meet or end, and edges between them with their lines.

    An edge has one factor of cost throughout, so that any part of it costs its share.

    Parameters
    ----------
    node_xy_m
        ``(n, 2)`` metres.
    edge_from, edge_to
        ``(m,)``: nodes; an edge can be walked in both directions.
    edge_length_m
        ``(m,)``: metres along the line.
    edge_cost_m
        ``(m,)``: metres on level paved ground that take as long to walk.
    edge_line
        ``(m,)``: lines in metres, from ``edge_from`` to ``edge_to``.
    edge_road
        ``(m,)``: row of the roads that it is part of (of several, the longest); -1 for a link
        that was added.
    component
        ``(n,)``: the connected piece of a node, 0 the one with the greatest length.
    edge_open
        ``(m,)``: one can step onto it from the side: it is on no bridge and in no tunnel.
    edge_quarter
        ``(m,)``: row of ``walls.quarters`` that it lies in; -1: in none.
    walls
        What legs to the network must not lead through.
    crs
        The projected CRS as text.
    report
        What was made of the roads.
    """

    node_xy_m: "Floats"
    edge_from: "Ints32"
    edge_to: "Ints32"
    edge_length_m: "Floats"
    edge_cost_m: "Floats"
    edge_line: "Geometries"
    edge_road: "Ints"
    component: "Ints"
    edge_open: "Bools"
    edge_quarter: "Ints32"
    walls: Walls = field(default_factory=Walls)
    crs: str = ""
    report: GraphReport = field(default_factory=GraphReport)

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_xy_m)

    @property
    def edges(self) -> int:
        """Number of edges."""
        return len(self.edge_from)

    @cached_property
    def edge_factor(self) -> "Floats":
        """``(m,)``: cost of a metre."""
        return np.asarray(self.edge_cost_m / np.maximum(self.edge_length_m, 1e-12))

    @cached_property
    def arcs(self) -> Arcs:
        """The edges as a sparse matrix."""
        keep = np.flatnonzero(self.edge_from != self.edge_to)
        row = np.concatenate([self.edge_from[keep], self.edge_to[keep]]).astype(np.int64)
        column = np.concatenate([self.edge_to[keep], self.edge_from[keep]]).astype(np.int64)
        edge = np.concatenate([keep, keep])
        order = np.lexsort((edge, self.edge_length_m[edge], self.edge_cost_m[edge], column, row))
        row, column, edge = row[order], column[order], edge[order]
        first = np.ones(len(row), dtype=bool)
        first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
        row, column, edge = row[first], column[first], edge[first]
        indptr = np.zeros(self.nodes + 1, dtype=np.int32)
        np.cumsum(np.bincount(row, minlength=self.nodes), out=indptr[1:])
        return Arcs(
            indptr,
            column.astype(np.int32),
            self.edge_cost_m[edge],
            self.edge_length_m[edge],
            edge,
        )

    @cached_property
    def segments(self) -> "SegmentGrid":
        """The straight pieces of all edges that one can step onto, in a grid for snapping."""
        from gis.network.segments import segment_grid

        return segment_grid(self.edge_line, self.edge_open)

    @cached_property
    def water_segments(self) -> "SegmentGrid":
        """The straight pieces of rivers and railways."""
        return _pieces(self.walls.water)

    @cached_property
    def line_segments(self) -> "SegmentGrid":
        """The straight pieces of walls."""
        return _pieces(self.walls.lines)

    @cached_property
    def wall_segments(self) -> "SegmentGrid":
        """The straight pieces of all that legs may not cross: walls, water, outlines of quarters.

        Streets through a walled quarter that are not part of it are among them.
        """
        from gis.network.segments import segment_grid

        walls = self.walls
        outside = np.flatnonzero(self.edge_quarter < 0)
        if len(walls.quarters):
            tree = shapely.STRtree(walls.quarters)
            at = np.unique(tree.query(self.edge_line[outside], predicate="intersects")[0])
            outside = outside[at]
        else:
            outside = outside[:0]
        outlines = shapely.get_parts(shapely.boundary(walls.quarters))
        lines = np.concatenate([walls.water, walls.lines, outlines, self.edge_line[outside]])
        return segment_grid(lines, np.ones(len(lines), dtype=bool))

    @cached_property
    def open_tree(self) -> shapely.STRtree:
        """Index of the lines of the edges that one can step onto."""
        lines = self.edge_line.copy()
        lines[~self.edge_open] = None
        return shapely.STRtree(lines)

    def points_along(self, edge: "Ints", along_m: "Floats") -> "Floats":
        """Return ``(k, 2)`` places on edges, metres along their lines."""
        return shapely.get_coordinates(
            shapely.line_interpolate_point(self.edge_line[edge], along_m)
        )


def _pieces(lines: "Geometries") -> "SegmentGrid":
    from gis.network.segments import segment_grid

    return segment_grid(lines, np.ones(len(lines), dtype=bool))
