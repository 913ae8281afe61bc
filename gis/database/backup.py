"""Backups: thin calls of pg_dump and pg_restore that end whole or not at all."""

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import psycopg2.errors
from psycopg2 import sql
from sqlalchemy import URL, make_url

from gis.database.binaries import DEBIAN_ROOT, version_tuple
from gis.errors import (
    ConfigurationError,
    ConflictError,
    DataSourceError,
    InvalidInputError,
    NotFoundError,
)
from gis.folders import require_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import cursor

SWAP_ATTEMPTS = 20
# Tables and views that belong to no extension: what a user would miss.
_OWN_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


def backup(url: str, file: Path, pg_bin: Path | None = None) -> None:
    """Write the database at ``url`` to ``file`` in pg_dump's custom format.

    The file appears under its name only when it is complete; one that exists is replaced then.
    It is readable by its owner only, since it holds everything.

    Parameters
    ----------
    url
        SQLAlchemy or libpq URL.
    file
        Where to write.
    pg_bin
        Where pg_dump is first looked for.

    Raises
    ------
    gis.errors.DataSourceError
        There is no such folder, or pg_dump fails; nothing is left behind.
    """
    require_folder(file)
    target = make_url(url)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        dump = ["--format=custom", "--no-owner", f"--file={part}"]
        done = _call("pg_dump", [*dump, f"--dbname={_libpq(target)}"], target, pg_bin)
        if done.returncode:
            msg = f"Database {target.database} could not be written: {done.stderr.strip()}"
            raise DataSourceError(msg, remedy="See `wangge db status`.")
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    except OSError as error:
        msg = f"The backup cannot be written to {file}: {error.strerror}."
        raise DataSourceError(msg, remedy="Choose a folder you can write to.") from error
    finally:
        part.unlink(missing_ok=True)


def restore(url: str, file: Path, pg_bin: Path | None = None, *, clean: bool = False) -> None:
    """Read ``file``, which :func:`backup` wrote, into the database at ``url``.

    All or nothing. With ``clean`` the copy is read into a new database beside, which takes the
    place of the old one when it is complete; connections to the old one are ended.

    Raises
    ------
    gis.errors.InvalidInputError
        If the file is no backup of Wangge.
    gis.errors.ConflictError
        If the database has tables already and ``clean`` is not set.
    gis.errors.DataSourceError
        If pg_restore fails; the database is as it was before.
    """
    target = make_url(url)
    _require_backup(file, target, pg_bin)
    own_tables = _count_own_tables(target)
    if not own_tables:
        _read(file, target, pg_bin)
    elif clean:
        _replace(file, target, pg_bin)
    else:
        msg = f"Database {target.database} is not empty: it has {own_tables} tables and views."
        raise ConflictError(msg, remedy="Use --clean to replace all of it by the backup.")


def psql_command(
    url: str, arguments: "Sequence[str]", pg_bin: Path | None = None
) -> tuple[list[str], dict[str, str]]:
    """Return the command line of a psql on ``url`` and its environment, which has the password."""
    target = make_url(url)
    return [str(find_client("psql", pg_bin)), _libpq(target), *arguments], _environment(target)


def find_client(name: str, pg_bin: Path | None) -> Path:
    """Return a client program: beside the server's, else Debian's newest, else on PATH.

    A newer pg_dump reads older servers, so newest is best where the server is elsewhere.
    """
    newest = sorted(
        DEBIAN_ROOT.glob("*/bin"), key=lambda one: version_tuple(one.parent.name), reverse=True
    )
    for folder in [pg_bin, *newest]:
        if folder is not None and os.access(folder / name, os.X_OK):
            return folder / name
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    msg = f"{name} is not installed."
    raise ConfigurationError(
        msg, remedy="Install postgresql-client, or set WANGGE_PG_BIN to its folder."
    )


