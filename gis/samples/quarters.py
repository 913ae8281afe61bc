"""What stands on a residential plot: quarters with walls, gates and lanes, and street shops."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.samples.footprints import (
    PATTERNS,
    Footprint,
    fill_leftover,
    fill_rows,
    row_angle,
    shops_along,
    with_outbuildings,
    with_wings,
)
from gis.samples.shapes import cut, inset, lines, polygons, rectangle_axes, without_spurs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis.samples.layout import Street

SHOP_BAND_M = 12.5
#: Above this a plot is usually shared by two quarters with a lane between them.
SHARED_ABOVE_M2 = {"walkup": 17_000, "courtyard": 12_000, "midrise": 30_000, "village": 99_000}
GATED_SHARE = {"walkup": 0.45, "midrise": 0.95, "resettlement": 0.85, "tower": 1.0}
#: Households of the smallest quarter, and doors of the building that holds it.
SMALL_QUARTER_DOORS = 36
SMALL_QUARTER_DEPTH_M = 34.0
#: From a gate to the ring lane behind it.
LONGEST_GATEWAY_M = 9.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A way inside a block, before it is noded: a service road or a footpath."""

    line: shapely.LineString
    road_class: str
    quarter: int | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate in the wall of a quarter; a narrow one may be closed to strangers."""

    point: shapely.Point
    open_to_walkers: bool


@dataclass(slots=True)
class QuarterPlan:
    """One quarter: its ground inside the wall, its buildings, and its gates."""

    ground: shapely.Polygon
    kind: str
    gated: bool
    buildings: list[Footprint] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)

    @property
    def doors(self) -> int:
        """Dwellings of the quarter."""
        return sum(building.doors for building in self.buildings)


@dataclass(slots=True)
class BlockPlan:
    """What stands on one plot."""

    kind: str
    quarters: list[QuarterPlan] = field(default_factory=list)
    others: list[Footprint] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)

    @property
    def doors(self) -> int:
        """Dwellings of the block."""
        return sum(quarter.doors for quarter in self.quarters)


@dataclass(frozen=True, slots=True)
class Site:
    """A plot with what surrounds it.

    Attributes
    ----------
    plot
        Ground that can be built on.
    reach
        Ground on which lanes may run: out to the centre lines, without water and railway.
    streets
        The streets around it.
    """

    plot: shapely.Polygon
    reach: shapely.Polygon
    streets: "tuple[Street, ...]"

    def side_on(self, street: "Street") -> shapely.LineString | None:
        """Return the plot's longest side on ``street``, if it is 40 m or more."""
        band = street.line.buffer(street.width_m / 2 + 0.8)
        found = lines(self.plot.exterior.intersection(band), 40.0)
        return max(found, key=shapely.length) if found else None


def build_block(
    site: Site,
    kind: str,
    rng: np.random.Generator,
    *,
    with_small_quarter: bool = False,
    whole: bool = False,
) -> BlockPlan:
    """Return the quarters, shops and lanes of a residential plot.

    Parameters
    ----------
    site
        The plot and its surroundings.
    kind
        A key of :data:`~gis.samples.footprints.PATTERNS`.
    with_small_quarter
        Whether one end of the plot becomes a quarter of a single house.
    whole
        Whether the plot stays one quarter, however large it is.
    """
    block = BlockPlan(kind)
    ground = _line_with_shops(site, kind, rng, block)
    if with_small_quarter:
        ground, small = _cut_end(ground, rng)
        if small is not None:
            block.quarters.append(_small_quarter(small, rng))
    parcels = [ground] if whole else _shared(ground, kind, rng, site, block)
    for parcel in parcels:
        quarter = _quarter(parcel, kind, rng)
        if quarter.buildings:
            block.quarters.append(quarter)
    for quarter in block.quarters:
        _open(quarter, site, block, rng)
    return block


def _line_with_shops(
    site: Site, kind: str, rng: np.random.Generator, block: BlockPlan
) -> shapely.Polygon:
    """Put shops on busy sides and return the ground that is left for quarters."""
    chance = {"arterial": 0.9, "collector": 0.65, "local": 0.12}
    ground = site.plot
    for street in site.streets:
        edge = site.side_on(street)
        if edge is None or rng.random() > chance[street.road_class] or kind == "village":
            continue
        rest = polygons(ground.difference(edge.buffer(SHOP_BAND_M, cap_style="flat")), 4_000)
        if not rest or rest[0].area < 0.6 * site.plot.area:
            continue
        band = ground.difference(rest[0])
        for shop in shops_along(edge, site.plot, rng):
            clear = all(shop.polygon.distance(other.polygon) > 1.0 for other in block.others)
            if clear and band.buffer(0.5).covers(shop.polygon):
                block.others.append(shop)
        ground = rest[0]
    return ground


