"""Delimited text in the encodings, delimiters and shapes that offices export."""

import codecs
import csv
import io
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.formats.dialects import sniff_delimiter
from gis.ingest.rejects import Rejects
from gis.ingest.rows import SourceFacts, SourceOptions

pytestmark = pytest.mark.geometry

WGS84 = SourceCrs.parse("EPSG:4326", "test")
TEXT = "名称,户数,备注\n东门新村,12,楼栋\n西苑,13,网格员\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def read(
    path: Path, rejects: Rejects | None = None, *, size: int = 50_000, **options: object
) -> tuple[pd.DataFrame, list[int], SourceFacts]:
    chosen = SourceOptions(**{"spatial": False, **options})
    source = open_source(path, chosen, Rejects() if rejects is None else rejects)
    batches = list(source.batches(size))
    source.close()
    assert all(len(batch) <= size for batch in batches)
    frame = pd.concat([batch.columns for batch in batches], ignore_index=True)
    if chosen.spatial:
        frame["geometry"] = [shape for batch in batches for shape in batch.geometry]
    return frame, [int(n) for batch in batches for n in batch.numbers], source.facts


# -- Encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_text_is_the_same_in_every_encoding(tmp_path: Path, encoding: str, *, declared: bool):
    path = write(tmp_path / "t.csv", TEXT, encoding)
    frame, numbers, facts = read(path, encoding=encoding if declared else None)
    assert frame.to_dict("list") == {
        "名称": ["东门新村", "西苑"],
        "户数": ["12", "13"],
        "备注": ["楼栋", "网格员"],
    }
    assert numbers == [1, 2]
    assert facts.columns == ("名称", "户数", "备注")


def test_a_mended_encoding_is_said(tmp_path: Path):
    _, _, facts = read(write(tmp_path / "t.csv", TEXT, "gbk"))
    assert any("GB18030" in note for note in facts.notes)
    assert not read(write(tmp_path / "u.csv", TEXT))[2].notes


@pytest.mark.parametrize(("inside", "declared"), [("gbk", "utf-8"), ("utf-8", "gbk")])
def test_gbk_declared_as_utf8_and_the_reverse_are_refused(
    tmp_path: Path, inside: str, declared: str
):
    path = write(tmp_path / "t.csv", TEXT, inside)
    with pytest.raises(DataSourceError, match="which was declared") as caught:
        read(path, encoding=declared)
    assert caught.value.remedy


def test_utf8_that_happens_to_fit_gbk_is_not_read_as_gbk(tmp_path: Path):
    text = "name,note\n" + "楼栋" * 2 + ",x\n"  # twelve bytes, valid in both
    assert text.encode().decode("gbk") != text
    path = write(tmp_path / "t.csv", text)
    assert read(path)[0]["name"].tolist() == ["楼栋楼栋"]
    with pytest.raises(DataSourceError, match="UTF-8 throughout"):
        read(path, encoding="gbk")


def test_bytes_of_no_encoding_are_refused_with_their_line(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_bytes(TEXT.encode() + "东门".encode("gbk") + b",\xff,x\n")
    with pytest.raises(DataSourceError, match="line 4"):
        read(path)


def test_a_sign_for_lost_characters_rejects_its_row(tmp_path: Path):
    rejects = Rejects()
    read(write(tmp_path / "t.csv", "a,b\n1,东门\n2,东\ufffd\n"), rejects)
    assert [row[:4] for row in rejects.rows] == [(2, "b", "东\ufffd", "lost_text")]


@settings(max_examples=30, deadline=None)  # each example writes and reads a file
@given(
    rows=st.lists(
        st.lists(st.text("东门a1,;\t|\"'\n \u3000㙍", max_size=6), min_size=2, max_size=2),
        min_size=1,
        max_size=12,
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
)
def test_every_text_comes_back_without_a_lost_character(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encoding: str
):
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["甲", "乙"], *rows])
    path = tmp_path_factory.mktemp("e") / "t.csv"
    path.write_bytes(stream.getvalue().encode(encoding))
    expected = [[cell.strip() for cell in row] for row in rows]
    kept = [row for row in expected if any(row)]
    if kept:
        frame, numbers, _ = read(path, size=5, encoding=encoding)
        assert frame.fillna("").to_numpy().tolist() == kept
        assert numbers == [n for n, row in enumerate(expected, start=1) if any(row)]


# -- Delimiters, lines and headers -----------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str, end: str):
    text = end.join(delimiter.join(row) for row in [["名称", "户数"], ["东门", "1"], ["西苑", "2"]])
    frame, _, facts = read(write(tmp_path / "t.txt", text))
    assert frame.to_dict("list") == {"名称": ["东门", "西苑"], "户数": ["1", "2"]}
    assert facts.extra["delimiter"] == delimiter


