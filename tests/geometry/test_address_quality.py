"""How well descriptions are matched: on a labelled set of the sample, and on drawn cases."""

import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.addresses import (
    MATCH_COLUMNS,
    Gazetteer,
    MatchOptions,
    build_gazetteer,
    gazetteer_of_places,
    match_addresses,
    match_texts,
)
from gis.addresses.crossings import find_crossings
from gis.errors import InvalidInputError
from gis.geometry.crs import geodesic_distance_m, projected_crs
from gis.samples import generate_subdistrict
from gis.samples.addresses import labelled_addresses

pytestmark = pytest.mark.geometry

PAGE = Path(__file__).parents[2] / "docs" / "addresses.md"
CRS = projected_crs(117.31, 31.87)
#: Classes whose place nobody can know: each unique answer is wrong.
UNKNOWABLE = (
    "no such quarter",
    "no such building",
    "no such crossing",
    "no such facility",
    "several or coarse",
)
#: Lowest recall by class; what is not placed must wait, never be guessed.
RECALL = {
    "building": 0.99,
    "building and unit": 0.98,
    "building, short": 0.98,
    "building, in a sentence": 0.97,
    "building, in a long text": 0.97,
    "building, sounds like": 0.85,
    "building, looks like": 0.40,
    "building, a character left out": 0.0,
    "quarter": 0.97,
    "crossing": 0.97,
    "crossing, sounds like": 0.70,
    "house number": 0.98,
    "bus stop": 0.98,
    "point of interest": 0.97,
}


@pytest.fixture(scope="module")
def layers() -> dict[str, Any]:
    return dict(generate_subdistrict().layers)


@pytest.fixture(scope="module")
def gazetteer(layers: dict[str, Any]) -> Gazetteer:
    return build_gazetteer(layers, CRS)


@pytest.fixture(scope="module")
def judged(layers: dict[str, Any], gazetteer: Gazetteer) -> pd.DataFrame:
    """The labelled set with answers: unique, right, and the right one among the candidates."""
    labelled = labelled_addresses(layers, np.random.default_rng(20260501), each=150)
    options = MatchOptions(apply_offsets=False)  # a label is the crossing, not 50 m beside it
    answers = match_addresses(labelled["text"], gazetteer, options)
    unique = answers["status"] == "unique"
    offered = [
        any(is_right(label, one) for one in candidates)
        for label, candidates in zip(
            labelled.to_dict("records"), answers["candidates"], strict=True
        )
    ]
    first = [
        bool(candidates) and is_right(label, candidates[0])
        for label, candidates in zip(
            labelled.to_dict("records"), answers["candidates"], strict=True
        )
    ]
    return labelled.assign(unique=unique, right=unique & np.array(first), offered=offered)


def is_right(label: dict[str, Any], candidate: dict[str, Any]) -> bool:
    if label["kind"] == "crossing":
        away = geodesic_distance_m(label["lon"], label["lat"], candidate["lon"], candidate["lat"])
        return candidate["kind"] == "crossing" and float(away) < 30
    return candidate["id"] in label["ids"]


def table(judged: pd.DataFrame) -> str:
    """Return the measured table as docs/addresses.md shows it."""
    lines = [
        "| class | texts | placed | precision | recall | right one offered |",
        "|---|---|---|---|---|---|",
    ]
    for label, rows in [*judged.groupby("label", sort=False), ("all", judged)]:
        placed, right = int(rows["unique"].sum()), int(rows["right"].sum())
        known = rows[rows["kind"].notna()]
        precision = f"{right / placed:.3f}" if placed else "–"
        recall = f"{right / len(known):.3f}" if len(known) else "–"
        offered = f"{known['offered'].mean():.3f}" if len(known) else "–"
        lines.append(f"| {label} | {len(rows)} | {placed} | {precision} | {recall} | {offered} |")
    return "\n".join(lines)


@pytest.mark.slow
def test_what_is_placed_is_right(judged: pd.DataFrame):
    placed = judged[judged["unique"]]
    assert len(placed) > 1_500
    assert placed["right"].mean() >= 0.99


@pytest.mark.parametrize("label", RECALL)
def test_what_can_be_known_is_placed(judged: pd.DataFrame, label: str):
    rows = judged[judged["label"] == label]
    assert len(rows) == 150
    assert rows["right"].mean() >= RECALL[label], rows.loc[~rows["right"], "text"].tolist()[:10]
    assert rows.loc[rows["unique"], "right"].mean() >= 0.98


@pytest.mark.parametrize("label", UNKNOWABLE)
def test_what_nobody_can_know_is_not_placed(judged: pd.DataFrame, label: str):
    rows = judged[judged["label"] == label]
    assert len(rows) == 150
    assert rows["unique"].mean() <= 0.02, rows.loc[rows["unique"], "text"].tolist()


