"""Files as streams of frames: the same rows whatever the batch, in constant memory, or why not."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from gis import frames
from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.frames import BUILDINGS, INCIDENTS, POIS, QUARTERS, FrameContract
from gis.geometry.source_crs import SourceCrs
from gis.ingest import RejectedRowsError, rejects
from gis.ingest.keys import SeenKeys, as_keys
from gis.ingest.mapping import LayerMapping
from gis.ingest.mapping_values import Condition
from gis.ingest.reservoir import Reservoir
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import LayerStream, ReadOrder, open_layer
from gis.samples import SMALLEST_HOUSEHOLDS, generate_subdistrict

pytestmark = pytest.mark.geometry

#: Of the layers that the sample has.
CONTRACTS = tuple(
    getattr(frames, name)
    for name in (
        *("DIVISIONS", "COMMUNITIES", "QUARTERS", "DEDICATED_AREAS", "BUILDINGS", "UNITS"),
        *("ORGANISATIONS", "STATIONS", "STATION_SERVICES", "ROADS", "BARRIERS", "CROSSINGS"),
        *("POIS", "INCIDENTS", "DEMANDS"),
    )
)


def order(*, crs: str | None = "EPSG:4326", layer: str | None = None, **more: object) -> ReadOrder:
    known = None if crs is None else SourceCrs.parse(crs, "")
    return ReadOrder(SourceOptions(crs=known, layer=layer), **more)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_pois(path: Path, rows: int) -> Path:
    lines = [f"p{n},poi {n},school,{117.2 + n / 1e6:.6f},31.8" for n in range(rows)]
    return write(path, "source_id,name,category,lon,lat", *lines)


def frames_of(path: Path, contract: FrameContract, how: ReadOrder) -> list[pd.DataFrame]:
    with open_layer(path, contract, how) as stream:
        return list(stream.frames())


def whole(path: Path, contract: FrameContract, how: ReadOrder) -> pd.DataFrame:
    return pd.concat(frames_of(path, contract, how), ignore_index=True)


# -- The same rows ---------------------------------------------------------------------------------

cells = st.tuples(
    st.sampled_from(["", "a", "b", '甲, "乙"']),  # some rows are equal, some have no key
    st.sampled_from(["school", "bus_stop"]),
    st.floats(117, 118).map(lambda value: round(value, 3)),
)


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(cells, min_size=1, max_size=12), size=st.integers(1, 5), key=st.booleans())
def test_the_size_of_a_batch_changes_nothing(tmp_path, rows, size, key):
    frame = pd.DataFrame(rows, columns=["name", "category", "lon"]).assign(lat=31.8)
    if key:
        frame["source_id"] = [f"k{n}" if n % 2 else None for n in range(len(frame))]
    path = tmp_path / "p.csv"
    frame.to_csv(path, index=False)
    at_once = frames_of(path, POIS, order(source="t"))
    parts = frames_of(path, POIS, order(source="t", batch_rows=size))
    assert len(at_once) == 1
    assert all(len(part) <= size for part in parts)
    assert_frame_equal(pd.concat(parts, ignore_index=True), at_once[0])
    assert at_once[0]["id"].is_unique


@pytest.fixture(scope="module")
def sample() -> dict[str, pd.DataFrame]:
    """Frames of every layer that files bring."""
    return dict(generate_subdistrict(households=SMALLEST_HOUSEHOLDS, seed=3).layers)


def as_text(value: object) -> object:
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkt(value, rounding_precision=-1)
    return json.dumps(value) if isinstance(value, dict | list) else value


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda each: each.name)
def test_frames_are_as_their_contract_makes_them(
    tmp_path: Path, sample: dict[str, pd.DataFrame], contract: FrameContract
):
    sent = sample[contract.name].iloc[:200].reset_index(drop=True)
    table = pd.DataFrame(sent).astype(object).map(as_text)
    path = tmp_path / "t.csv"
    table.rename(columns={"geometry": "wkt"}).to_csv(path, index=False)
    crs = SourceCrs.parse("EPSG:4326", "") if contract.geometry else None
    options = SourceOptions(crs=crs, spatial=bool(contract.geometry))
    parts = frames_of(path, contract, ReadOrder(options, batch_rows=70))
    for part in parts:
        assert_frame_equal(part, contract.conform(part))
    got = contract.conform(pd.concat(parts, ignore_index=True))
    assert_frame_equal(plain(got), plain(contract.conform(sent)))


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with its geometries as text."""
    shapes = frame.dtypes == "geometry"
    return pd.DataFrame(frame).assign(
        **{
            c: shapely.to_wkt(frame[c].to_numpy(), rounding_precision=-1)
            for c in frame.columns[shapes]
        }
    )


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb", ".geojson", ".csv"])
def test_every_format_streams(tmp_path: Path, suffix: str):
    read = whole(write_pois(tmp_path / "p.csv", 30), POIS, order(source="t"))
    path = tmp_path / f"again{suffix}"
    again = read.drop(columns="id")
    if suffix == ".csv":
        again.assign(lon=read.geometry.x, lat=read.geometry.y).drop(columns="geometry").to_csv(path)
    else:
        again.to_file(path)
    with open_layer(path, POIS, order(source="t", batch_rows=7)) as stream:
        parts = list(stream.frames())
        report = stream.report()
    assert [len(part) for part in parts] == [7, 7, 7, 7, 2]
    back = pd.concat(parts, ignore_index=True).sort_values(
        "source_id", key=lambda s: s.str[1:].astype(int)
    )
    assert back["id"].tolist() == read["id"].tolist()
    assert back["name"].tolist() == read["name"].tolist()
    assert (report["rows"], report["rows_read"], report["rows_left_out"]) == (30, 30, 0)


