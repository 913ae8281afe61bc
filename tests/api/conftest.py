"""Clients of a real server, over a town of the module's or of the test's own."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from gis.settings import Settings
from tests.api.serving import serving


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
