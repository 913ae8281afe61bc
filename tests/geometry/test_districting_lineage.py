"""Lineage: what became of each grid, who moved, and that the numbers add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from gis.districting.lineage import lineage_of, moved_households, outcomes_of
from tests.geometry.mosaics import labels, mosaics, squares

pytestmark = pytest.mark.geometry


def ids(letters: str) -> np.ndarray:
    """Return letters as numbers, dashes as -1."""
    return np.array([-1 if letter == "-" else ord(letter) for letter in letters])


FATES = {
    "kept": ("aabb", "aabb", {"a": "kept", "b": "kept"}),
    "grown and shrunk": ("aaab", "aabb", {"a": "shrunk", "b": "grown"}),
    "exchanged": ("aabb", "abab", {"a": "exchanged", "b": "exchanged"}),
    "split": ("aaaa", "aacc", {"a": "split", "c": "new"}),
    "split in two new ones": ("aaaab", "cccdb", {"a": "split", "b": "kept", "d": "new"}),
    "merged": ("aabb", "aaaa", {"a": "grown", "b": "merged"}),
    "dissolved": ("aabbcc", "aaaccc", {"a": "grown", "b": "dissolved", "c": "grown"}),
    "renamed": ("aabb", "aacc", {"a": "kept", "b": "kept"}),
    "none before": ("----", "aabb", {}),
}


@pytest.mark.parametrize(("before", "after", "fates"), FATES.values(), ids=FATES)
def test_what_became_of_each_grid(before, after, fates):
    mosaic, grid = squares(after, households=np.full(len(after), 100))
    outcomes = outcomes_of(mosaic.graph, ids(before), grid)
    assert {chr(o.grid): o.fate for o in outcomes} == fates
    assert (moved_households(outcomes) is None) == (not fates)


def test_outcomes_name_the_other_grids_and_count_who_moved():
    mosaic, grid = squares("aaaccbb", households=np.array([50, 50, 70, 80, 90, 10, 0]))
    outcomes = {chr(o.grid): o for o in outcomes_of(mosaic.graph, ids("aabbbbb"), grid)}
    b = outcomes["b"]
    assert (b.fate, b.before, b.after, b.stayed) == ("split", 250, 10, 10)
    assert b.others == (ord("c"), ord("a"))
    assert (outcomes["c"].fate, outcomes["c"].others) == ("new", (ord("b"),))
    assert (outcomes["a"].fate, outcomes["a"].after) == ("grown", 170)
    assert moved_households(tuple(outcomes.values())) == 240


@settings(deadline=None, max_examples=50)
@given(mosaics(), st.data())
def test_lineage_adds_up(mosaic, data):
    graph = mosaic.graph
    before = data.draw(labels(graph)).astype(np.int64)
    n = graph.size
    before[np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))] = -1
    grid = data.draw(labels(graph)).astype(np.int64)
    known = before >= 0
    people = graph.households[known].sum()
    outcomes = outcomes_of(graph, before, grid)
    old = [o for o in outcomes if o.fate != "new"]
    assert [o.grid for o in old] == sorted(set(before[known].tolist()))
    heirs = [o.successor for o in old if o.successor is not None]
    assert len(heirs) == len(set(heirs))
    fresh = {o.grid for o in outcomes if o.fate == "new"}
    if outcomes:
        assert fresh | set(heirs) == set(grid.tolist())
    assert sum(o.before for o in old) == people
    assert sum(o.households for o in lineage_of(graph, before, grid)) == people
    for o in old:
        heir = -1 if o.successor is None else o.successor
        assert o.stayed == graph.households[(before == o.grid) & (grid == heir)].sum()
        assert o.after == graph.households[grid == heir].sum()
    if outcomes:
        flow = np.zeros((before.max() + 1, grid.max() + 1))
        np.add.at(flow, (before[known], grid[known]), graph.households[known])
        best = flow[linear_sum_assignment(-flow)].sum()
        assert moved_households(outcomes) >= people - best
