"""Where a table's header is, how many rows it has, and what its columns are called.

Tables of offices begin with titles ("XX社区楼栋信息表" over all columns, "填表日期: 2024/8/5").
Their headers may have several rows with merged cells, "人口" over "合计" and "其中老年人": the
names of such columns are joined from top to bottom, 人口_合计 and 人口_其中老年人.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gis.errors import InvalidInputError

#: Between the parts of a name that stands in several rows.
JOINT = "_"
#: Rows in which a header is looked for.
SEARCHED_ROWS = 30
#: Most rows of a header that are found without being told.
MOST_HEADER_ROWS = 4
#: Words that begin the rows below a table, and those that begin a sum of its rows.
_FOOTER = re.compile(
    r"^(填\s*表|制\s*表|审\s*核|复\s*核|负责人|联系人|备\s*注\s*[:：]|说\s*明\s*[:：]|注\s*[:：]|"
    r"单位[（(]?盖章|填报|notes?:|prepared by)",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"^([合总小共]\s*计|本页小计|total|sum|subtotal)\s*([:：（(].*|[\d,.]+.*)?$", re.IGNORECASE
)
#: A cell above a table that is no name of a column but a statement.
_REMARK = re.compile(r"^[^:：]{1,12}[:：]\s*\S|^(单位|填表日期|日期|编号|表号)[:：]?$")
_NUMBER = re.compile(r"^[+-]?[\d.,，]+%?$|^\d{4}[-/.年]\d{1,2}")

Row = Sequence[object]
#: Cells that are merged: first row, first column, last row, last column, all from 0.
Merge = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a table.

    Parameters
    ----------
    first
        Its first row, from 0.
    rows
        How many rows it has.
    names
        Names of the columns, unique, from the leftmost one on; ``""``: the column has no name.
    titles
        Texts of the rows above it.
    notes
        What was mended in the names.
    """

    first: int
    rows: int
    names: tuple[str, ...]
    titles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_blank(value: object) -> bool:
    """Return whether a cell has nothing in it that people see."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_footer(row: Row) -> bool:
    """Return whether a row begins as remarks below a table do: 填表人, 备注, 审核."""
    first = next((cell for cell in row if not is_blank(cell)), None)
    return isinstance(first, str) and _FOOTER.match(first.strip()) is not None


def is_sum(row: Row) -> bool:
    """Return whether a row is a sum of others: its first cell is 合计, 小计 or the like."""
    first = next((cell for cell in row if not is_blank(cell)), None)
    return isinstance(first, str) and _SUM.match(first.strip()) is not None


def clean_name(value: object) -> str:
    """Return a column's name in one line: breaks within it, stars and a byte mark are gone."""
    if is_blank(value):
        return ""
    text = unicodedata.normalize("NFC", str(value)).replace("\ufeff", "").strip()
    # A break between Chinese characters is the cell's width, one between words is a space.
    text = re.sub(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])", "", text)
    return re.sub(r"\s+", " ", text).strip("* ＊:：")


def find_header(
    rows: Sequence[Row],
    where: str,
    *,
    header_rows: int | None = None,
    merges: Sequence[Merge] = (),
) -> Header:
    """Return the header of a table that may have titles above it.

    Parameters
    ----------
    rows
        The first rows as they are, each cell of a merged range but the first one blank.
    where
        File and sheet, for errors.
    header_rows
        Number of the header's rows if it is known; the titles are found all the same.
    merges
        Merged ranges, where the format knows them.

    Raises
    ------
    gis.errors.InvalidInputError
        There is no header: all cells are empty, or ``header_rows`` are more than there are.
    """
    width = max((_width(row) for row in rows), default=0)
    first = _first_header_row(rows, width, merges)
    if first is None and header_rows is not None:  # it is said that there is one: years, say
        first = next((number for number, row in enumerate(rows) if len(_texts(row)) > 1), None)
    if first is None or (header_rows is not None and first + header_rows > len(rows)):
        msg = f"{where}: no header row was found."
        raise InvalidInputError(
            msg,
            remedy="Give each column a name above the data, or say with --header-rows how many "
            "rows the header has.",
            file=where,
        )
    count = header_rows or _count_header_rows(rows, first, width, merges)
    above = [_texts(row) for row in rows[:first]]
    titles = tuple(" ".join(texts) for texts in above if texts)
    header = rows[first : first + count]
    # A row below the header may be too long: it is the header that says how many columns there are.
    names = _join(header, first, max(map(len, header)), merges)
    unique, notes = _unique(names)
    return Header(first, count, unique, titles, notes)


