"""The 12345 export: matters come through, persons do not."""

import json
import re
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import InvalidInputError
from gis.frames import INCIDENTS
from gis.frames.hotline import HOTLINE_COLUMNS
from gis.frames.incidents import INCIDENT_CATEGORIES, SERVED_GROUPS
from gis.frames.personal import MASK, NAME_MASK, mask_personal_text, refuse_personal_text
from gis.ingest.hotline import (
    HotlineOrder,
    HotlineRows,
    complainant_token,
    is_hotline_export,
    read_hotline,
)
from gis.ingest.hotline_words import (
    CATEGORY_WORDS,
    GROUP_WORDS,
    category_of,
    mask_rooms,
    place_text,
    served_group_of,
)

pytestmark = pytest.mark.unit

SECRET = b"a key for tests, not for use"
ORDER = HotlineOrder(SECRET)
TOKEN = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


def case(number: int = 1, **changes: str) -> dict[str, str]:
    row = {
        "序号": str(number),
        "办件编号": f"HX2026{number:04d}",
        "办件来源": "12345电话",
        "市级编号": f"S{number}",
        "诉求主题": "停车问题",
        "诉求内容": "市民甲某一来电反映东门新村3栋门口车辆乱停，请联系13900001234处理。",
        "办理单位": "街道城市管理办公室",
        "办理科室": "综合科",
        "诉求人": "甲某一",
        "诉求人电话": "13900001234",
        "处理结果": "丁某九已联系甲某一（139-0000-1234）",
        "事项大类": "城市管理",
        "事项小类": "停车管理",
        "派发时间": "2026-05-06 10:30:00",
        "承诺完成时间": "2026/5/11 10:30",
        "办件状态": "办理中",
        "派单员": "丁某九",
        "预警状态": "正常",
    }
    return row | changes


def write(path: Path, *rows: dict[str, str], encoding: str = "gbk") -> Path:
    pd.DataFrame(list(rows)).to_csv(path, index=False, encoding=encoding)
    return path


def everything(rows: HotlineRows) -> str:
    """Return all that leaves the reader, as one text."""
    faults = [list(fault) for fault in rows.rejects.rows]
    kept = [rows.matters.to_dict("records"), rows.places, faults, dict(rows.report)]
    return json.dumps(kept, ensure_ascii=False, default=str)


# -- What comes through ----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
def test_a_matter_comes_through_without_its_persons(tmp_path: Path, encoding: str):
    rows = read_hotline(write(tmp_path / "h.csv", case(), encoding=encoding), ORDER)
    matter = rows.matters.iloc[0].to_dict()
    assert matter["source_id"] == "HX20260001"
    assert matter["category"] == "parking"
    assert matter["source"] == "hotline"
    assert matter["served_group"] == "general"
    assert matter["occurred_at"] == pd.Timestamp("2026-05-06T02:30:00Z")
    assert matter["description"] == (
        f"市民{NAME_MASK}来电反映东门新村3栋门口车辆乱停，请联系{MASK}处理。"
    )
    assert matter["details"] == {
        "channel": "12345电话",
        "city_number": "S1",
        "subject": "停车问题",
        "unit": "街道城市管理办公室",
        "office": "综合科",
        "result": f"{NAME_MASK}已联系{NAME_MASK}（{MASK}）",
        "major_class": "城市管理",
        "minor_class": "停车管理",
        "status": "办理中",
        "alert": "正常",
        "due_at": "2026-05-11T10:30:00+08:00",
    }
    assert rows.places == ("东门新村3栋门口车辆乱停",)
    told = everything(rows)
    for secret in ("甲某一", "丁某九", "13900001234", "0000-1234"):
        assert secret not in told


def test_the_workbook_gives_what_the_text_gives(tmp_path: Path):
    cases = [case(n) for n in range(1, 4)]
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["12345热线办件表"])
    sheet.append(list(HOTLINE_COLUMNS))
    for one in cases:
        sheet.append(list(one.values()))
    sheet.merge_cells("A1:R1")
    book.save(tmp_path / "h.xlsx")
    text, table = (
        read_hotline(path, ORDER)
        for path in (write(tmp_path / "h.csv", *cases), tmp_path / "h.xlsx")
    )
    pd.testing.assert_frame_equal(text.matters, table.matters)
    assert text.row_numbers.tolist() == [1, 2, 3]
    assert table.row_numbers.tolist() == [3, 4, 5]


