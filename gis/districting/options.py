"""What a drawing is asked for: the band, the weights of a good grid, and what must stay."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gis.districting.graph import Bools


@dataclass(frozen=True, slots=True)
class Weights:
    """Prices of what makes a grid worse, in points; all are at least 0.

    A square grid of exactly the target costs about 1,270 points of shape and nothing else.

    Parameters
    ----------
    deviation
        Points per (hundredth of the target away from it)².
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
    change
        Points per household that leaves its current grid.
    """

    deviation: float = 10.0
    out_of_range: float = 300.0
    border: tuple[float, float, float, float] = (4.8, 2.4, 0.48, 0.24)
    shape: float = 1000.0
    dispersion: float = 150.0
    arterial_inside: float = 2.4
    change: float = 6.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Weights with the effort spent on them.

    Parameters
    ----------
    weights
        Prices of the refinement.
    starts
        Partitions that are tried and refined shortly; the best goes on.
    moves_per_cell
        Budget of the long refinement, counted in proposed moves (never in seconds).
    heat
        Temperature at which it begins, in points.
    """

    weights: Weights
    starts: int
    moves_per_cell: int
    heat: float


PRESETS: "Mapping[str, Preset]" = MappingProxyType(
    {
        "fast": Preset(Weights(), starts=1, moves_per_cell=60, heat=40.0),
        "balanced": Preset(Weights(), starts=2, moves_per_cell=1500, heat=300.0),
        "compact": Preset(
            Weights(deviation=5.0, shape=1300.0, dispersion=300.0, arterial_inside=6.0),
            starts=2,
            moves_per_cell=1500,
            heat=300.0,
        ),
        "tight": Preset(Weights(deviation=60.0), starts=2, moves_per_cell=2000, heat=300.0),
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
        ``fast`` (a preview), ``balanced``, ``compact`` or ``tight``.
    weights
        Changes to the preset's weights by name, for example ``{"shape": 2000}``.
    seed
        Seed of every random step: same input, options and seed give the same plan.
    seconds
        Time after which the best so far is returned and ``Plan.stopped`` says so; ``None``: none.

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

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.target <= self.maximum:
            msg = f"The band {self.minimum} ≤ {self.target} ≤ {self.maximum} households is not one."
            raise InvalidInputError(msg, remedy="Give 0 < minimum <= target <= maximum.")
        if self.preset not in PRESETS:
            msg = f"There is no preset {self.preset!r}."
            raise InvalidInputError(msg, remedy=f"Use one of: {', '.join(PRESETS)}.")
        if self.seconds is not None and self.seconds <= 0:
            msg = f"A time limit of {self.seconds} s leaves no time."
            raise InvalidInputError(msg, remedy="Give a positive number of seconds, or none.")
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
        feasible = self.feasible_counts(households)
        candidates = [k for k in feasible if k > 0]
        if not candidates:
            near = max(1, households // self.target)
            candidates = [near, near + 1]
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
        if len(numbers) != size or not np.isfinite(numbers).all() or (numbers < 0).any():
            msg = f"Weight {name!r} is {value!r}."
            raise InvalidInputError(msg, remedy=f"Give {size} number(s) of at least 0.", field=name)
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
