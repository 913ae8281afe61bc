"""Files over HTTP: whole, in the system asked for, with small counts withheld."""

import io
import tempfile
import time
import zipfile
from pathlib import Path

import httpx
import pyogrio
import pytest

from tests.api.serving import is_problem

pytestmark = pytest.mark.api


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this server makes its files, and no other that runs on this machine."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def is_removed(folder: Path) -> bool:
    """What is sent goes with its last byte, which the client may see a moment earlier."""
    end = time.monotonic() + 60
    while (left := any(folder.glob("wangge-export-*"))) and time.monotonic() < end:
        time.sleep(0.05)
    return not left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file_format", "crs", "name"),
    [
        ("gpkg", "EPSG:4490", "buildings.epsg4490.gpkg"),
        ("geojson", "gcj02", "buildings.gcj02.geojson"),
        ("shp", "EPSG:4326", "buildings.zip"),
        ("csv", "EPSG:4326", "buildings.zip"),
        ("xlsx", "EPSG:4326", "buildings.xlsx"),
        ("parquet", "EPSG:4548", "buildings.epsg4548.parquet"),
        ("fgb", "bd09", "buildings.bd09.fgb"),
    ],
)
def test_a_layer_is_sent_and_the_file_removed(
    client: httpx.Client, folder: Path, file_format: str, crs: str, name: str
):
    query = {"layers": "buildings", "format": file_format, "crs": crs}
    answer = client.get("/v1/exports", params=query)
    assert answer.status_code == 200, answer.text
    assert name in answer.headers["content-disposition"]
    assert len(answer.content) == int(answer.headers["content-length"]) > 1000
    assert is_removed(folder)


def test_small_counts_do_not_leave_the_server(client: httpx.Client, tmp_path: Path):
    answer = client.get("/v1/exports", params={"layers": "buildings,grids"})
    path = tmp_path / "a.gpkg"
    path.write_bytes(answer.content)
    frame = pyogrio.read_dataframe(path, layer="buildings", read_geometry=False)
    assert frame["households_suppressed"].sum() >= 2
    assert not ((frame["households"] > 0) & (frame["households"] < 3)).any()
    query = {"layers": "buildings", "suppress": "1"}
    body = is_problem(client.get("/v1/exports", params=query), 422)
    assert body["field"] == "suppress"


def test_several_layers_of_a_format_of_one_come_in_a_zip(client: httpx.Client):
    query = {"layers": "stations,pois", "format": "geojson"}
    answer = client.get("/v1/exports", params=query)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["README.txt", "pois.geojson", "stations.geojson"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"layers": "castles"}, 422),
        ({"layers": "buildings", "crs": "EPSG:0000"}, 422),
        ({"layers": "buildings", "crs": "/etc/passwd"}, 422),
        ({"layers": "buildings", "encoding": "gbk"}, 422),
        ({"layers": "buildings", "plan": "none"}, 404),
        ({"layers": "buildings", "community": "999999999999"}, 404),
        ({"layers": "buildings", "plan": "\x00"}, 422),
    ],
)
def test_what_cannot_be_done_is_a_problem(
    client: httpx.Client, folder: Path, query: dict[str, str], status: int
):
    is_problem(client.get("/v1/exports", params=query), status)
    assert is_removed(folder)
