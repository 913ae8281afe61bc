"""What incidents and demands are about: how often, when, where, for whom, and what is said.

The texts are about things and places; they name no person.
"""

from dataclasses import dataclass

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
    Theme(
        "parking",
        20,
        "evening",
        _EVERY_DAY,
        "home",
        ("{at}夜间车位不足,车辆停到消防通道", "{at}单元门口被车辆堵住"),
        (("walkup", 4.0), ("courtyard", 2.5), ("tower", 0.5)),
        service="mediation",
    ),
    Theme(
        "parking_lock",
        4,
        "day",
        _EVERY_DAY,
        "home",
        ("{at}公共车位被加装地锁",),
        (("walkup", 3.0), ("resettlement", 2.0)),
        service="property",
    ),
    Theme(
        "roof_leak",
        9,
        "day",
        _WEEKDAY_ONLY,
        "home",
        ("{at}顶层雨后渗水", "{at}屋面防水层开裂漏水"),
        (("courtyard", 5.0), ("walkup", 3.5), ("tower", 0.1), ("midrise", 0.3)),
        service="property",
    ),
    Theme(
        "resettlement_fault",
        4,
        "day",
        _WEEKDAY_ONLY,
        "home",
        ("{at}外墙砖脱落", "{at}地下室积水"),
        (("resettlement", 9.0), ("walkup", 0.1), ("tower", 0.1)),
        service="property",
    ),
    Theme(
        "property_fee",
        7,
        "evening",
        _WEEKEND,
        "home",
        ("{at}物业费收取标准有争议", "{at}公共收益未公示"),
        (("midrise", 3.5), ("tower", 3.5), ("walkup", 0.5), ("village", 0.05)),
        service="mediation",
    ),
    Theme(
        "property_dispute",
        8,
        "evening",
        _WEEKEND,
        "home",
        ("{at}电梯停运超过两天", "{at}物业保洁不到位引起争议"),
        (("tower", 4.0), ("midrise", 3.5), ("courtyard", 0.2)),
        service="mediation",
    ),
    Theme(
        "charging_cable",
        9,
        "night",
        _EVERY_DAY,
        "home",
        ("{at}从窗口拉线给电动车充电", "{at}楼道内电动车充电"),
        (("village", 5.0), ("walkup", 3.0), ("tower", 0.7)),
        service="police",
    ),
    Theme(
        "drinking_water_machine",
        2,
        "day",
        _EVERY_DAY,
        "home",
        ("{at}旁直饮水机无水", "{at}旁直饮水机滤芯过期"),
        service="property",
    ),
    Theme(
        "gas",
        2,
        "evening",
        _EVERY_DAY,
        "home",
        ("{at}楼道有燃气味", "{at}燃气立管锈蚀"),
        (("courtyard", 3.0), ("village", 2.0)),
        service="convenience",
    ),
    Theme(
        "noise",
        9,
        "night",
        _WEEKEND,
        "home",
        ("{at}夜间装修噪声", "{at}附近广场舞音量过大", "{at}附近夜间施工噪声"),
        service="police",
    ),
    Theme(
        "waste",
        8,
        "day",
        _EVERY_DAY,
        "home",
        ("{at}旁垃圾桶满溢", "{at}旁大件垃圾未清运"),
        (("village", 4.0), ("walkup", 1.5)),
        service="convenience",
    ),
    Theme(
        "poultry",
        2,
        "day",
        _EVERY_DAY,
        "home",
        ("{at}后院散养家禽",),
        (("village", 9.0), ("courtyard", 3.0), ("tower", 0.02)),
    ),
    Theme(
        "road_damage",
        6,
        "day",
        _WEEKDAY_ONLY,
        "road",
        ("{at}路面坑洼", "{at}人行道砖松动", "{at}窨井盖异响"),
    ),
    Theme("street_light", 4, "night", _EVERY_DAY, "road", ("{at}路灯不亮", "{at}夜间照明不足")),
    Theme("tree", 3, "day", _WEEKDAY_ONLY, "poi", ("{at}旁树枝遮挡站牌", "{at}旁行道树倾斜")),
    Theme("other", 3, "day", _EVERY_DAY, "poi", ("{at}门口共享单车堆积", "{at}门口流动摊贩占道")),
)
_OLD = (("elderly", 8.0), ("general", 1.0))
_YOUNG = (("child", 8.0), ("general", 1.0))
_RIDER = (("new_employment", 7.0), ("new_resident", 2.0), ("general", 1.0))
DEMAND_THEMES = (
    Theme(
        "canteen",
        20,
        "meals",
        _EVERY_DAY,
        "home",
        ("{at}希望有老年助餐", "{at}希望送餐上门"),
        (("courtyard", 2.5), ("walkup", 2.0)),
        _OLD,
    ),
    Theme(
        "elderly_care",
        14,
        "day",
        _WEEKDAY_ONLY,
        "home",
        ("{at}希望安排日间照料", "{at}希望上门助浴"),
        (("courtyard", 3.0), ("walkup", 2.0)),
        _OLD,
    ),
    Theme(
        "child_care",
        14,
        "evening",
        _WEEKDAY_ONLY,
        "home",
        ("{at}希望放学后有托管", "{at}希望周末有儿童活动"),
        (("tower", 2.0), ("midrise", 2.0)),
        _YOUNG,
    ),
    Theme(
        "health",
        12,
        "day",
        _WEEKDAY_ONLY,
        "home",
        ("{at}希望量血压和送药", "{at}希望家庭医生签约"),
        (),
        _OLD,
    ),
    Theme(
        "affairs",
        12,
        "day",
        _WEEKDAY_ONLY,
        "home",
        ("{at}咨询居住证明办理", "{at}咨询社保认证"),
        (),
        (("general", 4.0), ("new_resident", 3.0), ("elderly", 1.0)),
    ),
    Theme(
        "mediation",
        6,
        "evening",
        _WEEKEND,
        "home",
        ("{at}邻里噪声希望调解", "{at}加装电梯意见不一,希望议事"),
        (("walkup", 2.0),),
    ),
    Theme(
        "rest_stop",
        7,
        "meals",
        _EVERY_DAY,
        "poi",
        ("{at}附近希望有骑手歇脚处", "{at}附近希望有饮水充电点"),
        (),
        _RIDER,
    ),
    Theme(
        "employment",
        4,
        "day",
        _WEEKDAY_ONLY,
        "home",
        ("{at}希望有就业信息", "{at}希望有技能培训"),
        (),
        _RIDER,
    ),
    Theme(
        "property", 5, "evening", _WEEKEND, "home", ("{at}希望检修单元门禁", "{at}希望增设充电桩")
    ),
    Theme(
        "convenience",
        4,
        "day",
        _EVERY_DAY,
        "home",
        ("{at}希望有家电维修", "{at}希望有磨刀理发集市"),
        (),
        _OLD,
    ),
    Theme(
        "volunteering",
        2,
        "evening",
        _WEEKEND,
        "home",
        ("{at}想报名参加志愿巡防",),
        (),
        (("general", 1.0), ("new_employment", 1.0)),
    ),
)
SOURCE_SHARES = (
    ("hotline", 0.42),
    ("app", 0.24),
    ("patrol", 0.16),
    ("visit", 0.14),
    ("camera", 0.02),
    ("other", 0.02),
)
