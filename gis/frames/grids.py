"""Grids, and the memberships that a plan decides."""

from gis.frames.common import ID
from gis.frames.contract import Column, FrameContract

PLAN_KINDS = ("community", "party", "micro")
PLAN_STATUSES = ("draft", "review", "filed", "effective", "retired")
GRID_KINDS = ("basic", "dedicated")

GRIDS = FrameContract(
    "grids",
    (
        ID,
        Column("plan_id", "str", "UUID of the plan.", required=True),
        Column("community_id", "str", "UUID of the community it is nested in.", required=True),
        Column("parent_grid_id", "str", "UUID of the community grid that a micro-grid nests in."),
        Column(
            "kind",
            "str",
            "Basic, or dedicated to a market, campus or park.",
            required=True,
            default="basic",
            choices=GRID_KINDS,
        ),
        Column("code", "str", "Code by the deployment's codec.", required=True),
        Column("sequence", "int", "Number within the community, from 1.", required=True, minimum=1),
        Column(
            "compactness", "float", "Polsby–Popper: 4π·area / perimeter².", required=True, minimum=0
        ),
        Column("exceptions", "list", "Named exceptions, for example below_minimum."),
    ),
    geometry=("Polygon", "MultiPolygon"),
)

CELL_GRIDS = FrameContract(
    "cell_grids",
    (
        Column("plan_id", "str", "UUID of the plan.", required=True),
        Column("cell_id", "str", "UUID of the cell.", required=True),
        Column("grid_id", "str", "UUID of the grid it belongs to.", required=True),
    ),
)

BUILDING_GRIDS = FrameContract(
    "building_grids",
    (
        Column("plan_id", "str", "UUID of the plan.", required=True),
        Column("building_id", "str", "UUID of the building.", required=True),
        Column("grid_id", "str", "UUID of the grid it belongs to.", required=True),
    ),
)
