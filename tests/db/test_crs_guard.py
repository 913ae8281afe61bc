"""The guard before the store: files in another system than they claim, through the real reader."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.errors import CrsMismatchError
from gis.frames import BUILDINGS, Dataset, stable_ids
from gis.geometry import shifts
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import ReadOrder, open_layer
from gis.layers.buildings import Building
from gis.scope import Scope
from gis.services import guarding
from gis.services.guarding import guard_layer
from gis.services.importing import import_dataset
from tests.town import COMMUNITIES, NORTH, STEP, SUBDISTRICT, WEST, squares

pytestmark = pytest.mark.db


def _filled(count: int = 400, seed: int = 3) -> np.ndarray:
    """Lon, lat of points all over the town."""
    ground = np.array(list(squares(COMMUNITIES)), dtype=float)
    rng = np.random.default_rng(seed)
    at = ground[rng.integers(len(ground), size=count)] + rng.uniform(0.05, 0.95, (count, 2))
    return np.column_stack([WEST + at[:, 0] * STEP, NORTH - at[:, 1] * STEP])


def test_what_lies_right_goes_in(town_session, scope):
    report = guard_layer(town_session, scope, "pois", _filled(), where="pois.csv")
    assert report.verdict.kind == "fits"
    assert "100% of the points lie inside the outline of the communities" in report.notes[0]


def test_web_map_degrees_are_refused_with_vector_cause_and_remedy(town_session, scope):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*_filled().T))
    declared = SourceCrs.parse("EPSG:4326", "pois.csv")
    with pytest.raises(CrsMismatchError) as caught:
        guard_layer(town_session, scope, "pois", shifted, where="pois.csv", declared=declared)
    said = str(caught.value)
    assert "pois.csv: it looks like GCJ-02 read as WGS-84: 57" in said
    assert "m east-south-east" in said
    assert "Declare it with --crs gcj02." in said
    context = caught.value.context
    assert context["cause"] == "gcj02_as_wgs84"
    assert context["length_m"] == pytest.approx(572, abs=10)


def test_a_layer_outside_goes_in_with_a_reason_that_is_kept(town_session, scope):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*_filled().T))
    reason = "the new community east of the river"
    report = guard_layer(
        town_session, scope, "pois", shifted, where="pois.csv", accept_shift=reason
    )
    assert report.accepted_because == reason
    assert report.verdict.cause == "gcj02_as_wgs84"
    assert report.notes[-1] == f"let pass all the same, because: {reason}"
    assert report.as_json()["accepted_because"] == reason


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_empty_reason_is_none(town_session, scope, reason):
    shifted = np.column_stack(shifts.wgs84_to_gcj02(*_filled().T))
    with pytest.raises(CrsMismatchError, match="GCJ-02"):
        guard_layer(town_session, scope, "pois", shifted, where="pois.csv", accept_shift=reason)


def test_an_empty_store_has_nothing_to_compare_with_and_says_so(session, scope):
    report = guard_layer(session, scope, "pois", _filled(), where="pois.csv")
    assert report.verdict.kind == "nothing_to_compare"
    assert report.notes[0] == "There is nothing to compare the layer with."


BAD_DECLARATIONS = [
    # truly in, declared as, words of the refusal
    ("gcj02", "EPSG:4326", ["GCJ-02 read as WGS-84", "57", "m east-south-east", "--crs gcj02"]),
    ("bd09", "gcj02", ["BD-09 read as GCJ-02", "m north-east", "--crs bd09"]),
    ("bd09", "EPSG:4326", ["BD-09 read as WGS-84", "m east-north-east", "--crs bd09"]),
    ("EPSG:4548", "EPSG:4549", ["EPSG:4548 read as EPSG:4549", "km east", "--crs EPSG:4548"]),
    ("EPSG:4548", "EPSG:4547", ["EPSG:4548 read as EPSG:4547", "km west", "--crs EPSG:4548"]),
    ("EPSG:32650", "EPSG:4548", ["UTM read as Gauss-Krüger", "m south", "EPSG:32650"]),
]


def _estate(x: float, y: float, seed: int) -> np.ndarray:
    """Buildings of an estate whose north-west corner is at (x, y) squares, as lon, lat."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(3, 6, 2)
    step = rng.uniform(0.18, 0.5, 2)
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    at = grid * step + [x, y] + rng.normal(0, 0.02, (len(grid), 2))
    return np.column_stack([WEST + at[:, 0] * STEP, NORTH - at[:, 1] * STEP])


@pytest.fixture(scope="module")
def buildings():
    """Points of a few hundred buildings in estates, inside the town."""
    rng = np.random.default_rng(1)
    parts = [_estate(*rng.uniform((0.1, 0.1), (8.2, 2.4)), seed) for seed in range(26)]
    lonlat = np.concatenate(parts)
    inside = (lonlat[:, 0] < WEST + 9.95 * STEP) & (lonlat[:, 1] > NORTH - 3.95 * STEP)
    return lonlat[inside]


def _footprints(lonlat: np.ndarray) -> np.ndarray:
    return shapely.buffer(shapely.points(lonlat), 0.00008, cap_style="square")


