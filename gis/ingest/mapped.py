"""A file through a mapping file to a data set of every layer that it fills, or that is derived."""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.frames import Dataset
from gis.ingest.checks import check_columns
from gis.ingest.checks_geometry import AxisWatch, check_geometries, single_parts
from gis.ingest.derive import Derived, derive_layers
from gis.ingest.dissolve import SNAP_DEGREES, SNAP_M, dissolve
from gis.ingest.formats import open_source
from gis.ingest.helpers import HELPERS
from gis.ingest.keys import RowIds
from gis.ingest.mapping import REFERENCES, LayerMapping, split_parts
from gis.ingest.mapping_file import CONTRACTS, MappingFile
from gis.ingest.mapping_values import texts
from gis.ingest.personal_columns import personal_by_values
from gis.ingest.rejects import Rejects
from gis.ingest.rows import SourceFacts
from gis.ingest.taken import Taken
from gis.ingest.values import MendLog

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import FrameContract
    from gis.ingest.rows import SourceOptions


@dataclass(frozen=True)
class _Rows:
    """All rows of one layer of the file."""

    columns: "pd.DataFrame"
    geometry: "NDArray[Any] | None"
    numbers: "NDArray[np.int64]"
    facts: SourceFacts


@dataclass
class _Section:
    """What one section of the mapping brings in: unchecked rows under the contract's names."""

    mapping: LayerMapping
    columns: "pd.DataFrame"
    geometry: "NDArray[Any] | None"
    numbers: "NDArray[np.int64]"
    facts: SourceFacts
    report: dict[str, Any] = field(default_factory=dict)


def read_mapped(
    path: Path,
    mapping: MappingFile,
    *,
    within: Any = None,  # noqa: ANN401 - a shapely polygon or None
) -> Dataset:
    """Return the layers that a mapping makes of a file.

    Parameters
    ----------
    path
        A file of any format that is read.
    mapping
        How its rows become layers, and what is derived from them.
    within
        The ground the rows should lie on, a polygon in EPSG:4326: exchanged lon and lat are found
        by it.

    Returns
    -------
    Frames that keep their contracts, in EPSG:4326. The report says, for each section, how many rows
    and features were taken and left out and why, and of all that was derived or estimated, how.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, truncated or unreadable.
    gis.errors.CrsMismatchError
        No CRS, an unknown one, contradictory ones, or lon and lat exchanged.
    gis.ingest.rejects.RejectedRowsError
        At least one row cannot be taken; its ``rejects`` names every fault.
    gis.errors.InvalidInputError
        The file lacks a column that the mapping names, or a section takes no row.
    """
    where, rejects = str(path), Rejects()
    files = _Files(path, rejects)
    sections = [_section(files, each, where) for each in mapping.layers]
    names = list(dict.fromkeys(section.mapping.layer for section in sections))
    axes = AxisWatch(where, within)
    taken = {
        name: _conformed(
            [s for s in sections if s.mapping.layer == name], mapping.source, rejects, axes
        )
        for name in names
    }
    axes.raise_if_exchanged()
    rejects.raise_if_any(where, sum(len(rows.columns) for rows in files.opened.values()))
    layers = {name: each.frame for name, each in taken.items() if name not in HELPERS}
    derived = Derived(layers, {}, "")
    if mapping.derive is not None:
        derived = derive_layers(taken, mapping.derive, mapping.source, where)
    report = {
        "source": path.name,
        **({"attribution": mapping.attribution} if mapping.attribution else {}),
        "format": next(iter(files.opened.values())).facts.format,
        "sections": [section.report for section in sections],
        "left_out": _left_out(files, mapping, where),
        "rows_of_no_section": _rows_of_no_section(files, mapping),
        **derived.report,
        "rows": {name: len(frame) for name, frame in sorted(derived.layers.items())},
    }
    return Dataset(
        mapping.source,
        derived.scope_code,
        MappingProxyType(dict(derived.layers)),
        MappingProxyType(report),
    )


class _Files:
    """The layers of the file, each read once, however many sections take rows of it."""

    def __init__(self, path: Path, rejects: Rejects) -> None:
        self.opened: dict[tuple[object, ...], _Rows] = {}
        self._path, self._rejects = path, rejects

    def rows(self, options: "SourceOptions") -> _Rows:
        how = (str(options.crs), options.encoding, options.header_rows, options.spatial)
        key = (options.layer, *how, options.preferred_layer if options.layer is None else "")
        for known, rows in self.opened.items():
            # A file of one layer gives it whatever layer would be preferred.
            if known[:-1] == key[:-1] and (known[-1] == key[-1] or rows.facts.layer != known[-1]):
                return rows
        rows = self.opened[key] = self._read(options)
        return rows

    def _read(self, options: "SourceOptions") -> _Rows:
        import pandas as pd

        with warnings.catch_warnings():
            # Pieces of a feature share its id; GDAL numbers them anew, and ids are not taken of it.
            warnings.filterwarnings("ignore", "Several features with id", RuntimeWarning)
            source = open_source(self._path, options, self._rejects)
            try:
                batches = list(source.batches())
            finally:
                source.close()
        if not batches:
            msg = f"{self._path}: the file has no rows."
            remedy = "Export it again with its features."
            raise InvalidInputError(msg, remedy=remedy, file=str(self._path))
        shapes = [batch.geometry for batch in batches if batch.geometry is not None]
        return _Rows(
            pd.concat([batch.columns for batch in batches], ignore_index=True),
            np.concatenate(shapes) if shapes else None,
            np.concatenate([batch.numbers for batch in batches]),
            source.facts,
        )


