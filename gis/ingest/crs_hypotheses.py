"""What may have gone wrong with coordinates, as functions that would undo it.

A hypothesis says "the file is truly in X and was read as Y". Undoing it moves every point to
where it would lie if that were so; how far, depends on the place, and is predicted from the open
formulas (:mod:`gis.geometry.shifts`) or from the projections.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray

from gis.geometry import shifts
from gis.geometry.crs import geodesic_distance_m
from gis.geometry.source_crs import Shift, SourceCrs

Lonlat = NDArray[np.float64]
Move = Callable[[Lonlat], Lonlat]

#: Zones of 3 and 6 degrees have central meridians at multiples of 3°; local systems half way too.
_ZONE_STEPS = (3.0, -3.0, 6.0, -6.0, 1.5, -1.5, 4.5, -4.5, 9.0, -9.0, 12.0, -12.0)
#: Scale at the central meridian of UTM; that of Gauss-Krüger is 1.
_UTM_SCALE = 0.9996
#: First EPSG code, its central meridian, spacing and number of zones, of the Chinese families.
_FAMILIES = (
    (4534, 75, 3, 21),
    (4513, 75, 3, 21),
    (4502, 75, 6, 11),
    (4491, 75, 6, 11),
    (2370, 75, 3, 21),
    (2349, 75, 3, 21),
    (2338, 75, 6, 11),
    (2327, 75, 6, 11),
    (2422, 75, 3, 21),
    (2401, 75, 3, 21),
    (32643, 75, 6, 11),
)
_SYSTEM: dict[Shift, str] = {"none": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}
_WORD: dict[Shift, str] = {"none": "wgs84", "gcj02": "gcj02", "bd09": "bd09"}
_DECLARE: dict[Shift, str] = {"none": "EPSG:4326", "gcj02": "gcj02", "bd09": "bd09"}


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Something that may have gone wrong.

    Parameters
    ----------
    code
        Short name: ``gcj02_as_wgs84``, ``zone+3``, ``swapped`` …
    claim
        In words, as it follows "looks like": ``GCJ-02 read as WGS-84``.
    remedy
        What the reader can do about it, a sentence.
    undo
        Takes lon, lat in degrees as they were read, shape (n, 2), to where they would belong;
        places where that makes no sense come out as NaN.
    """

    code: str
    claim: str
    remedy: str
    undo: Move


def web_map_hypotheses(declared: SourceCrs | None) -> tuple[Hypothesis, ...]:
    """Return the six ways to confuse WGS-84, GCJ-02 and BD-09, likeliest first.

    Parameters
    ----------
    declared
        What the coordinates were read as; ``None``: as they are. Confusions with another reading
        than this one may have happened before the file was written; their remedy says so.
    """
    read: Shift = "none" if declared is None else declared.shift
    pairs: list[tuple[Shift, Shift]] = [
        ("gcj02", "none"),
        ("bd09", "none"),
        ("bd09", "gcj02"),
        ("none", "gcj02"),
        ("gcj02", "bd09"),
        ("none", "bd09"),
    ]
    pairs.sort(key=lambda pair: pair[1] != read)
    return tuple(_web_map(true, taken, first_hand=taken == read) for true, taken in pairs)


def _web_map(true: Shift, taken: Shift, *, first_hand: bool) -> Hypothesis:
    there = {"gcj02": shifts.wgs84_to_gcj02, "bd09": shifts.wgs84_to_bd09}.get(taken)
    back = {"gcj02": shifts.gcj02_to_wgs84, "bd09": shifts.bd09_to_wgs84}.get(true)

    def undo(lonlat: Lonlat) -> Lonlat:
        lon, lat = lonlat[:, 0], lonlat[:, 1]
        if there is not None:
            lon, lat = there(lon, lat)
        if back is not None:
            lon, lat = back(lon, lat)
        return np.column_stack([lon, lat])

    claim = f"{_SYSTEM[true]} read as {_SYSTEM[taken]}"
    if first_hand:
        remedy = f"Declare it with --crs {_DECLARE[true]}."
    else:
        remedy = (
            f"It was converted from {_SYSTEM[taken]} before, though it was in {_SYSTEM[true]}: "
            "ask for the file before that conversion."
        )
    return Hypothesis(f"{_WORD[true]}_as_{_WORD[taken]}", claim, remedy, undo)


