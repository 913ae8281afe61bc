"""Buildings larger than a grid may be, split by their staircases (单元) on request.

A staircase serves a slice of a building from the ground to the roof, so a building is cut across
its long axis, and staircases that lie side by side stay together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.districting.graph import CellGraph, sums
from gis.districting.staircases_cuts import LEAST_M, Cut, cut_across
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from gis.districting.graph import Floats, Ints


def split_buildings(
    graph: CellGraph,
    staircases: "Ints",
    maximum: int,
    *,
    people: Mapping[int, Sequence[int]] | None = None,
    footprints: "Mapping[int, BaseGeometry] | None" = None,
) -> "tuple[CellGraph, Ints]":
    """Return a graph in which cells above ``maximum`` are cut between staircases, and its origin.

    Each part takes staircases that lie side by side; there are as few parts as hold no more than
    ``maximum`` households each, of as even a size as that allows. A staircase that alone has more
    stays a part of its own. Parts touch by borders of class 0 that can be crossed; households,
    residents, what is to be balanced, area, borders and outer border are shared out, and their
    sums stay.

    Parameters
    ----------
    graph
        The cells; with vertices, which are the ring of each cell in order, cuts and borders follow
        its shape, without them it counts as a square.
    staircases
        Number of staircases of the building of each cell; it cannot be split below 2.
    maximum
        Largest number of households of a grid.
    people
        Households of each staircase by cell, where they are known, in order along the building;
        elsewhere staircases count alike. Sums that differ from the cell's households are scaled.
    footprints
        Footprint of the building by cell, where it is known: it is cut in slices of equal area
        along its long axis, and the ground around it by the same lines.

    Returns
    -------
    The new graph, with the parts of a cell in its place, and for each new cell the old one.

    Raises
    ------
    gis.errors.InvalidInputError
        If ``staircases`` does not fit the graph, or ``people`` does not fit ``staircases``.
    """
    done = divide(graph, Stairs(staircases, people or {}, footprints or {}), maximum)
    return done.graph, done.origin


@dataclass(frozen=True, eq=False)
class Stairs:
    """What is known of the staircases of cells; see :func:`split_buildings`."""

    staircases: "Ints"
    people: Mapping[int, Sequence[int]]
    footprints: "Mapping[int, BaseGeometry]"


@dataclass(frozen=True, eq=False)
class Division:
    """Cells cut between staircases.

    Parameters
    ----------
    graph
        The new graph, with the parts of a cell in its place.
    origin
        Old cell of each new one.
    parts
        By old cell that is cut, the polygon of each part.
    stairs
        By old cell that is cut, the number of staircases of each part.
    torn
        Old cells that would have to be cut, but of which a part would not hang together.
    """

    graph: CellGraph
    origin: "Ints"
    parts: "Mapping[int, list[BaseGeometry]]"
    stairs: Mapping[int, tuple[int, ...]]
    torn: tuple[int, ...] = ()


def divide(
    graph: CellGraph,
    known: Stairs,
    maximum: int,
    polygons: "Sequence[BaseGeometry] | None" = None,
) -> Division:
    """Return the division of :func:`split_buildings`, with the parts themselves.

    Parameters
    ----------
    graph, known, maximum
        As for :func:`split_buildings`.
    polygons
        Polygon of each cell, which may have holes. A cell is then left whole if a part of it would
        not hang together.

    Raises
    ------
    gis.errors.InvalidInputError
        As for :func:`split_buildings`.
    """
    staircases = _checked(graph, known.staircases, known.people)
    large = (graph.households > maximum) & (staircases > 1)
    if graph.dedicated is not None:
        large &= graph.dedicated < 0
    ground = _Ground(graph, polygons)
    split: dict[int, _Slices] = {}
    torn = []
    for cell in np.flatnonzero(large).tolist():
        stairs = _households_of_stairs(graph, int(staircases[cell]), cell, known.people)
        groups = _groups(stairs, maximum)
        if len(groups) < 2:
            continue
        slices = _sliced(ground, cell, groups, known.footprints.get(cell))
        if polygons is not None and any(p.geom_type != "Polygon" for p in slices.cut.parts()):
            torn.append(cell)
            continue
        split[cell] = slices
    count = np.ones(graph.size, dtype=np.int64)
    for cell, slices in split.items():
        count[cell] = len(slices.share)
    origin = np.repeat(np.arange(graph.size), count)
    new = _rebuilt(ground, split, np.cumsum(count) - count, origin) if split else graph
    return Division(
        new,
        origin,
        {cell: slices.cut.parts() for cell, slices in split.items()},
        {cell: slices.stairs for cell, slices in split.items()},
        tuple(torn),
    )


@dataclass(frozen=True, eq=False)
class _Slices:
    """A cell cut in slices: their shares of its area, their people, and where it is cut."""

    share: "Floats"
    households: "Ints"
    stairs: tuple[int, ...]
    cut: Cut


@dataclass(frozen=True, eq=False)
class _Ground:
    """The cells with their polygons, which are made of the graph's vertices if not given."""

    graph: CellGraph
    polygons: "Sequence[BaseGeometry] | None"

    def shape(self, cell: int) -> "BaseGeometry | None":
        """Return the polygon of a cell, ``None`` if it is not known."""
        if self.polygons is not None:
            return self.polygons[cell]
        points = _vertices(self.graph, cell)
        if len(points) < 3:
            return None
        shape = shapely.Polygon(points)
        return shape if shape.is_valid and shape.area > 0 else None


