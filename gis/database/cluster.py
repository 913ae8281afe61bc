"""The private cluster: a PostgreSQL that Wangge makes, starts and stops itself.

Who may connect
---------------
The server listens on a unix socket only, never on an address. Three locks hold the door:

1. the socket lies in a folder of mode 0700 that belongs to the server's user;
2. ``pg_hba.conf`` asks the kernel who is at the other end (``peer``) and lets in exactly two
   system users as the database user ``wangge``: the server's own and root, who could read the
   files anyway. There is no password to leak and nobody is trusted by address;
3. the configuration lies outside the data folder and belongs to whoever started the cluster, so
   when root starts it the server cannot rewrite the rules it obeys.

What is touched
---------------
Only ``$WANGGE_HOME/cluster``. Its ``data`` carries a marker, written before the folder gets its
name; data without the marker are somebody else's and refused.
"""

import json
import os
import shlex
import shutil
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gis.database.binaries import find_binaries
from gis.database.data_folder import MARKER, data_major, ready_pid, refuse_foreign, server_pid
from gis.database.processes import HAS_PROC, Owner, exclusive, servers_of, wait_until
from gis.database.server_config import PORT, USER, write_config
from gis.errors import ConfigurationError, ConflictError, DataSourceError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from gis.settings import Settings

