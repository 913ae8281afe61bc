"""Which community a row lies in, for the layers whose sources do not say."""

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME
from gis.layers.statements import statement
from gis.scope import Action

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: Layers that lie in a community, by name.
PLACED_LAYERS = ("quarters", "dedicated_areas", "buildings", "stations")


def place_in_communities(session: "Session", scope: "Scope", layer: str) -> int:
    """Give rows without a community the living one they lie in; return how many lie in none."""
    scope.require_everywhere(Action.WRITE)
    session.execute(statement("place_in_communities", layer))
    table = table_of(LAYER_BY_NAME[layer].model)
    outside = select(func.count()).select_from(table).where(table.c.community_id.is_(None))
    return int(session.execute(outside).scalar_one())
