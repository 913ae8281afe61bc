"""The printed page of a community in a real browser: one sheet of A4 each."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from maps.assets.install import AXE
from maps.community_report import CommunityReportOrder, write_community_report
from maps.walking import Indicator, Limit
from tests.browser.conftest import Watched
from tests.maps.walking_ground import make_walking_town

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    town = make_walking_town()
    many = [
        Indicator(
            f"i{k}", f"Indicator number {k} of many", "share", np.array([0.5, 0.9]), target=0.8
        )
        for k in range(12)
    ]
    town = dataclasses.replace(town, indicators=many)
    path = tmp_path_factory.mktemp("report") / "page.html"
    order = CommunityReportOrder(language="zh-CN", limit=Limit("walking", "m", 500))
    write_community_report(town, path, order)
    return path


@pytest.mark.slow
def test_each_community_is_one_sheet_of_paper(watched: Watched, path: Path, size: tuple[int, int]):
    page = watched.page
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.wait_for_function("innerWidth === 794")
    cut = page.evaluate(
        "[...document.querySelectorAll('.sheet')].map(n => n.scrollHeight - n.clientHeight)"
    )
    assert cut == [0, 0], "nothing is cut off at the foot"
    drawn = page.locator("figure").first.bounding_box()
    assert drawn["height"] > 200, "the map has room"
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 2


@pytest.mark.slow
def test_nothing_serious_is_wrong_for_assistive_technology(watched: Watched, path: Path):
    page = watched.page
    page.goto(path.as_uri())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [(item["id"], item["nodes"][0]["html"][:160]) for item in report["violations"]]
    assert found == []
