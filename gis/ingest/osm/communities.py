"""Communities: published boundaries where they cover the ground, else merged blocks (ADR 009)."""

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.frames import COMMUNITIES, DIVISIONS, stable_ids
from gis.ingest.osm import faces as faces_of
from gis.ingest.osm.blocks import derive
from gis.ingest.osm.buildings import polygons_only

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from gis.ingest.osm.barriers import Barriers
    from gis.ingest.osm.buildings import Buildings
    from gis.ingest.osm.extract import Extract, Features
    from gis.ingest.osm.ground import Ground

#: Share of the ground that published boundaries must cover to be used.
ADMIN_COVERAGE = 0.95
#: Published boundaries at or above this level are cities and larger, never communities.
SHALLOWEST_LEVEL = 9
#: Generated codes begin with 99, which no province has; see docs/adr/009.
PSEUDO_PROVINCE = "99"
MOST_COMMUNITIES = 999


@dataclass(frozen=True, slots=True)
class Communities:
    """Communities that tile the ground.

    Parameters
    ----------
    geometry
        Polygons in EPSG:4326, edge-matched.
    geometry_m
        The same in metres.
    name, source_id
        What the source calls them; ``None`` for most derived ones.
    derived
        Whether they were made here from blocks.
    community_of_building
        Position for each building.
    report
        How they came about.
    """

    geometry: "NDArray[Any]"
    geometry_m: "NDArray[Any]"
    name: list[str | None]
    source_id: list[str | None]
    derived: bool
    community_of_building: "NDArray[np.int64]"
    report: dict[str, object]


def read_communities(
    source: "Extract",
    ground: "Ground",
    buildings: "Buildings",
    barriers: "Barriers",
    roads: "Features",
    community_size: int,
    water_m: "NDArray[Any] | None" = None,
) -> Communities:
    """Return published communities if they cover the ground, else derived ones, numbered.

    Parameters
    ----------
    source, ground
        The extract, and the ground to tile.
    buildings
        With households: what derived communities balance.
    barriers, roads
        What blocks are cut along.
    community_size
        Households of a derived community, about.
    water_m
        Areas of water in metres, across which no derived community reaches; ``None``: it may.
    """
    level, units, coverage = _published(source, ground)
    report: dict[str, object] = {"admin_level": level, "admin_coverage": round(coverage, 4)}
    if level is not None:
        faces, label = _of_published(units, ground)
        name: list[str | None] = [tags.get("name") for tags in units.tags]
        source_id: list[str | None] = list(units.ids)
        used, label = np.unique(label, return_inverse=True)
        name, source_id = [name[i] for i in used], [source_id[i] for i in used]
    else:
        faces, label = derive(ground, buildings, barriers, roads, community_size, water_m)
        name, source_id = [], []
    geometry_m = faces_of.dissolve(faces, label)
    order = number_order(geometry_m)
    geometry_m = geometry_m[order]
    place = np.argsort(order)[label]
    of_building = place[faces_of.locate(faces, buildings.point_m)]
    derived = level is None
    households = np.bincount(
        of_building, weights=buildings.households, minlength=len(geometry_m)
    ).astype(int)
    report |= {
        "communities": len(geometry_m),
        "communities_derived": derived,
        "households_per_community": {
            "min": int(households.min()),
            "mean": round(float(households.mean()), 1),
            "max": int(households.max()),
        },
    }
    return Communities(
        ground.to_degrees(geometry_m),
        geometry_m,
        _names_from_places(source, ground, geometry_m) if derived else [name[i] for i in order],
        [None] * len(order) if derived else [source_id[i] for i in order],
        derived,
        of_building,
        report,
    )


def number_order(geometry_m: "NDArray[Any]") -> "NDArray[np.int64]":
    """Return positions in bands from north to south, within a band from west to east.

    A band is as high as the side of a square of the mean area; ties by y.
    """
    point = shapely.get_coordinates(shapely.point_on_surface(geometry_m))
    band_m = float(np.sqrt(shapely.area(geometry_m).mean()))
    band = np.floor((point[:, 1].max() - point[:, 1]) / band_m)
    return np.lexsort((-point[:, 1], point[:, 0], band))


def _published(source: "Extract", ground: "Ground") -> tuple[int | None, "Features", float]:
    """Return the deepest level that tiles the ground, its units, and the best coverage found."""
    admin = source.areas.where(
        lambda tags: (
            tags.get("boundary") == "administrative"
            and tags.get("admin_level", "").isdigit()
            and int(tags["admin_level"]) >= SHALLOWEST_LEVEL
        )
    )
    admin = admin.take(ground.holds(admin.geometry))
    levels = np.array([int(tags["admin_level"]) for tags in admin.tags], dtype=np.int64)
    best = 0.0
    for level in sorted(set(levels.tolist()), reverse=True):
        units = admin.take(levels == level)
        clipped = shapely.intersection(
            polygons_only(ground.to_metres(units.geometry)), ground.outline_m
        )
        coverage = float(shapely.area(shapely.union_all(clipped)) / ground.outline_m.area)
        best = max(best, coverage)
        if coverage >= ADMIN_COVERAGE:
            return level, units, coverage
    return None, admin.take(np.zeros(len(admin), dtype=bool)), best


