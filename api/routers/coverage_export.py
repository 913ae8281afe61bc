"""``/v1/coverage/export``: verdicts, isochrones, catchments, gaps and indicators as a file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import FileResponse

from api.deps import AppSettings, Grounds, Principal, WriteSession
from api.params import CommunityCode
from api.problems import responses
from api.routers.coverage_areas import ReachOf, Which
from api.routers.exports import MEDIA_TYPES, ExportCrs, file_folder
from api.security.gate import for_layers
from gis.services.coverage_exporting import CoverageExport, export_coverage
from gis.services.indicator_reading import IndicatorQuestion

router = APIRouter(prefix="/v1/coverage/export", tags=["coverage"])

_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            MEDIA_TYPES[suffix]: {"schema": {"type": "string", "format": "binary"}}
            for suffix in (".gpkg", ".xlsx")
        },
    }
}


@router.get(
    "",
    response_class=FileResponse,
    responses=_FILES | responses(400, 403, 404, 422),
    summary="Coverage on foot as a file",
)
def export_coverage_file(
    session: WriteSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    folder: Annotated[Path, Depends(file_folder)],
    reach: ReachOf,
    which: Which,
    *,
    request: Request,
    layers: Annotated[
        str,
        Query(
            pattern=r"^[a-z_]+(,[a-z_]+)*$",
            max_length=200,
            description="walking_verdicts, isochrones, catchments, coverage_gaps, indicators; "
            "separated by commas.",
            examples=["catchments,coverage_gaps"],
        ),
    ] = "walking_verdicts,isochrones,catchments,coverage_gaps",
    community: CommunityCode = None,
    file_format: Annotated[
        Literal["gpkg", "xlsx"], Query(alias="format", description="GeoPackage or Excel.")
    ] = "gpkg",
    crs: ExportCrs = "EPSG:4326",
    headers: Annotated[
        Literal["zh-CN", "en"], Query(description="Headers of tables; en: the field names.")
    ] = "en",
) -> FileResponse:
    """Write coverage to a file and send it; it is noted in the audit trail and removed afterwards.

    Indicators are those of the last run by the day that is asked for.
    """
    names = tuple(dict.fromkeys(layers.split(",")))
    scope = for_layers(request, scope, names)
    question = which.question(settings.timezone)
    order = CoverageExport(
        folder / f"coverage.{file_format}",
        names,
        question,
        reach,
        community,
        IndicatorQuestion(settings.timezone, question.day),
        below=scope.shown_below(settings.suppress_below),
        crs=crs,
        headers=None if headers == "en" else headers,
        language=settings.language,
    )
    path = export_coverage(session, scope, order, grounds).path
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], filename=path.name)
