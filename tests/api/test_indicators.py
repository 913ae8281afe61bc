"""Isochrones, runs of coverage, indicators and the rows behind them, over HTTP."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pyogrio
import pytest
import shapely
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session

from gis.jobs.coverage_run import WORKS
from gis.layers.buildings import Building
from gis.layers.stations import Station
from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import is_problem, serving
from tests.streets import add_streets
from tests.town import CODE_OF, key, lon_lat
from tests.working import work_once

pytestmark = pytest.mark.api

MORNING = {"service": "affairs", "at": "2026-05-06T10:00:00+08:00"}
CENTRE = key("stations", "Centre")
POINT = "{:.4f},{:.4f}".format(*lon_lat(4.5, 2))


@pytest.fixture(scope="module")
def here(
    new_database: Callable[[str], str], scope: Scope, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The town with streets, small counts withheld."""
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    home = tmp_path_factory.mktemp("home")
    return Settings(database_url=url, pool_size=4, home=home, suppress_below=3)


@pytest.fixture(scope="module")
def walkable(here: Settings) -> Iterator[httpx.Client]:
    with serving(here) as client:
        yield client


def shapes(body: dict[str, Any]) -> list[shapely.Geometry]:
    return [
        shapely.from_geojson(str(one["geometry"]).replace("'", '"')) for one in body["features"]
    ]


def test_an_isochrone_of_a_station_says_how_far_and_by_what(walkable: httpx.Client):
    asked = {"station": CENTRE, "minutes": "3,6", "speed": "elderly"}
    answer = walkable.get("/v1/isochrone", params=asked).raise_for_status()
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert (body["method"], body["speed"], body["speed_m_s"]) == ("walking", "elderly", 0.8)
    assert body["network"]
    assert body["calendar"] is None  # nobody's hours were asked about
    assert body["stations_serving"] == 1
    small, large = (one["properties"] for one in body["features"])
    assert (small["walk_minutes"], small["distance_m"]) == (3, 144)
    assert (large["walk_minutes"], large["distance_m"]) == (6, 288)
    assert small["station_id"] == CENTRE
    assert 0 < small["households"] < large["households"]
    inner, outer = shapes(body)
    assert inner.is_valid
    assert shapely.Point(*lon_lat(1.3, 0.7)).within(inner)
    assert inner.within(shapely.buffer(outer, 1e-6))


def test_an_isochrone_of_a_point_or_of_all_that_are_open(walkable: httpx.Client):
    point = walkable.get("/v1/isochrone", params={"point": POINT, "metres": "200"}).json()
    assert point["features"][0]["properties"]["walk_minutes"] == 2.8
    serving_now = walkable.get("/v1/isochrone", params={**MORNING, "each": True}).json()
    assert serving_now["stations_serving"] == 3
    assert serving_now["calendar"] == "verified"
    assert len({one["properties"]["station_id"] for one in serving_now["features"]}) == 3
    night = {"service": "affairs", "at": "2026-05-06T03:00:00+08:00"}
    nobody = walkable.get("/v1/isochrone", params=night).json()
    assert nobody["reason"] == "none_open"
    assert [one["geometry"]["coordinates"] for one in nobody["features"]] == [[], [], []]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"station": CENTRE, "point": POINT}, 422),
        ({"station": key("stations", "nobody")}, 404),
        ({"station": "Centre"}, 422),
        ({"point": "200.0,31.5"}, 422),
        ({"point": "117.3"}, 422),
        ({"point": "117.9,31.5"}, 422),
        ({"point": POINT, "minutes": "0"}, 422),
        ({"point": POINT, "minutes": "5,,6"}, 422),
        ({"point": POINT, "minutes": "900"}, 422),
        ({"point": POINT, "speed_m_s": "9"}, 422),
        ({"point": POINT, "speed": "dog"}, 422),
        ({"point": POINT, "radius": "500"}, 400),
        ({"at": "2026-05-06T10:00:00+08:00", "as_of": "2026-05-06"}, 422),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    walkable: httpx.Client, asked: dict[str, str], status: int
):
    assert is_problem(walkable.get("/v1/isochrone", params=asked), status)["remedy"]


def test_without_roads_it_says_what_to_do(client: httpx.Client):
    body = is_problem(client.get("/v1/isochrone", params={"point": POINT}), 422)
    assert "import" in body["remedy"]