def _section(files: _Files, mapping: LayerMapping, where: str) -> _Section:
    contract = CONTRACTS[mapping.layer]
    rows = files.rows(mapping.options(where, spatial=bool(contract.geometry)))
    chosen = mapping.select(rows.columns, rows.geometry, where)
    if not len(chosen):
        msg = f"{where}: no row meets the conditions of the section for {mapping.layer}."
        raise InvalidInputError(
            msg,
            remedy="Compare [layers.where] and source_layer with the values in the file.",
            file=where,
            layer=mapping.layer,
        )
    report: dict[str, Any] = {
        "layer": mapping.layer,
        "from": mapping.source_layer or rows.facts.layer,
        "rows": len(chosen),
    }
    columns = rows.columns.iloc[chosen].reset_index(drop=True)
    geometry = None if rows.geometry is None else rows.geometry[chosen]
    numbers = rows.numbers[chosen]
    if mapping.dissolve and geometry is not None:
        in_degrees = rows.facts.crs is None or rows.facts.crs.in_degrees
        own = columns[list(mapping.columns)]
        put = dissolve(own, geometry, mapping.dissolve, snap=SNAP_DEGREES if in_degrees else SNAP_M)
        columns, geometry, numbers = put.columns, put.geometry, numbers[put.first]
        report["dissolved"] = put.report
    out = mapping.translate(columns, contract, where)
    _refuse_persons(out, contract, where)
    if geometry is not None:
        geometry = mapping.shaped(geometry)
        if mapping.split:
            out, geometry, part_of = split_parts(out, geometry)
            numbers = numbers[part_of]
    report["taken"] = len(out)
    return _Section(mapping, out, geometry, numbers, rows.facts, report)


def _refuse_persons(columns: "pd.DataFrame", contract: "FrameContract", where: str) -> None:
    """Refuse a text field whose values look like persons' numbers; the message repeats none."""
    for column in contract.columns:
        if column.kind != "str" or column.choices or column.name not in columns:
            continue
        looks = personal_by_values(columns[column.name], column.name)
        if looks is not None:
            msg = f"{where}: what would become {contract.name}.{column.name} holds {looks}."
            raise InvalidInputError(
                msg,
                remedy="Take the column out of the mapping: layers hold no person's data.",
                file=where,
                field=column.name,
            )


def _conformed(sections: list[_Section], dataset: str, rejects: Rejects, axes: AxisWatch) -> Taken:
    """Return the rows of all sections for one layer; of a key that two bring the first counts."""
    import pandas as pd

    contract = CONTRACTS[sections[0].mapping.layer]
    ids = RowIds(contract, dataset)
    parts, shapes = [], []
    seen: set[str] = set()
    for section in sections:
        mends = MendLog()
        _leave_out_known(section, seen)
        with rejects.batch(section.numbers):
            columns = ids.of(section.columns, section.geometry, rejects)
            parts.append(_checked(columns, contract, rejects, mends))
            if contract.geometry:
                shapes.append(_geometry(section, contract, rejects, axes))
        if mends.notes():
            section.report["mended"] = list(mends.notes())
    columns = pd.concat(parts, ignore_index=True)
    said = {str(name): columns[name].notna().to_numpy(dtype=bool) for name in columns}
    references = {
        name: texts(columns[name]) for name in REFERENCES.get(contract.name, ()) if name in columns
    }
    if rejects.rows:  # told at the end, with those of the other layers
        return Taken(contract.empty())
    frame: Any = columns
    if contract.geometry:
        import geopandas as gpd

        frame = gpd.GeoDataFrame(columns, geometry=np.concatenate(shapes), crs="EPSG:4326")
    return Taken(contract.conform(frame, source=str(sections[0].facts.path)), said, references)


