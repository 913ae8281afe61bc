"""Grid plans: a drawing of grids over a scope, with its kind, status and options."""

from gis.frames.common import ID, NAME
from gis.frames.contract import Column, FrameContract
from gis.frames.grids import PLAN_KINDS, PLAN_STATUSES

PLANS = FrameContract(
    "grid_plans",
    (
        ID,
        NAME,
        Column("kind", "str", "Kind of plan.", required=True, choices=PLAN_KINDS),
        Column(
            "status",
            "str",
            "Stage of its life.",
            required=True,
            default="draft",
            choices=PLAN_STATUSES,
        ),
        Column("scope_code", "str", "Code of the division it covers.", required=True),
        Column("parent_plan_id", "str", "UUID of the community plan that a micro plan nests in."),
        Column("options", "json", "Options it was drawn with."),
        Column("measures", "json", "Measures of the drawing."),
        Column("version", "int", "Raised by every change.", required=True, default=1, minimum=1),
    ),
)
