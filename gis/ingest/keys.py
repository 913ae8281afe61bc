"""The keys of a file's rows: found, derived, and told when one appears twice."""

from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import shapely

from gis.frames import stable_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    few runs, and each key is moved about twenty times.
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
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)


def uuid_keys(ids: "Sequence[str]") -> "NDArray[np.bytes_]":
    """Return UUIDs in their canonical spelling as their bytes, shape (n,), dtype ``S16``."""
    return np.frombuffer(bytes.fromhex("".join(ids).replace("-", "")), dtype=_DTYPE)


def digest_keys(digests: "Sequence[bytes]") -> "NDArray[np.bytes_]":
    """Return digests of sixteen bytes as keys, shape (n,)."""
    return np.frombuffer(b"".join(digests), dtype=_DTYPE)


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
    """

    def __init__(self, contract: "FrameContract", dataset: str) -> None:
        self._wanted = any(column.name == "id" for column in contract.columns)
        self._layer = contract.name
        self._dataset = dataset
        self._own: bool | None = None
        self._seen = SeenKeys()
        self._contents = SeenKeys()

    def of(
        self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None", rejects: "Rejects"
    ) -> "pd.DataFrame":
        """Return the columns of a batch with an ``id``; the caller's are not changed."""
        if not self._wanted or not len(columns):
            return columns
        own = columns["id"].to_numpy(dtype=object) if "id" in columns else None
        if self._own is None:
            self._own = own is not None and all(map(_is_uuid, own))
        if own is not None and self._own:
            return self._kept(columns, own, rejects)
        return self._derived(columns, own, geometry, rejects)

    def _kept(
        self, columns: "pd.DataFrame", own: "NDArray[Any]", rejects: "Rejects"
    ) -> "pd.DataFrame":
        fine = np.array([_is_uuid(value) for value in own], dtype=bool)
        rejects.add(
            ~fine,
            "id",
            own,
            "is no UUID, though the ids before it are",
            "Give every row a UUID, or call the column source_id.",
            code="not_a_uuid",
        )
        ids = np.array(
            [str(UUID(str(v))) if ok else None for v, ok in zip(own, fine, strict=True)],
            dtype=object,
        )
        again = np.zeros(len(own), dtype=bool)
        again[fine] = self._seen.add(uuid_keys(ids[fine].tolist())) > 0
        rejects.add(again, "id", own, *_TWICE, code="duplicate_id")
        return columns.assign(id=ids)

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
        given = np.zeros(len(out), dtype=bool)
        keys = np.full(len(out), None, dtype=object)
        if "source_id" in out:
            given = out["source_id"].notna().to_numpy(dtype=bool)
            keys[given] = [str(value) for value in out["source_id"][given]]
        if not given.all():
            keys[~given] = self._contents_of(
                columns[~given], None if geometry is None else geometry[~given]
            )
        ids = stable_ids(self._dataset, self._layer, keys)
        again = self._seen.add(uuid_keys(ids)) > 0
        if again.any():
            shown = out.get("source_id", out.index)
            rejects.add(again, "source_id", shown.to_numpy(), *_TWICE, code="duplicate_id")
        out["id"] = ids
        return out

    def _contents_of(self, columns: "pd.DataFrame", geometry: "NDArray[Any] | None") -> list[str]:
        """Return a digest of each row's content; equal rows are told apart by their order."""
        wkb = [None] * len(columns) if geometry is None else shapely.to_wkb(geometry)
        digests = []
        for values, shape in zip(columns.itertuples(index=False), wkb, strict=True):
            text = "\x1f".join(map(_plain, values)).encode()
            digests.append(sha256(text + b"\x1e" + (shape or b"")).digest()[:KEY_BYTES])
        before = self._contents.add(digest_keys(digests))
        return [
            f"{digest.hex()}/{count + 1}"
            for digest, count in zip(digests, before.tolist(), strict=True)
        ]


_TWICE = ("appears twice", "Give every feature its own id.")


def _plain(value: object) -> str:
    """Return a value as text that does not depend on how a batch holds it."""
    if value is None or value != value:  # noqa: PLR0124 - NaN, NaT
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
