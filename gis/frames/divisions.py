"""Administrative divisions above the community: county, subdistrict."""

from gis.frames.common import ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

DIVISION_LEVELS = ("county", "subdistrict")

DIVISIONS = FrameContract(
    "divisions",
    (
        ID,
        Column(
            "code",
            "str",
            "12-digit division code: 6 county + 3 subdistrict + 3 community.",
            required=True,
        ),
        NAME,
        Column("level", "str", "Level of the division.", required=True, choices=DIVISION_LEVELS),
        Column("parent_code", "str", "Code of the division above."),
        SOURCE_ID,
    ),
    geometry=("Polygon", "MultiPolygon"),
)
