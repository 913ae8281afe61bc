"""Third-party browser code, inlined into a map's HTML so that it opens with no network.

The code is an npm dependency (``package.json`` with its lock), copied next to this module by
``python -m maps.assets`` and shipped in the wheel. Folium writes links to public hosts; every link
is replaced by the vendored file, and a link without one is an error, so a new plugin cannot slip
through.
"""

import base64
import json
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gis.errors import ConfigurationError

VENDOR = Path(__file__).parent / "vendor"
MANIFEST = "manifest.json"
#: Images of Leaflet's default marker, by option of ``L.Icon.Default``.
MARKER_IMAGES = {
    "iconUrl": "marker-icon.png",
    "iconRetinaUrl": "marker-icon-2x.png",
    "shadowUrl": "marker-shadow.png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of an npm package, and the addresses that Folium gives it.

    Parameters
    ----------
    package
        Name of the npm package.
    path
        Path of the file in the package.
    url
        Pattern of the addresses that the file stands for; any version matches, because the lock
        decides the version.
    """

    package: str
    path: str
    url: str

    @property
    def file(self) -> str:
        """Path of the vendored copy below :data:`VENDOR`."""
        return f"{self.package}/{self.path}"


ASSETS = (
    Asset("leaflet", "dist/leaflet.js", r"/leaflet@[\d.]+/dist/leaflet\.js$"),
    Asset("leaflet", "dist/leaflet.css", r"/leaflet@[\d.]+/dist/leaflet\.css$"),
    Asset("leaflet-measure", "dist/leaflet-measure.min.js", r"/leaflet-measure(\.min)?\.js$"),
    Asset("leaflet-measure", "dist/leaflet-measure.css", r"/leaflet-measure(\.min)?\.css$"),
    Asset("pbf", "dist/pbf.js", r"/pbf@[\d.]+/dist/pbf\.js$"),
)
#: Folders of pictures that the style sheets above refer to, licences that go with the code, and
#: what the API's description is shown with.
EXTRAS = (
    ("leaflet", "dist/images"),
    ("leaflet", "LICENSE"),
    ("leaflet-measure", "dist/images"),
    ("leaflet-measure", "LICENSE"),
    ("pbf", "LICENSE"),
    ("swagger-ui-dist", "swagger-ui-bundle.js"),
    ("swagger-ui-dist", "swagger-ui.css"),
    ("swagger-ui-dist", "LICENSE"),
)

_SCRIPT = re.compile(
    r"<script\b[^>]*?\bsrc\s*=\s*[\"']([^\"']+)[\"'][^>]*>\s*</script\s*>", re.IGNORECASE
)
_STYLE = re.compile(r"<link\b[^>]*?\bhref\s*=\s*[\"']([^\"']+)[\"'][^>]*>", re.IGNORECASE)
_CSS_URL = re.compile(r"url\(\s*[\"']?(?!data:|#)([^\"')]+)[\"']?\s*\)")
_SOURCE_MAP = re.compile(r"^\s*(//[#@]|/\*[#@])\s*sourceMappingURL=.*$", re.MULTILINE)


def inline_assets(html: str) -> str:
    """Return ``html`` with the content of every linked script and style sheet written into it.

    Parameters
    ----------
    html
        A page as Folium renders it.

    Returns
    -------
    str
        The same page without ``<script src>`` and ``<link href>``; pictures of style sheets and of
        the default marker are data URIs.

    Raises
    ------
    gis.errors.ConfigurationError
        A link has no vendored file, or the files have not been installed; every such link is named.

    Examples
    --------
    >>> inline_assets("<p>nothing is linked</p>")
    '<p>nothing is linked</p>'
    """
    links = _SCRIPT.findall(html) + _STYLE.findall(html)
    unknown = sorted({link for link in links if not link.startswith("data:") and not _find(link)})
    if unknown:
        msg = f"These links of the map have no vendored file: {', '.join(unknown)}."
        raise ConfigurationError(
            msg,
            remedy="Add the npm package to package.json and the file to maps.assets.ASSETS.",
            urls=unknown,
        )
    html = _SCRIPT.sub(lambda match: _inline_script(match[1]), html)
    return _STYLE.sub(lambda match: _inline_style(match[1], match[0]), html)


def read_asset(file: str) -> bytes:
    """Return the content of the vendored ``file``, a path below :data:`VENDOR`.

    Raises
    ------
    gis.errors.ConfigurationError
        The file is not there.
    """
    try:
        return (VENDOR / file).read_bytes()
    except OSError as error:
        msg = f"The browser library {file} is not installed."
        raise ConfigurationError(
            msg, remedy="Run `python -m maps.assets` once (it needs npm).", file=file
        ) from error


def installed_versions() -> dict[str, str]:
    """Return the version of every vendored package; empty if nothing is installed."""
    path = VENDOR / MANIFEST
    if not path.is_file():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8"))["packages"])


def script_safe(code: str) -> str:
    """Return JavaScript that cannot end the ``<script>`` element it is written into."""
    return re.sub(r"</(script)", r"<\\/\1", code, flags=re.IGNORECASE).replace("<!--", r"<\!--")


def _find(url: str) -> Asset | None:
    return next((asset for asset in ASSETS if re.search(asset.url, url)), None)


def _inline_script(url: str) -> str:
    asset = _find(url)
    if asset is None:  # a data URI needs no network
        return f'<script src="{url}"></script>'
    code = script_safe(_SOURCE_MAP.sub("", read_asset(asset.file).decode("utf-8")))
    if asset.path == "dist/leaflet.js":
        code += f"\nL.Icon.Default.mergeOptions({json.dumps(_marker_images(), sort_keys=True)});"
    return f"<script>{code}</script>"


def _inline_style(url: str, element: str) -> str:
    asset = _find(url)
    return f"<style>{_style(asset.file)}</style>" if asset else element


@lru_cache(maxsize=len(ASSETS))
def _style(file: str) -> str:
    css = _SOURCE_MAP.sub("", read_asset(file).decode("utf-8"))
    folder = Path(file).parent
    return _CSS_URL.sub(lambda match: f'url("{_data_uri((folder / match[1]).as_posix())}")', css)


@lru_cache(maxsize=1)
def _marker_images() -> dict[str, str]:
    images = {
        option: _data_uri(f"leaflet/dist/images/{name}") for option, name in MARKER_IMAGES.items()
    }
    # Leaflet puts this path before each picture; a data URI must stand alone.
    return {**images, "imagePath": ""}


def _data_uri(file: str) -> str:
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(read_asset(file)).decode('ascii')}"
