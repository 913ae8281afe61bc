"""A small town, drawn by hand, that every database test can know by heart.

Each character is a square of 0.001° (about 95 m × 111 m), the first at 117.300 E, 31.880 N as its
north-west corner. Communities A and B have a plan in effect since 2026-01-01 (and an older one,
in effect for 2025, in which each was one grid); C has none.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.dialects.postgresql import Range

from gis.frames import Dataset, stable_ids
from gis.layers import cells, plans
from gis.layers.grids import BuildingGrid, CellGrid, Grid
from gis.layers.queries import insert_layer
from gis.layers.tiles import Tile
from gis.services.importing import import_dataset
from gis.services.opening import expand_open_intervals, seed_calendar

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope

WEST, NORTH, STEP = 117.300, 31.880, 0.001
COMMUNITIES = """
AAAABBBBCC
AAAABBBBCC
AAAABBBBCC
AAAABBBBCC
"""
GRIDS = """
aabbccdd..
aabbccdd..
aabbccdd..
aabbeedd..
"""
#: A digit is that many times 40 households; "s" is a house with one household of two, both old.
BUILDINGS = """
4.3.52.6.1
2s..3.11..
.4.5...s2.
3.2.41.3.1
"""
CODE_OF = {"A": "340102001001", "B": "340102001002", "C": "340102001003"}
SUBDISTRICT = "340102001000"
TIMEZONE = "Asia/Shanghai"
#: The expanded hours and the calendar cover this year.
YEAR = 2026
HORIZON = (datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC))


@dataclass(frozen=True)
class StationRow:
    """A station of the town: where (in squares), and its services with their hours."""

    name: str
    tier: str
    x: float
    y: float
    services: dict[str, str | None]
    status: str = "open"
    opens_on: date | None = None
    closes_on: date | None = None


STATIONS = (
    StationRow(
        "Centre",
        "center",
        1.3,
        0.7,
        {
            "affairs": "Mo-Fr 08:00-20:00; Sa-Su,PH 09:00-21:00",
            "canteen": "10:30-13:00,16:30-18:30",
        },
    ),
    StationRow("Hub", "hub", 6.2, 3.4, {"police": "24/7", "rest_stop": "24/7"}),
    StationRow(
        "West office",
        "community",
        0.4,
        3.2,
        {"affairs": "Mo-Fr 09:00-17:00", "rest_stop": "07:00-22:00"},
    ),
    StationRow("East office", "community", 5.1, 0.4, {"affairs": "Mo-Fr 09:00-17:00"}),
    StationRow("Noodle shop", "partner", 3.6, 2.2, {"canteen": None, "health": None}),
    StationRow(
        "New home",
        "quarter",
        2.5,
        1.5,
        {"elderly_care": "08:00-18:00"},
        status="planned",
        opens_on=date(2027, 3, 1),
    ),
    StationRow(
        "Old office",
        "community",
        1.4,
        1.1,
        {"affairs": "24/7"},
        status="closed",
        closes_on=date(2025, 7, 1),
    ),
)


def key(layer: str, name: str) -> str:
    """Return the id of a feature of the town, for example ``key("grids", "a")``."""
    return stable_ids("town", layer, [name])[0]


def tile_at(lon: float, lat: float, z: int) -> Tile:
    """Return the tile of a zoom that a place lies in."""
    north = math.asinh(math.tan(math.radians(lat))) / math.pi
    return Tile(z, int((lon + 180) / 360 * 2**z), int((1 - north) / 2 * 2**z))


def lon_lat(x: float, y: float) -> tuple[float, float]:
    """Return the coordinates of a place in squares from the north-west corner."""
    return WEST + x * STEP, NORTH - y * STEP


def squares(drawing: str) -> dict[tuple[int, int], str]:
    """Return the character of each square (column, row) of a drawing, without the dots."""
    return {
        (x, y): letter
        for y, line in enumerate(drawing.split())
        for x, letter in enumerate(line)
        if letter != "."
    }


def square(x: float, y: float, *, inset: float = 0.0) -> shapely.Polygon:
    """Return the square whose north-west corner is at (x, y)."""
    west, north = lon_lat(x + inset, y + inset)
    east, south = lon_lat(x + 1 - inset, y + 1 - inset)
    return shapely.box(west, south, east, north)


@cache
def town_dataset() -> Dataset:
    """Return the layers of the town; the same object each time, so leave it as it is."""
    layers = {
        "communities": _communities(),
        "buildings": _buildings(),
        "stations": _stations(),
        "station_services": pd.DataFrame(
            [
                {
                    "station_id": key("stations", row.name),
                    "service": service,
                    "opening_hours": hours,
                    "capacity": 40,
                }
                for row in STATIONS
                for service, hours in row.services.items()
            ]
        ),
        "pois": _frame(
            [{"id": key("pois", "school"), "name": "School", "category": "school"}],
            [shapely.Point(lon_lat(4.5, 2.5))],
        ),
        "incidents": _matters("incidents", 60, seed=1),
        "demands": _matters("demands", 40, seed=2),
    }
    return Dataset("town", SUBDISTRICT, layers, {"drawn_by": "hand"}, synthetic=True)


def build_town(session: "Session", scope: "Scope") -> None:
    """Put the town into an empty schema, with its calendar, hours and two plans."""
    seed_calendar(session, scope, [YEAR])
    import_dataset(session, scope, town_dataset())
    start, end = HORIZON
    expand_open_intervals(session, scope, timezone=TIMEZONE, start=start, end=end)
    _insert_cells(session, scope)
    whole = COMMUNITIES.replace("C", ".")
    add_plan(session, scope, "old", whole, Range(date(2025, 1, 1), date(2026, 1, 1)))
    add_plan(session, scope, "plan", GRIDS, Range(date(2026, 1, 1), None))


def add_plan(
    session: "Session", scope: "Scope", name: str, drawing: str, during: Range[date] | None
) -> None:
    """Add a plan whose grids are the letters of a drawing, in effect if there is a period."""
    plan_id = key("plans", name)
    home = squares(COMMUNITIES)
    letters = squares(drawing)
    plans.add_plan(
        session,
        scope,
        {"id": plan_id, "name": name, "kind": "community", "scope_code": SUBDISTRICT},
    )
    rows, shapes, counted = [], [], dict.fromkeys(CODE_OF, 0)
    for letter in sorted(set(letters.values())):
        ground = [at for at, other in letters.items() if other == letter]
        community = home[ground[0]]
        counted[community] += 1
        shapes.append(shapely.union_all([square(*at) for at in ground]))
        rows.append(
            {
                "id": grid_id(name, letter),
                "plan_id": plan_id,
                "community_id": key("communities", community),
                "kind": "basic",
                "code": f"{CODE_OF[community]}{counted[community]:03}",
                "sequence": counted[community],
                "compactness": 0.7,
                "exceptions": [],
            }
        )
    insert_layer(session, scope, Grid, _frame(rows, shapes))
    members = [
        {"plan_id": plan_id, "cell_id": _cell(at), "grid_id": grid_id(name, letter)}
        for at, letter in letters.items()
    ]
    insert_layer(session, scope, CellGrid, pd.DataFrame(members))
    housed = squares(BUILDINGS)
    members = [
        {"plan_id": plan_id, "building_id": _building(at), "grid_id": grid_id(name, letter)}
        for at, letter in letters.items()
        if at in housed
    ]
    insert_layer(session, scope, BuildingGrid, pd.DataFrame(members))
    if during is not None:
        plans.put_in_effect(session, scope, plan_id, "community", during)


def grid_id(plan: str, letter: str) -> str:
    """Return the id of the grid drawn with a letter in a plan (``plan`` or ``old``)."""
    return key("grids", f"{plan}/{letter}")


def _building(at: tuple[int, int]) -> str:
    return key("buildings", f"{at[0]},{at[1]}")


def _cell(at: tuple[int, int]) -> str:
    return key("cells", f"{at[0]},{at[1]}")


def _frame(rows: list[dict[str, Any]], geometry: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry=geometry, crs="EPSG:4326")


def _communities() -> gpd.GeoDataFrame:
    ground = squares(COMMUNITIES)
    rows = [
        {"id": key("communities", letter), "code": code, "name": f"Community {letter}"}
        for letter, code in CODE_OF.items()
    ]
    shapes = [
        shapely.union_all([square(*at) for at, other in ground.items() if other == letter])
        for letter in CODE_OF
    ]
    return _frame(rows, shapes)


def _buildings() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for at, letter in squares(BUILDINGS).items():
        small = letter == "s"
        households = 1 if small else 40 * int(letter)
        rows.append(
            {
                "id": _building(at),
                "source_id": f"{at[0]},{at[1]}",
                "name": f"House {at[0]},{at[1]}",
                "households": households,
                "residents": 2 if small else 2 * households,
                "elderly": 2 if small else households // 4,
                "children": 0 if small else households // 5,
                "low_income_households": 1 if small else households // 40,
                "floors": 1 if small else 6,
            }
        )
        shapes.append(square(*at, inset=0.3))
    return _frame(rows, shapes)


def _stations() -> gpd.GeoDataFrame:
    rows = [
        {
            "id": key("stations", row.name),
            "name": row.name,
            "tier": row.tier,
            "status": row.status,
            "opens_on": row.opens_on,
            "closes_on": row.closes_on,
        }
        for row in STATIONS
    ]
    return _frame(rows, [shapely.Point(lon_lat(row.x, row.y)) for row in STATIONS])


def _matters(layer: str, count: int, seed: int) -> gpd.GeoDataFrame:
    """Matters at random places, some of them beyond every community."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, 10.5, count), rng.uniform(-0.5, 4.5, count)
    # The year begins at midnight in the town.
    minutes = rng.integers(0, 364 * 24 * 60, count)
    services = ("affairs", "canteen", "police", "rest_stop")
    rows = [
        {
            "id": key(layer, str(i)),
            "service": services[int(rng.integers(len(services)))],
            "description": f"{layer} {i}",
            "occurred_at": HORIZON[0] + timedelta(minutes=int(minutes[i])),
            "source": ("hotline", "patrol")[i % 2],
            "served_group": ("general", "elderly")[i % 2],
            "synthetic": True,
        }
        | ({"category": ("noise", "parking", "waste")[i % 3]} if layer == "incidents" else {})
        for i in range(count)
    ]
    points = [shapely.Point(lon_lat(a, b)) for a, b in zip(x, y, strict=True)]
    return _frame(rows, points)


