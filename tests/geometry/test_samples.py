"""The made-up subdistrict: what every seed and size must hold, measured in metres."""

import json
import os
import re
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given
from hypothesis import strategies as st
from opening_hours import OpeningHours
from pandas.testing import assert_frame_equal
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

import gis.frames
from gis.errors import ConflictError, DataSourceError, InvalidInputError
from gis.frames import POST_ROLES, Dataset
from gis.samples import generate_subdistrict, staff_posts
from gis.samples.communities import join_blocks
from gis.samples.people import apportion
from gis.samples.shapes import cut, smooth
from gis.services.samples import GEOPACKAGE, write_sample

pytestmark = pytest.mark.geometry

Plan = tuple[pd.DataFrame, pd.DataFrame]
METRES = "EPSG:4548"
STORED = Path(__file__).parents[2] / "data/boundaries/mingguang_sample.gpkg"
CITIES = [(13_600, 340_102), (4_000, 3), (4_000, 0), (9_000, 21)]
CONTRACTS = {name: getattr(gis.frames, name.upper()) for name in (
    "divisions", "communities", "quarters", "buildings", "units", "stations", "station_services",
    "roads", "barriers", "crossings", "pois", "organisations", "dedicated_areas", "incidents",
    "demands", "activities",
)}  # fmt: skip


@pytest.fixture(scope="module", params=CITIES, ids=lambda c: f"{c[0]}-{c[1]}")
def city(request: pytest.FixtureRequest):
    households, seed = request.param
    return generate_subdistrict(households=households, seed=seed)


@pytest.fixture(scope="module")
def default():
    return generate_subdistrict()


def metres(frame: gpd.GeoDataFrame):
    return frame.to_crs(METRES)


def homes(data: Dataset):
    return data.layers["buildings"].query("households > 0")


def test_it_says_that_it_is_made_up(city: Dataset):
    assert city.synthetic
    assert city.report["synthetic"] is True
    assert "fictional" in str(city.report["note"])
    assert city.layers["incidents"]["synthetic"].all()
    assert city.layers["demands"]["synthetic"].all()


@pytest.mark.slow
def test_every_frame_keeps_its_contract(city: Dataset):
    assert set(city.layers) == set(CONTRACTS)
    for name, frame in city.layers.items():
        assert_frame_equal(pd.DataFrame(CONTRACTS[name].conform(frame)), pd.DataFrame(frame))
        assert len(frame) > 0, name


def test_references_point_at_rows(city: Dataset):
    layers = city.layers
    for layer, column, target in (
        ("quarters", "community_id", "communities"),
        ("buildings", "community_id", "communities"),
        ("buildings", "quarter_id", "quarters"),
        ("units", "building_id", "buildings"),
        ("stations", "community_id", "communities"),
        ("station_services", "station_id", "stations"),
        ("activities", "station_id", "stations"),
        ("dedicated_areas", "community_id", "communities"),
        ("incidents", "building_id", "buildings"),
        ("incidents", "road_id", "roads"),
        ("incidents", "poi_id", "pois"),
        ("demands", "building_id", "buildings"),
    ):
        values = layers[layer][column].dropna()
        assert len(values) > 0, (layer, column)
        assert values.isin(layers[target]["id"]).all(), (layer, column)


def test_people_add_up(city: Dataset):
    buildings = city.layers["buildings"]
    households = int(city.report["households"])
    assert buildings["households"].sum() == households
    assert (buildings["elderly"] + buildings["children"] <= buildings["residents"]).all()
    assert (buildings["low_income_households"] <= buildings["households"]).all()
    assert (buildings.loc[buildings["households"] == 0, "residents"] == 0).all()
    residents = buildings["residents"].sum()
    assert residents == round(2.6 * households)
    assert buildings["elderly"].sum() / residents == pytest.approx(0.22, abs=0.001)
    assert buildings["children"].sum() / residents == pytest.approx(0.12, abs=0.001)
    assert 0.02 < buildings["low_income_households"].sum() / households < 0.06


def test_units_add_up_to_their_building(city: Dataset):
    units = city.layers["units"].groupby("building_id")["households"].sum()
    lived_in = homes(city).set_index("id")["households"]
    assert units.to_dict() == lived_in.to_dict()


