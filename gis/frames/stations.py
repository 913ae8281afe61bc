"""Service stations, the services they offer, and when."""

from gis.frames.common import COMMUNITY_ID, ID, SOURCE_ID
from gis.frames.contract import Column, FrameContract, Unit

STATION_TIERS = ("hub", "center", "community", "quarter", "partner")
STATION_STATUSES = ("planned", "open", "closed")
FEE_CLASSES = ("public", "low_fee", "market")
#: Where a service is given: at the station, at the household, or both.
SERVICE_MODES = ("on_site", "delivery", "both")
DELIVERY_MEANS = ("walking", "riding")
CAPACITY_PERIODS = ("day", "week", "month")
#: Services a station may offer; the code is stored, the label comes from the catalogue.
SERVICES = (
    "affairs",
    "canteen",
    "elderly_care",
    "child_care",
    "health",
    "mediation",
    "volunteering",
    "rest_stop",
    "property",
    "employment",
    "police",
    "convenience",
)

STATIONS = FrameContract(
    "stations",
    (
        ID,
        COMMUNITY_ID,
        Column("name", "str", "Name as people say it.", required=True),
        Column("tier", "str", "Tier of the station.", required=True, choices=STATION_TIERS),
        Column(
            "status",
            "str",
            "Planned, open or closed.",
            required=True,
            default="open",
            choices=STATION_STATUSES,
        ),
        Column("opens_on", "date", "First day of service; empty: already open."),
        Column("closes_on", "date", "First day without service; empty: no end known."),
        Column("floor_area_m2", "float", "Floor area.", minimum=0, unit=Unit.SQUARE_METRE),
        Column("address", "str", "Street address."),
        Column(
            "temporary",
            "bool",
            "True: a fair, a festival post, a station for a time.",
            required=True,
            default=False,
        ),
        SOURCE_ID,
    ),
    geometry=("Point",),
)

STATION_SERVICES = FrameContract(
    "station_services",
    (
        Column("station_id", "str", "UUID of the station.", required=True),
        Column("service", "str", "Code of the service.", required=True, choices=SERVICES),
        Column(
            "opening_hours", "str", "Hours in the grammar of OSM's opening_hours; empty: unknown."
        ),
        Column(
            "capacity",
            "int",
            "People served per day (seats, places, windows).",
            minimum=0,
            unit=Unit.COUNT,
        ),
        Column(
            "fee_class", "str", "Who pays.", required=True, default="public", choices=FEE_CLASSES
        ),
        Column(
            "mode",
            "str",
            "Where it is given: at the station, at the household, or both.",
            required=True,
            default="on_site",
            choices=SERVICE_MODES,
        ),
        Column(
            "delivery_hours",
            "str",
            "Hours of delivery in the same grammar; empty: the opening hours.",
        ),
        Column(
            "delivery_reach_m",
            "float",
            "How far it travels, along the ways; empty: the limit that is asked with.",
            minimum=0,
            unit=Unit.METRE,
        ),
        Column("delivery_by", "str", "How it travels; empty: riding.", choices=DELIVERY_MEANS),
        Column(
            "delivery_capacity",
            "int",
            "Households served per period of delivery; empty: not stated.",
            minimum=0,
            unit=Unit.COUNT,
        ),
        Column(
            "delivery_period",
            "str",
            "Period of that capacity; empty: a day.",
            choices=CAPACITY_PERIODS,
        ),
    ),
)
