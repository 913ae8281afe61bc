"""Whose counts are withheld although they are not small: from the largest areas down to buildings.

The counts of communities add up to those of all, those of grids to their community's, and those of
buildings to their grid's. So beside each small count others of its group are withheld, and of a
group whose sum is withheld for that reason at least one: :func:`gis.frames.small_counts.withheld`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gis.frames.small_counts import SENSITIVE
from gis.layers import people
from gis.outlets.suppression import withheld_in_groups
from gis.services.locating import local_day
from gis.settings import get_settings

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
        are told of as well. An account is told the people of grids in effect today alone: the sums
        over one division into grids and over another differ by a few houses.
    """
    if below <= 1 or not grid_ids:
        return Withheld(below)
    found = _of_grids(session, scope, below, grid_ids)
    if not scope.is_owner:
        _add(found, people.not_in_effect(session, scope, grid_ids, _today()))
    return Withheld(below, found)


def withheld_of_buildings(
    session: "Session", scope: "Scope", below: int, building_ids: "Collection[str] | None"
) -> Withheld:
    """Return which counts of buildings are withheld, whatever day or plan is asked about.

    Always by the community plan in effect today: what is withheld beside a small count in one
    answer would be told in another that takes another day's grids, or a draft's.

    Parameters
    ----------
    session, scope, below
        As of :func:`withheld_of_grids`.
    building_ids
        Those that are asked about; the others of their grids are told of as well. ``None``: all. Of
        those that do not stand today every count is withheld: they have no grid to be beside.
    """
    if below <= 1 or (building_ids is not None and not building_ids):
        return Withheld(below)
    today = _today()
    rows = people.of_buildings_beside(session, scope, building_ids, today)
    above = _of_grids(session, scope, below, {str(row[0]) for row in rows})
    # Managers are shown the counts of areas in full.
    found = withheld_in_groups(rows, SENSITIVE, below, above, small_sums_shown=True)
    known = {str(row[1]) for row in rows}
    if building_ids is None or not known.issuperset(building_ids):
        _add(found, people.not_standing(session, scope, building_ids, today))
    return Withheld(below, found)


def _of_grids(
    session: "Session", scope: "Scope", below: int, grid_ids: "Collection[str]"
) -> dict[str, set[str]]:
    """Return whose counts are withheld beside small ones among grids, by count."""
    above = withheld_of_communities(session, scope, below)
    rows = people.of_grids_beside(session, scope, grid_ids)
    return withheld_in_groups(rows, SENSITIVE, below, above.further)


def _add(found: dict[str, set[str]], keys: set[str]) -> None:
    for of_count in found.values():
        of_count.update(keys)


def _today() -> "date":
    return local_day(datetime.now(UTC), get_settings().timezone)
