"""What a layer says against things known to be right, on which its points should fall."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gis.ingest.crs_ground import FEWEST, NOTED_M, REFUSED_M, Ground, matching, shifted
from gis.ingest.crs_hypotheses import Hypothesis, Lonlat, displacement_m, web_map_hypotheses
from gis.ingest.crs_search import Peak, correlate_things
from gis.ingest.crs_verdict import ShiftVerdict, wind

#: Fewest known things that anything is concluded from.
_FEWEST_KNOWN = 30
#: A peak counts from this many standard deviations, and a match from this share of points.
_STRONG, _MATCHED = 9.0, 0.3
#: A mistake that is undone leaves no shift: one of so much would be seen.
_UNDONE_REACH_M = 300.0


def by_things(points: Lonlat, ground: Ground) -> ShiftVerdict | None:
    """Return what things known to be right say; ``None``: there are too few of them."""
    if ground.known is None or len(ground.known) < _FEWEST_KNOWN or len(points) < FEWEST:
        return None
    name = ground.reference.points_name
    points_m, known_m = ground.metres(points), ground.metres(ground.known)
    peak = correlate_things(points_m, known_m)
    if peak is None or peak.strength < _STRONG or peak.matched < _MATCHED:
        return _undone(points, ground, known_m, peak) or ShiftVerdict(
            "unclear",
            f"too few of the points lie like {name} to compare them",
            "buildings",
            len(points),
        )
    vector = (peak.east, peak.north)
    length = float(np.hypot(*vector))
    named = matching(vector, points, ground)
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
        note = f"{name} lie {length:.0f} m to the {wind(-vector[0], -vector[1])} of the layer"
        return replace(base, notes=(note,)) if length >= NOTED_M else base
    if _stands_out(peak, named=named is not None):
        return shifted(base, named, vector, f"against {name}")
    return _undone(points, ground, known_m, peak) or replace(
        base,
        kind="unclear",
        sentence=f"{name} would fit {length:.0f} m away as well as here",
        east_m=float("nan"),
        north_m=float("nan"),
    )


def _undone(
    points: Lonlat, ground: Ground, known_m: NDArray[np.float64], as_is: Peak | None
) -> ShiftVerdict | None:
    """Return the verdict if points lie on known things once a mistake is undone.

    Over some kilometres the shifts of web maps differ from place to place by more than footprints
    do, so that no one translation brings all points home, but undoing the mistake does.
    """
    best: tuple[Peak, Hypothesis] | None = None
    for hypothesis in web_map_hypotheses(ground.declared):
        peak = correlate_things(
            ground.metres(hypothesis.undo(points)), known_m, reach_m=_UNDONE_REACH_M
        )
        if peak is not None and np.hypot(peak.east, peak.north) <= NOTED_M:
            best = max(best or (peak, hypothesis), (peak, hypothesis), key=lambda p: p[0].strength)
    if best is None or best[0].strength < _STRONG or best[0].matched < _MATCHED:
        return None
    peak, hypothesis = best
    if as_is is not None and as_is.at_home > peak.strength / 1.5:
        return None
    base = ShiftVerdict(
        "shifted",
        "",
        "buildings",
        len(points),
        confidence=_confidence(peak),
        told_by=peak.counted * peak.matched / len(points),
    )
    middle = tuple(np.median(points, axis=0).tolist())
    vector = displacement_m(hypothesis, middle)
    return shifted(base, hypothesis, vector, f"against {ground.reference.points_name}")


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
        and (peak.matched_as_is < 0.6 * peak.matched or peak.strength > 3 * peak.at_home)
        and (named or peak.second < 0.8 * peak.strength)
    )


def _confidence(peak: Peak) -> float:
    return round(float(np.clip(1 - 3 * np.exp(-peak.strength / 4) - 0.02, 0.5, 0.99)), 2)
