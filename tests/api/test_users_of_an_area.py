"""The admin of one area over HTTP: accounts of it, and none of another."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gis.access import Permission, Role
from gis.database.engine import make_engine, session_factory, transaction
from gis.services import keys
from gis.settings import Settings
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
