"""Months of activities at the sample's stations: a weekly rhythm, much of it after office hours."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gis.samples.shapes import rng_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from gis.samples.ground import Ground, Row

ZONE = ZoneInfo("Asia/Shanghai")
#: Whole months before that of the day on which the sample is drawn; its own month is whole too.
MONTHS_BEFORE = 3


@dataclass(frozen=True, slots=True)
class Course:
    """What takes place week by week: weekdays (Monday 0), hours, whom it is for, who pays."""

    name: str
    room: str
    weekdays: tuple[int, ...]
    begins: time
    minutes: int
    group: str
    places: int | None
    fee_class: str = "public"
    #: Share of the places that are usually taken.
    filled: float = 0.7


_SHARED = (
    Course("居民议事会", "议事厅", (3,), time(19), 90, "general", 40, filled=0.5),
    Course("四点半课堂", "儿童之家", (0, 1, 2, 3, 4), time(16, 30), 120, "child", 30, filled=0.9),
    Course("合唱队", "多功能厅", (1, 4), time(9, 30), 90, "elderly", 35, filled=0.8),
    Course("手机使用课", "活动室", (2,), time(14, 30), 60, "elderly", 20, filled=0.6),
)
_HUB = (
    Course("夜校：摄影", "教室一", (0, 2), time(19), 90, "general", 30, "low_fee", 0.85),
    Course("夜校：烘焙", "厨房", (1, 3), time(19), 120, "general", 16, "low_fee", 0.95),
    Course("瑜伽", "舞蹈室", (1, 3, 5), time(20), 60, "general", 24, "market", 0.8),
    Course("骑手安全课", "会议室", (4,), time(21), 45, "new_employment", 40, filled=0.4),
    Course("亲子阅读", "书屋", (5, 6), time(10), 90, "child", 30, filled=0.9),
    Course("新邻居见面会", "茶室", (6,), time(15), 90, "new_resident", 30, filled=0.45),
    Course("露天电影", "广场", (5,), time(19, 30), 120, "general", None, filled=0.0),
)
_CENTER = (
    Course("政策咨询", "大厅", (0, 2, 4), time(9, 30), 120, "general", 60, filled=0.35),
    Course("健康讲座", "报告厅", (2,), time(15), 90, "elderly", 80, filled=0.7),
    Course("就业指导", "会议室", (1,), time(14), 120, "new_employment", 30, filled=0.3),
    Course("书法班", "书画室", (5,), time(9), 120, "general", 24, "low_fee", 0.75),
)
_OF_TIER = {"hub": _HUB, "center": _CENTER, "community": _SHARED}


def activity_rows(ground: "Ground", stations: "Sequence[Row]", today: date) -> list["Row"]:
    """Return the activities of stations that are open, in order of time.

    They fill the month of the day and the three before it; from the day on they are announced, and
    nobody has been counted.

    Parameters
    ----------
    ground
        The surveyed plan, for its seed and keys.
    stations
        Rows of the stations.
    today
        The day on which the sample is drawn.
    """
    rng = rng_for(ground.seed, 13)
    rows: list[Row] = []
    for station in stations:
        courses = _OF_TIER.get(str(station["tier"]), ())
        if not courses or station.get("status", "open") != "open":
            continue
        if station["tier"] == "community" and float(str(station["floor_area_m2"])) < 300:
            continue  # a canteen has no rooms for courses
        key = ground.tables.id("stations", station["source_id"])
        for course in courses:
            rows += _sessions(course, key, rng, today)
    rows.sort(key=lambda row: (str(row["starts_at"]), str(row["station_id"]), str(row["name"])))
    return rows


def _month_from(day: date, months: int) -> date:
    """Return the first day of the month so many months after that of a day."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _sessions(
    course: Course, station_id: str, rng: "np.random.Generator", today: date
) -> list["Row"]:
    out: list[Row] = []
    first, end = _month_from(today, -MONTHS_BEFORE), _month_from(today, 1)
    for shift in range((end - first).days):
        day = first + timedelta(days=shift)
        # Some are called off.
        if day.weekday() not in course.weekdays or rng.random() < 0.06:
            continue
        begins = datetime.combine(day, course.begins, ZONE)
        came = None
        if day < today:
            usual = 60 if course.places is None else course.places * course.filled
            came = int(min(rng.poisson(usual), course.places or 10_000))
        out.append(
            {
                "station_id": station_id,
                "name": course.name,
                "room": course.room,
                "starts_at": begins,
                "ends_at": begins + timedelta(minutes=course.minutes),
                "served_group": course.group,
                "fee_class": course.fee_class,
                "places": course.places,
                "attendance": came,
                "synthetic": True,
            }
        )
    return out
