"""People of the town: accounts with grants in its communities, for every tier."""

from typing import TYPE_CHECKING

from argon2 import PasswordHasher

from gis.access import Area, AreaKind, Grant, Permission, Role, authorise
from gis.layers import accounts as accounts_layer
from gis.scope import Scope
from gis.services import accounts, passwords
from gis.services.door import DOOR
from tests.town import CODE_OF

if TYPE_CHECKING:
    from datetime import date

    import pytest
    from sqlalchemy.orm import Session

OWNER = Scope.local_owner()
PASSWORD = "four unrelated words here"  # noqa: S105 - of made-up people
EVERYWHERE = Area(AreaKind.EVERYWHERE)
SUBDISTRICT = Area(AreaKind.SUBDISTRICT, "340102001")


def community(letter: str) -> Area:
    """Return a community of the town."""
    return Area(AreaKind.COMMUNITY, CODE_OF[letter])


def grid(code: str) -> Area:
    """Return a grid by its code."""
    return Area(AreaKind.GRID, code)


def add_person(session: "Session", login: str, *grants: Grant, password: str | None = None) -> str:
    """Open an account with grants and return its key."""
    user_id = accounts.add_user(session, OWNER, login, password=password)
    for one in grants:
        accounts.grant(session, OWNER, user_id, one)
    return user_id


def scope_of(session: "Session", login: str, permission: str, *, day: "date") -> Scope:
    """Return what an account may touch when it asks for a permission."""
    row = accounts_layer.by_login(session, DOOR, login)
    assert row is not None
    principal = accounts.principal_of(session, row.id, day=day)
    return authorise(principal, Permission(permission), day)


def hash_cheaply(monkeypatch: "pytest.MonkeyPatch") -> None:
    """Hash in next to no time; tests/unit/test_passwords.py has the true parameters."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64))


def role_in(role: Role, area: Area) -> Grant:
    """Return a grant of a role in an area, without an end."""
    acting = role in accounts.ACTING
    return Grant(role, area, organisation="org-1" if acting else None)
