"""Vector formats, written by GDAL itself: the same rows come from every one of them."""

import json
import os
import shutil
import sqlite3
import struct
import tracemalloc
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.formats.arrow import BatchPlace, shapes_of
from gis.ingest.formats.contents import layers_of
from gis.ingest.formats.steady import SteadyFiles, steady
from gis.ingest.rejects import RejectedRowsError, Rejects
from gis.ingest.rows import RowBatch, SourceFacts, SourceOptions

pytestmark = pytest.mark.geometry

DRIVERS = {
    ".shp": {"driver": "ESRI Shapefile", "encoding": "GBK"},
    ".gpkg": {"driver": "GPKG"},
    ".geojson": {"driver": "GeoJSON"},
    ".fgb": {"driver": "FlatGeobuf", "SPATIAL_INDEX": "NO"},
    ".gdb": {"driver": "OpenFileGDB"},
    ".kml": {"driver": "LIBKML"},
}


def write(frame: gpd.GeoDataFrame, path: Path, **options: object) -> Path:
    options = {**DRIVERS[path.suffix], **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the format cannot hold
        pyogrio.write_dataframe(frame, path, **options)
    return path


def read(
    path: Path, rejects: Rejects | None = None, **options: object
) -> tuple[RowBatch, SourceFacts]:
    """Return all rows in one batch, the file being opened with options."""
    rejects = Rejects() if rejects is None else rejects
    if isinstance(options.get("crs"), str):
        options["crs"] = SourceCrs.parse(options["crs"], "test")
    source = open_source(path, SourceOptions(**options), rejects)
    try:
        batches = list(source.batches())
    finally:
        source.close()
    assert [batch.first_row for batch in batches] == list(np.cumsum([1, *map(len, batches)][:-1]))
    columns = pd.concat([batch.columns for batch in batches], ignore_index=True)
    shapes = [batch.geometry for batch in batches if batch.geometry is not None]
    return RowBatch(1, columns, np.concatenate(shapes) if shapes else None), source.facts


def same_places(one: object, other: object) -> bool:
    """Return whether geometries are equal to 1e-7 degrees, as GeoJSON rounds them."""
    return bool((shapely.hausdorff_distance(one, other) < 2e-7).all())


def buildings(names: list[str | None] | None = None, crs: str = "EPSG:4326") -> gpd.GeoDataFrame:
    names = ["桂林路3幢", "福山路", None] if names is None else names
    shapes = [
        shapely.box(117 + i / 1000, 31, 117.0005 + i / 1000, 31.001) for i in range(len(names))
    ]
    rows = {"名称": names, "hu": range(len(names))}
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=crs)


@pytest.mark.parametrize("suffix", DRIVERS)
def test_the_same_rows_come_from_every_format(tmp_path: Path, suffix: str):
    frame = buildings()
    path = write(frame, tmp_path / f"b{suffix}")
    rows, facts = read(path)
    assert rows.columns["名称"].tolist() == ["桂林路3幢", "福山路", None]
    assert [int(value) for value in rows.columns["hu"]] == [0, 1, 2]
    assert rows.geometry is not None
    assert same_places(rows.geometry, frame.geometry.to_numpy())
    assert facts.crs is not None
    assert facts.crs.crs.to_epsg() == 4326
    assert facts.rows in {3, None}
    assert set(facts.columns) == set(rows.columns)
    assert set(facts.columns) >= {"名称", "hu"}


@settings(max_examples=12, deadline=None)  # each example writes and reads four files
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(
                st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=20
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 3),
)
def test_rows_are_equal_whatever_the_format_and_size_of_batches(
    tmp_path_factory: pytest.TempPathFactory, names: list[str | None], size: int
):
    folder = tmp_path_factory.mktemp("formats")
    frame = buildings(names)
    frame["surely"] = "桂林路社区居民委员会"  # Chinese beyond doubt, in either encoding
    for suffix in (".shp", ".gpkg", ".geojson", ".fgb"):
        source = open_source(write(frame, folder / f"b{suffix}"), SourceOptions(), Rejects())
        batches = list(source.batches(size))
        source.close()
        assert {len(batch) for batch in batches[:-1]} <= {size}
        assert [name for batch in batches for name in batch.columns["名称"]] == names, suffix
        shapes = [
            shape for batch in batches if batch.geometry is not None for shape in batch.geometry
        ]
        assert same_places(shapes, frame.geometry.to_numpy()), suffix


