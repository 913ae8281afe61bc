"""Values as tables have them, made into numbers, truth values and dates; every mend is counted.

What can be read in one way only is read, and a note says how many values and gives one of them.
What cannot be read, or in two ways, is a fault of its row. Columns of plain numbers are converted
at once; of other text each distinct value is looked at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.ingest.numerals import WRITINGS, Written, read_number
from gis.ingest.stamps import TIME_NOTES, Stamps, read_times

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import Column
    from gis.ingest.rejects import Rejects

__all__ = [
    "Cleaned",
    "Fault",
    "Mend",
    "MendLog",
    "clean_dates",
    "clean_numbers",
    "clean_truth",
    "household_sources",
]

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0", "是"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0", "否"})
#: Words that mean yes and no in the columns of forms.
_TRUE_WORDS = frozenset({"有", "对", "√", "✓", "✔", "☑", "已"})
_FALSE_WORDS = frozenset({"无", "没有", "错", "×", "✗", "✘", "☐", "未"})
_ISO = "Use ISO 8601 with a zone, for example 2026-05-01T08:30:00+08:00."


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows whose value cannot be taken, for one reason.

    Parameters
    ----------
    code
        Kind of the fault, as in the report of rejects.
    rows
        Which rows of the batch, shape (n,).
    reason, remedy
        What is wrong, and what to do about it.
    """

    code: str
    rows: "NDArray[np.bool_]"
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Mend:
    """Rows whose value was read as something else than what stands there.

    Parameters
    ----------
    code
        Kind of the mend.
    rows
        Which rows of the batch, shape (n,).
    says
        What was done, as the end of a sentence that begins with a number of values.
    example
        One of the values, and what it became.
    """

    code: str
    rows: "NDArray[np.bool_]"
    says: str
    example: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A column after cleaning.

    Parameters
    ----------
    data
        As the column's kind, with the index of the series that was given: float64 for numbers,
        object of ``True``, ``False``, ``None`` for truth values, ``datetime64[us]`` for dates and
        ``datetime64[us, UTC]`` for times; missing where there is none or a fault.
    missing
        Which rows had no value, shape (n,).
    mends, faults
        What was read otherwise, and what cannot be read.
    """

    data: "pd.Series[Any]"
    missing: "NDArray[np.bool_]"
    mends: tuple[Mend, ...] = ()
    faults: tuple[Fault, ...] = ()

    def reject_faults(self, name: str, values: "pd.Series[Any]", rejects: "Rejects") -> None:
        """Add the faults to the rejects under the name of a field."""
        shown = values.to_numpy(dtype=object) if self.faults else None
        for fault in self.faults:
            rejects.add(fault.rows, name, shown, fault.reason, fault.remedy, code=fault.code)


@dataclass(slots=True)
class MendLog:
    """Mends of all batches of a file, counted by field and kind."""

    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _mends: dict[tuple[str, str], Mend] = field(default_factory=dict)

    def add(self, name: str, mends: Iterable[Mend]) -> None:
        """Count the mends of one batch of the field ``name``."""
        for mend in mends:
            key = (name, mend.code)
            self._counts[key] = self._counts.get(key, 0) + int(mend.rows.sum())
            self._mends.setdefault(key, mend)

    def notes(self) -> list[str]:
        """Return one sentence for each field and kind of mend, in the order of their first one."""
        return [
            _note(name, self._counts[name, code], mend)
            for (name, code), mend in self._mends.items()
        ]


def _note(name: str, count: int, mend: Mend) -> str:
    was, became = mend.example
    shown = f" such as {was!r}" if was else ""
    result = f" ({was!r} as {became})" if became else ""
    return f"{name}: {count} values{shown} {mend.says}{result}"


def clean_numbers(values: "pd.Series[Any]", column: "Column") -> Cleaned:
    """Return a column of numbers.

    Parameters
    ----------
    values
        Numbers or text, one for each row.
    column
        ``kind`` (``int``: whole numbers), ``minimum`` and ``default`` are looked at. The values
        keep what is missing; a mend says that the contract's default will stand there.

    Returns
    -------
    Cleaned
        With faults ``not_a_number``, ``not_whole`` and ``below_minimum``.

    Examples
    --------
    >>> import pandas as pd
    >>> from gis.frames import BUILDINGS
    >>> clean_numbers(pd.Series(["约400", "120户"]), BUILDINGS.column("households")).data.tolist()
    [400.0, 120.0]
    """
    import pandas as pd

    numbers, missing, written = _numbers(values)
    found: dict[str, NDArray[np.bool_]] = {
        "not_a_number": ~missing & ~np.isfinite(numbers),
    }
    fine = ~missing & ~found["not_a_number"]
    if column.kind == "int":
        found["not_whole"] = fine & (np.where(fine, numbers, 0.0) % 1 != 0)
    if column.minimum is not None:
        found["below_minimum"] = fine & (np.where(fine, numbers, column.minimum) < column.minimum)
    reasons = {
        "not_a_number": "is not a finite number",
        "not_whole": "is not a whole number",
        "below_minimum": f"is below {column.minimum or 0:g}",
    }
    faults = tuple(
        Fault(code, rows, reasons[code], number_wanted(column))
        for code, rows in found.items()
        if rows.any()
    )
    mends = [*_writing_mends(values, numbers, written), *_empty_mend(missing, column)]
    for fault in faults:
        numbers = np.where(fault.rows, np.nan, numbers)
    series = pd.Series(numbers, index=values.index, name=values.name)
    return Cleaned(series, missing, tuple(mends), faults)


def number_wanted(column: "Column") -> str:
    """Return what a person is to write in a column of numbers."""
    kind = "a whole number" if column.kind == "int" else "a number"
    least = "" if column.minimum is None else f", {column.minimum:g} or more"
    empty = "" if column.required and column.default is None else ", or leave the cell empty"
    return f"Write {kind}{least}{empty}. {column.doc}".strip()


def _numbers(
    values: "pd.Series[Any]",
) -> tuple["NDArray[np.float64]", "NDArray[np.bool_]", "dict[str, NDArray[np.bool_]]"]:
    """Return the numbers, which are missing, and which were written in another way than digits."""
    import pandas as pd

    missing = _missing(values)
    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype != bool:
        return values.to_numpy(dtype=float, na_value=np.nan), missing, {}
    plain = _plain_numbers(values)
    if plain is not None:
        return plain, missing, {}
    codes, distinct = _factorized(values)
    read = [_number(value) for value in distinct]
    numbers = np.array([np.nan if one is None else one.value for one in read] + [np.nan])[codes]
    writings = np.array(["" if one is None else one.writing for one in read] + [""], dtype=object)
    by_row = writings[codes]
    marks = {name: by_row == name for name in WRITINGS if name in set(writings)}
    return numbers, missing, marks


def _plain_numbers(values: "pd.Series[Any]") -> "NDArray[np.float64] | None":
    """Return a text column of nothing but plain numbers, converted at once."""
    import pandas as pd

    if not isinstance(values.dtype, pd.StringDtype):
        return None
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        cast = pc.cast(pa.array(values), pa.float64())
    except pa.ArrowInvalid:
        return None
    return np.asarray(cast.to_numpy(zero_copy_only=False), dtype=float)


def _factorized(values: "pd.Series[Any]") -> tuple["NDArray[np.intp]", Any]:
    """Return for each row the number of its distinct value, -1 where it has none, and these."""
    import pandas as pd

    if isinstance(values.dtype, pd.StringDtype):
        return pd.factorize(values.str.strip())
    return pd.factorize(values.map(_key, na_action="ignore"))


def _key(value: object) -> object:
    """Return a value such that True is not 1 and 1 is 1.0 among distinct ones."""
    if isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, str):
        return value.strip() or None
    return value


def _number(value: object) -> Written | None:
    if isinstance(value, str):
        return read_number(value)
    try:
        return Written(float(value))  # type: ignore[arg-type] # what has no number raises
    except (TypeError, ValueError):
        return None


def _missing(values: "pd.Series[Any]") -> "NDArray[np.bool_]":
    """Return which rows have nothing; text of blanks is nothing."""
    import pandas as pd

    missing = np.asarray(values.isna().to_numpy(dtype=bool), dtype=bool)
    if isinstance(values.dtype, pd.StringDtype):
        blank = (values.str.strip() == "").to_numpy(dtype=bool, na_value=False)
        return np.asarray(missing | blank)
    if values.dtype == object:
        bare = [isinstance(value, str) and not value.strip() for value in values]
        return np.asarray(missing | np.array(bare, dtype=bool))
    return missing


def _writing_mends(
    values: "pd.Series[Any]",
    numbers: "NDArray[np.float64]",
    written: "dict[str, NDArray[np.bool_]]",
) -> list[Mend]:
    mends = []
    for name, rows in written.items():
        first = int(rows.argmax())
        example = (str(values.iloc[first]), f"{numbers[first]:g}")
        mends.append(Mend(name, rows, f"{WRITINGS[name]} and were read as numbers", example))
    return mends


def _empty_mend(missing: "NDArray[np.bool_]", column: "Column") -> list[Mend]:
    if column.default is None or not missing.any():
        return []
    says = f"are empty: {column.default} stands there, which is not what the file says"
    return [Mend("empty", missing, says)]


def household_sources(cleaned: Cleaned) -> "NDArray[Any]":
    """Return how each count of households became known, a code of the buildings' contract.

    Parameters
    ----------
    cleaned
        The column of households.

    Returns
    -------
    numpy.ndarray
        ``recorded``; ``estimated`` where the count is approximate; ``default`` where it is empty.
        Shape (n,), of text.
    """
    out = np.full(len(cleaned.missing), "recorded", dtype=object)
    for mend in cleaned.mends:
        if mend.code == "approximate":
            out[mend.rows] = "estimated"
    out[cleaned.missing] = "default"
    return out


def clean_truth(values: "pd.Series[Any]", column: "Column") -> Cleaned:
    """Return a column of truth values: true, yes, 1, 是, 有, √ and their opposites.

    Returns
    -------
    Cleaned
        With the fault ``not_true_or_false``.
    """
    import pandas as pd

    missing = _missing(values)
    codes, distinct = _factorized(values)
    text = [str(value).lower() for value in distinct]
    true, word_true, false, word_false = (
        np.array([*(one in words for one in text), False], dtype=bool)[codes]
        for words in (_TRUE, _TRUE_WORDS, _FALSE, _FALSE_WORDS)
    )
    words = (word_true | word_false) & ~missing
    bad = ~missing & ~(true | false | words)
    truth = (true | word_true).astype(object)
    truth[missing | bad] = None
    faults = (
        (
            Fault(
                "not_true_or_false",
                bad,
                "is not true or false",
                "Write true or false.",
            ),
        )
        if bad.any()
        else ()
    )
    mends: list[Mend] = []
    if words.any():
        first = int(words.argmax())
        example = (str(values.iloc[first]), str(truth[first]).lower())
        mends.append(Mend("truth_word", words, "were read as true or false", example))
    mends += _empty_mend(missing, column)
    return Cleaned(pd.Series(truth, index=values.index), missing, tuple(mends), faults)


def clean_dates(
    values: "pd.Series[Any]", column: "Column", *, timezone: str | None = None
) -> Cleaned:
    """Return a column of dates or of times, as ``column.kind`` says.

    Parameters
    ----------
    values
        Text, numbers (serial days of a spreadsheet, counted from 1900), dates or times. The serial
        days of workbooks that count from 1904 are not told from the others.
    column
        ``date`` or ``datetime``.
    timezone
        IANA name of the zone of times that name none; ``None``: such a time is a fault.

    Returns
    -------
    Cleaned
        With faults ``not_a_time``, ``ambiguous_date``, ``no_time_zone``.
    """
    missing = _missing(values)
    stamps = read_times(values, missing, is_date=column.kind == "date", timezone=timezone)
    word, remedy = ("date", "Use YYYY-MM-DD.") if column.kind == "date" else ("time", _ISO)
    reasons = {
        "not_a_time": f"is not a {word}",
        "ambiguous_date": f"is not a {word} that can be read in one way only",
        "no_time_zone": "has no time zone",
    }
    faults = tuple(
        Fault(code, rows, reasons[code], remedy)
        for code, rows in stamps.faults.items()
        if rows.any()
    )
    return Cleaned(stamps.data, missing, tuple(_time_mends(values, stamps, timezone)), faults)


def _time_mends(values: "pd.Series[Any]", stamps: Stamps, timezone: str | None) -> Iterable[Mend]:
    for code, rows in stamps.mends.items():
        if rows.any():
            first = int(rows.argmax())
            says = TIME_NOTES[code].format(zone=timezone)
            shown = str(stamps.data.iloc[first]).removesuffix(" 00:00:00")
            yield Mend(code, rows, says, (str(values.iloc[first]), shown))
