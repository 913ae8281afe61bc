"""Rows that cannot be taken: a file with one of them is refused as a whole, and all are named."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import DataSourceError, InvalidInputError
from gis.folders import require_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

#: Columns of a rejects report.
REJECT_COLUMNS = ("row", "field", "value", "code", "reason", "remedy")
#: How many rejects the error's message names; the report has them all.
NAMED_REJECTS = 10
#: How many rejects are kept for the report; more are counted.
KEPT_REJECTS = 100_000
#: Longer values are cut in the report.
_VALUE_LENGTH = 80


class RejectedRowsError(InvalidInputError):
    """A file with rows that cannot be taken; none of its rows is.

    Attributes
    ----------
    rejects
        Frame with the columns of :data:`REJECT_COLUMNS`, one row per fault, in the order of the
        file. Row 1 is the first row of data. At most :data:`KEPT_REJECTS`.
    """

    def __init__(self, message: str, rejects: "pd.DataFrame", **context: object) -> None:
        remedy = "Mend these rows and import the file again; nothing was taken from it."
        super().__init__(message, remedy=remedy, **context)
        self.rejects = rejects


@dataclass(slots=True)
class Rejects:
    """Faults found so far in one file.

    Attributes
    ----------
    rows
        The faults, at most :data:`KEPT_REJECTS` of them.
    offset
        Rows of the file before the batch whose faults are added.
    more
        Faults beyond those that are kept.
    """

    rows: list[tuple[int, str, str, str, str, str]] = field(default_factory=list)
    offset: int = 0
    more: int = 0
    _numbers: "NDArray[np.int64] | None" = None
    _refused: set[int] = field(default_factory=set)
    _settled: int = 0

    @property
    def refused_rows(self) -> int:
        """Number of rows with a fault."""
        return self._settled + len(self._refused)

    @contextmanager
    def batch(self, numbers: "NDArray[np.int64]") -> Iterator[None]:
        """Within it, faults are added of rows with these numbers of the file."""
        self._numbers = numbers
        try:
            yield
        finally:
            self._numbers = None

    def add(
        self,
        bad: "NDArray[np.bool_]",
        name: str,
        values: Any,  # noqa: ANN401 - an array or list of values
        reason: str | list[str],
        remedy: str,
        *,
        code: str = "invalid_value",
    ) -> None:
        """Add a fault for each row where ``bad`` is true.

        Parameters
        ----------
        bad
            One for each row of the batch.
        name
            Field of the file.
        values
            What the file has there, one for each row.
        reason
            What is wrong; a list gives one for each row.
        remedy
            What to do about it.
        code
            Kind of the fault, the same in every language and version.
        """
        found = np.flatnonzero(bad)
        if not len(found):
            return
        numbers = found + self.offset + 1 if self._numbers is None else self._numbers[found]
        self._refused.update(numbers.tolist())
        room = max(0, KEPT_REJECTS - len(self.rows))
        self.more += max(0, len(found) - room)
        for row, number in zip(found[:room].tolist(), numbers[:room].tolist(), strict=True):
            why = reason if isinstance(reason, str) else reason[row]
            value = values[row]
            blank = value is None or value != value  # noqa: PLR0124 - NaN, NaT
            text = "" if blank else str(value)[:_VALUE_LENGTH]
            self.rows.append((number, name, text, code, why, remedy))

    def refused(self, numbers: "NDArray[np.int64]") -> "NDArray[np.bool_]":
        """Return for rows by their numbers whether a fault of theirs was added.

        Numbers before the first of them are not asked for again.
        """
        if not self._refused:
            return np.zeros(len(numbers), dtype=bool)
        mask = np.isin(numbers, np.fromiter(self._refused, dtype=np.int64))
        if len(numbers):
            done = {number for number in self._refused if number < numbers[0]}
            self._refused -= done
            self._settled += len(done)
        return mask

    def frame(self) -> "pd.DataFrame":
        """Return the faults that were kept as a frame of :data:`REJECT_COLUMNS`, by row."""
        import pandas as pd

        self.rows.sort(key=lambda fault: fault[0])
        return pd.DataFrame(self.rows, columns=list(REJECT_COLUMNS))

    def raise_if_any(self, where: str, total: int) -> None:
        """Refuse the file if a fault was found.

        Raises
        ------
        RejectedRowsError
            Naming the rows, with the whole report.
        """
        if not self.rows:
            return
        rejects = self.frame()
        named = "; ".join(
            f"row {row}, field '{name}': {reason} ({value!r})"
            for row, name, value, _, reason, _ in self.rows[:NAMED_REJECTS]
        )
        more = len(self.rows) - NAMED_REJECTS + self.more
        tail = f"; and {more} more" if more > 0 else ""
        if self.more:
            tail += f" (the report names the first {len(self.rows)})"
        count = self.refused_rows
        msg = f"{where}: {count} of {total} rows cannot be taken: {named}{tail}."
        raise RejectedRowsError(
            msg, rejects, file=where, rows=sorted({fault[0] for fault in self.rows})
        )


def write_rejects(rejects: "pd.DataFrame", path: "Path") -> None:
    """Write a rejects report as CSV, in UTF-8 with the mark that spreadsheets look for.

    Raises
    ------
    gis.errors.DataSourceError
        It cannot be written; an older report is left as it was, and nothing half written.
    """
    from uuid import uuid4

    require_folder(path)
    scratch = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        rejects.to_csv(scratch, index=False, encoding="utf-8-sig")
        scratch.replace(path)
    except OSError as error:
        msg = f"The {len(rejects):,} faults cannot be written to {path}: {error.strerror or error}."
        raise DataSourceError(
            msg,
            remedy="Make room on the disk or choose another place with --rejects; "
            "nothing was imported.",
            file=str(path),
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
