"""Households and residents of the buildings: whole numbers that add up exactly."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gis.samples.city import LARGE_QUARTER_HOUSEHOLDS, SMALL_QUARTER_HOUSEHOLDS
from gis.samples.shapes import rng_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.samples.city import City

#: Households of the apartment tower, just under the usual maximum of a grid.
APARTMENT_HOUSEHOLDS = 486
RESIDENTS_PER_HOUSEHOLD = 2.6
ELDERLY_SHARE = 0.22
CHILD_SHARE = 0.12
LOW_INCOME_SHARE = 0.034
#: Relative weights by kind of quarter: people per household, elderly, children, low income.
WEIGHTS = {
    "courtyard": (0.88, 1.75, 0.70, 1.7),
    "walkup": (0.94, 1.45, 0.80, 1.3),
    "resettlement": (1.10, 1.05, 1.05, 1.4),
    "midrise": (1.08, 0.75, 1.25, 0.6),
    "tower": (1.04, 0.55, 1.30, 0.5),
    "village": (0.85, 0.80, 0.90, 1.9),
}


def apportion(total: int, weights: Any, upper: Any = None) -> "NDArray[np.int64]":  # noqa: ANN401 - numbers
    """Share ``total`` out in whole numbers by largest remainder, never above ``upper``.

    Parameters
    ----------
    total
        What is shared out.
    weights
        Relative shares, shape (n,), not negative.
    upper
        Largest share of each, shape (n,); none if left out.

    Returns
    -------
    numpy.ndarray
        Whole numbers that add up to ``total``, or to the sum of ``upper`` if that is less.
        Equal remainders go to the earlier place.

    Examples
    --------
    >>> apportion(10, [1, 1, 1]).tolist()
    [4, 3, 3]
    """
    weights = np.asarray(weights, dtype=float)
    ceiling = (
        np.full(len(weights), total, dtype=np.int64)
        if upper is None
        else np.asarray(upper, dtype=np.int64)
    )
    shares = np.zeros(len(weights), dtype=np.int64)
    left = min(int(total), int(ceiling[weights > 0].sum()))
    while left > 0:
        open_weights = np.where(shares < ceiling, weights, 0.0)
        exact = left * (open_weights / open_weights.sum())
        whole = np.floor(exact).astype(np.int64)
        step = np.minimum(whole, ceiling - shares)
        shares += step
        left -= int(step.sum())
        if (step == whole).all():
            order = np.argsort(whole - exact, kind="stable")
            order = order[((shares < ceiling) & (open_weights > 0))[order]][:left]
            shares[order] += 1
            left -= len(order)
    return shares


def count_people(city: "City", households: int, seed: int) -> dict[str, "NDArray[np.int64]"]:
    """Return the counts of each building, in the order of ``all_footprints``.

    Parameters
    ----------
    city
        The plan.
    households
        Households of the whole city; the counts add up to it exactly.
    seed
        Seed of the city.

    Returns
    -------
    dict
        Arrays ``households``, ``residents``, ``elderly``, ``children``,
        ``low_income_households``.
    """
    rng = rng_for(seed, 5)
    kinds, doors, owner = _table(city)
    lived_in = doors * rng.uniform(0.9, 1.0, len(doors))
    counts = np.zeros(len(doors), dtype=np.int64)
    fixed = np.zeros(len(doors), dtype=bool)
    special = (
        (city.small_quarter, SMALL_QUARTER_HOUSEHOLDS),
        (city.large_quarter, LARGE_QUARTER_HOUSEHOLDS),
    )
    for quarter, total in special:
        mine = np.array([who is quarter for who in owner]) & (doors > 0)
        counts[mine] = apportion(total, doors[mine])
        fixed |= mine
    for building in np.flatnonzero(doors == _apartment_doors(city)):
        counts[building], fixed[building] = APARTMENT_HOUSEHOLDS, True
    free = ~fixed & (doors > 0)
    counts[free] = apportion(households - int(counts[fixed].sum()), lived_in[free])
    size, old, young, poor = np.array([WEIGHTS.get(kind, (1, 1, 1, 1)) for kind in kinds]).T
    noise = rng.uniform(0.85, 1.15, (4, len(doors)))
    residents = np.where(
        counts > 0,
        apportion(round(RESIDENTS_PER_HOUSEHOLD * households), counts * size * noise[0]),
        0,
    )
    people = int(residents.sum())
    elderly = apportion(round(ELDERLY_SHARE * people), residents * old * noise[1], residents)
    children = apportion(
        round(CHILD_SHARE * people), residents * young * noise[2], residents - elderly
    )
    low = apportion(round(LOW_INCOME_SHARE * households), counts * poor * noise[3], counts)
    return {
        "households": counts,
        "residents": residents,
        "elderly": elderly,
        "children": children,
        "low_income_households": low,
    }


def _apartment_doors(city: "City") -> int:
    return city.apartments.doors if city.apartments is not None else -1


def _table(city: "City") -> tuple[list[str], "NDArray[np.int64]", list[object]]:
    """Return the kind of quarter, the doors and the quarter of each building."""
    kinds: list[str] = []
    doors: list[int] = []
    owner: list[object] = []
    for block in city.blocks:
        for quarter in block.quarters:
            kinds += [quarter.kind] * len(quarter.buildings)
            doors += [building.doors for building in quarter.buildings]
            owner += [quarter] * len(quarter.buildings)
        kinds += [block.kind] * len(block.others)
        doors += [0] * len(block.others)
        owner += [None] * len(block.others)
    return kinds, np.array(doors, dtype=np.int64), owner
