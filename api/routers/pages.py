"""Pages for people: the front page, the API's description, the coverage map, and their files."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.deps import AppSettings, Principal, ReadSession, refuse_unknown_parameters
from api.front import front_page
from api.languages import AcceptLanguage, Lang, choose_language
from api.map_pages import MapOrder, MapPages
from api.params import AtMoment
from api.problems import responses
from api.rendering import render
from api.routers.system import wangge_version
from api.schemas.codes import Service
from api.security.browser import PAGE_HEADERS, visitor_of
from api.security.gate import Gate, sees_in_full
from gis.access import Permission
from gis.errors import NotFoundError
from gis.services.data_state import read_data_state
from gis.services.locating import local_day
from maps.assets import read_asset

if TYPE_CHECKING:
    from api.security.identity import Caller
    from gis.i18n import Language

router = APIRouter(tags=["pages"])

_HERE = Path(__file__).parents[1]
#: Files that pages refer to: where they are, and their type. Nothing else is served.
_STATIC: dict[str, tuple[Path | str, str]] = {
    "site.css": (_HERE / "static/site.css", "text/css; charset=utf-8"),
    "icon.svg": (_HERE / "static/icon.svg", "image/svg+xml"),
    "docs.js": (_HERE / "static/docs.js", "text/javascript; charset=utf-8"),
    "swagger-ui/swagger-ui.css": ("swagger-ui-dist/swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui/swagger-ui-bundle.js": (
        "swagger-ui-dist/swagger-ui-bundle.js",
        "text/javascript; charset=utf-8",
    ),
}
#: Swagger UI sets styles on elements and shows its icons as data URIs.
_DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
IfNoneMatch = Annotated[
    str, Header(description="ETags of pages that the caller has kept.", examples=['"9f2c41d0"'])
]


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
def front(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    lang: Lang = None,
    accept_language: AcceptLanguage = "",
) -> HTMLResponse:
    """Show each user the way, and the state of the data."""
    caller = cast("Caller", request.state.caller)
    chosen = lang or caller.language
    language = choose_language(cast("Language | None", chosen), accept_language, settings.language)
    today = local_day(datetime.now(UTC), settings.timezone)
    state = read_data_state(session, scope, today)
    shown = {
        **front_page(state, language, settings.timezone, caller.permissions(today)),
        "visitor": visitor_of(Gate.of(request).cookie, request, caller),
        "version": wangge_version(),
    }
    headers = {
        **PAGE_HEADERS,
        "Content-Language": language,
        "Vary": "Accept-Language, Cookie",
    }
    return HTMLResponse(render("front.html", shown), headers=headers)


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def docs() -> HTMLResponse:
    """Show the API's description; everything comes from this server."""
    return HTMLResponse(render("docs.html", {}), headers={"Content-Security-Policy": _DOCS})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """Return the API's description."""
    return JSONResponse(request.app.openapi())


@router.get(
    "/maps/coverage",
    response_class=HTMLResponse,
    dependencies=[Depends(refuse_unknown_parameters)],
    responses={
        **responses(400, 409, 422),
        304: {"description": "The page has not changed."},
        200: {"content": {"text/html": {"schema": {"type": "string"}}}},
    },
    summary="The coverage map, as one page that needs no network",
)
def coverage_map(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    lang: Lang = None,
    service: Service | None = None,
    at: AtMoment = None,
    accept_language: AcceptLanguage = "",
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Return who can walk to an open station that serves, and who cannot.

    Without `service` and `at` the page offers the services that most stations have, at the usual
    moments of the coming days. It is drawn once and kept until the data change.
    """
    language = choose_language(lang, accept_language, settings.language)
    order = MapOrder(language, service=service, at=at)
    return _map(request, session, scope, settings, order, if_none_match)


@router.get(
    "/maps/walking",
    response_class=HTMLResponse,
    dependencies=[Depends(refuse_unknown_parameters)],
    responses={
        **responses(400, 409, 422),
        304: {"description": "The page has not changed."},
        200: {"content": {"text/html": {"schema": {"type": "string"}}}},
    },
    summary="The walking map of a week, as one page",
)
def walking_map(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    lang: Lang = None,
    service: Service | None = None,
    week: Annotated[
        date | None, Query(description="A day of the week to show; this week if left out.")
    ] = None,
    buildings: Annotated[
        Literal["packed", "tiles"] | None,
        Query(
            description="Outlines of buildings in the page, or as vector tiles where one looks; "
            "tiles above 70,000 buildings if it is left out."
        ),
    ] = None,
    accept_language: AcceptLanguage = "",
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Return who reaches an open station on foot, in every hour of a week.

    Needs roads in the store. It is drawn once and kept until the data change. With `tiles` it asks
    this server for outlines; verdicts, paths and the week are in the page all the same.
    """
    language = choose_language(lang, accept_language, settings.language)
    order = MapOrder(language, "walking", service=service, week=week, buildings=buildings)
    return _map(request, session, scope, settings, order, if_none_match)


def _map(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    order: MapOrder,
    if_none_match: str,
) -> Response:
    """Return the page of a map, or that it has not changed."""
    order = replace(order, people_within=sees_in_full(request, Permission.GROUND_READ))
    pages = cast("MapPages", request.app.state.map_pages)
    tag = pages.tag(session, scope, order)
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Authorization, Cookie",
        "Content-Language": order.language,
        "Content-Security-Policy": _map_policy(
            settings.tile_url, asks_here=order.may_ask_for_tiles
        ),
    }
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(pages.page(session, scope, order, tag), headers=headers)


@router.get("/static/{name:path}", include_in_schema=False)
def static(name: str) -> Response:
    """Return a file that the pages refer to."""
    if name not in _STATIC:
        raise NotFoundError("There is no such file.", remedy="See /.")
    content, kind = _static(name)
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(content, media_type=kind, headers=headers)


@lru_cache(maxsize=len(_STATIC))
def _static(name: str) -> tuple[bytes, str]:
    place, kind = _STATIC[name]
    return (place.read_bytes() if isinstance(place, Path) else read_asset(place)), kind


def _map_policy(tile_url: str | None, *, asks_here: bool) -> str:
    """Return what the map's page may do: it has its own scripts, and asks for tiles at most."""
    tiles, own = "", "; connect-src 'self'" if asks_here else ""
    if tile_url:
        parts = urlsplit(tile_url)
        host = parts.netloc.replace("{s}", "*")
        tiles = f" {parts.scheme}://{host}"
    # The measure tool compiles its templates in the browser: without unsafe-eval the map is blank.
    return (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
        f"img-src data: blob:{tiles}; font-src data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'{own}"
    )
