"""Connections that say whose a transaction is together with its first command.

It is said before every transaction of a scope, and a trip to the server of its own would cost as
much again. What is to be said cannot be left out: every cursor of such a connection says it with
the first command that it sends, whichever that is.
"""

from contextlib import closing
from typing import Any

from psycopg2.extensions import connection, cursor


class EnteringCursor(cursor):
    """A cursor of an :class:`EnteringConnection`."""

    connection: "EnteringConnection"

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002, ANN401 - the driver's
        """Send a command, after what its transaction is yet to say."""
        entering = self.connection.entering
        if entering is None:
            super().execute(query, vars)
        elif self.name is None:
            super().execute(entering + b";" + self.mogrify(query, vars))
            self.connection.entering = None
        else:  # DECLARE is put before the text of a named one
            self.connection.enter()
            super().execute(query, vars)

    def executemany(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the driver's
        """Send a command for each of many rows."""
        self.connection.enter()
        super().executemany(*args, **kwargs)

    def callproc(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the driver's
        """Call a function."""
        self.connection.enter()
        return super().callproc(*args, **kwargs)

    def copy_expert(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the driver's
        """Copy by a command."""
        self.connection.enter()
        super().copy_expert(*args, **kwargs)

    def copy_from(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the driver's
        """Copy into a table."""
        self.connection.enter()
        super().copy_from(*args, **kwargs)

    def copy_to(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the driver's
        """Copy out of a table."""
        self.connection.enter()
        super().copy_to(*args, **kwargs)


class EnteringConnection(connection):
    """A connection of the driver all of whose cursors say first what they are to say.

    Attributes
    ----------
    entering
        A command that goes before the next one, whichever that is, until the transaction ends. It
        stays until the server has taken it: a command that the driver refuses to send says nothing.
    """

    entering: bytes | None = None

    def cursor(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the driver's
        """Return a cursor, of no other kind than these."""
        return super().cursor(*args, **(kwargs | {"cursor_factory": EnteringCursor}))

    def enter(self) -> None:
        """Send what is yet to be said by itself."""
        if self.entering is not None:
            with closing(super().cursor()) as plain:
                plain.execute(self.entering)
            self.entering = None

    def commit(self) -> None:
        """End the transaction; what it has not said goes with it."""
        super().commit()
        self.entering = None

    def rollback(self) -> None:
        """Undo the transaction; what it has not said goes with it."""
        super().rollback()
        self.entering = None

    def reset(self) -> None:
        """Go back to what a new connection is like."""
        super().reset()
        self.entering = None
