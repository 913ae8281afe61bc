"""``/v1/imports``: uploaded files into the store, what was imported, and the way back."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Path, Query, Request, Response

from api.beginning import begin_job, coverage_is_due
from api.deps import AppSettings, Principal, ReadSession, WriteSession
from api.problems import responses
from api.schemas.jobs import ImportAnswer, ImportsAnswer, JobAnswer, NewImport, UndoAnswer
from gis.errors import InvalidInputError
from gis.jobs.coverage_run import MEASURED_LAYERS
from gis.jobs.import_orders import ImportOrder
from gis.jobs.uploads import Uploads
from gis.layers import imports
from gis.layers.registry import LAYER_BY_NAME
from gis.scope import Action
from gis.services.undoing import undo_last_import

if TYPE_CHECKING:
    from gis.settings import Settings

router = APIRouter(prefix="/v1/imports", tags=["imports"])
LayerName = Annotated[
    str, Path(description="Layer.", examples=["buildings"], pattern=r"^[a-z_]{1,40}$")
]


@router.post(
    "",
    status_code=202,
    responses=responses(400, 403, 404, 409, 413, 422, 502),
    summary="Import an uploaded file",
)
def start_import(
    sent: NewImport, request: Request, response: Response, scope: Principal, settings: AppSettings
) -> JobAnswer:
    """Begin a job that takes the file in, whole or not at all; the worker does it.

    With `update` the file is compared with what stands and only the difference is applied; with
    `preview` it is only compared, and the job's report says what would be done.
    """
    scope.require_everywhere(Action.WRITE)
    order = _order(sent, settings)
    kind = "preview" if sent.preview else "import"
    return begin_job(request, response, scope, kind, order.as_arguments())


@router.get("", responses=responses(400, 422), summary="What was imported")
def list_imports(
    session: ReadSession,
    scope: Principal,
    *,
    layer: Annotated[
        str | None,
        Query(description="Only imports of this layer.", pattern=r"^[a-z_]{1,40}$"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Imports of the answer.")] = 20,
) -> ImportsAnswer:
    """Return the newest imports, newest first, with what was undone."""
    rows = imports.newest(session, scope, limit=limit, layer=layer)
    return ImportsAnswer(imports=[_shown(row) for row in rows])


@router.post(
    "/{layer}/undo",
    responses=responses(400, 403, 404, 409, 422),
    summary="Undo the last import of a layer",
)
def undo_import(
    layer: LayerName,
    request: Request,
    session: WriteSession,
    scope: Principal,
    *,
    after: BackgroundTasks,
    overwrite_edits: Annotated[
        bool, Query(description="Also if rows were changed by hand since; that is lost.")
    ] = False,
) -> UndoAnswer:
    """Take the last import of a layer back: what it added goes, what it changed is as before.

    Where coverage is measured on the layer, a run of it is queued.
    """
    report = undo_last_import(session, scope, layer, overwrite_edits=overwrite_edits)
    if not MEASURED_LAYERS.isdisjoint(report.deleted):
        coverage_is_due(request, after, scope)
    return UndoAnswer(
        number=report.number,
        name=report.name,
        mode=report.mode,
        imported_at=report.imported_at,
        deleted=dict(report.deleted),
        restored=dict(report.restored),
        unfit_plans=[plan.plan_id for plan in report.unfit_plans],
    )


def _order(sent: NewImport, settings: "Settings") -> ImportOrder:
    uploads = Uploads.of(settings)
    path = uploads.path(str(sent.upload_id))
    if sent.what == "layer" and sent.layer not in LAYER_BY_NAME:
        raise InvalidInputError(
            f"There is no layer {sent.layer!r}.",
            remedy=f"Use one of {', '.join(LAYER_BY_NAME)}.",
            field="layer",
        )
    if sent.preview and not sent.update:
        raise InvalidInputError(
            "A preview is of an update.", remedy="Send update: true as well.", field="preview"
        )
    mapping = sent.mapping_upload_id
    return ImportOrder(
        path=path,
        what=sent.what,
        layer=sent.layer or "",
        table=sent.table,
        crs=sent.crs,
        encoding=sent.encoding,
        header_rows=sent.header_rows,
        columns=sent.columns,
        accept_proposal=sent.accept_proposal,
        mapping=None if mapping is None else uploads.path(str(mapping)),
        source=sent.source or "",
        update=sent.update,
        match=sent.match,
        reach=sent.reach,
        as_of=sent.as_of,
        skip_rejects=sent.skip_rejects,
        accept_shift=sent.accept_shift,
        rejects=uploads.rejects_table(path),
        timezone=settings.timezone,
        uploads=uploads.folder,
    )


def _shown(row: Any) -> ImportAnswer:  # noqa: ANN401 - a row of imports
    return ImportAnswer(**{name: getattr(row, name) for name in ImportAnswer.model_fields})