def test_catchments_and_gaps_withhold_small_counts(walkable: httpx.Client):
    caught = walkable.get("/v1/catchments", params={**MORNING, "minutes": "15"}).json()
    assert caught["stations_serving"] == 3
    drawn = shapes(caught)
    whole = shapely.union_all(drawn)
    assert shapely.area(whole) == pytest.approx(sum(shapely.area(one) for one in drawn), rel=1e-4)
    gaps = walkable.get("/v1/coverage/gaps", params={**MORNING, "metres": "300"}).json()
    straight = walkable.get(
        "/v1/coverage/gaps", params={**MORNING, "metres": "300", "by": "straight_line"}
    ).json()
    assert (gaps["method"], straight["method"]) == ("walking", "straight_line")
    assert straight["network"] is None
    assert straight["area_m2"] < gaps["area_m2"]
    households = [one["properties"]["households"] for one in gaps["features"]]
    assert households == sorted(households, reverse=True)
    for body in (caught, gaps, straight):
        for one in body["features"]:
            facts = one["properties"]
            for name in ("residents", "elderly", "children", "low_income_households"):
                assert facts[name] is None or facts[name] == 0 or facts[name] >= 3
                assert (facts[name] is None) == (name in facts["suppressed"])
    code = CODE_OF["A"]
    own = walkable.get("/v1/coverage/gaps", params={"community": code, "metres": "300"})
    assert own.status_code == 200
    is_problem(walkable.get("/v1/coverage/gaps", params={"community": "340102009009"}), 404)


