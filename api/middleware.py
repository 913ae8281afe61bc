"""What happens to every request: an id, an access line, headers, and no error without an answer."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.problems import problem, unexpected
from gis.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = get_logger(__name__)

REQUEST_ID = "X-Request-ID"
#: No body that is taken here is larger, but for files that are sent to UPLOADS.
MAX_BODY_BYTES = 256 * 1024
#: No request that people or programs send has longer headers, cookies included.
MAX_HEADER_BYTES = 16 * 1024
UPLOADS = "/v1/uploads"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
#: An API answer is data: nothing in it may run or be framed. Pages set a policy of their own.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-store",  # what one may see another may not
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a request may be like.

    Parameters
    ----------
    allowed_hosts
        Names that it may be addressed to; ``None``: any. A web page of a stranger can give its own
        name the address 127.0.0.1 and then speak to us as if it were ours; its Host header still
        has that name.
    upload_bytes
        Size of a file that is sent.
    body_timeout_s
        How long the next part of a body may take.
    """

    allowed_hosts: frozenset[str] | None
    upload_bytes: int
    body_timeout_s: float

    def problem_of(self, request: Request) -> "Response | None":
        """Return why a request is not read any further; ``None``: it is fit to be read."""
        if self._is_foreign(request.headers.get("host", "")):
            return problem(
                request,
                421,
                "wrong-host",
                "This server does not answer to that host name.",
                remedy="Use http://127.0.0.1 or http://localhost.",
            )
        if sum(len(name) + len(value) for name, value in request.headers.raw) > MAX_HEADER_BYTES:
            return problem(
                request,
                431,
                "headers-too-large",
                f"The headers are larger than {MAX_HEADER_BYTES // 1024} KiB.",
                remedy="Send fewer cookies or shorter headers.",
            )
        return None

    def _is_foreign(self, host: str) -> bool:
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        return self.allowed_hosts is not None and name.lower() not in self.allowed_hosts

    def limited(self, path: str, receive: "Receive") -> "Receive":
        """Return a ``receive`` that ends a body which is too large or does not come."""
        most = self.upload_bytes if path == UPLOADS else MAX_BODY_BYTES
        read, more = 0, True

        async def counted() -> "Message":
            nonlocal read, more
            if not more:  # whoever streams an answer waits here for the caller to go
                return await receive()
            try:
                async with asyncio.timeout(self.body_timeout_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body did not come in time.") from None
            more = message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413, f"The body is larger than {most // 1024} KiB.")
            return message

        return counted


class RequestContext:
    """Give each request an id that its log lines and its answer carry, and write one line for it.

    The line has the path's template and never the query: a query may hold what somebody wrote.
    """

    def __init__(
        self, app: "ASGIApp", bounds: Bounds, headers: "Mapping[str, str] | None" = None
    ) -> None:
        """Wrap ``app``: requests keep within bounds, answers have further headers."""
        self.app = app
        self.bounds = bounds
        self.headers = {**SECURITY_HEADERS, **(headers or {})}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get(REQUEST_ID, "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, {**self.headers, REQUEST_ID: request_id})
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            started = time.perf_counter()
            try:
                refusal = self.bounds.problem_of(request)
                if refusal is not None:
                    await refusal(scope, receive, answer.send)
                else:
                    limited = self.bounds.limited(scope["path"], receive)
                    await self.app(scope, limited, answer.send)
            except Exception as error:
                if answer.status is not None:
                    raise
                await unexpected(request, error)(scope, receive, answer.send)
            finally:
                _write_line(scope, answer.status, time.perf_counter() - started)


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