def test_awkward_quarters_and_towers_are_there(city: Dataset):
    buildings = city.layers["buildings"]
    grouped = buildings.dropna(subset="quarter_id").groupby("quarter_id")["households"]
    assert 34 in set(grouped.sum())
    large = grouped.sum()[lambda total: total == 700].index
    assert len(large) > 0
    assert all(grouped.max()[large] < 500)
    towers = buildings.query("floors >= 24 and households > 0")
    assert 450 < towers["households"].max() <= 500
    assert (buildings.query("floors <= 6")["households"] > 0).any()
    assert (buildings["households"] == 0).mean() > 0.1
    assert buildings.geometry.map(lambda g: len(g.interiors)).max() >= 1
    gated = city.layers["quarters"]["gated"]
    assert gated.any()
    assert not gated.all()


def test_the_default_has_the_published_size(default: Dataset):
    area = metres(default.layers["divisions"]).area.sum()
    assert area == pytest.approx(1.19e6, rel=0.005)
    assert len(default.layers["communities"]) == 6
    assert 450 <= len(default.layers["buildings"]) <= 800
    assert len(default.layers["incidents"]) == 3_000
    assert len(default.layers["demands"]) == 1_500
    middle = default.layers["divisions"].union_all().centroid
    assert (middle.x, middle.y) == pytest.approx((117.31, 31.87), abs=0.005)
    assert set(default.layers["dedicated_areas"]["category"]) == {"market", "campus"}
    assert default.scope_code == "340102001"


def test_communities_tile_the_subdistrict(city: Dataset):
    communities, division = city.layers["communities"], city.layers["divisions"]
    assert shapely.coverage_is_valid(communities.geometry.to_numpy())
    union = metres(communities).union_all()
    whole = metres(division).union_all()
    assert union.geom_type == "Polygon"
    assert len(union.interiors) == 0
    assert union.symmetric_difference(whole).area < 1.0
    assert communities["code"].is_unique
    assert communities["code"].str.fullmatch(r"340102001\d{3}").all()
    lived_in = homes(city).groupby("community_id")["households"].sum()
    assert set(lived_in.index) == set(communities["id"])


def test_buildings_lie_in_their_community_and_off_its_line(city: Dataset):
    buildings, communities = metres(city.layers["buildings"]), metres(city.layers["communities"])
    shapes = communities.set_index("id").geometry
    own = gpd.GeoSeries(shapes[buildings["community_id"]].to_numpy(), crs=METRES)
    assert buildings.within(own).all()
    line = shapely.union_all(shapes.boundary.to_numpy())
    assert buildings.distance(line).min() > 3.0


def test_buildings_do_not_overlap(city: Dataset):
    shapes = metres(city.layers["buildings"]).geometry.to_numpy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (first == second).all()
    assert shapely.area(shapes).min() > 20


def test_nothing_stands_on_water_railway_or_roads(city: Dataset):
    buildings = metres(city.layers["buildings"])
    barriers, roads = metres(city.layers["barriers"]), metres(city.layers["roads"])
    for kind, clear_m in (("river", 17.0), ("railway", 13.0)):
        line = barriers[barriers["barrier_class"] == kind].union_all()
        assert buildings.distance(line).min() > clear_m
    assert not buildings.intersects(roads.union_all()).any()


def test_quarters_do_not_overlap_and_hold_their_buildings(city: Dataset):
    quarters, buildings = metres(city.layers["quarters"]), metres(city.layers["buildings"])
    shapes = quarters.geometry.to_numpy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="overlaps")
    assert shapely.area(shapely.intersection(shapes[first], shapes[second])).sum() < 0.5
    inside = buildings.dropna(subset="quarter_id")
    ground = gpd.GeoSeries(
        quarters.set_index("id").geometry[inside["quarter_id"]].to_numpy(), index=inside.index
    )
    assert inside.set_crs(None, allow_override=True).within(ground.buffer(0.02)).all()


def test_dedicated_areas_hold_no_homes(city: Dataset):
    areas = metres(city.layers["dedicated_areas"]).union_all()
    assert not metres(homes(city)).intersects(areas).any()


def test_entrances_are_on_the_outline(city: Dataset):
    buildings = city.layers["buildings"]
    entrances = gpd.GeoSeries(buildings["entrance"], crs=4326).to_crs(METRES)
    known = entrances.notna()
    assert known.mean() > 0.5
    away = entrances[known].distance(metres(buildings)[known].boundary)
    assert away.max() < 0.05


