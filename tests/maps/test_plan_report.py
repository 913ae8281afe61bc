"""The plan report as a file: what it says, and what it must never hold."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis.districting.plan import CountRange, PlanMeasures
from gis.errors import CrsMismatchError, InvalidInputError
from gis.i18n import LANGUAGES, Language
from maps.plan_report import plan_report, write_plan_report
from maps.plan_report_data import PlanReport
from maps.plan_report_figures import figure_table
from maps.plan_report_labels import Speaker
from maps.plan_report_page import lead, report_page
from tests.maps.report_ground import HOSTILE, large, report

pytestmark = pytest.mark.maps


def embedded(html: str) -> dict[str, Any]:
    """Return the data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="wangge-data">(.*?)</script>', html)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def said(told: PlanReport, language: Language = "en") -> list[str]:
    return [item["text"] for item in lead(told, Speaker(language))]


def numbers(page: dict[str, Any], key: str, dtype: str) -> list[Any]:
    import base64

    return np.frombuffer(base64.b64decode(page["grids"][key]), f"<{dtype}").tolist()


def one_grid() -> PlanReport:
    """Return a plan of one community in one grid."""
    told = large(communities=1, across=1, down=1)
    measures = _with(told.measures, households=[400])
    return replace(told, measures=measures, exceptions=(), previous=None, metis=None)


def _with(measures: PlanMeasures, *, households: list[int]) -> PlanMeasures:
    counts = np.asarray(households)
    in_range = (counts >= 300) & (counts <= 500)
    off = np.abs(counts - 400)
    return replace(
        measures,
        households=counts,
        in_range=in_range,
        share_in_range=float(in_range.mean()),
        mean_deviation=float(off.mean()),
        max_deviation=int(off.max()),
    )


# ---- what it says --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_holds_every_grid_with_its_measures(language: Language):
    told = report()
    page = embedded(plan_report(told, language=language))
    grids = page["grids"]
    assert sorted(grids["codes"]) == sorted(told.grids["code"])
    by_code = dict(zip(told.grids["code"], told.measures.households, strict=True))
    assert numbers(page, "households", "i4") == [by_code[code] for code in grids["codes"]]
    assert grids["codes"] == sorted(grids["codes"]), "by community and number"
    assert grids["dedicated"] == [
        i for i, state in enumerate(numbers(page, "state", "i1")) if state == 2
    ]
    assert len(grids["dedicated"]) == told.measures.dedicated.sum()
    names = dict(zip(told.communities["code"], told.communities["name"], strict=True))
    for code, home in zip(grids["codes"], grids["community"], strict=True):
        assert page["communities"]["names"][home] == names[code[:12]]
    assert page["language"] == language


@pytest.mark.slow
def test_short_numbers_are_what_the_community_does_not_say():
    grids = report_page(report(), "en")["grids"]
    assert set(grids["short"]) <= {f"{n:03d}" for n in range(1, 20)}


def test_sentences_say_what_the_measures_say():
    told = report()
    m = told.measures
    basic = m.households[~m.dedicated]
    text = " ".join(said(told))
    assert f"{basic.sum():,} households of 2 communities in {m.count} grids." in text
    assert "No grid crosses a community line." in text
    assert "Every grid is in one piece." in text
    moved = told.previous.comparison.households_moved
    assert moved
    assert f"Compared with 2025, {moved:,} households" in text
    assert all(re.search("[一-鿿]", each) for each in said(told, "zh-CN"))


def test_grids_outside_the_band_are_counted():
    told = large(communities=1, across=2, down=2)
    measures = _with(told.measures, households=[250, 400, 520, 610])
    text = "Outside 300–500 households: 3 of 4 grids (1 below, 2 above)."
    assert text in said(replace(told, measures=measures))


def test_a_plan_within_the_band_is_said_to_be():
    assert said(one_grid()) == [
        "400 households of one community in one grid.",
        "Every grid has between 300 and 500 households.",
        "No grid crosses a community line.",
        "Every grid is in one piece.",
        "A grid is 0.0 households from the target of 400 on average, 0 at most.",
    ]


def test_grids_in_pieces_are_said():
    told = one_grid()
    torn = replace(told.measures, pieces=np.array([2]), noncontiguous=1)
    items = lead(replace(told, measures=torn), Speaker("en"))
    assert {"text": "Grids in more than one piece: 1.", "ok": False} in items


