"""Proposals: which column becomes which field, why, and what is never taken."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from gis.errors import InvalidInputError
from gis.frames import BUILDINGS, COMMUNITIES, POIS, QUARTERS, ROADS, STATIONS
from gis.geometry.source_crs import SourceCrs
from gis.ingest.helpers import HELPERS
from gis.ingest.mapping_file import CONTRACTS, read_mapping, write_mapping
from gis.ingest.personal_columns import personal_by_name, personal_by_values
from gis.ingest.proposal_fit import spellings
from gis.ingest.proposal_try import refused_values
from gis.ingest.proposals import Proposal, propose
from gis.ingest.rows import RowBatch, SourceFacts

pytestmark = pytest.mark.unit

LAYERS = (BUILDINGS, COMMUNITIES, QUARTERS, ROADS, STATIONS, POIS)
SHAPES = {
    "area": lambda i: shapely.box(i, 0, i + 1, 1),
    "line": lambda i: shapely.LineString([(i, 0), (i, 1)]),
    "point": lambda i: shapely.Point(i, 0),
}


def proposed(
    name: str, columns: dict[str, list], shape: str | None = "area", contracts=LAYERS
) -> Proposal:
    frame = pd.DataFrame({key: pd.Series(own, dtype=object) for key, own in columns.items()})
    geometry = None
    if shape is not None:
        geometry = np.array([SHAPES[shape](i) for i in range(len(frame))], dtype=object)
    crs = SourceCrs.parse("gcj02", name)
    facts = SourceFacts(Path(name), "Excel", None, crs, tuple(frame.columns))
    return propose(facts, RowBatch(1, frame, geometry), contracts)


def fields(proposal: Proposal) -> dict[str, str]:
    return {each.column: each.field for each in proposal.columns if each.field}


LEDGER = {
    "序号": [1, 2, 3, 4],
    "楼栋编号": ["B1", "B2", "B3", "B4"],
    "幢号": ["1幢", "2幢", "3幢", "4幢"],
    "小区名称": ["明光苑", "明光苑", "纺织新村", None],
    "总户数": ["约400", "1,200", "36户", 12],
    "常住人口（人）": [900, 2600, 80, 30],
    "人口情况_60岁以上": [100, 400, 20, 6],
    "层数": [6.0, 33.0, 18.0, 3.0],
    "房屋用途": ["住宅", "商住两用", "商业", "住宅"],
    "坐落": ["明光路1号", "明光路3号", "天水路2号", "天水路9号"],
    "户主姓名": ["张三", "李四", "王五", "赵六"],
    "联系电话": ["0551-62345678"] * 4,
    "备注": ["13812345678", "", "下午在家", ""],
    "建成年代": [1998, 2004, 2010, 1985],
}


def test_a_ledger_of_buildings():
    found = proposed("明光路楼栋台账2024.xlsx", LEDGER)
    assert found.layer == "buildings"
    assert found.source == "明光路楼栋台账"
    assert fields(found) == {
        "楼栋编号": "source_id",
        "幢号": "name",
        "小区名称": "quarter",
        "总户数": "households",
        "常住人口（人）": "residents",
        "人口情况_60岁以上": "elderly",
        "层数": "floors",
        "房屋用途": "use",
        "坐落": "address",
    }
    assert found.personal == ("户主姓名", "联系电话", "备注")
    assert found.left == ("序号", "建成年代")
    assert not found.missing
    use = next(each for each in found.columns if each.field == "use")
    assert use.codes == {"住宅": "residential", "商住两用": "mixed", "商业": "commercial"}
    assert all(each.reason for each in found.columns)
    assert all(0.6 <= each.score <= 1 for each in found.columns if each.field)


def test_the_mapping_can_be_saved_and_used_as_it_is(tmp_path):
    found = proposed("楼栋.xlsx", LEDGER)
    write_mapping(found.mapping(), tmp_path / "m.toml")
    mapping = read_mapping(tmp_path / "m.toml")
    assert mapping == found.mapping()
    assert mapping.layers[0].crs == "gcj02"
    columns, _, rows = mapping.layers[0].apply(pd.DataFrame(LEDGER), None, BUILDINGS, "f")
    assert rows.tolist() == [0, 1, 2, 3]
    assert columns["use"].tolist() == ["residential", "mixed", "commercial", "residential"]
    assert not set(found.personal) & set(mapping.layers[0].columns)


def test_it_is_shown_as_a_table_and_as_json():
    found = proposed("楼栋.xlsx", LEDGER)
    table = {row[0]: row for row in found.rows()}
    assert list(table) == list(LEDGER)
    assert table["户主姓名"][1] == "refused"
    assert "住宅 → residential" in table["房屋用途"][3]
    assert table["序号"][1] == "—"
    told = json.loads(json.dumps(found.as_json(), ensure_ascii=False))
    assert told["layer"] == "buildings"
    assert told["refused"] == ["户主姓名", "联系电话", "备注"]
    assert "张三" not in json.dumps(told, ensure_ascii=False)


@pytest.mark.parametrize(
    ("name", "columns", "shape", "layer", "expected"),
    [
        (
            "gis_osm_roads_free_1.shp",
            {"osm_id": ["13812345678"] * 3, "fclass": ["primary", "footway", "service"],
             "name": ["a", "b", None], "bridge": ["T", "F", "F"], "maxspeed": [50, 0, 0]},
            "line",
            "roads",
            {"osm_id": "source_id", "fclass": "road_class", "name": "name", "bridge": "bridge"},
        ),
        (
            "社区边界.geojson",
            {"社区名称": ["惠民社区"], "区划代码": ["350602001001"], "面积": [1.2]},
            "area",
            "communities",
            {"社区名称": "name", "区划代码": "code"},
        ),
        (
            "驿站.csv",
            {"驿站名称": ["甲驿站", "乙站"], "级别": ["社区级", "小区级"], "详细地址": ["x", "y"]},
            "point",
            "stations",
            {"驿站名称": "name", "级别": "tier", "详细地址": "address"},
        ),
        (
            "poi.json",
            {"name": ["学校"], "category": ["school"]},
            "point",
            "pois",
            {"name": "name", "category": "category"},
        ),
        (
            "footprints.gpkg",
            {"Building_Name": ["A"], "HouseHolds": [3], "Storeys": [4],
             "Building_Type": ["Apartments"]},
            "area",
            "buildings",
            {"Building_Name": "name", "HouseHolds": "households", "Storeys": "floors",
             "Building_Type": "use"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)  # fmt: skip
def test_layers_are_told_apart(name, columns, shape, layer, expected):
    found = proposed(name, columns, shape)
    assert found.layer == layer
    assert fields(found) == expected
    assert not found.personal


def test_a_layer_that_is_told_is_believed():
    found = proposed("x.csv", {"name": ["a"]}, "area", (QUARTERS,))
    assert (found.layer, found.layer_score) == ("quarters", 1.0)
    with pytest.raises(InvalidInputError, match="No layer"):
        proposed("x.csv", {"name": ["a"]}, "area", ())


def test_what_a_layer_needs_and_nothing_gives_is_said():
    found = proposed("道路.shp", {"路名": ["明光路"]}, "line", (ROADS,))
    assert found.missing == ("road_class",)


def test_values_tell_a_column_that_its_name_does_not():
    found = proposed(
        "楼.csv", {"楼名": ["a", "b", "c"], "xz": ["住宅", "办公楼", "学校"]}, "area", (BUILDINGS,)
    )
    assert fields(found)["xz"] == "use"


def test_a_name_is_not_believed_against_its_values():
    found = proposed("楼.csv", {"楼名": ["a", "b"], "户数": ["甲", "乙"]}, "area", (BUILDINGS,))
    assert "户数" not in fields(found)


def test_unknown_codes_are_listed_and_not_guessed():
    found = proposed("楼.csv", {"用途": ["住宅", "飞船", "商业"]}, "area", (BUILDINGS,))
    use = next(each for each in found.columns if each.field == "use")
    assert use.unknown_codes == ("飞船",)
    assert "飞船" in found.rows()[0][3]
    assert "飞船" not in found.mapping().layers[0].values["use"]  # noqa: PD011 - a mapping's


def test_names_that_are_nearly_so():
    found = proposed("b.csv", {"househlods": [1], "builidng_name": ["a"]}, "area", (BUILDINGS,))
    assert fields(found) == {"househlods": "households", "builidng_name": "name"}


def test_each_field_is_given_once_and_the_better_name_wins():
    found = proposed("楼.csv", {"名称": ["小区"], "楼栋名称": ["1幢"]}, "area", (BUILDINGS,))
    assert fields(found)["楼栋名称"] == "name"
    assert len(set(fields(found).values())) == len(fields(found))


@pytest.mark.parametrize(
    "name",
    ["姓名", "户主", "业主姓名", "身份证号", "身份证号码", "联系电话", "手机号", "联系人", "负责人",
     "网格长", "微信号", "Phone", "Mobile No.", "contact_name", "ID Card", "E-mail", "电话（座机）",
     "Ｐｈｏｎｅ"],
)  # fmt: skip
def test_columns_of_persons_by_name(name):
    assert personal_by_name(name)


@pytest.mark.parametrize(
    "name",
    ["户数", "业主户数", "户主数", "名称", "小区名称", "楼栋名称", "地址", "网格员人数", "name"],
)
def test_columns_that_are_not(name):
    assert personal_by_name(name) is None


@pytest.mark.parametrize(
    ("values", "called", "looks"),
    [
        (["34010219900307281X", None], None, "an identity number"),
        (["34010219900307281X", None], "source_id", "an identity number"),
        ([13812345678.0], None, "a phone number"),
        ([13812345678.0], "source_id", None),
        (["a@b.cn"], "name", "an e-mail address"),
        (["王小明", "李红", "张伟国", "赵云", "陈一"], None, "persons' names"),
        (["王小明", "李红", "张伟国", "赵云", "陈一"], "name", None),
        (["黄山路", "金寨路", "马鞍山路", "徐家巷", "张村"], None, None),
        ([None, ""], None, None),
        (["13812345678", *["无"] * 99], None, None),
    ],
)
def test_columns_of_persons_by_values(values, called, looks):
    assert personal_by_values(pd.Series(values, dtype=object), called) == looks


def test_persons_are_never_in_any_layers_proposal():
    personal = {"姓名": ["甲"], "手机": ["13812345678"], "证件号码": ["x"], "联系人": ["乙"]}
    for contract in CONTRACTS.values():
        found = proposed("x.csv", {**personal, "名称": ["a"]}, None, (contract,))
        assert found.personal == tuple(personal)
        assert not set(personal) & set(found.mapping().layers[0].columns)


def test_headers_of_several_rows_and_with_units():
    assert spellings("人口情况_60岁以上（人）")[-1] == "60岁以上"
    assert spellings("Building  Name")[0] == "building_name"


VALUES = {"int": 7, "float": 1.5, "bool": True, "date": "2026-03-01", "datetime": "2026-03-01"}


@pytest.mark.parametrize("layer", [name for name in CONTRACTS if name not in HELPERS])
def test_the_names_of_a_layers_own_fields_are_read_as_what_they_say(layer: str):
    contract = CONTRACTS[layer]
    own = [one for one in contract.columns if one.name != "id" and not one.name.endswith("_id")]
    columns = {
        one.name: [one.choices[0] if one.choices else VALUES.get(one.kind, "一")] * 3 for one in own
    }
    found = fields(proposed("x.xlsx", columns, contracts=(contract,)))
    assert found == {one.name: one.name for one in own}


def test_it_is_said_which_values_would_be_refused():
    columns = {
        "户数": [40, "很多", "-3", "无法统计"],
        "楼名": list("abcd"),
        "用途": ["住宅", "住宅", "商业", "鱼塘"],
    }
    proposal = proposed("x.xlsx", columns, contracts=(BUILDINGS,))
    frame = pd.DataFrame({key: pd.Series(own, dtype=object) for key, own in columns.items()})
    told = "\n".join(refused_values(proposal, RowBatch(1, frame), "Asia/Shanghai"))
    assert "households: 2 of 4 rows" in told
    assert "'很多' in row 2" in told
    assert "'-3' in row 3" in told
    assert "'鱼塘' in row 4" in told
    fine = frame.iloc[:1]
    assert refused_values(proposal, RowBatch(1, fine), "Asia/Shanghai") == []
