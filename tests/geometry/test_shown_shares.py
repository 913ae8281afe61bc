"""Counts of people that are shown beside each other give no small count away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.coverage.shown_shares import counts_apart, kept_apart

pytestmark = pytest.mark.geometry

USUAL = (300.0, 500.0, 1000.0)
HOUSES = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.one_of(st.just(float("nan")), st.integers(0, 1500).map(float)),
        st.integers(0, 40).map(lambda steps: 10.0 * steps),
    ),
    max_size=40,
)


@given(st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)), st.integers(0, 60))
def test_counts_that_are_kept_are_equal_or_far_apart(first: list[int], rest: list[int], total: int):
    for below in (1, 3, 5):
        kept = kept_apart(first, total, below, rest)
        assert (np.diff(kept) >= below).all()
        assert {0} <= set(kept) <= {0, total, *first, *rest}
        assert total in kept or 0 < total < below
    assert set(kept_apart(first, total, 1, rest)) == {0, total, *first, *rest}


@given(HOUSES, st.lists(st.integers(1, 2000), max_size=8), st.integers(2, 6))
def test_no_two_answers_of_a_place_differ_by_a_small_number(
    houses: list[tuple[int, float, float]], asked: list[int], below: int
):
    """Metres and minutes, each threshold in an answer of its own: whoever reads all learns none."""
    people = np.array([house[0] for house in houses], dtype=np.int64)
    metres = np.array([house[1] for house in houses], dtype=float)
    cost = metres + np.array([house[2] for house in houses], dtype=float)  # so it lies within
    kept = counts_apart(people, [(metres, USUAL), (cost, USUAL)], below)
    counts = {
        int(people[reach <= limit].sum())
        for reach in (metres, cost)
        for limit in (*USUAL, *map(float, asked))
    }
    shown = np.array(sorted({*counts, int(people.sum())} & set(kept.tolist())))
    assert (np.diff(shown) >= below).all()
    # The usual thresholds are shown or withheld whether others are asked with or not.
    usual = {int(people[reach <= limit].sum()) for reach in (metres, cost) for limit in USUAL}
    few = counts_apart(people, [(metres, USUAL), (cost, USUAL)], below, every=False)
    assert usual & set(few.tolist()) == usual & set(kept.tolist())
