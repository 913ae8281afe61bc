"""Vector tiles over HTTP, read as any client reads them: with GDAL's driver."""

import json
from collections.abc import Iterator
from datetime import date

import geopandas as gpd
import httpx
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from gis.errors import ForbiddenError, InvalidInputError
from gis.layers import tiles
from gis.layers.statements import statement
from gis.layers.tiles import Tile, TileOrder, TileVerdicts
from gis.scope import Action, Scope
from gis.settings import Settings
from tests.api.serving import every_page, is_problem, serving
from tests.streets import add_streets
from tests.town import CODE_OF, NORTH, STEP, WEST, key, tile_at

pytestmark = [pytest.mark.api, pytest.mark.db]

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
#: Ten by four squares.
TOWN = (WEST, NORTH - 4 * STEP, WEST + 10 * STEP, NORTH)
ASKED = {"service": "affairs", "at": "2026-06-03T10:00:00+08:00"}
DAY = date(2026, 6, 3)
FAR = [0, 5, 10, 12, 13]


@pytest.fixture(scope="module")
def walkable(town_url: str) -> str:
    """The module's town, with streets."""
    engine = create_engine(town_url)
    with Session(engine) as session:
        add_streets(session, Scope.local_owner())
        session.commit()
    engine.dispose()
    return town_url


@pytest.fixture(scope="module")
def client(walkable: str) -> Iterator[httpx.Client]:
    with serving(Settings(database_url=walkable, pool_size=4)) as client:
        yield client


@pytest.fixture
def inside(walkable: str) -> Iterator[Session]:
    engine = create_engine(walkable)
    with Session(engine) as session:
        yield session
    engine.dispose()


def tiles_over(box: tuple[float, float, float, float], z: int) -> list[Tile]:
    first, last = tile_at(box[0], box[3], z), tile_at(box[2], box[1], z)
    columns, rows = range(first.x, last.x + 1), range(first.y, last.y + 1)
    return [Tile(z, x, y) for x in columns for y in rows]


def features_of(body: bytes, tile: Tile) -> gpd.GeoDataFrame:
    """Read a tile's features in EPSG:3857; ``mvt_id`` is their number."""
    frame: gpd.GeoDataFrame = pyogrio.read_dataframe(body, X=tile.x, Y=tile.y, Z=tile.z, CLIP="NO")
    return frame


def ask(client: httpx.Client, layer: str, tile: Tile, **query: str) -> httpx.Response:
    return client.get(f"/v1/tiles/{layer}/{tile.z}/{tile.x}/{tile.y}", params=query)


def drawn(client: httpx.Client, layer: str, z: int, **query: str) -> list[gpd.GeoDataFrame]:
    """Return the features of every tile of a zoom over the town that has any."""
    found = []
    for tile in tiles_over(TOWN, z):
        answer = ask(client, layer, tile, **query).raise_for_status()
        if answer.status_code == 200:
            found.append(features_of(answer.content, tile))
    return found


def keys(frames: list[gpd.GeoDataFrame]) -> set[str]:
    return {each for frame in frames for each in frame["id"]}


@pytest.mark.slow
@settings(max_examples=10)
@given(
    z=st.integers(14, 17),
    layer=st.sampled_from(["communities", "grids", "buildings", "stations"]),
)
def test_the_tiles_of_a_zoom_hold_what_the_layer_holds(client: httpx.Client, z: int, layer: str):
    listed = {each["id"] for each in every_page(client, f"/v1/{layer}")}
    assert keys(drawn(client, layer, z)) == listed


@pytest.mark.parametrize("z", FAR)
def test_from_afar_every_building_counts_once(client: httpx.Client, z: int):
    listed = every_page(client, "/v1/buildings")
    frames = drawn(client, "buildings", z)
    assert sum(int(frame["buildings"].sum()) for frame in frames) == len(listed)
    households = sum(each["properties"]["households"] for each in listed)
    assert sum(int(frame["households"].sum()) for frame in frames) == households
    assert all(set(frame.geom_type) == {"Point"} for frame in frames)


def test_a_feature_lies_where_the_layer_has_it(client: httpx.Client):
    listed = {each["id"]: each for each in every_page(client, "/v1/buildings")}
    frame = drawn(client, "buildings", 16)[0].to_crs("EPSG:4326")
    for row in frame.itertuples():
        own = shapely.from_geojson(json.dumps(listed[row.id]["geometry"]))
        # A unit of a tile is 15 cm here, and lines may move by two.
        assert shapely.hausdorff_distance(own, row.geometry) < 1e-5


def test_a_feature_has_one_number_in_every_tile_and_zoom(client: httpx.Client):
    number = int(key("buildings", "0,0").replace("-", "")[-13:], 16)
    for z in (14, 16):
        told = {
            int(row.mvt_id)
            for frame in drawn(client, "buildings", z)
            for row in frame.itertuples()
            if row.id == key("buildings", "0,0")
        }
        assert told == {number}
    assert number < 2**53, "JavaScript has no larger whole numbers"


