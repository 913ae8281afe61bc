"""The coverage map in a real browser, from disk, with no network."""

import dataclasses
import re
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gis.i18n import Language
from maps.assets.install import AXE
from maps.coverage import coverage_map, save_offline
from maps.coverage_data import CoverageMapData
from tests.browser.conftest import Watched
from tests.maps.builder import HOSTILE, make_town

pytestmark = pytest.mark.browser

#: The things that must never lie on each other.
CONTROLS = ".wg-head, .wg-panel, .leaflet-control"
VISIBLE_BOXES = """selector => [...document.querySelectorAll(selector)].map(node => {
    const box = node.getBoundingClientRect();
    return {name: node.className, left: box.left, top: box.top, right: box.right,
            bottom: box.bottom, shown: getComputedStyle(node).visibility === "visible"};
}).filter(box => box.shown && box.right - box.left > 1 && box.bottom - box.top > 1)"""
#: How many pixels of a canvas pane have a colour, within a small tolerance.
PIXELS = """([pane, red, green, blue]) => {
    const canvas = document.querySelector(`.leaflet-${pane}-pane canvas`);
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 250 && Math.abs(data[i] - red) < 4 &&
            Math.abs(data[i + 1] - green) < 4 && Math.abs(data[i + 2] - blue) < 4) { count += 1; }
    }
    return count;
}"""
UNCOVERED = ["buildings", 0xD5, 0x5E, 0x00]
COVERED = ["buildings", 0x66, 0x72, 0x7F]


@pytest.fixture(scope="module")
def town() -> CoverageMapData:
    return make_town()


@pytest.fixture(scope="module")
def saved(town: CoverageMapData, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("maps")

    def save(language: Language = "en", data: CoverageMapData | None = None) -> Path:
        path = folder / f"{language}-{'own' if data else 'town'}.html"
        if data is not None or not path.exists():
            save_offline(coverage_map(data or town, language=language), path)
        return path

    return save


def show_panel(page: Page) -> None:
    """Open the sheet on a phone; on a desktop the panel is always there."""
    toggle = page.locator(".wg-toggle")
    if toggle.is_visible() and toggle.get_attribute("aria-expanded") == "false":
        toggle.click()


def choose(page: Page, group: str, value: str) -> None:
    page.locator(f"input[name={group}][value='{value}']").check(force=True)


def quickest(page: Page, timed: str) -> float:
    """Return the least of five times in ms: other programs make some longer, none shorter."""
    return min(float(page.evaluate(timed)) for _ in range(5))


def grid_fills(page: Page) -> list[str]:
    return [
        str(path.get_attribute("fill")) for path in page.locator(".leaflet-grids-pane path").all()
    ]


def expected_line(town: CoverageMapData, scenario: int, radius: int) -> str:
    metres = town.distances[town.scenarios[scenario].key].loc[list(town.buildings["id"])]
    households = town.buildings["households"]
    out = int(households[~(metres.round().to_numpy() <= radius)].sum())
    return f"Out of reach: {out:,} of {int(households.sum()):,} households"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_opens_on_its_scope_and_fits_the_window(
    watched: Watched, saved: Callable[..., Path], size: tuple[int, int], language: Language
):
    page = watched.open(saved(language))
    assert page.title() == "明光路街道"
    assert page.locator("h1").inner_text() == "明光路街道"
    assert page.locator(".wg-badge").is_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0], "nothing overflows sideways"
    inside = page.evaluate(
        """() => { const {map, data} = Wangge.app; return map.getBounds().contains(data.bounds)
               && map.getBoundsZoom(data.bounds, false, L.point(32, 32)) - map.getZoom() < 1; }"""
    )
    assert inside, "the scope fills the map"
    text = page.locator("body").inner_text()
    assert not re.search(r"undefined|NaN|\[object|\{\w+\}", text)


