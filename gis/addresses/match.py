"""Texts to places: what is one place is taken, what is not is said with its candidates."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gis.addresses.fuzzy import Guess, guesses
from gis.addresses.gazetteer import LAYER_OF, Gazetteer, Place, PlaceKind
from gis.addresses.normalise import name_key, normalise
from gis.addresses.parse import Offset
from gis.addresses.reading import Reader, Reading, Text, distance_m
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

_HOUSE_NUMBER: PlaceKind = "house_number"
MatchStatus = Literal["unique", "ambiguous", "none"]
MatchMethod = Literal["exact", "normalised", "interpolated", "fuzzy"]

MATCH_COLUMNS = (
    "text",
    "status",
    "kind",
    "layer",
    "id",
    "building_id",
    "name",
    "lon",
    "lat",
    "method",
    "score",
    "margin",
    "precision_m",
    "reason",
    "ignored",
    "candidates",
)


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """When a match is taken.

    Parameters
    ----------
    threshold
        Lowest score at which a misspelt name is taken for a known one.
    margin
        By how much it must be better than the next one.
    cut
        Lowest score of a candidate.
    quarter_coarse_m, road_coarse_m
        A quarter of a larger radius, a road of a larger half length is no point: grids have their
        borders on roads.
    most_candidates
        How many candidates are given.
    apply_offsets
        Whether 东侧200米 moves the point.
    """

    threshold: float = 82.0
    margin: float = 8.0
    cut: float = 60.0
    quarter_coarse_m: float = 250.0
    road_coarse_m: float = 30.0
    most_candidates: int = 5
    apply_offsets: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.cut <= self.threshold <= 100:
            raise InvalidInputError(
                f"cut {self.cut} and threshold {self.threshold} are not in order.",
                remedy="Choose 0 ≤ cut ≤ threshold ≤ 100.",
                field="threshold",
            )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a text may mean, and how well it fits (0–100)."""

    place: Place
    score: float

    def as_json(self) -> dict[str, Any]:
        """Return the candidate as JSON."""
        place = self.place
        return {
            "kind": place.kind,
            "layer": LAYER_OF[place.kind] if place.id else None,
            "id": place.id,
            "building_id": place.building_id,
            "name": place.name,
            "lon": round(place.lon, 7),
            "lat": round(place.lat, 7),
            "precision_m": round(place.precision_m, 1),
            "score": round(self.score, 1),
        }


@dataclass(frozen=True, slots=True)
class Match:
    """The answer to one text.

    Parameters
    ----------
    text
        As it came.
    status
        ``unique``: taken; ``ambiguous``: a person decides among the candidates; ``none``.
    candidates
        Best first; of a unique match the first is the place.
    method
        How the best one was found.
    margin
        By how much the best is better than the next.
    reason
        Why it is not unique.
    ignored
        What the text says beyond the place.
    """

    text: str
    status: MatchStatus
    candidates: tuple[Candidate, ...] = ()
    method: MatchMethod | None = None
    margin: float = 0.0
    reason: str | None = None
    ignored: tuple[str, ...] = ()

    @property
    def place(self) -> Place | None:
        """The place, if it is one."""
        return self.candidates[0].place if self.status == "unique" else None


def match_addresses(
    texts: "Iterable[str]", gazetteer: Gazetteer, options: MatchOptions | None = None
) -> "pd.DataFrame":
    """Return one row for each text: where it is, or why that cannot be said.

    Parameters
    ----------
    texts
        Descriptions; of a Series the index is kept.
    gazetteer
        The places that are known.
    options
        When a match is taken.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`MATCH_COLUMNS`. ``status`` unique, ambiguous or none; ``kind``, ``layer``,
        ``id``, ``building_id``, ``name``, ``lon``, ``lat`` (degrees, EPSG:4326), ``method``,
        ``score`` and ``precision_m`` of a unique match; ``candidates`` a list of dictionaries,
        best first.

    Examples
    --------
    >>> match_addresses(["永睦小区3号楼"], Gazetteer(())).status.tolist()
    ['none']
    """
    import pandas as pd

    index = texts.index if isinstance(texts, pd.Series) else None
    rows = [_row(match) for match in match_texts(list(texts), gazetteer, options)]
    return pd.DataFrame(rows, columns=list(MATCH_COLUMNS), index=index)


