"""Fixtures of every tier: real PostGIS databases that are cloned, and sockets that stay at home.

Databases
---------
One throw-away cluster serves the whole run (all workers of pytest-xdist share it), or the server
that ``WANGGE_TEST_DATABASE_URL`` names. Templates are made once: an empty one with the schema, and
one with the hand-made town of ``tests/town.py``. A clone takes about 0.2 s.

================================  ===================================================
a test asks for                   and gets
================================  ===================================================
``session``                       a transaction on the module's empty database, rolled back
``town_session``                  the same on the module's town
``factory``                       a sessionmaker on an empty database of its own
``town_factory``                  the same on a town of its own
``database_url``, ``town_url``    the module's databases, by URL
``new_database``                  a function that clones another one: ``new_database("town")``
================================  ===================================================

A deferred constraint (the plan check) does not fire in a transaction that is rolled back: say
``SET CONSTRAINTS ALL IMMEDIATE``, or use a ``factory``.
"""

import fcntl
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import psycopg2
import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg2 import sql
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from gis.database import migrate
from gis.database.cluster import Cluster
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import WanggeError
from gis.scope import Scope
from gis.settings import Settings, get_settings
from tests.town import build_town

TEST_HOME = "WANGGE_TEST_HOME"
TEST_SERVER = "WANGGE_TEST_DATABASE_URL"
MIGRATIONS = Path(migrate.__file__).parent / "migrations"
NewDatabase = Callable[[str], str]

# A busy machine is no fault of the code: what an example must not take is for benchmarks to say.
# The suite proves a commit, so it tries the same examples each time; who looks for new ones gives
# --hypothesis-profile=explore.
_BUSY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
hypothesis_settings.register_profile("explore", derandomize=False, **_BUSY)
hypothesis_settings.register_profile("wangge", derandomize=True, **_BUSY)
hypothesis_settings.load_profile("wangge")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Close sockets but to loopback, and hide the user's own database from every test."""
    config.option.allow_hosts = "127.0.0.1,::1"
    config.option.allow_unix_socket = True
    os.environ.pop("DATABASE_URL", None)
    if TEST_HOME not in os.environ:  # the controller; its workers inherit the variable
        # Not pytest's own folder: root's is closed to the user that PostgreSQL runs as.
        home = Path(tempfile.mkdtemp(prefix="wangge-run-"))
        home.chmod(0o755)
        os.environ[TEST_HOME] = str(home)
        config.stash[_OWN_HOME] = home
    os.environ["WANGGE_HOME"] = os.environ[TEST_HOME]
    get_settings.cache_clear()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse two tests of one id: workers that share the tests out by id would run one of them."""
    twice = [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twice:
        msg = f"Tests of the same id, of which workers would run one: {', '.join(twice)}"
        raise pytest.UsageError(msg)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the run's cluster and remove it, after every worker has ended."""
    home = config.stash.get(_OWN_HOME, None)
    if home is None:
        return
    os.environ.pop(TEST_HOME, None)
    if (home / "cluster/data").exists():
        with suppress(WanggeError):
            Cluster.locate(Settings(home=home)).stop()
    # Of a whole run these are gigabytes in 200,000 files: nobody waits half a minute for that.
    os.posix_spawnp("rm", ["rm", "-rf", "--", str(home)], os.environ)


_OWN_HOME = pytest.StashKey[Path]()


