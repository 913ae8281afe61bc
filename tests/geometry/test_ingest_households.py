"""Estimates of households and people: whole numbers that add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gis.errors import InvalidInputError
from gis.ingest.osm.buildings import people
from gis.ingest.osm.households import (
    HouseholdOptions,
    default_floors,
    dwellings,
    largest_remainder,
    spread,
)

pytestmark = pytest.mark.geometry

WEIGHTS = arrays(
    float, st.integers(1, 60), elements=st.floats(0, 500, allow_nan=False, width=32)
).filter(lambda weights: weights.sum() > 1e-3)


@given(WEIGHTS, st.integers(0, 100_000))
def test_largest_remainder_adds_up_and_is_off_by_less_than_one(weights: np.ndarray, total: int):
    counts = largest_remainder(weights, total)
    assert counts.sum() == total
    exact = weights * (total / weights.sum())
    assert (np.abs(counts - exact) < 1 + 1e-6).all()
    assert (counts[weights == 0] == 0).all()


def test_a_known_total_without_any_dwelling_is_refused():
    with pytest.raises(InvalidInputError, match="no building is a dwelling"):
        largest_remainder(np.zeros(3), 10)
    assert largest_remainder(np.zeros(3), 0).tolist() == [0, 0, 0]


@given(arrays(np.int64, st.integers(1, 200), elements=st.integers(0, 900)), st.floats(0, 1))
def test_shares_of_people_never_exceed_the_people(counts: np.ndarray, share: float):
    part = spread(counts, share)
    assert (part >= 0).all()
    assert (part <= counts).all()
    assert abs(part.sum() - counts.sum() * share) < 1.001
    assert (np.abs(np.cumsum(part) - np.cumsum(counts) * share) < 1.001).all()


@given(
    arrays(np.int64, st.integers(1, 200), elements=st.integers(0, 900)),
    st.floats(1, 6),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_every_household_has_somebody_and_nobody_is_both_old_and_young(
    households: np.ndarray, size: float, old: float, part: float
):
    options = HouseholdOptions(
        household_size=size, elderly_share=old, children_share=(1 - old) * part
    )
    residents, elderly, children = people(households, options)
    assert (residents >= households).all()
    assert (residents[households == 0] == 0).all()
    assert (elderly >= 0).all()
    assert (children >= 0).all()
    assert (elderly + children <= residents).all()
    assert abs(residents.sum() - households.sum() * size) < 1.001
    assert abs(children.sum() - residents.sum() * options.children_share) < 2.001


def test_dwellings_follow_use_floors_and_mapped_flats():
    weight = dwellings(
        np.array([800.0, 800.0, 800.0, 120.0, 20.0, 800.0]),
        np.array([6, 6, 6, 2, 1, 6]),
        np.array(["residential", "mixed", "office", "residential", "residential", "residential"]),
        one_household=np.array([False, False, False, True, False, False]),
        flats=np.array([np.nan, np.nan, np.nan, np.nan, np.nan, 36.0]),
        dwelling_m2=100.0,
    )
    assert weight.tolist() == [48.0, 40.0, 0.0, 1.0, 0.0, 36.0]


def test_default_floors_are_given_for_any_footprint():
    assert default_floors(np.array([0.0, 60.0, 60.1, 1e9])).tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"dwelling_m2": 0}, "dwelling_m2"),
        ({"dwelling_m2": float("nan")}, "dwelling_m2"),
        ({"known_total": -1}, "known_total"),
        ({"elderly_share": 1.2}, "elderly_share"),
        ({"elderly_share": 0.6, "children_share": 0.6}, "together"),
    ],
)
def test_parameters_that_no_place_has_are_refused_by_name(wrong: dict[str, float], named: str):
    with pytest.raises(InvalidInputError, match=named):
        HouseholdOptions(**wrong)
