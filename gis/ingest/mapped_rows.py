"""Batches of a file under the names of a layer, by whichever kind of mapping there is."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from gis.ingest.dissolve import SNAP_DEGREES, SNAP_M, dissolve
from gis.ingest.mapping import LayerMapping, apply_mapping
from gis.ingest.rows import RowBatch, SourceFacts

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import FrameContract

#: The file's column → field of the layer, or all that a mapping file says of a layer.
AnyMapping = Mapping[str, str] | LayerMapping


class RowMapper:
    """Gives each batch of a file the names of a layer's contract.

    A mapping that puts pieces of features together needs all rows of the file at once; every other
    one batch at a time.

    Attributes
    ----------
    rows_read
        Rows of the file so far.
    not_used
        Columns of the file that went nowhere, in order.
    """

    def __init__(self, mapping: AnyMapping | None, contract: "FrameContract", where: str) -> None:
        self.rows_read = 0
        self.not_used: dict[str, None] = {}
        self._mapping = mapping
        self._contract = contract
        self._where = where

    def batches(
        self, batches: Iterator[RowBatch], facts: SourceFacts, size: int
    ) -> Iterator[RowBatch]:
        """Yield what is taken of each batch; errors as of the mapping."""
        counted = self._counted(batches)
        if not isinstance(self._mapping, LayerMapping):
            for batch in counted:
                yield self._renamed(batch, self._mapping)
        elif self._mapping.dissolve and facts.crs is not None:
            snap = SNAP_DEGREES if facts.crs.in_degrees else SNAP_M
            yield from self._dissolved(list(counted), self._mapping, snap, size)
        else:
            for batch in counted:
                yield self._translated(batch, self._mapping)

    def _counted(self, batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
        for batch in batches:
            self.rows_read += len(batch)
            if isinstance(self._mapping, LayerMapping):
                known = set(self._mapping.columns)
                self._note_unused(str(name) for name in batch.columns if name not in known)
            yield batch

    def _note_unused(self, names: Iterator[str]) -> None:
        self.not_used.update(dict.fromkeys(names))

    def _renamed(self, batch: RowBatch, mapping: Mapping[str, str] | None) -> RowBatch:
        fields = self._contract.names
        columns = apply_mapping(batch.columns, mapping, fields, self._where)
        self._note_unused(str(name) for name in columns if name not in fields)
        return RowBatch(batch.first_row, columns, batch.geometry, batch.row_numbers)

    def _translated(self, batch: RowBatch, mapping: LayerMapping) -> RowBatch:
        columns, geometry, rows = mapping.apply(
            batch.columns, batch.geometry, self._contract, self._where
        )
        return RowBatch(batch.first_row, columns, geometry, batch.numbers[rows])

    def _dissolved(
        self, batches: list[RowBatch], mapping: LayerMapping, snap: float, size: int
    ) -> Iterator[RowBatch]:
        import pandas as pd

        from gis.ingest.mapping import split_parts

        if not batches:
            return
        columns = pd.concat([batch.columns for batch in batches], ignore_index=True)
        geometry = np.concatenate([_shapes(batch) for batch in batches])
        numbers = np.concatenate([batch.numbers for batch in batches])
        chosen = mapping.select(columns, geometry, self._where)
        own = columns[list(mapping.columns)].iloc[chosen].reset_index(drop=True)
        assert mapping.dissolve is not None
        put = dissolve(own, geometry[chosen], mapping.dissolve, snap=snap)
        out = mapping.translate(put.columns, self._contract, self._where)
        shapes, numbers = mapping.shaped(put.geometry), numbers[chosen][put.first]
        if mapping.split:
            out, shapes, part_of = split_parts(out, shapes)
            numbers = numbers[part_of]
        yield from _slices(out, shapes, numbers, size)


def _slices(
    columns: "pd.DataFrame",
    geometry: "NDArray[np.object_]",
    numbers: "NDArray[np.int64]",
    size: int,
) -> Iterator[RowBatch]:
    for start in range(0, len(columns), size):
        rows = slice(start, start + size)
        part = columns.iloc[rows].reset_index(drop=True)
        yield RowBatch(start + 1, part, geometry[rows], numbers[rows])


def _shapes(batch: RowBatch) -> "NDArray[np.object_]":
    if batch.geometry is None:
        return np.full(len(batch), None, dtype=object)
    return batch.geometry