def _require_backup(file: Path, target: URL, pg_bin: Path | None) -> None:
    if not file.is_file():
        msg = f"There is no file {file}."
        raise NotFoundError(msg, remedy="Name a file that `wangge db backup` wrote.")
    done = _call("pg_restore", ["--list", str(file)], target, pg_bin)
    if done.returncode or not re.search(r"TABLE \S+ alembic_version ", done.stdout):
        reason = done.stderr.strip() or "it has no table alembic_version"
        msg = f"{file} is no backup of Wangge: {reason}."
        raise InvalidInputError(msg, remedy="Name a file that `wangge db backup` wrote.")


def _read(file: Path, target: URL, pg_bin: Path | None) -> None:
    whole = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    arguments = [*whole, f"--dbname={_libpq(target)}", str(file)]
    done = _call("pg_restore", arguments, target, pg_bin)
    if done.returncode:
        msg = f"{file} could not be read into {target.database}: {done.stderr.strip()}"
        raise DataSourceError(
            msg, remedy="Nothing was changed; use an undamaged backup made by the same version."
        )


def _replace(file: Path, target: URL, pg_bin: Path | None) -> None:
    """Read the copy into a database beside and swap the two.

    Killed at any moment, the name stands for the whole old or the whole new database; a remainder
    is dropped by the next run.
    """
    name = target.database or ""
    fresh, old = f"{name[:50]}_restoring", f"{name[:50]}_replaced"
    with _maintenance(target) as session:
        _drop(session, fresh, old)
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(fresh)))
        try:
            _read(file, target.set(database=fresh), pg_bin)
            _swap(session, name, fresh, old)
        finally:
            _drop(session, fresh, old)


def _swap(session: "cursor", name: str, fresh: str, old: str) -> None:
    """Rename both in one transaction; a client that reconnects in between is sent away again."""
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}").format
    both = sql.SQL("BEGIN; {}; {}; COMMIT").format(
        rename(sql.Identifier(name), sql.Identifier(old)),
        rename(sql.Identifier(fresh), sql.Identifier(name)),
    )
    for _attempt in range(SWAP_ATTEMPTS):
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname IN (%s, %s)",
            (name, fresh),
        )
        try:
            session.execute(both)
        except psycopg2.errors.ObjectInUse:
            session.execute("ROLLBACK")
        else:
            return
    msg = f"Database {name} is in use and its clients come back at once; it was not replaced."
    raise ConflictError(msg, remedy="Stop `wangge serve` and other clients, then try again.")


def _drop(session: "cursor", *names: str) -> None:
    for name in names:
        session.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


@contextmanager
def _maintenance(target: URL) -> "Iterator[cursor]":
    with _cursor(target.set(database="postgres")) as session:
        yield session


@contextmanager
def _cursor(target: URL) -> "Iterator[cursor]":
    try:
        session = psycopg2.connect(_libpq(target), password=target.password or None)
    except psycopg2.OperationalError as error:
        msg = f"The database does not answer: {str(error).strip()}"
        raise DataSourceError(msg, remedy="See `wangge db status`.") from error
    try:
        session.autocommit = True
        with session.cursor() as one:
            yield one
    finally:
        session.close()


def _count_own_tables(target: URL) -> int:
    with _cursor(target) as session:
        session.execute(_OWN_TABLES)
        row = session.fetchone()
    return int(row[0]) if row else 0


def _call(
    program: str, arguments: "Sequence[str]", target: URL, pg_bin: Path | None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - PostgreSQL's own programs
        [find_client(program, pg_bin), *arguments],
        env=_environment(target),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _libpq(target: URL) -> str:
    """Return the URL as libpq's programs take it, without the password: arguments are public."""
    plain = URL.create(
        "postgresql",
        username=target.username,
        host=target.host,
        port=target.port,
        database=target.database,
        query=target.query,
    )
    return plain.render_as_string(hide_password=False)


def _environment(target: URL) -> dict[str, str]:
    password = {"PGPASSWORD": str(target.password)} if target.password else {}
    return dict(os.environ) | password
