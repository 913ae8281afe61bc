"""Every layer's table in one metadata, for migrations checks and bulk work."""

from gis.database.base import Base
from gis.layers import (  # noqa: F401 - importing a module registers its tables
    accounts,
    activities,
    audit,
    barriers,
    buildings,
    calendar_days,
    cells,
    communities,
    coverage_runs,
    credentials,
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
    walking_networks,
)

metadata = Base.metadata
