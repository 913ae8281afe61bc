"""Services × moments: which stations are open then, and how far each building is from one."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from gis.coverage.verdicts import building_locations, lonlat_array, nearest_open_station
from gis.errors import InvalidInputError
from gis.hours import Calendar, Expansion, HoursException, OpeningState, expand_hours

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from gis.hours import Interval

Exceptions = Mapping[str, Sequence[HoursException]]
#: How ``service=None`` reads in the columns of a table.
ANY_SERVICE = "any"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A service at a moment.

    Parameters
    ----------
    service
        Code of the service; ``None``: any service at all.
    moment
        An instant, with a time zone.

    Raises
    ------
    gis.errors.InvalidInputError
        The moment has no time zone.
    """

    service: str | None
    moment: datetime

    def __post_init__(self) -> None:
        """Refuse a moment that could be anywhere."""
        if self.moment.tzinfo is None:
            msg = f"The moment {self.moment} has no time zone."
            raise InvalidInputError(msg, remedy="Pass an aware datetime.", field="moment")

    @property
    def key(self) -> tuple[str, str]:
        """Service and ISO time with offset: its column in a table of scenarios."""
        return self.service or ANY_SERVICE, self.moment.isoformat(timespec="minutes")


@dataclass(frozen=True, slots=True)
class HoursContext:
    """What hours are read by: the zone and calendar of the place, and the stations' exceptions.

    Parameters
    ----------
    timezone
        IANA name.
    calendar
        Holidays and make-up workdays.
    exceptions
        Dated exceptions by station id; they hold for every service of the station.
    """

    timezone: str | ZoneInfo
    calendar: Calendar
    exceptions: Exceptions = field(default_factory=dict)

    def verified(self, moment: datetime) -> bool:
        """Return whether the calendar knows the local year of ``moment``."""
        return moment.astimezone(ZoneInfo(str(self.timezone))).year in self.calendar.years


def scenarios_of(services: Iterable[str | None], moments: Iterable[datetime]) -> list[Scenario]:
    """Return every service at every moment, services first, in the order given."""
    times = list(moments)
    return [Scenario(service, moment) for service in services for moment in times]


def opening_states(
    stations: "pd.DataFrame",
    station_services: "pd.DataFrame",
    scenarios: Sequence[Scenario],
    context: HoursContext,
) -> "pd.DataFrame":
    """Return the state of each station in each scenario.

    A station whose status is not ``open``, that has not opened yet or has closed for good on the
    local date (``opens_on``, ``closes_on``), or that lacks the service, is closed. Of several
    services the best state counts: open before unknown before closed. Each distinct expression is
    expanded once over all moments.

    Parameters
    ----------
    stations, station_services
        Frames of these contracts.
    scenarios
        Columns of the answer.
    context
        How hours are read.

    Returns
    -------
    pandas.DataFrame
        ``open``, ``unknown`` or ``closed``; index of ``stations``, columns (service, moment).

    Raises
    ------
    gis.errors.InvalidInputError
        Hours of a station cannot be read.
    """
    import pandas as pd

    columns = pd.MultiIndex.from_tuples(
        [scenario.key for scenario in scenarios], names=["service", "moment"]
    )
    ranks = np.zeros((len(stations), len(scenarios)), dtype=np.int8)
    row_of = {station: row for row, station in enumerate(stations["id"])}
    expand = _Expander(scenarios, context)
    offers = zip(
        station_services["station_id"],
        station_services["service"],
        station_services["opening_hours"],
        strict=True,
    )
    for station, service, hours in offers:
        if station not in row_of:
            continue
        wanted = [
            column
            for column, scenario in enumerate(scenarios)
            if scenario.service in {None, service}
        ]
        found = expand(station, hours if isinstance(hours, str) else None)[wanted]
        row = row_of[station]
        ranks[row, wanted] = np.maximum(ranks[row, wanted], found)
    ranks[~in_service(stations, scenarios, context)] = 0
    return pd.DataFrame(_STATES[ranks], index=stations.index, columns=columns)


def open_at(
    stations: "pd.DataFrame",
    station_services: "pd.DataFrame",
    scenario: Scenario,
    context: HoursContext,
) -> "pd.Series[bool]":
    """Return whether each station is known to be open in a scenario; same index.

    Unknown hours count as not open; parameters and errors as :func:`opening_states`.
    """
    states = opening_states(stations, station_services, [scenario], context)
    return (states.iloc[:, 0] == OpeningState.OPEN.value).rename("open")


