"""What a mixed file lacks is derived; what it says is never changed."""

import json
import tomllib

import numpy as np
import pytest
import shapely

from gis.errors import InvalidInputError
from gis.ingest.derive import names_of
from gis.ingest.mapped import read_mapped
from gis.ingest.mapping_file import parse_mapping

pytestmark = pytest.mark.geometry

WEST, SOUTH = 117.30, 31.86
#: Degrees of one step of the town's grid: about 100 m.
STEP = 0.001


def place(x: float, y: float) -> tuple[float, float]:
    return WEST + x * STEP, SOUTH + y * STEP


def area(x0, y0, x1, y1):
    return shapely.box(*place(x0, y0), *place(x1, y1))


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([place(*point) for point in points])


def town() -> list[tuple[dict, shapely.Geometry]]:
    """Return 4 × 4 blocks with streets, an arterial and a river across, and 64 buildings.

    Buildings of the west say their households, those of the east do not.
    """
    rows: list[tuple[dict, shapely.Geometry]] = []
    for i in range(5):
        kind = "主干道" if i == 2 else "支路"
        rows.append(
            ({"层": "路", "id": f"v{i}", "类": kind, "name": f"纵{i}"}, line((i, 0), (i, 4)))
        )
        rows.append(
            ({"层": "路", "id": f"h{i}", "类": "支路", "name": f"横{i}"}, line((0, i), (4, i)))
        )
    rows.append(({"层": "路", "id": "f", "类": "人行桥", "桥": True}, line((3.4, 1.5), (3.4, 2.5))))
    rows.append(({"层": "水", "id": "r", "name": "河"}, area(-4, 1.9, 8, 2.1)))
    for x in range(8):
        for y in range(8):
            west = 0.5 * x + 0.1
            south = 0.5 * y + (0.02 if y == 4 else 0.1) + (0.12 if y == 4 else 0)
            shape = area(west, south, west + 0.3, south + (0.22 if y in {3, 4} else 0.3))
            own = {"层": "楼", "id": f"b{x}{y}", "小区": "明光苑" if x < 2 and y < 2 else None}
            own |= {"户数": 40, "层数": 6} if x < 4 else {}
            rows.append((own, shape))
    rows.append(({"层": "点", "id": "p1", "name": "社区医院", "类": "clinic"}, point(0.5, 0.5)))
    rows.append(({"层": "点", "id": "p2", "name": None, "类": "toilets"}, point(3.5, 3.5)))
    rows.append(({"层": "点", "id": "p3", "name": None, "类": "clinic"}, point(3.5, 0.5)))
    rows.append(({"层": "名", "id": "n1", "name": "外滩"}, point(1, 1)))
    return rows


def point(x, y):
    return shapely.Point(place(x, y))


TEXT = """
source = "town"
crs = "EPSG:4326"
layer_column = "层"

[[layers]]
layer = "buildings"
source_layer = "楼"
[layers.fields]
id = "source_id"
"户数" = "households"
"层数" = "floors"
"小区" = "quarter"

[[layers]]
layer = "roads"
source_layer = "路"
[layers.fields]
id = "source_id"
name = "name"
"类" = "road_class"
"桥" = "bridge"
[layers.values.road_class]
"主干道" = "arterial"
"支路" = "local"
"人行桥" = "path"

[[layers]]
layer = "water"
source_layer = "水"
[layers.fields]
id = "source_id"

[[layers]]
layer = "pois"
source_layer = "点"
[layers.fields]
id = "source_id"
name = "name"
"类" = "category"

[[layers]]
layer = "places"
source_layer = "名"
[layers.fields]
id = "source_id"
name = "name"

[derive]
barriers = true
crossings = true

[derive.households]
known_total = 3000

[derive.communities]
households = 800

[derive.quarters]
margin_m = 8

[[derive.stations]]
categories = "clinic"
tier = "community"
services = "health"
opening_hours = "Mo-Fr 08:00-17:00"

[[derive.stations]]
categories = "toilets"
tier = "partner"
services = "rest_stop"
name = "公共厕所"
"""


