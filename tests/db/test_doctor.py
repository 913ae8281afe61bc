"""The doctor finds what is wrong, says what to do, and looks at everything else all the same."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.main import app
from gis.database.cluster import Cluster
from gis.services import health
from gis.settings import get_settings
from maps.assets import VENDOR

pytestmark = pytest.mark.db


@pytest.fixture
def use_database(monkeypatch: pytest.MonkeyPatch):
    """Return a function that points the settings at a database."""

    def point(url: str) -> None:
        monkeypatch.setenv("DATABASE_URL", url)
        get_settings.cache_clear()

    yield point
    monkeypatch.undo()
    get_settings.cache_clear()


def by_name(checks: list[health.Check]) -> dict[str, health.Check]:
    return {check.name: check for check in checks}


def test_a_whole_installation_is_well(town_url: str, use_database: Callable[[str], None]):
    use_database(town_url)
    checks = by_name(health.run_checks(VENDOR))
    assert [*checks] == [
        *("settings", "database", "extensions", "migrations", "CRS", "row security"),
        *("disk", "map assets", "fonts"),
    ]
    assert not [check for check in checks.values() if not check.ok and check.needed]


def test_a_database_without_schema_is_sent_to_migrate(
    cluster: Cluster, use_database: Callable[[str], None]
):
    name = "wangge_test_doctor_bare"
    cluster.ensure_database(name)
    use_database(cluster.url(name))
    checks = by_name(health.run_checks(VENDOR))
    cluster.drop_database(name)
    assert not checks["extensions"].ok
    assert "postgis" in checks["extensions"].found
    assert not checks["migrations"].ok
    assert "wangge db migrate" in checks["migrations"].remedy
    assert checks["disk"].ok


def test_a_database_that_is_away_hides_nothing_else(use_database: Callable[[str], None]):
    use_database("postgresql://wangge@/wangge?host=/nowhere")
    checks = by_name(health.run_checks(VENDOR))
    assert not checks["database"].ok
    assert "/nowhere" in checks["database"].found
    assert checks["disk"].ok
    assert "fonts" in checks


def test_a_crs_that_is_unknown_is_named(session: Session):
    session.execute(health.text("DELETE FROM spatial_ref_sys WHERE srid = 4549"))
    check = health.check_crs(session.connection())
    assert not check.ok
    assert "4549" in check.found


def test_assets_that_are_missing_or_changed_are_named(tmp_path: Path):
    missing = health.check_assets(tmp_path / "vendor")
    assert not missing.ok
    assert "maps.assets" in missing.remedy
    folder = tmp_path / "copy"
    shutil.copytree(VENDOR, folder)
    assert health.check_assets(folder).ok
    first = next(iter(json.loads((folder / "manifest.json").read_text())["files"]))
    (folder / first).write_text("changed")
    changed = health.check_assets(folder)
    assert not changed.ok
    assert first in changed.found


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 10**18)
    check = health.check_disk(tmp_path / "not/yet/there")
    assert not check.ok
    assert str(tmp_path) in check.found


def test_the_command_answers_as_json_and_by_its_exit_status(
    town_url: str, use_database: Callable[[str], None]
):
    use_database(town_url)
    answer = CliRunner().invoke(app, ["doctor", "--json"])
    assert json.loads(answer.stdout)["ok"] is True
    assert answer.exit_code == 0
    use_database("postgresql://wangge@/wangge?host=/nowhere")
    answer = CliRunner().invoke(app, ["doctor"])
    assert answer.exit_code == 1
    assert "FAIL  database" in answer.stdout


def test_settings_that_cannot_be_used_are_the_first_finding(
    monkeypatch: pytest.MonkeyPatch, use_database: Callable[[str], None]
):
    monkeypatch.setenv("WANGGE_PORT", "many")
    use_database("postgresql://wangge@/wangge?host=/nowhere")
    [check] = health.run_checks(VENDOR)
    assert not check.ok
    assert "WANGGE_PORT" in check.found or "port" in check.found
