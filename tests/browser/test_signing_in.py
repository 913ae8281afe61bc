"""Signing in and out in a real browser: both languages, desk and phone, by keyboard and by docs."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from gis.access import Role
from tests.api.people import add_people, served
from tests.browser.conftest import PATIENCE_MS
from tests.people import EVERYWHERE, PASSWORD, role_in

pytestmark = [pytest.mark.browser, pytest.mark.db]


@pytest.fixture(scope="module")
def base(town_url: str) -> Iterator[str]:
    add_people(
        town_url,
        planner=role_in(Role.PLANNER, EVERYWHERE),
        reader=role_in(Role.VIEWER, EVERYWHERE),
    )
    with served(town_url, rate_limit_sign_in="1000/minute") as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def page(chromium: Browser, size: tuple[int, int], base: str) -> Iterator[Page]:
    """A page of a fresh browser, which fails the test if it asks another host or complains."""
    width, height = size
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console", lambda m: m.type == "error" and not _refusal(m.text) and wrong.append(m.text)
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith((base, "data:", "blob:")) or wrong.append(f"asked {r.url}"),
    )
    yield page
    context.close()
    assert not wrong


def _refusal(text: str) -> bool:
    """Return whether Chromium tells of an answer that a test provokes."""
    return "401 (Unauthorized)" in text or "403 (Forbidden)" in text


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(
    ("language", "button", "out", "told"),
    [
        ("zh-CN", "登录", "退出登录", "不正确"),
        ("en", "Sign in", "Sign out", "is not right"),
    ],
)
def test_one_signs_in_is_told_of_a_mistake_and_signs_out(
    page: Page, base: str, language: str, button: str, out: str, told: str
):
    page.goto(f"{base}/?lang={language}")
    assert page.url.startswith(f"{base}/login?next=")
    page.goto(f"{base}/login?lang={language}&next=/%3Flang%3D{language}")
    assert page.locator("html").get_attribute("lang") == language
    assert fits(page)
    assert page.evaluate("document.activeElement.id") == "login"
    page.keyboard.type("planner")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    assert told in alert.inner_text()
    assert fits(page)
    assert page.get_by_role("textbox").first.input_value() == "planner"
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name=button).click()
    page.wait_for_url(f"{base}/?lang={language}")
    assert page.locator(".account strong").inner_text() == "planner"
    assert fits(page)
    page.get_by_role("button", name=out).click()
    page.wait_for_url(f"{base}/login?lang={language}")
    page.go_back()
    assert page.locator(".account strong").count() == 0  # nothing is kept to go back to


@pytest.mark.slow
def test_a_link_leads_through_signing_in_to_where_it_meant(page: Page, base: str):
    page.goto(f"{base}/maps/coverage?lang=en&service=affairs")
    page.locator("#login").fill("planner")
    page.locator("#password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"{base}/maps/coverage?lang=en&service=affairs")
    page.wait_for_selector("html[data-ready=true]", state="attached")


@pytest.mark.slow
def test_a_viewer_is_led_to_no_map_of_buildings(page: Page, base: str):
    page.goto(f"{base}/login?lang=en")
    page.locator("#login").fill("reader")
    page.locator("#password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"{base}/")
    hrefs = [one.get_attribute("href") or "" for one in page.locator("a.way").all()]
    assert hrefs
    assert not any("/maps/" in one for one in hrefs)
    assert fits(page)


@pytest.mark.slow
def test_the_description_sends_the_proof_with_a_change(page: Page, base: str):
    page.goto(f"{base}/login?lang=en&next=/docs")
    page.locator("#login").fill("planner")
    page.locator("#password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.wait_for_selector(".opblock")
    told = page.evaluate(
        """async () => {
            const ask = {method: "POST", url: "/v1/plans", headers: {}};
            const sent = await withProof(ask);
            const answer = await fetch(sent.url, {
                method: "POST",
                body: JSON.stringify({name: `Draft ${Date.now()}`}),
                headers: {...sent.headers, "Content-Type": "application/json"},
            });
            const bare = await fetch("/v1/auth/sessions", {method: "DELETE"});
            return JSON.stringify([answer.status, bare.status]);
        }"""
    )
    assert json.loads(told) == [201, 403]
