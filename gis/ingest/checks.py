"""Checks of columns, all rows at once: every fault of a file is found.

A column goes two steps: :func:`check_column` reads its values and names what cannot be read,
:func:`finish_column` fills in defaults and gives it the type of its contract.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import InvalidInputError
from gis.hours import parse_hours
from gis.ingest.values import MendLog, clean_dates, clean_numbers, clean_truth, household_sources

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import Column, FrameContract
    from gis.ingest.rejects import Rejects

#: Control characters that no text may hold; tab, line feed and carriage return may stand in it.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
_SPACES = (9, 10, 13)
#: Fields whose texts are laid out into intervals.
_HOURS = ("opening_hours", "delivery_hours")


def check_columns(
    columns: "pd.DataFrame",
    contract: "FrameContract",
    rejects: "Rejects",
    mends: MendLog,
    timezone: str | None = None,
) -> "dict[str, pd.Series[Any]]":
    """Return the columns of a contract that a batch has, as their kinds; see :func:`check_column`.

    A required column that is not there is a fault of every row. Of buildings it is said how their
    households became known, unless the file says so.
    """
    import pandas as pd

    data: dict[str, pd.Series[Any]] = {}
    for column in contract.columns:
        if column.name in columns:
            values = columns[column.name]
        elif column.required and column.default is None:
            values = pd.Series([None] * len(columns), dtype=object)
        else:
            continue
        data[column.name] = check_column(values, column, rejects, mends=mends, timezone=timezone)
    if contract.name == "buildings" and {"households", "households_source"} & {*columns} == {
        "households"
    }:
        counted = clean_numbers(columns["households"], contract.column("households"))
        sources = household_sources(counted)
        data["households_source"] = pd.Series(sources, index=columns.index, dtype=object)
    return data


def typed_columns(
    columns: "pd.DataFrame",
    contract: "FrameContract",
    rejects: "Rejects",
    mends: MendLog,
    timezone: str | None = None,
) -> "dict[str, pd.Series[Any]]":
    """Return the columns of a contract that a batch has, checked only where a database would not.

    Numbers, truth values, codes and keys are left as they are: the database has types and
    constraints for them. Times without a zone, control characters, JSON and lists are read as in
    :func:`check_columns`; what is empty gets its default.
    """
    data: dict[str, pd.Series[Any]] = {}
    for column in contract.columns:
        if column.name not in columns:
            continue
        values = columns[column.name]
        if column.kind in {"str", "int", "float", "bool"}:
            if column.default is not None and values.isna().any():
                default = str(column.default) if _is_text(values) else column.default
                values = values.astype(object).where(values.notna(), default)
            if column.kind == "str":
                _refuse_hours(
                    values.to_numpy(object), values.isna().to_numpy(bool), column.name, rejects
                )
                values = _arrow_series(values, column.name, rejects)
        else:
            checked = check_column(values, column, rejects, mends=mends, timezone=timezone)
            values = finish_column(checked, column)
        data[column.name] = values
    return data


def _is_text(values: "pd.Series[Any]") -> bool:
    present = values[values.notna()]
    return bool(len(present)) and isinstance(present.iloc[0], str)


def check_column(
    values: "pd.Series[Any]",
    column: "Column",
    rejects: "Rejects",
    *,
    mends: MendLog | None = None,
    timezone: str | None = None,
) -> "pd.Series[Any]":
    """Return a column's values as its kind, with faults added to ``rejects``.

    Parameters
    ----------
    values
        Values as the file has them, one for each row.
    column
        What they should be.
    rejects
        Takes the faults.
    mends
        Takes what was read otherwise than it stands there.
    timezone
        IANA name of the zone of times that name none; ``None``: such times are faults.

    Returns
    -------
    pandas.Series
        Missing where there was nothing or a fault; :func:`finish_column` fills in defaults. Text
        is ``object`` of ``str`` or ``None``.
    """
    if column.kind in _CLEANERS:
        if column.kind in {"date", "datetime"}:
            cleaned = clean_dates(values, column, timezone=timezone)
        else:
            cleaned = _CLEANERS[column.kind](values, column)
        cleaned.reject_faults(column.name, values, rejects)
        if mends is not None:
            mends.add(column.name, cleaned.mends)
        found, missing = cleaned.data, cleaned.missing
    else:
        missing = values.isna().to_numpy(dtype=bool)
        reader = {"str": _text, "json": _json, "list": _list}[column.kind]
        found = reader(values, missing, column, rejects)
    if column.required and column.default is None and missing.any():
        shown = values.to_numpy(dtype=object)
        rejects.add(
            missing, column.name, shown, "has no value", f"Give it. {column.doc}", code="missing"
        )
    return found


_CLEANERS: Mapping[str, Any] = {
    "int": clean_numbers,
    "float": clean_numbers,
    "bool": clean_truth,
    "date": clean_dates,
    "datetime": clean_dates,
}


def finish_column(values: "pd.Series[Any]", column: "Column") -> "pd.Series[Any]":
    """Return checked values as their contract wants them: defaults filled in, of its type.

    The same as :meth:`gis.frames.FrameContract.conform` makes of them, without looking at each
    value again.
    """
    import pandas as pd

    missing = values.isna()
    empty = bool(missing.any())
    if empty and column.default is not None:
        values = values.astype(object).where(~missing, column.default)
        empty = False
    if column.kind == "int":
        return values.astype("Int64" if empty else "int64")
    if column.kind == "float":
        return values.astype("float64")
    if column.kind == "bool":
        return values.astype("boolean" if empty else "bool")
    if column.kind == "datetime":
        return pd.to_datetime(values, utc=True)
    if column.kind == "date":
        values = pd.to_datetime(values).dt.date
    values = values.astype(object)
    return values.where(values.notna(), None) if empty else values


def _text(
    values: "pd.Series[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "pd.Series[Any]":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = values.to_numpy(dtype=object)
    try:
        known = _arrow_text(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # numbers, dates, a mixture
        texts = np.array(
            [None if no else str(v) for v, no in zip(texts, missing, strict=True)], dtype=object
        )
        known = pa.array(texts, pa.large_string())
    _refuse_control(known, column.name, rejects)
    _refuse_hours(texts, missing, column.name, rejects)
    if column.choices:
        chosen = pc.is_in(known, pa.array(column.choices, known.type))
        rejects.add(
            ~missing & ~chosen.to_numpy(zero_copy_only=False),
            column.name,
            texts,
            "has a value that is not known",
            f"Use one of: {', '.join(column.choices)}.",
            code="unknown_code",
        )
    if missing.any():
        texts = texts.copy()
        texts[missing] = None
    return pd.Series(texts, index=values.index, dtype=object)


def _refuse_hours(
    texts: "NDArray[Any]", missing: "NDArray[np.bool_]", name: str, rejects: "Rejects"
) -> None:
    """Add rows whose opening hours do not read: laid out later, nothing would name the row."""
    if name not in _HOURS:
        return
    faults: dict[str, tuple[str, str]] = {}
    for text in {str(one) for one in texts[~missing]}:
        try:
            parse_hours(text, "UTC")
        except InvalidInputError as error:
            faults[text] = error.message.removeprefix(f"Opening hours {text!r} "), error.remedy
    for text, (reason, remedy) in sorted(faults.items()):
        bad = np.array([str(one) == text for one in texts])
        rejects.add(bad, name, texts, reason.rstrip("."), remedy, code="not_opening_hours")


def _arrow_text(values: "pd.Series[Any]") -> Any:  # noqa: ANN401 - an Arrow array
    import pyarrow as pa

    array = pa.array(values, pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _arrow_series(values: "pd.Series[Any]", name: str, rejects: "Rejects") -> "pd.Series[Any]":
    """Return text as Arrow holds it, so that it is not converted again on its way out.

    Rows with control characters are added to ``rejects``; what is not only text stays as it is.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        known = _arrow_text(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [value if isinstance(value, str) else None for value in values]
        _refuse_control(pa.array(texts, pa.large_string()), name, rejects)
        return values
    _refuse_control(known, name, rejects)
    return pd.Series(pd.arrays.ArrowExtensionArray(known), index=values.index)


def _refuse_control(known: Any, name: str, rejects: "Rejects") -> None:  # noqa: ANN401 - an Arrow array
    """Look at all bytes of the column first, which costs next to nothing, then at the rows."""
    import pyarrow.compute as pc

    content = known.buffers()[2]
    if content is None:
        return
    low = np.frombuffer(content, dtype=np.uint8)
    low = low[low < 0x20]
    if not len(low) or np.isin(low, _SPACES).all():
        return
    found = pc.match_substring_regex(known, _CONTROL).fill_null(False)
    rejects.add(
        found.to_numpy(zero_copy_only=False),
        name,
        [None] * len(known),  # what cannot be seen is not shown
        "holds control characters",
        "Remove them from the text.",
        code="control_characters",
    )


def _json(
    values: "pd.Series[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "pd.Series[Any]":
    array = values.to_numpy(dtype=object)
    bad = np.zeros(len(array), dtype=bool)
    out = np.full(len(array), None, dtype=object)
    for row in np.flatnonzero(~missing).tolist():
        value = array[row]
        try:
            out[row] = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError:
            bad[row] = True
    rejects.add(bad, column.name, array, "is not JSON", column.doc, code="not_json")
    return _objects(out, values)


def _list(
    values: "pd.Series[Any]", missing: "NDArray[np.bool_]", column: "Column", rejects: "Rejects"
) -> "pd.Series[Any]":
    del column, rejects  # any text is a list of one
    out = np.full(len(values), None, dtype=object)
    array = values.to_numpy(dtype=object)
    for row in np.flatnonzero(~missing).tolist():
        value = array[row]
        if isinstance(value, str):
            value = [part.strip() for part in value.split(";") if part.strip()]
        out[row] = value
    return _objects(out, values)


def _objects(array: "NDArray[Any]", like: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(array, index=like.index, dtype=object)
