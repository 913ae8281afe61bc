"""From an OpenStreetMap file to a data set of every layer that it can fill."""

import resource
import time
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import GeometryError, InvalidInputError
from gis.frames import Dataset
from gis.ingest.osm import communities as community_of
from gis.ingest.osm.barriers import barriers_frame, read_barriers
from gis.ingest.osm.buildings import buildings_frame, read_buildings
from gis.ingest.osm.crossings import read_crossings
from gis.ingest.osm.extract import Extract, Progress, extract
from gis.ingest.osm.ground import Ground, require_overlap
from gis.ingest.osm.households import HouseholdOptions
from gis.ingest.osm.pois import pois_frame
from gis.ingest.osm.quarters import quarters_frame, read_quarters
from gis.ingest.osm.roads import read_roads, roads_frame
from gis.ingest.osm.stations import read_stations, station_services_frame, stations_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ATTRIBUTION = "© OpenStreetMap contributors"
BBox = tuple[float, float, float, float]
_STEPS = ("read", "buildings", "lines", "communities", "stations")


class _Clock:
    """Times the steps, notes the process's peak memory after each, and tells who watches."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}
        self.peak_memory_mb: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> "Iterator[None]":
        if self._progress is not None:
            self._progress(name, len(self.seconds) / len(_STEPS))
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
        self.peak_memory_mb[name] = round(_peak_kb() / 1024, 1)

    def done(self) -> None:
        if self._progress is not None:
            self._progress("done", 1.0)


def _peak_kb() -> int:
    # A process inherits ru_maxrss from whoever started it, so that is the second best.
    status = Path("/proc/self/status")
    rows = status.read_text().splitlines() if status.is_file() else []
    own = (int(row.split()[1]) for row in rows if row.startswith("VmHWM"))
    return next(own, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def read_osm(
    path: Path,
    *,
    boundary: Any = None,  # noqa: ANN401 - a shapely polygon or multipolygon
    bbox: BBox | None = None,
    community_size: int = 3000,
    households: HouseholdOptions | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Return a working data set of an OpenStreetMap extract.

    Parameters
    ----------
    path
        PBF or XML file.
    boundary
        Polygon or multipolygon in EPSG:4326 of the ground to take; None: ``bbox``, else the
        extract's own bounding box.
    bbox
        West, south, east, north in degrees, if there is no boundary.
    community_size
        Households of a derived community, about; used where no published communities exist.
    households
        Parameters of the estimate of households (docs/adr/008).
    name
        Short name of the data set, used in ids and generated codes; None: the file's name.
    progress
        Called with the name of each step and the share done, 0 to 1.

    Returns
    -------
    Layers divisions, communities, quarters, buildings, stations, station_services, roads,
    barriers, crossings and pois, each conforming to its contract in EPSG:4326. The report says
    what was estimated, left out and why; only its ``seconds`` and ``peak_memory_mb`` differ between
    two runs.

    Raises
    ------
    gis.errors.DataSourceError
        The file is missing, empty, truncated or no OpenStreetMap file.
    gis.errors.InvalidInputError
        Nothing lies in the boundary, or a parameter is out of range.
    gis.errors.GeometryError
        The boundary is no valid polygon.
    """
    options = households or HouseholdOptions()
    if not 10 <= community_size <= 1_000_000:
        msg = f"community_size is {community_size}."
        raise InvalidInputError(
            msg, remedy="Give a number of households from 10 to 1,000,000.", field="community_size"
        )
    outline = _outline(boundary, bbox)
    clock = _Clock(progress)
    dataset = name or path.name.split(".")[0]
    with clock.step("read"):
        source = extract(path)
        covered = 1.0 if outline is None else require_overlap(outline, source.extent, str(path))
        ground = Ground.of(source.extent if outline is None else outline)
    layers, report = _layers(source, ground, options, community_size, dataset, clock, path)
    report |= {
        "source": path.name,
        "attribution": ATTRIBUTION,
        "measured_in": ground.crs.to_string(),
        "area_km2": round(ground.outline_m.area / 1e6, 3),
        "boundary_covered_by_data": round(covered, 4),
        "lines_cut_by_the_extract": source.cut_lines,
        "assumed_shares": {
            "dwelling_m2": options.dwelling_m2,
            "known_households": options.known_total,
            "household_size": options.household_size,
            "elderly": options.elderly_share,
            "children": options.children_share,
            "low_income_households": options.low_income_share,
        },
        "seconds": clock.seconds,
        "peak_memory_mb": clock.peak_memory_mb,
    }
    clock.done()
    code = community_of.subdistrict_code(dataset)
    return Dataset(dataset, code, MappingProxyType(layers), MappingProxyType(report))


