"""Telling a plan: why each grid ended as it did."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from gis.districting.articulation import cut_nodes
from gis.districting.graph import sums
from gis.districting.ground import components
from gis.districting.infeasible import grounds_of
from gis.districting.plan import LIMITS, GridTrace, HeldUnit, Limit, Reason

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Floats, Ints
    from gis.districting.options import DrawOptions
    from gis.districting.plan import PlanMeasures

#: Largest units that are told of each grid.
_TOLD_UNITS = 3
#: What bars a move that would bring a grid nearer to the target, in order of telling.
_BARS: tuple[Limit, ...] = (
    "contiguity",
    "barrier",
    "shape",
    "possible_moves",
    "locked",
    "community_line",
)
_CONTIGUITY, _BARRIER, _SHAPE, _POSSIBLE, _LOCKED, _LINE = range(6)


@dataclass(frozen=True, eq=False)
class Tracing:
    """What a drawing knew of its cells and borders.

    Parameters
    ----------
    node
        Per cell its node, as :func:`gis.districting.nodes.nodes_of` numbers them.
    joined
        Per edge: whether a grid may extend over it.
    frozen
        Per cell: it must stay in its current grid.
    fixed
        Per cell: nothing was drawn here, since its whole grid is locked.
    """

    node: "Ints"
    joined: "Bools"
    frozen: "Bools"
    fixed: "Bools"


def traces_of(
    graph: "CellGraph",
    options: "DrawOptions",
    grid: "Ints",
    measures: "PlanMeasures",
    tracing: Tracing,
) -> tuple[GridTrace, ...]:
    """Return why each grid ended as it did, in order of grid.

    Parameters
    ----------
    graph, options
        What was drawn on, and what was asked for.
    grid
        Id of the grid of each cell.
    measures
        Measures of this plan, by :func:`gis.districting.measure.evaluate`.
    tracing
        Nodes, joined borders and locks of the drawing.

    Notes
    -----
    A grid's binding limits are found by trying every move of one unit over every border of the
    plan: those that would bring a grid nearer to the target, at a smaller loss next door, are
    counted by what bars them.
    """
    drawn = _Drawn(graph, options, grid, measures, tracing)
    barred = _barred(drawn)
    cut = drawn.label[graph.source] != drawn.label[graph.indices]
    key = drawn.label[graph.source[cut]] * 4 + graph.barrier_class[cut]
    by_class = sums(key, graph.border_m[cut], drawn.count * 4).reshape(-1, 4)
    line = _line(drawn)
    mean = _means(drawn)
    largest = _largest(drawn)
    first = np.unique(drawn.label, return_index=True)[1]
    near = _has_neighbour(drawn)
    out = []
    for i, cell in enumerate(first.tolist()):
        fixed: Literal["", "dedicated", "locked"] = ""
        if measures.dedicated[i]:
            fixed = "dedicated"
        elif tracing.fixed[cell]:
            fixed = "locked"
        metres = (*(float(v) for v in by_class[i]),)
        border = sum(metres)
        told = _Told(
            households=int(measures.households[i]),
            target=options.target,
            units=int(drawn.units[i]),
            alone=not near[i],
            mean=mean[i],
            barred=barred[i],
            largest=largest[i],
            metres=(round(metres[2]), round(metres[3]), round(float(line[i]))),
        )
        out.append(
            GridTrace(
                grid=int(measures.grid[i]),
                community=int(graph.community[cell]),
                households=told.households,
                deviation=told.households - options.target,
                fixed=fixed,
                reasons=() if fixed else told.reasons(),
                border_by_class_m=metres,  # type: ignore[arg-type]
                units=told.units,
                line_m=float(line[i]),
                street_share=1 - metres[0] / border if border > 0 else None,
                largest=largest[i],
            )
        )
    return tuple(out)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A plan with its nodes and their borders."""

    graph: "CellGraph"
    options: "DrawOptions"
    grid: "Ints"
    measures: "PlanMeasures"
    tracing: Tracing

    @cached_property
    def label(self) -> "Ints":
        """Position of each cell's grid in the measures."""
        return np.searchsorted(self.measures.grid, self.grid).astype(np.int64)

    @property
    def count(self) -> int:
        """Number of grids."""
        return len(self.measures.grid)

    @cached_property
    def node(self) -> "Ints":
        """Node of each cell; a unit that an edit tore is one node for each of its pieces."""
        source, target = self.graph.source, self.graph.indices
        key = self.tracing.node * self.count + self.label
        same = self.tracing.joined & (key[source] == key[target])
        return components(self.graph.size, source[same], target[same])[1]

    @cached_property
    def first(self) -> "Ints":
        """First cell of each node."""
        return np.unique(self.node, return_index=True)[1].astype(np.int64)

    @cached_property
    def home(self) -> "Ints":
        """Grid of each node."""
        return self.label[self.first]

    @cached_property
    def households(self) -> "Ints":
        """Households of each node."""
        return np.bincount(self.node, self.graph.households).astype(np.int64)

    @cached_property
    def frozen(self) -> "Bools":
        """Whether a node must stay."""
        out = np.zeros(len(self.first), dtype=bool)
        out[self.node[self.tracing.frozen]] = True
        return out

    @cached_property
    def units(self) -> "Ints":
        """Number of nodes of each grid."""
        return np.bincount(self.home, minlength=self.count).astype(np.int64)

    @cached_property
    def still(self) -> "Bools":
        """Grids over which nothing was drawn."""
        out = self.measures.dedicated.copy()
        out[self.label[self.tracing.fixed]] = True
        return out

    @cached_property
    def off(self) -> "Ints":
        """Signed distance of each grid from the target."""
        return self.measures.households - self.options.target


