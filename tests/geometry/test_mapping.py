"""Rows of a file become rows of a layer: chosen, translated, computed; a whole file read so."""

import json
import tomllib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import InvalidInputError
from gis.frames import BUILDINGS, ROADS
from gis.geometry.shifts import wgs84_to_gcj02
from gis.ingest.mapped import read_mapped
from gis.ingest.mapping import LayerMapping, apply_mapping
from gis.ingest.mapping_file import MappingFile, parse_mapping
from gis.ingest.mapping_values import Condition, NumberFrom, TextFrom, WordsFrom, as_text
from gis.ingest.rejects import RejectedRowsError

pytestmark = pytest.mark.geometry


def frame(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def mapping_of(text: str) -> MappingFile:
    return parse_mapping(tomllib.loads(text), "m.toml")


def write_geojson(path, rows):
    features = [
        {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}
        for properties, shape in rows
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return path


ROWS = frame(
    kind=["building", "part", "building", "building", None],
    state=["在用", "在用", "拆除", None, "在用"],
    use=["住宅", "住宅", "商业", "仓库", ""],
    height=[60.0, 9.0, "abc", None, "约18"],
    road=["明光路", "明光路", None, "天水路", "天水路"],
    number=[12.0, 3.0, 4.0, None, "7甲"],
    id=[71118583.0, 2.0, 3.0, 4.0, 5.0],
    name=["甲公寓", None, "乙", "丙 Tower", "丁"],
)
SHAPES = np.array([shapely.box(i, 0, i + 1, 1) for i in range(5)], dtype=object)


def test_only_what_is_named_is_taken():
    mapping = LayerMapping(
        "buildings", fields={"id": "source_id"}, where={"kind": Condition(("building",))}
    )
    columns, shapes, rows = mapping.apply(ROWS, SHAPES, BUILDINGS, "f")
    assert list(columns) == ["source_id"]
    assert columns["source_id"].tolist() == ["71118583", "3", "4"]
    assert rows.tolist() == [0, 2, 3]
    assert list(shapes) == list(SHAPES[[0, 2, 3]])


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (Condition(("在用",)), [0, 1, 4]),
        (Condition(("在用", "拆除")), [0, 1, 2, 4]),
        (Condition(("拆除",), negated=True), [0, 1, 3, 4]),
        (Condition(), [0, 1, 2, 4]),
        (Condition((), negated=True), [3]),
    ],
)
def test_conditions(condition, rows):
    mapping = LayerMapping("buildings", fields={"name": "name"}, where={"state": condition})
    assert mapping.select(ROWS, SHAPES, "f").tolist() == rows


def test_truth_and_numbers_are_compared_as_people_write_them():
    columns = frame(tunnel=[1.0, 0.0, None, True], level=[2.0, "2", 2, "二"])
    tunnel = LayerMapping("roads", where={"tunnel": Condition((True,))})
    level = LayerMapping("roads", where={"level": Condition((2,))})
    assert tunnel.select(columns, None, "f").tolist() == [0, 3]
    assert level.select(columns, None, "f").tolist() == [0, 1, 2]


def test_values_words_numbers_texts_and_constants():
    mapping = LayerMapping(
        "buildings",
        fields={"use": "use", "name": "name"},
        values={"use": {"住宅": "residential", "商业": "commercial", "*": ""}},
        words={"use": WordsFrom(("name",), {"tower": "office"})},
        numbers={"floors": NumberFrom("height", divide=3, round="up")},
        texts={"address": TextFrom(("road", "number"), end="号")},
        constants={"households_source": "estimated"},
    )
    columns, _, _ = mapping.apply(ROWS, SHAPES, BUILDINGS, "f")
    assert columns["use"].tolist() == ["residential", "residential", "commercial", "office", None]
    assert columns["floors"].tolist() == [20.0, 3.0, "abc", None, 6.0]
    assert columns["address"].tolist() == ["明光路12号", "明光路3号", None, None, "天水路7甲号"]
    assert set(columns["households_source"]) == {"estimated"}


def test_a_value_that_no_table_has_stays_for_checks_to_name():
    mapping = LayerMapping(
        "buildings", fields={"use": "use"}, values={"use": {"住宅": "residential"}}
    )
    columns, _, _ = mapping.apply(ROWS, SHAPES, BUILDINGS, "f")
    assert columns["use"].tolist() == ["residential", "residential", "商业", "仓库", None]


