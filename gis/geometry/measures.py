"""Measures of shape, on arrays of areas and lengths in metres."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def polsby_popper(areas_m2: ArrayLike, perimeters_m: ArrayLike) -> NDArray[np.float64]:
    """Return 4π·area / perimeter²: 1 for a disc, 0.785 for a square; NaN without a perimeter.

    Source: Polsby and Popper (1991), The third criterion.

    Examples
    --------
    >>> float(polsby_popper([100.0], [40.0])[0].round(3))
    0.785
    """
    areas, perimeters = np.broadcast_arrays(
        np.asarray(areas_m2, dtype=float), np.asarray(perimeters_m, dtype=float)
    )
    out = np.full(areas.shape, np.nan)
    np.divide(4 * np.pi * areas, perimeters**2, out=out, where=perimeters > 0)
    return out


def reock(areas_m2: ArrayLike, radii_m: ArrayLike) -> NDArray[np.float64]:
    """Return area / area of the smallest enclosing circle; NaN where the radius is not positive.

    Source: Reock (1961), A note: measuring compactness.
    """
    areas, radii = np.broadcast_arrays(
        np.asarray(areas_m2, dtype=float), np.asarray(radii_m, dtype=float)
    )
    out = np.full(areas.shape, np.nan)
    np.divide(areas, np.pi * radii**2, out=out, where=radii > 0)
    return out
