"""Rows of one layer that were taken from a file, with what of them the file itself says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Taken:
    """A layer's frame, and what is known beside it.

    Parameters
    ----------
    frame
        Conforming to the layer's contract; what the file does not say has its default.
    said
        Field → which rows the file says it of, shape (n,); a field that is absent: none.
    references
        Field that names a row of another layer → the names, shape (n,).
    """

    frame: Any
    said: Mapping[str, "NDArray[np.bool_]"] = field(default_factory=dict)
    references: Mapping[str, "NDArray[np.object_]"] = field(default_factory=dict)

    def says(self, name: str) -> "NDArray[np.bool_]":
        """Return which rows the file says a field of."""
        known = self.said.get(name)
        return np.zeros(len(self.frame), dtype=bool) if known is None else known

    def take(self, rows: "NDArray[np.bool_]") -> "Taken":
        """Return the rows of a mask."""
        return Taken(
            self.frame[rows].reset_index(drop=True),
            {name: known[rows] for name, known in self.said.items()},
            {name: values[rows] for name, values in self.references.items()},
        )
