"""Vector formats through GDAL: GeoPackage and GeoJSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rows import BATCH_ROWS, RowBatch, SourceFacts, SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.ingest.rejects import Rejects

FORMAT_NAMES = {".gpkg": "GeoPackage", ".geojson": "GeoJSON", ".json": "GeoJSON"}


@dataclass(frozen=True, slots=True)
class VectorSource:
    """A layer that GDAL has read."""

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


def open_vector(path: Path, options: SourceOptions, rejects: "Rejects") -> VectorSource:
    """Open a layer that GDAL reads; see :func:`gis.ingest.formats.open_source`."""
    del rejects  # GDAL gives no coordinates that are no numbers
    import pyogrio

    name = FORMAT_NAMES[path.suffix.lower()]
    try:
        chosen = _choose_layer(path, options.layer, options.preferred_layer)
        frame = pyogrio.read_dataframe(path, layer=chosen)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        msg = f"{path}: the file cannot be read as {name} ({error})."
        raise DataSourceError(
            msg,
            remedy="It may be truncated or another format: export or copy it again.",
            file=str(path),
        ) from error
    geometry_name = getattr(frame, "_geometry_column_name", None)
    if geometry_name is None:
        facts = SourceFacts(path, name, chosen, None, tuple(frame.columns), len(frame))
        return VectorSource(facts, frame, None)
    geometry = frame[geometry_name].to_numpy()
    columns = frame.drop(columns=geometry_name)
    crs = _agreed_crs(frame.crs, options.crs, path)
    facts = SourceFacts(path, name, chosen, crs, tuple(columns.columns), len(frame))
    return VectorSource(facts, columns, geometry)


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


def _agreed_crs(own: Any, declared: SourceCrs | None, path: Path) -> SourceCrs:  # noqa: ANN401 - a CRS or None
    """Return the file's own system or the declared one; they must not contradict each other.

    Shifted coordinates have no code, so files of them say WGS 84: the declaration is believed.
    """
    if own is None or own.name.lower().startswith(("undefined", "unknown")):
        if declared is None:
            msg = f"{path}: the file has no coordinate reference system."
            raise CrsMismatchError(
                msg, remedy="Declare it, for example with --crs EPSG:4490.", file=str(path)
            )
        return declared
    from pyproj import CRS

    found = SourceCrs(CRS.from_user_input(own))
    if declared is None:
        return found
    if declared.shift != "none" and found.in_degrees:
        return declared
    if not found.same_as(declared):
        msg = f"{path}: the file says it is in {found.name}, not {declared.name}."
        raise CrsMismatchError(
            msg, remedy="Leave --crs out, or mend the file's declaration.", file=str(path)
        )
    return found
