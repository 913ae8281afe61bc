"""Rejected rows as a GeoPackage that can be repaired in a GIS and taken in their place.

The package holds the rejected rows of a file as they are there, with their geometry even where that
is invalid, and four columns that say which row it is and what is wrong with it. Its rows then stand
in for the file's own when the file is imported again (:mod:`gis.ingest.repaired`).
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import DataSourceError
from gis.folders import require_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from gis.ingest.rows import RowSource, SourceFacts

#: Columns that the package adds: number of the row, and what is wrong with it.
ROW, CODES, REASONS, REMEDIES = "reject_row", "reject_codes", "reject_reasons", "reject_remedies"
ADDED_COLUMNS = (ROW, CODES, REASONS, REMEDIES)
LAYER = "rejects"
#: Names that the format itself would take, so that a file's own fid and geom stay what they are.
_OWN_NAMES = {"FID": "reject_fid", "GEOMETRY_NAME": "reject_geometry"}
#: Item of the layer's metadata that says which file the rows are of.
METADATA = "rejects_of"
_CHUNK = 1 << 20
#: How many rows an error names.
NAMED = 5


def write_rejects_package(path: "Path", source: "RowSource", rejects: "pd.DataFrame") -> int:
    """Write the rejected rows of a file as a GeoPackage and return how many there are.

    Parameters
    ----------
    path
        The package; one that is there is replaced once the new one is whole.
    source
        The file, opened a second time; it is read batch by batch and not closed.
    rejects
        Frame of :data:`gis.ingest.rejects.REJECT_COLUMNS`, one row per fault.

    Raises
    ------
    gis.errors.DataSourceError
        The package cannot be written, for example because the disk is full: then ``path`` is as it
        was before. Or the file has no such rows any more.
    """
    told = _told(rejects)
    columns, geometry = _rejected(source, set(told.index.tolist()))
    numbers = columns[ROW].tolist()
    gone = sorted(set(told.index.tolist()) - set(numbers))
    if gone:
        msg = f"{source.facts.path}: row {listed(gone)} is not there any more."
        raise DataSourceError(
            msg, remedy="The file changed: import it again.", file=str(source.facts.path)
        )
    for name in (CODES, REASONS, REMEDIES):
        columns[name] = told[name].reindex(numbers).to_numpy()
    stored = _stored_names(columns)
    facts = {
        "source": source.facts.path.name,
        "sha256": sha256_of(source.facts.path),
        "crs": None if source.facts.crs is None else source.facts.crs.name,
        "columns": {new: old for old, new in stored.items() if new != old},
        "rows": _ranges(numbers),
    }
    frame = _located(columns.rename(columns=stored), geometry, source.facts)
    metadata = json.dumps(facts, ensure_ascii=False)
    write_whole(path, frame, LAYER, metadata, "The rejected rows")
    return len(frame)


def _told(rejects: "pd.DataFrame") -> "pd.DataFrame":
    """Return what is wrong with each row, by its number."""
    import pandas as pd

    rows: dict[int, dict[str, str]] = {}
    for number, faults in rejects.groupby("row", sort=True):
        reasons = [
            f"{f.field}: {f.reason} ({f.value!r})" if f.value else f"{f.field}: {f.reason}"
            for f in faults.itertuples()
        ]
        rows[int(str(number))] = {
            CODES: "; ".join(dict.fromkeys(faults["code"].astype(str))),
            REASONS: "; ".join(dict.fromkeys(reasons)),
            REMEDIES: " ".join(dict.fromkeys(faults["remedy"].astype(str))),
        }
    return pd.DataFrame.from_dict(rows, orient="index", columns=[CODES, REASONS, REMEDIES])


def _rejected(
    source: "RowSource", wanted: set[int]
) -> tuple["pd.DataFrame", "NDArray[Any] | None"]:
    """Return the wanted rows of a file in its order, with their numbers."""
    import pandas as pd

    rows = np.array(sorted(wanted), dtype=np.int64)
    frames, shapes = [], []
    for batch in source.batches():
        here = np.isin(batch.numbers, rows)
        if not here.any():
            continue
        kept = batch.columns[here].reset_index(drop=True)
        frames.append(kept.assign(**{ROW: batch.numbers[here]}))
        if batch.geometry is not None:
            shapes.append(batch.geometry[here])
    if not frames:
        return pd.DataFrame({ROW: np.empty(0, dtype=np.int64)}), None
    columns = pd.concat(frames, ignore_index=True)
    plain = {name: _plain(columns[name]) for name in columns}
    return pd.DataFrame(plain), np.concatenate(shapes) if shapes else None


def _located(columns: "pd.DataFrame", geometry: Any, facts: "SourceFacts") -> "pd.DataFrame":  # noqa: ANN401 - an array or None
    """Return the rows with their geometry in the file's system, if it has one."""
    import geopandas as gpd

    if geometry is None:
        return columns
    crs = None if facts.crs is None else facts.crs.crs
    shapes = np.asarray(geometry, dtype=object)
    frame: pd.DataFrame = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)
    return frame