def test_whoever_decides_is_offered_the_right_place(judged: pd.DataFrame):
    waiting = judged[~judged["unique"] & judged["kind"].notna()]
    assert waiting["offered"].mean() >= 0.95


def test_every_class_is_measured(judged: pd.DataFrame):
    assert set(judged["label"]) == {*RECALL, *UNKNOWABLE}


def test_the_documentation_shows_what_is_measured(judged: pd.DataFrame):
    [shown] = re.findall(
        r"^(\| class \|.*?)\n\n", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert shown == table(judged), f"put this into docs/addresses.md:\n{table(judged)}"


def test_the_same_texts_get_the_same_answers_in_any_batch(gazetteer: Gazetteer):
    texts = ["永木小区3号楼", "霜序路与凝翠路交叉口", "3号楼", "踏莎公园", "没有"]
    together = match_texts(texts, gazetteer)
    assert together == [match_texts([text], gazetteer)[0] for text in texts]
    assert together[::-1] == match_texts(texts[::-1], gazetteer)


def test_the_answers_keep_the_index_of_a_series(gazetteer: Gazetteer):
    texts = pd.Series(["永睦小区3号楼", "没有这个"], index=["b", "a"])
    answers = match_addresses(texts, gazetteer)
    assert list(answers.index) == ["b", "a"]
    assert list(answers.columns) == list(MATCH_COLUMNS)
    assert answers["status"].tolist() == ["unique", "none"]
    assert len(match_addresses([], gazetteer)) == 0


def test_an_offset_moves_the_point_and_adds_to_the_doubt(gazetteer: Gazetteer):
    plain, moved = match_texts(
        ["霜序路与凝翠路交叉口", "霜序路与凝翠路交叉口北侧约100米"], gazetteer
    )
    assert plain.place is not None
    assert moved.place is not None
    away = geodesic_distance_m(plain.place.lon, plain.place.lat, moved.place.lon, moved.place.lat)
    assert float(away) == pytest.approx(100, abs=0.01)
    assert moved.place.lat > plain.place.lat
    assert moved.place.precision_m == plain.place.precision_m + 50


def test_a_house_that_is_missing_lies_between_its_neighbours(layers: dict[str, Any]):
    """Every seventh address is hidden, and sought between the others."""
    buildings = layers["buildings"]
    hidden = buildings["address"].notna() & (np.arange(len(buildings)) % 7 == 0)
    known = buildings.assign(address=buildings["address"].where(~hidden, None))
    gazetteer = build_gazetteer({**layers, "buildings": known}, CRS)
    sought = buildings[hidden]
    answers = match_addresses(sought["address"].tolist(), gazetteer)
    placed = (answers["method"] == "interpolated").to_numpy()
    assert placed.mean() > 0.1  # elsewhere the next houses are too far apart
    truth = shapely.get_coordinates(sought.geometry.representative_point().to_numpy())[placed]
    found = answers.loc[placed, ["lon", "lat"]].to_numpy(float)
    away = geodesic_distance_m(*truth.T, *found.T)
    assert np.median(away) < 40
    assert (away <= answers.loc[placed, "precision_m"].to_numpy(float)).mean() > 0.8
    assert (answers.loc[~placed, "status"] != "unique").all()


# ---- drawn cases -------------------------------------------------------------------------------


def lines(*pieces: tuple[str, list[tuple[float, float]]]) -> gpd.GeoDataFrame:
    """Roads in metres around a corner in Hefei."""
    x0, y0 = 529_000.0, 3_527_000.0
    shapes = [shapely.LineString([(x0 + x, y0 + y) for x, y in at]) for _, at in pieces]
    rows = {"id": [f"r{i}" for i in range(len(pieces))], "name": [name for name, _ in pieces]}
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS).to_crs(4326)


def test_roads_cross_where_they_meet_or_nearly_meet():
    roads = lines(
        ("天水路", [(0, 0), (500, 0)]),
        ("万罗山路", [(100, -200), (100, 200)]),
        ("临泉路", [(300, 15), (300, 300)]),  # stops 15 m short
        ("站前路", [(400, 60), (400, 300)]),  # does not come near
    )
    gazetteer = build_gazetteer({"roads": roads}, CRS)
    assert set(gazetteer.crossings) == {("万罗山路", "天水路"), ("临泉路", "天水路")}
    texts = [
        "天水路与万罗山路交叉口",
        "万罗山路天水路路口",
        "临泉路和天水路交口",
        "站前路与天水路交口",
    ]
    first, second, third, fourth = match_texts(texts, gazetteer)
    assert first.place == second.place
    assert third.status == "unique"
    assert (fourth.status, fourth.reason) == ("ambiguous", "crossing_not_found")
    assert [one.place.kind for one in fourth.candidates] == ["road", "road"]


