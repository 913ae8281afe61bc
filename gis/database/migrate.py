"""Migrations, run in-process by Alembic; nothing outside this module knows where they live."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from gis.database import row_security

_FOLDER = Path(__file__).parent / "migrations"


def alembic_config(url: str) -> Config:
    """Return an Alembic configuration for the database at ``url``."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up to ``revision``, in one transaction, and prepare its application role."""
    command.upgrade(alembic_config(url), revision)
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            row_security.prepare(connection)
    finally:
        engine.dispose()


def downgrade(url: str, revision: str) -> None:
    """Take the schema down to ``revision``, in one transaction."""
    command.downgrade(alembic_config(url), revision)


def head() -> str:
    """Return the newest revision of this program."""
    revision = ScriptDirectory.from_config(alembic_config("")).get_current_head()
    assert revision is not None
    return revision


def current(url: str) -> str | None:
    """Return the revision of the database at ``url``, or ``None`` if it was never migrated."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return current_on(connection)
    finally:
        engine.dispose()


def current_on(connection: Connection) -> str | None:
    """Return the revision of a database that is open already."""
    return MigrationContext.configure(connection).get_current_revision()
