"""The topology audit: each fault of a drawn ground is found with its size, and only it."""

import time
from datetime import date
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import CrsMismatchError, InvalidInputError
from gis.frames import Dataset
from gis.geometry.crs import projected_crs, to_lonlat, to_projected
from gis.ingest.audit import (
    FINDING_COLUMNS,
    KINDS,
    AuditOptions,
    Findings,
    audit_dataset,
    audit_ground,
    living,
    mend_ground,
)
from gis.samples import generate_subdistrict

pytestmark = pytest.mark.geometry

CRS = projected_crs(117.3, 31.87)
ORIGIN = to_projected(np.array([shapely.Point(117.3, 31.87)]), CRS)[0]
#: Edge of a drawn square, m.
EDGE = 100.0
DAY = date(2026, 5, 1)

#: Two communities of one subdistrict, four quarters of a plan, a house on each square.
GROUND = """
AABB
AABB
AABB
"""
GRIDS = """
abcc
abcc
abcd
"""
CODES = {"A": "340102001001", "B": "340102001002"}
Layers = dict[str, Any]


def at(x: float, y: float) -> tuple[float, float]:
    """Return metres of a place in squares, x east and y south of the drawing's corner."""
    return ORIGIN.x + x * EDGE, ORIGIN.y - y * EDGE


