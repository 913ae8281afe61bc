"""Which formats are written, and which one is meant by the name of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from gis.errors import CrsMismatchError, InvalidInputError
from gis.outlets.geojson import crs_mark

if TYPE_CHECKING:
    from gis.geometry.source_crs import SourceCrs
    from gis.outlets.layer import OutletOptions


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format.

    Parameters
    ----------
    name
        As people choose it.
    title
        As people know it.
    suffix
        Of its files.
    many
        Whether one file holds several layers.
    encodings
        Encodings of text that can be asked for.
    """

    name: str
    title: str
    suffix: str
    many: bool = False
    encodings: tuple[str, ...] = ("utf-8",)


_TEXT = ("utf-8", "gbk", "gb18030")
FORMATS: Mapping[str, FileFormat] = MappingProxyType(
    {
        "gpkg": FileFormat("gpkg", "GeoPackage", ".gpkg", many=True),
        "geojson": FileFormat("geojson", "GeoJSON", ".geojson"),
        "shp": FileFormat("shp", "Shapefile", ".shp", encodings=_TEXT),
        "csv": FileFormat("csv", "CSV", ".csv", encodings=_TEXT),
        "xlsx": FileFormat("xlsx", "Excel", ".xlsx", many=True),
        "parquet": FileFormat("parquet", "GeoParquet", ".parquet"),
        "fgb": FileFormat("fgb", "FlatGeobuf", ".fgb"),
    }
)
_SUFFIXES = {".json": "geojson", ".geoparquet": "parquet", ".zip": "shp"} | {
    f.suffix: name for name, f in FORMATS.items()
}


def format_of(path: Path, name: str | None = None) -> FileFormat:
    """Return the format of a file that is to be written.

    Parameters
    ----------
    path
        Its suffix decides; ``.zip`` holds one file per layer, Shapefiles unless ``name`` says
        otherwise.
    name
        The format, if the suffix does not say it.

    Raises
    ------
    gis.errors.InvalidInputError
        Neither says a format that is written, or they contradict each other.
    """
    by_suffix = _SUFFIXES.get(path.suffix.lower())
    wanted = name or by_suffix or ""
    if wanted not in FORMATS:
        known = ", ".join(sorted({*_SUFFIXES} - {".shp"}))
        raise InvalidInputError(
            f"{path}: files ending in {path.suffix or 'nothing'!r} are not written.",
            remedy=f"Give one of: {known}; or --format, one of {', '.join(FORMATS)}.",
            file=str(path),
        )
    chosen = FORMATS[wanted]
    zipped = path.suffix.lower() == ".zip"
    if chosen.name == "shp" and not zipped:
        raise InvalidInputError(
            f"{path}: a Shapefile is several files, which are written as one zip.",
            remedy=f"Call it {path.with_suffix('.zip').name}.",
            file=str(path),
        )
    if by_suffix != wanted and not zipped:
        raise InvalidInputError(
            f"{path}: the name says {path.suffix or 'nothing'!r} and the order {wanted}.",
            remedy=f"Call it {path.stem}{chosen.suffix}, or .zip.",
            file=str(path),
        )
    return chosen


def check_export(
    path: Path, chosen: FileFormat, layers: Sequence[str], options: "OutletOptions"
) -> None:
    """Raise :class:`~gis.errors.InvalidInputError` if a file cannot be written as it is ordered."""
    if not layers:
        raise InvalidInputError("No layer is asked for.", remedy="Name at least one with --layer.")
    zipped = path.suffix.lower() == ".zip"
    if len(layers) > 1 and not chosen.many and not zipped:
        raise InvalidInputError(
            f"{path}: {chosen.title} holds one layer, and {len(layers)} are asked for.",
            remedy=f"Write .gpkg or .xlsx, or {path.stem}.zip with --format {chosen.name}.",
            file=str(path),
        )
    if options.encoding not in chosen.encodings:
        raise InvalidInputError(
            f"{path}: {chosen.title} is always in UTF-8.",
            remedy=f"Leave --encoding {options.encoding} out, or write .csv or a Shapefile (.zip).",
            file=str(path),
            field="encoding",
        )
    _check_crs(options.crs)
    mark = crs_mark(options.crs)
    if chosen.name == "geojson" and not zipped and mark not in path.name.lower():
        raise InvalidInputError(
            f"{path}: GeoJSON is WGS 84 unless its name says otherwise, and this is "
            f"{options.crs.name}.",
            remedy=f"Call it {path.stem}.{mark}.geojson.",
            file=str(path),
            field="crs",
        )


def _check_crs(crs: "SourceCrs") -> None:
    """Refuse systems that are not of two coordinates on the ground."""
    if not (crs.crs.is_geographic or crs.crs.is_projected) or len(crs.crs.axis_info) != 2:
        raise CrsMismatchError(
            f"{crs.name} is no system of lon, lat or x, y.",
            remedy="Give one such as EPSG:4326, EPSG:4490 or EPSG:4548.",
            field="crs",
        )
