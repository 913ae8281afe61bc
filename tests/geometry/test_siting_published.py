"""Siting against published optima: OR-Library's p-median problems, and San Francisco's stores."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.coverage.siting import (
    Candidates,
    CostTable,
    Limits,
    SitingOptions,
    SitingProblem,
    solve_siting,
)

pytestmark = [pytest.mark.geometry, pytest.mark.realdata]

DATA = Path(__file__).parents[2] / "../shared/data"
OPTIMA = """
5819 4093 4250 3034 1355 7824 5631 4445 2734 1255
7696 6634 4374 2968 1729 8162 6999 4809 2845 1789
"""
PMED = dict(enumerate(map(int, OPTIMA.split()), start=1))


def folder(name):
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"../shared/data/{name} is not here")
    return path


def pmed(number):
    """Return the problem of a file: costs are shortest paths, a later edge replaces an earlier."""
    text = (folder("pmed") / f"pmed{number}.txt").read_text(encoding="ascii").split()
    n, _, p = map(int, text[:3])
    edges = np.array(text[3:], dtype=np.int64).reshape(-1, 3)
    cost = np.zeros((n, n))
    for a, b, length in edges:
        cost[a - 1, b - 1] = cost[b - 1, a - 1] = length
    paths = dijkstra(csr_array(cost), directed=False)
    return SitingProblem(
        people=np.ones(n),
        candidates=Candidates(number=n),
        costs=CostTable.dense(paths),
        limits=Limits(count=p),
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", PMED)
def test_p_median_problems_of_or_library(number):
    problem = pmed(number)
    result = solve_siting(problem, SitingOptions(objective="p_median"))
    assert result.objective == result.bound == PMED[number]
    assert result.proof == "optimal"
    assert len(result.chosen) == problem.limits.count
    assert len(result.swaps) == 10
    assert all(swap.objective >= result.objective for swap in result.swaps)


@pytest.fixture(scope="module")
def san_francisco():
    """Network distances of 205 tracts to 16 stores, with people."""
    path = folder("sanfrancisco") / (
        "SF_network_distance_candidateStore_16_censusTract_205_new.csv"
    )
    table = pd.read_csv(path)
    distance = table.pivot_table(index="DestinationName", columns="name", values="distance")
    people = table.groupby("DestinationName")["demand"].first()[distance.index]
    return SitingProblem(
        people=people.to_numpy(),
        candidates=Candidates(number=16),
        costs=CostTable.dense(distance.to_numpy()),
        limits=Limits(count=4),
    )


@pytest.mark.parametrize(
    ("options", "published"),
    [
        (SitingOptions(objective="mclp", radius=5000), 875_247),
        (SitingOptions(objective="p_median"), 2_848_268.1297),
        (SitingOptions(objective="p_center"), 7403.06),
    ],
    ids=lambda value: getattr(value, "objective", ""),
)
def test_stores_of_san_francisco(san_francisco, options, published):
    result = solve_siting(san_francisco, options)
    unit = 1000 if options.objective == "p_median" else 1  # published in thousands of people
    assert result.objective / unit == pytest.approx(published, rel=1e-6)
    assert result.proof == "optimal"
    assert result.gap <= 1e-9
    assert len(result.swaps) == 10


def test_stores_of_san_francisco_that_reach_everyone(san_francisco):
    result = solve_siting(
        SitingProblem(
            people=san_francisco.people,
            candidates=san_francisco.candidates,
            costs=san_francisco.costs,
        ),
        SitingOptions(objective="lscp", radius=7403.07),
    )
    assert result.objective == 4  # as the least worst walk of four says
    assert not len(result.unreached)
