"""The walking network: graph, snapping, distances and paths on foot; pure, without I/O."""

from gis.network.building import build_walk_graph
from gis.network.factors import WalkFactors
from gis.network.graph import GraphReport, WalkGraph
from gis.network.paths import WalkPath, path
from gis.network.snapping import REACH_M, Snapped, snap, snap_buildings
from gis.network.walking import (
    SPEEDS,
    PairTable,
    Walk,
    minutes,
    nearest,
    nearest_sets,
    node_distances,
    unreached,
    within,
)

__all__ = [
    "REACH_M",
    "SPEEDS",
    "GraphReport",
    "PairTable",
    "Snapped",
    "Walk",
    "WalkFactors",
    "WalkGraph",
    "WalkPath",
    "build_walk_graph",
    "minutes",
    "nearest",
    "nearest_sets",
    "node_distances",
    "path",
    "snap",
    "snap_buildings",
    "unreached",
    "within",
]
