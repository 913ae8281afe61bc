"""A derived community lies on one bank: water holds no blocks together."""

import numpy as np
import pytest
import shapely
from scipy.sparse import csr_matrix

from gis.ingest.osm.blocks import _to_the_longest_bank, _wet

pytestmark = pytest.mark.geometry


def box(west, south, east, north):
    return shapely.box(west, south, east, north)


#: Bank, water, bank, in metres; the water shares 4 m with the first and 10 m with the last.
BLOCKS = np.array([box(0, 0, 10, 10), box(10, 0, 20, 10), box(20, 0, 30, 10)], dtype=object)


def test_water_is_told_by_area_and_by_nobody_living_there():
    group = np.arange(3)
    water = np.array([box(9, 0, 20, 10)], dtype=object)
    assert _wet(BLOCKS, group, np.array([5, 0, 5]), water).tolist() == [False, True, False]
    assert not _wet(BLOCKS, group, np.array([5, 1, 5]), water).any()
    assert not _wet(BLOCKS, group, np.array([5, 0, 5]), None).any()
    everything = np.array([box(0, 0, 30, 10)], dtype=object)
    assert not _wet(BLOCKS, group, np.array([0, 0, 0]), everything).any()


def test_water_goes_to_the_longest_bank():
    borders = csr_matrix(np.array([[0, 4, 0], [4, 0, 10], [0, 10, 0]]))
    assert _to_the_longest_bank(np.array([0, -1, 1]), borders).tolist() == [0, 1, 1]


def test_water_beyond_water_and_water_alone_end():
    chain = csr_matrix(np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]))
    assert _to_the_longest_bank(np.array([0, -1, -1, -1]), chain).tolist() == [0, 0, 0, 1]
