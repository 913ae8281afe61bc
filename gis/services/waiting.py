"""Matters that say in words where they are: what they must say, and what they may not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gis.errors import InvalidInputError
from gis.layers.queries import table_of
from gis.layers.registry import LAYER_BY_NAME
from gis.services.intake import MODELS, refuse_personal_text

_MAX_TEXT = 500
_TOKEN = re.compile(r"(?=.*[A-Za-z_])[A-Za-z0-9_-]{8,64}")
#: What a waiting row must say, by layer.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "incidents": ("category", "occurred_at"),
    "demands": ("service", "occurred_at"),
}
_WAITING = (
    "id",
    "category",
    "service",
    "description",
    "occurred_at",
    "source",
    "served_group",
    "complainant_token",
    "details",
    "synthetic",
    "source_id",
)


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A matter that says in words where it is.

    Parameters
    ----------
    text
        The description of the place.
    values
        Columns of the layer, without place and assignment: ``occurred_at`` (with a time zone),
        ``category`` or ``service``, ``description``, ``source``, …
    """

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def check_row(layer: str, row: WaitingRow, number: int) -> None:
    """Raise, naming the row, if a row cannot wait for its place, or could not be stored then.

    Raises
    ------
    gis.errors.InvalidInputError
        The text is empty, too long or holds personal numbers, or a value is missing, unknown or
        not as the layer wants it.
    """
    try:
        _check_text(row.text)
        _check_values(layer, row.values)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"Row {number}: {error.message}",
            remedy=error.remedy,
            **{**error.context, "row": number},
        ) from None


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > _MAX_TEXT:
        raise InvalidInputError(
            f"The description of the place has {len(text.strip())} characters.",
            remedy=f"Give 1 to {_MAX_TEXT}.",
            field="text",
        )
    refuse_personal_text(text, "text")


def _check_values(layer: str, values: Mapping[str, Any]) -> None:
    columns = table_of(MODELS[layer]).c  # type: ignore[arg-type] # each matter is mapped
    known = {name for name in _WAITING if name in columns}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InvalidInputError(
            f"A row of {layer} that waits for its place has no field '{unknown[0]}'.",
            remedy=f"Use {', '.join(sorted(known))}.",
            field=unknown[0],
        )
    for name in _REQUIRED[layer]:
        if values.get(name) is None:
            raise InvalidInputError(
                f"The field '{name}' has no value.", remedy="Give it.", field=name
            )
    at = values["occurred_at"]
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InvalidInputError(
            "The field 'occurred_at' is not a moment with a time zone.",
            remedy="Write it as 2026-05-01T22:00:00+08:00.",
            field="occurred_at",
        )
    _check_codes(layer, values)
    if isinstance(values.get("description"), str):
        refuse_personal_text(values["description"], "description")


def _check_codes(layer: str, values: Mapping[str, Any]) -> None:
    """Refuse what the store would refuse when the row is placed, perhaps weeks later."""
    for column in LAYER_BY_NAME[layer].contract.columns:
        value = values.get(column.name)
        if column.choices and value is not None and value not in column.choices:
            raise InvalidInputError(
                f"The field '{column.name}' has a value that is not known ({value!r}).",
                remedy=f"Use one of: {', '.join(column.choices)}.",
                field=column.name,
            )
    token = values.get("complainant_token")
    if token is not None and not _TOKEN.fullmatch(str(token)):
        raise InvalidInputError(
            "The field 'complainant_token' is not a token.",
            remedy="Use 8 to 64 letters, digits, - and _, with a letter among them.",
            field="complainant_token",
        )