def box(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    """Return a box in squares, in metres; its ring runs counter-clockwise."""
    west, north = at(x0, y0)
    east, south = at(x1, y1)
    return shapely.box(west, south, east, north)


def drawn(drawing: str) -> dict[str, shapely.Polygon]:
    """Return the area of each letter, in metres, with a vertex at every corner of a square."""
    squares: dict[str, list[shapely.Polygon]] = {}
    for y, line in enumerate(drawing.split()):
        for x, letter in enumerate(line):
            squares.setdefault(letter, []).append(box(x, y, x + 1, y + 1))
    return {
        letter: shapely.orient_polygons(shapely.union_all(parts))
        for letter, parts in sorted(squares.items())
    }


def frame(rows: list[dict[str, Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    metres = np.empty(len(shapes), dtype=object)
    metres[:] = shapes
    return gpd.GeoDataFrame(rows, geometry=to_lonlat(metres, CRS), crs="EPSG:4326")


def set_shape(layers: Layers, layer: str, row: int, shape: shapely.Geometry) -> None:
    shapes = layers[layer].geometry.to_numpy().copy()
    shapes[row] = to_lonlat(np.array([shapely.orient_polygons(shape)]), CRS)[0]
    layers[layer] = layers[layer].set_geometry(gpd.GeoSeries(shapes, crs="EPSG:4326"))


def community(rows: dict[str, shapely.Polygon]) -> gpd.GeoDataFrame:
    facts = [{"id": key, "code": CODES[key], "name": f"Community {key}"} for key in rows]
    return frame(facts, list(rows.values()))


def clean() -> Layers:
    """Return a ground without a fault, drawn above."""
    homes, grids = drawn(GROUND), drawn(GRIDS)
    houses = [(x, y) for y in range(3) for x in range(4)]
    return {
        "divisions": frame(
            [{"id": "S", "code": "340102001000", "level": "subdistrict", "name": "Town"}],
            [box(0, 0, 4, 3)],
        ),
        "communities": community(homes),
        "grids": frame(
            [
                {
                    "id": key,
                    "plan_id": "plan",
                    "community_id": "A" if key in "ab" else "B",
                    "code": f"{CODES['A' if key in 'ab' else 'B']}00{1 + 'abcd'.index(key) % 2}",
                }
                for key in grids
            ],
            list(grids.values()),
        ),
        "buildings": frame(
            [
                {
                    "id": f"house {x},{y}",
                    "community_id": "A" if x < 2 else "B",
                    "quarter_id": "Q" if (x, y) == (0, 0) else None,
                    "name": f"House {x},{y}",
                    "households": 10 + x,
                    "residents": 25,
                    "use": "residential",
                    "valid_from": None,
                    "valid_to": None,
                }
                for x, y in houses
            ],
            [box(x + 0.3, y + 0.3, x + 0.7, y + 0.7) for x, y in houses],
        ),
        "quarters": frame([{"id": "Q", "name": "Garden"}], [box(0.1, 0.1, 0.9, 0.9)]),
        "stations": frame([{"id": "station", "name": "Centre"}], [shapely.Point(at(1.5, 0.9))]),
        "roads": frame([{"id": "road"}], [shapely.LineString([at(0, 1), at(4, 1)])]),
        "pois": frame([{"id": "stop"}], [shapely.Point(at(2, 1))]),
        "posts": pd.DataFrame([{"id": f"post {key}", "grid_id": key} for key in "abcd"]),
    }


def audited(layers: Layers, **limits: float) -> Findings:
    return audit_ground(layers, CRS, AuditOptions(**limits))


def only(layers: Layers, kind: str) -> "pd.Series[Any]":
    """Return the one finding of a ground, which is of a kind."""
    found = audited(layers)
    assert found.counts == {kind: 1}, found.table()
    return found.frame.iloc[0]


def test_a_clean_ground_has_no_finding():
    found = audited(clean())
    assert found.counts == {}
    assert list(found.frame.columns) == [*FINDING_COLUMNS, "geometry"]
    assert found.frame.crs.to_epsg() == 4326
    assert len(found.table()) == 0


def test_nothing_and_empty_layers_have_no_finding():
    assert len(audited({})) == 0
    empty = {name: layer.iloc[:0] for name, layer in clean().items()}
    assert len(audited(empty)) == 0


def test_a_community_that_overlaps_its_neighbour_by_3_m_is_found_with_its_size():
    layers = clean()
    layers["buildings"] = pd.concat(
        [
            layers["buildings"],
            frame(
                [{"id": "kiosk", "households": 7, "residents": 9, "use": "mixed"}],
                [box(1.985, 1.005, 1.995, 1.015)],
            ),
        ],
        ignore_index=True,
    )
    set_shape(layers, "communities", 1, box(1.97, 0, 4, 3))
    found = audited(layers)
    # The plan no longer fills the larger community, and the kiosk lies in both.
    assert found.counts == {
        "overlap_between_communities": 1,
        "gap_between_grids": 1,
        "building_straddling": 1,
    }
    row = found.of("overlap_between_communities").iloc[0]
    assert row["severity"] == "error"
    assert row["row_ids"] == ["A", "B"]
    assert row["size_m2"] == pytest.approx(3 * 300, rel=1e-6)
    assert row["length_m"] == pytest.approx(300, rel=1e-3)
    assert row["detail"]["width_m"] == pytest.approx(3, rel=0.02)
    assert row["detail"]["codes"] == [CODES["A"], CODES["B"]]
    assert row["detail"]["decides"] == "subdistrict 340102001 (Town)"
    assert (row["detail"]["buildings"], row["detail"]["households"]) == (1, 7)
    assert not row["fixable"]
    place = to_projected(np.array([row["geometry"]]), CRS)[0]
    assert place.symmetric_difference(box(1.97, 0, 2, 3)).area < 0.01


@pytest.mark.parametrize(
    ("shape", "squares"),
    [(box(2.5, 0.5, 3.5, 2.5), 2.0), (box(-1, -1, 5, 4), 6.0), (box(0, 0, 2, 3), 6.0)],
    ids=["inside", "around", "the same"],
)
def test_a_community_inside_or_around_or_upon_another_overlaps_it(
    shape: shapely.Polygon, squares: float
):
    homes = drawn(GROUND)
    other = homes["B"] if squares == 2.0 else homes["A"]
    layers = {"communities": community({"A": shape, "B": other})}
    row = audited(layers).of("overlap_between_communities").iloc[0]
    assert row["size_m2"] == pytest.approx(squares * EDGE**2, rel=1e-6)


def test_who_decides_is_the_lowest_office_above_both():
    layers = clean()
    layers["communities"]["code"] = ["340102001001", "340102002002"]
    for drop in ("divisions", "grids", "posts"):
        layers.pop(drop)
    set_shape(layers, "communities", 1, box(1.97, 0, 4, 3))
    assert only(layers, "overlap_between_communities")["detail"]["decides"] == "county 340102"
    layers["communities"]["code"] = ["340102001001", "340103002002"]
    assert only(layers, "overlap_between_communities")["detail"]["decides"] == "city"


@pytest.mark.parametrize("with_division", [True, False])
def test_a_gap_between_communities_is_found_with_its_size(with_division):
    layers = {name: layer for name, layer in clean().items() if name not in {"grids", "posts"}}
    if not with_division:
        layers.pop("divisions")
    set_shape(layers, "communities", 1, box(2.02, 0, 4, 3))
    row = only(layers, "gap_between_communities")
    assert row["size_m2"] == pytest.approx(2 * 300, rel=1e-6)
    assert row["row_ids"] == ["A", "B"]


@pytest.mark.parametrize("with_division", [True, False])
def test_a_hole_of_any_size_between_communities_is_a_gap(with_division):
    layers = {name: layer for name, layer in clean().items() if name not in {"grids", "posts"}}
    if not with_division:
        layers.pop("divisions")
    hole = box(1.75, 1.75, 2.25, 2.25)
    for row, shape in enumerate(drawn(GROUND).values()):
        set_shape(layers, "communities", row, shape.difference(hole))
    row = only(layers, "gap_between_communities")
    assert row["size_m2"] == pytest.approx(50 * 50, rel=1e-6)


def test_ground_of_the_division_that_no_community_covers_is_told():
    layers = {name: layer for name, layer in clean().items() if name not in {"grids", "posts"}}
    set_shape(layers, "divisions", 0, box(0, 0, 6, 3))
    row = only(layers, "division_not_covered")
    assert row["size_m2"] == pytest.approx(2 * 3 * EDGE**2, rel=1e-6)
    set_shape(layers, "divisions", 0, box(0, 0, 3.8, 3))
    row = only(layers, "community_outside_division")
    assert row["size_m2"] == pytest.approx(0.2 * 3 * EDGE**2, rel=1e-6)
    assert row["row_ids"] == ["B"]


def test_a_line_that_differs_by_less_than_its_accuracy_is_a_sliver_and_mended():
    layers = clean()
    set_shape(layers, "communities", 1, box(1.9998, 0, 4, 3))
    layers.pop("grids")
    layers.pop("posts")
    row = only(layers, "sliver")
    assert row["severity"] == "note"
    assert row["fixable"]
    assert row["size_m2"] == pytest.approx(0.02 * 300, rel=1e-3)
    mending = mend_ground(layers, CRS, on_day=DAY)
    assert mending.before.counts == {"sliver": 1}
    assert mending.after.counts == {}
    assert {mend.layer for mend in mending.mends} == {"communities"}
    assert all(mend.kinds == ("sliver",) for mend in mending.mends)
    assert sum(mend.moved_m2 for mend in mending.mends) < 0.02 * 300 * 1.01
    assert list(mending.table()["kind"]) == ["sliver"]


def test_lines_in_degrees_that_bend_by_millimetres_are_noise():
    # A straight line of 2 km in degrees, and the same line with vertices, part by 20 mm in metres.
    left = shapely.Polygon([(117.30, 31.87), (117.32, 31.87), (117.32, 31.88), (117.30, 31.88)])
    middle = [(x, 31.87) for x in np.linspace(117.32, 117.30, 40)]
    right = shapely.Polygon([*middle, (117.30, 31.86), (117.32, 31.86)])
    layers = {
        "communities": gpd.GeoDataFrame(
            [{"id": key, "code": CODES[key]} for key in "AB"],
            geometry=shapely.orient_polygons([left, right]),
            crs=4326,
        )
    }
    assert audited(layers, sliver_width_m=0.1).frame["severity"].eq("note").all()


@pytest.mark.parametrize(
    ("shape", "kind", "m2"),
    [
        (box(1, 0, 1.97, 3), "gap_between_grids", 900),
        (box(0.97, 0, 2, 3), "overlap_between_grids", 900),
        (box(1, 0, 2.03, 3), "grid_outside_community", 900),
    ],
    ids=["gap", "overlap", "outside"],
)
def test_grids_are_audited_within_their_community(shape, kind, m2):
    layers = clean()
    set_shape(layers, "grids", 1, shape)
    found = audited(layers)
    assert kind in found.counts
    assert found.of(kind).iloc[0]["size_m2"] == pytest.approx(m2, rel=1e-6)
    beside = {"overlap_between_grids"} if kind == "grid_outside_community" else set()
    assert set(found.counts) == {kind} | beside


def test_two_plans_of_one_ground_do_not_overlap():
    layers = clean()
    other = layers["grids"].assign(
        id=lambda rows: "party " + rows["id"], plan_id="party", community_id=list("AABB")
    )
    layers["grids"] = pd.concat([layers["grids"], other], ignore_index=True)
    layers["posts"] = pd.DataFrame(
        [{"id": f"post {key}", "grid_id": key} for key in layers["grids"]["id"]]
    )
    assert audited(layers).counts == {}


def test_a_building_outside_every_community_is_an_error_where_people_live():
    layers = clean()
    set_shape(layers, "buildings", 3, box(4.3, 0.3, 4.7, 0.7))
    row = only(layers, "building_outside")
    assert row["severity"] == "error"
    assert row["size_m2"] == pytest.approx(1600, rel=1e-6)
    assert row["detail"] == {"households": 13, "wholly": True}
    layers["buildings"].loc[3, ["households", "residents"]] = 0
    assert only(layers, "building_outside")["severity"] == "warning"


def test_a_building_over_a_line_says_how_much_lies_on_each_side():
    layers = clean()
    set_shape(layers, "buildings", 1, box(1.7, 0.3, 2.1, 0.7))
    row = only(layers, "building_straddling")
    assert row["detail"]["shares_m2"] == {CODES["A"]: 1200.0, CODES["B"]: 400.0}
    assert row["size_m2"] == pytest.approx(400, rel=1e-6)
    set_shape(layers, "buildings", 1, box(1.6, 0.3, 2.00005, 0.7))
    assert audited(layers).counts == {}


def test_a_building_is_where_its_entrance_is():
    layers = clean()
    set_shape(layers, "buildings", 3, box(3.7, 0.3, 4.2, 0.7))
    assert only(layers, "building_outside")["severity"] == "warning"
    entrances = np.full(12, None, dtype=object)
    entrances[3] = to_lonlat(np.array([shapely.Point(at(4.15, 0.5))]), CRS)[0]
    layers["buildings"]["entrance"] = entrances
    assert only(layers, "building_outside")["severity"] == "error"


def stacked(count: int, **facts: object) -> Layers:
    layers = clean()
    spot = box(3.1, 0.1, 3.2, 0.2)
    rows = [
        {"id": f"copy {i:04}", "households": 4, "residents": 9, "use": "residential"} | facts
        for i in range(count)
    ]
    for row, values in enumerate(rows):
        values["name"] = facts.get("name", f"House {row}")
    more = frame(rows, [spot] * count)
    layers["buildings"] = pd.concat([layers["buildings"], more], ignore_index=True)
    return layers


def test_500_buildings_on_one_spot_are_one_finding_with_500_ids_and_fast():
    layers = stacked(500)
    began = time.process_time()
    row = only(layers, "building_duplicated")
    assert time.process_time() - began < 5
    assert len(row["row_ids"]) == 500
    assert row["size_m2"] == pytest.approx(499 * 100, rel=1e-4)
    assert row["severity"] == "error"
    assert row["detail"]["households"] == 2000
    assert row["detail"]["most_households"] == 4
    # 500 names on one spot are 500 buildings that were placed wrongly, not one.
    assert not row["fixable"]
    assert mend_ground(layers, CRS, on_day=DAY).mends == ()


def test_the_same_footprint_twice_keeps_the_row_with_more_facts_and_sums_nothing():
    layers = stacked(3, name=None)
    layers["buildings"].loc[12, "name"] = "The house"
    layers["buildings"].loc[[13, 14], ["households", "residents"]] = 0
    row = only(layers, "building_duplicated")
    assert row["fixable"]
    assert row["severity"] == "warning"
    assert row["detail"]["kept"] == "copy 0000"
    mending = mend_ground(layers, CRS, on_day=DAY)
    assert [(m.layer, m.row_id, m.valid_to, m.geometry) for m in mending.mends] == [
        ("buildings", "copy 0001", DAY, None),
        ("buildings", "copy 0002", DAY, None),
    ]
    assert mending.after.counts == {}


def test_duplicates_with_other_counts_are_for_people_to_decide():
    layers = stacked(2, name=None)
    layers["buildings"].loc[12, "households"] = 40
    assert not only(layers, "building_duplicated")["fixable"]
    assert mend_ground(layers, CRS, on_day=DAY).mends == ()


def test_a_duplicate_that_has_not_begun_is_left_and_said():
    layers = stacked(2, name=None)
    layers["buildings"].loc[12:, "valid_from"] = DAY
    mending = mend_ground(layers, CRS, on_day=DAY)
    assert mending.mends == ()
    assert "cannot end before" in mending.left[0]


def test_footprints_that_are_nearly_the_same_are_duplicates_and_neighbours_are_not():
    layers = clean()
    set_shape(layers, "buildings", 0, box(1.302, 0.3, 1.702, 0.7))
    layers["buildings"].loc[0, ["quarter_id"]] = None
    row = audited(layers).of("building_duplicated").iloc[0]
    assert row["row_ids"] == ["house 0,0", "house 1,0"]
    assert row["size_m2"] == pytest.approx(39.8 * 40, rel=1e-4)
    set_shape(layers, "buildings", 0, box(1.35, 0.3, 1.75, 0.7))
    assert "building_duplicated" not in audited(layers).counts


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"households": None, "residents": None}, "households_missing"),
        ({"households": -3}, "households_negative"),
        ({"use": "office"}, "households_on_nonresidential"),
        ({"residents": 0}, "households_without_people"),
        ({"households": 0}, "people_without_households"),
    ],
)
def test_counts_that_cannot_be_are_found(values: dict[str, Any], kind: str):
    layers = clean()
    layers["buildings"] = layers["buildings"].astype({"households": object, "residents": object})
    for name, value in values.items():
        layers["buildings"].loc[5, name] = value
    row = only(layers, kind)
    assert row["row_ids"] == ["house 1,1"]
    assert row["severity"] == KINDS[kind].severity


