"""Rejected rows as a GeoPackage: written, repaired with real tools, and taken in their place."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.rejects import Rejects
from gis.ingest.rejects_package import (
    ADDED_COLUMNS,
    CODES,
    LAYER,
    REASONS,
    REMEDIES,
    ROW,
    _ranges,
    write_rejects_package,
)
from gis.ingest.repaired import _numbers_of, open_repaired, read_repaired
from gis.ingest.rows import RowSource, SourceOptions

pytestmark = pytest.mark.geometry

BOW_TIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
SQUARE = shapely.box(0, 0, 1, 1)
DEGREES = SourceOptions(crs=SourceCrs.parse("EPSG:4326", "test"))


def fault(row: int, name: str = "households", value: str = "约400") -> dict[str, Any]:
    return {
        "row": row,
        "field": name,
        "value": value,
        "code": "not_a_number",
        "reason": "is no number",
        "remedy": "Give a number.",
    }


def faults(*rows: int) -> pd.DataFrame:
    return pd.DataFrame([fault(row) for row in rows])


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """Five houses with a file's own awkward columns; rows 2 and 4 cannot be taken."""
    path = tmp_path / "houses.gpkg"
    frame = gpd.GeoDataFrame(
        {
            "名称": ["一号楼", "二号楼", "三号楼", "四号楼", None],
            "households": ["12", "约400", "8", "-3", "5"],
            "floors": [1, 2, 3, 4, 5],
        },
        geometry=[SQUARE, BOW_TIE, SQUARE, None, SQUARE],
        crs=4326,
    )
    pyogrio.write_dataframe(frame, path, driver="GPKG", geometry_type="Unknown")
    return path


def opened(path: Path, options: SourceOptions | None = None) -> RowSource:
    return open_source(path, options or SourceOptions(), Rejects())


def package_of(path: Path, rejects: pd.DataFrame, options: SourceOptions | None = None) -> Path:
    out = path.with_name("rejects.gpkg")
    source = opened(path, options)
    try:
        write_rejects_package(out, source, rejects)
    finally:
        source.close()
    return out


def repair(package: Path, change: Callable[[Any], Any]) -> None:
    """Change a package as a person would in a GIS: open it, edit, save."""
    frame = change(pyogrio.read_dataframe(package))
    meta = pyogrio.read_info(package, layer=LAYER)["layer_metadata"]
    pyogrio.write_dataframe(
        frame,
        package,
        layer=LAYER,
        driver="GPKG",
        geometry_type="Unknown" if isinstance(frame, gpd.GeoDataFrame) else None,
        layer_metadata=meta,
        append=False,
    )


def rows_of(source: RowSource) -> tuple[pd.DataFrame, Any]:
    batches = list(source.batches(2))
    source.close()
    columns = pd.concat([batch.columns for batch in batches], ignore_index=True)
    columns.index = pd.Index(np.concatenate([batch.numbers for batch in batches]))
    shapes = [batch.geometry for batch in batches if batch.geometry is not None]
    return columns, np.concatenate(shapes) if shapes else None


def test_the_package_holds_the_rejected_rows_as_they_are(houses: Path):
    two = pd.DataFrame([fault(2), fault(2, "geometry", ""), fault(4, value="-3")])
    package = package_of(houses, two)
    frame = pyogrio.read_dataframe(package)
    assert list(frame.columns) == ["名称", "households", "floors", *ADDED_COLUMNS, "geometry"]
    assert frame[ROW].tolist() == [2, 4]
    assert frame["名称"].tolist() == ["二号楼", "四号楼"]
    assert frame["households"].tolist() == ["约400", "-3"]
    assert frame["floors"].tolist() == [2, 4]
    assert frame[CODES].tolist() == ["not_a_number", "not_a_number"]
    assert frame[REASONS][0] == "households: is no number ('约400'); geometry: is no number"
    assert frame[REMEDIES][0] == "Give a number."
    assert shapely.equals_exact(frame.geometry.iloc[0], BOW_TIE)
    assert not shapely.is_valid(frame.geometry.iloc[0])
    assert frame.geometry.iloc[1] is None
    assert frame.crs.to_epsg() == 4326


