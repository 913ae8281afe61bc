"""Candidates thinned out: what is left out has something near that is kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from gis.coverage.thinning import thin_out
from gis.errors import InvalidInputError

pytestmark = pytest.mark.geometry


@given(seed=st.integers(0, 2**31), count=st.integers(1, 60), most=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_whatever_is_left_out_is_as_near_to_a_kept_one_as_is_said(seed, count, most):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 1000, (count, 2))
    fixed = rng.choice(count, size=min(count, most, 3), replace=False)
    kept, spacing = thin_out(xy, most, kept=fixed)
    assert len(kept) == min(count, most)
    assert (np.diff(kept) > 0).all()
    assert set(fixed) <= set(kept) or count <= most
    assert cdist(xy, xy[kept]).min(axis=1).max() == pytest.approx(spacing)
    if len(kept) > 1 and len(fixed) < 2:  # those kept stand apart by no less
        apart = cdist(xy[kept], xy[kept])[np.triu_indices(len(kept), 1)]
        assert apart.min() >= spacing - 1e-9


def test_a_row_of_five_is_thinned_to_its_middle_and_ends():
    xy = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]
    kept, spacing = thin_out(xy, 3)
    assert (kept.tolist(), spacing) == ([0, 2, 4], 1.0)


def test_more_fixed_than_kept_is_refused():
    with pytest.raises(InvalidInputError, match="kept in any case"):
        thin_out([(0, 0), (1, 0)], 1, kept=[0, 1])
