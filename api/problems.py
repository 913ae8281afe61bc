"""Errors as ``application/problem+json`` (RFC 9457): each family of the core mapped once."""

import re
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.problem_page import is_for_a_page, problem_page
from api.security.credentials import NotSignedInError
from api.security.limits import TooManyRequestsError
from api.security.refusals import note_refusal, note_unseen
from api.turns import BusyError
from gis import errors
from gis.database.faults import translate_database_error
from gis.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request, Response

MEDIA_TYPE = "application/problem+json"
log = get_logger(__name__)


class UnknownParameterError(errors.InvalidInputError):
    """A query parameter that the operation does not have, or one given twice."""


class PreconditionRequiredError(errors.WanggeError):
    """A change without the version that it was made on."""


#: Status and name of each family of errors; the nearest ancestor of an error decides.
FAMILIES: "Mapping[type[Exception], tuple[int, str]]" = MappingProxyType(
    {
        UnknownParameterError: (400, "unknown-parameter"),
        PreconditionRequiredError: (428, "precondition-required"),
        errors.InvalidInputError: (422, "invalid-input"),
        errors.GeometryError: (422, "geometry"),
        errors.CrsMismatchError: (422, "crs-mismatch"),
        errors.TessellationError: (422, "tessellation"),
        errors.NotFoundError: (404, "not-found"),
        errors.ConflictError: (409, "conflict"),
        errors.InfeasiblePlanError: (409, "infeasible-plan"),
        errors.StaleVersionError: (412, "stale-version"),
        errors.ForbiddenError: (403, "forbidden"),
        errors.CredentialsError: (401, "not-signed-in"),
        TooManyRequestsError: (429, "too-many-requests"),
        BusyError: (503, "busy"),
        errors.DataSourceError: (502, "data-source"),
        errors.ConfigurationError: (500, "configuration"),
        errors.WanggeError: (500, "internal"),
    }
)
#: Facts of an error that a caller may see; others stay in the log.
_SHOWN_FACTS = ("field", "file", "row", "rows", "checks")


class FieldError(BaseModel):
    """One field that cannot be taken as it is."""

    location: str = Field(examples=["query.lon"])
    message: str = Field(examples=["Input should be less than or equal to 180"])


class Problem(BaseModel):
    """What went wrong and what to do about it (RFC 9457)."""

    type: str = Field(
        description="Names the kind of problem.", examples=["urn:wangge:problem:invalid-input"]
    )
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(ge=400, le=599, examples=[422])
    detail: str = Field(description="What is wrong, in one sentence.")
    remedy: str = Field("", description="What to do about it.")
    instance: str = Field(description="Path of the request.", examples=["/v1/locate"])
    request_id: str | None = Field(None, description="Find it in the server's log.")
    errors: list[FieldError] | None = Field(None, description="Every field that was refused.")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the problems that an operation may answer with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem(
    request: "Request",
    status: int,
    name: str,
    detail: str,
    *,
    remedy: str = "",
    headers: "Mapping[str, str] | None" = None,
    facts: "Mapping[str, object] | None" = None,
) -> "Response":
    """Return a problem document; to a browser that asked for a page, a page.

    Parameters
    ----------
    request
        What was asked.
    status
        HTTP status.
    name
        Short name of the kind of problem; its type is ``urn:wangge:problem:<name>``.
    detail, remedy
        What is wrong, and what to do about it.
    headers
        Further headers.
    facts
        Extension members, JSON.
    """
    body = {
        "type": f"urn:wangge:problem:{name}",
        "title": _phrase(status),
        "status": status,
        "detail": detail,
        "remedy": remedy,
        "instance": request.url.path,
        "request_id": request.scope.get("state", {}).get("request_id"),
        **(facts or {}),
    }
    if is_for_a_page(request):
        return problem_page(request, body, headers or {})
    return JSONResponse(body, status, dict(headers or {}), MEDIA_TYPE)


def install(app: "FastAPI") -> None:
    """Make every error of an application a problem document."""
    app.add_exception_handler(errors.WanggeError, _of_the_core)
    app.add_exception_handler(errors.CredentialsError, _not_signed_in)
    app.add_exception_handler(errors.ForbiddenError, _forbidden)
    app.add_exception_handler(errors.NotFoundError, _not_found)
    app.add_exception_handler(TooManyRequestsError, _too_many)
    app.add_exception_handler(BusyError, _no_turn)
    app.add_exception_handler(DBAPIError, _of_the_database)
    app.add_exception_handler(PoolTimeoutError, _busy)
    app.add_exception_handler(RequestValidationError, _of_the_request)
    app.add_exception_handler(HTTPException, _of_http)


