"""Blocks merged to parts: contiguous, balanced, complete, the same each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from gis.ingest.osm.partition import attach_uninhabited, make_contiguous, merge, part_count

pytestmark = pytest.mark.geometry


def lattice(columns: int, rows: int) -> csr_matrix:
    """Return the borders of blocks in rows and columns; each is 100 m long."""
    number = np.arange(columns * rows).reshape(rows, columns)
    one = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    other = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    size = columns * rows
    half = csr_matrix((np.full(len(one), 100), (one, other)), shape=(size, size))
    return (half + half.T).tocsr()


def pieces(part: np.ndarray, borders: csr_matrix) -> int:
    each = borders.tocoo()
    same = part[each.row] == part[each.col]
    inside = csr_matrix((each.data[same], (each.row[same], each.col[same])), shape=borders.shape)
    return int(connected_components(inside, directed=False)[0])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)  # twelve METIS runs an example
@given(st.integers(3, 12), st.integers(3, 12), st.integers(0, 2**32 - 1), st.integers(200, 3000))
def test_parts_are_contiguous_and_complete(columns: int, rows: int, seed: int, size: int):
    borders = lattice(columns, rows)
    households = np.random.default_rng(seed).integers(0, 300, columns * rows)
    part = merge(households, borders, size)
    assert np.array_equal(np.unique(part), np.arange(part.max() + 1))
    assert pieces(part, borders) == part.max() + 1
    assert np.array_equal(part, merge(households, borders, size))


def test_equal_blocks_give_equal_parts():
    households = np.full(144, 50)
    part = merge(households, lattice(12, 12), 1200)
    totals = np.bincount(part, weights=households)
    assert len(totals) == 6
    assert totals.min() >= 0.85 * 1200
    assert totals.max() <= 1.15 * 1200


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=36, max_size=36))
def test_torn_parts_are_mended_and_none_is_lost(labels: list[int]):
    borders, part = lattice(6, 6), np.array(labels)
    whole = make_contiguous(part, np.ones(36, dtype=np.int64), borders)
    assert set(whole) == set(part)
    assert pieces(whole, borders) == len(set(labels))


def test_uninhabited_islands_join_the_nearest_inhabited_part():
    part = np.array([0, 0, 1, 2])
    centre = np.array([[0.0, 0.0], [10.0, 0.0], [100.0, 0.0], [90.0, 0.0]])
    joined = attach_uninhabited(part, np.array([5, 5, 7, 0]), centre)
    assert joined.tolist() == [0, 0, 1, 1]
    nobody = attach_uninhabited(part, np.zeros(4, dtype=np.int64), centre)
    assert nobody.tolist() == part.tolist()


@given(st.integers(0, 10**6), st.integers(10, 10**5))
def test_the_count_of_parts_is_the_nearest_as_a_ratio(households: int, size: int):
    count = part_count(households, size)
    assert count >= 1
    if households:
        off = abs(np.log(households / count / size))
        for other in (count - 1, count + 1):
            if other >= 1:
                assert off <= abs(np.log(households / other / size)) + 1e-9
