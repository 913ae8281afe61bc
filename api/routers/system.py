"""``/healthz`` and ``/readyz``: is the process up, and can it do its work."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from api.problems import problem, responses
from api.schemas.answers import Health, Readiness
from gis.database import migrate

router = APIRouter(tags=["system"])


@lru_cache(maxsize=1)
def wangge_version() -> str:
    """Return the version of this program."""
    try:
        return version("wangge")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


@router.get("/healthz", responses=responses(400), summary="The process runs")
async def healthz() -> Health:
    """Answer as long as the process runs; the database is not asked."""
    return Health(status="ok", version=wangge_version())


@router.get(
    "/readyz",
    response_model=Readiness,
    responses=responses(400, 503),
    summary="The server can do its work",
)
def readyz(request: Request) -> Readiness | Response:
    """Answer 200 if the database answers and its schema is the one of this program, else 503."""
    try:
        with request.app.state.engine.connect() as connection:
            current = migrate.current_on(connection)
    except SQLAlchemyError:
        return problem(
            request,
            503,
            "not-ready",
            "The database does not answer.",
            remedy="See `wangge doctor` and `wangge db status`.",
            headers={"Retry-After": "5"},
        )
    if current is None or current != _head():
        return problem(
            request,
            503,
            "not-ready",
            f"The schema is at {current or 'nothing'}, this program needs {_head()}.",
            remedy="Run `wangge db migrate`.",
            headers={"Retry-After": "5"},
        )
    return Readiness(status="ready", database="answers", migrations=current)


@lru_cache(maxsize=1)
def _head() -> str:
    return migrate.head()
