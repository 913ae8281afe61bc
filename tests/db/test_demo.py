"""The demo's job from data to files, on real PostGIS, as its users run it."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import geopandas as gpd
import jsonschema
import pytest
import shapely
from sqlalchemy import select, text

from cli.demo import sample_input
from gis.database.engine import make_engine, only_one, session_factory, transaction
from gis.errors import ConflictError
from gis.jobs.demo import DemoInput, _fresh_or_known, database_name, run_demo
from gis.jobs.steps import Silent
from gis.layers.plans import GridPlan
from gis.layers.posts import Post
from gis.scope import Scope
from gis.services.importing import import_dataset
from gis.settings import Settings
from tests.town import TIMEZONE, town_dataset

pytestmark = [pytest.mark.db, pytest.mark.slow]
SCHEMAS = Path(__file__).parents[2] / "docs/schemas"


class Recorder(Silent):
    """Remembers the steps that began."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def begin(self, step: str) -> None:
        self.steps.append(step)


@pytest.fixture(scope="module")
def settings(cluster) -> Settings:
    return Settings(database_url=cluster.url("postgres"))


@pytest.fixture(scope="module")
def demo(settings, cluster, tmp_path_factory):
    """Two runs on the same input, the second after the first."""
    source = sample_input(settings)
    name = database_name(source.key)
    cluster.drop_database(name)
    runs = []
    for i in range(2):
        out, recorder = tmp_path_factory.mktemp(f"demo{i}"), Recorder()
        runs.append((run_demo(settings, source, out, watcher=recorder), out, recorder))
    yield runs
    cluster.drop_database(name)


def schema(name: str) -> dict:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


def test_the_files_keep_their_schema(demo):
    for _, out, _ in demo:
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        jsonschema.validate(report, schema("report.schema.json"))
        grids = json.loads((out / "grids.geojson").read_text(encoding="utf-8"))
        jsonschema.validate(grids, schema("grids.schema.json"))
        assert {f["geometry"]["type"] for f in grids["features"]} == {"Polygon"}
        assert (out / "coverage.html").stat().st_size < 6_000_000
        assert len(grids["features"]) == report["grids"]


def test_the_grids_are_what_a_planner_asked_for(demo):
    result, out, _ = demo[0]
    report = result.report
    assert report["noncontiguous"] == 0
    assert report["share_in_range"] >= 0.9
    assert report["households"]["mean"] == pytest.approx(400, abs=25)
    grids = gpd.read_file(out / "grids.geojson")
    assert int(grids["households"].sum()) == 13_600
    assert grids["code"].is_unique
    assert (grids.loc[grids["kind"] == "dedicated", "households"] == 0).all()
    metres = grids.to_crs("EPSG:4548").geometry.to_numpy()
    overlap = shapely.area(metres).sum() - shapely.area(shapely.union_all(metres))
    assert abs(overlap) < 0.01  # m²
    # Whoever is out of the band is named as an exception.
    basic = grids[grids["kind"] == "basic"]
    outside = basic[~basic["households"].between(300, 500)]
    assert all(len(e) for e in outside["exceptions"])


def test_every_incident_has_an_answer(demo):
    report = demo[0][0].report
    unassigned = report["incidents_unassigned"]
    assert report["incidents_assigned"] + sum(unassigned.values()) == 3_000
    assert set(unassigned) == {"outside_all_communities"}
    assert report["incidents_assigned"] > 2_900


def test_a_second_run_skips_loading_and_draws_the_same(demo):
    (first, out_a, steps_a), (second, out_b, steps_b) = demo
    assert "load" in steps_a.steps
    assert not {"load", "hours"} & set(steps_b.steps)
    assert {"draw", "assign", "map"} <= set(steps_b.steps)
    a, b = (json.loads((out / "grids.geojson").read_text()) for out in (out_a, out_b))
    assert a == b
    drop = {"seconds"}
    assert {k: v for k, v in first.report.items() if k not in drop} == {
        k: v for k, v in second.report.items() if k not in drop
    }


def test_the_store_holds_one_set_of_plans_and_posts(demo, cluster):
    engine = make_engine(cluster.url(database_name("sample")))
    with session_factory(engine)() as session:
        kinds = session.execute(select(GridPlan.kind).order_by(GridPlan.kind)).scalars().all()
        assert kinds == ["community", "party"]
        roles = dict(session.execute(text("SELECT role, count(*) FROM posts GROUP BY role")).all())
        assert roles["grid_worker"] == roles["grid_informant"] == 165
        tokens = session.execute(select(Post.person_token)).scalars().all()
        assert all(token.startswith("p-") for token in tokens)
        session.execute(text("SELECT check_plan(id) FROM grid_plans"))
        in_both = session.execute(
            text(
                "SELECT count(*) FROM buildings b WHERE (SELECT count(*) FROM building_grids m"
                " WHERE m.building_id = b.id) = 2"
            )
        ).scalar_one()
        assert in_both == session.execute(text("SELECT count(*) FROM buildings")).scalar_one()
        since = session.execute(text("SELECT min(lower(during)) FROM plan_effect")).scalar_one()
        assert since < date(2025, 11, 1)
    engine.dispose()


def test_of_two_demos_on_one_input_at_once_one_is_told(demo, settings, tmp_path):
    source = sample_input(settings)
    with (
        only_one(settings, database_name(source.key)),
        pytest.raises(ConflictError, match="Another process is at work on wangge_demo_sample"),
    ):
        run_demo(settings, source, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_changed_input_is_loaded_into_an_empty_database(settings, cluster):
    dataset = town_dataset()
    source = DemoInput("town", "first", lambda _: dataset, TIMEZONE, {"zh-CN": "镇", "en": "Town"})
    name = database_name("town")
    cluster.drop_database(name)
    for fingerprint in ("first", "second"):
        url = _fresh_or_known(settings, replace(source, fingerprint=fingerprint))
        engine = make_engine(url)
        with transaction(session_factory(engine)) as session:
            import_dataset(session, Scope.local_owner(), dataset, fingerprint=fingerprint)
        engine.dispose()
    assert _fresh_or_known(settings, replace(source, fingerprint="second")) == url
    cluster.drop_database(name)


def test_the_users_own_database_is_not_touched(demo, cluster):
    assert demo[0][0].url.split("?")[0].endswith("/wangge_demo_sample")
    assert database_name("Las Palmas") != database_name("las_palmas")
