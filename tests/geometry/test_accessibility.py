"""Floating catchments against plain pandas, the PySAL package, and what they must conserve."""

import importlib.util
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage import accessibility as acc
from gis.coverage.rational_agents import rational_agents
from gis.errors import InvalidInputError

pytestmark = pytest.mark.geometry

#: PySAL's package is one of the peers (`./run bench-env`) and no dependency of the suite.
needs_access = pytest.mark.skipif(
    importlib.util.find_spec("access") is None,
    reason="PySAL's `access` is in the benchmarks' environment only",
)
DECAYS = {
    "all": None,
    "within": acc.within(9),
    "stepwise": acc.stepwise({4: 1, 8: 0.68, 12: 0.22}),
    "gaussian": acc.gaussian(5, limit=12),
    "gaussian_to_zero": acc.gaussian_to_zero(12),
    "epanechnikov": acc.epanechnikov(12),
    "exponential": acc.exponential(4),
    "power": acc.power(4, 1.5, nearest=1, limit=14),
}
CONSERVING = (acc.two_step, acc.three_step, acc.shared)


def town(seed, demands=40, stations=7, density=0.4):
    """Return pairs, people and capacities; some of each are zero and some reach nothing."""
    rng = np.random.default_rng(seed)
    demand, station = np.nonzero(rng.random((demands, stations)) < density)
    pairs = acc.Pairs(demand, station, rng.uniform(0, 15, len(demand)), demands, stations)
    people = rng.integers(0, 30, demands) * (rng.random(demands) < 0.8)
    capacity = rng.integers(0, 50, stations) * (rng.random(stations) < 0.8)
    return pairs, people, capacity


towns = st.builds(
    town,
    st.integers(0, 10_000),
    st.integers(0, 30),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)


def by_pandas(method, pairs, people, capacity, decay):
    """Return the measure as a table would have it: one row per pair, sums by group."""
    rows = pd.DataFrame({"i": pairs.demand, "j": pairs.station, "cost": pairs.cost})
    rows["w"] = [float(decay(np.array([cost]))[0]) if decay else 1.0 for cost in rows["cost"]]
    rows = rows[rows["w"] > 0]
    rows["P"], rows["S"] = people[rows["i"]], capacity[rows["j"]]
    of_i = rows["w"] / rows.groupby("i")["w"].transform("sum")
    of_j = rows["w"] / rows.groupby("j")["w"].transform("sum")
    wanted, offered = {
        "two_step": (rows["w"], rows["w"]),
        "three_step": (rows["w"] * of_i, rows["w"] * of_i),
        "shared": (of_i, of_i),
        "balanced": (of_i, of_j),
    }[method]
    rows["D"] = (rows["P"] * wanted).groupby(rows["j"]).transform("sum")
    rows["A"] = (offered * rows["S"] / rows["D"]).where(rows["D"] > 0, 0.0)
    return rows.groupby("i")["A"].sum().reindex(range(pairs.demands), fill_value=0.0).to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("decay", DECAYS.values(), ids=DECAYS)
@pytest.mark.parametrize("method", ["two_step", "three_step", "shared", "balanced"])
def test_equal_to_pandas(method, decay):
    for seed in range(4):
        pairs, people, capacity = town(seed)
        found = getattr(acc, method)(pairs, people, capacity, decay).access
        expected = by_pandas(method, pairs, people, capacity, decay)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@needs_access
@pytest.mark.parametrize(
    ("method", "decay", "limit"),
    [
        ("two_step", "all", None),
        ("two_step", "within", 9),
        ("two_step", "stepwise", None),
        ("two_step", "gaussian", 12),
        # Their three steps need a weight, and count preferences beyond a limit.
        ("three_step", "stepwise", None),
    ],
)
def test_equal_to_pysal(method, decay, limit):
    from access import fca, weights

    theirs = {
        "stepwise": weights.step_fn({4: 1, 8: 0.68, 12: 0.22}),
        "gaussian": weights.gaussian(5),
    }
    measure = {"two_step": fca.two_stage_fca, "three_step": fca.three_stage_fca}[method]
    pairs, people, capacity = town(3)
    people, capacity = people + 1, capacity + 1
    costs = pd.DataFrame({"origin": pairs.demand, "dest": pairs.station, "cost": pairs.cost})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = measure(
            pd.DataFrame({"demand": people.astype(float)}),
            pd.DataFrame({"supply": capacity.astype(float)}),
            costs,
            limit,
            demand_index=True,
            supply_index=True,
            weight_fn=theirs.get(decay),
        )
    found = getattr(acc, method)(pairs, people, capacity, DECAYS[decay]).access
    expected = expected.reindex(range(pairs.demands)).fillna(0).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(towns, st.sampled_from(list(DECAYS)), st.sampled_from(CONSERVING))
