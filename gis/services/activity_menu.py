"""The activities of a month, and how much of them is on when people can come."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from gis.coverage.activities import Menu, free_time_supply, month_menu, supply_shares
from gis.coverage.scenarios import HoursContext
from gis.errors import NotFoundError
from gis.frames.small_counts import withheld
from gis.layers.activities import read_activities
from gis.layers.queries import labels_of
from gis.layers.stations import Station
from gis.services.locating import local_day
from gis.services.opening import read_calendar

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: By what the supply is told apart.
PARTS = ("served_group", "station_id", "fee_class")


@dataclass(frozen=True, slots=True)
class MenuQuestion:
    """Which activities are asked for.

    Parameters
    ----------
    timezone
        IANA name of the zone of the place.
    month
        Any day of it; this month if it is left out.
    station_id
        Only of this station.
    group
        Only for this group.
    below
        Attendance from 1 to this less one is withheld.
    """

    timezone: str
    month: date | None = None
    station_id: str | None = None
    group: str | None = None
    below: int = 1

    @property
    def first(self) -> date:
        """First day of the month."""
        day = self.month or local_day(datetime.now(UTC), self.timezone)
        return day.replace(day=1)


@dataclass(frozen=True, eq=False)
class MonthMenu:
    """What takes place in a month.

    Parameters
    ----------
    menu
        The activities that were asked for; ``attendance`` and ``filled`` are empty where they are
        ``suppressed``, and ``station_name`` is told.
    supply
        Columns ``by`` (``all`` or one of :data:`PARTS`) and ``key``, then those of
        :func:`gis.coverage.activities.supply_shares`.
    free_time
        Of each group: as :func:`gis.coverage.activities.free_time_supply`, all stations together.
    """

    menu: Menu
    supply: "pd.DataFrame"
    free_time: "pd.DataFrame"


def read_menu(session: "Session", scope: "Scope", question: MenuQuestion) -> MonthMenu:
    """Return the activities of a month and their supply.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such station.
    gis.errors.InvalidInputError
        An activity in the store cannot be read.
    """
    names = labels_of(session, scope, Station, ("name",))
    if question.station_id is not None and question.station_id not in names:
        raise NotFoundError(
            f"There is no {question.station_id} among the stations.", remedy="List the stations."
        )
    menu = month_menu(
        _activities(session, scope, question),
        question.first,
        HoursContext(question.timezone, read_calendar(session, scope)),
    )
    every = menu.table
    hidden = _small(every, question.below)
    keep = np.ones(len(every), dtype=bool)
    for column, wanted in (("station_id", question.station_id), ("served_group", question.group)):
        if wanted is not None:
            keep &= (every[column] == wanted).to_numpy(dtype=bool)
    mine = replace(menu, table=every[keep])
    supply = _supply(mine, hidden[keep], whole=bool(keep.all()))
    shown = every.assign(
        suppressed=hidden,
        station_name=[names.get(key, (None,))[0] for key in every["station_id"]],
        **{name: every[name].dt.tz_convert(question.timezone) for name in ("starts_at", "ends_at")},
        attendance=every["attendance"].mask(hidden),
        filled=every["filled"].mask(hidden),
    )
    return MonthMenu(
        replace(menu, table=shown[keep].reset_index(drop=True)), supply, free_time_supply(mine)
    )


def _activities(session: "Session", scope: "Scope", question: MenuQuestion) -> "pd.DataFrame":
    zone, first = ZoneInfo(question.timezone), question.first
    following = (first + timedelta(days=32)).replace(day=1)
    start, end = (datetime.combine(day, time(), zone) for day in (first, following))
    found: pd.DataFrame = read_activities(session, scope, start, end)
    return found


def _small(table: "pd.DataFrame", below: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return of which activities the attendance is withheld; their sum may be known."""
    counts = table["attendance"].fillna(0).to_numpy(dtype=np.int64)
    return withheld(counts, below)


def _supply(
    menu: Menu, hidden: "np.ndarray[tuple[int], np.dtype[np.bool_]]", *, whole: bool
) -> "pd.DataFrame":
    """Return the supply of all and of each part; sums that would reveal an attendance are empty."""
    import pandas as pd

    table, parts = menu.table, []
    for by in (None, *PARTS):
        found = supply_shares(menu, by)
        gone = {"all"} if hidden.any() and not whole else set()
        if by is not None:
            gone = set(table[by][hidden])
        withheld = found.index.isin(gone)
        told = found.reset_index(names="key").assign(by=by or "all", suppressed=withheld)
        for name in ("attendance", "filled"):
            told[name] = told[name].mask(withheld)
        parts.append(told)
    out: pd.DataFrame = pd.concat([one.astype(object) for one in parts], ignore_index=True)
    return out[["by", *(name for name in out if name != "by")]]
