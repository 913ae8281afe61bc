"""Roads and paths: their class and surface, whether one may walk there, bridges and tunnels."""

from typing import TYPE_CHECKING

from gis.frames import ROADS, stable_ids
from gis.ingest.osm.tags import (
    ROAD_CLASS_OF_HIGHWAY,
    SURFACE_OF_TAG,
    in_tunnel,
    is_yes,
    on_bridge,
    walkable,
)

if TYPE_CHECKING:
    import geopandas as gpd

    from gis.ingest.osm.extract import Extract, Features
    from gis.ingest.osm.ground import Ground


def read_roads(source: "Extract", ground: "Ground") -> "Features":
    """Return the roads and paths that touch the ground, whole and not cut at its edge."""
    roads = source.lines.where(
        lambda tags: tags.get("highway") in ROAD_CLASS_OF_HIGHWAY and not is_yes(tags, "area")
    )
    return roads.take(ground.holds(roads.geometry))


def roads_frame(roads: "Features", dataset: str) -> "gpd.GeoDataFrame":
    """Return the frame of the roads."""
    import geopandas as gpd

    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "roads", roads.ids),
            "name": [tags.get("name") for tags in roads.tags],
            "road_class": [ROAD_CLASS_OF_HIGHWAY[tags["highway"]] for tags in roads.tags],
            "walkable": [walkable(tags) for tags in roads.tags],
            "bridge": [on_bridge(tags) for tags in roads.tags],
            "tunnel": [in_tunnel(tags) for tags in roads.tags],
            "surface": [SURFACE_OF_TAG.get(tags.get("surface", "")) for tags in roads.tags],
            "source_id": roads.ids,
        },
        geometry=roads.geometry,
        crs="EPSG:4326",
    )
    return ROADS.conform(frame)