def test_residents_that_nobody_has_recorded_say_nothing():
    layers = clean()
    layers["buildings"]["residents"] = 0
    assert audited(layers).counts == {}


def test_orphan_quarters():
    layers = clean()
    set_shape(layers, "quarters", 0, box(0.01, 0.01, 0.1, 0.1))
    row = only(layers, "orphan_quarter")
    assert row["detail"]["what"] == "buildings_elsewhere"
    assert row["row_ids"] == ["house 0,0"]
    assert row["length_m"] == pytest.approx(np.hypot(40, 40), rel=0.3)
    layers["buildings"]["quarter_id"] = None
    assert only(layers, "orphan_quarter")["detail"]["what"] == "no_building"
    set_shape(layers, "quarters", 0, box(7, 7, 8, 8))
    assert only(layers, "orphan_quarter")["detail"]["what"] == "no_community"


def barriers(*lines: tuple[str, shapely.LineString]) -> gpd.GeoDataFrame:
    rows = [{"id": f"{kind} {i}", "barrier_class": kind} for i, (kind, _) in enumerate(lines)]
    return frame(rows, [line for _, line in lines])


@pytest.mark.parametrize(
    ("kind", "said"), [("river", "on_river"), ("railway", "on_railway"), ("arterial", None)]
)
def test_a_station_on_the_line_of_a_river_or_a_railway_is_found(kind: str, said: str | None):
    layers = clean()
    line = shapely.LineString([at(0, 0.9), at(4, 0.9)])
    layers["barriers"] = barriers(("river", shapely.LineString([at(0, 5), at(4, 5)])), (kind, line))
    if said is None:
        assert audited(layers).counts == {}
        return
    row = only(layers, "station_on_barrier")
    assert row["severity"] == "warning"
    assert row["row_ids"] == ["station"]
    assert row["length_m"] == pytest.approx(0, abs=1e-3)
    assert (row["detail"]["what"], row["detail"]["name"]) == (said, "Centre")
    assert row["detail"]["nearest_barrier"] == f"{kind} 1"
    set_shape(layers, "stations", 0, shapely.Point(at(1.5, 0.925)))  # 2.5 m beside it
    assert audited(layers).counts == {}


