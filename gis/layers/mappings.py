"""How each source was read the last time."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from gis.layers.imports import ImportMapping
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session


def keep(session: "Session", scope: Scope, source: str, mapping: "Mapping[str, Any]") -> None:
    """Keep a mapping for a source, in the place of the one before."""
    scope.require_everywhere(Action.WRITE)
    values = {"mapping": dict(mapping), "principal": scope.principal, "used_at": func.now()}
    new = insert(table_of(ImportMapping)).values(source=source, **values)
    session.execute(new.on_conflict_do_update(index_elements=["source"], set_=values))


def kept(session: "Session", scope: Scope, source: str) -> "tuple[dict[str, Any], datetime] | None":
    """Return the mapping of a source and when it was last used; ``None``: there is none."""
    scope.require(Action.READ)
    table = table_of(ImportMapping)
    row = session.execute(
        select(table.c.mapping, table.c.used_at).where(table.c.source == source)
    ).one_or_none()
    return None if row is None else (dict(row.mapping), row.used_at)
