"""Mapping files: what is written is what is read, and every word of one is checked."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.mapping_file import (
    MappingFile,
    mapping_data,
    parse_mapping,
    read_mapping,
    write_mapping,
)
from gis.ingest.mapping_toml import to_toml
from gis.ingest.source_names import source_of

pytestmark = pytest.mark.unit

EXAMPLES = sorted((Path(__file__).parents[2] / "docs/examples").glob("*.mapping.toml"))

FULL = """
source = "mingguang"
attribution = "明光路街道"
crs = "gcj02"
encoding = "gbk"
header_rows = 2
layer_column = "图层"

[[layers]]
layer = "buildings"
source_layer = "楼栋"
dissolve = "编号"

[layers.where]
"状态" = { not = ["拆除", "在建"] }
"类别" = "*"
geometry = ["Polygon", "MultiPolygon"]

[layers.fields]
"编号" = "source_id"
"楼栋名称" = "name"
"小区" = "quarter"
"用途" = "use"

[layers.texts]
address = { join = ["路", "号"], end = "号" }

[layers.numbers]
floors = { from = "高度", divide = 3.0, round = "up" }

[layers.words.use]
from = "楼栋名称"

[layers.words.use.words]
"公寓" = "residential"

[layers.values.use]
"住宅" = "residential"
"*" = ""

[layers.constants]
households_source = "estimated"

[[layers]]
layer = "roads"
source_layer = "道路"
split = true
crs = "EPSG:4490"

[layers.fields]
"等级" = ["road_class", "name"]

[derive]
name = "明光路街道"
bbox = [117.2, 31.8, 117.4, 31.9]
barriers = true

[derive.households]
known_total = 13600

[derive.communities]
households = 3000

[derive.quarters]
margin_m = 8

