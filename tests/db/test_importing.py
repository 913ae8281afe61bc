"""A data set goes in whole or not at all, whatever happens in the middle."""

import threading
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from gis.database.engine import transaction
from gis.errors import (
    ConflictError,
    CrsMismatchError,
    DataSourceError,
    ForbiddenError,
    InvalidInputError,
)
from gis.frames import BUILDINGS, STATIONS, Dataset
from gis.ingest.files import read_layer as read_layer_file
from gis.layers.buildings import Building
from gis.layers.imports import ImportRecord
from gis.layers.queries import read_layer, table_of
from gis.layers.registry import IMPORTED_LAYERS
from gis.logs import job
from gis.scope import Action, Scope
from gis.services.importing import fingerprint_of, ground_outline, import_dataset
from tests.town import key, town_dataset

pytestmark = pytest.mark.db


def rows_in(factory: sessionmaker[Session]) -> dict[str, int]:
    with factory() as session:
        return {
            layer.name: session.execute(
                select(func.count()).select_from(table_of(layer.model))
            ).scalar_one()
            for layer in IMPORTED_LAYERS
        } | {"imports": session.execute(select(func.count(ImportRecord.id))).scalar_one()}


def texts(column: pd.Series) -> list[str]:
    values = column.astype(object)
    return values.where(values.notna(), "").astype(str).tolist()


def test_what_goes_in_comes_out_the_same(session: Session, scope: Scope):
    dataset = town_dataset()
    report = import_dataset(session, scope, dataset)
    assert report.rows == {name: len(frame) for name, frame in dataset.layers.items()}
    for layer in IMPORTED_LAYERS:
        if layer.name not in dataset.layers or layer.name == "station_services":
            continue
        sent = layer.contract.conform(dataset.layers[layer.name]).set_index("id").sort_index()
        back = read_layer(session, scope, layer.model, layer.contract).set_index("id").sort_index()
        assert list(sent.index) == list(back.index)
        same = shapely.equals(
            shapely.normalize(sent.geometry.to_numpy()), shapely.normalize(back.geometry.to_numpy())
        )
        assert same.all()
        for column in set(sent.columns) - {"geometry", "community_id", "entrance", "area"}:
            assert texts(sent[column]) == texts(back[column]), column


def test_buildings_and_stations_find_their_community(session: Session, scope: Scope):
    import_dataset(session, scope, town_dataset())
    buildings = read_layer(session, scope, Building, BUILDINGS).set_index("name")
    assert buildings.loc["House 0,0", "community_id"] == key("communities", "A")
    assert buildings.loc["House 9,3", "community_id"] == key("communities", "C")


def test_the_same_content_is_not_stored_twice(factory: sessionmaker[Session], scope: Scope):
    with transaction(factory) as session:
        import_dataset(session, scope, town_dataset())
    before = rows_in(factory)
    with (
        pytest.raises(ConflictError, match="in the store already"),
        transaction(factory) as session,
    ):
        import_dataset(session, scope, town_dataset())
    assert rows_in(factory) == before


def test_of_two_imports_of_one_file_at_once_one_is_told(
    factory: sessionmaker[Session], scope: Scope
):
    first_is_in, may_commit = threading.Event(), threading.Event()

    def first() -> None:
        with transaction(factory) as session:
            import_dataset(session, scope, town_dataset())
            first_is_in.set()
            assert may_commit.wait(timeout=60)

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert first_is_in.wait(timeout=60)
        with (
            pytest.raises(ConflictError, match="being imported by another process"),
            transaction(factory) as session,
        ):
            import_dataset(session, scope, town_dataset())
    finally:
        may_commit.set()
        thread.join(timeout=60)
    assert rows_in(factory)["imports"] == 1


