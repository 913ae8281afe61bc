"""Shares of people within reach per grid, community and for all, as people may see them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gis.coverage.shares import PEOPLE
from gis.coverage.shown_shares import counts_apart, withheld_within
from gis.coverage.verdicts import THRESHOLDS_M
from gis.coverage.walking_coverage import THRESHOLDS_MIN
from gis.errors import InvalidInputError, NotFoundError
from gis.frames import small_counts
from gis.frames.small_counts import SENSITIVE
from gis.layers import divisions, grids
from gis.network import SPEEDS, minutes

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.services.coverage_by_walking import Coverage
    from gis.services.walking import Places

Per = Literal["grid", "community", "subdistrict"]
PERS: tuple[Per, ...] = ("grid", "community", "subdistrict")
#: Counts that are never withheld: they are of homes, not of people.
OPEN_COUNTS = ("households",)


@dataclass(frozen=True, slots=True)
class Within:
    """Who is within a threshold; a count and its share are None where they are withheld.

    Parameters
    ----------
    threshold, unit
        Metres (``m``) or minutes (``min``).
    covered
        People by count.
    share
        0 to 1; None also where there is nobody.
    suppressed
        Counts that are withheld.
    """

    threshold: float
    unit: Literal["m", "min"]
    covered: Mapping[str, int | None]
    share: Mapping[str, float | None]
    suppressed: Sequence[str]


@dataclass(frozen=True, slots=True)
class AreaCover:
    """A grid, a community or all, and who of it is within reach.

    Parameters
    ----------
    id, code, name
        Which; the subdistrict has no id.
    community_code
        Of a grid: its community.
    counts
        All people by count, None where withheld; ``suppressed`` names these.
    within
        By threshold.
    """

    id: str | None
    code: str | None
    name: str | None
    community_code: str | None
    counts: Mapping[str, int | None]
    suppressed: Sequence[str]
    within: Sequence[Within]


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas, and in which of them each building lies.

    Parameters
    ----------
    table
        ``id``, ``code``, ``name``, ``community_code``, ``siblings`` (areas whose sum is known).
    of
        ``id`` of the area of each building, None: in none; of one that the plan splits by its units
        the grid with most of it.
    plan_ids
        Plans that the grids are of.
    whole
        The one area is all there is (or all of a community).
    parts
        Shares of buildings that are split, on the index of the buildings: ``area``,
        ``share_from``, ``share_to``, ``share_of``; None: there are none.
    """

    table: "pd.DataFrame"
    of: "pd.Series[str]"
    plan_ids: Sequence[str] = ()
    whole: bool = False
    parts: "pd.DataFrame | None" = None

    def people(self, buildings: "pd.DataFrame") -> "pd.DataFrame":
        """Return buildings with their ``area`` (or None) and the people who count there.

        A building that is split has a row for each part, on the same label of the index. Its people
        are divided as in the counts of the grids, so they add up to those of the building.
        """
        import pandas as pd

        whole = buildings.assign(area=self.of.loc[buildings.index])
        parts = self.parts
        parts = None if parts is None else parts[parts.index.isin(buildings.index)]
        if parts is None or not len(parts):
            return whole
        own = buildings.loc[parts.index].assign(area=parts["area"].to_numpy())
        start, end, of = (
            parts[name].to_numpy(dtype=np.int64) for name in ("share_from", "share_to", "share_of")
        )
        for name in PEOPLE:
            people = own[name].to_numpy(dtype=np.int64)
            own[name] = people * end // of - people * start // of
        return pd.concat([whole.drop(index=parts.index.unique()), own])

    @property
    def groups(self) -> "list[NDArray[np.intp]]":
        """Rows of areas whose sum is known, group by group."""
        siblings = self.table["siblings"].to_numpy(dtype=object)
        return [np.flatnonzero(siblings == one) for one in dict.fromkeys(siblings)]


def read_areas(
    session: "Session",
    scope: "Scope",
    places: "Places",
    per: Per,
    day: "date",
    *,
    kind: str = "community",
    community: str | None = None,
) -> Areas:
    """Return areas of a kind, the grids being those of the plan in effect on the day.

    Raises
    ------
    gis.errors.InvalidInputError
        No plan is in effect on that day.
    gis.errors.NotFoundError
        There is no community with the code.
    """
    communities = places.communities
    if community is not None and community not in set(communities["code"]):
        raise NotFoundError(
            f"There is no community {community}.", remedy="The layer communities lists them."
        )
    if per == "grid":
        found = _grids(session, scope, places, kind, day)
    elif per == "community":
        table = communities.assign(community_code=communities["code"], siblings="all")
        found = Areas(table, places.buildings["community_id"])
    else:
        return _whole(session, scope, places, community)
    if community is None:
        return found
    chosen = found.table[found.table["community_code"] == community]
    parts = found.parts
    return Areas(
        chosen,
        found.of.where(found.of.isin(chosen["id"]), None),
        found.plan_ids,
        parts=None if parts is None else parts[parts["area"].isin(chosen["id"])],
    )


