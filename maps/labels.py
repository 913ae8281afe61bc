"""What people read on maps: message ids of the page, and labels of the codes of closed lists.

English text is the message id; codes have ids such as ``tier:hub``. Both catalogues
(``gis/locale``) hold every id of this module, which a test proves.
"""

import re
from typing import Any

from gis.coverage.indicators import UNITS as INDICATOR_UNITS
from gis.frames import (
    BARRIER_CLASSES,
    BUILDING_USES,
    CROSSING_KINDS,
    FEE_CLASSES,
    GRID_KINDS,
    ORGANISATION_KINDS,
    PLAN_KINDS,
    PLAN_STATUSES,
    POST_ROLES,
    SERVED_GROUPS,
    SERVICES,
    STATION_STATUSES,
    STATION_TIERS,
)
from gis.frames.buildings import HOUSEHOLD_SOURCES
from gis.frames.divisions import DIVISION_LEVELS
from gis.frames.incidents import INCIDENT_CATEGORIES, INCIDENT_SOURCES
from gis.frames.roads import ROAD_CLASSES
from gis.i18n import COUNTED, UNITS, Language, code_label, translate

#: Closed lists by the kind that their message ids begin with.
CODES: dict[str, tuple[str, ...]] = {
    "tier": STATION_TIERS,
    "status": STATION_STATUSES,
    "service": (*SERVICES, "any"),
    "fee_class": FEE_CLASSES,
    "use": BUILDING_USES,
    "household_source": HOUSEHOLD_SOURCES,
    "kind": GRID_KINDS,
    "plan_kind": PLAN_KINDS,
    "plan_status": PLAN_STATUSES,
    "role": POST_ROLES,
    "category": INCIDENT_CATEGORIES,
    "source": INCIDENT_SOURCES,
    "group": SERVED_GROUPS,
    "organisation": ORGANISATION_KINDS,
    "barrier": BARRIER_CLASSES,
    "crossing": CROSSING_KINDS,
    "road": ROAD_CLASSES,
    "level": DIVISION_LEVELS,
    "exception": (
        "below_minimum",
        "above_maximum",
        "no_feasible_count",
        "quarter_split",
        "quarter_above_maximum",
        "building_above_maximum",
        "building_split",
        "noncontiguous_ground",
        "impassable_join",
        "torn_by_locks",
    ),
    "unit": (*UNITS, *INDICATOR_UNITS),
    "people": ("households", "residents", "elderly", "children", "low_income_households"),
    "method": ("walking", "straight_line"),
    "calendar": ("verified", "unverified"),
    "served": ("both", "walking", "delivery", "none"),
    "reason": (
        "no_open_station",
        "no_road_within_reach",
        "roads_behind_barrier",
        "no_station_on_network",
        "no_station_reachable",
        "beyond_limit",
        "no_station_delivers",
        "beyond_delivery",
        "no_station_within_limit",
        "no_room",
        "no_station_offers",
        "none_open",
        "hours_unknown",
        "no_service_asked",
        "outside_horizon",
    ),
    "objective": (
        "lscp",
        "mclp",
        "p_median",
        "p_center",
        "capacitated_p_median",
        "capacitated_mclp",
        "mix",
    ),
    "counted": (*COUNTED, "weighted", "walked"),
    "proof": ("optimal", "evaluated", "gap", "stopped", "infeasible"),
    "indicator": (
        "households_covered",
        "residents_covered",
        "elderly_covered",
        "children_covered",
        "low_income_households_covered",
        "floor_area_per_100_households",
        "workers_per_10000_residents",
        "building_leader_coverage",
        "unit_leader_coverage",
        "posts_filled",
    ),
    "hours": (
        "Mo",
        "Tu",
        "We",
        "Th",
        "Fr",
        "Sa",
        "Su",
        "PH",
        "SH",
        "off",
        "closed",
        "open",
        "unknown",
        "24/7",
    ),
}