def _of_published(
    units: "Features", ground: "Ground"
) -> tuple["NDArray[Any]", "NDArray[np.int64]"]:
    """Return faces of the ground and the unit of each; gaps go to the unit they border most."""
    units_m = polygons_only(ground.to_metres(units.geometry))
    faces = faces_of.cut(ground, shapely.boundary(units_m))
    label = np.full(len(faces), -1, dtype=np.int64)
    rows, found = shapely.STRtree(units_m).query(
        shapely.point_on_surface(faces), predicate="intersects"
    )
    # Where two units overlap the smaller takes the ground.
    order = np.lexsort((-found, -shapely.area(units_m)[found], rows))
    label[rows[order]] = found[order]
    shared = faces_of.neighbours(faces)
    while (label < 0).any():
        one, other = label[shared.left], label[shared.right]
        into_left = (one < 0) & (other >= 0)
        into_right = (other < 0) & (one >= 0)
        gap = np.concatenate([shared.left[into_left], shared.right[into_right]])
        unit = np.concatenate([other[into_left], one[into_right]])
        length = np.concatenate([shared.length_m[into_left], shared.length_m[into_right]])
        if not len(gap):  # severed ground: to the nearest unit
            lost = np.flatnonzero(label < 0)
            label[lost] = shapely.STRtree(units_m).nearest(faces[lost])
            break
        weight = np.zeros((len(faces), len(units_m)))
        np.add.at(weight, (gap, unit), length)
        rows = np.unique(gap)
        label[rows] = weight[rows].argmax(axis=1)
    return faces, label


_PLACES = ("suburb", "quarter", "neighbourhood", "village", "hamlet")


def _names_from_places(
    source: "Extract", ground: "Ground", geometry_m: "NDArray[Any]"
) -> list[str | None]:
    """Return the name of the mapped place nearest to each community's middle, if one lies in it."""
    places = source.points.where(lambda tags: tags.get("place") in _PLACES and "name" in tags)
    point_m = ground.to_metres(places.geometry)
    names: list[str | None] = [None] * len(geometry_m)
    rows, found = shapely.STRtree(point_m).query(geometry_m, predicate="intersects")
    distance = shapely.distance(shapely.centroid(geometry_m[rows]), point_m[found])
    for at in np.lexsort((found, -distance, rows)):
        names[int(rows[at])] = places.tags[found[at]]["name"]
    return names


def scope_name(source: "Extract", ground: "Ground") -> str | None:
    """Return the name of the published area that is most nearly the ground, if one is at all.

    It must share at least half of what the two cover together.
    """
    admin = source.areas.where(
        lambda tags: tags.get("boundary") == "administrative" and "name" in tags
    )
    admin = admin.take(ground.holds(admin.geometry))
    areas_m = polygons_only(ground.to_metres(admin.geometry))
    shared = shapely.area(shapely.intersection(areas_m, ground.outline_m))
    likeness = shared / (shapely.area(areas_m) + ground.outline_m.area - shared)
    if not len(likeness) or likeness.max() < 0.5:
        return None
    return admin.tags[int(likeness.argmax())]["name"]


def subdistrict_code(dataset: str) -> str:
    """Return the generated 12-digit code of the subdistrict that a data set covers.

    99 (no province) + 4 digits from the data set's name + 001 + 000.

    Examples
    --------
    >>> subdistrict_code("las_palmas")
    '999462001000'
    """
    county = zlib.crc32(dataset.encode()) % 10_000
    return f"{PSEUDO_PROVINCE}{county:04d}001000"


def communities_frame(communities: Communities, dataset: str) -> "gpd.GeoDataFrame":
    """Return the frame of the communities with generated codes.

    Raises
    ------
    gis.errors.InvalidInputError
        There are more communities than three digits can number.
    """
    import geopandas as gpd

    count = len(communities.geometry)
    if count > MOST_COMMUNITIES:
        msg = f"{dataset}: {count} communities, but a subdistrict numbers {MOST_COMMUNITIES} only."
        raise InvalidInputError(msg, remedy="Raise --community-size, or import a part by boundary.")
    prefix = subdistrict_code(dataset)[:9]
    codes = [f"{prefix}{number:03d}" for number in range(1, count + 1)]
    keys = [key or code for key, code in zip(communities.source_id, codes, strict=True)]
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "communities", keys),
            "code": codes,
            "name": communities.name,
            "derived": communities.derived,
            "source_id": communities.source_id,
        },
        geometry=communities.geometry,
        crs="EPSG:4326",
    )
    return COMMUNITIES.conform(frame)


def divisions_frame(communities: Communities, dataset: str, name: str | None) -> "gpd.GeoDataFrame":
    """Return the frame of the county and the subdistrict that the communities tile."""
    import geopandas as gpd

    code = subdistrict_code(dataset)
    county = f"{code[:6]}000000"
    whole = shapely.coverage_union_all(communities.geometry)
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "divisions", [county, code]),
            "code": [county, code],
            "name": [name, name],
            "level": ["county", "subdistrict"],
            "parent_code": [None, county],
        },
        geometry=[whole, whole],
        crs="EPSG:4326",
    )
    return DIVISIONS.conform(frame)