def _outline(boundary: Any, bbox: BBox | None) -> Any:  # noqa: ANN401 - a polygon or None
    if boundary is None and bbox is None:
        return None
    if boundary is None:
        assert bbox is not None
        west, south, east, north = bbox
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            msg = f"The bounding box {west},{south},{east},{north} is none."
            raise InvalidInputError(
                msg, remedy="Give west,south,east,north in degrees, lon before lat.", field="bbox"
            )
        return shapely.box(west, south, east, north)
    if boundary.geom_type not in {"Polygon", "MultiPolygon"} or boundary.is_empty:
        msg = f"The boundary is a {boundary.geom_type}, not a polygon."
        raise GeometryError(msg, remedy="Give a polygon that encloses the ground.")
    if not boundary.is_valid:
        msg = f"The boundary is invalid: {shapely.is_valid_reason(boundary)}."
        raise GeometryError(msg, remedy="Repair its ring.")
    return boundary


def _layers(
    source: Extract,
    ground: Ground,
    options: HouseholdOptions,
    community_size: int,
    dataset: str,
    clock: _Clock,
    path: Path,
) -> tuple[dict[str, Any], dict[str, object]]:
    with clock.step("buildings"):
        buildings = read_buildings(source, ground, options)
        if not len(buildings.features):
            msg = f"{path}: no building lies in the boundary."
            raise InvalidInputError(
                msg, remedy="Check the boundary, or take an extract that has buildings."
            )
        quarters = read_quarters(source, ground)
    with clock.step("lines"):
        roads = read_roads(source, ground)
        barriers = read_barriers(source, ground, quarters.edges_m)
        layers: dict[str, Any] = {
            "roads": roads_frame(roads, dataset),
            "barriers": barriers_frame(barriers, dataset),
            "crossings": read_crossings(source, ground, roads, barriers, quarters.edges_m, dataset),
        }
    with clock.step("communities"):
        communities = community_of.read_communities(
            source, ground, buildings, barriers, roads, community_size
        )
        frame = community_of.communities_frame(communities, dataset)
        ids = frame["id"].to_numpy(dtype=object)
        layers["communities"] = frame
        layers["divisions"] = community_of.divisions_frame(
            communities, dataset, community_of.scope_name(source, ground) or dataset
        )
    with clock.step("stations"):
        stations = read_stations(source, ground)
        at_stations = _community_of(stations.point, communities, ground)
        layers["stations"] = stations_frame(stations, ids[at_stations], dataset)
        layers["station_services"], station_report = station_services_frame(stations, dataset)
        layers["pois"] = pois_frame(source, ground, dataset)
        middle = shapely.point_on_surface(quarters.features.geometry)
        at_quarters = _community_of(middle, communities, ground)
        layers["quarters"] = quarters_frame(quarters, ids[at_quarters], dataset)
        layers["buildings"] = buildings_frame(
            buildings,
            ids[communities.community_of_building],
            _quarter_ids(
                layers["quarters"],
                quarters.around(buildings.point),
                at_quarters,
                communities.community_of_building,
            ),
            options,
            dataset,
        )
    report = {
        **buildings.report,
        **communities.report,
        **station_report,
        "quarters": len(layers["quarters"]),
        "quarters_left_out": quarters.report,
        "rows": {layer: len(rows) for layer, rows in sorted(layers.items())},
    }
    return layers, report


def _community_of(
    point: "NDArray[Any]", communities: community_of.Communities, ground: Ground
) -> "NDArray[np.int64]":
    from gis.ingest.osm.faces import locate

    return locate(communities.geometry_m, ground.to_metres(point))


def _quarter_ids(
    quarters: Any,  # noqa: ANN401 - a geo frame
    around: "NDArray[np.int64]",
    community_of_quarter: "NDArray[np.int64]",
    community_of_building: "NDArray[np.int64]",
) -> "NDArray[np.object_]":
    """Return the quarter of each building: one that lies in the building's own community."""
    out = np.full(len(around), None, dtype=object)
    rows = np.flatnonzero(around >= 0)
    rows = rows[community_of_quarter[around[rows]] == community_of_building[rows]]
    out[rows] = quarters["id"].to_numpy(dtype=object)[around[rows]]
    return out
