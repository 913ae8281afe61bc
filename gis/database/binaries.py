"""Find the machine's PostgreSQL programs: new enough, with PostGIS, and of the data's version."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gis.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_POSTGRESQL = 15
MIN_POSTGIS = (3, 3)
DEBIAN_ROOT = Path("/usr/lib/postgresql")
PROGRAMS = ("initdb", "pg_ctl", "postgres")

FOUR_WAYS = """\
There are four ways to a database:
  1. set DATABASE_URL to a PostgreSQL >= 15 with PostGIS >= 3.3 that you already run;
  2. install PostgreSQL with PostGIS here, and Wangge manages a private cluster of it:
     ./run setup, or apt-get install --no-install-recommends PACKAGE, where PACKAGE is
     postgresql-15-postgis-3 on Debian 12, postgresql-17-postgis-3 on Debian 13,
     postgresql-16-postgis-3 on Ubuntu 24.04;
  3. set WANGGE_PG_BIN to the folder of initdb, pg_ctl and postgres, if they are elsewhere;
  4. docker compose up, which brings database and API in containers."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder of PostgreSQL programs and what it can do.

    Parameters
    ----------
    folder
        Holds ``initdb``, ``pg_ctl`` and ``postgres``.
    version
        For example ``15.14``.
    postgis
        The PostGIS that its ``CREATE EXTENSION`` would make; ``None`` if there is none.
    """

    folder: Path
    version: str
    postgis: str | None

    @property
    def major(self) -> int:
        """The major version, which decides whether a data folder can be read."""
        return int(self.version.partition(".")[0])

    def complaint(self) -> str | None:
        """Return why these programs cannot be used, or ``None`` if they can."""
        if self.major < MIN_POSTGRESQL:
            return (
                f"{self.folder} is PostgreSQL {self.version}, at least {MIN_POSTGRESQL} is needed"
            )
        if self.postgis is None:
            return f"{self.folder} (PostgreSQL {self.version}) has no PostGIS"
        if version_tuple(self.postgis) < MIN_POSTGIS:
            return f"{self.folder} has PostGIS {self.postgis}, at least 3.3 is needed"
        return None


def version_tuple(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    Examples
    --------
    >>> version_tuple("3.3.2"), version_tuple("17beta1")
    ((3, 3, 2), (17,))
    """
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def find_binaries(pg_bin: Path | None, data_major: int | None) -> Binaries:
    """Return the programs to use.

    Looked for in ``pg_bin`` alone when given; else on PATH, then in Debian's
    ``/usr/lib/postgresql/*/bin``, newest first.

    Parameters
    ----------
    pg_bin
        The folder that the operator named (``WANGGE_PG_BIN``).
    data_major
        Major version of the data that exists already: only programs of that version can read it.

    Raises
    ------
    gis.errors.ConfigurationError
        If none fits; the message names what was found and the four ways to a database.
    """
    found = [inspect(folder) for folder in _candidates(pg_bin)]
    usable = [one for one in found if one is not None and one.complaint() is None]
    if data_major is not None:
        matching = [one for one in usable if one.major == data_major]
        if usable and not matching:
            raise _wrong_major(usable[0], data_major)
        usable = matching
    if usable:
        return usable[0]
    complaints = [why for one in found if one is not None and (why := one.complaint())]
    where = f"in WANGGE_PG_BIN={pg_bin}" if pg_bin else f"on PATH or in {DEBIAN_ROOT}/*/bin"
    reason = "; ".join(complaints) or f"initdb, pg_ctl and postgres are not {where}"
    msg = f"No usable PostgreSQL with PostGIS: {reason}."
    raise ConfigurationError(msg, remedy=FOUR_WAYS)


def inspect(folder: Path) -> Binaries | None:
    """Return what ``folder`` holds, or ``None`` if it lacks one of the programs."""
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return None
    match = re.search(r"\d+(?:\.\d+)*", _output(folder / "postgres", "--version"))
    if match is None:
        return None
    return Binaries(folder, match.group(), _postgis_version(folder))


def _candidates(pg_bin: Path | None) -> "Iterator[Path]":
    if pg_bin is not None:
        yield pg_bin
        return
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).parent
        yield Path(on_path).resolve().parent
    numbered = [one for one in DEBIAN_ROOT.glob("*/bin") if version_tuple(one.parent.name)]
    yield from sorted(numbered, key=lambda one: version_tuple(one.parent.name), reverse=True)


def _postgis_version(folder: Path) -> str | None:
    """Read ``default_version`` of the extension's control file, as CREATE EXTENSION does."""
    share = _output(folder / "pg_config", "--sharedir").strip()
    control = Path(share) / "extension/postgis.control"
    try:
        text = control.read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r"^default_version\s*=\s*'([^']+)'", text, re.MULTILINE)
    return match.group(1) if match else None


def _output(program: Path, argument: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program of the operator's PostgreSQL
            [program, argument], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _wrong_major(newest: Binaries, data_major: int) -> ConfigurationError:
    msg = (
        f"The private cluster's data are of PostgreSQL {data_major}, but the programs found are "
        f"{newest.version} ({newest.folder}); one major version cannot read another's files."
    )
    remedy = (
        f"Install postgresql-{data_major}-postgis-3 again (both versions can stand side by side), "
        "write a copy with `wangge db backup FILE`, set the cluster folder aside, and read the "
        "copy into a new cluster with `wangge db restore FILE`."
    )
    return ConfigurationError(msg, remedy=remedy, data_major=data_major, found=newest.version)
