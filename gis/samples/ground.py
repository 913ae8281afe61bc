"""Rows of the sample's ground: communities, quarters, buildings, ways, barriers, places."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.samples.communities import join_blocks
from gis.samples.names import Namer, community_names
from gis.samples.people import apportion, count_people
from gis.samples.places import DEDICATED_PLACES
from gis.samples.shapes import rng_for
from gis.samples.ways import find_barriers, find_crossings, node_ways

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.samples.city import City
    from gis.samples.footprints import Footprint
    from gis.samples.quarters import QuarterPlan
    from gis.samples.table import Tables

Row = dict[str, object]
#: Names of places and buildings that people refer to.
PLACE_NAMES = {
    "market": "荻浦农贸市场",
    "campus": "禾光学校",
    "mall": "星汇广场",
    "hospital": "沐阳医院",
    "park": "踏莎公园",
    "works": "机工仓储园",
    "offices": "云杪商务楼",
    "building_site": "在建地块",
    "village": "豆棚村",
}
PLACE_CATEGORIES = {"campus": "school", "offices": "office", "works": "industrial"}
_MIXED_SHARE = 0.05


@dataclass(slots=True)
class Placed:
    """A building of the plan with everything that rows about it need."""

    number: int
    footprint: "Footprint"
    block: int
    community: int
    quarter: "QuarterPlan | None"
    kind: str
    name: str = ""
    address: str = ""
    households: int = 0
    use: str = ""

    @property
    def source_id(self) -> str:
        """Source id of the building."""
        return f"b{self.number + 1:05d}"

    @property
    def door(self) -> shapely.Point:
        """Entrance, or a point inside."""
        return self.footprint.entrance or self.footprint.polygon.representative_point()


@dataclass(slots=True)
class Ground:
    """The plan with people, names and communities."""

    city: "City"
    tables: "Tables"
    seed: int
    buildings: list[Placed]
    counts: dict[str, "NDArray[np.int64]"]
    community_of_block: "NDArray[np.int64]"
    community_names: list[str]
    community_shapes: list[shapely.Polygon]
    quarters: list[tuple["QuarterPlan", str, int]]
    namer: Namer

    def community_id(self, number: int) -> str:
        """Return the UUID of a community by its number."""
        return self.tables.id("communities", f"c{number + 1:02d}")

    def building_id(self, building: Placed) -> str:
        """Return the UUID of a building."""
        return self.tables.id("buildings", building.source_id)


def survey(city: "City", households: int, seed: int, tables: "Tables") -> Ground:
    """Give the plan its people, communities and names."""
    namer = Namer(rng_for(seed, 6))
    counts = count_people(city, households, seed)
    buildings = _place(city)
    per_block = np.zeros(len(city.blocks), dtype=np.int64)
    for building, number in zip(buildings, counts["households"], strict=True):
        building.households = int(number)
        per_block[building.block] += number
    label = join_blocks(city.layout, per_block)
    shapes: list[Any] = [
        shapely.coverage_union_all(
            [f for f, g in zip(city.layout.faces, label, strict=True) if g == k]
        )
        for k in range(int(label.max()) + 1)
    ]
    quarters = []
    for building in buildings:
        building.community = int(label[building.block])
    for k, block in enumerate(city.blocks):
        quarters += [(q, namer.quarter(q.kind), int(label[k])) for q in block.quarters]
    ground = Ground(
        city,
        tables,
        seed,
        buildings,
        counts,
        label,
        community_names(len(shapes)),
        shapes,
        quarters,
        namer,
    )
    _name_buildings(ground)
    return ground


def _place(city: "City") -> list[Placed]:
    out: list[Placed] = []
    for k, block in enumerate(city.blocks):
        for quarter in block.quarters:
            for footprint in quarter.buildings:
                out.append(Placed(len(out), footprint, k, 0, quarter, quarter.kind))
        for footprint in block.others:
            out.append(Placed(len(out), footprint, k, 0, None, block.kind))
    return out


def _name_buildings(ground: Ground) -> None:
    """Give each house its number in the quarter and on the street."""
    rng = rng_for(ground.seed, 7)
    quarter_names = {id(quarter): name for quarter, name, _ in ground.quarters}
    in_quarter: dict[int, int] = {}
    on_street: dict[str, int] = {}
    for building in ground.buildings:
        site = ground.city.sites[building.block]
        point = building.footprint.polygon.centroid
        street = min(site.streets, key=lambda s: point.distance(s.line))
        road = ground.namer.street(street.key, street.road_class)
        on_street[road] = on_street.get(road, 0) + 2
        building.address = f"{road}{on_street[road] - int(rng.random() < 0.5)}号"
        building.use = building.footprint.use
        if building.quarter is not None:
            key = id(building.quarter)
            in_quarter[key] = in_quarter.get(key, 0) + 1
            building.name = f"{quarter_names[key]}{in_quarter[key]}号楼"
            if building.households and rng.random() < _MIXED_SHARE:
                building.use = "mixed"
        elif building.footprint.label != "shop":
            building.name = PLACE_NAMES.get(building.kind, "")


def community_rows(ground: Ground, codes: list[str]) -> list[Row]:
    """Return one row for each community."""
    return [
        {"source_id": f"c{k + 1:02d}", "code": codes[k], "name": name, "geometry": shape}
        for k, (name, shape) in enumerate(
            zip(ground.community_names, ground.community_shapes, strict=True)
        )
    ]


def quarter_rows(ground: Ground) -> list[Row]:
    """Return one row for each quarter."""
    return [
        {
            "source_id": f"q{k + 1:03d}",
            "community_id": ground.community_id(community),
            "name": name,
            "gated": quarter.gated,
            "geometry": quarter.ground,
        }
        for k, (quarter, name, community) in enumerate(ground.quarters)
    ]


def building_rows(ground: Ground) -> list[Row]:
    """Return one row for each building."""
    number = {id(quarter): f"q{k + 1:03d}" for k, (quarter, _, _) in enumerate(ground.quarters)}
    return [
        {
            "source_id": b.source_id,
            "community_id": ground.community_id(b.community),
            "quarter_id": ground.tables.id("quarters", number[id(b.quarter)])
            if b.quarter is not None
            else None,
            "name": b.name or None,
            "floors": b.footprint.floors,
            "use": b.use,
            "address": b.address,
            "entrance": b.footprint.entrance,
            "geometry": b.footprint.polygon,
            **{name: int(values[b.number]) for name, values in ground.counts.items()},
        }
        for b in ground.buildings
    ]


def unit_rows(ground: Ground) -> list[Row]:
    """Return the stairwells of each building; their households add up to the building's."""
    return [
        {
            "source_id": f"{b.source_id}-{k + 1}",
            "building_id": ground.building_id(b),
            "name": f"{k + 1}单元",
            "households": int(share),
        }
        for b in ground.buildings
        if b.households > 0
        for k, share in enumerate(apportion(b.households, np.ones(b.footprint.units)))
    ]