def test_controls_do_not_lie_on_each_other(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    for opened in (False, True):
        if opened:
            show_panel(page)
        boxes = page.evaluate(VISIBLE_BOXES, CONTROLS)
        if not opened:
            assert len(boxes) == 7, "title, panel, layers, measure, zoom, scale, attribution"
        for one, other in combinations(boxes, 2):
            across = min(one["right"], other["right"]) - max(one["left"], other["left"])
            down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            assert across <= 0.5 or down <= 0.5, (one["name"], other["name"])


@pytest.mark.slow
def test_controls_are_large_enough_to_touch(
    watched: Watched, saved: Callable[..., Path], size: tuple[int, int]
):
    page = watched.open(saved())
    show_panel(page)
    least = 44 if size[0] < 500 else 24
    for selector in (".wg-segments label", "select", "#wg-search", ".leaflet-bar a"):
        for box in page.evaluate(VISIBLE_BOXES, selector):
            assert box["bottom"] - box["top"] >= least - 0.5, selector
    for box in page.evaluate(VISIBLE_BOXES, ".leaflet-marker-icon"):
        assert min(box["right"] - box["left"], box["bottom"] - box["top"]) >= 24


@pytest.mark.slow
def test_the_choice_changes_summary_and_colours(
    watched: Watched, saved: Callable[..., Path], town: CoverageMapData
):
    page = watched.open(saved())
    summary = page.locator(".wg-line")
    assert summary.inner_text().startswith(expected_line(town, 0, 500))
    before, covered = page.evaluate(PIXELS, UNCOVERED), page.evaluate(PIXELS, COVERED)
    assert before > 0
    assert covered > before
    show_panel(page)

    choose(page, "wg-radius", "0")
    watched.settle()
    assert summary.inner_text().startswith(expected_line(town, 0, 300))
    nearer = page.evaluate(PIXELS, UNCOVERED)
    assert nearer > before * 1.2, "a smaller radius leaves more buildings out of reach"

    choose(page, "wg-radius", "1")
    page.select_option("#wg-moment", label="Wednesday 22:00")
    watched.settle()
    assert summary.inner_text().startswith(expected_line(town, 1, 500))
    assert page.locator(".leaflet-marker-icon.wg-idle").count() == 6

    page.select_option("#wg-service", label="Canteen")
    watched.settle()
    assert summary.inner_text().startswith(expected_line(town, 3, 500))
    assert "(100%)" in summary.inner_text()
    assert page.evaluate(PIXELS, COVERED) == 0
    assert page.evaluate("document.activeElement.id") == "wg-service", "the focus stays"


@pytest.mark.slow
def test_grids_are_coloured_by_what_is_chosen_and_the_legend_follows(
    watched: Watched, saved: Callable[..., Path]
):
    page = watched.open(saved())
    show_panel(page)
    fills = {}
    for metric in ("coverage", "households", "deviation"):
        choose(page, "wg-metric", metric)
        fills[metric] = grid_fills(page)
        classes = page.evaluate(f"Wangge.app.data.classes.{metric}.colours")
        basic = [fill for fill in fills[metric] if not fill.startswith("url(")]
        assert set(basic) <= set(classes)
        assert fills[metric].count("url(#wg-hatch-dedicated)") == 1
        swatches = page.locator(".wg-legend").first.locator(".wg-area")
        shown = [swatch.get_attribute("style") for swatch in swatches.all()]
        assert shown == [f"--c:{colour}" for colour in classes]
    assert fills["coverage"] != fills["households"] != fills["deviation"]
    choose(page, "wg-metric", "none")
    assert page.locator(".wg-legend .wg-area").count() == 0


@pytest.mark.slow
def test_layers_can_be_switched(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    page.locator(".leaflet-control-layers").hover()
    boxes = page.locator(".leaflet-control-layers-overlays label")
    names = [text.strip() for text in boxes.all_inner_texts()]
    assert names == [
        "Base drawing",
        "Grids",
        "Buildings",
        "Areas out of reach",
        "Incident density",
        "Community lines",
        "Stations",
        "Numbers and names",
    ]
    assert page.locator(".leaflet-density-pane path").count() == 0
    boxes.filter(has_text="Incident density").locator("input").check()
    expect(page.locator(".leaflet-density-pane path")).to_have_count(3)
    boxes.filter(has_text="Stations").locator("input").uncheck()
    expect(page.locator(".wg-station.leaflet-marker-icon")).to_have_count(0)
    boxes.filter(has_text="Buildings").locator("input").uncheck()
    expect(page.locator(".leaflet-buildings-pane canvas")).to_have_count(0)
    boxes.filter(has_text="Buildings").locator("input").check()
    watched.settle()
    assert page.evaluate(PIXELS, COVERED) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "heading"),
    [
        ("340102001002006", "Grid 340102001002006"),
        ("第2服务站", "第2服务站"),
        ("纺织", "纺织新村"),
        ("37号楼", "37号楼"),
        ("河东", "河东社区"),
    ],
)
def test_search_finds(watched: Watched, saved: Callable[..., Path], typed: str, heading: str):
    page = watched.open(saved())
    show_panel(page)
    field = page.locator("#wg-search")
    field.fill(typed)
    assert page.locator("#wg-results li").count() >= 1
    field.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == "wg-result-0"
    field.press("Enter")
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert popup.locator("h2").first.inner_text() == heading
    # The map glides until the pop-up fits.
    box, frame = watched.at_rest(popup), page.locator(".folium-map").bounding_box()
    assert box["x"] >= frame["x"]
    assert box["y"] >= frame["y"] - 1, "the pop-up is on the map, not behind the title"
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert not re.search(r"undefined|NaN|null|\{\w+\}", popup.inner_text())