def test_a_missing_column_is_named_with_those_there_are():
    mapping = LayerMapping("buildings", fields={"楼名": "name"})
    with pytest.raises(InvalidInputError, match="楼名") as caught:
        mapping.apply(ROWS, SHAPES, BUILDINGS, "f.csv")
    assert "height" in caught.value.remedy
    assert caught.value.context == {"file": "f.csv", "field": "楼名"}


def test_shapes_and_parts():
    lines = shapely.MultiLineString([[(0, 0), (1, 0)], [(2, 0), (3, 0)]])
    columns = frame(id=["w1", "w2"], kind=["local", "local"])
    split = LayerMapping("roads", fields={"id": "source_id", "kind": "road_class"}, split=True)
    out, shapes, rows = split.apply(
        columns, np.array([lines, shapely.LineString([(0, 1), (1, 1)])], dtype=object), ROADS, "f"
    )
    assert out["source_id"].tolist() == ["w1/1", "w1/2", "w2"]
    assert rows.tolist() == [0, 0, 1]
    assert [shape.geom_type for shape in shapes] == ["LineString"] * 3
    point = LayerMapping("pois", shape="point")
    assert shapely.contains(SHAPES, point.shaped(SHAPES)).all()
    outline = LayerMapping("barriers", shape="outline").shaped(SHAPES)
    assert {shape.geom_type for shape in outline} == {"LineString"}


def test_plain_dictionaries_work_as_before():
    columns = apply_mapping(ROWS, {"height": "floors"}, BUILDINGS.names, "f")
    assert "floors" in columns
    assert "kind" in columns
    with pytest.raises(InvalidInputError, match="storeys"):
        apply_mapping(ROWS, {"height": "storeys"}, BUILDINGS.names, "f")


@settings(max_examples=50)
@given(
    st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "c", "", " a "])), max_size=12),
    st.sets(st.sampled_from(["a", "b", "x"]), min_size=1),
)
def test_a_condition_and_its_contrary_share_the_rows(values, wanted):
    columns = frame(kind=values)
    one = LayerMapping("pois", where={"kind": Condition(tuple(sorted(wanted)))})
    other = LayerMapping("pois", where={"kind": Condition(tuple(sorted(wanted)), negated=True)})
    rows = [*one.select(columns, None, "f"), *other.select(columns, None, "f")]
    assert sorted(rows) == list(range(len(values)))
    texts = [as_text(value) for value in values]
    assert [texts[row] for row in one.select(columns, None, "f")] == [
        text for text in texts if text in wanted
    ]


@settings(max_examples=50)
@given(st.lists(st.floats(0, 700, allow_nan=False), min_size=1, max_size=8))
def test_floors_of_heights_are_never_off_by_a_last_bit(floors):
    whole = np.round(floors)
    columns = frame(height=list(whole * 3.1))
    up = NumberFrom("height", divide=3.1, round="up").of(columns)
    assert up.tolist() == whole.tolist()


MIXED = """
source = "mixed"
attribution = "© somebody"
layer_column = "layer"

[[layers]]
layer = "buildings"
source_layer = "楼"
dissolve = "id"

[layers.where]
geometry = "Polygon"

[layers.fields]
id = "source_id"
name = "name"
use = "use"

[layers.values.use]
"住宅" = "residential"

[[layers]]
layer = "pois"
source_layer = "点"

[layers.fields]
name = "name"
kind = "category"
"""


def mixed_rows():
    return [
        ({"layer": "楼", "id": 1, "name": "甲", "use": "住宅"}, shapely.box(0, 0, 1, 1)),
        ({"layer": "点", "name": "学校", "kind": "school"}, shapely.Point(5, 5)),
        ({"layer": "楼", "id": 1, "name": "甲", "use": "住宅"}, shapely.box(1, 0, 2, 1)),
        ({"layer": "楼", "id": 1}, shapely.Point(1, 0.5)),
        ({"layer": "楼", "id": 9, "name": "门"}, shapely.Point(1, 0)),
        ({"layer": "河", "id": 7}, shapely.box(8, 8, 9, 9)),
    ]


