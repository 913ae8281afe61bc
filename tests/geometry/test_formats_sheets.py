"""Excel workbooks as offices keep them: titles, two header rows, merged cells, sums, signatures."""

import struct
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.formats.cell_faults import column_letters
from gis.ingest.formats.headers import find_header
from gis.ingest.rejects import Rejects
from gis.ingest.rows import SourceFacts, SourceOptions

pytestmark = pytest.mark.geometry

WGS84 = SourceCrs.parse("EPSG:4326", "test")
HEADER = ["小区名称", "楼栋", "户数", "经度", "纬度"]


def workbook(path: Path, fill: Callable[[Worksheet], None], title: str = "楼栋") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    fill(sheet)
    book.save(path)
    return path


def rows_of(rows: Sequence[Sequence[object]], *merges: str) -> Callable[[Worksheet], None]:
    def fill(sheet: Worksheet) -> None:
        for row in rows:
            sheet.append(list(row))
        for cells in merges:
            sheet.merge_cells(cells)

    return fill


def read(
    path: Path, rejects: Rejects | None = None, **options: object
) -> tuple[pd.DataFrame, list[int], SourceFacts]:
    chosen = SourceOptions(**{"spatial": False, **options})
    source = open_source(path, chosen, Rejects() if rejects is None else rejects)
    batches = list(source.batches(size=7))
    source.close()
    assert all(len(batch) <= 7 for batch in batches)
    frame = pd.concat([batch.columns for batch in batches], ignore_index=True)
    if chosen.spatial:
        frame["geometry"] = [shape for batch in batches for shape in batch.geometry]
    return frame, [int(n) for batch in batches for n in batch.numbers], source.facts


# -- Where the table is ----------------------------------------------------------------------------


def office_table(sheet: Worksheet) -> None:
    """Write a table as a street office keeps it: rows 1 to 3 above, rows 12 to 14 below."""
    sheet.append(["明光社区楼栋信息表"])
    sheet.append(["填表日期：2024/8/5", None, None, None, "单位：户、人"])
    sheet.append(["小区名称", "楼栋", "人口", None, "其他"])
    sheet.append([None, None, "总人口", "其中老年人", None])
    for number in range(1, 5):
        sheet.append(["东门新村" if number == 1 else None, f"{number}栋", 100 + number, 20, "x"])
    sheet.append([None, "小计", 410, 80])
    sheet.append([])
    sheet.append(["西苑", "1号楼", "约90", None, None])
    sheet.append(["合计", None, 500, 80])
    sheet.append(["填表人：", None, "审核：", None])
    sheet.append(["备注：数据截至上月底"])
    for cells in ("A1:E1", "A3:A4", "B3:B4", "C3:D3", "E3:E4", "A5:A9", "A12:B12"):
        sheet.merge_cells(cells)


def test_an_office_table_is_read_with_everything_around_it_said(tmp_path: Path):
    frame, numbers, facts = read(workbook(tmp_path / "t.xlsx", office_table))
    assert frame.columns.tolist() == ["小区名称", "楼栋", "人口_总人口", "人口_其中老年人", "其他"]
    assert frame["小区名称"].tolist() == ["东门新村"] * 4 + ["西苑"]
    assert frame["楼栋"].tolist() == ["1栋", "2栋", "3栋", "4栋", "1号楼"]
    assert frame["人口_总人口"].tolist() == [101, 102, 103, 104, "约90"]
    assert numbers == [5, 6, 7, 8, 11]
    assert facts.format == "Excel"
    assert facts.layer == "楼栋"
    assert list(facts.notes) == [
        "rows above the header left out: 明光社区楼栋信息表; 填表日期：2024/8/5 单位：户、人",
        "the header has 2 rows (3 to 4); their names are joined with '_'",
        "小区名称: merged cells filled down over 3 rows",
        (
            "rows that are sums or remarks left out: "
            "9 (小计), 12 (合计), 13 (填表人：), 14 (备注：数据截至上月底)"
        ),
        "1 rows without any value left out",
    ]


@pytest.mark.parametrize("header", [HEADER, ["quarter", "building", "households", "lon", "lat"]])
def test_coordinates_in_two_columns_in_either_language(tmp_path: Path, header: list[str]):
    rows = [header, ["东门", "1栋", 12, 117.3, 31.8], ["东门", "2栋", "13", "117.31", "31.81"]]
    path = workbook(tmp_path / "t.xlsx", rows_of(rows))
    frame, numbers, facts = read(path, spatial=True, crs=WGS84)
    assert shapely.get_coordinates(frame["geometry"]).tolist() == [[117.3, 31.8], [117.31, 31.81]]
    assert facts.xy == tuple(header[3:])
    assert frame[header[2]].tolist() == [12, "13"]
    assert numbers == [2, 3]
    with pytest.raises(CrsMismatchError, match="a workbook does not say"):
        read(path, spatial=True)


