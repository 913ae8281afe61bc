"""A file goes in as it is read, whole or not at all, in constant memory."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import transaction
from gis.errors import ConflictError
from gis.frames import POIS
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import ReadOrder, open_layer
from gis.layers.imports import ImportRecord
from gis.layers.pois import Poi
from gis.scope import Scope
from gis.services.importing import ImportReport
from gis.services.streaming import import_stream

pytestmark = pytest.mark.db


def order(**more: object) -> ReadOrder:
    return ReadOrder(SourceOptions(crs=SourceCrs.parse("EPSG:4326", "")), **more)


def write_pois(path: Path, rows: int) -> Path:
    lines = [f"p{n},poi {n},school,{117.2 + n / 1e6:.6f},31.8" for n in range(rows)]
    path.write_text("\n".join(["source_id,name,category,lon,lat", *lines]), encoding="utf-8")
    return path


def import_pois(session: Session, scope: Scope, path: Path, **more: object) -> ImportReport:
    with open_layer(path, POIS, order(batch_rows=100)) as stream:
        return import_stream(session, scope, stream, layer="pois", dataset_name="pois", **more)


def counts(factory: sessionmaker[Session]) -> tuple[int, int]:
    with factory() as session:
        return tuple(
            session.execute(select(func.count(model.id))).scalar_one()
            for model in (Poi, ImportRecord)
        )


def test_a_file_goes_in_batch_by_batch(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = write_pois(tmp_path / "p.csv", 250)
    told: list[tuple[str, int]] = []
    with transaction(factory) as session:
        report = import_pois(
            session, scope, path, progress=lambda layer, rows: told.append((layer, rows))
        )
    assert told == [("pois", 100), ("pois", 100), ("pois", 50)]
    assert report.rows == {"pois": 250}
    assert counts(factory) == (250, 1)
    with pytest.raises(ConflictError, match="in the store already"), transaction(factory) as again:
        import_pois(again, scope, path)
    assert counts(factory) == (250, 1)