def read(path, text=TEXT, rows=None):
    features = [
        {"type": "Feature", "properties": own, "geometry": shapely.geometry.mapping(shape)}
        for own, shape in rows or town()
    ]
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    return read_mapped(path, parse_mapping(tomllib.loads(text), "m.toml"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return read(tmp_path_factory.mktemp("town") / "town.geojson")


def test_recorded_households_stay_and_the_rest_is_estimated(dataset):
    frame = dataset.layers["buildings"]
    west = frame["source_id"].str[1].astype(int) < 4
    assert (frame.loc[west, "households"] == 40).all()
    assert set(frame.loc[west, "households_source"]) == {"recorded"}
    assert (frame.loc[~west, "households_source"] == "default").all()
    assert int(frame["households"].sum()) == 3_000
    assert dataset.report["households_recorded"] == 32 * 40
    assert dataset.report["households_estimated"] == 3_000 - 32 * 40
    assert (frame["residents"] >= frame["households"]).all()
    assert (frame["elderly"] + frame["children"] <= frame["residents"]).all()


def test_communities_tile_the_ground_and_hold_every_building(dataset):
    communities, buildings = dataset.layers["communities"], dataset.layers["buildings"]
    assert communities["derived"].all()
    assert dataset.report["communities_derived"] is True
    polygons = communities.geometry.to_numpy()
    assert shapely.coverage_is_valid(polygons)
    at = dict(zip(communities["id"], polygons, strict=True))
    middle = shapely.point_on_surface(buildings.geometry.to_numpy())
    own = np.array([at[key] for key in buildings["community_id"]], dtype=object)
    assert shapely.intersects(own, middle).all()
    households = buildings.groupby("community_id")["households"].sum()
    assert len(households) == len(communities)
    assert households.between(400, 1_200).all()
    assert dataset.scope_code == dataset.layers["divisions"]["code"].iloc[1]
    assert "外滩" in set(communities["name"])


def test_barriers_and_crossings(dataset):
    assert dataset.report["barriers_derived"] == {"arterial": 1, "river": 1}
    assert set(dataset.layers["barriers"]["barrier_class"]) == {"arterial", "river"}
    # A footbridge passes both banks; streets that are mapped across the water have no bridge.
    assert dataset.report["crossings_derived"] == {"bridge": 2}
    assert dataset.layers["crossings"]["open_to_walkers"].all()


def test_quarters_of_their_buildings(dataset):
    quarters, buildings = dataset.layers["quarters"], dataset.layers["buildings"]
    assert quarters["name"].tolist() == ["明光苑"]
    inside = buildings["quarter_id"] == quarters["id"].iloc[0]
    assert sorted(buildings.loc[inside, "source_id"]) == ["b00", "b01", "b10", "b11"]
    covered = shapely.covers(
        quarters.geometry.iloc[0].buffer(1e-9), buildings.loc[inside].geometry.to_numpy()
    )
    assert covered.all()
    others = buildings.loc[~inside].geometry.to_numpy()
    assert not shapely.intersects(quarters.geometry.iloc[0], others).any()


def test_stations_of_points_of_interest(dataset):
    stations = dataset.layers["stations"]
    assert stations["name"].tolist() == ["社区医院", "公共厕所 1"]
    assert stations["tier"].tolist() == ["community", "partner"]
    assert stations["community_id"].notna().all()
    services = dataset.layers["station_services"]
    assert services["service"].tolist() == ["health", "rest_stop"]
    assert dataset.report["stations_left_out_without_name"] == 1
    assert dataset.report["stations_without_opening_hours"] == 1


def test_it_is_the_same_each_time(dataset, tmp_path):
    again = read(tmp_path / "again.geojson")
    assert set(again.layers) == set(dataset.layers)
    for name, frame in dataset.layers.items():
        assert frame.equals(again.layers[name]), name
    told = {key: value for key, value in dataset.report.items() if key != "source"}
    assert told == {key: value for key, value in again.report.items() if key != "source"}


def test_communities_of_the_file_are_kept(tmp_path):
    rows = [*town(), ({"层": "社", "code": 340102001001, "name": "惠民"}, area(-1, -1, 5, 5))]
    text = TEXT.replace(
        "[derive]\n",
        '[[layers]]\nlayer = "communities"\nsource_layer = "社"\n[layers.fields]\ncode = "code"\n'
        'name = "name"\n\n[derive]\n',
    )
    found = read(tmp_path / "t.geojson", text, rows)
    assert found.layers["communities"]["code"].tolist() == ["340102001001"]
    assert "divisions" not in found.layers
    assert "communities_derived" not in found.report


def test_buildings_beyond_the_ground_are_left_out_and_counted(tmp_path):
    box = f"bbox = [{WEST}, {SOUTH}, {WEST + 3.5 * STEP}, {SOUTH + 4 * STEP}]\n"
    found = read(tmp_path / "t.geojson", TEXT.replace("[derive]\n", f"[derive]\n{box}", 1))
    assert found.report["buildings_outside_the_ground"] == 8
    assert len(found.layers["buildings"]) == 56


@pytest.mark.parametrize(
    ("find", "put", "said"),
    [
        ("known_total = 3000", "known_total = 100", "1280 households"),
        ("barriers = true", "bbox = [1, 1, 2, 2]", "no building lies"),
    ],
)
def test_what_cannot_be_derived_is_said(tmp_path, find, put, said):
    text = TEXT.replace(find, put)
    with pytest.raises(InvalidInputError, match=said):
        read(tmp_path / "t.geojson", text)


def test_without_households_no_communities(tmp_path):
    text = TEXT.replace("[derive.households]\nknown_total = 3000", "")
    text = text.replace('"户数" = "households"\n', "")
    with pytest.raises(InvalidInputError, match="households"):
        read(tmp_path / "t.geojson", text)


def test_names_are_given_once_and_by_rank():
    areas = np.array([area(0, 0, 1, 1), area(1, 0, 2, 1), area(2, 0, 3, 1)], dtype=object)
    points = np.array(
        [point(0.5, 0.5), point(0.6, 0.5), point(1.5, 0.5), point(1.9, 0.5)], dtype=object
    )
    rank = np.array([2, 1, 1, 2])
    names = names_of(areas, points, ["近", "外滩", "外滩", "次"], rank)
    assert names == ["近", "外滩", None]
