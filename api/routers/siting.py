"""``/v1/siting``: where the next stations should go; the worker solves it."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import FileResponse

from api.beginning import begin_job, coverage_is_due
from api.deps import AppSettings, Principal, ReadSession, WriteSession
from api.geojson import GeoJSONResponse
from api.params import RowId, day_of
from api.problems import responses
from api.routers.exports import MEDIA_TYPES, ExportCrs, file_folder
from api.schemas.jobs import JobAnswer
from api.schemas.siting import (
    AdoptAnswer,
    AdoptRequest,
    SitingAnswer,
    SitingRequest,
    SwapRequest,
)
from api.security.gate import sees_in_full
from gis.access import Permission
from gis.database.engine import transaction
from gis.jobs.siting import KIND, SitingJob, report_of, siting_job, swapped
from gis.scope import Action, Scope
from gis.services.siting_adopting import Adoption, adopt_sites
from gis.services.siting_candidates import check_order
from gis.services.siting_exporting import SitingExport, export_siting
from gis.services.siting_order import GivenPlace, SitingOrder
from gis.services.siting_reading import withhold_named
from gis.settings import Settings

router = APIRouter(prefix="/v1/siting", tags=["siting"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {MEDIA_TYPES[suffix]: _BINARY for suffix in (".gpkg", ".xlsx")},
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/geo+json": {"schema": {"type": "object"}}}}
}


@router.post(
    "",
    status_code=202,
    responses=responses(400, 403, 404, 409, 413, 422, 502),
    summary="Choose where new stations should go",
)
def start_siting(
    sent: SitingRequest,
    request: Request,
    response: Response,
    scope: Principal,
    settings: AppSettings,
) -> JobAnswer:
    """Begin a job that chooses sites; `GET /v1/siting/{job_id}` is what came of it.

    While it runs the job's `done` is one less the gap that is left. A job that is cancelled ends
    with nothing, or with `keep_best` with the best so far. A community that is not there is a 404,
    and more stations than there can be candidates a 422, before a job is begun.
    """
    scope.require(Action.WRITE)
    job = SitingJob(_order(sent, scope, settings), keep_best=sent.keep_best)
    with transaction(request.app.state.sessions, scope) as session:
        check_order(session, scope, job.order)
    return begin_job(request, response, scope, KIND, job.as_arguments())


@router.get(
    "/{job_id}",
    response_model=SitingAnswer,
    responses=_ANSWERS | responses(400, 404, 409, 422),
    summary="What came of a siting",
)
def get_siting(
    job_id: RowId,
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    file_format: Annotated[
        Literal["json", "geojson"],
        Query(alias="format", description="geojson: chosen sites, swaps and who is left out."),
    ] = "json",
) -> Any:  # noqa: ANN401 - one of two media types
    """Return sites, shares before and after, the proof, swaps, and who is left out.

    While it has not ended, or if nothing came of it, the answer is 409. Houses that are left out
    are named with the counts that whoever asks sees of buildings.
    """
    report = _report(request, session, scope, settings, job_id)
    if file_format == "geojson":
        return GeoJSONResponse(_collection(report))
    return SitingAnswer(job_id=job_id, **report)


@router.post(
    "/{job_id}/swap",
    status_code=202,
    responses=responses(400, 403, 404, 409, 413, 422, 502),
    summary="Take a swap of a siting",
)
def swap_siting(
    job_id: RowId, sent: SwapRequest, request: Request, response: Response, scope: Principal
) -> JobAnswer:
    """Begin a siting whose sites are those of this one with a swap taken: it is evaluated anew."""
    scope.require(Action.WRITE)
    with transaction(request.app.state.sessions, scope) as session:
        order = swapped(siting_job(session, scope, str(job_id)), sent.rank)
    return begin_job(request, response, scope, KIND, SitingJob(order).as_arguments())


@router.get(
    "/{job_id}/export",
    response_class=FileResponse,
    responses=_FILES | responses(400, 403, 404, 409, 422),
    summary="A siting as a file",
)
def export_siting_file(
    job_id: RowId,
    request: Request,
    session: WriteSession,
    scope: Principal,
    settings: AppSettings,
    folder: Annotated[Path, Depends(file_folder)],
    *,
    file_format: Annotated[
        Literal["gpkg", "xlsx"], Query(alias="format", description="GeoPackage or Excel.")
    ] = "gpkg",
    crs: ExportCrs = "EPSG:4326",
    headers: Annotated[
        Literal["zh-CN", "en"], Query(description="Headers of tables; en: the field names.")
    ] = "en",
) -> FileResponse:
    """Write sites, swaps, who is left out, shares and the proof to a file and send it.

    It is noted in the audit trail and removed afterwards.
    """
    report = _report(request, session, scope, settings, job_id)
    order = SitingExport(
        folder / f"siting.{file_format}",
        crs=crs,
        headers=None if headers == "en" else headers,
        language=settings.language,
        timezone=settings.timezone,
    )
    path = export_siting(session, scope, str(job_id), report, order).path
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], filename=path.name)


@router.post(
    "/{job_id}/stations",
    status_code=201,
    responses=responses(400, 403, 404, 409, 413, 422),
    summary="Make planned stations of the chosen sites",
)
def adopt_siting(
    job_id: RowId,
    sent: AdoptRequest,
    request: Request,
    session: WriteSession,
    scope: Principal,
    settings: AppSettings,
    *,
    after: BackgroundTasks,
) -> AdoptAnswer:
    """Make a planned station of each chosen site; coverage as of its first day shows it.

    A second time it is a 409. If that day has come, a run of coverage is queued.
    """
    report = report_of(siting_job(session, scope, str(job_id)))
    how = Adoption(
        sent.opens_on, settings.timezone, sent.tier, sent.opening_hours, settings.language
    )
    made = adopt_sites(session, scope, str(job_id), report, how)
    if how.has_begun:
        coverage_is_due(request, after, scope)
    return AdoptAnswer(stations=[UUID(one) for one in made])


def _report(
    request: Request, session: Session, scope: Scope, settings: Settings, job_id: RowId
) -> dict[str, Any]:
    """Return what came of a siting as whoever asks may read it."""
    report = report_of(siting_job(session, scope, str(job_id)))
    full = sees_in_full(request, Permission.BUILDINGS_READ)
    below = 1 if full else settings.suppress_below
    return withhold_named(session, scope, report, below)


def _order(sent: SitingRequest, scope: Principal, settings: Settings) -> SitingOrder:
    """Return the order of a request; what cannot be asked is refused now."""
    facts = sent.model_dump(exclude={"week", "equity", "mix", "places", "keep_best"})
    if sent.radius_m is None and sent.radius_min is None:
        facts["radius_m"] = 500.0
    if sent.week is not None:
        facts |= {"monday": sent.week.monday, "parts": tuple(sent.week.parts)}
    for name in ("poi_categories", "fixed", "forbidden"):
        facts[name] = tuple(facts[name])
    return SitingOrder(
        **{
            **facts,
            "as_of": day_of(sent.as_of, settings.timezone),
            "equity": {} if sent.equity is None else sent.equity.model_dump(exclude_none=True),
            "mix": {} if sent.mix is None else sent.mix.model_dump(exclude_none=True),
            "places": tuple(_place(one.model_dump()) for one in sent.places),
            "timezone": settings.timezone,
            "suppress_below": scope.shown_below(settings.suppress_below),
        }
    )


def _place(given: dict[str, Any]) -> GivenPlace:
    return GivenPlace(**{**given, "id": None if given["id"] is None else str(given["id"])})


def _collection(report: dict[str, Any]) -> str:
    """Return sites, what may be swapped in, and buildings left out as one FeatureCollection."""
    features = [
        *(_feature("site", site, site) for site in report["sites"]),
        *(
            _feature("swap", swap["enter"], {**swap["enter"], **_without(swap, "enter")})
            for swap in report["swaps"]
        ),
        *(_feature("uncovered", house, house) for house in report["uncovered"]["named"]),
    ]
    whole = {
        "type": "FeatureCollection",
        "numberReturned": len(features),
        "proof": report["proof"],
        "method": report["method"],
        "network": report["network"],
        "calendar": report["calendar"],
        "features": features,
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _feature(role: str, place: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [place["lon"], place["lat"]]},
        "properties": {"role": role, **_without(facts, "lon", "lat")},
    }


def _without(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}
