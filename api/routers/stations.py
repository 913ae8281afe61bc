"""``/v1/stations``: where people are served, which is nearest and open, and changes to one."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request

from api.beginning import coverage_is_due
from api.coverage_params import By, SpeedOf
from api.deps import AppSettings, Grounds, Principal, ReadSession, WriteSession
from api.geojson import GeoJSONResponse, collection, feature
from api.params import AtMoment, CommunityCode, Lat, Lon, PageOf, RowId
from api.problems import responses
from api.schemas.answers import NearestAnswer, NearStation
from api.schemas.changes import StationChange
from api.schemas.codes import Service, Status, Tier
from api.schemas.coverage import Method
from api.schemas.features import ChangedStation, Station, Stations
from api.versions import IfMatch, etag, versions_of
from gis.layers import stations
from gis.layers.roads import walkable_near
from gis.network import REACH_M, SPEEDS
from gis.services import station_updates
from gis.services.coverage_by_walking import WalkedStation, nearest_on_foot
from gis.services.locating import nearest_stations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

router = APIRouter(prefix="/v1/stations", tags=["stations"])


@router.get(
    "",
    response_model=Stations,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="Stations",
)
def list_stations(
    request: Request,
    session: ReadSession,
    scope: Principal,
    paging: PageOf,
    *,
    community: CommunityCode = None,
    tier: Tier | None = None,
    status: Status | None = None,
    service: Service | None = None,
) -> GeoJSONResponse:
    """Return stations with their services, hours and dated exceptions."""
    asked = {"community": community, "tier": tier, "status": status, "service": service}
    wanted = stations.StationFilter(community, tier, status, service)
    page = stations.page(session, scope, paging.window(asked), wanted)
    return collection(request, page, paging, asked)


@router.get(
    "/nearest",
    responses=responses(400, 422),
    summary="The nearest stations that are open and offer a service",
)
def find_nearest_stations(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    lon: Lon,
    lat: Lat,
    service: Service,
    at: AtMoment = None,
    limit: Annotated[int, Query(ge=1, le=50, description="Stations of the answer.")] = 1,
    by: By = "straight_line",
    speed: SpeedOf = "adult",
    grounds: Grounds,
) -> NearestAnswer:
    """Return the nearest stations that are open at a moment, nearest first.

    `by=walking` orders them by minutes on foot; where no walk leads to any, `reason` says why.
    Beyond the laid-out hours (`within_horizon: false`) each station's hours are read for that
    moment. `calendar: unverified` says that the holidays of that year are not known.
    """
    moment = at or datetime.now(UTC)
    place = stations.Place(lon, lat, service, moment)
    zone, speed_m_s = settings.timezone, SPEEDS[speed]
    reason, network = None, None
    if by == "walking":
        ground = grounds.current(session, scope)
        walked = nearest_on_foot(
            session, scope, ground, place, timezone=zone, speed_m_s=speed_m_s, limit=limit
        )
        found, reason, network = walked.found, walked.reason, walked.network
        near = [_walked(one) for one in walked.stations]
    else:
        found = nearest_stations(session, scope, place, timezone=zone, limit=limit)
        reason = found.reason
        near = [_near(one, speed_m_s) for one in found.stations]
    return NearestAnswer(
        service=service,
        at=moment,
        method=by,
        speed=speed,
        speed_m_s=speed_m_s,
        network=network,
        stations=near,
        reason=reason,
        within_horizon=found.within_horizon,
        calendar="verified" if found.calendar_verified else "unverified",
        hours_unknown=found.hours_unknown,
    )


@router.get(
    "/{station_id}",
    response_model=Station,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="One station",
)
def get_station(station_id: RowId, session: ReadSession, scope: Principal) -> GeoJSONResponse:
    """Return one station; its ETag is what a change must name in If-Match."""
    return _shown(stations.one(session, scope, str(station_id)))


@router.patch(
    "/{station_id}",
    response_model=ChangedStation,
    response_class=GeoJSONResponse,
    responses=responses(400, 403, 404, 409, 412, 413, 422, 428),
    summary="Change a station",
)
def update_station(
    station_id: RowId,
    change: StationChange,
    request: Request,
    session: WriteSession,
    scope: Principal,
    settings: AppSettings,
    *,
    after: BackgroundTasks,
    if_match: IfMatch = None,
) -> GeoJSONResponse:
    """Change status, dates, place, services, capacity or dated hours; the rest stays as it is.

    The change, its audit row and the newly laid-out hours are one transaction. Without If-Match
    the answer is 428, with a version that is not the current one 412. A station that opens, closes
    or moves makes a new run of coverage due: it is queued once the change is stored. A place that
    lies in no community is refused unless `outside` confirms it.
    """
    asked = _change(change)
    station_updates.update_station(
        session,
        scope,
        str(station_id),
        asked,
        versions=versions_of(if_match, "station"),
        timezone=settings.timezone,
        request_id=request.state.request_id,
    )
    if asked.moves_coverage:
        coverage_is_due(request, after, scope)
    more = {}
    if asked.place is not None:
        more["road_near"] = walkable_near(session, scope, *asked.place, REACH_M)
    return _shown(stations.one(session, scope, str(station_id)), more)


def _shown(row: "Row[Any]", more: "Mapping[str, Any] | None" = None) -> GeoJSONResponse:
    body = feature(row, more=more)
    return GeoJSONResponse(body, headers={"ETag": etag(row.version)})


def _change(change: StationChange) -> station_updates.StationChange:
    return station_updates.StationChange(
        facts=change.facts,
        services={
            code: None if sent is None else sent.model_dump(exclude_unset=True)
            for code, sent in change.services.items()
        },
        exceptions=[
            station_updates.DayHours(dated.day, dated.hours, dated.service, dated.note)
            for dated in change.exceptions
        ],
        place=change.place,
        outside=change.outside,
    )


def _near(found: stations.NearStation, speed_m_s: float) -> NearStation:
    return _shown_near(found, "straight_line", found.distance_m, found.distance_m / speed_m_s / 60)


def _walked(found: WalkedStation) -> NearStation:
    return _shown_near(found.station, "walking", found.distance_m, found.walk_minutes)


def _shown_near(
    station: stations.NearStation, method: Method, distance_m: float, took: float
) -> NearStation:
    return NearStation(
        station_id=station.station_id,
        name=station.name,
        tier=station.tier,
        lon=round(station.lon, 7),
        lat=round(station.lat, 7),
        distance_m=round(distance_m, 2),
        distance_method=method,
        walk_minutes=round(took, 1),
        straight_m=round(station.distance_m, 2),
        opening_hours=station.opening_hours,
        capacity=station.capacity,
    )
