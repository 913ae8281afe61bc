"""``/v1/tiles``: layers, and who reaches what, as vector tiles."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from math import log2
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from api.coverage_params import AskedOnce, Minutes, numbers
from api.deps import AppSettings, Grounds, Principal, ReadSession
from api.params import AtDay, day_of
from api.problems import responses
from api.schemas.codes import PlanKind
from api.schemas.tiles import TileJSON, VectorLayer
from api.security.gate import for_layers
from gis.coverage.walking_coverage import THRESHOLDS_MIN
from gis.layers import imports, tiles
from gis.layers.tiles import FINEST_ZOOM, LAST_ZOOM, WHOLE_FROM, Tile, TileLayer, TileOrder
from gis.services.coverage_asked import CoverageQuestion, walk_options
from gis.services.locating import local_day
from gis.services.tiles import CoverageTiles, coverage_tile, tile_of, tile_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.settings import Settings

router = APIRouter(prefix="/v1/tiles", tags=["tiles"])

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
_WORLD = (-180.0, -85.05112877980659, 180.0, 85.05112877980659)
_KEY = "Key of the feature, as the rest of the API has it."
_FAR = f"Below zoom {WHOLE_FROM} one point per cell of a raster, with how many it stands for."
#: What each layer is, and what its features carry.
_TOLD: dict[str, tuple[str, dict[str, str]]] = {
    "communities": (
        "Communities (社区).",
        {"id": _KEY, "code": "Its code.", "name": "Its name.", "households": "In its buildings."},
    ),
    "grids": (
        "Grids (网格) of the plan in effect.",
        {
            "id": _KEY,
            "code": "Its code.",
            "kind": "basic or dedicated.",
            "community_code": "Code of its community.",
            "households": "In its share of the buildings.",
        },
    ),
    "buildings": (
        f"Buildings (楼栋). {_FAR}",
        {
            "id": _KEY,
            "name": "Its name.",
            "use": "Code of its use.",
            "floors": "Floors above ground.",
            "households": "Households; from afar of all buildings of the point.",
            "residents": "Residents; absent where few.",
            "buildings": "From afar: how many buildings the point stands for.",
        },
    ),
    "stations": (
        "Stations (服务站), whatever their hours.",
        {
            "id": _KEY,
            "name": "Its name.",
            "tier": "Code of its tier.",
            "status": "Code of its status.",
            "services": "Codes of its services, with commas.",
        },
    ),
    "coverage": (
        f"Buildings and how far they are from a station that serves. {_FAR}",
        {
            "id": _KEY,
            "households": "Households.",
            "class": "Position of the smallest limit in minutes that is met, from 0; how many "
            "limits there are: beyond the last; -1: no station can be reached.",
            "minutes": "Minutes of the walk at the speed asked with, to a tenth.",
            "distance_m": "Metres of the walk, rounded up.",
            "station_id": "Key of the station.",
            "buildings": "From afar: how many buildings with households the point stands for.",
            "covered": "From afar: how many of them are within the last limit.",
        },
    ),
}

Zoom = Annotated[int, Path(ge=0, le=LAST_ZOOM, description="Zoom.", examples=[15])]
Column = Annotated[
    int, Path(ge=0, lt=2**LAST_ZOOM, description="Column from the west.", examples=[27063])
]
Row = Annotated[
    int, Path(ge=0, lt=2**LAST_ZOOM, description="Row from the north.", examples=[13333])
]
Kept = Annotated[
    str | None,
    Query(
        alias="v",
        pattern=r"^[0-9a-f]{1,40}$",
        description="Version, from TileJSON: while it is the current one, a tile need not be "
        "asked for again.",
        examples=["9f2c41d0"],
    ),
]
IfNoneMatch = Annotated[
    str, Header(description="ETags of tiles that the caller has kept.", examples=['"9f2c41d0"'])
]
TILE: dict[int | str, dict[str, Any]] = {
    **responses(400, 409, 422),
    200: {
        "description": "The tile.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    204: {"description": "Nothing lies there."},
    304: {"description": "The tile has not changed."},
}


def _asked(question: AskedOnce, minutes: Minutes = None) -> CoverageQuestion:
    limits = numbers(minutes, "minutes", THRESHOLDS_MIN)
    return replace(question, options=walk_options(question.options.group, minutes=limits))


Asked = Annotated[CoverageQuestion, Depends(_asked)]


@router.get(
    "/coverage", responses=responses(400, 409, 422), summary="Where the tiles of coverage are"
)
def get_coverage_tileset(
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    grounds: Grounds,
    question: Asked,
) -> TileJSON:
    """Describe the tiles of who reaches a station, as TileJSON; they are asked as this was."""
    version = _coverage(request).judged(session, scope, grounds, question).version
    return _tileset(request, session, scope, settings, "coverage", version)


@router.get(
    "/coverage/{z}/{x}/{y}",
    response_class=Response,
    responses=TILE,
    summary="A vector tile of who reaches a station",
)
def get_coverage_tile(
    request: Request,
    session: ReadSession,
    scope: Principal,
    grounds: Grounds,
    question: Asked,
    *,
    z: Zoom,
    x: Column,
    y: Row,
    v: Kept = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Return buildings with the verdict on each: class of the limit met, minutes and metres.

    `minutes` are the limits, `speed` whose they are at. Without `at` and `as_of` it is now.
    """
    tile = Tile(z, x, y)
    judged = _coverage(request).judged(session, scope, grounds, question)
    cache = _Cache(judged.version, v, if_none_match)
    return cache.answer(tile, lambda: coverage_tile(session, scope, judged, tile))


