"""Roads and paths."""

from gis.frames.common import ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

ROAD_CLASSES = ("motorway", "arterial", "collector", "local", "service", "path", "steps")

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
        SOURCE_ID,
    ),
    geometry=("LineString",),
)
