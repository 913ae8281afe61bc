"""Take the last import of a layer back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from gis.errors import ConflictError, NotFoundError
from gis.layers import audit, geocoding, history, locks
from gis.layers.communities import forget_cells
from gis.layers.queries import table_of
from gis.layers.registry import IMPORTED_LAYERS, LAYER_BY_NAME
from gis.logs import get_logger
from gis.scope import Action
from gis.services.plan_fitness import UnfitPlan, flag_unfit_plans

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What was taken back.

    Parameters
    ----------
    number, name, mode, imported_at
        The import.
    deleted
        Rows per layer that it had added.
    restored
        Rows per layer that it had changed or removed.
    unfit_plans
        Plans that do not fit what is there now.
    """

    number: int
    name: str
    mode: str
    imported_at: datetime
    deleted: Mapping[str, int]
    restored: Mapping[str, int]
    unfit_plans: tuple[UnfitPlan, ...]


def undo_last_import(
    session: "Session", scope: "Scope", layer: str, *, overwrite_edits: bool = False
) -> UndoReport:
    """Take back the last import that brought or changed rows of a layer; the caller commits.

    An import of several layers is taken back whole. Afterwards the same file may be imported
    again.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    layer
        The layer.
    overwrite_edits
        Also if somebody has changed rows of it by hand since; those changes are lost.

    Raises
    ------
    gis.errors.NotFoundError
        Nothing was imported into the layer, or all of it was taken back.
    gis.errors.ConflictError
        Another undo or a delivery is under way, a later import stands on it, rows were edited
        since, or a plan or another layer refers to its rows.
    """
    scope.require_everywhere(Action.WRITE)
    # Asked twice at once, it must not take the import before the last one back as well.
    _hold(session, "undo", "Another import is being taken back.")
    record = _record(session, scope, layer)
    layers = [one for one in IMPORTED_LAYERS if one.name in record.rows]
    for one in layers:
        _hold(session, f"delivery:{one.name}", f"A delivery of {one.name} is under way.")
    for one in layers:
        _refuse_later(session, scope, record, one.name)
        if not overwrite_edits and one.name != "station_services":
            _refuse_edited(session, scope, record, one.name)
        if one.name != "station_services":
            _refuse_followers(session, scope, record, one.name, overwrite_edits=overwrite_edits)
    deleted, restored = {}, {}
    try:
        with session.begin_nested():
            # What refers goes before what it refers to, and comes back after it.
            for one in reversed(layers):
                deleted[one.name] = history.take_back_added(
                    session, scope, table_of(one.model), record.number
                )
            for one in layers:
                if "id" in table_of(one.model).c:
                    restored[one.name] = history.restore(
                        session, scope, table_of(one.model), record.number
                    )
    except IntegrityError as error:
        raise ConflictError(
            f"Import {record.number} ({record.name}) cannot be taken back: {_holder(error)} refers "
            "to its rows.",
            remedy="Remove the plan, or undo the later import that refers to them, first.",
        ) from error
    geocoding.forget_open(session, scope, record.number)
    history.mark_undone(session, scope, record.number)
    forget_cells(session, scope)
    unfit = flag_unfit_plans(session, scope)
    after = {"name": record.name, "deleted": deleted, "restored": restored}
    audit.record(session, scope, audit.Change("undo", "imports", str(record.number), after=after))
    log.info("import_undone", number=record.number, deleted=deleted, restored=restored)
    return UndoReport(
        record.number, record.name, record.mode, record.imported_at, deleted, restored, unfit
    )


def _hold(session: "Session", name: str, said: str) -> None:
    if not locks.try_lock(session, name):
        raise ConflictError(said, remedy="Wait until it has ended, and look at the imports again.")


def _record(session: "Session", scope: "Scope", layer: str) -> "Row[Any]":
    if layer not in LAYER_BY_NAME:
        raise NotFoundError(
            f"There is no layer {layer!r}.", remedy=f"Use one of {', '.join(LAYER_BY_NAME)}."
        )
    record = history.last_import(session, scope, layer)
    if record is None:
        raise NotFoundError(
            f"No import of {layer} is left to undo.", remedy="List them: wangge import list."
        )
    return record


def _refuse_later(session: "Session", scope: "Scope", record: "Row[Any]", layer: str) -> None:
    later = history.last_import(session, scope, layer)
    if later is not None and later.number != record.number:
        raise ConflictError(
            f"Import {record.number} ({record.name}) also brought {layer}, and import "
            f"{later.number} ({later.name}) came after it.",
            remedy=f"Undo the later one first: wangge import undo {layer}.",
        )


def _refuse_edited(session: "Session", scope: "Scope", record: "Row[Any]", layer: str) -> None:
    own = table_of(LAYER_BY_NAME[layer].model)
    edited = history.edited_since(session, scope, own, record.number, record.imported_at)
    if edited:
        raise ConflictError(
            f"{len(edited)} rows of {layer} were changed by hand since import {record.number}, "
            f"for example {edited[0]}.",
            remedy="Say --overwrite-edits to lose these changes.",
        )


def _refuse_followers(
    session: "Session", scope: "Scope", record: "Row[Any]", layer: str, *, overwrite_edits: bool
) -> None:
    """Refuse to let rows of others vanish with those that they belong to."""
    own = table_of(LAYER_BY_NAME[layer].model)
    for name, rows, imported in history.follow_deleted(session, scope, own, record.number):
        if imported or not overwrite_edits:
            raise ConflictError(
                f"Import {record.number} ({record.name}) cannot be taken back: {rows} rows of "
                f"{name} belong to rows of {layer} that it added, and would go with them.",
                remedy=f"Undo the import of {name} first: wangge import undo {name}."
                if imported
                else "Say --overwrite-edits to lose them.",
            )


def _holder(error: IntegrityError) -> str:
    """Return the table that holds on to a row, as the database names it."""
    said = getattr(getattr(error.orig, "diag", None), "table_name", None)
    return str(said or "another layer")
