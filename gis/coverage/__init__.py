"""Coverage: who is within reach of what, when; pure, without I/O.

Straight lines are here; what walks, places people or counts is imported by its module:
``walking_coverage``, ``profiles``, ``capacity``, ``delivery``, ``activities``, ``indicators`` …
"""

from gis.coverage.density import Density, cell_polygons, incident_density
from gis.coverage.gaps import gap_areas, gap_polygons
from gis.coverage.scenarios import (
    HoursContext,
    Scenario,
    open_at,
    opening_states,
    scenario_distances,
    scenarios_of,
)
from gis.coverage.shares import PEOPLE, coverage_shares, uncovered_buildings
from gis.coverage.verdicts import (
    NO_OPEN_STATION,
    THRESHOLDS_M,
    building_locations,
    coverage_verdicts,
    nearest_open_station,
)

__all__ = [
    "NO_OPEN_STATION",
    "PEOPLE",
    "THRESHOLDS_M",
    "Density",
    "HoursContext",
    "Scenario",
    "building_locations",
    "cell_polygons",
    "coverage_shares",
    "coverage_verdicts",
    "gap_areas",
    "gap_polygons",
    "incident_density",
    "nearest_open_station",
    "open_at",
    "opening_states",
    "scenario_distances",
    "scenarios_of",
    "uncovered_buildings",
]