def test_commas_in_text_do_not_win_over_the_delimiter():
    assert sniff_delimiter("a;b\nx, y, z;1\nq;2\n") == ";"
    assert sniff_delimiter("a\nb\n") == ","
    assert sniff_delimiter("统计表\na|b|c\n1|2|3\n") == "|"


def test_excels_unicode_text(tmp_path: Path):
    text = "名称\t坐标\r\n东门\t117.3,31.8\r\n"
    path = tmp_path / "t.txt"
    path.write_bytes(codecs.BOM_UTF16_LE + text.encode("utf-16-le"))
    frame, _, _ = read(path, spatial=True, crs=WGS84)
    assert frame["geometry"][0].coords[0] == (117.3, 31.8)


def test_lines_within_quotes_are_one_row(tmp_path: Path):
    text = 'a,b\n1,"东门\n第二行"\n2,"a ""quoted"", word"\n'
    frame, numbers, _ = read(write(tmp_path / "t.csv", text))
    assert frame["b"].tolist() == ["东门\n第二行", 'a "quoted", word']
    assert numbers == [1, 2]


def test_titles_and_two_header_rows(tmp_path: Path):
    text = "明光社区统计表,,,\n填表日期：2024/8/5,,,\n楼栋,人口,,地址\n,合计,老年人,\n1栋,5,2,x\n"
    path = write(tmp_path / "t.csv", text, "gbk")
    frame, numbers, facts = read(path)
    assert frame.columns.tolist() == ["楼栋", "人口_合计", "人口_老年人", "地址"]
    assert frame.to_numpy().tolist() == [["1栋", "5", "2", "x"]]
    assert numbers == [1]
    assert "rows above the header left out: 明光社区统计表; 填表日期：2024/8/5" in facts.notes
    plain = write(tmp_path / "p.csv", "a,b\nc,d\n1,2\n")
    assert read(plain)[0].columns.tolist() == ["a", "b"]
    assert read(plain, header_rows=2)[0].columns.tolist() == ["a_c", "b_d"]


# -- Rows that do not fit --------------------------------------------------------------------------


def test_ragged_rows_are_named_and_the_others_keep_their_numbers(tmp_path: Path):
    lines = [f"{n},x" for n in range(1, 41)]
    lines[3], lines[39] = "4,x,y", "40"
    rejects = Rejects()
    frame, numbers, _ = read(
        write(tmp_path / "t.csv", "\n".join(["a,b", *lines])), rejects, size=10
    )
    assert [(row[0], row[2], row[3]) for row in rejects.rows] == [
        (4, "4,x,y", "ragged_row"),
        (40, "40", "ragged_row"),
    ]
    assert rejects.rows[0][4] == "has 3 fields where the header has 2"
    assert numbers == [n for n in range(1, 41) if n not in {4, 40}]
    assert frame["a"].tolist() == [str(n) for n in numbers]


def test_a_quote_that_is_never_closed_is_no_silent_loss(tmp_path: Path):
    rejects = Rejects()
    read(write(tmp_path / "t.csv", 'a,b\n1,x\n2,"y\n3,z\n'), rejects)
    path = write(tmp_path / "u.csv", 'a,b\n1,x\n"2,y\n3,z\n')
    read(path, rejects)
    assert {row[3] for row in rejects.rows} <= {"ragged_row"}
    assert rejects.rows


def test_rows_of_nothing_are_left_out_and_counted(tmp_path: Path):
    frame, numbers, facts = read(write(tmp_path / "t.csv", "a,b\n1,x\n,\n\n2,y\n , \n"))
    assert frame["a"].tolist() == ["1", "2"]
    assert numbers == [1, 3]
    assert "2 rows without any value left out" in facts.notes


@pytest.mark.parametrize("text", ["a,b\n", "\n\n", "a,b"])
def test_a_table_of_no_rows(tmp_path: Path, text: str):
    path = write(tmp_path / "t.csv", text)
    if "a" not in text:
        with pytest.raises(InvalidInputError, match="no header row"):
            open_source(path, SourceOptions(spatial=False), Rejects())
        return
    source = open_source(path, SourceOptions(spatial=False), Rejects())
    assert not list(source.batches())


# -- Coordinates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        *(
            "lon,lat",
            "LNG,Lat",
            "经度,纬度",
            "经度(°),纬度(°)",
            "X,Y",
            "坐标X,坐标Y",
            "X坐标,Y坐标",
        ),
        *("经度（WGS84）,纬度（WGS84）", "lon_wgs84,lat_wgs84", "Longitude ,Latitude "),
    ],
)
def test_names_of_the_two_columns(tmp_path: Path, header: str):
    path = write(tmp_path / "t.csv", f"{header},名称\n117.3,31.8,甲\n")
    frame, _, facts = read(path, spatial=True, crs=WGS84)
    assert frame["geometry"][0].coords[0] == (117.3, 31.8)
    assert list(frame) == ["名称", "geometry"]
    assert len(facts.xy) == 2


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("坐标", '"117.3,31.8"'),
        ("经纬度", '"（117.3，31.8）"'),
        ("lonlat", "117.3 31.8"),
        ("位置坐标", "１１７．３；３１．８"),
        ("纬经度", '"31.8,117.3"'),
    ],
)
def test_one_column_with_both(tmp_path: Path, header: str, value: str):
    path = write(tmp_path / "t.csv", f"{header},名称\n{value},甲\n")
    frame, _, _ = read(path, spatial=True, crs=WGS84)
    assert frame["geometry"][0].coords[0] == (117.3, 31.8)


