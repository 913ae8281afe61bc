"""Activities, walking networks and the history of indicators in the store."""

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.coverage.indicators import trends
from gis.errors import ForbiddenError, InvalidInputError, NotFoundError
from gis.frames import ACTIVITIES, STATION_SERVICES, Dataset
from gis.ingest.files import read_layer as read_file
from gis.layers import coverage_runs, walking_networks
from gis.layers.activities import Activity, read_activities
from gis.layers.coverage_runs import NewRun
from gis.layers.queries import insert_layer, read_layer
from gis.layers.stations import StationService
from gis.layers.walking_networks import NewNetwork
from gis.scope import Action, Scope
from gis.services.exporting import ExportOrder, export_layers
from gis.services.importing import import_dataset
from tests.town import TIMEZONE, key

pytestmark = pytest.mark.db

NETWORK = NewNetwork("v1", {"reach_m": 300}, {"components": 2}, b"\x00packed\xff")
WEST, EAST = key("communities", "A"), key("communities", "B")
CENTRE, HUB = key("stations", "Centre"), key("stations", "Hub")
CSV = f"""\
source_id,station_id,name,room,starts_at,ends_at,served_group,fee_class,places,attendance
1,{CENTRE},Calligraphy,Room 2,2026-09-15T19:00+08:00,2026-09-15T20:30+08:00,elderly,public,24,20
2,{HUB},Night school,,2026-09-16T19:00+08:00,2026-09-16T21:00+08:00,general,low_fee,30,
3,{CENTRE},Clinic day,,2026-10-01T09:00+08:00,2026-10-01T12:00+08:00,,,,
"""


def at(text_: str) -> datetime:
    return datetime.fromisoformat(f"{text_}+08:00")


def imported(session: Session, scope: Scope, path: Path) -> pd.DataFrame:
    frame = read_file(path, ACTIVITIES).frame
    import_dataset(session, scope, Dataset("courses", "", {"activities": frame}))
    return frame


@pytest.fixture
def courses(tmp_path: Path) -> Path:
    path = tmp_path / "activities.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_activities_come_in_from_a_file_and_go_out_again(
    town_session: Session, scope: Scope, courses: Path, tmp_path: Path
):
    frame = imported(town_session, scope, courses)
    assert frame["served_group"].tolist() == ["elderly", "general", "general"]
    stored = read_layer(town_session, scope, Activity, ACTIVITIES).sort_values("source_id")
    pd.testing.assert_frame_equal(
        stored.reset_index(drop=True), frame.sort_values("source_id"), check_dtype=False
    )
    out = tmp_path / "out.gpkg"
    order = ExportOrder(("activities",), out, timezone=TIMEZONE)
    assert export_layers(town_session, scope, order).rows == {"activities": 3}
    back = read_file(out, ACTIVITIES, layer="activities").frame
    assert set(back["id"]) == set(frame["id"])
    town_session.execute(text("DELETE FROM stations WHERE name = 'Hub'"))
    assert len(read_layer(town_session, scope, Activity, ACTIVITIES)) == 2


def test_activities_of_a_period_and_of_ones_own_communities(
    town_session: Session, scope: Scope, courses: Path
):
    imported(town_session, scope, courses)
    start, end = at("2026-09-01T00:00"), at("2026-10-01T09:00")
    found = read_activities(town_session, scope, start, end)
    assert found["name"].tolist() == ["Calligraphy", "Night school"]
    local = Scope("local", frozenset({Action.READ}), frozenset({WEST}))
    assert read_activities(town_session, local, start, end)["name"].tolist() == ["Calligraphy"]
    with pytest.raises(ForbiddenError):
        read_activities(town_session, Scope("nobody"), start, end)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_activities(town_session, scope, end, start)


def test_an_activity_names_no_person(town_session: Session, scope: Scope, courses: Path):
    bad = courses.read_text(encoding="utf-8").replace("Calligraphy", "Call 13912345678")
    courses.write_text(bad, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"row 1.*phone number"):
        imported(town_session, scope, courses)


def test_an_activity_ends_after_it_begins(town_session: Session, scope: Scope, courses: Path):
    frame = read_file(courses, ACTIVITIES).frame
    frame["ends_at"] = frame["starts_at"]
    with pytest.raises(Exception, match="ends_after_it_begins"):
        insert_layer(town_session, scope, Activity, frame)


def test_how_a_service_travels_is_kept(town_session: Session, scope: Scope):
    given = STATION_SERVICES.conform(
        pd.DataFrame(
            {
                "station_id": [HUB],
                "service": ["canteen"],
                "mode": ["delivery"],
                "delivery_hours": ["Mo-Su 10:30-12:30"],
                "delivery_reach_m": [1500.0],
                "delivery_by": ["riding"],
                "delivery_capacity": [200],
                "delivery_period": ["week"],
            }
        )
    )
    insert_layer(town_session, scope, StationService, given)
    stored = read_layer(town_session, scope, StationService, STATION_SERVICES)
    row = stored[(stored["station_id"] == HUB) & (stored["service"] == "canteen")].iloc[0]
    assert (
        row.drop(["capacity", "opening_hours"]).to_dict()
        == given.iloc[0].drop(["capacity", "opening_hours"]).to_dict()
    )
    assert set(stored.loc[stored["station_id"] == CENTRE, "mode"]) == {"on_site"}