def test_values_keep_their_kind(tmp_path: Path):
    frame = buildings()
    frame["code"] = pd.array([310101001, None, 310101003], dtype="Int64")
    frame["share"] = [0.5, np.nan, 2.0]
    frame["day"] = pd.to_datetime(["2024-08-05", "2024-08-06", None])
    frame["at"] = pd.to_datetime(["2024-08-05T08:30:00+08:00"] * 2 + [None])
    for suffix in (".gpkg", ".geojson", ".fgb"):
        rows, _ = read(write(frame, tmp_path / f"b{suffix}"))
        assert rows.columns["code"].tolist() == [310101001, None, 310101003]
        assert [pd.Timestamp(day) for day in rows.columns["day"][:2]] == frame["day"].tolist()[:2]
        assert [pd.Timestamp(at) for at in rows.columns["at"][:2]] == frame["at"].tolist()[:2]
        assert rows.columns[["day", "at", "share"]].isna().sum().tolist() == [1, 1, 1]


def test_times_of_several_zones_keep_them_and_lists_and_objects_stay(tmp_path: Path):
    features = [
        {
            "type": "Feature",
            "properties": {"at": at, "tags": ["a", "b"], "more": {"x": 1}, "mixed": mixed},
            "geometry": {"type": "Point", "coordinates": [117, 31]},
        }
        for at, mixed in (("2024-01-01T00:00:00+08:00", 1), ("2024-01-01T00:00:00", "一"))
    ]
    path = tmp_path / "p.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    rows, facts = read(path)
    aware, naive = rows.columns["at"]
    assert aware == pd.Timestamp("2024-01-01T00:00:00+08:00")
    assert naive.tzinfo is None
    assert rows.columns["tags"].tolist() == [["a", "b"]] * 2
    assert json.loads(rows.columns["more"][0]) == {"x": 1}
    assert [str(value) for value in rows.columns["mixed"]] == ["1", "一"]
    assert facts.rows is None


def test_geometries_of_several_kinds_heights_and_none_come_through(tmp_path: Path):
    shapes = [
        shapely.Point(117, 31, 5),
        shapely.box(117, 31, 118, 32),
        shapely.MultiPolygon([shapely.box(117, 31, 118, 32)]),
        shapely.LineString([(117, 31), (118, 32)]),
        None,
    ]
    frame = gpd.GeoDataFrame({"n": range(5)}, geometry=shapes, crs="EPSG:4326")
    for suffix in (".gpkg", ".geojson"):
        rows, _ = read(write(frame, tmp_path / f"m{suffix}"))
        assert rows.geometry is not None
        assert rows.geometry[4] is None
        assert [shape.geom_type for shape in rows.geometry[:4]] == [
            shape.geom_type for shape in shapes[:4] if shape is not None
        ]


def test_curves_and_broken_geometries_are_faults_of_their_rows():
    curve = bytes.fromhex("0108000000") + (0).to_bytes(4, "little")
    for wkb, reason in ((curve, "is a CircularString"), (b"\x01\x03\x00", "cannot be read")):
        rejects = Rejects()
        array = pa.array([shapely.Point(1, 2).wkb, None, wkb])
        shapes = shapes_of(array, BatchPlace(11, rejects))
        assert shapes.tolist() == [shapely.Point(1, 2), None, None]
        assert [(fault[0], fault[4]) for fault in rejects.rows] == [(13, reason)]


