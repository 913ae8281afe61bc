"""Rows as they were before an import changed or removed them, and the way back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geography, Geometry
from sqlalchemy import (
    Column,
    ColumnElement,
    CursorResult,
    Table,
    Text,
    cast,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql

from gis.layers.audit import AuditEntry
from gis.layers.imports import ImportRecord, RowHistory
from gis.layers.queries import among, table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session


#: Made anew from their parents; nothing is lost when they go with them.
_DERIVED = frozenset({"building_cells", "station_open_intervals"})
#: Of these no two living rows have one code.
_CODED = frozenset({"communities", "divisions"})


def before_image(own: Table) -> ColumnElement[Any]:
    """Return a row as JSON that :func:`restore` can put back exactly.

    Columns that the database computes are left out; geometries are hexadecimal EWKB, because JSON
    made of a row would round them to GeoJSON.
    """
    pairs: list[Any] = []
    for one in _written(own):
        shape = isinstance(one.type, Geometry | Geography)
        pairs += [literal_column(f"'{one.name}'"), cast(one, Text) if shape else one]
    return func.jsonb_build_object(*pairs)


def keep_before(
    session: "Session", scope: Scope, own: Table, keys: Sequence[str], number: int, change: str
) -> None:
    """Write rows down as they are, before import ``number`` changes or removes them."""
    scope.require_everywhere(Action.WRITE)
    history = table_of(RowHistory)
    if not keys:
        return
    now = select(
        literal(number),
        literal(own.name),
        cast(own.c.id, Text),
        literal(change),
        before_image(own),
    ).where(among(own.c.id, keys))
    session.execute(
        insert(history).from_select(["import_no", "layer", "row_id", "change", "before"], now)
    )


def step_aside(session: "Session", scope: Scope, own: Table, keys: Iterable[str]) -> None:
    """Give rows codes that nobody has until theirs are written, so that they can exchange them.

    A statement that writes them one after the other would find each taken. No division's code
    begins with 999.
    """
    scope.require_everywhere(Action.WRITE)
    if own.name not in _CODED:
        return
    nth = func.row_number().over(order_by=own.c.id)
    free = (
        select(own.c.id, func.concat("999", func.lpad(cast(nth, Text), 9, "0")).label("code"))
        .where(among(own.c.id, keys))
        .subquery("free")
    )
    session.execute(update(own).where(own.c.id == free.c.id).values(code=free.c.code))


def of_row(session: "Session", scope: Scope, layer: str, row_id: str) -> "Sequence[Row[Any]]":
    """Return what imports did to a row, newest first: how it was before each.

    Columns: import_no, name, principal, change, at, before.
    """
    scope.require_everywhere(Action.READ)
    own, records = table_of(RowHistory), table_of(ImportRecord)
    c = own.c
    asked = (
        select(c.import_no, records.c.name, records.c.principal, c.change, c.at, c.before)
        .select_from(own.outerjoin(records, records.c.number == own.c.import_no))
        .where(c.layer == layer, c.row_id == row_id)
    )
    rows: Any = session.execute(asked.order_by(c.id.desc())).all()
    return rows  # type: ignore[no-any-return] # six values each


def as_it_is(session: "Session", scope: Scope, own: Table, row_id: str) -> dict[str, Any] | None:
    """Return a row now as :func:`before_image` writes it; ``None``: there is none."""
    scope.require_everywhere(Action.READ)
    asked = select(before_image(own)).where(own.c.id == row_id)
    found: dict[str, Any] | None = session.execute(asked).scalar_one_or_none()
    return found


def last_import(session: "Session", scope: Scope, layer: str) -> "Row[Any] | None":
    """Return the newest import that brought or changed rows of a layer and was not undone."""
    scope.require(Action.READ)
    c = table_of(ImportRecord).c
    asked = (
        select(c.number, c.name, c.mode, c.rows, c.imported_at)
        .where(c.undone_at.is_(None), func.jsonb_exists(c.rows, layer))
        .order_by(c.number.desc())
        .limit(1)
        .with_for_update()
    )
    found: Any = session.execute(asked).one_or_none()
    return found  # type: ignore[no-any-return] # five values, or nothing


def edited_since(
    session: "Session", scope: Scope, own: Table, number: int, since: datetime
) -> list[str]:
    """Return the keys of an import's rows that somebody has changed by hand since."""
    scope.require_everywhere(Action.READ)
    trail = table_of(AuditEntry)
    asked = (
        select(cast(own.c.id, Text))
        .join(trail, trail.c.row_id == cast(own.c.id, Text))
        .where(own.c.import_no == number, trail.c.layer == own.name, trail.c.at > since)
    )
    return sorted(set(session.execute(asked).scalars()))


