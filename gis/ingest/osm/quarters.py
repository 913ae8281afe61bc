"""Quarters (小区): mapped residential estates of a sensible size, named or enclosed."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.frames import QUARTERS, stable_ids
from gis.ingest.osm.buildings import polygons_only
from gis.ingest.osm.tags import GATES, WALLS, is_yes

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from gis.ingest.osm.extract import Extract, Features
    from gis.ingest.osm.ground import Ground

#: A quarter is larger than a plot and smaller than a district.
SMALLEST_QUARTER_M2, LARGEST_QUARTER_M2 = 1_500.0, 400_000.0
#: Walls and gates within this distance of the edge enclose the quarter.
ENCLOSURE_NEAR_M = 12.0
#: Share of the edge that has a wall from which the quarter counts as walled.
WALLED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Quarters:
    """Quarters of the ground.

    Parameters
    ----------
    features
        Ids, tags and polygons in EPSG:4326.
    geometry_m
        The polygons in metres.
    gated
        Walled, or with gates on the edge.
    report
        Residential areas left out and why.
    """

    features: "Features"
    geometry_m: "NDArray[Any]"
    gated: "NDArray[np.bool_]"
    report: dict[str, int]

    @property
    def edges_m(self) -> "NDArray[Any]":
        """Outlines in metres."""
        return np.asarray(shapely.boundary(self.geometry_m), dtype=object)

    def around(self, point: "NDArray[Any]") -> "NDArray[np.int64]":
        """Return for each point (EPSG:4326) the quarter it lies in, the smallest; -1: none."""
        out = np.full(len(point), -1, dtype=np.int64)
        rows, found = shapely.STRtree(self.features.geometry).query(point, predicate="intersects")
        size = shapely.area(self.geometry_m)
        order = np.lexsort((found, -size[found], rows))
        out[rows[order]] = found[order]
        return out


def read_quarters(source: "Extract", ground: "Ground") -> Quarters:
    """Return the quarters whose middle lies in the ground."""
    found = source.areas.where(lambda tags: tags.get("landuse") == "residential")
    found = found.take(ground.holds(found.geometry))
    geometry = polygons_only(found.geometry)
    found = type(found)(found.ids, found.tags, geometry)
    found = found.take(~shapely.is_empty(geometry))
    found = found.take(ground.holds(shapely.point_on_surface(found.geometry)))
    geometry_m = ground.to_metres(found.geometry)
    area_m2 = shapely.area(geometry_m)
    walled, with_gate = _enclosed(source, ground, shapely.boundary(geometry_m))
    named = np.array(["name" in tags for tags in found.tags], dtype=bool)
    sensible = (area_m2 >= SMALLEST_QUARTER_M2) & (area_m2 <= LARGEST_QUARTER_M2)
    known = named | walled | with_gate
    left_out = Counter(
        too_small_or_too_large=int((~sensible).sum()),
        neither_named_nor_enclosed=int((sensible & ~known).sum()),
    )
    keep = sensible & known
    gated = np.array(
        [tags.get("gated") == "yes" or is_yes(tags, "gated_community") for tags in found.tags],
        dtype=bool,
    )
    return Quarters(
        found.take(keep),
        geometry_m[keep],
        (gated | walled | with_gate)[keep],
        {reason: n for reason, n in sorted(left_out.items()) if n},
    )


def _enclosed(
    source: "Extract", ground: "Ground", edges_m: "NDArray[Any]"
) -> tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]:
    """Return which edges are walled for the most part, and which have a gate."""
    walled = np.zeros(len(edges_m), dtype=bool)
    with_gate = np.zeros(len(edges_m), dtype=bool)
    if not len(edges_m):
        return walled, with_gate
    tree = shapely.STRtree(edges_m)
    gates = source.points.where(lambda tags: tags.get("barrier") in GATES)
    _, found = tree.query(ground.to_metres(gates.geometry), "dwithin", ENCLOSURE_NEAR_M)
    with_gate[found] = True
    walls = source.lines.where(lambda tags: tags.get("barrier") in WALLS)
    walls_m = ground.to_metres(walls.geometry)
    wall_at, edge_at = tree.query(walls_m, "dwithin", ENCLOSURE_NEAR_M)
    for edge in np.unique(edge_at):
        near = shapely.union_all(walls_m[wall_at[edge_at == edge]]).buffer(ENCLOSURE_NEAR_M)
        line = edges_m[edge]
        walled[edge] = line.intersection(near).length >= WALLED_SHARE * line.length
    return walled, with_gate


def quarters_frame(
    quarters: Quarters, community_ids: "NDArray[np.object_]", dataset: str
) -> "gpd.GeoDataFrame":
    """Return the frame of the quarters."""
    import geopandas as gpd

    features = quarters.features
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "quarters", features.ids),
            "community_id": community_ids,
            "name": [tags.get("name") for tags in features.tags],
            "gated": quarters.gated,
            "source_id": features.ids,
        },
        geometry=features.geometry,
        crs="EPSG:4326",
    )
    return QUARTERS.conform(frame)
