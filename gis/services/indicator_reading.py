"""Stored indicators as people see them: with target, trend, and small counts withheld."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.indicators import (
    IndicatorTable,
    Items,
    Tally,
    compared_days,
    indicator_table,
    trends,
    withheld,
)
from gis.errors import InvalidInputError, NotFoundError
from gis.frames import small_counts
from gis.frames.telling import Telling
from gis.layers import coverage_runs
from gis.layers.communities import Community
from gis.layers.grids import Grid
from gis.layers.queries import labels_of
from gis.services.indicators import (
    ANY,
    RunGround,
    RunOrder,
    people_of,
    read_run_ground,
    staffing_of,
    verdicts_of,
)
from gis.services.locating import local_day
from gis.services.telling import PER_RESIDENTS, is_usual, told_indicators
from gis.services.withholding import withheld_of_buildings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.services.coverage_asked import Method
    from gis.services.walking import WalkingGrounds

#: A value counts as that of the month or year before if its day is at most so many days away.
SLACK_DAYS = 15
_NOTHING = np.empty(0, dtype=object)


@dataclass(frozen=True, slots=True)
class IndicatorQuestion:
    """Which indicators are asked for.

    Parameters
    ----------
    timezone
        IANA name of the zone of the place.
    as_of
        The day; the last run of it, or of the day before it that has one, answers. Today if it is
        left out.
    area_kind
        ``grid``, ``community`` or ``subdistrict``; ``None``: all.
    community
        Code of a community: its own and its grids' indicators.
    indicator
        Code of one; ``None``: all.
    method
        ``walking`` or ``straight_line``; ``None``: as the last run was measured.
    below
        Counts of people from 1 to this less one are withheld.
    telling
        How people are told where they are rounded, or not told.
    """

    timezone: str
    as_of: date | None = None
    area_kind: str | None = None
    community: str | None = None
    indicator: str | None = None
    method: "Method | None" = None
    below: int = 1
    telling: Telling = field(default_factory=Telling)

    @property
    def day(self) -> date:
        """The day that is meant."""
        return self.as_of or local_day(datetime.now(UTC), self.timezone)


@dataclass(frozen=True, eq=False)
class Indicators:
    """What is known of a day.

    Parameters
    ----------
    run
        The run: a row of :class:`gis.layers.coverage_runs.CoverageRun`.
    table
        By indicator, kind of area and key: ``indicator``, ``area_kind``, ``area_id``, ``code`` and
        ``name`` of the area, ``community_id``, ``value``, ``target``, ``gap``, ``unit``,
        ``source``, ``numerator``, ``denominator``, ``suppressed``, and for ``month`` and ``year``
        before ``{x}_as_of``, ``{x}_value``, ``{x}_change``.
    """

    run: "Row[Any]"
    table: "pd.DataFrame"


def read_indicators(session: "Session", scope: "Scope", question: IndicatorQuestion) -> Indicators:
    """Return the indicators of a day with their targets and trends.

    Raises
    ------
    gis.errors.NotFoundError
        There is no run of the day or before it, or no such indicator or community.
    """
    run = coverage_runs.newest_at(session, scope, question.day, method=question.method)
    if run is None:
        raise NotFoundError(
            f"Coverage has not been measured by {question.day}.",
            remedy="Measure it: wangge coverage run, or POST /v1/coverage/runs.",
        )
    now = _shown(session, scope, run, question)
    past = [_shown(session, scope, one, question) for one in _runs_before(session, scope, run)]
    told = _with_trends(now, past, run.as_of)
    facts: Mapping[str, Mapping[str, Any]] = run.parameters.get("indicators", {})
    for name in ("unit", "source"):
        told[name] = [facts.get(code, {}).get(name) for code in told["indicator"]]
    return Indicators(run, _chosen(_named(session, scope, told), question))


def _runs_before(session: "Session", scope: "Scope", run: "Row[Any]") -> "list[Row[Any]]":
    """Return the runs that a run is compared with: near a month, and near a year before."""
    since = run.as_of - timedelta(days=366 + SLACK_DAYS)
    known = coverage_runs.days(session, scope, since=since, until=run.as_of, method=run.method)
    days = {day for day in compared_days(known, run.as_of, SLACK_DAYS).values() if day is not None}
    found = [
        coverage_runs.newest_at(session, scope, day, method=run.method) for day in sorted(days)
    ]
    return [one for one in found if one is not None]


def _shown(
    session: "Session", scope: "Scope", run: "Row[Any]", question: IndicatorQuestion
) -> "pd.DataFrame":
    """Return the values of a run without small counts, or with people rounded."""
    values = coverage_runs.values(session, scope, run.id)
    facts = run.parameters.get("indicators", {})
    nothing = Items("", _NOTHING, _NOTHING, _NOTHING, np.empty(0))
    tallies = {
        code: Tally(code, nothing, nothing, sensitive=bool(facts.get(code, {}).get("sensitive")))
        for code in dict.fromkeys(values["indicator"])
    }
    missing = values["target"].astype(float) - values["value"].astype(float)
    table = values.drop(columns="detail").assign(gap=missing.clip(lower=0))
    sensitive = {code for code, tally in tallies.items() if tally.sensitive}
    if question.telling.is_exact:
        shown = withheld(IndicatorTable(table, tallies), question.below)
    else:
        sensitive |= {PER_RESIDENTS}
        usual = {code for code in sensitive if _is_usual(code)}
        shown = told_indicators(table, sensitive, usual, question.telling)
    return shown.assign(as_of=run.as_of, data_version=run.data_version)


def _is_usual(indicator: str) -> bool:
    """Return whether an indicator of reach is by one of the usual limits; others are of none."""
    _, _, cover = indicator.partition(":")
    limit, unit = cover.rsplit("_", 2)[1:] if cover.count("_") >= 2 else ("", "")
    if unit not in {"m", "min"}:
        return True
    return is_usual(**{"metres" if unit == "m" else "minutes": (float(limit),)})


def _with_trends(
    now: "pd.DataFrame", past: "Sequence[pd.DataFrame]", as_of: date
) -> "pd.DataFrame":
    import pandas as pd

    keys = ["indicator", "area_kind", "area_id"]
    columns = [*keys, "as_of", "value", "data_version"]
    history = pd.concat([one[columns] for one in (now, *past) if len(one)] or [now[columns]])
    found = trends(history.reset_index(drop=True), as_of, slack_days=SLACK_DAYS)
    more = [
        f"{name}_{column}" for name in ("month", "year") for column in ("as_of", "value", "change")
    ]
    out: pd.DataFrame = now.drop(columns=["as_of", "data_version"]).merge(
        found[[*keys, *more]], on=keys, how="left"
    )
    return out


def _named(session: "Session", scope: "Scope", table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table with code and name of each area; a grid that is gone has none."""
    known = {
        **labels_of(session, scope, Community, ("code", "name")),
        **labels_of(session, scope, Grid, ("code",)),
    }
    codes = {key: told[0] for key, told in known.items()}
    names = {key: told[1] for key, told in known.items() if len(told) > 1}
    return table.assign(code=table["area_id"].map(codes), name=table["area_id"].map(names))


