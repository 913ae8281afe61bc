"""Instances: files of cells, or a Voronoi city made from a seed; and their units."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import Voronoi

from drawings.units import CLASS_COST, Floats, Ints, Units

if TYPE_CHECKING:
    from gis.districting import CellGraph

SHARED = Path(__file__).parents[3] / "shared/data/districting"
SYNTHETIC = "voronoi"


@dataclass(frozen=True)
class Instance:
    """Cells as a file holds them, and the units into which quarters turn them.

    ``unit`` is the unit of each cell.
    """

    name: str
    cells: "CellGraph"
    unit: Ints
    units: Units

    @property
    def digest(self) -> str:
        """What tells this instance from another one, whatever its name."""
        digest = hashlib.sha256()
        for name in ("indptr", "indices", "cost_m", "households", "x_m", "y_m", "community"):
            digest.update(np.ascontiguousarray(getattr(self.units, name)).tobytes())
        return digest.hexdigest()[:12]

    def grown(self) -> "Instance":
        """Return the instance after growth; a unit's newcomers live in its first cell."""
        units = self.units.grown()
        more = units.households - self.units.households
        households = self.cells.households.copy()
        households[np.unique(self.unit, return_index=True)[1]] += more
        return replace(self, cells=replace(self.cells, households=households), units=units)

    def describe(self) -> str:
        """The instance in a few words."""
        communities = len(np.unique(self.units.community))
        return (
            f"{self.name}: {self.cells.size:,} cells in {self.units.size:,} units, "
            f"{int(self.units.households.sum()):,} households, "
            f"{communities} communit{'y' if communities == 1 else 'ies'}"
        )


def found() -> list[str]:
    """Return the names of the instances to compare on: the shared ones, else the made one."""
    shared = [name for name in ("S_15k", "L_1M") if (SHARED / f"{name}.npz").is_file()]
    return shared or [SYNTHETIC]


def load(name: str) -> Instance:
    """Return an instance by its name or file; ``voronoi`` (or ``voronoi:SIDE:SEED``) is made.

    A file has, per cell, ``hh``, ``area``, ``x``, ``y``, ``ext`` (outer border), ``compound`` (-1
    for none) and ``community``; ``indptr`` and ``indices`` with ``elen`` (metres) and ``ebar``
    (class) per border; the vertices ``vx``, ``vy`` in the rows ``vptr``.
    """
    if name.partition(":")[0] == SYNTHETIC:
        numbers = [int(one) for one in name.split(":")[1:]]
        return _instance(name, voronoi_city(*numbers))
    path = Path(name) if name.endswith(".npz") else SHARED / f"{name}.npz"
    if not path.is_file():
        raise SystemExit(f"There is no instance {path}; {SYNTHETIC} needs no file.")
    with np.load(path) as arrays:
        return _instance(path.stem, dict(arrays))


def _instance(name: str, arrays: dict[str, np.ndarray]) -> Instance:
    from gis.districting import CellGraph

    cells = CellGraph(
        indptr=arrays["indptr"],
        indices=arrays["indices"],
        border_m=arrays["elen"],
        barrier_class=arrays["ebar"],
        households=arrays["hh"],
        area_m2=arrays["area"],
        outer_border_m=arrays["ext"],
        x_m=arrays["x"],
        y_m=arrays["y"],
        community=arrays["community"],
        vertex_indptr=arrays["vptr"],
        vertex_x_m=arrays["vx"],
        vertex_y_m=arrays["vy"],
    )
    unit = _unit_of_cell(arrays["compound"])
    return Instance(name, cells, unit, contracted(cells, unit))


def _unit_of_cell(compound: Ints) -> Ints:
    """Number units in the order of their first cells; cells of one compound share one."""
    alone = np.arange(len(compound))
    _, first, inverse = np.unique(compound, return_index=True, return_inverse=True)
    leader = np.where(compound < 0, alone, first[inverse])
    return np.unique(leader, return_inverse=True)[1]


