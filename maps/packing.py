"""Geometry packed for the browser: delta-coded integers in variable-length bytes, as base64.

A GeoJSON of 22,000 buildings is several megabytes and takes the browser seconds to draw as vector
features; packed it is about a tenth and is drawn on one canvas. The coding is that of map tiles:
zigzag for the sign, seven bits a byte, the highest bit says that more follow.
"""

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Units per degree: six decimals, 0.11 m.
SCALE = 1_000_000


def pack_geometries(geometries: Any, *, origin: tuple[float, float]) -> str:  # noqa: ANN401 - any array-like of geometries
    """Return ``geometries`` as one base64 string of variable-length integers.

    Parameters
    ----------
    geometries
        Lines or polygons (also multi), shape (n,), EPSG:4326. Empty or missing ones get no rings.
    origin
        Longitude and latitude that the first point of each geometry is relative to.

    Returns
    -------
    str
        For each geometry: the number of rings; for each ring the number of points and, for each
        point, its difference to the point before in 1e-6 degrees, longitude first. Outer rings run
        counter-clockwise and holes clockwise, and a ring's closing point is left out.
    """
    flat = geometry_numbers(geometries, origin=origin)
    return base64.b64encode(varints(flat)).decode("ascii")


def geometry_numbers(
    geometries: Any,  # noqa: ANN401 - any array-like of geometries
    *,
    origin: tuple[float, float],
    chained: bool = False,
) -> "NDArray[np.int64]":
    """Return geometries as the integers that :func:`pack_geometries` describes.

    Parameters
    ----------
    geometries, origin
        As there.
    chained
        The first point of a geometry is relative to the last of the one before, not to ``origin``:
        smaller where neighbours follow each other.
    """
    numbers: list[NDArray[np.int64]] = []
    last = base = np.round(np.asarray(origin) * SCALE).astype(np.int64)
    for geometry in np.asarray(geometries, dtype=object):
        rings = list(_rings(geometry))
        numbers.append(np.array([len(rings)], dtype=np.int64))
        last = last if chained else base
        for ring in rings:
            points = np.round(ring * SCALE).astype(np.int64)
            steps = np.diff(np.vstack([last, points]), axis=0)
            numbers.append(np.array([len(points)], dtype=np.int64))
            numbers.append(steps.ravel())
            last = points[-1]
    return np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64)


def varints(values: "NDArray[np.int64]") -> bytes:
    """Return signed integers as zigzag variable-length bytes.

    Examples
    --------
    >>> varints(np.array([0, -1, 1, 64])).hex(" ")
    '00 01 02 80 01'
    """
    zigzag = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    widths = np.ones(len(zigzag), dtype=np.int64)
    for bits in range(7, 64, 7):
        widths += zigzag >= np.uint64(1) << np.uint64(bits)
    ends = np.cumsum(widths)
    out = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    starts = ends - widths
    for place in range(int(widths.max()) if len(widths) else 0):
        here = widths > place
        septet = (zigzag[here] >> np.uint64(7 * place)) & np.uint64(0x7F)
        more = (widths[here] > place + 1).astype(np.uint64) << np.uint64(7)
        out[starts[here] + place] = (septet | more).astype(np.uint8)
    return out.tobytes()


def pack_numbers(values: Any, dtype: str) -> str:  # noqa: ANN401 - any array-like of numbers
    """Return numbers as base64 of a little-endian typed array, flattened in C order.

    Parameters
    ----------
    values
        Numbers, any shape.
    dtype
        NumPy type without byte order, for example ``u2`` or ``i4``.
    """
    return base64.b64encode(np.ascontiguousarray(values, dtype=f"<{dtype}").tobytes()).decode(
        "ascii"
    )


def _rings(geometry: Any) -> Iterable["NDArray[np.float64]"]:  # noqa: ANN401 - any geometry
    if geometry is None or shapely.is_empty(geometry):
        return
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon":
            oriented = shapely.orient_polygons(part)
            for ring in (oriented.exterior, *oriented.interiors):
                yield shapely.get_coordinates(ring)[:-1]
        else:
            yield shapely.get_coordinates(part)