def _first_header_row(rows: Sequence[Row], width: int, merges: Sequence[Merge]) -> int | None:
    """Return the first row that names at least half of the columns; not below rows of data.

    Where none does, the first row with more than one name; in a table of one column any row.
    """
    wide = {(top, left): right for top, left, _, right in merges}
    narrow: int | None = None
    for number, row in enumerate(rows[:SEARCHED_ROWS]):
        filled = [column for column, cell in enumerate(row) if not is_blank(cell)]
        if len(filled) < min(2, max(width, 1)) or _is_remark(row):
            continue
        if sum(_is_data(row[column]) for column in filled) * 2 > len(filled):
            return narrow
        reach = sum(wide.get((number, column), column) - column + 1 for column in filled)
        if reach * 2 >= width and not _is_outdone(rows, number, width, merges):
            return number
        narrow = number if narrow is None else narrow
    return narrow


def _is_outdone(rows: Sequence[Row], number: int, width: int, merges: Sequence[Merge]) -> bool:
    """Return whether the row below names all columns, and this one half of them at most."""
    if number + 1 >= len(rows) or _within(merges, number, number):
        return False
    below = rows[number + 1]
    full = len(_texts(below)) == width and not any(_is_data(cell) for cell in below)
    return full and len(_texts(rows[number])) * 2 <= width


def _is_remark(row: Row) -> bool:
    """Return whether each cell says what it is itself: "填表日期: 2024/8/5"."""
    return all(_REMARK.match(text) for text in _texts(row))


def _count_header_rows(rows: Sequence[Row], first: int, width: int, merges: Sequence[Merge]) -> int:
    """Return how many rows the header has, told by merged cells, else by gaps that are filled."""
    last = first
    while last + 1 < min(len(rows), first + MOST_HEADER_ROWS):
        if not _goes_on(rows, first, last, width, merges):
            break
        last += 1
    return last - first + 1


def _goes_on(
    rows: Sequence[Row], first: int, last: int, width: int, merges: Sequence[Merge]
) -> bool:
    below = list(rows[last + 1]) + [None] * (width - len(rows[last + 1]))
    if any(_is_data(cell) for cell in below):
        return False
    mine = _within(merges, first, last)
    if any(bottom > last for _, _, bottom, _ in mine):
        return True
    if any(bottom == last and right > left for _, left, bottom, right in mine):
        return not all(is_blank(cell) for cell in below)
    return not mine and _fills_gaps(rows[last], below)


def _within(merges: Sequence[Merge], first: int, last: int) -> list[Merge]:
    return [merge for merge in merges if first <= merge[0] <= last]


def _fills_gaps(row: Row, below: Row) -> bool:
    """Return whether a row names what the gaps of the one above it have under their heading.

    In text there are no merged cells: "人口,,," stands over "合计,老年人,儿童", and below the other
    names is nothing.
    """
    cells = [*row, *[None] * (len(below) - len(row))]
    gaps = {column for column, cell in enumerate(cells) if is_blank(cell)}
    heads = {column - 1 for column in gaps} - gaps
    named = {column for column, cell in enumerate(below) if not is_blank(cell)}
    # The first column names the rows: where it has a text below, that is a row of data.
    return bool(gaps) and named == gaps | heads and 0 not in named


def _is_data(cell: object) -> bool:
    """Return whether a cell is no name: a number, a date, or a text of one."""
    if is_blank(cell):
        return False
    return not isinstance(cell, str) or _NUMBER.match(cell.strip()) is not None


def _join(header: Sequence[Row], first: int, width: int, merges: Sequence[Merge]) -> list[str]:
    """Return each column's name, its parts joined from top to bottom."""
    grid = [[clean_name(cell) for cell in row] + [""] * (width - len(row)) for row in header]
    mine = _within(merges, first, first + len(grid) - 1)
    for top, left, bottom, right in mine:
        for row in range(top, min(bottom, first + len(grid) - 1) + 1):
            for column in range(left, min(right, width - 1) + 1):
                grid[row - first][column] = grid[top - first][left]
    if not mine:
        _fill_to_the_right(grid)
    return [_named([row[column] for row in grid]) for column in range(width)]


def _fill_to_the_right(grid: list[list[str]]) -> None:
    """Let a name reach over the gaps beside it as far as the row below it has names of its own."""
    for upper, lower in pairwise(grid):
        for column in range(1, len(upper)):
            if not upper[column] and lower[column]:
                upper[column] = upper[column - 1]


def _named(parts: Sequence[str]) -> str:
    kept: list[str] = []
    for part in parts:
        if part and (not kept or kept[-1] != part):
            kept.append(part)
    return JOINT.join(kept)


def _unique(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    seen: Counter[str] = Counter()
    taken = set(names)
    out: list[str] = []
    notes: list[str] = []
    for name in names:
        seen[name] += 1
        number, new = seen[name], name
        while name and number > 1 and (new == name or new in taken):
            new = f"{name}{JOINT}{number}"
            number += 1
        if new != name:
            taken.add(new)
            notes.append(f"the column name {name!r} stands there again: read as {new!r}")
        out.append(new)
    return tuple(out), tuple(notes)


def _texts(row: Row) -> list[str]:
    return [str(cell).strip() for cell in row if not is_blank(cell)]


def _width(row: Row) -> int:
    return max((column + 1 for column, cell in enumerate(row) if not is_blank(cell)), default=0)
