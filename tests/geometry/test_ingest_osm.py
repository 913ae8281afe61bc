"""Small towns written as OpenStreetMap XML, read to data sets."""

import re
from pathlib import Path

import numpy as np
import osmium
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

import gis.frames
from gis.errors import DataSourceError, GeometryError, InvalidInputError
from gis.frames import Dataset
from gis.geometry.tessellation import tessellation_problems
from gis.ingest import ATTRIBUTION, HouseholdOptions, read_osm
from tests.data.osm_town import OsmTown, metres, outline, street_town

pytestmark = pytest.mark.geometry

CONTRACTS = {
    contract.name: contract
    for contract in vars(gis.frames).values()
    if isinstance(contract, gis.frames.FrameContract)
}


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory):
    path = street_town().write(tmp_path_factory.mktemp("osm") / "blocks.osm")
    return path, read_osm(path, boundary=outline(1200, 1200), community_size=1500)


def test_every_layer_keeps_its_contract(blocks: tuple[Path, Dataset]):
    _, data = blocks
    assert set(data.layers) == {
        "divisions",
        "communities",
        "quarters",
        "buildings",
        "roads",
        "barriers",
        "crossings",
        "stations",
        "station_services",
        "pois",
    }
    for name, frame in data.layers.items():
        assert_frame_equal(
            pd.DataFrame(CONTRACTS[name].conform(frame)), pd.DataFrame(frame), obj=name
        )
    assert data.report["attribution"] == ATTRIBUTION


def test_derived_communities_tile_the_ground_and_hold_each_building_once(
    blocks: tuple[Path, Dataset],
):
    _, data = blocks
    communities, buildings = data.layers["communities"], data.layers["buildings"]
    assert communities["derived"].all()
    parts = metres(communities.geometry)
    assert tessellation_problems(parts, metres([outline(1200, 1200)])[0]) == []
    assert {part.geom_type for part in parts} == {"Polygon"}
    points = shapely.point_on_surface(buildings.geometry.to_numpy())
    inside = np.array([shapely.intersects(community, points) for community in communities.geometry])
    assert (inside.sum(axis=0) == 1).all()
    named = communities["id"].to_numpy()[inside.argmax(axis=0)]
    assert (named == buildings["community_id"].to_numpy()).all()


def test_derived_communities_are_balanced_and_coded_from_north_to_south(
    blocks: tuple[Path, Dataset],
):
    _, data = blocks
    communities = data.layers["communities"]
    homes = data.layers["buildings"].groupby("community_id")["households"].sum()
    # 36 blocks of 4 × 48 households, about 1,500 each.
    assert homes.sum() == 36 * 4 * 48
    assert len(homes) == len(communities) == 5
    assert homes.between(1000, 1800).all()
    assert communities["code"].tolist() == [f"{data.scope_code[:9]}{n:03d}" for n in range(1, 6)]
    assert data.scope_code.startswith("99")
    middle = shapely.get_coordinates(shapely.point_on_surface(metres(communities.geometry)))
    assert middle[0, 1] > middle[-1, 1]


def test_divisions_are_the_ground_of_the_communities(blocks: tuple[Path, Dataset]):
    _, data = blocks
    divisions = data.layers["divisions"].set_index("level")
    assert divisions.loc["subdistrict", "code"] == data.scope_code
    assert divisions.loc["subdistrict", "parent_code"] == divisions.loc["county", "code"]
    whole = shapely.union_all(data.layers["communities"].geometry.to_numpy())
    assert divisions.loc["subdistrict", "geometry"].equals(whole)


def test_the_same_file_gives_the_same_frames(blocks: tuple[Path, Dataset]):
    path, first = blocks
    second = read_osm(path, boundary=outline(1200, 1200), community_size=1500)
    for name, frame in first.layers.items():
        assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(second.layers[name]), obj=name)
    measured = {"seconds", "peak_memory_mb"}
    one, other = (
        {key: fact for key, fact in data.report.items() if key not in measured}
        for data in (first, second)
    )
    assert one == other


@pytest.mark.parametrize("known", [0, 1, 999, 7001])
def test_households_add_up_to_the_known_total(blocks: tuple[Path, Dataset], known: int):
    path, _ = blocks
    data = read_osm(
        path, boundary=outline(600, 600), households=HouseholdOptions(known_total=known)
    )
    assert data.layers["buildings"]["households"].sum() == known
    assert data.report["households"] == known


