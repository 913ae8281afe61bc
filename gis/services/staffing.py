"""Made-up posts for the grids of a plan, for the demo."""

from typing import TYPE_CHECKING

from gis import frames
from gis.layers import grids, plans
from gis.layers import posts as post_layer
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.posts import Post
from gis.layers.queries import alive, insert_layer, read_layer
from gis.samples import DEFAULT_SEED, staff_posts
from gis.scope import Action

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from gis.scope import Scope


def staff_grids(
    session: "Session", scope: "Scope", plan_id: str, *, start: "date", seed: int = DEFAULT_SEED
) -> int:
    """Replace every post by made-up ones for a plan's grids; return how many; the caller commits.

    Only for a database of the demo's own: real posts would be lost.
    """
    scope.require_everywhere(Action.WRITE)
    post_layer.remove_posts(session, scope)
    plans.lock_plan(session, scope, plan_id)
    buildings = read_layer(session, scope, Building, frames.BUILDINGS, alive(Building))
    posts = staff_posts(
        grids.read_grids_of(session, scope, plan_id),
        grids.read_building_grids(session, scope, [plan_id]),
        buildings,
        read_layer(session, scope, BuildingUnit, frames.UNITS),
        seed=seed,
        start=start,
    )
    return insert_layer(session, scope, Post, posts)
