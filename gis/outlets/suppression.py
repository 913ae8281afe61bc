"""Small counts of people withheld, and as many more as it takes that nobody can work them out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.frames import Column, FrameContract
from gis.frames.small_counts import also_withheld
from gis.outlets.layer import WITHHELD_SUFFIX

if TYPE_CHECKING:
    import pandas as pd


def withheld_in_groups(
    rows: Iterable[Sequence[Any]],
    fields: Sequence[str],
    below: int,
    sums: Mapping[str, Collection[str]] | None = None,
    *,
    small_sums_shown: bool = False,
) -> dict[str, set[str]]:
    """Return the keys of the rows whose counts must be withheld beside the small ones.

    Parameters
    ----------
    rows
        Group, key, then a count for each field; the rows of a group follow each other.
    fields
        Names of the counts.
    below
        See :func:`gis.frames.small_counts.withheld`.
    sums
        Groups whose sum is withheld although it is not small, by field: what this function
        returned for the level above.
    small_sums_shown
        Somebody who is shown these rows is shown their sums in full.

    Returns
    -------
    dict
        Keys by field; only one group is in memory at a time.
    """
    from itertools import groupby

    found: dict[str, set[str]] = {field: set() for field in fields}
    for group, members in groupby(rows, key=lambda row: row[0]):
        listed = list(members)
        counts = np.array([row[2:] for row in listed], dtype=np.int64)
        for at, field in enumerate(fields):
            gone = str(group) in (sums or {}).get(field, ())
            further = also_withheld(
                counts[:, at], below, sum_withheld=gone, small_sum_shown=small_sums_shown
            )
            found[field].update(str(listed[i][1]) for i in np.flatnonzero(further))
    return found


def with_flags(contract: FrameContract, fields: Sequence[str]) -> FrameContract:
    """Return the contract with a column ``<count>_suppressed`` after each of its counts."""
    columns = []
    for column in contract.columns:
        columns.append(column)
        if column.name in fields:
            doc = f"True: {column.name} is withheld because it is, or would reveal, a small count."
            columns.append(Column(column.name + WITHHELD_SUFFIX, "bool", doc, required=True))
    return replace(contract, columns=tuple(columns))


def withhold(
    frame: "pd.DataFrame",
    fields: Sequence[str],
    below: int,
    further: Mapping[str, Collection[str]],
    key: str = "id",
) -> "pd.DataFrame":
    """Return the frame without its small counts, and with the columns of :func:`with_flags`.

    Parameters
    ----------
    frame
        Whole numbers in ``fields``.
    fields
        Counts that may be withheld.
    below
        Counts from 1 to this less one are.
    further
        Keys of rows whose count is withheld although it is not small, by field.
    key
        Column of the keys.
    """
    import pandas as pd

    out = frame.copy()
    for field in fields:
        values = [None if pd.isna(value) else int(value) for value in frame[field]]
        hidden = np.array([value is not None and 0 < value < below for value in values], dtype=bool)
        keys = further.get(field)
        if keys:
            hidden |= frame[key].astype(str).isin(keys).to_numpy(dtype=bool)
        shown = [None if gone else value for value, gone in zip(values, hidden, strict=True)]
        out[field] = pd.Series(shown, index=frame.index, dtype=object)
        out[field + WITHHELD_SUFFIX] = hidden
    return out
