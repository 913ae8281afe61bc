"""The indicators of a day measured from the store: a run of coverage, and the rows behind it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.coverage.indicators import Areas, IndicatorTable, Tally, indicator_table
from gis.coverage.shares import PEOPLE
from gis.coverage.tallies import floor_area_tally, people_tallies, post_tallies
from gis.coverage.verdicts import check_threshold
from gis.coverage.walking_coverage import WalkOptions, on_the_spot, serving_on
from gis.errors import InvalidInputError, NotFoundError
from gis.layers import coverage_runs, divisions
from gis.layers.buildings import BuildingUnit
from gis.layers.overview import data_version
from gis.layers.posts import Post
from gis.layers.queries import read_layer, there_are
from gis.layers.roads import Road
from gis.services.coverage_asked import METHODS, CoverageQuestion, Method
from gis.services.coverage_by_walking import judged
from gis.services.coverage_shares import read_areas
from gis.services.locating import local_day
from gis.services.walking import WalkingGround, read_places, read_walking_ground

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.services.coverage_shares import Areas as Divided
    from gis.services.walking import Places

#: Any service at all, as it stands in the code of an indicator.
ANY = "any"
#: Each threshold multiplies what is stored for each day; maps ask for others when they need them.
USUAL_METRES, USUAL_MINUTES = (500.0,), (15.0,)
#: Things of one run: services times thresholds.
_MOST = 64


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a run of coverage measures.

    Parameters
    ----------
    timezone
        IANA name of the zone of the place.
    as_of
        The day; today if it is left out. Buildings are those that stand now; stations are those
        in service on the day, planned ones from their first.
    services
        Codes, or ``any``; empty: any, and each that some station offers on the spot.
    metres, minutes
        Thresholds along the way.
    speed
        Whose speed the minutes are at.
    method
        ``walking`` or ``straight_line``; ``None``: on foot if there are roads.

    Raises
    ------
    gis.errors.InvalidInputError
        A service, speed or method is unknown, a threshold is not positive, or there are too many.
    """

    timezone: str
    as_of: date | None = None
    services: tuple[str, ...] = ()
    metres: tuple[float, ...] = USUAL_METRES
    minutes: tuple[float, ...] = USUAL_MINUTES
    speed: str = "adult"
    method: Method | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        unknown = [one for one in self.services if one not in {ANY, *frames.SERVICES}]
        if unknown:
            raise InvalidInputError(
                f"No service is called {unknown[0]!r}.",
                remedy=f"Use {ANY}, or one of {', '.join(frames.SERVICES)}.",
                field="services",
            )
        if self.method is not None and self.method not in METHODS:
            raise InvalidInputError(
                f"Coverage is not measured by {self.method!r}.",
                remedy=f"Use one of {', '.join(METHODS)}.",
                field="method",
            )
        for threshold in (*self.metres, *self.minutes):
            check_threshold(threshold)
        thresholds = len(self.metres) + len(self.minutes)
        services = len(self.services) or 1 + len(frames.SERVICES)
        if not 0 < thresholds * services <= _MOST:
            raise InvalidInputError(
                f"{services} services within {thresholds} thresholds are no run.",
                remedy=f"Give at least one threshold, and at most {_MOST} pairs.",
                field="metres",
            )
        WalkOptions(group=self.speed)

    def as_arguments(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        as_of = None if self.as_of is None else self.as_of.isoformat()
        return {**asdict(self), "as_of": as_of}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "RunOrder":
        """Return the order of :meth:`as_arguments`, also as another version wrote it.

        What it does not know is left out, and what is not told is as usual.
        """
        told = {name: arguments[name] for name in cls.__dataclass_fields__ if name in arguments}
        told["as_of"] = date.fromisoformat(told["as_of"]) if told.get("as_of") else None
        for name in {"services", "metres", "minutes"} & set(told):
            told[name] = tuple(told[name])
        return cls(**told)


@dataclass(frozen=True, eq=False)
class RunGround:
    """All that a run is measured on, read at one moment.

    Parameters
    ----------
    order
        What is measured; day, services and method are settled.
    day
        The day.
    places
        Buildings, stations, communities; on the network if the method is walking.
    buildings
        The buildings with ``grid_id``, by the plan in effect on the day.
    parted
        The same, with a row for each part of a building that the plan splits by its units, on the
        same label of the index: the people of the part, in its grid.
    areas
        What indicators are given for.
    units, posts
        Frames of these contracts.
    data_version
        Fingerprint of the data.
    """

    order: RunOrder
    day: date
    places: "Places"
    buildings: "gpd.GeoDataFrame"
    parted: "pd.DataFrame"
    areas: Areas
    units: "pd.DataFrame"
    posts: "pd.DataFrame"
    data_version: str

    @property
    def method(self) -> Method:
        """How reach is measured."""
        if self.order.method is not None:
            return self.order.method
        return "walking" if isinstance(self.places, WalkingGround) else "straight_line"

    @property
    def network_id(self) -> str | None:
        """Key of the stored network."""
        return None if self._walked is None else self._walked.network_id

    @property
    def network(self) -> str | None:
        """Version of the network."""
        return None if self._walked is None else self._walked.data_version

    @property
    def _walked(self) -> WalkingGround | None:
        if self.method == "walking" and isinstance(self.places, WalkingGround):
            return self.places
        return None

    @cached_property
    def options(self) -> WalkOptions:
        """Thresholds and speed."""
        return WalkOptions(self.order.metres, self.order.minutes, self.order.speed)


def read_run_ground(
    session: "Session",
    scope: "Scope",
    order: RunOrder,
    *,
    places: "Places | None" = None,
    keep: bool = False,
    progress: Callable[[str], object] | None = None,
) -> RunGround:
    """Return what a run is measured on; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    order
        What is to be measured.
    places
        Read already; by default they are read now.
    keep
        Store a walking network that is not stored yet.
    progress
        Told the steps as they begin.

    Raises
    ------
    gis.errors.InvalidInputError
        There are no communities, or no roads to walk along.
    """
    day = order.as_of or local_day(datetime.now(UTC), order.timezone)
    if places is None:
        places = _read_places(session, scope, order, keep=keep, progress=progress)
    grids, own = _grids(session, scope, places, day)
    return RunGround(
        order=order,
        day=day,
        places=places,
        buildings=places.buildings.assign(grid_id=None if own is None else own.of.astype(object)),
        parted=_parted(places, own),
        areas=Areas(grids, tuple(places.communities["id"]), _whole(session, scope)),
        units=read_layer(session, scope, BuildingUnit, frames.UNITS),
        posts=read_layer(session, scope, Post, frames.POSTS),
        data_version=fingerprint(session, scope),
    )


def _read_places(
    session: "Session",
    scope: "Scope",
    order: RunOrder,
    *,
    keep: bool,
    progress: Callable[[str], object] | None,
) -> "Places":
    on_foot = order.method == "walking" or (
        order.method is None and there_are(session, scope, Road)
    )
    if on_foot:
        return read_walking_ground(session, scope, keep=keep, progress=progress)
    return read_places(session, scope)


def fingerprint(session: "Session", scope: "Scope") -> str:
    """Return a short text that changes with the data that runs are measured on."""
    version = data_version(session, scope)
    return hashlib.blake2b(version.encode(), digest_size=16).hexdigest()


def _grids(
    session: "Session", scope: "Scope", places: "Places", day: date
) -> "tuple[dict[str, str], Divided | None]":
    """Return the community of each grid, and which buildings lie in which; None: no plan."""
    with suppress(InvalidInputError):  # no plan is in effect
        found = read_areas(session, scope, places, "grid", day)
        return dict(zip(found.table["id"], found.table["community_id"], strict=True)), found
    return {}, None


def _parted(places: "Places", own: "Divided | None") -> "pd.DataFrame":
    columns: pd.DataFrame = places.buildings[["id", "community_id", *PEOPLE]]
    if own is None:
        return columns.assign(grid_id=None)
    return own.people(columns).rename(columns={"area": "grid_id"})


def _whole(session: "Session", scope: "Scope") -> str:
    """Return the key of the division that holds all; one made up where it is not in the store."""
    code = ""
    with suppress(NotFoundError):  # communities of several subdistricts
        code = divisions.scope_code(session, scope)
    return divisions.key_of(session, scope, code) or frames.stable_ids("", "divisions", [code])[0]


def services_of(ground: RunGround) -> tuple[str, ...]:
    """Return the services of a run: those asked for, or any and all on offer, most offered first.

    One that only travels is none to walk to.
    """
    if ground.order.services:
        return tuple(dict.fromkeys(ground.order.services))
    counts = Counter(on_the_spot(ground.places.station_services)["service"])
    order = {service: at for at, service in enumerate(frames.SERVICES)}
    return (ANY, *sorted(counts, key=lambda one: (-counts[one], order[one])))


def covered_name(service: str, threshold: float, unit: str) -> str:
    """Return how a kind of cover stands in the code of an indicator: ``canteen_500_m``."""
    return f"{service}_{threshold:g}_{unit}"


def verdicts_of(ground: RunGround, service: str) -> "pd.DataFrame":
    """Return the verdicts of each building for a service, on the day."""
    wanted = None if service == ANY else service
    places = ground.places
    question = CoverageQuestion(
        wanted,
        ground.order.timezone,
        as_of=ground.day,
        method=ground.method,
        options=ground.options,
    )
    mask = serving_on(places.stations, places.station_services, wanted, ground.day)
    return judged(places, mask, question)


def people_of(ground: RunGround, service: str) -> list[Tally]:
    """Return the tallies of the people who reach a service."""
    found = verdicts_of(ground, service)
    covered = {
        covered_name(service, limit, "m"): found["distance_m"] <= limit
        for limit in ground.options.thresholds_m
    }
    for limit in ground.options.thresholds_min:
        covered[covered_name(service, limit, "min")] = found["minutes"] <= limit
    rows = ground.parted.index
    parted = ground.parted.reset_index(drop=True)
    near = {name: each.loc[rows].reset_index(drop=True) for name, each in covered.items()}
    return people_tallies(parted, near)


def staffing_of(ground: RunGround) -> list[Tally]:
    """Return the tallies of floor area and posts, of those that somebody has told."""
    stations = ground.places.stations
    found = []
    if stations["floor_area_m2"].notna().any():
        found.append(floor_area_tally(ground.buildings, stations, ground.day))
    if len(ground.posts):
        found += post_tallies(
            ground.buildings, ground.units, ground.posts, ground.areas.grids, ground.day
        )
    return found


def measure_run(
    ground: RunGround, progress: Callable[[int, int], object] = lambda _i, _n: None
) -> IndicatorTable:
    """Return the indicators of a run.

    Parameters
    ----------
    ground
        What it is measured on.
    progress
        Told how many of the services are done.
    """
    services = services_of(ground)
    tallies: list[Tally] = []
    for at, service in enumerate(services):
        progress(at, len(services))
        tallies += people_of(ground, service)
    progress(len(services), len(services))
    return indicator_table([*tallies, *staffing_of(ground)], ground.areas)


def keep_run(session: "Session", scope: "Scope", ground: RunGround, found: IndicatorTable) -> str:
    """Store a run with its indicators and return its key; the caller commits."""
    facts = found.table.drop_duplicates("indicator").set_index("indicator")
    told = facts[["unit", "source"]].astype(object)
    told = told.where(told.notna(), None)
    sensitive = {code: tally.sensitive for code, tally in found.tallies.items()}
    run = coverage_runs.NewRun(
        as_of=ground.day,
        data_version=ground.data_version,
        method=ground.method,
        parameters={
            **ground.order.as_arguments(),
            "as_of": ground.day.isoformat(),
            "method": ground.method,
            "services": list(services_of(ground)),
            "network": ground.network,
            "indicators": {
                str(code): {**row, "sensitive": sensitive[str(code)]}
                for code, row in told.to_dict("index").items()
            },
        },
        network_id=ground.network_id,
    )
    return coverage_runs.add(session, scope, run, found.table)


def told_run(ground: RunGround, found: IndicatorTable) -> dict[str, Any]:
    """Return what is said of a run: households are never withheld, nor is staffing.

    ``targets`` are those of the subdistrict's indicators that have one; ``not_told`` names the
    layers without rows that further indicators need.
    """
    table = found.table
    whole = table[(table["area_kind"] == "subdistrict") & table["value"].notna()]
    values = dict(zip(whole["indicator"], whole["value"].astype(float), strict=True))
    aimed = whole[whole["target"].notna()].set_index("indicator")
    return {
        "as_of": ground.day.isoformat(),
        "method": ground.method,
        "network": ground.network,
        "data_version": ground.data_version,
        "services": list(services_of(ground)),
        "indicators": len(found.tallies),
        "values": len(table),
        "subdistrict": {
            code: round(value, 4)
            for code, value in values.items()
            if not found.tallies[code].sensitive
        },
        "targets": {
            str(code): {
                "target": float(row["target"]),
                "gap": round(float(row["gap"]), 4),
                "source": row["source"],
            }
            for code, row in aimed[["target", "gap", "source"]].to_dict("index").items()
        },
        "not_told": [] if len(ground.posts) else ["posts"],
    }
