"""An OpenStreetMap extract as the demo's input, with made-up matters that say so."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gis.errors import InvalidInputError
from gis.frames import Dataset
from gis.hours import timezone_at
from gis.i18n import LANGUAGES
from gis.ingest.boundary import read_boundary
from gis.ingest.formats import require_file
from gis.ingest.osm import read_osm
from gis.jobs.demo import DemoInput
from gis.samples.extract_matters import MattersOrder, matters_on

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon

#: Days of made-up matters before today's, and how far hours are laid out for them.
MATTER_DAYS = 30
BEHIND = timedelta(days=MATTER_DAYS + 5)
#: Raised when extracts are read in another way: they are then loaded anew.
READER = "osm-1"


def extract_input(path: Path, boundary: Path | None, timezone: str | None) -> DemoInput:
    """Return the demo's input for an extract.

    Parameters
    ----------
    path
        PBF or XML file.
    boundary
        File with the polygon of the ground to take; ``None``: all of it.
    timezone
        IANA name; ``None``: that of the place.

    Raises
    ------
    gis.errors.DataSourceError, gis.errors.InvalidInputError, gis.errors.GeometryError
        A file is missing or cannot be used.
    """
    require_file(path)
    outline = read_boundary(boundary) if boundary is not None else None
    digest = hashlib.sha256(READER.encode())
    for file in (path, *([boundary] if boundary else [])):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    zone = timezone or _zone_of(path, outline)

    def read(progress: Callable[[float, float], None]) -> Dataset:
        dataset = read_osm(path, boundary=outline, progress=lambda _, share: progress(share, 1.0))
        return with_matters(dataset, zone)

    return DemoInput(
        key=path.name.split(".")[0],
        fingerprint=f"{digest.hexdigest()}-{zone}",
        read=read,
        timezone=zone,
        titles=dict.fromkeys(LANGUAGES, path.name.split(".")[0].replace("_", " ").title()),
        behind=BEHIND,
        party=False,
        staffed=False,
    )


def with_matters(dataset: Dataset, timezone: str) -> Dataset:
    """Return the data set with made-up incidents and demands of the last month."""
    today = datetime.now(ZoneInfo(timezone))
    order = MattersOrder(
        dataset=dataset.name, start=today - timedelta(days=MATTER_DAYS), days=MATTER_DAYS
    )
    incidents, demands = matters_on(dataset.layers["buildings"], order)
    report = {**dataset.report, "synthetic_layers": ["incidents", "demands"]}
    layers = {**dataset.layers, "incidents": incidents, "demands": demands}
    return replace(dataset, layers=layers, report=report)


def _zone_of(path: Path, outline: "Polygon | MultiPolygon | None") -> str:
    from gis.ingest.osm.extract import header_extent

    box = outline.bounds if outline is not None else header_extent(path)
    if box is None:
        raise InvalidInputError(
            f"{path}: the file does not say where it lies.",
            remedy="Give --boundary, or --timezone such as Europe/Helsinki.",
            file=str(path),
        )
    west, south, east, north = box
    return timezone_at((west + east) / 2, (south + north) / 2)
