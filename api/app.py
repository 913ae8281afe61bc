"""The application: ``create_app`` puts the rooms, the errors and the middleware together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from api import problems
from api.deps import refuse_unknown_parameters
from api.map_pages import MapPages
from api.middleware import Bounds, RequestContext
from api.routers import (
    activities,
    auth,
    buildings,
    communities,
    coverage,
    coverage_areas,
    coverage_export,
    coverage_rooms,
    demands,
    exports,
    findings,
    geocoding,
    grids,
    imports,
    incidents,
    indicators,
    jobs,
    locate,
    login,
    pages,
    plans,
    siting,
    stations,
    system,
    tiles,
    uploads,
    users,
)
from api.routers.system import wangge_version
from api.security.browser import cors, transport_headers
from api.security.declared import DECLARED, OPEN, refuse_undeclared
from api.security.gate import Gate, get_scope
from api.security.network import is_loopback
from api.turns import HEAVY, Turns, take_turn
from gis.access import Permission
from gis.database.engine import database_url, make_engine, session_factory
from gis.services.tiles import CoverageTiles
from gis.services.walking import WalkingGrounds
from gis.settings import Settings, get_settings

ROUTERS = (
    system.router,
    locate.router,
    communities.router,
    grids.router,
    buildings.router,
    stations.router,
    coverage.router,
    coverage_rooms.router,
    coverage_areas.router,
    coverage_export.router,
    indicators.router,
    activities.router,
    incidents.router,
    demands.router,
    geocoding.router,
    findings.router,
    exports.router,
    uploads.router,
    imports.router,
    plans.router,
    siting.router,
    tiles.router,
    jobs.router,
    auth.router,
    users.router,
)
TAGS = [
    {"name": "locating", "description": "Whose grid is this."},
    {"name": "communities", "description": "The ground that grids are nested in (社区)."},
    {"name": "grids", "description": "Management polygons of about 400 households (网格)."},
    {"name": "buildings", "description": "Buildings with counts of people (楼栋)."},
    {"name": "stations", "description": "Where people are served (服务站)."},
    {"name": "coverage", "description": "Who reaches what, when, on foot (覆盖)."},
    {"name": "incidents", "description": "What happened (事件)."},
    {"name": "demands", "description": "What is wanted (需求)."},
    {"name": "geocoding", "description": "Descriptions of places (地址描述), and who decides."},
    {"name": "audits", "description": "What is wrong with the ground, and where (拓扑检查)."},
    {"name": "exports", "description": "Layers, grids and results as files."},
    {"name": "imports", "description": "Files into the store, and the way back (导入)."},
    {"name": "plans", "description": "Drawings of grids: drafts, and what came of them (方案)."},
    {"name": "siting", "description": "Where the next stations should go (选址)."},
    {"name": "tiles", "description": "Layers and coverage for maps: vector tiles."},
    {"name": "jobs", "description": "Long work: how far it is (任务)."},
    {"name": "accounts", "description": "Who asks, and what they may do (账号与权限)."},
    {"name": "pages", "description": "Pages for people."},
    {"name": "system", "description": "Is the server well."},
]
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of /v1/auth/token, or a key (wg_…).",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-wangge",
        "description": "The session of the pages; changes need X-CSRF-Token (/v1/auth/me) as well.",
    },
}
DESCRIPTION = (
    "Grids, stations, incidents and demands of a subdistrict. Coordinates are lon, lat in "
    "EPSG:4326; distances are metres on the spheroid; moments carry a time zone. Errors are "
    "`application/problem+json` (RFC 9457) with a `remedy`. An unknown query parameter is a 400."
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application for a database.

    Parameters
    ----------
    settings
        Where the database is and how to serve it; by default those of the environment. The
        private cluster is started if it is the database.

    Raises
    ------
    gis.errors.ConfigurationError
        There is no database to be had.
    """
    settings = settings or get_settings()
    engine = make_engine(
        database_url(settings),
        pool_size=settings.pool_size,
        statement_timeout_s=settings.statement_timeout_s,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    app = FastAPI(
        openapi_url=None,  # /openapi.json is an operation like the others, see the same
        title="Wangge",
        summary="Grid management (网格) for subdistricts",
        description=DESCRIPTION,
        version=wangge_version(),
        openapi_tags=TAGS,
        docs_url=None,  # /docs is served without a public host, see api/routers/pages.py
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.settings = settings
    app.state.engine = engine
    app.state.sessions = session_factory(engine)
    app.state.gate = Gate(settings, app.state.sessions)
    app.state.map_pages = MapPages(settings)
    app.state.walking_grounds = WalkingGrounds()
    app.state.coverage_tiles = CoverageTiles()
    app.state.turns = Turns()
    asked, known = Depends(get_scope), Depends(refuse_unknown_parameters)
    turn = Depends(take_turn, scope="function")
    for router in ROUTERS:
        app.include_router(router, dependencies=[asked, known, turn])
    for router in (pages.router, login.router):
        # A link that is passed on may have picked up parameters.
        app.include_router(router, dependencies=[asked, turn])
    refuse_undeclared(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign] # FastAPI's own way
    problems.install(app)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, **cors(settings))
    app.add_middleware(
        RequestContext,
        bounds=Bounds(
            allowed_hosts(settings), settings.upload_limit_mb << 20, settings.body_timeout_s
        ),
        headers=transport_headers(settings),
    )
    return app


def allowed_hosts(settings: Settings) -> frozenset[str] | None:
    """Return the host names that a request may be addressed to; ``None``: any.

    On loopback nobody is asked who they are while there is no admin, so a name decides who is at
    home; beyond it everybody is asked.
    """
    if settings.allow_non_loopback or not is_loopback(settings.host):
        return None
    return frozenset({"127.0.0.1", "localhost", "[::1]", settings.host.lower()})


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return OpenAPI's description: who must ask, and problems in their own media type only."""
    if app.openapi_schema is None:
        described = FastAPI.openapi(app)
        described["components"]["securitySchemes"] = SECURITY_SCHEMES
        for path in described["paths"].values():
            for operation in path.values():
                _tell_who(operation)
                for answer in operation["responses"].values():
                    content = answer.get("content", {})
                    if problems.MEDIA_TYPE in content:
                        answer["content"] = {problems.MEDIA_TYPE: content[problems.MEDIA_TYPE]}
    return app.openapi_schema or {}


def _tell_who(operation: dict[str, Any]) -> None:
    """Say in an operation's description which permission it asks for, and how it may refuse."""
    asked = DECLARED[operation["operationId"]]
    refusals = [429] if asked is OPEN else [401, 403, 429]
    refusals += [503] if operation["operationId"] in HEAVY else []
    for status, answer in problems.responses(*refusals).items():
        operation["responses"].setdefault(
            str(status), {"description": answer["description"], "content": answer["content"]}
        )
    operation["security"] = [] if asked is OPEN else [{name: []} for name in SECURITY_SCHEMES]
    if isinstance(asked, Permission):
        operation["x-permission"] = str(asked)


def _operation_id(route: APIRoute) -> str:
    """Return the name of the function: clients are generated from it, so it stays."""
    return route.name
