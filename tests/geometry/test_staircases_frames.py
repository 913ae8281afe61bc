"""Real ground with large buildings cut between their staircases: it tiles, and nobody is lost."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box
from shapely.affinity import rotate, translate

from gis.districting import DrawOptions, draw_grids
from gis.districting.frames import cell_graph
from gis.districting.polygons import grid_polygons
from gis.districting.staircases_frames import split_ground, told_splits
from gis.districting.verify import verify_plan
from gis.frames import UNITS
from gis.geometry.crs import to_projected
from gis.geometry.tessellation import check_tessellation
from tests.geometry.cell_ground import CRS, X, Y, build, buildings, communities, roads

pytestmark = pytest.mark.geometry


def ground(shapes, households, stairs):
    """Return cells, houses and the ground on which the first house is split above 500."""
    where = communities(box(0, 0, 300, 200))
    houses = buildings(*shapes, households=households, residents=[2 * n for n in households])
    street = roads(shapely.LineString([(-5, 130), (305, 130)]))
    cells = build(where, houses, roads=street)
    units = UNITS.conform(
        pd.DataFrame(
            {
                "id": [f"u{i}" for i in range(len(stairs))],
                "building_id": "buildings0",
                "name": [f"{i + 1}单元" for i in range(len(stairs))],
                "households": stairs,
            }
        )
    )
    keyed = cell_graph(cells, houses, crs=CRS)
    return where, houses, keyed, split_ground(cells, keyed, houses, units, 500, crs=CRS)


SLAB = box(60, 60, 140, 74)
OTHERS = [box(20, 20, 40, 34), box(60, 20, 80, 34), box(160, 60, 180, 74), box(200, 150, 230, 164)]
PEOPLE = [700, 300, 320, 90, 310]


@pytest.mark.slow
@settings(deadline=None, max_examples=12)
@given(st.floats(-90, 90), st.lists(st.integers(0, 400), min_size=2, max_size=6))
def test_parts_tile_the_ground_and_hold_everybody(angle, stairs):
    where, houses, keyed, split = ground([rotate(SLAB, angle), *OTHERS], PEOPLE, stairs)
    assert split is not None
    new = cell_graph(split.frames, houses, crs=CRS)
    assert new.graph.households.sum() == keyed.graph.households.sum()
    assert new.graph.residents.sum() == keyed.graph.residents.sum()
    assert new.graph.area_m2.sum() == pytest.approx(keyed.graph.area_m2.sum(), abs=0.01)
    assert new.graph.outer_border_m.sum() == pytest.approx(keyed.graph.outer_border_m.sum())
    whole = to_projected(where.geometry.to_numpy(), CRS)[0]
    check_tessellation(to_projected(split.frames.cells.geometry.to_numpy(), CRS), whole, "It")
    for label in (np.zeros(new.graph.size), np.arange(new.graph.size) % 2):
        assert shapely.is_valid(grid_polygons(split.frames.cells, label).to_numpy()).all()
    plan = draw_grids(new.graph, DrawOptions(preset="fast"))
    members = pd.DataFrame({"cell_id": new.cell_ids, "grid_id": [f"g{g}" for g in plan.grid]})
    verify_plan(where, split.frames, houses, members, crs=CRS)
    told = told_splits(split.frames, new.graph, plan.grid)
    of_parts = plan.grid[np.isin(new.cell_ids, split.parts["id"])]
    assert len(told) == (len(set(of_parts)) > 1)


def test_each_part_has_its_slice_of_the_building():
    shapes = [SLAB, *OTHERS]
    *_, split = ground(shapes, PEOPLE, [100, 200, 200, 200])
    parts = to_projected(split.parts.geometry.to_numpy(), CRS)
    links = split.building_cells.set_index("cell_id").loc[split.parts["id"]]
    assert links["units"].tolist() == [["1单元", "2单元"], ["3单元", "4单元"]]
    assert links[["share_from", "share_to", "share_of"]].to_numpy().tolist() == [
        [0, 300, 700],
        [300, 700, 700],
    ]
    west, east = box(60, 60, 100, 74), box(100, 60, 140, 74)
    for part, piece in zip(parts, (west, east), strict=True):
        assert translate(piece, X, Y).difference(part).area < 1e-3
    again = ground(shapes, PEOPLE, [100, 200, 200, 200])[-1]
    assert again.parts["id"].tolist() == split.parts["id"].tolist()
    other = ground(shapes, PEOPLE, [200, 200, 200, 100])[-1]
    assert not set(other.parts["id"]) & set(split.parts["id"])


def test_a_building_without_two_staircases_or_with_neighbours_on_its_cell_stays_whole():
    assert ground([SLAB, *OTHERS], PEOPLE, [700])[-1] is None
    assert ground([SLAB, *OTHERS], [500, *PEOPLE[1:]], [250, 250])[-1] is None
    shared = box(60, 60, 76, 74)  # lies on the slab: both have one cell
    assert ground([SLAB, shared], [700, 20], [350, 350])[-1] is None
    empty = ground([SLAB, shared], [700, 0], [350, 350])[-1]
    links = empty.building_cells.set_index("building_id")
    assert links.loc["buildings1", "cell_id"] == empty.parts["id"].iloc[0]
    assert links.loc["buildings1", "share_of"] == 1
