"""Files that came in over HTTP, kept until the job that they are for has ended."""

import hashlib
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID, uuid4

from gis.errors import DataSourceError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from gis.settings import Settings

#: What nobody has asked to import within a day is removed.
KEPT_S = 24 * 3600
#: A name that people recognise and no file system or shell minds.
_STRANGE = re.compile(r"[^\w.()（）+-]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is there whole."""

    upload_id: str
    path: Path
    size: int
    sha256: str


@dataclass
class Incoming:
    """A file on its way in; it is not there until :meth:`finish`."""

    upload_id: str
    path: Path
    file: BinaryIO
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, chunk: bytes) -> None:
        """Add bytes.

        Raises
        ------
        gis.errors.DataSourceError
            The disk is full.
        """
        try:
            self.file.write(chunk)
        except OSError as error:
            raise DataSourceError(
                f"The file cannot be kept: {error.strerror}.",
                remedy="Make room on the server's disk and send it again.",
            ) from error
        self.size += len(chunk)
        self._digest.update(chunk)

    def finish(self) -> Upload:
        """Close the file; it can be imported now.

        Raises
        ------
        gis.errors.InvalidInputError
            It is empty.
        """
        self.file.close()
        if not self.size:
            self.give_up()
            raise InvalidInputError("The file is empty.", remedy="Send its bytes as the body.")
        return Upload(self.upload_id, self.path, self.size, self._digest.hexdigest())

    def give_up(self) -> None:
        """Remove what has come in so far."""
        self.file.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of the files, one folder for each."""

    folder: Path

    @classmethod
    def of(cls, settings: "Settings") -> "Uploads":
        """Return the folder that the settings name, made if it is not there."""
        folder = settings.home / "uploads"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder)

    def receive(self, filename: str) -> Incoming:
        """Begin a file under a clean form of its name.

        Raises
        ------
        gis.errors.InvalidInputError
            Nothing of the name is left, or it has no suffix to tell the format by.
        """
        name = _STRANGE.sub("_", filename.replace("\\", "/").rsplit("/", 1)[-1]).strip("._")[-120:]
        if not name or not Path(name).suffix:
            raise InvalidInputError(
                f"{filename!r} is no name of a file that is read.",
                remedy="Give it as people know it, with its suffix: buildings.zip.",
                field="filename",
            )
        upload_id = str(uuid4())
        place = self.folder / upload_id
        place.mkdir(mode=0o700)
        path = place / name
        return Incoming(upload_id, path, path.open("xb"))

    def path(self, upload_id: str) -> Path:
        """Return where a file is.

        Raises
        ------
        gis.errors.NotFoundError
            There is none of this id (any more).
        """
        found = sorted((self.folder / str(UUID(upload_id))).glob("*"))
        kept = [one for one in found if one.is_file()]
        if not kept:
            raise NotFoundError(
                f"There is no uploaded file {upload_id}.",
                remedy="Send it again: it is kept until its import has ended, a day at most.",
            )
        return kept[0]

    def holds(self, path: Path) -> bool:
        """Return whether a path is one of the files here."""
        return path.resolve().is_relative_to(self.folder.resolve())

    def rejects_table(self, path: Path) -> Path:
        """Return where the table of a file's rejects goes: beside it, apart from what was sent."""
        place = path.parent / "rejects"
        place.mkdir(mode=0o700, exist_ok=True)
        return place / f"{path.name}.rejects.csv"

    def forget(self, path: Path) -> None:
        """Remove a file whose import has ended; the tables of its rejects stay for a day."""
        if not self.holds(path):
            return
        path.unlink(missing_ok=True)
        for empty in (path.parent / "rejects", path.parent):
            with suppress(OSError):  # not empty, or not there
                empty.rmdir()

    def sweep(self, now: float | None = None) -> int:
        """Remove what is older than a day; return how many."""
        oldest = (time.time() if now is None else now) - KEPT_S
        old = [one for one in self.folder.iterdir() if one.stat().st_mtime < oldest]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
        return len(old)
