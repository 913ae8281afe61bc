"""Files that must not change while they are read: what is known of them before and after."""

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gis.errors import DataSourceError

#: Bytes at the start, in the middle and at the end of a file that its fingerprint is made of. A
#: program that saves a file anew changes at least one of: head (counts, dates), tail, length, time.
_PROBE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Print:
    """What tells that a file is still the one it was."""

    size: int
    modified_ns: int
    inode: int
    content: int


class SteadyFiles:
    """The files of one source, as they were when it was opened.

    Parameters
    ----------
    shown
        The file that errors name.
    parts
        All files that are read for it; a folder stands for the files in it.
    """

    def __init__(self, shown: Path, parts: Iterable[Path] = ()) -> None:
        self._shown = shown
        self._before = {part: _fingerprint(part) for part in _files(tuple(parts) or (shown,))}

    def check(self) -> None:
        """Raise if one of the files is not what it was.

        Raises
        ------
        gis.errors.DataSourceError
            It was written to, replaced or removed since.
        """
        for part, before in self._before.items():
            try:
                same = _fingerprint(part) == before
            except OSError:
                same = False
            if not same:
                which = "" if part == self._shown else f" ({part.name})"
                msg = f"{self._shown}: the file{which} changed while it was read."
                raise DataSourceError(
                    msg,
                    remedy="Wait until it is written or copied in full, then import it again.",
                    file=str(self._shown),
                )


@contextmanager
def steady(shown: Path, parts: Iterable[Path] = ()) -> Iterator[SteadyFiles]:
    """Read files in the block; at its end they must be what they were at its start.

    An error inside the block is raised as it is, unless the files changed: then that is the cause,
    and it is raised in its stead.

    Parameters
    ----------
    shown
        The file that errors name.
    parts
        All files that are read for it; empty: only that file. A folder stands for its files.

    Raises
    ------
    gis.errors.DataSourceError
        A file was written to, replaced or removed in the meantime.
    """
    files = SteadyFiles(shown, parts)
    try:
        yield files
    except Exception:
        files.check()
        raise
    files.check()


def _files(parts: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for part in parts:
        found += sorted(p for p in part.iterdir() if p.is_file()) if part.is_dir() else [part]
    return found


def _fingerprint(path: Path) -> _Print:
    with path.open("rb") as stream:
        state = os.fstat(stream.fileno())
        content = 0
        for start in sorted({0, state.st_size // 2, max(0, state.st_size - _PROBE_BYTES)}):
            stream.seek(start)
            content = zlib.crc32(stream.read(_PROBE_BYTES), content)
    return _Print(state.st_size, state.st_mtime_ns, state.st_ino, content)
