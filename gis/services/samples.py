"""Writing the sample subdistrict to files that other programs open."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.errors import ConflictError, DataSourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    import pandas as pd

GEOPACKAGE = "subdistrict.gpkg"
REPORT = "report.json"
#: Layers of points that people open in a spreadsheet as well.
SPREADSHEETS = ("incidents", "demands", "stations")


def write_sample(
    dataset: frames.Dataset, out: Path, *, progress: "Callable[[str], None] | None" = None
) -> list[Path]:
    """Write a data set to a new folder, all or nothing.

    ``subdistrict.gpkg`` holds one layer for each noun with a geometry; columns of lists and of
    further geometries are text (JSON, WKT). Plain tables, and incidents, demands and stations with
    ``lon`` and ``lat``, are CSV in UTF-8. ``report.json`` says how the data were made.

    Parameters
    ----------
    dataset
        The data set.
    out
        Folder that is made; it may exist if it is empty.
    progress
        Called with the name of each layer before it is written.

    Returns
    -------
    list of pathlib.Path
        The files, in order of name.

    Raises
    ------
    gis.errors.ConflictError
        If ``out`` exists and is not empty.
    gis.errors.DataSourceError
        If the files cannot be written; nothing is left behind.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f"{out} is there already."
        raise ConflictError(msg, remedy="Name an empty or a new folder.", file=str(out))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _write_into(dataset, draft, progress or (lambda _: None))
            # mkdtemp closes the folder to others; what is delivered follows the user's mask.
            draft.chmod(0o755)
            draft.replace(out)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror or error}."
        raise DataSourceError(
            msg, remedy="Check the folder's rights and the space on the disk.", file=str(out)
        ) from error
    return sorted(out.iterdir())


def _write_into(dataset: frames.Dataset, folder: Path, progress: "Callable[[str], None]") -> None:
    import geopandas as gpd

    for name, frame in dataset.layers.items():
        progress(name)
        spatial = isinstance(frame, gpd.GeoDataFrame)
        if spatial:
            write_layer(folder / GEOPACKAGE, name, frame)
        if not spatial or name in SPREADSHEETS:
            _with_lon_lat(frame).to_csv(folder / f"{name}.csv", index=False)
    facts = {
        "name": dataset.name,
        "scope_code": dataset.scope_code,
        "synthetic": dataset.synthetic,
        "rows": {name: len(frame) for name, frame in dataset.layers.items()},
        **dataset.report,
    }
    text = json.dumps(facts, ensure_ascii=False, indent=2, default=str)
    (folder / REPORT).write_text(text + "\n", encoding="utf-8")


def write_layer(path: Path, name: str, frame: "gpd.GeoDataFrame") -> None:
    """Add ``frame`` to a GeoPackage as the layer ``name``.

    Columns without any value are left out, because a file format gives them no type.
    """
    import pyogrio

    pyogrio.write_dataframe(_flat(frame), path, layer=name, driver="GPKG")


def _flat(frame: "gpd.GeoDataFrame") -> "gpd.GeoDataFrame":
    """Return a copy with one geometry, and text where a column holds lists or geometries."""
    import geopandas as gpd

    out: gpd.GeoDataFrame = frame.copy()
    for column in out.columns.drop("geometry"):
        if isinstance(out[column], gpd.GeoSeries):
            out[column] = _geometry_text(out[column])
        elif any(isinstance(value, list | dict) for value in out[column]):
            out[column] = out[column].map(lambda v: json.dumps(v, ensure_ascii=False))
    return out.drop(columns=[c for c in out.columns.drop("geometry") if out[c].isna().all()])


def _geometry_text(series: "gpd.GeoSeries") -> Any:  # noqa: ANN401 - an object series
    """Return WKT with as many decimals as the sample keeps."""
    return series.to_wkt(rounding_precision=8).where(series.notna(), None)


def _with_lon_lat(frame: "pd.DataFrame") -> "pd.DataFrame":
    import geopandas as gpd

    if not isinstance(frame, gpd.GeoDataFrame):
        return frame
    plain = _flat(frame)
    lon, lat = plain.geometry.x, plain.geometry.y
    out: pd.DataFrame = plain.drop(columns="geometry")
    return out.assign(lon=lon, lat=lat)