def test_matters_conform_to_the_contract_once_they_have_a_place(tmp_path: Path):
    import geopandas as gpd

    rows = read_hotline(write(tmp_path / "h.csv", case(1), case(2, 诉求人电话="")), ORDER)
    frame = gpd.GeoDataFrame(
        rows.matters, geometry=gpd.points_from_xy([117.3, 117.3], [31.8, 31.8]), crs="EPSG:4326"
    )
    placed = INCIDENTS.conform(frame)
    assert placed["source_id"].tolist() == ["HX20260001", "HX20260002"]
    for place, values in rows.rows():
        assert place
        assert values["occurred_at"].utcoffset() is not None
        assert None not in values.values()
        refuse_personal_text(values["description"], "description")


def test_columns_in_any_order_with_blanks_and_further_ones(tmp_path: Path):
    row = case() | {"身份证号": "340102199001011234", "回访备注": "张三说可以"}
    names = sorted(row, reverse=True)
    frame = pd.DataFrame([row])[names].rename(columns=lambda name: f" {name} ")
    assert is_hotline_export(frame.columns)
    frame.to_csv(tmp_path / "h.csv", index=False, encoding="utf-8-sig")
    rows = read_hotline(tmp_path / "h.csv", ORDER)
    assert rows.matters["category"].tolist() == ["parking"]
    assert set(rows.report["columns_not_used"]) == {"身份证号", "回访备注"}
    assert "340102199001011234" not in everything(rows)
    assert "张三" not in everything(rows)


def test_what_is_no_such_export_is_named(tmp_path: Path):
    assert is_hotline_export(HOTLINE_COLUMNS)
    assert not is_hotline_export(["办件编号", "诉求内容", "派发时间"])
    assert not is_hotline_export(["lon", "lat", "category"])
    row = case()
    del row["派发时间"]
    with pytest.raises(InvalidInputError, match="it lacks 派发时间"):
        read_hotline(write(tmp_path / "h.csv", row), ORDER)


# -- Rows that cannot be taken ---------------------------------------------------------------------


def test_bad_rows_are_named_without_repeating_a_person(tmp_path: Path):
    path = write(
        tmp_path / "h.csv",
        case(1),
        case(2, 派发时间="昨天"),
        case(3, 派发时间=""),
        case(4, 办件编号=""),
        case(5, 诉求内容="", 诉求主题="。"),
        case(1),
        case(7),
        encoding="utf-8",
    )
    with path.open("a", encoding="utf-8") as stream:
        stream.write("8,HX20260008,甲某一,13900001234\n")
    rows = read_hotline(path, ORDER)
    assert [(fault[0], fault[1], fault[3]) for fault in sorted(rows.rejects.rows)] == [
        (2, "派发时间", "not_a_time"),
        (3, "派发时间", "missing"),
        (4, "办件编号", "missing"),
        (5, "诉求内容", "missing"),
        (6, "办件编号", "duplicate_id"),
        (8, "", "ragged_row"),
    ]
    assert rows.row_numbers.tolist() == [1, 7]
    assert rows.report["rows"] == 7
    told = everything(rows)
    assert "甲某一" not in told
    assert "13900001234" not in told


def test_a_promise_that_is_no_time_is_left_out_and_said(tmp_path: Path):
    rows = read_hotline(write(tmp_path / "h.csv", case(承诺完成时间="尽快")), ORDER)
    assert "due_at" not in rows.matters["details"][0]
    assert "承诺完成时间: 1 values are no times and are left out" in rows.report["notes"]


