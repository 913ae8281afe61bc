"""Whose counts are withheld although they are not small: from the largest areas down to buildings.

The counts of communities add up to those of all, those of grids to their community's, and those of
buildings to their grid's. So beside each small count others of its group are withheld, and of a
group whose sum is withheld for that reason at least one: :func:`gis.frames.small_counts.withheld`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gis.frames.small_counts import SENSITIVE
from gis.layers import people
from gis.outlets.suppression import withheld_in_groups

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from sqlalchemy.orm import Session

    from gis.scope import Scope


@dataclass(frozen=True, slots=True)
class Withheld:
    """Which counts of which rows are withheld.

    Parameters
    ----------
    below
        Counts of people from 1 to this less one are.
    further
        By count: keys of rows whose count is withheld although it is not small.
    """

    below: int
    further: "Mapping[str, Collection[str]]" = field(default_factory=dict)

    def names(self, key: str, counts: "Mapping[str, int | None]") -> list[str]:
        """Return the counts of a row that are withheld."""
        return [
            name
            for name in SENSITIVE
            if (count := counts.get(name)) is not None
            and (0 < count < self.below or key in self.further.get(name, ()))
        ]


def withheld_of_communities(session: "Session", scope: "Scope", below: int) -> Withheld:
    """Return which counts of communities are withheld, of the buildings that stand today."""
    if below <= 1:
        return Withheld(below)
    rows = people.of_communities(session, scope)
    return Withheld(below, withheld_in_groups(rows, SENSITIVE, below))


def withheld_of_grids(
    session: "Session", scope: "Scope", below: int, grid_ids: "Collection[str]"
) -> Withheld:
    """Return which counts of grids are withheld, of the buildings that stand today.

    Parameters
    ----------
    session, scope
        Whose they are.
    below
        Counts of people from 1 to this less one are small.
    grid_ids
        Those that are asked about, at most one plan's of each community; the others beside them
        are told of as well.
    """
    if below <= 1 or not grid_ids:
        return Withheld(below)
    above = withheld_of_communities(session, scope, below)
    rows = people.of_grids_beside(session, scope, grid_ids)
    return Withheld(below, withheld_in_groups(rows, SENSITIVE, below, above.further))


def withheld_of_buildings(
    session: "Session", scope: "Scope", below: int, building_ids: "Collection[str]", on_day: "date"
) -> Withheld:
    """Return which counts of buildings are withheld among those that stand on a day.

    Parameters
    ----------
    session, scope, below
        As of :func:`withheld_of_grids`.
    building_ids
        Those that are asked about; the others of their grids are told of as well.
    on_day
        Of which the buildings and the plan in effect are.
    """
    if below <= 1 or not building_ids:
        return Withheld(below)
    rows = people.of_buildings_beside(session, scope, building_ids, on_day)
    above = withheld_of_grids(session, scope, below, {str(row[0]) for row in rows}).further
    # Managers are shown the counts of areas in full.
    found = withheld_in_groups(rows, SENSITIVE, below, above, small_sums_shown=True)
    return Withheld(below, found)