# -- Keys ------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=6))
def test_keys_are_counted_over_all_batches(batches: list[list[int]]):
    seen, naive = SeenKeys(), Counter[int]()
    for batch in batches:
        data = np.zeros((len(batch), 16), dtype=np.uint8)
        data[:, 0], data[:, 15] = [n % 3 for n in batch], [n // 3 for n in batch]
        counts = seen.add(as_keys(data)).tolist()
        for key, count in zip(batch, counts, strict=True):
            assert count == naive[key]
            naive[key] += 1


def test_a_key_that_comes_again_in_a_later_batch_is_named(tmp_path: Path):
    path = write_pois(tmp_path / "p.csv", 300)
    with path.open("a", encoding="utf-8") as file:
        file.write("p7,again,school,117.2,31.8\n")
    with pytest.raises(RejectedRowsError, match="row 301, field 'source_id': appears twice"):
        whole(path, POIS, order(batch_rows=100))


def test_uuids_are_kept_and_what_is_none_among_them_is_named(tmp_path: Path):
    ids = whole(write_pois(tmp_path / "p.csv", 6), POIS, order())["id"].tolist()
    rows = [f"{key},x,117,31.8" for key in [*ids[:3], ids[3].upper(), f"{{{ids[4]}}}"]]
    path = write(tmp_path / "u.csv", "id,category,lon,lat", *rows)
    assert whole(path, POIS, order(batch_rows=2))["id"].tolist() == ids[:5]
    bad = write(tmp_path / "bad.csv", "id,category,lon,lat", *rows, "seven,x,117,31", rows[0])
    with pytest.raises(RejectedRowsError) as caught:
        whole(bad, POIS, order(batch_rows=2))
    assert caught.value.rejects[["row", "code"]].to_numpy().tolist() == [
        [6, "not_a_uuid"],
        [6, "missing"],
        [7, "duplicate_id"],
    ]


# -- Rows that cannot be taken ---------------------------------------------------------------------


def spoiled(path: Path) -> Path:
    lines = write_pois(path, 50).read_text(encoding="utf-8").splitlines()
    lines[14] = "p13,no number,school,east,31.8"
    lines[34] = "p33,,,117.2,31.8"
    return write(path, *lines)


def test_after_a_bad_row_the_rest_is_checked_and_nothing_more_is_yielded(tmp_path: Path):
    taken = []
    with open_layer(spoiled(tmp_path / "p.csv"), POIS, order(batch_rows=10)) as stream:
        with pytest.raises(RejectedRowsError, match="2 of 50 rows") as caught:
            taken += [len(frame) for frame in stream.frames()]
        assert stream.report()["rows"] == 10
    assert taken == []
    assert caught.value.rejects["row"].tolist() == [14, 34]


def test_bad_rows_are_left_out_when_asked(tmp_path: Path):
    numbers: list[int] = []
    names: list[str] = []
    how = order(batch_rows=10, skip_rejects=True)
    with open_layer(spoiled(tmp_path / "p.csv"), POIS, how) as stream:
        for frame in stream.frames():
            assert len(frame) == len(stream.row_numbers)
            assert_frame_equal(frame, POIS.conform(frame))
            numbers += stream.row_numbers.tolist()
            names += frame["name"].tolist()
        report = stream.report()
        assert stream.rejects.frame()["row"].tolist() == [14, 34]
    assert numbers == [n for n in range(1, 51) if n not in {14, 34}]
    assert names == [f"poi {n - 1}" for n in numbers]
    assert (report["rows"], report["rows_read"], report["rows_left_out"]) == (48, 50, 2)


def test_only_so_many_rejects_are_kept_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rejects, "KEPT_REJECTS", 12)
    path = write(tmp_path / "p.csv", "lon,lat,category", *["117,31.8,"] * 40)
    with pytest.raises(RejectedRowsError, match=r"40 of 40 rows .*; and 30 more") as caught:
        whole(path, POIS, order(batch_rows=9))
    assert "the report names the first 12" in caught.value.message
    assert caught.value.rejects["row"].tolist() == list(range(1, 13))


