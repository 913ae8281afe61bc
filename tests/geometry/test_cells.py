"""Cells of a small town drawn by hand, and of every awkward footprint."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box
from shapely.affinity import rotate, translate

from gis.districting.cells import _on_the_line, build_cells, data_version_of
from gis.frames import QUARTERS
from gis.geometry.crs import to_lonlat, to_projected
from gis.samples import generate_subdistrict
from tests.geometry.cell_ground import (
    CRS,
    GROUND,
    HOUSES,
    X,
    Y,
    barriers,
    build,
    buildings,
    cell_at,
    check,
    communities,
    crossings,
    frame,
    local,
    roads,
)

pytestmark = pytest.mark.geometry


def test_every_house_gets_the_ground_around_it():
    where, houses = communities(GROUND), buildings(*HOUSES)
    frames = build(where, houses)
    check(frames, where, houses)
    assert len(frames.cells) == 8
    for i, house in enumerate(HOUSES):
        cell = cell_at(frames, *house.centroid.coords[0])
        assert cell["building_id"] == f"buildings{i}"
    assert (frames.borders["barrier_class"] == 0).all()
    assert frames.borders["passable"].all()


def test_cells_end_at_the_middle_of_the_street():
    where, houses = communities(GROUND), buildings(*HOUSES)
    frames = build(where, houses, roads=roads(LineString([(97, -10), (97, 130)])))
    check(frames, where, houses)
    street = frames.borders[frames.borders["barrier_class"] == 1]
    assert street["border_m"].sum() == pytest.approx(120, abs=0.1)
    west = cell_at(frames, 70, 85)
    assert shapely.bounds(local(frames)[int(west.name)])[2] == pytest.approx(97, abs=0.01)


@pytest.mark.parametrize(
    ("road_class", "tunnel", "expected"),
    [("arterial", False, 2), ("motorway", False, 2), ("path", False, 0), ("local", True, 0)],
)
def test_a_road_has_the_class_of_its_kind(road_class, tunnel, expected):
    line = roads(LineString([(97, -10), (97, 130)]), road_class=road_class, tunnel=tunnel)
    frames = build(communities(GROUND), buildings(*HOUSES), roads=line)
    assert frames.borders["barrier_class"].max() == expected


def test_a_river_is_crossed_at_its_bridge_only():
    where, houses = communities(GROUND), buildings(*HOUSES)
    river = barriers(LineString([(-10, 60), (210, 60)]))
    dry = build(where, houses, barriers=river)
    check(dry, where, houses)
    assert not dry.borders.loc[dry.borders["barrier_class"] == 3, "passable"].any()
    for walkers, count in ((True, 1), (False, 0)):
        bridge = crossings(Point(30, 60), walkers=walkers)
        wet = build(where, houses, barriers=river, crossings=bridge)
        over = wet.borders[(wet.borders["barrier_class"] == 3) & wet.borders["passable"]]
        assert (len(over) > 0) == bool(count)
        assert len(over) <= 2
    road = roads(LineString([(30, 0), (30, 120)]), bridge=True)
    wet = build(where, houses, barriers=river, roads=road)
    assert wet.borders.loc[wet.borders["barrier_class"] == 3, "passable"].any()


def test_a_wall_is_passed_at_its_gate_only():
    where, houses = communities(GROUND), buildings(*HOUSES)
    wall = barriers(LineString([(-10, 60), (210, 60)]), kind="wall")
    shut = build(where, houses, barriers=wall)
    check(shut, where, houses)
    assert (~shut.borders["passable"]).sum() >= 4
    assert (shut.borders["barrier_class"] == 0).all()
    bridge = build(where, houses, barriers=wall, crossings=crossings(Point(30, 60)))
    assert bridge.borders["passable"].sum() == shut.borders["passable"].sum()
    gate = crossings(Point(30, 60), kind="gate")
    ajar = build(where, houses, barriers=wall, crossings=gate)
    assert ajar.borders["passable"].sum() > shut.borders["passable"].sum()


def test_a_quarter_reaches_the_middle_of_its_street():
    street = roads(LineString([(97, -10), (97, 130)]))
    quarter = frame(QUARTERS, [box(0, 0, 90, 120)])
    where, houses = communities(GROUND), buildings(*HOUSES)
    frames = build(where, houses, roads=street, quarters=quarter)
    check(frames, where, houses)
    assert len(frames.cells) == 8


def test_land_far_from_houses_is_open():
    where, houses = communities(box(0, 0, 600, 120)), buildings(*HOUSES)
    frames = build(where, houses)
    check(frames, where, houses)
    open_land = frames.cells[frames.cells["building_id"].isna()]
    assert len(open_land) == 1
    assert open_land["area_m2"].iloc[0] > 120 * 300
    empty_block = build(where, houses, roads=roads(LineString([(210, -5), (210, 130)])))
    check(empty_block, where, houses)
    assert cell_at(empty_block, 400, 60)["building_id"] is None


def test_narrow_land_without_houses_is_no_cell():
    lanes = roads(LineString([(94, -5), (94, 130)]), LineString([(104, -5), (104, 130)]))
    where, houses = communities(GROUND), buildings(*HOUSES)
    frames = build(where, houses, roads=lanes)
    check(frames, where, houses)
    assert frames.cells["building_id"].notna().all()


def test_a_dedicated_area_has_cells_of_its_own():
    where, houses = communities(GROUND), buildings(*HOUSES)
    area = gpd.GeoDataFrame(
        {"id": ["market"]}, geometry=to_lonlat([translate(box(105, 0, 200, 120), X, Y)], CRS)
    ).set_crs(4326)
    frames = build(where, houses, dedicated_areas=area)
    check(frames, where, houses)
    assert len(frames.dedicated) == 4
    assert set(frames.dedicated["dedicated_area_id"]) == {"market"}
    inside = frames.cells["id"].isin(frames.dedicated["cell_id"])
    assert frames.cells.loc[inside, "area_m2"].sum() == pytest.approx(95 * 120, abs=1)


COURT = box(40, 30, 100, 90)
AWKWARD = {
    "none": [],
    "one": [box(50, 50, 60, 60)],
    "touching": [box(20, 20, 40, 40), box(40, 20, 60, 40), box(40, 40, 60, 60)],
    "overlapping": [box(20, 20, 60, 60), box(55, 20, 90, 60)],
    "duplicate": [box(20, 20, 60, 60)] * 3,
    "nested": [box(20, 20, 80, 80), box(30, 30, 40, 40)],
    "chain of duplicates": [box(20 + d, 20, 60 + d, 60) for d in (0, 5, 10, 15)],
    "sliver": [box(20, 20, 60, 20.01), box(20, 40, 60, 60)],
    "multipart": [MultiPolygon([box(20, 20, 40, 40), box(150, 80, 160, 90)]), box(90, 50, 99, 60)],
    "courtyard": [COURT.difference(COURT.buffer(-12)), box(65, 55, 70, 60), box(150, 20, 170, 40)],
    "over the line": [box(-15, 20, 10, 40), box(195, 50, 230, 70), box(90, 50, 99, 60)],
    "outside": [box(300, 20, 320, 40), box(90, 50, 99, 60)],
    "crossed": [Polygon([(20, 20), (60, 60), (60, 20), (20, 60)]).buffer(0), box(100, 9, 120, 30)],
    "several on one spot": [box(20, 20, 60, 60).buffer(d / 1000) for d in range(5)],
    "crossing stripes": [box(10, 50, 190, 60), box(90, 10, 100, 110), box(140, 10, 143, 110)],
    "tiny": [box(20 + 3 * i, 20, 20.9 + 3 * i, 20.9) for i in range(20)],
    "whole ground": [GROUND],
    "turned": [rotate(translate(h, 3, 2), 17 * i) for i, h in enumerate(HOUSES)],
    "ring of another": [GROUND.difference(box(60, 40, 140, 80)), box(95, 55, 105, 65)],
}


@pytest.mark.slow
@pytest.mark.parametrize("shapes", AWKWARD.values(), ids=AWKWARD)
def test_awkward_footprints_are_tiled(shapes):
    where = communities(GROUND)
    houses = buildings(*shapes, community_id=["communities0"] * len(shapes))
    lines = roads(LineString([(-5, 47), (205, 52)]), LineString([(88, -5), (93, 130)]))
    for layers in ({}, {"roads": lines}):
        frames = build(where, houses, **layers)
        check(frames, where, houses)


def test_a_quarter_in_parts_bounds_cells_in_each_of_them():
    parts = MultiPolygon([box(0, 0, 97, 60), box(97, 60, 200, 120)])
    ring = box(0, 0, 200, 120).difference(box(50, 30, 150, 90))
    for quarter in (parts, ring):
        where, houses = communities(GROUND), buildings(*HOUSES)
        frames = build(where, houses, quarters=frame(QUARTERS, [quarter], gated=True))
        check(frames, where, houses)
        shut = frames.borders[~frames.borders["passable"]]
        inside = {
            cell: shapely.intersection(shape, quarter).area > shape.area / 2
            for cell, shape in zip(frames.cells["id"], local(frames), strict=True)
        }
        assert len(shut)
        assert all(
            inside[a] != inside[b] for a, b in zip(shut["cell_a"], shut["cell_b"], strict=True)
        )
        share = [shapely.intersection(p, quarter).area / p.area for p in local(frames)]
        assert max(abs(part - round(part)) for part in share) < 0.01


INVALID = {
    "bow-tie": Polygon([(20, 20), (60, 60), (60, 20), (20, 60)]),
    "no area": Polygon([(20, 20), (60, 20), (40, 20)]),
    "one point": Polygon([(70, 70)] * 4),
    "empty": Polygon(),
    "spike": Polygon([(20, 20), (60, 20), (60, 119), (60, 20), (70, 20), (70, 40), (20, 40)]),
    "hole outside": Polygon(box(20, 20, 60, 60).exterior, [box(80, 20, 90, 30).exterior]),
}


@pytest.mark.parametrize("shape", INVALID.values(), ids=INVALID)
def test_footprints_that_the_contract_refuses_are_tiled_all_the_same(shape):
    where = communities(GROUND)
    houses = buildings(box(20, 20, 60, 40), *HOUSES[4:], community_id=["communities0"] * 5)
    houses.loc[0, "geometry"] = to_lonlat([translate(shape, X, Y)], CRS)[0]
    check(build(where, houses), where, houses)


def test_duplicates_share_one_cell():
    frames = build(communities(GROUND), buildings(*AWKWARD["duplicate"], box(150, 20, 170, 40)))
    assert frames.cells["building_id"].notna().sum() == 2
    assert frames.building_cells["cell_id"].nunique() == 2


GROUNDS = {
    "two parts": MultiPolygon([box(0, 0, 80, 120), box(120, 0, 200, 120)]),
    "island in a lake": MultiPolygon(
        [box(0, 0, 200, 120).difference(box(50, 20, 150, 100)), box(80, 40, 120, 80)]
    ),
    "hole": box(0, 0, 200, 120).difference(box(95, 50, 110, 70)),
    "spike": Polygon(
        [(0, 0), (200, 0), (200, 120), (100.001, 120), (100, 300), (99, 120), (0, 120)]
    ),
    "bow": Polygon([(0, 0), (200, 60), (0, 120), (60, 60)]),
}


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_awkward_grounds_are_tiled(ground):
    where = communities(ground)
    houses = buildings(*HOUSES, box(95, 55, 105, 65), community_id=["communities0"] * 9)
    lines = roads(LineString([(-5, 47), (205, 52)]))
    check(build(where, houses, roads=lines), where, houses)


def test_a_house_on_the_line_belongs_to_the_larger_share():
    where = communities(box(0, 0, 100, 100), box(100, 0, 200, 100))
    houses = buildings(box(95, 20, 115, 40), box(80, 60, 104, 80), box(300, 0, 310, 10))
    frames = build(where, houses)
    cells = frames.cells.set_index("building_id")["community_id"]
    assert cells["buildings0"] == "communities1"
    assert cells["buildings1"] == "communities0"
    assert "buildings2" not in set(frames.building_cells["building_id"])
    shared = to_projected(frames.cells.geometry.to_numpy(), CRS)
    assert shapely.area(shapely.union_all(shared)) == pytest.approx(20_000, abs=0.5)


def test_the_same_data_give_the_same_cells_in_any_order():
    where = communities(GROUND)
    houses = buildings(*AWKWARD["turned"])
    once = build(where, houses)
    again = build(where, houses.iloc[::-1].reset_index(drop=True))
    assert set(once.cells["id"]) == set(again.cells["id"])
    a, b = (f.cells.set_index("id").geometry.sort_index() for f in (once, again))
    assert all(shapely.equals(a.to_numpy(), b.to_numpy()))


def test_the_fingerprint_changes_with_the_data_only():
    houses = buildings(*HOUSES)
    shuffled = houses.sample(frac=1, random_state=np.random.RandomState(3))
    assert data_version_of([houses]) == data_version_of([shuffled])
    assert data_version_of([houses]) != data_version_of([houses.iloc[1:]])
    assert data_version_of([houses]) != data_version_of([houses, None])
    moved = houses.copy()
    moved.loc[0, "households"] = 7
    assert data_version_of([houses]) != data_version_of([moved])


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.floats(-10, 190), st.floats(-10, 110), st.floats(0.3, 60), st.floats(0.3, 40),
            st.floats(0, 180),
        ),
        max_size=14,
    ),
    st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200)), max_size=4),
)  # fmt: skip
def test_any_footprints_and_streets_are_tiled(rectangles, streets):
    shapes = [rotate(box(x, y, x + w, y + h), turn) for x, y, w, h, turn in rectangles]
    lines = [LineString([(a, -5), (b, 125)]) for a, b in streets]
    where = communities(GROUND)
    houses = buildings(*shapes, community_id=["communities0"] * len(shapes))
    frames = build(where, houses, roads=roads(*lines) if lines else None)
    check(frames, where, houses)


@pytest.mark.slow
def test_communities_meet_without_overlap_or_gap() -> None:
    """Cells of each community are noded alone; their outer points lie on the stored line."""
    layers = generate_subdistrict(households=4_000, seed=7).layers
    around = {name: layers[name] for name in ("quarters", "roads", "barriers", "crossings")}
    made = build_cells(
        layers["communities"], layers["buildings"], crs=CRS, data_version="t", **around
    )
    cells = made.cells.geometry.to_numpy()
    m2 = 111_320**2 * np.cos(np.radians(31.87))  # of a square degree, about
    union = shapely.union_all(cells)
    assert abs(shapely.area(cells).sum() - shapely.area(union)) * m2 < 1e-4
    assert (
        abs(shapely.area(union) - shapely.area(layers["communities"].geometry.to_numpy()).sum())
        * m2
        < 1e-4
    )


def test_only_the_cell_that_would_become_invalid_stays_off_the_line():
    community = shapely.box(0, 0, 3, 1)
    off = 2e-9  # degrees: a fifth of a millimetre
    plain = shapely.Polygon([(0, off), (1, off), (1, 1), (0, 1)])
    # On the line the notch would touch the edge opposite.
    notched = shapely.Polygon([(1, off), (2, off), (3, 0), (3, 1), (2.5, 2 * off), (2, 1), (1, 1)])
    cells = np.array([plain, notched], dtype=object)
    assert shapely.is_valid(cells).all()
    moved = _on_the_line(cells, community)
    assert shapely.is_valid(moved).all()
    # The corner that both share is held back in both, and no other of the plain one.
    assert list(moved[0].exterior.coords)[:4] == [(0, 0), (1, off), (1, 1), (0, 1)]
    assert shapely.equals_identical(moved[1], notched)


def test_where_a_ring_of_the_line_begins_no_cell_is_torn_to_another_ring():
    """The length along the line at which a ring begins is that at which the one before ends."""
    court = [(1, 1), (2, 1), (2, 2), (1, 2)]
    community = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [court])
    off = 1e-9
    cell = shapely.Polygon([(1 - off, 1), (1 + off, 2), (0.5, 1.5)])
    [moved] = _on_the_line(np.array([cell], dtype=object), community)
    assert list(moved.exterior.coords)[:3] == [(1, 1), (1, 2), (0.5, 1.5)]
