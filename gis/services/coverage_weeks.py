"""The week hour by hour: who is within reach, and what evenings and weekends lack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.coverage.profiles import (
    HOURS,
    Measure,
    WeekHours,
    WeekProfile,
    walked_cost,
    walked_distance,
    week_gaps,
    week_hours,
    week_profile,
)
from gis.coverage.shares import PEOPLE
from gis.coverage.shown_shares import withheld_steps
from gis.coverage.verdicts import nearest_open_station
from gis.coverage.walking_coverage import on_the_spot
from gis.errors import NotFoundError
from gis.services.coverage_asked import CoverageQuestion, HoursBook, services_of
from gis.services.coverage_evidence import plain
from gis.services.coverage_shares import OPEN_COUNTS
from gis.services.walking import WalkingGround

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.services.walking import Places


@dataclass(frozen=True, slots=True)
class WeekOrder:
    """Which week, and what covered means.

    Parameters
    ----------
    monday
        First day of the week.
    threshold, unit
        At most so many metres of the way, or minutes at the speed of the question.
    community
        Code of a community; None: everybody.
    minute
        Minute of each hour that stands for it.
    """

    monday: date
    threshold: float = 500.0
    unit: Literal["m", "min"] = "m"
    community: str | None = None
    minute: int = 0


@dataclass(frozen=True, eq=False)
class Week:
    """A week of coverage; what is small is withheld.

    Parameters
    ----------
    hours
        168 of ``moment``, ``day``, ``hour``, ``of_rest``, ``stations_open``,
        ``stations_unknown``, ``covered`` and ``share`` by count, ``suppressed``.
    gaps
        Office hours, evenings of working days and daytime on days of rest: ``part``, ``hours``,
        ``mean_share``, ``least_share``, ``least_at``, ``never`` and ``gap``, of households.
    counts
        All people, by count.
    calendar
        ``verified`` or ``unverified``.
    distinct_sets
        How many different sets of open stations the week has.
    network
        Version of the walking network; ``None``: none was needed.
    """

    hours: Sequence[dict[str, Any]]
    gaps: Sequence[dict[str, Any]]
    counts: dict[str, int | None]
    calendar: str
    distinct_sets: int
    network: str | None


def monday_of(day: date) -> date:
    """Return the Monday of the week of a day."""
    return day - timedelta(days=day.weekday())


def read_week(
    session: "Session",
    scope: "Scope",
    places: "Places",
    question: CoverageQuestion,
    order: WeekOrder,
    below: int,
) -> Week:
    """Return who is within reach in each of the 168 hours of a week.

    Raises
    ------
    gis.errors.InvalidInputError
        The week does not begin on a Monday, or hours of a station cannot be read.
    gis.errors.NotFoundError
        There is no community with the code.
    """
    hours = _hours(session, scope, places, question, order)
    chosen = chosen_buildings(places, order.community)
    buildings = places.buildings[chosen]
    limit, measure = _measure(places, question, order)
    profile = week_profile(buildings, hours, lambda masks: measure(masks)[:, chosen], limit)
    network = places.data_version if isinstance(places, WalkingGround) else None
    if question.method == "straight_line":
        network = None
    counts = {name: int(buildings[name].sum()) for name in PEOPLE}
    shown = {n: None if n not in OPEN_COUNTS and 0 < c < below else c for n, c in counts.items()}
    gaps = week_gaps(profile, buildings, "households")
    return Week(
        _told(profile, counts, below),
        [
            {"part": part, **{str(name): _short(value) for name, value in row.items()}}
            for part, row in zip(gaps.index, gaps.to_dict("records"), strict=True)
        ],
        shown,
        hours.calendar,
        hours.distinct_sets,
        network,
    )


def _hours(
    session: "Session",
    scope: "Scope",
    places: "Places",
    question: CoverageQuestion,
    order: WeekOrder,
) -> WeekHours:
    """Return which stations are open in each hour; of several services the best state counts."""
    book = HoursBook.read(session, scope, question.timezone)
    offers = on_the_spot(places.station_services)
    services = services_of(offers, question.service)
    found = [
        week_hours(
            places.stations,
            offers[offers["service"] == service],
            service,
            order.monday,
            book.context(service),
            minute=order.minute,
        )
        for service in services or ["affairs"]
    ]
    is_open = np.any([one.open_stations for one in found], axis=0)
    unknown = np.any([one.unknown for one in found], axis=0) & ~is_open
    return replace(found[0], open_stations=is_open, unknown=unknown)


def chosen_buildings(places: "Places", community: str | None) -> "NDArray[np.bool_]":
    """Return which buildings are of a community, given by its code; ``None``: all.

    Raises
    ------
    gis.errors.NotFoundError
        There is no community with the code.
    """
    if community is None:
        return np.ones(len(places.buildings), dtype=bool)
    own = places.communities.loc[places.communities["code"] == community, "id"]
    if not len(own):
        raise NotFoundError(
            f"There is no community {community}.", remedy="The layer communities lists them."
        )
    return np.asarray(places.buildings["community_id"].isin(own), dtype=bool)


def _measure(
    places: "Places", question: CoverageQuestion, order: WeekOrder
) -> tuple[float, Measure]:
    """Return the limit and the measure that it is a limit of."""
    limit = order.threshold
    if order.unit == "min":
        limit *= 60 * question.options.speed_m_s
    if question.method == "straight_line":
        homes, spots = places.lonlat
        return limit, lambda masks: np.array(
            [nearest_open_station(homes, spots, mask)[1] for mask in masks]
        )
    assert isinstance(places, WalkingGround)
    walked = places.walked
    return limit, walked_cost(walked) if order.unit == "min" else walked_distance(walked)


def _told(profile: WeekProfile, counts: dict[str, int], below: int) -> list[dict[str, Any]]:
    table = profile.table
    hidden = {
        name: np.zeros(HOURS, dtype=bool)
        if name in OPEN_COUNTS
        else withheld_steps(table[f"{name}_covered"].to_numpy(np.int64), counts[name], below)
        for name in PEOPLE
    }
    out = []
    for row, hour in enumerate(table.to_dict("records")):
        gone = [name for name in PEOPLE if hidden[name][row]]
        out.append(
            {
                "moment": profile.hours.moments[row],
                **{name: hour[name] for name in ("day", "hour", "of_rest")},
                **{name: hour[name] for name in ("stations_open", "stations_unknown")},
                "covered": {n: None if n in gone else hour[f"{n}_covered"] for n in PEOPLE},
                "share": {n: None if n in gone else _short(hour[f"{n}_share"]) for n in PEOPLE},
                "suppressed": gone,
            }
        )
    return out


def _short(value: Any) -> Any:  # noqa: ANN401 - a value of a frame
    found = plain(value)
    return round(found, 4) if isinstance(found, float) else found