def test_arcs_of_a_geodatabase_become_lines_of_many_points(tmp_path: Path):
    corners = [(117.0, 31.0), (117.5, 31.5), (118.0, 31.0), (117.5, 30.5), (117.0, 31.0)]
    ring = struct.pack("<BII", 1, 8, 5) + b"".join(struct.pack("<2d", *xy) for xy in corners)
    circle = struct.pack("<BII", 1, 10, 1) + ring
    square = shapely.box(117, 31, 118, 32)
    pyogrio.raw.write(
        tmp_path / "c.gdb",
        geometry=np.array([square.wkb, None, circle, square.wkb], dtype=object),
        field_data=[np.array(list("abcd"), dtype=object)],
        fields=np.array(["n"], dtype=object),
        geometry_type="MultiPolygon",
        crs="EPSG:4490",
        driver="OpenFileGDB",
    )
    rejects = Rejects()
    for size in (1, 2, 50):
        source = open_source(tmp_path / "c.gdb", SourceOptions(), rejects)
        shapes = [shape for batch in source.batches(size) for shape in batch.geometry]  # type: ignore[union-attr]
        source.close()
        assert [None if shape is None else round(shape.area, 3) for shape in shapes] == [
            1.0,
            None,
            0.785,  # pi / 4
            1.0,
        ]
    assert not rejects.rows


def test_text_that_an_earlier_program_lost_does_not_come_in(tmp_path: Path):
    path = write(buildings(["桂林路", "东\ufffd"]), tmp_path / "b.gpkg")
    rejects = Rejects()
    read(path, rejects)
    with pytest.raises(RejectedRowsError, match=r"row 2, field '名称': has lost characters"):
        rejects.raise_if_any(str(path), 2)


def test_a_geopackage_with_text_that_is_not_utf8_is_refused(tmp_path: Path):
    path = write(buildings(["桂林路", "东门"]), tmp_path / "b.gpkg")
    with closing(sqlite3.connect(path)) as database, database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE b SET 名称 = CAST(x'B9F0C1D6' AS TEXT) WHERE fid = 2")
    with pytest.raises(DataSourceError, match="is not UTF-8"):
        read(path)


@pytest.mark.parametrize("encoding", ["GBK", "GB18030", "UTF-8"])
@pytest.mark.parametrize("cpg", ["right", "none", "UTF-8", "GBK", "ISO-8859-1", "nonsense"])
def test_a_dbf_is_read_as_its_bytes_are_whatever_the_cpg_says(
    tmp_path: Path, encoding: str, cpg: str
):
    names = ["桂林路社区", "福山路3幢", "东门"]
    path = write(buildings(names), tmp_path / "b.shp", encoding=encoding)
    if cpg == "none":
        path.with_suffix(".cpg").unlink()
    elif cpg != "right":
        path.with_suffix(".cpg").write_text(cpg)
    rows, facts = read(path)
    assert rows.columns["名称"].tolist() == names
    assert facts.encoding == ("utf-8" if encoding == "UTF-8" else "gb18030")
    said = [note for note in facts.notes if f"the .cpg says {cpg}" in note]
    fits = {"UTF-8": {"UTF-8"}, "GBK": {"GBK", "GB18030"}}
    assert bool(said) == (cpg not in {"right", "none"} and encoding not in fits.get(cpg, set()))
    if cpg == "UTF-8" and encoding == "GBK":
        assert said == ["the .cpg says UTF-8, the text is GBK or GB18030: read as GB18030"]


def test_characters_beyond_gbk_are_read(tmp_path: Path):
    path = write(buildings(["㐂囍𠮷路", "桂林"]), tmp_path / "b.shp", encoding="GB18030")
    assert read(path)[0].columns["名称"].tolist() == ["㐂囍𠮷路", "桂林"]


def test_a_declared_encoding_is_verified(tmp_path: Path):
    path = write(buildings(["x", "桂林路"]), tmp_path / "b.shp", encoding="GBK")
    assert read(path, encoding="gbk")[0].columns["名称"].tolist() == ["x", "桂林路"]
    with pytest.raises(DataSourceError, match=r"name of field 1: .* not UTF-8.*is GB18030"):
        read(path, encoding="utf-8")
    plain = buildings(["x", "桂林路"]).rename(columns={"名称": "name"})
    path = write(plain, tmp_path / "c.shp", encoding="GBK")
    with pytest.raises(DataSourceError, match="row 2, field 'name': B9 F0 C1 D6 is not UTF-8"):
        read(path, encoding="utf-8")
    plain["name"] = ["x", "桂林"]
    path = write(plain, tmp_path / "d.shp", encoding="UTF-8")
    with pytest.raises(DataSourceError, match=r"UTF-8 throughout.*not GB18030"):
        read(path, encoding="gbk")


