"""What the indicators count: floor area, workers, leaders, posts filled, and people covered."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.coverage.indicators import Items, Tally
from gis.coverage.scenarios import in_service_on
from gis.coverage.shares import PEOPLE, check_index
from gis.frames.small_counts import SENSITIVE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Code of the indicator of service facilities' floor area.
FLOOR_AREA = "floor_area_per_100_households"
#: Stations that make up the service facilities of communities; partners' rooms are their own.
FACILITY_TIERS = ("hub", "center", "community", "quarter")
#: Posts whose holders count as community workers.
WORKER_ROLES = ("grid_leader", "grid_worker")
#: Posts that each grid is to have, by role and whether it is the B post of a pair.
POSTS_OF_A_GRID: Mapping[tuple[str, bool], int] = MappingProxyType(
    {("grid_leader", False): 1, ("grid_worker", False): 1, ("grid_worker", True): 1}
)


def people_tallies(
    buildings: "pd.DataFrame", covered: "Mapping[str, pd.Series[bool]]"
) -> list[Tally]:
    """Return the shares of people who are covered, per count of people and per kind of cover.

    Parameters
    ----------
    buildings
        Buildings with ``id``, ``community_id``, ``grid_id`` and their counts.
    covered
        Whether each building is covered, on its index, by a name such as ``canteen_500_m``.

    Returns
    -------
    list of Tally
        ``{count}_covered:{name}`` for each count of :data:`gis.coverage.shares.PEOPLE`.
    """
    out = []
    for name, is_covered in covered.items():
        check_index(buildings, **{name: is_covered})
        near = is_covered.to_numpy(dtype=bool)
        for count in PEOPLE:
            people = buildings[count].to_numpy(dtype=float)
            out.append(
                Tally(
                    f"{count}_covered:{name}",
                    _buildings(buildings, np.where(near, people, 0.0)),
                    _buildings(buildings, people),
                    sensitive=count in SENSITIVE,
                )
            )
    return out


def facilities_in_use(
    stations: "pd.DataFrame", day: date, *, tiers: Sequence[str] = FACILITY_TIERS
) -> "pd.Series[bool]":
    """Return which stations are service facilities that are in service on the day, for good."""
    lasting = stations["tier"].isin(tiers) & ~stations["temporary"].astype(bool)
    return lasting & in_service_on(stations, day)


def floor_area_tally(
    buildings: "pd.DataFrame",
    stations: "pd.DataFrame",
    day: date,
    *,
    tiers: Sequence[str] = FACILITY_TIERS,
) -> Tally:
    """Return the floor area of service facilities per 100 households, for communities and above.

    Stations that are not in service on the day, stations for a time, and those whose area nobody
    stated add nothing; of a community with facilities none of whose areas is stated nothing is
    known.
    """
    in_use = facilities_in_use(stations, day, tiers=tiers)
    area = stations["floor_area_m2"].astype(float).fillna(0.0)
    nothing = np.full(len(stations), None, dtype=object)
    stated = stations["floor_area_m2"].notna()
    home = stations["community_id"]
    unknown = set(home[in_use].dropna()) - set(home[in_use & stated].dropna())
    facilities = Items(
        "stations",
        _texts(stations["id"]),
        nothing,
        _texts(stations["community_id"]),
        np.asarray(area.where(in_use, 0.0), dtype=float),
    )
    return Tally(
        FLOOR_AREA,
        facilities,
        _buildings(buildings, buildings["households"].to_numpy(dtype=float)),
        unit="m2_per_100_households",
        scale=100.0,
        kinds=("community", "subdistrict"),
        unknown=frozenset(str(key) for key in unknown),
    )


def post_tallies(
    buildings: "pd.DataFrame",
    units: "pd.DataFrame",
    posts: "pd.DataFrame",
    grids: Mapping[str, str],
    day: date,
) -> list[Tally]:
    """Return workers per 10,000 residents, leaders of buildings and units, and posts filled.

    Parameters
    ----------
    buildings
        Buildings with ``id``, ``community_id``, ``grid_id`` and their counts. Residents of the
        buildings stand for the urban permanent residents of the target.
    units
        Units with ``id``, ``building_id``, ``households``.
    posts
        Posts by their contract.
    grids
        Community of each grid, by key.
    day
        Posts count that are in force on it.

    Returns
    -------
    list of Tally
        ``workers_per_10000_residents`` (a person counts once, where
        the first post of the token is),
        ``building_leader_coverage`` (of the buildings where people live), ``unit_leader_coverage``
        (of the units), ``posts_filled`` (of :data:`POSTS_OF_A_GRID`; who is too many fills none).
    """
    in_force = posts[_in_force(posts, day)]
    return [
        _workers(buildings, in_force, grids),
        _building_leaders(buildings, in_force),
        _unit_leaders(buildings, units, in_force),
        _posts_filled(in_force, grids),
    ]


def _workers(buildings: "pd.DataFrame", posts: "pd.DataFrame", grids: Mapping[str, str]) -> Tally:
    own = posts[posts["role"].isin(WORKER_ROLES) & posts["grid_id"].isin(list(grids))]
    own = own.sort_values(["person_token", "backup", "id"], kind="stable")
    own = own.drop_duplicates("person_token")
    workers = _posts(own, grids, np.ones(len(own)))
    return Tally(
        "workers_per_10000_residents",
        workers,
        _buildings(buildings, buildings["residents"].to_numpy(dtype=float)),
        unit="workers_per_10000_residents",
        scale=10_000.0,
        kinds=("community", "subdistrict"),
    )


def _building_leaders(buildings: "pd.DataFrame", posts: "pd.DataFrame") -> Tally:
    led = buildings["id"].isin(posts.loc[posts["role"] == "building_leader", "building_id"])
    lived_in = _ones_where(buildings["households"] > 0)
    return Tally(
        "building_leader_coverage",
        _buildings(buildings, np.where(led, lived_in, 0.0)),
        _buildings(buildings, lived_in),
    )


def _unit_leaders(buildings: "pd.DataFrame", units: "pd.DataFrame", posts: "pd.DataFrame") -> Tally:
    led = units["id"].isin(posts.loc[posts["role"] == "unit_leader", "unit_id"])
    lived_in = _ones_where(units["households"] > 0)
    home = buildings.set_index("id")[["grid_id", "community_id"]]
    areas = home.reindex(units["building_id"].to_numpy())
    grid, community = _texts(areas["grid_id"]), _texts(areas["community_id"])
    ids = _texts(units["id"])
    return Tally(
        "unit_leader_coverage",
        Items("units", ids, grid, community, np.where(led, lived_in, 0.0)),
        Items("units", ids, grid, community, lived_in),
    )


def _posts_filled(posts: "pd.DataFrame", grids: Mapping[str, str]) -> Tally:
    import pandas as pd

    filled = []
    for (role, backup), needed in POSTS_OF_A_GRID.items():
        own = posts[
            (posts["role"] == role)
            & (posts["backup"] == backup)
            & posts["grid_id"].isin(list(grids))
        ].sort_values("id")
        filled.append(own[own.groupby("grid_id").cumcount() < needed])
    chosen = pd.concat(filled).sort_values("id")
    keys = np.array(sorted(grids), dtype=object)
    homes = np.array([grids[key] for key in keys], dtype=object)
    wanted = np.full(len(keys), float(sum(POSTS_OF_A_GRID.values())))
    return Tally(
        "posts_filled",
        _posts(chosen, grids, np.ones(len(chosen))),
        Items("grids", keys, keys, homes, wanted),
    )


def _buildings(buildings: "pd.DataFrame", amount: "NDArray[np.float64]") -> Items:
    return Items(
        "buildings",
        _texts(buildings["id"]),
        _texts(buildings["grid_id"]),
        _texts(buildings["community_id"]),
        np.asarray(amount, dtype=float),
    )


def _posts(posts: "pd.DataFrame", grids: Mapping[str, str], amount: "NDArray[np.float64]") -> Items:
    grid = _texts(posts["grid_id"])
    homes = np.array([grids[key] for key in grid], dtype=object)
    return Items("posts", _texts(posts["id"]), grid, homes, amount)


def _ones_where(condition: "pd.Series[bool]") -> "NDArray[np.float64]":
    return np.asarray(condition, dtype=float)


def _texts(values: "pd.Series[Any]") -> "NDArray[np.object_]":
    found = values.astype(object)
    return np.asarray(found.where(found.notna(), None).to_numpy(), dtype=object)


def _in_force(posts: "pd.DataFrame", day: date) -> "pd.Series[bool]":
    begun = posts["active_from"].map(lambda first: first is None or first <= day)
    ended = posts["active_to"].map(lambda last: last is not None and last <= day)
    return begun.astype(bool) & ~ended.astype(bool)
