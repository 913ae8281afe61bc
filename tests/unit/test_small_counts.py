"""Whoever knows the sum of a group, what is shown of it and the rule works no small count out."""

from collections.abc import Iterator
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.frames.small_counts import also_withheld, is_small, not_alone, withheld

counts_of = st.lists(st.integers(0, 40), min_size=1, max_size=9)
thresholds = st.integers(0, 6)


def array(counts: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(counts, dtype=np.int64)


def groups(total: int, size: int) -> Iterator[tuple[int, ...]]:
    """Yield every group of a size with a sum."""
    if size == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in groups(total - first, size - 1):
            yield (first, *rest)


def told(counts: tuple[int, ...], below: int, *, small_sum_shown: bool) -> tuple[int | None, ...]:
    """Return a group as it is shown."""
    hidden = withheld(array(list(counts)), below, small_sum_shown=small_sum_shown)
    return tuple(None if gone else one for one, gone in zip(counts, hidden, strict=True))


@cache
def possible(
    size: int, total: int, below: int, *, small_sum_shown: bool
) -> dict[tuple[int | None, ...], list[set[int]]]:
    """Return what a group may be, count by count, for whoever is shown it and knows its sum."""
    found: dict[tuple[int | None, ...], list[set[int]]] = {}
    for group in groups(total, size):
        values = found.setdefault(
            told(group, below, small_sum_shown=small_sum_shown), [set() for _ in group]
        )
        for at, count in enumerate(group):
            values[at].add(count)
    return found


#: Larger groups have too many others to try all of.
SIZES = [(1, 12), (2, 40), (3, 24), (4, 18), (5, 13)]


@pytest.mark.parametrize("below", [2, 3, 4, 5])
@pytest.mark.parametrize(("size", "most"), SIZES)
@pytest.mark.parametrize("all_sums", [False, True], ids=["sums", "small-sums-too"])
def test_every_withheld_count_may_be_two_at_least(
    size: int, most: int, below: int, *, all_sums: bool
):
    """Tried for every group there is, against somebody who knows the rule as well."""
    for total in range(1 if all_sums else below, most + 1):
        for shown, values in possible(size, total, below, small_sum_shown=all_sums).items():
            left = [at for at, one in enumerate(shown) if one is None and len(values[at]) < 2]
            # All are withheld and all are one: nothing is left that could be withheld.
            ones = None not in shown or (set(shown) == {None} and total == size)
            assert not left or ones or size == 1, (shown, total)


@given(counts_of, thresholds)
def test_small_counts_are_withheld_and_nothing_without_them(counts: list[int], below: int):
    found, hidden = array(counts), withheld(array(counts), below)
    small = is_small(found, below)
    assert (hidden | ~small).all()
    assert small.any() or not hidden.any()
    assert (also_withheld(found, below) == (hidden & ~small)).all()


@given(counts_of, thresholds, st.randoms(use_true_random=False))
def test_order_does_not_decide(counts: list[int], below: int, random: Random):
    places = list(range(len(counts)))
    random.shuffle(places)
    turned = withheld(array([counts[at] for at in places]), below)
    assert (turned == withheld(array(counts), below)[places]).all()


@given(counts_of, thresholds)
def test_who_adds_all_does_not_have_a_sum_that_is_withheld(counts: list[int], below: int):
    found = array(counts)
    hidden = withheld(found, below, sum_withheld=True)
    assert found[hidden].sum() > 0 or found.sum() == 0
    assert (hidden | ~withheld(found, below)).all()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=8))
def test_none_is_hidden_alone(rows: list[tuple[bool, int]]):
    hidden, sizes = np.array([one for one, _ in rows]), array([size for _, size in rows])
    found = not_alone(hidden, sizes)
    assert (found | ~hidden).all()
    others = sizes[~hidden] > 0
    assert found.sum() == hidden.sum() if hidden.sum() != 1 or not others.any() else found.sum() > 1
