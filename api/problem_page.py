"""A problem as a page: whoever opens a map in a browser is not shown JSON."""

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

from api.languages import choose_language
from api.page_frame import page_frame
from api.rendering import render
from api.security.browser import PAGE_HEADERS, visitor_of
from api.security.declared import PAGES
from api.security.gate import Gate
from gis.i18n import LANGUAGES, Language, translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from api.security.identity import Caller


def is_for_a_page(request: "Request") -> bool:
    """Return whether a browser asks for something that people look at."""
    if request.method not in {"GET", "HEAD"} or "text/html" not in request.headers.get(
        "accept", ""
    ):
        return False
    route = request.scope.get("route")
    return not request.url.path.startswith("/v1/") if route is None else route.name in PAGES


def problem_page(
    request: "Request", body: "Mapping[str, Any]", headers: "Mapping[str, str]"
) -> HTMLResponse:
    """Return a problem document in words, in the language of whoever asks."""
    caller = cast("Caller | None", getattr(request.state, "caller", None))
    asked = request.query_params.get("lang") or (caller.language if caller else None)
    language = choose_language(
        next((one for one in LANGUAGES if one == asked), None),
        request.headers.get("accept-language", ""),
        request.app.state.settings.language,
    )
    heading, lead = _words(int(body["status"]), language)
    text = {
        "heading": heading,
        "lead": lead,
        "said": translate("What the server says", language),
        "number": translate("Number of the request", language),
        "back": translate("To the front page", language),
    }
    shown = {
        **page_frame(language, lambda other: _same_in(request, other), text),
        "visitor": visitor_of(Gate.of(request).cookie, request, caller),
        "detail": body["detail"],
        "remedy": body["remedy"],
        "request_id": body["request_id"],
    }
    sent = {**PAGE_HEADERS, **headers, "Content-Language": language}
    return HTMLResponse(render("problem.html", shown), int(body["status"]), sent)


def _same_in(request: "Request", language: Language) -> str:
    """Return a link to the same page in a language; without the path, which anybody may write."""
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"?{urlencode([*others, ('lang', language)])}"


def _words(status: int, language: Language) -> tuple[str, str]:
    """Return what has happened and what to do, for people."""
    if status == 403:
        heading = translate("You may not see this", language)
        lead = translate("None of your roles allows it. Ask an admin of your area.", language)
    elif status in {404, 405}:
        heading = translate("There is nothing here", language)
        lead = translate("The address is wrong, or what was here is gone.", language)
    elif status == 409:
        heading = translate("This cannot be shown yet", language)
        lead = translate("Something that it is made from is missing; below is what.", language)
    elif status == 429:
        heading = translate("Too many requests", language)
        lead = translate("Come back in a moment.", language)
    elif status < 500:
        heading = translate("This cannot be shown so", language)
        lead = translate("Something in the address cannot be read; below is what.", language)
    else:
        heading = translate("Something went wrong", language)
        lead = translate(
            "Try again in a moment. If it stays so, report it with the number below.", language
        )
    return heading, lead
