"""Roads drawn by hand or at random, and least walks by a search that shares no code with ours."""

import heapq
from itertools import pairwise
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gis.frames import BARRIERS, CROSSINGS, QUARTERS, ROADS, stable_ids
from gis.geometry.crs import to_lonlat

CRS = pyproj.CRS.from_epsg(4548)
#: Metres of the CRS at which the drawings begin.
EAST, NORTH = 520_000.0, 3_500_000.0
#: Side of a square of a drawing.
STEP = 10.0
_ALONG, _UP = set("-+=:*#"), set("|+:*#=")


def shifted(geometry: Any) -> Any:
    """Return a geometry of the drawing in metres of the CRS."""
    return shapely.transform(geometry, lambda xy: xy + np.array([EAST, NORTH]))


def at(*xy: tuple[float, float]) -> np.ndarray:
    """Return places of the drawing in metres of the CRS."""
    return np.array(xy, dtype=float).reshape(-1, 2) + np.array([EAST, NORTH])


def frame(contract: Any, layer: str, shapes: list, **columns: Any) -> gpd.GeoDataFrame:
    """Return a layer of shapes given in metres of the drawing."""
    lonlat = to_lonlat(np.array([shifted(shape) for shape in shapes], dtype=object), CRS)
    ids = stable_ids("drawn", layer, range(len(shapes)))
    given = gpd.GeoDataFrame({"id": ids, **columns}, geometry=lonlat, crs="EPSG:4326")
    return contract.conform(given)


def roads(*lines: Any, **columns: Any) -> gpd.GeoDataFrame:
    """Return roads of lines in metres of the drawing, each a list of corners."""
    shapes = [line if hasattr(line, "geom_type") else shapely.LineString(line) for line in lines]
    if not shapes:
        return ROADS.empty()
    columns = {"road_class": ["local"] * len(shapes), **columns}
    return frame(ROADS, "roads", shapes, **columns)


def barriers(*lines: Any, kind: str) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString(line) for line in lines]
    return frame(BARRIERS, "barriers", shapes, barrier_class=[kind] * len(shapes))


def crossings(*points: Any, kind: str, open_to_walkers: bool = True) -> gpd.GeoDataFrame:
    shapes = [shapely.Point(point) for point in points]
    return frame(
        CROSSINGS,
        "crossings",
        shapes,
        kind=[kind] * len(shapes),
        open_to_walkers=[open_to_walkers] * len(shapes),
    )


def quarters(*polygons: Any, gated: bool = True) -> gpd.GeoDataFrame:
    return frame(QUARTERS, "quarters", list(polygons), gated=[gated] * len(polygons))


class Drawing(NamedTuple):
    """Roads, and the places of letters in metres of the CRS."""

    roads: gpd.GeoDataFrame
    places: dict[str, tuple[float, float]]

    def xy(self, letters: str) -> np.ndarray:
        return np.array([self.places[letter] for letter in letters], dtype=float).reshape(-1, 2)


def drawn(text: str) -> Drawing:
    """Read a drawing: - | + roads, = a bridge, : a tunnel, # steps, letters are places.

    Squares side by side are joined by a road of their own between their middles.
    """
    rows = text.strip("\n").splitlines()
    squares = {(r, c): s for r, row in enumerate(rows) for c, s in enumerate(row) if s != " "}
    lines, kinds = [], []
    for (r, c), sign in sorted(squares.items()):
        for to, signs in (((r, c + 1), _ALONG), ((r + 1, c), _UP)):
            if sign in signs and squares.get(to) in signs:
                lines.append([(c * STEP, -r * STEP), (to[1] * STEP, -to[0] * STEP)])
                kinds.append({sign, squares[to]})
    places = {
        sign: (EAST + c * STEP, NORTH - r * STEP)
        for (r, c), sign in squares.items()
        if sign.isalpha()
    }
    columns = {
        "road_class": ["steps" if "#" in kind else "local" for kind in kinds],
        "bridge": ["=" in kind for kind in kinds],
        "tunnel": [":" in kind for kind in kinds],
    }
    return Drawing(roads(*lines, **columns), places)


