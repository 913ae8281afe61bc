"""The start script: what it thinks is missing, and what it does where it may not install."""

import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    """The script, which has no suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader("run_script", str(ROOT / "run"))
    spec = importlib.util.spec_from_loader("run_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a fresh module, in a machine that has nothing, unable to run anything."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = load()
    for name in ("WANGGE_PG_BIN", "WANGGE_HOME", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(module, "DEBIAN_POSTGRESQL", tmp_path / "postgresql")
    monkeypatch.setattr(module, "POSTGRESQL_ETC", tmp_path / "etc/postgresql-common")
    monkeypatch.setattr(module, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(module, "VENV", tmp_path / "venv")
    monkeypatch.setattr(module, "BENCH_VENV", tmp_path / "tools/bench-venv")
    monkeypatch.setattr(module, "do", lambda command, **_: pytest.fail(f"it ran {command}"))
    monkeypatch.setattr(module, "replace_by", lambda command, *_: pytest.fail(f"ran {command}"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return module


def put_program(folder: Path, name: str, answer: str):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
    (folder / name).chmod(0o755)


def put_postgresql(folder: Path, version: str, *, postgis: bool = True) -> Path:
    for name in ("initdb", "pg_ctl"):
        put_program(folder, name, name)
    put_program(folder, "postgres", f"postgres (PostgreSQL) {version} (Debian {version}-0+deb12u1)")
    put_program(folder, "pg_config", str(folder / "share"))
    if postgis:
        (folder / "share/extension").mkdir(parents=True)
        (folder / "share/extension/postgis.control").touch()
    return folder


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("uv 0.13.9 (x86_64-unknown-linux-gnu)", (0, 13, 9)),
        ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", (15, 14)),
        ("postgres (PostgreSQL) 18beta1", (18,)),
        ("3.11", (3, 11)),
        ("", ()),
        ("no version", ()),
    ],
)
def test_versions_are_read_from_what_programs_say(run: ModuleType, text: str, version: tuple):
    assert run.parse_version(text) == version


def test_a_bare_machine_lacks_the_packages_of_its_release(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "can_make_venv", lambda: False)
    monkeypatch.setattr(run, "has_chinese_font", lambda: False)
    monkeypatch.setattr(run, "has_libatomic", lambda: False)
    monkeypatch.setattr(run, "os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    assert run.missing_packages(tests=False) == ["postgresql-15-postgis-3", "python3-venv"]
    assert run.missing_packages(tests=True) == [
        *("postgresql-15-postgis-3", "python3-venv"),
        *("chromium", "libatomic1", "fonts-wqy-microhei"),
    ]
    monkeypatch.setattr(run, "os_release", lambda: {"VERSION_CODENAME": "trixie"})
    assert run.missing_packages(tests=False)[0] == "postgresql-17-postgis-3"


def test_what_is_there_is_not_missing(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put_postgresql(tmp_path / "postgresql/15/bin", "15.14")
    put_program(tmp_path / "bin", "uv", "uv 0.13.9")
    put_program(tmp_path / "bin", "chromium", "")
    monkeypatch.setattr(run, "has_chinese_font", lambda: True)
    monkeypatch.setattr(run, "has_libatomic", lambda: True)
    assert run.missing_packages(tests=True) == []


@pytest.mark.parametrize(
    ("version", "postgis", "found"),
    [("15.2", True, True), ("17.0", True, True), ("14.9", True, False), ("16.1", False, False)],
)
def test_only_a_postgresql_new_enough_with_postgis_counts(
    run: ModuleType, tmp_path: Path, version: str, *, postgis: bool, found: bool
):
    put_postgresql(tmp_path / "postgresql/x/bin", version, postgis=postgis)
    assert (run.find_postgis() is not None) == found


def test_the_folder_the_operator_names_counts_and_only_that(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    named = put_postgresql(tmp_path / "opt/pg/bin", "16.4")
    monkeypatch.setenv("WANGGE_PG_BIN", str(named))
    assert run.find_postgis() == named
    put_postgresql(tmp_path / "postgresql/15/bin", "15.14")
    monkeypatch.setenv("WANGGE_PG_BIN", str(tmp_path / "elsewhere"))
    assert run.find_postgis() is None


def test_a_database_elsewhere_needs_no_postgresql_here_but_for_the_tests(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db.example/w")
    assert not any("postgis" in one for one in run.missing_packages(tests=False))
    assert any("postgis" in one for one in run.missing_packages(tests=True))


def test_apt_is_asked_for_the_newest_postgis_unless_data_need_another(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    offered = "\n".join(f"postgresql-{n}-postgis-3 - Geographic objects" for n in (14, 16, 17))
    put_program(tmp_path / "bin", "apt-cache", offered)
    assert run.postgis_package() == "postgresql-17-postgis-3"
    data = tmp_path / "home/cluster/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    monkeypatch.setenv("WANGGE_HOME", str(tmp_path / "home"))
    assert run.postgis_package() == "postgresql-16-postgis-3"


@pytest.mark.parametrize("command", [["demo"], ["exec", "true"], ["setup"], ["test", "--fast"]])
def test_where_it_may_not_install_it_names_the_packages_and_stops(
    run: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
):
    monkeypatch.setattr(run, "can_make_venv", lambda: False)
    monkeypatch.setattr(run, "os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    put_program(tmp_path / "bin", "apt-get", "must not be asked")
    assert run.main(command) == 2
    told = capsys.readouterr().out
    assert "apt-get install --no-install-recommends postgresql-15-postgis-3 python3-venv" in told
    for way in ("WANGGE_PG_BIN", "DATABASE_URL", "docker compose up"):
        assert way in told


def test_elsewhere_than_debian_the_equivalents_are_asked_for(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(run.StopError, match="no Debian") as caught:
        run.install_debian_packages(["chromium"])
    assert caught.value.status == 2
    assert "WANGGE_PG_BIN" not in str(caught.value)


def test_packages_are_installed_after_an_update_and_without_a_cluster(
    run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ran = []
    conf = run.POSTGRESQL_ETC / "createcluster.d" / run.NO_CLUSTER_CONF

    def do(command: list, *, text: str | None = None, **_: object) -> None:
        if "apt-get" in command:
            ran.append((command[command.index("-o") + 4 :], conf.exists() and conf.read_text()))
        else:
            subprocess.run(list(map(str, command)), check=True, input=text, text=True)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(run, "do", do)
    put_program(tmp_path / "bin", "apt-get", "")
    for name in ("mkdir", "tee", "rm", "rmdir"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}" if name != "tee" else "/usr/bin/tee")
    run.install_debian_packages(["postgresql-15-postgis-3", "python3-venv"])
    names = [run.postgis_package(), "python3-venv"]
    no_cluster = "create_main_cluster = false\n"
    assert ran == [
        (["update"], False),
        (["install", "-y", "--no-install-recommends", *names], no_cluster),
    ]
    assert not run.POSTGRESQL_ETC.exists()


def test_settings_of_debian_that_were_there_stay(run: ModuleType, monkeypatch: pytest.MonkeyPatch):
    folder = run.POSTGRESQL_ETC / "createcluster.d"
    folder.mkdir(parents=True)
    (folder / "own.conf").write_text("ssl = off\n")

    def do(command: list, *, text: str | None = None, **_: object) -> None:
        path = {**os.environ, "PATH": "/usr/bin:/bin"}
        subprocess.run(list(map(str, command)), check=True, input=text, text=True, env=path)

    monkeypatch.setattr(run, "do", do)
    with run.no_main_cluster([]):
        assert len(list(folder.iterdir())) == 2
    assert [one.name for one in folder.iterdir()] == ["own.conf"]


def test_the_environment_is_made_once_and_again_after_an_interruption(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    synced = []

    def sync(command: list, **_: object) -> None:
        synced.append(command[command.index("sync") :])
        run.VENV.mkdir(exist_ok=True)
        if len(synced) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "do", sync)
    monkeypatch.setattr(run, "find_uv", lambda: Path("/usr/bin/uv"))
    with pytest.raises(KeyboardInterrupt):
        run.sync_environment("use")
    for level in ("use", "use", "work", "use", "work"):
        run.sync_environment(level)
    assert [("--inexact" in command) for command in synced] == [True, True, False]
    assert all("--frozen" in command for command in synced)
    monkeypatch.setattr(run, "fingerprint", lambda _python: "the lock changed")
    run.sync_environment("work")
    assert len(synced) == 4


def test_the_peers_of_the_benchmark_get_an_environment_of_their_own(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    synced = []

    def sync(command: list, *, venv: Path, **_: object) -> None:
        synced.append((command[-2:], venv))
        venv.mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(run, "do", sync)
    monkeypatch.setattr(run, "find_uv", lambda: Path("/usr/bin/uv"))
    assert run.main(["bench-env"]) == 0
    assert run.main(["bench-env"]) == 0
    assert synced == [(["--only-group", "bench"], run.BENCH_VENV)]
    assert not run.VENV.exists()
    assert "benchmarks/districting.py" in capsys.readouterr().out


def test_the_variable_tells_uv_which_environment_is_meant(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.undo()  # ``do`` is the real one again
    module = load()
    out = tmp_path / "out"
    show = [
        sys.executable,
        "-c",
        f"import os; open({str(out)!r}, 'a').write(os.environ['UV_PROJECT_ENVIRONMENT'] + ' ')",
    ]
    module.do(show, announce=False)
    module.do(show, announce=False, venv=module.BENCH_VENV)
    assert out.read_text().split() == [str(module.VENV), str(module.BENCH_VENV)]


def test_no_python_is_new_enough(run: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "python_version", lambda _python: (3, 9))
    with pytest.raises(run.StopError, match=r"Python 3.11 or newer"):
        run.sync_environment("use")


def test_a_uv_that_is_too_old_to_read_the_lock_is_not_used(run: ModuleType, tmp_path: Path):
    put_program(tmp_path / "bin", "uv", "uv 0.4.1")
    assert run.find_uv() is None
    put_program(run.TOOLS / "uv/bin", "uv", f"uv {run.UV_VERSION}")
    assert run.find_uv() == run.TOOLS / "uv/bin/uv"
    put_program(tmp_path / "bin", "uv", "uv 9.0.0")
    assert run.find_uv() == tmp_path / "bin/uv"


def test_every_check_runs_even_after_one_failed(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    checks = {"first": ["false"], "second": ["echo", "looked"], "third": ["false"]}
    monkeypatch.setattr(run, "CHECKS", checks)
    monkeypatch.setattr(run, "weaknesses", lambda: False)
    monkeypatch.setattr(run, "program", lambda name: f"/bin/{name}")
    assert run.check(prepared=True) == 1
    told = capfd.readouterr().out
    assert "looked" in told
    assert told.strip().endswith("Checks failed: first, third")
    monkeypatch.setattr(run, "CHECKS", {"second": ["true"]})
    assert run.check(prepared=True) == 0
    monkeypatch.setattr(run, "weaknesses", lambda: True)
    assert run.check(prepared=True) == 1


SOUND = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "weak", "said"),
    [
        (json.dumps({"dependencies": [SOUND, UNKNOWN]}), False, "1 of 2 packages looked up"),
        (json.dumps({"dependencies": [SOUND, WEAK]}), True, "b 2: CVE-1, mended in 2.1"),
        ("no answer", False, "Nothing could be looked up"),
    ],
)
def test_packages_that_could_not_be_looked_up_are_not_called_sound(
    run: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    answer: str,
    weak: bool,  # noqa: FBT001 - of the parameters
    said: str,
):
    (tmp_path / "answer").write_text(answer)
    asked = tmp_path / "pip-audit"
    asked.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/answer\n")
    asked.chmod(0o755)
    monkeypatch.setattr(run, "find_uv", lambda: Path("/bin/true"))
    monkeypatch.setattr(run, "program", lambda _: asked)
    monkeypatch.setattr(run, "do", lambda *_, **__: None)
    assert run.weaknesses() is weak
    assert said in capfd.readouterr().out


def test_tests_do_not_run_after_a_failed_check(run: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "setup", lambda **_: 0)
    monkeypatch.setattr(run, "check", lambda **_: 1)
    assert run.main(["test"]) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["test", "--fast", "-k", "cells"], ["-m", "not slow", "-k", "cells"]),
        (["test"], []),
    ],
)
def test_fast_leaves_out_the_slow_and_the_rest_is_pytests(
    run: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: list[str],
):
    seen = []
    monkeypatch.setattr(run, "setup", lambda **_: 0)
    monkeypatch.setattr(run, "check", lambda **_: 0)
    monkeypatch.setattr(run, "replace_by", lambda *what: seen.append(what) or 5)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.chdir(ROOT)
    assert run.main(arguments) == 5
    [(command, variables)] = seen
    assert command[command.index("loadfile") + 1 :] == expected
    assert "PYTHONDONTWRITEBYTECODE" not in variables
    assert variables["PYTHONPYCACHEPREFIX"] == str(run.TOOLS / "bytecode")


def test_ctrl_c_exits_130_and_says_how_to_go_on(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "setup", interrupted)
    assert run.main(["demo"]) == 130
    assert "same command again" in capsys.readouterr().out


@pytest.mark.slow
def test_an_interrupted_program_ends_itself_and_leaves_nothing_running(tmp_path: Path):
    left = tmp_path / "left"
    child = f"""
