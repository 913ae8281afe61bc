"""Descriptions of places: one spelling, and the parts that they are made of."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.addresses import normalise, parse
from gis.addresses.fuzzy import guesses
from gis.addresses.normalise import name_key, road_key, strip_admin
from gis.addresses.parse import Offset
from gis.addresses.sounds import sounds

pytestmark = pytest.mark.unit

#: What the rules are about, so that their borders are met often.
PIECES = st.sampled_from(
    list(
        "一二三十百零号栋幢座楼单元门第路街与和交口（）()#＃ 　-－—.，、|"
        "3３AａB甲公里米K永睦小区東號"
    )
)
PLAIN = st.text(PIECES, max_size=14)
ROADS = (
    "天水路",
    "万罗山路",
    "祥和路",
    "同安路",
    "长江东大街",
    "云杪大道",
    "东二环",
    "槐荫巷",
    "和平路",
)


@settings(max_examples=400)
@given(st.one_of(PLAIN, st.text(max_size=20)))
def test_one_spelling_is_reached_at_once(text: str):
    once = normalise(text)
    assert normalise(once) == once
    assert not re.search(r"\s", once)


@settings(max_examples=100)
@given(PLAIN)
def test_every_text_has_parts(text: str):
    parts = parse(text)
    assert parts.kind
    assert strip_admin(parts.normal)[0] in parts.normal


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("3号楼", "3"),
        ("三号楼", "3"),
        ("３号楼", "3"),
        ("3幢", "3"),
        ("3栋", "3"),
        ("3座", "3"),
        ("3#", "3"),
        ("3＃楼", "3"),
        (" 3 号 楼 ", "3"),
        ("第三栋", "3"),
        ("3號樓", "3"),
        ("十二幢", "12"),
        ("二十栋", "20"),
        ("二十三号楼", "23"),
        ("一百零二号楼", "102"),
        ("A座", "A"),
        ("d4栋", "D4"),
        ("甲座", "甲"),
    ],
)
def test_the_words_for_a_building_are_one(written: str, number: str):
    assert normalise(f"永睦小区{written}") == f"永睦小区{number}号楼"


@pytest.mark.parametrize(
    "name", ["三里庵", "第一人民医院", "四十五中", "三孝口", "五里墩立交桥", "八一路"]
)
def test_numerals_in_names_stay(name: str):
    assert normalise(name) == name


@pytest.mark.parametrize(
    ("text", "building", "unit"),
    [
        ("永睦小区3号楼2单元", "3", "2"),
        ("永睦小区三栋二门", "3", "2"),
        ("永睦小区3幢2单", "3", "2"),
        ("永睦小区3楼2单元", "3", "2"),
        ("永睦小区3-2-501", "3", "2"),
        ("永睦小区3号楼单位", "3", None),
        ("永睦小区3号楼2门口", "3", None),
        ("永睦小区", None, None),
    ],
)
def test_buildings_and_units_are_read(text: str, building: str | None, unit: str | None):
    parts = parse(text)
    assert (parts.building, parts.unit, parts.quarter) == (building, unit, "永睦小区")


@settings(max_examples=50)
@given(
    first=st.sampled_from(ROADS),
    second=st.sampled_from(ROADS),
    joint=st.sampled_from(["与", "和", "跟", "、", ""]),
    word=st.sampled_from(["交叉口", "交口", "交叉路口", "路口", "交汇处", "十字路口"]),
)
def test_the_order_of_the_roads_of_a_crossing_does_not_matter(
    first: str, second: str, joint: str, word: str
):
    if first == second:
        return
    one, other = (parse(f"{a}{joint}{b}{word}南侧") for a, b in ((first, second), (second, first)))
    assert one.crossing == other.crossing
    assert set(one.crossing or ()) == {road_key(first), road_key(second)}
    assert one.kind == "crossing"


@pytest.mark.parametrize(
    ("text", "kind", "part", "value"),
    [
        ("东二环纺织新村门口", "quarter", "quarter", "纺织新村"),
        ("天水路与万罗山路交叉口", "crossing", "crossing", ("万罗山路", "天水路")),
        ("九章公交车站", "bus_stop", "bus_stop", "九章"),
        ("凤阳路旅游汽车站公交站", "bus_stop", "bus_stop", "旅游汽车站"),
        ("合作化北路大润发超市附近", "road_landmark", "landmark", "大润发超市"),
        ("霜序路26号", "house_number", "house_number", 26),
        ("105省道5公里350米", "kilometre", "roads", ("105省道",)),
        ("翡翠路翡翠路与锦绣大道路口", "crossing", "crossing", ("翡翠路", "锦绣大道")),
        ("东流路东二环与皖江路交口", "crossing", "crossing", ("东二环", "皖江路")),
        ("习友路翡翠路口", "crossing", "crossing", ("习友路", "翡翠路")),
        ("萧城路安徽省第二人民医院门口", "road_landmark", "roads", ("萧城路",)),
        ("望江西路", "road", "roads", ("望江西路",)),
        ("", "other", "roads", ()),
    ],
)
def test_descriptions_are_taken_apart(text: str, kind: str, part: str, value: object):
    parts = parse(text)
    assert parts.kind == kind
    assert getattr(parts, part) == value


def test_the_front_of_the_administration_is_taken_off_and_told():
    rest, taken = strip_admin(normalise("安徽省合肥市瑶海区明光路街道渡云社区永睦小区3号楼"))
    assert rest == "永睦小区3号楼"
    assert taken == ("安徽省", "合肥市", "瑶海区", "明光路街道", "渡云社区")


@pytest.mark.parametrize(
    "text", ["永睦小区3号楼", "农贸市场", "渡云社区党群服务站", "315省道", "渡云社区", "市政广场"]
)
def test_what_looks_like_the_administration_stays(text: str):
    assert strip_admin(normalise(text)) == (text, ())


@pytest.mark.parametrize(
    ("text", "east", "north"),
    [
        ("天水路与万罗山路交口向北100米", 0, 100),
        ("交口西侧约100米处", -100, 0),
        ("交口东南侧200米", 141.42, -141.42),
    ],
)
def test_an_offset_has_a_direction_and_a_length(text: str, east: float, north: float):
    offset = parse(text).offset
    assert offset is not None
    assert (offset.east_m, offset.north_m) == pytest.approx((east, north), abs=0.01)
    assert offset.distance_m == pytest.approx(Offset(east, north).distance_m, abs=0.01)


@pytest.mark.parametrize("text", ["交口南侧", "交口100米", "交口"])
def test_half_an_offset_is_none(text: str):
    assert parse(text).offset is None


def test_a_ring_road_has_one_key():
    assert road_key("东二环") == road_key("东二环路")
    assert name_key("明光路街道(合成样例)") == "明光路街道合成样例"


@given(st.text(st.characters(categories=["Lo", "Nd"]), max_size=12))
@settings(max_examples=100)
def test_a_sound_stands_for_each_character(text: str):
    assert len(sounds(text)) == len(text)


def test_similar_names_are_found_best_first_and_sound_counts():
    names = ["永睦小区", "康宁小区", "永安里"]
    [same_sound, other_sound, far] = guesses(["永木小区", "永安小区", "图书馆"], names, cut=60)
    assert (same_sound[0].name, same_sound[0].score) == ("永睦小区", 87.5)
    assert (other_sound[0].name, other_sound[0].score) == ("永睦小区", 75.0)
    assert far == []
    assert guesses(["永木小区"], [], cut=60) == [[]]
