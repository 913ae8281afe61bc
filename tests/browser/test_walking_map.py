"""The walking map in a real browser, from disk, with no network."""

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from gis.i18n import Language
from maps.assets.install import AXE
from maps.walking import WalkingMapData, save_offline, walking_map
from maps.walking_tables import whole_metres
from tests.browser.conftest import Watched
from tests.browser.test_coverage_map import COVERED, PIXELS, VISIBLE_BOXES, choose, show_panel
from tests.maps.builder import HOSTILE
from tests.maps.walking_ground import make_walking_town

pytestmark = pytest.mark.browser

#: The things that must never lie on each other.
CONTROLS = ".wg-head, .wg-panel, .wg-time, .leaflet-control"
WEDNESDAY_TEN = 58


@pytest.fixture(scope="module")
def town() -> WalkingMapData:
    return make_walking_town()


@pytest.fixture(scope="module")
def saved(town: WalkingMapData, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("walking")

    def save(language: Language = "en", data: WalkingMapData | None = None) -> Path:
        path = folder / f"{language}-{'own' if data else 'town'}.html"
        if data is not None or not path.exists():
            save_offline(walking_map(data or town, language=language), path)
        return path

    return save


def out_of_reach(page: Page) -> int:
    text = page.locator(".wg-line").inner_text()
    return int(re.search(r"Out of reach: ([\d,]+) of", text)[1].replace(",", ""))


def households_beyond(town: WalkingMapData, metres: np.ndarray, limit: float) -> int:
    return int(town.buildings["households"][~(metres <= limit)].sum())


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_opens_and_fits_the_window(
    watched: Watched, saved: Callable[..., Path], size: tuple[int, int], language: Language
):
    page = watched.open(saved(language))
    assert page.locator("h1").inner_text() == "明光路街道"
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    for opened in (False, True):
        if opened:
            show_panel(page)
        boxes = page.evaluate(VISIBLE_BOXES, CONTROLS)
        for one, other in combinations(boxes, 2):
            apart = (
                one["right"] <= other["left"] + 1
                or other["right"] <= one["left"] + 1
                or one["bottom"] <= other["top"] + 1
                or other["bottom"] <= one["top"] + 1
            )
            assert apart, (one["name"], other["name"])
    text = page.locator("body").inner_text()
    assert not re.search(r"undefined|NaN|\[object|\{\w+\}", text)
    if language == "zh-CN":
        assert "星期三 10:00–11:00" in text


@pytest.mark.slow
def test_the_slider_goes_through_the_week_by_keyboard(
    watched: Watched, saved: Callable[..., Path], town: WalkingMapData
):
    page = watched.open(saved())
    slider = page.locator("#wg-hour")
    slider.focus()
    assert slider.get_attribute("aria-valuetext").startswith("Wednesday 10:00–11:00: ")
    day = out_of_reach(page)
    assert day == households_beyond(town, town.walking.distance_m[1], 500)
    for _ in range(10):
        slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext").startswith("Wednesday 20:00–21:00")
    evening = out_of_reach(page)
    assert evening == households_beyond(town, town.walking.distance_m[2], 500) > day
    assert page.locator(".leaflet-marker-icon.wg-idle").count() == 6
    slider.press("PageUp")
    assert slider.get_attribute("aria-valuetext").startswith("Thursday 20:00–21:00")
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext").startswith("Monday 00:00–01:00")
    slider.press("PageDown")
    assert slider.get_attribute("aria-valuetext").startswith("Sunday 00:00–01:00")
    assert page.evaluate("document.activeElement.id") == "wg-hour"


@pytest.mark.slow
def test_the_week_plays_and_stops(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    button = page.locator(".wg-play")
    assert button.get_attribute("aria-label") == "Play the week"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.wait_for_function(f"Wangge.app.state.hour > {WEDNESDAY_TEN + 1}")
    button.click()
    stopped = page.evaluate("Wangge.app.state.hour")
    page.wait_for_timeout(1000)
    assert page.evaluate("Wangge.app.state.hour") == stopped


@pytest.mark.slow
def test_on_foot_by_straight_line_in_metres_and_minutes(
    watched: Watched, saved: Callable[..., Path], town: WalkingMapData
):
    page = watched.open(saved())
    show_panel(page)
    for radius in (300, 500, 1000):
        choose(page, "wg-m", str(radius))
        assert out_of_reach(page) == households_beyond(town, town.walking.distance_m[1], radius)
    choose(page, "wg-m", "300")
    falsely = page.locator(".wg-falsely").inner_text()
    near = (town.straight.distance_m[1] <= 300) & ~(town.walking.distance_m[1] <= 300)
    count = int(town.buildings["households"][near].sum())
    assert count > 0
    assert falsely == f"{count:,} households are near by straight line but not on foot"
    choose(page, "wg-method", "straight")
    assert out_of_reach(page) == households_beyond(town, town.straight.distance_m[1], 300)
    assert page.locator(".wg-falsely").count() == 0
    choose(page, "wg-method", "walking")
    choose(page, "wg-unit", "min")
    choose(page, "wg-min", "10")
    shares = []
    for speed, pace in (("adult", 1.2), ("elderly", 0.8), ("frail", 0.65)):
        choose(page, "wg-speed", speed)
        shares.append(out_of_reach(page))
        expected = households_beyond(town, town.walking.level_m[1], 600 * pace)
        assert shares[-1] == expected, speed
    assert shares == sorted(shares)


@pytest.mark.slow
def test_delivery_stands_beside_walking(
    watched: Watched, saved: Callable[..., Path], town: WalkingMapData
):
    page = watched.open(saved())
    show_panel(page)
    page.select_option("#wg-service", label="Convenience services")
    page.evaluate("Wangge.app.go_to(60)")
    reached = town.delivery.reached[0]
    homes = town.buildings["households"]
    walks = town.walking.distance_m[3] <= 500
    for method, expected in (
        ("walking", homes[~walks].sum()),
        ("delivery", homes[~reached].sum()),
        ("together", homes[~(walks | reached)].sum()),
    ):
        choose(page, "wg-method", method)
        assert out_of_reach(page) == expected
    choose(page, "wg-method", "delivery")
    page.evaluate("Wangge.app.go_to(80)")
    assert out_of_reach(page) == homes.sum(), "nobody delivers at eight in the morning"


@pytest.mark.slow
def test_the_way_of_every_building_is_as_long_as_was_measured(
    watched: Watched, saved: Callable[..., Path], town: WalkingMapData
):
    page = watched.open(saved())
    order = np.argsort(town.buildings.geometry.hilbert_distance().to_numpy(), kind="stable")
    for hour, which in ((WEDNESDAY_TEN, 1), (3, 2)):
        page.evaluate("hour => Wangge.app.go_to(hour)", hour)
        ways = page.evaluate(
            """() => Array.from({length: Wangge.app.data.buildings.count}, (_, i) => {
                 const way = Wangge.app.wayOf(i);
                 return way && [way.station, way.length / 10, way.cost / 10];
               })"""
        )
        told = whole_metres(town.walking.distance_m[which])[order]
        level = whole_metres(town.walking.level_m[which])[order]
        station = town.walking.station[which][order]
        assert all(abs(way[2] - metres) < 3 for way, metres in zip(ways, level, strict=True))
        same = [way[0] == row for way, row in zip(ways, station, strict=True)]
        assert np.mean(same) > 0.98, "only where two stations are equally near they may differ"
        lengths = [abs(w[1] - m) < 3 for w, m in zip(ways, told, strict=True)]
        assert np.mean(lengths) > 0.98


@pytest.mark.slow
def test_a_building_shows_its_way(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    page.evaluate("Wangge.app.showBuilding(300)")
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    text = popup.inner_text()
    for label in ("On foot", "Minutes on foot", "Straight line", "Detour", "Accessibility"):
        assert f"{label}\n" in text
    assert page.locator(".leaflet-path-pane path").count() == 4
    seen = "Wangge.app.map.getBounds().intersects(Wangge.app.pathLayer.getBounds())"
    assert page.evaluate(seen), "the way is in view"
    page.locator(".leaflet-popup-close-button").click()
    expect(page.locator(".leaflet-path-pane path")).to_have_count(0)


@pytest.mark.slow
def test_minutes_grow_along_streets(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    page.evaluate("Wangge.app.map.addLayer(Wangge.app.layers.ways)")
    watched.settle()
    assert page.locator(".leaflet-streets-pane canvas").count() == 1
    assert "minutes from the nearest open station" in page.locator(".wg-legends").inner_text() or (
        page.locator(".wg-legends").is_hidden()
    )
    costs = page.evaluate(
        "Array.from(Wangge.app.network().nodeCosts(Wangge.app.set(), Wangge.app._serving))"
    )
    assert min(costs) >= 0
    assert np.isfinite(costs).all()


@pytest.mark.slow
def test_views_and_indicators(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    show_panel(page)
    for view in ("Minutes on foot", "Nearest station", "Accessibility"):
        page.select_option("#wg-view", label=view)
        watched.settle()
        assert page.evaluate(PIXELS, COVERED) == 0, "another meaning, other colours"
        assert page.evaluate("Wangge.app.state.metric") == "none"
    page.select_option("#wg-view", label="Within reach")
    watched.settle()
    assert page.evaluate(PIXELS, COVERED) > 0
    page.select_option("#wg-metric", label="Buildings with a leader · Grids")
    legend = page.locator(".wg-legends").inner_text()
    assert "Target: 90%" in legend
    page.select_option("#wg-metric", label="Floor area per 100 households, m² · Communities")
    legend = page.locator(".wg-legends").inner_text()
    assert "Source of the target: National plan for community services" in legend
    assert page.evaluate("document.activeElement.id") == "wg-metric"


@pytest.mark.slow
def test_areas_follow_the_choice(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    assert page.locator(".leaflet-gaps-pane path").count() == 1
    page.evaluate("Wangge.app.chose('method', 'straight')")
    assert page.locator(".leaflet-gaps-pane path").count() == 0
    page.evaluate("Wangge.app.map.addLayer(Wangge.app.layers.isochrones)")
    assert page.locator(".leaflet-isochrones-pane path").count() == 3
    page.evaluate("Wangge.app.map.removeLayer(Wangge.app.layers.isochrones)")
    page.evaluate("Wangge.app.map.addLayer(Wangge.app.layers.catchments)")
    assert page.locator(".leaflet-isochrones-pane path").count() == 5


@pytest.mark.slow
def test_a_click_tells_about_the_gap(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    click = """state => { const a = Wangge.app; const n = a.data.buildings.count;
        const i = Array.from({length: n}, (_, k) => k).find(k => a.houseState(k) === state);
        a.map.fire('click', {latlng: a.houses.center(i)}); }"""
    popup = page.locator(".leaflet-popup-content")
    page.evaluate(click, 2)
    people = page.evaluate("Wangge.app.gapsShown[0].people[0]")
    assert f"Area out of reach\nHouseholds\n{people:,}" in popup.inner_text()
    page.evaluate(click, 1)
    page.wait_for_function(
        "!document.querySelector('.leaflet-popup-content').innerText.includes('Area out')"
    )


@pytest.mark.slow
def test_hovering_names_the_building(
    watched: Watched, saved: Callable[..., Path], size: tuple[int, int]
):
    page = watched.open(saved())
    page.evaluate("Wangge.app.map.setView(Wangge.app.houses.center(30), 18, {animate: false})")
    spot = page.locator(".folium-map").bounding_box()
    page.mouse.move(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)
    tip = page.locator(".wg-tip")
    tip.wait_for()
    assert page.evaluate("Wangge.app.data.buildings.name[30]") in tip.inner_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "heading"),
    [
        ("340102001002006", "Grid 340102001002006"),
        ("37号楼", "37号楼"),
        ("河东", "河东社区"),
        ("way/900036", "37号楼"),
    ],
)
def test_search_finds(watched: Watched, saved: Callable[..., Path], typed: str, heading: str):
    page = watched.open(saved())
    show_panel(page)
    page.locator("#wg-search").fill(typed)
    page.locator("#wg-search").press("Enter")
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert popup.locator("h2").first.inner_text() == heading
    assert not re.search(r"undefined|NaN|null|\{\w+\}", popup.inner_text())


@pytest.mark.slow
def test_hostile_names_do_nothing(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved(data=make_walking_town(16, 8, name=HOSTILE)))
    page.evaluate("Wangge.app.showBuilding(30)")
    assert HOSTILE in page.locator(".leaflet-popup-content h2").inner_text()
    assert page.evaluate("window.__owned") is None
    assert page.locator("img[src=x]").count() == 0


def test_an_old_browser_is_told(watched: Watched, saved: Callable[..., Path]):
    page = watched.page
    page.add_init_script("delete window.DecompressionStream")
    page.goto(saved().as_uri())
    page.wait_for_function("document.querySelector('.wg-wait')?.textContent.includes('too old')")


@pytest.mark.slow
def test_nothing_serious_is_wrong_for_assistive_technology(
    watched: Watched, saved: Callable[..., Path]
):
    page = watched.open(saved())
    show_panel(page)
    for state in ("", "Wangge.app.chose('unit', 'min')", "Wangge.app.showBuilding(30)"):
        page.evaluate(state or "0")
        watched.faded()
        page.evaluate(AXE.read_text(encoding="utf-8"))
        report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (item["id"], item["nodes"][0]["html"][:160])
            for item in report["violations"]
            if item["impact"] in {"serious", "critical"}
        ]
        assert serious == []