def test_a_dual_carriageway_has_one_crossing_and_a_road_that_comes_back_has_two():
    keys = ["a", "a", "b", "c"]
    drawn = [
        shapely.LineString([(0, 0), (500, 0)]),
        shapely.LineString([(0, 18), (500, 18)]),
        shapely.LineString([(100, -50), (100, 50)]),
        shapely.LineString([(200, -50), (200, 60), (400, 60), (400, -50)]),
    ]
    found = find_crossings(keys, np.array(drawn), near_miss_m=5, same_place_m=60)
    assert found["a", "b"] == pytest.approx(np.array([[100, 9]]))
    assert found["a", "c"] == pytest.approx(np.array([[200, 9], [400, 9]]))
    assert find_crossings([], np.array([], dtype=object), near_miss_m=5, same_place_m=60) == {}


def two_towns() -> dict[str, Any]:
    """Two communities with a quarter of the same name each, and a road at the first."""
    x0, y0 = 529_000.0, 3_527_000.0

    def frame(rows: list[dict[str, Any]], boxes: list[tuple[float, ...]]) -> gpd.GeoDataFrame:
        shapes = [shapely.box(x0 + a, y0 + b, x0 + c, y0 + d) for a, b, c, d in boxes]
        return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS).to_crs(4326)

    return {
        "communities": frame(
            [{"id": "c1", "name": "渡云社区"}, {"id": "c2", "name": "听雁社区"}],
            [(0, 0, 1000, 1000), (1000, 0, 2000, 1000)],
        ),
        "quarters": frame(
            [
                {"id": "q1", "name": "永睦小区", "community_id": "c1"},
                {"id": "q2", "name": "永睦小区", "community_id": "c2"},
            ],
            [(100, 100, 200, 200), (1700, 100, 1800, 200)],
        ),
        "buildings": frame(
            [
                {
                    "id": "b1",
                    "name": "永睦小区3号楼",
                    "quarter_id": "q1",
                    "community_id": "c1",
                    "address": None,
                },
                {
                    "id": "b2",
                    "name": "3号楼",
                    "quarter_id": "q2",
                    "community_id": "c2",
                    "address": None,
                },
            ],
            [(110, 110, 140, 125), (1710, 110, 1740, 125)],
        ),
        "roads": lines(("天水路", [(0, 90), (400, 90)]), ("万罗山路", [(1600, 0), (1600, 400)])),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("永睦小区3号楼", "several_places"),
        ("永睦小区", "several_places"),
        ("渡云社区永睦小区3栋", "b1"),
        ("听雁社区永睦小区三幢", "b2"),
        ("天水路永睦小区3号楼", "b1"),
        ("万罗山路永睦小区3号楼", "b2"),
        ("听雁社区天水路永睦小区3号楼", "contradiction"),
        ("渡云社区永睦小区", "q1"),
    ],
)
def test_a_name_in_two_communities_needs_to_be_told_apart(text: str, answer: str):
    [match] = match_texts([text], build_gazetteer(two_towns(), CRS))
    told = match.place.id if match.place else match.reason
    assert told == answer


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("东二环纺织新村门口", "纺织新村"),
        ("天水路与万罗山路交叉口", "天水路与万罗山路交叉口"),
        ("万罗山路和天水路交口东侧", "天水路与万罗山路交叉口"),
        ("九章公交车站", "九章站"),
        ("临泉路加油站", "加油站"),
    ],
)
def test_a_list_of_places_is_a_gazetteer(text: str, place: str):
    rows = [
        ("quarter", "纺织新村", 117.342, 31.860, ("东二环",)),
        ("road", "东二环路", 117.343, 31.860, ()),
        ("road", "临泉路", 117.35, 31.87, ()),
        ("road", "天水路", 117.32, 31.92, ()),
        ("road", "万罗山路", 117.316, 31.93, ()),
        ("crossing", "天水路与万罗山路交叉口", 117.316, 31.931, ("天水路", "万罗山路")),
        ("bus_stop", "九章站", 117.31, 31.85, ()),
        ("poi", "加油站", 117.35, 31.87, ("临泉路",)),
        ("poi", "加油站", 117.25, 31.80, ("天水路",)),
    ]
    places = pd.DataFrame(rows, columns=["kind", "name", "lon", "lat", "roads"])
    [match] = match_texts([text], gazetteer_of_places(places))
    assert match.place is not None, match
    assert match.place.name == place


@pytest.mark.parametrize(
    ("kind", "roads", "message"),
    [("building", (), "kind 'building'"), ("crossing", ("天水路",), "two roads, not 1")],
)
def test_a_list_with_other_places_is_refused(kind: str, roads: tuple[str, ...], message: str):
    rows = [{"kind": kind, "name": "x", "lon": 117.3, "lat": 31.8, "roads": roads}]
    with pytest.raises(InvalidInputError, match=message):
        gazetteer_of_places(pd.DataFrame(rows))


def test_options_out_of_order_are_refused():
    with pytest.raises(InvalidInputError, match="not in order"):
        MatchOptions(threshold=50, cut=60)
