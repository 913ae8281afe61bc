"""Barriers that a grid should not straddle: arterials, water, railways, walls of quarters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import BARRIERS, stable_ids
from gis.ingest.osm.buildings import polygons_only
from gis.ingest.osm.tags import (
    ARTERIAL_HIGHWAYS,
    RAILWAY_SIDINGS,
    RAILWAYS,
    RIVERS,
    WALLS,
    Tags,
    in_tunnel,
    is_yes,
)

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from gis.ingest.osm.extract import Extract, Features
    from gis.ingest.osm.ground import Ground

#: Water of at least this area is a barrier by its edge.
LARGE_WATER_M2 = 20_000.0
#: A wall belongs to a quarter if it runs within this distance of the quarter's edge.
WALL_NEAR_QUARTER_M = 12.0
SHORTEST_WALL_M = 20.0


@dataclass(frozen=True, slots=True)
class Barriers:
    """Barrier lines in EPSG:4326 and metres, with class, name, source id and tags."""

    barrier_class: "NDArray[np.object_]"
    ids: list[str]
    tags: list[Tags]
    geometry: "NDArray[Any]"
    geometry_m: "NDArray[Any]"

    def of(self, *classes: str) -> "NDArray[np.bool_]":
        """Return which barriers are of one of the classes."""
        return np.isin(self.barrier_class, classes)


def read_barriers(source: "Extract", ground: "Ground", quarter_edges_m: "NDArray[Any]") -> Barriers:
    """Return the barriers that touch the ground.

    Parameters
    ----------
    source
        The extract. Whatever runs in a tunnel or culvert bars nobody and is left out; bridges
        stay, and crossings say where one passes.
    ground
        Where to look.
    quarter_edges_m
        Outlines of the quarters in metres: walls elsewhere are not barriers.
    """
    lines = source.lines.take(ground.holds(source.lines.geometry))
    arterials = lines.where(
        lambda tags: tags.get("highway") in ARTERIAL_HIGHWAYS and not in_tunnel(tags)
    )
    railways = lines.where(
        lambda tags: (
            tags.get("railway") in RAILWAYS
            and tags.get("service") not in RAILWAY_SIDINGS
            and not in_tunnel(tags)
        )
    )
    walls = _quarter_walls(lines, ground, quarter_edges_m)
    parts = [
        _of_lines("arterial", arterials),
        _rivers(lines, source, ground),
        _of_lines("railway", railways),
        _of_lines("wall", walls),
    ]
    geometry = np.concatenate([part[3] for part in parts])
    return Barriers(
        np.concatenate([np.full(len(part[1]), part[0], dtype=object) for part in parts]),
        [key for part in parts for key in part[1]],
        [tags for part in parts for tags in part[2]],
        geometry,
        ground.to_metres(geometry),
    )


def _of_lines(
    barrier_class: str, lines: "Features"
) -> tuple[str, list[str], list[Tags], "NDArray[Any]"]:
    return barrier_class, lines.ids, lines.tags, lines.geometry


def _rivers(
    lines: "Features", source: "Extract", ground: "Ground"
) -> tuple[str, list[str], list[Tags], "NDArray[Any]"]:
    """Return banks of large water, the coast, and middle lines of rivers without mapped banks."""
    middles = lines.where(lambda tags: tags.get("waterway") in RIVERS and not in_tunnel(tags))
    coast = lines.where(lambda tags: tags.get("natural") == "coastline")
    water = source.areas.where(
        lambda tags: (
            (tags.get("natural") == "water" or tags.get("waterway") in {"riverbank", "dock"})
            and not in_tunnel(tags)
        )
    )
    water = water.take(ground.holds(water.geometry))
    # A river is mapped in stretches: joined, the lines between the stretches vanish.
    bodies = shapely.get_parts(shapely.union_all(polygons_only(water.geometry)))
    bodies = bodies[shapely.area(ground.to_metres(bodies)) >= LARGE_WATER_M2]
    banks = shapely.get_parts(shapely.boundary(bodies))
    ids, tags, geometry = list(coast.ids), list(coast.tags), list(coast.geometry)
    tree = shapely.STRtree(bodies)
    for key, own_tags, line in zip(middles.ids, middles.tags, middles.geometry, strict=True):
        in_bodies = shapely.union_all(bodies[np.sort(tree.query(line, predicate="intersects"))])
        for part in _line_parts(line.difference(in_bodies)):
            ids.append(key)
            tags.append(own_tags)
            geometry.append(part)
    for number, bank in enumerate(banks):
        ids.append(f"water{number}")
        tags.append({})
        geometry.append(bank)
    return "river", ids, tags, np.array(geometry, dtype=object)


def _line_parts(geometry: Any) -> list[Any]:  # noqa: ANN401 - a line or a collection of lines
    parts = shapely.get_parts(geometry)
    return [part for part in parts if part.geom_type == "LineString" and not part.is_empty]


def _quarter_walls(
    lines: "Features", ground: "Ground", quarter_edges_m: "NDArray[Any]"
) -> "Features":
    walls = lines.where(lambda tags: tags.get("barrier") in WALLS and not is_yes(tags, "tunnel"))
    if not len(walls) or not len(quarter_edges_m):
        return walls.take(np.zeros(len(walls), dtype=bool))
    walls_m = ground.to_metres(walls.geometry)
    near = np.zeros(len(walls), dtype=bool)
    middle = shapely.line_interpolate_point(walls_m, 0.5, normalized=True)
    found, _ = shapely.STRtree(quarter_edges_m).query(middle, "dwithin", WALL_NEAR_QUARTER_M)
    near[found] = True
    return walls.take(near & (shapely.length(walls_m) >= SHORTEST_WALL_M))


def barriers_frame(barriers: Barriers, dataset: str) -> "gpd.GeoDataFrame":
    """Return the frame of the barriers; a line cut into parts has a number behind its id."""
    import geopandas as gpd

    seen: dict[str, int] = {}
    source_ids = []
    for barrier_class, key in zip(barriers.barrier_class, barriers.ids, strict=True):
        part = seen[f"{barrier_class} {key}"] = seen.get(f"{barrier_class} {key}", 0) + 1
        source_ids.append(f"{barrier_class}/{key}/{part}")
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "barriers", source_ids),
            "name": [tags.get("name") for tags in barriers.tags],
            "barrier_class": barriers.barrier_class,
            "source_id": source_ids,
        },
        geometry=barriers.geometry,
        crs="EPSG:4326",
    )
    return BARRIERS.conform(frame)
