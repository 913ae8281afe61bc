"""Frames into files and back: nothing is lost but what docs/export.md says of each format."""

import csv
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from gis import frames
from gis.defusing import defuse, restore
from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.frames import Column, FrameContract
from gis.geometry.source_crs import SourceCrs
from gis.ingest.files import read_layer
from gis.outlets import FORMATS, About, OutLayer, OutletOptions, Written, format_of, write_export
from gis.outlets.geojson import crs_mark
from gis.outlets.labels import FIELD_LABELS
from gis.outlets.short_names import short_names
from gis.outlets.suppression import with_flags, withheld_in_groups, withhold

pytestmark = pytest.mark.geometry

CONTRACTS = (
    frames.DIVISIONS,
    frames.COMMUNITIES,
    frames.QUARTERS,
    frames.DEDICATED_AREAS,
    frames.BUILDINGS,
    frames.UNITS,
    frames.ORGANISATIONS,
    frames.STATIONS,
    frames.STATION_SERVICES,
    frames.ROADS,
    frames.BARRIERS,
    frames.CROSSINGS,
    frames.POIS,
    frames.INCIDENTS,
    frames.DEMANDS,
    frames.POSTS,
    frames.GRIDS,
    frames.CELLS,
    frames.PLANS,
)
SYSTEMS = ("EPSG:4326", "EPSG:4490", "EPSG:4548", "gcj02")
CENTIMETRE = 1e-7  # degrees, about
EVIL = "=cmd|' /C calc'!A0"
WILD = (
    EVIL,
    "'=1+1",
    "+86",
    "-3",
    "@a",
    "＝1",
    '说"引号"',
    "网格\n员",
    "🏠𠮷",
    "a,b;c",
    "NULL",
    "007",
)


HOURS = (
    "24/7",
    "Mo-Fr 08:30-17:30; PH off",
    'Fr 22:00-25:00 "晚,间"',
    "Su[1] 09:00-12:00, sunset-22:00",
)

# ---- frames that hold everything that a contract allows --------------------------------------


def texts(*, longest: int = 300) -> st.SearchStrategy[str]:
    """Texts without blanks around them and without the characters that contracts refuse."""
    letters = st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Co", "Cn"))
    free = st.text(letters, min_size=1, max_size=12)
    long = st.integers(60, longest).map(lambda n: "长" * n)
    return st.one_of(st.sampled_from(WILD), free, long)


def values_of(column: Column) -> st.SearchStrategy[Any]:
    """Values that a column may hold, ``None`` where it is not required."""
    least = int(column.minimum or 0)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(least, 2**31 - 1),
        "float": st.floats(least, 1e9, allow_nan=False),
        "bool": st.booleans(),
        "date": st.dates(date(1900, 3, 1), date(2199, 12, 31)),
        "datetime": st.datetimes(datetime(1970, 1, 1), datetime(2199, 1, 1)).map(  # noqa: DTZ001 - UTC follows
            lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
        ),
        "json": st.dictionaries(st.sampled_from(["a", "键"]), texts(longest=60), min_size=1),
        "list": st.lists(st.sampled_from(["first_aid", "德语", "x y"]), min_size=1, max_size=3),
    }
    chosen = kinds.get(column.kind, texts())
    if column.choices:
        chosen = st.sampled_from(column.choices)
    elif column.name in ("opening_hours", "delivery_hours"):
        chosen = st.sampled_from(HOURS)  # other texts do not come in
    elif column.name.endswith("id") and column.name != "source_id":
        chosen = st.uuids(version=4).map(str)
    return chosen if column.required else st.one_of(st.none(), chosen)


def shape(kind: str, at: tuple[float, float]) -> BaseGeometry:
    x, y = at
    square = shapely.box(x, y, x + 0.001, y + 0.002)
    other = shapely.box(x + 0.002, y, x + 0.003, y + 0.001)
    return {
        "Point": shapely.Point(x, y),
        "LineString": shapely.LineString([(x, y), (x + 0.003, y + 0.001), (x + 0.004, y)]),
        "Polygon": square,
        "MultiPolygon": shapely.MultiPolygon([square, other]),
    }[kind]


#: Somewhere in Hefei, in degrees.
places = st.tuples(st.floats(117.2, 117.4), st.floats(31.8, 31.95))


