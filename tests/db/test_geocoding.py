"""Descriptions of places in the store: certain ones are placed, others wait for a person."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from gis.layers import audit, imports, matters
from gis.layers.buildings import Building
from gis.layers.geocoding import GeocodingRequest
from gis.layers.incidents import Incident
from gis.layers.pois import Poi
from gis.layers.quarters import Quarter
from gis.layers.queries import Window, insert_layer, table_of
from gis.layers.roads import Road
from gis.scope import Action, Scope
from gis.services import geocoding
from gis.services.geocoding import Decision, WaitingRow, queue_rows, resolve_request
from tests.town import TIMEZONE, grid_id, key, lon_lat, square

pytestmark = pytest.mark.db

AT = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
NOISE = {"category": "noise", "service": "affairs", "occurred_at": AT, "source": "hotline"}


def name_places(session: Session, scope: Scope) -> None:
    """Give the town a quarter in grid a with two houses, one in grid e, and two roads."""
    for layer, model, rows, shapes in (
        (
            "quarters",
            Quarter,
            [
                {
                    "id": key("quarters", "1"),
                    "name": "永睦小区",
                    "community_id": key("communities", "A"),
                    "gated": True,
                },
                {
                    "id": key("quarters", "2"),
                    "name": "康宁里",
                    "community_id": key("communities", "B"),
                    "gated": False,
                },
            ],
            [square(0, 0), square(4, 3)],
        ),
        (
            "roads",
            Road,
            [
                {"id": key("roads", "1"), "name": "天水路", "road_class": "local"},
                {"id": key("roads", "2"), "name": "万罗山路", "road_class": "local"},
            ],
            [
                shapely.LineString([lon_lat(0, 2), lon_lat(8, 2)]),
                shapely.LineString([lon_lat(3, 0), lon_lat(3, 4)]),
            ],
        ),
        (
            "pois",
            Poi,
            [{"id": key("pois", "stop"), "name": "九章路口站", "category": "bus_stop"}],
            [shapely.Point(lon_lat(1.5, 1.5))],
        ),
    ):
        frame = gpd.GeoDataFrame(rows, geometry=shapes, crs=4326)
        insert_layer(session, scope, model, frame)
        assert layer
    buildings = table_of(Building)
    for house, name, quarter in (
        ("0,0", "永睦小区1号楼", "1"),
        ("2,0", "永睦小区2号楼", "1"),
        ("4,3", "康宁里1号楼", "2"),
    ):
        session.execute(
            update(buildings)
            .where(buildings.c.id == key("buildings", house))
            .values(name=name, quarter_id=key("quarters", quarter))
        )


@pytest.fixture
def named(town_session: Session, scope: Scope) -> Session:
    name_places(town_session, scope)
    return town_session


def count(session: Session, what: str) -> int:
    return int(session.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


def queue(
    session: Session, scope: Scope, *texts: str, layer: str = "incidents"
) -> geocoding.QueueReport:
    rows = [WaitingRow(one, NOISE) for one in texts]
    return queue_rows(session, scope, layer, rows, timezone=TIMEZONE)


def test_certain_places_become_assigned_matters_with_what_they_refer_to(named, scope):
    report = queue(
        named, scope, "永睦小区1幢", "天水路与万罗山路交叉口", "九章路口公交车站", "康宁里１号楼"
    )
    assert report.placed == {"building": 2, "crossing": 1, "bus_stop": 1}
    assert report.queued == {}
    assert report.request_ids == []
    first, crossing, stop, far = (
        matters.one(named, scope, Incident, one) for one in report.matter_ids
    )
    assert first.building_id == key("buildings", "0,0")
    assert first.grid_id == grid_id("plan", "a")
    assert first.station_name == "Centre"
    assert far.grid_id == grid_id("plan", "e")
    assert stop.poi_id == key("pois", "stop")
    assert (crossing.building_id, crossing.poi_id, crossing.road_id) == (None, None, None)
    place = shapely.from_geojson(crossing.geometry)
    assert shapely.distance(place, shapely.Point(lon_lat(3, 2))) < 1e-6


def test_what_is_not_certain_waits_with_its_candidates(named, scope):
    before = count(named, "incidents")
    report = queue(named, scope, "1号楼", "永睦小区9号楼", "天水路", "不知道在哪里")
    assert report.placed == {}
    assert report.queued == {
        "several_places": 1,
        "building_not_found": 1,
        "coarse": 1,
        "no_name": 1,
    }
    assert count(named, "incidents") == before
    rows = [geocoding.read_request(named, scope, one) for one in report.request_ids]
    assert [row.text for row in rows] == ["1号楼", "永睦小区9号楼", "天水路", "不知道在哪里"]
    assert [len(row.candidates) for row in rows] == [2, 1, 1, 0]
    assert {row.status for row in rows} == {"open"}
    assert rows[0].waiting == {**NOISE, "occurred_at": "2026-05-06T02:00:00+00:00"}


def test_a_person_chooses_a_candidate_and_the_matter_is_stored_and_audited(named, scope):
    [request] = queue(named, scope, "1号楼").request_ids
    candidates = geocoding.read_request(named, scope, request).candidates
    number = [one["name"] for one in candidates].index("康宁里1号楼") + 1
    done = resolve_request(
        named, scope, request, Decision(candidate=number, note="电话核实"), timezone=TIMEZONE
    )
    matter = matters.one(named, scope, Incident, done.matter_id)
    assert matter.building_id == key("buildings", "4,3")
    assert matter.grid_id == grid_id("plan", "e")
    assert matter.occurred_at == AT
    row = geocoding.read_request(named, scope, request)
    assert (row.status, row.resolved_by, row.note) == ("resolved", "local_owner", "电话核实")
    assert (row.resolved_layer, row.resolved_row_id) == ("buildings", key("buildings", "4,3"))
    assert (row.lon, row.lat) == pytest.approx((done.lon, done.lat))
    [entry] = audit.history(named, scope, "geocoding_requests", request)
    assert (entry.action, entry.principal) == ("resolve", "local_owner")
    assert entry.before == {"status": "open"}
    assert entry.after["matter_id"] == done.matter_id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "row_id", "column"),
    [
        ("buildings", key("buildings", "2,0"), "building_id"),
        ("pois", key("pois", "stop"), "poi_id"),
        ("roads", key("roads", "1"), "road_id"),
        ("quarters", key("quarters", "1"), None),
        ("stations", key("stations", "Centre"), None),
    ],
)
def test_a_person_names_a_row(named, scope, layer, row_id, column):
    [request] = queue(named, scope, "不知道在哪里").request_ids
    done = resolve_request(named, scope, request, Decision(row=(layer, row_id)), timezone=TIMEZONE)
    matter = matters.one(named, scope, Incident, done.matter_id)
    assert matter.assigned_at is not None
    filled = {name: getattr(matter, name) for name in ("building_id", "poi_id", "road_id")}
    assert filled == {name: row_id if name == column else None for name in filled}


def test_a_person_points_at_the_map(named, scope):
    [request] = queue(named, scope, "天水路").request_ids
    where = lon_lat(6.5, 0.5)
    done = resolve_request(named, scope, request, Decision(lon_lat=where), timezone=TIMEZONE)
    matter = matters.one(named, scope, Incident, done.matter_id)
    assert shapely.get_coordinates(shapely.from_geojson(matter.geometry))[0] == pytest.approx(where)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decision", "error", "message"),
    [
        (Decision(), InvalidInputError, "exactly one place"),
        (Decision(candidate=1, lon_lat=(117.3, 31.8)), InvalidInputError, "exactly one place"),
        (Decision(candidate=0), InvalidInputError, "no candidate 0"),
        (Decision(candidate=3), InvalidInputError, "has 2"),
        (Decision(lon_lat=(31.8, 117.3)), InvalidInputError, "not a place on the globe"),
        (Decision(lon_lat=(float("nan"), 31.8)), InvalidInputError, "not a place on the globe"),
        (Decision(row=("grids", "x")), InvalidInputError, "is no place"),
        (Decision(row=("buildings", key("buildings", "9,9"))), NotFoundError, "no"),
        (Decision(candidate=1, note="找13912345678"), InvalidInputError, "phone number"),
    ],
)
def test_a_bad_decision_decides_nothing(named, scope, decision, error, message):
    [request] = queue(named, scope, "1号楼").request_ids
    before = count(named, "incidents")
    with pytest.raises(error, match=message):
        resolve_request(named, scope, request, decision, timezone=TIMEZONE)
    assert geocoding.read_request(named, scope, request).status == "open"
    assert count(named, "incidents") == before
    assert audit.history(named, scope, "geocoding_requests", request) == []


def test_a_rejected_request_says_why_and_stays_closed(named, scope):
    [request] = queue(named, scope, "不知道在哪里").request_ids
    before = count(named, "incidents")
    geocoding.reject_request(named, scope, request, reason="不在本街道")
    row = geocoding.read_request(named, scope, request)
    assert (row.status, row.note, row.lon) == ("rejected", "不在本街道", None)
    assert count(named, "incidents") == before
    with pytest.raises(ConflictError, match="rejected already"):
        resolve_request(named, scope, request, Decision(lon_lat=(117.3, 31.8)), timezone=TIMEZONE)
    with pytest.raises(ConflictError, match="rejected already"):
        geocoding.reject_request(named, scope, request, reason="again")


def test_an_empty_reason_is_refused(named, scope):
    [request] = queue(named, scope, "不知道在哪里").request_ids
    with pytest.raises(InvalidInputError, match="reason is empty"):
        geocoding.reject_request(named, scope, request, reason=" ")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (WaitingRow("", NOISE), "0 characters"),
        (WaitingRow("路" * 501, NOISE), "501 characters"),
        (WaitingRow("永睦小区1号楼,电话13912345678", NOISE), "phone number"),
        (
            WaitingRow("永睦小区1号楼", {**NOISE, "description": "身份证340102199003078515"}),
            "identity",
        ),
        (WaitingRow("永睦小区1号楼", {**NOISE, "grid_id": "x"}), "no field 'grid_id'"),
        (WaitingRow("永睦小区1号楼", {**NOISE, "category": None}), "'category' has no value"),
        (WaitingRow("永睦小区1号楼", {**NOISE, "category": "thunder"}), "not known"),
        (WaitingRow("永睦小区1号楼", {**NOISE, "complainant_token": "13912345678"}), "token"),
        (WaitingRow("永睦小区1号楼", {**NOISE, "occurred_at": "2026-05-06"}), "time zone"),
        (
            WaitingRow("永睦小区1号楼", {**NOISE, "occurred_at": AT.replace(tzinfo=None)}),
            "time zone",
        ),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_and_nothing_is_stored(named, scope, row, message):
    before = count(named, "incidents"), count(named, "geocoding_requests")
    rows = [WaitingRow("永睦小区1号楼", NOISE), row]
    with pytest.raises(InvalidInputError, match=message) as caught:
        queue_rows(named, scope, "incidents", rows, timezone=TIMEZONE)
    assert caught.value.message.startswith("Row 2: ")
    assert caught.value.context["row"] == 2
    assert (count(named, "incidents"), count(named, "geocoding_requests")) == before


def test_demands_wait_in_the_same_queue(named, scope):
    values = {"service": "canteen", "occurred_at": AT}
    rows = [WaitingRow("永睦小区2号楼", values), WaitingRow("1号楼", values)]
    report = queue_rows(named, scope, "demands", rows, timezone=TIMEZONE)
    assert (len(report.matter_ids), len(report.request_ids)) == (1, 1)
    page = geocoding.list_requests(named, scope, Window(10), layer="demands")
    assert [str(row.id) for row in page.rows] == report.request_ids
    assert geocoding.list_requests(named, scope, Window(10), layer="incidents").rows == []
    done = resolve_request(
        named, scope, report.request_ids[0], Decision(candidate=1), timezone=TIMEZONE
    )
    assert done.layer == "demands"


def test_the_list_has_pages_and_closed_requests_leave_it(named, scope):
    made = sorted(queue(named, scope, *["1号楼"] * 5).request_ids)
    page = geocoding.list_requests(named, scope, Window(2))
    found = [str(row.id) for row in page.rows]
    while page.next_after:
        page = geocoding.list_requests(named, scope, Window(2, after=page.next_after))
        found += [str(row.id) for row in page.rows]
    assert found == made
    geocoding.reject_request(named, scope, made[0], reason="重复")
    assert len(geocoding.list_requests(named, scope, Window(10)).rows) == 4
    assert len(geocoding.list_requests(named, scope, Window(10), status="rejected").rows) == 1
    assert len(geocoding.list_requests(named, scope, Window(10), status=None).rows) == 5


def test_a_matter_that_waited_belongs_to_the_import_that_brought_it(named, scope):
    number = imports.begin(named, scope, name="hotline", fingerprint="f")
    report = queue(named, scope, "永睦小区1号楼", "1号楼")
    imports.end(named, scope, number, rows={"incidents": 1}, report={})
    done = resolve_request(
        named, scope, report.request_ids[0], Decision(candidate=1), timezone=TIMEZONE
    )
    table = table_of(Incident)
    asked = select(table.c.import_no).where(table.c.id.in_([report.matter_ids[0], done.matter_id]))
    assert named.execute(asked).scalars().all() == [number, number]


def test_the_gazetteer_is_kept_until_the_data_change(named, scope):
    first = geocoding.read_gazetteer(named, scope)
    assert geocoding.read_gazetteer(named, scope) is first
    named.execute(update(table_of(Quarter)).values(gated=True))
    second = geocoding.read_gazetteer(named, scope)
    assert second is not first
    named.execute(delete(table_of(Poi)))
    assert "九章路口站" not in geocoding.read_gazetteer(named, scope).names
    assert "九章路口站" in second.names


def test_an_empty_store_knows_no_place(session: Session, scope: Scope):
    [match] = geocoding.place_texts(session, scope, ["永睦小区1号楼"])
    assert match.status == "none"


def test_whoever_may_not_write_or_read_is_refused(named):
    nobody = Scope("nobody")
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        geocoding.place_texts(named, nobody, ["1号楼"])
    with pytest.raises(ForbiddenError):
        queue(named, reader, "永睦小区1号楼")
    with pytest.raises(ForbiddenError):
        queue(named, reader, "1号楼")
    with pytest.raises(ForbiddenError):
        geocoding.list_requests(named, nobody, Window(1))


def test_a_scope_of_one_community_is_told_of_its_own_places_only(named):
    own = Scope("a", frozenset({Action.READ}), frozenset({key("communities", "A")}))
    known = geocoding.read_gazetteer(named, own)
    assert "永睦小区" in known.names
    assert "康宁里" not in known.names


def test_of_two_who_decide_at_once_the_second_is_told(new_database: Callable[[str], str]):
    factory: sessionmaker[Session] = session_factory(make_engine(new_database("town")))
    scope = Scope.local_owner()
    with transaction(factory) as session:
        name_places(session, scope)
        [request] = queue(session, scope, "1号楼").request_ids
    started, outcomes = threading.Barrier(2), []

    def decide(number: int) -> None:
        try:
            with transaction(factory) as session:
                started.wait(timeout=60)
                resolve_request(
                    session, scope, request, Decision(candidate=number), timezone=TIMEZONE
                )
            outcomes.append("resolved")
        except ConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=decide, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["conflict", "resolved"]
    with transaction(factory) as session:
        asked = select(table_of(GeocodingRequest).c.status)
        assert session.execute(asked).scalars().all() == ["resolved"]
        made = text("SELECT count(*) FROM incidents WHERE occurred_at = :at AND category = 'noise'")
        assert session.execute(made, {"at": AT}).scalar_one() == 1