def test_control_characters_are_named_and_not_shown(tmp_path: Path):
    path = write(
        tmp_path / "p.csv", "lon,lat,category,name", "117,31.8,x,a\tb", "117,31.8,x,a\x02b"
    )
    for checks in (True, False):
        with pytest.raises(RejectedRowsError, match="row 2, field 'name': holds control") as caught:
            whole(path, POIS, order(checks=checks))
        assert caught.value.rejects["value"].tolist() == [""]


def test_values_are_mended_and_it_is_said(tmp_path: Path):
    shape = "POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))"
    rows = [
        f'"{shape}",{count},{day}'
        for count, day in [("约400", "2024/8/5"), ('"1,200"', "45509"), ("", "")]
    ]
    path = write(tmp_path / "b.csv", "wkt,households,valid_from", *rows)
    with open_layer(path, BUILDINGS, order(batch_rows=1)) as stream:
        frame = pd.concat(stream.frames(), ignore_index=True)
        mends = stream.report()["mends"]
    assert frame["households"].tolist() == [400, 1200, 0]
    assert frame["households_source"].tolist() == ["estimated", "recorded", "default"]
    assert frame["valid_from"].astype(str).tolist()[:2] == ["2024-08-05", "2024-08-05"]
    assert any("约400" in str(mend) for mend in mends)


def test_times_without_a_zone_need_one_to_be_given(tmp_path: Path):
    path = write(
        tmp_path / "i.csv", "lon,lat,category,occurred_at", "117,31.8,tree,2024-05-01 08:00"
    )
    for checks in (True, False):
        with pytest.raises(RejectedRowsError, match="has no time zone"):
            whole(path, INCIDENTS, order(checks=checks))
        frame = whole(path, INCIDENTS, order(checks=checks, timezone="Asia/Shanghai"))
        assert frame["occurred_at"][0] == pd.Timestamp("2024-05-01T00:00Z")


# -- Without checks --------------------------------------------------------------------------------


def test_without_checks_what_no_database_refuses_is_still_found(tmp_path: Path):
    path = write(tmp_path / "p.csv", "lon,lat,category", "117,31.8,x", "181,31.8,x")
    with pytest.raises(RejectedRowsError, match="row 2, field 'geometry': lies outside the world"):
        whole(path, POIS, order(checks=False))
    swapped = write(tmp_path / "s.csv", "lon,lat,category", *["31.8,117.2,x"] * 3)
    with pytest.raises(CrsMismatchError, match="swapped: row 1 says lon 31"):
        whole(swapped, POIS, order(checks=False))


