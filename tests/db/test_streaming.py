"""A file goes in as it is read: whole or not at all, with the row named that forbids it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import CheckConstraint, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import (
    ConflictError,
    CrsMismatchError,
    DataSourceError,
    ForbiddenError,
    InvalidInputError,
)
from gis.frames import BUILDINGS, INCIDENTS, POIS, QUARTERS, STATIONS, Dataset, FrameContract
from gis.geometry.source_crs import SourceCrs
from gis.ingest import RejectedRowsError
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import ReadOrder, open_layer
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.imports import ImportRecord
from gis.layers.pois import Poi
from gis.layers.queries import table_of
from gis.layers.registry import IMPORTED_LAYERS, LAYER_BY_NAME
from gis.scope import Action, Scope
from gis.services.importing import ImportReport, import_dataset
from gis.services.streaming import ImportCancelledError, import_stream
from tests.town import key, town_dataset

pytestmark = pytest.mark.db

CONTRACTS = {each.name: each for each in (BUILDINGS, INCIDENTS, POIS, QUARTERS, STATIONS)}


def order(**more: object) -> ReadOrder:
    return ReadOrder(
        SourceOptions(crs=SourceCrs.parse("EPSG:4326", "")), **{"batch_rows": 100, **more}
    )


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_pois(path: Path, rows: int) -> Path:
    lines = [f"p{n},poi {n},school,{117.2 + n / 1e6:.6f},31.8" for n in range(rows)]
    return write(path, "source_id,name,category,lon,lat", *lines)


def take_in(
    session: Session, scope: Scope, path: Path, contract: FrameContract = POIS, **more: object
) -> ImportReport:
    how = {
        name: more.pop(name)
        for name in ("checks", "skip_rejects", "source", "batch_rows")
        if name in more
    }
    with open_layer(path, contract, order(**how)) as stream:
        return import_stream(
            session, scope, stream, layer=contract.name, dataset_name=path.name, **more
        )


def stored(factory: sessionmaker[Session]) -> tuple[int, ...]:
    with factory() as session:
        return tuple(
            session.execute(select(func.count(model.id))).scalar_one()
            for model in (Poi, Building, ImportRecord)
        )


def content(session: Session, table: str, *left_out: str) -> list[object]:
    """Every value of a table as the database writes it, but for when and by which import."""
    names = [
        column.name
        for column in table_of(LAYER_BY_NAME[table].model).columns
        if column.name not in {"created_at", "import_no", *left_out}
    ]
    listed = ", ".join(f'"{name}"::text' for name in names)
    return session.execute(text(f"SELECT {listed} FROM {table} ORDER BY 1")).all()


def test_a_file_goes_in_batch_by_batch(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 250)
    told: list[tuple[str, int]] = []
    with transaction(factory) as session:
        report = take_in(
            session, scope, path, progress=lambda layer, rows: told.append((layer, rows))
        )
        number = session.execute(select(ImportRecord.number)).scalar_one()
        assert session.execute(select(Poi.import_no).distinct()).scalars().all() == [number]
    assert told == [("pois", 100), ("pois", 100), ("pois", 50)]
    assert report.rows == {"pois": 250}
    assert report.report["source_crs"] == "EPSG:4326"
    assert stored(factory) == (250, 0, 1)


def test_the_same_content_is_not_stored_twice_whatever_the_file_is_called(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    with transaction(factory) as session:
        take_in(session, scope, write_pois(tmp_path / "p.csv", 20))
    with (
        pytest.raises(ConflictError, match="in the store already"),
        transaction(factory) as session,
    ):
        take_in(session, scope, write_pois(tmp_path / "other name.csv", 20))
    assert stored(factory) == (20, 0, 1)


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("layer", ["buildings", "stations"])
def test_a_stream_stores_what_a_data_set_stores(
    session: Session, scope: Scope, tmp_path: Path, layer: str, *, checks: bool
):
    """Placed in communities, with the same keys and values, checked or not."""
    town = town_dataset().layers
    ground = Dataset("ground", "", {"communities": town["communities"]})
    import_dataset(session, scope, ground)
    session.execute(table_of(Community).update().values(data_version="built"))
    with session.begin_nested() as nested:
        import_dataset(session, scope, Dataset("town", "", {layer: town[layer]}))
        expected = content(session, layer)
        nested.rollback()
    contract = CONTRACTS[layer]
    frame = contract.conform(town[layer])
    path = tmp_path / "town.gpkg"
    frame.drop(columns=[name for name, _ in contract.extra_geometries]).to_file(path)
    report = take_in(session, scope, path, contract, checks=checks)
    assert content(session, layer) == expected
    assert report.outside == {layer: 0}
    built = session.execute(select(Community.data_version).distinct()).scalars().all()
    assert built == ([None] if layer == "buildings" else ["built"])


def test_matters_are_stored_alike_with_and_without_checks(
    session: Session, scope: Scope, tmp_path: Path
):
    head = "id,lon,lat,category,occurred_at,synthetic,served_group,description,details"
    rows = [
        f"{UUID(int=n)},117.{n},31.8,tree,2024-05-0{n}T08:00:00+08:00,{n % 2 == 0},elderly,"
        f'"A ""tree"", {n}",{{}}'
        for n in range(1, 6)
    ]
    path = write(tmp_path / "i.csv", head, *rows)
    found = []
    for checks in (True, False):
        with session.begin_nested() as nested:
            take_in(session, scope, path, INCIDENTS, checks=checks)
            found.append(content(session, "incidents"))
            nested.rollback()
    assert found[0] == found[1]
    assert len(found[0]) == 5


def test_what_is_not_checked_the_database_has_a_rule_for():
    """Codes, ranges, required values of every contract: else an unchecked import lets them in."""
    for layer in IMPORTED_LAYERS:
        table = table_of(layer.model)
        rules = [str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)]
        for column in layer.contract.columns:
            where = f"{layer.name}.{column.name}"
            if column.choices:
                assert any(f"{column.name} IN ('{column.choices[0]}'" in r for r in rules), where
            if column.minimum is not None:
                assert any(f"{column.name} >= {column.minimum:g}" in rule for rule in rules), where
            if column.required:
                assert not table.c[column.name].nullable, where
            if column.required and column.default is not None:
                assert table.c[column.name].server_default is not None, where


# -- Rows that the store does not take -------------------------------------------------------------


@pytest.mark.parametrize("checks", [True, False])
def test_a_key_that_is_in_the_store_is_named_with_its_row(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path, *, checks: bool
):
    with transaction(factory) as session:
        take_in(session, scope, write_pois(tmp_path / "p.csv", 30), source="t")
    rows = [f"q{n},x,school,117,31" for n in range(230)]
    rows[217] = "p7,x,school,117,31"
    path = write(tmp_path / "q.csv", "source_id,name,category,lon,lat", *rows)
    with (
        pytest.raises(InvalidInputError, match=r"q\.csv: row 218: the id .* is taken") as told,
        transaction(factory) as session,
    ):
        take_in(session, scope, path, source="t", checks=checks)
    assert told.value.context["row"] == 218
    assert stored(factory) == (30, 0, 1)


def test_without_checks_the_database_finds_a_key_that_stands_twice(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 230)
    with path.open("a", encoding="utf-8") as file:
        file.write("p7,again,school,117.2,31.8\n")
    with (
        pytest.raises(InvalidInputError, match=r"row 231: the id .* stands twice in the file"),
        transaction(factory) as session,
    ):
        take_in(session, scope, path, checks=False)
    assert stored(factory) == (0, 0, 0)


@pytest.mark.parametrize(
    ("columns", "value", "says"),
    [
        ("households,low_income_households", "3,4", "breaks the rule low_income_within_households"),
        ("households", "many", "field 'households': 'many' is no integer"),
        ("use", "castle", "breaks the rule use_known"),
        ("floors", "-1", "breaks the rule floors_not_negative"),
        ("quarter_id", str(UUID(int=7)), f"the quarter_id {UUID(int=7)} is not in the store"),
        ("quarter_id", "seven", "field 'quarter_id': 'seven' is no uuid"),
    ],
)
def test_without_checks_the_row_that_the_database_refuses_is_named(
    factory: sessionmaker[Session],
    scope: Scope,
    tmp_path: Path,
    columns: str,
    value: str,
    says: str,
):
    shape = '"POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))"'
    empty = "," * columns.count(",")
    rows = [f"{shape},b{n},{empty}" for n in range(130)]
    rows[120] = f"{shape},b120,{value}"
    path = write(tmp_path / "b.csv", f"wkt,source_id,{columns}", *rows)
    with (
        pytest.raises(InvalidInputError) as told,
        transaction(factory) as session,
    ):
        take_in(session, scope, path, BUILDINGS, checks=False)
    assert "b.csv: row 121" in told.value.message
    assert says in told.value.message
    assert stored(factory) == (0, 0, 0)


def test_a_required_value_that_is_missing_is_named_by_the_database(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write(tmp_path / "p.csv", "lon,lat,category", "117,31.8,x", "117,31.8,")
    with (
        pytest.raises(InvalidInputError, match="row 2: field 'category' has no value"),
        transaction(factory) as session,
    ):
        take_in(session, scope, path, checks=False)


def test_a_bad_row_near_the_end_takes_everything_back_and_can_be_left_out(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 250)
    with path.open("a", encoding="utf-8") as file:
        file.write("p999,,,117.2,31.8\n")
    with (
        pytest.raises(RejectedRowsError, match="row 251, field 'category': has no value"),
        transaction(factory) as session,
    ):
        take_in(session, scope, path)
    assert stored(factory) == (0, 0, 0)
    with transaction(factory) as session:
        report = take_in(session, scope, path, skip_rejects=True)
    assert (report.report["rows"], report.report["rows_left_out"]) == (250, 1)
    assert stored(factory) == (250, 0, 1)


@pytest.mark.parametrize("checks", [True, False])
def test_a_persons_number_is_refused_with_its_row_and_not_repeated(
    session: Session, scope: Scope, tmp_path: Path, *, checks: bool
):
    rows = [f"117,31.8,tree,2024-05-01T08:00Z,no {n}" for n in range(150)]
    rows[120] = "117,31.8,tree,2024-05-01T08:00Z,致电 13812345678"
    path = write(tmp_path / "i.csv", "lon,lat,category,occurred_at,description", *rows)
    with pytest.raises(InvalidInputError, match=r"i\.csv, row 121: .*phone") as told:
        take_in(session, scope, path, INCIDENTS, checks=checks)
    assert "138" not in str(told.value)


# -- Interrupted, and looked at --------------------------------------------------------------------


def test_the_guard_sees_the_places_and_what_it_says_is_kept_or_raised(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 250)
    seen: list[np.ndarray] = []

    def refuse(points: np.ndarray) -> None:
        seen.append(points)
        raise CrsMismatchError("looks like GCJ-02 read as WGS 84")

    with pytest.raises(CrsMismatchError, match="GCJ-02"), transaction(factory) as session:
        take_in(session, scope, path, guard=refuse)
    assert seen[0].shape == (250, 2)
    assert stored(factory) == (0, 0, 0)
    with transaction(factory) as session:
        report = take_in(session, scope, path, guard=lambda points: {"points": len(points)})
    assert report.report["guard"] == {"points": 250}


def test_an_import_that_is_cancelled_leaves_nothing(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    done: list[int] = []
    with (
        pytest.raises(ImportCancelledError, match="was cancelled; nothing was stored"),
        transaction(factory) as session,
    ):
        take_in(
            session,
            scope,
            write_pois(tmp_path / "p.csv", 400),
            progress=lambda _, rows: done.append(rows),
            cancelled=lambda: sum(done) >= 200,
        )
    assert sum(done) == 200
    assert stored(factory) == (0, 0, 0)


IMPORT = """
import sys
from pathlib import Path
from gis.database.engine import make_engine, session_factory, transaction
from gis.frames import POIS
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import ReadOrder, open_layer
from gis.scope import Scope
from gis.services.streaming import import_stream