def test_wkt_and_pairs_of_coordinates(tmp_path: Path):
    shape = "POLYGON ((117.3 31.8, 117.4 31.8, 117.4 31.9, 117.3 31.8))"
    wkt = workbook(tmp_path / "w.xlsx", rows_of([["名称", "WKT"], ["甲", shape], ["乙", None]]))
    frame, _, _ = read(wkt, spatial=True, crs=WGS84)
    assert [s is None for s in frame["geometry"]] == [False, True]
    rows = [["名称", "坐标"], ["甲", "117.3，31.8"], ["乙", "(117.31 31.81)"], ["丙", "东门"]]
    pairs = workbook(tmp_path / "p.xlsx", rows_of(rows))
    rejects = Rejects()
    frame, _, _ = read(pairs, rejects, spatial=True, crs=WGS84)
    assert shapely.get_coordinates(frame["geometry"][:2]).tolist() == [
        [117.3, 31.8],
        [117.31, 31.81],
    ]
    assert [(row[0], row[3]) for row in rejects.rows] == [(4, "not_a_number")]


def test_the_table_may_begin_anywhere(tmp_path: Path):
    def fill(sheet: Worksheet) -> None:
        for place, text in {"C4": "名称", "D4": "户数", "C5": "甲", "D5": 3}.items():
            sheet[place] = text

    frame, numbers, _ = read(workbook(tmp_path / "t.xlsx", fill))
    assert frame.to_dict("list") == {"名称": ["甲"], "户数": [3]}
    assert numbers == [5]


def test_hidden_rows_are_rows(tmp_path: Path):
    def fill(sheet: Worksheet) -> None:
        rows_of([["名称", "户数"], ["甲", 1], ["乙", 2]])(sheet)
        sheet.row_dimensions[3].hidden = True

    frame, _, _ = read(workbook(tmp_path / "t.xlsx", fill))
    assert frame["名称"].tolist() == ["甲", "乙"]


def test_dates_come_as_dates_and_serial_days_as_numbers(tmp_path: Path):
    rows = [["名称", "建成"], ["甲", date(2024, 8, 5)], ["乙", 45509], ["丙", "2024.08.05"]]
    frame, _, _ = read(workbook(tmp_path / "t.xlsx", rows_of(rows)))
    assert [str(value) for value in frame["建成"]] == ["2024-08-05", "45509", "2024.08.05"]


# -- Headers ---------------------------------------------------------------------------------------


def test_names_that_stand_twice_and_columns_without_one(tmp_path: Path):
    rows = [["名称", "户数", "户数", None, None], ["甲", 1, 2, "x", None]]
    frame, _, facts = read(workbook(tmp_path / "t.xlsx", rows_of(rows)))
    assert frame.columns.tolist() == ["名称", "户数", "户数_2", "column D"]
    assert "the column name '户数' stands there again: read as '户数_2'" in facts.notes


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([["a", "b"], ["1", "2"]], ("a", "b")),
        ([["*名称", "户\n数"], ["甲", "2"]], ("名称", "户数")),
        ([["号", "人口", ""], ["", "合计", "老年人"]], ("号", "人口_合计", "人口_老年人")),
        ([["统计表", "", ""], ["a", "b", "c"], ["1", "2", "3"]], ("a", "b", "c")),
        ([["统计表", "2024年", "", ""], ["a", "b", "c", "d"]], ("a", "b", "c", "d")),
        ([["名称", "", "地址"], ["甲", "x", ""], ["乙", "y", "z"]], ("名称", "", "地址")),
        ([["名称", "", "地址"], ["甲", "x", "z"]], ("名称", "", "地址")),
        ([["only"], ["x"]], ("only",)),
    ],
)
def test_headers_of_text_without_merged_cells(rows: list[list[str]], names: tuple[str, ...]):
    assert find_header(rows, "t.csv").names == names


def test_header_rows_that_cannot_be_told_are_given(tmp_path: Path):
    rows = [["人口", "人口", "名称"], ["男", "女", "楼"], ["一", "二", "甲"]]
    path = workbook(tmp_path / "t.xlsx", rows_of(rows))
    assert read(path, header_rows=2)[0].columns.tolist() == ["人口_男", "人口_女", "名称_楼"]
    with pytest.raises(InvalidInputError, match="no header row"):
        read(path, header_rows=9)
    years = workbook(tmp_path / "y.xlsx", rows_of([["社区", 2023, 2024], ["甲", 1, 2]]))
    assert read(years, header_rows=1)[0].columns.tolist() == ["社区", "2023", "2024"]


