"""Activities: what takes place at a station, when, for whom; counts of people, never persons."""

from gis.frames.common import ID, SOURCE_ID
from gis.frames.contract import Column, FrameContract, Unit
from gis.frames.incidents import SERVED_GROUPS
from gis.frames.stations import FEE_CLASSES

ACTIVITIES = FrameContract(
    "activities",
    (
        ID,
        Column("station_id", "str", "UUID of the station where it takes place.", required=True),
        Column("name", "str", "What takes place; never a person's data.", required=True),
        Column("room", "str", "Room of the station."),
        Column("starts_at", "datetime", "When it begins.", required=True),
        Column("ends_at", "datetime", "When it ends, after it begins.", required=True),
        Column(
            "served_group",
            "str",
            "Whom it is for.",
            required=True,
            default="general",
            choices=SERVED_GROUPS,
        ),
        Column(
            "fee_class", "str", "Who pays.", required=True, default="public", choices=FEE_CLASSES
        ),
        Column("places", "int", "People who fit in; empty: no limit.", minimum=0, unit=Unit.COUNT),
        Column(
            "attendance",
            "int",
            "People who came; empty: not counted yet.",
            minimum=0,
            unit=Unit.COUNT,
        ),
        Column(
            "synthetic", "bool", "True: made up for demonstration.", required=True, default=False
        ),
        SOURCE_ID,
    ),
)
