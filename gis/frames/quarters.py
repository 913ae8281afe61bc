"""Quarters (小区): residential estates that stay whole in one grid if they can."""

from gis.frames.common import COMMUNITY_ID, ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

QUARTERS = FrameContract(
    "quarters",
    (
        ID,
        COMMUNITY_ID,
        NAME,
        Column(
            "gated",
            "bool",
            "True: walled, entered by its gates only.",
            required=True,
            default=False,
        ),
        SOURCE_ID,
    ),
    geometry=("Polygon", "MultiPolygon"),
)
