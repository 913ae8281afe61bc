"""What is stored goes out whole, in any format, and comes back the same."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
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
from gis.errors import DataSourceError, ForbiddenError, InvalidInputError, NotFoundError
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
            assert x == y or (pd.isna(x) and pd.isna(y)), column


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


def test_every_layer_goes_out(town_session: Session, scope: Scope, tmp_path: Path):
    names = tuple(EXPORT_LAYERS)
    report = export_layers(town_session, scope, order(tmp_path / "all.gpkg", *names))
    assert tuple(report.rows) == names
    for layer in IMPORTED_LAYERS:
        count = town_session.execute(
            text(f'SELECT count(*) FROM "{layer.name}"')
        ).scalar_one()
        assert report.rows[layer.name] == count, layer.name
    listed = {name for name, _ in pyogrio.list_layers(tmp_path / "all.gpkg")}
    assert listed == {*names, "about", "fields"}
    for name in names:
        info = pyogrio.read_info(tmp_path / "all.gpkg", layer=name, force_feature_count=True)
        assert info["features"] == report.rows[name]
