"""``/login`` and ``/logout``: the pages for signing in and out."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.languages import AcceptLanguage, Lang, choose_language
from api.rendering import render
from api.routers.auth import hashing
from api.security.browser import (
    CSRF_FIELD,
    PAGE_HEADERS,
    local_path,
    read_form,
    refuse_forged,
    refuse_other_sites,
)
from api.security.gate import Gate
from api.security.limits import TooManyRequestsError
from api.security.network import limited_as
from api.signing_in import SignInForm, sign_in_page
from gis.database.engine import transaction
from gis.errors import CredentialsError
from gis.i18n import LANGUAGES, Language
from gis.services import signing_in
from gis.services.locating import local_day

if TYPE_CHECKING:
    from gis.scope import Scope
    from gis.services.signing_in import SignedIn

router = APIRouter(include_in_schema=False)
Next = Annotated[str | None, Query(alias="next")]


@router.get("/login", response_class=HTMLResponse, response_model=None)
async def show_sign_in(
    request: Request, lang: Lang = None, asked: Next = None, accept_language: AcceptLanguage = ""
) -> HTMLResponse | RedirectResponse:
    """Show the page for signing in, or go on if somebody is signed in who may do anything."""
    gate, onward = Gate.of(request), local_path(asked)
    token = gate.cookie.read(request)
    caller = None if token is None else await gate.visitor(token)
    day = local_day(datetime.now(UTC), gate.settings.timezone)
    if caller is not None and caller.permissions(day):
        return RedirectResponse(onward, 303)
    language = choose_language(lang, accept_language, gate.settings.language)
    has_admin = await gate.has_admin()
    return _page(SignInForm(language, onward, has_admin=has_admin), HTTPStatus.OK)


@router.post("/login", response_class=HTMLResponse, response_model=None)
async def sign_in_by_form(request: Request) -> HTMLResponse | RedirectResponse:
    """Try a login and a password; give the browser a session that it did not have before."""
    gate = Gate.of(request)
    refuse_other_sites(request.headers, sure=True)
    sent = await read_form(request)
    language: Language = next(
        (one for one in LANGUAGES if one == sent.get("lang")), gate.settings.language
    )
    form = SignInForm(language, local_path(sent.get("next")), login=sent.get("login", "")[:200])
    try:
        gate.limits.try_to_sign_in(limited_as(gate.address(request)))
        token = await to_thread.run_sync(_sign_in, request, sent, limiter=hashing())
    except TooManyRequestsError as error:
        seconds = str(error.context["retry_after_s"])
        page = _page(form.refused("wait", seconds=seconds), HTTPStatus.TOO_MANY_REQUESTS)
        page.headers["Retry-After"] = seconds
        return page
    except CredentialsError:
        return _page(form.refused("wrong"), HTTPStatus.UNAUTHORIZED)
    onward = RedirectResponse(form.onward, 303, headers={"Cache-Control": "no-store"})
    gate.cookie.write(onward, token, int(signing_in.ABSOLUTE.total_seconds()))
    return onward


@router.post("/logout", response_model=None)
async def sign_out(request: Request) -> RedirectResponse:
    """End the session and take it from the browser."""
    gate = Gate.of(request)
    token = gate.cookie.read(request)
    sent = await read_form(request)
    if token is not None and await gate.visitor(token) is not None:
        refuse_forged(token, sent.get(CSRF_FIELD))
        await run_in_threadpool(_sign_out, request, token)
        gate.identities.forget()
    lang = sent.get("lang")
    onward = f"/login?{urlencode({'lang': lang})}" if lang in LANGUAGES else "/login"
    answer = RedirectResponse(onward, 303, headers={"Cache-Control": "no-store"})
    gate.cookie.remove(answer)
    return answer


def _sign_in(request: Request, sent: dict[str, str]) -> str:
    """Return the token of a new session; whatever session the browser had is ended."""
    gate = Gate.of(request)
    with transaction(request.app.state.sessions) as session:
        tried: SignedIn = signing_in.sign_in(
            session,
            sent.get("login", ""),
            sent.get("password", ""),
            gate.address(request),
            request_id=request.state.request_id,
        )
    user_id = tried.required()  # after the commit: a wrong password is counted
    with transaction(request.app.state.sessions) as session:
        return signing_in.open_session(session, user_id, instead_of=gate.cookie.read(request))


def _sign_out(request: Request, token: str) -> None:
    asker: Scope = request.state.asker
    with transaction(request.app.state.sessions) as session:
        signing_in.close_session(session, asker, token)


def _page(form: SignInForm, status: HTTPStatus) -> HTMLResponse:
    html = render("login.html", sign_in_page(form))
    headers = {**PAGE_HEADERS, "Content-Language": form.language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(html, status, headers)
