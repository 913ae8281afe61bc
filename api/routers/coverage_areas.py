"""``/v1/isochrone``, ``/v1/catchments``, ``/v1/coverage/gaps``: what is reached, drawn."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from api.areas import area_collection
from api.coverage_params import AnyService, By, SpeedOf, numbers
from api.deps import AppSettings, Grounds, Principal, ReadSession
from api.geojson import GeoJSONResponse
from api.params import AtDay, AtMoment, CommunityCode
from api.problems import responses
from api.schemas.coverage import Method
from api.schemas.coverage_areas import Catchments, Gaps, Isochrones
from api.security.gate import charge
from api.security.limits import POINTS
from gis.errors import InvalidInputError
from gis.services.coverage_asked import CoverageQuestion, Serving, serving
from gis.services.telling import reaches_as_usual, telling_of
from gis.services.walking_areas import (
    GapQuestion,
    Origins,
    Reach,
    at_point,
    at_stations,
    catchment_areas,
    gap_areas_in_line,
    gap_areas_on_foot,
    isochrone_areas,
    off_network,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gis.services.walking import WalkingGround

router = APIRouter(tags=["coverage"])

_UUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
#: Stations of one answer that are drawn by themselves.
_MOST_STATIONS = 100
_LIST = r"^[0-9.]{1,10}(,[0-9.]{1,10}){0,7}$"

Minutes = Annotated[
    str | None,
    Query(
        pattern=_LIST,
        description="Minutes at that speed, at most 8; 5,10,15 if metres are left out too.",
        examples=["5,10,15"],
    ),
]
Metres = Annotated[
    str | None,
    Query(
        pattern=_LIST,
        description="Metres along the walk, at most 8; none if left out.",
        examples=["300,500,1000"],
    ),
]


def _reach(
    minutes: Minutes = None,
    metres: Metres = None,
    speed: SpeedOf = "adult",
    speed_m_s: Annotated[
        float | None,
        Query(ge=0.1, le=5, allow_inf_nan=False, description="Another speed, metres per second."),
    ] = None,
) -> Reach:
    return Reach(
        numbers(minutes, "minutes", ()),
        numbers(metres, "metres", ()),
        group=speed,
        speed_m_s=speed_m_s,
    )


@dataclass(frozen=True, slots=True)
class AskedFor:
    """Which stations count, and when: a service (None: any) at a moment or on a day."""

    service: str | None
    at: datetime | None
    as_of: date | None

    def question(self, timezone: str, method: Method = "walking") -> CoverageQuestion:
        """Return it as a question."""
        return CoverageQuestion(self.service, timezone, self.at, self.as_of, method)


def _which(service: AnyService = None, at: AtMoment = None, as_of: AtDay = None) -> AskedFor:
    return AskedFor(service, at, as_of)


ReachOf = Annotated[Reach, Depends(_reach)]
Which = Annotated[AskedFor, Depends(_which)]


@router.get(
    "/v1/isochrone",
    response_model=Isochrones,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="What is reached on foot from stations or a point",
)
def get_isochrone(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    reach: ReachOf,
    which: Which,
    *,
    station: Annotated[
        str | None,
        Query(
            pattern=rf"^{_UUID}(,{_UUID})*$",
            max_length=37 * _MOST_STATIONS,
            description="Keys of stations, separated by commas, whatever their hours.",
        ),
    ] = None,
    point: Annotated[
        str | None,
        Query(
            pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,15})?,-?[0-9]{1,2}(\.[0-9]{1,15})?$",
            description="A place: lon,lat in degrees, EPSG:4326.",
            examples=["117.31,31.87"],
        ),
    ] = None,
    each: Annotated[bool, Query(description="Each station by itself; areas then overlap.")] = False,
) -> GeoJSONResponse:
    """Return what is reached within each limit: of some stations, a point, or all that serve.

    Without `station` and `point` every station counts that serves at the moment (now if it is left
    out) or on the day. Every building's footprint is inside or outside as its walk says. The areas
    end at the box around the communities.
    """
    if (station is not None) + (point is not None) + (which != AskedFor(None, None, None)) > 1:
        raise InvalidInputError(
            "Stations, a point and who serves when cannot be asked for at once.",
            remedy="Give station, or point, or service with at or as_of.",
            field="point" if point else "station",
        )
    ground = grounds.current(session, scope)
    facts: dict[str, Any]
    if station is not None:
        origins = at_stations(ground, station.lower().split(","))
        facts = _facts_of(ground, reach, origins)
    elif point is not None:
        lon, lat = (float(part) for part in point.split(","))
        origins = at_point(ground, (lon, lat))
        facts = _facts_of(ground, reach, origins)
    else:
        question = which.question(settings.timezone)
        who = serving(session, scope, ground, question)
        origins = at_stations(ground, list(ground.stations["id"][who.mask]))
        facts = _facts(reach, question, who) | _on(ground, origins.station_ids)
        facts["reason"] = who.reason or origins.reason
    if each and len(origins.station_ids) > _MOST_STATIONS:
        raise InvalidInputError(
            f"{len(origins.station_ids)} stations are more than {_MOST_STATIONS}.",
            remedy="Name stations, or leave each out.",
            field="each",
        )
    if each:  # each is drawn by itself, at each limit
        charge(request, (len(origins.station_ids) - 1) * POINTS["get_isochrone"])
    areas = isochrone_areas(ground, origins, reach, each=each)
    telling = telling_of(scope, settings.suppress_below, usual=reaches_as_usual(reach))
    return area_collection(areas, facts, telling)


@router.get(
    "/v1/catchments",
    response_model=Catchments,
    response_class=GeoJSONResponse,
    responses=responses(400, 422),
    summary="The ground that belongs to each station",
)
def list_catchments(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    reach: ReachOf,
    which: Which,
) -> GeoJSONResponse:
    """Return the ground and people of each serving station: those for whom it is the nearest.

    The greatest of the limits counts. People may be told rounded: see `rounded_to`.
    """
    ground = grounds.current(session, scope)
    question = which.question(settings.timezone)
    who = serving(session, scope, ground, question)
    areas = catchment_areas(ground, who.mask, reach)
    facts = _facts(reach, question, who) | _on(ground, ground.stations["id"][who.mask])
    telling = telling_of(scope, settings.suppress_below, usual=reaches_as_usual(reach))
    return area_collection(areas, facts, telling)


@router.get(
    "/v1/coverage/gaps",
    response_model=Gaps,
    response_class=GeoJSONResponse,
    responses=responses(400, 404, 422),
    summary="The ground that no station reaches",
)
def list_coverage_gaps(
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    reach: ReachOf,
    which: Which,
    *,
    community: CommunityCode = None,
    by: By = "walking",
) -> GeoJSONResponse:
    """Return gaps with the people who live there, those with most households first.

    The greatest of the limits counts. A small gap in which nobody lives is left out. People may be
    told rounded: see `rounded_to`.
    """
    question = which.question(settings.timezone, by)
    asked = GapQuestion(reach, community)
    if by == "walking":
        ground = grounds.current(session, scope)
        who = serving(session, scope, ground, question)
        areas = gap_areas_on_foot(ground, who.mask, asked)
        on = _on(ground, ground.stations["id"][who.mask], community)
    else:
        places = grounds.places(session, scope)
        who = serving(session, scope, places, question)
        areas = gap_areas_in_line(places, who.mask, asked)
        on = _on(None, ())
    facts = _facts(reach, question, who) | on
    facts["area_m2"] = round(float(areas["area_m2"].sum()), 2)
    telling = telling_of(scope, settings.suppress_below, usual=reaches_as_usual(reach))
    return area_collection(areas, facts, telling)


def _on(
    ground: "WalkingGround | None",
    station_ids: "Iterable[str | None]",
    community: str | None = None,
) -> dict[str, Any]:
    """Return which network areas were drawn on, and who is not on it."""
    return {
        "network": None if ground is None else ground.data_version,
        **off_network(ground, station_ids, community),
    }


def _facts(reach: Reach, question: CoverageQuestion, who: Serving) -> dict[str, Any]:
    """Return what areas were drawn from."""
    return {
        "service": question.service,
        "at": question.at,
        "day": question.day,
        "method": question.method,
        "speed": reach.group,
        "speed_m_s": reach.speed,
        "calendar": who.calendar,
        "stations_serving": int(who.mask.sum()),
        "stations_unknown": who.unknown,
        "reason": who.reason,
    }


def _facts_of(ground: "WalkingGround", reach: Reach, origins: Origins) -> dict[str, Any]:
    """Return what the areas of named places were drawn from, whatever anybody's hours."""
    return {
        "service": None,
        "at": None,
        "day": None,
        "method": "walking",
        "speed": reach.group,
        "speed_m_s": reach.speed,
        **_on(ground, origins.station_ids),
        "calendar": None,
        "stations_serving": sum(station is not None for station in origins.station_ids),
        "stations_unknown": 0,
        "reason": origins.reason,
    }