def _checked(graph: CellGraph, staircases: "Ints", people: Mapping[int, Sequence[int]]) -> "Ints":
    array = np.asarray(staircases)
    if array.shape != (graph.size,) or array.dtype.kind not in "iu":
        msg = f"staircases has shape {array.shape}; the graph has {graph.size} cells."
        raise InvalidInputError(msg, remedy="Give one whole number per cell.", field="staircases")
    for cell, stairs in people.items():
        if not 0 <= cell < graph.size or len(stairs) != array[cell] or min(stairs, default=0) < 0:
            msg = f"people gives {len(stairs)} staircases for cell {cell}, which do not fit it."
            raise InvalidInputError(
                msg, remedy="Give households of every staircase of the cell.", field="people"
            )
    return array.astype(np.int64)


def _households_of_stairs(
    graph: CellGraph, stairs: int, cell: int, people: Mapping[int, Sequence[int]]
) -> "Ints":
    weights = np.asarray(people.get(cell, np.ones(stairs)), dtype=np.int64)
    if weights.sum() == 0:
        weights = np.ones(stairs, dtype=np.int64)
    return _shared_out(int(graph.households[cell]), weights)


def _shared_out(total: int, weights: "Ints") -> "Ints":
    """Return whole numbers in proportion to weights, whose sum is ``total``."""
    ends = total * np.cumsum(weights) // weights.sum()
    return np.asarray(np.diff(ends, prepend=0), dtype=np.int64)


def _groups(stairs: "Ints", maximum: int) -> "list[Ints]":
    """Return the fewest groups of neighbouring staircases within ``maximum``, as even as can be."""
    fewest = len(_packed(stairs, maximum))
    low, high = 0, maximum
    while high - low > 1:
        middle = (low + high) // 2
        if len(_packed(stairs, middle)) <= fewest:
            high = middle
        else:
            low = middle
    return _packed(stairs, high)


def _packed(stairs: "Ints", most: int) -> "list[Ints]":
    """Return groups that are filled one after the other; one staircase may exceed ``most``."""
    cuts, held = [], 0
    for k, number in enumerate(stairs.tolist()):
        if k and held + number > most:
            cuts.append(k)
            held = 0
        held += number
    return np.split(stairs, cuts)


def _sliced(
    ground: _Ground, cell: int, groups: "list[Ints]", footprint: "BaseGeometry | None"
) -> _Slices:
    graph, shape = ground.graph, ground.shape(cell)
    if shape is None:
        half = float(np.sqrt(max(graph.area_m2[cell], 1.0))) / 2
        x, y = float(graph.x_m[cell]), float(graph.y_m[cell])
        shape = shapely.box(x - half, y - half, x + half, y + half)
    stairs = tuple(len(group) for group in groups)
    households = np.array([group.sum() for group in groups], dtype=np.int64)
    cut = cut_across(shape, np.array(stairs, dtype=float), footprint)
    area = shapely.area(cut.parts())
    return _Slices(area / area.sum(), households, stairs, cut)


