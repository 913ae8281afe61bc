"""Archives: unpacked with care, read as what is in them, and nothing is left behind."""

import io
import shutil
import stat
import struct
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.ingest.formats import archives, open_source
from gis.ingest.formats.contents import layers_of
from gis.ingest.rejects import Rejects
from gis.ingest.rows import RowBatch, SourceFacts, SourceOptions

pytestmark = pytest.mark.geometry


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where archives are unpacked: empty again at the end of every test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def shapefile(folder: Path, name: str, text: str = "桂林路") -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    frame = gpd.GeoDataFrame(
        {"名称": [text]}, geometry=[shapely.box(117, 31, 117.1, 31.1)], crs="EPSG:4490"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(frame, folder / f"{name}.shp", encoding="GBK")
    return sorted(folder.glob(f"{name}.*"))


def packed(path: Path, members: dict[str, bytes | Path]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            data = content.read_bytes() if isinstance(content, Path) else content
            archive.writestr(name, data)
    return path


def read(path: Path, **options: object) -> tuple[list[RowBatch], SourceFacts]:
    source = open_source(path, SourceOptions(**options), Rejects())  # type: ignore[arg-type]
    try:
        return list(source.batches()), source.facts
    finally:
        source.close()


def test_a_zipped_shapefile_is_read_and_the_mac_folder_ignored(tmp_path: Path):
    parts = shapefile(tmp_path / "in", "楼栋")
    members: dict[str, bytes | Path] = {f"交付/{part.name}": part for part in parts}
    members |= {f"__MACOSX/交付/._{part.name}": b"x" for part in parts}
    members["交付/说明.pdf"] = b"%PDF"
    path = packed(tmp_path / "a.zip", members)
    batches, facts = read(path)
    assert batches[0].columns["名称"].tolist() == ["桂林路"]
    assert facts.path == path
    assert (facts.format, facts.layer) == ("Shapefile", "楼栋")
    assert facts.extra["member"] == "交付/楼栋.shp"
    assert [(entry.name, entry.rows) for entry in layers_of(path)] == [("交付/楼栋.shp", 1)]


def test_names_in_gbk_without_the_mark_of_utf8_are_read(tmp_path: Path):
    for codec in ("gbk", "utf-8"):
        path = tmp_path / f"{codec}.zip"
        plain = {f"12345678{part.suffix}": part for part in shapefile(tmp_path / "in", "a")}
        packed(path, dict(plain))
        name = {"gbk": "楼栋边界", "utf-8": "楼栋12"}[codec].encode(codec)
        assert len(name) == 8
        path.write_bytes(path.read_bytes().replace(b"12345678", name))
        batches, facts = read(path)
        assert len(batches[0]) == 1
        assert facts.layer == name.decode(codec)


def test_names_with_the_backslashes_of_windows_are_folders(tmp_path: Path):
    parts = shapefile(tmp_path / "in", "b")
    path = tmp_path / "w.zip"
    packed(path, {f"map/{part.name}": part for part in parts})
    path.write_bytes(path.read_bytes().replace(b"map/b.", b"map\\b."))
    assert read(path)[1].extra["member"] == "map/b.shp"


def test_of_two_shapefiles_one_must_be_named(tmp_path: Path):
    members = {f"一/{p.name}": p for p in shapefile(tmp_path / "1", "grids", "东")}
    members |= {f"二/{p.name}": p for p in shapefile(tmp_path / "2", "buildings", "西")}
    path = packed(tmp_path / "two.zip", dict(members))
    with pytest.raises(
        InvalidInputError, match=r"2 files.*--table: 一/grids\.shp, 二/buildings\.shp"
    ):
        read(path)
    for name in ("buildings", "buildings.shp", "二/buildings.shp", "二/buildings"):
        assert read(path, layer=name)[0][0].columns["名称"].tolist() == ["西"]
    assert read(path, preferred_layer="grids")[0][0].columns["名称"].tolist() == ["东"]
    with pytest.raises(InvalidInputError, match=r"no file 'roads'.*grids\.shp"):
        read(path, layer="roads")


def test_a_zipped_geodatabase_is_read_layer_by_layer(tmp_path: Path):
    frame = gpd.GeoDataFrame({"n": ["1"]}, geometry=[shapely.Point(117, 31)], crs="EPSG:4490")
    folder = tmp_path / "in" / "街道.gdb"
    folder.parent.mkdir()
    pyogrio.write_dataframe(frame, folder, driver="OpenFileGDB", layer="stations")
    pyogrio.write_dataframe(frame, folder, driver="OpenFileGDB", layer="poi", append=True)
    path = Path(shutil.make_archive(str(tmp_path / "g"), "zip", tmp_path / "in"))
    names = {entry.name for entry in layers_of(path)}
    assert names == {"街道.gdb/stations", "街道.gdb/poi"}
    for name in ("街道.gdb/poi", "街道/poi", "poi"):
        batches, facts = read(path, layer=name)
        assert (len(batches[0]), facts.layer) == (1, "poi")
    with pytest.raises(InvalidInputError, match="2 layers"):
        read(path)


def test_a_kmz_is_the_kml_in_it(tmp_path: Path):
    kml = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>站点</name><Placemark>
    <name>东站</name><Point><coordinates>117,31</coordinates></Point></Placemark></Document></kml>"""
    path = packed(tmp_path / "k.kmz", {"doc.kml": kml.encode(), "files/icon.png": b"png"})
    batches, facts = read(path)
    assert batches[0].columns["Name"].tolist() == ["东站"]
    assert facts.layer == "站点"


@pytest.mark.parametrize(
    "name", ["../evil.shp", "a/../../evil.shp", "/etc/evil.shp", "C:\\evil.shp", "..\\evil.shp"]
)
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str):
    path = packed(tmp_path / "evil.zip", {name: b"x"})
    with pytest.raises(DataSourceError, match="leads outside"):
        read(path)
    assert not list(tmp_path.rglob("evil.shp"))


def test_links_are_refused(tmp_path: Path):
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("b.shp")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataSourceError, match="is a link"):
        read(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path):
    path = packed(tmp_path / "bomb.zip", {"b.dbf": bytes(100 << 20)})
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InvalidInputError, match="made to fill disks"):
        read(path)


def test_a_bomb_that_lies_of_its_size_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = packed(tmp_path / "liar.zip", {"b.dbf": bytes(1 << 20)})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 10)
    path.write_bytes(data)
    with pytest.raises(DataSourceError, match="cannot be unpacked"):
        read(path)
    monkeypatch.setattr(archives, "MOST_BYTES", 4 << 20)
    huge = packed(tmp_path / "huge.zip", {"b.dbf": bytes(5 << 20)})
    with pytest.raises(InvalidInputError, match="when unpacked"):
        read(huge)


def test_too_many_files_and_too_little_room_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = packed(tmp_path / "many.zip", {f"{n}.txt": b"x" for n in range(12)})
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    with pytest.raises(InvalidInputError, match="has 12 files; up to 10"):
        read(path)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "_SPARE_BYTES", 1 << 60)
    one = packed(tmp_path / "one.zip", {"a.csv": b"x"})
    with pytest.raises(DataSourceError, match=r"MB are free.*TMPDIR"):
        archives.Unpacked(one)


def test_archives_in_archives_and_encrypted_or_broken_ones_are_refused(tmp_path: Path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b.csv", "x")
    path = packed(tmp_path / "nest.zip", {"inner.zip": inner.getvalue()})
    with pytest.raises(DataSourceError, match=r"another archive, 'inner\.zip'"):
        read(path)
    path = packed(tmp_path / "secret.zip", {"b.shp": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataSourceError, match="is encrypted"):
        read(path)
    whole = packed(tmp_path / "w.zip", {p.name: p for p in shapefile(tmp_path / "in", "b")})
    for cut in (10, whole.stat().st_size // 2, whole.stat().st_size - 5):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole.read_bytes()[:cut])
        with pytest.raises(DataSourceError, match="cannot be unpacked"):
            read(path)
    damaged = bytearray(whole.read_bytes())
    damaged[60:90] = bytes(30)
    path.write_bytes(damaged)
    with pytest.raises(DataSourceError, match="cannot be unpacked"):
        read(path)


def test_two_files_of_one_name_are_refused(tmp_path: Path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.csv", "x")
        archive.writestr("B.CSV", "y")
    with pytest.raises(DataSourceError, match="two files called"):
        read(path)


def test_errors_name_the_archive_and_not_where_it_was_unpacked(tmp_path: Path, scratch: Path):
    parts = [part for part in shapefile(tmp_path / "in", "b") if part.suffix != ".prj"]
    path = packed(tmp_path / "noprj.zip", {f"map/{part.name}": part for part in parts})
    with pytest.raises(CrsMismatchError) as caught:
        read(path)
    assert f"{path}/map/b.shp: the file has no coordinate reference system" in str(caught.value)
    assert str(scratch) not in str(caught.value)
    assert caught.value.context["file"] == str(path)
    nothing = packed(tmp_path / "nothing.zip", {"readme.pdf": b"x"})
    with pytest.raises(InvalidInputError, match="no file of a format that is read"):
        read(nothing)


def test_an_archive_that_changes_while_it_is_read_is_refused(tmp_path: Path):
    path = packed(tmp_path / "a.zip", {p.name: p for p in shapefile(tmp_path / "in", "b")})
    source = open_source(path, SourceOptions(), Rejects())
    with path.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(DataSourceError, match="changed while it was read"):
        list(source.batches())
    source.close()


def test_no_archive_does_any_harm_when_it_is_listed(tmp_path: Path):
    path = packed(tmp_path / "evil.zip", {"../evil.shp": b"x"})
    with pytest.raises(DataSourceError, match="leads outside"):
        layers_of(path)
    broken = packed(tmp_path / "b.zip", {"b.shp": b"x"})
    with pytest.raises(DataSourceError, match=r"b\.zip/b\.shp"):
        layers_of(broken)
