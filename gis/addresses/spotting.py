"""Which names of the gazetteer stand in a text: the longest ones, from left to right."""

import re
from dataclasses import dataclass
from typing import Literal

from gis.addresses.gazetteer import Found, Gazetteer
from gis.addresses.normalise import SEPARATOR
from gis.addresses.parse import QUARTER_WORDS

SpotRole = Literal["name", "core", "road", "area"]

#: After a core, what shows that a quarter is meant: 永睦3号楼, 永睦小区.
_AFTER_CORE = re.compile(r"小区|\|?(?:\d+|[A-Z]\d{0,3}|[甲乙丙丁])号楼|\|?\d{1,3}-\d{1,2}(?!\d)")
#: What makes another, longer name of a name that it follows.
_LONGER = re.compile(
    rf"(?!小区)(?:{QUARTER_WORDS})|幼儿园|托儿所|[小中]学|学[校院]|大学|医院|门诊|药[房店]|诊所|超市|商[场店城]|便利店|"
    r"[菜农贸]{0,3}市场|大?酒店|宾馆|饭店|餐厅|食堂|网吧|浴[室场]|加油站|图书馆|电影院|公园|广场(?!舞)|大厦|派出所|警务室|"
    r"银行|邮局|快递柜|驿站|工厂|公司|卫生服务|党群服务|居委会|停车场"
)
#: What makes another name of a name that it stands before, at the beginning of what is said.
_QUALIFIER = re.compile(r"(?:^|[|与和])[东南西北新老大小上下前后]$")


@dataclass(frozen=True, slots=True)
class Spot:
    """A name in a text.

    Parameters
    ----------
    start, end
        Where it stands in the normal text.
    key
        The name as it is indexed.
    role
        In which index.
    found
        The places of this name.
    longer
        Whether what stands around it makes it a part of a name that is not known.
    """

    start: int
    end: int
    key: str
    role: SpotRole
    found: Found
    longer: bool = False


def spot(normal: str, gazetteer: Gazetteer, longest: int) -> list[Spot]:
    """Return the names in a normal text, in order; none overlap.

    Parameters
    ----------
    normal
        A text in its one spelling.
    gazetteer
        Where names are known from.
    longest
        Characters of the gazetteer's longest name.
    """
    spots: list[Spot] = []
    at = 0
    while at < len(normal) - 1:
        found = _at(normal, at, gazetteer, longest, spots)
        if found is None:
            at += 1
        else:
            spots.append(found)
            at = found.end
    return spots


def _at(
    normal: str, at: int, gazetteer: Gazetteer, longest: int, before: list[Spot]
) -> Spot | None:
    """Return the longest name that begins at a place of the text."""
    for end in range(min(len(normal), at + longest), at + 1, -1):
        key = normal[at:end]
        if SEPARATOR in key:
            continue
        role, found = _look_up(key, normal[end:], gazetteer)
        if found and (role != "core" or _may_begin(normal, at, before)):
            return Spot(at, end, key, role, found, _is_longer(normal, at, end, role, before))
    return None


def _look_up(key: str, after: str, gazetteer: Gazetteer) -> tuple[SpotRole, Found]:
    """Return the index that knows a name, and the places."""
    if key in gazetteer.names:
        return "name", gazetteer.names[key]
    road = key[:-1] if key.endswith("环路") else key
    if road in gazetteer.roads:
        return "road", gazetteer.roads[road]
    if key in gazetteer.areas:
        return "area", gazetteer.areas[key]
    if key in gazetteer.cores and _AFTER_CORE.match(after):
        return "core", gazetteer.cores[key]
    return "name", ()


def _may_begin(normal: str, at: int, before: list[Spot]) -> bool:
    """Whether a name may begin here: 永睦 in 九师永睦小区 is no name."""
    follows = bool(before) and before[-1].end == at
    return at == 0 or follows or normal[at - 1] in "|路街巷道区镇乡市县与和"


def _is_longer(normal: str, start: int, end: int, role: SpotRole, before: list[Spot]) -> bool:
    if role == "area":
        return False
    follows = bool(before) and before[-1].end == start
    qualified = not follows and bool(_QUALIFIER.search(normal[:start])) and start > 0
    return qualified or (role != "road" and bool(_LONGER.match(normal[end:])))
