"""``/v1/audits``: what is wrong with the ground, and where."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.deps import Principal, ReadSession, WriteSession
from api.geojson import GeoJSONResponse, collection
from api.params import PageOf, RowId
from api.problems import responses
from api.schemas.findings import (
    AuditAnswer,
    AuditOrder,
    AuditsAnswer,
    FindingFeatures,
    FindingKind,
    Severity,
)
from gis.layers import findings
from gis.services.auditing import Touching, run_audit

router = APIRouter(prefix="/v1/audits", tags=["audits"])


@router.get("", responses=responses(400, 422), summary="The newest audits")
def list_audits(
    session: ReadSession,
    scope: Principal,
    *,
    limit: Annotated[int, Query(ge=1, le=200, description="Audits of the answer.")] = 20,
) -> AuditsAnswer:
    """Return the newest audits of the ground, newest first, with their counts by kind."""
    return AuditsAnswer(
        audits=[_answer(row) for row in findings.newest_runs(session, scope, limit)]
    )


@router.post(
    "", status_code=201, responses=responses(400, 403, 404, 413, 422), summary="Audit the ground"
)
def create_audit(order: AuditOrder, session: WriteSession, scope: Principal) -> AuditAnswer:
    """Audit the ground in the store, keep what was found, and return its counts by kind."""
    report = run_audit(
        session,
        scope,
        plan_id=None if order.plan_id is None else str(order.plan_id),
        touching=Touching(layers=order.layers),
        on_day=order.on_day,
    )
    return _answer(findings.one_run(session, scope, report.run_id))


@router.get("/{audit_id}", responses=responses(400, 404, 422), summary="One audit")
def get_audit(audit_id: RowId, session: ReadSession, scope: Principal) -> AuditAnswer:
    """Return one audit with its counts by kind."""
    return _answer(findings.one_run(session, scope, str(audit_id)))


@router.get(
    "/{audit_id}/findings",
    response_model=FindingFeatures,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="What an audit found",
)
def list_findings(
    request: Request,
    audit_id: RowId,
    session: ReadSession,
    scope: Principal,
    paging: PageOf,
    *,
    kind: FindingKind | None = None,
    severity: Severity | None = None,
) -> GeoJSONResponse:
    """Return the findings of an audit, the worst first: rows, size, place, facts."""
    asked = {"kind": kind, "severity": severity}
    page = findings.page_findings(
        session, scope, str(audit_id), paging.window(asked), kind=kind, severity=severity
    )
    return collection(request, page, paging, asked)


def _answer(row: Any) -> AuditAnswer:  # noqa: ANN401 - a row of audits
    return AuditAnswer(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
