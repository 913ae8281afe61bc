"""Made-up ground for the benchmarks: a tessellation with street-like borders, and a city on it."""

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.dialects.postgresql import Range

from gis.frames import Dataset, stable_ids
from gis.frames.grids import BUILDING_GRIDS, CELL_GRIDS
from gis.layers import cells, grids, plans
from gis.services.importing import import_dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: CGCS2000, 3-degree zone around 117° E: where the made-up city lies.
METRIC_CRS = 4548
STORED_CRS = 4326
ORIGIN_M = (530_000.0, 3_528_000.0)
MEAN_GRID_SIDE_M = 187.0
GRIDS_PER_COMMUNITY = 10
SUBDISTRICT = "340102001000"
SINCE = date(2025, 1, 1)


def crooked_grids(count: int, rng: np.random.Generator) -> "NDArray[np.object_]":
    """Tile a square with cells whose borders bend like streets, about 40 vertices each, metres."""
    side = side_m(count)
    frame = shapely.box(0, 0, side, side)
    sites = shapely.MultiPoint(rng.uniform(0, side, (count, 2)))
    faces = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    # Noded, then bent: neighbours keep the same vertices.
    faces = shapely.get_parts(shapely.segmentize(shapely.intersection(faces, frame), 20.0))
    bent = np.array([shapely.transform(face, _bend) for face in faces])
    if not shapely.is_valid(bent).all():
        msg = "a bent cell crosses itself; choose another seed"
        raise ValueError(msg)
    return bent


def side_m(count: int) -> float:
    """Return the side of the square that ``count`` grids tile, metres."""
    return MEAN_GRID_SIDE_M * math.sqrt(count)


def _bend(xy: "NDArray[np.float64]") -> "NDArray[np.float64]":
    xy = np.round(xy, 3)  # the two sides of a border are cut in opposite directions
    return np.asarray(xy + 3 * np.column_stack([np.sin(xy[:, 1] / 13), np.cos(xy[:, 0] / 11)]))


@dataclass(frozen=True)
class City:
    """Grids in communities, as frames in EPSG:4326."""

    communities: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    side_m: float


def make_city(count: int, rng: np.random.Generator) -> City:
    """Make ``count`` grids and group neighbours by ten or so into communities."""
    shapes = crooked_grids(count, rng)
    side = side_m(count)
    blocks = max(1, round((count / GRIDS_PER_COMMUNITY) ** 0.5))
    at = shapely.get_coordinates(shapely.centroid(shapes))
    cell = np.clip((at / side * blocks).astype(int), 0, blocks - 1)
    names, home = np.unique(cell[:, 1] * blocks + cell[:, 0], return_inverse=True)
    merged = [shapely.union_all(shapes[home == i]) for i in range(len(names))]
    codes = np.array(
        [f"{340102 * 1000 + 1 + i // 900:09}{i % 900 + 1:03}" for i in range(len(names))]
    )
    communities = _stored(
        {"id": stable_ids("bench", "communities", range(len(names))), "code": codes}, merged
    )
    order = np.lexsort((np.arange(count), home))
    sequence = np.empty(count, dtype=int)
    first = np.searchsorted(home[order], np.arange(len(names)))
    sequence[order] = np.arange(count) - first[home[order]] + 1
    frame = _stored(
        {
            "id": stable_ids("bench", "grids", range(count)),
            "plan_id": stable_ids("bench", "plans", ["plan"])[0],
            "community_id": communities["id"].to_numpy()[home],
            "kind": "basic",
            "code": [f"{codes[h]}{s:03}" for h, s in zip(home, sequence, strict=True)],
            "sequence": sequence,
            "compactness": 4 * np.pi * shapely.area(shapes) / shapely.length(shapes) ** 2,
            "exceptions": [[] for _ in range(count)],
        },
        shapes,
    )
    return City(communities, frame, side)