def _leave_out_known(section: _Section, seen: set[str]) -> None:
    """Leave out rows whose key an earlier section has brought, and say how many."""
    if "source_id" not in section.columns:
        return
    keys = section.columns["source_id"].to_numpy(dtype=object)
    known = np.array([key is not None and str(key) in seen for key in keys], dtype=bool)
    seen.update(str(key) for key in keys if key is not None)
    if known.any():
        section.columns = section.columns[~known].reset_index(drop=True)
        section.geometry = None if section.geometry is None else section.geometry[~known]
        section.numbers = section.numbers[~known]
        section.report |= {"taken": len(section.columns), "taken_before": int(known.sum())}


def _checked(
    columns: "pd.DataFrame", contract: "FrameContract", rejects: Rejects, mends: MendLog
) -> "pd.DataFrame":
    import pandas as pd

    data: dict[str, Any] = dict(check_columns(columns, contract, rejects, mends))
    for name in REFERENCES.get(contract.name, ()):
        if name in columns:
            data[name] = columns[name]
    return pd.DataFrame(
        {
            name: pd.Series(np.asarray(values, dtype=object), dtype=object)
            for name, values in data.items()
        },
        index=range(len(columns)),
    )


def _geometry(
    section: _Section, contract: "FrameContract", rejects: Rejects, axes: AxisWatch
) -> "NDArray[Any]":
    """Return the geometries in EPSG:4326, without heights and collections of one part."""
    geometry = section.geometry
    if geometry is None:
        geometry = np.full(len(section.columns), None, dtype=object)
    geometry = np.asarray(shapely.force_2d(geometry), dtype=object)
    crs = section.facts.crs
    if crs is not None and crs.in_degrees:
        axes.add(geometry, section.numbers)
    if crs is not None:
        geometry = crs.to_lonlat(geometry)
    geometry = single_parts(geometry, contract.geometry)
    check_geometries(geometry, contract.geometry, rejects, required=contract.geometry_required)
    return geometry


def _left_out(files: _Files, mapping: MappingFile, where: str) -> dict[str, dict[str, Any]]:
    """Return, for each layer of the file, the features that no section takes, and why.

    A feature is left out if none of its rows is taken. The reason is the first condition of the
    layer's first section that its first row fails, with the value it has there.
    """
    by_layer: dict[tuple[int, str], list[LayerMapping]] = {}
    opened = {id(rows): rows for rows in files.opened.values()}
    for layer in mapping.layers:
        rows = files.rows(layer.options(where, spatial=bool(CONTRACTS[layer.layer].geometry)))
        name = layer.source_layer or rows.facts.layer or ""
        by_layer.setdefault((id(rows), name), []).append(layer)
    out = {}
    for (number, name), layers in by_layer.items():
        rows = opened[number]
        reasons = [layer.reasons(rows.columns, rows.geometry) for layer in layers]
        own = np.flatnonzero(layers[0].of_layer(rows.columns))
        taken_rows = np.any([[each is None for each in reason] for reason in reasons], axis=0)
        key = _feature_keys(rows, layers)
        taken = set(key[own[taken_rows[own]]])
        first: dict[Any, tuple[str, str]] = {}
        for row in own:
            if key[row] not in taken:
                first.setdefault(key[row], reasons[0][row])
        out[name] = {
            "features": len(set(key[own])),
            "taken": len(taken),
            "left_out": len(first),
            "why": _counted(list(first.values())),
        }
    return out


def _feature_keys(rows: _Rows, layers: list[LayerMapping]) -> "NDArray[np.object_]":
    """Return what tells features apart: their ids where pieces are put together, else the row."""
    key = np.array([f"row {row}" for row in range(len(rows.columns))], dtype=object)
    column = layers[0].dissolve
    if column is None:
        return key
    own = texts(rows.columns[column])
    return np.array([k if o is None else o for k, o in zip(key, own, strict=True)], dtype=object)


def _counted(reasons: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return counts by column and value; rare values of long lists are summed as ``…``."""
    out: dict[str, dict[str, int]] = {}
    for (name, value), count in sorted(
        Counter(reasons).items(), key=lambda item: (-item[1], item[0])
    ):
        own = out.setdefault(name, {})
        shown = value if len(own) < _MOST_VALUES else "…"
        own[shown] = own.get(shown, 0) + count
    return out


#: Values that are named in a report, for each column.
_MOST_VALUES = 20


def _rows_of_no_section(files: _Files, mapping: MappingFile) -> dict[str, int]:
    """Return the rows of each layer of the file that no section takes rows of, by its name."""
    named = {layer.source_layer for layer in mapping.layers}
    out: dict[str, int] = {}
    for rows, column in _mixed(files, mapping):
        for name in texts(rows.columns[column]):
            if name not in named:
                out[name or ""] = out.get(name or "", 0) + 1
    return dict(sorted(out.items()))


def _mixed(files: _Files, mapping: MappingFile) -> Iterator[tuple[_Rows, str]]:
    columns = {layer.layer_column for layer in mapping.layers if layer.layer_column}
    for rows in files.opened.values():
        for column in sorted(columns):
            if column in rows.columns:
                yield rows, column