def test_a_station_in_water_is_found_but_not_on_an_island_nor_where_people_live():
    layers = clean()
    lake, island = box(1.1, 0.75, 1.9, 1.25), box(1.4, 0.8, 1.6, 1.0)
    layers["barriers"] = barriers(("river", lake.exterior))
    row = only(layers, "station_on_barrier")
    assert row["detail"]["what"] == "in_water"
    assert row["length_m"] == pytest.approx(15, rel=1e-3)
    layers["barriers"] = barriers(("river", lake.exterior), ("river", island.exterior))
    assert audited(layers).counts == {}
    layers["barriers"] = barriers(("river", box(1.1, 0.1, 1.9, 1.1).exterior))
    assert audited(layers).counts == {}


def test_stations_far_from_roads_and_things_outside():
    layers = clean()
    set_shape(layers, "stations", 0, shapely.Point(at(1.5, 2.5)))
    row = only(layers, "station_far_from_road")
    assert row["length_m"] == pytest.approx(150, rel=1e-3)
    set_shape(layers, "stations", 0, shapely.Point(at(4.5, 1.2)))
    assert only(layers, "station_outside")["row_ids"] == ["station"]
    layers = clean()
    set_shape(layers, "roads", 0, shapely.LineString([at(40, 1), at(50, 1)]))
    found = audited(layers)
    assert found.counts == {"station_far_from_road": 1, "road_outside": 1}
    layers = clean()
    set_shape(layers, "pois", 0, shapely.Point(at(40, 1)))
    assert only(layers, "poi_outside")["severity"] == "note"


