"""Whether plans still fit the ground under them, after it has changed."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gis.layers import plans
from gis.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

#: The ground and the grids over it may differ by the rounding of coordinates, no more.
_TOLERANCE_M2 = 1.0


@dataclass(frozen=True, slots=True)
class Misfit:
    """A way in which a plan no longer fits: ``things`` says how many, ``households`` whose."""

    reason: str
    things: int
    households: int | None


@dataclass(frozen=True, slots=True)
class UnfitPlan:
    """A plan that no longer fits, and why."""

    plan_id: str
    name: str | None
    misfits: tuple[Misfit, ...]


def flag_unfit_plans(
    session: "Session", scope: "Scope", on_day: date | None = None
) -> tuple[UnfitPlan, ...]:
    """Flag plans that no longer fit the ground, take the flag off those that do; return the first.

    Looked at are drafts and plans in effect on the day or later. Reasons:
    ``buildings_without_grid``, ``buildings_gone``, ``buildings_outside_their_grid`` (by more than
    a metre), ``communities_of_another_shape`` (by more than a square metre), ``communities_gone``,
    ``grids_newly_out_of_range``.
    """
    day = on_day or date.today()  # noqa: DTZ011 - dates of effect are days of the place
    found: dict[str, list[Misfit]] = {}
    for row in plans.misfits(session, scope, day, _TOLERANCE_M2):
        found.setdefault(row.plan_id, []).append(Misfit(row.reason, row.things, row.households))
    names: Mapping[str, str | None] = plans.flag_unfit(
        session,
        scope,
        {
            plan: [
                {"reason": m.reason, "things": m.things, "households": m.households} for m in why
            ]
            for plan, why in found.items()
        },
    )
    unfit = tuple(UnfitPlan(plan, names.get(plan), tuple(why)) for plan, why in found.items())
    if unfit:
        log.warning("plans_unfit", plans=[one.plan_id for one in unfit])
    return unfit
