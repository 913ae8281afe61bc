"""Measures of a plan: one implementation for engine, API, page and report."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gis.districting.graph import sums
from gis.districting.ground import ground_of, pieces_of_grids
from gis.districting.options import DrawOptions
from gis.districting.plan import PlanMeasures
from gis.errors import InvalidInputError
from gis.geometry.measures import polsby_popper, reock

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Floats, Ints


def evaluate(graph: "CellGraph", grid: Any, options: DrawOptions | None = None) -> PlanMeasures:  # noqa: ANN401 - array-like
    """Return the measures of a plan.

    Parameters
    ----------
    graph
        The cells.
    grid
        Id of the grid of each cell.
    options
        The band; the usual 300–400–500 by default.

    Raises
    ------
    gis.errors.InvalidInputError
        If ``grid`` does not fit the graph, a cell has no grid, or a grid crosses a community line.
    """
    options = options or DrawOptions()
    ids, label = _labels(graph, grid)
    count = len(ids)
    source, target = graph.source, graph.indices
    cut = label[source] != label[target]
    households = np.bincount(label, graph.households, count).astype(np.int64)
    residents = np.zeros(count, dtype=np.int64)
    if graph.residents is not None:
        residents = np.bincount(label, graph.residents, count).astype(np.int64)
    area = sums(label, graph.area_m2, count)
    perimeter = sums(label, graph.outer_border_m, count)
    perimeter += sums(label[source[cut]], graph.border_m[cut], count)
    strong = ~cut & (graph.barrier_class >= 2)
    inside = np.bincount(label[source[strong]], graph.border_m[strong], count) / 2
    # A grid may reach over every border that can be walked, and over those that joined its ground.
    joined = ground_of(graph, options.minimum).joined | (
        graph.open_edge & (graph.community[source] == graph.community[target])
    )
    dedicated = _dedicated(graph, label, count)
    basic = ~dedicated
    deviation = np.abs(households - options.target)[basic]
    in_range = (households >= options.minimum) & (households <= options.maximum)
    pieces = pieces_of_grids(graph, joined, label, count)
    compactness = polsby_popper(area, perimeter)
    circle = _reock(graph, label, area)
    by_class = np.bincount(graph.barrier_class[cut], graph.border_m[cut], 4) / 2
    return PlanMeasures(
        grid=ids,
        dedicated=dedicated,
        households=households,
        residents=residents,
        area_m2=area,
        perimeter_m=perimeter,
        polsby_popper=compactness,
        reock=circle,
        pieces=pieces,
        barrier_inside_m=inside,
        in_range=in_range,
        count=int(basic.sum()),
        share_in_range=float(in_range[basic].mean()) if basic.any() else 1.0,
        mean_deviation=float(deviation.mean()) if basic.any() else 0.0,
        max_deviation=int(deviation.max()) if basic.any() else 0,
        noncontiguous=int((pieces > 1).sum()),
        border_m=float(by_class.sum()),
        border_by_class_m=(*(float(v) for v in by_class),),  # type: ignore[arg-type]
        mean_polsby_popper=_mean(compactness[basic]),
        mean_reock=_mean(circle[basic]),
    )


def _mean(values: "Floats") -> float:
    return float(values.mean()) if len(values) else float("nan")


def _labels(graph: "CellGraph", grid: Any) -> "tuple[Ints, Ints]":  # noqa: ANN401 - array-like
    array = np.asarray(grid)
    if array.shape != (graph.size,) or array.dtype.kind not in "iu":
        msg = f"A plan has one whole number per cell; {graph.size} cells, got shape {array.shape}."
        raise InvalidInputError(msg, remedy="Pass Plan.grid.", field="grid")
    if (array < 0).any():
        cell = int(np.flatnonzero(array < 0)[0])
        msg = f"Cell {cell} has no grid."
        raise InvalidInputError(msg, remedy="Give every cell a grid.", field="grid", row=cell)
    ids, first, label = np.unique(array, return_index=True, return_inverse=True)
    crossing = graph.community[first][label] != graph.community
    if crossing.any():
        bad = int(array[np.flatnonzero(crossing)[0]])
        msg = f"Grid {bad} crosses a community line."
        raise InvalidInputError(msg, remedy="Split it at the line.", field="grid", value=bad)
    return ids.astype(np.int64), label.astype(np.int64)


def _dedicated(graph: "CellGraph", label: "Ints", count: int) -> "Bools":
    out = np.zeros(count, dtype=bool)
    if graph.dedicated is not None:
        out[label[graph.dedicated >= 0]] = True
    return out


def _reock(graph: "CellGraph", label: "Ints", area: "Floats") -> "Floats":
    if graph.vertex_indptr is None or graph.vertex_x_m is None or graph.vertex_y_m is None:
        return np.full(len(area), np.nan)
    import shapely

    owner = np.repeat(label, np.diff(graph.vertex_indptr))
    order = np.argsort(owner, kind="stable")
    points = np.column_stack((graph.vertex_x_m, graph.vertex_y_m))[order]
    clouds = shapely.multipoints(points, indices=owner[order])
    return reock(area, shapely.minimum_bounding_radius(clouds))