def _vertices(graph: CellGraph, cell: int) -> "Floats":
    if graph.vertex_indptr is None or graph.vertex_x_m is None or graph.vertex_y_m is None:
        return np.empty((0, 2))
    row = slice(graph.vertex_indptr[cell], graph.vertex_indptr[cell + 1])
    return np.column_stack((graph.vertex_x_m[row], graph.vertex_y_m[row]))


class _Edges:
    """Borders of the new graph, gathered in one direction."""

    def __init__(self) -> None:
        self.source: list[int] = []
        self.target: list[int] = []
        self.border_m: list[float] = []
        self.barrier_class: list[int] = []
        self.passable: list[bool] = []

    def add(self, pair: tuple[int, int], metres: float, barrier: int, *, passable: bool) -> None:
        """Add a border between two cells."""
        self.source.append(pair[0])
        self.target.append(pair[1])
        self.border_m.append(metres)
        self.barrier_class.append(barrier)
        self.passable.append(passable)


def _rebuilt(
    ground: _Ground, split: dict[int, _Slices], start: "Ints", origin: "Ints"
) -> CellGraph:
    """Return the graph in which the cells of ``split`` are their slices."""
    graph = ground.graph
    edges, along = _split_edges(ground, split, start)
    households = graph.households[origin]
    x_m, y_m = graph.x_m[origin], graph.y_m[origin]
    share, outer = np.ones(len(origin)), np.ones(len(origin))
    counts = {"residents": graph.residents, "balanced": graph.balanced}
    shared: dict[str, Any] = {
        name: None if count is None else count[origin] for name, count in counts.items()
    }
    parts = {}
    for cell, slices in split.items():
        rows = slice(start[cell], start[cell] + len(slices.share))
        parts[cell] = slices.cut.parts()
        middle = shapely.get_coordinates(shapely.centroid(parts[cell]))
        # Moved so that their mean by area stays where the cell's centroid is.
        middle += np.array([graph.x_m[cell], graph.y_m[cell]]) - slices.share @ middle
        x_m[rows], y_m[rows] = middle.T
        households[rows] = slices.households
        share[rows] = slices.share
        outer[rows] = _outer_share(slices, along[cell])
        for count in shared.values():
            if count is not None:
                count[rows] = _shared_out(int(count[start[cell]]), slices.households)
    return replace(
        graph,
        **_rows(graph, edges, start, len(origin)),
        households=households,
        area_m2=graph.area_m2[origin] * share,
        outer_border_m=graph.outer_border_m[origin] * outer,
        x_m=x_m,
        y_m=y_m,
        **_vertices_of_parts(graph, parts, origin),
        **shared,
        community=graph.community[origin],
        unit=None if graph.unit is None else graph.unit[origin],
        dedicated=None if graph.dedicated is None else graph.dedicated[origin],
    )


def _split_edges(
    ground: _Ground, split: dict[int, _Slices], start: "Ints"
) -> "tuple[_Edges, dict[int, Floats]]":
    """Return the borders of slices, and the metres of each slice that lie on other cells."""
    graph, edges = ground.graph, _Edges()
    along = {cell: np.zeros(len(slices.share)) for cell, slices in split.items()}
    for cell, slices in split.items():
        for k, metres in enumerate(slices.cut.lengths()):
            first = int(start[cell]) + k
            edges.add((first, first + 1), metres, 0, passable=True)
    source, open_edge = graph.source, graph.open_edge
    is_split = np.isin(np.arange(graph.size), list(split))
    touched = np.flatnonzero(
        (is_split[source] | is_split[graph.indices]) & (source < graph.indices)
    )
    for edge in touched.tolist():
        a, b = int(source[edge]), int(graph.indices[edge])
        barrier, passable = int(graph.barrier_class[edge]), bool(open_edge[edge])
        for (k, m), metres in _between(ground, edge, (a, b), split).items():
            edges.add((int(start[a]) + k, int(start[b]) + m), metres, barrier, passable=passable)
            for cell, slice_ in ((a, k), (b, m)):
                if cell in split:
                    along[cell][slice_] += metres
    return edges, along


