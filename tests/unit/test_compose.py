"""The containers as they are described: no engine runs here, so the description is proved."""

import importlib.util
import re
import subprocess
import sys
from fnmatch import fnmatch
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.serve import warnings_of
from gis.settings import Settings

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^[\w./-]+:\d+[\w.-]*$")  # a tag that begins with a version


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return YAML(typ="safe").load(ROOT / "docker-compose.yml")


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def instructions(dockerfile: list[str], name: str) -> list[str]:
    return [line.partition(" ")[2] for line in dockerfile if line.startswith(f"{name} ")]


def validate(file: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / "check-jsonschema"
    command = [tool, "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_compose_file_keeps_the_specification(tmp_path: Path):
    assert validate(ROOT / "docker-compose.yml").returncode == 0
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text("services:\n  db:\n    imago: postgis\n")
    assert validate(wrong).returncode == 1


def test_every_image_has_a_pinned_tag(compose: dict[str, Any], dockerfile: list[str]):
    images = [service["image"] for service in compose["services"].values()]
    bases = [one.split(" AS ")[0] for one in instructions(dockerfile, "FROM")]
    assert len(images) == 4
    assert len(bases) == 2
    assert all(PINNED.match(one) for one in images + bases), images + bases
    assert all(re.search(r":\d+\.\d+\.\d+-slim-", one) for one in bases)


def test_the_password_is_required_and_nowhere_written(compose: dict[str, Any]):
    required = re.compile(r"^\$\{WANGGE_DB_PASSWORD:\?.+\}$")
    services = compose["services"]
    assert required.match(services["db"]["environment"]["POSTGRES_PASSWORD"])
    for name in ("api", "migrate"):
        assert required.match(services[name]["environment"]["PGPASSWORD"])
        assert services[name]["environment"]["DATABASE_URL"] == "postgresql://wangge@db:5432/wangge"


def test_the_database_keeps_its_data_in_a_named_volume_and_says_when_it_is_well(
    compose: dict[str, Any],
):
    db = compose["services"]["db"]
    [mount] = db["volumes"]
    assert mount.split(":")[0] in compose["volumes"]
    assert "pg_isready" in db["healthcheck"]["test"]
    assert "--host=127.0.0.1" in db["healthcheck"]["test"]
    assert "ports" not in db


def test_the_api_waits_for_the_schema_and_the_schema_for_the_database(compose: dict[str, Any]):
    services = compose["services"]
    assert services["migrate"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert services["migrate"]["command"] == ["wangge", "db", "migrate"]
    assert services["migrate"]["restart"] == "no"
    waits = services["api"]["depends_on"]
    assert waits["migrate"]["condition"] == "service_completed_successfully"
    assert waits["db"]["condition"] == "service_healthy"


def test_only_this_machine_reaches_the_api(compose: dict[str, Any]):
    published = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert published == {
        "db": [],
        "migrate": [],
        "worker": [],
        "api": ["127.0.0.1:${WANGGE_PUBLISHED_PORT:-8000}:8000"],
    }


def test_in_the_container_nobody_is_taken_for_the_owner(compose: dict[str, Any]):
    environment = compose["services"]["api"]["environment"]
    told = {
        "host": environment["WANGGE_HOST"],
        "allow_non_loopback": environment["WANGGE_ALLOW_NON_LOOPBACK"],
    }
    settings = Settings(**told)
    assert settings.allow_non_loopback
    assert [line.split(":")[0] for line in warnings_of(settings, has_admin=False)] == [
        "There is no admin yet",
        "Passwords are sent as they are",
    ]


def test_nothing_runs_as_root_or_gains_rights(compose: dict[str, Any], dockerfile: list[str]):
    last = max(i for i, line in enumerate(dockerfile) if line.startswith("FROM "))
    users = instructions(dockerfile[last:], "USER")
    assert users == ["wangge"]
    assert any("useradd" in one and users[0] in one for one in instructions(dockerfile, "RUN"))
    for name in ("api", "migrate"):
        service = compose["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "user" not in service


def test_the_image_is_built_from_the_lock_and_says_when_it_is_well(dockerfile: list[str]):
    syncs = [one for one in instructions(dockerfile, "RUN") if "uv sync" in one]
    assert syncs
    assert all("--frozen" in one for one in syncs)
    assert instructions(dockerfile, "CMD") == ['["wangge", "serve"]']
    assert "/healthz" in instructions(dockerfile, "HEALTHCHECK")[0]


def test_one_version_of_uv_builds_everything(dockerfile: list[str]):
    loader = SourceFileLoader("run_script", str(ROOT / "run"))
    spec = importlib.util.spec_from_loader("run_script", loader)
    assert spec is not None
    script = importlib.util.module_from_spec(spec)
    loader.exec_module(script)
    assert f"pip install uv=={script.UV_VERSION}" in instructions(dockerfile, "RUN")


@pytest.mark.parametrize("path", [".git/config", ".venv/bin/python", ".env", "data/own.gpkg"])
def test_what_is_private_stays_out_of_the_image(path: str):
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    admitted = [rule[1:].rstrip("/") for rule in rules if rule.startswith("!")]
    assert not any(fnmatch(path.split("/", maxsplit=1)[0], rule) for rule in admitted)
