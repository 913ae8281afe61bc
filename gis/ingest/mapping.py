"""From the columns of a file to the fields of a layer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.ingest.mapping_values import (
    Condition,
    NumberFrom,
    Scalar,
    TextFrom,
    WordsFrom,
    texts,
    translated,
)
from gis.ingest.rows import SourceOptions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import FrameContract

Shape = Literal["", "point", "outline"]
#: Key of a condition on the type of the geometry.
GEOMETRY = "geometry"
#: Fields that are no column of the layer: they name a row of another layer.
REFERENCES: Mapping[str, tuple[str, ...]] = MappingProxyType({"buildings": ("quarter",)})


@dataclass(frozen=True)
class LayerMapping:
    """How rows of a file become rows of one layer. Only what it names is taken.

    Parameters
    ----------
    layer
        Layer they become.
    fields
        File's column → field, or several fields.
    constants
        Field → value of every row.
    values
        Field → {file's value: value of the field}, as in
        :func:`gis.ingest.mapping_values.translated`.
    numbers, texts
        Fields computed from columns.
    words
        Fields told by words of a text where they are empty otherwise.
    where
        Column → condition; all must hold.
    geometry_types
        Types of geometry that are taken; empty: all.
    dissolve
        Column whose equal values mark the pieces of one feature.
    shape
        ``point``: a point inside stands for each polygon or line; ``outline``: its boundary does.
    split
        Whether a geometry of several parts becomes several rows.
    source_layer
        Layer or sheet inside the file, or value of ``layer_column``.
    layer_column
        Column that says to which layer a row belongs, in a file that mixes them.
    crs, encoding, header_rows
        As in :class:`gis.ingest.rows.SourceOptions`.
    """

    layer: str
    fields: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, Scalar] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    numbers: Mapping[str, NumberFrom] = field(default_factory=dict)
    texts: Mapping[str, TextFrom] = field(default_factory=dict)
    words: Mapping[str, WordsFrom] = field(default_factory=dict)
    where: Mapping[str, Condition] = field(default_factory=dict)
    geometry_types: tuple[str, ...] = ()
    dissolve: str | None = None
    shape: Shape = ""
    split: bool = False
    source_layer: str | None = None
    layer_column: str | None = None
    crs: str | None = None
    encoding: str | None = None
    header_rows: int | None = None

    def options(self, where: str, *, spatial: bool = True) -> SourceOptions:
        """Return how the file is to be opened for this layer."""
        from gis.geometry.source_crs import SourceCrs

        return SourceOptions(
            layer=None if self.layer_column else self.source_layer,
            preferred_layer=self.layer,
            crs=None if self.crs is None else SourceCrs.parse(self.crs, where),
            encoding=self.encoding,
            header_rows=self.header_rows,
            spatial=spatial,
        )

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield (column, field) for each field that is taken from one column as it is."""
        for column, targets in self.fields.items():
            for target in (targets,) if isinstance(targets, str) else targets:
                yield column, target

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file that the mapping needs, each once."""
        named = [column for column, _ in self.pairs()]
        named += [number.column for number in self.numbers.values()]
        named += [name for text in self.texts.values() for name in text.columns]
        named += [name for words in self.words.values() for name in words.columns]
        named += [*self.where]
        named += [name for name in (self.dissolve, self.layer_column) if name]
        return tuple(dict.fromkeys(named))

    @property
    def targets(self) -> tuple[str, ...]:
        """Fields that it fills, a field twice if it is given twice."""
        fields = [target for _, target in self.pairs()]
        told = [name for name in self.words if name not in fields]
        return (*fields, *self.constants, *self.numbers, *self.texts, *told)

    def apply(
        self,
        columns: "pd.DataFrame",
        geometry: "NDArray[Any] | None",
        contract: "FrameContract",
        where: str,
    ) -> tuple["pd.DataFrame", "NDArray[Any] | None", "NDArray[np.int64]"]:
        """Return the rows that are taken, under the contract's names.

        Pieces are not put together here: a batch need not hold all of a feature.

        Parameters
        ----------
        columns, geometry
            Rows under the file's names, and their geometries in any reference system.
        contract
            Contract of the layer.
        where
            File that errors name.

        Returns
        -------
        Columns with an index from 0, their geometries, and the position of the row that each came
        from; a row that is split appears there once for each part.

        Raises
        ------
        gis.errors.InvalidInputError
            The file lacks a column that the mapping names.
        """
        rows = self.select(columns, geometry, where)
        out = self.translate(columns.iloc[rows], contract, where)
        if geometry is None:
            return out, None, rows
        shapes = self.shaped(geometry[rows])
        if not self.split:
            return out, shapes, rows
        out, shapes, part_of = split_parts(out, shapes)
        return out, shapes, rows[part_of]

    def select(
        self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None", where: str
    ) -> "NDArray[np.int64]":
        """Return the positions of the rows that meet every condition; errors as :meth:`apply`."""
        _require(self.columns, columns, where)
        keep = self.of_layer(columns)
        for _, holds in self._conditions(columns, geometry):
            keep &= holds
        return np.flatnonzero(keep)

    def of_layer(self, columns: "pd.DataFrame") -> "NDArray[np.bool_]":
        """Return which rows belong to the layer of the file, conditions aside."""
        if self.layer_column is None or self.source_layer is None:
            return np.ones(len(columns), dtype=bool)
        return Condition((self.source_layer,)).holds(columns[self.layer_column])

    def reasons(
        self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None"
    ) -> "NDArray[np.object_]":
        """Return for each row the (column, value) of the first condition it fails; None: taken.

        Rows of other layers of the file are told as ``(layer_column, value)``.
        """
        reason = np.full(len(columns), None, dtype=object)
        if self.layer_column is not None:
            names = texts(columns[self.layer_column])
            for row in np.flatnonzero(~self.of_layer(columns)):
                reason[row] = (self.layer_column, names[row] or "")
        for name, holds in self._conditions(columns, geometry):
            found = _kinds(geometry) if name == GEOMETRY else texts(columns[name])
            for row in np.flatnonzero(~holds):
                if reason[row] is None:
                    reason[row] = (name, found[row] or "")
        return reason

    def _conditions(
        self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None"
    ) -> Iterator[tuple[str, "NDArray[np.bool_]"]]:
        for name, condition in self.where.items():
            yield name, condition.holds(columns[name])
        if self.geometry_types and geometry is not None:
            yield GEOMETRY, np.isin(_kinds(geometry), self.geometry_types)

    def translate(
        self, columns: "pd.DataFrame", contract: "FrameContract", where: str
    ) -> "pd.DataFrame":
        """Return the rows under the contract's names, values translated; errors as :meth:`apply`.

        A value that no table translates and a text that is no number stay as they are: checks name
        them with their row.
        """
        import pandas as pd

        _require(self.columns, columns, where)
        data: dict[str, Any] = {}
        for column, target in self.pairs():
            data[target] = _tidy(columns[column], as_name=target in _TEXT_KEYS)
        for target, text in self.texts.items():
            data[target] = text.of(columns)
        for target, number in self.numbers.items():
            data[target] = number.of(columns)
        for target, table in self.values.items():
            data[target] = translated(texts(pd.Series(data[target], dtype=object)), table)
        for target, words in self.words.items():
            empty = np.full(len(columns), None, dtype=object)
            data[target] = words.fill(data.get(target, empty), columns)
        for target, value in self.constants.items():
            data[target] = np.full(len(columns), value, dtype=object)
        if self.dissolve and "source_id" in contract.names and "source_id" not in data:
            data["source_id"] = texts(columns[self.dissolve])
        order = [
            name for name in (*contract.names, *REFERENCES.get(self.layer, ())) if name in data
        ]
        return pd.DataFrame(
            {name: pd.Series(data[name], dtype=object) for name in order}, index=range(len(columns))
        )

    def shaped(self, geometry: "NDArray[Any]") -> "NDArray[Any]":
        """Return what stands for each geometry."""
        if self.shape == "point":
            return np.asarray(shapely.point_on_surface(geometry), dtype=object)
        if self.shape == "outline":
            area = shapely.get_dimensions(geometry) == 2
            return np.where(area, shapely.boundary(geometry), geometry)
        return geometry


#: Fields that hold a source's own key or a name: 71118583.0 is meant as 71118583.
_TEXT_KEYS = ("source_id", "code", "name", "quarter")


def _tidy(column: "pd.Series[Any]", *, as_name: bool) -> "NDArray[np.object_]":
    """Return values as they are, empty texts as none; keys and names as text."""
    if as_name:
        return texts(column)
    array = column.to_numpy(dtype=object)
    blank = np.array([isinstance(value, str) and not value.strip() for value in array], dtype=bool)
    array = np.array(array, dtype=object)
    array[blank] = None
    return array


def split_parts(
    columns: "pd.DataFrame", geometry: "NDArray[Any]"
) -> tuple["pd.DataFrame", "NDArray[Any]", "NDArray[np.int64]"]:
    """Return one row for each part of a geometry, and the row it came from.

    The key of a row with several parts gets their number behind it: ``w12/1``, ``w12/2``. A row
    without geometry stays.
    """
    parts, part_of = shapely.get_parts(geometry, return_index=True)
    bare = np.flatnonzero(np.isin(np.arange(len(geometry)), part_of, invert=True))
    part_of = np.concatenate([part_of, bare])
    order = np.argsort(part_of, kind="stable")
    part_of = part_of[order]
    shapes = np.concatenate([parts, np.full(len(bare), None, dtype=object)])[order]
    out = columns.iloc[part_of].reset_index(drop=True)
    if "source_id" in out:
        number = out.groupby(part_of).cumcount().to_numpy() + 1
        several = np.bincount(part_of, minlength=len(geometry))[part_of] > 1
        keys = out["source_id"].to_numpy(dtype=object)
        out["source_id"] = [
            f"{key}/{n}" if more and key is not None else key
            for key, n, more in zip(keys, number, several, strict=True)
        ]
    return out, shapes, part_of


def _kinds(geometry: "NDArray[Any] | None") -> "NDArray[np.object_]":
    if geometry is None:
        return np.empty(0, dtype=object)
    return np.array(["" if shape is None else shape.geom_type for shape in geometry], dtype=object)


def _require(names: tuple[str, ...], columns: "pd.DataFrame", where: str) -> None:
    absent = [name for name in names if name not in columns]
    if absent:
        msg = f"{where}: the mapping names the column {absent[0]!r}, which the file has not."
        raise InvalidInputError(
            msg, remedy=f"It has: {', '.join(map(str, columns))}.", file=where, field=absent[0]
        )


def apply_mapping(
    columns: "pd.DataFrame", mapping: Mapping[str, str] | None, fields: list[str], where: str
) -> "pd.DataFrame":
    """Return the columns under the contract's names.

    Parameters
    ----------
    columns
        Columns under their names in the file.
    mapping
        File's column → field of the contract.
    fields
        Fields of the contract.
    where
        File that errors name.

    Raises
    ------
    gis.errors.InvalidInputError
        The mapping names a column or field that is not there, or a field twice.
    """
    wanted = dict(mapping or {})
    for column, target in wanted.items():
        if column not in columns:
            msg = f"{where}: the mapping names the column {column!r}, which the file has not."
            raise InvalidInputError(
                msg, remedy=f"It has: {', '.join(map(str, columns))}.", file=where, field=column
            )
        if target not in fields:
            msg = f"{where}: the mapping names the field {target!r}, which the layer has not."
            raise InvalidInputError(
                msg, remedy=f"It has: {', '.join(fields)}.", file=where, field=target
            )
    if len(set(wanted.values())) < len(wanted):
        msg = f"{where}: the mapping gives one field two columns."
        raise InvalidInputError(msg, remedy="Map each field once.", file=where)
    # A mapped column takes the place of one that already has the field's name.
    clash = [name for name in wanted.values() if name in columns and name not in wanted]
    return columns.drop(columns=clash).rename(columns=wanted)
