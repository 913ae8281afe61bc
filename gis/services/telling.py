"""To whom counts of people within reach are told how, and the answers that are told so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.shares import PEOPLE
from gis.coverage.verdicts import THRESHOLDS_M
from gis.coverage.walking_coverage import THRESHOLDS_MIN
from gis.errors import ForbiddenError
from gis.frames.small_counts import SENSITIVE
from gis.frames.telling import Telling, base_of, rounded_all, rounded_parts
from gis.services.coverage_weeks import chosen_buildings

if TYPE_CHECKING:
    import pandas as pd

    from gis.scope import Scope
    from gis.services.coverage_asked import CoverageQuestion
    from gis.services.coverage_by_walking import Coverage
    from gis.services.coverage_shares import AreaCover, Within
    from gis.services.coverage_weeks import Week
    from gis.services.walking_areas import Reach


def telling_of(scope: "Scope", below: int, *, usual: bool = True) -> Telling:
    """Return how people within reach are told to a principal.

    Parameters
    ----------
    scope
        Who asks.
    below
        Counts from 1 to this less one are small in this installation.
    usual
        Whether the limits that are asked with are the usual ones; at others a principal that is
        told rounded counts is told of homes alone, else one could try limit after limit.
    """
    if scope.full_counts or below <= 1:
        return Telling()
    if scope.is_owner:
        return Telling(below)
    return Telling(base=base_of(below), people=usual and not scope.sees_houses)


def is_usual(metres: Collection[float] = (), minutes: Collection[float] = ()) -> bool:
    """Return whether limits are among those that everybody asks with."""
    return set(metres) <= set(THRESHOLDS_M) and set(minutes) <= set(THRESHOLDS_MIN)


def asks_as_usual(question: "CoverageQuestion") -> bool:
    """Return whether a question is asked with the usual thresholds."""
    return is_usual(question.options.thresholds_m, question.options.thresholds_min)


def reaches_as_usual(reach: "Reach") -> bool:
    """Return whether areas are drawn with the usual limits, at the speed of a group."""
    return is_usual(reach.metres, reach.minutes) and reach.speed_m_s is None


def require_told(telling: Telling, count: str) -> None:
    """Raise unless a count is told as it is, where an answer is worked out from it.

    Raises
    ------
    gis.errors.ForbiddenError
        It is told rounded or not at all: quotients and rests would give it away.
    """
    if count in SENSITIVE and not telling.is_exact:
        raise ForbiddenError(
            f"What is worked out from the {count} of single buildings is not told to your role.",
            remedy="Ask with count=households, or ask a planner or a manager of the area.",
        )


def told_cover(cover: "AreaCover", telling: Telling) -> "AreaCover":
    """Return what is told of who of an area is within reach; all counts of it are known."""
    if telling.is_exact:
        return cover
    total = {name: _known(cover.counts[name]) for name in PEOPLE}
    counts = {name: telling.count(name, total[name], total[name]) for name in PEOPLE}
    return replace(
        cover,
        counts=counts,
        suppressed=telling.withheld(counts),
        within=[_told_within(one, total, telling) for one in cover.within],
    )


def _told_within(within: "Within", total: Mapping[str, int], telling: Telling) -> "Within":
    told = told_part({n: _known(within.covered[n]) for n in PEOPLE}, total, telling)
    return replace(
        within, covered=told["counts"], share=told["share"], suppressed=told["suppressed"]
    )


def told_part(
    part: Mapping[str, int], total: Mapping[str, int], telling: Telling
) -> dict[str, Any]:
    """Return ``counts``, ``share`` and ``suppressed`` of some of the people of a place."""
    counts = {name: telling.count(name, part[name], total[name]) for name in PEOPLE}
    return {
        "counts": counts,
        "share": {name: telling.share(name, part[name], total[name]) for name in PEOPLE},
        "suppressed": telling.withheld(counts),
    }


def told_variants(
    coverage: "Coverage",
    community: str | None,
    rows: Sequence[Mapping[str, Any]],
    telling: Telling,
) -> list[dict[str, Any]]:
    """Return what is told of shares under other assumptions, given all of them as they are.

    A change is that of the shares as told.
    """
    if telling.is_exact:
        return [dict(row) for row in rows]
    buildings = coverage.places.buildings[chosen_buildings(coverage.places, community)]
    total = {name: int(buildings[name].sum()) for name in PEOPLE}
    told = [
        {**row, "share": {n: _told_share(n, row["share"][n], total, telling) for n in PEOPLE}}
        for row in rows
    ]
    asked = {_limit(row): row["share"] for row in told if row["variant"] == "as_asked"}
    return [_with_change(row, asked[_limit(row)]) for row in told]


def _limit(row: Mapping[str, Any]) -> tuple[str, float]:
    return row["unit"], row["threshold"]


def _told_share(
    name: str, share: float | None, total: Mapping[str, int], telling: Telling
) -> float | None:
    if share is None:
        return None
    return telling.share(name, round(share * total[name]), total[name])


def _with_change(row: dict[str, Any], asked: Mapping[str, float | None]) -> dict[str, Any]:
    change = dict(row["change"])
    for name in SENSITIVE:
        now, before = row["share"][name], asked[name]
        known = now is not None and before is not None and change[name] is not None
        change[name] = round(now - before, 2) if known else None
    return row | {"change": change}


def told_ways(rows: Sequence[Mapping[str, Any]], telling: Telling) -> list[dict[str, Any]]:
    """Return what is told of who is served in which way, given all of it as it is."""
    if telling.is_exact:
        return [dict(row) for row in rows]
    total = {name: sum(row["counts"][name] for row in rows) for name in PEOPLE}
    return [{**row, **told_part(row["counts"], total, telling)} for row in rows]


def told_week(week: "Week", telling: Telling) -> "Week":
    """Return what is told of a week, given all of it as it is."""
    if telling.is_exact:
        return week
    total = {name: _known(week.counts[name]) for name in PEOPLE}
    hours = []
    for hour in week.hours:
        part = told_part(hour["covered"], total, telling)
        hours.append({**hour, **part, "covered": part.pop("counts")})
    counts = {name: telling.count(name, total[name], total[name]) for name in PEOPLE}
    return replace(week, hours=hours, counts=counts)


#: Not of people, but divided by them.
PER_RESIDENTS = "workers_per_10000_residents"


def told_indicators(
    table: "pd.DataFrame", sensitive: Collection[str], usual: Collection[str], telling: Telling
) -> "pd.DataFrame":
    """Return stored indicators with their people rounded, or without them.

    Parameters
    ----------
    table
        ``indicator``, ``numerator``, ``denominator``, ``value``, ``target`` and ``gap``.
    sensitive
        Indicators that count people, and :data:`PER_RESIDENTS`.
    usual
        Those of them that are by one of the usual limits, or by none.
    telling
        How people are told.
    """
    out = table.assign(suppressed=False)
    chosen = table["indicator"].isin(sensitive).to_numpy()
    own = table[chosen]
    part, of, value, target = (
        own[name].to_numpy(dtype=float) for name in ("numerator", "denominator", "value", "target")
    )
    total = rounded_all(of, telling.base)
    people = (own["indicator"] != PER_RESIDENTS).to_numpy()
    told = np.where(people, rounded_parts(part, of, telling.base), part)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(part > 0, value * of / part, 1.0)
        found = np.round(scale * told / total, 2)
    found = np.where(people, np.minimum(found, 1.0), found)
    gone = ((of > 0) & (of < 2 * telling.base)) | ~own["indicator"].isin(usual).to_numpy()
    if not telling.people:
        gone[:] = True
    missing = np.maximum(np.round(target - found, 2), 0.0)
    numbers = {"numerator": told, "denominator": total, "value": found, "gap": missing}
    for name, values in numbers.items():
        out.loc[chosen, name] = np.where(gone, np.nan, values)
    out.loc[chosen, "suppressed"] = gone
    return out


def told_areas(areas: "pd.DataFrame", telling: Telling) -> "pd.DataFrame":
    """Return areas with a column ``suppressed`` and their people as they are told.

    Those of which small counts are withheld are left to :mod:`gis.outlets.area_geojson`.
    """
    if telling.is_exact or "residents" not in areas:
        return areas
    told = {name: [telling.count(name, int(value)) for value in areas[name]] for name in SENSITIVE}
    gone = [] if telling.people else list(SENSITIVE)
    import pandas as pd

    columns = {n: pd.Series(v, index=areas.index, dtype=object) for n, v in told.items()}
    columns["suppressed"] = pd.Series([gone] * len(areas), index=areas.index, dtype=object)
    return areas.assign(**columns)


def _known(count: int | None) -> int:
    assert count is not None  # counts are rounded before anything is withheld
    return count