def test_attributes_are_those_of_the_layer_and_few_residents_are_left_out(client: httpx.Client):
    few = set()
    listed = {each["id"]: each["properties"] for each in every_page(client, "/v1/buildings")}
    for frame in drawn(client, "buildings", 16):
        for row in frame.itertuples():
            own = listed[row.id]
            assert (row.households, row.use) == (own["households"], own["use"])
            if "residents" in own["suppressed"]:
                assert np.isnan(row.residents)
                few.add(row.id)
            else:
                assert row.residents == own["residents"]
    assert len(few) > 2  # the two houses of two people, and as many as would tell of them
    grids = {each["id"]: each["properties"] for each in every_page(client, "/v1/grids")}
    for frame in drawn(client, "grids", 14):
        for row in frame.itertuples():
            assert row.households == grids[row.id]["households"]
            assert row.code == grids[row.id]["code"]


@pytest.mark.parametrize("by", ["walking", "straight_line"])
def test_verdicts_are_those_of_the_list(client: httpx.Client, by: str):
    listed = {
        each["id"]: each["properties"]
        for each in every_page(client, "/v1/coverage/buildings", **ASKED, by=by)
    }
    frames = drawn(client, "coverage", 16, **ASKED, by=by, minutes="3.05,6.05")
    assert keys(frames) == set(listed)
    classes: set[int] = set()
    for frame in frames:
        for row in frame.itertuples():
            own = listed[row.id]
            assert row.minutes == pytest.approx(own["walk_minutes"], abs=0.051)
            assert own["distance_m"] - 0.01 <= row.distance_m < own["distance_m"] + 1.01
            assert row.station_id == own["station_id"]
        took = frame["id"].map(lambda each: listed[each]["walk_minutes"])
        assert (frame["class"] == (took > 3.05).astype(int) + (took > 6.05)).all()
        classes |= set(frame["class"])
    assert classes == {0, 1, 2}


@pytest.mark.parametrize("z", FAR)
def test_from_afar_verdicts_are_counted(client: httpx.Client, z: int):
    listed = every_page(client, "/v1/coverage/buildings", **ASKED)
    lived_in = {
        e["id"] for e in every_page(client, "/v1/buildings") if e["properties"]["households"]
    }
    near = [e for e in listed if e["id"] in lived_in and e["properties"]["walk_minutes"] <= 5]
    frames = drawn(client, "coverage", z, **ASKED, minutes="5")
    assert sum(int(frame["buildings"].sum()) for frame in frames) == len(lived_in)
    assert sum(int(frame["covered"].sum()) for frame in frames) == len(near) > 0


def test_nobody_serves_at_night(client: httpx.Client):
    frames = drawn(client, "coverage", 15, service="affairs", at="2026-06-03T03:00:00+08:00")
    assert {int(each) for frame in frames for each in frame["class"]} == {-1}
    assert all(not {"minutes", "distance_m", "station_id"} & set(frame) for frame in frames)


@pytest.mark.parametrize("layer", ["buildings", "coverage"])
def test_a_tile_is_kept_by_its_version(client: httpx.Client, layer: str):
    query = ASKED if layer == "coverage" else {}
    told = client.get(f"/v1/tiles/{layer}", params=query).raise_for_status().json()
    tile = tile_at(WEST + STEP, NORTH - STEP, 15)
    address = told["tiles"][0]
    for name in "zxy":
        address = address.replace(f"{{{name}}}", str(getattr(tile, name)))
    answer = client.get(address)
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    old = ask(client, layer, tile, **query, v="0123abcd")
    assert (old.headers["cache-control"], old.content) == ("no-cache", answer.content)
    west, south, east, north = told["bounds"]
    assert (west, south, east, north) == pytest.approx(TOWN)
    assert told["tilejson"] == "3.0.0"
    shown = features_of(answer.content, tile)
    fields = told["vector_layers"][0]["fields"]
    assert set(shown.columns) - {"mvt_id", "geometry"} <= set(fields)
    assert told["vector_layers"][0]["id"] == layer


def test_a_new_version_is_another_tile(fresh: httpx.Client):
    tile = tile_at(WEST + STEP, NORTH - STEP, 14)
    before = ask(fresh, "stations", tile).headers["etag"]
    centre = f"/v1/stations/{key('stations', 'Centre')}"
    change = {"status": "closed"}
    fresh.patch(centre, json=change, headers={"If-Match": "*"}).raise_for_status()
    after = ask(fresh, "stations", tile)
    assert after.headers["etag"] != before
    assert "closed" in set(features_of(after.content, tile)["status"])


def test_where_nothing_lies_the_tile_is_empty(client: httpx.Client):
    for layer in ("communities", "grids", "buildings", "stations", "coverage"):
        for z in (10, 15):
            answer = ask(client, layer, tile_at(-70.0, -30.0, z))
            assert (answer.status_code, answer.content) == (204, b""), layer
            assert answer.headers["etag"]


