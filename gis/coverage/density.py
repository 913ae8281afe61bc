"""Density of incidents in H3 cells, with small counts suppressed."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

_MAX_RESOLUTION = 15


@dataclass(frozen=True)
class Density:
    """Counts per cell, and what is not shown.

    Parameters
    ----------
    cells
        ``cell`` (H3 index as text) and ``count``, in order of cell; no count below the minimum.
    suppressed_points
        Points in cells that are not shown.
    suppressed_cells
        How many cells those are.
    """

    cells: "pd.DataFrame"
    suppressed_points: int
    suppressed_cells: int


def incident_density(
    lon: "ArrayLike", lat: "ArrayLike", resolution: int, minimum: int = 3
) -> Density:
    """Count points in H3 cells; cells with fewer than ``minimum`` are suppressed.

    Parameters
    ----------
    lon, lat
        Degrees.
    resolution
        H3 resolution 0 to 15; cells of resolution 9 have edges of about 200 m.
    minimum
        The smallest count that is shown.

    Raises
    ------
    gis.errors.InvalidInputError
        A coordinate is not on the globe (rows are named), or the resolution does not exist.
    """
    import h3
    import pandas as pd

    x, y = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
    if not 0 <= resolution <= _MAX_RESOLUTION:
        msg = f"H3 has no resolution {resolution}."
        raise InvalidInputError(msg, remedy="Choose one of 0 to 15.", field="resolution")
    if x.shape != y.shape:
        msg = f"lon has shape {x.shape} and lat has {y.shape}."
        raise InvalidInputError(msg, remedy="Pass one lon and one lat per point.", field="lon")
    bad = np.flatnonzero(~((np.abs(x) <= 180) & (np.abs(y) <= 90)))
    if len(bad):
        rows = [int(row) + 1 for row in bad[:5]]
        msg = f"No place on the globe in row {', '.join(map(str, rows))}."
        raise InvalidInputError(msg, remedy="Check that coordinates are lon, lat.", rows=rows)
    counts = Counter(
        h3.latlng_to_cell(north, east, resolution)
        for east, north in zip(x.tolist(), y.tolist(), strict=True)
    )
    shown = sorted((cell, count) for cell, count in counts.items() if count >= minimum)
    hidden = [count for count in counts.values() if count < minimum]
    cells = pd.DataFrame(shown, columns=["cell", "count"]).astype({"count": "int64"})
    return Density(cells, sum(hidden), len(hidden))


def cell_polygons(cells: "Iterable[str]") -> "NDArray[np.object_]":
    """Return H3 cells as polygons in EPSG:4326; cells across the antimeridian are not split."""
    import h3

    rings = [[(lon, lat) for lat, lon in h3.cell_to_boundary(cell)] for cell in cells]
    out = np.empty(len(rings), dtype=object)
    out[:] = [shapely.Polygon(ring) for ring in rings]
    return out