@dataclass(frozen=True, slots=True)
class _Told:
    """The figures of one grid, from which its reasons follow."""

    households: int
    target: int
    units: int
    alone: bool
    mean: tuple[int, int]
    barred: "dict[Limit, int]"
    largest: tuple[HeldUnit, ...]
    metres: tuple[int, int, int]

    def reasons(self) -> tuple[Reason, ...]:
        """Return what keeps the grid from the target."""
        if self.alone:
            return (self._reason("whole_ground"),)
        if self.households == self.target:
            return ()
        if self.units == 1:
            return (self._reason("single_unit"),)
        wanted: list[Limit] = []
        if self._is_average():
            wanted.append("average")
        if self.largest and 2 * self.largest[0].households > self.households:
            wanted.append("large_unit")
        inside = [bar for bar in _BARS[:_LINE] if bar in self.barred]
        wanted += inside or ["size_of_units"]
        # What lies beyond the line matters only where nothing inside the community would help.
        if not inside and "community_line" in self.barred:
            wanted.append("community_line")
        return tuple(self._reason(limit) for limit in wanted)

    def _is_average(self) -> bool:
        """Whether the mean grid of this ground is as far from the target, to a household."""
        total, count = self.mean
        off, mean_off = self.households - self.target, total - self.target * count
        return off * mean_off > 0 and (abs(off) - 1) * count < abs(mean_off)

    def _reason(self, limit: "Limit") -> Reason:
        message = LIMITS[limit]
        if limit == "large_unit" and self.largest[0].unit is None:
            message = LIMITS["large_building"]
        values: dict[str, int | float] = {}
        if limit in ("single_unit", "large_unit"):
            values = {"households": self.largest[0].households if self.largest else 0}
        elif limit == "average":
            total, count = self.mean
            values = {"total": total, "count": count, "mean": round(total / count, 1)}
            values["target"] = self.target
        elif limit in self.barred:
            values = {"count": self.barred[limit], "target": self.target}
            values |= self._metres(limit)
        elif limit == "size_of_units":
            values = {"target": self.target}
        return Reason(message, values, limit)

    def _metres(self, limit: "Limit") -> dict[str, int]:
        if limit == "barrier":
            return {"arterial_m": self.metres[0], "water_m": self.metres[1]}
        return {"line_m": self.metres[2]} if limit == "community_line" else {}


def _barred(drawn: _Drawn) -> "list[dict[Limit, int]]":
    """Return per grid how many moves would bring it nearer to the target, by what bars them."""
    graph, off = drawn.graph, drawn.off
    source, target = graph.source, graph.indices
    edges = np.flatnonzero(drawn.label[source] != drawn.label[target])
    moved, into = drawn.node[source[edges]], drawn.label[target[edges]]
    came = drawn.home[moved]
    people = drawn.households[moved]
    nearer_came = np.abs(off[came] - people) < np.abs(off[came])
    nearer_into = np.abs(off[into] + people) < np.abs(off[into])
    gain = np.abs(off[came]) + np.abs(off[into])
    gain -= np.abs(off[came] - people) + np.abs(off[into] + people)
    dedicated = drawn.measures.dedicated
    tried = (gain > 0) & (drawn.units[came] > 1) & ~dedicated[came] & ~dedicated[into]
    edges, moved, into, came, nearer_came, nearer_into = (
        values[tried] for values in (edges, moved, into, came, nearer_came, nearer_into)
    )
    bar = _bars(drawn, edges, moved, into)
    # A move over several borders is barred by the least of what bars it over each.
    order = np.lexsort((bar, into, moved))
    pair = moved[order] * drawn.count + into[order]
    chosen = order[np.flatnonzero(np.diff(pair, prepend=-1))]
    counts = np.zeros((drawn.count, len(_BARS)), dtype=np.int64)
    for nearer, which in ((nearer_came, came), (nearer_into, into)):
        use = chosen[nearer[chosen]]
        np.add.at(counts, (which[use], bar[use]), 1)
    return [{_BARS[k]: number for k, number in enumerate(row) if number} for row in counts.tolist()]


def _bars(drawn: _Drawn, edges: "Ints", moved: "Ints", into: "Ints") -> "Ints":
    """Return what bars each move over an edge."""
    graph = drawn.graph
    source, target = graph.source[edges], graph.indices[edges]
    joined = drawn.tracing.joined[edges]
    bar = np.where(_spoils_shape(drawn, moved, into), _SHAPE, _POSSIBLE)
    bar[~joined | (graph.barrier_class[edges] >= 2)] = _BARRIER
    bar[joined & _cut(drawn)[moved]] = _CONTIGUITY
    still = drawn.still
    bar[drawn.frozen[moved] | still[drawn.home[moved]] | still[into]] = _LOCKED
    bar[graph.community[source] != graph.community[target]] = _LINE
    return bar