def store_city(session: "Session", scope: "Scope", city: City) -> None:
    """Store the communities, and a plan in effect since 2025 with its grids, one cell each."""
    import_dataset(session, scope, Dataset("bench", SUBDISTRICT, {"communities": city.communities}))
    plan_id = str(city.grids["plan_id"].iloc[0])
    values = {"id": plan_id, "name": "bench", "kind": "community", "scope_code": SUBDISTRICT}
    plans.add_plan(session, scope, values)
    ground = city.grids[["id", "community_id", "geometry"]].assign(
        building_id=None, data_version="bench-1", area_m2=1.0, outer_border_m=0.0
    )
    nothing = cells.NewCells(
        ground,
        pd.DataFrame(columns=["cell_a", "cell_b", "border_m", "barrier_class", "passable"]),
        pd.DataFrame(columns=["building_id", "cell_id"]),
    )
    versions = dict.fromkeys(city.communities["id"], "bench-1")
    cells.replace_cells(session, scope, versions, nothing)
    members = pd.DataFrame(
        {"plan_id": plan_id, "cell_id": city.grids["id"], "grid_id": city.grids["id"]}
    )
    grids.store_plan(session, scope, city.grids, members[CELL_GRIDS.names], BUILDING_GRIDS.empty())
    plans.put_in_effect(session, scope, plan_id, "community", Range(SINCE, None))
    grids.check_now(session)


def random_places(city: City, count: int, rng: np.random.Generator) -> "NDArray[np.object_]":
    """Return points in EPSG:4326 over the city and a little beyond."""
    x, y = rng.uniform(-50, city.side_m + 50, (2, count))
    metric = gpd.points_from_xy(x + ORIGIN_M[0], y + ORIGIN_M[1], crs=METRIC_CRS)
    return np.asarray(gpd.GeoSeries(metric).to_crs(STORED_CRS).to_numpy(), dtype=object)


def make_buildings(city: City, count: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return rectangular and L-shaped houses in rows, turned at will; a few stand outside."""
    per_row = int(np.ceil(count**0.5))
    step = (city.side_m + 100) / per_row
    row, column = np.divmod(np.arange(count), per_row)
    centre = np.column_stack([column, row]) * step - 50 + ORIGIN_M
    shapes = _houses(centre, step, rng)
    households = rng.integers(0, 120, count)
    residents = households * 2 + rng.integers(0, 30, count)
    return _stored(
        {
            "id": stable_ids("bench", "buildings", range(count)),
            "source_id": [f"way/{i}" for i in range(count)],
            "name": [f"{i % 40 + 1}号楼" for i in range(count)],
            "households": households,
            "residents": residents,
            "elderly": residents // 5,
            "children": residents // 9,
            "low_income_households": households // 40,
            "households_source": "recorded",
            "floors": rng.integers(1, 34, count),
            "use": rng.choice(["residential", "mixed", "commercial"], count),
            "address": [f"明光路{i}号, unit {i % 7}" for i in range(count)],
        },
        shapes,
        origin=(0.0, 0.0),
    )


def _houses(
    centre: "NDArray[np.float64]", step: float, rng: np.random.Generator
) -> "NDArray[np.object_]":
    count = len(centre)
    outline = np.array([[-1, -1], [1, -1], [1, 0], [0, 0], [0, 1], [-1, 1], [-1, -1]], dtype=float)
    plain = np.array([[-1, -1], [1, -1], [1, -1], [1, 1], [1, 1], [-1, 1], [-1, -1]], dtype=float)
    rings = np.where(rng.random(count)[:, None, None] < 0.3, outline, plain)
    rings = rings * rng.uniform(0.15, 0.3, (count, 1, 2)) * step
    angle = rng.uniform(0, np.pi, count)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=-1)
    turned = np.einsum("nij,nkj->nki", turn.reshape(-1, 2, 2), rings) + centre[:, None, :]
    return np.asarray(shapely.remove_repeated_points(shapely.polygons(turned)))


def _stored(
    columns: dict[str, object], shapes: object, origin: tuple[float, float] = ORIGIN_M
) -> gpd.GeoDataFrame:
    placed = gpd.GeoSeries(shapes, crs=METRIC_CRS).translate(*origin)
    return gpd.GeoDataFrame(columns, geometry=placed, crs=METRIC_CRS).to_crs(STORED_CRS)
