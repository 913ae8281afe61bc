"""The whole chain on a mixed file of vector tiles: from the mapping file to the coverage map."""

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

from gis.database.engine import make_engine, session_factory
from gis.i18n import LANGUAGES
from gis.ingest.mapped import read_mapped
from gis.ingest.mapping_file import read_mapping
from gis.jobs.demo import DemoInput, database_name, run_demo
from gis.jobs.extract import with_matters
from gis.settings import Settings

FILE = Path(__file__).parents[3] / "shared/data/shanghai/shanghai_bund.geojson"
MAPPING = Path(__file__).parents[2] / "docs/examples/shanghai-bund.mapping.toml"
ZONE = "Asia/Shanghai"
pytestmark = [
    pytest.mark.db,
    pytest.mark.realdata,
    pytest.mark.skipif(
        not FILE.is_file(), reason="the shared real data are not beside the project"
    ),
]


@pytest.fixture(scope="module")
def dataset():
    return read_mapped(FILE, read_mapping(MAPPING))


def features_by_id() -> dict[str, list[dict]]:
    """Return the features of the buildings' layer by id, as the file itself has them."""
    found: dict[str, list[dict]] = {}
    for feature in json.loads(FILE.read_text(encoding="utf-8"))["features"]:
        if feature["properties"]["_layer"] == "buildings":
            found.setdefault(str(feature["properties"]["id"]), []).append(feature)
    return found


def test_every_building_is_accounted_for(dataset):
    features = features_by_id()
    assert len(features) == 1_517
    told = dataset.report["left_out"]["buildings"]
    assert told["features"] == 1_517
    assert told["why"]["kind"] == {"building_part": 129, "address": 46, "entrance": 20}
    assert told["why"]["geometry"] == {"Point": 1}
    beyond = dataset.report["buildings_outside_the_ground"]
    frame = dataset.layers["buildings"]
    assert len(frame) + beyond + told["left_out"] == 1_517
    outlines = {
        key
        for key, own in features.items()
        for each in own
        if each["properties"]["kind"] == "building" and each["geometry"]["type"] == "Polygon"
    }
    assert set(frame["source_id"]) <= outlines
    assert len(outlines) == len(frame) + beyond


def test_pieces_are_whole_again(dataset):
    frame = dataset.layers["buildings"]
    pieces = features_by_id()
    assert frame["source_id"].is_unique
    for key, whole in zip(frame["source_id"], frame.geometry, strict=True):
        own = [
            shapely.geometry.shape(each["geometry"])
            for each in pieces[key]
            if each["geometry"]["type"] == "Polygon"
        ]
        united = shapely.union_all(own)
        assert whole.geom_type == "Polygon"
        assert abs(united.area - whole.area) <= 1e-9 * united.area


def test_report_says_what_is_derived(dataset):
    report = dataset.report
    assert report["attribution"] == "© OpenStreetMap contributors"
    assert report["communities_derived"] is True
    assert report["households_recorded"] == 0
    assert report["households_estimated"] == report["households"] > 10_000
    assert report["rows_of_no_section"] == {"boundaries": 18, "earth": 34}
    communities = dataset.layers["communities"]
    assert communities["derived"].all()
    names = set(communities["name"])
    assert {"外滩", "陆家嘴", "城隍庙"} <= names
    mean = report["households_per_community"]["mean"]
    assert 2_000 <= mean <= 4_500


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_the_file_to_the_map(cluster, tmp_path, dataset):
    settings = Settings(database_url=cluster.url("postgres"))
    source = DemoInput(
        key="shanghai_bund",
        fingerprint=hashlib.sha256(FILE.read_bytes() + MAPPING.read_bytes()).hexdigest(),
        read=lambda _: with_matters(dataset, ZONE),
        timezone=ZONE,
        titles=dict.fromkeys(LANGUAGES, "外滩—陆家嘴"),
        behind=timedelta(days=35),
        party=False,
        staffed=False,
    )
    name = database_name(source.key)
    cluster.drop_database(name)
    result = run_demo(settings, source, tmp_path)
    assert result.report["noncontiguous"] == 0
    assert result.report["share_in_range"] >= 0.8
    assert result.report["incidents_assigned"] == 3_000

    grids = gpd.read_file(tmp_path / "grids.geojson")
    assert int(grids["households"].sum()) == dataset.report["households"]
    engine = make_engine(cluster.url(name))
    with session_factory(engine)() as session:
        session.execute(text("SELECT check_plan(id) FROM grid_plans"))
        homeless = text("SELECT count(*) FROM buildings WHERE community_id IS NULL")
        assert session.execute(homeless).scalar_one() == 0
        told = session.execute(text("SELECT report FROM imports")).scalar_one()
        assert told["attribution"] == "© OpenStreetMap contributors"
        assert told["left_out"]["buildings"]["features"] == 1_517
    engine.dispose()

    page = (tmp_path / "coverage.html").read_text(encoding="utf-8")
    assert "© OpenStreetMap contributors" in page or "\\u00a9 OpenStreetMap" in page
    assert 'src="http' not in page
    for word in ("外滩", "陆家嘴", "城隍庙"):
        assert word in page or re.escape(word.encode("unicode_escape").decode()) in page
    cluster.drop_database(name)