#: Texts of the coverage map's page, by the key that its script asks for.
PAGE: dict[str, str] = {
    "title": "Coverage map",
    "drawn": "Drawn on {date}",
    "synthetic": "Synthetic data",
    "synthetic_note": "These data are made up for demonstration; no real person or place is shown.",
    "synthetic_matters": "Synthetic incidents",
    "synthetic_matters_note": "Incidents and demands are made up for demonstration.",
    "panel": "Map settings",
    "map": "Map of grids, buildings and service stations",
    "show_panel": "Show settings",
    "hide_panel": "Hide settings",
    "search": "Search",
    "search_hint": "Grid, station, quarter or building",
    "search_none": "Nothing found",
    "search_count": "{count} results",
    "service": "Service",
    "moment": "Time",
    "radius": "Radius",
    "metres": "{n} m",
    "colour_by": "Grids coloured by",
    "metric_coverage": "Coverage",
    "metric_households": "Households",
    "metric_deviation": "Deviation",
    "metric_none": "None",
    "summary_line": "Out of reach: {uncovered} of {total} households ({share})",
    "of_total": "{part} of {total}",
    "suppressed": "withheld",
    "legend": "Legend",
    "legend_households": "Households per grid",
    "legend_deviation": "Households above or below the target of {n}",
    "legend_coverage": "Share of households within reach",
    "legend_density": "Incidents per cell (cells with fewer than 3 are not shown)",
    "no_households": "No households",
    "covered": "Within reach",
    "uncovered": "Out of reach",
    "gap": "Area out of reach",
    "not_serving": "Does not serve at this time",
    "communities_table": "By community",
    "layers": "Layers",
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "close": "Close",
    "measure": "Measure distances and areas",
    "layer_base": "Base drawing",
    "layer_background": "Tile background",
    "layer_grids": "Grids",
    "layer_labels": "Numbers and names",
    "layer_communities": "Community lines",
    "layer_buildings": "Buildings",
    "layer_gaps": "Areas out of reach",
    "layer_density": "Incident density",
    "layer_stations": "Stations",
    "grid": "Grid",
    "community": "Community",
    "quarter": "Quarter",
    "building": "Building",
    "station": "Station",
    "code": "Code",
    "number": "Number",
    "kind": "Kind",
    "use": "Use",
    "floors": "Floors",
    "address": "Address",
    "households": "Households",
    "residents": "Residents",
    "elderly": "Elderly (60+)",
    "children": "Children (under 14)",
    "low_income_households": "Low-income households",
    "compactness": "Compactness",
    "exceptions": "Exceptions",
    "deviation_from_target": "Deviation from target",
    "coverage_share": "Within reach",
    "distance": "Nearest station",
    "distance_value": "{name}, {n} m",
    "no_station_open": "no station serves at this time",
    "incidents_here": "Incidents in this cell",
    "opens_on": "Opens on {date}",
    "closes_on": "Closes on {date}",
    "closed_on": "Closed on {date}",
    "floor_area": "Floor area",
    "square_metres": "{n} m²",
    "temporary": "Temporary station",
    "services": "Services",
    "capacity": "{n} people a day",
    "hours_unknown": "hours unknown",
    "derived": "Derived from blocks, not a published boundary",
    "straight_line": "Straight-line distances; a building counts by its centre or entrance.",
    "estimated": "Households are estimated",
    "estimated_note": "Households and groups of people are estimated, not recorded.",
    "small_note": "Withheld: counts below {n}, and numbers that would give them away.",
    "homes_note": "Your role sees how many households are within reach, not how many people.",
    "group": "People",
    "total": "In all",
}

_HOURS = re.compile(r"24/7|\b(?:Mo|Tu|We|Th|Fr|Sa|Su|PH|SH|off|closed|open|unknown)\b")


def label(kind: str, code: Any, language: Language) -> str:  # noqa: ANN401 - a cell of a frame
    """Return the label of ``code``; a code that no catalogue knows is shown as it is."""
    text = code_label(kind, str(code), language)
    return str(code).replace("_", " ") if text == f"{kind}:{code}" else text


def page_texts(language: Language) -> dict[str, str]:
    """Return the texts of the page by key, in ``language``."""
    return {key: translate(message, language) for key, message in PAGE.items()}


def readable_hours(hours: str, language: Language) -> str:
    """Return opening hours in words of ``language``, from OSM's ``opening_hours`` grammar.

    Examples
    --------
    >>> readable_hours("Mo-Fr 08:00-20:00; PH off", "en")
    'Mon–Fri 08:00–20:00; public holidays closed'
    """
    text = _HOURS.sub(lambda match: label("hours", match[0], language), hours)
    return re.sub(r"(?<=\S)\s*-\s*(?=\S)", "–", text)
