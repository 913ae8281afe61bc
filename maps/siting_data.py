"""What the map of a proposed siting is drawn from: the same place before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from gis.errors import CrsMismatchError, InvalidInputError
from maps.ground_data import Ground

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from maps.walking_data import Limit

#: What is known of how good a proposal is; keys of :mod:`gis.coverage.siting`, or that its places
#: were given.
Proof = Literal["optimal", "gap", "stopped", "infeasible", "evaluated"]


class Exchange(NamedTuple):
    """One chosen place less, another one instead.

    Parameters
    ----------
    leave, enter
        Rows of the candidates.
    objective
        What it comes to; ``None``: withheld.
    """

    leave: int
    enter: int
    objective: float | None


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest station of each building.

    Parameters
    ----------
    station
        Row of the stations, and from their number on row of the candidates; shape (buildings,); -1
        where none can be reached.
    metres
        Metres (for a limit in minutes: equivalent level metres); NaN where none; the same shape.
    """

    station: "NDArray[Any]"
    metres: "NDArray[np.float64]"


@dataclass(frozen=True, kw_only=True, eq=False)
class SitingMapData(Ground):
    """A proposal of where stations should go, besides its ground.

    Parameters
    ----------
    service
        Code of the service.
    limit
        How far is within reach.
    before, after
        Nearest stations without and with the chosen places.
    candidates
        Points with ``name`` (may be missing) and ``chosen``; EPSG:4326.
    objective_label
        What was asked for, in the language of the map.
    objective, bound
        What the proposal comes to, ``None``: withheld; and what no proposal can better, ``None``:
        withheld or not known.
    proof
        What that proves.
    exchanges
        The next best proposals that differ in one place, best first.
    """

    service: str
    limit: "Limit"
    before: Nearest
    after: Nearest
    candidates: "gpd.GeoDataFrame"
    objective_label: str
    objective: float | None
    bound: float | None
    proof: Proof
    exchanges: Sequence[Exchange] = ()

    def check(self) -> None:
        """Raise unless the parts fit together.

        Raises
        ------
        gis.errors.CrsMismatchError
            A frame is not in EPSG:4326.
        gis.errors.InvalidInputError
            There is no ground, nothing is chosen, an array does not have one value per building, or
            an exchange leaves a place that is not chosen or takes one that is.
        """
        super().check()
        if self.candidates.crs is None or self.candidates.crs.to_epsg() != 4326:
            msg = "The map's frame 'candidates' is not in EPSG:4326."
            raise CrsMismatchError(msg, remedy="Reproject it first.", field="candidates")
        chosen = self.candidates["chosen"].to_numpy(dtype=bool)
        if not chosen.any():
            msg = "The proposal chooses no place."
            raise InvalidInputError(msg, remedy="Show the walking map instead.", field="chosen")
        self._check_nearest("before", len(self.stations))
        self._check_nearest("after", len(self.stations) + len(self.candidates))
        for each in self.exchanges:
            if not chosen[each.leave] or chosen[each.enter]:
                msg = f"The exchange of {each.leave} for {each.enter} does not fit the choice."
                raise InvalidInputError(msg, remedy="Give rows of candidates.", field="exchanges")

    def _check_nearest(self, name: str, rows: int) -> None:
        nearest: Nearest = getattr(self, name)
        shape = (len(self.buildings),)
        fits = nearest.station.shape == nearest.metres.shape == shape
        if not fits or (nearest.station >= rows).any():
            msg = f"'{name}' does not name a station per building, of {rows} there are."
            raise InvalidInputError(msg, remedy="See the description of SitingMapData.", field=name)
        if ((nearest.station >= 0) != ~np.isnan(nearest.metres)).any():
            msg = f"'{name}' has stations without a distance, or the reverse."
            raise InvalidInputError(msg, remedy="See the description of SitingMapData.", field=name)
