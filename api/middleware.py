"""What happens to every request: an id, an access line, headers, and no error without an answer."""

import re
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.problems import problem, unexpected
from gis.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = get_logger(__name__)

REQUEST_ID = "X-Request-ID"
#: No body that is taken here is larger, but for files that are sent to UPLOADS.
MAX_BODY_BYTES = 256 * 1024
UPLOADS = "/v1/uploads"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
#: An API answer is data: nothing in it may run or be framed. Pages set a policy of their own.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class RequestContext:
    """Give each request an id that its log lines and its answer carry, and write one line for it.

    The line has the path's template and never the query: a query may hold what somebody wrote.
    """

    def __init__(
        self, app: "ASGIApp", allowed_hosts: frozenset[str] | None, upload_bytes: int
    ) -> None:
        """Wrap ``app``; hosts other than the allowed ones (``None``: any) are refused.

        A web page of a stranger can give its own name the address 127.0.0.1 and then speak to us
        as if it were ours; its Host header still has that name.
        """
        self.app = app
        self.allowed_hosts = allowed_hosts
        self.upload_bytes = upload_bytes

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, {**SECURITY_HEADERS, REQUEST_ID: request_id})
        request = Request(scope, receive)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            started = time.perf_counter()
            try:
                if self._is_foreign(headers.get("host", "")):
                    refusal = problem(
                        request,
                        421,
                        "wrong-host",
                        "This server does not answer to that host name.",
                        remedy="Use http://127.0.0.1 or http://localhost.",
                    )
                    await refusal(scope, receive, answer.send)
                else:
                    most = self.upload_bytes if scope["path"] == UPLOADS else MAX_BODY_BYTES
                    await self.app(scope, _limited(receive, most), answer.send)
            except Exception as error:
                if answer.status is not None:
                    raise
                await unexpected(request, error)(scope, receive, answer.send)
            finally:
                _write_line(scope, answer.status, time.perf_counter() - started)

    def _is_foreign(self, host: str) -> bool:
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        return self.allowed_hosts is not None and name.lower() not in self.allowed_hosts


def _limited(receive: "Receive", most: int) -> "Receive":
    """Return a ``receive`` that ends a body which is larger than any that is taken here."""
    read = 0

    async def counted() -> "Message":
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, f"The body is larger than {most // 1024} KiB.")
        return message

    return counted


class _Answer:
    """Passes an answer on, with headers that it lacks, and remembers its status."""

    def __init__(self, send: "Send", headers: "Mapping[str, str]") -> None:
        self._send = send
        self._headers = headers
        self.status: int | None = None

    async def send(self, message: "Message") -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


def _write_line(scope: "Scope", status: int | None, seconds: float) -> None:
    route = scope.get("route")
    log.info(
        "request",
        method=scope["method"],
        path=getattr(route, "path", "(none)"),
        status=status,
        ms=round(seconds * 1000, 1),
    )
