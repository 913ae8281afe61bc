"""The guard over simulated towns: shifts are found, right layers are let in, doubt is said.

A town has estates of buildings in rows. Every other town is built of three kinds of estate only,
so that parts of it resemble others at a distance.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyproj
import pytest
import shapely

from gis.geometry import shifts
from gis.geometry.crs import projected_crs, to_lonlat
from gis.geometry.source_crs import SourceCrs
from gis.ingest.crs_guard import detect_shift
from gis.ingest.crs_hypotheses import displacement_m, scale_hypotheses, web_map_hypotheses
from gis.ingest.crs_search import correlate_things
from gis.ingest.crs_verdict import Reference, ShiftVerdict, wind

pytestmark = pytest.mark.geometry

PLACES = [
    (117.30, 31.87),
    (116.40, 39.90),
    (113.26, 23.13),
    (104.07, 30.67),
    (121.48, 31.23),
    (126.60, 45.75),
    (112.73, 38.42),
]
RIGHT = ["same", "noise", "subset", "part", "changed", "sparse", "new", "spill", "scatter"]
MISTAKES = {
    "gcj02_as_wgs84": shifts.wgs84_to_gcj02,
    "bd09_as_wgs84": shifts.wgs84_to_bd09,
    "wgs84_as_gcj02": shifts.gcj02_to_wgs84,
}


@dataclass
class Town:
    """Buildings by estate in metres, the projection, and the outline in degrees."""

    estates: list[np.ndarray]
    projection: pyproj.Transformer
    outline: shapely.Geometry
    side: float

    @property
    def buildings(self) -> np.ndarray:
        return np.concatenate(self.estates)

    def lonlat(self, xy: np.ndarray) -> np.ndarray:
        return np.column_stack(self.projection.transform(*xy.T, direction="INVERSE"))

    def metres(self, lonlat: np.ndarray) -> np.ndarray:
        return np.column_stack(self.projection.transform(*lonlat.T))


def make_town(rng: np.random.Generator, *, alike: bool) -> Town:
    place = PLACES[rng.integers(len(PLACES))]
    crs = projected_crs(*place)
    projection = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    side = rng.uniform(900, 5_000)
    count = max(int((side / 1_000) ** 2 * rng.uniform(6, 14)), 6)
    kinds = [_kind(rng) for _ in range(3)]
    estates = []
    for _ in range(count):
        step, size, turn = kinds[rng.integers(3)] if alike else _kind(rng)
        rows = np.stack(np.meshgrid(*(np.arange(n) for n in size)), axis=-1).reshape(-1, 2) * step
        rows = rows + rng.normal(0, 1.5, rows.shape)
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        estates.append(rng.uniform(0, side, 2) + rows @ turned.T + projection.transform(*place))
    hull = shapely.convex_hull(shapely.multipoints(np.concatenate(estates))).buffer(25)
    return Town(estates, projection, to_lonlat([hull], crs)[0], side)


def _kind(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    return rng.uniform(18, 60, 2), rng.integers(2, 7, 2), rng.normal(0, 0.15)


def make_layer(town: Town, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return what is in the store and what comes in, in metres; both lie right."""
    known = town.buildings
    low, high = known.min(axis=0), known.max(axis=0)
    kept = rng.random(len(known))
    match kind:
        case "noise":
            new = known + rng.normal(0, rng.uniform(1, 8), known.shape)
        case "subset":
            new = known[kept < rng.uniform(0.1, 0.6)]
        case "part":
            axis = rng.integers(2)
            new = known[known[:, axis] < np.quantile(known[:, axis], rng.uniform(0.3, 0.7))]
        case "changed":
            others = rng.uniform(low, high, (int(0.3 * len(known)), 2))
            new = np.concatenate([known[kept > 0.3], others])
        case "sparse":
            new = known[rng.choice(len(known), min(len(known), int(rng.integers(12, 60))), False)]
        case "new":
            half = len(town.estates) // 2
            return np.concatenate(town.estates[:half]), np.concatenate(town.estates[half:])
        case "spill":
            beside = known[known[:, 0] > np.quantile(known[:, 0], 0.8)]
            new = np.concatenate([known, beside + np.array([town.side / 4, 0.0])])
        case "scatter":
            new = rng.uniform(low, high, (300, 2))
            new = new[shapely.contains_xy(shapely.convex_hull(shapely.multipoints(known)), new)]
        case "edge":
            middle = [high[0], known[rng.integers(len(known)), 1]]
            new = middle + rng.normal(0, town.side * 0.12, (200, 2))
        case _:
            new = known
    return known, new


