"""The map of findings in a real browser, from disk, with no network."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from gis.i18n import Language
from maps.assets.install import AXE
from maps.coverage import save_offline
from maps.findings import findings_map
from tests.browser.conftest import Watched
from tests.browser.test_coverage_map import quickest
from tests.maps.findings_ground import HOSTILE, map_data, repeated

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("findings") / "map.html", "en")


def made(path: Path, language: Language) -> Path:
    save_offline(findings_map(map_data(title=HOSTILE), language=language), path)
    return path


def unfold(page: Page) -> None:
    """Open the sheet on a phone; on a desktop the panel is always there."""
    toggle = page.locator(".wf-toggle")
    if toggle.is_visible():
        toggle.click()


def test_a_finding_is_jumped_to_from_the_list_and_explains_itself(watched: Watched, saved: Path):
    page = watched.open(saved)
    unfold(page)
    row = page.locator(".wf-kind", has_text="Overlap between communities")
    row.locator(".wf-kind-head").click()
    before = page.evaluate("WanggeFindings.app.map.getZoom()")
    row.locator(".wf-go").first.click()
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    text = popup.inner_text()
    assert "Overlap between communities" in text
    assert "Who decides" in text
    assert "Households concerned" in text
    assert "The office above both communities decides" in text
    assert page.evaluate("WanggeFindings.app.map.getZoom()") >= before
    inside = page.evaluate(
        "() => { const a = WanggeFindings.app;"
        " const i = document.querySelector('.wf-go').dataset.i;"
        " return a.map.getBounds().intersects(a.layers[i].getBounds()); }"
    )
    assert inside


@pytest.mark.slow
def test_500_buildings_on_one_spot_are_one_entry(watched: Watched, saved: Path):
    page = watched.open(saved)
    unfold(page)
    row = page.locator(".wf-kind", has_text="Building more than once")
    assert row.locator(".wf-count").inner_text() == "1"
    row.locator(".wf-kind-head").click()
    assert "×500" in row.locator(".wf-go").first.inner_text()
    row.locator(".wf-go").first.click()
    assert "and 495 more" in page.locator(".leaflet-popup-content").inner_text()


@pytest.mark.slow
def test_a_kind_can_be_hidden_and_notes_are_shown_on_request(watched: Watched, saved: Path):
    page = watched.open(saved)
    unfold(page)
    layers = "() => WanggeFindings.app.groups.map(g => WanggeFindings.app.map.hasLayer(g))"
    shown = page.evaluate(layers)
    assert any(shown)
    assert not all(shown), "notes wait until they are asked for"
    boxes = page.locator(".wf-row input")
    for place in range(boxes.count()):
        assert boxes.nth(place).is_checked() == shown[place]
    boxes.first.uncheck()
    assert page.evaluate(layers)[0] is False
    boxes.first.check()
    boxes.last.check()
    after = page.evaluate(layers)
    assert (after[0], after[-1]) == (True, True)


def test_names_are_text(watched: Watched, saved: Path):
    page = watched.open(saved)
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator(".wf-community").first.inner_text() == HOSTILE
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.slow
def test_nothing_sticks_out_and_nothing_is_wrong_for_screen_readers(watched: Watched, saved: Path):
    page = watched.open(saved)
    unfold(page)
    page.locator(".wf-kind-head").first.click()
    page.locator(".wf-go").first.click()
    unfold(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
    watched.faded()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        (item["id"], item["nodes"][0]["html"][:160])
        for item in report["violations"]
        if item["impact"] in {"serious", "critical"}
    ]
    assert serious == []


@pytest.mark.parametrize("size", [(1440, 900)], indirect=True, ids=["desktop"])
def test_chinese_labels(watched: Watched, tmp_path: Path):
    page = watched.open(made(tmp_path / "zh.html", "zh-CN"))
    text = page.locator(".wf-panel").inner_text()
    assert "社区之间重叠" in text
    assert "项错误" in text
    page.locator(".wf-kind-head").first.click()
    page.locator(".wf-go").first.click()
    close = page.locator(".leaflet-popup-close-button")
    assert close.get_attribute("aria-label") == "关闭"


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1440, 900)], indirect=True, ids=["desktop"])
def test_5000_findings_stay_smooth(watched: Watched, tmp_path: Path):
    path = tmp_path / "many.html"
    save_offline(findings_map(map_data(findings=repeated(6000)), language="en"), path)
    page = watched.open(path)
    assert "The map shows the 5,000 worst of 6,000 findings." in page.inner_text(".wf-panel")
    zoom = """() => { const map = WanggeFindings.app.map, zoom = map.getZoom();
        const began = performance.now();
        map.setZoom(zoom + 1, {animate: false});
        const taken = performance.now() - began;
        map.setZoom(zoom, {animate: false});
        return taken; }"""
    assert quickest(page, zoom) < 2000
