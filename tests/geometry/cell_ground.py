"""Towns of a few shapes in metres, their cells, and what must hold of any cells."""

import geopandas as gpd
import numpy as np
import shapely
from shapely import Point, box
from shapely.affinity import translate

from gis.districting.cells import build_cells, ground_m
from gis.frames import BARRIERS, BUILDINGS, COMMUNITIES, CROSSINGS, ROADS
from gis.geometry.crs import projected_crs, to_lonlat, to_projected
from gis.geometry.tessellation import tessellation_problems

CRS = projected_crs(117.3, 31.87)
X, Y = shapely.get_coordinates(to_projected([Point(117.3, 31.87)], CRS))[0]


def frame(contract, shapes, **columns: object):
    lonlat = to_lonlat([translate(s, X, Y) for s in shapes], CRS)
    data = {"id": [f"{contract.name}{i}" for i in range(len(shapes))], **columns}
    return contract.conform(gpd.GeoDataFrame(data, geometry=lonlat, crs="EPSG:4326"))


def communities(*shapes: object):
    return frame(COMMUNITIES, shapes, code=[f"3401020010{i:02}" for i in range(len(shapes))])


def buildings(*shapes: object, **columns: object):
    return frame(BUILDINGS, shapes, **columns)


def roads(*lines: object, road_class="local", **columns: object):
    return frame(ROADS, lines, road_class=[road_class] * len(lines), **columns)


def barriers(*lines: object, kind="river"):
    return frame(BARRIERS, lines, barrier_class=[kind] * len(lines))


def crossings(*points: object, kind="bridge", walkers=True):
    return frame(CROSSINGS, points, kind=[kind] * len(points), open_to_walkers=walkers)


def build(where, houses, **layers: object):
    return build_cells(where, houses, crs=CRS, data_version="test", **layers)


def local(frames):
    return [translate(p, -X, -Y) for p in to_projected(frames.cells.geometry.to_numpy(), CRS)]


def cell_at(frames, x, y):
    [found] = [i for i, p in enumerate(local(frames)) if p.contains(Point(x, y))]
    return frames.cells.iloc[found]


def check(frames, where, houses):
    """Prove what must hold of any cells."""
    for community, shape in zip(where["id"], where.geometry, strict=True):
        mine = frames.cells[frames.cells["community_id"] == community]
        stored = to_projected(mine.geometry.to_numpy(), CRS)
        assert tessellation_problems(stored, ground_m(shape, CRS)) == []
    assert sorted(frames.building_cells["building_id"]) == sorted(houses["id"])
    assert frames.building_cells["cell_id"].isin(frames.cells["id"]).all()
    own = frames.cells.dropna(subset="building_id")
    assert own["building_id"].is_unique
    cell_of = dict(frames.building_cells.itertuples(index=False))
    assert all(cell_of[b] == c for b, c in zip(own["building_id"], own["id"], strict=True))
    lengths = frames.cells.set_index("id")["outer_border_m"]
    for side in ("cell_a", "cell_b"):
        lengths = lengths.add(frames.borders.groupby(side)["border_m"].sum(), fill_value=0)
    perimeter = shapely.length(to_projected(frames.cells.geometry.to_numpy(), CRS))
    np.testing.assert_allclose(lengths[frames.cells["id"]], perimeter, atol=0.05)
    assert (frames.borders["cell_a"] < frames.borders["cell_b"]).all()


GROUND = box(0, 0, 200, 120)
HOUSES = [box(x, y, x + 30, y + 14) for x in (15, 60, 115, 160) for y in (20, 80)]
