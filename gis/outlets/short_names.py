"""Names of fields for Shapefile: at most ten bytes in its encoding, each once."""

from collections.abc import Iterable

MAX_BYTES = 10


def short_names(names: Iterable[str], encoding: str) -> dict[str, str]:
    """Return a name of at most ten bytes for each name, all different whatever their case.

    Parameters
    ----------
    names
        The full names, all different.
    encoding
        Encoding of the DBF file: a Chinese character takes two bytes in GBK and three in UTF-8.

    Examples
    --------
    >>> short_names(["households", "households_source", "households_suppressed"], "gbk")
    {'households': 'households', 'households_source': 'househol_1', 'households_suppressed': 'househol_2'}
    >>> short_names(["低保及边缘户数"], "gbk"), short_names(["低保及边缘户数"], "utf-8")
    ({'低保及边缘户数': '低保及边缘'}, {'低保及边缘户数': '低保及'})
    """  # noqa: E501 - what doctest prints is one line
    listed = list(names)
    out: dict[str, str] = {}
    # Those that fit keep their names, whatever comes before them.
    taken = {name.lower() for name in listed if len(encoded(name, encoding)) <= MAX_BYTES}
    for name in listed:
        if len(encoded(name, encoding)) <= MAX_BYTES:
            out[name] = name
            continue
        short, number = cut(name, MAX_BYTES, encoding), 0
        while short.lower() in taken:
            number += 1
            tail = f"_{number}"
            short = cut(name, MAX_BYTES - len(tail), encoding) + tail
        taken.add(short.lower())
        out[name] = short
    return out


def encoded(text: str, encoding: str) -> bytes:
    """Return the bytes of a text; a character that the encoding lacks becomes a question mark."""
    return text.encode(encoding, "replace")


def cut(text: str, limit: int, encoding: str) -> str:
    """Return as much of a text as fits into some bytes, never half a character.

    Examples
    --------
    >>> cut("网格a网", 6, "gbk"), cut("网格a网", 6, "utf-8")
    ('网格a', '网格')
    """
    return encoded(text, encoding)[:limit].decode(encoding, "ignore")
