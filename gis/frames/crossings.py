"""Crossings: points where a barrier can be passed."""

from gis.frames.common import ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

CROSSING_KINDS = ("bridge", "underpass", "level_crossing", "gate")

CROSSINGS = FrameContract(
    "crossings",
    (
        ID,
        NAME,
        Column("kind", "str", "What the crossing is.", required=True, choices=CROSSING_KINDS),
        Column(
            "open_to_walkers",
            "bool",
            "True: a person on foot may pass.",
            required=True,
            default=True,
        ),
        SOURCE_ID,
    ),
    geometry=("Point",),
)
