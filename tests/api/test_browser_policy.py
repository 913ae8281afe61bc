"""What browsers are told and asked: forgery, other sites, open redirects, origins, headers."""

import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.middleware import MAX_HEADER_BYTES
from api.security.browser import csrf_token, local_path
from api.security.network import limited_as, networks
from gis.access import Role
from gis.settings import Settings
from tests.api.people import ADMIN, add_people, bearer, of_browser, served, sign_in, token_of
from tests.api.serving import is_problem, serving
from tests.people import EVERYWHERE, PASSWORD, role_in

pytestmark = pytest.mark.api
ELSEWHERE = "https://elsewhere.example"


@pytest.fixture(scope="module")
def people(town_url: str) -> dict[str, str]:
    return add_people(town_url, desk=role_in(Role.DISPATCHER, EVERYWHERE))


@pytest.fixture(scope="module")
def served_at(town_url: str, people: dict[str, str]) -> Iterator[str]:
    with served(town_url, rate_limit_sign_in="1000/minute") as client:
        yield str(client.base_url)


@pytest.fixture
def browser(served_at: str) -> Iterator[httpx.Client]:
    """A browser in which an admin is signed in."""
    with httpx.Client(base_url=served_at, timeout=60, trust_env=False) as client:
        assert sign_in(client, ADMIN).status_code == 303
        yield client


def proof(browser: httpx.Client) -> str:
    return str(browser.get("/v1/auth/me").json()["csrf_token"])


