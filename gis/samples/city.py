"""The city as a plan: which plot gets what, tuned until there are homes for all households."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.samples.footprints import Footprint
from gis.samples.layout import (
    BANK_M,
    RAIL_HALF_M,
    RIVER_WIDTH_M,
    Layout,
    draw_layout,
)
from gis.samples.places import build_place
from gis.samples.quarters import (
    BlockPlan,
    QuarterPlan,
    Site,
    build_block,
    fixed_apartment,
)
from gis.samples.shapes import cut, rng_for

#: Kinds of quarter from the oldest to the newest.
LADDER = ("courtyard", "walkup", "resettlement", "midrise", "tower")
#: Cumulative shares of the plots that go to each kind at first.
LADDER_SHARES = (0.12, 0.52, 0.64, 0.85, 1.0)
#: Doors per household that the tuning aims at: some homes stand empty.
DOORS_PER_HOUSEHOLD = (1.01, 1.12)
APARTMENT_DOORS, APARTMENT_FLOORS = 495, 33
SMALL_QUARTER_HOUSEHOLDS = 34
LARGE_QUARTER_HOUSEHOLDS = 700
#: (kind, smallest and largest plot in m²), most needed first.
_PLACES = (
    ("market", 8_000, 26_000),
    ("campus", 16_000, 60_000),
    ("mall", 8_000, 34_000),
    ("park", 4_000, 40_000),
    ("hospital", 8_000, 24_000),
    ("village", 14_000, 45_000),
    ("building_site", 6_000, 24_000),
    ("offices", 4_000, 16_000),
    ("works", 8_000, 40_000),
    ("park", 2_000, 12_000),
)


@dataclass(slots=True)
class City:
    """The plan of the city: one block for each plot of the layout."""

    layout: Layout
    sites: list[Site]
    blocks: list[BlockPlan]
    small_quarter: QuarterPlan | None = None
    large_quarter: QuarterPlan | None = None
    apartments: Footprint | None = None
    newness: Any = field(default=None)


def plan_city(households: int, seed: int) -> City:
    """Return the plan of a city with homes for ``households``, the same for the same seed."""
    layout = draw_layout(households, seed)
    sites = _sites(layout)
    rng = rng_for(seed, 2)
    newness = _newness(layout, rng)
    kinds = _place_kinds(layout, sites, households, rng)
    homes = [int(k) for k in np.argsort(newness) if kinds[k] == ""]
    for rank, k in enumerate(homes):
        share = (rank + 0.5) / len(homes)
        kinds[k] = LADDER[int(np.searchsorted(LADDER_SHARES, share))]
    city = City(layout, sites, [], newness=newness)
    city.blocks = [_build(city, k, kinds[k], seed) for k in range(len(sites))]
    special = [_with_small_quarter(city, homes, seed)]
    special.append(_with_large_quarter(city, homes, seed, special))
    special += _with_courtyard(city, homes, seed, special)
    _tune(city, [int(k) for k in homes if k not in special], households, seed)
    towers = [block for block in city.blocks if block.kind == "tower"]
    for block in sorted(towers, key=lambda b: -b.doors)[:1]:
        city.apartments = fixed_apartment(block, APARTMENT_DOORS, APARTMENT_FLOORS)
    return city


def _sites(layout: Layout) -> list[Site]:
    water = layout.river.buffer(RIVER_WIDTH_M / 2 + BANK_M / 3)
    closed = shapely.union(water, layout.railway.buffer(RAIL_HALF_M))
    sites = []
    for face, plot in zip(layout.faces, layout.plots, strict=True):
        near = [s for s in layout.streets if s.line.distance(plot) < s.width_m / 2 + 2.0]
        reach = max(shapely.get_parts(face.difference(closed)), key=shapely.area)
        sites.append(Site(plot, reach.buffer(0.3), tuple(near)))
    return sites


def _newness(layout: Layout, rng: np.random.Generator) -> "np.ndarray[Any, Any]":
    """Return how new each plot is built: districts of one age, with exceptions."""
    centres = np.array([[f.centroid.x, f.centroid.y] for f in layout.faces])
    size = np.sqrt(layout.region.area)
    waves = rng.uniform(0.5, 1.1, (3, 2)) * rng.choice([-1, 1], (3, 2))
    phases = rng.uniform(0, 2 * np.pi, 3)
    field_ = np.sin(centres @ waves.T * 2 * np.pi / size + phases).sum(axis=1)
    return np.asarray(field_ + rng.normal(0, 0.55, len(centres)))


def _beyond_railway(layout: Layout) -> shapely.Polygon:
    """Return the smaller side of the railway, the wrong one."""
    return min(cut(layout.region, layout.railway), key=shapely.area)


def _place_kinds(
    layout: Layout, sites: list[Site], households: int, rng: np.random.Generator
) -> list[str]:
    """Return the kind of each plot that is not lived on, and ``''`` for the others."""
    kinds = ["open" if site.plot.area < 2_000 or not site.streets else "" for site in sites]
    beyond = _beyond_railway(layout)
    arterials = [s.line for s in layout.streets if s.road_class == "arterial"]
    middle = shapely.union_all(arterials).centroid
    size = float(np.sqrt(layout.region.area))

    def score(kind: str, site: Site) -> float:
        """Return how badly the plot suits the place, in sizes of the city."""
        plot = site.plot
        off = beyond.contains(plot.centroid)
        terms = {
            "mall": plot.distance(middle),
            "offices": plot.distance(middle),
            "market": abs(plot.distance(middle) - 0.22 * size) + 0.2 * size * off,
            "park": plot.distance(layout.river),
            "hospital": min(plot.distance(line) for line in arterials) + 0.4 * size * off,
            "village": 0.0 if off else size,
            "works": plot.distance(layout.railway) + (0.0 if off else size),
        }
        return float(terms.get(kind, 0.0)) / size + float(rng.uniform(0, 0.25))

    budget = 0.27 * sum(site.plot.area for site in sites)
    rounds = max(1, round(households / 30_000))
    for kind, low, high in _PLACES * rounds:
        fits = [
            k
            for k, site in enumerate(sites)
            if kinds[k] == "" and low <= site.plot.area <= min(high, budget)
        ]
        if not fits:
            continue
        best = min(fits, key=lambda k: score(kind, sites[k]))
        kinds[best] = kind
        budget -= sites[best].plot.area * (0.0 if kind == "village" else 1.0)
    return kinds


def _build(
    city: City, k: int, kind: str, seed: int, *, small: bool = False, whole: bool = False
) -> BlockPlan:
    site = city.sites[k]
    if kind == "open":
        return BlockPlan("open")
    if kind in (*LADDER, "village"):
        rng = rng_for(seed, 3, k, (*LADDER, "village").index(kind))
        return build_block(site, kind, rng, with_small_quarter=small, whole=whole)
    return BlockPlan(kind, others=build_place(kind, site.plot, rng_for(seed, 4, k)))


def _with_small_quarter(city: City, homes: list[int], seed: int) -> int:
    """Cut the smallest quarter out of an old plot; return the plot's number."""
    sizes = [abs(city.sites[k].plot.area - 14_000) for k in homes]
    for k in np.asarray(homes)[np.argsort(sizes)]:
        block = _build(city, int(k), "walkup", seed, small=True)
        fit = [q for q in block.quarters if 34 <= q.doors <= 48 and len(q.buildings) == 1]
        if fit and len(block.quarters) > 1:
            city.blocks[k] = block
            city.small_quarter = min(fit, key=lambda q: q.doors)
            return int(k)
    msg = f"No plot of this city holds a quarter of {SMALL_QUARTER_HOUSEHOLDS} households."
    raise InvalidInputError(msg, remedy="Choose another seed, or more households.")


