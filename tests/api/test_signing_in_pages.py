"""Signing in and out on the pages: the form, the cookie, what follows, and who it says one is."""

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from gis.access import Role
from gis.services import signing_in
from tests.api.people import ADMIN, add_people, of_browser, served, sign_in, storing
from tests.api.serving import is_problem
from tests.people import EVERYWHERE, PASSWORD, add_person, role_in

pytestmark = pytest.mark.api

AS_A_BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def people(town_url: str) -> dict[str, str]:
    return add_people(town_url, reader=role_in(Role.VIEWER, EVERYWHERE))


@pytest.fixture(scope="module")
def served_at(town_url: str, people: dict[str, str]) -> Iterator[str]:
    with served(town_url, rate_limit_sign_in="1000/minute") as client:
        yield str(client.base_url)


@pytest.fixture
def browser(served_at: str) -> Iterator[httpx.Client]:
    """A client with its own cookies, as a browser has."""
    with httpx.Client(base_url=served_at, timeout=60, trust_env=False) as client:
        yield client


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page
    return found[1]


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "登录"), ("en", "Sign in")])
def test_the_form_speaks_the_readers_language_and_has_no_script(
    browser: httpx.Client, language: str, word: str
):
    page = browser.get(f"/login?lang={language}&next=/docs")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert f"{word}</h1>" in page.text
    assert 'name="next" value="/docs"' in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert page.headers["cache-control"] == "private, no-store"


def test_signing_in_shows_who_one_is_and_signing_out_ends_it(browser: httpx.Client):
    answer = sign_in(browser, "reader", next="/?lang=en")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?lang=en")
    page = browser.get("/?lang=en")
    assert "<strong>reader</strong>" in page.text
    me = browser.get("/v1/auth/me").json()
    assert (me["login"], me["by"], me["roles"]) == ("reader", "session", ["viewer"])
    assert me["csrf_token"] == csrf(page.text)
    token = browser.cookies["wangge_session"]
    out = browser.post(
        "/logout",
        data={"csrf_token": csrf(page.text), "lang": "en"},
        headers=of_browser(browser),
    )
    assert (out.status_code, out.headers["location"]) == (303, "/login?lang=en")
    assert "wangge_session" not in browser.cookies
    is_problem(browser.get("/v1/grids", headers={"Cookie": f"wangge_session={token}"}), 401)


def test_the_cookie_is_for_this_server_alone_and_no_script_reads_it(browser: httpx.Client):
    cookie = sign_in(browser, "reader").headers["set-cookie"]
    parts = {one.strip().lower() for one in cookie.split(";")[1:]}
    assert {"httponly", "path=/", "samesite=lax"} <= parts
    assert not any(one.startswith("domain") for one in parts)
    assert "secure" not in parts  # plain HTTP: a browser would not keep it


@pytest.mark.slow
def test_by_https_the_cookie_is_secure_and_bound_to_the_host(town_url: str, people: dict[str, str]):
    with served(town_url, https=True) as client:
        answer = sign_in(client, "reader")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-wangge=")
        parts = {one.strip().lower() for one in cookie.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= parts
        assert "max-age=31536000" in answer.headers["strict-transport-security"]
        token = cookie.split(";")[0]
        assert client.get("/v1/grids", headers={"Cookie": token}).status_code == 200
        plain = token.replace("__Host-wangge", "wangge_session")
        is_problem(client.get("/v1/grids", headers={"Cookie": plain}), 401)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("reader", "wrong, all of it"),
        ("nobody-at-all", PASSWORD),
        ("reader", ""),
        ("", ""),
        ("READER\x00", PASSWORD),
        ("读者", PASSWORD),
        ("reader", "x" * 5000),
    ],
)
def test_whatever_is_wrong_the_page_says_the_same(browser: httpx.Client, login: str, password: str):
    answer = sign_in(browser, login, password)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert "too many tries. After several wrong ones" in answer.text
    assert password not in answer.text or not password


def test_what_was_typed_comes_back_escaped(browser: httpx.Client):
    answer = sign_in(browser, '"><script>alert(1)</script>', "some password")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_session_that_a_stranger_planted_is_worth_nothing_after_signing_in(
    browser: httpx.Client, served_at: str
):
    """Fixation: the browser's session before signing in is neither kept nor left open."""
    with httpx.Client(base_url=served_at, trust_env=False, timeout=60) as stranger:
        sign_in(stranger, ADMIN)
        planted = stranger.cookies["wangge_session"]
        browser.cookies.set("wangge_session", planted, domain="127.0.0.1", path="/")
        token = sign_in(browser, "reader").cookies["wangge_session"]
        assert token != planted
        is_problem(stranger.get("/v1/grids"), 401)
    made_up = {"Cookie": "wangge_session=chosen-by-somebody"}
    again = sign_in(browser, "reader").cookies["wangge_session"]
    assert again not in {token, planted}
    is_problem(httpx.get(f"{served_at}/v1/grids", headers=made_up, trust_env=False), 401)


def test_who_is_signed_in_is_led_on(browser: httpx.Client):
    sign_in(browser, "reader")
    answer = browser.get("/login?next=/docs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")


def test_every_session_ends_at_once_by_ones_own_wish(browser: httpx.Client, served_at: str):
    sign_in(browser, "reader")
    with httpx.Client(base_url=served_at, trust_env=False, timeout=60) as elsewhere:
        sign_in(elsewhere, "reader")
        proof = {"X-CSRF-Token": browser.get("/v1/auth/me").json()["csrf_token"]}
        ended = browser.delete("/v1/auth/sessions", headers=proof)
        assert ended.json()["ended"] >= 2
        for one in (browser, elsewhere):
            is_problem(one.get("/v1/grids"), 401)


