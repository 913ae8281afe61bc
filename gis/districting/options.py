"""What a drawing is asked for: the band, the weights of a good grid, and what must stay."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gis.districting.graph import Bools, Ints


@dataclass(frozen=True, slots=True)
class Weights:
    """Prices of what makes a grid worse, in points; all are at least 0.

    A square grid of exactly the target costs 1.27 times ``shape`` and hardly anything else.

    Parameters
    ----------
    deviation
        Points per (hundredth of the target away from it)².
    distance
        Points per hundredth of the target away from it.
    outliers
        Points per (hundredth of the target away from it)⁴: what a few grids far off cost.
    out_of_range
        Points per household below the minimum or above the maximum.
    border
        Points per metre of border for each barrier class (same block, street, arterial, river or
        railway): a border belongs on streets.
    shape
        Points per unit of perimeter² / (4π·area), which is 1 for a disc.
    dispersion
        Points per unit of the normalised moment of inertia, which is 1 for a disc.
    arterial_inside
        Points per metre of arterial, river or railway held inside a grid.
    balance
        Points per (hundredth of the mean away from it)² of what else is to be shared evenly:
        elderly residents or staff, as the graph says.
    change
        Points per household that leaves its current grid, at a stability of one half.
    """

    deviation: float = 4.7
    distance: float = 0.0
    outliers: float = 0.0
    out_of_range: float = 300.0
    border: tuple[float, float, float, float] = (2.0, 1.0, 0.2, 0.1)
    shape: float = 1500.0
    dispersion: float = 1200.0
    arterial_inside: float = 1.0
    balance: float = 0.0
    change: float = 12.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Weights with the effort spent on them; effort is counted in proposed moves, never seconds.

    Parameters
    ----------
    weights
        Prices of the refinement.
    moves_per_node
        Proposals for each building or quarter.
    least_moves
        Proposals over the whole plan at least, so that a small plan gets more of them …
    most_moves_per_node
        … up to this number for each node.
    hot, again, cold
        First temperature, that to which grids are heated up again, and the last, in points.
    swaps
        Share of proposals that also take a node back.
    first_deviation
        Price of ``deviation`` in the first part of the refinement, while grids find their places;
        their exact sizes are priced in the second. ``None``: one part.
    """

    weights: Weights
    moves_per_node: int
    least_moves: int
    most_moves_per_node: int = 100_000
    hot: float = 1200.0
    again: float = 600.0
    cold: float = 60.0
    swaps: float = 0.2
    first_deviation: float | None = None


#: Largest weight: sums of prices stay whole numbers of 64 bits.
MOST_WEIGHT = 1e5

