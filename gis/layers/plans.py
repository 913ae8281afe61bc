"""Grid plans and the periods in which they are in effect, per community and kind."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.errors import ForbiddenError, NotFoundError, StaleVersionError
from gis.frames.grids import PLAN_KINDS, PLAN_STATUSES
from gis.layers import locks
from gis.layers.common import Identified, one_of, reference
from gis.layers.communities import Community
from gis.layers.queries import array_of, begins_with, own_rows, table_of
from gis.layers.statements import statement as named_statement
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session


class GridPlan(Identified, Base):
    """A drawing of grids over a scope; several kinds lie over the same ground at once."""

    __tablename__ = "grid_plans"
    __table_args__ = (
        one_of("kind", PLAN_KINDS),
        one_of("status", PLAN_STATUSES),
        CheckConstraint("(kind = 'micro') = (parent_plan_id IS NOT NULL)", name="micro_has_parent"),
        UniqueConstraint("id", "kind", name="uq_grid_plans_id_kind"),
    )

    name: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'draft'"))
    scope_code: Mapped[str] = mapped_column(Text)
    parent_plan_id: Mapped[str | None] = reference("grid_plans.id")
    #: The plan whose grids it was drawn from, and whose numbers its surviving grids keep.
    from_plan_id: Mapped[str | None] = reference("grid_plans.id", ondelete="SET NULL")
    options: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    measures: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    #: What came of the last drawing: exceptions, feasible counts, lineage, trace.
    drawing: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    drawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    #: Since when the ground under the plan has changed so that it no longer fits, and how.
    unfit_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    unfit_reasons: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class PlanEffect(Identified, Base):
    """The period in which a plan decides whose grid a place is, in one community."""

    __tablename__ = "plan_effect"
    __table_args__ = (
        # The kind is the plan's own: a party plan cannot take effect as a community plan.
        ForeignKeyConstraint(
            ["plan_id", "kind"],
            ["grid_plans.id", "grid_plans.kind"],
            ondelete="CASCADE",
            name="fk_plan_effect_plan_id_kind_grid_plans",
        ),
        ExcludeConstraint(
            ("community_id", "="),
            ("kind", "="),
            ("during", "&&"),
            using="gist",
            name="ex_plan_effect_one_at_a_time",
        ),
        CheckConstraint("NOT isempty(during)", name="during_not_empty"),
    )

    plan_id: Mapped[str] = reference("grid_plans.id", ondelete="CASCADE", nullable=False)
    community_id: Mapped[str] = reference("communities.id", nullable=False)
    kind: Mapped[str] = mapped_column(Text)
    during: Mapped[Range[date]] = mapped_column(DATERANGE)


def _covered(scope_code: "ColumnElement[str]") -> "ColumnElement[bool]":
    """Return the condition that the division of a plan holds a community, of a select of these."""
    return func.starts_with(table_of(Community).c.code, func.wangge_division(scope_code))


def of_own_ground(scope: Scope) -> "list[ColumnElement[bool]]":
    """Return the conditions that a plan is of ground of the scope, after a read check."""
    scope.require(Action.READ)
    communities = table_of(Community)
    own = own_rows(scope, communities)
    if own is None:
        return []
    return [select(communities.c.id).where(own, _covered(table_of(GridPlan).c.scope_code)).exists()]


def _wholly_own(scope: Scope, scope_code: "ColumnElement[str]") -> "ColumnElement[bool]":
    """Return the condition that every living community of a division is the scope's."""
    mine = literal(array_of(sorted(scope.community_ids or ())), Text)
    own = cast(mine, ARRAY(Uuid(as_uuid=False)))
    beyond: ColumnElement[bool] = func.wangge_reaches_beyond(scope_code, own, type_=Boolean)
    return ~beyond


def _columns(scope: Scope) -> "list[ColumnElement[Any]]":
    """Return the columns of a plan; what came of it only to whom all of its ground belongs."""
    c = table_of(GridPlan).c
    if scope.is_everywhere:
        return list(c)
    told = {"measures", "drawing", "unfit_reasons"}
    whole = _wholly_own(scope, c.scope_code)
    return [
        case((whole, one), else_=null()).label(one.name) if one.name in told else one for one in c
    ]


