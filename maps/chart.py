"""What the maps of coverage have in common as Folium maps: the view, panes, controls, areas."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import folium
import shapely
from branca.element import MacroElement
from folium.plugins import MeasureControl
from folium.template import Template

from maps.ground_data import Ground
from maps.page import PlainMap, add_tiles

if TYPE_CHECKING:
    import geopandas as gpd

    from gis.i18n import Language


class Panes(MacroElement):
    """Panes that order the layers; none of them takes the pointer, the map itself does."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            {%- for name, z in this.panes.items() %}
            {{ this._parent.get_name() }}.createPane({{ name|tojson }});
            {{ this._parent.get_name() }}.getPane({{ name|tojson }}).style.zIndex = {{ z }};
            {{ this._parent.get_name() }}.getPane({{ name|tojson }}).style.pointerEvents = "none";
            {%- endfor %}
        {% endmacro %}
        """
    )

    def __init__(self, panes: Mapping[str, int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Panes"
        self.panes = panes


def open_chart(
    data: Ground,
    page: Mapping[str, Any],
    panes: Mapping[str, int],
    *,
    tile_url: str | None,
    tile_attribution: str,
) -> folium.Map:
    """Return a Folium map that looks at the data's communities, with panes and a background.

    Parameters
    ----------
    data
        The map's data.
    page
        Data of the page, with ``language`` and ``texts``.
    panes
        Panes from the ground up, with their z-index.
    tile_url, tile_attribution
        As for :func:`maps.coverage.coverage_map`.
    """
    texts = page["texts"]
    west, south, east, north = data.communities.total_bounds
    chart = PlainMap(
        data.title or texts["title"],
        page["language"],
        location=[float(south + north) / 2, float(west + east) / 2],
        zoom_start=15,
        tiles=None,
        zoom_control=False,
        control_scale=False,
        # Without tiles there is no other limit, and cluster plugins fail without one.
        min_zoom=9,
        max_zoom=20,
    )
    chart.options["maxZoom"] = 20
    chart.options["zoomSnap"] = 0.5
    add_tiles(chart, tile_url, tile_attribution, name=texts["layer_background"])
    chart.add_child(Panes(panes), name="panes")
    return chart


def add_layers(chart: folium.Map, layers: Mapping[str, Any], language: "Language") -> None:
    """Add layers, a control of them and the measure tool."""
    for layer in layers.values():
        layer.add_to(chart)
    folium.LayerControl(position="topright", collapsed=True).add_to(chart)
    MeasureControl(  # type: ignore[no-untyped-call]
        position="topright",
        primary_length_unit="meters",
        secondary_length_unit="kilometers",
        primary_area_unit="sqmeters",
        secondary_area_unit="hectares",
        localization="cn" if language == "zh-CN" else "en",
        active_color="#b3261e",
        completed_color="#b3261e",
    ).add_to(chart)


def area_layer(
    frame: "gpd.GeoDataFrame", pane: str, name: str, look: dict[str, Any]
) -> folium.GeoJson:
    """Return areas as a Folium layer whose features carry nothing but their position."""
    geometry = shapely.set_precision(frame.geometry.to_numpy(), 1e-6, mode="pointwise")
    features = [
        {
            "type": "Feature",
            "id": index,
            "properties": {"i": index},
            "geometry": json.loads(shapely.to_geojson(shape)),
        }
        for index, shape in enumerate(geometry)
    ]
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        name=name,
        style_function=lambda _: look,
        smooth_factor=0.5,
        interactive=False,
        pane=pane,
    )
