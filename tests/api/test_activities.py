"""The menu of a month over HTTP: what is on, when, for whom, and whose attendance is withheld."""

from collections.abc import Callable, Iterator
from datetime import datetime

import httpx
import pandas as pd
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from gis.frames import ACTIVITIES, Dataset
from gis.scope import Scope
from gis.services.importing import import_dataset
from gis.settings import Settings
from tests.api.serving import is_problem, serving
from tests.town import key

pytestmark = pytest.mark.api

CENTRE, HUB = key("stations", "Centre"), key("stations", "Hub")
#: Name, station, begins, ends, group, places, attendance.
ROWS = (
    ("Choir", CENTRE, "2026-05-06T19:00", "2026-05-06T21:00", "general", 20, 10),
    ("Chess", CENTRE, "2026-05-07T10:00", "2026-05-07T11:00", "elderly", 10, 2),
    ("Tai chi", HUB, "2026-05-09T09:00", "2026-05-09T10:00", "elderly", None, 40),
    ("Homework", HUB, "2026-05-31T23:00", "2026-06-01T01:00", "child", 8, None),
    ("Next month", HUB, "2026-06-01T00:00", "2026-06-01T01:00", "general", 8, 8),
)


def activities() -> pd.DataFrame:
    rows = [
        {
            "id": key("activities", name),
            "station_id": station,
            "name": name,
            "starts_at": datetime.fromisoformat(f"{begins}:00+08:00"),
            "ends_at": datetime.fromisoformat(f"{ends}:00+08:00"),
            "served_group": group,
            "fee_class": "public",
            "places": places,
            "attendance": attendance,
        }
        for name, station, begins, ends, group, places, attendance in ROWS
    ]
    return ACTIVITIES.conform(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def busy(new_database: Callable[[str], str], scope: Scope) -> Iterator[httpx.Client]:
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        import_dataset(session, scope, Dataset("menu", "", {"activities": activities()}))
    engine.dispose()
    with serving(Settings(database_url=url, pool_size=4, suppress_below=3)) as client:
        yield client


def test_the_menu_of_a_month(busy: httpx.Client):
    body = busy.get("/v1/activities", params={"month": "2026-05"}).raise_for_status().json()
    assert (body["month"], body["calendar"]) == ("2026-05-01", "verified")
    names = [one["name"] for one in body["activities"]]
    assert names == ["Choir", "Chess", "Tai chi", "Homework"]
    choir, chess, tai_chi, homework = body["activities"]
    assert (choir["begins"], choir["hours"], choir["off_hours"]) == ("19:00", 2, 2)
    assert choir["station_name"] == "Centre"
    assert chess["off_hours"] == 0  # a Thursday morning
    assert tai_chi["off_hours"] == 0  # a Saturday, but a make-up workday
    assert homework["attendance"] is None
    assert not homework["suppressed"]  # nobody has told it


def test_small_attendance_and_what_reveals_it_is_withheld(busy: httpx.Client):
    body = busy.get("/v1/activities", params={"month": "2026-05"}).json()
    shown = {one["name"]: one for one in body["activities"]}
    assert (shown["Chess"]["attendance"], shown["Chess"]["filled"]) == (None, None)
    assert shown["Chess"]["suppressed"]
    assert shown["Choir"]["suppressed"]  # the next smallest: their sum is told
    assert shown["Tai chi"]["attendance"] == 40
    supply = {(one["by"], one["key"]): one for one in body["supply"]}
    assert supply["all", "all"]["attendance"] == 52
    assert supply["served_group", "elderly"]["attendance"] is None
    assert supply["station_id", HUB]["attendance"] == 40
    own = busy.get("/v1/activities", params={"month": "2026-05", "group": "elderly"}).json()
    (whole,) = [one for one in own["supply"] if one["by"] == "all"]
    assert (whole["activities"], whole["attendance"]) == (2, None)


def test_the_supply_of_a_group_and_a_station(busy: httpx.Client):
    asked = {"month": "2026-05", "station": HUB, "group": "child"}
    body = busy.get("/v1/activities", params=asked).json()
    assert [one["name"] for one in body["activities"]] == ["Homework"]
    (whole,) = [one for one in body["supply"] if one["by"] == "all"]
    assert (whole["hours"], whole["off_hours_share"]) == (2, 1)
    child = next(one for one in body["free_time"] if one["group"] == "child")
    assert child["activities"] == 1
    assert child["offered_hours"] == 0  # nobody of them is up so late
    empty = busy.get("/v1/activities", params={"month": "2026-07"}).json()
    assert empty["activities"] == []
    assert empty["supply"][0]["off_hours_share"] is None


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"month": "2026-13"}, 422),
        ({"month": "May"}, 422),
        ({"group": "cats"}, 422),
        ({"station": "Hub"}, 422),
        ({"station": key("stations", "nobody")}, 404),
        ({"year": "2026"}, 400),
    ],
)
def test_what_cannot_be_asked_is_refused(busy: httpx.Client, asked: dict[str, str], status: int):
    is_problem(busy.get("/v1/activities", params=asked), status)