def test_full_width_digits_are_digits_and_words_reject_their_row(tmp_path: Path):
    text = "经度,纬度,n\n１１７．３,31.8,1\n东门,31.8,2\n,,3\n117.3,inf,4\n"
    rejects = Rejects()
    frame, _, _ = read(write(tmp_path / "t.csv", text), rejects, spatial=True, crs=WGS84)
    assert frame["geometry"][0].coords[0] == (117.3, 31.8)
    assert frame["geometry"][2] is None
    assert [row[:4] for row in rejects.rows] == [
        (2, "经度", "东门", "not_a_number"),
        (4, "纬度", "inf", "not_a_number"),
    ]


def test_northings_in_x_as_surveyors_write_them(tmp_path: Path):
    crs = SourceCrs.parse("EPSG:4548", "test")
    point = crs.from_lonlat(np.array([shapely.Point(117.3, 31.8)], dtype=object))[0]
    path = write(tmp_path / "t.csv", f"X坐标,Y坐标,n\n{point.y!r},{point.x!r},1\n")
    frame, _, facts = read(path, spatial=True, crs=crs)
    assert frame["geometry"][0].equals(point)
    assert any("northings" in note for note in facts.notes)
    usual = write(tmp_path / "u.csv", f"x,y,n\n{point.x!r},{point.y!r},1\n")
    frame, _, facts = read(usual, spatial=True, crs=crs)
    assert frame["geometry"][0].equals(point)
    assert not facts.notes


def test_a_table_without_crs_or_coordinates(tmp_path: Path):
    path = write(tmp_path / "t.csv", "lon,lat\n1,2\n")
    with pytest.raises(CrsMismatchError, match="a CSV file does not say"):
        read(path, spatial=True)
    with pytest.raises(InvalidInputError, match="no coordinates among the columns a, b"):
        read(write(tmp_path / "u.csv", "a,b\n1,2\n"), spatial=True, crs=WGS84)


# -- Files in motion, and size ---------------------------------------------------------------------


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path):
    rows = "".join(f"{n},x\n" for n in range(1000))
    path = write(tmp_path / "t.csv", "a,b\n" + rows)
    source = open_source(path, SourceOptions(spatial=False), Rejects())
    batches = source.batches(size=100)
    next(batches)
    with path.open("a") as stream:
        stream.write("1000,x\n")
    with pytest.raises(DataSourceError, match="changed while it was read"):
        list(batches)


def big(path: Path, rows: int, encoding: str) -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        stream.write("source_id,名称,households,lon,lat\n")
        for start in range(0, rows, 10_000):
            numbers = range(start, min(rows, start + 10_000))
            stream.write(
                "".join(f"b{n},东门小区{n % 500}号楼,{n % 300},117.{n:07d},31.8\n" for n in numbers)
            )
    return path


def peak_bytes(path: Path) -> tuple[int, int]:
    """Return the rows of a file and the most memory that pyarrow and Python held at once."""
    import pyarrow as pa

    tracemalloc.start()
    source = open_source(path, SourceOptions(crs=WGS84), Rejects())
    rows, most = 0, 0
    for batch in source.batches():
        rows += len(batch)
        most = max(most, pa.total_allocated_bytes())
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return rows, most + traced


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # A few blocks are read ahead: the smaller file must be longer than these.
    monkeypatch.setattr("gis.ingest.formats.delimited.BLOCK_BYTES", 1 << 20)
    small = peak_bytes(big(tmp_path / "s.csv", 400_000, "gb18030"))
    large = peak_bytes(big(tmp_path / "l.csv", 1_200_000, "gb18030"))
    assert (small[0], large[0]) == (400_000, 1_200_000)
    assert large[1] < 1.25 * small[1]


def cells(frame: pd.DataFrame) -> Sequence[Sequence[object]]:
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def test_blocks_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = big(tmp_path / "t.csv", 3_000, "gb18030")
    whole, numbers, _ = read(path)
    monkeypatch.setattr("gis.ingest.formats.delimited.BLOCK_BYTES", 4_096)
    pieces, again, _ = read(path, size=77)
    assert cells(pieces) == cells(whole)
    assert numbers == again == list(range(1, 3_001))
