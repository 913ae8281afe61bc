"""Real extracts: a small one without boundary, and a whole city with its boundary."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.frames import Dataset
from gis.geometry.crs import projected_crs, to_projected
from gis.geometry.tessellation import tessellation_problems
from gis.ingest import HouseholdOptions, read_boundary, read_osm

DATA = Path(__file__).parents[3] / "shared/data/osm"
pytestmark = [
    pytest.mark.geometry,
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/osm is not on this machine"),
]


def check(data: Dataset, ground: shapely.Geometry) -> None:
    """Prove what must hold for any data set: communities tile, buildings are in one, counts add."""
    communities, buildings = data.layers["communities"], data.layers["buildings"]
    crs = projected_crs(*ground.representative_point().coords[0])
    parts = to_projected(communities.geometry.to_numpy(), crs)
    assert tessellation_problems(parts, to_projected([ground], crs)[0]) == []
    points = shapely.point_on_surface(buildings.geometry.to_numpy())
    row, found = shapely.STRtree(communities.geometry.to_numpy()).query(points, "intersects")
    assert np.array_equal(np.sort(row), np.arange(len(buildings)))
    named = communities["id"].to_numpy()[found[np.argsort(row)]]
    assert (named == buildings["community_id"].to_numpy()).all()
    quarters = data.layers["quarters"].set_index("id")["community_id"]
    of_quarter = buildings.dropna(subset=["quarter_id"])
    assert (quarters.loc[of_quarter["quarter_id"]].to_numpy() == of_quarter["community_id"]).all()
    homes = buildings.groupby("community_id")["households"].sum()
    assert homes.min() > 0.7 * homes.mean()
    assert homes.max() < 1.3 * homes.mean()


def test_helsinki_gives_a_working_set_without_a_boundary():
    data = read_osm(DATA / "helsinki_small.osm.pbf", households=HouseholdOptions(known_total=5_000))
    box = shapely.box(24.9351762, 60.1641550, 24.9534145, 60.1791130)
    check(data, box)
    buildings = data.layers["buildings"]
    assert len(buildings) == 434
    assert buildings["households"].sum() == 5_000
    assert data.report["communities"] == 2
    kinds = data.layers["crossings"]["kind"].value_counts()
    assert kinds["underpass"] > kinds["level_crossing"] > 0
    assert {"arterial", "river", "railway"} <= set(data.layers["barriers"]["barrier_class"])
    assert data.layers["station_services"]["opening_hours"].notna().sum() > 5


#: Reads in a process of its own, so that its peak memory is the reader's alone.
READ = """
import pickle, sys
from pathlib import Path
from gis.ingest import read_boundary, read_osm
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
boundary = read_boundary(folder / "las_palmas_boundary.geojson")
data = read_osm(folder / "las_palmas.osm.pbf", boundary=boundary)
content = (data.name, data.scope_code, dict(data.layers), dict(data.report))
out.write_bytes(pickle.dumps(content))
"""


@pytest.mark.slow
def test_las_palmas_gives_a_working_set_of_a_whole_city_in_little_memory(tmp_path: Path):
    out = tmp_path / "data.pickle"
    subprocess.run([sys.executable, "-c", READ, DATA, out], check=True, timeout=300)
    data = Dataset(*pickle.loads(out.read_bytes()))  # noqa: S301 - written one line above
    check(data, read_boundary(DATA / "las_palmas_boundary.geojson"))
    assert len(data.layers["buildings"]) > 22_000
    assert data.report["communities_derived"]
    # 378,675 residents were registered in 2021, about 145,000 households.
    assert data.report["households"] == pytest.approx(145_000, rel=0.25)
    assert data.report["admin_coverage"] < 0.95
    assert set(data.layers["divisions"]["name"]) == {"Las Palmas de Gran Canaria"}
    peak_mb = data.report["peak_memory_mb"]
    assert isinstance(peak_mb, dict)
    assert max(peak_mb.values()) < 1_500


#: Starts a reader while it holds 800 MB itself.
HEAVY = """
import subprocess, sys
held = b"x" * 800_000_000
subprocess.run([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], check=True)
"""
PEAK = """
import sys
from pathlib import Path
from gis.ingest import read_osm
report = read_osm(Path(sys.argv[1])).report
print(max(report["peak_memory_mb"].values()))
"""


@pytest.mark.slow
def test_the_peak_of_memory_is_the_readers_own():
    command = [sys.executable, "-c", HEAVY, PEAK, DATA / "helsinki_small.osm.pbf"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert 50 < float(told.stdout) < 700