def test_grids_without_a_post():
    layers = clean()
    layers["posts"] = layers["posts"].iloc[:3]
    assert only(layers, "grid_without_post")["row_ids"] == ["d"]
    layers["posts"] = layers["posts"].iloc[:0]
    row = only(layers, "grid_without_post")
    assert row["severity"] == "note"
    assert row["row_ids"] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("layer", "codes", "what"),
    [
        ("communities", ["340102001001", "340102001001"], "equal"),
        ("communities", ["340102001001", "34010200100A"], "layout"),
        ("communities", ["340102001001", "340102001000"], "layout"),
        ("divisions", ["340102001"], "layout"),
        ("grids", ["340102001001001"] * 2 + ["340102001002001", "340102001002002"], "equal"),
        ("grids", ["340102001001001", "x", "340102001002001", "340102001002002"], "layout"),
        (
            "grids",
            ["340102001001001", "340102001002003", "340102001002001", "340102001002002"],
            "layout",
        ),
    ],
)
def test_codes_that_collide_or_have_another_layout(layer: str, codes: list[str], what: str):
    layers = clean()
    layers[layer]["code"] = codes
    found = audited(layers)
    told = found.of("code_collision")
    assert set(found.counts) == {"code_collision"}
    assert (
        (told["layer"] + " " + told["detail"].map(lambda facts: facts["what"]))
        .str.fullmatch(f"{layer} {what}")
        .any()
    )


