"""DXF drawings: outlines become polygons, the texts in them their names."""

from pathlib import Path

import pytest
import shapely

from gis.errors import CrsMismatchError, DataSourceError, InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.formats.contents import layers_of
from gis.ingest.rejects import Rejects
from gis.ingest.rows import RowBatch, SourceFacts, SourceOptions

pytestmark = pytest.mark.geometry


def groups(*pairs: tuple[int, object]) -> str:
    """Return groups of a drawing: a code and a value, each on its line."""
    return "".join(f"{code}\n{value}\n" for code, value in pairs)


def outline(layer: str, points: list[tuple[float, float]], *, closed: bool = True) -> str:
    corners = [pair for x, y in points for pair in ((10, x), (20, y))]
    start = [(0, "LWPOLYLINE"), (8, layer), (90, len(points)), (70, int(closed))]
    return groups(*start, *corners)


def square(layer: str, x: float, y: float, size: float = 10) -> str:
    return outline(layer, [(x, y), (x + size, y), (x + size, y + size), (x, y + size)])


def text(content: str, x: float, y: float, kind: str = "TEXT", *more: tuple[int, object]) -> str:
    return groups((0, kind), (8, "注记"), *more, (10, x), (20, y), (40, 1), (1, content))


def drawing(
    path: Path, entities: str, encoding: str = "gbk", version: str = "AC1015", blocks: str = ""
) -> Path:
    page = ((9, "$ACADVER"), (1, version), (9, "$DWGCODEPAGE"), (3, "ANSI_936"))
    whole = groups((0, "SECTION"), (2, "HEADER"), *page, (0, "ENDSEC"))
    whole += groups((0, "SECTION"), (2, "BLOCKS")) + blocks + groups((0, "ENDSEC"))
    whole += groups((0, "SECTION"), (2, "ENTITIES")) + entities + groups((0, "ENDSEC"), (0, "EOF"))
    path.write_bytes(whole.encode(encoding))
    return path


def read(
    path: Path, crs: str | None = "EPSG:4548", **options: object
) -> tuple[RowBatch, SourceFacts]:
    declared = None if crs is None else SourceCrs.parse(crs, "test")
    source = open_source(path, SourceOptions(crs=declared, **options), Rejects())  # type: ignore[arg-type]
    (batch,) = source.batches()
    source.close()
    return batch, source.facts


def kinds(batch: RowBatch) -> list[str]:
    assert batch.geometry is not None
    return [shape.geom_type for shape in batch.geometry]


@pytest.mark.parametrize(
    ("encoding", "version"),
    [("gbk", "AC1015"), ("gb18030", "AC1009"), ("utf-8", "AC1021"), ("utf-8", "AC1015")],
)
def test_outlines_get_the_texts_that_stand_in_them(tmp_path: Path, encoding: str, version: str):
    entities = text("桂林路3幢", 5, 5) + square("建筑", 0, 0) + square("建筑", 20, 0)
    entities += text(r"{\fSimSun|b0;福山路\P12号楼}", 25, 5, "MTEXT") + text("图名：一层", 99, 99)
    batch, facts = read(drawing(tmp_path / "d.dxf", entities, encoding, version))
    assert batch.columns["text"].tolist() == ["桂林路3幢", "福山路 12号楼"]
    assert batch.columns["layer"].tolist() == ["建筑", "建筑"]
    assert kinds(batch) == ["Polygon", "Polygon"]
    assert facts.encoding == ("utf-8" if encoding == "utf-8" else "gb18030")
    assert "2 texts became names of the outlines that they stand in" in facts.notes
    assert "1 texts stand in no outline and are left out" in facts.notes
    assert facts.rows == 2


def test_a_text_is_of_the_smallest_outline_around_it_and_of_its_fill(tmp_path: Path):
    entities = square("小区", -100, -100, 500) + square("建筑", 0, 0)
    entities += square("填充", 0, 0) + text("3幢", 5, 5) + text("桂苑", 200, 200)
    path = drawing(tmp_path / "d.dxf", entities)
    batch, _ = read(path)
    assert batch.columns["text"].tolist() == ["桂苑", "3幢", "3幢"]
    assert read(path, layer="小区")[0].columns["text"].tolist() == ["3幢 桂苑"]
    entries = [(entry.name, entry.geometry, entry.rows) for entry in layers_of(path)]
    assert entries == [("小区", "Polygon", 1), ("建筑", "Polygon", 1), ("填充", "Polygon", 1)]
    with pytest.raises(InvalidInputError, match=r"no layer '道路'.*填充, 小区, 建筑"):
        read(path, layer="道路")


