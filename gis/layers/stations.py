"""Stations, the services they offer, their hours and the intervals in which they are open."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import (
    TSTZRANGE,
    ExcludeConstraint,
    Range,
    aggregate_order_by,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.database.frames import copy_frame
from gis.errors import ConflictError, NotFoundError
from gis.frames.stations import (
    CAPACITY_PERIODS,
    DELIVERY_MEANS,
    FEE_CLASSES,
    SERVICE_MODES,
    SERVICES,
    STATION_SERVICES,
    STATION_STATUSES,
    STATION_TIERS,
)
from gis.hours import HoursException
from gis.layers.common import (
    Identified,
    Imported,
    Sourced,
    geography_of,
    geometry_column,
    gist,
    one_of,
    reference,
)
from gis.layers.communities import Community, lies_in
from gis.layers.queries import (
    Page,
    Window,
    as_geojson,
    looked_up,
    page_layer,
    read_one,
    restricted,
    table_of,
)
from gis.layers.statements import statement as named_statement
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session


class Station(Identified, Sourced, Imported, Base):
    """A place that serves people; ``version`` is raised by every change."""

    __tablename__ = "stations"
    __table_args__ = (
        one_of("tier", STATION_TIERS),
        one_of("status", STATION_STATUSES),
        CheckConstraint(
            "floor_area_m2 IS NULL OR floor_area_m2 >= 0", name="floor_area_not_negative"
        ),
        CheckConstraint(
            "opens_on IS NULL OR closes_on IS NULL OR opens_on < closes_on", name="dates_in_order"
        ),
        gist("ix_stations_geometry", "geometry"),
        gist("ix_stations_geography", "geography"),
    )

    community_id: Mapped[str | None] = reference("communities.id")
    organisation_id: Mapped[str | None] = reference("organisations.id")
    name: Mapped[str] = mapped_column(Text)
    tier: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'open'"))
    opens_on: Mapped[date | None] = mapped_column(Date)
    closes_on: Mapped[date | None] = mapped_column(Date)
    floor_area_m2: Mapped[float | None] = mapped_column(Double)
    address: Mapped[str | None] = mapped_column(Text)
    temporary: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    geometry: Mapped[object] = geometry_column("POINT")
    geography: Mapped[object] = geography_of("geometry")


class StationService(Imported, Base):
    """A service that a station offers, with its hours, its capacity per day, and how it travels."""

    __tablename__ = "station_services"
    __table_args__ = (
        one_of("service", SERVICES),
        one_of("fee_class", FEE_CLASSES),
        CheckConstraint("capacity IS NULL OR capacity >= 0", name="capacity_not_negative"),
        one_of("mode", SERVICE_MODES),
        one_of("delivery_by", DELIVERY_MEANS, nullable=True),
        one_of("delivery_period", CAPACITY_PERIODS, nullable=True),
        CheckConstraint(
            "delivery_capacity IS NULL OR delivery_capacity >= 0",
            name="delivery_capacity_not_negative",
        ),
        CheckConstraint(
            "delivery_reach_m IS NULL OR delivery_reach_m >= 0",
            name="delivery_reach_not_negative",
        ),
        Index("ix_station_services_service", "service"),
    )

    station_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("stations.id", ondelete="CASCADE"), primary_key=True
    )
    service: Mapped[str] = mapped_column(Text, primary_key=True)
    opening_hours: Mapped[str | None] = mapped_column(Text)
    capacity: Mapped[int | None] = mapped_column(Integer)
    fee_class: Mapped[str] = mapped_column(Text, server_default=text("'public'"))
    mode: Mapped[str] = mapped_column(Text, server_default=text("'on_site'"))
    delivery_hours: Mapped[str | None] = mapped_column(Text)
    delivery_reach_m: Mapped[float | None] = mapped_column(Double)
    delivery_by: Mapped[str | None] = mapped_column(Text)
    delivery_capacity: Mapped[int | None] = mapped_column(Integer)
    delivery_period: Mapped[str | None] = mapped_column(Text)


class StationHoursException(Identified, Base):
    """A day on which a station keeps other hours, or none; ``service`` empty: all of them."""

    __tablename__ = "station_hours_exceptions"
    __table_args__ = (
        UniqueConstraint(
            "station_id",
            "service",
            "day",
            postgresql_nulls_not_distinct=True,
            name="uq_station_hours_exceptions_station_id_service_day",
        ),
        one_of("service", SERVICES, nullable=True),
    )

    station_id: Mapped[str] = reference("stations.id", ondelete="CASCADE", nullable=False)
    service: Mapped[str | None] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)
    #: ``off``, ``unknown``, or hours of that day such as ``09:00-12:00,14:00-18:00``.
    hours: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class StationOpenInterval(Base):
    """When a station is open for a service, expanded from its hours over a stated horizon.

    A service that only travels has none: nobody can go there for it.
    """

    __tablename__ = "station_open_intervals"
    __table_args__ = (
        ExcludeConstraint(
            ("station_id", "="),
            ("service", "="),
            ("during", "&&"),
            using="gist",
            name="ex_station_open_intervals_disjoint",
        ),
        # The last interval to begin by a moment decides whether the station is open then.
        Index(
            "ix_station_open_intervals_begin",
            "station_id",
            "service",
            func.lower(literal_column("during")),
        ),
        CheckConstraint("lower(during) IS NOT NULL", name="has_a_begin"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    station_id: Mapped[str] = reference("stations.id", ondelete="CASCADE", nullable=False)
    service: Mapped[str] = mapped_column(Text)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)


class HoursHorizon(Base):
    """The one stated horizon over which open intervals are complete."""

    __tablename__ = "hours_horizon"
    __table_args__ = (CheckConstraint("singleton", name="one_row"),)

    singleton: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    expanded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )


def services(
    session: "Session", scope: Scope, station_id: str | None = None
) -> "Sequence[Row[Any]]":
    """Return the services of one station or of all, with hours, capacity and fee class."""
    table = table_of(StationService)
    stations = table_of(Station)
    statement = (
        select(*table.c)
        .join(stations, stations.c.id == table.c.station_id)
        .order_by(table.c.station_id, table.c.service)
    )
    if station_id is not None:
        statement = statement.where(table.c.station_id == station_id)
    return session.execute(restricted(statement, scope, Station)).all()


def exceptions(
    session: "Session", scope: Scope, station_id: str | None = None
) -> dict[str, list["Row[Any]"]]:
    """Return the dated exceptions by station, in order of day."""
    table, stations = table_of(StationHoursException), table_of(Station)
    statement = (
        select(*table.c)
        .join(stations, stations.c.id == table.c.station_id)
        .order_by(table.c.day, table.c.service.nulls_first())
    )
    if station_id is not None:
        statement = statement.where(table.c.station_id == station_id)
    statement = restricted(statement, scope, Station)
    found: dict[str, list[Row[Any]]] = {}
    for row in session.execute(statement):
        found.setdefault(row.station_id, []).append(row)
    return found


def require_station(session: "Session", scope: Scope, station_id: str) -> None:
    """Raise unless a scope may write a station.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such station in the communities of the scope.
    """
    scope.require(Action.WRITE)
    if scope.is_everywhere:
        return
    c = table_of(Station).c
    asked = scope.restrict(select(c.id).where(c.id == station_id), c.community_id)
    if session.execute(asked).first() is None:
        raise NotFoundError(
            f"There is no {station_id} among the stations.", remedy="List the stations."
        )


def add_services(session: "Session", scope: Scope, offers: "pd.DataFrame") -> int:
    """Insert services of stations that are there already (columns of the contract)."""
    for station_id in sorted(set(offers["station_id"])):
        require_station(session, scope, station_id)
    return copy_frame(session, table_of(StationService), offers)


def set_horizon(session: "Session", scope: Scope, start: datetime, end: datetime) -> None:
    """State the horizon over which the open intervals are complete."""
    scope.require_everywhere(Action.WRITE)
    session.execute(delete(HoursHorizon))
    session.add(HoursHorizon(singleton=True, during=Range(start, end)))
    session.flush()


def horizon(session: "Session", scope: Scope) -> tuple[datetime, datetime]:
    """Return the stated horizon.

    Raises
    ------
    gis.errors.ConflictError
        If no hours were ever expanded.
    """
    scope.require(Action.READ)
    during = session.execute(select(HoursHorizon.during)).scalar_one_or_none()
    if during is None or during.lower is None or during.upper is None:
        raise ConflictError(
            "No opening hours have been laid out yet.", remedy="Run `wangge hours`."
        )
    return during.lower, during.upper


def hours_are_laid_out(session: "Session", scope: Scope) -> bool:
    """Return whether a horizon is stated, so that intervals are to be kept."""
    scope.require(Action.READ)
    return session.execute(select(HoursHorizon.singleton)).scalar_one_or_none() is not None


def replace_open_intervals(
    session: "Session",
    scope: Scope,
    rows: "Sequence[dict[str, Any]]",
    station_id: str | None = None,
) -> None:
    """Replace the intervals of one station or of all; rows have begins and ends."""
    import pandas as pd

    if station_id is None:
        scope.require_everywhere(Action.WRITE)
    else:
        require_station(session, scope, station_id)
    statement = delete(StationOpenInterval)
    if station_id is not None:
        statement = statement.where(StationOpenInterval.station_id == station_id)
    session.execute(statement)
    during = [f"[{row['begins'].isoformat()},{row['ends'].isoformat()})" for row in rows]
    frame = pd.DataFrame(
        {
            "station_id": [row["station_id"] for row in rows],
            "service": [row["service"] for row in rows],
            "during": during,
        }
    )
    copy_frame(session, table_of(StationOpenInterval), frame)


@dataclass(frozen=True, slots=True)
class NearStation:
    """A station that is open and able, and how far it is, metres on the spheroid."""

    station_id: str
    name: str
    tier: str
    distance_m: float
    lon: float
    lat: float
    opening_hours: str | None
    capacity: int | None


def nearest_open(
    session: "Session", scope: Scope, place: "Place", *, timezone: str, limit: int
) -> list[NearStation]:
    """Return the nearest stations that offer a service and are open at a moment, nearest first."""
    scope.require(Action.READ)
    rows = session.execute(
        named_statement("nearest_open_stations", "stations"),
        {
            "lon": place.lon,
            "lat": place.lat,
            "service": place.service,
            "moment": place.at,
            "zone": timezone,
            "how_many": limit,
        },
    )
    return [NearStation(**row._mapping) for row in rows]  # noqa: SLF001 - a public name of SQLAlchemy


@dataclass(frozen=True, slots=True)
class Place:
    """Where (degrees, EPSG:4326), for which service, and when (with a time zone)."""

    lon: float
    lat: float
    service: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A station that offers a service, open or not, and how far it is."""

    station_id: str
    name: str
    tier: str
    status: str
    opens_on: date | None
    closes_on: date | None
    distance_m: float
    lon: float
    lat: float
    opening_hours: str | None
    capacity: int | None

    def serves_on(self, day: date) -> bool:
        """Return whether the station is in service on a day, as station_serves_on says."""
        return (
            (self.status != "planned" or self.opens_on is not None)
            and (self.status != "closed" or self.closes_on is not None)
            and (self.opens_on is None or self.opens_on <= day)
            and (self.closes_on is None or self.closes_on > day)
        )

    def near(self) -> NearStation:
        """Return the part that an answer shows."""
        return NearStation(
            self.station_id,
            self.name,
            self.tier,
            self.distance_m,
            self.lon,
            self.lat,
            self.opening_hours,
            self.capacity,
        )