done = 0

def half(layer, rows):
    global done
    done += rows
    if done == 10_000:
        print("half", flush=True)
        sys.stdin.readline()  # nobody writes: the signal comes now

options = SourceOptions(crs=SourceCrs.parse("EPSG:4326", ""))
with (
    open_layer(Path(sys.argv[2]), POIS, ReadOrder(options, batch_rows=1000)) as stream,
    transaction(session_factory(make_engine(sys.argv[1]))) as session,
):
    import_stream(
        session, Scope.local_owner(), stream, layer="pois", dataset_name="p", progress=half
    )
"""


@pytest.mark.slow
def test_sigint_at_half_of_the_rows_leaves_the_database_as_it_was(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 20_000)
    with factory() as session:
        url = session.get_bind().url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-c", IMPORT, url, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        assert stored(factory) == (0, 0, 0)  # nobody sees half an import
        os.kill(child.pid, signal.SIGINT)
        _, errors = child.communicate(timeout=240)
    finally:
        child.kill()
        child.wait()
    assert child.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert stored(factory) == (0, 0, 0)
    with transaction(factory) as session:  # and the content is not claimed by the one that ended
        take_in(session, scope, path, batch_rows=10_000)
    assert stored(factory) == (20_000, 0, 1)


@pytest.mark.parametrize("fault", ["changed", "cut off"])
def test_a_file_that_is_not_whole_leaves_nothing(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path, fault: str
):
    points = gpd.points_from_xy(117 + np.arange(600) / 1e5, np.full(600, 31.8), crs=4326)
    frame = gpd.GeoDataFrame({"category": ["school"] * 600}, geometry=points)
    path = tmp_path / "p.shp"
    frame.to_file(path)
    dbf = path.with_suffix(".dbf")
    whole = dbf.read_bytes()
    if fault == "cut off":
        dbf.write_bytes(whole[: len(whole) // 2])

    def change(_layer: str, _rows: int) -> None:
        if fault == "changed":
            dbf.write_bytes(whole.replace(b"school", b"market"))

    with pytest.raises(DataSourceError, match=r"p\.(shp|dbf)"), transaction(factory) as session:
        take_in(session, scope, path, progress=change)
    assert stored(factory) == (0, 0, 0)


def test_a_reader_may_not_import(session: Session, tmp_path: Path):
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        take_in(session, reader, write_pois(tmp_path / "p.csv", 3))


def test_an_unknown_layer_is_named(session: Session, scope: Scope, tmp_path: Path):
    path = write_pois(tmp_path / "p.csv", 3)
    with (
        open_layer(path, POIS, order()) as stream,
        pytest.raises(InvalidInputError, match="no layer is called castles"),
    ):
        import_stream(session, scope, stream, layer="castles", dataset_name="x")


@pytest.mark.slow
def test_two_hundred_thousand_rows_go_in_and_are_known_to_the_planner(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 200_000)
    with transaction(factory) as session, open_layer(path, POIS, order(batch_rows=50_000)) as rows:
        import_stream(session, scope, rows, layer="pois", dataset_name="many")
    assert stored(factory) == (200_000, 0, 1)
    with factory() as session:
        known = session.execute(
            text("SELECT reltuples FROM pg_class WHERE oid = 'pois'::regclass")
        ).scalar_one()
        ids = pd.Series(session.execute(select(Poi.source_id)).scalars())
    assert known == 200_000
    assert ids.is_unique
    assert key("pois", "x") not in set(ids)
