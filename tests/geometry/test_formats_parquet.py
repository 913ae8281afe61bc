"""GeoParquet: its own metadata say the system and which column is geometry."""

import json
import os
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.formats.contents import layers_of
from gis.ingest.rejects import Rejects
from gis.ingest.rows import RowBatch, SourceFacts, SourceOptions

pytestmark = pytest.mark.geometry


def frame(crs: str | None = "EPSG:4548", rows: int = 25) -> gpd.GeoDataFrame:
    shapes = [shapely.box(500000 + i, 3500000, 500001 + i, 3500001) for i in range(rows)]
    data = {
        "名称": ["桂林路", None, "东门"] * rows,
        "hu": pd.array([1, None, 3] * rows, dtype="Int64"),
        "at": pd.to_datetime(["2024-08-05T08:30:00+08:00"] * rows * 3),
    }
    columns = {name: values[:rows] for name, values in data.items()}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def read(path: Path, size: int = 50_000, **options: object) -> tuple[list[RowBatch], SourceFacts]:
    if isinstance(options.get("crs"), str):
        options["crs"] = SourceCrs.parse(str(options["crs"]), "test")
    source = open_source(path, SourceOptions(**options), Rejects())  # type: ignore[arg-type]
    try:
        return list(source.batches(size)), source.facts
    finally:
        source.close()


def remade(path: Path, change: object) -> Path:
    """Write a file anew with its geo metadata changed."""
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    geo = change(geo)  # type: ignore[operator]
    metadata = {b"geo": geo if isinstance(geo, bytes) else json.dumps(geo).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize("size", [1, 7, 10, 100])
@pytest.mark.parametrize("suffix", [".parquet", ".geoparquet"])
def test_rows_come_in_batches_with_their_values(tmp_path: Path, size: int, suffix: str):
    path = tmp_path / f"b{suffix}"
    frame().to_parquet(path, row_group_size=10)
    batches, facts = read(path, size)
    assert max(map(len, batches)) <= size
    assert facts.rows == sum(map(len, batches)) == 25
    assert facts.crs is not None
    assert facts.crs.name == "EPSG:4548"
    columns = pd.concat([batch.columns for batch in batches], ignore_index=True)
    assert columns["名称"].tolist() == (["桂林路", None, "东门"] * 9)[:25]
    assert columns["hu"].tolist()[:3] == [1, None, 3]
    assert columns["at"][0] == pd.Timestamp("2024-08-05T08:30:00+08:00")
    shapes = [shape for batch in batches for shape in batch.geometry]  # type: ignore[union-attr]
    assert shapely.equals(shapes, frame().geometry.to_numpy()).all()
    entry = layers_of(path)[0]
    assert (entry.name, entry.geometry, entry.rows) == ("b", "Polygon", 25)


def test_a_system_that_is_null_is_refused_and_one_left_out_is_lon_lat(tmp_path: Path):
    path = tmp_path / "b.parquet"
    frame(None).to_parquet(path)
    with pytest.raises(CrsMismatchError, match="no coordinate reference system"):
        read(path)
    facts = read(path, crs="EPSG:4549")[1]
    assert facts.crs is not None
    assert facts.crs.name == "EPSG:4549"

    def without(geo: dict[str, dict[str, dict[str, object]]]) -> object:
        geo["columns"]["geometry"].pop("crs", None)
        return geo

    facts = read(remade(path, without))[1]
    assert facts.crs is not None
    assert facts.crs.name == "OGC:CRS84"
    assert facts.crs.to_lonlat([shapely.Point(117, 31)])[0].equals(shapely.Point(117, 31))


def test_the_file_and_the_caller_may_not_contradict_each_other(tmp_path: Path):
    path = tmp_path / "b.parquet"
    frame().to_parquet(path)
    with pytest.raises(CrsMismatchError, match="it is in EPSG:4548, not EPSG:4549"):
        read(path, crs="EPSG:4549")


def test_boxes_of_the_geometry_are_no_columns(tmp_path: Path):
    path = tmp_path / "b.parquet"
    frame().to_parquet(path, write_covering_bbox=True, schema_version="1.1.0")
    assert "bbox" in pq.read_schema(path).names
    assert read(path)[1].columns == ("名称", "hu", "at")


def test_what_is_no_geoparquet_is_refused_where_geometry_is_wanted(tmp_path: Path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"n": [1, 2]}).to_parquet(path)
    with pytest.raises(InvalidInputError, match="no GeoParquet"):
        read(path)
    batches, facts = read(path, spatial=False)
    assert batches[0].geometry is None
    assert (facts.crs, facts.rows) == (None, 2)


def test_metadata_that_are_broken_or_of_another_encoding_are_refused(tmp_path: Path):
    path = tmp_path / "b.parquet"
    for change, error, says in (
        (lambda _: b"{", DataSourceError, "metadata are broken"),
        (lambda _: b'{"columns": 3}', DataSourceError, "metadata are broken"),
        (lambda geo: geo | {"primary_column": "shape"}, DataSourceError, "no column 'shape'"),
        (
            lambda geo: geo | {"columns": {"geometry": {"encoding": "polygon"}}},
            InvalidInputError,
            "'polygon'; only WKB",
        ),
    ):
        frame().to_parquet(path)
        with pytest.raises(error, match=says):
            read(remade(path, change))


def test_a_file_cut_off_or_another_format_is_refused(tmp_path: Path):
    path = tmp_path / "b.parquet"
    frame(rows=2000).to_parquet(path)
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], whole[:-3], b"PAR1", b"{}"):
        path.write_bytes(data)
        with pytest.raises(DataSourceError, match="cannot be read as GeoParquet"):
            read(path)
    middle = bytearray(whole)
    middle[100:400] = os.urandom(300)
    path.write_bytes(middle)
    with pytest.raises(DataSourceError, match=r"reading stopped after row|cannot be read"):
        read(path)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path):
    path = tmp_path / "b.parquet"
    frame().to_parquet(path)
    source = open_source(path, SourceOptions(), Rejects())
    frame(rows=20).to_parquet(path)
    with pytest.raises(DataSourceError, match="changed while it was read"):
        list(source.batches())
    source.close()


def test_text_that_is_kept_once_for_many_rows_is_text(tmp_path: Path):
    path = tmp_path / "b.parquet"
    geo = frame(rows=3)
    geo["kind"] = pd.Categorical(["住宅", "商业", "住宅"])
    geo.to_parquet(path)
    assert pa.types.is_dictionary(pq.read_schema(path).field("kind").type)
    assert read(path)[0][0].columns["kind"].tolist() == ["住宅", "商业", "住宅"]
