"""Plans come, take effect and go: empty drafts, effect from a day, drafts deleted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy.dialects.postgresql import Range

from gis.codes import DivisionCode
from gis.errors import ConflictError, InvalidInputError, StaleVersionError
from gis.frames import COMMUNITIES
from gis.layers import audit, grids, locks, plans
from gis.layers.communities import Community
from gis.layers.queries import alive, read_layer
from gis.scope import Action
from gis.services.plan_ground import common_division, covers, must_be_draft, no_grids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy.orm import Session

    from gis.layers.plans import ReplacedPeriod
    from gis.scope import Scope


@dataclass(frozen=True, slots=True)
class Effect:
    """A plan in effect from a day on, and what that takes from others.

    Parameters
    ----------
    plan_id, since
        The plan, and its first day.
    communities
        In how many it is in effect.
    replaced
        Periods of other plans that are cut back or taken out, by community and first day.
    """

    plan_id: str
    since: "date"
    communities: int
    replaced: "tuple[ReplacedPeriod, ...]"

    @property
    def taken_out(self) -> "tuple[ReplacedPeriod, ...]":
        """The replaced periods of which nothing remains."""
        return tuple(one for one in self.replaced if one.remains is None)


def create_draft(
    session: "Session",
    scope: "Scope",
    *,
    kind: str = "community",
    name: str | None = None,
    scope_code: str | None = None,
    options: "Mapping[str, Any] | None" = None,
) -> str:
    """Make a draft without grids and return its key; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    kind, name
        What it is for, and what people call it.
    scope_code
        Code of the division that it covers; ``None``: of all communities.
    options
        How it will be drawn, if nothing else is said then.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no community in the division.
    gis.errors.ConflictError
        A plan of the kind and the division has the name.
    """
    scope.require(Action.WRITE)
    code = _division(session, scope, scope_code)
    plans.require_division(session, scope, Action.WRITE, code)
    if name is not None:
        require_free_name(session, scope, name, kind, code)
    key = str(uuid4())
    facts = {"name": name, "kind": kind, "scope_code": code}
    plans.add_plan(session, scope, {"id": key, **facts, "options": dict(options or {}) or None})
    audit.record(session, scope, audit.Change("create", "grid_plans", key, after=facts))
    return key


def require_free_name(
    session: "Session", scope: "Scope", name: str, kind: str, scope_code: str | None
) -> None:
    """Raise if a plan of the same kind and division, not retired, has the name.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    name, kind
        Of the new plan.
    scope_code
        Code of the division that it covers; ``None``: of all communities.

    Raises
    ------
    gis.errors.ConflictError
        One has it; the key says which.
    gis.errors.InvalidInputError
        There is no community in the division.
    """
    code = _division(session, scope, scope_code)
    taken = plans.called_so(session, scope, name, kind, code)
    if taken is not None:
        raise ConflictError(
            f"A {kind} plan of division {code} is called {name!r} already: {taken}.",
            remedy="Give another name (--name), or draw that draft again: wangge plan draw PLAN.",
            field="name",
        )


def _division(session: "Session", scope: "Scope", scope_code: str | None) -> str:
    """Return the code of a division that has communities; ``None``: of all communities."""
    codes = read_layer(session, scope, Community, COMMUNITIES, alive(Community))["code"].tolist()
    code = common_division(codes) if scope_code is None else DivisionCode.parse(scope_code).value
    if not any(covers(code, one) for one in codes):
        raise InvalidInputError(
            f"There is no community in the division {code}.",
            remedy="Import communities first, or give the code of a division that has some.",
            field="scope_code",
        )
    return code


def effect_of(session: "Session", scope: "Scope", plan_id: str, since: "date") -> Effect:
    """Return what :func:`put_in_effect` would do, errors included; nothing is changed."""
    row = plans.one(session, scope, plan_id)
    communities = plans.communities_of(session, scope, plan_id)
    if not communities:
        raise no_grids(row)
    if row.unfit_since is not None:
        raise ConflictError(
            f"Plan {row.name or plan_id} does not fit the ground since {row.unfit_since:%Y-%m-%d}.",
            remedy="Draw it again, or make a new draft from it: wangge plan rebalance.",
        )
    replaced = plans.replaced_by(session, scope, plan_id, row.kind, Range(since, None))
    return Effect(plan_id, since, len(communities), tuple(replaced))


def put_in_effect(
    session: "Session",
    scope: "Scope",
    plan_id: str,
    since: "date",
    *,
    seen: Effect | None = None,
) -> Effect:
    """Put a plan in effect from a day on and return what it replaced; the caller commits.

    It takes the place of the plans of its kind that are in effect there then, or would be later.
    The audit trail keeps what was replaced, with the plan and with each that lost days.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    plan_id, since
        The plan, and the first day.
    seen
        What somebody was shown by :func:`effect_of` and agreed to.

    Raises
    ------
    gis.errors.ConflictError
        It has no grids, or does not fit the ground any more.
    gis.errors.NotFoundError
        There is no such plan.
    gis.errors.StaleVersionError
        It would replace other periods than those that were seen.
    """
    plans.lock_plan(session, scope, plan_id)
    kind = plans.one(session, scope, plan_id).kind
    # What is told is what is replaced: nobody else changes periods of the kind meanwhile.
    locks.lock(session, f"effect:{kind}")
    effect = effect_of(session, scope, plan_id, since)
    if seen is not None and effect != seen:
        raise StaleVersionError(
            "Somebody has put a plan in effect since: this one would replace other periods.",
            remedy="Look at what it replaces again, and repeat the change.",
        )
    plans.put_in_effect(session, scope, plan_id, kind, Range(since, None))
    _record_effect(session, scope, effect)
    return effect


def _record_effect(session: "Session", scope: "Scope", effect: Effect) -> None:
    """Write down what was put in effect, and with every plan that lost days which these are."""
    told = {
        "from": effect.since.isoformat(),
        "communities": effect.communities,
        "replaced": [{"plan_id": one.plan_id} | _plain(one) for one in effect.replaced],
    }
    change = audit.Change("effect", "grid_plans", effect.plan_id, after=told)
    audit.record(session, scope, change)
    for plan_id in dict.fromkeys(one.plan_id for one in effect.replaced):
        lost = [_plain(one) for one in effect.replaced if one.plan_id == plan_id]
        after = {"by": effect.plan_id, "replaced": lost}
        audit.record(session, scope, audit.Change("replaced", "grid_plans", plan_id, after=after))


def _plain(one: "ReplacedPeriod") -> dict[str, Any]:
    """Return a replaced period as JSON can hold it; ``until`` is the first day without it."""
    return {
        "community_code": one.community_code,
        "during": _days(one.during),
        "remains": None if one.remains is None else _days(one.remains),
    }


def _days(period: "Range[date]") -> dict[str, str | None]:
    first, end = period.lower, period.upper
    return {
        "from": None if first is None else first.isoformat(),
        "until": None if end is None else end.isoformat(),
    }


def delete_draft(
    session: "Session", scope: "Scope", plan_id: str, *, version: int | None = None
) -> None:
    """Take a draft out of the store with its grids; the caller commits.

    Raises
    ------
    gis.errors.ConflictError
        It is no draft any more, and stays with its dates.
    gis.errors.StaleVersionError
        Somebody has changed it since.
    """
    plans.lock_plan(session, scope, plan_id, version)
    row = plans.one(session, scope, plan_id)
    must_be_draft(row)
    grids.remove_plans(session, scope, [plan_id])
    change = audit.Change("delete", "grid_plans", plan_id, {"name": row.name, "kind": row.kind})
    audit.record(session, scope, change)
