"""Lists: the right rows, each once, in one statement a page, with small counts left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import numpy as np
import pytest
import shapely
from pydantic import BaseModel
from sqlalchemy import Engine, event
from sqlalchemy.orm import sessionmaker

from api.schemas import features
from gis.database.engine import make_engine, session_factory, transaction
from gis.layers import matters
from gis.layers.incidents import Incident
from gis.layers.queries import point
from gis.scope import Scope
from gis.services.locating import assign_layer
from gis.settings import Settings
from tests.api.serving import every_page, is_problem, serving
from tests.api.test_openapi import SPEC
from tests.town import (
    BUILDINGS,
    CODE_OF,
    GRIDS,
    STATIONS,
    TIMEZONE,
    grid_id,
    key,
    squares,
    town_dataset,
)

pytestmark = pytest.mark.api

NOUNS: dict[str, type[BaseModel]] = {
    "communities": features.Communities,
    "grids": features.Grids,
    "buildings": features.Buildings,
    "stations": features.Stations,
    "incidents": features.Incidents,
    "demands": features.Demands,
}


@pytest.fixture(scope="module")
def client(town_url: str, scope: Scope) -> Iterator[httpx.Client]:
    """A client of a town in which every matter has been assigned."""
    engine = make_engine(town_url)
    with transaction(session_factory(engine)) as session:
        for layer in ("incidents", "demands"):
            assign_layer(session, scope, layer, timezone=TIMEZONE)
    engine.dispose()
    with serving(Settings(database_url=town_url, pool_size=4)) as client:
        yield client


@contextmanager
def statements(engine: Engine | type[Engine] = Engine) -> Iterator[list[str]]:
    """Collect every SQL statement that is sent."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


#: Beside the page: the grids of its communities and the sums of these; of buildings also the grids
#: that they are in, and the others there. Small counts are held against them.
STATEMENTS = {"grids": 3, "buildings": 5}


@pytest.mark.parametrize("noun", NOUNS)
def test_each_page_is_one_statement(client: httpx.Client, noun: str):
    client.get(f"/v1/{noun}?limit=3")  # opens the connection
    with statements() as sent:
        body = client.get(f"/v1/{noun}?limit=3&bbox=117.2,31.8,117.4,31.9").json()
    assert body["numberReturned"] == 3
    assert len(sent) == STATEMENTS.get(noun, 1), sent


@pytest.mark.parametrize("noun", NOUNS)
def test_answers_keep_their_schema_and_single_features_are_the_same(
    client: httpx.Client, noun: str
):
    answer = client.get(f"/v1/{noun}")
    assert answer.headers["content-type"] == "application/geo+json"
    NOUNS[noun].model_validate_json(answer.content)
    facts = SPEC["components"]["schemas"]
    declared = facts[_facts_of(noun)]["properties"]
    listed = answer.json()["features"]
    for feature in listed[:3]:
        assert set(feature["properties"]) == set(declared)
        alone = client.get(f"/v1/{noun}/{feature['id']}").raise_for_status().json()
        whose = alone["properties"].pop("grids", None)
        assert (whose is not None) == (noun == "buildings")
        assert alone == feature


def test_a_building_says_whose_it_is_by_the_plan_in_effect(client: httpx.Client):
    place = f"/v1/buildings/{key('buildings', '7,0')}"

    def whose(**asked: str) -> list[dict[str, Any]]:
        answer = client.get(place, params=asked).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["properties"]["grids"]
        return found

    assert whose(at="2026-06-01") == [
        {
            "grid_id": grid_id("plan", "d"),
            "grid_code": f"{CODE_OF['B']}002",
            "plan_id": key("plans", "plan"),
            "main": True,
            "units": None,
            "households": 240,
        }
    ]
    assert [share["plan_id"] for share in whose(at="2025-06-01")] == [key("plans", "old")]
    assert whose(kind="party") == []


def _facts_of(noun: str) -> str:
    return {"communities": "CommunityFacts"}.get(noun, noun[:-1].capitalize() + "Facts")


