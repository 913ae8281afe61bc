"""The kinds of findings: stable codes, how severe each is, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Severity = Literal["error", "warning", "note"]
#: From the worst to the least.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding.

    Parameters
    ----------
    code
        The same in every language and version.
    severity
        Of a finding that does not say otherwise.
    remedy
        What to do about it; an English sentence, which is its message id in the catalogues.
    """

    code: str
    severity: Severity
    remedy: str


_LIST = (
    Kind(
        "invalid_ring",
        "error",
        "Redraw the ring where it crosses or touches itself.",
    ),
    Kind(
        "overlap_between_communities",
        "error",
        "The office above both communities decides where the line runs; then redraw one of them.",
    ),
    Kind(
        "gap_between_communities",
        "error",
        "Decide to which community the ground belongs and extend its line.",
    ),
    Kind(
        "community_outside_division",
        "warning",
        "Check which line is right: that of the community or that of the division.",
    ),
    Kind(
        "division_not_covered",
        "warning",
        "Import the communities that are missing, or check the line of the division.",
    ),
    Kind(
        "overlap_between_grids",
        "error",
        "Draw the plan again, or move cells between grids instead of drawing over them.",
    ),
    Kind(
        "gap_between_grids",
        "error",
        "Draw the plan of this community again: its grids no longer fill it.",
    ),
    Kind(
        "grid_outside_community",
        "error",
        "Draw the plan of this community again: a grid never crosses its line.",
    ),
    Kind(
        "sliver",
        "note",
        "Mended by --fix: lines that should be one differ by no more than their accuracy.",
    ),
    Kind(
        "ring_order",
        "note",
        "Mended by --fix: outer rings run counter-clockwise, holes clockwise.",
    ),
    Kind(
        "code_collision",
        "error",
        "Give every division, community and grid a code of its own, in the layout of its level.",
    ),
    Kind(
        "building_outside",
        "error",
        "Check the building's coordinates, or extend the community that serves it.",
    ),
    Kind(
        "building_straddling",
        "warning",
        "It belongs where its entrance or middle lies; move the line if that is wrong.",
    ),
    Kind(
        "building_duplicated",
        "warning",
        "Keep one of them, or give each its own footprint; find out which counts are right.",
    ),
    Kind(
        "households_negative",
        "error",
        "Give the number of households, 0 if nobody lives there.",
    ),
    Kind(
        "households_missing",
        "error",
        "Give the number of households, 0 if nobody lives there.",
    ),
    Kind(
        "households_on_nonresidential",
        "warning",
        "Check the use: homes make it residential or mixed.",
    ),
    Kind(
        "people_without_households",
        "warning",
        "Give the households of these people; a dormitory counts as at least one.",
    ),
    Kind(
        "households_without_people",
        "note",
        "Give the residents of these households if they are known.",
    ),
    Kind(
        "orphan_quarter",
        "warning",
        "Redraw the quarter around its buildings, or mend the buildings that name it.",
    ),
    Kind(
        "station_outside",
        "warning",
        "Check the station's coordinates.",
    ),
    Kind(
        "station_far_from_road",
        "warning",
        "Check the station's coordinates, or import the roads that lead to it.",
    ),
    Kind(
        "station_on_barrier",
        "warning",
        "Check the station's coordinates, and the line of the river or railway.",
    ),
    Kind(
        "road_outside",
        "note",
        "Leave it, or cut the layer to the ground: these roads lie far from every community.",
    ),
    Kind(
        "poi_outside",
        "note",
        "Leave them, or check their coordinates: these places lie far from every community.",
    ),
    Kind(
        "grid_without_post",
        "warning",
        "Give the grid at least one post.",
    ),
)

#: Kinds by code, in the order in which reports show them.
KINDS: Mapping[str, Kind] = MappingProxyType({kind.code: kind for kind in _LIST})
#: Place of each kind in that order.
RANK: Mapping[str, int] = MappingProxyType({code: place for place, code in enumerate(KINDS)})

#: What a finding is exactly, where its kind leaves it open: values of ``detail["what"]``.
WHATS = (
    "overlap",
    "gap",
    "detached_part",
    "same_footprint",
    "one_spot",
    "no_building",
    "no_community",
    "buildings_elsewhere",
    "equal",
    "layout",
    "no_posts",
    "in_water",
    "on_river",
    "on_railway",
)
#: Who decides between communities: the first word of ``detail["decides"]``.
DECIDERS = ("subdistrict", "county", "city")
