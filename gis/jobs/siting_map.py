"""The map of a siting that is kept: the same place before and after, read, drawn and saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.walking_coverage import serving_on
from gis.i18n import code_label, counted_label, translate
from gis.jobs.siting import SitingJob, report_of
from gis.jobs.steps import Steps
from gis.jobs.walking_map import MapOrder, read_ground
from gis.network import nearest, within
from gis.services.siting_candidates import joined
from gis.services.siting_names import told_apart
from gis.services.siting_order import CAPACITATED
from gis.services.walking import WalkingGround, read_walking_ground
from maps.siting import Exchange, Nearest, SitingMapData, save_offline, siting_map
from maps.walking import Limit

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.network import Snapped
    from gis.scope import Scope
    from gis.services.siting_order import SitingOrder

    Bools = NDArray[np.bool_]


def save_siting_map(
    session: "Session",
    scope: "Scope",
    siting: "Row[Any]",
    order: MapOrder,
    path: Path,
    steps: Steps | None = None,
) -> SitingMapData:
    """Write the map of a siting to a file that opens without a network; return what it shows.

    Raises
    ------
    gis.errors.ConflictError
        The siting has not ended, or nothing came of it.
    gis.errors.InvalidInputError
        It chose no place, or there is no plan in effect or no road that one can walk along.
    gis.errors.DataSourceError
        The file cannot be written.
    """
    steps = steps or Steps()
    data = read_siting_map(session, scope, siting, order, steps)
    with steps.step("map"):
        chart = siting_map(
            data,
            language=order.language,
            tile_url=order.tile_url,
            tile_attribution=order.tile_attribution,
        )
        save_offline(chart, path)
    return data


def read_siting_map(
    session: "Session",
    scope: "Scope",
    siting: "Row[Any]",
    order: MapOrder,
    steps: Steps | None = None,
) -> SitingMapData:
    """Return what the map of a siting shows: its places, on the ground as the store has it now.

    Stations are those that stand on the day of the siting and offer its service. Hours of a week
    and limited room are left out, and the objective's label says so. A siting for one community
    shows, and counts, its buildings alone.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    siting
        The job: :func:`gis.jobs.siting.find_siting`.
    order
        How it is to look.
    steps
        Told the steps as they begin.
    """
    steps = steps or Steps()
    report, asked = report_of(siting), SitingJob.from_arguments(siting.arguments).order
    with steps.step("network"):
        ground = read_walking_ground(session, scope)
    with steps.step("read"):
        base = read_ground(session, scope, order, ground)
    candidates, row_of = _candidates(report)
    stands = serving_on(ground.stations, ground.station_services, asked.service, asked.as_of)
    standing = np.flatnonzero(stands.to_numpy())
    offers = ground.station_services
    doors = joined(ground.doors.take(standing), _doors(candidates, ground))
    first = len(standing)
    today = np.arange(len(doors)) < first
    proposed = today.copy()
    proposed[first:] = candidates["chosen"]
    counted = _counted(ground, asked)
    with steps.step("walks"):
        before, after = (
            _nearest(ground, doors, mask, asked, counted) for mask in (today, proposed)
        )
    proof = report["proof"]
    return SitingMapData(
        **base
        | {
            "buildings": base["buildings"].iloc[counted].reset_index(drop=True),
            "stations": ground.stations.iloc[standing].reset_index(drop=True),
            "station_services": offers[offers["service"] == asked.service],
        },
        service=asked.service,
        limit=_limit(asked),
        before=before,
        after=after,
        candidates=candidates,
        objective_label=_asked_for(asked, proof["counted_in"], order),
        objective=proof["objective"],
        bound=proof["bound"],
        proof=proof["status"],
        exchanges=[
            Exchange(row_of[swap["leave"]], row_of[swap["enter"]["key"]], swap["objective"])
            for swap in report["swaps"]
        ],
    )


def _candidates(report: Mapping[str, Any]) -> "tuple[gpd.GeoDataFrame, dict[str, int]]":
    """Return the chosen places and those that a swap takes, with the row of each key."""
    import geopandas as gpd

    named: dict[str, Mapping[str, Any]] = {}
    for place in (*report["sites"], *(swap["enter"] for swap in report["swaps"])):
        named.setdefault(place["key"], place)
    places = list(named.values())
    chosen = {site["key"] for site in report["sites"]}
    names = told_apart(report)
    frame = gpd.GeoDataFrame(
        {
            "key": list(named),
            "name": [names[key] for key in named],
            "chosen": [key in chosen for key in named],
        },
        geometry=gpd.points_from_xy([p["lon"] for p in places], [p["lat"] for p in places]),
        crs="EPSG:4326",
    )
    return frame, {key: row for row, key in enumerate(named)}


def _doors(candidates: "gpd.GeoDataFrame", ground: WalkingGround) -> "Snapped":
    """Return candidates on the network: buildings by their own door, the rest by their point."""
    row_of = {key: row for row, key in enumerate(ground.buildings["id"])}
    house = np.array([row_of.get(key, -1) for key in candidates["key"]], dtype=np.int64)
    points = candidates.geometry
    both = joined(ground.places(points.x.to_numpy(), points.y.to_numpy()), ground.homes)
    return both.take(np.where(house >= 0, len(candidates) + house, np.arange(len(candidates))))


def _counted(ground: WalkingGround, asked: "SitingOrder") -> "NDArray[np.int64]":
    """Return the rows of the buildings that the siting is for."""
    if asked.community is None:
        return np.arange(len(ground.buildings))
    own = ground.communities.loc[ground.communities["code"] == asked.community, "id"]
    return np.flatnonzero(ground.buildings["community_id"].isin(own))


def _nearest(
    ground: WalkingGround,
    doors: "Snapped",
    is_open: "Bools",
    asked: "SitingOrder",
    counted: "NDArray[np.int64]",
) -> Nearest:
    """Return the nearest open station of each building, in the measure of the siting's reach.

    The walk of least time is not always the shortest: who has an open station within reach is
    within reach, as in the siting, whichever walk takes less time.
    """
    by_distance = asked.unit == "m"
    homes = ground.homes.take(counted)
    walk = nearest(ground.graph, homes, doors, is_open)
    station = walk.station.astype(np.int64)
    metres = np.array(walk.distance_m if by_distance else walk.cost_m, dtype=float)
    rows = np.flatnonzero(is_open)
    limit = _limit(asked).metres
    pairs = within(
        ground.graph,
        homes,
        doors.take(rows),
        limit,
        by="distance" if by_distance else "cost",
    )
    cost = pairs.distance_m if by_distance else pairs.cost_m
    order = np.lexsort((pairs.station, cost, pairs.origin))
    origin, at = np.unique(pairs.origin[order], return_index=True)
    beyond = ~(metres[origin] <= limit)
    origin, best = origin[beyond], order[at[beyond]]
    station[origin], metres[origin] = rows[pairs.station[best]], cost[best]
    metres[station < 0] = np.nan
    return Nearest(station, metres)


def _limit(asked: "SitingOrder") -> Limit:
    value = int(asked.radius) if float(asked.radius).is_integer() else asked.radius
    return Limit("walking", asked.unit, value, None if asked.unit == "m" else asked.group)


def _asked_for(asked: "SitingOrder", counted: str, order: MapOrder) -> str:
    """Return what the siting aimed at, and what of it the map leaves out."""
    language = order.language
    said = [
        f"{code_label('objective', asked.objective, language)} ({counted_label(counted, language)})"
    ]
    if asked.community is not None:
        said.append(translate("one community alone", language))
    if asked.monday is not None:
        said.append(translate("the map leaves opening hours out", language))
    if asked.objective in CAPACITATED:
        said.append(translate("the map leaves limited room out", language))
    return "; ".join(said)
