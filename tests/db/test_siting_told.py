"""Sitings in files and as stations: every fact is told once, in words, and nothing is made up."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from sqlalchemy import select

from gis.database.engine import transaction
from gis.errors import InvalidInputError, NotFoundError
from gis.jobs.records import in_the_foreground
from gis.jobs.siting import KIND, SitingJob, run_siting
from gis.layers import jobs
from gis.layers.stations import Station
from gis.services.locating import local_day
from gis.services.siting_adopting import Adoption, adopt_sites
from gis.services.siting_exporting import SitingExport, export_siting
from gis.services.siting_order import SitingOrder
from tests.streets import add_streets
from tests.town import TIMEZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session, sessionmaker

    from gis.scope import Scope

pytestmark = pytest.mark.db


@pytest.fixture
def town(town_factory: "sessionmaker[Session]", scope: "Scope") -> "sessionmaker[Session]":
    """The town with streets along every line of its squares."""
    with transaction(town_factory) as session:
        add_streets(session, scope)
    return town_factory


def order(**asked: Any) -> SitingOrder:
    facts: dict[str, Any] = {
        "service": "canteen",
        "as_of": date(2026, 6, 1),
        "timezone": TIMEZONE,
        "count": 2,
        "radius_m": 200.0,
        "seconds": None,
    }
    return SitingOrder(**{**facts, **asked})


def sited(
    factory: "sessionmaker[Session]", scope: "Scope", **asked: Any
) -> "tuple[str, Mapping[str, Any]]":
    told = SitingJob(order(**asked)).as_arguments()
    report = in_the_foreground(
        factory, scope, KIND, told, lambda recorder: run_siting(factory, scope, told, recorder)
    )
    with transaction(factory) as session:
        return str(jobs.newest(session, scope, limit=1, kind=KIND)[0].id), report


def sheets(path: "Path") -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_a_table_names_the_model_and_the_value_that_came_of_it(
    town: "sessionmaker[Session]", scope: "Scope", tmp_path: "Path"
):
    job_id, report = sited(town, scope)
    with transaction(town) as session:
        for name, headers in (("en.xlsx", None), ("zh.xlsx", "zh-CN")):
            made = SitingExport(tmp_path / name, headers=headers)
            export_siting(session, scope, job_id, report, made)
    english, chinese = sheets(tmp_path / "en.xlsx"), sheets(tmp_path / "zh.xlsx")
    facts = dict(row[:2] for row in english["siting_facts"][1:])
    assert facts["model"] == "mclp"
    assert float(facts["objective"]) == report["proof"]["objective"]
    assert (facts["asked"], facts["people"]) == ("2", "residents")
    assert facts["stations_serving"] == str(report["standing"]["stations_serving"])
    words = dict(row[:2] for row in chinese["siting_facts"][1:])
    assert words["服务事项"] == "助餐食堂"
    assert not [name for name in words if name.isascii()]
    assert len(words) == len(facts)
    called = {site["key"]: site["label"] for site in report["sites"]}
    heads, *rows = english["siting_swaps"]
    leave, label = heads.index("leave"), heads.index("leave_label")
    assert [row[label] for row in rows] == [called[row[leave]] for row in rows]


def test_the_floor_of_a_whole_building_is_not_that_of_its_station(
    town: "sessionmaker[Session]", scope: "Scope"
):
    soon = local_day(datetime.now(UTC), TIMEZONE) + timedelta(days=1)  # it may be near midnight
    floors: list[list[float | None]] = []
    for asked in ({}, {"floor_m2": 180.0}):
        job_id, report = sited(town, scope, **asked)
        assert {site["floor_stated"] for site in report["sites"]} == {bool(asked)}
        assert all(site["floor_area_m2"] > 0 for site in report["sites"])
        with transaction(town) as session:
            made = adopt_sites(session, scope, job_id, report, Adoption(soon, TIMEZONE))
            rows = select(Station.floor_area_m2).where(Station.id.in_(made))
            floors.append(list(session.execute(rows).scalars()))
    assert floors == [[None, None], [180.0, 180.0]]


def test_nothing_is_adopted_on_a_day_that_is_over(town: "sessionmaker[Session]", scope: "Scope"):
    job_id, report = sited(town, scope)
    over = Adoption(local_day(datetime.now(UTC), TIMEZONE) - timedelta(days=1), TIMEZONE)
    with pytest.raises(InvalidInputError, match="that day is over"), transaction(town) as session:
        adopt_sites(session, scope, job_id, report, over)
    with transaction(town) as session:
        made = select(Station.id).where(Station.source_id.like("siting/%"))
        assert session.execute(made).first() is None


def test_a_community_that_is_not_there_is_named(town: "sessionmaker[Session]", scope: "Scope"):
    with pytest.raises(NotFoundError, match="There is no community 340102001999"):
        sited(town, scope, community="340102001999")


@pytest.mark.parametrize(("monday", "calendar"), [((2026, 6, 1), False), ((2049, 11, 22), True)])
def test_holidays_of_the_year_of_the_week_are_known_or_it_is_said(
    town: "sessionmaker[Session]", scope: "Scope", monday: tuple[int, int, int], *, calendar: bool
):
    """The day as of which stations stand is another year's."""
    _, report = sited(town, scope, monday=date(*monday), opening_hours="24/7")
    assert (report["calendar"] == "unverified") is calendar


@pytest.mark.parametrize("mix", [{}, {"sites": 0.0}, {"beauty": 1.0}])
def test_a_mix_that_weighs_nothing_is_refused_before_anything_is_read(mix: dict[str, float]):
    with pytest.raises(InvalidInputError, match="weights of the mix") as told:
        order(objective="mix", mix=mix)
    assert told.value.context["field"] == "mix"
