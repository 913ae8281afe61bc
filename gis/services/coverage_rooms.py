"""What limited room means: who goes where, who is left out, and how much falls to a person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gis.coverage.capacity import place_pairs
from gis.coverage.shares import PEOPLE
from gis.coverage.shown_shares import withheld_within
from gis.errors import InvalidInputError
from gis.frames import small_counts
from gis.network import PairTable, minutes
from gis.services.coverage_asked import CoverageQuestion, Serving, serving
from gis.services.coverage_shares import OPEN_COUNTS, Areas

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.coverage.accessibility import Accessibility, Decay, Pairs
    from gis.coverage.capacity import RoomPlan
    from gis.scope import Scope
    from gis.services.walking import WalkingGround

Model = Literal["two_step", "three_step", "balanced", "shared", "rational_agents"]
MODELS: tuple[Model, ...] = ("two_step", "three_step", "balanced", "shared", "rational_agents")
DecayName = Literal["none", "zones", "gaussian", "epanechnikov", "exponential"]
DECAYS: tuple[DecayName, ...] = ("none", "zones", "gaussian", "epanechnikov", "exponential")
#: Access is told per so many people.
PER_PEOPLE = 1000


@dataclass(frozen=True, slots=True)
class RoomOrder:
    """Who wants the service, and how far they walk.

    Parameters
    ----------
    count
        Whose demand: households, residents, elderly …
    share
        Share of them who want it that day, above 0, up to 1.
    limit_min
        Farthest walk, minutes at the speed of the question.

    Raises
    ------
    gis.errors.InvalidInputError
        A value is out of range.
    """

    count: str = "residents"
    share: float = 1.0
    limit_min: float = 15.0

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if self.count not in PEOPLE:
            msg = f"There is no count {self.count!r}."
            raise InvalidInputError(msg, remedy=f"Use {', '.join(PEOPLE)}.", field="count")
        if not 0 < self.share <= 1:
            msg = f"The share of those who want the service is {self.share}."
            raise InvalidInputError(msg, remedy="Give a number above 0, up to 1.", field="share")
        if not 0 < self.limit_min < np.inf:
            msg = f"Nobody walks {self.limit_min} minutes."
            raise InvalidInputError(msg, remedy="Give minutes above 0.", field="limit_min")


def demand_of(buildings: "pd.DataFrame", order: RoomOrder) -> "pd.Series[int]":
    """Return whole people per building who want the service.

    Of a share, fractions are carried from building to building, so that the sum is right.
    """
    import pandas as pd

    upto = np.floor(np.cumsum(buildings[order.count].to_numpy(dtype=float)) * order.share + 0.5)
    wanted = np.diff(upto, prepend=0.0).astype(np.int64)
    return pd.Series(wanted, index=buildings.index, name=order.count)


def room_of(ground: "WalkingGround", service: str, who: Serving) -> "pd.Series[int]":
    """Return how many people each station takes a day: 0 does not serve, NA states no limit."""
    offers = ground.station_services[ground.station_services["service"] == service]
    stated = dict(zip(offers["station_id"], offers["capacity"], strict=True))
    room = ground.stations["id"].map(stated).astype("Float64").astype("Int64")
    found: pd.Series[int] = room.where(who.mask, 0)
    return found


@dataclass(frozen=True, eq=False)
class Rooms:
    """Who goes where, as people may see it.

    Parameters
    ----------
    serving
        Which stations count.
    plan
        Everything; counts of few people included.
    demand
        People who want the service.
    placed
        Of these, people who find room within the limit.
    mean_minutes
        Walk of those who are placed; ``None``: nobody is.
    """

    serving: Serving
    plan: "RoomPlan"
    demand: int
    placed: int
    mean_minutes: float | None


def place(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    question: CoverageQuestion,
    order: RoomOrder,
) -> Rooms:
    """Return who goes to which station, each taking the people of its stated capacity a day.

    As many people as possible find room within the limit; of all ways to do that, the one in which
    they walk least together.

    Raises
    ------
    gis.errors.InvalidInputError
        No service is named.
    """
    service = named(question)
    who = serving(session, scope, ground, question)
    demand = demand_of(ground.buildings, order)
    speed = question.options.speed_m_s
    # Whose nearest station is full goes on; one that does not serve is nobody's nearest.
    near = ground.walked.pairs(order.limit_min * 60 * speed)
    keep = who.mask.to_numpy()[near.station]
    pairs = PairTable(
        near.origin[keep], near.station[keep], near.distance_m[keep], near.cost_m[keep]
    )
    room = room_of(ground, service, who)
    plan = place_pairs(ground.walked.buildings, ground.walked.stations, demand, room, pairs)
    placed = int(plan.placements["people"].sum())
    mean = float(minutes(plan.cost_m / placed, speed)) if placed else None
    return Rooms(who, plan, int(demand.sum()), placed, mean)


def named(question: CoverageQuestion) -> str:
    """Return the service of a question that cannot be about any service.

    Raises
    ------
    gis.errors.InvalidInputError
        It names none.
    """
    if question.service is None:
        raise InvalidInputError(
            "Capacity is of one service, and none is named.",
            remedy="Name one: service=canteen.",
            field="service",
        )
    return question.service


def shown(value: Any, count: str, below: int) -> int | None:  # noqa: ANN401 - a number or NA
    """Return a number of people, ``None`` if it is missing or too small to be shown."""
    import pandas as pd

    if pd.isna(value) or (count not in OPEN_COUNTS and 0 < value < below):
        return None
    return int(value)


def told_rooms(
    ground: "WalkingGround",
    rooms: Rooms,
    question: CoverageQuestion,
    order: RoomOrder,
    below: int,
) -> dict[str, Any]:
    """Return who goes where as people see it: names, minutes, small counts withheld."""
    speed = question.options.speed_m_s
    plan, count = rooms.plan, order.count
    names = dict(zip(ground.stations["id"], ground.stations["name"], strict=True))
    serving = set(ground.stations["id"][rooms.serving.mask])
    stations = [
        {
            "station_id": station,
            "name": names[station],
            "room": shown(row["room"], "households", below),
            "free": shown(row["free"], count, below),
            **{n: shown(row[n], count, below) for n in ("people", "nearest_to")},
            **{n: shown(row[n], count, below) for n in ("sent_on", "taken_in")},
        }
        for station, row in plan.stations.iterrows()
        if station in serving
    ]
    spill = [
        {
            "from_station_id": row["from_station_id"],
            "to_station_id": row["to_station_id"],
            "people": shown(row["people"], count, below),
            "mean_further_min": _minutes(row["mean_further_m"], speed),
            "most_further_min": _minutes(row["most_further_m"], speed),
        }
        for row in plan.spill.to_dict("records")
    ]
    left = plan.left_out.groupby("reason")["people"].sum()
    mean = rooms.mean_minutes
    return {
        "demand": shown(rooms.demand, count, below),
        "placed": shown(rooms.placed, count, below),
        "mean_minutes": None if mean is None else round(mean, 1),
        "gap_m": round(plan.gap_m, 2),
        "left_out": [
            {"reason": str(why), "people": shown(people, count, below)}
            for why, people in left.items()
        ],
        "stations": stations,
        "spill": spill,
    }


def _minutes(metres: float, speed_m_s: float) -> float:
    return round(float(minutes(metres, speed_m_s)), 1)


@dataclass(frozen=True, slots=True)
class AccessOrder:
    """How access is modelled.

    Parameters
    ----------
    model
        Two-step floating catchment, its three-step and balanced variants, or rational agents.
    decay
        How a walk weighs: not at all within the limit, in three zones, or along a curve. Rational
        agents weigh walks themselves.
    """

    model: Model = "two_step"
    decay: DecayName = "none"

    def __post_init__(self) -> None:
        """Refuse a decay that would do nothing.

        Raises
        ------
        gis.errors.InvalidInputError
            Rational agents are given one.
        """
        if self.model == "rational_agents" and self.decay != "none":
            raise InvalidInputError(
                "Rational agents weigh walks themselves.", remedy="Leave decay out.", field="decay"
            )


@dataclass(frozen=True, eq=False)
class Access:
    """How much of the stations' capacity falls to a person.

    Parameters
    ----------
    serving
        Which stations count.
    access
        Per building: capacity per person (floating catchments), or one over the cost (rational
        agents); 0 where no station is in reach.
    demand
        People per building.
    wanted, capacity
        People who want each station, and its capacity, on the index of the stations.
    unstated
        Stations that serve without a stated capacity: nothing can be shared out of them.
    """

    serving: Serving
    access: "NDArray[np.float64]"
    demand: "pd.Series[int]"
    wanted: "NDArray[np.float64]"
    capacity: "NDArray[np.float64]"
    unstated: Sequence[str]


def access_to(
    session: "Session",
    scope: "Scope",
    ground: "WalkingGround",
    question: CoverageQuestion,
    order: RoomOrder,
    how: AccessOrder,
) -> Access:
    """Return how much of a service's capacity falls to each person within the limit.

    Raises
    ------
    gis.errors.InvalidInputError
        No service is named.
    """
    from gis.coverage.accessibility import Pairs

    service = named(question)
    who = serving(session, scope, ground, question)
    demand = demand_of(ground.buildings, order)
    room = room_of(ground, service, who)
    unstated = [str(one) for one in ground.stations["id"][room.isna()]]
    capacity = np.asarray(room.fillna(0), dtype=np.float64)
    speed = question.options.speed_m_s
    near = ground.walked.pairs(order.limit_min * 60 * speed)
    serves = capacity[near.station] > 0
    pairs = Pairs(
        near.origin[serves].astype(np.int32),
        near.station[serves].astype(np.int32),
        minutes(near.cost_m[serves], speed),
        len(ground.buildings),
        len(ground.stations),
    )
    found = _modelled(pairs, np.asarray(demand, dtype=np.float64), capacity, order.limit_min, how)
    return Access(who, found[0], demand, found[1], capacity, unstated)


def _modelled(
    pairs: "Pairs",
    people: "NDArray[np.float64]",
    capacity: "NDArray[np.float64]",
    limit: float,
    how: AccessOrder,
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Return access per demand, and people who want each station."""
    from gis.coverage import accessibility

    if how.model == "rational_agents":
        from gis.coverage.rational_agents import rational_agents

        agents = rational_agents(pairs, people, capacity, tau=limit)
        return agents.access, agents.crowd
    model: Callable[..., Accessibility] = getattr(accessibility, how.model)
    found = model(pairs, people, capacity, _decay(how.decay, limit))
    return found.access, found.demand