@pytest.mark.slow
def test_search_says_when_it_finds_nothing(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    show_panel(page)
    page.locator("#wg-search").fill("no such place")
    assert page.locator("#wg-results").inner_text() == "Nothing found"
    page.locator("#wg-search").press("Enter")
    assert page.locator(".leaflet-popup").count() == 0
    page.locator("#wg-search").press("Escape")
    assert page.locator("#wg-results").is_hidden()


@pytest.mark.slow
def test_a_click_tells_about_the_building_and_its_grid(
    watched: Watched, saved: Callable[..., Path], town: CoverageMapData
):
    page = watched.open(saved())
    row = town.buildings.index[
        (town.buildings["households"] > 3) & town.buildings["low_income_households"].between(1, 2)
    ][40]
    building = town.buildings.loc[row]
    middle = building.geometry.centroid
    page.evaluate(
        "([lat, lon]) => Wangge.app.map.setView([lat, lon], 18, {animate: false})",
        [middle.y, middle.x],
    )
    spot = page.locator(".folium-map").bounding_box()
    page.mouse.click(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    text = popup.inner_text()
    assert building["name"] in text
    assert f"Households\n{building['households']}" in text
    assert "Low-income households\nwithheld" in text, "a small count is not told"
    grid = town.grids.loc[town.grids["id"] == building["grid_id"], "code"].iloc[0]
    assert f"Grid {grid}" in text
    assert " m" in text


@pytest.mark.slow
def test_a_station_tells_its_hours_and_what_it_is(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved("zh-CN"))
    page.evaluate("Wangge.app.markers[1].openPopup()")
    text = page.locator(".leaflet-popup-content").inner_text()
    assert "周一–周五 08:00–20:00; 周六–周日 09:00–21:00" in text
    assert "每日可服务 60 人" in text
    page.evaluate("Wangge.app.markers[5].openPopup()")
    assert "规划中 · 2027年1月5日启用" in page.locator(".wg-status").last.inner_text()
    page.evaluate("Wangge.app.markers[6].openPopup()")
    assert "已关闭 · 已于2025年12月31日关闭" in page.locator(".wg-status").last.inner_text()


def test_markers_can_be_reached_and_opened_by_keyboard(
    watched: Watched, saved: Callable[..., Path]
):
    page = watched.open(saved())
    marker = page.locator(".wg-station.leaflet-marker-icon").first
    assert marker.get_attribute("tabindex") == "0"
    assert marker.get_attribute("aria-label")
    marker.focus()
    marker.press("Enter")
    expect(page.locator(".leaflet-popup-content h2")).to_have_count(1)
    assert page.locator(".leaflet-popup-close-button").get_attribute("aria-label") == "Close"


@pytest.mark.slow
def test_the_measure_tool_works_in_chinese(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved("zh-CN"))
    page.locator(".leaflet-control-measure").hover()
    page.locator(".js-start").click()
    frame = page.locator(".folium-map").bounding_box()
    across, down = frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.5
    before = page.evaluate("Wangge.app.map.getCenter()")
    page.mouse.click(across, down)
    page.mouse.click(across + 90, down)
    expect(page.locator(".leaflet-control-measure .js-results")).to_contain_text("米")
    assert page.evaluate("Wangge.app.map.getCenter()") == before, "measuring does not move the map"
    assert page.locator(".leaflet-popup").count() == 0, "a click that measures asks nothing else"


@pytest.mark.slow
def test_hostile_names_do_nothing(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved(data=make_town(name=HOSTILE)))
    show_panel(page)
    page.locator("#wg-search").fill("第2服务站")
    page.locator("#wg-search").press("Enter")
    assert HOSTILE in page.locator(".leaflet-popup-content h2").inner_text()
    page.evaluate("Wangge.app.showBuilding(30)")
    page.evaluate("document.querySelector('details').open = true")
    page.locator(".wg-table button").first.evaluate("node => node.click()")
    assert page.evaluate("window.__owned") is None
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("h1").inner_text() == "明光路街道" + HOSTILE


@pytest.mark.slow
def test_nothing_serious_is_wrong_for_assistive_technology(
    watched: Watched, saved: Callable[..., Path]
):
    page = watched.open(saved())
    show_panel(page)
    for popup in ("", "Wangge.app.showBuilding(30)", "Wangge.app.markers[1].openPopup()"):
        page.evaluate(popup or "0")
        watched.faded()
        page.evaluate(AXE.read_text(encoding="utf-8"))
        report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (item["id"], item["nodes"][0]["html"][:160])
            for item in report["violations"]
            if item["impact"] in {"serious", "critical"}
        ]
        assert serious == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1440, 900)], indirect=True, ids=["desktop"])
