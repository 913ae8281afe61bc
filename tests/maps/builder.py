"""A small made-up town for the map's tests: streets, a river, two communities, a market."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.frames import (
    BARRIERS,
    BUILDINGS,
    COMMUNITIES,
    GRIDS,
    QUARTERS,
    ROADS,
    STATION_SERVICES,
    STATIONS,
    FrameContract,
    stable_ids,
)
from maps.coverage import CoverageMapData, Scenario

#: South-west corner, in Hefei; and degrees per metre there.
WEST, SOUTH = 117.300, 31.865
LON_M, LAT_M = 1 / 94_500, 1 / 110_900
CHINA = timezone(timedelta(hours=8), "UTC+08:00")
#: Text that breaks a page which forgets to escape it.
HOSTILE = (
    '</script><img src=x onerror="window.__owned=1"><b>&\'\\u003c{{x}}{{ 7 * 7 }}{% raise %}{#'
)
PLOT_M = 40.0


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """Return a rectangle given in metres from the town's corner."""
    return shapely.box(
        WEST + x * LON_M,
        SOUTH + y * LAT_M,
        WEST + (x + width) * LON_M,
        SOUTH + (y + height) * LAT_M,
    )


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(WEST + x * LON_M, SOUTH + y * LAT_M) for x, y in points])


def point(x: float, y: float) -> shapely.Point:
    return shapely.Point(WEST + x * LON_M, SOUTH + y * LAT_M)


def frame(
    contract: FrameContract, rows: dict[str, Any], geometry: Sequence[shapely.Geometry]
) -> gpd.GeoDataFrame:
    """Return rows and geometries as a frame of ``contract``."""
    return contract.conform(gpd.GeoDataFrame(rows, geometry=list(geometry), crs="EPSG:4326"))


def make_town(
    columns: int = 24, rows: int = 16, *, name: str = "", seed: int = 1
) -> CoverageMapData:
    """Return map data of ``columns`` × ``rows`` buildings in grids of 8 × 4 plots.

    ``name`` is put into every text that comes from data, to see whether it is escaped.
    """
    rng = np.random.default_rng(seed)
    plots = [(i, j) for j in range(rows) for i in range(columns)]
    grid_columns, grid_rows = columns // 8, rows // 4
    cells = [(i, j) for j in reversed(range(grid_rows)) for i in range(grid_columns)]
    community_ids = stable_ids("town", "communities", [0, 1])
    half = grid_columns // 2
    width, height = columns * PLOT_M, rows * PLOT_M
    middle = half * 8 * PLOT_M
    communities = frame(
        COMMUNITIES,
        {
            "id": community_ids,
            "code": ["340102001001", "340102001002"],
            "name": [f"明光社区{name}", f"河东社区{name}"],
        },
        [box(0, 0, middle, height), box(middle, 0, width - middle, height)],
    )
    grid_ids = stable_ids("town", "grids", range(len(cells)))
    grids = frame(
        GRIDS,
        {
            "id": grid_ids,
            "plan_id": stable_ids("town", "plans", [0]) * len(cells),
            "community_id": [community_ids[int(i >= half)] for i, _ in cells],
            "kind": ["dedicated" if k == len(cells) - 1 else "basic" for k in range(len(cells))],
            "code": [
                f"340102001{1 + (i >= half):03d}{k + 1:03d}" for k, (i, _) in enumerate(cells)
            ],
            "sequence": range(1, len(cells) + 1),
            "compactness": [0.712] * len(cells),
            "exceptions": [["below_minimum"] if k == 0 else [] for k in range(len(cells))],
        },
        [box(i * 8 * PLOT_M, j * 4 * PLOT_M, 8 * PLOT_M, 4 * PLOT_M) for i, j in cells],
    )
    buildings = _buildings(plots, cells, grid_ids, community_ids, half, name, rng)
    stations = _stations(width, height, community_ids, name)
    scenarios = [
        Scenario(f"{service}-{hour}", service, datetime(2026, 6, 10, hour, tzinfo=CHINA))
        for service in ("affairs", "canteen")
        for hour in (10, 22)
    ]
    distances, nearest, serving = _distances(buildings, stations, scenarios)
    density = gpd.GeoDataFrame(
        {"count": [3, 9, 27]},
        geometry=[point(x, 200).buffer(0.0006, quad_segs=2) for x in (100, 300, 500)],
        crs="EPSG:4326",
    )
    return CoverageMapData(
        title=f"明光路街道{name}",
        plan_name=f"2026 社区网格{name}",
        moment=datetime(2026, 6, 10, 2, 0, tzinfo=UTC),
        drawn_on=date(2026, 6, 1),
        synthetic="all",
        attribution=f"Wangge sample{name}",
        communities=communities,
        grids=grids,
        buildings=buildings,
        stations=stations,
        station_services=_services(stations),
        scenarios=scenarios,
        distances=distances,
        nearest=nearest,
        serving=serving,
        gaps=_gaps(scenarios, width, height),
        density=density,
        roads=_roads(width, height),
        barriers=_barriers(width, height),
        quarters=frame(
            QUARTERS,
            {"id": stable_ids("town", "quarters", [0]), "name": [f"纺织新村{name}"]},
            [box(5, 5, 300, 140)],
        ),
    )


