"""One spelling for the many ways in which a place is written.

``normalise`` makes texts comparable: full-width to plain, Chinese numerals before house, building
and unit words to digits, 幢/栋/座/#/号楼 to 号楼, punctuation to one separator. What is written is
never judged here; reading it is the work of :mod:`gis.addresses.parse`.
"""

import re
import unicodedata
from functools import lru_cache

#: Between two words that punctuation keeps apart.
SEPARATOR = "|"

_SIMPLIFIED = str.maketrans(
    "號樓單棟園區東門幾個灣莊廠廣場苑環線橋鄉鎮縣風華龍麗陽學醫層麼對邊側",
    "号楼单栋园区东门几个湾庄厂广场苑环线桥乡镇县风华龙丽阳学医层么对边侧",
)
_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {
    **{c: i for i, c in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    "两": 2,
}
_UNIT = {"十": 10, "拾": 10, "百": 100, "佰": 100}
_NUMERALS = "".join(_DIGIT) + "".join(_UNIT)
#: A numeral counts only before one of these; 三里庵 and 第一人民医院 are names.
_COUNTED = r"(?=号|幢|栋|座|#|楼|单元|单(?!位)|层|室|弄|期|米|公里)"

_DROPPED = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_DASH = re.compile(r"[‐‑‒–—―−~〜－]")
_NUMERAL = re.compile(rf"[{_NUMERALS}]+{_COUNTED}|(?<=[楼幢栋座#])[{_NUMERALS}]+(?=门)")
_LABEL = r"(\d+|(?<![A-Z])[A-Z]\d{0,3}|[甲乙丙丁])"
_BUILDING = re.compile(rf"{_LABEL}[号#]*(?:[幢栋座#]|号楼|楼栋)[号楼幢栋座#]*")
_STAIR = re.compile(r"(\d+)(?:单元|单(?!位))门*")
_DOOR = re.compile(r"(?<=号楼)(\d+)门(?![口面诊头前卫市店])")
_STOREY_OR_BUILDING = re.compile(r"(\d+)楼(?=\d+单元)")
_ORDINAL = re.compile(r"第+(?=\d+(?:号楼|单元|期))")
_OUTSIDE = re.compile(r"[^0-9A-ZÀ-ɏ㐀-鿿\U00020000-\U000323af.\-]+")
_LOOSE = re.compile(r"(?<![0-9A-Z])[.\-]+|[.\-]+(?![0-9A-Z])")


@lru_cache(maxsize=65_536)
def normalise(text: str) -> str:
    """Return the text in its one spelling; doing it twice changes nothing.

    Parameters
    ----------
    text
        A description or a name as it came.

    Returns
    -------
    str
        Letters, digits and Chinese characters; ``|`` where punctuation stood, ``-`` and ``.``
        between digits. No spaces.

    Examples
    --------
    >>> normalise("永睦小区 ３＃楼，二单元")
    '永睦小区3号楼|2单元'
    >>> normalise("永睦小区十二幢") == normalise("永睦小区12栋")
    True
    """
    plain = unicodedata.normalize("NFKC", text).upper().translate(_SIMPLIFIED)
    plain = _DASH.sub("-", _DROPPED.sub("", plain))
    plain = re.sub(r"(?<=\d)\s+(?=\d)", "-", plain)
    plain = re.sub(r"(?<=[A-ZÀ-ɏ])\s+(?=[A-ZÀ-ɏ])", SEPARATOR, plain)
    plain = re.sub(r"\s+", "", plain)
    plain = _NUMERAL.sub(lambda found: str(_value(found[0])), plain)
    plain = _STAIR.sub(r"\1单元", plain)
    plain = _STOREY_OR_BUILDING.sub(r"\1号楼", plain)
    plain = _BUILDING.sub(r"\1号楼", plain)
    plain = _DOOR.sub(r"\1单元", plain)
    plain = _ORDINAL.sub("", plain)
    plain = _OUTSIDE.sub(SEPARATOR, plain)
    plain = _LOOSE.sub(SEPARATOR, plain)
    return re.sub(r"\|+", SEPARATOR, plain).strip(SEPARATOR)


def name_key(name: str) -> str:
    """Return what a name is compared by: its one spelling, written together."""
    return normalise(name).replace(SEPARATOR, "")


def bare_key(name: str) -> str:
    """Return the key of a name without what it says in brackets."""
    plain = unicodedata.normalize("NFKC", name)
    return name_key(re.sub(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】", "", plain))


def road_key(name: str) -> str:
    """Return the key of a road's name; 东二环 and 东二环路 are one road.

    Examples
    --------
    >>> road_key("东二环") == road_key("东二环路")
    True
    """
    key = name_key(name)
    return key[:-1] if key.endswith("环路") else key


def _value(numeral: str) -> int:
    if not any(c in _UNIT for c in numeral):
        return int("".join(str(_DIGIT[c]) for c in numeral))
    total, digit = 0, 0
    for position, character in enumerate(numeral):
        if character in _UNIT:
            total += (digit if position and digit else 1) * _UNIT[character]
            digit = 0
        else:
            digit = _DIGIT[character]
    return total + digit


_HAN = "[㐀-鿿]"
#: A street before a county's name is no part of it: 萧城路安徽省第二人民医院.
_PLAIN = "(?:(?![路街巷])[㐀-鿿])"
#: Levels of the administration, coarse to fine; each may stand once, in this order.
_LEVELS = (
    re.compile(rf"^{_PLAIN}{{2,8}}?(?:省|自治区)(?![道直政立级府])"),
    re.compile(rf"^{_PLAIN}{{2,4}}?(?<![超菜夜门集])市(?![场政民委立直])"),
    re.compile(
        rf"^{_PLAIN}{{1,4}}?(?:(?<![小社东西南北中园校厂片景院库城住宿生])区(?:街道)?(?![间域政委内块])"
        r"|县(?![道城委]))"
    ),
    re.compile(
        rf"^(?:{_HAN}{{2,6}}?街道(?:办事处|办)?|{_PLAIN}{{1,5}}?[镇乡](?:街道)?(?![政医中小卫门]))"
    ),
    re.compile(
        rf"^{_PLAIN}{{2,6}}?(?:社区|居委会)"
        r"(?:居委会)?(?![党卫服长红医门委活文公食大东西南北附旁对]|$)"
    ),
)


def strip_admin(normal: str) -> tuple[str, tuple[str, ...]]:
    """Take province, city, county, subdistrict and community off the front of a normal text.

    Returns
    -------
    tuple
        The rest, and what was taken off, coarse to fine. A text that is nothing but a community
        keeps it.

    Examples
    --------
    >>> strip_admin("合肥市瑶海区明光路街道渡云社区永睦小区3号楼")
    ('永睦小区3号楼', ('合肥市', '瑶海区', '明光路街道', '渡云社区'))
    >>> strip_admin("永睦小区3号楼")
    ('永睦小区3号楼', ())
    """
    taken: list[str] = []
    for level in _LEVELS:
        found = level.match(normal)
        if found and len(found[0]) < len(normal):
            taken.append(found[0])
            normal = normal[found.end() :].lstrip(SEPARATOR)
    return normal, tuple(taken)
