"""``/v1/uploads``: files on their way in, written to disk as they come."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.deps import AppSettings, Principal
from api.params import RowId
from api.problems import responses
from api.schemas.jobs import UploadAnswer
from gis.database.engine import transaction
from gis.errors import InvalidInputError
from gis.jobs.uploads import Incoming, Uploads
from gis.layers import audit
from gis.scope import Action, Scope

router = APIRouter(prefix="/v1/uploads", tags=["imports"])

#: A form or a text can be sent by a page of a stranger without asking; this type cannot.
MEDIA_TYPE = "application/octet-stream"
#: Bytes that are gathered before the disk is asked once.
_GATHERED = 1 << 20


@router.post(
    "",
    status_code=201,
    responses=responses(400, 403, 413, 422, 502),
    summary="Send a file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def receive_upload(
    request: Request,
    response: Response,
    scope: Principal,
    settings: AppSettings,
    *,
    filename: Annotated[
        str,
        Query(min_length=1, max_length=300, description="Its name.", examples=["buildings.zip"]),
    ],
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
) -> UploadAnswer:
    """Keep a file until the import that is asked for with its id has ended, a day at most."""
    scope.require_everywhere(Action.WRITE)
    if content_type.split(";")[0].strip().lower() != MEDIA_TYPE:
        raise InvalidInputError(
            "The body is not sent as bytes.",
            remedy=f"Send the file with Content-Type: {MEDIA_TYPE}.",
            field="Content-Type",
        )
    incoming = await run_in_threadpool(Uploads.of(settings).receive, filename)
    try:
        await _gather(request, incoming)
        upload = await run_in_threadpool(incoming.finish)
    except BaseException:
        incoming.give_up()
        raise
    facts = {"sha256": upload.sha256, "size": upload.size}
    await run_in_threadpool(_note, request, scope, "create", upload.upload_id, facts)
    response.headers["Location"] = f"/v1/uploads/{upload.upload_id}"
    return UploadAnswer(
        id=upload.upload_id,
        filename=upload.path.name,
        size=upload.size,
        sha256=upload.sha256,
    )


@router.delete(
    "/{upload_id}", status_code=204, responses=responses(400, 403, 404, 422), summary="Remove it"
)
def remove_upload(
    upload_id: RowId, request: Request, scope: Principal, settings: AppSettings
) -> None:
    """Remove a file that is not to be imported after all."""
    scope.require_everywhere(Action.WRITE)
    uploads = Uploads.of(settings)
    uploads.forget(uploads.path(str(upload_id)))
    _note(request, scope, "remove", str(upload_id), {})


def _note(
    request: Request, scope: Scope, action: str, upload_id: str, facts: dict[str, object]
) -> None:
    """Write down what became of a file; its name, which somebody chose, is left out."""
    with transaction(request.app.state.sessions, scope) as session:
        audit.record(session, scope, audit.Change(action, "uploads", upload_id, after=facts))


async def _gather(request: Request, incoming: Incoming) -> None:
    gathered: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            gathered.append(chunk)
            size += len(chunk)
            if size >= _GATHERED:
                await run_in_threadpool(incoming.write, b"".join(gathered))
                gathered, size = [], 0
    except ClientDisconnect:
        raise InvalidInputError("The file was cut off.", remedy="Send it again.") from None
    if gathered:
        await run_in_threadpool(incoming.write, b"".join(gathered))
