"""Descriptions of places as people write them, with the place that is meant: a labelled set.

The spellings, slips and made-up places are written down here from how such texts look, and know
nothing of how they are read again: :mod:`gis.addresses` is measured against them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.geometry.crs import geodesic_distance_m
from gis.samples.address_words import (
    BUILDING_WORDS,
    CROSSING_WORDS,
    DIGITS,
    FACILITIES,
    FRONTS,
    FULL_WIDTH,
    LONG_TEXTS,
    LOOKS_LIKE,
    MATTERS,
    NEAR,
    NOWHERE,
    QUARTER_WORDS,
    SOUNDS_LIKE,
    UNIT_WORDS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd


@dataclass(frozen=True, slots=True)
class _Target:
    """What a text means: ids of rows that are right, or a place; neither: nobody can know."""

    kind: str | None
    ids: tuple[str, ...] = ()
    lon_lat: tuple[float, float] | None = None


_NOTHING = _Target(None)
_Made = tuple[str, _Target]


def labelled_addresses(
    layers: "Mapping[str, pd.DataFrame]", rng: np.random.Generator, *, each: int = 150
) -> "pd.DataFrame":
    """Return descriptions of places of a sample with what they mean.

    Parameters
    ----------
    layers
        Frames of a sample by contract name, EPSG:4326.
    rng
        Source of every choice.
    each
        Texts of each class.

    Returns
    -------
    pandas.DataFrame
        ``text``; ``label``, the class; ``kind``, ``ids`` (keys of the rows that are right) and
        ``lon``, ``lat`` of what is meant. Where nobody can know the place ``kind`` is ``None``.
    """
    import pandas as pd

    writer = _Writer(layers, rng)
    rows = []
    for label, write in writer.classes().items():
        for _ in range(each):
            text, target = write()
            lon, lat = target.lon_lat or (None, None)
            rows.append((text, label, target.kind, target.ids, lon, lat))
    return pd.DataFrame(rows, columns=["text", "label", "kind", "ids", "lon", "lat"])


@dataclass(frozen=True, slots=True)
class _Home:
    """A numbered building of a quarter."""

    quarter: str
    number: int
    target: _Target
    units: "Mapping[int, str]"
    road: str | None


class _Writer:
    """Writes texts about the places of a sample."""

    def __init__(self, layers: "Mapping[str, pd.DataFrame]", rng: np.random.Generator) -> None:
        self.rng = rng
        self.homes = _homes(layers)
        self.numbers = {(home.quarter, home.number) for home in self.homes}
        self.quarters = dict(zip(layers["quarters"]["name"], layers["quarters"]["id"], strict=True))
        self.houses = _houses(layers["buildings"])
        self.crossings, self.apart = _crossings(layers["roads"])
        pois = layers["pois"]
        once = pois[~pois["name"].duplicated(keep=False)]
        stop = once["category"] == "bus_stop"
        self.stops = _points(once[stop])
        self.pois = _points(once[~stop])
        self.twice = sorted(set(pois.loc[pois["name"].duplicated(), "name"]))
        self.roads = sorted({name for pair in self.apart for name in pair})
        self.communities = [str(name) for name in layers["communities"]["name"]]
        self.known = {*self.quarters, *pois["name"], *layers["stations"]["name"]}

    def classes(self) -> "dict[str, Callable[[], _Made]]":
        """Return what writes a text of each class."""
        return {
            "building": self.building,
            "building and unit": self.unit,
            "building, short": self.short,
            "building, in a sentence": self.sentence,
            "building, in a long text": self.long_text,
            "building, sounds like": self.sounds_like,
            "building, looks like": self.looks_like,
            "building, a character left out": self.left_out,
            "quarter": self.quarter,
            "crossing": self.crossing,
            "crossing, sounds like": self.crossing_sounds_like,
            "house number": self.house,
            "bus stop": self.bus_stop,
            "point of interest": self.poi,
            "no such quarter": self.no_such_quarter,
            "no such building": self.no_such_building,
            "no such crossing": self.no_such_crossing,
            "no such facility": self.no_such_facility,
            "several or coarse": self.several,
        }

    # ---- places that are there -----------------------------------------------------------------

    def building(self) -> _Made:
        home = self._home()
        return f"{home.quarter}{self._numbered(home.number)}", home.target

    def unit(self) -> _Made:
        home = self._home()
        if not home.units:
            return self.unit()
        number = int(self.rng.choice(sorted(home.units)))
        target = _Target("unit", (home.units[number],), home.target.lon_lat)
        if self.rng.random() < 0.2:
            room = 100 * int(self.rng.integers(1, 7)) + int(self.rng.integers(1, 5))
            return f"{home.quarter}{home.number}-{number}-{room}", target
        word = self._one(UNIT_WORDS)
        return f"{home.quarter}{self._numbered(home.number)}{self._digits(number)}{word}", target

    def short(self) -> _Made:
        home = self._home()
        style = int(self.rng.integers(3))
        if style == 0:
            return f"{home.quarter}小区{self._numbered(home.number)}", home.target
        if style == 1:
            return f"{home.quarter}{home.number}号", home.target
        core = home.quarter.removesuffix("小区")
        for word in ("新村", "花园", "家园", "公馆"):
            core = core.removesuffix(word)
        return f"{core}{self._numbered(home.number)}", home.target

    def sentence(self) -> _Made:
        home = self._home()
        comma = self._one(("", "，", ",", " "))
        text = f"{self._one(FRONTS)}{home.quarter}{self._numbered(home.number)}{comma}"
        return text + self._one(MATTERS), home.target

    def long_text(self) -> _Made:
        home = self._home()
        told = {
            "quarter": home.quarter,
            "number": self._numbered(home.number),
            "matter": self._one(MATTERS),
            "road": home.road or "",
        }
        return self._one(LONG_TEXTS).format(**told), home.target

    def left_out(self) -> _Made:
        home = self._home()
        at = int(self.rng.integers(len(home.quarter)))
        name = home.quarter[:at] + home.quarter[at + 1 :]
        return (
            (name + self._numbered(home.number), home.target) if len(name) > 2 else self.left_out()
        )

    def sounds_like(self) -> _Made:
        return self._slipped(SOUNDS_LIKE)

    def looks_like(self) -> _Made:
        return self._slipped(LOOKS_LIKE)

    def quarter(self) -> _Made:
        name = self._one(sorted(self.quarters))
        target = _Target("quarter", (str(self.quarters[name]),))
        return f"{self._one(FRONTS)}{name}{self._one(NEAR)}", target

    def crossing(self) -> _Made:
        first, second, target = self._crossing()
        return self._joined(first, second), target

    def crossing_sounds_like(self) -> _Made:
        first, second, target = self._crossing()
        slip = self._slip(first, SOUNDS_LIKE)
        return (
            (self._joined(slip, second), target) if slip != first else self.crossing_sounds_like()
        )

    def house(self) -> _Made:
        road, number, target = self.houses[int(self.rng.integers(len(self.houses)))]
        return f"{road}{self._digits(number)}号{self._one(NEAR)}", target

    def bus_stop(self) -> _Made:
        name, target = self.stops[int(self.rng.integers(len(self.stops)))]
        return name + self._one(("公交站", "公交车站", "公交站台", "", "公交站牌附近")), target

    def poi(self) -> _Made:
        name, target = self.pois[int(self.rng.integers(len(self.pois)))]
        return f"{self._one(FRONTS)}{name}{self._one(NEAR)}", target

    # ---- places that nobody can know -----------------------------------------------------------

    def no_such_quarter(self) -> _Made:
        if self.rng.random() < 0.5:
            name = self._one(NOWHERE) + self._one(QUARTER_WORDS)
        else:  # one character of another: nobody knows whether it is a slip
            name = self._one(sorted(self.quarters))
            name = self._one("柏雁岚旭晨启") + name[1:]
        if name in self.known:
            return self.no_such_quarter()
        return name + self._numbered(int(self.rng.integers(1, 9))), _NOTHING

    def no_such_building(self) -> _Made:
        home = self._home()
        number = home.number + int(self.rng.integers(20, 90))
        if (home.quarter, number) in self.numbers:
            return self.no_such_building()
        return home.quarter + self._numbered(number), _NOTHING

    def no_such_crossing(self) -> _Made:
        first, second = self.apart[int(self.rng.integers(len(self.apart)))]
        return self._joined(first, second), _NOTHING

    def no_such_facility(self) -> _Made:
        front = self._one(sorted(self.quarters) if self.rng.random() < 0.5 else NOWHERE)
        name = front + self._one(FACILITIES)
        return (
            (name + self._one(NEAR), _NOTHING)
            if name not in self.known
            else self.no_such_facility()
        )

    def several(self) -> _Made:
        near = self._one(NEAR)
        # A small place may have no name twice; a number without its quarter is ambiguous anywhere.
        twice = self._one(self.twice) if self.twice else self._numbered(1)
        texts = (
            self._numbered(int(self.rng.integers(1, 9))) + near,
            twice + near,
            self._one(self.roads) + self._one(("", "附近", "中段")),
            self._one(self.communities),
            f"{self._one(sorted(self.quarters))}{int(self.rng.integers(1, 7))}楼漏水",
        )
        return self._one(texts), _NOTHING

    # ---- how it is written ---------------------------------------------------------------------

    def _one(self, choices: "Sequence[str]") -> str:
        return str(choices[int(self.rng.integers(len(choices)))])

    def _home(self) -> _Home:
        return self.homes[int(self.rng.integers(len(self.homes)))]

    def _digits(self, number: int) -> str:
        style = int(self.rng.integers(4))
        if style == 0:
            return _in_chinese(number)
        return str(number).translate(FULL_WIDTH) if style == 1 else str(number)

    def _numbered(self, number: int) -> str:
        return self._digits(number) + self._one(BUILDING_WORDS)

    def _slip(self, name: str, table: "Mapping[str, str]") -> str:
        """Return a name with one character written as another, or as it is."""
        places = [i for i, c in enumerate(name) if c in table]
        if not places:
            return name
        at = places[int(self.rng.integers(len(places)))]
        return name[:at] + self._one(table[name[at]]) + name[at + 1 :]

    def _slipped(self, table: "Mapping[str, str]") -> _Made:
        home = self._home()
        name = self._slip(home.quarter, table)
        if name == home.quarter or name in self.known:
            return self._slipped(table)
        return name + self._numbered(home.number), home.target

    def _crossing(self) -> "tuple[str, str, _Target]":
        first, second, target = self.crossings[int(self.rng.integers(len(self.crossings)))]
        return (first, second, target) if self.rng.random() < 0.5 else (second, first, target)

    def _joined(self, first: str, second: str) -> str:
        joint = self._one(("与", "和", "与", "跟", "、", ""))
        return f"{self._one(('', '', '合肥市'))}{first}{joint}{second}{self._one(CROSSING_WORDS)}"


def _homes(layers: "Mapping[str, pd.DataFrame]") -> list[_Home]:
    buildings, units = layers["buildings"], layers["units"]
    names = dict(zip(layers["quarters"]["id"], layers["quarters"]["name"], strict=True))
    of: dict[str, dict[int, str]] = {}
    for building, name, key in zip(units["building_id"], units["name"], units["id"], strict=True):
        of.setdefault(building, {})[int(str(name).removesuffix("单元"))] = str(key)
    rows = buildings[buildings["quarter_id"].notna() & buildings["name"].notna()]
    inside = shapely.get_coordinates(shapely.point_on_surface(rows.geometry.to_numpy()))
    homes = []
    for values, (lon, lat) in zip(rows.to_dict("records"), inside, strict=True):
        quarter = str(names[values["quarter_id"]])
        number = int(str(values["name"]).removeprefix(quarter).removesuffix("号楼"))
        target = _Target("building", (str(values["id"]),), (float(lon), float(lat)))
        road = (
            str(values["address"]).rstrip("号").rstrip("0123456789") if values["address"] else None
        )
        homes.append(_Home(quarter, number, target, of.get(values["id"], {}), road))
    return homes


def _houses(buildings: "pd.DataFrame") -> "list[tuple[str, int, _Target]]":
    rows = buildings[buildings["address"].notna()]
    houses = []
    for key, address in zip(rows["id"], rows["address"], strict=True):
        road = str(address).rstrip("号").rstrip("0123456789")
        number = int(str(address).removeprefix(road).removesuffix("号"))
        houses.append((road, number, _Target("house_number", (str(key),))))
    return houses


def _points(rows: "pd.DataFrame") -> "list[tuple[str, _Target]]":
    kinds = np.where(rows["category"] == "bus_stop", "bus_stop", "poi")
    return [
        (str(name), _Target(str(kind), (str(key),)))
        for name, kind, key in zip(rows["name"], kinds, rows["id"], strict=True)
    ]


def _crossings(
    roads: Any,  # noqa: ANN401 - a geo frame
) -> "tuple[list[tuple[str, str, _Target]], list[tuple[str, str]]]":
    """Return pairs of roads that meet in one place, and pairs that stay 100 m apart."""
    named = roads[roads["name"].notna()]
    lines = {
        str(name): shapely.union_all(rows.geometry.to_numpy())
        for name, rows in named.groupby("name", sort=True)
    }
    names = list(lines)
    meet, apart = [], []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            gap = shapely.get_coordinates(shapely.shortest_line(lines[first], lines[second]))
            common = shapely.intersection(lines[first], lines[second])
            if common.geom_type == "Point" and not common.is_empty:
                meet.append((first, second, _Target("crossing", (), _xy(common))))
            elif geodesic_distance_m(*gap[0], *gap[1]) > 100:
                apart.append((first, second))
    return meet, apart


def _xy(point: shapely.geometry.base.BaseGeometry) -> tuple[float, float]:
    lon, lat = shapely.get_coordinates(point)[0]
    return float(lon), float(lat)


def _in_chinese(number: int) -> str:
    """Return a number below 1,000 as it is written in words; 12 is 十二."""
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        text += "十" if tens == 1 and not hundreds else f"{DIGITS[tens]}十"
    elif hundreds and ones:
        text += "零"
    return text + (DIGITS[ones] if ones or number == 0 else "")