def unexpected(request: "Request", error: Exception) -> "Response":
    """Return the answer to an error that nobody foresaw; the log has the rest."""
    log.error("unexpected_error", error=type(error).__name__, exc_info=error)
    return problem(
        request,
        500,
        "internal",
        "Something went wrong that was not foreseen; nothing was stored.",
        remedy="Report it with the request_id.",
    )


def _of_the_core(request: "Request", error: Exception) -> "Response":
    assert isinstance(error, errors.WanggeError)
    status, name = next(FAMILIES[kind] for kind in type(error).__mro__ if kind in FAMILIES)
    if status >= 500:
        log.error(
            "request_failed",
            status=status,
            error=str(error),
            exc_info=error if status == 500 else None,
        )
    facts = {key: error.context[key] for key in _SHOWN_FACTS if key in error.context}
    return problem(request, status, name, error.message, remedy=error.remedy, facts=facts)


def _not_signed_in(request: "Request", error: Exception) -> "Response":
    """Say that nobody who is known asks; send a browser to the page for signing in."""
    named = isinstance(error, NotSignedInError)
    if not named:
        note_refusal(request, error)
    if is_for_a_page(request):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': asked})}", 303)
    answer = _of_the_core(request, error)
    answer.headers["WWW-Authenticate"] = (
        'Bearer realm="wangge"' if named else 'Bearer realm="wangge", error="invalid_token"'
    )
    return answer


def _forbidden(request: "Request", error: Exception) -> "Response":
    note_refusal(request, error)
    return _of_the_core(request, error)


def _not_found(request: "Request", error: Exception) -> "Response":
    note_unseen(request, error)
    return _of_the_core(request, error)


def _too_many(request: "Request", error: Exception) -> "Response":
    assert isinstance(error, TooManyRequestsError)
    answer = _of_the_core(request, error)
    answer.headers["Retry-After"] = str(error.context["retry_after_s"])
    return answer


def _no_turn(request: "Request", error: Exception) -> "Response":
    answer = _of_the_core(request, error)
    answer.headers["Retry-After"] = "5"
    return answer


def _of_the_database(request: "Request", error: Exception) -> "Response":
    assert isinstance(error, DBAPIError)
    return _of_the_core(request, translate_database_error(error))


def _busy(request: "Request", error: Exception) -> "Response":
    log.error("no_connection_free", error=str(error))
    return problem(
        request,
        503,
        "busy",
        "Every database connection is in use.",
        remedy="Try again in a moment; an operator may raise WANGGE_POOL_SIZE.",
        headers={"Retry-After": "2"},
    )


def _of_the_request(request: "Request", error: Exception) -> "Response":
    """Name each refused field; values are left out, because they may hold personal text."""
    assert isinstance(error, RequestValidationError)
    listed = [
        {"location": _location(item["loc"]), "message": _message(request, item)}
        for item in error.errors()
    ]
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return problem(
            request,
            400,
            "invalid-json",
            "The body is not JSON.",
            remedy="Send a JSON object.",
            facts={"errors": listed},
        )
    first = listed[0]
    return problem(
        request,
        422,
        "invalid-input",
        f"{first['location']}: {first['message']}.",
        remedy="Mend the fields listed in errors; /docs describes each.",
        facts={"errors": listed},
    )


def _message(request: "Request", item: "Mapping[str, Any]") -> str:
    """Return what is wrong with a field; of a moment without a zone, which one to add."""
    if item["type"] != "timezone_aware":
        return str(item["msg"])
    zone = ZoneInfo(request.app.state.settings.timezone)
    try:
        offset = datetime.fromisoformat(str(item["input"])).replace(tzinfo=zone).isoformat()[-6:]
    except ValueError:  # a spelling that pydantic alone reads
        return str(item["msg"])
    return f"The moment has no time zone: add {offset} (the place's zone)"


def _location(parts: "Sequence[str | int]") -> str:
    """Return where a field is; the branches of a union, which pydantic adds, are no names of it."""
    return ".".join(str(part) for part in parts if not re.search(r"[\[(]", str(part)))


def _of_http(request: "Request", error: Exception) -> "Response":
    assert isinstance(error, HTTPException)
    names = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
    details = {
        404: "There is nothing at this path.",
        405: f"This path does not take {request.method}.",
    }
    return problem(
        request,
        error.status_code,
        names.get(error.status_code, "http"),
        details.get(error.status_code, str(error.detail)),
        remedy="See /docs.",
        headers=error.headers,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
