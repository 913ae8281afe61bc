"""What runs along a border, and where it can be walked across."""

import numpy as np
import pytest
import shapely
from shapely import LineString, Point, box

from gis.districting.blocks import Cuts, absorb
from gis.districting.borders import Passages, borders_of
from gis.districting.cells import _meetings
from gis.frames import QUARTERS
from gis.geometry.tessellation import polygonize_noded
from tests.geometry.cell_ground import (
    GROUND,
    HOUSES,
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

#: Two cells that meet along x = 100, from y = 0 to y = 100; edges every ten metres.
WEST, EAST = (shapely.segmentize(box(x, 0, x + 100, 100), 10) for x in (0, 100))


def geometries(*shapes: object):
    return np.array(shapes, dtype=object)


def border(*, streets=(), arterials=(), rivers=(), walls=(), bridges=(), gates=(), outlines=()):
    """Return class and passability of the one border between the two cells."""
    cuts = Cuts(
        (geometries(), geometries(*streets), geometries(*arterials), geometries(*rivers)),
        geometries(*walls, *outlines),
    )
    passages = Passages(
        geometries(*walls), geometries(*bridges), geometries(*gates), geometries(*outlines)
    )
    made = borders_of(geometries(WEST, EAST), cuts, passages)
    assert made.border_m.tolist() == [100]
    return int(made.barrier_class[0]), bool(made.passable[0])


def upright(low, high, x=100.0):
    return LineString([(x, low), (x, high)])


def test_what_runs_along_half_of_a_border_gives_it_its_class():
    assert border(streets=[upright(0, 60)]) == (1, True)
    assert border(streets=[upright(0, 40)]) == (0, True)
    assert border(streets=[upright(0, 100)], arterials=[upright(40, 100)]) == (2, True)


def test_what_is_stronger_counts_for_what_is_weaker():
    """A street that becomes an arterial on the way is a street at least."""
    assert border(arterials=[upright(0, 40)], streets=[upright(50, 90)]) == (1, True)
    assert border(rivers=[upright(0, 40)], arterials=[upright(50, 90)]) == (2, True)


def test_a_line_that_wobbles_beside_a_border_runs_along_it():
    wobbling = LineString([(100 + 3 * (-1) ** i, 10 * i) for i in range(11)])
    assert border(arterials=[wobbling]) == (2, True)
    assert border(arterials=[upright(0, 100, x=105)]) == (0, True)


def test_a_line_that_a_border_only_meets_does_not_run_along_it():
    """Two cells of one block meet over four metres and end at the river."""
    west, east = box(0, 0, 10, 4), box(10, 0, 20, 4)
    river = LineString([(-5, 0), (25, 0)])
    cuts = Cuts((geometries(),) * 3 + (geometries(river),), geometries())
    nothing = Passages(geometries(), geometries(), geometries(), geometries())
    made = borders_of(geometries(west, east), cuts, nothing)
    assert (made.barrier_class.tolist(), made.passable.tolist()) == ([0], [True])
    across = LineString([(8, 2), (12, 2)])
    cuts = Cuts((geometries(),) * 3 + (geometries(across),), geometries())
    assert borders_of(geometries(west, east), cuts, nothing).barrier_class.tolist() == [0]


def test_one_footbridge_opens_a_long_river():
    river = [upright(0, 100)]
    assert border(rivers=river) == (3, False)
    assert border(rivers=river, bridges=[Point(104, 80)]) == (3, True)
    assert border(rivers=river, bridges=[Point(126, 80)]) == (3, False)
    assert border(rivers=river, gates=[Point(100, 80)]) == (3, False)


def test_a_wall_and_a_river_along_one_border_close_it_together():
    wall, river = [upright(0, 40)], [upright(50, 90)]
    assert border(walls=wall) == (0, True)
    assert border(walls=wall, rivers=river) == (0, False)
    assert border(walls=wall, rivers=river, gates=[Point(100, 20)]) == (0, True)
    assert border(walls=wall, rivers=river, bridges=[Point(100, 70)]) == (0, True)
    # A bridge does not open the wall, nor a gate the river.
    assert border(walls=wall, rivers=river, bridges=[Point(100, 5)]) == (0, False)


def test_a_wall_on_the_bank_needs_its_gate_and_its_bridge():
    both = {"walls": [upright(0, 100)], "rivers": [upright(0, 100)]}
    assert border(**both, bridges=[Point(100, 10)]) == (3, False)
    assert border(**both, bridges=[Point(100, 10)], gates=[Point(100, 90)]) == (3, False)
    assert border(**both, bridges=[Point(100, 10)], gates=[Point(100, 12)]) == (3, True)


def test_the_outline_of_a_gated_quarter_is_a_wall_unless_a_street_runs_there():
    outline = {"outlines": [upright(0, 100)]}
    assert border(**outline) == (0, False)
    assert border(**outline, gates=[Point(100, 50)]) == (0, True)
    assert border(**outline, streets=[upright(0, 100)]) == (1, True)


def across_97(frames):
    """Return the borders between the cells west and east of x = 97."""
    shapes = zip(frames.cells["id"], local(frames), strict=True)
    west = {cell for cell, shape in shapes if shape.centroid.x < 97}
    split = frames.borders["cell_a"].isin(west) != frames.borders["cell_b"].isin(west)
    return frames.borders[split]


def test_gated_quarters_side_by_side_are_entered_at_their_gates():
    where, houses = communities(GROUND), buildings(*HOUSES)
    halves = [box(0, 0, 97, 120), box(97, 0, 200, 120)]

    open_ = build(where, houses, quarters=frame(QUARTERS, halves))
    assert across_97(open_)["passable"].all()
    shut = build(where, houses, quarters=frame(QUARTERS, halves, gated=[True, False]))
    check(shut, where, houses)
    assert len(across_97(shut)) >= 2
    assert not across_97(shut)["passable"].any()
    gate = crossings(Point(97, 20), kind="gate")
    ajar = build(where, houses, quarters=frame(QUARTERS, halves, gated=True), crossings=gate)
    assert 1 <= across_97(ajar)["passable"].sum() < len(across_97(ajar))


def test_a_bridge_over_a_wide_river_opens_both_banks():
    """Banks of wide water are one closed line: the way meets it twice."""
    banks = LineString(box(-20, 45, 220, 85).exterior.coords)
    [south, north] = sorted(
        shapely.get_y(_meetings(geometries(upright(0, 120, x=30)), geometries(banks)))
    )
    assert (south, north) == (45, 85)
    along = LineString([(30, 0), (30, 45), (60, 45), (60, 30)])
    middles = _meetings(geometries(along), geometries(banks))
    assert shapely.get_coordinates(middles).tolist() == [[45, 45]]
    lower = [box(x, 10, x + 30, 30) for x in (15, 115)]
    upper = [box(x, 95, x + 30, 110) for x in (15, 115)]
    where, houses = communities(GROUND), buildings(*lower, *upper)
    road = roads(LineString([(30, 0), (30, 120)]), road_class="path", bridge=True)
    wet = build(where, houses, barriers=barriers(banks), roads=road)
    check(wet, where, houses)
    water = cell_at(wet, 100, 65)["id"]
    bank = wet.borders[(wet.borders["cell_a"] == water) | (wet.borders["cell_b"] == water)]
    passable = bank[bank["passable"]]
    assert (bank["barrier_class"] == 3).all()
    ashore = {*passable["cell_a"], *passable["cell_b"]} - {water}
    y = dict(zip(wet.cells["id"], (p.centroid.y for p in local(wet)), strict=True))
    assert {y[cell] < 45 for cell in ashore} == {True, False}
    assert (~bank["passable"]).any()


@pytest.mark.parametrize("river_y", [55, 65])
@pytest.mark.parametrize("road_class", ["arterial", "local"])
def test_the_verge_between_a_river_and_a_road_lies_on_the_side_of_the_road(river_y, road_class):
    """Joined over the river it would leave the road as the border, and the river within a cell."""
    road = roads(LineString([(-5, 120 - river_y), (205, 120 - river_y)]), road_class=road_class)
    river = barriers(LineString([(-5, river_y), (205, river_y)]))
    where, houses = communities(GROUND), buildings(*HOUSES)
    frames = build(where, houses, roads=road, barriers=river)
    check(frames, where, houses)
    assert len(frames.cells) == 8
    bank = frames.borders[frames.borders["barrier_class"] > 0]
    assert set(bank["barrier_class"]) == {3}
    assert bank["border_m"].sum() == pytest.approx(200, abs=0.5)


def test_a_piece_without_a_building_is_not_joined_over_a_river():
    """The piece in the middle has 50 m of river to the west, 5 m of its own block to the east."""
    west, piece = box(0, 0, 50, 50), box(50, 0, 60, 50)
    east = shapely.union_all([box(60, 0, 90, 5), box(65, 0, 90, 50)])
    polygons = polygonize_noded(shapely.boundary(geometries(west, piece, east)))
    middle = int(np.argmin(shapely.distance(polygons, Point(55, 25))))
    joined = int(np.argmin(shapely.distance(polygons, Point(80, 2))))
    weak = np.arange(len(polygons)) == middle
    rivers = Cuts((geometries(),) * 3 + (geometries(upright(0, 50, x=50)),), geometries())
    dry = Cuts((geometries(),) * 4, geometries())
    assert absorb(polygons, weak, rivers)[middle] == joined
    assert absorb(polygons, weak, dry)[middle] != joined
