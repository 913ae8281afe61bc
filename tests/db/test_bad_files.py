"""What offices send, through the command line and a real store: refused or mended, and said so.

Each file is wrong in one way. What is refused leaves every table as it was; what is mended says
what was read, as which value.
"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from openpyxl import Workbook
from sqlalchemy import Engine, func, select, text
from typer.testing import CliRunner, Result

from cli.main import app
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import WanggeError
from gis.frames import BUILDINGS, COMMUNITIES
from gis.geometry.source_crs import SourceCrs
from gis.jobs.import_orders import ImportOrder
from gis.jobs.imports import Import
from gis.jobs.steps import Steps
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.incidents import Incident
from gis.layers.pois import Poi
from gis.layers.queries import alive, read_layer
from gis.scope import Scope
from gis.settings import get_settings
from tests.town import WEST, key, lon_lat, square

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

    from gis.frames import FrameContract

pytestmark = [pytest.mark.db, pytest.mark.slow]

#: Squares of the town without a building.
FREE = ((1, 0), (3, 0), (6, 0), (8, 0), (2, 1), (3, 1), (5, 1), (8, 1))
ZONE = ZoneInfo("Asia/Shanghai")


class Office:
    """A town of a test's own, the command line before it, and what its tables hold."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.sessions: sessionmaker[Session] = session_factory(engine)
        self.folder = folder

    def __call__(self, *words: object, typed: str | None = None) -> Result:
        """Give a command, in the folder of the files."""
        return CliRunner().invoke(app, [str(word) for word in words], input=typed)

    def take(self, layer: str, file: Path, *words: object) -> Result:
        """Import a layer without the audit, with proposals accepted."""
        return self("import", "layer", layer, file, "--yes", "--no-audit", *words)

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has that an import fills."""
        tables = ("buildings", "communities", "incidents", "pois", "imports", "import_mappings")
        with transaction(self.sessions) as session:
            return {
                name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
                for name in tables
            }

    def refused(self, *words: object) -> str:
        """Give a command that must fail and change nothing; return what it says."""
        before = self.rows()
        answer = self(*words)
        assert answer.exit_code == 1, answer.output
        assert isinstance(answer.exception, SystemExit), answer.exception
        assert self.rows() == before
        return " ".join(answer.output.split())

    def values(self, column: "InstrumentedAttribute[Any]") -> list[Any]:
        """Return the values of a column that the last import brought, in order of their names."""
        model = column.class_
        order = model.description if model is Incident else model.name
        with transaction(self.sessions) as session:
            last = select(func.max(model.import_no)).scalar_subquery()
            found = session.execute(select(column).where(model.import_no == last).order_by(order))
            return list(found.scalars())


@pytest.fixture
def office(
    new_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    url = new_database("town")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    engine = make_engine(url)
    yield Office(engine, tmp_path)
    engine.dispose()
    get_settings.cache_clear()


def wkt(place: int) -> str:
    return shapely.to_wkt(square(*FREE[place], inset=0.3), rounding_precision=8)


def point(place: int) -> tuple[float, float]:
    x, y = FREE[place]
    return lon_lat(x + 0.5, y + 0.5)


def table(path: Path, header: str, rows: Sequence[str], encoding: str = "utf-8") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def houses(path: Path, households: Sequence[str], encoding: str = "gb18030") -> Path:
    rows = [f'楼{i},"{value}","{wkt(i)}"' for i, value in enumerate(households)]
    return table(path, "楼栋名称,户数,WKT", rows, encoding)


def shapefile(path: Path, *, encoding: str, count: int = 6) -> Path:
    frame = gpd.GeoDataFrame(
        {"name": [f"新村{i}号楼" for i in range(count)], "households": range(10, 10 + count)},
        geometry=[square(*at, inset=0.3) for at in FREE[:count]],
        crs=4326,
    )
    pyogrio.write_dataframe(frame, path, encoding=encoding)
    return path


def workbook(path: Path, rows: Sequence[Sequence[object]], merged: Sequence[str] = ()) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(path)
    return path


# ---- where it lies -------------------------------------------------------------------------------


def stored(
    office: Office, model: type[Building | Community], contract: "FrameContract"
) -> gpd.GeoDataFrame:
    with transaction(office.sessions) as session:
        return read_layer(session, Scope.local_owner(), model, contract, alive(model))


def test_gcj02_declared_as_wgs84_is_refused_by_the_command(office: Office):
    ground = stored(office, Building, BUILDINGS).geometry.to_numpy()
    moved = SourceCrs.parse("gcj02", "test").from_lonlat(ground)
    frame = gpd.GeoDataFrame({"name": "x"}, index=range(len(moved)), geometry=moved, crs=4326)
    pyogrio.write_dataframe(frame, office.folder / "cad.shp")
    said = office.refused("import", "layer", "buildings", "cad.shp", "--yes")
    assert "cad.shp: it looks like GCJ-02 read as WGS-84: 57" in said
    assert "m east-south-east against the outline of the communities" in said
    assert "Declare it with --crs gcj02." in said


def test_the_prj_of_another_zone_is_refused_by_the_command(office: Office):
    path = shapefile(office.folder / "zone.shp", encoding="UTF-8")
    frame = pyogrio.read_dataframe(path).to_crs(4548)
    pyogrio.write_dataframe(frame, path)
    path.with_suffix(".prj").write_text(pyproj.CRS(4549).to_wkt("WKT1_ESRI"))
    said = office.refused("import", "layer", "buildings", "zone.shp", "--yes")
    assert "it looks like EPSG:4548 read as EPSG:4549" in said
    assert "Declare it with --crs EPSG:4548." in said


# ---- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "claimed", "read"), [("GBK", "UTF-8", "GB18030"), ("UTF-8", "GBK", "UTF-8")]
)
def test_a_cpg_that_lies_is_mended_and_said(office: Office, written: str, claimed: str, read: str):
    path = shapefile(office.folder / "a.shp", encoding=written)
    path.with_suffix(".cpg").write_text(claimed)
    answer = office.take("buildings", path)
    assert answer.exit_code == 0, answer.output
    assert f"the .cpg says {claimed}" in answer.output
    assert f"read as {read}" in answer.output
    assert office.values(Building.name) == [f"新村{i}号楼" for i in range(6)]


@pytest.mark.parametrize(
    ("written", "declared", "named"), [("gbk", "utf-8", "GB18030"), ("utf-8", "gbk", "UTF-8")]
)
def test_a_declared_encoding_that_is_wrong_is_refused_with_the_right_one(
    office: Office, written: str, declared: str, named: str
):
    path = houses(office.folder / "a.csv", ["1", "2"], written)
    words = ("--crs", "EPSG:4326", "--encoding", declared, "--yes")
    said = office.refused("import", "layer", "buildings", path, *words)
    assert f"The text is {named}: declare that, or nothing." in said


def test_a_dbf_cut_off_is_refused_with_the_row_it_ends_in(office: Office):
    path = shapefile(office.folder / "cut.shp", encoding="GBK")
    dbf = path.with_suffix(".dbf")
    content = dbf.read_bytes()
    dbf.write_bytes(content[: len(content) * 6 // 10])
    said = office.refused("import", "layer", "buildings", path, "--yes")
    assert "cut.dbf: the file is cut off: its header says 6 rows" in said
    assert "ends in row 4. Export or copy it again." in said


# ---- values --------------------------------------------------------------------------------------


def test_households_as_offices_write_them_are_read_and_said(office: Office):
    path = houses(office.folder / "a.csv", ["约400", "1,200", "", "12.0"])
    answer = office.take("buildings", path, "--crs", "EPSG:4326")
    assert answer.exit_code == 0, answer.output
    assert office.values(Building.households) == [400, 1200, 0, 12]
    assert office.values(Building.households_source) == [
        *("estimated", "recorded", "default", "recorded")
    ]
    for said in ("('约400' as 400)", "('1,200' as 1200)", "1 values are empty: 0 stands there"):
        assert said in answer.output


def test_a_negative_count_is_refused_with_its_row_and_what_to_write(office: Office):
    path = houses(office.folder / "a.csv", ["40", "-3", "12.5"])
    words = ("--crs", "EPSG:4326", "--yes")
    said = office.refused("import", "layer", "buildings", path, *words)
    assert "2 of 3 rows cannot be taken: row 2, field 'households': is below 0 ('-3')" in said
    assert "row 3, field 'households': is not a whole number ('12.5')" in said
    assert f"Repair them in {path}.rejects.gpkg" in said
    listed = pd.read_csv(f"{path}.rejects.csv")
    assert list(listed["row"]) == [2, 3]
    assert listed["remedy"].str.startswith("Write a whole number, 0 or more").all()


@pytest.mark.parametrize("update", [(), ("--update",)])
def test_rows_that_are_left_out_are_written_down_to_be_repaired(
    office: Office, update: tuple[str, ...]
):
    path = houses(office.folder / "a.csv", ["40", "-3", "50"])
    answer = office.take("buildings", path, "--crs", "EPSG:4326", "--skip-rejects", *update)
    assert answer.exit_code == 0, answer.output
    assert f"1 rows were left out: {path}.rejects.csv says which and why." in answer.output
    assert list(pd.read_csv(f"{path}.rejects.csv")["row"]) == [2]
    assert len(pyogrio.read_dataframe(f"{path}.rejects.gpkg")) == 1


def test_dates_as_offices_write_them_are_read_and_said(office: Office):
    given = ["2024/8/5", "2024.08.05", "45509", "2024-08-05 14:30"]
    rows = [
        f"{i},{point(i)[0]:.6f},{point(i)[1]:.6f},noise,affairs,{value}"
        for i, value in enumerate(given)
    ]
    path = table(office.folder / "a.csv", "description,lon,lat,category,service,occurred_at", rows)
    answer = office.take("incidents", path, "--crs", "EPSG:4326")
    assert answer.exit_code == 0, answer.output
    midnight = datetime(2024, 8, 5, tzinfo=ZONE)
    found = office.values(Incident.occurred_at)
    assert found == [midnight, midnight, midnight, midnight.replace(hour=14, minute=30)]
    assert "serial days, counted from 1900" in answer.output
    assert "name no time zone and were read as times of Asia/Shanghai" in answer.output


def test_a_date_that_can_be_read_in_two_ways_is_refused(office: Office):
    lon, lat = point(0)
    path = table(
        office.folder / "a.csv",
        "description,lon,lat,category,service,occurred_at",
        [f"x,{lon},{lat},noise,affairs,5/8/2024"],
    )
    said = office.refused("import", "layer", "incidents", path, "--crs", "EPSG:4326")
    assert "row 1, field 'occurred_at'" in said
    assert "('5/8/2024')" in said


# ---- sheets --------------------------------------------------------------------------------------


def ledger(path: Path) -> Path:
    rows: list[list[object]] = [
        ["街道楼栋台账"],
        ["小区", "楼栋", "人口", None, "位置", None, "备注"],
        [None, None, "户数", "常住人口", "WKT", None, None],
    ]
    rows += [["东苑" if not i else None, f"{i}号楼", 20 + i, 50 + i, wkt(i)] for i in range(4)]
    rows.append(["合计", None, 86, 206])
    return workbook(path, rows, ("A1:G1", "A2:A3", "B2:B3", "C2:D2", "E2:F2", "G2:G3", "A4:A7"))


def test_a_ledger_is_planned_saved_and_imported_by_what_was_saved(office: Office):
    path = ledger(office.folder / "台账.xlsx")
    before = office.rows()
    plan = office("import", "plan", path, "--crs", "EPSG:4326", "--save", "m.toml")
    assert plan.exit_code == 0, plan.output
    assert "人口_户数" in plan.output
    assert "households" in plan.output
    assert "小区: merged cells filled down over 3 rows" in plan.output
    assert "rows that are sums or remarks left out: 8" in plan.output
    assert office.rows() == before
    answer = office.take("buildings", path, "--mapping", "m.toml")
    assert answer.exit_code == 0, answer.output
    assert office.values(Building.households) == [20, 21, 22, 23]


def test_coordinates_below_a_common_header_are_found(office: Office):
    rows: list[list[object]] = [["设施", None, "位置", None], ["名称", "类别", "经度", "纬度"]]
    rows += [[f"幼儿园{i}", "school", *point(i)] for i in range(3)]
    path = workbook(office.folder / "a.xlsx", rows, ("A1:B1", "C1:D1"))
    answer = office.take("pois", path, "--crs", "EPSG:4326")
    assert answer.exit_code == 0, answer.output
    assert office.values(Poi.name) == ["幼儿园0", "幼儿园1", "幼儿园2"]


def test_a_count_merged_over_two_rows_is_nobodys(office: Office):
    rows: list[list[object]] = [["楼栋", "户数", "WKT"]]
    rows += [[f"{i}号楼", 20, wkt(i)] for i in range(3)]
    path = workbook(office.folder / "a.xlsx", rows, ("B2:B3",))
    said = office.refused("import", "layer", "buildings", path, "--crs", "EPSG:4326", "--yes")
    assert "row 2, field '户数': is one number over several rows (merged cells) ('20')" in said


# ---- archives and sizes --------------------------------------------------------------------------


def test_of_a_zip_with_two_shapefiles_one_is_named(office: Office):
    with zipfile.ZipFile(office.folder / "two.zip", "w") as packed:
        for stem in ("old", "new"):
            shapefile(office.folder / f"{stem}.shp", encoding="GBK", count=2)
            for part in office.folder.glob(f"{stem}.*"):
                packed.write(part, part.name)
    said = office.refused("import", "layer", "buildings", "two.zip", "--yes")
    assert "has 2 files that could be read: new.shp, old.shp" in said
    assert "--table" in said
    answer = office.take("buildings", office.folder / "two.zip", "--table", "new.shp")
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.geojson", b"0" * (65 << 20), "400 times when unpacked"),
        ("../../evil.csv", b"lon,lat,name\n", "'../../evil.csv', which leads outside of it"),
    ],
)
def test_archives_that_would_do_harm_are_refused(
    office: Office, name: str, content: bytes, said: str
):
    path = office.folder / "bad.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    assert said in office.refused("import", "layer", "buildings", path, "--yes")
    assert [one.name for one in office.folder.iterdir()] == ["bad.zip"]


def test_a_geojson_of_two_gigabytes_that_ends_in_nothing_is_refused_at_once(office: Office):
    path = office.folder / "big.geojson"
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[')
        file.truncate(2 << 30)
    assert "it is cut off" in office.refused("import", "layer", "buildings", path, "--yes")


# ---- the ground ----------------------------------------------------------------------------------


def test_a_community_that_reaches_3_m_into_its_neighbour_is_found_by_the_audit(office: Office):
    frame = stored(office, Community, COMMUNITIES)
    metres = frame.to_crs(4548)
    first, second = (metres["id"] == key("communities", letter) for letter in "AB")
    grown = metres.loc[first, "geometry"].iloc[0].buffer(3, join_style="mitre")
    into = grown.intersection(metres.loc[second, "geometry"].iloc[0])
    metres.loc[first, "geometry"] = metres.loc[first, "geometry"].iloc[0].union(into)
    path = office.folder / "second.gpkg"
    pyogrio.write_dataframe(metres[["id", "code", "name", "geometry"]], path)
    answer = office("import", "layer", "communities", path, "--update", "--yes")
    assert answer.exit_code == 0, answer.output
    assert "1 overlap between communities" in answer.output
    found = office("audit", "--language", "en")
    assert found.exit_code == 1
    line = next(line for line in found.output.splitlines() if "Overlap between" in line)
    sizes = [float(word.replace(",", "")) for word in line.split() if "." in word]
    assert sizes[0] == pytest.approx(into.area, rel=0.01)
    undone = office("import", "undo", "communities", "--yes")
    assert undone.exit_code == 0, undone.output
    assert "Overlap between" not in office("audit", "--language", "en").output


def test_500_buildings_on_one_spot_go_in_and_are_one_finding(office: Office):
    shape = square(*FREE[0], inset=0.3)
    frame = gpd.GeoDataFrame(
        {"name": [f"S{i}" for i in range(500)], "households": 1}, geometry=[shape] * 500, crs=4326
    )
    pyogrio.write_dataframe(frame, office.folder / "stack.gpkg")
    answer = office("import", "layer", "buildings", "stack.gpkg", "--yes")
    assert answer.exit_code == 0, answer.output
    assert "1 building duplicated" in answer.output


# ---- while it is read or written -----------------------------------------------------------------


class Meddler:
    """A watcher that writes to the file when a batch of it is stored."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, step: str) -> None:
        """Do nothing."""

    def told(self, step: str, done: float, total: float) -> None:  # noqa: ARG002 - a watcher's
        """Add a row, as a colleague does who saves the table."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"later,school,{WEST},31.88\n")

    def end(self, step: str, seconds: float) -> None:
        """Do nothing."""


def test_a_file_that_changes_while_it_is_stored_leaves_nothing(office: Office, scope: Scope):
    lon, lat = point(0)
    rows = [f"p{i},school,{lon + i * 1e-8:.8f},{lat:.8f}" for i in range(20_000)]
    path = table(office.folder / "many.csv", "name,category,lon,lat", rows)
    before = office.rows()
    order = ImportOrder(path, layer="pois", crs="EPSG:4326", audit=False)
    with pytest.raises(WanggeError, match=r"many\.csv: the file changed") as caught:
        Import(office.sessions, scope, order, Steps(Meddler(path))).run()
    assert "import it again" in str(caught.value.remedy)
    assert office.rows() == before


def test_a_database_whose_disk_is_full_leaves_nothing_and_says_so(office: Office):
    """The error of PostgreSQL when it cannot extend a table, raised at the third row."""
    with transaction(office.sessions) as session:
        session.execute(
            text(
                """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.name = '楼2' THEN
                  RAISE EXCEPTION 'could not extend file: No space left on device'
                  USING ERRCODE = '53100', HINT = 'Check free disk space.';
                END IF; RETURN NEW; END $$"""
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER full_disk BEFORE INSERT ON buildings "
                "FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )
        )
    path = houses(office.folder / "a.csv", ["1", "2", "3", "4"])
    words = ("--crs", "EPSG:4326", "--yes")
    said = office.refused("import", "layer", "buildings", path, *words)
    assert "No space left on device" in said or "disk" in said


@pytest.mark.slow
def test_a_disk_too_full_for_the_rejects_is_a_clear_error(office: Office):
    path = houses(office.folder / "a.csv", ["-3"] * 8)
    code = (
        "import resource, sys; from cli.main import app;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600));"
        "app(sys.argv[1:])"
    )
    before = office.rows()
    words = ("import", "layer", "buildings", str(path), "--crs", "EPSG:4326", "--yes")
    run = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert f"{path}.rejects" in run.stderr
    assert "Make room on the disk" in run.stderr
    assert [one.name for one in office.folder.iterdir()] == ["a.csv"]
    assert office.rows() == before


# ---- out again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["=cmd|'/C calc'!A0", "@SUM(1)", "+1", "-1"])
def test_a_formula_goes_in_as_text_and_out_defused(office: Office, cell: str):
    lon, lat = point(0)
    path = table(office.folder / "a.csv", "name,category,lon,lat", [f'"{cell}",school,{lon},{lat}'])
    assert office.take("pois", path, "--crs", "EPSG:4326").exit_code == 0
    assert office("export", "out.csv", "--layer", "pois").exit_code == 0
    text_out = (office.folder / "out.csv").read_text(encoding="utf-8-sig")
    assert f"'{cell}" in text_out
    again = office(
        *("import", "layer", "pois", "out.csv", "--crs", "EPSG:4326", "--update", "--preview")
    )
    assert "nothing is different" in again.output


@pytest.mark.parametrize(
    ("file", "options", "crs"),
    [
        ("b.zip", ("--encoding", "gbk"), None),
        ("b.zip", ("--crs", "gcj02"), "gcj02"),
        ("b.fgb", ("--crs", "bd09"), "bd09"),
        ("b.gpkg", ("--crs", "EPSG:4548"), None),
        ("b.xlsx", (), "EPSG:4326"),
        ("b.xlsx", ("--headers", "zh-CN"), "EPSG:4326"),
        ("b.csv", ("--headers", "zh-CN", "--encoding", "gbk"), "EPSG:4326"),
        ("b.parquet", (), None),
    ],
)
def test_what_the_command_exports_it_finds_unchanged(
    office: Office, file: str, options: tuple[str, ...], crs: str | None
):
    out = office("export", file, "--layer", "buildings", *options)
    assert out.exit_code == 0, out.output
    declared = () if crs is None else ("--crs", crs)
    words = ("--update", "--preview", "--yes", *declared)
    answer = office("import", "layer", "buildings", file, *words)
    assert answer.exit_code == 0, answer.output
    assert "nothing is different" in answer.output


# ---- what a plan says ----------------------------------------------------------------------------


def test_a_plan_knows_a_hotline_export(office: Office):
    header = (
        "序号,办件编号,办件来源,诉求主题,诉求内容,诉求人,诉求人电话,"
        "事项大类,事项小类,派发时间,办件状态"
    )
    path = table(office.folder / "一月.csv", header, ["1,2,3,4,5,6,7,8,9,2025-01-01,已办结"])
    assert f"wangge import hotline {path}" in office.refused("import", "plan", path)


def test_a_plan_refuses_persons_columns_and_does_not_make_up_a_layer(office: Office):
    path = table(
        office.folder / "a.csv",
        "姓名,电话,备注",
        [f"张三{i},1390000{i:04d},电话1390000{i:04d}" for i in range(9)],
        "gbk",
    )
    answer = office("import", "plan", path)
    assert answer.exit_code == 0, answer.output
    assert "Refused, because they hold persons' data: 姓名, 电话, 备注." in answer.output
    assert "No column tells which layer this is" in answer.output


def test_a_plan_of_a_file_of_layers_asks_which(office: Office):
    assert office("export", "all.gpkg").exit_code == 0
    said = office.refused("import", "plan", "all.gpkg")
    assert "none is called" not in said
    assert "Say which with --table: " in said


def test_a_plan_of_many_columns_shows_those_that_are_used(office: Office):
    extra = ",".join(f"c{i}" for i in range(40))
    path = table(
        office.folder / "a.csv",
        f"name,category,lon,lat,{extra}",
        [",".join(["x", "school", *map(str, point(0)), *["z"] * 40])],
    )
    answer = office("import", "plan", path, "--crs", "EPSG:4326", "--layer", "pois")
    assert answer.output.count("no field is called so") == 0
    assert "Not used: c0, c1, " in answer.output