def _decay(name: DecayName, limit: float) -> "Decay | None":
    from gis.coverage import accessibility as a

    made: dict[str, Callable[[], Decay]] = {
        "zones": lambda: a.stepwise(
            dict(zip((limit / 3, 2 * limit / 3, limit), a.LUO_QI_WEIGHTS, strict=True))
        ),
        "gaussian": lambda: a.gaussian_to_zero(limit),
        "epanechnikov": lambda: a.epanechnikov(limit),
        "exponential": lambda: a.exponential(limit / 3, limit),
    }
    return None if name == "none" else made[name]()


@dataclass(frozen=True, slots=True)
class AreaAccess:
    """Access of an area: of its people the mean, and the share who have none.

    Parameters
    ----------
    id, code, name
        Which.
    people
        Who want the service; ``None``: withheld.
    access
        Mean over people, per 1,000 people for floating catchments; ``None``: nobody wants it.
    without
        Share of people with no station in reach; ``None``: withheld, or nobody wants it.
    """

    id: str | None
    code: str | None
    name: str | None
    people: int | None
    access: float | None
    without: float | None


def area_access(
    found: Access, areas: Areas, order: RoomOrder, how: AccessOrder, below: int
) -> list[AreaAccess]:
    """Return the access of each area, in their order."""
    scale = 1.0 if how.model == "rational_agents" else float(PER_PEOPLE)
    people = found.demand.to_numpy(dtype=float)
    inside = [(areas.of == key).to_numpy() for key in areas.table["id"]]
    total = np.array([people[own].sum() for own in inside], dtype=np.int64)
    none = np.array([people[own & (found.access == 0)].sum() for own in inside], dtype=np.int64)
    small, hidden = np.zeros((2, len(inside)), dtype=bool)
    for at in areas.groups if order.count not in OPEN_COUNTS else ():
        small[at] = small_counts.withheld(total[at], below)
        hidden[at] = withheld_within([none[at]], total[at], below)[0]
    table = areas.table[["id", "code", "name"]].astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    return [
        AreaAccess(
            None if areas.whole else area["id"],
            area["code"],
            area["name"],
            None if small[at] else int(total[at]),
            round(float(found.access[own] @ people[own]) * scale / int(total[at]), 4)
            if total[at]
            else None,
            None if hidden[at] or not total[at] else round(int(none[at]) / int(total[at]), 4),
        )
        for at, (area, own) in enumerate(zip(rows, inside, strict=True))
    ]


def told_access(
    ground: "WalkingGround", found: Access, order: RoomOrder, how: AccessOrder, below: int
) -> dict[str, Any]:
    """Return the stations of an answer about access, those that state no capacity, and its unit."""
    agents = how.model == "rational_agents"
    chosen = np.flatnonzero(found.capacity > 0)
    return {
        "scale": "one over the cost" if agents else f"capacity a day per {PER_PEOPLE} people",
        "without_capacity": found.unstated,
        "stations": [
            {
                "station_id": str(ground.stations["id"].iloc[row]),
                "name": str(ground.stations["name"].iloc[row]),
                "capacity": float(found.capacity[row]),
                "wanted": None
                if shown(found.wanted[row], order.count, below) is None
                else round(float(found.wanted[row]), 1),
            }
            for row in chosen
        ],
    }
