"""The ground of the isochrones' benchmark: a real city, or a part of one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import shapely
from reach.peer import ROOT

from gis.geometry.crs import projected_crs, to_projected
from gis.ingest import read_boundary, read_osm
from gis.network import Snapped, WalkGraph, build_walk_graph, snap, snap_buildings

OSM = ROOT.parent / "shared" / "data" / "osm" / "las_palmas.osm.pbf"
PEERS = ("networkx, concave hull", "networkx, buffered edges", "pandana, concave hull")


def as_bytes(shapes: np.ndarray) -> np.ndarray:
    """Return shapes as one array that numpy can keep in a file."""
    return np.frombuffer("\n".join(shapely.to_wkb(shapes, hex=True)).encode(), np.uint8)


def from_bytes(kept: np.ndarray) -> np.ndarray:
    """Return the shapes again."""
    return np.array(shapely.from_wkb(kept.tobytes().decode().split("\n")), dtype=object)


@dataclass(frozen=True)
class Town:
    """A network, stations on it, and where people leave their buildings."""

    graph: WalkGraph
    stations: Snapped
    origins: Snapped
    crs: pyproj.CRS

    def given(self, limit_m: float) -> dict[str, np.ndarray]:
        """Return what a peer needs: the same network, and the same stations."""
        return {
            "node_xy": self.graph.node_xy_m,
            "edge_from": self.graph.edge_from,
            "edge_to": self.graph.edge_to,
            "edge_cost": self.graph.edge_cost_m,
            "line": as_bytes(self.graph.edge_line),
            "stations": self.stations.from_xy_m,
            "limit": np.array(limit_m),
        }


def city(osm: Path, boundary: Path | None, stations: int, rng: np.random.Generator) -> Town:
    """Return the city of an extract with some of its places for stations."""
    beside = osm.with_name(osm.name.removesuffix(".osm.pbf") + "_boundary.geojson")
    chosen = boundary or (beside if beside.is_file() else None)
    layers = read_osm(osm, boundary=read_boundary(chosen) if chosen else None).layers
    middle = layers["buildings"].geometry.iloc[0].representative_point()
    crs = projected_crs(middle.x, middle.y)
    more = {name: layers.get(name) for name in ("barriers", "crossings", "quarters")}
    graph = build_walk_graph(layers["roads"], crs, **more)
    places = shapely.get_coordinates(to_projected(layers["stations"].geometry.to_numpy(), crs))
    on = snap(graph, places)
    # A hull needs streets: stations of small pieces of the network are left out.
    whole = np.flatnonzero(graph.component[graph.edge_from[on.edge]] == 0)
    picked = np.sort(rng.choice(whole, min(stations, len(whole)), replace=False))
    origins = snap_buildings(graph, layers["buildings"], crs)
    return Town(graph, snap(graph, places[picked]), origins, crs)
