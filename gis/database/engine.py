"""Where the database is, and the engine and sessions on it."""

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from gis.database.cluster import Cluster
from gis.errors import ConflictError, DataSourceError, TessellationError, WanggeError

if TYPE_CHECKING:
    from gis.settings import Settings

#: SQLSTATEs that the plan check raises (gis/database/migrations/versions/0002_plan_check.sql).
PLAN_CHECK_SQLSTATE = "WG001"
_CONFLICTS = {"23505", "23P01", "40001", "40P01", "55P03"}


def database_url(settings: "Settings") -> str:
    """Return the URL of the database: ``DATABASE_URL``, else the private cluster, started if need be.

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
        connect_args={"options": options, "application_name": "wangge", "connect_timeout": 10},
    )


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions; rows stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextlib.contextmanager
def transaction(factory: sessionmaker[Session]) -> Generator[Session]:
    """Yield a session and commit once at the end; anything raised rolls everything back.

    Raises
    ------
    gis.errors.WanggeError
        Database errors in the words of the core: a plan that does not tile is a
        :class:`~gis.errors.TessellationError`, a taken key a :class:`~gis.errors.ConflictError`,
        a lost connection a :class:`~gis.errors.DataSourceError`.
    """
    session = factory()
    try:
        yield session
        session.commit()
    except DBAPIError as error:
        with contextlib.suppress(DBAPIError):
            session.rollback()
        raise translate_database_error(error) from error
    except BaseException:
        with contextlib.suppress(DBAPIError):
            session.rollback()
        raise
    finally:
        session.close()


def translate_database_error(error: DBAPIError) -> WanggeError:
    """Return the core's error for a database error, without leaking SQL or parameters."""
    state = getattr(error.orig, "pgcode", None)
    diagnostics = getattr(error.orig, "diag", None)
    primary = getattr(diagnostics, "message_primary", None) or "The database refused."
    hint = getattr(diagnostics, "message_hint", None) or ""
    if state == PLAN_CHECK_SQLSTATE:
        return TessellationError(primary, remedy=hint)
    if state in _CONFLICTS:
        return ConflictError(f"{primary}.", remedy=hint or "Read the current state and try again.")
    if state and state.startswith("23"):
        constraint = getattr(diagnostics, "constraint_name", "") or ""
        table = getattr(diagnostics, "table_name", "") or ""
        return ConflictError(
            f"The database refused a row of {table} ({constraint}): {primary}.",
            remedy="Mend the row the constraint names; nothing was stored.",
        )
    if error.connection_invalidated or isinstance(error, OperationalError):
        return DataSourceError(
            "The database does not answer or went away; nothing was stored.",
            remedy="See `wangge doctor` and `wangge db status`, then try again.",
        )
    return DataSourceError(f"The database refused: {primary}.", remedy="See `wangge doctor`.")
