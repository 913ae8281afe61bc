"""How people within reach are told: rounded, of too few nothing, of homes always everything."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.access import Role
from gis.errors import ForbiddenError
from gis.frames.small_counts import SENSITIVE
from gis.frames.telling import Telling, base_of, rounded, rounded_all, rounded_parts
from gis.scope import Action, Scope
from gis.services.telling import (
    PER_RESIDENTS,
    is_usual,
    require_told,
    telling_of,
    told_indicators,
    told_ways,
)

pytestmark = pytest.mark.unit

counts = st.integers(0, 100_000)
belows = st.integers(2, 50)


@given(counts, belows)
def test_what_is_told_is_as_near_as_the_base_allows(count: int, below: int):
    base = base_of(below)
    told = rounded(count, base)
    assert base % 5 == 0
    assert base >= 2 * below
    assert told % base == 0
    assert abs(told - count) <= base / 2
    assert rounded_all(np.array([float(count)]), base).tolist() == [told]


@given(counts, belows)
def test_one_house_more_is_told_as_none_or_as_one_step(count: int, below: int):
    """A step tells that somebody lives there, and nothing of how many: one as well as the base."""
    base = base_of(below)
    steps = {rounded(count + more, base) - rounded(count, base) for more in range(1, below)}
    assert steps <= {0, base}
    one_step = [
        m for m in range(3 * base) if rounded(count + m, base) - rounded(count, base) == base
    ]
    assert len(one_step) == base


@given(counts, counts, belows)
def test_a_few_who_are_missing_to_all_or_to_none_are_not_told(part: int, rest: int, below: int):
    telling, base, of = Telling(base=base_of(below)), base_of(below), part + rest
    told = telling.count("elderly", part, of)
    if of >= 2 * base:
        assert told == rounded_parts(np.array([part]), np.array([of]), base)[0]
        assert told is not None
        assert abs(told - part) < 1.5 * base
        assert (told == 0) == (part < base)
        if rest < base:
            assert told == telling.count("elderly", of, of)


@given(counts, counts, belows)
def test_shares_are_those_of_what_is_told(part: int, rest: int, below: int):
    telling = Telling(base=base_of(below))
    of = part + rest
    share = telling.share("elderly", part, of)
    if of == 0 or of < 2 * telling.base:
        assert share is None
        assert telling.count("elderly", part, of) == (None if of else 0)
    else:
        assert share is not None
        assert 0 <= share <= 1
        told = telling.count("elderly", part, of)
        assert told is not None
        assert share == min(round(told / rounded(of, telling.base), 2), 1)
    assert telling.count("households", part, of) == part


ROLES = {
    "everything": (Scope("a", frozenset(Action), None, full_counts=True), Telling()),
    "the owner": (Scope.local_owner(), Telling(3)),
    "a viewer": (Scope("a", frozenset(Action), None), Telling(base=10)),
    "a dispatcher": (
        Scope("a", frozenset(Action), None, sees_houses=True),
        Telling(base=10, people=False),
    ),
}


@pytest.mark.parametrize(("scope", "telling"), ROLES.values(), ids=ROLES)
def test_who_is_told_how(scope: Scope, telling: Telling):
    assert telling_of(scope, 3) == telling
    assert telling_of(scope, 1) == Telling()
    other = telling_of(scope, 3, usual=False)
    assert other.people == telling.is_exact
    if telling.is_exact:
        require_told(telling, "elderly")
    else:
        with pytest.raises(ForbiddenError, match="households"):
            require_told(telling, "elderly")
    require_told(telling, "households")


def test_the_usual_limits_are_those_of_every_answer():
    assert is_usual((300.0, 500.0, 1000.0), (5.0, 10.0, 15.0))
    assert is_usual()
    assert not is_usual((499.0,))
    assert not is_usual(minutes=(14.0,))


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=20), belows)
@pytest.mark.slow
def test_indicators_of_people_are_told_by_rounded_ones(pairs: list[tuple[int, int]], below: int):
    telling = Telling(base=base_of(below))
    part = np.array([one for one, _ in pairs], dtype=float)
    of = np.array([sum(pair) for pair in pairs], dtype=float)
    codes = ["elderly_covered:any_500_m", "households_covered:any_500_m", PER_RESIDENTS] * len(part)
    rows = pd.DataFrame(
        {
            "indicator": codes,
            "numerator": np.repeat(part, 3),
            "denominator": np.repeat(of, 3),
            "target": np.nan,
        }
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rows["value"] = rows["numerator"] / rows["denominator"]
    rows["gap"] = np.nan
    asked = {"elderly_covered:any_500_m", PER_RESIDENTS}
    told = told_indicators(rows, asked, asked, telling)
    same = told["indicator"] == "households_covered:any_500_m"
    pd.testing.assert_frame_equal(told[same].drop(columns="suppressed"), rows[same])
    people = told[told["indicator"] == "elderly_covered:any_500_m"]
    shown = people[~people["suppressed"]]
    assert (shown[["numerator", "denominator"]] % telling.base == 0).all(axis=None)
    assert shown["value"].dropna().between(0, 1).all()
    few = (of > 0) & (of < 2 * telling.base)
    assert people["suppressed"].tolist() == few.tolist()
    assert (
        people.loc[people["suppressed"], ["value", "numerator", "denominator"]]
        .isna()
        .all(axis=None)
    )
    none = told_indicators(rows, asked, asked, Telling(base=telling.base, people=False))
    assert none.loc[none["indicator"].isin(asked), "value"].isna().all()
    other = told_indicators(rows, asked, set(), telling)
    assert other.loc[other["indicator"].isin(asked), "suppressed"].all()


def test_ways_of_being_served_are_told_of_all_together():
    ways = [
        {"served": "walking", "counts": dict.fromkeys((*SENSITIVE, "households"), 13)},
        {"served": "none", "counts": dict.fromkeys((*SENSITIVE, "households"), 41)},
    ]
    told = told_ways(ways, Telling(base=10))
    assert [one["counts"]["elderly"] for one in told] == [10, 40]
    assert [one["counts"]["households"] for one in told] == [13, 41]
    assert told[0]["share"]["elderly"] == 0.2
    assert told_ways(ways, Telling()) == ways


def test_only_roles_that_see_everything_of_an_area_are_told_exactly():
    from gis.access import AREA_COUNTS, FULL_COUNTS

    assert set(FULL_COUNTS) == {Role.ADMIN, Role.PLANNER, Role.REVIEWER, Role.MANAGER}
    assert set(AREA_COUNTS) == {Role.MANAGER}
