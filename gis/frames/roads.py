"""Roads and paths."""

from gis.frames.common import ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

ROAD_CLASSES = ("motorway", "arterial", "collector", "local", "service", "path", "steps")
#: Paved, stones included; gravel or earth; grass, sand or mud.
ROAD_SURFACES = ("paved", "unpaved", "soft")

ROADS = FrameContract(
    "roads",
    (
        ID,
        NAME,
        Column("road_class", "str", "Class of the road.", required=True, choices=ROAD_CLASSES),
        Column(
            "walkable", "bool", "True: a person may walk along it.", required=True, default=True
        ),
        Column("bridge", "bool", "True: it runs on a bridge.", required=True, default=False),
        Column(
            "tunnel",
            "bool",
            "True: it runs in a tunnel or underpass.",
            required=True,
            default=False,
        ),
        Column("surface", "str", "What one walks on; empty: unknown.", choices=ROAD_SURFACES),
        SOURCE_ID,
    ),
    geometry=("LineString",),
)
