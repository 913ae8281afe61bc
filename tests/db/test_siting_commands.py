"""``wangge siting`` from a planner's seat, over a real store."""

import json
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

pytestmark = pytest.mark.db


@pytest.fixture
def url(
    new_database: Callable[[str], str], scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield url
    monkeypatch.undo()
    get_settings.cache_clear()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["siting", *words])


def ok(*words: str) -> str:
    answer = run(*words)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def told(*words: str) -> Any:
    return json.loads(ok(*words, "--json"))


CANTEENS = ("run", "--service", "canteen", "-n", "2", "--radius", "200", "--as-of", "2026-06-01")


@pytest.mark.usefixtures("url")
def test_sites_are_chosen_shown_listed_and_one_is_swapped():
    words = ok(*CANTEENS)
    assert "2 new stations for canteen (mclp) beside 2 that stand; 21 candidates." in words
    assert "gap 0.000%" in words
    assert "none is better" in words
    (row,) = told("list")
    assert (row["status"], row["sites"], row["proof"]) == ("succeeded", 2, "optimal")
    assert row["job_id"][:8] in ok("list")
    report = told("show", row["job_id"][:12])
    swap = report["swaps"][2]
    again = told("run", "--from", row["job_id"], "--swap", "3")
    keys = {site["key"] for site in again["sites"]}
    assert swap["enter"]["key"] in keys
    assert swap["leave"] not in keys
    assert again["proof"]["status"] == "evaluated"
    assert again["proof"]["objective"] == swap["objective"]


def test_the_models_are_told():
    assert {one["objective"] for one in told("models")} >= {"mclp", "lscp", "p_median"}
    assert "most people within the radius" in ok("models")
