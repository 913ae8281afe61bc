"""What a planner asks of siting: a service, how many stations, where they may stand, for whom."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any, Literal, Self, get_args

from gis.coverage.profiles import PARTS
from gis.coverage.shares import PEOPLE
from gis.coverage.siting import OBJECTIVES, SitingOptions
from gis.errors import InvalidInputError
from gis.frames.stations import SERVICES
from gis.hours import parse_hours
from gis.network import SPEEDS

CandidateSource = Literal["vacant", "non_residential", "buildings", "pois", "given"]
SOURCES: tuple[CandidateSource, ...] = get_args(CandidateSource)
#: Groups whose people may weigh more.
GROUPS = ("elderly", "children", "low_income")
CAPACITATED = ("capacitated_p_median", "capacitated_mclp")
#: Farthest metres of a walk that are reckoned with where no radius says it.
LIMIT_M = 3000.0
MOST_CANDIDATES = 500
#: Candidates beyond which an order is refused: the table of walks grows with them.
CANDIDATES_LIMIT = 5000
_PART_NAMES = tuple(part.name for part in PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPlace:
    """A place where a station may stand, named by the planner.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4326; or
    id
        Key of a building or a point of interest.
    name
        As the planner calls it.
    cost, floor_m2, capacity
        Of this place; what is left out is as the order or the building has it.
    """

    lon: float | None = None
    lat: float | None = None
    id: str | None = None
    name: str | None = None
    cost: float | None = None
    floor_m2: float | None = None
    capacity: int | None = None

    def __post_init__(self) -> None:
        """Refuse a place that is none."""
        if (self.id is None) == (self.lon is None or self.lat is None):
            raise InvalidInputError(
                "A place is given by lon and lat, or by the id of a building or POI.",
                remedy="Give one of the two.",
                field="places",
            )

    @property
    def key(self) -> str:
        """How the place is named in an answer, and in ``fixed`` and ``forbidden``."""
        return self.id or f"{self.lon:.6f},{self.lat:.6f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitingOrder:
    """What is asked.

    Parameters
    ----------
    service
        Code of the service of the new stations.
    objective
        Of :data:`gis.coverage.siting.OBJECTIVES`.
    count, budget
        New stations, and what they cost together, at most.
    candidates
        Where they may stand: ``vacant`` (buildings where nobody lives), ``non_residential``
        (buildings of another use), ``buildings`` (all), ``pois``, or ``given`` ``places``.
    poi_categories
        Of ``pois``: only these; empty: all.
    places
        Of ``given``.
    most_candidates
        More are thinned out, evenly over the ground.
    fixed, forbidden
        Keys of candidates that must be among the new stations, and of those that must not.
    community
        Code of the community whose people and candidates alone count; ``None``: everywhere.
    radius_m, radius_min, group
        Metres of the walk, or instead minutes at the speed of a group, within which people are
        covered.
    limit_m
        Metres of the walk beyond which a station is none, for objectives without a radius.
    people
        Who is counted, of :data:`gis.coverage.shares.PEOPLE`.
    equity
        What a person of a group of :data:`GROUPS` weighs; everyone else weighs 1.
    site_cost, capacity, floor_m2
        Of each new station, unless its place says otherwise; the floor of a building is its
        footprint times its storeys.
    existing_capacity
        People whom a station serves that states no capacity of its own.
    least_floor_m2, total_floor_m2, spacing_m
        Floor of each and of all, and the straight distance between any two, at least.
    as_of
        Day as of which existing stations count.
    timezone
        IANA name of the zone of the place.
    monday, parts, opening_hours
        First day of a week over whose hours people are covered; the parts of it that count, of
        :data:`gis.coverage.profiles.PARTS`; and the hours of the new stations. ``None``: hours
        are left out.
    mix
        Weights of the objective ``mix``.
    seconds, seed
        Time limit, and the seed of everything that is random.
    suppress_below
        Counts of people from 1 to this less one are withheld from the answer.

    Raises
    ------
    gis.errors.InvalidInputError
        It cannot be asked so.
    """

    service: str
    as_of: date
    timezone: str
    objective: str = "mclp"
    count: int | None = None
    budget: float | None = None
    candidates: str = "buildings"
    poi_categories: tuple[str, ...] = ()
    places: tuple[GivenPlace, ...] = ()
    most_candidates: int = MOST_CANDIDATES
    fixed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    community: str | None = None
    radius_m: float | None = 500.0
    radius_min: float | None = None
    group: str = "adult"
    limit_m: float = LIMIT_M
    people: str = "residents"
    equity: Mapping[str, float] = field(default_factory=dict)
    site_cost: float | None = None
    capacity: int | None = None
    floor_m2: float | None = None
    existing_capacity: int | None = None
    least_floor_m2: float = 0.0
    total_floor_m2: float = 0.0
    spacing_m: float = 0.0
    monday: date | None = None
    parts: tuple[str, ...] = _PART_NAMES
    opening_hours: str | None = None
    mix: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = 60.0
    seed: int = 0
    suppress_below: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be asked, before anything is read for it."""
        _one_of("service", self.service, SERVICES)
        _one_of("objective", self.objective, OBJECTIVES)
        _one_of("candidates", self.candidates, SOURCES)
        _one_of("group", self.group, tuple(SPEEDS))
        _one_of("people", self.people, PEOPLE)
        for part in self.parts:
            _one_of("parts", part, _PART_NAMES)
        for group in self.equity:
            _one_of("equity", group, GROUPS)
        self._check_reach()
        self._check_numbers()
        self._check_sites()
        self._check_week()

    @property
    def speed_m_s(self) -> float:
        """Metres per second of the group."""
        return SPEEDS[self.group]

    @property
    def unit(self) -> Literal["m", "min"]:
        """What walks are measured in."""
        return "m" if self.radius_min is None else "min"

    @property
    def radius(self) -> float:
        """In that unit."""
        radius = self.radius_m if self.radius_min is None else self.radius_min
        assert radius is not None
        return radius

    def as_arguments(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        told = asdict(self) | {"equity": dict(self.equity), "mix": dict(self.mix)}
        for name in ("as_of", "monday"):
            told[name] = None if told[name] is None else told[name].isoformat()
        return {key: list(v) if isinstance(v, tuple) else v for key, v in told.items()}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Self:
        """Return the order of :meth:`as_arguments`."""
        given = {one.name: arguments[one.name] for one in fields(cls) if one.name in arguments}
        for name in ("as_of", "monday"):
            if given.get(name) is not None:
                given[name] = date.fromisoformat(given[name])
        for name in ("poi_categories", "fixed", "forbidden", "parts"):
            if name in given:
                given[name] = tuple(given[name])
        given["places"] = tuple(GivenPlace(**one) for one in given.get("places", ()))
        return cls(**given)

    def _check_reach(self) -> None:
        if (self.radius_m is None) == (self.radius_min is None):
            raise InvalidInputError(
                "Reach is metres or minutes, one of the two.",
                remedy="Give radius_m or radius_min.",
                field="radius_m",
            )
        _positive(radius_m=self.radius_m, radius_min=self.radius_min, limit_m=self.limit_m)
        if self.equity and self.people != "residents":
            raise InvalidInputError(
                f"Groups weigh more among residents, not among {self.people}.",
                remedy="Count residents, or leave the weights out.",
                field="equity",
            )

    def _check_numbers(self) -> None:
        _positive(seconds=self.seconds, budget=self.budget, count=self.count)
        if self.capacity == 0:
            raise InvalidInputError(
                "The new stations have capacity 0: nobody can be served.",
                remedy="Give the people that each new station can serve.",
                field="capacity",
            )
        if self.objective in CAPACITATED and self.capacity is None:
            raise InvalidInputError(
                f"{self.objective} needs the people that a new station can serve.",
                remedy="Give capacity.",
                field="capacity",
            )
        if self.objective != "lscp" and self.count is None and self.budget is None:
            raise InvalidInputError(
                f"{self.objective} needs a number of new stations or a budget.",
                remedy="Give count or budget.",
                field="count",
            )
        if self.objective == "mix":
            SitingOptions(objective="mix", radius=self.radius, mix=self.mix)  # weighs something
        if self.budget is not None and self.site_cost is None and not self._all_priced:
            raise InvalidInputError(
                "There is a budget, but what a station costs is not said.",
                remedy="Give site_cost, or a cost for each place.",
                field="site_cost",
            )

    @property
    def _all_priced(self) -> bool:
        return bool(self.places) and all(place.cost is not None for place in self.places)

    def _check_sites(self) -> None:
        if (self.candidates == "given") != bool(self.places):
            raise InvalidInputError(
                "There are no candidates to choose from: no place is given."
                if self.candidates == "given"
                else "Places are given, but the candidates are others.",
                remedy="Give places with candidates 'given', or leave both out.",
                field="places",
            )
        both = sorted(set(self.fixed) & set(self.forbidden))
        if both:
            raise InvalidInputError(
                f"{both[0]} must be a station, and must not.",
                remedy="Name it once: fixed or forbidden.",
                field="fixed",
            )
        if self.count is not None and len(set(self.fixed)) > self.count:
            raise InvalidInputError(
                f"{len(set(self.fixed))} places must be stations, but {self.count} are asked for.",
                remedy="Ask for as many as are fixed at least.",
                field="fixed",
            )
        if not 1 <= self.most_candidates <= CANDIDATES_LIMIT:
            raise InvalidInputError(
                f"{self.most_candidates} candidates cannot be weighed.",
                remedy=f"Keep 1 to {CANDIDATES_LIMIT}.",
                field="most_candidates",
            )

    def _check_week(self) -> None:
        if self.opening_hours is not None:
            parse_hours(self.opening_hours, self.timezone)
        if self.monday is None:
            return
        if self.monday.weekday() != 0:
            raise InvalidInputError(
                f"The week cannot begin on {self.monday}, a {self.monday:%A}.",
                remedy="Give a Monday.",
                field="monday",
            )
        if self.opening_hours is None or not self.parts:
            raise InvalidInputError(
                "Over a week it matters when the new stations are open, and which hours count.",
                remedy="Give opening_hours of the new stations, and at least one of parts.",
                field="opening_hours",
            )
        if self.objective in CAPACITATED:
            raise InvalidInputError(
                f"{self.objective} is asked for one period, not for the hours of a week.",
                remedy="Leave monday out, or take mclp or p_median.",
                field="monday",
            )


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidInputError(
            f"{name} {value!r} is not known.",
            remedy=f"Use one of {', '.join(choices)}.",
            field=name,
        )


def _positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not 0 < value < float("inf"):
            raise InvalidInputError(
                f"{name} is {value:g}.", remedy="Give a number above 0.", field=name
            )
