"""Text formats that GDAL takes for UTF-8: what is in another encoding is copied into it first."""

import codecs
import re
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from gis.errors import DataSourceError
from gis.ingest.formats.encodings import UTF8, codec_of, encoding_of_file
from gis.ingest.formats.sniffing import KML, Format

_CHUNK = 1 << 20
#: Bytes in which XML says its encoding, and how.
_HEAD = 4096
_XML_ENCODING = re.compile(r"""(^\ufeff?\s*<\?xml[^>]*?encoding\s*=\s*)["']([^"']+)["']""")


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
        encoding = encoding_of_file(
            path, declared, (_declared_by_xml(path, form) or "UTF-8", form.name)
        )
        self.file, self.codec = path, encoding.codec
        self.notes = encoding.notes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        is_utf8 = encoding.codec in {UTF8, "utf-8-sig", "ascii"}
        if is_utf8 and codec_of(_declared_by_xml(path, form) or "UTF-8") == UTF8:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="wangge-")
        self.file = Path(self._folder.name) / path.name
        try:
            _recode(path, encoding.codec, self.file)
        except OSError as error:
            self._folder.cleanup()
            msg = f"{path}: no copy in UTF-8 could be written: {error.strerror}."
            raise DataSourceError(
                msg, remedy="Free some space, or set TMPDIR to a bigger disk.", file=str(path)
            ) from error

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


def _declared_by_xml(path: Path, form: Format) -> str | None:
    """Return the encoding that an XML file says it is in."""
    if form is not KML:
        return None
    with path.open("rb") as stream:
        found = _XML_ENCODING.search(stream.read(_HEAD).decode("latin-1").removeprefix("ï»¿"))
    return None if found is None else found[2]


def _recode(path: Path, codec: str, target: Path) -> None:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    with path.open("rb") as stream, target.open("wb") as out:
        head = decoder.decode(stream.read(_HEAD))
        out.write(_XML_ENCODING.sub(r'\1"UTF-8"', head, count=1).encode(UTF8))
        while chunk := stream.read(_CHUNK):
            out.write(decoder.decode(chunk).encode(UTF8))
        out.write(decoder.decode(b"", final=True).encode(UTF8))
