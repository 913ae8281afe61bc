"""Texts that say where something is and could not be placed for certain: a person decides."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    CursorResult,
    DateTime,
    Double,
    Index,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import STORED_SRID, Base
from gis.errors import NotFoundError
from gis.layers.buildings import Building
from gis.layers.common import Identified, geometry_column, one_of
from gis.layers.pois import Poi
from gis.layers.quarters import Quarter
from gis.layers.queries import (
    Page,
    Window,
    page_layer,
    read_one,
    table_of,
    within_own_communities,
)
from gis.layers.roads import Road
from gis.layers.statements import statement
from gis.layers.stations import Station
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

GEOCODING_STATUSES = ("open", "resolved", "rejected")


class GeocodingRequest(Identified, Base):
    """A place description with its candidates, and the row that waits for its place."""

    __tablename__ = "geocoding_requests"
    __table_args__ = (
        one_of("status", GEOCODING_STATUSES),
        CheckConstraint("(status = 'open') = (resolved_at IS NULL)", name="resolved_when_not_open"),
        CheckConstraint(
            "(status = 'resolved') = (geometry IS NOT NULL)", name="resolved_has_a_place"
        ),
        Index("ix_geocoding_requests_status_created_at", "status", "created_at"),
    )

    #: The description as it came, without persons' numbers.
    description: Mapped[str] = mapped_column("text", Text)
    #: Layer and values of the row that waits, for example an incident; empty: a question only.
    layer: Mapped[str | None] = mapped_column(Text)
    waiting: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'open'"))
    resolved_layer: Mapped[str | None] = mapped_column(Text)
    resolved_row_id: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    import_no: Mapped[int | None] = mapped_column(
        BigInteger,
        server_default=text("NULLIF(current_setting('wangge.import_no', true), '')::bigint"),
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    geometry: Mapped[object | None] = geometry_column("POINT", nullable=True)


#: Layers whose rows may be named as the place of a request.
PLACE_MODELS: "Mapping[str, type[Base]]" = {
    "buildings": Building,
    "pois": Poi,
    "quarters": Quarter,
    "roads": Road,
    "stations": Station,
}


def places_state(session: "Session", scope: Scope) -> str:
    """Return a fingerprint of the layers that places are named by; it changes when they do."""
    scope.require(Action.READ)
    # The statement names its tables itself.
    return str(session.execute(statement("places_state", "buildings")).scalar_one())


def add_requests(
    session: "Session", scope: Scope, rows: "Sequence[Mapping[str, Any]]"
) -> list[str]:
    """Insert open requests and return their keys, in the order of the rows."""
    scope.require(Action.WRITE)
    keyed = [{"id": str(uuid4()), **row} for row in rows]
    if keyed:
        session.execute(insert(table_of(GeocodingRequest)), keyed)
    return [row["id"] for row in keyed]


def waiting_ids(session: "Session", scope: Scope, layer: str, ids: "Sequence[str]") -> set[str]:
    """Return which of these keys belong to rows of a layer that wait, or waited, for a place."""
    scope.require_everywhere(Action.READ)
    c = table_of(GeocodingRequest).c
    key = c.waiting["id"].astext
    asked = select(key).where(c.layer == layer, key.in_(list(ids)))
    return {str(one) for one in session.execute(asked).scalars()}


def forget_open(session: "Session", scope: Scope, number: int) -> int:
    """Delete the requests of an import that nobody has decided yet; return how many."""
    scope.require_everywhere(Action.WRITE)
    c = table_of(GeocodingRequest).c
    done = session.execute(
        delete(table_of(GeocodingRequest)).where(c.import_no == number, c.status == "open")
    )
    assert isinstance(done, CursorResult)
    return done.rowcount


def page(
    session: "Session",
    scope: Scope,
    window: Window,
    *,
    status: str | None = None,
    layer: str | None = None,
) -> Page:
    """Return the requests of a window in key order, perhaps only those of a status or layer."""
    c = table_of(GeocodingRequest).c
    wanted = {"status": status, "layer": layer}
    conditions = [c[name] == value for name, value in wanted.items() if value is not None]
    conditions += _of_own_ground(scope)
    return page_layer(session, scope, GeocodingRequest, _shown(), window, *conditions)


def one(session: "Session", scope: Scope, request_id: str) -> "Row[Any]":
    """Return a request as :func:`page` shows it.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    """
    c = table_of(GeocodingRequest).c
    asked = select(*_shown()).where(c.id == request_id, *_of_own_ground(scope))
    row: Row[Any] | None = session.execute(asked).one_or_none()
    if row is None:
        raise _no_such_request(request_id)
    return row


def _no_such_request(request_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no {request_id} among the geocoding requests.", remedy="List the requests."
    )


def _of_own_ground(scope: Scope) -> "list[ColumnElement[bool]]":
    """Return the conditions that a request is of ground of the scope, after a read check.

    It is where a candidate is until somebody decides, then where that is. One without candidates
    is for who sees everything.
    """
    scope.require(Action.READ)
    if scope.is_everywhere:
        return []
    c = table_of(GeocodingRequest).c
    one = func.jsonb_array_elements(c.candidates).table_valued("value", name="candidate")
    value = cast(one.c.value, JSONB)
    lon, lat = (cast(value[name].astext, Double) for name in ("lon", "lat"))
    place: Any = func.ST_SetSRID(func.ST_MakePoint(lon, lat), STORED_SRID, type_=Geometry)
    near = select(literal(1)).select_from(one).where(within_own_communities(scope, place))
    decided = within_own_communities(scope, c.geometry)
    return [or_(decided, and_(c.geometry.is_(None), near.exists()))]


def lock(session: "Session", scope: Scope, request_id: str) -> "Row[Any]":
    """Lock a request until the transaction ends, and return its state and what waits.

    Whoever comes second waits, and then sees what the first has made of it.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    """
    scope.require(Action.WRITE)
    c = table_of(GeocodingRequest).c
    asked = select(c.id, c.status, c.layer, c.waiting, c.candidates, c.import_no)
    locked: Any = asked.where(c.id == request_id, *_of_own_ground(scope)).with_for_update()
    row: Row[Any] | None = session.execute(locked).one_or_none()
    if row is None:
        raise _no_such_request(request_id)
    return row


def close(session: "Session", scope: Scope, request_id: str, values: "Mapping[str, Any]") -> None:
    """Close a locked request."""
    scope.require(Action.WRITE)
    table = table_of(GeocodingRequest)
    session.execute(
        update(table)
        .where(table.c.id == request_id, *_of_own_ground(scope))
        .values(resolved_by=scope.principal, resolved_at=func.now(), **values)
    )


def place_of(session: "Session", scope: Scope, layer: str, row_id: str) -> tuple[float, float]:
    """Return lon and lat of a point on a row of a layer that can be a place.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such row within the scope.
    """
    model = PLACE_MODELS[layer]
    c = table_of(model).c
    shape: ColumnElement[Any]
    if layer == "roads":
        shape = func.ST_LineInterpolatePoint(c.geometry, 0.5, type_=Geometry)
    elif layer == "quarters":
        shape = func.ST_PointOnSurface(c.geometry, type_=Geometry)
    else:
        shape = c.location if "location" in c else c.geometry
    columns = [func.ST_X(shape).label("lon"), func.ST_Y(shape).label("lat")]
    row = read_one(session, scope, model, columns, row_id)
    return float(row.lon), float(row.lat)


def _shown() -> "list[ColumnElement[Any]]":
    c = table_of(GeocodingRequest).c
    return [
        c.id,
        c["text"],
        c.layer,
        c.waiting,
        c.candidates,
        c.status,
        c.resolved_layer,
        c.resolved_row_id,
        c.resolved_by,
        c.note,
        c.import_no,
        c.created_at,
        c.resolved_at,
        func.ST_X(c.geometry).label("lon"),
        func.ST_Y(c.geometry).label("lat"),
    ]
