"""``/v1/buildings``: buildings with counts of people, small ones left out."""

from fastapi import APIRouter, Request

from api.deps import AppSettings, Principal, ReadSession
from api.geojson import GeoJSONResponse, collection, feature
from api.params import AtDay, CommunityCode, GridCode, PageOf, RowId, day_of
from api.problems import responses
from api.schemas.codes import BuildingUse, PlanKind
from api.schemas.features import Building, Buildings
from gis.layers import buildings, grids, plan_grids
from gis.services.withholding import withheld_of_buildings

router = APIRouter(prefix="/v1/buildings", tags=["buildings"])


@router.get(
    "",
    response_model=Buildings,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="Buildings that stand on a day",
)
def list_buildings(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    paging: PageOf,
    *,
    community: CommunityCode = None,
    grid: GridCode = None,
    kind: PlanKind = "community",
    use: BuildingUse | None = None,
    at: AtDay = None,
) -> GeoJSONResponse:
    """Return buildings (楼栋); `grid` is read in the plan of `kind` that is in effect.

    Counts of people below the threshold of this installation are null, and so are as many others
    as it takes that nobody can work them out; `suppressed` names them.
    """
    day = day_of(at, settings.timezone)
    asked = {"community": community, "grid": grid, "kind": kind, "use": use, "at": day}
    conditions = [grids.in_grid(grid, kind, day)] if grid is not None else []
    page = buildings.page(
        session,
        scope,
        paging.window(asked),
        *conditions,
        on_day=day,
        community=community,
        use=use,
    )
    below = scope.shown_below(settings.suppress_below)
    withheld = withheld_of_buildings(session, scope, below, [row.id for row in page.rows])
    return collection(request, page, paging, asked, withheld)


@router.get(
    "/{building_id}",
    response_model=Building,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="One building",
)
def get_building(
    building_id: RowId,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    kind: PlanKind = "community",
    at: AtDay = None,
) -> GeoJSONResponse:
    """Return one building, whether it stands today or not, and whose grid each of its units is.

    `kind` and `at` say by which plan.
    """
    row = buildings.one(session, scope, str(building_id))
    day = day_of(at, settings.timezone)
    shares = plan_grids.grids_of_building(session, scope, str(building_id), kind, day)
    whose = [dict(share._mapping) for share in shares]  # noqa: SLF001 - SQLAlchemy's public name
    below = scope.shown_below(settings.suppress_below)
    withheld = withheld_of_buildings(session, scope, below, [row.id])
    return GeoJSONResponse(feature(row, withheld=withheld, more={"grids": whose}))
