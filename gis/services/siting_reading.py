"""What came of a siting, as somebody may read it: named houses without counts they do not see."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gis.frames.small_counts import SENSITIVE
from gis.services.siting_telling import FORM
from gis.services.withholding import Withheld, withheld_of_buildings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope


def withhold_named(
    session: "Session", scope: "Scope", report: Mapping[str, Any], below: int
) -> dict[str, Any]:
    """Return a report whose named houses have the counts that the same person sees of buildings.

    A siting is worked out with all counts, for whoever sees those of areas; which of them are seen
    of a single house is another matter, and one of who reads it.

    Parameters
    ----------
    session, scope
        Who reads it.
    report
        As :func:`gis.services.siting_telling.told_siting` tells it.
    below
        Counts of a building from 1 to this less one are withheld; 1: none is.
    """
    if below <= 1:
        return dict(report)
    left = report["uncovered"]
    houses = [*left["named"], *report["infeasible"]]
    withheld = withheld_of_buildings(
        session, scope, below, sorted({house["building_id"] for house in houses})
    )
    return {
        **report,
        "uncovered": {**left, "named": [_without(house, withheld) for house in left["named"]]},
        "infeasible": [_without(house, withheld) for house in report["infeasible"]],
    }


def without_houses(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report that names no houses: they are told where it is read as a siting.

    Of one that another version told otherwise nothing is known, so nothing is told.
    """
    if report.get("form") != FORM:
        return {}
    left = {**report["uncovered"], "named": []}
    return {**report, "uncovered": left, "infeasible": []}


def _without(house: Mapping[str, Any], withheld: Withheld) -> dict[str, Any]:
    hidden = {*house["suppressed"], *withheld.names(house["building_id"], house)}
    return {
        **house,
        **dict.fromkeys(hidden),
        "suppressed": [name for name in SENSITIVE if name in hidden],
    }
