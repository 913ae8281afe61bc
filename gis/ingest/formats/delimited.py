"""Delimited text: CSV with coordinates in columns, or with a column of WKT."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.ingest.rejects import Rejects

LON_NAMES = ("lon", "lng", "long", "longitude", "x", "easting", "经度", "东经")
LAT_NAMES = ("lat", "latitude", "y", "northing", "纬度", "北纬")
WKT_NAMES = ("wkt", "geometry", "geom")


@dataclass(frozen=True, slots=True)
class DelimitedSource:
    """The rows of a CSV file."""

    facts: SourceFacts
    columns: "pd.DataFrame"
    geometry: "NDArray[Any] | None"

    def batches(self, size: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Yield the rows in order."""
        for start in range(0, len(self.columns), size):
            rows = slice(start, start + size)
            shapes = None if self.geometry is None else self.geometry[rows]
            yield RowBatch(start + 1, self.columns.iloc[rows].reset_index(drop=True), shapes)

    def close(self) -> None:
        """Nothing is held open."""


def open_delimited(path: Path, options: SourceOptions, rejects: "Rejects") -> DelimitedSource:
    """Open a CSV file; see :func:`gis.ingest.formats.open_source`."""
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
    names = tuple(map(str, columns))
    if not options.spatial:
        facts = SourceFacts(path, "CSV", None, options.crs, names, len(columns))
        return DelimitedSource(facts, columns, None)
    if options.crs is None:
        msg = f"{path}: a CSV file does not say its coordinate reference system."
        raise CrsMismatchError(
            msg,
            remedy="Declare it, for example with --crs EPSG:4326 for lon, lat of WGS 84.",
            file=str(path),
        )
    geometry, used = _csv_geometry(columns, path, rejects)
    columns = columns.drop(columns=list(used))
    names = tuple(map(str, columns))
    facts = SourceFacts(path, "CSV", None, options.crs, names, len(columns), xy=used)
    return DelimitedSource(facts, columns, geometry)


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
