"""The private cluster lives through what happens to it: twice at once, kill -9, foreign folders."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest

from gis.database import binaries
from gis.database.cluster import Cluster
from gis.database.data_folder import MARKER
from gis.database.processes import Owner, is_server_of, servers_of, wait_until
from gis.errors import ConfigurationError, ConflictError, DataSourceError, InvalidInputError
from gis.settings import Settings

pytestmark = pytest.mark.db

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
START = """
import sys
from pathlib import Path
from gis.database.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), Path(sys.argv[2]))
print(cluster.start(durable=False))
"""


@pytest.fixture
def home():
    """A folder that the database's user can enter, as pytest's own tmp_path of root is not."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-test-"))
    folder.chmod(0o755)
    yield folder
    for data in folder.rglob("cluster/data"):
        for pid in servers_of(data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        assert wait_until(lambda data=data: not servers_of(data), 60)
    shutil.rmtree(folder)


@pytest.fixture
def cluster(home: Path):
    return Cluster.locate(Settings(home=home))


@pytest.fixture
def started(cluster: Cluster):
    assert cluster.start(durable=False)
    return cluster


def query(cluster: Cluster, statement: str, database: str = "wangge"):
    with (
        closing(
            psycopg2.connect(host=str(cluster.socket_dir), user="wangge", dbname=database)
        ) as session,
        session.cursor() as cursor,
    ):
        session.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def kill(cluster: Cluster):
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_server_of(pid, str(cluster.data)), 60)


@pytest.mark.slow
def test_start_and_stop_are_idempotent_and_keep_data(cluster: Cluster):
    assert not cluster.status().running
    assert cluster.start()
    assert not cluster.start()
    assert cluster.ensure_database("wangge")
    assert not cluster.ensure_database("wangge")
    query(cluster, "CREATE EXTENSION postgis; CREATE TABLE kept AS SELECT 7 AS n")
    assert cluster.status().databases == ("wangge",)
    assert cluster.stop()
    assert not cluster.stop()
    assert not cluster.status().running
    assert cluster.start()
    assert query(cluster, "SELECT n FROM kept") == [(7,)]


def test_it_listens_nowhere_and_speaks_utf8(started: Cluster):
    assert query(started, "SHOW listen_addresses", "postgres") == [("",)]
    assert query(started, "SHOW data_checksums", "postgres") == [("on",)]
    encoding, collation = query(
        started,
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database "
        "WHERE datname = 'template1'",
        "postgres",
    )[0]
    assert encoding == "UTF8"
    assert collation in ("C.UTF-8", "C")


def test_a_template_is_copied_and_dropped(started: Cluster):
    started.ensure_database("wangge_test_template")
    query(started, "CREATE TABLE cells AS SELECT 1 AS id", "wangge_test_template")
    assert started.ensure_database("wangge_test_copy", template="wangge_test_template")
    assert query(started, "SELECT id FROM cells", "wangge_test_copy") == [(1,)]
    started.drop_database("wangge_test_copy")
    started.drop_database("wangge_test_copy")
    assert started.status().databases == ("wangge_test_template",)
    with pytest.raises(ConflictError, match="no database wangge_nothing"):
        started.ensure_database("wangge_test_copy", template="wangge_nothing")


@pytest.mark.parametrize("name", ["", "Wangge", "a b", "x; DROP", "1st", "网格", "a" * 64])
def test_a_name_that_is_none_is_refused(cluster: Cluster, name: str):
    with pytest.raises(InvalidInputError, match="no name for a database"):
        cluster.url(name)


def test_the_databases_of_postgresql_are_not_dropped(started: Cluster):
    with pytest.raises(InvalidInputError, match="PostgreSQL's own"):
        started.drop_database("postgres")


def test_a_cluster_that_is_down_says_how_to_start_it(cluster: Cluster):
    with pytest.raises(DataSourceError) as caught:
        cluster.ensure_database("wangge")
    assert "wangge db start" in caught.value.remedy


@pytest.mark.slow
def test_processes_that_start_at_once_get_one_cluster(cluster: Cluster):
    command = [sys.executable, "-c", START, str(cluster.home), str(cluster.pg_bin)]
    racers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        for _ in range(3)
    ]
    answers = sorted(racer.communicate(timeout=120)[0].strip() for racer in racers)
    assert answers == ["False", "False", "True"]
    assert cluster.status().running