def test_rows_of_data_are_never_taken_for_titles(tmp_path: Path):
    path = workbook(tmp_path / "t.xlsx", rows_of([[1, 2, 3], ["a", "b", "c"], [4, 5, 6]]))
    with pytest.raises(InvalidInputError, match="no header row was found"):
        read(path)


# -- Merged cells ----------------------------------------------------------------------------------


def test_one_number_of_households_over_several_rows_is_nobodys(tmp_path: Path):
    rows = [["楼栋", "户数", "序号"], ["1栋", 120, 7], ["2栋", None, None], ["3栋", 40, 8]]
    rejects = Rejects()
    path = workbook(tmp_path / "t.xlsx", rows_of(rows, "B2:B3", "C2:C3"))
    frame, _, _ = read(path, rejects)
    assert [(row[0], row[1], row[3]) for row in rejects.rows] == [
        (2, "户数", "shared_amount"),
        (3, "户数", "shared_amount"),
    ]
    assert frame["序号"].tolist() == [7, 7, 8]


@settings(max_examples=20, deadline=None)  # each example writes and reads a workbook
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_every_row_gets_the_name_of_its_merged_cell(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int]
):
    rows: list[list[object]] = [["小区", "楼栋"]]
    merges, expected = [], []
    for block, length in enumerate(lengths):
        first = len(rows) + 1
        rows += [[f"小区{block}" if k == 0 else None, f"{block}-{k}栋"] for k in range(length)]
        expected += [f"小区{block}"] * length
        merges += [f"A{first}:A{len(rows)}"] if length > 1 else []
    path = tmp_path_factory.mktemp("m") / "t.xlsx"
    frame, numbers, _ = read(workbook(path, rows_of(rows, *merges)))
    assert frame["小区"].tolist() == expected
    assert numbers == list(range(2, len(rows) + 1))


# -- Sheets ----------------------------------------------------------------------------------------


def several(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    book = openpyxl.Workbook()
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        rows_of(rows)(sheet)
    book.save(path)
    return path


def test_the_sheet_is_asked_for_called_as_the_layer_or_the_only_one(tmp_path: Path):
    table = [["名称", "户数"], ["甲", 1]]
    one = several(tmp_path / "one.xlsx", 说明=[], 楼栋=table)
    assert read(one)[2].layer == "楼栋"
    two = several(tmp_path / "two.xlsx", quarters=table, 楼栋=table)
    assert read(two, layer="楼栋")[2].layer == "楼栋"
    assert read(two, preferred_layer="quarters")[2].layer == "quarters"
    with pytest.raises(InvalidInputError, match="2 sheets with content") as caught:
        read(two)
    assert "--table: quarters, 楼栋" in caught.value.remedy
    with pytest.raises(InvalidInputError, match="no sheet '街道'"):
        read(two, layer="街道")
    with pytest.raises(InvalidInputError, match="all sheets are empty"):
        read(several(tmp_path / "none.xlsx", a=[], b=[]))


# -- Cells and files that cannot be read -----------------------------------------------------------


def test_errors_of_formulas_reject_their_row_by_the_sheets_own_number(tmp_path: Path):
    def fill(sheet: Worksheet) -> None:
        rows_of([["统计表"], ["名称", "户数", "备"], ["甲", 1], ["乙", 2], ["丙", 3], ["合计", 6]])(
            sheet
        )
        sheet["B4"].value, sheet["B4"].data_type = "#REF!", "e"
        sheet["B5"] = "=B3+1"  # written by a program, never computed
        sheet["B6"].value, sheet["B6"].data_type = "#REF!", "e"  # in a row that is left out

    rejects = Rejects()
    frame, numbers, _ = read(workbook(tmp_path / "t.xlsx", fill), rejects)
    assert len(frame) == 3
    assert numbers == [3, 4, 5]
    assert [row[:4] for row in rejects.rows] == [
        (4, "户数", "#REF!", "formula_error"),
        (5, "户数", "", "formula_error"),
    ]
    assert "mend cell B4" in rejects.rows[0][5]


@pytest.mark.parametrize("number", [0, 25, 26, 51, 52, 701, 702, 16_383])
def test_letters_of_columns_are_those_of_the_spreadsheet(number: int):
    assert column_letters(number) == openpyxl.utils.get_column_letter(number + 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 nothing", "cannot be read as an Excel workbook"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "it is a web page"),
        ("名称\t户数\r\n甲\t1\r\n".encode("utf-16"), "cannot be read as an Excel workbook"),
    ],
)
def test_what_is_no_workbook_is_named(tmp_path: Path, content: bytes, says: str):
    for name in ("t.xlsx", "t.xls"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataSourceError, match=says):
            read(path)


