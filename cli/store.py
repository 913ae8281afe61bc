"""What every command that touches the store needs: migrated database, sessions, the principal."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gis.scope import Scope
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy.orm import Session, sessionmaker


@contextmanager
def opened() -> "Generator[tuple[sessionmaker[Session], Scope]]":
    """Yield a factory of sessions on the migrated database, and the local owner."""
    from gis.database.engine import database_url, make_engine, session_factory
    from gis.database.migrate import upgrade
    from gis.logs import job

    url = database_url(get_settings())
    upgrade(url)
    engine = make_engine(url)
    try:
        with job("command"):
            yield session_factory(engine), Scope.local_owner()
    finally:
        engine.dispose()
