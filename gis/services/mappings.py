"""Remember how the files of a source are read, and recall it for the next one."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gis.errors import InvalidInputError
from gis.ingest.mapping_file import MappingFile, mapping_data, parse_mapping
from gis.ingest.source_names import source_of
from gis.layers import mappings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gis.scope import Scope


@dataclass(frozen=True, slots=True)
class Remembered:
    """A mapping that was used before, and whether it still fits.

    Parameters
    ----------
    source
        What it was remembered under.
    mapping
        The mapping; ``None``: what is stored cannot be read any more.
    used_at
        When it was last used.
    missing
        Columns that it names and the file has not.
    new
        Columns that the file has and the mapping does not name.
    fault
        Why it cannot be read any more.
    """

    source: str
    mapping: MappingFile | None
    used_at: "datetime"
    missing: tuple[str, ...]
    new: tuple[str, ...]
    fault: str = ""

    @property
    def fits(self) -> bool:
        """Return whether it can be used for the file as it is."""
        return self.mapping is not None and not self.missing

    def require_fit(self) -> MappingFile:
        """Return the mapping.

        Raises
        ------
        gis.errors.InvalidInputError
            It does not fit the file any more: it is said, and not used.
        """
        if self.mapping is not None and self.fits:
            return self.mapping
        what = (
            self.fault or f"it names {', '.join(map(repr, self.missing))}, which the file has not"
        )
        new = f" New in the file: {', '.join(self.new)}." if self.new else ""
        msg = f"The mapping remembered for {self.source!r} does not fit any more: {what}.{new}"
        raise InvalidInputError(
            msg,
            remedy="Give a mapping with --mapping; wangge import plan proposes one.",
            source=self.source,
            missing=list(self.missing),
        )


def remember(
    session: "Session",
    scope: "Scope",
    mapping: MappingFile,
    *,
    path: Path | None = None,
    source: str | None = None,
) -> str:
    """Keep a mapping for the files of its source, in the caller's transaction.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    mapping
        How the file was read.
    path
        The file: it is remembered under its name without dates and numbers.
    source
        Another name to remember it under.

    Returns
    -------
    The name that it is remembered under.
    """
    name = _name(path, source)
    mappings.keep(session, scope, name, mapping_data(mapping))
    return name


def recall(
    session: "Session",
    scope: "Scope",
    columns: Iterable[str],
    *,
    path: Path | None = None,
    source: str | None = None,
) -> Remembered | None:
    """Return what is remembered for the files of a source; ``None``: nothing is.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    columns
        Columns of the file at hand; with them it is said whether the mapping fits.
    path, source
        As for :func:`remember`.
    """
    name = _name(path, source)
    found = mappings.kept(session, scope, name)
    if found is None:
        return None
    data, used_at = found
    here = [str(column) for column in columns]
    try:
        mapping = parse_mapping(data, f"the mapping remembered for {name}")
    except InvalidInputError as error:
        return Remembered(name, None, used_at, (), (), str(error))
    named = dict.fromkeys(column for layer in mapping.layers for column in layer.columns)
    missing = tuple(column for column in named if column not in here)
    new = tuple(column for column in here if column not in named)
    return Remembered(name, mapping, used_at, missing, new)


def _name(path: Path | None, source: str | None) -> str:
    if source:
        return source
    if path is None:
        msg = "Neither a file nor the name of a source is given."
        raise InvalidInputError(msg, remedy="Give one.")
    # What files of many sources are called says nothing; the ending tells a sheet from a drawing.
    return f"{source_of(path)}{path.suffix.lower()}"
