"""What is tried or changed is in the audit log: matters, files, checks, jobs, keys, passwords."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gis.access import Role
from gis.settings import Settings
from tests.api.people import bearer, key_of, storing
from tests.api.serving import is_problem, serving
from tests.people import EVERYWHERE, PASSWORD, add_person, community, role_in
from tests.town import key, lon_lat

pytestmark = pytest.mark.api

BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def town(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, str, dict[str, str]]]:
    url = new_database("town")
    with storing(url) as session:
        users = {
            "boss": add_person(session, "boss", role_in(Role.ADMIN, EVERYWHERE), password=PASSWORD),
            "planner-a": add_person(
                session, "planner-a", role_in(Role.PLANNER, community("A")), password=PASSWORD
            ),
        }
    secrets = {login: key_of(url, user) for login, user in users.items()}
    home = tmp_path_factory.mktemp("home")
    with serving(Settings(database_url=url, home=home, access_cache_s=0.0)) as client:
        yield client, url, secrets


def newest(url: str, **asked: str) -> dict[str, Any]:
    """Return the newest entry of the log that fits."""
    where = " AND ".join(f"{name} = :{name}" for name in asked)
    with storing(url) as session:
        found = session.execute(
            text(f"SELECT * FROM audit_log WHERE {where} ORDER BY id DESC LIMIT 1"), asked
        ).one()
    return dict(found._mapping)


def test_a_matter_is_written_down_without_what_was_said(
    town: tuple[httpx.Client, str, dict[str, str]],
):
    client, url, secrets = town
    lon, lat = lon_lat(0.5, 0.5)
    sent = {
        "occurred_at": "2026-05-01T10:00:00+08:00",
        "category": "noise",
        "service": "affairs",
        "description": "loud at night",
        "lon": lon,
        "lat": lat,
    }
    made = client.post("/v1/incidents", json=sent, headers=bearer(secrets["boss"]))
    assert made.status_code == 201, made.text
    entry = newest(url, layer="incidents", action="create")
    assert entry["row_id"] == made.headers["Location"].rpartition("/")[2]
    assert entry["principal"] == "boss"
    assert entry["after"]["community_id"] == key("communities", "A")
    assert "loud" not in str(entry)


def test_files_checks_jobs_and_their_end_are_written_down(
    town: tuple[httpx.Client, str, dict[str, str]],
):
    client, url, secrets = town
    boss = bearer(secrets["boss"])
    sent = client.post(
        "/v1/uploads", params={"filename": "somebody.csv"}, content=b"x", headers=boss | BYTES
    )
    assert sent.status_code == 201, sent.text
    kept = newest(url, layer="uploads", action="create")
    assert (kept["row_id"], "somebody" in str(kept)) == (sent.json()["id"], False)
    assert client.delete(sent.headers["Location"], headers=boss).status_code == 204
    assert newest(url, layer="uploads", action="remove")["row_id"] == sent.json()["id"]
    checked = client.post("/v1/audits", json={}, headers=boss)
    assert checked.status_code == 201, checked.text
    assert newest(url, layer="audit_runs", action="check")["row_id"] == checked.json()["id"]
    begun = client.post("/v1/coverage/runs", json={"as_of": "2026-06-01"}, headers=boss)
    assert begun.status_code == 202, begun.text
    asked = newest(url, layer="jobs", action="queue")
    assert asked["row_id"] == begun.json()["id"]
    assert asked["after"] == {"kind": "coverage"}
    ended = client.post(f"{begun.headers['Location']}/cancel", headers=boss)
    assert ended.status_code == 200, ended.text
    assert newest(url, layer="jobs", action="cancel")["row_id"] == begun.json()["id"]


def test_keys_that_are_tried_for_a_token_are_written_down(
    town: tuple[httpx.Client, str, dict[str, str]],
):
    client, url, secrets = town
    good = secrets["planner-a"]
    assert client.post("/v1/auth/token", json={"api_key": good}).is_success
    done = newest(url, layer="api_keys", action="exchange")
    prefix = good.split("_")[1]
    assert (done["row_id"], done["outcome"], done["principal"]) == (prefix, "done", "planner-a")
    wrong = good[:-4] + ("aaaa" if good[-4:] != "aaaa" else "bbbb")
    for tried, told in ((wrong, prefix), ("a password typed here", "unknown")):
        is_problem(client.post("/v1/auth/token", json={"api_key": tried}), 401)
        failed = newest(url, layer="api_keys", action="exchange")
        assert (failed["row_id"], failed["outcome"]) == (told, "failed")
        assert tried not in str(failed)


@pytest.mark.slow
def test_a_wrong_old_password_counts_and_is_written_down(
    town: tuple[httpx.Client, str, dict[str, str]],
):
    client, url, secrets = town
    asked = bearer(secrets["planner-a"])
    body = {"old": "not what it is at all", "new": "another four words entirely"}
    for _ in range(5):
        is_problem(client.put("/v1/auth/password", json=body, headers=asked), 422)
    tried = newest(url, layer="users", action="prove_password")
    assert (tried["principal"], tried["outcome"]) == ("planner-a", "failed")
    with storing(url) as session:
        row = session.execute(text("SELECT * FROM users WHERE login = 'planner-a'")).one()
    assert row.failed_attempts == 5
    assert row.locked_until is not None
    with storing(url) as session:
        session.execute(text("UPDATE users SET locked_until = NULL WHERE login = 'planner-a'"))
    body["old"] = PASSWORD
    assert client.put("/v1/auth/password", json=body, headers=asked).status_code == 204


def test_another_areas_id_is_written_down(town: tuple[httpx.Client, str, dict[str, str]]):
    client, url, secrets = town
    other = key("buildings", "4,0")
    is_problem(client.get(f"/v1/buildings/{other}", headers=bearer(secrets["planner-a"])), 404)
    entry = newest(url, layer="operations", row_id="get_building")
    assert entry["principal"] == "planner-a"
    assert entry["outcome"] == "refused"
    assert entry["after"]["why"] == "NotFoundError"
    assert entry["after"]["of"] == {"building_id": other}
