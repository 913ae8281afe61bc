"""Polygons out of a raster of labels: marching squares for more than two sides.

Along each side of a square the border between two labels is given as a share of that side. Two
border points of a square are joined; three or four meet in its middle. So the polygons share
their borders point for point: they tile the raster, without gap or overlap.
"""

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def differing_sides(labels: "Ints") -> "tuple[tuple[Ints, Ints], tuple[Ints, Ints]]":
    """Return rows and columns of the places whose eastern, and northern, neighbour differs."""
    row_e, column_e = np.nonzero(labels[:, 1:] != labels[:, :-1])
    row_n, column_n = np.nonzero(labels[1:] != labels[:-1])
    return (row_e, column_e), (row_n, column_n)


def label_polygons(
    x: "Floats", y: "Floats", labels: "Ints", east: "Floats", north: "Floats"
) -> "tuple[Ints, Geometries]":
    """Return the labels in order, and the polygons of each, which tile the raster.

    Parameters
    ----------
    x, y
        ``(c,)`` and ``(r,)``: places of the raster, ascending; at least two of each.
    labels
        ``(r, c)``.
    east, north
        Where the border lies between a place and its neighbour, as a share of the way above 0 and
        below 1, in the order of :func:`differing_sides`.
    """
    (row_e, column_e), (row_n, column_n) = differing_sides(labels)
    step_x, step_y = np.diff(x), np.diff(y)
    across = np.full((len(y), len(x) - 1, 2), np.nan)
    across[row_e, column_e] = np.column_stack([x[column_e] + east * step_x[column_e], y[row_e]])
    upward = np.full((len(y) - 1, len(x), 2), np.nan)
    upward[row_n, column_n] = np.column_stack([x[column_n], y[row_n] + north * step_y[row_n]])
    lines = [_in_squares(x, y, across, upward), _frame(x, y, across, upward)]
    faces = shapely.get_parts(shapely.polygonize(np.concatenate(lines)))
    of_face = _labels_of(faces, x, y, labels)
    names = np.unique(of_face)
    out = np.empty(len(names), dtype=object)
    for position, name in enumerate(names):
        out[position] = shapely.MultiPolygon(list(faces[of_face == name]))
    return names, out


def _in_squares(x: "Floats", y: "Floats", across: "Floats", upward: "Floats") -> "Geometries":
    """Return the borders inside the squares, as straight pieces."""
    sides = np.stack([across[:-1], upward[:, 1:], across[1:], upward[:, :-1]], axis=2)
    met = ~np.isnan(sides[..., 0])
    count = met.sum(axis=2)
    two = sides[count == 2][met[count == 2]].reshape(-1, 2, 2)
    many = count > 2
    middle = np.stack(np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2), axis=2)
    spokes = sides[many][met[many]]
    hubs = np.repeat(middle[many], count[many], axis=0)
    return _pieces(np.concatenate([two, np.stack([spokes, hubs], axis=1)]))


def _frame(x: "Floats", y: "Floats", across: "Floats", upward: "Floats") -> "Geometries":
    """Return the edge of the raster, in pieces between the borders that end on it."""
    corners = np.array([[x[0], y[0]], [x[-1], y[0]], [x[-1], y[-1]], [x[0], y[-1]]])
    sides = (across[0], upward[:, -1], across[-1][::-1], upward[::-1, 0])
    ring = np.concatenate(
        [
            part
            for corner, side in zip(corners, sides, strict=True)
            for part in (corner[None], side[~np.isnan(side[:, 0])])
        ]
    )
    return _pieces(np.stack([ring, np.roll(ring, -1, axis=0)], axis=1))


def _pieces(ends: "Floats") -> "Geometries":
    return np.asarray(shapely.linestrings(ends), dtype=object)


def _labels_of(faces: "Geometries", x: "Floats", y: "Floats", labels: "Ints") -> "Ints":
    """Return the label of each face: that of any place inside it."""
    near = np.zeros(labels.shape, dtype=bool)
    for (rows, columns), (down, right) in zip(
        differing_sides(labels), ((0, 1), (1, 0)), strict=True
    ):
        near[rows, columns] = near[rows + down, columns + right] = True
    near[0, 0] = True  # where all are alike there is no border
    rows, columns = np.nonzero(near)
    places = np.asarray(shapely.points(x[columns], y[rows]), dtype=object)
    face, place = shapely.STRtree(places).query(faces, predicate="intersects")
    out = np.empty(len(faces), dtype=np.int64)
    out[face] = labels[rows[place], columns[place]]
    return out
