"""Run PostgreSQL's programs as an unprivileged user, and know its processes from others."""

import fcntl
import os
import pwd
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gis.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HAS_PROC = Path("/proc/self/cwd").exists()
LOCK_TIMEOUT_S = 120
POLL_S = 0.05
_KEPT_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH", "TZ")


@dataclass(frozen=True, slots=True)
class Owner:
    """The system user that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int

    @classmethod
    def choose(cls, data: Path) -> "Owner":
        """Return the user for the cluster in ``data``.

        PostgreSQL refuses to run as root. Started by root, it runs as the owner of the data that
        exist; else as the system user ``wangge`` if the operator made one, else as Debian's
        ``postgres``. ``nobody`` is not taken: whatever else runs as nobody could read the data.

        Raises
        ------
        gis.errors.ConfigurationError
            If root starts it and there is no such user, or the data belong to somebody else.
        """
        me = os.geteuid()
        holder = data.stat().st_uid if data.exists() else None
        if me != 0:
            if holder not in (None, me):
                msg = f"{data} belongs to user {_user_name(holder)}, not to you."
                raise ConfigurationError(msg, remedy="Set WANGGE_HOME to a folder of your own.")
            return cls._of(pwd.getpwuid(me))
        if holder:
            return cls._of(pwd.getpwuid(holder))
        for name in ("wangge", "postgres"):
            try:
                return cls._of(pwd.getpwnam(name))
            except KeyError:
                continue
        msg = "PostgreSQL does not run as root, and there is no user wangge or postgres to run it."
        raise ConfigurationError(
            msg, remedy="Make one: useradd --system --no-create-home --shell /bin/false wangge"
        )

    @classmethod
    def _of(cls, entry: pwd.struct_passwd) -> "Owner":
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def run(
        self, command: "Sequence[str | Path]", timeout_s: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run ``command`` as this user in ``/`` with a small environment; never raises on failure.

        The caller's environment stays out: ``PG*`` variables would bend the programs, PROJ and
        GDAL paths of a Python wheel would bend PostGIS, and secrets would live in the server.
        """
        switch = (
            {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        environment = {k: v for k, v in os.environ.items() if k in _KEPT_ENVIRONMENT}
        return subprocess.run(  # type: ignore[call-overload,no-any-return] # noqa: S603 - PostgreSQL's own programs
            [str(part) for part in command],
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            **switch,
        )

    def give(self, path: Path, mode: int) -> None:
        """Make ``path`` this user's, with ``mode``."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        path.chmod(mode)

    def require_entry(self, folder: Path) -> None:
        """Raise unless this user can enter ``folder``, naming the parent that bars the way."""
        if self.run(["test", "-x", folder]).returncode == 0:
            return
        barred = next(
            (
                parent
                for parent in reversed([folder, *folder.parents])
                if self.run(["test", "-x", parent]).returncode
            ),
            folder,
        )
        msg = f"The database's user {self.name} cannot enter {barred}, on the way to {folder}."
        raise ConfigurationError(
            msg,
            remedy=f"Set WANGGE_HOME to a folder it can enter, for example /var/lib/wangge, or "
            f"allow it: chmod o+x {barred}",
        )


def _user_name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)


@contextmanager
def exclusive(lock: Path) -> "Iterator[None]":
    """Hold ``lock`` against every other process; the kernel frees it if this one dies.

    Raises
    ------
    gis.errors.ConflictError
        If another process holds it for two minutes.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not wait_until(lambda: _try_lock(descriptor), LOCK_TIMEOUT_S):
            msg = f"Another process has held {lock} for {LOCK_TIMEOUT_S} s."
            raise ConflictError(msg, remedy="See who holds it with `fuser` and end it.")
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_until(condition: "Callable[[], bool]", timeout_s: float) -> bool:
    """Return whether ``condition`` came true within ``timeout_s`` seconds."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True


def servers_of(data: Path) -> list[int]:
    """Return the PostgreSQL processes that work in ``data``: the postmaster and its children.

    A server process changes into its data folder, so a reused process id never counts. Where
    there is no ``/proc`` (macOS) the list is empty and PostgreSQL's own checks remain.
    """
    place = str(data.resolve())
    return sorted(
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if is_server_of(int(entry.name), place)
    )


def is_server_of(pid: int, place: str) -> bool:
    """Return whether process ``pid`` is a PostgreSQL that works in folder ``place``."""
    process = Path("/proc") / str(pid)
    try:
        return (
            str((process / "cwd").readlink()) == place
            and (process / "exe").readlink().name.split()[0] == "postgres"
        )
    except OSError:
        return False
