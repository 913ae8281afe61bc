"""Which translation brings points home: by a polygon that should hold them, by others like them.

Everything is in metres of one projected system. Both searches are cross-correlations of rasters by
fast Fourier transforms, so that their time depends on the area and not on the number of pairs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import fft, ndimage, spatial

if TYPE_CHECKING:
    from shapely import Geometry

Metres = NDArray[np.float64]

#: Translations up to this length are searched, east and north.
REACH_M = 1_500.0
#: Cell of the raster of things, and the side of a tile of the new layer.
_CELL_M, _TILE_CELLS = 10.0, 500
#: At most this many tiles of the new layer are compared: those with most points.
_TILES = 9
#: A peak is as wide as footprints' points are apart between two sources; the ground about it.
_NARROW, _WIDE = 1.5, 15.0
#: Points are the same thing if they are this close, after the translation.
MATCH_M = 15.0
#: Cells of the raster of an outline along the longer side.
_MASK_CELLS, _MASK_FINEST_M = 600, 20.0


@dataclass(frozen=True, slots=True)
class Peak:
    """The translation that fits best to things known to be right.

    Parameters
    ----------
    east, north
        How far the points lie from where they belong, in metres.
    strength
        Height of the peak in standard deviations of the ground around it.
    at_home
        The same for no translation: the highest within 60 m of it.
    second
        The same for the best translation that is more than 60 m from the peak.
    matched, matched_as_is
        Share of the points near things known to be right that have one within 15 m: with the
        translation undone, and as they are.
    counted
        Number of points that the first share is of.
    """

    east: float
    north: float
    strength: float
    at_home: float
    second: float
    matched: float
    matched_as_is: float
    counted: int


def correlate_things(points: Metres, known: Metres, *, reach_m: float = REACH_M) -> Peak | None:
    """Return the translation by which points lie on known ones best; ``None``: none are near.

    Parameters
    ----------
    points
        Of the layer in question, shape (n, 2).
    known
        Of things that lie right, shape (m, 2).
    reach_m
        Longest translation, east and north.
    """
    reach = int(reach_m / _CELL_M)
    surface = _surface(points, known, reach)
    if surface is None:
        return None
    signal_to_noise = _sharpened(surface)
    row, column = np.unravel_index(int(signal_to_noise.argmax()), signal_to_noise.shape)
    rows, columns = np.indices(signal_to_noise.shape)
    far = np.hypot(rows - row, columns - column) * _CELL_M > 60.0
    near_home = np.hypot(rows - reach, columns - reach) * _CELL_M <= 60.0
    # The surface is over how points must be moved; the layer lies the other way.
    start = -np.array([column - reach, row - reach], dtype=float) * _CELL_M
    tree = spatial.KDTree(known)
    vector = _refined(points, tree, start)
    matched, counted = _matched(points - vector, tree)
    as_is, _ = _matched(points, tree)
    return Peak(
        east=float(vector[0]),
        north=float(vector[1]),
        strength=float(signal_to_noise[row, column]),
        at_home=float(signal_to_noise[near_home].max()),
        second=float(signal_to_noise[far].max()),
        matched=matched,
        matched_as_is=as_is,
        counted=counted,
    )


def _surface(points: Metres, known: Metres, reach: int) -> Metres | None:
    """Return how many known cells points fall on, by translation, shape (2r + 1, 2r + 1)."""
    low = np.minimum(points.min(axis=0), known.min(axis=0)) - 2 * REACH_M
    ours = np.unique(((points - low) // _CELL_M).astype(np.int64), axis=0)
    theirs = np.unique(((known - low) // _CELL_M).astype(np.int64), axis=0)
    tiles, owner, sizes = np.unique(
        ours // _TILE_CELLS, axis=0, return_inverse=True, return_counts=True
    )
    owner = owner.ravel()
    side = _TILE_CELLS + 2 * reach
    total: NDArray[np.complex128] | None = None
    for tile in np.argsort(-sizes, kind="stable")[:_TILES].tolist():
        corner = tiles[tile] * _TILE_CELLS
        around = theirs - (corner - reach)
        inside = ((around >= 0) & (around < side)).all(axis=1)
        if not inside.any():
            continue
        window = _raster(around[inside], side)
        product = _spectrum(window, _raster(ours[owner == tile] - corner, side))
        total = product if total is None else total + product
    return None if total is None else _places(total, (side, side), reach)


def _raster(cells: NDArray[np.int64], side: int) -> Metres:
    out = np.zeros((side, side))
    out[cells[:, 1], cells[:, 0]] = 1.0
    return out


def _spectrum(window: Metres, part: Metres) -> NDArray[np.complex128]:
    """Return the spectrum of their cross-correlation; both of one shape, the part in a corner."""
    found: NDArray[np.complex128] = fft.rfft2(window) * np.conj(fft.rfft2(part))
    return found


def _places(spectrum: NDArray[np.complex128], shape: tuple[int, int], reach: int) -> Metres:
    """Return the sums of products for the places at which the part lies within the window."""
    last = 2 * reach + 1
    return np.asarray(fft.irfft2(spectrum, s=shape)[:last, :last], dtype=float)


def _sharpened(surface: Metres) -> Metres:
    """Return peaks against the ground around them, in standard deviations of that ground."""
    narrow = ndimage.gaussian_filter(surface, _NARROW, mode="nearest")
    ground = ndimage.gaussian_filter(surface, _WIDE, mode="nearest")
    # Counts by chance are Poisson; a Gaussian of width s keeps 1 / (4 π s²) of their variance.
    chance = np.sqrt(np.maximum(ground, 0.05) / (4 * np.pi * _NARROW**2))
    difference = narrow - ground
    spread = 1.4826 * float(np.median(np.abs(difference - np.median(difference))))
    return np.asarray(difference / np.maximum(chance, spread), dtype=float)


def _refined(points: Metres, tree: spatial.KDTree, vector: Metres) -> Metres:
    """Return the vector moved by the median way from points to their nearest known one."""
    for radius in (2.5 * MATCH_M, MATCH_M, MATCH_M):
        distance, nearest = tree.query(points - vector, distance_upper_bound=radius)
        hit = np.isfinite(distance)
        if hit.sum() < 3:
            break
        vector = vector + np.median(points[hit] - vector - tree.data[nearest[hit]], axis=0)
    return vector


def _matched(points: Metres, tree: spatial.KDTree) -> tuple[float, int]:
    """Return the share of points among known ones that lie on one, and the number of those."""
    distance, _ = tree.query(points, distance_upper_bound=100.0)
    among = np.isfinite(distance)
    counted = int(among.sum())
    return (float((distance[among] <= MATCH_M).mean()) if counted else 0.0), counted


@dataclass(frozen=True, slots=True)
class Inside:
    """How many points a polygon holds, by translation.

    Parameters
    ----------
    best
        Largest share of the points inside, over all translations up to the reach.
    east, north
        Middle of the translations of the layer that explain that share within 1 % (or one point),
        in metres.
    spread_m
        How far these translations are apart: what the outline leaves open.
    shortest_m
        Length of the shortest of them.
    """

    best: float
    east: float
    north: float
    spread_m: float
    shortest_m: float


def correlate_outline(points: Metres, outline: "Geometry") -> Inside | None:
    """Return which translations put most points inside an outline; ``None``: none does.

    Parameters
    ----------
    points
        Of the layer in question, shape (n, 2).
    outline
        Polygon in the same projected system; prepared by this call.
    """
    west, south, east, north = shapely.bounds(outline)
    low, high = np.array([west, south]) - REACH_M, np.array([east, north]) + REACH_M
    near = points[((points >= low) & (points <= high)).all(axis=1)]
    if not len(near):
        return None
    extent = float((high - low).max()) + 2 * REACH_M
    cell = max(_MASK_FINEST_M, extent / _MASK_CELLS)
    reach = int(np.ceil(REACH_M / cell))
    # Points in cells of a grid that reaches once further than any translation moves them.
    at = ((near - low) // cell).astype(np.int64)
    across = ((high - low) // cell).astype(np.int64) + 1
    counts = np.zeros((across[1], across[0]))
    np.add.at(counts, (at[:, 1], at[:, 0]), 1.0)
    x = low[0] + (np.arange(-reach, across[0] + reach) + 0.5) * cell
    y = low[1] + (np.arange(-reach, across[1] + reach) + 0.5) * cell
    shapely.prepare(outline)
    mask = shapely.contains_xy(outline, x[None, :], y[:, None]).astype(float)
    part = np.zeros_like(mask)
    part[: counts.shape[0], : counts.shape[1]] = counts
    share = _places(_spectrum(mask, part), mask.shape, reach) / len(points)
    rows, columns = np.nonzero(share >= share.max() - max(0.01, 1 / len(points)))
    moved = -np.column_stack([columns - reach, rows - reach]) * cell
    middle = moved.mean(axis=0)
    away = np.hypot(*moved.T)
    return Inside(
        best=float(share.max()),
        east=float(middle[0]),
        north=float(middle[1]),
        spread_m=float(np.hypot(*(moved.max(axis=0) - moved.min(axis=0)))),
        shortest_m=float(away.min()),
    )
