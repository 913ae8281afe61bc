"""The role and the settings by which PostgreSQL itself keeps a scope to its ground.

A backstop: queries limit themselves to their :class:`~gis.scope.Scope`. A transaction of a scope
also becomes the role ``wangge_app``, which owns nothing, and says for which communities and grids
it asks; the policies of migration 0007 hide every other row. It is set for the transaction only, so
a connection that goes back to the pool carries nothing over.
"""

from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.orm import Session

from gis.database.entering import EnteringConnection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import SessionTransaction

    from gis.scope import Scope

#: The role of every transaction that has a scope; it may not log in.
APP_ROLE = "wangge_app"
#: Key of the scope in ``Session.info``.
SCOPE_KEY = "wangge_scope"

_ENTER = (
    "SET LOCAL wangge.principal = %s; SET LOCAL wangge.everywhere = %s; "
    "SET LOCAL wangge.communities = %s; SET LOCAL wangge.grids = %s"
)
#: The role is taken if it is there: where it could not be made the settings bind an owner that is
#: no superuser all the same (the tables FORCE their policies), and ``wangge doctor`` tells. To ask
#: takes longer than all the rest, so it is asked until the role was there once.
_ENTER_AS_ROLE = f"{_ENTER}; SET LOCAL ROLE {APP_ROLE}"
_IS_THERE = "SELECT FROM pg_roles WHERE rolname = %s AND pg_has_role(oid, 'MEMBER')"
_KNOWN: "WeakSet[Engine]" = WeakSet()
_PREPARE = Path(__file__).with_name("row_security.sql")
#: One process at a time grants; two at once would end in an error of the catalogue.
_PREPARING = 7_226_042


def bind(session: Session, scope: "Scope | None") -> None:
    """Let every transaction of a session be a scope's, those after a rollback too.

    Without a scope, and for the owner of the installation, it stays the program's own.
    """
    session.info[SCOPE_KEY] = None if scope is None or scope.is_owner else scope


@event.listens_for(Session, "after_begin")
def _enter(session: Session, transaction: "SessionTransaction", connection: "Connection") -> None:
    scope: Scope | None = session.info.get(SCOPE_KEY)
    if scope is None or transaction.nested:
        return
    asked = _settings(scope.principal, scope.community_ids, scope.grid_ids)
    driver = connection.connection.driver_connection
    # The driver's own cursor: this goes before every transaction, and costs half as much so.
    with closing(connection.connection.cursor()) as cursor:
        if connection.engine not in _KNOWN:
            cursor.execute(_IS_THERE, (APP_ROLE,))
            if cursor.rowcount:
                _KNOWN.add(connection.engine)
        entering = _ENTER_AS_ROLE if connection.engine in _KNOWN else _ENTER
        if isinstance(driver, EnteringConnection):
            driver.entering = cursor.mogrify(entering, asked)
        else:  # of an engine that somebody else made
            cursor.execute(entering, asked)


@lru_cache(maxsize=256)
def _settings(
    principal: str, communities: frozenset[str] | None, grids: frozenset[str]
) -> tuple[str, str, str, str]:
    """Return what a transaction says of its scope: who, everywhere or not, communities, grids."""
    everywhere = "on" if communities is None else "off"
    return principal or "-", everywhere, _array(communities or ()), _array(grids)


def prepare(connection: "Connection") -> None:
    """Make the role and give it what it may do, as far as the user of the connection may.

    Migrations do so each time: a restored backup has neither rights nor PostGIS's operators marked.
    """
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_PREPARING,))
    # exec_driver_sql: a percent sign of the file is not a parameter.
    connection.exec_driver_sql(_PREPARE.read_text(encoding="utf-8").replace("%", "%%"))


def _array(keys: "Iterable[str]") -> str:
    return "{" + ",".join(sorted(keys)) + "}"
