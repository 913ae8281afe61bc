"""Draw a plan of grids, prove it, store it, and put it in effect."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import Range

from gis.districting import DrawOptions, Locks, Plan, draw_grids
from gis.districting.compare import compare
from gis.errors import ConflictError, InfeasiblePlanError, InvalidInputError
from gis.frames import COMMUNITIES
from gis.layers import grids, plans
from gis.layers.communities import Community
from gis.layers.queries import alive, read_layer
from gis.logs import get_logger
from gis.scope import Action
from gis.services.plan_ground import (
    PlanGround,
    StoredPlan,
    common_division,
    current_ground,
    labels_on,
    must_be_draft,
    no_grids,
    no_such_grid,
    options_from,
    read_plan,
)
from gis.services.plan_records import told_comparison
from gis.services.plan_splitting import split_buildings, splits_buildings, told_of_buildings
from gis.services.plan_storing import USUAL_CODEC, Outcome, Written, name_grids, store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.districting.compare import PlanComparison
    from gis.districting.graph import Ints
    from gis.scope import Scope

log = get_logger(__name__)

#: How often moves are made dearer where too many households would change grid.
_STIFFER = 5

#: Told what is being done, steps done, steps in all; ``False`` ends the refinement early.
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What is to be drawn.

    Parameters
    ----------
    scope_code
        Code of the division that the plan covers; ``None``: of all communities.
    kind
        ``community`` or ``party``.
    name
        Name of the plan, as people say it.
    options
        Target, band, preset, seed.
    codec
        How grid codes are written, by name.
    effective_from
        First day of effect; ``None`` leaves the plan a draft.
    plan_id
        The draft that is drawn, or drawn again; ``None``: a new one.
    version
        The version of that draft that the caller saw; ``None``: whatever is there.
    from_plan
        Id of the plan that the drawing starts from, so that few households change grid.
    locked
        Codes of grids of ``from_plan`` that stay as they are.
    split_buildings
        Whether a building above the maximum is divided between grids by its units; else it stays
        whole, as an exception.
    """

    scope_code: str | None = None
    kind: str = "community"
    name: str | None = None
    options: DrawOptions = field(default_factory=DrawOptions)
    codec: str = USUAL_CODEC
    effective_from: date | None = None
    plan_id: str | None = None
    version: int | None = None
    from_plan: str | None = None
    locked: tuple[str, ...] = ()
    split_buildings: bool = False

    def as_arguments(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without what is as by default."""
        default = PlanOrder()
        told = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != getattr(default, one.name)
        }
        if "options" in told:
            told["options"] = stored_options(self.options)
        if "effective_from" in told:
            told["effective_from"] = told["effective_from"].isoformat()
        return {key: list(v) if isinstance(v, tuple) else v for key, v in told.items()}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "PlanOrder":
        """Return the order of :meth:`as_arguments`."""
        given = dict(arguments)
        if "options" in given:
            given["options"] = options_from(given["options"])
        if "effective_from" in given:
            given["effective_from"] = date.fromisoformat(given["effective_from"])
        return cls(**{**given, "locked": tuple(given.get("locked", ()))})


@dataclass(frozen=True, slots=True)
class DrawnPlan:
    """A plan that was stored, and what a planner must know of it."""

    plan_id: str
    grids: int
    measures: Mapping[str, Any]
    exceptions: tuple[Mapping[str, Any], ...]
    stopped: bool


@dataclass(frozen=True, eq=False)
class Sketch:
    """What a drawing needs, read from the store; and once it is drawn, the drawing.

    Parameters
    ----------
    order
        What was asked for.
    ground
        The ground as it is today.
    start
        The plan that it starts from, if any.
    current
        Number of the grid of ``start`` per cell; ``None`` without one.
    plan
        The drawing.
    """

    order: PlanOrder
    ground: PlanGround
    start: StoredPlan | None = None
    current: "Ints | None" = None
    plan: Plan | None = None

    @property
    def drawn(self) -> Plan:
        """The drawing.

        Raises
        ------
        gis.errors.ConflictError
            Nothing was drawn yet.
        """
        if self.plan is None:
            raise ConflictError("Nothing was drawn yet.", remedy="Draw it first.")
        return self.plan

    def compared(self) -> "PlanComparison | None":
        """Return how the drawing differs from the plan that it starts from."""
        if self.current is None:
            return None
        return compare(self.ground.keyed.graph, self.current, self.drawn.grid, self.order.options)


def told_sketch(sketch: Sketch) -> dict[str, Any]:
    """Return how a drawing differs from the plan that it starts from, by the codes it would have.

    Raises
    ------
    gis.errors.ConflictError
        It starts from no plan.
    """
    compared = sketch.compared()
    if compared is None or sketch.start is None:
        raise ConflictError(
            "The drawing starts from no plan.", remedy="Name one to compare it with."
        )
    named = name_grids(_outcome(sketch), "")
    after = dict(zip(named["number"].tolist(), named["code"], strict=True))
    before = dict(enumerate(sketch.start.grids["code"]))
    return told_comparison(compared, before, after, sketch.ground.community_codes)


def draw_plan(
    session: "Session", scope: "Scope", order: PlanOrder, *, progress: Progress | None = None
) -> DrawnPlan:
    """Draw, prove and store a plan over the communities of its division; the caller commits.

    Raises
    ------
    gis.errors.TessellationError
        If the drawing does not tile or would leave a building without a grid; nothing is stored.
    gis.errors.ConflictError
        The plan is no draft.
    gis.errors.StaleVersionError
        Somebody has changed the draft since.
    """
    sketch = draw(prepare(session, scope, order, progress=progress), progress=progress)
    return keep(session, scope, sketch)


def prepare(
    session: "Session", scope: "Scope", order: PlanOrder, *, progress: Progress | None = None
) -> Sketch:
    """Read what a drawing needs; cells that are out of date are built. The caller commits.

    The drawing itself then holds no transaction open, however long it takes.
    """
    scope.require(Action.WRITE)
    order = settled(session, scope, order)
    assert order.scope_code is not None
    if order.plan_id is not None:
        plans.require_plan(session, scope, order.plan_id)
    plans.require_division(session, scope, Action.WRITE, order.scope_code)
    ground = current_ground(session, scope, order.scope_code, progress=_step(progress, "cells"))
    if order.split_buildings:
        ground = split_buildings(session, scope, ground, order.options.maximum)
    if order.from_plan is None:
        return Sketch(order, ground)
    start = read_plan(session, scope, order.from_plan)
    return Sketch(order, ground, start, labels_on(start, ground))


def settled(session: "Session", scope: "Scope", order: PlanOrder) -> PlanOrder:
    """Return the order with what the draft or the store says already.

    Raises
    ------
    gis.errors.ConflictError
        The plan is no draft, or the one to start from has no grids.
    gis.errors.NotFoundError
        There is no such plan, or no grid of a locked code.
    gis.errors.InvalidInputError
        Grids are locked, but the drawing starts from no plan.
    """
    if order.plan_id is not None:
        row = plans.one(session, scope, order.plan_id)
        must_be_draft(row)
        order = replace(order, scope_code=row.scope_code, kind=row.kind, name=row.name)
    if order.from_plan is not None:
        _startable(session, scope, order.from_plan, order.locked)
    elif order.locked:
        raise InvalidInputError(
            "Grids can be locked only where the drawing starts from a plan.",
            remedy="Name the plan as well: --from PLAN, or from_plan_id.",
            field="locked",
        )
    if order.scope_code is None:
        own = read_layer(session, scope, Community, COMMUNITIES, alive(Community))
        order = replace(order, scope_code=common_division(own["code"].tolist()))
    return order


def _startable(session: "Session", scope: "Scope", plan_id: str, locked: tuple[str, ...]) -> None:
    row = plans.one(session, scope, plan_id)
    known = {code for _, code in grids.codes_of(session, scope, plan_id)}
    if not known:
        raise no_grids(row)
    unknown = [code for code in locked if code not in known]
    if unknown:
        raise no_such_grid(row, unknown[0])


def draw(sketch: Sketch, *, progress: Progress | None = None) -> Sketch:
    """Return the sketch with its drawing; the store is not asked."""
    locks = None
    if sketch.start is not None and sketch.order.locked:
        locks = Locks(grids=sketch.start.numbers(sketch.order.locked))
    plan = draw_grids(
        sketch.ground.keyed.graph,
        sketch.order.options,
        current=sketch.current,
        locked=locks,
        progress=_step(progress, "grids"),
    )
    return replace(
        sketch, plan=told_of_buildings(plan, sketch.ground, split=sketch.order.split_buildings)
    )


def draw_within(
    sketch: Sketch, most_moved: int | None, *, progress: Progress | None = None
) -> Sketch:
    """Return the sketch with a drawing in which at most so many households change grid.

    Moves are made dearer until it is so.

    Raises
    ------
    gis.errors.InfeasiblePlanError
        No such drawing was found; it says how few the least was.
    """
    found: list[int] = []
    for stability in _stiffer(sketch.order.options.stability):
        order = replace(sketch.order, options=replace(sketch.order.options, stability=stability))
        drawn = draw(replace(sketch, order=order), progress=progress)
        compared = drawn.compared() if most_moved is not None else None
        if most_moved is None or compared is None or compared.households_moved <= most_moved:
            return drawn
        found.append(compared.households_moved)
    raise InfeasiblePlanError(
        f"No drawing was found in which at most {most_moved:,} households change grid; "
        f"the least that was found is {min(found):,}.",
        remedy="Allow more households to move, or lock fewer grids.",
    )


def _stiffer(stability: float) -> tuple[float, ...]:
    """Return stabilities from the one that is asked for to the one that touches nothing."""
    return (stability, *(1 - (1 - stability) / 4**n for n in range(1, _STIFFER)), 1.0)


def rebalance_order(
    session: "Session",
    scope: "Scope",
    plan_id: str,
    *,
    locked: tuple[str, ...] = (),
    options: Mapping[str, Any] | None = None,
    name: str | None = None,
    split_buildings: bool | None = None,
) -> PlanOrder:
    """Return the order of a new draft, drawn from the grids of a plan so that few households move.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    plan_id
        The plan.
    locked
        Codes of grids that stay as they are.
    options
        Drawing options that differ from those it was drawn with.
    name
        Name of the new draft.
    split_buildings
        Whether buildings above the maximum are split; ``None``: as it was drawn.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan, or no grid of such a code.
    gis.errors.ConflictError
        It has no grids.
    """
    _startable(session, scope, plan_id, locked)
    row = plans.one(session, scope, plan_id)
    return PlanOrder(
        row.scope_code,
        row.kind,
        name or (f"{row.name} +" if row.name else None),
        options_from({**(row.options or {}), "seconds": None, **(options or {})}),
        str((row.options or {}).get("codec", USUAL_CODEC)),
        from_plan=plan_id,
        locked=locked,
        split_buildings=splits_buildings(row.options)
        if split_buildings is None
        else split_buildings,
    )


def keep(session: "Session", scope: "Scope", sketch: Sketch) -> DrawnPlan:
    """Prove a drawing and store it; the caller commits, and with that the store proves it too.

    Raises
    ------
    gis.errors.WanggeError
        As :func:`draw_plan`.
    """
    order, plan = sketch.order, sketch.drawn
    outcome = _outcome(sketch)
    assert order.scope_code is not None
    facts = {"name": order.name, "kind": order.kind, "scope_code": order.scope_code}
    written: Written = store(session, scope, outcome, order.plan_id, order.version, facts)
    if order.effective_from is not None:
        during = Range(order.effective_from, None)
        plans.put_in_effect(session, scope, written.plan_id, order.kind, during)
    log.info(
        "plan_drawn",
        plan=written.plan_id,
        kind=order.kind,
        grids=len(written.grids),
        exceptions=len(plan.exceptions),
    )
    return DrawnPlan(
        written.plan_id, len(written.grids), written.measures, written.told, plan.stopped
    )


def _outcome(sketch: Sketch) -> Outcome:
    order, plan = sketch.order, sketch.drawn
    return Outcome(
        sketch.ground,
        plan,
        start=sketch.start,
        options=stored_options(order.options)
        | {"codec": order.codec}
        | ({"split_buildings": True} if order.split_buildings else {}),
        moved=_moved(sketch.compared()),
    )


def _moved(compared: "PlanComparison | None") -> dict[str, int]:
    if compared is None:
        return {}
    return {
        "households_moved": compared.households_moved,
        "households_compared": compared.households_compared,
    }


def stored_options(options: DrawOptions) -> dict[str, Any]:
    """Return drawing options as the store keeps them."""
    told = {key: value for key, value in asdict(options).items() if value is not None}
    told.pop("workers", None)  # they change how long it takes, and nothing else
    if "weights" in told:
        told["weights"] = dict(told["weights"])
    return told


def _step(progress: Progress | None, name: str) -> Callable[[int, int], Any] | None:
    if progress is None:
        return None
    return lambda done, total: progress(name, done, total)
