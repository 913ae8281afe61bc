"""Files whose rows are of several layers: found, told before they are taken, and read apart."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from typer.testing import CliRunner, Result

from cli.main import app
from gis.ingest.mapping_file import read_mapping
from gis.ingest.mixed_files import mixed_layers

pytestmark = pytest.mark.geometry


def told(*parts: dict[str, list[object]], leave: tuple[str, ...] = ()) -> object:
    first, *rest = (pd.DataFrame(part) for part in parts)
    found = mixed_layers(first, rest, leave=leave)
    return None if found is None else (found.column, dict(found.rows))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"_layer": ["roads", "water", "roads"]}, ("_layer", {"roads": 2, "water": 1})),
        ({"图层": ["楼", "河"]}, ("图层", {"楼": 1, "河": 1})),
        ({"what": ["楼栋", "道路", "楼栋"]}, ("what", {"楼栋": 2, "道路": 1})),
        ({"Layer": ["x", "y"], "kind": ["building", "road"]}, ("Layer", {"x": 1, "y": 1})),
        ({"layer": [0, -1, 2]}, None),
        ({"layer": ["-1", "1.0", None]}, None),
        ({"layer": ["all", "all", None]}, None),
        ({"use": ["house", "residential"]}, None),
        ({"级别": ["楼栋", "小区", "社区"]}, None),
        ({"kind": ["market", "school", "poi", "road"]}, None),
        ({"name": ["building", "buildings"]}, None),
        ({"layer": [f"v{n}" for n in range(101)]}, None),
        ({"layer": [], "name": []}, None),
    ],
)
def test_the_column_that_tells_layers_is_found(columns: dict[str, list[object]], found: object):
    assert told(columns) == found


def test_layers_that_come_late_in_the_file_are_counted():
    parts = [{"_layer": ["buildings"] * 3}, {"_layer": ["buildings", "roads"]}, {"name": ["x"]}]
    assert told(*parts) == ("_layer", {"buildings": 4, "roads": 1})
    assert told(*parts, leave=("_layer",)) is None


def test_a_file_without_such_a_column_is_not_read_to_its_end():
    rest = iter([pd.DataFrame({"name": ["y"]})])
    assert mixed_layers(pd.DataFrame({"name": ["x"]}), rest) is None
    assert len(list(rest)) == 1


def plan(path: Path, *words: str) -> Result:
    answer = CliRunner().invoke(app, ["import", "plan", str(path), *words])
    assert answer.exit_code == 0, answer.output
    return answer


def test_a_plan_of_a_mixed_file_says_the_layers_and_what_to_do(tmp_path: Path):
    path, mapping = tmp_path / "mixed.geojson", tmp_path / "m.toml"
    frame = gpd.GeoDataFrame(
        {
            "_layer": ["roads"] * 3 + ["buildings"] * 2 + ["water"],
            "name": list("abcdef"),
            "households": [None] * 3 + [12, 13] + [None],
        },
        geometry=[shapely.box(117 + n / 1e3, 31, 117.0005 + n / 1e3, 31.0005) for n in range(6)],
        crs=4326,
    )
    pyogrio.write_dataframe(frame, path)
    said = " ".join(plan(path, "--layer", "buildings", "--save", str(mapping)).output.split())
    assert f"{path}: its rows are of several layers, told by the column '_layer'" in said
    assert "roads 3, buildings 2, water 1" in said
    assert "The mapping below is for the rows of buildings." in said
    assert 'layer_column = "_layer"' in said
    assert f"wangge import file {path} --mapping" in said
    [section] = read_mapping(mapping).layers
    assert (section.layer_column, section.source_layer) == ("_layer", "buildings")


def test_a_plan_of_a_file_of_one_layer_says_nothing_of_layers(tmp_path: Path):
    path = tmp_path / "pois.csv"
    path.write_text("name,category,layer,lon,lat\nx,school,1,117.3,31.9\n", encoding="utf-8")
    said = plan(path, "--crs", "EPSG:4326").output
    assert "several layers" not in said


def test_a_plan_of_one_of_several_tables_says_how_to_take_another(tmp_path: Path):
    path = tmp_path / "both.gpkg"
    point = gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.Point(117, 31)], crs=4326)
    for name in ("pois", "stations"):
        pyogrio.write_dataframe(point, path, layer=name, append=path.exists())
    said = plan(path, "--layer", "pois").output
    assert "It has the layers pois, stations; this is pois." in said
    assert "--table" in said
