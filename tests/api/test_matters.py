"""New incidents and demands: assigned at once, all or nothing, and no person's data."""

import threading
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import InvalidInputError
from gis.layers import matters
from gis.layers.incidents import Incident
from gis.scope import Scope
from gis.services.intake import NewMatter, refuse_personal_text, take_in
from gis.services.locating import assign_layer
from gis.settings import Settings
from tests.api.serving import every_page, is_problem, serving
from tests.town import CODE_OF, TIMEZONE, grid_id, key, lon_lat, town_dataset

pytestmark = pytest.mark.api

LON, LAT = lon_lat(1.2, 0.8)
INCIDENT = {
    "category": "charging_cable",
    "service": "affairs",
    "description": "电动车飞线充电，占用消防通道，3 号楼 12 层",
    "occurred_at": "2026-05-06T10:00:00+08:00",
    "source": "patrol",
    "lon": LON,
    "lat": LAT,
}
DEMAND = {"service": "canteen", "occurred_at": "2026-05-06T11:00:00+08:00", "lon": LON, "lat": LAT}


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in names}


def test_an_incident_is_stored_and_assigned(client: httpx.Client):
    answer = client.post("/v1/incidents", json=INCIDENT)
    assert answer.status_code == 201
    feature = answer.json()
    facts = feature["properties"]
    assert answer.headers["location"] == f"/v1/incidents/{feature['id']}"
    assert client.get(answer.headers["location"]).json() == feature
    assert facts["grid_id"] == grid_id("plan", "a")
    assert facts["plan_id"] == key("plans", "plan")
    assert facts["community_code"] == CODE_OF["A"]
    assert facts["station_name"] == "Centre"
    assert facts["distance_method"] == "straight_line"
    assert 0 < facts["distance_m"] < 50
    assert (facts["no_grid_reason"], facts["no_station_reason"]) == (None, None)
    assert facts["assigned_at"]
    assert facts["synthetic"] is False
    assert feature["geometry"] == {"type": "Point", "coordinates": [round(LON, 7), round(LAT, 7)]}


@pytest.mark.parametrize(
    ("change", "grid_reason", "station_reason"),
    [
        ({"lon": 100.0}, "outside_all_communities", None),
        ({"lon": lon_lat(9, 1)[0]}, "no_plan_in_effect", None),
        ({"occurred_at": "2024-05-06T10:00:00+08:00"}, "no_plan_in_effect", "outside_horizon"),
        ({"occurred_at": "2026-05-06T23:00:00+08:00"}, None, "none_open"),
        ({"service": "property"}, None, "no_station_offers"),
        ({"service": "health"}, None, "hours_unknown"),
        ({"service": None}, None, "no_service_asked"),
    ],
)
def test_none_is_an_answer_with_its_reason(
    client: httpx.Client, change: dict[str, Any], grid_reason: str, station_reason: str
):
    answer = client.post("/v1/incidents", json={**INCIDENT, **change})
    facts = answer.json()["properties"]
    assert answer.status_code == 201
    assert facts["no_grid_reason"] == grid_reason
    assert (facts["grid_id"] is None) is (grid_reason is not None)
    assert facts["no_station_reason"] == station_reason
    assert (facts["station_id"] is None) is (station_reason is not None)


def test_one_by_one_and_all_at_once_give_the_same(town_factory: sessionmaker[Any], scope: Scope):
    frame = town_dataset().layers["incidents"]
    with transaction(town_factory) as session:
        assign_layer(session, scope, "incidents", timezone=TIMEZONE)
        for row in frame.itertuples():
            matter = NewMatter(
                row.occurred_at.to_pydatetime(),
                (row.geometry.x, row.geometry.y),
                facts={"category": row.category, "service": row.service},
            )
            alone = take_in(session, scope, "incidents", matter, timezone=TIMEZONE)
            one = matters.one(session, scope, Incident, alone)
            batch = matters.one(session, scope, Incident, row.id)
            for name in ("grid_id", "no_grid_reason", "station_id", "no_station_reason"):
                assert getattr(one, name) == getattr(batch, name), name
            assert one.distance_m == batch.distance_m


def test_taking_one_in_leaves_the_others_alone(town_factory: sessionmaker[Any], scope: Scope):
    moment = datetime(2026, 5, 6, 2, tzinfo=UTC)
    with transaction(town_factory) as session:
        matter = NewMatter(moment, (LON, LAT), facts={"category": "noise"})
        take_in(session, scope, "incidents", matter, timezone=TIMEZONE)
        waiting = text("SELECT count(*) FROM incidents WHERE assigned_at IS NULL")
        assert session.execute(waiting).scalar_one() == 60


