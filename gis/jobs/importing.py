"""Files into data sets, told to whoever watches."""

from pathlib import Path
from typing import TYPE_CHECKING

from gis.frames import Dataset
from gis.ingest.boundary import read_boundary
from gis.ingest.osm import HouseholdOptions, read_osm
from gis.jobs.steps import Silent, Steps, Watcher

if TYPE_CHECKING:
    from gis.ingest.files import ReadResult


def layer_dataset(path: Path, layer: str, result: "ReadResult") -> Dataset:
    """Return a data set of the one layer that was read from a file."""
    return Dataset(path.stem, "", {layer: result.frame}, result.report)


def read_extract(
    path: Path,
    *,
    boundary: Path | None,
    bbox: tuple[float, float, float, float] | None,
    community_size: int,
    known_households: int | None,
    watcher: Watcher | None = None,
) -> Dataset:
    """Return the data set of an extract; errors as :func:`gis.ingest.osm.read_osm`."""
    outline = read_boundary(boundary) if boundary is not None else None
    steps = Steps(watcher or Silent())
    tell = steps.progress("read")
    with steps.step("read"):
        return read_osm(
            path,
            boundary=outline,
            bbox=bbox,
            community_size=community_size,
            households=HouseholdOptions(known_total=known_households),
            progress=lambda _, share: tell(share, 1.0),
        )
