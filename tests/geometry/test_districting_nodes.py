"""Nodes: units whole unless they must be split, and the nodes that hold a grid together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting.articulation import cut_nodes
from gis.districting.ground import components, ground_of
from gis.districting.nodes import nodes_of
from tests.geometry.mosaics import mosaics, squares

pytestmark = pytest.mark.geometry


def flooded(graph, joined, together):
    """Return the pieces of cells over joined borders, where ``together`` allows it, one by one."""
    piece = [-1] * graph.size
    for start in range(graph.size):
        if piece[start] >= 0:
            continue
        piece[start], stack = start, [start]
        while stack:
            cell = stack.pop()
            for edge in range(graph.indptr[cell], graph.indptr[cell + 1]):
                other = int(graph.indices[edge])
                if joined[edge] and piece[other] < 0 and together(cell, other):
                    piece[other] = start
                    stack.append(other)
    return piece


@settings(deadline=None, max_examples=50)
@given(mosaics(), st.data())
def test_units_are_nodes_unless_they_must_be_split(mosaic, data):
    graph, n = mosaic.graph, mosaic.graph.size
    few = st.lists(st.integers(-1, 2), min_size=n, max_size=n)
    graph = replace(graph, unit=np.array(data.draw(few)))
    current = np.array(data.draw(few))
    frozen = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) & (current >= 0)
    joined = ground_of(graph, 300).joined
    node = nodes_of(graph, joined, 300, frozen, current)
    piece = flooded(
        graph, joined, lambda a, b: graph.unit[a] == graph.unit[b] and graph.unit[a] >= 0
    )
    firsts = []
    for cell in range(n):
        mates = [other for other in range(n) if piece[other] == piece[cell]]
        held = {int(current[m]) for m in mates if frozen[m]}
        must = graph.households[mates].sum() > 300 or len(held) > 1
        expected = [cell] if must else mates
        assert np.flatnonzero(node == node[cell]).tolist() == expected
        firsts.append(expected[0])
    assert sorted(set(node.tolist())) == list(range(len(set(firsts))))
    assert np.argsort(firsts, kind="stable").tolist() == np.argsort(node, kind="stable").tolist()


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(mosaics())
def test_cut_nodes_are_those_without_which_a_piece_falls_apart(mosaic):
    graph = mosaic.graph
    whole, _ = components(graph.size, graph.source, graph.indices)
    cut = cut_nodes(graph.indptr, graph.indices)
    for cell in range(graph.size):
        kept = (graph.source != cell) & (graph.indices != cell)
        count, _ = components(graph.size, graph.source[kept], graph.indices[kept])
        alone = not len(graph.indices[graph.indptr[cell] : graph.indptr[cell + 1]])
        assert cut[cell] == (count - (not alone) > whole)


def naive_ground(graph, minimum):
    """Join the smallest piece over its weakest, then longest border, looking at all each time."""
    source, target = graph.source, graph.indices
    joined, joins = graph.open_edge.copy(), []
    while True:
        piece = components(graph.size, source[joined], target[joined])[1]
        people = np.bincount(piece, graph.households)
        ways = {}
        for e in np.flatnonzero(piece[source] != piece[target]).tolist():
            a, b = int(piece[source[e]]), int(piece[target[e]])
            if people[a] < minimum:
                ways.setdefault((people[a], a, b), []).append(e)
        if not ways:
            return joined, joins

        def rank(way, ways=ways) -> tuple[float, ...]:
            edges = ways[way]
            length = sum(graph.border_m[edges].tolist())
            return *way[:2], graph.barrier_class[edges].min(), -length, way[2]

        best = min(ways, key=rank)
        joins.append(np.flatnonzero(piece == best[1]).tolist())
        edge = max(ways[best], key=lambda e: (graph.border_m[e], -e))
        ends = {int(source[edge]), int(target[edge])}
        for e in ways[best]:
            joined[e] |= {int(source[e]), int(target[e])} == ends
        for e in np.flatnonzero((source == target[edge]) & (target == source[edge])):
            joined[e] = True


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6))
def test_ground_is_joined_as_if_all_of_it_were_looked_at_each_time(seed):
    rng = np.random.default_rng(seed)
    graph = squares("aaaaaaa " * 6)[0].graph
    pair = np.minimum(graph.source, graph.indices) * 42 + np.maximum(graph.source, graph.indices)
    _, number = np.unique(pair, return_inverse=True)
    many = number.max() + 1
    graph = replace(
        graph,
        households=rng.choice([0, 5, 20, 60, 120], 42),
        passable=(rng.random(many) < rng.random())[number],
        border_m=rng.integers(1, 5, many)[number] * 10.0,
        barrier_class=rng.integers(0, 4, many)[number],
    )
    ground = ground_of(graph, 100)
    joined, joins = naive_ground(graph, 100)
    assert np.array_equal(ground.joined, joined)
    assert [cells.tolist() for cells in ground.joins] == joins
