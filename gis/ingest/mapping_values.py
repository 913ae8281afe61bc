"""Values of a file's columns as texts, conditions on them, and numbers and texts made of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.frames import Column
from gis.ingest.values import clean_numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: What a mapping may state as a value.
Scalar = str | int | float | bool
Rounding = Literal["", "up", "down", "nearest"]
#: In a table of values: whatever the table does not name.
ANY_OTHER = "*"

_TRUE = frozenset({"true", "t", "yes", "y", "1", "是"})
_ROUNDED = {"up": np.ceil, "down": np.floor, "nearest": np.rint}


@dataclass(frozen=True, slots=True)
class NumberFrom:
    """A number computed from one column: value × ``multiply`` ÷ ``divide``, then rounded.

    Parameters
    ----------
    column
        Column of the file.
    multiply, divide
        Factor and divisor.
    round
        ``up``, ``down``, ``nearest`` (ties to even); empty: not rounded.
    """

    column: str
    multiply: float = 1.0
    divide: float = 1.0
    round: Rounding = ""

    def of(self, columns: "pd.DataFrame") -> "NDArray[np.object_]":
        """Return the numbers, read as other numbers are (``约18``, ``1,200``).

        A value that is no number is passed on as it is, so that checks name it.
        """
        raw = columns[self.column]
        cleaned = clean_numbers(raw, Column(self.column, "float", "A number."))
        numbers = cleaned.data.to_numpy(dtype=float) * self.multiply / self.divide
        if self.round:
            # 60 m ÷ 3 m must not become 21 floors by the last bit of a float.
            numbers = _ROUNDED[self.round](np.round(numbers, 9))
        out = np.array(numbers, dtype=object)
        bad = np.isnan(numbers)
        out[bad] = raw.to_numpy(dtype=object)[bad]
        out[np.asarray(cleaned.missing, dtype=bool)] = None
        return out


@dataclass(frozen=True, slots=True)
class TextFrom:
    """A text made of several columns; empty in rows where one of them is empty.

    Parameters
    ----------
    columns
        Columns of the file in order.
    between, end
        What is written between them and behind the last.
    """

    columns: tuple[str, ...]
    between: str = ""
    end: str = ""

    def of(self, columns: "pd.DataFrame") -> "NDArray[np.object_]":
        """Return the texts."""
        parts = [texts(columns[name]) for name in self.columns]
        rows = zip(*parts, strict=True)
        return np.array(
            [None if None in row else self.between.join(row) + self.end for row in rows],
            dtype=object,
        )


@dataclass(frozen=True, slots=True)
class WordsFrom:
    """A value told by a word in a text, where nothing else tells it: 公寓 in a name, say.

    Parameters
    ----------
    columns
        Columns of the file that are searched, in order.
    words
        Word → value; the first word of the table that occurs decides, upper or lower case.
    """

    columns: tuple[str, ...]
    words: Mapping[str, Scalar]

    def fill(self, values: "NDArray[np.object_]", columns: "pd.DataFrame") -> "NDArray[np.object_]":
        """Return the values with those that are missing told by words."""
        out = np.array(values, dtype=object)
        found = [texts(columns[name]) for name in self.columns]
        for row in np.flatnonzero([value is None for value in out]):
            own = " ".join(column[row] for column in found if column[row]).lower()
            out[row] = next((v for word, v in self.words.items() if word.lower() in own), None)
        return out


@dataclass(frozen=True, slots=True)
class Condition:
    """What a column's value must be for its row to be taken.

    Parameters
    ----------
    values
        The values; empty: any value at all.
    negated
        True: the value must be none of them (an empty one is then taken).
    """

    values: tuple[Scalar, ...] = ()
    negated: bool = False

    def holds(self, column: "pd.Series[Any]") -> "NDArray[np.bool_]":
        """Return which rows meet the condition."""
        found = texts(column)
        present = np.array([text is not None for text in found], dtype=bool)
        if not self.values:
            return ~present if self.negated else present
        meets = np.array(
            [text is not None and any(equals(text, wanted) for wanted in self.values)
             for text in found],
            dtype=bool,
        )  # fmt: skip
        return ~meets if self.negated else meets


def as_text(value: object) -> str | None:
    """Return a value as people write it; ``None`` if it is empty.

    Readers turn whole numbers into floats where a column has gaps, and truth values into 1.0.

    Examples
    --------
    >>> as_text(71118583.0), as_text(" 住宅 "), as_text(float("nan")), as_text(True), as_text("")
    ('71118583', '住宅', None, 'true', None)
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN, NaT
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if (
        isinstance(value, float | np.floating)
        and math.isfinite(value)
        and float(value).is_integer()
    ):
        return str(int(value))
    return str(value).strip() or None


def texts(column: "pd.Series[Any]") -> "NDArray[np.object_]":
    """Return a column's values as :func:`as_text` gives them, each distinct value read once."""
    import pandas as pd

    array = column.to_numpy(dtype=object)
    try:
        codes, distinct = pd.factorize(array)
    except TypeError:  # lists and arrays, as GeoJSON may hold
        return np.array([as_text(v) if np.ndim(v) == 0 else str(v) for v in array], dtype=object)
    known = np.array([*(as_text(value) for value in distinct), None], dtype=object)
    return np.asarray(known[codes], dtype=object)


def equals(text: str, wanted: Scalar) -> bool:
    """Return whether a value as text is what a mapping states; ``true`` is also 1, yes and 是."""
    if isinstance(wanted, bool):
        return (text.lower() in _TRUE) == wanted
    return text == as_text(wanted)


def translated(values: "NDArray[np.object_]", table: Mapping[str, Scalar]) -> "NDArray[np.object_]":
    """Return texts by a table of values; an empty text in the table leaves the field empty.

    A value that the table has not stays as it is, for checks to name, unless the table has ``*``.
    """
    rest = table.get(ANY_OTHER)
    known: dict[str | None, Any] = {None: None}
    for text in values:
        if text not in known:
            value = table.get(text, text if rest is None else rest)
            known[text] = None if value == "" else value
    return np.array([known[text] for text in values], dtype=object)
