"""Indicators of grids, communities and a subdistrict: value, target, gap, and what lies behind.

Each indicator is a tally: things that are counted, over things by which they are divided, both
with the areas they lie in. So each number can be taken apart into the rows behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.shown_shares import kept_apart
from gis.errors import InvalidInputError, NotFoundError
from gis.frames import small_counts
from gis.frames.indicators import AREA_KINDS, INDICATORS
from gis.frames.small_counts import not_alone

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

_PLAN = "国务院办公厅关于印发《“十四五”城乡社区服务体系建设规划》的通知（国办发〔2021〕56号）"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached, at least, and who says so."""

    value: float
    source: str


#: Targets that are published; other indicators have none unless the caller sets one.
TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "floor_area_per_100_households": Target(30.0, _PLAN),
        "workers_per_10000_residents": Target(18.0, _PLAN),
    }
)
#: In codes of indicators: whatever a station offers.
ANY_SERVICE = "any"
#: Units of values, as codes: people read the label of ``unit:code``.
UNITS = ("share", "m2_per_100_households", "workers_per_10000_residents")


@dataclass(frozen=True, eq=False)
class Items:
    """Rows of a layer that are added up, each with the areas it lies in.

    Parameters
    ----------
    layer
        Their layer.
    ids
        ``(n,)`` keys.
    grid_id, community_id
        ``(n,)`` areas, None where a row lies in none.
    amount
        ``(n,)`` what each adds.
    """

    layer: str
    ids: "NDArray[np.object_]"
    grid_id: "NDArray[np.object_]"
    community_id: "NDArray[np.object_]"
    amount: "NDArray[np.float64]"

    def area(self, kind: str) -> "NDArray[np.object_] | None":
        """Return the areas of a kind; ``None`` for the subdistrict, which holds all."""
        return {"grid": self.grid_id, "community": self.community_id}.get(kind)

    def inside(self, kind: str, area_id: str) -> "Items":
        """Return the rows of an area that add something."""
        areas = self.area(kind)
        chosen = self.amount > 0
        if areas is not None:
            chosen &= areas == area_id
        return Items(
            self.layer,
            self.ids[chosen],
            self.grid_id[chosen],
            self.community_id[chosen],
            self.amount[chosen],
        )


