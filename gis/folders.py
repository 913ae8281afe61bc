"""Where files may be written: into folders that exist; only a result that is a folder is made."""

from pathlib import Path

from gis.errors import DataSourceError


def require_folder(file: Path) -> None:
    """Raise unless the folder that a file is to be written to exists.

    None is made: a slip of the pen in a path would put the file where nobody looks for it.

    Raises
    ------
    gis.errors.DataSourceError
        There is no such folder.
    """
    folder = file.absolute().parent
    if not folder.is_dir():
        raise DataSourceError(
            f"There is no folder {folder} to write {file.name} to.",
            remedy="Make it first, or choose another.",
            file=str(file),
        )
