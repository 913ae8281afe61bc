"""Take a layer of a file in as it is read: one transaction, one batch in memory."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from gis.errors import ConflictError, InvalidInputError
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
    import numpy as np
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
        refuse_personal_texts(frame, layer, dataset_name)
        rows += insert_placed(session, scope, target, frame, progress)
    report = dict(stream.report())
    found = guard(stream.sample) if guard is not None else None
    if found:
        report["guard"] = dict(found)
    begun = Claimed(number, dataset_name, stream.fingerprint)
    done = complete(session, scope, begun, {layer: rows}, report)
    if rows >= _ANALYSED_ROWS:
        session.execute(text(f'ANALYZE "{table_of(target.model).name}"'))
    return done


def _layer(name: str, stream: "LayerStream") -> Layer:
    if name not in LAYER_BY_NAME:
        raise InvalidInputError(
            f"{stream.facts.path}: no layer is called {name}.",
            remedy=f"Use {', '.join(LAYER_BY_NAME)}.",
        )
    target = LAYER_BY_NAME[name]
    assert stream.contract is target.contract
    return target
