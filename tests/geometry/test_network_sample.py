"""Every walk in the made-up town, against a plain reading of the rules in docs/network.md.

The reading shares no code with the network. A road is segments between its vertices; what bars the
way is cut out of roads, but for a gap at each open crossing; who steps onto a road looks at one
segment after another, the nearest first; walks are found by a heap over a dictionary.
"""

import heapq
from collections import Counter
from itertools import pairwise
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from shapely.ops import substring

from gis.coverage.walking_coverage import walked_ground, walking_verdicts
from gis.frames import Dataset
from gis.geometry.crs import to_projected
from gis.network import build_walk_graph, within
from gis.samples import generate_subdistrict

pytestmark = pytest.mark.geometry

CRS = pyproj.CRS.from_epsg(4548)
WALLS = ("barriers", "crossings", "quarters")
SAMPLES = [
    pytest.param((4_000, 5), id="small"),
    pytest.param((13_600, 340_102), id="documented", marks=pytest.mark.slow),
    pytest.param((13_600, 3), id="another", marks=pytest.mark.slow),
]


class Segment(NamedTuple):
    """A straight piece of road between two places; nobody steps onto a bridge from the side."""

    start: tuple[int, int]
    end: tuple[int, int]
    line: shapely.LineString
    ground: bool


class Streets(NamedTuple):
    """Roads as segments, and what legs must not lead through."""

    segments: list[Segment]
    bars: shapely.Geometry


def metres(shapes: gpd.GeoSeries) -> np.ndarray:
    return to_projected(shapes.to_numpy(), CRS)


def place(xy: Any) -> tuple[int, int]:
    """Return where a vertex is, in centimetres."""
    return round(xy[0] * 100), round(xy[1] * 100)


def plain_streets(sample: Dataset, *, walls: bool) -> Streets:
    roads = sample.layers["roads"]
    ground = (~(roads["bridge"] | roads["tunnel"])).tolist()
    lines = touching([shapely.LineString(line.coords) for line in metres(roads.geometry)], ground)
    shut, bars = barred(sample) if walls else (shapely.Point(), shapely.Point())
    segments = []
    for line, flat in zip(lines, ground, strict=True):
        for part in shapely.get_parts(line.difference(shut)) if flat else [line]:
            ends = pairwise(part.coords)
            segments += [
                Segment(place(a), place(b), shapely.LineString([a, b]), flat) for a, b in ends
            ]
    return Streets(segments, bars)


def barred(sample: Dataset) -> tuple[shapely.Geometry, shapely.Geometry]:
    """Return what cuts roads, some centimetres wide, and what cuts legs."""
    barriers, crossings = sample.layers["barriers"], sample.layers["crossings"]
    crossings = crossings[crossings["open_to_walkers"]]
    gate = crossings["kind"] == "gate"
    kind = barriers["barrier_class"]
    wall = shapely.union_all(metres(barriers.geometry[kind == "wall"]))
    water = shapely.union_all(metres(barriers.geometry[kind.isin(("river", "railway"))]))
    wall = wall.difference(shapely.union_all(metres(crossings.geometry[gate])).buffer(5))
    over = shapely.union_all(metres(crossings.geometry[~gate])).buffer(5)
    return wall.union(water.difference(over)).buffer(0.02), wall.union(water)


def touching(lines: list[shapely.LineString], ground: list[bool]) -> list[shapely.LineString]:
    """Draw each end to the road that it touches: within 1 m if it meets nothing, else 5 cm."""
    known = Counter(spot for line in lines for spot in set(map(place, line.coords)))
    for row in range(len(lines)):
        for end in (0, -1):
            corner = lines[row].coords[end]
            reach = 0.05 if known[place(corner)] > 1 else 1.0
            gap = shapely.distance(lines, shapely.Point(corner))
            near = [
                other
                for other in np.argsort(gap, kind="stable").tolist()
                if gap[other] <= reach and ground[other] and other != row
                if place(corner) not in map(place, lines[other].coords)
            ]
            if near:
                lines[near[0]], spot = with_vertex(lines[near[0]], corner)
                corners = list(lines[row].coords)
                corners[end] = spot
                lines[row] = shapely.LineString(corners)
    return lines


def with_vertex(line: shapely.LineString, xy: Any) -> tuple[shapely.LineString, Any]:
    """Return a line with a vertex at its place nearest to a point, and that place."""
    along = line.project(shapely.Point(xy))
    spot = line.interpolate(along).coords[0]
    before = sum(line.project(shapely.Point(corner)) < along for corner in line.coords)
    return shapely.LineString([*line.coords[:before], spot, *line.coords[before:]]), spot


def plain_legs(streets: Streets, shapes: np.ndarray) -> list[tuple[int, shapely.LineString]]:
    """Return the segment that each shape gets onto, and the leg: the nearest that nothing bars."""
    lines = np.array([segment.line if segment.ground else None for segment in streets.segments])
    out = []
    for shape in shapes:
        gap = shapely.distance(shape, lines)
        for row in np.argsort(gap, kind="stable").tolist():
            leg = shapely.shortest_line(shape, lines[row])
            # It may touch a wall within half a metre of either end: a door, a lane along it.
            core = substring(leg, 0.5, leg.length - 0.5) if leg.length > 1 else shapely.Point()
            if not core.intersects(streets.bars):
                out.append((row, leg))
                break
    return out