def _cut_end(
    ground: shapely.Polygon, rng: np.random.Generator
) -> tuple[shapely.Polygon, shapely.Polygon | None]:
    """Cut a strip of about 34 m off one end of ``ground``, along its long or short side."""
    centre = shapely.get_coordinates(shapely.oriented_envelope(ground).centroid)[0]
    along, across, length, breadth = rectangle_axes(ground)
    ends = [(along, across, length), (-along, across, length)]
    ends += [(across, along, breadth), (-across, along, breadth)]
    first = int(rng.integers(2))
    for outward, sideways, reach in (ends[first], ends[1 - first], *ends[2:]):
        at = centre + outward * (reach / 2 - SMALL_QUARTER_DEPTH_M)
        pieces = cut(ground, shapely.LineString([at - sideways * 400, at + sideways * 400]))
        if len(pieces) == 2 and 1_200 < min(p.area for p in pieces) < 6_500:
            small, large = sorted(pieces, key=shapely.area)
            if _small_quarter(small, rng).buildings:
                return large, small
    return ground, None


def _small_quarter(parcel: shapely.Polygon, rng: np.random.Generator) -> QuarterPlan:
    quarter = QuarterPlan(inset(parcel, 1.5), "walkup", gated=False)
    ground = inset(parcel, 4.5)
    layer = fill_rows(ground, PATTERNS["walkup"], rng, row_angle(parcel, rng))
    for building in layer.buildings[:1]:
        per_floor = building.doors // building.floors
        floors = int(np.clip(round(SMALL_QUARTER_DOORS / per_floor), 3, 6))
        quarter.buildings.append(replace(building, floors=floors, doors=per_floor * floors))
    return quarter


def _shared(
    ground: shapely.Polygon, kind: str, rng: np.random.Generator, site: Site, block: BlockPlan
) -> list[shapely.Polygon]:
    """Share a large ground between two quarters, with a lane from street to street."""
    if ground.area < SHARED_ABOVE_M2.get(kind, 36_000) or rng.random() < 0.2:
        return [ground]
    along, across, length, _ = rectangle_axes(ground)
    centre = shapely.get_coordinates(ground.centroid)[0] + along * length * rng.uniform(-0.1, 0.1)
    line = shapely.LineString([centre - across * 500, centre + across * 500])
    pieces = cut(ground, line)
    if len(pieces) != 2 or min(p.area for p in pieces) < 4_500:
        return [ground]
    block.lanes += [
        Lane(part, "service") for part in lines(line.intersection(site.reach), 30.0)[:1]
    ]
    corridor = line.buffer(3.5)
    block.others = [shop for shop in block.others if not shop.polygon.intersects(corridor)]
    return [polygons(piece.difference(corridor))[0] for piece in pieces]


def _quarter(parcel: shapely.Polygon, kind: str, rng: np.random.Generator) -> QuarterPlan:
    gated = bool(rng.random() < GATED_SHARE.get(kind, 0.0))
    ground = without_spurs(inset(parcel, 1.5), 12.0)
    quarter = QuarterPlan(ground, kind, gated)
    tight = kind == "village" or not gated
    inner = inset(ground, 4.0 if tight else 7.0)
    angle = row_angle(parcel, rng)
    layer = fill_rows(inner, PATTERNS[kind], rng, angle)
    if kind == "courtyard" or not layer.buildings:
        layer = fill_leftover(inner, layer, rng, angle)
    if kind in {"walkup", "midrise"}:
        layer = with_wings(layer, inner, rng)
    if kind != "village" and layer.buildings:
        layer = with_outbuildings(inner, layer, rng, angle)
    quarter.buildings = layer.buildings
    ring = _ring(ground, 1.8 if tight else 3.6)
    if ring is None:
        return quarter
    quarter.lanes.append(Lane(ring.exterior, "path" if tight else "service"))
    built = shapely.union_all([b.polygon.buffer(0.9) for b in layer.buildings])
    for line in layer.lanes:
        for part in lines(line.intersection(ring).difference(built), 12.0):
            if part.boundary.distance(ring.exterior) < 0.01:
                quarter.lanes.append(Lane(part, "path"))
    return quarter


