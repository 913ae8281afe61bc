"""The queue of jobs for the worker: procrastinate's, in a schema of its own.

Its driver, psycopg 3, is used here and in :mod:`gis.jobs.worker` only. The table ``jobs`` says what
a job is and how it went; the queue only says which worker has it.
"""

import contextlib
from importlib.metadata import version
from pathlib import Path

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

from gis.errors import DataSourceError

#: The schema of PostgreSQL in which the queue lives, apart from the layers.
SCHEMA = "procrastinate"
QUEUE = "wangge"
TASK = "wangge.job"
#: Taken while the queue's schema is made, so that of two processes one waits.
_MAKING = 7_226_041


def conninfo(url: str) -> str:
    """Return a database URL as libpq reads it, with the queue's schema in front."""
    parts = make_url(url)
    known = parts.translate_connect_args(username="user", database="dbname")
    asked = {key: value for key, value in parts.query.items() if isinstance(value, str)}
    options = f"-c search_path={SCHEMA} -c timezone=UTC"
    return make_conninfo(**{**known, **asked, "options": options})


def queue_app(url: str) -> App:
    """Return procrastinate's application on the queue of a database."""
    return App(connector=PsycopgConnector(conninfo=conninfo(url), min_size=1, max_size=4))


def ensure_queue(url: str) -> None:
    """Make the queue's schema, or bring it to the version of the library that is installed.

    Raises
    ------
    gis.errors.DataSourceError
        The database cannot be reached, or its user may not make schemas.
    """
    wanted = version("procrastinate")
    try:
        with psycopg.connect(conninfo(url)) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
            found = connection.execute(
                "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
                [SCHEMA],
            ).fetchone()
            if found is not None and found[0] == wanted:
                return
            if found is None:
                connection.execute(f"CREATE SCHEMA {SCHEMA}")
                connection.execute(SchemaManager.get_schema())
            else:
                for script in _newer_than(str(found[0])):
                    connection.execute(script)
            remark = sql.SQL("COMMENT ON SCHEMA {} IS {}")
            connection.execute(remark.format(sql.Identifier(SCHEMA), sql.Literal(wanted)))
    except psycopg.Error as error:
        raise DataSourceError(
            f"The queue of jobs cannot be set up: {type(error).__name__}.",
            remedy="Check that the database answers and that its user may create schemas.",
        ) from error


def hand_over(url: str, job_id: str) -> None:
    """Put a job that is written down as queued before the worker; twice is once.

    Raises
    ------
    gis.errors.DataSourceError
        The queue cannot be reached; the job stays queued, and a worker finds it when it starts.
    """
    ensure_queue(url)
    app = queue_app(url)
    try:
        with app.open(), contextlib.suppress(AlreadyEnqueued):
            task = app.configure_task(TASK, queue=QUEUE, queueing_lock=job_id, allow_unknown=True)
            task.defer(job_id=job_id)
    except ConnectorException as error:
        raise DataSourceError(
            "The queue of jobs cannot be reached.",
            remedy="The job is kept; it begins when a worker is started: wangge worker.",
        ) from error


def _newer_than(installed: str) -> list[str]:
    """Return the library's own migration scripts after a version, in their order."""
    folder = Path(SchemaManager.get_migrations_path())
    done = _numbers(installed)
    scripts = sorted(folder.glob("*.sql"))
    newer = [one for one in scripts if _numbers(one.name.split("_")[0]) > done]
    return [one.read_text(encoding="utf-8") for one in newer]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
