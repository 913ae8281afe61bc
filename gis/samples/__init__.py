"""A made-up subdistrict, as awkward as a real one, drawn from a seed.

The same number of households, seed and day give the same frames; another seed gives another
city of the same character. Nothing here reads or writes files.
"""

from datetime import date
from typing import TYPE_CHECKING

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from gis.frames import Dataset

#: Households and seed of the sample that the documentation shows.
DEFAULT_HOUSEHOLDS = 13_600
DEFAULT_SEED = 340_102
#: The day on which the sample is drawn if nobody names one; matters end on the day before.
DEFAULT_DAY = date(2026, 11, 1)
#: Sizes for which the ground plan has room for everything that the sample must hold.
SMALLEST_HOUSEHOLDS, LARGEST_HOUSEHOLDS = 4_000, 60_000

__all__ = [
    "DEFAULT_DAY",
    "DEFAULT_HOUSEHOLDS",
    "DEFAULT_SEED",
    "LARGEST_HOUSEHOLDS",
    "SMALLEST_HOUSEHOLDS",
    "generate_subdistrict",
    "staff_posts",
]


def generate_subdistrict(
    *,
    households: int = DEFAULT_HOUSEHOLDS,
    seed: int = DEFAULT_SEED,
    today: date = DEFAULT_DAY,
) -> "Dataset":
    """Return a made-up subdistrict on the globe at Hefei, as frames in EPSG:4326.

    Parameters
    ----------
    households
        Households of the whole subdistrict; the buildings' counts add up to exactly this. The
        area follows: 1.19 km² for 13,600.
    seed
        Seed of everything that is random; not negative.
    today
        Day around which activities lie: its month and the three before it.

    Returns
    -------
    gis.frames.Dataset
        Frames by contract name; ``synthetic`` is true and the report says so.

    Raises
    ------
    gis.errors.InvalidInputError
        If the number of households or the seed is out of range.
    """
    if not SMALLEST_HOUSEHOLDS <= households <= LARGEST_HOUSEHOLDS:
        msg = f"A sample of {households} households cannot be drawn."
        remedy = f"Choose from {SMALLEST_HOUSEHOLDS} to {LARGEST_HOUSEHOLDS}."
        raise InvalidInputError(msg, remedy=remedy, field="households", value=households)
    if seed < 0:
        msg = f"The seed {seed} is negative."
        raise InvalidInputError(msg, remedy="Choose 0 or more.", field="seed", value=seed)
    from gis.samples.assemble import assemble

    return assemble(households, seed, today)


def staff_posts(
    grids: "pd.DataFrame",
    building_grids: "pd.DataFrame",
    buildings: "pd.DataFrame",
    units: "pd.DataFrame",
    *,
    seed: int,
    start: date,
) -> "pd.DataFrame":
    """Return made-up posts for the grids of a plan.

    Parameters
    ----------
    grids, building_grids
        A plan's grids and their buildings.
    buildings, units
        The buildings with their households, and their stairwells.
    seed
        Seed of the tokens and of who leads what.
    start
        First day of the posts.

    Returns
    -------
    pandas.DataFrame
        Posts by their contract: 165 grid workers and as many informants for 13,600 households,
        a leader for each grid, leaders for most residential buildings, and some others.
    """
    from gis.samples.posts import post_frame

    return post_frame(grids, building_grids, buildings, units, seed=seed, start=start)