@pytest.mark.slow
def test_a_station_in_the_river_and_buildings_beyond_the_roads_are_seen(
    fresh_url: str, scope: Scope
):
    """The hub and a building stand far from every road."""
    hub = key("stations", "Hub")
    engine = create_engine(fresh_url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
        far = f"SRID=4326;{shapely.Point(lon_lat(30, 3)).wkt}"
        session.execute(update(Station).where(Station.id == hub).values(geometry=far))
        one = session.scalars(select(Building.id).order_by(Building.id)).first()
        box = (
            f"SRID=4326;{shapely.MultiPolygon([shapely.box(*lon_lat(29, 5), *lon_lat(30, 4))]).wkt}"
        )
        session.execute(
            update(Building).where(Building.id == one).values(geometry=box, entrance=None)
        )
    engine.dispose()
    day = {"service": "police", "as_of": "2026-05-06"}
    with serving(Settings(database_url=fresh_url, suppress_below=1)) as client:
        told = [
            client.get(f"/v1/{path}", params=day).raise_for_status().json()
            for path in ("isochrone", "catchments", "coverage/gaps")
        ]
        named = client.get("/v1/isochrone", params={"station": f"{hub},{CENTRE}"}).json()
        straight = client.get("/v1/coverage/gaps", params=day | {"by": "straight_line"}).json()
    for body in (*told, named):
        assert body["stations_off_network"] == [hub]
        assert body["buildings_off_network"] == 1
    assert told[0]["reason"] == "no_road_within_reach"
    assert (straight["stations_off_network"], straight["buildings_off_network"]) == ([], None)


@pytest.fixture(scope="module")
def measured(walkable: httpx.Client, here: Settings) -> dict[str, Any]:
    """A run of the day, done by the worker."""
    is_problem(walkable.get("/v1/indicators"), 404)
    sent = {"services": ["affairs", "any"], "metres": [300], "minutes": [10], "speed": "elderly"}
    begun = walkable.post("/v1/coverage/runs", json={**sent, "as_of": "2026-05-06"})
    assert begun.status_code == 202, begun.text
    work_once(here, WORKS)
    job: dict[str, Any] = walkable.get(begun.headers["Location"]).json()
    assert job["status"] == "succeeded", job["error"]
    return job


def test_a_run_is_measured_by_the_worker_and_kept(walkable: httpx.Client, measured: dict[str, Any]):
    (run,) = walkable.get("/v1/coverage/runs").json()["runs"]
    report = measured["report"]
    assert run["id"] == report["run_id"]
    assert (run["as_of"], run["method"], run["speed"]) == ("2026-05-06", "walking", "elderly")
    assert run["network_id"]
    assert run["network"] == report["network"]
    assert run["services"] == ["affairs", "any"]
    told = report["subdistrict"]
    assert 0 < told["households_covered:affairs_300_m"] <= told["households_covered:any_300_m"] <= 1
    assert not any("residents" in code for code in told if "covered" in code)


def test_indicators_have_areas_values_and_pages(walkable: httpx.Client, measured: dict[str, Any]):
    asked = {"as_of": "2026-05-20", "indicator": "households_covered:affairs_300_m"}
    body = walkable.get("/v1/indicators", params=asked).raise_for_status().json()
    assert body["run"]["as_of"] == "2026-05-06"  # the last one before the day
    kinds = [one["area_kind"] for one in body["indicators"]]
    assert set(kinds) == {"grid", "community", "subdistrict"}
    for one in body["indicators"]:
        if one["value"] is not None:
            assert one["value"] == pytest.approx(one["numerator"] / one["denominator"], abs=1e-6)
        assert (one["unit"], one["target"], one["month"]) == ("share", None, None)
    communities = {
        one["code"]: one for one in body["indicators"] if one["area_kind"] == "community"
    }
    assert set(communities) == set(CODE_OF.values())
    own = {"area_kind": "grid", "community": CODE_OF["A"], "as_of": "2026-05-06", "limit": "3"}
    page = walkable.get("/v1/indicators", params=own).json()
    assert len(page["indicators"]) == 3
    following = page["links"][1]["href"]
    again = walkable.get(following).raise_for_status().json()
    assert again["indicators"][0] != page["indicators"][0]
    a = key("communities", "A")
    assert {one["community_id"] for one in page["indicators"] + again["indicators"]} == {a}
    is_problem(walkable.get("/v1/indicators", params={"indicator": "no_such"}), 404)
    is_problem(walkable.get("/v1/indicators", params={"as_of": "2020-01-01"}), 404)


@pytest.mark.slow
def test_every_number_is_traced_to_its_buildings(walkable: httpx.Client, measured: dict[str, Any]):
    asked = {"as_of": "2026-05-06", "indicator": "households_covered:affairs_300_m"}
    numbers = walkable.get("/v1/indicators", params=asked).json()["indicators"]
    for number in numbers:
        which = {**asked, "area_kind": number["area_kind"], "area_id": number["area_id"]}
        body = walkable.get("/v1/indicators/evidence", params=which).raise_for_status().json()
        assert body["current"]
        rows = body["rows"]
        assert sum(row["amount"] for row in rows) == number["denominator"]
        assert sum(row["amount"] for row in rows if row["counted"]) == number["numerator"]
        for row in rows:
            assert row["layer"] == "buildings"
            assert row["counted"] == (row["distance_m"] is not None and row["distance_m"] <= 300)


def test_evidence_withholds_small_counts_of_people(
    walkable: httpx.Client, measured: dict[str, Any]
):
    asked = {
        "as_of": "2026-05-06",
        "indicator": "elderly_covered:any_10_min",
        "area_kind": "subdistrict",
    }
    rows = walkable.get("/v1/indicators/evidence", params=asked).json()["rows"]
    assert any(row["suppressed"] for row in rows)
    for row in rows:
        assert (row["amount"] is None) == row["suppressed"]
        assert row["amount"] is None or row["amount"] >= 3
    is_problem(walkable.get("/v1/indicators/evidence", params={**asked, "indicator": "none"}), 404)
    is_problem(walkable.get("/v1/indicators/evidence", params={**asked, "area_kind": "grid"}), 422)
    nobody = {**asked, "area_kind": "grid", "area_id": key("grids", "nobody")}
    is_problem(walkable.get("/v1/indicators/evidence", params=nobody), 404)


@pytest.mark.parametrize(
    "sent",
    [
        {"services": ["laundry"]},
        {"metres": [0]},
        {"metres": [], "minutes": []},
        {"speed": "dog"},
        {"method": "flying"},
        {"as_of": "yesterday"},
        {"colour": "red"},
    ],
)
def test_a_run_that_cannot_be_measured_is_refused(walkable: httpx.Client, sent: dict[str, object]):
    is_problem(walkable.post("/v1/coverage/runs", json=sent), 422)


def test_coverage_leaves_as_a_file(
    walkable: httpx.Client, measured: dict[str, Any], tmp_path: Path
):
    asked = {**MORNING, "minutes": "5", "layers": "isochrones,catchments,indicators"}
    answer = walkable.get("/v1/coverage/export", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geopackage+sqlite3"
    file = tmp_path / "coverage.gpkg"
    file.write_bytes(answer.content)
    assert {"isochrones", "catchments", "indicators"} <= {n for n, _ in pyogrio.list_layers(file)}
    table = walkable.get("/v1/coverage/export", params={**asked, "format": "xlsx"})
    assert table.content[:2] == b"PK"
    is_problem(walkable.get("/v1/coverage/export", params={"layers": "roads"}), 422)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["walking", "straight_line"])
def test_no_two_thresholds_of_a_place_give_a_small_count_away(walkable: httpx.Client, by: str):
    """Each in an answer of its own, in metres and in minutes at every speed."""
    asked = [
        *({"metres": f"{metres}"} for metres in (60, 130, 210, 300, 360, 500)),
        *(
            {"minutes": minutes, "speed": speed}
            for minutes in ("1", "3", "5")
            for speed in ("adult", "elderly")
        ),
    ]
    seen: dict[tuple[str, str], set[int]] = {}
    for one in asked:
        params = {**MORNING, **one, "by": by, "per": "grid"}
        for area in walkable.get("/v1/coverage", params=params).raise_for_status().json()["areas"]:
            for within in area["within"]:
                for name, count in within["covered"].items():
                    if name != "households" and count is not None:
                        seen.setdefault((area["id"], name), {0}).add(count)
            for name, count in area["counts"].items():
                if name != "households" and count is not None:
                    seen.setdefault((area["id"], name), {0}).add(count)
    steps = [b - a for counts in seen.values() for a, b in pairwise(sorted(counts))]
    assert len(steps) > 20
    assert min(steps) >= 3
