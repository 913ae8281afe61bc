"""Rows as tables in Markdown, and the marked section of a page that they are written into."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drawings.running import Row

BEGIN, END = "<!-- districting: begin -->", "<!-- districting: end -->"
Cells = Sequence[str]


@dataclass(frozen=True)
class Column:
    """A column of the comparison: from which number, how several seeds become one, how shown."""

    title: str
    key: str
    form: str
    over_seeds: Callable[[Iterable[float]], float] = statistics.median


#: What must hold is shown as the worst of the seeds, the rest as their median.
COLUMNS = (
    Column("grids", "k", ".0f"),
    Column("300–500, %", "in_band_pct", ".1f", min),
    Column("mean dev", "mean_dev", ".1f"),
    Column("max dev", "max_dev", ".0f", max),
    Column("in pieces", "noncontiguous", ".0f", max),
    Column("crossing", "crossing", ".0f", max),
    Column("PP", "pp", ".3f"),
    Column("Reock", "reock", ".3f"),
    Column("border, km", "border_km", ",.2f"),
    Column("weighted, km", "weighted_km", ",.2f"),
    Column("straddling", "straddling", ".0f"),
    Column("CPU, s", "cpu_s", ",.2f"),
    Column("wall, s", "wall_s", ",.1f"),
    Column("MB", "mb", ",.0f"),
)


def comparison(rows: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """Return the table of all methods; ``rows`` has a title with the rows of its seeds."""
    titles = ["", *(column.title for column in COLUMNS)]
    return markdown(titles, [_line(title, of_seeds) for title, of_seeds in rows])


def _line(title: str, rows: Sequence[Row]) -> Cells:
    failed = [row for row in rows if row.error]
    if failed:
        text = failed[0].error
        seeds = f" ({len(failed)} of {len(rows)} seeds)" if len(rows) > 1 else ""
        return [title, f"{_safe(text)}{seeds}", *[""] * (len(COLUMNS) - 1)]
    values = [row.score | row.cost for row in rows]
    left = max(int(row.score["unassigned"]) for row in rows)
    cells = [
        f"{column.over_seeds(one[column.key] for one in values):{column.form}}"
        for column in COLUMNS
    ]
    return [title + (f" ({left} units left out)" if left else ""), *cells]


def markdown(titles: Cells, lines: Sequence[Cells]) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(titles) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, rule, *lines))


def _safe(text: str) -> str:
    return text.replace("|", "/")


def write_section(page: Path, text: str) -> None:
    """Put ``text`` between the two marks of a page; the rest of it stays as it is."""
    old = page.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page} lacks the marks {BEGIN} and {END}; put them where the tables go.")
    page.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")
