"""What a drawing answers: grids, their measures, the exceptions, and where each came from."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gis.districting.graph import Bools, Floats, Ints

ExceptionKind = Literal[
    "below_minimum",
    "above_maximum",
    "no_feasible_count",
    "quarter_split",
    "quarter_above_maximum",
    "building_above_maximum",
    "building_split",
    "noncontiguous_ground",
    "impassable_join",
    "torn_by_locks",
]

Limit = Literal[
    "whole_ground",
    "single_unit",
    "average",
    "large_unit",
    "size_of_units",
    "contiguity",
    "barrier",
    "shape",
    "locked",
    "community_line",
    "possible_moves",
]

_NEARER = (
    "Of the quarters and buildings on its border {count} would bring it nearer to {target}, but"
)

#: What keeps a grid from the target: English sentences, which are also message ids. A limit with
#: two sentences has the second under ``large_building``.
LIMITS: dict[str, str] = {
    "whole_ground": "It is all the ground there: no other grid can be reached from it.",
    "single_unit": "It is one unit of {households} households, which is not divided.",
    "average": (
        "{total} households in {count} grids are {mean} on average: "
        "not all of them can be nearer to {target}."
    ),
    "large_unit": "One quarter of {households} households takes up most of it.",
    "large_building": "One building of {households} households takes up most of it.",
    "size_of_units": (
        "No quarter or building on its border has a size that would bring it nearer to {target} "
        "without a larger loss next door."
    ),
    "contiguity": f"{_NEARER} without them a grid would fall apart.",
    "barrier": (
        f"{_NEARER} they lie beyond an arterial road, a river, a railway or a wall "
        "({arterial_m} m of its border are arterial, {water_m} m river or railway)."
    ),
    "shape": f"{_NEARER} would make grids less compact or borders longer.",
    "locked": f"{_NEARER} they are locked.",
    "community_line": (
        f"{_NEARER} they lie beyond the community line ({{line_m}} m of its border)."
    ),
    "possible_moves": (
        "Of the quarters and buildings on its border {count} would bring it nearer to {target} at "
        "no cost in shape: they can be moved by hand."
    ),
}

#: English sentences, which are also message ids of the catalogue.
SENTENCES: dict[ExceptionKind, str] = {
    "below_minimum": "The grid has {households} households, fewer than {limit}.",
    "above_maximum": "The grid has {households} households, more than {limit}.",
    "no_feasible_count": (
        "{households} households cannot be shared out within the band: "
        "{count} grids were drawn, which is nearest to it."
    ),
    "quarter_split": "The quarter of {households} households lies in {count} grids.",
    "quarter_above_maximum": (
        "The quarter of {households} households is larger than a grid may be ({limit}): it lies in "
        "{count} grids, split between its buildings."
    ),
    "building_above_maximum": "One building alone has {households} households, more than {limit}.",
    "building_split": (
        "One building of {households} households lies in {count} grids, split by its staircases, "
        "whose places along it are assumed; its main grid is the one with most of its households."
    ),
    "noncontiguous_ground": "Ground that touches no other grid was given to the nearest one.",
    "impassable_join": (
        "Ground of {households} households can be reached only over a river, a railway or a wall; "
        "it is too small for a grid of its own."
    ),
    "torn_by_locks": "Locked cells keep the grid in {count} pieces.",
}

#: What is said besides an exception: how far it is off, and what would help. Also message ids.
NOTES: dict[str, str] = {
    "counts": (
        "{fewer} grid(s) would have {excess} households too many, {more} grid(s) {lack} too few: "
        "a maximum of {maximum} or a minimum of {minimum} would do by number."
    ),
    "too_few": "One grid lacks {lack} households: a minimum of {minimum} would do.",
    "nobody": "Nobody lives here: only a dedicated grid could be drawn.",
    "band": "A band of {minimum} to {maximum} would admit every grid drawn on this ground.",
    "parts": (
        "Drawn with --split-buildings (split_buildings in the API) it is split by its staircases: "
        "{parts} parts would do by number."
    ),
    "not_split": (
        "It could not be split: fewer than two of its staircases are on record, people live in "
        "another building on its ground, or a part of its ground would not hang together."
    ),
    "one_staircase": "It is one staircase, which is not split.",
    "whole": "To stay whole it would need a maximum of {maximum}.",
    "pieces": "It lies in {pieces} pieces that no ground of its own joins.",
    "crossing": (
        "The grid lies in {pieces} pieces: the crossing between them belongs to a locked grid, "
        "and could join them if that were unlocked."
    ),
    "locks": "Its buildings are locked in different grids.",
}


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence with its figures, ready to be translated.

    Parameters
    ----------
    message
        English sentence with ``{fields}``: a message id of the catalogue.
    values
        What the fields stand for.
    """

    message: str
    values: "Mapping[str, int | float]"

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return self.message.format(**self.values)