def test_codes_of_a_deployments_own_layout_are_left_alone():
    layers = clean()
    layers["grids"]["code"] = ["G-1", "G-2", "G-3", "G-4"]
    assert audited(layers).counts == {}


def bow_tie(x: float, y: float, width: float = 0.4) -> shapely.Polygon:
    corners = [(x, y), (x + width, y + width), (x + width, y), (x, y + width)]
    return shapely.Polygon([at(*corner) for corner in corners])


def test_a_ring_that_crosses_itself_is_found_and_left_where_its_repair_would_change_it():
    layers = clean()
    set_shape(layers, "buildings", 5, bow_tie(1.3, 1.3))
    row = only(layers, "invalid_ring")
    assert "Self-intersection" in row["detail"]["reason"]
    assert not row["fixable"]
    place = to_projected(np.array([row["geometry"]]), CRS)[0]
    assert place.distance(shapely.Point(at(1.5, 1.5))) < 0.01
    assert mend_ground(layers, CRS, on_day=DAY).mends == ()


def test_a_spike_is_mended_and_ring_order_too():
    layers = clean()
    corners = [(1.3, 1.7), (1.7, 1.7), (1.7, 1.3), (1.5, 1.3), (1.5, 1.2), (1.5, 1.3), (1.3, 1.3)]
    set_shape(layers, "buildings", 5, shapely.Polygon([at(*corner) for corner in corners]))
    assert only(layers, "invalid_ring")["fixable"]
    shapes = layers["buildings"].geometry.to_numpy().copy()
    shapes[0] = shapes[0].reverse()
    layers["buildings"] = layers["buildings"].set_geometry(gpd.GeoSeries(shapes, crs=4326))
    assert audited(layers).counts == {"invalid_ring": 1, "ring_order": 1}
    mending = mend_ground(layers, CRS, on_day=DAY)
    assert [(mend.row_id, mend.kinds) for mend in mending.mends] == [
        ("house 0,0", ("ring_order",)),
        ("house 1,1", ("invalid_ring",)),
    ]
    assert mending.after.counts == {}
    assert mending.mends[0].moved_m2 == 0


