"""What the coverage map is drawn from: frames by contract, and the counts that may be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from gis.errors import InvalidInputError
from maps.ground_data import GROUPS, Ground
from maps.withheld import Areas, shown

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

#: Stands for "no station serves" in the page's packed distances.
NO_DISTANCE = 65_535


@dataclass(frozen=True, slots=True)
class Scenario:
    """A service at a moment, for which distances were measured.

    Parameters
    ----------
    key
        Name of its column in the frame of distances.
    service
        Code of the service, or ``any``.
    moment
        When, with a time zone; ``None``: whatever the hours, for places whose hours nobody states.
    """

    key: str
    service: str
    moment: datetime | None


@dataclass(frozen=True, kw_only=True, eq=False)
class CoverageMapData(Ground):
    """Everything the coverage map shows, besides its ground.

    Parameters
    ----------
    moment
        The moment that is chosen when the map opens; the scenario nearest to it is taken. ``None``:
        the scenario without hours.
    scenarios
        What can be chosen on the map, at least one.
    distances
        Metres to the nearest station that serves; rows by building id, one column per scenario key,
        NaN where none serves.
    nearest
        Id of that station, same shape; missing where none serves.
    serving
        Ids of the stations that serve, by scenario key; unset: the map does not tell them apart.
    gaps
        Areas out of reach: ``scenario``, ``threshold_m``, ``households``, geometry.
    density
        Cells with ``count`` incidents, geometry; counts below 3 are refused.
    thresholds_m
        Radii that can be chosen, in metres, ascending.
    """

    moment: datetime | None
    scenarios: Sequence[Scenario]
    distances: "pd.DataFrame"
    nearest: "pd.DataFrame | None" = None
    serving: Mapping[str, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    gaps: "gpd.GeoDataFrame | None" = None
    density: "gpd.GeoDataFrame | None" = None
    thresholds_m: tuple[int, ...] = (300, 500, 1000)

    def check(self) -> None:
        """Raise unless the parts fit together.

        Raises
        ------
        gis.errors.CrsMismatchError
            A frame is not in EPSG:4326.
        gis.errors.InvalidInputError
            There is no ground, no scenario, a scenario twice, a moment without a zone, a building
            or a scenario without distances, or a density cell that should have been suppressed.
        """
        super().check()
        self._check_scenarios()
        absent = set(self.buildings["id"]) - set(self.distances.index)
        if absent:
            msg = f"{len(absent)} buildings have no row of distances, for example {min(absent)}."
            raise InvalidInputError(msg, remedy="Measure every building of the map.")
        if self.density is not None and (self.density["count"] < self.suppress_below).any():
            msg = f"Density cells with fewer than {self.suppress_below} incidents may not be shown."
            raise InvalidInputError(msg, remedy="Suppress them before the map.", field="count")

    def _check_scenarios(self) -> None:
        keys = [scenario.key for scenario in self.scenarios]
        if not keys or len(set(keys)) < len(keys):
            msg = "The map needs scenarios, each with a key of its own."
            raise InvalidInputError(msg, remedy="Give at least one service at one moment.")
        for scenario in self.scenarios:
            if scenario.moment is not None and scenario.moment.tzinfo is None:
                msg = f"The moment of scenario '{scenario.key}' has no time zone."
                raise InvalidInputError(msg, remedy="Give it one, for example Asia/Shanghai.")
            if scenario.key not in self.distances:
                msg = f"Scenario '{scenario.key}' has no column of distances."
                raise InvalidInputError(msg, remedy="Measure it, or leave the scenario out.")


def distance_matrix(data: CoverageMapData) -> "NDArray[np.float64]":
    """Return metres, shape (scenarios, buildings), NaN where no station serves."""
    frame = data.distances.loc[list(data.buildings["id"]), [s.key for s in data.scenarios]]
    return frame.to_numpy(dtype=float, na_value=np.nan).T


def uncovered_counts(
    data: CoverageMapData, areas: "Areas"
) -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
    """Return how many people of each group live out of reach in each area, and how many in all.

    A group's count is suppressed where it, or what is left of the total without it, is small: else
    the one would follow from the other. So are others of the same community, or of all, from which
    it would follow.

    Parameters
    ----------
    data
        The map's data.
    areas
        Where they are counted.

    Returns
    -------
    tuple
        Counts out of reach, shape (scenarios, thresholds, groups, areas), and totals, shape
        (groups, areas); -1 where suppressed. Households are never suppressed.
    """
    inside, size = areas.of >= 0, areas.size
    metres = distance_matrix(data)[:, inside]
    place = areas.of[inside]
    weights = [data.buildings[group].to_numpy(dtype=float)[inside] for group in GROUPS]
    totals = np.array([np.bincount(place, weight, size) for weight in weights]).astype(np.int64)
    out = np.zeros((len(data.scenarios), len(data.thresholds_m), len(GROUPS), size), np.int64)
    for s, t in np.ndindex(out.shape[:2]):
        beyond = ~(metres[s] <= data.thresholds_m[t])  # NaN is beyond every radius
        for g, weight in enumerate(weights):
            out[s, t, g] = np.bincount(place[beyond], weight[beyond], size).astype(np.int64)
    for g, group in enumerate(GROUPS[1:], 1):
        for s, t in np.ndindex(out.shape[:2]):
            hidden = areas.hidden_of(group, out[s, t, g], totals[g], data.suppress_below)
            out[s, t, g] = shown(out[s, t, g], hidden)
        totals[g] = shown(totals[g], areas.hidden[group])
    return out, totals