@dataclass(frozen=True, slots=True)
class PlanException:
    """One thing about a plan that a planner must know.

    Parameters
    ----------
    kind
        What it is.
    community
        Community of the graph.
    grid
        Grid concerned, or ``None``.
    households
        Households concerned.
    limit
        The bound that is exceeded, where there is one.
    count
        A number of grids, where the sentence has one.
    cells
        Positions of the cells concerned, where it is not a whole grid.
    unit
        Quarter of the graph concerned, or ``None``.
    missed
        Households by which the band is missed, in all grids concerned.
    note
        What would help, see :data:`NOTES`.
    """

    kind: ExceptionKind
    community: int
    grid: int | None = None
    households: int = 0
    limit: int | None = None
    count: int | None = None
    cells: tuple[int, ...] = ()
    unit: int | None = None
    missed: int = 0
    note: Saying | None = None

    @property
    def sentence(self) -> str:
        """The exception in one English sentence."""
        return SENTENCES[self.kind].format(
            households=self.households, limit=self.limit, count=self.count
        )


@dataclass(frozen=True, slots=True)
class CountRange:
    """How many grids a community can have by the band, and how many were drawn.

    Parameters
    ----------
    community
        Community of the graph.
    households
        Households outside dedicated areas.
    low, high
        Smallest and largest number of grids, at least 1, whose mean is in the band;
        ``low`` > ``high`` where there is none.
    drawn
        Number of basic grids drawn.
    """

    community: int
    households: int
    low: int
    high: int
    drawn: int


@dataclass(frozen=True, eq=False)
class PlanMeasures:
    """Measures of a plan: arrays by grid (in the order of ``grid``), and sums over basic grids.

    Dedicated grids have a row but do not count in the sums.

    Parameters
    ----------
    grid
        Ids of the grids, ascending.
    dedicated
        Whether each grid is a dedicated one.
    households, residents
        Per grid; residents are 0 where the graph has none.
    area_m2, perimeter_m
        Per grid.
    polsby_popper, reock
        Compactness per grid; Reock is NaN where the graph has no vertices.
    pieces
        Number of connected pieces per grid; 1 is contiguous.
    barrier_inside_m
        Metres of arterial, river or railway inside each grid.
    in_range
        Whether each grid's households are in the band.
    """

    grid: "Ints"
    dedicated: "Bools"
    households: "Ints"
    residents: "Ints"
    area_m2: "Floats"
    perimeter_m: "Floats"
    polsby_popper: "Floats"
    reock: "Floats"
    pieces: "Ints"
    barrier_inside_m: "Floats"
    in_range: "Bools"
    #: Number of basic grids.
    count: int
    #: Share of basic grids whose households are in the band, 0–1; 1 without a grid.
    share_in_range: float
    #: Mean and largest distance of a basic grid from the target, households.
    mean_deviation: float
    max_deviation: int
    #: Basic and dedicated grids in more than one piece.
    noncontiguous: int
    #: Length of all borders between grids, metres, and by barrier class.
    border_m: float
    border_by_class_m: tuple[float, float, float, float]
    mean_polsby_popper: float
    mean_reock: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Households of a grid that were in one grid of the current plan."""

    grid: int
    previous_grid: int
    households: int


#: What became of a grid of the current plan, or ``new`` for a grid that is none of them.
Fate = Literal["kept", "grown", "shrunk", "exchanged", "split", "merged", "dissolved", "new"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one grid of the current plan, or where a new one came from.

    Parameters
    ----------
    grid
        Id in the current plan; for a new grid its id in the new plan.
    fate
        ``kept`` (the same households), ``grown``, ``shrunk`` or ``exchanged`` (as many came as
        left), ``split`` (a new grid was made mostly of its households), ``merged`` (most of its
        households went to one other grid and no grid succeeds it), ``dissolved`` (they went to
        several), or ``new``.
    before, after
        Households of the grid in the current plan (counted today), and of its successor.
    stayed
        Households that are in both.
    successor
        Grid of the new plan that goes on from it, or ``None``.
    others
        For a current grid the other grids that its households went to, for a new one the current
        grids that they came from; most households first.
    """

    grid: int
    fate: Fate
    before: int
    after: int
    stayed: int
    successor: int | None
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reason(Saying):
    """One thing that keeps a grid from the target, with its figures.

    Parameters
    ----------
    message, values
        As for :class:`Saying`.
    limit
        What it is.
    """

    limit: Limit


