"""Changes of a station: on the version that was read, written down, and the hours laid out anew."""

import threading
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gis.database.engine import make_engine, session_factory, transaction
from gis.layers import audit
from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import is_problem, serving
from tests.town import key, lon_lat

pytestmark = pytest.mark.api

CENTRE = f"/v1/stations/{key('stations', 'Centre')}"
LON, LAT = lon_lat(1.3, 0.7)


def change(
    client: httpx.Client, body: dict[str, Any], version: str | None = '"1"', **more: str
) -> httpx.Response:
    headers = {} if version is None else {"If-Match": version}
    return client.patch(CENTRE, json=body, headers={**headers, **more})


def nearest(client: httpx.Client, at: str, service: str = "affairs") -> str | None:
    asked = {"lon": LON, "lat": LAT, "service": service, "at": at}
    found = client.get("/v1/stations/nearest", params=asked).raise_for_status().json()["stations"]
    return found[0]["name"] if found else None


def test_a_change_is_stored_with_a_new_version(fresh: httpx.Client):
    read = fresh.get(CENTRE)
    assert read.headers["etag"] == '"1"'
    body = {"services": {"canteen": {"capacity": 80}}, "closes_on": "2026-12-31"}
    answer = change(fresh, body, read.headers["etag"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    facts = answer.json()["properties"]
    canteen = next(s for s in facts["services"] if s["service"] == "canteen")
    assert canteen == {
        "service": "canteen",
        "opening_hours": "10:30-13:00,16:30-18:30",  # what was not named stays
        "capacity": 80,
        "fee_class": "public",
        "mode": "on_site",
        "delivery_hours": None,
        "delivery_reach_m": None,
        "delivery_by": None,
        "delivery_capacity": None,
        "delivery_period": None,
    }
    assert facts["closes_on"] == "2026-12-31"
    assert facts["version"] == 2
    assert fresh.get(CENTRE).json() == answer.json()


def test_without_a_version_428_and_with_an_old_one_412(fresh: httpx.Client):
    closed = {"status": "closed"}
    is_problem(change(fresh, closed, None), 428)
    is_problem(change(fresh, closed, ""), 428)
    assert change(fresh, {"status": "planned"}).status_code == 200
    is_problem(change(fresh, closed), 412)
    for tag in ('"7"', 'W/"2"', '"x"', "2"):
        is_problem(change(fresh, closed, tag), 412)
    assert change(fresh, closed, '"1", "2"').status_code == 200
    assert change(fresh, {"status": "open"}, "*").headers["etag"] == '"4"'


def test_of_two_at_once_exactly_one_wins(fresh: httpx.Client):
    start = threading.Barrier(4)
    answers: list[int] = []

    def send(capacity: int) -> None:
        start.wait()
        body = {"services": {"canteen": {"capacity": capacity}}}
        answers.append(change(fresh, body).status_code)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == [200, 412, 412, 412]


def test_dated_hours_decide_at_once_and_can_be_taken_back(fresh: httpx.Client):
    morning = "2026-05-06T08:30:00+08:00"
    assert nearest(fresh, morning) == "Centre"
    shut = {"exceptions": [{"day": "2026-05-06", "hours": "off", "note": "检修"}]}
    assert change(fresh, shut).status_code == 200
    assert nearest(fresh, morning) is None
    assert nearest(fresh, "2026-05-06T10:00:00+08:00") == "West office"
    assert nearest(fresh, "2026-05-07T08:30:00+08:00") == "Centre"
    late = {"exceptions": [{"day": "2026-05-07", "service": "affairs", "hours": "20:00-23:00"}]}
    assert change(fresh, late, '"2"').status_code == 200
    assert nearest(fresh, "2026-05-07T22:30:00+08:00") == "Centre"
    back = {"exceptions": [{"day": "2026-05-06", "hours": None}]}
    answer = change(fresh, back, '"3"')
    assert [e["day"] for e in answer.json()["properties"]["exceptions"]] == ["2026-05-07"]
    assert nearest(fresh, morning) == "Centre"


@pytest.mark.slow
def test_status_services_and_hours_decide_at_once(fresh: httpx.Client):
    night = "2026-05-06T03:00:00+08:00"
    assert nearest(fresh, night) is None
    assert change(fresh, {"services": {"affairs": {"opening_hours": "24/7"}}}).status_code == 200
    assert nearest(fresh, night) == "Centre"
    closed = {"status": "closed", "closes_on": "2026-01-01"}
    assert change(fresh, closed, '"2"').status_code == 200
    assert nearest(fresh, night) is None
    assert change(fresh, {"status": "open", "services": {"affairs": None}}, '"3"').json()
    assert nearest(fresh, night) is None
    assert nearest(fresh, "2026-05-06T11:00:00+08:00", "canteen") == "Centre"
    added = {"services": {"health": {"opening_hours": "24/7", "fee_class": "low_fee"}}}
    assert change(fresh, added, '"4"').status_code == 200
    assert nearest(fresh, night, "health") == "Centre"


def test_a_service_begins_to_travel_and_is_none_to_walk_to(fresh: httpx.Client):
    lunch = "2026-05-06T11:00:00+08:00"
    assert nearest(fresh, lunch, "canteen") == "Centre"
    travels = {
        "mode": "both",
        "delivery_hours": "11:00-12:30",
        "delivery_reach_m": 1500,
        "delivery_by": "walking",
        "delivery_capacity": 60,
        "delivery_period": "week",
    }
    answer = change(fresh, {"services": {"canteen": travels}})
    assert answer.status_code == 200, answer.text
    told = next(s for s in answer.json()["properties"]["services"] if s["service"] == "canteen")
    assert travels.items() <= told.items()
    assert told["opening_hours"] == "10:30-13:00,16:30-18:30"
    assert nearest(fresh, lunch, "canteen") == "Centre"
    answer = change(fresh, {"services": {"canteen": {"mode": "delivery"}}}, '"2"')
    told = next(s for s in answer.json()["properties"]["services"] if s["service"] == "canteen")
    assert told["delivery_capacity"] == 60
    assert nearest(fresh, lunch, "canteen") is None
    assert change(fresh, {"services": {"canteen": {"mode": "on_site"}}}, '"3"').status_code == 200
    assert nearest(fresh, lunch, "canteen") == "Centre"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "by_drone"},
        {"mode": None},
        {"delivery_hours": "Mo 25:00-26:00"},
        {"delivery_reach_m": -1},
        {"delivery_by": "drone"},
        {"delivery_capacity": -1},
        {"delivery_capacity": 1.5},
        {"delivery_period": "year"},
    ],
)
def test_a_delivery_that_cannot_be_is_refused(client: httpx.Client, wrong: dict[str, Any]):
    refused = change(client, {"services": {"canteen": wrong}})
    is_problem(refused, 422)
    assert next(iter(wrong)).split("_")[0] in refused.text
    assert client.get(CENTRE).json()["properties"]["version"] == 1


