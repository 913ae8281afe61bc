"""Rows of the sample on their way into frames: local metres to degrees, source ids to UUIDs."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import FrameContract, stable_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

#: CGCS2000, 3-degree zone with central meridian 117° E: the zone of Hefei.
PROJECTED_CRS = 4548
#: The middle of the modelled subdistrict, longitude and latitude.
ORIGIN_LON_LAT = (117.31, 31.87)
#: Decimals of a degree that are kept, about a millimetre.
DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Tables:
    """Turns rows into frames of one data set.

    Parameters
    ----------
    dataset
        Name from which ids are derived.
    """

    dataset: str

    def ids(self, layer: str, source_ids: "Sequence[object]") -> list[str]:
        """Return the UUIDs of source ids of a layer."""
        return stable_ids(self.dataset, layer, source_ids)

    def id(self, layer: str, source_id: object) -> str:
        """Return the UUID of one source id of a layer."""
        return self.ids(layer, [source_id])[0]

    def frame(
        self,
        contract: FrameContract,
        rows: "Sequence[dict[str, object]]",
        prefix: str = "",
    ) -> "pd.DataFrame":
        """Return the conforming frame of ``rows``, whose geometries are in local metres.

        Parameters
        ----------
        contract
            The contract of the layer.
        rows
            Values by column; ``source_id`` is numbered with ``prefix`` where it is missing.
        prefix
            Start of the source ids.
        """
        import geopandas as gpd
        import pandas as pd

        if not rows:
            return contract.empty()
        table: pd.DataFrame = pd.DataFrame(list(rows))
        if "source_id" not in table:
            table["source_id"] = [f"{prefix}{k + 1:05d}" for k in range(len(table))]
        if "id" not in table and "id" in contract.names:
            table["id"] = self.ids(contract.name, table["source_id"].tolist())
        for name, _ in contract.extra_geometries:
            if name in table:
                table[name] = to_degrees(table[name].tolist())
        if contract.geometry:
            geometry = to_degrees(table.pop("geometry").tolist())
            table = gpd.GeoDataFrame(table, geometry=geometry, crs="EPSG:4326")
        out: pd.DataFrame = contract.conform(table)
        return out


@lru_cache(maxsize=1)
def _transformer() -> tuple[Any, float, float]:
    """Return the way back to degrees, and where the local origin lies in the projected CRS."""
    from pyproj import Transformer

    forward = Transformer.from_crs(4326, PROJECTED_CRS, always_xy=True)
    back = Transformer.from_crs(PROJECTED_CRS, 4326, always_xy=True)
    east, north = forward.transform(*ORIGIN_LON_LAT)
    return back, float(east), float(north)


def to_degrees(geometries: "Sequence[Any]") -> Any:  # noqa: ANN401 - an object array of geometries
    """Return ``geometries`` in longitude and latitude (EPSG:4326).

    Equal points stay equal, so what is noded in metres is noded in degrees.
    """
    back, east, north = _transformer()

    def moved(xy: Any) -> Any:  # noqa: ANN401 - an array of shape (n, 2)
        local = np.round(xy, 2)
        lon, lat = back.transform(local[:, 0] + east, local[:, 1] + north)
        return np.round(np.column_stack([lon, lat]), DECIMALS)

    return shapely.transform(np.array(geometries, dtype=object), moved)
