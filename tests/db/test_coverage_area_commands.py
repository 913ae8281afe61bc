"""``wangge coverage`` for areas, runs, indicators and activities, over a real store."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from gis.errors import ForbiddenError, InvalidInputError
from gis.frames import Dataset
from gis.outlets.labels import FIELD_LABELS
from gis.scope import Action, Scope
from gis.services.coverage_asked import CoverageQuestion
from gis.services.coverage_exporting import CONTRACTS, CoverageExport, export_coverage
from gis.services.importing import import_dataset
from gis.settings import get_settings
from tests.api.test_activities import activities
from tests.streets import add_streets
from tests.town import CODE_OF, key, lon_lat

pytestmark = pytest.mark.db

MORNING = ("--service", "affairs", "--at", "2026-05-06T10:00")


@pytest.fixture(scope="module")
def walkable(new_database: Callable[[str], str], scope: Scope) -> str:
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
        import_dataset(session, scope, Dataset("menu", "", {"activities": activities()}))
    engine.dispose()
    return url


@pytest.fixture(autouse=True)
def url(walkable: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DATABASE_URL", walkable)
    get_settings.cache_clear()
    yield walkable
    monkeypatch.undo()
    get_settings.cache_clear()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["coverage", *words])


def told(*words: str) -> Any:
    answer = run(*words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.mark.slow
def test_isochrones_of_stations_a_place_and_all_that_serve():
    one = told("isochrone", "--station", "Centre", "--minutes", "3", "--minutes", "6")
    assert one["method"] == "walking"
    facts = [area["properties"] for area in one["features"]]
    assert [(f["station_id"], f["walk_minutes"]) for f in facts] == [
        (key("stations", "Centre"), 3),
        (key("stations", "Centre"), 6),
    ]
    lon, lat = lon_lat(4.5, 2)
    here = told("isochrone", "--point", f"{lon},{lat}", "--metres", "200", "--speed", "frail")
    assert here["features"][0]["properties"]["walk_minutes"] == 5.1
    shown = run("isochrone", *MORNING)
    assert shown.exit_code == 0, shown.output
    assert "on foot, adult 1.2 m/s" in shown.stdout
    assert run("isochrone", "--station", "Nowhere").exit_code == 1
    assert run("isochrone", "--point", "here").exit_code == 1


def test_catchments_and_gaps_are_shown_with_small_counts_withheld():
    caught = run("catchments", *MORNING)
    assert caught.exit_code == 0, caught.output
    assert "Centre" in caught.stdout
    gaps = told("gaps", *MORNING, "--metres", "300", "--community", CODE_OF["A"])
    assert gaps["features"]
    for one in gaps["features"]:
        for name in ("residents", "elderly", "children", "low_income_households"):
            count = one["properties"][name]
            assert count is None or count == 0 or count >= 3
    assert run("gaps", "--community", "340102009009").exit_code == 1


@pytest.mark.slow
def test_a_station_and_a_building_without_a_road_near_are_said(url: str):
    hub, far = key("stations", "Hub"), shapely.Point(lon_lat(30, 3))
    engine = create_engine(url)
    moved = text("UPDATE stations SET geometry = ST_GeomFromText(:wkt, 4326) WHERE id = :id")
    with engine.begin() as connection:
        home = connection.scalar(
            text("SELECT ST_AsText(geometry) FROM stations WHERE id = :id"), {"id": hub}
        )
        connection.execute(moved, {"id": hub, "wkt": far.wkt})
    try:
        for command in ("isochrone", "catchments", "gaps"):
            asked = (command, "--service", "police", "--as-of", "2026-05-06")
            assert told(*asked)["stations_off_network"] == [hub]
            shown = run(*asked)
            assert shown.exit_code == 0, shown.output
            assert "no road is near, so nobody can walk there: Hub" in shown.stdout
    finally:
        with engine.begin() as connection:
            connection.execute(moved, {"id": hub, "wkt": home})
        engine.dispose()


@pytest.mark.slow
def test_a_run_is_measured_listed_and_its_indicators_shown(tmp_path: Path):
    nothing = run("indicators", "--as-of", "2020-01-01")
    assert nothing.exit_code == 1
    assert "wangge coverage run" in nothing.stderr
    report = told("run", "--as-of", "2026-05-06", "--service", "affairs", "--metres", "300")
    assert 0 < report["subdistrict"]["households_covered:affairs_300_m"] < 1
    again = run("run", "--as-of", "2026-05-06", "--service", "affairs")
    assert again.exit_code == 0, again.output
    assert "households_covered:affairs_15_min" in again.stdout
    assert "No posts are told of" in again.stdout
    assert not {"target", "gap"} & set(again.stdout.split())  # no share has one
    assert len(told("runs")) == 2
    assert "2026-05-06" in run("runs").stdout
    shown = run("indicators", "--as-of", "2026-05-06", "--per", "community")
    assert shown.exit_code == 0, shown.output
    assert "households_covered:affairs_500_m" in shown.stdout
    asked = ("--indicator", "households_covered:affairs_500_m", "--as-of", "2026-05-07")
    (row,) = told("indicators", *asked)["indicators"]
    assert row["value"] == pytest.approx(row["numerator"] / row["denominator"])
    table = tmp_path / "indicators.xlsx"
    wrote = run("indicators", "--as-of", "2026-05-06", "--per", "grid", "--out", str(table))
    assert wrote.exit_code == 0, wrote.output
    assert "indicator" in set(pd.read_excel(table, engine="openpyxl").columns)


@pytest.mark.slow
def test_every_service_on_offer_is_measured_and_targets_name_their_source(url: str):
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE stations SET floor_area_m2 = 90"))
        told_of = {*connection.execute(text("SELECT service FROM station_services")).scalars()}
    asked = ("run", "--as-of", "2027-05-06")
    report = told(*asked)
    assert report["services"][0] == "any"
    assert set(report["services"][1:]) == told_of >= {"canteen", "elderly_care"}
    area = "floor_area_per_100_households"
    assert set(report["targets"]) == {area}
    assert report["targets"][area]["gap"] == pytest.approx(
        max(30 - report["subdistrict"][area], 0), abs=1e-3
    )
    for shown in (run(*asked), run("indicators", "--as-of", "2027-05-06")):
        assert shown.exit_code == 0, shown.output
        assert {"target", "gap", "(1)"} <= set(shown.stdout.split())
        assert "(1) 国务院办公厅" in shown.stdout
    assert "m² per 100 households" in shown.stdout
    with engine.begin() as connection:
        connection.execute(text("UPDATE stations SET floor_area_m2 = NULL"))
    engine.dispose()


def test_the_menu_of_a_month():
    body = told("activities", "--month", "2026-05")
    assert [one["name"] for one in body["activities"]][:2] == ["Choir", "Chess"]
    assert body["activities"][1]["attendance"] is None
    shown = run("activities", "--month", "2026-05", "--group", "elderly")
    assert shown.exit_code == 0, shown.output
    assert "Tai chi" in shown.stdout
    assert "Choir" not in shown.stdout
    assert run("activities", "--group", "cats").exit_code == 1
    empty = run("activities", "--month", "2020-02")
    assert empty.exit_code == 0, empty.output
    assert "2020-02: 0 activities" in empty.stdout


def test_everything_is_written_to_one_geopackage_and_noted(tmp_path: Path, url: str):
    file = tmp_path / "coverage.gpkg"
    wrote = run("export", str(file), *MORNING, "--minutes", "5", "--minutes", "10")
    assert wrote.exit_code == 0, wrote.output
    names = {name for name, _ in pyogrio.list_layers(file)}
    assert {"walking_verdicts", "isochrones", "catchments", "coverage_gaps"} <= names
    verdicts = gpd.read_file(file, layer="walking_verdicts")
    assert len(verdicts) == 21
    assert verdicts["station_id"].notna().all()
    areas = gpd.read_file(file, layer="isochrones")
    assert set(areas["walk_minutes"]) == {5, 10}
    caught = gpd.read_file(file, layer="catchments")
    assert caught["elderly_suppressed"].dtype == bool
    shown = caught["elderly"].dropna()
    assert ((shown == 0) | (shown >= 3)).all()
    assert caught.loc[caught["elderly_suppressed"], "elderly"].isna().all()
    engine = create_engine(url)
    with engine.connect() as connection:
        noted = connection.execute(
            text("SELECT after FROM audit_log WHERE layer = 'coverage' ORDER BY id DESC LIMIT 1")
        ).scalar_one()
    engine.dispose()
    assert noted["file"] == "coverage.gpkg"
    assert noted["rows"]["walking_verdicts"] == 21


@pytest.mark.slow
def test_one_layer_goes_to_a_table_with_chinese_headers(tmp_path: Path):
    file = tmp_path / "catchments.xlsx"
    words = ("--layer", "catchments", "--headers", "zh-CN")
    wrote = run("export", str(file), *words, *MORNING)
    assert wrote.exit_code == 0, wrote.output
    table = pd.read_excel(file, engine="openpyxl")
    assert {FIELD_LABELS["walk_minutes"], FIELD_LABELS["households"]} <= set(table.columns)
    for command in ("isochrone", "catchments", "gaps"):
        own = tmp_path / f"{command}.geojson"
        answer = run(command, *MORNING, "--metres", "200", "--out", str(own))
        assert answer.exit_code == 0, answer.output
        assert len(gpd.read_file(own))
    assert run("isochrone", "--station", "Centre", "--out", str(file)).exit_code == 1


def test_every_exported_field_has_a_chinese_header():
    for contract in CONTRACTS.values():
        for name in contract.names:
            assert name in FIELD_LABELS, name


def test_who_may_not_export_takes_nothing_out(town_session: Session, tmp_path: Path):
    order = CoverageExport(
        tmp_path / "x.gpkg", ("catchments",), CoverageQuestion(None, "Asia/Shanghai")
    )
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        export_coverage(town_session, reader, order)
    unknown = CoverageExport(tmp_path / "x.gpkg", ("roads",), order.question)
    with pytest.raises(InvalidInputError, match="roads"):
        export_coverage(town_session, Scope.local_owner(), unknown)
    assert not list(tmp_path.iterdir())
