"""From frames to a stored plan: the graph, grid polygons, proofs and numbers."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.ops
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, box

from gis.districting import DrawOptions, draw_grids
from gis.districting.cells import build_cells
from gis.districting.frames import cell_graph
from gis.districting.numbering import reading_order, sequence_numbers
from gis.districting.polygons import grid_polygons, match_neighbours
from gis.districting.simplify import simplify_grids
from gis.districting.verify import verify_plan
from gis.errors import InvalidInputError, TessellationError
from gis.frames import BARRIERS, BUILDINGS, COMMUNITIES, CROSSINGS, QUARTERS, ROADS
from gis.geometry.crs import projected_crs, to_lonlat, to_projected

pytestmark = pytest.mark.geometry

CRS = projected_crs(117.3, 31.87)
X, Y = 528_000.0, 3_527_000.0


def frame(contract, shapes, **columns: object):
    moved = [shapely.affinity.translate(s, X, Y) for s in shapes]
    data = {"id": [f"{contract.name}{i}" for i in range(len(shapes))], **columns}
    return contract.conform(gpd.GeoDataFrame(data, geometry=to_lonlat(moved, CRS), crs="EPSG:4326"))


@pytest.fixture(scope="module")
def town():
    """Two communities of 12 blocks, a river with one bridge, one quarter, one market."""
    shapes = [
        box(x + i * 32 + 6, y + j * 30 + 8, x + i * 32 + 30, y + j * 30 + 20)
        for x in range(0, 800, 100)
        for y in range(0, 300, 100)
        for i in range(3)
        for j in range(3)
    ]
    inside = [s.within(box(100, 0, 200, 100)) for s in shapes]
    houses = frame(
        BUILDINGS,
        shapes,
        households=[20 + (7 * k) % 23 for k in range(len(shapes))],
        residents=[60] * len(shapes),
        quarter_id=["quarters0" if q else None for q in inside],
    )
    streets = [LineString([(x, -5), (x, 305)]) for x in range(100, 800, 100) if x != 400]
    streets += [LineString([(-5, y), (805, y)]) for y in (100,)]
    where = frame(COMMUNITIES, [box(0, 0, 400, 300), box(400, 0, 800, 300)], code=["1", "2"])
    market = frame(QUARTERS, [box(500, 200, 600, 300)])
    quarters = frame(QUARTERS, [box(108, 8, 192, 92)])
    cells = build_cells(
        where,
        houses,
        quarters=quarters,
        roads=frame(ROADS, streets, road_class=["local"] * len(streets)),
        barriers=frame(BARRIERS, [LineString([(-5, 200), (805, 200)])], barrier_class=["river"]),
        crossings=frame(
            CROSSINGS, [shapely.Point(x, 200) for x in (230, 430, 700)], kind=["bridge"] * 3
        ),
        dedicated_areas=market,
        crs=CRS,
        data_version="town",
    )
    keyed = cell_graph(cells, houses, quarters=quarters, crs=CRS)
    plan = draw_grids(keyed.graph, DrawOptions())
    grids = pd.DataFrame({"cell_id": keyed.cell_ids, "grid_id": [f"g{g:02}" for g in plan.grid]})
    return SimpleNamespace(
        where=where, houses=houses, cells=cells, keyed=keyed, plan=plan, grids=grids
    )


def prove(town, **changes: object):
    given = {"grids": town.grids, "cells": town.cells, "houses": town.houses} | changes
    return verify_plan(town.where, given["cells"], given["houses"], given["grids"], crs=CRS)


def test_the_graph_holds_everybody(town):
    graph = town.keyed.graph
    assert graph.households.sum() == town.houses["households"].sum()
    assert graph.residents.sum() == town.houses["residents"].sum()
    assert graph.area_m2.sum() == pytest.approx(800 * 300, abs=1)
    assert town.keyed.community_ids == ("communities0", "communities1")
    assert town.keyed.unit_ids == ("quarters0",)
    assert town.keyed.dedicated_ids == ("quarters0",)
    assert (
        graph.households[graph.unit == 0].sum()
        == town.houses.loc[town.houses["quarter_id"].notna(), "households"].sum()
    )


def test_a_count_of_buildings_is_there_to_be_shared_evenly(town):
    assert town.keyed.graph.balanced is None
    old = town.houses.assign(elderly=np.arange(len(town.houses)))
    graph = cell_graph(town.cells, old, crs=CRS, balanced="elderly").graph
    building = dict(zip(old["id"], old["elderly"], strict=True))
    of = dict(town.cells.cells[["id", "building_id"]].itertuples(index=False))
    assert graph.balanced.tolist() == [building.get(of[c], 0) for c in town.keyed.cell_ids]
    with pytest.raises(InvalidInputError, match="no column staff"):
        cell_graph(town.cells, old, crs=CRS, balanced="staff")


def test_the_plan_is_proved_and_drawn(town):
    polygons = prove(town)
    assert set(polygons.geom_type) == {"Polygon"}
    area = shapely.area(to_projected(polygons.to_numpy(), CRS))
    np.testing.assert_allclose(area, town.plan.measures.area_m2, atol=0.01)
    assert town.plan.measures.share_in_range == 1
    market = town.plan.grid[town.keyed.graph.dedicated >= 0]
    assert len(set(market.tolist())) == 1
    assert town.plan.measures.noncontiguous == 0


def test_a_building_without_a_grid_is_refused_by_name(town):
    more = pd.concat([town.houses, town.houses.iloc[[0]].assign(id="lost")])
    with pytest.raises(TessellationError, match="building lost"):
        prove(town, houses=more)
    with pytest.raises(TessellationError, match="building lost"):
        cell_graph(town.cells, more, crs=CRS)


def test_grids_of_neighbouring_communities_match_edge_by_edge():
    """Cells end at the line between communities at other places on either side."""
    line = shapely.LineString([(97, 0), (104, 60), (99, 120)])
    east, west = shapely.ops.split(box(0, 0, 200, 120), line).geoms
    where = frame(COMMUNITIES, [west, east], code=["1", "2"])
    shapes = [box(x, y, x + 30, y + 14) for x in (20, 60) for y in (5, 40, 90)]
    shapes += [box(x, y, x + 30, y + 20) for x in (120, 160) for y in (20, 85)]
    houses = frame(BUILDINGS, shapes)
    cells = build_cells(where, houses, crs=CRS, data_version="line")
    given = cells.cells.set_index("id").geometry
    assert not shapely.coverage_is_valid(given.to_numpy())
    own = pd.DataFrame({"cell_id": given.index, "grid_id": given.index})
    proved = verify_plan(where, cells, houses, own, crs=CRS).loc[given.index].to_numpy()
    assert shapely.coverage_is_valid(proved)
    # What was put in lies on the line already.
    apart = shapely.area(shapely.symmetric_difference(given.to_numpy(), proved))
    assert apart.max() * 111_320**2 < 1e-6


def test_corners_are_put_in_where_a_neighbour_has_them_and_nowhere_else():
    court = box(0.004, 0.004, 0.006, 0.006)
    west = box(0, 0, 0.01, 0.01).difference(court)
    east = [box(0.01, y, 0.02, y + 0.002) for y in (0, 0.002, 0.004, 0.006, 0.008)]
    far = shapely.MultiPolygon([box(-0.02, 0, -0.01, 0.01), box(0, 0.01, 0.01, 0.02)])
    given = np.array([west, *east, far, court], dtype=object)
    made = match_neighbours(given)
    assert shapely.coverage_is_valid(made)
    counts = shapely.get_num_coordinates(made) - shapely.get_num_coordinates(given)
    assert counts.tolist() == [4, *[0] * 7]
    assert shapely.equals(made, given).all()
    assert made[6].geom_type == "MultiPolygon"
    assert match_neighbours(made) is made


def test_an_edge_that_matches_already_is_left_alone():
    """A corner of the neighbour lies a millimetre off the line, beside an edge of two others."""
    hair = 1e-8
    south, north = box(0, 0, 0.01, 0.005), box(0, 0.005, 0.01, 0.01)
    corner = (0.01 - hair, 0.005 + hair / 10)
    east = shapely.Polygon([(0.01, 0), (0.02, 0), (0.02, 0.01), (0.01, 0.01), corner])
    given = np.array([south, north, east], dtype=object)
    made = match_neighbours(given)
    shared = shapely.line_merge(shapely.intersection(made[0], made[1]))
    assert sorted(shapely.get_coordinates(shared).tolist()) == [[0, 0.005], [0.01, 0.005]]
    assert shapely.is_valid(made).all()


def changed(frame, row, **values: object):
    out = frame.copy()
    for name, value in values.items():
        out.loc[out.index[row], name] = value
    return out


def test_a_plan_that_is_not_whole_is_refused(town):
    first = town.grids["grid_id"].iloc[0]
    with pytest.raises(TessellationError, match="1 cells have no grid"):
        prove(town, grids=town.grids.iloc[1:])
    with pytest.raises(TessellationError, match="is in the grids"):
        prove(town, grids=pd.concat([town.grids, town.grids.iloc[[0]].assign(grid_id="other")]))
    with pytest.raises(TessellationError, match="not one of these communities"):
        prove(town, grids=changed(town.grids, 0, cell_id="nowhere"))
    with pytest.raises(TessellationError, match="lies in the communities"):
        prove(town, grids=changed(town.grids, len(town.grids) - 1, grid_id=first))
    x = town.keyed.graph.x_m
    ends = np.flatnonzero(town.keyed.graph.community == 0)
    ends = ends[np.argsort(x[ends])][[0, -1]]
    torn = town.grids.copy()
    torn.loc[ends, "grid_id"] = "torn"
    with pytest.raises(TessellationError, match="pieces"):
        prove(town, grids=torn)


def test_cells_that_do_not_tile_are_refused(town):
    from dataclasses import replace

    broken = town.cells.cells.copy()
    shape = broken.geometry.iloc[3]
    broken.loc[broken.index[3], "geometry"] = shape.intersection(
        box(*shape.centroid.coords[0], 180, 90)
    )
    with pytest.raises(TessellationError, match="is not tiled"):
        prove(town, cells=replace(town.cells, cells=broken))
    pairs = town.cells.building_cells
    twice = pd.concat([pairs, pairs.iloc[[0]]])
    with pytest.raises(TessellationError, match="is in two cells"):
        prove(town, cells=replace(town.cells, building_cells=twice))


def test_borders_of_other_cells_are_refused(town):
    from dataclasses import replace

    alien = replace(town.cells, borders=changed(town.cells.borders, 0, cell_a="alien"))
    with pytest.raises(InvalidInputError, match="row 1 names a cell"):
        cell_graph(alien, town.houses, crs=CRS)


def test_every_cell_needs_a_label(town):
    with pytest.raises(InvalidInputError, match="labels of shape"):
        grid_polygons(town.cells.cells, ["a"])
    labels = [None] * len(town.cells.cells)
    with pytest.raises(InvalidInputError, match="with gaps"):
        grid_polygons(town.cells.cells, labels)


def test_bands_run_from_north_to_south_and_within_them_west_to_east():
    x, y = [50, 250, 150, 50, 250], [290, 210, 250, 50, 60]
    assert reading_order(x, y, [10_000] * 5, "abcde").tolist() == [0, 2, 1, 3, 4]
    assert sequence_numbers(x, y, [10_000] * 5, "abcde").tolist() == [1, 3, 2, 4, 5]


def test_a_surviving_grid_keeps_its_number():
    numbers = sequence_numbers([0, 1, 2, 3], [0] * 4, [1] * 4, "abcd", {"c": 1, "a": 9, "gone": 2})
    assert numbers.tolist() == [9, 2, 1, 3]
    assert sequence_numbers([], [], [], []).tolist() == []


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20),
    st.permutations(range(20)),
)
def test_numbers_do_not_depend_on_the_order_of_rows(points, shuffle):
    order = [i for i in shuffle if i < len(points)]
    x, y = np.array(points, dtype=float).T
    keys = [f"key{i:02}" for i in range(len(points))]
    plain = sequence_numbers(x, y, np.ones(len(x)), keys)
    mixed = sequence_numbers(x[order], y[order], np.ones(len(x)), [keys[i] for i in order])
    assert sorted(plain) == list(range(1, len(points) + 1))
    assert mixed.tolist() == plain[order].tolist()


@pytest.mark.slow
def test_the_sample_subdistrict_is_cut_into_whole_grids():
    from gis.samples import generate_subdistrict

    layers = generate_subdistrict().layers
    names = ("quarters", "roads", "barriers", "crossings", "dedicated_areas")
    houses = layers["buildings"]
    cells = build_cells(
        layers["communities"],
        houses,
        **{name: layers.get(name) for name in names},
        crs=CRS,
        data_version="sample",
    )
    keyed = cell_graph(cells, houses, quarters=layers["quarters"], crs=CRS)
    plan = draw_grids(keyed.graph)
    grids = pd.DataFrame({"cell_id": keyed.cell_ids, "grid_id": [f"g{g}" for g in plan.grid]})
    polygons = verify_plan(layers["communities"], cells, houses, grids, crs=CRS)
    assert (polygons.geom_type == "Polygon").all()
    assert shapely.coverage_is_valid(polygons.to_numpy())
    simple = simplify_grids(polygons, 3, CRS).to_numpy()
    assert shapely.coverage_is_valid(simple)
    before, after = (shapely.get_num_coordinates(p).sum() for p in (polygons.to_numpy(), simple))
    assert after < before / 2
    assert plan.measures.share_in_range >= 0.95
    assert plan.measures.noncontiguous == 0
    assert plan.measures.dedicated.sum() == 2