class Town(NamedTuple):
    """A random town: junctions in metres, stretches between them, and roads made of stretches."""

    stretches: list[tuple[int, int, shapely.LineString, float]]
    roads: gpd.GeoDataFrame
    span: float


def random_town(rng: np.random.Generator, side: int = 5, keep: float = 0.7) -> Town:
    """Return a lattice with corners moved, stretches bent and left out, some of them stairs."""
    spots = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1) * 100.0
    spots = (spots + rng.uniform(-30, 30, spots.shape)).reshape(-1, 2)
    pairs = [(i, i + 1) for i in range(side * side) if (i + 1) % side]
    pairs += [(i, i + side) for i in range(side * (side - 1))]
    chosen = [pair for pair in pairs if rng.random() < keep] or pairs[:1]
    stretches, lines, classes = [], [], []
    for a, b in chosen:
        middle = (spots[a] + spots[b]) / 2 + rng.uniform(-8, 8, 2)
        line = shapely.LineString(np.round([spots[a], middle, spots[b]], 3))
        stairs = rng.random() < 0.2
        stretches.append((a, b, line, 2.06 if stairs else 1.0))
        lines.append(line.reverse() if rng.random() < 0.5 else line)
        classes.append("steps" if stairs else "local")
    order = rng.permutation(len(lines))
    shuffled = roads(*[lines[i] for i in order], road_class=[classes[i] for i in order])
    return Town(stretches, shuffled, 100.0 * (side - 1))


def walked(town: Town, places: np.ndarray, stations: np.ndarray, reach: float) -> np.ndarray:
    """Return (places, stations, 2) cost and length of the least walks, infinite where none leads.

    Every place and station becomes a node on its nearest stretch, with a leg; then a search from
    each station over a dictionary of neighbours.
    """
    points = [*map(tuple, places), *map(tuple, stations)]
    on: dict[int, list[tuple[float, str]]] = {}
    links: dict[Any, list[tuple[Any, float, float]]] = {}

    def link(a: Any, b: Any, cost: float, length: float) -> None:
        links.setdefault(a, []).append((b, cost, length))
        links.setdefault(b, []).append((a, cost, length))

    for number, point in enumerate(points):
        spot = shapely.Point(point)
        gaps = [line.distance(spot) for _, _, line, _ in town.stretches]
        best = int(np.argmin(gaps))
        if gaps[best] <= reach:
            on.setdefault(best, []).append((town.stretches[best][2].project(spot), f"on{number}"))
            link(f"on{number}", f"at{number}", gaps[best], gaps[best])
    for row, (a, b, line, factor) in enumerate(town.stretches):
        stops = [(0.0, a), *sorted(on.get(row, [])), (line.length, b)]
        for (start, left), (end, right) in pairwise(stops):
            link(left, right, (end - start) * factor, end - start)
    out = np.full((len(places), len(stations), 2), np.inf)
    for s in range(len(stations)):
        found = _search(links, f"at{len(places) + s}")
        for k in range(len(places)):
            out[k, s] = found.get(f"at{k}", (np.inf, np.inf))
    return out


def _search(links: dict, start: Any) -> dict[Any, tuple[float, float]]:
    done: dict[Any, tuple[float, float]] = {}
    queue: list[tuple[float, str, float, Any]] = [(0.0, "", 0.0, start)]
    while queue:
        cost, _, length, node = heapq.heappop(queue)
        if node in done:
            continue
        done[node] = (cost, length)
        # A walk leads through no door but its own.
        if str(node).startswith("at") and node != start:
            continue
        for to, more, metres in links.get(node, []):
            if to not in done:
                heapq.heappush(queue, (cost + more, str(to), length + metres, to))
    return done