@st.composite
def filled(draw: Callable[..., Any], contract: FrameContract) -> Any:
    """A frame of a contract with one to four rows."""
    count = draw(st.integers(1, 4))
    data = {
        column.name: pd.Series(
            draw(st.lists(values_of(column), min_size=count, max_size=count)), dtype=object
        )
        for column in contract.columns
    }
    if "id" in data:
        data["id"] = pd.Series(
            [str(UUID(int=draw(st.integers(0, 2**64)) * 8 + i)) for i in range(count)]
        )
    for name, kind in contract.extra_geometries:
        drawn = draw(st.lists(st.one_of(st.none(), places), min_size=count, max_size=count))
        data[name] = pd.Series(
            [None if at is None else shape(kind, at) for at in drawn], dtype=object
        )
    frame: Any = pd.DataFrame(data)
    if contract.geometry:
        kinds = draw(st.lists(st.sampled_from(contract.geometry), min_size=count, max_size=count))
        shapes = [shape(kind, draw(places)) for kind in kinds]
        frame = gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4326")
    return contract.conform(frame)


def about(crs: SourceCrs) -> About:
    return About(
        datetime(2026, 5, 1, 8, tzinfo=UTC),
        crs,
        "wangge 0.1.0",
        plan={"id": "7", "name": "明光路 2026", "code": "340102001000"},
        suppression="none here",
        attribution="© OpenStreetMap contributors",
    )


def write(
    folder: Path,
    suffix: str,
    *parts: tuple[FrameContract, Any],
    crs: str = "EPSG:4326",
    **how: Any,
) -> Written:
    """Write frames in two batches each."""
    system = SourceCrs.parse(crs, "")
    layers = [OutLayer(c, lambda f=frame: iter([f.iloc[:1], f.iloc[1:]])) for c, frame in parts]
    mark = crs_mark(system)
    path = folder / f"out{'.' if mark else ''}{mark}{suffix}"
    named = how.pop("format", None)
    return write_export(
        path, format_of(path, named), layers, OutletOptions(system, **how), about(system)
    )