PRESETS: "Mapping[str, Preset]" = MappingProxyType(
    {
        "fast": Preset(
            Weights(deviation=5.2),
            moves_per_node=2_000,
            least_moves=2_000_000,
            most_moves_per_node=3_500,
        ),
        "balanced": Preset(Weights(), moves_per_node=6_000, least_moves=40_000_000),
        "compact": Preset(
            Weights(
                deviation=2.3,
                border=(11.0, 5.5, 1.1, 0.55),
                shape=1000.0,
                dispersion=300.0,
                arterial_inside=10.0,
            ),
            moves_per_node=6_000,
            least_moves=40_000_000,
            cold=40.0,
        ),
        "tight": Preset(
            Weights(
                deviation=28.0,
                distance=35.0,
                outliers=3.2,
                border=(0.0, 0.0, 0.0, 0.0),
                shape=1600.0,
                dispersion=300.0,
                arterial_inside=0.0,
            ),
            moves_per_node=30_000,
            least_moves=60_000_000,
            cold=10.0,
            swaps=0.3,
            first_deviation=20.0,
        ),
        # The partition from which the others start, bare: what they are compared with.
        "metis": Preset(Weights(), moves_per_node=0, least_moves=0),
    }
)


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """How grids are to be drawn.

    Parameters
    ----------
    target, minimum, maximum
        Households of a grid.
    preset
        ``fast`` (a preview), ``balanced``, ``compact`` (few arterials inside grids, borders on
        streets) or ``tight`` (sizes as near to the target as they can be); ``metis`` is the bare
        partition from which these start, whole grids or not, for comparison.
    weights
        Changes to the preset's weights by name, for example ``{"shape": 2000}``.
    seed
        Seed of every random step: same input, options and seed give the same plan.
    seconds
        Time after which the best so far is returned and ``Plan.stopped`` says so; ``None``: none.
    stability
        How much a current plan is kept, from 0 (start afresh) to 1 (touch nothing that is within
        the band); without a current plan it says nothing.
    workers
        Processes that draw communities side by side; ``None``: as many as there are processors,
        where the plan is large enough. The plan is the same for any number.

    Raises
    ------
    gis.errors.InvalidInputError
        If the band is empty or a name is not known.
    """

    target: int = 400
    minimum: int = 300
    maximum: int = 500
    preset: str = "balanced"
    weights: "Mapping[str, Any] | None" = None
    seed: int = 0
    seconds: float | None = None
    stability: float = 0.5
    workers: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.target <= self.maximum:
            msg = f"The band {self.minimum} ≤ {self.target} ≤ {self.maximum} households is not one."
            raise InvalidInputError(msg, remedy="Give 0 < minimum <= target <= maximum.")
        whole = (self.target, self.minimum, self.maximum, self.seed)
        if any(int(number) != number for number in whole) or self.seed < 0:
            msg = f"Of {whole} one is not a whole number, or the seed is below 0."
            raise InvalidInputError(msg, remedy="Give target, minimum, maximum and seed so.")
        if self.preset not in PRESETS:
            msg = f"There is no preset {self.preset!r}."
            raise InvalidInputError(msg, remedy=f"Use one of: {', '.join(PRESETS)}.")
        if self.seconds is not None and not self.seconds > 0:
            msg = f"A time limit of {self.seconds} s leaves no time."
            raise InvalidInputError(msg, remedy="Give a positive number of seconds, or none.")
        if not 0 <= self.stability <= 1:
            msg = f"A stability of {self.stability} lies outside 0 to 1."
            raise InvalidInputError(
                msg, remedy="0 starts afresh, 1 touches nothing.", field="stability"
            )
        if self.workers is not None and self.workers < 1:
            msg = f"{self.workers} workers draw nothing."
            raise InvalidInputError(msg, remedy="Give at least 1, or none.", field="workers")
        _merged_weights(self)

    @property
    def effort(self) -> Preset:
        """The preset's effort."""
        return PRESETS[self.preset]

    @property
    def priced(self) -> Weights:
        """The preset's weights with this drawing's changes."""
        return _merged_weights(self)

    def feasible_counts(self, households: int) -> range:
        """Return the numbers of grids that can hold ``households`` within the band."""
        return range(-(-households // self.maximum), households // self.minimum + 1)

    def wanted_count(self, households: int) -> int:
        """Return the number of grids to draw: at least 1, in the band if that is possible."""
        candidates = [k for k in self.feasible_counts(households) if k > 0]
        if not candidates:
            from gis.districting.infeasible import shortfall

            short = shortfall(households, self.minimum, self.maximum)
            return 1 if short is None else short.count
        return min(candidates, key=lambda k: (abs(households - k * self.target) / k, k))


def _merged_weights(options: DrawOptions) -> Weights:
    base = PRESETS[options.preset].weights
    values = {name: getattr(base, name) for name in Weights.__slots__}
    for name, value in (options.weights or {}).items():
        if name not in values:
            msg = f"There is no weight {name!r}."
            raise InvalidInputError(msg, remedy=f"Use one of: {', '.join(values)}.", field=name)
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
        size = 4 if name == "border" else 1
        if len(numbers) != size or not ((numbers >= 0) & (numbers <= MOST_WEIGHT)).all():
            msg = f"Weight {name!r} is {value!r}."
            remedy = f"Give {size} number(s) from 0 to {MOST_WEIGHT:,.0f}."
            raise InvalidInputError(msg, remedy=remedy, field=name)
        values[name] = tuple(numbers.tolist()) if size == 4 else float(numbers[0])
    return Weights(**values)


@dataclass(frozen=True)
class Locks:
    """What of the current plan must stay.

    Parameters
    ----------
    cells
        One bool per cell: a locked cell stays in its current grid; others may join it.
    grids
        Ids of current grids that stay exactly as they are.
    """

    cells: "Bools | None" = None
    grids: tuple[int, ...] | None = None

    def mask(self, size: int) -> "Bools":
        """Return which of ``size`` cells are locked by themselves.

        Raises
        ------
        gis.errors.InvalidInputError
            If ``cells`` is not one bool per cell.
        """
        cells = np.zeros(size, dtype=bool) if self.cells is None else np.array(self.cells)
        if cells.shape != (size,) or cells.dtype.kind != "b":
            msg = f"locked.cells has shape {cells.shape}; the graph has {size} cells."
            raise InvalidInputError(msg, remedy="Give one bool per cell.", field="locked.cells")
        return cells

    def known(self, grids: "Ints") -> "Ints":
        """Return the ids of locked grids, each of which must be one of ``grids``.

        Raises
        ------
        gis.errors.InvalidInputError
            Naming the first one that is not.
        """
        ids = np.unique(np.asarray([] if self.grids is None else self.grids, dtype=np.int64))
        unknown = ids[(ids < 0) | ~np.isin(ids, grids)]
        if len(unknown):
            msg = f"Grid {int(unknown[0])} is locked but not in the current plan."
            raise InvalidInputError(msg, remedy="Lock grids of it.", field="locked.grids")
        return ids
