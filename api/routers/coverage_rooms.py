"""``/v1/coverage``: limited room, access, services that travel, and how sure the shares are."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.coverage_params import Asked, AskedOnFoot, CountOf, LimitMin, ShareOf
from api.deps import AppSettings, Grounds, Principal, ReadSession
from api.params import CommunityCode
from api.problems import responses
from api.schemas.coverage import (
    AccessAnswer,
    Area,
    CapacityAnswer,
    DeliveryAnswer,
    SensitivityAnswer,
)
from gis.services.coverage_by_walking import answered, cover, measured
from gis.services.coverage_rooms import (
    AccessOrder,
    RoomOrder,
    access_to,
    area_access,
    place,
    told_access,
    told_rooms,
)
from gis.services.coverage_shares import read_areas
from gis.services.coverage_variants import deliveries, variants
from gis.services.telling import (
    asks_as_usual,
    is_usual,
    require_told,
    telling_of,
    told_variants,
    told_ways,
)

router = APIRouter(prefix="/v1/coverage", tags=["coverage"])


@router.get(
    "/capacity",
    responses=responses(400, 403, 422),
    summary="Who goes where when stations take only so many people",
)
def get_coverage_capacity(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    question: AskedOnFoot,
    *,
    count: CountOf = "residents",
    share: ShareOf = 1.0,
    limit_min: LimitMin = 15.0,
) -> CapacityAnswer:
    """Return who finds room: as many as possible within the limit, walking least together.

    `spill` lists who goes on to another station because the nearest is full. A station that
    states no capacity takes everybody, one of capacity 0 nobody. Accounts that see no small counts
    may ask with `count=households`.
    """
    ground = grounds.current(session, scope)
    order, telling = RoomOrder(count, share, limit_min), telling_of(scope, settings.suppress_below)
    require_told(telling, count)
    rooms = place(session, scope, ground, question, order)
    facts = measured(answered(ground, rooms.serving, question))
    return CapacityAnswer(
        **facts,
        **asdict(order),
        **told_rooms(ground, rooms, question, order, telling.below),
    )


@router.get(
    "/accessibility",
    responses=responses(400, 403, 404, 422),
    summary="How much of the stations' capacity falls to a person",
)
def get_coverage_accessibility(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    question: AskedOnFoot,
    *,
    model: Annotated[
        Literal["two_step", "three_step", "balanced", "shared", "rational_agents"],
        Query(description="Floating catchments (2SFCA, 3SFCA, B2FCA, conserving), or RAAM."),
    ] = "two_step",
    decay: Annotated[
        Literal["none", "zones", "gaussian", "epanechnikov", "exponential"],
        Query(description="How a walk weighs; two_step with one of these is E2SFCA."),
    ] = "none",
    count: CountOf = "residents",
    share: ShareOf = 1.0,
    limit_min: LimitMin = 15.0,
    per: Annotated[Area, Query(description="Means per grid, per community, or of all.")] = (
        "community"
    ),
    community: CommunityCode = None,
) -> AccessAnswer:
    """Return mean access per area; whoever has no station in reach counts with 0.

    Of floating catchments access is capacity a day per 1,000 people; of rational agents one over
    the cost, which is walk over the limit plus crowding. Accounts that see no small counts may ask
    with `count=households`.
    """
    ground = grounds.current(session, scope)
    order, how = RoomOrder(count, share, limit_min), AccessOrder(model, decay)
    telling = telling_of(scope, settings.suppress_below)
    require_told(telling, count)
    found = access_to(session, scope, ground, question, order, how)
    areas = read_areas(session, scope, ground, per, question.day, community=community)
    return AccessAnswer(
        **measured(answered(ground, found.serving, question)),
        **asdict(order),
        **asdict(how),
        areas=[asdict(one) for one in area_access(found, areas, order, how, telling.below)],
        **told_access(ground, found, order, how, telling.below),
    )


@router.get(
    "/sensitivity",
    responses=responses(400, 404, 422),
    summary="How much the shares hang on speed and reach",
)
def get_coverage_sensitivity(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    question: Asked,
    *,
    community: CommunityCode = None,
) -> SensitivityAnswer:
    """Return the shares at ±20 % speed and ±100 m beside those that were asked for."""
    coverage = cover(session, scope, grounds, question)
    usual = asks_as_usual(coverage.question)
    telling = telling_of(scope, settings.suppress_below, usual=usual)
    found = variants(coverage, community, telling.below)
    return SensitivityAnswer(
        **measured(coverage),
        variants=told_variants(coverage, community, found, telling),
        rounded_to=telling.rounded_to,
    )


@router.get(
    "/delivery",
    responses=responses(400, 422),
    summary="Who can walk to a service, to whom it comes, and both",
)
def get_coverage_delivery(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    question: AskedOnFoot,
    *,
    limit_min: LimitMin = 15.0,
) -> DeliveryAnswer:
    """Return the people who are served by walking, by delivery, by both and by neither.

    Deliveries reach as far as each station states (3 km along the ways if it does not), in its
    hours of delivery, on foot or riding.
    """
    coverage = cover(session, scope, grounds, question)
    telling = telling_of(scope, settings.suppress_below, usual=is_usual(minutes=(limit_min,)))
    found = deliveries(session, scope, coverage, limit_min, telling.below)
    return DeliveryAnswer(
        **measured(coverage),
        limit_min=limit_min,
        stations_delivering=found.delivering,
        means=told_ways(found.shares, telling),
        rounded_to=telling.rounded_to,
    )