def require_division(session: "Session", scope: Scope, action: Action, scope_code: str) -> None:
    """Raise unless a scope may do something in every community of a division.

    Raises
    ------
    gis.errors.ForbiddenError
        The division reaches beyond the scope.
    """
    scope.require(action)
    if scope.is_everywhere:
        return
    whole = _wholly_own(scope, literal(scope_code, Text))
    if not scope.community_ids or not session.execute(select(whole)).scalar_one():
        raise ForbiddenError(
            f"{scope.principal} may {action} in its own communities only; "
            f"the division {scope_code} has others.",
            remedy="Give the code of a community or subdistrict that is all yours.",
        )


def require_plan(session: "Session", scope: Scope, plan_id: str) -> None:
    """Raise unless a scope may write a plan: all of its ground is the scope's.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan of ground of the scope.
    gis.errors.ForbiddenError
        The plan reaches beyond it.
    """
    scope.require(Action.WRITE)
    if scope.is_everywhere:
        return
    c = table_of(GridPlan).c
    asked = select(c.scope_code).where(c.id == plan_id, *of_own_ground(scope))
    code = session.execute(asked).scalar_one_or_none()
    if code is None:
        raise _no_such_plan(plan_id)
    require_division(session, scope, Action.WRITE, code)
    cut = session.execute(_COMMUNITIES_OF_PLAN, {"plan": plan_id}).scalars()
    scope.require_within(Action.WRITE, cut.all())


def _no_such_plan(plan_id: str) -> NotFoundError:
    return NotFoundError(f"There is no plan {plan_id}.", remedy="List the plans.")


@dataclass(frozen=True, slots=True)
class ReplacedPeriod:
    """A period of a plan in a community that another plan takes the place of.

    Parameters
    ----------
    plan_id, plan_name
        The plan that loses days.
    community_id, community_code
        Where.
    during
        The period as it stands: the first day, and the first day without it.
    remains
        What is left of it; ``None``: nothing, it is taken out.
    """

    plan_id: str
    plan_name: str | None
    community_id: str
    community_code: str
    during: Range[date]
    remains: Range[date] | None


def read_effective(
    session: "Session", scope: Scope, kind: str, on_day: date
) -> "Sequence[Row[Any, Any, Any, Any, Any, Any]]":
    """Return the plans in effect on a day, newest first.

    With id, name, kind, options, created_at and unfit_since.
    """
    plans, effects = table_of(GridPlan), table_of(PlanEffect)
    live = select(effects.c.plan_id).where(
        effects.c.kind == kind, effects.c.during.op("@>")(literal(on_day, Date))
    )
    live = _of_own_communities(live, scope)
    statement = (
        select(
            plans.c.id,
            plans.c.name,
            plans.c.kind,
            plans.c.options,
            plans.c.created_at,
            plans.c.unfit_since,
        )
        .where(plans.c.id.in_(live))
        .order_by(plans.c.created_at.desc(), plans.c.id)
    )
    return session.execute(statement).all()


def _of_own_communities(asked: Any, scope: Scope) -> Any:  # noqa: ANN401 - a select of effects
    """Return a select of periods limited to the communities whose ground the scope may see."""
    scope.require(Action.READ)
    communities = table_of(Community)
    own = own_rows(scope, communities)
    if own is None:
        return asked
    return asked.where(table_of(PlanEffect).c.community_id.in_(select(communities.c.id).where(own)))


def ids_named(session: "Session", scope: Scope, names: "Iterable[str]") -> list[str]:
    """Return the ids of the plans that have one of these names."""
    named = GridPlan.name.in_(list(names))
    statement = select(GridPlan.id).where(named, *of_own_ground(scope)).order_by(GridPlan.id)
    return list(session.execute(statement).scalars())


def one(session: "Session", scope: Scope, plan_id: str) -> "Row[Any]":
    """Return a plan with all its columns; what came of it only to whom all its ground belongs.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan of ground of the scope.
    """
    c = table_of(GridPlan).c
    asked = select(*_columns(scope)).where(c.id == plan_id, *of_own_ground(scope))
    found: Row[Any] | None = session.execute(asked).one_or_none()
    if found is None:
        raise _no_such_plan(plan_id)
    return found


