"""Real descriptions of places in Hefei: what is read in them, and one half found by the other.

There is no gazetteer of Hefei here. So the names and points of one half of the texts make one, and
the other half is matched with it; each text's own point says how far the answer is off. No text
stands in both halves. The points are whatever geocoder made them, in an undeclared system: the
distances say how well names are matched, not where places are.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gis.addresses import MatchOptions, gazetteer_of_places, match_addresses, match_texts, parse
from gis.addresses.gazetteer import stop_base
from gis.addresses.normalise import name_key, normalise
from gis.geometry.crs import geodesic_distance_m

pytestmark = [pytest.mark.geometry, pytest.mark.realdata]

PAGE = Path(__file__).parents[2] / "docs" / "addresses.md"
HEFEI = Path(__file__).parents[3] / "shared" / "data" / "hefei"
#: Points of one name that lie further apart are not one place.
CONSISTENT_M = 300.0
KINDS = {"road_landmark": "poi", "landmark": "poi", "quarter": "quarter", "building": "quarter"}
SAYS = {
    "all": "all",
    "building": "quarter and building",
    "bus_stop": "bus stop",
    "crossing": "crossing",
    "house_number": "road and house number",
    "kilometre": "road and kilometre",
    "landmark": "landmark",
    "other": "something else",
    "poi": "landmark",
    "quarter": "quarter",
    "road": "road alone",
    "road_landmark": "road and landmark",
}


def _read(value: object, found: list[dict[str, Any]]) -> None:
    if isinstance(value, dict):
        if "sgdd" in value:
            found.append(value)
        for below in value.values():
            _read(below, found)
    elif isinstance(value, list):
        for below in value:
            _read(below, found)


@pytest.fixture(scope="module")
def texts() -> pd.DataFrame:
    """Each text once, with its point where it has one."""
    files = sorted(HEFEI.glob("clusterdata_*.json"))
    if not files:
        pytest.skip(f"{HEFEI} is not there")
    rows: list[dict[str, Any]] = []
    for file in files:
        _read(json.loads(file.read_text("utf-8")), rows)
    frame = pd.DataFrame(rows)[["sgdd", "lng", "lat"]].rename(columns={"sgdd": "text"})
    # The same words in another spelling are the same text.
    once = ~frame["text"].map(normalise).duplicated()
    return frame[once].reset_index(drop=True)


def places_of(texts: pd.DataFrame) -> pd.DataFrame:
    """Return the places that texts name, with the middle of their points, if these agree."""
    named: dict[tuple[str, str, tuple[str, ...]], list[tuple[float, float]]] = {}
    roads: dict[str, list[tuple[float, float]]] = {}
    for text, lon, lat in texts[["text", "lng", "lat"]].itertuples(index=False):
        parts = parse(text)
        at = (float(lon), float(lat))
        for road in parts.roads:
            roads.setdefault(road, []).append(at)
        if parts.crossing:
            key = ("crossing", "与".join(parts.crossing), parts.crossing)
        elif parts.kind == "bus_stop":
            key = ("bus_stop", f"{parts.bus_stop}站", ())
        elif parts.kind in KINDS:
            key = (KINDS[parts.kind], str(parts.quarter or parts.landmark), parts.roads)
        else:
            continue
        named.setdefault(key, []).append(at)
    rows = [
        {"kind": "road", "name": road, "lon": lon, "lat": lat, "precision_m": 1_000.0, "roads": ()}
        for road, points in roads.items()
        for lon, lat in [np.median(points, axis=0)]
    ]
    for (kind, name, near), points in named.items():
        lon, lat = np.median(points, axis=0)
        away = geodesic_distance_m(lon, lat, *np.array(points).T)
        if away.max() <= CONSISTENT_M and len(name_key(name)) >= 2:
            rows.append(
                {
                    "kind": kind,
                    "name": name,
                    "lon": lon,
                    "lat": lat,
                    "precision_m": 50.0,
                    "roads": near,
                }
            )
    return pd.DataFrame(rows)


def shares(texts: pd.DataFrame) -> str:
    """Return how many texts say what, as docs/addresses.md shows it."""
    kinds = texts["text"].map(lambda text: parse(text).kind).value_counts()
    ordered = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    lines = ["| says | texts | share |", "|---|---|---|"]
    lines += [f"| {SAYS[kind]} | {count} | {count / len(texts):.1%} |" for kind, count in ordered]
    return "\n".join([*lines, f"| all | {len(texts)} | 100.0% |"])


@pytest.fixture(scope="module")
def judged(texts: pd.DataFrame) -> pd.DataFrame:
    """The second half of the texts, matched with the names of the first."""
    known = texts[texts["lng"].notna()].reset_index(drop=True)
    order = np.random.default_rng(1).permutation(len(known))
    first, second = known.iloc[order[::2]], known.iloc[order[1::2]]
    gazetteer = gazetteer_of_places(places_of(first))
    options = MatchOptions(apply_offsets=False)  # their points leave 南侧100米 out
    answers = match_addresses(second["text"], gazetteer, options)
    own, found = second[["lng", "lat"]].to_numpy(float), answers[["lon", "lat"]].to_numpy(float)
    placed = (answers["status"] == "unique").to_numpy()
    away = np.full(len(second), np.nan)
    away[placed] = geodesic_distance_m(*own[placed].T, *found[placed].T)
    parts = [parse(text) for text in second["text"]]
    return second.assign(
        kind=[KINDS.get(one.kind, one.kind) for one in parts],
        known=[
            one.crossing in gazetteer.crossings
            or stop_base(one.bus_stop or "") in gazetteer.stops
            or (one.quarter or one.landmark) in gazetteer.names
            for one in parts
        ],
        placed=placed,
        away_m=away,
        near=away <= CONSISTENT_M,
    )


def table(judged: pd.DataFrame) -> str:
    """Return what was found, as docs/addresses.md shows it."""
    heads = ("says", "texts", "named in the other half", "placed", "within 300 m", "median")
    heads = (*heads, "90 % within", "recall of the named")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    told = judged[judged["kind"].isin(["crossing", "quarter", "poi", "bus_stop"])]
    for kind, rows in [*told.groupby("kind"), ("all", judged)]:
        placed = rows[rows["placed"]]
        named = rows[rows["known"]]
        away = placed["away_m"]
        lines.append(
            f"| {SAYS[str(kind)]} | {len(rows)} | {len(named)} | {len(placed)} "
            f"| {placed['near'].mean():.3f} | {away.median():.0f} m | {away.quantile(0.9):.0f} m "
            f"| {named['near'].mean():.3f} |"
        )
    return "\n".join(lines)


def test_most_real_texts_are_taken_apart(texts: pd.DataFrame):
    kinds = texts["text"].map(lambda text: parse(text).kind).value_counts(normalize=True)
    assert len(texts) > 5_000
    assert kinds["crossing"] > 0.40
    assert kinds["road_landmark"] > 0.20
    assert kinds["quarter"] > 0.10
    assert kinds["kilometre"] > 0.10
    assert kinds["bus_stop"] > 0.005
    assert kinds.get("other", 0) + kinds["road"] < 0.05


def test_one_half_of_the_texts_is_found_by_the_other(judged: pd.DataFrame):
    placed, named = judged[judged["placed"]], judged[judged["known"]]
    crossings = placed[placed["kind"] == "crossing"]
    assert len(placed) > 800
    assert placed["near"].mean() > 0.94
    assert placed["away_m"].median() < 10
    assert crossings["near"].mean() > 0.96
    assert named.loc[named["kind"] == "crossing", "near"].mean() > 0.95
    assert named["near"].mean() > 0.80


def test_a_guess_would_not_do_as_well(judged: pd.DataFrame):
    """Places are 15 km apart in the middle: what is found within 300 m is not found by chance."""
    own = judged[["lng", "lat"]].to_numpy(float)
    other = own[np.random.default_rng(2).permutation(len(own))]
    away = geodesic_distance_m(*own.T, *other.T)
    assert np.median(away) > 5_000
    assert (away <= CONSISTENT_M).mean() < 0.01


def test_the_documentation_shows_what_is_measured(texts: pd.DataFrame, judged: pd.DataFrame):
    page = PAGE.read_text("utf-8")
    for measured in (shares(texts), table(judged)):
        assert measured in page, f"put this into docs/addresses.md:\n{measured}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("天水路与万罗山路交叉口", "万罗山路与天水路交叉口"),
        ("东二环纺织新村门口", "东二环路 纺织新村门口"),
    ],
)
def test_the_examples_are_found_however_they_are_written(
    texts: pd.DataFrame, text: str, other: str
):
    known = texts[texts["lng"].notna()]
    gazetteer = gazetteer_of_places(places_of(known))
    one, again = match_texts([text, other], gazetteer)
    assert one.place is not None, one
    assert one.place == again.place