def test_a_workbook_cut_in_half_is_refused(tmp_path: Path):
    path = workbook(tmp_path / "t.xlsx", rows_of([["a", "b"]] + [[n, n] for n in range(500)]))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataSourceError, match="cannot be read as an Excel workbook"):
        read(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = workbook(tmp_path / "t.xlsx", rows_of([["a", "b"], [1, 2]]))
    monkeypatch.setattr("gis.ingest.formats.sheets.MOST_BYTES", 1000)
    with pytest.raises(DataSourceError, match="unpacks to more than"):
        read(path)


def test_a_workbook_saved_while_it_is_read_is_refused(tmp_path: Path):
    rows = [["a", "b"]] + [[n, n] for n in range(50)]
    path = workbook(tmp_path / "t.xlsx", rows_of(rows))
    source = open_source(path, SourceOptions(spatial=False), Rejects())
    batches = source.batches(size=10)
    next(batches)
    workbook(path, rows_of(rows[:20]))
    with pytest.raises(DataSourceError, match="changed while it was read"):
        list(batches)


# -- The old binary format -------------------------------------------------------------------------


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def wide(text: str, length: str) -> bytes:
    return struct.pack(length, len(text)) + b"\x01" + text.encode("utf-16-le")


def biff8(rows: Sequence[Sequence[object]], merges: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Return the stream of a workbook of Excel 97 with one sheet."""
    start = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6))
    name = "楼栋"
    size = 4 + 8 + len(name) * 2
    position = len(start) + size + 4  # of the sheet: behind this record and the end of the book
    book = record(0x0085, struct.pack("<IBB", position, 0, 0) + wide(name, "<B")) + record(
        0x0A, b""
    )
    sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6))
    sheet += record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                sheet += record(0x0204, struct.pack("<HHH", r, c, 0) + wide(value, "<H"))
            elif value is not None:
                sheet += record(0x0203, struct.pack("<HHHd", r, c, 0, value))
    cells = b"".join(struct.pack("<HHHH", r0, r1, c0, c1) for r0, c0, r1, c1 in merges)
    sheet += record(0x00E5, struct.pack("<H", len(merges)) + cells) + record(0x0A, b"")
    return start + book + sheet


def compound_file(stream: bytes) -> bytes:
    """Return an OLE2 file whose one stream is ``Workbook``."""
    stream = stream.ljust(4096, b"\0")  # shorter ones would stand elsewhere
    stream += b"\0" * (-len(stream) % 512)
    sectors = len(stream) // 512
    free, end, fat = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    chain = [fat, end, *range(3, sectors + 2), end]  # sector 0: this table, 1: the directory
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))

    def entry(name: str, kind: int, child: int, first: int, length: int) -> bytes:
        text = (name + "\0").encode("utf-16-le") if name else b""
        links = struct.pack("<III", free, free, child)
        return (
            text.ljust(64, b"\0")
            + struct.pack("<HBB", len(text), kind, 1)
            + links
            + b"\0" * 36
            + struct.pack("<IQ", first, length)
        )

    directory = entry("Root Entry", 5, 1, end, 0) + entry("Workbook", 2, free, 2, len(stream))
    directory += entry("", 0, free, 0, 0) * 2
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    return header + table + directory + stream


def test_the_old_binary_format_with_merged_cells(tmp_path: Path):
    rows = [
        ["楼栋信息表", None, None],
        ["小区", "楼栋", "户数"],
        ["东门", "1栋", 12.0],
        [None, "2栋", 13.0],
        ["合计", None, 25.0],
    ]
    path = tmp_path / "t.xls"
    path.write_bytes(compound_file(biff8(rows, [(0, 0, 0, 2), (2, 0, 3, 0)])))
    frame, numbers, facts = read(path)
    assert frame.to_dict("list") == {
        "小区": ["东门", "东门"],
        "楼栋": ["1栋", "2栋"],
        "户数": [12, 13],
    }
    assert numbers == [3, 4]
    assert facts.layer == "楼栋"
    assert "rows above the header left out: 楼栋信息表" in facts.notes