def test_a_place_may_be_a_building_or_a_point_of_interest(client: httpx.Client):
    here = without(DEMAND, "lon", "lat")
    at_home = client.post("/v1/demands", json={**here, "building_id": key("buildings", "0,0")})
    assert at_home.status_code == 201, at_home.text
    assert at_home.json()["properties"]["grid_id"] == grid_id("plan", "a")
    assert at_home.json()["geometry"]["coordinates"] == pytest.approx(lon_lat(0.5, 0.5))
    school = client.post("/v1/demands", json={**here, "poi_id": key("pois", "school")})
    assert school.json()["properties"]["poi_id"] == key("pois", "school")
    assert school.json()["properties"]["grid_id"] == grid_id("plan", "c")
    nowhere = {**here, "building_id": key("buildings", "nowhere")}
    assert is_problem(client.post("/v1/demands", json=nowhere), 422)["field"] == "building_id"


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"category": "dragons"},
        {"category": None},
        {"service": "teleport"},
        {"occurred_at": "2026-05-06T10:00:00"},
        {"occurred_at": 1714572000},
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
        {"lon": "117.3"},
        {"lon": True},
        {"lat": None},
        {"lon": None, "lat": None},
        {"building_id": "00000000-0000-0000-0000-000000000000"},
        {"description": ""},
        {"description": "x" * 2001},
        {"description": "a\u0000b"},
        {"description": 7},
        {"source": "gossip"},
        {"grid_id": "00000000-0000-0000-0000-000000000000"},
        {"synthetic": True},
        {"id": "00000000-0000-0000-0000-000000000000"},
    ],
    ids=str,
)
def test_what_is_not_in_the_contract_is_refused(client: httpx.Client, change: dict[str, Any]):
    before = len(every_page(client, "/v1/incidents", limit=1000))
    is_problem(client.post("/v1/incidents", json={**INCIDENT, **change}), 422)
    assert len(every_page(client, "/v1/incidents", limit=1000)) == before


@pytest.mark.parametrize("name", ["category", "occurred_at", "lon"])
def test_what_is_missing_is_named(client: httpx.Client, name: str):
    body = is_problem(client.post("/v1/incidents", json=without(INCIDENT, name)), 422)
    assert name in str(body["errors"])


def test_a_refused_text_is_never_repeated(client: httpx.Client):
    number = "13800138000"
    answer = client.post("/v1/incidents", json={**INCIDENT, "description": f"请打 {number}"})
    body = is_problem(answer, 422)
    assert body["field"] == "description"
    assert "phone" in body["detail"]
    assert body["remedy"]
    assert number not in answer.text


full_width = str.maketrans("0123456789", "０１２３４５６７８９")
mobile = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
identity = st.builds(
    "{}{:%Y%m%d}{}".format,
    st.from_regex(r"[1-9][0-9]{5}", fullmatch=True),
    st.dates(datetime(1930, 1, 1).date(), datetime(2025, 1, 1).date()),  # noqa: DTZ001 - days
    st.from_regex(r"[0-9]{3}[0-9Xx]", fullmatch=True),
)
landline = st.from_regex(r"0[0-9]{2,3}-[0-9]{7,8}", fullmatch=True)


@given(number=st.one_of(mobile, identity, landline), wide=st.booleans())
def test_personal_numbers_are_found_in_any_writing(number: str, *, wide: bool):
    told = number.translate(full_width) if wide else number
    with pytest.raises(InvalidInputError) as caught:
        refuse_personal_text(f"联系人电话或证件{told}，请处理", "description")
    assert number not in str(caught.value)


@pytest.mark.parametrize(
    "harmless",
    [
        "网格 340102001001001 的 3 号楼",
        "2026-05-06 10:30 水压 0.35 MPa，停了 2 小时",
        "12345 热线工单 20260506000123",
        "路灯编号 000123456 不亮",
        "400 户，13600 人",
    ],
)
def test_numbers_that_are_no_persons_pass(harmless: str):
    refuse_personal_text(harmless, "description")


def test_a_commit_that_fails_is_no_201_and_stores_nothing(fresh_url: str):
    """The database refuses at the commit, after the answer has been made."""
    engine = make_engine(fresh_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON incidents "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        )
    with serving(Settings(database_url=fresh_url)) as client:
        answer = client.post("/v1/incidents", json=INCIDENT)
        is_problem(answer, 502)
        assert "飞线" not in answer.text
        assert len(every_page(client, "/v1/incidents")) == 60
        assert client.post("/v1/demands", json=DEMAND).status_code == 201
    engine.dispose()


def test_a_database_that_goes_away_in_between_is_a_502_and_then_well_again(fresh_url: str):
    engine = make_engine(fresh_url)
    factory = session_factory(engine)
    with serving(Settings(database_url=fresh_url, pool_size=1)) as client:
        assert client.post("/v1/incidents", json=INCIDENT).status_code == 201
        with transaction(factory) as session:
            session.execute(text("LOCK TABLE incidents IN EXCLUSIVE MODE"))
            answers: list[httpx.Response] = []
            sender = threading.Thread(
                target=lambda: answers.append(client.post("/v1/incidents", json=INCIDENT))
            )
            sender.start()
            _end_the_waiting(factory)
            sender.join(timeout=60)
        is_problem(answers[0], 502)
        assert len(every_page(client, "/v1/incidents")) == 61
        assert client.post("/v1/incidents", json=INCIDENT).status_code == 201
    engine.dispose()


def _end_the_waiting(factory: sessionmaker[Any]) -> None:
    from gis.database.processes import wait_until

    ended = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def done() -> bool:
        with transaction(factory) as session:
            return session.execute(ended).scalar_one() > 0

    assert wait_until(done, 20)
