"""Households of buildings, estimated from floor area; the method is docs/adr/008."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Footprints up to so many m², and the storeys of a building of unknown height.
DEFAULT_FLOORS = ((60.0, 1), (150.0, 2), (400.0, 4), (2000.0, 5), (np.inf, 3))
#: Footprints below this are sheds, whatever they are tagged.
SMALLEST_DWELLING_M2 = 25.0
#: Storeys of a mixed building that are not dwellings.
SHOP_FLOORS = 1


@dataclass(frozen=True, slots=True)
class HouseholdOptions:
    """Parameters of the estimate; the defaults are China's, of the census of 2020.

    Parameters
    ----------
    known_total
        Households of the whole area, to which the estimate is scaled; None: not known.
    dwelling_m2
        Gross floor area per household, stairs and walls included: 38.6 m² of urban housing a
        person × 2.62 persons.
    household_size
        Persons per household.
    elderly_share
        Share of residents of 60 years and over.
    children_share
        Share of residents under 14 years (published for 0–14).
    low_income_share
        Share of households on the urban minimum-living allowance (4.89 of about 340 million).

    Raises
    ------
    gis.errors.InvalidInputError
        A parameter is out of its range.
    """

    known_total: int | None = None
    dwelling_m2: float = 100.0
    household_size: float = 2.62
    elderly_share: float = 0.187
    children_share: float = 0.1795
    low_income_share: float = 0.014

    def __post_init__(self) -> None:
        """Refuse parameters that no place has."""
        limits = {
            "known_total": (0 if self.known_total is None else self.known_total, 0, 100_000_000),
            "dwelling_m2": (self.dwelling_m2, 10, 1_000),
            "household_size": (self.household_size, 1, 20),
            "elderly_share": (self.elderly_share, 0, 1),
            "children_share": (self.children_share, 0, 1),
            "low_income_share": (self.low_income_share, 0, 1),
        }
        for name, (value, low, high) in limits.items():
            if not low <= value <= high:
                msg = f"{name} is {value}, which no place has."
                raise InvalidInputError(
                    msg, remedy=f"Give a number between {low} and {high:,}.", field=name
                )
        if self.elderly_share + self.children_share > 1:
            msg = "elderly_share and children_share together exceed 1."
            raise InvalidInputError(msg, remedy="They are shares of the same residents.")


def default_floors(footprint_m2: "NDArray[np.float64]") -> "NDArray[np.int64]":
    """Return the stated default of storeys by footprint class.

    Examples
    --------
    >>> default_floors(np.array([40.0, 120.0, 300.0, 900.0, 5000.0])).tolist()
    [1, 2, 4, 5, 3]
    """
    limits = np.array([limit for limit, _ in DEFAULT_FLOORS])
    floors = np.array([floor for _, floor in DEFAULT_FLOORS])
    return np.asarray(floors[np.searchsorted(limits, footprint_m2)], dtype=np.int64)


def dwellings(
    footprint_m2: "NDArray[np.float64]",
    floors: "NDArray[np.int64]",
    use: "NDArray[np.object_]",
    *,
    one_household: "NDArray[np.bool_]",
    flats: "NDArray[np.float64]",
    dwelling_m2: float,
) -> "NDArray[np.float64]":
    """Return the expected households of each building, not yet whole numbers.

    Parameters
    ----------
    footprint_m2, floors, use
        Per building; uses are those of :data:`gis.frames.BUILDING_USES`.
    one_household
        Buildings of a type that holds one household, such as a detached house.
    flats
        Mapped number of flats; NaN: not mapped.
    dwelling_m2
        Gross floor area per household.
    """
    lived_floors = np.where(use == "mixed", np.maximum(floors - SHOP_FLOORS, 0), floors)
    weight = footprint_m2 * lived_floors / dwelling_m2
    weight = np.where(one_household, np.minimum(weight, 1.0), weight)
    # A dwelling smaller than the parameter is still somebody's home.
    weight = np.where((weight > 0) & (weight < 1), 1.0, weight)
    weight = np.where(np.isnan(flats), weight, flats)
    lived = np.isin(use, ("residential", "mixed")) & (footprint_m2 >= SMALLEST_DWELLING_M2)
    return np.asarray(np.where(lived, weight, 0.0), dtype=float)


def largest_remainder(weights: "NDArray[np.float64]", total: int) -> "NDArray[np.int64]":
    """Return whole numbers in proportion to ``weights`` that add up to ``total``.

    Ties go to the earlier row; a row of weight 0 gets 0.

    Raises
    ------
    gis.errors.InvalidInputError
        If there is a total to share but no weight to share it by.

    Examples
    --------
    >>> largest_remainder(np.array([1.0, 1.0, 2.0, 0.0]), 10).tolist()
    [3, 2, 5, 0]
    """
    weight_sum = float(weights.sum())
    if weight_sum <= 0:
        if total > 0:
            msg = f"{total} households are known, but no building is a dwelling."
            raise InvalidInputError(msg, remedy="Check the boundary, or import without a total.")
        return np.zeros(len(weights), dtype=np.int64)
    exact = weights * (total / weight_sum)
    whole = np.floor(exact).astype(np.int64)
    missing = total - int(whole.sum())
    remainder = np.where(weights > 0, exact - whole, -1.0)
    order = np.argsort(-remainder, kind="stable")
    whole[order[:missing]] += 1
    return whole


def spread(counts: "NDArray[np.int64]", share: float) -> "NDArray[np.int64]":
    """Return ``share`` of each count as whole numbers whose running sum is never off by one.

    Rare things (a low-income household in a hundred) then fall on all kinds of buildings, where
    the largest remainder would give them to the largest buildings only.

    Examples
    --------
    >>> spread(np.array([10, 10, 0, 10, 10]), 0.05).tolist()
    [0, 1, 0, 0, 1]
    """
    running = np.floor(np.cumsum(counts, dtype=np.int64) * share + 1e-9).astype(np.int64)
    return np.asarray(np.diff(running, prepend=0), dtype=np.int64)
