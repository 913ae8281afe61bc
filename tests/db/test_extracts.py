"""The whole chain on real OpenStreetMap extracts: from the file to the coverage map."""

import json
from pathlib import Path

import geopandas as gpd
import jsonschema
import pytest
import shapely
from sqlalchemy import text

from gis.database.engine import make_engine, session_factory
from gis.jobs.demo import database_name, run_demo
from gis.jobs.extract import extract_input
from gis.settings import Settings

DATA = Path(__file__).parents[3] / "shared/data/osm"
SCHEMAS = Path(__file__).parents[2] / "docs/schemas"
pytestmark = [
    pytest.mark.db,
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data are not beside the project"),
]


def run(cluster, path: Path, boundary: Path | None, out: Path):
    settings = Settings(database_url=cluster.url("postgres"))
    source = extract_input(path, boundary, None)
    cluster.drop_database(database_name(source.key))
    result = run_demo(settings, source, out)
    return source, result


def check(cluster, source, result, out: Path) -> gpd.GeoDataFrame:
    """Whatever holds for every plan on real ground."""
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads((SCHEMAS / "report.schema.json").read_text()))
    grids = json.loads((out / "grids.geojson").read_text(encoding="utf-8"))
    jsonschema.validate(grids, json.loads((SCHEMAS / "grids.schema.json").read_text()))
    assert report["incidents_assigned"] == 3_000
    frame = gpd.read_file(out / "grids.geojson")
    metres = frame.to_crs(frame.estimate_utm_crs()).geometry.to_numpy()
    overlap = shapely.area(metres).sum() - shapely.area(shapely.union_all(metres))
    assert abs(overlap) < 0.2  # m² over a whole city
    engine = make_engine(cluster.url(database_name(source.key)))
    with session_factory(engine)() as session:
        session.execute(text("SELECT check_plan(id) FROM grid_plans"))
        assert session.execute(text("SELECT bool_and(synthetic) FROM incidents")).scalar_one()
        homeless = text("SELECT count(*) FROM buildings WHERE community_id IS NULL")
        assert session.execute(homeless).scalar_one() == 0
        sums = session.execute(text("SELECT sum(households), count(*) FROM buildings")).one()
        assert int(frame["households"].sum()) == sums[0]
    engine.dispose()
    page = (out / "coverage.html").read_text(encoding="utf-8")
    assert "OpenStreetMap contributors" in page
    assert 'src="http' not in page
    cluster.drop_database(database_name(source.key))
    return frame


@pytest.mark.slow
def test_helsinki(cluster, tmp_path):
    source, result = run(cluster, DATA / "helsinki_small.osm.pbf", None, tmp_path)
    frame = check(cluster, source, result, tmp_path)
    assert source.timezone == "Europe/Helsinki"
    assert result.report["noncontiguous"] == 0
    assert result.report["share_in_range"] >= 0.9
    assert set(frame.geometry.geom_type) == {"Polygon"}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_las_palmas(cluster, tmp_path):
    boundary = DATA / "las_palmas_boundary.geojson"
    source, result = run(cluster, DATA / "las_palmas.osm.pbf", boundary, tmp_path)
    frame = check(cluster, source, result, tmp_path)
    assert source.timezone == "Atlantic/Canary"
    assert result.report["grids"] > 250
    assert result.report["share_in_range"] >= 0.95
    assert 0 < result.report["uncovered_households"] < int(frame["households"].sum())
