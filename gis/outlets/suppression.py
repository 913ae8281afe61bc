"""Small counts of people withheld, and as many more as it takes that nobody can work them out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gis.frames import Column, FrameContract
from gis.outlets.layer import WITHHELD_SUFFIX

if TYPE_CHECKING:
    import pandas as pd


def also_withheld(counts: NDArray[np.int64], below: int) -> NDArray[np.bool_]:
    """Return which further counts of a group must be withheld beside the small ones.

    The sum of the group is known. A single unknown is the sum less the rest, and unknowns that add
    up to their number are one each; so the smallest of the others are withheld too until there are
    two unknowns that add up to more than their number, or nothing is left to withhold.

    Parameters
    ----------
    counts
        Counts of a group, shape (n,).
    below
        Counts from 1 to this less one are small.

    Returns
    -------
    numpy.ndarray
        Shape (n,); the small ones themselves are not among them. Nothing is added for a group
        without small counts; ties are broken by order.

    Examples
    --------
    >>> also_withheld(np.array([2, 40, 9, 0]), 3)
    array([False, False,  True, False])
    >>> also_withheld(np.array([1, 2, 40]), 3)  # 3 is 1 + 2 or 2 + 1
    array([False, False, False])
    """
    small = (counts > 0) & (counts < below)
    hidden = small.copy()
    if small.any():
        rest = np.flatnonzero(counts >= below)
        for at in rest[np.argsort(counts[rest], kind="stable")]:
            if hidden.sum() > 1 and counts[hidden].sum() > hidden.sum():
                break
            hidden[at] = True
    found: NDArray[np.bool_] = hidden & ~small
    return found


def withheld_in_groups(
    rows: Iterator[Sequence[Any]], fields: Sequence[str], below: int
) -> dict[str, set[str]]:
    """Return the keys of the rows whose counts must be withheld beside the small ones.

    Parameters
    ----------
    rows
        Group, key, then a count for each field; the rows of a group follow each other.
    fields
        Names of the counts.
    below
        See :func:`also_withheld`.

    Returns
    -------
    dict
        Keys by field; only one group is in memory at a time.
    """
    from itertools import groupby

    found: dict[str, set[str]] = {field: set() for field in fields}
    for _, members in groupby(rows, key=lambda row: row[0]):
        listed = list(members)
        counts = np.array([row[2:] for row in listed], dtype=np.int64)
        for at, field in enumerate(fields):
            further = also_withheld(counts[:, at], below)
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
