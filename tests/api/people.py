"""Servers on a town with people in it, and clients that are one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from sqlalchemy.orm import Session

from gis.access import Grant, Permission, Role
from gis.database.engine import make_engine, session_factory, transaction
from gis.services import keys
from gis.settings import Settings
from tests.api.serving import serving
from tests.people import EVERYWHERE, OWNER, PASSWORD, add_person, role_in

ADMIN = "chief"


def add_people(url: str, **grants: Grant) -> dict[str, str]:
    """Open an account with a password and a grant for each name, and the admin's; return keys."""
    people = {ADMIN: role_in(Role.ADMIN, EVERYWHERE), **grants}
    with storing(url) as session:
        return {
            name: add_person(session, name, grant, password=PASSWORD)
            for name, grant in people.items()
        }


@contextmanager
def storing(url: str) -> Iterator[Session]:
    """Yield a session on a database, committed at the end."""
    engine = make_engine(url)
    try:
        with transaction(session_factory(engine)) as session:
            yield session
    finally:
        engine.dispose()


def key_of(url: str, user_id: str, *permissions: Permission, days: int = 1) -> str:
    """Return the secret of a new key of an account; with all permissions if none is named."""
    allowed = frozenset(permissions or Permission)
    with storing(url) as session:
        return keys.make_key(session, OWNER, user_id, keys.KeyOrder("test", allowed, days)).secret


@contextmanager
def served(url: str, **settings: Any) -> Iterator[httpx.Client]:
    """Serve a database whose accounts are looked up anew at every request."""
    told = {"access_cache_s": 0.0, "pool_size": 4, **settings}
    with serving(Settings(database_url=url, **told)) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    """Return the header by which a token or a key is sent."""
    return {"Authorization": f"Bearer {secret}"}


def token_of(client: httpx.Client, login: str, **more: Any) -> str:
    """Return a token for somebody's password."""
    sent = {"login": login, "password": PASSWORD, **more}
    answer = client.post("/v1/auth/token", json=sent)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def sign_in(client: httpx.Client, login: str, password: str = PASSWORD, **more: str) -> Any:
    """Send the form for signing in as a browser does."""
    form = {"login": login, "password": password, "next": "/", "lang": "en", **more}
    return client.post("/login", data=form, headers=of_browser(client))


def of_browser(client: httpx.Client, site: str = "same-origin") -> dict[str, str]:
    """Return the headers by which a browser says where a request comes from."""
    return {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": site}
