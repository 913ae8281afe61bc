"""The content of a file while it is read: its digest, and whether it stayed as it was."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gis.errors import DataSourceError

_CHUNK_BYTES = 1 << 20

#: Size, time of the last change in nanoseconds, and place on the disk, by part.
_State = dict[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class SteadyFile:
    """A file, with all that belongs to it, and what it was like when it was opened.

    A shapefile is several files of one name, and a FileGDB a folder of them.
    """

    path: Path
    _state: _State

    @classmethod
    def of(cls, path: Path) -> "SteadyFile":
        """Return the file as it is now."""
        return cls(path, _state(path))

    def require_steady(self) -> None:
        """Raise unless the file is what it was.

        Raises
        ------
        gis.errors.DataSourceError
            It was written, replaced, moved or removed.
        """
        now = _state(self.path)
        if now == self._state:
            return
        other = sorted(dict(now.items() ^ self._state.items()))
        msg = f"{self.path}: the file changed while it was read ({', '.join(other)})."
        raise DataSourceError(
            msg,
            remedy="Nothing was taken. Wait until it is written, then import it again.",
            file=str(self.path),
        )

    def digest(self) -> str:
        """Return the SHA-256 of the content, the same whatever the file is called."""
        total = hashlib.sha256()
        for part in _parts(self.path):
            suffix = part.suffix.lower() if part != self.path else ""
            total.update(f"{suffix}\x1f{part.stat().st_size}\x1f".encode())
            with part.open("rb", buffering=0) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    total.update(chunk)
        self.require_steady()
        return total.hexdigest()


def _parts(path: Path) -> list[Path]:
    """Return the files that a source consists of, in a steady order."""
    if path.is_dir():
        return sorted(part for part in path.rglob("*") if part.is_file())
    if path.suffix.lower() != ".shp":
        return [path]
    kin = path.parent.glob("*")
    return sorted(
        part
        for part in kin
        if part.is_file() and part.stem == path.stem and part.suffix.lower() in SHAPEFILE_PARTS
    )


#: What GDAL reads of a shapefile.
SHAPEFILE_PARTS = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})


def _state(path: Path) -> _State:
    state: _State = {}
    for part in _parts(path):
        try:
            found = part.stat()
        except FileNotFoundError:
            continue
        state[part.name] = (found.st_size, found.st_mtime_ns, found.st_ino)
    return state