def offering(session: "Session", scope: Scope, place: Place) -> list[Offer]:
    """Return every station that people can go to for a service, nearest first, open or not."""
    scope.require(Action.READ)
    rows = session.execute(
        named_statement("stations_offering", "stations"),
        {"lon": place.lon, "lat": place.lat, "service": place.service},
    )
    return [Offer(**row._mapping) for row in rows]  # noqa: SLF001 - a public name of SQLAlchemy


def hours_known_at(session: "Session", scope: Scope, moment: datetime) -> bool:
    """Return whether the stored intervals answer for a moment."""
    scope.require(Action.READ)
    return bool(session.execute(select(func.hours_known_at(moment))).scalar_one())


def dated_rules(rows: "Sequence[Row[Any]]", service: str) -> list[HoursException]:
    """Return the exceptions that hold for a service, those of the whole station first."""
    return [HoursException(r.day, r.hours) for r in rows if r.service in {None, service}]


@dataclass(frozen=True, slots=True)
class StationFilter:
    """Stations of a community (by code), tier, status, or with a service."""

    community: str | None = None
    tier: str | None = None
    status: str | None = None
    service: str | None = None


def page(session: "Session", scope: Scope, window: Window, wanted: StationFilter) -> Page:
    """Return the stations of a window with their services and dated exceptions."""
    c = table_of(Station).c
    conditions = [
        c[name] == value
        for name, value in (("tier", wanted.tier), ("status", wanted.status))
        if value is not None
    ]
    if wanted.community is not None:
        conditions.append(lies_in(c.community_id, wanted.community))
    if wanted.service is not None:
        offered = table_of(StationService)
        having = select(offered.c.station_id).where(offered.c.service == wanted.service)
        conditions.append(c.id.in_(having))
    return page_layer(session, scope, Station, _shown(), window, *conditions)