def test_ways_are_noded_and_connected(city: Dataset):
    ends = city.layers["roads"].geometry.map(lambda g: [g.coords[0], g.coords[-1]])
    points = np.array(ends.tolist()).reshape(-1, 2)
    _, place = np.unique(points, axis=0, return_inverse=True)
    pairs = place.reshape(-1, 2)
    count = int(pairs.max()) + 1
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count))
    assert connected_components(graph, directed=False)[0] == 1
    assert set(city.layers["roads"]["road_class"]) == {
        "arterial", "collector", "local", "service", "path",
    }  # fmt: skip


def test_river_and_railway_are_crossed_in_few_places(city: Dataset):
    crossings, barriers = metres(city.layers["crossings"]), metres(city.layers["barriers"])
    kinds = crossings["kind"].value_counts()
    assert (kinds["bridge"], kinds["underpass"], kinds["level_crossing"]) == (2, 1, 1)
    roads = metres(city.layers["roads"])
    river = barriers[barriers["barrier_class"] == "river"].union_all()
    railway = barriers[barriers["barrier_class"] == "railway"].union_all()
    assert roads[roads.crosses(river)]["bridge"].all()
    assert roads["tunnel"].any()
    over_rails = roads.geometry[roads.crosses(railway)]
    places = crossings[crossings["kind"].isin(["underpass", "level_crossing"])]
    assert over_rails.map(lambda g: places.distance(g).min()).max() < 0.1


def test_walled_quarters_have_few_gates_in_the_wall(city: Dataset):
    walls = metres(city.layers["barriers"]).query("barrier_class == 'wall'")
    gates = metres(city.layers["crossings"]).query("kind == 'gate'")
    assert len(walls) == city.layers["quarters"]["gated"].sum()
    assert gates.distance(walls.union_all()).max() < 0.05
    per_wall = walls.geometry.map(lambda wall: int((gates.distance(wall) < 0.05).sum()))
    assert per_wall.max() <= 2
    assert (per_wall >= 1).mean() > 0.7


def test_ways_pass_walls_at_gates_only(city: Dataset):
    walls = metres(city.layers["barriers"]).query("barrier_class == 'wall'").union_all()
    gates = metres(city.layers["crossings"]).query("kind == 'gate'").union_all()
    roads = metres(city.layers["roads"])
    meeting = roads.geometry.intersection(walls)
    assert meeting[~meeting.is_empty].distance(gates).max() < 0.1


def test_stations_of_every_tier_and_state(city: Dataset):
    stations, offers = city.layers["stations"], city.layers["station_services"]
    assert set(stations["tier"]) == {"hub", "center", "community", "quarter", "partner"}
    assert {"planned", "open"} <= set(stations["status"])
    assert stations["temporary"].sum() == 1
    fair = stations[stations["temporary"]].iloc[0]
    assert fair["opens_on"] < fair["closes_on"]
    assert stations["id"].isin(offers["station_id"]).all()
    assert offers["opening_hours"].isna().any()
    assert set(offers["fee_class"]) == {"public", "low_fee", "market"}
    assert (offers["capacity"] > 0).all()
    inside = stations.within(city.layers["divisions"].union_all())
    assert inside.all()


def test_some_services_travel(city: Dataset):
    offers = city.layers["station_services"]
    travelling = offers[offers["mode"] != "on_site"]
    assert set(travelling["service"]) >= {"canteen", "elderly_care", "convenience"}
    assert set(travelling["delivery_by"]) == {"walking", "riding"}
    assert (travelling["delivery_reach_m"] > 0).all()
    for text in travelling["delivery_hours"]:
        assert OpeningHours(text) is not None
    assert offers.loc[offers["mode"] == "on_site", "delivery_capacity"].isna().all()


def test_activities_keep_to_their_places_and_dates(city: Dataset):
    activities = city.layers["activities"]
    assert (activities["starts_at"] < activities["ends_at"]).all()
    counted = activities.dropna(subset=["attendance", "places"])
    assert (counted["attendance"] <= counted["places"]).all()
    announced = activities["starts_at"] >= pd.Timestamp("2026-11-01", tz="Asia/Shanghai")
    assert activities.loc[announced, "attendance"].isna().all()
    assert activities.loc[~announced, "attendance"].notna().all()
    assert activities["synthetic"].all()
    assert {"elderly", "child", "general"} <= set(activities["served_group"])


def test_the_default_has_a_closed_station(default: Dataset):
    closed = default.layers["stations"].query("status == 'closed'")
    assert len(closed) == 1
    assert closed["closes_on"].notna().all()


def test_hours_parse(city: Dataset):
    hours = city.layers["station_services"]["opening_hours"].dropna().unique()
    for text in hours:
        assert OpeningHours(text) is not None
    assert {"24/7", "Mo-Fr 08:00-20:00; Sa,Su 09:00-21:00"} <= set(hours)


