"""Take a data set in, whole or not at all."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shapely import convex_hull, geometrycollections
from sqlalchemy import func, select

from gis.errors import ConflictError, InvalidInputError
from gis.frames import COMMUNITIES
from gis.layers import imports, locks
from gis.layers.communities import Community
from gis.layers.imports import ImportRecord
from gis.layers.placing import PLACED_LAYERS, place_for_certain, place_in_communities
from gis.layers.queries import alive, insert_layer, read_layer
from gis.layers.registry import IMPORTED_LAYERS, LAYER_BY_NAME, Layer
from gis.logs import get_logger
from gis.scope import Action, Scope
from gis.services.intake import MODELS, refuse_personal_column
from gis.services.plan_fitness import UnfitPlan, flag_unfit_plans

if TYPE_CHECKING:
    import pandas as pd
    from shapely import Geometry
    from sqlalchemy.orm import Session

    from gis.database.frames import Refused
    from gis.frames import Dataset

log = get_logger(__name__)

#: Called with the layer and the rows written since the last call.
Progress = Callable[[str, int], None]
#: Layers of which cells are made; when one changes the cells are built anew.
GROUND_LAYERS = frozenset({"communities", "buildings", "roads", "barriers", "quarters"})
#: Texts that people write freely, beside the descriptions of matters.
_WRITTEN = {"activities": "name"}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought in.

    Parameters
    ----------
    number
        Of the import, which its rows carry.
    fingerprint
        SHA-256 of the content, in layer order.
    rows
        Rows per layer.
    outside
        Rows per layer that lie in no community.
    report
        What the reader said about the making of the data.
    unfit_plans
        Plans that do not fit the ground with what came in.
    """

    number: int
    fingerprint: str
    rows: Mapping[str, int]
    outside: Mapping[str, int]
    report: Mapping[str, Any] = field(default_factory=dict)
    unfit_plans: tuple[UnfitPlan, ...] = ()


def import_dataset(
    session: "Session",
    scope: Scope,
    dataset: "Dataset",
    *,
    fingerprint: str | None = None,
    progress: Progress | None = None,
    job_id: str | None = None,
) -> ImportReport:
    """Insert every layer of a data set in the session's transaction; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    dataset
        Frames by layer.
    fingerprint
        Of the file and options it was made from; ``None``: that of the frames themselves.
    progress
        Told each layer and the rows written since the last call.
    job_id
        The job that the import is part of.

    Raises
    ------
    gis.errors.InvalidInputError
        A layer is unknown, a frame does not keep its contract, or the description of a matter holds
        a person's numbers.
    gis.errors.ConflictError
        The same content is in the store already, or is being imported by somebody else, or a key
        is taken.
    """
    scope.require_everywhere(Action.WRITE)
    unknown = sorted(set(dataset.layers) - set(LAYER_BY_NAME))
    if unknown:
        raise InvalidInputError(
            f"{dataset.name}: no layer is called {', '.join(unknown)}.",
            remedy=f"Use {', '.join(LAYER_BY_NAME)}.",
        )
    conformed = {
        layer.name: layer.contract.conform(
            dataset.layers[layer.name], source=f"{dataset.name}/{layer.name}"
        )
        for layer in IMPORTED_LAYERS
        if layer.name in dataset.layers
    }
    for name, frame in conformed.items():
        refuse_personal_texts(frame, name, f"{dataset.name}/{name}")
    fingerprint = fingerprint or fingerprint_of(conformed)
    claim(session, dataset.name, fingerprint)
    record = imports.begin(
        session,
        scope,
        name=dataset.name,
        fingerprint=fingerprint,
        scope_code=dataset.scope_code,
        job_id=job_id,
    )
    rows = {
        layer.name: insert_placed(session, scope, layer, conformed[layer.name], progress=progress)
        for layer in IMPORTED_LAYERS
        if layer.name in conformed
    }
    return complete(
        session, scope, Claimed(record, dataset.name, fingerprint), rows, _told(dataset)
    )


@dataclass(frozen=True, slots=True)
class Claimed:
    """An import that has begun: its number, its name and the content that it holds."""

    number: int
    name: str
    fingerprint: str


def complete(
    session: "Session",
    scope: Scope,
    begun: Claimed,
    rows: Mapping[str, int],
    report: Mapping[str, Any],
) -> ImportReport:
    """Place the rows that came in, complete the record of the import, and say what it brought.

    Plans that do not fit the ground any more are flagged.
    """
    outside = {
        name: place_in_communities(session, scope, name) for name in PLACED_LAYERS if name in rows
    }
    imports.end(session, scope, begun.number, rows=rows, report=_plain(report))
    unfit: tuple[UnfitPlan, ...] = ()
    if GROUND_LAYERS & set(rows):
        _forget_cells(session)
        unfit = flag_unfit_plans(session, scope)
    log.info("imported", source=begun.name, rows=dict(rows), outside=outside, unfit=len(unfit))
    return ImportReport(begun.number, begun.fingerprint, rows, outside, report, unfit)


