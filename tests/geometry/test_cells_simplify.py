"""Grids for the web: fewer vertices, and nothing comes apart."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box
from shapely.affinity import translate

from gis.districting.simplify import NODING_M, simplify_grids
from gis.errors import CrsMismatchError, GeometryError, InvalidInputError
from gis.geometry.crs import to_lonlat, to_projected
from gis.geometry.tessellation import polygonize_noded
from tests.geometry.cell_ground import CRS, X, Y

pytestmark = pytest.mark.geometry


def grids(shapes):
    moved = [translate(shape, X, Y) for shape in shapes]
    index = [f"g{i}" for i in range(len(shapes))]
    return gpd.GeoSeries(to_lonlat(moved, CRS), index=index, crs="EPSG:4326")


def metres(series):
    return np.array([translate(s, -X, -Y) for s in to_projected(series.to_numpy(), CRS)])


def outline(shapes):
    """Return the border of what grids cover, 3 cm out, where hairlines between them are closed."""
    return shapely.boundary(shapely.union_all(shapely.buffer(shapes, 0.03)))


def prove(before, tolerance_m):
    """Simplify, and prove what must hold whatever the grids."""
    after = simplify_grids(before, tolerance_m, CRS)
    assert after.index.equals(before.index)
    old, new = metres(before), metres(after)
    assert shapely.is_valid(after.to_numpy()).all()
    assert shapely.coverage_is_valid(after.to_numpy())
    assert (shapely.area(new) > 0).all()
    assert (shapely.get_num_geometries(new) == shapely.get_num_geometries(old)).all()
    reach = tolerance_m + NODING_M
    lines, whole = (shapely.union_all(shapely.boundary(shapes)) for shapes in (new, old))
    spots = shapely.points(shapely.get_coordinates(whole))
    assert shapely.distance(spots, lines).max() <= reach
    # The outline may also lose a gap that is closed, of up to 5 cm.
    assert shapely.hausdorff_distance(outline(old), outline(new)) <= reach + 0.05
    drift = np.abs(shapely.area(new) - shapely.area(old))
    assert (drift <= reach * shapely.length(old)).all()
    union = shapely.area(shapely.union_all(new))
    assert shapely.area(new).sum() == pytest.approx(union, abs=1e-3)
    assert shapely.get_num_coordinates(new).sum() <= shapely.get_num_coordinates(old).sum()
    return new


def crooked(count, seed, bend_m=3.0):
    """Tile a square of 600 m with cells whose borders bend like streets."""
    rng = np.random.default_rng(seed)
    frame = box(0, 0, 600, 600)
    sites = shapely.MultiPoint(rng.uniform(0, 600, (count, 2)))
    faces = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    lines = shapely.segmentize(shapely.boundary(shapely.intersection(faces, frame)), 8)
    parts = polygonize_noded(np.append(lines, frame.boundary))

    def bend(xy: np.ndarray) -> np.ndarray:
        xy = np.round(xy, 3)
        return xy + bend_m * np.column_stack([np.sin(xy[:, 1] / 9), np.cos(xy[:, 0] / 7)])

    return [shapely.transform(part, bend) for part in parts]


def test_vertices_fall_and_borders_stay_shared():
    before = grids(crooked(40, seed=1))
    for tolerance_m, share in ((1, 0.9), (5, 0.3)):
        after = prove(before, tolerance_m)
        falls = shapely.get_num_coordinates(after).sum()
        assert falls < share * shapely.get_num_coordinates(before.to_numpy()).sum()


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 25), st.integers(0, 10_000), st.floats(0, 60), st.floats(0, 4))
def test_any_grids_stay_a_tessellation(count, seed, tolerance_m, bend_m):
    prove(grids(crooked(count, seed, bend_m)), tolerance_m)


COURT = shapely.Point(50, 50).buffer(3)
LAKE = shapely.Point(98, 20).buffer(1.5)
BOARD = [box(x, y, x + 20, y + 20) for x in (0, 20, 40) for y in (0, 20)]
SHAPES = {
    "one": [shapely.Point(0, 0).buffer(30)],
    "grid in a court": [box(0, 0, 100, 100).difference(COURT), COURT],
    "court of nobody": [box(0, 0, 100, 100).difference(COURT)],
    "court near the border": [
        box(0, 0, 100, 100).difference(LAKE).difference(shapely.Point(100, 50).buffer(5)),
        shapely.union(box(100, 0, 200, 100), shapely.Point(100, 50).buffer(5)),
        LAKE,
    ],
    "island": [
        shapely.MultiPolygon([box(0, 0, 10, 10), shapely.Point(50, 5).buffer(4)]),
        box(10, 0, 20, 10),
    ],
    "corners only": [*BOARD[::2], shapely.union_all(BOARD[1::4])],
    "thin": [box(0, 0, 100, 0.5), box(0, 0.5, 100, 50)],
    "needle": [
        shapely.Polygon([(0, 0), (49.9, 0), (50, 80), (50.1, 0), (100, 0), (100, -50), (0, -50)])
    ],
    "lens": [
        shapely.Point(50, 0).buffer(80).intersection(shapely.Point(50, 158).buffer(80)),
        shapely.Point(50, 0).buffer(80).difference(shapely.Point(50, 158).buffer(80)),
    ],
}


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("tolerance_m", [0, 0.4, 5, 500])
def test_awkward_grids_stay_whole(shapes, tolerance_m):
    before = grids(shapes)
    after = prove(before, tolerance_m)
    count = [len(s) for s in (shapely.get_rings(after), shapely.get_rings(before.to_numpy()))]
    assert count[0] == count[1]


def test_neighbouring_communities_share_their_line_afterwards():
    """Each has corners on the line that the other lacks, off it by the rounding of its cells."""
    west = [box(0, 0, 50, 33), box(0, 33, 50, 100)]
    rng = np.random.default_rng(4)
    bent = [
        (50 + e, y) for y, e in zip(range(0, 101, 10), rng.uniform(-8e-4, 8e-4, 11), strict=True)
    ]
    east = [shapely.Polygon([*bent, (100, 100), (100, 0)])]
    before = grids([*west, *east])
    assert not shapely.coverage_is_valid(before.to_numpy())
    after = prove(before, 2)
    assert len(shapely.get_coordinates(after[2])) == 6  # its corners, one meeting on the line


def test_a_gap_that_is_a_place_stays_and_an_overlap_goes_to_the_first():
    after = metres(simplify_grids(grids([box(0, 0, 49, 100), box(50, 0, 100, 100)]), 2, CRS))
    assert shapely.area(after) == pytest.approx([4900, 5000], abs=2)
    after = metres(simplify_grids(grids([box(0, 0, 60, 100), box(50, 0, 100, 100)]), 2, CRS))
    assert shapely.area(after) == pytest.approx([6000, 4000], abs=2)


def test_what_cannot_be_simplified_is_named():
    good = grids([box(0, 0, 10, 10)])
    for bad in (-1, np.nan, np.inf):
        with pytest.raises(InvalidInputError, match="cannot be simplified"):
            simplify_grids(good, bad, CRS)
    with pytest.raises(CrsMismatchError, match="not in EPSG:4326"):
        simplify_grids(good.to_crs(CRS), 1, CRS)
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    for shape in (bow, shapely.Polygon(), box(2, 2, 4, 4)):
        with pytest.raises(GeometryError, match="Grid g1 is no valid polygon"):
            simplify_grids(grids([box(0, 0, 10, 10), shape]), 1, CRS)
    assert len(simplify_grids(good.iloc[:0], 1, CRS)) == 0


def test_the_order_of_grids_does_not_matter():
    before = grids(crooked(12, seed=5))
    once = simplify_grids(before, 4, CRS)
    again = simplify_grids(before.iloc[::-1], 4, CRS).loc[before.index]
    assert shapely.equals(once.to_numpy(), again.to_numpy()).all()