def test_an_export_of_nothing(tmp_path: Path):
    path = tmp_path / "h.csv"
    path.write_text(",".join(HOTLINE_COLUMNS) + "\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="has no rows"):
        read_hotline(path, ORDER)


# -- Tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phone",
    [
        "139 0000 1234",
        "139-0000-1234",
        "+8613900001234",
        "0086 13900001234",
        "１３９００００１２３４",
    ],
)
def test_one_number_in_any_writing_is_one_token(phone: str):
    assert complainant_token("甲某一", phone, SECRET) == complainant_token(
        "", "13900001234", SECRET
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(13_000_000_000, 19_999_999_999), st.integers(13_000_000_000, 19_999_999_999))
def test_tokens_fit_the_store_and_tell_numbers_apart(one: int, other: int):
    tokens = [complainant_token("甲某一", str(phone), SECRET) for phone in (one, other)]
    assert (tokens[0] == tokens[1]) == (one == other)
    for token, phone in zip(tokens, (one, other), strict=True):
        assert token is not None
        assert TOKEN.match(token)
        assert not re.match(r"^[0-9-]+$", token)
        assert str(phone) not in token


def test_another_key_gives_another_token():
    other = b"another key that is long enough"
    assert complainant_token("", "13900001234", SECRET) != complainant_token(
        "", "13900001234", other
    )
    with pytest.raises(InvalidInputError, match="fewer than 16 bytes"):
        HotlineOrder(b"short")
    assert "key for tests" not in repr(ORDER)


def test_masked_numbers_count_with_the_whole_name_and_names_alone_never():
    masked = "139****1234"
    assert complainant_token("甲某一", masked, SECRET) == complainant_token(
        "甲某一", masked, SECRET
    )
    assert complainant_token("甲某一", masked, SECRET) != complainant_token(
        "甲某二", masked, SECRET
    )
    for name, phone in [
        ("甲某一", ""),
        ("王女士", masked),
        ("匿名", masked),
        ("", masked),
        ("甲某一", "00000000000"[:3]),
        ("匿名", "00000000000"),
    ]:
        assert complainant_token(name, phone, SECRET) is None


# -- Masking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("来电人：李小明，反映停水", f"来电人：{NAME_MASK}，反映停水"),
        ("姓名:欧阳小明 电话6234567", f"姓名:{NAME_MASK} 电话{MASK}"),
        ("王女士反映楼道堆物", "某女士反映楼道堆物"),
        ("张某某先生称路灯不亮", "某先生称路灯不亮"),
        ("请回复微信号abc_12345", f"请回复微信号{MASK}"),
        ("皖A·12345占用车位", f"{MASK}占用车位"),
        ("邮箱 a.b@example.com", f"邮箱 {MASK}"),
        ("电话１３９００００１２３４。", f"电话{MASK}。"),
        ("0551-62345678多次拨打", f"{MASK}多次拨打"),
        ("2026-05-06 10:30 水压 0.35 MPa，3号楼", "2026-05-06 10:30 水压 0.35 MPa，3号楼"),
        ("工单 20260506000123，网格 340102001001001", "工单 20260506000123，网格 340102001001001"),
        ("该小区女士较多", "该小区女士较多"),
        ("", ""),
    ],
)
def test_what_leads_to_a_person_is_masked_and_the_rest_stays(text: str, masked: str):
    assert mask_personal_text(text) == masked


def test_names_that_are_known_are_masked_wherever_they_stand():
    text = "赵某某某与孙某家因漏水争吵"
    assert mask_personal_text(text, ["赵某某某", "孙", ""]) == f"{NAME_MASK}与孙某家因漏水争吵"


number = st.one_of(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"0[0-9]{2,3}-[0-9]{7,8}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{5}19[0-9]{2}(0[1-9]|1[0-2])1[0-9][0-9]{3}[0-9X]", fullmatch=True),
    st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.cn", fullmatch=True),
)
wide = str.maketrans("0123456789-@", "０１２３４５６７８９－＠")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(number, st.text(max_size=8)), max_size=5), st.booleans())
def test_a_masked_text_is_one_that_the_store_takes(parts: list[str], full: bool):  # noqa: FBT001 - hypothesis
    text = "".join(part.translate(wide) if full else part for part in parts)
    refuse_personal_text(mask_personal_text(text), "description")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("东门新村3栋2单元502室漏水", "东门新村3栋2单元***漏水"),
        ("3号楼1201", "3号楼***"),
        ("5-2-502旁", "5-2-***旁"),
        ("东门新村3栋", "东门新村3栋"),
        ("第102室外环境", "第102室外环境"),
        ("载酒路1203号", "载酒路1203号"),
    ],
)
def test_rooms_are_masked_and_buildings_stay(text: str, masked: str):
    assert mask_rooms(text) == masked