def test_without_checks_rings_are_taken_as_they_are(tmp_path: Path):
    bow = shapely.Polygon([(117.0, 31.0), (117.1, 31.1), (117.1, 31.0), (117.0, 31.1)])
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[bow], crs=4326).to_file(tmp_path / "q.gpkg")
    with pytest.raises(RejectedRowsError, match="is invalid"):
        whole(tmp_path / "q.gpkg", QUARTERS, order())
    assert whole(tmp_path / "q.gpkg", QUARTERS, order(checks=False)).geometry[0].equals_exact(bow)


# -- Mappings --------------------------------------------------------------------------------------


def mixed(path: Path) -> Path:
    pieces = [shapely.box(117 + n / 100, 31, 117.01 + n / 100, 31.01) for n in range(6)]
    rows = {
        "kind": ["house", "road", "house", "house", "house", "house"],
        "key": ["a", "b", "a", "c", "d", "d"],
        "title": ["甲", "x", "甲", "丙", "丁", "丁"],
        "note": ["-"] * 6,
    }
    gpd.GeoDataFrame(rows, geometry=pieces, crs=4326).to_file(path)
    return path


@pytest.mark.parametrize("size", [2, 100])
def test_a_layer_of_a_mapping_file_streams(tmp_path: Path, size: int):
    mapping = LayerMapping(
        "quarters", {"title": "name"}, where={"kind": Condition(("house",))}, source_layer=None
    )
    how = order(mapping=mapping, batch_rows=size)
    with open_layer(mixed(tmp_path / "m.gpkg"), QUARTERS, how) as stream:
        numbers, names = [], []
        for frame in stream.frames():
            numbers += stream.row_numbers.tolist()
            names += frame["name"].tolist()
        report = stream.report()
    assert numbers == [1, 3, 4, 5, 6]
    assert names == ["甲", "甲", "丙", "丁", "丁"]
    assert report["columns_not_used"] == ["key", "note"]
    assert (report["rows"], report["rows_read"]) == (5, 6)


@pytest.mark.parametrize("size", [2, 100])
def test_pieces_of_a_feature_in_different_batches_are_put_together(tmp_path: Path, size: int):
    mapping = LayerMapping(
        "quarters",
        {"title": "name", "key": "source_id"},
        where={"kind": Condition(("house",))},
        dissolve="key",
        split=True,
    )
    how = order(mapping=mapping, batch_rows=size)
    frame = whole(mixed(tmp_path / "m.gpkg"), QUARTERS, how)
    # The pieces of "a" do not meet: each is a part. Those of "d" do.
    assert frame["source_id"].tolist() == ["a/1", "a/2", "c", "d"]
    assert shapely.area(frame.geometry.to_numpy()).round(6).tolist() == [
        0.0001,
        0.0001,
        0.0001,
        0.0002,
    ]


def test_a_mapping_that_takes_nothing_says_so(tmp_path: Path):
    mapping = LayerMapping("quarters", {"title": "name"}, where={"kind": Condition(("castle",))})
    with pytest.raises(InvalidInputError, match="takes none of the file's 6 rows"):
        whole(mixed(tmp_path / "m.gpkg"), QUARTERS, order(mapping=mapping))


