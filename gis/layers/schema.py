"""Every layer's table in one metadata, for migrations checks and bulk work."""

from gis.database.base import Base
from gis.layers import (  # noqa: F401 - importing a module registers its tables
    audit,
    barriers,
    buildings,
    calendar_days,
    cells,
    communities,
    crossings,
    dedicated_areas,
    demands,
    divisions,
    findings,
    geocoding,
    grids,
    imports,
    incidents,
    jobs,
    organisations,
    plans,
    pois,
    posts,
    quarters,
    roads,
    stations,
)

metadata = Base.metadata
