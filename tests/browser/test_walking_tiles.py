"""The served walking map drawn from vector tiles: it says and shows what the packed one does."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import serving
from tests.browser.conftest import PATIENCE_MS
from tests.streets import add_streets

pytestmark = [pytest.mark.browser, pytest.mark.db]
PAGE = "/maps/walking?lang=en&service=affairs&week=2026-06-03"
#: Every building that is found at its own middle.
FOUND = """() => {
    const houses = Wangge.app.houses, found = [];
    for (let i = 0; i < Wangge.app.data.buildings.count; i += 1) {
        if (houses.at(houses.center(i)).includes(i)) found.push(i);
    }
    return found;
}"""
#: How many pixels of the canvas of buildings have a colour.
INKED = """() => {
    const canvas = Wangge.app.houses._container;
    const data = canvas.getContext("2d", { willReadFrequently: true })
        .getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let k = 3; k < data.length; k += 4) n += data[k] > 200;
    return n;
}"""


#: Where on the screen the middle of a building is that nothing else lies on.
FREE = """() => {
    const app = Wangge.app, ground = app.map.getContainer();
    const others = ".leaflet-control, .leaflet-marker-icon, .wg-panel, .wg-time";
    const box = ground.getBoundingClientRect();
    for (let i = 0; i < app.data.buildings.count; i += 1) {
        const p = app.map.latLngToContainerPoint(app.houses.center(i));
        const at = { x: p.x + box.left, y: p.y + box.top };
        const top = document.elementFromPoint(at.x, at.y);
        if (top && ground.contains(top) && !top.closest(others)) return at;
    }
}"""


#: Asks two frames later, and notes whether the page has ceased to say that something is amiss.
SLOWLY = """() => {
    const ask = window.fetch;
    window.silent = [];
    window.fetch = (...what) => new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(() => {
            window.silent.push(document.querySelector(".wg-amiss").hidden);
            done(ask(...what));
        }));
    });
}"""


@pytest.fixture(scope="module")
def base(town_url: str) -> Iterator[str]:
    engine = create_engine(town_url)
    with Session(engine) as session:
        add_streets(session, Scope.local_owner())
        session.commit()
    engine.dispose()
    with serving(Settings(database_url=town_url, pool_size=4)) as client:
        yield str(client.base_url).rstrip("/")


def complains(message: ConsoleMessage) -> bool:
    """Return whether a message is an error; of a 503, which a test makes, browsers tell as well."""
    return message.type == "error" and "503" not in message.text


@dataclass
class Seen:
    """A page, which tiles it asked for, and what went wrong."""

    page: Page
    tiles: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready=true]", state="attached")
        return self.page

    def look(self, zoom: float) -> None:
        """Look at the middle of the town and wait until every tile is here and drawn."""
        self.page.evaluate(
            "zoom => Wangge.app.map.setView([31.878, 117.305], zoom, { animate: false })", zoom
        )
        self.rest()

    def rest(self) -> None:
        frames = "() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))"
        self.page.evaluate(frames)
        self.page.wait_for_function("() => Wangge.app.houses.loading() === 0")
        self.page.evaluate(frames)


@pytest.fixture
def seen(chromium: Browser, size: tuple[int, int], base: str) -> Iterator[Seen]:
    width, height = size
    page = chromium.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MS)
    seen = Seen(page)
    page.on("console", lambda m: complains(m) and seen.wrong.append(m.text))
    page.on("pageerror", lambda error: seen.wrong.append(str(error)))
    page.on("request", lambda r: "/v1/tiles/" in r.url and seen.tiles.append(r.url))
    page.on(
        "request",
        lambda r: r.url.startswith((base, "data:", "blob:")) or seen.wrong.append(f"asked {r.url}"),
    )
    yield seen
    page.close()
    assert not seen.wrong


def told(page: Page) -> list[str]:
    """Return what the page says of every building, under the pointer and when it is clicked."""
    return page.evaluate(
        """() => Array.from({ length: Wangge.app.data.buildings.count }, (_, i) =>
            Wangge.app.hoverText(i).textContent + Wangge.app.buildingPopup(i).textContent)"""
    )


@pytest.mark.slow
def test_outlines_come_as_tiles_and_say_the_same(seen: Seen, base: str):
    page = seen.open(f"{base}{PAGE}&buildings=packed")
    page.evaluate("Wangge.app.map.setView([31.878, 117.305], 16, { animate: false })")
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")
    everything, packed, ink = page.evaluate(FOUND), told(page), page.evaluate(INKED)
    assert not seen.tiles
    page = seen.open(f"{base}{PAGE}&buildings=tiles")
    seen.look(16)
    assert seen.tiles
    here = page.evaluate(FOUND)
    inside = page.evaluate(
        """all => all.filter(i => Wangge.app.map.getBounds().contains(
            Wangge.app.houses.center(i)))""",
        everything,
    )
    assert set(inside) <= set(here) <= set(everything)
    assert len(inside) > 3
    assert told(page) == packed
    assert abs(page.evaluate(INKED) / ink - 1) < 0.05, "drawn alike"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.slow
def test_an_hour_needs_no_new_tile(seen: Seen, base: str):
    page = seen.open(f"{base}{PAGE}&buildings=tiles")
    seen.look(16)
    before, asked = page.locator(".wg-line").inner_text(), len(seen.tiles)
    state = "() => Wangge.app.data.buildings.use.length && Wangge.app.houseState(0)"
    assert page.evaluate(state) == 1
    page.evaluate("Wangge.app.go_to(3)")
    seen.rest()
    assert page.evaluate(state) == 2, "nobody serves on Monday at three in the morning"
    assert page.locator(".wg-line").inner_text() != before
    assert len(seen.tiles) == asked


@pytest.mark.slow
def test_from_afar_dots_stand_for_buildings(seen: Seen, base: str):
    page = seen.open(f"{base}{PAGE}&buildings=tiles")
    seen.look(16)
    asked = len(seen.tiles)
    seen.look(12)
    assert len(seen.tiles) == asked
    assert page.evaluate(INKED) > 0


@pytest.mark.slow
def test_a_click_shows_the_verdict_and_the_way(seen: Seen, base: str):
    page = seen.open(f"{base}{PAGE}&buildings=tiles")
    seen.look(16)
    at = page.evaluate(FREE)
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector(".leaflet-popup-content")
    assert "On foot" in page.locator(".leaflet-popup-content").inner_text()
    assert page.locator(".leaflet-path-pane path").count() == 4


@pytest.mark.slow
def test_without_its_server_the_page_says_so(seen: Seen, base: str):
    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="")

    seen.page.route("**/v1/tiles/**", refuse)
    page = seen.open(f"{base}{PAGE}&buildings=tiles")
    seen.look(15)
    expect(page.locator(".wg-amiss")).to_contain_text("Outlines of buildings cannot")
    assert page.evaluate(INKED) > 0, "dots stand for them"
    assert not page.evaluate(FOUND)
    page.evaluate(SLOWLY)
    page.unroute("**/v1/tiles/**")
    # They are asked for again by themselves.
    page.locator(".wg-amiss").wait_for(state="hidden")
    assert page.evaluate(FOUND)
    silent = page.evaluate("window.silent")
    assert silent
    assert not any(silent), "while they are on their way, they are still missing"
