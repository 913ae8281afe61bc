"""Buildings with their counts of people, and their units."""

from datetime import date
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geometry
from sqlalchemy import CheckConstraint, Computed, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import STORED_SRID, Base
from gis.frames.buildings import BUILDING_USES, HOUSEHOLD_SOURCES
from gis.layers.common import (
    DATED_CHECK,
    Dated,
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
    existing_on,
    looked_up,
    page_layer,
    read_one,
    table_of,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: Where people go in: the entrance if it is known, else a point inside the footprint.
_LOCATION = "COALESCE(entrance, ST_PointOnSurface(geometry))"


def _count() -> Mapped[int]:
    return mapped_column(Integer, server_default=text("0"))


class Building(Identified, Sourced, Dated, Imported, Base):
    """A building, with counts of households and people and never a person."""

    __tablename__ = "buildings"
    __table_args__ = (
        CheckConstraint(
            "households >= 0 AND residents >= 0 AND elderly >= 0 AND children >= 0"
            " AND low_income_households >= 0",
            name="counts_not_negative",
        ),
        CheckConstraint("elderly + children <= residents", name="groups_within_residents"),
        CheckConstraint("low_income_households <= households", name="low_income_within_households"),
        CheckConstraint("floors IS NULL OR floors >= 0", name="floors_not_negative"),
        CheckConstraint(DATED_CHECK, name="dates_in_order"),
        one_of("use", BUILDING_USES),
        one_of("households_source", HOUSEHOLD_SOURCES),
        gist("ix_buildings_geometry", "geometry"),
        gist("ix_buildings_location", "location"),
    )

    community_id: Mapped[str | None] = reference("communities.id")
    quarter_id: Mapped[str | None] = reference("quarters.id")
    name: Mapped[str | None] = mapped_column(Text)
    households: Mapped[int] = _count()
    residents: Mapped[int] = _count()
    elderly: Mapped[int] = _count()
    children: Mapped[int] = _count()
    low_income_households: Mapped[int] = _count()
    households_source: Mapped[str] = mapped_column(Text, server_default=text("'recorded'"))
    floors: Mapped[int | None] = mapped_column(Integer)
    use: Mapped[str] = mapped_column(Text, server_default=text("'residential'"))
    address: Mapped[str | None] = mapped_column(Text)
    entrance: Mapped[object | None] = geometry_column("POINT", nullable=True)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")
    location: Mapped[object] = mapped_column(
        Geometry("POINT", srid=STORED_SRID, spatial_index=False),
        Computed(_LOCATION, persisted=True),
    )
    location_geography: Mapped[object] = geography_of(_LOCATION)


class BuildingUnit(Identified, Imported, Base):
    """A stairwell (单元) of a building."""

    __tablename__ = "units"
    __table_args__ = (CheckConstraint("households >= 0", name="households_not_negative"),)

    building_id: Mapped[str] = reference("buildings.id", ondelete="CASCADE", nullable=False)
    name: Mapped[str] = mapped_column(Text)
    households: Mapped[int] = _count()


def page(
    session: "Session",
    scope: "Scope",
    window: Window,
    *conditions: "ColumnElement[bool]",
    on_day: date,
    community: str | None = None,
    use: str | None = None,
) -> Page:
    """Return the buildings of a window that stand on a day, with their true counts.

    Whoever shows them to people suppresses small counts first. ``community`` is a code;
    ``conditions`` are further filters, for example :func:`gis.layers.grids.in_grid`.
    """
    filters = [existing_on(Building, on_day), *conditions]
    if community is not None:
        filters.append(lies_in(table_of(Building).c.community_id, community))
    if use is not None:
        filters.append(Building.use == use)
    return page_layer(session, scope, Building, _shown(), window, *filters)


def one(session: "Session", scope: "Scope", building_id: str) -> "Row[Any]":
    """Return a building as :func:`page` shows it."""
    return read_one(session, scope, Building, _shown(), building_id)


def _shown() -> "list[ColumnElement[Any]]":
    c, communities = table_of(Building).c, table_of(Community)
    community_code = looked_up(
        communities.c.code.label("community_code"), communities.c.id == c.community_id
    )
    counts = [c.households, c.residents, c.elderly, c.children, c.low_income_households]
    facts = [c.households_source, c.floors, c.use, c.address, c.valid_from, c.valid_to]
    return [
        c.id,
        as_geojson(c.geometry),
        c.name,
        c.community_id,
        community_code,
        c.quarter_id,
        *counts,
        *facts,
    ]
