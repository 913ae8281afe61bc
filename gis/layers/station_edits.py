"""Changes to one station, under a lock and with a version: its facts, services and dated hours."""

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from gis.errors import NotFoundError, StaleVersionError
from gis.layers.communities import Community
from gis.layers.queries import alive, point, table_of
from gis.layers.stations import (
    Station,
    StationHoursException,
    StationService,
    require_station,
)
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session


def lock(session: "Session", scope: Scope, station_id: str, versions: "Sequence[int]") -> None:
    """Lock a station against other writers until the transaction ends.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    station_id
        The station.
    versions
        The versions that the caller may have seen; empty: any.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such station within the scope.
    gis.errors.StaleVersionError
        Somebody has changed it since.
    """
    scope.require(Action.WRITE)
    asked = select(Station.version).where(Station.id == station_id)
    asked = scope.restrict(asked, table_of(Station).c.community_id)
    current = session.execute(asked.with_for_update()).scalar_one_or_none()
    if current is None:
        raise NotFoundError(
            f"There is no {station_id} among the stations.", remedy="List the stations."
        )
    if versions and current not in versions:
        raise StaleVersionError(
            f"The station is at version {current}.", remedy="Read it again and repeat the change."
        )


def update_locked(
    session: "Session", scope: Scope, station_id: str, values: "Mapping[str, Any]"
) -> None:
    """Change columns of a station that is locked, and raise its version."""
    require_station(session, scope, station_id)
    raised = {"version": Station.version + 1, "updated_at": func.now()}
    session.execute(
        update(table_of(Station)).where(Station.id == station_id).values(**values, **raised)
    )


def move(session: "Session", scope: Scope, station_id: str, lon: float, lat: float) -> str | None:
    """Move a station that is locked, and return the living community at the new place, if any.

    Raises
    ------
    gis.errors.ForbiddenError
        That community is not within the scope, or there is none and the scope has limits.
    """
    require_station(session, scope, station_id)
    c, here = table_of(Community).c, point(lon, lat)
    holds = select(c.id).where(alive(Community), func.ST_Covers(c.geometry, here))
    home = session.execute(holds.order_by(c.code).limit(1)).scalar_one_or_none()
    scope.require_within(Action.WRITE, [home])
    moved = update(table_of(Station)).where(Station.id == station_id)
    session.execute(moved.values(geometry=here, community_id=home))
    return None if home is None else str(home)


def put_service(
    session: "Session", scope: Scope, station_id: str, service: str, values: "Mapping[str, Any]"
) -> None:
    """Add a service to a station, or change the given columns of the one it offers."""
    require_station(session, scope, station_id)
    statement = insert(table_of(StationService)).values(
        station_id=station_id, service=service, **values
    )
    keys = ["station_id", "service"]
    if values:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=dict(values))
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    session.execute(statement)


def remove_service(session: "Session", scope: Scope, station_id: str, service: str) -> None:
    """Take a service away from a station, with its dated exceptions."""
    require_station(session, scope, station_id)
    for model in (StationService, StationHoursException):
        table = table_of(model)
        session.execute(
            delete(table).where(table.c.station_id == station_id, table.c.service == service)
        )


def put_exception(
    session: "Session", scope: Scope, station_id: str, values: "Mapping[str, Any]"
) -> None:
    """Set the hours of a day (``day``, ``service`` or None, ``hours``, ``note``)."""
    require_station(session, scope, station_id)
    changed = {name: values[name] for name in ("hours", "note")}
    session.execute(
        insert(table_of(StationHoursException))
        .values(station_id=station_id, **values)
        .on_conflict_do_update(
            constraint="uq_station_hours_exceptions_station_id_service_day", set_=changed
        )
    )


def remove_exception(
    session: "Session", scope: Scope, station_id: str, day: date, service: str | None
) -> None:
    """Let a day follow the ordinary hours again."""
    require_station(session, scope, station_id)
    table = table_of(StationHoursException)
    session.execute(
        delete(table).where(
            table.c.station_id == station_id,
            table.c.day == day,
            table.c.service.is_not_distinct_from(service),
        )
    )