@pytest.mark.parametrize(
    "place", ["23/0/0", "-1/0/0", "3/8/0", "3/0/8", "3/-1/0", "x/0/0", "3/0.5/0", "1e1/0/0"]
)
@pytest.mark.parametrize("layer", ["buildings", "coverage"])
def test_what_is_no_tile_is_refused(client: httpx.Client, layer: str, place: str):
    problem = is_problem(client.get(f"/v1/tiles/{layer}/{place}"), 422)
    assert problem["remedy"]


def test_other_layers_and_parameters_are_refused(client: httpx.Client):
    is_problem(client.get("/v1/tiles/people/14/0/0"), 422)
    is_problem(client.get("/v1/tiles/buildings/14/0/0?service=affairs"), 400)
    is_problem(client.get("/v1/tiles/coverage/14/0/0?metres=300"), 400)


def test_a_scope_sees_its_own_communities(inside: Session):
    own = Scope("clerk", frozenset({Action.READ}), frozenset({key("communities", "A")}))
    order = TileOrder(DAY)
    tile = tile_at(WEST + STEP, NORTH - STEP, 14)
    east = tile_at(WEST + 9 * STEP, NORTH - STEP, 17)
    for layer in ("communities", "grids", "buildings", "stations"):
        everything = features_of(
            tiles.read_tile(inside, Scope.local_owner(), layer, tile, order), tile
        )
        seen = features_of(tiles.read_tile(inside, own, layer, tile, order), tile)
        assert 0 < len(seen) < len(everything), layer
        assert tiles.read_tile(inside, own, layer, east, order) == b""
        with pytest.raises(ForbiddenError):
            tiles.read_tile(inside, Scope("nobody"), layer, tile, order)
    whole = tile_at(WEST, NORTH, 10)
    far = tiles.read_tile(inside, own, "buildings", whole, order)
    all_ids = tiles.building_ids(inside, Scope.local_owner(), whole)
    ids = tiles.building_ids(inside, own, whole)
    assert set(ids) < set(all_ids)
    assert features_of(far, whole)["buildings"].sum() == len(ids)
    verdicts = TileVerdicts(
        all_ids, [0] * len(all_ids), [True] * len(all_ids), [1.0] * len(all_ids),
        [1] * len(all_ids), [None] * len(all_ids),
    )  # fmt: skip
    told = features_of(tiles.read_coverage_tile(inside, own, whole, verdicts), whole)
    assert told["buildings"].sum() == len(ids)
    told = features_of(tiles.read_coverage_tile(inside, own, tile, verdicts), tile)
    assert set(told["id"]) == set(ids)


def test_the_largest_are_kept_where_there_are_too_many(
    inside: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tiles, "MOST_FEATURES", 2)
    tile = tile_at(WEST, NORTH, 12)
    order = TileOrder(DAY)
    shown = features_of(
        tiles.read_tile(inside, Scope.local_owner(), "communities", tile, order), tile
    )
    assert set(shown["code"]) == {CODE_OF["A"], CODE_OF["B"]}


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("tile_communities", {"ix_communities_geometry"}),
        ("tile_grids", {"ix_grids_geometry"}),
        ("tile_buildings", {"ix_buildings_geometry"}),
        ("tile_buildings_far", {"ix_buildings_location"}),
        ("tile_building_ids", {"ix_buildings_geometry", "ix_buildings_location"}),
        ("tile_stations", {"ix_stations_geometry"}),
    ],
)
def test_the_index_decides_what_lies_in_a_tile(inside: Session, name: str, indexes: set[str]):
    # The town is so small that reading all of it is cheaper.
    inside.execute(text("SET LOCAL enable_seqscan = off"))
    given = {
        "z": 14, "x": 13530, "y": 6660, "margin": 1 / 64, "buffer": 64, "tolerance_m": 1.0,
        "on_day": "2026-06-03", "kind": "community", "everywhere": True, "communities": "{}",
        "most": 100, "below": 3, "cells": 64, "withheld": "{}",
    }  # fmt: skip
    asked = text("EXPLAIN " + statement(name, "buildings").text)
    own = {each: given[each] for each in asked.compile().params}
    plan = "\n".join(inside.execute(asked, own).scalars())
    for index in indexes:
        assert index in plan, plan
    assert "Index Cond: (geometry &&" in plan or "Index Cond: (location &&" in plan, plan


def test_tiles_are_not_compiled(inside: Session):
    # With 20,000 verdicts PostgreSQL compiled for more than a minute what then ran in 0.4 s.
    inside.execute(text("SET LOCAL jit = on"))
    tiles.read_tile(inside, Scope.local_owner(), "stations", Tile(0, 0, 0), TileOrder(DAY))
    assert inside.execute(text("SHOW jit")).scalar_one() == "off"


def test_a_tile_beyond_the_pyramid_is_none():
    for place in ((23, 0, 0), (-1, 0, 0), (2, 4, 0), (2, 0, -1)):
        with pytest.raises(InvalidInputError):
            Tile(*place)
