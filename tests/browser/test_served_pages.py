"""The pages that the API serves, in a real browser: they draw, and ask nobody else."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from gis.settings import Settings
from tests.api.serving import serving
from tests.browser.conftest import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.db]


@pytest.fixture(scope="module")
def base(town_url: str) -> Iterator[str]:
    with serving(Settings(database_url=town_url, pool_size=4)) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def page(chromium: Browser, size: tuple[int, int], base: str) -> Iterator[Page]:
    """A page that fails the test if it asks another host or complains."""
    width, height = size
    page = chromium.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE_MS)
    wrong: list[str] = []
    page.on("console", lambda m: m.type == "error" and wrong.append(m.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith((base, "data:", "blob:")) or wrong.append(f"asked {r.url}"),
    )
    page.on("response", lambda r: r.status >= 400 and wrong.append(f"{r.status} {r.url}"))
    yield page
    page.close()
    assert not wrong


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.slow
def test_the_front_page_leads_each_user(page: Page, base: str, language: str):
    page.goto(f"{base}/?lang={language}")
    assert page.locator("html").get_attribute("lang") == language
    ways = page.locator("a.way")
    assert ways.count() == 4
    assert fits(page)
    for i in range(ways.count()):
        href = ways.nth(i).get_attribute("href")
        assert page.request.get(f"{base}{href}").ok


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_coverage_map_draws_under_its_own_policy(page: Page, base: str, language: str):
    page.goto(f"{base}/maps/coverage?lang={language}")
    page.wait_for_selector("html[data-ready=true]", state="attached")
    assert page.locator(".leaflet-grids-pane path").count() >= 4
    assert "%" in page.locator(".wg-summary").inner_text()
    assert fits(page)


@pytest.mark.slow
def test_a_planner_lands_on_the_deviation(page: Page, base: str):
    page.goto(f"{base}/maps/coverage?lang=en#deviation")
    page.wait_for_selector("html[data-ready=true]", state="attached")
    assert page.locator("text=Households above or below the target of 400").count() >= 1


@pytest.mark.slow
def test_the_description_of_the_api_needs_no_other_host(page: Page, base: str):
    page.goto(f"{base}/docs")
    page.locator(".opblock").nth(14).wait_for()
