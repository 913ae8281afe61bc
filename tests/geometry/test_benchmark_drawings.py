"""The benchmark of drawings: its instances, its scorer against another one, limits and tables."""

import importlib.util
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))  # the benchmarks are programs, no package

from drawings.clocks import cpu_s, measured  # noqa: E402
from drawings.instances import SHARED, Instance, load  # noqa: E402
from drawings.peers import PEERS, edge_weights, metis  # noqa: E402
from drawings.running import PEERS_PYTHON, Job, Limits, Row, Runner, Store  # noqa: E402
from drawings.scoring import crossing, moved_pct, score, torn  # noqa: E402
from drawings.table import BEGIN, COLUMNS, END, comparison, write_section  # noqa: E402
from drawings.units import TARGET, Ints, Units, by_community, lattice  # noqa: E402

pytestmark = pytest.mark.geometry
SCORER = ROOT.parent / "shared/tools/districting/score.py"


@pytest.fixture(scope="module")
def city() -> Instance:
    return load("voronoi:48:7")


@cache
def town() -> Instance:
    return load("voronoi:24:5")


def scattered(units: Units, count: int, seed: int) -> Ints:
    """Label each unit by the nearest of ``count`` units: rarely balanced, often over lines."""
    rng = np.random.default_rng(seed)
    places = np.c_[units.x_m, units.y_m]
    centres = places[rng.choice(units.size, min(count, units.size), replace=False)]
    return np.argmin(((places[:, None] - centres) ** 2).sum(axis=2), axis=1)


# ---- instances -------------------------------------------------------------------------------


def test_the_made_city_tiles_its_square(city: Instance):
    width = 48 * 45
    cells = city.cells
    assert cells.size == 48 * 48
    assert cells.area_m2.sum() == pytest.approx(width**2)
    assert cells.outer_border_m.sum() == pytest.approx(4 * width)
    ends = np.split(np.c_[cells.vertex_x_m, cells.vertex_y_m], cells.vertex_indptr[1:-1])
    around = [shapely.Polygon(ring).length for ring in ends]
    shared = np.bincount(cells.source, cells.border_m) + cells.outer_border_m
    assert shared == pytest.approx(around)
    assert set(cells.barrier_class.tolist()) == {0, 1, 2, 3}
    assert len(np.unique(cells.community)) == 4
    assert city.digest == load("voronoi:48:7").digest != load("voronoi:48:8").digest


def test_a_quarter_is_one_unit_and_nothing_is_lost(city: Instance):
    units, cells = city.units, city.cells
    quarters = np.flatnonzero(np.bincount(city.unit) > 1)
    assert len(quarters) >= 5
    for name in ("households", "area_m2", "outer_border_m"):
        assert getattr(units, name).sum() == pytest.approx(getattr(cells, name).sum())
    between = city.unit[cells.source] != city.unit[cells.indices]
    assert units.border_m.sum() == pytest.approx(cells.border_m[between].sum())
    assert len(units.vertex_x_m) == len(cells.vertex_x_m)
    assert load("voronoi:48:7").units.indices.tolist() == units.indices.tolist()


def test_growth_adds_a_tenth_in_one_quarter_to_units_and_cells_alike(city: Instance):
    more = city.grown()
    before = city.units.households
    assert more.units.households.sum() == before.sum() + before.sum() // 10
    grew = more.units.households > before
    assert (city.units.x_m[grew] > np.median(city.units.x_m)).all()
    assert (city.units.y_m[grew] > np.median(city.units.y_m)).all()
    assert np.bincount(city.unit, more.cells.households).tolist() == more.units.households.tolist()


def test_units_survive_a_file(city: Instance, tmp_path: Path):
    city.units.save(tmp_path / "units.npz")
    again = Units.open(tmp_path / "units.npz")
    assert all(np.array_equal(getattr(again, k), v) for k, v in vars(city.units).items())


def test_a_part_is_what_its_community_would_be_alone(city: Instance):
    ids = np.flatnonzero(city.units.community == city.units.community[0])
    part = city.units.part(ids)
    assert part.size == len(ids)
    assert part.households.sum() == city.units.households[ids].sum()
    around = np.bincount(city.units.source, city.units.border_m) + city.units.outer_border_m
    assert np.bincount(part.source, part.border_m) + part.outer_border_m == pytest.approx(
        around[ids]
    )
    assert np.array_equal(part.x_m[part.indices], city.units.x_m[ids][part.indices])
    label = by_community(city.units, lambda one: scattered(one, one.count, 0))
    assert len(crossing(city, label)) == 0
    assert len(crossing(city, scattered(city.units, 40, 0))) > 0