@pytest.mark.slow
def test_kill_9_of_the_server_loses_nothing_committed(cluster: Cluster):
    cluster.start()
    cluster.ensure_database("wangge")
    query(cluster, "CREATE TABLE kept AS SELECT 7 AS n")
    kill(cluster)
    assert cluster.start()
    assert query(cluster, "SELECT n FROM kept") == [(7,)]


@pytest.mark.slow
def test_an_orphan_that_still_works_is_ended_before_a_second_server_starts(
    started: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gis.database.cluster.ORPHAN_PATIENCE_S", 1)
    busy = subprocess.Popen(
        [
            *(started.pg_bin / "psql", "-h", started.socket_dir, "-U", "wangge", "-d", "postgres"),
            *("-c", "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"),
        ],
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(
        lambda: (
            query(
                started,
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'",
                "postgres",
            )
            == [(1,)]
        ),
        60,
    )
    kill(started)
    assert started.start(durable=False)
    assert busy.wait(60) != 0
    assert query(started, "SELECT 1", "postgres") == [(1,)]


def test_a_pid_that_another_program_got_does_not_bar_the_start(started: Cluster):
    owner = Owner.choose(started.data)
    lines = (started.data / "postmaster.pid").read_text().splitlines()
    kill(started)
    switch = {"user": owner.uid, "group": owner.gid} if os.geteuid() == 0 else {}
    stranger = subprocess.Popen(["/bin/sleep", "600"], cwd="/", **switch)
    try:
        reused = "\n".join([str(stranger.pid), *lines[1:]]) + "\n"
        (started.data / "postmaster.pid").write_text(reused)
        lock = started.socket_dir / ".s.PGSQL.5432.lock"
        lock.write_text(f"{stranger.pid}\n")
        assert not started.status().running
        assert started.start(durable=False)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.slow
def test_an_interrupted_initdb_leaves_nothing_behind(cluster: Cluster):
    half = cluster.root / "data.new"
    half.mkdir(parents=True)
    for folder in (cluster.root, half):
        folder.chmod(0o755)
    (half / "PG_VERSION").write_text("15\n")
    assert cluster.start(durable=False)
    assert not half.exists()
    assert (cluster.data / MARKER).exists()


@pytest.mark.slow
def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(home: Path):
    deep = home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    for folder in (deep.parent, deep):
        folder.chmod(0o755)
    cluster = Cluster.locate(Settings(home=deep))
    assert cluster.start(durable=False)
    try:
        assert len(str(cluster.socket_dir)) < 40
        assert cluster.socket_dir == Cluster.locate(Settings(home=deep)).socket_dir
        assert cluster.socket_dir.stat().st_mode & 0o077 == 0
        assert query(cluster, "SELECT 1", "postgres") == [(1,)]
        assert cluster.stop()
        cluster.socket_dir.chmod(0o755)
        with pytest.raises(ConfigurationError, match="not a private folder"):
            cluster.start(durable=False)
    finally:
        shutil.rmtree(cluster.socket_dir)


@pytest.mark.slow
def test_odd_characters_in_the_path_work(home: Path):
    odd = home / "it's a home, 网格"
    odd.mkdir()
    odd.chmod(0o755)
    cluster = Cluster.locate(Settings(home=odd))
    assert cluster.start(durable=False)
    assert query(cluster, "SELECT 1", "postgres") == [(1,)]
    assert cluster.stop()
    shutil.rmtree(cluster.socket_dir)


@pytest.mark.parametrize("name", ['say "home"', "$HOME", "`id`", "back\\slash", "new\nline"])
def test_a_path_that_a_shell_would_change_is_refused(home: Path, name: str):
    with pytest.raises(ConfigurationError, match="character that PostgreSQL's pg_ctl"):
        Cluster.locate(Settings(home=home / name))


def test_data_of_somebody_else_are_left_alone(home: Path):
    data = home / "cluster/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(ConfigurationError, match="was not made by Wangge"):
        Cluster.locate(Settings(home=home))
    with pytest.raises(ConfigurationError, match="was not made by Wangge"):
        Cluster(home, Path("/nowhere")).start()
    assert [one.name for one in data.iterdir()] == ["PG_VERSION"]


def test_a_data_folder_is_no_home(home: Path):
    (home / "PG_VERSION").write_text("15\n")
    with pytest.raises(ConfigurationError, match="was not made by Wangge"):
        Cluster.locate(Settings(home=home))
    assert [one.name for one in home.iterdir()] == ["PG_VERSION"]


def test_data_of_another_major_version_say_how_to_move_them(home: Path):
    data = home / "cluster/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("99\n")
    (data / MARKER).write_text("{}")
    with pytest.raises(ConfigurationError, match="PostgreSQL 99") as caught:
        Cluster.locate(Settings(home=home))
    assert "wangge db backup" in caught.value.remedy


def test_without_programs_the_packages_and_the_four_ways_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "DEBIAN_ROOT", home)
    with pytest.raises(ConfigurationError) as caught:
        Cluster.locate(Settings(home=home))
    for word in ("DATABASE_URL", "postgresql-15-postgis-3", "WANGGE_PG_BIN", "docker compose up"):
        assert word in caught.value.remedy


def fake_programs(folder: Path, version: str, postgis: str | None):
    """Programs that answer about their version as PostgreSQL's do."""
    share = folder / "share"
    (share / "extension").mkdir(parents=True)
    if postgis:
        (share / "extension/postgis.control").write_text(f"default_version = '{postgis}'\n")
    answers = {"postgres": f"postgres (PostgreSQL) {version}", "pg_config": share}
    for name in ("initdb", "pg_ctl", "postgres", "pg_config"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{answers.get(name, name)}'\n")
        program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("version", "postgis", "complaint"),
    [
        ("14.9", "3.4.0", "PostgreSQL 14.9, at least 15"),
        ("16.2", "3.2.1", "PostGIS 3.2.1, at least 3.3"),
        ("16.2", None, "has no PostGIS"),
    ],
)
def test_programs_that_are_too_old_are_named(
    home: Path, version: str, postgis: str | None, complaint: str
):
    folder = fake_programs(home / "bin", version, postgis)
    with pytest.raises(ConfigurationError, match=complaint):
        Cluster.locate(Settings(home=home, pg_bin=folder))


def test_the_newest_usable_programs_are_taken_unless_the_data_need_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(binaries, "DEBIAN_ROOT", home)
    for major, postgis in (("9.6", "2.3.0"), ("15", "3.3.2"), ("17", "3.5.2"), ("18", None)):
        fake_programs(home / major / "bin", f"{major}.1", postgis)
    assert binaries.find_binaries(None, None).folder == home / "17/bin"
    assert binaries.find_binaries(None, 15).folder == home / "15/bin"


@as_root
def test_another_user_cannot_enter(started: Cluster):
    nobody = pwd.getpwnam("nobody")
    stranger = Owner("nobody", nobody.pw_uid, nobody.pw_gid)
    psql = [started.pg_bin / "psql", "-h", started.socket_dir, "-U", "wangge", "-d", "postgres"]
    assert "Permission denied" in stranger.run([*psql, "-c", "SELECT 1"]).stderr
    started.socket_dir.chmod(0o755)
    (started.socket_dir / ".s.PGSQL.5432").chmod(0o777)
    assert "Peer authentication failed" in stranger.run([*psql, "-c", "SELECT 1"]).stderr


@as_root
def test_under_root_the_server_is_nobody_special(started: Cluster):
    assert Path(f"/proc/{started.status().pid}").stat().st_uid != 0
    assert (started.root / "conf/pg_hba.conf").stat().st_uid == 0


@as_root
def test_a_home_that_the_server_cannot_enter_is_named(home: Path):
    barred = home / "barred"
    barred.mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match=f"cannot enter {barred}") as caught:
        Cluster.locate(Settings(home=barred / "deep")).start()
    assert f"chmod o+x {barred}" in caught.value.remedy


def test_the_log_tells_of_a_refused_row_and_not_what_it_says(started: Cluster):
    started.ensure_database("wangge")
    query(started, "CREATE TABLE told (text text CHECK (length(text) < 5))")
    with pytest.raises(psycopg2.IntegrityError):
        query(started, "INSERT INTO told VALUES ('somebody wrote this')")
    log = started.log.read_text(encoding="utf-8")
    assert "told_text_check" in log
    assert "somebody" not in log