def test_part_of_the_homes_is_uncovered_at_night(default: Dataset):
    """What is open at 22:00 leaves a real gap at 500 m, so that the map has something to say."""
    offers = default.layers["station_services"]
    night = pd.Timestamp("2026-06-10 22:00").to_pydatetime()
    awake = offers[
        offers["opening_hours"].map(lambda h: bool(h) and OpeningHours(h).is_open(night))
    ]
    stations = metres(default.layers["stations"])
    open_now = stations[stations["id"].isin(awake["station_id"]) & (stations["status"] == "open")]
    buildings = metres(homes(default))
    near = buildings.distance(open_now.union_all()) <= 500
    share = buildings.loc[near, "households"].sum() / buildings["households"].sum()
    assert 0.1 < share < 0.9


def test_matters_have_the_rhythm_of_a_year(default: Dataset):
    zone = ZoneInfo("Asia/Shanghai")
    for name in ("incidents", "demands"):
        local = default.layers[name]["occurred_at"].dt.tz_convert(zone)
        assert local.min() >= pd.Timestamp("2025-11-01", tz=zone)
        assert local.max() < pd.Timestamp("2026-11-01", tz=zone)
        assert local.dt.month.nunique() == 12
        by_hour = local.dt.hour.value_counts()
        assert by_hour.reindex(range(8, 20)).mean() > 4 * by_hour.reindex(range(2, 5)).mean()
    incidents = default.layers["incidents"]
    local = incidents["occurred_at"].dt.tz_convert(zone)
    at_home = incidents["category"] == "parking"
    assert local[at_home].dt.hour.median() > local[~at_home].dt.hour.median()


def test_matters_have_hot_spots_where_one_expects_them(default: Dataset):
    buildings = default.layers["buildings"].set_index("id")
    incidents = default.layers["incidents"].dropna(subset="building_id")
    floors = buildings.loc[incidents["building_id"], "floors"].to_numpy()
    leaks = (incidents["category"] == "roof_leak").to_numpy()
    disputes = (incidents["category"] == "property_dispute").to_numpy()
    assert (floors[leaks] <= 6).mean() > 0.7
    assert (floors[disputes] > 6).mean() > 0.7
    per_building = incidents["building_id"].value_counts()
    busiest = per_building.head(len(homes(default)) // 10).sum()
    assert busiest / per_building.sum() > 0.3


def test_a_handful_of_matters_lie_outside(city: Dataset):
    whole = city.layers["divisions"].union_all()
    for name in ("incidents", "demands"):
        frame = city.layers[name]
        outside = frame[~frame.within(whole)]
        assert 1 <= len(outside) <= 12
        assert outside["building_id"].isna().all()


def test_demands_say_what_and_for_whom(city: Dataset):
    demands = city.layers["demands"]
    assert demands["service"].nunique() >= 8
    assert demands["served_group"].nunique() == 5
    meals = demands.query("service == 'canteen'")["served_group"]
    assert (meals == "elderly").mean() > 0.5


def test_texts_name_no_person(city: Dataset):
    for name in ("incidents", "demands"):
        texts = city.layers[name]["description"]
        assert not texts.str.contains(r"\d{7,}|先生|女士|居民[张王李赵]|{").any()


@pytest.mark.slow
def test_same_seed_same_frames_in_another_process_order(default: Dataset):
    again = generate_subdistrict(households=13_600, seed=340_102)
    for name, frame in default.layers.items():
        assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(again.layers[name]))


@pytest.mark.slow
def test_another_seed_is_another_city(default: Dataset):
    other = generate_subdistrict(seed=7)
    assert other.layers["buildings"]["households"].sum() == 13_600
    assert not set(other.layers["buildings"]["id"]) & set(default.layers["buildings"]["id"])
    overlap = (
        other.layers["divisions"]
        .union_all()
        .symmetric_difference(default.layers["divisions"].union_all())
    )
    assert overlap.area > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
