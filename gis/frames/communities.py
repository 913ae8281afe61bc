"""Communities (社区): the ground that grids are nested in."""

from gis.frames.common import ID, NAME, SOURCE_ID, VALID_FROM, VALID_TO
from gis.frames.contract import Column, FrameContract

COMMUNITIES = FrameContract(
    "communities",
    (
        ID,
        Column("code", "str", "12-digit division code of the community.", required=True),
        NAME,
        Column(
            "derived",
            "bool",
            "True: made from blocks by this program, not a published boundary.",
            required=True,
            default=False,
        ),
        VALID_FROM,
        VALID_TO,
        SOURCE_ID,
    ),
    geometry=("Polygon", "MultiPolygon"),
)
