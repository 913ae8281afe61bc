"""What the rooms of incidents and demands share."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query

from api.geojson import GeoJSONResponse, feature
from api.params import Moment
from gis.layers import matters
from gis.services.intake import MODELS, MatterLayer, NewMatter, take_in

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from api.schemas.changes import NewDemand, NewIncident
    from gis.scope import Scope
    from gis.settings import Settings

Since = Annotated[
    Moment | None,
    Query(
        description="Not before this moment, with a time zone.",
        examples=["2026-05-01T00:00:00+08:00"],
    ),
]
Until = Annotated[
    Moment | None,
    Query(
        description="Before this moment, with a time zone.", examples=["2026-06-01T00:00:00+08:00"]
    ),
]
Assigned = Annotated[
    bool | None, Query(description="True: has a grid; false: has none, or is not assigned yet.")
]


def create(
    session: "Session",
    scope: "Scope",
    settings: "Settings",
    layer: MatterLayer,
    sent: "NewIncident | NewDemand",
) -> GeoJSONResponse:
    """Take a matter in, assign it, and return it with its grid and station or the reasons."""
    facts: dict[str, Any] = sent.model_dump(
        include={"category", "service", "source", "served_group"}
    )
    place = None if sent.lon is None or sent.lat is None else (sent.lon, sent.lat)
    matter = NewMatter(
        occurred_at=sent.occurred_at,
        lon_lat=place,
        building_id=None if sent.building_id is None else str(sent.building_id),
        poi_id=None if sent.poi_id is None else str(sent.poi_id),
        description=sent.description,
        facts=facts,
    )
    matter_id = take_in(session, scope, layer, matter, timezone=settings.timezone)
    row = matters.one(session, scope, MODELS[layer], matter_id)
    return GeoJSONResponse(
        feature(row),
        201,
        {"Location": f"/v1/{layer}/{matter_id}"},
    )