def test_an_unknown_instance_is_named():
    with pytest.raises(SystemExit, match=r"nowhere\.npz"):
        load("nowhere.npz")


# ---- the scorer ------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_pieces_and_lines_agree_with_the_measures(count: int, seed: int):
    from gis.districting import evaluate

    instance = town()
    units = instance.units
    label = scattered(units, count, seed)
    rng = np.random.default_rng(seed)
    stray = rng.choice(units.size, 3)
    label[stray] = label[rng.choice(units.size, 3)]  # so that some grids are torn
    found = score(instance, label)
    assert found["crossing"] == 0
    measures = evaluate(instance.cells, label[instance.unit])
    assert found["noncontiguous"] == measures.noncontiguous
    ids = np.unique(label)
    assert torn(instance, label).tolist() == np.flatnonzero(measures.pieces > 1).tolist()
    assert found["k"] == len(ids)


def test_units_left_out_are_counted(city: Instance):
    label = scattered(city.units, 30, 1)
    label[:7] = -1
    assert score(city, label)["unassigned"] == 7


def test_who_stays_and_who_moves():
    households = np.array([10, 20, 30, 40])
    before = np.array([5, 5, 7, 7])
    assert moved_pct(households, before, np.array([1, 1, 0, 0])) == 0  # names do not matter
    assert moved_pct(households, before, np.array([1, 0, 0, 0])) == pytest.approx(20)
    assert moved_pct(households, before, np.array([2, 2, 2, 2])) == pytest.approx(30)
    assert moved_pct(households, before, np.array([1, 1, 2, 3])) == pytest.approx(30)


def other_scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("other_scorer", SCORER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.realdata
@pytest.mark.skipif(
    not (SCORER.is_file() and SHARED.is_dir()), reason="../shared has the other scorer"
)
@pytest.mark.parametrize("name", ["mini_2k", "S_15k", pytest.param("L_1M", marks=pytest.mark.slow)])
def test_another_scorer_says_the_same(name: str):
    other, instance = other_scorer(), load(name)
    graph = other.load(name)
    units = instance.units
    assert np.array_equal(units.indices, graph.indices)
    assert np.array_equal(units.indptr, graph.indptr)
    assert np.array_equal(units.barrier_class, graph.ebar)
    assert units.cost_m == pytest.approx(graph.ew)
    assert np.array_equal(edge_weights(units), graph.ei)
    many = max(1, units.count // 20)  # few centres keep the array of distances small
    labels = [scattered(units, many, 1), by_community(units, lambda one: metis(one, one.count, 1))]
    for label in labels:
        ours, theirs = score(instance, label), other.score(graph, label)
        assert ours["k"] == theirs["k"]
        assert ours["noncontiguous"] == theirs["noncontig"]
        assert ours["straddling"] == theirs["straddle"]
        assert ours["max_dev"] == theirs["max_dev"]
        assert ours["mean_dev"] == pytest.approx(theirs["mean_dev"], abs=0.006)
        assert ours["in_band_pct"] == pytest.approx(theirs["in_300_500"], abs=0.06)
        assert ours["pp"] == pytest.approx(theirs["pp"], abs=6e-5)
        assert ours["reock"] == pytest.approx(theirs["reock"], abs=6e-5)
        assert ours["border_km"] == pytest.approx(theirs["cut_km"], abs=6e-4)
        assert ours["weighted_km"] == pytest.approx(theirs["wcut_km"], abs=6e-4)


# ---- processes -------------------------------------------------------------------------------


def runner(instance: Instance, python: Path, folder: Path, cpu: float = 60) -> Runner:
    pythons = {"peer": python, "wangge": Path(sys.executable)}
    return Runner(instance, pythons, Limits(cpu, 6), Store(folder, reuse=True))


def test_a_peer_runs_in_its_own_process_and_is_kept(tmp_path: Path):
    instance = town()
    first = runner(instance, Path(sys.executable), tmp_path).run(Job("peer", "metis-100", 0))
    assert not first.error
    assert first.score["noncontiguous"] == 0
    assert first.score["in_band_pct"] == 100
    assert first.versions.keys() == {"pymetis"}
    assert first.cost["mb"] > 20
    nobody = tmp_path / "there is no such interpreter"
    again = runner(instance, nobody, tmp_path).run(Job("peer", "metis-100", 0))
    assert again == replace(first, kept=True)


LIMIT = "from drawings.worker import _limit; _limit"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "said"),
    [
        (f"{LIMIT}(dict(limit=0, memory_gb=1))\nwhile True: pass", "no answer in 7 s of CPU"),
        (f"{LIMIT}(dict(limit=9, memory_gb=0.5)); bytearray(2**30)", "MemoryError"),
        (f"import os; os.kill(os.getpid(), {signal.SIGABRT.value})", "ended by SIGABRT"),
        ("raise SystemExit('no licence')", "no licence"),
    ],
)
def test_what_a_peer_cannot_do_is_a_row(tmp_path: Path, program: str, said: str):
    script = tmp_path / "program.py"
    script.write_text(program)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH=. exec "{sys.executable}" "{script}"\n')
    python.chmod(0o755)
    row = runner(load("voronoi:12"), python, tmp_path / "store", 7).run(Job("peer", "hess", 0))
    assert row.error == said
    assert comparison([("Hess", [row])]).splitlines()[2].startswith(f"| Hess | {said} |")