def judged(verdict: ShiftVerdict, vector: np.ndarray) -> str:
    if not verdict.refused:
        return verdict.kind
    away = np.hypot(verdict.east_m - vector[0], verdict.north_m - vector[1])
    return "found" if away < 60 else "refused with another vector"


def simulate(
    towns: int, seed: int, against: tuple[str, ...] = ("both", "buildings", "outline")
) -> dict[tuple[str, str, str], Counter[str]]:
    """Return verdicts counted by reference, mistake and kind of layer."""
    rng = np.random.default_rng(seed)
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    kinds = [*RIGHT, "edge"]
    for number in range(towns):
        town = make_town(rng, alike=bool((number + number // len(kinds)) % 2))
        kind = kinds[number % len(kinds)]
        known, new = make_layer(town, kind, rng)
        turn, length = rng.uniform(0, 2 * np.pi), rng.uniform(300, 1_300)
        by = length * np.array([np.cos(turn), np.sin(turn)])
        layers = {"right": town.lonlat(new), "uniform": town.lonlat(new + by)}
        for mistake, wrong in MISTAKES.items():
            layers[mistake] = np.column_stack(wrong(*layers["right"].T))
        references = {
            "both": Reference(town.outline, town.lonlat(known)),
            "buildings": Reference(None, town.lonlat(known)),
            "outline": Reference(town.outline),
        }
        for name in against:
            reference = references[name]
            for mistake, points in layers.items():
                vector = np.median(town.metres(points) - new, axis=0)
                said = judged(detect_shift(points, reference), vector)
                counts.setdefault((name, mistake, kind), Counter())[said] += 1
    return counts


def totals(
    counts: dict[tuple[str, str, str], Counter[str]], reference: str, mistake: str
) -> Counter[str]:
    rows = [
        row
        for (name, what, kind), row in counts.items()
        if name == reference and what == mistake and kind != "edge"
    ]
    return sum(rows, Counter())


@pytest.mark.slow
def test_right_layers_go_in_and_wrong_ones_do_not():
    counts = simulate(9, 1, against=("both",))
    assert set(totals(counts, "both", "right")) <= {"fits", "unclear"}
    for mistake in MISTAKES:
        both = totals(counts, "both", mistake)
        assert both["found"] >= 0.85 * both.total(), (mistake, both)
    assert totals(counts, "both", "uniform")["found"] >= 0.75 * 9


@pytest.mark.slow
@pytest.mark.timeout(1800)  # two minutes of work, many more where the machine has other work
def test_the_shares_of_false_alarms_and_misses():
    """What docs/adr/019 states of it, over 900 verdicts."""
    counts = simulate(60, 20240501)
    for reference in ("both", "buildings", "outline"):
        right = totals(counts, reference, "right")
        assert right.total() - right["fits"] - right["unclear"] <= 0.01 * right.total(), right
    for mistake in MISTAKES:
        both = totals(counts, "both", mistake)
        assert both["found"] >= 0.97 * both.total(), (mistake, both)
        outline = totals(counts, "outline", mistake)
        assert outline["found"] >= 0.8 * outline.total(), (mistake, outline)
    uniform = totals(counts, "both", "uniform")
    assert uniform["found"] >= 0.85 * uniform.total(), uniform
    assert uniform["fits"] <= 0.02 * uniform.total(), uniform


@pytest.fixture(scope="module")
def town():
    return make_town(np.random.default_rng(5), alike=False)


@pytest.fixture(scope="module")
def points(town):
    return town.lonlat(town.buildings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "true"),
    [
        (read, true)
        for read in ("EPSG:4326", "gcj02", "bd09")
        for true in ("EPSG:4326", "gcj02", "bd09")
        if read != true
    ],
)
@pytest.mark.parametrize("against", ["buildings", "outline"])
def test_each_confusion_of_web_maps_is_named_with_its_remedy(town, points, read, true, against):
    raw = SourceCrs.parse(true, "").from_lonlat(shapely.points(points))
    declared = SourceCrs.parse(read, "")
    as_read = shapely.get_coordinates(declared.to_lonlat(raw))
    reference = Reference(None, points) if against == "buildings" else Reference(town.outline)
    verdict = detect_shift(as_read, reference, declared=declared)
    words = {"EPSG:4326": "wgs84"}
    assert verdict.cause == f"{words.get(true, true)}_as_{words.get(read, read)}"
    assert f"--crs {true}" in verdict.remedy


@pytest.mark.parametrize("metres", [40, 120, 220])
def test_a_short_shift_is_noted_and_not_refused(town, points, metres):
    moved = town.lonlat(town.buildings + np.array([0.6, 0.8]) * metres)
    verdict = detect_shift(moved, Reference(town.outline, points))
    assert verdict.kind == "fits"
    assert f"{metres} m to the south-west" in verdict.notes[0]


@pytest.mark.parametrize(
    ("declared", "true", "claim"),
    [
        ("EPSG:4549", "EPSG:4548", "EPSG:4548 read as EPSG:4549"),
        ("EPSG:4528", "EPSG:4527", "EPSG:4527 read as EPSG:4528"),
        ("EPSG:2364", "EPSG:2363", "EPSG:2363 read as EPSG:2364"),
        ("EPSG:4509", "EPSG:4508", "EPSG:4508 read as EPSG:4509"),
        ("EPSG:32651", "EPSG:32650", "EPSG:32650 read as EPSG:32651"),
    ],
)
def test_another_zone_is_named(declared, true, claim):
    lonlat = np.random.default_rng(2).uniform((117.28, 31.86), (117.32, 31.89), (200, 2))
    xy = shapely.get_coordinates(SourceCrs.parse(true, "").from_lonlat(shapely.points(lonlat)))
    # The same figures, number of the zone included, under the other declaration.
    prefix = {"EPSG:4528": 1e6, "EPSG:2364": 1e6}.get(declared, 0.0)
    shapes = shapely.points(xy + np.array([prefix, 0.0]))
    read = SourceCrs.parse(declared, "")
    verdict = detect_shift(
        shapely.get_coordinates(read.to_lonlat(shapes)),
        Reference(shapely.box(117.27, 31.85, 117.33, 31.90)),
        declared=read,
    )
    assert verdict.kind == "elsewhere"
    assert verdict.sentence.startswith(f"looks like {claim}: the layer lies ")
    assert verdict.confidence == 0.99


def test_too_few_points_are_said_to_be_too_few(town, points):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*points[:8].T))
    verdict = detect_shift(shifted, Reference(town.outline, points))
    assert verdict.kind == "unclear"
    assert "too few" in " ".join(verdict.notes)


