"""Names that are nearly known: by letters and by sound, in batches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.addresses.sounds import sounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Queries that are compared at once: 500 × 20,000 scores are 40 MB.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Guess:
    """A known name that is like an unknown one; score 0–100."""

    name: str
    score: float


def guesses(
    queries: "Sequence[str]", names: "Sequence[str]", *, cut: float, most: int = 5
) -> list[list[Guess]]:
    """Return the most similar names for each query, best first.

    The score is the mean of two similarities, each 100 · (1 − edits / length of the longer): of
    the characters, and of the syllables that they stand for. One wrong character of four that
    sounds right gives 87.5, one that sounds wrong 75: 永目小区 is 永睦小区, 永安小区 is not.

    Parameters
    ----------
    queries, names
        Keys of names.
    cut
        The lowest score that is returned.
    most
        How many for each query.
    """
    if not len(names):
        return [[] for _ in queries]
    spoken = [sounds(name) for name in names]
    found: list[list[Guess]] = []
    for start in range(0, len(queries), _BATCH):
        batch = list(queries[start : start + _BATCH])
        scores = (_similarity(batch, names) + _similarity([sounds(q) for q in batch], spoken)) / 2
        found += [_best(row, names, cut, most) for row in scores]
    return found


def _similarity(queries: "Sequence[str]", names: "Sequence[str]") -> "NDArray[np.float32]":
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    scores: NDArray[np.float32] = cdist(
        queries, names, scorer=Levenshtein.normalized_similarity, dtype=np.float32
    )
    return scores * np.float32(100)


def _best(row: "NDArray[np.float32]", names: "Sequence[str]", cut: float, most: int) -> list[Guess]:
    good = np.flatnonzero(row >= cut)
    order = sorted(good.tolist(), key=lambda i: (-round(float(row[i]), 4), names[i]))
    return [Guess(names[i], round(float(row[i]), 1)) for i in order[:most]]
