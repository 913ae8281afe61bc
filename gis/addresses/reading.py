"""What a text means by the names that are known in it, letter for letter."""

import itertools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gis.addresses.gazetteer import Found, Gazetteer, Place, stop_base
from gis.addresses.normalise import SEPARATOR, normalise, road_key, strip_admin
from gis.addresses.parse import Parts, parse
from gis.addresses.spotting import Spot, spot

if TYPE_CHECKING:
    from collections.abc import Iterable

_LABEL = r"(\d+|[A-Z]\d{0,3}|[甲乙丙丁])号楼"
_BUILDING = re.compile(_LABEL)
_SHORT = re.compile(r"^(?:小区)?\|?(\d{1,3})-(\d{1,2})(?:-\d{2,4})?(?![\d-])")
#: 永睦小区3号: the word for the building left out.
_BARE = re.compile(r"^(?:小区)?\|?(\d{1,3})号(?![楼线院门路地灯]|$)|^(?:小区)?\|?(\d{1,3})号$")
_STOREY = re.compile(r"^(?:小区)?\|?(\d{1,3})楼(?![下上道顶梯面前后])")
_ZONE = re.compile(r"[东南西北中]区|[A-Z]区|\d期|[东南西北中]苑|[东南西北]院")
_HOUSE = re.compile(r"^(\d{1,5})(?:-\d+)?号(?!楼)")
_STOP = re.compile(r"公交(?:车)?站(?:台|牌|点)?|BRT站|公交站台|站台")
CROSSING = re.compile(r"交叉|交汇|交会|交界|交口|路口|十字|丁字|(?<=路)口")
#: A road beyond which this many house numbers are missing says nothing between two of them.
_MAX_NUMBER_GAP = 10
#: Nor do houses that are further apart: the road has turned a corner between them.
_MAX_HOUSE_GAP_M = 60.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text means.

    Parameters
    ----------
    found
        The places that it can mean, best first; one: it means this.
    reason
        Why it is not one place: ``several_places``, ``coarse``, ``building_not_found``,
        ``number_not_found``, ``crossing_not_found``, ``storey_or_building``, ``unknown_name``,
        ``contradiction``, ``no_name``. ``None``: it is one.
    literal
        Whether every name stands in the text as it is in the gazetteer.
    score
        How well the text fits, before any spelling was mended.
    made
        A place that the gazetteer does not hold: between two house numbers.
    roads
        Keys of the roads in the text that are known.
    ignored
        What the text says beyond the place.
    """

    found: Found = ()
    reason: str | None = "no_name"
    literal: bool = True
    score: float = 100.0
    made: Place | None = None
    roads: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def unique(self) -> bool:
        """Whether it is one place."""
        return self.reason is None


@dataclass
class Text:
    """A text under reading: its normal form, parts and spots."""

    raw: str
    normal: str
    parts: Parts
    spots: list[Spot]
    roads: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.roads = tuple(dict.fromkeys(road_key(s.key) for s in self.spots if s.role == "road"))

    def head(self) -> str | None:
        """Return what stands before the number of a building and is no known name."""
        label = _BUILDING.search(self.normal)
        if not label:
            return None
        start = max([0, *(s.end for s in self.spots if s.end <= label.start())])
        before = self.normal[start : label.start()].split(SEPARATOR)[-1]
        return strip_admin(before)[0] or None

    def partner(self) -> str | None:
        """Return what stands beside the only known road of a crossing."""
        word = CROSSING.search(self.normal)
        if not word or len(self.roads) != 1:
            return None
        said = self.normal[: word.end() if word[0] == "口" else word.start()]
        for one in self.spots:
            if one.role == "road":
                said = said.replace(one.key, SEPARATOR, 1)
        said = strip_admin(said.lstrip(SEPARATOR))[0]
        pieces = [p.strip("与和跟同及") for p in said.split(SEPARATOR)]
        return next((p for p in reversed(pieces) if len(p) >= 2), None)

    def named(self) -> list[Spot]:
        """Return the spots of places that are neither roads nor communities."""
        return [s for s in self.spots if s.role in {"name", "core"}]


class Reader:
    """Reads texts with a gazetteer."""

    def __init__(
        self, gazetteer: Gazetteer, *, quarter_coarse_m: float, road_coarse_m: float
    ) -> None:
        self.gazetteer = gazetteer
        self.limits = {"quarter": quarter_coarse_m, "road": road_coarse_m}
        self._longest = gazetteer.longest

    def take(self, raw: str) -> Text:
        """Return a text with its parts and the names in it."""
        normal = normalise(raw)
        return Text(raw, normal, parse(raw), spot(normal, self.gazetteer, self._longest))

    def read(self, text: Text) -> Reading:
        """Return what a text means; the most exact evidence is asked first."""
        for evidence in (
            self._building,
            self._crossing,
            self._house_number,
            self._bus_stop,
            self._named,
            self._area_or_road,
        ):
            reading = evidence(text)
            if reading is not None:
                return replace(reading, roads=text.roads, ignored=self._ignored(text, reading))
        return Reading(roads=text.roads)

    # ---- evidence, the most exact first --------------------------------------------------------

    def _building(self, text: Text) -> Reading | None:
        """Return the building of a quarter and a number, and its unit."""
        label = _BUILDING.search(text.normal)
        for one in reversed(text.named()):
            after = text.normal[one.end :]
            storey = _STOREY.match(after)
            if storey and not label:
                return self._storey(text, one, storey[1])
            number, unit, literal = _number_after(after)
            if number is None and label and label.end() <= one.start:
                number, unit, literal = label[1], None, True
            if number is None:
                continue
            zone = _ZONE.search(after[: after.find(number)])
            if zone or one.longer:
                return Reading(one.found, "building_not_found")
            return self._numbered(text, one, number, unit, literal=literal)
        return self._number_alone(text, label) if label else None

    def _number_alone(self, text: Text, label: re.Match[str]) -> Reading:
        """Return the buildings of a number that stands after no known name."""
        if text.named():
            return Reading(text.named()[-1].found, "building_not_found")
        if text.head():
            return Reading((), "unknown_name")
        found = self.gazetteer.numbers.get(label[1], ())
        return self._only(text, Reading(found, None if found else "no_name"))

    def _numbered(
        self, text: Text, one: Spot, number: str, unit: str | None, *, literal: bool
    ) -> Reading:
        heads = {one.key, *(road_key(self._place(i).name) for i in one.found)}
        heads |= {normalise(self._place(i).name).replace(SEPARATOR, "") for i in one.found}
        index = self.gazetteer.buildings
        found = tuple(dict.fromkeys(i for h in sorted(heads) for i in index.get((h, number), ())))
        if not found:
            return Reading(one.found, "building_not_found")
        literal = literal and one.role == "name"
        reading = self._only(text, Reading(found, None, literal, 100.0 if literal else 95.0))
        if not reading.unique or unit is None:
            return reading
        building = self._place(reading.found[0]).building_id
        at = self.gazetteer.units.get((building or "", unit))
        return reading if at is None else replace(reading, found=(at,))

    def _storey(self, text: Text, one: Spot, number: str) -> Reading:
        """Return both readings of 永睦小区3楼, which is a storey as often as a building."""
        numbered = self._numbered(text, one, number, None, literal=False)
        found = numbered.found if numbered.unique else ()
        return Reading((*found, *one.found), "storey_or_building", literal=False, score=80.0)

    def _crossing(self, text: Text) -> Reading | None:
        if len(text.roads) < 2 or not CROSSING.search(text.normal):
            return None
        pairs = [text.parts.crossing] if text.parts.crossing else []
        ends = _ends(text)
        pairs += [(min(a, b), max(a, b)) for a, b in itertools.pairwise(ends)]
        for pair in dict.fromkeys(pairs):
            found = self.gazetteer.crossings.get(pair)
            if found:
                # Two names agree already; a third road tells apart, and forbids nothing.
                third = [road for road in text.roads if road not in pair]
                roads = third if len(found) > 1 else []
                return self._only(text, Reading(found, None), roads=roads)
        found = tuple(i for road in text.roads for i in self.gazetteer.roads[road])
        return None if text.named() else Reading(found, "crossing_not_found")

    def _house_number(self, text: Text) -> Reading | None:
        for one in reversed([s for s in text.spots if s.role == "road" and not s.longer]):
            label = _HOUSE.match(text.normal[one.end :])
            if not label:
                continue
            road, number = road_key(one.key), int(label[1])
            found = self.gazetteer.addresses.get((road, number))
            if found:
                return self._only(text, Reading(found, None))
            made = self._between(road, number)
            if made is not None:
                return Reading((), None, literal=True, score=90.0, made=made)
            if not text.named():
                return Reading(one.found, "number_not_found")
        return None

    def _between(self, road: str, number: int) -> Place | None:
        """Return a place between the houses with the next lower and higher number on a road."""
        rows = self.gazetteer.numbered.get(road, ())
        same_side = [row for row in rows if row[0] % 2 == number % 2]
        lower = [row for row in same_side if row[0] < number]
        higher = [row for row in same_side if row[0] > number]
        if not lower or not higher:
            return None
        (low, first), (high, second) = lower[-1], higher[0]
        if high - low > _MAX_NUMBER_GAP:
            return None
        one, other = self._place(first), self._place(second)
        if distance_m(one, other) > _MAX_HOUSE_GAP_M:
            return None
        share = (number - low) / (high - low)
        name = (
            f"{self._place(self.gazetteer.roads[road][0]).name}{number}号"
            if road in self.gazetteer.roads
            else f"{road}{number}号"
        )
        return Place(
            "house_number",
            None,
            name,
            one.lon + share * (other.lon - one.lon),
            one.lat + share * (other.lat - one.lat),
            distance_m(one, other) + one.precision_m + other.precision_m,
            one.community_id if one.community_id == other.community_id else None,
        )

    def _bus_stop(self, text: Text) -> Reading | None:
        word = _STOP.search(text.normal)
        if not word:
            return None
        before = text.normal[: word.start()].split(SEPARATOR)[-1]
        bases = [stop_base(before[i:]) for i in range(len(before))]
        for base in dict.fromkeys(bases):
            found = self.gazetteer.stops.get(base)
            if found and len(base) >= 2:
                at = text.normal.find(base)
                inside = [
                    s
                    for s in text.spots
                    if s.role == "road" and s.start < at + len(base) and s.end > at
                ]
                roads = [r for r in text.roads if r not in {road_key(s.key) for s in inside}]
                return self._only(text, Reading(found, None), roads=roads)
        known = text.named() or [s for s in text.spots if s.role == "road"]
        return Reading(known[-1].found, "unknown_name") if known else None

    def _named(self, text: Text) -> Reading | None:
        spots = text.named()
        if not spots:
            return None
        last = spots[-1]
        reading = Reading(
            last.found, None, last.role == "name", 100.0 if last.role == "name" else 92.0
        )
        if last.longer or self._unknown_quarter(text):
            return replace(reading, reason="unknown_name")
        reading = self._only(text, reading)
        if not reading.unique:
            return reading
        place = self._place(reading.found[0])
        for other in spots[:-1]:
            if all(distance_m(self._place(i), place) > self.limits["quarter"] for i in other.found):
                return Reading((*reading.found, *other.found), "several_places")
        return self._not_coarse(reading)

    def _area_or_road(self, text: Text) -> Reading | None:
        roads = [s for s in text.spots if s.role == "road"]
        if roads:
            found = tuple(dict.fromkeys(i for s in roads for i in s.found))
            if len(found) > 1:
                return Reading(found, "several_places")
            parts = text.parts
            unknown = parts.quarter or parts.landmark or parts.bus_stop or roads[-1].longer
            if unknown or CROSSING.search(text.normal) or set(parts.roads) - set(text.roads):
                return Reading(found, "unknown_name")
            return self._not_coarse(Reading(found, None))
        areas = [s for s in text.spots if s.role == "area"]
        return Reading(areas[-1].found, "coarse") if areas else None

    # ---- what narrows or forbids ---------------------------------------------------------------

    def _only(self, text: Text, reading: Reading, roads: "Iterable[str] | None" = None) -> Reading:
        """Choose by the communities and roads that a text names; they must not contradict."""
        found = reading.found
        if not found:
            return reading
        areas = {self._place(i).id for s in text.spots if s.role == "area" for i in s.found}
        if areas:
            found = tuple(i for i in found if self._place(i).community_id in {None, *areas})
        for road in text.roads if roads is None else roads:
            if len(found) > 1 or self._may_contradict(self._place(found[0])):
                found = tuple(i for i in found if road in self._place(i).roads)
            if not found:
                break
        if not found:
            return replace(reading, reason="contradiction")
        if len(found) > 1:
            return replace(reading, found=found, reason="several_places")
        return replace(reading, found=found)

    def _may_contradict(self, place: Place) -> bool:
        """Whether another road speaks against a place: shops of one name stand on many roads."""
        known = self.gazetteer.surveyed or place.kind not in {"quarter", "bus_stop"}
        return known and bool(place.roads)

    def _not_coarse(self, reading: Reading) -> Reading:
        place = self._place(reading.found[0])
        limit = self.limits.get(place.kind)
        return replace(reading, reason="coarse") if limit and place.precision_m > limit else reading

    def _unknown_quarter(self, text: Text) -> bool:
        """Whether the words show a quarter where no known name stands."""
        quarter = text.parts.quarter
        at = -1 if quarter is None else text.normal.find(quarter)
        if quarter is None or at < 0:
            return False
        inside = [s for s in text.spots if s.start < at + len(quarter) and s.end > at]
        known = [s for s in inside if s.role in {"name", "core"}]
        # 九师永睦小区 is not 永睦小区.
        return not known or inside[0].start - at >= 1

    def _ignored(self, text: Text, reading: Reading) -> tuple[str, ...]:
        """Return what the answer does not take into account."""
        said = [*text.parts.admin, *text.parts.positions]
        kinds = {self._place(i).kind for i in reading.found}
        if text.parts.unit and reading.unique and "unit" not in kinds:
            said.append(f"{text.parts.unit}单元")
        return tuple(dict.fromkeys(said))

    def _place(self, at: int) -> Place:
        return self.gazetteer.places[at]


def _number_after(after: str) -> tuple[str | None, str | None, bool]:
    """Return building and unit behind a quarter's name, and whether they are written in full."""
    full = _BUILDING.search(after)
    if full:
        unit = re.match(r"\|?(\d+)(?:单元|-\d{2,4})", after[full.end() :])
        return full[1], unit[1] if unit else None, True
    short = _SHORT.match(after)
    if short:
        return short[1], short[2], False
    bare = _BARE.match(after)
    return ((bare[1] or bare[2]), None, False) if bare else (None, None, False)


def _ends(text: Text) -> list[str]:
    """Return the roads of a text in order, a road said twice in a row once."""
    keys = [road_key(s.key) for s in text.spots if s.role == "road"]
    return [key for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]


def distance_m(one: Place, other: Place) -> float:
    """Return metres on the spheroid between two places."""
    from gis.geometry.crs import geodesic_distance_m

    return float(geodesic_distance_m(one.lon, one.lat, other.lon, other.lat))
