"""What a change of status says of the first and the last day of a station's service."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Row


def dated(before: "Row[Any]", facts: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the facts of a change with the days that its status implies, where none is told.

    Dates decide whether a station serves (docs/adr/016), so a status that changes without one must
    not change which days it served on.

    - Closed: ``closes_on`` is today, unless it has ended already. One that has not served before
      today gets no last day: it never served.
    - Open: one that has not served before today opens today; the day it was closed from is
      cleared. One span of service is known: send ``opens_on`` too where the time between counts.

    Parameters
    ----------
    before
        ``status``, ``opens_on``, ``closes_on`` of the station as it is.
    facts
        What is sent of these; a date that is sent, null too, is taken as it is.
    today
        The day where the station is.
    """
    told = dict(facts)
    status = told.get("status", before.status)
    if status in {before.status, "planned"}:
        return told
    opens_on = told.get("opens_on", before.opens_on)
    served = _serves_at_all(before) and (opens_on is None or opens_on < today)
    if status == "closed":
        ended = before.closes_on is not None and before.closes_on <= today
        if served and not ended:
            told.setdefault("closes_on", today)
        elif not served:
            told.setdefault("closes_on", None)
        return told
    if not served:
        told.setdefault("opens_on", today)
    if before.status == "closed" or (before.closes_on is not None and before.closes_on <= today):
        told.setdefault("closes_on", None)
    return told


def _serves_at_all(station: "Row[Any]") -> bool:
    """Return whether there is any day on which a station serves by its status and dates."""
    if station.status == "planned":
        return station.opens_on is not None
    return station.status != "closed" or station.closes_on is not None
