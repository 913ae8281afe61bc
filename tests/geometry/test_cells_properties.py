"""Cells of random dirty towns: what must hold whatever is drawn."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box
from shapely.affinity import rotate, translate

from gis.districting.frames import cell_graph
from gis.districting.ground import components
from gis.districting.polygons import grid_polygons
from gis.districting.simplify import simplify_grids
from gis.districting.verify import verify_plan
from gis.frames import BUILDINGS, QUARTERS
from gis.geometry.crs import to_projected
from tests.geometry.cell_ground import (
    CRS,
    barriers,
    build,
    buildings,
    check,
    communities,
    crossings,
    frame,
    local,
    roads,
)

pytestmark = pytest.mark.geometry

#: Two communities side by side, 300 m × 160 m; a river from west to east through both.
HALVES = [box(0, 0, 150, 160), box(150, 0, 300, 160)]
RIVER = LineString([(-10, 70), (60, 90), (150, 75), (240, 92), (310, 80)])
_at = {"x": st.integers(-5, 300), "y": st.integers(-5, 160)}
_house = st.fixed_dictionaries(
    _at
    | {
        "w": st.sampled_from([0.1, 2.0, 12.0, 30.0]),
        "h": st.sampled_from([0.5, 10.0, 25.0]),
        "turn": st.sampled_from([0, 0, 30, 77]),
        "copies": st.sampled_from([1, 1, 1, 2, 3]),
        "shift": st.sampled_from([0.0, 0.001, 0.3, 6.0]),
    }
)
_street = st.tuples(
    st.integers(0, 300), st.integers(0, 300), st.sampled_from(["local", "arterial"])
)
towns = st.fixed_dictionaries(
    {
        "houses": st.lists(_house, max_size=12),
        "streets": st.lists(_street, max_size=3, unique_by=lambda s: s[0]),
        "bridge": st.none() | st.integers(10, 290),
        "quarter": st.none() | st.tuples(st.integers(10, 120), st.booleans()),
    }
)


def footprints(drawn) -> list[Any]:
    """Return houses, some of them twice or thrice, a little or half a house apart."""
    return [
        rotate(translate(box(0, 0, h["w"], h["h"]), h["x"] + k * h["shift"], h["y"]), h["turn"])
        for h in drawn
        for k in range(h["copies"])
    ]


def lay(town):
    """Return communities, buildings that lie in one, and the layers around them."""
    shapes = [s for s in footprints(town["houses"]) if s.intersection(box(0, 0, 300, 160)).area > 0]
    where = communities(*HALVES)
    houses = buildings(*shapes) if shapes else BUILDINGS.empty()
    layers: dict[str, Any] = {"barriers": barriers(RIVER)}
    if town["streets"]:
        lines = [LineString([(a, -5), (b, 165)]) for a, b, _ in town["streets"]]
        layers["roads"] = roads(*lines)
        layers["roads"]["road_class"] = [kind for *_, kind in town["streets"]]
    if town["bridge"] is not None:
        spot = RIVER.intersection(LineString([(town["bridge"], 0), (town["bridge"], 160)]))
        layers["crossings"] = crossings(spot)
    if town["quarter"] is not None:
        x, gated = town["quarter"]
        layers["quarters"] = frame(QUARTERS, [box(x, 5, x + 25, 60)], gated=gated)
    return where, houses, layers


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(towns)
def test_any_town_is_tiled_and_every_border_is_what_runs_along_it(town):
    where, houses, layers = lay(town)
    frames = build(where, houses, **layers)
    check(frames, where, houses)
    assert frames.building_cells["building_id"].is_unique
    shapes = dict(zip(frames.cells["id"], local(frames), strict=True))
    found = set()
    for row in frames.borders.itertuples(index=False):
        shared = shapely.line_merge(shapely.intersection(shapes[row.cell_a], shapes[row.cell_b]))
        lines = [g for g in shapely.get_parts(shared) if g.length > 0]
        found.add((row.cell_a, row.cell_b))
        # An end on the community's line was put there: up to a millimetre and a half.
        assert sum(g.length for g in lines) == pytest.approx(row.border_m, abs=2e-3)
        hold_class(row, lines, town)
    missed = unnoticed_borders(shapes, found)
    assert missed == []


def unnoticed_borders(shapes, found):
    """Return pairs of cells that share a line and are not known to."""
    ids = list(shapes)
    a, b = shapely.STRtree(list(shapes.values())).query(list(shapes.values()), "intersects")
    return [
        (ids[i], ids[j])
        for i, j in zip(a.tolist(), b.tolist(), strict=True)
        if i < j
        and not {(ids[i], ids[j]), (ids[j], ids[i])} & found
        and not crosses_communities(shapes[ids[i]], shapes[ids[j]])
        and shapely.intersection(shapes[ids[i]], shapes[ids[j]]).length > 0.05
    ]


def crosses_communities(a, b):
    return (a.centroid.x < 150) != (b.centroid.x < 150)


def hold_class(row, lines, town):
    """Recompute the class of a border by points every half metre, where there is no doubt."""
    share = {
        kind: along(
            lines, [LineString([(a, -5), (b, 165)]) for a, b, k in town["streets"] if k in names]
        )
        for kind, names in ((1, {"local"}), (2, {"arterial"}))
    }
    share[3] = along(lines, [RIVER])
    if row.border_m < 20:
        return  # the ends of a short border are near whatever it ends at
    for kind in (3, 2, 1):
        if share[kind] > 0.7:
            assert row.barrier_class >= kind
    if sum(share.values()) < 0.3:
        assert row.barrier_class == 0
    if row.barrier_class == 3:
        assert share[3] > 0.3
        near = town["bridge"] is not None and reaches_bridge(lines, town["bridge"], slack=1)
        assert near or not row.passable
        if town["bridge"] is not None and reaches_bridge(lines, town["bridge"], slack=-6):
            assert row.passable
    elif town["quarter"] is None:
        assert row.passable


def reaches_bridge(lines, x, slack):
    spot = RIVER.intersection(LineString([(x, 0), (x, 160)]))
    on_river = shapely.intersection(shapely.union_all(lines), RIVER.buffer(1))
    return spot.distance(on_river) < 25 + slack


def along(lines, things):
    """Return the share of points on the lines that lie within 2 m of the things."""
    if not things or not lines:
        return 0.0
    spots = [line.interpolate(d) for line in lines for d in np.arange(0.25, line.length, 0.5)]
    thing = shapely.union_all(things)
    return float(np.mean(shapely.dwithin(spots or [Point(lines[0].coords[0])], thing, 2.0)))


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(towns, st.integers(0, 2**32 - 1), st.sampled_from([0.5, 3.0, 15.0]))
def test_grids_of_any_cells_are_whole_and_stay_a_tessellation_when_simplified(town, seed, by_m):
    where, houses, layers = lay(town)
    frames = build(where, houses, **layers)
    graph = cell_graph(frames, houses, quarters=layers.get("quarters"), crs=CRS).graph
    label = np.random.default_rng(seed).integers(0, 4, graph.size)
    same = (label[graph.source] == label[graph.indices]) & (
        graph.community[graph.source] == graph.community[graph.indices]
    )
    piece = components(graph.size, graph.source[same], graph.indices[same])[1]
    plan = pd.DataFrame({"cell_id": frames.cells["id"], "grid_id": [f"g{p:03}" for p in piece]})
    polygons = verify_plan(where, frames, houses, plan, crs=CRS)
    union = grid_polygons(frames.cells, plan["grid_id"])
    assert shapely.area(shapely.symmetric_difference(polygons, union)).max() < 1e-14
    assert shapely.coverage_is_valid(polygons.to_numpy())
    simple = simplify_grids(polygons, by_m, CRS)
    assert shapely.is_valid(simple.to_numpy()).all()
    assert shapely.coverage_is_valid(simple.to_numpy())
    assert set(simple.geom_type) == {"Polygon"}
    ground = shapely.area(to_projected(simple.to_numpy(), CRS))
    assert (ground > 0).all()
    assert abs(ground.sum() - 300 * 160) <= (by_m + 0.02) * 920
