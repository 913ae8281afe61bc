"""Areas that were drawn in memory, as an answer."""

from typing import TYPE_CHECKING, Any

from api.geojson import GeoJSONResponse
from gis.outlets.area_geojson import area_collection_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd


def area_collection(
    areas: "gpd.GeoDataFrame", facts: "Mapping[str, Any]", *, suppress_below: int
) -> GeoJSONResponse:
    """Return areas as :func:`gis.outlets.area_geojson.area_collection_text` writes them."""
    return GeoJSONResponse(area_collection_text(areas, facts, suppress_below=suppress_below))
