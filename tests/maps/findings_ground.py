"""A small subdistrict with a fault of many kinds, for the tests of the map of findings."""

from datetime import date
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.geometry.crs import projected_crs, to_lonlat, to_projected
from gis.ingest.audit import Findings, audit_ground
from gis.samples import generate_subdistrict
from maps.findings import FindingsMapData

DAY = date(2026, 5, 1)
#: A name that would run as a script, or be read as a template, if it were not shown as text.
HOSTILE = "</script><img src=x onerror=alert(1)>{{ 7*7 }}{% x %}"


@cache
def faulty_ground() -> tuple[Findings, gpd.GeoDataFrame]:
    """Return the findings of the ground, and its communities; leave both as they are."""
    layers = {
        name: frame.copy()
        for name, frame in generate_subdistrict(households=4000, seed=1).layers.items()
    }
    homes, houses = layers["communities"], layers["buildings"]
    west, south, east, north = homes.total_bounds
    crs = projected_crs((west + east) / 2, (south + north) / 2)
    shapes = to_projected(homes.geometry.to_numpy(), crs)
    shapes[0] = shapely.buffer(shapes[0], 3)
    layers["communities"] = homes.set_geometry(
        gpd.GeoSeries(to_lonlat(shapes, crs), crs=4326)
    ).assign(name=lambda frame: [HOSTILE, *frame["name"].iloc[1:]])
    layers["buildings"] = _spoiled(houses, crs)
    return audit_ground(layers, crs), layers["communities"]


def _spoiled(houses: gpd.GeoDataFrame, crs: object) -> gpd.GeoDataFrame:
    shapes = houses.geometry.to_numpy().copy()
    corners = shapely.get_coordinates(shapes[3])[:4]
    shapes[3] = shapely.Polygon(corners[[0, 2, 1, 3]])
    shapes[5] = shapely.transform(shapes[5], lambda points: points + 0.02)
    out = houses.set_geometry(gpd.GeoSeries(shapes, crs=4326))
    homes = np.flatnonzero((out["households"] > 0).to_numpy())
    out.loc[homes[20], "use"] = "office"
    out.loc[homes[21], "residents"] = 0
    stack = gpd.GeoDataFrame(pd.concat([out.iloc[[homes[22]]]] * 499), crs=4326)
    stack["id"] = [f"stack-{number:03}" for number in range(499)]
    return gpd.GeoDataFrame(pd.concat([out, stack], ignore_index=True), crs=4326)


def map_data(*, title: str = "Town", findings: Findings | None = None) -> FindingsMapData:
    """Return what the map shows of the ground."""
    found, homes = faulty_ground()
    shown = (findings or found).frame
    return FindingsMapData(title, DAY, shown, homes)


def repeated(count: int) -> Findings:
    """Return so many findings, for the limits of the page."""
    found, _ = faulty_ground()
    rows = np.arange(count) % len(found)
    return Findings(found.frame.iloc[np.sort(rows)].reset_index(drop=True))
