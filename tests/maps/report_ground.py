"""Plans for the tests of the plan report: real drawings of the sample, and a large made-up one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gis.districting import (
    CellGraph,
    DrawOptions,
    Plan,
    PlanException,
    PlanMeasures,
    draw_grids,
)
from gis.districting.cells import build_cells
from gis.districting.compare import GridChange, PlanComparison, compare
from gis.districting.frames import KeyedGraph, cell_graph
from gis.districting.numbering import sequence_numbers
from gis.districting.polygons import grid_polygons
from gis.geometry.crs import projected_crs, to_projected
from gis.samples import generate_subdistrict
from maps.plan_report_data import PlanReport, PreviousPlan

DAY = date(2026, 11, 20)
CRS = projected_crs(117.3, 31.87)
#: A name that would run as a script, or be read as a template, if it were not shown as text.
HOSTILE = "</script><img src=x onerror=alert(1)>{{ 7*7 }}{% x %}"


@dataclass(frozen=True, eq=False)
class Ground:
    """The sample's layers, their cells, and the graph of these."""

    layers: Mapping[str, Any]
    cells: gpd.GeoDataFrame
    keyed: KeyedGraph


@cache
def sample(households: int) -> Ground:
    layers = generate_subdistrict(households=households, seed=1).layers
    names = ("quarters", "roads", "barriers", "crossings", "dedicated_areas")
    frames = build_cells(
        layers["communities"],
        layers["buildings"],
        **{name: layers[name] for name in names},
        crs=CRS,
        data_version="sample",
    )
    keyed = cell_graph(frames, layers["buildings"], quarters=layers["quarters"], crs=CRS)
    return Ground(layers, frames.cells, keyed)


@cache
def report(households: int = 4000, *, compared: bool = True) -> PlanReport:
    """Return the report of a real plan of the sample beside one of a year with fewer people."""
    ground = sample(households)
    graph = ground.keyed.graph
    options = DrawOptions(preset="fast")
    first = draw_grids(earlier(graph), DrawOptions(preset="fast", seed=1))
    plan = draw_grids(graph, options)
    metis = draw_grids(graph, DrawOptions(preset="metis"))
    grids = grids_of(ground, plan)
    previous = PreviousPlan(
        "2025",
        compare(graph, first.grid, plan.grid, options),
        pairs(grids_of(ground, first), "number", "code"),
    )
    return PlanReport(
        title="Made-up subdistrict",
        plan_name="Plan of 2026",
        drawn_on=DAY,
        target=options.target,
        minimum=options.minimum,
        maximum=options.maximum,
        communities=communities_of(ground),
        grids=grids,
        measures=plan.measures,
        exceptions=plan.exceptions,
        traces=plan.trace,
        feasible=plan.feasible,
        quarters=quarters_of(ground),
        previous=previous if compared else None,
        metis=metis.measures if compared else None,
        barriers=ground.layers["barriers"],
        status="draft",
        preset="fast",
        seed=0,
        synthetic=True,
        attribution="Wangge sample",
    )


def pairs(frame: gpd.GeoDataFrame, key: str, value: str) -> dict[Any, Any]:
    """Return one column by another."""
    return dict(zip(frame[key].tolist(), frame[value].tolist(), strict=True))


