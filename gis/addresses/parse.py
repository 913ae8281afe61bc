"""What a description says, part by part, known from the words alone: no gazetteer is asked."""

import itertools
import re
from dataclasses import dataclass
from typing import Literal

from gis.addresses.normalise import SEPARATOR, normalise, road_key, strip_admin

PartsKind = Literal[
    "building",
    "crossing",
    "bus_stop",
    "house_number",
    "quarter",
    "road_landmark",
    "landmark",
    "kilometre",
    "road",
    "other",
]

#: What quarters end on, the generic ones last: they may be left out or put on top by people.
QUARTER_WORDS = (
    "老街坊|安置点|中心城|家属区|宿舍区|生活区|别墅区|回迁房|新村|家园|花园|公寓|公馆|雅苑|佳苑|嘉苑|"
    "名苑|府邸|大院|里弄|宿舍|山庄|国际城|华庭|名邸|华府|小区|花苑|[苑庭邸]|(?<!政)府"
)
_CROSSING_WORD = (
    r"(?:交叉路口|交叉道口|交叉口|交叉处|交汇处|交汇口|交会处|交界处|"
    r"十字路口|丁字路口|三岔路口|交口|交叉|路口|(?<=路)口)"
)
_HAN = "[㐀-鿿]"
#: 路 is part of many words that are no road: 路口, 路段, 路灯, 铁路.
_ROAD = re.compile(
    r"(?![与跟及]|和(?![平谐睦煦顺县])|同(?![安心庆济]))"
    rf"(?:[东南西北]?[一二三四五]环路?|(?:{_HAN}|\d|[A-Z]){{1,7}}?"
    r"(?:大道|大街|(?<!铁)(?<!交叉)(?<!字)路(?![段灯边面政基况牌])|街(?![道区坊])|(?<!里)巷(?![口内子道])"
    r"|国道|省道|县道|乡道|高速(?:公路)?|(?<!行)线(?![路杆缆上])))"
)
#: 和 and 同 also stand in names: 祥和路, 和平路.
_CONNECTOR = re.compile(
    r"(?<=[路道街巷环线段口])(?:[与跟及、]|和(?![平谐睦县])|同(?![安心庆济]))的?|\|"
)
_STOP = re.compile(r"(?:公交(?:车)?站(?:台|牌|点)?|BRT站(?:台)?|公交(?:车)?站台|站台)")
_BUILDING = re.compile(r"(\d+|[A-Z]\d{0,3}|[甲乙丙丁])号楼")
_UNIT = re.compile(r"(\d+)单元")
_SHORT = re.compile(r"(?<![\d-])(\d{1,3})-(\d{1,2})(?:-\d{2,4})?(?![\d-])")
_QUARTER = re.compile(rf"({_HAN}|\d){{1,9}}?(?:{QUARTER_WORDS})")
_HOUSE = re.compile(r"(\d{1,4})(?:-\d+)?号(?![楼线院地店桥门])")
_KILOMETRE = re.compile(r"\d+(?:\.\d+)?(?:KM|公里|千米|K(?=\+|\d|$))", re.ASCII)
_WINDS = "东南|东北|西南|西北|东|南|西|北"
_OFFSET = re.compile(
    rf"(?:[向往朝])?({_WINDS})(?:[侧面边方]|方向)?(?:大?约)?(\d+(?:\.\d+)?)(?:米|M)(?:左右|处|远|外)?"
)
_POSITION = re.compile(
    rf"(?:{_WINDS})(?:大?门|侧|面|边|区|段|口)|大?门口|大门|正门|后门|门前|附近|旁边|斜对面|对面|"
    r"楼下|楼前|楼后|后面|前面|里面|外面|内部|周边|沿线|沿街|中段|路段|[旁内外里处前后]$"
)
_TAIL = re.compile(
    rf"(?:{_POSITION.pattern}|(?:{_WINDS})$|约?\d+(?:\.\d+)?(?:米|M).*$|[处段等]$)+.*$"
)