def test_what_it_started_is_measured_too():
    work = """
import sys, time
sys.stdin.readline()
large = b"x" * 80_000_000
until = time.process_time() + 0.3  # whatever its start has cost
while time.process_time() < until:
    pass
print(flush=True)
sys.stdin.readline()
"""
    cost: dict[str, float] = {}
    with subprocess.Popen(
        [sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin
        assert child.stdout
        with measured(cost):
            child.stdin.write(b"begin\n")
            child.stdin.flush()
            child.stdout.readline()
    assert 0.1 < cost["cpu_s"] < cpu_s()
    assert cost["mb"] > 80
    assert cost["wall_s"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not PEERS_PYTHON.is_file(), reason="./run bench-env has not been run")
@pytest.mark.parametrize("method", [name for name in PEERS if "recom" not in name])
def test_every_peer_draws_the_grids_it_is_asked_for(tmp_path: Path, method: str):
    instance = load("voronoi:12:5")
    row = runner(instance, PEERS_PYTHON, tmp_path).run(Job("peer", method, 0))
    assert not row.error
    assert row.score["unassigned"] == 0
    wanted = round(instance.units.households.sum() / TARGET)
    assert row.score["k"] == wanted or "max-p" in method
    assert row.versions.keys() <= set(PEERS[method].packages)
    assert row.versions


# ---- tables ----------------------------------------------------------------------------------


def row_of(**numbers: float) -> Row:
    values = {column.key: 1.0 for column in COLUMNS} | {"unassigned": 0} | numbers
    return Row(Job("peer", "x", 0), "a", values, {}, {}, "2026-01-01")


def test_seeds_show_their_worst_where_a_rule_holds_and_their_median_else():
    rows = [row_of(noncontiguous=n, pp=n / 10, in_band_pct=100 - n) for n in (0, 1, 5)]
    line = comparison([("METIS", rows)]).splitlines()[2].split(" | ")
    titles = ["", *(column.title for column in COLUMNS)]
    shown = dict(zip(titles, line, strict=True))
    assert shown["in pieces"] == "5"
    assert shown["300–500, %"] == "95.0"
    assert shown["PP"] == "0.100"


def test_a_section_is_replaced_between_its_marks(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"# A\n{BEGIN}\nold\n{END}\nrest\n", encoding="utf-8")
    write_section(page, "new\n")
    write_section(page, "newer")
    assert page.read_text(encoding="utf-8") == f"# A\n{BEGIN}\n\nnewer\n\n{END}\nrest\n"
    page.write_text("# A\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="lacks the marks"):
        write_section(page, "new")


def test_the_page_has_the_marks():
    text = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1


def test_what_warms_a_method_up_can_be_drawn():
    from drawings.wangge import drawn

    plan = drawn(lattice(6), {"preset": "fast"}, 0)
    assert plan.measures.share_in_range == 1