@pytest.mark.parametrize("households", [4_000, 6_500, 13_600])
def test_many_seeds_hold_the_essentials(households: int, seed: int):
    data = generate_subdistrict(households=households, seed=seed)
    test_people_add_up(data)
    test_awkward_quarters_and_towers_are_there(data)
    test_communities_tile_the_subdistrict(data)
    test_buildings_lie_in_their_community_and_off_its_line(data)
    test_buildings_do_not_overlap(data)
    test_nothing_stands_on_water_railway_or_roads(data)
    test_ways_are_noded_and_connected(data)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"households": 3_999}, "households"),
        ({"households": 60_001}, "households"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_orders_are_refused(arguments: dict[str, int], field: str):
    with pytest.raises(InvalidInputError) as caught:
        generate_subdistrict(**arguments)
    assert caught.value.context["field"] == field
    assert caught.value.remedy


@pytest.fixture(scope="module")
def plan(default: Dataset):
    """Grids of equal numbers of buildings, and one dedicated grid."""
    buildings = default.layers["buildings"]
    names = [f"grid-{k:02d}" for k in range(34)]
    rank = np.arange(len(buildings)) * 34 // len(buildings)
    grids = pd.DataFrame(
        {
            "id": [*names, "market"],
            "kind": ["basic"] * 34 + ["dedicated"],
            "community_id": "c",
            "sequence": range(1, 36),
        }
    )
    return grids, pd.DataFrame(
        {"building_id": buildings["id"], "grid_id": [names[k] for k in rank]}
    )


@pytest.fixture(scope="module")
def posts(default: Dataset, plan: Plan):
    layers = default.layers
    return staff_posts(*plan, layers["buildings"], layers["units"], seed=5, start=date(2026, 1, 1))


class TestPosts:
    def test_numbers_are_the_published_ones(self, posts: pd.DataFrame):
        counts = posts["role"].value_counts()
        assert counts["grid_worker"] == 165
        assert counts["grid_informant"] == 165
        assert counts["grid_leader"] == 35
        assert set(counts.index) == set(POST_ROLES)

    def test_workers_follow_households(self, posts: pd.DataFrame, default: Dataset, plan: Plan):
        _, membership = plan
        buildings = default.layers["buildings"].set_index("id")["households"]
        grid_of = membership.set_index("building_id")["grid_id"]
        households = buildings.groupby(grid_of).sum()
        workers = posts.query("role == 'grid_worker'").groupby("grid_id").size()
        expected = households * 165 / 13_600
        assert (workers.reindex(households.index, fill_value=0) - expected).abs().max() <= 1
        assert "market" not in workers.index

    def test_each_post_covers_one_thing(self, posts: pd.DataFrame):
        covered = posts[["grid_id", "building_id", "unit_id"]].notna().sum(axis=1)
        assert (covered == 1).all()

    def test_a_and_b_posts(self, posts: pd.DataFrame):
        backup = posts.groupby("role")["backup"].mean()
        assert 0.3 < backup["grid_worker"] < 0.6
        assert backup["building_leader"] == 0

    def test_most_homes_have_a_leader(self, posts: pd.DataFrame, default: Dataset):
        led = posts["building_id"].dropna()
        assert led.is_unique
        lived_in = homes(default)["id"]
        assert led.isin(lived_in).all()
        assert 0.78 < len(led) / len(lived_in) < 0.92

    def test_tokens_are_opaque_and_hours_parse(self, posts: pd.DataFrame):
        assert posts["person_token"].is_unique
        assert posts["person_token"].str.fullmatch(r"p-[0-9a-f]{20}").all()
        for hours in posts["duty_hours"].unique():
            assert OpeningHours(hours) is not None

    def test_same_seed_same_posts(self, posts: pd.DataFrame, default: Dataset, plan: Plan):
        layers = default.layers
        shuffled = plan[0].sample(frac=1, random_state=1), plan[1].sample(frac=1, random_state=2)
        order = (*shuffled, layers["buildings"], layers["units"])
        again = staff_posts(*order, seed=5, start=date(2026, 1, 1))
        assert_frame_equal(posts, again)
        other = staff_posts(*order, seed=6, start=date(2026, 1, 1))
        assert not set(other["person_token"]) & set(posts["person_token"])

    def test_no_grids_no_grid_posts(self, default: Dataset, plan: Plan):
        layers = default.layers
        empty = plan[0].iloc[:0], plan[1].iloc[:0]
        posts = staff_posts(
            *empty, layers["buildings"], layers["units"], seed=5, start=date(2026, 1, 1)
        )
        assert set(posts["role"]) == {"building_leader", "unit_leader"}


@given(
    st.integers(0, 10_000),
    st.lists(st.floats(0, 100, allow_subnormal=False), min_size=1, max_size=30),
)
def test_apportion_adds_up_and_is_fair(total: int, weights: list[float]):
    shares = apportion(total, weights)
    if sum(weights) == 0:
        assert shares.sum() == 0
        return
    assert shares.sum() == total
    exact = total * np.array(weights) / sum(weights)
    assert (np.abs(shares - exact) < 1 + 1e-6).all()


@given(st.data())
def test_apportion_keeps_below_the_ceiling(data: st.DataObject):
    ceiling = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=20))
    total = data.draw(st.integers(0, 400))
    shares = apportion(total, np.ones(len(ceiling)), ceiling)
    assert (shares <= ceiling).all()
    assert shares.sum() == min(total, sum(ceiling))


