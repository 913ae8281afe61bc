"""Mapped layers in the tags of OpenStreetMap, so that its reader's methods derive from them too."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.ingest.osm.extract import Extract, Features
from gis.ingest.osm.tags import FURNITURE, USE_OF_OCCUPANT, Tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gis.ingest.taken import Taken

HIGHWAY_OF_CLASS = {
    "motorway": "motorway",
    "arterial": "primary",
    "collector": "tertiary",
    "local": "residential",
    "service": "service",
    "path": "footway",
    "steps": "steps",
}
#: ``mixed`` is told by the use itself, not by a tag.
BUILDING_OF_USE = {
    "residential": "apartments",
    "mixed": "apartments",
    "commercial": "commercial",
    "office": "office",
    "education": "school",
    "health": "hospital",
    "industrial": "industrial",
    "public": "public",
    "other": "shed",
}
_LAND_OF_USE = {
    "commercial": ("landuse", "commercial"),
    "office": ("landuse", "commercial"),
    "education": ("amenity", "school"),
    "health": ("amenity", "hospital"),
    "industrial": ("landuse", "industrial"),
    "public": ("landuse", "civic_admin"),
    "other": ("leisure", "park"),
}
_OCCUPANT_OF_CATEGORY = {value: key for key, value in USE_OF_OCCUPANT}
#: Categories of what takes a ground floor and leaves the floors above to dwellings.
_GROUND_FLOOR_NAMES = (
    "bakery bank bar beauty bicycle books butcher cafe chemist clinic clothes computer convenience "
    "copyshop dentist doctors dry_cleaning electronics fast_food florist gift greengrocer "
    "hairdresser hardware ice_cream jewelry laundry mobile_phone optician pharmacy post_office pub "
    "restaurant shoes shop stationery tea tobacco travel_agency veterinary"
)
_GROUND_FLOOR = frozenset(_GROUND_FLOOR_NAMES.split())


def as_extract(taken: "Mapping[str, Taken]") -> Extract:
    """Return the mapped layers as an extract that says the same; buildings are left out."""
    points = [_gates(taken), _occupants(taken)]
    lines = [roads_of(taken), _railways(taken), _walls(taken)]
    water_areas, water_lines = _water(taken)
    areas = [water_areas, _grounds(taken), _quarters(taken)]
    everything = np.concatenate([each.geometry for each in (*points, *lines, *areas)])
    extent = shapely.box(*shapely.total_bounds(everything)) if len(everything) else None
    return Extract(_all(points), _all([*lines, water_lines]), _all(areas), extent, (), 0)


def roads_of(taken: "Mapping[str, Taken]") -> Features:
    """Return the roads with their class, whether one may walk, and where they run."""
    frame = _frame(taken, "roads")
    if frame is None:
        return _all([])
    tags: list[Tags] = [
        _tags(
            highway=HIGHWAY_OF_CLASS[row.road_class],
            foot="yes" if row.walkable else "no",
            bridge="yes" if row.bridge else None,
            tunnel="yes" if row.tunnel else None,
            name=row.name,
        )
        for row in frame[["road_class", "walkable", "bridge", "tunnel", "name"]].itertuples(
            index=False
        )
    ]
    return Features(_keys(frame), tags, frame.geometry.to_numpy())


def _railways(taken: "Mapping[str, Taken]") -> Features:
    frame = _frame(taken, "railways")
    if frame is None:
        return _all([])
    rows = frame[["bridge", "tunnel", "name"]].itertuples(index=False)
    tags: list[Tags] = [
        _tags(
            railway="rail",
            bridge="yes" if row.bridge else None,
            tunnel="yes" if row.tunnel else None,
            name=row.name,
        )
        for row in rows
    ]
    return _split(Features(_keys(frame), tags, frame.geometry.to_numpy()))


def _water(taken: "Mapping[str, Taken]") -> tuple[Features, Features]:
    """Return areas and middle lines; what runs in a culvert bars nobody."""
    frame = _frame(taken, "water")
    if frame is None:
        return _all([]), _all([])
    frame = frame[~frame["tunnel"].to_numpy(dtype=bool)]
    geometry = frame.geometry.to_numpy()
    area = shapely.get_dimensions(geometry) == 2
    names = frame["name"].to_numpy(dtype=object)
    keys = np.array(_keys(frame), dtype=object)
    areas = Features(
        keys[area].tolist(), [_tags(natural="water", name=n) for n in names[area]], geometry[area]
    )
    lines = Features(
        keys[~area].tolist(),
        [_tags(waterway="river", name=n) for n in names[~area]],
        geometry[~area],
    )
    return areas, _split(lines)


def _walls(taken: "Mapping[str, Taken]") -> Features:
    frame = _frame(taken, "walls")
    if frame is None:
        return _all([])
    geometry = frame.geometry.to_numpy()
    edges = np.where(shapely.get_dimensions(geometry) == 2, shapely.boundary(geometry), geometry)
    return _split(Features(_keys(frame), [{"barrier": "wall"}] * len(frame), edges))


def _gates(taken: "Mapping[str, Taken]") -> Features:
    frame = _frame(taken, "gates")
    if frame is None:
        return _all([])
    rows = frame[["open_to_walkers", "name"]].itertuples(index=False)
    tags: list[Tags] = [
        _tags(barrier="gate", foot="yes" if row.open_to_walkers else "no", name=row.name)
        for row in rows
    ]
    return Features(_keys(frame), tags, frame.geometry.to_numpy())


def _grounds(taken: "Mapping[str, Taken]") -> Features:
    frame = _frame(taken, "grounds")
    if frame is None:
        return _all([])
    tags: list[Tags] = [
        dict([_LAND_OF_USE[use]]) if use in _LAND_OF_USE else {} for use in frame["use"]
    ]
    return Features(_keys(frame), list(tags), frame.geometry.to_numpy())


def _quarters(taken: "Mapping[str, Taken]") -> Features:
    frame = _frame(taken, "quarters")
    if frame is None:
        return _all([])
    tags: list[Tags] = [_tags(landuse="residential", name=name) for name in frame["name"]]
    return Features(_keys(frame), tags, frame.geometry.to_numpy())


def _occupants(taken: "Mapping[str, Taken]") -> Features:
    """Return the points of interest that say something about the building they stand in."""
    frame = _frame(taken, "pois")
    if frame is None:
        return _all([])
    tags: list[Tags] = [_occupant(category) for category in frame["category"]]
    told = np.array([bool(each) for each in tags], dtype=bool)
    return Features(_keys(frame), tags, frame.geometry.to_numpy()).take(told)


def _occupant(category: str) -> Tags:
    if category in FURNITURE:
        return {}
    if category in _OCCUPANT_OF_CATEGORY:
        return {_OCCUPANT_OF_CATEGORY[category]: category}
    return {"shop": "yes"} if category in _GROUND_FLOOR else {}


def _frame(taken: "Mapping[str, Taken]", layer: str) -> Any:  # noqa: ANN401 - a geo frame or None
    return taken[layer].frame if layer in taken else None


def _keys(frame: Any) -> list[str]:  # noqa: ANN401 - a geo frame
    """Return the source's own ids, and the row's id where it has none."""
    own, ids = frame["source_id"], frame["id"]
    return [str(key) if key else str(row) for key, row in zip(own, ids, strict=True)]


def _tags(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


def _split(features: Features) -> Features:
    """Return one feature for each part of a line."""
    parts, part_of = shapely.get_parts(features.geometry, return_index=True)
    rows = part_of.tolist()
    return Features(
        [features.ids[row] for row in rows],
        [features.tags[row] for row in rows],
        np.asarray(parts, dtype=object),
    )


def _all(parts: list[Features]) -> Features:
    geometry: list[NDArray[Any]] = [part.geometry for part in parts]
    return Features(
        [key for part in parts for key in part.ids],
        [tags for part in parts for tags in part.tags],
        np.concatenate(geometry) if geometry else np.empty(0, dtype=object),
    )
