"""Take a layer of a file in as it is read: one transaction, one batch in memory."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg2
from psycopg2.errorcodes import FOREIGN_KEY_VIOLATION, NOT_NULL_VIOLATION, UNIQUE_VIOLATION
from sqlalchemy import text

from gis.database.copying import UnfitValueError
from gis.database.faults import translate_database_error
from gis.errors import ConflictError, InvalidInputError, WanggeError
from gis.layers import imports
from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME, Layer
from gis.scope import Action, Scope
from gis.services.importing import (
    Claimed,
    ImportReport,
    Progress,
    claim,
    complete,
    insert_placed,
    refuse_personal_texts,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.ingest.stream import LayerStream

#: Given lon and lat of a sample of the rows, shape (n, 2), once all are read; what it returns goes
#: into the report, and what it raises ends the import.
Guard = Callable[["NDArray[np.float64]"], Mapping[str, Any] | None]
#: Imports of so many rows leave fresh statistics behind, so that what follows is planned well.
_ANALYSED_ROWS = 50_000


class ImportCancelledError(ConflictError):
    """Somebody asked for the import to end; nothing was stored."""


def import_stream(  # noqa: PLR0913 - whoever runs it as a job gives most of them, each by name
    session: "Session",
    scope: Scope,
    stream: "LayerStream",
    *,
    layer: str,
    dataset_name: str,
    scope_code: str = "",
    progress: Progress | None = None,
    job_id: str | None = None,
    guard: Guard | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Insert the rows of an opened file in the session's transaction; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    stream
        The opened layer; it is read to its end.
    layer
        Layer that the rows go into.
    dataset_name
        What the import is called in the record.
    scope_code
        Division that the rows belong to.
    progress
        Told the layer and the rows written since the last call.
    job_id
        The job that the import is part of.
    guard
        Looks at a sample of the places.
    cancelled
        Asked before each batch whether to give up.

    Raises
    ------
    gis.errors.InvalidInputError
        The layer is unknown, a row cannot be taken (``RejectedRowsError``), a key is in the store
        already, or the description of a matter holds a person's numbers.
    gis.errors.CrsMismatchError
        The coordinates are not what they are said to be.
    gis.errors.ConflictError
        The same content is in the store already, or is being imported by somebody else, or the
        import was cancelled.
    gis.errors.DataSourceError
        The file is broken, or changed while it was read.
    """
    scope.require_everywhere(Action.WRITE)
    target = _layer(layer, stream)
    claim(session, dataset_name, stream.fingerprint)
    number = imports.begin(
        session,
        scope,
        name=dataset_name,
        fingerprint=stream.fingerprint,
        scope_code=scope_code,
        job_id=job_id,
    )
    rows = 0
    for frame in stream.frames():
        if cancelled is not None and cancelled():
            raise ImportCancelledError(
                f"The import of {dataset_name} was cancelled; nothing was stored.",
                remedy="Start it again when you want it.",
            )
        batch = _Batch(str(stream.facts.path), frame, stream.row_numbers)
        with batch.naming_rows():
            refuse_personal_texts(frame, layer, batch.where, batch.numbers.tolist())
            rows += insert_placed(
                session, scope, target, frame, progress=progress, refused=batch.refusal
            )
    report = dict(stream.report())
    found = guard(stream.sample) if guard is not None else None
    if found:
        report["guard"] = dict(found)
    begun = Claimed(number, dataset_name, stream.fingerprint)
    done = complete(session, scope, begun, {layer: rows}, report)
    if rows >= _ANALYSED_ROWS:
        session.execute(text(f'ANALYZE "{table_of(target.model).name}"'))
    return done


@dataclass(frozen=True, slots=True)
class _Batch:
    """A frame on its way in, and where its rows stand in the file."""

    where: str
    frame: "pd.DataFrame"
    numbers: "NDArray[np.int64]"

    @contextmanager
    def naming_rows(self) -> Iterator[None]:
        """Within it, errors that name a row of the frame are raised with its number in the file."""
        try:
            yield
        except UnfitValueError as error:
            number = int(self.numbers[error.row])
            raise InvalidInputError(
                f"{self.where}: row {number}, field '{error.column}': "
                f"{str(error.value)[:80]!r} is no {error.kind}.",
                remedy=error.remedy,
                file=self.where,
                row=number,
                field=error.column,
            ) from error

    def refusal(self, row: int | None, error: psycopg2.Error) -> WanggeError:
        """Return the error of a row that the database refuses; a lost connection is none."""
        state = error.pgcode or ""
        if not state.startswith(("22", "23")):
            return translate_database_error(error)
        columns, values = _key_of(error)
        row = self._row_with(columns, values) if row is None else row
        number = None if row is None else int(self.numbers[row])
        place = self.where if number is None else f"{self.where}: row {number}"
        return InvalidInputError(
            f"{place}: {_words(error, ', '.join(columns), ', '.join(values))}.",
            remedy="Import what it belongs to first, or mend the row."
            if state == FOREIGN_KEY_VIOLATION
            else "Mend the row, or load what changed as an update.",
            file=self.where,
            row=number,
            field=", ".join(columns) or error.diag.column_name,
        )

    def _row_with(self, columns: list[str], values: list[str]) -> int | None:
        """Return the first row that has a key, by its text."""
        if not columns or not set(columns) <= {*map(str, self.frame.columns)}:
            return None
        found = np.ones(len(self.frame), dtype=bool)
        for column, value in zip(columns, values, strict=True):
            found &= self.frame[column].astype(str).to_numpy() == value
        return int(found.argmax()) if found.any() else None


#: How PostgreSQL shows a key: ``Key (id)=(…) already exists.``
_KEY = re.compile(r"\((?P<columns>[^()]+)\)=\((?P<values>.*)\) ")


def _key_of(error: psycopg2.Error) -> tuple[list[str], list[str]]:
    found = _KEY.search(error.diag.message_detail or "")
    if found is None:
        return [], []
    columns, values = found["columns"].split(", "), found["values"].split(", ")
    return (columns, values) if len(columns) == len(values) else ([], [])


def _words(error: psycopg2.Error, field: str, value: str) -> str:
    if error.pgcode == UNIQUE_VIOLATION:
        return (
            f"the {field or 'key'} {value} is taken: a row with it is in the store already, or "
            "stands twice in the file"
        )
    if error.pgcode == FOREIGN_KEY_VIOLATION:
        return f"the {field} {value} is not in the store"
    if error.pgcode == NOT_NULL_VIOLATION:
        return f"field '{error.diag.column_name}' has no value"
    rule = (error.diag.constraint_name or "").removeprefix(f"ck_{error.diag.table_name}_")
    primary = error.diag.message_primary or "no reason given"
    return f"it breaks the rule {rule}" if rule else f"the database refuses it ({primary})"


def _layer(name: str, stream: "LayerStream") -> Layer:
    if name not in LAYER_BY_NAME:
        raise InvalidInputError(
            f"{stream.facts.path}: no layer is called {name}.",
            remedy=f"Use {', '.join(LAYER_BY_NAME)}.",
        )
    target = LAYER_BY_NAME[name]
    assert stream.contract is target.contract
    return target