def scale_hypotheses() -> tuple[Hypothesis, ...]:
    """Return UTM read as Gauss-Krüger of the same meridian, and the reverse.

    Their scales differ by 0.04 %, so that northings differ by 1.0–1.9 km within China.
    """

    def moved(factor: float) -> Move:
        def undo(lonlat: Lonlat) -> Lonlat:
            # Along the meridian, to first order; eastings change by under 130 m within a zone.
            return np.column_stack([lonlat[:, 0], lonlat[:, 1] * factor])

        return undo

    return (
        Hypothesis(
            "utm_as_gauss_kruger",
            "UTM read as Gauss-Krüger",
            "Declare the UTM zone with --crs, for example EPSG:32650.",
            moved(1 / _UTM_SCALE),
        ),
        Hypothesis(
            "gauss_kruger_as_utm",
            "Gauss-Krüger read as UTM",
            "Declare the Gauss-Krüger zone with --crs, for example EPSG:4548.",
            moved(_UTM_SCALE),
        ),
    )


def far_hypotheses(declared: SourceCrs | None) -> Iterator[Hypothesis]:
    """Yield what would put a layer tens of kilometres away or more: axes and zones."""
    yield Hypothesis(
        "swapped",
        "lat, lon read as lon, lat",
        "Exchange the two columns, or name them rightly with --column.",
        lambda lonlat: _on_globe(lonlat[:, ::-1]),
    )
    if declared is not None and declared.crs.is_projected:
        yield Hypothesis(
            "swapped_projected",
            f"north, east read as east, north of {declared.name}",
            "Exchange the two columns, or name them rightly with --column.",
            lambda lonlat: _exchanged(lonlat, declared),
        )
    for step in _ZONE_STEPS:
        yield _zone(step, declared)


def _zone(step: float, declared: SourceCrs | None) -> Hypothesis:
    """Return the hypothesis that the central meridian should be ``step`` degrees further east.

    A transverse Mercator system depends on longitude by the distance from its meridian only, so
    that the wrong zone turns every point about the axis of the Earth by whole steps.
    """
    name, true = f"zone{step:+g}", _neighbour(declared, step)
    if true is not None and declared is not None:
        claim, remedy = f"{true} read as {declared.name}", f"Declare it with --crs {true}."
    else:
        side = "east" if step > 0 else "west"
        claim = f"a zone whose central meridian lies {abs(step):g}° further {side}"
        remedy = "Declare the zone that the file is in with --crs."

    def undo(lonlat: Lonlat) -> Lonlat:
        return np.column_stack([lonlat[:, 0] + step, lonlat[:, 1]])

    return Hypothesis(name, claim, remedy, undo)


def _neighbour(declared: SourceCrs | None, step: float) -> str | None:
    """Return the EPSG code of the declared system's family with another meridian."""
    code = None if declared is None else declared.crs.to_epsg()
    if code is None:
        return None
    for first, _, spacing, count in _FAMILIES:
        if first <= code < first + count:
            zone = code - first + step / spacing
            if zone == int(zone) and 0 <= zone < count:
                return f"EPSG:{first + int(zone)}"
    return None


def _exchanged(lonlat: Lonlat, declared: SourceCrs) -> Lonlat:
    there = pyproj.Transformer.from_crs(4326, declared.crs, always_xy=True)
    x, y = there.transform(lonlat[:, 0], lonlat[:, 1])
    lon, lat = there.transform(y, x, direction="INVERSE")
    return _on_globe(np.column_stack([lon, lat]))


def _on_globe(lonlat: Lonlat) -> Lonlat:
    fine = (np.abs(lonlat[:, 0]) <= 180) & (np.abs(lonlat[:, 1]) <= 90)
    return np.where(fine[:, None], lonlat, np.nan)


def displacement_m(hypothesis: Hypothesis, at: tuple[float, float]) -> tuple[float, float]:
    """Return how far, east and north, the mistake puts a point from where it belongs, in metres.

    Parameters
    ----------
    hypothesis
        The mistake.
    at
        Lon, lat as read.
    """
    as_read = np.array([at])
    home = hypothesis.undo(as_read)
    return offset_m(home[0], as_read[0])


def offset_m(start: Lonlat, end: Lonlat) -> tuple[float, float]:
    """Return the way from a lon, lat to another in metres, east and north, on the spheroid."""
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        return float("nan"), float("nan")
    east = geodesic_distance_m(start[0], start[1], end[0], start[1])
    north = geodesic_distance_m(start[0], start[1], start[0], end[1])
    return (
        float(np.copysign(east, end[0] - start[0])),
        float(np.copysign(north, end[1] - start[1])),
    )