def follow_deleted(
    session: "Session", scope: Scope, own: Table, number: int
) -> list[tuple[str, int, bool]]:
    """Return what would go with the rows that an import added, though it is not of that import.

    Each is a table, its rows, and whether they were imported.
    """
    scope.require_everywhere(Action.READ)
    going = select(own.c.id).where(own.c.import_no == number, ~_was_there(own, number))
    found = []
    for name, child in sorted(own.metadata.tables.items()):
        for key in child.foreign_keys:
            refers = key.target_fullname == f"{own.name}.id" and key.ondelete == "CASCADE"
            if not refers or name in _DERIVED:
                continue
            asked = select(func.count()).where(key.parent.in_(going))
            imported = "import_no" in child.c
            if imported:
                asked = asked.where(child.c.import_no.is_distinct_from(number))
            if rows := session.execute(asked).scalar_one():
                found.append((name, rows, imported))
    return found


def take_back_added(session: "Session", scope: Scope, own: Table, number: int) -> int:
    """Delete the rows that an import added; return how many."""
    scope.require_everywhere(Action.WRITE)
    gone = delete(own).where(own.c.import_no == number)
    if "id" in own.c:
        gone = gone.where(~_was_there(own, number))
    result = session.execute(gone)
    assert isinstance(result, CursorResult)
    return result.rowcount


def restore(session: "Session", scope: Scope, own: Table, number: int) -> int:
    """Put the rows that an import changed or removed back as they were; return how many."""
    scope.require_everywhere(Action.WRITE)
    history = table_of(RowHistory)
    row = func.jsonb_populate_record(
        literal_column(f'NULL::"{own.name}"'), history.c.before
    ).table_valued(*(Column(c.name, c.type) for c in own.columns), name="row")
    mine = history.c.import_no == number, history.c.layer == own.name
    step_aside(
        session, scope, own, session.execute(select(history.c.row_id).where(*mine)).scalars()
    )
    names = [one.name for one in _written(own)]
    before = (
        select(*(row.c[name] for name in names))
        .select_from(history.join(row, literal(True)))
        .where(*mine)
    )
    put = postgresql.insert(own).from_select(names, before)
    again = put.on_conflict_do_update(
        index_elements=[own.c.id], set_={name: put.excluded[name] for name in names if name != "id"}
    )
    result = session.execute(again)
    assert isinstance(result, CursorResult)
    session.execute(delete(history).where(*mine))
    return result.rowcount


def mark_undone(session: "Session", scope: Scope, number: int) -> None:
    """Write down that an import was undone, and by whom."""
    scope.require_everywhere(Action.WRITE)
    record = table_of(ImportRecord)
    session.execute(
        record.update()
        .where(record.c.number == number)
        .values(undone_at=func.now(), undone_by=scope.principal)
    )


def _was_there(own: Table, number: int) -> ColumnElement[bool]:
    """Return that a row was there before an import, which only changed or ended it."""
    c = table_of(RowHistory).c
    kept = select(c.row_id).where(
        c.import_no == number, c.layer == own.name, c.row_id == cast(own.c.id, Text)
    )
    return kept.exists()


def _written(own: Table) -> list[Column[Any]]:
    return [one for one in own.columns if one.computed is None]