class Server(Protocol):
    """Where databases are made."""

    def url(self, database: str) -> str:
        """Return the URL of a database."""

    def ensure_database(self, name: str, template: str | None = None) -> bool:
        """Create a database unless it exists."""

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the connections to it."""


class ExternalServer:
    """A PostgreSQL that somebody else runs, reached with the rights to create databases."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg2")

    def url(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    def ensure_database(self, name: str, template: str | None = None) -> bool:
        with self._maintenance() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone():
                return False
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            cursor.execute(
                statement.format(sql.Identifier(name), sql.Identifier(template or "template1"))
            )
        return True

    def drop_database(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with self._maintenance() as cursor:
            cursor.execute(statement.format(sql.Identifier(name)))

    @contextmanager
    def _maintenance(self) -> Iterator["psycopg2.extensions.cursor"]:
        plain = self._url.set(drivername="postgresql")
        connection = psycopg2.connect(plain.render_as_string(hide_password=False))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


@pytest.fixture(scope="session")
def cluster() -> Server:
    """The server of this run; started by the first test that asks."""
    if url := os.environ.get(TEST_SERVER):
        return ExternalServer(url)
    cluster = Cluster.locate(Settings(home=Path(os.environ[TEST_HOME])))
    cluster.start(durable=False)
    return cluster


@pytest.fixture(scope="session")
def template_database(cluster: Server) -> str:
    """The name of a database that holds the schema and nothing else."""
    return _template(cluster, "wangge_test_template", [MIGRATIONS], None, lambda _: None)


@pytest.fixture(scope="session")
def town_template(cluster: Server, template_database: str) -> str:
    """The name of a database that holds the town."""
    sources = [MIGRATIONS, Path(__file__).with_name("town.py")]
    return _template(cluster, "wangge_test_town", sources, template_database, _build)


@pytest.fixture(scope="session")
def new_database(
    cluster: Server, template_database: str, request: pytest.FixtureRequest
) -> Iterator[NewDatabase]:
    """Return a function that clones a database (``empty`` or ``town``); all go in the end."""
    made = []

    def clone(kind: str = "empty") -> str:
        name = f"wangge_test_{uuid4().hex[:12]}"
        source = template_database if kind == "empty" else request.getfixturevalue("town_template")
        with _one_at_a_time():
            cluster.ensure_database(name, source)
        made.append(name)
        return cluster.url(name)

    yield clone
    if isinstance(cluster, ExternalServer):  # else they go with the cluster
        for name in made:
            cluster.drop_database(name)


@pytest.fixture(scope="module")
def database_url(new_database: NewDatabase) -> str:
    """The URL of this module's empty database."""
    return new_database("empty")


@pytest.fixture(scope="module")
def town_url(new_database: NewDatabase) -> str:
    """The URL of this module's town."""
    return new_database("town")


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the module's empty database."""
    with _engine(database_url) as engine:
        yield engine


@pytest.fixture(scope="module")
def town_engine(town_url: str) -> Iterator[Engine]:
    """An engine on the module's town."""
    with _engine(town_url) as engine:
        yield engine


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose commits are savepoints; everything is rolled back after the test."""
    with _rolled_back(engine) as session:
        yield session


@pytest.fixture
def town_session(town_engine: Engine) -> Iterator[Session]:
    """A session on the town whose commits are savepoints; rolled back after the test."""
    with _rolled_back(town_engine) as session:
        yield session


@pytest.fixture
def factory(new_database: NewDatabase) -> Iterator[sessionmaker[Session]]:
    """A sessionmaker on an empty database of this test's own: real commits, many at once."""
    with _engine(new_database("empty")) as engine:
        yield session_factory(engine)


@pytest.fixture
def town_factory(new_database: NewDatabase) -> Iterator[sessionmaker[Session]]:
    """A sessionmaker on a town of this test's own."""
    with _engine(new_database("town")) as engine:
        yield session_factory(engine)


@pytest.fixture(scope="session")
def scope() -> Scope:
    """The owner, who may do everything."""
    return Scope.local_owner()


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    """Write log lines plainly, to whatever is captured now; some tests configure them anew."""
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        cache_logger_on_first_use=False,
    )


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url, statement_timeout_s=60)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _rolled_back(engine: Engine) -> Iterator[Session]:
    with ExitStack() as stack:
        connection = stack.enter_context(engine.connect())
        outer = connection.begin()
        session = Session(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        )
        stack.callback(outer.rollback)
        stack.callback(session.close)
        yield session


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """A template may be copied by one at a time, and only while nobody is connected to it.

    Whoever comes waits for as long as the test may take: a busy machine makes templates slowly.
    """
    with (Path(os.environ[TEST_HOME]) / "templates.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(url: str) -> None:
    with _engine(url) as engine, transaction(session_factory(engine)) as session:
        build_town(session, Scope.local_owner())


def _template(
    server: Server,
    prefix: str,
    sources: list[Path],
    parent: str | None,
    fill: Callable[[str], None],
) -> str:
    """Make a template once per content of its sources; one that was left half made is redone."""
    name = f"{prefix}_{_digest(sources)}"
    done = Path(os.environ[TEST_HOME]) / f"{name}.done"
    with _one_at_a_time():
        if not done.exists():
            server.drop_database(name)
            server.ensure_database(name, parent)
            if parent is None:
                migrate.upgrade(server.url(name))
            fill(server.url(name))
            done.touch()
    return name


def _digest(sources: list[Path]) -> str:
    digest = blake2b(digest_size=6)
    for source in sources:
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        for file in files:
            if file.suffix in {".py", ".sql"}:
                digest.update(file.read_bytes())
    return digest.hexdigest()