@dataclass(frozen=True, slots=True)
class HeldUnit:
    """A quarter or a building that a grid holds and that is not divided.

    Parameters
    ----------
    unit
        Quarter of the graph, or ``None`` for a building of its own.
    households
        Its households in the grid.
    cell
        Its first cell.
    """

    unit: int | None
    households: int
    cell: int


@dataclass(frozen=True, slots=True)
class GridTrace:
    """Why a grid ended as it did.

    Parameters
    ----------
    grid, community
        The grid and where it lies.
    households, deviation
        Its households and their signed distance from the target.
    fixed
        ``dedicated`` or ``locked`` when nothing was drawn here, else empty.
    reasons
        What keeps it from the target, see :data:`LIMITS`; empty where it is met.
    border_by_class_m
        Its border with other grids by barrier class, metres.
    units
        Quarters and buildings in it, counted as indivisible units.
    line_m
        Its border on the community line or the edge of the graph, metres.
    street_share
        Share of its border with other grids that follows a street or something stronger, 0–1;
        ``None`` without such a border.
    largest
        Its largest units by households, at most three.
    """

    grid: int
    community: int
    households: int
    deviation: int
    fixed: Literal["", "dedicated", "locked"]
    reasons: tuple[Reason, ...]
    border_by_class_m: tuple[float, float, float, float]
    units: int
    line_m: float
    street_share: float | None
    largest: tuple[HeldUnit, ...]

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What keeps it from the target, by name."""
        return tuple(reason.limit for reason in self.reasons)


@dataclass(frozen=True, eq=False)
class Plan:
    """A drawing of grids on a graph.

    Parameters
    ----------
    grid
        Id of the grid of each cell, never -1. A grid that survives keeps its current id; new ones
        are numbered community by community, from north to south and west to east.
    measures
        Measures of the plan.
    exceptions
        What a planner must know, in order of community and grid.
    lineage
        Where the households of each grid were in the current plan; empty without one.
    trace
        Why each grid ended as it did, in order of grid.
    stopped
        Whether the time limit or the caller ended the refinement early.
    feasible
        How many grids each community can have and has, in order of community.
    outcomes
        What became of each grid of the current plan, then the new grids; empty without one.
    moved_households
        Households of the current plan whose grid is not the successor of the one they were in;
        ``None`` without a current plan.
    """

    grid: "Ints"
    measures: PlanMeasures
    exceptions: tuple[PlanException, ...] = ()
    lineage: tuple[Origin, ...] = ()
    trace: tuple[GridTrace, ...] = field(default=())
    stopped: bool = False
    feasible: tuple[CountRange, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    moved_households: int | None = None
