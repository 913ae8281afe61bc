"""Fields, isochrones and gaps by walking: what they must be, on drawn, random and real ground."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gis.coverage.field import field_ground, walk_field
from gis.coverage.gaps import gap_polygons
from gis.coverage.isochrones import (
    isochrones,
    reached_ground,
    station_isochrones,
    walking_gaps,
)
from gis.errors import InvalidInputError
from gis.geometry.crs import projected_crs, to_lonlat, to_projected
from gis.ingest import HouseholdOptions, read_boundary, read_osm
from gis.ingest.mapped import read_mapped
from gis.ingest.mapping_file import read_mapping
from gis.network import SPEEDS, build_walk_graph, nearest, snap, snap_buildings
from tests.geometry.field_ground import AT, FieldTown, town
from tests.geometry.network_ground import (
    CRS,
    barriers,
    random_town,
    roads,
    shifted,
    walked,
)

pytestmark = pytest.mark.geometry
SHARED = Path(__file__).parents[3] / "shared/data"
MAPPING = Path(__file__).parents[2] / "docs/examples/shanghai-bund.mapping.toml"
seeds = st.integers(0, 10_000)


def reached_from(graph, xy, limit_m, cell_m=25):
    """Return the ground within a limit of one place of a drawing, in metres of the drawing."""
    field = walk_field(graph, field_ground(graph, cell_m=cell_m), snap(graph, AT + np.array([xy])))
    return shapely.transform(reached_ground(field, limit_m), lambda at: at - AT)


def test_one_straight_road_gives_two_triangles_and_half_a_disc():
    graph = build_walk_graph(roads([(0, 0), (600, 0)]), CRS)
    ground = reached_from(graph, (0, 0), 200)
    expected = 200**2 + np.pi * 200**2 / 2
    assert ground.area == pytest.approx(expected, rel=0.001)
    assert ground.contains(shapely.Point(195, 0))
    assert not ground.intersects(shapely.Point(205, 0))
    assert not ground.intersects(shapely.Point(150, 60))
    exact = reached_from(graph, (0, 0), 200, cell_m=5)
    assert exact.area == pytest.approx(expected, rel=0.0001)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_field_is_what_a_search_by_hand_finds(seed):
    rng = np.random.default_rng(seed)
    plan = random_town(rng)
    graph = build_walk_graph(plan.roads, CRS)
    stations = rng.uniform(0, 400, (2, 2))
    field = walk_field(graph, field_ground(graph, reach_m=150), snap(graph, AT + stations))
    rows, columns = (rng.integers(0, size, 12) for size in field.cost_m.shape)
    places = np.column_stack([field.ground.x_m[columns], field.ground.y_m[rows]]) - AT
    expected = walked(plan, places, stations, reach=150)[:, :, 0].min(axis=1)
    found = np.nan_to_num(field.cost_m[rows, columns], nan=np.inf)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(
        np.nan_to_num(field.at(places + AT).cost_m, nan=np.inf), found, atol=1e-9
    )


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.lists(st.floats(5, 900), min_size=2, max_size=4))
def test_isochrones_grow(seed, limits):
    ground = town(seed)
    found = [reached_ground(ground.field, limit) for limit in sorted(limits)]
    for less, more in pairwise(found):
        assert less.is_valid
        assert less.difference(more).area < 1e-6
    frame = isochrones(
        ground.field, sorted(limits), CRS, buildings=ground.buildings, cost_m=ground.cost_m
    )
    settled = frame.geometry.to_crs(CRS).to_numpy()
    for less, more in pairwise(settled):
        assert less.difference(more).area < 1e-3


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(30, 600))
def test_places_of_the_raster_are_on_their_side(seed, limit):
    field = town(seed).field
    ground = reached_ground(field, limit)
    x, y = np.meshgrid(field.ground.x_m, field.ground.y_m)
    inside = shapely.contains_xy(ground, x, y)
    assert (inside == (field.cost_m <= limit)).all()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(30, 600))
def test_every_building_is_where_its_verdict_says(seed, limit):
    ground = town(seed)
    frame = isochrones(ground.field, [limit], CRS, buildings=ground.buildings, cost_m=ground.cost_m)
    area = frame.geometry.iloc[0]
    assert area.is_valid
    covered = ground.walk.cost_m <= limit
    shapes = ground.buildings.geometry.to_numpy()
    held = shapely.area(shapely.intersection(area, shapes)) / shapely.area(shapes)
    np.testing.assert_allclose(held, covered, atol=1e-6)


def test_a_lake_out_of_reach_is_a_hole():
    ring = [(0, 0), (1400, 0), (1400, 1400), (0, 1400), (0, 0)]
    graph = build_walk_graph(roads(ring), CRS)
    ground = reached_from(graph, (0, 0), 5000)
    assert len(ground.geoms) == 1
    [lake] = ground.geoms[0].interiors
    # Reach ends somewhere between two places.
    assert (800 - 2 * 25) ** 2 < shapely.Polygon(lake).area <= 800**2


def test_a_lake_behind_its_shore_is_a_hole_however_small():
    ring = [(0, 0), (300, 0), (300, 300), (0, 300), (0, 0)]
    shore = [(60, 60), (240, 60), (240, 240), (60, 240), (60, 60)]
    dry = build_walk_graph(roads(ring), CRS)
    wet = build_walk_graph(roads(ring), CRS, barriers=barriers(shore, kind="river"))
    assert not reached_from(dry, (0, 0), 2000).geoms[0].interiors
    ground = reached_from(wet, (0, 0), 2000)
    [lake] = ground.geoms[0].interiors
    assert shapely.Polygon(lake).area == pytest.approx(180**2, rel=0.15)


def test_one_field_answers_every_speed():
    field = town(4).field
    ten_minutes, fifteen = (
        reached_ground(field, minutes * 60 * SPEEDS[who])
        for minutes, who in ((10, "adult"), (15, "elderly"))
    )
    assert shapely.equals_exact(ten_minutes, fifteen, tolerance=1e-6)


def test_nothing_serves_and_nothing_is_reached():
    ground = town(1)
    nothing = walk_field(ground.graph, ground.field.ground, ground.stations, np.zeros(3, bool))
    assert reached_ground(nothing, 500).is_empty
    assert isochrones(nothing, [500], CRS)["area_m2"].tolist() == [0]
    empty = build_walk_graph(roads(), CRS)
    field = walk_field(empty, field_ground(empty), snap(empty, AT[None]))
    assert reached_ground(field, 500).is_empty


def test_stations_by_themselves():
    ground = town(8, stations=4)
    far = snap(ground.graph, np.concatenate([ground.xy_m, AT[None] + 9_000]))
    frame = station_isochrones(ground.graph, ground.field.ground, far, 250, CRS)
    assert frame["station"].tolist() == [0, 1, 2, 3, 4]
    assert frame["area_m2"].iloc[4] == 0
    for row in range(4):
        serving = np.arange(5) == row
        whole = reached_ground(walk_field(ground.graph, ground.field.ground, far, serving), 250)
        found = frame.geometry.to_crs(CRS).iloc[row]
        assert shapely.symmetric_difference(whole, found).area < 1e-3


def scope_of(box):
    return to_lonlat(np.array([shifted(shapely.box(*box))], dtype=object), CRS)[0]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(30, 500))
@example(330, 211.0)  # a part that rounding to degrees folds
def test_gaps_hold_everybody_who_is_not_reached(seed, limit):
    ground = town(seed)
    scope = scope_of((-100, -100, 500, 500))
    given_ = {"buildings": ground.buildings, "cost_m": ground.cost_m}
    gaps = walking_gaps(scope, ground.field, limit, CRS, **given_)
    beyond = ~(ground.walk.cost_m <= limit)
    assert gaps.get("households", np.zeros(0)).sum() == ground.buildings["households"][beyond].sum()
    assert gaps.geometry.is_valid.all()
    reached = isochrones(ground.field, [limit], CRS, **given_).geometry.to_crs(CRS).iloc[0]
    inside = shapely.intersection(reached, to_projected([scope], CRS)[0]).area
    assert gaps["area_m2"].sum() + inside == pytest.approx(600**2, rel=1e-6)
    straight = gap_polygons(scope, [], 100, CRS, buildings=ground.buildings)
    assert list(gaps.columns) == list(straight.columns)


def test_small_gaps_where_nobody_lives_are_left_out():
    ground = town(2)
    scope = scope_of((-400, -400, 800, 800))
    every = walking_gaps(scope, ground.field, 300, CRS)
    large = walking_gaps(scope, ground.field, 300, CRS, minimum_area_m2=5_000)
    assert list(every.columns) == ["area_m2", "geometry"]
    assert (large["area_m2"] >= 5_000).all()
    assert len(large) < len(every)


def test_a_window_has_the_places_of_the_whole():
    ground = town(3)
    whole = ground.field.ground
    west, south = whole.x_m[4], whole.y_m[6]
    part = whole.window((west, south, west + 130, south + 80))
    assert part.x_m[0] == west
    assert part.x_m[-1] >= west + 130
    again = field_ground(ground.graph, scope_m=shapely.box(west, south, west + 130, south + 80))
    assert np.isin(part.x_m, again.x_m).all()
    rows = np.isin(again.y_m, part.y_m)[:, None] & np.isin(again.x_m, part.x_m)
    assert (again.places.edge.reshape(again.shape)[rows] == part.places.edge).all()


def test_what_cannot_be_asked():
    ground = town(1)
    with pytest.raises(InvalidInputError, match="radius of 0"):
        reached_ground(ground.field, 0)
    with pytest.raises(InvalidInputError, match="cell of 0"):
        field_ground(ground.graph, cell_m=0)
    with pytest.raises(InvalidInputError, match="too many for a field"):
        field_ground(ground.graph, scope_m=shapely.box(0, 0, 1e6, 1e6))
    with pytest.raises(InvalidInputError, match="no cost of their walks"):
        isochrones(ground.field, [100], CRS, buildings=ground.buildings)
    with pytest.raises(InvalidInputError, match="not on the index"):
        isochrones(
            ground.field,
            [100],
            CRS,
            buildings=ground.buildings,
            cost_m=ground.cost_m.reset_index(drop=True),
        )


# --- real ground ---


def real_town(data, stations=None):
    """Return a city with its first stations, each from the place it stands on."""
    layers = data.layers
    buildings = layers["buildings"]
    centre = buildings.geometry.iloc[0].representative_point()
    crs = projected_crs(centre.x, centre.y)
    more = {name: layers.get(name) for name in ("barriers", "crossings", "quarters")}
    graph = build_walk_graph(layers["roads"], crs, **more)
    points = to_projected(layers["stations"].geometry.to_numpy()[:stations], crs)
    on = snap(graph, shapely.get_coordinates(points))
    origins = snap_buildings(graph, buildings, crs)
    field = walk_field(graph, field_ground(graph), on)
    walk = nearest(graph, origins, on)
    return FieldTown(graph, on, field, buildings, walk, origins.from_xy_m), crs


def check_verdicts(city, crs, limits):
    """Prove that field and verdicts agree where people leave their buildings."""
    frame = isochrones(city.field, limits, crs, buildings=city.buildings, cost_m=city.cost_m)
    inner = city.buildings.geometry.representative_point()
    for limit, area in zip(limits, frame.geometry, strict=True):
        covered = city.walk.cost_m <= limit
        plain = reached_ground(city.field, limit)
        inside = shapely.contains_xy(plain, *city.xy_m.T)
        assert plain.is_valid
        assert area.is_valid
        assert (inside & ~covered).sum() <= 0.025 * covered.sum()
        assert (covered & ~inside).sum() <= 0.025 * covered.sum()
        shapely.prepare(area)
        settled = shapely.contains_xy(area, inner.x, inner.y)
        assert (settled != covered).mean() <= 0.001  # footprints that overlap


def needs(path):
    return pytest.mark.skipif(not path.exists(), reason=f"../{path} is not on this machine")


@pytest.mark.realdata
@pytest.mark.slow
@needs(SHARED / "osm/helsinki_small.osm.pbf")
def test_helsinki_agrees_with_its_buildings():
    path = SHARED / "osm/helsinki_small.osm.pbf"
    city, crs = real_town(read_osm(path, households=HouseholdOptions(known_total=5_000)))
    check_verdicts(city, crs, [300, 500, 1000])


@pytest.mark.realdata
@pytest.mark.slow
@needs(SHARED / "shanghai/shanghai_bund.geojson")
def test_shanghai_agrees_with_its_buildings():
    data = read_mapped(SHARED / "shanghai/shanghai_bund.geojson", read_mapping(MAPPING))
    check_verdicts(*real_town(data), [300, 500, 1000])


@pytest.mark.realdata
@pytest.mark.slow
@needs(SHARED / "osm/las_palmas.osm.pbf")
def test_las_palmas_agrees_with_its_buildings():
    folder = SHARED / "osm"
    boundary = read_boundary(folder / "las_palmas_boundary.geojson")
    data = read_osm(folder / "las_palmas.osm.pbf", boundary=boundary)
    city, crs = real_town(data, stations=60)
    check_verdicts(city, crs, [300, 500, 1000])
    gaps = walking_gaps(
        boundary, city.field, 500, crs, buildings=city.buildings, cost_m=city.cost_m
    )
    beyond = ~(city.walk.cost_m <= 500)
    assert gaps["residents"].sum() == city.buildings["residents"][beyond].sum()
    own = station_isochrones(city.graph, city.field.ground, city.stations, 500, crs)
    together = shapely.union_all(own.geometry.to_crs(crs).to_numpy())
    whole = reached_ground(city.field, 500)
    # One field of all and the union of each differ by how borders run between four places.
    assert shapely.symmetric_difference(together, whole).area < 0.02 * whole.area
