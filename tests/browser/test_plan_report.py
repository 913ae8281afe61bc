"""The plan report in a real browser, from disk, with no network."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from maps.assets.install import AXE
from maps.plan_report import write_plan_report
from tests.browser.conftest import Watched
from tests.maps.report_ground import HOSTILE, large, report

pytestmark = pytest.mark.browser
DESKTOP = pytest.mark.parametrize("size", [(1440, 900)], indirect=True, ids=["desktop"])
APP = "WanggeReport.app"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_plan_report(report(), path, language="en")
    return path


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("city") / "report.html"
    write_plan_report(large(), path, language="zh-CN")
    return path


def point_of(page: Page, grid: int) -> tuple[float, float]:
    """Return where on the screen a grid lies on the map."""
    x, y = page.evaluate(
        f"""() => {{
            const app = {APP}, at = app.grids.at;
            const box = app.map.getContainer().getBoundingClientRect();
            const p = app.map.latLngToContainerPoint([at[2 * {grid} + 1], at[2 * {grid}]]);
            return [box.left + p.x, box.top + p.y];
        }}"""
    )
    return float(x), float(y)


def ink(page: Page) -> int:
    """Return how many pixels of the highlight over the grids are painted."""
    return int(
        page.evaluate(
            """() => {
                const canvas = document.querySelector(".leaflet-chosen-pane canvas");
                const context = canvas.getContext("2d");
                const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
                let painted = 0;
                for (let k = 3; k < data.length; k += 4) { painted += data[k] > 0; }
                return painted;
            }"""
        )
    )


def filled(page: Page) -> None:
    """Wait until all that is unfolded has its content: it is told a moment later that it is."""
    page.wait_for_function(
        "[...document.querySelectorAll('details[open]')].every(part => part.children.length > 1)"
    )


@pytest.mark.slow
def test_a_bar_lights_its_grid_on_the_map(watched: Watched, saved: Path):
    page = watched.open(saved)
    assert ink(page) == 0
    bar = page.locator(".wr-bar[data-i='3']")
    bar.focus()
    watched.settle()
    assert ink(page) > 0
    assert "wr-focused" in (bar.get_attribute("class") or "")


@pytest.mark.slow
def test_a_grid_on_the_map_lights_its_bar_and_explains_itself(watched: Watched, saved: Path):
    page = watched.open(saved)
    page.locator("#grids").evaluate("node => node.scrollIntoView()")
    grid = page.evaluate(
        f"""() => {{
            const app = {APP}, at = app.grids.at, inner = app.map.getBounds().pad(-0.15);
            return Array.from(app.grids.state).findIndex((state, i) =>
                state !== 2 && inner.contains([at[2 * i + 1], at[2 * i]]));
        }}"""
    )
    assert grid >= 0
    page.mouse.click(*point_of(page, grid))
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    code = page.evaluate(f"{APP}.grids.codes[{grid}]")
    text = popup.inner_text()
    assert f"Grid {code}" in text
    assert "Polsby–Popper" in text
    assert "What limits it" in text
    assert "wr-selected" in (page.locator(f".wr-bar[data-i='{grid}']").get_attribute("class") or "")
    assert page.locator(".leaflet-popup-close-button").get_attribute("aria-label") == "Close"


@pytest.mark.slow
@DESKTOP
def test_the_pointer_over_the_map_lights_the_bar(watched: Watched, saved: Path):
    page = watched.open(saved)
    page.locator("#grids").evaluate("node => node.scrollIntoView()")
    x, y = point_of(page, 4)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    expect(page.locator(".wr-bar.wr-focused")).to_have_attribute("data-i", "4")


@pytest.mark.slow
def test_arrows_go_from_bar_to_bar(watched: Watched, saved: Path):
    page = watched.open(saved)
    page.locator(".wr-bar[data-i='0']").focus()
    page.keyboard.press("ArrowDown")
    focused = "document.activeElement.dataset.i"
    assert page.evaluate(focused) == "1"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "0"
    page.keyboard.press("Enter")
    page.locator(".leaflet-popup-content").wait_for()
    stops = page.locator(".wr-list").first.locator("button[tabindex='0']")
    assert stops.count() == 1


@pytest.mark.slow
def test_bars_by_households_are_in_order(watched: Watched, saved: Path):
    page = watched.open(saved)
    first = page.locator(".wr-bar").first.get_attribute("data-i")
    assert first == "0"
    page.get_by_role("button", name="By households").click()
    order = page.locator(".wr-bar").evaluate_all(
        f"bars => bars.map(bar => Number(bar.dataset.i)).filter(i => {APP}.grids.state[i] !== 2)"
        f".map(i => {APP}.grids.households[i])"
    )
    assert order == sorted(order, reverse=True)
    assert page.locator(".wr-bar").count() == page.evaluate(f"{APP}.grids.count")


def test_bars_are_as_long_as_their_households(watched: Watched, saved: Path):
    page = watched.open(saved)
    shares = page.locator(".wr-bar").evaluate_all(
        f"""bars => bars.filter(bar => bar.querySelector(".wr-fill")).map(bar => {{
            const track = bar.querySelector(".wr-track").getBoundingClientRect().width;
            const fill = bar.querySelector(".wr-fill").getBoundingClientRect().width;
            return fill / track - {APP}.grids.households[bar.dataset.i] / {APP}.data.band.longest;
        }})"""
    )
    assert len(shares) > 5
    assert max(abs(share) for share in shares) < 0.01
    off = page.evaluate(
        """() => {
            const box = document.querySelector(".wr-track").getBoundingClientRect();
            const band = WanggeReport.app.data.band;
            const tick = document.querySelector(".wr-tick-target").getBoundingClientRect();
            return tick.left + tick.width / 2 - (box.left + box.width * band.target / band.longest);
        }"""
    )
    assert abs(off) < 2, "the axis and the bars have one scale"


@pytest.mark.slow
def test_the_table_sorts_by_each_heading(watched: Watched, saved: Path):
    page = watched.open(saved)
    head = page.locator(".wr-measures thead th", has_text="Polsby–Popper")
    values = (
        "() => Array.from(document.querySelectorAll('.wr-measures tbody tr'))"
        f".map(row => {APP}.grids.polsby_popper[row.querySelector('.wr-chip').dataset.i])"
    )
    head.locator("button").click()
    rising = page.evaluate(values)
    assert rising == sorted(rising)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert page.evaluate(values) == sorted(rising, reverse=True)
    assert page.locator(".wr-measures [aria-sort]").count() == 1


@pytest.mark.slow
def test_a_number_in_the_text_brings_the_map(watched: Watched, saved: Path):
    page = watched.open(saved)
    group = page.locator("#limits .wr-group:not([open])").first.element_handle()
    group.wait_for_selector("summary").click()
    group.wait_for_selector(".wr-items .wr-chip").click()
    page.locator(".leaflet-popup-content").wait_for()
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    height = page.viewport_size["height"]
    assert box["y"] < height
    assert box["y"] + box["height"] > 0


def test_better_and_worse_are_said_in_words(watched: Watched, saved: Path):
    page = watched.open(saved)
    marks = page.locator(".wr-compare .wr-mark").all_inner_texts()
    assert marks
    assert {mark.split()[-1] for mark in marks} <= {"better", "worse", "same"}
    heads = page.locator(".wr-compare thead th").all_inner_texts()
    assert heads == ["This plan", "Compared with: 2025", "METIS alone"]


@pytest.mark.slow
def test_names_are_text(watched: Watched, tmp_path: Path):
    told = report()
    path = tmp_path / "hostile.html"
    named = replace(
        told,
        title=HOSTILE,
        plan_name=HOSTILE,
        attribution=HOSTILE,
        communities=told.communities.assign(name=HOSTILE),
        previous=replace(told.previous, name=HOSTILE),
    )
    write_plan_report(named, path, language="zh-CN")
    page = watched.open(path)
    assert page.locator("h1").inner_text() == HOSTILE
    page.evaluate(f"{APP}.select(0, true)")
    assert HOSTILE in page.locator(".leaflet-popup-content").inner_text()
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("which", ["saved", "city"])
def test_nothing_sticks_out_and_nothing_is_wrong_for_screen_readers(
    watched: Watched, request: pytest.FixtureRequest, which: str
):
    page = watched.open(request.getfixturevalue(which))
    page.evaluate("document.querySelectorAll('details').forEach((d, i) => { d.open = i < 40; })")
    page.evaluate(f"{APP}.select(0, true)")
    watched.settle()
    filled(page)
    watched.faded()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    wrong = [(item["id"], item["nodes"][0]["target"]) for item in found["violations"]]
    assert wrong == []


@pytest.mark.slow
@DESKTOP
def test_chinese_labels(watched: Watched, tmp_path: Path):
    path = tmp_path / "zh.html"
    write_plan_report(report(), path, language="zh-CN")
    page = watched.open(path)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(f"{APP}.select(0, true)")
    filled(page)
    text = page.locator("body").inner_text()
    for words in ("每个网格的户数", "限制因素", "仅用 METIS", "紧凑度"):
        assert words in text
    assert "households" not in text
    assert "grid" not in text.lower()


@pytest.mark.slow
@DESKTOP
def test_on_paper_everything_is_unfolded_and_controls_are_gone(watched: Watched, saved: Path):
    page = watched.open(saved)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator(".wr-orders").is_visible()
    assert not page.locator(".leaflet-control-zoom").is_visible()
    folded = page.locator(".wr-group .wr-items")
    assert folded.count() == page.locator(".wr-group").count()
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".wr-orders").is_visible()


@pytest.mark.slow
def test_a_city_is_folded_by_community_and_opens(watched: Watched, city: Path):
    page = watched.open(city)
    assert page.locator(".wr-community").count() == 64
    assert page.locator(".wr-bar").count() == 0
    assert page.locator(".wr-strip").count() == 64
    page.evaluate(f"{APP}.select(2000, true)")
    watched.settle()
    bar = page.locator(".wr-bar[data-i='2000']")
    assert "wr-selected" in (bar.get_attribute("class") or "")
    assert page.locator(".wr-bar").count() == 40
    page.locator("#table summary").click()
    rows = page.locator(".wr-measures tbody tr")
    rows.first.wait_for()  # the table is made after a click, once it is told that it is open
    assert rows.count() == 2560
