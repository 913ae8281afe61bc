"""Descriptions of places to matters: certain ones are placed, the others wait for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gis.addresses import LAYER_OF, Match, MatchOptions, Place, match_texts
from gis.errors import ConflictError, InvalidInputError
from gis.layers import audit, geocoding, matters
from gis.layers.queries import Page, Window, point
from gis.logs import get_logger
from gis.services.gazetteers import read_gazetteer
from gis.services.intake import MODELS, MatterLayer, refuse_personal_text
from gis.services.waiting import WaitingRow, check_row

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

__all__ = [
    "Decision",
    "QueueReport",
    "Resolved",
    "WaitingRow",
    "list_requests",
    "place_texts",
    "queue_rows",
    "read_gazetteer",
    "read_request",
    "reject_request",
    "resolve_request",
]

log = get_logger(__name__)


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
        check_row(layer, row, number)
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
