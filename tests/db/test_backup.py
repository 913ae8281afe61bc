"""A backup is read back whole, or nothing is changed."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import sql
from sqlalchemy import make_url

from gis.database import migrate
from gis.database.backup import backup, find_client, psql_command, restore
from gis.database.cluster import Cluster
from gis.errors import ConflictError, DataSourceError, InvalidInputError, NotFoundError

pytestmark = pytest.mark.db


def connect(url: str):
    plain = make_url(url).set(drivername="postgresql")
    connection = psycopg2.connect(plain.render_as_string(hide_password=False))
    connection.autocommit = True
    return closing(connection)


def contents(url: str) -> dict[str, tuple[int, str]]:
    """Rows and a digest of every table of a database."""
    with connect(url) as session, session.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(
                sql.SQL(
                    "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "
                    "FROM {} AS t"
                ).format(sql.Identifier(table))
            )
            found[table] = cursor.fetchone()
        return found


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    """A database with nothing in it, not even the schema."""
    name = f"wangge_test_{uuid4().hex[:12]}"
    cluster.ensure_database(name)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def copy(town_url: str, tmp_path: Path) -> Path:
    file = tmp_path / "town.dump"
    backup(town_url, file)
    return file


@pytest.mark.slow
def test_a_round_trip_keeps_every_row_and_the_schema(town_url: str, copy: Path, empty_url: str):
    restore(empty_url, copy)
    before = contents(town_url)
    assert contents(empty_url) == before
    assert sum(rows for rows, _ in before.values()) > 100
    assert migrate.current(empty_url) == migrate.head()


def test_what_is_restored_can_be_written_to(copy: Path, empty_url: str):
    """Functions and triggers must not lean on the search path of the session that made them."""
    restore(empty_url, copy)
    with connect(empty_url) as session, session.cursor() as cursor:
        cursor.execute("UPDATE buildings SET households = households + 1")
        assert cursor.rowcount > 0


def test_only_the_owner_may_read_the_file(copy: Path):
    assert copy.stat().st_mode & 0o077 == 0


def test_a_database_with_tables_is_refused_without_clean(
    new_database: Callable[[str], str], copy: Path
):
    target = new_database("empty")
    before = contents(target)
    with pytest.raises(ConflictError, match="is not empty"):
        restore(target, copy)
    assert contents(target) == before


@pytest.mark.slow
def test_clean_replaces_everything_while_a_client_is_connected(
    town_url: str, new_database: Callable[[str], str], copy: Path
):
    target = new_database("empty")
    with connect(target) as other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE left_over (n int)")
        restore(target, copy, clean=True)
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
    assert contents(target) == contents(town_url)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.4, 0.98])
def test_half_a_file_changes_nothing(
    new_database: Callable[[str], str], empty_url: str, copy: Path, share: float
):
    whole = copy.read_bytes()
    copy.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises((DataSourceError, InvalidInputError)):
        restore(empty_url, copy)
    assert contents(empty_url) == {}
    full = new_database("empty")
    before = contents(full)
    with pytest.raises((DataSourceError, InvalidInputError)):
        restore(full, copy, clean=True)
    assert contents(full) == before
    with connect(full) as session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE '%restoring'")
        assert cursor.fetchone() == (0,)


def test_what_is_no_backup_is_refused(empty_url: str, tmp_path: Path):
    text = tmp_path / "notes.txt"
    text.write_text("not a dump")
    with pytest.raises(InvalidInputError, match=r"notes.txt is no backup"):
        restore(empty_url, text)
    with pytest.raises(NotFoundError, match="no file"):
        restore(empty_url, tmp_path / "missing.dump")


def test_a_backup_of_another_program_is_refused(empty_url: str, tmp_path: Path):
    foreign = tmp_path / "foreign.dump"
    backup(empty_url, foreign)
    with pytest.raises(InvalidInputError, match="no table alembic_version"):
        restore(empty_url, foreign)


def test_a_backup_that_fails_leaves_the_older_file(town_url: str, copy: Path, tmp_path: Path):
    before = copy.read_bytes()
    gone = make_url(town_url).set(database="wangge_gone").render_as_string(hide_password=False)
    with pytest.raises(DataSourceError, match="wangge_gone"):
        backup(gone, copy)
    assert copy.read_bytes() == before
    assert list(tmp_path.iterdir()) == [copy]
    with pytest.raises(DataSourceError, match="no folder"):
        backup(town_url, tmp_path / "none/town.dump")


def test_a_password_is_no_argument_that_others_can_see():
    command, environment = psql_command(
        "postgresql+psycopg2://u:s3cret@db.example:5433/w?sslmode=require", ["-c", "SELECT 1"]
    )
    assert command[1:] == [
        "postgresql://u@db.example:5433/w?sslmode=require",
        "-c",
        "SELECT 1",
    ]
    assert command[0] == str(find_client("psql", None))
    assert environment["PGPASSWORD"] == "s3cret"
