"""Walking networks of real places, held against a search over the ways as they were mapped."""

import heapq
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.geometry.crs import projected_crs, to_projected
from gis.ingest import HouseholdOptions, read_boundary, read_osm
from gis.ingest.mapped import read_mapped
from gis.ingest.mapping_file import read_mapping
from gis.network import WalkFactors, build_walk_graph, nearest, path, snap, snap_buildings
from gis.network.packing import pack, unpack

SHARED = Path(__file__).parents[3] / "shared/data"
MAPPING = Path(__file__).parents[2] / "docs/examples/shanghai-bund.mapping.toml"
pytestmark = [
    pytest.mark.geometry,
    pytest.mark.realdata,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not on this machine"),
]


def network_of(layers, crs):
    names = ("barriers", "crossings", "quarters")
    return build_walk_graph(layers["roads"], crs, **{n: layers[n] for n in names})


def as_mapped(roads, crs) -> dict:
    """Return neighbours of every vertex of the walkable ways, by its place, with the metres."""
    links: dict = {}
    for line in to_projected(roads[roads["walkable"]].geometry.to_numpy(), crs):
        for a, b in pairwise(map(tuple, np.round(shapely.get_coordinates(line), 4).tolist())):
            metres = float(np.hypot(a[0] - b[0], a[1] - b[1]))
            links.setdefault(a, []).append((b, metres))
            links.setdefault(b, []).append((a, metres))
    return links


def searched(links: dict, start: tuple) -> dict:
    done: dict = {}
    queue = [(0.0, start)]
    while queue:
        metres, place = heapq.heappop(queue)
        if place not in done:
            done[place] = metres
            for to, more in links[place]:
                heapq.heappush(queue, (metres + more, to))
    return done


@pytest.fixture(scope="module")
def helsinki():
    options = HouseholdOptions(known_total=5_000)
    return read_osm(SHARED / "osm/helsinki_small.osm.pbf", households=options).layers


def test_walks_in_helsinki_are_those_over_the_ways_as_mapped(helsinki):
    crs = projected_crs(24.944, 60.172)
    level = WalkFactors(steps=1.0, unpaved=1.0, soft=1.0)
    graph = build_walk_graph(helsinki["roads"], crs, factors=level)
    links = as_mapped(helsinki["roads"], crs)
    ground = helsinki["roads"].query("walkable and not bridge and not tunnel")
    first = shapely.get_point(to_projected(ground.geometry.to_numpy(), crs), 0)
    places = np.unique(np.round(shapely.get_coordinates(first), 4), axis=0)
    stations = places[:: len(places) // 12]
    walk = [nearest(graph, snap(graph, places), snap(graph, [xy])) for xy in stations]
    found = np.nan_to_num(np.array([w.distance_m for w in walk]), nan=np.inf)
    known = [searched(links, tuple(xy)) for xy in stations.tolist()]
    mapped = np.array([[d.get(tuple(xy), np.inf) for xy in places.tolist()] for d in known])
    # Joined ends and islands make walks possible, and some shorter; none gets longer, but for the
    # metre by which an end was moved.
    assert (found <= mapped + 1.0).all()
    assert (found <= mapped + 0.01).mean() > 0.999
    assert np.isclose(found, mapped, atol=0.01)[np.isfinite(mapped)].mean() > 0.95
    assert np.isfinite(found).mean() > np.isfinite(mapped).mean()


@pytest.mark.slow
def test_helsinki_is_nearly_whole_and_every_building_is_on_it(helsinki):
    crs = projected_crs(24.944, 60.172)
    graph = network_of(helsinki, crs)
    assert graph.report.noding == "vertices"
    assert graph.report.largest_component_share > 0.97
    homes = snap_buildings(graph, helsinki["buildings"], crs)
    assert (homes.edge >= 0).all()
    assert np.median(homes.access_m) < 10
    again = unpack(pack(graph))
    assert again.report == graph.report
    np.testing.assert_array_equal(
        snap_buildings(again, helsinki["buildings"], crs).edge, homes.edge
    )


@pytest.mark.slow
def test_shanghai_from_vector_tiles_is_taken_as_drawn_with_vertices():
    data = read_mapped(SHARED / "shanghai/shanghai_bund.geojson", read_mapping(MAPPING)).layers
    crs = projected_crs(121.5, 31.24)
    graph = network_of(data, crs)
    assert graph.report.noding == "vertices"
    assert graph.report.largest_component_share > 0.9
    assert 150_000 < graph.report.length_m < 200_000
    # A boat on the Huangpu reaches no road, and nobody goes to a road over the water.
    (water,) = shapely.get_parts(shapely.polygonize(graph.walls.water))
    boat = snap(graph, shapely.get_coordinates(shapely.point_on_surface(water)))
    assert boat.reason.tolist() == ["roads_behind_barrier"]
    homes = snap_buildings(graph, data["buildings"], crs)
    legs = shapely.linestrings(np.stack([homes.from_xy_m, homes.xy_m], axis=1))
    assert (homes.edge >= 0).all()
    assert not shapely.intersects(legs, shapely.buffer(water, -1)).any()


@pytest.mark.slow
def test_las_palmas_is_one_network_with_its_homes_on_it():
    folder = SHARED / "osm"
    boundary = read_boundary(folder / "las_palmas_boundary.geojson")
    data = read_osm(folder / "las_palmas.osm.pbf", boundary=boundary).layers
    crs = projected_crs(-15.43, 28.12)
    graph = network_of(data, crs)
    assert 10_000 < graph.nodes < 25_000
    assert graph.report.largest_component_share > 0.96
    homes = snap_buildings(graph, data["buildings"], crs)
    assert (homes.edge >= 0).mean() > 0.99
    assert np.median(homes.access_m) < 10
    doors = snap(graph, shapely.get_coordinates(to_projected(data["stations"].geometry, crs)))
    walk = nearest(graph, homes, doors)
    assert (walk.station >= 0).mean() > 0.97
    straight = np.hypot(*(homes.from_xy_m - doors.from_xy_m[walk.station]).T)
    reached = walk.station >= 0
    assert (walk.distance_m[reached] >= straight[reached] - 1e-6).all()
    assert (walk.cost_m[reached] >= walk.distance_m[reached] - 1e-6).all()
    for row in np.flatnonzero(reached)[::2_000].tolist():
        way = path(graph, homes, doors, row, int(walk.station[row]))
        assert way.distance_m == pytest.approx(walk.distance_m[row], abs=1e-6)