[[derive.stations]]
categories = "社区中心"
tier = "community"
services = ["affairs", "canteen"]
opening_hours = "Mo-Fr 08:00-20:00"
"""


def parsed(text: str) -> MappingFile:
    return parse_mapping(tomllib.loads(text), "m.toml")


def test_everything_is_read():
    mapping = parsed(FULL)
    buildings, roads = mapping.layers
    assert mapping.attribution == "明光路街道"
    assert (buildings.crs, roads.crs) == ("gcj02", "EPSG:4490")
    assert buildings.encoding == roads.encoding == "gbk"
    assert buildings.header_rows == 2
    assert buildings.layer_column == "图层"
    assert buildings.geometry_types == ("Polygon", "MultiPolygon")
    assert buildings.where["状态"].negated
    assert buildings.where["类别"].values == ()
    assert buildings.numbers["floors"].divide == 3.0
    assert roads.fields["等级"] == ("road_class", "name")
    assert buildings.targets.count("use") == 1
    assert mapping.derive is not None
    assert mapping.derive.households is not None
    assert mapping.derive.households.known_total == 13_600
    assert mapping.derive.stations[0].categories == ("社区中心",)


def test_what_is_written_is_what_is_read(tmp_path):
    mapping = parsed(FULL)
    write_mapping(mapping, tmp_path / "m.toml")
    assert read_mapping(tmp_path / "m.toml") == mapping
    assert parse_mapping(mapping_data(mapping), "stored") == mapping


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_can_be_read_and_written_again(path, tmp_path):
    mapping = read_mapping(path)
    write_mapping(mapping, tmp_path / "again.toml")
    assert read_mapping(tmp_path / "again.toml") == mapping


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize(
    ("find", "put", "key", "said"),
    [
        ('source = "mingguang"\n', "", "source", "is missing"),
        ('source = "mingguang"', 'source = "2024 !"', "source", "letters"),
        ('source = "mingguang"', "source = 3", "source", "text"),
        ("header_rows = 2", "header_rows = true", "header_rows", "whole number"),
        ("header_rows = 2", "headerrows = 2", "headerrows", "not known here"),
        ('layer = "buildings"', 'layer = "houses"', "layers[1].layer", "buildings"),
        ('dissolve = "编号"', 'disolve = "编号"', "layers[1].disolve", "dissolve"),
        ('"小区" = "quarter"', '"小区" = "estate"', "layers[1].fields", "'estate'"),
        ('"小区" = "quarter"', '"小区" = "name"', "layers[1].fields", "twice"),
        ('"小区" = "quarter"', '"联系人" = "quarter"', "layers[1].fields", "联系人"),
        ('"住宅" = "residential"', '"住宅" = "home"', "layers[1].use", "residential"),
        ('"公寓" = "residential"', '"公寓" = "flat"', "layers[1].use", "residential"),
        ('= "estimated"', '= "guessed"', "layers[1].households_source", "recorded"),
        ("divide = 3.0", "divide = 0", "layers[1].numbers.floors.divide", "another number"),
        ("divide = 3.0", "div = 3.0", "layers[1].numbers.floors.div", "divide"),
        ('round = "up"', 'round = "away"', "layers[1].numbers.floors.round", "nearest"),
        ("floors = { from", "name2 = { from", "layers[1].fields", "'name2'"),
        ("floors = { from", "valid_from = { from", "layers[1].numbers.valid_from", "no number"),
        ('"Polygon", "Multi', '"Polygons", "Multi', "layers[1].where.geometry", "Polygons"),
        ("{ not = [", "{ nor = [", "layers[1].where.状态.not", "is missing"),
        ('= ["road_class", "name"]', '= "name"', "layers[2].fields", "'road_class'"),
        ('source_layer = "道路"\n', "", "layers[2].source_layer", "图层"),
        ("barriers = true", 'barriers = "yes"', "derive.barriers", "true or false"),
        ("households = 3000", "households = 3", None, "10 to 1,000,000"),
        ("known_total = 13600", "dwelling = 13600", "derive.households.dwelling", "dwelling_m2"),
        ('tier = "community"', 'tier = "village"', None, "quarter"),
        ('"affairs", "canteen"', '"tea"', None, "affairs"),
        ("Mo-Fr 08:00-20:00", "from eight", None, "cannot be read"),
        ("bbox = [117.2, 31.8, 117.4, 31.9]", "bbox = [117.2, 31.8]", "derive.bbox", "west"),
        ("bbox = [117.2, 31.8,", "bbox = [118.2, 31.8,", None, "bbox"),
    ],
)  # fmt: skip
def test_each_fault_is_named(find, put, key, said):
    if find not in FULL:
        pytest.fail(f"the example has no {find!r}")
    with pytest.raises(InvalidInputError) as caught:
        parsed(FULL.replace(find, put, 1))
    error = caught.value
    assert "m.toml" in str(error)
    assert error.context["file"] == "m.toml"
    assert said in str(error)
    if key is not None:
        assert error.context["field"] == key
    assert error.remedy


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataSourceError, match=r"absent\.toml"):
        read_mapping(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("source = ", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"broken\.toml"):
        read_mapping(broken)
    broken.write_bytes("source = '明光'".encode("gbk"))
    with pytest.raises(InvalidInputError, match="UTF-8"):
        read_mapping(broken)


scalars = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
tables = st.recursive(
    st.dictionaries(keys, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=3),
    lambda inner: st.dictionaries(
        keys, st.one_of(scalars, inner, st.lists(inner, min_size=1, max_size=2)), max_size=3
    ),
    max_leaves=6,
)


@settings(max_examples=100)
@given(tables)
@example({"0\n": 0})
def test_plain_values_survive_toml(data):
    assert tomllib.loads(to_toml(data)) == data


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("明光路街道楼栋台账_2024年8月(1).xlsx", "明光路街道楼栋台账"),
        ("明光路街道楼栋台账_2024年9月.xlsx", "明光路街道楼栋台账"),
        ("楼栋 20240805 最新版.csv", "楼栋"),
        ("Buildings-2024-08-05_v2.shp.zip", "buildings"),
        ("２０２４楼栋.csv", "楼栋"),
        ("renovations.csv", "renovations"),
        ("2024.csv", "file"),
    ],
)
def test_source_is_the_name_without_dates(name, source):
    assert source_of(Path(name)) == source