@pytest.mark.slow
@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_hold_every_row_once_whatever_their_size(client: httpx.Client, noun: str, limit: int):
    rows = [feature["id"] for feature in every_page(client, f"/v1/{noun}", limit=limit)]
    assert len(rows) == len(set(rows))
    expected = {"grids": len(set(squares(GRIDS).values()))}.get(noun)
    if expected is None:
        expected = len(town_dataset().layers[noun])
    assert len(rows) == expected


def test_pages_hold_every_old_row_once_while_others_write(
    town_factory: sessionmaker[Any], scope: Scope
):
    url = town_factory.kw["bind"].url.render_as_string(hide_password=False)
    old = {key("incidents", str(i)) for i in range(60)}
    seen: list[str] = []
    with serving(Settings(database_url=url)) as client:
        href: str | None = "/v1/incidents?limit=7"
        while href is not None:
            body = client.get(href).raise_for_status().json()
            seen += [feature["id"] for feature in body["features"]]
            href = next((n["href"] for n in body["links"] if n["rel"] == "next"), None)
            with transaction(town_factory) as session:
                for _ in range(5):
                    values = {
                        "category": "noise",
                        "occurred_at": datetime.fromisoformat("2026-02-02T02:02:02+08:00"),
                        "geometry": point(117.301, 31.879),
                    }
                    matters.add(session, scope, Incident, values)
            assert len(seen) < 500, "paging must end"
    assert len(seen) == len(set(seen))
    assert old <= set(seen)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_box_holds_what_meets_it(client: httpx.Client, noun: str):
    rng = np.random.default_rng(3)
    features = every_page(client, f"/v1/{noun}")
    shapes = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in features}
    for _ in range(8):
        west, east = np.sort(rng.uniform(117.299, 117.311, 2)).round(6)
        south, north = np.sort(rng.uniform(31.875, 31.881, 2)).round(6)
        box = shapely.box(west, south, east, north)
        expected = {k for k, shape in shapes.items() if shape.intersects(box)}
        found = every_page(client, f"/v1/{noun}", bbox=f"{west},{south},{east},{north}", limit=9)
        assert {f["id"] for f in found} == expected


def test_a_cursor_belongs_to_its_filters(client: httpx.Client):
    body = client.get("/v1/buildings?limit=2&use=residential").json()
    href = next(link["href"] for link in body["links"] if link["rel"] == "next")
    assert client.get(href).status_code == 200
    other = href.replace("use=residential", "use=office")
    assert is_problem(client.get(other), 422)["field"] == "cursor"
    for cursor in ("x", "!!!!", "AAAA", "é", "A" * 100):
        assert is_problem(client.get("/v1/buildings", params={"cursor": cursor}), 422)["field"]


def test_small_counts_are_left_out_and_named(client: httpx.Client):
    small = {at for at, letter in squares(BUILDINGS).items() if letter == "s"}
    ids = {key("buildings", f"{x},{y}") for x, y in small}
    for feature in every_page(client, "/v1/buildings"):
        facts = feature["properties"]
        if feature["id"] in ids:
            assert facts["suppressed"] == ["residents", "elderly", "low_income_households"]
            assert facts["elderly"] is None
            assert facts["low_income_households"] is None
            assert facts["households"] == 1
            assert facts["children"] == 0
        else:
            shown = [facts[n] for n in ("residents", "elderly", "children")]
            assert all(count is None or count == 0 or count >= 3 for count in shown)


def test_the_threshold_is_a_setting(town_url: str):
    with serving(Settings(database_url=town_url, suppress_below=11)) as client:
        for noun in ("buildings", "grids"):
            for feature in every_page(client, f"/v1/{noun}"):
                facts = feature["properties"]
                for name in ("residents", "elderly", "children", "low_income_households"):
                    hidden = name in facts["suppressed"]
                    assert (facts[name] is None) is hidden
                    assert hidden or facts[name] == 0 or facts[name] >= 11


def test_grids_count_the_buildings_in_them(client: httpx.Client):
    letters, housed = squares(GRIDS), squares(BUILDINGS)
    for feature in every_page(client, "/v1/grids"):
        letter = next(x for x in "abcde" if grid_id("plan", x) == feature["id"])
        inside = [housed[at] for at in housed if letters.get(at) == letter]
        expected = sum(1 if h == "s" else 40 * int(h) for h in inside)
        assert feature["properties"]["households"] == expected
        assert feature["properties"]["buildings"] == len(inside)


