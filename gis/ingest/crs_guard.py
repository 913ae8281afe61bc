"""Whether a layer lies where it should: a wrong coordinate system is found, and named.

The shifted coordinates of Chinese web maps put everything 300–1,300 m away, further than a grid is
wide, and nothing in a file says so. Two things can: a layer of things known to be right (buildings
in the store), on which the new points should fall, and the outline of the place, inside which they
should lie. What neither can tell is said, not guessed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gis.ingest.checks_geometry import SWAPPED_SHARE
from gis.ingest.crs_ground import Ground
from gis.ingest.crs_hypotheses import Hypothesis, Lonlat, far_hypotheses, offset_m
from gis.ingest.crs_outline import by_outline
from gis.ingest.crs_search import REACH_M
from gis.ingest.crs_things import by_things
from gis.ingest.crs_verdict import Reference, ShiftVerdict, wind

if TYPE_CHECKING:
    from gis.geometry.source_crs import SourceCrs

#: Things alone decide from this share of the layer's points on.
_TELLING = 0.2


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
    ground = Ground.of(reference, known, declared)
    return _elsewhere(points, ground) or _around(points[ground.near(points)], ground)


def _finite(lonlat: Lonlat) -> Lonlat:
    points = np.asarray(lonlat, dtype=float).reshape(-1, 2)
    finite: Lonlat = points[np.isfinite(points).all(axis=1)]
    return finite


def _around(points: Lonlat, ground: Ground) -> ShiftVerdict:
    """Return the verdict on a layer that lies on the ground or around it."""
    things = by_things(points, ground)
    clear = things is not None and things.kind != "unclear"
    if things is not None and clear and things.told_by >= _TELLING:
        return things
    outline = by_outline(points, ground)
    if things is not None and clear:
        # A few estates built alike may agree by chance: the outline may know better.
        return outline if outline is not None and outline.refused else things
    if outline is not None and things is not None:
        return replace(outline, notes=(*outline.notes, things.sentence))
    few = ShiftVerdict(
        "unclear", f"too few of {ground.reference.points_name} to compare with", "", len(points)
    )
    return outline or things or few


def _elsewhere(points: Lonlat, ground: Ground) -> ShiftVerdict | None:
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
    points: Lonlat, ground: Ground, hypothesis: Hypothesis | None, distance: float
) -> ShiftVerdict:
    middle = np.median(points, axis=0)
    west, south, east, north = ground.box
    to_east, to_north = float("nan"), float("nan")
    name = ground.name
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


def _kilometres(metres: float) -> str:
    return f"{metres / 1000:,.0f} km" if metres >= 9_500 else f"{metres / 1000:.1f} km"