def test_a_city_of_22000_buildings_stays_smooth(watched: Watched, tmp_path: Path):
    data = make_town(columns=160, rows=140)
    assert len(data.buildings) == 22_400
    path = tmp_path / "city.html"
    save_offline(coverage_map(data, language="en"), path)
    assert path.stat().st_size < 6_000_000
    started = time.perf_counter()
    page = watched.open(path)
    assert time.perf_counter() - started < 10
    choose(page, "wg-radius", "0")
    recolour = """() => { const t = performance.now(); Wangge.app.refresh();
                       return performance.now() - t; }"""
    pan = """() => { const t = performance.now();
                  Wangge.app.map.panBy([200, 100], {animate: false});
                  return performance.now() - t; }"""
    # On a slow machine without a graphics card; a person takes 100 ms for at once.
    assert quickest(page, recolour) < 500
    assert quickest(page, pan) < 500


SMALL = "Withheld: counts below 3, and numbers that would give them away."
HOMES = "Your role sees how many households are within reach, not how many people."


@pytest.mark.parametrize(
    ("change", "said"),
    [({"suppress_below": 3}, SMALL), ({"people_within": False}, HOMES)],
    ids=["small", "homes"],
)
def test_the_panel_says_why_numbers_are_withheld(
    watched: Watched,
    saved: Callable[..., Path],
    town: CoverageMapData,
    change: dict[str, Any],
    said: str,
):
    watched.page.goto(saved("en", dataclasses.replace(town, **change)).as_uri())
    show_panel(watched.page)
    expect(watched.page.locator(".wg-note", has_text=said)).to_be_visible()