def _chosen(table: "pd.DataFrame", question: IndicatorQuestion) -> "pd.DataFrame":
    keep = np.ones(len(table), dtype=bool)
    if question.indicator is not None:
        keep &= (table["indicator"] == question.indicator).to_numpy()
        if not keep.any():
            raise NotFoundError(
                f"The run has no indicator {question.indicator}.",
                remedy=f"Use one of {', '.join(sorted(set(table['indicator']))[:40])}.",
            )
    if question.area_kind is not None:
        keep &= (table["area_kind"] == question.area_kind).to_numpy()
    if question.community is not None:
        own = table.loc[
            (table["area_kind"] == "community") & (table["code"] == question.community), "area_id"
        ]
        if not len(own):
            raise NotFoundError(
                f"There is no community {question.community} in this run.",
                remedy="List the communities.",
            )
        keep &= (table["community_id"] == own.iloc[0]).to_numpy()
    return table[keep].reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class EvidenceQuestion:
    """The number that is to be taken apart.

    Parameters
    ----------
    timezone
        IANA name of the zone of the place.
    indicator, area_kind, area_id
        Which number; the area of the subdistrict may be left out.
    as_of, method
        Of the run, as in :class:`IndicatorQuestion`.
    below
        Counts of people from 1 to this less one are withheld.
    """

    timezone: str
    indicator: str
    area_kind: str
    area_id: str | None = None
    as_of: date | None = None
    method: "Method | None" = None
    below: int = 1


@dataclass(frozen=True, eq=False)
class Evidence:
    """The rows behind a number.

    Parameters
    ----------
    run
        The run that the number is of.
    current
        Whether the data are still those that the run was measured on; else the rows are those of
        the same question today.
    table
        By key: ``layer``, ``id``, ``counted`` (whether it is in the numerator), ``amount`` (what
        it adds; NA where withheld), ``suppressed``; of buildings also ``name``, ``station_id``,
        ``distance_m``, ``walk_minutes``, ``reason``.
    """

    run: "Row[Any]"
    current: bool
    table: "pd.DataFrame"


