"""The hours of a week over which siting covers people, those that are alike taken together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.profiles import PARTS, week_hours
from gis.coverage.scenarios import HoursContext
from gis.errors import InvalidInputError
from gis.hours import expand_hours
from gis.layers import stations as station_layer

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.hours import Calendar
    from gis.scope import Scope
    from gis.services.siting_order import SitingOrder
    from gis.services.walking import WalkingGround

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Periods:
    """Hours that are alike: which candidates serve in them, and what part of all hours they are.

    Parameters
    ----------
    serving
        ``(m, t)``: stations that stand first, then candidates.
    share
        ``(t,)``: sums up to 1.
    """

    serving: "Bools"
    share: "Floats"


def periods_of(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    order: "SitingOrder",
    calendar: "Calendar",
    standing: "Ints",
    sites: int,
) -> Periods:
    """Return the kinds of hours of an order: one without a week.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    ground
        The stations.
    order
        What is asked.
    calendar
        The holidays.
    standing
        Rows of the stations that stand.
    sites
        How many candidates there are.

    Raises
    ------
    gis.errors.InvalidInputError
        The week has no hour of the parts that count, or hours cannot be read.
    """
    if order.monday is None:
        return Periods(np.ones((len(standing) + sites, 1), dtype=bool), np.ones(1))
    dated = station_layer.exceptions(session, scope)
    rules = {key: station_layer.dated_rules(rows, order.service) for key, rows in dated.items()}
    context = HoursContext(order.timezone, calendar, rules)
    week = week_hours(
        ground.stations, ground.station_services, order.service, order.monday, context
    )
    hour = np.array([moment.hour for moment in week.moments])
    counts = np.zeros(len(hour), dtype=bool)
    for part in PARTS:
        if part.name in order.parts:
            inside = (hour >= part.first_hour) & (hour <= part.last_hour)
            counts |= inside & (week.of_rest == part.of_rest)
    if not counts.any():
        raise InvalidInputError(
            f"The week of {order.monday} has no hours of {', '.join(order.parts)}.",
            remedy="Take another week, or other parts of it.",
            field="parts",
        )
    new = _open_at(order, calendar, week.moments)
    rows = np.column_stack([week.open_stations[:, standing], np.repeat(new[:, None], sites, 1)])
    kinds, times = np.unique(rows[counts], axis=0, return_counts=True)
    return Periods(kinds.T.copy(), times / times.sum())


def _open_at(
    order: "SitingOrder", calendar: "Calendar", moments: "tuple[datetime, ...]"
) -> "Bools":
    """Return whether a new station is open at each moment."""
    spans = expand_hours(
        order.opening_hours, moments[0], moments[-1], timezone=order.timezone, calendar=calendar
    ).intervals
    open_now = [any(begins <= at < ends for begins, ends in spans) for at in moments[:-1]]
    return np.array([*open_now, any(b <= moments[-1] <= e for b, e in spans)])
