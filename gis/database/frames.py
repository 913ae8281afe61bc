"""Frames into tables by COPY, and selects into frames; one row is never sent alone."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg2
from geoalchemy2.elements import WKBElement
from sqlalchemy import Table

from gis.database.copying import UnfitValueError, encode_rows

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Column, Select
    from sqlalchemy.orm import Session

    from gis.frames import FrameContract

CHUNK_ROWS = 50_000
#: Bytes that are given to the connection at a time.
_SENT_BYTES = 1 << 18
#: Given the position of a row, if it is known, and the database's error: what is to be raised.
Refused = Callable[[int | None, psycopg2.Error], BaseException]
#: Where rows stand before they go into a table whose policies hold.
_BESIDE = "wangge_copied"
_LINE = re.compile(r"^COPY [^\n]*?, line (\d+)", re.MULTILINE)


def copy_frame(
    session: "Session",
    table: Table,
    frame: "pd.DataFrame",
    *,
    progress: Callable[[int], None] | None = None,
    refused: Refused | None = None,
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
    refused
        Given the position in the frame of a row that the database refuses, ``None`` if it does
        not say which, and its error; returns what is raised instead.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    gis.database.copying.UnfitValueError
        A value is not of its column's kind.
    psycopg2.Error
        The database refuses a row; :func:`gis.database.engine.transaction` puts it into words.
    """
    columns = [c for c in table.columns if c.name in frame.columns and _must_be_sent(c, frame)]
    names = ", ".join(f'"{c.name}"' for c in columns)
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor, _way_in(cursor, table.name, names) as (into, over):
        statement = f'COPY "{into}" ({names}) FROM STDIN (FORMAT binary)'
        for start in range(0, len(frame), CHUNK_ROWS):
            chunk = frame.iloc[start : start + CHUNK_ROWS]
            try:
                rows = io.BytesIO(encode_rows(chunk, columns))
                cursor.copy_expert(statement, rows, _SENT_BYTES)
                if over:
                    cursor.execute(over)
            except UnfitValueError as bad:
                raise UnfitValueError(start + bad.row, bad.column, bad.value, bad.kind) from bad
            except psycopg2.Error as error:
                if refused is None:
                    raise
                line = _LINE.search(error.diag.context or "")
                raise refused(start + int(line[1]) - 1 if line else None, error) from error
            if progress:
                progress(len(chunk))
    return len(frame)


@contextmanager
def _way_in(cursor: Any, table: str, names: str) -> "Iterator[tuple[str, str]]":  # noqa: ANN401 - a cursor of psycopg2
    """Yield the table to copy into, and what takes a chunk over from there, if anything.

    PostgreSQL copies into no table whose policies hold for whoever asks; it inserts into one and
    checks each row. So the rows go by a table of this transaction.
    """
    cursor.execute("SELECT row_security_active(%s::regclass)", (f'"{table}"',))
    if not cursor.fetchone()[0]:
        yield table, ""
        return
    cursor.execute(
        f'CREATE TEMPORARY TABLE "{_BESIDE}" ON COMMIT DROP AS '  # noqa: S608 - names of our tables  # nosec B608
        f'SELECT {names} FROM "{table}" WITH NO DATA'
    )
    over = f'INSERT INTO "{table}" ({names}) SELECT {names} FROM "{_BESIDE}"'  # noqa: S608 - the same  # nosec B608
    yield _BESIDE, f'{over}; TRUNCATE "{_BESIDE}"'
    cursor.execute(f'DROP TABLE "{_BESIDE}"')


def _must_be_sent(column: "Column[Any]", frame: "pd.DataFrame") -> bool:
    """Return whether a column is not computed, and not empty anyway."""
    if column.computed is not None:
        return False
    return column.server_default is not None or bool(frame[column.name].notna().any())


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