def test_mending_leaves_an_overlap_of_3_m_and_cleans_beside_it():
    layers = {name: layer for name, layer in clean().items() if name not in {"grids", "posts"}}
    # 3 m over the neighbour in the north, 2 cm short of it in the south.
    line = [(1.97, 0), (1.97, 1.5), (2.0002, 1.5), (2.0002, 3), (4, 3), (4, 0)]
    ring = shapely.orient_polygons(shapely.Polygon([at(*place) for place in line]))
    set_shape(layers, "communities", 1, ring)
    before = audited(layers)
    assert before.counts == {"overlap_between_communities": 1, "sliver": 1}
    mending = mend_ground(layers, CRS, on_day=DAY)
    assert mending.after.counts == {"overlap_between_communities": 1}
    size = [f.of("overlap_between_communities")["size_m2"].iloc[0] for f in (before, mending.after)]
    assert size[1] == pytest.approx(size[0], abs=0.1)
    assert "B" in layers["communities"]["id"].tolist(), "the caller's frame is not changed"
    assert audited(layers).counts == before.counts


def test_a_sliver_with_a_door_in_it_is_left_and_said():
    layers = {name: layer for name, layer in clean().items() if name not in {"grids", "posts"}}
    set_shape(layers, "communities", 1, box(1.9997, 0, 4, 3))
    # Entered 1 cm inside the overlap: it names the community that would lose it.
    entrances = np.full(12, None, dtype=object)
    for house, x in ((1, 1.9999), (2, 1.9998)):
        entrances[house] = to_lonlat(np.array([shapely.Point(at(x, 0.5))]), CRS)[0]
    layers["buildings"]["entrance"] = entrances
    mending = mend_ground(layers, CRS, on_day=DAY)
    assert mending.mends == ()
    assert "would move 1 buildings" in mending.left[0]
    assert mending.after.counts == mending.before.counts


def test_a_vertex_that_does_not_move_keeps_its_degrees():
    layers = {"communities": community(drawn(GROUND))}
    set_shape(layers, "communities", 1, box(1.9998, 0, 4, 3))
    stored = {tuple(c) for c in shapely.get_coordinates(layers["communities"].geometry).tolist()}
    mending = mend_ground(layers, CRS, on_day=DAY)
    new = {
        tuple(c) for mend in mending.mends for c in shapely.get_coordinates(mend.geometry).tolist()
    }
    assert new <= stored


