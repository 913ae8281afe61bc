"""What people read on the walking map, beside the texts of :mod:`maps.labels`."""

from gis.i18n import Language, translate
from maps.labels import page_texts

#: Texts by the key that the page's script asks for.
WALKING_PAGE: dict[str, str] = {
    "hour": "Hour of the week",
    "hour_value": "{day} {from}–{to}",
    "hour_spoken": "{hour}: {share} within reach",
    "hour_keys": "Arrow keys: one hour; Page Up and Page Down: one day.",
    "play": "Play the week",
    "pause": "Stop",
    "week_chart": "Share of households within reach at each hour of the week",
    "method": "Way",
    "method_walking": "On foot",
    "method_straight": "Straight line",
    "method_delivery": "Delivered",
    "method_together": "Either",
    "unit": "Limit by",
    "unit_m": "Metres",
    "unit_min": "Minutes",
    "within": "Within",
    "minutes_value": "{n} min",
    "speed": "Walks like",
    "speed_adult": "Adult",
    "speed_elderly": "Elder",
    "speed_frail": "Frail",
    "view": "Buildings coloured by",
    "view_reach": "Within reach",
    "view_minutes": "Minutes on foot",
    "view_station": "Nearest station",
    "view_access": "Accessibility",
    "legend_minutes": "Minutes on foot ({speed})",
    "legend_access": "Places per 1,000 people ({service})",
    "legend_station": "A colour per station: its buildings",
    "legend_ways": "Streets: minutes from the nearest open station",
    "level_grids": "Grids",
    "level_communities": "Communities",
    "indicators": "Indicators",
    "target_line": "Target: {target}",
    "target_source": "Source of the target: {source}",
    "value": "Value",
    "target": "Target",
    "layer_isochrones": "Ground within minutes",
    "layer_catchments": "Catchments",
    "layer_ways": "Streets by minutes",
    "by_foot": "On foot",
    "by_air": "Straight line",
    "detour": "Detour",
    "delivered_from": "Delivered from",
    "delivered_value": "{name}, {n} min",
    "not_delivered": "not delivered at this hour",
    "walk_minutes": "Minutes on foot",
    "walk_minutes_value": "{adult} adult, {elderly} elder, {frail} frail",
    "no_way": "no open station can be reached on foot",
    "accessibility": "Accessibility",
    "accessibility_value": "{n} places per 1,000 people",
    "gap_people": "Area out of reach",
    "falsely": "{n} households are near by straight line but not on foot",
    "walking_note": "Distances on foot count the legs to the doors; minutes count steps too.",
    "old_browser": "This browser is too old for the map. Use one of 2023 or later.",
    "loading": "Loading the map…",
    "tiles_failed": "Outlines of buildings cannot be loaded now; dots stand for them.",
}


def walking_texts(language: Language) -> dict[str, str]:
    """Return the texts of the walking map by key, in ``language``."""
    own = {key: translate(message, language) for key, message in WALKING_PAGE.items()}
    return page_texts(language) | own
