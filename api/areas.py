"""Areas that were drawn in memory, as an answer."""

from typing import TYPE_CHECKING, Any

from api.geojson import GeoJSONResponse
from gis.outlets.area_geojson import area_collection_text
from gis.services.telling import told_areas

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from gis.frames.telling import Telling


def area_collection(
    areas: "gpd.GeoDataFrame", facts: "Mapping[str, Any]", telling: "Telling"
) -> GeoJSONResponse:
    """Return areas as :func:`gis.outlets.area_geojson.area_collection_text` writes them."""
    told = told_areas(areas, telling)
    facts = {**facts, "rounded_to": telling.rounded_to if "residents" in areas else None}
    return GeoJSONResponse(area_collection_text(told, facts, suppress_below=telling.below))
