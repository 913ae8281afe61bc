"""The walking map: who reaches an open station on foot at each hour of a week."""

from typing import Any

import folium

from gis.i18n import Language
from maps.chart import add_layers, area_layer, open_chart
from maps.page import PageApp, number_elements, render_offline, save_offline
from maps.walking_data import (
    MOST_BUILDINGS,
    Delivery,
    Indicator,
    Limit,
    Reach,
    WalkingMapData,
    Ways,
)
from maps.walking_payload import walking_page

__all__ = [
    "MOST_BUILDINGS",
    "Delivery",
    "Indicator",
    "Limit",
    "Reach",
    "WalkingMapData",
    "Ways",
    "render_offline",
    "save_offline",
    "walking_map",
]

#: In this order: each adds to what the one before has made.
SCRIPTS = (
    "packed.js",
    "panel.js",
    "coverage.js",
    "drawing.js",
    "colouring.js",
    "finding.js",
    "blob.js",
    "walking.js",
    "week.js",
    "walking_look.js",
    "walking_ways.js",
)
#: Reads vector tiles; the vendored file takes the link's place.
_PBF = "https://cdn.jsdelivr.net/npm/pbf@5.1.2/dist/pbf.js"
#: Panes from the ground up, with their z-index; Leaflet's own markers are at 600.
PANES = {
    "base": 210,
    "grids": 310,
    "ways": 315,
    "isochrones": 317,
    "buildings": 320,
    "gaps": 330,
    "communities": 350,
    "streets": 360,
    "path": 420,
    "labels": 620,
}


def walking_map(
    data: WalkingMapData,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> folium.Map:
    """Return the walking map of a scope; :func:`save_offline` writes it as one file.

    Parameters
    ----------
    data
        What to show; see :class:`~maps.walking_data.WalkingMapData`.
    language
        Language of every label.
    tile_url, tile_attribution
        As for :func:`maps.coverage.coverage_map`.

    Raises
    ------
    gis.errors.InvalidInputError, gis.errors.CrsMismatchError
        The data do not fit together, or there are more buildings than one file holds; see
        :meth:`~maps.walking_data.WalkingMapData.check`.
    """
    data.check()
    page = walking_page(data, language)
    chart = open_chart(data, page, PANES, tile_url=tile_url, tile_attribution=tile_attribution)
    layers = _layers(data, page)
    add_layers(chart, layers, language)
    scripts = list(SCRIPTS)
    if data.tiles is not None:
        # Folium's add_js_link would add it to the class, and so to every later map.
        chart.default_js = [*chart.default_js, ("pbf", _PBF)]
        scripts.append("walking_tiles.js")
    app = PageApp(
        "Wangge.startWalking",
        page,
        styles=("coverage.css", "walking.css"),
        scripts=scripts,
        layers=layers,
    )
    chart.add_child(app, name="walking_app")
    number_elements(chart.get_root())
    return chart


def _layers(data: WalkingMapData, page: dict[str, Any]) -> dict[str, Any]:
    """Return the layers by key, from the ground up; the page's script fills the empty groups."""
    texts = page["texts"]

    def group(key: str, *, show: bool = True) -> folium.FeatureGroup:
        return folium.FeatureGroup(name=texts[f"layer_{key}"], show=show)

    layers: dict[str, Any] = {
        "base": group("base"),
        "grids": group("grids"),
    }
    for key in ("isochrones", "catchments"):
        if getattr(data, key) is not None:
            layers[key] = group(key, show=False)
    layers["buildings"] = group("buildings")
    layers["gaps"] = group("gaps")
    if data.ways is not None:
        layers["ways"] = group("ways", show=False)
    layers["communities"] = area_layer(
        data.communities,
        "communities",
        texts["layer_communities"],
        {"weight": 2.5, "color": "#2f3a45", "dashArray": "8 4 2 4", "fill": False},
    )
    layers["stations"] = group("stations")
    layers["labels"] = group("labels")
    return layers
