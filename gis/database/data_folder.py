"""A PostgreSQL data folder seen from outside: whose it is, its version, who serves it."""

import os
from typing import TYPE_CHECKING

from gis.database.processes import HAS_PROC, is_server_of
from gis.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "wangge-cluster.json"


def refuse_foreign(home: "Path", data: "Path") -> None:
    """Raise if ``home`` is a PostgreSQL data folder, or ``data`` was not made by Wangge."""
    try:
        foreign = home if (home / "PG_VERSION").exists() else None
        if foreign is None and data.exists() and not (data / MARKER).exists():
            foreign = data
    except PermissionError as error:
        raise _barred(data) from error
    if foreign:
        msg = f"{foreign} was not made by Wangge (it has no {MARKER}) and is left alone."
        raise ConfigurationError(msg, remedy="Set WANGGE_HOME to another folder.")


def data_major(data: "Path") -> int | None:
    """Return the major version that wrote ``data``; ``None`` if nothing is there."""
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def server_pid(data: "Path") -> int | None:
    """Return the server's process, never that of a program which got its old number."""
    lines = _pid_file(data)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    if HAS_PROC:
        return pid if is_server_of(pid, str(data.resolve())) else None
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return pid


def ready_pid(data: "Path") -> int | None:
    """Return the server's process if it takes connections; line 8 of the pid file says so."""
    lines = _pid_file(data)
    ready = len(lines) >= 8 and lines[7].strip() == "ready"
    return server_pid(data) if ready else None


def _pid_file(data: "Path") -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise _barred(data) from error


def _barred(data: "Path") -> ConfigurationError:
    msg = f"You may not read {data}."
    return ConfigurationError(msg, remedy="Set WANGGE_HOME to a folder of your own.")