def test_the_database_going_away_leaves_nothing_behind(
    factory: sessionmaker[Session], scope: Scope
):
    before = rows_in(factory)
    seen: list[str] = []
    with pytest.raises(DataSourceError, match="went away"), transaction(factory) as session:
        pid = session.execute(select(func.pg_backend_pid())).scalar_one()

        def cut(layer: str, _rows: int) -> None:
            seen.append(layer)
            if layer == "stations":
                with factory() as other:
                    other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

        import_dataset(session, scope, town_dataset(), progress=cut)
    assert "buildings" in seen  # it was in the middle
    assert rows_in(factory) == before
    with transaction(factory) as session:  # and the pool recovers
        import_dataset(session, scope, town_dataset())


def test_a_row_that_the_database_refuses_takes_everything_back(
    factory: sessionmaker[Session], scope: Scope
):
    dataset = town_dataset()
    buildings = dataset.layers["buildings"].copy()
    buildings.loc[3, "low_income_households"] = buildings.loc[3, "households"] + 1
    broken = replace(dataset, layers={**dataset.layers, "buildings": buildings})
    before = rows_in(factory)
    with (
        pytest.raises(ConflictError, match="low_income_within_households"),
        transaction(factory) as session,
    ):
        import_dataset(session, scope, broken)
    assert rows_in(factory) == before


def test_an_unknown_layer_and_a_bad_frame_are_named(session: Session, scope: Scope):
    with pytest.raises(InvalidInputError, match="no layer is called castles"):
        import_dataset(session, scope, Dataset("x", "", {"castles": gpd.GeoDataFrame()}))
    buildings = town_dataset().layers["buildings"].copy()
    buildings["households"] = buildings["households"].astype(float)
    buildings.loc[4, "households"] = float("nan")
    buildings.loc[5, "households"] = -1
    with pytest.raises(InvalidInputError, match=r"x/buildings: field 'households'.*row 6"):
        import_dataset(session, scope, Dataset("x", "", {"buildings": buildings}))


def test_a_matter_with_a_persons_number_is_refused_and_not_repeated(
    factory: sessionmaker[Session], scope: Scope
):
    before = rows_in(factory)
    incidents = town_dataset().layers["incidents"].copy()
    incidents["description"] = None
    incidents.loc[incidents.index[3], "description"] = "致电 13812345678"
    dataset = Dataset("hotline", "", {"incidents": incidents})
    with (
        pytest.raises(InvalidInputError, match=r"hotline/incidents, row 4: .*phone") as told,
        transaction(factory) as session,
    ):
        import_dataset(session, scope, dataset)
    assert "138" not in str(told.value)
    assert rows_in(factory) == before


def test_a_reader_may_not_import(session: Session):
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        import_dataset(session, reader, town_dataset())


def test_the_fingerprint_is_of_the_content():
    layers = town_dataset().layers
    moved = layers["stations"].copy()
    moved.loc[0, "geometry"] = shapely.Point(117.3, 31.87)
    assert fingerprint_of(layers) == fingerprint_of(dict(reversed(list(layers.items()))))
    assert fingerprint_of(layers) != fingerprint_of({**layers, "stations": moved})


def test_the_stores_ground_reveals_exchanged_coordinates(
    session: Session, scope: Scope, tmp_path: Path
):
    """Both values are below 90: only the ground that the store knows tells lon from lat."""
    assert ground_outline(session, scope) is None
    import_dataset(session, scope, town_dataset())
    outline = ground_outline(session, scope)
    moved = shapely.transform(outline, lambda xy: xy - [100, 0])  # to 17 degrees east
    x, y = shapely.get_coordinates(moved.centroid)[0]
    file = tmp_path / "stations.csv"
    file.write_text(f"source_id,name,tier,lon,lat\n1,West,hub,{y},{x}\n", encoding="utf-8")
    assert len(read_layer_file(file, STATIONS, crs="EPSG:4326").frame) == 1
    with pytest.raises(CrsMismatchError, match="lon and lat are swapped"):
        read_layer_file(file, STATIONS, crs="EPSG:4326", within=moved)


def test_events_of_a_job_carry_its_id(session: Session, scope: Scope):
    with capture_logs([merge_contextvars]) as lines, job("import") as job_id:
        import_dataset(session, scope, town_dataset())
    assert lines
    assert {line["job_id"] for line in lines} == {job_id}
