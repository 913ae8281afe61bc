"""Maps of 22,000 and 67,000 buildings in a real Chromium: the walking map against Folium's GeoJson.

Both pages show the same buildings in two colours, answer a click and a pointer, and ask the network
for nothing: Leaflet is written into both. The walking map also holds a week of 168 hours for three
services, ways along a network, grids and stations. Each page is opened in a fresh context; a page
has loaded when two frames have been drawn after its last layer. Zooms are steps of one level.

    ./run exec python benchmarks/map_pages.py
    ./run exec python benchmarks/map_pages.py --buildings 22000 --repeats 3
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import folium
import geopandas as gpd
import harness
import numpy as np
import shapely
from ground import METRIC_CRS, ORIGIN_M, STORED_CRS, City, make_buildings, make_city
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from pyproj import CRS

from gis.frames import BUILDINGS, ROADS, STATION_SERVICES, STATIONS, stable_ids
from gis.network.building import build_walk_graph
from gis.network.snapping import snap, snap_buildings
from gis.network.walking import nearest_sets
from maps.page import PlainMap, save_offline
from maps.walking import Reach, WalkingMapData, Ways, walking_map

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--headless=new", "--disable-gpu", "--no-first-run"]
SIZES = (22_000, 67_000)
#: Buildings in a grid and metres between streets, about as in a built-up subdistrict.
PER_GRID, STREET_M = 40, 95.0
SERVICES = ("affairs", "canteen", "health")
#: The Chinese city's slate and vermilion, for both pages.
COVERED, UNCOVERED = "#66727f", "#d55e00"
LIMIT_M = 500
#: Two frames after which everything that was asked for has been drawn.
DRAWN = "() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))"
LOAD_LIMIT_MS = 600_000


@dataclass(frozen=True)
class Opened:
    """What opening a page took: wall clock, CPU of the page's thread, and one step of zoom."""

    load_s: float
    load_cpu_s: float
    zoom_s: float
    zoom_cpu_s: float


@dataclass(frozen=True)
class Made:
    """A file, and what Python needed for it."""

    path: Path
    mb: float
    cpu_s: float


def make_ground(count: int, rng: np.random.Generator) -> tuple[City, gpd.GeoDataFrame]:
    """Return a city and its buildings, each in the nearest grid."""
    city = make_city(max(4, count // PER_GRID), rng)
    frame = BUILDINGS.conform(make_buildings(city, count, rng))
    middle = frame.geometry.representative_point().to_numpy()
    grid = shapely.STRtree(city.grids.geometry.to_numpy()).nearest(middle)
    frame["community_id"] = city.grids["community_id"].to_numpy()[grid]
    frame["grid_id"] = city.grids["id"].to_numpy()[grid]
    return city, frame


def make_data(count: int, rng: np.random.Generator) -> WalkingMapData:
    """Return the data of a walking map, measured on a lattice of streets."""
    city, buildings = make_ground(count, rng)
    crs = CRS.from_epsg(METRIC_CRS)
    roads = _streets(city.side_m)
    stations = _stations(city, rng)
    graph = build_walk_graph(roads, crs)
    houses = snap_buildings(graph, buildings, crs)
    doors = shapely.get_coordinates(stations.to_crs(METRIC_CRS).geometry.to_numpy())
    posts = snap(graph, doors)
    serving, hours = _week(len(stations), rng)
    walks = nearest_sets(graph, houses, posts, serving)
    homes = shapely.get_coordinates(
        shapely.centroid(buildings.to_crs(METRIC_CRS).geometry.to_numpy())
    )
    communities = city.communities.assign(name=[f"社区{k}" for k in range(len(city.communities))])
    if "derived" not in communities:
        communities = communities.assign(derived=False)
    return WalkingMapData(
        title="Benchmark",
        plan_name="Grids",
        drawn_on=date(2026, 6, 1),
        synthetic="all",
        attribution="made up",
        communities=communities,
        grids=city.grids,
        buildings=buildings,
        stations=stations,
        station_services=STATION_SERVICES.empty(),
        roads=roads,
        services=SERVICES,
        hours=hours,
        serving=serving,
        walking=Reach(
            np.array([walk.station for walk in walks]),
            np.array([walk.distance_m for walk in walks]),
            np.array([walk.cost_m for walk in walks]),
        ),
        straight=_straight(homes, doors, serving),
        ways=Ways(graph, houses, posts),
    )


def _streets(side: float) -> gpd.GeoDataFrame:
    at = np.arange(0, side + STREET_M, STREET_M)
    lines = [shapely.LineString([(0, y), (at[-1], y)]) for y in at]
    lines += [shapely.LineString([(x, 0), (x, at[-1])]) for x in at]
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids("bench", "roads", range(len(lines))),
            "road_class": ["collector" if k % 5 == 0 else "local" for k in range(len(lines))],
        },
        geometry=shapely.transform(np.array(lines), lambda xy: xy + ORIGIN_M),
        crs=METRIC_CRS,
    )
    return ROADS.conform(frame.to_crs(STORED_CRS))


