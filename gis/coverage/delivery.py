"""Services that travel to the household: meals, errands, home visits; beside walking coverage.

Riders and visitors are taken along the walking network: along its ways in both directions, with
the cost of its steps. A household is reached if a station whose delivery is on reaches it along
these ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.capacity import RoomPlan, place_pairs
from gis.coverage.scenarios import HoursContext, Scenario, opening_states
from gis.coverage.shares import PEOPLE, check_index
from gis.coverage.verdicts import check_threshold
from gis.errors import InvalidInputError
from gis.hours import OpeningState
from gis.network.walking import NO_STATION_REACHABLE, PairTable

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.coverage.walking_coverage import WalkedGround

#: Metres per second. On foot as an adult; riding is an assumption, 15 km/h door to door, below the
#: 25 km/h that an electric bicycle may do in China (GB 17761).
DELIVERY_SPEEDS = {"walking": 1.2, "riding": 15 / 3.6}
#: Days of each period of a capacity.
PERIOD_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12}

NO_STATION_DELIVERS = "no_station_delivers"
BEYOND_DELIVERY = "beyond_delivery"
#: How a household is served, in the order in which :func:`together` names them.
SERVED = ("both", "walking", "delivery", "none")


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """How deliveries are judged.

    Parameters
    ----------
    limit_m
        Reach of services that state none, metres along the ways.
    speeds_m_s
        Metres per second, by means.

    Raises
    ------
    gis.errors.InvalidInputError
        The limit or a speed is not positive.
    """

    limit_m: float = 3_000.0
    speeds_m_s: Mapping[str, float] = field(default_factory=lambda: dict(DELIVERY_SPEEDS))

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        check_threshold(self.limit_m)
        for means, speed in self.speeds_m_s.items():
            if not 0 < speed < np.inf:
                msg = f"Nothing is delivered at {speed} m/s ({means})."
                raise InvalidInputError(msg, remedy="Give metres per second.", field="speeds_m_s")


def travelling(station_services: "pd.DataFrame", service: str | None = None) -> "pd.DataFrame":
    """Return the services that travel, with the hours of their delivery as ``opening_hours``."""
    if "mode" not in station_services:
        return station_services.iloc[:0]
    chosen = station_services["mode"].isin(["delivery", "both"])
    if service is not None:
        chosen &= station_services["service"] == service
    offers = station_services[chosen]
    hours = offers["delivery_hours"].where(
        offers["delivery_hours"].notna(), offers["opening_hours"]
    )
    return offers.assign(opening_hours=hours)


def delivering_at(
    stations: "pd.DataFrame",
    station_services: "pd.DataFrame",
    scenario: Scenario,
    context: HoursContext,
) -> "pd.Series[bool]":
    """Return whether each station is known to deliver a service at a moment; same index.

    Raises
    ------
    gis.errors.InvalidInputError
        Hours of a station cannot be read.
    """
    offers = travelling(station_services, scenario.service)
    states = opening_states(stations, offers, [scenario], context)
    return (states.iloc[:, 0] == OpeningState.OPEN.value).rename("delivering")


def delivery_verdicts(
    ground: "WalkedGround",
    station_services: "pd.DataFrame",
    service: str,
    delivering: "pd.Series[bool]",
    options: DeliveryOptions | None = None,
) -> "pd.DataFrame":
    """Return the station that comes to each building soonest, or the reason why none does.

    Parameters
    ----------
    ground
        Buildings and stations on the network.
    station_services
        The services, with their reach and means.
    service
        Code of the service.
    delivering
        Whether each station delivers, on the index of the stations: :func:`delivering_at`.
    options
        Reach where none is stated, and speeds.

    Returns
    -------
    pandas.DataFrame
        Index of the buildings. ``station_id`` (or None), ``distance_m`` along the ways,
        ``minutes`` of the way, ``means`` (walking, riding or None), ``reason`` (or None) and
        ``delivered``.
    """
    import pandas as pd

    options = options or DeliveryOptions()
    offers = _offers(ground, station_services, service, delivering, options)
    pairs = _reached(ground, offers)
    minutes = pairs.cost_m / (60 * offers["speed_m_s"].to_numpy(dtype=float)[pairs.station])
    order = np.lexsort((pairs.station, pairs.distance_m, minutes, pairs.origin))
    row, first = np.unique(pairs.origin[order], return_index=True)
    best = order[first]
    count = len(ground.buildings)
    station, means, reason = (np.full(count, None, dtype=object) for _ in range(3))
    metres, took = np.full((2, count), np.nan)
    station[row] = ground.stations.to_numpy(dtype=object)[pairs.station[best]]
    means[row] = offers["means"].to_numpy(dtype=object)[pairs.station[best]]
    metres[row], took[row] = pairs.distance_m[best], minutes[best]
    delivered = np.zeros(count, dtype=bool)
    delivered[row] = True
    reason[~delivered] = _reasons(ground, offers)[~delivered]
    index = ground.buildings.index
    texts = {"station_id": station, "means": means, "reason": reason}
    found = {name: pd.Series(values, index, dtype=object) for name, values in texts.items()}
    found |= {"distance_m": pd.Series(metres, index), "minutes": pd.Series(took, index)}
    names = ["station_id", "distance_m", "minutes", "means", "reason"]
    return pd.DataFrame(found)[names].assign(delivered=delivered)


def deliver_with_room(
    ground: "WalkedGround",
    station_services: "pd.DataFrame",
    service: str,
    delivering: "pd.Series[bool]",
    demand: "pd.Series[int]",
    *,
    period: str = "day",
    options: DeliveryOptions | None = None,
) -> RoomPlan:
    """Return which station serves how many households of each building in a period.

    The rule is that of :mod:`gis.coverage.capacity`, with the metres that are travelled.

    Parameters
    ----------
    ground, station_services, service, delivering, options
        As for :func:`delivery_verdicts`.
    demand
        Households of each building that want the service in the period, on the buildings' index.
    period
        ``day``, ``week`` or ``month``. A capacity that is stated for another period is taken in
        proportion to the days, rounded down.

    Raises
    ------
    gis.errors.InvalidInputError
        The period is not known, or the demand is not on its index or not in whole numbers.
    """
    offers = _offers(ground, station_services, service, delivering, options or DeliveryOptions())
    if period not in PERIOD_DAYS:
        msg = f"There is no period {period!r}."
        raise InvalidInputError(msg, remedy=f"Use one of {', '.join(PERIOD_DAYS)}.", field="period")
    own = offers["period"].map(PERIOD_DAYS).astype(float)
    stated = offers["capacity"].astype("Float64") * (PERIOD_DAYS[period] / own)
    # A hair's breadth above a whole number is that number.
    whole = (stated + 1e-9).map(np.floor, na_action="ignore").astype("Int64")
    room: pd.Series[int] = whole.set_axis(ground.stations.index)
    pairs = _reached(ground, offers)
    return place_pairs(ground.buildings, ground.stations, demand, room, pairs)


def together(walking: "pd.Series[bool]", delivered: "pd.Series[bool]") -> "pd.Series[str]":
    """Return how each building is served: ``both``, ``walking``, ``delivery`` or ``none``.

    Raises
    ------
    gis.errors.InvalidInputError
        The two are not on one index.
    """
    import pandas as pd

    if not walking.index.equals(delivered.index):
        msg = "delivered is not on the index of walking."
        raise InvalidInputError(msg, remedy="Pass one value per building.", field="delivered")
    on_foot, brought = walking.to_numpy(dtype=bool), delivered.to_numpy(dtype=bool)
    kind = np.where(on_foot, np.where(brought, 0, 1), np.where(brought, 2, 3))
    return pd.Series(np.array(SERVED, dtype=object)[kind], index=walking.index, name="served")


def together_shares(
    buildings: "pd.DataFrame", served: "pd.Series[str]", by: "pd.Series[str] | None" = None
) -> "pd.DataFrame":
    """Return how many people are served in which way, for all or per group.

    Parameters
    ----------
    buildings
        Buildings with the counts of :data:`gis.coverage.shares.PEOPLE`.
    served
        Answer of :func:`together`.
    by
        Group of each building; ``None``: all together.

    Returns
    -------
    pandas.DataFrame
        Index: ``served`` (every way), or group and ``served``. Per count its number and
        ``{count}_share`` of the group (NA for a group that has none).
    """
    import pandas as pd

    check_index(buildings, served=served)
    ways = pd.Categorical(served, categories=list(SERVED))
    group = pd.Series("all", index=buildings.index) if by is None else by
    check_index(buildings, by=group)
    counts = buildings.loc[:, list(PEOPLE)]
    sums = counts.groupby([group.rename("group"), ways], observed=False).sum()
    sums.index = sums.index.set_names(["group", "served"])
    totals = sums.groupby(level="group").transform("sum").astype("Float64")
    for name in PEOPLE:
        known = totals[name].where(totals[name] > 0)
        sums[f"{name}_share"] = sums[name].astype("Float64") / known
    return sums.droplevel("group") if by is None else sums


def _offers(
    ground: "WalkedGround",
    station_services: "pd.DataFrame",
    service: str,
    delivering: "pd.Series[bool]",
    options: DeliveryOptions,
) -> "pd.DataFrame":
    """Return for each station, by row: whether it delivers now, reach, means, speed, capacity."""
    if not delivering.index.equals(ground.stations.index):
        msg = "delivering is not on the index of the stations."
        raise InvalidInputError(msg, remedy="Pass one value per station.", field="delivering")
    names = {
        "delivery_reach_m": "reach_m",
        "delivery_by": "means",
        "delivery_capacity": "capacity",
        "delivery_period": "period",
    }
    own = travelling(station_services, service).set_index("station_id")[list(names)]
    offers = own.rename(columns=names).reindex(ground.stations.to_numpy())
    is_on = delivering.to_numpy(dtype=bool) & ground.stations.isin(own.index).to_numpy()
    offers["means"] = offers["means"].where(offers["means"].notna(), "riding")
    offers["period"] = offers["period"].where(offers["period"].notna(), "day")
    reach = offers["reach_m"].astype(float).fillna(options.limit_m)
    speed = offers["means"].map(dict(options.speeds_m_s)).astype(float)
    return offers.assign(delivering=is_on, reach_m=reach, speed_m_s=speed)


def _reached(ground: "WalkedGround", offers: "pd.DataFrame") -> PairTable:
    """Return the pairs of buildings and delivering stations within the reach of each."""
    reach: NDArray[np.float64] = np.where(offers["delivering"], offers["reach_m"], 0.0)
    farthest = float(reach.max(initial=0.0))
    if farthest <= 0:
        nothing = np.zeros(0, dtype=np.int64)
        return PairTable(nothing, nothing, np.zeros(0), np.zeros(0))
    pairs = ground.pairs(farthest, by="distance")
    keep = pairs.distance_m <= reach[pairs.station]
    return PairTable(
        pairs.origin[keep], pairs.station[keep], pairs.distance_m[keep], pairs.cost_m[keep]
    )


def _reasons(ground: "WalkedGround", offers: "pd.DataFrame") -> "NDArray[np.object_]":
    """Return why nothing comes to a building, for those to which nothing comes."""
    reason: NDArray[np.object_] = ground.doors.reason
    mask = offers["delivering"].to_numpy(dtype=bool)
    if not mask.any():
        reason[:] = NO_STATION_DELIVERS
        return reason
    [walk] = ground.walks(mask[None, :])
    placed = ground.doors.edge >= 0
    reason[placed] = np.where(walk.station[placed] < 0, NO_STATION_REACHABLE, BEYOND_DELIVERY)
    return reason
