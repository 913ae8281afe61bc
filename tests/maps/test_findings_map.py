"""The map of findings as a file: what it holds, and what it must never hold."""

import json
import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from gis.errors import CrsMismatchError
from gis.geometry.crs import projected_crs
from gis.ingest.audit import KINDS, SEVERITIES, audit_ground
from gis.ingest.audit.kinds import DECIDERS, WHATS
from maps.coverage import render_offline, save_offline
from maps.findings import COLOUR_OF, MOST_DRAWN, FindingsMapData, findings_map, findings_page
from maps.findings_labels import fact_text
from tests.maps.findings_ground import DAY, HOSTILE, faulty_ground, map_data, repeated

pytestmark = pytest.mark.maps


def embedded(html: str) -> dict[str, Any]:
    """Return the data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="wangge-data">(.*?)</script>', html)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.mark.slow
def test_the_page_holds_every_finding_with_its_kind_size_and_rows():
    findings, _ = faulty_ground()
    data = embedded(render_offline(findings_map(map_data(), language="en")))
    assert data["total"] == len(findings)
    assert {kind["code"]: kind["count"] for kind in data["kinds"]} == findings.counts
    assert sum(data["summary"]) == len(findings)
    first = data["findings"][0]
    assert data["kinds"][first["k"]]["code"] == findings.frame["kind"].iloc[0]
    stack = next(f for f in data["findings"] if f["rows"] == 500)
    assert len(stack["ids"]) == 5
    assert stack["m2"] > 0
    severities = [kind["severity"] for kind in data["kinds"]]
    assert severities == sorted(severities)


def test_the_file_needs_no_network_and_is_the_same_each_time(tmp_path: Path):
    pages = []
    for name in ("one.html", "two.html"):
        save_offline(findings_map(map_data(), language="zh-CN"), tmp_path / name)
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)\s*=\s*"https?:', pages[0])
    assert '<html lang="zh-CN">' in pages[0]


def test_a_name_cannot_become_a_script_or_a_template():
    html = render_offline(findings_map(map_data(title=HOSTILE), language="en"))
    assert html.count("<img src=x") == 0
    data = embedded(html)
    assert data["title"] == HOSTILE
    assert data["communities"][0]["n"] == HOSTILE


def test_more_findings_than_can_be_drawn_are_cut_to_the_worst_and_said():
    many = repeated(MOST_DRAWN + 500)
    page = findings_page(map_data(findings=many), "en")
    assert len(page["findings"]) == MOST_DRAWN
    assert page["total"] == MOST_DRAWN + 500
    assert sum(kind["count"] for kind in page["kinds"]) == MOST_DRAWN + 500


def test_a_ground_without_findings_or_communities_still_makes_a_page():
    nothing = audit_ground({}, projected_crs(117.3, 31.87)).frame
    empty = gpd.GeoDataFrame({"code": [], "name": []}, geometry=[], crs=4326)
    page = findings_page(FindingsMapData("", DAY, nothing, empty), "en")
    assert (page["total"], page["kinds"], page["findings"]) == (0, [], [])
    assert "The audit found nothing." in render_offline(
        findings_map(FindingsMapData("", DAY, nothing, empty), language="en")
    )


def test_frames_in_another_system_are_refused():
    findings, homes = faulty_ground()
    data = FindingsMapData("", DAY, findings.frame, homes.to_crs(3857))
    with pytest.raises(CrsMismatchError, match="'communities' is not in EPSG:4326"):
        findings_map(data, language="en")


def test_every_kind_has_a_colour_and_every_detail_a_label():
    assert set(COLOUR_OF) == set(KINDS)
    findings, _ = faulty_ground()
    for what in findings.frame["detail"]:
        assert what.get("what", WHATS[0]) in WHATS
        assert what.get("decides", DECIDERS[0]).split(" ")[0] in DECIDERS
    assert set(findings.frame["severity"]) <= set(SEVERITIES)


def test_facts_are_put_into_words():
    assert fact_text("decides", "subdistrict 340102001 (Town)", "en") == (
        "Subdistrict 340102001 (Town)"
    )
    assert fact_text("decides", "city", "zh-CN") == "市"
    assert fact_text("shares_m2", {"A": 12.34, "outside": 5}, "en") == "A: 12.3 m², outside: 5.0 m²"
    assert fact_text("households", 1234, "en") == "1,234"
    assert fact_text("what", "one_spot", "en") == "on one spot"
