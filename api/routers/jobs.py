"""``/v1/jobs``: long work that was asked for, how far it is, and what came of it."""

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from api.deps import AppSettings, Principal, ReadSession, WriteSession
from api.params import RowId
from api.problems import responses
from api.schemas.jobs import JobAnswer, JobLineAnswer, JobLogAnswer, JobsAnswer, JobStatus
from gis.errors import NotFoundError
from gis.jobs.import_orders import ImportOrder
from gis.jobs.siting import KIND as SITING
from gis.jobs.uploads import Uploads
from gis.layers import jobs
from gis.services.siting_reading import without_houses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("", responses=responses(400, 422), summary="The newest jobs")
def list_jobs(
    session: ReadSession,
    scope: Principal,
    *,
    status: JobStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Jobs of the answer.")] = 20,
) -> JobsAnswer:
    """Return the newest jobs, newest first."""
    rows = jobs.newest(session, scope, limit=limit, status=status)
    return JobsAnswer(jobs=answers(session, scope, rows))


@router.get("/{job_id}", responses=responses(400, 404, 422), summary="One job")
def get_job(job_id: RowId, session: ReadSession, scope: Principal) -> JobAnswer:
    """Return a job: ask again every few seconds until it has ended."""
    return answers(session, scope, [jobs.one(session, scope, str(job_id))])[0]


@router.get("/{job_id}/log", responses=responses(400, 404, 422), summary="A job's log")
def get_job_log(job_id: RowId, session: ReadSession, scope: Principal) -> JobLogAnswer:
    """Return the lines of a job's log, oldest first."""
    jobs.one(session, scope, str(job_id))
    lines = jobs.lines(session, scope, str(job_id))
    return JobLogAnswer(
        lines=[JobLineAnswer(at=at, level=level, message=said) for at, level, said in lines]
    )


@router.post("/{job_id}/cancel", responses=responses(400, 403, 404, 409, 422), summary="Cancel it")
def cancel_job(job_id: RowId, session: WriteSession, scope: Principal) -> JobAnswer:
    """Ask a job to end: what is queued ends at once, what runs at its next step, rolled back."""
    jobs.request_cancel(session, scope, str(job_id))
    return answers(session, scope, [jobs.one(session, scope, str(job_id))])[0]


@router.get(
    "/{job_id}/rejects",
    responses={**responses(400, 404, 422), 200: {"content": {"text/csv": {}}}},
    response_class=FileResponse,
    summary="The rows that an import could not take",
)
def get_job_rejects(
    job_id: RowId, session: ReadSession, scope: Principal, settings: AppSettings
) -> FileResponse:
    """Return the table of rejects of an import that was refused, as CSV."""
    job = jobs.one(session, scope, str(job_id))
    table = (
        ImportOrder.from_arguments(job.arguments).rejects if job.arguments.get("rejects") else None
    )
    if table is None or not Uploads.of(settings).holds(table) or not table.is_file():
        raise NotFoundError("This job has no table of rejects.", remedy="See its error.")
    return FileResponse(table, media_type="text/csv; charset=utf-8", filename=table.name)


def answers(session: "Session", scope: "Scope", rows: "Sequence[Row[Any]]") -> list[JobAnswer]:
    """Return jobs as people are told of them: their arguments name places on this machine."""
    queued = any(row.status == "queued" for row in rows)
    alone = queued and not jobs.worker_seen(session, scope)
    return [_answer(row, "worker" if alone and row.status == "queued" else None) for row in rows]


def _answer(row: "Row[Any]", waiting_for: Literal["worker"] | None) -> JobAnswer:
    own = JobAnswer.model_fields.keys() - {"waiting_for"}
    told = {name: getattr(row, name) for name in own}
    if row.kind == SITING and told["report"]:
        told["report"] = without_houses(told["report"])
    named = (row.arguments.get(name) for name in ("path", "mapping", "repaired", "rejects"))
    places = {f"{FilePath(one).parent}/" for one in named if one} - {"./", "//"}
    for name in ("report", "error"):
        told[name] = _without(told[name], sorted(places, key=len, reverse=True))
    return JobAnswer(**told, waiting_for=waiting_for)


def _without(told: Any, places: list[str]) -> Any:  # noqa: ANN401 - plain values
    """Return plain values with files by their names alone."""
    if isinstance(told, dict):
        return {name: _without(value, places) for name, value in told.items()}
    if isinstance(told, list):
        return [_without(value, places) for value in told]
    if isinstance(told, str):
        for place in places:
            told = told.replace(place, "")
    return told
