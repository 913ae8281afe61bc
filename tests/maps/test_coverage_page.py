"""The coverage map's file: whole, small, safe, and the same every time."""

import base64
import dataclasses
import json
import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.i18n import LANGUAGES, Language
from maps.coverage import coverage_map, render_offline, save_offline
from maps.coverage_data import CoverageMapData, uncovered_counts
from maps.ground_data import SUPPRESSED, suppress
from maps.page import script_json
from maps.payload import class_labels, page_data
from maps.style import Classes
from maps.withheld import areas_of
from tests.maps.builder import HOSTILE, make_town

pytestmark = pytest.mark.maps


class Tags(HTMLParser):
    """Collects elements and the text of scripts, as a browser's parser splits them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]):
        self.elements.append((tag, dict(attrs)))
        self._open = dict(attrs).get("id") or tag

    def handle_data(self, data: str):
        self.texts[self._open] = self.texts.get(self._open, "") + data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


@pytest.fixture(scope="module")
def town() -> CoverageMapData:
    return make_town()


@pytest.fixture(scope="module")
def html(town: CoverageMapData) -> str:
    return render_offline(coverage_map(town, language="en"))


def test_nothing_is_linked(html: str):
    for tag, attributes in parsed(html).elements:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)


def test_it_is_small(html: str):
    assert len(html.encode()) < 1_000_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_its_language_and_title(town: CoverageMapData, language: Language):
    tags = parsed(render_offline(coverage_map(town, language=language)))
    assert ("html", {"lang": language}) in tags.elements
    assert tags.texts["title"].strip() == "明光路街道"
    assert "user-scalable" not in str(tags.elements)


def test_the_same_data_make_the_same_file(html: str):
    assert render_offline(coverage_map(make_town(), language="en")) == html


def test_hostile_names_stay_names():
    chart = coverage_map(
        make_town(name=HOSTILE),
        language="en",
        tile_url="https://tiles.example/{z}/{x}/{y}.png",
        tile_attribution=HOSTILE,
    )
    page = render_offline(chart)
    tags = parsed(page)
    assert not [tag for tag, _ in tags.elements if tag in {"img", "b"}]
    data = json.loads(tags.texts["wangge-data"])
    assert data["head"]["title"] == "明光路街道" + HOSTILE
    assert data["stations"][0]["name"].endswith(HOSTILE)
    assert page.count("</script>") == len([tag for tag, _ in tags.elements if tag == "script"])


@pytest.mark.parametrize("value", [HOSTILE, "<!--", "\u2028", "{{{{", "{%x%}", '"{#"', "&amp;"])
def test_json_in_a_script_is_inert_and_true(value: str):
    text = script_json({value: [value]})
    assert not re.search(r"[<>&\u2028\u2029]|\{\{|\{%|\{#", text)
    assert json.loads(text) == {value: [value]}


def test_small_counts_of_people_in_need_are_not_in_the_file(town: CoverageMapData):
    data = page_data(town, "en")["buildings"]
    for group in ("elderly", "children", "low_income_households"):
        real = town.buildings[group].to_numpy()
        assert ((real > 0) & (real < 3)).any(), "the town has small counts"
        assert not set(data[group]) & {1, 2}
        assert [v == SUPPRESSED for v in data[group]] == [0 < v < 3 for v in real]


def test_counts_out_of_reach_agree_with_counting(town: CoverageMapData):
    counts, totals = uncovered_counts(town, areas_of(town)["all"])
    for s, scenario in enumerate(town.scenarios):
        metres = town.distances[scenario.key].loc[list(town.buildings["id"])].to_numpy()
        for t, radius in enumerate(town.thresholds_m):
            beyond = [not m <= radius for m in metres]
            assert counts[s, t, 0, 0] == town.buildings["households"][beyond].sum()
    assert totals[0, 0] == town.buildings["households"].sum()
    # At 22:00 no canteen serves: everybody is out of reach at any radius.
    assert (counts[3, :, 0, 0] == totals[0, 0]).all()


def test_a_small_rest_is_suppressed_with_the_count_that_would_tell_it(town: CoverageMapData):
    frame = town.buildings.head(3).copy()
    frame["elderly"] = [10, 2, 0]
    frame["households"] = [5, 1, 1]
    ids = list(frame["id"])
    distances = town.distances.loc[ids].copy()
    distances.loc[:, :] = np.array([[900.0], [100.0], [100.0]])
    small = dataclasses.replace(town, buildings=frame, distances=distances)
    counts, totals = uncovered_counts(small, areas_of(small)["all"])
    assert counts[0, 0, 1, 0] == SUPPRESSED, "10 of 12 would tell that 2 are within reach"
    assert counts[0, 2, 1, 0] == 0
    assert totals[1, 0] == 12
    assert counts[0, 0, 0, 0] == 5, "households are not suppressed"


def test_suppression_keeps_zero_and_three():
    assert suppress(np.array([0, 1, 2, 3, 4])).tolist() == [0, -1, -1, 3, 4]


def test_distances_are_packed_in_metres_with_none_apart(town: CoverageMapData):
    data = page_data(town, "en")["buildings"]
    metres = np.frombuffer(base64.b64decode(data["distances"]), "<u2").reshape(4, -1)
    expected = town.distances[town.scenarios[0].key].loc[list(town.buildings["id"])].round()
    assert metres[0].tolist() == expected.tolist()
    assert (metres[3] == 65_535).all()


def test_the_callers_frames_are_not_touched():
    town, same = make_town(), make_town()
    coverage_map(town, language="en")
    for name in ("communities", "grids", "buildings", "stations", "station_services", "distances"):
        assert getattr(town, name).equals(getattr(same, name)), name


def test_optional_parts_may_be_absent(town: CoverageMapData):
    bare = dataclasses.replace(
        town,
        nearest=None,
        serving={},
        gaps=None,
        density=None,
        roads=None,
        barriers=None,
        quarters=None,
    )
    assert (
        "Incident density"
        not in parsed(render_offline(coverage_map(bare, language="en"))).texts["script"]
    )


def test_tiles_are_asked_for_only_if_set(town: CoverageMapData, html: str):
    url = "https://tiles.example/{z}/{x}/{y}.png"
    assert "tiles.example" not in html
    assert url in render_offline(coverage_map(town, language="en", tile_url=url))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda d: {"grids": d.grids.to_crs(4490)}, CrsMismatchError, "'grids'"),
        (lambda d: {"communities": d.communities.iloc[:0]}, InvalidInputError, "no community"),
        (lambda _: {"scenarios": []}, InvalidInputError, "needs scenarios"),
        (lambda d: {"scenarios": [*d.scenarios, d.scenarios[0]]}, InvalidInputError, "own"),
        (
            lambda d: {
                "scenarios": [
                    dataclasses.replace(d.scenarios[0], moment=datetime(2026, 6, 10, 10))  # noqa: DTZ001 - what is refused
                ]
            },
            InvalidInputError,
            "no time zone",
        ),
        (
            lambda d: {"scenarios": [dataclasses.replace(d.scenarios[0], key="x")]},
            InvalidInputError,
            "'x' has no column",
        ),
        (lambda d: {"distances": d.distances.iloc[5:]}, InvalidInputError, "5 buildings"),
        (
            lambda d: {"density": d.density.assign(count=[2, 9, 9])},
            InvalidInputError,
            "fewer than 3",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    town: CoverageMapData,
    change: Callable[[CoverageMapData], dict[str, object]],
    error: type[Exception],
    text: str,
):
    with pytest.raises(error, match=text):
        coverage_map(dataclasses.replace(town, **change(town)), language="en")


def test_it_is_written_whole_or_not_at_all(
    town: CoverageMapData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "out" / "coverage.html"
    target.parent.mkdir()
    chart = coverage_map(town, language="en")
    save_offline(chart, target)
    assert target.read_text(encoding="utf-8").endswith("</html>")
    before = target.read_bytes()

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DataSourceError, match="No space left"):
        save_offline(chart, target)
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["coverage.html"]


def test_labels_of_classes_read_well():
    households = Classes((300, 400), ("#000000", "#111111", "#222222"))
    assert class_labels("households", households, "en") == ["≤ 300", "301–400", "> 400"]
    deviation = Classes((-101, 20), ("#000000", "#111111", "#222222"))
    assert class_labels("deviation", deviation, "en") == ["≤ −101", "−100 … +20", "> +20"]
    coverage = Classes((0.5, 0.9), ("#000000", "#111111", "#222222"))
    assert class_labels("coverage", coverage, "zh-CN") == ["≤ 50%", "50%–90%", "> 90%"]


def test_an_empty_plan_is_a_map_too(town: CoverageMapData):
    empty = dataclasses.replace(
        town,
        grids=town.grids.iloc[:0],
        stations=town.stations.iloc[:0],
        station_services=town.station_services.iloc[:0],
        nearest=None,
        serving={},
    )
    assert isinstance(empty.grids, gpd.GeoDataFrame)
    assert "wangge-data" in render_offline(coverage_map(empty, language="zh-CN"))


def test_who_could_subtract_houses_is_told_of_homes_alone(town: CoverageMapData):
    closed = dataclasses.replace(town, people_within=False)
    for name, areas in areas_of(closed).items():
        counts, totals = uncovered_counts(closed, areas)
        open_counts, open_totals = uncovered_counts(town, areas_of(town)[name])
        assert (counts[:, :, 1:] == SUPPRESSED).all()
        assert (open_counts[:, :, 1:] != SUPPRESSED).any()
        assert (counts[:, :, 0] == open_counts[:, :, 0]).all()
        assert (totals == open_totals).all()
