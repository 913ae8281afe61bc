"""Barriers: lines that a grid should not straddle."""

from enum import IntEnum

from gis.frames.common import ID, NAME, SOURCE_ID
from gis.frames.contract import Column, FrameContract

BARRIER_CLASSES = ("arterial", "river", "railway", "wall")


class BarrierClass(IntEnum):
    """Strength of the strongest thing that runs along a border between two cells."""

    SAME_BLOCK = 0
    STREET = 1
    ARTERIAL = 2
    IMPASSABLE = 3  # river or railway


BARRIERS = FrameContract(
    "barriers",
    (
        ID,
        NAME,
        Column("barrier_class", "str", "What the line is.", required=True, choices=BARRIER_CLASSES),
        SOURCE_ID,
    ),
    geometry=("LineString",),
)