def newest(
    session: "Session",
    scope: Scope,
    *,
    limit: int = 20,
    kind: str | None = None,
    status: str | None = None,
) -> "Sequence[Row[Any]]":
    """Return the newest plans, newest first, without what came of their drawing."""
    c = table_of(GridPlan).c
    asked = select(*(column for column in _columns(scope) if column.name != "drawing"))
    asked = asked.where(*of_own_ground(scope))
    if kind is not None:
        asked = asked.where(c.kind == kind)
    if status is not None:
        asked = asked.where(c.status == status)
    return session.execute(asked.order_by(c.created_at.desc(), c.id).limit(limit)).all()


def effects_of(session: "Session", scope: Scope, plan_id: str) -> "list[Row[Any]]":
    """Return where and when a plan is in effect (community_id, during), by community."""
    c = table_of(PlanEffect).c
    asked = _of_own_communities(select(c.community_id, c.during).where(c.plan_id == plan_id), scope)
    found: Any = session.execute(asked.order_by(c.community_id, c.during)).all()
    return list(found)


def find(session: "Session", scope: Scope, called: str) -> list[str]:
    """Return the keys of the plans that are called so, or whose key begins so."""
    c = table_of(GridPlan).c
    seen = select(c.id).where(*of_own_ground(scope)).order_by(c.id)
    named = list(session.execute(seen.where(c.name == called)).scalars())
    if named:
        return named
    return list(session.execute(seen.where(begins_with(c.id, called))).scalars())


def change_plan(session: "Session", scope: Scope, plan_id: str, values: dict[str, Any]) -> None:
    """Change columns of a plan that is locked."""
    require_plan(session, scope, plan_id)
    own = table_of(GridPlan)
    session.execute(update(own).where(own.c.id == plan_id).values(**values))


def add_plan(session: "Session", scope: Scope, values: dict[str, Any]) -> None:
    """Insert a plan; its grids and memberships follow in the same transaction.

    If another has its name (see :func:`called_so`) it gets a number behind it, ``2027 (2)``: what
    was drawn for minutes is not lost for that.
    """
    require_division(session, scope, Action.WRITE, values["scope_code"])
    values = dict(values)
    if (name := values.get("name")) is not None:
        facts = values["kind"], values["scope_code"]
        # Two at once get two names.
        locks.lock(session, f"plan names:{':'.join(facts)}")
        numbered = (f"{name} ({n})" for n in count(2))
        while called_so(session, scope, values["name"], *facts) is not None:
            values["name"] = next(numbered)
    session.execute(insert(table_of(GridPlan)).values(**values))


def called_so(
    session: "Session", scope: Scope, name: str, kind: str, scope_code: str
) -> str | None:
    """Return the key of the plan of a kind and division that has a name and is not retired."""
    c = table_of(GridPlan).c
    same = c.name == name, c.kind == kind, c.scope_code == scope_code, c.status != "retired"
    asked = select(c.id).where(*same, *of_own_ground(scope))
    found = session.execute(asked.order_by(c.created_at, c.id).limit(1))
    return found.scalar_one_or_none()


def communities_of(session: "Session", scope: Scope, plan_id: str) -> list[str]:
    """Return the ids of the communities of the scope that a plan has grids in."""
    scope.require(Action.READ)
    found = session.execute(_COMMUNITIES_OF_PLAN, {"plan": plan_id}).scalars()
    return [one for one in found if scope.community_ids is None or one in scope.community_ids]


def replaced_by(
    session: "Session", scope: Scope, plan_id: str, kind: str, during: Range[date]
) -> list[ReplacedPeriod]:
    """Return the periods of other plans that :func:`put_in_effect` would cut back or take out.

    By code of the community and first day; nothing is changed.
    """
    effects, own, communities = table_of(PlanEffect), table_of(GridPlan), table_of(Community)
    where = communities_of(session, scope, plan_id)
    asked = (
        select(
            effects.c.plan_id,
            own.c.name,
            effects.c.community_id,
            communities.c.code,
            effects.c.during,
        )
        .join(own, own.c.id == effects.c.plan_id)
        .join(communities, communities.c.id == effects.c.community_id)
        .where(
            effects.c.kind == kind,
            effects.c.plan_id != plan_id,
            effects.c.community_id.in_(where),
            effects.c.during.op("&&")(literal(during, DATERANGE)),
        )
        .order_by(communities.c.code, effects.c.during)
    )
    rows = session.execute(scope.restrict(asked, effects.c.community_id)).all()
    found: list[ReplacedPeriod] = []
    for row in rows:
        old: Range[date] = row.during
        remains = None if during.contains(old) else Range(old.lower, during.lower)
        found.append(
            ReplacedPeriod(row.plan_id, row.name, row.community_id, row.code, old, remains)
        )
    return found


