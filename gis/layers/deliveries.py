"""A delivery of a layer: staged, paired with the rows that stand, compared, applied; all in SQL.

The functions work on the temporary tables ``delivery`` and ``delivery_pairs`` of the session's
transaction, which :func:`stage` makes; they go with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geography, Geometry
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    and_,
    cast,
    column,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from gis.database.frames import copy_frame
from gis.layers.common import Dated
from gis.layers.communities import Community
from gis.layers.history import keep_before, step_aside
from gis.layers.placing import PLACED_LAYERS
from gis.layers.queries import alive, among, array_of, table_of
from gis.layers.statements import statement
from gis.layers.stations import Station
from gis.scope import Action, Scope

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.database.base import Base
    from gis.frames import FrameContract

PAIRS = table(
    "delivery_pairs",
    column("delivered", Uuid(as_uuid=False)),
    column("standing", Uuid(as_uuid=False)),
    column("how", Text),
)
#: A transaction may take several deliveries, one after the other.
_FORGET_EARLIER = text("DROP TABLE IF EXISTS pg_temp.delivery_pairs, pg_temp.delivery")
#: Two footprints are the same building if they share at least this part of their union.
SAME_SHARE = 0.5
#: Two points or lines are the same thing within this distance; about five metres, in degrees.
SAME_DEGREES = 4.5e-5
#: A geometry has changed if a vertex moved by more than this; about a millimetre, in degrees.
MOVED_DEGREES = 1e-8
#: Columns that say that a row has ended.
_ENDS = frozenset({"valid_to", "status", "closes_on"})
#: Examples of each kind of change that are shown.
SHOWN = 20
#: Columns that the store keeps by itself and no delivery changes.
_KEPT = frozenset({"id", "import_no", "created_at", "updated_at", "version", "data_version"})


@dataclass(frozen=True)
class Staged:
    """A delivery in the session's temporary tables.

    Parameters
    ----------
    model
        The layer's mapped class.
    layer
        Its name.
    table
        The staged rows, with the columns of the layer's table.
    compared
        Columns that a delivery may change.
    rows
        Rows delivered.
    """

    model: "type[Base]"
    layer: str
    table: Table
    compared: tuple[str, ...]
    rows: int

    @property
    def standing(self) -> Table:
        """The layer's own table."""
        return table_of(self.model)

    @property
    def dated(self) -> bool:
        """Whether rows are ended by a date instead of being deleted."""
        return issubclass(self.model, Dated)


def stage(
    session: "Session",
    scope: Scope,
    model: "type[Base]",
    contract: "FrameContract",
    frames: "Iterable[pd.DataFrame]",
) -> Staged:
    """Copy conforming frames into the temporary table of the delivery and return it."""
    scope.require_everywhere(Action.WRITE)
    own = table_of(model)
    session.execute(_FORGET_EARLIER)
    session.execute(statement("stage_delivery", own.name))
    session.execute(statement("stage_delivery_pairs", own.name))
    staged = own.to_metadata(MetaData(), name="delivery")
    rows = sum(copy_frame(session, staged, frame) for frame in frames)
    names = {*contract.names} - _KEPT
    compared = tuple(c.name for c in own.columns if c.name in names and c.computed is None)
    if own.name in PLACED_LAYERS:
        session.execute(statement("place_delivery", own.name))
    session.execute(text("ANALYZE delivery"))
    return Staged(model, own.name, staged, compared, rows)


def pair_by(session: "Session", scope: Scope, staged: Staged, name: str) -> int:
    """Pair rows that have the same value of ``id`` or ``source_id``; return how many.

    Of several standing rows with one value the living one counts, of those the newest.
    """
    scope.require(Action.READ)
    own, new = staged.standing, staged.table
    first = (
        select(own.c.id, own.c[name].label("value"))
        .ext(distinct_on(own.c[name]))
        .where(own.c[name].is_not(None), _unpaired(own.c.id, PAIRS.c.standing))
        .order_by(own.c[name], *_best_first(staged), own.c.id)
        .subquery("first")
    )
    found = (
        select(new.c.id, first.c.id, literal(name))
        .join(first, first.c.value == new.c[name])
        .where(_unpaired(new.c.id, PAIRS.c.delivered))
    )
    return _pair(session, found)


