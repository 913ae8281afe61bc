"""The walking map's file: its contract, its counts, its packed columns and its network."""

import base64
import dataclasses
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import CrsMismatchError, InvalidInputError
from gis.i18n import LANGUAGES, Language
from maps import walking_data
from maps.blob import Blob, chain_rows
from maps.ground_data import GROUPS, SUPPRESSED
from maps.walking import Indicator, WalkingMapData, render_offline, walking_map
from maps.walking_payload import indicator_classes, number_of, walking_page
from maps.walking_tables import (
    Counter,
    counts_out_of_reach,
    counts_with_delivery,
    delivery_pairs,
    metres_of,
)
from maps.walking_ways import ENDS, NO_WAY, first_edges
from maps.withheld import areas_of
from tests.maps.builder import HOSTILE
from tests.maps.test_coverage_page import parsed
from tests.maps.walking_ground import make_walking_town

pytestmark = pytest.mark.maps


@pytest.fixture(scope="module")
def town() -> WalkingMapData:
    return make_walking_town()


@pytest.fixture(scope="module")
def html(town: WalkingMapData) -> str:
    return render_offline(walking_map(town, language="en"))


def unvarint(data: bytes) -> list[int]:
    out, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 128:
            out.append(value // 2 if value % 2 == 0 else -(value + 1) // 2)
            value, shift = 0, 0
    return out


def column(page: dict[str, Any], ref: dict[str, Any]) -> list[int]:
    """Read a column of whole numbers as the page's script does."""
    data = zlib.decompress(base64.b64decode(page["blob"]))[ref["at"] : ref["at"] + ref["bytes"]]
    if ref["as"] in {"u1", "u2", "i2", "f8"}:
        return np.frombuffer(data, dtype=f"<{ref['as']}").tolist()
    numbers = unvarint(data)
    return np.cumsum(numbers).tolist() if ref["as"] == "steps" else numbers


def test_nothing_is_linked_and_it_is_small(html: str):
    for tag, attributes in parsed(html).elements:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)
    assert len(html.encode()) < 700_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_its_language(town: WalkingMapData, language: Language):
    tags = parsed(render_offline(walking_map(town, language=language)))
    assert ("html", {"lang": language}) in tags.elements


def test_the_same_data_make_the_same_file(html: str):
    assert render_offline(walking_map(make_walking_town(), language="en")) == html


def test_hostile_names_stay_names():
    page = render_offline(walking_map(make_walking_town(16, 8, name=HOSTILE), language="en"))
    tags = parsed(page)
    assert not [tag for tag, _ in tags.elements if tag in {"img", "b"}]
    assert json.loads(tags.texts["wangge-data"])["head"]["title"] == "明光路街道" + HOSTILE


def test_counts_agree_with_counting_buildings(town: WalkingMapData):
    counter = Counter(town, areas_of(town)["all"])
    counts = counts_out_of_reach(town, counter, metres_of(town))
    assert counts.shape == (len(town.serving), len(town.limits), len(GROUPS), 1)
    people = town.buildings["households"].to_numpy()
    for rank, limit in enumerate(town.limits):
        reach = town.straight if limit.method == "straight" else town.walking
        metres = reach.level_m if limit.unit == "min" else reach.distance_m
        for k in range(len(town.serving)):
            assert counts[k, rank, 0, 0] == people[~(metres[k] <= limit.metres)].sum()


def test_together_is_never_less_than_either(town: WalkingMapData):
    counter, metres = Counter(town, areas_of(town)["grids"]), metres_of(town)
    pairs_of, pairs = delivery_pairs(town)
    assert town.delivery is not None
    assert ((pairs_of >= 0) == (town.delivery.hours >= 0)).all()
    both = counts_with_delivery(town, counter, metres, pairs)
    alone = counts_out_of_reach(town, counter, metres)[pairs[0][0]]
    walks = [rank for rank, limit in enumerate(town.limits) if limit.method == "walking"]
    for place, rank in enumerate(walks):
        assert (both[0, 1 + place, 0] <= both[0, 0, 0]).all()
        assert (both[0, 1 + place, 0] <= alone[rank, 0]).all()


