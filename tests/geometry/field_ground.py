"""Towns for tests of fields: a random network, stations on it, and buildings about it."""

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.coverage.field import WalkField, field_ground, walk_field
from gis.frames import BUILDINGS
from gis.network import build_walk_graph, nearest, snap, snap_buildings
from gis.network.walking import Walk
from tests.geometry.network_ground import CRS, EAST, NORTH, frame, random_town

AT = np.array([EAST, NORTH])


class FieldTown(NamedTuple):
    graph: Any
    stations: Any
    field: WalkField
    buildings: gpd.GeoDataFrame
    walk: Walk
    xy_m: np.ndarray

    @property
    def cost_m(self) -> pd.Series:
        return pd.Series(self.walk.cost_m, index=self.buildings.index)

    @property
    def doors(self) -> np.ndarray:
        """Return a place inside each building, in metres."""
        shapes = self.buildings.geometry.to_crs(CRS)
        return shapely.get_coordinates(shapely.point_on_surface(shapes.to_numpy()))


def houses(shapes: list, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return buildings of shapes in metres of the drawing, with some people in each."""
    homes = rng.integers(0, 9, len(shapes))
    made = frame(BUILDINGS, "buildings", shapes, households=homes, residents=3 * homes)
    return made.set_index(pd.Index([f"b{i}" for i in range(len(made))]))


def town(seed: int, stations: int = 3, cell_m: float = 25.0) -> FieldTown:
    """Return a town of 400 m with buildings 16 m wide that do not touch."""
    rng = np.random.default_rng(seed)
    graph = build_walk_graph(random_town(rng).roads, CRS)
    at = rng.uniform(-50, 450, (stations, 2))
    lots = np.stack(np.meshgrid(np.arange(-60, 460, 40), np.arange(-60, 460, 40)), -1)
    corners = (lots.reshape(-1, 2) + rng.uniform(0, 20, (lots.size // 2, 2))).tolist()
    buildings = houses([shapely.box(x, y, x + 16, y + 16) for x, y in corners], rng)
    on = snap(graph, AT + at)
    field = walk_field(graph, field_ground(graph, cell_m=cell_m), on)
    walk = nearest(graph, snap_buildings(graph, buildings, CRS), on)
    return FieldTown(graph, on, field, buildings, walk, AT + at)
