"""A made-up export of a 12345 hotline about the places of a sample, with what each row means.

Persons in it are made up so that nobody can take them for real: the numbers begin with 1390000,
which no operator gives out one by one, and the names are of the kind that forms are tried with.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gis.frames.hotline import HOTLINE_COLUMNS
from gis.samples.addresses import labelled_addresses
from gis.samples.names import DEPARTMENTS
from gis.samples.themes import INCIDENT_THEMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pandas as pd

    from gis.samples.themes import Theme

_ZONE = ZoneInfo("Asia/Shanghai")
_FIRST = datetime(2025, 11, 1, 8, tzinfo=_ZONE)
_DAYS = 365
#: How an export names what the sample's categories are about.
CLASSES: "Mapping[str, tuple[str, str]]" = {
    "parking": ("城市管理", "停车管理"),
    "parking_lock": ("城市管理", "私装地锁"),
    "poultry": ("市容环境", "饲养家禽"),
    "roof_leak": ("住房建设", "房屋漏水"),
    "resettlement_fault": ("住房建设", "安置房质量"),
    "property_fee": ("物业管理", "物业收费"),
    "property_dispute": ("物业管理", "物业服务"),
    "charging_cable": ("公共安全", "飞线充电"),
    "drinking_water_machine": ("公用事业", "直饮水机"),
    "road_damage": ("市政设施", "路面破损"),
    "tree": ("园林绿化", "树木修剪"),
    "gas": ("公用事业", "燃气安全"),
    "noise": ("生态环境", "噪声扰民"),
    "waste": ("市容环境", "垃圾清运"),
    "street_light": ("市政设施", "路灯不亮"),
    "other": ("其他", "其他诉求"),
}
_OPENINGS = (
    "市民来电反映",
    "来电人反映",
    "市民反映：",
    "居民投诉，",
    "诉求人表示家住",
    "网民留言：",
)
_CLOSINGS = ("，请尽快处理。", "，影响居民生活，希望协调解决。", "，多次反映未果。", "。")
#: Surnames and given names of forms that are filled in to try them.
_SURNAMES, _GIVEN = "甲乙丙丁", ("某一", "某二", "某三", "某四", "某五")
_CHANNELS = ("12345电话", "市长信箱", "小程序", "网站")
_STATES = (("已办结", 0.7), ("办理中", 0.2), ("已派发", 0.1))


@dataclass(frozen=True, slots=True)
class HotlineSample:
    """A made-up export, and the truth about it.

    Parameters
    ----------
    export
        The 18 columns, all text, one row for each matter.
    truth
        By the same index: ``办件编号``; ``place``, the text of the place as it stands in the row;
        ``label``, its class; ``kind``, ``ids`` and ``lon``, ``lat`` of what is meant, as in
        :func:`gis.samples.addresses.labelled_addresses`; ``category`` and ``person``, the same
        number for the same made-up person.
    """

    export: "pd.DataFrame"
    truth: "pd.DataFrame"


def hotline_export(
    layers: "Mapping[str, pd.DataFrame]", count: int, rng: "np.random.Generator"
) -> HotlineSample:
    """Return an export of about a sample's places, in varied spellings.

    Parameters
    ----------
    layers
        Frames of a sample by contract name, EPSG:4326.
    count
        Number of matters; an eleventh of them are of people who called before.
    rng
        Source of every choice.
    """
    import pandas as pd

    places = labelled_addresses(layers, rng, each=-(-count // 17))
    places = places.iloc[rng.permutation(len(places))[:count]].reset_index(drop=True)
    homes = [theme for theme in INCIDENT_THEMES if theme.place == "home"]
    rows: list[dict[str, str]] = []
    truths: list[dict[str, Any]] = []
    people = max(1, count * 10 // 11)
    times = sorted(rng.integers(0, _DAYS * 24 * 60, len(places)).tolist())
    for number, (place, minutes) in enumerate(zip(places["text"], times, strict=True), start=1):
        theme = homes[int(rng.integers(len(homes)))]
        person = int(rng.integers(people))
        when = _FIRST + timedelta(minutes=minutes)
        row = _row(number, str(place), theme, when, rng)
        row |= _person(person, rng)
        rows.append(row)
        truths.append({"办件编号": row["办件编号"], "category": theme.code, "person": person})
    export = pd.DataFrame(rows, columns=list(HOTLINE_COLUMNS), dtype=object)
    truth = pd.concat([pd.DataFrame(truths), places.rename(columns={"text": "place"})], axis=1)
    return HotlineSample(export, truth)


def _row(
    number: int, place: str, theme: "Theme", when: datetime, rng: "np.random.Generator"
) -> dict[str, str]:
    trouble = _one(theme.texts, rng).format(at="")
    major, minor = CLASSES[theme.code]
    unit = _one(DEPARTMENTS, rng)
    state = _one([name for name, _ in _STATES], rng, [share for _, share in _STATES])
    due = when + timedelta(days=5)
    return {
        "序号": str(number),
        "办件编号": f"HX{when:%Y%m%d}{number:06d}",
        "办件来源": _one(_CHANNELS, rng),
        "市级编号": f"S{when:%y%m%d}{number:05d}",
        "诉求主题": f"{minor}问题",
        "诉求内容": f"{_one(_OPENINGS, rng)}{place}{trouble}{_one(_CLOSINGS, rng)}",
        "办理单位": unit,
        "办理科室": "综合科",
        "处理结果": "已联系诉求人并处理" if state == "已办结" else "",
        "事项大类": major,
        "事项小类": minor,
        "派发时间": _one((f"{when:%Y-%m-%d %H:%M:%S}", f"{when:%Y/%m/%d %H:%M}"), rng),
        "承诺完成时间": f"{due:%Y-%m-%d %H:%M:%S}",
        "办件状态": state,
        "派单员": "丁某九",
        "预警状态": _one(("正常", "临期", "超期"), rng, (0.8, 0.15, 0.05)),
    }


def _person(person: int, rng: "np.random.Generator") -> dict[str, str]:
    """Return a made-up name and number, the number in one of the writings that occur."""
    given = _GIVEN[person // len(_SURNAMES) % len(_GIVEN)]
    phone = f"1390000{person % 10_000:04d}"
    writings = (
        phone,
        f"{phone[:3]} {phone[3:7]} {phone[7:]}",
        f"+86{phone}",
        f"{phone[:3]}-{phone[3:7]}-{phone[7:]}",
    )
    return {
        "诉求人": _SURNAMES[person % len(_SURNAMES)] + given,
        "诉求人电话": _one(writings, rng, (0.85, 0.05, 0.05, 0.05)),
    }


def _one(
    options: "Sequence[str]",
    rng: "np.random.Generator",
    shares: "Sequence[float] | None" = None,
) -> str:
    return str(options[int(rng.choice(len(options), p=shares))])
