"""Whether a layer lies where it should: a wrong coordinate system is found, and named.

The shifted coordinates of Chinese web maps put everything 300–1,300 m away, further than a grid is
wide, and nothing in a file says so. Two things can: a layer of things known to be right (buildings
in the store), on which the new points should fall, and the outline of the place, inside which they
should lie. What neither can tell is said, not guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.geometry.crs import geodesic_distance_m, projected_crs, to_projected
from gis.ingest.checks import SWAPPED_SHARE
from gis.ingest.crs_hypotheses import (
    Hypothesis,
    Lonlat,
    displacement_m,
    far_hypotheses,
    offset_m,
    scale_hypotheses,
    web_map_hypotheses,
)
from gis.ingest.crs_search import REACH_M, Inside, Peak, correlate_outline, correlate_things
from gis.ingest.crs_verdict import Alternative, Reference, ShiftVerdict, wind

if TYPE_CHECKING:
    import pyproj

    from gis.geometry.source_crs import SourceCrs

#: Shifts from this length on are refused; shorter ones are noted, unless a web map explains them.
REFUSED_M = 300.0
#: Shifts below this are what two surveys of one place differ by, and not mentioned.
NOTED_M = 25.0
#: Points further from the outline than this lie elsewhere.
ELSEWHERE_M = 5_000.0
#: A vector is that of a hypothesis if it ends within this, or lies within both of the others.
_SAME_M, _SAME_DEGREES, _SAME_SHARE = 30.0, 5.0, 0.1
#: Fewest points that anything is concluded from, and fewest known things.
_FEWEST, _FEWEST_KNOWN = 12, 30
#: A peak counts from this many standard deviations, and a match from this share of points.
_STRONG, _MATCHED = 9.0, 0.3
#: Things alone decide from this share of the layer's points on.
_TELLING = 0.2
#: An outline holds a layer that lies right from this share of its points on.
_HELD = 0.97
#: Of a layer that lies beyond it by right, it must hold this share; and a translation is told by
#: an outline if those that explain the points end within so many metres.
_TOLD, _SHARP_M = 0.7, 700.0


def detect_shift(
    points_lonlat: NDArray[np.float64],
    reference: Reference,
    *,
    declared: "SourceCrs | None" = None,
) -> ShiftVerdict:
    """Return whether points lie where they should, and if not, by how much and why.

    Parameters
    ----------
    points_lonlat
        One point for each feature of the layer, lon, lat in EPSG:4326 as it was read, shape
        (n, 2); rows that are not finite are left out.
    reference
        What is known to be right.
    declared
        What the layer was read as, for the hypotheses and the remedies.

    Notes
    -----
    Things are compared first, for they fix the vector to metres; the outline is asked where things
    cannot tell. Thresholds and the shares of false alarms and misses are in docs/adr/019.
    """
    points = _finite(points_lonlat)
    known = None if reference.points is None else _finite(reference.points)
    known = known if known is not None and len(known) else None
    if reference.outline is None and known is None:
        return ShiftVerdict("nothing_to_compare", "there is nothing to compare the layer with")
    if not len(points):
        return ShiftVerdict("unclear", "the layer has no points to compare")
    ground = _Ground.of(reference, known, declared)
    return _elsewhere(points, ground) or _around(points[ground.near(points)], ground)


def _finite(lonlat: Lonlat) -> Lonlat:
    points = np.asarray(lonlat, dtype=float).reshape(-1, 2)
    finite: Lonlat = points[np.isfinite(points).all(axis=1)]
    return finite


def _around(points: Lonlat, ground: "_Ground") -> ShiftVerdict:
    """Return the verdict on a layer that lies on the ground or around it."""
    by_things = _by_things(points, ground)
    if by_things is not None and by_things.kind != "unclear" and by_things.told_by >= _TELLING:
        return by_things
    by_outline = _by_outline(points, ground)
    if by_things is not None and by_things.kind != "unclear":
        # A few estates built alike may agree by chance: the outline may know better.
        refuted = by_outline is not None and by_outline.refused
        return by_outline if by_outline is not None and refuted else by_things
    if by_outline is not None and by_things is not None:
        return replace(by_outline, notes=(*by_outline.notes, by_things.sentence))
    few = ShiftVerdict(
        "unclear", f"too few of {ground.reference.points_name} to compare with", "", len(points)
    )
    return by_outline or by_things or few


@dataclass(frozen=True)
class _Ground:
    """The reference, with the projected system around it."""

    reference: Reference
    known: Lonlat | None
    declared: "SourceCrs | None"
    crs: "pyproj.CRS"
    #: West, south, east, north in degrees.
    box: tuple[float, float, float, float]

    @classmethod
    def of(
        cls, reference: Reference, known: Lonlat | None, declared: "SourceCrs | None"
    ) -> "_Ground":
        if reference.outline is not None:
            box = tuple(float(v) for v in shapely.bounds(reference.outline))
        else:
            assert known is not None
            box = (*known.min(axis=0).tolist(), *known.max(axis=0).tolist())
        crs = projected_crs((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        return cls(reference, known, declared, crs, box)  # type: ignore[arg-type] # four floats

    def near(self, lonlat: Lonlat, within_m: float = ELSEWHERE_M) -> NDArray[np.bool_]:
        """Return which points lie in the box, widened by some metres."""
        west, south, east, north = self.box
        y = within_m / 110_000
        x = y / max(np.cos(np.radians((south + north) / 2)), 0.05)
        lon, lat = lonlat[:, 0], lonlat[:, 1]
        return np.asarray(
            (lon >= west - x) & (lon <= east + x) & (lat >= south - y) & (lat <= north + y)
        )

    def metres(self, lonlat: Lonlat) -> NDArray[np.float64]:
        return shapely.get_coordinates(to_projected(shapely.points(lonlat), self.crs))

    def distance_m(self, lonlat: Lonlat) -> NDArray[np.float64]:
        """Return how far points lie from the box, along the spheroid."""
        west, south, east, north = self.box
        x, y = np.clip(lonlat[:, 0], west, east), np.clip(lonlat[:, 1], south, north)
        return geodesic_distance_m(lonlat[:, 0], np.clip(lonlat[:, 1], -90, 90), x, y)

    def inside(self, lonlat: Lonlat) -> float:
        """Return the share of points that the outline holds; of things, that their box holds."""
        if not len(lonlat):
            return 0.0
        fine = np.isfinite(lonlat.sum(axis=1))
        if self.reference.outline is None:
            return float((fine & self.near(lonlat, 0.0)).mean())
        shapely.prepare(self.reference.outline)
        lon, lat = np.where(fine[:, None], lonlat, 1e9).T
        return float(np.mean(shapely.intersects_xy(self.reference.outline, lon, lat)))


def _elsewhere(points: Lonlat, ground: _Ground) -> ShiftVerdict | None:
    """Return the verdict on a layer that lies kilometres away; ``None``: it does not."""
    near = ground.near(points)
    if near.mean() > 1 - SWAPPED_SHARE:
        return None
    probe = points[:: max(len(points) // 2_000, 1)]
    distance = float(np.median(ground.distance_m(probe)))
    for hypothesis in far_hypotheses(ground.declared):
        home = hypothesis.undo(probe)
        fine = np.isfinite(home.sum(axis=1))
        at_home = ground.near(np.where(fine[:, None], home, 1e9), REACH_M).mean()
        if at_home > max(SWAPPED_SHARE, 2 * near.mean()):
            return _far_verdict(points, ground, hypothesis, distance)
    if near.any():  # spread out wider than the ground: nothing uniform
        return None
    return _far_verdict(points, ground, None, distance)


def _far_verdict(
    points: Lonlat, ground: _Ground, hypothesis: Hypothesis | None, distance: float
) -> ShiftVerdict:
    middle = np.median(points, axis=0)
    west, south, east, north = ground.box
    to_east, to_north = float("nan"), float("nan")
    name = _reference_name(ground)
    where = f"no point as read, for example ({middle[0]:g}, {middle[1]:g}), is on the globe"
    if abs(middle[1]) <= 90:
        to_east, to_north = offset_m(np.array([(west + east) / 2, (south + north) / 2]), middle)
        where = f"the layer lies {_kilometres(distance)} {wind(to_east, to_north)} of {name}"
    if hypothesis is None:
        return ShiftVerdict(
            "elsewhere",
            f"{where}, and no usual mistake explains it",
            "outline" if ground.reference.outline is not None else "buildings",
            len(points),
            to_east,
            to_north,
            remedy="Check that it is of this place, and the system it is in (--crs).",
            confidence=0.9,
            inside=0.0,
        )
    swapped = hypothesis.code.startswith("swapped")
    inside = ground.inside(hypothesis.undo(points))
    return ShiftVerdict(
        "swapped" if swapped else "elsewhere",
        f"looks like {hypothesis.claim}: {where}, and {inside:.0%} inside if so",
        "outline" if ground.reference.outline is not None else "buildings",
        len(points),
        to_east,
        to_north,
        cause=hypothesis.code,
        remedy=hypothesis.remedy,
        confidence=0.99 if inside > 0.9 else 0.9,
        inside=0.0,
    )


def _reference_name(ground: _Ground) -> str:
    reference = ground.reference
    return reference.outline_name if reference.outline is not None else reference.points_name


def _kilometres(metres: float) -> str:
    return f"{metres / 1000:,.0f} km" if metres >= 9_500 else f"{metres / 1000:.1f} km"


def _by_things(points: Lonlat, ground: _Ground) -> ShiftVerdict | None:
    """Return what things known to be right say; ``None``: there are too few of them."""
    if ground.known is None or len(ground.known) < _FEWEST_KNOWN or len(points) < _FEWEST:
        return None
    peak = correlate_things(ground.metres(points), ground.metres(ground.known))
    name = ground.reference.points_name
    if peak is None or peak.strength < _STRONG or peak.matched < _MATCHED:
        return ShiftVerdict(
            "unclear",
            f"too few of the points lie like {name} to compare them",
            "buildings",
            len(points),
        )
    vector = (peak.east, peak.north)
    length = float(np.hypot(*vector))
    named = _matching(vector, points, ground)
    base = ShiftVerdict(
        "fits",
        f"the layer agrees with {name}: {peak.matched:.0%} of its points lie on one",
        "buildings",
        len(points),
        *vector,
        confidence=_confidence(peak),
        told_by=peak.counted * peak.matched / len(points),
    )
    refused = length >= REFUSED_M or (named is not None and length >= REFUSED_M / 2)
    if not refused:
        if length >= NOTED_M:
            note = f"{name} lie {length:.0f} m to the {wind(-vector[0], -vector[1])} of the layer"
            return replace(base, notes=(note,))
        return base
    if not _stands_out(peak, named=named is not None):
        return replace(
            base,
            kind="unclear",
            sentence=f"{name} would fit {length:.0f} m away as well as here",
            east_m=float("nan"),
            north_m=float("nan"),
        )
    return _shifted(base, named, vector, f"against {name}")


def _stands_out(peak: Peak, *, named: bool) -> bool:
    """Return whether a shift explains much more than the layer as it is does.

    Estates built alike resemble each other at a distance, so that a shift that no hypothesis
    predicts must explain more before it is believed.
    """
    better = peak.strength > (1.5 if named else 2.0) * max(peak.at_home, 1.0)
    enough = peak.counted * peak.matched >= (12 if named else 40)
    return (
        better
        and enough
        and peak.matched >= (0.35 if named else 0.5)
        and peak.matched_as_is < 0.6 * peak.matched
        and (named or peak.second < 0.8 * peak.strength)
    )


def _confidence(peak: Peak) -> float:
    return round(float(np.clip(1 - 3 * np.exp(-peak.strength / 4) - 0.02, 0.5, 0.99)), 2)


def _shifted(
    base: ShiftVerdict, named: Hypothesis | None, vector: tuple[float, float], against: str
) -> ShiftVerdict:
    length, direction = float(np.hypot(*vector)), wind(*vector)
    if named is None:
        return replace(
            base,
            kind="shifted",
            sentence=f"shifted by {length:.0f} m {direction} {against}; no usual mistake has "
            "this vector",
            east_m=vector[0],
            north_m=vector[1],
            remedy="Find out which system the file is in, and declare it with --crs.",
        )
    return replace(
        base,
        kind="shifted",
        sentence=f"looks like {named.claim}: {length:.0f} m {direction} {against}",
        east_m=vector[0],
        north_m=vector[1],
        cause=named.code,
        remedy=named.remedy,
    )


def _shift_hypotheses(ground: _Ground) -> Sequence[Hypothesis]:
    return (*web_map_hypotheses(ground.declared), *scale_hypotheses())


def _matching(vector: tuple[float, float], points: Lonlat, ground: _Ground) -> Hypothesis | None:
    """Return the hypothesis that predicts a vector at this place, if one does."""
    middle = tuple(np.median(points, axis=0).tolist())
    best: tuple[float, Hypothesis] | None = None
    for hypothesis in _shift_hypotheses(ground):
        east, north = displacement_m(hypothesis, middle)
        if _same(vector, (east, north)):
            away = float(np.hypot(vector[0] - east, vector[1] - north))
            if best is None or away < best[0]:
                best = (away, hypothesis)
    return None if best is None else best[1]


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    away = np.hypot(one[0] - other[0], one[1] - other[1])
    length = np.hypot(*other)
    turn = np.degrees(np.arctan2(*one) - np.arctan2(*other))
    turned = abs((turn + 180) % 360 - 180)
    return bool(
        away <= _SAME_M
        or (turned <= _SAME_DEGREES and abs(np.hypot(*one) - length) <= _SAME_SHARE * length)
    )


def _by_outline(points: Lonlat, ground: _Ground) -> ShiftVerdict | None:
    """Return what the outline says; ``None``: there is none."""
    outline = ground.reference.outline
    if outline is None:
        return None
    inside = ground.inside(points)
    middle = tuple(np.median(points, axis=0).tolist())
    tried = []
    for hypothesis in _shift_hypotheses(ground):
        share = ground.inside(hypothesis.undo(points))
        east, north = displacement_m(hypothesis, middle)
        tried.append(
            (hypothesis, Alternative(hypothesis.code, hypothesis.claim, east, north, share))
        )
    tried.sort(key=lambda pair: -pair[1].inside)
    base = ShiftVerdict(
        "fits",
        f"{inside:.0%} of the points lie inside {ground.reference.outline_name}",
        "outline",
        len(points),
        confidence=0.5,
        inside=inside,
        alternatives=tuple(alternative for _, alternative in tried),
    )
    if len(points) < _FEWEST:
        note = f"{len(points)} points are too few to find a shift by"
        return replace(base, kind="unclear", notes=(note,))
    if inside >= _HELD:
        return _held(base)
    found = correlate_outline(ground.metres(points), to_projected([outline], ground.crs)[0])
    if found is None:
        return replace(base, kind="unclear", notes=("no translation brings them inside",))
    return _not_held(base, tried, found, ground)


def _held(base: ShiftVerdict) -> ShiftVerdict:
    """Return the verdict on a layer that lies inside, with what would lie inside as well."""
    also = tuple(a for a in base.alternatives if a.inside >= base.inside - 0.01)
    if not also:
        return replace(base, confidence=0.95, alternatives=())
    names = ", ".join(f"{a.claim} ({a.inside:.0%})" for a in also)
    note = f"the outline cannot rule out {names}: the points lie inside it either way"
    return replace(base, kind="unclear", notes=(note,), alternatives=also)


def _not_held(
    base: ShiftVerdict,
    tried: list[tuple[Hypothesis, Alternative]],
    found: Inside,
    ground: _Ground,
) -> ShiftVerdict:
    """Return the verdict on a layer of which a part lies outside."""
    against = f"against {ground.reference.outline_name}"
    hypothesis, best = tried[0]
    also = tuple(a for _, a in tried[1:] if a.inside >= best.inside - 0.01)
    gain = best.inside - base.inside
    enough = gain * base.points >= 8
    told = best.inside >= max(_TOLD, found.best - 0.02) and gain >= 0.05
    if told and enough and (found.spread_m <= _SHARP_M or best.inside >= _HELD):
        confidence = 0.6 if also or found.spread_m > _SHARP_M else 0.9
        sure = replace(base, alternatives=also, confidence=confidence)
        counts = f"{against}, which would hold {best.inside:.0%} of the points and not "
        counts += f"{base.inside:.0%}"
        return _shifted(sure, hypothesis, (best.east_m, best.north_m), counts)
    gain = found.best - base.inside
    free = found.best >= _TOLD and gain >= 0.1 and gain * base.points >= 12
    if free and found.shortest_m >= REFUSED_M - _SAME_M and found.spread_m <= _SHARP_M:
        sure = replace(base, alternatives=(), confidence=0.75)
        open_m = f" (give or take {found.spread_m / 2:.0f} m)"
        return _shifted(sure, None, (found.east, found.north), against + open_m)
    note = "no shift explains the points outside: they may lie there rightly"
    return replace(base, kind="unclear", alternatives=also, notes=(note,))
