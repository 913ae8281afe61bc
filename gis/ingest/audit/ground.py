"""The layers of an audit in metres, each projected once and only if a check asks for it."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyproj
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.ingest.audit.options import AuditOptions


class Ground:
    """Frames by layer, with their geometries in metres.

    Parameters
    ----------
    layers
        Frames of the contracts by name, geometries in EPSG:4326, perhaps invalid; only what exists
        on the day of the audit. A layer that is absent is not audited.
    crs
        Projected system in metres.
    options
        Limits.
    """

    def __init__(
        self, layers: "Mapping[str, pd.DataFrame]", crs: "pyproj.CRS", options: "AuditOptions"
    ) -> None:
        self.crs = crs
        self.options = options
        self._layers = layers
        self._shapes: dict[str, Geometries] = {}
        self._valid: dict[str, Geometries] = {}
        self._trees: dict[str, shapely.STRtree] = {}
        self._columns: dict[tuple[str, str], NDArray[np.object_]] = {}
        self._numbers: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._points: Geometries | None = None
        self._point_tree: shapely.STRtree | None = None
        for name, frame in layers.items():
            if "id" not in frame and len(frame) and name != "station_services":
                raise InvalidInputError(
                    f"{name}: field 'id' is missing.", remedy="Give every row a key.", field="id"
                )

    def has(self, *names: str) -> bool:
        """Return whether each of these layers has rows."""
        return all(name in self._layers and len(self._layers[name]) for name in names)

    def frame(self, name: str) -> "pd.DataFrame":
        """Return the frame of a layer."""
        return self._layers[name]

    def ids(self, name: str) -> "NDArray[np.object_]":
        """Return the keys of a layer as text, shape (n,)."""
        return self.column(name, "id")

    def column(self, layer: str, name: str) -> "NDArray[np.object_]":
        """Return a column with ``None`` where it has no value or does not exist; leave it as is."""
        if (layer, name) not in self._columns:
            frame = self._layers[layer]
            values = np.full(len(frame), None, dtype=object)
            if name in frame:
                column = frame[name].astype(object)
                values = np.asarray(column.where(column.notna(), None).to_numpy(dtype=object))
            self._columns[layer, name] = values
        return self._columns[layer, name]

    def shapes(self, name: str) -> "Geometries":
        """Return the geometries of a layer in metres as they are, shape (n,)."""
        if name not in self._shapes:
            geometry = self._layers[name]["geometry"].to_numpy()
            self._shapes[name] = to_projected(geometry, self.crs)
        return self._shapes[name]

    def valid(self, name: str) -> "Geometries":
        """Return the same made valid, so that each can be measured; missing ones are empty."""
        if name not in self._valid:
            shapes = np.array(self.shapes(name), dtype=object)
            bad = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
            shapes[bad] = shapely.make_valid(shapes[bad], method="structure")
            shapes[shapely.is_missing(shapes)] = shapely.Polygon()
            self._valid[name] = shapes
        return self._valid[name]

    def tree(self, name: str) -> shapely.STRtree:
        """Return an index of :meth:`valid`."""
        if name not in self._trees:
            self._trees[name] = shapely.STRtree(self.valid(name))
        return self._trees[name]

    def locations(self) -> "Geometries":
        """Return where each building is entered: its entrance, else a point inside it.

        The same rule by which the store decides whose a building is.
        """
        if self._points is None:
            shapes = self.valid("buildings")
            points = np.asarray(shapely.point_on_surface(shapes), dtype=object)
            entrances = self.column("buildings", "entrance")
            known = np.array([value is not None for value in entrances], dtype=bool)
            if known.any():
                points[known] = to_projected(entrances[known], self.crs)
            self._points = points
        return self._points

    def location_tree(self) -> shapely.STRtree:
        """Return an index of :meth:`locations`."""
        if self._point_tree is None:
            self._point_tree = shapely.STRtree(self.locations())
        return self._point_tree

    def numbers(self, layer: str, name: str) -> "NDArray[np.float64]":
        """Return a column of counts, NaN where there is none; leave it as it is."""
        import pandas as pd

        if (layer, name) not in self._numbers:
            values: Any = pd.to_numeric(pd.Series(self.column(layer, name)), errors="coerce")
            self._numbers[layer, name] = np.asarray(values.to_numpy(dtype=float, na_value=np.nan))
        return self._numbers[layer, name]
