"""What every map of coverage stands on: the frames it shows, and the rules for counts of people."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.errors import CrsMismatchError, InvalidInputError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

#: Counts of a building that coverage is summed over. All but the first are suppressed when small.
GROUPS = ("households", "elderly", "children", "low_income_households")
#: Counts from 1 to this less one are not shown, unless the data say otherwise.
SUPPRESS_BELOW = 3
#: Stands for a suppressed count in the page's data.
SUPPRESSED = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """The place that a map is of. All geometries are in EPSG:4326.

    Parameters
    ----------
    title
        Heading of the map.
    plan_name
        Name of the grid plan.
    drawn_on
        Date of the drawing.
    synthetic
        What of the data is made up: ``all``, ``matters`` (incidents and demands) or ``none``; the
        map says so.
    attribution
        Source and licence of the data, as plain text.
    communities, grids, buildings, stations
        Frames of the contracts; buildings also have ``grid_id``.
    station_services
        Frame of the contract.
    roads, barriers, quarters
        Frames of the contracts for the base drawing.
    target, minimum, maximum
        Households per grid that the plan aims at, and its bounds.
    suppress_below
        Counts of people in need from 1 to this less one are not shown, nor are they in the file.
    people_within
        Whether the map tells how many people are within reach; else how many homes alone. Who is
        shown single houses without their small counts could subtract the others.
    """

    title: str
    plan_name: str
    drawn_on: date
    synthetic: Literal["all", "matters", "none"]
    attribution: str
    communities: "gpd.GeoDataFrame"
    grids: "gpd.GeoDataFrame"
    buildings: "gpd.GeoDataFrame"
    stations: "gpd.GeoDataFrame"
    station_services: "pd.DataFrame"
    roads: "gpd.GeoDataFrame | None" = None
    barriers: "gpd.GeoDataFrame | None" = None
    quarters: "gpd.GeoDataFrame | None" = None
    target: int = 400
    minimum: int = 300
    maximum: int = 500
    suppress_below: int = SUPPRESS_BELOW
    people_within: bool = True

    def suppress(self, counts: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return ``counts`` with the small ones replaced by :data:`SUPPRESSED`."""
        return suppress(counts, self.suppress_below)

    def check(self) -> None:
        """Raise unless the frames can be drawn.

        Raises
        ------
        gis.errors.CrsMismatchError
            A frame is not in EPSG:4326.
        gis.errors.InvalidInputError
            There is no ground.
        """
        for name in ("communities", "grids", "buildings", "stations"):
            frame = getattr(self, name)
            if frame.crs is None or frame.crs.to_epsg() != 4326:
                msg = f"The map's frame '{name}' is not in EPSG:4326."
                raise CrsMismatchError(msg, remedy="Reproject it first.", field=name)
        if not len(self.communities):
            msg = "There is no community to draw a map of."
            raise InvalidInputError(msg, remedy="Import communities, or widen the scope.")


def suppress(counts: "NDArray[np.int64]", below: int = SUPPRESS_BELOW) -> "NDArray[np.int64]":
    """Return ``counts`` with the small ones replaced by :data:`SUPPRESSED`; zero stays zero."""
    return np.where((counts > 0) & (counts < below), SUPPRESSED, counts)


def positions(ids: Any, keys: Any) -> "NDArray[np.int64]":  # noqa: ANN401 - any array-likes of ids
    """Return the position of each of ``ids`` in ``keys``; -1 where it is missing or unknown."""
    place = {key: index for index, key in enumerate(keys)}
    return np.array([place.get(key, -1) for key in ids], dtype=np.int64)
