"""Crossings: where a person, or only a vehicle, gets past a barrier."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import CROSSINGS, stable_ids
from gis.ingest.osm.tags import GATES, in_tunnel, on_bridge, walkable

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from gis.ingest.osm.barriers import Barriers
    from gis.ingest.osm.extract import Extract, Features
    from gis.ingest.osm.ground import Ground

#: A gate serves a wall or a quarter's edge within this distance.
GATE_NEAR_EDGE_M = 12.0
_LEVEL_CROSSINGS = frozenset({"level_crossing", "crossing"})


@dataclass(slots=True)
class _Found:
    kind: list[str] = field(default_factory=list)
    name: list[str | None] = field(default_factory=list)
    open_to_walkers: list[bool] = field(default_factory=list)
    source_id: list[str] = field(default_factory=list)
    point: list[Any] = field(default_factory=list)


def read_crossings(
    source: "Extract",
    ground: "Ground",
    roads: "Features",
    barriers: "Barriers",
    quarter_edges_m: "NDArray[Any]",
    dataset: str,
) -> "gpd.GeoDataFrame":
    """Return the frame of the crossings of the ground.

    Parameters
    ----------
    source, ground
        The extract, and where to look.
    roads
        Roads and paths; those on a bridge or in a tunnel pass over or under barriers.
    barriers
        The barriers, in EPSG:4326 and metres.
    quarter_edges_m
        Outlines of the quarters in metres, on which gates stand.
    dataset
        Short name of the source, for ids.
    """
    import geopandas as gpd

    found = _Found()
    _grade_separated(found, roads, barriers)
    _on_the_level(found, source, barriers.geometry[barriers.of("railway")], roads)
    _gates(
        found,
        source,
        ground,
        np.concatenate([barriers.geometry_m[barriers.of("wall")], quarter_edges_m]),
    )
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "crossings", found.source_id),
            "name": found.name,
            "kind": found.kind,
            "open_to_walkers": found.open_to_walkers,
            "source_id": found.source_id,
        },
        geometry=np.array(found.point, dtype=object),
        crs="EPSG:4326",
    )
    return CROSSINGS.conform(frame)


def _grade_separated(found: _Found, roads: "Features", barriers: "Barriers") -> None:
    """Add the places where a road passes over or under an arterial, a river or a railway."""
    hard = np.flatnonzero(barriers.of("arterial", "river", "railway"))
    tree = shapely.STRtree(roads.geometry)
    at, road = tree.query(barriers.geometry[hard], predicate="intersects")
    order = np.lexsort((at, road))
    count: dict[str, int] = {}
    for barrier, row in zip(hard[at[order]], road[order], strict=True):
        tags = roads.tags[row]
        if barriers.ids[barrier] == roads.ids[row]:
            continue
        kind = _kind_of_pass(tags, barriers.tags[barrier], barriers.barrier_class[barrier])
        if kind is None:
            continue
        shared = roads.geometry[row].intersection(barriers.geometry[barrier])
        points = [part for part in shapely.get_parts(shared) if part.geom_type == "Point"]
        for point in points:
            pair = f"{roads.ids[row]}/{barriers.ids[barrier]}"
            number = count[pair] = count.get(pair, 0) + 1
            found.kind.append(kind)
            found.name.append(tags.get("name"))
            found.open_to_walkers.append(walkable(tags))
            found.source_id.append(f"{pair}/{number}")
            found.point.append(point)


def _kind_of_pass(road: Any, barrier: Any, barrier_class: str) -> str | None:  # noqa: ANN401 - tags
    """Return ``bridge`` or ``underpass``; None: they meet on the level, or run beside."""
    if in_tunnel(road):
        return "underpass"
    # Both on bridges: one structure carries both, as where an arterial's bridge forks.
    if on_bridge(road) and not on_bridge(barrier):
        return "bridge"
    if on_bridge(barrier) and barrier_class in {"railway", "arterial"} and not on_bridge(road):
        return "underpass"
    return None


def _on_the_level(
    found: _Found, source: "Extract", railways: "NDArray[Any]", roads: "Features"
) -> None:
    """Add level crossings of railways that bar; one is open to walkers if a road through it is."""
    nodes = source.points.where(lambda tags: tags.get("railway") in _LEVEL_CROSSINGS)
    on_railway, _ = shapely.STRtree(railways).query(nodes.geometry, "dwithin", 1e-7)
    nodes = nodes.take(np.unique(on_railway))
    node_at, road_at = shapely.STRtree(roads.geometry).query(nodes.geometry, "dwithin", 1e-7)
    ways: dict[int, list[bool]] = {}
    for node, road in zip(node_at.tolist(), road_at.tolist(), strict=True):
        ways.setdefault(node, []).append(walkable(roads.tags[road]))
    for row, (key, tags) in enumerate(zip(nodes.ids, nodes.tags, strict=True)):
        found.kind.append("level_crossing")
        found.name.append(tags.get("name"))
        found.open_to_walkers.append(walkable(tags) and any(ways.get(row, [True])))
        found.source_id.append(key)
        found.point.append(nodes.geometry[row])


def _gates(found: _Found, source: "Extract", ground: "Ground", edges_m: "NDArray[Any]") -> None:
    """Add the gates that stand in a wall or on a quarter's edge; garden gates are none."""
    gates = source.points.where(lambda tags: tags.get("barrier") in GATES)
    gates = gates.take(ground.holds(gates.geometry))
    near, _ = shapely.STRtree(edges_m).query(
        ground.to_metres(gates.geometry), "dwithin", GATE_NEAR_EDGE_M
    )
    for row in np.unique(near).tolist():
        tags = gates.tags[row]
        found.kind.append("gate")
        found.name.append(tags.get("name"))
        found.open_to_walkers.append(walkable(tags))
        found.source_id.append(gates.ids[row])
        found.point.append(gates.geometry[row])