def road_rows(ground: Ground) -> list[Row]:
    """Return the stretches of streets, lanes and paths between junctions."""
    return [
        {
            "name": ground.namer.street(way.key, way.road_class) if way.key else None,
            "road_class": way.road_class,
            "bridge": way.bridge,
            "tunnel": way.tunnel,
            "geometry": way.line,
        }
        for way in node_ways(ground.city)
    ]


def barrier_rows(ground: Ground) -> list[Row]:
    """Return river, railway, arterials and walls."""
    names = {"river": "踏莎河", "railway": "铁路专用线"}
    return [
        {
            "name": ground.namer.street(key, kind) if kind == "arterial" else names.get(kind),
            "barrier_class": kind,
            "geometry": line,
        }
        for line, kind, key in find_barriers(ground.city)
    ]


def crossing_rows(ground: Ground) -> list[Row]:
    """Return bridges, underpass, level crossing and gates."""
    classes = {street.key: street.road_class for street in ground.city.layout.streets}
    words = {"bridge": "桥", "underpass": "地道", "level_crossing": "道口"}
    return [
        {
            "name": ground.namer.street(c.key, classes[c.key]) + words[c.kind] if c.key else None,
            "kind": c.kind,
            "open_to_walkers": c.open_to_walkers,
            "geometry": c.point,
        }
        for c in find_crossings(ground.city)
    ]


def dedicated_rows(ground: Ground) -> list[Row]:
    """Return the areas of markets and campuses."""
    return [
        {
            "community_id": ground.community_id(int(ground.community_of_block[k])),
            "name": PLACE_NAMES[block.kind],
            "category": block.kind,
            "geometry": ground.city.sites[k].plot,
        }
        for k, block in enumerate(ground.city.blocks)
        if block.kind in DEDICATED_PLACES
    ]


def poi_rows(ground: Ground) -> list[Row]:
    """Return places by name, bus stops, and small things that people refer to."""
    rng = rng_for(ground.seed, 8)
    out: list[Row] = []
    for k, block in enumerate(ground.city.blocks):
        if block.kind in PLACE_NAMES:
            category = PLACE_CATEGORIES.get(block.kind, block.kind)
            point = ground.city.sites[k].plot.representative_point()
            out.append({"name": PLACE_NAMES[block.kind], "category": category, "geometry": point})
    for street in ground.city.layout.streets:
        if street.road_class != "local":
            out += _bus_stops(ground, street, rng)
    stock = (("kindergarten", "幼儿园"), ("pharmacy", "药房"), ("parcel_locker", "快递柜"))
    for quarter, name, _ in ground.quarters:
        category, word = stock[int(rng.choice(3, p=[0.18, 0.22, 0.6]))]
        point = quarter.ground.exterior.interpolate(float(rng.uniform(0, 1)), normalized=True)
        out.append({"name": name + word, "category": category, "geometry": point})
    return out


def _bus_stops(ground: Ground, street: Any, rng: np.random.Generator) -> list[Row]:  # noqa: ANN401 - a street
    name = ground.namer.street(street.key, street.road_class)
    out: list[Row] = []
    at = float(rng.uniform(60, 180))
    while at < street.line.length - 40:
        kerb = street.line.offset_curve(street.width_m / 2 - 4)
        point = kerb.interpolate(min(at, kerb.length))
        if ground.city.layout.region.contains(point):
            out.append(
                {"name": f"{name}{len(out) + 1}站", "category": "bus_stop", "geometry": point}
            )
        at += float(rng.uniform(260, 420))
    return out
