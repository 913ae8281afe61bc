"""A fair sample of the places of a file whose length nobody knows."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Points that are kept of a file.
SAMPLE_POINTS = 20_000


class Reservoir:
    """Up to ``size`` points of all geometries given, each with the same chance.

    Algorithm R: Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985), 37-57.

    Parameters
    ----------
    rng
        Decides; the same rows in the same order with the same seed give the same sample.
    size
        Points to keep.
    """

    def __init__(self, rng: np.random.Generator, size: int = SAMPLE_POINTS) -> None:
        self._rng = rng
        self._points = np.empty((size, 2))
        self._seen = 0

    @property
    def points(self) -> "NDArray[np.float64]":
        """Lon and lat of the points that are kept, shape (n, 2)."""
        return self._points[: min(self._seen, len(self._points))].copy()

    def add(self, geometry: "NDArray[Any]") -> None:
        """Take geometries in EPSG:4326, shape (n,); what is missing or empty does not count."""
        geometry = geometry[~(shapely.is_missing(geometry) | shapely.is_empty(geometry))]
        numbers = np.arange(self._seen, self._seen + len(geometry))
        self._seen += len(geometry)
        size = len(self._points)
        places = np.where(numbers < size, numbers, self._rng.integers(0, numbers + 1))
        kept = np.flatnonzero(places < size)
        # Of two rows for one place the later has it, as if they came one by one.
        last = len(kept) - 1 - np.unique(places[kept][::-1], return_index=True)[1]
        chosen = kept[last]
        self._points[places[chosen]] = representative_points(geometry[chosen])


def representative_points(geometry: "NDArray[Any]") -> "NDArray[np.float64]":
    """Return a point of each geometry that lies on it, shape (n, 2)."""
    points = shapely.get_type_id(geometry) == shapely.GeometryType.POINT
    inside = np.array(geometry, dtype=object)
    inside[~points] = shapely.point_on_surface(geometry[~points])
    return np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
