"""Blocks between arterials, rivers and railways, merged to communities (docs/adr/009)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.ingest.osm import faces as faces_of
from gis.ingest.osm.partition import attach_uninhabited, merge
from gis.ingest.osm.tags import ROAD_CLASS_OF_HIGHWAY, in_tunnel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from gis.ingest.osm.barriers import Barriers
    from gis.ingest.osm.buildings import Buildings
    from gis.ingest.osm.extract import Features
    from gis.ingest.osm.ground import Ground

#: Blocks of more than this share of a community are cut along lesser roads.
LARGEST_BLOCK_SHARE = 0.2
#: How much a metre of border holds two blocks together: barriers least, local streets most.
HOLD_BARRIER, HOLD_COLLECTOR, HOLD_LOCAL = 1, 2, 3
#: Uninhabited strips narrower than this (medians, slip roads) join a neighbour, lest they make
#: far-away blocks contiguous.
SLIVER_WIDTH_M = 30.0
#: Uninhabited blocks of which this share is water hold no two banks together.
WET_SHARE = 0.5


def derive(
    ground: "Ground",
    buildings: "Buildings",
    barriers: "Barriers",
    roads: "Features",
    community_size: int,
    water_m: "NDArray[Any] | None" = None,
) -> tuple["NDArray[Any]", "NDArray[np.int64]"]:
    """Return blocks that tile the ground, in metres, and the community of each, from 0.

    Parameters
    ----------
    ground, buildings
        What is tiled, and the households to balance.
    barriers, roads
        Blocks lie between arterials, rivers and railways; those with many households are cut
        along collectors, then along local streets.
    community_size
        Households of a community, about.
    water_m
        Areas of water in metres, across which no community reaches; ``None``: it may.
    """
    strong = barriers.geometry_m[barriers.of("arterial", "river", "railway")]
    collectors, local = _lesser_roads(ground, roads)
    blocks, homes = _blocks_between(ground, buildings, strong)
    lines = strong
    for lesser in (collectors, local):
        large = blocks[homes > LARGEST_BLOCK_SHARE * community_size]
        if not len(large):
            break
        _, inside = shapely.STRtree(lesser).query(large, predicate="intersects")
        lines = np.concatenate([lines, lesser[np.unique(inside)]])
        blocks, homes = _blocks_between(ground, buildings, lines)
    borders = _borders(blocks, strong, collectors)
    group = _join_slivers(blocks, homes, borders)
    group_homes = np.bincount(group, weights=homes).astype(np.int64)
    between = _between_groups(borders, group)
    wet = _wet(blocks, group, group_homes, water_m)
    part = np.full(len(group_homes), -1, dtype=np.int64)
    part[~wet] = merge(group_homes[~wet], between[~wet][:, ~wet].tocsr(), community_size)
    part = _to_the_longest_bank(part, between)
    centre_xy = shapely.get_coordinates(shapely.point_on_surface(blocks))
    return blocks, attach_uninhabited(part[group], homes, centre_xy)


def _wet(
    blocks: "NDArray[Any]",
    group: "NDArray[np.int64]",
    homes: "NDArray[np.int64]",
    water_m: "NDArray[Any] | None",
) -> "NDArray[np.bool_]":
    """Return which groups of blocks are water for the most part, and nobody lives there."""
    if water_m is None or not len(water_m):
        return np.zeros(len(homes), dtype=bool)
    water = shapely.union_all(water_m)
    shapely.prepare(water)
    wet_m2 = np.bincount(group, weights=shapely.area(shapely.intersection(blocks, water)))
    wet = (homes == 0) & (wet_m2 >= WET_SHARE * np.bincount(group, weights=shapely.area(blocks)))
    return np.asarray(wet & ~wet.all(), dtype=bool)


def _to_the_longest_bank(part: "NDArray[np.int64]", between: "csr_matrix") -> "NDArray[np.int64]":
    """Return the parts with those of water (-1) joined to the part that they border most."""
    part = part.copy()
    while (part < 0).any():
        known = part.copy()
        for row in np.flatnonzero(known < 0):
            around = slice(between.indptr[row], between.indptr[row + 1])
            near, weight = known[between.indices[around]], between.data[around]
            if (near >= 0).any():
                part[row] = int(np.bincount(near[near >= 0], weights=weight[near >= 0]).argmax())
        if (part == known).all():  # water that borders nothing: a part of its own
            part[part < 0] = part.max() + 1
    return part


def _lesser_roads(ground: "Ground", roads: "Features") -> tuple["NDArray[Any]", "NDArray[Any]"]:
    """Return collectors, and local streets with service roads, in metres; no tunnels."""
    classes = np.array(
        ["" if in_tunnel(tags) else ROAD_CLASS_OF_HIGHWAY[tags["highway"]] for tags in roads.tags],
        dtype=object,
    )
    lines = ground.to_metres(roads.geometry)
    return lines[classes == "collector"], lines[np.isin(classes, ("local", "service"))]


def _blocks_between(
    ground: "Ground", buildings: "Buildings", lines_m: "NDArray[Any]"
) -> tuple["NDArray[Any]", "NDArray[np.int64]"]:
    """Return the blocks between lines, and their households."""
    blocks = faces_of.cut(ground, lines_m)
    row = faces_of.locate(blocks, buildings.point_m)
    homes = np.bincount(row, weights=buildings.households, minlength=len(blocks))
    return blocks, homes.astype(np.int64)


def _borders(
    blocks: "NDArray[Any]", strong: "NDArray[Any]", collectors: "NDArray[Any]"
) -> "csr_matrix":
    """Return how strongly each two blocks hold together: metres of border × hold per metre."""
    from scipy.sparse import csr_matrix

    shared = faces_of.neighbours(blocks)
    middle = shapely.points((shared.start_xy + shared.end_xy) / 2)
    hold = np.full(len(shared.left), HOLD_LOCAL)
    for lines, weight in ((collectors, HOLD_COLLECTOR), (strong, HOLD_BARRIER)):
        along, _ = shapely.STRtree(faces_of.segments_of(lines)).query(middle, "dwithin", 0.01)
        hold[along] = weight
    one_way = csr_matrix(
        (hold * shared.length_m, (shared.left, shared.right)), shape=(len(blocks), len(blocks))
    )
    borders = (one_way + one_way.T).tocsr()
    borders.data = np.maximum(np.round(borders.data), 1).astype(np.int64)
    return borders


def _join_slivers(
    blocks: "NDArray[Any]", homes: "NDArray[np.int64]", borders: "csr_matrix"
) -> "NDArray[np.int64]":
    """Return a group for each block: slivers share that of the neighbour they border most."""
    width_m = 2 * shapely.area(blocks) / shapely.length(blocks)
    loose = (homes == 0) & (width_m < SLIVER_WIDTH_M)
    group = np.where(loose, -1, np.arange(len(blocks)))
    while (group < 0).any():
        joined = group.copy()
        for row in np.flatnonzero(group < 0):
            around = slice(borders.indptr[row], borders.indptr[row + 1])
            near, weight = borders.indices[around], borders.data[around]
            fixed = group[near] >= 0
            if fixed.any():
                # Of equally long borders the first block's, whatever the order of storage.
                best = np.lexsort((near[fixed], -weight[fixed]))[0]
                joined[row] = group[near[fixed][best]]
        if (joined == group).all():  # slivers among themselves, such as a lone reef
            alone = group < 0
            joined[alone] = np.flatnonzero(alone)
        group = joined
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _between_groups(borders: "csr_matrix", group: "NDArray[np.int64]") -> "csr_matrix":
    """Return the borders of groups: sums over their blocks, without those inside a group."""
    from scipy.sparse import csr_matrix

    each = borders.tocoo()
    outer = group[each.row] != group[each.col]
    count = int(group.max()) + 1
    summed = csr_matrix(
        (each.data[outer], (group[each.row[outer]], group[each.col[outer]])), shape=(count, count)
    )
    summed.sum_duplicates()
    summed.sort_indices()
    return summed
