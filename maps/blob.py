"""Columns of a page in one compressed piece, which the browser reads without parsing text.

Numbers that change little from one to the next become differences of one byte each, and the whole
is deflated. A page names each column by where it lies; ``static/blob.js`` reads them.
"""

import base64
import json
import zlib
from typing import Any

import numpy as np

from maps.packing import geometry_numbers, varints

#: Typed arrays of the browser want to begin at a multiple of their width.
_ALIGN = 8

Ref = dict[str, Any]


class Blob:
    """Collects columns; :meth:`text` gives them as base64 of a zlib stream.

    Every method that takes a column returns where it lies, as the page's script wants it.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def numbers(self, values: Any, dtype: str) -> Ref:  # noqa: ANN401 - any array-like of numbers
        """Add numbers as a little-endian typed array, for example ``u2`` or ``f4``."""
        return self._add(np.ascontiguousarray(values, dtype=f"<{dtype}").tobytes(), dtype)

    def steps(self, values: Any) -> Ref:  # noqa: ANN401 - any array-like of numbers
        """Add whole numbers as differences from one to the next, of variable length."""
        flat = np.asarray(values, dtype=np.int64).ravel()
        return self._add(varints(np.diff(flat, prepend=0)), "steps", len(flat))

    def integers(self, values: Any) -> Ref:  # noqa: ANN401 - any array-like of numbers
        """Add whole numbers of variable length."""
        flat = np.asarray(values, dtype=np.int64).ravel()
        return self._add(varints(flat), "integers", len(flat))

    def shapes(self, geometries: Any, origin: tuple[float, float]) -> Ref:  # noqa: ANN401 - any array-like of geometries
        """Add lines or polygons in EPSG:4326; see :func:`maps.packing.geometry_numbers`."""
        flat = geometry_numbers(geometries, origin=origin, chained=True)
        return self._add(varints(flat), "shapes", len(geometries))

    def texts(self, values: list[str | None]) -> Ref:
        """Add texts, ``None`` where there is none."""
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        return self._add(text.encode(), "texts", len(values))

    def text(self) -> str:
        """Return all columns as one base64 text."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 9)).decode("ascii")

    def _add(self, data: bytes, kind: str, count: int | None = None) -> Ref:
        ref: Ref = {"as": kind, "at": self._size, "bytes": len(data)}
        if count is not None:
            ref["n"] = count
        padding = -len(data) % _ALIGN
        self._parts += [data, b"\0" * padding]
        self._size += len(data) + padding
        return ref


def chain_rows(rows: Any) -> tuple[list[int], Any]:  # noqa: ANN401 - an array of numbers
    """Return what each row is told as the difference from: the earlier row most like it.

    Parameters
    ----------
    rows
        Whole numbers, shape (k, n).

    Returns
    -------
    tuple
        Row that each is told from, -1 for none, and the differences, shape (k, n).
    """
    rows = np.asarray(rows, dtype=np.int64)
    parents, out = [], rows.copy()
    for k, row in enumerate(rows):
        unlike = [int((row != rows[j]).sum()) for j in range(k)]
        parent = int(np.argmin(unlike)) if unlike else -1
        # From one building to the next most distances differ; from a like row, only some do.
        if parent >= 0 and unlike[parent] > row.size // 2:
            parent = -1
        parents.append(parent)
        out[k] = np.diff(row, prepend=0) if parent < 0 else row - rows[parent]
    return parents, out