def test_refused_repaired_accepted(houses: Path):
    package = package_of(houses, faults(2, 4))

    def mend(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame.loc[frame[ROW] == 2, "households"] = "400"
        frame.loc[frame[ROW] == 4, "households"] = "3"
        shapes = frame.geometry.to_numpy().copy()
        shapes[0] = shapely.make_valid(shapes[0])
        shapes[1] = shapely.box(5, 5, 6, 6)
        return frame.set_geometry(gpd.GeoSeries(shapes, crs=4326))

    repair(package, mend)
    rejects = Rejects()
    source = open_repaired(houses, SourceOptions(), rejects, package)
    assert "2 rows are taken from rejects.gpkg." in source.facts.notes
    columns, geometry = rows_of(source)
    assert columns["households"].tolist() == ["12", "400", "8", "3", "5"]
    assert columns["floors"].tolist() == [1, 2, 3, 4, 5]
    assert columns["floors"].dtype.kind == "i"
    assert shapely.is_valid(geometry).all()
    assert geometry[3].bounds == (5, 5, 6, 6)
    before, _ = rows_of(opened(houses))
    pd.testing.assert_frame_equal(columns.drop(index=[2, 4]), before.drop(index=[2, 4]))
    assert rejects.rows == []


def test_what_is_not_repaired_stays_as_it_was(houses: Path):
    package = package_of(houses, faults(2, 4))
    columns, geometry = rows_of(open_repaired(houses, SourceOptions(), Rejects(), package))
    before, shapes = rows_of(opened(houses))
    pd.testing.assert_frame_equal(columns, before)
    assert all(a is b or shapely.equals_exact(a, b) for a, b in zip(geometry, shapes, strict=True))


def test_rows_that_were_removed_are_left_out_only_if_somebody_says_so(houses: Path):
    package = package_of(houses, faults(2, 4))
    repair(package, lambda frame: frame[frame[ROW] != 4])
    assert read_repaired(package).absent == (4,)
    with pytest.raises(InvalidInputError, match=r"1 rows were removed from it: row 4") as caught:
        open_repaired(houses, SourceOptions(), Rejects(), package)
    assert "are to be left out" in caught.value.remedy
    source = open_repaired(houses, SourceOptions(), Rejects(), package, drop_absent=True)
    assert "1 rows that it lacks are left out." in source.facts.notes[-1]
    columns, geometry = rows_of(source)
    assert columns.index.tolist() == [1, 2, 3, 5]
    assert len(geometry) == 4


def test_coordinates_that_are_no_numbers_are_repaired_too(tmp_path: Path):
    file = tmp_path / "matters.csv"
    file.write_text("名称,lon,lat\n甲,117.3,31.8\n乙,一百,31.9\n丙,117.4,x\n", encoding="utf-8")
    rejects = Rejects()
    rows_of(open_source(file, DEGREES, rejects))
    assert {row for row, *_ in rejects.rows} == {2, 3}
    package = package_of(file, rejects.frame(), DEGREES)

    def mend(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return frame.set_geometry(
            [shapely.Point(117.35, 31.9), frame.geometry.iloc[1]], crs=frame.crs
        )

    repair(package, mend)
    again = Rejects()
    columns, geometry = rows_of(open_repaired(file, DEGREES, again, package))
    assert columns["名称"].tolist() == ["甲", "乙", "丙"]
    assert geometry[1].x == 117.35
    assert again.rows == []


def test_faults_of_other_rows_are_passed_on(tmp_path: Path):
    file = tmp_path / "matters.csv"
    file.write_text("name,lon,lat\na,117.3,31.8\nb,?,31.9\nc,117.4,?\n", encoding="utf-8")
    package = package_of(file, faults(2), DEGREES)
    rejects = Rejects()
    rows_of(open_repaired(file, DEGREES, rejects, package))
    assert {row for row, *_ in rejects.rows} == {3}
    assert rejects.refused_rows == 1


def test_a_file_without_geometry_becomes_a_plain_table(tmp_path: Path):
    file = tmp_path / "counts.csv"
    file.write_text("code,households\na,1\nb,many\n", encoding="utf-8")
    options = SourceOptions(spatial=False)
    package = package_of(file, faults(2), options)
    assert pyogrio.list_layers(package)[0][1] is None
    repair(package, lambda frame: frame.assign(households="7"))
    columns, geometry = rows_of(open_repaired(file, options, Rejects(), package))
    assert geometry is None
    assert columns["households"].tolist() == ["1", "7"]


def test_columns_named_as_the_formats_own_or_by_capitals_come_back(tmp_path: Path):
    file = tmp_path / "awkward.csv"
    header = "fid,geom,Name,name,reject_row,lon,lat"
    file.write_text(f"{header}\n9,g,A,b,77,117,31\n8,h,C,d,78,117,31\n", encoding="utf-8")
    package = package_of(file, faults(2), DEGREES)
    back = read_repaired(package)
    assert back.as_dict()[2]["Name"] == "C"
    columns, _ = rows_of(open_repaired(file, DEGREES, Rejects(), package))
    before, _ = rows_of(opened(file, DEGREES))
    pd.testing.assert_frame_equal(columns, before)


def test_shifted_coordinates_stay_shifted(tmp_path: Path):
    file = tmp_path / "shifted.csv"
    file.write_text("name,lon,lat\na,117.3,31.8\n", encoding="utf-8")
    options = SourceOptions(crs=SourceCrs.parse("gcj02", "test"))
    package = package_of(file, faults(1), options)
    source = open_repaired(file, options, Rejects(), package)
    assert source.facts.crs is not None
    assert source.facts.crs.name == "gcj02"
    _, geometry = rows_of(source)
    assert geometry[0].x == 117.3


def test_a_package_saved_in_another_system_is_refused(houses: Path):
    package = package_of(houses, faults(2))
    repair(package, lambda frame: frame.to_crs(3857))
    with pytest.raises(CrsMismatchError, match="Pseudo-Mercator"):
        open_repaired(houses, SourceOptions(), Rejects(), package)


def test_the_package_of_another_file_is_refused(houses: Path):
    package = package_of(houses, faults(2))
    frame = pyogrio.read_dataframe(houses)
    pyogrio.write_dataframe(frame.iloc[:3], houses, driver="GPKG", geometry_type="Unknown")
    with pytest.raises(InvalidInputError, match=r"not of houses\.gpkg as it is now"):
        open_repaired(houses, SourceOptions(), Rejects(), package)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns=ROW), "field 'reject_row' is missing"),
        (lambda frame: frame.assign(reject_row=[2, None]), "1 rows have no number"),
        (lambda frame: frame.assign(reject_row=[2, 2]), "row 2 appears twice"),
    ],
)
def test_packages_that_cannot_be_matched_are_refused(
    houses: Path, change: Callable[[Any], Any], message: str
):
    package = package_of(houses, faults(2, 4))
    repair(package, change)
    with pytest.raises(InvalidInputError, match=message):
        read_repaired(package)