def pair_by_geometry(session: "Session", scope: Scope, staged: Staged) -> int:
    """Pair rows that are each other's best match in space; return how many.

    Footprints match by the part of their union that they share (at least half), points and lines
    by their distance (at most five metres).
    """
    scope.require(Action.READ)
    own, new = staged.standing, staged.table
    near, merit = _likeness(staged)
    candidates = (
        select(new.c.id.label("delivered"), own.c.id.label("standing"), merit.label("merit"))
        .join(own, near)
        .where(
            _living(staged),
            _unpaired(new.c.id, PAIRS.c.delivered),
            _unpaired(own.c.id, PAIRS.c.standing),
        )
        .cte("candidates")
        # How alike two are is computed once and ranked twice: of 50,000 footprints in two thirds of
        # the server's time.
        .prefix_with("MATERIALIZED")
    )
    c = candidates.c
    best = func.row_number().over
    ranked = (
        select(
            c.delivered,
            c.standing,
            best(partition_by=c.delivered, order_by=(c.merit.desc(), c.standing)).label("of_new"),
            best(partition_by=c.standing, order_by=(c.merit.desc(), c.delivered)).label("of_old"),
        )
        .where(c.merit >= 0)
        .subquery("ranked")
    )
    mutual = select(ranked.c.delivered, ranked.c.standing, literal("geometry")).where(
        ranked.c.of_new == 1, ranked.c.of_old == 1
    )
    return _pair(session, mutual)


def fill_ungiven(session: "Session", scope: Scope, staged: Staged, given: Sequence[str]) -> None:
    """Give paired rows what their file says nothing about from the row that stands.

    A column that a file lacks is not a wish to empty it.
    """
    scope.require(Action.READ)
    own, new = staged.standing, staged.table
    absent = [name for name in staged.compared if name not in given and name != "community_id"]
    if "geometry" not in given and "community_id" in staged.compared:
        absent.append("community_id")
    if not absent:
        return
    # What had ended and is delivered without a word on that is there again.
    ends = [name for name in absent if name in _ENDS]
    for names, where in (
        ([name for name in absent if name not in ends], true()),
        (ends, _living(staged)),
    ):
        if names:
            session.execute(
                update(new)
                .values({name: own.c[name] for name in names})
                .where(new.c.id == PAIRS.c.delivered, own.c.id == PAIRS.c.standing, where)
            )


def counts(session: "Session", scope: Scope, staged: Staged) -> dict[str, int]:
    """Return how many rows are added, changed, unchanged, and back after an end."""
    scope.require(Action.READ)
    changed, back = _changed(staged), _back(staged)
    of_pairs = select(
        func.count().filter(and_(changed, ~back)).label("changed"),
        func.count().filter(and_(~changed, ~back)).label("unchanged"),
        func.count().filter(back).label("returned"),
    ).select_from(_paired(staged))
    row = session.execute(of_pairs).one()
    paired = row.changed + row.unchanged + row.returned
    return {
        "added": staged.rows - paired,
        "changed": row.changed,
        "returned": row.returned,
        "unchanged": row.unchanged,
    }


def changed_fields(session: "Session", scope: Scope, staged: Staged) -> dict[str, int]:
    """Return in how many paired rows each column changes, for the columns that do."""
    scope.require(Action.READ)
    sums = [
        func.coalesce(func.sum(cast(_differs(staged, name), Integer)), 0).label(name)
        for name in staged.compared
    ]
    row = session.execute(select(*sums).select_from(_paired(staged))).one()
    return {name: int(row[i]) for i, name in enumerate(staged.compared) if row[i]}


def gone(session: "Session", scope: Scope, staged: Staged, reach: str) -> list[str]:
    """Return the keys of living rows that the delivery lacks, within its reach.

    Parameters
    ----------
    session, scope, staged
        Where, who asks, and what was delivered.
    reach
        ``all`` of the layer; ``communities`` in which the delivery has a row; or ``none``.
    """
    scope.require(Action.READ)
    own, new = staged.standing, staged.table
    if reach == "none":
        return []
    asked = select(own.c.id).where(_living(staged), _unpaired(own.c.id, PAIRS.c.standing))
    if reach == "communities" and "community_id" in own.c:
        here = select(new.c.community_id).where(new.c.community_id.is_not(None))
        there = (
            select(own.c.community_id)
            .join(PAIRS, PAIRS.c.standing == own.c.id)
            .where(own.c.community_id.is_not(None))
        )
        asked = asked.where(or_(own.c.community_id.in_(here), own.c.community_id.in_(there)))
    return [str(key) for key in session.execute(asked.order_by(own.c.id)).scalars()]