def test_a_bounding_box_or_nothing_takes_the_place_of_a_boundary(blocks: tuple[Path, Dataset]):
    path, _ = blocks
    whole = read_osm(path)
    assert len(whole.layers["buildings"]) == 36 * 4
    west, south, east, north = outline(400, 400).bounds
    part = read_osm(path, bbox=(west, south, east, north))
    assert len(part.layers["buildings"]) == 4 * 4
    with pytest.raises(InvalidInputError, match="lon before lat"):
        read_osm(path, bbox=(east, south, west, north))


def test_progress_is_told_from_nothing_to_all(blocks: tuple[Path, Dataset]):
    path, _ = blocks
    told = []
    read_osm(path, progress=lambda step, share: told.append((step, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[0][1] == 0.0
    assert told[-1] == ("done", 1.0)


def admin_town(tmp_path: Path, widths: tuple[int, ...]):
    town = street_town(columns=3, rows=2)
    west = 0.0
    for number, width in enumerate(widths):
        ring = town.ring(west, -50, width, 500)
        town.relation(
            [(ring, "outer")],
            type="boundary",
            boundary="administrative",
            admin_level="10",
            name=f"社区{number}",
        )
        west += width
    return town.write(tmp_path / "admin.osm")


def test_published_communities_are_used_if_they_cover_the_ground(tmp_path: Path):
    path = admin_town(tmp_path, (300, 280))  # 580 of 600 m: the strip at the end is a gap
    data = read_osm(path, boundary=outline(600, 400))
    communities = data.layers["communities"]
    assert data.report["admin_level"] == 10
    assert not communities["derived"].any()
    assert communities["name"].tolist() == ["社区0", "社区1"]
    parts = metres(communities.geometry)
    assert tessellation_problems(parts, metres([outline(600, 400)])[0]) == []
    assert shapely.area(parts) == pytest.approx([300 * 400, 300 * 400], rel=1e-3)


def test_published_communities_that_leave_much_open_are_not_used(tmp_path: Path):
    data = read_osm(admin_town(tmp_path, (300, 200)), boundary=outline(600, 400))
    assert data.report["admin_level"] is None
    assert data.report["admin_coverage"] == pytest.approx(500 / 600, abs=0.01)
    assert data.layers["communities"]["derived"].all()


def test_an_uninhabited_islet_joins_the_nearest_community(tmp_path: Path):
    path = street_town().write(tmp_path / "islet.osm")
    islet = outline(60, 60, west=1300, south=500)
    data = read_osm(path, boundary=outline(1200, 1200).union(islet), community_size=1500)
    communities = data.layers["communities"]
    assert len(communities) == 5
    of_islet = communities[communities.intersects(islet.representative_point())]
    assert of_islet.geometry.iloc[0].geom_type == "MultiPolygon"
    east = metres(of_islet.geometry)[0]
    assert east.distance(shapely.Point(1199, 500)) < 250


def river_town():
    """Return two rows of houses with a river and a railway between them, and ways across."""
    town = OsmTown()
    for x in range(0, 1000, 100):
        town.ring(x, 0, 30, 20, building="apartments")
        town.ring(x, 400, 30, 20, building="apartments")
    town.way([(-50, 150), (1050, 150)], waterway="river", name="南淝河")
    town.way([(-50, 300), (500, 300), (800, 300)], railway="rail")
    town.way([(800, 300), (1050, 300)], railway="rail", tunnel="yes")
    town.way([(200, 100), (200, 200)], highway="residential", bridge="yes", name="一桥")
    town.way([(600, 100), (600, 200)], highway="motorway", bridge="yes")
    town.way([(300, 280), (300, 320)], highway="footway", tunnel="yes")
    town.way([(500, 250), (500, 300), (500, 350)], highway="service")
    town.node(500, 300, railway="level_crossing")
    town.way([(900, 250), (900, 350)], highway="residential")
    return town


def test_barriers_leave_out_what_runs_underground(tmp_path: Path):
    data = read_osm(river_town().write(tmp_path / "river.osm"), boundary=outline(1000, 450))
    barriers = data.layers["barriers"]
    assert barriers["barrier_class"].value_counts().to_dict() == {
        "river": 1,
        "railway": 1,
        "arterial": 1,
    }
    railway = metres(barriers[barriers["barrier_class"] == "railway"].geometry)[0]
    assert railway.bounds[2] == pytest.approx(800, abs=0.1)


def test_roads_say_what_one_walks_on(tmp_path: Path):
    town = river_town()
    town.way([(100, 100), (100, 140)], highway="footway", surface="fine_gravel")
    town.way([(150, 100), (150, 140)], highway="path", surface="sand")
    town.way([(250, 100), (250, 140)], highway="steps", surface="sett")
    town.way([(350, 100), (350, 140)], highway="path", surface="quicksilver")
    roads = read_osm(town.write(tmp_path / "river.osm"), boundary=outline(1000, 450)).layers[
        "roads"
    ]
    assert roads["surface"].tolist()[-4:] == ["unpaved", "soft", "paved", None]
    assert roads["surface"].iloc[:-4].isna().all()


def test_crossings_say_how_and_for_whom_a_barrier_can_be_passed(tmp_path: Path):
    data = read_osm(river_town().write(tmp_path / "river.osm"), boundary=outline(1000, 450))
    crossings = data.layers["crossings"]
    places = shapely.get_coordinates(metres(crossings.geometry)).round(0)
    found = {
        (kind, *place): walkers
        for kind, place, walkers in zip(
            crossings["kind"], places.tolist(), crossings["open_to_walkers"], strict=True
        )
    }
    assert found == {
        ("bridge", 200.0, 150.0): True,
        ("bridge", 600.0, 150.0): False,
        ("underpass", 300.0, 300.0): True,
        ("level_crossing", 500.0, 300.0): True,
    }


def test_banks_of_large_water_replace_the_middle_line(tmp_path: Path):
    town = river_town()
    town.ring(-60, 130, 600, 40, natural="water")
    town.ring(500, 130, 560, 40, natural="water")  # the next stretch, overlapping
    data = read_osm(town.write(tmp_path / "banks.osm"), boundary=outline(1000, 450))
    rivers = data.layers["barriers"].query("barrier_class == 'river'")
    assert len(rivers) == 1
    bank = metres(rivers.geometry)[0]
    assert bank.is_ring
    bridges = data.layers["crossings"].query("kind == 'bridge' and name == '一桥'")
    assert sorted(shapely.get_y(metres(bridges.geometry)).round(0)) == [130, 170]


def test_roads_are_classed_and_say_who_may_walk(tmp_path: Path):
    town = OsmTown()
    town.ring(10, 10, 20, 20, building="apartments")
    rows = [
        ({"highway": "motorway"}, "motorway", False),
        ({"highway": "primary"}, "arterial", True),
        ({"highway": "trunk", "foot": "no"}, "arterial", False),
        ({"highway": "tertiary"}, "collector", True),
        ({"highway": "residential", "access": "private"}, "local", False),
        ({"highway": "service", "access": "private", "foot": "yes"}, "service", True),
        ({"highway": "footway"}, "path", True),
        ({"highway": "steps"}, "steps", True),
        ({"highway": "construction"}, None, None),
    ]
    for number, (tags, _, _) in enumerate(rows):
        town.way([(0, 5 + 5 * number), (100, 5 + 5 * number)], **tags)
    data = read_osm(town.write(tmp_path / "roads.osm"), boundary=outline(100, 100))
    roads = data.layers["roads"]
    assert list(zip(roads["road_class"], roads["walkable"], strict=True)) == [
        (kind, walks) for _, kind, walks in rows if kind is not None
    ]


def test_use_and_households_follow_tags_grounds_and_points_inside(tmp_path: Path):
    town = OsmTown()
    town.ring(0, 0, 40, 20, building="yes", name="plain", building__levels="6")
    town.ring(100, 0, 40, 20, building="yes", name="shop", building__levels="6")
    town.node(110, 10, shop="convenience")
    town.node(10, 10, amenity="bench")
    town.ring(200, 0, 40, 20, building="yes", name="in school", building__levels="6")
    town.ring(190, -10, 80, 60, amenity="school", name="第一小学")
    town.ring(300, 0, 40, 20, building="garage", name="garage")
    town.ring(400, 0, 100, 60, building="yes", name="hall")
    town.ring(600, 0, 40, 20, building="apartments", name="flats", building__flats="30")
    town.ring(700, 0, 15, 10, building="detached", name="villa", building__levels="3")
    town.ring(800, 0, 40, 20, building="yes", name="below", location="underground")
    outer = town.ring(900, 0, 40, 40)
    inner = town.ring(910, 10, 20, 20)
    town.relation(
        [(outer, "outer"), (inner, "inner")],
        type="multipolygon",
        building="apartments",
        name="court",
        building__levels="4",
    )
    town.ring(602, 2, 10, 10, building="yes", name="copy")
    data = read_osm(town.write(tmp_path / "use.osm"), boundary=outline(1000, 100, south=-20))
    frame = data.layers["buildings"].set_index("name")
    assert frame["use"].to_dict() == {
        "plain": "residential",
        "shop": "mixed",
        "in school": "education",
        "garage": "other",
        "hall": "other",
        "flats": "residential",
        "villa": "residential",
        "court": "residential",
    }
    expected = {"plain": 48, "shop": 40, "flats": 30, "villa": 1, "court": 48}
    assert frame["households"].to_dict() == {
        **dict.fromkeys(("in school", "garage", "hall"), 0),
        **expected,
    }
    assert data.report["buildings_dropped"] == {"inside_another_building": 1, "underground": 1}
    assert data.report["share_of_households_from_assumed_use"] == pytest.approx(
        88 / sum(expected.values()), abs=1e-4
    )
    assert frame.loc["court", "households_source"] == "estimated"
    assert frame.loc["flats", "households_source"] == "default"
    assert metres([frame.loc["court"].geometry])[0].area == pytest.approx(1200, abs=1)


def test_a_building_belongs_to_the_ground_its_middle_lies_in(tmp_path: Path):
    town = OsmTown()
    town.ring(90, 0, 30, 20, building="apartments", name="mostly out")
    town.ring(80, 40, 30, 20, building="apartments", name="mostly in")
    data = read_osm(town.write(tmp_path / "edge.osm"), boundary=outline(100, 100))
    assert data.layers["buildings"]["name"].tolist() == ["mostly in"]
    assert data.report["buildings_dropped"] == {"outside_the_boundary": 1}


def test_a_self_intersecting_or_open_building_is_left_out_and_counted(tmp_path: Path):
    town = OsmTown()
    town.ring(0, 0, 30, 20, building="apartments")
    town.way([(50, 0), (80, 20), (80, 0), (50, 20), (50, 0)], building="apartments")
    town.way([(50, 50), (80, 50), (80, 70)], building="apartments")
    data = read_osm(town.write(tmp_path / "bow.osm"), boundary=outline(100, 100))
    assert len(data.layers["buildings"]) == 1
    assert data.report["buildings_dropped"] == {"broken_ring_or_cut_by_the_extract": 2}


def test_quarters_are_named_or_enclosed_and_gates_are_crossings(tmp_path: Path):
    town = OsmTown()
    town.ring(10, 10, 80, 80, landuse="residential", name="纺织新村")
    town.ring(20, 20, 40, 20, building="apartments", name="home")
    town.ring(120, 10, 80, 80, landuse="residential")  # walled, without a name
    town.ring(120, 10, 80, 80, barrier="wall")
    town.ring(230, 10, 80, 80, landuse="residential")  # neither
    town.ring(400, 10, 20, 20, barrier="wall")  # a garden's wall, no quarter's
    town.node(50, 10, barrier="gate")
    town.node(120, 50, barrier="lift_gate", access="private")
    town.node(400, 20, barrier="gate")
    data = read_osm(town.write(tmp_path / "quarters.osm"), boundary=outline(500, 100))
    quarters, buildings = data.layers["quarters"], data.layers["buildings"]
    assert list(zip(quarters["name"], quarters["gated"], strict=True)) == [
        ("纺织新村", True),
        (None, True),
    ]
    assert data.report["quarters_left_out"] == {"neither_named_nor_enclosed": 1}
    assert buildings["quarter_id"].tolist() == [quarters["id"].iloc[0]]
    assert data.layers["barriers"]["barrier_class"].tolist() == ["wall"]
    gates = data.layers["crossings"]
    assert list(zip(gates["kind"], gates["open_to_walkers"], strict=True)) == [
        ("gate", True),
        ("gate", False),
    ]


def test_stations_come_from_amenities_with_services_and_hours(tmp_path: Path):
    town = OsmTown()
    town.ring(10, 10, 40, 20, building="public", amenity="townhall", name="街道办")
    town.node(20, 15, amenity="townhall", opening_hours="Mo-Fr 08:00-20:00; Sa,Su 09:00-21:00")
    town.node(60, 60, amenity="clinic", name="诊所", opening_hours="nine to five")
    town.node(70, 60, amenity="social_facility", social_facility__for="child", capacity="40")
    town.node(80, 60, amenity="kindergarten", name="K", operator__type="private")
    town.node(90, 60, amenity="bench")
    data = read_osm(town.write(tmp_path / "stations.osm"), boundary=outline(100, 100))
    services = data.layers["stations"].merge(
        data.layers["station_services"], left_on="id", right_on="station_id"
    )
    rows = services[["name", "tier", "service", "opening_hours", "fee_class"]].to_numpy().tolist()
    hours = "Mo-Fr 08:00-20:00; Sa,Su 09:00-21:00"
    assert rows == [
        ["街道办", "center", "affairs", hours, "public"],
        ["街道办", "center", "mediation", hours, "public"],
        ["诊所", "partner", "health", None, "public"],
        [rows[3][0], "quarter", "child_care", None, "public"],
        ["K", "partner", "child_care", None, "market"],
    ]
    assert re.fullmatch(r"social facility n\d+", rows[3][0])
    assert services["capacity"].tolist()[3] == 40
    assert len(data.report["stations_with_unreadable_opening_hours"]) == 1
    assert data.report["stations_without_opening_hours"] == 3
    assert set(data.layers["pois"]["category"]) == {"townhall", "clinic", "kindergarten"}


def test_a_file_cut_in_half_is_named_as_truncated(tmp_path: Path, blocks: tuple[Path, Dataset]):
    path, _ = blocks
    whole = tmp_path / "town.osm.pbf"
    with osmium.SimpleWriter(str(whole)) as writer:
        for entity in osmium.FileProcessor(str(path)):
            writer.add(entity)
    assert len(read_osm(whole).layers["buildings"]) == 36 * 4
    for source in (whole, path):
        half = tmp_path / f"half{''.join(source.suffixes)}"
        half.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        with pytest.raises(DataSourceError, match=r"half.*truncated") as caught:
            read_osm(half)
        assert "copy it again" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.osm.pbf", None, "no such file"),
        ("empty.osm.pbf", b"", "0 bytes"),
        ("text.osm.pbf", b"lon,lat\n1,2\n", "no OpenStreetMap file"),
        ("text.osm", b"hello", "no OpenStreetMap file"),
        ("table.xlsx", b"PK", "no OpenStreetMap file"),
    ],
)
def test_what_is_no_osm_file_is_named(tmp_path: Path, name: str, content: bytes | None, says: str):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataSourceError, match=says) as caught:
        read_osm(path)
    assert name in caught.value.message
    assert caught.value.remedy