def test_text_cut_at_the_width_of_a_dbf_field_does_not_fail_the_file(tmp_path: Path):
    frame = buildings(["路" * 20, "桂林"])
    path = write(frame, tmp_path / "b.shp", encoding="UTF-8")
    dbf = path.with_suffix(".dbf")
    data = bytearray(dbf.read_bytes())
    width, start = data[32 + 16], int.from_bytes(data[8:10], "little") + 1
    data[start : start + width] = ("a" + "路" * 85).encode()[:width]
    data[32:43] = "居住户数人口".encode()[:10] + b"\0"  # three characters and a third
    dbf.write_bytes(data)
    rows, facts = read(path)
    assert next(iter(rows.columns)) == "居住户"
    value = rows.columns["居住户"][0]
    assert value == ("a" + "路" * 85)[: len(value)]
    assert len(value.encode()) > width - 3
    assert any("cut amid a character" in note for note in facts.notes)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("part", [".dbf", ".shp", ".shx"])
def test_a_shapefile_cut_off_is_refused(tmp_path: Path, part: str, share: float):
    path = write(buildings(["桂林路"] * 40), tmp_path / "b.shp")
    file = path.with_suffix(part)
    os.truncate(file, int(file.stat().st_size * share))
    with pytest.raises(DataSourceError, match="cut off"):
        read(path)


def test_a_dbf_cut_off_names_the_row(tmp_path: Path):
    path = write(buildings(["桂林路"] * 40), tmp_path / "b.shp")
    dbf = path.with_suffix(".dbf")
    head = dbf.read_bytes()[:12]
    start, record = (int.from_bytes(head[at : at + 2], "little") for at in (8, 10))
    os.truncate(dbf, start + 12 * record + 5)
    with pytest.raises(DataSourceError, match=r"says 40 rows .* ends in row 13"):
        read(path)


def test_parts_that_are_missing_or_of_another_file_are_named(tmp_path: Path):
    for suffix, says in ((".dbf", "b.dbf beside it"), (".shx", "b.shx beside it")):
        path = write(buildings(), tmp_path / "b.shp")
        path.with_suffix(suffix).unlink()
        with pytest.raises(DataSourceError, match=says):
            read(path)
    path = write(buildings(), tmp_path / "b.shp")
    other = write(buildings(["x"]), tmp_path / "o.shp")
    shutil.copy(other.with_suffix(".dbf"), path.with_suffix(".dbf"))
    with pytest.raises(DataSourceError, match=r"the \.shx has 3 shapes, the \.dbf 1 rows"):
        read(path)
    path.with_suffix(".dbf").write_bytes(b"nothing")
    with pytest.raises(DataSourceError, match="no DBF"):
        read(path)


def test_suffixes_in_capitals_are_one_shapefile(tmp_path: Path):
    path = write(buildings(["桂林路"]), tmp_path / "b.shp")
    for part in list(tmp_path.iterdir()):
        part.rename(tmp_path / part.name.upper())
    assert read(path.with_name("B.SHP"))[0].columns["名称"].tolist() == ["桂林路"]


def test_a_shapefile_without_prj_is_refused_unless_declared(tmp_path: Path):
    path = write(buildings(), tmp_path / "b.shp")
    path.with_suffix(".prj").unlink()
    with pytest.raises(CrsMismatchError, match=r"no coordinate reference system.*--crs"):
        read(path)
    facts = read(path, crs="gcj02")[1]
    assert facts.crs is not None
    assert facts.crs.shift == "gcj02"
    path.with_suffix(".prj").write_text("not a system")
    with pytest.raises(CrsMismatchError, match="cannot be understood"):
        read(path)
    assert "as declared" in read(path, crs="EPSG:4490")[1].notes[0]