def mapping_of(path: Path) -> dict[str, str]:
    """Return short name → field of the dictionary in a zip of Shapefiles."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("fields.csv").decode("utf-8-sig")
    rows = csv.DictReader(text.splitlines(keepends=True))
    return {row["short_name"]: row["field"] for row in rows if row["short_name"] != row["field"]}


def read(path: Path, contract: FrameContract, crs: str) -> Any:
    """Read a layer as somebody would who was told no more than the file and its README say."""
    declared = crs if crs == "gcj02" or path.suffix in {".csv", ".xlsx"} else None
    mapping = mapping_of(path) if path.suffix == ".zip" else None
    return read_layer(path, contract, crs=declared, mapping=mapping).frame


def equal(sent: Any, back: Any, contract: FrameContract) -> None:
    """Both frames hold the same rows; places within a centimetre."""
    assert list(back.columns) == list(sent.columns)
    for column in contract.columns:
        for x, y in zip(sent[column.name], back[column.name], strict=True):
            both_missing = x is None or (not isinstance(x, list | dict) and pd.isna(x))
            if both_missing:
                assert y is None or pd.isna(y), column.name
            elif column.kind == "float":
                assert y == pytest.approx(x, rel=1e-12), column.name
            elif column.kind == "datetime":
                assert abs(x - y) < timedelta(milliseconds=1), column.name
            else:
                assert x == y, column.name
    names = [name for name, _ in contract.extra_geometries]
    for name in [*names, "geometry"] if contract.geometry else names:
        for x, y in zip(sent[name], back[name], strict=True):
            assert (x is None) == (y is None)
            assert x is None or x.hausdorff_distance(y) < CENTIMETRE


def in_order(frame: Any) -> Any:
    """FlatGeobuf keeps rows in the order of its index, not in the order that they came in."""
    keys = "id" if "id" in frame else [c for c in frame if c != "geometry"]
    return frame.sort_values(keys).reset_index(drop=True)


modest = settings(
    max_examples=5, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.slow
@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv", ".parquet", ".fgb"])
@modest
@given(data=st.data())
def test_what_goes_out_comes_back(suffix: str, crs: str, data: st.DataObject):
    contract = data.draw(st.sampled_from(CONTRACTS), label="contract")
    sent = data.draw(filled(contract), label="frame")
    with TemporaryDirectory() as folder:
        written = write(Path(folder), suffix, (contract, sent), crs=crs)
        assert written.losses == ()
        back = read(written.path, contract, crs)
    if suffix == ".fgb" and contract.geometry:
        sent, back = in_order(sent), in_order(back)
    equal(sent, back, contract)


# ---- Shapefile: what it cannot hold, exactly --------------------------------------------------


def as_dbf(value: Any, column: Column, encoding: str) -> Any:
    """What docs/export.md says becomes of a value."""
    if isinstance(value, dict):  # part of it would be no JSON
        raw = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
            encoding, "replace"
        )
        return None if len(raw) > 254 else json.loads(raw.decode(encoding))
    if not isinstance(value, str) or column.kind != "str":
        return value
    return value.encode(encoding, "replace")[:254].decode(encoding, "ignore")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "gb18030"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4548", "gcj02"])
@modest
@given(data=st.data())
def test_a_shapefile_holds_all_but_long_texts_and_foreign_letters(
    encoding: str, crs: str, data: st.DataObject
):
    contract = data.draw(st.sampled_from([c for c in CONTRACTS if c.geometry]), label="contract")
    sent = data.draw(filled(contract), label="frame")
    with TemporaryDirectory() as folder:
        written = write(Path(folder), ".zip", (contract, sent), crs=crs, encoding=encoding)
        back = read(written.path, contract, crs)
    expected, lost = sent.copy(), 0
    for column in contract.columns:
        cells = [as_dbf(value, column, encoding) for value in sent[column.name]]
        expected[column.name] = pd.Series(cells, dtype=sent[column.name].dtype)
        pairs = zip(sent[column.name], cells, strict=True)
        lost += sum(a != b for a, b in pairs if isinstance(a, str | dict))
    equal(expected, back, contract)
    counted = {(str(loss["field"]), str(loss["loss"])) for loss in written.losses}
    assert bool(lost) == bool(counted)


def town_of_two() -> Any:
    rows = {
        "id": [str(UUID(int=i)) for i in (1, 2)],
        "name": ["明光路🏠", EVIL],
        "address": ["长" * 200, None],
        "households": [2, 400],
        "low_income_households": [0, 3],
        "valid_from": [date(2024, 2, 29), None],
    }
    shapes = [shape("Polygon", (117.3, 31.8)), shape("MultiPolygon", (117.31, 31.8))]
    return frames.BUILDINGS.conform(gpd.GeoDataFrame(rows, geometry=shapes, crs=4326))


@pytest.mark.parametrize(
    ("encoding", "cpg", "kept", "lost"),
    [("gbk", "GBK", "明光路?", 1), ("utf-8", "UTF-8", "明光路🏠", 0)],
)
def test_gdal_reads_the_shapefile_in_its_encoding(
    tmp_path: Path, encoding: str, cpg: str, kept: str, lost: int
):
    written = write(tmp_path, ".zip", (frames.BUILDINGS, town_of_two()), encoding=encoding)
    with zipfile.ZipFile(written.path) as archive:
        archive.extractall(tmp_path / "in")
    assert {p.suffix for p in (tmp_path / "in").glob("buildings.*")} == {
        ".shp", ".shx", ".dbf", ".prj", ".cpg"
    }  # fmt: skip
    assert (tmp_path / "in/buildings.cpg").read_text() == cpg
    frame = pyogrio.read_dataframe(tmp_path / "in/buildings.shp")
    assert frame["name"].tolist() == [kept, EVIL]
    assert frame["address"][0] == "长" * (127 if encoding == "gbk" else 84)
    assert frame["low_income"].tolist() == [0, 3]
    assert frame.crs.to_epsg() == 4326
    losses = {(loss["field"], loss["loss"]): loss["values"] for loss in written.losses}
    assert losses.pop(("address", "cut")) == 1
    assert losses == ({("name", "not_in_encoding"): 1} if lost else {})
    readme = (tmp_path / "in/README.txt").read_text("utf-8-sig")
    assert "340102001000" in readme
    assert "buildings: 2" in readme


def test_shifted_degrees_are_never_called_wgs_84(tmp_path: Path):
    part = (frames.BUILDINGS, town_of_two())
    gpkg = write(tmp_path, ".gpkg", part, crs="gcj02").path
    assert pyogrio.read_info(gpkg, layer="buildings")["crs"].startswith('LOCAL_CS["Undefined: GCJ')
    fgb = write(tmp_path, ".fgb", part, crs="gcj02").path
    assert "GCJ-02" in pyogrio.read_info(fgb)["crs"]
    zipped = write(tmp_path, ".zip", part, crs="gcj02").path
    with zipfile.ZipFile(zipped) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".prj")]
        assert "GCJ-02" in archive.read("README.txt").decode("utf-8-sig")
    parquet = write(tmp_path, ".parquet", part, crs="gcj02").path
    assert gpd.read_parquet(parquet).crs is None
    geojson = write(tmp_path, ".geojson", part, crs="gcj02").path
    assert geojson.name == "out.gcj02.geojson"
    told = json.loads(geojson.read_text("utf-8"))
    assert (told["wangge"]["crs"], "crs" in told) == ("gcj02", False)
    for path in (gpkg, fgb, parquet):
        with pytest.raises(CrsMismatchError, match="Declare it"):
            read_layer(path, frames.BUILDINGS)
    with pytest.raises(InvalidInputError, match=r"out\.gcj02\.geojson"):
        system = SourceCrs.parse("gcj02", "")
        layer = OutLayer(frames.BUILDINGS, lambda: iter([town_of_two()]))
        plain = tmp_path / "out.geojson"
        write_export(plain, format_of(plain), [layer], OutletOptions(system), about(system))


def test_short_names_fit_and_differ():
    names = [c.name for contract in CONTRACTS for c in contract.columns]
    for encoding in ("gbk", "utf-8"):
        for labels in (names, [FIELD_LABELS[name] for name in names]):
            short = short_names(dict.fromkeys(labels), encoding)
            assert all(0 < len(name.encode(encoding)) <= 10 for name in short.values())
            assert len({name.lower() for name in short.values()}) == len(short)


# ---- formulas -----------------------------------------------------------------------------------


@given(st.one_of(st.sampled_from(WILD), st.text("'=+-@\t\r\nax", max_size=6)))
def test_what_is_defused_is_restored_and_no_formula(text: str):
    harmless = defuse(text)
    assert harmless[:1] not in tuple("=+-@\t\r\n")
    assert restore(harmless) == text


def test_a_spreadsheet_finds_no_formula_in_a_csv_file(tmp_path: Path):
    path = write(tmp_path, ".csv", (frames.BUILDINGS, town_of_two())).path
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["name"] == "'" + EVIL
    assert rows[1]["households"] == "400"
    (tmp_path / "out.csv.about.json").unlink()  # then it is anybody's file, and left as it is
    assert read(path, frames.BUILDINGS, "EPSG:4326")["name"][1] == "'" + EVIL


def test_a_workbook_holds_text_where_text_was(tmp_path: Path):
    frame = town_of_two()
    frame.loc[0, "address"] = "a\rb_x000D_c"
    written = write(tmp_path, ".xlsx", (frames.BUILDINGS, frame), headers="zh-CN", language="zh-CN")
    book = openpyxl.load_workbook(written.path)
    assert book.sheetnames == ["buildings", "说明"]
    sheet = book["buildings"]
    assert sheet.freeze_panes == "A2"
    header = [cell.value for cell in sheet[1]]
    cell = sheet.cell(3, header.index("名称") + 1)
    assert (cell.value, cell.data_type, cell.quotePrefix) == (EVIL, "s", True)
    assert sheet.cell(3, header.index("户数") + 1).value == 400
    assert sheet.cell(2, header.index("生效日期") + 1).value == datetime(2024, 2, 29)  # noqa: DTZ001 - a cell has no zone
    assert sheet.cell(2, header.index("WKT坐标") + 1).value.startswith("MULTIPOLYGON")
    told = {row[0].value: row[1].value for row in book["说明"].iter_rows()}
    assert told["记录数: buildings"] == "2"
    assert json.loads(told["json"])["plan"]["code"] == "340102001000"
    with zipfile.ZipFile(written.path) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml
    assert "a_x000D_b_x005F_x000D_c" in xml


# ---- what every file says of itself ---------------------------------------------------------


def test_every_format_says_what_it_is(tmp_path: Path):
    part = (frames.BUILDINGS, town_of_two())
    told = {
        "geojson": json.loads(write(tmp_path, ".geojson", part).path.read_text("utf-8"))["wangge"],
        "parquet": json.loads(
            pq.read_metadata(write(tmp_path, ".parquet", part).path).metadata[b"wangge"]
        ),
        "fgb": json.loads(
            pyogrio.read_info(write(tmp_path, ".fgb", part).path)["layer_metadata"]["DESCRIPTION"]
        ),
        "gpkg": json.loads(
            pyogrio.read_dataframe(write(tmp_path, ".gpkg", part).path, layer="about")["value"][0]
        ),
    }
    write(tmp_path, ".csv", part)
    told["csv"] = json.loads((tmp_path / "out.csv.about.json").read_text("utf-8"))
    for facts in told.values():
        assert facts["plan"]["name"] == "明光路 2026"
        assert facts["exported_at"] == "2026-05-01T08:00:00+00:00"
        assert facts["crs"] == "EPSG:4326"
        assert facts["attribution"] == "© OpenStreetMap contributors"
        assert facts["program"] == "wangge 0.1.0"
        assert facts["suppression"] == "none here"
    for name in ("gpkg", "csv", "parquet"):
        assert told[name]["rows"] == {"buildings": 2}
    info = pyogrio.read_info(tmp_path / "out.gpkg", layer="buildings")
    assert "about" in info["layer_metadata"]
    frame = gpd.read_parquet(tmp_path / "out.parquet")
    assert frame.crs.to_epsg() == 4326
    assert frame["name"].tolist() == ["明光路🏠", EVIL]


def test_several_layers_in_one_file_or_one_zip(tmp_path: Path):
    pois = frames.POIS.conform(
        gpd.GeoDataFrame(
            {"id": [str(UUID(int=9))], "category": ["school"]},
            geometry=[shape("Point", (117.3, 31.8))],
            crs=4326,
        )
    )
    parts = ((frames.BUILDINGS, town_of_two()), (frames.POIS, pois))
    listed = pyogrio.list_layers(write(tmp_path, ".gpkg", *parts).path)[:, 0].tolist()
    assert listed == ["buildings", "pois", "about", "fields"]
    with zipfile.ZipFile(write(tmp_path, ".zip", *parts, format="csv").path) as archive:
        assert archive.namelist() == [
            "README.txt", "buildings.csv", "buildings.csv.about.json",
            "pois.csv", "pois.csv.about.json",
        ]  # fmt: skip
    with pytest.raises(InvalidInputError, match="CSV holds one layer"):
        write(tmp_path, ".csv", *parts)


@pytest.mark.parametrize(
    "suffix", [".gpkg", ".geojson", ".csv", ".parquet", ".fgb", ".zip", ".xlsx"]
)
def test_a_layer_without_rows_is_a_file_too(tmp_path: Path, suffix: str):
    written = write(tmp_path, suffix, (frames.BUILDINGS, town_of_two().iloc[:0]))
    assert written.rows == {"buildings": 0}
    assert written.path.exists()


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("a.docx", {}, "are not written"),
        ("a.shp", {}, "Call it a.zip"),
        ("a.csv", {"format": "gpkg"}, "the order gpkg"),
    ],
)
def test_a_name_that_says_no_format_is_refused(name: str, how: dict[str, str], said: str):
    with pytest.raises(InvalidInputError, match=said):
        format_of(Path(name), how.get("format"))


@pytest.mark.parametrize(
    ("crs", "encoding", "error"),
    [
        ("EPSG:4978", "utf-8", CrsMismatchError),  # geocentric
        ("EPSG:5773", "utf-8", CrsMismatchError),  # heights
        ("EPSG:4326", "gbk", InvalidInputError),  # a GeoPackage is in UTF-8
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    tmp_path: Path, crs: str, encoding: str, error: type[InvalidInputError]
):
    with pytest.raises(error):
        write(tmp_path, ".gpkg", (frames.BUILDINGS, town_of_two()), crs=crs, encoding=encoding)
    assert list(tmp_path.iterdir()) == []


def test_a_system_that_does_not_reach_there_is_refused(tmp_path: Path):
    part = (frames.BUILDINGS, town_of_two())
    with pytest.raises(CrsMismatchError, match="cannot be written in EPSG:4548"):
        write(tmp_path, ".csv", _far_away(part[1]), crs="EPSG:4548")
    assert list(tmp_path.iterdir()) == []


def _far_away(frame: Any) -> tuple[FrameContract, Any]:
    moved = frame.copy()
    moved["geometry"] = [shapely.box(-153.5, 0, -152.5, 1)] * len(frame)
    return frames.BUILDINGS, moved


# ---- nothing half-written -----------------------------------------------------------------------

_FULL_DISK = """
import resource, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.geometry.test_outlets import many, write
from gis.errors import DataSourceError
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
part = many()
for folder, suffix, limit in {cases!r}:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        write(Path(folder), suffix, part)
    except DataSourceError as error:
        outcome = "refused"
    else:
        outcome = "written"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print(suffix, limit, outcome, flush=True)
