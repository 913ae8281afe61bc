"""Whether what a file says of its coordinates and what the caller says of them agree."""

from pathlib import Path
from typing import Any

from gis.errors import CrsMismatchError
from gis.geometry.source_crs import SourceCrs

#: A .prj without codes is matched to a register entry from this confidence on (of 100): its numbers
#: are the same and its name is a known alias. Below, the numbers of the file itself are used.
_MATCH_CONFIDENCE = 70


def agreed_crs(
    own: Any,  # noqa: ANN401 - a pyproj CRS, its text, or None
    declared: SourceCrs | None,
    path: Path,
) -> tuple[SourceCrs, tuple[str, ...]]:
    """Return the file's own system or the declared one, and notes; they must not contradict.

    Shifted coordinates have no code, so files of them say WGS 84: the declaration is believed.

    Parameters
    ----------
    own
        What the file says: a CRS, its text, or ``None``.
    declared
        What the caller says.
    path
        The file, for errors.

    Raises
    ------
    gis.errors.CrsMismatchError
        Neither says anything, they contradict each other, or the file's own cannot be understood.
    """
    try:
        found, notes = _own(own, path)
    except CrsMismatchError:
        if declared is None:
            raise
        note = (
            f"what the file says of its system cannot be understood: {declared.name}, as declared"
        )
        return declared, (note,)
    if found is None:
        if declared is None:
            msg = f"{path}: the file has no coordinate reference system."
            raise CrsMismatchError(
                msg,
                remedy="Declare it: --crs EPSG:4490 (CGCS2000), EPSG:4326 (WGS 84), or gcj02 or "
                "bd09 if the coordinates come from a Chinese web map.",
                file=str(path),
            )
        return declared, ()
    if declared is None:
        return found, notes
    if declared.shift != "none" and found.in_degrees:
        return declared, (f"the file says {found.name}; declared and believed: {declared.name}",)
    if not found.same_as(declared):
        msg = f"{path}: the file says it is in {found.name}, not {declared.name}."
        raise CrsMismatchError(
            msg, remedy="Leave --crs out, or mend the file's declaration.", file=str(path)
        )
    return found, notes


def _own(own: Any, path: Path) -> tuple[SourceCrs | None, tuple[str, ...]]:  # noqa: ANN401 - a CRS, text or None
    if own is None or own == "":
        return None, ()
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(own)
    except CRSError as error:
        msg = f"{path}: its coordinate reference system cannot be understood ({error})."
        raise CrsMismatchError(
            msg, remedy="Mend the .prj file or the declaration in the file.", file=str(path)
        ) from error
    if crs.name.lower().startswith(("undefined", "unknown", "undetermined")) or not _georeferenced(
        crs
    ):
        return None, ()
    if crs.to_epsg(min_confidence=100) is not None:
        return SourceCrs(crs), ()
    match = crs.to_authority(min_confidence=_MATCH_CONFIDENCE)
    if match is None:
        return SourceCrs(crs), (f"its system {crs.name!r} has no code: taken by its numbers",)
    code = ":".join(match)
    note = f"its system {crs.name!r} has no code: it is {code}"
    return SourceCrs(CRS.from_user_input(code)), (note,)


def _georeferenced(crs: Any) -> bool:  # noqa: ANN401 - a pyproj CRS
    return bool(crs.is_geographic or crs.is_projected or crs.is_compound or crs.is_bound)