def test_small_counts_are_not_in_the_file(town: WalkingMapData):
    page = walking_page(town, "en")
    for group in GROUPS[1:]:
        shown = column(page, page["buildings"][group])
        assert SUPPRESSED in shown
        assert not {1, 2} & set(shown)
    for level in page["uncovered"].values():
        size = level["areas"]
        for ref in (*level["sets"], *level["pairs"]):
            counts = np.array(column(page, ref)).reshape(-1, len(GROUPS), size)
            totals = np.array(level["totals"])
            assert not np.isin(counts[:, 1:], (1, 2)).any()
            left = np.where(counts < 0, 0, totals - counts)
            assert not np.isin(left[:, 1:][:, totals[1:] >= 0], (1, 2)).any()
    for gap in page["areas"]["gaps"]:
        assert not {1, 2} & set(gap["people"][1:])


def test_a_place_may_hide_more(town: WalkingMapData):
    page = walking_page(dataclasses.replace(town, suppress_below=6), "en")
    assert page["texts"]["suppressed"] == "withheld"
    for group in (*GROUPS[1:], "residents"):
        assert not {1, 2, 3, 4, 5} & set(column(page, page["buildings"][group]))


def test_distances_survive_the_packing(town: WalkingMapData):
    page = walking_page(town, "en")
    order = np.argsort(town.buildings.geometry.hilbert_distance().to_numpy(), kind="stable")
    rows: list[np.ndarray] = []
    for item in page["reach"]["walking"]:
        told = np.array(column(page, item["changes"]))
        rows.append(np.cumsum(told) if item["parent"] < 0 else rows[item["parent"]] + told)
    assert (np.array(rows) == metres_of(town).walking[:, order]).all()
    assert column(page, page["week"]["hours"]) == town.hours.ravel().tolist()


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(-5, 70_000), min_size=6, max_size=6), min_size=1, max_size=5))
def test_rows_can_be_told_from_rows_like_them(table: list[list[int]]):
    parents, told = chain_rows(table)
    rows: list[np.ndarray] = []
    for parent, row in zip(parents, told, strict=True):
        rows.append(np.cumsum(row) if parent < 0 else rows[parent] + row)
    assert np.array(rows).tolist() == table


def test_columns_begin_where_a_typed_array_may():
    blob = Blob()
    refs = [blob.texts(["a"]), blob.numbers([1.5, 2.5], "f8"), blob.integers([300, -1])]
    assert all(ref["at"] % 8 == 0 for ref in refs)


def test_ways_lead_to_a_station_and_get_nearer(town: WalkingMapData):
    assert town.ways is not None
    graph, stations = town.ways.graph, town.ways.stations
    edges_at: list[list[int]] = [[] for _ in range(graph.nodes)]
    for edge in range(graph.edges):
        edges_at[graph.edge_from[edge]].append(edge)
        edges_at[graph.edge_to[edge]].append(edge)
    for mask in town.serving:
        codes = first_edges(graph, stations, mask)
        assert (codes == NO_WAY).all() == (not mask.any())
        for node in range(graph.nodes):
            at, steps = node, 0
            while codes[at] < ENDS:
                edge = edges_at[at][codes[at]]
                ends = (graph.edge_from[edge], graph.edge_to[edge])
                at = ends[1] if ends[0] == at else ends[0]
                steps += 1
                assert steps <= graph.nodes, "a way that goes round in a ring"
            if mask.any():
                last = edges_at[at][codes[at] - ENDS]
                assert last in set(stations.edge[mask])