def _cut(drawn: _Drawn) -> "Bools":
    """Return the nodes without which their grid would fall apart."""
    graph = drawn.graph
    a, b = drawn.node[graph.source], drawn.node[graph.indices]
    inside = drawn.tracing.joined & (a != b) & (drawn.home[a] == drawn.home[b])
    size = len(drawn.first)
    key = np.unique(a[inside] * size + b[inside])
    indptr = np.r_[0, np.cumsum(np.bincount(key // size, minlength=size))].astype(np.int64)
    return cut_nodes(indptr, key % size)


def _spoils_shape(drawn: _Drawn, moved: "Ints", into: "Ints") -> "Bools":
    """Return which moves would lengthen the border of two grids or make them less compact."""
    graph = drawn.graph
    nodes, grids = len(drawn.first), drawn.count
    a, b = drawn.node[graph.source], drawn.node[graph.indices]
    apart = a != b
    around = sums(drawn.node, graph.outer_border_m, nodes) + sums(
        a[apart], graph.border_m[apart], nodes
    )
    key, inverse = np.unique(a[apart] * grids + drawn.home[b[apart]], return_inverse=True)
    length = np.append(sums(inverse, graph.border_m[apart], len(key)), 0.0)

    def shared(grid: "Ints") -> "Floats":
        wanted = moved * grids + grid
        place = np.searchsorted(key, wanted)
        found = np.append(key, -1)[place] == wanted
        return length[np.where(found, place, len(key))]

    came = drawn.home[moved]
    own, other = shared(came), shared(into)
    area = sums(drawn.node, graph.area_m2, nodes)[moved]
    areas, perimeters = drawn.measures.area_m2, drawn.measures.perimeter_m
    before = _roundness(areas[came], perimeters[came]) + _roundness(areas[into], perimeters[into])
    after = _roundness(areas[came] - area, perimeters[came] - around[moved] + 2 * own)
    after += _roundness(areas[into] + area, perimeters[into] + around[moved] - 2 * other)
    spoilt: Bools = (own > other) | (after < before)
    return spoilt


def _roundness(area: "Floats", perimeter: "Floats") -> "Floats":
    """Return area over perimeter², of which Polsby and Popper's measure is a multiple."""
    out = np.zeros(len(area))
    np.divide(area, perimeter**2, out=out, where=perimeter > 0)
    return out


def _has_neighbour(drawn: _Drawn) -> "Bools":
    """Return the grids that can be extended over some border."""
    graph = drawn.graph
    source, target = drawn.label[graph.source], drawn.label[graph.indices]
    out = np.zeros(drawn.count, dtype=bool)
    same = graph.community[graph.source] == graph.community[graph.indices]
    still = drawn.still[source] != drawn.still[target]
    dedicated = drawn.measures.dedicated
    reach = drawn.tracing.joined | (same & still & ~dedicated[source] & ~dedicated[target])
    out[source[reach & (source != target)]] = True
    return out


def _line(drawn: _Drawn) -> "Floats":
    """Return metres of each grid's border on other communities or the edge of the graph."""
    graph = drawn.graph
    source, target = graph.source, graph.indices
    beyond = graph.community[source] != graph.community[target]
    line = sums(drawn.label, graph.outer_border_m, drawn.count)
    return line + sums(drawn.label[source[beyond]], graph.border_m[beyond], drawn.count)


def _means(drawn: _Drawn) -> list[tuple[int, int]]:
    """Return for each grid the households and the number of grids of the ground it lies on."""
    ground = grounds_of(drawn.graph, drawn.tracing.joined, drawn.grid, drawn.measures)
    count = int(ground.max(initial=-1)) + 1
    total = np.bincount(ground, drawn.measures.households, count).astype(np.int64)
    grids = np.bincount(ground, minlength=count)
    return list(zip(total[ground].tolist(), grids[ground].tolist(), strict=True))


def _largest(drawn: _Drawn) -> list[tuple[HeldUnit, ...]]:
    """Return the inhabited units of each grid with most households."""
    lived = np.flatnonzero(drawn.households > 0)
    order = lived[np.lexsort((drawn.first[lived], -drawn.households[lived], drawn.home[lived]))]
    home = drawn.home[order]
    start = np.searchsorted(home, np.arange(drawn.count))
    rank = np.arange(len(order)) - start[home]
    out: list[list[HeldUnit]] = [[] for _ in range(drawn.count)]
    cell = drawn.first[order]
    unit = np.full(len(order), -1) if drawn.graph.unit is None else drawn.graph.unit[cell]
    told = rank < _TOLD_UNITS
    rows = (home[told], unit[told], drawn.households[order][told], cell[told])
    for where, which, people, first in zip(*(row.tolist() for row in rows), strict=True):
        out[where].append(HeldUnit(None if which < 0 else which, people, first))
    return [tuple(units) for units in out]
