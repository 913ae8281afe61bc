"""Which counts of people a map keeps back: of communities, of grids and of single buildings.

Each level adds up to the one above it, and whoever opens the page has all of it. So beside small
counts others are kept back, as :func:`gis.frames.small_counts.withheld` says.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gis.coverage.shown_shares import withheld_within
from gis.frames.small_counts import SENSITIVE, also_withheld, is_small, withheld
from maps.ground_data import SUPPRESSED, positions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from maps.ground_data import Ground

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


class Siblings(NamedTuple):
    """Rows whose sum is known, and whether that sum is kept back although it is not small."""

    rows: "NDArray[np.intp]"
    sum_withheld: bool = False


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept back of a count of people.

    Parameters
    ----------
    communities, grids
        Groups of areas whose sum is known.
    of_communities, of_grids, of_buildings
        Which are kept back, in the order of the map's frames.
    """

    communities: "Sequence[Siblings]"
    grids: "Sequence[Siblings]"
    of_communities: "Bools"
    of_grids: "Bools"
    of_buildings: "Bools"


def kept_back(data: "Ground") -> dict[str, Kept]:
    """Return what a map keeps back, count by count."""
    buildings = data.buildings
    communities, grids = len(data.communities), len(data.grids)
    home = positions(buildings["community_id"], data.communities["id"])
    grid = positions(buildings["grid_id"], data.grids["id"])
    above = positions(data.grids["community_id"], data.communities["id"])
    # Buildings in no grid are together with the others in none of their community.
    whole = np.where(grid >= 0, grid, np.where(home >= 0, grids + home, -1))
    found = {}
    for name in SENSITIVE:
        counts = buildings[name].to_numpy(dtype=np.int64)
        by_community, by_grid = _sums(counts, home, communities), _sums(counts, grid, grids)
        all_of_them = [Siblings(np.arange(communities))]
        gone = _further(by_community, all_of_them, data.suppress_below)
        in_community = _siblings(above, gone)
        gone_grids = _further(by_grid, in_community, data.suppress_below)
        in_grid = _siblings(whole, np.concatenate([gone_grids, np.zeros(communities, dtype=bool)]))
        found[name] = Kept(
            all_of_them,
            in_community,
            _hidden(by_community, all_of_them, data.suppress_below),
            _hidden(by_grid, in_community, data.suppress_below),
            _hidden(counts, in_grid, data.suppress_below, small_sums_shown=True),
        )
    return found


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas of one level, in which people are counted.

    Parameters
    ----------
    of
        Position of each building's area, -1: in none.
    size
        How many areas there are.
    groups, hidden
        By count of people: areas whose sum is known, and which totals are kept back.
    closed
        Nothing is told of some of the people of an area.
    """

    of: "Ints"
    size: int
    groups: "Mapping[str, Sequence[Siblings]]"
    hidden: "Mapping[str, Bools]"
    closed: bool = False

    def hidden_of(self, name: str, counts: "Ints", total: "Ints", below: int) -> "Bools":
        """Return which counts of some of the people of each area must not be shown.

        Parameters
        ----------
        name
            Which people.
        counts, total
            Some of each area and all of them, shape (areas,).
        below
            Counts from 1 to this less one are small.
        """
        if self.closed:
            return np.ones(self.size, dtype=bool)
        hidden = self.hidden[name].copy()
        touched = hidden | is_small(counts, below) | is_small(total - counts, below)
        for rows, sum_withheld in self.groups[name]:
            if touched[rows].any():
                [hidden[rows]] = withheld_within(
                    [counts[rows]], total[rows], below, sum_withheld=sum_withheld
                )
        return hidden


def areas_of(data: "Ground") -> dict[str, Areas]:
    """Return the whole, the communities and the grids."""
    buildings, kept, closed = data.buildings, kept_back(data), not data.people_within
    alone = [Siblings(np.arange(1))]
    totals = {name: np.array([buildings[name].sum()], dtype=np.int64) for name in SENSITIVE}
    return {
        "all": Areas(
            np.zeros(len(buildings), dtype=np.int64),
            1,
            dict.fromkeys(SENSITIVE, alone),
            {name: is_small(total, data.suppress_below) for name, total in totals.items()},
            closed,
        ),
        "communities": Areas(
            positions(buildings["community_id"], data.communities["id"]),
            len(data.communities),
            {name: one.communities for name, one in kept.items()},
            {name: one.of_communities for name, one in kept.items()},
            closed,
        ),
        "grids": Areas(
            positions(buildings["grid_id"], data.grids["id"]),
            len(data.grids),
            {name: one.grids for name, one in kept.items()},
            {name: one.of_grids for name, one in kept.items()},
            closed,
        ),
    }


def shown(counts: "Ints", hidden: "Bools") -> "Ints":
    """Return counts with :data:`~maps.ground_data.SUPPRESSED` for those that are hidden."""
    return np.where(hidden, SUPPRESSED, counts)


def _siblings(of: "Ints", sums_withheld: "Bools") -> "list[Siblings]":
    """Return the rows of each area, of those that have any."""
    order = np.argsort(of, kind="stable")
    keys, first = np.unique(of[order], return_index=True)
    parts = np.split(order, first[1:]) if len(keys) else []
    return [
        Siblings(rows, bool(sums_withheld[key]))
        for key, rows in zip(keys, parts, strict=True)
        if key >= 0
    ]


def _sums(counts: "Ints", of: "Ints", size: int) -> "Ints":
    inside = of >= 0
    return np.rint(np.bincount(of[inside], counts[inside], size)).astype(np.int64)


def _hidden(
    counts: "Ints", groups: "Sequence[Siblings]", below: int, *, small_sums_shown: bool = False
) -> "Bools":
    hidden = is_small(counts, below)  # also of rows that are in no group
    for rows, sum_withheld in groups:
        hidden[rows] = withheld(
            counts[rows], below, sum_withheld=sum_withheld, small_sum_shown=small_sums_shown
        )
    return hidden


def _further(counts: "Ints", groups: "Sequence[Siblings]", below: int) -> "Bools":
    hidden = np.zeros(len(counts), dtype=bool)
    for rows, sum_withheld in groups:
        hidden[rows] = also_withheld(counts[rows], below, sum_withheld=sum_withheld)
    return hidden