# -- The file itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".gpkg", ".shp"])
@pytest.mark.parametrize("how", ["appended", "replaced", "removed"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, suffix: str, how: str):
    path = write_pois(tmp_path / "p.csv", 60)
    if suffix != ".csv":
        frame = whole(path, POIS, order())
        path = tmp_path / f"q{suffix}"
        frame.to_file(path)
    with open_layer(path, POIS, order(batch_rows=20)) as stream:
        rows = stream.frames()
        next(rows)
        touched = path.with_suffix(".dbf") if suffix == ".shp" else path
        if how == "appended":
            with touched.open("ab") as file:
                file.write(b"p99,late,school,117.2,31.8\n")
        elif how == "replaced":
            shutil.copy(touched, tmp_path / "new")
            (tmp_path / "new").replace(touched)
        else:
            touched.unlink()
        with pytest.raises(DataSourceError, match=r"changed while it was read|cut off|truncated"):
            list(rows)


def test_a_dbf_that_was_cut_off_is_named(tmp_path: Path):
    whole(write_pois(tmp_path / "p.csv", 200), POIS, order()).to_file(tmp_path / "q.shp")
    dbf = tmp_path / "q.dbf"
    dbf.write_bytes(dbf.read_bytes()[: dbf.stat().st_size // 2])
    with pytest.raises(DataSourceError, match=r"q\.(shp|dbf)") as caught:
        whole(tmp_path / "q.shp", POIS, order(batch_rows=20))
    assert caught.value.remedy


def test_the_fingerprint_is_of_the_content_and_of_what_is_made_of_it(tmp_path: Path):
    path = write_pois(tmp_path / "p.csv", 5)
    shutil.copy(path, tmp_path / "copy.csv")
    other = write_pois(tmp_path / "other.csv", 6)

    def fingerprint(path: Path, contract: FrameContract = POIS, **more: object) -> str:
        with open_layer(path, contract, order(**more)) as stream:
            return stream.fingerprint

    first = fingerprint(path)
    assert first == fingerprint(tmp_path / "copy.csv", source="else", batch_rows=2)
    different = [
        fingerprint(other),
        fingerprint(path, mapping={"name": "category"}),
        fingerprint(path, INCIDENTS),
        fingerprint(path, mapping=LayerMapping("pois", {"name": "category"})),
    ]
    assert len({first, *different}) == 5


# -- The sample ------------------------------------------------------------------------------------


def test_a_small_file_is_its_own_sample(tmp_path: Path):
    with open_layer(write_pois(tmp_path / "p.csv", 40), POIS, order(batch_rows=9)) as stream:
        rows = list(stream.frames())
        points = np.concatenate([shapely.get_coordinates(frame.geometry) for frame in rows])
        assert stream.sample == pytest.approx(points)


def test_the_sample_is_fair_and_the_same_each_time():
    places = shapely.points(np.arange(1000.0), 0)
    samples = []
    for seed in (1, 1, *range(2, 60)):
        reservoir = Reservoir(np.random.default_rng(seed), size=50)
        for start in range(0, 1000, 130):
            reservoir.add(places[start : start + 130])
        samples.append(reservoir.points)
        assert len(np.unique(reservoir.points[:, 0])) == 50
    assert np.array_equal(samples[0], samples[1])
    # Of 60 samples of 50 in 1000, each tenth of the file has about 300: six standard deviations.
    tenths = np.bincount(np.concatenate(samples)[:, 0].astype(int) // 100, minlength=10)
    assert (np.abs(tenths - 300) < 100).all()


def test_the_sample_of_areas_lies_in_them_and_skips_what_is_not_there():
    reservoir = Reservoir(np.random.default_rng(0), size=10)
    ring = shapely.Polygon(shapely.box(0, 0, 9, 9).exterior, [shapely.box(1, 1, 8, 8).exterior])
    reservoir.add(np.array([ring, None, shapely.Polygon(), shapely.Point(5, 5)], dtype=object))
    assert len(reservoir.points) == 2
    assert shapely.intersects_xy(ring, *reservoir.points[0])
    assert reservoir.points[1].tolist() == [5, 5]


# -- Memory ----------------------------------------------------------------------------------------

PEAK = """
import sys
from pathlib import Path
from gis.frames import POIS
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import ReadOrder, open_layer
options = SourceOptions(crs=SourceCrs.parse("EPSG:4326", ""))
with open_layer(Path(sys.argv[1]), POIS, ReadOrder(options, checks=sys.argv[2] == "yes")) as stream:
    rows = sum(len(frame) for frame in stream.frames())
status = Path("/proc/self/status").read_text()  # ru_maxrss would be that of the parent as well
print(rows, int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("checks", ["yes", "no"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, checks: str):
    peaks = []
    for rows in (450_000, 900_000):  # several of the blocks that CSV is parsed in
        path = write_pois(tmp_path / f"{rows}.csv", rows)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(path), checks],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        read, peak = map(int, done.stdout.split())
        assert read == rows
        peaks.append(peak)
    # Sixteen bytes a row, twice while they are merged, are 14 MB here; frames of all rows would
    # be some 200 MB.
    assert peaks[1] - peaks[0] < 40, peaks


def test_a_stream_lets_go_of_its_file(tmp_path: Path):
    path = write_pois(tmp_path / "p.csv", 5)
    with open_layer(path, POIS, order()) as stream:
        assert isinstance(stream, LayerStream)
    stream.close()  # twice is no error