def plain_walks(streets: Streets, homes: list, stations: list) -> np.ndarray:
    """Return metres from each home to each station, of legs as :func:`plain_legs` gives them."""
    links: dict[Any, list[tuple[Any, float]]] = {}
    stops: dict[int, list[tuple[float, Any]]] = {}

    def link(one: Any, other: Any, length: float) -> None:
        links.setdefault(one, []).append((other, length))
        links.setdefault(other, []).append((one, length))

    for number, (row, leg) in enumerate([*homes, *stations]):
        along = streets.segments[row].line.project(shapely.get_point(leg, -1))
        stops.setdefault(row, []).append((along, ("leg", number)))
        link(("door", number), ("leg", number), leg.length)
    for row, (start, end, line, _) in enumerate(streets.segments):
        way = [(0.0, start), *sorted(stops.get(row, [])), (line.length, end)]
        for (begin, one), (stop, other) in pairwise(way):
            link(one, other, stop - begin)
    out = np.full((len(homes), len(stations)), np.inf)
    for column in range(len(stations)):
        found = searched(links, ("door", len(homes) + column))
        out[:, column] = [found.get(("door", row), np.inf) for row in range(len(homes))]
    return out


def searched(links: dict, start: Any) -> dict[Any, float]:
    done: dict[Any, float] = {}
    queue = [(0.0, 0, start)]
    pushed = 0
    while queue:
        length, _, here = heapq.heappop(queue)
        if here in done:
            continue
        done[here] = length
        for there, more in links[here]:
            if there not in done:
                pushed += 1
                heapq.heappush(queue, (length + more, pushed, there))
    return done


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Dataset:
    households, seed = request.param
    return generate_subdistrict(households=households, seed=seed)


@pytest.mark.parametrize("bars", [WALLS, ()], ids=["walls", "no-walls"])
def test_every_walk_in_the_sample_is_that_of_a_plain_reading(sample: Dataset, bars: tuple):
    layers = sample.layers
    buildings = layers["buildings"]
    graph = build_walk_graph(layers["roads"], CRS, **{name: layers[name] for name in bars})
    # What the reading leaves out is not there: stairs, soft ground, islands, unwalled quarters.
    assert (graph.edge_factor == 1).all()
    assert (graph.report.islands_joined, graph.report.noding) == (0, "vertices")
    drawn = shapely.union_all(metres(layers["barriers"].geometry))
    outlines = shapely.boundary(graph.walls.quarters)
    assert (shapely.length(shapely.difference(outlines, drawn.buffer(0.01))) < 0.01).all()
    ground = walked_ground(graph, buildings, layers["stations"], CRS)
    streets = plain_streets(sample, walls=bool(bars))
    doors = metres(buildings["entrance"])
    outline = metres(buildings.geometry)
    none = shapely.is_missing(doors)
    assert 0.1 < none.mean() < 0.9
    # The legs: as long as those of the outline. Where several places of it are as near as each
    # other, the walk is compared from the one that was taken.
    legs = plain_legs(streets, np.where(none, outline, doors))
    assert ground.doors.access_m == pytest.approx([leg.length for _, leg in legs], abs=1e-3)
    starts = shapely.points(ground.doors.from_xy_m)
    assert (shapely.distance(starts[none], shapely.boundary(outline[none])) < 1e-6).all()
    assert (shapely.distance(starts[~none], doors[~none]) < 1e-6).all()
    homes = plain_legs(streets, starts)
    spots = plain_legs(streets, metres(layers["stations"].geometry))
    table = within(graph, ground.doors, ground.spots, 1e6)
    ours = np.full((len(homes), len(spots)), np.inf)
    ours[table.origin, table.station] = table.distance_m
    theirs = plain_walks(streets, homes, spots)
    assert np.isfinite(theirs).all()
    assert np.abs(ours - theirs).max() < 0.02


def test_no_walk_in_the_sample_is_shorter_than_the_straight_line(sample: Dataset):
    layers = sample.layers
    graph = build_walk_graph(layers["roads"], CRS, **{name: layers[name] for name in WALLS})
    ground = walked_ground(graph, layers["buildings"], layers["stations"], CRS)
    for every in (1, 4):
        serving = layers["stations"]["id"].isin(layers["stations"]["id"].iloc[::every])
        found = walking_verdicts(ground, serving)
        assert (found["distance_m"] >= found["straight_m"] - 1e-6).all()
        assert (found["detour"].dropna() >= 1 - 1e-6).all()
        far = found["straight_m"].idxmax()
        row = layers["stations"].index[
            layers["stations"]["id"] == found["straight_station_id"][far]
        ]
        ends = ground.doors.from_xy_m[far], ground.spots.from_xy_m[row[0]]
        assert found["straight_m"][far] == pytest.approx(np.hypot(*(ends[1] - ends[0])))