def test_a_file_with_nothing_of_use_is_refused(tmp_path: Path):
    path = tmp_path / "void.osm"
    path.write_text('<osm version="0.6"><node id="1" lat="31" lon="117"/></osm>')
    with pytest.raises(InvalidInputError, match="no building, road or place"):
        read_osm(path)


def test_a_boundary_elsewhere_is_refused_with_its_distance(blocks: tuple[Path, Dataset]):
    path, _ = blocks
    with pytest.raises(InvalidInputError, match=r"begin 8\.\d km away"):
        read_osm(path, boundary=outline(1000, 1000, west=10_000))


def test_a_boundary_without_buildings_is_refused(blocks: tuple[Path, Dataset]):
    path, _ = blocks
    with pytest.raises(InvalidInputError, match="no building lies in the boundary"):
        read_osm(path, boundary=outline(10, 10))


def test_a_boundary_that_the_file_covers_in_part_is_reported(blocks: tuple[Path, Dataset]):
    path, _ = blocks
    data = read_osm(path, boundary=outline(2400, 1200))
    assert data.report["boundary_covered_by_data"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (shapely.LineString([(117, 31), (118, 32)]), "LineString"),
        (shapely.Polygon(), "not a polygon"),
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "Self-intersection"),
    ],
)
def test_a_boundary_that_is_no_valid_polygon_is_refused(
    blocks: tuple[Path, Dataset], shape: shapely.Geometry, says: str
):
    path, _ = blocks
    with pytest.raises(GeometryError, match=says):
        read_osm(path, boundary=shape)


def test_a_community_size_that_makes_no_sense_is_refused(blocks: tuple[Path, Dataset]):
    path, _ = blocks
    with pytest.raises(InvalidInputError, match="community_size"):
        read_osm(path, community_size=0)
