"""``/v1/activities``: the menu of a month, and how much of it is on when people can come."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.deps import AppSettings, Principal, ReadSession
from api.problems import responses
from api.schemas.activities import ActivitiesAnswer, ActivityFacts, FreeTimeFacts, SupplyFacts
from api.schemas.codes import ServedGroup
from gis.coverage.activities import OFFICE_HOURS
from gis.services.activity_menu import MenuQuestion, read_menu

if TYPE_CHECKING:
    import pandas as pd

router = APIRouter(prefix="/v1/activities", tags=["coverage"])


@router.get("", responses=responses(400, 404, 422), summary="The activities of a month")
def list_activities(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    month: Annotated[
        str | None,
        Query(
            pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$",
            description="Year and month; this month if it is left out.",
            examples=["2026-05"],
        ),
    ] = None,
    station: Annotated[UUID | None, Query(description="Only of this station.")] = None,
    group: Annotated[ServedGroup | None, Query(description="Only for this group.")] = None,
) -> ActivitiesAnswer:
    """Return what takes place in a month, with the share of the supply after office hours.

    Small attendance is null, and so are sums that would reveal it.
    """
    question = MenuQuestion(
        settings.timezone,
        None if month is None else date.fromisoformat(f"{month}-01"),
        None if station is None else str(station),
        group,
        scope.shown_below(settings.suppress_below),
    )
    found = read_menu(session, scope, question)
    free = found.free_time.reset_index(names="group")
    return ActivitiesAnswer(
        month=found.menu.month,
        calendar="verified" if found.menu.calendar_verified else "unverified",
        office_hours=OFFICE_HOURS,
        activities=[ActivityFacts(**row) for row in plain_rows(found.menu.table)],
        supply=[SupplyFacts(**row) for row in plain_rows(found.supply)],
        free_time=[FreeTimeFacts(**row) for row in plain_rows(free)],
    )


def plain_rows(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return rows as plain values: what is missing as None, numbers to four decimals."""
    names = [str(name) for name in table]
    whole = table.astype(object)
    rows = whole.where(whole.notna(), None).itertuples(index=False, name=None)
    return [
        {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in rows
    ]
