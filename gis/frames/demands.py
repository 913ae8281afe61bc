"""Demands: a service that somebody wants, where and when."""

from gis.frames.common import ID, SOURCE_ID
from gis.frames.contract import Column, FrameContract
from gis.frames.incidents import ASSIGNMENT, MATTER
from gis.frames.stations import SERVICES

DEMANDS = FrameContract(
    "demands",
    (
        ID,
        Column("service", "str", "Service that is wanted.", required=True, choices=SERVICES),
        Column("description", "str", "What is wanted; never a person's data."),
        *MATTER,
        *ASSIGNMENT,
        SOURCE_ID,
    ),
    geometry=("Point",),
    extra_geometries=(("area", "Polygon"),),
)
