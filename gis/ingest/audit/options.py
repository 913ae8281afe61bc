"""Limits of the audit and of what is mended: lengths in metres, areas in square metres."""

from dataclasses import dataclass

from gis.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What counts as a fault, and how far mending may go.

    Parameters
    ----------
    noise_width_m
        Gaps and overlaps with a mean width below this are not told: straight lines in degrees are
        not straight in metres, which alone tears millimetres open where a line has more vertices on
        one side.
    noise_m2
        Nor are smaller ones.
    sliver_width_m, sliver_m2
        Up to this mean width, or this area, a gap, an overlap or a detached part is a sliver: a
        difference within the accuracy of the lines, which may be mended.
    gap_width_m
        Ground between communities that is open to the outside counts as a gap up to this width.
    straddle_m2
        A building lies in a second community if at least this much of it does.
    duplicate_iou
        Two footprints are the same building from this share of intersection over union.
    stack_m
        Footprints whose middles are no further apart lie on one spot.
    station_road_m
        A station should have a road within this distance.
    barrier_m
        Nor does one stand this near the line of a river or a railway: a line is as accurate.
    far_m
        Roads and places further than this from every community lie outside.
    edge_m
        How far lines of communities and divisions may differ.
    snap_m
        Vertices within this distance are made one when lines are mended.
    repair_share, repair_m2
        An invalid ring is mended if that changes its area by no more than this share and this area.
    """

    noise_width_m: float = 0.005
    noise_m2: float = 0.01
    sliver_width_m: float = 0.05
    sliver_m2: float = 0.5
    gap_width_m: float = 5.0
    straddle_m2: float = 1.0
    duplicate_iou: float = 0.95
    stack_m: float = 0.05
    station_road_m: float = 100.0
    barrier_m: float = 2.0
    far_m: float = 1000.0
    edge_m: float = 5.0
    snap_m: float = 0.02
    repair_share: float = 0.001
    repair_m2: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that contradict each other."""
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise InvalidInputError(
                    f"The audit's option {name} is {value}.",
                    remedy="Give a finite number, 0 or more.",
                    field=name,
                )
        if not 0.5 < self.duplicate_iou <= 1:
            raise InvalidInputError(
                f"The audit's option duplicate_iou is {self.duplicate_iou}.",
                remedy="Give a share over 0.5, up to 1.",
                field="duplicate_iou",
            )