def delete(browser: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    """Ask for a change by the cookie alone: an upload that is not there is a 404 once let in."""
    return browser.delete("/v1/uploads/00000000-0000-0000-0000-000000000000", headers=headers)


def test_a_change_by_cookie_needs_the_sessions_proof(browser: httpx.Client, served_at: str):
    is_problem(delete(browser, of_browser(browser)), 403)
    is_problem(delete(browser, {**of_browser(browser), "X-CSRF-Token": "x" * 43}), 403)
    with httpx.Client(base_url=served_at, timeout=60, trust_env=False) as other:
        sign_in(other, "desk")
        is_problem(delete(browser, {"X-CSRF-Token": proof(other)}), 403)
    is_problem(delete(browser, {"X-CSRF-Token": proof(browser)}), 404)
    is_problem(delete(browser, {**of_browser(browser), "X-CSRF-Token": proof(browser)}), 404)


@pytest.mark.parametrize(
    "said",
    [
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.elsewhere.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
        {"Origin": "file://"},
        {"Origin": "http://[::1"},
    ],
    ids=str,
)
def test_a_page_of_another_site_changes_nothing_even_with_the_proof(
    browser: httpx.Client, said: dict[str, str]
):
    own = of_browser(browser)["Origin"]
    headers = {name: value.format(own=own) for name, value in said.items()}
    body = is_problem(delete(browser, {**headers, "X-CSRF-Token": proof(browser)}), 403)
    assert "another site" in body["detail"]


def test_a_bearer_token_is_no_ambient_authority(served_at: str, people: dict[str, str]):
    with httpx.Client(base_url=served_at, timeout=60, trust_env=False) as client:
        headers = {**bearer(token_of(client, ADMIN)), "Origin": ELSEWHERE}
        is_problem(delete(client, headers), 404)


def test_a_form_of_another_site_signs_nobody_in(served_at: str):
    """Else a stranger could have somebody work in the stranger's account."""
    form = {"login": "desk", "password": PASSWORD}
    with httpx.Client(base_url=served_at, timeout=60, trust_env=False) as client:
        for said in ({}, {"Origin": ELSEWHERE}, {"Sec-Fetch-Site": "cross-site"}):
            answer = client.post("/login", data=form, headers=said)
            is_problem(answer, 403)
            assert "set-cookie" not in answer.headers
        # A strict referrer policy makes a browser send "null"; what it says of the site counts.
        said = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        assert client.post("/login", data=form, headers=said).status_code == 303


def test_signing_out_needs_the_proof_too(browser: httpx.Client):
    is_problem(browser.post("/logout", data={"lang": "en"}, headers=of_browser(browser)), 403)
    form, said = {"csrf_token": proof(browser)}, {"Origin": ELSEWHERE}
    is_problem(browser.post("/logout", data=form, headers=said), 403)
    assert browser.get("/v1/auth/me").status_code == 200


def test_in_an_open_installation_other_sites_change_nothing_either(client_open: httpx.Client):
    """Whoever reaches loopback is the owner, and so is every page in the owner's browser."""
    sent = {"name": "Draft"}
    is_problem(client_open.post("/v1/plans", json=sent, headers={"Origin": ELSEWHERE}), 403)
    said = {"Sec-Fetch-Site": "cross-site"}
    is_problem(client_open.post("/v1/plans", json=sent, headers=said), 403)
    assert client_open.post("/v1/plans", json=sent).status_code == 201


@pytest.fixture
def client_open(fresh: httpx.Client) -> httpx.Client:
    return fresh


def test_through_a_proxy_nobody_is_the_owner(client_open: httpx.Client):
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Forwarded-Host", "X-Real-IP"):
        headers = {name: "192.0.2.7"}
        assert client_open.get("/v1/grids", headers=headers).status_code == 200
        body = is_problem(
            client_open.post("/v1/plans", json={"name": "Draft"}, headers=headers), 403
        )
        assert "wangge user add" in body["remedy"]


@pytest.mark.slow
@pytest.mark.parametrize("bound", [{"host": "0.0.0.0"}, {"allow_non_loopback": True}])  # noqa: S104
def test_from_afar_without_an_admin_one_sees_what_a_viewer_sees_and_changes_nothing(
    fresh_url: str, bound: dict[str, Any]
):
    with serving(Settings(database_url=fresh_url, **bound)) as client:
        assert client.get("/v1/grids", headers={"Host": "wangge.example"}).status_code == 200
        assert "/login?lang=en" in client.get("/?lang=en").text
        is_problem(client.get("/v1/incidents"), 403)
        for method, path, sent in (
            ("POST", "/v1/plans", {"name": "Draft"}),
            ("POST", "/v1/users", {"login": "thief"}),
            ("POST", "/v1/imports", {"upload_id": "x"}),
            ("DELETE", "/v1/auth/sessions", None),
        ):
            body = is_problem(client.request(method, path, json=sent), 403)
            assert "wangge user add" in body["remedy"] or "no account" in body["detail"]


NASTY = [
    "//elsewhere.example",
    "///elsewhere.example",
    "/\\elsewhere.example",
    "\\\\elsewhere.example",
    "https://elsewhere.example",
    "https:elsewhere.example",
    "javascript:alert(1)",
    "/%0d%0aSet-Cookie: a=b"[:3] + "\r\nSet-Cookie: a=b",
    "/\t/elsewhere.example",
    "/ok\nLocation: //elsewhere.example",
    " //elsewhere.example",
    "@elsewhere.example",
    "elsewhere.example",
    "",
    "/login?next=/login",
    "/" + "a" * 3000,
    "/路",
]


@pytest.mark.slow
@pytest.mark.parametrize("asked", NASTY)
def test_one_is_never_led_to_another_site(browser: httpx.Client, served_at: str, asked: str):
    assert local_path(asked) == "/"
    onward = browser.get("/login", params={"next": asked})
    assert onward.headers["location"] == "/"
    with httpx.Client(base_url=served_at, timeout=60, trust_env=False) as client:
        assert sign_in(client, "desk", next=asked).headers["location"] == "/"


@given(st.text(max_size=60).map(lambda text: "/" + text))
@settings(max_examples=50)
def test_a_local_path_stays_on_its_server(text: str):
    base = httpx.URL("http://127.0.0.1:8000/login")
    joined = base.join(local_path(text))
    assert (joined.scheme, joined.host, joined.port) == ("http", "127.0.0.1", 8000)


def test_a_path_with_its_query_and_part_is_kept():
    for path in ("/", "/docs#/locating", "/maps/coverage?lang=en&service=affairs", "/a//b"):
        assert local_path(path) == path
    assert local_path(None) == "/"


def test_the_proof_tells_nothing_of_the_session():
    assert csrf_token("one") != csrf_token("two")
    assert csrf_token("one") == csrf_token("one")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", csrf_token("one"))


@pytest.mark.slow
def test_no_other_origin_reads_the_api_unless_it_is_named(town_url: str, people: dict[str, str]):
    asked = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "GET"}
    with served(town_url) as client:
        answer = client.options("/v1/grids", headers=asked)
        assert "access-control-allow-origin" not in answer.headers
        told = client.get("/v1/grids", headers={"Origin": ELSEWHERE}).headers
        assert "access-control-allow-origin" not in told
    with served(town_url, cors_origins=f"{ELSEWHERE}, https://board.example") as client:
        answer = client.options("/v1/grids", headers=asked)
        assert answer.headers["access-control-allow-origin"] == ELSEWHERE
        assert "access-control-allow-credentials" not in answer.headers
        token = bearer(token_of(client, "desk"))
        told = client.get("/v1/grids", headers={**token, "Origin": ELSEWHERE}).headers
        assert told["access-control-allow-origin"] == ELSEWHERE
        other = client.get("/v1/grids", headers={**token, "Origin": "https://third.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("origins", ["*", "elsewhere.example", "https://a.example/path", "null"])
def test_what_is_no_origin_is_refused_at_the_start(origins: str):
    with pytest.raises(ValidationError, match="no origin"):
        Settings(cors_origins=origins)


@pytest.mark.parametrize(
    ("name", "value"),
    [("trusted_proxies", "proxy.example"), ("rate_limit", "often"), ("rate_limit", "0/minute")],
)
def test_a_setting_that_makes_no_sense_is_refused(name: str, value: str):
    with pytest.raises(ValidationError):
        Settings(**{name: value})


@pytest.mark.parametrize(
    "path", ["/login", "/healthz", "/v1/grids", "/nothing", "/static/site.css"]
)
def test_every_answer_has_the_headers_that_keep_it_in_its_place(browser: httpx.Client, path: str):
    headers = browser.get(path, headers={"Accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "strict-transport-security" not in headers
    kept = "public, max-age=3600" if path.startswith("/static") else "private, no-store"
    assert path == "/login" or headers["cache-control"] == kept


def test_the_front_page_needs_no_inline_script_or_style(browser: httpx.Client):
    page = browser.get("/?lang=en")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "Cookie" in page.headers["vary"]


def test_headers_without_end_are_refused(browser: httpx.Client):
    is_problem(browser.get("/v1/grids", headers={"X-Padding": "x" * MAX_HEADER_BYTES}), 431)


@pytest.mark.slow
def test_a_body_that_does_not_come_is_given_up(town_url: str, people: dict[str, str]):
    with served(town_url, body_timeout_s=0.3) as client:
        host, port = client.base_url.host, client.base_url.port
        with closing(HTTPConnection(host, port, timeout=60)) as peer:
            peer.putrequest("POST", "/v1/auth/token")
            peer.putheader("Content-Type", "application/json")
            peer.putheader("Content-Length", "50")
            peer.endheaders(b'{"login": ')  # and no more: the answer comes all the same
            told = peer.getresponse()
            answer = httpx.Response(told.status, headers=told.getheaders(), content=told.read())
        is_problem(answer, 408)


@pytest.mark.slow
def test_addresses_are_those_that_trusted_proxies_name(town_url: str, people: dict[str, str]):
    def noted(client: httpx.Client, forwarded: str) -> set[str]:
        chief = bearer(token_of(client, ADMIN))
        headers = {**bearer("wg_nonsense"), "X-Forwarded-For": forwarded}
        headers["X-Request-ID"] = request_id = f"proxy-{abs(hash(forwarded))}"
        is_problem(client.get("/v1/grids", headers=headers), 401)
        told = client.get("/v1/audit-log?outcome=refused", headers=chief).json()["entries"]
        return {one["address"] for one in told if one["request_id"] == request_id}

    with served(town_url) as client:
        assert noted(client, "192.0.2.1") == {"127.0.0.1"}
    with served(town_url, trusted_proxies="127.0.0.0/8, 10.0.0.0/8") as client:
        assert noted(client, "203.0.113.9, 192.0.2.2") == {"192.0.2.2"}
        assert noted(client, "203.0.113.9, 192.0.2.3, 10.1.2.3") == {"192.0.2.3"}
        assert noted(client, "192.0.2.4, nonsense") == {"127.0.0.1"}


def test_networks_and_what_an_address_counts_as():
    assert [str(one) for one in networks("10.0.0.0/8, ::1")] == ["10.0.0.0/8", "::1/128"]
    assert limited_as("2001:db8:1:2:3::4") == limited_as("2001:db8:1:2:9::1")
    assert limited_as("2001:db8:1:2:3::4") != limited_as("2001:db8:1:3:3::4")
    assert limited_as("::ffff:192.0.2.1") == "::ffff:192.0.2.1"
    assert limited_as("unknown") == "unknown"