def match_texts(
    texts: "Sequence[str]", gazetteer: Gazetteer, options: MatchOptions | None = None
) -> list[Match]:
    """Return a match for each text: exact and normalised names first, then misspelt ones."""
    options = options or MatchOptions()
    reader = Reader(
        gazetteer,
        quarter_coarse_m=options.quarter_coarse_m,
        road_coarse_m=options.road_coarse_m,
    )
    taken = [reader.take(text) for text in texts]
    readings = [reader.read(text) for text in taken]
    matches = [
        _match(text, reading, gazetteer, options)
        for text, reading in zip(taken, readings, strict=True)
    ]
    doubtful = [i for i, reading in enumerate(readings) if not reading.unique]
    unknown = {i: names for i in doubtful if (names := _unknown(taken[i]))}
    known = _Known(gazetteer, options, unknown.values())
    for i, names in unknown.items():
        matches[i] = _mended(taken[i], names, matches[i], known, reader)
    return matches


# ---- misspelt names --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A piece of a text that looks like a name and is not known; of a road or another place."""

    text: str
    road: bool


class _Known:
    """The known names that are like the unknown ones, found in one batch."""

    def __init__(
        self, gazetteer: Gazetteer, options: MatchOptions, unknown: "Iterable[list[_Unknown]]"
    ) -> None:
        self.gazetteer, self.options = gazetteer, options
        asked = sorted({(one.road, one.text) for names in unknown for one in names})
        self._guesses: dict[tuple[bool, str], list[Guess]] = {}
        for road, index in ((False, gazetteer.names), (True, gazetteer.roads)):
            queries = [text for is_road, text in asked if is_road is road]
            names = sorted(index)
            for query, best in zip(queries, guesses(queries, names, cut=options.cut), strict=True):
                self._guesses[road, query] = best

    def best(self, one: _Unknown) -> list[Guess]:
        """Return the names that are like an unknown one, best first."""
        return self._guesses[one.road, one.text]

    def certain(self, one: _Unknown) -> Guess | None:
        """Return the best of them if it is good enough and well ahead."""
        best = self.best(one)
        if not best or best[0].score < self.options.threshold:
            return None
        second = best[1].score if len(best) > 1 else 0.0
        return best[0] if best[0].score - second >= self.options.margin else None


def _unknown(text: Text) -> list[_Unknown]:
    """Return the pieces of a text that look like names and are not known."""
    parts = text.parts
    known = {name_key(spot.key) for spot in text.spots}
    names = [parts.quarter, parts.bus_stop, parts.landmark, text.head()]
    found = [_Unknown(name, road=False) for name in names if name and name not in known]
    roads = [*(road for road in parts.roads if road not in text.roads), text.partner()]
    found += [_Unknown(road, road=True) for road in roads if road]
    inside = [s.key for s in text.spots if s.role in {"name", "core"}]
    return [
        one
        for one in dict.fromkeys(found)
        if 2 <= len(one.text) <= 16 and not any(name in one.text for name in inside)
    ]


def _mended(
    text: Text, names: list[_Unknown], match: Match, known: _Known, reader: Reader
) -> Match:
    """Return the match of the text with its misspelt names mended, if that is certain."""
    normal, scores = text.normal, []
    for one in names:
        guess = known.certain(one)
        if guess is not None and one.text in normal:
            normal = normal.replace(one.text, guess.name, 1)
            scores.append(guess.score)
    options, gazetteer = known.options, known.gazetteer
    if scores:
        again = reader.take(normal)
        reading = reader.read(again)
        if reading.unique and not _still_unknown(again):
            score = min(*scores, reading.score)
            mended = replace(reading, literal=False, score=score)
            margin = min(_margin(known, one) for one in names)
            found = _match(again, mended, gazetteer, options)
            return replace(found, text=text.raw, method="fuzzy", margin=margin)
    return _with_guesses(text, names, match, known)


def _still_unknown(text: Text) -> bool:
    """Whether a mended text still names something that nobody knows."""
    return any(not one.road for one in _unknown(text))


def _margin(known: _Known, one: _Unknown) -> float:
    best = known.best(one)
    return round(best[0].score - best[1].score, 1) if len(best) > 1 else 100.0


def _with_guesses(text: Text, names: list[_Unknown], match: Match, known: _Known) -> Match:
    """Return a match with the places of similar names among its candidates."""
    gazetteer = known.gazetteer
    found: dict[int, float] = {}
    for one in names:
        for guess in known.best(one):
            for at in _guessed(text, one, guess, gazetteer):
                found[at] = max(found.get(at, 0.0), guess.score)
    added = [Candidate(gazetteer.places[at], score) for at, score in found.items()]
    if not added:
        return match
    candidates = _ranked([*match.candidates, *added], known.options.most_candidates)
    reason = match.reason if match.candidates else "not_sure"
    return replace(match, status="ambiguous", candidates=candidates, reason=reason)


