"""Buildings that lie in no community, or in more than one."""

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.ingest.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis.ingest.audit.ground import Ground


def buildings_in_communities(ground: "Ground") -> "Iterator[Finding]":
    """Yield buildings outside every community, and those over a line, with the share of each side.

    A building lies outside if the place where it is entered does; it is an error if people live
    there, because nobody serves them. One that merely reaches outside is a warning.
    """
    if not ground.has("buildings", "communities"):
        return
    rows = _not_inside_one(ground)
    if not len(rows):
        return
    shapes, homes = ground.valid("buildings")[rows], ground.valid("communities")
    at, home = shapely.STRtree(homes).query(shapes, predicate="intersects")
    share_m2 = shapely.area(shapely.intersection(shapes[at], homes[home]))
    entered = _entered(ground, rows)
    area = shapely.area(shapes)
    union = shapely.union_all(homes[np.unique(home)]) if len(home) else shapely.MultiPolygon()
    outside = shapely.area(shapely.difference(shapes, union))
    begins = np.searchsorted(at, np.arange(len(rows) + 1))
    for i, row in enumerate(rows.tolist()):
        mine = slice(begins[i], begins[i + 1])
        told = _told(ground, row, home[mine], share_m2[mine], float(outside[i]))
        if not entered[i]:
            yield _outside(ground, row, float(area[i]), float(outside[i]))
        elif told:
            shares, where = told
            yield Finding(
                where,
                "buildings",
                [ground.ids("buildings")[row]],
                shapes[i],
                size_m2=sum(sorted(shares.values())[:-1]),
                severity="warning",
                detail={
                    "shares_m2": {code: round(m2, 2) for code, m2 in shares.items()},
                    "households": _households(ground, row),
                },
            )


def _not_inside_one(ground: "Ground") -> "NDArray[np.intp]":
    """Return the buildings that are not wholly within exactly one community.

    The communities ask the index of buildings: GEOS prepares the side that asks, and a community
    has a thousand times as many vertices.
    """
    _, inside = ground.tree("buildings").query(ground.valid("communities"), predicate="covers")
    homes = np.bincount(inside, minlength=len(ground.ids("buildings")))
    return np.flatnonzero(
        (homes != 1) & ~shapely.is_empty(ground.valid("buildings")),
    )


def _entered(ground: "Ground", rows: "NDArray[np.intp]") -> "NDArray[np.bool_]":
    points = ground.locations()[rows]
    _, inside = shapely.STRtree(points).query(ground.valid("communities"), predicate="intersects")
    entered = np.zeros(len(rows), dtype=bool)
    entered[inside] = True
    return entered


def _told(
    ground: "Ground",
    row: int,
    homes: "NDArray[np.intp]",
    shares_m2: "NDArray[np.float64]",
    outside_m2: float,
) -> tuple[dict[str, float], str] | None:
    """Return the shares of a building by community code, and what it is; ``None``: nothing."""
    del row
    codes = ground.column("communities", "code")
    large = shares_m2 >= ground.options.straddle_m2
    shares = {
        str(codes[home]): float(m2)
        for home, m2 in sorted(zip(homes[large].tolist(), shares_m2[large].tolist(), strict=True))
    }
    if len(shares) > 1:
        return shares, "building_straddling"
    if outside_m2 >= ground.options.straddle_m2:
        return {**shares, "outside": outside_m2}, "building_outside"
    return None


def _outside(ground: "Ground", row: int, area_m2: float, outside_m2: float) -> Finding:
    households = _households(ground, row)
    return Finding(
        "building_outside",
        "buildings",
        [ground.ids("buildings")[row]],
        ground.valid("buildings")[row],
        size_m2=outside_m2,
        severity="error" if households else "warning",
        detail={"households": households, "wholly": outside_m2 >= area_m2 - 0.01},
    )


def _households(ground: "Ground", row: int) -> int:
    value = ground.numbers("buildings", "households")[row]
    return 0 if np.isnan(value) else int(value)