@pytest.mark.slow
def test_another_password_ends_the_other_sessions(
    browser: httpx.Client, served_at: str, town_url: str
):
    sign_in(browser, "reader")
    with httpx.Client(base_url=served_at, trust_env=False, timeout=60) as elsewhere:
        sign_in(elsewhere, "reader")
        proof = {"X-CSRF-Token": browser.get("/v1/auth/me").json()["csrf_token"]}
        new = "quite another four words"
        wrong = {"old": "not the old one", "new": new}
        body = is_problem(browser.put("/v1/auth/password", json=wrong, headers=proof), 422)
        assert body["field"] == "old"
        weak = {"old": PASSWORD, "new": "password1234"}
        is_problem(browser.put("/v1/auth/password", json=weak, headers=proof), 422)
        sent = {"old": PASSWORD, "new": new}
        assert browser.put("/v1/auth/password", json=sent, headers=proof).status_code == 204
        assert browser.get("/v1/grids").status_code == 200
        is_problem(elsewhere.get("/v1/grids"), 401)
        back = {"old": new, "new": PASSWORD}
        assert browser.put("/v1/auth/password", json=back, headers=proof).status_code == 204


@pytest.mark.slow
def test_an_account_waits_after_wrong_passwords_even_for_the_right_one(
    browser: httpx.Client, town_url: str
):
    user = add_one(town_url, "clumsy")
    with storing(town_url) as session:  # the next wait is minutes: longer than any test
        many = text("UPDATE users SET failed_attempts = :many WHERE id = :user")
        session.execute(many, {"many": signing_in.FREE_TRIES + 7, "user": user})
    assert sign_in(browser, "clumsy", "wrong again and again").status_code == 401
    assert sign_in(browser, "clumsy").status_code == 401
    assert sign_in(browser, "reader").status_code == 303  # the others do not wait


def test_who_may_do_nothing_yet_can_sign_in_as_somebody_else(browser: httpx.Client, town_url: str):
    add_one(town_url, "newcomer")
    assert sign_in(browser, "newcomer").status_code == 303
    refused = browser.get("/?lang=en", headers=AS_A_BROWSER)
    assert refused.status_code == 403
    assert "<strong>newcomer</strong>" in refused.text
    assert csrf(refused.text)  # the way out
    assert browser.get("/login?lang=en").status_code == 200
    assert sign_in(browser, "reader").status_code == 303
    assert browser.get("/v1/auth/me").json()["login"] == "reader"


def test_before_there_is_an_admin_the_page_says_how_to_make_one(fresh: httpx.Client):
    page = fresh.get("/login?lang=en").text
    assert "wangge user add NAME --role admin" in page
    front = fresh.get("/?lang=en").text
    assert "Sign out" not in front
    assert fresh.get("/v1/auth/me").json()["login"] is None


def add_one(url: str, login: str) -> str:
    with storing(url) as session:
        return add_person(session, login, password=PASSWORD)


@pytest.mark.parametrize(
    ("language", "said", "out"),
    [("zh-CN", "你无权查看此页", "退出登录"), ("en", "You may not see this", "Sign out")],
)
def test_a_page_that_one_may_not_see_says_so_in_words(
    browser: httpx.Client, language: str, said: str, out: str
):
    sign_in(browser, "reader")
    asked = {"lang": language, "service": "health"}
    page = browser.get("/maps/walking", params=asked, headers=AS_A_BROWSER)
    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")
    assert f'<html lang="{language}">' in page.text
    assert f"<h1>{said}</h1>" in page.text
    assert "<strong>reader</strong>" in page.text
    assert f"{out}</button>" in page.text
    assert page.headers["x-request-id"] in page.text
    assert 'href="?service=health&amp;lang=en"' in page.text
    assert page.headers["cache-control"] == "private, no-store"
    assert "unsafe" not in page.headers["content-security-policy"]
    is_problem(browser.get("/maps/walking", params=asked), 403)


def test_problems_of_pages_are_pages_and_those_of_the_api_are_documents(browser: httpx.Client):
    sign_in(browser, "reader")
    lost = browser.get("/nowhere?lang=en", headers=AS_A_BROWSER)
    assert lost.status_code == 404
    assert "<h1>There is nothing here</h1>" in lost.text
    unread = browser.get("/?lang=fr", headers=AS_A_BROWSER | {"Accept-Language": "en"})
    assert unread.status_code == 422
    assert "<h1>This cannot be shown so</h1>" in unread.text
    is_problem(browser.get("/v1/nowhere", headers=AS_A_BROWSER), 404)
    is_problem(browser.get("/v1/buildings", headers=AS_A_BROWSER), 403)
    is_problem(browser.post("/nowhere", headers=AS_A_BROWSER | of_browser(browser)), 404)


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/<script>alert(1)</script>", "/x?a=%22%3E%3Cscript%3E&lang=xx"]
)
def test_an_address_that_another_wrote_leads_nowhere(browser: httpx.Client, path: str):
    page = browser.get(f"{browser.base_url}".rstrip("/") + path, headers=AS_A_BROWSER)
    assert page.status_code == 404
    assert "<script" not in page.text
    links = re.findall(r'(?:href|action)="([^"]*)"', page.text)
    assert links
    assert all(re.match(r"/(?!/)|\?", one) for one in links)