# -- Words -----------------------------------------------------------------------------------------


def test_every_category_and_group_of_the_words_exists():
    assert {code for _, code in CATEGORY_WORDS} <= set(INCIDENT_CATEGORIES)
    assert set(INCIDENT_CATEGORIES) == {code for _, code in CATEGORY_WORDS}
    assert {code for _, code in GROUP_WORDS} <= set(SERVED_GROUPS)


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["停车管理", "城市管理"], "parking"),
        (["", "物业管理", "物业收费标准"], "property_dispute"),
        (["物业收费", "物业管理"], "property_fee"),
        (["自来水管漏水", ""], "other"),
        (["天花板漏水"], "roof_leak"),
        (["社保咨询", "人社"], None),
        ([], None),
    ],
)
def test_the_finer_class_decides(texts: list[str], code: str | None):
    assert category_of(texts) == code


def test_classes_that_are_not_known_are_other_and_listed(tmp_path: Path):
    odd = {"事项大类": "人社", "事项小类": "社保", "诉求主题": "咨询"}
    rows = read_hotline(write(tmp_path / "h.csv", case(1), case(2, **odd), case(3, **odd)), ORDER)
    assert rows.matters["category"].tolist() == ["parking", "other", "other"]
    assert rows.report["classes_not_known"] == {"人社/社保": 2}
    assert rows.report["categories"] == {"other": 2, "parking": 1}


def test_who_is_served():
    assert served_group_of("独居老人需要助餐") == "elderly"
    assert served_group_of("快递员休息处") == "new_employment"
    assert served_group_of("路面坑洼") == "general"


@pytest.mark.parametrize(
    ("subject", "content", "place"),
    [
        ("停车", "市民来电反映东二环纺织新村门口，车辆乱停放", "东二环纺织新村门口"),
        (
            "路灯",
            "多次反映未果，天水路与万罗山路交叉口路灯不亮，请处理",
            "天水路与万罗山路交叉口路灯不亮",
        ),
        ("噪音", "诉求人称家住东门新村3栋，楼下有人跳舞", "东门新村3栋"),
        ("咨询", "地址：九章公交车站旁，井盖破损", "九章公交车站旁"),
        ("栖梧路垃圾未清运", "来电人反映长期无人处理", "栖梧路垃圾未清运"),
        ("咨询", "市民反映社保问题", "社保问题"),
        ("只有主题", "", "只有主题"),
    ],
)
def test_the_text_of_the_place(subject: str, content: str, place: str):
    assert place_text(subject, content) == place


@settings(max_examples=100, deadline=None)
@given(st.text("东门路号反映称，。地址：3 a", max_size=40), st.text("东路。", max_size=5))
def test_a_text_with_a_letter_gives_a_place_with_one(content: str, subject: str):
    place = place_text(subject, content)
    assert len(place) <= 120
    if re.search(r"[^\W_]", content + subject):
        assert place.strip()


# -- A made-up export ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_made_up_export_comes_through_with_its_truth(tmp_path: Path):
    from gis.samples import generate_subdistrict
    from gis.samples.hotline import hotline_export

    layers = generate_subdistrict(households=13_600, seed=104).layers
    sample = hotline_export(layers, 170, np.random.default_rng(5))
    again = hotline_export(layers, 170, np.random.default_rng(5))
    pd.testing.assert_frame_equal(sample.export, again.export)
    assert tuple(sample.export) == HOTLINE_COLUMNS
    assert sample.export["诉求人电话"].str.contains(r"139\D?0000").all()
    sample.export.to_csv(tmp_path / "h.csv", index=False, encoding="gbk")
    rows = read_hotline(tmp_path / "h.csv", ORDER)
    assert not rows.rejects.rows
    assert rows.matters["source_id"].tolist() == sample.truth["办件编号"].tolist()
    assert rows.matters["category"].tolist() == sample.truth["category"].tolist()
    tokens = rows.matters["complainant_token"]
    assert tokens.groupby(sample.truth["person"]).nunique().eq(1).all()
    assert tokens.nunique() == sample.truth["person"].nunique()
    told = everything(rows)
    for name in {*sample.export["诉求人"], *sample.export["派单员"]}:
        assert name not in told
