"""Points of interest: what incidents and people refer to."""

from gis.frames.common import ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

POIS = FrameContract(
    "pois",
    (
        ID,
        NAME,
        Column(
            "category", "str", "Category code, for example school, market, bus_stop.", required=True
        ),
        SOURCE_ID,
    ),
    geometry=("Point",),
)
