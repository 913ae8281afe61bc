"""``/v1/grids``: the grids of the plan in effect."""

from fastapi import APIRouter, Request

from api.deps import AppSettings, Principal, ReadSession
from api.geojson import GeoJSONResponse, collection, feature
from api.params import AtDay, CommunityCode, GridCode, PageOf, RowId, day_of
from api.problems import responses
from api.schemas.codes import PlanKind
from api.schemas.features import Grid, Grids
from gis.layers import grids
from gis.services.withholding import withheld_of_grids

router = APIRouter(prefix="/v1/grids", tags=["grids"])


@router.get(
    "",
    response_model=Grids,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="Grids of the plan in effect on a day",
)
def list_grids(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    paging: PageOf,
    *,
    community: CommunityCode = None,
    code: GridCode = None,
    kind: PlanKind = "community",
    at: AtDay = None,
) -> GeoJSONResponse:
    """Return grids (网格) of a kind of plan, with counts of the buildings that stand today.

    Counts of people below the threshold of this installation are null, and so are as many others
    as it takes that nobody can work them out; `suppressed` names them.
    """
    day = day_of(at, settings.timezone)
    asked = {"community": community, "code": code, "kind": kind, "at": day}
    wanted = grids.GridFilter(kind, day, community, code)
    page = grids.page(session, scope, paging.window(asked), wanted)
    below = scope.shown_below(settings.suppress_below)
    withheld = withheld_of_grids(session, scope, below, [row.id for row in page.rows])
    return collection(request, page, paging, asked, withheld)


@router.get(
    "/{grid_id}",
    response_model=Grid,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="One grid",
)
def get_grid(
    grid_id: RowId, session: ReadSession, scope: Principal, settings: AppSettings
) -> GeoJSONResponse:
    """Return one grid of any plan, in effect or not."""
    row = grids.one(session, scope, str(grid_id))
    below = scope.shown_below(settings.suppress_below)
    withheld = withheld_of_grids(session, scope, below, [row.id])
    return GeoJSONResponse(feature(row, withheld=withheld))
