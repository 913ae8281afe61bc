"""What a layer is compared with, and the verdict: how far it lies away, where, and why."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["fits", "shifted", "elsewhere", "swapped", "unclear", "nothing_to_compare"]

_WINDS = (
    "north",
    "north-north-east",
    "north-east",
    "east-north-east",
    "east",
    "east-south-east",
    "south-east",
    "south-south-east",
    "south",
    "south-south-west",
    "south-west",
    "west-south-west",
    "west",
    "west-north-west",
    "north-west",
    "north-north-west",
)


@dataclass(frozen=True)
class Reference:
    """What is known to lie right, in EPSG:4326.

    Parameters
    ----------
    outline
        Polygon or multipolygon inside which the layer should lie; ``None``: there is none.
    points
        Lon, lat of things like those of the layer, shape (m, 2); ``None``: there are none.
    outline_name, points_name
        What people know them by, in a sentence.
    """

    outline: Any = None
    points: NDArray[np.float64] | None = None
    outline_name: str = "the outline of the communities"
    points_name: str = "the buildings in the store"


@dataclass(frozen=True, slots=True)
class Alternative:
    """A hypothesis, and how well it explains where the points lie.

    Parameters
    ----------
    code, claim
        Its short name, and in words.
    east_m, north_m
        How far it would put the layer from where it belongs.
    inside
        Share of the points that the outline would hold if it were so; NaN without an outline.
    """

    code: str
    claim: str
    east_m: float
    north_m: float
    inside: float = float("nan")


@dataclass(frozen=True, slots=True)
class ShiftVerdict:
    """What the comparison says.

    Parameters
    ----------
    kind
        ``fits``; ``shifted`` by a vector; ``elsewhere`` (kilometres away); ``swapped`` axes;
        ``unclear``: the comparison cannot tell; ``nothing_to_compare``.
    sentence
        The verdict for people.
    compared_with
        ``buildings``, ``outline`` or nothing.
    points
        Number of points that were compared.
    east_m, north_m
        How far the layer lies from where it belongs; NaN if it is not known.
    cause, remedy
        Short name of the likeliest hypothesis and what to do about it; empty: none explains it.
    confidence
        From 0 to 1: 1 − the share of wrong verdicts to be expected, as far as it was measured.
    alternatives
        What else would explain it, best first.
    inside
        Share of the points that the outline holds as they are; NaN without an outline.
    told_by
        Share of the points that lie on known things once the shift is undone; NaN: not compared.
    notes
        What the comparison cannot say, and what was seen besides.
    """

    kind: Kind
    sentence: str
    compared_with: str = ""
    points: int = 0
    east_m: float = float("nan")
    north_m: float = float("nan")
    cause: str = ""
    remedy: str = ""
    confidence: float = 0.0
    alternatives: tuple[Alternative, ...] = ()
    inside: float = float("nan")
    told_by: float = float("nan")
    notes: tuple[str, ...] = field(default=())

    @property
    def length_m(self) -> float:
        """Length of the shift in metres."""
        return float(np.hypot(self.east_m, self.north_m))

    @property
    def direction(self) -> str:
        """Wind towards which the layer is shifted, of sixteen; empty if it is not known."""
        return wind(self.east_m, self.north_m)

    @property
    def refused(self) -> bool:
        """Whether an import must not go on without being told to."""
        return self.kind in {"shifted", "elsewhere", "swapped"}


def wind(east: float, north: float) -> str:
    """Return the wind of a vector, of sixteen: ``east-south-east``; empty for none.

    Examples
    --------
    >>> wind(523.0, -222.0)
    'east-south-east'
    """
    if not np.isfinite(east + north) or east == north == 0:
        return ""
    turn = np.degrees(np.arctan2(east, north)) % 360
    return _WINDS[round(turn / 22.5) % 16]
