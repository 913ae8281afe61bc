"""A real server on a free port of loopback, over a town of the module's or the test's own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from api.app import create_app
from gis.settings import Settings


@contextmanager
def serving(settings: Settings) -> Iterator[httpx.Client]:
    """Serve the application in a thread and give a client of it."""
    app = create_app(settings)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            base = f"http://127.0.0.1:{door.getsockname()[1]}"
            with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def client(town_url: str) -> Iterator[httpx.Client]:
    """A client for tests that only read, or whose writes nobody else minds."""
    with serving(Settings(database_url=town_url, pool_size=4)) as client:
        yield client


@pytest.fixture
def fresh_url(new_database: Callable[[str], str]) -> str:
    """The URL of a town of this test's own."""
    return new_database("town")


@pytest.fixture
def fresh(fresh_url: str) -> Iterator[httpx.Client]:
    """A client on a town of this test's own."""
    with serving(Settings(database_url=fresh_url, pool_size=4)) as client:
        yield client
