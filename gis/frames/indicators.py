"""Indicators of an area on a day: value, target, gap, and what the value was worked out from."""

from gis.frames.contract import Column, FrameContract

AREA_KINDS = ("grid", "community", "subdistrict")

INDICATORS = FrameContract(
    "indicators",
    (
        Column("indicator", "str", "Code of the indicator.", required=True),
        Column("area_kind", "str", "Kind of area it is of.", required=True, choices=AREA_KINDS),
        Column("area_id", "str", "UUID of the area.", required=True),
        Column("community_id", "str", "UUID of the community it lies in, if it lies in one."),
        Column("value", "float", "The value; empty: nothing to divide by, or withheld."),
        Column("target", "float", "What is to be reached; empty: no target is set."),
        Column("gap", "float", "What is missing to the target; 0: it is reached."),
        Column("unit", "str", "Unit of value, target and gap; a code.", required=True),
        Column("numerator", "float", "What is counted."),
        Column("denominator", "float", "By what it is divided, before scaling."),
        Column("source", "str", "Where the target comes from."),
        Column(
            "suppressed",
            "bool",
            "True: withheld because it is, or would reveal, a small count.",
            required=True,
            default=False,
        ),
    ),
)