def test_a_package_that_is_none_or_gone_is_refused(tmp_path: Path):
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(b"SQLite format 3\x00" + b"\x07" * 400)
    with pytest.raises(DataSourceError, match="cannot be read as a GeoPackage"):
        read_repaired(broken)
    with pytest.raises(DataSourceError, match="no such file"):
        read_repaired(tmp_path / "gone.gpkg")


def test_rows_that_are_not_there_any_more_are_said(houses: Path):
    with pytest.raises(DataSourceError, match="row 99 is not there any more"):
        package_of(houses, faults(2, 99))


def test_an_older_package_is_replaced_and_nothing_else_is_left(houses: Path):
    package_of(houses, faults(2, 4))
    package = package_of(houses, faults(4))
    assert pyogrio.read_dataframe(package)[ROW].tolist() == [4]
    assert sorted(p.name for p in houses.parent.iterdir()) == ["houses.gpkg", "rejects.gpkg"]


def test_a_folder_that_cannot_be_written_is_a_clear_error(houses: Path):
    (houses.parent / "file").write_text("no folder")
    source = opened(houses)
    with pytest.raises(DataSourceError, match="no folder"):
        write_rejects_package(houses.parent / "file" / "rejects.gpkg", source, faults(2))


FULL_DISK = dedent(
    """
    import resource, sys
    from pathlib import Path
    import pandas as pd
    from gis.errors import DataSourceError
    from gis.ingest.formats import open_source
    from gis.ingest.rejects import Rejects
    from gis.ingest.rejects_package import write_rejects_package
    from gis.ingest.rows import SourceOptions

    file, out = map(Path, sys.argv[1:])
    source = open_source(file, SourceOptions(spatial=False), Rejects())
    rows = pd.DataFrame({"row": range(1, 3001), "field": "name", "value": "", "code": "c",
                         "reason": "r", "remedy": "m"})
    # No file may grow beyond this: the operating system refuses the write, as a full disk does.
    limit = 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        write_rejects_package(out, source, rows)
    except DataSourceError as error:
        print(error)
        sys.exit(7)
    sys.exit(0)
    """
)


@pytest.mark.slow
def test_a_disk_that_fills_while_writing_leaves_what_was_there(tmp_path: Path):
    file, out = tmp_path / "long.csv", tmp_path / "rejects.gpkg"
    lines = [f"{row},{'x' * 200}" for row in range(3000)]
    file.write_text("\n".join(["name,text", *lines]), encoding="utf-8")
    out.write_bytes(b"the package of yesterday")
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(file), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 7, run.stdout + run.stderr
    assert "cannot be written to" in run.stdout
    assert "Make room on the disk" in run.stdout
    assert out.read_bytes() == b"the package of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.csv", "rejects.gpkg"]


def test_the_metadata_names_the_file(houses: Path):
    package = package_of(houses, faults(2, 4))
    said = json.loads(pyogrio.read_info(package, layer=LAYER)["layer_metadata"]["rejects_of"])
    assert said["source"] == "houses.gpkg"
    assert said["crs"] == "EPSG:4326"
    assert said["rows"] == [[2, 2], [4, 4]]


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_exactly_their_numbers(numbers: set[int]):
    ranges = _ranges(sorted(numbers))
    assert sorted(_numbers_of(ranges)) == sorted(numbers)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(ranges))
