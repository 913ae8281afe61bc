"""The benchmarks of reach on small sizes; they compare their answers with the peers' themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_benchmarks import FOLDER, run

ROOT = FOLDER.parent
OSM = ROOT.parent / "shared/data/osm/helsinki_small.osm.pbf"
pytestmark = pytest.mark.unit
needs_peers = pytest.mark.skipif(
    not (ROOT / ".tools/bench-venv/bin/python").is_file(),
    reason="the peers are not installed (./run bench-env)",
)


@pytest.mark.slow
@needs_peers
def test_floating_catchments(tmp_path: Path):
    command = ["--pairs", "5000", "--repeats", "1"]
    result = run("floating_catchment.py", *command, json_to=tmp_path / "out.json")
    assert result["title"].startswith("5,000 pairs")
    assert result["ratios"].keys() == {
        "access, 2SFCA / Wangge, 2SFCA",
        "access, E2SFCA / Wangge, E2SFCA",
    }


@pytest.mark.slow
@pytest.mark.realdata
@needs_peers
@pytest.mark.skipif(not OSM.is_file(), reason="../shared/data/osm is not on this machine")
def test_isochrones(tmp_path: Path):
    command = ["--osm", str(OSM), "--stations", "5", "--minutes", "5", "--repeats", "1"]
    result = run("isochrones.py", *command, json_to=tmp_path / "out.json")
    wrong = {name: sum(errors) for name, errors in result["errors"].items()}
    assert len(wrong) == 5
    assert wrong["Wangge"] < min(error for name, error in wrong.items() if "hull" in name)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["floating_catchment.py", "isochrones.py"])
def test_without_the_peers_they_say_how_to_get_them(tmp_path: Path, program):
    command = [sys.executable, str(FOLDER / program), "--peers-python", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert "./run bench-env" in done.stderr