def test_grids_are_those_of_the_day(client: httpx.Client):
    assert {f["id"] for f in every_page(client, "/v1/grids", at="2025-06-01")} == {
        grid_id("old", "A"),
        grid_id("old", "B"),
    }
    assert every_page(client, "/v1/grids", at="2024-06-01") == []
    assert every_page(client, "/v1/grids", kind="micro") == []
    community = every_page(client, "/v1/grids", community=CODE_OF["A"])
    assert {f["id"] for f in community} == {grid_id("plan", "a"), grid_id("plan", "b")}
    one = every_page(client, "/v1/grids", code=f"{CODE_OF['B']}002")
    assert [f["id"] for f in one] == [grid_id("plan", "d")]


def test_buildings_of_a_grid_follow_the_membership(client: httpx.Client):
    letters, housed = squares(GRIDS), squares(BUILDINGS)
    for number, letter in enumerate("ab", start=1):
        found = every_page(client, "/v1/buildings", grid=f"{CODE_OF['A']}{number:03}", limit=2)
        expected = {
            key("buildings", f"{x},{y}") for x, y in housed if letters.get((x, y)) == letter
        }
        assert {f["id"] for f in found} == expected
    assert every_page(client, "/v1/buildings", grid="nothing") == []
    in_c = every_page(client, "/v1/buildings", community=CODE_OF["C"])
    assert {f["properties"]["community_code"] for f in in_c} == {CODE_OF["C"]}


def test_stations_by_tier_status_and_service(client: httpx.Client):
    for query, expected in (
        ({"tier": "community"}, {"West office", "East office", "Old office"}),
        ({"status": "planned"}, {"New home"}),
        ({"service": "canteen"}, {"Centre", "Noodle shop"}),
        ({"service": "affairs", "status": "open", "tier": "center"}, {"Centre"}),
        ({"community": CODE_OF["B"]}, {"Hub", "East office"}),
    ):
        found = every_page(client, "/v1/stations", **query)
        assert {f["properties"]["name"] for f in found} == expected, query
    assert len(STATIONS) == 7


@pytest.mark.parametrize("noun", ["incidents", "demands"])
def test_matters_by_every_filter_are_those_of_brute_force(client: httpx.Client, noun: str):
    rows = every_page(client, f"/v1/{noun}")
    facts = [(f["id"], f["properties"]) for f in rows]
    since, until = "2026-03-01T00:00:00+08:00", "2026-09-01T00:00:00+08:00"
    tests = [
        ({"service": "police"}, lambda p: p["service"] == "police"),
        ({"source": "hotline"}, lambda p: p["source"] == "hotline"),
        ({"served_group": "elderly"}, lambda p: p["served_group"] == "elderly"),
        ({"community": CODE_OF["C"]}, lambda p: p["community_code"] == CODE_OF["C"]),
        ({"grid": f"{CODE_OF['A']}001"}, lambda p: p["grid_code"] == f"{CODE_OF['A']}001"),
        ({"assigned": "true"}, lambda p: p["grid_id"] is not None),
        ({"assigned": "false"}, lambda p: p["grid_id"] is None),
        (
            {"since": since, "until": until},
            lambda p: (
                datetime.fromisoformat(since)
                <= datetime.fromisoformat(p["occurred_at"])
                < datetime.fromisoformat(until)
            ),
        ),
    ]
    if noun == "incidents":
        tests.append(({"category": "noise"}, lambda p: p["category"] == "noise"))
    for query, holds in tests:
        expected = {row for row, p in facts if holds(p)}
        assert 0 < len(expected) < len(facts), query
        found = {f["id"] for f in every_page(client, f"/v1/{noun}", limit=11, **query)}
        assert found == expected, query


def test_polygons_are_wound_as_geojson_asks(client: httpx.Client):
    for noun in ("communities", "grids", "buildings"):
        for feature in every_page(client, f"/v1/{noun}"):
            for part in shapely.geometry.shape(feature["geometry"]).geoms:
                assert part.exterior.is_ccw
