"""``/v1/geocoding``: descriptions of places, and the queue of those that a person decides."""

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from api.deps import AppSettings, Principal, ReadSession, WriteSession
from api.params import MAX_PAGE, Paging
from api.problems import responses
from api.schemas.geocoding import (
    AddressMatch,
    GeocodingAnswer,
    GeocodingQuestion,
    GeocodingRequest,
    GeocodingRequests,
    MatterLayerName,
    PageLink,
    PlaceCandidate,
    Rejection,
    RequestStatus,
    Resolution,
    ResolvedAnswer,
)
from api.security.gate import charge
from gis.services import geocoding

if TYPE_CHECKING:
    from sqlalchemy import Row

router = APIRouter(prefix="/v1/geocoding", tags=["geocoding"])
RequestKey = Annotated[UUID, Path(description="Key of the request.")]
#: A caller's own token for a person is for joining data sets, not for showing.
_NOT_SHOWN = ("complainant_token",)


def _paging(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Requests of a page.")] = 200,
    cursor: Annotated[
        str | None,
        Query(max_length=100, description="From the next link of the page before; opaque."),
    ] = None,
) -> Paging:
    return Paging(limit, cursor, None)


@router.post(
    "/match",
    responses=responses(400, 403, 413, 422),
    summary="Where descriptions are",
)
def match_descriptions(
    request: Request, sent: GeocodingQuestion, session: ReadSession, scope: Principal
) -> GeocodingAnswer:
    """Return the place of each description (地址描述), or its candidates. Nothing is stored."""
    charge(request, len(sent.texts) - 1)
    matches = geocoding.place_texts(session, scope, sent.texts)
    return GeocodingAnswer(
        matches=[
            AddressMatch(
                text=one.text,
                status=one.status,
                method=one.method,
                margin=one.margin,
                reason=one.reason,
                ignored=list(one.ignored),
                candidates=[PlaceCandidate(**c.as_json()) for c in one.candidates],
            )
            for one in matches
        ]
    )


@router.get("/requests", responses=responses(400, 422), summary="The geocoding queue")
def list_geocoding_requests(
    request: Request,
    session: ReadSession,
    scope: Principal,
    paging: Annotated[Paging, Depends(_paging)],
    *,
    status: RequestStatus | None = None,
    layer: MatterLayerName | None = None,
) -> GeocodingRequests:
    """Return descriptions that wait for a person (`status=open`), or have been decided on."""
    asked: dict[str, Any] = {"status": status, "layer": layer}
    page = geocoding.list_requests(session, scope, paging.window(asked), status=status, layer=layer)
    links = [_link(request, "self", dict(request.query_params))]
    if page.next_after is not None:
        again = {
            **{name: value for name, value in asked.items() if value is not None},
            "limit": str(paging.limit),
            "cursor": paging.next_cursor(page.next_after, asked),
        }
        links.append(_link(request, "next", again))
    return GeocodingRequests(requests=[_shown(row) for row in page.rows], links=links)


@router.get("/requests/{key}", responses=responses(400, 404, 422), summary="One request")
def get_geocoding_request(
    key: RequestKey, session: ReadSession, scope: Principal
) -> GeocodingRequest:
    """Return one request with its candidates."""
    return _shown(geocoding.read_request(session, scope, str(key)))


@router.post(
    "/requests/{key}/resolution",
    responses=responses(400, 403, 404, 409, 413, 422),
    summary="Say where it is",
)
def resolve_geocoding_request(
    request: Request,
    key: RequestKey,
    sent: Resolution,
    session: WriteSession,
    scope: Principal,
    settings: AppSettings,
) -> ResolvedAnswer:
    """Place a request; the matter that waited is stored and assigned in the same transaction.

    A request is decided once: a second decision is a 409.
    """
    row = None if sent.layer is None or sent.row_id is None else (str(sent.layer), str(sent.row_id))
    point = None if sent.lon is None or sent.lat is None else (sent.lon, sent.lat)
    done = geocoding.resolve_request(
        session,
        scope,
        str(key),
        geocoding.Decision(sent.candidate, row, point, sent.note),
        timezone=settings.timezone,
        audit_request_id=request.state.request_id,
    )
    return ResolvedAnswer(
        request_id=key,
        lon=done.lon,
        lat=done.lat,
        layer=done.layer,
        matter_id=None if done.matter_id is None else UUID(done.matter_id),
    )


@router.post(
    "/requests/{key}/rejection",
    responses=responses(400, 403, 404, 409, 413, 422),
    summary="Say that it cannot be placed",
)
def reject_geocoding_request(
    request: Request,
    key: RequestKey,
    sent: Rejection,
    session: WriteSession,
    scope: Principal,
) -> GeocodingRequest:
    """Close a request without a place; the matter that waited is not stored."""
    geocoding.reject_request(
        session,
        scope,
        str(key),
        reason=sent.reason,
        audit_request_id=request.state.request_id,
    )
    return _shown(geocoding.read_request(session, scope, str(key)))


def _shown(row: "Row[Any]") -> GeocodingRequest:
    facts = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
    facts.pop("import_no")
    waiting = facts["waiting"] or {}
    facts["waiting"] = {k: v for k, v in waiting.items() if k not in _NOT_SHOWN} or None
    return GeocodingRequest(**facts)


def _link(request: Request, rel: Literal["self", "next"], query: dict[str, str]) -> PageLink:
    href = request.url.path + (f"?{urlencode(query)}" if query else "")
    return PageLink(rel=rel, href=href)
