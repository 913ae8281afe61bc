"""``/v1/coverage``: who reaches an open station, on foot or in a straight line."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import shapely
from fastapi import APIRouter, Query, Request

from api.coverage_params import (
    AnyService,
    Asked,
    AskedOnce,
    AskedOnFoot,
    By,
    PointOf,
    SpeedOf,
    Threshold,
    Unit,
)
from api.deps import AppSettings, Grounds, Principal, ReadSession
from api.geojson import GeoJSONResponse, collection_of, feature_of
from api.params import CommunityCode, Day, GridCode, PageOf
from api.problems import responses
from api.schemas.codes import PlanKind
from api.schemas.coverage import (
    Area,
    AreaCoverage,
    CoverageAnswer,
    NotReached,
    Verdicts,
    WayAnswer,
    WeekAnswer,
)
from gis.errors import InvalidInputError
from gis.services.coverage_asked import CoverageQuestion, walk_options
from gis.services.coverage_by_walking import cover, measured, not_reached, places_for
from gis.services.coverage_evidence import (
    Evidence,
    list_verdicts,
    way_from_building,
    way_from_place,
)
from gis.services.coverage_shares import area_covers, read_areas
from gis.services.coverage_weeks import WeekOrder, monday_of, read_week
from gis.services.locating import local_day
from gis.services.telling import asks_as_usual, is_usual, telling_of, told_cover, told_week
from gis.services.withholding import Withheld, withheld_of_buildings

if TYPE_CHECKING:
    from gis.services.coverage_evidence import Verdict, Way

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
    that is small, or would reveal a small one, is null and named in `suppressed`; to accounts that
    see no small counts people are told rounded, at the usual limits.
    """
    coverage = cover(session, scope, grounds, question)
    areas = read_areas(
        session, scope, coverage.places, per, question.day, kind=kind, community=community
    )
    usual = asks_as_usual(coverage.question)
    telling = telling_of(scope, settings.suppress_below, usual=usual)
    covers = [told_cover(one, telling) for one in area_covers(coverage, areas, telling.below)]
    return CoverageAnswer(
        **measured(coverage),
        per=per,
        areas=[AreaCoverage(**asdict(one)) for one in covers],
        not_reached=[NotReached(**one) for one in not_reached(coverage, areas.of.notna())],
        outside=int(areas.of.isna().sum()) if community is None else 0,
        rounded_to=telling.rounded_to,
    )


@router.get(
    "/buildings",
    response_model=Verdicts,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="The buildings behind a share, each with its verdict",
)
def list_coverage_buildings(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    paging: PageOf,
    question: AskedOnce,
    *,
    threshold: Threshold = 500.0,
    unit: Unit = "m",
    listed: Annotated[
        Literal["all", "covered", "uncovered"], Query(description="Which buildings.")
    ] = "all",
    community: CommunityCode = None,
    grid: GridCode = None,
    kind: PlanKind = "community",
    geometry: Annotated[
        Literal["point", "none"], Query(description="Where one goes in, or no geometry.")
    ] = "point",
) -> GeoJSONResponse:
    """Return the station that each building reaches, how far it is, or why it reaches none.

    With the threshold, unit and area of a share these are the buildings it was counted from.
    `numberMatched` says how many they are on all pages.
    """
    wanted = Evidence(threshold, unit, listed, community, grid, kind)
    asked = {
        **{name: getattr(question, name) for name in ("service", "at", "as_of")},
        "by": question.method,
        "speed": question.options.group,
        **asdict(wanted),
        "geometry": geometry,
    }
    window = paging.window(asked)
    coverage = cover(session, scope, grounds, question)
    page = list_verdicts(session, scope, coverage, wanted, window)
    with_place = geometry == "point"
    below = scope.shown_below(settings.suppress_below)
    ids = [one.id for one in page.verdicts]
    withheld = withheld_of_buildings(session, scope, below, ids)
    return collection_of(
        request,
        [_verdict(one, withheld, with_place) for one in page.verdicts],
        page.next_after,
        paging,
        asked,
        numberMatched=page.matched,
        threshold=threshold,
        unit=unit,
        **measured(coverage),
    )


