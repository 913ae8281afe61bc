"""The graph that grids are drawn on: cells, their shared borders, and what runs along these."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.errors import InvalidInputError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_PER_CELL = ("households", "area_m2", "outer_border_m", "x_m", "y_m", "community")
_OPTIONAL_PER_CELL = ("unit", "residents", "dedicated", "balanced")
_NEVER_NEGATIVE = (
    "households",
    "area_m2",
    "outer_border_m",
    "border_m",
    "residents",
    "balanced",
)
_INTEGERS = (
    "indptr",
    "indices",
    "barrier_class",
    "households",
    "community",
    "unit",
    "residents",
    "dedicated",
    "balanced",
    "vertex_indptr",
)


def sums(index: Ints, weights: Any, count: int) -> Floats:  # noqa: ANN401 - array-like of numbers
    """Return the sum of ``weights`` for each ``index`` from 0 to ``count`` - 1."""
    return np.asarray(np.bincount(index, weights, count), dtype=float)


@dataclass(frozen=True, eq=False)
class CellGraph:
    """Cells as a symmetric graph in compressed rows; arrays are copied, checked and read-only.

    Parameters
    ----------
    indptr, indices
        Neighbours of cell ``i`` are ``indices[indptr[i]:indptr[i + 1]]``; each border is stored in
        both directions.
    border_m
        Length of the shared border per edge, metres.
    barrier_class
        Strongest thing along the border per edge: 0 same block, 1 street, 2 arterial, 3 river or
        railway.
    households
        Households per cell.
    area_m2
        Area per cell.
    outer_border_m
        Length of the cell's border on the edge of the graph, metres.
    x_m, y_m
        Centroid per cell in a projected CRS.
    community
        Community per cell; a grid never crosses from one to another.
    unit
        Quarter per cell, -1 for none: cells of one unit stay in one grid if they can.
    residents
        Residents per cell.
    passable
        Whether a person can cross the border, per edge; all true by default.
    vertex_indptr, vertex_x_m, vertex_y_m
        Vertices of each cell's polygon, in compressed rows; needed for Reock only.
    dedicated
        Dedicated area (market, campus …) per cell, -1 for none: such cells are fixed before
        drawing, form grids of their own and do not count in the measures.
    balanced
        What else is to be shared evenly between grids, per cell: elderly residents or staff, as
        whole numbers. It counts where :attr:`~gis.districting.options.Weights.balance` does.

    Raises
    ------
    gis.errors.InvalidInputError
        Naming the array that does not fit.
    """

    indptr: Ints
    indices: Ints
    border_m: Floats
    barrier_class: Ints
    households: Ints
    area_m2: Floats
    outer_border_m: Floats
    x_m: Floats
    y_m: Floats
    community: Ints
    unit: Ints | None = None
    residents: Ints | None = None
    passable: Bools | None = None
    vertex_indptr: Ints | None = None
    vertex_x_m: Floats | None = None
    vertex_y_m: Floats | None = None
    dedicated: Ints | None = None
    balanced: Ints | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, _frozen(field.name, value))
        self._check_lengths()
        self._check_values()
        self._check_symmetry()

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.households)

    @property
    def source(self) -> Ints:
        """First cell of each edge."""
        return np.repeat(np.arange(self.size), np.diff(self.indptr))

    @property
    def open_edge(self) -> Bools:
        """Whether each edge can be crossed on foot."""
        return np.ones(len(self.indices), dtype=bool) if self.passable is None else self.passable

    def _check_lengths(self) -> None:
        n, m = self.size, len(self.indices)
        expected = {"indptr": n + 1, "border_m": m, "barrier_class": m, "passable": m}
        expected |= dict.fromkeys((*_PER_CELL, *_OPTIONAL_PER_CELL), n)
        for name, length in expected.items():
            value = getattr(self, name)
            if value is not None and len(value) != length:
                _refuse(name, f"has {len(value)} values, expected {length}")
        if n and (self.indptr[0] != 0 or self.indptr[-1] != m or (np.diff(self.indptr) < 0).any()):
            _refuse("indptr", "is not a row pointer of indices")
        vertices = (self.vertex_indptr, self.vertex_x_m, self.vertex_y_m)
        if any(v is None for v in vertices) and any(v is not None for v in vertices):
            _refuse("vertex_indptr", "needs vertex_x_m and vertex_y_m, and they need it")

    def _check_values(self) -> None:
        for name in _NEVER_NEGATIVE:
            value = getattr(self, name)
            if value is not None and (value < 0).any():
                _refuse(name, f"is negative at position {int(np.flatnonzero(value < 0)[0])}")
        if len(self.indices) and (self.indices.min() < 0 or self.indices.max() >= self.size):
            _refuse("indices", "names a cell that does not exist")
        if len(self.indices) and not (
            self.barrier_class.min() >= 0 and self.barrier_class.max() <= 3
        ):
            _refuse("barrier_class", "is not one of 0, 1, 2, 3")
        if (self.indices == self.source).any():
            _refuse("indices", "joins a cell to itself")

    def _check_symmetry(self) -> None:
        if not len(self.indices):
            return
        there = self.source * self.size + self.indices
        back = self.indices * self.size + self.source
        order, reverse = np.argsort(there, kind="stable"), np.argsort(back, kind="stable")
        if not np.array_equal(there[order], back[reverse]):
            _refuse("indices", "has an edge without its opposite")
        if (np.diff(there[order]) == 0).any():
            _refuse("indices", "has an edge twice")
        for name in ("border_m", "barrier_class", "passable"):
            value = getattr(self, name)
            if value is not None and not np.allclose(value[order], value[reverse]):
                _refuse(name, "differs between the two directions of an edge")


def _frozen(name: str, value: Any) -> NDArray[Any]:  # noqa: ANN401 - whatever the caller passed
    kind: Any = float
    if name in _INTEGERS:
        kind = np.int64
    elif name == "passable":
        kind = bool
    array = np.array(value)
    if array.ndim != 1:
        _refuse(name, f"has {array.ndim} dimensions, expected 1")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        _refuse(name, "has a value that is not finite")
    if kind is np.int64 and array.dtype.kind == "f" and (array % 1 != 0).any():
        _refuse(name, "has a value that is not a whole number")
    out: NDArray[Any] = np.ascontiguousarray(array, dtype=kind)
    out.flags.writeable = False
    return out


def _refuse(name: str, what: str) -> None:
    msg = f"CellGraph: {name} {what}."
    raise InvalidInputError(msg, remedy="Build the graph with cell_graph().", field=name)