def _grids(session: "Session", scope: "Scope", places: "Places", kind: str, day: "date") -> Areas:
    drawn = grids.read_grids(session, scope, kind, day)
    if not len(drawn):
        raise InvalidInputError(
            f"No {kind} plan is in effect on {day}.",
            remedy="Ask for communities (per=community), or put a plan in effect.",
            field="per",
        )
    plan_ids = sorted(set(drawn["plan_id"]))
    members = grids.read_building_grids(session, scope, plan_ids)
    members = members[members["grid_id"].isin(drawn["id"])]
    grid_of = dict(zip(members["building_id"], members["grid_id"], strict=True))
    own = places.buildings["id"].map(grid_of).astype(object)
    table = drawn.assign(name=None, siblings=drawn["community_code"])
    parts = grids.read_building_parts(session, scope, plan_ids)
    parts = parts[parts["grid_id"].isin(drawn["id"])].rename(columns={"grid_id": "area"})
    label_of = dict(zip(places.buildings["id"], places.buildings.index, strict=True))
    parts = parts[parts["building_id"].isin(label_of)]
    return Areas(
        table,
        own.where(own.notna(), None),
        plan_ids,
        parts=parts.set_index(parts["building_id"].map(label_of)) if len(parts) else None,
    )


def _whole(session: "Session", scope: "Scope", places: "Places", community: str | None) -> Areas:
    import pandas as pd

    code = None
    with suppress(NotFoundError):  # several subdistricts have no code together
        code = divisions.scope_code(session, scope)
    row = {"id": "all", "code": code, "name": None, "community_code": None, "siblings": "all"}
    buildings = places.buildings
    own = pd.Series("all", index=buildings.index, dtype=object)
    if community is not None:
        chosen = places.communities.loc[places.communities["code"] == community, "id"]
        own = own.where(buildings["community_id"].isin(chosen), None)
    return Areas(pd.DataFrame([row]), own, whole=True)


def area_covers(coverage: "Coverage", areas: Areas, below: int) -> list[AreaCover]:
    """Return who of each area is within each threshold, in order of the areas.

    Parameters
    ----------
    coverage
        The verdicts.
    areas
        The areas.
    below
        Counts of people from 1 to this less one are small: they are withheld, and others with
        them from which they could be worked out.
    """
    options = coverage.question.options
    total = _totals(coverage.places.buildings, areas)
    sums = _sums_withheld(coverage, areas, below)
    hidden = _hidden(areas, below, (), total, sums)
    withins = _withins(coverage, areas, ("m", options.thresholds_m), below)
    if options.thresholds_min:
        more = _withins(coverage, areas, ("min", options.thresholds_min), below)
        withins = [[*one, *other] for one, other in zip(withins, more, strict=True)]
    facts = areas.table[["id", "code", "name", "community_code"]].astype(object)
    told = facts.where(facts.notna(), None).to_dict("records")
    return [
        AreaCover(
            id=None if areas.whole else area["id"],
            code=area["code"],
            name=area["name"],
            community_code=area["community_code"],
            counts={n: None if hidden[n][0, row] else int(total[n][row]) for n in PEOPLE},
            suppressed=[n for n in PEOPLE if hidden[n][0, row]],
            within=withins[row],
        )
        for row, area in enumerate(told)
    ]


def _withins(
    coverage: "Coverage",
    areas: Areas,
    asked: tuple[Literal["m", "min"], Sequence[float]],
    below: int,
) -> list[list[Within]]:
    """Return for each area who is within the thresholds of a unit."""
    unit, limits = asked
    buildings = coverage.places.buildings
    walked = coverage.verdicts["distance_m" if unit == "m" else "minutes"]
    total = _totals(buildings, areas)
    near = [_totals(buildings[walked <= limit], areas) for limit in limits]
    taken = _taken(coverage, areas, near, below, unit=unit)
    sums = _sums_withheld(coverage, areas, below)
    hidden = _hidden(areas, below, near, total, sums, taken)
    out: list[list[Within]] = [[] for _ in range(len(areas.table))]
    for at, limit in enumerate(limits):
        for row, listed in enumerate(out):
            gone = {name for name in PEOPLE if hidden[name][at, row]}
            covered = {n: None if n in gone else int(near[at][n][row]) for n in PEOPLE}
            share = {n: _share(covered[n], int(total[n][row])) for n in PEOPLE}
            listed.append(Within(limit, unit, covered, share, sorted(gone, key=PEOPLE.index)))
    return out


