"""What places are called, where they are, and what they are found by."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from gis.addresses.normalise import bare_key, name_key
from gis.addresses.parse import QUARTER_WORDS

PlaceKind = Literal[
    "building",
    "unit",
    "quarter",
    "road",
    "crossing",
    "poi",
    "bus_stop",
    "house_number",
    "station",
    "community",
]
PLACE_KINDS: tuple[str, ...] = get_args(PlaceKind)
#: Layer of the row that a place of a kind is; a crossing is no row.
LAYER_OF: Mapping[str, str | None] = {
    "building": "buildings",
    "house_number": "buildings",
    "unit": "units",
    "quarter": "quarters",
    "road": "roads",
    "crossing": None,
    "poi": "pois",
    "bus_stop": "pois",
    "station": "stations",
    "community": "communities",
}
_STOP_WORD = re.compile(r"(?:公交(?:车)?站(?:台|牌|点)?|BRT站|站台|车站|站)$")
_GENERIC = re.compile(rf"(?:{QUARTER_WORDS}|[村里])$")


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a text can mean.

    Parameters
    ----------
    kind
        What it is.
    id
        Key of its row; ``None`` for a crossing.
    name
        As people say it.
    lon, lat
        Degrees, EPSG:4326.
    precision_m
        How far from the point its ground reaches: radius of a quarter, half the length of a road.
    community_id
        The community that it lies in, if that is known.
    building_id
        The building, of buildings, units and house numbers.
    roads
        Keys of the named roads near it.
    """

    kind: PlaceKind
    id: str | None
    name: str
    lon: float
    lat: float
    precision_m: float
    community_id: str | None = None
    building_id: str | None = None
    roads: frozenset[str] = frozenset()


Found = tuple[int, ...]
K = TypeVar("K")


@dataclass(frozen=True)
class Gazetteer:
    """Places and the indexes by which they are found; positions refer to ``places``.

    Parameters
    ----------
    places
        Every place.
    names
        By key: quarters, points of interest, bus stops, stations, buildings with names.
    cores
        Quarters by their name without the generic word: 永睦 for 永睦小区; only where it is no
        other quarter's.
    stops
        Bus stops by their name without the word for it.
    roads, areas
        By key: roads; communities.
    crossings
        By the keys of two roads in the order of the alphabet.
    buildings
        By the key of a quarter (or of the name before the number) and the number.
    numbers
        Buildings by number alone.
    units
        By building and number.
    addresses
        Buildings by the key of the road and the house number.
    numbered
        By the key of a road: house numbers in order, each with a building.
    surveyed
        Whether every road near a place is known. A list of places knows some of them, so that
        another road does not speak against a quarter.
    """

    places: tuple[Place, ...]
    names: Mapping[str, Found] = field(default_factory=dict)
    cores: Mapping[str, Found] = field(default_factory=dict)
    stops: Mapping[str, Found] = field(default_factory=dict)
    roads: Mapping[str, Found] = field(default_factory=dict)
    areas: Mapping[str, Found] = field(default_factory=dict)
    crossings: Mapping[tuple[str, str], Found] = field(default_factory=dict)
    buildings: Mapping[tuple[str, str], Found] = field(default_factory=dict)
    numbers: Mapping[str, Found] = field(default_factory=dict)
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    addresses: Mapping[tuple[str, int], Found] = field(default_factory=dict)
    numbered: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    surveyed: bool = True

    @property
    def longest(self) -> int:
        """Characters of the longest name."""
        return max(
            (len(key) for index in (self.names, self.roads, self.areas) for key in index), default=0
        )


def core_of(name: str) -> str:
    """Return the key of a quarter's name without its generic word, if two characters are left.

    Examples
    --------
    >>> core_of("永睦小区"), core_of("云栖府"), core_of("里弄")
    ('永睦', '云栖', '里弄')
    """
    key = bare_key(name)
    core = _GENERIC.sub("", key)
    return core if len(core) >= 2 else key