def _with_large_quarter(city: City, homes: list[int], seed: int, special: list[int]) -> int:
    """Make one plot an old quarter of about 700 homes; return the plot's number."""
    areas = [-city.sites[k].plot.area for k in homes]
    largest = [int(k) for k in np.asarray(homes)[np.argsort(areas)] if k not in special][:6]
    best: tuple[float, int, BlockPlan] | None = None
    for k in largest:
        for preference, kind in enumerate(("walkup", "midrise", "resettlement")):
            block = _build(city, k, kind, seed, whole=True)
            miss = abs(block.doors - 1.05 * LARGE_QUARTER_HOUSEHOLDS) + 25 * preference
            miss += 300 * (block.doors < LARGE_QUARTER_HOUSEHOLDS)
            if len(block.quarters) == 1 and (best is None or miss < best[0]):
                best = (miss, k, block)
    if best is None:
        msg = f"No plot of this city holds a quarter of {LARGE_QUARTER_HOUSEHOLDS} households."
        raise InvalidInputError(msg, remedy="Choose another seed, or more households.")
    _, k, city.blocks[k] = best
    city.large_quarter = city.blocks[k].quarters[0]
    return k


def _with_courtyard(city: City, homes: list[int], seed: int, special: list[int]) -> list[int]:
    """Make an old plot one of courtyards if there is none yet; return the plots to be kept."""

    def has_courtyard(block: BlockPlan) -> bool:
        return any(b.polygon.interiors for q in block.quarters for b in q.buildings)

    if any(has_courtyard(block) for block in city.blocks):
        return []
    for k in (k for k in homes if k not in special):
        block = _build(city, k, "courtyard", seed)
        if has_courtyard(block):
            city.blocks[k] = block
            return [k]
    return []


def _tune(city: City, homes: list[int], households: int, seed: int) -> None:
    """Make quarters taller or lower, one plot at a time, until there are enough doors."""
    low, high = (households * factor for factor in DOORS_PER_HOUSEHOLD)
    for _ in range(4 * len(homes)):
        doors = sum(block.doors for block in city.blocks)
        if low <= doors <= high:
            return
        up = doors < low
        steps = LADDER[1:-1] if up else LADDER[2:]
        able = [k for k in homes if city.blocks[k].kind in steps]
        if not able:
            return
        newness = city.newness
        k = max(able, key=lambda j: newness[j]) if up else min(able, key=lambda j: newness[j])
        kind = LADDER[LADDER.index(city.blocks[k].kind) + (1 if up else -1)]
        city.blocks[k] = _build(city, k, kind, seed)