def _between(
    ground: _Ground, edge: int, pair: tuple[int, int], split: dict[int, _Slices]
) -> dict[tuple[int, int], float]:
    """Return the metres of a border by slice on either side (0 where a cell is whole)."""
    segments = _segments(ground, pair, split)
    length = np.hypot(*(segments[:, 1] - segments[:, 0]).T)
    if not length.sum() > 0:
        length = np.ones(len(segments))
    sides = np.zeros((2, len(segments)), dtype=np.int64)
    for side, cell in enumerate(pair):
        if cell in split:
            segments, length, row, part = split[cell].cut.segments(segments, length)
            sides = sides[:, row]
            sides[side] = part
    metres: dict[tuple[int, int], float] = {}
    for k, m, part in zip(*sides.tolist(), length.tolist(), strict=True):
        metres[k, m] = metres.get((k, m), 0.0) + part
    least = min(LEAST_M, max(metres.values()))
    kept = {key: part for key, part in metres.items() if part >= least}
    total = sum(kept.values())
    return {key: float(ground.graph.border_m[edge]) * part / total for key, part in kept.items()}


def _segments(ground: _Ground, pair: tuple[int, int], split: dict[int, _Slices]) -> "Floats":
    """Return the straight pieces of the border of two cells, shape (pieces, 2 ends, 2).

    Where their rings share none, the middle of the cell that is not split, as a piece of no length.
    """
    shapes = [split[cell].cut.shape if cell in split else ground.shape(cell) for cell in pair]
    if shapes[0] is not None and shapes[1] is not None:
        shared = shapely.intersection(shapes[0].boundary, shapes[1].boundary)
        parts = shapely.get_parts(shared)
        lines = [shapely.get_coordinates(part) for part in parts if part.length > 0]
        if lines:
            return np.concatenate([np.stack((ends[:-1], ends[1:]), axis=1) for ends in lines])
    whole = next((cell for cell in pair if cell not in split), pair[1])
    point = np.array([ground.graph.x_m[whole], ground.graph.y_m[whole]])
    return np.array([[point, point]])


def _outer_share(slices: _Slices, along: "Floats") -> "Floats":
    """Return the share of each slice in the cell's border on nothing."""
    ring = shapely.get_coordinates(slices.cut.shape.boundary)
    segments = np.stack((ring[:-1], ring[1:]), axis=1)
    length = np.hypot(*(segments[:, 1] - segments[:, 0]).T)
    _, length, _, part = slices.cut.segments(segments, length)
    around = sums(part, length, len(slices.share))
    free = np.maximum(around - along, 0)
    free = free if free.sum() > LEAST_M else around
    return np.asarray(free / free.sum())


def _rows(graph: CellGraph, edges: _Edges, start: "Ints", size: int) -> "dict[str, Any]":
    """Return the new borders in compressed rows: those of slices, and those of whole cells."""
    source, target = graph.source, graph.indices
    whole = np.diff(start, append=size) == 1
    kept = whole[source] & whole[target]
    new = {
        "border_m": np.array(edges.border_m),
        "barrier_class": np.array(edges.barrier_class, dtype=np.int64),
        "passable": np.array(edges.passable, dtype=bool),
    }
    old = {
        "border_m": graph.border_m,
        "barrier_class": graph.barrier_class,
        "passable": graph.open_edge,
    }
    a = np.r_[start[source[kept]], edges.source, edges.target].astype(np.int64)
    b = np.r_[start[target[kept]], edges.target, edges.source].astype(np.int64)
    order = np.lexsort((b, a))
    columns: dict[str, Any] = {
        name: np.concatenate((old[name][kept], new[name], new[name]))[order] for name in new
    }
    if graph.passable is None:
        columns["passable"] = None
    columns["indptr"] = np.r_[0, np.cumsum(np.bincount(a, minlength=size))]
    return columns | {"indices": b[order]}


def _vertices_of_parts(
    graph: CellGraph, parts: "dict[int, list[BaseGeometry]]", origin: "Ints"
) -> "dict[str, Any]":
    """Return the vertices of every cell; those of a slice are of its polygon."""
    if graph.vertex_indptr is None:
        return {}
    rows: list[Floats] = []
    taken: dict[int, int] = {}
    for cell in origin.tolist():
        if cell in parts:
            rows.append(shapely.get_coordinates(parts[cell][taken.get(cell, 0)]))
            taken[cell] = taken.get(cell, 0) + 1
        else:
            rows.append(_vertices(graph, cell))
    points = np.concatenate(rows)
    return {
        "vertex_indptr": np.r_[0, np.cumsum([len(row) for row in rows])],
        "vertex_x_m": points[:, 0],
        "vertex_y_m": points[:, 1],
    }
