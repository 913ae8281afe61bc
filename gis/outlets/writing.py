"""Write layers to a file that is whole or not there."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.defusing import companion_of
from gis.errors import DataSourceError
from gis.folders import require_folder
from gis.outlets.about import About, readme
from gis.outlets.delimited import write_csv
from gis.outlets.formats import FileFormat, check_export
from gis.outlets.geojson import crs_mark, write_geojson
from gis.outlets.layer import Losses, OutLayer, OutletOptions
from gis.outlets.parquet import write_geoparquet
from gis.outlets.shapefile import dictionary_csv, write_shapefile
from gis.outlets.sheets import WorkbookOutlet
from gis.outlets.vector import GeoPackageOutlet, write_flatgeobuf

if TYPE_CHECKING:
    import pandas as pd

#: Told the layer and the rows written since the last call.
Progress = Callable[[str, int], None]
_ONE = {
    "geojson": write_geojson,
    "shp": write_shapefile,
    "csv": write_csv,
    "parquet": write_geoparquet,
    "fgb": write_flatgeobuf,
}
_DICTIONARY = {"zh-CN": "字段对照表.csv", "en": "fields.csv"}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written.

    Parameters
    ----------
    path
        Where it is.
    files
        It, and what stands beside it.
    rows
        Rows per layer.
    losses
        What the format could not hold: layer, field, kind of loss, number of values.
    size_bytes
        Of all files.
    """

    path: Path
    files: tuple[Path, ...]
    rows: Mapping[str, int]
    losses: tuple[Mapping[str, object], ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Work:
    """One export under way: where it goes, what it holds so far, and what was lost."""

    path: Path
    chosen: FileFormat
    options: OutletOptions
    about: About
    rows: dict[str, int]
    losses: Losses

    @property
    def zipped(self) -> bool:
        return self.path.suffix.lower() == ".zip"

    def facts(self) -> dict[str, Any]:
        return self.about.facts(self.rows, self.losses.listed())


def write_export(
    path: Path,
    chosen: FileFormat,
    layers: Sequence[OutLayer],
    options: OutletOptions,
    about: About,
    *,
    progress: Progress | None = None,
) -> Written:
    """Write layers to a file; until all is written nothing stands under its name.

    Parameters
    ----------
    path
        The file; one that is there already is replaced in one step.
    chosen
        Of :func:`gis.outlets.formats.format_of`.
    layers
        One, or several for GeoPackage, Excel and zip files.
    options, about
        How they are written, and what is said of them.
    progress
        Told each layer and the rows that were read for it since the last call.

    Raises
    ------
    gis.errors.InvalidInputError
        The format cannot hold what is ordered; see :func:`gis.outlets.formats.check_export`.
    gis.errors.DataSourceError
        The file cannot be written: no such folder, no right, the disk is full. Nothing is left.
    """
    check_export(path, chosen, [layer.name for layer in layers], options)
    rows = dict.fromkeys((layer.name for layer in layers), 0)
    work = _Work(path, chosen, options, about, rows, Losses())
    counted = [_counting(layer, rows, progress) for layer in layers]
    with _whole(path) as folder:
        inside = folder / "inside"
        inside.mkdir()
        if chosen.many:
            _write_together(inside, work, counted)
        else:
            _write_apart(inside, work, counted)
        if work.zipped:
            _pack(inside, folder / path.name, work)
        made = [folder / path.name] if work.zipped else sorted(inside.iterdir())
        files = _moved(made, path)
    size = sum(file.stat().st_size for file in files)
    return Written(path, tuple(files), rows, tuple(work.losses.listed()), size)


def _counting(layer: OutLayer, rows: dict[str, int], progress: Progress | None) -> OutLayer:
    """Return the layer so that its rows are counted as they pass, however often they do."""

    def frames() -> Iterator["pd.DataFrame"]:
        rows[layer.name] = 0
        for frame in layer.frames():
            rows[layer.name] += len(frame)
            yield frame
            if progress:
                progress(layer.name, len(frame))

    return replace(layer, frames=frames)


def _write_together(inside: Path, work: _Work, layers: Sequence[OutLayer]) -> None:
    path = inside / f"{work.path.stem}{work.chosen.suffix}"
    outlet: GeoPackageOutlet | WorkbookOutlet
    if work.chosen.name == "gpkg":
        outlet = GeoPackageOutlet(path, work.options, work.about)
    else:
        outlet = WorkbookOutlet(path, work.options, work.about, work.losses)
    for layer in layers:
        outlet.write(layer)
    outlet.finish(work.rows, work.losses)


def _write_apart(inside: Path, work: _Work, layers: Sequence[OutLayer]) -> None:
    """Write a file for each layer, then what says what they are."""
    for layer in layers:
        path = inside / (_name_in_zip(layer, work) if work.zipped else work.path.name)
        _ONE[work.chosen.name](path, layer, work.options, work.about, work.losses)
        if work.chosen.name == "csv":
            facts = {**work.facts(), "rows": {layer.name: work.rows[layer.name]}}
            text = json.dumps(facts, ensure_ascii=False, indent=1)
            companion_of(path).write_text(text + "\n", encoding="utf-8")
    if work.chosen.name == "shp":
        contracts = [layer.contract for layer in layers]
        text = dictionary_csv(contracts, work.options)
        named = inside / _DICTIONARY[work.options.language]
        named.write_text(text, encoding="utf-8-sig", newline="")


def _name_in_zip(layer: OutLayer, work: _Work) -> str:
    mark = crs_mark(work.options.crs) if work.chosen.name == "geojson" else ""
    return f"{layer.name}{'.' if mark else ''}{mark}{work.chosen.suffix}"


def _pack(inside: Path, target: Path, work: _Work) -> None:
    """Pack the files into one zip, with a README that says what they are."""
    text = readme(work.facts(), work.options.language)
    (inside / "README.txt").write_text(text, encoding="utf-8-sig", newline="")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(inside.iterdir()):
            archive.write(file, file.name)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield a folder beside the file that is gone in the end, whatever happens."""
    require_folder(path)
    folder = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        folder.mkdir()
        yield folder
    except OSError as error:
        raise DataSourceError(
            f"{path} cannot be written ({error.strerror or error}).",
            remedy="See that the folder may be written to, and that the disk has room.",
            file=str(path),
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _moved(made: Sequence[Path], path: Path) -> list[Path]:
    """Put the files in their place, the one that was asked for last."""
    ordered = sorted(made, key=lambda file: (file.name == path.name, file.name))
    for file in ordered:
        # A disk that takes the bytes and loses them later says so here.
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())
    for file in ordered:
        file.replace(path.with_name(file.name))
    return [path.with_name(file.name) for file in reversed(ordered)]
