"""The tessellation of one community: every building gets the ground that is nearest to it.

A generalised Voronoi diagram of footprints, drawn inside each block. Source: Fleischmann,
Feliciotti, Romice and Porta (2020), Morphological tessellation as a way of partitioning space; here
the ridges of a point diagram are taken instead of its polygons, and all lines are noded together.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import QhullError, Voronoi, cKDTree
from shapely import STRtree

from gis.districting.blocks import Cuts, absorb, blocks_of, cut_lines, dissolve, is_narrow
from gis.districting.footprints import Footprints, clean_footprints
from gis.districting.ground import components
from gis.geometry.tessellation import PRECISION_M, polygonize_noded, shared_segments

if TYPE_CHECKING:
    from gis.districting.graph import Floats, Ints
    from gis.geometry.crs import Geometries

#: Footprints are shrunk by this before points are set on them, so that touching walls part.
SHRINK_M = 0.4
#: Distance of points along a wall; not much over the shrinking, or borders zigzag.
POINT_SPACING_M = 1.2
#: Ground farther than this from any building of its block is open land.
OPEN_BEYOND_M = 60.0
OPEN_SPACING_M = 25.0
#: Borders are smoothed by this: the zigzag of the points, not the bend of a yard.
SMOOTH_M = 0.5


@dataclass(frozen=True, eq=False)
class Tessellation:
    """Cells of one community, in metres.

    Parameters
    ----------
    polygons
        Edge-matched polygons that tile the ground.
    building
        Row of the building of each cell, -1 for open land.
    cell_of_building
        Cell of every building, also of those without one of their own.
    """

    polygons: "Geometries"
    building: "Ints"
    cell_of_building: "Ints"


def tessellate(ground: shapely.Geometry, geometries: "Geometries", cuts: Cuts) -> Tessellation:
    """Return cells that tile ``ground``, one for each building that can have one.

    Parameters
    ----------
    ground
        The community, Polygon or MultiPolygon, in a projected CRS in metres.
    geometries
        Footprints of its buildings, of any quality.
    cuts
        Lines that cells do not cross.
    """
    ground = shapely.set_precision(ground, PRECISION_M)
    seeds = clean_footprints(geometries, ground)
    spots = shapely.point_on_surface(seeds.polygon)
    lines = cut_lines(ground, cuts)
    blocks = blocks_of(ground, cuts, lines, spots)
    home = _block_of_seed(blocks, seeds.polygon)
    points, label, block = _seed_points(blocks, home, seeds.polygon)
    ridges = _ridges(blocks, points, label, block)
    faces = polygonize_noded(np.concatenate([shapely.boundary(blocks), ridges]))
    shapely.prepare(ground)
    faces = faces[shapely.contains(ground, shapely.point_on_surface(faces))]
    owner = _owner_of_faces(faces, blocks, points, label, block)
    polygons, seed = _cells_of_faces(faces, owner, spots, cuts)
    building = np.where(seed >= 0, seeds.row[seed], -1) if len(seeds.row) else seed
    return Tessellation(polygons, building, _cell_of_building(polygons, seed, seeds, geometries))


def _block_of_seed(blocks: "Geometries", polygons: "Geometries") -> "Ints":
    """Return the block that holds most of each seed."""
    out = np.zeros(len(polygons), dtype=np.int64)
    if len(polygons) == 0:
        return out
    seed, block = STRtree(blocks).query(polygons, predicate="intersects")
    share = np.zeros(len(seed))
    single = np.bincount(seed, minlength=len(polygons))[seed] == 1
    several = ~single
    share[several] = shapely.area(
        shapely.intersection(polygons[seed[several]], blocks[block[several]])
    )
    order = np.lexsort((block, -share, seed))
    first = np.unique(seed[order], return_index=True)[1]
    out[seed[order][first]] = block[order][first]
    return out


def _seed_points(
    blocks: "Geometries", home: "Ints", polygons: "Geometries"
) -> "tuple[Floats, Ints, Ints]":
    """Return points on the walls of seeds and on open land, with label and block of each."""
    walls = shapely.intersection(polygons, blocks[home]) if len(polygons) else polygons
    thin = shapely.buffer(walls, -SHRINK_M, join_style="mitre")
    walls = np.where(shapely.is_empty(thin), walls, thin)
    outline = shapely.segmentize(walls, POINT_SPACING_M)
    xy, label = shapely.get_coordinates(outline, return_index=True)
    block = home[label] if len(label) else label
    open_xy, open_block = _open_points(blocks, home, polygons)
    # Open points of one block share one label, below those of all seeds.
    xy = np.concatenate([xy, open_xy])
    label = np.concatenate([label, -1 - open_block])
    block = np.concatenate([block, open_block])
    keys = np.round(xy / PRECISION_M).astype(np.int64)
    first = np.unique(np.column_stack((block, keys)), axis=0, return_index=True)[1]
    first.sort()
    return xy[first], label[first].astype(np.int64), block[first].astype(np.int64)


def _open_points(
    blocks: "Geometries", home: "Ints", polygons: "Geometries"
) -> "tuple[Floats, Ints]":
    """Return lattice points of ground far from any building of its block."""
    bounds = shapely.bounds(blocks)
    reach = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    used = np.bincount(home, minlength=len(blocks)) > 0
    found = [np.empty((0, 2))]
    owner = [np.empty(0, dtype=np.int64)]
    for b in np.flatnonzero(used & (reach > OPEN_BEYOND_M)).tolist():
        low, high = (
            np.floor(bounds[b, :2] / OPEN_SPACING_M),
            np.ceil(bounds[b, 2:] / OPEN_SPACING_M),
        )
        x, y = (np.arange(low[i], high[i] + 1) * OPEN_SPACING_M for i in (0, 1))
        lattice = np.column_stack([v.ravel() for v in np.meshgrid(x, y)])
        points = np.asarray(shapely.points(lattice), dtype=object)
        shapely.prepare(blocks[b])
        inside = shapely.contains(blocks[b], points)
        near = STRtree(polygons[home == b]).query(
            points[inside], predicate="dwithin", distance=OPEN_BEYOND_M
        )[0]
        far = np.setdiff1d(np.arange(int(inside.sum())), near)
        found.append(lattice[inside][far])
        owner.append(np.full(len(far), b))
    return np.concatenate(found), np.concatenate(owner)


def _ridges(blocks: "Geometries", points: "Floats", label: "Ints", block: "Ints") -> "Geometries":
    """Return the lines that part ground of different labels, clipped to their blocks."""
    order = np.argsort(block, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
    ridges = [
        _block_ridges(blocks[block[members[0]]], points[members], label[members])
        for members in groups
        if len(members) and len(np.unique(label[members])) > 1
    ]
    return np.concatenate([np.empty(0, dtype=object), *ridges])


def _block_ridges(block: shapely.Geometry, points: "Floats", label: "Ints") -> "Geometries":
    west, south, east, north = shapely.bounds(block)
    middle = np.array([(west + east) / 2, (south + north) / 2])
    # Four points far away close every region that matters.
    far = 20 * max(east - west, north - south, 1.0)
    frame = np.array([[-far, -far], [-far, far], [far, -far], [far, far]])
    try:
        diagram = Voronoi(np.concatenate([points - middle, frame]))
    except QhullError:
        return np.empty(0, dtype=object)
    pairs = diagram.ridge_points
    ends = np.array(diagram.ridge_vertices)
    real = (pairs < len(points)).all(axis=1) & (ends >= 0).all(axis=1)
    pairs, ends = pairs[real], ends[real]
    a, b = label[pairs[:, 0]], label[pairs[:, 1]]
    parting = a != b
    a, b, ends = a[parting], b[parting], ends[parting]
    xy = diagram.vertices[ends] + middle
    long = np.hypot(*(xy[:, 0] - xy[:, 1]).T) > 0
    a, b, xy = a[long], b[long], xy[long]
    key = np.column_stack((np.minimum(a, b), np.maximum(a, b)))
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    lines = shapely.multilinestrings(shapely.linestrings(xy[order]), indices=group[order])
    shapely.prepare(block)
    clipped = shapely.intersection(shapely.line_merge(lines), block)
    merged = shapely.get_parts(shapely.line_merge(clipped))
    merged = merged[shapely.get_type_id(merged) == 1]
    return np.asarray(shapely.simplify(merged, SMOOTH_M), dtype=object)


def _owner_of_faces(
    faces: "Geometries", blocks: "Geometries", points: "Floats", label: "Ints", block: "Ints"
) -> "Ints":
    """Return the label of each face: that of the nearest point of its block."""
    spots = shapely.point_on_surface(faces)
    face, inside = STRtree(blocks).query(spots, predicate="intersects")
    home = np.zeros(len(faces), dtype=np.int64)
    home[face[::-1]] = inside[::-1]
    xy = shapely.get_coordinates(spots)
    out = -1 - home
    # One tree for all blocks: a third coordinate keeps them apart.
    if len(points) == 0:
        return out
    apart = 1e7
    tree = cKDTree(np.column_stack((points, block * apart)))
    _, nearest = tree.query(np.column_stack((xy, home * apart)))
    same = block[nearest] == home
    out[same] = label[nearest[same]]
    return np.asarray(out, dtype=np.int64)


def _cells_of_faces(
    faces: "Geometries", owner: "Ints", spots: "Geometries", cuts: Cuts
) -> "tuple[Geometries, Ints]":
    """Return one polygon per seed and per piece of open land, with the seed or -1.

    Of a seed's faces the connected piece with its building stays; others, and open land too narrow
    to be a place, go to the neighbour of the longest border.
    """
    segments = shared_segments(faces)
    both = segments.right >= 0
    left, right = segments.left[both], segments.right[both]
    same = owner[left] == owner[right]
    _, piece = components(len(faces), left[same], right[same])
    first = np.unique(piece, return_index=True)[1]
    piece_owner = owner[first]
    pieces = dissolve(faces, piece)
    area = shapely.area(pieces)
    weak = (piece_owner >= 0) | is_narrow(pieces)
    weak[_main_pieces(pieces, piece_owner, spots, area)] = False
    if weak.all():
        weak[np.argmax(area)] = False
    root = absorb(pieces, weak, cuts)
    cells = dissolve(pieces, root)
    seed = np.where(piece_owner[np.unique(root)] >= 0, piece_owner[np.unique(root)], -1)
    return cells, seed.astype(np.int64)


def _main_pieces(
    pieces: "Geometries", owner: "Ints", spots: "Geometries", area: "Floats"
) -> "Ints":
    """Return for each seed the piece that holds its building, else its largest."""
    index = np.arange(len(pieces))
    holds = np.zeros(len(pieces), dtype=bool)
    seeds = owner >= 0
    if not seeds.any():
        return np.empty(0, dtype=np.int64)
    holds[seeds] = shapely.intersects(pieces[seeds], spots[owner[seeds]])
    order = np.lexsort((index, -area, ~holds, owner))
    order = order[owner[order] >= 0]
    return order[np.unique(owner[order], return_index=True)[1]]


def _cell_of_building(
    cells: "Geometries", seed: "Ints", seeds: Footprints, geometries: "Geometries"
) -> "Ints":
    """Return the cell of every building; one without a seed's cell takes the nearest."""
    of_seed = np.full(len(seeds.row), -1, dtype=np.int64)
    of_seed[seed[seed >= 0]] = np.flatnonzero(seed >= 0)
    out = np.full(len(geometries), -1, dtype=np.int64)
    known = seeds.stands_for >= 0
    out[known] = of_seed[seeds.stands_for[known]]
    missing = np.flatnonzero(out < 0)
    if len(missing):
        spots = shapely.point_on_surface(shapely.make_valid(geometries[missing]))
        nearest = STRtree(cells).query_nearest(spots, all_matches=False)
        out[missing[nearest[0]]] = nearest[1]
    return out
