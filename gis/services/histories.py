"""What imports did to a row: when, by whom, and each value before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import shapely
from geoalchemy2 import Geography, Geometry

from gis.errors import NotFoundError
from gis.layers import history
from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: Tell one person's rows from another's: no history shows them.
_TOKENS = frozenset({"complainant_token", "person_token"})
#: Columns that the store keeps by itself.
_KEPT = frozenset({"id", "import_no", "created_at", "updated_at", "version", "data_version"})


@dataclass(frozen=True, slots=True)
class RowChange:
    """What one import did to a row.

    Parameters
    ----------
    import_no, name, principal, at
        The import, who asked for it, and when the row was changed.
    change
        ``changed``, or ``removed``: ended, closed or deleted.
    columns
        Those with another value afterwards: before and after, a geometry in a few words.
    """

    import_no: int
    name: str | None
    principal: str | None
    at: datetime
    change: str
    columns: Mapping[str, tuple[Any, Any]]


def row_history(session: "Session", scope: "Scope", layer: str, row_id: str) -> Sequence[RowChange]:
    """Return what imports changed in a row, newest first; what was taken back is not in it.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such layer, or never was such a row in it.
    """
    own = _own(layer)
    key = _key(row_id)
    told = history.of_row(session, scope, layer, key)
    then = history.as_it_is(session, scope, own, key)
    if then is None and not told:
        raise NotFoundError(
            f"{layer} has no row {row_id}.", remedy="wangge audit and exports name rows by id."
        )
    changes = []
    for row in told:
        values = _differences(own, row.before, then or {})
        changes.append(
            RowChange(row.import_no, row.name, row.principal, row.at, row.change, values)
        )
        then = row.before
    return changes


def _own(layer: str) -> "Table":
    keyed = [name for name, one in LAYER_BY_NAME.items() if "id" in table_of(one.model).c]
    if layer not in keyed:
        raise NotFoundError(
            f"There is no layer {layer!r} whose rows have ids.", remedy=f"Use {', '.join(keyed)}."
        )
    return table_of(LAYER_BY_NAME[layer].model)


def _key(row_id: str) -> str:
    try:
        return str(UUID(row_id))
    except ValueError:
        raise NotFoundError(
            f"{row_id!r} is no id of a row.", remedy="wangge audit and exports name rows by id."
        ) from None


def _differences(
    own: "Table", before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    found = {}
    for column in own.columns:
        old, new = before.get(column.name), after.get(column.name)
        if old == new or column.name in _KEPT | _TOKENS:
            continue
        shape = isinstance(column.type, Geometry | Geography)
        found[column.name] = (_shape(old), _shape(new)) if shape else (old, new)
    return found


def _shape(written: str | None) -> str | None:
    """Return a geometry in a few words: where a point is, how many vertices others have."""
    if written is None:
        return None
    shape = shapely.from_wkb(written)
    if isinstance(shape, shapely.Point):
        return f"{shape.x:.6f}, {shape.y:.6f}"
    return f"{shape.geom_type} of {shapely.get_num_coordinates(shape)} vertices"
