"""A Folium map as a page of ours: its language, its title, and only the libraries it uses."""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import folium
from branca.element import Figure, MacroElement
from folium.template import Template

from gis.errors import DataSourceError
from gis.folders import require_folder
from maps.assets import inline_assets, script_safe

if TYPE_CHECKING:
    from gis.i18n import Language

STATIC = Path(__file__).parent / "static"
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
    tag
        Element of the map: ``main``, unless the map is only a part of the page.
    **options
        Options of :class:`folium.Map`.
    """

    _template = Template(
        """
        {% macro html(this, kwargs) %}
            <{{ this.tag }} class="folium-map" id={{ this.get_name()|tojson }}></{{ this.tag }}>
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

    def __init__(
        self,
        title: str,
        language: "Language",
        *,
        tag: str = "main",
        **options: Any,  # noqa: ANN401 - Folium's
    ) -> None:
        super().__init__(**options)
        self.tag = tag
        Page(title, language).add_child(self, name="map")


class PageApp(MacroElement):
    """A page's data, styles and scripts, started once every layer exists.

    Parameters
    ----------
    start
        JavaScript function that is called with the map and ``layers``.
    data
        What the scripts read, JSON-able.
    styles, scripts
        Files of ``maps/static``, in this order.
    layers
        Folium layers of the map by the name that the scripts know.
    """

    _template = Template(
        """
        {% macro header(this, kwargs) %}
            <style>{{ this.css }}</style>
        {% endmacro %}
        {% macro html(this, kwargs) %}
            <script type="application/json" id="wangge-data">{{ this.data }}</script>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            {{ this.code }}
            {{ this.start }}(
                {{ this._parent.get_name() }},
                { {%- for key, layer in this.layers.items() %}
                    {{ key|tojson }}: {{ layer.get_name() }}, {%- endfor %} }
            );
        {% endmacro %}
        """
    )

    def __init__(
        self,
        start: str,
        data: dict[str, Any],
        *,
        styles: Sequence[str],
        scripts: Sequence[str],
        layers: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "PageApp"
        self.start = start
        self.data = script_json(data)
        self.layers = layers or {}
        self.css = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in styles)
        self.code = "\n".join(
            script_safe((STATIC / name).read_text(encoding="utf-8")) for name in scripts
        )


def add_tiles(
    chart: folium.Map,
    tile_url: str | None,
    attribution: str,
    *,
    max_zoom: int = 20,
    name: str | None = None,
) -> None:
    """Add a tile background to ``chart``, if there is one.

    Parameters
    ----------
    chart
        The map.
    tile_url
        Template of the tiles' addresses (``{z}/{x}/{y}``); unset: nothing is added.
    attribution
        Whose tiles they are, plain text; unset: the host they come from.
    max_zoom
        Largest zoom at which they are shown.
    name
        What the control of layers calls it.
    """
    if tile_url:
        folium.TileLayer(
            tiles=tile_url,
            # branca reads its output as a template again, so braces are written as references.
            attr=escape(attribution or urlsplit(tile_url).netloc).replace("{", "&#123;"),
            name=name,
            overlay=True,
            max_zoom=max_zoom,
        ).add_to(chart)


def script_json(value: object) -> str:
    r"""Return ``value`` as JSON that cannot end a script element nor open a comment in it.

    Nor can a text in it be taken for a template by Jinja.

    Examples
    --------
    >>> script_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # branca reads what it has rendered as a template once more; a name like {{x}} must stay a name.
    return re.sub(r"\{(?=[{%#])", r"\\u007b", text)


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


def render_offline(chart: folium.Map) -> str:
    """Return the map's HTML with every library written into it.

    Raises
    ------
    gis.errors.ConfigurationError
        A library of the map is not vendored.
    """
    return inline_assets(chart.get_root().render())


def save_offline(chart: folium.Map, path: Path) -> None:
    """Write the map to ``path`` as one file that needs no network; a reader never sees half of it.

    Raises
    ------
    gis.errors.ConfigurationError
        A library of the map is not vendored.
    gis.errors.DataSourceError
        The file cannot be written, or its folder does not exist.
    """
    require_folder(path)  # before the work begins
    write_page(render_offline(chart), path)


def write_page(html: str, path: Path) -> None:
    """Write a page to ``path``; a reader never sees half of it.

    Raises
    ------
    gis.errors.DataSourceError
        The file cannot be written, or its folder does not exist.
    """
    require_folder(path)
    scratch = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            scratch = file.name
            file.write(html)
        # A temporary file is private; a map is made to be opened by others.
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except OSError as error:
        if scratch:
            with contextlib.suppress(OSError):
                os.unlink(scratch)  # noqa: PTH108 - the name may be empty no more
        msg = f"The map cannot be written to {path}: {error.strerror}."
        raise DataSourceError(
            msg, remedy="Choose a folder you may write to.", file=str(path)
        ) from (error)