def one(session: "Session", scope: Scope, station_id: str) -> "Row[Any]":
    """Return a station as :func:`page` shows it."""
    return read_one(session, scope, Station, _shown(), station_id)


def _shown() -> "list[ColumnElement[Any]]":
    c, communities = table_of(Station).c, table_of(Community)
    s, x = table_of(StationService).c, table_of(StationHoursException).c
    fields = [column.name for column in STATION_SERVICES.columns if column.name != "station_id"]
    offered = func.json_build_object(*(part for f in fields for part in (f, s[f])))
    dated = func.json_build_object(
        *(part for f in ("day", "service", "hours", "note") for part in (f, x[f]))
    )
    return [
        c.id,
        as_geojson(c.geometry),
        c.name,
        c.tier,
        c.status,
        c.opens_on,
        c.closes_on,
        c.community_id,
        looked_up(communities.c.code.label("community_code"), communities.c.id == c.community_id),
        c.organisation_id,
        c.floor_area_m2,
        c.address,
        c.temporary,
        c.version,
        c.updated_at,
        looked_up(
            func.coalesce(
                func.json_agg(aggregate_order_by(offered, s.service)), text("'[]'::json")
            ).label("services"),
            s.station_id == c.id,
        ),
        looked_up(
            func.coalesce(
                func.json_agg(aggregate_order_by(dated, x.day, x.service)), text("'[]'::json")
            ).label("exceptions"),
            x.station_id == c.id,
        ),
    ]


