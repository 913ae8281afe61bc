"""``/v1/incidents``: what happened, where, and whose it became."""

from fastapi import APIRouter, Request

from api.deps import AppSettings, Principal, ReadSession, WriteSession
from api.geojson import GeoJSONResponse, collection, feature
from api.params import CommunityCode, GridCode, PageOf, RowId
from api.problems import responses
from api.routers.matters import Assigned, Since, Until, create
from api.schemas.changes import NewIncident
from api.schemas.codes import Category, ServedGroup, Service, Source
from api.schemas.features import Incident, Incidents
from gis.layers import incidents, matters

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])


@router.get(
    "",
    response_model=Incidents,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="Incidents",
)
def list_incidents(
    request: Request,
    session: ReadSession,
    scope: Principal,
    paging: PageOf,
    *,
    community: CommunityCode = None,
    grid: GridCode = None,
    category: Category | None = None,
    service: Service | None = None,
    source: Source | None = None,
    served_group: ServedGroup | None = None,
    since: Since = None,
    until: Until = None,
    assigned: Assigned = None,
) -> GeoJSONResponse:
    """Return incidents (事件) with their grid and station, or the reasons why there is none.

    `grid` is the code of the grid in the plan under which an incident was assigned.
    """
    facts = {
        "category": category,
        "service": service,
        "source": source,
        "served_group": served_group,
    }
    asked = {
        **facts,
        "community": community,
        "grid": grid,
        "since": since,
        "until": until,
        "assigned": assigned,
    }
    wanted = matters.MatterFilter(community, grid, facts, since, until, assigned)
    page = matters.page(session, scope, incidents.Incident, paging.window(asked), wanted)
    return collection(request, page, paging, asked)


@router.get(
    "/{incident_id}",
    response_model=Incident,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="One incident",
)
def get_incident(incident_id: RowId, session: ReadSession, scope: Principal) -> GeoJSONResponse:
    """Return one incident."""
    row = matters.one(session, scope, incidents.Incident, str(incident_id))
    return GeoJSONResponse(feature(row))


@router.post(
    "",
    status_code=201,
    response_model=Incident,
    response_class=GeoJSONResponse,
    responses=responses(400, 403, 409, 413, 422),
    summary="Take an incident in",
)
def create_incident(
    sent: NewIncident, session: WriteSession, scope: Principal, settings: AppSettings
) -> GeoJSONResponse:
    """Store an incident and assign its grid and nearest open station in the same transaction.

    Where there is no grid or no station, the answer says why. A text with phone or identity
    numbers is refused.
    """
    return create(session, scope, settings, "incidents", sent)