def _plain(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column as the format can hold it: numbers as they are, the rest as text."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        return values
    return values.map(_text).astype(object)


def _text(value: object) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN, NaT
        return None
    return value if isinstance(value, str) else str(value)


def _stored_names(columns: "pd.DataFrame") -> dict[str, str]:
    """Return a name for each column: the format tells no capitals, and has names of its own."""
    taken = {name.lower() for name in (*ADDED_COLUMNS, *_OWN_NAMES.values())}
    stored = {}
    for column in columns:
        name = str(column)
        if name in ADDED_COLUMNS:
            stored[name] = name
            continue
        new, count = name, 1
        while new.lower() in taken:
            count += 1
            new = f"{name}_{count}"
        taken.add(new.lower())
        stored[name] = new
    return stored


def write_whole(path: "Path", frame: "pd.DataFrame", layer: str, metadata: str, what: str) -> None:
    """Write a frame as a GeoPackage of one layer: all of it, or nothing.

    It is written under another name, proved to be whole, and then put in place.

    Parameters
    ----------
    path
        The package; one that is there is replaced.
    frame
        A frame, or a geo frame of any types of geometry, valid or not.
    layer
        Name of the layer.
    metadata
        Kept with the layer under :data:`METADATA`.
    what
        What is written, for the error.

    Raises
    ------
    gis.errors.DataSourceError
        It cannot be written; ``path`` is as it was before.
    """
    import geopandas as gpd
    import pyogrio

    scratch = path.with_name(f".{path.stem}.{os.getpid()}.part.gpkg")
    spatial = isinstance(frame, gpd.GeoDataFrame)
    options = {name: own for name, own in _OWN_NAMES.items() if spatial or name == "FID"}
    require_folder(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file without a system is written without one
            pyogrio.write_dataframe(
                frame,
                scratch,
                layer=layer,
                driver="GPKG",
                geometry_type="Unknown" if spatial else None,
                layer_options=options,
                layer_metadata={METADATA: metadata},
            )
        _require_whole(scratch, layer, len(frame))
        scratch.replace(path)
    except (OSError, sqlite3.Error, pyogrio.errors.DataSourceError, RuntimeError) as error:
        msg = f"{what} cannot be written to {path}: {_cause(error)}."
        raise DataSourceError(
            msg,
            remedy="Make room on the disk or choose another folder; nothing was left half written.",
            file=str(path),
        ) from error
    finally:
        for left in scratch.parent.glob(f"{scratch.name}*"):
            with contextlib.suppress(OSError):
                left.unlink()


def _require_whole(path: "Path", layer: str, rows: int) -> None:
    """Raise unless every row can be read: GDAL does not tell of a disk that filled on closing."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        (said,) = store.execute("PRAGMA quick_check(1)").fetchone()
        (count,) = store.execute(f'SELECT count(*) FROM "{layer}"').fetchone()  # noqa: S608 - our own name  # nosec B608
    if said != "ok" or count != rows:
        msg = f"only {count} of {rows} rows were written"
        raise OSError(msg)


def _cause(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).strip().rstrip(".")


def sha256_of(path: "Path") -> str | None:
    """Return the SHA-256 of a file; ``None`` for a folder (FileGDB)."""
    if not path.is_file():
        return None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _ranges(numbers: list[int]) -> list[list[int]]:
    """Return ascending numbers as closed ranges."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def listed(rows: "list[int] | tuple[int, ...]") -> str:
    """Return the first rows by number, and how many more there are."""
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return ", ".join(str(row) for row in rows[:NAMED]) + more
