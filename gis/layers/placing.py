"""Which community a row lies in, for the layers whose sources do not say."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from sqlalchemy import func, select

from gis.database.frames import read_frame
from gis.layers.communities import Community
from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME
from gis.layers.statements import statement
from gis.scope import Action

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: Layers that lie in a community, by name.
PLACED_LAYERS = ("quarters", "dedicated_areas", "buildings", "stations")


def place_for_certain(session: "Session", scope: "Scope", frame: "pd.DataFrame") -> Any:  # noqa: ANN401 - a geo frame
    """Return the frame with the community of each row that nobody could place otherwise.

    Only rows that lie wholly inside one living community, and meet no other, get it: there the
    point by which :func:`place_in_communities` decides cannot matter. It then has few rows to
    write a second time.

    Parameters
    ----------
    session, scope
        Where the communities are, and who asks.
    frame
        A layer's geo frame in EPSG:4326 with a column ``community_id``; not changed.
    """
    import pandas as pd

    scope.require_everywhere(Action.WRITE)
    table = table_of(Community)
    living = select(table.c.id, table.c.geometry).where(table.c.valid_to.is_(None))
    communities = read_frame(session, living.order_by(table.c.id))
    if not len(communities) or not len(frame):
        return frame
    # The communities ask: they are prepared once each, and have more vertices.
    tree = shapely.STRtree(_decisive(frame))
    polygons = communities.geometry.to_numpy()
    met = tree.query(polygons, predicate="intersects")[1]
    holder, inside = tree.query(polygons, predicate="contains_properly")
    certain = np.bincount(met, minlength=len(frame))[inside] == 1
    placed = np.full(len(frame), None, dtype=object)
    placed[inside[certain]] = communities["id"].to_numpy(dtype=object)[holder[certain]]
    known = frame["community_id"].to_numpy(dtype=object)
    both = np.where(frame["community_id"].isna(), placed, known)
    return frame.assign(community_id=pd.Series(both, index=frame.index, dtype=object))


def _decisive(frame: Any) -> Any:  # noqa: ANN401 - a geo frame, an array of geometries
    """Return the entrance where it is known, else the whole geometry."""
    shapes = frame.geometry.to_numpy()
    if "entrance" not in frame:
        return shapes
    entrances = frame["entrance"].to_numpy()
    return np.where(shapely.is_missing(entrances), shapes, entrances)


def place_in_communities(session: "Session", scope: "Scope", layer: str) -> int:
    """Give rows without a community the living one they lie in; return how many lie in none."""
    scope.require_everywhere(Action.WRITE)
    session.execute(statement("place_in_communities", layer))
    table = table_of(LAYER_BY_NAME[layer].model)
    outside = select(func.count()).select_from(table).where(table.c.community_id.is_(None))
    return int(session.execute(outside).scalar_one())