def test_capacity_is_conserved(ground, decay, method):
    pairs, people, capacity = ground
    found = method(pairs, people, capacity, DECAYS[decay])
    weight = DECAYS[decay](pairs.cost) if DECAYS[decay] else np.ones(len(pairs.cost))
    wanted = np.zeros(pairs.stations, dtype=bool)
    wanted[pairs.station[(weight > 0) & (people[pairs.demand] > 0)]] = True
    assert found.access @ people == pytest.approx(capacity[wanted].sum(), rel=1e-12)
    assert (found.demand > 0).tolist() == wanted.tolist()


@settings(max_examples=50, deadline=None)
@given(towns, st.sampled_from(list(DECAYS)))
def test_whoever_reaches_nothing_has_access_zero(ground, decay):
    pairs, people, capacity = ground
    weight = DECAYS[decay](pairs.cost) if DECAYS[decay] else np.ones(len(pairs.cost))
    unserved = np.ones(pairs.demands, dtype=bool)
    unserved[pairs.demand[weight > 0]] = False
    for method in (*CONSERVING, acc.balanced):
        access = method(pairs, people, capacity, DECAYS[decay]).access
        assert np.isfinite(access).all()
        assert (access[unserved] == 0).all()


@settings(max_examples=50, deadline=None)
@given(towns, st.sampled_from(list(DECAYS)))
def test_balanced_shares_nobody_out_twice(ground, decay):
    pairs, people, capacity = ground
    weight = DECAYS[decay](pairs.cost) if DECAYS[decay] else np.ones(len(pairs.cost))
    served = np.unique(pairs.demand[weight > 0])
    for method in (acc.balanced, acc.shared):
        found = method(pairs, people, capacity, DECAYS[decay])
        assert found.demand.sum() == pytest.approx(people[served].sum(), rel=1e-12)
    published = acc.balanced(pairs, people, capacity, DECAYS[decay])
    assert published.access.sum() == pytest.approx(published.level.sum(), rel=1e-12)


def test_decays_at_their_limits():
    cost = np.array([0.0, 4.0, 4.1, 12.0, 12.1])
    assert DECAYS["stepwise"](cost).tolist() == [1, 1, 0.68, 0.22, 0]
    assert DECAYS["within"](np.array([9.0, 9.1])).tolist() == [1, 0]
    assert acc.gaussian_to_zero(12)(cost)[[0, 3, 4]].tolist() == [1, 0, 0]
    assert acc.gaussian(5, limit=12)(cost)[[0, 4]].tolist() == [1, 0]
    assert acc.epanechnikov(12)(cost)[[0, 3, 4]].tolist() == [0.75, 0, 0]
    assert acc.power(4, 2, nearest=1)(np.array([0.0, 1.0, 4.0])).tolist() == [16, 16, 1]
    for decay in DECAYS.values():
        if decay:
            assert (np.diff(decay(np.linspace(0, 20, 99))) <= 0).all()


def test_a_sparse_matrix_gives_the_same_pairs():
    pairs, people, capacity = town(5)
    matrix = scipy.sparse.csr_array(
        (pairs.cost, (pairs.demand, pairs.station)), shape=(pairs.demands, pairs.stations)
    )
    again = acc.Pairs.from_sparse(matrix)
    one, other = (acc.two_step(each, people, capacity) for each in (pairs, again))
    np.testing.assert_allclose(one.access, other.access, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"demand": [0, 9]}, "Pair 2 names demand 9 of 3"),
        ({"station": [-1, 0]}, "Pair 1 names station -1 of 2"),
        ({"cost": [1.0, np.nan]}, "cost in row 2 is nan"),
        ({"cost": [-1.0, 1.0]}, "cost in row 1 is -1.0"),
        ({"cost": [1.0]}, "not pairs"),
        ({"demand": [1, 1], "station": [1, 1]}, "Demand 1 and station 1 are paired twice"),
    ],
)
def test_pairs_that_cannot_be(change, told):
    fields = {"demand": [0, 1], "station": [0, 1], "cost": [1.0, 2.0]} | change
    with pytest.raises(InvalidInputError, match=told):
        acc.Pairs(**fields, demands=3, stations=2)