@pytest.mark.slow
def test_each_change_is_written_down_with_before_and_after(fresh_url: str, scope: Scope):
    engine = make_engine(fresh_url)
    with serving(Settings(database_url=fresh_url)) as client:
        body = {"status": "planned", "services": {"canteen": {"capacity": 5}}}
        change(client, body, **{"X-Request-ID": "desk-1"})
        change(client, {}, '"2"')
        is_problem(change(client, {"status": "open"}, '"1"'), 412)
    with transaction(session_factory(engine)) as session:
        rows = audit.history(session, scope, "stations", key("stations", "Centre"))
    engine.dispose()
    assert len(rows) == 1, "neither an empty change nor a refused one is written down"
    (row,) = rows
    assert (row.principal, row.action, row.request_id) == ("local_owner", "update", "desk-1")
    assert set(row.before) == {"version", "status", "services"}
    assert (row.before["version"], row.after["version"]) == (1, 2)
    assert (row.before["status"], row.after["status"]) == ("open", "planned")
    assert {s["service"]: s["capacity"] for s in row.after["services"]}["canteen"] == 5


def test_an_empty_change_changes_nothing(fresh: httpx.Client):
    answer = change(fresh, {})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"services": {"affairs": {"opening_hours": "Mo-Fr 8 to 5"}}}, "opening_hours"),
        ({"exceptions": [{"day": "2026-05-06", "hours": "all day"}]}, "hours"),
        (
            {"exceptions": [{"day": "2026-05-06", "hours": "off", "service": "police"}]},
            "exceptions",
        ),
        ({"exceptions": [{"day": "2026-05-06", "hours": "off", "note": "问 13800138000"}]}, "note"),
        ({"opens_on": "2026-06-01", "closes_on": "2026-06-01"}, "closes_on"),
        ({"status": None}, None),
        ({"status": "haunted"}, None),
        ({"version": 7}, None),
        ({"services": {"teleport": {}}}, None),
        ({"services": {"affairs": {"capacity": -1}}}, None),
        ({"services": {"affairs": {"capacity": 1.5}}}, None),
        ({"services": {"affairs": {"fee_class": None}}}, None),
        ({"services": None}, None),
        ({"exceptions": [{"day": "2026-02-30", "hours": "off"}]}, None),
        ({"exceptions": [{"day": "2026-02-03"}]}, None),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_whole(
    client: httpx.Client, body: dict[str, Any], field: str | None
):
    before = client.get(CENTRE).json()
    also = {"closes_on": "2030-01-01"} if "closes_on" not in body else {}
    problem = is_problem(change(client, {**also, **body}), 422)
    assert problem.get("field") == field
    assert client.get(CENTRE).json() == before


def test_an_unknown_station_is_404(client: httpx.Client):
    path = "/v1/stations/00000000-0000-0000-0000-000000000000"
    answer = client.patch(path, json={"status": "open"}, headers={"If-Match": '"1"'})
    is_problem(answer, 404)


def test_the_audit_row_and_the_change_are_one(fresh_url: str):
    engine = make_engine(fresh_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_log ADD CONSTRAINT never CHECK (false)"))
    with serving(Settings(database_url=fresh_url)) as client:
        before = client.get(CENTRE).json()
        is_problem(change(client, {"status": "closed"}), 409)
        assert client.get(CENTRE).json() == before
    engine.dispose()


def test_before_any_hours_are_laid_out_a_change_is_taken(fresh_url: str):
    engine = make_engine(fresh_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM station_open_intervals"))
        connection.execute(text("DELETE FROM hours_horizon"))
        assert connection.execute(text("SELECT count(*) FROM hours_horizon")).scalar_one() == 0
    with serving(Settings(database_url=fresh_url)) as client:
        answer = change(client, {"services": {"affairs": {"opening_hours": "24/7"}}})
        assert answer.status_code == 200
        assert nearest(client, "2026-05-06T03:00:00+08:00") == "Centre"
    engine.dispose()