#: What people say before they name a place.
_SAYING = re.compile(
    r"^.*(?:反映|反应|来电|投诉|举报|咨询|求助|表示|诉求|发现|位于|家住|住在|关于|[称在])"
)
#: What is left of a text and names nothing.
_NO_NAMES = frozenset(
    {"街道", "公路", "路上", "路边", "小区", "小路", "无名路", "水泥路", "公交", "转盘", "工地"}
)
_EAST_NORTH = {"东": (1, 0), "南": (0, -1), "西": (-1, 0), "北": (0, 1)}


@dataclass(frozen=True, slots=True)
class Offset:
    """So many metres from the named place, in a direction of east and north parts."""

    east_m: float
    north_m: float

    @property
    def distance_m(self) -> float:
        """Length of the offset in metres."""
        return float((self.east_m**2 + self.north_m**2) ** 0.5)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one description.

    Parameters
    ----------
    normal
        The text in its one spelling, without the administrative front.
    admin
        Province, city, county, subdistrict, community that stood in front.
    roads
        Keys of the roads that are named, in order, each once.
    crossing
        Keys of the two roads of a crossing, in the order of the alphabet.
    house_number
        Number on the last road before it.
    quarter, building, unit
        Name of the quarter, number of the building, number of the unit.
    bus_stop
        Name of a bus stop without the word for it.
    landmark
        What else is named: a school, a hotel, a petrol station.
    positions
        Words for where it is to the named place: 门口, 对面, 北侧.
    offset
        How far from the named place, if the text says it.
    kilometre
        Whether a kilometre mark of a road is given.
    """

    normal: str
    admin: tuple[str, ...] = ()
    roads: tuple[str, ...] = ()
    crossing: tuple[str, str] | None = None
    house_number: int | None = None
    quarter: str | None = None
    building: str | None = None
    unit: str | None = None
    bus_stop: str | None = None
    landmark: str | None = None
    positions: tuple[str, ...] = ()
    offset: Offset | None = None
    kilometre: bool = False

    @property
    def kind(self) -> PartsKind:
        """What the text describes, by its most exact part."""
        ranked: tuple[tuple[bool, PartsKind], ...] = (
            (self.building is not None and self.quarter is not None, "building"),
            (self.crossing is not None, "crossing"),
            (self.bus_stop is not None, "bus_stop"),
            (self.house_number is not None, "house_number"),
            (self.quarter is not None, "quarter"),
            (self.kilometre, "kilometre"),
            (self.landmark is not None and bool(self.roads), "road_landmark"),
            (self.landmark is not None, "landmark"),
            (bool(self.roads), "road"),
        )
        return next((kind for holds, kind in ranked if holds), "other")


def parse(text: str) -> Parts:
    """Return the parts of a description.

    Parameters
    ----------
    text
        As it came; it is normalised first.

    Examples
    --------
    >>> parse("天水路与万罗山路交叉口").crossing == parse("万罗山路和天水路路口").crossing
    True
    >>> parse("东二环纺织新村门口").quarter
    '纺织新村'
    >>> parse("九章公交车站").bus_stop
    '九章'
    """
    normal, admin = strip_admin(normalise(text))
    spans = _road_spans(normal)
    roads = tuple(dict.fromkeys(road_key(normal[a:b]) for a, b in spans))
    building, unit = building_of(normal)
    rest = normal[_end_of_roads(normal, spans) :].lstrip(SEPARATOR)
    crossing = crossing_of(normal, spans)
    quarter = None if crossing and building is None else _quarter(normal, spans)
    stop = _stop(normal, spans)
    kilometre = bool(_KILOMETRE.search(normal))
    taken = crossing is not None or stop is not None or quarter is not None
    return Parts(
        normal=normal,
        admin=admin,
        roads=roads,
        crossing=crossing,
        house_number=_house(normal, spans),
        quarter=quarter,
        building=building,
        unit=unit,
        bus_stop=stop,
        landmark=None if taken or kilometre else _landmark(rest),
        positions=positions_of(normal),
        offset=offset_of(normal),
        kilometre=kilometre,
    )


def building_of(normal: str) -> tuple[str | None, str | None]:
    """Return the numbers of building and unit in a normal text; 3-2-501 is building 3, unit 2."""
    found = _BUILDING.search(normal)
    unit = _UNIT.search(normal)
    if found:
        return found[1], unit[1] if unit else None
    short = _SHORT.search(normal)
    if short:
        return short[1], short[2]
    return None, None


def positions_of(normal: str) -> tuple[str, ...]:
    """Return the words that say where it is to the named place."""
    return tuple(dict.fromkeys(found[0] for found in _POSITION.finditer(normal)))


def offset_of(normal: str) -> Offset | None:
    """Return how far and which way from the named place, if a text says both."""
    found = _OFFSET.search(normal)
    if not found:
        return None
    winds = [_EAST_NORTH[c] for c in found[1]]
    length = float(found[2]) / len(winds) ** 0.5
    return Offset(length * sum(e for e, _ in winds), length * sum(n for _, n in winds))


def crossing_of(normal: str, spans: list[tuple[int, int]]) -> tuple[str, str] | None:
    """Return the keys of the two roads of a crossing, whichever was said first."""
    word = re.search(_CROSSING_WORD, normal)
    if not word:
        return None
    before = [(a, b) for a, b in spans if b <= word.end()]
    joined = [
        ((a, b), (c, d))
        for (a, b), (c, d) in itertools.pairwise(before)
        if c - b == 0 or _CONNECTOR.fullmatch(normal, b, c)
    ]
    if joined:
        (a, b), (c, d) = joined[-1]
        first, second = road_key(normal[a:b]), road_key(normal[c:d])
        if first != second:
            return (first, second) if first < second else (second, first)
    return None


def _road_spans(normal: str) -> list[tuple[int, int]]:
    """Return where roads are named; a connector never begins a name."""
    spans = []
    start = 0
    for end in [*(found.start() for found in _CONNECTOR.finditer(normal)), len(normal)]:
        spans += [found.span() for found in _ROAD.finditer(normal, start, end)]
        start = end + 1
    return spans


def _end_of_roads(normal: str, spans: list[tuple[int, int]]) -> int:
    """Return where the roads in front of a text end."""
    end = 0
    for a, b in spans:
        if a - end > 1 or (a > end and not _CONNECTOR.fullmatch(normal, end, a)):
            break
        end = b
    return end


def _quarter(normal: str, spans: list[tuple[int, int]]) -> str | None:
    """Return the name of the last quarter: after the last road before it, up to its own word."""
    best = None
    starts = [0, *(b for _, b in spans)]
    for start in starts:
        piece = re.sub(r"^(?:[东南西北中]段)?\|?", "", normal[start:])
        piece = _SAYING.sub("", piece)
        found = _QUARTER.match(piece)
        if found and not _ROAD.search(found[0]):
            longest = found[0]
            more = re.match(rf"(?:{QUARTER_WORDS})+", piece[found.end() :])
            best = longest + (more[0] if more else "")
    return best


def _stop(normal: str, spans: list[tuple[int, int]]) -> str | None:
    word = _STOP.search(normal)
    if not word:
        return None
    start = max([0, *(b for _, b in spans if b < word.start())])
    name = normal[start : word.start()].rsplit(SEPARATOR, maxsplit=1)[-1]
    return name or None


def _house(normal: str, spans: list[tuple[int, int]]) -> int | None:
    for _, end in reversed(spans):
        found = _HOUSE.match(normal[end:])
        if found:
            return int(found[1])
    return None


def _landmark(rest: str) -> str | None:
    name = _TAIL.sub("", rest).split(SEPARATOR)[0].removeprefix("街道")
    named = len(name) >= 2 and not name.isdigit() and name not in _NO_NAMES
    return name if named else None