def spoiled(**changes: Any) -> Callable[[WalkingMapData], WalkingMapData]:
    return lambda data: dataclasses.replace(data, **changes)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (spoiled(services=()), InvalidInputError, "services"),
        (spoiled(services=("affairs", "affairs", "canteen")), InvalidInputError, "each once"),
        (spoiled(hours=np.zeros((3, 24), dtype=int)), InvalidInputError, "shape"),
        (spoiled(hours=np.full((3, 168), 9)), InvalidInputError, "beyond the 4"),
        (spoiled(serving=np.zeros((4, 2), dtype=bool)), InvalidInputError, "sets of stations"),
        (spoiled(opens_at=(0, 168)), InvalidInputError, "hour 168"),
        (
            lambda d: dataclasses.replace(
                d, walking=dataclasses.replace(d.walking, station=d.walking.station * 0)
            ),
            InvalidInputError,
            "without a distance",
        ),
        (
            lambda d: dataclasses.replace(
                d, straight=dataclasses.replace(d.straight, distance_m=d.straight.distance_m[:, 1:])
            ),
            InvalidInputError,
            "'straight' has the shape",
        ),
        (
            lambda d: dataclasses.replace(d, gaps=d.gaps.to_crs(3857)),
            CrsMismatchError,
            "'gaps'",
        ),
        (
            lambda d: dataclasses.replace(d, gaps=d.gaps.drop(columns="elderly")),
            InvalidInputError,
            "elderly",
        ),
        (
            spoiled(accessibility={"affairs": np.zeros(3)}),
            InvalidInputError,
            "Accessibility of 'affairs'",
        ),
        (
            spoiled(indicators=[Indicator("x", "X", "number", np.zeros(1))]),
            InvalidInputError,
            "Indicator 'x'",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    town: WalkingMapData,
    spoil: Callable[[WalkingMapData], WalkingMapData],
    error: type[Exception],
    said: str,
):
    with pytest.raises(error, match=said):
        walking_map(spoil(town), language="en")


def test_too_many_buildings_are_refused_with_what_to_do(
    town: WalkingMapData, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(walking_data, "MOST_BUILDINGS", 100)
    with pytest.raises(InvalidInputError, match="holds 100 buildings; here are 384") as caught:
        walking_map(town, language="en")
    assert "vector tiles" in caught.value.remedy


def test_outlines_that_come_as_tiles_are_not_in_the_page(
    town: WalkingMapData, html: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(walking_data, "MOST_BUILDINGS", 100)
    tiled = dataclasses.replace(town, tiles="/v1/tiles/buildings/{z}/{x}/{y}?v=1")
    drawn = render_offline(walking_map(tiled, language="en"))
    assert "Pbf.PbfReader" in drawn
    monkeypatch.undo()
    again = render_offline(walking_map(town, language="en"))
    assert again == html, "a map with tiles leaves no trace in the next"
    assert "PbfReader" not in again
    page = walking_page(tiled, "en")
    part = page["buildings"]
    assert "shapes" not in part
    assert part["tiles"] == tiled.tiles
    numbers = column(page, part["numbers"])
    assert set(numbers) == {number_of(key) for key in town.buildings["id"]}


def test_what_is_optional_may_be_absent(town: WalkingMapData):
    bare = dataclasses.replace(
        town,
        delivery=None,
        ways=None,
        gaps=None,
        isochrones=None,
        catchments=None,
        accessibility={},
        indicators=(),
        roads=None,
        barriers=None,
        quarters=None,
    )
    page = walking_page(bare, "zh-CN")
    assert page["delivery"] is page["ways"] is None
    assert render_offline(walking_map(bare, language="zh-CN"))


@pytest.mark.parametrize("higher", [True, False])
def test_a_value_on_the_target_meets_it(higher: bool):  # noqa: FBT001 - a case
    classes, labels = indicator_classes(
        Indicator("x", "X", "number", np.array([30.0]), target=30.0, higher_is_better=higher), "en"
    )
    assert len(labels) == len(classes.colours) == len(classes.breaks) + 1

    def colour(value: float) -> str:
        return classes.colours[sum(value > bound for bound in classes.breaks)]

    short, met = (29.9, 30.0) if higher else (30.1, 30.0)
    assert colour(met) != colour(short)
    assert colour(met) == colour(met + (1 if higher else -1))


def test_who_could_subtract_houses_is_told_of_homes_alone(town: WalkingMapData):
    closed = dataclasses.replace(town, people_within=False)
    metres = metres_of(town)
    shown, told = (
        counts_out_of_reach(one, Counter(one, areas_of(one)["grids"]), metres)
        for one in (town, closed)
    )
    assert (told[:, :, 1:] == SUPPRESSED).all()
    assert (shown[:, :, 1:] != SUPPRESSED).any()
    assert (told[:, :, 0] == shown[:, :, 0]).all()
    page = walking_page(closed, "en")
    people = [one["people"] for one in page["areas"]["gaps"] if "people" in one]
    assert people
    assert all(each[1:] == [SUPPRESSED] * 3 for each in people)
