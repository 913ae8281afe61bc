"""What a layer says against the outline of the place, inside which its points should lie."""

from dataclasses import replace

import numpy as np

from gis.geometry.crs import to_projected
from gis.ingest.crs_ground import FEWEST, REFUSED_M, SAME_M, Ground, shift_hypotheses, shifted
from gis.ingest.crs_hypotheses import Hypothesis, Lonlat, displacement_m
from gis.ingest.crs_search import Inside, correlate_outline
from gis.ingest.crs_verdict import Alternative, ShiftVerdict

#: An outline holds a layer that lies right from this share of its points on.
_HELD = 0.97
#: Of a layer that lies beyond it by right, it must hold this share; and a translation is told by
#: an outline if those that explain the points end within so many metres.
_TOLD, _SHARP_M = 0.7, 700.0


def by_outline(points: Lonlat, ground: Ground) -> ShiftVerdict | None:
    """Return what the outline says; ``None``: there is none."""
    outline = ground.reference.outline
    if outline is None:
        return None
    inside = ground.inside(points)
    middle = tuple(np.median(points, axis=0).tolist())
    tried = []
    for hypothesis in shift_hypotheses(ground):
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
    if len(points) < FEWEST:
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
    ground: Ground,
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
        return shifted(sure, hypothesis, (best.east_m, best.north_m), counts)
    gain = found.best - base.inside
    free = found.best >= _TOLD and gain >= 0.1 and gain * base.points >= 12
    if free and found.shortest_m >= REFUSED_M - SAME_M and found.spread_m <= _SHARP_M:
        sure = replace(base, alternatives=(), confidence=0.75)
        open_m = f" (give or take {found.spread_m / 2:.0f} m)"
        return shifted(sure, None, (found.east, found.north), against + open_m)
    note = "no shift explains the points outside: they may lie there rightly"
    return replace(base, kind="unclear", alternatives=also, notes=(note,))
