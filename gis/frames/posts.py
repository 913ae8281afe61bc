"""Posts: who covers what, as an opaque token and never a name."""

from gis.frames.common import ID
from gis.frames.contract import Column, FrameContract

POST_ROLES = (
    "grid_leader",
    "grid_worker",
    "grid_informant",
    "building_leader",
    "unit_leader",
    "volunteer",
    "rider",
)

POSTS = FrameContract(
    "posts",
    (
        ID,
        Column("role", "str", "Role of the post.", required=True, choices=POST_ROLES),
        Column(
            "person_token",
            "str",
            "Opaque token of the person; never a name, phone or ID number.",
            required=True,
        ),
        Column("organisation_id", "str", "UUID of the sending organisation."),
        Column(
            "grid_id", "str", "UUID of the grid it covers (exactly one of grid, building, unit)."
        ),
        Column("building_id", "str", "UUID of the building it covers."),
        Column("unit_id", "str", "UUID of the unit it covers."),
        Column("backup", "bool", "True: the B post of an A/B pair.", required=True, default=False),
        Column("duty_hours", "str", "Hours in the grammar of OSM's opening_hours."),
        Column("skills", "list", "Codes of skills."),
        Column("active_from", "date", "First day of the post."),
        Column("active_to", "date", "First day after the post."),
    ),
)
