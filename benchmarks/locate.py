"""Points to grids: the compiled locator against geopandas.sjoin, CPU seconds and their ratio.

``python benchmarks/locate.py [POINTS] [GRIDS]``; 1,000,000 points and 1,500 grids by default.
"""

import sys
import time

import geopandas as gpd
import numpy as np
import shapely

from gis.locating import GridLocator

CRS = 4548
MEAN_GRID_SIDE_M = 187.0


def crooked_grids(count: int, side: float, rng: np.random.Generator) -> np.ndarray:
    """Tile a square with Voronoi cells whose borders bend like streets, about 40 vertices each."""
    frame = shapely.box(0, 0, side, side)
    sites = shapely.MultiPoint(rng.uniform(0, side, (count, 2)))
    faces = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    grids = shapely.segmentize(shapely.intersection(faces, frame), 20.0)

    def bend(xy: np.ndarray) -> np.ndarray:
        return xy + 3 * np.column_stack([np.sin(xy[:, 1] / 13), np.cos(xy[:, 0] / 11)])

    bent = np.array([shapely.transform(grid, bend) for grid in grids])
    return bent[shapely.is_valid(bent)]


def main(points: int = 1_000_000, count: int = 1_500) -> None:
    rng = np.random.default_rng(20_240_501)
    side = MEAN_GRID_SIDE_M * count**0.5
    grids = crooked_grids(count, side, rng)
    x, y = rng.uniform(-50, side + 50, (2, points))
    grid_frame = gpd.GeoDataFrame(geometry=grids, crs=CRS)
    point_frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=CRS)

    clock = time.process_time
    start = clock()
    locator = GridLocator(grids)
    locator.locate(x[:1], y[:1])
    compile_s = clock() - start
    start = clock()
    located = locator.locate(x, y, border_m=0.0)
    locate_s = clock() - start
    start = clock()
    locator.locate(x, y, border_m=5.0)
    borders_s = clock() - start
    start = clock()
    joined = gpd.sjoin(point_frame, grid_frame, how="left", predicate="intersects")
    sjoin_s = clock() - start

    first = joined["index_right"].groupby(level=0).min().fillna(-1).to_numpy()
    if (first != located.index).any():
        sys.exit(f"{(first != located.index).sum()} points differ from sjoin")
    print(f"{points:,} points, {len(grids):,} grids; every answer equals sjoin's")
    print(f"{'geopandas.sjoin':42}{sjoin_s:8.2f} s   1.0")
    for name, seconds in (
        ("locator", locate_s),
        ("locator with border distance and neighbour", borders_s),
        ("locator compiled and used once", compile_s + locate_s),
    ):
        print(f"{name:42}{seconds:8.2f} s {sjoin_s / seconds:5.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
