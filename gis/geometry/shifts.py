"""The shifted coordinates of Chinese web maps: GCJ-02 and BD-09, there and back.

GCJ-02 displaces WGS 84 by 300–640 m within mainland China, after a formula that was never
published; the *open formula* here is the one in general use, on the Krasovsky 1940 ellipsoid. BD-09
displaces GCJ-02 once more, by about 1 km, around a fixed offset. Neither has a closed inverse: both
are inverted by fixed-point iteration.

All functions take and return degrees, element by element, as ``float64`` arrays of the shape of
their input; points outside the box within which the formula holds are returned as they are, and so
is what is no finite number.

At the edge of that box the formula jumps by the whole shift. Degrees just outside it may stem from
there, unshifted, or from inside, and are taken for unshifted; degrees just inside it may stem from
nowhere, and are then returned as they are. China's land lies 100 km and more inside the box.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Degrees = NDArray[np.float64]

#: Krasovsky 1940: semi-major axis in metres, first eccentricity squared.
_AXIS_M, _ECCENTRICITY2 = 6_378_245.0, 0.006_693_421_622_965_943
#: Within this box the open formula shifts; west, south, east, north.
SHIFTED_BOX = (72.004, 0.8293, 137.8347, 55.8271)
#: Iterations of the inverse, and the step (degrees, 0.01 mm) below which it ends.
_ITERATIONS, _CLOSE = 12, 1e-10
_BD_TURN = np.pi * 3000.0 / 180.0
_BD_OFFSET = (0.0065, 0.006)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Return GCJ-02 degrees of WGS 84 degrees."""
    x, y = _degrees(lon, lat)
    east, north = _offset(x, y)
    return x + east, y + north


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Return WGS 84 degrees of GCJ-02 degrees, within 0.1 mm of the open formula's inverse."""
    x, y = _degrees(lon, lat)
    return _inverted(wgs84_to_gcj02, x, y)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Return BD-09 degrees of GCJ-02 degrees."""
    given_x, given_y = _degrees(lon, lat)
    shifted = is_shifted(given_x, given_y)
    x, y = np.where(shifted, given_x, 0.0), np.where(shifted, given_y, 0.0)
    radius = np.hypot(x, y) + 2e-5 * np.sin(y * _BD_TURN)
    angle = np.arctan2(y, x) + 3e-6 * np.cos(x * _BD_TURN)
    east, north = _BD_OFFSET
    return (
        np.where(shifted, radius * np.cos(angle) + east, given_x),
        np.where(shifted, radius * np.sin(angle) + north, given_y),
    )


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Return GCJ-02 degrees of BD-09 degrees."""
    x, y = _degrees(lon, lat)
    return _inverted(gcj02_to_bd09, x, y)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Return BD-09 degrees of WGS 84 degrees."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Return WGS 84 degrees of BD-09 degrees."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def is_shifted(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Return whether the open formula shifts a point, by its coordinates in WGS 84."""
    x, y = _degrees(lon, lat)
    west, south, east, north = SHIFTED_BOX
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north), dtype=bool)


def _degrees(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    return x, y


def _inverted(
    forward: Callable[[Degrees, Degrees], tuple[Degrees, Degrees]], x: Degrees, y: Degrees
) -> tuple[Degrees, Degrees]:
    """Return what ``forward`` takes to (x, y), by fixed-point iteration; it contracts 1:100."""
    lon, lat = x.copy(), y.copy()
    step = np.full(x.shape, np.inf)
    for _ in range(_ITERATIONS):
        there_x, there_y = forward(lon, lat)
        with np.errstate(invalid="ignore"):  # infinities stay as they are, below
            step_x, step_y = x - there_x, y - there_y
        step = np.maximum(np.abs(step_x), np.abs(step_y))
        if not (step > _CLOSE).any():
            break
        lon, lat = lon + step_x, lat + step_y
    found = step <= 100 * _CLOSE
    return np.where(found, lon, x), np.where(found, lat, y)


def _offset(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return the shift of the open formula in degrees, east and north; none outside its box."""
    shifted = is_shifted(lon, lat)
    x, y = np.where(shifted, lon, 0.0) - 105.0, np.where(shifted, lat, 0.0) - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * root + waves
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * root + waves
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    phi = np.radians(y + 35.0)
    bend = 1 - _ECCENTRICITY2 * np.sin(phi) ** 2
    meridian = _AXIS_M * (1 - _ECCENTRICITY2) / bend**1.5
    parallel = _AXIS_M / np.sqrt(bend) * np.cos(phi)
    return (
        np.where(shifted, np.degrees(east / parallel), 0.0),
        np.where(shifted, np.degrees(north / meridian), 0.0),
    )
