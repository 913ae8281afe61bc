"""The formats that are read, one module each; which one a file is in is told by its suffix."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.formats.archives import open_archive
from gis.ingest.formats.delimited import open_delimited
from gis.ingest.formats.drawing import open_drawing
from gis.ingest.formats.kml import open_kml
from gis.ingest.formats.parquet import open_parquet
from gis.ingest.formats.sheets import open_sheet
from gis.ingest.formats.vector import open_vector

if TYPE_CHECKING:
    from gis.ingest.rejects import Rejects
    from gis.ingest.rows import RowSource, SourceOptions

#: Opens a file with options; coordinates that are no numbers go to the rejects.
Opener = Callable[[Path, "SourceOptions", "Rejects"], "RowSource"]

#: Readers by suffix, lower case.
READERS: dict[str, Opener] = {
    ".gpkg": open_vector,
    ".geojson": open_vector,
    ".json": open_vector,
    ".shp": open_vector,
    ".fgb": open_vector,
    ".kml": open_kml,
    ".gdb": open_vector,
    ".dxf": open_drawing,
    ".parquet": open_parquet,
    ".geoparquet": open_parquet,
    ".zip": open_archive,
    ".kmz": open_archive,
    ".csv": open_delimited,
    ".tsv": open_delimited,
    ".txt": open_delimited,
    ".xlsx": open_sheet,
    ".xlsm": open_sheet,
    ".xls": open_sheet,
}


def open_source(path: Path, options: "SourceOptions", rejects: "Rejects") -> "RowSource":
    """Open one layer of a file.

    Parameters
    ----------
    path
        The file.
    options
        Layer, CRS, encoding, header, as far as the caller knows them.
    rejects
        Takes coordinates that are no numbers.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, truncated or cannot be read as its suffix says.
    gis.errors.InvalidInputError
        Its suffix is unknown, or the layer is not in it.
    gis.errors.CrsMismatchError
        No CRS is declared, or file and caller declare different ones.
    """
    reader = READERS.get(path.suffix.lower())
    if not (path.is_dir() and path.suffix.lower() == ".gdb"):
        require_file(path)
    if reader is None:
        known = ", ".join(sorted(READERS))
        msg = f"{path}: files ending in {path.suffix or 'nothing'!r} are not read."
        raise InvalidInputError(msg, remedy=f"Give one of: {known}.", file=str(path))
    return reader(path, options, rejects)


def require_file(path: Path) -> None:
    """Raise :class:`~gis.errors.DataSourceError` unless the file exists and has content."""
    if path.is_dir():
        msg = f"{path}: this is a folder."
        raise DataSourceError(msg, remedy="Give a file, or a .gdb folder.", file=str(path))
    if not path.is_file():
        msg = f"{path}: there is no such file."
        raise DataSourceError(msg, remedy="Check the path.", file=str(path))
    if path.stat().st_size == 0:
        msg = f"{path}: the file is empty (0 bytes)."
        raise DataSourceError(msg, remedy="Export or copy it again.", file=str(path))