def _stations(city: City, rng: np.random.Generator) -> gpd.GeoDataFrame:
    count = max(8, len(city.communities))
    points = rng.uniform(0.03, 0.97, (count, 2)) * city.side_m + ORIGIN_M
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids("bench", "stations", range(count)),
            "name": [f"服务站{k + 1}" for k in range(count)],
            "tier": ["hub" if k == 0 else "community" for k in range(count)],
            "status": "open",
        },
        geometry=shapely.points(points),
        crs=METRIC_CRS,
    )
    return STATIONS.conform(frame.to_crs(STORED_CRS))


def _week(stations: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return 13 sets: nobody, and four for each service (day, evening, Saturday, Sunday)."""
    serving = [np.zeros(stations, dtype=bool)]
    hours = np.zeros((len(SERVICES), 168), dtype=np.int64)
    for service in range(len(SERVICES)):
        offers = rng.random(stations) < (1.0, 0.5, 0.3)[service]
        offers[0] = True
        first = len(serving)
        for part in (1.0, 0.25, 0.7, 0.4):
            chosen = offers & (rng.random(stations) < part)
            chosen[0] = True
            serving.append(chosen)
        for day in range(7):
            low = day * 24
            hours[service, low + 8 : low + 18] = first + max(0, day - 4) + (day > 4)
            hours[service, low + 18 : low + 21] = first + 1
    return np.array(serving), np.minimum(hours, len(serving) - 1)


def _straight(homes: np.ndarray, doors: np.ndarray, serving: np.ndarray) -> Reach:
    station = np.full((len(serving), len(homes)), -1, dtype=np.int64)
    metres = np.full(station.shape, np.nan)
    for k, mask in enumerate(serving):
        if mask.any():
            able = np.flatnonzero(mask)
            near, apart = shapely.STRtree(shapely.points(doors[able])).query_nearest(
                shapely.points(homes), return_distance=True, all_matches=False
            )
            station[k, near[0]] = able[near[1]]
            metres[k, near[0]] = apart
    return Reach(station, metres)


def save_walking(data: WalkingMapData, path: Path) -> None:
    save_offline(walking_map(data, language="zh-CN"), path)


def save_plain(data: WalkingMapData, path: Path) -> None:
    """Save what Folium offers for the same buildings: one GeoJson layer with a tooltip."""
    metres = data.walking.distance_m[1]
    frame = data.buildings[["name", "households", "geometry"]].copy()
    frame["metres"] = np.nan_to_num(metres, nan=-1).round().astype(int)
    frame.geometry = shapely.set_precision(frame.geometry.to_numpy(), 1e-6)
    west, south, east, north = data.communities.total_bounds
    chart = PlainMap(
        "Folium", "zh-CN", location=[(south + north) / 2, (west + east) / 2], zoom_start=14,
        tiles=None,
    )  # fmt: skip
    folium.GeoJson(
        json.loads(frame.to_json()),
        style_function=lambda feature: {
            "fillColor": COVERED if feature["properties"]["metres"] <= LIMIT_M else UNCOVERED,
            "color": "#414b55",
            "weight": 0.5,
            "fillOpacity": 1.0,
        },
        tooltip=folium.GeoJsonTooltip(["name", "households", "metres"]),
        popup=folium.GeoJsonPopup(["name", "households", "metres"]),
    ).add_to(chart)
    chart.fit_bounds([[south, west], [north, east]])
    save_offline(chart, path)


PAGES: dict[str, Callable[[WalkingMapData, Path], None]] = {
    "walking map": save_walking,
    "Folium GeoJson": save_plain,
}
#: How a page gives its Leaflet map.
MAP_OF = {
    "walking map": "Wangge.app.map",
    "Folium GeoJson": "Object.values(window).find(value => value instanceof L.Map)",
}


def make_page(name: str, data: WalkingMapData, folder: Path) -> Made:
    path = folder / f"{name.split(maxsplit=1)[0].lower()}-{len(data.buildings)}.html"
    watch = harness.Stopwatch()
    with watch.measure():
        PAGES[name](data, path)
    return Made(path, path.stat().st_size / 1e6, watch.last.cpu_s)


def open_page(browser: Browser, name: str, path: Path) -> Opened:
    """Open a page in a fresh context, and zoom in one step and out again."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_offline(True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    begun, clock = _thread_s(session), time.perf_counter()
    page.goto(path.as_uri(), timeout=LOAD_LIMIT_MS)
    if name == "walking map":
        page.wait_for_selector("html[data-ready=true]", state="attached", timeout=LOAD_LIMIT_MS)
    page.evaluate(DRAWN)
    load, load_cpu = time.perf_counter() - clock, _thread_s(session) - begun
    zooms = [_zoom(page, session, MAP_OF[name], step) for step in (1, 1, -1, -1)]
    context.close()
    return Opened(
        load,
        load_cpu,
        statistics.median(each[0] for each in zooms),
        statistics.median(each[1] for each in zooms),
    )


def _zoom(page: Page, session: CDPSession, chart: str, step: int) -> tuple[float, float]:
    begun, clock = _thread_s(session), time.perf_counter()
    page.evaluate(
        f"async () => {{ const m = {chart}; m.setZoom(m.getZoom() + {step}, {{animate: false}});"
        f" await ({DRAWN})(); }}"
    )
    return time.perf_counter() - clock, _thread_s(session) - begun


def _thread_s(session: CDPSession) -> float:
    """Return the CPU seconds of the page's thread so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(each["value"] for each in metrics if each["name"] == "TaskDuration")


def measure(count: int, options: argparse.Namespace, folder: Path) -> dict[str, object]:
    data = make_data(count, np.random.default_rng(harness.SEED))
    made = {name: make_page(name, data, folder) for name in PAGES}
    runs: dict[str, list[Opened]] = {name: [] for name in PAGES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for _ in range(options.repeats):
            for name, file in made.items():
                runs[name].append(open_page(browser, name, file.path))
        browser.close()
    table(count, made, runs)
    return {
        "buildings": count,
        "files": {name: {"mb": file.mb, "cpu_s": file.cpu_s} for name, file in made.items()},
        "runs": {name: [asdict(run) for run in each] for name, each in runs.items()},
    }


def table(count: int, made: dict[str, Made], runs: dict[str, list[Opened]]) -> None:
    def middle(name: str, part: str) -> float:
        return statistics.median(getattr(run, part) for run in runs[name])

    parts = ("load_cpu_s", "load_s", "zoom_cpu_s", "zoom_s")
    print(f"\n{count:,} buildings; CPU seconds of the page's thread (wall clock beside them)")
    print(f"{'':16}{'MB':>7}{'made':>8}{'load':>8}{'(wall)':>8}{'zoom':>8}{'(wall)':>8}")
    for name, file in made.items():
        cells = "".join(f"{middle(name, part):8.2f}" for part in parts)
        print(f"{name:16}{file.mb:7.1f}{file.cpu_s:8.1f}{cells}")
    own, peer = PAGES
    ratios = [middle(peer, part) / middle(own, part) for part in parts]
    size = made[peer].mb / made[own].mb
    print(
        f"{'ratio':16}{size:7.1f}{'':8}" + "".join(f"{ratio:8.1f}" for ratio in ratios), flush=True
    )


def main(arguments: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, repeats=3)
    made.add_argument("--buildings", type=int, nargs="+", default=list(SIZES))
    made.add_argument("--keep", type=Path, help="folder to keep the pages in")
    options = made.parse_args(arguments)
    harness.start(options)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        results = [measure(count, options, folder) for count in options.buildings]
    if options.json:
        facts = {"machine": harness.machine(), "results": results}
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