def test_detached_specks_are_slivers():
    layers = {"communities": community(drawn(GROUND))}
    speck = box(5, 0, 5.005, 0.005)
    both = shapely.MultiPolygon([drawn(GROUND)["B"], speck])
    set_shape(layers, "communities", 1, shapely.orient_polygons(both))
    row = only(layers, "sliver")
    assert row["detail"] == {"what": "detached_part"}
    assert row["size_m2"] == pytest.approx(0.25, rel=1e-3)
    assert mend_ground(layers, CRS, on_day=DAY).after.counts == {}


def test_only_what_an_import_touched_is_audited():
    layers = stacked(2)
    set_shape(layers, "communities", 1, box(1.97, 0, 4, 3))
    found = audit_ground(layers, CRS, touching={"buildings"})
    assert found.counts == {"building_duplicated": 1}
    assert audit_ground(layers, CRS, touching={"pois"}).counts == {}


def test_the_order_of_rows_does_not_change_what_is_found():
    layers = stacked(4)
    set_shape(layers, "communities", 1, box(1.97, 0, 4, 3))
    again = {name: layer.iloc[::-1].reset_index(drop=True) for name, layer in layers.items()}
    first, second = audited(layers).frame, audited(again).frame
    assert first["kind"].tolist() == second["kind"].tolist()
    assert [sorted(ids) for ids in first["row_ids"]] == [sorted(ids) for ids in second["row_ids"]]
    assert np.allclose(first["size_m2"], second["size_m2"], equal_nan=True)


def test_what_exists_no_more_is_left_out():
    layer = stacked(2)["buildings"]
    layer.loc[13, "valid_to"] = DAY
    layer.loc[12, "valid_from"] = date(2027, 1, 1)
    assert len(living(layer, DAY)) == 12
    assert len(living(layer, date(2026, 4, 30))) == 13


def test_bad_options_systems_and_frames_are_refused():
    with pytest.raises(InvalidInputError, match="duplicate_iou"):
        AuditOptions(duplicate_iou=0.2)
    with pytest.raises(InvalidInputError, match="gap_width_m"):
        AuditOptions(gap_width_m=float("nan"))
    with pytest.raises(InvalidInputError, match="field 'id' is missing"):
        audited({"pois": clean()["pois"].drop(columns="id")})
    with pytest.raises(CrsMismatchError, match="not a projected system"):
        audit_ground(clean(), pyproj.CRS.from_epsg(4326))


@cache
def sample(seed: int) -> Dataset:
    """Return a small subdistrict; the same object each time, so leave it as it is."""
    return generate_subdistrict(households=4000, seed=seed)


def sample_crs(layers: Layers) -> pyproj.CRS:
    west, south, east, north = layers["communities"].total_bounds
    return projected_crs((west + east) / 2, (south + north) / 2)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_a_generated_subdistrict_has_no_fault(seed: int):
    dataset = sample(seed)
    found = audit_dataset(dataset, sample_crs(dict(dataset.layers)), on_day=DAY)
    assert set(found.counts) <= {"ring_order"}, found.table()


@settings(max_examples=20)
@given(st.floats(0.6, 20), st.integers(0, 10_000))
def test_an_overlap_of_any_width_is_found_with_its_size(width: float, pick: int):
    dataset = sample(1)
    crs = sample_crs(dict(dataset.layers))
    homes = dataset.layers["communities"]
    shapes = to_projected(homes["geometry"].to_numpy(), crs)
    row = pick % len(shapes)
    grown = shapely.buffer(shapes[row], width)
    wanted = sum(
        shapely.area(shapely.intersection(grown, other))
        for place, other in enumerate(shapes)
        if place != row
    )
    changed = shapes.copy()
    changed[row] = grown
    moved = gpd.GeoDataFrame(homes).set_geometry(gpd.GeoSeries(to_lonlat(changed, crs), crs=4326))
    found = audit_ground({"communities": moved}, crs).of("overlap_between_communities")
    assert found["size_m2"].sum() == pytest.approx(wanted, rel=0.02, abs=3)
    assert all(homes["id"].iloc[row] in ids for ids in found["row_ids"])
