"""The town of the map's tests with a walking network and a week of opening hours."""

import dataclasses

import geopandas as gpd
import numpy as np
import shapely

from gis.frames import ROADS, stable_ids
from gis.geometry.crs import projected_crs, to_projected
from gis.network.building import build_walk_graph
from gis.network.snapping import snap, snap_buildings
from gis.network.walking import nearest_sets
from maps.ground_data import GROUPS, Ground
from maps.walking_data import Delivery, Indicator, Limit, Reach, WalkingMapData, Ways
from tests.maps.builder import PLOT_M, frame, line, make_town

#: Hours of the week of the services below, as slices of a day for working days and for weekends.
AFFAIRS = ((8, 20), (9, 21))
CANTEEN = ((11, 13), (11, 12))


def make_walking_town(
    columns: int = 24, rows: int = 16, *, name: str = "", seed: int = 1
) -> WalkingMapData:
    """Return map data of the town of :func:`make_town` for a week, measured on a network."""
    town = make_town(columns, rows, name=name, seed=seed)
    town = dataclasses.replace(town, roads=_streets(columns, rows), stations=town.stations)
    codes = [f"way/{900_000 + k}" for k in range(len(town.buildings))]
    town = dataclasses.replace(town, buildings=town.buildings.assign(source_id=codes))
    crs = projected_crs(*town.communities.geometry.iloc[0].centroid.coords[0])
    graph = build_walk_graph(town.roads, crs, quarters=town.quarters)
    houses = snap_buildings(graph, town.buildings, crs)
    doors = to_projected(town.stations.geometry.to_numpy(), crs)
    posts = snap(graph, shapely.get_coordinates(doors))
    open_now = (town.stations["status"] == "open").to_numpy()
    serving, hours = _week(open_now)
    walks = nearest_sets(graph, houses, posts, serving)
    walking = Reach(
        np.array([walk.station for walk in walks]),
        np.array([walk.distance_m for walk in walks]),
        np.array([walk.cost_m for walk in walks]),
    )
    homes = shapely.get_coordinates(shapely.centroid(to_projected(town.buildings.geometry, crs)))
    straight = _straight(homes, shapely.get_coordinates(doors), serving)
    counts = town.buildings["households"].to_numpy()
    ground = {field.name: getattr(town, field.name) for field in dataclasses.fields(Ground)}
    return WalkingMapData(
        **ground,
        services=("affairs", "canteen", "convenience"),
        hours=hours,
        serving=serving,
        walking=walking,
        straight=straight,
        opens_at=(0, 58),
        delivery=_delivery(straight, hours),
        ways=Ways(graph, houses, posts),
        gaps=_gaps(town.buildings, walking, serving),
        isochrones=_isochrones(town.stations, crs),
        catchments=_catchments(town, walking),
        accessibility={"affairs": np.where(counts > 0, 0.02 + walking.distance_m[1] / 2e4, np.nan)},
        indicators=_indicators(town),
    )


def _streets(columns: int, rows: int) -> gpd.GeoDataFrame:
    width, height = columns * PLOT_M, rows * PLOT_M
    across = [line((0, y), (width, y)) for y in np.arange(0, height + 1, 4 * PLOT_M)]
    along = [line((x, 0), (x, height)) for x in np.arange(0, width + 1, 4 * PLOT_M)]
    # A bent lane and steps, so that ways are not all straight and minutes are not all metres.
    lane = line((80, 160), (110, 210), (95, 260), (160, 320))
    steps = line((400, 160), (400, 320))
    streets = [*across, *along, lane, steps]
    classes = ["arterial" if k % 4 == 2 else "local" for k in range(len(streets) - 2)]
    rows_of = {
        "id": stable_ids("town", "roads", range(len(streets))),
        "road_class": [*classes, "path", "steps"],
    }
    return frame(ROADS, rows_of, streets)


