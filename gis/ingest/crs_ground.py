"""The ground that a layer is compared with, in degrees and in metres, and how verdicts are said."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.geometry.crs import geodesic_distance_m, projected_crs, to_projected
from gis.ingest.crs_hypotheses import (
    Hypothesis,
    Lonlat,
    displacement_m,
    scale_hypotheses,
    web_map_hypotheses,
)
from gis.ingest.crs_verdict import Reference, ShiftVerdict, wind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyproj

    from gis.geometry.source_crs import SourceCrs

#: Shifts from this length on are refused; shorter ones are noted, unless a web map explains them.
REFUSED_M = 300.0
#: Shifts below this are what two surveys of one place differ by, and not mentioned.
NOTED_M = 25.0
#: Points further from the outline than this lie elsewhere.
ELSEWHERE_M = 5_000.0
#: Fewest points that anything is concluded from.
FEWEST = 12
#: A vector is that of a hypothesis if it ends within this, or lies within both of the others.
SAME_M, _SAME_DEGREES, _SAME_SHARE = 30.0, 5.0, 0.1


@dataclass(frozen=True)
class Ground:
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
    ) -> "Ground":
        """Return the ground of a reference; ``known`` are its points that are finite."""
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
        """Return points of EPSG:4326 in the projected system, shape (n, 2)."""
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
        fine: NDArray[np.bool_] = np.isfinite(lonlat.sum(axis=1))
        if self.reference.outline is None:
            return float((fine & self.near(lonlat, 0.0)).mean())
        shapely.prepare(self.reference.outline)
        lon, lat = np.where(fine[:, None], lonlat, 1e9).T
        return float(np.mean(shapely.intersects_xy(self.reference.outline, lon, lat)))

    @property
    def name(self) -> str:
        """What people know the reference by."""
        reference = self.reference
        return reference.outline_name if reference.outline is not None else reference.points_name


def shifted(
    base: ShiftVerdict, named: Hypothesis | None, vector: tuple[float, float], against: str
) -> ShiftVerdict:
    """Return the verdict that a layer is shifted, by a mistake that has a name or by none.

    ``against`` ends the sentence: what it is shifted against.
    """
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


def shift_hypotheses(ground: Ground) -> "Sequence[Hypothesis]":
    """Return the mistakes that shift a layer by up to some kilometres."""
    return (*web_map_hypotheses(ground.declared), *scale_hypotheses())


def matching(vector: tuple[float, float], points: Lonlat, ground: Ground) -> Hypothesis | None:
    """Return the hypothesis that predicts a vector at this place, if one does."""
    middle = tuple(np.median(points, axis=0).tolist())
    best: tuple[float, Hypothesis] | None = None
    for hypothesis in shift_hypotheses(ground):
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
        away <= SAME_M
        or (turned <= _SAME_DEGREES and abs(np.hypot(*one) - length) <= _SAME_SHARE * length)
    )
