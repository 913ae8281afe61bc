"""Database errors in the words of the core, without SQL or parameters."""

import psycopg2
from sqlalchemy.exc import DBAPIError

from gis.errors import ConflictError, DataSourceError, TessellationError, WanggeError

#: The SQLSTATE that the plan check raises (migrations/versions/0002_plan_check.sql).
PLAN_CHECK_SQLSTATE = "WG001"
#: A taken key, an exclusion, a serialisation failure, a deadlock, a lock not to be had.
_CONFLICTS = {"23505", "23P01", "40001", "40P01", "55P03"}
#: The server is going down, or went.
_GONE = ("08", "57P")


def translate_database_error(error: DBAPIError | psycopg2.Error) -> WanggeError:
    """Return the core's error for a database error of SQLAlchemy or of psycopg2.

    Returns
    -------
    gis.errors.WanggeError
        A plan that does not tile is a :class:`~gis.errors.TessellationError`; a taken key or a
        broken constraint a :class:`~gis.errors.ConflictError`; a lost connection and anything else
        a :class:`~gis.errors.DataSourceError`.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    state: str = getattr(original, "pgcode", None) or ""
    diagnostics = getattr(original, "diag", None)
    primary = getattr(diagnostics, "message_primary", None) or "no reason given"
    hint = getattr(diagnostics, "message_hint", None) or ""
    if state == PLAN_CHECK_SQLSTATE:
        return TessellationError(primary, remedy=hint)
    if state in _CONFLICTS or state.startswith("23"):
        constraint = getattr(diagnostics, "constraint_name", None)
        table = getattr(diagnostics, "table_name", None)
        where = f" ({table}: {constraint})" if constraint else ""
        return ConflictError(
            f"The database refused a row{where}: {primary}.",
            remedy=hint or "Mend the row that it names, or read the current state and try again.",
        )
    if not state or state.startswith(_GONE):
        return DataSourceError(
            "The database does not answer or went away; nothing was stored.",
            remedy="See `wangge doctor` and `wangge db status`, then try again.",
        )
    return DataSourceError(f"The database refused: {primary}.", remedy="See `wangge doctor`.")
