"""Frames into tables by COPY, and selects into frames; one row is never sent alone."""

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from geoalchemy2 import Geography, Geometry
from geoalchemy2.elements import WKBElement
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gis.database.base import STORED_SRID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd
    from sqlalchemy import Column, Select
    from sqlalchemy.orm import Session

    from gis.frames import FrameContract

CHUNK_ROWS = 20_000
#: Stands for NULL in the COPY stream; the contracts refuse control characters in text.
_NULL = "\x02"


def copy_frame(
    session: "Session",
    table: Table,
    frame: "pd.DataFrame",
    *,
    progress: "Callable[[int], None] | None" = None,
) -> int:
    """Write a frame into a table by COPY, in the session's transaction.

    Parameters
    ----------
    session
        An open session; the caller commits.
    table
        The table; columns that the frame lacks take their defaults.
    frame
        Columns named as in the table; geometries in EPSG:4326.
    progress
        Called with the number of rows written since the last call.

    Returns
    -------
    int
        Rows written.
    """
    columns = [c for c in table.columns if c.name in frame.columns and _must_be_sent(c, frame)]
    names = ", ".join(f'"{c.name}"' for c in columns)
    statement = f"COPY \"{table.name}\" ({names}) FROM STDIN (FORMAT csv, NULL '{_NULL}')"
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        for start in range(0, len(frame), CHUNK_ROWS):
            chunk = frame.iloc[start : start + CHUNK_ROWS]
            cursor.copy_expert(statement, io.StringIO(_csv(chunk, columns)))
            if progress:
                progress(len(chunk))
    return len(frame)


def _must_be_sent(column: "Column[Any]", frame: "pd.DataFrame") -> bool:
    """Return whether a column is not computed, and not empty anyway."""
    if column.computed is not None:
        return False
    return column.server_default is not None or bool(frame[column.name].notna().any())


def _csv(chunk: "pd.DataFrame", columns: "Iterable[Column[Any]]") -> str:
    import pandas as pd

    encoded = pd.DataFrame(
        {c.name: _encoded(chunk[c.name], c) for c in columns}, index=chunk.index, dtype=object
    )
    text: str = encoded.to_csv(header=False, index=False, na_rep=_NULL, lineterminator="\n")
    return text


def _encoded(values: "pd.Series[Any]", column: "Column[Any]") -> Any:  # noqa: ANN401 - an object array
    import pandas as pd

    kind = column.type
    if isinstance(kind, Geometry | Geography):
        return _wkb(values.to_numpy(), multi=str(kind.geometry_type).upper().startswith("MULTI"))
    if isinstance(kind, JSONB):
        return [None if v is None else json.dumps(v, ensure_ascii=False) for v in values]
    if isinstance(kind, ARRAY):
        return [
            None if v is None else "{" + ",".join(json.dumps(str(i)) for i in v) + "}"
            for v in values
        ]
    if pd.api.types.is_datetime64_any_dtype(values):
        return [None if pd.isna(v) else v.isoformat() for v in values]
    return values.astype(object).where(values.notna(), None)


def _wkb(geometries: Any, *, multi: bool) -> Any:  # noqa: ANN401 - object arrays
    import shapely

    array = np.asarray(geometries, dtype=object)
    if multi:
        single = np.flatnonzero(shapely.get_type_id(array) == shapely.GeometryType.POLYGON)
        array = array.copy()
        array[single] = shapely.multipolygons(array[single], indices=np.arange(len(single)))
    array = shapely.set_srid(array, STORED_SRID)
    blobs = shapely.to_wkb(array, output_dimension=2, include_srid=True)
    # Three times faster than GEOS's own hexadecimal writer.
    return np.array([None if blob is None else blob.hex() for blob in blobs], dtype=object)


def read_frame(
    session: "Session", statement: "Select[Any]", contract: "FrameContract | None" = None
) -> Any:  # noqa: ANN401 - a frame or a geo frame
    """Return the rows of a select as a frame; geometries become shapely's, in EPSG:4326.

    Parameters
    ----------
    session
        An open session.
    statement
        A select whose geometry columns keep their names.
    contract
        If given, the frame is conformed to it; columns beyond it are kept after its own.

    Returns
    -------
    pandas.DataFrame or geopandas.GeoDataFrame
        A geo frame if there is a column called ``geometry``.
    """
    import geopandas as gpd
    import pandas as pd

    result = session.execute(statement)
    names = list(result.keys())
    rows = result.all()
    data = {name: _column([row[i] for row in rows]) for i, name in enumerate(names)}
    frame = pd.DataFrame(data, index=pd.RangeIndex(len(rows)))
    if "geometry" in frame:
        frame = gpd.GeoDataFrame(
            frame, geometry=gpd.GeoSeries(frame["geometry"], crs=4326), crs=4326
        )
    if contract is None:
        return frame
    known = [name for name in contract.names if name in frame]
    extra = [name for name in names if name not in known]
    conformed = contract.conform(frame, source=contract.name)
    for name in extra:
        conformed[name] = frame[name]
    return conformed


def _column(values: list[Any]) -> Any:  # noqa: ANN401 - a list or an object array
    first = next((value for value in values if value is not None), None)
    if isinstance(first, WKBElement):
        import shapely

        blobs = [None if value is None else bytes(value.data) for value in values]
        return np.asarray(shapely.from_wkb(blobs), dtype=object)
    if isinstance(first, list | dict):
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out
    return values
