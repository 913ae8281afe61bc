"""What is asked of coverage, and which stations serve then: by the hours of the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from gis.coverage.scenarios import HoursContext, Scenario, opening_states
from gis.coverage.verdicts import THRESHOLDS_M
from gis.coverage.walking_coverage import THRESHOLDS_MIN, WalkOptions, on_the_spot, serving_on
from gis.errors import InvalidInputError
from gis.hours import OpeningState
from gis.layers import stations
from gis.services.locating import local_day
from gis.services.opening import read_calendar

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.hours import Calendar
    from gis.scope import Scope
    from gis.services.walking import Places

Method = Literal["walking", "straight_line"]
METHODS: tuple[Method, ...] = ("walking", "straight_line")


@dataclass(frozen=True, slots=True)
class CoverageQuestion:
    """A service at a moment or on a day, and how reach is measured.

    Parameters
    ----------
    service
        Code of the service; ``None``: any.
    timezone
        IANA name of the zone of the place.
    at
        A moment: stations count that are known to be open then. Now if neither is given. It is
        told in the zone of the place, whatever zone it is given in.
    as_of
        A day: stations count that are in service then, whatever their hours; planned ones from
        their first day.
    method
        On foot or in a straight line.
    options
        Radii, minutes and whose speed.

    Raises
    ------
    gis.errors.InvalidInputError
        Both a moment and a day are given, or the moment has no time zone.
    """

    service: str | None
    timezone: str
    at: datetime | None = None
    as_of: date | None = None
    method: Method = "walking"
    options: WalkOptions = field(default_factory=WalkOptions)

    def __post_init__(self) -> None:
        """Settle the moment."""
        if self.at is not None and self.as_of is not None:
            raise InvalidInputError(
                "Both a moment and a day are given.",
                remedy="Use at for a moment, with opening hours, or as_of for a day, without.",
                field="as_of",
            )
        if self.at is None and self.as_of is None:
            object.__setattr__(self, "at", datetime.now(UTC))
        if self.at is not None and self.at.tzinfo is None:
            raise InvalidInputError(
                "The moment has no time zone.",
                remedy="Write it as 2026-05-01T22:00:00+08:00.",
                field="at",
            )
        if self.at is not None:
            object.__setattr__(self, "at", self.at.astimezone(ZoneInfo(self.timezone)))

    @property
    def day(self) -> date:
        """The local day that is meant."""
        if self.at is not None:
            return local_day(self.at, self.timezone)
        assert self.as_of is not None
        return self.as_of


def walk_options(
    group: str = "adult",
    metres: Sequence[float] = THRESHOLDS_M,
    minutes: Sequence[float] = THRESHOLDS_MIN,
) -> WalkOptions:
    """Return thresholds in growing order, each once, and a group's speed."""
    return WalkOptions(tuple(sorted(set(metres))), tuple(sorted(set(minutes))), group)


@dataclass(frozen=True, slots=True)
class Serving:
    """Which stations count.

    Parameters
    ----------
    mask
        On the index of the stations.
    offering
        Stations in service that day with the service.
    unknown
        Of these, stations at hours nobody has stated; they do not count.
    calendar
        ``verified``, or ``unverified`` where the holidays of the year are not known.
    reason
        Why none counts: ``no_station_offers``, ``none_open`` or ``hours_unknown``.
    """

    mask: "pd.Series[bool]"
    offering: int
    unknown: int
    calendar: Literal["verified", "unverified"]
    reason: str | None


@dataclass(frozen=True)
class HoursBook:
    """The calendar and the stations' dated exceptions, as the store has them."""

    timezone: str
    calendar: "Calendar"
    dated: "dict[str, list[Row[Any]]]"

    @classmethod
    def read(cls, session: "Session", scope: "Scope", timezone: str) -> "HoursBook":
        """Read both."""
        dated = stations.exceptions(session, scope.for_ground())
        return cls(timezone, read_calendar(session, scope), dated)

    def context(self, service: str) -> HoursContext:
        """Return what hours of a service are read by; exceptions of other services are left out."""
        rules = {k: stations.dated_rules(rows, service) for k, rows in self.dated.items()}
        return HoursContext(self.timezone, self.calendar, rules)

    def verified(self, day: date) -> Literal["verified", "unverified"]:
        """Say whether the holidays of a day's year are known."""
        return "verified" if day.year in self.calendar.years else "unverified"


def services_of(offers: "pd.DataFrame", service: str | None) -> list[str]:
    """Return the service that is asked for, or every one that somebody offers."""
    return [service] if service is not None else sorted(set(offers["service"]))


def serving(
    session: "Session", scope: "Scope", places: "Places", question: CoverageQuestion
) -> Serving:
    """Return which stations people can walk to for what is asked.

    Raises
    ------
    gis.errors.InvalidInputError
        Hours of a station cannot be read.
    """
    book = HoursBook.read(session, scope, question.timezone)
    day = question.day
    in_service = serving_on(places.stations, places.station_services, question.service, day)
    offering, unknown, mask = int(in_service.sum()), 0, in_service
    if question.at is not None:
        is_open, not_known = open_and_unknown(book, places, question.service, question.at)
        mask = in_service & is_open
        unknown = int((in_service & not_known).sum())
    reason = None
    if not mask.any():
        reason = "hours_unknown" if unknown == offering else "none_open"
        reason = reason if offering else "no_station_offers"
    return Serving(mask, offering, unknown, book.verified(day), reason)


def open_and_unknown(
    book: HoursBook, places: "Places", service: str | None, moment: datetime
) -> "tuple[pd.Series[bool], pd.Series[bool]]":
    """Return which stations are known to be open, and of which nobody knows."""
    import pandas as pd

    offers = on_the_spot(places.station_services)
    is_open: NDArray[np.bool_] = np.zeros(len(places.stations), dtype=bool)
    unknown = is_open.copy()
    for one in services_of(offers, service):
        own = offers[offers["service"] == one]
        states = opening_states(places.stations, own, [Scenario(one, moment)], book.context(one))
        state = states.iloc[:, 0].to_numpy()
        is_open |= state == OpeningState.OPEN.value
        unknown |= state == OpeningState.UNKNOWN.value
    index = places.stations.index
    return pd.Series(is_open, index=index), pd.Series(unknown & ~is_open, index=index)
