"""Nodes: units whole unless they must be split, and the nodes that hold a grid together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting.articulation import cut_nodes
from gis.districting.ground import components, ground_of
from gis.districting.nodes import nodes_of
from tests.geometry.mosaics import mosaics

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
