"""Who reaches an open station, on foot or in a straight line: verdicts, and the buildings behind.

The same verdicts stand behind shares, lists of buildings, maps and the nearest station.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.verdicts import NO_OPEN_STATION, nearest_open_station
from gis.coverage.walking_coverage import on_the_spot, walking_verdicts
from gis.network import minutes, nearest
from gis.network.walking import NO_STATION_REACHABLE
from gis.services.coverage_asked import CoverageQuestion, Serving, serving
from gis.services.locating import NearestStations, nearest_stations
from gis.services.walking import Places, WalkingGround

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.layers.stations import NearStation, Place
    from gis.scope import Scope
    from gis.services.walking import WalkingGrounds

#: More stations than any place has: all that are open.
_EVERY = 1_000_000


@dataclass(frozen=True, eq=False)
class Coverage:
    """What was asked, of whom, and the verdict on each building.

    Parameters
    ----------
    question
        What was asked.
    places
        Buildings, stations and communities.
    serving
        Which stations count.
    verdicts
        On the index of the buildings: ``station_id`` (or None), ``distance_m``, ``minutes`` at
        the speed asked with (or NaN), ``reason`` (or None), ``straight_m`` and ``detour``. In a
        straight line ``distance_m`` is ``straight_m``.
    """

    question: CoverageQuestion
    places: Places
    serving: Serving
    verdicts: "pd.DataFrame"

    @property
    def network(self) -> str | None:
        """Version of the walking network; ``None``: none was needed."""
        if self.question.method == "straight_line" or not isinstance(self.places, WalkingGround):
            return None
        return self.places.data_version

    @property
    def stations_off_network(self) -> list[str]:
        """Stations that count, though no road is near: in a river, beyond the roads."""
        if self.network is None or not isinstance(self.places, WalkingGround):
            return []
        return self.places.off_network(self.places.stations["id"][self.serving.mask])


def places_for(
    session: "Session", scope: "Scope", grounds: "WalkingGrounds", question: CoverageQuestion
) -> Places:
    """Return the places, on the network only where it is needed.

    Raises
    ------
    gis.errors.InvalidInputError
        There are no communities, or no roads to walk along.
    """
    if question.method == "walking":
        return grounds.current(session, scope)
    return grounds.places(session, scope)


def cover(
    session: "Session", scope: "Scope", grounds: "WalkingGrounds", question: CoverageQuestion
) -> Coverage:
    """Return the verdict on each building.

    Raises
    ------
    gis.errors.InvalidInputError
        There are no communities, no roads to walk along, or hours that cannot be read.
    """
    places = places_for(session, scope, grounds, question)
    who = serving(session, scope, places, question)
    return Coverage(question, places, who, judged(places, who.mask, question))


def judged(places: Places, mask: "pd.Series[bool]", question: CoverageQuestion) -> "pd.DataFrame":
    """Return the verdict on each building for a set of stations."""
    if question.method == "straight_line":
        return _straight(places, mask, question)
    assert isinstance(places, WalkingGround)
    found = walking_verdicts(places.walked, mask, question.options)
    own = found.rename(columns={f"minutes_{question.options.group}": "minutes"})
    columns = ["station_id", "distance_m", "cost_m", "minutes", "reason", "straight_m", "detour"]
    return own[columns]


def _straight(
    places: Places, mask: "pd.Series[bool]", question: CoverageQuestion
) -> "pd.DataFrame":
    import pandas as pd

    row, metres = nearest_open_station(*places.lonlat, mask.to_numpy())
    ids = places.stations["id"].to_numpy(dtype=object)
    found = row >= 0
    station = np.full(len(row), None, dtype=object)
    station[found] = ids[row[found]]
    data = {
        "station_id": station,
        "distance_m": metres,
        "cost_m": metres,
        "minutes": minutes(metres, question.options.speed_m_s),
        "reason": pd.Series(NO_OPEN_STATION, places.buildings.index).mask(found, None),
        "straight_m": metres,
        "detour": np.where(metres > 0, 1.0, np.nan),
    }
    return pd.DataFrame(data, index=places.buildings.index)


def answered(places: Places, who: Serving, question: CoverageQuestion) -> Coverage:
    """Return what was asked and who serves, for an answer that needs no verdicts."""
    import pandas as pd

    return Coverage(question, places, who, pd.DataFrame(index=places.buildings.index))


def measured(coverage: Coverage) -> dict[str, Any]:
    """Return how an answer was measured, as every answer about coverage says it."""
    question, who = coverage.question, coverage.serving
    return {
        "service": question.service,
        "at": question.at,
        "day": question.day,
        "method": question.method,
        "speed": question.options.group,
        "speed_m_s": question.options.speed_m_s,
        "network": coverage.network,
        "calendar": who.calendar,
        "stations_serving": int(who.mask.sum()),
        "stations_unknown": who.unknown,
        "stations_off_network": coverage.stations_off_network,
        "reason": who.reason,
    }


def not_reached(coverage: Coverage, chosen: "pd.Series[bool]") -> list[dict[str, Any]]:
    """Return why some of the buildings reach no station: reason, buildings, households."""
    buildings = coverage.places.buildings[chosen]
    grouped = buildings.groupby(coverage.verdicts["reason"][chosen])["households"]
    told = [
        {"reason": str(reason), "buildings": len(own), "households": int(own.sum())}
        for reason, own in grouped
    ]
    return sorted(told, key=lambda one: (-one["households"], one["reason"]))


@dataclass(frozen=True, slots=True)
class WalkedStation:
    """A station that is open and able, and the walk to it."""

    station: "NearStation"
    distance_m: float
    walk_minutes: float
    straight_m: float


@dataclass(frozen=True, slots=True)
class NearestWalked:
    """The nearest open stations on foot, nearest first, and what else the answer says.

    Parameters
    ----------
    stations
        By minutes of the walk.
    found
        What the straight line found: who is open, and how sure the hours are.
    reason
        Why there is none: as of the straight line, or why the place is not on the network, or
        ``no_station_reachable``.
    network
        Version of the walking network.
    """

    stations: list[WalkedStation]
    found: NearestStations
    reason: str | None
    network: str


def nearest_on_foot(
    session: "Session",
    scope: "Scope",
    ground: WalkingGround,
    place: "Place",
    *,
    timezone: str,
    speed_m_s: float,
    limit: int = 1,
) -> NearestWalked:
    """Return the open and able stations that take the least time to walk to.

    Raises
    ------
    gis.errors.InvalidInputError
        The point is not on the globe, or the moment has no time zone.
    """
    found = nearest_stations(session, scope, place, timezone=timezone, limit=_EVERY)
    row_of = {station: row for row, station in enumerate(ground.stations["id"])}
    offers = on_the_spot(ground.station_services)
    there = set(offers["station_id"][offers["service"] == place.service]) & set(row_of)
    able = [one for one in found.stations if one.station_id in there]
    here = ground.places([place.lon], [place.lat])
    doors = ground.doors.take(np.array([row_of[one.station_id] for one in able], dtype=np.int64))
    # One search from the place serves every station: a walk costs the same both ways.
    walk = nearest(ground.graph, doors, here)
    order = np.lexsort((np.arange(len(able)), walk.cost_m))
    took = minutes(walk.cost_m, speed_m_s)
    near = [
        WalkedStation(able[i], float(walk.distance_m[i]), float(took[i]), able[i].distance_m)
        for i in order
        if walk.station[i] >= 0
    ]
    reason = found.reason
    if not able:
        reason = reason or "no_station_offers"  # what there is only travels
    elif not near:
        reason = here.reason[0] or NO_STATION_REACHABLE
    return NearestWalked(near[:limit], found, reason, ground.data_version)
