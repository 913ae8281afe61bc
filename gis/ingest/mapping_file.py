"""Mapping files: how a file becomes layers, in TOML, checked word by word; see docs/mapping.md."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.errors import DataSourceError, InvalidInputError
from gis.folders import require_folder
from gis.ingest.helpers import HELPERS
from gis.ingest.mapping import GEOMETRY, LayerMapping
from gis.ingest.mapping_check import check_layer
from gis.ingest.mapping_derive import DeriveOptions, StationRule
from gis.ingest.mapping_table import Table
from gis.ingest.mapping_toml import derive_data, layer_data, to_toml
from gis.ingest.mapping_values import ANY_OTHER, Condition, NumberFrom, TextFrom, WordsFrom
from gis.ingest.osm.households import HouseholdOptions

if TYPE_CHECKING:
    from gis.frames import FrameContract

#: Layers that a file may fill, by name, with the helper layers.
CONTRACTS: dict[str, "FrameContract"] = {
    contract.name: contract
    for contract in (
        frames.DIVISIONS,
        frames.COMMUNITIES,
        frames.QUARTERS,
        frames.DEDICATED_AREAS,
        frames.BUILDINGS,
        frames.UNITS,
        frames.ORGANISATIONS,
        frames.STATIONS,
        frames.STATION_SERVICES,
        frames.ROADS,
        frames.BARRIERS,
        frames.CROSSINGS,
        frames.POIS,
        frames.INCIDENTS,
        frames.DEMANDS,
        frames.POSTS,
    )
} | HELPERS


@dataclass(frozen=True)
class MappingFile:
    """How one kind of file becomes layers.

    Parameters
    ----------
    source
        Short name of the data set: lower-case words, used in ids.
    layers
        One or several; two may fill the same layer.
    derive
        What is derived from them.
    attribution
        Whose data it is, as the licence wants it said.
    """

    source: str
    layers: tuple[LayerMapping, ...]
    derive: DeriveOptions | None = None
    attribution: str = ""


def read_mapping(path: Path) -> MappingFile:
    """Return the mapping of a TOML file.

    Raises
    ------
    gis.errors.DataSourceError
        There is no such file.
    gis.errors.InvalidInputError
        It is no TOML, or has a key, layer, field or code that is not known; the message names the
        key and what may stand there.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        msg = f"{path}: the mapping cannot be read ({error.strerror})."
        raise DataSourceError(msg, remedy="Check the path.", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: this is no TOML in UTF-8 ({error})."
        raise InvalidInputError(msg, remedy="Mend it there.", file=str(path)) from error
    return parse_mapping(data, str(path))


def parse_mapping(data: Mapping[str, Any], where: str) -> MappingFile:
    """Return the mapping that a TOML or JSON document states; errors as :func:`read_mapping`."""
    table = Table(data, where, "")
    source = table.text("source")
    if not re.fullmatch(r"[^\W\d_]\w{0,39}", source) or source != source.lower():
        table.refuse(
            "source", f"is {source!r}", "Use at most 40 letters in lower case, digits and _."
        )
    shared = {
        "crs": table.text("crs", None),
        "encoding": table.text("encoding", None),
        "header_rows": table.whole("header_rows", None),
        "layer_column": table.text("layer_column", None),
    }
    layers = tuple(_layer(each, shared) for each in table.tables("layers"))
    if not layers:
        table.refuse("layers", "is missing", "Add a section [[layers]] for each layer.")
    derive = table.table("derive")
    mapping = MappingFile(
        source, layers, None if derive is None else _derive(derive), table.text("attribution", "")
    )
    table.done()
    return mapping


_SHAPES = ("", "point", "outline")
_ROUND = ("", "up", "down", "nearest")
_TYPES = (
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
)  # fmt: skip


def _layer(table: Table, shared: dict[str, Any]) -> LayerMapping:
    name = table.text("layer")
    contract = CONTRACTS.get(name)
    if contract is None:
        raise table.error("layer", f"is {name!r}", f"Use one of: {', '.join(CONTRACTS)}.")
    where, kinds = _where(table.table("where"))
    layer = LayerMapping(
        name,
        fields=_fields(table.table("fields")),
        constants=_scalars(table.table("constants")),
        values=_values(table.table("values")),
        numbers=_numbers(table.table("numbers")),
        texts=_texts(table.table("texts")),
        words=_words(table.table("words")),
        where=where,
        geometry_types=kinds,
        dissolve=table.text("dissolve", None),
        shape=_one_of(table, "shape", _SHAPES),
        split=table.flag("split"),
        source_layer=table.text("source_layer", None),
        layer_column=table.text("layer_column", shared["layer_column"]),
        crs=table.text("crs", shared["crs"]),
        encoding=table.text("encoding", shared["encoding"]),
        header_rows=table.whole("header_rows", shared["header_rows"]),
    )
    table.done()
    check_layer(layer, contract, table.error)
    return layer


def _one_of(table: Table, key: str, choices: tuple[str, ...]) -> Any:  # noqa: ANN401 - one of the choices
    value = table.text(key, "")
    if value not in choices:
        named = ", ".join(choice for choice in choices if choice)
        table.refuse(key, f"is {value!r}", f"Use one of: {named}.")
    return value


def _fields(table: Table | None) -> dict[str, str | tuple[str, ...]]:
    out: dict[str, str | tuple[str, ...]] = {}
    for column in [] if table is None else table.entries():
        assert table is not None
        targets = table.texts(column)
        out[column] = targets[0] if len(targets) == 1 else targets
    return out


def _scalars(table: Table | None) -> dict[str, Any]:
    if table is None:
        return {}
    word = "a text, a number, true or false"
    return {key: table.take(key, (str, int, float, bool), word) for key in table.entries()}


def _values(table: Table | None) -> dict[str, Mapping[str, Any]]:
    if table is None:
        return {}
    return {target: _scalars(table.table(target)) for target in table.entries()}


def _numbers(table: Table | None) -> dict[str, NumberFrom]:
    out = {}
    for target in [] if table is None else table.entries():
        assert table is not None
        own = table.table(target)
        assert own is not None
        divide = float(own.number("divide", 1))
        out[target] = NumberFrom(
            own.text("from"),
            float(own.number("multiply", 1)),
            divide,
            _one_of(own, "round", _ROUND),
        )
        if divide == 0:
            own.refuse("divide", "is 0", "Give another number.")
        own.done()
    return out


def _texts(table: Table | None) -> dict[str, TextFrom]:
    out = {}
    for target in [] if table is None else table.entries():
        assert table is not None
        own = table.table(target)
        assert own is not None
        out[target] = TextFrom(own.texts("join"), own.text("between", ""), own.text("end", ""))
        own.done()
    return out


def _words(table: Table | None) -> dict[str, WordsFrom]:
    out = {}
    for target in [] if table is None else table.entries():
        assert table is not None
        own = table.table(target)
        assert own is not None
        out[target] = WordsFrom(own.texts("from"), _scalars(own.table("words")))
        own.done()
    return out


def _where(table: Table | None) -> tuple[dict[str, Condition], tuple[str, ...]]:
    conditions: dict[str, Condition] = {}
    kinds: tuple[str, ...] = ()
    for column in [] if table is None else table.entries():
        assert table is not None
        if column == GEOMETRY:
            kinds = table.texts(column)
            for kind in kinds:
                if kind not in _TYPES:
                    table.refuse(column, f"is {kind!r}", f"Use: {', '.join(_TYPES)}.")
            continue
        wanted = table.take(column, (str, int, float, bool, list, dict), _CONDITION)
        negated = isinstance(wanted, dict)
        if negated:
            own = Table(wanted, table.where, f"{table.path}.{column}")
            wanted = own.take("not", (str, int, float, bool, list), _CONDITION)
            own.done()
        values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
        if not all(isinstance(value, str | int | float | bool) for value in values):
            table.refuse(column, f"is {wanted!r}", f"Give {_CONDITION}.")
        conditions[column] = Condition(() if values == (ANY_OTHER,) else values, negated)
    return conditions, kinds


_CONDITION = 'a value, a list of values, "*" for any, or { not = … }'


def _derive(table: Table) -> DeriveOptions:
    households = table.table("households")
    communities, quarters = table.table("communities"), table.table("quarters")
    box = table.take("bbox", (list,), "[west, south, east, north]", None)
    if box is not None and not (
        len(box) == 4 and all(isinstance(n, int | float) and not isinstance(n, bool) for n in box)
    ):
        table.refuse("bbox", f"is {box!r}", "Give [west, south, east, north] in degrees.")
    try:
        options = DeriveOptions(
            None if households is None else _households(households),
            None if communities is None else communities.whole("households", 3000),
            None if quarters is None else quarters.number("margin_m", 10),
            table.flag("barriers"),
            table.flag("crossings"),
            tuple(_station_rule(each) for each in table.tables("stations")),
            None if box is None else (box[0], box[1], box[2], box[3]),
            table.text("name", ""),
        )
    except InvalidInputError as error:
        if "file" in error.context:
            raise
        msg = f"{table.where}: {table.path}: {error.message}"
        raise InvalidInputError(
            msg, remedy=error.remedy, **{**error.context, "file": table.where}
        ) from error
    for each in (table, communities, quarters):
        if each is not None:
            each.done()
    return options


def _households(table: Table) -> HouseholdOptions:
    defaults = HouseholdOptions()
    names = ("dwelling_m2", "household_size", "elderly_share", "children_share", "low_income_share")
    values = {name: float(table.number(name, getattr(defaults, name))) for name in names}
    known_total = table.whole("known_total", None)
    table.done()
    return HouseholdOptions(known_total, *(values[name] for name in names))


def _station_rule(table: Table) -> StationRule:
    rule = StationRule(
        table.texts("categories"),
        table.text("tier"),
        table.texts("services"),
        table.text("fee_class", "public"),
        table.text("opening_hours", ""),
        table.text("name", ""),
    )
    table.done()
    return rule


def write_mapping(mapping: MappingFile, path: Path) -> None:
    """Write a mapping so that :func:`read_mapping` gives the same one again."""
    require_folder(path)
    path.write_text(to_toml(mapping_data(mapping)), encoding="utf-8")


def mapping_data(mapping: MappingFile) -> dict[str, Any]:
    """Return a mapping as plain values, as :func:`parse_mapping` takes them."""
    data: dict[str, Any] = {"source": mapping.source}
    if mapping.attribution:
        data["attribution"] = mapping.attribution
    data["layers"] = [layer_data(layer) for layer in mapping.layers]
    if mapping.derive is not None:
        data["derive"] = derive_data(mapping.derive)
    return data
