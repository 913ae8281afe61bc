"""The printed page of a community: what it says, and that names stay names."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gis.errors import NotFoundError
from maps.community_labels import REPORT_TEXTS
from maps.community_report import (
    CommunityReportOrder,
    community_report,
    write_community_report,
)
from maps.walking import Indicator, Limit, WalkingMapData
from tests.maps.builder import HOSTILE
from tests.maps.test_coverage_page import parsed
from tests.maps.walking_ground import make_walking_town

pytestmark = pytest.mark.maps

EAST = "340102001002"


@pytest.fixture(scope="module")
def town() -> WalkingMapData:
    return make_walking_town()


def plain(html: str) -> str:
    return re.sub(
        r"\s+",
        " ",
        re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)),
    )


def order(**changes: object) -> CommunityReportOrder:
    values = {"language": "en", "limit": Limit("walking", "m", 500), "communities": (EAST,)}
    return CommunityReportOrder(**{**values, **changes})


def test_the_page_says_what_was_counted(town: WalkingMapData):
    text = plain(community_report(town, order()))
    mine = (town.buildings["community_id"] == town.communities["id"].iloc[1]).to_numpy()
    homes = town.buildings["households"].to_numpy()
    for reach in (1, 2):  # at ten in the morning, and when only the hub is open
        beyond = mine & ~(town.walking.distance_m[reach] <= 500)
        share = 1 - homes[beyond].sum() / homes[mine].sum()
        assert f"{share * 100:.1f}%" in text
    beyond = mine & ~(town.walking.distance_m[1] <= 500)
    assert f"Households {homes[mine].sum():,} {homes[beyond].sum():,}" in text
    worst = (
        town.buildings[beyond].groupby("grid_id")["households"].sum().sort_values(ascending=False)
    )
    code = town.grids.set_index("id").loc[worst.index[0], "code"]
    assert f"{code} {worst.iloc[0]}" in text
    assert "Floor area per 100 households, m² Source: National plan" in text
    assert "✓ met" in text
    assert "Public affairs, Wed 10:00: within 500 m on foot" in text


def test_indicators_with_a_target_come_first_and_minutes_are_left_to_the_map(town: WalkingMapData):
    values = np.array([0.5, 0.5])
    near, far, aimed, empty = (
        Indicator("households_covered:affairs_500_m", "Near", "share", values),
        Indicator("households_covered:affairs_15_min", "Far", "share", values),
        Indicator("grid_workers", "Workers", "number", values, target=18.0),
        Indicator(
            "floor", "Floor", "number", np.full(2, np.nan), target=30.0, notes=["Not stated"] * 2
        ),
    )
    many = replace(town, indicators=[near, far, aimed, empty])
    text = plain(community_report(many, order()))
    assert re.search(
        r"Workers 0\.5 18 ✗ not met Floor Not stated not known 30 – Near 50% – –", text
    )
    assert "Far" not in text


def test_hours_are_those_in_which_somebody_of_the_community_has_a_station_in_reach(
    town: WalkingMapData,
):
    mine = (town.buildings["community_id"] == town.communities["id"].iloc[1]).to_numpy()
    far = town.walking.distance_m.copy()
    far[np.ix_([2], mine)] = 9_999.0  # what is open at night is too far
    away = replace(town, walking=replace(town.walking, distance_m=far))
    hours = int((town.hours[0] == 1).sum())
    assert town.serving[2].any()
    assert 0 < hours < 168
    assert re.search(
        rf"Public affairs (?:[\d.]+% ){{3}}{hours} ", plain(community_report(away, order()))
    )


def test_a_page_per_community_in_the_order_of_codes(town: WalkingMapData):
    html = community_report(town, order(communities=(), language="zh-CN"))
    names = re.findall(r"<h2>(.*?)</h2>", html)
    assert names == ["明光社区", "河东社区"]
    assert html.count('<article class="sheet"') == html.count("<svg ") == 2
    assert "{" not in plain(html)
    assert "步行 500 米以内" in html


def test_minutes_name_who_walks(town: WalkingMapData):
    text = plain(community_report(town, order(limit=Limit("walking", "min", 15, "elderly"))))
    assert "within 15 min (Elder) on foot" in text


def test_every_text_is_used(town: WalkingMapData):
    source = "\n".join(
        (Path(__file__).parents[2] / "maps" / name).read_text(encoding="utf-8")
        for name in ("static/community.html", "community_report.py")
    )
    unused = [key for key in REPORT_TEXTS if f"t.{key}" not in source and f'"{key}"' not in source]
    assert [key for key in unused if not key.startswith("speed_")] == []


def test_hostile_names_stay_names():
    html = community_report(make_walking_town(16, 8, name=HOSTILE), order(communities=()))
    assert not [tag for tag, _ in parsed(html).elements if tag in {"img", "b", "script"}]
    assert "49" not in re.findall(r"<h2>(.*?)</h2>", html)[0]


def test_an_unknown_community_is_named(town: WalkingMapData):
    with pytest.raises(NotFoundError, match="no community 999"):
        community_report(town, order(communities=("999",)))


def test_it_is_written_whole(town: WalkingMapData, tmp_path: Path):
    path = tmp_path / "page.html"
    write_community_report(town, path, order())
    assert path.read_text(encoding="utf-8") == community_report(town, order())
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]
