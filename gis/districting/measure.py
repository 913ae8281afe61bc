"""Measures of a plan: one implementation for engine, API, page and report."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gis.districting.options import DrawOptions
from gis.districting.plan import PlanMeasures
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from gis.districting.graph import Bools, CellGraph, Ints
    from gis.districting.measuring import Band, Cells, Places, Rows, Summary


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
    from gis.districting.measuring import measure_all

    options = options or DrawOptions()
    ids, label = labels_of(graph, grid)
    rows = rows_of(len(ids))
    places = places_of(label, label, len(ids))
    summary = measure_all(cells_of(graph, options.minimum), rows, places, band_of(options))
    return measures_of(ids, rows, summary)


def labels_of(graph: "CellGraph", grid: Any) -> "tuple[Ints, Ints]":  # noqa: ANN401 - array-like
    """Return the ids of the grids of a plan, ascending, and the position of each cell's in them.

    Raises
    ------
    gis.errors.InvalidInputError
        As :func:`evaluate` says.
    """
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


def band_of(options: DrawOptions) -> "Band":
    """Return the band of a drawing as compiled code takes it."""
    return options.minimum, options.target, options.maximum


def cells_of(graph: "CellGraph", minimum: int) -> "Cells":
    """Return a graph as compiled code takes it; what the graph has not is 0 or empty.

    Parameters
    ----------
    graph
        The cells.
    minimum
        Smallest number of households of a grid: ground with fewer is joined over walls.
    """
    from gis.districting.measuring import Cells

    n = graph.size
    return Cells(
        indptr=graph.indptr,
        indices=graph.indices,
        border_m=graph.border_m,
        barrier_class=graph.barrier_class,
        joined=_joined(graph, minimum),
        households=graph.households,
        residents=_or_zeros(graph.residents, n, np.int64),
        dedicated=np.zeros(n, bool) if graph.dedicated is None else graph.dedicated >= 0,
        area_m2=graph.area_m2,
        outer_border_m=graph.outer_border_m,
        vertex_indptr=_or_zeros(graph.vertex_indptr, n + 1, np.int64),
        vertex_x_m=_or_zeros(graph.vertex_x_m, 0, np.float64),
        vertex_y_m=_or_zeros(graph.vertex_y_m, 0, np.float64),
    )


def places_of(label: "Ints", pool: "Ints", count: int) -> "Places":
    """Return where cells are: the row of each, and which of ``count`` pools it is in."""
    from gis.districting.measuring import Places

    return Places(
        label=label,
        pool=pool,
        start=np.concatenate(([0], np.cumsum(np.bincount(pool, minlength=count)))),
        order=np.argsort(pool, kind="stable"),
        scratch=np.empty((2, len(label)), dtype=np.int64),
    )


def rows_of(count: int) -> "Rows":
    """Return a table of ``count`` grids, all zero."""
    from gis.districting.measuring import Rows

    ints, floats = np.zeros((4, count), dtype=np.int64), np.zeros((5, count))
    dedicated, in_range = np.zeros((2, count), dtype=bool)
    return Rows(
        cells=ints[0],
        dedicated=dedicated,
        households=ints[1],
        residents=ints[2],
        area_m2=floats[0],
        perimeter_m=floats[1],
        polsby_popper=floats[2],
        reock=floats[3],
        pieces=ints[3],
        barrier_inside_m=floats[4],
        in_range=in_range,
        border_m=np.zeros((count, 4)),
    )


def measures_of(ids: "Ints", rows: "Rows", summary: "Summary") -> PlanMeasures:
    """Return the measures of a plan; its arrays are copies."""
    count, share, mean, largest, noncontiguous, border, polsby_popper, reock, _ = summary
    return PlanMeasures(
        grid=ids.copy(),
        dedicated=rows.dedicated.copy(),
        households=rows.households.copy(),
        residents=rows.residents.copy(),
        area_m2=rows.area_m2.copy(),
        perimeter_m=rows.perimeter_m.copy(),
        polsby_popper=rows.polsby_popper.copy(),
        reock=rows.reock.copy(),
        pieces=rows.pieces.copy(),
        barrier_inside_m=rows.barrier_inside_m.copy(),
        in_range=rows.in_range.copy(),
        count=count,
        share_in_range=share,
        mean_deviation=mean,
        max_deviation=largest,
        noncontiguous=noncontiguous,
        border_m=sum(border),
        border_by_class_m=border,
        mean_polsby_popper=polsby_popper,
        mean_reock=reock,
    )


def _joined(graph: "CellGraph", minimum: int) -> "Bools":
    """Return the edges that hold a grid together: those that can be walked or joined its ground."""
    if graph.passable is None or graph.passable.all():
        return np.ones(len(graph.indices), dtype=bool)
    from gis.districting.ground import ground_of

    return ground_of(graph, minimum).joined | graph.passable


def _or_zeros(values: Any, size: int, kind: Any) -> Any:  # noqa: ANN401 - any array
    """Return an array of the graph, or zeros that are read-only as it is: the same to compile."""
    if values is not None:
        return values
    zeros = np.zeros(size, dtype=kind)
    zeros.flags.writeable = False
    return zeros
