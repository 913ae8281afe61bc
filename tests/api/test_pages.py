"""Pages for people: in their language, about the data that are there, from this server alone."""

import re
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from gis.scope import Scope
from gis.settings import Settings
from maps.assets import installed_versions
from maps.assets.install import install
from tests.api.serving import is_problem, serving
from tests.streets import add_streets

pytestmark = pytest.mark.api

#: A link or a source that leaves this server.
FOREIGN = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", re.IGNORECASE)


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if "swagger-ui-dist" not in installed_versions():
        install()


@pytest.mark.parametrize(
    ("query", "accepted", "language", "word"),
    [
        ("", "", "zh-CN", "街道的网格"),
        ("", "en-GB,en;q=0.9", "en", "Where do you want to go?"),
        ("", "fr, zh-TW;q=0.5, en;q=0.4", "zh-CN", "街道的网格"),
        ("", "zh;q=0.1, en;q=0.9", "en", "Where do you want to go?"),
        ("", ";;;q=,x" * 40, "zh-CN", "街道的网格"),
        ("?lang=en", "zh-CN", "en", "Where do you want to go?"),
        ("?lang=zh-CN", "en", "zh-CN", "街道的网格"),
        ("?from=singlemessage", "", "zh-CN", "街道的网格"),
    ],
)
def test_the_front_page_speaks_the_readers_language(
    client: httpx.Client, query: str, accepted: str, language: str, word: str
):
    answer = client.get(f"/{query}", headers={"Accept-Language": accepted})
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    assert word in answer.text


def test_the_front_page_leads_to_places_that_exist(client: httpx.Client):
    page = client.get("/?lang=en").text
    links = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    assert {"/maps/coverage?lang=en", "/docs", "/v1/grids"} <= links
    for link in sorted(links):
        assert client.get(link).status_code == 200, link
    assert not FOREIGN.search(page)


def test_the_front_page_tells_the_state_of_the_data(client: httpx.Client):
    page = client.get("/?lang=en").text
    for told in ("<dd>21</dd>", "<dd>2,122</dd>", "in effect since 2026-01-01", "2026-01-01 00:00"):
        assert told in page, told


def test_an_empty_installation_says_what_to_do(new_database: Callable[[str], str]):
    with serving(Settings(database_url=new_database("empty"))) as client:
        page = client.get("/?lang=en").text
        assert "There are no data yet" in page
        assert "./run demo" in page
        for noun in ("communities", "grids", "buildings", "stations", "incidents", "demands"):
            assert client.get(f"/v1/{noun}").json()["features"] == []
        is_problem(client.get("/maps/coverage"), 422)


@pytest.mark.slow
def test_the_description_asks_no_other_server(client: httpx.Client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert not FOREIGN.search(page.text)
    assert "'unsafe-inline'" not in page.headers["content-security-policy"].split(";")[1]
    for source in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        asset = client.get(source)
        assert asset.status_code == 200, source
        assert asset.content
    assert (
        client.get("/static/swagger-ui/swagger-ui-bundle.js")
        .headers["content-type"]
        .startswith("text/javascript")
    )


@pytest.mark.parametrize("name", ["nothing.css", "../app.py", "..%2Fapp.py", "swagger-ui/LICENSE"])
def test_no_other_file_is_served(client: httpx.Client, name: str):
    assert client.get(f"/static/{name}").status_code == 404


@pytest.mark.slow
def test_the_map_is_one_page_kept_until_the_data_change(fresh: httpx.Client):
    first = fresh.get("/maps/coverage?lang=en")
    assert first.status_code == 200, first.text[:500]
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    assert '<link rel="stylesheet"' not in first.text
    assert not re.search(r"<script[^>]+src=", first.text)
    assert "connect-src" not in first.headers["content-security-policy"]
    tag = first.headers["etag"]
    again = fresh.get("/maps/coverage?lang=en", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert fresh.get("/maps/coverage?lang=en").content == first.content
    assert fresh.get("/maps/coverage?lang=zh-CN").headers["etag"] != tag
    station = fresh.get("/v1/stations?limit=1&status=open").json()["features"][0]["id"]
    fresh.patch(
        f"/v1/stations/{station}", json={"status": "closed"}, headers={"If-Match": '"1"'}
    ).raise_for_status()
    changed = fresh.get("/maps/coverage?lang=en", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.slow
def test_the_walking_map_needs_roads(fresh: httpx.Client, fresh_url: str):
    assert "no road" in is_problem(fresh.get("/maps/walking"), 422)["detail"]
    assert "/maps/walking" not in fresh.get("/?lang=en").text
    engine = create_engine(fresh_url)
    with Session(engine) as session, session.begin():
        add_streets(session, Scope.local_owner())
    engine.dispose()
    assert "/maps/walking?lang=en" in fresh.get("/?lang=en").text
    page = fresh.get("/maps/walking?lang=en&service=affairs&week=2026-06-03")
    assert page.status_code == 200, page.text[:500]
    assert not re.search(r"<script[^>]+src=", page.text)
    tag = page.headers["etag"]
    again = fresh.get(
        "/maps/walking?lang=en&service=affairs&week=2026-06-03", headers={"If-None-Match": tag}
    )
    assert again.status_code == 304
    assert fresh.get("/maps/coverage?lang=en&service=affairs").headers["etag"] != tag


def test_the_map_of_a_service_and_a_moment(client: httpx.Client):
    asked = {"lang": "en", "service": "affairs", "at": "2026-05-06T10:00:00+08:00"}
    one = client.get("/maps/coverage", params=asked)
    assert one.status_code == 200
    other = client.get("/maps/coverage", params={**asked, "at": "2026-05-06T22:00:00+08:00"})
    assert other.headers["etag"] != one.headers["etag"]
    is_problem(client.get("/maps/coverage?service=teleport"), 422)
    is_problem(client.get("/maps/coverage?services=affairs"), 400)


@pytest.mark.slow
def test_a_tile_background_may_be_asked_and_nothing_else(town_url: str):
    settings = Settings(database_url=town_url, tile_url="https://{s}.tiles.example/{z}/{x}/{y}.png")
    with serving(settings) as client:
        policy = client.get("/maps/coverage").headers["content-security-policy"]
    assert "img-src data: blob: https://*.tiles.example;" in policy