def _taken(
    coverage: "Coverage",
    areas: Areas,
    near: "Sequence[dict[str, NDArray[np.int64]]]",
    below: int,
    *,
    unit: str,
) -> "dict[str, NDArray[np.bool_]]":
    """Return for each count which thresholds of which area are too near to another count."""
    options = coverage.question.options
    usual = {"m": THRESHOLDS_M, "min": THRESHOLDS_MIN}[unit]
    asked = options.thresholds_m if unit == "m" else options.thresholds_min
    every = not set(asked) <= set(usual)
    people = areas.people(coverage.places.buildings[list(PEOPLE)])
    rows = people.groupby("area").indices
    out = {name: np.zeros((len(near), len(areas.table)), dtype=bool) for name in PEOPLE}
    if below <= 1:
        return out
    for at, key in enumerate(areas.table["id"]):
        own = people.iloc[rows.get(key, [])]
        apart = people_apart(coverage, own, below, every=every)
        for name, counts in apart.items():
            out[name][:, at] = ~np.isin([one[name][at] for one in near], counts)
    return out


def people_apart(
    coverage: "Coverage", people: "pd.DataFrame", below: int, *, every: bool = True
) -> "dict[str, NDArray[np.int64]]":
    """Return which counts of people of a place may be shown, whichever threshold is asked with.

    Parameters
    ----------
    coverage
        The verdicts.
    people
        The buildings of the place, on the index of all, with the people who count there.
    below
        Counts of people from 1 to this less one are small.
    every
        Thresholds other than the usual ones, or other speeds, may be asked with.

    Returns
    -------
    dict
        By count, without those that are never withheld:
        :func:`gis.coverage.shown_shares.counts_apart`.
    """
    walked = coverage.verdicts.loc[people.index]
    metres, cost = (walked[name].to_numpy(dtype=float) for name in ("distance_m", "cost_m"))
    reaches: list[tuple[NDArray[np.float64], Sequence[float]]] = [(metres, THRESHOLDS_M)]
    # The usual minutes at every speed: who asks for another one sees no other count.
    reaches += [(minutes(cost, speed), THRESHOLDS_MIN) for speed in SPEEDS.values()]
    return {
        name: counts_apart(people[name].to_numpy(dtype=np.int64), reaches, below, every=every)
        for name in PEOPLE
        if name not in OPEN_COUNTS
    }


def _sums_withheld(coverage: "Coverage", areas: Areas, below: int) -> dict[str, set[str]]:
    """Return by count the communities whose people are withheld although they are not few."""
    if not areas.plan_ids or below <= 1:
        return {}
    places = coverage.places
    code_of = dict(zip(places.communities["id"], places.communities["code"], strict=True))
    people = places.buildings[list(SENSITIVE)].groupby(places.buildings["community_id"]).sum()
    codes = people.index.map(code_of).to_numpy(dtype=object)
    return {
        name: set(codes[small_counts.also_withheld(people[name].to_numpy(dtype=np.int64), below)])
        for name in SENSITIVE
    }


def _share(covered: int | None, total: int) -> float | None:
    return None if covered is None or total == 0 else round(covered / total, 4)


def _totals(buildings: "pd.DataFrame", areas: Areas) -> "dict[str, NDArray[np.int64]]":
    """Return the people of each area in some of the buildings."""
    people = areas.people(buildings[list(PEOPLE)])
    sums = people.groupby("area").sum()
    found = sums.reindex(areas.table["id"].to_numpy(), fill_value=0)
    return {name: found[name].to_numpy(dtype=np.int64) for name in PEOPLE}


def _hidden(
    areas: Areas,
    below: int,
    near: "Sequence[dict[str, NDArray[np.int64]]]",
    total: "dict[str, NDArray[np.int64]]",
    sums: "Mapping[str, set[str]]",
    taken: "dict[str, NDArray[np.bool_]] | None" = None,
) -> "dict[str, NDArray[np.bool_]]":
    """Return for each count which thresholds (without any: the total) of which area to withhold.

    ``taken`` are counts that are withheld whatever the others are, ``sums`` groups of areas whose
    sum is.
    """
    groups, siblings = areas.groups, areas.table["siblings"].to_numpy(dtype=object)
    out = {}
    for name in PEOPLE:
        hidden = np.zeros((max(len(near), 1), len(areas.table)), dtype=bool)
        for at in groups if name not in OPEN_COUNTS else ():
            people, gone = total[name][at], siblings[at[0]] in sums.get(name, ())
            hidden[:, at] = (
                withheld_within(
                    [one[name][at] for one in near],
                    people,
                    below,
                    None if taken is None else taken[name][:, at],
                    sum_withheld=gone,
                )
                if near
                else small_counts.withheld(people, below, sum_withheld=gone)
            )
        out[name] = hidden
    return out
