"""What a file is, by its suffix and by its first bytes.

GDAL goes by content alone: a text file that describes other data sources would be followed to
whatever files or addresses it names. So nothing is given to GDAL that does not begin as its suffix
says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gis.errors import DataSourceError, InvalidInputError

#: Bytes at the start that are looked at; markup may begin with comments.
_HEAD_BYTES = 4096
#: Bytes at the end that are looked at for the closing bracket of a JSON text.
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A format that GDAL reads.

    Parameters
    ----------
    name
        Name as people know it.
    begins
        Whether the first bytes are of this format.
    is_text
        Whether it is text that should be UTF-8, and may be something else.
    one_layer
        Whether a file has one layer, which need not be named.
    counts_rows
        Whether the number of rows is known without reading them.
    most_bytes
        Size from which a file is refused, for formats that GDAL holds in memory as a whole.
    ends, end_word
        What the last bytes are, and what people call that, where a whole file tells it.
    """

    name: str
    begins: Callable[[bytes], bool]
    is_text: bool = False
    one_layer: bool = False
    counts_rows: bool = True
    most_bytes: int | None = None
    ends: bytes | None = None
    end_word: str = ""


def _text_start(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def _is_kml(head: bytes) -> bool:
    """Return whether XML is KML; a document type, which could define entities, KML never has."""
    text = _text_start(head)
    return text.startswith(b"<") and b"<kml" in text and b"<!DOCTYPE" not in text


def _is_json(head: bytes) -> bool:
    return _text_start(head).startswith(b"{")


_BINARY_DXF = b"AutoCAD Binary DXF"


def _is_dxf(head: bytes) -> bool:
    if head.startswith(_BINARY_DXF):
        return True
    lines = [line.strip() for line in _text_start(head).splitlines()]
    while lines[:1] == [b"999"]:  # comments
        lines = lines[2:]
    return lines[:2] == [b"0", b"SECTION"]


#: A drawing is held in memory while its texts are matched to its outlines.
_MOST_DXF = 512 << 20

SHAPEFILE = Format("Shapefile", lambda head: head.startswith(b"\x00\x00\x27\x0a"), one_layer=True)
GEOPACKAGE = Format("GeoPackage", lambda head: head.startswith(b"SQLite format 3\x00"))
GEOJSON = Format(
    "GeoJSON",
    _is_json,
    is_text=True,
    one_layer=True,
    counts_rows=False,
    ends=b"}",
    end_word="closing bracket",
)
FLATGEOBUF = Format("FlatGeobuf", lambda head: head.startswith(b"fgb\x03fgb"), one_layer=True)
KML = Format("KML", _is_kml, is_text=True, ends=b">", end_word="closing tag")
DXF = Format(
    "DXF",
    _is_dxf,
    is_text=True,
    one_layer=True,
    most_bytes=_MOST_DXF,
    ends=b"EOF",
    end_word="line EOF",
)
FILE_GEODATABASE = Format("File geodatabase", lambda head: True)  # noqa: ARG005 - a folder has no head

FORMATS = {
    ".shp": SHAPEFILE,
    ".gpkg": GEOPACKAGE,
    ".geojson": GEOJSON,
    ".json": GEOJSON,
    ".fgb": FLATGEOBUF,
    ".kml": KML,
    ".dxf": DXF,
    ".gdb": FILE_GEODATABASE,
}


def format_of(path: Path) -> Format:
    """Return the format that the suffix says."""
    return FORMATS[path.suffix.lower()]


def check_content(path: Path, form: Format) -> None:
    """Raise if a file does not begin as its format does, is too big for it, or is cut off.

    Raises
    ------
    gis.errors.DataSourceError
        It is another format, or JSON without an end.
    gis.errors.InvalidInputError
        It is bigger than this format is read.
    """
    if form is FILE_GEODATABASE:
        _check_geodatabase(path)
        return
    size = path.stat().st_size
    if form.most_bytes is not None and size > form.most_bytes:
        msg = f"{path}: the file has {size >> 20} MB; {form.name} is read up to "
        raise InvalidInputError(
            f"{msg}{form.most_bytes >> 20} MB, because it is held in memory as a whole.",
            remedy="Export it as GeoPackage or FlatGeobuf, or in several files.",
            file=str(path),
        )
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES).rstrip()
    if not form.begins(head):
        msg = f"{path}: the file cannot be read as {form.name}: it does not begin as one."
        raise DataSourceError(
            msg,
            remedy="It may be another format: give it the suffix of what it is.",
            file=str(path),
        )
    is_binary = head.startswith(_BINARY_DXF)
    if form.ends is not None and not tail.endswith(form.ends) and not is_binary:
        what = (
            "ends in empty bytes" if tail.endswith(b"\0") else f"has no {form.end_word} at its end"
        )
        msg = f"{path}: the file cannot be read as {form.name}: it {what}, so it is cut off."
        raise DataSourceError(
            msg, remedy="It may be truncated: export or copy it again.", file=str(path)
        )


def _check_geodatabase(path: Path) -> None:
    if not path.is_dir():
        msg = f"{path}: a file geodatabase is a folder; this is a file."
        raise DataSourceError(msg, remedy="Give the .gdb folder, or a zip of it.", file=str(path))
    if not any(path.glob("*.gdbtable")):
        msg = f"{path}: the folder is no file geodatabase: it has no .gdbtable files."
        raise DataSourceError(msg, remedy="Copy the whole .gdb folder again.", file=str(path))