def _verdict(verdict: "Verdict", withheld: Withheld, with_place: bool) -> str:
    place = [round(verdict.lon, 7), round(verdict.lat, 7)]
    text = json.dumps({"type": "Point", "coordinates": place}) if with_place else "null"
    return feature_of(verdict.id, text, verdict.facts, withheld=withheld)


@router.get(
    "/week",
    responses=responses(400, 404, 422),
    summary="Who is within reach in each of the 168 hours of a week",
)
def get_coverage_week(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    *,
    service: AnyService = None,
    monday: Annotated[
        Day | None,
        Query(
            description="First day of the week, a Monday; this week if it is left out.",
            examples=["2026-05-04"],
        ),
    ] = None,
    by: By = "walking",
    speed: SpeedOf = "adult",
    threshold: Threshold = 500.0,
    unit: Unit = "m",
    community: CommunityCode = None,
) -> WeekAnswer:
    """Return the share of people covered hour by hour, and what evenings and weekends lack.

    Holidays and make-up workdays fall where the calendar has them; stations whose hours nobody
    has stated count as closed, and `stations_unknown` says how many they are.
    """
    zone = settings.timezone
    first = monday or monday_of(local_day(datetime.now(UTC), zone))
    question = CoverageQuestion(service, zone, as_of=first, method=by, options=walk_options(speed))
    order = WeekOrder(first, threshold, unit, community)
    places = places_for(session, scope, grounds, question)
    limits: dict[str, tuple[float]] = {"metres" if unit == "m" else "minutes": (threshold,)}
    telling = telling_of(scope, settings.suppress_below, usual=is_usual(**limits))
    found = read_week(session, scope, places, question, order, telling.below)
    week = told_week(found, telling)
    return WeekAnswer(
        service=service,
        monday=first,
        method=by,
        speed=speed,
        speed_m_s=question.options.speed_m_s,
        network=week.network,
        calendar=week.calendar,
        threshold=threshold,
        unit=unit,
        counts=week.counts,
        distinct_sets=week.distinct_sets,
        gaps=week.gaps,
        rounded_to=telling.rounded_to,
        hours=week.hours,
    )


@router.get(
    "/path",
    response_model=WayAnswer,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="The walk from a building or a point to a station",
)
def get_coverage_path(
    session: ReadSession,
    scope: Principal,
    grounds: Grounds,
    question: AskedOnFoot,
    *,
    building: Annotated[UUID | None, Query(description="Key of the building.")] = None,
    point: PointOf = None,
    station: Annotated[
        UUID | None,
        Query(description="Key of a station, open or not; the nearest that serves if left out."),
    ] = None,
) -> GeoJSONResponse:
    """Return the walk that takes the least time, from where one goes in to the station's door.

    Give a building or a point.
    """
    ground = grounds.current(session, scope)
    to = None if station is None else str(station)
    if (building is None) == (point is None):
        raise InvalidInputError(
            "A walk begins at a building or at a point.",
            remedy="Give one of building and point.",
            field="building",
        )
    if building is not None:
        way = way_from_building(session, scope, ground, question, str(building), to)
    else:
        lon, lat = (float(part) for part in str(point).split(","))
        way = way_from_place(session, scope, ground, question, (lon, lat), to)
    return _way_feature(way, question, ground.data_version)


def _way_feature(way: "Way", question: CoverageQuestion, network: str) -> GeoJSONResponse:
    detour = round(way.distance_m / way.straight_m, 3) if way.straight_m > 0 else None
    facts = {
        "station_id": way.station_id,
        "station_name": way.station_name,
        "distance_m": round(way.distance_m, 2),
        "walk_minutes": round(way.walk_minutes, 1),
        "straight_m": round(way.straight_m, 2),
        "detour": detour,
        "method": "walking",
        "speed": question.options.group,
        "speed_m_s": question.options.speed_m_s,
        "network": network,
        "at": None if question.at is None else question.at.isoformat(),
        "day": question.day.isoformat(),
        "calendar": None if way.serving is None else way.serving.calendar,
    }
    told = json.dumps(facts, ensure_ascii=False)
    line = shapely.to_geojson(way.line)
    return GeoJSONResponse(f'{{"type":"Feature","geometry":{line},"properties":{told}}}')
