"""Buildings: footprints that hold, what they are used for, and how many households live there."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import BUILDINGS, stable_ids
from gis.ingest.osm import households as estimate
from gis.ingest.osm.tags import (
    FURNITURE,
    GROUND_FLOOR_KEYS,
    ONE_HOUSEHOLD,
    USE_OF_BUILDING,
    USE_OF_LAND,
    USE_OF_OCCUPANT,
    Tags,
    address_of,
    floors_of,
    is_yes,
    number_of,
    pairs,
)

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from gis.ingest.osm.extract import Extract, Features
    from gis.ingest.osm.ground import Ground
    from gis.ingest.osm.households import HouseholdOptions

#: Share of a footprint inside another from which the two are the same building mapped twice.
SAME_BUILDING = 0.9
#: Footprints below this are mapping noise.
SMALLEST_FOOTPRINT_M2 = 4.0
#: A plain building of this footprint and unknown height is a hall, a mall or a shed of industry.
HALL_M2 = 4_000.0
_TAG_KEYS = ("amenity", "shop", "office", "tourism", "leisure", "healthcare")


@dataclass(frozen=True)
class Buildings:
    """Buildings of the ground, row by row, with their estimate.

    Parameters
    ----------
    features
        Ids, tags and footprints in EPSG:4326.
    point, point_m
        A point inside each footprint, in EPSG:4326 and in metres: what decides where it lies.
    use, use_assumed
        Code of the use, and whether it was assumed for a plain ``building=yes``.
    floors, floors_assumed
        Storeys, and whether they come from the default by footprint class.
    households
        Whole numbers.
    report
        Counts of what was left out and why, and of what was assumed.
    """

    features: "Features"
    point: "NDArray[Any]"
    point_m: "NDArray[Any]"
    use: "NDArray[np.object_]"
    use_assumed: "NDArray[np.bool_]"
    floors: "NDArray[np.int64]"
    floors_assumed: "NDArray[np.bool_]"
    households: "NDArray[np.int64]"
    report: dict[str, object]


def read_buildings(source: "Extract", ground: "Ground", options: "HouseholdOptions") -> Buildings:
    """Return the buildings of the ground with estimated households.

    Parameters
    ----------
    source
        The extract.
    ground
        A building belongs to it if the point that stands for it lies in it.
    options
        Parameters of the estimate.
    """
    found = source.areas.where(lambda tags: tags.get("building", "no") != "no")
    dropped: Counter[str] = Counter(broken_ring_or_cut_by_the_extract=len(source.broken_buildings))
    features = _within(_above_ground(found, dropped), ground, dropped)
    footprint_m = ground.to_metres(features.geometry)
    area_m2 = shapely.area(footprint_m)
    keep = distinct(footprint_m, area_m2, dropped)
    features, footprint_m, area_m2 = features.take(keep), footprint_m[keep], area_m2[keep]
    point = shapely.point_on_surface(features.geometry)
    mapped_floors = [floors_of(tags) for tags in features.tags]
    floors_assumed = np.array([floor is None for floor in mapped_floors], dtype=bool)
    floors = estimate.default_floors(area_m2)
    floors[~floors_assumed] = [floor for floor in mapped_floors if floor is not None]
    halls = floors_assumed & (area_m2 >= HALL_M2)
    use, use_assumed = uses_of(features, point, floors, halls, source)
    weights = estimate.dwellings(
        area_m2,
        floors,
        use,
        one_household=np.array([tags["building"] in ONE_HOUSEHOLD for tags in features.tags]),
        flats=np.array([_flats(tags) for tags in features.tags], dtype=float),
        dwelling_m2=options.dwelling_m2,
    )
    total = round(weights.sum()) if options.known_total is None else options.known_total
    households = estimate.largest_remainder(weights, total)
    return Buildings(
        features,
        point,
        ground.to_metres(point),
        use,
        use_assumed,
        floors,
        floors_assumed,
        households,
        _report(households, floors_assumed, use_assumed, use, dropped),
    )


def _report(
    households: "NDArray[np.int64]",
    floors_assumed: "NDArray[np.bool_]",
    use_assumed: "NDArray[np.bool_]",
    use: "NDArray[np.object_]",
    dropped: Counter[str],
) -> dict[str, object]:
    total = max(int(households.sum()), 1)
    return {
        "buildings": len(households),
        "buildings_by_use": dict(sorted(Counter(use.tolist()).items())),
        "buildings_dropped": {reason: n for reason, n in sorted(dropped.items()) if n},
        "households": int(households.sum()),
        "share_of_households_from_default_floors": round(
            float(households[floors_assumed].sum()) / total, 4
        ),
        "share_of_households_from_assumed_use": round(
            float(households[use_assumed].sum()) / total, 4
        ),
    }


def _flats(tags: Tags) -> float:
    flats = number_of(tags.get("building:flats"))
    return np.nan if flats is None else flats


def _above_ground(found: "Features", dropped: Counter[str]) -> "Features":
    above = found.where(
        lambda tags: (
            tags.get("location") != "underground"
            and not tags.get("layer", "").startswith("-")
            and not is_yes(tags, "tunnel")
        )
    )
    dropped["underground"] += len(found) - len(above)
    return above


def _within(features: "Features", ground: "Ground", dropped: Counter[str]) -> "Features":
    near = features.take(ground.holds(features.geometry))
    geometry = polygons_only(near.geometry)
    point = shapely.point_on_surface(geometry)
    empty = shapely.is_empty(geometry)
    inside = ground.holds(point) & ~empty
    dropped["no_footprint_left_after_repair"] += int(empty.sum())
    dropped["outside_the_boundary"] += len(features) - int(inside.sum()) - int(empty.sum())
    kept = near.take(inside)
    return type(kept)(kept.ids, kept.tags, geometry[inside])


def polygons_only(geometry: "NDArray[Any]") -> "NDArray[Any]":
    """Return valid polygons and multipolygons: repaired where needed, lines and points dropped."""
    out = np.array(geometry, dtype=object)
    for row in np.flatnonzero(~shapely.is_valid(out)):
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(out[row])))
        out[row] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    single = np.flatnonzero(
        (shapely.get_type_id(out) == shapely.GeometryType.MULTIPOLYGON)
        & (shapely.get_num_geometries(out) == 1)
    )
    out[single] = shapely.get_geometry(out[single], 0)
    return out


def distinct(
    footprint_m: "NDArray[Any]", area_m2: "NDArray[np.float64]", dropped: Counter[str]
) -> "NDArray[np.bool_]":
    """Return which buildings to keep: not tiny, and not inside another one."""
    keep = area_m2 >= SMALLEST_FOOTPRINT_M2
    dropped["smaller_than_4_m2"] += int((~keep).sum())
    tree = shapely.STRtree(footprint_m)
    inner, outer = tree.query(shapely.point_on_surface(footprint_m), predicate="intersects")
    # Of two that cover each other the later is the copy.
    smaller = (area_m2[inner] < area_m2[outer]) | (
        (area_m2[inner] == area_m2[outer]) & (inner > outer)
    )
    inner, outer = inner[smaller & keep[inner]], outer[smaller & keep[inner]]
    shared = shapely.area(shapely.intersection(footprint_m[inner], footprint_m[outer]))
    copies = np.unique(inner[shared >= SAME_BUILDING * area_m2[inner]])
    keep[copies] = False
    dropped["inside_another_building"] += len(copies)
    return np.asarray(keep, dtype=bool)


def uses_of(
    features: "Features",
    point: "NDArray[Any]",
    floors: "NDArray[np.int64]",
    halls: "NDArray[np.bool_]",
    source: "Extract",
) -> tuple["NDArray[np.object_]", "NDArray[np.bool_]"]:
    """Return each building's use, and whether that of a plain building was assumed."""
    use = np.array([_use_by_own_tags(tags) for tags in features.tags], dtype=object)
    plain = np.flatnonzero(use == None)  # noqa: E711 - elementwise
    for row, found in _use_by_land(point[plain], source).items():
        use[plain[row]] = found
    shops: dict[int, None] = {}
    for row, tags in _points_inside(features, source):
        occupant = next(
            (USE_OF_OCCUPANT[pair] for pair in pairs(tags, _TAG_KEYS) if pair in USE_OF_OCCUPANT),
            None,
        )
        if use[row] is None and occupant is not None:
            use[row] = occupant
        elif _is_business(tags):
            shops[row] = None
    for row, tags in enumerate(features.tags):
        if _is_business(tags):
            shops[row] = None
    use_assumed = use == None  # noqa: E711 - elementwise
    use[use_assumed] = np.where(halls[use_assumed], "other", "residential")
    for row in shops:
        if use[row] == "residential" and floors[row] > 1:
            use[row] = "mixed"
    return use, np.asarray(use_assumed, dtype=bool)