def test_only_dedicated_grids():
    told = one_grid()
    measures = replace(told.measures, dedicated=np.array([True]), count=0)
    assert said(replace(told, measures=measures)) == [
        "Nobody lives here: there are only dedicated grids."
    ]
    assert "wangge-data" in plan_report(replace(told, measures=measures), language="en")


def test_a_community_without_a_feasible_number_is_told():
    told = replace(
        one_grid(),
        measures=_with(one_grid().measures, households=[550]),
        feasible=(CountRange(0, 550, 2, 1, 1),),
    )
    assert "Communities that cannot be shared out within the band: 1." in said(told)
    assert report_page(told, "en")["feasible"] == [[0, 550, 2, 1, 1]]


# ---- comparison ----------------------------------------------------------------------------------


def test_figures_stand_beside_the_current_plan_and_metis():
    table = figure_table(report(), Speaker("en"))
    assert table["columns"] == ["previous", "metis"]
    assert {len(row["cells"]) for row in table["rows"]} == {3}
    assert {len(row["marks"]) for row in table["rows"]} == {2}


def test_marks_say_how_this_plan_does():
    told = one_grid()
    worse = replace(
        told.measures, share_in_range=0.5, mean_deviation=9.0, mean_polsby_popper=0.1, border_m=1.0
    )
    table = figure_table(replace(told, metis=worse), Speaker("en"))
    marks = {row["label"]: row["marks"][0] for row in table["rows"]}
    assert marks["Within 300–500 households"] == 1
    assert marks["Mean distance from the target, households"] == 1
    assert marks["Compactness (Polsby–Popper, mean)"] == 1
    assert marks["Largest distance from the target, households"] == 0
    assert marks["Borders between grids, km"] == -1
    assert marks["Grids"] is None


def test_borders_of_more_grids_are_not_compared():
    told = one_grid()
    more = replace(told.measures, count=2, border_m=1.0)
    table = figure_table(replace(told, metis=more), Speaker("en"))
    marks = {row["label"]: row["marks"][0] for row in table["rows"]}
    assert marks["Borders between grids, km"] is None
    assert marks["Compactness (Polsby–Popper, mean)"] == 0


def test_what_cannot_be_told_apart_in_what_is_shown_is_the_same():
    told = one_grid()
    close = replace(told.measures, mean_deviation=0.04)
    table = figure_table(replace(told, metis=close), Speaker("en"))
    row = next(row for row in table["rows"] if row["label"].startswith("Mean distance"))
    assert (row["cells"], row["marks"]) == (["0.0", "0.0"], [0])


def test_a_measure_that_nobody_knows_is_left_out():
    told = one_grid()
    measures = replace(told.measures, reock=np.array([np.nan]), mean_reock=float("nan"))
    table = figure_table(replace(told, measures=measures), Speaker("en"))
    assert not any("Reock" in row["label"] for row in table["rows"])


def test_without_another_plan_there_is_nothing_to_compare():
    page = report_page(report(compared=False), "en")
    assert page["figures"]["columns"] == []
    assert page["change"] is None
    assert not any("Compared with" in item["text"] for item in page["lead"])


def test_households_that_come_and_leave_add_up():
    told = report()
    change = report_page(told, "en")["change"]
    moved = told.previous.comparison.households_moved
    assert sum(row["in"] for row in change["rows"]) == moved
    assert sum(row["out"] for row in change["rows"]) == moved
    for row in change["rows"]:
        assert sum(people for _, people in row["sources"]) == row["in"]
        assert all(code in told.previous.codes.values() for code, _ in row["sources"])


# ---- limits --------------------------------------------------------------------------------------


def test_exceptions_name_their_grids_and_quarters():
    told = report()
    groups = report_page(told, "en")["exceptions"]
    assert sum(len(group["items"]) for group in groups) == len(told.exceptions)
    texts = [text for group in groups for _, _, text in group["items"]]
    named = [each for each in told.exceptions if each.unit in told.quarters]
    assert named, "the example has a quarter to name"
    for each in named:
        assert any(text.startswith(told.quarters[each.unit] + ": ") for text in texts)


