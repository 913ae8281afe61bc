"""``wangge coverage`` from a manager's seat: every command over a real store."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from gis.scope import Scope
from gis.settings import get_settings
from tests.streets import add_streets
from tests.town import CODE_OF

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


@pytest.mark.usefixtures("store")
def test_show_says_who_is_covered_and_how_it_was_measured():
    answer = plain(ok("show", *MORNING))
    assert "affairs, 2026-05-06 10:00" in answer
    assert "on foot, adult 1.2 m/s; calendar verified 3 stations serve" in answer
    for code in CODE_OF.values():
        assert code in answer
    whole = plain(ok("show", *MORNING, "--per", "subdistrict", "--by", "straight_line"))
    assert "in a straight line" in whole
    assert re.search(r"within households residents elderly children low-income 300 m \S", whole)


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
