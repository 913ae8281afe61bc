"""Whose grid is this, and which open and able station is nearest: for a point and for a layer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gis.errors import InvalidInputError
from gis.hours import OpeningState, open_state
from gis.layers import grids, matters, stations
from gis.scope import Action
from gis.services.opening import read_calendar

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: Layers whose rows are assigned.
MATTER_LAYERS = ("incidents", "demands")


def local_day(at: datetime, timezone: str) -> date:
    """Return the calendar day of a moment where the stations are."""
    return at.astimezone(ZoneInfo(timezone)).date()


def locate(session: "Session", scope: "Scope", where: grids.Where) -> grids.Located:
    """Return the one grid at a point, or the reason why there is none.

    Raises
    ------
    gis.errors.InvalidInputError
        The point is not on the globe.
    """
    check_point(where.lon, where.lat)
    return grids.locate(session, scope, where)


@dataclass(frozen=True, slots=True)
class NearestStations:
    """The nearest open and able stations, and how sure the hours are.

    Parameters
    ----------
    stations
        Nearest first; may be empty.
    reason
        Why it is empty: ``no_station_offers``, ``none_open`` or ``hours_unknown``.
    within_horizon
        Whether the stored intervals answered; otherwise the hours were read for that moment.
    calendar_verified
        Whether holidays of that year are known.
    hours_unknown
        Stations that offer the service at hours nobody has stated; they are not in the answer.
    """

    stations: list[stations.NearStation]
    reason: str | None
    within_horizon: bool
    calendar_verified: bool
    hours_unknown: int


def nearest_stations(
    session: "Session", scope: "Scope", place: stations.Place, *, timezone: str, limit: int = 1
) -> NearestStations:
    """Return the nearest stations that are open at a moment and offer a service.

    Within the stated horizon the stored intervals answer; beyond it the hours of each station are
    read for that one moment.

    Raises
    ------
    gis.errors.InvalidInputError
        The point is not on the globe, or the moment has no time zone.
    """
    check_point(place.lon, place.lat)
    if place.at.tzinfo is None:
        raise InvalidInputError(
            "The moment has no time zone.",
            remedy="Write it as 2026-05-01T22:00:00+08:00.",
            field="at",
        )
    calendar = read_calendar(session, scope)
    day = local_day(place.at, timezone)
    offering = [s for s in stations.offering(session, scope, place) if s.serves_on(day)]
    unknown = sum(s.opening_hours is None for s in offering)
    within = stations.hours_known_at(session, scope, place.at)
    if within:
        found = stations.nearest_open(session, scope, place, timezone=timezone, limit=limit)
    else:
        found = _open_by_rule(session, scope, offering, place, timezone)[:limit]
    reason = None
    if not found:
        reason = "no_station_offers" if not offering else "none_open"
        if offering and unknown == len(offering):
            reason = "hours_unknown"
    return NearestStations(found, reason, within, day.year in calendar.years, unknown)


def _open_by_rule(
    session: "Session",
    scope: "Scope",
    offering: "list[stations.Offer]",
    place: stations.Place,
    timezone: str,
) -> "list[stations.NearStation]":
    calendar = read_calendar(session, scope)
    dated = stations.exceptions(session, scope.for_ground())
    found = []
    for offer in offering:
        rules = stations.dated_rules(dated.get(offer.station_id, []), place.service)
        state = open_state(
            offer.opening_hours, place.at, timezone=timezone, calendar=calendar, exceptions=rules
        ).state
        if state is OpeningState.OPEN:
            found.append(offer.near())
    return found


def assign_layer(
    session: "Session",
    scope: "Scope",
    layer: str,
    *,
    timezone: str,
    kind: str = "community",
    only_unassigned: bool = True,
) -> int:
    """Assign grid and station to every matter of a layer as one set; return how many were asked.

    A matter is assigned under the plan of the kind in effect on the day it occurred, and to the
    nearest station that was open then and offers its service. "None" always has a reason.
    """
    scope.require_everywhere(Action.WRITE)
    return matters.assign(
        session, scope, layer, kind=kind, timezone=timezone, only_unassigned=only_unassigned
    )


def check_point(lon: float, lat: float) -> None:
    """Raise :class:`~gis.errors.InvalidInputError` unless a point is on the globe."""
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # NaN and infinity fail both
        raise InvalidInputError(
            f"lon {lon}, lat {lat} is not a place on the globe.",
            remedy="Give degrees: lon in -180…180, lat in -90…90, in this order.",
            field="lon, lat",
        )


def now() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)
