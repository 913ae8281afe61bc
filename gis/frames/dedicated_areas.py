"""Areas that become dedicated grids (专属网格): markets, campuses, industrial parks."""

from gis.frames.common import COMMUNITY_ID, ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

DEDICATED_AREAS = FrameContract(
    "dedicated_areas",
    (
        ID,
        COMMUNITY_ID,
        NAME,
        Column("category", "str", "What the area is, for example market, campus, park."),
        SOURCE_ID,
    ),
    geometry=("Polygon", "MultiPolygon"),
)
