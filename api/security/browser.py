"""What only browsers need: the cookie of a session, forgery checks, policies, local paths.

A browser sends a cookie with whatever any page makes it ask. So a request that is known by its
cookie, or by reaching loopback alone, must come from a page of ours before it may change anything:
``Origin`` and ``Sec-Fetch-Site`` say from where, and a token that is worked out from the session
proves that the page could read it. Bearer tokens and keys are never sent by themselves.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers

from gis.errors import ForbiddenError, InvalidInputError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.security.identity import Caller
    from gis.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
FORM = "application/x-www-form-urlencoded"
#: Pages that we write: no script at all, styles from files, forms to this server alone.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
#: With "no-referrer" a browser would send ``Origin: null`` with a form.
PAGE_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_FORM_FIELDS = 20
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_MOST_NEXT = 2000


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The cookie that holds the token of a session.

    By HTTPS its name has the prefix ``__Host-``, which makes browsers refuse one that another host
    or an unsafe page sets. Over plain HTTP, which is for loopback, a browser would refuse ours.

    Parameters
    ----------
    https
        Whether people reach this server by HTTPS.
    """

    https: bool

    @property
    def name(self) -> str:
        """Its name."""
        return "__Host-wangge" if self.https else "wangge_session"

    def read(self, request: "Request") -> str | None:
        """Return the token of a request, if it has one."""
        return request.cookies.get(self.name) or None

    def write(self, response: "Response", token: str, seconds: int) -> None:
        """Give a browser a token."""
        response.set_cookie(
            self.name,
            token,
            max_age=seconds,
            path="/",
            secure=self.https,
            httponly=True,
            samesite="lax",
        )

    def remove(self, response: "Response") -> None:
        """Take the token from a browser."""
        response.delete_cookie(
            self.name, path="/", secure=self.https, httponly=True, samesite="lax"
        )


def visitor_of(
    cookie: SessionCookie, request: "Request", caller: "Caller | None"
) -> dict[str, str] | None:
    """Return who is signed in and what the form for signing out carries.

    ``None``: nobody, or the owner of the machine, who is not asked. An empty login: somebody who
    is not known by a session.
    """
    if caller is None or caller.is_owner:
        return None
    token = cookie.read(request) if caller.by == "session" else None
    return {
        "login": "" if token is None else caller.principal.name,
        "csrf": "" if token is None else csrf_token(token),
    }


def csrf_token(session_token: str) -> str:
    """Return the token that a form of a session carries; it tells nothing about the session's."""
    digest = hmac.new(session_token.encode(), b"wangge csrf", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def refuse_forged(session_token: str, given: str | None) -> None:
    """Refuse a change that does not carry the token of its session.

    Raises
    ------
    gis.errors.ForbiddenError
        It carries none, or that of another one.
    """
    if given is None or not hmac.compare_digest(csrf_token(session_token).encode(), given.encode()):
        raise ForbiddenError(
            "The request does not prove that it comes from a page of this server.",
            remedy=f"Load the page again; a program sends {CSRF_HEADER} (GET /v1/auth/me has it), "
            "or a bearer token instead of the cookie.",
        )


def refuse_other_sites(headers: Headers, *, sure: bool = False) -> None:
    """Refuse a request that a page of another site has made.

    ``Sec-Fetch-Site`` decides where there is one, for no page can set it; else ``Origin`` must be
    the host that was asked. A program sends neither.

    Parameters
    ----------
    headers
        Of the request.
    sure
        Whether a request that says neither is refused too: every browser says.

    Raises
    ------
    gis.errors.ForbiddenError
        It comes from elsewhere.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        ours = site in {"same-origin", "none"}
    elif origin is not None:
        scheme, _, name = origin.partition("://")
        ours = scheme in {"http", "https"} and name.lower() == headers.get("host", "").lower()
    else:
        ours = not sure
    if not ours:
        raise ForbiddenError(
            "A page of another site has asked for this change.",
            remedy="Use the pages of this server, or a bearer token.",
        )


def local_path(text: str | None) -> str:
    """Return a path of this server to go on to, or that of the front page.

    A link to the page for signing in may come from anywhere, and must not lead anywhere else.

    Examples
    --------
    >>> local_path("/docs#/locating"), local_path("//evil.example"), local_path("https://evil")
    ('/docs#/locating', '/', '/')
    """
    if text is None or len(text) > _MOST_NEXT or not _LOCAL.fullmatch(text):
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc or parts.path.startswith("/login") else text


async def read_form(request: "Request") -> dict[str, str]:
    """Return the fields of a form; of several of one name the last.

    Raises
    ------
    gis.errors.InvalidInputError
        The body is no form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise InvalidInputError(
            "The body is no form.", remedy=f"Send {FORM}.", field="Content-Type"
        )
    try:
        text = (await request.body()).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS))
    except ValueError:
        raise InvalidInputError("The form cannot be read.", remedy="Load the page again.") from None


def transport_headers(settings: "Settings") -> dict[str, str]:
    """Return the headers that hold for a way in: by HTTPS, that it stays so."""
    if settings.https:
        return {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
    return {}


def cors(settings: "Settings") -> dict[str, Any]:
    """Return what pages of other origins may do: read and write with a bearer token, no cookie."""
    origins = [one.strip() for one in settings.cors_origins.split(",") if one.strip()]
    return {
        "allow_origins": origins,
        "allow_credentials": False,
        "allow_methods": ["GET", "POST", "PATCH", "PUT", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type", "If-Match", "If-None-Match"],
        "expose_headers": ["ETag", "Location", "Retry-After", "X-Request-ID", "Link"],
        "max_age": 600,
    }