@pytest.mark.parametrize(
    ("gap", "kind"), [(0.0, "Polygon"), (0.0009, "Polygon"), (0.002, "LineString")]
)
def test_lines_whose_ends_meet_are_closed(tmp_path: Path, gap: float, kind: str):
    line = outline("建筑", [(0, 0), (10, 0), (10, 10), (0, 10), (0, gap)], closed=False)
    batch, facts = read(drawing(tmp_path / "d.dxf", line))
    assert kinds(batch) == [kind]
    assert any("within 1 mm" in note for note in facts.notes) == (gap == 0.0009)
    if kind == "Polygon":
        assert batch.geometry is not None
        assert batch.geometry[0].equals_exact(shapely.box(0, 0, 10, 10), 0.001, normalize=True)


def test_circles_blocks_and_old_polylines_are_outlines_too(tmp_path: Path):
    corners = "".join(
        groups((0, "VERTEX"), (8, "建筑"), (10, x), (20, y)) for x, y in ((60, 0), (70, 0), (70, 9))
    )
    entities = groups((0, "CIRCLE"), (8, "建筑"), (10, 50), (20, 5), (40, 3))
    entities += groups((0, "POLYLINE"), (8, "建筑"), (66, 1), (70, 1)) + corners
    entities += groups((0, "SEQEND"))
    entities += groups((0, "INSERT"), (8, "建筑"), (2, "楼"), (10, 100), (20, 100))
    blocks = groups((0, "BLOCK"), (8, "0"), (2, "楼"), (10, 0), (20, 0))
    blocks += square("内", 0, 0, 5) + text("块内", 2, 2) + groups((0, "ENDBLK"))
    batch, _ = read(drawing(tmp_path / "d.dxf", entities, blocks=blocks))
    assert kinds(batch) == ["Polygon"] * 3
    assert batch.geometry is not None
    assert batch.geometry[0].area == pytest.approx(9 * 3.14159, rel=0.01)
    assert batch.geometry[2].bounds == (100, 100, 105, 105)
    assert batch.columns["text"].tolist() == [None, None, "块内"]


def test_lines_and_points_stay_and_texts_alone_are_rows(tmp_path: Path):
    line = outline("路", [(0, 0), (10, 0)], closed=False)
    batch, facts = read(drawing(tmp_path / "d.dxf", line + text(r"\U+4E1C门", 5, 5)))
    assert kinds(batch) == ["LineString", "Point"]
    assert batch.columns["text"].tolist() == [None, "东门"]
    assert facts.notes == ()


def test_what_is_on_layouts_for_printing_is_left_out(tmp_path: Path):
    paper = square("图框", 0, 0, 400).replace("\n8\n图框\n", "\n67\n1\n8\n图框\n", 1)
    paper = groups((0, "LINE"), (67, 1), (8, "图框"), (10, 0), (20, 0), (11, 1), (21, 1)) + paper
    batch, facts = read(drawing(tmp_path / "d.dxf", square("建筑", 0, 0) + paper))
    assert batch.columns["layer"].tolist() == ["建筑"]
    assert "2 entities on layouts for printing are left out" in facts.notes


def test_a_drawing_has_no_system_and_must_be_whole(tmp_path: Path):
    path = drawing(tmp_path / "d.dxf", square("建筑", 0, 0))
    with pytest.raises(CrsMismatchError, match="no coordinate reference system"):
        read(path, None)
    degrees = drawing(tmp_path / "g.dxf", square("建筑", 117, 31, 0.001))
    facts = read(degrees, "gcj02")[1]
    assert facts.crs is not None
    assert facts.crs.shift == "gcj02"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataSourceError, match="cut off"):
        read(path)
    with pytest.raises(DataSourceError, match="not UTF-8"):
        read(drawing(tmp_path / "e.dxf", square("建筑", 0, 0)), encoding="utf-8")


def test_a_drawing_without_anything_has_no_rows(tmp_path: Path):
    path = drawing(tmp_path / "d.dxf", "")
    source = open_source(path, SourceOptions(crs=SourceCrs.parse("EPSG:4548", "x")), Rejects())
    assert list(source.batches()) == []
    assert source.facts.columns == ("layer", "text", "handle")
    assert layers_of(path) == []
