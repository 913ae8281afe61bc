"""A real server in a thread, and what every answer of it must be like."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from api.app import create_app
from api.listening import listen
from gis.jobs.coverage_run import KIND
from gis.settings import Settings


@contextmanager
def serving(settings: Settings) -> Iterator[httpx.Client]:
    """Serve the application on a free port of loopback and give a client of it."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        # A connection that the server closes just as a slow test asks again would be an error.
        timeout_keep_alive=600,
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as door:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            base = f"http://127.0.0.1:{door.getsockname()[1]}"
            with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(timeout=60)
    assert not thread.is_alive()


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Return the problem document of an answer that must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:wangge:problem:")
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def every_page(client: httpx.Client, path: str, **query: object) -> list[dict[str, Any]]:
    """Return the features of every page, following the links."""
    found: list[dict[str, Any]] = []
    href: str | None = str(httpx.URL(path, params={k: str(v) for k, v in query.items()}))
    while href is not None:
        body = client.get(href).raise_for_status().json()
        assert body["numberReturned"] == len(body["features"])
        found += body["features"]
        href = next((link["href"] for link in body["links"] if link["rel"] == "next"), None)
    return found


def runs_due(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    """Return the coverage jobs, once there are so many: they are queued after the answer."""
    end = time.monotonic() + 60
    while True:
        found = [j for j in client.get("/v1/jobs").json()["jobs"] if j["kind"] == KIND]
        if len(found) >= count or time.monotonic() > end:
            break
        time.sleep(0.1)
    assert len(found) == count
    return found
