"""What OpenStreetMap's tags mean here, and how their values read; see docs/import.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Tags = Mapping[str, str]

#: Keys that are read at all; everything else is left in the file.
KEYS = (
    "building",
    "highway",
    "railway",
    "waterway",
    "natural",
    "barrier",
    "landuse",
    "boundary",
    "place",
    "amenity",
    "shop",
    "leisure",
    "tourism",
    "healthcare",
    "office",
)
#: Keys whose closed ways and multipolygons are read as areas.
AREA_KEYS = (
    "building",
    "landuse",
    "natural",
    "waterway",
    "boundary",
    "amenity",
    "shop",
    "leisure",
    "tourism",
    "healthcare",
    "office",
    "place",
)

ROAD_CLASS_OF_HIGHWAY = {
    "motorway": "motorway",
    "motorway_link": "motorway",
    "trunk": "arterial",
    "trunk_link": "arterial",
    "primary": "arterial",
    "primary_link": "arterial",
    "secondary": "arterial",
    "secondary_link": "arterial",
    "tertiary": "collector",
    "tertiary_link": "collector",
    "residential": "local",
    "unclassified": "local",
    "living_street": "local",
    "pedestrian": "local",
    "road": "local",
    "service": "service",
    "track": "service",
    "footway": "path",
    "path": "path",
    "cycleway": "path",
    "bridleway": "path",
    "corridor": "path",
    "steps": "steps",
}
_SURFACE_VALUES = {
    "paved": (
        "paved asphalt chipseal concrete concrete:plates concrete:lanes paving_stones bricks brick "
        "sett cobblestone unhewn_cobblestone metal wood stone tiles rubber tartan acrylic"
    ),
    "unpaved": (
        "unpaved gravel fine_gravel compacted pebblestone shells rock ground dirt earth clay "
        "grass_paver"
    ),
    "soft": "grass sand mud woodchips snow ice",
}
SURFACE_OF_TAG = {
    value: surface for surface, values in _SURFACE_VALUES.items() for value in values.split()
}
#: Highways that a grid should not straddle; slip roads run beside one and add nothing.
ARTERIAL_HIGHWAYS = frozenset({"motorway", "trunk", "primary", "secondary"})
RAILWAYS = frozenset({"rail", "light_rail", "subway", "narrow_gauge", "preserved"})
#: Tracks beside the line: they would draw a yard as many barriers.
RAILWAY_SIDINGS = frozenset({"yard", "siding", "crossover", "spur"})
RIVERS = frozenset({"river", "canal"})
WALLS = frozenset({"wall", "fence", "city_wall", "retaining_wall", "guard_rail"})
GATES = frozenset({"gate", "lift_gate", "swing_gate", "sliding_gate", "entrance", "kissing_gate"})
NO_ENTRY = frozenset({"no", "private"})
WALKERS_WELCOME = frozenset({"yes", "designated", "permissive", "public", "customers"})

_USE_VALUES = {
    "residential": (
        "residential apartments house detached semidetached_house terrace bungalow dormitory "
        "farm cabin houseboat static_caravan block villa tower_block"
    ),
    "commercial": (
        "commercial retail supermarket kiosk hotel shop mall restaurant market pavilion bank"
    ),
    "office": "office",
    "education": "school university kindergarten college",
    "health": "hospital clinic",
    "industrial": (
        "industrial warehouse factory manufacture service utility transformer_tower storage_tank "
        "silo hangar farm_auxiliary barn power"
    ),
    "public": (
        "public civic government townhall church chapel cathedral mosque temple shrine synagogue "
        "monastery religious museum library train_station transportation sports_hall sports_centre "
        "stadium grandstand fire_station hall community_centre palace castle theatre military"
    ),
    "other": (
        "garage garages carport parking shed hut roof ruins construction collapsed greenhouse "
        "toilets container tent stable bunker bridge tower water_tower ship entrance atrium "
        "elevator gazebo canopy pergola tank wall collapsed no"
    ),
}
USE_OF_BUILDING = {value: use for use, values in _USE_VALUES.items() for value in values.split()}
#: Buildings that hold one household whatever their floor area.
ONE_HOUSEHOLD = frozenset(
    {"detached", "bungalow", "semidetached_house", "villa", "farm", "cabin", "static_caravan"}
)

#: Land use, or an amenity's grounds, that makes a plain ``building=yes`` non-residential.
USE_OF_LAND = {
    ("landuse", "commercial"): "commercial",
    ("landuse", "retail"): "commercial",
    ("landuse", "industrial"): "industrial",
    ("landuse", "railway"): "industrial",
    ("landuse", "port"): "industrial",
    ("landuse", "landfill"): "industrial",
    ("landuse", "quarry"): "industrial",
    ("landuse", "greenhouse_horticulture"): "other",
    ("landuse", "allotments"): "other",
    ("landuse", "cemetery"): "other",
    ("landuse", "construction"): "other",
    ("landuse", "military"): "public",
    ("landuse", "religious"): "public",
    ("landuse", "education"): "education",
    ("landuse", "civic_admin"): "public",
    ("landuse", "recreation_ground"): "public",
    ("amenity", "school"): "education",
    ("amenity", "kindergarten"): "education",
    ("amenity", "university"): "education",
    ("amenity", "college"): "education",
    ("amenity", "hospital"): "health",
    ("amenity", "place_of_worship"): "public",
    ("amenity", "prison"): "public",
    ("amenity", "marketplace"): "commercial",
    ("amenity", "fuel"): "commercial",
    ("leisure", "sports_centre"): "public",
    ("leisure", "stadium"): "public",
    ("leisure", "park"): "other",
    ("leisure", "golf_course"): "other",
    ("tourism", "zoo"): "public",
    ("tourism", "theme_park"): "public",
}
#: A point inside, or a tag of the building itself, that fills the whole building.
USE_OF_OCCUPANT = {
    ("amenity", "school"): "education",
    ("amenity", "kindergarten"): "education",
    ("amenity", "university"): "education",
    ("amenity", "college"): "education",
    ("amenity", "hospital"): "health",
    ("amenity", "townhall"): "public",
    ("amenity", "courthouse"): "public",
    ("amenity", "place_of_worship"): "public",
    ("amenity", "fire_station"): "public",
    ("amenity", "police"): "public",
    ("amenity", "prison"): "public",
    ("amenity", "theatre"): "public",
    ("amenity", "library"): "public",
    ("amenity", "marketplace"): "commercial",
    ("amenity", "fuel"): "commercial",
    ("amenity", "parking"): "other",
    ("amenity", "shelter"): "other",
    ("amenity", "toilets"): "other",
    ("shop", "mall"): "commercial",
    ("shop", "department_store"): "commercial",
    ("shop", "supermarket"): "commercial",
    ("shop", "doityourself"): "commercial",
    ("shop", "furniture"): "commercial",
    ("shop", "garden_centre"): "commercial",
    ("shop", "car"): "commercial",
    ("shop", "wholesale"): "commercial",
    ("tourism", "hotel"): "commercial",
    ("tourism", "hostel"): "commercial",
    ("tourism", "museum"): "public",
    ("tourism", "aquarium"): "public",
    ("leisure", "sports_centre"): "public",
    ("leisure", "sports_hall"): "public",
    ("leisure", "fitness_centre"): "public",
    ("leisure", "stadium"): "public",
}
#: Keys of a point inside that takes the ground floor and leaves the rest to dwellings.
GROUND_FLOOR_KEYS = ("shop", "office", "amenity", "healthcare")
#: Street furniture: points with these values say nothing about the building they stand in.
FURNITURE = frozenset(
    {
        "bench",
        "waste_basket",
        "waste_disposal",
        "recycling",
        "vending_machine",
        "post_box",
        "telephone",
        "bicycle_parking",
        "motorcycle_parking",
        "parking",
        "parking_space",
        "parking_entrance",
        "drinking_water",
        "fountain",
        "atm",
        "clock",
        "shelter",
        "toilets",
        "life_ring",
        "grit_bin",
        "charging_station",
        "bicycle_rental",
    }
)


@dataclass(frozen=True, slots=True)
class StationKind:
    """What a mapped amenity is as a station: its tier, services and who pays."""

    tier: str
    services: tuple[str, ...]
    fee_class: str = "public"


STATION_OF_TAG = {
    ("amenity", "townhall"): StationKind("center", ("affairs", "mediation")),
    ("office", "government"): StationKind("partner", ("affairs",)),
    ("amenity", "community_centre"): StationKind("community", ("volunteering", "rest_stop")),
    ("amenity", "social_centre"): StationKind("community", ("volunteering", "rest_stop")),
    ("amenity", "social_facility"): StationKind("quarter", ("elderly_care",)),
    ("amenity", "nursing_home"): StationKind("quarter", ("elderly_care",)),
    ("amenity", "clinic"): StationKind("partner", ("health",)),
    ("amenity", "doctors"): StationKind("partner", ("health",)),
    ("amenity", "hospital"): StationKind("partner", ("health",)),
    ("amenity", "library"): StationKind("partner", ("rest_stop",)),
    ("amenity", "canteen"): StationKind("partner", ("canteen",), "low_fee"),
    ("amenity", "police"): StationKind("partner", ("police",)),
    ("amenity", "kindergarten"): StationKind("partner", ("child_care",), "low_fee"),
    ("amenity", "childcare"): StationKind("partner", ("child_care",), "low_fee"),
    ("amenity", "post_office"): StationKind("partner", ("convenience",), "market"),
    ("office", "employment_agency"): StationKind("partner", ("employment",)),
    ("office", "property_management"): StationKind("partner", ("property",), "market"),
}
#: ``social_facility:for`` and ``social_facility`` values that change the service.
SERVICE_OF_SOCIAL_FACILITY = {
    "child": "child_care",
    "juvenile": "child_care",
    "outreach": "mediation",
    "soup_kitchen": "canteen",
    "food_bank": "canteen",
    "workshop": "employment",
    "shelter": "rest_stop",
}

#: POI categories that are called otherwise here than in OpenStreetMap.
POI_CATEGORY_OF_TAG = {
    ("amenity", "marketplace"): "market",
    ("highway", "bus_stop"): "bus_stop",
    ("railway", "station"): "railway_station",
    ("railway", "halt"): "railway_station",
    ("railway", "tram_stop"): "tram_stop",
    ("railway", "subway_entrance"): "subway_entrance",
}
POI_KEYS = ("amenity", "shop", "leisure", "tourism", "healthcare", "office")

METRES_PER_FLOOR = 3.0
_NUMBER = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*(m|metres|meters)?\s*$")
_CODE = re.compile(r"^[a-z][a-z0-9_]*$")
MOST_FLOORS = 200


def number_of(text: str | None) -> float | None:
    """Return the number a tag's value states; of ``3;4`` the largest, of ``4-5`` neither.

    Examples
    --------
    >>> number_of("12,5 m"), number_of("3;4"), number_of("ground")
    (12.5, 4.0, None)
    """
    if text is None:
        return None
    numbers = []
    for part in text.split(";"):
        match = _NUMBER.match(part)
        if match is None:
            return None
        numbers.append(float(match[1].replace(",", ".")))
    return max(numbers)


def floors_of(tags: Tags) -> int | None:
    """Return the storeys above ground by ``building:levels``, else by ``height``; None: unknown."""
    levels = number_of(tags.get("building:levels"))
    if levels is None:
        height = number_of(tags.get("height") or tags.get("building:height"))
        levels = None if height is None else height / METRES_PER_FLOOR
    if levels is None or not 0.5 <= levels <= MOST_FLOORS:
        return None
    return max(1, round(levels))


def is_yes(tags: Tags, key: str) -> bool:
    """Return whether the key is present with any value but a denial."""
    return tags.get(key, "no") not in {"no", "false", "0"}


def in_tunnel(tags: Tags) -> bool:
    """Return whether the thing runs below the ground: a tunnel, a culvert or a negative layer."""
    if is_yes(tags, "tunnel") or tags.get("location") == "underground":
        return True
    return tags.get("layer", "").startswith("-") and not is_yes(tags, "bridge")


def on_bridge(tags: Tags) -> bool:
    """Return whether the thing runs on a bridge or viaduct."""
    return is_yes(tags, "bridge")


def walkable(tags: Tags) -> bool:
    """Return whether a person on foot may use the way or pass the gate."""
    foot = tags.get("foot")
    if foot is not None:
        return foot not in NO_ENTRY and foot != "use_sidepath"
    if tags.get("motorroad") == "yes" or tags.get("highway", "").startswith("motorway"):
        return False
    return tags.get("access") not in NO_ENTRY


def pairs(tags: Tags, keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the (key, value) pairs among ``keys``, in that order."""
    return [(key, tags[key]) for key in keys if key in tags]


def is_code(value: str) -> bool:
    """Return whether a value may be stored as a code: lower-case ASCII words."""
    return _CODE.match(value) is not None


def address_of(tags: Tags) -> str | None:
    """Return the street address that ``addr:*`` tags state."""
    full = tags.get("addr:full")
    if full:
        return full
    street, number = tags.get("addr:street"), tags.get("addr:housenumber")
    return " ".join(part for part in (street, number) if part) or None
