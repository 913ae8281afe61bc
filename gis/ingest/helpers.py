"""Helper layers: what a mixed file holds besides layers of the store, read to derive these."""

from gis.frames import BUILDING_USES, Column, FrameContract
from gis.frames.common import ID, NAME, SOURCE_ID

_POLYGONS = ("Polygon", "MultiPolygon")
_LINES = ("LineString", "MultiLineString")
_TUNNEL = Column("tunnel", "bool", "True: it runs below the ground.", required=True, default=False)
_BRIDGE = Column("bridge", "bool", "True: it runs on a bridge.", required=True, default=False)

#: Lakes, rivers and their middle lines: large ones bar.
WATER = FrameContract("water", (ID, NAME, _TUNNEL, SOURCE_ID), geometry=(*_POLYGONS, *_LINES))
#: Tracks: those above the ground bar.
RAILWAYS = FrameContract("railways", (ID, NAME, _TUNNEL, _BRIDGE, SOURCE_ID), geometry=_LINES)
#: Walls and fences: those at the edge of a quarter bar, and wall it.
WALLS = FrameContract("walls", (ID, NAME, SOURCE_ID), geometry=(*_LINES, *_POLYGONS))
#: Gates: those in a wall or at the edge of a quarter are crossings.
GATES = FrameContract(
    "gates",
    (
        ID,
        NAME,
        Column(
            "open_to_walkers",
            "bool",
            "True: a person on foot may pass.",
            required=True,
            default=True,
        ),
        SOURCE_ID,
    ),
    geometry=("Point",),
)
#: Land whose use is that of the buildings on it which say none.
GROUNDS = FrameContract(
    "grounds",
    (
        ID,
        NAME,
        Column("use", "str", "Use of the land.", required=True, choices=BUILDING_USES),
        SOURCE_ID,
    ),
    geometry=_POLYGONS,
)
#: Named places, after which derived communities are called.
PLACES = FrameContract(
    "places",
    (
        ID,
        Column("name", "str", "Name as people say it.", required=True),
        Column(
            "rank",
            "int",
            "Names of rank 1 are given before those of rank 2, and so on.",
            required=True,
            default=1,
            minimum=1,
        ),
        SOURCE_ID,
    ),
    geometry=("Point",),
)

HELPERS = {contract.name: contract for contract in (WATER, RAILWAYS, WALLS, GATES, GROUNDS, PLACES)}
