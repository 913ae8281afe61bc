"""Named points of interest: what people and incidents refer to."""

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.frames import POIS, stable_ids
from gis.ingest.osm.tags import POI_CATEGORY_OF_TAG, POI_KEYS, Tags, is_code

if TYPE_CHECKING:
    import geopandas as gpd

    from gis.ingest.osm.extract import Extract
    from gis.ingest.osm.ground import Ground


def pois_frame(source: "Extract", ground: "Ground", dataset: str) -> "gpd.GeoDataFrame":
    """Return the frame of the named points of interest of the ground."""
    import geopandas as gpd

    areas = source.areas.where(_is_poi)
    points = source.points.where(_is_poi)
    ids, tags = [*areas.ids, *points.ids], [*areas.tags, *points.tags]
    geometry = np.concatenate([shapely.point_on_surface(areas.geometry), points.geometry])
    kept = np.flatnonzero(ground.holds(geometry)).tolist()
    ids, tags = [ids[row] for row in kept], [tags[row] for row in kept]
    frame = gpd.GeoDataFrame(
        {
            "id": stable_ids(dataset, "pois", ids),
            "name": [each["name"] for each in tags],
            "category": [_category(each) for each in tags],
            "source_id": ids,
        },
        geometry=geometry[kept],
        crs="EPSG:4326",
    )
    return POIS.conform(frame)


def _is_poi(tags: Tags) -> bool:
    return "name" in tags and _category(tags) is not None


def _category(tags: Tags) -> str | None:
    for pair in tags.items():
        if pair in POI_CATEGORY_OF_TAG:
            return POI_CATEGORY_OF_TAG[pair]
    value = next((tags[key] for key in POI_KEYS if key in tags), None)
    if value is None:
        return None
    return value if is_code(value) and value != "yes" else "other"
