"""Who asks too often is told when to come back; the others are not held up."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from limits import parse

from api.beginning import MOST_JOBS
from api.security import limits
from api.security.limits import WRONG, Limits, TooManyRequestsError, Windows
from gis.access import Role
from tests.api.people import (
    ADMIN,
    add_people,
    bearer,
    key_of,
    served,
    sign_in,
    storing,
    token_of,
)
from tests.api.serving import is_problem
from tests.people import EVERYWHERE, OWNER, PASSWORD, role_in
from tests.streets import add_streets

pytestmark = pytest.mark.api


@pytest.fixture(scope="module")
def people(town_url: str) -> dict[str, str]:
    return add_people(
        town_url,
        desk=role_in(Role.DISPATCHER, EVERYWHERE),
        reader=role_in(Role.VIEWER, EVERYWHERE),
    )


def is_told_to_wait(answer: httpx.Response) -> None:
    body = is_problem(answer, 429)
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= 60
    assert f"{seconds} s" in body["remedy"]


@pytest.mark.slow
def test_an_account_has_its_own_window_whatever_its_credentials(
    town_url: str, people: dict[str, str]
):
    keys = [bearer(key_of(town_url, people["reader"])) for _ in range(2)]
    desk = bearer(key_of(town_url, people["desk"]))
    with served(town_url, rate_limit="6/minute") as client:
        for i in range(6):
            assert client.get("/v1/grids?limit=1", headers=keys[i % 2]).status_code == 200
        for key in keys:
            is_told_to_wait(client.get("/v1/grids?limit=1", headers=key))
        assert client.get("/v1/grids?limit=1", headers=desk).status_code == 200
        assert client.get("/healthz").status_code == 200


@pytest.mark.slow
def test_costly_requests_take_more(town_url: str, people: dict[str, str]):
    desk = bearer(key_of(town_url, people["desk"]))
    with served(town_url, rate_limit="30/minute") as client:
        sent = {"texts": ["Centre"] * 20}
        assert client.post("/v1/geocoding/match", json=sent, headers=desk).status_code == 200
        is_told_to_wait(client.post("/v1/geocoding/match", json=sent, headers=desk))
        assert client.get("/v1/grids?limit=1", headers=desk).status_code == 200


@pytest.mark.slow
def test_whoever_tries_many_wrong_keys_is_kept_from_the_store(
    town_url: str, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    real = "api.security.identity.read_key"
    monkeypatch.setattr(real, lambda _, secret: asked.append(secret))
    with served(town_url, rate_limit=f"{3 * WRONG}/minute") as client:
        for i in range(3):
            is_problem(client.get("/v1/grids", headers=bearer(f"wg_{i}")), 401)
        for i in range(3):
            is_told_to_wait(client.get("/v1/grids", headers=bearer(f"wg_again{i}")))
    assert asked == ["wg_0", "wg_1", "wg_2"]


@pytest.mark.slow
def test_signing_in_is_limited_by_address_for_forms_and_tokens_together(
    town_url: str, people: dict[str, str]
):
    with served(town_url, rate_limit_sign_in="3/minute") as client:
        sent = {"login": "nobody-here", "password": "not at all right"}
        is_problem(client.post("/v1/auth/token", json=sent), 401)
        assert sign_in(client, "nobody-here", "not at all right").status_code == 401
        assert token_of(client, "desk")
        is_told_to_wait(client.post("/v1/auth/token", json={"login": "desk", "password": PASSWORD}))
        page = sign_in(client, "desk")
        assert page.status_code == 429
        assert 1 <= int(page.headers["retry-after"]) <= 60
        assert 'role="alert"' in page.text
        assert f"Come back in {page.headers['retry-after']} s" in page.text


@pytest.mark.slow
def test_behind_a_trusted_proxy_each_address_has_its_own_tries(
    town_url: str, people: dict[str, str]
):
    settings = {"rate_limit_sign_in": "1/minute", "trusted_proxies": "127.0.0.1"}
    sent = {"login": "desk", "password": PASSWORD}
    with served(town_url, **settings) as client:
        for address, status in (("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429)):
            headers = {"X-Forwarded-For": address}
            answer = client.post("/v1/auth/token", json=sent, headers=headers)
            assert answer.status_code == status


@pytest.mark.slow
def test_a_header_that_nobody_vouches_for_gives_no_new_tries(town_url: str, people: dict[str, str]):
    sent = {"login": "nobody-here", "password": "not at all right"}
    with served(town_url, rate_limit_sign_in="1/minute") as client:
        for address, status in (("192.0.2.1", 401), ("192.0.2.2", 429)):
            headers = {"X-Forwarded-For": address}
            assert client.post("/v1/auth/token", json=sent, headers=headers).status_code == status


def test_the_owner_is_not_held_up(fresh: httpx.Client):
    for _ in range(30):
        assert fresh.get("/healthz").status_code == 200
    assert ADMIN not in fresh.get("/v1/auth/me").text


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


def test_a_window_ends_and_another_begins(clock: Clock):
    told = Limits(parse("3/minute"), parse("1/minute"))
    told.charge("a", 3)
    clock.now += 20
    with pytest.raises(TooManyRequestsError) as refused:
        told.charge("a")
    assert refused.value.context["retry_after_s"] == 41
    with pytest.raises(TooManyRequestsError):
        told.refuse_spent("a")
    told.charge("b")
    clock.now += 40
    told.refuse_spent("a")
    told.charge("a", 3)


def test_strangers_cannot_fill_the_memory(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MOST_WINDOWS", 100)
    windows: Any = Windows()
    for i in range(1000):
        clock.now += 0.01
        assert windows.incr(f"address {i}", 60) == 1
    assert len(windows._counts) <= 101
    assert windows.get("address 999") == 1
    assert windows.reset() <= 101


@pytest.mark.slow
def test_what_no_window_would_ever_allow_is_said_to_be_too_much(
    town_url: str, people: dict[str, str]
):
    desk = bearer(key_of(town_url, people["desk"]))
    with served(town_url, rate_limit="30/minute") as client:
        sent = {"texts": ["Centre"] * 40}
        told = is_problem(client.post("/v1/geocoding/match", json=sent, headers=desk), 422)
        assert "30" in told["detail"]


@pytest.mark.slow
def test_isochrones_of_many_stations_cost_as_many(new_database: Callable[[str], str]):
    url = new_database("town")
    with storing(url) as session:
        add_streets(session, OWNER)
    reader = add_people(url, reader=role_in(Role.VIEWER, EVERYWHERE))["reader"]
    asked = {"each": True, "minutes": "5", "service": "affairs", "at": "2026-06-01T02:00:00Z"}
    with served(url, rate_limit="12/minute") as client:
        known = bearer(key_of(url, reader))
        one = client.get("/v1/isochrone", params={**asked, "each": False}, headers=known)
        assert one.status_code == 200, one.text
        assert client.get("/v1/isochrone", params=asked, headers=known).status_code in {422, 429}


@pytest.mark.slow
def test_one_account_has_so_many_jobs_waiting(new_database: Callable[[str], str]):
    url = new_database("town")
    manager = add_people(url, manager=role_in(Role.MANAGER, EVERYWHERE))["manager"]
    with served(url, rate_limit="1000000/minute") as client:
        known = bearer(key_of(url, manager))
        for _ in range(MOST_JOBS):
            begun = client.post("/v1/coverage/runs", json={"as_of": "2026-06-01"}, headers=known)
            assert begun.status_code == 202, begun.text
        more = client.post("/v1/coverage/runs", json={"as_of": "2026-06-01"}, headers=known)
        assert "20" in is_problem(more, 409)["detail"]
        assert client.post(f"{begun.headers['Location']}/cancel", headers=known).is_success
        again = client.post("/v1/coverage/runs", json={"as_of": "2026-06-01"}, headers=known)
        assert again.status_code == 202
