"""Texts that a spreadsheet would run as a formula, made harmless in files and restored from them.

A cell that begins with one of ``= + - @`` (or their full-width forms), a tab, a line feed or a
carriage return can be taken for a formula when a spreadsheet opens a CSV file (OWASP, "CSV
Injection"). An apostrophe before it makes it text. A text that already looks as if it had been
defused gets one more, so that taking one off always gives the text back.
"""

import re
from pathlib import Path

_ACTIVE = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
_DEFUSED = re.compile(r"'+[=+\-@＝＋－＠\t\r\n]")
#: What stands beside a file that this program wrote, and says how to read it.
COMPANION_SUFFIX = ".about.json"


def defuse(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> defuse("=1+1"), defuse("-"), defuse("3 Main Street")
    ("'=1+1", "'-", '3 Main Street')
    """
    return f"'{text}" if _ACTIVE.match(text) else text


def restore(text: str) -> str:
    """Return what :func:`defuse` was given; only for files that :func:`is_defused` knows.

    Examples
    --------
    >>> restore(defuse("'=1")), restore("'tis")
    ("'=1", "'tis")
    """
    return text[1:] if _DEFUSED.match(text) else text


def companion_of(path: Path) -> Path:
    """Return the file that says what ``path`` holds."""
    return path.with_name(path.name + COMPANION_SUFFIX)


def is_defused(path: Path) -> bool:
    """Return whether a CSV file is an export of ours, by the companion that stands beside it."""
    import json

    companion = companion_of(path)
    if not companion.is_file():
        return False
    try:
        told = json.loads(companion.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("formulas") == "defused by an apostrophe"
