"""Where new stations may stand: buildings, points of interest or places that a planner names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis import frames
from gis.coverage.thinning import thin_out
from gis.coverage.verdicts import building_locations, lonlat_array
from gis.errors import InvalidInputError, NotFoundError
from gis.geometry.crs import to_projected
from gis.layers.buildings import Building
from gis.layers.communities import Community, lies_in
from gis.layers.pois import Poi
from gis.layers.queries import alive, count_of, read_layer, table_of
from gis.network import Snapped

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.services.siting_order import SitingOrder
    from gis.services.walking import WalkingGround

_COLUMNS = ("key", "kind", "name", "lon", "lat", "cost", "floor_m2", "capacity")
_WHERE = {
    "vacant": "building where nobody lives",
    "non_residential": "building of another use than living",
    "buildings": "building",
    "pois": "point of interest of these categories",
    "given": "place",
}


@dataclass(frozen=True, eq=False)
class Sites:
    """Candidates on the network.

    Parameters
    ----------
    frame
        A row each: ``key``, ``kind`` (building, poi, place), ``name``, ``lon``, ``lat``, ``cost``,
        ``floor_m2``, ``capacity`` (NaN: not known), ``floor_stated`` (not reckoned from the
        building), ``building`` and ``community`` (row of the
        ground it stands in, -1: none).
    doors
        Where they are on the network.
    xy_m
        ``(n, 2)`` metres.
    available
        How many there were before they were thinned out.
    off_network
        How many more no road is near.
    thinned_m
        No candidate that was left out is farther from a kept one; 0: none was.
    """

    frame: "pd.DataFrame"
    doors: Snapped
    xy_m: "NDArray[np.float64]"
    available: int
    off_network: int
    thinned_m: float

    def rows_of(self, keys: tuple[str, ...]) -> "NDArray[np.int64]":
        """Return the rows of candidates by key, ascending."""
        return np.flatnonzero(self.frame["key"].isin(keys).to_numpy())


def candidate_sites(
    session: "Session", scope: "Scope", ground: "WalkingGround", order: "SitingOrder"
) -> Sites:
    """Return the candidates of an order.

    Raises
    ------
    gis.errors.InvalidInputError
        There are none, or a fixed one is not among them or not on the network.
    gis.errors.NotFoundError
        A place is named by an id that neither a building nor a POI has.
    """
    found, doors = _found(session, scope, ground, order)
    found = _placed(found, ground, order)
    may = ~found["key"].isin(order.forbidden).to_numpy() & ~found["key"].duplicated().to_numpy()
    if order.community is not None:
        may &= found["community"].to_numpy() == community_row(ground, order.community)
    on = doors.edge >= 0
    _check(found[may & on], int((may & ~on).sum()), order)
    rows = np.flatnonzero(may & on)
    doors, found = doors.take(rows), found.iloc[rows].reset_index(drop=True)
    xy = _projected(found[["lon", "lat"]].to_numpy(dtype=float), ground)
    fixed = np.flatnonzero(found["key"].isin(order.fixed).to_numpy())
    keep, thinned = thin_out(xy, max(order.most_candidates, len(fixed)), kept=fixed)
    return Sites(
        found.iloc[keep].reset_index(drop=True),
        doors.take(keep),
        xy[keep],
        len(found),
        int((may & ~on).sum()),
        thinned,
    )


def _check(found: "pd.DataFrame", off_network: int, order: "SitingOrder") -> None:
    missing = sorted(set(order.fixed) - set(found["key"]))
    if missing:
        raise InvalidInputError(
            f"{missing[0]} must be a station, but is none of the candidates that a road is near.",
            remedy="Name the key of a candidate, as an answer tells it.",
            field="fixed",
        )
    if len(found):
        return
    what = _WHERE[order.candidates]
    raise InvalidInputError(
        f"There are no candidates to choose from: no {what} is near a road"
        + (f" ({off_network} are away from all roads)." if off_network else "."),
        remedy="Take other candidates (vacant, non_residential, buildings, pois) or name places.",
        field="candidates",
    )


def _found(
    session: "Session", scope: "Scope", ground: "WalkingGround", order: "SitingOrder"
) -> "tuple[pd.DataFrame, Snapped]":
    buildings = ground.buildings
    if order.candidates == "pois":
        pois = read_layer(session, scope, Poi, frames.POIS)
        if order.poi_categories:
            pois = pois[pois["category"].isin(order.poi_categories)]
        return _at_points(_rows("poi", pois, lonlat_array(pois.geometry)), ground)
    if order.candidates == "given":
        return _given(session, scope, ground, order)
    rows = np.flatnonzero(_wanted(buildings, order.candidates))
    chosen = buildings.iloc[rows]
    return _rows("building", chosen, lonlat_array(building_locations(chosen))), ground.homes.take(
        rows
    )


def _wanted(buildings: "gpd.GeoDataFrame", source: str) -> "NDArray[np.bool_]":
    if source == "vacant":
        empty = (buildings["households"] == 0) & (buildings["residents"] == 0)
        return np.asarray(empty, dtype=bool)
    if source == "non_residential":
        return np.asarray(buildings["use"] != "residential", dtype=bool)
    return np.ones(len(buildings), dtype=bool)


def _rows(kind: str, features: "gpd.GeoDataFrame", lonlat: "NDArray[np.float64]") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        {
            "key": features["id"].to_numpy(dtype=object),
            "kind": kind,
            "name": features["name"].to_numpy(dtype=object),
            "lon": lonlat[:, 0],
            "lat": lonlat[:, 1],
            **dict.fromkeys(("cost", "floor_m2", "capacity"), np.nan),
        },
        columns=list(_COLUMNS),
    )


def _given(
    session: "Session", scope: "Scope", ground: "WalkingGround", order: "SitingOrder"
) -> "tuple[pd.DataFrame, Snapped]":
    import pandas as pd

    named = [place.id for place in order.places if place.id is not None]
    buildings = ground.buildings[ground.buildings["id"].isin(named)]
    pois = read_layer(session, scope, Poi, frames.POIS) if named else None
    known = [_rows("building", buildings, lonlat_array(building_locations(buildings)))]
    if pois is not None:
        own = pois[pois["id"].isin(named)]
        known.append(_rows("poi", own, lonlat_array(own.geometry)))
    by_key: dict[str, dict[Any, Any]] = {
        one["key"]: one for frame in known for one in frame.to_dict("records")
    }
    rows: list[dict[str, Any]] = []
    for place in order.places:
        if place.id is not None and place.id not in by_key:
            raise NotFoundError(
                f"There is no building and no POI {place.id}.",
                remedy="Give the id of one, or lon and lat.",
                field="places",
            )
        told: dict[Any, Any] = {"key": place.key, "kind": "place"}
        told |= {"lon": place.lon, "lat": place.lat}
        own_facts = {
            name: getattr(place, name)
            for name in ("name", "cost", "floor_m2", "capacity")
            if getattr(place, name) is not None
        }
        rows.append((by_key[place.id] if place.id else told) | own_facts)
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = ["lon", "lat", "cost", "floor_m2", "capacity"]
    frame[numbers] = frame[numbers].astype(float)
    at, doors = _at_points(frame, ground)
    return at, _of_buildings(at, doors, ground)


def _of_buildings(frame: "pd.DataFrame", doors: Snapped, ground: "WalkingGround") -> Snapped:
    """Return the places on the network, buildings by their door or side as everywhere else."""
    row_of = {key: row for row, key in enumerate(ground.buildings["id"])}
    house = [row_of.get(key, -1) for key in frame["key"]]
    both = joined(doors, ground.homes)
    own = np.arange(len(doors))
    return both.take(np.where(np.array(house) >= 0, len(doors) + np.array(house), own))


def _at_points(frame: "pd.DataFrame", ground: "WalkingGround") -> "tuple[pd.DataFrame, Snapped]":
    return frame, ground.places(frame["lon"].to_numpy(), frame["lat"].to_numpy())


def _placed(found: "pd.DataFrame", ground: "WalkingGround", order: "SitingOrder") -> "pd.DataFrame":
    """Return candidates with the building and community they stand in, and what they cost."""
    points = np.asarray(shapely.points(found[["lon", "lat"]].to_numpy(dtype=float)), dtype=object)
    building = _host(points, ground.buildings)
    row_of = {key: row for row, key in enumerate(ground.buildings["id"])}
    own = found["key"].map(row_of).fillna(-1).to_numpy(dtype=np.int64)
    building = np.where(own >= 0, own, building)
    floor = _floors(ground, building)
    out = found.assign(building=building, community=_community_of(points, building, ground))
    out["floor_stated"] = out["floor_m2"].notna() | (order.floor_m2 is not None)
    if order.floor_m2 is not None:
        floor = np.full(len(found), order.floor_m2)
    out["floor_m2"] = out["floor_m2"].fillna(dict(enumerate(floor)))
    if order.site_cost is not None:
        out["cost"] = out["cost"].fillna(order.site_cost)
    if order.capacity is not None:
        out["capacity"] = out["capacity"].fillna(order.capacity)
    return out


def _host(points: "NDArray[np.object_]", polygons: "gpd.GeoDataFrame") -> "NDArray[np.int64]":
    """Return the row of the first polygon that each point lies in, -1: none."""
    host = np.full(len(points), -1, dtype=np.int64)
    at, row = shapely.STRtree(polygons.geometry.to_numpy()).query(points, predicate="intersects")
    order = np.lexsort((-row, at))
    host[at[order]] = row[order]
    return host


def _community_of(
    points: "NDArray[np.object_]", building: "NDArray[np.int64]", ground: "WalkingGround"
) -> "NDArray[np.int64]":
    row_of = {key: row for row, key in enumerate(ground.communities["id"])}
    of_building = ground.buildings["community_id"].map(row_of).fillna(-1).to_numpy(dtype=np.int64)
    around = _host(points, ground.communities)
    if not len(of_building):
        return around
    own = np.where(building >= 0, of_building[building], -1)
    return np.where(own >= 0, own, around)


def _floors(ground: "WalkingGround", building: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """Return footprint times storeys of the building of each candidate, NaN: in none."""
    floor = np.full(len(building), np.nan)
    inside = building >= 0
    houses = ground.buildings.iloc[building[inside]]
    shapes = to_projected(houses.geometry.to_numpy(), ground.crs)
    storeys = houses["floors"].astype("Float64").fillna(1).to_numpy(dtype=float)
    floor[inside] = shapely.area(shapes) * np.maximum(storeys, 1)
    return floor


def check_order(session: "Session", scope: "Scope", order: "SitingOrder") -> None:
    """Refuse an order that the store alone shows cannot be met, before a job is begun.

    Candidates are counted without a look at roads and vacancy: no more than these can be weighed.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such community.
    gis.errors.InvalidInputError
        More stations are asked for than there can be candidates.
    """
    if order.community is not None:
        known = table_of(Community).c.code == order.community
        if not count_of(session, scope, Community, known, alive(Community)):
            raise _no_community(order.community)
    if order.count is None:
        return
    there = min(_most(session, scope, order), max(order.most_candidates, len(set(order.fixed))))
    if order.count > there:
        raise too_many(order.count, there)


def _most(session: "Session", scope: "Scope", order: "SitingOrder") -> int:
    if order.candidates == "given":
        return len({place.key for place in order.places})
    if order.candidates == "pois":
        category = table_of(Poi).c.category
        wanted = [category.in_(order.poi_categories)] if order.poi_categories else []
        return count_of(session, scope, Poi, *wanted)
    home = table_of(Building).c.community_id
    inside = [] if order.community is None else [home.is_(None) | lies_in(home, order.community)]
    return count_of(session, scope, Building, alive(Building), *inside)


def too_many(count: int, there: int) -> InvalidInputError:
    """Return the error of an order for more stations than there are candidates."""
    return InvalidInputError(
        f"{count} new stations are asked for, but there are {there} candidates.",
        remedy=f"Ask for {there} at most, or give more candidates.",
        field="count",
    )


def _no_community(code: str) -> NotFoundError:
    return NotFoundError(
        f"There is no community {code}.", remedy="List the communities.", field="community"
    )


def community_row(ground: "WalkingGround", code: str) -> int:
    """Return the row of a community by its code.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    """
    rows = np.flatnonzero((ground.communities["code"] == code).to_numpy())
    if not len(rows):
        raise _no_community(code)
    return int(rows[0])


def _projected(lonlat: "NDArray[np.float64]", ground: "WalkingGround") -> "NDArray[np.float64]":
    points = to_projected(shapely.points(lonlat), ground.crs)
    return shapely.get_coordinates(points)


def joined(*parts: Snapped) -> Snapped:
    """Return the places of several, one after another."""
    names = ("edge", "along_m", "access_m", "xy_m", "from_xy_m", "barred")
    return Snapped(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
