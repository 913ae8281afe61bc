"""The week profile: who is covered in each of the 168 hours of a real week, and what is missing.

A week is given by its Monday, so that holidays and make-up workdays fall where they fell. An hour
stands for the moment at which it begins (or some minutes later, for all hours alike): the same
verdict as for that moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from gis.coverage.scenarios import HoursContext, Scenario, opening_states
from gis.coverage.shares import PEOPLE
from gis.coverage.verdicts import check_threshold, nearest_open_station
from gis.coverage.walking_coverage import WalkedGround, on_the_spot
from gis.errors import InvalidInputError
from gis.hours import OpeningState

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]

HOURS = 168
#: For sets of serving stations ``(j, s)``, how far each building is from the nearest of each set,
#: ``(j, k)``: metres or minutes, NaN where there is none.
Measure = Callable[["Bools"], "Floats"]


class Part(NamedTuple):
    """A part of the week: hours of working days, or of days of rest."""

    name: str
    of_rest: bool
    first_hour: int
    last_hour: int


#: When offices are open, and when those who work there are free: the parts that are compared.
PARTS = (
    Part("office", of_rest=False, first_hour=9, last_hour=16),
    Part("evening", of_rest=False, first_hour=18, last_hour=21),
    Part("weekend", of_rest=True, first_hour=9, last_hour=20),
)


@dataclass(frozen=True, eq=False)
class WeekHours:
    """Which stations serve in each hour of a week.

    Parameters
    ----------
    moments
        The 168 moments, with their zone.
    open_stations, unknown
        ``(168, s)``: known to be open; hours nobody knows.
    of_rest
        ``(168,)``: the day follows the rules of a Saturday, a Sunday or a holiday.
    calendar_verified
        Whether the calendar knows every year of the week.
    """

    moments: tuple[datetime, ...]
    open_stations: "Bools"
    unknown: "Bools"
    of_rest: "Bools"
    calendar_verified: bool

    @property
    def calendar(self) -> str:
        """``verified``, or ``unverified`` where weekday rules stand in for an unknown year."""
        return "verified" if self.calendar_verified else "unverified"

    @property
    def distinct_sets(self) -> int:
        """How many different sets of open stations the week has: so many are measured."""
        return len(np.unique(self.open_stations, axis=0))


@dataclass(frozen=True, eq=False)
class WeekProfile:
    """Who is covered hour by hour.

    Parameters
    ----------
    hours
        The stations' week.
    within
        ``(168, k)`` whether each building is within reach.
    table
        168 rows: ``moment``, ``day``, ``hour``, ``of_rest``, ``stations_open``,
        ``stations_unknown``, and per count of people ``{count}_covered`` and ``{count}_share``
        (0 to 1; NA where there are none).
    """

    hours: WeekHours
    within: "Bools"
    table: "pd.DataFrame"


def week_hours(
    stations: "pd.DataFrame",
    station_services: "pd.DataFrame",
    service: str | None,
    monday: date,
    context: HoursContext,
    *,
    minute: int = 0,
) -> WeekHours:
    """Return which stations serve on the spot in each hour of a week.

    Parameters
    ----------
    stations, station_services
        Frames of these contracts; services that only travel are left out.
    service
        Code of the service; ``None``: any.
    monday
        First day of the week, where the stations are.
    context
        Zone, calendar and dated exceptions.
    minute
        Minute of each hour that stands for it. Where clocks change, an hour that is left out
        stands for the one after it, and one that comes twice for its first.

    Raises
    ------
    gis.errors.InvalidInputError
        The day is no Monday, the minute no minute, or hours of a station cannot be read.
    """
    if monday.weekday() != 0:
        msg = f"The week cannot begin on {monday}, a {monday:%A}."
        remedy = f"Use {monday - timedelta(days=monday.weekday())}."
        raise InvalidInputError(msg, remedy=remedy, field="monday")
    if not 0 <= minute < 60:
        msg = f"An hour has no minute {minute}."
        raise InvalidInputError(msg, remedy="Use 0 to 59.", field="minute")
    zone = ZoneInfo(str(context.timezone))
    moments = [
        datetime.combine(monday + timedelta(days=day), time(hour, minute), zone)
        for day in range(7)
        for hour in range(24)
    ]
    # Two of them can be one instant where clocks change; a scenario's column is its local time.
    scenarios = [Scenario(service, moment) for moment in moments]
    states = opening_states(stations, on_the_spot(station_services), scenarios, context)
    found = states.to_numpy().T
    return WeekHours(
        tuple(moments),
        np.asarray(found == OpeningState.OPEN.value, dtype=bool),
        np.asarray(found == OpeningState.UNKNOWN.value, dtype=bool),
        np.array([context.calendar.weekday(moment.date()) >= 5 for moment in moments]),
        all(context.verified(moment) for moment in moments),
    )


def walked_cost(ground: WalkedGround) -> Measure:
    """Return the measure of equivalent metres on foot."""

    def measure(masks: "Bools") -> "Floats":
        return np.array([walk.cost_m for walk in ground.walks(masks)])

    return measure


def walked_distance(ground: WalkedGround) -> Measure:
    """Return the measure of metres of the walk."""

    def measure(masks: "Bools") -> "Floats":
        return np.array([walk.distance_m for walk in ground.walks(masks)])

    return measure


def straight_distance(ground: WalkedGround) -> Measure:
    """Return the measure of metres in a straight line on the spheroid."""

    def measure(masks: "Bools") -> "Floats":
        places, spots = ground.straight_lonlat
        return np.array([nearest_open_station(places, spots, mask)[1] for mask in masks])

    return measure


def week_profile(
    buildings: "pd.DataFrame", hours: WeekHours, measure: Measure, threshold: float
) -> WeekProfile:
    """Return who is within reach in each hour of a week; each distinct set of stations once.

    Parameters
    ----------
    buildings
        Buildings with the counts of :data:`gis.coverage.shares.PEOPLE`.
    hours
        The stations' week.
    measure
        How far buildings are from sets of stations, for example :func:`walked_distance`.
    threshold
        Greatest distance in the unit of ``measure``, the border included.

    Raises
    ------
    gis.errors.InvalidInputError
        The threshold is not positive.
    """
    check_threshold(threshold)
    sets, which = np.unique(hours.open_stations, axis=0, return_inverse=True)
    near = np.asarray(measure(sets) <= threshold)  # NaN is beyond
    within = near.reshape(len(sets), len(buildings))[which.ravel()]
    return WeekProfile(hours, within, _table(buildings, hours, within))


def _table(buildings: "pd.DataFrame", hours: WeekHours, within: "Bools") -> "pd.DataFrame":
    import pandas as pd

    data: dict[str, Any] = {
        "moment": list(hours.moments),
        "day": [moment.date() for moment in hours.moments],
        "hour": [moment.hour for moment in hours.moments],
        "of_rest": hours.of_rest,
        "stations_open": hours.open_stations.sum(axis=1),
        "stations_unknown": hours.unknown.sum(axis=1),
    }
    for name in PEOPLE:
        counts = buildings[name].to_numpy(dtype=np.int64)
        covered = within @ counts
        data[f"{name}_covered"] = covered
        total = int(counts.sum())
        share = covered / total if total else [pd.NA] * len(covered)
        data[f"{name}_share"] = pd.array(share, dtype="Float64")
    return pd.DataFrame(data)


def week_gaps(
    profile: WeekProfile, buildings: "pd.DataFrame", count: str = "residents"
) -> "pd.DataFrame":
    """Return how much is missing in the evenings and at weekends against office hours.

    Parameters
    ----------
    profile
        The week.
    buildings
        The buildings it was made for.
    count
        Whose shares are compared.

    Returns
    -------
    pandas.DataFrame
        Index: :data:`PARTS`. ``hours`` of the part in this week, ``mean_share``, ``least_share``
        and ``least_at`` (the first such moment), ``never`` (people who are covered in no hour of
        the part) and ``gap`` (mean share of office hours less that of the part). NA where nobody
        lives, or where the week has no such hour.
    """
    import pandas as pd

    table = profile.table
    people = buildings[count].to_numpy(dtype=np.int64)
    rows: dict[str, Mapping[str, Any]] = {}
    for part in PARTS:
        inside = (table["of_rest"] == part.of_rest) & table["hour"].between(
            part.first_hour, part.last_hour
        )
        shares = table.loc[inside, f"{count}_share"]
        known = bool(inside.any() and shares.notna().all())
        ever = profile.within[inside.to_numpy()].any(axis=0)
        rows[part.name] = {
            "hours": int(inside.sum()),
            "mean_share": shares.mean() if known else pd.NA,
            "least_share": shares.min() if known else pd.NA,
            "least_at": table["moment"][inside].iloc[int(shares.argmin())] if known else None,
            "never": int(people[~ever].sum()) if known else pd.NA,
        }
    out = pd.DataFrame.from_dict(rows, orient="index")
    kinds = {"mean_share": "Float64", "least_share": "Float64", "never": "Int64"}
    out = out.astype(kinds)
    out["gap"] = out["mean_share"].rsub(rows["office"]["mean_share"])
    return out
