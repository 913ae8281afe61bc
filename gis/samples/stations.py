"""Stations of the sample: every tier, the hours of real places, planned and closed ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.samples.names import PARTNERS
from gis.samples.shapes import rng_for

if TYPE_CHECKING:
    from gis.samples.ground import Ground, Placed, Row

WINDOWS = "Mo-Fr 08:00-20:00; Sa,Su 09:00-21:00"
OFFICE = "Mo-Fr 08:30-12:00,14:00-17:30"
ALWAYS = "24/7"
MEALS = "Mo-Su 10:45-13:00,16:45-18:30"
SHOP = "Mo-Su 09:30-22:00"
CLINIC = "Mo-Fr 08:00-11:30,14:30-17:30; Sa 08:00-11:30"
AFTER_SCHOOL = "Mo-Fr 16:00-19:00; Sa,Su 09:00-17:30"
EVENING = "Tu,Th,Sa 19:00-21:00"
FAIR = "2026 Sep 25-2026 Oct 08 10:00-20:00"

#: Stations stand where people pass: this share of the way from the homes to the city's middle.
TOWARDS_CITY = 0.3


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a service comes to the household: when, how far, by what, households a period."""

    hours: str
    reach_m: float
    by: str
    capacity: int
    period: str = "day"
    mode: str = "both"


MEAL_ROUNDS = "Mo-Su 10:30-12:30,16:30-18:00"
VISITS = "Mo-Fr 09:00-17:00"
ERRANDS = "Mo-Su 08:30-20:30"


