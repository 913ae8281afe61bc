"""Incidents: what happened, where, when, and to whom it was assigned."""

from gis.frames.common import ID, SOURCE_ID
from gis.frames.contract import Column, FrameContract, Unit
from gis.frames.stations import SERVICES

SERVED_GROUPS = ("general", "elderly", "child", "new_employment", "new_resident")
#: Categories of incidents that the places of this project name.
INCIDENT_CATEGORIES = (
    "parking",
    "parking_lock",
    "poultry",
    "roof_leak",
    "resettlement_fault",
    "property_fee",
    "property_dispute",
    "charging_cable",
    "drinking_water_machine",
    "road_damage",
    "tree",
    "gas",
    "noise",
    "waste",
    "street_light",
    "other",
)
INCIDENT_SOURCES = ("hotline", "app", "patrol", "visit", "camera", "other")

#: Where, when and by whom a matter was raised; shared with demands.
MATTER = (
    Column("building_id", "str", "UUID of the building it refers to."),
    Column("poi_id", "str", "UUID of the point of interest it refers to."),
    Column("road_id", "str", "UUID of the road segment it refers to."),
    Column("occurred_at", "datetime", "When it happened or was asked for.", required=True),
    Column(
        "source", "str", "How it came in.", required=True, default="other", choices=INCIDENT_SOURCES
    ),
    Column(
        "served_group",
        "str",
        "Who is to be served.",
        required=True,
        default="general",
        choices=SERVED_GROUPS,
    ),
    Column(
        "complainant_token",
        "str",
        "Token of who raised it, the same for the same person; never a name or a number.",
    ),
    Column("details", "json", "What the source says beside the columns; never of persons."),
    Column("synthetic", "bool", "True: made up for demonstration.", required=True, default=False),
)

#: The answer of the assignment; empty until it is assigned.
ASSIGNMENT = (
    Column("plan_id", "str", "UUID of the plan it was assigned under."),
    Column("grid_id", "str", "UUID of the grid it was assigned to."),
    Column("no_grid_reason", "str", "Why it has no grid."),
    Column("station_id", "str", "UUID of the nearest station that was open and able."),
    Column("distance_m", "float", "Distance to that station.", minimum=0, unit=Unit.METRE),
    Column(
        "distance_method",
        "str",
        "How the distance was measured.",
        choices=("straight_line", "walking"),
    ),
    Column("no_station_reason", "str", "Why it has no station."),
)

INCIDENTS = FrameContract(
    "incidents",
    (
        ID,
        Column(
            "category",
            "str",
            "Category of the incident.",
            required=True,
            choices=INCIDENT_CATEGORIES,
        ),
        Column("description", "str", "What is the matter; never a person's data."),
        Column("service", "str", "Service that answers it.", choices=SERVICES),
        *MATTER,
        *ASSIGNMENT,
        SOURCE_ID,
    ),
    geometry=("Point",),
    extra_geometries=(("area", "Polygon"),),
)