def _guessed(text: Text, one: _Unknown, guess: Guess, gazetteer: Gazetteer) -> "Iterable[int]":
    """Return what a similar name would mean: a crossing, a building of a quarter, or itself."""
    if one.road:
        pairs = [(min(guess.name, road), max(guess.name, road)) for road in text.roads]
        met = [at for pair in pairs for at in gazetteer.crossings.get(pair, ())]
        return met or gazetteer.roads[guess.name]
    number = text.parts.building or ""
    houses = [
        house
        for at in gazetteer.names[guess.name]
        for house in gazetteer.buildings.get((name_key(gazetteer.places[at].name), number), ())
    ]
    return houses or gazetteer.names[guess.name]


# ---- answers ---------------------------------------------------------------------------------


def _match(text: Text, reading: Reading, gazetteer: Gazetteer, options: MatchOptions) -> Match:
    if reading.unique:
        place = reading.made or gazetteer.places[reading.found[0]]
        place = _as_asked(text, place)
        offset = text.parts.offset
        if offset is not None and options.apply_offsets:
            place = _moved(place, offset)
        return Match(
            text.raw,
            "unique",
            (Candidate(place, reading.score),),
            _method(text, reading, place),
            100.0,
            None,
            reading.ignored,
        )
    if not reading.found:
        return Match(text.raw, "none", reason=reading.reason, ignored=reading.ignored)
    score = min(reading.score, 80.0)
    candidates = [Candidate(gazetteer.places[i], score) for i in reading.found]
    ranked = _ranked(candidates, options.most_candidates)
    return Match(text.raw, "ambiguous", ranked, None, 0.0, reading.reason, reading.ignored)


def _as_asked(text: Text, place: Place) -> Place:
    """Return a building that was found by its house number as one."""
    if place.kind == "building" and text.parts.house_number is not None and not text.parts.building:
        named = name_key(place.name) in text.normal
        return place if named else replace(place, kind=_HOUSE_NUMBER)
    return place


def _method(text: Text, reading: Reading, place: Place) -> MatchMethod:
    if reading.made is not None:
        return "interpolated"
    names = (
        place.name.removesuffix("交叉口").split("与") if place.kind == "crossing" else [place.name]
    )
    literal = reading.literal and all(name in text.raw for name in names)
    if place.kind == "house_number":
        literal = reading.literal and normalise(text.raw) == text.raw
    return "exact" if literal else "normalised"


def _moved(place: Place, offset: Offset) -> Place:
    """Return a place moved by an offset; half of its length is added to the doubt."""
    import numpy as np
    from pyproj import Geod

    azimuth = float(np.degrees(np.arctan2(offset.east_m, offset.north_m)))
    lon, lat, _ = Geod(ellps="WGS84").fwd(place.lon, place.lat, azimuth, offset.distance_m)
    precision = place.precision_m + offset.distance_m / 2
    return replace(place, lon=float(lon), lat=float(lat), precision_m=precision)


def _ranked(candidates: "list[Candidate]", most: int) -> tuple[Candidate, ...]:
    """Return the best candidates, each place once; ties by name, then key."""
    best: dict[tuple[str, str | None, float, float], Candidate] = {}
    for one in candidates:
        key = (one.place.kind, one.place.id, one.place.lon, one.place.lat)
        if key not in best or best[key].score < one.score:
            best[key] = one
    order = sorted(best.values(), key=lambda c: (-c.score, c.place.name, c.place.id or ""))
    return tuple(order[:most])


def _row(match: Match) -> dict[str, Any]:
    place = match.place
    row: dict[str, Any] = dict.fromkeys(MATCH_COLUMNS)
    row |= {
        "text": match.text,
        "status": match.status,
        "method": match.method,
        "margin": match.margin,
        "reason": match.reason,
        "ignored": list(match.ignored),
        "candidates": [one.as_json() for one in match.candidates],
    }
    if place is not None:
        row |= match.candidates[0].as_json()
    return row


__all__ = [
    "MATCH_COLUMNS",
    "Candidate",
    "Match",
    "MatchOptions",
    "distance_m",
    "match_addresses",
    "match_texts",
]