@dataclass(frozen=True, eq=False)
class Tally:
    """An indicator: ``scale`` × what is counted over what it is divided by.

    Parameters
    ----------
    indicator
        Its code.
    counted, base
        Numerator and denominator.
    unit
        Unit of the value, of :data:`UNITS`.
    scale
        For example 100 for values per 100 households.
    kinds
        Kinds of area that it is given for.
    sensitive
        Whether it counts people, so that small numbers are withheld.
    unknown
        Keys of areas of which nobody has told what is counted: they have no value, not 0.
    """

    indicator: str
    counted: Items
    base: Items
    unit: str = "share"
    scale: float = 1.0
    kinds: tuple[str, ...] = AREA_KINDS
    sensitive: bool = False
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas that indicators are given for.

    Parameters
    ----------
    grids
        Community of each grid, by key.
    communities
        Keys of the communities.
    subdistrict
        Key of the division that holds them all.
    """

    grids: Mapping[str, str]
    communities: Sequence[str]
    subdistrict: str

    def of(self, kind: str) -> "list[tuple[str, str | None]]":
        """Return key and community of the areas of a kind, in order of key."""
        if kind == "grid":
            return sorted(self.grids.items())
        if kind == "community":
            return [(key, key) for key in sorted(self.communities)]
        return [(self.subdistrict, None)]


@dataclass(frozen=True, eq=False)
class IndicatorTable:
    """The indicators of a day.

    Parameters
    ----------
    table
        A frame of :data:`gis.frames.INDICATORS`, nothing withheld: by indicator, kind of area, key.
    tallies
        What they were made from.
    """

    table: "pd.DataFrame"
    tallies: Mapping[str, Tally]

    def behind(self, indicator: str, area_kind: str, area_id: str) -> tuple[Items, Items]:
        """Return the rows behind a number: those counted, and those that they are divided by.

        For a share of people both are buildings, with the people that each adds.

        Raises
        ------
        gis.errors.NotFoundError
            There is no such indicator, or not for this kind of area.
        """
        tally = self.tallies.get(indicator)
        if tally is None or area_kind not in tally.kinds:
            msg = f"There is no indicator {indicator} of a {area_kind}."
            raise NotFoundError(msg, remedy=f"Use one of {', '.join(sorted(self.tallies))}.")
        return tally.counted.inside(area_kind, area_id), tally.base.inside(area_kind, area_id)


def indicator_table(
    tallies: Sequence[Tally], areas: Areas, *, targets: Mapping[str, Target] = TARGETS
) -> IndicatorTable:
    """Return the value, target and gap of each indicator for each area.

    Parameters
    ----------
    tallies
        The indicators.
    areas
        Areas that are told, those without anybody in them too.
    targets
        By code of the indicator.

    Returns
    -------
    IndicatorTable
        ``value`` and ``gap`` are empty where there is nothing to divide by: a community without
        residents has no share, not the share 0.
    """
    import pandas as pd

    parts = []
    for tally in tallies:
        for kind in tally.kinds:
            told = areas.of(kind)
            keys = [key for key, _ in told]
            counted, base = (_sums(items, kind, keys) for items in (tally.counted, tally.base))
            value = np.divide(
                tally.scale * counted, base, out=np.full(len(keys), np.nan), where=base > 0
            )
            value[[key in tally.unknown for key in keys]] = np.nan
            target = targets.get(tally.indicator)
            data: dict[str, Any] = {
                "indicator": tally.indicator,
                "area_kind": kind,
                "area_id": keys,
                "community_id": [home for _, home in told],
                "value": value,
                "target": target.value if target else None,
                "gap": np.maximum(target.value - value, 0.0) if target else None,
                "unit": tally.unit,
                "numerator": counted,
                "denominator": base,
                "source": target.source if target else None,
            }
            parts.append(pd.DataFrame(data, index=range(len(keys)), dtype=object))
    if not parts:
        return IndicatorTable(INDICATORS.empty(), MappingProxyType({}))
    table = pd.concat(parts, ignore_index=True)
    order = ["indicator", "area_kind", "area_id"]
    table = table.sort_values(order, kind="stable", ignore_index=True)
    return IndicatorTable(
        INDICATORS.conform(table), MappingProxyType({tally.indicator: tally for tally in tallies})
    )


def _sums(items: Items, kind: str, keys: Sequence[str]) -> "NDArray[np.float64]":
    areas = items.area(kind)
    if areas is None:
        return np.array([items.amount.sum()])
    row = {key: at for at, key in enumerate(keys)}
    at = np.array([row.get(area, -1) for area in areas], dtype=np.int64)
    sums = np.bincount(at[at >= 0], items.amount[at >= 0], len(keys))
    return np.asarray(sums, dtype=float)


def withheld(indicators: IndicatorTable, below: int) -> "pd.DataFrame":
    """Return the table as people see it: without small counts, and without what reveals them.

    Of indicators that count people, a row is withheld if its number, what it is divided by, or the
    rest are small, or if the number is too near to another one of the same people of the area, as
    :func:`gis.coverage.shown_shares.kept_apart` says; and so are further rows among the grids of a
    community, or the communities, whose sum is known, as
    :func:`gis.frames.small_counts.withheld` says.

    Parameters
    ----------
    indicators
        The indicators.
    below
        Counts from 1 to this less one are small.

    Returns
    -------
    pandas.DataFrame
        The same rows; of those withheld ``suppressed`` is true, and value, gap, numerator and
        denominator are empty.
    """
    table = indicators.table.copy()
    sensitive = [t.indicator for t in indicators.tallies.values() if t.sensitive]
    hidden = np.zeros(len(table), dtype=bool)
    chosen = table["indicator"].isin(sensitive)
    near = _too_near(table[chosen], below)
    siblings = table["community_id"].where(table["area_kind"] == "grid", "all")
    for _, rows in table[chosen].groupby(["indicator", "area_kind", siblings[chosen]], sort=True):
        at = rows.index.to_numpy()
        counts = rows[["numerator", "denominator"]].to_numpy(dtype=np.int64)
        hidden[at] = _hidden(counts[:, 0], counts[:, 1], below, near.loc[at].to_numpy())
    table["suppressed"] = hidden
    table.loc[hidden, ["value", "gap", "numerator", "denominator"]] = np.nan
    return table


def _too_near(table: "pd.DataFrame", below: int) -> "pd.Series[bool]":
    """Return which numbers differ by a small one from another number of the same people.

    Those of a service are held against each other, and against those of any service, within which
    they lie.
    """
    import pandas as pd

    out = pd.Series(data=False, index=table.index)
    if below <= 1 or not len(table):
        return out
    code = table["indicator"].str.partition(":")
    service = code[2].str.rsplit("_", n=2).str[0].rename("service")
    for _, rows in table.groupby([code[0], "area_kind", "area_id"], sort=True):
        total = int(rows["denominator"].iloc[0])
        offered = dict(list(rows["numerator"].astype(np.int64).groupby(service[rows.index])))
        first = kept_apart(offered.get(ANY_SERVICE, ()), total, below)
        for counts in offered.values():
            kept = kept_apart([*first.tolist(), *counts], total, below)
            out[counts.index] = ~counts.isin(kept)
    return out


def _hidden(
    counted: "NDArray[np.int64]", base: "NDArray[np.int64]", below: int, near: "Bools"
) -> "Bools":
    hidden = near.copy()
    for counts in (counted, base, base - counted):
        hidden |= small_counts.withheld(counts, below)
    return not_alone(hidden, base)


def trends(history: "pd.DataFrame", as_of: date, *, slack_days: int = 15) -> "pd.DataFrame":
    """Compare the indicators of a day with those of the month and the year before.

    Parameters
    ----------
    history
        ``as_of``, ``data_version``, ``indicator``, ``area_kind``, ``area_id`` and ``value`` of
        stored runs, one for a day.
    as_of
        The day; values of this day are compared.
    slack_days
        A value counts as that of the month (year) before if its day is at most so many days away
        from the same day then; the nearest counts, of two equally near the earlier.

    Returns
    -------
    pandas.DataFrame
        ``indicator``, ``area_kind``, ``area_id``, ``value``, ``data_version``; and for ``month``
        and ``year``: ``{x}_as_of``, ``{x}_value``, ``{x}_change`` and ``{x}_data_version`` (empty
        where there is none); in order of the first three.

    Raises
    ------
    gis.errors.InvalidInputError
        Two values are told for one indicator, area and day.
    """
    keys = ["indicator", "area_kind", "area_id"]
    twice = history.duplicated([*keys, "as_of"])
    if twice.any():
        row = history[twice].iloc[0]
        msg = f"{row['indicator']} of {row['area_kind']} {row['area_id']} is told twice."
        raise InvalidInputError(msg, remedy="Give the last run of each day.", field="history")
    days = compared_days(history["as_of"], as_of, slack_days)
    out = history.loc[history["as_of"] == as_of, [*keys, "value", "data_version"]]
    for name, then in days.items():
        past = history.loc[history["as_of"] == then, [*keys, "as_of", "value", "data_version"]]
        names = {column: f"{name}_{column}" for column in ("as_of", "value", "data_version")}
        out = out.merge(past.rename(columns=names), on=keys, how="left")
        out[f"{name}_change"] = out["value"].astype(float) - out[f"{name}_value"].astype(float)
    return out.sort_values(keys, kind="stable", ignore_index=True)


def compared_days(days: Iterable[date], as_of: date, slack_days: int) -> dict[str, date | None]:
    """Return the days that a day is compared with, ``month`` and ``year`` before.

    Parameters
    ----------
    days
        Those that are known.
    as_of, slack_days
        As for :func:`trends`.
    """
    out: dict[str, date | None] = {}
    known = sorted(day for day in set(days) if day < as_of)
    for name, then in (("month", _month_before(as_of)), ("year", _year_before(as_of))):
        near = [(abs((day - then).days), day) for day in known]
        out[name] = min(near)[1] if near and min(near)[0] <= slack_days else None
    return out


def _month_before(day: date) -> date:
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def _year_before(day: date) -> date:
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    return day.replace(year=day.year - 1, day=last)
