"""Counts of people per area and building by group, to find which of them give others away."""

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Date, Select, and_, func, literal, not_, select

from gis.frames.small_counts import SENSITIVE
from gis.layers.buildings import Building
from gis.layers.grids import GRID_BUILDINGS, BuildingGrid, Grid, in_effect, people_there
from gis.layers.plans import PlanEffect
from gis.layers.queries import alive, among, existing_on, restricted, table_of
from gis.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

#: The group that all communities are in.
ALL = "all"


def of_communities(session: "Session", scope: Scope) -> "Sequence[Row[str, str, int]]":
    """Return ``all``, community, and its counts of people in the buildings that stand today."""
    c = table_of(Building).c
    sums = [func.coalesce(func.sum(c[name]), 0) for name in SENSITIVE]
    asked = (
        select(literal(ALL), c.community_id, *sums)
        .where(c.community_id.is_not(None), alive(Building))
        .group_by(c.community_id)
        .order_by(c.community_id)
    )
    return session.execute(restricted(asked, scope, Building)).all()


def of_grids_beside(
    session: "Session", scope: Scope, grid_ids: "Collection[str]"
) -> "Sequence[Row[str, str, int]]":
    """Return community, grid and its counts, of all grids beside these in plan and community.

    The counts are those of the buildings that stand today, as :func:`gis.layers.grids.page` shows
    them.
    """
    grids, members, buildings = table_of(Grid), GRID_BUILDINGS, table_of(Building)
    own = table_of(Grid).alias("own").c
    beside = select(own.plan_id, own.community_id).where(among(own.id, grid_ids)).distinct()
    here = beside.subquery("here")
    there = and_(buildings.c.id == members.c.building_id, alive(Building))
    sums = [func.coalesce(func.sum(people_there(name)), 0) for name in SENSITIVE]
    asked = (
        select(grids.c.community_id, grids.c.id, *sums)
        .join(
            here,
            and_(here.c.plan_id == grids.c.plan_id, here.c.community_id == grids.c.community_id),
        )
        .outerjoin(members, members.c.grid_id == grids.c.id)
        .outerjoin(buildings, there)
        .group_by(grids.c.plan_id, grids.c.community_id, grids.c.id)
        .order_by(grids.c.plan_id, grids.c.community_id, grids.c.id)
    )
    return session.execute(restricted(asked, scope, Grid)).all()


def of_buildings_beside(
    session: "Session", scope: Scope, building_ids: "Collection[str] | None", on_day: date
) -> "Sequence[Row[str, str, int]]":
    """Return grid, building and its counts, of all buildings in the same grids as these on a day.

    The grids are those of the community plan in effect; of a building that it splits the one with
    most of it. Buildings in none are together with the others in none of their community. ``None``:
    all buildings within the scope.
    """
    buildings, members = table_of(Building).c, table_of(BuildingGrid).c
    counts = [buildings[name] for name in SENSITIVE]
    own = _placed(select(members.grid_id, buildings.community_id), on_day)
    own = own.distinct()
    if building_ids is not None:
        own = own.where(among(buildings.id, building_ids))
    places = session.execute(restricted(own, scope, Building)).all()
    grids = {str(grid) for grid, _ in places if grid is not None}
    rest = {str(home) for grid, home in places if grid is None and home is not None}
    asked = (
        select(members.grid_id, buildings.id, *counts)
        .join(table_of(Building), buildings.id == members.building_id)
        .where(among(members.grid_id, grids), existing_on(Building, on_day))
        .order_by(members.grid_id, buildings.id)
    )
    found = list(session.execute(restricted(asked, scope, Building)).all()) if grids else []
    if rest:
        asked = _placed(select(buildings.community_id, buildings.id, *counts), on_day)
        asked = asked.where(
            among(buildings.community_id, rest),
            members.grid_id.is_(None),
            existing_on(Building, on_day),
        ).order_by(buildings.community_id, buildings.id)
        found += session.execute(restricted(asked, scope, Building)).all()
    return found


def not_standing(
    session: "Session", scope: Scope, building_ids: "Collection[str] | None", on_day: date
) -> set[str]:
    """Return which of some buildings, or of all, do not stand on a day."""
    buildings = table_of(Building).c
    asked = select(buildings.id).where(not_(existing_on(Building, on_day)))
    if building_ids is not None:
        asked = asked.where(among(buildings.id, building_ids))
    return set(session.execute(restricted(asked, scope, Building)).scalars())


def not_in_effect(
    session: "Session", scope: Scope, grid_ids: "Collection[str]", on_day: date
) -> set[str]:
    """Return which of some grids are not of a community plan in effect on a day."""
    grids = table_of(Grid).c
    asked = select(grids.id).where(among(grids.id, grid_ids), not_(in_effect("community", on_day)))
    return set(session.execute(restricted(asked, scope, Grid)).scalars())


def _placed(asked: "Select[tuple[str, ...]]", on_day: date) -> "Select[tuple[str, ...]]":
    """Return a select of buildings with the grid, if any, of the plan in effect on a day."""
    buildings, effects, members = table_of(Building), table_of(PlanEffect), table_of(BuildingGrid)
    in_effect = and_(
        effects.c.community_id == buildings.c.community_id,
        effects.c.kind == "community",
        effects.c.during.op("@>")(literal(on_day, Date)),
    )
    own = and_(members.c.plan_id == effects.c.plan_id, members.c.building_id == buildings.c.id)
    return asked.select_from(buildings.outerjoin(effects, in_effect).outerjoin(members, own))