def by_community(
    session: "Session", scope: Scope, staged: Staged, keys: Sequence[str]
) -> dict[str, int]:
    """Return how many of these rows lie in each community, by its name; none where none do."""
    scope.require(Action.READ)
    own, communities = staged.standing, table_of(Community)
    if "community_id" not in own.c or not keys:
        return {}
    name = func.coalesce(communities.c.name, communities.c.code)
    asked = (
        select(name, func.count())
        .select_from(own.join(communities, communities.c.id == own.c.community_id))
        .where(among(own.c.id, keys))
        .group_by(name)
        .order_by(name)
    )
    return {str(one): int(rows) for one, rows in session.execute(asked)}


def examples(
    session: "Session",
    scope: Scope,
    staged: Staged,
    kind: str,
    keys: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Return some rows (:data:`SHOWN`) of a kind of change, by the names they have."""
    scope.require(Action.READ)
    own, new = staged.standing, staged.table
    source = new if kind == "added" else own
    shown = [source.c[name] for name in ("id", "source_id", "name", "code") if name in source.c]
    if kind == "added":
        asked = select(*shown).where(_unpaired(new.c.id, PAIRS.c.delivered))
    elif kind == "changed":
        asked = select(*shown).select_from(_paired(staged)).where(_changed(staged), ~_back(staged))
    else:
        asked = select(*shown).where(among(own.c.id, keys))
    rows = session.execute(asked.order_by(source.c.id).limit(SHOWN)).mappings()
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def grid_flows(
    session: "Session", scope: Scope, kind: str, on_day: date, keys_gone: Sequence[str]
) -> "Sequence[Row[Any]]":
    """Return households per grid before and after a staged delivery of buildings."""
    scope.require_everywhere(Action.READ)
    given = {"kind": kind, "on_day": on_day, "gone": array_of(keys_gone), "moved": MOVED_DEGREES}
    return session.execute(statement("delivery_grids", "buildings"), given).all()


def apply(
    session: "Session",
    scope: Scope,
    staged: Staged,
    number: int,
    keys_gone: Sequence[str],
    as_of: date,
) -> None:
    """Change, end and insert what the delivery says; before images go to the history.

    Parameters
    ----------
    session, scope, staged
        Where, who asks, and what was delivered.
    number
        Of the import.
    keys_gone
        Rows that end or are deleted, as :func:`gone` names them.
    as_of
        First day on which what is gone is not there any more.
    """
    scope.require_everywhere(Action.WRITE)
    own = staged.standing
    touched = (
        select(own.c.id)
        .join(PAIRS, PAIRS.c.standing == own.c.id)
        .join(staged.table, staged.table.c.id == PAIRS.c.delivered)
        .where(_changed(staged))
    )
    changed = [str(key) for key in session.execute(touched).scalars()]
    keep_before(session, scope, own, changed, number, "changed")
    keep_before(session, scope, own, keys_gone, number, "removed")
    # What is gone leaves its code to others.
    _end(session, staged, keys_gone, number, as_of)
    step_aside(session, scope, own, changed)
    _change(session, staged, changed, number)
    _insert(session, staged)


def _change(session: "Session", staged: Staged, keys: Sequence[str], number: int) -> None:
    own, new = staged.standing, staged.table
    values: dict[str, Any] = {name: new.c[name] for name in staged.compared}
    values["import_no"] = number
    if "version" in own.c:
        values["version"] = own.c.version + 1
    if "updated_at" in own.c:
        values["updated_at"] = func.now()
    session.execute(
        update(own)
        .values(values)
        .where(
            among(own.c.id, keys),
            own.c.id == PAIRS.c.standing,
            new.c.id == PAIRS.c.delivered,
        )
    )


def _end(session: "Session", staged: Staged, keys: Sequence[str], number: int, as_of: date) -> None:
    own = staged.standing
    if not keys:
        return
    if staged.dated:
        # Nothing ends before the day after it began.
        end = func.greatest(literal(as_of), own.c.valid_from + 1)
        ended = update(own).values(valid_to=end, import_no=number)
    elif staged.model is Station:
        ended = update(own).values(
            status="closed", closes_on=as_of, version=own.c.version + 1, import_no=number
        )
    else:
        session.execute(delete(own).where(among(own.c.id, keys)))
        return
    session.execute(ended.where(among(own.c.id, keys)))


def _insert(session: "Session", staged: Staged) -> None:
    own, new = staged.standing, staged.table
    names = ["id", *staged.compared]
    fresh = select(*(new.c[name] for name in names)).where(_unpaired(new.c.id, PAIRS.c.delivered))
    session.execute(insert(own).from_select(names, fresh))


def _pair(session: "Session", found: Any) -> int:  # noqa: ANN401 - any select of three columns
    made = insert(PAIRS).from_select(["delivered", "standing", "how"], found)
    result = session.execute(made.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    session.execute(text("ANALYZE delivery_pairs"))
    return result.rowcount


def _unpaired(key: ColumnElement[Any], paired: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return that a key is in no pair, as an anti-join: NOT IN of many keys is quadratic."""
    return ~select(literal(1)).where(paired == key).exists()


def _paired(staged: Staged) -> Any:  # noqa: ANN401 - a join
    own, new = staged.standing, staged.table
    return PAIRS.join(new, new.c.id == PAIRS.c.delivered).join(own, own.c.id == PAIRS.c.standing)


def _living(staged: Staged) -> ColumnElement[bool]:
    if staged.dated:
        return alive(staged.model)
    if staged.model is Station:
        return Station.status != "closed"
    return true()


def _best_first(staged: Staged) -> list[ColumnElement[Any]]:
    own = staged.standing
    order: list[ColumnElement[Any]] = [_living(staged).desc()] if _may_end(staged) else []
    return [*order, own.c.created_at.desc()] if "created_at" in own.c else order


def _may_end(staged: Staged) -> bool:
    return staged.dated or staged.model is Station


def _back(staged: Staged) -> ColumnElement[bool]:
    """Return whether a row that had ended is delivered as one that has not."""
    new = staged.table.c
    if staged.dated:
        there = or_(new.valid_to.is_(None), new.valid_to > func.current_date())
        return and_(~_living(staged), there)
    if staged.model is Station:
        return and_(~_living(staged), new.status != "closed")
    return false()


def _changed(staged: Staged) -> ColumnElement[bool]:
    return or_(*(_differs(staged, name) for name in staged.compared))


def _differs(staged: Staged, name: str) -> ColumnElement[bool]:
    old, new = staged.standing.c[name], staged.table.c[name]
    if isinstance(old.type, Geometry | Geography):
        moved = func.ST_HausdorffDistance(old, new) > MOVED_DEGREES
        same = func.coalesce(func.ST_OrderingEquals(old, new), False)
        one_is_empty = old.is_(None) != new.is_(None)
        return or_(one_is_empty, and_(old.is_not(None), ~same, moved))
    if str(old.type) == "JSON":
        return cast(old, Text).is_distinct_from(cast(new, Text))
    return new.is_distinct_from(old)


def _likeness(staged: Staged) -> tuple[ColumnElement[bool], ColumnElement[Any]]:
    """Return when two geometries are near, and how alike they then are; below 0 not enough."""
    old, new = staged.standing.c.geometry, staged.table.c.geometry
    kind = old.type
    assert isinstance(kind, Geometry)
    if "POLYGON" in str(kind.geometry_type).upper():
        shared = func.ST_Area(func.ST_Intersection(old, new))
        union = func.ST_Area(old) + func.ST_Area(new) - shared
        return and_(old.op("&&")(new), func.ST_Intersects(old, new)), (
            shared / func.nullif(union, 0) - SAME_SHARE
        )
    near = old.op("&&")(func.ST_Expand(new, SAME_DEGREES, type_=Geometry))
    return near, SAME_DEGREES - func.ST_HausdorffDistance(old, new)
