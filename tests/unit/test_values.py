"""Values as offices write them: read where there is one reading, counted, refused where not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.frames import BUILDINGS, INCIDENTS, ROADS
from gis.ingest.numerals import chinese_number, read_number
from gis.ingest.values import (
    Cleaned,
    MendLog,
    clean_dates,
    clean_numbers,
    clean_truth,
    household_sources,
)

pytestmark = pytest.mark.unit

HOUSEHOLDS = BUILDINGS.column("households")
FLOORS = BUILDINGS.column("floors")
VALID_FROM = BUILDINGS.column("valid_from")
OCCURRED_AT = INCIDENTS.column("occurred_at")
DTYPES = ["str", "object"]


def households(*values: object, dtype: str = "object") -> Cleaned:
    return clean_numbers(pd.Series(values, dtype=dtype), HOUSEHOLDS)


def codes(cleaned: Cleaned) -> dict[str, list[int]]:
    return {one.code: np.flatnonzero(one.rows).tolist() for one in cleaned.faults}


def mends(cleaned: Cleaned) -> dict[str, list[int]]:
    return {one.code: np.flatnonzero(one.rows).tolist() for one in cleaned.mends}


# -- Numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("text", "number", "writing"),
    [
        ("约400", 400, "approximate"),
        ("400余户", 400, "approximate"),
        ("近 400 户", 400, "approximate"),
        ("400户左右", 400, "approximate"),
        ("1,200", 1200, "thousands"),
        ("1，200", 1200, "thousands"),
        ("1 200", 1200, "thousands"),
        ("１２０", 120, "full_width"),
        ("120户", 120, "unit_word"),
        ("1.2万户", 12_000, "unit_word"),
        ("三百", 300, "chinese_numeral"),
        ("约三百户", 300, "approximate"),
        ("12.0", 12, ""),
        (" 12 ", 12, ""),
    ],
)
def test_households_are_read_as_they_are_meant(text: str, number: int, writing: str, dtype: str):
    cleaned = households(text, "7", dtype=dtype)
    assert cleaned.data.tolist() == [number, 7]
    assert not cleaned.faults
    assert mends(cleaned) == ({writing: [0]} if writing else {})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-3", "below_minimum"),
        ("－3", "below_minimum"),
        ("12.5", "not_whole"),
        ("300-400", "not_a_number"),
        ("一百二", "not_a_number"),
        ("12,5", "not_a_number"),
        ("2亩", "not_a_number"),
        ("许多", "not_a_number"),
        ("nan", "not_a_number"),
        ("1e400", "not_a_number"),
        ("#REF!", "not_a_number"),
    ],
)
def test_what_has_no_reading_or_several_is_a_fault(text: str, code: str, dtype: str):
    cleaned = households("5", text, dtype=dtype)
    assert codes(cleaned) == {code: [1]}
    assert cleaned.data[0] == 5
    assert np.isnan(cleaned.data[1])
    assert (fault := cleaned.faults[0]).reason
    assert fault.remedy


def test_an_empty_count_is_said_and_never_a_silent_zero():
    cleaned = households("5", "", None, "  ")
    assert cleaned.missing.tolist() == [False, True, True, True]
    assert cleaned.data.isna().tolist() == [False, True, True, True]
    log = MendLog()
    log.add("households", cleaned.mends)
    log.add("households", households(None, "6").mends)
    assert log.notes() == [
        "households: 4 values are empty: 0 stands there, which is not what the file says"
    ]
    no_default = clean_numbers(pd.Series([None, "6"]), FLOORS)
    assert not no_default.mends


def test_mends_of_batches_are_counted_with_an_example():
    log = MendLog()
    for batch in (["约400", "7"], ["约90", "约80"], ["1,200"]):
        log.add("households", households(*batch).mends)
    assert log.notes() == [
        (
            "households: 3 values such as '约400' are approximate and were read as numbers "
            "('约400' as 400)"
        ),
        (
            "households: 1 values such as '1,200' have separators between thousands and were "
            "read as numbers ('1,200' as 1200)"
        ),
    ]


def test_how_a_count_became_known():
    cleaned = households("约400", "12", None)
    assert household_sources(cleaned).tolist() == ["estimated", "recorded", "default"]


@pytest.mark.parametrize("values", [[1, 2, 3], [1.0, np.nan, 3.0], [Decimal(1), 2, None]])
def test_numbers_stay_what_they_are(values: list[object]):
    series = pd.Series(values, index=[7, 8, 9])
    before = series.copy()
    cleaned = clean_numbers(series, HOUSEHOLDS)
    assert cleaned.data.index.tolist() == [7, 8, 9]
    assert cleaned.data.dtype == float
    assert not cleaned.faults
    pd.testing.assert_series_equal(series, before)


def test_true_is_no_number_of_households():
    assert codes(households(True, 1)) == {"not_a_number": [0]}


def test_no_rows_are_no_trouble():
    for dtype in DTYPES:
        empty = pd.Series([], dtype=dtype)
        assert not len(clean_numbers(empty, HOUSEHOLDS).data)
        assert not len(clean_truth(empty, ROADS.column("walkable")).data)
        assert not len(clean_dates(empty, VALID_FROM).data)


def spoken(number: int) -> str:
    """Return a number below a hundred million as Chinese numerals, written independently."""
    digits, units = "零一二三四五六七八九", ["", "十", "百", "千"]
    if number >= 10_000:
        rest = number % 10_000
        gap = "零" if 0 < rest < 1000 else ""
        return spoken(number // 10_000) + "万" + gap + (spoken(rest) if rest else "")
    out, zero = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            out += ("零" if zero and out else "") + digits[digit] + units[place]
        zero = not digit
        if not digit and out and number % 10**place == 0:
            break
    return out or "零"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 99_999_999))
def test_every_chinese_numeral_is_read_as_its_number(number: int):
    assert chinese_number(spoken(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("十五", 15),
        ("二十", 20),
        ("两百", 200),
        ("两千零五", 2005),
        ("一千零五十", 1050),
        ("一二〇", 120),
        ("三亿零二万", 300_020_000),
        ("一百二", None),
        ("一万二", None),
        ("一千五十", None),
        ("一百零零五", None),
        ("百", None),
        ("零五", None),
        ("", None),
        ("户", None),
    ],
)
def test_numerals_that_leave_something_open_are_not_read(text: str, number: int | None):
    assert chinese_number(text) == number


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["{:,}", "{}户", "约{}", "{}.0", "约{:,}余户"]))
def test_a_count_comes_back_from_every_writing(number: int, writing: str):
    read = read_number(writing.format(number))
    assert read is not None
    assert read.value == number


# -- Dates and times -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "text",
    [
        *("2024-08-05", "2024/8/5", "2024/08/05", "2024.08.05", "2024.8.5", "20240805"),
        *(
            "2024年8月5日",
            "2024年08月05日",
            "２０２４年８月５日",
            "45509",
            "45509.0",
            "2024-8-5 10:30",
        ),
    ],
)
def test_one_day_in_many_writings(text: str, dtype: str):
    cleaned = clean_dates(pd.Series([text, "2020-01-31"], dtype=dtype), VALID_FROM)
    days = [stamp.date().isoformat() for stamp in cleaned.data]
    assert days == ["2024-08-05", "2020-01-31"]
    assert not cleaned.faults


@pytest.mark.parametrize(
    "value",
    [45509, 45509.0, 20240805, datetime(2024, 8, 5), datetime(2024, 8, 5).date()],  # noqa: DTZ001
)
def test_cells_that_are_no_text(value: object):
    cleaned = clean_dates(pd.Series([value], dtype=object), VALID_FROM)
    assert cleaned.data[0] == pd.Timestamp("2024-08-05")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("8/5/2024", "ambiguous_date"),
        ("05.08.24", "ambiguous_date"),
        ("2024-13-05", "not_a_time"),
        ("2024/2/30", "not_a_time"),
        ("2024", "not_a_time"),
        ("2024年8月", "not_a_time"),
        ("123", "not_a_time"),
        ("去年", "not_a_time"),
        ("31/31/2020", "ambiguous_date"),
    ],
)
def test_what_is_no_day_or_two_is_a_fault(text: str, code: str):
    for dtype in DTYPES:
        cleaned = clean_dates(pd.Series(["2024-08-05", text], dtype=dtype), VALID_FROM)
        assert codes(cleaned) == {code: [1]}
        assert cleaned.data.isna().tolist() == [False, True]


def test_mended_dates_are_said():
    cleaned = clean_dates(pd.Series(["2024.08.05", "45509", "2024-08-05"]), VALID_FROM)
    log = MendLog()
    log.add("valid_from", cleaned.mends)
    assert log.notes() == [
        "valid_from: 1 values such as '2024.08.05' were read as dates ('2024.08.05' as 2024-08-05)",
        (
            "valid_from: 1 values such as '45509' are a spreadsheet's serial days, counted from "
            "1900, and were read as dates ('45509' as 2024-08-05)"
        ),
    ]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_time_without_a_zone_needs_one_from_the_caller(dtype: str):
    texts = [
        "2024-08-05 10:30:00",
        "2024/8/5 10:30",
        "2024年8月5日 10时30分",
        "2024-08-05T02:30:00Z",
    ]
    series = pd.Series(texts, dtype=dtype)
    assert codes(clean_dates(series, OCCURRED_AT)) == {"no_time_zone": [0, 1, 2]}
    cleaned = clean_dates(series, OCCURRED_AT, timezone="Asia/Shanghai")
    assert not cleaned.faults
    assert cleaned.data.tolist() == [pd.Timestamp("2024-08-05T02:30:00Z")] * 4
    assert mends(cleaned) == {"zone_assumed": [0], "date_format": [1, 2]}


def test_an_hour_that_the_clock_skips_is_a_fault():
    series = pd.Series(["2024-03-31 02:30:00"])
    cleaned = clean_dates(series, OCCURRED_AT, timezone="Europe/Madrid")
    assert codes(cleaned) == {"not_a_time": [0]}


@settings(max_examples=50, deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - given a zone below
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y年%m月%d日 %H时%M分%S秒"]),
)
def test_every_second_comes_back_from_every_writing(moment: datetime, form: str):
    moment = moment.replace(microsecond=0)
    written = moment.strftime(form)
    cleaned = clean_dates(pd.Series([written]), OCCURRED_AT, timezone="Asia/Shanghai")
    expected = moment.replace(tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
    if expected.astimezone(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None) == moment:
        assert cleaned.data[0] == pd.Timestamp(expected)


@settings(max_examples=50, deadline=None)
@given(st.integers(20_000, 79_999), st.integers(0, 86_399))
def test_serial_days_are_those_of_the_spreadsheet(day: int, second: int):
    moment = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(days=day, seconds=second)
    series = pd.Series([day + second / 86_400], dtype=object)
    cleaned = clean_dates(series, OCCURRED_AT, timezone="UTC")
    assert cleaned.data[0] == pd.Timestamp(moment)


# -- Truth -----------------------------------------------------------------------------------------


def test_truth_in_the_words_of_forms():
    values = pd.Series(["是", "否", "有", "无", "√", "TRUE", "0", 1, None, "maybe"], dtype=object)
    cleaned = clean_truth(values, ROADS.column("bridge"))
    assert cleaned.data.tolist() == [
        *(True, False, True, False, True, True, False, True, None, None)
    ]
    assert codes(cleaned) == {"not_true_or_false": [9]}
    assert mends(cleaned) == {"truth_word": [2, 3, 4], "empty": [8]}


# -- Speed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [None, "约400"])
def test_columns_are_not_looked_at_value_by_value(odd: str | None, monkeypatch: pytest.MonkeyPatch):
    """Plain numbers are converted at once; else each distinct value is read once."""
    seen: list[str] = []
    monkeypatch.setattr(
        "gis.ingest.values.read_number", lambda text: seen.append(text) or read_number(text)
    )
    texts = [str(n % 300) for n in range(10_000)] + ([odd] if odd else [])
    cleaned = clean_numbers(pd.Series(texts, dtype="str"), HOUSEHOLDS)
    assert cleaned.data[:300].tolist() == list(range(300))
    assert len(seen) == (301 if odd else 0)
