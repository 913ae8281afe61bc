"""Descriptions of places to matters: certain ones are placed, the others wait for a person."""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.addresses import (
    Gazetteer,
    Match,
    MatchOptions,
    Place,
    build_gazetteer,
    match_texts,
)
from gis.errors import ConflictError, InvalidInputError
from gis.geometry.crs import projected_crs
from gis.layers import audit, geocoding, matters
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.communities import Community
from gis.layers.pois import Poi
from gis.layers.quarters import Quarter
from gis.layers.queries import Page, Window, alive, point, read_layer, table_of
from gis.layers.registry import LAYER_BY_NAME
from gis.layers.roads import Road
from gis.layers.stations import Station
from gis.logs import get_logger
from gis.services.intake import MODELS, MatterLayer, refuse_personal_text

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

#: Gazetteers that a process keeps: a few databases or areas, each in its present state.
_KEPT = 4
_MAX_TEXT = 500
_TOKEN = re.compile(r"(?=.*[A-Za-z_])[A-Za-z0-9_-]{8,64}")
#: What a waiting row must say, by layer.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "incidents": ("category", "occurred_at"),
    "demands": ("service", "occurred_at"),
}
_WAITING = (
    "id",
    "category",
    "service",
    "description",
    "occurred_at",
    "source",
    "served_group",
    "complainant_token",
    "details",
    "synthetic",
    "source_id",
)


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A matter that says in words where it is.

    Parameters
    ----------
    text
        The description of the place.
    values
        Columns of the layer, without place and assignment: ``occurred_at`` (with a time zone),
        ``category`` or ``service``, ``description``, ``source``, …
    """

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueReport:
    """What became of rows: stored with a place, or waiting for one.

    Parameters
    ----------
    placed
        Rows that are matters now, by kind of place.
    queued
        Rows that wait, by reason.
    matter_ids, request_ids
        Their keys, in the order of the rows.
    """

    placed: dict[str, int]
    queued: dict[str, int]
    matter_ids: list[str]
    request_ids: list[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request is, as a person decides: exactly one of the three.

    Parameters
    ----------
    candidate
        Number of one of its candidates; 1 is the first.
    row
        Layer and key of a building, point of interest, quarter, road or station.
    lon_lat
        Degrees, EPSG:4326.
    note
        Why; no person's data.
    """

    candidate: int | None = None
    row: tuple[str, str] | None = None
    lon_lat: tuple[float, float] | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a decision made: the place, and the matter that waited, if one did."""

    request_id: str
    lon: float
    lat: float
    layer: str | None
    matter_id: str | None


@dataclass(frozen=True, slots=True)
class _Point:
    """A place that was decided: the point, and the row that it is."""

    lon: float
    lat: float
    layer: str | None = None
    row_id: str | None = None
    building_id: str | None = None


# ---- the gazetteer of the store ----------------------------------------------------------------

_gazetteers: "OrderedDict[tuple[str, frozenset[str] | None, str], Gazetteer]" = OrderedDict()
_guard = Lock()


def read_gazetteer(session: "Session", scope: "Scope") -> Gazetteer:
    """Return the gazetteer of the store as it is now; it is built once for each state of the data.

    Places outside the scope are not in it.
    """
    bound = session.get_bind()
    state = geocoding.places_state(session, scope)
    key = (str(bound.engine.url), scope.community_ids, state)
    with _guard:
        if key in _gazetteers:
            _gazetteers.move_to_end(key)
            return _gazetteers[key]
    built = _build(session, scope)
    with _guard:
        _gazetteers[key] = built
        while len(_gazetteers) > _KEPT:
            _gazetteers.popitem(last=False)
    log.info("gazetteer_built", places=len(built.places))
    return built


def _build(session: "Session", scope: "Scope") -> Gazetteer:
    layers = {
        "communities": read_layer(session, scope, Community, frames.COMMUNITIES, alive(Community)),
        "quarters": read_layer(session, scope, Quarter, frames.QUARTERS),
        "buildings": read_layer(session, scope, Building, frames.BUILDINGS, alive(Building)),
        "units": read_layer(session, scope, BuildingUnit, frames.UNITS),
        "roads": read_layer(session, scope, Road, frames.ROADS),
        "pois": read_layer(session, scope, Poi, frames.POIS),
        "stations": read_layer(session, scope, Station, frames.STATIONS),
    }
    located = [frame for name, frame in layers.items() if name != "units" and len(frame)]
    if not located:
        return Gazetteer(())
    west, south, east, north = located[0].total_bounds
    return build_gazetteer(layers, projected_crs((west + east) / 2, (south + north) / 2))


def place_texts(
    session: "Session",
    scope: "Scope",
    texts: Sequence[str],
    options: MatchOptions | None = None,
) -> list[Match]:
    """Return for each text the place that it means, or why that cannot be said; stores nothing."""
    return match_texts(texts, read_gazetteer(session, scope), options)


# ---- rows that wait for a place ----------------------------------------------------------------


def queue_rows(
    session: "Session",
    scope: "Scope",
    layer: MatterLayer,
    rows: Sequence[WaitingRow],
    *,
    timezone: str,
    options: MatchOptions | None = None,
) -> QueueReport:
    """Store the matters whose place is certain, assigned at once, and queue the others.

    The caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    layer
        ``incidents`` or ``demands``.
    rows
        What waits; row 1 is the first in errors.
    timezone
        IANA name of the zone of the stations.
    options
        When a match is taken.

    Raises
    ------
    gis.errors.InvalidInputError
        A text is empty or holds personal numbers, or a row lacks a value or has one too many.
    """
    for number, row in enumerate(rows, start=1):
        _check_row(layer, row, number)
    matches = place_texts(session, scope, [row.text for row in rows], options)
    placed: dict[str, int] = {}
    queued: dict[str, int] = {}
    matter_ids, waiting = [], []
    for row, match in zip(rows, matches, strict=True):
        place = match.place
        if place is None:
            reason = match.reason or "no_name"
            queued[reason] = queued.get(reason, 0) + 1
            waiting.append(_request(layer, row, match))
        else:
            placed[place.kind] = placed.get(place.kind, 0) + 1
            values = {**row.values, **_placed(_point_of(place))}
            matter_ids.append(matters.add(session, scope, MODELS[layer], values))
    _assign(session, scope, layer, matter_ids, timezone)
    request_ids = geocoding.add_requests(session, scope, waiting)
    log.info("rows_geocoded", layer=layer, placed=len(matter_ids), queued=len(request_ids))
    return QueueReport(placed, queued, matter_ids, request_ids)


def list_requests(
    session: "Session",
    scope: "Scope",
    window: Window,
    *,
    status: str | None = "open",
    layer: str | None = None,
) -> Page:
    """Return a page of requests in key order; ``status`` ``None`` for all of them."""
    return geocoding.page(session, scope, window, status=status, layer=layer)


def read_request(session: "Session", scope: "Scope", request_id: str) -> "Row[Any]":
    """Return one request.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    """
    return geocoding.one(session, scope, request_id)


def resolve_request(
    session: "Session",
    scope: "Scope",
    request_id: str,
    decision: Decision,
    *,
    timezone: str,
    audit_request_id: str | None = None,
) -> Resolved:
    """Place a request where a person says; what waited becomes a matter and is assigned.

    The caller commits.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such request, or no such row.
    gis.errors.ConflictError
        Somebody has resolved or rejected it before.
    gis.errors.InvalidInputError
        Not exactly one place is named, it is not on the globe, there is no such candidate, or the
        note holds a person's data.
    """
    if decision.note is not None:
        refuse_personal_text(decision.note, "note")
    request = _open(session, scope, request_id)
    place = _decided(session, scope, request, decision)
    matter_id = None
    if request.layer is not None:
        values = {**_waiting_values(request), **_placed(place)}
        matter_id = matters.add(session, scope, MODELS[request.layer], values)
        _assign(session, scope, request.layer, [matter_id], timezone)
    told = {
        "status": "resolved",
        "resolved_layer": place.layer,
        "resolved_row_id": place.row_id,
        "note": decision.note,
    }
    geocoding.close(session, scope, request_id, {**told, "geometry": point(place.lon, place.lat)})
    after = {**told, "lon": place.lon, "lat": place.lat, "matter_id": matter_id}
    _record(session, scope, "resolve", request_id, after, audit_request_id)
    return Resolved(request_id, place.lon, place.lat, request.layer, matter_id)


def reject_request(
    session: "Session",
    scope: "Scope",
    request_id: str,
    *,
    reason: str,
    audit_request_id: str | None = None,
) -> None:
    """Close a request that has no place, with the reason; what waited is not stored as a matter.

    The caller commits. Errors are those of :func:`resolve_request`.
    """
    refuse_personal_text(reason, "reason")
    if not reason.strip():
        raise InvalidInputError(
            "The reason is empty.", remedy="Say why it cannot be placed.", field="reason"
        )
    _open(session, scope, request_id)
    told = {"status": "rejected", "note": reason}
    geocoding.close(session, scope, request_id, told)
    _record(session, scope, "reject", request_id, told, audit_request_id)


# ---- below -------------------------------------------------------------------------------------


def _check_row(layer: str, row: WaitingRow, number: int) -> None:
    try:
        _check_text(row.text)
        _check_values(layer, row.values)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"Row {number}: {error.message}",
            remedy=error.remedy,
            **{**error.context, "row": number},
        ) from None


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > _MAX_TEXT:
        raise InvalidInputError(
            f"The description of the place has {len(text.strip())} characters.",
            remedy=f"Give 1 to {_MAX_TEXT}.",
            field="text",
        )
    refuse_personal_text(text, "text")


def _check_values(layer: str, values: Mapping[str, Any]) -> None:
    columns = table_of(MODELS[layer]).c  # type: ignore[arg-type] # each matter is mapped
    known = {name for name in _WAITING if name in columns}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InvalidInputError(
            f"A row of {layer} that waits for its place has no field '{unknown[0]}'.",
            remedy=f"Use {', '.join(sorted(known))}.",
            field=unknown[0],
        )
    for name in _REQUIRED[layer]:
        if values.get(name) is None:
            raise InvalidInputError(
                f"The field '{name}' has no value.", remedy="Give it.", field=name
            )
    at = values["occurred_at"]
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InvalidInputError(
            "The field 'occurred_at' is not a moment with a time zone.",
            remedy="Write it as 2026-05-01T22:00:00+08:00.",
            field="occurred_at",
        )
    _check_codes(layer, values)
    if isinstance(values.get("description"), str):
        refuse_personal_text(values["description"], "description")


def _check_codes(layer: str, values: Mapping[str, Any]) -> None:
    """Refuse what the store would refuse when the row is placed, perhaps weeks later."""
    for column in LAYER_BY_NAME[layer].contract.columns:
        value = values.get(column.name)
        if column.choices and value is not None and value not in column.choices:
            raise InvalidInputError(
                f"The field '{column.name}' has a value that is not known ({value!r}).",
                remedy=f"Use one of: {', '.join(column.choices)}.",
                field=column.name,
            )
    token = values.get("complainant_token")
    if token is not None and not _TOKEN.fullmatch(str(token)):
        raise InvalidInputError(
            "The field 'complainant_token' is not a token.",
            remedy="Use 8 to 64 letters, digits, - and _, with a letter among them.",
            field="complainant_token",
        )


def _request(layer: str, row: WaitingRow, match: Match) -> dict[str, Any]:
    waiting = {name: _plain(value) for name, value in row.values.items()}
    return {
        "text": row.text,
        "layer": layer,
        "waiting": waiting,
        "candidates": [one.as_json() for one in match.candidates],
        "note": match.reason,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of a column
    return value.isoformat() if isinstance(value, datetime) else value


def _waiting_values(request: "Row[Any]") -> dict[str, Any]:
    values = dict(request.waiting or {})
    values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
    # Undoing the import that brought it takes it away as well.
    return {**values, "import_no": request.import_no}


def _point_of(place: Place) -> _Point:
    from gis.addresses import LAYER_OF

    layer = LAYER_OF[place.kind] if place.id else None
    return _Point(place.lon, place.lat, layer, place.id, place.building_id)


def _placed(place: _Point) -> dict[str, Any]:
    """Return the columns of a matter that say where it is."""
    return {
        "geometry": point(place.lon, place.lat),
        "building_id": place.row_id if place.layer == "buildings" else place.building_id,
        "poi_id": place.row_id if place.layer == "pois" else None,
        "road_id": place.row_id if place.layer == "roads" else None,
    }


def _assign(session: "Session", scope: "Scope", layer: str, ids: list[str], timezone: str) -> None:
    if ids:
        matters.assign(
            session,
            scope,
            layer,
            kind="community",
            timezone=timezone,
            only_unassigned=True,
            only_ids=ids,
        )


def _open(session: "Session", scope: "Scope", request_id: str) -> "Row[Any]":
    request = geocoding.lock(session, scope, request_id)
    if request.status != "open":
        raise ConflictError(
            f"The geocoding request {request_id} is {request.status} already.",
            remedy="Look at what was decided; it is not decided twice.",
        )
    return request


def _decided(session: "Session", scope: "Scope", request: "Row[Any]", decision: Decision) -> _Point:
    ways = (decision.candidate, decision.row, decision.lon_lat)
    if sum(way is not None for way in ways) != 1:
        raise InvalidInputError(
            "A decision names exactly one place.",
            remedy="Give a candidate's number, or a layer and a key, or lon and lat.",
            field="candidate",
        )
    if decision.candidate is not None:
        return _candidate(request, decision.candidate)
    if decision.row is not None:
        layer, row_id = decision.row
        if layer not in geocoding.PLACE_MODELS:
            raise InvalidInputError(
                f"A row of {layer} is no place.",
                remedy=f"Use {', '.join(sorted(geocoding.PLACE_MODELS))}.",
                field="layer",
            )
        lon, lat = geocoding.place_of(session, scope, layer, row_id)
        return _Point(lon, lat, layer, row_id)
    assert decision.lon_lat is not None
    lon, lat = decision.lon_lat
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # NaN and infinity fail both
        raise InvalidInputError(
            f"lon {lon}, lat {lat} is not a place on the globe.",
            remedy="Give degrees: lon in -180…180, lat in -90…90, in this order.",
            field="lon, lat",
        )
    return _Point(lon, lat)


def _candidate(request: "Row[Any]", number: int) -> _Point:
    if not 1 <= number <= len(request.candidates):
        raise InvalidInputError(
            f"There is no candidate {number}; the request has {len(request.candidates)}.",
            remedy="Count from 1, or give a building or a point.",
            field="candidate",
        )
    chosen = request.candidates[number - 1]
    return _Point(
        chosen["lon"], chosen["lat"], chosen["layer"], chosen["id"], chosen["building_id"]
    )


def _record(
    session: "Session",
    scope: "Scope",
    action: str,
    request_id: str,
    after: Mapping[str, Any],
    audit_request_id: str | None,
) -> None:
    change = audit.Change(
        action, "geocoding_requests", request_id, {"status": "open"}, after, audit_request_id
    )
    audit.record(session, scope, change)
    log.info("geocoding_request_closed", id=request_id, action=action)