def test_a_mixed_file_fills_several_layers(tmp_path):
    path = write_geojson(tmp_path / "m.geojson", mixed_rows())
    dataset = read_mapped(path, mapping_of(MIXED))
    buildings, pois = dataset.layers["buildings"], dataset.layers["pois"]
    assert buildings["source_id"].tolist() == ["1"]
    assert shapely.equals(buildings.geometry[0], shapely.box(0, 0, 2, 1))
    assert pois["category"].tolist() == ["school"]
    report = dataset.report
    assert report["attribution"] == "© somebody"
    assert report["rows_of_no_section"] == {"河": 1}
    assert report["left_out"]["楼"] == {
        "features": 2,
        "taken": 1,
        "left_out": 1,
        "why": {"geometry": {"Point": 1}},
    }
    assert report["sections"][0]["dissolved"]["put_together"] == 1
    again = read_mapped(path, mapping_of(MIXED))
    assert again.layers["buildings"]["id"].tolist() == buildings["id"].tolist()


def test_faults_name_the_row_of_the_file(tmp_path):
    rows = mixed_rows()
    rows[2][0]["id"] = 2
    rows[2][0]["use"] = "飞船"
    path = write_geojson(tmp_path / "m.geojson", rows)
    with pytest.raises(RejectedRowsError, match="飞船") as caught:
        read_mapped(path, mapping_of(MIXED))
    rejects = caught.value.rejects
    assert rejects[["row", "field", "code"]].values.tolist() == [[3, "use", "unknown_code"]]  # noqa: PD011 - a list of rows


def test_a_section_that_takes_nothing_is_refused(tmp_path):
    path = write_geojson(tmp_path / "m.geojson", mixed_rows())
    with pytest.raises(InvalidInputError, match="no row meets"):
        read_mapped(path, mapping_of(MIXED.replace('"点"', '"面"')))


def test_persons_numbers_are_refused_and_not_repeated(tmp_path):
    rows = mixed_rows()
    rows[1][0]["name"] = "王 13812345678"
    path = write_geojson(tmp_path / "m.geojson", rows)
    with pytest.raises(InvalidInputError, match="phone number") as caught:
        read_mapped(path, mapping_of(MIXED))
    assert "138" not in str(caught.value)


def test_of_a_key_that_two_sections_bring_the_first_counts(tmp_path):
    second = MIXED[MIXED.index("[[layers]]") : MIXED.index("[layers.where]")]
    second += '[layers.fields]\nid = "source_id"\n[layers.where]\ngeometry = "Polygon"\n'
    path = write_geojson(tmp_path / "m.geojson", mixed_rows())
    dataset = read_mapped(path, mapping_of(MIXED + second))
    assert len(dataset.layers["buildings"]) == 1
    assert dataset.report["sections"][2]["taken_before"] == 1


def test_shifted_coordinates_are_brought_back(tmp_path):
    lonlat = np.array([[121.49, 31.24], [121.50, 31.24], [121.50, 31.25]])
    there = shapely.Polygon(lonlat)
    shifted = shapely.transform(
        there, lambda xy: np.column_stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1]))
    )
    path = tmp_path / "b.geojson"
    gpd.GeoDataFrame({"layer": ["楼"], "id": [1]}, geometry=[shifted], crs=4326).to_file(path)
    text = """
source = "b"
crs = "gcj02"
[[layers]]
layer = "buildings"
[layers.fields]
id = "source_id"
"""
    found = read_mapped(path, mapping_of(text)).layers["buildings"].geometry[0]
    assert shapely.hausdorff_distance(found, there) < 1e-8


def test_a_sheet_is_read_through_a_mapping(tmp_path):
    path = tmp_path / "楼.csv"
    path.write_text(
        '楼名,总户数,lon,lat,备用\n甲,约400,117.3,31.86,x\n乙,"1,200",117.31,31.86,y\n',
        encoding="utf-8",
    )
    text = """
source = "sheet"
crs = "EPSG:4490"
[[layers]]
layer = "pois"
[layers.fields]
"楼名" = "name"
[layers.constants]
category = "building"
"""
    frame_ = read_mapped(path, mapping_of(text)).layers["pois"]
    assert frame_["name"].tolist() == ["甲", "乙"]
    assert set(frame_["category"]) == {"building"}