def test_without_a_reference_nothing_is_said(points):
    verdict = detect_shift(points, Reference())
    assert verdict.kind == "nothing_to_compare"
    assert not verdict.refused


@pytest.mark.parametrize("points", [np.empty((0, 2)), np.full((20, 2), np.nan)])
def test_a_layer_without_points_is_unclear(town, points):
    assert detect_shift(points, Reference(town.outline)).kind == "unclear"


def test_rows_that_are_no_numbers_do_not_matter(town, points):
    broken = np.concatenate([points, [[np.nan, 31.0], [np.inf, np.inf]]])
    assert detect_shift(broken, Reference(town.outline, points)).kind == "fits"


def test_many_buildings_on_one_spot_do_not_outvote_the_others(town, points):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*points.T))
    stacked = np.concatenate([shifted, np.repeat(points[:1], 500, axis=0)])
    verdict = detect_shift(stacked, Reference(None, points))
    assert verdict.cause != ""


def test_the_same_twice_is_the_same(town, points):
    shifted = np.column_stack(shifts.wgs84_to_bd09(*points.T))
    reference = Reference(town.outline, points)
    assert detect_shift(shifted, reference) == detect_shift(shifted.copy(), reference)


def test_the_peak_is_refined_below_a_metre(town):
    by = np.array([417.3, -288.8])
    peak = correlate_things(town.buildings + by, town.buildings)
    assert (peak.east, peak.north) == pytest.approx(tuple(by), abs=0.5)


def test_shifts_of_hefei_are_as_the_formulas_predict():
    vectors = {h.code: displacement_m(h, (117.3, 31.87)) for h in web_map_hypotheses(None)}
    assert np.hypot(*vectors["gcj02_as_wgs84"]) == pytest.approx(572, abs=10)
    assert wind(*vectors["gcj02_as_wgs84"]) == "east-south-east"
    assert np.hypot(*vectors["bd09_as_wgs84"]) == pytest.approx(1_220, abs=20)
    assert wind(*vectors["bd09_as_wgs84"]) == "east-north-east"
    [north, south] = [displacement_m(h, (117.3, 31.87))[1] for h in scale_hypotheses()]
    assert north == pytest.approx(-1_414, abs=15)
    assert south == pytest.approx(1_414, abs=15)


@pytest.mark.parametrize(
    ("east", "north", "name"),
    [(0, 1, "north"), (1, 1, "north-east"), (523, -222, "east-south-east"), (-1, 0, "west")],
)
def test_winds(east, north, name):
    assert wind(east, north) == name
    assert wind(0, 0) == ""