def _week(open_now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct sets (nobody, all for affairs, the hub alone, canteens) and their hours."""
    places = np.arange(len(open_now))
    serving = np.array([places < 0, open_now, places == 0, open_now & (places % 2 == 0)])
    hours = np.zeros((3, 168), dtype=np.int64)
    for day in range(7):
        weekend = int(day >= 5)
        begin, end = AFFAIRS[weekend]
        hours[0, day * 24 : day * 24 + 24] = 2  # the hub is open day and night
        hours[0, day * 24 + begin : day * 24 + end] = 1
        begin, end = CANTEEN[weekend]
        hours[1:, day * 24 + begin : day * 24 + end] = 3
    return serving, hours


def _straight(homes: np.ndarray, doors: np.ndarray, serving: np.ndarray) -> Reach:
    apart = np.linalg.norm(homes[:, None] - doors[None], axis=2)
    station = np.full((len(serving), len(homes)), -1, dtype=np.int64)
    metres = np.full(station.shape, np.nan)
    for k, mask in enumerate(serving):
        if mask.any():
            able = np.flatnonzero(mask)
            station[k] = able[apart[:, able].argmin(axis=1)]
            metres[k] = apart[:, able].min(axis=1)
    return Reach(station, metres)


def _delivery(straight: Reach, hours: np.ndarray) -> Delivery:
    """Meals travel from the canteens by bicycle, 700 m at the most."""
    reached = straight.distance_m[3:4] <= 700
    rows = np.full(hours.shape, -1, dtype=np.int64)
    rows[2] = np.where(hours[2] == 3, 0, -1)
    return Delivery(
        rows,
        reached,
        np.where(reached, straight.station[3:4], -1),
        np.where(reached, straight.distance_m[3:4] / 200, np.nan),
    )


def _gaps(buildings: gpd.GeoDataFrame, walking: Reach, serving: np.ndarray) -> gpd.GeoDataFrame:
    limits = [Limit("walking", "m", metres) for metres in (300, 500, 1000)]
    limits += [Limit("walking", "min", n, "elderly") for n in (5, 10, 15)]
    out = []
    for k in range(len(serving)):
        for limit in limits:
            metres = walking.distance_m[k] if limit.unit == "m" else walking.level_m[k]
            beyond = buildings[~(metres <= limit.metres)]
            if len(beyond):
                area = shapely.union_all(shapely.buffer(beyond.geometry.to_numpy(), 0.0002))
                people = {group: int(beyond[group].sum()) for group in GROUPS}
                out.append({"set": k, **limit._asdict(), **people, "geometry": area})
    return gpd.GeoDataFrame(out, geometry="geometry", crs="EPSG:4326")


def _isochrones(stations: gpd.GeoDataFrame, crs: object) -> gpd.GeoDataFrame:
    doors = stations.to_crs(crs).geometry
    out = [
        {
            "set": 1,
            "value": minutes,
            "speed": speed,
            "geometry": shapely.union_all(doors.iloc[:5].buffer(minutes * 45 * pace).to_numpy()),
        }
        for speed, pace in (("adult", 1.2), ("elderly", 0.8))
        for minutes in (5, 10, 15)
    ]
    return gpd.GeoDataFrame(out, geometry="geometry", crs=crs).to_crs(4326)


def _catchments(town: Ground, walking: Reach) -> gpd.GeoDataFrame:
    out = []
    for k in (1, 2, 3):
        for row in np.unique(walking.station[k][walking.station[k] >= 0]):
            mine = town.buildings.geometry.to_numpy()[walking.station[k] == row]
            area = shapely.union_all(shapely.buffer(mine, 0.0002))
            out.append({"set": k, "station_id": town.stations["id"].iloc[row], "geometry": area})
    return gpd.GeoDataFrame(out, geometry="geometry", crs="EPSG:4326")


def _indicators(town: Ground) -> list[Indicator]:
    rng = np.random.default_rng(5)
    communities, grids = len(town.communities), len(town.grids)
    return [
        Indicator(
            "floor_area",
            "Floor area per 100 households, m²",
            "number",
            np.linspace(18.0, 34.0, communities),
            np.where(rng.random(grids) < 0.1, np.nan, rng.uniform(10, 45, grids).round(1)),
            target=30.0,
            source="National plan for community services",
        ),
        Indicator(
            "leaders",
            "Buildings with a leader",
            "share",
            np.linspace(0.62, 0.95, communities),
            rng.uniform(0.3, 1.0, grids),
            target=0.9,
        ),
        Indicator("workers", "Workers", "number", np.linspace(11, 21, communities)),
    ]