def test_every_reason_is_told_in_the_readers_language():
    told = report()
    page = report_page(told, "zh-CN")["reasons"]
    items = [item for group in page["groups"] for item in group["items"]]
    assert len(items) == sum(len(trace.reasons) for trace in told.traces)
    assert all(re.search("[一-鿿]", text) for text in page["sentences"])
    assert all(re.search("[一-鿿]", group["label"]) for group in page["groups"])
    assert len(set(page["sentences"])) == len(page["sentences"])


def test_a_building_of_a_divided_quarter_is_not_shown_as_the_quarter():
    told = report()
    divided = {each.unit for each in told.exceptions if each.kind == "quarter_above_maximum"}
    held = [one for trace in told.traces for one in trace.largest if one.unit is not None]
    shown = [
        name
        for units in report_page(told, "en")["reasons"]["largest"].values()
        for name, _ in units
    ]
    assert {one.unit in divided for one in held} == {True, False}, "the example has both"
    for unit in {one.unit for one in held}:
        name = told.quarters[unit]
        assert (f"{name}, one building" if unit in divided else name) in shown
        assert (name if unit in divided else f"{name}, one building") not in shown


# ---- the file ------------------------------------------------------------------------------------


def test_the_file_needs_no_network_and_is_the_same_each_time(tmp_path: Path):
    pages = []
    for name in ("one.html", "two.html"):
        write_plan_report(report(), tmp_path / name, language="zh-CN")
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)\s*=\s*"https?:', pages[0])
    assert '<html lang="zh-CN">' in pages[0]


def test_names_cannot_become_scripts_or_templates():
    told = report()
    named = replace(
        told,
        title=HOSTILE,
        plan_name=HOSTILE,
        attribution=HOSTILE,
        communities=told.communities.assign(name=HOSTILE),
        grids=told.grids.assign(name=HOSTILE),
        quarters=dict.fromkeys(told.quarters, HOSTILE),
        previous=replace(told.previous, name=HOSTILE),
    )
    html = plan_report(named, language="en")
    assert html.count("<img src=x") == 0
    page = embedded(html)
    assert page["title"] == page["head"]["plan"] == page["change"]["name"] == HOSTILE
    assert set(page["grids"]["names"]) == {HOSTILE}


def test_people_are_counted_and_nobody_is_named():
    page = json.dumps(report_page(report(), "en"))
    for word in ("elderly", "low_income", "children", "phone"):
        assert word not in page


def test_a_city_is_a_small_file(tmp_path: Path):
    path = tmp_path / "city.html"
    told = large()
    write_plan_report(told, path, language="en")
    page = embedded(path.read_text(encoding="utf-8"))
    assert page["grids"]["count"] == len(told.grids) == 2560
    assert page["communities"]["first"] == [40 * c for c in range(65)]
    assert path.stat().st_size < 3_000_000


def test_outlines_of_neighbours_still_meet():
    told = large(communities=4, across=3, down=3)
    shapes = shapely.coverage_simplify(told.grids.geometry.to_numpy(), 4e-6)
    assert shapely.coverage_is_valid(shapes)


# ---- what does not fit ---------------------------------------------------------------------------


def test_frames_in_another_system_are_refused():
    told = report()
    with pytest.raises(CrsMismatchError, match="'grids' is not in EPSG:4326"):
        plan_report(replace(told, grids=told.grids.to_crs(3857)), language="en")


def test_grids_and_measures_must_be_the_same():
    told = report()
    with pytest.raises(InvalidInputError, match="not those of its measures"):
        plan_report(replace(told, grids=told.grids.iloc[1:]), language="en")


def test_a_plan_without_grids_is_refused():
    told = report()
    nothing = gpd.GeoDataFrame(told.grids.iloc[:0], crs=4326)
    with pytest.raises(InvalidInputError, match="no grid to report on"):
        plan_report(replace(told, grids=nothing), language="en")


def test_grids_lie_in_communities_that_are_given():
    told = report()
    with pytest.raises(InvalidInputError, match="communities that are not given"):
        plan_report(replace(told, communities=told.communities.iloc[1:]), language="en")


@pytest.mark.parametrize(
    ("value", "text"), [(1, "100%"), (0.5, "50%"), (0.9996, "99.96%"), (0.0, "0%"), (1e-9, "0.01%")]
)
def test_a_share_that_is_not_all_never_reads_so(value: float, text: str):
    assert Speaker("en").share(value) == text
