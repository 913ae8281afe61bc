"""Benchmarks run, on tiny sizes: each is a program of its own and compares its answers itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pytest

from tests.data.osm_town import outline, street_town

pytestmark = pytest.mark.unit
FOLDER = Path(__file__).parents[2] / "benchmarks"
SMALL = ["--repeats", "1", "--grids", "40"]


def run(name: str, *arguments: str, json_to: Path) -> dict[str, object]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANGGE_")}
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments, "--json", str(json_to)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(json_to.read_text(encoding="utf-8"))


def test_every_program_is_described():
    described = (FOLDER / "README.md").read_text(encoding="utf-8")
    programs = {file.name for file in FOLDER.glob("*.py")} - {"harness.py", "ground.py"}
    assert len(programs) >= 4
    assert not {name for name in programs if f"`{name}" not in described}


@pytest.mark.slow
def test_the_locator_in_memory(tmp_path: Path):
    result = run("locate.py", *SMALL, "--points", "20000", json_to=tmp_path / "out.json")
    assert result["ratios"].keys() == {
        "geopandas.sjoin / locator",
        "geopandas.sjoin / locator, border distance and neighbour",
        "geopandas.sjoin / locator, compiled and used once",
    }
    assert all(len(runs) == 1 for runs in result["runs"].values())


@pytest.mark.slow
def test_what_access_adds(tmp_path: Path):
    sizes = ["--buildings", "4000", "--requests", "50"]
    result = run("access.py", *SMALL, *sizes, json_to=tmp_path / "out.json")
    assert result["ratios"].keys() == {"one community / everywhere"}
    operations = ("/v1/locate", "/v1/communities/{id}", "/healthz")
    credentials = ("with a token", "with a key", "with a token, one community")
    carried = {f"{one} {credential}" for one in operations for credential in credentials}
    assert result["added_ms"].keys() == carried
    assert carried < result["runs"].keys()
    assert {name for name, runs in result["runs"].items() if len(runs) == 1} == {
        "everywhere",
        "one community",
    }


@pytest.mark.slow
def test_grids_against_a_peer(tmp_path: Path):
    store, curve = tmp_path / "store", tmp_path / "curve.csv"
    command = ["voronoi:12:3", "--only", "wangge-fast,metis-100", "--repeats", "1"]
    command += ["--peers-python", sys.executable, "--store", str(store)]
    command += ["--curve", str(curve), "--factors", "1,8"]
    rows = run("districting.py", *command, json_to=tmp_path / "out.json")["rows"]
    drawn = {row["job"]["method"]: row for row in rows if row["job"]["scenario"] == "draw"}
    ours = {"wangge-fast", "wangge-balanced×1", "wangge-balanced×8"}
    assert drawn.keys() == {"metis-100", *ours}
    for row in rows:
        assert not row["error"]
        assert row["score"]["noncontiguous"] == row["score"]["crossing"] == 0
        assert row["cost"]["mb"] > 20
    [grown] = [row for row in rows if row["job"]["scenario"] == "grow"]
    assert 0 <= grown["cost"]["floor_pct"] <= 100
    assert 0 < grown["cost"]["moved_pct"] < 50
    [edited] = [row for row in rows if row["job"]["scenario"] == "edit"]
    assert edited["cost"]["edits"] > 10
    assert edited["cost"]["us_per_edit"] > 0
    assert len(curve.read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.slow
def test_grids_without_the_peers_say_how_to_get_them(tmp_path: Path):
    command = [sys.executable, str(FOLDER / "districting.py"), "voronoi:12"]
    command += ["--peers-python", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert "./run bench-env" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "size"),
    [
        ("import_buildings.py", ["--buildings", "1500"]),
        ("assign_points.py", ["--points", "3000"]),
    ],
)
def test_the_database_against_geopandas(tmp_path: Path, program, size):
    result = run(program, *SMALL, *size, json_to=tmp_path / "out.json")
    assert len(result["ratios"]) == 2
    for runs in result["runs"].values():
        assert all(value >= 0 for value in runs[0].values())
        assert runs[0]["client_s"] + runs[0]["server_s"] > 0


@pytest.mark.slow
def test_the_demo_is_warm_the_second_time(tmp_path: Path):
    town = street_town(4, 4).write(tmp_path / "town.osm")
    ground = tmp_path / "ground.geojson"
    gpd.GeoSeries([outline(800, 800)], crs=4326).to_file(ground)
    arguments = ["--repeats", "1", "--osm", str(town), "--boundary", str(ground)]
    first, warm = run("demo_warm.py", *arguments, json_to=tmp_path / "out.json")
    assert {"load", "draw", "assign", "map"} <= first["steps_s"].keys()
    assert "load" not in warm["steps_s"]
    assert {"draw", "assign", "map"} <= warm["steps_s"].keys()
    for one in (first, warm):
        assert one["client_s"] > 0
        assert one["server_s"] > 0
        assert one["client_peak_mb"] > 50


@pytest.mark.slow
def test_files_against_geopandas_and_ogr2ogr(tmp_path: Path):
    sizes = ["--repeats", "1", "--points", "2000", "--buildings", "500"]
    result = run("import_files.py", *sizes, json_to=tmp_path / "out.json")
    peers = 2 if shutil.which("ogr2ogr") else 1
    assert len(result["ratios"]) == 2 * 2 * 2 * peers  # files, targets, checked or not
    assert len(result["medians"]) == 2 * 2 * (2 + peers)
    assert all(peak > 1 for peak in result["peaks_mb"].values())
    assert all(rate > 0 for rate in result["rows_per_cpu_s"].values())
