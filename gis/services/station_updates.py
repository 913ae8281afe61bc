"""Change a station: its status, dates, services, capacity and dated hours, with an audit row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from gis.errors import InvalidInputError
from gis.hours import HoursException, parse_hours
from gis.layers import audit, station_edits, stations
from gis.layers.communities import Community
from gis.layers.queries import there_are
from gis.logs import get_logger
from gis.services.intake import refuse_personal_text
from gis.services.locating import check_point, local_day
from gis.services.opening import expand_open_intervals
from gis.services.station_dates import dated

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

_AUDITED = (
    "status",
    "opens_on",
    "closes_on",
    "services",
    "exceptions",
    "geometry",
    "community_id",
)


@dataclass(frozen=True, slots=True)
class DayHours:
    """The hours of one day; ``hours`` ``None`` lets it follow the ordinary ones again.

    Parameters
    ----------
    day
        The date where the station is.
    hours
        ``off``, ``unknown`` or times such as ``09:00-12:00,14:00-18:00``.
    service
        Only this service; ``None``: the whole station.
    note
        Why; shown to people.
    """

    day: date
    hours: str | None
    service: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StationChange:
    """What is to become of a station; what is not named stays as it is.

    Parameters
    ----------
    facts
        ``status``, ``opens_on``, ``closes_on``; a status that changes without a date takes the one
        of :func:`gis.services.station_dates.dated`.
    services
        By code: the columns to set, of :data:`gis.frames.stations.STATION_SERVICES`, or ``None``
        to stop offering it.
    exceptions
        Dated hours to set or to take back.
    place
        Longitude and latitude that it moves to, EPSG:4326.
    outside
        Whether that place may lie in no community, for example in the next subdistrict.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    services: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    exceptions: Sequence[DayHours] = ()
    place: tuple[float, float] | None = None
    outside: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.moves_coverage or self.exceptions)

    @property
    def moves_coverage(self) -> bool:
        """Whether it may open, close or move the station, or what it offers."""
        return bool(self.facts or self.services) or self.place is not None


def update_station(
    session: "Session",
    scope: "Scope",
    station_id: str,
    change: StationChange,
    *,
    versions: Sequence[int],
    timezone: str,
    request_id: str | None = None,
) -> None:
    """Change a station, write it down, and lay its hours out again; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    station_id
        The station.
    change
        What is to become of it; an empty change leaves it, and its version, alone.
    versions
        The versions that the caller may have seen; empty: any.
    timezone
        IANA name of the zone of the station.
    request_id
        For the audit trail.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such station.
    gis.errors.StaleVersionError
        It is at another version.
    gis.errors.InvalidInputError
        Hours cannot be read, dates are out of order, a note holds a person's data, dated hours
        name a service that the station does not offer, or the place is not on the globe, or in no
        community though nobody said that it may.
    gis.errors.ForbiddenError
        It would move to a community that the principal may not change.
    """
    _check(change, timezone)
    station_edits.lock(session, scope, station_id, versions)
    if change.empty:
        return
    before = stations.one(session, scope, station_id)
    today = local_day(datetime.now(UTC), timezone)
    change = replace(change, facts=dated(before, change.facts, today))
    _check_dates(before, change)
    _apply(session, scope, station_id, change)
    after = stations.one(session, scope, station_id)
    _check_services(after, change)
    if (change.services or change.exceptions) and stations.hours_are_laid_out(session, scope):
        start = datetime.now(UTC)  # the stated horizon is taken; see expand_open_intervals
        expand_open_intervals(session, scope, timezone=timezone, start=start, station_id=station_id)
    changed = [name for name in _AUDITED if getattr(before, name) != getattr(after, name)]
    audit.record(
        session,
        scope,
        audit.Change(
            "update",
            "stations",
            station_id,
            _facts(before, changed),
            _facts(after, changed),
            request_id,
        ),
    )
    log.info("station_updated", id=station_id, version=after.version, changed=changed)


def _check(change: StationChange, timezone: str) -> None:
    if change.place is not None:
        check_point(*change.place)
    for values in change.services.values():
        for name in ("opening_hours", "delivery_hours"):
            _check_hours(name, (values or {}).get(name), timezone)
    for one in change.exceptions:
        if one.hours is not None:
            HoursException(one.day, one.hours)
        if one.note is not None:
            refuse_personal_text(one.note, "note")


def _check_hours(name: str, hours: str | None, timezone: str) -> None:
    try:
        parse_hours(hours, timezone)
    except InvalidInputError as error:
        raise InvalidInputError(
            error.message, remedy=error.remedy, **{**error.context, "field": name}
        ) from None


def _check_dates(before: "Row[Any]", change: StationChange) -> None:
    opens_on = change.facts.get("opens_on", before.opens_on)
    closes_on = change.facts.get("closes_on", before.closes_on)
    if opens_on is not None and closes_on is not None and opens_on >= closes_on:
        raise InvalidInputError(
            f"The station would close on {closes_on}, before it opens on {opens_on}.",
            remedy="Give a closes_on after opens_on, or null.",
            field="closes_on",
        )


def _check_services(after: "Row[Any]", change: StationChange) -> None:
    offered = {service["service"] for service in after.services}
    for one in change.exceptions:
        if one.hours is not None and one.service not in {None, *offered}:
            raise InvalidInputError(
                f"The station does not offer {one.service}.",
                remedy="Add the service in the same change, or leave it out for all of them.",
                field="exceptions",
            )


def _apply(session: "Session", scope: "Scope", station_id: str, change: StationChange) -> None:
    for service, values in sorted(change.services.items()):
        if values is None:
            station_edits.remove_service(session, scope, station_id, service)
        else:
            station_edits.put_service(session, scope, station_id, service, values)
    for one in change.exceptions:
        if one.hours is None:
            station_edits.remove_exception(session, scope, station_id, one.day, one.service)
        else:
            values = {
                "day": one.day,
                "service": one.service,
                "hours": one.hours,
                "note": one.note,
            }
            station_edits.put_exception(session, scope, station_id, values)
    if change.place is not None:
        home = station_edits.move(session, scope, station_id, *change.place)
        if home is None and not change.outside and there_are(session, scope, Community):
            raise InvalidInputError(
                "The station would move out of every community.",
                remedy="Correct lon and lat, or confirm with outside: true that it stands there.",
                field="lon",
            )
    station_edits.update_locked(session, scope, station_id, change.facts)


def _facts(row: "Row[Any]", names: list[str]) -> dict[str, Any]:
    shown = {"version": row.version, **{name: getattr(row, name) for name in names}}
    facts: dict[str, Any] = json.loads(json.dumps(shown, default=str))
    return facts
