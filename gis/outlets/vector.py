"""GeoPackage and FlatGeobuf, written by GDAL from a stream of arrow batches."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.errors import DataSourceError
from gis.geometry.source_crs import SourceCrs
from gis.outlets.about import About, pairs
from gis.outlets.labels import field_label
from gis.outlets.values import arrow_batches, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from gis.outlets.layer import Losses, OutLayer, OutletOptions

#: Shifted degrees have no code. A system of their own says so to every program; its name begins as
#: GDAL's own undefined systems do, so that an importer asks for a declaration.
_UNDEFINED = (
    'LOCAL_CS["Undefined: {name} degrees, shifted from WGS 84",'
    'UNIT["degree",0.0174532925199433],AXIS["Lon",EAST],AXIS["Lat",NORTH]]'
)
#: Programs of some years ago read it without a warning.
GPKG_VERSION = "1.3"
_SHIFTED_NAMES = {"gcj02": "GCJ-02", "bd09": "BD-09"}


def declared_crs(crs: SourceCrs) -> str:
    """Return what files say of their coordinates: never WGS 84 of shifted ones."""
    if crs.shift != "none":
        return _UNDEFINED.format(name=_SHIFTED_NAMES[crs.shift])
    code = crs.crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.crs.to_wkt())


def geometry_kind(kinds: Sequence[str]) -> str:
    """Return GDAL's type of a layer that allows some kinds of geometry."""
    if set(kinds) == {"Polygon", "MultiPolygon"}:
        return "MultiPolygon"  # Polygon alone would refuse those in parts
    return kinds[0] if len(kinds) == 1 else "Unknown"


class GeoPackageOutlet:
    """Layers in one GeoPackage, with the tables ``about`` and ``fields``."""

    def __init__(self, path: Path, options: "OutletOptions", about: About) -> None:
        """Begin a file that is not there yet."""
        self.path, self.options, self.about = path, options, about
        self.fields: list[tuple[str, ...]] = []

    def write(self, layer: "OutLayer") -> None:
        """Add a layer."""
        for column in layer.contract.columns:
            label = field_label(column.name, "zh-CN")
            self.fields.append((layer.name, column.name, label, column.doc, str(column.unit)))
        write_gdal(
            self.path,
            layer,
            self.options.crs,
            driver="GPKG",
            dataset_options={"VERSION": GPKG_VERSION},
            metadata={"about": json.dumps(self.about.facts(), ensure_ascii=False)},
        )

    def finish(self, rows: Mapping[str, int], losses: "Losses") -> None:
        """Add the tables that say what the file is."""
        facts = self.about.facts(rows, losses.listed())
        told = [
            ("json", json.dumps(facts, ensure_ascii=False)),
            *pairs(facts, self.options.language),
        ]
        self._table("about", ("fact", "value"), told)
        self._table("fields", ("layer", "field", "label_zh", "meaning", "unit"), self.fields)

    def _table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        import pyarrow as pa

        table = pa.table(
            {column: [row[i] for row in rows] for i, column in enumerate(columns)},
            schema=pa.schema([(column, pa.string()) for column in columns]),
        )
        _gdal(self.path, table.to_reader(), layer=name, driver="GPKG", append=True)


def write_flatgeobuf(
    path: Path, layer: "OutLayer", options: "OutletOptions", about: About, losses: "Losses"
) -> None:
    """Write a layer as FlatGeobuf; what it is stands in the header's description.

    The index of FlatGeobuf has no place for rows without geometry: layers that allow them have no
    index.
    """
    del losses  # nothing is lost but microseconds, which docs/export.md says
    indexed = bool(layer.contract.geometry) and layer.contract.geometry_required
    write_gdal(
        path,
        layer,
        options.crs,
        driver="FlatGeobuf",
        options={
            "SPATIAL_INDEX": "YES" if indexed else "NO",
            "TITLE": layer.name,
            "DESCRIPTION": json.dumps(about.facts(), ensure_ascii=False),
        },
    )


def write_gdal(
    path: Path,
    layer: "OutLayer",
    crs: SourceCrs,
    *,
    driver: str,
    metadata: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    dataset_options: Mapping[str, str] | None = None,
) -> None:
    """Write a layer by one of GDAL's drivers, a batch in memory at a time.

    Raises
    ------
    gis.errors.DataSourceError
        GDAL cannot write it: the disk is full, the format's limit is reached.
    """
    import pyarrow as pa

    contract = layer.contract
    faults: list[BaseException] = []
    sent = 0

    def batches() -> "Iterator[pa.RecordBatch]":
        # GDAL swallows what is raised while it pulls rows; it is raised again after it.
        nonlocal sent
        try:
            for batch in arrow_batches(layer, crs):
                sent += batch.num_rows
                yield batch
        except BaseException as error:
            faults.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(arrow_schema(contract), batches())
    where: dict[str, Any] = {}
    if contract.geometry:
        where = {
            "geometry_name": "geometry",
            "geometry_type": geometry_kind(contract.geometry),
            "crs": declared_crs(crs),
        }
    try:
        _gdal(
            path,
            reader,
            layer=layer.name,
            driver=driver,
            append=path.exists(),
            layer_metadata=dict(metadata or {}),
            layer_options=dict(options or {}),
            dataset_options=dict((not path.exists() and dataset_options) or {}),
            **where,
        )
    except Exception:
        if faults:
            raise faults[0] from None
        raise
    if faults:
        raise faults[0]
    _check_written(path, layer.name, sent)


def _check_written(path: Path, layer: str, rows: int) -> None:
    """Read the last row again: some drivers write on closing, and say nothing when they cannot."""
    import pyogrio

    if not rows:
        return
    try:
        last = pyogrio.read_arrow(path, layer=layer, skip_features=rows - 1, columns=[])[1]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise _unwritable(path, error) from error
    if len(last) != 1:
        raise _unwritable(path, f"{rows} rows were sent and its end is missing")


def _unwritable(path: Path, reason: object) -> DataSourceError:
    return DataSourceError(
        f"{path.name} cannot be written ({str(reason).strip()}).",
        remedy="See whether the disk is full.",
        file=path.name,
    )


def _gdal(path: Path, rows: "pa.RecordBatchReader", **how: Any) -> None:  # noqa: ANN401 - pyogrio's own
    import pyogrio
    from pyogrio.errors import DataLayerError, FeatureError, FieldError, GeometryError
    from pyogrio.errors import DataSourceError as GdalError

    try:
        pyogrio.write_arrow(rows, path, encoding="utf-8", **how)
    except (GdalError, DataLayerError, FeatureError, FieldError, GeometryError, OSError) as error:
        raise _unwritable(path, error) from error
