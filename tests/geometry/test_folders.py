"""One rule for whatever writes a file: its folder must be there, and none is made."""

from collections.abc import Callable
from pathlib import Path

import folium
import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.main import app
from gis.database.backup import backup
from gis.errors import DataSourceError
from gis.folders import require_folder
from gis.ingest.mapping import LayerMapping
from gis.ingest.mapping_file import MappingFile, write_mapping
from gis.ingest.rejects import write_rejects
from gis.ingest.rejects_package import write_whole
from maps.page import save_offline
from tests.geometry.test_outlets import many, write

pytestmark = pytest.mark.geometry

TABLE = pd.DataFrame({"name": ["x"]})
WRITERS: dict[str, Callable[[Path], object]] = {
    "page.html": lambda path: save_offline(folium.Map(), path),
    "rejects.csv": lambda path: write_rejects(TABLE, path),
    "rejects.gpkg": lambda path: write_whole(path, TABLE, "rejects", "{}", "What is refused"),
    "mapping.toml": lambda path: write_mapping(MappingFile("x", (LayerMapping("pois"),)), path),
    "town.dump": lambda path: backup("postgresql://nobody@localhost:1/none", path),
    "out.csv": lambda path: write(path.parent, path.suffix, many()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_folder_is_made_for_a_file(name: str, tmp_path: Path):
    with pytest.raises(DataSourceError, match=f"no folder .*wrong.* to write {name}"):
        WRITERS[name](tmp_path / "wrong" / "again" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    require_folder(tmp_path / "out.csv")
    with pytest.raises(DataSourceError, match=r"no folder .*file to write out\.csv"):
        require_folder(tmp_path / "file" / "out.csv")


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "report", "any"],
        ["plan", "export", "any"],
        ["map"],
        ["export"],
        ["audit", "--html"],
        ["audit", "--rejects"],
        ["import", "layer", "pois", "pois.csv", "--rejects"],
    ],
)
def test_a_command_says_so_before_it_begins(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """There is no database behind it that it could ask."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@localhost:1/none")
    answer = CliRunner().invoke(app, [*words, str(tmp_path / "wrong" / "out.gpkg")])
    assert answer.exit_code == 1
    assert "There is no folder" in answer.stderr
    assert list(tmp_path.iterdir()) == []