MAX_SOCKET_PATH = 107  # bytes: sun_path of Linux, less the final NUL
SHELL_CHARACTERS = frozenset('"$`\\\n')  # pg_ctl puts its paths between double quotes of a shell
START_TIMEOUT_S = 120
ORPHAN_PATIENCE_S = 10
QUIT_PATIENCE_S = 30
KEPT_LOG_BYTES = 20_000_000
_MAINTENANCE = ("postgres", "template0", "template1")


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What the private cluster is doing.

    Parameters
    ----------
    pid
        Process of the server; ``None`` if it is not running.
    version
        Of the server's programs, for example ``15.14``.
    postgis
        The PostGIS it offers.
    data, socket_dir, log
        Where its files, its socket and its log are.
    databases
        Names of its databases without PostgreSQL's own; empty if it is not running.
    """

    pid: int | None
    version: str
    postgis: str
    data: Path
    socket_dir: Path
    log: Path
    databases: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self.pid is not None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The private cluster of one home.

    Parameters
    ----------
    home
        ``WANGGE_HOME``; everything lies in its folder ``cluster``.
    pg_bin
        Folder of ``initdb``, ``pg_ctl`` and ``postgres``.
    """

    home: Path
    pg_bin: Path

    @classmethod
    def locate(cls, settings: "Settings") -> "Cluster":
        """Return the cluster of ``settings.home``, run by programs that fit its data.

        Nothing is made or started.

        Raises
        ------
        gis.errors.ConfigurationError
            If there is no PostgreSQL >= 15 with PostGIS >= 3.3, if the programs are of another
            major version than the data, or if the data are not Wangge's.
        """
        home = settings.home.expanduser().absolute()
        data = home / "cluster/data"
        if set(str(home)) & SHELL_CHARACTERS:
            msg = f"The path {str(home)!r} has a character that PostgreSQL's pg_ctl misreads."
            raise ConfigurationError(
                msg, remedy="Set WANGGE_HOME to a path without quotes, $, ` and \\."
            )
        refuse_foreign(home, data)
        return cls(home, find_binaries(settings.pg_bin, data_major(data)).folder)

    @property
    def root(self) -> Path:
        """The folder of everything that belongs to the cluster."""
        return self.home / "cluster"

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.root / "log/postgres.log"

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket: in the cluster, or a short one if that path is too long.

        A comma would be a list of hosts to libpq, so such a path is replaced as well.
        """
        near = self.root / "run"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= MAX_SOCKET_PATH and "," not in str(near):
            return near
        name = blake2b(os.fsencode(self.root), digest_size=8).hexdigest()
        return Path("/tmp") / f"wangge-{name}"  # noqa: S108 - its owner and mode are verified  # nosec B108

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database of this cluster.

        Examples
        --------
        >>> Cluster(Path("/srv/w"), Path("/usr/bin")).url("wangge")
        'postgresql+psycopg2://wangge@/wangge?host=/srv/w/cluster/run'
        """
        return (
            f"postgresql+psycopg2://{USER}@/{_checked(database)}?host={quote(str(self.socket_dir))}"
        )

    def start(self, *, durable: bool = True) -> bool:
        """Make the cluster if there is none and start it unless it runs.

        Safe to call from many processes at once: one starts it, the others wait for it.

        Parameters
        ----------
        durable
            ``False`` switches off fsync and autovacuum: for throw-away clusters of tests only,
            since a power cut would lose the data.

        Returns
        -------
        bool
            ``True`` if this call started it.

        Raises
        ------
        gis.errors.DataSourceError
            If PostgreSQL does not start; the message has the end of its log.
        gis.errors.ConfigurationError
            If the home cannot be used, see :meth:`locate`.
        """
        if ready_pid(self.data) is not None:
            return False
        owner = self._prepare()
        with exclusive(self.root / "lock"):
            if self._settled_pid() is not None:  # another process was faster
                return False
            self._make(owner, durable=durable)
            self._clear_remains()
            self._launch(owner, durable=durable)
        return True

    def stop(self) -> bool:
        """Stop the server, rolling back open transactions; return ``False`` if it did not run."""
        if not self.data.exists():
            return False
        refuse_foreign(self.home, self.data)
        owner = Owner.choose(self.data)
        with exclusive(self.root / "lock"):
            if server_pid(self.data) is None:
                return False
            done = owner.run([*self._pg_ctl("stop"), "-m", "fast", "-t", "120"])
            if done.returncode:
                msg = f"PostgreSQL in {self.data} does not stop: {done.stderr.strip()}"
                raise DataSourceError(msg, remedy=f"Its log is {self.log}.")
        return True

    def status(self) -> ClusterStatus:
        """Return what the cluster is doing; starts nothing."""
        found = find_binaries(self.pg_bin, data_major(self.data))
        pid = ready_pid(self.data)
        return ClusterStatus(
            pid=pid,
            version=found.version,
            postgis=found.postgis or "",
            data=self.data,
            socket_dir=self.socket_dir,
            log=self.log,
            databases=() if pid is None else self._databases(),
        )

    def ensure_database(self, name: str, template: str | None = None) -> bool:
        """Create database ``name`` unless it exists; return ``True`` if this call created it.

        Parameters
        ----------
        name
            Lower-case letters, digits and underscores, at most 63.
        template
            A database to copy; nobody may be connected to it.
        """
        from psycopg2 import errors, sql

        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(_checked(name)), sql.Identifier(_checked(template or "template1"))
        )
        with self._session() as session, session.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone():
                return False
            try:
                cursor.execute(statement)
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                return False  # another process was faster
            except errors.ObjectInUse as error:
                msg = f"Database {template} cannot be copied to {name} while it is in use."
                raise ConflictError(msg, remedy="Close its connections first.") from error
            except errors.InvalidCatalogName as error:
                msg = f"There is no database {template} to copy to {name}."
                raise ConflictError(msg, remedy="Create the template first.") from error
        return True

    def drop_database(self, name: str) -> None:
        """Drop database ``name`` if it exists, ending the connections to it."""
        from psycopg2 import sql

        if _checked(name) in _MAINTENANCE:
            msg = f"Database {name} is PostgreSQL's own."
            raise InvalidInputError(msg, remedy="Name a database that Wangge made.")
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with self._session() as session, session.cursor() as cursor:
            cursor.execute(statement)

    # ---- the pieces of start, in order -------------------------------------------------------

    def _prepare(self) -> Owner:
        """Make the folders around the data, and the one that the lock lies in."""
        refuse_foreign(self.home, self.data)
        owner = Owner.choose(self.data)
        as_root = os.geteuid() == 0
        try:
            for folder in (self.home, self.root):
                if not folder.exists():
                    folder.mkdir(parents=True, exist_ok=True)
                    folder.chmod(0o755 if as_root else 0o700)
        except OSError as error:
            msg = f"{self.home} cannot be used for the database: {error.strerror}."
            raise ConfigurationError(
                msg, remedy="Set WANGGE_HOME to a folder you can write to."
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            msg = f"You may not write to {self.root}."
            raise ConfigurationError(msg, remedy="Set WANGGE_HOME to a folder of your own.")
        owner.require_entry(self.root)
        return owner

    def _make(self, owner: Owner, *, durable: bool) -> None:
        """Initialise the data in a folder aside and rename it, so that half is never found."""
        if self.data.exists():
            refuse_foreign(self.home, self.data)
            return
        fresh = self.root / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        owner.give(fresh, 0o700)
        self._initdb(owner, fresh, [] if durable else ["--no-sync"])
        marker = fresh / MARKER
        facts = {"made_by": "wangge", "postgresql": data_major(fresh), "owner": owner.name}
        with marker.open("x", encoding="utf-8") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        owner.give(marker, 0o600)
        fresh.rename(self.data)

    def _initdb(self, owner: Owner, folder: Path, extra: list[str]) -> None:
        command = [
            *(
                str(self.pg_bin / "initdb"),
                "-D",
                str(folder),
                "--username",
                USER,
                "--encoding",
                "UTF8",
            ),
            *("--auth-local", "peer", "--auth-host", "reject", "--data-checksums"),
            *("--no-instructions", *extra),
        ]
        done = owner.run([*command, "--locale", "C.UTF-8"])
        if done.returncode and "invalid locale name" in done.stderr:  # musl and macOS have no such
            done = owner.run([*command, "--locale", "C"])
        if done.returncode:
            msg = f"initdb failed in {self.root}: {done.stderr.strip()}"
            raise DataSourceError(msg, remedy="Free disk space or set WANGGE_HOME elsewhere.")

    def _clear_remains(self) -> None:
        """Remove what a killed server left, once no process of it lives.

        PostgreSQL clears a stale ``postmaster.pid`` itself unless another program got the same
        process id; then it refuses for ever. Children of a killed postmaster end by themselves
        at their next wait; one that does not is told to quit, because two servers on one shared
        memory would destroy the data.
        """
        if not wait_until(lambda: not servers_of(self.data), ORPHAN_PATIENCE_S):
            for pid in servers_of(self.data):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
            if not wait_until(lambda: not servers_of(self.data), QUIT_PATIENCE_S):
                msg = f"Processes of a killed server still work in {self.data}."
                raise DataSourceError(
                    msg, remedy="End them and start again.", pids=servers_of(self.data)
                )
        if HAS_PROC:  # else nobody has proved that the server is gone
            socket = self.socket_dir / f".s.PGSQL.{PORT}"
            for remain in (self.data / "postmaster.pid", socket, Path(f"{socket}.lock")):
                remain.unlink(missing_ok=True)

    def _launch(self, owner: Owner, *, durable: bool) -> None:
        self._make_socket_dir(owner)
        log_start = self._rotate_log(owner)
        config = write_config(
            self.root / "conf", self.data, self.socket_dir, system_user=owner.name, durable=durable
        )
        # pg_ctl starts the server through a shell and in a session of its own, so that Ctrl-C in
        # this terminal does not reach it.
        done = owner.run(
            [
                *(*self._pg_ctl("start"), "-l", str(self.log), "-t", str(START_TIMEOUT_S)),
                *("-o", f"-c config_file={shlex.quote(str(config))}"),
            ],
            timeout_s=START_TIMEOUT_S + 60,
        )
        if done.returncode:
            reason = self._log_tail(log_start) or done.stderr.strip()
            msg = f"PostgreSQL does not start in {self.data}: {reason}"
            raise DataSourceError(msg, remedy=f"Its whole log is {self.log}.")

    def _pg_ctl(self, action: str) -> list[str]:
        return [str(self.pg_bin / "pg_ctl"), action, "-D", str(self.data), "-w"]

    def _make_socket_dir(self, owner: Owner) -> None:
        folder = self.socket_dir
        try:
            folder.mkdir(mode=0o700)
            owner.give(folder, 0o700)
        except FileExistsError:
            facts = folder.lstat()
            if folder.is_symlink() or facts.st_uid != owner.uid or facts.st_mode & 0o077:
                msg = f"{folder} is not a private folder of user {owner.name}."
                raise ConfigurationError(
                    msg, remedy="Remove it, or set WANGGE_HOME to a shorter path."
                ) from None

    def _rotate_log(self, owner: Owner) -> int:
        """Set a long log aside; return where in the log the next start begins."""
        self.log.parent.mkdir(exist_ok=True)
        owner.give(self.log.parent, 0o700)
        size = self.log.stat().st_size if self.log.exists() else 0
        if size > KEPT_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
            return 0
        return size

    # ---- what is the case --------------------------------------------------------------------

    def _settled_pid(self) -> int | None:
        """Wait while a server is starting or stopping; return its process if it then runs."""

        def settled() -> bool:
            return server_pid(self.data) is None or ready_pid(self.data) is not None

        if not wait_until(settled, START_TIMEOUT_S):
            msg = f"A PostgreSQL in {self.data} neither becomes ready nor ends."
            raise DataSourceError(msg, remedy=f"Its log is {self.log}.", pid=server_pid(self.data))
        return server_pid(self.data)

    def _log_tail(self, start: int) -> str:
        try:
            text = self.log.read_bytes()[start:].decode("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-12:])

    def _databases(self) -> tuple[str, ...]:
        with self._session() as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT datname FROM pg_database WHERE NOT datname = ANY(%s) ORDER BY datname",
                (list(_MAINTENANCE),),
            )
            return tuple(row[0] for row in cursor.fetchall())

    @contextmanager
    def _session(self) -> "Iterator[connection]":
        """Give an autocommitting connection to PostgreSQL's maintenance database."""
        import psycopg2

        options: dict[str, Any] = {"host": str(self.socket_dir), "port": PORT, "user": USER}
        try:
            session = psycopg2.connect(dbname="postgres", connect_timeout=10, **options)
        except psycopg2.OperationalError as error:
            msg = f"The private cluster does not answer: {str(error).strip()}"
            raise DataSourceError(msg, remedy="Start it with `wangge db start`.") from error
        try:
            session.autocommit = True
            yield session
        finally:
            session.close()


def _checked(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower()
    if not plain or name[0].isdigit() or len(name) > 63:
        msg = f"{name!r} is no name for a database."
        raise InvalidInputError(
            msg, remedy="Use up to 63 lower-case letters, digits and underscores.", field="database"
        )
    return name
