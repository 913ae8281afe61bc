"""The keys of a file's rows: found, derived, and told when one appears twice."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import shapely

from gis.frames import stable_ids
from gis.frames.uuids import canonical_uuids

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.frames import FrameContract
    from gis.ingest.rejects import Rejects

#: Bytes of a key: a UUID, or a digest cut to its length.
KEY_BYTES = 16
_DTYPE = np.dtype(f"S{KEY_BYTES}")


class SeenKeys:
    """The keys of all batches so far, sorted, sixteen bytes for each row of the file.

    Runs of keys are merged when they have grown to the same size, so a million rows are kept in a
    few runs, and each key is moved about twenty times. While runs are merged they are there twice.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.bytes_]] = []

    def add(self, keys: "NDArray[np.bytes_]") -> "NDArray[np.int64]":
        """Take the keys of a batch and return how often each one came before.

        Parameters
        ----------
        keys
            Shape (n,), dtype ``S16``.

        Returns
        -------
        numpy.ndarray
            Earlier rows with the same key, in earlier batches and in this one, shape (n,).
        """
        order = np.argsort(keys, kind="stable")
        run = keys[order]
        starts = np.ones(len(run), dtype=bool)
        starts[1:] = run[1:] != run[:-1]
        first = np.maximum.accumulate(np.where(starts, np.arange(len(run)), 0))
        counts = np.arange(len(run)) - first
        for earlier in self._runs:
            left, right = (np.searchsorted(earlier, run, side=side) for side in ("left", "right"))
            counts += right - left
        self._keep(run)
        out = np.empty(len(keys), dtype=np.int64)
        out[order] = counts
        return out

    def _keep(self, run: "NDArray[np.bytes_]") -> None:
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")  # in place: another copy would be the largest thing in memory
        self._runs.append(run)


def as_keys(data: "NDArray[np.uint8]") -> "NDArray[np.bytes_]":
    """Return sixteen bytes a row, shape (n, 16), as keys, shape (n,)."""
    return np.ascontiguousarray(data).view(_DTYPE)[:, 0]


class RowIds:
    """Gives each row of a file the ``id`` of its layer, the same whenever the file is read.

    A file whose first rows have UUIDs keeps its own. Others get ids derived from the source's ids;
    a row without one from its content, so that a row that moved within the file keeps its id.

    Parameters
    ----------
    contract
        The layer's contract; one without a column ``id`` gets none.
    dataset
        Short name of the data set, part of derived ids.
    once
        Whether an id that appears twice is a fault; if not, the database finds it.
    """

    def __init__(self, contract: "FrameContract", dataset: str, *, once: bool = True) -> None:
        self._wanted = any(column.name == "id" for column in contract.columns)
        self._layer = contract.name
        self._dataset = dataset
        self._own: bool | None = None
        self._seen = SeenKeys() if once else None
        self._contents = SeenKeys()

    def of(
        self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None", rejects: "Rejects"
    ) -> "pd.DataFrame":
        """Return the columns of a batch with an ``id``; the caller's are not changed."""
        if not self._wanted or not len(columns):
            return columns
        if self._own and self._seen is None and "id" in columns:
            return columns  # the database knows a UUID, and one that comes again
        own = columns["id"].to_numpy(dtype=object) if "id" in columns else None
        given = None if own is None else _Given.of(own)
        if self._own is None:
            self._own = given is not None and bool(given.fine.all())
        if own is not None and given is not None and self._own:
            return self._kept(columns, own, given, rejects)
        return self._derived(columns, own, geometry, rejects)

    def _kept(
        self, columns: "pd.DataFrame", own: "NDArray[Any]", given: "_Given", rejects: "Rejects"
    ) -> "pd.DataFrame":
        rejects.add(
            ~given.fine,
            "id",
            own,
            "is no UUID, though the ids before it are",
            "Give every row a UUID, or call the column source_id.",
            code="not_a_uuid",
        )
        self._refuse_twice("id", own, given.keys, given.fine, rejects)
        return columns.assign(id=given.texts)

    def _derived(
        self,
        columns: "pd.DataFrame",
        own: "NDArray[Any] | None",
        geometry: "NDArray[Any] | None",
        rejects: "Rejects",
    ) -> "pd.DataFrame":
        out = columns.copy(deep=False)
        if "source_id" not in out and own is not None:
            out["source_id"] = own
        named = np.zeros(len(out), dtype=bool)
        names = np.full(len(out), None, dtype=object)
        if "source_id" in out:
            named = out["source_id"].notna().to_numpy(dtype=bool)
            names[named] = [str(value) for value in out["source_id"].to_numpy(dtype=object)[named]]
        if not named.all():
            shapes = None if geometry is None else geometry[~named]
            names[~named] = self._contents_of(columns[~named], shapes)
        ids = stable_ids(self._dataset, self._layer, names)
        keys = canonical_uuids(ids)
        assert keys is not None
        self._refuse_twice("source_id", names, keys, np.ones(len(ids), dtype=bool), rejects)
        out["id"] = np.array(ids, dtype=object)
        return out

    def _refuse_twice(
        self,
        field: str,
        shown: "NDArray[Any]",
        keys: "NDArray[np.uint8]",
        known: "NDArray[np.bool_]",
        rejects: "Rejects",
    ) -> None:
        if self._seen is None:
            return
        again = np.zeros(len(shown), dtype=bool)
        again[known] = self._seen.add(as_keys(keys)) > 0
        rejects.add(
            again,
            field,
            shown,
            "appears twice",
            "Give every feature its own id.",
            code="duplicate_id",
        )

    def _contents_of(self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None") -> list[str]:
        """Return a digest of each row's content; equal rows are told apart by their order."""
        wkb = [b""] * len(columns) if geometry is None else shapely.to_wkb(geometry)
        texts = zip(*[map(_plain, columns[name].tolist()) for name in columns], strict=True)
        lines = ["\x1f".join(values).encode() for values in texts] or [b""] * len(columns)
        digests = [
            sha256(line + b"\x1e" + (shape or b"")).digest()[:KEY_BYTES]
            for line, shape in zip(lines, wkb, strict=True)
        ]
        keys = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, KEY_BYTES)
        before = self._contents.add(as_keys(keys)).tolist()
        return [
            f"{digest.hex()}/{count + 1}" for digest, count in zip(digests, before, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Given:
    """Ids that a file has: which are UUIDs, these in canonical form, and the bytes of these."""

    fine: "NDArray[np.bool_]"
    texts: "NDArray[Any]"
    keys: "NDArray[np.uint8]"

    @classmethod
    def of(cls, own: "NDArray[Any]") -> "_Given":
        keys = canonical_uuids(own)
        if keys is not None:
            return cls(np.ones(len(own), dtype=bool), own, keys)
        texts = np.array([_uuid(value) for value in own], dtype=object)
        fine = texts != None  # noqa: E711 - elementwise
        found = canonical_uuids(texts[fine])
        assert found is not None
        return cls(fine, texts, found)


def _uuid(value: object) -> str | None:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


def _plain(value: object) -> str:
    """Return a value as text that does not depend on how a batch holds it."""
    if value is None or value != value:  # noqa: PLR0124 - NaN, NaT
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