def _use_by_own_tags(tags: Tags) -> str | None:
    """Return the use that the building's own tags state; None: it is a plain building."""
    by_value = USE_OF_BUILDING.get(tags["building"])
    if by_value is not None:
        return by_value
    for pair in pairs(tags, _TAG_KEYS):
        if pair in USE_OF_OCCUPANT:
            return USE_OF_OCCUPANT[pair]
    if "office" in tags:
        return "office"
    return None


def _use_by_land(point: "NDArray[Any]", source: "Extract") -> dict[int, str]:
    """Return rows of ``point`` that lie in grounds of another use than dwelling."""
    grounds = source.areas.where(
        lambda tags: "building" not in tags and any(pair in USE_OF_LAND for pair in tags.items())
    )
    if not len(grounds) or not len(point):
        return {}
    rows, areas = shapely.STRtree(grounds.geometry).query(point, predicate="intersects")
    size = shapely.area(grounds.geometry)
    found: dict[int, str] = {}
    # The largest first, so that the smallest ground a building lies in decides.
    for at in np.lexsort((areas, -size[areas], rows)):
        tags = grounds.tags[areas[at]]
        found[int(rows[at])] = next(USE_OF_LAND[p] for p in tags.items() if p in USE_OF_LAND)
    return found


def _points_inside(features: "Features", source: "Extract") -> list[tuple[int, Tags]]:
    occupants = source.points.where(lambda tags: bool(pairs(tags, _TAG_KEYS)))
    if not len(occupants) or not len(features):
        return []
    tree = shapely.STRtree(features.geometry)
    which, rows = tree.query(occupants.geometry, predicate="intersects")
    order = np.lexsort((which, rows))
    return [(int(rows[at]), occupants.tags[which[at]]) for at in order]