"""
SUFFIXES = (".gpkg", ".geojson", ".csv", ".parquet", ".fgb", ".zip", ".xlsx")


def many() -> tuple[FrameContract, Any]:
    frame = pd.concat([town_of_two()] * 400, ignore_index=True)
    frame["id"] = [str(UUID(int=i)) for i in range(len(frame))]
    rng = np.random.default_rng(1)
    frame["source_id"] = [rng.bytes(60).hex() for _ in range(len(frame))]
    return frames.BUILDINGS, gpd.GeoDataFrame(frame, geometry="geometry", crs=4326)


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path):
    """The limit of a process on the size of its files stands for the end of the disk."""
    cases, before = [], {}
    for suffix in SUFFIXES:
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        size = write(folder, suffix, many()).path.stat().st_size
        cases += [(str(folder), suffix, int(size * share)) for share in (0.05, 0.9)]
        before[folder] = {path.name: path.read_bytes() for path in folder.iterdir()}
    code = _FULL_DISK.format(root=str(Path(__file__).parents[2]), cases=cases)
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    told = [f"{suffix} {limit} refused" for _, suffix, limit in cases]
    assert answer.stdout.splitlines() == told, answer.stdout + answer.stderr
    for folder, files in before.items():
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_a_fault_in_the_rows_is_told_and_leaves_nothing(tmp_path: Path):
    def broken() -> Iterator[Any]:
        yield town_of_two()
        raise DataSourceError("The database went away.")

    system = SourceCrs.parse("EPSG:4326", "")
    layer = OutLayer(frames.BUILDINGS, broken)
    for suffix in (".gpkg", ".geojson", ".csv", ".parquet", ".fgb", ".zip", ".xlsx"):
        path = tmp_path / f"out{suffix}"
        with pytest.raises(DataSourceError, match="went away"):
            write_export(path, format_of(path), [layer], OutletOptions(system), about(system))
        assert list(tmp_path.iterdir()) == []


# ---- small counts -------------------------------------------------------------------------------


def test_the_next_smallest_of_each_group_goes_too():
    rows = [("g1", "a", 2), ("g1", "b", 40), ("g1", "c", 9), ("g2", "d", 5), ("g2", "e", 6)]
    assert withheld_in_groups(iter(rows), ("elderly",), 3) == {"elderly": {"c"}}


def test_the_smallest_of_a_group_whose_sum_is_withheld_goes_too():
    rows = [("g1", "a", 9, 2), ("g1", "b", 40, 5), ("g2", "c", 5, 5), ("g2", "d", 6, 6)]
    found = withheld_in_groups(rows, ("elderly", "children"), 3, {"elderly": {"g1"}})
    assert found == {"elderly": {"a"}, "children": {"b"}}


def test_withheld_counts_are_empty_and_say_so(tmp_path: Path):
    frame, counts = town_of_two(), ("households", "low_income_households")
    contract = with_flags(frames.BUILDINGS, counts)
    shown = withhold(frame, counts, 3, {"low_income_households": {frame["id"][1]}})
    assert frame["households"].tolist() == [2, 400]  # the caller's own is as it was
    layer = OutLayer(contract, lambda: iter([shown]), "<3")
    system = SourceCrs.parse("EPSG:4326", "")
    for suffix in (".gpkg", ".csv"):
        path = tmp_path / f"out{suffix}"
        write_export(path, format_of(path), [layer], OutletOptions(system), about(system))
    stored = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="buildings")
    assert stored["households_suppressed"].tolist() == [True, False]
    assert np.isnan(stored["households"][0])
    assert stored["households"][1] == 400
    assert np.isnan(stored["low_income_households"][1])
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["households"] for row in rows] == ["<3", "400"]
    assert [row["low_income_households"] for row in rows] == ["0", "<3"]
    assert "households_suppressed" not in rows[0]


def test_every_field_has_a_chinese_header():
    for contract in CONTRACTS:
        for name in contract.names:
            assert name in FIELD_LABELS, name
    assert set(FORMATS) == {"gpkg", "geojson", "shp", "csv", "xlsx", "parquet", "fgb"}
