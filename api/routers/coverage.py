"""``/v1/coverage``: who reaches an open station, on foot or in a straight line."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from api.coverage_params import Asked
from api.deps import AppSettings, Grounds, Principal, ReadSession
from api.params import CommunityCode
from api.problems import responses
from api.schemas.codes import PlanKind
from api.schemas.coverage import Area, AreaCoverage, CoverageAnswer, NotReached
from gis.services.coverage_by_walking import cover, measured, not_reached
from gis.services.coverage_shares import area_covers, read_areas

router = APIRouter(prefix="/v1/coverage", tags=["coverage"])

Per = Annotated[Area, Query(description="Shares per grid, per community, or of all together.")]


@router.get(
    "",
    responses=responses(400, 404, 422),
    summary="Shares of households and people within reach of an open station",
)
def get_coverage(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    question: Asked,
    *,
    per: Per = "community",
    community: CommunityCode = None,
    kind: PlanKind = "community",
) -> CoverageAnswer:
    """Return who is within each threshold of a station that is open at a moment, or serves a day.

    With `at` (now if neither is given) opening hours decide, with `as_of` only the day: planned
    stations count from their first day. Grids are those of the plan in effect on the day. A count
    that is small, or would reveal a small one, is null and named in `suppressed`.
    """
    coverage = cover(session, scope, grounds, question)
    areas = read_areas(
        session, scope, coverage.places, per, question.day, kind=kind, community=community
    )
    covers = area_covers(coverage, areas, settings.suppress_below)
    return CoverageAnswer(
        **measured(coverage),
        per=per,
        areas=[AreaCoverage(**asdict(one)) for one in covers],
        not_reached=[NotReached(**one) for one in not_reached(coverage, areas.of.notna())],
        outside=int(areas.of.isna().sum()) if community is None else 0,
    )
