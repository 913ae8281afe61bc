"""A year of incidents and demands with the rhythm of days and weeks, and hot spots.

Descriptions come from templates about things and places; they name no person.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from gis.samples.shapes import rng_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gis.samples.ground import Ground, Placed, Row

ZONE = ZoneInfo("Asia/Shanghai")
FIRST_DAY, DAYS = date(2025, 11, 1), 365
#: Matters that lie outside every community, so that "no grid" and its reason occur.
OUTSIDE = 6

#: Relative frequency by hour of day, 0 to 23.
RHYTHMS = {
    "day": (1, 1, 0, 0, 0, 1, 2, 5, 9, 11, 11, 9, 6, 6, 8, 9, 9, 8, 6, 5, 4, 3, 2, 1),
    "evening": (2, 1, 1, 0, 0, 1, 3, 7, 4, 3, 3, 3, 3, 3, 3, 4, 6, 10, 14, 15, 12, 9, 6, 4),
    "night": (6, 4, 3, 2, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 2, 2, 2, 3, 5, 8, 12, 15, 14, 10),
    "meals": (0, 0, 0, 0, 0, 0, 1, 4, 7, 12, 15, 12, 6, 3, 4, 8, 12, 9, 4, 2, 1, 0, 0, 0),
}
_WEEKDAY_ONLY, _EVERY_DAY, _WEEKEND = (5, 5, 5, 5, 5, 2, 2), (4,) * 7, (3, 3, 3, 3, 4, 6, 6)


@dataclass(frozen=True, slots=True)
class Theme:
    """A kind of matter: how often, when, where, and what is said.

    Attributes
    ----------
    place
        ``home``, ``road`` or ``poi``: what it refers to.
    heat
        Relative frequency by kind of quarter; 1 where a kind is not named.
    groups
        Relative frequency by served group.
    """

    code: str
    weight: float
    rhythm: str
    week: tuple[int, ...]
    place: str
    texts: tuple[str, ...]
    heat: tuple[tuple[str, float], ...] = ()
    groups: tuple[tuple[str, float], ...] = (("general", 1.0),)
    service: str | None = None


INCIDENT_THEMES = (
    Theme("parking", 20, "evening", _EVERY_DAY, "home", ("{at}夜间车位不足,车辆停到消防通道", "{at}单元门口被车辆堵住"), (("walkup", 4.0), ("courtyard", 2.5), ("tower", 0.5)), service="mediation"),
    Theme("parking_lock", 4, "day", _EVERY_DAY, "home", ("{at}公共车位被加装地锁",), (("walkup", 3.0), ("resettlement", 2.0)), service="property"),
    Theme("roof_leak", 9, "day", _WEEKDAY_ONLY, "home", ("{at}顶层雨后渗水", "{at}屋面防水层开裂漏水"), (("courtyard", 5.0), ("walkup", 3.5), ("tower", 0.1), ("midrise", 0.3)), service="property"),
    Theme("resettlement_fault", 4, "day", _WEEKDAY_ONLY, "home", ("{at}外墙砖脱落", "{at}地下室积水"), (("resettlement", 9.0), ("walkup", 0.1), ("tower", 0.1)), service="property"),
    Theme("property_fee", 7, "evening", _WEEKEND, "home", ("{at}物业费收取标准有争议", "{at}公共收益未公示"), (("midrise", 3.5), ("tower", 3.5), ("walkup", 0.5), ("village", 0.05)), service="mediation"),
    Theme("property_dispute", 8, "evening", _WEEKEND, "home", ("{at}电梯停运超过两天", "{at}物业保洁不到位引起争议"), (("tower", 4.0), ("midrise", 3.5), ("courtyard", 0.2)), service="mediation"),
    Theme("charging_cable", 9, "night", _EVERY_DAY, "home", ("{at}从窗口拉线给电动车充电", "{at}楼道内电动车充电"), (("village", 5.0), ("walkup", 3.0), ("tower", 0.7)), service="police"),
    Theme("drinking_water_machine", 2, "day", _EVERY_DAY, "home", ("{at}旁直饮水机无水", "{at}旁直饮水机滤芯过期"), service="property"),
    Theme("gas", 2, "evening", _EVERY_DAY, "home", ("{at}楼道有燃气味", "{at}燃气立管锈蚀"), (("courtyard", 3.0), ("village", 2.0)), service="convenience"),
    Theme("noise", 9, "night", _WEEKEND, "home", ("{at}夜间装修噪声", "{at}附近广场舞音量过大", "{at}附近夜间施工噪声"), service="police"),
    Theme("waste", 8, "day", _EVERY_DAY, "home", ("{at}旁垃圾桶满溢", "{at}旁大件垃圾未清运"), (("village", 4.0), ("walkup", 1.5)), service="convenience"),
    Theme("poultry", 2, "day", _EVERY_DAY, "home", ("{at}后院散养家禽",), (("village", 9.0), ("courtyard", 3.0), ("tower", 0.02))),
    Theme("road_damage", 6, "day", _WEEKDAY_ONLY, "road", ("{at}路面坑洼", "{at}人行道砖松动", "{at}窨井盖异响")),
    Theme("street_light", 4, "night", _EVERY_DAY, "road", ("{at}路灯不亮", "{at}夜间照明不足")),
    Theme("tree", 3, "day", _WEEKDAY_ONLY, "poi", ("{at}旁树枝遮挡站牌", "{at}旁行道树倾斜")),
    Theme("other", 3, "day", _EVERY_DAY, "poi", ("{at}门口共享单车堆积", "{at}门口流动摊贩占道")),
)  # fmt: skip
_OLD = (("elderly", 8.0), ("general", 1.0))
_YOUNG = (("child", 8.0), ("general", 1.0))
_RIDER = (("new_employment", 7.0), ("new_resident", 2.0), ("general", 1.0))
DEMAND_THEMES = (
    Theme("canteen", 20, "meals", _EVERY_DAY, "home", ("{at}希望有老年助餐", "{at}希望送餐上门"), (("courtyard", 2.5), ("walkup", 2.0)), _OLD),
    Theme("elderly_care", 14, "day", _WEEKDAY_ONLY, "home", ("{at}希望安排日间照料", "{at}希望上门助浴"), (("courtyard", 3.0), ("walkup", 2.0)), _OLD),
    Theme("child_care", 14, "evening", _WEEKDAY_ONLY, "home", ("{at}希望放学后有托管", "{at}希望周末有儿童活动"), (("tower", 2.0), ("midrise", 2.0)), _YOUNG),
    Theme("health", 12, "day", _WEEKDAY_ONLY, "home", ("{at}希望量血压和送药", "{at}希望家庭医生签约"), (), _OLD),
    Theme("affairs", 12, "day", _WEEKDAY_ONLY, "home", ("{at}咨询居住证明办理", "{at}咨询社保认证"), (), (("general", 4.0), ("new_resident", 3.0), ("elderly", 1.0))),
    Theme("mediation", 6, "evening", _WEEKEND, "home", ("{at}邻里噪声希望调解", "{at}加装电梯意见不一,希望议事"), (("walkup", 2.0),)),
    Theme("rest_stop", 7, "meals", _EVERY_DAY, "poi", ("{at}附近希望有骑手歇脚处", "{at}附近希望有饮水充电点"), (), _RIDER),
    Theme("employment", 4, "day", _WEEKDAY_ONLY, "home", ("{at}希望有就业信息", "{at}希望有技能培训"), (), _RIDER),
    Theme("property", 5, "evening", _WEEKEND, "home", ("{at}希望检修单元门禁", "{at}希望增设充电桩")),
    Theme("convenience", 4, "day", _EVERY_DAY, "home", ("{at}希望有家电维修", "{at}希望有磨刀理发集市"), (), _OLD),
    Theme("volunteering", 2, "evening", _WEEKEND, "home", ("{at}想报名参加志愿巡防",), (), (("general", 1.0), ("new_employment", 1.0))),
)  # fmt: skip
SOURCE_SHARES = (("hotline", 0.42), ("app", 0.24), ("patrol", 0.16), ("visit", 0.14), ("camera", 0.02), ("other", 0.02))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """A road or a place that matters refer to, in local metres."""

    id: str
    name: str
    geometry: shapely.Geometry
    weight: float


@dataclass(frozen=True, slots=True)
class Things:
    """What matters refer to beside buildings."""

    roads: "Sequence[Thing]"
    pois: "Sequence[Thing]"


def refer(rows: "Sequence[Row]", ids: "Sequence[str]") -> list[Thing]:
    """Return the named things among ``rows``; ``ids`` are their UUIDs in the same order."""
    out = []
    for row, key in zip(rows, ids, strict=True):
        geometry = row["geometry"]
        if isinstance(geometry, shapely.Geometry) and row["name"]:
            # A longer road has more to complain about; every place counts the same.
            weight = geometry.length if geometry.length > 0 else 1.0
            out.append(Thing(str(key), str(row["name"]), geometry, weight))
    return out


def incident_rows(ground: "Ground", things: "Things", count: int) -> list["Row"]:
    """Return ``count`` incidents of a year; some refer to a building, a road or a place.

    Parameters
    ----------
    ground
        The surveyed plan.
    things
        The roads and points of interest that matters refer to.
    count
        Number of incidents.
    """
    return _Year(ground, things, rng_for(ground.seed, 10)).rows(INCIDENT_THEMES, count, "category")


def demand_rows(ground: "Ground", things: "Things", count: int) -> list["Row"]:
    """Return ``count`` demands of a year, each with its service and whom it serves."""
    return _Year(ground, things, rng_for(ground.seed, 11)).rows(DEMAND_THEMES, count, "service")


class _Year:
    """Draws matters over one year."""

    def __init__(self, ground: "Ground", things: "Things", rng: np.random.Generator) -> None:
        self.ground, self.rng = ground, rng
        self.homes = [b for b in ground.buildings if b.households > 0]
        self.roads, self.pois = things.roads, things.pois
        # A few buildings of each kind draw far more than their share.
        households = np.array([b.households for b in self.homes], dtype=float)
        self.base = households * rng.lognormal(0, 0.9, len(self.homes))

    def rows(self, themes: "Sequence[Theme]", count: int, code: str) -> list["Row"]:
        """Return ``count`` rows, ordered in time; the column ``code`` holds the theme's code."""
        chosen = self.rng.choice(len(themes), size=count, p=_shares([t.weight for t in themes]))
        out: list[Row] = []
        for k, theme in enumerate(themes):
            number = int((chosen == k).sum())
            places = self._places(theme, number)
            times = self._times(theme, number)
            for place, at in zip(places, times, strict=True):
                row = {code: theme.code, "occurred_at": at, "synthetic": True, **place}
                if code == "category":
                    row["service"] = theme.service
                row["served_group"] = self._pick(theme.groups)
                row["source"] = self._pick(SOURCE_SHARES)
                out.append(row)
        out.sort(key=lambda row: (str(row["occurred_at"]), str(row["description"])))
        return self._some_outside(out)

    def _pick(self, options: "Sequence[tuple[str, float]]") -> str:
        names, weights = zip(*options, strict=True)
        return str(names[int(self.rng.choice(len(names), p=_shares(weights)))])

    def _times(self, theme: Theme, number: int) -> list[datetime]:
        weekdays = np.array([(FIRST_DAY + timedelta(days=k)).weekday() for k in range(DAYS)])
        days = self.rng.choice(DAYS, size=number, p=_shares(np.array(theme.week)[weekdays]))
        hours = self.rng.choice(24, size=number, p=_shares(RHYTHMS[theme.rhythm]))
        minutes = self.rng.integers(0, 60, number)
        start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE)
        return [
            start + timedelta(days=int(d), hours=int(h), minutes=int(m))
            for d, h, m in zip(days, hours, minutes, strict=True)
        ]

    def _places(self, theme: Theme, number: int) -> list["Row"]:
        if theme.place == "home":
            heat = dict(theme.heat)
            weights = self.base * np.array([heat.get(b.kind, 1.0) for b in self.homes])
            picks = self.rng.choice(len(self.homes), size=number, p=_shares(weights))
            return [self._at_home(theme, self.homes[int(k)]) for k in picks]
        stock = self.roads if theme.place == "road" else self.pois
        column = "road_id" if theme.place == "road" else "poi_id"
        picks = self.rng.choice(len(stock), size=number, p=_shares([s.weight for s in stock]))
        return [self._at_thing(theme, stock[int(k)], column) for k in picks]

    def _at_home(self, theme: Theme, building: "Placed") -> "Row":
        """Refer to the building in four of five cases; always lie near it."""
        known = self.rng.random() < 0.8
        point = building.door if known else _scatter(building.door, self.rng, 9.0)
        return {
            "building_id": self.ground.building_id(building) if known else None,
            "description": self._say(theme, building.name or building.address),
            "geometry": point,
        }

    def _at_thing(self, theme: Theme, thing: Thing, column: str) -> "Row":
        along = float(self.rng.uniform(0, 1))
        is_line = isinstance(thing.geometry, shapely.LineString)
        point = thing.geometry.interpolate(along, normalized=True) if is_line else thing.geometry
        return {
            column: thing.id,
            "description": self._say(theme, thing.name),
            "geometry": _scatter(point, self.rng, 2.0),
        }

    def _say(self, theme: Theme, place: str) -> str:
        return theme.texts[int(self.rng.integers(len(theme.texts)))].format(at=place)

    def _some_outside(self, rows: list["Row"]) -> list["Row"]:
        """Move a handful just outside the subdistrict, as reports from its edge are."""
        region = self.ground.city.layout.region
        ring = region.buffer(float(self.rng.uniform(160, 220))).exterior
        for k in self.rng.choice(len(rows), size=min(OUTSIDE, len(rows)), replace=False):
            point = ring.interpolate(float(self.rng.uniform(0, 1)), normalized=True)
            links = dict.fromkeys(("building_id", "road_id", "poi_id"))
            rows[int(k)] = {**rows[int(k)], **links, "geometry": point}
        return rows


def _shares(weights: "Sequence[float] | NDArray[np.float64]") -> "NDArray[np.float64]":
    values = np.asarray(weights, dtype=float)
    return np.asarray(values / values.sum())


def _scatter(point: shapely.Geometry, rng: np.random.Generator, spread_m: float) -> shapely.Point:
    x, y = shapely.get_coordinates(point)[0]
    return shapely.Point(x + rng.normal(0, spread_m), y + rng.normal(0, spread_m))