def read_evidence(
    session: "Session", scope: "Scope", grounds: "WalkingGrounds", question: EvidenceQuestion
) -> Evidence:
    """Return the rows behind a number of a run, measured again by the run's own settings.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such run, indicator or area.
    """
    asked = IndicatorQuestion(question.timezone, question.as_of, method=question.method)
    run = coverage_runs.newest_at(session, scope, asked.day, method=question.method)
    if run is None or question.indicator not in run.parameters.get("indicators", {}):
        raise NotFoundError(
            f"There is no run with the indicator {question.indicator} by {asked.day}.",
            remedy="List the indicators: wangge coverage indicators, or GET /v1/indicators.",
        )
    order = RunOrder.from_arguments({"timezone": question.timezone, **run.parameters})
    places = (
        grounds.current(session, scope)
        if run.method == "walking"
        else grounds.places(session, scope)
    )
    ground = read_run_ground(session, scope, order, places=places)
    return Evidence(
        run,
        ground.data_version == run.data_version,
        _rows_behind(session, scope, ground, question),
    )


def _rows_behind(
    session: "Session", scope: "Scope", ground: RunGround, question: EvidenceQuestion
) -> "pd.DataFrame":
    import pandas as pd

    service = _service_in(question.indicator)
    tallies = staffing_of(ground) if service is None else people_of(ground, service)
    found = indicator_table(tallies, ground.areas)
    area = _area(ground, question)
    counted, base = found.behind(question.indicator, question.area_kind, area)
    tally = found.tallies[question.indicator]
    same = counted.layer == base.layer == "buildings"
    rows = pd.DataFrame(
        {
            "layer": base.layer,
            "id": base.ids,
            "counted": np.isin(base.ids, counted.ids) if same else False,
            "amount": base.amount,
        }
    )
    if not same:
        more = {"layer": counted.layer, "id": counted.ids, "counted": True}
        rows = pd.concat([pd.DataFrame({**more, "amount": counted.amount}), rows])
    # A building that a plan splits by its units stands in several grids: its parts are one row.
    rows = rows.groupby(["layer", "id", "counted"])["amount"].sum().reset_index()
    rows = rows.sort_values(["layer", "id"], kind="stable", ignore_index=True)
    below = question.below if tally.sensitive else 1
    ids = rows.loc[rows["layer"] == "buildings", "id"].tolist()
    beside = withheld_of_buildings(session, scope, below, ids).further
    count = question.indicator.partition(":")[0].removesuffix("_covered")
    rows = _withheld_rows(rows, below, beside.get(count, ()))
    return _told_of_buildings(ground, rows, service)


def _area(ground: RunGround, question: EvidenceQuestion) -> str:
    known = [key for key, _ in ground.areas.of(question.area_kind)]
    if question.area_kind == "subdistrict":
        return known[0]
    if question.area_id is None:
        raise InvalidInputError(
            f"It is not said which {question.area_kind} is meant.",
            remedy="Give its key: area_id.",
            field="area_id",
        )
    if question.area_id not in known:
        raise NotFoundError(
            f"There is no {question.area_kind} {question.area_id} on that day.",
            remedy="List the indicators: wangge coverage indicators, or GET /v1/indicators.",
        )
    return question.area_id


def _service_in(indicator: str) -> str | None:
    """Return the service in the code of an indicator; ``None``: it is of no service."""
    _, _, cover = indicator.partition(":")
    return cover.rsplit("_", 2)[0] or None


def _withheld_rows(rows: "pd.DataFrame", below: int, beside: "Collection[str]") -> "pd.DataFrame":
    """Return rows without small amounts; their sums are the number itself.

    ``beside`` are buildings whose count is withheld wherever they are shown.
    """
    hidden = np.zeros(len(rows), dtype=bool)
    if below > 1:
        amounts = rows["amount"].to_numpy(dtype=np.int64)
        counted = rows["counted"].to_numpy(dtype=bool)
        for side in (counted, ~counted):
            hidden[side] = small_counts.withheld(amounts[side], below, small_sum_shown=True)
        hidden |= rows["id"].isin(beside).to_numpy(dtype=bool)
    return rows.assign(amount=rows["amount"].mask(hidden), suppressed=hidden)


def _told_of_buildings(
    ground: RunGround, rows: "pd.DataFrame", service: str | None
) -> "pd.DataFrame":
    """Return rows with the name of each building, and its walk where one counts."""
    buildings = ground.places.buildings
    facts = buildings[["id", "name"]]
    walks = ["station_id", "distance_m", "walk_minutes", "reason"]
    if service is None:
        facts = facts.assign(**dict.fromkeys(walks))
    else:
        found = verdicts_of(ground, service or ANY).rename(columns={"minutes": "walk_minutes"})
        facts = facts.join(found[walks])
    out: pd.DataFrame = rows.merge(facts, on="id", how="left")
    return out