def test_networks_are_kept_by_version_and_the_newest_is_used(town_session: Session, scope: Scope):
    assert walking_networks.newest(town_session, scope) is None
    first = walking_networks.add(town_session, scope, NETWORK)
    second = walking_networks.add(town_session, scope, NewNetwork("v2", {}, {}, b"x"))
    newest = walking_networks.newest(town_session, scope)
    assert newest is not None
    assert (newest.id, newest.data_version) == (second, "v2")
    of_first = walking_networks.newest(town_session, scope, "v1")
    assert of_first is not None
    assert of_first.report == {"components": 2}
    assert walking_networks.arrays(town_session, scope, first) == NETWORK.arrays
    assert walking_networks.remove_others(town_session, scope, second) == 1
    with pytest.raises(NotFoundError):
        walking_networks.arrays(town_session, scope, first)
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        walking_networks.add(town_session, reader, NETWORK)


def indicators(value: float) -> pd.DataFrame:
    places = [("community", WEST, WEST), ("community", EAST, EAST)]
    places += [("subdistrict", key("divisions", "town"), None)]
    return pd.DataFrame(
        [
            {
                "indicator": "residents_covered:canteen_500_m",
                "area_kind": kind,
                "area_id": area,
                "community_id": home,
                "value": None if area == EAST else value,
                "target": 0.9,
                "numerator": value * 100,
                "denominator": 0.0 if area == EAST else 100.0,
                "detail": {"stations": 3},
            }
            for kind, area, home in places
        ]
    )


def stored(session: Session, scope: Scope, day: date, value: float, **how: str) -> str:
    run = NewRun(day, f"v-{day}", **{"method": "walking", "parameters": {"m": 500}, **how})
    return coverage_runs.add(session, scope, run, indicators(value))


def test_runs_keep_their_values_and_their_network(town_session: Session, scope: Scope):
    network = walking_networks.add(town_session, scope, NETWORK)
    key_ = stored(town_session, scope, date(2026, 9, 15), 0.5, network_id=network)
    row = coverage_runs.one(town_session, scope, key_)
    assert (row.as_of, row.method, row.network_id) == (date(2026, 9, 15), "walking", network)
    values = coverage_runs.values(town_session, scope, key_)
    assert len(values) == 3
    by_area = values.set_index("area_id")
    assert by_area.loc[WEST, "value"] == 0.5
    assert pd.isna(by_area.loc[EAST, "value"])
    assert by_area.loc[WEST, "detail"] == {"stations": 3}
    walking_networks.remove_others(town_session, scope, key("networks", "none"))
    assert coverage_runs.one(town_session, scope, key_).network_id is None
    assert len(coverage_runs.values(town_session, scope, key_)) == 3
    with pytest.raises(NotFoundError):
        coverage_runs.one(town_session, scope, network)
    local = Scope("local", frozenset({Action.READ}), frozenset({WEST}))
    assert coverage_runs.values(town_session, local, key_)["area_id"].tolist() == [WEST]
    with pytest.raises(ForbiddenError):
        coverage_runs.add(
            town_session, local, NewRun(date(2026, 1, 1), "v", "walking", {}), indicators(0.1)
        )


def test_the_history_holds_the_last_run_of_each_day_and_gives_trends(
    town_session: Session, scope: Scope
):
    stored(town_session, scope, date(2025, 9, 14), 0.2)
    stored(town_session, scope, date(2026, 8, 15), 0.3)
    stored(town_session, scope, date(2026, 9, 15), 0.4)
    last = stored(town_session, scope, date(2026, 9, 15), 0.5)
    stored(town_session, scope, date(2026, 9, 15), 0.9, method="straight_line")
    newest = coverage_runs.runs(town_session, scope, limit=2)
    assert [row.method for row in newest] == ["straight_line", "walking"]
    assert newest[1].id == last
    told = coverage_runs.history(
        town_session, scope, since=date(2025, 9, 1), until=date(2026, 9, 15)
    )
    assert len(told) == 9
    rows = trends(told, date(2026, 9, 15)).set_index("area_id")
    assert rows.loc[WEST, "month_change"] == pytest.approx(0.2)
    assert rows.loc[WEST, "year_change"] == pytest.approx(0.3)
    assert pd.isna(rows.loc[EAST, "year_change"])
    assert rows.loc[WEST, "year_data_version"] == "v-2025-09-14"
    later = coverage_runs.history(
        town_session, scope, since=date(2026, 9, 16), until=date(2026, 9, 30)
    )
    assert later.empty


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE coverage_runs SET method = 'flying'",
        "UPDATE indicator_values SET area_kind = 'city'",
        "UPDATE indicator_values SET community_id = NULL WHERE area_kind = 'community'",
        "INSERT INTO indicator_values SELECT * FROM indicator_values",
        "UPDATE walking_networks SET arrays = ''",
        "UPDATE station_services SET mode = 'by_post'",
        "UPDATE station_services SET delivery_capacity = -1",
    ],
)
def test_the_database_refuses_what_means_nothing(town_session: Session, scope: Scope, wrong: str):
    walking_networks.add(town_session, scope, NETWORK)
    stored(town_session, scope, date(2026, 9, 15), 0.5)
    with pytest.raises(IntegrityError):
        town_session.execute(text(wrong))
