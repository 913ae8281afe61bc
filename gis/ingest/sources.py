"""Opening a file: its rows as they are, with the coordinate reference system it declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from pyproj import CRS

    from gis.ingest.rejects import Rejects

GEO_FORMATS = {".gpkg": "GeoPackage", ".geojson": "GeoJSON", ".json": "GeoJSON"}
LON_NAMES = ("lon", "lng", "long", "longitude", "x", "easting", "经度", "东经")
LAT_NAMES = ("lat", "latitude", "y", "northing", "纬度", "北纬")
WKT_NAMES = ("wkt", "geometry", "geom")


@dataclass(frozen=True, slots=True)
class RawRows:
    """Rows of a file before any contract.

    Parameters
    ----------
    columns
        Attribute columns under their names in the file; values as read, text for CSV.
    geometry
        Geometries in ``crs``; None: the file has none.
    crs
        What the file, or the caller for a file that cannot say, declares.
    layer
        Layer of the file, if it has layers.
    xy
        Names of the coordinate columns of a CSV; empty for other files.
    """

    columns: "pd.DataFrame"
    geometry: "NDArray[Any] | None"
    crs: "CRS | None"
    layer: str | None
    xy: tuple[str, ...] = ()


def open_rows(
    path: Path,
    *,
    layer: str | None,
    crs: str | None,
    spatial: bool,
    preferred_layer: str,
    rejects: "Rejects",
) -> RawRows:
    """Return the rows of a GeoPackage, GeoJSON or CSV file.

    Parameters
    ----------
    path
        File with one of these suffixes: .gpkg, .geojson, .json, .csv.
    layer
        Layer to read; None: ``preferred_layer`` if the file has it, else its only one.
    crs
        What the caller declares.
    spatial
        Whether geometry is wanted.
    preferred_layer
        See ``layer``.
    rejects
        Takes coordinates that are no numbers.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, truncated or cannot be read as its suffix says.
    gis.errors.InvalidInputError
        Its suffix is unknown, it has no rows, or the layer is not in it.
    gis.errors.CrsMismatchError
        No CRS is declared, it is unknown, or file and caller declare different ones.
    """
    declared = None if crs is None else parse_crs(crs, str(path))
    require_file(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = _open_csv(path, declared, rejects, spatial=spatial)
    elif suffix in GEO_FORMATS:
        rows = _open_geo(path, layer, declared, preferred_layer)
    else:
        msg = f"{path}: files ending in {suffix or 'nothing'!r} are not read."
        raise InvalidInputError(
            msg, remedy="Give a .gpkg, .geojson, .json or .csv file.", file=str(path)
        )
    if not len(rows.columns) and (rows.geometry is None or not len(rows.geometry)):
        msg = f"{path}: the file has no rows."
        raise InvalidInputError(msg, remedy="Export it again with its features.", file=str(path))
    return rows


def require_file(path: Path) -> None:
    """Raise :class:`~gis.errors.DataSourceError` unless the file exists and has content."""
    if not path.is_file():
        msg = f"{path}: there is no such file."
        raise DataSourceError(msg, remedy="Check the path.", file=str(path))
    if path.stat().st_size == 0:
        msg = f"{path}: the file is empty (0 bytes)."
        raise DataSourceError(msg, remedy="Export or copy it again.", file=str(path))


def parse_crs(text: str, where: str) -> "CRS":
    """Return the CRS of a declaration such as ``EPSG:4490``.

    Raises
    ------
    gis.errors.CrsMismatchError
        It is not known; GCJ-02 and BD-09 are named as what they are.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        msg = f"{where}: the coordinate reference system {text!r} is not known."
        shifted = any(word in text.upper() for word in ("GCJ", "BD-09", "BD09", "火星", "百度"))
        remedy = (
            "GCJ-02 and BD-09 are shifted coordinates without a code: convert them to WGS 84 first."
            if shifted
            else "Give an EPSG code, for example EPSG:4490 (CGCS2000) or EPSG:4326 (WGS 84)."
        )
        raise CrsMismatchError(msg, remedy=remedy, file=where, crs=text) from error


def _open_geo(
    path: Path, layer: str | None, declared: "CRS | None", preferred_layer: str
) -> RawRows:
    import pyogrio

    try:
        chosen = _choose_layer(path, layer, preferred_layer)
        frame = pyogrio.read_dataframe(path, layer=chosen)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        msg = f"{path}: the file cannot be read as {GEO_FORMATS[path.suffix.lower()]} ({error})."
        raise DataSourceError(
            msg,
            remedy="It may be truncated or another format: export or copy it again.",
            file=str(path),
        ) from error
    geometry_name = getattr(frame, "_geometry_column_name", None)
    if geometry_name is None:
        return RawRows(frame, None, declared, chosen)
    geometry = frame[geometry_name].to_numpy()
    columns = frame.drop(columns=geometry_name)
    return RawRows(columns, geometry, _agreed_crs(frame.crs, declared, path), chosen)


def _choose_layer(path: Path, layer: str | None, preferred: str) -> str:
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if layer is not None and layer not in names:
        msg = f"{path}: there is no layer {layer!r}."
        raise InvalidInputError(msg, remedy=f"It has: {', '.join(names)}.", file=str(path))
    if layer is not None:
        return layer
    if preferred in names:
        return preferred
    if len(names) != 1:
        msg = f"{path}: the file has {len(names)} layers and none is called {preferred!r}."
        raise InvalidInputError(
            msg, remedy=f"Say which with --layer: {', '.join(names)}.", file=str(path)
        )
    return names[0]


