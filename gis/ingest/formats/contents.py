"""What is in a file: its layers, for a person to choose from."""

import warnings
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis.errors import InvalidInputError, WanggeError
from gis.ingest.formats import READERS, open_source, require_file
from gis.ingest.formats.archives import Unpacked, open_archive, renamed
from gis.ingest.formats.dbf import check_lengths, shapefile_parts
from gis.ingest.formats.drawing import open_drawing
from gis.ingest.formats.kml import kml_layers, open_kml
from gis.ingest.formats.parquet import open_parquet
from gis.ingest.formats.sniffing import KML, SHAPEFILE, check_content, format_of
from gis.ingest.formats.textual import Utf8Copy
from gis.ingest.formats.vector import layer_names, open_vector, readable, unreadable
from gis.ingest.rejects import Rejects
from gis.ingest.rows import SourceOptions

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A layer of a file.

    Parameters
    ----------
    name
        What to call it with ``--table``.
    geometry
        Kind of its geometries: ``Polygon``, ``Unknown`` (several) …; empty: it has none, or they
        stand in columns.
    rows
        Number of its rows, if that is known without reading them all.
    """

    name: str
    geometry: str
    rows: int | None


def layers_of(path: Path) -> list[LayerEntry]:
    """Return the layers of a file, in its order.

    Of an archive those of every file in it that is read, as ``file`` or ``file/layer``; of a
    drawing its layers with the number of their entities.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing or cannot be read as its suffix says.
    gis.errors.InvalidInputError
        Its suffix is unknown.
    """
    suffix = path.suffix.lower()
    reader = READERS.get(suffix)
    if not (path.is_dir() and suffix == ".gdb"):
        require_file(path)
    if reader is None:
        known = ", ".join(sorted(READERS))
        msg = f"{path}: files ending in {path.suffix or 'nothing'!r} are not read."
        raise InvalidInputError(msg, remedy=f"Give one of: {known}.", file=str(path))
    listings: dict[object, Callable[[Path], list[LayerEntry]]] = {
        open_archive: _of_archive,
        open_vector: _of_vector,
        open_kml: _of_kml,
        open_drawing: _of_drawing,
        open_parquet: _of_parquet,
    }
    listing = listings.get(reader)
    return [LayerEntry(path.stem, "", None)] if listing is None else listing(path)


def _of_archive(path: Path) -> list[LayerEntry]:
    unpacked = Unpacked(path)
    try:
        entries = []
        for member in unpacked.contents():
            name = member.relative_to(unpacked.folder).as_posix()
            layers = layers_of(member)
            for layer in layers:
                full = name if len(layers) == 1 else f"{name}/{layer.name}"
                entries.append(LayerEntry(full, layer.geometry, layer.rows))
    except WanggeError as error:
        raise renamed(error, unpacked.folder, path) from error
    finally:
        unpacked.close()
    return entries


def _of_vector(path: Path) -> list[LayerEntry]:
    form = format_of(path)
    check_content(path, form)
    with ExitStack() as stack:
        file = path
        if form is SHAPEFILE:
            parts = shapefile_parts(path)
            check_lengths(parts)
            file = readable(parts, stack)
        elif form.is_text:
            file = stack.enter_context(Utf8Copy(path, None, form)).file
        return [_entry(file, path, name) for name in layer_names(file, path, form)]


def _entry(file: Path, path: Path, name: str) -> LayerEntry:
    import pyogrio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the layer is opened
        try:
            info: dict[str, Any] = pyogrio.read_info(file, layer=name, encoding="ISO-8859-1")
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise unreadable(path, format_of(path), error) from error
    rows = int(info["features"])
    return LayerEntry(name, info["geometry_type"] or "", rows if rows >= 0 else None)


def _of_kml(path: Path) -> list[LayerEntry]:
    check_content(path, KML)
    with Utf8Copy(path, None, KML) as copy:
        layers = kml_layers(copy.file, path)
    kinds = [next(iter(layer.kinds)) if len(layer.kinds) == 1 else "Unknown" for layer in layers]
    return [
        LayerEntry(layer.name, kind, layer.rows) for layer, kind in zip(layers, kinds, strict=True)
    ]


def _of_drawing(path: Path) -> list[LayerEntry]:
    from gis.geometry.source_crs import SourceCrs

    anywhere = SourceOptions(crs=SourceCrs.parse("EPSG:4490", str(path)))  # the layers have none
    source = open_drawing(path, anywhere, Rejects())
    rows: Counter[str] = Counter()
    kinds: dict[str, set[str]] = {}
    for batch in source.batches():
        assert batch.geometry is not None
        for name, shape in zip(batch.columns["layer"], batch.geometry, strict=True):
            rows[name] += 1
            kinds.setdefault(name, set()).add("" if shape is None else shape.geom_type)
    return [
        LayerEntry(name, found.pop() if len(found) == 1 else "Unknown", rows[name])
        for name, found in kinds.items()
    ]


def _of_parquet(path: Path) -> list[LayerEntry]:
    source = open_source(path, SourceOptions(spatial=False), Rejects())
    try:
        kinds = source.facts.extra.get("geometry_types", ())
        return [LayerEntry(path.stem, kinds[0] if len(kinds) == 1 else "", source.facts.rows)]
    finally:
        source.close()