def test_amounts_that_cannot_be():
    pairs = acc.Pairs([0], [0], [1.0], 1, 1)
    with pytest.raises(InvalidInputError, match="people in row 1 is -1"):
        acc.two_step(pairs, [-1], [1])
    with pytest.raises(InvalidInputError, match=r"capacity has shape \(2,\)"):
        acc.two_step(pairs, [1], [1, 1])
    with pytest.raises(InvalidInputError, match="decay in row 1"):
        acc.two_step(pairs, [1], [1], lambda cost: -cost)
    with pytest.raises(InvalidInputError, match="sigma"):
        acc.gaussian(0)
    with pytest.raises(InvalidInputError, match="No zone"):
        acc.stepwise({})


# --- rational agents ---


@settings(max_examples=30, deadline=None)
@given(towns)
def test_no_agent_can_do_better(ground):
    pairs, people, capacity = ground
    found = rational_agents(pairs, people, capacity, tau=10)
    assert found.gap <= 1e-9
    rho = people.sum() / capacity.sum() if people.any() and capacity.any() else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        crowding = found.crowd / (capacity * rho)
    here = pairs.cost / 10 + crowding[pairs.station]
    usable = capacity[pairs.station] > 0
    assert (found.cost[pairs.demand[usable]] <= here[usable] + 1e-9).all()
    excess = (found.people * np.where(usable, here - found.cost[pairs.demand], 0.0)).sum()
    assert excess <= 1e-8 * max(people.sum(), 1) * 10
    placed = np.bincount(pairs.demand, found.people, pairs.demands)
    reached = np.zeros(pairs.demands, dtype=bool)
    reached[pairs.demand[usable]] = True
    np.testing.assert_allclose(placed, np.where(reached, people, 0), atol=1e-9)
    np.testing.assert_allclose(
        np.bincount(pairs.station, found.people, pairs.stations), found.crowd, atol=1e-9
    )
    assert np.isinf(found.cost).tolist() == (~reached).tolist()
    assert (found.access[~reached] == 0).all()


def test_two_stations_and_one_house_split_as_the_formula_says():
    # 100 people, capacities 1 and 1, walks 0 and 5 of tau 10, rho 50: x/50 = (100-x)/50 + 0.5
    pairs = acc.Pairs([0, 0], [0, 1], [0.0, 5.0], 1, 2)
    found = rational_agents(pairs, [100], [1, 1], tau=10)
    np.testing.assert_allclose(found.people, [62.5, 37.5])
    np.testing.assert_allclose(found.cost, [1.25])
    assert rational_agents(pairs, [100], [1, 1], tau=1).people.tolist() == [100, 0]


@needs_access
def test_nobody_pays_more_than_with_pysal_s_steps():
    from access.raam import raam

    pairs, people, capacity = town(11, density=1.0)
    people, capacity = (people + 1) * 1_000, capacity + 1
    costs = pd.DataFrame({"origin": pairs.demand, "dest": pairs.station, "cost": pairs.cost})
    theirs = raam(
        pd.DataFrame({"demand": people}),
        pd.DataFrame({"supply": capacity.astype(float)}),
        costs,
        tau=10,
        max_cycles=600,
    ).sort_index()
    ours = rational_agents(pairs, people, capacity, tau=10).cost
    np.testing.assert_allclose(ours, theirs.to_numpy(), rtol=0.02)


def test_settings_of_agents_that_cannot_be():
    pairs = acc.Pairs([0], [0], [1.0], 1, 1)
    for settings_of in ({"tau": 0}, {"tau": 1, "rho": -1}):
        with pytest.raises(InvalidInputError, match="positive"):
            rational_agents(pairs, [1], [1], **settings_of)


def test_a_search_cut_short_says_what_is_left():
    pairs, people, capacity = town(2, density=1.0)
    short = rational_agents(pairs, people, capacity, tau=10, rounds=1)
    assert short.rounds == 1
    assert short.gap > 1e-9
