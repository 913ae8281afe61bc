"""A first partition of a region: METIS, then repaired until every grid is in one piece."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gis.districting.region import Region

#: Inhabited nodes per part below which METIS is not asked.
NODES_PER_PART = 3


def metis_labels(region: "Region", count: int, seed: int) -> list[int]:
    """Return ``count`` parts of about equal households by METIS's k-way method.

    Source: Karypis and Kumar (1998), Multilevel k-way partitioning scheme for irregular graphs.

    Parameters
    ----------
    region
        A connected region.
    count
        Number of parts, at most the number of nodes.
    seed
        METIS's own seed.

    Returns
    -------
    A label per node; parts may be empty or in pieces, since METIS promises neither. On a region
    with few inhabited nodes all labels are 0, and :func:`with_count` cuts it.
    """
    import pymetis

    # METIS complains on standard output when too few nodes carry weight; tree cuts serve there.
    if count == 1 or sum(h > 0 for h in region.households) < NODES_PER_PART * count:
        return [0] * region.size
    joined = region.joined
    indptr = np.concatenate(
        ([0], np.cumsum(np.bincount(region.source[joined], minlength=region.size)))
    )
    # What it costs to cut, in METIS's whole numbers above zero.
    price = 1 + region.cut[joined] + region.border[joined] // 20
    options = pymetis.Options()
    options.seed = seed
    options.ufactor = 100
    options.niter = 50
    options.contig = 1
    answer = pymetis.part_graph(
        count,
        pymetis.CSRAdjacency(indptr, region.target[joined]),
        vweights=region.households,
        eweights=price,
        recursive=False,
        options=options,
    )
    return [int(label) for label in answer.vertex_part]


def pieces_of(region: "Region", label: list[int]) -> list[tuple[int, list[int]]]:
    """Return the connected pieces of all grids as (grid, nodes), in order of their first node."""
    seen = [False] * region.size
    out = []
    for start in range(region.size):
        if seen[start]:
            continue
        grid, piece, stack = label[start], [], [start]
        seen[start] = True
        while stack:
            v = stack.pop()
            piece.append(v)
            for u in region.near[v]:
                if not seen[u] and label[u] == grid:
                    seen[u] = True
                    stack.append(u)
        out.append((grid, piece))
    return out


def repair(region: "Region", label: list[int]) -> list[int]:
    """Return labels in which every grid is one piece; grids may vanish, labels are not closed up.

    Of a grid in pieces the one with most households stays, and any with locked nodes; each other
    piece, and every node of label -1, goes to the neighbouring grid with the fewest households.
    """
    label = list(label)
    for _ in range(region.size + 1):
        pieces = pieces_of(region, label)
        best: dict[int, tuple[tuple[int, int, int, int], int]] = {}
        for i, (grid, piece) in enumerate(pieces):
            rank = (
                sum(region.frozen[v] for v in piece),
                sum(region.households[v] for v in piece),
                len(piece),
                -i,
            )
            if grid >= 0 and (grid not in best or rank > best[grid][0]):
                best[grid] = (rank, i)
        stay = {i for _, i in best.values()}
        stay |= {i for i, (_, piece) in enumerate(pieces) if any(region.frozen[v] for v in piece)}
        torn = [piece for i, (_, piece) in enumerate(pieces) if i not in stay]
        if not torn:
            return label
        people: dict[int, int] = {}
        for v, grid in enumerate(label):
            people[grid] = people.get(grid, 0) + region.households[v]
        changed = _hand_over(region, label, torn, people)
        if not changed:
            return label
    return label


def _hand_over(
    region: "Region", label: list[int], torn: list[list[int]], people: dict[int, int]
) -> bool:
    loose = {v for piece in torn for v in piece}
    changed = False
    for piece in torn:
        near = {label[u] for v in piece for u in region.near[v] if u not in loose and label[u] >= 0}
        if not near:
            continue
        grid = min(near, key=lambda g: (people[g], g))
        for v in piece:
            people[label[v]] -= region.households[v]
            people[grid] += region.households[v]
            label[v] = grid
        loose.difference_update(piece)
        changed = True
    return changed


def bridged(region: "Region", label: list[int]) -> list[int]:
    """Return labels in which grids that locks hold apart are joined over free nodes if possible.

    The shortest way from one piece to another, by nodes, goes to the grid; what that tears is to
    be repaired. Nothing is taken from locked nodes.
    """
    label = list(label)
    for _ in range(region.size):
        found: dict[int, list[list[int]]] = {}
        for grid, piece in pieces_of(region, label):
            if any(region.frozen[v] for v in piece):
                found.setdefault(grid, []).append(piece)
        ways = (
            _way(region, label, found[grid][0]) for grid in sorted(found) if len(found[grid]) > 1
        )
        way = next((nodes for nodes in ways if nodes), None)
        if way is None:
            return label
        for v in way[1:]:
            label[v] = label[way[0]]
    return label


def _way(region: "Region", label: list[int], piece: list[int]) -> list[int]:
    """Return the nodes on the way from a piece of a grid to the nearest other one, or nothing."""
    grid, before, own = label[piece[0]], dict.fromkeys(piece, -1), set(piece)
    queue = list(piece)
    for v in queue:
        if v not in own and label[v] == grid:
            way = [v]
            while before[way[-1]] >= 0:
                way.append(before[way[-1]])
            return way
        for u in region.near[v]:
            if u not in before and (label[u] == grid or not region.frozen[u]):
                before[u] = v
                queue.append(u)
    return []


def split(region: "Region", nodes: list[int], mean: float) -> list[int] | None:
    """Return one side of the best cut of one connected grid in two, or ``None``.

    The cut is the edge of a breadth-first tree that leaves both sides nearest to a multiple of the
    mean grid; nodes that are locked all stay on the other side.

    Parameters
    ----------
    region
        The ground.
    nodes
        The grid's nodes, ascending.
    mean
        Households of the mean grid that is wanted.
    """
    members = set(nodes)
    root = next((v for v in nodes if region.frozen[v]), nodes[0])
    order, parent = [root], {root: -1}
    for v in order:
        for u in region.near[v]:
            if u in members and u not in parent:
                parent[u] = v
                order.append(u)
    below = {v: region.households[v] for v in order}
    locked = {v: region.frozen[v] for v in order}
    for v in reversed(order[1:]):
        below[parent[v]] += below[v]
        locked[parent[v]] |= locked[v]
    total = below[root]

    def miss(people: int) -> float:
        return abs(people - mean * max(1, round(people / mean))) if mean else 0.0

    free = [v for v in order[1:] if not locked[v]]
    if not free:
        return None
    top = min(
        free,
        key=lambda v: (
            round(miss(below[v]) + miss(total - below[v]), 6),
            abs(2 * below[v] - total),
            v,
        ),
    )
    side = {top}
    for v in order:
        if parent[v] in side:
            side.add(v)
    return sorted(side)


def with_count(region: "Region", label: list[int], count: int) -> tuple[list[int], list[int]]:
    """Return labels 0 … with ``count`` grids if it can be had, and the old label of each.

    Grids with most households are split first, grids with fewest are merged with their smallest
    neighbour; a grid that holds a locked node is not merged away.

    Parameters
    ----------
    region
        A connected region.
    label
        A label per node; every grid in one piece.
    count
        Wanted number of grids, at most the number of nodes.

    Returns
    -------
    New labels, and for each new label the old one, or -1 for a grid made by a split.
    """
    grids: dict[int, list[int]] = {}
    for v, grid in enumerate(label):
        grids.setdefault(grid, []).append(v)
    made = -2
    mean = region.total / count
    while len(grids) < count:
        for grid in sorted(grids, key=lambda g: (-_people(region, grids[g]), -len(grids[g]), g)):
            side = split(region, grids[grid], mean) if len(grids[grid]) > 1 else None
            if side is not None:
                break
        else:
            break
        inside = set(side)
        grids[grid] = [v for v in grids[grid] if v not in inside]
        grids[made] = side
        made -= 1
    while len(grids) > count:
        pair = _smallest_merge(region, grids)
        if pair is None:
            break
        grids[pair[1]] += grids.pop(pair[0])
    origin = sorted(grids, key=lambda g: min(grids[g]))
    out = [0] * region.size
    for new, old in enumerate(origin):
        for v in grids[old]:
            out[v] = new
    return out, [max(old, -1) for old in origin]


def _people(region: "Region", nodes: list[int]) -> int:
    return sum(region.households[v] for v in nodes)


def _smallest_merge(region: "Region", grids: dict[int, list[int]]) -> tuple[int, int] | None:
    owner = {v: grid for grid, nodes in grids.items() for v in nodes}
    for grid in sorted(grids, key=lambda g: (_people(region, grids[g]), g)):
        if any(region.frozen[v] for v in grids[grid]):
            continue
        near = {owner[u] for v in grids[grid] for u in region.near[v]} - {grid}
        if near:
            return grid, min(near, key=lambda g: (_people(region, grids[g]), g))
    return None
