"""What incidents and demands share: the place, the time, and the assignment."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    CursorResult,
    DateTime,
    Double,
    Index,
    Text,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from gis.errors import ForbiddenError
from gis.frames.incidents import INCIDENT_SOURCES, SERVED_GROUPS
from gis.frames.stations import SERVICES
from gis.layers.common import (
    Identified,
    Imported,
    Sourced,
    geometry_column,
    gist,
    one_of,
    reference,
)
from gis.layers.communities import Community, lies_in
from gis.layers.grids import Grid
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
from gis.layers.statements import statement
from gis.layers.stations import Station
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

NO_GRID_REASONS = ("outside_all_communities", "no_plan_in_effect")
NO_STATION_REASONS = (
    "no_service_asked",
    "no_station_offers",
    "none_open",
    "hours_unknown",
    "outside_horizon",
)


class Matter(Identified, Sourced, Imported):
    """Where and when something was raised, who is served, and whose it became."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        """Return the constraints and indexes, named after the table."""
        table = cls.__tablename__  # type: ignore[attr-defined] # each matter is a table
        return (
            one_of("source", INCIDENT_SOURCES),
            one_of("served_group", SERVED_GROUPS),
            one_of("service", SERVICES, nullable=True),
            one_of("no_grid_reason", NO_GRID_REASONS, nullable=True),
            one_of("no_station_reason", NO_STATION_REASONS, nullable=True),
            one_of("distance_method", ("straight_line", "walking"), nullable=True),
            # A token of letters, digits and dashes cannot be a Chinese name or a phone number.
            CheckConstraint(
                "complainant_token ~ '^[A-Za-z0-9_-]{8,64}$' AND complainant_token !~ '^[0-9-]+$'",
                name="complainant_is_a_token",
            ),
            CheckConstraint("distance_m IS NULL OR distance_m >= 0", name="distance_not_negative"),
            # No silence: an assigned matter has a grid or a reason, a station or a reason.
            CheckConstraint(
                "assigned_at IS NULL OR (num_nonnulls(grid_id, no_grid_reason) = 1"
                " AND num_nonnulls(station_id, no_station_reason) = 1)",
                name="answer_is_explicit",
            ),
            CheckConstraint(
                "(station_id IS NULL) = (distance_m IS NULL)", name="distance_with_station"
            ),
            gist(f"ix_{table}_geometry", "geometry"),
            Index(f"ix_{table}_occurred_at_id", "occurred_at", "id"),
        )

    building_id: Mapped[str | None] = reference("buildings.id", ondelete="SET NULL")
    poi_id: Mapped[str | None] = reference("pois.id", ondelete="SET NULL")
    road_id: Mapped[str | None] = reference("roads.id", ondelete="SET NULL")
    description: Mapped[str | None] = mapped_column(Text)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    source: Mapped[str] = mapped_column(Text, server_default=text("'other'"))
    served_group: Mapped[str] = mapped_column(Text, server_default=text("'general'"))
    #: Of a person who asks, never who it is: the same person, the same token.
    complainant_token: Mapped[str | None] = mapped_column(Text)
    #: What the source says beside the columns, never of persons.
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    area: Mapped[object | None] = geometry_column("POLYGON", nullable=True)
    geometry: Mapped[object] = geometry_column("POINT")
    #: The community it fell into, kept for authorisation by area.
    community_id: Mapped[str | None] = reference("communities.id")
    plan_id: Mapped[str | None] = reference("grid_plans.id")
    grid_id: Mapped[str | None] = reference("grids.id")
    no_grid_reason: Mapped[str | None] = mapped_column(Text)
    station_id: Mapped[str | None] = reference("stations.id", ondelete="SET NULL")
    distance_m: Mapped[float | None] = mapped_column(Double)
    distance_method: Mapped[str | None] = mapped_column(Text)
    no_station_reason: Mapped[str | None] = mapped_column(Text)
    assigned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def assign(
    session: "Session",
    scope: Scope,
    layer: str,
    *,
    kind: str,
    timezone: str,
    only_unassigned: bool,
    only_ids: "Sequence[str] | None" = None,
) -> int:
    """Assign grids and stations to the matters of a layer, as one set operation.

    ``only_ids`` limits them to some matters, for example one that has just come in.

    Returns
    -------
    int
        Matters that got an answer, "none" included.
    """
    if only_ids is None:
        scope.require_everywhere(Action.WRITE)
    scope.require(Action.WRITE)
    ids = None if only_ids is None else list(only_ids)
    result = session.execute(
        statement("assign_matters", layer),
        {"kind": kind, "zone": timezone, "only_unassigned": only_unassigned, "only_ids": ids},
    )
    assert isinstance(result, CursorResult)
    return result.rowcount


def assignment_counts(session: "Session", scope: Scope, model: type[Matter]) -> dict[str, int]:
    """Return how many matters have a grid (``assigned``), and how many have none, by reason."""
    table = table_of(model)  # type: ignore[arg-type] # each matter is mapped
    key = func.coalesce(table.c.no_grid_reason, "assigned").label("answer")
    asked = select(key, func.count()).where(table.c.assigned_at.is_not(None)).group_by(key)
    rows = session.execute(restricted(asked, scope, model)).all()  # type: ignore[arg-type]
    return {str(answer): int(count) for answer, count in sorted(map(tuple, rows))}


@dataclass(frozen=True, slots=True)
class MatterFilter:
    """Which matters are wanted; what is ``None`` does not matter.

    Parameters
    ----------
    community, grid
        Codes; the grid's code in the plan under which the matter was assigned.
    facts
        Columns and the value they must have: ``category``, ``service``, ``source``, …
    since, until
        When it occurred: from the first moment to just before the second.
    assigned
        Whether it has a grid.
    """

    community: str | None = None
    grid: str | None = None
    facts: "Mapping[str, str | None] | None" = None
    since: datetime | None = None
    until: datetime | None = None
    assigned: bool | None = None

    def conditions(self, model: type[Matter]) -> "list[ColumnElement[bool]]":
        """Return the conditions on the rows of a layer."""
        c, grids = table_of(model).c, table_of(Grid)  # type: ignore[arg-type] # each matter is mapped
        found = [c[k] == v for k, v in (self.facts or {}).items() if v is not None]
        if self.community is not None:
            found.append(lies_in(c.community_id, self.community))
        if self.grid is not None:
            found.append(c.grid_id.in_(select(grids.c.id).where(grids.c.code == self.grid)))
        if self.since is not None:
            found.append(c.occurred_at >= self.since)
        if self.until is not None:
            found.append(c.occurred_at < self.until)
        if self.assigned is not None:
            found.append(c.grid_id.is_not(None) if self.assigned else c.grid_id.is_(None))
        return found


def page(
    session: "Session", scope: Scope, model: type[Matter], window: Window, wanted: MatterFilter
) -> Page:
    """Return the matters of a window with codes of their grid and name of their station."""
    conditions = wanted.conditions(model)
    return page_layer(session, scope, model, _shown(model), window, *conditions)  # type: ignore[arg-type] # each matter is mapped


def one(session: "Session", scope: Scope, model: type[Matter], matter_id: str) -> "Row[Any]":
    """Return a matter as :func:`page` shows it."""
    return read_one(session, scope, model, _shown(model), matter_id)  # type: ignore[arg-type] # each matter is mapped


def existing(
    session: "Session", scope: Scope, model: type[Matter], ids: "Sequence[str]"
) -> set[str]:
    """Return which of these keys a layer has."""
    c = table_of(model).c  # type: ignore[arg-type] # each matter is mapped
    asked = restricted(select(c.id).where(c.id.in_(list(ids))), scope, model)  # type: ignore[arg-type]
    return {str(key) for key in session.execute(asked).scalars()}


def add(session: "Session", scope: Scope, model: type[Matter], values: "Mapping[str, Any]") -> str:
    """Insert one matter, not yet assigned, and return its key.

    Raises
    ------
    gis.errors.ForbiddenError
        Its place lies outside the communities and grids of the scope.
    """
    scope.require(Action.WRITE)
    table = table_of(model)  # type: ignore[arg-type] # each matter is mapped
    home = {} if scope.is_everywhere else _home(session, scope, values["geometry"])
    done = session.execute(insert(table).values(**home, **values).returning(table.c.id))
    return str(done.scalar_one())


def _home(session: "Session", scope: Scope, place: "ColumnElement[Any]") -> "dict[str, Any]":
    """Return the community, or the plan and grid, of the scope that hold a place."""
    communities, grids = table_of(Community).c, table_of(Grid).c
    own = scope.restrict(select(communities.id.label("community_id")), communities.id)
    around = own.where(
        communities.geometry.op("&&")(place), func.ST_Intersects(communities.geometry, place)
    )
    within = select(grids.community_id, grids.plan_id, grids.id.label("grid_id")).where(
        grids.id.in_(sorted(scope.grid_ids)),
        grids.geometry.op("&&")(place),
        func.ST_Intersects(grids.geometry, place),
    )
    for asked in (around.order_by(communities.code), within.order_by(grids.code)):
        found = session.execute(asked.limit(1)).one_or_none()
        if found is not None:
            return dict(found._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    raise ForbiddenError(
        f"{scope.principal} may {Action.WRITE} in its own areas only; this place is in none.",
        remedy="Correct lon and lat, or tell whoever answers for that place.",
    )


def _shown(model: type[Matter]) -> "list[ColumnElement[Any]]":
    c = table_of(model).c  # type: ignore[arg-type] # each matter is mapped
    communities, grids, stations = table_of(Community).c, table_of(Grid).c, table_of(Station).c
    own = [c.category, c.service] if "category" in c else [c.service]
    return [
        c.id,
        as_geojson(c.geometry),
        *own,
        c.description,
        c.occurred_at,
        c.source,
        c.served_group,
        c.synthetic,
        c.building_id,
        c.poi_id,
        c.road_id,
        c.community_id,
        looked_up(communities.code.label("community_code"), communities.id == c.community_id),
        c.plan_id,
        c.grid_id,
        looked_up(grids.code.label("grid_code"), grids.id == c.grid_id),
        c.no_grid_reason,
        c.station_id,
        looked_up(stations.name.label("station_name"), stations.id == c.station_id),
        c.distance_m,
        c.distance_method,
        c.no_station_reason,
        c.assigned_at,
    ]
