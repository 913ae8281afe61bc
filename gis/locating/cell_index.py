"""A raster over polygons that answers most points by one look-up, and keeps the exact rest small.

Cells far from every border belong wholly to one polygon (or to none). A cell near a border keeps
the border segments and the candidate polygons around it, for an exact test.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries


#: Raster size is bounded; over a wide and empty area cells grow instead.
_MAX_CELLS = 4_000_000
#: Samples stand half a cell apart: any border point is this near to one, in cells, with a reserve.
_SAMPLE_ERROR = 0.26
OUTSIDE = -1
CROSSED = -2


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of different length in one array: list ``k`` is ``values[starts[k]:starts[k + 1]]``."""

    starts: "NDArray[np.int64]"
    values: "NDArray[np.int64]"

    @classmethod
    def of_pairs(
        cls, keys: "NDArray[np.integer]", values: "NDArray[np.int64]", count: int
    ) -> "Ragged":
        """Group distinct ``(key, value)`` pairs by key, values in order; keys are 0 … count - 1."""
        if len(keys) == 0:
            return cls(np.zeros(count + 1, dtype=np.int64), np.empty(0, dtype=np.int64))
        width = int(values.max()) + 1
        pairs = _distinct(keys.astype(np.int64) * width + values)
        starts = np.searchsorted(pairs // width, np.arange(count + 1))
        return cls(starts.astype(np.int64), pairs % width)

    def expand(self, keys: "NDArray[np.integer]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return the lists ``keys`` one after the other: position in ``keys``, and value."""
        lengths = self.starts[keys + 1] - self.starts[keys]
        rows = np.repeat(np.arange(len(keys)), lengths)
        before = np.cumsum(lengths) - lengths
        inside = np.arange(len(rows)) - before[rows]
        return rows, self.values[self.starts[keys][rows] + inside]


@dataclass(frozen=True, slots=True)
class Segments:
    """Every border segment: its ends in metres, ``(n, 4)``, and the polygon it bounds."""

    ends: "NDArray[np.float64]"
    polygon: "NDArray[np.int64]"

    @classmethod
    def of(cls, polygons: "Geometries") -> "Segments":
        """Return the segments of all rings of ``polygons``."""
        parts, owner = shapely.get_parts(polygons, return_index=True)
        rings, ring_part = shapely.get_rings(parts, return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        joined = ring[1:] == ring[:-1]
        ends = np.column_stack([points[:-1][joined], points[1:][joined]])
        return cls(ends, owner[ring_part[ring[:-1][joined]]].astype(np.int64))


@dataclass(frozen=True, slots=True)
class CellIndex:
    """The compiled raster.

    Parameters
    ----------
    origin
        South-west corner in metres.
    size_m
        Side of a cell.
    answers
        ``(rows, columns)``: the first polygon that holds the cell, ``OUTSIDE``, or ``CROSSED``
        where a border may pass through the cell.
    border_rows
        ``(rows, columns)``: row in ``segments`` and ``candidates``, -1 far from every border.
    segments
        The border segments within the margin of any point of the cell, at least.
    candidates
        Of crossed cells: every polygon that holds one of its points, at least.
    """

    origin: tuple[float, float]
    size_m: float
    answers: "NDArray[np.int32]"
    border_rows: "NDArray[np.int32]"
    segments: Ragged
    candidates: Ragged

    @classmethod
    def compile(
        cls,
        polygons: "Geometries",
        tree: shapely.STRtree,
        segments: Segments,
        margin_m: float,
    ) -> "CellIndex":
        """Compile the raster of ``polygons`` (metres) for borders within ``margin_m``."""
        west, south, east, north = shapely.total_bounds(polygons)
        size = max(margin_m / 0.7, ((east - west) * (north - south) / _MAX_CELLS) ** 0.5)
        reach = int(np.ceil(margin_m / size + _SAMPLE_ERROR))
        raster = _Raster(
            (west - (reach + 1) * size, south - (reach + 1) * size),
            size,
            int((north - south) / size) + 2 * reach + 4,
            int((east - west) / size) + 2 * reach + 4,
        )
        samples, ids = _samples(segments, size)
        crossed = raster.touched(samples)
        answers = _answers(tree, raster, crossed)
        cells, ids = _cells_near(raster, samples, ids, reach, len(segments.polygon))
        near = _distinct(cells)
        border_rows = np.full(raster.rows * raster.columns, -1, dtype=np.int32)
        border_rows[near] = np.arange(len(near))
        return cls(
            raster.origin,
            size,
            answers.reshape(raster.rows, raster.columns),
            border_rows.reshape(raster.rows, raster.columns),
            Ragged.of_pairs(border_rows[cells], ids, len(near)),
            _candidates(tree, raster, crossed, (cells, segments.polygon[ids]), border_rows),
        )

    def look_up(
        self, x_m: "NDArray[np.float64]", y_m: "NDArray[np.float64]"
    ) -> "tuple[NDArray[np.int32], NDArray[np.int32]]":
        """Return the answer and the border row of each point's cell."""
        rows, columns = self.answers.shape
        # Clipping first keeps far points from overflowing; the rim of the raster is outside.
        column = np.clip((x_m - self.origin[0]) / self.size_m, 0, columns - 1).astype(np.int64)
        row = np.clip((y_m - self.origin[1]) / self.size_m, 0, rows - 1).astype(np.int64)
        cell = row * columns + column
        return self.answers.ravel()[cell], self.border_rows.ravel()[cell]


@dataclass(frozen=True, slots=True)
class _Raster:
    """Cells numbered row by row from the south-west."""

    origin: tuple[float, float]
    size: float
    rows: int
    columns: int

    def cells(self, points: "NDArray[np.float64]") -> "NDArray[np.int64]":
        column, row = ((points - self.origin) / self.size).astype(np.int64).T
        return np.asarray(row * self.columns + column)

    def centres(self, cells: "NDArray[np.int64]") -> Any:  # noqa: ANN401 - an array of points
        row, column = np.divmod(cells, self.columns)
        return shapely.points(
            self.origin[0] + (column + 0.5) * self.size, self.origin[1] + (row + 0.5) * self.size
        )

    def touched(self, samples: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """Return the cells that a border with these samples may pass through."""
        shift = _SAMPLE_ERROR * self.size
        corners = [
            self.cells(samples + np.array([shift * east, shift * north]))
            for east in (-1, 1)
            for north in (-1, 1)
        ]
        return _distinct(np.concatenate(corners))


def _distinct(values: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return sorted distinct values; numpy's hashing ``unique`` is ten times slower on these."""
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def _samples(segments: Segments, size: float) -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
    """Return points along the segments, half a cell apart at most, and their segments."""
    deltas = segments.ends[:, 2:] - segments.ends[:, :2]
    steps = np.maximum(np.ceil(np.hypot(deltas[:, 0], deltas[:, 1]) / (size / 2)), 1).astype(int)
    ids = np.repeat(np.arange(len(steps)), steps + 1)
    step = np.arange(len(ids)) - np.repeat(np.cumsum(steps + 1) - (steps + 1), steps + 1)
    return segments.ends[ids, :2] + deltas[ids] * (step / steps[ids])[:, None], ids


def _cells_near(
    raster: _Raster,
    samples: "NDArray[np.float64]",
    ids: "NDArray[np.int64]",
    reach: int,
    count: int,
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return distinct (cell, segment) pairs; the cells hold all points within the margin."""
    pairs = _distinct(raster.cells(samples) * count + ids)
    around = np.arange(-reach, reach + 1)
    offsets = (around[:, None] * raster.columns + around[None, :]).ravel() * count
    cells, near = np.divmod(_distinct((pairs[:, None] + offsets).ravel()), count)
    return cells, near


def _answers(
    tree: shapely.STRtree, raster: _Raster, crossed: "NDArray[np.int64]"
) -> "NDArray[np.int32]":
    """Give each cell without a border its polygon: one exact test per connected patch."""
    from scipy import ndimage

    is_open = np.ones(raster.rows * raster.columns, dtype=np.bool_)
    is_open[crossed] = False
    patches, count = ndimage.label(is_open.reshape(raster.rows, raster.columns))
    patches = patches.ravel()
    first = np.zeros(count + 1, dtype=np.int64)
    first[patches[::-1]] = np.arange(len(patches))[::-1]
    patch, polygon = tree.query(raster.centres(first[1:]), predicate="intersects")
    holder = np.full(count + 1, len(tree), dtype=np.int32)
    np.minimum.at(holder, patch + 1, polygon.astype(np.int32))
    holder[holder == len(tree)] = OUTSIDE
    holder[0] = CROSSED
    return np.asarray(holder[patches])


def _candidates(
    tree: shapely.STRtree,
    raster: _Raster,
    crossed: "NDArray[np.int64]",
    bounding: "tuple[NDArray[np.int64], NDArray[np.int64]]",
    border_rows: "NDArray[np.int32]",
) -> Ragged:
    """Polygons with a border near a crossed cell, or, where polygons overlap, that hold it."""
    is_crossed = np.zeros(len(border_rows), dtype=np.bool_)
    is_crossed[crossed] = True
    mine = is_crossed[bounding[0]]
    cell, polygon = tree.query(raster.centres(crossed), predicate="intersects")
    cells = np.concatenate([bounding[0][mine], crossed[cell]])
    polygons = np.concatenate([bounding[1][mine], polygon])
    return Ragged.of_pairs(border_rows[cells], polygons, int(border_rows.max()) + 1)