def _shapefile(folder: Path, lonlat: np.ndarray, truly: str, declared: str) -> Path:
    """A shapefile of footprints in one system, whose .prj claims another."""
    shapes = SourceCrs.parse(truly, "").from_lonlat(_footprints(lonlat))
    claimed = SourceCrs.parse(declared, "")
    frame = gpd.GeoDataFrame(
        {"id": [str(i) for i in range(len(lonlat))], "households": 40},
        geometry=shapes,
        crs=claimed.crs,
    )
    path = folder / "buildings.shp"
    frame.to_file(path)
    return path


def _read(path: Path, declared: str) -> tuple[np.ndarray, SourceCrs]:
    """The points of a file as an import reads it, with what it was read as."""
    crs = SourceCrs.parse(declared, str(path)) if declared in {"gcj02", "bd09"} else None
    order = ReadOrder(options=SourceOptions(crs=crs))
    with open_layer(path, BUILDINGS, order) as stream:
        for _ in stream.frames():
            pass
        return stream.sample, stream.facts.crs


@pytest.mark.slow
@pytest.mark.parametrize("against", ["outline", "buildings"])
@pytest.mark.parametrize("case", BAD_DECLARATIONS)
def test_a_shapefile_whose_prj_lies_is_refused(
    town_session, scope, tmp_path, buildings, case, against
):
    truly, declared, words = case
    if against == "buildings":
        _store(town_session, scope, buildings)
    path = _shapefile(tmp_path, buildings, truly, "EPSG:4326" if "02" in declared else declared)
    if declared == "gcj02":
        path.with_suffix(".prj").unlink()
    points, crs = _read(path, declared)
    with pytest.raises(CrsMismatchError) as caught:
        guard_layer(town_session, scope, "buildings", points, where=str(path), declared=crs)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("declared", ["EPSG:4326", "EPSG:4548", "EPSG:32650"])
@pytest.mark.parametrize("against", ["outline", "buildings"])
def test_a_shapefile_whose_prj_is_true_goes_in(
    town_session, scope, tmp_path, buildings, declared, against
):
    if against == "buildings":
        _store(town_session, scope, buildings)
    points, crs = _read(_shapefile(tmp_path, buildings, declared, declared), declared)
    report = guard_layer(
        town_session, scope, "buildings", points, where="buildings.shp", declared=crs
    )
    assert not report.verdict.refused
    assert report.verdict.compared_with == against


def test_swapped_axes_are_refused(town_session, scope, buildings):
    with pytest.raises(CrsMismatchError, match="lat, lon read as lon, lat") as caught:
        guard_layer(town_session, scope, "buildings", buildings[:, ::-1], where="b.csv")
    assert "Exchange the two columns" in str(caught.value)


def test_swapped_axes_of_a_projected_system_are_refused(town_session, scope, buildings):
    crs = SourceCrs.parse("EPSG:4548", "b.csv")
    xy = shapely.get_coordinates(crs.from_lonlat(shapely.points(buildings)))
    read = shapely.get_coordinates(crs.to_lonlat(shapely.points(xy[:, ::-1])))
    with pytest.raises(CrsMismatchError, match="north, east read as east, north of EPSG:4548"):
        guard_layer(town_session, scope, "buildings", read, where="b.csv", declared=crs)


def test_another_place_is_refused_and_no_cause_is_made_up(town_session, scope, buildings):
    with pytest.raises(CrsMismatchError, match="no usual mistake explains it") as caught:
        guard_layer(
            town_session, scope, "buildings", buildings + np.array([1.3, 0.9]), where="b.csv"
        )
    assert caught.value.context["cause"] == ""


def test_a_datum_without_a_way_to_wgs84_is_noted(town_session, scope, buildings):
    crs = SourceCrs.parse("EPSG:2363", "b.shp")
    report = guard_layer(town_session, scope, "buildings", buildings, where="b.shp", declared=crs)
    assert any("no published transformation" in note for note in report.notes)


def test_new_communities_beside_the_old_ones_go_in(town_session, scope):
    beside = _filled() + np.array([10 * STEP, 0])
    report = guard_layer(town_session, scope, "communities", beside, where="communities.gpkg")
    assert not report.verdict.refused


def test_only_a_part_of_many_buildings_is_read(town_session, scope, buildings, monkeypatch):
    _store(town_session, scope, buildings)
    count = town_session.execute(select(func.count()).select_from(Building)).scalar_one()
    monkeypatch.setattr(guarding, "BUILDINGS_READ", count // 3)
    first = guarding.read_reference(town_session, scope, "buildings").points
    again = guarding.read_reference(town_session, scope, "buildings").points
    assert 0 < len(first) < count / 1.5
    assert sorted(map(tuple, first)) == sorted(map(tuple, again))


def _store(session: Session, scope: Scope, lonlat: np.ndarray) -> None:
    frame = gpd.GeoDataFrame(
        pd.DataFrame(
            {
                "id": stable_ids("estates", "buildings", [str(i) for i in range(len(lonlat))]),
                "households": 40,
            }
        ),
        geometry=shapely.multipolygons(_footprints(lonlat)[:, None]),
        crs="EPSG:4326",
    )
    import_dataset(session, scope, Dataset("estates", SUBDISTRICT, {"buildings": frame}))
