"""What came of siting, in the store's words: sites, shares before and after, who is left out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.coverage.shares import PEOPLE
from gis.coverage.shown_shares import withheld_within
from gis.frames import small_counts
from gis.frames.small_counts import SENSITIVE
from gis.geometry.crs import to_lonlat
from gis.layers import grids, plans
from gis.layers.quarters import Quarter
from gis.layers.queries import labels_of
from gis.network import minutes, nearest_sets, unreached
from gis.services.siting import all_fixed
from gis.services.siting_order import CAPACITATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.coverage.siting import SitingResult, Swap
    from gis.network import Walk
    from gis.scope import Scope
    from gis.services.siting import SitingGround

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Buildings that are named among those left out; those with most people come first.
MOST_NAMED = 500
#: Counts that are withheld while they are small; households are not, as everywhere.
#: Objectives that are a number of people.
_PEOPLE_COUNTED = ("mclp", "capacitated_mclp")


@dataclass(frozen=True, eq=False)
class Places:
    """The grids in effect, of buildings and points, and what quarters are called, by key."""

    of_building: "Mapping[str, str]"
    quarters: "Mapping[str, str]"
    codes: "NDArray[np.object_]"
    shapes: shapely.STRtree

    def at(self, lon: float, lat: float) -> str | None:
        """Return the code of the grid of a point."""
        rows = self.shapes.query(shapely.Point(lon, lat), predicate="intersects")
        return str(self.codes[rows.min()]) if len(rows) else None


def read_grids(session: "Session", scope: "Scope", asked: "SitingGround") -> Places:
    """Return the grids in effect on the day of an order, and the names of quarters."""
    day = asked.order.as_of
    drawn = grids.read_grids(session, scope, "community", day)
    effective = [str(one.id) for one in plans.read_effective(session, scope, "community", day)]
    code_of = dict(zip(drawn["id"], drawn["code"], strict=True))
    members = grids.read_building_grids(session, scope, effective)
    pairs = zip(members["building_id"], members["grid_id"], strict=True)
    return Places(
        {building: code_of[grid] for building, grid in pairs if grid in code_of},
        {key: name for key, (name,) in labels_of(session, scope, Quarter, ("name",)).items()},
        drawn["code"].to_numpy(dtype=object),
        shapely.STRtree(drawn.geometry.to_numpy()),
    )


@dataclass(frozen=True, eq=False)
class _Compared:
    """Before and after: who is covered, and the nearest station of each row of demand."""

    before: "Floats"
    after: "Floats"
    walked_before: "Walk"
    walked_after: "Walk"


#: Form of what is told of a siting; a report that was stored in another one is not read.
FORM = 2


def told_siting(asked: "SitingGround", result: "SitingResult", places: Places) -> dict[str, Any]:
    """Return what came of it as JSON can hold it, small counts withheld."""
    order, first = asked.order, len(asked.standing)
    fixed = asked.sites.rows_of(order.fixed)
    chosen = np.union1d(np.asarray(result.chosen) - first, fixed).astype(np.int64)
    standing = np.arange(first + len(asked.sites.frame)) < first
    is_open = standing.copy()
    is_open[first + chosen] = True
    walks = nearest_sets(
        asked.ground.graph, asked.homes, asked.doors, np.vstack([standing, is_open])
    )
    compared = _Compared(asked.covered(standing), asked.covered(is_open), *walks)
    withheld = _withheld(asked, compared)
    return {
        "form": FORM,
        "service": order.service,
        "objective": order.objective,
        "asked": order.count,
        "method": "walking",
        "network": asked.ground.data_version,
        "calendar": asked.calendar,
        "as_of": order.as_of.isoformat(),
        "people": order.people,
        "radius": order.radius,
        "unit": order.unit,
        "group": order.group,
        "week": _week(asked),
        "proof": _proof(asked, result, hidden=withheld[order.people]),
        "candidates": _candidates(asked),
        "standing": {
            "stations_serving": first + len(asked.off_network),
            "stations_off_network": list(asked.off_network),
        },
        "off_network_names": _station_names(asked),
        "before": _coverage(asked, compared.before, compared.walked_before, withheld),
        "after": _coverage(asked, compared.after, compared.walked_after, withheld),
        "placed": _placed(asked, result),
        "sites": _sites(asked, chosen, compared, places),
        "swaps": _swaps(asked, result, places),
        "uncovered": _uncovered(asked, compared, places, withheld),
        "infeasible": _infeasible(asked, result, compared, places),
    }


def _station_names(asked: "SitingGround") -> list[str]:
    """Return what the stations that no road is near are called."""
    stations = asked.ground.stations
    names = dict(zip(stations["id"], stations["name"], strict=True))
    return [str(names[key]) for key in asked.off_network]


def _label(house: "pd.Series[Any]", quarters: "Mapping[str, str]") -> str:
    """Return what people call a building: its name, address, or its quarter and the code in it."""
    code = _text(house["source_id"]) or str(house["id"])
    quarter = _text(quarters.get(house["quarter_id"]))
    return (
        _text(house["name"]) or _text(house["address"]) or " ".join(filter(None, (quarter, code)))
    )


def _withheld(asked: "SitingGround", compared: _Compared) -> dict[str, bool]:
    """Return which counts of people covered must not be told, because a difference is small."""
    found = dict.fromkeys(PEOPLE, False)
    for name in SENSITIVE:
        counts = asked.buildings[name].to_numpy(dtype=np.float64)
        covered = [np.array([_whole(counts @ part)]) for part in (compared.before, compared.after)]
        total = np.array([_whole(counts.sum())])
        hidden = withheld_within(covered, total, asked.order.suppress_below)
        found[name] = bool(hidden.any())
    return found


def _whole(value: Any) -> int:  # noqa: ANN401 - a number or an array of none
    return int(np.rint(value))


def _week(asked: "SitingGround") -> dict[str, Any] | None:
    order = asked.order
    if order.monday is None:
        return None
    return {
        "monday": order.monday.isoformat(),
        "parts": list(order.parts),
        "opening_hours": order.opening_hours,
    }


def _proof(asked: "SitingGround", result: "SitingResult", *, hidden: bool) -> dict[str, Any]:
    """Return how good it is; fixed places count among the stations that are fewest."""
    objective, bound, gap = result.objective, result.bound, result.gap
    if asked.order.objective == "lscp" and result.proof != "infeasible":
        fixed = len(set(asked.order.fixed))
        whole = all_fixed(asked)  # also those that are not needed
        objective, bound = (fixed, fixed) if whole else (objective + fixed, bound + fixed)
        gap = abs(objective - bound) / objective if objective else 0.0
    hidden = hidden and asked.order.objective in _PEOPLE_COUNTED
    return {
        "status": _status(asked, result),
        "counted_in": _counted_in(asked, result),
        "objective": None if hidden else _number(objective),
        "bound": None if hidden else _number(bound),
        "gap": None if not np.isfinite(gap) else round(float(gap), 6),
        "seconds": round(result.seconds, 2),
        "moves": result.moves,
        "stopped": result.stopped,
    }


def _status(asked: "SitingGround", result: "SitingResult") -> str:
    if asked.order.objective == "lscp" and len(result.unreachable):
        return "infeasible"
    return "evaluated" if all_fixed(asked) and result.proof == "optimal" else result.proof


def _counted_in(asked: "SitingGround", result: "SitingResult") -> str:
    """Return what the objective counts."""
    order = asked.order
    if order.objective == "lscp":
        return "buildings_left_out" if result.proof == "infeasible" else "stations"
    people = f"weighted_{order.people}" if order.equity else order.people
    if order.objective in _PEOPLE_COUNTED:
        return people
    walked = {"p_center": order.unit, "mix": "share"}
    return walked.get(order.objective, f"{people}_{order.unit}")


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _candidates(asked: "SitingGround") -> dict[str, Any]:
    sites = asked.sites
    return {
        "source": asked.order.candidates,
        "available": sites.available,
        "weighed": len(sites.frame),
        "off_network": sites.off_network,
        "thinned_m": round(sites.thinned_m, 2),
    }


def _coverage(
    asked: "SitingGround", part: "Floats", walk: "Walk", withheld: "Mapping[str, bool]"
) -> dict[str, Any]:
    """Return people covered by group, and the mean walk of those who are counted."""
    groups = {}
    for name in PEOPLE:
        counts = asked.buildings[name].to_numpy(dtype=np.float64)
        covered, total = _whole(counts @ part), _whole(counts.sum())
        hidden = withheld[name]
        groups[name] = {
            "total": total if name not in SENSITIVE or not _small(asked, total) else None,
            "covered": None if hidden else covered,
            "share": None if hidden or not total else round(float(counts @ part) / total, 4),
            "suppressed": hidden,
        }
    people = asked.buildings[asked.order.people].to_numpy(dtype=np.float64)
    reached = walk.station >= 0
    weight = people[reached].sum()
    metres = float(people[reached] @ walk.distance_m[reached] / weight) if weight else None
    took = minutes(walk.cost_m[reached], asked.order.speed_m_s)
    mean = float(people[reached] @ took / weight) if weight else None
    return {
        "groups": groups,
        "mean_distance_m": None if metres is None else round(metres, 2),
        "mean_walk_minutes": None if mean is None else round(mean, 1),
    }


def _small(asked: "SitingGround", count: float) -> bool:
    return 0 < count < asked.order.suppress_below


def _placed(asked: "SitingGround", result: "SitingResult") -> dict[str, Any] | None:
    """Return how many people the stations have room for, where room is limited."""
    if asked.order.objective not in CAPACITATED or result.flows is None:
        return None
    total = _whole(asked.buildings[asked.order.people].sum())
    placed = int(result.flows.people.sum())
    hidden = asked.order.people in SENSITIVE and any(
        _small(asked, one) for one in (placed, total - placed)
    )
    return {
        "placed": None if hidden else placed,
        "share": None if hidden else round(placed / total, 4),
        "suppressed": hidden,
    }


def _sites(
    asked: "SitingGround", chosen: "Ints", compared: _Compared, places: Places
) -> list[dict[str, Any]]:
    """Return the chosen sites, those that cover most people anew first."""
    first = len(asked.standing)
    people = asked.buildings[asked.order.people].to_numpy(dtype=np.float64)
    gained = np.clip(compared.after - compared.before, 0, None) * people
    nearest = _nearest_open(asked, chosen)
    newly = np.array([gained[nearest == row].sum() for row in chosen])
    used = compared.walked_after.station
    serves = np.array([people[used == first + row].sum() for row in chosen])
    counts = [np.rint(newly).astype(np.int64), np.rint(serves).astype(np.int64)]
    hidden = [_hidden(asked, one) for one in counts]
    fixed = set(asked.order.fixed)
    told: list[dict[str, Any]] = []
    for at in np.argsort(-newly, kind="stable"):
        site = _site(asked, int(chosen[at]), places)
        told.append(
            {
                "rank": len(told) + 1,
                **site,
                "fixed": site["key"] in fixed,
                "newly_covered": None if hidden[0][at] else int(counts[0][at]),
                "nearest_for": None if hidden[1][at] else int(counts[1][at]),
            }
        )
    return told


def _hidden(asked: "SitingGround", counts: "Ints") -> "Bools":
    """Return which counts of a list with a known sum must not be told."""
    if asked.order.people not in SENSITIVE:
        return np.zeros(len(counts), dtype=bool)
    below = asked.order.suppress_below
    return small_counts.withheld(counts, below)


def _nearest_open(asked: "SitingGround", chosen: "Ints") -> "Ints":
    """Return the chosen site nearest to each row of demand within reach, -1: none."""
    station = asked.pairs.station - len(asked.standing)
    near = np.isin(station, chosen) & (asked.cost <= asked.order.radius)
    origin, site, cost = asked.pairs.origin[near], station[near], asked.cost[near]
    order = np.lexsort((-site, -cost))
    best = np.full(len(asked.demand), -1, dtype=np.int64)
    best[origin[order]] = site[order]
    return best


def _site(asked: "SitingGround", row: int, places: Places) -> dict[str, Any]:
    one = asked.sites.frame.iloc[row]
    ground = asked.ground
    house = None if one["building"] < 0 else ground.buildings.iloc[one["building"]]
    community = None if one["community"] < 0 else ground.communities.iloc[one["community"]]
    building_id = None if house is None else str(house["id"])
    grid = places.of_building.get(building_id) if building_id else None
    spot = f"{one['lon']:.5f}, {one['lat']:.5f}"
    return {
        "key": one["key"],
        "kind": one["kind"],
        "label": _text(one["name"]) or (spot if house is None else _label(house, places.quarters)),
        "name": _text(one["name"]) or (None if house is None else _text(house["name"])),
        "address": None if house is None else _text(house["address"]),
        "building_id": building_id,
        "building_code": None if house is None else _text(house["source_id"]),
        "community_code": None if community is None else str(community["code"]),
        "community_name": None if community is None else _text(community["name"]),
        "grid_code": grid or places.at(one["lon"], one["lat"]),
        "lon": round(float(one["lon"]), 7),
        "lat": round(float(one["lat"]), 7),
        "floor_area_m2": _known(one["floor_m2"], 2),
        "floor_stated": bool(one["floor_stated"]),
        "cost": _known(one["cost"], 2),
        "capacity": None if np.isnan(one["capacity"]) else int(one["capacity"]),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _known(value: float, digits: int) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)


def _swaps(asked: "SitingGround", result: "SitingResult", places: Places) -> list[dict[str, Any]]:
    first = len(asked.standing)
    told = []
    for rank, swap in enumerate(result.swaps, 1):
        change = swap.objective - result.objective
        hidden = _gives_away(asked, swap, result)
        told.append(
            {
                "rank": rank,
                "leave": str(asked.sites.frame["key"].iloc[swap.leave - first]),
                "enter": _site(asked, swap.enter - first, places),
                "objective": None if hidden else _number(swap.objective),
                "change": None if hidden else _number(change),
            }
        )
    return told


def _gives_away(asked: "SitingGround", swap: "Swap", result: "SitingResult") -> bool:
    """Return whether the difference of two answers is a small number of people."""
    counted = asked.order.objective in _PEOPLE_COUNTED and asked.order.people in SENSITIVE
    return counted and _small(asked, abs(swap.objective - result.objective))


def _uncovered(
    asked: "SitingGround", compared: _Compared, places: Places, withheld: "Mapping[str, bool]"
) -> dict[str, Any]:
    """Return who is still left out, buildings with most people first."""
    left = compared.after < 1
    houses = asked.buildings
    people = houses[asked.order.people].to_numpy(dtype=np.float64)
    missing = (1 - compared.after) * people
    rows = np.flatnonzero(left)
    rows = rows[np.lexsort((rows, -missing[rows]))]
    groups = {
        name: None
        if withheld[name]
        else _whole((1 - compared.after) @ houses[name].to_numpy(dtype=np.float64))
        for name in PEOPLE
    }
    return {
        "buildings": len(rows),
        "people": groups,
        "named": _buildings(asked, rows[:MOST_NAMED], compared, places),
    }


def _infeasible(
    asked: "SitingGround", result: "SitingResult", compared: _Compared, places: Places
) -> list[dict[str, Any]]:
    """Return the buildings that cannot be reached, where everybody was to be covered."""
    if _status(asked, result) != "infeasible":
        return []
    rows = np.asarray(result.unreachable if len(result.unreachable) else result.unreached)
    return _buildings(asked, rows[:MOST_NAMED], compared, places)


def _buildings(
    asked: "SitingGround", rows: "Ints", compared: _Compared, places: Places
) -> list[dict[str, Any]]:
    ground, walk = asked.ground, compared.walked_after
    reasons = unreached(asked.homes, walk)
    took = minutes(walk.cost_m, asked.order.speed_m_s)
    codes = dict(zip(ground.communities["id"], ground.communities["code"], strict=True))
    houses = asked.buildings.iloc[rows]
    counts = houses[list(PEOPLE)].to_numpy(dtype=np.int64)
    hidden = np.zeros(counts.shape, dtype=bool)
    for at, name in enumerate(PEOPLE):
        if name in SENSITIVE and len(rows):
            below = asked.order.suppress_below
            hidden[:, at] = small_counts.withheld(counts[:, at], below)
    spots = asked.homes.from_xy_m[rows]
    lonlat = _degrees(spots, asked)
    told = []
    for i, row in enumerate(rows):
        house, found = houses.iloc[i], walk.station[row] >= 0
        told.append(
            {
                "building_id": str(house["id"]),
                "label": _label(house, places.quarters),
                "building_code": _text(house["source_id"]),
                "name": _text(house["name"]),
                "address": _text(house["address"]),
                "community_code": codes.get(house["community_id"]),
                "grid_code": places.of_building.get(house["id"]),
                "lon": round(float(lonlat[i, 0]), 7),
                "lat": round(float(lonlat[i, 1]), 7),
                **{
                    name: None if hidden[i, at] else int(counts[i, at])
                    for at, name in enumerate(PEOPLE)
                },
                "suppressed": [name for at, name in enumerate(PEOPLE) if hidden[i, at]],
                "covered_share": round(float(compared.after[row]), 4),
                "distance_m": round(float(walk.distance_m[row]), 2) if found else None,
                "walk_minutes": round(float(took[row]), 1) if found else None,
                "reason": reasons[row],
            }
        )
    return told


def _degrees(xy_m: "Floats", asked: "SitingGround") -> "Floats":
    points = to_lonlat(shapely.points(xy_m), asked.ground.crs)
    return shapely.get_coordinates(points)
