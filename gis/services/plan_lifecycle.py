"""Plans come, take effect and go: empty drafts, effect from a day, drafts deleted."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy.dialects.postgresql import Range

from gis.codes import DivisionCode
from gis.errors import ConflictError, InvalidInputError
from gis.frames import COMMUNITIES
from gis.layers import audit, grids, plans
from gis.layers.communities import Community
from gis.layers.queries import alive, read_layer
from gis.scope import Action
from gis.services.plan_ground import common_division, covers, must_be_draft, no_grids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy.orm import Session

    from gis.scope import Scope


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
    """
    scope.require_everywhere(Action.WRITE)
    codes = read_layer(session, scope, Community, COMMUNITIES, alive(Community))["code"].tolist()
    code = common_division(codes) if scope_code is None else DivisionCode.parse(scope_code).value
    if not any(covers(code, one) for one in codes):
        raise InvalidInputError(
            f"There is no community in the division {code}.",
            remedy="Import communities first, or give the code of a division that has some.",
            field="scope_code",
        )
    key = str(uuid4())
    facts = {"name": name, "kind": kind, "scope_code": code}
    plans.add_plan(session, scope, {"id": key, **facts, "options": dict(options or {}) or None})
    audit.record(session, scope, audit.Change("create", "grid_plans", key, after=facts))
    return key


def put_in_effect(session: "Session", scope: "Scope", plan_id: str, since: "date") -> int:
    """Put a plan in effect from a day on and return in how many communities; the caller commits.

    It takes the place of the plan of its kind that is in effect there.

    Raises
    ------
    gis.errors.ConflictError
        It has no grids, or does not fit the ground any more.
    gis.errors.NotFoundError
        There is no such plan.
    """
    scope.require_everywhere(Action.WRITE)
    plans.lock_plan(session, scope, plan_id)
    row = plans.one(session, scope, plan_id)
    if not grids.codes_of(session, scope, plan_id):
        raise no_grids(row)
    if row.unfit_since is not None:
        raise ConflictError(
            f"Plan {row.name or plan_id} does not fit the ground since {row.unfit_since:%Y-%m-%d}.",
            remedy="Draw it again, or make a new draft from it: wangge plan rebalance.",
        )
    count = plans.put_in_effect(session, scope, plan_id, row.kind, Range(since, None))
    change = audit.Change("effect", "grid_plans", plan_id, after={"from": since.isoformat()})
    audit.record(session, scope, change)
    return count


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
    scope.require_everywhere(Action.WRITE)
    plans.lock_plan(session, scope, plan_id, version)
    row = plans.one(session, scope, plan_id)
    must_be_draft(row)
    grids.remove_plans(session, scope, [plan_id])
    change = audit.Change("delete", "grid_plans", plan_id, {"name": row.name, "kind": row.kind})
    audit.record(session, scope, change)