@dataclass(frozen=True, slots=True)
class Offer:
    """A service of a station: its hours (``None``: unknown), people served a day, and who pays."""

    service: str
    opening_hours: str | None
    capacity: int
    fee_class: str = "public"
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of station: its tier, the words of its name, its offers and range of floor area."""

    tier: str
    word: str
    offers: tuple[Offer, ...]
    area_m2: tuple[float, float]


_HUB = Kind(
    "hub",
    "商圈党群服务枢纽",
    (
        Offer("affairs", "Mo-Su 09:00-21:00", 120),
        Offer("rest_stop", SHOP, 80),
        Offer("volunteering", "Mo-Su 10:00-21:30", 60),
        Offer("child_care", "Mo-Fr 16:30-20:30; Sa,Su 10:00-20:30", 40, "low_fee"),
        Offer("employment", "Mo-Fr 09:00-18:00", 30),
    ),
    (1_600, 2_600),
)
_CENTER = Kind(
    "center",
    "街道党群服务中心",
    (
        Offer("affairs", WINDOWS, 260),
        Offer("mediation", "Mo-Fr 09:00-18:00", 12),
        Offer("volunteering", WINDOWS, 80),
        Offer(
            "elderly_care",
            "Mo-Su 08:30-17:30",
            60,
            "low_fee",
            Delivery(VISITS, 1_200, "walking", 60, "week"),
        ),
        Offer("canteen", MEALS, 160, "low_fee", Delivery(MEAL_ROUNDS, 1_500, "riding", 120)),
        Offer("employment", OFFICE, 40),
    ),
    (1_800, 3_200),
)
_COMMUNITY = Kind(
    "community",
    "党群服务站",
    (
        Offer("affairs", WINDOWS, 90),
        Offer("mediation", EVENING, 6),
        Offer("elderly_care", "Mo-Fr 08:30-17:00", 30),
        Offer("child_care", AFTER_SCHOOL, 40, "low_fee"),
        Offer("volunteering", "Mo-Fr 09:00-17:30; Sa 09:00-12:00", 30),
    ),
    (350, 900),
)
_QUARTER = Kind(
    "quarter",
    "红色驿站",
    (Offer("volunteering", EVENING, 15), Offer("property", OFFICE, 20)),
    (40, 120),
)
_STREET = Kind(
    "quarter",
    "街区24小时驿站",
    (
        Offer("rest_stop", ALWAYS, 60),
        Offer(
            "convenience",
            ALWAYS,
            100,
            delivery=Delivery(ERRANDS, 1_500, "riding", 900, "month"),
        ),
    ),
    (60, 110),
)
_POLICE = Kind("quarter", "警务室", (Offer("police", ALWAYS, 40),), (60, 90))
_CLINIC = Kind(
    "partner",
    "社区卫生服务站",
    (Offer("health", CLINIC, 90), Offer("elderly_care", CLINIC, 15)),
    (260, 420),
)
_CANTEEN = Kind(
    "community",
    "长者食堂",
    (Offer("canteen", MEALS, 80, "low_fee", Delivery(MEAL_ROUNDS, 800, "walking", 40)),),
    (90, 180),
)
_PARTNERS = (
    Kind(
        "partner", "", (Offer("canteen", "Mo-Su 10:30-14:00,16:30-20:30", 50, "market"),), (90, 160)
    ),
    Kind("partner", "", (Offer("canteen", "Mo-Su 06:30-14:00", 40, "market"),), (60, 120)),
    Kind(
        "partner",
        "",
        (
            Offer(
                "canteen",
                "Mo-Sa 10:30-13:30",
                120,
                "low_fee",
                Delivery("Mo-Sa 10:30-13:30", 2_500, "riding", 200),
            ),
        ),
        (150, 240),
    ),
    Kind("partner", "", (Offer("rest_stop", "Mo-Su 10:00-23:30", 40),), (40, 70)),
    Kind("partner", "", (Offer("child_care", SHOP, 25, "market"),), (180, 260)),
    Kind("partner", "", (Offer("health", "Mo-Su 08:00-21:30", 60, "market"),), (70, 120)),
)
_FAIR = Kind(
    "partner",
    "便民集市",
    (Offer("convenience", FAIR, 200), Offer("health", FAIR, 60)),
    (300, 300),
)


def station_rows(ground: "Ground") -> tuple[list["Row"], list["Row"]]:
    """Return the rows of stations and of their services.

    One community station is still planned, one is closed, and the hours of one quarter station
    are unknown.
    """
    builder = _Builder(ground)
    builder.centres()
    builder.communities()
    builder.quarters()
    builder.partners()
    return builder.stations, builder.offers


def _delivery(delivery: Delivery | None) -> "Row":
    if delivery is None:
        return {"mode": "on_site"}
    return {
        "mode": delivery.mode,
        "delivery_hours": delivery.hours,
        "delivery_reach_m": delivery.reach_m,
        "delivery_by": delivery.by,
        "delivery_capacity": delivery.capacity,
        "delivery_period": delivery.period,
    }


class _Builder:
    """Places stations into buildings, each building once."""

    def __init__(self, ground: "Ground") -> None:
        self.ground = ground
        self.rng = rng_for(ground.seed, 9)
        self.stations: list[Row] = []
        self.offers: list[Row] = []
        self._taken: set[int] = set()
        self._remote = self._by_remoteness()

    def centres(self) -> None:
        """Add the hub at the mall, the centre of the subdistrict, and round-the-clock posts."""
        mall = self._in_place("mall")
        self._add(_HUB, mall, "星汇")
        shops = self._shops()
        self._add(_CENTER, self._nearest(shops, mall), "明光路")
        busy = [b for b in shops if b.number not in self._taken]
        self._add(_STREET, self._nearest(busy, mall), "星汇")
        self._add(_POLICE, self._nearest(self._shops(), self._in_place("market")), "荻浦")
        fair = self._in_place("park")
        self._add(
            _FAIR, fair, "踏莎公园", temporary=True, opens_on="2026-09-25", closes_on="2026-10-09"
        )

    def communities(self) -> None:
        """Add a station for each community but the two remotest, and canteens for some.

        The remotest waits for its first station; the next one's is closed for good, so that part
        of the ground is really uncovered.
        """
        for k, name in enumerate(self.ground.community_names):
            own = self._shops(k) or [b for b in self.ground.buildings if b.community == k]
            host = self._middle(own, k)
            if k == self._remote[0]:
                self._add(_COMMUNITY, host, name, status="planned", opens_on="2027-03-01")
            elif k == self._remote[1] and len(self._remote) > 2:
                self._add(_COMMUNITY, host, name, status="closed", closes_on="2026-03-01")
            else:
                self._add(_COMMUNITY, host, name)
                if k % 2 == 0 and self._shops(k):
                    self._add(_CANTEEN, self._any(self._shops(k)), name)

    def quarters(self) -> None:
        """Add stations in about a third of the larger quarters; hours of one are unknown."""
        named = {id(q): name for q, name, _ in self.ground.quarters}
        hosts: dict[int, Placed] = {}
        for building in self.ground.buildings:
            if building.quarter is not None and building.households:
                hosts.setdefault(id(building.quarter), building)
        large = [b for b in hosts.values() if b.quarter is not None and b.quarter.doors > 190]
        chosen = [
            b for b in large if b.community not in self._remote[:1] and self.rng.random() < 0.35
        ]
        for k, host in enumerate(chosen or large[:1]):
            self._add(_QUARTER, host, named[id(host.quarter)], unknown_hours=k == 0)

    def partners(self) -> None:
        """Add partner restaurants and shops, and a clinic."""
        self._add(_CLINIC, self._any(self._shops()), "沐阳")
        for kind, name in zip(_PARTNERS, PARTNERS, strict=True):
            free = [b for b in self._shops() if b.community not in self._remote[:1]]
            self._add(kind, self._any(free or self._shops()), name)

    def _add(self, kind: Kind, host: "Placed", name: str, **facts: object) -> None:
        self._taken.add(host.number)
        unknown = bool(facts.pop("unknown_hours", False))
        source_id = f"s{len(self.stations) + 1:03d}"
        self.stations.append(
            {
                "source_id": source_id,
                "community_id": self.ground.community_id(host.community),
                "name": name + kind.word,
                "tier": kind.tier,
                "floor_area_m2": float(round(self.rng.uniform(*kind.area_m2))),
                "address": host.address,
                "geometry": host.door,
                **facts,
            }
        )
        self.offers += [
            {
                "station_id": self.ground.tables.id("stations", source_id),
                "service": offer.service,
                "opening_hours": None if unknown else offer.opening_hours,
                "capacity": offer.capacity,
                "fee_class": offer.fee_class,
                **_delivery(offer.delivery),
            }
            for offer in kind.offers
        ]

    def _shops(self, community: int | None = None) -> list["Placed"]:
        return [
            b
            for b in self.ground.buildings
            if b.footprint.label == "shop"
            and b.number not in self._taken
            and community in (None, b.community)
        ]

    def _in_place(self, kind: str) -> "Placed":
        """Return a building of a place, or else any building without households."""
        there = [b for b in self.ground.buildings if b.quarter is None and b.kind == kind]
        free = [b for b in there or self._shops() if b.number not in self._taken]
        return (free or self.ground.buildings)[0]

    def _nearest(self, candidates: list["Placed"], to: "Placed") -> "Placed":
        return min(candidates, key=lambda b: b.door.distance(to.door))

    def _any(self, candidates: list["Placed"]) -> "Placed":
        return candidates[int(self.rng.integers(len(candidates)))]

    def _middle(self, candidates: list["Placed"], community: int) -> "Placed":
        """Return the candidate nearest to the community's households, on the city's side."""
        homes = [b for b in self.ground.buildings if b.community == community and b.households]
        if not homes:
            return candidates[0]
        weights = np.array([b.households for b in homes])
        points = np.array([[b.door.x, b.door.y] for b in homes])
        city = self.ground.city.layout.region.centroid
        own = np.average(points, axis=0, weights=weights)
        x, y = own + TOWARDS_CITY * (np.array([city.x, city.y]) - own)
        return min(candidates, key=lambda b: (b.door.x - x) ** 2 + (b.door.y - y) ** 2)

    def _by_remoteness(self) -> list[int]:
        """Return the communities, the farthest from the middle of the city first."""
        middle = self.ground.city.layout.region.centroid
        far = [shape.centroid.distance(middle) for shape in self.ground.community_shapes]
        return [int(k) for k in np.argsort(-np.array(far), kind="stable")]
