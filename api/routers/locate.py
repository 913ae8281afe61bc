"""``/v1/locate``: whose grid is this."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator

from api.deps import AppSettings, Principal, ReadSession
from api.params import AtDayOrMoment, Lat, Lon, day_of, held
from api.problems import responses
from api.schemas.answers import GridRef, LocateAnswer, NearbyGrid
from api.schemas.codes import PlanKind
from gis.layers.grids import Located, Where
from gis.services.locating import locate

router = APIRouter(prefix="/v1/locate", tags=["locating"])
_Metres = Annotated[float, Query(ge=0, le=1000, allow_inf_nan=False), AfterValidator(held)]


@router.get("", responses=responses(400, 422), summary="The one grid at a point")
def locate_point(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    lon: Lon,
    lat: Lat,
    kind: PlanKind = "community",
    at: AtDayOrMoment = None,
    snap_m: Annotated[
        _Metres,
        Query(description="How far outside every grid a point may lie and be given the nearest."),
    ] = 0.0,
    near_m: Annotated[
        _Metres, Query(description="Within which distance another grid is named.")
    ] = 5.0,
) -> LocateAnswer:
    """Return the one grid of the plan in effect on a day, or the reason why there is none.

    A point on a border belongs to the grid with the lower code; a grid whose border is near is
    named, so that a dispatcher can ask.
    """
    day = day_of(at, settings.timezone)
    found = locate(session, scope, Where(lon, lat, kind, day, snap_m, near_m))
    return LocateAnswer(
        kind=kind,
        on_day=day,
        grid=_grid(found),
        reason=found.reason,
        snapped_m=None if found.snapped_m is None else round(found.snapped_m, 2),
        neighbour=_neighbour(found),
    )


def _grid(found: Located) -> GridRef | None:
    if found.grid_id is None:
        return None
    return GridRef(
        id=found.grid_id,
        code=found.code,
        plan_id=found.plan_id,
        community_id=found.community_id,
    )


def _neighbour(found: Located) -> NearbyGrid | None:
    if found.neighbour_id is None or found.border_m is None:
        return None
    return NearbyGrid(
        id=found.neighbour_id, code=found.neighbour_code, distance_m=round(found.border_m, 2)
    )
