"""Text formats that GDAL takes for UTF-8: what is in another encoding is copied into it first."""

import codecs
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from gis.ingest.formats.encodings import UTF8, encoding_of_file
from gis.ingest.formats.sniffing import Format

_CHUNK = 1 << 20


class Utf8Copy:
    """A text file as UTF-8: the file itself, or a copy that is removed at the end.

    Parameters
    ----------
    path
        The file.
    declared
        Encoding that a person declared.
    form
        Its format.

    Attributes
    ----------
    file
        What is to be read.
    codec
        Encoding of the file.
    notes
        What was found out of it.

    Raises
    ------
    gis.errors.DataSourceError
        Text does not fit the declared encoding, or none that is known; names the line.
    """

    def __init__(self, path: Path, declared: str | None, form: Format) -> None:
        encoding = encoding_of_file(path, declared)
        self.file, self.codec = path, encoding.codec
        self.notes = encoding.notes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if encoding.codec in {UTF8, "utf-8-sig", "ascii"}:
            return
        self.notes += (f"{form.name} should be UTF-8; the text is {encoding.shown}, read as such",)
        self._folder = tempfile.TemporaryDirectory(prefix="wangge-")
        self.file = Path(self._folder.name) / path.name
        _recode(path, encoding.codec, self.file)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the copy."""
        if self._folder is not None:
            self._folder.cleanup()


def _recode(path: Path, codec: str, target: Path) -> None:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    with path.open("rb") as stream, target.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            out.write(decoder.decode(chunk).encode(UTF8))
        out.write(decoder.decode(b"", final=True).encode(UTF8))
