"""``wangge coverage`` from a manager's seat: every command over a real store."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from gis.scope import Scope
from gis.settings import get_settings
from tests.streets import add_streets
from tests.town import CODE_OF, key, lon_lat

pytestmark = pytest.mark.db

MORNING = ["--service", "affairs", "--at", "2026-05-06T10:00"]


@pytest.fixture(scope="module")
def streets_url(new_database: Callable[[str], str], scope: Scope) -> str:
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    return url


@pytest.fixture
def store(streets_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", streets_url)
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["coverage", *words])


def ok(*words: str) -> str:
    answer = run(*words)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def told(*words: str) -> Any:
    return json.loads(ok(*words, "--json"))


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_show_says_who_is_covered_and_how_it_was_measured():
    answer = plain(ok("show", *MORNING))
    assert "affairs, 2026-05-06 10:00" in answer
    assert "on foot, adult 1.2 m/s; calendar verified 3 stations serve" in answer
    for code in CODE_OF.values():
        assert code in answer
    whole = plain(ok("show", *MORNING, "--per", "subdistrict", "--by", "straight_line"))
    assert "in a straight line" in whole
    assert re.search(r"within households residents elderly children low-income .* 300 m \S", whole)


@pytest.mark.usefixtures("store")
def test_now_is_told_by_the_clocks_of_the_place():
    assert re.search(r"any service, \d{4}-\d\d-\d\d \d\d:\d\d CST;", ok("show"))
    assert datetime.fromisoformat(told("show")["at"]).utcoffset() == timedelta(hours=8)


@pytest.mark.usefixtures("store")
def test_json_is_what_the_table_shows():
    body = told("show", *MORNING, "--per", "grid", "--metres", "200", "--speed", "elderly")
    assert (body["method"], body["speed"], body["stations_serving"]) == ("walking", "elderly", 3)
    assert len(body["areas"]) == 5
    limits = [(w["threshold"], w["unit"]) for w in body["areas"][0]["within"]]
    assert limits == [(200, "m"), (5, "min"), (10, "min"), (15, "min")]


@pytest.mark.usefixtures("store")
def test_as_of_a_day_to_come_planned_stations_count():
    before = told("show", "--service", "elderly_care", "--as-of", "2027-02-28")
    after = told("show", "--service", "elderly_care", "--as-of", "2027-03-01")
    assert (before["stations_serving"], before["reason"]) == (0, "no_station_offers")
    assert (after["stations_serving"], after["calendar"]) == (1, "unverified")


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--service", "teleport"], "no service 'teleport'"),
        (["--at", "noon"], "no moment"),
        (["--at", "2026-05-01"], "no moment"),
        (["--at", "2026-05-01T10", "--as-of", "2026-05-01"], "Both a moment and a day"),
        (["--metres", "-5"], "-5"),
        (["--community", "1"], "no community 1"),
        (["--per", "grid", "--as-of", "2020-01-01"], "No community plan is in effect"),
    ],
)
def test_what_cannot_be_asked_is_told_with_a_remedy(words: list[str], said: str):
    answer = run("show", *words)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_buildings_are_those_behind_the_share():
    body = told("show", *MORNING, "--per", "subdistrict", "--metres", "250")
    (area,) = body["areas"]
    found = told("buildings", *MORNING, "--threshold", "250", "--limit", "100")
    missing = area["counts"]["households"] - area["within"][0]["covered"]["households"]
    assert sum(one["households"] for one in found["buildings"]) == missing > 0
    assert found["matched"] == len(found["buildings"])
    assert found["buildings"][0]["households"] >= found["buildings"][-1]["households"]
    assert any("elderly" in one["suppressed"] for one in told_all())
    answer = plain(ok("buildings", *MORNING, "--threshold", "250", "--limit", "2"))
    assert f"2 of {found['matched']} buildings (uncovered, 250 m)" in answer


def told_all() -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = told("buildings", "--listed", "all", "--limit", "100")[
        "buildings"
    ]
    return every


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_a_path_is_a_line_in_json_and_a_sentence_without():
    house = key("buildings", "9,3")
    way = told("path", house, *MORNING)
    assert way["geometry"]["type"] == "LineString"
    facts = way["properties"]
    sentence = ok("path", house, *MORNING)
    assert sentence.startswith(f"{facts['station_name']}: {facts['distance_m']:,.0f} m, ")
    lon, lat = lon_lat(4.2, 2.0)
    other = told("path", f"{lon},{lat}", "--station", key("stations", "Hub"))
    assert other["properties"]["station_name"] == "Hub"
    for words, said in (
        (["117.3;31"], "neither the id of a building nor lon,lat"),
        (["abc"], "neither the id of a building nor lon,lat"),
        (["117.3,east"], "neither"),
        (["117.3,131"], "not a place"),
        (["118,31"], "none of the communities"),
        ([house, "--station", house], "no station"),
        ([house, "--service", "affairs", "--at", "2026-05-06T03:00"], "none open"),
    ):
        answer = run("path", *words)
        assert answer.exit_code == 1, words
        assert said in answer.stderr
        assert len(answer.stderr.strip().splitlines()) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_the_week_is_a_row_a_day_and_names_the_gaps():
    words = ["--service", "affairs", "--monday", "2026-04-27", "--threshold", "300"]
    answer = ok("week", *words)
    assert "Mon 04-27" in answer
    assert "Fri 05-01 rest" in answer
    assert re.search(r"office hours of working days: [\d.]+% on average; least", answer)
    assert re.search(r"evenings of working days: [\d.]+% on average, [\d.]+ points less", answer)
    assert re.search(r"days of rest: .*; least 11.4%, Fri 05-01 09:00; 1,881 households", answer)
    assert "weekend" not in answer
    body = told("week", *words)
    assert len(body["hours"]) == 168
    assert (body["calendar"], body["method"]) == ("verified", "walking")
    late = run("week", "--monday", "2026-04-28")
    assert late.exit_code == 1
    assert "Use 2026-04-27" in late.stderr
    assert "hours of 1 stations unknown" in ok("week", "--service", "health")


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_limited_room_access_deliveries_and_variants_are_told():
    words = [*MORNING, "--count", "households", "--share", "0.1"]
    rooms = plain(ok("capacity", *words))
    body = told("capacity", *words)
    assert f"{body['placed']} of {body['demand']} households find room within 15 min" in rooms
    assert "stations within the limit are full" in rooms
    access = told("access", *words, "--per", "subdistrict", "--limit-min", "30")
    (area,) = access["areas"]
    assert area["access"] * area["people"] / 1000 == pytest.approx(120, rel=1e-3)
    assert "capacity a day per 1000 people" in ok("access", *words)
    assert "0 stations deliver" in ok("delivery", "--service", "canteen")
    assert "speed −20 %" in ok("sensitivity", *MORNING)
    changes = told("sensitivity", *MORNING, "--metres", "300", "--minutes", "5")["variants"]
    assert [one["variant"] for one in changes[:2]] == ["as_asked", "slower"]
    for command in ("capacity", "access", "delivery"):
        answer = run(command)
        assert answer.exit_code == 1
        assert "one service" in answer.stderr