def _ring(ground: shapely.Polygon, inset_m: float) -> shapely.Polygon | None:
    rings = polygons(ground.buffer(-inset_m, join_style="mitre").simplify(0.8), 1_500)
    return rings[0] if rings else None


def _open(quarter: QuarterPlan, site: Site, block: BlockPlan, rng: np.random.Generator) -> None:
    """Join the quarter's lanes with the streets: by few gates if walled, else by more openings."""
    wanted = (1 if quarter.ground.area < 7_000 else 2) if quarter.gated else 3
    ways: list[shapely.LineString] = []
    for stub in _stubs(quarter, site, rng):
        way = _way_in(quarter, stub)
        apart = all(way.distance(other) > 45.0 for other in ways)
        if apart and _is_clear(way, quarter):
            ways.append(way)
            block.others = [s for s in block.others if s.polygon.distance(stub) > 3.0]
            if quarter.gated:
                for_all = not quarter.gates or bool(rng.random() < 0.7)
                quarter.gates.append(Gate(shapely.Point(stub.coords[0]), for_all))
        if len(ways) == wanted:
            break
    quarter.lanes += [Lane(way, "service") for way in ways]


def _way_in(quarter: QuarterPlan, stub: shapely.LineString) -> shapely.LineString:
    """Return ``stub`` with its beginning joined to the quarter's ring lane, if it has one."""
    if not quarter.lanes:
        return shapely.LineString([quarter.ground.representative_point(), *stub.coords])
    ring = quarter.lanes[0].line
    return shapely.LineString(
        [ring.interpolate(ring.project(shapely.Point(stub.coords[0]))), *stub.coords]
    )


def _is_clear(way: shapely.LineString, quarter: QuarterPlan) -> bool:
    """Return whether ``way`` passes no building, and the wall at its gate only and straight."""
    gate = shapely.Point(way.coords[1])
    if quarter.gated and gate.distance(shapely.Point(way.coords[0])) > LONGEST_GATEWAY_M:
        return False
    at_wall = way.intersection(quarter.ground.exterior)
    strays = not at_wall.is_empty and at_wall.hausdorff_distance(gate) > 0.05
    return not strays and not any(b.polygon.intersects(way) for b in quarter.buildings)


def _stubs(quarter: QuarterPlan, site: Site, rng: np.random.Generator) -> list[shapely.LineString]:
    """Return ways from the quarter's edge to a street, quiet streets first."""
    found: list[tuple[float, shapely.LineString]] = []
    edge = quarter.ground.exterior
    for at in np.arange(0.02, 1.0, 0.04) + rng.uniform(-0.01, 0.01):
        point = edge.interpolate(float(at), normalized=True)
        street = min(site.streets, key=lambda s: point.distance(s.line))
        target = street.line.interpolate(street.line.project(point))
        stub = shapely.LineString([point, target])
        clear = (
            stub.length < street.width_m / 2 + SHOP_BAND_M + 8
            and stub.interpolate(3.0).distance(quarter.ground) > 1.5
            and site.reach.buffer(1.0).covers(stub)
        )
        if clear:
            rank = {"local": 0.0, "collector": 0.5, "arterial": 1.5}[street.road_class]
            found.append((rank + float(rng.uniform(0, 1)), stub))
    return [stub for _, stub in sorted(found, key=lambda pair: pair[0])]


def fixed_apartment(block: BlockPlan, doors: int, floors: int) -> Footprint | None:
    """Make the first tower of ``block`` an apartment tower of ``doors`` dwellings; return it."""
    for quarter in block.quarters:
        for k, building in enumerate(quarter.buildings):
            if building.floors >= 24:
                tower = replace(building, doors=doors, floors=floors, units=2, label="apartments")
                quarter.buildings[k] = tower
                return tower
    return None


def all_footprints(blocks: "Sequence[BlockPlan]") -> list[Footprint]:
    """Return every building of ``blocks``, in order."""
    return [
        building
        for block in blocks
        for building in [*(b for q in block.quarters for b in q.buildings), *block.others]
    ]
