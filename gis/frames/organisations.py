"""Organisations that answer for matters: departments, property firms, partners."""

from gis.frames.common import ID, SOURCE_ID
from gis.frames.contract import Column, FrameContract

ORGANISATION_KINDS = ("department", "property_firm", "partner")

ORGANISATIONS = FrameContract(
    "organisations",
    (
        ID,
        Column("name", "str", "Name of the organisation.", required=True),
        Column("kind", "str", "Kind of organisation.", required=True, choices=ORGANISATION_KINDS),
        SOURCE_ID,
    ),
)