CODES = (4490, 4214, 4610, 2334, 2360, 2385, 2422, 2436, 4504, 4526, 4543, 4545, 4548, 4549, 32650)


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_systems_of_china_are_known_from_a_prj_and_go_to_lon_lat(tmp_path: Path, code: int):
    crs = CRS.from_epsg(code)
    lon, lat = 117.3, 31.86
    if crs.is_projected and crs.area_of_use is not None:
        lon = (crs.area_of_use.west + crs.area_of_use.east) / 2
    there = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(there)], crs=crs)
    rows, facts = read(write(frame, tmp_path / "z.shp"))
    assert "AUTHORITY" not in (tmp_path / "z.prj").read_text()
    assert facts.crs is not None
    assert facts.crs.crs.to_epsg() == code
    back = shapely.get_coordinates(facts.crs.to_lonlat(rows.geometry))[0]
    assert back == pytest.approx((lon, lat), abs=1e-8)


@pytest.mark.slow
def test_a_prj_of_a_local_name_is_known_by_its_numbers_and_said_so(tmp_path: Path):
    path = write(buildings().to_crs("EPSG:4548"), tmp_path / "z.shp")
    prj = path.with_suffix(".prj")
    esri = prj.read_text()
    prj.write_text(esri.replace("CGCS2000_3_Degree_GK_CM_117E", "HeFei_2000"))
    facts = read(path)[1]
    assert facts.crs is not None
    assert facts.crs.name == "EPSG:4548"
    assert facts.notes == ("its system 'HeFei_2000' has no code: it is EPSG:4548",)
    prj.write_bytes(esri.replace("CGCS2000_3_Degree_GK_CM_117E", "合肥2000").encode("gbk"))
    assert "'合肥2000'" in read(path)[1].notes[0]
    assert layers_of(path)[0].rows == 3
    prj.write_text(esri.replace("117.0", "117.25"))  # a meridian of its own
    facts = read(path)[1]
    assert facts.crs is not None
    assert "by its numbers" in facts.notes[0]
    assert facts.crs.crs.to_epsg() is None


def test_shifted_degrees_are_believed_and_metres_of_another_system_are_not(tmp_path: Path):
    degrees = write(buildings(), tmp_path / "d.gpkg")
    facts = read(degrees, crs="bd09")[1]
    assert facts.crs is not None
    assert (facts.crs.shift, len(facts.notes)) == ("bd09", 1)
    metres = write(buildings().to_crs("EPSG:4548"), tmp_path / "m.gpkg")
    for crs in ("gcj02", "EPSG:4549", "EPSG:4326"):
        with pytest.raises(CrsMismatchError, match="it is in EPSG:4548, not"):
            read(metres, crs=crs)


KML = """<?xml version="1.0" encoding="{encoding}"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document>
<Folder><name>社区</name><Placemark><name>桂林社区</name>
<ExtendedData><Data name="编码"><value>310</value></Data>
<SchemaData><SimpleData name="名称">一</SimpleData></SchemaData></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing><coordinates>
117,31,5 117.1,31,5 117.1,31.1,5 117,31,5</coordinates></LinearRing></outerBoundaryIs></Polygon>
</Placemark></Folder>
<Folder><name>站点</name><Placemark><name>东站</name>
<Point><coordinates>117,31</coordinates></Point></Placemark></Folder>
</Document></kml>"""


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
def test_folders_of_a_kml_are_layers_and_its_data_columns(tmp_path: Path, encoding: str):
    path = tmp_path / "k.kml"
    path.write_bytes(KML.format(encoding=encoding).encode(encoding))
    with pytest.raises(InvalidInputError, match="--table: 社区, 站点"):
        read(path)
    rows, facts = read(path, layer="社区", crs="gcj02")
    assert list(rows.columns) == ["Name", "编码", "名称"]
    assert rows.columns.to_numpy().tolist() == [["桂林社区", "310", "一"]]
    assert rows.geometry is not None
    assert rows.geometry[0].equals(shapely.Polygon([(117, 31), (117.1, 31), (117.1, 31.1)]))
    assert facts.crs is not None
    assert facts.crs.name == "gcj02"
    entries = [(entry.name, entry.geometry, entry.rows) for entry in layers_of(path)]
    assert entries == [("社区", "Polygon", 1), ("站点", "Point", 1)]


