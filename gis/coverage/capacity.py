"""People and stations with limited room: who goes where, who goes further, who is left out.

The rule: as many people as possible find room within the limit, and of all ways to do that the one
is taken in which people walk least together. A building's people may go to different stations.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.coverage.walking_coverage import WalkedGround
    from gis.network.walking import PairTable

#: Nobody of the building reaches any station within the limit.
NO_STATION_WITHIN_LIMIT = "no_station_within_limit"
#: Stations are near enough, but others whom it saves more walking fill them.
NO_ROOM = "no_room"


@dataclass(frozen=True, eq=False)
class RoomPlan:
    """Who goes where.

    Parameters
    ----------
    placements
        ``building_id``, ``station_id``, ``people``, ``distance_m``, ``cost_m``,
        ``nearest_station_id`` and ``further_m`` (cost beyond that of the nearest station; 0: it is
        the nearest); in order of building, then station.
    left_out
        ``building_id``, ``people``, ``reason``: no station within the limit, or no room.
    stations
        Index: ``id``. ``room`` (NA: no limit stated), ``people`` who go there, ``free`` (NA: no
        limit), ``nearest_to`` (people for whom it is the nearest), ``sent_on`` (of these, who go
        elsewhere or nowhere) and ``taken_in`` (who go there though another is nearer).
    cost_m
        Equivalent metres that all walk together.
    gap_m
        That less its lower bound; 0 proves that no other way is shorter.
    """

    placements: "pd.DataFrame"
    left_out: "pd.DataFrame"
    stations: "pd.DataFrame"
    cost_m: float
    gap_m: float

    @property
    def spill(self) -> "pd.DataFrame":
        """From which full station to which other one people go, how many, how much further.

        ``from_station_id``, ``to_station_id``, ``people``, ``mean_further_m``, ``most_further_m``;
        most people first, then by both keys.
        """
        moved = self.placements[
            self.placements["station_id"] != self.placements["nearest_station_id"]
        ]
        moved = moved.assign(further=moved["further_m"] * moved["people"])
        keys = ["nearest_station_id", "station_id"]
        grouped = moved.groupby(keys, sort=True)
        out = grouped.agg(
            people=("people", "sum"), walked=("further", "sum"), most_further_m=("further_m", "max")
        ).reset_index()
        out["mean_further_m"] = out["walked"] / out["people"]
        out = out.rename(columns=dict(zip(keys, ("from_station_id", "to_station_id"), strict=True)))
        names = ["from_station_id", "to_station_id", "people", "mean_further_m", "most_further_m"]
        return out[names].sort_values(
            ["people", "from_station_id", "to_station_id"],
            ascending=[False, True, True],
            ignore_index=True,
        )


def place_people(
    ground: "WalkedGround",
    demand: "pd.Series[int]",
    room: "pd.Series[int]",
    limit_m: float,
) -> RoomPlan:
    """Return who goes to which station when each takes so many, and who finds no room.

    Parameters
    ----------
    ground
        Buildings and stations on the network.
    demand
        People of each building who want the service, whole, on the index of the buildings.
    room
        People that each station takes, on the index of the stations; 0: it takes nobody; NA: no
        limit is stated, so it takes everybody.
    limit_m
        Farthest that people walk, in equivalent metres.

    Raises
    ------
    gis.errors.InvalidInputError
        A series is not on its index, or holds a negative number, a part of one, or (demand) none.
    """
    return place_pairs(ground.buildings, ground.stations, demand, room, ground.pairs(limit_m))


def place_pairs(
    buildings: "pd.Series[str]",
    stations: "pd.Series[str]",
    demand: "pd.Series[int]",
    room: "pd.Series[int]",
    pairs: "PairTable",
) -> RoomPlan:
    """Do as :func:`place_people` for pairs that are known, by rows of the ids that are given."""
    import pandas as pd

    from gis.coverage.transport import least_walk  # machine code: only where it is needed

    for name, values, ids in (("demand", demand, buildings), ("room", room, stations)):
        if not values.index.equals(ids.index):
            msg = f"{name} is not on the index of its ids."
            raise InvalidInputError(msg, remedy="Pass one value per id.", field=name)
    people: NDArray[np.float64] = np.asarray(
        demand.astype("Float64").to_numpy(float, na_value=np.nan)
    )
    stated: NDArray[np.float64] = np.asarray(
        room.astype("Float64").to_numpy(float, na_value=np.nan)
    )
    places = np.where(np.isnan(stated), np.nansum(people), stated)
    flow = least_walk(people, places, pairs.origin, pairs.station, pairs.cost_m)
    nearest = _nearest(pairs, len(buildings))
    keys = stations.to_numpy(dtype=object)
    own = buildings.to_numpy(dtype=object)
    on = np.flatnonzero(flow.people > 0)
    on = on[np.lexsort((keys[pairs.station[on]].astype(str), pairs.origin[on]))]
    first = nearest[pairs.origin[on]]
    placements = pd.DataFrame(
        {
            "building_id": own[pairs.origin[on]],
            "station_id": keys[pairs.station[on]],
            "people": flow.people[on],
            "distance_m": pairs.distance_m[on],
            "cost_m": pairs.cost_m[on],
            "nearest_station_id": keys[pairs.station[first]],
            "further_m": pairs.cost_m[on] - pairs.cost_m[first],
        }
    )
    out = np.flatnonzero(flow.left_out > 0)
    reason = np.where(nearest[out] < 0, NO_STATION_WITHIN_LIMIT, NO_ROOM).astype(object)
    left_out = pd.DataFrame(
        {"building_id": own[out], "people": flow.left_out[out], "reason": reason}
    )
    told = _stations(keys, stated, pairs, flow.people, (nearest, people))
    return RoomPlan(placements, left_out, told, flow.cost_m, flow.gap_m)


def _nearest(pairs: "PairTable", count: int) -> "NDArray[np.int64]":
    """Return the cheapest pair of each building, -1 where it has none; the first of equals."""
    order = np.lexsort((pairs.station, pairs.cost_m, pairs.origin))
    row, first = np.unique(pairs.origin[order], return_index=True)
    nearest = np.full(count, -1, dtype=np.int64)
    nearest[row] = order[first]
    return nearest


def _stations(
    keys: "NDArray[np.object_]",
    stated: "NDArray[np.float64]",
    pairs: "PairTable",
    flow: "NDArray[np.int64]",
    wanted: "tuple[NDArray[np.int64], NDArray[np.float64]]",
) -> "pd.DataFrame":
    import pandas as pd

    nearest, people = wanted
    count = len(keys)
    has = nearest >= 0
    nearest_to = np.bincount(pairs.station[nearest[has]], people[has], count)
    stays = nearest[pairs.origin] == np.arange(len(flow))
    going = np.bincount(pairs.station, flow, count).astype(np.int64)
    stayed = np.bincount(pairs.station, np.where(stays, flow, 0), count).astype(np.int64)
    room = pd.array(np.where(np.isnan(stated), -1, stated).astype(np.int64), dtype="Int64")
    room[np.isnan(stated)] = pd.NA
    return pd.DataFrame(
        {
            "room": room,
            "people": going,
            "free": room - going,
            "nearest_to": nearest_to.astype(np.int64),
            "sent_on": nearest_to.astype(np.int64) - stayed,
            "taken_in": going - stayed,
        },
        index=pd.Index(keys, name="id"),
    )
