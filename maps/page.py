"""A Folium map as a page of ours: its language, its title, and only the libraries it uses."""

from html import escape
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Figure
from folium.template import Template

if TYPE_CHECKING:
    from gis.i18n import Language

_LEAFLET = "https://cdn.jsdelivr.net/npm/leaflet@1.9.4/dist/leaflet"


class Page(Figure):
    """The document around a map; unlike branca's, it names its language and lets readers zoom.

    Parameters
    ----------
    title
        Title of the window, plain text.
    language
        Language of the texts.
    """

    _template = Template(
        """<!DOCTYPE html>
<html lang="{{ this.language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{{ this.escaped_title }}</title>
{{ this.header.render(**kwargs) }}
</head>
<body>
{{ this.html.render(**kwargs) }}
<script>
{{ this.script.render(**kwargs) }}
</script>
</body>
</html>
"""
    )

    def __init__(self, title: str, language: "Language") -> None:
        super().__init__(title=title)
        self.language = language
        self.escaped_title = escape(title)


class PlainMap(folium.Map):
    """A Folium map that brings Leaflet alone: no jQuery, Bootstrap or icon fonts.

    Parameters
    ----------
    title
        Title of the window.
    language
        Language of the page.
    **options
        Options of :class:`folium.Map`.
    """

    _template = Template(
        """
        {% macro html(this, kwargs) %}
            <main class="folium-map" id={{ this.get_name()|tojson }}></main>
        {% endmacro %}

        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = L.map(
                {{ this.get_name()|tojson }},
                {
                    center: {{ this.location|tojson }},
                    crs: L.CRS.{{ this.crs }},
                    ...{{ this.options|tojavascript }}
                }
            );
        {% endmacro %}
        """
    )
    default_js = [("leaflet", f"{_LEAFLET}.js")]  # noqa: RUF012 - Folium's own form
    default_css = [("leaflet_css", f"{_LEAFLET}.css")]  # noqa: RUF012 - Folium's own form

    def __init__(self, title: str, language: "Language", **options: Any) -> None:  # noqa: ANN401 - Folium's
        super().__init__(**options)
        Page(title, language).add_child(self, name="map")


def number_elements(root: Any) -> None:  # noqa: ANN401 - any branca element
    """Give every element below ``root`` a running number for its random id.

    Folium names its variables by random ids; with running numbers the same data make the same file.
    """
    stack, number = [root], 0
    while stack:
        element = stack.pop()
        element._id = str(number)  # noqa: SLF001 - branca offers no other way to name an element
        number += 1
        stack.extend(reversed(list(element._children.values())))  # noqa: SLF001 - the same