def able_at(
    session: "Session", scope: Scope, service: str | None, moment: datetime, timezone: str
) -> list[str]:
    """Return the stations that are open at a moment for a service, or for any (``None``).

    Raises
    ------
    gis.errors.ConflictError
        The moment lies beyond the stated horizon: open intervals do not answer there.
    """
    scope.require(Action.READ)
    if not hours_known_at(session, scope, moment):
        raise ConflictError(
            f"Opening hours are not laid out for {moment:%Y-%m-%d %H:%M}.",
            remedy="Ask about a moment within the horizon, or run `wangge hours`.",
        )
    able = func.stations_able_at(service, moment, timezone).table_valued("station_id")
    rows = session.execute(select(able.c.station_id).distinct().order_by(able.c.station_id))
    return [str(station) for station in rows.scalars()]


def in_service_on(session: "Session", scope: Scope, service: str | None, day: date) -> list[str]:
    """Return the stations in service on a day that offer a service (``None``: any), by key.

    Their hours are left out of account; services that only travel do not count.
    """
    scope.require(Action.READ)
    serves = func.station_serves_on(Station.status, Station.opens_on, Station.closes_on, day)
    offers = select(StationService.station_id).where(StationService.mode != "delivery")
    if service is not None:
        offers = offers.where(StationService.service == service)
    statement = select(Station.id).where(serves, Station.id.in_(offers)).order_by(Station.id)
    return list(session.execute(statement).scalars())
