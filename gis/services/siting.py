"""Where the next stations should go: an order becomes a problem on the walking network.

Reading, solving and telling are apart, so that no transaction is open while it is solved.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting import (
    Candidates,
    CostTable,
    Limits,
    SitingOptions,
    SitingProblem,
    equity_of_groups,
    solve_siting,
)
from gis.coverage.walking_coverage import on_the_spot, serving_on
from gis.errors import InvalidInputError
from gis.network import minutes, within
from gis.services.opening import read_calendar
from gis.services.siting_candidates import candidate_sites, community_row, joined, too_many
from gis.services.siting_hours import periods_of
from gis.services.siting_order import CAPACITATED
from gis.services.walking import read_walking_ground

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.coverage.siting import SitingProgress, SitingResult
    from gis.network import PairTable, Snapped
    from gis.scope import Scope
    from gis.services.siting_candidates import Sites
    from gis.services.siting_hours import Periods
    from gis.services.siting_order import SitingOrder
    from gis.services.walking import WalkingGround

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: Objectives for which nobody beyond the radius counts: no farther walk is reckoned.
_WITHIN_RADIUS = ("lscp", "mclp", "capacitated_mclp")
#: Pairs of a building and a candidate beyond which an order is refused, for memory.
MOST_PAIRS = 30_000_000


@dataclass(frozen=True, eq=False)
class SitingGround:
    """Everything that an order is solved on; candidates are stations that stand, then sites.

    Parameters
    ----------
    order
        What was asked.
    ground
        Buildings and stations on the network.
    demand
        Rows of the buildings where somebody is counted.
    standing
        Rows of the stations that stand and offer the service.
    off_network
        Keys of further stations that do, but that no road is near: they serve nobody on foot.
    sites
        Where new ones may stand.
    pairs
        Walks between rows of ``demand`` and candidates.
    periods
        Hours, one column without a week.
    calendar
        ``verified``, or ``unverified`` where the holidays of the year of the week, else of the
        day, are not known.
    """

    order: "SitingOrder"
    ground: "WalkingGround"
    demand: "Ints"
    standing: "Ints"
    off_network: tuple[str, ...]
    sites: "Sites"
    pairs: "PairTable"
    periods: "Periods"
    calendar: str

    @property
    def doors(self) -> "Snapped":
        """Candidates on the network."""
        return joined(self.ground.doors.take(self.standing), self.sites.doors)

    @property
    def homes(self) -> "Snapped":
        """Rows of demand on the network."""
        return self.ground.homes.take(self.demand)

    @property
    def buildings(self) -> "pd.DataFrame":
        """The buildings of the rows of demand."""
        houses: pd.DataFrame = self.ground.buildings.iloc[self.demand]
        return houses

    @property
    def cost(self) -> "Floats":
        """Cost of each pair, in the unit of the order."""
        if self.order.unit == "min":
            return minutes(self.pairs.cost_m, self.order.speed_m_s)
        return self.pairs.distance_m

    def covered(self, is_open: "Bools") -> "Floats":
        """Return for what part of all hours each row of demand has an open station in reach."""
        near = self.cost <= self.order.radius
        near &= is_open[self.pairs.station]
        origin, station = self.pairs.origin[near], self.pairs.station[near]
        part = np.zeros(len(self.demand))
        for share, serving in zip(self.periods.share, self.periods.serving.T, strict=True):
            reached = np.zeros(len(self.demand), dtype=bool)
            reached[origin[serving[station]]] = True
            part += share * reached
        return np.where(part > 1 - 1e-9, 1.0, part)


def prepare(
    session: "Session",
    scope: "Scope",
    order: "SitingOrder",
    *,
    keep: bool = False,
    progress: "Callable[[str], object] | None" = None,
) -> SitingGround:
    """Read everything that an order needs, and reckon the walks; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    order
        What is asked.
    keep
        Store a walking network that is not stored yet.
    progress
        Told ``read``, ``network`` and ``places`` as each begins.

    Raises
    ------
    gis.errors.InvalidInputError
        There are no communities, roads, people or candidates.
    gis.errors.NotFoundError
        A community or a place is not there.
    """
    ground = read_walking_ground(session, scope, keep=keep, progress=progress)
    demand = _demand(ground, order)
    serving = serving_on(ground.stations, ground.station_services, order.service, order.as_of)
    chosen = np.flatnonzero(serving.to_numpy())
    on = ground.doors.edge[chosen] >= 0
    off = tuple(str(key) for key in ground.stations["id"].iloc[chosen[~on]])
    sites = candidate_sites(session, scope, ground, order)
    calendar = read_calendar(session, scope)
    periods = periods_of(session, scope, ground, order, calendar, chosen[on], len(sites.frame))
    doors = joined(ground.doors.take(chosen[on]), sites.doors)
    first = order.monday or order.as_of
    last = first if order.monday is None else first + timedelta(days=6)
    known = {first.year, last.year} <= calendar.years
    return SitingGround(
        order=order,
        ground=ground,
        demand=demand,
        standing=chosen[on],
        off_network=off,
        sites=sites,
        pairs=_pairs(ground, ground.homes.take(demand), doors, order),
        periods=periods,
        calendar="verified" if known else "unverified",
    )


def _demand(ground: "WalkingGround", order: "SitingOrder") -> "Ints":
    lived_in = ground.buildings[order.people].to_numpy() > 0
    where = ""
    if order.community is not None:
        own = ground.communities["id"].iloc[community_row(ground, order.community)]
        lived_in &= ground.buildings["community_id"].eq(own).to_numpy()
        where = f" in the community {order.community}"
    if not lived_in.any():
        raise InvalidInputError(
            f"Nobody is to be served: no building{where} has {order.people}.",
            remedy="Import buildings with counts of people, or count others.",
            field="people",
        )
    return np.flatnonzero(lived_in)


def _pairs(
    ground: "WalkingGround", homes: "Snapped", doors: "Snapped", order: "SitingOrder"
) -> "PairTable":
    """Return the walks that can matter: within the radius, or also those within the limit."""
    in_minutes = order.unit == "min"
    reach = order.radius * 60 * order.speed_m_s if in_minutes else order.radius
    if order.objective not in _WITHIN_RADIUS:
        reach = max(reach, order.limit_m)
    pairs = within(ground.graph, homes, doors, reach, by="cost" if in_minutes else "distance")
    if len(pairs) > MOST_PAIRS:
        raise InvalidInputError(
            f"There are {len(pairs):,} pairs of a building and a candidate, more than "
            f"{MOST_PAIRS:,}.",
            remedy="Take fewer candidates (most_candidates), or a smaller limit_m.",
            field="most_candidates",
        )
    return pairs


def problem_of(asked: SitingGround) -> SitingProblem:
    """Return the problem of an order; what is fixed stands already, unless it is all there is.

    Raises
    ------
    gis.errors.InvalidInputError
        There are more stations to place than candidates, capacities are missing, or what is fixed
        breaks a limit.
    """
    order, sites = asked.order, asked.sites
    fixed = sites.rows_of(order.fixed)
    standing = np.zeros(len(asked.standing) + len(sites.frame), dtype=bool)
    standing[: len(asked.standing)] = True
    limits = _limits(asked, fixed)
    if not all_fixed(asked):
        standing[len(asked.standing) + fixed] = True
    people = asked.buildings[order.people].to_numpy(dtype=np.float64)
    by_period = people[:, None] * asked.periods.share
    weekly = order.monday is not None
    pairs = asked.pairs
    return SitingProblem(
        people=by_period if weekly else people,
        candidates=Candidates(
            number=len(standing),
            existing=standing,
            site_cost=_of_sites(asked, "cost", needed=order.budget is not None),
            floor_m2=_of_sites(asked, "floor_m2", needed=_asks_for_floor(order)),
            xy_m=np.vstack([_standing_xy(asked), sites.xy_m]),
            capacity=_capacities(asked) if order.objective in CAPACITATED else None,
            serving=asked.periods.serving if weekly else None,
        ),
        costs=_costs(asked, pairs, fixed),
        limits=limits,
        equity=_equity(asked),
        penalty_cost=_penalty(order),
    )


def _penalty(order: "SitingOrder") -> float:
    """Return what it costs to reach no station: twice the farthest walk that is reckoned."""
    limit = order.limit_m
    if order.unit == "min":
        limit = float(minutes(limit, order.speed_m_s))
    return 2 * max(order.radius, limit)


def all_fixed(asked: SitingGround) -> bool:
    """Return whether nothing is left to choose: as many places are fixed as are asked for."""
    return asked.order.count is not None and len(set(asked.order.fixed)) == asked.order.count


def _costs(asked: SitingGround, pairs: "PairTable", fixed: "Ints") -> CostTable:
    first = len(asked.standing)
    may = np.ones(first + len(asked.sites.frame), dtype=bool)
    if all_fixed(asked):  # nobody else may be chosen
        may[first:] = False
        may[first + fixed] = True
    keep = may[pairs.station]
    return CostTable(pairs.origin[keep], pairs.station[keep], asked.cost[keep])


def _limits(asked: SitingGround, fixed: "Ints") -> Limits:
    """Return the limits of what is left to choose once the fixed ones stand."""
    order, sites = asked.order, asked.sites.frame
    _check_fixed(asked, fixed)
    limits = Limits(
        count=order.count,
        budget=order.budget,
        least_floor_m2=order.least_floor_m2,
        total_floor_m2=order.total_floor_m2,
        spacing_m=order.spacing_m,
    )
    free = len(sites) - len(fixed)
    if order.count is not None and order.count - len(fixed) > free:
        raise too_many(order.count, len(sites))
    if not len(fixed) or all_fixed(asked):
        return limits
    spent = float(sites["cost"].iloc[fixed].sum())
    return replace(
        limits,
        count=None if order.count is None else order.count - len(fixed),
        budget=None if order.budget is None else order.budget - spent,
        total_floor_m2=max(0.0, order.total_floor_m2 - float(sites["floor_m2"].iloc[fixed].sum())),
    )


def _check_fixed(asked: SitingGround, fixed: "Ints") -> None:
    order, sites = asked.order, asked.sites
    if order.budget is not None and sites.frame["cost"].iloc[fixed].sum() > order.budget:
        raise InvalidInputError(
            "The fixed places alone cost more than the budget.",
            remedy="Fix fewer, or raise the budget.",
            field="budget",
        )
    if not order.spacing_m:
        return
    for row in fixed:
        others = np.vstack([_standing_xy(asked), sites.xy_m[fixed[fixed != row]]])
        away = np.linalg.norm(others - sites.xy_m[row], axis=1)
        if (away < order.spacing_m).any():
            raise InvalidInputError(
                f"{sites.frame['key'].iloc[row]} is fixed, but {away.min():.0f} m from another "
                "station.",
                remedy="Fix another place, or lower spacing_m.",
                field="fixed",
            )


def _asks_for_floor(order: "SitingOrder") -> bool:
    return order.least_floor_m2 > 0 or order.total_floor_m2 > 0


def _of_sites(asked: SitingGround, name: str, *, needed: bool) -> "Floats | None":
    """Return a column of the candidates, 0 for those that stand; what is not known is refused."""
    values = asked.sites.frame[name].to_numpy(dtype=float)
    if not needed:
        values = np.nan_to_num(values)
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InvalidInputError(
            f"{name} of the candidate {asked.sites.frame['key'].iloc[row]} is not known.",
            remedy=f"Give {'site_cost' if name == 'cost' else name}, or one for each place.",
            field=name,
        )
    return np.concatenate([np.zeros(len(asked.standing)), values])


def _standing_xy(asked: SitingGround) -> "Floats":
    """Return where the stations that stand are, metres."""
    return np.asarray(asked.ground.doors.from_xy_m[asked.standing], dtype=np.float64)


def _capacities(asked: SitingGround) -> "Ints":
    offers = on_the_spot(asked.ground.station_services)
    offers = offers[offers["service"] == asked.order.service]
    stated = dict(zip(offers["station_id"], offers["capacity"], strict=True))
    keys = asked.ground.stations["id"].iloc[asked.standing]
    own = keys.map(stated).astype("Float64")
    if asked.order.existing_capacity is not None:
        own = own.fillna(asked.order.existing_capacity)
    if own.isna().any():
        name = asked.ground.stations["name"].iloc[asked.standing][own.isna().to_numpy()].iloc[0]
        raise InvalidInputError(
            f"{name} and {int(own.isna().sum()) - 1} other stations state no capacity for "
            f"{asked.order.service}.",
            remedy="State it, or give existing_capacity for those that lack it.",
            field="existing_capacity",
        )
    new = asked.sites.frame["capacity"].to_numpy(dtype=float)
    whole: Ints = np.rint(np.concatenate([own.to_numpy(dtype=float), new])).astype(np.int64)
    return whole


def _equity(asked: SitingGround) -> "Floats | None":
    if not asked.order.equity:
        return None
    houses = asked.buildings
    people = houses["residents"].to_numpy(dtype=float)
    households = np.maximum(houses["households"].to_numpy(dtype=float), 1)
    poor = houses["low_income_households"].to_numpy(dtype=float) / households * people
    groups = {
        "elderly": houses["elderly"].to_numpy(dtype=float),
        "children": houses["children"].to_numpy(dtype=float),
        "low_income": poor,
    }
    # A count that is larger than the building's residents weighs as much as all of them.
    within_all = {name: np.minimum(count, people) for name, count in groups.items()}
    return equity_of_groups(people, within_all, asked.order.equity)


def solve(
    asked: SitingGround,
    progress: "Callable[[SitingProgress], object] | None" = None,
    stop: "Callable[[], bool] | None" = None,
) -> "SitingResult":
    """Solve an order; the same for the same order, store and seed, unless it was stopped."""
    order = asked.order
    options = SitingOptions(
        objective=order.objective,  # type: ignore[arg-type] # checked by the order
        radius=order.radius,
        seconds=order.seconds,
        seed=order.seed,
        mix=order.mix,
    )
    return solve_siting(problem_of(asked), options, progress, stop)
