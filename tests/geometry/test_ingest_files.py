"""Layers from GeoPackage, GeoJSON and CSV files: all rows in order, or none and why."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from gis.errors import CrsMismatchError, DataSourceError, GeometryError, InvalidInputError
from gis.frames import BUILDINGS, INCIDENTS, POIS, QUARTERS, STATION_SERVICES
from gis.ingest import RejectedRowsError, read_boundary, read_layer, write_rejects

pytestmark = pytest.mark.geometry

HEFEI = shapely.box(117.2, 31.8, 117.4, 31.95)


def pois(crs: str | None = "EPSG:4326") -> gpd.GeoDataFrame:
    points = gpd.points_from_xy([117.30, 117.31, 117.32], [31.86, 31.87, 31.88])
    rows = {"source_id": ["a", "b", "c"], "name": ["东门", "学校", None], "category": ["x"] * 3}
    return gpd.GeoDataFrame(rows, geometry=points, crs=crs)


def squares(crs: str = "EPSG:4326") -> gpd.GeoDataFrame:
    shapes = [shapely.box(117.3, 31.86, 117.31, 31.87), shapely.box(117.31, 31.86, 117.32, 31.87)]
    return gpd.GeoDataFrame({"name": ["甲", "乙"]}, geometry=shapes, crs="EPSG:4326").to_crs(crs)


def write_text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv"])
def test_the_same_rows_come_from_every_format(tmp_path: Path, suffix: str):
    path, frame = tmp_path / f"pois{suffix}", pois()
    if suffix == ".csv":
        table = pd.DataFrame(frame.drop(columns="geometry"))
        table.assign(lon=frame.geometry.x, lat=frame.geometry.y).to_csv(path, index=False)
        result = read_layer(path, POIS, crs="EPSG:4326", source="test")
    else:
        frame.to_file(path)
        result = read_layer(path, POIS, source="test")
    assert result.frame["name"].tolist() == ["东门", "学校", None]
    assert list(result.frame.columns) == POIS.names
    assert shapely.get_coordinates(result.frame.geometry) == pytest.approx(
        shapely.get_coordinates(frame.geometry)
    )
    again = read_layer(path, POIS, crs="EPSG:4326", source="test")
    assert result.frame["id"].tolist() == again.frame["id"].tolist()
    assert result.report["rows"] == 3


def test_ids_come_from_the_source_id_whatever_the_format(tmp_path: Path):
    for name in ("p.gpkg", "p.geojson"):
        pois().to_file(tmp_path / name)
    one, other = (read_layer(tmp_path / n, POIS, source="t").frame for n in ("p.gpkg", "p.geojson"))
    assert one["id"].tolist() == other["id"].tolist()
    assert one["id"].is_unique


def test_uuids_of_an_export_are_kept_so_that_it_comes_back_the_same(tmp_path: Path):
    pois().to_file(tmp_path / "pois.gpkg")
    first = read_layer(tmp_path / "pois.gpkg", POIS, source="t").frame
    first.to_file(tmp_path / "again.gpkg", layer="pois")
    second = read_layer(tmp_path / "again.gpkg", POIS, source="another").frame
    assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second))


def test_rows_without_ids_are_known_by_their_content(tmp_path: Path):
    rows = ["117.30,31.86,x", "117.31,31.87,y", "117.30,31.86,x"]
    one = write_text(tmp_path / "a.csv", "\n".join(["lon,lat,category", *rows]))
    other = write_text(tmp_path / "b.csv", "\n".join(["lon,lat,category", *rows[::-1]]))
    ids = [read_layer(p, POIS, crs="EPSG:4326", source="t").frame["id"] for p in (one, other)]
    assert ids[0].is_unique
    assert set(ids[0]) == set(ids[1])
    assert ids[0][1] == ids[1][1]


@pytest.mark.parametrize(
    "header", ["lon,lat", "LNG,LAT", "longitude,latitude", "经度,纬度", "\ufefflon,lat", "x,y"]
)
def test_coordinate_columns_have_many_names(tmp_path: Path, header: str):
    path = write_text(tmp_path / "p.csv", f"{header},category\n117.3,31.86,school\n")
    frame = read_layer(path, POIS, crs="EPSG:4326").frame
    assert frame.geometry.iloc[0].equals(shapely.Point(117.3, 31.86))


def test_wkt_columns_carry_any_geometry(tmp_path: Path):
    text = f'name,wkt\n甲,"{shapely.box(117.3, 31.86, 117.31, 31.87).wkt}"\n'
    path = write_text(tmp_path / "q.csv", text)
    assert read_layer(path, QUARTERS, crs="EPSG:4490").frame.geometry.iloc[0].area > 0
    bad = write_text(tmp_path / "bad.csv", "name,wkt\n甲,POLYGON ((1 2\n")
    with pytest.raises(RejectedRowsError, match="row 1, field 'wkt': is no geometry"):
        read_layer(bad, QUARTERS, crs="EPSG:4490")


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4548", "EPSG:32650", "EPSG:3857"])
def test_every_declared_crs_ends_in_lon_lat(tmp_path: Path, crs: str):
    squares(crs).to_file(tmp_path / "q.gpkg")
    result = read_layer(tmp_path / "q.gpkg", QUARTERS)
    assert result.report["source_crs"] == crs
    assert np.allclose(result.frame.total_bounds, (117.3, 31.86, 117.32, 31.87), atol=1e-7)


@settings(max_examples=20, deadline=None)  # each example writes and reads a file
@given(st.floats(117.2, 118.0), st.floats(31.0, 32.0))
def test_projected_csv_comes_back_where_it_was(
    tmp_path_factory: pytest.TempPathFactory, lon: float, lat: float
):
    point = gpd.GeoSeries([shapely.Point(lon, lat)], crs="EPSG:4326").to_crs("EPSG:4548").iloc[0]
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    write_text(path, f"x,y,category\n{point.x!r},{point.y!r},school\n")
    back = read_layer(path, POIS, crs="EPSG:4548").frame.geometry.iloc[0]
    assert back.distance(shapely.Point(lon, lat)) < 1e-8


def test_columns_are_mapped_and_the_rest_is_reported(tmp_path: Path):
    path = write_text(tmp_path / "p.csv", "lon,lat,类别,备注\n117.3,31.86,school,好\n")
    result = read_layer(path, POIS, crs="EPSG:4326", mapping={"类别": "category"})
    assert result.frame["category"].tolist() == ["school"]
    assert result.report["columns_not_used"] == ["备注"]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"nothing": "category"}, "'nothing', which the file has not"),
        ({"类别": "nothing"}, "'nothing', which the layer has not"),
        ({"类别": "category", "备注": "category"}, "two columns"),
    ],
)
def test_a_mapping_that_names_what_is_not_there(tmp_path: Path, mapping: dict[str, str], says: str):
    path = write_text(tmp_path / "p.csv", "lon,lat,类别,备注\n117.3,31.86,school,好\n")
    with pytest.raises(InvalidInputError, match=says):
        read_layer(path, POIS, crs="EPSG:4326", mapping=mapping)


def test_text_becomes_numbers_truth_times_and_lists(tmp_path: Path):
    path = write_text(
        tmp_path / "b.csv",
        "wkt,households,floors,valid_from,entrance\n"
        '"POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))",48,6,2020-01-31,'
        "POINT (117.35 31.82)\n"
        '"POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))",,,,\n',
    )
    frame = read_layer(path, BUILDINGS, crs="EPSG:4326").frame
    assert frame["households"].tolist() == [48, 0]
    assert frame["floors"].iloc[0] == 6
    assert str(frame["valid_from"].iloc[0]) == "2020-01-31"
    assert frame["entrance"].iloc[0].equals(shapely.Point(117.35, 31.82))
    quarter = write_text(
        tmp_path / "q.csv",
        'gated,wkt\n是,"POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))"\n',
    )
    assert read_layer(quarter, QUARTERS, crs="EPSG:4326").frame["gated"].tolist() == [True]


def test_a_plain_frame_needs_no_coordinates(tmp_path: Path):
    path = write_text(tmp_path / "s.csv", "station_id,service,capacity\ns1,canteen,80\n")
    frame = read_layer(path, STATION_SERVICES).frame
    assert frame["capacity"].tolist() == [80]
    assert frame["fee_class"].tolist() == ["public"]


def test_layers_of_a_geopackage_are_chosen_or_asked_for(tmp_path: Path):
    path = tmp_path / "many.gpkg"
    pois().to_file(path, layer="one")
    pois().iloc[:1].to_file(path, layer="two")
    with pytest.raises(InvalidInputError, match=r"2 layers.*--table: one, two"):
        read_layer(path, POIS)
    assert len(read_layer(path, POIS, layer="two").frame) == 1
    with pytest.raises(InvalidInputError, match=r"no layer 'three'.*one, two"):
        read_layer(path, POIS, layer="three")
    pois().iloc[:2].to_file(path, layer="pois")
    assert len(read_layer(path, POIS).frame) == 2


# -- Coordinate reference systems ------------------------------------------------------------------


def without_crs(path: Path) -> Path:
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.write_dataframe(pois(None), path, layer="pois")
    return path


def test_a_geopackage_without_crs_is_refused_and_read_when_declared(tmp_path: Path):
    path = without_crs(tmp_path / "nowhere.gpkg")
    with pytest.raises(CrsMismatchError, match=r"nowhere\.gpkg: the file has no coord") as caught:
        read_layer(path, POIS)
    assert "--crs" in caught.value.remedy
    assert len(read_layer(path, POIS, crs="EPSG:4490").frame) == 3


def test_a_csv_without_declared_crs_is_refused(tmp_path: Path):
    path = write_text(tmp_path / "p.csv", "lon,lat,category\n117.3,31.86,school\n")
    with pytest.raises(CrsMismatchError, match="does not say its coordinate reference system"):
        read_layer(path, POIS)


def test_geojson_is_wgs84_unless_its_old_member_says_otherwise(tmp_path: Path):
    point = {"type": "Point", "coordinates": [500000, 3520000]}
    feature = {"type": "Feature", "properties": {"category": "x"}, "geometry": point}
    name = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    file = {"type": "FeatureCollection", "crs": name, "features": [feature]}
    old = write_text(tmp_path / "old.geojson", json.dumps(file))
    assert read_layer(old, POIS).frame.geometry.iloc[0].x == pytest.approx(117)
    del file["crs"]
    bare = write_text(tmp_path / "bare.geojson", json.dumps(file))
    with pytest.raises(RejectedRowsError, match="lies outside the world"):
        read_layer(bare, POIS)


def test_file_and_caller_may_not_contradict_each_other(tmp_path: Path):
    pois().to_file(tmp_path / "p.gpkg")
    with pytest.raises(CrsMismatchError, match="says it is in EPSG:4326, not EPSG:4548"):
        read_layer(tmp_path / "p.gpkg", POIS, crs="EPSG:4548")
    assert len(read_layer(tmp_path / "p.gpkg", POIS, crs="EPSG:4326").frame) == 3


@pytest.mark.parametrize(("crs", "says"), [("EPSG:1", "EPSG code"), ("GCJ-03", "gcj02")])
def test_an_unknown_crs_is_named(tmp_path: Path, crs: str, says: str):
    path = write_text(tmp_path / "p.csv", "lon,lat,category\n117.3,31.86,school\n")
    with pytest.raises(CrsMismatchError, match="is not known") as caught:
        read_layer(path, POIS, crs=crs)
    assert says in caught.value.remedy


def test_swapped_lon_lat_are_found_beyond_the_poles(tmp_path: Path):
    path = write_text(tmp_path / "p.csv", "lon,lat,category\n31.86,117.3,x\n31.87,117.31,y\n")
    with pytest.raises(
        CrsMismatchError, match=r"swapped: row 1 says lon 31\.86, lat 117\.3"
    ) as told:
        read_layer(path, POIS, crs="EPSG:4326")
    assert "--column" in told.value.remedy


def test_swapped_lon_lat_are_found_by_the_ground_they_should_lie_on(tmp_path: Path):
    ground = shapely.box(-15.5, 28.0, -15.3, 28.2)
    path = write_text(tmp_path / "p.csv", "lon,lat,category\n28.1,-15.4,x\n28.12,-15.42,y\n")
    assert len(read_layer(path, POIS, crs="EPSG:4326").frame) == 2
    with pytest.raises(CrsMismatchError, match="swapped"):
        read_layer(path, POIS, crs="EPSG:4326", within=ground)


def test_one_row_beyond_the_pole_is_a_bad_row_and_no_swap(tmp_path: Path):
    rows = "".join(f"117.3,{31.8 + n / 1000},x\n" for n in range(9))
    path = write_text(tmp_path / "p.csv", f"lon,lat,category\n{rows}31.8,117.3,x\n")
    with pytest.raises(RejectedRowsError, match="1 of 10 rows"):
        read_layer(path, POIS, crs="EPSG:4326", within=HEFEI)


# -- Rows that cannot be taken ---------------------------------------------------------------------


def test_three_bad_rows_of_ten_thousand_refuse_the_file_and_are_all_named(tmp_path: Path):
    rows = [f"117.3,{31.8 + n / 1e6:.6f},school,poi {n}" for n in range(10_000)]
    rows[41] = "117.3,north,school,no number"
    rows[4999] = "117.3,31.8,,no category"
    rows[9999] = "inf,31.8,school,infinite"
    path = write_text(tmp_path / "p.csv", "\n".join(["lon,lat,category,name", *rows]))
    with pytest.raises(RejectedRowsError, match="3 of 10000 rows cannot be taken") as caught:
        read_layer(path, POIS, crs="EPSG:4326")
    rejects = caught.value.rejects
    assert rejects["row"].tolist() == [42, 5000, 10_000]
    assert rejects["field"].tolist() == ["lat", "category", "lon"]
    assert rejects["value"].tolist() == ["north", "", "inf"]
    for row in ("row 42", "row 5000", "row 10000"):
        assert row in caught.value.message
    assert (rejects[["reason", "remedy"]] != "").all(axis=None)
    write_rejects(rejects, tmp_path / "rejects.csv")
    assert (tmp_path / "rejects.csv").read_bytes().startswith(b"\xef\xbb\xbfrow,field,value")
    back = pd.read_csv(tmp_path / "rejects.csv", keep_default_na=False, dtype={"value": str})
    assert_frame_equal(back, rejects.astype(back.dtypes.to_dict()), check_dtype=False)


@pytest.mark.parametrize("bad", ["nan", "NaN", "inf", "-inf", "", "abc", "1e400"])
def test_coordinates_that_are_no_finite_numbers(tmp_path: Path, bad: str):
    path = write_text(tmp_path / "p.csv", f"lon,lat,category\n117.3,31.8,x\n117.3,{bad},x\n")
    with pytest.raises(RejectedRowsError, match="row 2, field 'lat': is not a finite number"):
        read_layer(path, POIS, crs="EPSG:4326")


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490"])
def test_coordinates_off_the_globe(tmp_path: Path, crs: str):
    path = write_text(tmp_path / "p.csv", "lon,lat,category\n117.3,31.8,x\n181,31.8,x\n")
    with pytest.raises(RejectedRowsError, match="row 2, field 'geometry': lies outside the world"):
        read_layer(path, POIS, crs=crs)


def test_a_self_intersecting_polygon_is_named_with_its_place(tmp_path: Path):
    frame = squares()
    frame.loc[1, "geometry"] = shapely.Polygon(
        [(117.0, 31.0), (117.1, 31.1), (117.1, 31.0), (117.0, 31.1)]
    )
    frame.to_file(tmp_path / "q.gpkg")
    with pytest.raises(
        RejectedRowsError, match=r"row 2, field 'geometry': is invalid: Self-inter.*117\.05 31\.05"
    ) as caught:
        read_layer(tmp_path / "q.gpkg", QUARTERS)
    assert caught.value.context["rows"] == [2]


def test_geometries_of_another_type_missing_and_empty_are_named(tmp_path: Path):
    frame = pois()
    frame.loc[0, "geometry"] = shapely.LineString([(117, 31), (117.1, 31)])
    frame.loc[1, "geometry"] = None
    frame.loc[2, "geometry"] = shapely.Point()
    frame.to_file(tmp_path / "p.geojson")
    with pytest.raises(RejectedRowsError) as caught:
        read_layer(tmp_path / "p.geojson", POIS)
    assert caught.value.rejects["reason"].tolist() == [
        "is of the wrong type",
        "is missing or empty",
        "is missing or empty",
    ]


def test_single_parts_and_heights_are_accepted(tmp_path: Path):
    frame = pois()
    frame["geometry"] = [shapely.MultiPoint([(p.x, p.y, 12.5)]) for p in frame.geometry]
    frame.to_file(tmp_path / "p.gpkg")
    read = read_layer(tmp_path / "p.gpkg", POIS).frame
    assert set(read.geom_type) == {"Point"}
    assert not read.has_z.any()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("households", "many", "is not a finite number"),
        ("households", "2.5", "is not a whole number"),
        ("households", "-1", "is below 0"),
        ("floors", "inf", "is not a finite number"),
        ("use", "castle", "has a value that is not known"),
        ("valid_from", "2020-02-30", "is not a date"),
        ("valid_from", "05/06/2020", "is not a date that can be read in one way only"),
        ("entrance", "POINT (1", "is no geometry in WKT"),
    ],
)
def test_each_kind_of_bad_value_is_named(tmp_path: Path, column: str, value: str, reason: str):
    shape = "POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))"
    path = write_text(tmp_path / "b.csv", f'wkt,{column}\n"{shape}",\n"{shape}",{value}\n')
    with pytest.raises(RejectedRowsError) as caught:
        read_layer(path, BUILDINGS, crs="EPSG:4326")
    assert caught.value.rejects[["row", "field", "value", "reason"]].to_numpy().tolist() == [
        [2, column, value, reason]
    ]


def test_a_time_needs_its_zone(tmp_path: Path):
    head = "lon,lat,category,occurred_at\n"
    fine = write_text(tmp_path / "f.csv", head + "117.3,31.8,tree,2026-05-01T08:30:00+08:00\n")
    assert read_layer(fine, INCIDENTS, crs="EPSG:4326").frame["occurred_at"][0].hour == 0
    naive = write_text(tmp_path / "n.csv", head + "117.3,31.8,tree,2026-05-01 08:30\n")
    with pytest.raises(RejectedRowsError, match="has no time zone"):
        read_layer(naive, INCIDENTS, crs="EPSG:4326")


def test_an_id_that_appears_twice_is_named(tmp_path: Path):
    path = write_text(tmp_path / "p.csv", "source_id,lon,lat,category\n7,117,31,x\n7,117.1,31,x\n")
    with pytest.raises(RejectedRowsError, match="row 2, field 'source_id': appears twice"):
        read_layer(path, POIS, crs="EPSG:4326")


# -- Files that cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.json", "p.csv"])
def test_missing_and_empty_files_are_named(tmp_path: Path, name: str):
    with pytest.raises(DataSourceError, match=rf"{name}: there is no such file"):
        read_layer(tmp_path / name, POIS, crs="EPSG:4326")
    write_text(tmp_path / name, "")
    with pytest.raises(DataSourceError, match=rf"{name}: the file is empty \(0 bytes\)"):
        read_layer(tmp_path / name, POIS, crs="EPSG:4326")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "lon,lat,category\n"),
        ("p.geojson", '{"type": "FeatureCollection", "features": []}'),
    ],
)
def test_a_file_without_rows_is_refused(tmp_path: Path, name: str, text: str):
    write_text(tmp_path / name, text)
    with pytest.raises(InvalidInputError, match="the file has no rows"):
        read_layer(tmp_path / name, POIS, crs="EPSG:4326")


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_a_file_cut_in_half_is_refused(tmp_path: Path, suffix: str):
    path, half = tmp_path / f"p{suffix}", tmp_path / f"half{suffix}"
    pois().to_file(path)
    content = path.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataSourceError, match="cannot be read as Geo") as caught:
        read_layer(half, POIS)
    assert "truncated" in caught.value.remedy


def test_what_is_not_what_its_suffix_says_is_refused(tmp_path: Path):
    for name in ("p.gpkg", "p.geojson"):
        with pytest.raises(DataSourceError, match="cannot be read as"):
            read_layer(write_text(tmp_path / name, "lon,lat\n1,2\n"), POIS)
    with pytest.raises(InvalidInputError, match=r"files ending in '\.dwg' are not read"):
        read_layer(write_text(tmp_path / "p.dwg", "x"), POIS)


def test_csv_in_gbk_is_read_and_ragged_lines_or_no_coordinates_are_refused(tmp_path: Path):
    gbk = tmp_path / "gbk.csv"
    gbk.write_bytes("lon,lat,category,name\n117.3,31.8,x,东门\n".encode("gbk"))
    assert read_layer(gbk, POIS, crs="EPSG:4326").frame["name"].tolist() == ["东门"]
    ragged = write_text(tmp_path / "r.csv", "lon,lat,category\n117,31,x\n117,31,x,y\n")
    with pytest.raises(RejectedRowsError, match=r"row 2.*4 fields where the header has 3"):
        read_layer(ragged, POIS, crs="EPSG:4326")
    nowhere = write_text(tmp_path / "n.csv", "name,category\na,x\n")
    with pytest.raises(InvalidInputError, match="no coordinates among the columns name, category"):
        read_layer(nowhere, POIS, crs="EPSG:4326")


# -- Boundaries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4548"])
def test_a_boundary_is_the_union_of_its_polygons(tmp_path: Path, crs: str):
    squares(crs).to_file(tmp_path / "b.gpkg")
    boundary = read_boundary(tmp_path / "b.gpkg")
    assert boundary.geom_type == "Polygon"
    assert np.allclose(boundary.bounds, (117.3, 31.86, 117.32, 31.87), atol=1e-7)


def test_a_boundary_file_without_polygon_or_crs_or_with_a_bad_ring(tmp_path: Path):
    pois().to_file(tmp_path / "points.geojson")
    with pytest.raises(GeometryError, match=r"no polygon in the boundary file; it has Point"):
        read_boundary(tmp_path / "points.geojson")
    with pytest.raises(CrsMismatchError, match="no coordinate reference system"):
        read_boundary(without_crs(tmp_path / "nowhere.gpkg"))
    bow = shapely.Polygon([(117.0, 31.0), (117.1, 31.1), (117.1, 31.0), (117.0, 31.1)])
    gpd.GeoSeries([bow], crs=4326).to_file(tmp_path / "bow.geojson")
    with pytest.raises(GeometryError, match=r"polygon 1 .* invalid \(Self-intersection"):
        read_boundary(tmp_path / "bow.geojson")
    swapped = shapely.box(31.8, 117.2, 31.9, 117.4)
    gpd.GeoSeries([swapped], crs=4326).to_file(tmp_path / "swapped.geojson")
    with pytest.raises(CrsMismatchError, match="swapped"):
        read_boundary(tmp_path / "swapped.geojson")
