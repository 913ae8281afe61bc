"""Contracts of what only leaves the store: grids with counts, answers, coverage, findings."""

from gis import frames
from gis.frames import Column, FrameContract
from gis.layers.grids import COUNTS


def _with(contract: FrameContract, *more: Column) -> FrameContract:
    return FrameContract(
        contract.name,
        (*contract.columns, *more),
        contract.geometry,
        contract.geometry_required,
        contract.extra_geometries,
    )


def _count(name: str) -> Column:
    return Column(name, "int", f"{name.replace('_', ' ').capitalize()} in the grid.", minimum=0)


GRIDS_WITH_COUNTS = _with(
    frames.GRIDS,
    Column("community_code", "str", "12-digit code of the community.", required=True),
    Column("community_name", "str", "Name of the community."),
    *(_count(name) for name in ("buildings", *COUNTS)),
)
#: Worked out by :mod:`gis.services.plan_exporting` when it is asked for; people are in ``grids``.
GRID_MEASURES = FrameContract(
    "grid_measures",
    (
        Column("grid_id", "str", "UUID of the grid.", required=True),
        Column("plan_id", "str", "UUID of the plan.", required=True),
        Column("code", "str", "Code of the grid.", required=True),
        Column("in_range", "bool", "True: households within the plan's band.", required=True),
        Column("area_m2", "float", "Area, square metres.", required=True),
        Column("perimeter_m", "float", "Perimeter, metres.", required=True),
        Column("polsby_popper", "float", "4π·area / perimeter², 1 for a disc.", required=True),
        Column("reock", "float", "Area by that of the smallest circle around it."),
        Column(
            "pieces", "int", "Pieces that one can walk about in; 1: it is whole.", required=True
        ),
        Column("barrier_inside_m", "float", "Main road, river, railway inside it, metres."),
    ),
)
#: Of buildings that a plan splits by their units; ``building_grids`` has each once.
BUILDING_PARTS = FrameContract(
    "building_parts",
    (
        Column("plan_id", "str", "UUID of the plan.", required=True),
        Column("building_id", "str", "UUID of the building.", required=True),
        Column("grid_id", "str", "UUID of the grid that the part belongs to.", required=True),
        Column("units", "list", "Names of the units of the part, along the building."),
        Column("households", "int", "Households in the part.", minimum=0),
    ),
)
_SHOWN_MATTER = ("occurred_at", "source", "served_group", "synthetic", "plan_id", "grid_id")
_SHOWN_ANSWER = ("no_grid_reason", "station_id")
_SHOWN_DISTANCE = ("distance_m", "distance_method", "no_station_reason")


def assigned(contract: FrameContract, what: str) -> FrameContract:
    """Return the contract of matters with their answer in words that people read."""
    own = {column.name: column for column in contract.columns}
    names = (*_SHOWN_MATTER, "grid_code", *_SHOWN_ANSWER, "station_name", *_SHOWN_DISTANCE)
    own["grid_code"] = Column("grid_code", "str", "Code of the grid.")
    own["station_name"] = Column("station_name", "str", "Name of the station.")
    columns = (own["id"], own[what], *(own[name] for name in names))
    return FrameContract(f"assigned_{contract.name}", columns, geometry=("Point",))


FINDINGS = FrameContract(
    "findings",
    (
        Column("id", "int", "Number of the finding.", required=True),
        Column("run_id", "str", "UUID of the audit that found it.", required=True),
        Column("kind", "str", "Code of the fault.", required=True),
        Column("severity", "str", "Error, warning or note.", required=True),
        Column("layer", "str", "Layer of the rows.", required=True),
        Column("row_ids", "list", "Keys of the rows that it concerns."),
        Column("size_m2", "float", "Area, square metres."),
        Column("length_m", "float", "Length, metres."),
        Column("fixable", "bool", "True: --fix can mend it.", required=True),
        Column("detail", "json", "More of it."),
    ),
    geometry=("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
    geometry_required=False,
)
GEOCODING_QUEUE = FrameContract(
    "geocoding_queue",
    (
        Column("layer", "str", "Layer of the rows that wait; empty: questions only."),
        Column("status", "str", "Open, resolved or rejected.", required=True),
        Column("count", "int", "Descriptions.", required=True),
    ),
)
#: Worked out by :mod:`gis.services.covering` when it is asked for.
COVERAGE = FrameContract(
    "coverage",
    (
        Column("building_id", "str", "UUID of the building.", required=True),
        Column("name", "str", "Name of the building."),
        Column("community_id", "str", "UUID of the community."),
        Column("grid_code", "str", "Code of the grid."),
        Column("service", "str", "Service that is asked for.", required=True),
        Column("moment", "datetime", "When; empty: whatever the hours."),
        Column("station_id", "str", "UUID of the nearest station that serves then."),
        Column("station_name", "str", "Name of that station."),
        Column("distance_m", "float", "Straight-line distance, metres."),
        Column("within_300m", "bool", "True: within 300 m.", required=True),
        Column("within_500m", "bool", "True: within 500 m.", required=True),
        Column("within_1000m", "bool", "True: within 1000 m.", required=True),
    ),
    geometry=("Point",),
)
COVERAGE_SCENARIOS = FrameContract(
    "coverage_scenarios",
    (
        Column("scenario", "str", "Service and moment.", required=True),
        Column("service", "str", "Code of the service, or any.", required=True),
        Column("moment", "datetime", "When; empty: whatever the hours."),
        Column("stations_serving", "int", "Stations that serve then.", required=True),
        Column("households_within_300m", "int", "Households within 300 m."),
        Column("households_within_500m", "int", "Households within 500 m."),
        Column("households_within_1000m", "int", "Households within 1000 m."),
    ),
)
