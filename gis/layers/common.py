"""Columns, keys and constraints that several layers share."""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geography, Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import STORED_SRID

#: The import of this transaction, as ``set_config('wangge.import_no', …, true)`` names it.
CURRENT_IMPORT = text("NULLIF(current_setting('wangge.import_no', true), '')::bigint")


def geometry_column(kind: str, *, nullable: bool = False) -> Any:  # noqa: ANN401 - a mapped column
    """Return a geometry column in the stored CRS, EPSG:4326; its index is declared by name."""
    return mapped_column(Geometry(kind, srid=STORED_SRID, spatial_index=False), nullable=nullable)


def geography_of(expression: str) -> Any:  # noqa: ANN401 - a mapped column
    """Return a stored geography of a point expression, for distances on the spheroid."""
    return mapped_column(
        Geography("POINT", srid=STORED_SRID, spatial_index=False),
        Computed(f"({expression})::geography", persisted=True),
    )


def gist(name: str, *columns: Any) -> Index:  # noqa: ANN401 - column names or expressions
    """Return a GiST index called ``name``."""
    return Index(name, *columns, postgresql_using="gist")


def one_of(column: str, choices: tuple[str, ...], *, nullable: bool = False) -> CheckConstraint:
    """Return a check that ``column`` holds one of ``choices``."""
    listed = ", ".join(f"'{choice}'" for choice in choices)
    rule = f"{column} IN ({listed})"
    if nullable:
        rule = f"{column} IS NULL OR {rule}"
    return CheckConstraint(rule, name=f"{column}_known")


def reference(target: str, *, ondelete: str | None = None, nullable: bool = True) -> Any:  # noqa: ANN401
    """Return a UUID column that refers to ``target`` (``table.column``)."""
    return mapped_column(
        Uuid(as_uuid=False), ForeignKey(target, ondelete=ondelete), nullable=nullable, index=True
    )


class Identified:
    """A UUID key, derived from the source where it has ids of its own."""

    id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), primary_key=True, server_default=text("gen_random_uuid()")
    )


class Sourced:
    """The source's own id of a feature, and when it came in."""

    source_id: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Imported:
    """Which import brought a row, or last changed it; the database fills it in.

    ``SET LOCAL wangge.import_no`` names the import of a transaction (:mod:`gis.layers.imports`);
    rows that no import brought have none.
    """

    import_no: Mapped[int | None] = mapped_column(
        BigInteger,
        server_default=text("NULLIF(current_setting('wangge.import_no', true), '')::bigint"),
    )


class Dated:
    """The days on which a feature exists: from the first to the day before the last."""

    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


DATED_CHECK = "valid_from IS NULL OR valid_to IS NULL OR valid_from < valid_to"