import os, pathlib, signal, time
print("started", flush=True)
try:
    os.kill(os.getppid(), signal.SIGINT)  # as ``kill -INT`` does: to the script alone
    time.sleep(300)
except KeyboardInterrupt:
    time.sleep(1.5)  # longer than subprocess.run would have waited before it kills
    pathlib.Path({str(left)!r}).write_text("tidy")
"""
    script = f"""
import importlib.machinery, sys
sys.dont_write_bytecode = True
run = importlib.machinery.SourceFileLoader("run_script", {str(ROOT / "run")!r}).load_module()
run.setup = lambda **_: run.do([sys.executable, "-c", {child!r}], announce=False)
sys.exit(run.main(["setup"]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 130, done.stderr
    assert "same command again" in done.stdout
    assert left.read_text() == "tidy"


@pytest.mark.slow
def test_an_interrupt_while_a_program_starts_ends_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    """The signal comes when the program runs and nobody has its name yet."""
    module = load()
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **named)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            module.do(["/bin/sleep", "300"], announce=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert started[0].returncode == -signal.SIGINT


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["help"], 0), (["dmeo"], 2)])
def test_help_is_shown_when_asked_or_lost(
    run: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
):
    assert run.main(arguments) == status
    assert "./run demo" in capsys.readouterr().out


def test_exec_without_a_command_asks_for_one(run: ModuleType, capsys: pytest.CaptureFixture[str]):
    assert run.main(["exec"]) == 2
    assert "Which command?" in capsys.readouterr().out


@given(folder=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_libpq_finds_the_socket_whatever_its_folder_is_called(folder: str):
    url = f"postgresql://wangge@/wangge_demo?host={quote('/' + folder)}\n"
    assert load().libpq_variables(url) == {
        "PGHOST": "/" + folder,
        "PGUSER": "wangge",
        "PGDATABASE": "wangge_demo",
    }


def test_ci_runs_exactly_what_a_person_runs():
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'exec "$(dirname "$0")/../run" test'
    ]