def _agreed_crs(own: Any, declared: "CRS | None", path: Path) -> "CRS":  # noqa: ANN401 - a CRS or None
    if own is None or own.name.lower().startswith(("undefined", "unknown")):
        if declared is None:
            msg = f"{path}: the file has no coordinate reference system."
            raise CrsMismatchError(
                msg, remedy="Declare it, for example with --crs EPSG:4490.", file=str(path)
            )
        return declared
    from pyproj import CRS

    own_crs: CRS = CRS.from_user_input(own)
    if declared is not None and not own_crs.equals(declared, ignore_axis_order=True):
        msg = f"{path}: the file says it is in {own_crs.to_string()}, not {declared.to_string()}."
        raise CrsMismatchError(
            msg, remedy="Leave --crs out, or mend the file's declaration.", file=str(path)
        )
    return own_crs


def _open_csv(path: Path, declared: "CRS | None", rejects: "Rejects", *, spatial: bool) -> RawRows:
    import pandas as pd

    try:
        text = pd.read_csv(
            path, dtype=str, encoding="utf-8-sig", keep_default_na=False, skip_blank_lines=True
        )
    except UnicodeDecodeError as error:
        msg = f"{path}: the file is not UTF-8."
        raise DataSourceError(
            msg, remedy="Save it as CSV UTF-8 (spreadsheets offer it).", file=str(path)
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        msg = f"{path}: the file cannot be read as CSV ({str(error).strip()})."
        raise DataSourceError(
            msg, remedy="Give every line as many fields as the header has.", file=str(path)
        ) from error
    columns = text.rename(columns=lambda name: str(name).strip())
    columns = columns.apply(lambda values: values.str.strip()).astype(object)
    columns = columns.where(columns != "", None)
    if not spatial:
        return RawRows(columns, None, declared, None)
    if declared is None:
        msg = f"{path}: a CSV file does not say its coordinate reference system."
        raise CrsMismatchError(
            msg,
            remedy="Declare it, for example with --crs EPSG:4326 for lon, lat of WGS 84.",
            file=str(path),
        )
    geometry, used = _csv_geometry(columns, path, rejects)
    xy = used if len(used) == 2 else ()
    return RawRows(columns.drop(columns=list(used)), geometry, declared, None, xy)


def _csv_geometry(
    columns: "pd.DataFrame", path: Path, rejects: "Rejects"
) -> tuple["NDArray[Any]", tuple[str, ...]]:
    import shapely

    names = [str(name) for name in columns]
    by_name = {name.lower(): name for name in names}
    lon = next((by_name[name] for name in LON_NAMES if name in by_name), None)
    lat = next((by_name[name] for name in LAT_NAMES if name in by_name), None)
    if lon is not None and lat is not None:
        x, y = (_numbers(columns, name, rejects) for name in (lon, lat))
        return np.asarray(shapely.points(x, y), dtype=object), (lon, lat)
    wkt = next((by_name[name] for name in WKT_NAMES if name in by_name), None)
    if wkt is None:
        msg = f"{path}: no coordinates among the columns {', '.join(names)}."
        raise InvalidInputError(
            msg,
            remedy="Name them lon and lat (or 经度 and 纬度), or give one column wkt.",
            file=str(path),
        )
    values = columns[wkt].to_numpy(dtype=object)
    geometry = np.asarray(shapely.from_wkt(values, on_invalid="ignore"), dtype=object)
    bad = shapely.is_missing(geometry) & (values != None)  # noqa: E711 - elementwise
    rejects.add(bad, wkt, values, "is no geometry in WKT", "Write it as POINT (lon lat) …")
    return geometry, (wkt,)


def _numbers(columns: "pd.DataFrame", name: str, rejects: "Rejects") -> "NDArray[np.float64]":
    """Return a coordinate column as finite numbers; 0 where a row is rejected."""
    import pandas as pd

    numbers = pd.to_numeric(columns[name], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(numbers)
    rejects.add(
        bad,
        name,
        columns[name].to_numpy(dtype=object),
        "is not a finite number",
        "Give decimal degrees, or metres of the declared system.",
    )
    return np.where(bad, 0.0, numbers)


def apply_mapping(
    columns: "pd.DataFrame", mapping: Mapping[str, str] | None, fields: list[str], where: str
) -> "pd.DataFrame":
    """Return the columns under the contract's names.

    Parameters
    ----------
    columns
        Columns under their names in the file.
    mapping
        File's column → field of the contract.
    fields
        Fields of the contract.
    where
        File that errors name.

    Raises
    ------
    gis.errors.InvalidInputError
        The mapping names a column or field that is not there, or a field twice.
    """
    wanted = dict(mapping or {})
    for column, target in wanted.items():
        if column not in columns:
            msg = f"{where}: the mapping names the column {column!r}, which the file has not."
            raise InvalidInputError(
                msg, remedy=f"It has: {', '.join(map(str, columns))}.", file=where, field=column
            )
        if target not in fields:
            msg = f"{where}: the mapping names the field {target!r}, which the layer has not."
            raise InvalidInputError(
                msg, remedy=f"It has: {', '.join(fields)}.", file=where, field=target
            )
    if len(set(wanted.values())) < len(wanted):
        msg = f"{where}: the mapping gives one field two columns."
        raise InvalidInputError(msg, remedy="Map each field once.", file=where)
    # A mapped column takes the place of one that already has the field's name.
    clash = [name for name in wanted.values() if name in columns and name not in wanted]
    return columns.drop(columns=clash).rename(columns=wanted)
