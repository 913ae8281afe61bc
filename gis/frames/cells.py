"""Cells tile a community, each a building's ground or open land; and the borders between them."""

from gis.frames.common import ID
from gis.frames.contract import Column, FrameContract, Unit

CELLS = FrameContract(
    "cells",
    (
        ID,
        Column("community_id", "str", "UUID of the community the cell tiles.", required=True),
        Column("building_id", "str", "UUID of the building on it; empty: open land."),
        Column("part_of", "str", "UUID of the cell it is a part of, by units; empty: whole."),
        Column(
            "data_version",
            "str",
            "Fingerprint of the data the cells were built from.",
            required=True,
        ),
        Column(
            "area_m2",
            "float",
            "Area in the projected CRS.",
            required=True,
            minimum=0,
            unit=Unit.SQUARE_METRE,
        ),
        Column(
            "outer_border_m",
            "float",
            "Length of its border on the community's line.",
            required=True,
            minimum=0,
            unit=Unit.METRE,
        ),
    ),
    geometry=("Polygon",),
)

CELL_BORDERS = FrameContract(
    "cell_borders",
    (
        Column("cell_a", "str", "UUID of the cell with the smaller id.", required=True),
        Column("cell_b", "str", "UUID of the other cell.", required=True),
        Column(
            "border_m",
            "float",
            "Length of the shared border.",
            required=True,
            minimum=0,
            unit=Unit.METRE,
        ),
        Column(
            "barrier_class",
            "int",
            "0 same block, 1 street, 2 arterial, 3 river or railway.",
            required=True,
            minimum=0,
        ),
        Column("passable", "bool", "True: a person can walk across.", required=True, default=True),
    ),
)
