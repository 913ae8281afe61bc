"""UUIDs by the million: between their texts and their bytes, all at once."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Of the text of a UUID: its length, and where its dashes and digits stand.
_LENGTH = 36
_DASHES = [8, 13, 18, 23]
_DIGITS = [i for i in range(_LENGTH) if i not in _DASHES]


def uuid_texts(keys: "NDArray[np.uint8]") -> list[str]:
    """Return UUIDs, shape (n, 16), in their canonical form: lower case, with dashes."""
    digits = np.frombuffer(keys.tobytes().hex().encode("ascii"), dtype=np.uint8)
    texts = np.full((len(keys), _LENGTH), ord("-"), dtype=np.uint8)
    texts[:, _DIGITS] = digits.reshape(-1, 32)
    joined = texts.tobytes().decode("ascii")
    return [joined[i : i + _LENGTH] for i in range(0, len(joined), _LENGTH)]


def canonical_uuids(texts: "Sequence[object] | NDArray[np.object_]") -> "NDArray[np.uint8] | None":
    """Return the bytes of UUIDs, shape (n, 16), if every one is in its canonical form; else None.

    Examples
    --------
    >>> canonical_uuids(["00000000-0000-0000-0000-0000000000ff"])[0, -1]
    np.uint8(255)
    >>> canonical_uuids(["00000000-0000-0000-0000-0000000000FF"]) is None
    True
    """
    try:
        joined = "".join(texts).encode("ascii")  # type: ignore[arg-type] # what is no text raises
        if len(joined) != _LENGTH * len(texts):
            return None
        letters = np.frombuffer(joined, dtype=np.uint8).reshape(-1, _LENGTH)
        dashes = letters == ord("-")
        if not dashes[:, _DASHES].all() or dashes.sum() != len(_DASHES) * len(texts):
            return None
        if ((letters >= ord("A")) & (letters <= ord("F"))).any():
            return None
        found = bytes.fromhex(joined.replace(b"-", b"").decode("ascii"))
    except (TypeError, ValueError):
        return None
    if len(found) != 16 * len(texts):  # blanks are passed over when digits are read
        return None
    return np.frombuffer(found, dtype=np.uint8).reshape(-1, 16)
