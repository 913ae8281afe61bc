"""Buildings with their counts of people, and their units (stairwells) with households."""

from gis.frames.common import COMMUNITY_ID, ID, NAME, SOURCE_ID, VALID_FROM, VALID_TO
from gis.frames.contract import Column, FrameContract, Unit

BUILDING_USES = (
    "residential",
    "mixed",
    "commercial",
    "office",
    "education",
    "health",
    "industrial",
    "public",
    "other",
)
#: How the number of households became known.
HOUSEHOLD_SOURCES = ("recorded", "estimated", "default")


def _count(name: str, doc: str) -> Column:
    return Column(name, "int", doc, required=True, default=0, minimum=0, unit=Unit.COUNT)


BUILDINGS = FrameContract(
    "buildings",
    (
        ID,
        COMMUNITY_ID,
        Column("quarter_id", "str", "UUID of the quarter it belongs to."),
        NAME,
        _count("households", "Households that live here."),
        _count("residents", "People who live here."),
        _count("elderly", "Residents of 60 years and over."),
        _count("children", "Residents under 14 years."),
        _count("low_income_households", "Households on minimum-living allowance or at its edge."),
        Column(
            "households_source",
            "str",
            "How the count became known.",
            required=True,
            default="recorded",
            choices=HOUSEHOLD_SOURCES,
        ),
        Column("floors", "int", "Storeys above ground.", minimum=0, unit=Unit.COUNT),
        Column(
            "use", "str", "Main use.", required=True, default="residential", choices=BUILDING_USES
        ),
        Column("address", "str", "Street address of the building, never of a person."),
        VALID_FROM,
        VALID_TO,
        SOURCE_ID,
    ),
    geometry=("Polygon", "MultiPolygon"),
    extra_geometries=(("entrance", "Point"),),
)

UNITS = FrameContract(
    "units",
    (
        ID,
        Column("building_id", "str", "UUID of the building.", required=True),
        Column("name", "str", "Name of the unit (单元).", required=True),
        _count("households", "Households that live in the unit."),
    ),
)
