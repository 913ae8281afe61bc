"""Streets for the small town: along every line of its squares, so that one can walk everywhere."""

from typing import TYPE_CHECKING

import geopandas as gpd
import shapely

from gis.frames import ROADS, Dataset
from gis.services.importing import import_dataset
from tests.town import key, lon_lat

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope

COLUMNS, ROWS = 10, 4


def streets() -> gpd.GeoDataFrame:
    """Return five streets from west to east and eleven from north to south."""
    along = [[(x, y) for x in range(COLUMNS + 1)] for y in range(ROWS + 1)]
    across = [[(x, y) for y in range(ROWS + 1)] for x in range(COLUMNS + 1)]
    lines = [shapely.LineString([lon_lat(x, y) for x, y in line]) for line in along + across]
    ids = [key("roads", f"street {i}") for i in range(len(lines))]
    frame = gpd.GeoDataFrame({"id": ids, "road_class": "local"}, geometry=lines, crs="EPSG:4326")
    return ROADS.conform(frame)


def add_streets(session: "Session", scope: "Scope") -> None:
    """Import the streets."""
    import_dataset(session, scope, Dataset("streets", "", {"roads": streets()}))