def _buildings(
    plots: list[tuple[int, int]],
    cells: list[tuple[int, int]],
    grid_ids: list[str],
    community_ids: list[str],
    half: int,
    name: str,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    place = {cell: k for k, cell in enumerate(cells)}
    households = rng.integers(0, 30, len(plots))
    households[:: max(1, len(plots) // 12)] = 0
    residents = households * 3
    out = frame(
        BUILDINGS,
        {
            "id": stable_ids("town", "buildings", range(len(plots))),
            "community_id": [community_ids[int(i // 8 >= half)] for i, _ in plots],
            "name": [f"{k + 1}号楼{name}" for k in range(len(plots))],
            "households": households,
            "residents": residents,
            "elderly": np.minimum(residents, rng.integers(0, 9, len(plots))),
            "children": np.minimum(residents, rng.integers(0, 6, len(plots))),
            "low_income_households": np.minimum(households, rng.integers(0, 4, len(plots))),
            "floors": rng.integers(1, 30, len(plots)),
            "use": ["residential" if count else "commercial" for count in households],
            "address": [f"明光路{k + 1}号{name}" for k in range(len(plots))],
        },
        [box(i * PLOT_M + 6, j * PLOT_M + 9, *rng.uniform(14, 28, 2).round(1)) for i, j in plots],
    )
    out["grid_id"] = [grid_ids[place[i // 8, j // 4]] for i, j in plots]
    out["grid_code"] = [f"{place[i // 8, j // 4] + 1:02d}" for i, j in plots]
    return out


def _stations(width: float, height: float, community_ids: list[str], name: str) -> gpd.GeoDataFrame:
    tiers = ("hub", "center", "community", "quarter", "partner", "community", "quarter")
    places = [
        (0.2, 0.3),
        (0.35, 0.7),
        (0.15, 0.6),
        (0.3, 0.15),
        (0.42, 0.4),
        (0.8, 0.8),
        (0.9, 0.2),
    ]
    statuses = ("open", "open", "open", "open", "open", "planned", "closed")
    return frame(
        STATIONS,
        {
            "id": stable_ids("town", "stations", range(len(tiers))),
            "community_id": [community_ids[int(x > 0.5)] for x, _ in places],
            "name": [f"第{k + 1}服务站{name}" for k in range(len(tiers))],
            "tier": tiers,
            "status": statuses,
            "opens_on": [date(2027, 1, 5) if s == "planned" else None for s in statuses],
            "closes_on": [date(2025, 12, 31) if s == "closed" else None for s in statuses],
            "floor_area_m2": [800.0, 400.0, None, 90.0, None, 300.0, None],
            "address": [None, f"明光路8号{name}", *[None] * 5],
        },
        [point(x * width, y * height) for x, y in places],
    )


def _services(stations: gpd.GeoDataFrame) -> pd.DataFrame:
    rows = []
    for k, station in enumerate(stations["id"]):
        rows.append((station, "affairs", "Mo-Fr 08:00-20:00; Sa-Su 09:00-21:00", 60, "public"))
        if k % 2 == 0:
            rows.append((station, "canteen", None, None, "low_fee"))
    return STATION_SERVICES.conform(
        pd.DataFrame(
            rows, columns=["station_id", "service", "opening_hours", "capacity", "fee_class"]
        )
    )


def _distances(
    buildings: gpd.GeoDataFrame, stations: gpd.GeoDataFrame, scenarios: list[Scenario]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[str]]]:
    metres = np.array([1 / LON_M, 1 / LAT_M])
    houses = shapely.get_coordinates(shapely.centroid(buildings.geometry.array)) * metres
    posts = shapely.get_coordinates(stations.geometry.array) * metres
    distances, nearest, serving = {}, {}, {}
    for scenario in scenarios:
        late = scenario.moment.hour >= 21
        able = [0] if late else [0, 1, 2, 3, 4]
        if scenario.service == "canteen":
            able = [] if late else [0, 2, 4]
        serving[scenario.key] = list(stations["id"].iloc[able])
        if not able:
            distances[scenario.key] = np.full(len(houses), np.nan)
            nearest[scenario.key] = [None] * len(houses)
            continue
        apart = np.linalg.norm(houses[:, None] - posts[None, able], axis=2)
        distances[scenario.key] = apart.min(axis=1)
        nearest[scenario.key] = stations["id"].to_numpy()[np.array(able)[apart.argmin(axis=1)]]
    index = list(buildings["id"])
    return pd.DataFrame(distances, index=index), pd.DataFrame(nearest, index=index), serving


def _gaps(scenarios: list[Scenario], width: float, height: float) -> gpd.GeoDataFrame:
    rows = [
        (scenario.key, metres, 100, box(width * 0.55, 0, width * 0.45, height * (300 / metres)))
        for scenario in scenarios
        for metres in (300, 500)
    ]
    data = pd.DataFrame(rows, columns=["scenario", "threshold_m", "households", "geometry"])
    return gpd.GeoDataFrame(data, geometry="geometry", crs="EPSG:4326")


def _roads(width: float, height: float) -> gpd.GeoDataFrame:
    across = [line((0, y), (width, y)) for y in np.arange(0, height + 1, 4 * PLOT_M)]
    along = [line((x, 0), (x, height)) for x in np.arange(0, width + 1, 8 * PLOT_M)]
    roads = [*across, *along]
    classes = ["arterial" if k % 4 == 2 else "local" for k in range(len(roads))]
    rows = {"id": stable_ids("town", "roads", range(len(roads))), "road_class": classes}
    return frame(ROADS, rows, roads)


def _barriers(width: float, height: float) -> gpd.GeoDataFrame:
    rows = {
        "id": stable_ids("town", "barriers", [0, 1]),
        "barrier_class": ["river", "railway"],
    }
    river = line((width / 2, 0), (width / 2 + 30, height / 2), (width / 2 - 10, height))
    return frame(BARRIERS, rows, [river, line((0, height * 0.9), (width, height * 0.95))])
