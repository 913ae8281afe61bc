"""Linked libraries are written into the page, and none can be forgotten."""

import json
import re
from pathlib import Path

import folium.plugins
import pytest

from gis.errors import ConfigurationError
from maps import assets
from maps.assets import inline_assets, installed_versions, script_safe
from maps.assets.install import install

pytestmark = pytest.mark.maps

LEAFLET = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet"


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if not installed_versions():
        install()


def test_scripts_and_styles_are_written_into_the_page():
    html = inline_assets(
        f'<script src="{LEAFLET}.js"></script><link rel="stylesheet" href="{LEAFLET}.css"/>'
    )
    assert "Leaflet 1.9.4" in html
    assert ".leaflet-container" in html
    assert not re.search(r"<script[^>]+src|<link|sourceMappingURL", html)
    assert not re.search(r"url\((?!\"data:|#)", html), "every picture is a data URI"
    assert "L.Icon.Default.mergeOptions" in html


def test_a_link_without_a_file_is_named():
    url = "https://example.org/plugin@1/plugin.js"
    page = f"<script src='{url}'></script><link href=\"//example.org/a.css\">"
    with pytest.raises(ConfigurationError, match=re.escape(url)) as caught:
        inline_assets(page)
    assert caught.value.context["urls"] == ["//example.org/a.css", url]


def test_a_plugin_that_is_not_vendored_cannot_slip_through():
    chart = folium.Map(tiles=None)
    folium.plugins.Draw().add_to(chart)
    with pytest.raises(ConfigurationError, match=r"leaflet\.draw"):
        inline_assets(chart.get_root().render())


def test_a_missing_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assets, "VENDOR", tmp_path)
    with pytest.raises(ConfigurationError, match=r"python -m maps\.assets"):
        inline_assets(f'<script src="{LEAFLET}.js"></script>')
    assert installed_versions() == {}


def test_a_data_uri_may_stay():
    page = '<script src="data:text/javascript,1"></script><link rel="icon" href="data:,">'
    assert inline_assets(page) == page


def test_code_cannot_end_its_script():
    assert "</script" not in script_safe("x = '</SCRIPT>'; y = '<!--'").lower()
    assert "<!--" not in script_safe("y = '<!--'")


def test_nothing_is_done_twice():
    assert install() is False


def test_the_manifest_names_versions_and_digests():
    manifest = json.loads((assets.VENDOR / assets.MANIFEST).read_text(encoding="utf-8"))
    wanted = json.loads((Path(__file__).parents[2] / "package.json").read_text(encoding="utf-8"))
    assert manifest["packages"] == wanted["dependencies"]
    assert all(len(digest) == 64 for digest in manifest["files"].values())
    assert {asset.file for asset in assets.ASSETS} <= set(manifest["files"])


def test_the_lock_names_no_host():
    lock = (Path(__file__).parents[2] / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