def test_a_broken_placemark_is_a_fault_of_its_row_and_a_broken_file_an_error(tmp_path: Path):
    path = tmp_path / "k.kml"
    text = KML.format(encoding="UTF-8").replace("117,31,5 117.1,31,5", "117;31 x,31")
    path.write_text(text, encoding="utf-8")
    rejects = Rejects()
    read(path, rejects, layer="社区")
    assert [(fault[0], fault[1], fault[3]) for fault in rejects.rows] == [
        (1, "geometry", "broken_geometry")
    ]
    path.write_text(text[:-40], encoding="utf-8")
    with pytest.raises(DataSourceError, match="cannot be read as KML"):
        read(path, layer="社区")


def test_entities_of_xml_are_never_expanded(tmp_path: Path):
    path = tmp_path / "k.kml"
    bomb = '<!DOCTYPE kml [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><kml>'
    path.write_text(KML.format(encoding="UTF-8").replace("<kml ", bomb + "<kml "))
    with pytest.raises(DataSourceError, match="cannot be read as KML"):
        read(path, layer="社区")


def test_a_geojson_in_gbk_is_read_and_its_copy_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = write(buildings(["桂林路社区", "东门"]), tmp_path / "b.geojson")
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    rows, facts = read(path)
    assert rows.columns["名称"].tolist() == ["桂林路社区", "东门"]
    assert facts.encoding == "gb18030"
    says = "the GeoJSON says UTF-8, the text is GBK or GB18030: read as GB18030"
    assert facts.notes == (says,)
    path.write_text(path.read_text(encoding="gbk").replace("桂林路社区", "茅").replace("名称", "n"))
    assert read(path)[0].columns["n"].tolist() == ["茅", "东门"]
    assert not list(scratch.iterdir())