def scenario_distances(
    buildings: "gpd.GeoDataFrame",
    stations: "gpd.GeoDataFrame",
    station_services: "pd.DataFrame",
    scenarios: Sequence[Scenario],
    context: HoursContext,
) -> "pd.DataFrame":
    """Return the distance from each building to the nearest open station in each scenario.

    Scenarios in which the same stations are open are measured once.

    Returns
    -------
    pandas.DataFrame
        Metres on the spheroid, NaN where no station is open; index of ``buildings``, columns
        (service, moment).
    """
    import pandas as pd

    states = opening_states(stations, station_services, scenarios, context)
    is_open = (states == OpeningState.OPEN.value).to_numpy()
    places = lonlat_array(building_locations(buildings))
    station_places = lonlat_array(stations.geometry)
    measured: dict[bytes, NDArray[np.float64]] = {}
    for column in range(len(scenarios)):
        mask = is_open[:, column]
        if mask.tobytes() not in measured:
            measured[mask.tobytes()] = nearest_open_station(places, station_places, mask)[1]
    values = [measured[is_open[:, column].tobytes()] for column in range(len(scenarios))]
    table = np.column_stack(values) if values else np.empty((len(buildings), 0))
    return pd.DataFrame(table, index=buildings.index, columns=states.columns)


_STATES = np.array(
    [OpeningState.CLOSED.value, OpeningState.UNKNOWN.value, OpeningState.OPEN.value], dtype=object
)


class _Expander:
    """States of an expression at the scenarios' moments, each distinct one expanded once."""

    def __init__(self, scenarios: Sequence[Scenario], context: HoursContext) -> None:
        self._context = context
        self._moments = [scenario.moment.astimezone(UTC) for scenario in scenarios]
        self._known: dict[tuple[str | None, tuple[HoursException, ...]], NDArray[np.int8]] = {}

    def __call__(self, station: str, hours: str | None) -> "NDArray[np.int8]":
        """Return the rank of the state at every moment: 0 closed, 1 unknown, 2 open."""
        key = (hours, tuple(self._context.exceptions.get(station, ())))
        if key not in self._known:
            try:
                self._known[key] = self._ranks(*key)
            except InvalidInputError as error:
                msg = f"Station {station}: {error.message}"
                raise InvalidInputError(
                    msg, remedy=error.remedy, **(dict(error.context) | {"station": station})
                ) from error
        return self._known[key]

    def _ranks(
        self, hours: str | None, exceptions: tuple[HoursException, ...]
    ) -> "NDArray[np.int8]":
        if not self._moments:
            return np.zeros(0, dtype=np.int8)
        expansion: Expansion = expand_hours(
            hours,
            min(self._moments),
            max(self._moments) + timedelta.resolution,
            timezone=self._context.timezone,
            calendar=self._context.calendar,
            exceptions=exceptions,
        )
        unknown = _holds(expansion.unknown, self._moments)
        return np.where(_holds(expansion.intervals, self._moments), 2, unknown).astype(np.int8)


def _holds(intervals: "list[Interval]", moments: list[datetime]) -> "NDArray[np.int8]":
    starts = [begins for begins, _ in intervals]
    places = [bisect_right(starts, moment) - 1 for moment in moments]
    return np.array(
        [
            place >= 0 and moment < intervals[place][1]
            for place, moment in zip(places, moments, strict=True)
        ],
        dtype=np.int8,
    )


def in_service_on(stations: "pd.DataFrame", day: date) -> "NDArray[np.bool_]":
    """Return ``(station,)``: whether each station serves at all on a day where it is."""
    noon = Scenario(None, datetime.combine(day, time(12), UTC))
    return in_service(stations, [noon], HoursContext("UTC", Calendar()))[:, 0]


def in_service(
    stations: "pd.DataFrame", scenarios: Sequence[Scenario], context: HoursContext
) -> "NDArray[np.bool_]":
    """Return ``(station, scenario)``: whether the station serves at all on the local date.

    Its hours and services are left out of account.
    """
    import pandas as pd

    zone = ZoneInfo(str(context.timezone))
    days = np.array(
        [scenario.moment.astimezone(zone).date() for scenario in scenarios], dtype="datetime64[D]"
    )
    count = len(stations)

    def dates(name: str, absent: str) -> "NDArray[np.datetime64]":
        if name not in stations:
            return np.full((count, 1), absent, dtype="datetime64[D]")
        values = pd.to_datetime(stations[name]).to_numpy().astype("datetime64[D]")
        filled = np.where(np.isnat(values), np.datetime64(absent, "D"), values)
        return filled.reshape(count, 1)

    # Dates decide where there are dates: a planned station serves from its first day, a closed one
    # served before its last.
    status = stations["status"].to_numpy(dtype=object)
    undated = (status == "planned") & np.isnat(dates("opens_on", "NaT")[:, 0])
    undated |= (status == "closed") & np.isnat(dates("closes_on", "NaT")[:, 0])
    return np.asarray(
        ~undated.reshape(count, 1)
        & (dates("opens_on", "1900-01-01") <= days)
        & (days < dates("closes_on", "2200-01-01"))
    )