def _insert_cells(session: "Session", scope: "Scope") -> None:
    home, housed = squares(COMMUNITIES), squares(BUILDINGS)
    versions = {key("communities", letter): "town-1" for letter in CODE_OF}
    edge = 100.0
    rows = [
        {
            "id": _cell(at),
            "community_id": key("communities", letter),
            "building_id": _building(at) if at in housed else None,
            "data_version": "town-1",
            "area_m2": edge * edge,
            "outer_border_m": edge * sum(home.get(other) != letter for other in _around(at)),
        }
        for at, letter in home.items()
    ]
    borders = []
    for (x, y), letter in home.items():
        for other in ((x + 1, y), (x, y + 1)):
            if home.get(other) == letter:
                first, second = sorted((_cell((x, y)), _cell(other)))
                borders.append(
                    {
                        "cell_a": first,
                        "cell_b": second,
                        "border_m": edge,
                        "barrier_class": 0,
                        "passable": True,
                    }
                )
    new = cells.NewCells(
        cells=_frame(rows, [square(*at) for at in home]),
        borders=pd.DataFrame(borders),
        building_cells=pd.DataFrame(
            [{"building_id": _building(at), "cell_id": _cell(at)} for at in housed]
        ),
    )
    cells.replace_cells(session, scope, versions, new)


def _around(at: tuple[int, int]) -> list[tuple[int, int]]:
    x, y = at
    return [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