def stop_base(name: str) -> str:
    """Return the key of a bus stop's name without the word for it.

    Examples
    --------
    >>> stop_base("九章公交车站"), stop_base("九章站"), stop_base("九章")
    ('九章', '九章', '九章')
    """
    key = bare_key(name)
    return _STOP_WORD.sub("", key) or key


class GazetteerBuilder:
    """Collects places and lays out their indexes."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._names: dict[str, list[int]] = {}
        self._quarter_cores: dict[str, list[int]] = {}
        self._stops: dict[str, list[int]] = {}
        self._roads: dict[str, list[int]] = {}
        self._areas: dict[str, list[int]] = {}
        self._crossings: dict[tuple[str, str], list[int]] = {}
        self._buildings: dict[tuple[str, str], list[int]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._units: dict[tuple[str, str], int] = {}
        self._addresses: dict[tuple[str, int], list[int]] = {}

    @property
    def known_names(self) -> "Collection[str]":
        """Keys of the places that are found by name."""
        return self._names

    def add(self, place: Place) -> int:
        """Add a place without a name of its own in an index; return its position."""
        self.places.append(place)
        return len(self.places) - 1

    def add_named(self, place: Place) -> int:
        """Add a place that is found by its name, with and without what it says in brackets."""
        at = self.add(place)
        keys = dict.fromkeys((name_key(place.name), bare_key(place.name)))
        for key in keys:
            if len(key) >= 2:
                self._names.setdefault(key, []).append(at)
        if place.kind == "quarter":
            self._quarter_cores.setdefault(core_of(place.name), []).append(at)
        if place.kind == "bus_stop":
            self._stops.setdefault(stop_base(place.name), []).append(at)
        return at

    def add_road(self, key: str, place: Place) -> int:
        """Add a road."""
        at = self.add(place)
        self._roads.setdefault(key, []).append(at)
        return at

    def add_crossing(self, first: str, second: str, place: Place) -> int:
        """Add a crossing of two roads, by their keys."""
        at = self.add(place)
        self._crossings.setdefault((min(first, second), max(first, second)), []).append(at)
        return at

    def add_area(self, place: Place) -> int:
        """Add a community."""
        at = self.add(place)
        self._areas.setdefault(name_key(place.name), []).append(at)
        return at

    def number_building(self, at: int, heads: "list[str]", number: str) -> None:
        """Let a building be found by a number, alone and after each of the heads."""
        for head in dict.fromkeys(heads):
            self._buildings.setdefault((head, number), []).append(at)
        self._numbers.setdefault(number, []).append(at)

    def add_unit(self, building_id: str, number: str, place: Place) -> None:
        """Add a unit of a building."""
        self._units[building_id, number] = self.add(place)

    def address_building(self, at: int, road: str, number: int) -> None:
        """Let a building be found by a house number on a road."""
        self._addresses.setdefault((road, number), []).append(at)

    def build(self, *, surveyed: bool = True) -> Gazetteer:
        """Return the gazetteer; ``surveyed`` if every road near a place is known."""
        numbered: dict[str, list[tuple[int, int]]] = {}
        for (road, number), found in sorted(self._addresses.items()):
            numbered.setdefault(road, []).append((number, found[0]))
        return Gazetteer(
            places=tuple(self.places),
            names=_frozen(self._names),
            cores={
                k: tuple(v) for k, v in self._quarter_cores.items() if len(set(self._named(v))) == 1
            },
            stops=_frozen(self._stops),
            roads=_frozen(self._roads),
            areas=_frozen(self._areas),
            crossings=_frozen(self._crossings),
            buildings=_frozen(self._buildings),
            numbers=_frozen(self._numbers),
            units=dict(self._units),
            addresses=_frozen(self._addresses),
            numbered={road: tuple(rows) for road, rows in numbered.items()},
            surveyed=surveyed,
        )

    def _named(self, found: "list[int]") -> list[str]:
        return [self.places[i].name for i in found]


def _frozen(index: "dict[K, list[int]]") -> "dict[K, Found]":
    return {key: tuple(dict.fromkeys(found)) for key, found in index.items()}
