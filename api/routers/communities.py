"""``/v1/communities``: the ground that grids are nested in."""

from fastapi import APIRouter, Request

from api.deps import AppSettings, Principal, ReadSession
from api.geojson import GeoJSONResponse, collection, feature
from api.params import AtDay, CommunityCode, PageOf, RowId, day_of
from api.problems import responses
from api.schemas.features import Communities, Community
from gis.layers import communities

router = APIRouter(prefix="/v1/communities", tags=["communities"])


@router.get(
    "",
    response_model=Communities,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="Communities that exist on a day",
)
def list_communities(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    paging: PageOf,
    *,
    code: CommunityCode = None,
    at: AtDay = None,
) -> GeoJSONResponse:
    """Return communities (社区), filtered by box, code and day."""
    day = day_of(at, settings.timezone)
    asked = {"code": code, "at": day}
    page = communities.page(session, scope, paging.window(asked), code=code, on_day=day)
    return collection(request, page, paging, asked)


@router.get(
    "/{community_id}",
    response_model=Community,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="One community",
)
def get_community(community_id: RowId, session: ReadSession, scope: Principal) -> GeoJSONResponse:
    """Return one community, whether it exists today or not."""
    row = communities.one(session, scope, str(community_id))
    return GeoJSONResponse(feature(row))
