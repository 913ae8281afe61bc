"""``/v1/plans``: drafts that are drawn by the worker, and what is known of every plan."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.beginning import begin_job
from api.deps import Principal, ReadSession, WriteSession
from api.params import RowId
from api.problems import responses
from api.schemas.codes import PlanKind
from api.schemas.jobs import JobAnswer
from api.schemas.plans import (
    ComparedPlansAnswer,
    DrawRequest,
    MeasuresAnswer,
    NewPlan,
    PlanAnswer,
    PlanRow,
    PlansAnswer,
    PlanStatus,
    RebalanceRequest,
)
from api.versions import IfMatch, etag, seen_version
from gis.database.engine import transaction
from gis.errors import InvalidInputError
from gis.jobs.plan_drawing import DrawJob
from gis.layers import plans
from gis.scope import Action
from gis.services import plan_lifecycle
from gis.services.plan_ground import options_from
from gis.services.plan_measuring import compare_plans, facts_as_json, measure_plan, plan_facts
from gis.services.plan_splitting import splits_buildings
from gis.services.redistricting import PlanOrder, rebalance_order, settled

router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.get("", responses=responses(400, 422), summary="The newest plans")
def list_plans(
    session: ReadSession,
    scope: Principal,
    *,
    kind: PlanKind | None = None,
    status: PlanStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Plans of the answer.")] = 20,
) -> PlansAnswer:
    """Return the newest plans, newest first."""
    rows = plans.newest(session, scope, limit=limit, kind=kind, status=status)
    return PlansAnswer(plans=[PlanRow(**_facts(row)) for row in rows])


@router.post(
    "",
    status_code=201,
    responses=responses(400, 403, 409, 413, 422),
    summary="Make an empty draft",
)
def create_plan(
    sent: NewPlan, response: Response, session: WriteSession, scope: Principal
) -> PlanAnswer:
    """Make a draft without grids; `POST /v1/plans/{id}/draw` draws them.

    A name that a plan of the same kind and division has is a 409.
    """
    given = {} if sent.options is None else sent.options.sent
    options_from(given)  # a band that is none is refused now
    plan_id = plan_lifecycle.create_draft(
        session,
        scope,
        kind=sent.kind,
        name=sent.name,
        scope_code=sent.scope_code,
        options=given,
    )
    response.headers["Location"] = f"/v1/plans/{plan_id}"
    return _told(session, scope, plan_id, response)


@router.get("/{plan_id}", responses=responses(400, 404, 422), summary="One plan")
def get_plan(
    plan_id: RowId,
    response: Response,
    session: ReadSession,
    scope: Principal,
    *,
    trace: Annotated[bool, Query(description="Also why each grid ended as it did.")] = False,
) -> PlanAnswer:
    """Return a plan with its measures and exceptions; its ETag is what a change must name."""
    return _told(session, scope, str(plan_id), response, trace=trace)


@router.get(
    "/{plan_id}/measures", responses=responses(400, 404, 409, 422), summary="Measure a plan anew"
)
def evaluate_plan(plan_id: RowId, session: ReadSession, scope: Principal) -> MeasuresAnswer:
    """Return the measures of each grid, reckoned from the cells that the plan has now."""
    return MeasuresAnswer(**measure_plan(session, scope, str(plan_id)).as_json())


@router.get(
    "/{plan_id}/comparison", responses=responses(400, 404, 409, 422), summary="Compare two plans"
)
def compare_two_plans(
    plan_id: RowId,
    session: ReadSession,
    scope: Principal,
    *,
    before: Annotated[UUID, Query(description="The plan that this one is compared with.")],
) -> ComparedPlansAnswer:
    """Return who changes grid from the plan before to this one, and what became of each grid."""
    return ComparedPlansAnswer(**compare_plans(session, scope, str(before), str(plan_id)).as_json())


@router.post(
    "/{plan_id}/draw",
    status_code=202,
    responses=responses(400, 403, 404, 409, 412, 413, 422, 428, 502),
    summary="Draw a draft",
)
def draw_plan(
    plan_id: RowId,
    sent: DrawRequest,
    request: Request,
    response: Response,
    scope: Principal,
    *,
    if_match: IfMatch = None,
) -> JobAnswer:
    """Begin a job that draws the grids of a draft, in place of those it has; the worker does it.

    Ask the job how far it is, or cancel it: the draft then stays as it was, or with `keep_best`
    is as good as the drawing had got. A draft that somebody changes meanwhile is not overwritten.
    A plan that is no draft any more is a 409.
    """
    scope.require(Action.WRITE)
    if sent.most_moved is not None and sent.from_plan_id is None:
        raise InvalidInputError(
            "Households can change grid only where the drawing starts from a plan.",
            remedy="Name the plan as well: from_plan_id; or leave most_moved out.",
            field="most_moved",
        )
    with transaction(request.app.state.sessions, scope) as session:
        row = plans.one(session, scope, str(plan_id))
        order = PlanOrder(
            options=options_from({**(row.options or {}), "seconds": None, **_options(sent)}),
            plan_id=str(plan_id),
            version=seen_version(if_match, row.version, "plan"),
            from_plan=None if sent.from_plan_id is None else str(sent.from_plan_id),
            locked=tuple(sent.locked),
            split_buildings=splits_buildings(row.options)
            if sent.split_buildings is None
            else sent.split_buildings,
        )
        order = settled(session, scope, order)
    return begin_job(request, response, scope, "draw", _job(order, sent).as_arguments())


@router.post(
    "/{plan_id}/rebalance",
    status_code=202,
    responses=responses(400, 403, 404, 409, 412, 413, 422, 428, 502),
    summary="Draw a plan again from its own grids",
)
def rebalance_plan(
    plan_id: RowId,
    sent: RebalanceRequest,
    request: Request,
    response: Response,
    scope: Principal,
    *,
    preview: Annotated[
        bool, Query(description="Only say in the job's report who would change grid.")
    ] = False,
    if_match: IfMatch = None,
) -> JobAnswer:
    """Begin a job that makes a new draft in which few households change grid, around locked grids.

    The job's report says how many move, and what becomes of each grid. The same request with
    `preview` says it before anything is stored.
    """
    scope.require(Action.WRITE)
    with transaction(request.app.state.sessions, scope) as session:
        row = plans.one(session, scope, str(plan_id))
        version = seen_version(if_match, row.version, "plan")
        order = rebalance_order(
            session,
            scope,
            str(plan_id),
            locked=tuple(sent.locked),
            options=_options(sent),
            name=sent.name,
            split_buildings=sent.split_buildings,
        )
        if sent.name is not None and not sent.in_place:
            plan_lifecycle.require_free_name(
                session, scope, sent.name, order.kind, order.scope_code
            )
        if sent.in_place:
            order = settled(session, scope, replace(order, plan_id=str(plan_id), version=version))
    job = replace(_job(order, sent), preview=preview)
    return begin_job(request, response, scope, "rebalance", job.as_arguments())


@router.delete(
    "/{plan_id}",
    status_code=204,
    responses=responses(400, 403, 404, 409, 412, 422, 428),
    summary="Delete a draft",
)
def delete_plan(
    plan_id: RowId, session: WriteSession, scope: Principal, *, if_match: IfMatch = None
) -> None:
    """Take a draft out with its grids; a plan that is no draft any more stays with its dates."""
    row = plans.one(session, scope, str(plan_id))
    version = seen_version(if_match, row.version, "plan")
    plan_lifecycle.delete_draft(session, scope, str(plan_id), version=version)


def _options(sent: DrawRequest | RebalanceRequest) -> dict[str, Any]:
    return {} if sent.options is None else sent.options.sent


def _job(order: PlanOrder, sent: DrawRequest | RebalanceRequest) -> DrawJob:
    return DrawJob(order, keep_best=sent.keep_best, most_moved=sent.most_moved)


def _told(
    session: Any,  # noqa: ANN401 - a session
    scope: Principal,
    plan_id: str,
    response: Response,
    *,
    trace: bool = False,
) -> PlanAnswer:
    facts = plan_facts(session, scope, plan_id, trace=trace)
    response.headers["ETag"] = etag(facts.row.version)
    return PlanAnswer(**facts_as_json(facts))


def _facts(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of plans
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
