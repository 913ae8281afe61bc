"""``/v1/exports``: layers, grids and results as a file, small counts withheld."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import FileResponse

from api.deps import AppSettings, Principal, WriteSession
from api.params import BBox, CommunityCode
from api.problems import responses
from api.security.gate import for_layers
from gis.errors import InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.outlets import FORMATS
from gis.outlets.geojson import crs_mark
from gis.services.exporting import ExportOrder, export_layers

router = APIRouter(prefix="/v1/exports", tags=["exports"])

Format = Literal["gpkg", "geojson", "shp", "csv", "xlsx", "parquet", "fgb"]
ExportCrs = Annotated[
    str,
    Query(
        pattern=r"^([Ee][Pp][Ss][Gg]:[0-9]{4,6}|gcj02|bd09)$",
        description="EPSG code, gcj02 (Chinese web maps) or bd09.",
        examples=["EPSG:4490"],
    ),
]
_ZIP = "application/zip"
MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
    ".fgb": "application/flatgeobuf",
    ".zip": _ZIP,
}
#: Formats of several files: the companion of a CSV file says how to read it.
_ALWAYS_ZIPPED = ("shp", "csv")


def file_folder() -> Iterator[Path]:
    """Yield a folder that is gone once the answer has been sent, or has failed."""
    with tempfile.TemporaryDirectory(prefix="wangge-export-") as name:
        yield Path(name)


def _files() -> dict[int | str, dict[str, Any]]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {kind: binary for kind in MEDIA_TYPES.values() if "json" not in kind}
    content["application/geo+json"] = {"schema": {"type": "object"}}
    return {200: {"description": "The file.", "content": content}}


@router.get(
    "",
    response_class=FileResponse,
    responses=_files() | responses(400, 404, 422),
    summary="Layers, grids and results as a file",
)
def download_export(
    request: Request,
    session: WriteSession,
    scope: Principal,
    settings: AppSettings,
    folder: Annotated[Path, Depends(file_folder)],
    bbox: BBox,
    *,
    layers: Annotated[
        str,
        Query(
            pattern=r"^[a-z_]+(,[a-z_]+)*$",
            max_length=600,
            description="Names of layers and results, separated by commas.",
            examples=["buildings,grids"],
        ),
    ],
    file_format: Annotated[
        Format, Query(alias="format", description="shp and csv come in a zip.")
    ] = "gpkg",
    crs: ExportCrs = "EPSG:4326",
    encoding: Annotated[
        Literal["utf-8", "gbk", "gb18030"], Query(description="Of shp and csv.")
    ] = "utf-8",
    headers: Annotated[
        Literal["zh-CN", "en"], Query(description="Headers of tables; en: the field names.")
    ] = "en",
    plan: Annotated[
        str | None,
        Query(
            pattern=r"^[^\x00]{1,200}$",
            description="Id or name of the plan of the grids; those in effect if left out.",
        ),
    ] = None,
    community: CommunityCode = None,
    suppress: Annotated[
        int | None,
        Query(
            ge=1,
            le=1000,
            description="Counts of people from 1 to this less one are withheld; by default, and "
            "at least, what is withheld from whoever asks.",
        ),
    ] = None,
) -> FileResponse:
    """Write a file and send it; it is noted in the audit trail and removed afterwards.

    Formats of one layer a file come in a zip if several are asked for.
    """
    names = tuple(dict.fromkeys(layers.split(",")))
    scope = for_layers(request, scope, names)
    below = scope.shown_below(settings.suppress_below)
    if suppress is not None and suppress < below:
        raise InvalidInputError(
            f"Counts below {below} do not leave this server.",
            remedy="Ask for more to be withheld, or export on the command line.",
            field="suppress",
        )
    # One picture of all layers, whoever writes meanwhile.
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    order = ExportOrder(
        layers=names,
        path=folder / _file_name(names, file_format, crs),
        plan=plan,
        format=file_format,
        crs=crs,
        encoding=encoding,
        headers=None if headers == "en" else headers,
        language=settings.language,
        timezone=settings.timezone,
        suppress=below if suppress is None else suppress,
        community=community,
        bbox=bbox,
    )
    path = export_layers(session, scope, order).path
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], filename=path.name)


def _file_name(layers: tuple[str, ...], file_format: Format, crs: str) -> str:
    """Return the name of the file, which says its coordinates where the format cannot."""
    stem = layers[0] if len(layers) == 1 else "wangge"
    mark = crs_mark(SourceCrs.parse(crs, "crs"))
    chosen = FORMATS[file_format]
    zipped = file_format in _ALWAYS_ZIPPED or (len(layers) > 1 and not chosen.many)
    suffix = ".zip" if zipped else chosen.suffix
    return f"{stem}.{mark}{suffix}" if mark else f"{stem}{suffix}"
