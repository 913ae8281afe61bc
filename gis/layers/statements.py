"""The named SQL files of this floor, read once; table names come from a closed list."""

from functools import lru_cache
from pathlib import Path

from sqlalchemy import TextClause, text

_FOLDER = Path(__file__).parent / "sql"
_TABLES = frozenset(
    {
        "activities",
        "barriers",
        "buildings",
        "communities",
        "crossings",
        "dedicated_areas",
        "demands",
        "divisions",
        "incidents",
        "organisations",
        "pois",
        "posts",
        "quarters",
        "roads",
        "stations",
        "units",
    }
)
_PLACES = {
    "buildings": "m.location",
    "quarters": "ST_PointOnSurface(m.geometry)",
    "dedicated_areas": "ST_PointOnSurface(m.geometry)",
    "stations": "m.geometry",
}


@lru_cache
def statement(name: str, table: str) -> TextClause:
    """Return the statement of the file ``sql/<name>.sql`` for one of the known tables.

    A file that does not speak of ``{table}`` is the same for each of them.
    """
    if table not in _TABLES:
        msg = f"no statement is made for table {table!r}"
        raise ValueError(msg)
    source = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    source = source.replace("{table}", table).replace("{place}", _PLACES.get(table, ""))
    # A cast (::) is no parameter.
    return text(source.replace("::", "\\:\\:"))
