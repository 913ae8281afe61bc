"""Take in one incident or demand, and say at once whose it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from gis.errors import InvalidInputError, NotFoundError
from gis.frames.personal import refuse_personal_text
from gis.layers import audit, matters
from gis.layers.buildings import Building
from gis.layers.demands import Demand
from gis.layers.incidents import Incident
from gis.layers.pois import Poi
from gis.layers.queries import point, point_of
from gis.logs import get_logger

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.layers.matters import Matter
    from gis.scope import Scope

__all__ = [
    "MODELS",
    "MatterLayer",
    "NewMatter",
    "refuse_personal_column",
    "refuse_personal_text",
    "take_in",
]

log = get_logger(__name__)

MatterLayer = Literal["incidents", "demands"]
MODELS: "Mapping[str, type[Matter]]" = {"incidents": Incident, "demands": Demand}
_PLACES = {"building_id": Building, "poi_id": Poi}


@dataclass(frozen=True, slots=True)
class NewMatter:
    """An incident or a demand on its way in.

    Parameters
    ----------
    occurred_at
        When, with a time zone.
    lon_lat
        Where, degrees in EPSG:4326; ``None`` if it is at a building or a point of interest.
    building_id, poi_id
        What it refers to; one of them if there is no ``lon_lat``.
    description
        What is the matter; refused if it holds personal numbers.
    facts
        Codes of the layer's contract: ``category``, ``service``, ``source``, ``served_group``.
    """

    occurred_at: datetime
    lon_lat: tuple[float, float] | None = None
    building_id: str | None = None
    poi_id: str | None = None
    description: str | None = None
    facts: Mapping[str, str | None] = field(default_factory=dict)


def take_in(
    session: "Session",
    scope: "Scope",
    layer: MatterLayer,
    matter: NewMatter,
    *,
    timezone: str,
    kind: str = "community",
) -> str:
    """Store a matter and assign it in the same transaction; the caller commits.

    Returns
    -------
    str
        Its key. Read it back for the grid and station, or the reasons why there is none.

    Raises
    ------
    gis.errors.InvalidInputError
        The text holds personal numbers, the place is not on the globe, or the building or point
        of interest that it refers to does not exist.
    """
    if matter.description is not None:
        refuse_personal_text(matter.description, "description")
    lon, lat = _place(session, scope, matter)
    values: dict[str, Any] = {
        **{name: value for name, value in matter.facts.items() if value is not None},
        "occurred_at": matter.occurred_at,
        "building_id": matter.building_id,
        "poi_id": matter.poi_id,
        "description": matter.description,
        "geometry": point(lon, lat),
    }
    matter_id = matters.add(session, scope, MODELS[layer], values)
    matters.assign(
        session,
        scope,
        layer,
        kind=kind,
        timezone=timezone,
        only_unassigned=True,
        only_ids=[matter_id],
    )
    row = matters.one(session, scope, MODELS[layer], matter_id)  # also: is it within the scope?
    told = {name: values.get(name) for name in ("category", "service", "source")}
    after = told | {"community_id": row.community_id, "grid_id": row.grid_id}
    audit.record(session, scope, audit.Change("create", layer, matter_id, after=after))
    log.info("matter_taken_in", layer=layer, id=matter_id, grid=row.grid_id)
    return matter_id


def refuse_personal_column(
    texts: "pd.Series[Any]", source: str, numbers: Iterable[int] | None = None
) -> None:
    """Raise, naming the row, if a text of a column is refused by :func:`refuse_personal_text`.

    Parameters
    ----------
    texts
        One text or nothing for each row; its name is the field's.
    source
        File and layer, for the message.
    numbers
        Numbers of the rows in the file; ``None``: they are counted from 1.

    Raises
    ------
    gis.errors.InvalidInputError
        A text holds personal numbers or control characters.
    """
    field_name = str(texts.name)
    for row, text in zip(numbers or count(1), texts.tolist(), strict=False):
        if not isinstance(text, str):
            continue
        try:
            refuse_personal_text(text, field_name)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{source}, row {row}: {error.message}",
                remedy=error.remedy,
                file=source,
                row=row,
                field=field_name,
            ) from None


def _place(session: "Session", scope: "Scope", matter: NewMatter) -> tuple[float, float]:
    if matter.lon_lat is not None:
        lon, lat = matter.lon_lat
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # NaN and infinity fail both
            raise InvalidInputError(
                f"lon {lon}, lat {lat} is not a place on the globe.",
                remedy="Give degrees: lon in -180…180, lat in -90…90, in this order.",
                field="lon, lat",
            )
        return lon, lat
    for name, model in _PLACES.items():
        row_id = getattr(matter, name)
        if row_id is not None:
            try:
                return point_of(session, scope, model, row_id)
            except NotFoundError as error:
                raise InvalidInputError(
                    error.message, remedy="Give its lon and lat instead.", field=name
                ) from error
    raise InvalidInputError(
        "The matter has no place.",
        remedy="Give lon and lat, or building_id, or poi_id.",
        field="lon, lat",
    )