def _is_business(tags: Tags) -> bool:
    return any(value not in FURNITURE for _, value in pairs(tags, GROUND_FLOOR_KEYS))


def buildings_frame(
    buildings: Buildings,
    community_ids: "NDArray[np.object_]",
    quarter_ids: "NDArray[np.object_]",
    options: "HouseholdOptions",
    dataset: str,
) -> "gpd.GeoDataFrame":
    """Return the frame of the buildings with their people by the stated shares."""
    import geopandas as gpd
    import pandas as pd

    features, households = buildings.features, buildings.households
    residents, elderly, children = people(households, options)
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "buildings", features.ids),
            "community_id": community_ids,
            "quarter_id": quarter_ids,
            "name": [tags.get("name") for tags in features.tags],
            "households": households,
            "residents": residents,
            "elderly": elderly,
            "children": children,
            "low_income_households": estimate.spread(households, options.low_income_share),
            "households_source": np.where(buildings.floors_assumed, "default", "estimated"),
            "floors": pd.array(buildings.floors, dtype="Int64"),
            "use": buildings.use,
            "address": [address_of(tags) for tags in features.tags],
            "source_id": features.ids,
        },
        geometry=features.geometry,
        crs="EPSG:4326",
    )
    return BUILDINGS.conform(frame)


def people(
    households: "NDArray[np.int64]", options: "HouseholdOptions"
) -> tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]:
    """Return residents, elderly and children of each building by the stated shares.

    Every household has at least one resident; nobody is both elderly and a child.
    """
    residents = households + estimate.spread(households, options.household_size - 1.0)
    elderly = estimate.spread(residents, options.elderly_share)
    others = residents - elderly
    share = options.children_share / max(1.0 - options.elderly_share, options.children_share, 1e-9)
    return residents, elderly, estimate.spread(others, share)
