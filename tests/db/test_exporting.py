"""What is stored goes out whole, in any format, and comes back the same."""

import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from gis import frames
from gis.database.engine import transaction
from gis.errors import ForbiddenError, InvalidInputError, NotFoundError
from gis.frames import Dataset
from gis.ingest.files import read_layer as read_file
from gis.layers import exports
from gis.layers.audit import AuditEntry
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.exports import EXPORT_LAYERS
from gis.layers.grids import COUNTS
from gis.layers.queries import insert_layer, read_layer, table_of
from gis.layers.registry import IMPORTED_LAYERS, LAYER_BY_NAME
from gis.scope import Action, Scope
from gis.services.exporting import ExportOrder, export_layers
from gis.services.importing import import_dataset
from tests.town import CODE_OF, TIMEZONE, grid_id, key

pytestmark = pytest.mark.db

#: Registered layers that the town has rows of.
FULL = ("communities", "buildings", "stations", "station_services", "pois", "incidents", "demands")


def order(path: Path, *layers: str, **how: Any) -> ExportOrder:
    return ExportOrder(layers, path, timezone=TIMEZONE, **how)


def same(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Both hold the same rows, whatever their order."""
    keys = ["id"] if "id" in first else [*first.columns[:2]]
    a, b = (frame.sort_values(keys).reset_index(drop=True) for frame in (first, second))
    assert list(a.columns) == list(b.columns)
    for column in a.columns:
        left, right = a[column].to_numpy(dtype=object), b[column].to_numpy(dtype=object)
        if any(isinstance(value, shapely.Geometry) for value in left):
            left, right = shapely.to_wkb(left), shapely.to_wkb(right)
        for x, y in zip(left, right, strict=True):
            assert x is y or x == y or (pd.isna(x) and pd.isna(y)), column


@pytest.mark.slow
def test_the_town_goes_out_and_into_an_empty_store(
    town_session: Session, factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = tmp_path / "town.gpkg"
    report = export_layers(town_session, scope, order(path, *FULL))
    read = {}
    for name in FULL:
        contract = LAYER_BY_NAME[name].contract
        frame = read_file(path, contract, layer=name).frame
        assert len(frame) == report.rows[name] > 0
        read[name] = frame
    # Matters were assigned under a plan that the empty store has not.
    for name in ("incidents", "demands"):
        read[name] = read[name].assign(plan_id=None, grid_id=None)
    with transaction(factory) as session:
        import_dataset(session, scope, Dataset("again", "", read))
        for name in FULL:
            layer = LAYER_BY_NAME[name]
            there = read_layer(town_session, scope, layer.model, layer.contract)
            if name in {"incidents", "demands"}:
                there = there.assign(plan_id=None, grid_id=None)
            same(there, read_layer(session, scope, layer.model, layer.contract))


@pytest.mark.slow
def test_every_layer_goes_out(town_session: Session, scope: Scope, tmp_path: Path):
    names = tuple(EXPORT_LAYERS)
    report = export_layers(town_session, scope, order(tmp_path / "all.gpkg", *names))
    assert tuple(report.rows) == names
    for layer in IMPORTED_LAYERS:
        count = town_session.execute(text(f'SELECT count(*) FROM "{layer.name}"')).scalar_one()
        assert report.rows[layer.name] == count, layer.name
    listed = {name for name, _ in pyogrio.list_layers(tmp_path / "all.gpkg")}
    assert listed == {*names, "about", "fields"}
    for name in names:
        info = pyogrio.read_info(tmp_path / "all.gpkg", layer=name, force_feature_count=True)
        assert info["features"] == report.rows[name]


def test_small_counts_and_what_would_reveal_them_are_withheld(
    town_session: Session, scope: Scope, tmp_path: Path
):
    path = tmp_path / "plan.gpkg"
    report = export_layers(
        town_session, scope, order(path, "buildings", "grids", "building_grids", suppress=3)
    )
    buildings = pyogrio.read_dataframe(path, layer="buildings", read_geometry=False)
    grids = pyogrio.read_dataframe(path, layer="grids", read_geometry=False)
    members = pyogrio.read_dataframe(path, layer="building_grids")
    true = read_layer(town_session, scope, Building, frames.BUILDINGS).set_index("id")
    home = members.set_index("building_id")["grid_id"]
    buildings["grid_id"] = buildings["id"].map(home)
    for name in COUNTS:
        shown = buildings.set_index("id")[name]
        assert not ((shown > 0) & (shown < 3)).any()
        assert (shown.dropna() == true.loc[shown.dropna().index, name]).all()
        assert report.withheld["buildings"][name] == int(shown.isna().sum())
        for grid, rows in buildings.groupby("grid_id"):
            hidden = rows["id"][rows[name].isna()]
            total = grids.set_index("id")[name][grid]
            if len(hidden) and not pd.isna(total):
                values = true.loc[hidden, name]
                rest = rows[name].fillna(0).gt(0).sum()
                assert (len(values) > 1 and values.sum() > len(values)) or rest == 0
    assert report.withheld["buildings"]["households"] > 2  # the two small houses, and others
    alone = export_layers(town_session, scope, order(tmp_path / "b.csv", "buildings", suppress=3))
    assert alone.withheld["buildings"] == report.withheld["buildings"]  # grids are shown elsewhere
    assert ",*," in (tmp_path / "b.csv").read_text("utf-8-sig")


def test_units_do_not_give_a_buildings_count_away(
    town_session: Session, scope: Scope, tmp_path: Path
):
    """Of 160 households in three units, 2 are the sum less 70 and 88: 70 goes too."""
    counts = {"1": 2, "2": 70, "3": 88}
    units = [
        {
            "id": key("units", name),
            "building_id": key("buildings", "0,0"),
            "name": name,
            "households": n,
        }
        for name, n in counts.items()
    ]
    insert_layer(town_session, scope, BuildingUnit, frames.UNITS.conform(pd.DataFrame(units)))
    path = tmp_path / "a.gpkg"
    for layers, hidden in ((("units",), {"1"}), (("buildings", "units"), {"1", "2"})):
        export_layers(town_session, scope, order(path, *layers, suppress=3))
        shown = pyogrio.read_dataframe(path, layer="units").set_index("name")["households"]
        assert set(shown[shown.isna()].index) == hidden


def test_an_export_is_a_right_and_is_written_down(
    town_session: Session, scope: Scope, tmp_path: Path
):
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError, match="may not export"):
        export_layers(town_session, reader, order(tmp_path / "a.gpkg", "buildings"))
    exporter = Scope("exporter", frozenset({Action.READ, Action.EXPORT}), None)
    export_layers(
        town_session,
        exporter,
        order(tmp_path / "a.gpkg", "buildings", "grids", plan="plan", suppress=4),
    )
    table = table_of(AuditEntry)
    entry = town_session.execute(
        select(table).where(table.c.action == "export").order_by(table.c.id.desc()).limit(1)
    ).one()
    assert entry.principal == "exporter"
    assert entry.after["rows"]["buildings"] > 0
    assert entry.after["plan"]["id"] == key("plans", "plan")
    assert entry.after["suppress"] == 4
    facts = pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="about").set_index("fact")["value"]
    assert facts["Plan: name"] == "plan"
    assert json.loads(facts["json"])["plan"]["code"] == "340102001000"


def test_a_scope_ends_at_its_communities(town_session: Session, tmp_path: Path):
    own = frozenset({key("communities", "A")})
    clerk = Scope("clerk", frozenset({Action.READ, Action.EXPORT}), own)
    path = tmp_path / "a.gpkg"
    export_layers(town_session, clerk, order(path, "buildings", "grids", "incidents"))
    ground = shapely.box(117.3, 31.876, 117.304, 31.88)
    for layer in ("buildings", "grids", "incidents"):
        frame = pyogrio.read_dataframe(path, layer=layer)
        assert len(frame) > 0
        assert frame.geometry.representative_point().within(ground.buffer(1e-9)).all(), layer
    with pytest.raises(ForbiddenError):
        export_layers(town_session, clerk, order(tmp_path / "b.gpkg", "posts"))


def test_a_community_and_a_box_limit_an_export(town_session: Session, scope: Scope, tmp_path: Path):
    whole = export_layers(
        town_session, scope, order(tmp_path / "a.gpkg", "buildings", "station_services")
    )
    part = export_layers(
        town_session,
        scope,
        order(
            tmp_path / "b.gpkg",
            "buildings",
            "station_services",
            community=CODE_OF["A"],
            bbox=(117.3, 31.876, 117.302, 31.88),
        ),
    )
    for layer in whole.rows:
        assert 0 < part.rows[layer] < whole.rows[layer]


@pytest.mark.parametrize(
    ("layers", "how", "error"),
    [
        (("castles",), {}, InvalidInputError),
        ((), {}, InvalidInputError),
        (("grids",), {"plan": "no such plan"}, NotFoundError),
        (("buildings",), {"community": "999999999999"}, NotFoundError),
        (("buildings",), {"crs": "EPSG:0"}, InvalidInputError),
        (("buildings",), {"suppress": 0}, InvalidInputError),
        (("coverage",), {"plan": "plan"}, InvalidInputError),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    town_session: Session,
    scope: Scope,
    tmp_path: Path,
    layers: tuple[str, ...],
    how: dict[str, Any],
    error: type[Exception],
):
    with pytest.raises(error):
        export_layers(town_session, scope, order(tmp_path / "a.gpkg", *layers, **how))
    assert list(tmp_path.iterdir()) == []


def test_results_are_what_the_store_says(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    from gis.services.locating import assign_layer

    with transaction(town_factory) as session:
        assign_layer(session, scope, "incidents", timezone=TIMEZONE)
    with transaction(town_factory) as session:
        report = export_layers(
            session,
            scope,
            order(tmp_path / "r.xlsx", "assigned_incidents", "coverage", "coverage_scenarios"),
        )
    assert report.rows["assigned_incidents"] == 60
    book = openpyxl.load_workbook(report.path, read_only=True)
    rows = list(book["assigned_incidents"].iter_rows(values_only=True))
    grid, code = rows[0].index("grid_id"), rows[0].index("grid_code")
    known = {grid_id("plan", "a"): f"{CODE_OF['A']}001"}
    found = {row[grid]: row[code] for row in rows[1:]}
    assert found.items() >= known.items()
    book.close()


def test_rows_are_read_in_batches(
    town_session: Session, scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exports, "BATCH_ROWS", 7)
    told: list[tuple[str, int]] = []
    export_layers(
        town_session,
        scope,
        order(tmp_path / "a.parquet", "incidents"),
        lambda layer, rows: told.append((layer, rows)),
    )
    assert told == [("incidents", 7)] * 8 + [("incidents", 4)]
    assert pq.read_metadata(tmp_path / "a.parquet").num_rows == 60
