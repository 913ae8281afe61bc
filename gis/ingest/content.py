"""What a file contains, as a digest that does not depend on its name."""

import hashlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20
#: What belongs to a shapefile and is read.
_SHAPEFILE = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return all files that a source consists of, in a steady order.

    A shapefile is several files of one name, and a FileGDB a folder of them.
    """
    if path.is_dir():
        return tuple(sorted(part for part in path.rglob("*") if part.is_file()))
    if path.suffix.lower() != ".shp":
        return (path,)
    kin = (part for part in path.parent.iterdir() if part.stem.lower() == path.stem.lower())
    return tuple(sorted(part for part in kin if part.suffix.lower() in _SHAPEFILE))


def content_digest(path: Path) -> str:
    """Return the SHA-256 of all that belongs to a source, a copy of it under any name included."""
    total = hashlib.sha256()
    for part in parts_of(path):
        kind = part.relative_to(path).as_posix() if path.is_dir() else part.suffix.lower()
        total.update(f"{kind}\x1f{part.stat().st_size}\x1f".encode())
        with part.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total.update(chunk)
    return total.hexdigest()
