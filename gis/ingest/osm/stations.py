"""Stations from mapped amenities, and the services they offer with their opening hours."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import STATION_SERVICES, STATIONS, stable_ids
from gis.ingest.osm.tags import (
    SERVICE_OF_SOCIAL_FACILITY,
    STATION_OF_TAG,
    StationKind,
    Tags,
    address_of,
    number_of,
)

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from gis.ingest.osm.extract import Extract
    from gis.ingest.osm.ground import Ground

_KEYS = ("amenity", "office")


@dataclass(frozen=True, slots=True)
class Stations:
    """Mapped amenities that serve people: ids, tags, what they are, and where."""

    ids: list[str]
    tags: list[Tags]
    kinds: list[StationKind]
    point: "NDArray[Any]"


def read_stations(source: "Extract", ground: "Ground") -> Stations:
    """Return the stations of the ground; a point inside an area of the same kind is the same one.

    The area's tags win, and the point fills in what they lack (often name and hours).
    """
    areas = source.areas.where(lambda tags: _pair(tags) is not None)
    points = source.points.where(lambda tags: _pair(tags) is not None)
    tags: list[Tags] = list(areas.tags)
    inside = np.zeros(len(points), dtype=bool)
    at, area = shapely.STRtree(areas.geometry).query(points.geometry, predicate="intersects")
    for row, found in sorted(zip(at.tolist(), area.tolist(), strict=True)):
        if _pair(points.tags[row]) == _pair(areas.tags[found]):
            inside[row] = True
            tags[found] = {**points.tags[row], **tags[found]}
    points = points.take(~inside)
    geometry = np.concatenate([shapely.point_on_surface(areas.geometry), points.geometry])
    every_tags, ids = [*tags, *points.tags], [*areas.ids, *points.ids]
    kept = np.flatnonzero(ground.holds(geometry)).tolist()
    return Stations(
        [ids[row] for row in kept],
        [every_tags[row] for row in kept],
        [_kind(every_tags[row]) for row in kept],
        geometry[kept],
    )


def _pair(tags: Tags) -> tuple[str, str] | None:
    pairs = ((key, tags.get(key, "")) for key in _KEYS)
    return next((pair for pair in pairs if pair in STATION_OF_TAG), None)


def _kind(tags: Tags) -> StationKind:
    pair = _pair(tags)
    assert pair is not None
    kind = STATION_OF_TAG[pair]
    fee_class = "market" if tags.get("operator:type") == "private" else kind.fee_class
    services = kind.services
    if pair == ("amenity", "social_facility"):
        values = (tags.get("social_facility:for"), tags.get("social_facility"))
        other = [SERVICE_OF_SOCIAL_FACILITY[v] for v in values if v in SERVICE_OF_SOCIAL_FACILITY]
        services = tuple(other[:1]) or services
    return StationKind(kind.tier, services, fee_class)


def _name(tags: Tags, key: str) -> str:
    pair = _pair(tags)
    assert pair is not None
    return tags.get("name") or tags.get("operator") or f"{pair[1].replace('_', ' ')} {key}"


def stations_frame(
    stations: Stations, community_ids: "NDArray[np.object_]", dataset: str
) -> "gpd.GeoDataFrame":
    """Return the frame of the stations; all are open, since closed ones have other tags."""
    import geopandas as gpd

    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "stations", stations.ids),
            "community_id": community_ids,
            "name": [_name(*row) for row in zip(stations.tags, stations.ids, strict=True)],
            "tier": [kind.tier for kind in stations.kinds],
            "address": [address_of(tags) for tags in stations.tags],
            "source_id": stations.ids,
        },
        geometry=stations.point,
        crs="EPSG:4326",
    )
    return STATIONS.conform(frame)


def station_services_frame(
    stations: Stations, dataset: str
) -> tuple["pd.DataFrame", dict[str, object]]:
    """Return the frame of the services, and how many opening hours were unknown or unreadable."""
    import pandas as pd

    keys = stable_ids(dataset, "stations", stations.ids)
    hours = [_hours(tags.get("opening_hours")) for tags in stations.tags]
    rows = [
        (key, service, own_hours, _capacity(tags), kind.fee_class)
        for key, tags, kind, (own_hours, _) in zip(
            keys, stations.tags, stations.kinds, hours, strict=True
        )
        for service in kind.services
    ]
    names = ("station_id", "service", "opening_hours", "capacity", "fee_class")
    frame = STATION_SERVICES.conform(pd.DataFrame(rows, columns=names))
    unreadable = [key for key, (_, fine) in zip(stations.ids, hours, strict=True) if not fine]
    return frame, {
        "stations": len(stations.ids),
        "stations_without_opening_hours": sum(text is None for text, _ in hours),
        "stations_with_unreadable_opening_hours": unreadable,
    }


def _hours(text: str | None) -> tuple[str | None, bool]:
    """Return hours in the grammar of ``opening_hours``, and whether what was mapped is readable."""
    import opening_hours

    if text is None:
        return None, True
    return (text, True) if opening_hours.validate(text) else (None, False)


def _capacity(tags: Tags) -> int | None:
    capacity = number_of(tags.get("capacity"))
    return None if capacity is None else int(capacity)
