"""A mapping as plain values, and plain values as TOML; what says nothing is not written."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gis.ingest.mapping import GEOMETRY
from gis.ingest.mapping_values import ANY_OTHER

if TYPE_CHECKING:
    from gis.ingest.mapping import LayerMapping
    from gis.ingest.mapping_derive import DeriveOptions
    from gis.ingest.mapping_values import Condition

_BARE_KEY = re.compile(r"^[A-Za-z0-9_-]+$")


def layer_data(layer: "LayerMapping") -> dict[str, Any]:
    """Return a section ``[[layers]]`` as plain values."""
    data: dict[str, Any] = {
        "layer": layer.layer,
        "source_layer": layer.source_layer,
        "layer_column": layer.layer_column,
        "crs": layer.crs,
        "encoding": layer.encoding,
        "header_rows": layer.header_rows,
        "dissolve": layer.dissolve,
        "shape": layer.shape or None,
        "split": layer.split or None,
        "where": {name: _condition(each) for name, each in layer.where.items()},
        "fields": {
            column: target if isinstance(target, str) else list(target)
            for column, target in layer.fields.items()
        },
        "texts": {
            name: {"join": list(each.columns), "between": each.between, "end": each.end}
            for name, each in layer.texts.items()
        },
        "numbers": {
            name: {
                "from": each.column,
                "multiply": each.multiply,
                "divide": each.divide,
                "round": each.round,
            }
            for name, each in layer.numbers.items()
        },
        "words": {
            name: {"from": list(each.columns), "words": dict(each.words)}
            for name, each in layer.words.items()
        },
        "values": {name: dict(table) for name, table in layer.values.items()},
        "constants": dict(layer.constants),
    }
    if layer.geometry_types:
        data["where"][GEOMETRY] = list(layer.geometry_types)
    return {key: value for key, value in data.items() if value is not None and value != {}}


def _condition(condition: "Condition") -> Any:  # noqa: ANN401 - a value, a list or a table
    values: Any = list(condition.values) or ANY_OTHER
    if isinstance(values, list) and len(values) == 1:
        values = values[0]
    return {"not": values} if condition.negated else values


def derive_data(options: "DeriveOptions") -> dict[str, Any]:
    """Return the section ``[derive]`` as plain values."""
    data: dict[str, Any] = {
        "name": options.name or None,
        "bbox": None if options.bbox is None else list(options.bbox),
        "barriers": options.barriers or None,
        "crossings": options.crossings or None,
    }
    if options.households is not None:
        own = asdict(options.households)
        data["households"] = {key: value for key, value in own.items() if value is not None}
    if options.community_households is not None:
        data["communities"] = {"households": options.community_households}
    if options.quarter_margin_m is not None:
        data["quarters"] = {"margin_m": options.quarter_margin_m}
    if options.stations:
        data["stations"] = [
            {**asdict(rule), "categories": list(rule.categories), "services": list(rule.services)}
            for rule in options.stations
        ]
    return {key: value for key, value in data.items() if value is not None}


def to_toml(data: Mapping[str, Any]) -> str:
    """Return plain values (texts, numbers, truth values, lists of these, tables) as TOML.

    Examples
    --------
    >>> print(to_toml({"source": "楼", "layers": [{"layer": "pois", "fields": {"楼 名": "name"}}]}))
    source = "楼"
    <BLANKLINE>
    [[layers]]
    layer = "pois"
    <BLANKLINE>
    [layers.fields]
    "楼 名" = "name"
    <BLANKLINE>
    """
    return "\n".join(_lines(data, ""))


def _lines(data: Mapping[str, Any], path: str) -> list[str]:
    lines = [
        f"{_key(key)} = {_value(value)}" for key, value in data.items() if not _is_section(value)
    ]
    lines += [""] if lines else []
    for key, value in data.items():
        if not _is_section(value):
            continue
        full = f"{path}.{_key(key)}".strip(".")
        if isinstance(value, Mapping):
            # A table of tables only is made by their headings.
            bare = bool(value) and all(_is_section(each) for each in value.values())
            lines += [*([] if bare else [f"[{full}]"]), *_lines(value, full)]
        else:
            for each in value:
                lines += [f"[[{full}]]", *_lines(each, full)]
    return lines


def _is_section(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: Any) -> str:  # noqa: ANN401 - a value of the closed set above
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return repr(value)


def _text(text: str) -> str:
    """Return a basic string: the escapes of JSON are TOML's, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