def put_in_effect(
    session: "Session", scope: Scope, plan_id: str, kind: str, during: Range[date]
) -> int:
    """Put a plan in effect in every community that it cuts; return how many.

    Periods of other plans of the kind that overlap are cut back to end the day before; one that
    lies wholly inside the new period is taken out: :func:`replaced_by` says which. A plan that has
    none left is retired.
    """
    require_plan(session, scope, plan_id)
    effects = table_of(PlanEffect)
    communities = communities_of(session, scope, plan_id)
    session.execute(
        delete(effects).where(
            effects.c.kind == kind,
            effects.c.community_id.in_(communities),
            effects.c.during.op("<@")(literal(during, DATERANGE)),
        )
    )
    session.execute(
        update(effects)
        .where(
            effects.c.kind == kind,
            effects.c.community_id.in_(communities),
            effects.c.during.op("&&")(literal(during, DATERANGE)),
        )
        .values(during=func.daterange(func.lower(effects.c.during), during.lower))
    )
    session.execute(
        insert(effects),
        [
            {"plan_id": plan_id, "community_id": community, "kind": kind, "during": during}
            for community in communities
        ],
    )
    session.execute(
        update(table_of(GridPlan)).where(GridPlan.id == plan_id).values(status="effective")
    )
    without_days = ~exists().where(effects.c.plan_id == GridPlan.id)
    session.execute(
        update(table_of(GridPlan))
        .where(GridPlan.kind == kind, GridPlan.status == "effective", without_days)
        .values(status="retired")
    )
    return len(communities)


def lock_plan(session: "Session", scope: Scope, plan_id: str, version: int | None = None) -> int:
    """Lock a plan against other writers until the transaction ends and return its version.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    plan_id
        The plan.
    version
        The version the caller saw; ``None`` if it saw none.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    gis.errors.StaleVersionError
        Somebody has changed it since.
    """
    require_plan(session, scope, plan_id)
    statement = select(GridPlan.version).where(GridPlan.id == plan_id)
    current = session.execute(statement.with_for_update(key_share=True)).scalar_one_or_none()
    if current is None:
        raise _no_such_plan(plan_id)
    if version is not None and current != version:
        raise StaleVersionError(
            f"Plan {plan_id} is at version {current}, not {version}.",
            remedy="Read it again and repeat the change.",
        )
    session.execute(
        update(table_of(GridPlan)).where(GridPlan.id == plan_id).values(version=current + 1)
    )
    return current


_COMMUNITIES_OF_PLAN = text(
    "SELECT DISTINCT community_id::text FROM grids WHERE plan_id = CAST(:plan AS uuid) ORDER BY 1"
)


def misfits(
    session: "Session", scope: Scope, on_day: date, tolerance_m2: float
) -> "Sequence[Row[Any]]":
    """Return how plans no longer fit the ground (plan_id, reason, things, households)."""
    scope.require_everywhere(Action.READ)
    given = {"on_day": on_day, "tolerance_m2": tolerance_m2}
    return session.execute(named_statement("plan_fitness", "buildings"), given).all()


def flag_unfit(
    session: "Session", scope: Scope, reasons: "Mapping[str, Sequence[Mapping[str, Any]]]"
) -> dict[str, str | None]:
    """Flag these plans with their reasons and no others; return the names of the flagged.

    How long a plan has been unfit is kept as long as it stays so.
    """
    scope.require_everywhere(Action.WRITE)
    own = table_of(GridPlan)
    healed = own.c.unfit_since.is_not(None), own.c.id.not_in(list(reasons))
    # NULL itself, and not JSON's null.
    session.execute(update(own).where(*healed).values(unfit_since=None, unfit_reasons=null()))
    names: dict[str, str | None] = {}
    for plan_id, why in reasons.items():
        since = func.coalesce(own.c.unfit_since, func.now())
        flagged = update(own).where(own.c.id == plan_id)
        values = {"unfit_since": since, "unfit_reasons": [dict(one) for one in why]}
        names[plan_id] = session.execute(
            flagged.values(**values).returning(own.c.name)
        ).scalar_one()
    return names
