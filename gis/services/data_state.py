"""What is in the store, how fresh it is, and what is still to do."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gis.layers import calendar_days, imports, plans
from gis.layers.overview import Overview, read_overview

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope


@dataclass(frozen=True, slots=True)
class DataState:
    """The state of the data on a day.

    Parameters
    ----------
    overview
        Counts and dates.
    plan_name
        Name of the newest community plan in effect, empty if it has none; ``None`` without a plan.
    plan_unfit
        Whether a plan in effect no longer fits the ground under it.
    calendar_years
        Years whose holidays are known, in order.
    calendar_verified
        Whether the year of the day is one of them.
    synthetic, attribution
        Whether any of the data are made up, and whose they are.
    """

    overview: Overview
    plan_name: str | None
    plan_unfit: bool
    calendar_years: tuple[int, ...]
    calendar_verified: bool
    synthetic: bool
    attribution: str

    @property
    def empty(self) -> bool:
        """Whether nothing has been imported yet."""
        return self.overview.counts["communities"] == 0


def read_data_state(session: "Session", scope: "Scope", on_day: date) -> DataState:
    """Return the state of the data on a day."""
    overview = read_overview(session, scope, on_day)
    in_effect = plans.read_effective(session, scope, "community", on_day)
    facts = imports.facts(session, scope)
    years = tuple(sorted(int(year) for year in calendar_days.years(session, scope)))
    return DataState(
        overview,
        (in_effect[0].name or "") if in_effect else None,
        any(plan.unfit_since is not None for plan in in_effect),
        years,
        on_day.year in years,
        facts.synthetic != "none",
        facts.attribution,
    )
