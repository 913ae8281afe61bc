"""The walking network of the place with its buildings and stations on it: read, built, kept.

A network depends on roads, barriers, crossings and gated quarters only. It is built once for each
version of these and stored packed; who only reads builds it in memory where nobody has stored it
yet. Buildings and stations get onto it each time they are read, which takes a moment.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis import frames
from gis.coverage.field import field_ground
from gis.districting.cells import data_version_of
from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected
from gis.layers import walking_networks
from gis.layers.barriers import Barrier
from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.crossings import Crossing
from gis.layers.overview import data_version
from gis.layers.quarters import Quarter
from gis.layers.queries import alive, read_layer
from gis.layers.roads import Road
from gis.layers.stations import Station, StationService
from gis.logs import get_logger
from gis.network import WalkFactors, WalkGraph, build_walk_graph, snap, snap_buildings
from gis.network.packing import NETWORK_METHOD, SHAPED_BY, pack, unpack
from gis.services.ground import deployment_crs

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd
    import pandas as pd
    import pyproj
    from numpy.typing import ArrayLike, NDArray
    from sqlalchemy.orm import Session

    from gis.coverage.field import FieldGround
    from gis.network import Snapped
    from gis.scope import Scope

log = get_logger(__name__)

#: Grounds kept in memory by :class:`WalkingGrounds`: one in use, one that is about to replace it.
KEPT = 2
Progress = Callable[[str], object]


@dataclass(frozen=True, eq=False)
class WalkingGround:
    """Who lives where and who serves where, on the walking network of the place.

    Parameters
    ----------
    crs
        The projected CRS of the network, metres.
    graph
        The network.
    network_id
        Key of the stored network; ``None``: it is not stored.
    data_version
        Version of the data that the network was built from.
    communities, buildings, stations, station_services
        Frames of these contracts, EPSG:4326; what exists today.
    homes, doors
        The buildings and the stations on the network, row by row.
    """

    crs: "pyproj.CRS"
    graph: WalkGraph
    network_id: str | None
    data_version: str
    communities: "gpd.GeoDataFrame"
    buildings: "gpd.GeoDataFrame"
    stations: "gpd.GeoDataFrame"
    station_services: "pd.DataFrame"
    homes: "Snapped"
    doors: "Snapped"

    @cached_property
    def field_ground(self) -> "FieldGround":
        """The raster of places from which isochrones, catchments and gaps are drawn."""
        shapes = to_projected(self.communities.geometry.to_numpy(), self.crs)
        return field_ground(self.graph, scope_m=shapely.box(*shapely.total_bounds(shapes)))

    def mask(self, station_ids: "Iterable[str]") -> "NDArray[np.bool_]":
        """Return which rows of ``stations`` are among these."""
        return np.asarray(self.stations["id"].isin(set(station_ids)), dtype=bool)

    def places(self, lon: "ArrayLike", lat: "ArrayLike") -> "Snapped":
        """Return points in EPSG:4326 on the network."""
        points = to_projected(shapely.points(np.column_stack([lon, lat])), self.crs)
        return snap(self.graph, shapely.get_coordinates(points))


def read_walking_ground(
    session: "Session", scope: "Scope", *, keep: bool = False, progress: Progress | None = None
) -> WalkingGround:
    """Return the walking ground of the scope; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    keep
        Store a network that is not stored yet; needs a session that may write.
    progress
        Told ``read``, ``network`` (only where one is built) and ``places`` as each begins.

    Raises
    ------
    gis.errors.InvalidInputError
        There are no communities, or no roads that one can walk along.
    """
    tell = progress or (lambda _: None)
    tell("read")
    communities = read_layer(session, scope, Community, frames.COMMUNITIES, alive(Community))
    if not len(communities):
        raise InvalidInputError(
            "There is no community to work on.", remedy="Import communities first."
        )
    crs = deployment_crs(communities)
    graph, network_id, version = _network(session, scope, crs, keep=keep, tell=tell)
    tell("places")
    buildings = read_layer(session, scope, Building, frames.BUILDINGS, alive(Building))
    stations = read_layer(session, scope, Station, frames.STATIONS)
    doors = to_projected(stations.geometry.to_numpy(), crs)
    return WalkingGround(
        crs=crs,
        graph=graph,
        network_id=network_id,
        data_version=version,
        communities=communities.sort_values("code", ignore_index=True),
        buildings=buildings,
        stations=stations,
        station_services=read_layer(session, scope, StationService, frames.STATION_SERVICES),
        homes=snap_buildings(graph, buildings, crs),
        doors=snap(graph, shapely.get_coordinates(doors)),
    )


def _network(
    session: "Session", scope: "Scope", crs: "pyproj.CRS", *, keep: bool, tell: Progress
) -> tuple[WalkGraph, str | None, str]:
    """Return the network of the current roads, from the store if it is there."""
    layers = {
        "roads": read_layer(session, scope, Road, frames.ROADS),
        "barriers": read_layer(session, scope, Barrier, frames.BARRIERS),
        "crossings": read_layer(session, scope, Crossing, frames.CROSSINGS),
        "quarters": read_layer(session, scope, Quarter, frames.QUARTERS),
    }
    settings = {"method": NETWORK_METHOD, "crs": crs.to_string(), "factors": asdict(WalkFactors())}
    shaping = [layers[name][columns] for name, columns in SHAPED_BY.items()]
    version = f"{NETWORK_METHOD}-{crs.to_string()}-{data_version_of(shaping)}"
    stored = walking_networks.newest(session, scope, version)
    if stored is not None:
        return unpack(walking_networks.arrays(session, scope, stored.id)), str(stored.id), version
    tell("network")
    graph = build_walk_graph(
        layers["roads"],
        crs,
        barriers=layers["barriers"],
        crossings=layers["crossings"],
        quarters=layers["quarters"],
    )
    if not graph.edges:
        raise InvalidInputError(
            "There is no road that one can walk along.",
            remedy="Import roads (wangge import osm, or import layer roads), "
            "or measure in a straight line.",
        )
    log.info("walking_network_built", nodes=graph.nodes, edges=graph.edges)
    if not keep:
        return graph, None, version
    new = walking_networks.NewNetwork(version, settings, asdict(graph.report), pack(graph))
    return graph, walking_networks.add(session, scope, new), version


@dataclass(slots=True)
class WalkingGrounds:
    """The grounds read last, by what they were read from; one is read at a time."""

    _kept: "OrderedDict[tuple[Scope, str], WalkingGround]" = field(default_factory=OrderedDict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def current(self, session: "Session", scope: "Scope") -> WalkingGround:
        """Return the ground as the store has it now."""
        key = (scope, data_version(session, scope))
        with self._reading:
            found = self._kept.get(key)
            if found is None:
                found = read_walking_ground(session, scope)
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return found