def contracted(cells: "CellGraph", unit: Ints) -> Units:
    """Return the units of ``cells``.

    Borders between the same two units are one, of the weakest class among them.
    """
    count = int(unit.max()) + 1
    first, second = unit[cells.source], unit[cells.indices]
    between = first != second
    pairs, row = np.unique(first[between] * count + second[between], return_inverse=True)
    length, kind = cells.border_m[between], cells.barrier_class[between]
    weakest = np.full(len(pairs), 3)
    np.minimum.at(weakest, row, kind)
    area = np.bincount(unit, cells.area_m2, count)
    community = np.zeros(count, dtype=np.int64)
    community[unit] = cells.community
    owner = np.repeat(unit, np.diff(cells.vertex_indptr))
    order = np.argsort(owner, kind="stable")
    return Units(
        indptr=np.searchsorted(pairs, np.arange(count + 1) * count),
        indices=pairs % count,
        border_m=np.bincount(row, length),
        cost_m=np.bincount(row, length * CLASS_COST[kind]),
        barrier_class=weakest,
        households=np.bincount(unit, cells.households, count).astype(np.int64),
        area_m2=area,
        outer_border_m=np.bincount(unit, cells.outer_border_m, count),
        x_m=np.bincount(unit, cells.x_m * cells.area_m2, count) / area,
        y_m=np.bincount(unit, cells.y_m * cells.area_m2, count) / area,
        community=community,
        vertex_indptr=np.r_[0, np.cumsum(np.bincount(owner, minlength=count))],
        vertex_x_m=cells.vertex_x_m[order],
        vertex_y_m=cells.vertex_y_m[order],
    )


def voronoi_city(side: int = 24, seed: int = 1) -> dict[str, np.ndarray]:
    """Return a made city of ``side`` × ``side`` Voronoi cells, in the form of an instance file.

    Cells stand on a jittered lattice of 45 m. A block of 3 × 3 lies between streets, a square of
    4 × 4 blocks between arterials, and what is east of a canal behind it. A community is a square
    of 24 × 24 cells; about one block in twenty is a quarter, which stays whole.
    """
    rng = np.random.default_rng(seed)
    step, size = 45.0, side * side
    row, column = np.divmod(np.arange(size), side)
    points = (np.c_[column, row] + 0.5 + rng.uniform(-0.32, 0.32, (size, 2))) * step
    first, second, length, outer, corners = _tessellate(points, side * step)
    block = (row // 3) * side + column // 3
    kinds = np.zeros(len(first), dtype=np.int64)
    kinds[block[first] != block[second]] = 1
    for line in (row, column):
        kinds[line[first] // 12 != line[second] // 12] = 2
    behind = column >= side - side % 24 - 6
    kinds[behind[first] != behind[second]] = 3
    community = (row // 24) * side + column // 24
    households = rng.gamma(2.0, 13.0, size).astype(np.int64)
    households[rng.random(size) < 0.12] = 0
    quarters = rng.random(block.max() + 1) < 0.05
    fits = np.bincount(block, households) <= 260
    compound = np.where(quarters[block] & fits[block], block, -1)
    area = [_area(ring) for ring in corners]
    return {
        "indptr": np.r_[0, np.cumsum(np.bincount(first, minlength=size))],
        "indices": second,
        "elen": length,
        "ebar": kinds,
        "hh": households,
        "area": np.array(area),
        "x": points[:, 0],
        "y": points[:, 1],
        "ext": outer,
        "compound": compound,
        "community": community,
        "vptr": np.r_[0, np.cumsum([len(ring) for ring in corners])],
        "vx": np.concatenate(corners)[:, 0],
        "vy": np.concatenate(corners)[:, 1],
    }


def _tessellate(points: Floats, width: float) -> tuple[Ints, Ints, Floats, Floats, list[Floats]]:
    """Return edges (both ways, sorted) with lengths, outer borders and rings in a square.

    Mirror images of the points over the four sides make the sides borders of the diagram.
    """
    count = len(points)
    west, south = points * [-1, 1], points * [1, -1]
    east, north = west + np.array([2 * width, 0]), south + np.array([0, 2 * width])
    diagram = Voronoi(np.concatenate([points, west, south, east, north]))
    ends = np.array(diagram.ridge_vertices)
    pair = diagram.ridge_points
    keep = (pair < count).any(axis=1)
    ends, pair = ends[keep], pair[keep]
    length = np.hypot(*(diagram.vertices[ends[:, 0]] - diagram.vertices[ends[:, 1]]).T)
    inside = (pair < count).all(axis=1)
    outer = np.bincount(pair[~inside].min(axis=1), length[~inside], count)
    real = inside & (length > 1e-6)
    both = np.concatenate([pair[real], pair[real][:, ::-1]])
    order = np.lexsort((both[:, 1], both[:, 0]))
    doubled = np.tile(length[real], 2)[order]
    rings = [diagram.vertices[diagram.regions[one]] for one in diagram.point_region[:count]]
    return both[order, 0], both[order, 1], doubled, outer, rings


def _area(ring: Floats) -> float:
    """Area of a convex ring by the shoelace formula (its corners go round in order)."""
    x, y = ring.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2
