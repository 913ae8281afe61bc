"""The map of a proposed siting in a real browser, from disk, with no network."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gis.i18n import Language
from maps.assets.install import AXE
from maps.siting import SitingMapData, save_offline, siting_map
from maps.walking import Limit
from tests.browser.conftest import Watched
from tests.browser.test_coverage_map import show_panel
from tests.maps.builder import HOSTILE
from tests.maps.siting_ground import make_proposal

pytestmark = pytest.mark.browser

#: Pixels of a colour on the houses of one of the two maps.
NEWLY = """which => {
    const canvas = document.querySelectorAll(".leaflet-buildings-pane canvas")[which];
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        if (data[i] === 0x1f && data[i + 1] === 0x9b && data[i + 2] === 0xd8) { count += 1; }
    }
    return count;
}"""


@pytest.fixture(scope="module")
def proposal() -> SitingMapData:
    return make_proposal()


@pytest.fixture(scope="module")
def saved(proposal: SitingMapData, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("siting")

    def save(language: Language = "en", data: SitingMapData | None = None) -> Path:
        path = folder / f"{language}-{'own' if data else 'town'}.html"
        if data is not None or not path.exists():
            save_offline(siting_map(data or proposal, language=language), path)
        return path

    return save


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.slow
def test_both_maps_fit_the_window(
    watched: Watched, saved: Callable[..., Path], size: tuple[int, int], language: Language
):
    page = watched.open(saved(language))
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    boxes = [box.bounding_box() for box in page.locator(".leaflet-container").all()]
    assert len(boxes) == 2
    assert all(box["width"] > 300 and box["height"] > 200 for box in boxes)
    assert page.evaluate(
        "Wangge.app.maps.every(map => map.getBounds().contains(Wangge.app.data.bounds))"
    )
    assert not re.search(r"undefined|NaN|\[object|\{\w+\}", page.locator("body").inner_text())


def test_the_maps_move_together(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    views = "Wangge.app.maps.map(m => [m.getCenter().lat, m.getCenter().lng, m.getZoom()])"
    for which in (0, 1):
        page.evaluate(
            """which => { const map = Wangge.app.maps[which];
                          map.setView(Wangge.app.data.stations[which].at, 17, {animate: false});
                          map.panBy([60, 30], {animate: false}); }""",
            which,
        )
        one, other = page.evaluate(views)
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.slow
def test_only_the_proposal_shows_who_is_newly_near(
    watched: Watched, saved: Callable[..., Path], proposal: SitingMapData
):
    page = watched.open(saved())
    watched.settle()
    assert page.evaluate(NEWLY, 0) == 0
    assert page.evaluate(NEWLY, 1) > 0
    homes = proposal.buildings["households"]
    gained = homes[(proposal.after.metres <= 500) & ~(proposal.before.metres <= 500)].sum()
    line = page.locator(".wg-line").inner_text()
    assert line == f"2 new places bring {gained:,} households within reach"


@pytest.mark.slow
def test_places_can_be_gone_to(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    show_panel(page)
    page.locator(".ws-chosen-list button").first.click()
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert "households newly within reach" in popup.inner_text()
    show_panel(page)
    page.locator(".ws-exchanges button").nth(1).click()
    page.wait_for_function(
        "[...document.querySelectorAll('.leaflet-popup-content')].some("
        "node => node.textContent.includes('Candidate'))"
    )
    show_panel(page)
    assert "−120" in page.locator(".ws-exchanges").inner_text()


@pytest.mark.slow
def test_a_click_tells_before_and_after(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved())
    page.evaluate(
        """() => { const side = Wangge.app.sides[0];
                  side.map.fire("click", {latlng: side.houses.center(300)}); }"""
    )
    text = page.locator(".leaflet-popup-content").inner_text()
    assert "Today\n" in text
    assert "Proposed\n" in text


@pytest.mark.slow
def test_minutes_say_whose_speed_they_are_at(watched: Watched, saved: Callable[..., Path]):
    slow = replace(make_proposal(), limit=Limit("walking", "min", 15, "frail"))
    page = watched.open(saved(data=slow))
    assert "15 min (Frail)" in page.locator(".wg-said").first.inner_text()


@pytest.mark.slow
def test_hostile_names_do_nothing(watched: Watched, saved: Callable[..., Path]):
    page = watched.open(saved(data=make_proposal(name=HOSTILE)))
    show_panel(page)
    page.locator(".ws-chosen-list button").first.click()
    assert page.evaluate("window.__owned") is None
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.slow
def test_nothing_serious_is_wrong_for_assistive_technology(
    watched: Watched, saved: Callable[..., Path]
):
    page = watched.open(saved())
    show_panel(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        (item["id"], item["nodes"][0]["html"][:160])
        for item in report["violations"]
        if item["impact"] in {"serious", "critical"}
    ]
    assert serious == []
