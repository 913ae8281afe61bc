"""A drawn street with houses, stations and their services, for the tests of walking coverage."""

from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.coverage.walking_coverage import WalkedGround, walked_ground
from gis.frames import BUILDINGS, STATION_SERVICES, STATIONS, stable_ids
from gis.geometry.crs import to_lonlat
from gis.hours import Calendar, DayKind
from gis.network import build_walk_graph
from tests.geometry.network_ground import CRS, roads, shifted

#: The National Day week of 2026, with a make-up Saturday after it.
CALENDAR = Calendar(
    {date(2026, 10, day): DayKind.HOLIDAY for day in range(1, 8)}
    | {date(2026, 10, 10): DayKind.MAKE_UP_WORKDAY},
    frozenset({2026}),
)


def key(layer: str, name: str) -> str:
    return stable_ids("street", layer, [name])[0]


def houses(places: dict[str, tuple[float, float]], **people: Any) -> gpd.GeoDataFrame:
    """Return houses of 8 m around places in metres, their doors to the south."""
    names = list(places)
    shapes = [shapely.Point(xy).buffer(4, cap_style="square") for xy in places.values()]
    lonlat = to_lonlat(np.array([shifted(shape) for shape in shapes], dtype=object), CRS)
    counts = {name: [values.get(house, 0) for house in names] for name, values in people.items()}
    doors = [shapely.Point(x, y - 4) for x, y in places.values()]
    doors = to_lonlat(np.array([shifted(door) for door in doors], dtype=object), CRS)
    frame = gpd.GeoDataFrame(
        {
            "entrance": doors,
            "id": [key("buildings", name) for name in names],
            "name": names,
            **counts,
        },
        geometry=lonlat,
        crs="EPSG:4326",
    )
    return BUILDINGS.conform(frame)


def stands(places: dict[str, tuple[float, float]], **facts: dict[str, Any]) -> gpd.GeoDataFrame:
    """Return stations at places in metres; facts by column and station."""
    names = list(places)
    points = [shapely.Point(xy) for xy in places.values()]
    lonlat = to_lonlat(np.array([shifted(point) for point in points], dtype=object), CRS)
    columns = {column: [values.get(name) for name in names] for column, values in facts.items()}
    frame = gpd.GeoDataFrame(
        {
            "id": [key("stations", name) for name in names],
            "name": names,
            "tier": "community",
            **columns,
        },
        geometry=lonlat,
        crs="EPSG:4326",
    )
    return STATIONS.conform(frame)


def offers(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return services; ``at`` is the name of the station."""
    told = [{"service": "canteen", **row} for row in rows]
    for row in told:
        row["station_id"] = key("stations", row.pop("at"))
    return STATION_SERVICES.conform(pd.DataFrame(told))


def ground_of(
    buildings: gpd.GeoDataFrame, stations: gpd.GeoDataFrame, *lines: Any, **how: Any
) -> WalkedGround:
    return walked_ground(build_walk_graph(roads(*lines), CRS), buildings, stations, CRS, **how)