def earlier(graph: CellGraph) -> CellGraph:
    """Return the graph before its north-east grew by a quarter."""
    east = graph.x_m > np.quantile(graph.x_m, 0.6)
    north = graph.y_m > np.quantile(graph.y_m, 0.5)
    return replace(graph, households=graph.households - graph.households * (east & north) // 5)


def communities_of(ground: Ground) -> gpd.GeoDataFrame:
    number = {key: i for i, key in enumerate(ground.keyed.community_ids)}
    frame = ground.layers["communities"]
    return frame[["code", "name", "geometry"]].assign(number=[number[i] for i in frame["id"]])


def quarters_of(ground: Ground) -> dict[int, str]:
    name = pairs(ground.layers["quarters"], "id", "name")
    return {i: name[key] for i, key in enumerate(ground.keyed.unit_ids) if name.get(key)}


def grids_of(ground: Ground, plan: Plan) -> gpd.GeoDataFrame:
    """Return the plan's grids, numbered and coded as stored ones are."""
    measures = plan.measures
    first = np.unique(plan.grid, return_index=True)[1]
    community = ground.keyed.graph.community[first]
    shapes = grid_polygons(ground.cells, plan.grid).loc[measures.grid]
    points = shapely.point_on_surface(to_projected(shapes.to_numpy(), CRS))
    x, y = shapely.get_x(points), shapely.get_y(points)
    sequence = np.zeros(len(first), dtype=np.int64)
    for each in np.unique(community):
        rows = np.flatnonzero(community == each)
        sequence[rows] = sequence_numbers(
            x[rows], y[rows], measures.area_m2[rows], measures.grid[rows].tolist()
        )
    code = pairs(communities_of(ground), "number", "code")
    return gpd.GeoDataFrame(
        {
            "number": measures.grid,
            "code": [
                f"{code[c]}{n:03d}" for c, n in zip(community.tolist(), sequence, strict=True)
            ],
            "community": community,
            "kind": np.where(measures.dedicated, "dedicated", "basic"),
        },
        geometry=shapes.to_numpy(),
        crs="EPSG:4326",
    )


def large(communities: int = 64, across: int = 8, down: int = 5) -> PlanReport:
    """Return a made-up plan of a city: square communities of ``across`` × ``down`` wavy grids."""
    rng = np.random.default_rng(3)
    side = round(communities**0.5)
    columns, rows = side * across, -(-communities // side) * down
    shapes = _wavy_squares(columns, rows, rng)
    place = [(j // down) * side + i // across for j in range(rows) for i in range(columns)]
    count = len(shapes)
    households = np.clip(rng.normal(400, 38, count), 180, 640).astype(np.int64)
    measures = _measures(households, rng)
    order = np.argsort(place, kind="stable")
    ranks = np.zeros(count, dtype=np.int64)
    ranks[order] = np.arange(count) % (across * down)
    codes = [f"340102{p:06d}{r + 1:03d}" for p, r in zip(place, ranks, strict=True)]
    homes = [
        shapely.coverage_union_all([s for s, p in zip(shapes, place, strict=True) if p == each])
        for each in range(communities)
    ]
    outside = np.flatnonzero(~measures.in_range).tolist()
    exceptions = [
        PlanException(
            "below_minimum" if households[i] < 300 else "above_maximum",
            place[i],
            i,
            int(households[i]),
            300 if households[i] < 300 else 500,
        )
        for i in outside
    ]
    changes = [
        GridChange(
            "exchanged",
            place[i],
            i,
            i,
            int(n),
            int(n),
            20,
            20,
            (((i + 1) % count, 20),),
            (((i - 1) % count, 20),),
        )
        for i, n in enumerate(households)
    ]
    compared = PlanComparison(
        before=measures,
        after=measures,
        continues={i: i for i in range(count)},
        moved=np.zeros(0, bool),
        households_moved=20 * count,
        residents_moved=50 * count,
        households_compared=int(households.sum()),
        changes=tuple(changes),
        border_added_m=0.0,
        border_removed_m=0.0,
    )
    return PlanReport(
        title="Made-up city",
        plan_name="Plan of 2026",
        drawn_on=DAY,
        target=400,
        minimum=300,
        maximum=500,
        communities=gpd.GeoDataFrame(
            {
                "number": range(communities),
                "code": [f"340102{p:06d}" for p in range(communities)],
                "name": [f"Community {p + 1}" for p in range(communities)],
            },
            geometry=homes,
            crs="EPSG:4326",
        ),
        grids=gpd.GeoDataFrame(
            {"number": range(count), "code": codes, "community": place, "kind": "basic"},
            geometry=shapes,
            crs="EPSG:4326",
        ),
        measures=measures,
        exceptions=exceptions,
        previous=PreviousPlan("2025", compared, dict(enumerate(codes))),
        metis=measures,
        synthetic=True,
    )


def _measures(households: np.ndarray, rng: np.random.Generator) -> PlanMeasures:
    count = len(households)
    in_range = (households >= 300) & (households <= 500)
    deviation = np.abs(households - 400)
    compactness = rng.uniform(0.45, 0.8, count)
    return PlanMeasures(
        grid=np.arange(count),
        dedicated=np.zeros(count, bool),
        households=households,
        residents=households * 5 // 2,
        area_m2=np.full(count, 35_000.0),
        perimeter_m=np.full(count, 800.0),
        polsby_popper=compactness,
        reock=compactness - 0.1,
        pieces=np.ones(count, np.int64),
        barrier_inside_m=np.where(rng.random(count) < 0.1, 120.0, 0.0),
        in_range=in_range,
        count=count,
        share_in_range=float(in_range.mean()),
        mean_deviation=float(deviation.mean()),
        max_deviation=int(deviation.max()),
        noncontiguous=0,
        border_m=400.0 * count,
        border_by_class_m=(100.0 * count, 200.0 * count, 80.0 * count, 20.0 * count),
        mean_polsby_popper=float(compactness.mean()),
        mean_reock=float((compactness - 0.1).mean()),
    )


def _wavy_squares(columns: int, rows: int, rng: np.random.Generator) -> list[shapely.Polygon]:
    """Return polygons of about 60 points that tile, as grids along streets and walls do."""
    steps, lon, lat = 15, 187 / 94_500, 187 / 110_900
    flat = rng.normal(0, 0.02, (rows + 1, columns, steps))
    tall = rng.normal(0, 0.02, (rows, columns + 1, steps))
    along = np.arange(steps) / steps
    flat[:, :, 0] = tall[:, :, 0] = 0

    def across(j: int, i: int) -> np.ndarray:
        return np.column_stack((i + along, j + flat[j, i]))

    def upward(j: int, i: int) -> np.ndarray:
        return np.column_stack((i + tall[j, i], j + along))

    def turned(edge: np.ndarray, end: tuple[int, int]) -> np.ndarray:
        return np.vstack((np.array([end]), edge[:0:-1]))

    out = []
    for j in range(rows):
        for i in range(columns):
            ring = np.vstack(
                (
                    across(j, i),
                    upward(j, i + 1),
                    turned(across(j + 1, i), (i + 1, j + 1)),
                    turned(upward(j, i), (i, j + 1)),
                )
            )
            out.append(shapely.Polygon(ring * (lon, lat) + (117.2, 31.8)))
    return out