def test_a_sparse_geojson_of_two_gigabytes_fails_at_once_and_fills_no_memory(tmp_path: Path):
    start = '{"type":"FeatureCollection","features":['
    whole = start + '{"type":"Feature","properties":{},"geometry":null}'
    for text in (start, whole, start + '{"type":"Feature","properties":{"a":"'):
        path = tmp_path / "big.geojson"
        path.write_text(text)
        os.truncate(path, 2 << 30)
        tracemalloc.start()
        with pytest.raises(DataSourceError, match="ends in empty bytes, so it is cut off"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
        tracemalloc.stop()


def test_what_is_only_called_by_a_formats_name_is_not_given_to_gdal(tmp_path: Path):
    secret = write(buildings(["geheim"]), tmp_path / "secret.gpkg")
    layer = f"<OGRVRTLayer name='x'><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>"
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    for suffix in (".gpkg", ".geojson", ".json", ".fgb", ".kml", ".shp", ".dxf"):
        path = tmp_path / f"trap{suffix}"
        path.write_text(vrt)
        for companion in (".dbf", ".shx"):
            path.with_suffix(companion).write_text(vrt)
        with pytest.raises(DataSourceError, match=r"cannot be read as|no part of a shapefile"):
            read(path, crs="EPSG:4326")


def test_formats_that_are_held_in_memory_have_a_limit(tmp_path: Path):
    path = tmp_path / "d.dxf"
    path.write_text("0\nSECTION\n")
    os.truncate(path, 513 << 20)
    with pytest.raises(InvalidInputError, match="read up to 512 MB"):
        read(path, crs="EPSG:4548")


def test_folders_are_refused_but_for_geodatabases(tmp_path: Path):
    with pytest.raises(DataSourceError, match=r"is a folder.*\.gdb folder"):
        read(tmp_path)
    for name in ("empty.gdb", "folder.shp"):
        (tmp_path / name).mkdir()
        with pytest.raises(DataSourceError, match="folder"):
            read(tmp_path / name)
    (tmp_path / "file.gdb").write_text("x")
    with pytest.raises(DataSourceError, match="is a folder; this is a file"):
        read(tmp_path / "file.gdb")


def test_layers_are_listed_with_their_kind_and_rows(tmp_path: Path):
    path = tmp_path / "all.gdb"
    write(buildings(), path, layer="楼栋")
    points = buildings().set_geometry(buildings().geometry.representative_point())
    write(points, path, layer="stations", append=True)
    found = {entry.name: (entry.geometry, entry.rows) for entry in layers_of(path)}
    assert found["stations"] == ("Point", 3)
    assert found["楼栋"] == ("MultiPolygon", 3)
    with pytest.raises(InvalidInputError, match="2 layers"):
        read(path)
    assert read(path, preferred_layer="stations")[1].layer == "stations"
    assert len(read(path, layer="楼栋")[0]) == 3
    shp = write(buildings(["桂林路"]), tmp_path / "s.shp")
    assert [(e.name, e.geometry, e.rows) for e in layers_of(shp)] == [("s", "Polygon", 1)]


def test_a_table_without_geometry_needs_no_system(tmp_path: Path):
    path = tmp_path / "t.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"n": [1, 2]}), path, driver="GPKG", layer="t")
    rows, facts = read(path, spatial=False)
    assert rows.geometry is None
    assert facts.crs is None
    metres = write(buildings(), tmp_path / "b.shp")
    metres.with_suffix(".prj").unlink()
    assert read(metres, spatial=False)[0].geometry is None


def batches_of(path: Path) -> tuple[Any, Iterator[RowBatch]]:
    source = open_source(path, SourceOptions(), Rejects())
    return source, source.batches(10)


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".fgb", ".geojson"])
@pytest.mark.parametrize("how", ["append", "replace", "same size and time", "remove"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, suffix: str, how: str):
    path = write(buildings(["桂林路"] * 25), tmp_path / f"b{suffix}")
    source, batches = batches_of(path)
    next(batches)
    before = path.stat()
    if how == "append":
        with path.open("ab") as stream:
            stream.write(b" ")
    elif how == "remove":
        path.unlink()
    elif how == "replace":
        shutil.copy(path, tmp_path / "other")
        (tmp_path / "other").replace(path)
    else:
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        with path.open("r+b") as stream:
            stream.write(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataSourceError, match="changed while it was read"):
        list(batches)
    source.close()


def test_a_part_of_a_shapefile_that_changes_is_named(tmp_path: Path):
    path = write(buildings(["桂林路"] * 25), tmp_path / "b.shp")
    source, batches = batches_of(path)
    os.utime(path.with_suffix(".dbf"), ns=(0, 0))
    with pytest.raises(DataSourceError, match=r"\(b\.dbf\) changed"):
        list(batches)
    source.close()


def test_a_change_is_said_in_stead_of_the_error_that_it_caused(tmp_path: Path):
    path = tmp_path / "x.txt"
    path.write_text("abc")
    with pytest.raises(KeyError), steady(path):
        raise KeyError
    with pytest.raises(DataSourceError, match="changed"), steady(path):
        path.write_text("abcd")
        raise KeyError
    files = SteadyFiles(path)
    files.check()
    path.unlink()
    with pytest.raises(DataSourceError, match="changed"):
        files.check()


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_a_file_cut_off_is_never_read_in_part(tmp_path: Path, suffix: str):
    path = write(buildings(["桂林路"] * 2000), tmp_path / f"b{suffix}")
    size = path.stat().st_size
    for share in (0.1, 0.5, 0.9, 0.99):
        cut = tmp_path / f"cut{suffix}"
        shutil.copy(path, cut)
        os.truncate(cut, int(size * share))
        try:
            count = len(read(cut)[0])
        except DataSourceError:
            continue
        pytest.fail(f"{count} rows of a file cut at {share}")
