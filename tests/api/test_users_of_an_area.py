"""The admin of one area over HTTP: accounts of it, and none of another."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gis.access import Area, AreaKind, Permission, Role
from gis.database.engine import make_engine, session_factory, transaction
from gis.layers.accounts import Ground
from gis.services import accounts, keys
from gis.settings import Settings
from tests.api.people import storing
from tests.api.serving import is_problem, serving
from tests.people import EVERYWHERE, OWNER, PASSWORD, add_person, community, role_in
from tests.town import CODE_OF

pytestmark = pytest.mark.api


@pytest.fixture(scope="module")
def town(new_database: Callable[[str], str]) -> tuple[str, dict[str, str]]:
    """Return a town with an admin of everything and one of community A, and their keys."""
    url = new_database("town")
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        grants = {
            "boss": role_in(Role.ADMIN, EVERYWHERE),
            "admin-a": role_in(Role.ADMIN, community("A")),
            "planner-b": role_in(Role.PLANNER, community("B")),
        }
        order = keys.KeyOrder("test", frozenset(Permission), 1)
        made = {}
        for login, grant in grants.items():
            user = add_person(session, login, grant, password=PASSWORD)
            made[login] = keys.make_key(session, OWNER, user, order).secret
            made[f"id of {login}"] = user
    engine.dispose()
    return url, made


@pytest.fixture(scope="module")
def client(town: tuple[str, dict[str, str]]) -> Iterator[httpx.Client]:
    with serving(Settings(database_url=town[0])) as client:
        client.headers["Authorization"] = f"Bearer {town[1]['admin-a']}"
        yield client


def granted(role: str, code: str | None, kind: str = "community") -> dict[str, Any]:
    return {"role": role, "area_kind": kind, "area_code": code}


def test_an_admin_of_an_area_opens_accounts_and_grants_there(client: httpx.Client):
    made = client.post("/v1/users", json={"login": "helper-a", "password": PASSWORD})
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    given = client.post(f"{path}/grants", json=granted("grid_worker", CODE_OF["A"]))
    assert given.status_code == 201, given.text
    shown = client.get(path).json()
    assert [one["role"] for one in shown["grants"]] == ["grid_worker"]
    assert client.get("/v1/users").json()["users"]
    assert client.put(
        f"{path}/password", json={"password": "another four words entirely"}
    ).is_success
    assert client.post(f"{path}/disable").is_success
    assert client.post(f"{path}/enable").is_success
    assert client.delete(f"{path}/grants/{given.json()['id']}").status_code == 204


@pytest.mark.parametrize("asked", [("B", "community"), (None, "everywhere"), ("S", "subdistrict")])
def test_no_role_is_granted_beyond_the_area(client: httpx.Client, asked: tuple[str | None, str]):
    letter, kind = asked
    code = {"B": CODE_OF["B"], "S": CODE_OF["A"][:9], None: None}[letter]
    path = client.post("/v1/users", json={"login": f"wide-{kind}"}).headers["Location"]
    refused = client.post(f"{path}/grants", json=granted("admin", code, kind))
    is_problem(refused, 404)
    assert client.get(path).json()["grants"] == []


@pytest.mark.parametrize("login", ["boss", "planner-b"])
def test_accounts_beyond_the_area_are_not_there(
    client: httpx.Client, town: tuple[str, dict[str, str]], login: str
):
    path = f"/v1/users/{town[1][f'id of {login}']}"
    is_problem(client.get(path), 404)
    is_problem(client.put(f"{path}/password", json={"password": PASSWORD}), 404)
    is_problem(client.post(f"{path}/disable"), 404)
    listed = [one["login"] for one in client.get("/v1/users").json()["users"]]
    assert login not in listed
    is_problem(client.post("/v1/users", json={"login": login}), 409)


def test_the_audit_log_is_for_those_who_see_everything(
    client: httpx.Client, town: tuple[str, dict[str, str]]
):
    is_problem(client.get("/v1/audit-log"), 403)
    boss = {"Authorization": f"Bearer {town[1]['boss']}"}
    entries = client.get("/v1/audit-log", headers=boss).json()["entries"]
    assert {one["principal"] for one in entries} >= {"admin-a", "local_owner"}


def test_an_account_without_grants_is_that_of_who_opened_it(
    client: httpx.Client, town: tuple[str, dict[str, str]]
):
    boss = {"Authorization": f"Bearer {town[1]['boss']}"}
    theirs = client.post("/v1/users", json={"login": "new-of-boss"}, headers=boss)
    path = theirs.headers["Location"]
    is_problem(client.get(path), 404)
    is_problem(client.put(f"{path}/password", json={"password": PASSWORD}), 404)
    own = client.post("/v1/users", json={"login": "new-of-a"})
    assert client.get(own.headers["Location"]).status_code == 200
    listed = [one["login"] for one in client.get("/v1/users").json()["users"]]
    assert "new-of-a" in listed
    assert "new-of-boss" not in listed


def test_an_account_of_a_grid_in_no_plan_is_nobodys_of_an_area(
    client: httpx.Client, town: tuple[str, dict[str, str]]
):
    boss = {"Authorization": f"Bearer {town[1]['boss']}"}
    made = client.post("/v1/users", json={"login": "worker-b"}, headers=boss)
    path = made.headers["Location"]
    given = client.post(
        f"{path}/grants", json=granted("grid_worker", f"{CODE_OF['B']}001", "grid"), headers=boss
    )
    assert given.status_code == 201, given.text
    with storing(town[0]) as session:
        session.execute(text("UPDATE user_grants SET area_code = 'gone' WHERE area_kind = 'grid'"))
    is_problem(client.get(path), 404)
    is_problem(client.post(f"{path}/disable"), 404)


def test_nobody_grants_longer_than_they_hold_nor_to_themselves(
    client: httpx.Client, town: tuple[str, dict[str, str]]
):
    is_problem(
        client.post(
            f"/v1/users/{town[1]['id of admin-a']}/grants", json=granted("planner", CODE_OF["A"])
        ),
        403,
    )
    is_problem(
        client.put(f"/v1/users/{town[1]['id of admin-a']}/password", json={"password": PASSWORD}),
        403,
    )
    path = client.post("/v1/users", json={"login": "short-lived"}).headers["Location"]
    with storing(town[0]) as session:
        session.execute(
            text(
                "UPDATE user_grants SET during = daterange(lower(during), '2100-01-01') "
                "WHERE user_id = :admin"
            ),
            {"admin": town[1]["id of admin-a"]},
        )
    try:
        refused = client.post(f"{path}/grants", json=granted("planner", CODE_OF["A"]))
        is_problem(refused, 422)
        asked = granted("planner", CODE_OF["A"]) | {"to": "2099-12-31"}
        given = client.post(f"{path}/grants", json=asked)
        assert given.status_code == 201, given.text
    finally:
        with storing(town[0]) as session:
            session.execute(
                text(
                    "UPDATE user_grants SET during = daterange(lower(during), NULL) "
                    "WHERE user_id = :admin"
                ),
                {"admin": town[1]["id of admin-a"]},
            )


def test_a_limited_credential_makes_no_key_that_may_more(
    client: httpx.Client, town: tuple[str, dict[str, str]]
):
    limited = ["own-account", "ground.read"]
    made = client.post("/v1/keys", json={"label": "limited", "permissions": limited})
    assert made.status_code == 201, made.text
    asked = {"Authorization": f"Bearer {made.json()['secret']}"}
    is_problem(
        client.post(
            "/v1/keys", json={"label": "wide", "permissions": ["plans.draw"]}, headers=asked
        ),
        403,
    )
    own = client.post("/v1/keys", json={"label": "default"}, headers=asked)
    assert own.status_code == 201, own.text
    key = {"Authorization": f"Bearer {own.json()['secret']}"}
    assert client.get("/v1/auth/me", headers=key).json()["permissions"] == ["ground.read"]


def test_an_area_lies_in_another_as_it_will_be():
    a, s = Area(AreaKind.COMMUNITY, CODE_OF["A"]), Area(AreaKind.SUBDISTRICT, CODE_OF["A"][:9])
    everywhere = Area(AreaKind.EVERYWHERE)
    grid = Area(AreaKind.GRID, "g1")
    own, some = Ground(frozenset({"a"})), Ground(frozenset(), {"g": "a"})
    assert accounts.lies_in(a, own, s, own)
    assert accounts.lies_in(a, own, a, own)
    assert not accounts.lies_in(s, own, a, own)  # though it has no other community today
    assert not accounts.lies_in(everywhere, Ground(None), s, own)
    assert accounts.lies_in(grid, some, a, own)
    assert not accounts.lies_in(grid, Ground(), a, own)
    assert not accounts.lies_in(grid, Ground(frozenset(), {"g": "b"}), a, own)
    assert accounts.lies_in(grid, Ground(), everywhere, Ground(None))
