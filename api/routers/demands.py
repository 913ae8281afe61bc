"""``/v1/demands``: what is wanted, where, and whose it became."""

from fastapi import APIRouter, Request

from api.deps import AppSettings, Principal, ReadSession, WriteSession
from api.geojson import GeoJSONResponse, collection, feature
from api.params import CommunityCode, GridCode, PageOf, RowId
from api.problems import responses
from api.routers.matters import Assigned, Since, Until, create
from api.schemas.changes import NewDemand
from api.schemas.codes import ServedGroup, Service, Source
from api.schemas.features import Demand, Demands
from gis.layers import demands, matters

router = APIRouter(prefix="/v1/demands", tags=["demands"])


@router.get(
    "",
    response_model=Demands,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="Demands",
)
def list_demands(
    request: Request,
    session: ReadSession,
    scope: Principal,
    paging: PageOf,
    *,
    community: CommunityCode = None,
    grid: GridCode = None,
    service: Service | None = None,
    source: Source | None = None,
    served_group: ServedGroup | None = None,
    since: Since = None,
    until: Until = None,
    assigned: Assigned = None,
) -> GeoJSONResponse:
    """Return demands (需求) with their grid and station, or the reasons why there is none.

    `grid` is the code of the grid in the plan under which a demand was assigned.
    """
    facts = {
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
    page = matters.page(session, scope, demands.Demand, paging.window(asked), wanted)
    return collection(request, page, paging, asked)


@router.get(
    "/{demand_id}",
    response_model=Demand,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="One demand",
)
def get_demand(demand_id: RowId, session: ReadSession, scope: Principal) -> GeoJSONResponse:
    """Return one demand."""
    row = matters.one(session, scope, demands.Demand, str(demand_id))
    return GeoJSONResponse(feature(row))


@router.post(
    "",
    status_code=201,
    response_model=Demand,
    response_class=GeoJSONResponse,
    responses=responses(400, 403, 409, 413, 422),
    summary="Take a demand in",
)
def create_demand(
    sent: NewDemand, session: WriteSession, scope: Principal, settings: AppSettings
) -> GeoJSONResponse:
    """Store a demand and assign its grid and nearest open station in the same transaction.

    Where there is no grid or no station, the answer says why. A text with phone or identity
    numbers is refused.
    """
    return create(session, scope, settings, "demands", sent)