@router.get(
    "/{layer}", responses=responses(400, 422), summary="Where the vector tiles of a layer are"
)
def get_tileset(
    layer: TileLayer,
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    kind: PlanKind = "community",  # noqa: ARG001 - goes into the tiles' address as it was given
    at: AtDay = None,  # noqa: ARG001 - the same
) -> TileJSON:
    """Describe the tiles of a layer, as TileJSON; they show the `kind` of plan and day asked."""
    scope = for_layers(request, scope, (layer,))
    version = tile_version(session, scope, _today(settings))
    return _tileset(request, session, scope, settings, layer, version)


@router.get(
    "/{layer}/{z}/{x}/{y}",
    response_class=Response,
    responses=TILE,
    summary="A vector tile of a layer",
)
def get_tile(
    layer: TileLayer,
    request: Request,
    session: ReadSession,
    scope: Principal,
    settings: AppSettings,
    *,
    z: Zoom,
    x: Column,
    y: Row,
    kind: PlanKind = "community",
    at: AtDay = None,
    v: Kept = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Return what of a layer lies in a tile (XYZ, EPSG:3857): Mapbox Vector Tile 2.1.

    `kind` says whose grids, `at` the day on which communities, buildings and grids exist. Buildings
    are outlines from zoom 14 on and points that stand for several below. Counts of people below the
    threshold of this installation are left out.
    """
    tile = Tile(z, x, y)
    scope = for_layers(request, scope, (layer,))
    below = scope.shown_below(settings.suppress_below)
    order = TileOrder(day_of(at, settings.timezone), kind, below)
    version = tile_version(session, scope, _today(settings))
    cache = _Cache(version, v, if_none_match, (layer, order))
    return cache.answer(tile, lambda: tile_of(session, scope, layer, tile, order))


class _Cache:
    """How long a tile may be kept, by the version it is of.

    Parameters
    ----------
    version
        The current one.
    named
        The one that the request names, if any.
    if_none_match
        Tags of what the caller has.
    facts
        What else decides about the tile.
    """

    def __init__(
        self, version: str, named: str | None, if_none_match: str, facts: object = None
    ) -> None:
        self._facts = (version, facts)
        self._kept = if_none_match
        # An address that names its version never shows anything else.
        self._control = "private, max-age=86400, immutable" if named == version else "no-cache"

    def answer(self, tile: Tile, make: "Callable[[], bytes]") -> Response:
        """Return the tile, that it is empty, or that it has not changed."""
        tag = hashlib.blake2b(repr((self._facts, tile)).encode(), digest_size=12).hexdigest()
        headers = {"ETag": f'"{tag}"', "Cache-Control": self._control}
        if tag in self._kept:
            return Response(status_code=304, headers=headers)
        body = make()
        if not body:
            return Response(status_code=204, headers=headers)
        return Response(body, media_type=MEDIA_TYPE, headers=headers)


def _coverage(request: Request) -> CoverageTiles:
    return cast("CoverageTiles", request.app.state.coverage_tiles)


def _today(settings: "Settings") -> "date":
    return local_day(datetime.now(UTC), settings.timezone)


def _tileset(
    request: Request,
    session: "Session",
    scope: "Scope",
    settings: "Settings",
    layer: str,
    version: str,
) -> TileJSON:
    told, fields = _TOLD[layer]
    box = tiles.bounds(session, scope, _today(settings)) or _WORLD
    query = urlencode({**request.query_params, "v": version})
    return TileJSON(
        name=layer,
        description=told,
        version=f"1.0.0+{version}",
        attribution=imports.facts(session, scope).attribution,
        tiles=[f"{request.base_url}v1/tiles/{layer}/{{z}}/{{x}}/{{y}}?{query}"],
        vector_layers=[
            VectorLayer(id=layer, description=told, minzoom=0, maxzoom=FINEST_ZOOM, fields=fields)
        ],
        bounds=box,
        center=_center(box),
        minzoom=0,
        maxzoom=FINEST_ZOOM,
    )


def _center(box: tuple[float, float, float, float]) -> tuple[float, float, int]:
    """Return the middle of a box and the zoom at which a tile or two hold it."""
    west, south, east, north = box
    wide = max(east - west, north - south, 1e-6)
    zoom = min(max(int(log2(360 / wide)), 0), FINEST_ZOOM)
    return (west + east) / 2, (south + north) / 2, zoom
