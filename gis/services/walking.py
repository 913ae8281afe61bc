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
from gis.coverage.verdicts import building_locations, lonlat_array
from gis.coverage.walking_coverage import WalkedGround
from gis.districting.cells import data_version_of
from gis.errors import InvalidInputError, NotFoundError
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
from gis.network.snapping import NO_ROAD_WITHIN_REACH, ROADS_BEHIND_BARRIER
from gis.network.walking import NO_STATION_REACHABLE
from gis.services.ground import deployment_crs
from gis.services.locating import check_point

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
#: Why one cannot walk from a place, by the reason.
NO_WAY = {
    NO_ROAD_WITHIN_REACH: "No road is within reach of the place.",
    ROADS_BEHIND_BARRIER: "Every road near the place lies behind a river, a railway or a wall.",
    NO_STATION_REACHABLE: "No way leads from the place to a station that serves.",
}
NO_WAY_REMEDY = "Look at the roads, rivers and railways there; the straight line needs no roads."


@dataclass(frozen=True, eq=False)
class Places:
    """Who lives where and who serves where.

    Parameters
    ----------
    crs
        A projected CRS of the place, metres.
    communities, buildings, stations, station_services
        Frames of these contracts, EPSG:4326; what exists today.
    """

    crs: "pyproj.CRS"
    communities: "gpd.GeoDataFrame"
    buildings: "gpd.GeoDataFrame"
    stations: "gpd.GeoDataFrame"
    station_services: "pd.DataFrame"

    @cached_property
    def lonlat(self) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Where people go in, ``(k, 2)``, and where stations are, ``(s, 2)``; degrees."""
        return (
            lonlat_array(building_locations(self.buildings)),
            lonlat_array(self.stations.geometry),
        )


@dataclass(frozen=True, eq=False)
class WalkingGround(Places):
    """Who lives where and who serves where, on the walking network of the place.

    Parameters
    ----------
    crs, communities, buildings, stations, station_services
        As of :class:`Places`; the CRS is that of the network.
    graph
        The network.
    network_id
        Key of the stored network; ``None``: it is not stored.
    data_version
        Version of the data that the network was built from.
    homes, doors
        The buildings and the stations on the network, row by row.
    """

    graph: WalkGraph
    network_id: str | None
    data_version: str
    homes: "Snapped"
    doors: "Snapped"

    @cached_property
    def walked(self) -> WalkedGround:
        """What verdicts are made from."""
        ids = self.buildings["id"], self.stations["id"]
        return WalkedGround(self.graph, *ids, self.homes, self.doors, self.lonlat)

    @cached_property
    def field_ground(self) -> "FieldGround":
        """The raster of places from which isochrones, catchments and gaps are drawn."""
        shapes = to_projected(self.communities.geometry.to_numpy(), self.crs)
        return field_ground(self.graph, scope_m=shapely.box(*shapely.total_bounds(shapes)))

    def off_network(self, station_ids: "Iterable[str | None]") -> list[str]:
        """Return those of some stations that no road is near: in a river, beyond the roads."""
        off = set(self.walked.stations_off_network)
        return [str(station) for station in station_ids if station in off]

    def mask(self, station_ids: "Iterable[str]") -> "NDArray[np.bool_]":
        """Return which rows of ``stations`` are among these."""
        return np.asarray(self.stations["id"].isin(set(station_ids)), dtype=bool)

    def places(self, lon: "ArrayLike", lat: "ArrayLike") -> "Snapped":
        """Return points in EPSG:4326 on the network."""
        points = to_projected(shapely.points(np.column_stack([lon, lat])), self.crs)
        return snap(self.graph, shapely.get_coordinates(points))

    def place(self, lon: float, lat: float) -> "Snapped":
        """Return a point in EPSG:4326 from which one can set out.

        Raises
        ------
        gis.errors.InvalidInputError
            It is not on the globe, or in none of the communities.
        gis.errors.NotFoundError
            No road is within reach of it.
        """
        check_point(lon, lat)
        if not len(self.communities.sindex.query(shapely.Point(lon, lat), predicate="intersects")):
            raise InvalidInputError(
                f"{lon}, {lat} lies in none of the communities.",
                remedy="Give a place in a community: longitude first, degrees of EPSG:4326.",
                field="point",
            )
        here = self.places([lon], [lat])
        if here.edge[0] < 0:
            raise NotFoundError(NO_WAY[here.reason[0]], remedy=NO_WAY_REMEDY)
        return here


def read_places(session: "Session", scope: "Scope") -> Places:
    """Return who lives where and who serves where today.

    Raises
    ------
    gis.errors.InvalidInputError
        There are no communities.
    """
    communities = read_layer(session, scope, Community, frames.COMMUNITIES, alive(Community))
    if not len(communities):
        raise InvalidInputError(
            "There is no community to work on.", remedy="Import communities first."
        )
    ground = scope.for_ground()  # the nearest station may be the neighbour's
    return Places(
        crs=deployment_crs(communities),
        communities=communities.sort_values("code", ignore_index=True),
        buildings=read_layer(session, scope, Building, frames.BUILDINGS, alive(Building)),
        stations=read_layer(session, ground, Station, frames.STATIONS),
        station_services=read_layer(session, ground, StationService, frames.STATION_SERVICES),
    )


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
    found = read_places(session, scope)
    graph, network_id, version = _network(session, scope, found.crs, keep=keep, tell=tell)
    tell("places")
    doors = to_projected(found.stations.geometry.to_numpy(), found.crs)
    return WalkingGround(
        crs=found.crs,
        communities=found.communities,
        buildings=found.buildings,
        stations=found.stations,
        station_services=found.station_services,
        graph=graph,
        network_id=network_id,
        data_version=version,
        homes=snap_buildings(graph, found.buildings, found.crs),
        doors=snap(graph, shapely.get_coordinates(doors)),
    )


def _network(
    session: "Session", scope: "Scope", crs: "pyproj.CRS", *, keep: bool, tell: Progress
) -> tuple[WalkGraph, str | None, str]:
    """Return the network of the current roads, from the store if it is there."""
    ground = scope.for_ground()  # one network for all
    layers = {
        "roads": read_layer(session, ground, Road, frames.ROADS),
        "barriers": read_layer(session, ground, Barrier, frames.BARRIERS),
        "crossings": read_layer(session, ground, Crossing, frames.CROSSINGS),
        "quarters": read_layer(session, ground, Quarter, frames.QUARTERS),
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
    """The grounds read last, by what they were read from; one is read at a time.

    Parameters
    ----------
    keep
        Store a network that is not stored yet; needs sessions that may write, and commit.
    """

    keep: bool = False
    _kept: "OrderedDict[tuple[object, str], WalkingGround]" = field(default_factory=OrderedDict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def places(self, session: "Session", scope: "Scope") -> Places:
        """Return the places as the store has them now; no network is built for it."""
        kept = self._kept.get((scope.ground_key, data_version(session, scope)))
        return read_places(session, scope) if kept is None else kept

    def current(self, session: "Session", scope: "Scope") -> WalkingGround:
        """Return the ground as the store has it now."""
        key = (scope.ground_key, data_version(session, scope))
        with self._reading:
            found = self._kept.get(key)
            if found is None:
                found = read_walking_ground(session, scope, keep=self.keep)
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return found