def test_smooth_keeps_both_ends():
    line = smooth([(0, 0), (10, 0), (10, 10)], 3)
    assert line[0] == pytest.approx([0, 0])
    assert line[-1] == pytest.approx([10, 10])
    assert len(line) == 10


def test_cut_keeps_the_area():
    square = shapely.box(0, 0, 10, 10)
    pieces = cut(square, shapely.LineString([(-1, 3), (11, 7)]))
    assert len(pieces) == 2
    assert sum(p.area for p in pieces) == pytest.approx(100)


def test_communities_follow_the_barriers():
    """Two rows of blocks with a river between them become the two sides of the river."""
    from gis.samples.layout import Layout, Street

    faces = tuple(shapely.box(x, y, x + 100, y + 100) for y in (100, 0) for x in (0, 100, 200))
    river = shapely.LineString([(0, 100), (300, 100)])
    lanes = [shapely.LineString([(x, 0), (x, 200)]) for x in (100, 200)]
    streets = tuple(Street(f"s{k}", "local", line, 10.0) for k, line in enumerate(lanes))
    far = shapely.LineString([(0, -500), (300, -500)])
    layout = Layout(shapely.box(0, 0, 300, 200), faces, faces, streets, river, far)
    label = join_blocks(layout, np.full(6, 700))
    assert label.tolist() == [0, 0, 0, 1, 1, 1]


class TestFiles:
    @pytest.mark.slow
    def test_files_hold_the_frames(self, default: Dataset, tmp_path: Path):
        files = write_sample(default, tmp_path / "out")
        names = {file.name for file in files}
        assert {GEOPACKAGE, "incidents.csv", "demands.csv", "units.csv", "report.json"} <= names
        incidents = pd.read_csv(tmp_path / "out/incidents.csv")
        assert len(incidents) == 3_000
        assert incidents["lon"].between(117.2, 117.4).all()
        report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
        assert report["synthetic"] is True
        for name, frame in default.layers.items():
            if isinstance(frame, gpd.GeoDataFrame):
                assert_geodataframe_equal(stored_layer(tmp_path / "out" / GEOPACKAGE, name), frame)

    def test_a_folder_with_files_is_left_alone(self, default: Dataset, tmp_path: Path):
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(ConflictError, match="there already"):
            write_sample(default, tmp_path)
        assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]

    def test_a_failure_leaves_nothing_behind(self, default: Dataset, tmp_path: Path):
        def full_disk(name: str) -> None:
            if name == "roads":
                raise OSError(28, os.strerror(28))

        with pytest.raises(DataSourceError, match=re.escape(os.strerror(28))):
            write_sample(default, tmp_path / "out", progress=full_disk)
        assert list(tmp_path.iterdir()) == []


def stored_layer(path: Path, name: str) -> gpd.GeoDataFrame:
    """Read a layer back as its contract has it."""
    frame = pyogrio.read_dataframe(path, layer=name)
    for column, _ in CONTRACTS[name].extra_geometries:
        if column in frame:
            texts = frame[column].astype(object).where(frame[column].notna(), None)
            frame[column] = shapely.from_wkt(texts.to_numpy())
    out: gpd.GeoDataFrame = CONTRACTS[name].conform(frame)
    # The format keeps milliseconds.
    times = out.select_dtypes("datetimetz").columns
    return out.astype(dict.fromkeys(times, "datetime64[us, UTC]"))


@pytest.mark.slow
def test_the_stored_sample_is_what_the_generator_draws(default: Dataset):
    """``data/boundaries/README.md`` says how to draw it again after a wanted change."""
    names = {name for name, _ in pyogrio.list_layers(STORED)}
    spatial = {n for n, f in default.layers.items() if isinstance(f, gpd.GeoDataFrame)}
    assert names == spatial
    assert STORED.stat().st_size < 3_000_000
    for name in sorted(names):
        assert_geodataframe_equal(stored_layer(STORED, name), default.layers[name])