def refuse_personal_texts(
    frame: "pd.DataFrame", layer: str, source: str, numbers: "list[int] | None" = None
) -> None:
    """Raise if a text that people write names a person; see :func:`refuse_personal_column`."""
    field_name = "description" if layer in MODELS else _WRITTEN.get(layer)
    if field_name is not None and field_name in frame:
        refuse_personal_column(frame[field_name], source, numbers)


def _told(dataset: "Dataset") -> dict[str, Any]:
    return {**dataset.report, "synthetic": dataset.synthetic}


def is_imported(session: "Session", scope: Scope, fingerprint: str) -> bool:
    """Return whether content with this fingerprint is in the store."""
    scope.require(Action.READ)
    statement = select(func.count()).where(
        ImportRecord.fingerprint == fingerprint, ImportRecord.undone_at.is_(None)
    )
    return session.execute(statement).scalar_one() > 0


def ground_outline(session: "Session", scope: Scope) -> "Geometry | None":
    """Return the convex hull of the living communities, EPSG:4326; ``None`` without any."""
    ground = read_layer(session, scope, Community, COMMUNITIES, alive(Community)).geometry
    return convex_hull(geometrycollections(ground.to_numpy())) if len(ground) else None


def holds_other_than(session: "Session", scope: Scope, fingerprint: str) -> bool:
    """Return whether anything but the content with this fingerprint was ever imported."""
    scope.require(Action.READ)
    statement = select(func.count()).where(ImportRecord.fingerprint != fingerprint)
    return session.execute(statement).scalar_one() > 0


def fingerprint_of(frames: "Mapping[str, pd.DataFrame]") -> str:
    """Return the SHA-256 of the frames' values, independent of the order of layers."""
    import pandas as pd
    import shapely

    digest = hashlib.sha256()
    for name in sorted(frames):
        digest.update(name.encode())
        frame = pd.DataFrame(frames[name])
        for column in frame.columns:
            values = frame[column].to_numpy(dtype=object)
            if len(values) and all(v is None or isinstance(v, shapely.Geometry) for v in values):
                blobs = shapely.to_wkb(values)
                digest.update(b"\x1f".join(b"" if blob is None else blob for blob in blobs))
            else:
                digest.update("\x1f".join(map(str, values)).encode())
    return digest.hexdigest()


def insert_placed(
    session: "Session",
    scope: Scope,
    layer: Layer,
    frame: "pd.DataFrame",
    *,
    progress: Progress | None = None,
    refused: "Refused | None" = None,
) -> int:
    """Insert a conforming frame, with the community of each row where it is certain."""
    if layer.name in PLACED_LAYERS:
        frame = place_for_certain(session, scope, frame)
    told = _named(progress, layer.name)
    return insert_layer(session, scope, layer.model, frame, progress=told, refused=refused)


def claim(session: "Session", name: str, fingerprint: str) -> None:
    """Hold the content for this transaction, so that of two imports at once one is told.

    Raises
    ------
    gis.errors.ConflictError
        The content is in the store already, or is being imported by somebody else.
    """
    if not locks.try_lock(session, f"import:{fingerprint}"):
        raise ConflictError(
            f"{name} is being imported by another process.", remedy="Wait until it has ended."
        )
    taken = session.execute(
        select(ImportRecord.imported_at).where(
            ImportRecord.fingerprint == fingerprint,
            ImportRecord.undone_at.is_(None),
            ImportRecord.mode == "load",
        )
    ).scalar_one_or_none()
    if taken is not None:
        raise ConflictError(
            f"{name} is in the store already, since {taken:%Y-%m-%d %H:%M} UTC.",
            remedy="Nothing needs doing; nothing was stored again.",
        )


def _plain(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report as JSON can hold it."""
    plain: dict[str, Any] = json.loads(json.dumps(report, default=str))
    return plain


def _forget_cells(session: "Session") -> None:
    """Cells must be built anew where the ground may have changed."""
    session.execute(Community.__table__.update().values(data_version=None))  # type: ignore[attr-defined] # a Table


def _named(progress: Progress | None, layer: str) -> Callable[[int], None] | None:
    if progress is None:
        return None
    return lambda rows: progress(layer, rows)
