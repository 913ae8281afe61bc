"""Whether a mapping fits the layer that it fills: its fields, their codes, and what they need."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gis.ingest.mapping import GEOMETRY, REFERENCES
from gis.ingest.personal_columns import personal_by_name

if TYPE_CHECKING:
    from gis.errors import InvalidInputError
    from gis.frames import Column, FrameContract
    from gis.ingest.mapping import LayerMapping

#: Makes an error of a key, what is wrong with it, and the remedy.
ErrorOf = Callable[[str, str, str], "InvalidInputError"]
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,)}


def check_layer(layer: "LayerMapping", contract: "FrameContract", error: ErrorOf) -> None:
    """Refuse fields that the layer has not or that are filled twice, and codes that are not known.

    Raises
    ------
    gis.errors.InvalidInputError
        Whatever ``error`` makes of the first fault.
    """
    _check_fields(layer, contract, error)
    _check_persons(layer, error)
    _check_codes(layer, contract, error)
    for column in contract.columns:
        needs = column.required and column.default is None and column.name != "id"
        if needs and column.name not in layer.targets:
            raise error("fields", f"lacks {column.name!r}, which {layer.layer} needs", column.doc)
    if layer.layer_column and not layer.source_layer:
        raise error("source_layer", "is missing", f"Say which value of {layer.layer_column!r}.")


def _check_fields(layer: "LayerMapping", contract: "FrameContract", error: ErrorOf) -> None:
    known = [name for name in contract.names if name != GEOMETRY]
    known += REFERENCES.get(layer.layer, ())
    for target in (*layer.targets, *layer.values):
        if target not in known:
            what = f"names the field {target!r}, which {layer.layer} has not"
            raise error("fields", what, f"It has: {', '.join(known)}.")
    twice = [name for name in layer.targets if layer.targets.count(name) > 1]
    if twice:
        raise error("fields", f"gives the field {twice[0]!r} twice", "Give each field once.")
    for target in layer.values:
        if target not in layer.targets:
            remedy = f"Add a column for it to [layers.fields]: … = {target!r}."
            raise error(f"values.{target}", "translates a field that nothing fills", remedy)


def _check_persons(layer: "LayerMapping", error: ErrorOf) -> None:
    """Refuse columns of persons' data by their names; :mod:`gis.ingest.mapped` looks at values."""
    stored = [column for column, _ in layer.pairs()]
    stored += [name for text in layer.texts.values() for name in text.columns]
    for column in stored:
        word = personal_by_name(column)
        if word is not None:
            what = f"names the column {column!r}, which by its name ({word}) is about persons"
            raise error("fields", what, "Leave it out: layers hold no person's data.")


def _check_codes(layer: "LayerMapping", contract: "FrameContract", error: ErrorOf) -> None:
    columns = {column.name: column for column in contract.columns}
    stated = list(layer.constants.items())
    tables = [*layer.values.items(), *((n, each.words) for n, each in layer.words.items())]
    stated += [(name, value) for name, own in tables for value in own.values()]
    for target, value in stated:
        if target in columns and value != "":
            _check_value(columns[target], value, error)
    for target in layer.numbers:
        if target in columns and columns[target].kind not in {"int", "float"}:
            raise error(f"numbers.{target}", "is no number", "Fill it by [layers.fields].")


def _check_value(column: "Column", value: Any, error: ErrorOf) -> None:  # noqa: ANN401 - a value of TOML
    if column.choices and value not in column.choices:
        what, remedy = f"is given the code {value!r}", f"Use one of: {', '.join(column.choices)}."
        raise error(column.name, what, remedy)
    kinds = _KINDS.get(column.kind, (str,))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise error(column.name, f"is given {value!r}, no {column.kind}", column.doc)
