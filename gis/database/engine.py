"""Where the database is, and the engine and sessions on it."""

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
import psycopg2
from psycopg2.extensions import Float, Int, register_adapter
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from gis.database import row_security
from gis.database.cluster import Cluster
from gis.database.entering import EnteringConnection
from gis.database.faults import translate_database_error
from gis.errors import ConflictError

if TYPE_CHECKING:
    from gis.scope import Scope
    from gis.settings import Settings

# Numbers out of a frame are numpy's; psycopg2 would write their repr into the statement.
register_adapter(np.float64, lambda value: Float(float(value)))
register_adapter(np.int64, lambda value: Int(int(value)))


def database_url(settings: "Settings") -> str:
    """Return the URL of the database: ``DATABASE_URL``, else the private cluster, started.

    Raises
    ------
    gis.errors.ConfigurationError
        If neither is to be had; the message names the four ways to get one.
    """
    if settings.database_url:
        return settings.database_url
    cluster = Cluster.locate(settings)
    cluster.start()
    cluster.ensure_database(settings.database_name)
    return cluster.url(settings.database_name)


def named_database_url(settings: "Settings", name: str) -> str:
    """Return the URL of another database of the same server, made if it is not there.

    The demo and the tests use it, so that they never touch the user's own database.
    """
    if settings.database_url:
        url = make_url(settings.database_url)
        _ensure_database(url, name)
        return url.set(database=name).render_as_string(hide_password=False)
    cluster = Cluster.locate(settings)
    cluster.start()
    cluster.ensure_database(name)
    return cluster.url(name)


@contextlib.contextmanager
def only_one(settings: "Settings", name: str) -> Generator[None]:
    """Hold the name on the server, so that of two processes that want it one is told.

    Raises
    ------
    gis.errors.ConflictError
        Another process holds it.
    """
    if settings.database_url:
        server = make_url(settings.database_url)
    else:
        cluster = Cluster.locate(settings)
        cluster.start()
        server = make_url(cluster.url("postgres"))
    with _administering(server) as connection:
        taken = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        if not connection.execute(taken, {"name": name}).scalar_one():
            raise ConflictError(
                f"Another process is at work on {name}.", remedy="Wait until it has ended."
            )
        yield  # the lock goes with the connection


def drop_named_database(settings: "Settings", name: str) -> None:
    """Drop a database of :func:`named_database_url`, ending the connections to it."""
    if settings.database_url:
        _administer(
            make_url(settings.database_url), "DROP DATABASE IF EXISTS {} WITH (FORCE)", name
        )
    else:
        Cluster.locate(settings).drop_database(name)


def _ensure_database(server: URL, name: str) -> None:
    with _administering(server) as connection:
        found = connection.execute(
            text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        ).first()
    if found is None:
        _administer(server, "CREATE DATABASE {}", name)


def _administer(server: URL, command: str, name: str) -> None:
    """Run a command on a database by its name, quoted; such commands take no parameters."""
    with _administering(server) as connection:
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        connection.execute(text(command.format(quoted)))


@contextlib.contextmanager
def _administering(server: URL) -> Generator[Connection]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise translate_database_error(error) from error
    finally:
        engine.dispose()


def make_engine(url: str, *, pool_size: int = 5, statement_timeout_s: int | None = None) -> Engine:
    """Return an engine whose connections speak UTC and give up on a lock after ten seconds."""
    options = "-c timezone=UTC -c lock_timeout=10s"
    if statement_timeout_s:
        options += f" -c statement_timeout={statement_timeout_s}s"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged; what people wrote is not
        connect_args={
            "options": options,
            "application_name": "wangge",
            "connect_timeout": 10,
            "connection_factory": EnteringConnection,
        },
    )


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions; rows stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextlib.contextmanager
def transaction(factory: sessionmaker[Session], scope: "Scope | None" = None) -> Generator[Session]:
    """Yield a session and commit once at the end; anything raised rolls everything back.

    Parameters
    ----------
    factory
        Makes the session.
    scope
        Whose transaction it is: PostgreSQL itself then shows no row of other ground
        (:mod:`gis.database.row_security`). ``None``: the program's own.

    Raises
    ------
    gis.errors.WanggeError
        Database errors in the words of the core: a plan that does not tile is a
        :class:`~gis.errors.TessellationError`, a taken key a :class:`~gis.errors.ConflictError`,
        a lost connection a :class:`~gis.errors.DataSourceError`.
    """
    session = factory()
    row_security.bind(session, scope)
    try:
        yield session
        session.commit()
    except (DBAPIError, psycopg2.Error) as error:
        _roll_back(session)
        raise translate_database_error(error) from error
    except BaseException:
        _roll_back(session)
        raise
    finally:
        session.close()


def _roll_back(session: Session) -> None:
    # A connection that is gone has rolled back already.
    with contextlib.suppress(DBAPIError, psycopg2.Error):
        session.rollback()
