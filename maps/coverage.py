"""The coverage map: who can walk to an open station that serves, and who cannot."""

import json
from typing import TYPE_CHECKING, Any

import folium
import shapely

from gis.i18n import Language
from maps.chart import add_layers, area_layer, open_chart
from maps.coverage_data import CoverageMapData, Scenario
from maps.page import PageApp, number_elements, render_offline, save_offline
from maps.payload import page_data

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["CoverageMapData", "Scenario", "coverage_map", "render_offline", "save_offline"]

#: In this order: each adds to what the one before has made.
SCRIPTS = (
    "packed.js",
    "panel.js",
    "coverage.js",
    "drawing.js",
    "colouring.js",
    "finding.js",
)
#: Panes from the ground up, with their z-index; Leaflet's own markers are at 600.
PANES = {
    "base": 210,
    "grids": 310,
    "ways": 315,
    "buildings": 320,
    "gaps": 330,
    "density": 340,
    "communities": 350,
    "labels": 620,
}


def coverage_map(
    data: CoverageMapData,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> folium.Map:
    """Return the interactive coverage map of a scope.

    Parameters
    ----------
    data
        What to show; see :class:`CoverageMapData`.
    language
        Language of every label.
    tile_url
        Template of a tile background (``{z}/{x}/{y}``); unset: the map draws its own base and needs
        no network.
    tile_attribution
        Attribution of the background, plain text; unset: the host it comes from.

    Returns
    -------
    folium.Map
        A map that :func:`save_offline` writes as one file.

    Raises
    ------
    gis.errors.InvalidInputError, gis.errors.CrsMismatchError
        The data do not fit together; see :meth:`CoverageMapData.check`.
    """
    data.check()
    page = page_data(data, language)
    chart = open_chart(data, page, PANES, tile_url=tile_url, tile_attribution=tile_attribution)
    layers = _layers(data, page)
    add_layers(chart, layers, language)
    app = PageApp("Wangge.start", page, styles=("coverage.css",), scripts=SCRIPTS, layers=layers)
    chart.add_child(app, name="coverage_app")
    number_elements(chart.get_root())
    return chart


def _layers(data: CoverageMapData, page: dict[str, Any]) -> dict[str, Any]:
    """Return the layers by key, from the ground up; the page's script fills the empty groups."""
    texts = page["texts"]

    def group(key: str, *, show: bool = True) -> folium.FeatureGroup:
        return folium.FeatureGroup(name=texts[f"layer_{key}"], show=show)

    layers: dict[str, Any] = {
        "base": group("base"),
        "grids": area_layer(data.grids, "grids", texts["layer_grids"], {"weight": 1.2}),
        "buildings": group("buildings"),
        "gaps": group("gaps"),
    }
    if data.density is not None and len(data.density):
        layers["density"] = _density(data.density, page, texts["layer_density"])
    layers["communities"] = area_layer(
        data.communities,
        "communities",
        texts["layer_communities"],
        {"weight": 2.5, "color": "#2f3a45", "dashArray": "8 4 2 4", "fill": False},
    )
    layers["stations"] = group("stations")
    layers["labels"] = group("labels")
    return layers


def _density(frame: "gpd.GeoDataFrame", page: dict[str, Any], name: str) -> folium.GeoJson:
    classes = page["classes"]["density"]

    def look(feature: dict[str, Any]) -> dict[str, Any]:
        rank = sum(feature["properties"]["n"] > bound for bound in classes["breaks"])
        return {
            "fillColor": classes["colours"][rank],
            "fillOpacity": 0.72,
            "color": "#00441b",
            "weight": 0.6,
            "opacity": 0.5,
        }

    features = [
        {
            "type": "Feature",
            "id": index,
            "properties": {"i": index, "n": int(count)},
            "geometry": json.loads(shapely.to_geojson(shapely.set_precision(shape, 1e-6))),
        }
        for index, (count, shape) in enumerate(zip(frame["count"], frame.geometry, strict=True))
    ]
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        name=name,
        style_function=look,
        show=False,
        interactive=False,
        pane="density",
    )
